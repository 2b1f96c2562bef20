//! A second, small strategy under the same drivers: bids when the bid is high enough, trails, hedges when the spread is
//! wide, leaves by time or by two of three. It exists to show that the drivers know nothing of the shipped one.

use perpx_core::market::{Command, EventBody, NewOrder, OrderId, OrderKind, OrderState, Role, Side};
use perpx_core::port::{Actions, Extreme, Limits, Moment, StateInfo, Trader, Transition, View};
use perpx_core::signals::{BandRule, SignalId};
use perpx_core::tape::rows::FundingKind;
use perpx_core::units::{Price, Qty, Rate, Time, TimeDelta};
use perpx_core::watch::{Cmp, Level, Op, Series, Watches, holds, trail_level};
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug)]
pub struct DipPlan {
    pub level: Price,
    pub trail: Rate,
    pub hold: TimeDelta,
    pub cool: TimeDelta,
    pub timeout: TimeDelta,
    pub max_age: TimeDelta,
    pub qty: Qty,
    pub tick: Price,
    pub band: BandRule,
    pub volatility: SignalId,
    pub limits: Limits,
}

const IDLE: u8 = 0;
const OPENING: u8 = 1;
const LONG: u8 = 2;
const BOTH: u8 = 3;
const CLOSING: u8 = 4;

const OPEN: u8 = 0;
const FILLED: u8 = 1;
const TRAIL: u8 = 2;
const LOCK: u8 = 3;
const VOTED: u8 = 4;
const TIME: u8 = 5;
const HALT: u8 = 6;
const FLAT: u8 = 7;
const STRAY: u8 = 8;

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Dip {
    state: u8,
    orders: u32,
    working: Vec<(OrderId, Role)>,
    timer: Option<Time>,
    reference: Option<(Price, Time)>,
    idle_until: Time,
    counts: [u64; 1],
}

impl Dip {
    fn go(&mut self, to: u8, reason: u8, out: &mut Actions) {
        out.transition = Some(Transition { from: self.state, to, reason, also: 0 });
        self.state = to;
        self.reference = None;
    }

    fn place(&mut self, venue: Role, side: Side, qty: Qty, limit: Price, kind: OrderKind, out: &mut Actions) {
        self.orders += 1;
        let id = OrderId(self.orders);
        self.working.push((id, venue));
        let reduce_only = side == venue.closing();
        out.commands.push(Command::Place(NewOrder { id, venue, side, qty, limit, kind, reduce_only, covers: false }));
    }

    fn close(&mut self, plan: &DipPlan, view: &View<'_>, reason: u8, out: &mut Actions) {
        for role in Role::BOTH {
            let (qty, side) = (view.belief.qty(role), role.closing());
            let best = view.bbo(role).opposite(side).0;
            let limit = match side {
                Side::Sell => best.scaled_floor(Rate::from_bps(-200)).floor_to(plan.tick),
                Side::Buy => best.scaled_ceil(Rate::from_bps(200)).ceil_to(plan.tick),
            };
            if !qty.is_zero() {
                self.place(role, side, qty, limit, OrderKind::Ioc, out);
            }
        }
        self.timer = Some(view.now.plus(plan.timeout));
        if self.state != CLOSING {
            self.go(CLOSING, reason, out);
        }
    }

    fn on_tick(&mut self, plan: &DipPlan, view: &View<'_>, out: &mut Actions) {
        let holds = |cmp: &Cmp| holds(cmp, view.eval_ctx(), view.row, view.now, view.best);
        let bid = view.bbo(Role::Long).bid;
        match self.state {
            LONG | BOTH if view.breach.is_some() => self.close(plan, view, HALT, out),
            IDLE if view.now >= self.idle_until && view.breach.is_none() && enter(plan).iter().all(holds) => {
                self.place(Role::Long, Side::Buy, plan.qty, bid, OrderKind::PostOnly, out);
                self.timer = Some(view.now.plus(plan.timeout));
                self.go(OPENING, OPEN, out);
            }
            LONG if self.reference.is_none() => self.reference = Some((bid, view.now)),
            LONG if view.best.is_some_and(|best| bid.0 > 0 && bid <= trail_level(best, plan.trail)) => {
                self.close(plan, view, TRAIL, out);
            }
            LONG if lock(plan).iter().all(holds) => {
                let limit = view.bbo(Role::Short).bid.scaled_floor(Rate::from_bps(-20)).floor_to(plan.tick);
                self.place(Role::Short, Side::Sell, view.belief.qty(Role::Long), limit, OrderKind::Ioc, out);
                self.timer = Some(view.now.plus(plan.hold));
                self.go(BOTH, LOCK, out);
            }
            BOTH if !holds(&stale(plan)) && votes(plan).iter().filter(|cmp| holds(cmp)).count() >= 2 => {
                self.close(plan, view, VOTED, out);
            }
            _ => {}
        }
    }

    fn on_timer(&mut self, plan: &DipPlan, view: &View<'_>, out: &mut Actions) {
        self.timer = Some(view.now.plus(plan.timeout));
        for &(id, venue) in &self.working {
            out.commands.push(Command::Cancel { venue, id });
            out.commands.push(Command::Query { venue, id });
        }
        match self.state {
            LONG | BOTH if self.working.is_empty() => self.close(plan, view, TIME, out),
            CLOSING if self.working.is_empty() => self.close(plan, view, TIME, out),
            _ => {}
        }
    }

