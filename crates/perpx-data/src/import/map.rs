//! The column map: a TOML file that says how the files of a data set become the tables of a store.
//!
//! ```toml
//! about = "where it comes from, what is known of its defects"
//! min_feed_ms = 1                  # least believable delay from venue to recorder
//!
//! [columns.quotes]                 # store column = column of the file, for all files of that table
//! exch_ts = "ts_ns"
//! recv_ts = "recv_ts_ns"
//! bid_px = "bid_px"
//!
//! [[file]]
//! path = "lighter_GOLD_bbo.csv.gz" # below the folder given by --from
//! table = "quotes"
//! venue = "lighter"
//! symbol = "GOLD"
//! ```
//! Everything else of `[[file]]` has a default, see [`FileMap`]; docs/import-maps.md is the manual. A file that is not
//! imported is named under `[[left_out]]` with its `path` and a `why`.

use super::book::Changes;
use super::factor::Factor;
use super::preset::Archive;
use super::time::Zone;
use crate::TapeError;
use crate::store::Table;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use toml::Spanned;

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ImportMap {
    /// Free text, kept in dataset.json.
    #[serde(default)]
    pub about: String,
    /// Least believable `recv_ts - exch_ts`; a recorder's clock below it is shifted to it.
    #[serde(default = "default_min_feed_ms")]
    pub min_feed_ms: f64,
    /// Added to the receive times instead of what the import finds: one number, or one for each recorder.
    pub clock_shift_ms: Option<Shift>,
    /// A stamp that jumps further out of its series than this, and comes back, is no stamp.
    #[serde(default = "default_max_jump_ms")]
    pub max_jump_ms: f64,
    #[serde(default)]
    pub on_jumps: OnJumps,
    /// By table, store column -> source column; a file's own `columns` come first.
    #[serde(default)]
    pub columns: BTreeMap<String, BTreeMap<String, String>>,
    #[serde(default)]
    pub file: Vec<Spanned<FileMap>>,
    /// Files of known archives, by preset.
    #[serde(default)]
    pub archive: Vec<Spanned<Archive>>,
    /// Files of the data set that are not imported; kept in dataset.json, and repeated by `check`.
    #[serde(default)]
    pub left_out: Vec<LeftOut>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LeftOut {
    pub path: String,
    pub why: String,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileMap {
    pub path: String,
    /// quotes, trades, depth, marks or funding.
    pub table: String,
    pub venue: String,
    pub symbol: String,
    #[serde(default)]
    pub columns: Columns,
    /// Names of the columns of a CSV in order: those of a file without a header; one with a header must have just these.
    #[serde(default)]
    pub header: Vec<String>,
    /// Instead of the one that the file's name says.
    pub format: Option<Form>,
    /// JSON: paths of lists in each value, of which every element is a row.
    #[serde(default)]
    pub rows: Vec<String>,
    /// Quotes and depth: the rows are changes of a book.
    pub changes: Option<Changes>,
    /// The file of a .zip archive that holds several.
    pub member: Option<String>,
    /// Of a CSV; without it, whichever of `,`, `;`, `|` and tab stands most often in the first line.
    pub delimiter: Option<char>,
    /// Only rows with one of these words in these columns of the file.
    #[serde(default, rename = "where")]
    pub filter: BTreeMap<String, Words>,
    /// Rows of which one of these columns of the store is empty, or a price of zero, are passed over.
    #[serde(default)]
    pub skip_empty: Vec<String>,
    /// Times count from midnight (UTC) of the date in the file's name, 20260105.
    #[serde(default)]
    pub day_in_name: bool,
    /// Added to exchange and receive times as they are read: a bar is known at its end.
    #[serde(default)]
    pub time_shift_ms: i64,
    /// Of times that are numbers or texts: typed ones say it themselves.
    #[serde(default)]
    pub time_unit: TimeUnits,
    /// Of times that say neither offset nor zone.
    pub time_zone: Option<Zone>,
    #[serde(default)]
    pub numbers: Numbers,
    #[serde(default)]
    pub rate_unit: RateUnit,
    /// Words for a taker that bought (depth: for a bid); matched as written.
    #[serde(default = "default_buy")]
    pub buy: Vec<String>,
    #[serde(default = "default_sell")]
    pub sell: Vec<String>,
    /// Sizes are contracts of this much quote money each (coin-margined): they become `contracts * face / price` coins,
    /// rounded down to 1e-9.
    pub contract_face: Option<Factor>,
    /// Prices of the file times this are prices of the store; exact.
    #[serde(default)]
    pub price_factor: Factor,
    /// Sizes of the file times this are coins of the store; exact.
    #[serde(default)]
    pub qty_factor: Factor,
    /// Funding without a column for it.
    pub interval_hours: Option<u32>,
    /// Trades without a column for it.
    #[serde(default = "default_true")]
    pub consumed_book: bool,
    /// For files with one clock only: the other one is this far away.
    pub feed_latency_ms: Option<f64>,
    /// Files of one recorder share one clock, and one correction.
    #[serde(default = "default_recorder")]
    pub recorder: String,
    /// True for files that are not in receive order.
    #[serde(default)]
    pub sort: bool,
    /// Free text, kept in dataset.json.
    #[serde(default)]
    pub note: String,
    /// The preset that it comes from.
    #[serde(skip)]
    pub preset: Option<&'static str>,
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(untagged, expecting = "wanted milliseconds, or { recorder = milliseconds }")]
pub enum Shift {
    One(f64),
    ByRecorder(BTreeMap<String, f64>),
}

impl Shift {
    pub fn of(&self, recorder: &str) -> Option<f64> {
        match self {
            Shift::One(ms) => Some(*ms),
            Shift::ByRecorder(by) => by.get(recorder).copied(),
        }
    }
}

/// What to do about rows whose stamps jump out of their series.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnJumps {
    #[default]
    Refuse,
    /// They are left out, and counted.
    Drop,
}

/// What a file holds once it is unpacked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Form {
    Csv,
    /// A value a line, or one array of them.
    Json,
    Parquet,
    /// A structured array of numpy.
    Npy,
}

