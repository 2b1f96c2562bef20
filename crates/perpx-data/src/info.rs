//! What a store holds, from its folders and footers alone.

use crate::TapeError;
use crate::store::{Dataset, DepthLevelRow, Recorded, RecordedGap, StoreFile, StorePath, StoredRow};
use crate::text::{count, counted, table, wrap};
use perpx_core::tape::rows::{FundingRow, MarkRow, QuoteRow, TradeRow};
use perpx_core::units::Time;
use serde::Serialize;
use std::path::Path;

/// What a store holds.
#[derive(Clone, Debug, Serialize)]
pub struct StoreInfo {
    /// Its folder.
    pub store: String,
    /// By venue and symbol, then table.
    pub tables: Vec<TableInfo>,
    /// Of dataset.json, null without one.
    pub schema_version: Option<u32>,
    /// What the recorder of the store knows to be missing.
    pub recorded_gaps: Vec<RecordedGap>,
    /// `made_by` of dataset.json, null without one.
    pub made_by: serde_json::Value,
}

/// What one table of one venue and coin holds.
#[derive(Clone, Debug, Serialize)]
pub struct TableInfo {
    /// The store's name of it.
    pub venue: String,
    /// The store's name of the coin.
    pub symbol: String,
    /// quotes, trades, depth, marks or funding.
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
        ];
        tables.extend(found.into_iter().flatten());
    }
    let dataset = Dataset::read(store.root())?;
    Ok(StoreInfo {
        store: store.root().display().to_string(),
        tables,
        schema_version: dataset.as_ref().map(|d| d.schema_version),
        recorded_gaps: store.recorded().map(Recorded::gaps).unwrap_or_default(),
        made_by: dataset.map(|d| d.made_by).unwrap_or_default(),
    })
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
        format!("{}\n\n{}\n{}{}", self.store, table(&rows, width), wrap(&made, width), wrap(&gaps, width))
    }
}
