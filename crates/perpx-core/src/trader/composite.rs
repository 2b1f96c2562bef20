//! The composite strategy as a [`Trader`]: strategy, execution and risk around one state.

use crate::execution::{
    COUNTER_DOCS, COUNTERS, Close, Counts, Entry, ExecCtx, Lock, OrderManager, Pair, Removal, TimerKind, Working,
};
use crate::ledger::Belief;
use crate::market::{Event, EventBody, Role};
use crate::port::{Actions, Breach, Extreme, Limits, Mandate, Moment, StateInfo, Trader, Transition, View};
use crate::strategy::{
    self, Levels, Plan, REASON_DOCS, REASONS, Reason, STATE_DOCS, STATES, State, StateView, WakeView,
};
use crate::units::{Price, Qty, Time};
use crate::watch::{Legs, Watches};
use serde::{Deserialize, Serialize};

/// What is under way in the present state.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) enum Job {
    /// Nothing: the position stands.
    Hold,
    Entry(Entry),
    /// `None` while the entry's last order is awaited.
    Lock(Option<Lock>),
    Pair(Pair),
    Close(Close),
}

/// Whether limits have ended trading.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Halted {
    No,
    Until(Time),
    Final,
}

/// The cross-venue strategy with its execution: the trader that sweeps and live runs move.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Composite {
    /// S0 to S5.
    pub(super) state: State,
    /// Role of the first leg of the present (or last) trade.
    pub(super) first: Role,
    /// What is being done about the position.
    pub(super) job: Job,
    /// The orders that may live.
    pub(super) manager: OrderManager,
    /// Of the present state.
    pub(super) levels: Levels,
    /// Open quantities by role, as last booked.
    held: [Qty; 2],
    /// By a limit, or by failures.
    pub(super) halted: Halted,
    /// A halt that our own counting found: acts at the next tick.
    pub(super) halt_due: bool,
    /// Failures in a row.
    pub(super) failures: u32,
    /// S0: no gate before this.
    pub(super) gate_after: Time,
    /// S1: when its entry order was decided, for the time exit.
    pub(super) entered_at: Time,
    /// S1 after a retry: the price must fall below the trigger once.
    pub(super) lock_blocked: bool,
    /// S3.
    pub(super) armed: bool,
    /// When the lock was complete.
    pub(super) locked_at: Time,
    /// S4, S5: R and the tick that set it.
    pub(super) reference: Option<(Price, Time)>,
    /// A time exit was put off for a settlement that pays us.
    pub(super) deferred: bool,
    /// The funding guard does nothing before this.
    pub(super) guard_after: Time,
    /// What is counted.
    pub(super) counts: Counts,
}

impl Default for Composite {
    fn default() -> Composite {
        Composite {
            state: State::Idle,
            first: Role::Long,
            job: Job::Hold,
            manager: OrderManager::default(),
            levels: Levels::default(),
            held: [Qty::ZERO; 2],
            halted: Halted::No,
            halt_due: false,
            failures: 0,
            gate_after: Time::MIN,
            entered_at: Time::MIN,
            lock_blocked: false,
            armed: false,
            locked_at: Time::MIN,
            reference: None,
            deferred: false,
            guard_after: Time::MIN,
            counts: Counts::default(),
        }
    }
}

/// One call of `step`: what it may look at and write to.
pub(super) struct StepCtx<'a> {
    /// What the run trades by.
    pub plan: &'a Plan,
    /// What it sees.
    pub view: &'a View<'a>,
    /// What it sends and says.
    pub out: &'a mut Actions,
}

/// The context of execution for this call.
pub(super) fn exec_ctx<'b>(step: &'b mut StepCtx<'_>, counts: &'b mut Counts) -> ExecCtx<'b> {
    ExecCtx { plan: step.plan, view: step.view, commands: &mut step.out.commands, counts }
}

/// When the present bar closes.
pub(super) fn next_bar(step: &StepCtx<'_>) -> Time {
    let bar_length = step.plan.strategy.bar_length;
    Time::at((step.view.now.steps(bar_length) + 1) * bar_length)
}

