//! What the composite does when a condition asks for it.

use super::composite::{Call, Composite, Halted, Job, exec_ctx, next_bar};
use crate::config::{EntryMode, GuardAction, OnLegLost, OnTimeout, Sizing, Taking, Unlock};
use crate::execution::{Close, Count, Entry, Pair, Removal, TimerKind, urgent};
use crate::market::{FeeSchedule, Role};
use crate::port::Breach;
use crate::strategy::{Ask, Reason, State};
use crate::units::{DAY_NS, HOUR_NS, Price, Qty, Time};
use crate::watch::{known, per_year_x24};

impl Composite {
    pub(super) fn act(&mut self, call: &mut Call<'_>, ask: Ask) {
        let exit = call.plan.strategy.exit.taking;
        match ask.reason {
            Reason::Gate => self.open(call, ask.role),
            Reason::Halt => self.halt(call, ask.also),
            Reason::LiqBuffer | Reason::Stop => self.flatten(call, None, ask.reason, ask.also),
            Reason::Guard => self.guard(call, ask.also),
            Reason::Lock => self.lock(call, ask.also),
            Reason::UpperBand => self.unlock(call, call.plan.strategy.locking.on_ub, ask.reason, ask.also),
            Reason::LowerBand => self.unlock(call, call.plan.strategy.locking.on_lb, ask.reason, ask.also),
            _ => self.flatten(call, Some(exit), ask.reason, ask.also),
        }
    }

    /// S0 -> S1, or S2 for a pair.
    fn open(&mut self, call: &mut Call<'_>, first: Role) {
        let quotes = Role::BOTH.map(|role| call.view.bbo(role));
        if !quotes.iter().all(|bbo| bbo.is_quoted()) {
            return;
        }
        if self.is_rate_held(call) {
            self.counts.add(Count::RateHeld);
            self.gate_after = next_bar(call);
            return;
        }
        self.counts.add(Count::GateOpened);
        let qty = self.size(call, first);
        let refused = match () {
            () if !self.is_holdable(call, qty) => Some(Count::BelowMinimum),
            () if !self.is_affordable(call, qty) => Some(Count::NoMargin),
            () => None,
        };
        if let Some(count) = refused {
            self.counts.add(count);
            self.gate_after = next_bar(call);
            return;
        }
        self.first = first;
        self.entered_at = call.view.now;
        self.lock_blocked = false;
        if call.plan.strategy.entry.mode == EntryMode::Pair {
            self.job = Job::Pair(Pair::new(first, qty));
            self.go(call, State::Locking, Reason::Gate, 0);
            return;
        }
        self.job = Job::Entry(Entry::new(first, qty));
        self.go(call, State::FirstLeg, Reason::Gate, 0);
        if let Some(max_ns) = call.plan.strategy.entry.first_max_ns {
            self.desk.set_timer(call.view.now.plus(max_ns), TimerKind::Exit);
        }
    }

    /// Only what is kept for closes is left of a venue's requests.
    fn is_rate_held(&mut self, call: &mut Call<'_>) -> bool {
        let exec_ctx = exec_ctx(call, &mut self.counts);
        Role::BOTH.iter().any(|&role| self.desk.is_held(&exec_ctx, role))
    }

    fn size(&self, call: &Call<'_>, first: Role) -> Qty {
        let (px, _) = call.view.bbo(first).opposite(first.opening());
        let mut qty = call.plan.base_qty(px);
        if call.plan.strategy.sizing == Sizing::Equity {
            let mids = Role::BOTH.map(|role| call.view.bbo(role).mid2());
            // scale in 1e-9 steps so that quantity times equity cannot overflow
            let scale = call.view.belief.equity2(mids).max(0) / (call.plan.capital2 / 1_000_000_000).max(1);
            qty = Qty((i128::from(qty.0) * scale / 1_000_000_000) as i64);
        }
        qty.floor_to(call.plan.common_lot)
    }

    /// Both free balances cover margin and taker fee of the size at the tick's quotes.
    fn is_affordable(&self, call: &Call<'_>, qty: Qty) -> bool {
        Role::BOTH.iter().all(|&role| {
            let (px, _) = call.view.bbo(role).opposite(role.opening());
            let (book, venue) = (&call.view.belief.books[role.ix()], &call.plan.world.venues[role.ix()]);
            let fees: FeeSchedule = venue.fees;
            let fee = fees.fee(px.of(qty), false, book.grid());
            book.free() + fee >= book.margin_for(px.of(qty))
        })
    }

