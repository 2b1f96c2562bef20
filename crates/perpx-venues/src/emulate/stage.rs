//! What the servers of one program share: its end, its clock, what goes wrong, how they are spoken to.

use super::faults::FaultPlan;
use super::tls::Tls;
use crate::venue::Venue;
use crate::wall::{Clock, MarketClock};
use perpx_core::units::Time;
use serde_json::{Value, json};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

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
    /// By venue: its hosts, by name and port.
    served: Mutex<Vec<(Venue, Vec<(&'static str, u16)>)>>,
}

impl Stage {
    /// Nothing goes wrong, in plain text.
    pub fn new(stop: Arc<AtomicBool>, clock: Arc<dyn Clock>) -> Stage {
        let begin = clock.now();
        Stage { stop, clock, faults: FaultPlan::default(), begin, tls: None, served: Mutex::default() }
    }

    pub(super) fn serves(&self, venue: Venue, hosts: Vec<(&'static str, u16)>) {
        self.served.lock().unwrap_or_else(PoisonError::into_inner).push((venue, hosts));
    }

    pub(super) fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    /// What `GET /emulator` says, at a venue whose market goes by `market`.
    pub(super) fn about(&self, market: &MarketClock) -> Value {
        let now = self.clock.now();
        let served = self.served.lock().unwrap_or_else(PoisonError::into_inner);
        let venue = |(venue, hosts): &(Venue, Vec<(&'static str, u16)>)| {
            let hosts: serde_json::Map<String, Value> =
                hosts.iter().map(|(name, port)| ((*name).to_owned(), json!(port))).collect();
            json!({ "venue": venue.name(), "ports": hosts })
        };
        json!({
            "wall_ns": now.0, "market_ns": market.market(now).0, "speed": market.speed, "tls": self.tls.is_some(),
            "faults_from_ns": self.begin.0, "venues": served.iter().map(venue).collect::<Vec<_>>(),
        })
    }
}
