//! Answers on disk, as they came: `<venue>-<network>/<endpoint>/<hash of what was asked>.json.zst`, the first line about the answer, the
//! rest the answer itself.

use super::BackfillError;
use crate::asking;
use crate::client::FetchCall;
use perpx_core::units::Time;
use perpx_data::atomic::AtomicFile;
use serde::{Deserialize, Serialize};
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};

const LEVEL: i32 = 3;
/// Hex digits of a name.
const NAME: usize = 32;

/// An answer that was kept.
#[derive(Clone, Debug, PartialEq)]
pub struct Kept {
    /// What stands before it.
    pub head: Head,
    /// As it came.
    pub body: String,
}

/// What is known of an answer without reading it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Head {
    /// What was asked.
    pub asked: String,
    /// When, since 1970 by the wall.
    pub at_ns: i64,
    /// Of HTTP.
    pub status: u16,
    /// Numbers of its last and its first row, where it is a page of a list without times.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ids: Option<(i64, i64)>,
    /// When its first row, the newest, happened.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub newest_ns: Option<i64>,
}

/// The folder of one venue in one network.
#[derive(Clone, Debug)]
pub struct Pages {
    root: PathBuf,
}

/// What is asked, as one text.
pub fn asked(call: &FetchCall) -> String {
    asking::asked(&call.request())
}

impl Pages {
    /// At a folder, which need not exist.
    pub fn at(root: PathBuf) -> Pages {
        Pages { root }
    }

    /// Where it is.
    pub fn root(&self) -> &Path {
        &self.root
    }

    fn path(&self, endpoint: &str, asked: &str) -> PathBuf {
        let name = blake3::hash(asked.as_bytes()).to_hex();
        self.root.join(endpoint).join(format!("{}.json.zst", &name[..NAME]))
    }

    /// What was answered when this was asked; a file that is none counts as nothing.
    pub fn get(&self, endpoint: &str, asked: &str) -> Option<Kept> {
        read(&self.path(endpoint, asked)).ok().filter(|kept| kept.head.asked == asked)
    }

    /// Keeps an answer, whole or not at all.
    ///
    /// # Errors
    /// A disk that does not take it.
    pub fn put(&self, endpoint: &str, kept: &Kept) -> Result<(), BackfillError> {
        let path = self.path(endpoint, &kept.head.asked);
        write(&path, kept).map_err(|source| BackfillError::Disk { path, source })
    }

    /// The heads of all pages of an endpoint.
    pub fn heads(&self, endpoint: &str) -> Vec<Head> {
        let files = fs::read_dir(self.root.join(endpoint)).into_iter().flatten().flatten();
        let named = files.map(|file| file.path()).filter(|path| path.to_string_lossy().ends_with(".json.zst"));
        named.filter_map(|path| head(&path).ok()).collect()
    }
}

fn open(path: &Path) -> io::Result<impl BufRead> {
    Ok(BufReader::new(zstd::Decoder::new(File::open(path)?)?))
}

fn head_of(reader: &mut impl BufRead) -> io::Result<Head> {
    let mut line = String::new();
    reader.read_line(&mut line)?;
    serde_json::from_str(&line).map_err(io::Error::other)
}

fn head(path: &Path) -> io::Result<Head> {
    head_of(&mut open(path)?)
}

fn read(path: &Path) -> io::Result<Kept> {
    let mut reader = open(path)?;
    let (head, mut body) = (head_of(&mut reader)?, String::new());
    reader.read_to_string(&mut body)?;
    Ok(Kept { head, body })
}

fn write(path: &Path, kept: &Kept) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    let text = format!("{}\n{}", serde_json::to_string(&kept.head).map_err(io::Error::other)?, kept.body);
    let mut file = AtomicFile::create(path)?;
    file.write_all(&zstd::encode_all(text.as_bytes(), LEVEL)?)?;
    file.commit()
}

impl Kept {
    /// When it was asked for.
    pub fn at(&self) -> Time {
        Time(self.head.at_ns)
    }
}
