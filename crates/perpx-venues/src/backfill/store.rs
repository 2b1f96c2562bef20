//! The store that backfilled rows become part of: what it had of other series and other times stays.

use super::BackfillError;
use super::endpoint::{PastRow, What};
use perpx_core::tape::rows::{FundingRow, VenueTables};
use perpx_core::units::Time;
use perpx_data::TapeError;
use perpx_data::store::{BarRow, Dataset, NumberedTrade, StoreFile, StorePath, StoreWriter, StoredRow};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// What the program is called in a store that it made.
const TOOL: &str = "perpx-data backfill";

/// Rows of one coin at one venue.
#[derive(Debug, Default)]
struct Rows {
    trades: Vec<NumberedTrade>,
    bars: Vec<BarRow>,
    funding: Vec<FundingRow>,
}

/// A store that is made of backfills, in memory.
#[derive(Debug)]
pub struct PastStore {
    path: PathBuf,
    /// By venue and symbol.
    rows: BTreeMap<(String, String), Rows>,
    /// What was asked for, a value an endpoint and span.
    provenance: Vec<Value>,
}

/// What a backfill adds.
#[derive(Clone, Copy, Debug)]
pub struct Of<'a> {
    /// The venue's name.
    pub venue: &'a str,
    /// The store's name of the coin.
    pub symbol: &'a str,
    /// Which rows.
    pub what: What,
    /// Within which time.
    pub span: (Time, Time),
}

impl PastStore {
    /// What is at a path: nothing, or what a backfill made.
    ///
    /// # Errors
    /// A store that something else made, which is left alone; one that cannot be read.
    pub fn open(path: &Path) -> Result<PastStore, BackfillError> {
        let mut store = PastStore { path: path.to_path_buf(), rows: BTreeMap::new(), provenance: Vec::new() };
        // what is no store, and not empty, is refused before anything is asked of a venue
        drop(StoreWriter::create(path)?);
        let there = StorePath::new(path)?;
        let Some(dataset) = Dataset::read(there.root())? else { return Ok(store) };
        let by = dataset.made_by["tool"].as_str().unwrap_or("something else").to_owned();
        if !by.starts_with(TOOL) {
            return Err(BackfillError::Foreign { path: path.to_path_buf(), by });
        }
        store.provenance = dataset.made_by["backfill"].as_array().cloned().unwrap_or_default();
        for (venue, symbol) in there.series_names()? {
            let rows = Rows {
                trades: all(&there, &venue, &symbol)?,
                bars: all(&there, &venue, &symbol)?,
                funding: all(&there, &venue, &symbol)?,
            };
            store.rows.insert((venue, symbol), rows);
        }
        Ok(store)
    }

    /// Rows of one venue are of one network.
    ///
    /// # Errors
    /// The store has some of another.
    pub fn only(&self, venue: &str, network: &str) -> Result<(), BackfillError> {
        let other = self.provenance.iter().find(|of| of["venue"] == venue && of["network"] != network);
        match other.and_then(|of| of["network"].as_str()) {
            Some(other) => Err(BackfillError::Foreign {
                path: self.path.clone(),
                by: format!("a backfill of {venue} from another place ({other})"),
            }),
            None => Ok(()),
        }
    }

    /// Puts rows in the place of those of the same kind and time.
    pub fn put(&mut self, of: Of<'_>, rows: impl IntoIterator<Item = PastRow>, provenance: Vec<Value>) {
        let is_outside = |at: Time| at < of.span.0 || at >= of.span.1;
        let there = self.rows.entry((of.venue.to_owned(), of.symbol.to_owned())).or_default();
        match of.what {
            What::Trades => there.trades.retain(|row| is_outside(row.row.exch)),
            What::Candles => there.bars.retain(|row| is_outside(row.open_ts)),
            What::Funding => there.funding.retain(|row| is_outside(row.ts)),
        }
        for row in rows {
            match row {
                PastRow::Trade(row) => there.trades.push(row),
                PastRow::Bar(row) => there.bars.push(row),
                PastRow::Funding(row) => there.funding.push(row),
            }
        }
        let named =
            [("venue", of.venue.to_owned()), ("symbol", of.symbol.to_owned()), ("what", of.what.word().to_owned())];
        let ends = [("from", of.span.0.to_string()), ("to", of.span.1.to_string())];
        let is_within = |known: &Value| {
            let time = |key: &str| known[key].as_str().and_then(|text| text.parse::<Time>().ok());
            time("from") >= Some(of.span.0) && time("to").is_some_and(|to| to <= of.span.1)
        };
        let same = |known: &Value, new: &Value| {
            ["venue", "symbol", "what", "endpoint"].iter().all(|key| known[key] == new[key]) && is_within(known)
        };
        for mut new in provenance {
            named.iter().chain(&ends).for_each(|(key, value)| new[key] = json!(value));
            self.provenance.retain(|known| !same(known, &new));
            self.provenance.push(new);
        }
    }

    /// Writes all of it; the store that was there is replaced when the new one is whole.
    ///
    /// # Errors
    /// What a disk or a store refuses.
    pub fn write(mut self) -> Result<(), TapeError> {
        let key = |of: &Value| ["venue", "symbol", "what", "endpoint", "from", "to"].map(|key| of[key].to_string());
        self.provenance.sort_by_key(key);
        let mut writer = StoreWriter::create(&self.path)?;
        for ((venue, symbol), mut rows) in self.rows {
            rows.trades.sort_by_key(|row| (row.row.recv, row.id));
            for of_day in rows.trades.chunk_by(|a, b| a.row.recv.day() == b.row.recv.day()) {
                writer.write_trades(&venue, &symbol, of_day[0].row.recv.day(), of_day)?;
            }
            rows.bars.sort_by_key(|row| (row.close_ts, row.kind, row.open_ts));
            for of_day in rows.bars.chunk_by(|a, b| a.close_ts.day() == b.close_ts.day()) {
                writer.write_bars(&venue, &symbol, of_day[0].close_ts.day(), of_day)?;
            }
            let funding = VenueTables { funding: rows.funding, ..VenueTables::default() };
            writer.write_day(&venue, &symbol, 0, &funding)?;
        }
        let tool = format!("{TOOL} {}", env!("CARGO_PKG_VERSION"));
        let about = "told by the venue afterwards: recv_ts is the venue's own time, nobody received these rows then";
        writer.finish(json!({ "tool": tool, "about": about, "backfill": self.provenance }))?;
        Ok(())
    }
}

/// All rows of a series.
fn all<R: StoredRow>(store: &StorePath, venue: &str, symbol: &str) -> Result<Vec<R>, TapeError> {
    let mut rows = Vec::new();
    for (_, path) in store.files(R::TABLE, venue, symbol)? {
        let file = StoreFile::open::<R>(&path)?;
        for batch in file.read::<R>(0..file.groups().len())? {
            let batch = batch?;
            if let Some((at, fault)) = batch.faults.into_iter().next() {
                return Err(file.bad_row(batch.first_row + at as u64, fault));
            }
            rows.extend(batch.rows);
        }
    }
    Ok(rows)
}
