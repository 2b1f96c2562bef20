//! What a store holds, from its folders and footers alone.

use crate::TapeError;
use crate::store::{
    BarRow, Dataset, DepthLevelRow, Recorded, RecordedGap, RecordedHour, StoreFile, StorePath, StoredRow,
};
use crate::text::{count, counted, table, wrap};
use perpx_core::tape::rows::{FundingRow, MarkRow, QuoteRow, TradeRow};
use perpx_core::units::{HOUR, SECOND, Time, TimeDelta};
use serde::Serialize;
use std::path::Path;

/// A recorder that goes on has a frame so soon after an hour begins, and so late before it ends.
const EDGE: TimeDelta = SECOND.times(5);

/// What a store holds.
#[derive(Clone, Debug, Serialize)]
pub struct StoreInfo {
    /// Its folder.
    pub store: String,
    /// By venue and symbol, then table.
    pub tables: Vec<TableInfo>,
    /// Of dataset.json, null without one.
    pub schema_version: Option<u32>,
    /// Of a recorded store: its hours, by venue.
    pub hours: Vec<HourInfo>,
    /// What the recorder of the store knows to be missing.
    pub recorded_gaps: Vec<RecordedGap>,
    /// `made_by` of dataset.json, null without one.
    pub made_by: serde_json::Value,
}

/// What one hour of one venue's recording holds.
#[derive(Clone, Debug, Serialize)]
pub struct HourInfo {
    /// The store's name of it.
    pub venue: String,
    /// Where the hour begins.
    pub hour: Time,
    /// Times of its first and its last frame.
    pub first: Time,
    /// As `first`, of the last one.
    pub last: Time,
    /// How many there were.
    pub frames: u64,
    /// Texts that could not be read, and rows that no store takes.
    pub left_out: u64,
    /// Gaps of all its coins and tables that were found in it.
    pub gaps: u64,
}

/// What one table of one venue and coin holds.
#[derive(Clone, Debug, Serialize)]
pub struct TableInfo {
    /// The store's name of it.
    pub venue: String,
    /// The store's name of the coin.
    pub symbol: String,
    /// quotes, trades, depth, marks, funding or bars.
    pub table: &'static str,
    /// How many it is made of.
    pub files: u64,
    /// In all files.
    pub rows: u64,
    /// Of all files.
    pub bytes: u64,
    /// Receive times (funding: settlements).
    pub first: Option<Time>,
    /// As `first`, of the last row.
    pub last: Option<Time>,
}

/// Looks at the store `root`.
pub fn info(root: &Path) -> Result<StoreInfo, TapeError> {
    let (store, names) = StorePath::with_series(root)?;
    let mut tables = Vec::new();
    for (venue, symbol) in names {
        let found = [
            of_table::<QuoteRow>(&store, &venue, &symbol)?,
            of_table::<TradeRow>(&store, &venue, &symbol)?,
            of_table::<DepthLevelRow>(&store, &venue, &symbol)?,
            of_table::<MarkRow>(&store, &venue, &symbol)?,
            of_table::<FundingRow>(&store, &venue, &symbol)?,
            of_table::<BarRow>(&store, &venue, &symbol)?,
        ];
        tables.extend(found.into_iter().flatten());
    }
    let dataset = Dataset::read(store.root())?;
    Ok(StoreInfo {
        store: store.root().display().to_string(),
        tables,
        schema_version: dataset.as_ref().map(|d| d.schema_version),
        hours: store.recorded().map(hours).unwrap_or_default(),
        recorded_gaps: store.recorded().map(Recorded::gaps).unwrap_or_default(),
        made_by: dataset.map(|d| d.made_by).unwrap_or_default(),
    })
}

fn hours(recorded: &Recorded) -> Vec<HourInfo> {
    let of = |venue: &String, hour: &RecordedHour| {
        let RecordedHour { hour, first, last, frames, left_out } = *hour;
        let gaps = recorded.gaps.iter().filter(|gap| gap.venue == *venue && gap.hour == hour).count() as u64;
        HourInfo { venue: venue.clone(), hour: Time::at(hour * HOUR), first, last, frames, left_out, gaps }
    };
    recorded.hours.iter().flat_map(|(venue, hours)| hours.iter().map(move |hour| of(venue, hour))).collect()
}

