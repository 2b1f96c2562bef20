//! Foreign recordings into a store, by a column map. Strict: a row that a replay would refuse stops the import, and a
//! stopped import leaves nothing. Holds the rows of the data set in memory.

mod book;
mod clock;
mod factor;
mod json;
mod map;
mod npy;
mod open;
mod parse;
pub mod preset;
pub mod reference;
mod series;
mod source;
mod time;

use crate::TapeError;
use crate::store::{Fault, NumberedTrade, StoreWriter, StoredRow, assemble_depth, replaced_text};
use clock::{Measure, RecorderClock, Repaired, delays, implausible, no_top, offset, recorder_clocks, repair};
use factor::Factor;
use map::{LeftOut, ReadMap};
use parse::{Clocks, ParsedFile, ParsedRows, parse_file};
use perpx_core::tape::rows::VenueTables;
use perpx_core::units::{MS, SECOND, TimeDelta};
use serde::Serialize;
use series::{Entry, Jumps, check_overlap, each_table, put_in_order, take_out_ahead};
use std::collections::BTreeMap;
use std::path::Path;

/// What an import did; kept in dataset.json as `made_by`.
#[derive(Clone, Debug, Serialize)]
pub struct ImportReport {
    /// Which program made the store.
    pub tool: &'static str,
    /// Its version.
    pub version: &'static str,
    /// The map's file name.
    pub map: String,
    /// Of its text, as hex.
    pub map_blake3: String,
    /// What the map says of itself.
    pub about: String,
    /// Least time that a row takes from the venue to the recorder.
    pub min_feed_ms: f64,
    /// By recorder.
    pub clocks: BTreeMap<String, RecorderClock>,
    /// In the order of the map.
    pub files: Vec<FileReport>,
    /// Files of the folder that the map leaves out, and why.
    pub left_out: Vec<LeftOut>,
    /// Series of the store that was replaced, as "venue/symbol"; the new store does not remember them.
    #[serde(skip)]
    pub replaced: Vec<String>,
}

/// What became of one file.
#[derive(Clone, Debug, Serialize)]
pub struct FileReport {
    /// As the map names it.
    pub path: String,
    /// quotes, trades, depth, marks or funding.
    pub table: String,
    /// The store's name of the venue.
    pub venue: String,
    /// The store's name of the coin.
    pub symbol: String,
    /// Whose clock stamped the receive times.
    pub recorder: String,
    /// How many were stored.
    pub rows: u64,
    /// The 0.1 % quantile of `recv_ts - exch_ts` as recorded; `None` when the file has one clock.
    pub offset_ns: Option<TimeDelta>,
    /// "both clocks", or how the other one was made.
    pub clocks: String,
    /// Stamps that were raised, so that no row is received before it happened.
    pub repaired: Repaired,
    /// How prices and sizes were multiplied; empty when they were taken as they are.
    pub sizes: String,
    /// Rows that the map's `where` leaves out.
    pub passed_over: u64,
    /// Rows that the map's `skip_empty` leaves out.
    pub empty: u64,
    /// Messages that left a book crossed or with one side only: no row is made of them.
    pub unfit_books: u64,
    /// Prints and settlements that were there before, dropped.
    pub repeated: u64,
    /// Rows whose stamps jumped out of their series, dropped as the map wishes.
    pub jumped: u64,
    /// What was read other than it is stated; empty where nothing was.
    pub corrected: String,
    /// What the map says of the file.
    pub note: String,
}

impl FileReport {
    fn has_both_clocks(&self) -> bool {
        self.clocks == "both clocks" && self.table != "funding"
    }

