//! Walk-forward: choose by one window of time, test on the next, move on.
//!
//! The choices are made here, from atoms. Their test money is only estimated from atoms: whoever can run a configuration runs
//! each choice again from flat over its test window, and hands those runs to [`Walk::stitched`].

use super::matrix::{TrialMatrix, better};
use super::sharpe::Sums;
use rayon::prelude::*;
use serde::Serialize;
use std::ops::Range;

/// Which windows are walked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Windows {
    /// Atoms of the first training window.
    pub train: usize,
    /// Atoms between training and test.
    pub gap: usize,
    /// Atoms of a test.
    pub test: usize,
    /// Training begins at the beginning of the span, not a fixed length before the test.
    pub is_anchored: bool,
}

impl Windows {
    /// `folds` tests over the second half of the span, at its end; none where they would have no atom.
    pub fn of(atoms: usize, gap: usize, folds: usize, is_anchored: bool) -> Option<Windows> {
        let test = (atoms / 2).checked_sub(gap)? / folds.max(1);
        (test > 0).then(|| Windows { train: atoms - gap - folds * test, gap, test, is_anchored })
    }

    /// (training, test) of each fold.
    fn folds(self, atoms: usize) -> impl Iterator<Item = (Range<usize>, Range<usize>)> {
        let first = self.train + self.gap;
        let begins = (first..).step_by(self.test.max(1)).take_while(move |begin| begin + self.test <= atoms);
        begins.map(move |begin| {
            let end = begin - self.gap;
            let from = if self.is_anchored { 0 } else { end - self.train };
            (from..end, begin..begin + self.test)
        })
    }
}

/// One choice and what came after it.
#[derive(Clone, Debug, PartialEq)]
pub struct Fold {
    /// Atoms of the training window.
    pub train: Range<usize>,
    /// Atoms of the test window.
    pub test: Range<usize>,
    /// The row that was best in training.
    pub pick: usize,
    /// Its Sharpe ratio per interval there.
    pub train_sharpe: f64,
    /// Of the atoms of the test window.
    pub estimate: Sums,
}

/// Choices in the order of time.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Walk {
    /// A window each.
    pub folds: Vec<Fold>,
}

/// The tests of a walk as one.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Stitched {
    /// Of all tests together.
    pub sums: Sums,
    /// Their Sharpe ratio per interval.
    pub sharpe: f64,
    /// Sum of returns of the worst fold.
    pub worst: f64,
    /// Stitched Sharpe ratio over the mean one of training.
    pub efficiency: f64,
    /// How often the choice was another than before.
    pub changes: usize,
}

/// Chooses in each fold the selectable row with the highest Sharpe ratio in training; folds in which nothing is selectable
/// are left out.
pub fn walk(matrix: &TrialMatrix, windows: Windows) -> Walk {
    let fold = |(train, test): (Range<usize>, Range<usize>)| {
        let ranked = (0..matrix.rows()).into_par_iter().filter(|row| matrix.is_selectable(*row, train.clone()));
        let best = ranked.map(|row| (matrix.sums(row, train.clone()).sharpe(), row)).reduce_with(better);
        let (train_sharpe, pick) = best?;
        Some(Fold { estimate: matrix.sums(pick, test.clone()), train, test, pick, train_sharpe })
    };
    Walk { folds: windows.folds(matrix.frame.atoms()).filter_map(fold).collect() }
}

impl Walk {
    /// The tests joined as `runs`, one for each fold, made them; none without a fold.
    pub fn stitched(&self, runs: &[Sums]) -> Option<Stitched> {
        let sums = runs.iter().copied().reduce(Sums::plus)?;
        let mean_train = self.folds.iter().map(|fold| fold.train_sharpe).sum::<f64>() / self.folds.len() as f64;
        Some(Stitched {
            sums,
            sharpe: sums.sharpe(),
            worst: runs.iter().map(|run| run.s1).fold(f64::INFINITY, f64::min),
            efficiency: sums.sharpe() / mean_train,
            changes: self.folds.windows(2).filter(|pair| pair[0].pick != pair[1].pick).count(),
        })
    }
}
