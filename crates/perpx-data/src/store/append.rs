//! Adding an hour of a recording to a store, and merging a day's hours into one file.
//!
//! A file is written under another name, brought to the disk, read back and counted before it gets its own; dataset.json, which
//! names what is read, is replaced last and whole. What lies in the folders beside it is no part of the store.

use super::dataset::{DATASET_FILE, Dataset, FileEntry, SCHEMA_VERSION, StoreLock};
use super::path::{Partition, StorePath, entries, hour_text};
use super::read::StoreFile;
use super::recorded::{HourLine, Recorded, RecordedDay, RecordedGap, RecordedHour, folder};
use super::table::{DepthLevelRow, NumberedTrade, SLOT, StoredRow, Table, depth_fault, flatten_depth};
use super::write::{ParquetPart, name_is_legal};
use crate::TapeError;
use crate::atomic::AtomicFile;
use perpx_core::tape::rows::{DepthRow, FundingKind, FundingRow, MarkRow, QuoteRow};
use perpx_core::units::Time;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::path::{Path, PathBuf};

/// Files of merged hours are looked for in so many days.
const LEFT_DAYS: i64 = 7;
/// Rows that are held before they are encoded.
const BUFFER: usize = 8_192;

/// A gap as an hour's frames show it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundGap {
    /// The store's name of the coin.
    pub symbol: String,
    /// Which rows are missing.
    pub table: Table,
    /// `None`: since the recorder was last running.
    pub from: Option<Time>,
    /// Everything was received from here on, or the hour's frames end here.
    pub to: Time,
    /// Why.
    pub reason: String,
    /// Of trades: those of the gap are all there.
    pub known: bool,
}

/// Writes one hour of one venue's recording. The same rows give the same bytes, as often as they are written.
pub struct HourWriter {
    store: StorePath,
    dataset: Dataset,
    venue: String,
    hour: i64,
    quotes: Parts<QuoteRow>,
    trades: Parts<NumberedTrade>,
    gap_trades: Parts<NumberedTrade>,
    depth: Parts<DepthLevelRow>,
    marks: Parts<MarkRow>,
    funding: Parts<FundingRow>,
    /// By symbol: the newest settlement that is stored.
    settled: BTreeMap<String, Time>,
    left_out: u64,
    _lock: StoreLock,
}

type Parts<R> = BTreeMap<(String, Partition), Part<R>>;

/// One file of the hour.
pub(super) struct Part<R> {
    path: PathBuf,
    file: AtomicFile,
    writer: ParquetPart<R>,
    buffer: Vec<R>,
    newest: Time,
    settled: Option<Time>,
}

impl HourWriter {
    /// Begins the hour `hour` (since 1970-01-01 UTC) of `venue` in the store at `root`, which is made where there is none.
    ///
    /// # Errors
    /// A store that was not recorded; an hour whose day is merged already, with other contents, is refused by
    /// [`HourWriter::commit`].
    pub fn create(root: &Path, venue: &str, hour: i64) -> Result<HourWriter, TapeError> {
        name_is_legal("venue", venue)?;
        let store = StorePath::new(root)?;
        let (lock, dataset) = recorded_at(&store)?;
        let settled = settled_before(&dataset, venue, hour);
        Ok(HourWriter {
            store,
            dataset,
            venue: venue.to_string(),
            hour,
            quotes: Parts::new(),
            trades: Parts::new(),
            gap_trades: Parts::new(),
            depth: Parts::new(),
            marks: Parts::new(),
            funding: Parts::new(),
            settled,
            left_out: 0,
            _lock: lock,
        })
    }

    /// Best bid and ask.
    pub fn quote(&mut self, symbol: &str, row: QuoteRow) -> Result<(), TapeError> {
        self.left_out += push(&self.store, (Table::Quotes, &self.venue, symbol, self.hour), &mut self.quotes, row)?;
        Ok(())
    }

    /// The best levels.
    pub fn depth(&mut self, symbol: &str, row: DepthRow) -> Result<(), TapeError> {
        if depth_fault(&row).is_some() {
            self.left_out += 1;
            return Ok(());
        }
        for level in flatten_depth(std::slice::from_ref(&row)) {
            self.left_out += push(&self.store, (Table::Depth, &self.venue, symbol, self.hour), &mut self.depth, level)?;
        }
        Ok(())
    }

    /// A trade as it happened.
    pub fn trade(&mut self, symbol: &str, row: NumberedTrade) -> Result<(), TapeError> {
        self.left_out += push(&self.store, (Table::Trades, &self.venue, symbol, self.hour), &mut self.trades, row)?;
        Ok(())
    }

