//! How jobs go on and end: after each answer and timer the present job is driven, and its end leads to the next state.

use super::composite::{Composite, Job, StepCtx, exec_ctx, next_bar};
use crate::config::{Arm, OnLockFailure};
use crate::execution::{Close, Count, Lock, LockStep, PairStep, Removal, TimerKind};
use crate::market::{OrderKind, Role};
use crate::strategy::{Reason, State};
use crate::units::{Qty, Rate, TimeDelta};

impl Composite {
    /// Lets the present job send what is missing. True when it ended or changed into another, which is to be driven too.
    pub(super) fn drive(&mut self, step: &mut StepCtx<'_>) -> bool {
        let taking = step.plan.strategy.entry.taking;
        let (manager, counts) = (&mut self.manager, &mut self.counts);
        match &mut self.job {
            Job::Hold => self.mend(step) || self.close_late(step),
            Job::Entry(entry) => {
                entry.drive(manager, &mut exec_ctx(step, counts), &taking);
                let over = entry.is_over() && manager.working(entry.role).is_none();
                let killed = !entry.killed.is_zero();
                if over {
                    self.end_entry(step, killed);
                }
                over
            }
            Job::Lock(None) => manager.working(self.first).is_none() && self.start_lock(step),
            Job::Lock(Some(lock)) => match lock.drive(manager, &mut exec_ctx(step, counts)) {
                LockStep::Working => false,
                LockStep::Complete => self.enter_locked(step, Reason::LockFilled),
                LockStep::Failed if step.out.transition.is_some() => {
                    // its only attempt failed as it began; one transition a call: the next call is at this same time
                    self.manager.set_timer(step.view.now, TimerKind::Resume(self.first.other()));
                    false
                }
                LockStep::Failed => self.fail_lock(step),
            },
            Job::Pair(pair) => match pair.drive(manager, &mut exec_ctx(step, counts), &taking) {
                PairStep::Working => false,
                PairStep::Complete => self.complete_pair(step),
                PairStep::Unfilled => {
                    self.counts.add(Count::EntryUnfilled);
                    self.enter_idle(step, Reason::EntryUnfilled, 0)
                }
                PairStep::Killed => {
                    self.counts.add(Count::EntryUnfilled);
                    self.flatten(step, None, Reason::EntryUnfilled, 0);
                    true
                }
                PairStep::Unmatched => self.fail_pair(step),
            },
            Job::Close(close) => {
                if !close.drive(manager, &mut exec_ctx(step, counts)) {
                    let is_settled = close.given_up && manager.is_quiet();
                    if is_settled {
                        self.cut_unlock(step);
                    }
                    return is_settled;
                }
                let close = close.clone();
                self.end_close(step, &close)
            }
        }
    }

    /// A fill of an order that was taken for dead may open a leg that the state does not mean to hold: it is closed as it
    /// arrives. The state stays.
    pub(super) fn catch_stray(&mut self, step: &mut StepCtx<'_>) {
        let keep = match (self.state, &self.job) {
            (State::Locking | State::Locked, _) | (_, Job::Lock(_) | Job::Pair(_) | Job::Close(_)) => return,
            (State::Idle, _) => None,
            (State::FirstLeg, _) => Some(self.first),
            (State::LongOnly | State::ShortOnly, _) => self.state.kept(),
        };
        let held = self.held_now(step);
        let strays = |role: Role| keep != Some(role) && held[role.ix()] >= step.plan.instrument(role).lot;
        if Role::BOTH.into_iter().any(strays) {
            self.counts.add(Count::Strays);
            let kept = Role::BOTH.map(|role| if keep == Some(role) { held[role.ix()] } else { Qty::ZERO });
            let removal = if keep.is_none() { Removal::Flatten } else { Removal::Trim };
            let close = self.close(step, removal, kept, None, self.state, Reason::Rollback, 0);
            self.begin(close);
        }
    }

