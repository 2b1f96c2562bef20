//! The lock: opening the opposite leg in batches, each attempt within the slippage budget (strategy.md, 6).

use super::budget;
use super::quote::{Opening, emulates_fok};
use super::{Count, Ended, ExecCtx, OrderManager, TimerKind};
use crate::config::Taking;
use crate::market::{Reject, Role};
use crate::units::{Price, Qty, Rate};
use serde::{Deserialize, Serialize};

/// How far an attempt has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Stage {
    /// The next order begins an attempt.
    Fresh,
    /// The passive order of an attempt ended with a rest: the taker order is due.
    Rest,
    /// The last order of an attempt is out, or ended.
    Last,
    /// An emulated fill-or-kill filled in part: the fill is being closed again.
    Undo,
}

/// What a lock has come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LockStep {
    /// Something is under way or awaited.
    Working,
    /// All of it is held.
    Complete,
    /// No attempt is left.
    Failed,
}

/// The job that opens the other leg, in batches, each in several attempts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lock {
    /// The leg being opened.
    pub role: Role,
    /// Quantity of the whole lock.
    target: Qty,
    /// Parts of the whole; at least 1.
    batches: u32,
    /// The present one, counted from 0.
    batch: u32,
    /// Attempts made at the present batch.
    attempts: u32,
    /// Of the present attempt.
    stage: Stage,
    /// Held before the present order, for an emulated fill-or-kill.
    before: Qty,
    /// An order of it was never sent: that it does not complete is no failure of a venue.
    pub unsent: bool,
}

impl Lock {
    /// Splits `target` into `batches` equal parts, floored to the common lot, the remainder in the last; fewer when a part
    /// would be below the venue's minimum at `px`.
    pub fn new(ctx: &ExecCtx<'_>, role: Role, target: Qty, batches: u32) -> Lock {
        assert!(target.0 > 0, "a lock of {target}");
        let (px, _) = ctx.bbo(role).opposite(role.opening());
        let lot = ctx.plan.common_lot;
        let mut parts = batches.max(1);
        while parts > 1 && !ctx.is_tradable(role, part(target, parts, lot), px) {
            parts -= 1;
        }
        Lock {
            role,
            target,
            batches: parts,
            batch: 0,
            attempts: 0,
            stage: Stage::Fresh,
            before: Qty::ZERO,
            unsent: false,
        }
    }

    /// Quantity to be held when the present batch is done.
    fn batch_end(&self, ctx: &ExecCtx<'_>) -> Qty {
        match self.batch + 1 < self.batches {
            true => Qty(part(self.target, self.batches, ctx.plan.common_lot).0 * i64::from(self.batch + 1)),
            false => self.target,
        }
    }

    /// An order of this trader ended.
    pub fn on_end(&mut self, manager: &mut OrderManager, ctx: &ExecCtx<'_>, ended: &Ended) {
        self.unsent |= ended.rejected.is_some_and(Reject::is_local);
        match self.stage {
            Stage::Last if emulates_fok(ctx, self.role) && ended.filled.0 > 0 && ended.filled < ended.qty => {
                self.stage = Stage::Undo;
                return;
            }
            Stage::Undo if ctx.held(self.role) > self.before => {
                manager
                    .set_timer(ctx.now().plus(ctx.plan.strategy.execution.close_retry), TimerKind::Resume(self.role));
                return;
            }
            _ => {}
        }
        if self.stage == Stage::Last || self.stage == Stage::Undo {
            self.end_attempt(manager, ctx);
        }
    }

    /// A failed attempt pauses, and no market move wakes it; after the last one nothing is waited for.
    fn end_attempt(&mut self, manager: &mut OrderManager, ctx: &ExecCtx<'_>) {
        self.stage = Stage::Fresh;
        let locking = &ctx.plan.strategy.locking;
        if self.attempts <= locking.max_retries && self.open_rest(ctx).is_some() {
            manager.set_timer(ctx.now().plus(locking.retry), TimerKind::Resume(self.role));
        }
    }

    /// What the present batch still lacks, if the venue takes it.
    fn open_rest(&self, ctx: &ExecCtx<'_>) -> Option<Qty> {
        let lot = ctx.plan.instrument(self.role).lot;
        let rest = (self.batch_end(ctx) - ctx.held(self.role)).floor_to(lot);
        let (px, _) = ctx.bbo(self.role).opposite(self.role.opening());
        (rest.0 > 0 && (px.0 <= 0 || ctx.is_tradable(self.role, rest, px))).then_some(rest)
    }

