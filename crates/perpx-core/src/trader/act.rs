//! What the composite does when a condition asks for it.

use super::composite::{Composite, Halted, Job, StepCtx, exec_ctx, next_bar};
use crate::config::{EntryMode, GuardAction, OnLegLost, OnTimeout, Sizing, Taking, Unlock};
use crate::execution::{Close, Count, Entry, Pair, Removal, TimerKind, urgent};
use crate::market::{FeeSchedule, Role};
use crate::port::Breach;
use crate::strategy::{Decision, Reason, State};
use crate::units::{HOUR, Price, Qty, Time, TimeDelta};
use crate::watch::{known, per_year_x24};

impl Composite {
    /// Begins what the decision asks for.
    pub(super) fn act(&mut self, step: &mut StepCtx<'_>, decision: Decision) {
        let exit = step.plan.strategy.exit.taking;
        match decision.reason {
            Reason::Gate => self.open(step, decision.role),
            Reason::Halt => self.halt(step, decision.also),
            Reason::LiqBuffer | Reason::Stop => self.flatten(step, None, decision.reason, decision.also),
            Reason::Guard => self.guard(step, decision.also),
            Reason::Lock => self.lock(step, decision.also),
            Reason::UpperBand => self.unlock(step, step.plan.strategy.locking.on_ub, decision.reason, decision.also),
            Reason::LowerBand => self.unlock(step, step.plan.strategy.locking.on_lb, decision.reason, decision.also),
            _ => self.flatten(step, Some(exit), decision.reason, decision.also),
        }
    }

    /// S0 -> S1, or S2 for a pair.
    fn open(&mut self, step: &mut StepCtx<'_>, first: Role) {
        let quotes = Role::BOTH.map(|role| step.view.bbo(role));
        if !quotes.iter().all(|bbo| bbo.is_quoted()) {
            return;
        }
        if self.is_rate_held(step) {
            self.counts.add(Count::RateHeld);
            self.gate_after = next_bar(step);
            return;
        }
        self.counts.add(Count::GateOpened);
        let qty = self.size(step, first);
        let refused = match () {
            () if !self.is_holdable(step, qty) => Some(Count::BelowMinimum),
            () if !self.is_affordable(step, qty) => Some(Count::NoMargin),
            () => None,
        };
        if let Some(count) = refused {
            self.counts.add(count);
            self.gate_after = next_bar(step);
            return;
        }
        self.first = first;
        self.entered_at = step.view.now;
        self.lock_blocked = false;
        if step.plan.strategy.entry.mode == EntryMode::Pair {
            self.job = Job::Pair(Pair::new(first, qty));
            self.go(step, State::Locking, Reason::Gate, 0);
            return;
        }
        self.job = Job::Entry(Entry::new(first, qty));
        self.go(step, State::FirstLeg, Reason::Gate, 0);
        if let Some(max) = step.plan.strategy.entry.first_max {
            self.manager.set_timer(step.view.now.plus(max), TimerKind::Exit);
        }
    }

    /// Only what is kept for closes is left of a venue's requests.
    fn is_rate_held(&mut self, step: &mut StepCtx<'_>) -> bool {
        let exec_ctx = exec_ctx(step, &mut self.counts);
        let manager = &mut self.manager;
        Role::BOTH.iter().any(|&role| manager.is_held(&exec_ctx, role))
    }

    /// Of a trade that begins with this leg at the tick's quotes, in common lots.
    fn size(&self, step: &StepCtx<'_>, first: Role) -> Qty {
        let (px, _) = step.view.bbo(first).opposite(first.opening());
        let mut qty = step.plan.base_qty(px);
        if step.plan.strategy.sizing == Sizing::Equity {
            let mids = Role::BOTH.map(|role| step.view.bbo(role).mid());
            // scale in 1e-9 steps so that quantity times equity cannot overflow
            let scale = step.view.belief.equity(mids).billionths_of(step.plan.capital);
            qty = Qty((i128::from(qty.0) * scale / 1_000_000_000) as i64);
        }
        qty.floor_to(step.plan.common_lot)
    }

