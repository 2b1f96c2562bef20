//! What is known of everything before a segment, kept beside it: a start reads from there on, and older segments may go.
//!
//! `journal/NNNNNN.past`: BLAKE3 of what follows, then the mark. It says nothing that the segments before it do not; one that cannot be read
//! or does not belong to its segment is passed over.

use super::folder::{head_of, segments};
use super::record::{HEAD_LEN, Head};
use perpx_data::atomic::write_atomic;
use serde::{Deserialize, Serialize};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Counts ways of writing a mark.
const LAYOUT: u32 = 1;
const SUM: usize = 32;

/// What is known of everything before a segment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark {
    /// The segment's.
    pub number: u32,
    /// Of the segment's first record.
    pub first: u64,
    /// Of the run.
    pub run: [u8; 16],
    /// Over the segment before it.
    pub chain: [u8; 24],
    /// What the records before it come to.
    pub past: Vec<u8>,
}

impl Mark {
    fn path(folder: &Path, number: u32) -> PathBuf {
        folder.join(format!("{number:06}.past"))
    }

    /// The marks of a folder that belong to their segments, the newest first.
    pub fn all(folder: &Path) -> impl Iterator<Item = Mark> {
        let found = segments(folder).unwrap_or_default();
        let folder = folder.to_path_buf();
        found.into_iter().rev().filter_map(move |(number, _)| Mark::read(&folder, number))
    }

    /// The mark of a segment; `None`: there is none that belongs to it.
    pub fn read(folder: &Path, number: u32) -> Option<Mark> {
        let bytes = fs::read(Mark::path(folder, number)).ok()?;
        let (sum, rest) = bytes.split_at_checked(SUM)?;
        if blake3::hash(rest).as_bytes() != sum {
            return None;
        }
        let (layout, mark): (u32, Mark) = postcard::from_bytes(rest).ok()?;
        let (_, path) = segments(folder).ok()?.into_iter().find(|(of, _)| *of == number)?;
        let segment = head_of(&path).ok()?;
        // one that was only just begun has no head yet: nothing else can follow
        let follows = segment.len() < HEAD_LEN
            || Head::read(&segment)
                .is_ok_and(|head| (head.run, head.first, head.chain) == (mark.run, mark.first, mark.chain));
        (layout == LAYOUT && mark.number == number && follows).then_some(mark)
    }

    /// # Errors
    /// A disk that fails; a mark of before is whole.
    pub fn write(&self, folder: &Path) -> io::Result<()> {
        // nothing in it can fail to be written
        let rest = postcard::to_stdvec(&(LAYOUT, self)).unwrap_or_default();
        let bytes = [&blake3::hash(&rest).as_bytes()[..], &rest].concat();
        write_atomic(&Mark::path(folder, self.number), bytes)
    }

    /// Removes marks by their numbers.
    ///
    /// # Errors
    /// A disk that fails.
    pub fn forget(folder: &Path, is_gone: impl Fn(u32) -> bool) -> io::Result<()> {
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let number = name.strip_suffix(".past").and_then(|name| name.parse().ok());
            if number.is_some_and(&is_gone) {
                fs::remove_file(&path)?;
            }
        }
        Ok(())
    }
}
