//! Removals: everything that makes legs smaller. Exits, unlocks, trims, rollbacks, buying back a failed lock. Orders that
//! work are cancelled and their end awaited; then each leg is closed, and closed again, until it is down to what is kept.
//! With the second-best venue of strategy.md 6 where a venue refuses or is silent.

use super::order_manager::doubled;
use super::{Count, Ended, ExecCtx, OrderManager, TimerKind, Working};
use crate::config::Taking;
use crate::market::{OrderId, OrderKind, Reject, Role};
use crate::strategy::{Reason, State};
use crate::units::{Price, Qty, Rate, SECOND, Time, TimeDelta};
use serde::{Deserialize, Serialize};

/// Closes of a mandate that fill nothing before the next step of its price, and how many steps there are.
const TRIES: u32 = 3;
const STEPS: u32 = 3;
/// Between two closes of a mandate after its last step.
const AFTER_STEPS: TimeDelta = SECOND.times(5);

/// What is being done, for the rules that differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Removal {
    /// All of it: exits of S1, S4, S5, rollback. A venue that is silent or refuses may be hedged on the other.
    Flatten,
    /// One or both legs of S3.
    Unlock,
    /// Down to the matched quantity, half, or what may be kept. The state stays.
    Trim,
}

/// The opposite leg opened on the other venue while one does not answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hedge {
    /// Whose venue refuses or is silent.
    pub role: Role,
    /// It has answered again: close both at the next tick with fresh quotes.
    pub back: bool,
    /// Queries sent for its return while no order of it works.
    probes: u32,
}

/// The job that brings both legs down to what is to stay, and hedges what it cannot close.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Close {
    /// What of the position is closed.
    pub removal: Removal,
    /// By role: what stays.
    pub keep: [Qty; 2],
    /// How closes are sent.
    pub taking: Taking,
    /// The state that follows, and why.
    pub then: State,
    /// Reason of the transition at the end.
    pub reason: Reason,
    /// Reasons that held beside it, a bit each.
    pub also: u32,
    /// Closes take up to `urgent_slip` and none of them rests.
    pub urgent: bool,
    /// An unlock that took too long: nothing more is sent, the end of what is in flight is awaited.
    pub given_up: bool,
    /// The other venue may hedge what this one cannot close: naked delta is to go, and no lock is being opened up.
    pub may_hedge: bool,
    /// The hedge that stands, or is under way.
    pub hedge: Option<Hedge>,
    /// When the first hedge began, for the count of hedged time.
    hedged_since: Option<Time>,
    /// By role: the passive order of the style is spent.
    passive_spent: [bool; 2],
    /// By role: closes sent.
    sent: [u32; 2],
    /// By role: orders in a row that filled nothing, and the best price of our own side when the last one was sent.
    unfilled: [(u32, Price); 2],
    /// By role: orders in a row that filled nothing, whatever the price did meanwhile.
    missed: [u32; 2],
    /// By role: since when every close has been refused by a venue that could not, or would not.
    refused_since: [Option<Time>; 2],
    /// By role: the silence of the leg's venue may have a timer.
    watched: [bool; 2],
}

impl Close {
    /// A close that has sent nothing yet; `keep` by role, not negative.
    pub fn new(removal: Removal, keep: [Qty; 2], taking: Taking, then: State, reason: Reason, also: u32) -> Close {
        assert!(keep.iter().all(|qty| qty.0 >= 0), "to keep {keep:?}");
        Close {
            removal,
            keep,
            taking,
            then,
            reason,
            also,
            urgent: false,
            given_up: false,
            may_hedge: false,
            hedge: None,
            hedged_since: None,
            passive_spent: [false; 2],
            sent: [0; 2],
            unfilled: [(0, Price(0)); 2],
            missed: [0; 2],
            refused_since: [None; 2],
            watched: [false; 2],
        }
    }

    /// Goes on where a removal before it stood with its venues.
    pub fn take_over(&mut self, before: &Close) {
        self.hedge = before.hedge;
        self.hedged_since = before.hedged_since;
        self.refused_since = before.refused_since;
    }

    /// Everything is being closed by urgent takers already.
    pub fn is_flattening(&self) -> bool {
        self.urgent && self.then == State::Idle && self.keep == [Qty::ZERO; 2]
    }