    fn on_answer(&mut self, plan: &DipPlan, view: &View<'_>, body: &EventBody, out: &mut Actions) {
        self.counts[0] += 1;
        if let EventBody::Done { id, .. }
        | EventBody::Rejected { id, .. }
        | EventBody::Status { id, state: OrderState::Unknown | OrderState::Done { .. } } = *body
        {
            self.working.retain(|working| working.0 != id);
        }
        if !self.working.is_empty() {
            return;
        }
        let (flat, long) = (view.belief.is_flat(), !view.belief.qty(Role::Long).is_zero());
        match self.state {
            IDLE if !flat => self.close(plan, view, STRAY, out),
            OPENING if long && view.breach.is_none() => {
                self.timer = Some(view.now.plus(plan.hold));
                self.go(LONG, FILLED, out);
            }
            OPENING if long => self.close(plan, view, HALT, out),
            OPENING | LONG | BOTH | CLOSING if flat => {
                self.timer = None;
                self.idle_until = view.now.plus(plan.cool);
                self.go(IDLE, FLAT, out);
            }
            BOTH if !long => self.close(plan, view, STRAY, out),
            _ => {}
        }
    }
}

fn cmp(series: Series, op: Op, level: Level) -> Cmp {
    Cmp { series, op, level }
}

fn fresh(plan: &DipPlan, role: Role) -> Cmp {
    cmp(Series::Age(role), Op::Le, Level::Int(plan.max_age.0))
}

fn enter(plan: &DipPlan) -> [Cmp; 2] {
    [cmp(Series::Bid(Role::Long), Op::Ge, Level::Int(plan.level.0)), fresh(plan, Role::Long)]
}

fn lock(plan: &DipPlan) -> [Cmp; 3] {
    [cmp(Series::Spread, Op::Ge, Level::Upper(plan.band)), fresh(plan, Role::Long), fresh(plan, Role::Short)]
}

fn stale(plan: &DipPlan) -> Cmp {
    cmp(Series::Age(Role::Short), Op::Gt, Level::Int(plan.max_age.0))
}

fn votes(plan: &DipPlan) -> [Cmp; 3] {
    [
        cmp(Series::Spread, Op::Lt, Level::Lower(plan.band)),
        cmp(Series::FundingDiff { kind: FundingKind::Predicted, first: Role::Long }, Op::Gt, Level::Wide(0)),
        cmp(Series::Bar(plan.volatility), Op::Ge, Level::Real(2.0)),
    ]
}

impl Trader for Dip {
    type Plan = DipPlan;
    const STATES: &'static [StateInfo] = &[
        StateInfo { name: "idle", unmatched: perpx_core::ledger::Line::Legging, locked: false },
        StateInfo { name: "opening", unmatched: perpx_core::ledger::Line::Price, locked: false },
        StateInfo { name: "long", unmatched: perpx_core::ledger::Line::Price, locked: false },
        StateInfo { name: "both", unmatched: perpx_core::ledger::Line::Legging, locked: true },
        StateInfo { name: "closing", unmatched: perpx_core::ledger::Line::Legging, locked: false },
    ];
    const REASONS: &'static [&'static str] =
        &["open", "filled", "trail", "lock", "voted", "time", "halt", "flat", "stray"];
    const COUNTERS: &'static [&'static str] = &["heard"];

    fn step(&mut self, plan: &DipPlan, moment: Moment, view: &View<'_>, out: &mut Actions) {
        match moment {
            Moment::Tick => self.on_tick(plan, view, out),
            Moment::Timer => self.on_timer(plan, view, out),
            Moment::Answer(event) => self.on_answer(plan, view, &event.body, out),
        }
    }

    fn watches(&self, plan: &DipPlan, out: &mut Watches) {
        match self.state {
            IDLE => {
                let rule = out.rule();
                rule.after = Some(self.idle_until);
                rule.all.extend(enter(plan));
            }
            LONG if self.reference.is_none() => {
                out.rule();
            }
            LONG => {
                out.rule().and(Series::Bid(Role::Long), Op::Le, Level::Trail(plan.trail));
                out.rule().all.extend(lock(plan));
            }
            BOTH => {
                let rule = out.rule();
                rule.none.push(stale(plan));
                rule.votes.extend(votes(plan));
                rule.needed = 2;
            }
            _ => {}
        }
    }

    fn next_timer(&self) -> Option<Time> {
        self.timer
    }

    fn resume(&mut self, at: Time, forgotten: u32) {
        self.timer = self.timer.map(|due| due.max(at));
        self.orders += forgotten;
    }

    fn state(&self) -> u8 {
        self.state
    }

    fn extreme(&self, _plan: &DipPlan) -> Option<Extreme> {
        let (start, since) = self.reference?;
        Some(Extreme { role: Role::Long, since, start })
    }

    fn limits(plan: &DipPlan) -> Limits {
        plan.limits
    }

    fn counters(&self) -> &[u64] {
        &self.counts
    }

    fn is_quiet(&self) -> bool {
        self.working.is_empty()
    }
}
