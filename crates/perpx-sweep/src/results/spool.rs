//! Finished rows on disk, before they are ranked: records of one width in the order of the results, so that a row is found
//! by its number and a configuration by bisection. Memory does not grow with the grid.
//!
//! A record, little endian: id u64, point u64, world u32, padding u32, four shares f64, then for each run (in sample,
//! held out) its ledger hash (16 bytes) and its metrics f64. NaN stands for "no value". The first 8 bytes of the
//! record's BLAKE3 end it: a run goes on from rows that lay on a disk, and a bit that turned there must not become a
//! result.

use crate::error::SweepError;
use perpx_core::replay::LedgerHash;
use std::fs::{File, OpenOptions};
use std::io::{BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

/// One run of one configuration in one world.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct RunRow {
    pub hash: LedgerHash,
    /// In the order of `stats::metric_table`; NaN = no value: as in the file, half of what `Option` would take.
    values: Vec<f64>,
}

impl RunRow {
    /// `values` in the order of `stats::metric_table`.
    pub fn new(hash: LedgerHash, values: impl IntoIterator<Item = Option<f64>>) -> RunRow {
        RunRow { hash, values: values.into_iter().map(packed).collect() }
    }

    /// Of a run that did not take place.
    pub fn none(metrics: usize) -> RunRow {
        RunRow::new(LedgerHash::default(), std::iter::repeat_n(None, metrics))
    }

    pub fn get(&self, metric: usize) -> Option<f64> {
        self.values.get(metric).copied().and_then(unpacked)
    }

    pub fn values(&self) -> impl Iterator<Item = Option<f64>> {
        self.values.iter().copied().map(unpacked)
    }

    /// It took place.
    pub fn ran(&self) -> bool {
        self.values().any(|value| value.is_some())
    }

    /// Bit by bit.
    pub fn is_same(&self, other: &RunRow) -> bool {
        let bits = |run: &RunRow| run.values.iter().map(|value| value.to_bits()).collect::<Vec<_>>();
        self.hash == other.hash && bits(self) == bits(other)
    }
}

fn packed(value: Option<f64>) -> f64 {
    value.unwrap_or(f64::NAN)
}

fn unpacked(value: f64) -> Option<f64> {
    (!value.is_nan()).then_some(value)
}

/// One row of the results: a configuration in one world.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// The configuration's id as a number.
    pub id: u64,
    /// Its place in the grid.
    pub point: u64,
    pub world: u32,
    /// Shares of bar closes at which trend, target return, funding and volatility held; `None` = not judged.
    pub shares: [Option<f64>; 4],
    pub runs: [RunRow; 2],
}

/// Bytes at the end of a record.
const CHECKSUM: usize = 8;

/// A file of rows.
#[derive(Debug)]
pub struct Spool {
    path: PathBuf,
    file: File,
    metrics: usize,
    rows: u64,
}

impl Spool {
    /// Opens (or makes) the file and cuts it to `rows` rows, which must be there.
    pub fn open(path: &Path, metrics: usize, rows: u64) -> Result<Spool, SweepError> {
        let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path);
        let file = file.map_err(SweepError::io(path, "open the file"))?;
        let spool = Spool { path: path.to_path_buf(), file, metrics, rows };
        let wanted = rows * spool.width();
        let have = spool.file.metadata().map_err(SweepError::io(path, "read the size"))?.len();
        if have < wanted {
            let what = format!("{} holds {have} bytes of the {wanted} that were finished", path.display());
            return Err(SweepError::Checkpoint { path: path.to_path_buf(), what });
        }
        spool.file.set_len(wanted).map_err(SweepError::io(path, "cut the file"))?;
        Ok(spool)
    }

    pub fn rows(&self) -> u64 {
        self.rows
    }

    fn width(&self) -> u64 {
        (56 + 2 * (16 + 8 * self.metrics) + CHECKSUM) as u64
    }

    /// Adds rows and syncs them to disk.
    pub fn append(&mut self, rows: &[Row]) -> Result<(), SweepError> {
        let at = self.rows * self.width();
        let result = (|| {
            self.file.seek(SeekFrom::Start(at))?;
            let mut out = BufWriter::with_capacity(1 << 20, &self.file);
            let mut record = Vec::with_capacity(self.width() as usize);
            for row in rows {
                encode(row, &mut record);
                out.write_all(&record)?;
            }
            out.flush()?;
            drop(out);
            self.file.sync_data()
        })();
        result.map_err(SweepError::io(&self.path, "write finished rows"))?;
        self.rows += rows.len() as u64;
        Ok(())
    }

    /// Calls `each` with every row in order.
    pub fn each(&self, mut each: impl FnMut(&Row) -> Result<(), SweepError>) -> Result<(), SweepError> {
        let file = File::open(&self.path).map_err(SweepError::io(&self.path, "open the file"))?;
        let mut input = BufReader::with_capacity(1 << 20, file);
        let mut buffer = vec![0; self.width() as usize];
        for number in 0..self.rows {
            input.read_exact(&mut buffer).map_err(SweepError::io(&self.path, "read finished rows"))?;
            each(&self.decode(&buffer, number)?)?;
        }
        Ok(())
    }

    /// Row `number`.
    pub fn row(&self, number: u64) -> Result<Row, SweepError> {
        let mut buffer = vec![0; self.width() as usize];
        let at = number * self.width();
        let mut file = &self.file;
        let result = file.seek(SeekFrom::Start(at)).and_then(|_| file.read_exact(&mut buffer));
        result.map_err(SweepError::io(&self.path, "read finished rows"))?;
        self.decode(&buffer, number)
    }

    fn decode(&self, record: &[u8], number: u64) -> Result<Row, SweepError> {
        let (bytes, sum) = record.split_at(record.len() - CHECKSUM);
        if *sum != blake3::hash(bytes).as_bytes()[..CHECKSUM] {
            let what = format!("the checksum of row {} in {} is wrong", number + 1, self.path.display());
            return Err(SweepError::Checkpoint { path: self.path.clone(), what });
        }
        Ok(decode(bytes, self.metrics))
    }

    /// The rows of one configuration, a row a world; empty when it is not here. Rows lie in the order of (id, world).
    pub fn of(&self, id: u64) -> Result<Vec<Row>, SweepError> {
        let (mut low, mut high) = (0, self.rows);
        while low < high {
            let middle = low + (high - low) / 2;
            if self.row(middle)?.id < id { low = middle + 1 } else { high = middle }
        }
        let mut rows = Vec::new();
        while low < self.rows {
            let row = self.row(low)?;
            if row.id != id {
                break;
            }
            rows.push(row);
            low += 1;
        }
        Ok(rows)
    }
}

