//! A sweep: a grid of configurations over one tape, ranked, reported, resumable.
//!
//! | file | noun |
//! | --- | --- |
//! | `grid/` | the grid file: axes, worlds, what is skipped, what wins |
//! | `options`, `args` | what the caller chooses; the command line |
//! | `study`, `span` | one symbol ready to run: feeds with their tapes; in sample and held out |
//! | `points` | strategy points in the order of their ids, a band at a time |
//! | `chunk` | as many machines as move through the tape together |
//! | `ahead`, `crew` | tiles made ready while one is run; the workers that run it |
//! | `gate` | how often each condition of the gate held |
//! | `folder` | a run's folder: who may write to it, what an earlier run left, which runs there are |
//! | `checkpoint`, `spool` | where a run stands; its finished rows |
//! | `rank` | which configuration is better |
//! | `estimate` | how long a run is likely to take |
//! | `plan`, `progress` | what is told before and meanwhile |
//! | `run` | the flow: chunks, then the best once more, then the files |
//! | `explain` | one configuration again, trade by trade |
//! | `scenery`, `story` | the market that the winner saw; what it did |
//! | `show`, `compare` | a finished run in the terminal; two of them side by side |
//! | `columns` | every column of the tables: name, type, unit, meaning |
//! | `results`, `leaderboard`, `ledgers`, `best`, `record`, `page` | the files |
//!
//! results.parquet, leaderboard.csv, best.yml, trades.parquet, legging.parquet and equity.parquet are the same bytes for one
//! thread or many, in one go or killed and resumed.

mod ahead;
pub mod args;
mod best;
mod checkpoint;
mod chunk;
mod columns;
pub mod compare;
mod crew;
mod detail;
mod error;
mod estimate;
pub mod explain;
pub mod folder;
mod gate;
pub mod grid;
mod leaderboard;
mod ledgers;
mod options;
mod page;
mod plan;
mod points;
mod progress;
mod rank;
mod record;
mod results;
mod run;
mod scenery;
pub mod show;
mod spool;
mod story;
mod study;

pub use error::SweepError;
pub use options::{DriverChoice, Options};
pub use rank::{Grade, Judge, Podium, Verdict};
pub use run::{Summary, sweep};

/// Names the code that a result was made with: a hash of the sources, the lock file and the compiler, made at build time.
pub fn code_id() -> &'static str {
    env!("PERPX_CODE_ID")
}
