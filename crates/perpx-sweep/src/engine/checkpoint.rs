//! Where a run stands, on disk; a kill at any moment leaves a whole checkpoint.
//!
//! `checkpoint.state` = a line of text, the payload's length (u64, little endian), the payload (postcard), its BLAKE3.
//! Finished rows lie beside it (`spool`); what was written after the checkpoint is cut off when the run goes on.

use crate::engine::condition_stats::ConditionState;
use crate::error::SweepError;
use crate::results::spool::RunRow;
use perpx_core::replay::RunState;
use perpx_core::stats::Atoms;
use perpx_core::trader::Composite;
use perpx_data::atomic::{AtomicFile, UNFINISHED};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

const HEAD: &[u8] = b"perpx checkpoint 1\n";
const STATE: &str = "checkpoint.state";

/// Parts that decide a run's bytes, by name, each as a short text.
pub type Key = Vec<(String, String)>;

/// The next thing to do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    pub symbol: u32,
    pub band: u64,
    /// Number of the chunk's first point within its band.
    pub point: u64,
}

/// The inside of a chunk: at a tile edge, or where it was stopped within a tile.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ChunkState {
    pub feed: u32,
    /// The next tile, or the present one.
    pub tile: u64,
    pub conditions: ConditionState,
    /// The bar closes of this tile are counted in them.
    pub is_counted: bool,
    /// By unit of the chunk, in order.
    pub units: Vec<UnitState>,
}

/// A configuration in one world, under way.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct UnitState {
    pub machine: Option<Box<RunState<Composite>>>,
    /// Runs that are finished.
    pub runs: Vec<RunRow>,
    /// Runs that ended with books that do not agree, or that met a venue in its past.
    pub faults: u32,
    pub shares: Option<[Option<f64>; 4]>,
    /// The returns in sample by atom, in the base world: a row of the trial matrix.
    pub trial: Option<Box<Atoms>>,
    /// Has passed the chunk's present tile: the run was stopped while others had not.
    pub is_ahead: bool,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Checkpoint {
    pub key: Key,
    pub position: Position,
    /// Finished rows by symbol.
    pub rows: Vec<u64>,
    /// Bytes of finished trials by symbol.
    pub trials: Vec<u64>,
    pub chunk: Option<ChunkState>,
}

/// The key alone is read first: what follows may be of another version.
#[derive(Serialize)]
struct Payload<'a> {
    key: &'a Key,
    body: Vec<u8>,
}

#[derive(Deserialize)]
struct Stored {
    key: Key,
    body: Vec<u8>,
}

pub fn spool_path(dir: &Path, symbol: usize) -> PathBuf {
    dir.join(format!("checkpoint.rows.{symbol}"))
}

/// Where the rows of a symbol lie in the order of their ids, if a search made them in another.
pub fn sorted_path(dir: &Path, symbol: usize) -> PathBuf {
    dir.join(format!("checkpoint.sorted.{symbol}"))
}

/// Where the finished trials of a symbol wait.
pub fn trials_path(dir: &Path, symbol: usize) -> PathBuf {
    dir.join(format!("checkpoint.trials.{symbol}"))
}

/// The checkpoint of an unfinished run under this key.
///
/// # Errors
/// An unfinished run under another key; a damaged file.
pub fn load(dir: &Path, key: &Key) -> Result<Option<Checkpoint>, SweepError> {
    let path = dir.join(STATE);
    let bytes = match fs::read(&path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(SweepError::io(&path, "read the checkpoint")(error)),
    };
    let damaged = |what: &str| SweepError::Checkpoint { path: path.clone(), what: what.to_string() };
    let payload = open(&bytes).ok_or_else(|| damaged("its length or checksum is wrong"))?;
    let stored: Stored = parse(payload).ok_or_else(|| damaged("it is of another version of perpx"))?;
    for (part, now) in key {
        let was = stored.key.iter().find(|(name, _)| name == part).map_or("absent", |(_, text)| text.as_str());
        if was != now {
            let (part, was, now) = (part.clone(), was.to_string(), now.clone());
            return Err(SweepError::OtherRun { path, part, was, now });
        }
    }
    let (position, rows, trials, chunk) = parse(&stored.body).ok_or_else(|| damaged("its state cannot be decoded"))?;
    Ok(Some(Checkpoint { key: stored.key, position, rows, trials, chunk }))
}

