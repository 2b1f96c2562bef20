//! A start that is refused although something is held: the run begins all the same, closes what it holds, and ends with the refusal's code.
//! No refusal leaves a leg open.

use super::LiveError;
use super::live_file::LiveFile;
use super::recovery::{Copies, Past};
use super::run_folder::RunFolder;
use perpx_data::atomic::write_atomic;
use std::fs;
use std::path::Path;

/// The folder at `path` as the newest process had it, if that left something open; `None`: there is nothing to close.
///
/// # Errors
/// Copies that cannot be written beside it.
pub fn folder(path: &Path) -> Result<Option<RunFolder>, LiveError> {
    let Ok((past, _)) = Past::read(&path.join("journal")) else { return Ok(None) };
    let Some(copies) = past.copies().filter(|_| past.is_open()) else { return Ok(None) };
    let Copies { best, live, .. } = copies;
    let inside = path.join("closing");
    let failed = |error: std::io::Error| LiveError::Folder {
        path: inside.clone(),
        what: "cannot be written",
        error: error.to_string(),
    };
    fs::create_dir_all(&inside).map_err(failed)?;
    let (best_path, live_path) = (inside.join("best.yml"), inside.join("live.toml"));
    write_atomic(&best_path, best).map_err(failed)?;
    write_atomic(&live_path, live).map_err(failed)?;
    let file = LiveFile::read(&live_path)?;
    Ok(Some(RunFolder { path: path.to_path_buf(), file, best: best_path, live: live_path }))
}
