//! Is a store fit for a replay? Reads all of it and lists everything at once: what a replay refuses (errors), and what a
//! user should know before believing a result (holes, stale stretches, clocks, missing tables).

mod coverage;
mod series;
mod text;

#[cfg(test)]
mod tests;

use crate::TapeError;
use crate::loader::spec::{OnBadRows, TapeSpec, VenueQuality};
use crate::profiles;
use crate::store::{BarRow, Dataset, DepthLevelRow, NumberedTrade, Recorded, RecordedGap, StorePath, Table};
use crate::text::{count, counted, duration};
pub use coverage::PairCheck;
use perpx_core::config::{Missing, Profile, base_asset};
use perpx_core::market::FundingPrice;
use perpx_core::tape::rows::{FundingRow, MarkRow, QuoteRow};
use perpx_core::units::{HOUR, MINUTE, NS, SECOND, Time, TimeDelta};
use serde::Serialize;
pub use series::{Delays, Problem, STALE, StaleRun, TableCheck};
use std::collections::BTreeMap;
use std::path::Path;

/// A recorder has read the settlements of an hour when it has been over for so long.
const UNREAD: TimeDelta = MINUTE.times(5);

/// Everything that was found in a store.
#[derive(Clone, Debug, Serialize)]
pub struct CheckReport {
    /// Its folder.
    pub store: String,
    /// By venue and symbol, then table.
    pub tables: Vec<TableCheck>,
    /// By symbol: how well two venues cover each other.
    pub pairs: Vec<PairCheck>,
    /// Faults of the store as a whole: dataset.json, files that it lists and that are gone.
    pub store_errors: Vec<String>,
    /// What a sweep over all of a venue's series refuses though each row is sound: marks or funding that are missing.
    pub refused: Vec<String>,
    /// What a replay takes, and a user should know.
    pub warnings: Vec<String>,
    /// The age above which a quote counts as stale.
    pub stale: TimeDelta,
    /// `made_by` of dataset.json.
    pub made_by: serde_json::Value,
}

/// What a store is good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// A replay takes every row, and two venues quote one symbol at the same time.
    Fit,
    /// A replay would take every row, but there is nothing to sweep: no two venues quote one symbol at the same time.
    Alone,
    /// A replay refuses something.
    Unfit,
}

impl Verdict {
    /// 0 fit, 2 not fit, 3 sound but nothing to sweep.
    pub fn exit_code(self) -> u8 {
        match self {
            Verdict::Fit => 0,
            Verdict::Unfit => 2,
            Verdict::Alone => 3,
        }
    }
}

impl CheckReport {
    /// What the store is good for, after all that was found.
    pub fn verdict(&self) -> Verdict {
        if !self.store_errors.is_empty() || self.tables.iter().any(|t| !t.problems.is_empty()) {
            Verdict::Unfit
        } else if self.pairs.iter().all(|pair| pair.minutes_both == 0) {
            Verdict::Alone
        } else if self.refused.is_empty() {
            Verdict::Fit
        } else {
            Verdict::Unfit
        }
    }

    /// The report with a warning for each profile of its venues that was read long before `today`.
    pub fn hold_profiles_against(mut self, today: Time) -> CheckReport {
        let profiles = profiles::known().unwrap_or_else(|error| {
            self.warnings.push(error.to_string());
            Profile::shipped().unwrap_or_default()
        });
        for table in &self.tables {
            let coin = base_asset(&table.symbol);
            let of_venue = Profile::of(&profiles, &table.venue, &coin);
            let aged = of_venue.and_then(|profile| profile.aged(&coin, None, today));
            let doubts = of_venue.and_then(Profile::foreign).into_iter().chain(aged);
            for text in doubts {
                if !self.warnings.contains(&text) {
                    self.warnings.push(text);
                }
            }
        }
        self
    }

    /// The report as a user reads it in so many columns.
    pub fn text(&self, width: usize) -> String {
        text::report(self, width)
    }
}

/// What a sweep's strategy file says of missing data.
#[derive(Clone, Copy, Debug)]
pub struct MissingKeys {
    /// `funding.missing`.
    pub funding: Missing,
    /// `marks.missing`.
    pub marks: Missing,
}

impl Default for MissingKeys {
    fn default() -> MissingKeys {
        MissingKeys { funding: Missing::Refuse, marks: Missing::Refuse }
    }
}