    fn halt(&mut self, call: &mut Call<'_>, also: u32) {
        self.halt_due = false;
        self.counts.add(Count::Halts);
        self.halted = match call.view.breach {
            Some(Breach::DailyLoss) => Halted::Until(Time((call.view.now.day() + 1) * DAY_NS)),
            _ => Halted::Final,
        };
        if self.state != State::Idle {
            self.flatten(call, None, Reason::Halt, also);
        }
    }

    /// Closes everything and goes to S0; `None` = urgent. A removal under way is taken over.
    pub(super) fn flatten(&mut self, call: &mut Call<'_>, taking: Option<Taking>, reason: Reason, also: u32) {
        let mut close = self.close(call, Removal::Flatten, [Qty::ZERO; 2], taking, State::Idle, reason, also);
        if let Job::Close(before) = &self.job {
            close.take_over(before);
        }
        self.begin(close);
    }

    #[allow(clippy::too_many_arguments)]
    pub(super) fn close(
        &self,
        call: &Call<'_>,
        removal: Removal,
        keep: [Qty; 2],
        taking: Option<Taking>,
        then: State,
        reason: Reason,
        also: u32,
    ) -> Close {
        let mut close = Close::new(removal, keep, taking.unwrap_or_else(|| urgent(call.plan)), then, reason, also);
        close.urgent = taking.is_none();
        close.may_hedge = removal == Removal::Flatten && self.state != State::Locked;
        close
    }

    pub(super) fn begin(&mut self, close: Close) {
        self.desk.drop_timers(|kind| {
            matches!(kind, TimerKind::Resume(_) | TimerKind::Silence(_) | TimerKind::GiveUp | TimerKind::Delta)
        });
        self.job = Job::Close(close);
    }

    fn lock(&mut self, call: &mut Call<'_>, also: u32) {
        if let Job::Entry(entry) = &mut self.job {
            entry.stop(&mut self.desk, &mut exec_ctx(call, &mut self.counts));
        }
        self.job = Job::Lock(None);
        self.go(call, State::Locking, Reason::Lock, also);
    }

    fn unlock(&mut self, call: &mut Call<'_>, action: Unlock, reason: Reason, also: u32) {
        let [long, short] = self.held_now(call);
        let (keep, then) = match action {
            Unlock::CloseShort => ([long, Qty::ZERO], State::LongOnly),
            Unlock::CloseLong => ([Qty::ZERO, short], State::ShortOnly),
            Unlock::CloseBoth => ([Qty::ZERO; 2], State::Idle),
            Unlock::Hold => return,
        };
        self.begin_unlock(call, keep, then, reason, also);
    }

    fn begin_unlock(&mut self, call: &mut Call<'_>, keep: [Qty; 2], then: State, reason: Reason, also: u32) {
        let taking = Some(call.plan.strategy.unlock);
        let close = self.close(call, Removal::Unlock, keep, taking, then, reason, also);
        self.begin(close);
        let due = call.view.now.plus(call.plan.strategy.execution.venue_timeout_ns);
        self.desk.set_timer(due, TimerKind::GiveUp);
    }

    pub(super) fn held_now(&self, call: &Call<'_>) -> [Qty; 2] {
        Role::BOTH.map(|role| call.view.belief.qty(role))
    }

