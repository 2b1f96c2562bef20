//! Two runs on one account would close each other's legs: an account is locked on this machine for as long as a process trades on it.

use super::LiveError;
use perpx_data::path::state_folder;
use perpx_venues::recorder::folder::{self, FolderError, Lock};
use perpx_venues::registry::AccountNumbers;
use std::path::{Path, PathBuf};

/// Both accounts, for as long as this lives.
pub struct AccountLocks {
    _locks: [Lock; 2],
}

/// Locks the accounts on `network`, as live.toml has it, for the run in `run`.
///
/// # Errors
/// Another process trades on one of them; no folder for the locks.
pub fn lock(network: &str, numbers: [AccountNumbers; 2], run: &Path) -> Result<AccountLocks, LiveError> {
    let failed =
        |error: String| LiveError::Folder { path: PathBuf::from("PERPX_STATE"), what: "names no folder", error };
    let state = state_folder().ok_or_else(|| failed("it is not set, and there is no home".to_owned()))?;
    let one = |account: AccountNumbers| {
        let name = format!("{network}-{}-{}", account.venue().name(), account.shown());
        let is_plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '.';
        let name: String = name.chars().map(|c| if is_plain(c) { c } else { '-' }).collect();
        folder::lock(&state.join("accounts").join(name)).map_err(|error| match error {
            FolderError::Locked { by, .. } => {
                let (venue, account) = (account.venue().name().to_owned(), account.shown());
                LiveError::AccountTaken { path: run.to_path_buf(), venue, account, by }
            }
            other => failed(other.to_string()),
        })
    };
    Ok(AccountLocks { _locks: [one(numbers[0])?, one(numbers[1])?] })
}
