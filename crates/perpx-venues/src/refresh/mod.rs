//! `perpx-data venue refresh`: what a venue says of one of its perpetuals, as an overlay of its profile.
//!
//! | file | noun |
//! | --- | --- |
//! | `said` | what a venue said: read, held against what can be, and written as an overlay |
//! | `ask` | the answers as they came |
//! | `command` | options, lines |

pub mod ask;
pub mod command;
pub mod said;

use crate::asking::AskError;
use crate::lighter::sign::KeyError;
use crate::secret::SecretError;
use perpx_core::config::text::ConfigError;
use std::io;
use std::path::PathBuf;

/// Why nothing was learnt. Nothing is written then.
#[derive(Debug, thiserror::Error)]
// the texts say what the fields are
#[allow(missing_docs)]
pub enum RefreshError {
    #[error("{0}")]
    Input(#[from] ConfigError),
    #[error("{0}")]
    Ask(#[from] AskError),
    #[error("{0}")]
    Secret(#[from] SecretError),
    #[error("the token cannot be signed: {0}")]
    Key(#[from] KeyError),
    #[error("{asked}: {field} is {found}; accepted: {accepted}; nothing was written")]
    Wrong { asked: String, field: &'static str, found: String, accepted: &'static str },
    #[error("the answers make no overlay: {0}; nothing was written")]
    Overlay(String),
    #[error("{path}: {source}; accepted: a folder that can be written")]
    Disk { path: PathBuf, source: io::Error },
    #[error("there is no folder for it: set PERPX_STATE")]
    NoFolder,
}

impl RefreshError {
    /// 2 bad input or a wrong answer, 1 no answer.
    pub fn exit_code(&self) -> u8 {
        match self {
            RefreshError::Ask(why) => why.exit_code(),
            _ => 2,
        }
    }
}
