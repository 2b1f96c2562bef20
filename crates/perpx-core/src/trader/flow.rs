//! How jobs go on and end: after each answer and timer the present job is driven, and its end leads to the next state.

use super::composite::{Call, Composite, Job, exec_ctx, next_bar};
use crate::config::{Arm, OnLockFailure};
use crate::execution::{Close, Count, Lock, LockStep, PairStep, Removal, TimerKind};
use crate::market::{OrderKind, Role};
use crate::strategy::{Reason, State};
use crate::units::{Qty, Rate};

impl Composite {
    /// Lets the present job send what is missing. True when it ended or changed into another, which is to be driven too.
    pub(super) fn drive(&mut self, call: &mut Call<'_>) -> bool {
        let taking = call.plan.strategy.entry.taking;
        let (desk, counts) = (&mut self.desk, &mut self.counts);
        match &mut self.job {
            Job::Hold => self.mend(call) || self.close_late(call),
            Job::Entry(entry) => {
                entry.drive(desk, &mut exec_ctx(call, counts), &taking);
                let over = entry.is_over() && desk.working(entry.role).is_none();
                let killed = !entry.killed.is_zero();
                if over {
                    self.end_entry(call, killed);
                }
                over
            }
            Job::Lock(None) => desk.working(self.first).is_none() && self.start_lock(call),
            Job::Lock(Some(lock)) => match lock.drive(desk, &mut exec_ctx(call, counts)) {
                LockStep::Working => false,
                LockStep::Complete => self.enter_locked(call, Reason::LockFilled),
                LockStep::Failed if call.out.transition.is_some() => {
                    // its only attempt failed as it began; one transition a call: the next call is at this same time
                    self.desk.set_timer(call.view.now, TimerKind::Resume(self.first.other()));
                    false
                }
                LockStep::Failed => self.fail_lock(call),
            },
            Job::Pair(pair) => match pair.drive(desk, &mut exec_ctx(call, counts), &taking) {
                PairStep::Working => false,
                PairStep::Complete => self.complete_pair(call),
                PairStep::Unfilled => {
                    self.counts.add(Count::EntryUnfilled);
                    self.enter_idle(call, Reason::EntryUnfilled, 0)
                }
                PairStep::Killed => {
                    self.counts.add(Count::EntryUnfilled);
                    self.flatten(call, None, Reason::EntryUnfilled, 0);
                    true
                }
                PairStep::Unmatched => self.fail_pair(call),
            },
            Job::Close(close) => {
                if !close.drive(desk, &mut exec_ctx(call, counts)) {
                    let is_settled = close.given_up && desk.is_quiet();
                    if is_settled {
                        self.cut_unlock(call);
                    }
                    return is_settled;
                }
                let close = close.clone();
                self.end_close(call, &close)
            }
        }
    }

    /// A fill of an order that was taken for dead may open a leg that the state does not mean to hold: it is closed as it
    /// arrives. The state stays.
    pub(super) fn catch_stray(&mut self, call: &mut Call<'_>) {
        let keep = match (self.state, &self.job) {
            (State::Locking | State::Locked, _) | (_, Job::Lock(_) | Job::Pair(_) | Job::Close(_)) => return,
            (State::Idle, _) => None,
            (State::FirstLeg, _) => Some(self.first),
            (State::LongOnly | State::ShortOnly, _) => self.state.kept(),
        };
        let held = self.held_now(call);
        let strays = |role: Role| keep != Some(role) && held[role.ix()] >= call.plan.instrument(role).lot;
        if Role::BOTH.into_iter().any(strays) {
            self.counts.add(Count::Strays);
            let kept = Role::BOTH.map(|role| if keep == Some(role) { held[role.ix()] } else { Qty::ZERO });
            let removal = if keep.is_none() { Removal::Flatten } else { Removal::Trim };
            let close = self.close(call, removal, kept, None, self.state, Reason::Rollback, 0);
            self.begin(close);
        }
    }

