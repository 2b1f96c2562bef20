//! What would wake the strategy: the rules of each state, for the drivers that sleep.

use super::judge::guard_series;
use super::{Plan, State, StateView};
use crate::config::Unlock;
use crate::market::Role;
use crate::units::{Price, Time};
use crate::watch::{Legs, Level, Op, Rule, Series, Watches};

/// What [`watches`] needs beyond [`StateView`].
#[derive(Clone, Copy, Debug)]
pub struct WakeView {
    /// Open quantities.
    pub legs: Legs,
    /// S1 after a retry: the price must fall below the trigger once.
    pub lock_blocked: bool,
    /// S3: no band fires before this.
    pub bands_after: Time,
    /// S4, S5: R is not set yet.
    pub reference_unset: bool,
    /// A venue that was silent has answered: the next tick with both quotes fresh closes both legs.
    pub venue_back: bool,
}

/// Lists the rules of the present state.
pub fn watches(own: &StateView, wake: &WakeView, plan: &Plan, out: &mut Watches) {
    if own.halt {
        out.rule(); // an empty rule fires at the next tick
        return;
    }
    if wake.venue_back {
        fresh(out.rule(), plan);
    }
    if own.state == State::Idle {
        idle(own, plan, out);
        return;
    }
    for role in Role::BOTH {
        if let Some(level) = own.levels.buffer[role.ix()].filter(|_| own.buffered) {
            let op = if role == Role::Long { Op::Lt } else { Op::Gt };
            out.rule().and(Series::Mark(role), op, Level::Int(level.0));
        }
    }
    if own.arming {
        let (upper, lower) = (Level::Upper(plan.band), Level::Lower(plan.band));
        fresh(out.rule().and(Series::Spread, Op::Lt, upper).and(Series::Spread, Op::Gt, lower), plan);
    }
    if own.stop_only {
        stop(own, own.alone(), out);
    }
    if !own.open_to_market {
        return;
    }
    match own.state {
        State::Idle => {}
        State::FirstLeg => first_leg(own, wake, plan, out),
        State::Locking => stop(own, own.first, out),
        State::Locked => locked(own, wake, plan, out),
        State::LongOnly => last_leg(own, wake, plan, Role::Long, out),
        State::ShortOnly => last_leg(own, wake, plan, Role::Short, out),
    }
}

/// S0: the gates, each unless the guard would act on what it opens.
fn idle(own: &StateView, plan: &Plan, out: &mut Watches) {
    let Some(after) = own.gate_after else { return };
    for (first, gate) in &plan.gates {
        let rule = out.rule();
        copy(gate, rule);
        rule.after = Some(after);
        if let Some(limit) = plan.strategy.risk.funding_guard_apr {
            // "would not fire": an unknown rate lets the guard rest, which Rule::unless expresses
            let legs = plan.opened_legs(*first);
            rule.unless(guard_series(plan, legs), Op::Gt, legs.level(limit));
        }
    }
}

/// Comparisons and votes of a rule.
fn copy(from: &Rule, to: &mut Rule) {
    to.all.extend_from_slice(&from.all);
    to.votes.extend_from_slice(&from.votes);
    to.needed = from.needed;
}

/// Both venues' quotes are young enough.
fn fresh<'a>(rule: &'a mut Rule, plan: &Plan) -> &'a mut Rule {
    for role in Role::BOTH {
        rule.and(Series::Age(role), Op::Le, Level::Int(plan.strategy.risk.max_quote_age.0));
    }
    rule
}

/// The series on which a leg's closing price is seen.
fn closing(role: Role) -> Series {
    match role {
        Role::Long => Series::Bid(Role::Long),
        Role::Short => Series::Ask(Role::Short),
    }
}

/// A closing price at or beyond a level of gain.
fn gain(role: Role) -> Op {
    if role == Role::Long { Op::Ge } else { Op::Le }
}

/// A closing price at or beyond a level of loss.
fn loss(role: Role) -> Op {
    if role == Role::Long { Op::Le } else { Op::Ge }
}

/// A rule on a leg's closing price, if the level is set.
fn price(role: Role, op: Op, level: Option<Price>, out: &mut Watches) {
    if let Some(level) = level {
        out.rule().and(closing(role), op, Level::Int(level.0));
    }
}

/// The stop of the present state.
fn stop(own: &StateView, role: Role, out: &mut Watches) {
    price(role, loss(role), own.levels.stop, out);
}

/// The funding guard, once its pause is over.
fn guard(own: &StateView, wake: &WakeView, plan: &Plan, out: &mut Watches) {
    if let Some(limit) = plan.strategy.risk.funding_guard_apr {
        let rule = out.rule();
        rule.after = Some(own.guard_after);
        rule.and(guard_series(plan, wake.legs), Op::Gt, wake.legs.level(limit));
    }
}

/// S1 and S2: stop, guard, lock; after a retry the price's fall below the trigger first.
fn first_leg(own: &StateView, wake: &WakeView, plan: &Plan, out: &mut Watches) {
    let role = own.first;
    stop(own, role, out);
    guard(own, wake, plan, out);
    if let Some(level) = own.levels.lock {
        if wake.lock_blocked {
            let op = if role == Role::Long { Op::Lt } else { Op::Gt };
            out.rule().and(closing(role), op, Level::Int(level.0));
        } else if own.lock_ready {
            fresh(out.rule().and(closing(role), gain(role), Level::Int(level.0)), plan);
        }
    }
}

/// S3: guard, bands; while they arm every tick is one that may change something.
fn locked(own: &StateView, wake: &WakeView, plan: &Plan, out: &mut Watches) {
    guard(own, wake, plan, out);
    if own.arming {
        return;
    }
    let (upper, lower) = (Level::Upper(plan.band), Level::Lower(plan.band));
    let rule = out.rule();
    rule.after = Some(wake.bands_after);
    fresh(rule.and(Series::Spread, Op::Ge, upper), plan);
    if plan.strategy.locking.on_lb != Unlock::Hold {
        let op = if plan.band.k.is_some() { Op::Le } else { Op::Lt };
        let rule = out.rule();
        rule.after = Some(wake.bands_after);
        fresh(rule.and(Series::Spread, op, lower), plan);
    }
}

/// S4 and S5: the first price of the state, then stop, take-profit, rebound, trail.
fn last_leg(own: &StateView, wake: &WakeView, plan: &Plan, role: Role, out: &mut Watches) {
    guard(own, wake, plan, out);
    if wake.reference_unset {
        out.rule().and(closing(role), Op::Gt, Level::Int(0));
        return;
    }
    stop(own, role, out);
    price(role, gain(role), own.levels.take_profit, out);
    price(role, gain(role), own.levels.rebound, out);
    if let Some(fraction) = plan.strategy.exit.trail {
        out.rule().and(closing(role), loss(role), Level::Trail(fraction));
    }
}
