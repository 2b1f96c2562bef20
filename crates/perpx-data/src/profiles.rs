//! Profiles of venues: the shipped ones, and on disk what venues said of themselves since (`perpx-data venue refresh`).

use crate::path::state_folder;
use perpx_core::config::Profile;
use perpx_core::config::text::ConfigError;
use std::path::{Path, PathBuf};

/// The folder of what venues said.
fn folder() -> Option<PathBuf> {
    state_folder().map(|folder| folder.join("profiles"))
}

/// Where a venue's word on a coin stands; `None` where there is no folder for it.
pub fn path(venue: &str, coin: &str) -> Option<PathBuf> {
    folder().map(|folder| folder.join(format!("{venue}-{coin}.toml")))
}

/// The shipped profiles, the generic one, and those with what a venue said of a coin ([`Profile::of`] picks among them).
///
/// # Errors
/// A file in the folder that is no overlay.
pub fn known() -> Result<Vec<Profile>, ConfigError> {
    let mut profiles = Profile::shipped()?;
    profiles.extend(overlaid()?);
    Ok(profiles)
}

/// Profiles with what a venue said of a coin.
///
/// # Errors
/// A file in the folder that is no overlay.
pub fn overlaid() -> Result<Vec<Profile>, ConfigError> {
    folder().map_or(Ok(Vec::new()), |folder| read(&folder))
}

/// All of a folder, in the order of the names.
fn read(folder: &Path) -> Result<Vec<Profile>, ConfigError> {
    let files = std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    let is_overlay = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        name.ends_with(".toml") && !name.starts_with('.')
    };
    let mut files: Vec<PathBuf> = files.filter(is_overlay).collect();
    files.sort();
    let shipped = Profile::shipped()?;
    let one = |path: &PathBuf| {
        let bad = |found: String| {
            let error = ConfigError::new(&path.display().to_string(), "", found)
                .accepted("what `perpx-data venue refresh` writes");
            error.remedy("run it again, or remove the file")
        };
        let text = std::fs::read_to_string(path).map_err(|error| bad(format!("cannot be read: {error}")))?;
        let venue = Profile::overlaid_venue(&text).map_err(bad)?;
        let profile = shipped.iter().find(|profile| profile.name == venue);
        let profile = profile.ok_or_else(|| bad(format!("no profile of {venue} is shipped")))?;
        profile.overlaid(&text).map_err(bad)
    };
    files.iter().map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_none_is_named() {
        let dir = tempfile::tempdir().expect("a folder");
        assert!(read(&dir.path().join("absent")).expect("nothing").is_empty());
        std::fs::write(dir.path().join(".grvt-BTC.toml"), "half of one").expect("writes");
        assert!(read(dir.path()).expect("nothing").is_empty());
        std::fs::write(dir.path().join("grvt-BTC.toml"), "name = 5").expect("writes");
        let error = read(dir.path()).expect_err("no overlay").to_string();
        assert!(error.contains("grvt-BTC.toml") && error.contains("venue refresh"), "{error}");
    }
}
