//! How far two figures of one row move together from one history like the one that was to the next.

use super::bootstrap::indices;
use super::matrix::TrialMatrix;
use super::sharpe::Sums;
use rayon::prelude::*;

/// Histories as they are drawn for luck.
#[derive(Clone, Copy, Debug)]
pub struct Histories {
    /// How many.
    pub draws: usize,
    /// Of the draws.
    pub seed: u64,
    /// Mean length of the blocks, in atoms.
    pub mean_length: f64,
}

/// A figure that the sums of atoms give.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RowFigure {
    /// A year's Sharpe ratio.
    Sharpe,
    /// What was earned, in units of 1e-12 of C0.
    Net,
    /// The deepest fall of equity at the ends of atoms, in the same unit.
    Fall,
}

/// Over histories that are drawn from a row's atoms the variance of the first figure, the covariance with the second, the variance
/// of the second; what is not there does not move.
pub fn covariance(matrix: &TrialMatrix, row: usize, figures: [Option<RowFigure>; 2], histories: Histories) -> [f64; 3] {
    let drawn: Vec<[f64; 2]> = (0..histories.draws as u64)
        .into_par_iter()
        .map(|history| {
            let all = of_history(matrix, row, history, histories);
            figures.map(|figure| figure.map_or(0.0, |figure| all[figure as usize]))
        })
        .filter(|pair| pair.iter().all(|value| value.is_finite()))
        .collect();
    let count = drawn.len() as f64;
    let mean = [0, 1].map(|at| drawn.iter().map(|pair| pair[at]).sum::<f64>() / count);
    let moment = |a: usize, b: usize| {
        drawn.iter().map(|pair| (pair[a] - mean[a]) * (pair[b] - mean[b])).sum::<f64>() / (count - 1.0)
    };
    match drawn.len() {
        0 | 1 => [0.0; 3],
        _ => [moment(0, 0), moment(0, 1), moment(1, 1)],
    }
}

/// By the order of `RowFigure`.
fn of_history(matrix: &TrialMatrix, row: usize, history: u64, histories: Histories) -> [f64; 3] {
    let (s1, s2, lengths) = (matrix.s1(row), matrix.s2(row), &matrix.frame.lengths);
    let mut sums = Sums::default();
    let (mut peak, mut fall) = (0.0f64, 0.0f64);
    for atom in indices(lengths.len(), histories.seed, history, histories.mean_length) {
        sums = sums.plus(Sums { n: f64::from(lengths[atom]), s1: s1[atom], s2: s2[atom] });
        peak = peak.max(sums.s1);
        fall = fall.max(peak - sums.s1);
    }
    [matrix.frame.root_year() * sums.sharpe(), sums.s1, fall]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::bootstrap::{Draws, spread};
    use crate::evidence::{AtomSums, MatrixFrame, Trial};
    use perpx_core::sim::chance::{hash64, unit53};

    #[test]
    fn what_moves_is_what_the_draws_of_luck_say() {
        let s1: Vec<f64> = (0..48).map(|atom| 1e9 * (unit53(hash64(&[3, atom])) - 0.3)).collect();
        let s2: Vec<f64> = s1.iter().map(|s1| s1 * s1 / 5.0 + 1e18).collect();
        let trial = Trial::plain("1", 0.0);
        let mut matrix = TrialMatrix::with_capacity(MatrixFrame::hourly(vec![5; 48]), 1);
        matrix.push(trial, AtomSums { s1: &s1, s2: &s2, trades: &[] });
        let blocks = Histories { draws: 400, seed: 5, mean_length: 2.0 };
        let draws = Draws::new(&matrix.frame.lengths, 5, 400, 2.0);
        let net: Vec<f64> = draws.sums(matrix.s1(0)).collect();
        let [variance, both, _] = covariance(&matrix, 0, [Some(RowFigure::Net), Some(RowFigure::Sharpe)], blocks);
        assert!((variance.sqrt() / spread(&net).1 - 1.0).abs() < 1e-9, "{variance}");
        assert!(both > 0.0, "who earns more has the better ratio");
        let [_, both, falls] = covariance(&matrix, 0, [Some(RowFigure::Net), Some(RowFigure::Fall)], blocks);
        assert!(both < 0.0 && falls > 0.0, "who earns more falls less");
        assert_eq!(covariance(&matrix, 0, [None, Some(RowFigure::Fall)], blocks), [0.0, 0.0, falls]);
    }
}
