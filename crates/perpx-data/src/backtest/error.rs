//! Why data cannot be backtested on.

use crate::TapeError;
use perpx_core::config::Num;
use perpx_core::units::Time;
use thiserror::Error;

/// What keeps a symbol from being replayed.
#[derive(Debug, Error)]
#[expect(missing_docs, reason = "each message says what happened and what its fields are")]
pub enum BacktestError {
    #[error(transparent)]
    Tape(Box<TapeError>),

    #[error(
        "the held-out part is empty: [validate] holdout = {holdout} begins it at {split}, and an embargo of {embargo_sec} \
         s (the grid's longest locking.t_max_sec + exit.max_sec) leaves nothing before {to}; accepted: a part longer than \
         its embargo; to do: use a longer range, a larger holdout, a shorter t_max_sec, or holdout = 0"
    )]
    NoHoldout { holdout: Num, split: Time, embargo_sec: i64, to: Time },

    #[error("{symbol}: {venue} shows no quote with both sides between {from} and {to}; choose another range")]
    NoPrice { symbol: String, venue: String, from: Time, to: Time },
}

impl From<TapeError> for BacktestError {
    fn from(error: TapeError) -> BacktestError {
        BacktestError::Tape(Box::new(error))
    }
}

impl BacktestError {
    /// 2 bad input, 1 anything else.
    pub fn exit_code(&self) -> u8 {
        match self {
            BacktestError::Tape(error) => error.exit_code(),
            BacktestError::NoHoldout { .. } | BacktestError::NoPrice { .. } => 2,
        }
    }
}