    /// Both free balances cover margin and taker fee of the size at the tick's quotes.
    fn is_affordable(&self, step: &StepCtx<'_>, qty: Qty) -> bool {
        Role::BOTH.iter().all(|&role| {
            let (px, _) = step.view.bbo(role).opposite(role.opening());
            let (book, venue) = (&step.view.belief.books[role.ix()], &step.plan.world.venues[role.ix()]);
            let fees: FeeSchedule = venue.fees;
            let fee = fees.fee(px.of(qty), false, book.grid());
            book.free() + fee >= book.margin_for(px.of(qty))
        })
    }

    /// A limit was breached: nothing opens until its end, and what is held goes.
    fn halt(&mut self, step: &mut StepCtx<'_>, also: u32) {
        self.halt_due = false;
        self.counts.add(Count::Halts);
        self.halted = match step.view.breach {
            Some(Breach::DailyLoss) => Halted::Until(Time::of_day(step.view.now.day() + 1)),
            _ => Halted::Final,
        };
        if self.state != State::Idle {
            self.flatten(step, None, Reason::Halt, also);
        }
    }

    /// What the mandate asks for, before any condition is looked at: what may not be open is closed, and what opens is taken back. True
    /// when something was done.
    pub(super) fn heed(&mut self, step: &mut StepCtx<'_>) -> bool {
        let (held, mandate) = (self.held_now(step), step.view.mandate);
        let is_open = |role: Role| held[role.ix()] >= step.plan.instrument(role).lot;
        match (self.state, mandate.closes) {
            (State::Idle, _) | (_, [false, false]) => {}
            _ if self.is_flattening() => return false,
            // a leg whose venue cannot be reached, or takes no order that closes it, would be left alone
            (State::Locked, [true, true])
                if !(self.is_leaving() || mandate.may_unlock && exec_ctx(step, &mut self.counts).fresh()) => {}
            (State::Locked, [long, short]) if long != short => {
                let role = if long { Role::Long } else { Role::Short };
                let is_going =
                    matches!(&self.job, Job::Close(close) if close.urgent && close.keep[role.ix()].is_zero());
                if is_going || !is_open(role) {
                    return false;
                }
                let mut keep = held;
                keep[role.ix()] = Qty::ZERO;
                let close = self.close(step, Removal::Trim, keep, None, State::Locked, Reason::Halt, 0);
                self.begin(close);
                return true;
            }
            (_, closes) if closes == [true; 2] || Role::BOTH.iter().any(|&role| closes[role.ix()] && is_open(role)) => {
                self.flatten(step, None, Reason::Halt, 0);
                return true;
            }
            _ => {}
        }
        let has_begun = match &mut self.job {
            Job::Entry(entry) | Job::Pair(Pair { entry, .. }) if !mandate.may_open && !entry.is_over() => {
                entry.stop(&mut self.manager, &mut exec_ctx(step, &mut self.counts));
                true
            }
            _ => false,
        };
        if !mandate.may_cover && matches!(self.job, Job::Lock(_) | Job::Pair(_)) {
            self.rollback(step, Reason::Rollback);
            return true;
        }
        has_begun
    }

    /// The position is on its way to S0.
    fn is_leaving(&self) -> bool {
        matches!(&self.job, Job::Close(close) if close.then == State::Idle)
    }

    /// Closes everything and goes to S0; `None` = urgent. A removal under way is taken over.
    pub(super) fn flatten(&mut self, step: &mut StepCtx<'_>, taking: Option<Taking>, reason: Reason, also: u32) {
        let mut close = self.close(step, Removal::Flatten, [Qty::ZERO; 2], taking, State::Idle, reason, also);
        if let Job::Close(before) = &self.job {
            close.take_over(before);
        }
        self.begin(close);
    }

    /// A job that closes down to `keep`; `taking`: `None` = urgent.
    #[allow(clippy::too_many_arguments)]
    pub(super) fn close(
        &self,
        step: &StepCtx<'_>,
        removal: Removal,
        keep: [Qty; 2],
        taking: Option<Taking>,
        then: State,
        reason: Reason,
        also: u32,
    ) -> Close {
        let mut close = Close::new(removal, keep, taking.unwrap_or_else(|| urgent(step.plan)), then, reason, also);
        close.urgent = taking.is_none();
        close.may_hedge = removal == Removal::Flatten && self.state != State::Locked;
        close
    }

