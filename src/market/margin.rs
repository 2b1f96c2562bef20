//! Isolated margin: what a leg must hold, and the price at which the venue takes it (strategy.md, 9).

use super::Role;
use crate::units::{Cash, Notional, Price, Qty, Rate};
use serde::{Deserialize, Serialize};

/// One maintenance bracket; rates are marginal, as in tax tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bracket {
    /// Notional at which the bracket begins, inclusive.
    pub floor: Notional,
    /// Maintenance margin as a fraction of the notional inside this bracket.
    pub maintenance: Rate,
}

/// Maintenance brackets, first floor zero, floors rising.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MarginSchedule {
    pub brackets: Vec<Bracket>,
}

/// What the venue does with a leg that fell below maintenance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum LiquidationRule {
    /// IOC at the zero price; fee = min(`max_fee`, improvement over the zero price); what the book cannot take closes at
    /// the zero price (Lighter).
    ZeroPrice { max_fee: Rate },
    /// The leg's equity is lost (GRVT, and profiles that say nothing).
    TakeOver,
}

impl MarginSchedule {
    /// One rate for every size.
    pub fn flat(maintenance: Rate) -> MarginSchedule {
        MarginSchedule { brackets: vec![Bracket { floor: Notional::ZERO, maintenance }] }
    }

    /// Maintenance of a notional as `(rate, offset)`: margin = notional * rate - offset, blended over the brackets.
    fn line(&self, value: Notional) -> (Rate, Notional) {
        let (mut rate, mut offset) = (Rate::ZERO, 0i128);
        for bracket in &self.brackets {
            if value < bracket.floor && bracket.floor.0 > 0 {
                break;
            }
            offset += scale(bracket.floor.0, bracket.maintenance.0 - rate.0);
            rate = bracket.maintenance;
        }
        (rate, Notional(offset))
    }

    /// Maintenance margin of `value` at mark, exact to 1e-18, rounded up (against us).
    pub fn maintenance(&self, value: Notional) -> Notional {
        let (rate, offset) = self.line(value.abs());
        Notional(-scale(-value.abs().0, rate.0) - offset.0)
    }
}

/// `value * rate`, rounded down to 1e-18.
fn scale(value: i128, rate: i64) -> i128 {
    let one = i128::from(Rate::ONE);
    // split so that a large value times a rate cannot overflow
    let (whole, part) = (value.div_euclid(one), value.rem_euclid(one));
    whole * i128::from(rate) + (part * i128::from(rate)).div_euclid(one)
}

/// What decides a leg's life: quantity, exact entry value, margin and funding paid since it was opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LegMargin {
    pub role: Role,
    /// Positive.
    pub qty: Qty,
    /// Exact entry value, positive.
    pub cost: Notional,
    pub margin: Cash,
    /// Positive = paid.
    pub funding_paid: Cash,
}

impl LegMargin {
    /// Leg equity at `mark`: margin + unrealised - funding paid.
    pub fn equity(&self, mark: Price) -> Notional {
        let value = mark.of(self.qty);
        let unrealised = match self.role {
            Role::Long => value - self.cost,
            Role::Short => self.cost - value,
        };
        self.margin.as_notional() + unrealised - self.funding_paid.as_notional()
    }

    /// The venue takes the leg at this mark: equity < maintenance.
    pub fn is_liquidated(&self, schedule: &MarginSchedule, mark: Price) -> bool {
        self.equity(mark) < schedule.maintenance(mark.of(self.qty))
    }

    /// The level of mark for an index: a long is liquidated exactly at marks `< level`, a short exactly at marks
    /// `> level`. `None` when no positive mark liquidates it. Found by bisection on the exact inequality, which is
    /// monotone in the mark because every maintenance rate is below 1.
    pub fn liquidation_level(&self, schedule: &MarginSchedule) -> Option<Price> {
        let taken = |px: i64| self.is_liquidated(schedule, Price(px));
        // the largest price whose value of this leg still fits the ledger's arithmetic
        let top = (i128::MAX / 1_000_000 / i128::from(self.qty.0.max(1))).min(i128::from(i64::MAX / 4)) as i64;
        let (mut low, mut high) = (1i64, top);
        match self.role {
            Role::Long => {
                if !taken(low) {
                    return None;
                }
                while low < high {
                    let middle = low + (high - low) / 2;
                    if taken(middle) { low = middle + 1 } else { high = middle }
                }
                Some(Price(low))
            }
            Role::Short => {
                if !taken(high) {
                    return None;
                }
                while low < high {
                    let middle = low + (high - low) / 2;
                    if taken(middle) { high = middle } else { low = middle + 1 }
                }
                Some(Price(low - 1))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 1 BTC long at 100,000 with 10x leverage and 1.2 % maintenance: P = (100000 - 10000) / (1 - 0.012) = 91,093.117...
    #[test]
    fn level_agrees_with_the_formula_and_the_inequality() {
        let schedule = MarginSchedule::flat(Rate(12_000_000_000));
        let entry = Price(100_000_000_000_000);
        let one = Qty(1_000_000_000);
        let leg = |role| LegMargin {
            role,
            qty: one,
            cost: entry.of(one),
            margin: Cash::units(10_000),
            funding_paid: Cash::ZERO,
        };
        let long = leg(Role::Long).liquidation_level(&schedule).expect("a long can be liquidated");
        assert_eq!(long, Price(91_093_117_408_907));
        assert!(leg(Role::Long).is_liquidated(&schedule, Price(long.0 - 1)));
        assert!(!leg(Role::Long).is_liquidated(&schedule, long));
        // short: P = (100000 + 10000) / 1.012 = 108,695.652...
        let short = leg(Role::Short).liquidation_level(&schedule).expect("a short can be liquidated");
        assert_eq!(short, Price(108_695_652_173_913));
        assert!(leg(Role::Short).is_liquidated(&schedule, Price(short.0 + 1)));
        assert!(!leg(Role::Short).is_liquidated(&schedule, short));
    }

    #[test]
    fn brackets_are_blended() {
        let money = |units| Cash::units(units).as_notional();
        let schedule = MarginSchedule {
            brackets: vec![
                Bracket { floor: Notional::ZERO, maintenance: Rate(10_000_000_000) },
                Bracket { floor: money(600_000), maintenance: Rate(20_000_000_000) },
            ],
        };
        assert_eq!(schedule.maintenance(money(600_000)), money(6_000));
        assert_eq!(schedule.maintenance(money(700_000)), money(8_000));
    }
}