fn open(bytes: &[u8]) -> Option<&[u8]> {
    let rest = bytes.strip_prefix(HEAD)?;
    let (length, rest) = rest.split_at_checked(8)?;
    let length = usize::try_from(u64::from_le_bytes(length.try_into().ok()?)).ok()?;
    let (payload, hash) = rest.split_at_checked(length)?;
    (hash == blake3::hash(payload).as_bytes()).then_some(payload)
}

fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Option<T> {
    postcard::from_bytes(bytes).ok()
}

/// Replaces the checkpoint.
pub fn save(dir: &Path, checkpoint: &Checkpoint) -> Result<(), SweepError> {
    let path = dir.join(STATE);
    let encode = |error: postcard::Error| SweepError::Checkpoint { path: path.clone(), what: error.to_string() };
    let body = postcard::to_stdvec(&(&checkpoint.position, &checkpoint.rows, &checkpoint.trials, &checkpoint.chunk))
        .map_err(encode)?;
    let payload = postcard::to_stdvec(&Payload { key: &checkpoint.key, body }).map_err(encode)?;
    let result = (|| {
        let mut file = AtomicFile::create(&path)?;
        file.write_all(HEAD)?;
        file.write_all(&(payload.len() as u64).to_le_bytes())?;
        file.write_all(&payload)?;
        file.write_all(blake3::hash(&payload).as_bytes())?;
        file.commit()?;
        File::open(dir)?.sync_all()
    })();
    result.map_err(SweepError::io(&path, "write the checkpoint"))
}

/// Removes every file of an unfinished run.
pub fn remove(dir: &Path) -> Result<(), SweepError> {
    let entries = match fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(SweepError::io(dir, "list the folder")(error)),
    };
    // without it there is no unfinished run, whatever else is left
    let state = dir.join(STATE);
    if state.is_file() {
        fs::remove_file(&state).map_err(SweepError::io(&state, "remove the file"))?;
    }
    for entry in entries {
        let path = entry.map_err(SweepError::io(dir, "list the folder"))?.path();
        if path
            .file_name()
            .and_then(|name| name.to_str())
            .filter(|name| *name != STATE)
            .is_some_and(|name| name.strip_prefix(UNFINISHED).unwrap_or(name).starts_with("checkpoint."))
        {
            fs::remove_file(&path).map_err(SweepError::io(&path, "remove the file"))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(seed: &str) -> Key {
        vec![("data".to_string(), "abc".to_string()), ("seed".to_string(), seed.to_string())]
    }

    #[test]
    fn a_checkpoint_comes_back_whole_or_is_refused() {
        let folder = tempfile::tempdir().expect("a folder");
        let dir = folder.path();
        assert!(load(dir, &key("7")).expect("nothing is there").is_none());
        let position = Position { symbol: 0, band: 2, point: 5 };
        let chunk = ChunkState {
            feed: 1,
            tile: 3,
            conditions: ConditionState::default(),
            is_counted: false,
            units: vec![UnitState::default(); 2],
        };
        save(dir, &Checkpoint { key: key("7"), position, rows: vec![12], trials: vec![340], chunk: Some(chunk) })
            .expect("writes");
        let back = load(dir, &key("7")).expect("whole").expect("there");
        assert_eq!(
            (back.position, back.rows, back.trials, back.chunk.map(|c| (c.feed, c.tile, c.units.len()))),
            (position, vec![12], vec![340], Some((1, 3, 2)))
        );
        let text = load(dir, &key("8")).expect_err("another seed").to_string();
        assert!(text.contains("the seed differs: it was 7, now it is 8"), "{text}");
        // one flipped bit
        let path = dir.join(STATE);
        let mut bytes = fs::read(&path).expect("reads");
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        fs::write(&path, &bytes).expect("writes");
        assert!(load(dir, &key("7")).expect_err("damaged").to_string().contains("checksum"));
        // cut short
        fs::write(&path, &bytes[..bytes.len() - 40]).expect("writes");
        assert!(load(dir, &key("7")).is_err());
        remove(dir).expect("removes");
        assert!(load(dir, &key("7")).expect("gone").is_none());
    }
}