    /// The job replaces the one before; timers that belonged to it go.
    pub(super) fn begin(&mut self, close: Close) {
        self.manager.drop_timers(|kind| {
            matches!(kind, TimerKind::Resume(_) | TimerKind::Silence(_) | TimerKind::GiveUp | TimerKind::Delta)
        });
        self.job = Job::Close(close);
    }

    /// S1 -> S2.
    fn lock(&mut self, step: &mut StepCtx<'_>, also: u32) {
        if let Job::Entry(entry) = &mut self.job {
            entry.stop(&mut self.manager, &mut exec_ctx(step, &mut self.counts));
        }
        self.job = Job::Lock(None);
        self.go(step, State::Locking, Reason::Lock, also);
    }

    /// What a band crossing closes.
    fn unlock(&mut self, step: &mut StepCtx<'_>, action: Unlock, reason: Reason, also: u32) {
        let [long, short] = self.held_now(step);
        let (keep, then) = match action {
            Unlock::CloseShort => ([long, Qty::ZERO], State::LongOnly),
            Unlock::CloseLong => ([Qty::ZERO, short], State::ShortOnly),
            Unlock::CloseBoth => ([Qty::ZERO; 2], State::Idle),
            Unlock::Hold => return,
        };
        self.begin_unlock(step, keep, then, reason, also);
    }

    /// Closes down to `keep` for an unlock, which is given up when it takes too long.
    fn begin_unlock(&mut self, step: &mut StepCtx<'_>, keep: [Qty; 2], then: State, reason: Reason, also: u32) {
        let taking = Some(step.plan.strategy.unlock);
        let close = self.close(step, Removal::Unlock, keep, taking, then, reason, also);
        self.begin(close);
        let due = step.view.now.plus(step.plan.strategy.execution.venue_timeout);
        self.manager.set_timer(due, TimerKind::GiveUp);
    }

    /// By role, as far as we have heard.
    pub(super) fn held_now(&self, step: &StepCtx<'_>) -> [Qty; 2] {
        Role::BOTH.map(|role| step.view.belief.qty(role))
    }

    /// The leg whose own APR is lower: what it pays per year at the newest rate. Tie, or both unknown: the first leg; one
    /// unknown: the known leg if it pays nothing, else the other.
    fn cheaper_leg(&self, step: &StepCtx<'_>) -> Role {
        let view = step.view;
        let apr = |role: Role| {
            let rate = known(view.local, view.row, role, step.plan.funding, view.now)?;
            Some(per_year_x24(rate) * i128::from(role.opening().sign()))
        };
        let (first, other) = (apr(self.first), apr(self.first.other()));
        let other_stays = match (first, other) {
            (Some(first), Some(other)) => other < first,
            (Some(first), None) => first > 0,
            (None, Some(other)) => other <= 0,
            (None, None) => false,
        };
        if other_stays { self.first.other() } else { self.first }
    }

    /// The funding guard acts: it halves the legs, cuts one, or closes both.
    fn guard(&mut self, step: &mut StepCtx<'_>, also: u32) {
        self.counts.add(Count::GuardActions);
        let held = self.held_now(step);
        match step.plan.strategy.risk.guard_action {
            GuardAction::Reduce => {
                self.guard_after = step.view.now.plus(HOUR);
                let lot = step.plan.common_lot;
                let keep = held.map(|qty| Qty(qty.0 / 2).floor_to(lot));
                if !self.can_keep(step, keep) {
                    return self.flatten(step, None, Reason::Guard, also);
                }
                let close = self.close(step, Removal::Trim, keep, None, self.state, Reason::Guard, also);
                self.begin(close);
            }
            GuardAction::Cut if self.state == State::Locked => {
                let kept = self.cheaper_leg(step);
                let mut keep = [Qty::ZERO; 2];
                keep[kept.ix()] = held[kept.ix()];
                let close = self.close(step, Removal::Unlock, keep, None, State::only(kept), Reason::Guard, also);
                self.begin(close);
                let due = step.view.now.plus(step.plan.strategy.execution.venue_timeout);
                self.manager.set_timer(due, TimerKind::GiveUp);
            }
            _ => self.flatten(step, None, Reason::Guard, also),
        }
    }

    /// Every quantity that is not zero meets its venue's minimum.
    fn can_keep(&self, step: &StepCtx<'_>, keep: [Qty; 2]) -> bool {
        let takes = |role: Role| {
            let (px, _) = step.view.bbo(role).opposite(role.closing());
            self.held_now(step)[role.ix()].is_zero() || step.plan.instrument(role).takes(keep[role.ix()], px)
        };
        takes(Role::Long) && takes(Role::Short)
    }

