//! Everything that can stop a live run.

use perpx_core::config::ConfigError;
use perpx_data::TapeError;
use perpx_data::backtest::BacktestError;
use std::path::PathBuf;
use thiserror::Error;

#[derive(Debug, Error)]
pub enum LiveError {
    #[error(transparent)]
    Config(Box<ConfigError>),

    #[error(transparent)]
    Data(Box<BacktestError>),

    #[error(
        "--mode {mode}: found {mode}, which this version does not have yet; accepted: mock (recorded market data, simulated \
         venues), emulated (both venues played on this machine, over sockets)"
    )]
    Mode { mode: String },

    #[error(
        "{config}: its data store is not there: looked for {store}; accepted: the store of the sweep; to do: name it with \
         --store DIR"
    )]
    NoStore { config: PathBuf, store: PathBuf },

    #[error(
        "{store}: the data of the range are not those of the sweep: their fingerprint was {was}, now it is {now}; accepted: \
         the same files; to do: name the sweep's store with --store DIR, or sweep again"
    )]
    OtherData { store: PathBuf, was: String, now: String },

    #[error("{venue}: {error}; the run has ended, and what is open there stays open: close it by hand")]
    Venue { venue: String, error: perpx_venues::client::VenueError },

    #[error("{venue} {what} ({seconds} s); what is open there stays open: look at the account, then start again")]
    Silent { venue: String, what: &'static str, seconds: u64 },

    #[error(
        "{venue} closed more than the run holds there: something else trades on the account, or what it said was lost; the \
         run has ended, and what is open stays open: look at the account, then start again"
    )]
    Strange { venue: String },

    #[error("asked to stop, and not everything could be closed within {seconds} s: look at both accounts")]
    Open { seconds: u64 },

    #[error(
        "{config}: account.venues: found {found}, which cannot be played on this machine; accepted: lighter and grvt; to do: \
         sweep over these two"
    )]
    NoEmulator { config: PathBuf, found: String },

    #[error(
        "{config}: account.transfer: money is moved between the venues, which an adapter cannot do; accepted: no transfer; to \
         do: sweep without it"
    )]
    Transfer { config: PathBuf },

    #[error("--{name} {found}; accepted: {accepted}")]
    Range { name: &'static str, found: String, accepted: String },

    #[error(transparent)]
    Emulate(Box<perpx_venues::emulate::EmulateError>),

    #[error(
        "{run}: at its end belief and venues do not agree; this is an error in perpx, please report it with the file"
    )]
    Books { run: &'static str },
}

impl From<ConfigError> for LiveError {
    fn from(error: ConfigError) -> LiveError {
        LiveError::Config(Box::new(error))
    }
}

impl From<BacktestError> for LiveError {
    fn from(error: BacktestError) -> LiveError {
        LiveError::Data(Box::new(error))
    }
}

impl From<TapeError> for LiveError {
    fn from(error: TapeError) -> LiveError {
        BacktestError::from(error).into()
    }
}

impl From<perpx_venues::emulate::EmulateError> for LiveError {
    fn from(error: perpx_venues::emulate::EmulateError) -> LiveError {
        LiveError::Emulate(Box::new(error))
    }
}

impl LiveError {
    /// 2 bad input, 1 anything else.
    pub fn exit_code(&self) -> u8 {
        match self {
            LiveError::Data(error) => error.exit_code(),
            LiveError::Emulate(error) => error.exit_code(),
            LiveError::Books { .. } | LiveError::Venue { .. } | LiveError::Silent { .. } => 1,
            LiveError::Strange { .. } | LiveError::Open { .. } => 1,
            _ => 2,
        }
    }
}
