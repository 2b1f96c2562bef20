//! A run's folder: one process at a time, how full its disk is, and which raw files may go.

use crate::record::raw_file::{RawReader, raw_hours, raw_path};
use crate::record::{PublicFeed, step};
use crate::venue::Venue;
use nix::sys::signal::{Signal, kill};
use nix::sys::statvfs::statvfs;
use nix::unistd::Pid;
use perpx_core::units::Time;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};

/// Why a folder cannot be used.
#[derive(Debug, thiserror::Error)]
// the texts say what the fields are
#[allow(missing_docs)]
pub enum FolderError {
    #[error("{path}: another process writes here (its number: {by}); end it, or name another folder")]
    Locked { path: PathBuf, by: String },
    #[error("{path}: {source}; accepted: a folder that can be written")]
    Io { path: PathBuf, source: io::Error },
}

/// Whoever holds it is alone in the folder.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

/// Makes the folder and takes it.
///
/// # Errors
/// Another process has it, or it cannot be written.
pub fn lock(run: &Path) -> Result<Lock, FolderError> {
    let path = run.join("LOCK");
    let io = |source| FolderError::Io { path: run.to_path_buf(), source };
    fs::create_dir_all(run).map_err(io)?;
    let mut file = OpenOptions::new().create(true).truncate(false).read(true).write(true).open(&path).map_err(io)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let mut by = String::new();
            let _ = file.read_to_string(&mut by);
            return Err(FolderError::Locked { path: run.to_path_buf(), by: by.trim().to_owned() });
        }
        Err(TryLockError::Error(source)) => return Err(io(source)),
    }
    let number = format!("{}\n", std::process::id());
    let written = file.set_len(0).and_then(|()| file.rewind()).and_then(|()| file.write_all(number.as_bytes()));
    written.map_err(io)?;
    Ok(Lock { _file: file })
}

/// Asks whoever records into a folder to end; its number. `None`: nobody does.
///
/// # Errors
/// A folder that cannot be read, a process that may not be asked.
pub fn ask_to_end(run: &Path) -> Result<Option<i32>, FolderError> {
    let io = |source| FolderError::Io { path: run.to_path_buf(), source };
    let mut file = match File::open(run.join("LOCK")) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        other => other.map_err(io)?,
    };
    match file.try_lock() {
        Ok(()) => return Ok(None),
        Err(TryLockError::WouldBlock) => {}
        Err(TryLockError::Error(source)) => return Err(io(source)),
    }
    let mut by = String::new();
    file.read_to_string(&mut by).map_err(io)?;
    let number: i32 = by.trim().parse().map_err(|_| io(io::Error::other("LOCK names no process")))?;
    kill(Pid::from_raw(number), Signal::SIGTERM).map_err(|error| io(error.into()))?;
    Ok(Some(number))
}

/// Free bytes on the disk of a folder, for those who are not root.
pub fn free(run: &Path) -> Option<u64> {
    let disk = statvfs(run).ok()?;
    Some(disk.blocks_available().saturating_mul(disk.fragment_size()))
}

/// Moves a fresh feed to where the newest raw file ends; the engine time of its last frame. A file that cannot be read, or that
/// was recorded with another configuration, leaves the feed to `anew`.
pub fn resume(
    run: &Path,
    venue: Venue,
    feed: Box<dyn PublicFeed>,
    anew: impl FnOnce() -> Box<dyn PublicFeed>,
) -> (Box<dyn PublicFeed>, Option<Time>) {
    let wanted = feed.config().clone();
    let mut feed = feed;
    let newest = raw_hours(run, venue).ok().and_then(|hours| hours.last().copied());
    let Some(mut reader) = newest.and_then(|hour| RawReader::open(&raw_path(run, venue, hour), venue).ok()) else {
        return (feed, None);
    };
    let (mut last, mut news) = (None, Vec::new());
    while let Ok(Some(frames)) = reader.next_block() {
        for frame in frames {
            step(&mut *feed, &frame, &mut news);
            news.clear();
            last = last.max(Some(frame.engine));
        }
    }
    if *feed.config() != wanted {
        feed = anew();
    }
    (feed, last)
}

/// Removes raw files of hours before `hour`; how many.
///
/// # Errors
/// A folder that cannot be read, a file that cannot be removed.
pub fn prune(run: &Path, venue: Venue, before: i64) -> io::Result<usize> {
    let old: Vec<i64> = raw_hours(run, venue)?.into_iter().filter(|hour| *hour < before).collect();
    for hour in &old {
        fs::remove_file(raw_path(run, venue, *hour))?;
    }
    Ok(old.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::raw_file::RawWriter;

    #[test]
    fn a_folder_has_one_process() {
        let dir = tempfile::tempdir().expect("a folder");
        let run = dir.path().join("rec");
        let held = lock(&run).expect("free");
        let refused = lock(&run).expect_err("held").to_string();
        assert!(refused.contains(&format!("its number: {}", std::process::id())), "{refused}");
        drop(held);
        lock(&run).expect("free again");
        assert!(free(&run).is_some_and(|bytes| bytes > 0));
        fs::write(dir.path().join("file"), "").expect("writes");
        let no_folder = lock(&dir.path().join("file/rec")).expect_err("a file").to_string();
        assert!(no_folder.contains("a folder that can be written"), "{no_folder}");
    }

    #[test]
    fn old_files_go_and_young_ones_stay() {
        let dir = tempfile::tempdir().expect("a folder");
        for hour in [5, 6, 7] {
            RawWriter::open(dir.path(), Venue::Grvt, hour).expect("writes");
        }
        assert_eq!(prune(dir.path(), Venue::Grvt, 7).expect("removes"), 2);
        assert_eq!(raw_hours(dir.path(), Venue::Grvt).expect("lists"), [7]);
        assert_eq!(prune(dir.path(), Venue::Lighter, 7).expect("nothing there"), 0);
    }
}
