//! A sweep: a grid of configurations over one tape, ranked, reported, resumable; its reports, and the audit of its money.
//!
//! | module | what lives there |
//! | --- | --- |
//! | `code` | the name of the code that makes results |
//! | `neighbours` | where configurations lie on the grid |
//! | `report` | the page and the pictures of a finished run |
//! | `error`, `options` | what can stop a sweep; what its caller chooses |
//! | `grid` | the grid file: axes, worlds, what is skipped, what wins |
//! | `symbol_run` | one symbol ready to run: feeds with their tapes; in sample and held out |
//! | `results` | ranking, and the files of a run |
//! | `trial_log` | what was tried on a market before |
//! | `evidence` | what the trials say about the winner: luck, overfitting, walk-forward |
//! | `engine` | the flow: chunks, then the best once more, then the files |
//! | `inspect` | finished runs in the terminal: list, show, compare, explain |
//! | `audit` | the files of a run, read for the auditor |
//! | `args` | the command line |
//!
//! results.parquet, leaderboard.csv, best.yml, trades.parquet, legging.parquet and equity.parquet are the same bytes for one
//! thread or many, in one go or killed and resumed.

#![warn(missing_docs)]

pub mod args;
pub mod audit;
mod code;
mod engine;
mod error;
pub mod evidence;
mod grid;
mod inspect;
mod neighbours;
mod options;
mod report;
mod results;
mod symbol_run;
mod trial_log;

pub use code::{VERSION, code_id};
pub use engine::run::{Summary, sweep};
pub use error::SweepError;
pub use inspect::{compare, explain, runs, show};
pub use options::{DriverChoice, Options, TrialLog};

/// The strategy file that tests begin with.
#[cfg(test)]
pub(crate) const EXAMPLE: &str = include_str!("../../../configs/example.yml");