    /// What else there is to say of it.
    fn notes(&self) -> Vec<String> {
        let mut notes = Vec::new();
        let most = self.repaired.most_raised_ns;
        if most > SECOND {
            notes.push(format!("by {:.1} s at most", most.as_f64(SECOND)));
        }
        let what = if self.table == "funding" { "settlements" } else { "prints" };
        for (count, what) in [
            (self.repeated, format!("{what} that were there before dropped")),
            (self.jumped, "rows with a stamp out of line dropped".to_string()),
            (self.passed_over, "rows passed over by where".to_string()),
            (self.empty, "rows without a price passed over".to_string()),
            (self.unfit_books, "messages that left the book crossed or one-sided passed over".to_string()),
        ] {
            if count > 0 {
                notes.push(format!("{count} {what}"));
            }
        }
        notes.extend([&self.corrected, &self.sizes].into_iter().filter(|text| !text.is_empty()).cloned());
        notes
    }
}

impl ImportReport {
    /// What was done, a line a file.
    pub fn text(&self) -> String {
        let mut out = String::new();
        for file in &self.files {
            let Repaired { recv_raised_to_exch: early, exch_raised, .. } = file.repaired;
            let line = format!("{}: {} {} of {}/{}", file.path, file.rows, file.table, file.venue, file.symbol);
            out += &format!("{line}; {early} recv_ts and {exch_raised} exch_ts raised");
            file.notes().into_iter().for_each(|note| out += &format!("; {note}"));
            out.push('\n');
        }
        for LeftOut { path, why } in &self.left_out {
            out += &format!("{path}: left out: {why}\n");
        }
        for (name, clock) in &self.clocks {
            let ms = |time: TimeDelta| time.as_f64(MS);
            let (shift, moved) = (ms(clock.shift_ns), "all its recv_ts shifted by");
            out += &match clock.offset_ns {
                _ if clock.given => format!("clock of '{name}': {moved} {shift:.1} ms, as the map says\n"),
                Some(least) if clock.shift_ns > TimeDelta::ZERO => format!(
                    "clock of '{name}': least delay {:.1} ms, by {} of the {} rows of {}; {moved} {shift:.1} ms\n",
                    ms(least),
                    clock.agreeing,
                    clock.rows,
                    clock.file
                ),
                None if self.files.iter().any(|f| f.recorder == *name && f.has_both_clocks()) => {
                    format!("clock of '{name}': too few rows agree on its delay to judge it; nothing shifted\n")
                }
                _ => String::new(),
            };
        }
        let series: Vec<String> = self.files.iter().map(|file| format!("{}/{}", file.venue, file.symbol)).collect();
        out + &replaced_text(&self.replaced, &series)
    }
}

/// Reads the files of `map` below `from` and writes the store `store`.
pub fn import(map: &Path, from: &Path, store: &Path) -> Result<ImportReport, TapeError> {
    import_read(ReadMap::read(map)?, map, from, store)
}

/// Reads the files of an archive below `from` and writes the store `store`. `text` is the map that names it: one
/// `[[archive]]`.
pub fn import_archive(text: String, from: &Path, store: &Path) -> Result<ImportReport, TapeError> {
    let name = Path::new("arguments of the command");
    import_read(ReadMap::parse(name, text)?, name, from, store)
}

