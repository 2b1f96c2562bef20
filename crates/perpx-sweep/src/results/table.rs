//! results.parquet: a row a configuration and world, in the order of (id, world).

use crate::error::SweepError;
use crate::grid::Grid;
use crate::results::columns::{self, Builder};
use crate::results::spool::{Row, Spool};
use arrow::array::RecordBatch;
use arrow::datatypes::Schema;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;
use perpx_core::stats::MetricInfo;
use perpx_data::atomic::AtomicFile;
use std::path::Path;
use std::sync::Arc;

/// Rows of a row group. Fixed, so that the same rows give the same bytes.
pub const GROUP_ROWS: usize = 1 << 16;

/// What every table of the house is written with.
pub fn properties() -> WriterProperties {
    WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(3).unwrap_or_default()))
        .set_max_row_group_row_count(Some(GROUP_ROWS))
        .set_created_by("perpx".to_string())
        .build()
}

/// A parquet file that takes its place when it is whole.
pub struct TableFile {
    path: std::path::PathBuf,
    writer: ArrowWriter<AtomicFile>,
}

impl TableFile {
    pub fn create(path: &Path, schema: Arc<Schema>) -> Result<TableFile, SweepError> {
        let file = AtomicFile::create(path).map_err(SweepError::io(path, "make the file"))?;
        let writer = ArrowWriter::try_new(file, schema, Some(properties())).map_err(fault(path))?;
        Ok(TableFile { path: path.to_path_buf(), writer })
    }

    pub fn write(&mut self, batch: &RecordBatch) -> Result<(), SweepError> {
        self.writer.write(batch).map_err(fault(&self.path))
    }

    pub fn finish(self) -> Result<(), SweepError> {
        let file = self.writer.into_inner().map_err(fault(&self.path))?;
        file.commit().map_err(SweepError::io(&self.path, "write the file"))
    }
}

pub fn fault<E: std::fmt::Display>(path: &Path) -> impl FnOnce(E) -> SweepError {
    let path = path.to_path_buf();
    move |error| SweepError::Table { path, what: error.to_string() }
}

/// One sweep's rows of one symbol.
pub struct Part<'a> {
    pub symbol: &'a str,
    pub spool: &'a Spool,
    /// By world point: its id.
    pub world_ids: &'a [String],
}

/// Rows on which writing is tried.
const TRIED: usize = 1 << 10;

/// Seconds that writing one row takes here, tried on these.
pub fn row_seconds(grid: &Grid, table: &[MetricInfo], rows: &[Row]) -> Result<f64, SweepError> {
    let path = Path::new("results.parquet");
    let began = std::time::Instant::now();
    let mut columns = Columns::new(grid, table);
    let mut writer =
        ArrowWriter::try_new(std::io::sink(), columns.schema.clone(), Some(properties())).map_err(fault(path))?;
    for row in rows.iter().cycle().take(TRIED) {
        columns.push(("", ""), row);
    }
    writer.write(&columns.batch(path)?).map_err(fault(path))?;
    writer.close().map_err(fault(path))?;
    Ok(began.elapsed().as_secs_f64() / TRIED as f64)
}

/// Writes the table of all symbols; `go_on` is asked now and then.
///
/// # Errors
/// A file that cannot be written; of `go_on`.
pub fn write_results(
    path: &Path,
    grid: &Grid,
    table: &[MetricInfo],
    parts: &[Part<'_>],
    go_on: impl Fn() -> Result<(), SweepError>,
) -> Result<(), SweepError> {
    let mut columns = Columns::new(grid, table);
    let mut file = TableFile::create(path, columns.schema.clone())?;
    for part in parts {
        part.spool.each(|row| {
            go_on()?;
            let world_id = part.world_ids.get(row.world as usize).map_or("", String::as_str);
            columns.push((part.symbol, world_id), row);
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

struct Columns<'a> {
    grid: &'a Grid,
    schema: Arc<Schema>,
    columns: Vec<Builder>,
    rows: usize,
}

impl<'a> Columns<'a> {
    fn new(grid: &'a Grid, table: &[MetricInfo]) -> Columns<'a> {
        let all = columns::results(grid, table);
        let builders = all.iter().map(|column| column.kind.builder()).collect();
        Columns { grid, schema: columns::schema(&all), columns: builders, rows: 0 }
    }

    fn push(&mut self, (symbol, world_id): (&str, &str), row: &Row) {
        let mut columns = self.columns.iter_mut();
        let mut next = |put: &dyn Fn(&mut Builder)| {
            if let Some(column) = columns.next() {
                put(column);
            }
        };
        let id = format!("{:016x}", row.id);
        for text in [id.as_str(), world_id, symbol] {
            next(&|column| column.text(Some(text)));
        }
        let (strategy, worlds) = (self.grid.values(row.point).into_iter(), self.grid.world(u64::from(row.world)));
        for value in strategy.chain(worlds.iter().map(|(_, value)| Some(value))) {
            next(&|column| column.value(value));
        }
        let [inside, outside] = &row.runs;
        for value in inside.values().chain(row.shares).chain(outside.values()) {
            next(&|column| column.number(value));
        }
        for hash in [Some(inside.hash.to_string()), outside.ran().then(|| outside.hash.to_string())] {
            next(&|column| column.text(hash.as_deref()));
        }
        self.rows += 1;
    }

    fn batch(&mut self, path: &Path) -> Result<RecordBatch, SweepError> {
        self.rows = 0;
        let arrays = self.columns.iter_mut().map(Builder::finish).collect::<Result<_, _>>().map_err(fault(path))?;
        RecordBatch::try_new(self.schema.clone(), arrays).map_err(fault(path))
    }
}
