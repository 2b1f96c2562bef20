//! Execution: intents become orders. One working order a leg at most; jobs say what is to be reached, the order manager knows what
//! is in flight.
//!
//! Everything here is driven by level, not by edge: after each answer or timer a job looks at what is held and what is
//! working, and sends the next order that is missing. So a lost, late or doubled answer cannot derail it.

mod budget;
mod close;
mod entry;
mod lock;
mod order_manager;
mod pair;
mod quote;

pub use close::{Close, Hedge, Removal, urgent};
pub use entry::Entry;
pub use lock::{Lock, LockStep};
pub use order_manager::{Ended, Heard, LAST, OrderManager, Timer, TimerKind, Working};
pub use pair::{Pair, PairStep};

use crate::ledger::Belief;
use crate::market::{Bbo, Command, Role};
use crate::port::View;
use crate::strategy::Plan;
use crate::units::{Qty, Time};

/// What a job sees and writes to.
pub struct ExecCtx<'a> {
    /// What the run trades by.
    pub plan: &'a Plan,
    /// What the trader sees.
    pub view: &'a View<'a>,
    /// What is sent, in this order.
    pub commands: &'a mut Vec<Command>,
    /// What is counted.
    pub counts: &'a mut Counts,
}

impl ExecCtx<'_> {
    /// The present moment, on the decision clock.
    pub fn now(&self) -> Time {
        self.view.now
    }

    /// What is known of both accounts.
    pub fn belief(&self) -> &Belief {
        self.view.belief
    }

    /// Base coins of a leg, not negative, as far as is known.
    pub fn held(&self, role: Role) -> Qty {
        self.view.belief.qty(role)
    }

    /// The venue's newest quote that has reached us.
    pub fn bbo(&self, role: Role) -> Bbo {
        self.view.bbo(role)
    }

    /// Both venues' quotes are young enough to open, lock or unlock on.
    pub fn fresh(&self) -> bool {
        Role::BOTH.iter().all(|&role| self.view.age(role) <= self.plan.strategy.risk.max_quote_age)
    }

    /// Whoever runs the trader lets it open, or cover a naked leg.
    pub fn may_open(&self, covers: bool) -> bool {
        let mandate = self.view.mandate;
        if covers { mandate.may_cover } else { mandate.may_open }
    }

    /// A leg too small for one lot: it is in the ledger, but holds no state open.
    pub fn is_dust(&self, role: Role) -> bool {
        self.held(role) < self.plan.instrument(role).lot
    }

    /// The quantity that an order of this leg's venue takes at its best price: its lots, and its minimum.
    pub fn is_tradable(&self, role: Role, qty: Qty, px: crate::units::Price) -> bool {
        self.plan.instrument(role).takes(qty, px)
    }
}

macro_rules! counts {
    ($($(#[doc = $doc:literal])* $variant:ident = $name:literal,)*) => {
        /// What a run counts beside its trades.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[repr(usize)]
        pub enum Count { $($(#[doc = $doc])* $variant,)* }
        /// Names by `Count as usize`, as results write them.
        pub const COUNTERS: &[&str] = &[$($name,)*];
        /// What each of them counts, for the columns of the results.
        pub const COUNTER_DOCS: &[&str] = &[$(concat!($($doc),*),)*];
    };
}

counts! {
    /// The gate opened.
    GateOpened = "gate_opened",
    /// The gate opened but the free balance did not cover the size.
    NoMargin = "no_margin",
    /// The gate opened at a price at which a venue does not take the size.
    BelowMinimum = "below_minimum",
    /// Entries that filled nothing, or too little to keep.
    EntryUnfilled = "entry_unfilled",
    /// Attempts to lock.
    LockAttempts = "lock_attempts",
    /// Attempts that failed on the slippage budget, the least lock return or stale quotes, before any order.
    LockRefused = "lock_refused",
    /// Locks that did not complete, all attempts used.
    LockFailed = "lock_failed",
    /// Times everything was closed because a lock or pair could not complete.
    Rollbacks = "rollbacks",
    /// Locks that could not complete, after which what had filled was bought back.
    LocksRetried = "locks_retried",
    /// Locks and pairs that could not complete and of which the matched part was kept.
    LocksKept = "locks_kept",
    /// Pairs (both legs opened at once) that did not complete.
    PairsFailed = "pairs_failed",
    /// Closing orders sent after the first of each removal.
    ClosesResent = "closes_resent",
    /// Unlocks that took too long and were given up.
    UnlocksGivenUp = "unlocks_given_up",
    /// Orders that trimmed the larger leg to `risk.net_delta_max_ratio`.
    DeltaTrims = "delta_trims",
    /// Actions of the funding guard.
    GuardActions = "guard_actions",
    /// Orders unanswered past `venue_timeout_ms`, or in doubt until they were counted dead.
    Unanswered = "unanswered",
    /// Rejects of our orders that reached us; `rejects` counts what the venues refused.
    RejectsHeard = "rejects_heard",
    /// Times the opposite leg was opened because a venue refused or was silent.
    Hedges = "hedges",
    /// Trades in which a venue stayed stuck after the last hedge that a trade may have.
    HedgesExhausted = "hedges_exhausted",
    /// Orders that lived after they were counted dead.
    Revived = "orders_revived",
    /// Bars in which the gate rested because only the reserve of a venue's requests was left.
    RateHeld = "rate_held",
    /// Nanoseconds between hedging and both legs closed.
    HedgedNs = "hedged_ns",
    /// Positions closed because a fill that was reported late had made them another than the state means.
    Strays = "strays",
    /// Returns to S0 with a residue that no venue takes.
    Dust = "dust",
    /// Times a limit of `risk` halted the run.
    Halts = "halts",
    /// Legs that a venue liquidated.
    LegsLost = "legs_lost",
    /// Orders sent, as execution counts them (`orders`: as the venues' port does).
    OrdersSent = "orders_sent",
    /// Cancels sent, as execution counts them (`cancels`: as the venues' port does).
    CancelsSent = "cancels_sent",
}

/// One value per [`Count`].
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Counts(pub [u64; COUNTERS.len()]);

impl Default for Counts {
    fn default() -> Counts {
        Counts([0; COUNTERS.len()])
    }
}

impl Counts {
    /// What was counted in another stretch of the run.
    pub fn add_all(&mut self, other: &Counts) {
        self.0.iter_mut().zip(other.0).for_each(|(own, more)| *own += more);
    }

    /// One more.
    pub fn add(&mut self, count: Count) {
        self.0[count as usize] += 1;
    }

    /// So many more.
    pub fn add_n(&mut self, count: Count, n: u64) {
        self.0[count as usize] += n;
    }
}