    /// The entry is over: what filled is kept if, floored, both venues can hold it; the excess, or all of it, is closed,
    /// urgently where an emulated fill-or-kill filled in part.
    fn end_entry(&mut self, call: &mut Call<'_>, killed: bool) {
        let first = self.first;
        let held = call.view.belief.qty(first);
        let keep = if killed { Qty::ZERO } else { held.floor_to(call.plan.common_lot) };
        let lot = call.plan.instrument(first).lot;
        let exit = (!killed).then_some(call.plan.strategy.exit.taking);
        if held < lot {
            self.counts.add(Count::EntryUnfilled);
            self.enter_idle(call, Reason::EntryUnfilled, 0);
        } else if !self.is_holdable(call, keep) {
            self.counts.add(Count::EntryUnfilled);
            self.flatten(call, exit, Reason::EntryUnfilled, 0);
        } else if held - keep >= lot {
            let mut kept = [Qty::ZERO; 2];
            kept[first.ix()] = keep;
            let close = self.close(call, Removal::Trim, kept, exit, State::FirstLeg, Reason::EntryUnfilled, 0);
            self.begin(close);
        } else {
            self.job = Job::Hold;
        }
    }

    fn start_lock(&mut self, call: &mut Call<'_>) -> bool {
        let target = call.view.belief.qty(self.first).floor_to(call.plan.common_lot);
        if !self.is_holdable(call, target) {
            self.counts.add(Count::LockFailed);
            self.rollback(call, Reason::Rollback);
            return true;
        }
        let batches = call.plan.strategy.locking.batches;
        let lock = Lock::new(&exec_ctx(call, &mut self.counts), self.first.other(), target, batches);
        self.job = Job::Lock(Some(lock));
        true
    }

    fn rollback(&mut self, call: &mut Call<'_>, reason: Reason) {
        self.counts.add(Count::Rollbacks);
        self.flatten(call, None, reason, 0);
    }

    pub(super) fn fail(&mut self, call: &Call<'_>) {
        self.failures += 1;
        let most = call.plan.strategy.risk.max_consecutive_failures;
        self.halt_due |= most.is_some_and(|most| self.failures >= most);
    }

    fn fail_lock(&mut self, call: &mut Call<'_>) -> bool {
        self.counts.add(Count::LockFailed);
        self.fail(call);
        let held = self.held_now(call);
        match call.plan.strategy.locking.on_lock_failure {
            OnLockFailure::Rollback => self.rollback(call, Reason::Rollback),
            OnLockFailure::Retry => {
                self.counts.add(Count::LocksRetried);
                let mut keep = [Qty::ZERO; 2];
                keep[self.first.ix()] = held[self.first.ix()];
                let close = self.close(call, Removal::Trim, keep, None, State::FirstLeg, Reason::LockRetry, 0);
                self.begin(close);
            }
            OnLockFailure::Keep => self.keep_matched(call, Reason::LockKept, Reason::Rollback),
        }
        true
    }

    /// Cuts both legs to the matched quantity if both venues can hold it, else closes everything.
    fn keep_matched(&mut self, call: &mut Call<'_>, kept: Reason, lost: Reason) {
        let [long, short] = self.held_now(call);
        let matched = long.min(short).floor_to(call.plan.common_lot);
        if !self.is_holdable(call, matched) {
            return self.rollback(call, lost);
        }
        self.counts.add(Count::LocksKept);
        let close = self.close(call, Removal::Trim, [matched; 2], None, State::Locked, kept, 0);
        self.begin(close);
    }

    /// Both legs of a pair stand. What the other venue was too coarse for is closed on its own venue, or is dust.
    fn complete_pair(&mut self, call: &mut Call<'_>) -> bool {
        let [long, short] = self.held_now(call);
        let matched = long.min(short).floor_to(call.plan.common_lot);
        if self.held_now(call) == [matched; 2] {
            return self.enter_locked(call, Reason::LockFilled);
        }
        if !self.is_holdable(call, matched) {
            return self.fail_pair(call);
        }
        let close = self.close(call, Removal::Trim, [matched; 2], None, State::Locked, Reason::LockFilled, 0);
        self.begin(close);
        true
    }

    fn fail_pair(&mut self, call: &mut Call<'_>) -> bool {
        self.counts.add(Count::PairsFailed);
        self.fail(call);
        self.keep_matched(call, Reason::LockKept, Reason::PairFailed);
        true
    }

    fn end_close(&mut self, call: &mut Call<'_>, close: &Close) -> bool {
        let (reason, also) = (close.reason, close.also);
        match close.then {
            State::Idle => self.enter_idle(call, reason, also),
            State::Locked if self.state == State::Locking => self.enter_locked(call, reason),
            State::LongOnly | State::ShortOnly if self.state == State::Locked => {
                self.enter_last_leg(call, close.then, reason, also)
            }
            State::FirstLeg if self.state == State::Locking && self.is_gone(call, self.first) => {
                self.enter_idle(call, reason, also)
            }
            State::FirstLeg if self.state == State::Locking => {
                self.lock_blocked = true;
                if let Some(max_ns) = call.plan.strategy.entry.first_max_ns {
                    let due = self.entered_at.plus(max_ns).max(call.view.now);
                    self.desk.drop_timers(|kind| kind == TimerKind::Exit);
                    self.desk.set_timer(due, TimerKind::Exit);
                }
                self.job = Job::Hold;
                self.go(call, State::FirstLeg, reason, also);
                false
            }
            _ => {
                // a trim: the state stays
                self.job = Job::Hold;
                true
            }
        }
    }

