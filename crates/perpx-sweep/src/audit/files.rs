//! The files of a run and of the store, read by their columns' names.

use super::AuditError;
use crate::results::reader::{self, RunTable};
use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{DataType, Decimal128Type, Int64Type, TimestampNanosecondType};
use perpx_core::audit::{Entry, Kind, LINES, Settled};
use perpx_core::tape::rows::{FundingKind, FundingRow};
use perpx_data::TapeError;
use perpx_data::store::{StoreFile, StorePath, Table};
use std::collections::BTreeMap;
use std::path::Path;

fn batches(path: &Path) -> Result<Vec<RecordBatch>, AuditError> {
    let wrong = |what: String| AuditError::File { path: path.to_path_buf(), what };
    let reader = reader::open(path).map_err(wrong)?.build().map_err(|error| wrong(error.to_string()))?;
    reader.collect::<Result<_, _>>().map_err(|error| wrong(error.to_string()))
}

/// One batch with its columns found by name.
struct Columns<'a> {
    path: &'a Path,
    batch: &'a RecordBatch,
}

impl Columns<'_> {
    fn column(&self, name: &str) -> Result<&dyn Array, AuditError> {
        let missing =
            || AuditError::File { path: self.path.to_path_buf(), what: format!("there is no column '{name}'") };
        Ok(self.batch.column_by_name(name).ok_or_else(missing)?.as_ref())
    }

    fn word(&self, name: &str, row: usize) -> Result<String, AuditError> {
        let column = self.column(name)?;
        let value = column.as_string_opt::<i32>().filter(|c| c.is_valid(row)).map(|c| c.value(row).to_string());
        Ok(value.unwrap_or_default())
    }

    /// A whole number or a decimal in its own scale; null is `None`.
    fn number(&self, name: &str, row: usize) -> Result<Option<i128>, AuditError> {
        let column = self.column(name)?;
        if column.is_null(row) {
            return Ok(None);
        }
        Ok(match column.data_type() {
            DataType::Decimal128(..) => Some(column.as_primitive::<Decimal128Type>().value(row)),
            DataType::Decimal64(..) => {
                Some(i128::from(column.as_primitive::<arrow::datatypes::Decimal64Type>().value(row)))
            }
            DataType::Timestamp(..) => {
                column.as_primitive_opt::<TimestampNanosecondType>().map(|c| i128::from(c.value(row)))
            }
            DataType::Int64 => Some(i128::from(column.as_primitive::<Int64Type>().value(row))),
            DataType::Boolean => Some(i128::from(column.as_boolean().value(row))),
            _ => None,
        })
    }
}

/// All rows of trades.parquet, in their order.
pub(super) fn entries(path: &Path) -> Result<Vec<Entry>, AuditError> {
    let mut out = Vec::new();
    for batch in &batches(path)? {
        let at = Columns { path, batch };
        for row in 0..batch.num_rows() {
            let number = |name: &str| Ok::<i128, AuditError>(at.number(name, row)?.unwrap_or(0));
            let kind = match at.word("kind", row)?.as_str() {
                "capital" => Kind::Capital,
                "fill" => Kind::Fill,
                "funding" => Kind::Funding,
                "liquidation" => Kind::Liquidation,
                "transfer" => Kind::Transfer,
                "transition" => Kind::Transition,
                "money" => Kind::Money,
                other => {
                    let what = format!("row {row}: no such kind of entry: '{other}'");
                    return Err(AuditError::File { path: path.to_path_buf(), what });
                }
            };
            let mut lines = [0; LINES.len()];
            for (line, name) in lines.iter_mut().zip(LINES) {
                *line = number(&format!("pnl_{name}"))?;
            }
            out.push(Entry {
                symbol: at.word("symbol", row)?,
                id: at.word("id", row)?,
                world: at.word("world_id", row)?,
                run: at.word("run", row)?,
                seq: number("seq")? as u32,
                trade: number("trade")? as u32,
                kind,
                venue: at.word("venue", row)?,
                role: at.word("role", row)?,
                venue_time: number("venue_time")? as i64,
                side: at.word("side", row)?,
                price: number("price")?,
                qty: number("qty")?,
                maker: number("maker")? != 0,
                fee: number("fee")?,
                amount: number("amount")?,
                rate: number("rate")?,
                lost: number("lost")?,
                grid: number("money_grid")?,
                maker_rate: number("maker_rate")?,
                taker_rate: number("taker_rate")?,
                mid: number("mid")?,
                met: number("mid_at_match")?,
                equity: at.number("equity", row)?,
                lines,
                pnl: number("pnl")?,
            });
        }
    }
    Ok(out)
}