/// Checks the store `root`, or only one symbol of it, as a sweep with these keys over all of it would. `stale`: the age
/// above which a quote is stale, such as [`STALE`].
pub fn check(root: &Path, symbol: Option<&str>, stale: TimeDelta, keys: MissingKeys) -> Result<CheckReport, TapeError> {
    let (store, names) = StorePath::with_series(root)?;
    let wanted: Vec<&(String, String)> = names.iter().filter(|n| symbol.is_none_or(|s| s == n.1)).collect();
    if wanted.is_empty() {
        return Err(TapeError::NoSeries {
            path: store.root().to_path_buf(),
            wanted: wanted_name(&names, symbol),
            found: names.iter().map(|n| format!("{}/{}", n.0, n.1)).collect::<Vec<_>>().join(", "),
        });
    }
    let (mut store_errors, mut refused, mut warnings) = (Vec::new(), Vec::new(), Vec::new());
    let made_by = match Dataset::read(store.root()) {
        Ok(Some(dataset)) => {
            let (gone, changed) = changed_files(&store, &dataset)?;
            store_errors.extend(gone);
            warnings.extend(changed);
            dataset.made_by
        }
        Ok(None) => {
            warnings.push("there is no dataset.json: how this store was made is not known".to_string());
            serde_json::Value::Null
        }
        Err(e) => {
            store_errors.push(e.to_string());
            serde_json::Value::Null
        }
    };
    let mut tables = Vec::new();
    let mut missing: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for (venue, symbol) in &wanted {
        let found = [
            series::check_table::<QuoteRow>(&store, venue, symbol, stale)?,
            series::check_table::<NumberedTrade>(&store, venue, symbol, stale)?,
            series::check_table::<DepthLevelRow>(&store, venue, symbol, stale)?,
            series::check_table::<MarkRow>(&store, venue, symbol, stale)?,
            series::check_table::<FundingRow>(&store, venue, symbol, stale)?,
            series::check_table::<BarRow>(&store, venue, symbol, stale)?,
        ];
        warnings.extend(found.iter().flatten().flat_map(|t| t.warnings(stale)));
        for (table, checked) in Table::ALL.iter().zip(&found) {
            if checked.as_ref().is_none_or(|t| t.rows == 0)
                && let Some(warning) = missing_table(*table)
            {
                missing.entry(warning).or_default().push(format!("{venue}/{symbol}"));
            }
        }
        let judged = judged(&store, (venue, symbol), &found, keys)?;
        refused.extend(judged.0);
        warnings.extend(judged.1);
        tables.extend(found.into_iter().flatten());
    }
    warnings.extend(missing.into_iter().map(|(warning, places)| format!("{}: {warning}", places.join(", "))));
    warnings.extend(recorded_gaps(&store, symbol));
    warnings.extend(backfilled(&made_by, symbol));
    let pairs = coverage::pairs(&store, &tables, stale)?;
    warnings.extend(pairs.iter().flat_map(PairCheck::warnings));
    let store = store.root().display().to_string();
    Ok(CheckReport { store, tables, pairs, store_errors, refused, warnings, stale, made_by })
}

/// What a sweep over all of a venue's series refuses, by its own loader, each refusal as if those before it were lifted; and
/// what a user should know of the rest. Bad rows and files are found by the tables' own checks. A recording that ended before the
/// settlement of its last hour was read is judged up to there.
fn judged(
    store: &StorePath,
    (venue, symbol): (&str, &str),
    tables: &[Option<TableCheck>],
    keys: MissingKeys,
) -> Result<(Vec<String>, Vec<String>), TapeError> {
    let (mut refused, mut unread) = (Vec::new(), None);
    let quotes = tables.iter().flatten().find(|t| t.table == Table::Quotes.name());
    let Some((first, last)) = quotes.and_then(|t| t.first.zip(t.last)) else {
        return Ok((refused, Vec::new()));
    };
    let hour = last.floor_to(HOUR);
    let may_end_there = store.recorded().is_some() && last.since(hour) < UNREAD && first < hour;
    let pays_on_index = Profile::shipped()
        .ok()
        .into_iter()
        .flatten()
        .any(|profile| profile.name == venue && profile.funding_price == FundingPrice::Index);
    let mut spec = TapeSpec {
        on_bad_rows: OnBadRows::Drop,
        funding_missing: keys.funding,
        marks_missing: keys.marks,
        needs_index: [pays_on_index; 2],
        ..TapeSpec::new(store.root(), symbol, [venue, venue], first, last.plus(NS))
    };
    loop {
        match crate::loader::scan::judge(store, &spec) {
            Ok(mut quality) => {
                // what was lifted to look further is refused, and not filled
                if spec.funding_missing != keys.funding {
                    quality.funding_filled.clear();
                }
                if spec.marks_missing != keys.marks {
                    quality.marks_filled.clear();
                }
                let warnings = filled(&quality, symbol).into_iter().chain(unread);
                return Ok((refused, warnings.collect()));
            }
            Err(TapeError::FundingMissing { .. }) if may_end_there && spec.to > hour => {
                spec.to = hour;
                unread = Some(format!(
                    "{venue}/{symbol}: the recording ended {} after {hour}, before the settlement of then was read: it is whole up \
                     to there, and whoever records on into its folder reads it",
                    duration(last.since(hour).as_f64(SECOND))
                ));
            }
            Err(error @ TapeError::MarksMissing { .. }) if spec.marks_missing != Missing::Mid => {
                refused.push(error.to_string());
                spec.marks_missing = Missing::Mid;
            }
            Err(error @ TapeError::FundingMissing { .. }) if spec.funding_missing != Missing::Zero => {
                refused.push(error.to_string());
                spec.funding_missing = Missing::Zero;
            }
            Err(error) => {
                if tables.iter().flatten().all(|t| t.problems.is_empty()) {
                    refused.push(error.to_string());
                }
                return Ok((refused, Vec::new()));
            }
        }
    }
}