    /// A fill that was told late, after its order was taken for dead or its unlock given up, may have closed what the state
    /// means to hold: the rest goes, and the state with it.
    fn mend(&mut self, call: &mut Call<'_>) -> bool {
        let gone = |role: Role| self.is_gone(call, role);
        let broken = match self.state {
            State::Idle | State::Locking => false,
            State::FirstLeg => gone(self.first),
            State::Locked => Role::BOTH.into_iter().any(gone),
            State::LongOnly => gone(Role::Long),
            State::ShortOnly => gone(Role::Short),
        };
        if broken {
            self.counts.add(Count::Strays);
            self.flatten(call, None, Reason::Rollback, 0);
        }
        broken
    }

    /// What orders that were counted dead have opened since goes as it arrives. True when something is to be closed.
    fn close_late(&mut self, call: &mut Call<'_>) -> bool {
        let late = std::mem::take(&mut self.desk.late);
        if late == [Qty::ZERO; 2] {
            return false;
        }
        self.counts.add(Count::Strays);
        match self.state {
            State::Idle | State::Locking => return false,
            State::Locked => self.trim_delta(call, Rate::ZERO),
            State::FirstLeg | State::LongOnly | State::ShortOnly => {
                let held = self.held_now(call);
                let keep = Role::BOTH.map(|role| (held[role.ix()] - late[role.ix()]).max(Qty::ZERO));
                let close = self.close(call, Removal::Trim, keep, None, self.state, Reason::Rollback, 0);
                self.begin(close);
            }
        }
        self.job != Job::Hold
    }

    /// No more than dust is left of a leg.
    fn is_gone(&self, call: &Call<'_>, role: Role) -> bool {
        call.view.belief.qty(role) < call.plan.instrument(role).lot
    }

    fn enter_idle(&mut self, call: &mut Call<'_>, reason: Reason, also: u32) -> bool {
        if Role::BOTH.iter().any(|&role| !call.view.belief.qty(role).is_zero()) {
            self.counts.add(Count::Dust);
        }
        let (s, now) = (&call.plan.strategy, call.view.now);
        self.gate_after = now.plus(s.thresholds.cooldown_ns).max(next_bar(call));
        if matches!(reason, Reason::EntryUnfilled | Reason::PairFailed) {
            self.gate_after = self.gate_after.max(now.plus(s.entry.retry_ns));
        }
        self.desk.drop_timers(|kind| {
            matches!(kind, TimerKind::Exit | TimerKind::GiveUp | TimerKind::Delta | TimerKind::Resume(_))
        });
        self.desk.hedges = 0;
        self.desk.late = [Qty::ZERO; 2];
        self.deferred = false;
        self.reference = None;
        self.job = Job::Hold;
        self.go(call, State::Idle, reason, also);
        false
    }

    fn enter_locked(&mut self, call: &mut Call<'_>, reason: Reason) -> bool {
        if Role::BOTH.iter().any(|&role| self.is_gone(call, role)) {
            // what is missing became too small for its venue before anything of it filled
            self.rollback(call, Reason::Rollback);
            return true;
        }
        let s = &call.plan.strategy;
        self.failures = 0;
        self.armed = s.locking.arm == Arm::Level;
        self.locked_at = call.view.now;
        self.job = Job::Hold;
        self.enter_timed(call, Some(s.locking.t_max_ns));
        self.go(call, State::Locked, reason, 0);
        false
    }

    fn enter_last_leg(&mut self, call: &mut Call<'_>, to: State, reason: Reason, also: u32) -> bool {
        if to.kept().is_some_and(|kept| self.is_gone(call, kept)) {
            // the leg that was to stay went too
            return self.enter_idle(call, reason, also);
        }
        self.reference = None;
        self.job = Job::Hold;
        self.enter_timed(call, call.plan.strategy.exit.max_ns);
        self.go(call, to, reason, also);
        false
    }

