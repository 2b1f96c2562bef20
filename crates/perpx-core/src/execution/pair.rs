//! The pair entry: the first leg works by its style, its fills are hedged on the other venue as they come
//! (strategy.md, 6, `entry.mode: pair`).

use super::{Ended, Entry, ExecCtx, OrderManager, TimerKind};
use crate::config::Taking;
use crate::market::{Reject, Role};
use crate::units::Qty;
use serde::{Deserialize, Serialize};

/// What opening both legs at once has come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PairStep {
    /// Something is under way or awaited.
    Working,
    /// The entry is over and all of it that the other venue takes is hedged; a residue may be left.
    Complete,
    /// The entry is over, but part of it could not be hedged.
    Unmatched,
    /// The entry filled nothing.
    Unfilled,
    /// The entry filled nothing but what an emulated fill-or-kill filled in part.
    Killed,
}

/// The job that opens the first leg and hedges each fill of it on the other venue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pair {
    /// Of the first leg.
    pub entry: Entry,
    /// Hedges in a row that left a rest which the other venue takes.
    failed: u32,
    /// A hedge was never sent: that the pair does not complete is no failure of a venue.
    pub unsent: bool,
}

impl Pair {
    /// A pair that has sent nothing yet; `target` > 0.
    pub fn new(first: Role, target: Qty) -> Pair {
        Pair { entry: Entry::new(first, target), failed: 0, unsent: false }
    }

    /// An order of this trader ended.
    pub fn on_end(&mut self, manager: &mut OrderManager, ctx: &ExecCtx<'_>, ended: &Ended) {
        self.unsent |= ended.role != self.entry.role && ended.rejected.is_some_and(Reject::is_local);
        if ended.role == self.entry.role {
            self.entry.on_end(ctx, ended);
        } else if !self.is_hedgeable(ctx, ended.qty - ended.filled) {
            self.failed = 0;
        } else {
            self.fail_hedge(manager, ctx);
        }
    }

    /// A failed hedge pauses; after the last one nothing is waited for.
    fn fail_hedge(&mut self, manager: &mut OrderManager, ctx: &ExecCtx<'_>) {
        self.failed += 1;
        if !self.is_exhausted(ctx) {
            let due = ctx.now().plus(ctx.plan.strategy.locking.retry);
            manager.set_timer(due, TimerKind::Resume(self.entry.role.other()));
        }
    }

    /// No further hedge is tried.
    fn is_exhausted(&self, ctx: &ExecCtx<'_>) -> bool {
        self.failed > ctx.plan.strategy.locking.max_retries
    }

    /// First-leg quantity that stays and has no counterpart, in lots of the other venue, if that venue takes it.
    fn unhedged(&self, manager: &OrderManager, ctx: &ExecCtx<'_>) -> Option<Qty> {
        let (first, other) = (self.entry.role, self.entry.role.other());
        let lot = ctx.plan.instrument(other).lot;
        let open = (ctx.held(first) - self.entry.unsure(manager, ctx) - ctx.held(other)).floor_to(lot);
        self.is_hedgeable(ctx, open).then_some(open)
    }

    /// The other venue takes the quantity.
    fn is_hedgeable(&self, ctx: &ExecCtx<'_>, qty: Qty) -> bool {
        let other = self.entry.role.other();
        let (px, _) = ctx.bbo(other).opposite(other.opening());
        ctx.is_tradable(other, qty, px)
    }

    /// Sends what is due now; says what the pair has come to.
    pub fn drive(&mut self, manager: &mut OrderManager, ctx: &mut ExecCtx<'_>, taking: &Taking) -> PairStep {
        let (first, other) = (self.entry.role, self.entry.role.other());
        if self.is_exhausted(ctx) {
            self.entry.stop(manager, ctx);
        } else {
            self.entry.drive(manager, ctx, taking);
        }
        let unhedged = self.unhedged(manager, ctx);
        let free = manager.working(other).is_none() && !manager.has_doubt();
        let idle = free && !manager.is_pausing(other) && !self.is_exhausted(ctx);
        if let Some(qty) = unhedged.filter(|_| idle)
            && !manager.hedge_taking(ctx, other, qty, ctx.plan.strategy.locking.epsilon)
        {
            self.fail_hedge(manager, ctx);
        }
        let busy = !self.entry.is_over() || !manager.is_quiet() || manager.is_pausing(other);
        match unhedged {
            _ if busy => PairStep::Working,
            // what is dust on one venue need not be on the other
            _ if ctx.is_dust(first) && ctx.is_dust(other) => PairStep::Unfilled,
            Some(_) => PairStep::Unmatched,
            None if !self.entry.killed.is_zero() && ctx.is_dust(other) => PairStep::Killed,
            None if ctx.is_dust(first) || ctx.is_dust(other) => PairStep::Unmatched,
            None => PairStep::Complete,
        }
    }
}