/// The price at which a leg can be closed, at the last tick.
fn closing_px(role: Role, view: &View<'_>) -> Price {
    view.bbo(role).opposite(role.closing()).0
}

impl Composite {
    /// Orders that are not known to be over, in the order of sending.
    pub fn orders(&self) -> &[Working] {
        self.manager.alive()
    }

    /// The transition of this step, if the state changes.
    pub(super) fn go(&mut self, step: &mut StepCtx<'_>, to: State, reason: Reason, also: u32) {
        assert!(
            step.out.transition.is_none(),
            "one transition a step: {:?}, then {to:?} {reason:?}",
            step.out.transition
        );
        if to != self.state {
            let transition = Transition { from: self.state as u8, to: to as u8, reason: reason as u8, also };
            step.out.transition = Some(transition);
            // the hour after a reduction belongs to the position of one state
            self.guard_after = Time::MIN;
        }
        self.state = to;
    }

    /// Everything is being closed already.
    pub(super) fn is_flattening(&self) -> bool {
        matches!(&self.job, Job::Close(close) if close.is_flattening())
    }

    /// What decides which conditions are looked at.
    #[inline]
    fn state_view<'a>(&self, levels: &'a Levels, plan: &Plan, halt: bool) -> StateView<'a> {
        StateView {
            state: self.state,
            first: self.first,
            levels,
            buffered: !self.is_flattening(),
            halt,
            open_to_market: self.is_open_to_market(plan),
            stop_only: matches!(&self.job, Job::Close(close) if close.removal == Removal::Trim),
            lock_ready: !self.lock_blocked,
            arming: self.is_arming(),
            bands_ready: self.armed,
            guard_after: self.guard_after,
            gate_after: self.gate_from(),
        }
    }

    /// S0: the gate is looked at from this moment on; `None` = shut.
    fn gate_from(&self) -> Option<Time> {
        match self.halted {
            Halted::Final => None,
            _ if !matches!(self.job, Job::Hold) || !self.manager.is_quiet() => None,
            Halted::Until(time) => Some(time.max(self.gate_after)),
            Halted::No => Some(self.gate_after),
        }
    }

    /// Prices, bands and guard are judged: more than dust is held and no removal is under way.
    fn is_open_to_market(&self, plan: &Plan) -> bool {
        let held = Role::BOTH.iter().any(|&role| self.held[role.ix()] >= plan.instrument(role).lot);
        match self.state {
            State::Locking => held && !matches!(self.job, Job::Close(_)),
            _ => held && matches!(self.job, Job::Hold | Job::Entry(_)),
        }
    }

    /// S3: any fresh tick between the bands arms them, also while a trim or an unlock runs.
    fn is_arming(&self) -> bool {
        let leaving = matches!(&self.job, Job::Close(close) if close.removal == Removal::Flatten);
        self.state == State::Locked && !self.armed && !leaving
    }

    /// No band fires before this.
    fn bands_after(&self, plan: &Plan) -> Time {
        self.locked_at.plus(plan.strategy.locking.min_lock)
    }

    /// A limit is newly breached, or failures have come to their limit.
    fn is_halt(&self, breach: Option<Breach>, now: Time) -> bool {
        let new = match (breach, self.halted) {
            (None, _) | (Some(_), Halted::Final) => false,
            (Some(Breach::DailyLoss), Halted::Until(time)) => time <= now,
            (Some(_), _) => true,
        };
        self.halt_due || new
    }

    /// Judges the conditions of the state, and brings everything into line.
    fn on_tick(&mut self, step: &mut StepCtx<'_>) {
        if step.view.mandate != Mandate::FULL && self.heed(step) {
            return self.settle(step, false);
        }
        let halt = self.is_halt(step.view.breach, step.view.now);
        if self.state == State::Idle && matches!(self.job, Job::Hold) && !halt {
            let decision = self.gate_from().and_then(|after| strategy::gate_opens(after, step.plan, step.view));
            if let Some(decision) = decision {
                self.act(step, decision);
                self.settle(step, false);
            }
            return;
        }
        let levels = self.levels;
        let mut own = self.state_view(&levels, step.plan, halt);
        own.bands_ready &= step.view.tick_time() >= self.bands_after(step.plan);
        let noticed = self.notice(step);
        let decision = strategy::judge(&own, step.plan, step.view);
        if let Some(decision) = decision {
            self.act(step, decision);
        }
        if noticed || decision.is_some() {
            self.settle(step, noticed);
        }
    }

    /// What a tick may change without asking for anything: arming, R, the price falling back, a venue's return.
    fn notice(&mut self, step: &mut StepCtx<'_>) -> bool {
        let (plan, view) = (step.plan, step.view);
        self.armed |= self.is_arming() && strategy::is_inside(plan, view);
        if let Job::Close(close) = &mut self.job {
            let exec_ctx = exec_ctx(step, &mut self.counts);
            let back = close.hedge.is_some_and(|hedge| hedge.back) && exec_ctx.fresh();
            if back {
                close.end_hedge(&exec_ctx);
                self.manager.drop_timers(|kind| matches!(kind, TimerKind::Resume(_)));
            }
            return back;
        }
        if !self.is_open_to_market(plan) {
            return false;
        }
        match self.state {
            State::FirstLeg if self.lock_blocked => {
                let px = closing_px(self.first, view);
                let at_trigger = self.levels.lock.is_some_and(|level| strategy::gained(self.first, px, level));
                self.lock_blocked = px.0 <= 0 || at_trigger;
                !self.lock_blocked
            }
            State::LongOnly | State::ShortOnly if self.reference.is_none() => {
                let px = closing_px(self.state.kept().unwrap_or(self.first), view);
                self.reference = (px.0 > 0).then_some((px, view.tick_time()));
                self.reference.is_some()
            }
            _ => false,
        }
    }

    /// Books what was heard, and follows it up.
    fn on_answer(&mut self, step: &mut StepCtx<'_>, event: &Event) {
        let heard = self.manager.hear(&mut exec_ctx(step, &mut self.counts), event);
        if heard.missed {
            self.fail(step);
        }
        if let Job::Close(close) = &mut self.job
            && let Some(hedge) = &mut close.hedge
            && hedge.role == event.venue
            && event.body.order().is_some()
        {
            hedge.back = true;
        }
        if let (Some(role), Job::Close(close)) = (heard.in_doubt, &mut self.job) {
            close.on_doubt(&mut self.manager, &exec_ctx(step, &mut self.counts), role);
        }
        if let Some(ended) = heard.ended {
            let mut exec_ctx = exec_ctx(step, &mut self.counts);
            match &mut self.job {
                _ if ended.is_stray => {}
                Job::Entry(entry) => entry.on_end(&exec_ctx, &ended),
                Job::Lock(Some(lock)) if ended.role == self.first.other() => {
                    lock.on_end(&mut self.manager, &exec_ctx, &ended);
                }
                Job::Pair(pair) => pair.on_end(&mut self.manager, &exec_ctx, &ended),
                Job::Close(close) => close.on_end(&mut self.manager, &mut exec_ctx, &ended),
                Job::Hold | Job::Lock(_) => {}
            }
        }
        if let EventBody::Liquidated { .. } = event.body {
            self.on_leg_taken(step, event.venue);
        }
        self.settle(step, event.body.is_entry());
    }

    /// Brings everything into line with what is held: the job's next orders, levels, net delta. Levels depend on the
    /// books, the state and R alone: `moved` tells that the books or R changed in this call.
    fn settle(&mut self, step: &mut StepCtx<'_>, moved: bool) {
        self.held = Role::BOTH.map(|role| step.view.belief.qty(role));
        self.catch_stray(step);
        while self.drive(step) {}
        self.watch_delta(step);
        if moved || step.out.transition.is_some() {
            self.relevel(step);
        }
    }

    /// Prices at which the conditions of the present state hold.
    fn relevel(&mut self, step: &StepCtx<'_>) {
        self.bind(step.plan, step.view.belief);
    }

    /// As [`Composite::relevel`], for a trader that goes on by this plan.
    pub(crate) fn bind(&mut self, plan: &Plan, belief: &Belief) {
        let s = &plan.strategy;
        let leg = |role: Role| &belief.books[role.ix()].leg;
        let mut levels = Levels::default();
        if let Some(x) = s.risk.liq_buffer {
            levels.buffer = Role::BOTH.map(|role| {
                let margin = belief.books[role.ix()].leg_margin()?;
                let px = margin.liquidation_level(&plan.instrument(role).margin)?;
                Some(strategy::buffer_level(role, px, x))
            });
        }
        match self.state {
            State::FirstLeg | State::Locking if !leg(self.first).qty.is_zero() => {
                levels.lock = Some(strategy::gain_level(self.first, leg(self.first), s.locking.g));
                let stop = s.risk.stop_loss_first_leg;
                levels.stop = stop.map(|fraction| strategy::loss_level(self.first, leg(self.first), fraction));
            }
            State::LongOnly | State::ShortOnly => {
                if let (Some(role), Some((px, _))) = (self.state.kept(), self.reference)
                    && !leg(role).qty.is_zero()
                {
                    levels.stop = s.exit.stop_loss.map(|fraction| strategy::loss_from(role, px, fraction));
                    levels.rebound = s.exit.rebound.map(|fraction| strategy::gain_from(role, px, fraction));
                    levels.take_profit =
                        s.exit.take_profit.map(|fraction| strategy::gain_level(role, leg(role), fraction));
                }
            }
            _ => {}
        }
        self.levels = levels;
    }
}