/// What the recorder of the store knows to be missing: all of it together for each table, and the longest.
fn recorded_gaps(store: &StorePath, symbol: Option<&str>) -> Vec<String> {
    let mut by_table: BTreeMap<String, Vec<RecordedGap>> = BTreeMap::new();
    for gap in store.recorded().map(Recorded::gaps).unwrap_or_default() {
        if symbol.is_none_or(|symbol| symbol == gap.symbol) {
            by_table.entry(format!("{}/{} {}", gap.venue, gap.symbol, gap.table)).or_default().push(gap);
        }
    }
    let text = |(place, gaps): (String, Vec<RecordedGap>)| {
        let all: TimeDelta = gaps.iter().map(RecordedGap::length).sum();
        let longest = gaps.iter().max_by_key(|gap| gap.length())?;
        let (count, all) = (counted(gaps.len() as u64, "gap"), duration(all.as_f64(SECOND)));
        let known = gaps.iter().filter(|gap| gap.known).count();
        let known = if known > 0 { format!("; the trades of {known} are in trades_gap") } else { String::new() };
        Some(format!("{place}: {count} of the recording, {all} in all{known}; the longest: {longest}"))
    };
    by_table.into_iter().filter_map(text).collect()
}

/// What a store lacks that was made of a venue's own past: `made_by.backfill`.
fn backfilled(made_by: &serde_json::Value, symbol: Option<&str>) -> Vec<String> {
    let series = made_by["backfill"].as_array().into_iter().flatten();
    let mut out = Vec::new();
    for of in series.filter(|of| symbol.is_none_or(|symbol| of["symbol"] == symbol)) {
        let text = |key: &str| of[key].as_str().unwrap_or_default();
        let place = format!("{}/{} {}", text("venue"), text("symbol"), text("what"));
        if let Some(twice) = of["recorded_too"].as_u64() {
            let rows = counted(of["rows"].as_u64().unwrap_or(0), "row");
            let where_to = if of["what"] == "trades" { ", among the trades of gaps" } else { "" };
            out.push(format!(
                "{place}: the venue told {rows} afterwards{where_to}; {} of them are recorded, and the recorded ones count",
                count(twice)
            ));
        } else if of["what"] == "trades" {
            out.push(format!(
                "{place}: told by the venue afterwards; nobody received them when they happened, and recv_ts = exch_ts"
            ));
        }
        let holes = of["holes"].as_array().map_or(&[][..], Vec::as_slice);
        if let Some(first) = holes.first() {
            let [from, to] = ["from", "to"].map(|key| first[key].as_str().unwrap_or_default());
            let count = counted(of["holes_in_all"].as_u64().unwrap_or(0), "hole");
            out.push(format!("{place}: the venue's answers have {count}, the first from {from} to {to}"));
        }
    }
    // several kinds of bars lack the same
    out.dedup();
    out
}

/// What keys for missing data, and sizes that are not known, make of a venue.
fn filled(quality: &VenueQuality, symbol: &str) -> Vec<String> {
    let mut out = Vec::new();
    let place = format!("{}/{symbol}", quality.venue);
    if !quality.funding_filled.is_empty() {
        out.push(format!("{place}: missing funding is filled by {}", quality.funding_filled));
    }
    if !quality.marks_filled.is_empty() {
        out.push(format!("{place}: missing marks are filled by {}", quality.marks_filled));
    }
    out.extend(quality.without_sizes());
    out
}

/// The symbol that was asked for, and the one that was meant.
fn wanted_name(names: &[(String, String)], symbol: Option<&str>) -> String {
    let Some(symbol) = symbol else { return "any symbol".to_string() };
    match names.iter().find(|(_, known)| known.eq_ignore_ascii_case(symbol)) {
        Some((_, known)) => format!("{symbol} ({known} is there: names are told apart by case)"),
        None => symbol.to_string(),
    }
}

fn missing_table(table: Table) -> Option<&'static str> {
    match table {
        Table::Quotes => Some("no quotes: this venue cannot be replayed"),
        Table::Trades => Some("no trades: passive orders fill by quotes alone"),
        // what lacks of these is refused, or filled by a key, and said there
        Table::Depth | Table::Marks | Table::Funding | Table::GapTrades | Table::Bars => None,
    }
}

/// Files that dataset.json lists and that are gone, and those whose contents are no longer the listed ones.
fn changed_files(store: &StorePath, dataset: &Dataset) -> Result<(Vec<String>, Vec<String>), TapeError> {
    let (mut gone, mut changed) = (Vec::new(), Vec::new());
    for entry in &dataset.files {
        let path = store.root().join(&entry.path);
        if !path.is_file() {
            gone.push(TapeError::ListedAndGone { path }.to_string());
        } else if blake3::Hash::from(crate::loader::load::hash_file(&path)?).to_hex().as_str() != entry.blake3 {
            changed.push(format!("{}: its contents are not those that dataset.json lists", path.display()));
        }
    }
    Ok((gone, changed))
}
