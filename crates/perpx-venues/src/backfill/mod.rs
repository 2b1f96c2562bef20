//! `perpx-data backfill`: what a venue tells of its past, as a store. Answers are kept as they came; rows are made of what was kept, so
//! that nothing is asked twice and the same pages give the same bytes.
//!
//! | file | noun |
//! | --- | --- |
//! | `endpoint` | what a venue can be asked of its past, and the rows of an answer |
//! | `pages` | answers on disk |
//! | `asker` | who is asked |
//! | `walk` | page after page of one endpoint |
//! | `series` | rows of all pages: in order, each once, and what is missing |
//! | `store` | the store that they become part of |
//! | `command` | options, signals, lines |

pub mod asker;
pub mod command;
pub mod endpoint;
pub mod pages;
pub mod series;
pub mod store;
#[cfg(test)]
mod tests;
pub mod walk;

use crate::asking::AskError;
use perpx_core::config::text::ConfigError;
use perpx_data::TapeError;
use std::io;
use std::path::PathBuf;

/// Why the past is not there.
#[derive(Debug, thiserror::Error)]
// the texts say what the fields are
#[allow(missing_docs)]
pub enum BackfillError {
    #[error("{0}")]
    Input(#[from] ConfigError),
    #[error("{0}")]
    Ask(#[from] AskError),
    #[error("{why}; the pages of closed days that were answered are kept: the same command goes on")]
    Unfinished { why: AskError },
    #[error("{path}: {source}; accepted: a folder that can be written")]
    Disk { path: PathBuf, source: io::Error },
    #[error(
        "{path}: this store was made by {by}; accepted: a new folder, the store of a recorder, or one that `perpx-data backfill` made"
    )]
    Foreign { path: PathBuf, by: String },
    #[error("{path}: another backfill wrote to this store meanwhile; run this one again: what was answered is kept")]
    Overtaken { path: PathBuf },
    #[error("{0}")]
    Store(#[from] TapeError),
}

impl BackfillError {
    /// 2 bad input or a wrong answer, 130 interrupted, 1 anything else.
    pub fn exit_code(&self) -> u8 {
        match self {
            BackfillError::Overtaken { .. } => 1,
            BackfillError::Ask(why) | BackfillError::Unfinished { why } => why.exit_code(),
            BackfillError::Store(error) => error.exit_code(),
            _ => 2,
        }
    }
}