impl Trader for Composite {
    type Plan = Plan;
    const STATES: &'static [StateInfo] = STATES;
    const REASONS: &'static [&'static str] = REASONS;
    const COUNTERS: &'static [&'static str] = COUNTERS;
    const STATE_DOCS: &'static [&'static str] = STATE_DOCS;
    const REASON_DOCS: &'static [&'static str] = REASON_DOCS;
    const COUNTER_DOCS: &'static [&'static str] = COUNTER_DOCS;

    fn step(&mut self, plan: &Plan, moment: Moment, view: &View<'_>, out: &mut Actions) {
        let mut step = StepCtx { plan, view, out };
        match moment {
            Moment::Tick => self.on_tick(&mut step),
            Moment::Answer(event) => self.on_answer(&mut step, &event),
            Moment::Timer => {
                if let Some(kind) = self.manager.pop_timer(view.now) {
                    self.on_timer(&mut step, kind);
                    self.settle(&mut step, false);
                }
            }
        }
    }

    fn watches(&self, plan: &Plan, out: &mut Watches) {
        let venue_back = matches!(&self.job, Job::Close(close) if close.hedge.is_some_and(|hedge| hedge.back));
        let wake = WakeView {
            legs: Legs { long: self.held[0], short: self.held[1] },
            lock_blocked: self.lock_blocked,
            bands_after: self.bands_after(plan),
            reference_unset: self.reference.is_none(),
            venue_back,
        };
        strategy::watches(&self.state_view(&self.levels, plan, self.halt_due), &wake, plan, out);
    }

    fn next_timer(&self) -> Option<Time> {
        self.manager.next_timer()
    }

    fn resume(&mut self, at: Time, forgotten: u32) {
        self.manager.postpone(at);
        self.manager.skip_numbers(forgotten);
    }

    fn state(&self) -> u8 {
        self.state as u8
    }

    fn extreme(&self, plan: &Plan) -> Option<Extreme> {
        plan.strategy.exit.trail?;
        let (role, (start, since)) = (self.state.kept()?, self.reference?);
        Some(Extreme { role, since, start })
    }

    fn limits(plan: &Plan) -> Limits {
        Limits { drawdown: plan.strategy.risk.max_drawdown, daily_loss: plan.strategy.risk.max_daily_loss }
    }

    fn counters(&self) -> &[u64] {
        &self.counts.0
    }

    fn is_hedging(&self) -> bool {
        matches!(&self.job, Job::Close(close) if close.hedge.is_some())
    }

    fn is_quiet(&self) -> bool {
        self.manager.is_quiet() && self.job == Job::Hold
    }
}