    /// What of a leg is still to go, in its venue's lots; less is dust. Of a leg that stays, what the venue does not take
    /// in its own size stays too.
    fn excess(&self, ctx: &ExecCtx<'_>, role: Role) -> Qty {
        let (held, keep) = (ctx.held(role), self.keep[role.ix()]);
        if held <= keep {
            return Qty::ZERO;
        }
        let instrument = ctx.plan.instrument(role);
        let excess = (held - keep).floor_to(instrument.lot);
        let stays = !keep.is_zero() && {
            let (px, _) = ctx.bbo(role).opposite(role.closing());
            px.0 > 0 && !instrument.takes_as(self.next_kind(ctx, role, excess), excess, px)
        };
        if stays { Qty::ZERO } else { excess }
    }

    /// How the next order goes out: by the style, but what is too small to rest is taken where the style allows it.
    fn next_kind(&self, ctx: &ExecCtx<'_>, role: Role, excess: Qty) -> OrderKind {
        let (r, style) = (role.ix(), self.taking.style);
        let too_small = || {
            let (px, _) = ctx.bbo(role).opposite(role.closing());
            !self.keep[r].is_zero() && !ctx.is_tradable(role, excess, px)
        };
        let taken = !style.may_make() || style.may_take() && (self.passive_spent[r] || too_small());
        if taken { OrderKind::Ioc } else { OrderKind::PostOnly }
    }

    /// Quantity by which a leg stands alone.
    fn naked(&self, ctx: &ExecCtx<'_>, role: Role) -> Qty {
        (ctx.held(role) - ctx.held(role.other())).max(Qty::ZERO)
    }

    /// An order of this trader ended: sends what follows from it at the next drive.
    pub fn on_end(&mut self, manager: &mut OrderManager, ctx: &mut ExecCtx<'_>, ended: &Ended) {
        let (role, r) = (ended.role, ended.role.ix());
        if ended.side == role.opening() || self.sent[r] == 0 {
            // a hedge is repeated after a pause; what was under way before is followed up as it ends
            if self.hedge.is_some() {
                manager.pause(ctx, role, ctx.plan.strategy.execution.close_retry);
            }
            return;
        }
        match ended.rejected {
            // a limit, a rule, a price, margin say nothing of the venue's health
            Some(Reject::Unavailable | Reject::Drawn) => drop(self.refused_since[r].get_or_insert(ctx.now())),
            // and what was never sent says nothing at all
            Some(reject) if reject.is_local() => {}
            _ => self.refused_since[r] = None,
        }
        if ended.filled.0 > 0 {
            self.unfilled[r].0 = 0;
        }
        self.missed[r] = if ended.filled.0 > 0 { 0 } else { self.missed[r] + 1 };
        if ended.kind != OrderKind::PostOnly || !self.taking.style.may_take() {
            manager.pause(ctx, role, self.wait(ctx, role));
            self.unfilled[r].0 += u32::from(ended.filled.is_zero());
        }
        let timeout = ctx.plan.strategy.execution.venue_timeout;
        let is_refused =
            self.refused_since[r].is_some_and(|since| ctx.now().since(since) >= patience(timeout, manager));
        if is_refused && ctx.now() >= manager.fence_end(role, ctx) && self.is_hedgeable(ctx, role) {
            self.begin_hedge(manager, ctx, role);
        }
    }

    /// The pause after an order that ended: urgent closes do not back off, but for those of a mandate that no step has filled.
    fn wait(&self, ctx: &ExecCtx<'_>, role: Role) -> TimeDelta {
        if ctx.view.mandate.closes[role.ix()] && self.missed[role.ix()] >= TRIES * STEPS {
            return AFTER_STEPS;
        }
        let times = if self.urgent { 0 } else { self.unfilled[role.ix()].0 };
        doubled(ctx.plan.strategy.execution.close_retry, times)
    }

    /// How far beyond the best price a taking close goes. What a mandate closes goes further each time that some orders of a step
    /// have filled nothing: 50, 100, 200 bp.
    fn slip(&self, ctx: &ExecCtx<'_>, role: Role) -> Rate {
        let step = if ctx.view.mandate.closes[role.ix()] { self.missed[role.ix()] / TRIES } else { 0 };
        Rate(self.taking.slip.0 << step.min(STEPS - 1))
    }