    /// Sends what is due now; says what the lock has come to.
    pub fn drive(&mut self, manager: &mut OrderManager, ctx: &mut ExecCtx<'_>) -> LockStep {
        loop {
            if manager.working(self.role).is_some() || manager.is_pausing(self.role) || manager.has_doubt() {
                return LockStep::Working;
            }
            if self.stage == Stage::Undo {
                let back = ctx.held(self.role) - self.before;
                let slip = ctx.plan.strategy.execution.urgent_slip;
                if back.0 > 0 && manager.close_taking(ctx, self.role, back, slip) {
                    return LockStep::Working;
                }
                self.stage = Stage::Fresh;
            }
            let Some(rest) = self.open_rest(ctx) else {
                if self.batch + 1 >= self.batches {
                    return LockStep::Complete;
                }
                self.batch += 1;
                self.attempts = 0;
                self.stage = Stage::Fresh;
                continue;
            };
            if self.stage == Stage::Rest {
                self.take(manager, ctx, rest);
                continue;
            }
            if self.attempts > ctx.plan.strategy.locking.max_retries {
                return LockStep::Failed;
            }
            self.attempt(manager, ctx, rest);
        }
    }

    /// Begins an attempt at `rest`, unless the quotes are stale, the book too thin or the return too small.
    fn attempt(&mut self, manager: &mut OrderManager, ctx: &mut ExecCtx<'_>, rest: Qty) {
        self.attempts += 1;
        ctx.counts.add(Count::LockAttempts);
        let locking = &ctx.plan.strategy.locking;
        assert!(self.attempts <= locking.max_retries + 1, "attempt {} of a batch", self.attempts);
        assert!(self.batch < self.batches, "batch {} of {}", self.batch, self.batches);
        // stale quotes begin no lock, but what completes one that has begun goes
        let begun = !ctx.is_dust(self.role);
        if !(begun || ctx.fresh()) || !within_budget(ctx, self.role, rest) || !pays_enough(ctx, self.role) {
            ctx.counts.add(Count::LockRefused);
            return self.end_attempt(manager, ctx);
        }
        let Taking { style, passive_timeout, .. } = locking.taking;
        let is_held = manager.is_held(ctx, self.role);
        let open = Opening { role: self.role, qty: rest, covers: true };
        if style.may_make() && !is_held && manager.open_passive(ctx, open, passive_timeout) {
            self.stage = if style.may_take() { Stage::Rest } else { Stage::Last };
        } else if is_held && !style.may_take() {
            ctx.counts.add(Count::LockRefused);
            manager.set_timer(ctx.now().plus(locking.retry), TimerKind::Resume(self.role));
        } else {
            self.take(manager, ctx, rest);
        }
    }

    /// The taking order of an attempt, which is its last.
    fn take(&mut self, manager: &mut OrderManager, ctx: &mut ExecCtx<'_>, rest: Qty) {
        self.stage = Stage::Last;
        self.before = ctx.held(self.role);
        let open = Opening { role: self.role, qty: rest, covers: true };
        if !manager.open_taking(ctx, open, ctx.plan.strategy.locking.epsilon) {
            self.end_attempt(manager, ctx);
        }
    }
}

/// One of `parts` equal parts, in whole lots.
fn part(target: Qty, parts: u32, lot: Qty) -> Qty {
    Qty(target.0 / i64::from(parts)).floor_to(lot)
}

/// Walking the book for `qty` costs at most `epsilon`.
pub(super) fn within_budget(ctx: &ExecCtx<'_>, role: Role, qty: Qty) -> bool {
    let impact = ctx.plan.world.venues[role.ix()].fills.impact;
    let depth = ctx.view.local.depth(ctx.view.row, role);
    let seen = budget::Seen { bbo: ctx.bbo(role), depth, impact, lot: ctx.plan.instrument(role).lot };
    budget::is_within(&seen, role.opening(), qty, ctx.plan.strategy.locking.epsilon)
}

/// `locking.min_lock_return`: `best_bid_short / entry - 1 - cost >= x`, mirrored for a short first leg. Exact.
fn pays_enough(ctx: &ExecCtx<'_>, role: Role) -> bool {
    let Some(least) = ctx.plan.strategy.locking.min_lock_return else { return true };
    let leg = &ctx.belief().books[role.other().ix()].leg;
    let (px, _) = ctx.bbo(role).opposite(role.opening());
    let value = px.of(leg.qty).0;
    let hurdle = i128::from(Rate::ONE + least.0 + ctx.plan.cost[role.other().ix()].0);
    let one = i128::from(Rate::ONE);
    match role {
        Role::Short => value * one >= leg.cost.0 * hurdle,
        // first leg short: entry / best_ask_long - 1 - cost >= x
        Role::Long => px > Price(0) && leg.cost.0 * one >= value * hurdle,
    }
}