    /// A trade of a gap, received later than when it happened.
    pub fn gap_trade(&mut self, symbol: &str, row: NumberedTrade) -> Result<(), TapeError> {
        let place = (Table::GapTrades, self.venue.as_str(), symbol, self.hour);
        self.left_out += push(&self.store, place, &mut self.gap_trades, row)?;
        Ok(())
    }

    /// Mark and index.
    pub fn marks(&mut self, symbol: &str, row: MarkRow) -> Result<(), TapeError> {
        self.left_out += push(&self.store, (Table::Marks, &self.venue, symbol, self.hour), &mut self.marks, row)?;
        Ok(())
    }

    /// A rate. A settlement that is stored already, as after the recorder was started anew, makes no second row.
    pub fn funding(&mut self, symbol: &str, row: FundingRow) -> Result<(), TapeError> {
        if row.kind == FundingKind::Settled {
            if self.settled.get(symbol).is_some_and(|settled| row.ts < settled.plus(SLOT)) {
                return Ok(());
            }
            self.settled.insert(symbol.to_string(), row.ts);
        }
        self.left_out += push(&self.store, (Table::Funding, &self.venue, symbol, self.hour), &mut self.funding, row)?;
        for ((of, _), part) in &mut self.funding {
            if of == symbol {
                part.settled = self.settled.get(symbol).copied();
            }
        }
        Ok(())
    }

    /// Frames are only ever added to an hour: fewer than it was made of before means that some are gone, and the rows stay.
    fn is_no_less_than_before(&self, frames: u64) -> Result<(), TapeError> {
        let Some(recorded) = &self.dataset.recorded else { return Ok(()) };
        let is_merged = is_merged(recorded, &self.venue, self.hour);
        let known =
            recorded.hours.get(&self.venue).and_then(|hours| hours.iter().find(|known| known.hour == self.hour));
        match known.filter(|known| !is_merged && known.frames > frames) {
            Some(known) => Err(TapeError::FramesGone {
                path: self.store.root().to_path_buf(),
                venue: self.venue.clone(),
                hour: hour_text(self.hour),
                had: known.frames,
                found: frames,
            }),
            None => Ok(()),
        }
    }

    /// Gives the files their names and dataset.json their list. `span`: stamps of the first and the last frame, and how many
    /// there were; `left_out`: texts that could not be read. Says how many gaps the hour has: what began before the recording is
    /// none.
    pub fn commit(
        mut self,
        span: (Time, Time, u64),
        left_out: u64,
        gaps: Vec<FoundGap>,
        made_by: serde_json::Value,
    ) -> Result<usize, TapeError> {
        self.is_no_less_than_before(span.2)?;
        let mut lines = Vec::new();
        finish(&self.store, (Table::Quotes, &self.venue, self.hour), &mut self.quotes, &mut lines)?;
        finish(&self.store, (Table::Trades, &self.venue, self.hour), &mut self.trades, &mut lines)?;
        finish(&self.store, (Table::GapTrades, &self.venue, self.hour), &mut self.gap_trades, &mut lines)?;
        finish(&self.store, (Table::Depth, &self.venue, self.hour), &mut self.depth, &mut lines)?;
        finish(&self.store, (Table::Marks, &self.venue, self.hour), &mut self.marks, &mut lines)?;
        finish(&self.store, (Table::Funding, &self.venue, self.hour), &mut self.funding, &mut lines)?;
        let mut dataset = self.dataset;
        let recorded = dataset.recorded.get_or_insert_default();
        let (venue, hour) = (self.venue.as_str(), self.hour);
        if is_merged(recorded, venue, hour) {
            same_again(&self.store, recorded, (venue, hour), lines)?;
            return Ok(gaps_of(recorded, venue, hour));
        }
        let hours = recorded.hours.entry(venue.to_string()).or_default();
        let before = hours.iter().filter(|known| known.hour < hour).map(|known| known.last).max();
        hours.retain(|known| known.hour != hour);
        let (first, last, frames) = span;
        hours.push(RecordedHour { hour, first, last, frames, left_out: left_out + self.left_out });
        hours.sort_by_key(|known| known.hour);
        recorded.gaps.retain(|gap| (gap.venue.as_str(), gap.hour) != (venue, hour));
        recorded.gaps.extend(gaps.into_iter().filter_map(|gap| placed(gap, venue, hour, before)));
        recorded.gaps.sort_by(|a, b| {
            (a.hour, &a.venue, &a.symbol, &a.table, a.from).cmp(&(b.hour, &b.venue, &b.symbol, &b.table, b.from))
        });
        replace_hour(recorded, (venue, hour), &lines);
        let paths: Vec<String> = lines.iter().map(|line| line.entry.path.clone()).collect();
        let gone = hour_paths(&dataset.files, venue, hour);
        dataset.files.retain(|entry| !paths.contains(&entry.path) && !gone.contains(&entry.path));
        dataset.files.extend(lines.into_iter().map(|line| line.entry));
        let backfill = dataset.made_by["backfill"].take();
        dataset.made_by = made_by;
        if !backfill.is_null() {
            dataset.made_by["backfill"] = backfill;
        }
        let gaps = gaps_of(recorded, venue, hour);
        replace(&self.store, dataset)?;
        Ok(gaps)
    }
}