    /// The leg's venue lives but does not know its order: one more close of the whole leg may follow.
    pub fn on_doubt(&mut self, manager: &mut OrderManager, ctx: &ExecCtx<'_>, role: Role) {
        if manager.orders(role).count() == 1 && !manager.is_pausing(role) {
            manager.pause(ctx, role, ctx.plan.strategy.execution.close_retry);
        }
    }

    /// The leg stands alone, is to be closed, and nothing hedges it yet.
    fn is_hedgeable(&self, ctx: &ExecCtx<'_>, role: Role) -> bool {
        self.may_hedge
            && ctx.may_open(true)
            && self.hedge.is_none()
            && self.naked(ctx, role).0 > 0
            && self.excess(ctx, role).0 > 0
    }

    /// Hedges a leg whose venue, asked, has reported nothing for long enough; where that is not so yet, a timer says when.
    fn watch_silence(&mut self, manager: &mut OrderManager, ctx: &mut ExecCtx<'_>, role: Role) {
        let since = manager.silent_since(role).filter(|_| self.is_hedgeable(ctx, role));
        let watched = std::mem::replace(&mut self.watched[role.ix()], since.is_some());
        let Some(since) = since else {
            if watched {
                manager.drop_timers(|kind| kind == TimerKind::Silence(role));
            }
            return;
        };
        let patience = patience(ctx.plan.strategy.execution.venue_timeout, manager);
        let due = since.plus(patience).max(manager.fence_end(role, ctx));
        if ctx.now() < due {
            manager.set_only(due, TimerKind::Silence(role));
        } else {
            self.begin_hedge(manager, ctx, role);
        }
    }

    /// The other venue takes over, unless the trade has had its hedges.
    fn begin_hedge(&mut self, manager: &mut OrderManager, ctx: &mut ExecCtx<'_>, role: Role) {
        let most = ctx.plan.strategy.execution.max_hedges;
        if manager.hedges >= most {
            ctx.counts.add_n(Count::HedgesExhausted, u64::from(manager.hedges == most));
            manager.hedges = most + 1;
            return;
        }
        manager.hedges += 1;
        ctx.counts.add(Count::Hedges);
        self.hedge = Some(Hedge { role, back: false, probes: 0 });
        self.hedged_since.get_or_insert(ctx.now());
        manager.await_return(ctx, role);
    }

    /// Asks again whether the venue is back.
    pub fn probe(&mut self, manager: &mut OrderManager, ctx: &mut ExecCtx<'_>, role: Role) {
        if let Some(hedge) = self.hedge.as_mut().filter(|hedge| hedge.role == role && !hedge.back) {
            manager.probe(ctx, role, hedge.probes);
            hedge.probes += 1;
        }
    }

    /// The silent venue is back and both quotes are fresh: both legs close together by taker.
    pub fn end_hedge(&mut self, ctx: &ExecCtx<'_>) {
        self.hedge = None;
        self.refused_since = [None; 2];
        self.keep = [Qty::ZERO; 2];
        self.urgent = true;
        self.taking = urgent(ctx.plan);
        // what rests from before is not waited for
        self.sent = [0; 2];
    }

    /// Sends what is missing; true when nothing is left to close and no order is open or unknown.
    pub fn drive(&mut self, manager: &mut OrderManager, ctx: &mut ExecCtx<'_>) -> bool {
        let mut done = true;
        for role in Role::BOTH {
            done &= self.drive_leg(manager, ctx, role);
        }
        done &= self.hedge.is_none();
        if done && let Some(since) = self.hedged_since {
            ctx.counts.add_n(Count::HedgedNs, ctx.now().since(since).0.max(0) as u64);
        }
        done
    }