    /// The leg whose own APR is lower: what it pays per year at the newest rate. Tie, or both unknown: the first leg; one
    /// unknown: the known leg if it pays nothing, else the other.
    fn cheaper_leg(&self, call: &Call<'_>) -> Role {
        let view = call.view;
        let apr = |role: Role| {
            let rate = known(view.local, view.row, role, call.plan.funding, view.now)?;
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

    fn guard(&mut self, call: &mut Call<'_>, also: u32) {
        self.counts.add(Count::GuardActions);
        let held = self.held_now(call);
        match call.plan.strategy.risk.guard_action {
            GuardAction::Reduce => {
                self.guard_after = call.view.now.plus(HOUR_NS);
                let lot = call.plan.common_lot;
                let keep = held.map(|qty| Qty(qty.0 / 2).floor_to(lot));
                if !self.can_keep(call, keep) {
                    return self.flatten(call, None, Reason::Guard, also);
                }
                let close = self.close(call, Removal::Trim, keep, None, self.state, Reason::Guard, also);
                self.begin(close);
            }
            GuardAction::Cut if self.state == State::Locked => {
                let kept = self.cheaper_leg(call);
                let mut keep = [Qty::ZERO; 2];
                keep[kept.ix()] = held[kept.ix()];
                let close = self.close(call, Removal::Unlock, keep, None, State::only(kept), Reason::Guard, also);
                self.begin(close);
                let due = call.view.now.plus(call.plan.strategy.execution.venue_timeout_ns);
                self.desk.set_timer(due, TimerKind::GiveUp);
            }
            _ => self.flatten(call, None, Reason::Guard, also),
        }
    }

    /// Every quantity that is not zero meets its venue's minimum.
    fn can_keep(&self, call: &Call<'_>, keep: [Qty; 2]) -> bool {
        let takes = |role: Role| {
            let (px, _) = call.view.bbo(role).opposite(role.closing());
            self.held_now(call)[role.ix()].is_zero() || call.plan.instrument(role).takes(keep[role.ix()], px)
        };
        takes(Role::Long) && takes(Role::Short)
    }

    /// A quantity can be held on both venues at their prices.
    pub(super) fn is_holdable(&self, call: &Call<'_>, qty: Qty) -> bool {
        Role::BOTH.iter().all(|&role| {
            let (px, _) = call.view.bbo(role).opposite(role.opening());
            px > Price(0) && call.plan.instrument(role).takes(qty, px)
        })
    }

    /// A venue closed a leg or part of it. A liquidation over several levels comes in parts of one moment: the last tells
    /// what is left; nothing is sent before.
    pub(super) fn on_leg_taken(&mut self, call: &mut Call<'_>, lost: Role) {
        if call.view.belief.qty(lost) < call.plan.instrument(lost).lot {
            self.desk.drop_timers(|kind| kind == TimerKind::LegCut(lost));
            self.on_leg_lost(call, lost);
        } else {
            self.desk.set_only(call.view.now, TimerKind::LegCut(lost));
        }
    }

    fn on_leg_lost(&mut self, call: &mut Call<'_>, lost: Role) {
        self.counts.add(Count::LegsLost);
        let survivor = lost.other();
        let alive = call.view.belief.qty(survivor) >= call.plan.instrument(survivor).lot;
        match self.state {
            State::Idle => {}
            State::Locked if alive && call.plan.strategy.risk.on_leg_lost == OnLegLost::Keep => {
                let mut keep = [Qty::ZERO; 2];
                keep[survivor.ix()] = call.view.belief.qty(survivor);
                let then = State::only(survivor);
                let close = self.close(call, Removal::Unlock, keep, None, then, Reason::Liquidation, 0);
                self.begin(close);
            }
            _ if matches!(&self.job, Job::Close(close) if close.then == State::Idle) => {}
            _ => self.flatten(call, None, Reason::Liquidation, 0),
        }
    }

    /// The time exit of the present state is due.
    pub(super) fn time_exit(&mut self, call: &mut Call<'_>) {
        let s = &call.plan.strategy;
        let again = call.view.now.plus(s.execution.close_retry_ns);
        match &self.job {
            Job::Hold | Job::Entry(_) => {}
            Job::Close(close) if close.then == self.state => return self.desk.set_timer(again, TimerKind::Exit),
            _ => return,
        }
        if self.state == State::Idle || self.state == State::Locking {
            return;
        }
        if let Some(settlement) = self.settlement_for_us(call)
            && !self.deferred
        {
            self.deferred = true;
            return self.desk.set_timer(settlement, TimerKind::Exit);
        }
        let exit = Some(s.exit.taking);
        if self.state != State::Locked {
            return self.flatten(call, exit, Reason::Time, 0);
        }
        let held = self.held_now(call);
        match s.locking.on_timeout {
            OnTimeout::CloseBoth => self.begin_unlock(call, [Qty::ZERO; 2], State::Idle, Reason::Timeout, 0),
            OnTimeout::KeepCheaper => {
                let kept = self.cheaper_leg(call);
                let mut keep = [Qty::ZERO; 2];
                keep[kept.ix()] = held[kept.ix()];
                self.begin_unlock(call, keep, State::only(kept), Reason::Timeout, 0);
            }
        }
    }

    /// The first settlement within `exit.defer_for_funding_sec` that pays a leg we hold.
    fn settlement_for_us(&self, call: &Call<'_>) -> Option<Time> {
        let (view, wait_ns) = (call.view, call.plan.strategy.exit.defer_for_funding_ns);
        let pays_us = |role: Role| {
            let rate = known(view.local, view.row, role, call.plan.funding, view.now)?;
            let held = !view.belief.qty(role).is_zero() && rate.rate.0 * role.opening().sign() < 0;
            held.then(|| rate.next_settlement(view.now))
        };
        let first = Role::BOTH.iter().filter_map(|&role| pays_us(role)).min()?;
        (wait_ns > 0 && first.since(view.now) <= wait_ns).then_some(first)
    }
}
