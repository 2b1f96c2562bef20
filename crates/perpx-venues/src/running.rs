//! Venues played in threads of this program, for one that trades there over sockets.

use crate::emulate::EmulateError;
use crate::emulate::account::Account;
use crate::emulate::faults::FaultPlan;
use crate::emulate::feed::Feed;
use crate::emulate::serve::{Emulated, Server};
use crate::emulate::venue_core::VenueCore;
use crate::grvt::emulator::{self as grvt, GrvtEmulator};
use crate::grvt::sign::Address;
use crate::lighter::emulator::{self as lighter, LighterEmulator, Settings};
use crate::lighter::sign::PublicKey;
use crate::secret::Hidden;
use crate::wall::MarketClock;
use perpx_core::config::VenueWorld;
use perpx_core::units::{Cash, DAY_NS, Rate, Time};
use perpx_data::loader::TapeSpec;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

/// How far through the mark Lighter lets a price be.
const PRICE_BAND: Rate = Rate(50_000_000_000);

/// A market and an account in it.
pub struct EmulatorConfig {
    pub world: VenueWorld,
    pub cash: Cash,
    /// The market's rows: a stretch of a store, and which of its two venues.
    pub tape: TapeSpec,
    pub venue: usize,
    pub seed: u64,
    /// The market begins at the clock's beginning.
    pub clock: MarketClock,
}

impl EmulatorConfig {
    fn core(self, initial: Rate) -> Result<VenueCore, EmulateError> {
        let feed = Feed::tape(self.tape, self.venue)?.at(self.clock.market)?;
        let account = Account::new(self.cash, initial, self.world.instrument.money_grid);
        Ok(VenueCore::new(self.world, feed, account, self.seed, self.clock.market))
    }

    /// Lighter, with one API key.
    pub fn lighter(
        self,
        account: i64,
        (index, key): (i64, PublicKey),
        chain_id: u32,
    ) -> Result<LighterEmulator, EmulateError> {
        let MarketClock { wall, speed, .. } = self.clock;
        let settings = Settings {
            account_index: account,
            keys: [(index, key)].into(),
            chain_id,
            tier: "premium".to_owned(),
            sends_per_minute: u32::MAX / 2,
            weight_per_minute: i64::MAX / 2,
            quota: None,
            price_band: PRICE_BAND,
            speed,
            frame_ns: None,
        };
        Ok(LighterEmulator::new(self.core(lighter::INITIAL)?, settings, wall))
    }

    /// GRVT, with one API key and one signer.
    pub fn grvt(
        self,
        sub_account: u64,
        (api_key, signer): (Hidden, Address),
        chain_id: u64,
    ) -> Result<GrvtEmulator, EmulateError> {
        let MarketClock { wall, speed, .. } = self.clock;
        let settings = grvt::Settings {
            sub_account,
            api_key,
            signer,
            chain_id,
            session_ns: DAY_NS,
            calls_per_second: i64::MAX / 2,
            most_open_orders: 100,
            interval_hours: 8,
            speed,
            frame_ns: None,
        };
        Ok(GrvtEmulator::new(self.core(grvt::INITIAL)?, settings, wall))
    }
}

/// Servers that run until they are ended.
pub struct RunningVenues {
    faults: FaultPlan,
    wall: Time,
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<Result<(), EmulateError>>>,
}

impl RunningVenues {
    /// The times of `faults` count from `wall`.
    pub fn new(faults: FaultPlan, wall: Time) -> RunningVenues {
        RunningVenues { faults, wall, stop: Arc::default(), threads: Vec::new() }
    }

    /// Starts `venue` on free ports of the loopback; the port of each host.
    pub fn start(&mut self, venue: impl Emulated + 'static) -> Result<Vec<u16>, EmulateError> {
        let server = Server::faulty(0, venue, self.stop.clone(), (&self.faults, self.wall))?;
        let ports = server.ports();
        self.threads.push(std::thread::spawn(move || server.run()));
        Ok(ports)
    }

    /// Ends all; what ended one before.
    pub fn end(self) -> Result<(), EmulateError> {
        self.stop.store(true, Ordering::Relaxed);
        for thread in self.threads {
            thread.join().unwrap_or(Ok(()))?;
        }
        Ok(())
    }
}