/// The recorded store, made where there is none; nobody else writes to it as long as the lock is held.
pub(super) fn recorded_at(store: &StorePath) -> Result<(StoreLock, Dataset), TapeError> {
    fs::create_dir_all(store.root()).map_err(TapeError::io(store.root(), "make the folder"))?;
    let lock = StoreLock::take(store.root())?;
    match Dataset::read(store.root())? {
        Some(dataset) if dataset.recorded.is_some() => Ok((lock, dataset)),
        None if entries(store.root())?.is_empty() => {
            let dataset = Dataset {
                schema_version: SCHEMA_VERSION,
                made_by: serde_json::Value::Null,
                rows: BTreeMap::new(),
                files: Vec::new(),
                recorded: Some(Recorded::default()),
            };
            // first of all: whoever dies in the midst of the first hour leaves a store of a recorder's
            replace(store, dataset.clone())?;
            Ok((lock, dataset))
        }
        _ => Err(TapeError::NotRecorded { path: store.root().to_path_buf() }),
    }
}

/// A file of the hour that is there under its name.
struct Line {
    folder: String,
    line: HourLine,
    entry: FileEntry,
}

/// The day of an hour is merged, that hour with it.
fn is_merged(recorded: &Recorded, venue: &str, hour: i64) -> bool {
    recorded.days.iter().any(|day| {
        let hours = || day.hours.iter().any(|line| i64::from(line.hour) == hour.rem_euclid(24));
        day.merged && day.day == hour.div_euclid(24) && is_of(&day.folder, venue) && hours()
    })
}

fn gaps_of(recorded: &Recorded, venue: &str, hour: i64) -> usize {
    recorded.gaps.iter().filter(|gap| (gap.venue.as_str(), gap.hour) == (venue, hour)).count()
}

fn is_of(folder: &str, venue: &str) -> bool {
    folder.contains(&format!("/venue={venue}/"))
}

/// Adds a row to its file; 1 when it is one that no store takes, or that was received after the day was over.
fn push<R: StoredRow>(
    store: &StorePath,
    (table, venue, symbol, hour): (Table, &str, &str, i64),
    parts: &mut Parts<R>,
    row: R,
) -> Result<u64, TapeError> {
    let partition = Partition::of(table, row.partition_time());
    let is_late = !table.by_year() && partition != Partition::Day(hour.div_euclid(24));
    if is_late || row.fault().is_some() {
        return Ok(1);
    }
    let part = match parts.entry((symbol.to_string(), partition)) {
        std::collections::btree_map::Entry::Occupied(there) => there.into_mut(),
        std::collections::btree_map::Entry::Vacant(place) => {
            name_is_legal("symbol", symbol)?;
            let day = blank(folder(table, venue, symbol, partition), hour.div_euclid(24));
            let path = store.root().join(day.path(hour.rem_euclid(24) as u8));
            place.insert(Part::create(path)?)
        }
    };
    if row.recv() < part.newest {
        return Ok(1);
    }
    part.newest = row.recv();
    part.buffer.push(row);
    if part.buffer.len() >= BUFFER {
        part.writer.add(&part.buffer)?;
        part.buffer.clear();
    }
    Ok(0)
}

