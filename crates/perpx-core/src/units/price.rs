//! Prices and quantities: i64 of 1e-9.

use super::{Notional, Rate, format_scaled};
use serde::{Deserialize, Serialize};
use std::fmt;

/// Quote money per base coin, in 1e-9. Zero means "no quote".
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[repr(transparent)]
pub struct Price(pub i64);

/// Base coins in 1e-9. Negative where it is a short position.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[repr(transparent)]
pub struct Qty(pub i64);

impl Price {
    /// Price as a float, for signals and charts alone.
    pub fn as_f64(self) -> f64 {
        self.0 as f64 * 1e-9
    }

    /// Exact value of `qty` coins at this price; carries the sign of `qty`.
    #[inline]
    pub fn of(self, qty: Qty) -> Notional {
        Notional(i128::from(self.0) * i128::from(qty.0))
    }

    /// `self * (1 + rate)` rounded down to 1e-9.
    #[inline]
    pub fn scaled_floor(self, rate: Rate) -> Price {
        Price(self.grown(rate).div_euclid(Rate::ONE as i128) as i64)
    }

    /// `self * (1 + rate)` rounded up to 1e-9.
    #[inline]
    pub fn scaled_ceil(self, rate: Rate) -> Price {
        Price(-((-self.grown(rate)).div_euclid(Rate::ONE as i128)) as i64)
    }

    /// `self * (1 + rate)`, 1e-21.
    fn grown(self, rate: Rate) -> i128 {
        i128::from(self.0) * (i128::from(Rate::ONE) + i128::from(rate.0))
    }

    /// Down to a multiple of `tick` (> 0).
    #[inline]
    pub fn floor_to(self, tick: Price) -> Price {
        Price(self.0.div_euclid(tick.0) * tick.0)
    }

    /// Up to a multiple of `tick` (> 0).
    #[inline]
    pub fn ceil_to(self, tick: Price) -> Price {
        Price(-((-self.0).div_euclid(tick.0)) * tick.0)
    }
}

impl Qty {
    /// Nothing.
    pub const ZERO: Qty = Qty(0);

    /// Base coins as a float, for statistics and reports.
    pub fn as_f64(self) -> f64 {
        self.0 as f64 * 1e-9
    }

    /// Without its sign.
    #[inline]
    pub fn abs(self) -> Qty {
        Qty(self.0.abs())
    }

    /// Nothing at all.
    #[inline]
    pub fn is_zero(self) -> bool {
        self.0 == 0
    }

    /// Toward zero to a multiple of `lot` (> 0).
    #[inline]
    pub fn floor_to(self, lot: Qty) -> Qty {
        Qty(self.0 / lot.0 * lot.0)
    }
}

super::sums!(Qty);

impl fmt::Display for Price {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format_scaled(i128::from(self.0), 9))
    }
}

impl fmt::Display for Qty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format_scaled(i128::from(self.0), 9))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_round_to_the_named_side() {
        let price = Price(100_000_000_001);
        assert_eq!(price.scaled_ceil(Rate::from_bps(1)), Price(100_010_000_002));
        assert_eq!(price.scaled_floor(Rate::from_bps(1)), Price(100_010_000_001));
        assert_eq!(price.scaled_floor(-Rate::from_bps(1)), Price(99_990_000_000));
        let tick = Price(100_000_000);
        assert_eq!((price.floor_to(tick), price.ceil_to(tick)), (Price(100_000_000_000), Price(100_100_000_000)));
        assert_eq!(Qty(-17).floor_to(Qty(5)), Qty(-15));
    }
}