/// Store column = column of the file; or the names of the columns of a file without a header, in order.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(
    untagged,
    expecting = "wanted { store column = \"column of the file\" }, or the names of all columns of a file \
                               without a header, in order: [\"ts\", \"px\"]"
)]
pub enum Columns {
    Named(BTreeMap<String, String>),
    InOrder(Vec<String>),
}

impl Default for Columns {
    fn default() -> Columns {
        Columns::Named(BTreeMap::new())
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(untagged, expecting = "wanted a word or a list of words")]
pub enum Words {
    One(String),
    Some(Vec<String>),
}

impl Words {
    pub fn hold(&self, word: &str) -> bool {
        self.all().iter().any(|one| one == word)
    }

    pub fn all(&self) -> &[String] {
        match self {
            Words::One(word) => std::slice::from_ref(word),
            Words::Some(words) => words,
        }
    }
}

/// One unit for all times of a file, or one for each of its time columns.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(
    untagged,
    expecting = "wanted s, ms, us, ns or rfc3339, or one of them for each time column: { exch_ts = \"ms\" }"
)]
pub enum TimeUnits {
    One(TimeUnit),
    ByColumn(BTreeMap<String, TimeUnit>),
}

impl Default for TimeUnits {
    fn default() -> TimeUnits {
        TimeUnits::One(TimeUnit::default())
    }
}

