//! Two runs on one account would close each other's legs: an account is locked on this machine for as long as a process trades on it.

use super::LiveError;
use super::live_file::Network;
use perpx_data::path::state_folder;
use perpx_venues::net::hosts::Address;
use perpx_venues::recorder::folder::{self, FolderError, Lock};
use perpx_venues::registry::AccountNumbers;
use std::path::{Path, PathBuf};

/// Accounts that nobody else of this machine trades on, for as long as this lives.
pub struct AccountLocks {
    _locks: Vec<Lock>,
}

/// Locks the accounts on `network` for the run in `run`.
///
/// # Errors
/// Another process trades on one of them; no folder for the locks.
pub fn lock(network: &Network, numbers: &[AccountNumbers], run: &Path) -> Result<AccountLocks, LiveError> {
    let failed =
        |error: String| LiveError::Folder { path: PathBuf::from("PERPX_STATE"), what: "names no folder", error };
    let state = state_folder().ok_or_else(|| failed("it is not set, and there is no home".to_owned()))?;
    let one = |account: &AccountNumbers| {
        // a rehearsal may be at the emulator of another run
        let place = match network {
            Network::Emulated(host) | Network::Custom(host) => of_this_machine(host),
            known => known.words(),
        };
        let name = format!("{place}-{}-{}", account.venue().name(), account.shown());
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
    Ok(AccountLocks { _locks: numbers.iter().map(one).collect::<Result<_, _>>()? })
}

/// A host of this machine by one name, however it is written.
fn of_this_machine(host: &str) -> String {
    let Some((name, port)) = host.rsplit_once(':') else { return host.to_owned() };
    let name = name.trim_start_matches('[').trim_end_matches(']').to_ascii_lowercase();
    if (Address { is_tls: false, host: name, port: 0 }).is_loopback() {
        format!("127.0.0.1:{port}")
    } else {
        host.to_ascii_lowercase()
    }
}

#[cfg(test)]
mod tests {
    use super::of_this_machine;

    #[test]
    fn a_host_of_this_machine_has_one_name() {
        for host in ["127.0.0.1:8020", "localhost:8020", "LOCALHOST:8020", "[::1]:8020", "127.0.0.7:8020"] {
            assert_eq!(of_this_machine(host), "127.0.0.1:8020", "{host}");
        }
        assert_ne!(of_this_machine("localhost:8021"), "127.0.0.1:8020");
        assert_eq!(of_this_machine("venue.example:443"), "venue.example:443");
    }
}
