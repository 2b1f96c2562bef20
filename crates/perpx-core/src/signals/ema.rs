//! The exponential average of bar closes.

use serde::{Deserialize, Serialize};

/// `value = alpha * close + (1 - alpha) * value`, alpha = 2 / (n + 1); the first close is the seed.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Ema {
    /// Weight of the newest close.
    alpha: f64,
    /// NaN before the first close.
    value: f64,
}

impl Ema {
    /// Of `n` bars, not seeded yet.
    pub fn new(n: u32) -> Ema {
        Ema { alpha: 2.0 / (f64::from(n) + 1.0), value: f64::NAN }
    }

    /// The next close, in time order.
    pub fn push(&mut self, close: f64) {
        self.value = if self.value.is_nan() { close } else { self.alpha * close + (1.0 - self.alpha) * self.value };
    }

    /// NaN before the seed.
    pub fn value(&self) -> f64 {
        self.value
    }
}
