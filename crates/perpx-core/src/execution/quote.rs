//! Prices of the orders that jobs send (strategy.md, 3).

use super::{ExecCtx, OrderManager, TimerKind};
use crate::config::TimeInForce;
use crate::market::{NewOrder, OrderId, OrderKind, Role, Side};
use crate::units::{Price, Qty, Rate, TimeDelta};

impl OrderManager {
    /// Post-only at own best to open `qty` of a leg, with its passive timeout. False without a quote or a mandate.
    pub(super) fn open_passive(&mut self, ctx: &mut ExecCtx<'_>, open: Opening, timeout: TimeDelta) -> bool {
        let Opening { role, qty, covers } = open;
        ctx.may_open(covers) && self.passive(ctx, order(role, role.opening(), qty, covers), timeout)
    }

    /// Post-only at own best to close `qty` of a leg.
    pub(super) fn close_passive(&mut self, ctx: &mut ExecCtx<'_>, role: Role, qty: Qty, timeout: TimeDelta) -> bool {
        self.passive(ctx, order(role, role.closing(), qty, false), timeout)
    }

    /// Sends an order that rests at our own best price and is cancelled after the timeout; false where there is no such
    /// price.
    fn passive(&mut self, ctx: &mut ExecCtx<'_>, order: NewOrder, timeout: TimeDelta) -> bool {
        let role = order.venue;
        let (limit, _) = ctx.bbo(role).best(order.side);
        if limit.0 <= 0 {
            return false;
        }
        let id = self.place(ctx, NewOrder { limit, kind: OrderKind::PostOnly, ..order });
        self.set_timer(ctx.now().plus(timeout), TimerKind::Passive(role, id));
        true
    }

    /// Takes to open `qty` of a leg, by `execution.tif`: limit = opposite best made worse by `slip`, rounded to the passive
    /// side of the tick but never better than that best; on stale quotes within `urgent_slip_bp` of it too. False without a
    /// quote or a mandate.
    pub(super) fn open_taking(&mut self, ctx: &mut ExecCtx<'_>, open: Opening, slip: Rate) -> bool {
        let has_fok = ctx.plan.instrument(open.role).has_fok;
        let native = ctx.plan.strategy.execution.tif == TimeInForce::Fok && has_fok;
        self.open_by(ctx, open, slip, if native { OrderKind::Fok } else { OrderKind::Ioc })
    }

    /// Takes to hedge what stands alone: as [`OrderManager::open_taking`], but any part is better than none.
    pub(super) fn hedge_taking(&mut self, ctx: &mut ExecCtx<'_>, role: Role, qty: Qty, slip: Rate) -> bool {
        self.open_by(ctx, Opening { role, qty, covers: true }, slip, OrderKind::Ioc)
    }

    /// Sends an opening order that takes up to `slip` beyond the opposite best; false where there is none.
    fn open_by(&mut self, ctx: &mut ExecCtx<'_>, open: Opening, slip: Rate, kind: OrderKind) -> bool {
        let Opening { role, qty, covers } = open;
        let (side, tick) = (role.opening(), ctx.plan.instrument(role).tick);
        let collar = ctx.plan.strategy.execution.urgent_slip;
        let slip = if ctx.fresh() { slip } else { slip.min(collar) };
        let (best, _) = ctx.bbo(role).opposite(side);
        if best.0 <= 0 || !ctx.may_open(covers) {
            return false;
        }
        let limit = match role {
            Role::Long => best.scaled_floor(slip).floor_to(tick).max(best),
            Role::Short => best.scaled_ceil(-slip).ceil_to(tick).min(best),
        };
        self.place(ctx, NewOrder { limit, kind, ..order(role, side, qty, covers) });
        true
    }

    /// Takes to close `qty` of a leg, reduce-only: limit = opposite best made worse by `slip`, rounded to the aggressive
    /// side of the tick. False without a quote.
    pub(super) fn close_taking(&mut self, ctx: &mut ExecCtx<'_>, role: Role, qty: Qty, slip: Rate) -> bool {
        let (side, tick) = (role.closing(), ctx.plan.instrument(role).tick);
        let (best, _) = ctx.bbo(role).opposite(side);
        if best.0 <= 0 {
            return false;
        }
        let limit = match role {
            Role::Long => Price(best.scaled_floor(-slip).floor_to(tick).0.max(tick.0)),
            Role::Short => best.scaled_ceil(slip).ceil_to(tick),
        };
        self.place(ctx, NewOrder { limit, ..order(role, side, qty, false) });
        true
    }
}

/// What is to be opened; `covers`: to make a naked leg smaller.
#[derive(Clone, Copy, Debug)]
pub(super) struct Opening {
    /// Whose venue.
    pub role: Role,
    /// Base coins, > 0.
    pub qty: Qty,
    pub covers: bool,
}

/// An IOC order without number and limit.
fn order(venue: Role, side: Side, qty: Qty, covers: bool) -> NewOrder {
    let reduce_only = side == venue.closing();
    NewOrder { id: OrderId(0), venue, side, qty, limit: Price(0), kind: OrderKind::Ioc, reduce_only, covers }
}

/// True when fill-or-kill has to be made of IOC on this leg's venue.
pub(super) fn emulates_fok(ctx: &ExecCtx<'_>, role: Role) -> bool {
    let execution = &ctx.plan.strategy.execution;
    execution.tif == TimeInForce::Fok && execution.emulate_fok && !ctx.plan.instrument(role).has_fok
}