impl HourInfo {
    /// Frames from its begin to its end, and no gap.
    fn is_whole(&self) -> bool {
        self.gaps == 0 && self.first.since(self.hour) < EDGE && self.hour.plus(HOUR).since(self.last) < EDGE
    }
}

/// A line a venue and day, a sign an hour.
fn coverage(hours: &[HourInfo]) -> String {
    let mut out = String::new();
    for day in hours.chunk_by(|a, b| (&a.venue, a.hour.day()) == (&b.venue, b.hour.day())) {
        let mut signs = ['.'; 24];
        for hour in day {
            signs[(hour.hour.steps(HOUR).rem_euclid(24)) as usize] = if hour.is_whole() { '#' } else { '+' };
        }
        let signs: String = signs.iter().collect();
        let frames = counted(day.iter().map(|hour| hour.frames).sum(), "frame");
        let gaps = counted(day.iter().map(|hour| hour.gaps).sum(), "gap");
        out += &format!("  {:8} {}  {signs}  {frames}, {gaps}\n", day[0].venue, day[0].hour.date());
    }
    out
}

fn of_table<R: StoredRow>(store: &StorePath, venue: &str, symbol: &str) -> Result<Option<TableInfo>, TapeError> {
    let found = store.files(R::TABLE, venue, symbol)?;
    if found.is_empty() {
        return Ok(None);
    }
    let (mut rows, mut bytes, mut first, mut last) = (0, 0, None, None);
    for (_, path) in &found {
        let file = StoreFile::open::<R>(path)?;
        rows += file.rows();
        bytes += std::fs::metadata(path).map_err(TapeError::io(path, "read the size of the file"))?.len();
        if let Some((begin, end)) = file.span() {
            first.get_or_insert(begin);
            last = last.max(Some(end));
        }
    }
    let (venue, symbol, files) = (venue.to_string(), symbol.to_string(), found.len() as u64);
    Ok(Some(TableInfo { venue, symbol, table: R::TABLE.name(), files, rows, bytes, first, last }))
}

impl StoreInfo {
    /// As a user reads it in so many columns.
    pub fn text(&self, width: usize) -> String {
        let head = ["data", "files", "rows", "bytes", "bytes a row", "first", "last"];
        let mut rows = vec![head.map(str::to_string).to_vec()];
        let time = |t: Option<Time>| t.map_or("-".to_string(), |t| t.to_string());
        rows.extend(self.tables.iter().map(|t| {
            vec![
                format!("{} {} {}", t.venue, t.symbol, t.table),
                count(t.files),
                count(t.rows),
                count(t.bytes),
                format!("{:.1}", t.bytes as f64 / t.rows.max(1) as f64),
                time(t.first),
                time(t.last),
            ]
        }));
        let made = match self.schema_version {
            Some(version) => {
                let made_by = serde_json::to_string_pretty(&self.made_by).unwrap_or_default();
                format!("schema version {version}\nmade by {made_by}")
            }
            None => "no dataset.json: how this store was made is not known".to_string(),
        };
        let gaps: Vec<String> = self.recorded_gaps.iter().map(|gap| format!("  {gap}\n")).collect();
        let gaps = match gaps.is_empty() {
            true => String::new(),
            false => format!("\n{} of the recording:\n{}", counted(gaps.len() as u64, "gap"), gaps.concat()),
        };
        let hours = match self.hours.is_empty() {
            true => String::new(),
            false => format!(
                "\nhours of the recording (UTC; # whole, + a part or with a gap, . nothing):\n{}",
                coverage(&self.hours)
            ),
        };
        let (made, gaps) = (wrap(&made, width), wrap(&gaps, width));
        format!("{}\n\n{}\n{made}{hours}{gaps}", self.store, table(&rows, width))
    }
}
