//! Everything that can stop a sweep.

use perpx_core::config::ConfigError;
use perpx_core::units::Time;
use perpx_data::TapeError;
use perpx_data::backtest::BacktestError;
use std::path::PathBuf;
use thiserror::Error;

/// What can stop a sweep, or the reading of a finished one.
// each variant's message says what it is
#[allow(missing_docs)]
#[derive(Debug, Error)]
pub enum SweepError {
    #[error(transparent)]
    Config(Box<ConfigError>),

    #[error(transparent)]
    Data(Box<BacktestError>),

    #[error("{path}: cannot {action}: {source}")]
    Io { path: PathBuf, action: &'static str, source: std::io::Error },

    #[error("{path}: cannot write the table: {what}; free some space, or give another folder with --out")]
    Table { path: PathBuf, what: String },

    #[error(
        "{symbol}: the signals of this grid need data from {needed} on to be warm at {from}, and the store begins at \
         {have}; accepted: data.from = {earliest} or later; to do: move data.from there, shorten the longest average or \
         window, or write [data] warmup = \"late_start\""
    )]
    Cold { symbol: String, from: Time, needed: Time, have: Time, earliest: Time },

    #[error(
        "{place}: an order of {order} is below the venue's minimum; accepted: at least {least}; to do: raise base_qty or \
         base_notional"
    )]
    TooSmall { place: String, order: String, least: String },

    #[error(
        "{place}: an order of {order} is worth {value} of quote money; accepted: at most {most}; to do: lower base_qty or \
         base_notional, or look for a price or size in the store that is not in whole coins"
    )]
    TooLarge { place: String, order: String, value: String, most: String },

    #[error(
        "{symbol}: the quotes of {venue} end at {last}, but the range goes on to {to}: what is open then would be closed at a \
         price that nobody quotes any more; accepted: a range whose last hour both venues are quoted in; to do: write \
         data.to = {last}"
    )]
    EndsEarly { symbol: String, venue: String, last: Time, to: Time },

    #[error(
        "{path}: an unfinished run lies here, but the {part} differs: it was {was}, now it is {now}; accepted: the same \
         {part}; to do: give --fresh to discard it, or --out DIR to keep it"
    )]
    OtherRun { path: PathBuf, part: String, was: String, now: String },

    #[error(
        "{path}: a finished run lies here, but its {part} differs: it was {was}, now it is {now}; accepted: the same {part}; to \
         do: give --out DIR or another name to keep it, or --fresh to replace it"
    )]
    OtherFinished { path: PathBuf, part: String, was: String, now: String },

    #[error(
        "{path}: another perpx-sweep is writing here; accepted: one at a time; to do: wait for it, or give --out DIR"
    )]
    Busy { path: PathBuf },

    #[error(
        "{path}: {what}; accepted: a new or empty folder, or one of an earlier run; to do: choose another name, or give --out \
         DIR"
    )]
    Mixed { path: PathBuf, what: String },

    #[error("{path}: the checkpoint cannot be read ({what}); to do: give --fresh to discard it and start again")]
    Checkpoint { path: PathBuf, what: String },

    #[error(
        "configuration {place}, {run}: the {pass} came to another ledger than the sweep ({hashes}); the two must agree: this \
         is an error in perpx, please report it with the grid file"
    )]
    Disagree { place: String, run: &'static str, pass: &'static str, hashes: String },

    #[error(
        "configuration {id} in world {world}: its {runs} runs left books that belief and venue do not agree on; this is an \
         error in perpx, please report it with the grid file"
    )]
    Books { id: String, world: u32, runs: u32 },

    #[error("{path}: cannot be read: {what}; accepted: the folder of a finished run, such as reports/quickstart")]
    NotARun { path: PathBuf, what: String },

    #[error(
        "{path}: {what}; accepted: {accepted}; to do: write the table as docs/evidence.md describes trials.parquet"
    )]
    Trials { path: PathBuf, what: String, accepted: &'static str },

    #[error(
        "{path}: this cannot be the log of trials: {what}; accepted: a file that perpx-sweep made, or a new one; to do: give \
         another file with --trials"
    )]
    TrialLog { path: PathBuf, what: String },

    #[error("standard input: {what}")]
    Asked { what: String },

    #[error("{path}: {what}")]
    Missing { path: PathBuf, what: String },

    #[error(transparent)]
    Report(#[from] crate::report::ReportError),

    #[error("interrupted; what is done is kept, run the same command again to go on")]
    Interrupted,
}

impl From<ConfigError> for SweepError {
    fn from(error: ConfigError) -> SweepError {
        SweepError::Config(Box::new(error))
    }
}

impl From<BacktestError> for SweepError {
    fn from(error: BacktestError) -> SweepError {
        SweepError::Data(Box::new(error))
    }
}

impl From<TapeError> for SweepError {
    fn from(error: TapeError) -> SweepError {
        BacktestError::from(error).into()
    }
}

impl SweepError {
    /// An I/O failure at `path`, ready for `map_err`.
    pub(crate) fn io(path: impl Into<PathBuf>, action: &'static str) -> impl Fn(std::io::Error) -> SweepError {
        let path = path.into();
        move |source| SweepError::Io { path: path.clone(), action, source }
    }

    /// 2 bad input, 130 interrupted, 1 anything else.
    pub fn exit_code(&self) -> u8 {
        match self {
            SweepError::Data(error) => error.exit_code(),
            SweepError::Config(_)
            | SweepError::Cold { .. }
            | SweepError::TooSmall { .. }
            | SweepError::TooLarge { .. }
            | SweepError::EndsEarly { .. }
            | SweepError::NotARun { .. }
            | SweepError::OtherRun { .. }
            | SweepError::OtherFinished { .. }
            | SweepError::Busy { .. }
            | SweepError::Mixed { .. }
            | SweepError::Trials { .. }
            | SweepError::TrialLog { .. }
            | SweepError::Asked { .. }
            | SweepError::Missing { .. } => 2,
            SweepError::Interrupted => 130,
            _ => 1,
        }
    }
}
