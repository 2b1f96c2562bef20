//! Units of the house: a newtype each, exact from file to ledger.
//!
//! | type | unit | scale | range |
//! | --- | --- | --- | --- |
//! | [`Time`] | nanoseconds since 1970-01-01 UTC | 1 ns | until 2262 |
//! | [`TimeDelta`] | nanoseconds from one moment to another | 1 ns | about 292 years |
//! | [`Price`] | quote money per base coin | 1e-9 | about 9.2 billion |
//! | [`Mid`] | the middle of two prices | half of 1e-9 | about 4.6 billion |
//! | [`Qty`] | base coins, signed where it is a position | 1e-9 | about 9.2 billion |
//! | [`Notional`] | price times quantity, exact | 1e-18 | i128 |
//! | [`MidValue`] | mid times quantity, exact; equity and the ledger's lines | half of 1e-18 | i128 |
//! | [`Cash`] | quote money as venues book it | 1e-12 | i128 |
//! | [`Rate`] | dimensionless fraction (fee, funding, percentage) | 1e-12 | about 9.2 million |
//!
//! # Legal arithmetic
//!
//! | left | | right | gives | rounding |
//! | --- | --- | --- | --- | --- |
//! | Qty, Notional, MidValue, Cash, Rate, TimeDelta | + - | the same | the same | exact |
//! | Mid | - | Mid | Mid, a move with its sign | exact |
//! | Time | [`plus`](Time::plus) | TimeDelta | Time | exact, held at the ends |
//! | Time | [`since`](Time::since) | Time | TimeDelta | exact, held at the ends |
//! | Time | [`steps`](Time::steps) | TimeDelta | a number: of its bar, its day | down |
//! | Time | [`floor_to`](Time::floor_to), [`into_step`](Time::into_step) | TimeDelta | Time, TimeDelta: where the step began, how long ago | exact |
//! | a number | `*` | TimeDelta | TimeDelta | exact, held at the ends |
//! | TimeDelta | / | a number | TimeDelta | toward zero |
//! | TimeDelta | / % | TimeDelta | how often it fits; what is left | toward zero |
//! | TimeDelta | [`as_f64`](TimeDelta::as_f64) | TimeDelta | f64 | for statistics |
//! | Price, Price | [`Mid::between`] | | Mid | exact |
//! | Price | [`Mid::at`] | | Mid | exact |
//! | Mid | [`price`](Mid::price) | | Price | half of 1e-9 is cut off |
//! | Price | [`of`](Price::of) | Qty | Notional | exact |
//! | Mid | [`of`](Mid::of) | Qty | MidValue | exact |
//! | Price | [`scaled_floor`](Price::scaled_floor), [`scaled_ceil`](Price::scaled_ceil) | 1 + Rate | Price | as named, to 1e-9 |
//! | Price, Qty | `floor_to`, `ceil_to` | tick, lot | the same | as named |
//! | Notional | [`times`](Notional::times) | Rate, grid | Cash | once, against us, to the grid |
//! | Notional | [`to_cash`](Notional::to_cash) | grid | Cash | once, against us, to the grid |
//! | Cash | [`as_notional`](Cash::as_notional) | | Notional | exact |
//! | Cash, Notional | `into` | | MidValue | exact |
//! | MidValue | [`times`](MidValue::times) | Rate | MidValue | toward zero |
//! | MidValue | [`to_notional`](MidValue::to_notional) | | Notional | down |
//! | MidValue | [`fraction_of`](MidValue::fraction_of), [`bp_of`](MidValue::bp_of) | MidValue | f64 | for statistics |
//!
//! What is absent is forbidden, and does not compile:
//!
//! - Price + Price: no market quotes a sum of prices; the middle of two is a [`Mid`]. A step of the book is added by
//!   `floor_to` and `ceil_to`.
//! - Mid + Mid, for the same reason.
//! - money of different units (Cash + Notional, Notional + MidValue): the conversion says whether, when and against whom it
//!   is rounded.
//! - money x Rate by an operator: it would hide a rounding.
//! - a product of two amounts of money: nothing is measured in it.
//! - Time + Time: a sum of two dates is none; Time - Time by an operator: [`Time::since`] says which is the earlier.
//! - Time or TimeDelta with a bare number of nanoseconds: `5 * SECOND` says what the 5 are.
//! - TimeDelta x TimeDelta: nothing is measured in it.
//! - f64 with any of them: floats begin at signals and statistics, by `as_f64`, and never come back.

/// Addition of a quantity that may be summed, with the sign that goes with it.
macro_rules! sums {
    ($type:ident) => {
        impl std::ops::Add for $type {
            type Output = $type;
            #[inline]
            fn add(self, other: $type) -> $type {
                $type(self.0 + other.0)
            }
        }
        impl std::ops::Sub for $type {
            type Output = $type;
            #[inline]
            fn sub(self, other: $type) -> $type {
                $type(self.0 - other.0)
            }
        }
        impl std::ops::Neg for $type {
            type Output = $type;
            #[inline]
            fn neg(self) -> $type {
                $type(-self.0)
            }
        }
        impl std::ops::AddAssign for $type {
            #[inline]
            fn add_assign(&mut self, other: $type) {
                self.0 += other.0;
            }
        }
        impl std::ops::SubAssign for $type {
            #[inline]
            fn sub_assign(&mut self, other: $type) {
                self.0 -= other.0;
            }
        }
        impl std::iter::Sum for $type {
            fn sum<I: Iterator<Item = $type>>(items: I) -> $type {
                $type(items.map(|item| item.0).sum())
            }
        }
    };
}
use sums;

