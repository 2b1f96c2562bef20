//! Foreign recordings into a store, by a column map. Strict: a row that a replay would refuse stops the import, and a
//! stopped import leaves nothing. Holds the rows of the data set in memory.

mod clock;
mod factor;
mod json;
mod map;
mod open;
mod parse;
mod source;
mod time;

use super::TapeError;
use super::rows::VenueTables;
use super::store::{Fault, NumberedTrade, StoreWriter, StoredRow, assemble_depth};
use clock::{RecorderClock, Repaired, file_offset, no_top, recorder_clocks, repair};
use factor::Factor;
use map::{FileMap, LeftOut, ReadMap};
use parse::{ParsedFile, ParsedRows, parse_file};
use serde::Serialize;
use std::collections::BTreeMap;
use std::path::Path;

/// What an import did; kept in dataset.json as `made_by`.
#[derive(Clone, Debug, Serialize)]
pub struct ImportReport {
    pub tool: &'static str,
    pub version: &'static str,
    pub map: String,
    pub map_blake3: String,
    pub about: String,
    pub min_feed_ms: f64,
    /// By recorder.
    pub clocks: BTreeMap<String, RecorderClock>,
    pub files: Vec<FileReport>,
    pub left_out: Vec<LeftOut>,
}

#[derive(Clone, Debug, Serialize)]
pub struct FileReport {
    pub path: String,
    pub table: String,
    pub venue: String,
    pub symbol: String,
    pub recorder: String,
    pub rows: u64,
    /// The 0.1 % quantile of `recv_ts - exch_ts` as recorded, ns; `None` when the file has one clock.
    pub offset_ns: Option<i64>,
    /// "both clocks", or how the other one was made.
    pub clocks: String,
    pub repaired: Repaired,
    /// How prices and sizes were multiplied; empty when they were taken as they are.
    pub sizes: String,
    /// Rows that the map's `where` leaves out.
    pub passed_over: u64,
    pub note: String,
}

impl ImportReport {
    /// What was done, a line a file.
    pub fn text(&self) -> String {
        let mut out = String::new();
        for file in &self.files {
            let Repaired { recv_raised_to_exch: early, exch_raised } = file.repaired;
            let line = format!("{}: {} {} of {}/{}", file.path, file.rows, file.table, file.venue, file.symbol);
            out += &format!("{line}; {early} recv_ts and {exch_raised} exch_ts raised");
            if file.passed_over > 0 {
                out += &format!("; {} rows passed over by where", file.passed_over);
            }
            if !file.sizes.is_empty() {
                out += &format!("; {}", file.sizes);
            }
            out.push('\n');
        }
        for LeftOut { path, why } in &self.left_out {
            out += &format!("{path}: left out: {why}\n");
        }
        for (name, clock) in &self.clocks {
            if clock.shift_ns > 0 {
                let (behind, shift) = (clock.offset_ns.unwrap_or(0) as f64 / 1e6, clock.shift_ns as f64 / 1e6);
                out += &format!(
                    "clock of '{name}': least delay {behind:.1} ms; all its recv_ts shifted by {shift:.1} ms\n"
                );
            }
        }
        out
    }
}

/// Reads the files of `map` below `from` and writes the store `store`.
pub fn import(map: &Path, from: &Path, store: &Path) -> Result<ImportReport, TapeError> {
    let read = ReadMap::read(map)?;
    let mut writer = StoreWriter::create(store)?;
    let mut parsed = Vec::new();
    for entry in &read.map.file {
        let file = entry.get_ref();
        let mut rows = parse_file(&read, file, from)?;
        if file.sort {
            sort(&mut rows);
        }
        parsed.push((file, rows));
    }
    let offsets: Vec<_> = parsed.iter().map(|(file, rows)| (file.recorder.clone(), file_offset(rows))).collect();
    let clocks = recorder_clocks(&offsets, read.map.min_feed_ms);
    let mut tops = BTreeMap::new();
    let mut files = Vec::new();
    for ((file, rows), (recorder, offset_ns)) in parsed.iter_mut().zip(&offsets) {
        let shift = clocks.get(recorder).map_or(0, |c| c.shift_ns);
        let series = (file.venue.clone(), file.symbol.clone(), file.table.clone());
        let top = tops.entry(series).or_insert_with(no_top);
        let (repaired, count) = put_right(rows, shift, top)?;
        files.push(file_report(file, rows, repaired, count, *offset_ns));
    }
    write(&mut writer, parsed)?;
    let name = map.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
    let report = ImportReport {
        tool: "perpx-data import",
        version: env!("CARGO_PKG_VERSION"),
        map: name,
        map_blake3: blake3::hash(read.text.as_bytes()).to_hex().to_string(),
        about: read.map.about.clone(),
        min_feed_ms: read.map.min_feed_ms,
        clocks,
        files,
        left_out: read.map.left_out.clone(),
    };
    let made_by = serde_json::to_value(&report)
        .map_err(|e| TapeError::Map { path: map.to_path_buf(), what: format!("cannot be kept as JSON: {e}") })?;
    writer.finish(made_by)?;
    Ok(report)
}

