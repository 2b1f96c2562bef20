//! Mids, and the money that a quantity is worth at one, to the last digit.

use super::{Cash, Notional, Price, Qty, Rate, format_scaled};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::ops::{Neg, Sub};

/// The middle of bid and ask, in half of 1e-9 quote money per base coin, which is bid plus ask. Zero means "no quote".
/// A difference of two mids is a move of the mid, with its sign.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[repr(transparent)]
pub struct Mid(i64);

/// Quote money in half of 1e-18, so that a quantity at a mid is exact; positive = ours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[repr(transparent)]
pub struct MidValue(i128);

impl Mid {
    /// No quote.
    pub const ZERO: Mid = Mid(0);

    /// The middle of these two.
    #[inline]
    pub const fn between(bid: Price, ask: Price) -> Mid {
        Mid(bid.0 + ask.0)
    }

    /// A price in the finer unit, exact.
    #[inline]
    pub const fn at(px: Price) -> Mid {
        Mid(2 * px.0)
    }

    /// The integer, halves of 1e-9: for ratios of mids, in which the unit cancels.
    #[inline]
    pub const fn raw(self) -> i64 {
        self.0
    }

    /// There is a quote.
    #[inline]
    pub fn is_quoted(self) -> bool {
        self.0 > 0
    }

    /// Exact value of `qty` coins at this mid; carries the sign of `qty`.
    #[inline]
    pub fn of(self, qty: Qty) -> MidValue {
        MidValue(i128::from(self.0) * i128::from(qty.0))
    }

    /// As a price: what is below 1e-9 is cut off.
    #[inline]
    pub fn price(self) -> Price {
        Price(self.0 / 2)
    }

    /// A move without its sign.
    #[inline]
    pub fn abs(self) -> Mid {
        Mid(self.0.abs())
    }

    /// Quote money per base coin as a float, for signals and charts alone.
    #[inline]
    pub fn as_f64(self) -> f64 {
        self.0 as f64 / 2e9
    }

    /// A move in basis points of a mid, for statistics.
    pub fn bp_of(self, whole: Mid) -> f64 {
        1e4 * self.0 as f64 / whole.0 as f64
    }

    /// In 1e-10 quote money per base coin, for decimals of files.
    pub fn digits(self) -> i128 {
        i128::from(self.0) * 5
    }
}

impl Sub for Mid {
    type Output = Mid;
    #[inline]
    fn sub(self, other: Mid) -> Mid {
        Mid(self.0 - other.0)
    }
}

impl Neg for Mid {
    type Output = Mid;
    #[inline]
    fn neg(self) -> Mid {
        Mid(-self.0)
    }
}

impl MidValue {
    /// Nothing.
    pub const ZERO: MidValue = MidValue(0);
    /// Less than any amount, and far enough from the end that amounts can be taken from it.
    pub const LEAST: MidValue = MidValue(i128::MIN / 4);

    /// Without its sign.
    #[inline]
    pub fn abs(self) -> MidValue {
        MidValue(self.0.abs())
    }

    /// In the coarser unit, rounded down.
    #[inline]
    pub fn to_notional(self) -> Notional {
        Notional(self.0.div_euclid(2))
    }

    /// This amount over `whole` in 1e-9, rounded down; zero when it is negative. An integer for sizes, where a float would
    /// not be exact.
    pub fn billionths_of(self, whole: MidValue) -> i128 {
        self.0.max(0) / (whole.0 / 1_000_000_000).max(1)
    }

    /// Quote money as a float, for statistics and reports.
    pub fn as_f64(self) -> f64 {
        self.0 as f64 * 0.5e-18
    }

    /// This amount as a fraction of `whole`, for statistics.
    pub fn fraction_of(self, whole: MidValue) -> f64 {
        self.0 as f64 / whole.0 as f64
    }

    /// This amount in basis points of `whole`, for statistics.
    pub fn bp_of(self, whole: MidValue) -> f64 {
        1e4 * self.0 as f64 / whole.0 as f64
    }

    /// In 1e-19 quote money, for decimals of files.
    pub fn digits(self) -> i128 {
        self.0 * 5
    }

    /// `self * rate`, toward zero.
    pub fn times(self, rate: Rate) -> MidValue {
        let (one, rate) = (i128::from(Rate::ONE), i128::from(rate.0));
        // the quotient and the rest apart: their sum fits where the whole product may not
        MidValue(self.0 / one * rate + self.0 % one * rate / one)
    }
}

/// The same amount in the finer unit, exact.
impl From<Notional> for MidValue {
    #[inline]
    fn from(value: Notional) -> MidValue {
        MidValue(2 * value.0)
    }
}

/// The same amount in the finer unit, exact.
impl From<Cash> for MidValue {
    #[inline]
    fn from(cash: Cash) -> MidValue {
        cash.as_notional().into()
    }
}

super::sums!(MidValue);

impl fmt::Display for MidValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format_scaled(self.digits(), 19))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 3e-9 coins at a mid of 100.0000000005 are worth 3.000000000015e-7.
    #[test]
    fn a_mid_between_two_prices_is_exact() {
        let mid = Mid::between(Price(100_000_000_000), Price(100_000_000_001));
        assert_eq!(mid.of(Qty(3)).to_string(), "0.0000003000000000015");
        assert_eq!((mid.price(), mid.of(Qty(-3))), (Price(100_000_000_000), -mid.of(Qty(3))));
        assert_eq!((mid.as_f64(), mid.digits()), (100.0000000005, 1_000_000_000_005));
        assert_eq!(Mid::at(Price(7)).of(Qty(2)), Price(7).of(Qty(2)).into());
        assert_eq!(MidValue::from(Cash::units(2)).as_f64(), 2.0);
        assert_eq!(((Mid(199) - Mid(200)).abs(), (Mid(199) - Mid(200)).bp_of(Mid(200))), (Mid(1), -50.0));
    }

    #[test]
    fn a_part_of_money_is_cut_off_at_the_last_digit() {
        let times = |value: i128| MidValue(value).times(Rate::from_bps(10));
        assert_eq!((times(1_999), times(2_001), times(-1_999)), (MidValue(1), MidValue(2), MidValue(-1)));
        assert_eq!(times(i128::MAX / 2), MidValue(i128::MAX / 2_000), "no product passes i128");
    }
}
