//! Isolated margin: what a leg must hold, and the price at which the venue takes it (strategy.md, 9).

use super::Role;
use crate::units::{Cash, Notional, Price, Qty, Rate, mul_div};
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
    /// Rising floors.
    pub brackets: Vec<Bracket>,
}

/// What the venue does with a leg that fell below maintenance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum LiquidationRule {
    /// IOC at the zero price; fee = min(`max_fee`, improvement over the zero price); what the book cannot take closes at
    /// the zero price (Lighter).
    ZeroPrice {
        /// A fraction of notional, not negative.
        max_fee: Rate,
    },
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
    // the first bracket's floor: asked for at every fill
    if value == 0 { 0 } else { mul_div(value, i128::from(rate), i128::from(Rate::ONE)) }
}

/// What decides a leg's life: quantity, exact entry value, margin and funding paid since it was opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LegMargin {
    /// Which way the leg stands.
    pub role: Role,
    /// Positive.
    pub qty: Qty,
    /// Exact entry value, positive.
    pub cost: Notional,
    /// Posted for the leg, quote money; of a venue that margins across, the whole balance.
    pub margin: Cash,
    /// Positive = paid.
    pub funding_paid: Cash,
}

impl LegMargin {
    /// Leg equity at `mark`: margin + unrealised - funding paid.
    pub fn equity(&self, mark: Price) -> Notional {
        self.margin.as_notional() + self.unrealised(mark) - self.funding_paid.as_notional()
    }

    /// What closing the leg at `mark` would realise.
    pub fn unrealised(&self, mark: Price) -> Notional {
        let value = mark.of(self.qty);
        match self.role {
            Role::Long => value - self.cost,
            Role::Short => self.cost - value,
        }
    }

    /// The venue takes the leg at this mark: equity < maintenance.
    pub fn is_liquidated(&self, schedule: &MarginSchedule, mark: Price) -> bool {
        self.equity(mark) < schedule.maintenance(mark.of(self.qty))
    }

    /// The level of mark for an index: a long is liquidated exactly at marks `< level`, a short exactly at marks
    /// `> level`. `None` when no positive mark liquidates it. The exact inequality is monotone in the mark because every
    /// maintenance rate is below 1; the level is guessed by the closed formula (strategy.md, 9) and moved until the
    /// inequality turns there, which takes a step or two; should the guess be far off, bisection finds it.
    pub fn liquidation_level(&self, schedule: &MarginSchedule) -> Option<Price> {
        let taken = |px: i64| self.is_liquidated(schedule, Price(px));
        // the largest price whose value of this leg still fits the ledger's arithmetic
        let top = (i128::MAX / 1_000_000 / i128::from(self.qty.0.max(1))).min(i128::from(i64::MAX / 4)) as i64;
        // a long's level is the first price that is safe, a short's the last
        let (safer, end) = match self.role {
            Role::Long => (1, 1),
            Role::Short => (-1, top),
        };
        let guess = self.guess(schedule, top);
        let at = |off: i64| guess + off * safer;
        let near = match taken(guess) {
            true => (1..=3).map(at).find(|&px| !taken(px)),
            false => (0..=3).map(|off| at(-off)).find(|&px| taken(px - safer)),
        };
        let near = near.filter(|&px| px > 1 && px < top);
        near.or_else(|| taken(end).then(|| self.bisect(taken, top))).map(Price)
    }

