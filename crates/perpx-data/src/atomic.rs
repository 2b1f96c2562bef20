//! Files that get their name when they are whole: a reader never sees half of one.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// What a file's name begins with until it is whole.
pub const UNFINISHED: &str = ".new-";

/// A file that is written beside its place and takes it when committed; one that is not committed leaves nothing.
#[derive(Debug)]
pub struct AtomicFile {
    path: PathBuf,
    unfinished: PathBuf,
    file: File,
    is_committed: bool,
}

impl AtomicFile {
    /// Begins a file that will stand at `path` once it is committed.
    pub fn create(path: &Path) -> io::Result<AtomicFile> {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let unfinished = path.with_file_name(format!("{UNFINISHED}{name}"));
        let file = File::create(&unfinished)?;
        Ok(AtomicFile { path: path.to_path_buf(), unfinished, file, is_committed: false })
    }

    /// Where it lies until then, for a writer that opens files itself.
    pub fn unfinished(&self) -> &Path {
        &self.unfinished
    }

    /// Brings what was written to the disk, then gives the file its name; what lay there is replaced.
    pub fn commit(mut self) -> io::Result<()> {
        self.file.sync_all()?;
        fs::rename(&self.unfinished, &self.path)?;
        self.is_committed = true;
        Ok(())
    }
}

impl Write for AtomicFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Drop for AtomicFile {
    fn drop(&mut self) {
        if !self.is_committed {
            let _ = fs::remove_file(&self.unfinished);
        }
    }
}

/// Writes a whole file, or none.
pub fn write_atomic(path: &Path, bytes: impl AsRef<[u8]>) -> io::Result<()> {
    let mut file = AtomicFile::create(path)?;
    file.write_all(bytes.as_ref())?;
    file.commit()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_there_whole_or_as_it_was() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("a.txt");
        write_atomic(&path, "first").expect("writes");
        let mut file = AtomicFile::create(&path).expect("makes");
        file.write_all(b"sec").expect("writes");
        assert_eq!(fs::read_to_string(&path).expect("reads"), "first");
        drop(file);
        assert_eq!(fs::read_dir(dir.path()).expect("lists").count(), 1, "nothing is left of a file that failed");
        write_atomic(&path, "second").expect("writes");
        assert_eq!(fs::read_to_string(&path).expect("reads"), "second");
    }
}