    /// The entry is over: what filled is kept if, floored, both venues can hold it; the excess, or all of it, is closed,
    /// urgently where an emulated fill-or-kill filled in part.
    fn end_entry(&mut self, step: &mut StepCtx<'_>, killed: bool) {
        let first = self.first;
        let held = step.view.belief.qty(first);
        let keep = if killed { Qty::ZERO } else { held.floor_to(step.plan.common_lot) };
        let lot = step.plan.instrument(first).lot;
        let exit = (!killed).then_some(step.plan.strategy.exit.taking);
        if held < lot {
            self.counts.add(Count::EntryUnfilled);
            self.enter_idle(step, Reason::EntryUnfilled, 0);
        } else if !self.is_holdable(step, keep) {
            self.counts.add(Count::EntryUnfilled);
            self.flatten(step, exit, Reason::EntryUnfilled, 0);
        } else if held - keep >= lot {
            let mut kept = [Qty::ZERO; 2];
            kept[first.ix()] = keep;
            let close = self.close(step, Removal::Trim, kept, exit, State::FirstLeg, Reason::EntryUnfilled, 0);
            self.begin(close);
        } else {
            self.job = Job::Hold;
        }
    }

    /// Splits the lock into batches; what neither venue can hold is rolled back.
    fn start_lock(&mut self, step: &mut StepCtx<'_>) -> bool {
        let target = step.view.belief.qty(self.first).floor_to(step.plan.common_lot);
        if !self.is_holdable(step, target) {
            self.counts.add(Count::LockFailed);
            self.rollback(step, Reason::Rollback);
            return true;
        }
        let batches = step.plan.strategy.locking.batches;
        let lock = Lock::new(&exec_ctx(step, &mut self.counts), self.first.other(), target, batches);
        self.job = Job::Lock(Some(lock));
        true
    }

    /// Closes everything, urgently.
    pub(super) fn rollback(&mut self, step: &mut StepCtx<'_>, reason: Reason) {
        self.counts.add(Count::Rollbacks);
        self.flatten(step, None, reason, 0);
    }

    /// One failure more in a row; at the limit a halt is due.
    pub(super) fn fail(&mut self, step: &StepCtx<'_>) {
        self.failures += 1;
        let most = step.plan.strategy.risk.max_consecutive_failures;
        self.halt_due |= most.is_some_and(|most| self.failures >= most);
    }

    /// The lock has no attempt left: everything goes, the first leg stays, or what matches stays.
    fn fail_lock(&mut self, step: &mut StepCtx<'_>) -> bool {
        self.counts.add(Count::LockFailed);
        if !matches!(&self.job, Job::Lock(Some(lock)) if lock.unsent) {
            self.fail(step);
        }
        let held = self.held_now(step);
        match step.plan.strategy.locking.on_lock_failure {
            OnLockFailure::Rollback => self.rollback(step, Reason::Rollback),
            OnLockFailure::Retry => {
                self.counts.add(Count::LocksRetried);
                let mut keep = [Qty::ZERO; 2];
                keep[self.first.ix()] = held[self.first.ix()];
                let close = self.close(step, Removal::Trim, keep, None, State::FirstLeg, Reason::LockRetry, 0);
                self.begin(close);
            }
            OnLockFailure::Keep => self.keep_matched(step, Reason::LockKept, Reason::Rollback),
        }
        true
    }

    /// Cuts both legs to the matched quantity if both venues can hold it, else closes everything.
    fn keep_matched(&mut self, step: &mut StepCtx<'_>, kept: Reason, lost: Reason) {
        let [long, short] = self.held_now(step);
        let matched = long.min(short).floor_to(step.plan.common_lot);
        if !self.is_holdable(step, matched) {
            return self.rollback(step, lost);
        }
        self.counts.add(Count::LocksKept);
        let close = self.close(step, Removal::Trim, [matched; 2], None, State::Locked, kept, 0);
        self.begin(close);
    }