impl TimeUnits {
    pub fn of(&self, column: &str) -> TimeUnit {
        match self {
            TimeUnits::One(unit) => *unit,
            TimeUnits::ByColumn(units) => units.get(column).copied().unwrap_or_default(),
        }
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TimeUnit {
    S,
    Ms,
    Us,
    #[default]
    Ns,
    /// "2026-01-05T10:30:00.25Z", "2026-01-05 12:30:00.25+02:00"; without an offset in `time_zone`.
    Rfc3339,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Numbers {
    /// As written; more decimals than the store holds are an error.
    #[default]
    Decimal,
    /// Binary floats: taken as the nearest number with the store's decimals, where that changes them by less than a part in
    /// a million.
    Float,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RateUnit {
    #[default]
    Fraction,
    Percent,
}

fn default_min_feed_ms() -> f64 {
    1.0
}

fn default_max_jump_ms() -> f64 {
    60_000.0
}

fn default_true() -> bool {
    true
}

fn default_recorder() -> String {
    "recorder".to_string()
}

fn default_buy() -> Vec<String> {
    ["buy", "B", "bid"].map(str::to_string).to_vec()
}

fn default_sell() -> Vec<String> {
    ["sell", "S", "ask"].map(str::to_string).to_vec()
}

/// A map that was read, with its text for places in errors.
pub struct ReadMap {
    pub map: ImportMap,
    pub text: String,
}

impl ReadMap {
    pub fn read(path: &Path) -> Result<ReadMap, TapeError> {
        let text = std::fs::read_to_string(path).map_err(TapeError::io(path, "read the import map"))?;
        ReadMap::parse(path, text)
    }

    /// The map of a text; `path` is its name in messages.
    pub fn parse(path: &Path, text: String) -> Result<ReadMap, TapeError> {
        let failed = |what: String| TapeError::Map { path: path.to_path_buf(), what };
        let map: ImportMap = toml::from_str(&text).map_err(|e| failed(e.to_string().trim_end().to_string()))?;
        if map.file.is_empty() && map.archive.is_empty() {
            return Err(failed("it names no files: wanted [[file]], or [[archive]] for those of a preset".to_string()));
        }
        let read = ReadMap { map, text };
        read.validate(path)?;
        Ok(read)
    }

    pub fn validate(&self, path: &Path) -> Result<(), TapeError> {
        let map_says = |what: String| Err(TapeError::Map { path: path.to_path_buf(), what });
        if let Some(name) = self.map.columns.keys().find(|name| table_of(name).is_none()) {
            let what = format!("[columns.{name}]: there is no such table; accepted: {}", tables());
            return map_says(what);
        }
        if !(0.0..=60_000.0).contains(&self.map.min_feed_ms) {
            return map_says(format!("min_feed_ms is {}; accepted: 0 to 60000", self.map.min_feed_ms));
        }
        if !(1.0..=86_400_000.0).contains(&self.map.max_jump_ms) {
            return map_says(format!("max_jump_ms is {}; accepted: 1 to 86400000 (a day)", self.map.max_jump_ms));
        }
        let shifts: Vec<f64> = match &self.map.clock_shift_ms {
            None => Vec::new(),
            Some(Shift::One(ms)) => vec![*ms],
            Some(Shift::ByRecorder(by)) => {
                let recorders: BTreeSet<&str> = self.map.file.iter().map(|f| f.get_ref().recorder.as_str()).collect();
                if let Some(name) = by.keys().find(|name| !recorders.contains(name.as_str())) {
                    let there: Vec<&str> = recorders.into_iter().collect();
                    return map_says(format!(
                        "clock_shift_ms: no file has recorder '{name}'; there is: {}",
                        there.join(", ")
                    ));
                }
                by.values().copied().collect()
            }
        };
        if let Some(ms) = shifts.iter().find(|ms| !(-86_400_000.0..=86_400_000.0).contains(*ms)) {
            return map_says(format!("clock_shift_ms is {ms}; accepted: -86400000 to 86400000 (a day)"));
        }
        let mut named = Vec::new();
        for entry in &self.map.file {
            let file = entry.get_ref();
            let names = (&file.path, &file.member, &file.table, &file.venue, &file.symbol, &file.filter);
            let twice = || {
                let what = format!("[[file]] '{}' stands twice for one series", file.path);
                Err((what, "each file once".to_string()))
            };
            let legal = if named.contains(&names) { twice() } else { self.validate_file(file) };
            named.push(names);
            legal.map_err(|(what, accepted)| {
                let line = self.text[..entry.span().start].matches('\n').count() + 1;
                TapeError::MapEntry { path: path.to_path_buf(), line, what, accepted }
            })?;
        }
        Ok(())
    }

    fn validate_file(&self, file: &FileMap) -> Result<(), WrongEntry> {
        let refused = |what: String, accepted: String| Err((what, accepted));
        let Some(table) = table_of(&file.table) else {
            return refused(format!("[[file]] table is '{}'", file.table), tables());
        };
        let columns = self.columns(file);
        let mut known = accepted(table);
        if file.changes.is_some() {
            known = ["exch_ts", "recv_ts"].into_iter().chain(CHANGED).chain(["change"]).collect();
        }
        if let Some(name) = columns.keys().find(|name| !known.contains(name)) {
            return refused(format!("{} has no column '{name}'", file.table), known.join(", "));
        }
        let is_wide = table == Table::Depth && columns.values().any(|source| source.contains("{n}"));
        let required = match is_wide {
            true => &WIDE[..],
            false if file.changes.is_some() => &CHANGED[..],
            false => required(table),
        };
        if file.changes.is_some() && (is_wide || !matches!(table, Table::Quotes | Table::Depth)) {
            let what = format!("[[file]] '{}': changes of a book as rows of {}", file.path, file.table);
            return refused(what, "quotes or depth, with side, px, qty and change as columns".to_string());
        }
        if let Some(name) = file.skip_empty.iter().find(|name| !columns.contains_key(name.as_str())) {
            let named: Vec<&str> = columns.keys().copied().collect();
            return refused(format!("skip_empty names '{name}'"), named.join(", "));
        }
        if let Some(name) = columns.iter().find(|c| WIDE.contains(c.0) && is_wide && !c.1.contains("{n}")) {
            let what = format!("[[file]] '{}': {} of wide depth is '{}'", file.path, name.0, name.1);
            return refused(what, "a name with {n} where the number of the level stands: bid_px_{n}".to_string());
        }
        if let Some(name) = columns.keys().find(|name| {
            table == Table::Depth && file.changes.is_none() && WIDE.contains(name) != is_wide && !is_time(name)
        }) {
            let what = format!("[[file]] '{}': '{name}' does not go with the other columns", file.path);
            let wanted =
                "side, level, px, qty (a row a level), or bid_px, bid_qty, ask_px, ask_qty with {n} (a row a book)";
            return refused(what, wanted.to_string());
        }
        if let Some(name) = required.iter().find(|name| !columns.contains_key(*name)) {
            let what = format!("[[file]] '{}': no column is named for {name}", file.path);
            return refused(what, format!("{name} under columns, or under [columns.{}]", file.table));
        }
        validate_times(file, table, &columns)?;
        if file.contract_face.is_some() && file.qty_factor != Factor::default() {
            let what = "contract_face and qty_factor stand together".to_string();
            return refused(
                what,
                "contract_face for contracts of so much money, or qty_factor for contracts of so many coins"
                    .to_string(),
            );
        }
        if let Some(mark) = file.delimiter.filter(|mark| !mark.is_ascii()) {
            return refused(format!("delimiter is '{mark}'"), "one ASCII character".to_string());
        }
        if file.feed_latency_ms.is_some_and(|ms| !(0.0..=60_000.0).contains(&ms)) {
            return refused("feed_latency_ms is out of range".to_string(), "0 to 60000".to_string());
        }
        Ok(())
    }

    /// Store column -> source column of one file.
    pub fn columns<'a>(&'a self, file: &'a FileMap) -> BTreeMap<&'a str, &'a str> {
        // a preset's files name all of theirs
        let shared = self.map.columns.get(&file.table).filter(|_| file.preset.is_none());
        let mut columns: BTreeMap<&str, &str> = BTreeMap::new();
        if let Columns::InOrder(names) = &file.columns {
            // a column that bears a name of the store needs no entry
            let known = table_of(&file.table).map(accepted).unwrap_or_default();
            columns.extend(names.iter().map(|name| (name.as_str(), name.as_str())).filter(|n| known.contains(&n.0)));
        }
        let own = match &file.columns {
            Columns::Named(own) => Some(own),
            Columns::InOrder(_) => None,
        };
        for (store, source) in shared.into_iter().chain(own).flatten() {
            // "bid_px_{n}" = "bid_px_{n}" says it of both sides
            columns.insert(store.strip_suffix("_{n}").unwrap_or(store), source);
        }
        // an empty name takes a shared column away
        columns.retain(|_, source| !source.is_empty());
        columns
    }
}

/// What was found in an entry of a map, and what is accepted.
type WrongEntry = (String, String);

/// Interval and clocks of a file.
fn validate_times(file: &FileMap, table: Table, columns: &BTreeMap<&str, &str>) -> Result<(), WrongEntry> {
    let refused = |what: String, accepted: String| Err((what, accepted));
    let hours = file.interval_hours.is_some() || columns.contains_key("interval_hours");
    if table == Table::Funding && !hours {
        let what = format!("[[file]] '{}': the funding interval is not given", file.path);
        return refused(what, "interval_hours as a column or as a number".to_string());
    }
    let clocks = ["exch_ts", "recv_ts"].iter().filter(|c| columns.contains_key(*c)).count();
    if table != Table::Funding && (clocks == 0 || (clocks == 1 && file.feed_latency_ms.is_none())) {
        let what = format!("[[file]] '{}': {clocks} of the two clocks are named", file.path);
        return refused(what, "exch_ts and recv_ts, or one of them and feed_latency_ms".to_string());
    }
    if let TimeUnits::ByColumn(units) = &file.time_unit
        && let Some(name) = units.keys().find(|name| !is_time(name) || !columns.contains_key(name.as_str()))
    {
        let times: Vec<&str> = columns.keys().copied().filter(|name| is_time(name)).collect();
        return refused(format!("time_unit names '{name}'"), times.join(", "));
    }
    Ok(())
}

fn tables() -> String {
    Table::ALL.map(Table::name).join(", ")
}

pub fn table_of(name: &str) -> Option<Table> {
    Table::ALL.into_iter().find(|t| t.name() == name)
}

/// Columns of files whose rows are changes of a book.
const CHANGED: [&str; 3] = ["px", "qty", "side"];

/// Columns of depth with a row a book: their sources bear the number of the level.
pub const WIDE: [&str; 4] = ["ask_px", "ask_qty", "bid_px", "bid_qty"];

pub fn is_time(column: &str) -> bool {
    matches!(column, "exch_ts" | "recv_ts" | "ts")
}

/// Columns that a file of the table may name.
fn accepted(table: Table) -> Vec<&'static str> {
    let mut names = table.columns().to_vec();
    if table == Table::Depth {
        names.extend(WIDE);
    }
    names
}

/// Columns without which a table makes no sense. (Sizes may be absent: then they are not known.)
pub fn required(table: Table) -> &'static [&'static str] {
    match table {
        Table::Quotes => &["bid_px", "ask_px"],
        Table::Trades | Table::GapTrades => &["px", "qty", "taker_side"],
        Table::Depth => &["side", "level", "px", "qty"],
        // no map brings bars in
        Table::Marks | Table::Bars => &[],
        Table::Funding => &["ts", "rate"],
    }
}
