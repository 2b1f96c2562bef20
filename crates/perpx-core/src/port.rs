//! What a driver moves: the trait that replay, live and tests drive alike, and the view it is given.

use crate::ledger::{Belief, Line};
use crate::market::{Bbo, Command, Event, Role};
use crate::signals::TileSignals;
use crate::tape::Local;
use crate::units::{Price, Rate, Time, TimeDelta};
use crate::watch::{EvalCtx, TrailingExtreme, Watches};
use serde::{Serialize, de::DeserializeOwned};

/// Why `step` is called.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Moment {
    /// A venue's answer reached us; `Belief` has booked it.
    Answer(Event),
    /// The local timeline has a new row: `view.row`.
    Tick,
    /// The trader's earliest timer is due.
    Timer,
}

/// Read-only at a moment. At calls other than ticks the values of the last tick hold, ages excepted.
#[derive(Clone, Copy)]
pub struct View<'a> {
    /// The call's own time.
    pub now: Time,
    /// The last tick at or before `now`.
    pub row: usize,
    /// What has been received, a row a tick.
    pub local: &'a Local,
    /// Values of signals, in rows and bars of `local`.
    pub signals: &'a TileSignals,
    /// Both accounts, as far as events that reached us say.
    pub belief: &'a Belief,
    /// The extreme asked for by [`Trader::extreme`], this row included.
    pub best: Option<TrailingExtreme>,
    /// A limit that an equity sample breached and that still holds.
    pub breach: Option<Breach>,
    /// What the trader may do at all.
    pub mandate: Mandate,
}

/// What a trader may do, as whoever runs it says: an input like a row. In a replay of data it may do everything. While it may not,
/// it is called at every tick, whatever its watches say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, serde::Deserialize)]
pub struct Mandate {
    /// Commands of class `Open` may be made.
    pub may_open: bool,
    /// Commands of class `Cover` may be made.
    pub may_cover: bool,
    /// A leg of a locked position may be let go. Where the venue of the other one cannot be reached, or takes no order that closes it, both
    /// stay: the position is neutral.
    pub may_unlock: bool,
    /// By role: the leg is to be closed by urgent orders, whatever the state means to hold. Both legs of a locked position go
    /// together, when both venues are fresh and `may_unlock` is set; one that is named alone goes at once.
    pub closes: [bool; 2],
}

impl Mandate {
    /// Everything.
    pub const FULL: Mandate = Mandate { may_open: true, may_cover: true, may_unlock: true, closes: [false; 2] };
}

impl Default for Mandate {
    fn default() -> Mandate {
        Mandate::FULL
    }
}

/// Which limit on equity was broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, serde::Deserialize)]
pub enum Breach {
    /// Final.
    Drawdown,
    /// Until 00:00 UTC.
    DailyLoss,
}

impl<'a> View<'a> {
    /// Best prices of a venue at the last tick, as received.
    #[inline]
    pub fn bbo(&self, role: Role) -> Bbo {
        self.local.bbo(self.row, role)
    }

    /// Time of the last tick.
    #[inline]
    pub fn tick_time(&self) -> Time {
        Time(self.local.time[self.row])
    }

    /// Age of a venue at the call.
    #[inline]
    pub fn age(&self, role: Role) -> TimeDelta {
        TimeDelta(self.now.0 - self.local.seen[role.ix()][self.row])
    }

    /// What watches are judged in.
    #[inline]
    pub fn eval_ctx(&self) -> EvalCtx<'a> {
        EvalCtx { local: self.local, signals: self.signals }
    }
}

/// What a step wants done. Cleared by the driver before each call.
#[derive(Clone, Debug, Default)]
pub struct Actions {
    /// To be sent now, in this order.
    pub commands: Vec<Command>,
    /// At most one a call.
    pub transition: Option<Transition>,
}

/// A change of state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, serde::Deserialize)]
pub struct Transition {
    /// Index into [`Trader::STATES`].
    pub from: u8,
    /// Index into [`Trader::STATES`].
    pub to: u8,
    /// Index into [`Trader::REASONS`].
    pub reason: u8,
    /// Bit i: reason i held too but came later in the order of judgement.
    pub also: u32,
}

/// What the books need to know of a state.
#[derive(Clone, Copy, Debug)]
pub struct StateInfo {
    /// As results write it.
    pub name: &'static str,
    /// The line of quantity without a counterpart in this state: meant (`Price`) or not (`Legging`).
    pub unmatched: Line,
    /// Both legs are open and wait: the value at its start is frozen for "pnl by unlock reason".
    pub locked: bool,
}

/// A running extreme that the trader wants kept: for `Role::Long` the highest bid, for `Role::Short` the lowest ask of
/// that venue, over all ticks after `since`, `start` included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, serde::Deserialize)]
pub struct Extreme {
    /// Whose best price is followed.
    pub role: Role,
    /// Ticks after this time count, on the decision clock.
    pub since: Time,
    /// What it begins from, quote money per coin.
    pub start: Price,
}

/// Limits on equity, fractions of initial capital, judged by the equity samples.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// Fall from the highest equity so far; final.
    pub drawdown: Option<Rate>,
    /// Fall from the equity at 00:00 UTC; until the next midnight.
    pub daily_loss: Option<Rate>,
}

/// A strategy with its execution and risk: what every driver moves. State is `self`; what never changes during a run
/// (parameters bound to a feed's signals) is the `Plan`, shared by reference.
///
/// The wake contract: `step` judges every condition itself; at a tick where no rule of `watches` fires and nothing is due
/// it changes nothing and sends nothing; `watches` is a pure function of the state.
pub trait Trader: Clone + Send + Serialize + DeserializeOwned {
    /// What never changes during a run.
    type Plan: Sync;
    /// State 0 is idle: no position, no order.
    const STATES: &'static [StateInfo];
    /// Names of what a transition may be for, by number.
    const REASONS: &'static [&'static str];
    /// Names of what is counted.
    const COUNTERS: &'static [&'static str];
    /// A sentence for each state, reason and counter, for the columns that results make of them.
    const STATE_DOCS: &'static [&'static str] = &[];
    /// By reason.
    const REASON_DOCS: &'static [&'static str] = &[];
    /// By counter.
    const COUNTER_DOCS: &'static [&'static str] = &[];

    /// One moment: judges every condition, books what was heard, sends what is due.
    fn step(&mut self, plan: &Self::Plan, moment: Moment, view: &View<'_>, out: &mut Actions);
    /// Adds the rules by which the next step may do something: a pure function of the state.
    fn watches(&self, plan: &Self::Plan, out: &mut Watches);
    /// Due time of the earliest timer.
    fn next_timer(&self) -> Option<Time>;
    /// Another process goes on at `at`: what was due before is due now, in its order, and the `forgotten` numbers after the newest one
    /// are given to no order.
    fn resume(&mut self, at: Time, forgotten: u32);
    /// Index into `STATES`.
    fn state(&self) -> u8;
    /// The trailing extreme that a rule of the watches needs; `None`: none does.
    fn extreme(&self, plan: &Self::Plan) -> Option<Extreme>;
    /// The losses at which the driver halts the trader.
    fn limits(plan: &Self::Plan) -> Limits;
    /// One value per name of `COUNTERS`.
    fn counters(&self) -> &[u64];
    /// True while the leg that fills opens only because the other one's venue refuses or is silent.
    fn is_hedging(&self) -> bool {
        false
    }
    /// True when no order is working or unknown and no intent is under way.
    fn is_quiet(&self) -> bool;
}
