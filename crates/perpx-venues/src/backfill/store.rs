//! The store that backfilled rows become part of: what it had of other series and other times stays. That of a recorder keeps them
//! beside its own rows, which win.

use super::BackfillError;
use super::endpoint::{PastRow, What};
use crate::record::compact::PLAYED;
use perpx_core::tape::rows::{FundingRow, VenueTables};
use perpx_core::units::Time;
use perpx_data::TapeError;
use perpx_data::store::{
    Backfilled, BarRow, Dataset, NumberedTrade, StoreFile, StorePath, StoreWriter, StoredRow, Table,
};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// What the program is called in a store that it made.
const TOOL: &str = "perpx-data backfill";

/// What places of markets that are played begin with.
pub const PLAYED_PLACE: &str = "played-";

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
    /// Of a recorder's store: `made_by` as it was.
    recorded: Option<Value>,
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
    /// What is at a path: nothing, what a backfill made, or what a recorder has.
    ///
    /// # Errors
    /// A store that something else made, which is left alone; one that cannot be read.
    pub fn open(path: &Path) -> Result<PastStore, BackfillError> {
        let (path, rows) = (path.to_path_buf(), BTreeMap::new());
        let mut store = PastStore { path, rows, provenance: Vec::new(), recorded: None };
        let there = StorePath::open(&store.path)?;
        let is_recorded = there.recorded().is_some();
        if !is_recorded {
            // what is no store, and not empty, is refused before anything is asked of a venue
            drop(StoreWriter::create(&store.path)?);
        }
        let Some(dataset) = Dataset::read(there.root())? else { return Ok(store) };
        let by = dataset.made_by["tool"].as_str().unwrap_or("something else").to_owned();
        if !is_recorded && !by.starts_with(TOOL) {
            return Err(BackfillError::Foreign { path: store.path, by });
        }
        store.provenance = backfilled_before(&dataset.made_by);
        store.recorded = is_recorded.then_some(dataset.made_by);
        let trades = if is_recorded { Table::GapTrades } else { Table::Trades };
        for (venue, symbol) in there.series_names()? {
            let rows = Rows {
                trades: all(&there, trades, (&venue, &symbol))?,
                bars: all(&there, Table::Bars, (&venue, &symbol))?,
                funding: all(&there, Table::Funding, (&venue, &symbol))?,
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
        let is_played = |made_by: &Value| made_by["clock"] == PLAYED;
        if self.recorded.as_ref().is_some_and(|made_by| is_played(made_by) != network.starts_with(PLAYED_PLACE)) {
            let by = format!("a recorder of another place than {network}");
            return Err(BackfillError::Foreign { path: self.path.clone(), by });
        }
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
    /// What a disk or a store refuses; another backfill of a recorder's store that ended meanwhile.
    pub fn write(mut self) -> Result<(), BackfillError> {
        let key = |of: &Value| ["venue", "symbol", "what", "endpoint", "from", "to"].map(|key| of[key].to_string());
        self.provenance.sort_by_key(key);
        match self.recorded.take() {
            Some(made_by) => self.write_beside(&made_by),
            None => Ok(self.write_alone()?),
        }
    }

    /// Into a recorder's store.
    fn write_beside(mut self, made_by: &Value) -> Result<(), BackfillError> {
        let mut store = Backfilled::begin(&self.path)?;
        if store.made_by()["backfill"] != made_by["backfill"] {
            return Err(BackfillError::Overtaken { path: self.path });
        }
        for ((venue, symbol), rows) in &self.rows {
            let funding = store.funding(venue, symbol, &rows.funding)?;
            let trades = store.trades(venue, symbol, &rows.trades)?;
            store.bars(venue, symbol, &rows.bars)?;
            for (what, times) in [(What::Funding, funding), (What::Trades, trades)] {
                let of = |known: &&mut Value| {
                    known["venue"] == *venue && known["symbol"] == *symbol && known["what"] == what.word()
                };
                for known in self.provenance.iter_mut().filter(of) {
                    let time = |key: &str| known[key].as_str().and_then(|text| text.parse::<Time>().ok());
                    let is_within = |at: &&Time| time("from") <= Some(**at) && time("to") > Some(**at);
                    let before = known["recorded_too"].as_u64().unwrap_or(0);
                    known["recorded_too"] = json!(before + times.iter().filter(is_within).count() as u64);
                }
            }
        }
        Ok(store.commit(json!(self.provenance))?)
    }

    fn write_alone(self) -> Result<(), TapeError> {
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

fn backfilled_before(made_by: &Value) -> Vec<Value> {
    made_by["backfill"].as_array().cloned().unwrap_or_default()
}

/// All backfilled rows of a series.
fn all<R: StoredRow>(store: &StorePath, table: Table, (venue, symbol): (&str, &str)) -> Result<Vec<R>, TapeError> {
    let mut rows = Vec::new();
    for (_, path) in store.files(table, venue, symbol)? {
        if store.recorded().is_some() && !store.is_backfilled(&path) {
            continue;
        }
        let file = StoreFile::open::<R>(&path)?;
        file.each_batch(0..file.groups().len(), |batch| rows.extend(batch))?;
    }
    Ok(rows)
}