    /// One leg; true when nothing of it is left to close and no order of it is open or unknown.
    fn drive_leg(&mut self, manager: &mut OrderManager, ctx: &mut ExecCtx<'_>, role: Role) -> bool {
        self.watch_silence(manager, ctx, role);
        if let Some(hedge) = self.hedge {
            if role != hedge.role && !hedge.back && manager.working(role).is_none() && !manager.is_pausing(role) {
                self.open_hedge(manager, ctx, hedge.role);
            }
            return false;
        }
        // orders of the state before: they open, or they rest for a removal that this one took over
        let old = |order: &Working| order.side == role.opening() || self.sent[role.ix()] == 0 || self.given_up;
        let old: Vec<OrderId> = manager.orders(role).filter(|order| old(order)).map(|order| order.id).collect();
        old.into_iter().for_each(|id| manager.cancel(ctx, id));
        let excess = self.excess(ctx, role);
        if excess.0 == 0 {
            return manager.working(role).is_none();
        }
        let free = !self.given_up && manager.takes_close(role, self.keep[role.ix()].is_zero());
        // a venue that takes the leg itself may not have reported the last part
        if free && !manager.is_pausing(role) && !manager.has_timer(TimerKind::LegCut(role)) {
            self.send(manager, ctx, role, excess);
        }
        false
    }

    /// Opens on the other venue what of the stuck leg stands alone.
    fn open_hedge(&self, manager: &mut OrderManager, ctx: &mut ExecCtx<'_>, stuck: Role) {
        let other = stuck.other();
        let qty = self.naked(ctx, stuck).floor_to(ctx.plan.instrument(other).lot);
        let (px, _) = ctx.bbo(other).opposite(other.opening());
        if ctx.is_tradable(other, qty, px) {
            manager.hedge_taking(ctx, other, qty, ctx.plan.strategy.execution.urgent_slip);
        }
    }

    /// The next close of a leg by the style: it rests first, then it takes; urgent ones take at once.
    fn send(&mut self, manager: &mut OrderManager, ctx: &mut ExecCtx<'_>, role: Role, excess: Qty) {
        let r = role.ix();
        let style = self.taking.style;
        let (best, _) = ctx.bbo(role).best(role.closing());
        if self.unfilled[r].1 != best {
            self.unfilled[r] = (0, best);
        }
        let kind = self.next_kind(ctx, role, excess);
        let is_held = kind == OrderKind::PostOnly && manager.is_held(ctx, role);
        let kind = if is_held { OrderKind::Ioc } else { kind };
        let qty = legal(ctx, role, excess, self.keep[r].is_zero(), kind);
        let sent = if kind == OrderKind::PostOnly {
            self.passive_spent[r] = true;
            manager.close_passive(ctx, role, qty, self.taking.passive_timeout)
        } else if style.may_take() {
            manager.close_taking(ctx, role, qty, self.slip(ctx, role))
        } else {
            false
        };
        if sent {
            self.sent[r] += 1;
            ctx.counts.add_n(Count::ClosesResent, u64::from(self.sent[r] > 1));
        } else {
            manager.pause(ctx, role, self.wait(ctx, role));
        }
    }
}

/// How long a venue must have been silent or refusing before the next hedge of a trade.
fn patience(venue_timeout: TimeDelta, manager: &OrderManager) -> TimeDelta {
    venue_timeout.times(1 << manager.hedges.min(30))
}

/// A residue that the venue does not take in its own size goes out as the smallest legal order, reduce-only, when all of
/// the leg is to go: the venue trims it to the position.
fn legal(ctx: &ExecCtx<'_>, role: Role, excess: Qty, all: bool, kind: OrderKind) -> Qty {
    let instrument = ctx.plan.instrument(role);
    let (px, _) = ctx.bbo(role).opposite(role.closing());
    if !all || px.0 <= 0 || instrument.takes_as(kind, excess, px) {
        return excess;
    }
    let for_value = (instrument.min_notional.0 + i128::from(px.0) - 1) / i128::from(px.0);
    let least = instrument.min_qty.0.max(for_value as i64);
    Qty((least + instrument.lot.0 - 1) / instrument.lot.0 * instrument.lot.0)
}

/// Urgent closes: taker with `urgent_slip_bp`.
pub fn urgent(plan: &crate::strategy::Plan) -> Taking {
    Taking {
        style: crate::config::Style::Taker,
        passive_timeout: TimeDelta::ZERO,
        slip: plan.strategy.execution.urgent_slip,
    }
}
