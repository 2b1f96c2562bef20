//! One Sharpe ratio judged alone: its error, the chance that it is above another, and the length that would show it.
//!
//! Sharpe ratios are per interval here. The variance is that of M. Lopez de Prado, A. Lipton and V. Zoonekynd, "How to Use
//! the Sharpe Ratio" (ADIA Lab research paper 19, 7 March 2026, eq 2 to 15): it allows for skew, fat tails and a correlation
//! of neighbours, and is taken at the value that is tested.

use super::normal::{cdf, false_strategy, quantile};
use perpx_core::stats::WholeSpan;
use serde::Serialize;

/// Below this share of the sum of squares the rounding of plain sums is all that is left of a variance.
const NO_VARIANCE: f64 = 1e-12;

/// Number of intervals, with what a Sharpe ratio needs of it.
#[derive(Clone, Copy, Debug)]
pub struct Count {
    per_n: f64,
    per_n1: f64,
}

impl Count {
    pub fn new(n: f64) -> Count {
        Count { per_n: 1.0 / n, per_n1: 1.0 / (n - 1.0) }
    }

    /// Mean over deviation (n - 1) of returns with these sums. Nothing done is nothing earned, 0; money without variance is
    /// worse than everything.
    #[inline(always)]
    pub fn sharpe(self, s1: f64, s2: f64) -> f64 {
        let mean = s1 * self.per_n;
        let spread = s2 - s1 * mean;
        let ratio = mean / (spread * self.per_n1).sqrt();
        let without = if s2 == 0.0 { 0.0 } else { f64::NEG_INFINITY };
        if spread > NO_VARIANCE * s2 { ratio } else { without }
    }
}

/// Sums of returns over some intervals.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Sums {
    /// How many intervals.
    pub n: f64,
    /// Sum of returns.
    pub s1: f64,
    /// Sum of squared returns.
    pub s2: f64,
}

impl Sums {
    /// Sharpe ratio per interval.
    pub fn sharpe(self) -> f64 {
        Count::new(self.n).sharpe(self.s1, self.s2)
    }

    /// Over both stretches.
    pub fn plus(self, other: Sums) -> Sums {
        Sums { n: self.n + other.n, s1: self.s1 + other.s1, s2: self.s2 + other.s2 }
    }
}

/// Population moments of returns beyond mean and deviation.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Shape {
    pub skew: f64,
    /// 3 for normal returns.
    pub kurtosis: f64,
    /// Correlation of neighbours.
    pub rho: f64,
}

impl Default for Shape {
    fn default() -> Shape {
        Shape { skew: 0.0, kurtosis: 3.0, rho: 0.0 }
    }
}

/// Sums over the whole span that [`Shape`] needs.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct ShapeSums {
    /// Sum of cubes.
    pub s3: f64,
    /// Sum of fourth powers.
    pub s4: f64,
    /// Sum of products of neighbours.
    pub lag_product: f64,
    /// The first return.
    pub first: f64,
    /// The last return.
    pub last: f64,
}

impl ShapeSums {
    /// Each rounded once from its integer.
    pub fn of(whole: &WholeSpan) -> ShapeSums {
        ShapeSums {
            s3: whole.s3.as_f64(),
            s4: whole.s4.as_f64(),
            lag_product: whole.lag_product as f64,
            first: whole.first as f64,
            last: whole.last as f64,
        }
    }

    /// None where nothing varies.
    pub fn shape(&self, Sums { n, s1, s2 }: Sums) -> Option<Shape> {
        let m = s1 / n;
        let spread = s2 - s1 * m;
        if spread <= NO_VARIANCE * s2 {
            return None;
        }
        let var = spread / n;
        let third = self.s3 / n - 3.0 * m * s2 / n + 2.0 * m * m * m;
        let fourth = self.s4 / n - 4.0 * m * self.s3 / n + 6.0 * m * m * s2 / n - 3.0 * m * m * m * m;
        let neighbours = self.lag_product - m * (2.0 * s1 - self.first - self.last) + (n - 1.0) * m * m;
        Some(Shape { skew: third / (var * var.sqrt()), kurtosis: fourth / (var * var), rho: neighbours / spread })
    }
}

/// A Sharpe ratio of `n` returns of this shape.
#[derive(Clone, Copy, Debug)]
pub struct Estimate {
    pub sharpe: f64,
    pub n: f64,
    pub shape: Shape,
}

impl Estimate {
    /// n times the variance of the estimate where the true ratio is `x` (eq 2 to 5); none where the expansion fails.
    fn variance(&self, x: f64) -> Option<f64> {
        let Shape { skew, kurtosis, rho } = self.shape;
        let square = 1.0 - rho * rho;
        let (a, b, c) = ((1.0 + rho) / (1.0 - rho), (1.0 + rho + rho * rho) / square, (1.0 + rho * rho) / square);
        let variance = a - b * skew * x + c * (kurtosis - 1.0) / 4.0 * x * x;
        (variance > 0.0).then_some(variance)
    }

    /// One standard error where the true ratio is `x`.
    pub fn error_at(&self, x: f64) -> Option<f64> {
        Some((self.variance(x)? / self.n).sqrt())
    }

    /// The chance that an estimate of a true ratio `x` falls below this one (PSR, eq 9).
    pub fn above(&self, x: f64) -> Option<f64> {
        Some(cdf((self.sharpe - x) / self.error_at(x)?))
    }

    /// Intervals from which on this ratio is above `x` with confidence `p` (MinTRL, eq 11); none where it is not above it.
    pub fn least_length(&self, x: f64, p: f64) -> Option<f64> {
        let steps = quantile(p) / (self.sharpe - x);
        (self.sharpe > x).then_some(self.variance(x)? * steps * steps)
    }

    /// The least estimate that is above `x` with confidence `p`.
    pub fn critical(&self, x: f64, p: f64) -> Option<f64> {
        Some(x + quantile(p) * self.error_at(x)?)
    }

    /// The chance that a strategy whose true ratio is `truth` shows itself above `x` with confidence `p` (eq 15).
    pub fn power(&self, x: f64, p: f64, truth: f64) -> Option<f64> {
        Some(1.0 - cdf((self.critical(x, p)? - truth) / self.error_at(truth)?))
    }

    /// The chance of PSR in its form of 2012: variance at the estimate, for independent returns.
    pub(super) fn above_2012(&self, x: f64) -> Option<f64> {
        let Shape { skew, kurtosis, .. } = self.shape;
        let variance = 1.0 - skew * self.sharpe + (kurtosis - 1.0) / 4.0 * self.sharpe * self.sharpe;
        (variance > 0.0).then(|| cdf((self.sharpe - x) * (self.n - 1.0).sqrt() / variance.sqrt()))
    }

    /// The deflated Sharpe ratio of 2014 (D. Bailey, M. Lopez de Prado): [`Self::above_2012`] what the best of `trials` would
    /// show, whose ratios have this variance. None for one trial.
    pub fn deflated(&self, variance: f64, trials: f64) -> Option<f64> {
        if trials <= 1.0 {
            return None;
        }
        self.above_2012(variance.sqrt() * false_strategy(trials))
    }
}

/// Years of data below which the best of `trials` without an edge is expected to show `target` a year (MinBTL, D. Bailey,
/// J. Borwein, M. Lopez de Prado, Q. Zhu, 2014).
pub fn least_backtest_years(trials: f64, target: f64) -> f64 {
    let expected = false_strategy(trials) / target;
    expected * expected
}
