//! What ends the emulator.

use perpx_core::config::ConfigError;
use perpx_core::synth::SpecError;
use thiserror::Error;

/// Why an emulator does not begin, or has ended.
#[derive(Debug, Error)]
// the texts say what the fields are
#[allow(missing_docs)]
pub enum EmulateError {
    /// A port is taken.
    #[error("--port {port}: {source}; accepted: a free port of this machine; to do: choose another, or 0 for any")]
    Port { port: u16, source: std::io::Error },
    /// No threads to serve with.
    #[error("no threads to serve with: {0}")]
    Threads(std::io::Error),
    /// No certificates to speak TLS with.
    #[error("no certificates to speak TLS with: {0}")]
    Tls(String),
    /// A file that the user asked for.
    #[error("{option} {}: cannot be written: {source}; accepted: a file in a folder that exists and may be written to", path.display())]
    Write { option: &'static str, path: std::path::PathBuf, source: std::io::Error },
    /// A tier that the venue has not.
    #[error("--tier {found}; accepted: {accepted}")]
    Tier { found: String, accepted: String },
    /// The market begins at its end.
    #[error(
        "--from {from} --to {to} --start-at {start_at}: the market begins at its end; accepted: fewer seconds than the stretch \
         has; to do: lower --start-at, or choose a longer stretch"
    )]
    Stretch { from: perpx_core::units::Time, to: perpx_core::units::Time, start_at: i64 },
    /// The market has come to its end.
    #[error("the market has come to its end; start the emulator anew")]
    Ended,
    /// The shipped profile does not know the coin.
    #[error("the shipped profile knows no BTC; this is an error in perpx, please report it")]
    Instrument,
    /// The store cannot be read.
    #[error(transparent)]
    Tape(Box<perpx_data::TapeError>),
    /// The synthetic market cannot be made.
    #[error(transparent)]
    Market(#[from] SpecError),
    /// A shipped profile or the file of faults cannot be read.
    #[error(transparent)]
    Config(Box<ConfigError>),
}

impl From<ConfigError> for EmulateError {
    fn from(error: ConfigError) -> EmulateError {
        EmulateError::Config(Box::new(error))
    }
}

impl EmulateError {
    /// 2 bad input, 1 anything else.
    pub fn exit_code(&self) -> u8 {
        if matches!(self, EmulateError::Ended | EmulateError::Threads(_) | EmulateError::Tls(_)) { 1 } else { 2 }
    }
}
