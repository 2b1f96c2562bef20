//! The repository's own files, for tests that read them.

use std::fs;
use std::path::{Path, PathBuf};

pub const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// What a build, a run or a recording leaves.
const LEFT: [&str; 8] = ["target", "reports", "sample", "real", "book", "node_modules", "__pycache__", "venv"];

pub fn root(path: &str) -> PathBuf {
    Path::new(ROOT).join(path)
}

pub fn read(path: &str) -> String {
    fs::read_to_string(root(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Files with one of `extensions` below `folders` that are there, by their paths from the root, in order.
pub fn files(folders: &[&str], extensions: &[&str]) -> Vec<String> {
    let mut found = Vec::new();
    let mut open: Vec<PathBuf> = folders.iter().map(|folder| root(folder)).filter(|path| path.is_dir()).collect();
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            let extension = path.extension().and_then(|text| text.to_str()).unwrap_or_default();
            if path.is_dir() {
                if !name.starts_with('.') && !LEFT.contains(&name) {
                    open.push(path);
                }
            } else if extensions.contains(&extension) {
                found.push(path.strip_prefix(ROOT).expect("below the root").display().to_string());
            }
        }
    }
    found.sort();
    found
}