    /// Both legs of a pair stand. What the other venue was too coarse for is closed on its own venue, or is dust.
    fn complete_pair(&mut self, step: &mut StepCtx<'_>) -> bool {
        let [long, short] = self.held_now(step);
        let matched = long.min(short).floor_to(step.plan.common_lot);
        if self.held_now(step) == [matched; 2] {
            return self.enter_locked(step, Reason::LockFilled);
        }
        if !self.is_holdable(step, matched) {
            return self.fail_pair(step);
        }
        let close = self.close(step, Removal::Trim, [matched; 2], None, State::Locked, Reason::LockFilled, 0);
        self.begin(close);
        true
    }

    /// The other leg of a pair cannot follow: what matches stays, if it can be held.
    fn fail_pair(&mut self, step: &mut StepCtx<'_>) -> bool {
        self.counts.add(Count::PairsFailed);
        if !matches!(&self.job, Job::Pair(pair) if pair.unsent) {
            self.fail(step);
        }
        self.keep_matched(step, Reason::LockKept, Reason::PairFailed);
        true
    }

    /// A close is complete: the state that it leads to begins.
    fn end_close(&mut self, step: &mut StepCtx<'_>, close: &Close) -> bool {
        let (reason, also) = (close.reason, close.also);
        match close.then {
            State::Idle => self.enter_idle(step, reason, also),
            State::Locked if self.state == State::Locking => self.enter_locked(step, reason),
            State::LongOnly | State::ShortOnly if self.state == State::Locked => {
                self.enter_last_leg(step, close.then, reason, also)
            }
            State::FirstLeg if self.state == State::Locking && self.is_gone(step, self.first) => {
                self.enter_idle(step, reason, also)
            }
            State::FirstLeg if self.state == State::Locking => {
                self.lock_blocked = true;
                if let Some(max) = step.plan.strategy.entry.first_max {
                    let due = self.entered_at.plus(max).max(step.view.now);
                    self.manager.drop_timers(|kind| kind == TimerKind::Exit);
                    self.manager.set_timer(due, TimerKind::Exit);
                }
                self.job = Job::Hold;
                self.go(step, State::FirstLeg, reason, also);
                false
            }
            _ => {
                // a trim: the state stays
                self.job = Job::Hold;
                true
            }
        }
    }

    /// A fill that was reported late, after its order was taken for dead or its unlock given up, may have closed what the state
    /// means to hold: the rest goes, and the state with it.
    fn mend(&mut self, step: &mut StepCtx<'_>) -> bool {
        let gone = |role: Role| self.is_gone(step, role);
        let broken = match self.state {
            State::Idle | State::Locking => false,
            State::FirstLeg => gone(self.first),
            State::Locked => Role::BOTH.into_iter().any(gone),
            State::LongOnly => gone(Role::Long),
            State::ShortOnly => gone(Role::Short),
        };
        if broken {
            self.counts.add(Count::Strays);
            self.flatten(step, None, Reason::Rollback, 0);
        }
        broken
    }

    /// What orders that were counted dead have opened since goes as it arrives. True when something is to be closed.
    fn close_late(&mut self, step: &mut StepCtx<'_>) -> bool {
        let late = std::mem::take(&mut self.manager.late);
        if late == [Qty::ZERO; 2] {
            return false;
        }
        self.counts.add(Count::Strays);
        match self.state {
            State::Idle | State::Locking => return false,
            State::Locked => self.trim_delta(step, Rate::ZERO),
            State::FirstLeg | State::LongOnly | State::ShortOnly => {
                let held = self.held_now(step);
                let keep = Role::BOTH.map(|role| (held[role.ix()] - late[role.ix()]).max(Qty::ZERO));
                let close = self.close(step, Removal::Trim, keep, None, self.state, Reason::Rollback, 0);
                self.begin(close);
            }
        }
        self.job != Job::Hold
    }

