//! Is a store fit for a replay? Reads all of it and lists everything at once: what a replay refuses (errors), and what a
//! user should know before believing a result (holes, stale stretches, clocks, missing tables).

mod coverage;
mod series;
mod text;

#[cfg(test)]
mod tests;

use super::TapeError;
use super::rows::{FundingRow, MarkRow, QuoteRow};
use super::store::{Dataset, DepthLevelRow, NumberedTrade, StorePath, Table};
pub use coverage::PairCheck;
use serde::Serialize;
pub use series::{Delays, Problem, STALE_NS, StaleRun, TableCheck};
use std::collections::BTreeMap;
use std::path::Path;

/// Everything that was found in a store.
#[derive(Clone, Debug, Serialize)]
pub struct CheckReport {
    pub store: String,
    /// By venue and symbol, then table.
    pub tables: Vec<TableCheck>,
    /// By symbol: how well two venues cover each other.
    pub pairs: Vec<PairCheck>,
    /// Faults of the store as a whole: dataset.json, contents that changed since.
    pub store_errors: Vec<String>,
    /// What a replay takes, and a user should know.
    pub warnings: Vec<String>,
    /// The age above which a quote counts as stale.
    pub stale_ns: i64,
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
    /// A replay takes every row with the policies for missing funding and marks that the warnings name.
    pub fn verdict(&self) -> Verdict {
        if !self.store_errors.is_empty() || self.tables.iter().any(|t| !t.problems.is_empty()) {
            Verdict::Unfit
        } else if self.pairs.iter().any(|pair| pair.minutes_both > 0) {
            Verdict::Fit
        } else {
            Verdict::Alone
        }
    }

    /// The report as a user reads it in so many columns.
    pub fn text(&self, width: usize) -> String {
        text::report(self, width)
    }
}

/// Checks the store `root`, or only one symbol of it. `stale_ns`: the age above which a quote is stale, such as
/// [`STALE_NS`].
pub fn check(root: &Path, symbol: Option<&str>, stale_ns: i64) -> Result<CheckReport, TapeError> {
    let store = StorePath::new(root)?;
    if !store.root().is_dir() {
        return Err(TapeError::NoStore { path: store.root().to_path_buf() });
    }
    let names = store.series_names()?;
    let wanted: Vec<&(String, String)> = names.iter().filter(|n| symbol.is_none_or(|s| s == n.1)).collect();
    if wanted.is_empty() {
        return Err(TapeError::NoSeries {
            path: store.root().to_path_buf(),
            wanted: symbol.unwrap_or("any symbol").to_string(),
            found: names.iter().map(|n| format!("{}/{}", n.0, n.1)).collect::<Vec<_>>().join(", "),
        });
    }
    let (mut store_errors, mut warnings) = (Vec::new(), Vec::new());
    let made_by = match Dataset::read(store.root()) {
        Ok(Some(dataset)) => {
            store_errors.extend(changed_files(&store, &dataset)?);
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
            series::check_table::<QuoteRow>(&store, venue, symbol, stale_ns)?,
            series::check_table::<NumberedTrade>(&store, venue, symbol, stale_ns)?,
            series::check_table::<DepthLevelRow>(&store, venue, symbol, stale_ns)?,
            series::check_table::<MarkRow>(&store, venue, symbol, stale_ns)?,
            series::check_table::<FundingRow>(&store, venue, symbol, stale_ns)?,
        ];
        warnings.extend(found.iter().flatten().flat_map(|t| t.warnings(stale_ns)));
        for (table, checked) in Table::ALL.iter().zip(&found) {
            if let (None, Some(warning)) = (checked, missing_table(*table)) {
                missing.entry(warning).or_default().push(format!("{venue}/{symbol}"));
            }
        }
        tables.extend(found.into_iter().flatten());
    }
    warnings.extend(missing.into_iter().map(|(warning, places)| format!("{}: {warning}", places.join(", "))));
    let pairs = coverage::pairs(&store, &tables, stale_ns)?;
    warnings.extend(pairs.iter().flat_map(PairCheck::warnings));
    let store = store.root().display().to_string();
    Ok(CheckReport { store, tables, pairs, store_errors, warnings, stale_ns, made_by })
}

fn missing_table(table: Table) -> Option<&'static str> {
    match table {
        Table::Quotes => Some("no quotes: this venue cannot be replayed"),
        Table::Trades => Some("no trades: passive orders fill by quotes alone"),
        Table::Depth => None,
        Table::Marks => Some("no marks: a replay needs marks.missing = zero or mid"),
        Table::Funding => Some("no funding: a replay needs funding.missing = zero"),
    }
}

/// Files whose contents are no longer those that dataset.json lists.
fn changed_files(store: &StorePath, dataset: &Dataset) -> Result<Vec<String>, TapeError> {
    let mut errors = Vec::new();
    for entry in &dataset.files {
        let path = store.root().join(&entry.path);
        if !path.is_file() {
            errors.push(format!("{}: dataset.json lists this file, and it is gone", path.display()));
        } else if blake3::Hash::from(super::load::hash_file(&path)?).to_hex().as_str() != entry.blake3 {
            errors.push(format!("{}: its contents are not those that dataset.json lists", path.display()));
        }
    }
    Ok(errors)
}
