//! Money: exact notionals and the ledger's cash.

use super::{Rate, format_scaled, mul_div};
use serde::{Deserialize, Serialize};
use std::fmt;

/// Price times quantity, exact, in 1e-18 quote units. Signed like the quantity.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Notional(pub i128);

/// Quote money in 1e-12; positive = ours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Cash(pub i128);

/// Notional units (1e-18) per cash unit (1e-12).
const PER_CASH: i128 = 1_000_000;

impl Notional {
    /// Nothing.
    pub const ZERO: Notional = Notional(0);

    /// Without its sign.
    #[inline]
    pub fn abs(self) -> Notional {
        Notional(self.0.abs())
    }

    /// Quote money as a float, for statistics and reports.
    pub fn as_f64(self) -> f64 {
        self.0 as f64 * 1e-18
    }

    /// Money received (positive) or paid (negative) for this value, rounded once, against us, to a multiple of `grid`.
    #[inline]
    pub fn to_cash(self, grid: Cash) -> Cash {
        Cash(self.0.div_euclid(PER_CASH * grid.0) * grid.0)
    }

    /// `self * rate` as money, rounded once, against us (down), to a multiple of `grid`.
    #[inline]
    pub fn times(self, rate: Rate, grid: Cash) -> Cash {
        Cash(mul_div(self.0, i128::from(rate.0), PER_CASH * i128::from(Rate::ONE) * grid.0) * grid.0)
    }
}

impl Cash {
    /// Nothing.
    pub const ZERO: Cash = Cash(0);

    /// Whole quote units.
    pub fn units(amount: i64) -> Cash {
        Cash(i128::from(amount) * 1_000_000_000_000)
    }

    /// Quote money as a float, for statistics and reports.
    pub fn as_f64(self) -> f64 {
        self.0 as f64 * 1e-12
    }

    /// The same amount in the finer unit, exact.
    #[inline]
    pub fn as_notional(self) -> Notional {
        Notional(self.0 * PER_CASH)
    }
}

super::sums!(Cash);
super::sums!(Notional);

impl fmt::Display for Cash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format_scaled(self.0, 12))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::{Price, Qty};

    #[test]
    fn money_is_rounded_once_and_against_us() {
        let grid = Cash(1_000_000); // 1e-6
        let value = Price(100_000_000_100).of(Qty(333)); // 0.0000333000000333
        assert_eq!(value.to_cash(grid), Cash(33_000_000));
        assert_eq!((-value).to_cash(grid), Cash(-34_000_000));
        // a fee of 2 bp on 1,000 is 0.2 exactly; the same on a value off the grid rounds up
        let thousand = Price(1_000_000_000_000).of(Qty(1_000_000_000));
        assert_eq!((-thousand).times(Rate::from_bps(2), grid), Cash(-200_000_000_000));
        let odd = Notional(thousand.0 + 1);
        assert_eq!((-odd).times(Rate::from_bps(2), grid), Cash(-200_001_000_000));
        assert_eq!(odd.times(Rate::from_bps(2), grid), Cash(200_000_000_000));
    }

    #[test]
    fn a_fee_on_a_thousand_million_million_is_as_exact() {
        // 9.2e8 coins at 1e9: 9.2e17 of value, 4.5 bp = 4.14e14; the product of the two passes i128
        let value = Price(1_000_000_000_000_000_000).of(Qty(920_000_000_000_000_000));
        assert_eq!((-value).times(Rate(450_000_000), Cash(1_000_000)), -Cash::units(414_000_000_000_000));
    }
}
