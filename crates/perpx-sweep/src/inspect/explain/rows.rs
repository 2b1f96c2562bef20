//! results.parquet read back: the rows of one configuration.

use crate::error::SweepError;
use crate::results::columns::{HELD_OUT, SHARES};
use crate::results::spool::{Row, RunRow};
use crate::results::table::{self, fault};
use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::Schema;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ParquetRecordBatchReaderBuilder, RowSelection};
use perpx_core::replay::LedgerHash;
use perpx_core::stats::MetricInfo;
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

fn open(path: &Path) -> Result<ParquetRecordBatchReaderBuilder<File>, SweepError> {
    table::open(path).map_err(|error| {
        wrong(path, format!("{error}; accepted: the folder of a finished run, such as reports/quickstart"))
    })
}

fn word<'a>(batch: &'a RecordBatch, name: &str, row: usize) -> Option<&'a str> {
    let column = batch.column_by_name(name)?.as_string_opt::<i32>()?;
    column.is_valid(row).then(|| column.value(row))
}

/// The configuration whose id begins with `prefix`, of `symbol` if one is named.
///
/// # Errors
/// No results, no such configuration, or several.
pub fn find(path: &Path, prefix: &str, symbol: Option<&str>, table: &[MetricInfo]) -> Result<Found, SweepError> {
    let rows = matching(path, prefix, symbol)?;
    let ranges = rows.chunk_by(|a, b| a + 1 == *b).map(|run| run[0]..run[run.len() - 1] + 1);
    let builder = open(path)?;
    let places = Places::new(path, builder.schema(), table)?;
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
            found.rows.push(places.read(&batch, row, found.id));
        }
    }
    Ok(found)
}

/// Numbers of the rows whose id begins with `prefix`.
fn matching(path: &Path, prefix: &str, symbol: Option<&str>) -> Result<Vec<usize>, SweepError> {
    let builder = open(path)?;
    let mask = ProjectionMask::columns(builder.parquet_schema(), ["id", "symbol"]);
    let mut rows = Vec::new();
    let (mut ids, mut at) = (BTreeSet::new(), 0);
    for batch in builder.with_projection(mask).build().map_err(fault(path))? {
        let batch = batch.map_err(fault(path))?;
        for row in 0..batch.num_rows() {
            let wanted = symbol.is_none() || word(&batch, "symbol", row) == symbol;
            if let Some(id) = word(&batch, "id", row).filter(|id| wanted && id.starts_with(prefix)) {
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

/// Where the figures of a row stand in the file.
struct Places {
    shares: [usize; SHARES.len()],
    /// By run: metrics in the order of the table, then the ledger's hash.
    runs: [(Vec<usize>, usize); 2],
}

impl Places {
    /// # Errors
    /// A column that is not there, or there twice.
    fn new(path: &Path, schema: &Schema, table: &[MetricInfo]) -> Result<Places, SweepError> {
        let place = |name: &str| {
            let mut found = schema.fields().iter().enumerate().filter(|(_, field)| field.name() == name);
            match (found.next(), found.next()) {
                (Some((at, _)), None) => Ok(at),
                (there, _) => {
                    let what = if there.is_some() { "two columns" } else { "no column" };
                    let why = "the run was made by another version of perpx; to do: sweep again";
                    Err(wrong(path, format!("there is {what} '{name}': {why}")))
                }
            }
        };
        let run = |prefix: &str| {
            let metrics =
                table.iter().map(|info| place(&format!("{prefix}{}", info.name))).collect::<Result<_, _>>()?;
            Ok::<_, SweepError>((metrics, place(&format!("{prefix}ledger"))?))
        };
        let mut shares = [0; SHARES.len()];
        for (at, name) in shares.iter_mut().zip(SHARES) {
            *at = place(name)?;
        }
        Ok(Places { shares, runs: [run("")?, run(HELD_OUT)?] })
    }

    fn read(&self, batch: &RecordBatch, row: usize, id: u64) -> Row {
        let number = |at: &usize| table::number(batch.column(*at), row).unwrap_or(f64::NAN);
        let hash = |at: usize| {
            let mut hash = LedgerHash::default();
            let column = batch.column(at).as_string_opt::<i32>().filter(|column| column.is_valid(row));
            let text = column.map_or("", |column| column.value(row));
            for (byte, pair) in hash.0.iter_mut().zip(text.as_bytes().chunks(2)) {
                *byte = std::str::from_utf8(pair).ok().and_then(|pair| u8::from_str_radix(pair, 16).ok()).unwrap_or(0);
            }
            hash
        };
        let [inside, outside] = &self.runs;
        let run = |(metrics, ledger): &(Vec<usize>, usize)| RunRow {
            hash: hash(*ledger),
            metrics: metrics.iter().map(number).collect(),
        };
        let shares = self.shares.each_ref().map(number);
        Row { id, point: 0, world: 0, shares, runs: [run(inside), run(outside)] }
    }
}
