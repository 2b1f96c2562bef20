//! Strategy files on disk; the core parses their text.

use crate::profiles;
use perpx_core::config::{ConfigError, ConfigFile, Value};
use std::path::Path;

/// Reads a strategy file.
///
/// # Errors
/// No such file, and all of [`ConfigFile::parse`]; a best.yml that was found while venues said something else than they do now.
pub fn read_config(path: &Path) -> Result<ConfigFile, ConfigError> {
    let name = path.display().to_string();
    let text = std::fs::read_to_string(path).map_err(|error| {
        ConfigError::new(&name, "", format!("this file cannot be read: {error}"))
            .accepted("a strategy file in YAML, such as configs/example.yml")
            .remedy("check the path; a `base` in a grid file is relative to that grid file")
    })?;
    let mut file = ConfigFile::parse(&name, &text)?;
    file.know(profiles::overlaid()?);
    held_against(&file)?;
    Ok(file)
}

/// A winner is what it was found to be under what the venues said then.
fn held_against(file: &ConfigFile) -> Result<(), ConfigError> {
    let Some(Value::Map(provenance)) = file.provenance() else { return Ok(()) };
    let then = provenance.iter().find(|entry| entry.0 == "overlays").map(|entry| entry.1.to_string());
    let now = overlays(file)?.map(|now| Value::Text(now).to_string());
    if then == now {
        return Ok(());
    }
    let words = |overlays: Option<String>| overlays.unwrap_or_else(|| "the shipped profiles".to_owned());
    let found = format!("found under {}; now holds {}", words(then), words(now));
    Err(ConfigError::new(file.name(), "provenance.overlays", found)
        .accepted("what the venues said (`perpx-data venue refresh`) when the sweep ran")
        .remedy("run the sweep again, or put the overlays in the state folder's `profiles` back as they were"))
}

/// What venues said beside the shipped profiles, in one text; `None`: nothing else.
///
/// # Errors
/// Venue roles that cannot be resolved.
pub fn overlays(file: &ConfigFile) -> Result<Option<String>, ConfigError> {
    let all: Vec<String> = file.overlays(&[])?.into_iter().map(|(name, hash)| format!("{name} {hash}")).collect();
    Ok((!all.is_empty()).then(|| all.join(", ")))
}
