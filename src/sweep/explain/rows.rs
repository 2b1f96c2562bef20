//! results.parquet read back: the rows of one configuration.

use crate::replay::LedgerHash;
use crate::stats::MetricInfo;
use crate::sweep::SweepError;
use crate::sweep::results::{SHARES, fault};
use crate::sweep::spool::{Row, RunRow};
use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::Float64Type;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ParquetRecordBatchReaderBuilder, RowSelection};
use std::collections::BTreeSet;
use std::fs::File;
use std::path::Path;

/// A configuration as results.parquet has it.
pub struct Found {
    pub id: u64,
    pub symbol: String,
    /// Ids of its worlds, beside `rows`.
    pub world_ids: Vec<String>,
    /// One a world, in the file's order; `point` and `world` are not known here.
    pub rows: Vec<Row>,
}

fn wrong(path: &Path, what: impl Into<String>) -> SweepError {
    SweepError::Missing { path: path.to_path_buf(), what: what.into() }
}

type Builder = ParquetRecordBatchReaderBuilder<File>;

fn open(path: &Path) -> Result<Builder, SweepError> {
    let file = File::open(path).map_err(|error| {
        let what = format!("{error}; accepted: the folder of a finished run, such as reports/quickstart");
        wrong(path, what)
    })?;
    Builder::try_new(file).map_err(|error| wrong(path, format!("not a whole parquet file: {error}")))
}

fn word<'a>(batch: &'a RecordBatch, name: &str, row: usize) -> Option<&'a str> {
    let column = batch.column_by_name(name)?.as_string_opt::<i32>()?;
    column.is_valid(row).then(|| column.value(row))
}

/// The configuration whose id begins with `prefix`.
///
/// # Errors
/// No results, no such configuration, or several.
pub fn find(path: &Path, prefix: &str, table: &[MetricInfo]) -> Result<Found, SweepError> {
    let rows = matching(path, prefix)?;
    let ranges = rows.chunk_by(|a, b| a + 1 == *b).map(|run| run[0]..run[run.len() - 1] + 1);
    let builder = open(path)?;
    let total = builder.metadata().file_metadata().num_rows().max(0) as usize;
    let reader = builder.with_row_selection(RowSelection::from_consecutive_ranges(ranges, total)).build();
    let mut found = Found { id: 0, symbol: String::new(), world_ids: Vec::new(), rows: Vec::new() };
    for batch in reader.map_err(fault(path))? {
        let batch = batch.map_err(fault(path))?;
        for row in 0..batch.num_rows() {
            let text = |name: &str| word(&batch, name, row).unwrap_or_default();
            found.id = u64::from_str_radix(text("id"), 16).unwrap_or_default();
            found.symbol = text("symbol").to_string();
            found.world_ids.push(text("world_id").to_string());
            found.rows.push(read(&batch, row, table, found.id));
        }
    }
    Ok(found)
}

/// Numbers of the rows whose id begins with `prefix`.
fn matching(path: &Path, prefix: &str) -> Result<Vec<usize>, SweepError> {
    let builder = open(path)?;
    let mask = ProjectionMask::columns(builder.parquet_schema(), ["id"]);
    let mut rows = Vec::new();
    let (mut ids, mut at) = (BTreeSet::new(), 0);
    for batch in builder.with_projection(mask).build().map_err(fault(path))? {
        let batch = batch.map_err(fault(path))?;
        for row in 0..batch.num_rows() {
            if let Some(id) = word(&batch, "id", row).filter(|id| id.starts_with(prefix)) {
                if !ids.contains(id) {
                    ids.insert(id.to_string());
                }
                rows.push(at + row);
            }
        }
        at += batch.num_rows();
    }
    match ids.len() {
        1 => Ok(rows),
        0 => Err(wrong(path, format!("no configuration's id begins with {prefix}; leaderboard.csv lists the best"))),
        n => {
            let some: Vec<&str> = ids.iter().map(String::as_str).take(4).collect();
            let dots = if n > some.len() { ", ..." } else { "" };
            let what = format!("{n} ids begin with {prefix}: {}{dots}; to do: give more of the id", some.join(", "));
            Err(wrong(path, what))
        }
    }
}

fn read(batch: &RecordBatch, row: usize, table: &[MetricInfo], id: u64) -> Row {
    let number = |name: &str| {
        let column = batch.column_by_name(name).and_then(|column| column.as_primitive_opt::<Float64Type>());
        column.filter(|column| column.is_valid(row)).map_or(f64::NAN, |column| column.value(row))
    };
    let hash = |name: &str| {
        let mut hash = LedgerHash::default();
        let text = word(batch, name, row).unwrap_or_default();
        for (byte, pair) in hash.0.iter_mut().zip(text.as_bytes().chunks(2)) {
            *byte = std::str::from_utf8(pair).ok().and_then(|pair| u8::from_str_radix(pair, 16).ok()).unwrap_or(0);
        }
        hash
    };
    let run = |prefix: &str| RunRow {
        hash: hash(&format!("{prefix}ledger")),
        metrics: table.iter().map(|info| number(&format!("{prefix}{}", info.name))).collect(),
    };
    Row { id, point: 0, world: 0, shares: SHARES.map(number), runs: [run(""), run("oos_")] }
}