/// Replaces what `out` holds.
fn encode(row: &Row, out: &mut Vec<u8>) {
    out.clear();
    out.extend(row.id.to_le_bytes());
    out.extend(row.point.to_le_bytes());
    out.extend(u64::from(row.world).to_le_bytes());
    out.extend(row.shares.iter().flat_map(|share| packed(*share).to_le_bytes()));
    for run in &row.runs {
        out.extend(run.hash.0);
        out.extend(run.values.iter().flat_map(|value| value.to_le_bytes()));
    }
    let hash = blake3::hash(out);
    out.extend(&hash.as_bytes()[..CHECKSUM]);
}

fn decode(bytes: &[u8], metrics: usize) -> Row {
    let word = |at: usize| u64::from_le_bytes(bytes[at..at + 8].try_into().unwrap_or_default());
    let real = |at: usize| f64::from_bits(word(at));
    let run = |at: usize| RunRow {
        hash: LedgerHash(bytes[at..at + 16].try_into().unwrap_or_default()),
        values: (0..metrics).map(|m| real(at + 16 + 8 * m)).collect(),
    };
    Row {
        id: word(0),
        point: word(8),
        world: word(16) as u32,
        shares: [24, 32, 40, 48].map(|at| unpacked(real(at))),
        runs: [run(56), run(56 + 16 + 8 * metrics)],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(id: u64, world: u32) -> Row {
        let run = |x: f64| RunRow::new(LedgerHash([id as u8; 16]), [Some(x), None, Some(-0.5)]);
        Row {
            id,
            point: id * 7,
            world,
            shares: [Some(0.25), Some(0.5), None, Some(1.0)],
            runs: [run(1.5), run(id as f64)],
        }
    }

    #[test]
    fn rows_come_back_and_are_found_by_id() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("rows");
        let mut spool = Spool::open(&path, 3, 0).expect("opens");
        let rows: Vec<Row> = [(2, 0), (2, 1), (5, 0), (5, 1), (9, 0), (9, 1)].map(|(id, w)| row(id, w)).into();
        spool.append(&rows[..2]).expect("writes");
        spool.append(&rows[2..]).expect("writes");
        let mut seen = Vec::new();
        let mut keep = |row: &Row| {
            seen.push(format!("{row:?}"));
            Ok(())
        };
        spool.each(&mut keep).expect("reads");
        assert_eq!(seen, rows.iter().map(|row| format!("{row:?}")).collect::<Vec<_>>());
        assert_eq!(format!("{:?}", spool.of(5).expect("reads")), format!("{:?}", &rows[2..4]));
        assert!(spool.of(6).expect("reads").is_empty());
        // a kill in the middle of a write: what was not finished is cut off
        drop(spool);
        let cut = Spool::open(&path, 3, 4).expect("opens");
        assert_eq!(cut.rows(), 4);
        assert!(Spool::open(&path, 3, 5).is_err());
        // a bit that turned on the disk: that row is refused, the others are not
        let mut bytes = std::fs::read(&path).expect("reads");
        let width = cut.width() as usize;
        bytes[width + 60] ^= 1;
        std::fs::write(&path, &bytes).expect("writes");
        let cut = Spool::open(&path, 3, 4).expect("opens");
        assert_eq!(format!("{:?}", cut.row(0).expect("whole")), format!("{:?}", rows[0]));
        let refused = cut.row(1).expect_err("damaged").to_string();
        assert!(refused.contains("the checksum of row 2 in"), "{refused}");
        assert!(cut.each(|_| Ok(())).is_err());
    }
}
