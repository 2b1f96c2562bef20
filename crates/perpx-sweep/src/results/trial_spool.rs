//! Finished rows of the trial matrix on disk, before equal ledgers are made one: a record a configuration, in the order of
//! their ids. Memory does not grow with the grid.
//!
//! A record: its length (u32, little endian), the row (postcard), the first 8 bytes of the row's BLAKE3.

use crate::error::SweepError;
use perpx_core::replay::LedgerHash;
use perpx_core::stats::Atoms;
use serde::{Deserialize, Serialize};
use std::fs::{File, OpenOptions};
use std::io::{BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

/// What one configuration did in sample, in the base world.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrialRow {
    /// The configuration's id as a number.
    pub id: u64,
    /// Of its ledger.
    pub hash: LedgerHash,
    /// Its returns.
    pub atoms: Atoms,
}

/// Bytes of a record's length, and of the checksum at its end.
const LENGTH: usize = 4;
const CHECKSUM: usize = 8;

/// A file of such rows.
#[derive(Debug)]
pub struct TrialSpool {
    path: PathBuf,
    file: File,
    bytes: u64,
}

impl TrialSpool {
    /// Opens (or makes) the file and cuts it to `bytes`, which must be there.
    ///
    /// # Errors
    /// The file cannot be opened, or holds less.
    pub fn open(path: &Path, bytes: u64) -> Result<TrialSpool, SweepError> {
        let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path);
        let file = file.map_err(SweepError::io(path, "open the file"))?;
        let have = file.metadata().map_err(SweepError::io(path, "read the size"))?.len();
        if have < bytes {
            let what = format!("{} holds {have} bytes of the {bytes} that were finished", path.display());
            return Err(SweepError::Checkpoint { path: path.to_path_buf(), what });
        }
        file.set_len(bytes).map_err(SweepError::io(path, "cut the file"))?;
        Ok(TrialSpool { path: path.to_path_buf(), file, bytes })
    }

    /// Length of the file; a checkpoint keeps it.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Adds rows and syncs them to disk.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn append(&mut self, rows: &[TrialRow]) -> Result<(), SweepError> {
        let mut added = 0;
        let result = (|| {
            self.file.seek(SeekFrom::Start(self.bytes))?;
            let mut out = BufWriter::with_capacity(1 << 20, &self.file);
            for row in rows {
                let body = postcard::to_stdvec(row).map_err(std::io::Error::other)?;
                out.write_all(&(body.len() as u32).to_le_bytes())?;
                out.write_all(&body)?;
                out.write_all(&blake3::hash(&body).as_bytes()[..CHECKSUM])?;
                added += (LENGTH + body.len() + CHECKSUM) as u64;
            }
            out.flush()?;
            drop(out);
            self.file.sync_data()
        })();
        result.map_err(SweepError::io(&self.path, "write finished trials"))?;
        self.bytes += added;
        Ok(())
    }

    /// Calls `each` with every row in order.
    ///
    /// # Errors
    /// The file cannot be read, a record is damaged, or what `each` says.
    pub fn each(&self, mut each: impl FnMut(TrialRow) -> Result<(), SweepError>) -> Result<(), SweepError> {
        let file = File::open(&self.path).map_err(SweepError::io(&self.path, "open the file"))?;
        let mut input = BufReader::with_capacity(1 << 20, file);
        let (mut at, mut buffer) = (0, Vec::new());
        while at < self.bytes {
            let mut record = || {
                let mut length = [0; LENGTH];
                input.read_exact(&mut length)?;
                buffer.resize((u64::from(u32::from_le_bytes(length)).min(self.bytes) as usize) + CHECKSUM, 0);
                input.read_exact(&mut buffer)
            };
            record().map_err(SweepError::io(&self.path, "read finished trials"))?;
            let (body, sum) = buffer.split_at(buffer.len() - CHECKSUM);
            let row = (*sum == blake3::hash(body).as_bytes()[..CHECKSUM]).then(|| postcard::from_bytes(body).ok());
            let row = row.flatten().ok_or_else(|| {
                let what = format!("the checksum of the trial at byte {at} in {} is wrong", self.path.display());
                SweepError::Checkpoint { path: self.path.clone(), what }
            })?;
            at += (LENGTH + buffer.len()) as u64;
            each(row)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use perpx_core::stats::AtomPlan;

    fn row(id: u64) -> TrialRow {
        let mut atoms = Atoms::new(AtomPlan { intervals: 30, atoms: 24 });
        atoms.add_flat(3);
        atoms.add(id as i64 - 1_000_000_000);
        atoms.add_trade(29);
        TrialRow { id, hash: LedgerHash([id as u8; 16]), atoms }
    }

    #[test]
    fn trials_come_back_and_are_cut_where_the_checkpoint_stood() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("trials");
        let mut spool = TrialSpool::open(&path, 0).expect("opens");
        spool.append(&[row(2), row(5)]).expect("writes");
        let whole = spool.bytes();
        spool.append(&[row(9)]).expect("writes");
        let rows = |spool: &TrialSpool| {
            let mut seen = Vec::new();
            spool.each(|row| {
                seen.push(row);
                Ok(())
            })?;
            Ok::<_, SweepError>(seen)
        };
        assert_eq!(rows(&spool).expect("reads"), [row(2), row(5), row(9)]);
        drop(spool);
        // what was not finished is cut off
        let mut cut = TrialSpool::open(&path, whole).expect("opens");
        assert_eq!(rows(&cut).expect("reads"), [row(2), row(5)]);
        cut.append(&[row(7)]).expect("writes");
        assert_eq!(rows(&cut).expect("reads"), [row(2), row(5), row(7)]);
        assert!(TrialSpool::open(&path, cut.bytes() + 1).is_err());
        // a bit that turned on the disk
        let mut bytes = std::fs::read(&path).expect("reads");
        bytes[whole as usize - 20] ^= 1;
        std::fs::write(&path, &bytes).expect("writes");
        let cut = TrialSpool::open(&path, whole).expect("opens");
        let refused = rows(&cut).expect_err("damaged").to_string();
        assert!(refused.contains("the checksum of the trial at byte"), "{refused}");
    }
}