/// Runs `$body` with `$rows` bound to the rows, whatever their table.
macro_rules! each_table {
    ($parsed:expr, $rows:ident => $body:expr) => {
        match $parsed {
            ParsedRows::Quotes($rows) => $body,
            ParsedRows::Trades($rows) => $body,
            ParsedRows::Depth($rows) => $body,
            ParsedRows::Marks($rows) => $body,
            ParsedRows::Funding($rows) => $body,
        }
    };
}

/// Into receive order; rows of equal time keep the file's order.
fn sort(file: &mut ParsedFile) {
    fn by_recv<R: StoredRow>(rows: &mut Vec<R>, places: &mut Vec<u64>) {
        let mut paired: Vec<(R, u64)> = rows.drain(..).zip(places.drain(..)).collect();
        paired.sort_by_key(|(row, _)| row.recv());
        (*rows, *places) = paired.into_iter().unzip();
    }
    each_table!(&mut file.rows, rows => by_recv(rows, &mut file.places));
}

/// Checks the order, corrects the clocks, and refuses what a replay would refuse.
fn put_right(file: &mut ParsedFile, shift: i64, top: &mut crate::units::Time) -> Result<(Repaired, u64), TapeError> {
    let ParsedFile { path, clocks, rows, places, unit, .. } = file;
    let refused = |i: usize, fault: Fault| TapeError::ImportRow {
        path: path.clone(),
        place: format!("{unit} {}", places.get(i).copied().unwrap_or_default()),
        fault: Box::new(fault),
    };
    fn backward<R: StoredRow>(rows: &[R]) -> Option<(usize, Fault)> {
        let i = rows.windows(2).position(|pair| pair[1].recv() < pair[0].recv())? + 1;
        let wanted = format!("no earlier than the row before it, {} (sort = true sorts the file)", rows[i - 1].recv());
        Some((i, Fault::new("recv_ts", rows[i].recv(), wanted)))
    }
    fn unfit<R: StoredRow>(rows: &[R]) -> Option<(usize, Fault)> {
        rows.iter().enumerate().find_map(|(i, row)| Some((i, row.fault()?)))
    }
    if let Some((i, fault)) = each_table!(&*rows, rows => backward(rows)) {
        return Err(refused(i, fault));
    }
    let repaired = match rows {
        // settlement times are the venue's calendar, not a stream of stamps
        ParsedRows::Funding(_) => Repaired::default(),
        ParsedRows::Quotes(rows) => repair(rows, *clocks, shift, top),
        ParsedRows::Trades(rows) => repair(rows, *clocks, shift, top),
        ParsedRows::Depth(rows) => repair(rows, *clocks, shift, top),
        ParsedRows::Marks(rows) => repair(rows, *clocks, shift, top),
    };
    match each_table!(&*rows, rows => unfit(rows)) {
        Some((i, fault)) => Err(refused(i, fault)),
        None => Ok((repaired, places.len() as u64)),
    }
}

fn file_report(
    file: &FileMap,
    parsed: &ParsedFile,
    repaired: Repaired,
    rows: u64,
    offset_ns: Option<i64>,
) -> FileReport {
    let latency = file.feed_latency_ms.unwrap_or(0.0);
    let clocks = match parsed.clocks {
        parse::Clocks::Both => "both clocks".to_string(),
        parse::Clocks::ExchOnly => format!("recv_ts = exchange time + {latency} ms"),
        parse::Clocks::RecvOnly => format!("exch_ts = recv_ts - {latency} ms"),
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
        rows,
        offset_ns,
        clocks,
        repaired,
        sizes: sizes.join(", "),
        passed_over: parsed.passed_over,
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
fn write(writer: &mut StoreWriter, parsed: Vec<(&FileMap, ParsedFile)>) -> Result<(), TapeError> {
    let mut all: BTreeMap<(String, String), Series> = BTreeMap::new();
    for (file, parsed) in parsed {
        let series = all.entry((file.venue.clone(), file.symbol.clone())).or_default();
        match parsed.rows {
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
    firsts.into_iter().flatten().min().map(crate::units::Time::day)
}

/// Leaves the rows of `day` in `t` and returns the later ones.
fn split_day(t: &mut VenueTables, day: i64) -> VenueTables {
    fn split<T>(rows: &mut Vec<T>, recv: impl Fn(&T) -> crate::units::Time, day: i64) -> Vec<T> {
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
