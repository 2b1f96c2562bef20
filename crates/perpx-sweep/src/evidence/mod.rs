//! What the trials of a sweep say about its winner: is it luck? A pure function of a trial matrix, and of the file that holds
//! one; there is no engine here.
//!
//! | file | noun |
//! | --- | --- |
//! | `matrix` | rows of trials, atoms of time, and the sums between |
//! | `normal` | the normal distribution and the greatest of many draws |
//! | `sharpe` | one Sharpe ratio judged alone |
//! | `bootstrap` | histories like the one that was |
//! | `luck` | what the luckiest of them would show without an edge |
//! | `cscv` | the probability of overfitting |
//! | `forward` | choices made again and again |
//! | `joint` | how far two figures of one row move together |
//! | `paired` | one row less another, over the same time |
//! | `judge`, `text` | all of it about one winner, and in words |
//! | `file` | trials.parquet |
//!
//! Sums run in the order of atoms, draws depend on their own numbers alone and maxima on no order, so the same trials give
//! the same bytes on any number of threads, with the rows in any order.

mod bootstrap;
#[cfg(test)]
mod calibration;
mod cscv;
pub mod file;
mod forward;
mod gate;
mod joint;
mod judge;
mod luck;
mod matrix;
mod normal;
mod paired;
mod sharpe;
#[cfg(test)]
mod tests;
mod text;
#[cfg(test)]
mod vectors;

pub use cscv::{Cscv, Split, cscv};
pub use forward::{Fold, Stitched, Walk, Windows, walk};
pub(crate) use gate::of_splits;
pub use gate::{Check, Facts, GateVerdict, HOPE, HeldOut, Neighbours, Standing, Worlds, verdict};
pub use joint::{Histories, RowFigure, covariance};
pub use judge::{Evidence, Finding, Judged, STANDS, Settings, judge, sharpe_errors};
pub(crate) use judge::{Overfitting, TestRun, WalkFold, WalkForward};
pub use matrix::{AtomSums, MatrixError, MatrixFrame, Trial, TrialMatrix};
pub use paired::{PairedDifference, paired};
pub use sharpe::{ShapeSums, Sums};
