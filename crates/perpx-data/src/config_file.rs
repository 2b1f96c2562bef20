//! Strategy files on disk; the core parses their text.

use perpx_core::config::{ConfigError, ConfigFile};
use std::path::Path;

/// Reads a strategy file.
///
/// # Errors
/// No such file, and all of [`ConfigFile::parse`].
pub fn read_config(path: &Path) -> Result<ConfigFile, ConfigError> {
    let name = path.display().to_string();
    let text = std::fs::read_to_string(path).map_err(|error| {
        ConfigError::new(&name, "", format!("this file cannot be read: {error}"))
            .accepted("a strategy file in YAML, such as configs/example.yml")
            .remedy("check the path; a `base` in a grid file is relative to that grid file")
    })?;
    ConfigFile::parse(&name, &text)
}
