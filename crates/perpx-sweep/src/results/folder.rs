//! A run's folder: one writer at a time, and one run. What a finished run left is replaced by another only when asked to.

use crate::error::SweepError;
use crate::results::manifest::{RUN_JSON, RunManifest};
use perpx_data::atomic::UNFINISHED;
use std::collections::BTreeMap;
use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};

/// Held as long as somebody writes here; the file stays.
pub const LOCK: &str = ".lock";
const CHECKPOINT: &str = "checkpoint.";

/// A folder that this process alone writes to.
pub struct Folder {
    dir: PathBuf,
    lock: File,
}

impl Drop for Folder {
    /// A child process that is just being started may hold a copy of the handle: closing ours would not free the lock.
    fn drop(&mut self) {
        let _ = self.lock.unlock();
    }
}

impl Folder {
    /// Makes the folder if need be, and locks it.
    ///
    /// # Errors
    /// Another process writes here; the folder holds what is not a run's, or lies within a run's.
    pub fn take(dir: &Path) -> Result<Folder, SweepError> {
        refuse_mixing(dir)?;
        fs::create_dir_all(dir).map_err(SweepError::io(dir, "make the folder"))?;
        let path = dir.join(LOCK);
        let lock = File::options().create(true).append(true).open(&path);
        let lock = lock.map_err(SweepError::io(&path, "open the lock"))?;
        match lock.try_lock() {
            Err(TryLockError::WouldBlock) => return Err(SweepError::Busy { path: dir.to_path_buf() }),
            // a file system without locks
            Err(TryLockError::Error(error)) if error.kind() != std::io::ErrorKind::Unsupported => {
                return Err(SweepError::io(&path, "lock the file")(error));
            }
            _ => {}
        }
        Ok(Folder { dir: dir.to_path_buf(), lock })
    }

    /// # Errors
    /// A finished run of another grid, or of other data, lies here.
    pub fn refuse_other(
        &self,
        parts: &[(&'static str, String)],
        data: &BTreeMap<&str, String>,
    ) -> Result<(), SweepError> {
        let other = |part: &str, was: &str, now: &str| {
            let path = self.dir.clone();
            Err(SweepError::OtherFinished { path, part: part.into(), was: brief(was), now: brief(now) })
        };
        let manifest = match RunManifest::find(&self.dir) {
            Ok(Some(manifest)) => manifest,
            Ok(None) => return Ok(()),
            Err(_) => return other("version", "one whose run.json cannot be read here", env!("CARGO_PKG_VERSION")),
        };
        for (part, now) in parts {
            match manifest.grid.get(*part) {
                Some(was) if was == now => {}
                was => {
                    let (was, now) = first_difference(was.map_or("absent", String::as_str), now);
                    return other(&format!("grid ({part})"), was, now);
                }
            }
        }
        for symbol in &manifest.symbols {
            let was = &symbol.fingerprint;
            if let Some(now) = data.get(symbol.symbol.as_str()).filter(|now| *now != was) {
                return other("data", was, now);
            }
        }
        Ok(())
    }

    /// Removes what a run left here, pictures and pages of symbols with it, run.json first: from now on the folder holds no
    /// finished run. Files of other names stay.
    pub fn clear(&self) -> Result<(), SweepError> {
        let manifest = RunManifest::read(&self.dir);
        let symbols = manifest.as_ref().map(RunManifest::symbol_names).unwrap_or_default();
        remove(&self.dir.join(RUN_JSON))?;
        for dir in symbols.iter().map(|symbol| self.dir.join(symbol)).chain([self.dir.clone()]) {
            for path in listed(&dir)?.into_iter().filter(|path| is_output(path)) {
                remove(&path)?;
            }
        }
        for symbol in &symbols {
            // where nothing of somebody else's is left in it
            let _ = fs::remove_dir(self.dir.join(symbol));
        }
        Ok(())
    }
}

/// What a run leaves, by name; run.json apart. Pages and pictures that a kill left half written are counted in; unfinished
/// tables are not: those of the run that clears the folder lie there.
fn is_output(path: &Path) -> bool {
    let Some(name) = path.file_name().and_then(|name| name.to_str()) else { return false };
    let tables = ["results", "trades", "legging", "equity", "trials"].map(|table| format!("{table}.parquet"));
    if tables.iter().any(|table| table == name) {
        return true;
    }
    let name = name.strip_prefix(UNFINISHED).unwrap_or(name);
    let pictures = ["equity", "market", "money", "funding", "axes", "parallel", "distribution"];
    let picture = |name: &str| pictures.contains(&name) || name.starts_with("heatmap-") || name.starts_with("faults-");
    ["leaderboard.csv", "report.html", "summary.json", "best.yml"].contains(&name)
        || (name.starts_with("best.") && name.ends_with(".yml"))
        || name.strip_suffix(".png").is_some_and(picture)
}

fn remove(path: &Path) -> Result<(), SweepError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(SweepError::io(path, "remove the file")(error))
        }
        _ => Ok(()),
    }
}

/// Paths in a folder, in order; none when it is not there.
pub fn listed(dir: &Path) -> Result<Vec<PathBuf>, SweepError> {
    let entries = match fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(SweepError::io(dir, "list the folder")(error)),
    };
    let paths: Result<Vec<PathBuf>, _> = entries.map(|entry| entry.map(|entry| entry.path())).collect();
    let mut paths = paths.map_err(SweepError::io(dir, "list the folder"))?;
    paths.sort();
    Ok(paths)
}

/// A run finished here, of this version or another.
pub fn is_finished(dir: &Path) -> bool {
    dir.join(RUN_JSON).is_file()
}

pub fn is_checkpoint(path: &Path) -> bool {
    path.file_name().and_then(|name| name.to_str()).is_some_and(|name| name.starts_with(CHECKPOINT))
}

/// A run of any kind: finished, unfinished, or not yet at its first checkpoint.
pub fn is_run(dir: &Path) -> bool {
    let known =
        |path: &PathBuf| path.file_name().is_some_and(|name| name == LOCK || name == RUN_JSON) || is_checkpoint(path);
    listed(dir).unwrap_or_default().iter().any(known)
}

fn refuse_mixing(dir: &Path) -> Result<(), SweepError> {
    let mixed = |what: String| Err(SweepError::Mixed { path: dir.to_path_buf(), what });
    if dir.is_file() {
        return mixed("it is a file".to_string());
    }
    if let Some(other) = listed(dir)?.first().filter(|_| !is_run(dir)) {
        let name = other.file_name().unwrap_or_default().to_string_lossy();
        return mixed(format!("it holds {name}, which is no run's"));
    }
    let above =
        std::path::absolute(dir).map(|path| perpx_data::path::normalize(&path)).unwrap_or_else(|_| dir.to_path_buf());
    match above.parent().filter(|above| is_finished(above) || above.join("checkpoint.state").is_file()) {
        Some(above) => mixed(format!("it lies in the folder of the run {}", above.display())),
        None => Ok(()),
    }
}

/// The first line in which two texts differ.
fn first_difference<'t>(was: &'t str, now: &'t str) -> (&'t str, &'t str) {
    let (mut a, mut b) = (was.lines(), now.lines());
    loop {
        match (a.next(), b.next()) {
            (Some(a), Some(b)) if a == b => {}
            (None, None) => return (was, now),
            (a, b) => return (a.unwrap_or("absent").trim(), b.unwrap_or("absent").trim()),
        }
    }
}

fn brief(text: &str) -> String {
    let short: String = text.chars().take(60).collect();
    if short.len() < text.len() { format!("{short}...") } else { short }
}