    /// A state begins: its time exit replaces the one before.
    fn enter_timed(&mut self, call: &Call<'_>, max_ns: Option<i64>) {
        self.deferred = false;
        self.desk.drop_timers(|kind| {
            matches!(kind, TimerKind::Exit | TimerKind::GiveUp | TimerKind::Delta | TimerKind::Resume(_))
        });
        if let Some(max_ns) = max_ns {
            self.desk.set_timer(call.view.now.plus(max_ns), TimerKind::Exit);
        }
    }

    pub(super) fn on_timer(&mut self, call: &mut Call<'_>, kind: TimerKind) {
        match kind {
            TimerKind::Exit => self.time_exit(call),
            TimerKind::GiveUp => self.give_up_unlock(),
            TimerKind::Delta => self.trim_delta(call, call.plan.strategy.risk.net_delta_max_ratio),
            // the rest of the leg stays: what of the other one has no counterpart any more goes at once
            TimerKind::LegCut(_) => self.trim_delta(call, Rate::ZERO),
            TimerKind::Resume(_) | TimerKind::Silence(_) => {}
            TimerKind::Probe(role, _) if self.desk.working(role).is_none() => {
                if let Job::Close(close) = &mut self.job {
                    close.probe(&mut self.desk, &mut exec_ctx(call, &mut self.counts), role);
                }
            }
            TimerKind::Ask(..)
            | TimerKind::Venue(..)
            | TimerKind::Probe(..)
            | TimerKind::Passive(..)
            | TimerKind::Recancel(..) => {
                if self.desk.on_timer(&mut exec_ctx(call, &mut self.counts), kind) {
                    self.fail(call);
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
    fn cut_unlock(&mut self, call: &mut Call<'_>) {
        let Job::Close(close) = &self.job else { return };
        let (reason, also) = (close.reason, close.also);
        let [long, short] = self.held_now(call);
        let matched = long.min(short);
        self.armed = call.plan.strategy.locking.arm == Arm::Level;
        if !self.is_holdable(call, matched) {
            return self.flatten(call, None, reason, also);
        }
        let close = self.close(call, Removal::Trim, [matched; 2], None, State::Locked, reason, also);
        self.begin(close);
        if !self.desk.has_timer(TimerKind::Exit) {
            // the time exit was spent on this unlock, or fell due while it ran
            let again = call.view.now.plus(call.plan.strategy.execution.close_retry_ns);
            let due = self.locked_at.plus(call.plan.strategy.locking.t_max_ns).max(again);
            self.desk.set_timer(due, TimerKind::Exit);
        }
    }

    /// S3: the larger leg and what of it is to be closed, when it exceeds the smaller by more than `ratio` of it and its
    /// venue takes an order of that size.
    fn excess_delta(&self, call: &Call<'_>, ratio: Rate) -> Option<(Role, Qty)> {
        if self.state != State::Locked || self.job != Job::Hold {
            return None;
        }
        let [long, short] = self.held_now(call);
        let role = if long > short { Role::Long } else { Role::Short };
        let (large, excess) = (long.max(short), Qty((long - short).0.abs()));
        let allowed = i128::from(large.0) * i128::from(ratio.0);
        let cut = excess.floor_to(call.plan.common_lot);
        let (px, _) = call.view.bbo(role).opposite(role.closing());
        let beyond = i128::from(excess.0) * i128::from(Rate::ONE) > allowed;
        (beyond && call.plan.instrument(role).takes_as(OrderKind::Ioc, cut, px)).then_some((role, cut))
    }

    /// A net delta beyond the ratio starts the grace, one within it ends it.
    pub(super) fn watch_delta(&mut self, call: &Call<'_>) {
        // what leaves S3 or starts a removal drops the timer itself
        if self.state != State::Locked || !matches!(self.job, Job::Hold) {
            return;
        }
        if self.excess_delta(call, call.plan.strategy.risk.net_delta_max_ratio).is_none() {
            self.desk.drop_timers(|kind| kind == TimerKind::Delta);
        } else if !self.desk.has_timer(TimerKind::Delta) {
            self.desk.set_timer(call.view.now.plus(call.plan.strategy.risk.delta_grace_ns), TimerKind::Delta);
        }
    }

    fn trim_delta(&mut self, call: &mut Call<'_>, ratio: Rate) {
        let Some((role, cut)) = self.excess_delta(call, ratio) else { return };
        self.counts.add(Count::DeltaTrims);
        let mut keep = self.held_now(call);
        keep[role.ix()] -= cut;
        let close = self.close(call, Removal::Trim, keep, None, State::Locked, Reason::LockKept, 0);
        self.begin(close);
    }
}
