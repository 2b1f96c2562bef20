//! Backfilled rows, beside those that a recorder received: funding, bars, and trades among those of gaps. They stand in
//! files of their own. A recorded row wins: what is recorded too is left out when they are written, and passed over where it was
//! recorded after that.

use super::append::{Part, recorded_at, replace};
use super::bars::BarRow;
use super::dataset::{Dataset, FileEntry, StoreLock};
use super::path::{Partition, StorePath, entries};
use super::read::StoreFile;
use super::recorded::folder;
use super::table::{NumberedTrade, SLOT, StoredRow, Table};
use super::write::name_is_legal;
use crate::TapeError;
use perpx_core::tape::rows::{FundingKind, FundingRow};
use perpx_core::units::{MINUTE, Time};
use std::collections::{BTreeSet, HashSet};
use std::fs;
use std::path::Path;

/// What names of such files begin with; then their contents' hash, so that a file that is replaced stays for whoever reads it.
const NAME: &str = "past-";

/// What a recorded store has of backfilled rows, being replaced. Nobody else writes to the store meanwhile.
pub struct Backfilled {
    store: StorePath,
    dataset: Dataset,
    files: Vec<FileEntry>,
    /// Series that are replaced, by what their files' paths begin with.
    replaced: Vec<String>,
    _lock: StoreLock,
}

impl Backfilled {
    /// Waits until nobody writes to the recorded store at `root`, which is made where there is none.
    ///
    /// # Errors
    /// A store that was not recorded, or cannot be read.
    pub fn begin(root: &Path) -> Result<Backfilled, TapeError> {
        let (lock, dataset) = recorded_at(&StorePath::new(root)?)?;
        let store = StorePath::open(root)?;
        Ok(Backfilled { store, dataset, files: Vec::new(), replaced: Vec::new(), _lock: lock })
    }

    /// `made_by` as it is now.
    pub fn made_by(&self) -> &serde_json::Value {
        &self.dataset.made_by
    }

    /// Settlements of a series. Times of those that are recorded.
    ///
    /// # Errors
    /// What a disk or a store refuses.
    pub fn funding(&mut self, venue: &str, symbol: &str, rows: &[FundingRow]) -> Result<Vec<Time>, TapeError> {
        let mut recorded = BTreeSet::new();
        for path in self.recorded(Table::Funding, (venue, symbol), |_| !rows.is_empty())? {
            each::<FundingRow>(&path, |row| {
                if row.kind == FundingKind::Settled {
                    recorded.insert(row.ts);
                }
            })?;
        }
        let is_recorded = |row: &FundingRow| recorded.range(row.ts.plus(-SLOT)..=row.ts.plus(SLOT)).next().is_some();
        self.put(Table::Funding, (venue, symbol), rows, is_recorded)
    }

    /// Trades of a series of before the recording's end, which nobody received when they happened. Times of those that are recorded.
    ///
    /// # Errors
    /// As [`Backfilled::funding`].
    pub fn trades(&mut self, venue: &str, symbol: &str, rows: &[NumberedTrade]) -> Result<Vec<Time>, TapeError> {
        let days: BTreeSet<i64> = rows.iter().map(|trade| trade.row.exch.day()).collect();
        // what happened just before midnight may be received after it
        let is_near = |partition: Partition| match partition {
            Partition::Day(day) => days.range(day - 1..=day).next().is_some(),
            Partition::Year(_) => true,
        };
        let mut recorded = HashSet::new();
        for table in [Table::Trades, Table::GapTrades] {
            for path in self.recorded(table, (venue, symbol), is_near)? {
                each::<NumberedTrade>(&path, |trade| recorded.extend(trade.id))?;
            }
        }
        // what happened since may be on its way to the store
        let newest = self.store.recorded().and_then(|recorded| recorded.hours.get(venue)?.last());
        let until = newest.map_or(Time::MIN, |hour| hour.last.plus(-MINUTE));
        let rows: Vec<NumberedTrade> = rows.iter().filter(|trade| trade.row.exch <= until).copied().collect();
        let is_recorded = |trade: &NumberedTrade| trade.id.is_some_and(|id| recorded.contains(&id));
        self.put(Table::GapTrades, (venue, symbol), &rows, is_recorded)
    }

