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
use std::path::Path;
pub(crate) use text::grid;

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
    /// `made_by` of dataset.json.
    pub made_by: serde_json::Value,
}

impl CheckReport {
    /// True when a replay would take every row (with the policies for missing funding and marks that warnings name).
    pub fn fit(&self) -> bool {
        self.store_errors.is_empty() && self.tables.iter().all(|t| t.problems.is_empty())
    }

    /// The report as a user reads it.
    pub fn text(&self) -> String {
        text::report(self)
    }
}

/// Checks the store `root`, or only one symbol of it.
pub fn check(root: &Path, symbol: Option<&str>) -> Result<CheckReport, TapeError> {
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
    for (venue, symbol) in &wanted {
        let found = [
            series::check_table::<QuoteRow>(&store, venue, symbol)?,
            series::check_table::<NumberedTrade>(&store, venue, symbol)?,
            series::check_table::<DepthLevelRow>(&store, venue, symbol)?,
            series::check_table::<MarkRow>(&store, venue, symbol)?,
            series::check_table::<FundingRow>(&store, venue, symbol)?,
        ];
        warnings.extend(found.iter().flatten().flat_map(|t| t.warnings()));
        for (table, checked) in Table::ALL.iter().zip(&found) {
            if let (None, Some(warning)) = (checked, missing_table(*table)) {
                warnings.push(format!("{venue}/{symbol}: {warning}"));
            }
        }
        tables.extend(found.into_iter().flatten());
    }
    let pairs = coverage::pairs(&store, &tables)?;
    warnings.extend(pairs.iter().flat_map(PairCheck::warnings));
    let store = store.root().display().to_string();
    Ok(CheckReport { store, tables, pairs, store_errors, warnings, made_by })
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