fn import_read(mut read: ReadMap, map: &Path, from: &Path, store: &Path) -> Result<ImportReport, TapeError> {
    preset::expand(&mut read, map, from)?;
    let mut writer = StoreWriter::create(store)?;
    let mut entries = Vec::new();
    for file in &read.map.file {
        let map = file.get_ref();
        let file = parse_file(&read, map, from)?;
        entries.push(Entry { map, file, repeated: 0, jumped: 0, corrected: String::new() });
    }
    let most = TimeDelta((read.map.max_jump_ms * MS.0 as f64).round() as i64);
    let jumps = Jumps { most, on_jumps: read.map.on_jumps };
    let series = put_in_order(&mut entries, jumps)?;
    let measure = |entry: &mut Entry<'_>| {
        let mut delays = delays(&entry.file);
        if !delays.is_empty() && delays.iter().all(|delay| *delay == TimeDelta::ZERO) {
            entry.note("exchange and receive times are equal in every row: the source gave one of them for both");
        }
        let (recorder, file) = (entry.map.recorder.clone(), entry.map.path.clone());
        Measure { recorder, file, offset: offset(&mut delays) }
    };
    let measures: Vec<Measure> = entries.iter_mut().map(measure).collect();
    let given = |recorder: &str| read.map.clock_shift_ms.as_ref()?.of(recorder);
    let clocks = recorder_clocks(&measures, read.map.min_feed_ms, given);
    for (entry, measure) in entries.iter_mut().zip(&measures) {
        let clock = &clocks[&measure.recorder];
        if let Some(what) = implausible(clock, measure.offset) {
            return Err(TapeError::ImportFile { path: entry.file.path.clone(), what });
        }
        take_out_ahead(entry, clock.shift_ns, jumps)?;
    }
    let mut repaired = vec![Repaired::default(); entries.len()];
    for files in &series {
        let mut top = no_top();
        for &i in files {
            let shift = clocks[&measures[i].recorder].shift_ns;
            repaired[i] = put_right(&mut entries[i].file, shift, &mut top)?;
        }
        // recorders of one series may be moved by different shifts
        if !entries[files[0]].map.table.starts_with("funding") {
            check_overlap(&entries, files)?;
        }
    }
    let report = |((entry, measure), repaired): ((&Entry<'_>, &Measure), Repaired)| {
        file_report(entry, repaired, measure.offset.map(|o| o.delay))
    };
    let files = entries.iter().zip(&measures).zip(repaired).map(report).collect();
    write(&mut writer, entries, &series)?;
    let name = map.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
    let mut report = ImportReport {
        tool: "perpx-data import",
        version: env!("CARGO_PKG_VERSION"),
        map: name,
        map_blake3: blake3::hash(read.text.as_bytes()).to_hex().to_string(),
        about: read.map.about.clone(),
        min_feed_ms: read.map.min_feed_ms,
        clocks,
        files,
        left_out: read.map.left_out.clone(),
        replaced: Vec::new(),
    };
    let made_by = serde_json::to_value(&report)
        .map_err(|e| TapeError::Map { path: map.to_path_buf(), what: format!("cannot be kept as JSON: {e}") })?;
    report.replaced = writer.finish(made_by)?;
    Ok(report)
}

/// Corrects the clocks, and refuses what a replay would refuse.
fn put_right(
    file: &mut ParsedFile,
    shift: TimeDelta,
    top: &mut perpx_core::units::Time,
) -> Result<Repaired, TapeError> {
    fn unfit<R: StoredRow>(rows: &[R]) -> Option<(usize, Fault)> {
        rows.iter().enumerate().find_map(|(i, row)| Some((i, row.fault()?)))
    }
    let clocks = file.clocks;
    let repaired = match &mut file.rows {
        // settlement times are the venue's calendar, not a stream of stamps
        ParsedRows::Funding(_) => Repaired::default(),
        ParsedRows::Quotes(rows) => repair(rows, clocks, shift, top),
        ParsedRows::Trades(rows) => repair(rows, clocks, shift, top),
        ParsedRows::Depth(rows) => repair(rows, clocks, shift, top),
        ParsedRows::Marks(rows) => repair(rows, clocks, shift, top),
    };
    match each_table!(&file.rows, rows => unfit(rows)) {
        Some((i, fault)) => Err(file.refused(i, fault)),
        None => Ok(repaired),
    }
}

