//! `dataset.json`: how a store was made and what it holds.

use super::recorded::Recorded;
use super::table::Table;
use crate::TapeError;
use crate::atomic::write_atomic;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;

/// The file that describes a store, in its folder.
pub const DATASET_FILE: &str = "dataset.json";

/// Raised when a column is added or its meaning changes.
pub const SCHEMA_VERSION: u32 = 1;

/// What dataset.json says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Dataset {
    /// [`SCHEMA_VERSION`] of the program that wrote it.
    pub schema_version: u32,
    /// The recorder, importer or generator: its version, seed, map, clock shifts, conversions.
    pub made_by: serde_json::Value,
    /// Rows by table, then "venue/symbol".
    pub rows: BTreeMap<String, BTreeMap<String, u64>>,
    /// Every parquet file of the store.
    pub files: Vec<FileEntry>,
    /// Of a store that a recorder writes: its hours and gaps. Such a store is read by this list alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recorded: Option<Recorded>,
}

/// One file of the store as it was written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileEntry {
    /// Below the store's folder, with '/'.
    pub path: String,
    /// In the file.
    pub rows: u64,
    /// Of the file.
    pub bytes: u64,
    /// Of its content, as hex.
    pub blake3: String,
}

/// Whoever holds it is the only one that changes a recorded store.
pub(super) struct StoreLock {
    _file: File,
}

impl StoreLock {
    /// Waits until nobody else has it.
    pub fn take(root: &Path) -> Result<StoreLock, TapeError> {
        let path = root.join(".lock");
        let file = File::options().create(true).truncate(false).write(true).open(&path);
        let file = file.map_err(TapeError::io(&path, "make the file"))?;
        file.lock().map_err(TapeError::io(&path, "lock the file"))?;
        Ok(StoreLock { _file: file })
    }
}

impl Dataset {
    /// Reads the store's `dataset.json`; `None` when there is none (stores of other tools need not have one).
    pub fn read(root: &Path) -> Result<Option<Dataset>, TapeError> {
        let path = root.join(DATASET_FILE);
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(TapeError::Io { path, action: "read the file", source }),
        };
        serde_json::from_str(&text).map(Some).map_err(|e| TapeError::Dataset { path, what: e.to_string() })
    }

    /// The first file of these series (such as `venue=x/symbol=y/`) that is listed and gone.
    pub(crate) fn gone(&self, root: &Path, series: &[String]) -> Option<TapeError> {
        let mut ours =
            self.files.iter().filter(|entry| series.iter().any(|series| entry.path.contains(series.as_str())));
        let gone = ours.find(|entry| !root.join(&entry.path).is_file())?;
        Some(TapeError::ListedAndGone { path: root.join(&gone.path) })
    }

    pub(super) fn count(&mut self, table: Table, series: &str, rows: u64) {
        *self.rows.entry(table.name().to_string()).or_default().entry(series.to_string()).or_default() += rows;
    }

    pub(super) fn write(&self, root: &Path) -> Result<(), TapeError> {
        let path = root.join(DATASET_FILE);
        let text = serde_json::to_string_pretty(self)
            .map_err(|e| TapeError::Dataset { path: path.clone(), what: e.to_string() })?;
        write_atomic(&path, text + "\n").map_err(TapeError::io(&path, "write the file"))
    }
}