/// (symbol, id, run) -> the last equity of equity.parquet, 1e-19.
pub(super) fn last_equity(path: &Path) -> Result<BTreeMap<(String, String, String), i128>, AuditError> {
    let mut out = BTreeMap::new();
    for batch in &batches(path)? {
        let at = Columns { path, batch };
        for row in 0..batch.num_rows() {
            let key = (at.word("symbol", row)?, at.word("id", row)?, at.word("run", row)?);
            if let Some(equity) = at.number("equity", row)? {
                out.insert(key, equity);
            }
        }
    }
    Ok(out)
}

/// (symbol, id, run) -> trade -> what its episodes of legging cost, 1e-19.
pub(super) type Legging = BTreeMap<(String, String, String), BTreeMap<u32, i128>>;

/// What legging.parquet says.
pub(super) fn legging(path: &Path) -> Result<Legging, AuditError> {
    let mut out = Legging::new();
    for batch in &batches(path)? {
        let at = Columns { path, batch };
        for row in 0..batch.num_rows() {
            let key = (at.word("symbol", row)?, at.word("id", row)?, at.word("run", row)?);
            let trade = at.number("trade", row)?.unwrap_or(0) as u32;
            *out.entry(key).or_default().entry(trade).or_default() += at.number("cost", row)?.unwrap_or(0);
        }
    }
    Ok(out)
}

/// What results.parquet says of a run: its net pnl, then its lines in the order of [`LINES`].
pub(super) const RESULTS: [&str; 1 + LINES.len()] = [
    "net_pnl",
    "pnl_price",
    "pnl_spread",
    "pnl_legging",
    "pnl_slippage",
    "fees",
    "rebates",
    "funding",
    "pnl_liquidation",
    "pnl_transfer",
    "pnl_rounding",
];

/// (symbol, id, world, run) -> values of [`RESULTS`].
pub(super) type Results = BTreeMap<(String, String, String, String), [Option<f64>; RESULTS.len()]>;

/// What results.parquet says.
pub(super) fn results(path: &Path) -> Result<Results, AuditError> {
    let runs = [("in sample", ""), ("held out", "oos_")]
        .map(|(run, prefix)| (run, RESULTS.map(|name| format!("{prefix}{name}"))));
    let mut names = vec!["symbol", "id", "world_id"];
    names.extend(runs.iter().flat_map(|(_, names)| names).map(String::as_str));
    let table = RunTable::read(path, &names, None)?;
    let [symbols, ids, worlds] = [table.words("symbol")?, table.words("id")?, table.words("world_id")?];
    let mut out = Results::new();
    for (run, names) in &runs {
        let columns = names.iter().map(|name| table.numbers(name)).collect::<Result<Vec<_>, _>>()?;
        for (row, ((symbol, id), world)) in symbols.iter().zip(&ids).zip(&worlds).enumerate() {
            let [symbol, id, world] = [symbol, id, world].map(|word| word.clone().unwrap_or_default());
            out.insert((symbol, id, world, run.to_string()), std::array::from_fn(|at| columns[at][row]));
        }
    }
    Ok(out)
}

/// The settled rates of a venue in the store, by time: of every file that the loader opens, read as it reads them.
pub(super) fn settled(store: &Path, venue: &str, symbol: &str) -> Result<Vec<Settled>, AuditError> {
    let wrong = |error: TapeError| AuditError::File { path: store.to_path_buf(), what: error.to_string() };
    let mut out = BTreeMap::new();
    for (_, path) in StorePath::new(store).and_then(|s| s.files(Table::Funding, venue, symbol)).map_err(wrong)? {
        let file = StoreFile::open::<FundingRow>(&path).map_err(wrong)?;
        for batch in file.read::<FundingRow>(0..file.groups().len()).map_err(wrong)? {
            let batch = batch.map_err(wrong)?;
            let unfit = |i: usize| batch.faults.iter().any(|fault| fault.0 == i);
            let rows = batch.rows.iter().enumerate().filter(|(i, row)| row.kind == FundingKind::Settled && !unfit(*i));
            for (_, row) in rows {
                out.entry(row.ts.0).or_insert(i128::from(row.rate.0));
            }
        }
    }
    Ok(out.into_iter().map(|(ts, rate)| Settled { ts, rate }).collect())
}
