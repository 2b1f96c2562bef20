//! The folder of a run: what it trades, how, and what it recorded.

use super::LiveError;
use super::live_file::{LiveFile, Network, TEMPLATE};
use super::strategy_file::{Identity, StrategyFile};
use perpx_data::atomic::write_atomic;
use perpx_venues::net::hosts::Address;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// A run folder. Its recorder holds it, one process at a time.
pub struct RunFolder {
    /// Where it is.
    pub path: PathBuf,
    /// Its live.toml.
    pub file: LiveFile,
    /// Its best.yml, a copy of what was named.
    pub best: PathBuf,
    /// Its live.toml, as a path.
    pub live: PathBuf,
}

impl RunFolder {
    /// The folder `asked` for, or `live/NAME` where the tool is started; made if it is not there. `host`: of an emulator that the
    /// market is taken from; `mode`: how it is traded.
    ///
    /// # Errors
    /// A best.yml that is none, a folder that trades another configuration, a bad live.toml.
    pub fn open(config: &Path, asked: Option<&Path>, host: Option<&str>, mode: &str) -> Result<RunFolder, LiveError> {
        let named = StrategyFile::identity(config)?;
        let path = place(&named, asked, host, mode);
        let failed = |what: &'static str, path: &Path| {
            let path = path.to_path_buf();
            move |error: io::Error| LiveError::Folder { path, what, error: error.to_string() }
        };
        if path.join("raw").is_dir() && !path.join("live.toml").exists() {
            return Err(LiveError::Recording { path });
        }
        // nothing is made for a host that is none
        host.map(|host| Address::read(host, false, None)).transpose()?;
        make_private(&path).map_err(failed("cannot be made", &path))?;
        let (best, live) = (path.join("best.yml"), path.join("live.toml"));
        if best.exists() {
            let own = StrategyFile::identity(&best)?;
            if own.id != named.id {
                return Err(LiveError::OtherRun { path, own: own.id, named: named.id });
            }
        } else {
            let text = fs::read(config).map_err(failed("cannot be read", config))?;
            write_atomic(&best, text).map_err(failed("cannot be written", &best))?;
        }
        if !live.exists() {
            let text = host.map_or(TEMPLATE.to_owned(), |host| {
                let emulated = TEMPLATE.replace("network = \"mainnet\"", "network = \"emulated\"");
                emulated.replace("# host = \"127.0.0.1:8020\"", &format!("host = \"{host}\""))
            });
            write_atomic(&live, text).map_err(failed("cannot be written", &live))?;
        }
        let file = LiveFile::read(&live)?;
        let own = match &file.network {
            Network::Emulated(own) | Network::Custom(own) => own.as_str(),
            Network::Mainnet => "mainnet",
            Network::Testnet => "testnet",
        };
        if let Some(named) = host.filter(|named| *named != own) {
            return Err(LiveError::OtherHost { live, own: own.to_owned(), named: named.to_owned() });
        }
        let store = path.join("store");
        fs::create_dir_all(&store).map_err(failed("cannot be made", &store))?;
        Ok(RunFolder { path, file, best, live })
    }

    /// Where the run is kept: as `asked`, or by the names of what it trades, where and how.
    ///
    /// # Errors
    /// A best.yml that is none.
    pub fn place(config: &Path, asked: Option<&Path>, host: Option<&str>, mode: &str) -> Result<PathBuf, LiveError> {
        Ok(place(&StrategyFile::identity(config)?, asked, host, mode))
    }
}

/// Where the folder of a run is.
fn place(named: &Identity, asked: Option<&Path>, host: Option<&str>, mode: &str) -> PathBuf {
    let network = if host.is_some() { "emulated" } else { "mainnet" };
    let unsaid = || {
        let id = &named.id[..8.min(named.id.len())];
        let place = if network == mode { mode.to_owned() } else { format!("{network}-{mode}") };
        Path::new("live").join(format!("{}-{id}-{place}", named.sweep))
    };
    asked.map_or_else(unsaid, Path::to_path_buf)
}

impl RunFolder {
    /// Whether something was ever begun in the folder that [`RunFolder::open`] would give; nothing is made.
    ///
    /// # Errors
    /// A best.yml that is none.
    pub fn was_begun(config: &Path, asked: Option<&Path>, mode: &str) -> Result<bool, LiveError> {
        Ok(place(&StrategyFile::identity(config)?, asked, None, mode).join("journal").is_dir())
    }

    /// A folder that is there, whose files are left as they are.
    ///
    /// # Errors
    /// No folder of a run, a bad live.toml.
    pub fn existing(path: &Path) -> Result<RunFolder, LiveError> {
        let (best, live) = (path.join("best.yml"), path.join("live.toml"));
        if !best.is_file() || !live.is_file() {
            return Err(LiveError::NoRun { path: path.to_path_buf() });
        }
        Ok(RunFolder { path: path.to_path_buf(), file: LiveFile::read(&live)?, best, live })
    }
}

/// Nobody else may look into it.
fn make_private(path: &Path) -> io::Result<()> {
    fs::create_dir_all(path)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        fs::set_permissions(path, fs::Permissions::from_mode(0o700))?;
    }
    Ok(())
}