    /// The price at which equity equals maintenance, by the closed formula of the bracket in which it lies; 0 when none
    /// agrees with itself.
    fn guess(&self, schedule: &MarginSchedule, top: i64) -> i64 {
        let one = i128::from(Rate::ONE);
        let backing = (self.margin - self.funding_paid).as_notional().0;
        let (mut rate, mut offset) = (0i64, 0i128);
        for (i, bracket) in schedule.brackets.iter().enumerate() {
            offset += scale(bracket.floor.0, bracket.maintenance.0 - rate);
            rate = bracket.maintenance.0;
            let (value, by) = match self.role {
                Role::Long => (self.cost.0 - backing - offset, one - i128::from(rate)),
                Role::Short => (self.cost.0 + backing + offset, one + i128::from(rate)),
            };
            if by <= 0 {
                continue;
            }
            // value / by * one, split so that it cannot overflow
            let value = value.div_euclid(by) * one + value.rem_euclid(by) * one / by;
            if schedule.brackets.get(i + 1).is_none_or(|next| value < next.floor.0) {
                return i64::try_from(value / i128::from(self.qty.0.max(1))).unwrap_or(0).clamp(0, top);
            }
        }
        0
    }

    /// The level by bisection; the end of the range on the losing side is known to be taken.
    fn bisect(&self, taken: impl Fn(i64) -> bool, top: i64) -> i64 {
        let (mut low, mut high) = (1i64, top);
        while low < high {
            let middle = low + (high - low) / 2;
            let above = match self.role {
                Role::Long => taken(middle),
                Role::Short => !taken(middle),
            };
            if above { low = middle + 1 } else { high = middle }
        }
        match self.role {
            Role::Long => low,
            Role::Short => low - 1,
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

    /// The level turns the exact inequality, and bisection agrees, over brackets, sizes and margins.
    #[test]
    fn the_guessed_level_is_the_bisected_one() {
        let schedule = MarginSchedule {
            brackets: [(0, 12), (50_000, 20), (300_000, 35)]
                .map(|(floor, per_mille)| Bracket {
                    floor: Cash::units(floor).as_notional(),
                    maintenance: Rate(per_mille * 1_000_000_000),
                })
                .to_vec(),
        };
        for role in Role::BOTH {
            for (n, qty) in [1i64, 7, 123_456_789, 700_000_001, 4_000_000_000].into_iter().enumerate() {
                for leverage in [1, 3, 10, 40] {
                    let qty = Qty(qty);
                    let cost = Price(97_123_456_700_001 + n as i64).of(qty);
                    let margin = Cash(cost.0 / 1_000_000 / leverage);
                    for funding_paid in [Cash::ZERO, Cash(margin.0 / 7), Cash(-margin.0 / 3)] {
                        let leg = LegMargin { role, qty, cost, margin, funding_paid };
                        let Some(level) = leg.liquidation_level(&schedule) else {
                            assert_eq!((role, leverage), (Role::Long, 1), "{leg:?}");
                            continue;
                        };
                        let beyond = Price(level.0 - role.opening().sign());
                        assert!(
                            leg.is_liquidated(&schedule, beyond) && !leg.is_liquidated(&schedule, level),
                            "{leg:?}"
                        );
                        let top = (i128::MAX / 1_000_000 / i128::from(qty.0)).min(i128::from(i64::MAX / 4)) as i64;
                        let taken = |px| leg.is_liquidated(&schedule, Price(px));
                        assert_eq!(leg.bisect(taken, top), level.0);
                        if qty.0 > 7 {
                            assert!((leg.guess(&schedule, top) - level.0).abs() <= 3, "guess is good: {leg:?}");
                        }
                    }
                }
            }
        }
    }

    /// At 90,000 a long of 1 from 100,000 on a margin of 10,000 has exactly nothing left: equal to a maintenance of zero is
    /// not below it.
    #[test]
    fn equity_equal_to_maintenance_is_not_taken() {
        let (none, one) = (MarginSchedule::flat(Rate::ZERO), Qty(1_000_000_000));
        let (cost, margin) = (Price(100_000_000_000_000).of(one), Cash::units(10_000));
        let leg = LegMargin { role: Role::Long, qty: one, cost, margin, funding_paid: Cash::ZERO };
        assert!(!leg.is_liquidated(&none, Price(90_000_000_000_000)));
        assert!(leg.is_liquidated(&none, Price(89_999_999_999_999)));
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
