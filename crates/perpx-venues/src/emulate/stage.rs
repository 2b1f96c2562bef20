//! What the servers of one program share: its end, its clock, what goes wrong, how they are spoken to, what is written down.

use super::EmulateError;
use super::faults::{FaultPlan, Faults};
use super::tls::Tls;
use super::witness::Witness;
use crate::venue::Venue;
use crate::wall::Clock;
use perpx_core::units::Time;
use serde_json::{Value, json};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// A venue, and its hosts by name and port.
type Served = (Venue, Vec<(&'static str, u16)>);

/// Made before the servers, which share it.
pub struct Stage {
    /// Set by whoever wants them to end.
    pub stop: Arc<AtomicBool>,
    /// Of the wall.
    pub clock: Arc<dyn Clock>,
    /// What goes wrong, counted from `begin`.
    pub faults: FaultPlan,
    /// A time of `clock`.
    pub begin: Time,
    /// `None`: in plain text.
    pub tls: Option<Tls>,
    /// What is written down of requests and frames.
    pub witness: Option<Witness>,
    /// Servers that have not ended.
    left: AtomicUsize,
    served: Mutex<Vec<Served>>,
    /// Of each server.
    suffered: Mutex<Vec<Arc<Faults>>>,
}

impl Stage {
    /// Nothing goes wrong, nothing is written down, in plain text.
    pub fn new(stop: Arc<AtomicBool>, clock: Arc<dyn Clock>) -> Stage {
        let begin = clock.now();
        let (left, served, suffered) = (AtomicUsize::new(0), Mutex::default(), Mutex::default());
        Stage { stop, clock, faults: FaultPlan::default(), begin, tls: None, witness: None, left, served, suffered }
    }

    pub(super) fn serves(&self, venue: Venue, hosts: Vec<(&'static str, u16)>, faults: Arc<Faults>) {
        self.suffered.lock().unwrap_or_else(PoisonError::into_inner).push(faults);
        self.left.fetch_add(1, Ordering::Relaxed);
        self.served.lock().unwrap_or_else(PoisonError::into_inner).push((venue, hosts));
    }

    /// More goes wrong from now on.
    pub(super) fn add_faults(&self, plan: &FaultPlan) {
        let now = self.clock.now();
        let suffered = self.suffered.lock().unwrap_or_else(PoisonError::into_inner);
        suffered.iter().for_each(|faults| faults.add(plan, now));
    }

    /// A server has ended; with the last one the witness does.
    pub(super) fn ends(&self) -> Result<(), EmulateError> {
        match &self.witness {
            Some(witness) if self.left.fetch_sub(1, Ordering::Relaxed) == 1 => witness.end(),
            _ => Ok(()),
        }
    }

    pub(super) fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    /// What `GET /emulator` says at `now`, when it is `market` at the venue's market.
    pub(super) fn about(&self, now: Time, market: Time, speed: f64) -> Value {
        let served = self.served.lock().unwrap_or_else(PoisonError::into_inner);
        let venue = |(venue, hosts): &Served| {
            let hosts: serde_json::Map<String, Value> =
                hosts.iter().map(|(name, port)| ((*name).to_owned(), json!(port))).collect();
            json!({ "venue": venue.name(), "ports": hosts })
        };
        json!({
            "wall_ns": now.0, "market_ns": market.0, "speed": speed, "tls": self.tls.is_some(),
            "faults_from_ns": self.begin.0, "venues": served.iter().map(venue).collect::<Vec<_>>(),
        })
    }
}