impl<R: StoredRow> Part<R> {
    fn create(path: PathBuf) -> Result<Part<R>, TapeError> {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).map_err(TapeError::io(folder, "make the folder"))?;
        }
        let file = AtomicFile::create(&path).map_err(TapeError::io(&path, "make the file"))?;
        let writer = ParquetPart::create(file.unfinished())?;
        Ok(Part { path, file, writer, buffer: Vec::new(), newest: Time(i64::MIN), settled: None })
    }

    /// A whole file of rows.
    pub fn whole(store: &StorePath, path: &str, rows: &[R]) -> Result<FileEntry, TapeError> {
        let mut part = Part::create(store.root().join(path))?;
        part.writer.add(rows)?;
        part.finish(store)
    }

    /// The whole file under its name, read back and counted.
    fn finish(mut self, store: &StorePath) -> Result<FileEntry, TapeError> {
        self.writer.add(&self.buffer)?;
        let rows = self.writer.finish()?;
        read_back::<R>(self.file.unfinished(), rows)?;
        self.file.commit().map_err(TapeError::io(&self.path, "give the file its name"))?;
        let bytes = fs::read(&self.path).map_err(TapeError::io(&self.path, "read the file"))?;
        let path = self.path.strip_prefix(store.root()).unwrap_or(&self.path).to_string_lossy().replace('\\', "/");
        Ok(FileEntry { path, rows, bytes: bytes.len() as u64, blake3: blake3::hash(&bytes).to_hex().to_string() })
    }
}

/// Reads a file that was just written: it must have every row, each as a store may have it.
fn read_back<R: StoredRow>(path: &Path, want: u64) -> Result<(), TapeError> {
    let file = StoreFile::open::<R>(path)?;
    let mut rows = 0;
    file.each_batch::<R>(0..file.groups().len(), |batch| rows += batch.len() as u64)?;
    let path = path.to_path_buf();
    if rows == want { Ok(()) } else { Err(TapeError::NotReadBack { path, rows, want }) }
}

fn finish<R: StoredRow>(
    store: &StorePath,
    (table, venue, hour): (Table, &str, i64),
    parts: &mut Parts<R>,
    out: &mut Vec<Line>,
) -> Result<(), TapeError> {
    for ((symbol, partition), part) in std::mem::take(parts) {
        let settled = part.settled;
        let entry = part.finish(store)?;
        let hour = hour.rem_euclid(24) as u8;
        let line = HourLine { hour, rows: entry.rows, hash: entry.blake3.clone(), settled };
        out.push(Line { folder: folder(table, venue, &symbol, partition), line, entry });
    }
    Ok(())
}

fn blank(folder: String, day: i64) -> RecordedDay {
    RecordedDay { folder, day, rows: 0, hash: String::new(), merged: false, yearly: false, hours: Vec::new() }
}

/// By symbol: the newest settlement stored in the hours before.
fn settled_before(dataset: &Dataset, venue: &str, hour: i64) -> BTreeMap<String, Time> {
    let mut settled = BTreeMap::new();
    for day in dataset.recorded.iter().flat_map(|recorded| &recorded.days) {
        if !day.folder.starts_with("funding/") || !is_of(&day.folder, venue) {
            continue;
        }
        let symbol = day.folder.split("/symbol=").nth(1).and_then(|rest| rest.split('/').next()).unwrap_or_default();
        let before = day.hours.iter().filter(|line| day.day * 24 + i64::from(line.hour) < hour);
        if let Some(newest) = before.filter_map(|line| line.settled).max() {
            let known: &mut Time = settled.entry(symbol.to_string()).or_insert(newest);
            *known = newest.max(*known);
        }
    }
    settled
}

/// A gap with both its ends: what began before the recording, or lies outside it, is none.
fn placed(gap: FoundGap, venue: &str, hour: i64, before: Option<Time>) -> Option<RecordedGap> {
    let FoundGap { symbol, table, from, to, reason, known } = gap;
    let from = from.or(before)?;
    let to = to.max(from);
    let (venue, table) = (venue.to_string(), table.name().to_string());
    Some(RecordedGap { venue, symbol, table, hour, from, to, reason, known })
}

/// Files that stand for the hour until now.
fn hour_paths(files: &[FileEntry], venue: &str, hour: i64) -> Vec<String> {
    let is_hours = |path: &&str| {
        let Some((folder, _)) = path.rsplit_once('/') else { return false };
        is_of(&format!("{folder}/"), venue)
            && (folder.contains("/year=") || folder.ends_with(&Partition::Day(hour.div_euclid(24)).folder()))
            && **path == blank(folder.to_string(), hour.div_euclid(24)).path(hour.rem_euclid(24) as u8)
    };
    files.iter().map(|entry| entry.path.as_str()).filter(is_hours).map(str::to_string).collect()
}

