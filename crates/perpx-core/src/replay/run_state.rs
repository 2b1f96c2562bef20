//! The state of one run: a trader, the two venues as they are, what is believed of them, and the run's statistics.

use super::extreme::Kept;
use super::simulated::Simulated;
use super::venue_port::{Remote, VenuePort};
use super::{Driver, Index, Job, LedgerChain, LedgerHash, Pass, RowsSeen};
use crate::ledger::Belief;
use crate::market::{Event, OrderId};
use crate::port::{Breach, Trader};
use crate::signals::TileSignals;
use crate::sim::SimVenue;
use crate::stats::Recorder;
use crate::stats::{AtomPlan, Atoms, Equity};
use crate::stats::{Metrics, Outcome, Tally};
use crate::tape::Tile;
use crate::units::Time;
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;

/// Carried from tile to tile, checkpointed whole. What it does depends on its job and the tape alone, never on the driver
/// or on where the tape is cut.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(bound(serialize = "P: Serialize", deserialize = "P: Deserialize<'de>"))]
pub struct RunState<T: Trader, P: VenuePort = Simulated> {
    pub(super) trader: T,
    pub(super) venues: P,
    pub(super) belief: Belief,
    pub(super) equity: Equity,
    /// The returns by atom, where the run is a row of a trial matrix.
    pub(super) atoms: Option<Box<Atoms>>,
    pub(super) tally: Tally,
    pub(super) chain: LedgerChain,
    /// Before the first number of an order after nothing was under way.
    pub(super) since: OrderId,
    /// Nothing is under way.
    pub(super) is_resting: bool,
    /// The newest moment.
    pub(super) now: Time,
    /// By role: the newest decision time of a command and how many were sent at it.
    pub(super) sent: [(Time, u32); 2],
    pub(super) kept: Option<Kept>,
    /// The breach as of the last judged tick.
    pub(super) breach: Option<Breach>,
    /// The first tick at or after this time is a wake: a breach began or ended.
    pub(super) wake_tick: Option<Time>,
    /// Transfers between the venues that are under way, by time.
    pub(super) transfers: VecDeque<Event>,
    /// No transfer begins before this.
    pub(super) transfer_after: Time,
    /// Calls of `step`; not a metric, because it tells the drivers apart.
    pub(super) steps: u64,
}

/// What a run comes to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunResult {
    /// In the order of [`crate::stats::metric_table`].
    pub metrics: Metrics,
    /// Of all ledger entries and transitions.
    pub hash: LedgerHash,
    /// When the drawdown limit ended the run's trading.
    pub halted_at: Option<Time>,
    /// Calls of `step`.
    pub steps: u64,
    /// Requests that reached a venue in its past: a fault of the driver, always zero.
    pub late_arrivals: u32,
    /// What the trader believed at the end is what the venues hold.
    pub books_agree: bool,
}

impl<T: Trader> RunState<T> {
    /// A run at simulated venues that has seen nothing: the trader in its first state, both accounts as the job begins
    /// them.
    pub fn new(trader: T, job: &Job<'_, T>) -> RunState<T> {
        RunState::at(Simulated::of(job), trader, job)
    }

    /// The end of the data: everything is cancelled and closed by the venues' rule at `job.to`, booked without another
    /// call of the trader. `tile` is the last one that was run.
    pub fn finish<R: Recorder>(
        &mut self,
        job: &Job<'_, T>,
        tile: &Tile,
        signals: &TileSignals,
        rec: &mut R,
    ) -> RunResult {
        Pass::new(self, job, (tile, signals, None), rec, RowsSeen::Needed).finish();
        let outcome = Outcome {
            from: job.from,
            to: job.to,
            stats_interval: job.stats_interval,
            belief: &self.belief,
            equity: &self.equity,
            tally: &self.tally,
            sims: [self.venues.0[0].stats(), self.venues.0[1].stats()],
            counters: self.trader.counters(),
        };
        RunResult {
            metrics: Metrics::of(&outcome),
            hash: self.chain.hash(),
            halted_at: self.equity.halted_at,
            steps: self.steps,
            late_arrivals: self.sims().iter().map(|sim| sim.stats().late_arrivals).sum(),
            books_agree: self.sims().iter().zip(&self.belief.books).all(|(sim, book)| sim.truth() == book),
        }
    }

