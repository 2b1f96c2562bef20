//! Realised volatility of bar closes.

use crate::units::{SECOND, TimeDelta, YEAR};
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;

/// `sqrt(sum r^2 / n * 31536000 / bar_sec)` over the last n log returns, summed afresh from the oldest to the newest.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Volatility {
    /// Returns in the window.
    n: u32,
    /// Length of a bar.
    bar_length: TimeDelta,
    /// The newest close; NaN before the first.
    last: f64,
    /// The newest n returns, oldest first.
    returns: VecDeque<f64>,
}

impl Volatility {
    /// A window of `n` returns of bars of `bar_length`, all still to come.
    pub fn new(n: u32, bar_length: TimeDelta) -> Volatility {
        Volatility { n, bar_length, last: f64::NAN, returns: VecDeque::with_capacity(n as usize + 1) }
    }

    /// The next close, in time order; NaN closes make NaN returns.
    pub fn push(&mut self, close: f64) {
        if !self.last.is_nan() {
            self.returns.push_back(libm::log(close / self.last));
            if self.returns.len() > self.n as usize {
                self.returns.pop_front();
            }
        }
        self.last = close;
    }

    /// Annualised, 0.25 = 25 %; NaN before n returns are there.
    pub fn value(&self) -> f64 {
        if self.returns.len() < self.n as usize {
            return f64::NAN;
        }
        let sum = self.returns.iter().fold(0.0, |sum, r| sum + r * r);
        let (year, bar) = (YEAR.as_f64(SECOND), self.bar_length.as_f64(SECOND));
        (sum / f64::from(self.n) * year / bar).sqrt()
    }
}