fn replace_hour(recorded: &mut Recorded, (venue, hour): (&str, i64), lines: &[Line]) {
    let (day, of_day) = (hour.div_euclid(24), hour.rem_euclid(24) as u8);
    // an hour that comes after its day was merged stands beside it
    let is_open = |known: &RecordedDay| known.day == day && !known.merged;
    for known in recorded.days.iter_mut().filter(|known| is_open(known) && is_of(&known.folder, venue)) {
        known.hours.retain(|line| line.hour != of_day);
    }
    for Line { folder, line, .. } in lines {
        let at = recorded.days.iter().position(|known| is_open(known) && known.folder == *folder);
        let at = at.unwrap_or_else(|| {
            recorded.days.push(blank(folder.clone(), day));
            recorded.days.len() - 1
        });
        recorded.days[at].hours.push(line.clone());
    }
    recorded.days.retain(|known| !known.hours.is_empty());
    recorded.days.iter_mut().filter(|known| known.day == day).for_each(RecordedDay::sum_up);
    recorded.days.sort_by(|a, b| (&a.folder, a.day, !a.merged).cmp(&(&b.folder, b.day, !b.merged)));
}

/// An hour of a merged day was compacted again: the same is nothing new, anything else cannot be taken.
fn same_again(
    store: &StorePath,
    recorded: &Recorded,
    (venue, hour): (&str, i64),
    lines: Vec<Line>,
) -> Result<(), TapeError> {
    let (day, of_day) = (hour.div_euclid(24), hour.rem_euclid(24) as u8);
    let days = recorded.days.iter().filter(|known| known.day == day && is_of(&known.folder, venue));
    let known = days.flat_map(|known| known.hours.iter().map(|line| (known.folder.clone(), line.clone())));
    let mut known: Vec<_> = known.filter(|(_, line)| line.hour == of_day).collect();
    let mut found: Vec<_> = lines.iter().map(|line| (line.folder.clone(), line.line.clone())).collect();
    known.sort_by(|a, b| a.0.cmp(&b.0));
    found.sort_by(|a, b| a.0.cmp(&b.0));
    for line in &lines {
        let path = store.root().join(&line.entry.path);
        fs::remove_file(&path).map_err(TapeError::io(&path, "remove the file"))?;
    }
    if known == found {
        Ok(())
    } else {
        Err(TapeError::MergedOtherwise { path: store.root().to_path_buf(), hour: hour_text(hour) })
    }
}

/// Puts dataset.json in its place.
pub(super) fn replace(store: &StorePath, mut dataset: Dataset) -> Result<(), TapeError> {
    dataset.files.sort_by(|a, b| a.path.cmp(&b.path));
    dataset.rows = BTreeMap::new();
    let counted: Vec<(String, u64)> = dataset.files.iter().map(|entry| (entry.path.clone(), entry.rows)).collect();
    for (path, rows) in counted {
        let mut words = path.split('/');
        let (table, venue, symbol) = (words.next(), words.next(), words.next());
        let series = [venue, symbol].map(|word| word.and_then(|word| word.split_once('=')).map_or("", |pair| pair.1));
        let by_series = dataset.rows.entry(table.unwrap_or_default().to_string()).or_default();
        *by_series.entry(series.join("/")).or_default() += rows;
    }
    dataset.write(store.root())?;
    // the names are on the disk with their contents
    let folder = store.root();
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(TapeError::io(folder, "sync the folder"))
}