    /// Bars of a series: none are recorded.
    ///
    /// # Errors
    /// As [`Backfilled::funding`].
    pub fn bars(&mut self, venue: &str, symbol: &str, rows: &[BarRow]) -> Result<(), TapeError> {
        self.put(Table::Bars, (venue, symbol), rows, |_| false).map(drop)
    }

    /// Files of a series that a recorder wrote, of some partitions.
    fn recorded(
        &self,
        table: Table,
        (venue, symbol): (&str, &str),
        is_wanted: impl Fn(Partition) -> bool,
    ) -> Result<Vec<std::path::PathBuf>, TapeError> {
        let files = self.store.files(table, venue, symbol)?.into_iter();
        let wanted = files.filter(|(partition, path)| is_wanted(*partition) && !self.store.is_backfilled(path));
        Ok(wanted.map(|(_, path)| path).collect())
    }

    /// Writes the rows that are not recorded, a file a partition. Times of those that are.
    fn put<R: StoredRow + Clone>(
        &mut self,
        table: Table,
        (venue, symbol): (&str, &str),
        rows: &[R],
        is_recorded: impl Fn(&R) -> bool,
    ) -> Result<Vec<Time>, TapeError> {
        name_is_legal("venue", venue)?;
        name_is_legal("symbol", symbol)?;
        self.replaced.push(format!("{}/venue={venue}/symbol={symbol}/", table.name()));
        let (twice, mut rows): (Vec<R>, Vec<R>) = rows.iter().cloned().partition(is_recorded);
        rows.sort_by_key(StoredRow::partition_time);
        let of = |row: &R| Partition::of(table, row.partition_time());
        for rows in rows.chunk_by(|a, b| of(a) == of(b)) {
            let folder = folder(table, venue, symbol, of(&rows[0]));
            self.remove_unlisted(&folder)?;
            let mut entry = Part::whole(&self.store, &format!("{folder}/{NAME}unnamed.parquet"), rows)?;
            let unnamed = self.store.root().join(&entry.path);
            entry.path = format!("{folder}/{NAME}{}.parquet", &entry.blake3[..12]);
            let path = self.store.root().join(&entry.path);
            fs::rename(&unnamed, &path).map_err(TapeError::io(&path, "give the file its name"))?;
            self.files.push(entry);
        }
        Ok(twice.iter().map(StoredRow::exch).collect())
    }

    /// Files of a folder that were replaced before now: who read them has ended.
    fn remove_unlisted(&self, folder: &str) -> Result<(), TapeError> {
        for path in entries(&self.store.root().join(folder))? {
            let is_past = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(NAME));
            if is_past && !self.store.is_backfilled(&path) {
                fs::remove_file(&path).map_err(TapeError::io(&path, "remove the file"))?;
            }
        }
        Ok(())
    }

    /// Series that were put take the place of what was backfilled of them before; `provenance` is `made_by.backfill`.
    ///
    /// # Errors
    /// What a disk refuses.
    pub fn commit(self, provenance: serde_json::Value) -> Result<(), TapeError> {
        let Backfilled { store, mut dataset, files, replaced, _lock } = self;
        let recorded = dataset.recorded.get_or_insert_default();
        let is_replaced = |path: &str| replaced.iter().any(|series| path.starts_with(series));
        dataset.files.retain(|entry| !(is_replaced(&entry.path) && recorded.backfilled.contains(&entry.path)));
        recorded.backfilled.retain(|path| !is_replaced(path));
        recorded.backfilled.extend(files.iter().map(|entry| entry.path.clone()));
        recorded.backfilled.sort();
        dataset.files.extend(files);
        dataset.made_by["backfill"] = provenance;
        replace(&store, dataset)
    }
}

/// Every row of a file; one that no store takes is an error.
fn each<R: StoredRow>(path: &Path, mut found: impl FnMut(&R)) -> Result<(), TapeError> {
    let file = StoreFile::open::<R>(path)?;
    file.each_batch(0..file.groups().len(), |batch| batch.iter().for_each(&mut found))
}