    /// Keeps the returns by atom, as a row of a trial matrix: for a run that has not begun.
    pub fn keep_atoms(&mut self, plan: AtomPlan) {
        self.atoms = Some(Box::new(Atoms::new(plan)));
    }

    /// The returns by atom, where they are kept.
    pub fn atoms(&self) -> Option<&Atoms> {
        self.atoms.as_deref()
    }

    /// The simulated venues, by role.
    pub fn sims(&self) -> &[SimVenue; 2] {
        &self.venues.0
    }
}

impl<T: Trader> RunState<T, Remote> {
    /// A run at venues outside of this program.
    pub fn remote(trader: T, job: &Job<'_, T>) -> RunState<T, Remote> {
        RunState::at(Remote::default(), trader, job)
    }

    /// The newest moment that the trader was called at, or saw go by.
    pub fn now(&self) -> Time {
        self.now
    }
}

impl<T: Trader, P: VenuePort> RunState<T, P> {
    /// A run at these venues that has seen nothing.
    pub fn at(venues: P, trader: T, job: &Job<'_, T>) -> RunState<T, P> {
        RunState {
            trader,
            venues,
            belief: job.belief(),
            equity: Equity::new(job.from, job.initial(), job.stats_interval),
            atoms: None,
            tally: Tally::new(job.from, T::STATES.len(), T::REASONS.len()),
            chain: LedgerChain::default(),
            since: OrderId(0),
            is_resting: true,
            now: job.from,
            sent: [(Time::MIN, 0); 2],
            kept: None,
            breach: None,
            wake_tick: None,
            transfers: VecDeque::new(),
            transfer_after: Time::MIN,
            steps: 0,
        }
    }

    /// The part of `[job.from, job.to)` that lies in the tile. Tiles come in order, without gaps; a tile without any such
    /// part is skipped.
    pub fn run_tile<D: Driver<P>, R: Recorder>(
        &mut self,
        driver: &mut D,
        job: &Job<'_, T>,
        tile: &Tile,
        signals: &TileSignals,
        rec: &mut R,
    ) {
        self.run_indexed(driver, job, (tile, signals, None), rec);
    }

    /// As [`RunState::run_tile`], with an index of the tile for drivers that ask one.
    pub fn run_indexed<D: Driver<P>, R: Recorder>(
        &mut self,
        driver: &mut D,
        job: &Job<'_, T>,
        (tile, signals, index): (&Tile, &TileSignals, Option<&Index>),
        rec: &mut R,
    ) {
        if tile.end <= job.from || tile.start >= job.to {
            return;
        }
        let mut pass = Pass::new(self, job, (tile, signals, index), rec, driver.rows_seen());
        pass.begin();
        driver.run(&mut pass);
        pass.end();
    }

    /// The same run, from here on at other venues.
    pub fn moved_to<Q: VenuePort>(self, venues: Q) -> RunState<T, Q> {
        RunState {
            trader: self.trader,
            venues,
            belief: self.belief,
            equity: self.equity,
            atoms: self.atoms,
            tally: self.tally,
            chain: self.chain,
            since: self.since,
            is_resting: self.is_resting,
            now: self.now,
            sent: self.sent,
            kept: self.kept,
            breach: self.breach,
            wake_tick: self.wake_tick,
            transfers: self.transfers,
            transfer_after: self.transfer_after,
            steps: self.steps,
        }
    }

    /// The run goes on at `at` after nobody was there: see [`Trader::resume`].
    pub fn resume(&mut self, at: Time, forgotten: u32) {
        self.trader.resume(at, forgotten);
    }

    /// What the run says to its venues and hears of them.
    pub fn venues(&self) -> &P {
        &self.venues
    }

    /// As [`RunState::venues`], to say and to hear.
    pub fn venues_mut(&mut self) -> &mut P {
        &mut self.venues
    }

    /// The trader as it stands.
    pub fn trader(&self) -> &T {
        &self.trader
    }

    /// What the trader knows of both accounts.
    pub fn belief(&self) -> &Belief {
        &self.belief
    }

    /// The samples of equity, and what they have breached.
    pub fn equity(&self) -> &Equity {
        &self.equity
    }

    /// The running counts.
    pub fn tally(&self) -> &Tally {
        &self.tally
    }

    /// Of all ledger entries and transitions so far.
    pub fn hash(&self) -> LedgerHash {
        self.chain.hash()
    }
}
