//! Which keys of its plan a trader may ask before it comes to another class, and what of its state can matter no more.

use super::composite::{Composite, Halted, Job};
use crate::config::{Arm, Band, EntryMode, Unlock};
use crate::execution::{Count, Counts, Removal};
use crate::market::{OrderId, Role};
use crate::signals::{BandRule, SignalId};
use crate::strategy::{Levels, Plan, State};
use crate::units::{Rate, SECOND, Time, TimeDelta};
use std::collections::VecDeque;

/// What a trader is about. As long as it stays, the keys that [`Class::projected`] replaces are not asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Class {
    /// S0: the gate is looked at.
    Idle,
    /// S1.
    First,
    /// S2.
    Locking,
    /// S3, while the bands are looked at.
    Locked,
    /// S3, while what a band or the time has asked for is being closed.
    Unlocking,
    /// S4 and S5.
    Last,
    /// Everything is being closed.
    Leaving,
}

/// A value that no key has: whoever asks for it finds something else than with the plan's own.
const ODD: Rate = Rate(31_415_926_535);
const ODD_TIME: TimeDelta = SECOND.times(31_415);

impl Class {
    /// All of them, by `Class as usize`.
    pub const ALL: [Class; 7] =
        [Class::Idle, Class::First, Class::Locking, Class::Locked, Class::Unlocking, Class::Last, Class::Leaving];

    /// The plan with an odd value in place of each key that a trader of the class does not ask, nor on its way to the next class.
    pub fn projected(self, plan: &Plan) -> Plan {
        let mut plan = plan.clone();
        let is_pair = plan.strategy.entry.mode == EntryMode::Pair;
        let (first, locking) = (self == Class::First, matches!(self, Class::First | Class::Locking));
        let opens = self == Class::Idle && is_pair;
        let s = &mut plan.strategy;
        if self != Class::Idle {
            let t = &mut s.thresholds;
            (t.ema_fast, t.ema_slow, t.vol_bars, t.min_conditions) = (7, 77, 77, 3);
            (t.min_diff, t.vmin, t.vmax) = (0.314, 0.314, 3.5);
            (t.min_target_return, t.funding_spread, t.no_entry_before_funding) = (ODD, ODD, ODD_TIME);
            plan.gates.clear();
            (plan.trend, plan.volatility) = ([SignalId(0); 2], SignalId(0));
        }
        if !first {
            s.locking.g = ODD;
        }
        if !locking {
            s.risk.stop_loss_first_leg = Some(ODD);
        }
        if !(locking || opens) {
            let l = &mut s.locking;
            (l.batches, l.epsilon, l.retry, l.max_retries) = (3, ODD, ODD_TIME, 3);
            l.min_lock_return = Some(ODD);
            l.taking.passive_timeout = ODD_TIME;
        }
        if !matches!(self, Class::First | Class::Locking | Class::Locked | Class::Unlocking) {
            (s.locking.t_max, s.locking.arm) = (ODD_TIME, Arm::Level);
        }
        if self != Class::Locked {
            let l = &mut s.locking;
            (l.band, l.band_window_bars, l.min_lock) = (Band::Sigma(31.4), 77, ODD_TIME);
            (l.min_unlock_bp, l.on_ub, l.on_lb) = (31.4, Unlock::Hold, Unlock::Hold);
            s.unlock.slip = ODD;
            plan.band = BandRule { id: SignalId(0), k: Some(31.4), min_unlock_bp: 31.4, ..plan.band };
        }
        if !matches!(self, Class::Locked | Class::Unlocking | Class::Last) {
            s.exit.max = Some(ODD_TIME);
        }
        if self != Class::Last {
            let e = &mut s.exit;
            (e.stop_loss, e.rebound, e.take_profit) = (Some(ODD), Some(ODD), Some(ODD));
            e.trail = None;
        }
        plan
    }
}

impl Composite {
    /// What it is about now.
    pub fn class(&self) -> Class {
        match (&self.job, self.state) {
            (_, State::Idle) => Class::Idle,
            (Job::Close(close), _) if close.removal == Removal::Flatten => Class::Leaving,
            (Job::Close(close), State::Locked) if close.removal == Removal::Unlock && self.armed => Class::Unlocking,
            (_, State::FirstLeg) => Class::First,
            (_, State::Locking) => Class::Locking,
            (_, State::Locked) => Class::Locked,
            (_, State::LongOnly | State::ShortOnly) => Class::Last,
        }
    }

    /// Nothing is under way, and nothing was halted.
    pub(crate) fn is_undisturbed(&self) -> bool {
        self.halted == Halted::No && !self.halt_due
    }

    /// What of its state can be asked no more, at `now`, has one value, and levels none: [`Composite::bind`] sets them anew.
    pub(crate) fn forget(&mut self, now: Time) {
        let past = |time: &mut Time| *time = if *time <= now { Time::MIN } else { *time };
        past(&mut self.gate_after);
        past(&mut self.guard_after);
        let state = self.state;
        if state != State::Idle {
            self.gate_after = Time::MIN;
        } else {
            self.first = Role::Long;
        }
        if !matches!(state, State::FirstLeg | State::Locking) {
            (self.entered_at, self.lock_blocked) = (Time::MIN, false);
        }
        if state != State::Locked {
            (self.armed, self.locked_at) = (false, Time::MIN);
        }
        self.levels = Levels::default();
    }
}

/// What a run that shares its moments with others asks of its trader.
impl Composite {
    /// By role: the last order sent; 0: none was.
    pub(crate) fn last_orders(&self) -> [OrderId; 2] {
        self.manager.last()
    }

    /// See [`crate::execution::OrderManager::rest`].
    pub(crate) fn rest(&mut self) {
        self.manager.rest();
    }

    /// What was counted since the last call.
    pub(crate) fn take_counts(&mut self) -> Counts {
        std::mem::take(&mut self.counts)
    }

    /// Counted before.
    pub(crate) fn put_counts(&mut self, counts: Counts) {
        self.counts = counts;
    }

    /// By role: the requests that count against the venue's window.
    pub(crate) fn requests_mut(&mut self) -> &mut [VecDeque<Time>; 2] {
        self.manager.requests_mut()
    }

    /// Since this was asked last a balance or a window of requests has kept something from being done.
    pub(crate) fn was_short(&mut self) -> bool {
        let is_counted = [Count::NoMargin, Count::RateHeld].iter().any(|&count| self.counts.0[count as usize] > 0);
        self.manager.take_held() || is_counted
    }
}
