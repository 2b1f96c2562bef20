//! results.parquet: a row a configuration and world, in the order of (id, world).

use super::SweepError;
use super::grid::{Axis, Grid};
use super::spool::{Row, Spool};
use crate::config::Value;
use crate::stats::MetricInfo;
use arrow::array::{ArrayRef, Float64Builder, RecordBatch, StringBuilder};
use arrow::datatypes::{DataType, Field, Schema};
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;
use std::fs::{self, File};
use std::path::Path;
use std::sync::Arc;

/// Rows of a row group. Fixed, so that the same rows give the same bytes.
pub const GROUP_ROWS: usize = 1 << 16;

/// Names of the four shares of bar closes, as columns.
pub const SHARES: [&str; 4] = ["held_trend", "held_target", "held_funding", "held_volatility"];

/// What every table of the house is written with.
pub fn properties() -> WriterProperties {
    WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(3).unwrap_or_default()))
        .set_max_row_group_row_count(Some(GROUP_ROWS))
        .set_created_by("perpx".to_string())
        .build()
}

/// A parquet file written aside and renamed when it is whole.
pub struct TableFile {
    path: std::path::PathBuf,
    aside: std::path::PathBuf,
    writer: ArrowWriter<File>,
}

impl TableFile {
    pub fn create(path: &Path, schema: Arc<Schema>) -> Result<TableFile, SweepError> {
        let aside = path.with_extension("parquet.part");
        let file = File::create(&aside).map_err(SweepError::io(&aside, "make the file"))?;
        let writer = ArrowWriter::try_new(file, schema, Some(properties())).map_err(fault(path))?;
        Ok(TableFile { path: path.to_path_buf(), aside, writer })
    }

    pub fn write(&mut self, batch: &RecordBatch) -> Result<(), SweepError> {
        self.writer.write(batch).map_err(fault(&self.path))
    }

    pub fn finish(self) -> Result<(), SweepError> {
        let file = self.writer.into_inner().map_err(fault(&self.path))?;
        file.sync_all().map_err(SweepError::io(&self.aside, "sync the file"))?;
        fs::rename(&self.aside, &self.path).map_err(SweepError::io(&self.path, "rename the finished file"))
    }
}

pub fn fault<E: std::fmt::Display>(path: &Path) -> impl FnOnce(E) -> SweepError {
    let path = path.to_path_buf();
    move |error| SweepError::Table { path, what: error.to_string() }
}

/// A column of axis values: numbers where all are (null = switched off), else words.
pub fn axis_is_number(axis: &Axis) -> bool {
    axis.values.iter().all(|value| matches!(value, Value::Num(_) | Value::Null))
}

/// One sweep's rows of one symbol.
pub struct Part<'a> {
    pub symbol: &'a str,
    pub spool: &'a Spool,
    /// By world point: its id.
    pub world_ids: &'a [String],
}

/// Writes the table of all symbols.
pub fn write_results(path: &Path, grid: &Grid, table: &[MetricInfo], parts: &[Part<'_>]) -> Result<(), SweepError> {
    let mut columns = Columns::new(grid, table);
    let mut file = TableFile::create(path, columns.schema.clone())?;
    for part in parts {
        part.spool.each(|row| {
            columns.push(part, row);
            if columns.rows == GROUP_ROWS / 4 {
                file.write(&columns.batch(path)?)?;
            }
            Ok(())
        })?;
    }
    if columns.rows > 0 {
        file.write(&columns.batch(path)?)?;
    }
    file.finish()
}

enum Column {
    Number(Float64Builder),
    Word(StringBuilder),
}

struct Columns<'a> {
    grid: &'a Grid,
    metrics: usize,
    schema: Arc<Schema>,
    columns: Vec<Column>,
    rows: usize,
}

impl<'a> Columns<'a> {
    fn new(grid: &'a Grid, table: &[MetricInfo]) -> Columns<'a> {
        let mut fields = Vec::new();
        let mut columns = Vec::new();
        let mut add = |name: &str, number: bool, null: bool| {
            let kind = if number { DataType::Float64 } else { DataType::Utf8 };
            fields.push(Field::new(name, kind, null));
            columns.push(match number {
                true => Column::Number(Float64Builder::new()),
                false => Column::Word(StringBuilder::new()),
            });
        };
        for name in ["id", "world_id", "symbol"] {
            add(name, false, false);
        }
        for axis in grid.strategy_axes().iter().chain(grid.world_axes()) {
            add(&axis.path, axis_is_number(axis), true);
        }
        table.iter().for_each(|info| add(&info.name, true, true));
        SHARES.iter().for_each(|name| add(name, true, true));
        table.iter().for_each(|info| add(&format!("oos_{}", info.name), true, true));
        add("ledger", false, false);
        add("oos_ledger", false, true);
        Columns { grid, metrics: table.len(), schema: Arc::new(Schema::new(fields)), columns, rows: 0 }
    }

    fn push(&mut self, part: &Part<'_>, row: &Row) {
        let mut columns = self.columns.iter_mut();
        let mut word = |text: Option<&str>| {
            if let Some(Column::Word(column)) = columns.next() {
                column.append_option(text);
            }
        };
        word(Some(&format!("{:016x}", row.id)));
        word(part.world_ids.get(row.world as usize).map(String::as_str).or(Some("")));
        word(Some(part.symbol));
        let (digits, worlds) = (self.grid.digits(row.point), self.grid.world(u64::from(row.world)));
        let strategy = self.grid.strategy_axes().iter().zip(digits).map(|(axis, digit)| axis.values.get(digit));
        let world = worlds.iter().map(|(_, value)| Some(value));
        for value in strategy.chain(world) {
            match columns.next() {
                Some(Column::Number(column)) => {
                    column.append_option(value.and_then(Value::num).map(|num| num.as_f64()))
                }
                Some(Column::Word(column)) => column.append_option(value.map(ToString::to_string)),
                None => {}
            }
        }
        let [inside, outside] = &row.runs;
        let shares = row.shares.iter().copied();
        for value in inside.metrics.iter().copied().chain(shares).chain(outside.metrics.iter().copied()) {
            if let Some(Column::Number(column)) = columns.next() {
                column.append_option((!value.is_nan()).then_some(value));
            }
        }
        let ran = outside.metrics.iter().any(|value| !value.is_nan());
        for hash in [Some(inside.hash.to_string()), ran.then(|| outside.hash.to_string())] {
            if let Some(Column::Word(column)) = columns.next() {
                column.append_option(hash);
            }
        }
        debug_assert!(inside.metrics.len() == self.metrics && columns.next().is_none());
        self.rows += 1;
    }

    fn batch(&mut self, path: &Path) -> Result<RecordBatch, SweepError> {
        self.rows = 0;
        let finish = |column: &mut Column| -> ArrayRef {
            match column {
                Column::Number(column) => Arc::new(column.finish()),
                Column::Word(column) => Arc::new(column.finish()),
            }
        };
        let arrays = self.columns.iter_mut().map(finish).collect();
        RecordBatch::try_new(self.schema.clone(), arrays).map_err(fault(path))
    }
}
