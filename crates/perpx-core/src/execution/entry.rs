//! The entry: opening the first leg by a style.

use super::quote::{Opening, emulates_fok};
use super::{Ended, ExecCtx, OrderManager};
use crate::config::Taking;
use crate::market::{OrderKind, Role};
use crate::units::Qty;
use serde::{Deserialize, Serialize};

/// How far an entry has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Stage {
    Start,
    Passive,
    Taking,
    Over,
}

/// Opens `role` up to `target` by a style: post-only at own best, then the rest as IOC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// The leg being opened.
    pub role: Role,
    /// Quantity to reach, what is already held (dust) included.
    target: Qty,
    /// What was sent last.
    stage: Stage,
    /// What an emulated fill-or-kill filled in part: it is closed again.
    pub killed: Qty,
}

impl Entry {
    /// An entry that has sent nothing yet; `target` > 0, what is held already included.
    pub fn new(role: Role, target: Qty) -> Entry {
        assert!(target.0 > 0, "an entry of {target}");
        Entry { role, target, stage: Stage::Start, killed: Qty::ZERO }
    }

    /// It sends no further order.
    pub fn is_over(&self) -> bool {
        self.stage == Stage::Over
    }

    /// No further order is sent; what works is cancelled.
    pub fn stop(&mut self, manager: &mut OrderManager, ctx: &mut ExecCtx<'_>) {
        self.stage = Stage::Over;
        manager.cancel_all(ctx, self.role);
    }

    /// The leg's order has ended.
    pub fn on_end(&mut self, ctx: &ExecCtx<'_>, ended: &Ended) {
        if self.stage == Stage::Taking {
            self.stage = Stage::Over;
            let is_killed = emulates_fok(ctx, self.role) && ended.filled < ended.qty;
            self.killed = if is_killed { ended.filled } else { Qty::ZERO };
        }
    }

    /// What an emulated fill-or-kill has filled in part, ended or not: it stays only if the rest fills too.
    pub fn unsure(&self, manager: &OrderManager, ctx: &ExecCtx<'_>) -> Qty {
        let order = manager.working(self.role).filter(|_| self.stage == Stage::Taking && emulates_fok(ctx, self.role));
        self.killed + order.filter(|order| order.filled < order.qty).map_or(Qty::ZERO, |order| order.filled)
    }

    /// Sends the next order if none works.
    pub fn drive(&mut self, manager: &mut OrderManager, ctx: &mut ExecCtx<'_>, taking: &Taking) {
        if manager.working(self.role).is_some() || self.stage == Stage::Over {
            return;
        }
        let lot = ctx.plan.instrument(self.role).lot;
        let rest = (self.target - ctx.held(self.role)).floor_to(lot);
        let (px, _) = ctx.bbo(self.role).opposite(self.role.opening());
        let passive = self.stage == Stage::Start && taking.style.may_make() && !manager.is_held(ctx, self.role);
        let kind = if passive { OrderKind::PostOnly } else { OrderKind::Ioc };
        if !ctx.fresh() || !ctx.plan.instrument(self.role).takes_as(kind, rest, px) {
            self.stage = Stage::Over;
            return;
        }
        let open = Opening { role: self.role, qty: rest, covers: false };
        let sent = if passive {
            self.stage = Stage::Passive;
            manager.open_passive(ctx, open, taking.passive_timeout)
        } else if taking.style.may_take() {
            self.stage = Stage::Taking;
            manager.open_taking(ctx, open, taking.slip)
        } else {
            false
        };
        if !sent {
            self.stage = Stage::Over;
        }
    }
}