/// Merges the hours of every day before `day` (days since 1970-01-01) into one file a series, and funding's days of a year that is over
/// into one. The files that were merged stay until the next merging, because somebody may read them; then they go.
pub fn merge_days(root: &Path, day: i64) -> Result<(), TapeError> {
    let store = StorePath::new(root)?;
    if !store.root().join(DATASET_FILE).exists() {
        return Ok(());
    }
    let _lock = StoreLock::take(store.root())?;
    let Some(mut dataset) = Dataset::read(store.root())? else { return Ok(()) };
    let Some(mut recorded) = dataset.recorded.take() else { return Ok(()) };
    let listed: Vec<String> = dataset.files.iter().map(|entry| entry.path.clone()).collect();
    let merged = recorded.days.iter().filter(|known| known.merged).map(|known| (known.folder.clone(), known.day));
    let merged: BTreeSet<(String, i64)> = merged.collect();
    let mut is_changed = false;
    for known in recorded.days.iter_mut().filter(|known| known.day < day) {
        if merged.contains(&(known.folder.clone(), known.day)) {
            if known.merged && known.day >= day - LEFT_DAYS {
                remove_unlisted(&store, known, &listed)?;
            }
            continue;
        }
        let parts: Vec<(String, u64)> = known.parts(None);
        known.merged = true;
        let path = known.path(0);
        let table = known.folder.split('/').next().unwrap_or_default();
        let entry = match table {
            "quotes" => merge::<QuoteRow>(&store, &parts, &path),
            "trades" | "trades_gap" => merge::<NumberedTrade>(&store, &parts, &path),
            "depth" => merge::<DepthLevelRow>(&store, &parts, &path),
            "marks" => merge::<MarkRow>(&store, &parts, &path),
            _ => merge::<FundingRow>(&store, &parts, &path),
        }?;
        dataset.files.retain(|entry| parts.iter().all(|part| part.0 != entry.path));
        dataset.files.push(entry);
        is_changed = true;
    }
    for (folder, year_end) in years(&recorded, day) {
        is_changed |= merge_year(&store, &mut dataset.files, &mut recorded, &folder)?;
        if !is_changed && day - year_end <= LEFT_DAYS {
            remove_days(&store, &recorded, &folder, &listed)?;
        }
    }
    dataset.recorded = Some(recorded);
    if is_changed { replace(&store, dataset) } else { Ok(()) }
}

/// Folders of years that are over before `day`, each with the day on which it was.
fn years(recorded: &Recorded, day: i64) -> BTreeMap<String, i64> {
    let year_end = |folder: &str| {
        let year = folder.split("/year=").nth(1)?.parse().ok()?;
        Some(Partition::Year(year).span().1.day())
    };
    let ends = recorded.days.iter().filter_map(|known| Some((known.folder.clone(), year_end(&known.folder)?)));
    ends.filter(|(_, end)| *end <= day).collect()
}

/// Puts the days of a year, each of which stands in a file, into one. False: they are there already, or not all of them are whole.
fn merge_year(
    store: &StorePath,
    files: &mut Vec<FileEntry>,
    recorded: &mut Recorded,
    folder: &str,
) -> Result<bool, TapeError> {
    let days = || recorded.days.iter().filter(|known| known.folder == folder);
    if days().any(|known| known.yearly || !known.merged) {
        return Ok(false);
    }
    let parts: Vec<(String, u64)> = days().flat_map(|known| known.parts(None)).collect();
    let entry = merge::<FundingRow>(store, &parts, &format!("{folder}/part-0.parquet"))?;
    files.retain(|entry| parts.iter().all(|part| part.0 != entry.path));
    files.push(entry);
    recorded.days.iter_mut().filter(|known| known.folder == folder).for_each(|known| known.yearly = true);
    Ok(true)
}

/// Files of days that an earlier merging of their year left.
fn remove_days(store: &StorePath, recorded: &Recorded, folder: &str, listed: &[String]) -> Result<(), TapeError> {
    let days = recorded.days.iter().filter(|known| known.folder == folder && known.yearly);
    days.map(|known| RecordedDay { yearly: false, ..known.clone() }).try_for_each(|day| remove(store, &day, listed))
}

/// One file of several, whose row groups stay: each hour is one.
fn merge<R: StoredRow>(store: &StorePath, parts: &[(String, u64)], path: &str) -> Result<FileEntry, TapeError> {
    let mut whole = Part::<R>::create(store.root().join(path))?;
    for (part, rows) in parts {
        let file = StoreFile::open::<R>(&store.root().join(part))?;
        if file.rows() != *rows {
            let path = file.path().to_path_buf();
            return Err(TapeError::NotReadBack { path, rows: file.rows(), want: *rows });
        }
        for group in 0..file.groups().len() {
            for batch in file.read::<R>(group..group + 1)? {
                whole.writer.add(&batch?.rows)?;
            }
            whole.writer.end_group()?;
        }
    }
    whole.finish(store)
}

/// Parts of hours that an earlier merging left.
fn remove_unlisted(store: &StorePath, day: &RecordedDay, listed: &[String]) -> Result<(), TapeError> {
    remove(store, &RecordedDay { merged: false, ..day.clone() }, listed)
}

/// Files of a day that nobody lists.
fn remove(store: &StorePath, day: &RecordedDay, listed: &[String]) -> Result<(), TapeError> {
    for (path, _) in day.parts(None).into_iter().filter(|part| !listed.contains(&part.0)) {
        let path = store.root().join(path);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(TapeError::io(&path, "remove the file")(error));
            }
            _ => {}
        }
    }
    Ok(())
}