mod cash;
mod decimal;
mod mid;
mod price;
mod rate;
mod time;
mod time_delta;
mod wide;

pub use cash::{Cash, Notional};
pub use decimal::{format_scaled, parse_decimal, parse_scaled};
pub use mid::{Mid, MidValue};
pub use price::{Price, Qty};
pub use rate::Rate;
pub use time::Time;
pub use time_delta::{DAY, HOUR, MINUTE, MS, NS, SECOND, TimeDelta, YEAR};
pub use wide::mul_div;

#[cfg(test)]
mod tests {
    use super::*;
    use std::ops::{Add, Div, Mul, Sub};

    /// Does not compile once `$left` has the operator with `$right`: two implementations of `Lacks` would then be there for
    /// it, and which one is meant could not be inferred.
    macro_rules! forbidden {
        ($($left:ty, $op:ident, $right:ty;)*) => {
            $(const _: fn() = || {
                trait Lacks<Which> {
                    fn it() {}
                }
                impl<T> Lacks<()> for T {}
                struct Has;
                impl<T: $op<$right>> Lacks<Has> for T {}
                <$left as Lacks<_>>::it();
            };)*
        };
    }

    forbidden! {
        Price, Add, Price;
        Price, Sub, Price;
        Price, Mul, Qty;
        Price, Mul, Price;
        Mid, Add, Mid;
        Mid, Sub, Price;
        Price, Sub, Mid;
        Cash, Add, Notional;
        Notional, Add, Cash;
        Notional, Add, MidValue;
        MidValue, Add, Cash;
        MidValue, Sub, Notional;
        Cash, Mul, Rate;
        Notional, Mul, Rate;
        MidValue, Mul, Rate;
        Rate, Mul, Rate;
        Cash, Mul, Cash;
        Cash, Div, Cash;
        Qty, Add, Notional;
        Time, Add, Time;
        Time, Sub, Time;
        Time, Add, i64;
        Time, Add, TimeDelta;
        TimeDelta, Add, i64;
        TimeDelta, Add, Time;
        TimeDelta, Mul, TimeDelta;
        TimeDelta, Mul, f64;
        TimeDelta, Div, f64;
        Price, Mul, f64;
        Qty, Mul, f64;
        Cash, Mul, f64;
        Cash, Add, i128;
    }

    /// 90 seconds before and after the beginning of 1970.
    #[test]
    fn time_by_an_example() {
        let after = Time::at(90 * SECOND);
        let before = Time::at(-90 * SECOND);
        assert_eq!((after.since(before), before.since(after)), (3 * MINUTE, -180 * SECOND));
        assert_eq!(
            (after.steps(MINUTE), after.floor_to(MINUTE), after.into_step(MINUTE)),
            (1, Time::at(MINUTE), 30 * SECOND)
        );
        // down, not toward zero
        assert_eq!((before.steps(MINUTE), before.floor_to(MINUTE)), (-2, Time::at(-2 * MINUTE)));
        assert_eq!(before.into_step(MINUTE), 30 * SECOND);
        assert_eq!((250 * MS / MINUTE, 250 * SECOND / MINUTE, 250 * SECOND % MINUTE), (0, 4, 10 * SECOND));
        assert_eq!((HOUR / 7, (90 * SECOND).as_f64(MINUTE)), (TimeDelta(514_285_714_285), 1.5));
        assert_eq!((Time::MAX.plus(NS), Time::MIN.since(Time::MAX)), (Time::MAX, TimeDelta(i64::MIN)));
        assert_eq!((DAY.times(i64::MAX), YEAR), (TimeDelta::MAX, 8_760 * HOUR));
    }

    /// One coin and a half bought at 100.5, seen at a mid of 102.
    #[test]
    fn the_table_by_an_example() {
        let one = 1_000_000_000;
        let (px, qty, grid) = (Price(100_500_000_000), Qty(1_500_000_000), Cash(1_000_000));
        let mid = Mid::between(Price(101 * one), Price(103 * one));
        let cost = px.of(qty);
        assert_eq!(cost, Notional(150_750_000_000 * i128::from(one)));
        assert_eq!((mid.of(qty) - cost.into()).to_string(), "2.25");
        assert_eq!((mid - Mid::at(px)).of(qty), mid.of(qty) - cost.into());
        // a fee of 1 bp is 0.015075; paid, it is not less
        assert_eq!((-cost).times(Rate::from_bps(1), grid).to_string(), "-0.015075");
        assert_eq!((-cost).times(Rate::from_bps(1), Cash(10_000_000_000)).to_string(), "-0.02");
        let cash = cost.to_cash(grid);
        assert_eq!((cash.as_notional(), MidValue::from(cash).to_notional()), (cost, cost));
        assert_eq!(
            (px.scaled_floor(Rate::from_bps(1)), px.floor_to(Price(one))),
            (Price(100_510_050_000), Price(100 * one))
        );
    }
}
