//! What a store holds, from its folders and footers alone.

use super::TapeError;
use super::check::grid;
use super::rows::{FundingRow, MarkRow, QuoteRow, TradeRow};
use super::store::{Dataset, DepthLevelRow, StoreFile, StorePath, StoredRow};
use std::fmt::Write;
use std::path::Path;

/// A summary of the store `root` as text.
pub fn info(root: &Path) -> Result<String, TapeError> {
    let store = StorePath::new(root)?;
    if !store.root().is_dir() {
        return Err(TapeError::NoStore { path: store.root().to_path_buf() });
    }
    let head = ["venue", "symbol", "table", "files", "rows", "bytes", "bytes a row", "first", "last"];
    let mut rows = vec![head.map(str::to_string).to_vec()];
    for (venue, symbol) in store.series_names()? {
        let lines = [
            line::<QuoteRow>(&store, &venue, &symbol)?,
            line::<TradeRow>(&store, &venue, &symbol)?,
            line::<DepthLevelRow>(&store, &venue, &symbol)?,
            line::<MarkRow>(&store, &venue, &symbol)?,
            line::<FundingRow>(&store, &venue, &symbol)?,
        ];
        rows.extend(lines.into_iter().flatten());
    }
    let mut out = format!("{}\n\n{}", store.root().display(), grid(&rows));
    match Dataset::read(store.root())? {
        Some(dataset) => {
            let made_by = serde_json::to_string_pretty(&dataset.made_by).unwrap_or_default();
            let _ = write!(out, "\nschema version {}\nmade by {made_by}\n", dataset.schema_version);
        }
        None => out += "\nno dataset.json: how this store was made is not known\n",
    }
    Ok(out)
}

fn line<R: StoredRow>(store: &StorePath, venue: &str, symbol: &str) -> Result<Option<Vec<String>>, TapeError> {
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
    let time = |t: Option<crate::units::Time>| t.map_or("-".to_string(), |t| t.to_string());
    Ok(Some(vec![
        venue.to_string(),
        symbol.to_string(),
        R::TABLE.name().to_string(),
        found.len().to_string(),
        rows.to_string(),
        bytes.to_string(),
        format!("{:.1}", bytes as f64 / (rows.max(1)) as f64),
        time(first),
        time(last),
    ]))
}
