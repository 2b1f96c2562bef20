//! The window of spread samples at bar closes, and the levels made of it.

use crate::units::Rate;
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;

/// The samples of the last `window` bars; a bar without a fresh tick has none. Serves every band over the same window.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Band {
    /// Bars of the window.
    window: u32,
    /// One entry a bar, oldest first; NaN = no sample.
    bars: VecDeque<f64>,
    /// The samples in rising order.
    sorted: Vec<f64>,
}

impl Band {
    /// A window of so many bars, all still to come.
    pub fn new(window: u32) -> Band {
        Band { window, bars: VecDeque::with_capacity(window as usize + 1), sorted: Vec::new() }
    }

    /// The next bar's sample, bp; NaN when it has none.
    pub fn push(&mut self, spread: f64) {
        self.bars.push_back(spread);
        if self.bars.len() > self.window as usize
            && let Some(old) = self.bars.pop_front().filter(|old| !old.is_nan())
        {
            let place = self.sorted.partition_point(|x| x.total_cmp(&old).is_lt());
            self.sorted.remove(place);
        }
        if !spread.is_nan() {
            let place = self.sorted.partition_point(|x| x.total_cmp(&spread).is_lt());
            self.sorted.insert(place, spread);
        }
    }

    /// At least half of the window's bars have a sample.
    pub fn is_enough(&self) -> bool {
        !self.sorted.is_empty() && 2 * self.sorted.len() >= self.window as usize
    }

    /// Mean of the samples, summed from the oldest to the newest; NaN when there are too few.
    pub fn mean(&self) -> f64 {
        if !self.is_enough() {
            return f64::NAN;
        }
        self.samples().fold(0.0, |sum, x| sum + x) / self.sorted.len() as f64
    }

    /// Mean and population sigma, in two passes; NaN when there are too few samples.
    pub fn sigma(&self) -> (f64, f64) {
        let mean = self.mean();
        let squares = self.samples().fold(0.0, |sum, x| sum + (x - mean) * (x - mean));
        (mean, (squares / self.sorted.len() as f64).sqrt())
    }

    /// `(s_(m+1) with m the greatest count of m/n <= lb, s_m with m the least count of m/n >= ub)` of the sorted samples
    /// s_1..s_n; NaN where there is none.
    pub fn quantiles(&self, lb: Rate, ub: Rate) -> (f64, f64) {
        if !self.is_enough() {
            return (f64::NAN, f64::NAN);
        }
        let n = self.sorted.len() as i128;
        let (one, count) = (i128::from(Rate::ONE), |rate: Rate| i128::from(rate.0) * n);
        let below = count(lb).div_euclid(one);
        let above = (count(ub) + one - 1).div_euclid(one).max(1);
        // s_1 stands at place 0
        let at =
            |place: i128| usize::try_from(place).ok().and_then(|i| self.sorted.get(i)).copied().unwrap_or(f64::NAN);
        (at(below), at(above - 1))
    }

    /// Oldest first, without the bars that have none.
    fn samples(&self) -> impl Iterator<Item = f64> + '_ {
        self.bars.iter().copied().filter(|x| !x.is_nan())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn band(window: u32, samples: &[f64]) -> Band {
        let mut band = Band::new(window);
        samples.iter().for_each(|&x| band.push(x));
        band
    }

    #[test]
    fn the_window_slides_and_skips_bars_without_a_sample() {
        let x = f64::NAN;
        assert!(band(4, &[1.0]).mean().is_nan());
        // the last four: none, 5, none, 1
        let band = band(4, &[9.0, x, 5.0, x, 1.0]);
        assert_eq!(band.sigma(), (3.0, 2.0));
        assert!(self::band(5, &[9.0, 5.0, x, x, x]).mean().is_nan(), "two of five are too few");
        assert_eq!(self::band(5, &[9.0, 6.0, 3.0, x, x]).mean(), 6.0);
    }

    /// Ten samples 1..=10: lb 0.2 -> m = 2, fires below s_3; ub 0.8 -> m = 8, fires from s_8 on.
    #[test]
    fn quantiles_are_order_statistics() {
        let samples: Vec<f64> = [3, 9, 1, 10, 2, 8, 4, 6, 5, 7].map(f64::from).to_vec();
        let band = band(10, &samples);
        let rate = |percent: i64| Rate(percent * Rate::ONE / 100);
        assert_eq!(band.quantiles(rate(20), rate(80)), (3.0, 8.0));
        assert_eq!(band.quantiles(rate(25), rate(71)), (3.0, 8.0));
        assert_eq!(band.quantiles(rate(0), rate(100)), (1.0, 10.0));
        let (lower, upper) = band.quantiles(rate(100), rate(1));
        assert!(lower.is_nan() && upper == 1.0);
    }
}