    /// No more than dust is left of a leg.
    fn is_gone(&self, step: &StepCtx<'_>, role: Role) -> bool {
        step.view.belief.qty(role) < step.plan.instrument(role).lot
    }

    /// S0 begins: no gate before the cooldown and the next bar.
    fn enter_idle(&mut self, step: &mut StepCtx<'_>, reason: Reason, also: u32) -> bool {
        if Role::BOTH.iter().any(|&role| !step.view.belief.qty(role).is_zero()) {
            self.counts.add(Count::Dust);
        }
        let (s, now) = (&step.plan.strategy, step.view.now);
        self.gate_after = now.plus(s.thresholds.cooldown).max(next_bar(step));
        if matches!(reason, Reason::EntryUnfilled | Reason::PairFailed) {
            self.gate_after = self.gate_after.max(now.plus(s.entry.retry));
        }
        self.manager.drop_timers(|kind| {
            matches!(kind, TimerKind::Exit | TimerKind::GiveUp | TimerKind::Delta | TimerKind::Resume(_))
        });
        self.manager.hedges = 0;
        self.manager.late = [Qty::ZERO; 2];
        self.deferred = false;
        self.reference = None;
        self.job = Job::Hold;
        self.go(step, State::Idle, reason, also);
        false
    }

    /// S3 begins, if both legs are there.
    fn enter_locked(&mut self, step: &mut StepCtx<'_>, reason: Reason) -> bool {
        if Role::BOTH.iter().any(|&role| self.is_gone(step, role)) {
            // what is missing became too small for its venue before anything of it filled
            self.rollback(step, Reason::Rollback);
            return true;
        }
        let s = &step.plan.strategy;
        self.failures = 0;
        self.armed = s.locking.arm == Arm::Level;
        self.locked_at = step.view.now;
        self.job = Job::Hold;
        self.enter_timed(step, Some(s.locking.t_max));
        self.go(step, State::Locked, reason, 0);
        false
    }

    /// S4 or S5 begins, if the leg that was to stay is there.
    fn enter_last_leg(&mut self, step: &mut StepCtx<'_>, to: State, reason: Reason, also: u32) -> bool {
        if to.kept().is_some_and(|kept| self.is_gone(step, kept)) {
            // the leg that was to stay went too
            return self.enter_idle(step, reason, also);
        }
        self.reference = None;
        self.job = Job::Hold;
        self.enter_timed(step, step.plan.strategy.exit.max);
        self.go(step, to, reason, also);
        false
    }

    /// A state begins: its time exit replaces the one before.
    fn enter_timed(&mut self, step: &StepCtx<'_>, max: Option<TimeDelta>) {
        self.deferred = false;
        self.manager.drop_timers(|kind| {
            matches!(kind, TimerKind::Exit | TimerKind::GiveUp | TimerKind::Delta | TimerKind::Resume(_))
        });
        if let Some(max) = max {
            self.manager.set_timer(step.view.now.plus(max), TimerKind::Exit);
        }
    }

    /// A timer is due.
    pub(super) fn on_timer(&mut self, step: &mut StepCtx<'_>, kind: TimerKind) {
        match kind {
            TimerKind::Exit => self.time_exit(step),
            TimerKind::GiveUp => self.give_up_unlock(),
            TimerKind::Delta => self.trim_delta(step, step.plan.strategy.risk.net_delta_max_ratio),
            // the rest of the leg stays: what of the other one has no counterpart any more goes at once
            TimerKind::LegCut(_) => self.trim_delta(step, Rate::ZERO),
            TimerKind::Resume(_) | TimerKind::Silence(_) => {}
            TimerKind::Probe(role, _) if self.manager.working(role).is_none() => {
                if let Job::Close(close) = &mut self.job {
                    close.probe(&mut self.manager, &mut exec_ctx(step, &mut self.counts), role);
                }
            }
            TimerKind::Ask(..)
            | TimerKind::Venue(..)
            | TimerKind::Probe(..)
            | TimerKind::Passive(..)
            | TimerKind::Recancel(..) => {
                if self.manager.on_timer(&mut exec_ctx(step, &mut self.counts), kind) {
                    self.fail(step);
                }
            }
        }
    }

