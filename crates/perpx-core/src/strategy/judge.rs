//! What a tick asks for: every condition of the present state, in the order of judgement (strategy.md, 2).

use super::levels::{buffered, gained, lost};
use super::{Levels, Plan, Reason, State};
use crate::market::Role;
use crate::port::View;
use crate::units::{Price, Rate, Time};
use crate::watch::{self, Legs, Level, Series, TrailingExtreme};

/// The first condition that holds, and the later ones that hold too (bit by reason).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decision {
    /// Which one.
    pub reason: Reason,
    /// The others, a bit each.
    pub also: u32,
    /// The role whose gate opened; elsewhere the first leg.
    pub role: Role,
}

/// What of the trader's state decides which conditions are looked at.
#[derive(Clone, Copy, Debug)]
pub struct StateView<'a> {
    /// S0 to S5.
    pub state: State,
    /// Role of the first leg of the present trade.
    pub first: Role,
    /// Of the present state.
    pub levels: &'a Levels,
    /// The liquidation buffer is judged (not everything is being closed urgently already).
    pub buffered: bool,
    /// A halt is due at this tick.
    pub halt: bool,
    /// Prices, bands and the guard are judged (no exit, unlock, trim or rollback is under way).
    pub open_to_market: bool,
    /// A trim is under way: of all prices the stop alone is judged.
    pub stop_only: bool,
    /// The lock may fire (not waiting for the price to fall back after a retry).
    pub lock_ready: bool,
    /// S3: a fresh tick with the spread between the bands arms them.
    pub arming: bool,
    /// The bands may fire: armed, and the least lock time is over.
    pub bands_ready: bool,
    /// The guard may fire from this moment on.
    pub guard_after: Time,
    /// S0: the gate is looked at from this moment on; `None` = shut.
    pub gate_after: Option<Time>,
}

impl StateView<'_> {
    /// The leg whose stop is judged.
    pub(super) fn alone(&self) -> Role {
        self.state.kept().unwrap_or(self.first)
    }
}

/// The conditions that hold at a tick.
struct Found {
    /// In the order of judgement.
    first: Option<Reason>,
    /// The later ones, a bit each.
    also: u32,
}

impl Found {
    /// The first condition that holds decides; the others are noted.
    fn note(&mut self, reason: Reason, holds: bool) {
        if holds {
            match self.first {
                None => self.first = Some(reason),
                Some(_) => self.also |= 1 << reason as u32,
            }
        }
    }
}

/// Judges the tick `view.row`. `None`: nothing holds.
pub fn judge(own: &StateView, plan: &Plan, view: &View<'_>) -> Option<Decision> {
    if own.state == State::Idle {
        return gate(own, plan, view);
    }
    let mut found = Found { first: None, also: 0 };
    found.note(Reason::Halt, own.halt);
    let marks = &view.local.mark(view.row).mark;
    let near = |role: Role| own.levels.buffer[role.ix()].is_some_and(|level| buffered(role, marks[role.ix()], level));
    found.note(Reason::LiqBuffer, own.buffered && (near(Role::Long) || near(Role::Short)));
    match own.state {
        State::FirstLeg if own.open_to_market => first_leg(own, plan, view, &mut found),
        State::Locking if own.open_to_market => found.note(Reason::Stop, stopped(own, own.first, view)),
        State::Locked if own.open_to_market => locked(own, plan, view, &mut found),
        State::LongOnly | State::ShortOnly if own.open_to_market => last_leg(own, plan, view, &mut found),
        _ if own.stop_only => found.note(Reason::Stop, stopped(own, own.alone(), view)),
        _ => {}
    }
    found.first.map(|reason| Decision { reason, also: found.also, role: own.first })
}

/// S0: a halt, or a gate that opens.
fn gate(own: &StateView, plan: &Plan, view: &View<'_>) -> Option<Decision> {
    if own.halt {
        return Some(Decision { reason: Reason::Halt, also: 0, role: own.first });
    }
    own.gate_after.and_then(|after| gate_opens(after, plan, view))
}

/// S0: the first direction whose gate is open, from `after` on.
#[inline]
pub fn gate_opens(after: Time, plan: &Plan, view: &View<'_>) -> Option<Decision> {
    if !view.mandate.may_open || view.tick_time() < after {
        return None;
    }
    let opens = |(first, rule): &&(Role, watch::Rule)| {
        watch::fires(rule, view.eval_ctx(), view.row, None) && !guard_holds(plan.opened_legs(*first), plan, view)
    };
    plan.gates.iter().find(opens).map(|&(role, _)| Decision { reason: Reason::Gate, also: 0, role })
}

