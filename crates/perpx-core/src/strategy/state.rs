//! The six states and the reasons of transitions.

use crate::ledger::Line;
use crate::market::Role;
use crate::port::StateInfo;
use serde::{Deserialize, Serialize};

/// The states of the cross-venue strategy; S0 to S5 in the manual and in results.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[repr(u8)]
pub enum State {
    /// S0: no position, no working order.
    Idle,
    /// S1: the first leg being opened, or open.
    FirstLeg,
    /// S2: the other leg being opened by the pair executor.
    Locking,
    /// S3: both legs open.
    Locked,
    /// S4: the long leg left.
    LongOnly,
    /// S5: the short leg left.
    ShortOnly,
}

impl State {
    /// The state in which `role` is the one leg left.
    pub fn only(role: Role) -> State {
        match role {
            Role::Long => State::LongOnly,
            Role::Short => State::ShortOnly,
        }
    }

    /// The leg that is left in S4 and S5.
    pub fn kept(self) -> Option<Role> {
        match self {
            State::LongOnly => Some(Role::Long),
            State::ShortOnly => Some(Role::Short),
            _ => None,
        }
    }
}

/// A row of [`STATES`].
const fn info(name: &'static str, unmatched: Line, locked: bool) -> StateInfo {
    StateInfo { name, unmatched, locked }
}

/// By `State as usize`.
pub const STATES: &[StateInfo] = &[
    info("S0", Line::Legging, false),
    info("S1", Line::Price, false),
    info("S2", Line::Legging, false),
    info("S3", Line::Legging, true),
    info("S4", Line::Price, false),
    info("S5", Line::Price, false),
];

/// By `State as usize`.
pub const STATE_DOCS: &[&str] = &[
    "no position, no working order.",
    "the first leg being opened, or open.",
    "the other leg being opened.",
    "both legs open: locked.",
    "the long leg left.",
    "the short leg left.",
];

macro_rules! reasons {
    ($($(#[doc = $doc:literal])* $variant:ident = $name:literal,)*) => {
        /// Why a transition was made. The first eleven are conditions judged at ticks, in their order of judgement.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
        #[repr(u8)]
        pub enum Reason { $($(#[doc = $doc])* $variant,)* }
        /// Names by `Reason as usize`, as results and reports write them.
        pub const REASONS: &[&str] = &[$($name,)*];
        /// What each of them means, for the columns of the results.
        pub const REASON_DOCS: &[&str] = &[$(concat!($($doc),*),)*];
    };
}

reasons! {
    /// A limit of `risk` was reached, or the run was stopped.
    Halt = "halt",
    /// A leg came within `risk.liq_buffer` of its liquidation.
    LiqBuffer = "liq_buffer",
    /// The stop of a leg that stands alone.
    Stop = "stop",
    /// The trailing exit of a leg that stands alone.
    Trail = "trail",
    /// The funding guard.
    Guard = "guard",
    /// The first leg earned `g_pct`: the other one is opened.
    Lock = "lock",
    /// The spread reached the upper band.
    UpperBand = "ub",
    /// The spread reached the lower band.
    LowerBand = "lb",
    /// The take-profit of a leg that stands alone.
    TakeProfit = "take_profit",
    /// The rebound of a leg that stands alone.
    Rebound = "rebound",
    /// The conditions of the gate held.
    Gate = "gate",
    /// A time exit of S1, S4, S5.
    Time = "time",
    /// `t_max_sec` of S3.
    Timeout = "timeout",
    /// Both legs are filled.
    LockFilled = "lock_filled",
    /// The lock could not complete and everything was closed.
    Rollback = "rollback",
    /// The lock could not complete; what filled was bought back.
    LockRetry = "lock_retry",
    /// The lock could not complete; the matched part was kept.
    LockKept = "lock_kept",
    /// The entry filled nothing, or too little to keep.
    EntryUnfilled = "entry_unfilled",
    /// A pair did not complete.
    PairFailed = "pair_failed",
    /// A venue closed a leg.
    Liquidation = "liquidation",
}

/// The name of the state at this place in [`STATES`]; empty where there is none.
pub fn state_name(state: u8) -> &'static str {
    STATES.get(usize::from(state)).map_or("", |state| state.name)
}

/// The name of the reason at this place in [`REASONS`]; empty where there is none.
pub fn reason_name(reason: u8) -> &'static str {
    REASONS.get(usize::from(reason)).copied().unwrap_or_default()
}

/// The names of the reasons whose bits are set.
pub fn also_names(also: u32) -> Vec<&'static str> {
    REASONS.iter().enumerate().filter(|(bit, _)| also >> bit & 1 == 1).map(|(_, name)| *name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stand_at_their_numbers() {
        assert_eq!(REASONS[Reason::Halt as usize], "halt");
        assert_eq!(also_names(1 << Reason::Guard as u32 | 1 << Reason::Lock as u32), ["guard", "lock"]);
        assert_eq!(REASONS[Reason::Liquidation as usize], "liquidation");
        assert_eq!(REASONS.len(), Reason::Liquidation as usize + 1);
        assert!(REASONS.len() <= 32, "Transition::also has a bit for each");
        assert_eq!(STATES[State::ShortOnly as usize].name, "S5");
    }
}
