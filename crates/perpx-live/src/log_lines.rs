//! The log: a line of JSON for everything that is said, in files of a bounded number and size. Lines are made of the very notices that
//! the page and alerts are made of, and of nothing else: no library writes into it.

use crate::alerts::{Message, stamp};
use crate::monitor::shared::Notice;
use serde_json::{Value, json};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// A file ends at so many bytes.
const MOST_BYTES: u64 = 64 << 20;
/// Files that are kept, the present one included.
const MOST_FILES: u32 = 16;
const NAME: &str = "perpx.jsonl";

/// The log of a run folder.
pub struct LogLines {
    folder: PathBuf,
    most: u64,
    file: Option<(File, u64)>,
    /// Lines go to the standard output too.
    is_shown: bool,
    /// Lines that no disk took.
    pub lost: u64,
}

impl LogLines {
    /// In `log` of a run folder.
    pub fn new(run: &Path, is_shown: bool) -> LogLines {
        LogLines { folder: run.join("log"), most: MOST_BYTES, file: None, is_shown, lost: 0 }
    }

    /// What happened.
    pub fn notice(&mut self, notice: &Notice) {
        let Notice { wall, at, rule, subject, level, words } = notice;
        self.line(&json!({
            "ts": stamp(*wall),
            "market": stamp(*at),
            "level": level.name(),
            "kind": rule,
            "subject": subject,
            "words": words,
        }));
    }

    /// What was said of what goes wrong.
    pub fn alert(&mut self, message: &Message) {
        let Message { wall, rule, subject, level, words, is_resolved } = message;
        self.line(&json!({
            "ts": stamp(*wall),
            "level": level.name(),
            "kind": rule,
            "subject": subject,
            "resolved": is_resolved,
            "words": words,
        }));
    }

    fn line(&mut self, line: &Value) {
        let line = format!("{line}\n");
        if self.is_shown {
            // nobody reads any more: the run goes on
            let _ = io::stdout().write_all(line.as_bytes());
        }
        if self.write(line.as_bytes()).is_err() {
            self.file = None;
            self.lost += 1;
        }
    }

    fn write(&mut self, line: &[u8]) -> io::Result<()> {
        let present = self.folder.join(NAME);
        if self.file.as_ref().is_some_and(|(_, size)| size + line.len() as u64 > self.most) {
            self.file = None;
            self.rotate()?;
        }
        let (file, size) = match &mut self.file {
            Some(open) => open,
            None => {
                fs::create_dir_all(&self.folder)?;
                let mut options = OpenOptions::new();
                #[cfg(unix)]
                std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
                let file = options.create(true).append(true).open(&present)?;
                let size = file.metadata()?.len();
                self.file.insert((file, size))
            }
        };
        *size += line.len() as u64;
        file.write_all(line)
    }

    /// perpx.jsonl becomes perpx.1.jsonl, that one perpx.2.jsonl; the oldest goes.
    fn rotate(&self) -> io::Result<()> {
        let numbered = |n: u32| match n {
            0 => self.folder.join(NAME),
            n => self.folder.join(format!("perpx.{n}.jsonl")),
        };
        for n in (0..MOST_FILES - 1).rev() {
            match fs::rename(numbered(n), numbered(n + 1)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::monitor::snapshot::Level;
    use perpx_core::units::Time;

    fn notice(n: u32) -> Notice {
        let words = format!("line {n} with \"quotes\"\nand a line end");
        let (wall, at, subject) = (Time(0), Time(1), "run".to_owned());
        Notice { wall, at, rule: "state", subject, level: Level::Info, words }
    }

    /// Files of a bounded size, of which so many are kept, each line whole; a start goes on with the last one.
    #[test]
    fn the_log_is_bounded() {
        let dir = tempfile::tempdir().expect("a folder");
        for start in 0..4 {
            let mut log = LogLines { most: 2_000, ..LogLines::new(dir.path(), false) };
            for n in 0..200 {
                log.notice(&notice(start * 200 + n));
            }
            assert_eq!(log.lost, 0);
        }
        let read = |name: &str| fs::read_to_string(dir.path().join("log").join(name)).expect(name);
        let files = fs::read_dir(dir.path().join("log")).expect("a folder").count();
        assert_eq!(files, MOST_FILES as usize);
        let newest = read(NAME);
        let last: Value = serde_json::from_str(newest.lines().last().expect("a line")).expect("JSON");
        assert_eq!(last["words"], notice(799).words);
        for text in [newest, read("perpx.1.jsonl"), read("perpx.15.jsonl")] {
            assert!(text.len() <= 2_000 && text.ends_with('\n'));
            text.lines().for_each(|line| drop(serde_json::from_str::<Value>(line).expect("JSON")));
        }
    }

    #[test]
    fn a_disk_that_fails_is_counted() {
        let dir = tempfile::tempdir().expect("a folder");
        fs::write(dir.path().join("log"), "no folder").expect("writes");
        let mut log = LogLines::new(dir.path(), false);
        log.notice(&notice(1));
        assert_eq!(log.lost, 1);
        fs::remove_file(dir.path().join("log")).expect("removes");
        log.notice(&notice(2));
        assert_eq!(log.lost, 1);
    }
}