    /// A quantity can be held on both venues at their prices.
    pub(super) fn is_holdable(&self, step: &StepCtx<'_>, qty: Qty) -> bool {
        Role::BOTH.iter().all(|&role| {
            let (px, _) = step.view.bbo(role).opposite(role.opening());
            px > Price(0) && step.plan.instrument(role).takes(qty, px)
        })
    }

    /// A venue closed a leg or part of it. A liquidation over several levels comes in parts of one moment: the last tells
    /// what is left; nothing is sent before.
    pub(super) fn on_leg_taken(&mut self, step: &mut StepCtx<'_>, lost: Role) {
        if step.view.belief.qty(lost) < step.plan.instrument(lost).lot {
            self.manager.drop_timers(|kind| kind == TimerKind::LegCut(lost));
            self.on_leg_lost(step, lost);
        } else {
            self.manager.set_only(step.view.now, TimerKind::LegCut(lost));
        }
    }

    /// A venue closed a leg: the other one goes too, or stays alone.
    fn on_leg_lost(&mut self, step: &mut StepCtx<'_>, lost: Role) {
        self.counts.add(Count::LegsLost);
        let survivor = lost.other();
        let alive = step.view.belief.qty(survivor) >= step.plan.instrument(survivor).lot;
        match self.state {
            State::Idle => {}
            State::Locked if alive && step.plan.strategy.risk.on_leg_lost == OnLegLost::Keep => {
                let mut keep = [Qty::ZERO; 2];
                keep[survivor.ix()] = step.view.belief.qty(survivor);
                let then = State::only(survivor);
                let close = self.close(step, Removal::Unlock, keep, None, then, Reason::Liquidation, 0);
                self.begin(close);
            }
            _ if matches!(&self.job, Job::Close(close) if close.then == State::Idle) => {}
            _ => self.flatten(step, None, Reason::Liquidation, 0),
        }
    }

    /// The time exit of the present state is due.
    pub(super) fn time_exit(&mut self, step: &mut StepCtx<'_>) {
        let s = &step.plan.strategy;
        let again = step.view.now.plus(s.execution.close_retry);
        match &self.job {
            Job::Hold | Job::Entry(_) => {}
            Job::Close(close) if close.then == self.state => return self.manager.set_timer(again, TimerKind::Exit),
            _ => return,
        }
        if self.state == State::Idle || self.state == State::Locking {
            return;
        }
        if self.state == State::Locked && !step.view.mandate.may_unlock {
            return self.manager.set_timer(again, TimerKind::Exit);
        }
        if let Some(settlement) = self.settlement_for_us(step)
            && !self.deferred
        {
            self.deferred = true;
            return self.manager.set_timer(settlement, TimerKind::Exit);
        }
        let exit = Some(s.exit.taking);
        if self.state != State::Locked {
            return self.flatten(step, exit, Reason::Time, 0);
        }
        let held = self.held_now(step);
        match s.locking.on_timeout {
            OnTimeout::CloseBoth => self.begin_unlock(step, [Qty::ZERO; 2], State::Idle, Reason::Timeout, 0),
            OnTimeout::KeepCheaper => {
                let kept = self.cheaper_leg(step);
                let mut keep = [Qty::ZERO; 2];
                keep[kept.ix()] = held[kept.ix()];
                self.begin_unlock(step, keep, State::only(kept), Reason::Timeout, 0);
            }
        }
    }

    /// The first settlement within `exit.defer_for_funding_sec` that pays a leg we hold.
    fn settlement_for_us(&self, step: &StepCtx<'_>) -> Option<Time> {
        let (view, wait) = (step.view, step.plan.strategy.exit.defer_for_funding);
        let pays_us = |role: Role| {
            let rate = known(view.local, view.row, role, step.plan.funding, view.now)?;
            let held = !view.belief.qty(role).is_zero() && rate.rate.0 * role.opening().sign() < 0;
            held.then(|| rate.next_settlement(view.now))
        };
        let first = Role::BOTH.iter().filter_map(|&role| pays_us(role)).min()?;
        (wait > TimeDelta::ZERO && first.since(view.now) <= wait).then_some(first)
    }
}
