//! Dimensionless fractions: fees, funding, percentages of a price.

use super::{format_scaled, parse_scaled};
use serde::{Deserialize, Serialize};
use std::fmt;

/// A fraction in 1e-12: a fee of 2 bp is `Rate(200_000_000)`, a funding rate of 0.01 % is `Rate(100_000_000)`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[repr(transparent)]
pub struct Rate(pub i64);

impl Rate {
    /// The integer that stands for 1.
    pub const ONE: i64 = 1_000_000_000_000;
    /// Nothing.
    pub const ZERO: Rate = Rate(0);

    /// Whole basis points (1e-4).
    pub const fn from_bps(bps: i64) -> Rate {
        Rate(bps * (Rate::ONE / 10_000))
    }

    /// Reads a decimal fraction ("0.0035"); `None` when it is no decimal or finer than 1e-12.
    pub fn parse(text: &str) -> Option<Rate> {
        Some(Rate(i64::try_from(parse_scaled(text, 12)?).ok()?))
    }

    /// The fraction as a float, for statistics and reports.
    pub fn as_f64(self) -> f64 {
        self.0 as f64 / Rate::ONE as f64
    }

    /// Basis points as a float, for reports.
    pub fn bps(self) -> f64 {
        self.0 as f64 / (Rate::ONE / 10_000) as f64
    }
}

super::sums!(Rate);

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format_scaled(i128::from(self.0), 12))
    }
}
