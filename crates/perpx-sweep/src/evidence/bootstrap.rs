//! Histories like the one that was: atoms drawn again.

use libm::{cbrt, log10};
use perpx_core::sim::chance::{hash64, unit53};
use rayon::prelude::*;

/// How often each atom stands in each history that is drawn.
pub struct Draws {
    /// Where the atoms of each history begin in `drawn`, and the end.
    starts: Vec<usize>,
    /// (atom, how often); in the order of atoms, those that do not occur left out.
    drawn: Vec<(u32, f64)>,
    /// Intervals of each history.
    pub intervals: Vec<f64>,
    /// Mean length of the blocks, in atoms.
    pub mean_length: f64,
}

impl Draws {
    /// The stationary bootstrap (D. Politis, J. Romano, 1994) over atoms of these lengths; independent atoms where the mean
    /// length is 1. Draw `i` of history `r` depends on (seed, r, i) alone.
    pub fn new(lengths: &[u32], seed: u64, histories: usize, mean_length: f64) -> Draws {
        let row = |r: usize| {
            let mut counts = vec![0u32; lengths.len()];
            indices(lengths.len(), seed, r as u64, mean_length).for_each(|atom| counts[atom] += 1);
            counts
        };
        let rows: Vec<Vec<u32>> = (0..histories).into_par_iter().map(row).collect();
        let mut draws = Draws { starts: vec![0], drawn: Vec::new(), intervals: Vec::new(), mean_length };
        for counts in rows {
            let occurring = counts.iter().enumerate().filter(|(_, count)| **count > 0);
            draws.drawn.extend(occurring.map(|(atom, count)| (atom as u32, f64::from(*count))));
            draws.starts.push(draws.drawn.len());
            draws.intervals.push(counts.iter().zip(lengths).map(|(count, length)| f64::from(count * length)).sum());
        }
        draws
    }

    pub fn histories(&self) -> usize {
        self.intervals.len()
    }

    /// The atoms of one history.
    #[inline]
    pub fn of(&self, history: usize) -> &[(u32, f64)] {
        &self.drawn[self.starts[history]..self.starts[history + 1]]
    }

    /// Over each history the sum of what `values` says of an atom.
    pub fn sums<'a>(&'a self, values: &'a [f64]) -> impl Iterator<Item = f64> + 'a {
        (0..self.histories()).map(|r| self.of(r).iter().map(|(atom, count)| count * values[*atom as usize]).sum())
    }
}

/// The atoms of one history in the order in which they are drawn.
pub(super) fn indices(atoms: usize, seed: u64, history: u64, mean_length: f64) -> impl Iterator<Item = usize> {
    let unit = move |i: usize, which: u64| unit53(hash64(&[seed, history, 2 * i as u64 + which]));
    let mut at = 0;
    (0..atoms).map(move |i| {
        let begins = i == 0 || unit(i, 1) < 1.0 / mean_length;
        at = if begins { (unit(i, 0) * atoms as f64) as usize } else { (at + 1) % atoms };
        at
    })
}

/// The best mean length of blocks for the stationary bootstrap of this series (D. Politis, H. White, 2004, corrected by
/// A. Patton, D. Politis, H. White, 2009), with the flat-top window; 0 where nothing varies.
pub fn block_length(series: &[f64]) -> f64 {
    let n = series.len() as f64;
    let mean = series.iter().sum::<f64>() / n;
    let x: Vec<f64> = series.iter().map(|value| value - mean).collect();
    let product = |lag: usize| -> f64 { x[lag..].iter().zip(&x).map(|(a, b)| a * b).sum() };
    let square = |part: &[f64]| -> f64 { part.iter().map(|value| value * value).sum() };
    if x.len() < 2 || square(&x) == 0.0 {
        return 0.0;
    }
    let run = (log10(n) as usize).max(5);
    let most = (n.sqrt().ceil() as usize + run).min(x.len() - 1);
    // autocorrelations of so small a size are noise; the window begins where a run of them begins
    let small = 2.0 * (log10(n) / n).sqrt();
    let is_small = |lag: usize| {
        // the two stretches of that product, each without the row beyond it
        let scale = (square(&x[(lag + 1).min(x.len())..]) * square(&x[..x.len() - lag - 1])).sqrt();
        product(lag).abs() < small * scale
    };
    let quiet = (1..=most.saturating_sub(run)).find(|begin| (*begin..begin + run).all(is_small));
    let window = quiet.map_or(most, |begin| (2 * begin).min(most));
    let (mut weighted, mut long_run) = (0.0, product(0) / n);
    for lag in 1..=window {
        let share = lag as f64 / window as f64;
        let weight = if share <= 0.5 { 1.0 } else { 2.0 * (1.0 - share) };
        let covariance = product(lag) / n;
        weighted += 2.0 * weight * lag as f64 * covariance;
        long_run += 2.0 * weight * covariance;
    }
    let length = cbrt(weighted * weighted / (long_run * long_run) * n);
    length.min((3.0 * n.sqrt()).min(n / 3.0).ceil())
}

/// The lower quantile `p` of `sorted`: one of its values.
pub fn percentile(sorted: &[f64], p: f64) -> f64 {
    sorted[(p * (sorted.len() - 1) as f64) as usize]
}

/// Mean and standard deviation (n - 1) of a sample.
pub fn spread(sample: &[f64]) -> (f64, f64) {
    let n = sample.len() as f64;
    let mean = sample.iter().sum::<f64>() / n;
    let square: f64 = sample.iter().map(|value| (value - mean) * (value - mean)).sum();
    (mean, (square / (n - 1.0)).sqrt())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_series_without_variance_has_no_blocks() {
        assert_eq!(block_length(&[0.25; 30]), 0.0);
        assert_eq!(block_length(&[]), 0.0);
    }

    #[test]
    fn every_history_is_as_long_as_the_one_that_was() {
        let lengths = [5, 5, 4, 4, 4, 4];
        let draws = Draws::new(&lengths, 3, 50, 2.0);
        for r in 0..50 {
            assert_eq!(draws.of(r).iter().map(|(_, count)| count).sum::<f64>(), 6.0);
        }
        let n: Vec<f64> = draws.sums(&lengths.map(f64::from)).collect();
        assert_eq!(n, draws.intervals);
    }

    #[test]
    fn draws_are_those_of_the_vectors() {
        let found: Vec<usize> = indices(24, 77, 0, 2.0).collect();
        assert_eq!(found[..8], [15, 12, 13, 14, 13, 14, 15, 16]);
    }
}