    /// An unlock took too long: no more of it is asked for. What is in flight may still complete it.
    fn give_up_unlock(&mut self) {
        if let Job::Close(close) = &mut self.job
            && close.removal == Removal::Unlock
            && close.reason != Reason::Liquidation
        {
            close.given_up = true;
            self.counts.add(Count::UnlocksGivenUp);
        }
    }

    /// Nothing of an unlock that was given up is in flight any more: the larger leg is cut to the smaller, the state stays
    /// S3, the bands re-arm.
    fn cut_unlock(&mut self, step: &mut StepCtx<'_>) {
        let Job::Close(close) = &self.job else { return };
        let (reason, also) = (close.reason, close.also);
        let [long, short] = self.held_now(step);
        let matched = long.min(short);
        self.armed = step.plan.strategy.locking.arm == Arm::Level;
        if !self.is_holdable(step, matched) {
            return self.flatten(step, None, reason, also);
        }
        let close = self.close(step, Removal::Trim, [matched; 2], None, State::Locked, reason, also);
        self.begin(close);
        if !self.manager.has_timer(TimerKind::Exit) {
            // the time exit was spent on this unlock, or fell due while it ran
            let again = step.view.now.plus(step.plan.strategy.execution.close_retry);
            let due = self.locked_at.plus(step.plan.strategy.locking.t_max).max(again);
            self.manager.set_timer(due, TimerKind::Exit);
        }
    }

    /// S3: the larger leg and what of it is to be closed, when it exceeds the smaller by more than `ratio` of it and its
    /// venue takes an order of that size.
    fn excess_delta(&self, step: &StepCtx<'_>, ratio: Rate) -> Option<(Role, Qty)> {
        if self.state != State::Locked || self.job != Job::Hold {
            return None;
        }
        let [long, short] = self.held_now(step);
        let role = if long > short { Role::Long } else { Role::Short };
        let (large, excess) = (long.max(short), Qty((long - short).0.abs()));
        let allowed = i128::from(large.0) * i128::from(ratio.0);
        let cut = excess.floor_to(step.plan.common_lot);
        let (px, _) = step.view.bbo(role).opposite(role.closing());
        let beyond = i128::from(excess.0) * i128::from(Rate::ONE) > allowed;
        (beyond && step.plan.instrument(role).takes_as(OrderKind::Ioc, cut, px)).then_some((role, cut))
    }

    /// A net delta beyond the ratio starts the grace, one within it ends it.
    pub(super) fn watch_delta(&mut self, step: &StepCtx<'_>) {
        // what leaves S3 or starts a removal drops the timer itself
        if self.state != State::Locked || !matches!(self.job, Job::Hold) {
            return;
        }
        if self.excess_delta(step, step.plan.strategy.risk.net_delta_max_ratio).is_none() {
            self.manager.drop_timers(|kind| kind == TimerKind::Delta);
        } else if !self.manager.has_timer(TimerKind::Delta) {
            self.manager.set_timer(step.view.now.plus(step.plan.strategy.risk.delta_grace), TimerKind::Delta);
        }
    }

    /// Cuts the larger leg to the smaller, where they differ by more than `ratio`.
    fn trim_delta(&mut self, step: &mut StepCtx<'_>, ratio: Rate) {
        let Some((role, cut)) = self.excess_delta(step, ratio) else { return };
        self.counts.add(Count::DeltaTrims);
        let mut keep = self.held_now(step);
        keep[role.ix()] -= cut;
        let close = self.close(step, Removal::Trim, keep, None, State::Locked, Reason::LockKept, 0);
        self.begin(close);
    }
}