fn file_report(entry: &Entry<'_>, repaired: Repaired, offset_ns: Option<TimeDelta>) -> FileReport {
    let (file, parsed) = (entry.map, &entry.file);
    let latency = file.feed_latency_ms.unwrap_or(0.0);
    let clocks = match parsed.clocks {
        Clocks::Both => "both clocks".to_string(),
        Clocks::ExchOnly => format!("recv_ts = exchange time + {latency} ms"),
        Clocks::RecvOnly => format!("exch_ts = recv_ts - {latency} ms"),
    };
    let mut sizes = Vec::new();
    for (what, factor) in [("prices", file.price_factor), ("sizes", file.qty_factor)] {
        if factor != Factor::default() {
            sizes.push(format!("{what} x {factor}"));
        }
    }
    sizes.extend(
        file.contract_face.map(|face| format!("made linear: contracts x {face} / price, rounded down to 1e-9")),
    );
    FileReport {
        path: file.path.clone(),
        table: file.table.clone(),
        venue: file.venue.clone(),
        symbol: file.symbol.clone(),
        recorder: file.recorder.clone(),
        rows: parsed.places.len() as u64,
        offset_ns,
        clocks,
        repaired,
        sizes: sizes.join(", "),
        passed_over: parsed.passed_over,
        empty: parsed.empty,
        unfit_books: parsed.unfit_books,
        repeated: entry.repeated,
        jumped: entry.jumped,
        corrected: entry.corrected.clone(),
        note: file.note.clone(),
    }
}

/// One venue's rows of one symbol, on their way into the store.
#[derive(Default)]
struct Series {
    tables: VenueTables,
    trades: Vec<NumberedTrade>,
}

/// Series by series, day by day.
fn write(writer: &mut StoreWriter, entries: Vec<Entry<'_>>, series: &[Vec<usize>]) -> Result<(), TapeError> {
    let mut all: BTreeMap<(String, String), Series> = BTreeMap::new();
    let mut entries: Vec<Option<Entry<'_>>> = entries.into_iter().map(Some).collect();
    for entry in series.iter().flatten().filter_map(|&i| entries[i].take()) {
        let series = all.entry((entry.map.venue.clone(), entry.map.symbol.clone())).or_default();
        match entry.file.rows {
            ParsedRows::Quotes(rows) => series.tables.quotes.extend(rows),
            ParsedRows::Trades(rows) => series.trades.extend(rows),
            ParsedRows::Depth(rows) => assemble_depth(&rows, &mut series.tables.depth),
            ParsedRows::Marks(rows) => series.tables.marks.extend(rows),
            ParsedRows::Funding(rows) => series.tables.funding.extend(rows),
        }
    }
    for ((venue, symbol), Series { mut tables, trades }) in all {
        let funding = std::mem::take(&mut tables.funding);
        writer.write_day(&venue, &symbol, 0, &VenueTables { funding, ..VenueTables::default() })?;
        while let Some(day) = first_day(&tables) {
            let rest = split_day(&mut tables, day);
            writer.write_day(&venue, &symbol, day, &tables)?;
            tables = rest;
        }
        for rows in trades.chunk_by(|a, b| a.row.recv.day() == b.row.recv.day()) {
            writer.write_trades(&venue, &symbol, rows[0].row.recv.day(), rows)?;
        }
    }
    Ok(())
}

fn first_day(t: &VenueTables) -> Option<i64> {
    let firsts = [t.quotes.first().map(|r| r.recv), t.depth.first().map(|r| r.recv), t.marks.first().map(|r| r.recv)];
    firsts.into_iter().flatten().min().map(perpx_core::units::Time::day)
}

/// Leaves the rows of `day` in `t` and returns the later ones.
fn split_day(t: &mut VenueTables, day: i64) -> VenueTables {
    fn split<T>(rows: &mut Vec<T>, recv: impl Fn(&T) -> perpx_core::units::Time, day: i64) -> Vec<T> {
        rows.split_off(rows.partition_point(|r| recv(r).day() <= day))
    }
    VenueTables {
        quotes: split(&mut t.quotes, |r| r.recv, day),
        trades: Vec::new(),
        depth: split(&mut t.depth, |r| r.recv, day),
        marks: split(&mut t.marks, |r| r.recv, day),
        funding: Vec::new(),
    }
}

#[cfg(test)]
mod tests;