/// The price at which a leg can be closed.
pub(super) fn closing_price(role: Role, view: &View<'_>) -> Price {
    match role {
        Role::Long => Price(view.local.bid[0][view.row]),
        Role::Short => Price(view.local.ask[1][view.row]),
    }
}

/// Both venues' quotes are young enough to open, lock or unlock on.
fn fresh(plan: &Plan, view: &View<'_>) -> bool {
    Role::BOTH.iter().all(|&role| view.age(role) <= plan.strategy.risk.max_quote_age)
}

/// The stop of the present state is reached.
fn stopped(own: &StateView, role: Role, view: &View<'_>) -> bool {
    own.levels.stop.is_some_and(|level| lost(role, closing_price(role, view), level))
}

/// S1 and S2: stop, guard, lock.
fn first_leg(own: &StateView, plan: &Plan, view: &View<'_>, found: &mut Found) {
    let px = closing_price(own.first, view);
    found.note(Reason::Stop, stopped(own, own.first, view));
    found.note(Reason::Guard, guard(own, plan, view));
    let profit = own.levels.lock.is_some_and(|level| gained(own.first, px, level));
    let may_lock = own.lock_ready && view.mandate.may_cover;
    found.note(Reason::Lock, profit && may_lock && fresh(plan, view));
}

/// S3: guard, bands.
fn locked(own: &StateView, plan: &Plan, view: &View<'_>, found: &mut Found) {
    if !view.mandate.may_unlock {
        return;
    }
    found.note(Reason::Guard, guard(own, plan, view));
    if !own.bands_ready || !fresh(plan, view) {
        return;
    }
    let spread = view.signals.spread[view.row];
    let (lower, upper) = bands(plan, view);
    found.note(Reason::UpperBand, spread >= upper);
    let below = if plan.band.k.is_some() { spread <= lower } else { spread < lower };
    found.note(Reason::LowerBand, below && plan.strategy.locking.on_lb != crate::config::Unlock::Hold);
}

/// (lower, upper) of the bands at the last closed bar; NaN = none.
pub(super) fn bands(plan: &Plan, view: &View<'_>) -> (f64, f64) {
    view.signals.band(&plan.band, crate::signals::bar_before(view.tick_time(), plan.band.bar_length))
}

/// A fresh tick has the spread strictly between the bands: what arms them.
pub fn is_inside(plan: &Plan, view: &View<'_>) -> bool {
    let (lower, upper) = bands(plan, view);
    let spread = view.signals.spread[view.row];
    fresh(plan, view) && spread > lower && spread < upper
}

/// S4 and S5: stop, trail, guard, take-profit, rebound.
fn last_leg(own: &StateView, plan: &Plan, view: &View<'_>, found: &mut Found) {
    let role = if own.state == State::LongOnly { Role::Long } else { Role::Short };
    let px = closing_price(role, view);
    found.note(Reason::Stop, stopped(own, role, view));
    found.note(Reason::Trail, trailed(plan.strategy.exit.trail, view.best, px));
    found.note(Reason::Guard, guard(own, plan, view));
    found.note(Reason::TakeProfit, own.levels.take_profit.is_some_and(|level| gained(role, px, level)));
    found.note(Reason::Rebound, own.levels.rebound.is_some_and(|level| gained(role, px, level)));
}

/// The price is at or beyond the level of the trail.
fn trailed(fraction: Option<Rate>, best: Option<TrailingExtreme>, px: Price) -> bool {
    match (fraction, best) {
        (Some(fraction), Some(best)) => lost(best.role, px, watch::trail_level(best, fraction)),
        _ => false,
    }
}

/// What the open position pays in funding is above the guard.
fn guard(own: &StateView, plan: &Plan, view: &View<'_>) -> bool {
    view.tick_time() >= own.guard_after && guard_holds(held(view), plan, view)
}

/// The quantities that are open.
pub(super) fn held(view: &View<'_>) -> Legs {
    Legs { long: view.belief.qty(Role::Long), short: view.belief.qty(Role::Short) }
}

/// What the legs pay a year is above the guard's limit, at the newest rates; unknown rates let it rest.
fn guard_holds(legs: Legs, plan: &Plan, view: &View<'_>) -> bool {
    let Some(limit) = plan.strategy.risk.funding_guard_apr else { return false };
    let pays = legs.pays_x24(view.local, view.row, plan.funding, view.tick_time());
    let Level::Wide(level) = legs.level(limit) else { return false };
    pays.is_some_and(|pays| pays > level)
}

/// The series of the funding guard for `legs`.
pub(super) fn guard_series(plan: &Plan, legs: Legs) -> Series {
    Series::Apr { kind: plan.funding, legs }
}
