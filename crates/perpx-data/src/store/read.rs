//! Reading the files of a store, batch by batch.

use super::decode::Cells;
use super::table::{StoredRow, Table};
use crate::TapeError;
use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, Field, Schema};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder,
};
use parquet::basic::{Compression, Type as Physical};
use parquet::file::metadata::{ParquetMetaData, RowGroupMetaData};
use parquet::file::statistics::Statistics;
use perpx_core::units::Time;
use std::fmt::Display;
use std::fs::File;
use std::marker::PhantomData;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Rows decoded at a time: few enough that their columns stay in the cache of a core until they are rows.
const BATCH_ROWS: usize = 8_192;

/// What to do about a bad row.
pub(crate) const REMEDY: &str = "repair the file, or set on_bad_rows = \"drop\" to leave such rows out (counted)";

/// Why a row is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Where it stands.
    pub column: &'static str,
    /// What stands there.
    pub found: String,
    /// What is accepted.
    pub wanted: String,
    /// Under which name such rows are counted: "crossed", "null" ...
    pub rule: &'static str,
}

impl Fault {
    /// Counted as "out of range" unless [`Fault::of`] names another rule.
    pub fn new(column: &'static str, found: impl Display, wanted: impl Into<String>) -> Fault {
        Fault { column, found: found.to_string(), wanted: wanted.into(), rule: "out of range" }
    }

    /// Counted under another name.
    pub fn of(self, rule: &'static str) -> Fault {
        Fault { rule, ..self }
    }
}

impl Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} is {}; wanted {}", self.column, self.found, self.wanted)
    }
}

/// What the footer says of one row group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GroupSpan {
    /// How many it has.
    pub rows: u64,
    /// First and last time of the partition column; `None` where the writer left no statistics.
    pub span: Option<(Time, Time)>,
    /// First `exch_ts` (funding: `ts`), likewise.
    pub first_exch: Option<Time>,
    /// True when `index_px` is null in every row (marks only).
    pub no_index: bool,
}

/// One parquet file of a table: its footer read, its columns checked.
#[derive(Clone, Debug)]
pub struct StoreFile {
    path: PathBuf,
    table: Table,
    metadata: ArrowReaderMetadata,
    groups: Vec<GroupSpan>,
}

/// Consecutive rows of a file.
#[derive(Clone, Debug)]
pub struct Batch<R> {
    /// Place of the first row in the file, from 0.
    pub first_row: u64,
    /// In the order of the file.
    pub rows: Vec<R>,
    /// Unfit rows of the batch, in order, the first fault of each.
    pub faults: Vec<(usize, Fault)>,
}

impl StoreFile {
    /// Reads the footer and checks that every column of `R` is there in a type that can be read.
    pub fn open<R: StoredRow>(path: &Path) -> Result<StoreFile, TapeError> {
        let file = File::open(path).map_err(TapeError::io(path, "open the file"))?;
        let not_parquet = |source| TapeError::NotParquet { path: path.to_path_buf(), source };
        let options = ArrowReaderOptions::new().with_skip_arrow_metadata(true);
        let plain = ArrowReaderMetadata::load(&file, options.clone()).map_err(not_parquet)?;
        readable_codecs(plain.metadata()).map_err(|what| TapeError::Codec { path: path.to_path_buf(), what })?;
        let schema = Arc::new(narrowed(&plain));
        let metadata = ArrowReaderMetadata::try_new(plain.metadata().clone(), options.with_schema(schema.clone()))
            .map_err(not_parquet)?;
        for field in required_fields::<R>() {
            if schema.column_with_name(field.name()).is_none() {
                return Err(missing_column::<R>(path, &schema, &field));
            }
        }
        R::add_rows(&mut Cells::new(path, &RecordBatch::new_empty(schema)), &mut Vec::new())?;
        let groups = metadata.metadata().row_groups().iter().map(|g| span_of(g, R::TABLE, &metadata)).collect();
        Ok(StoreFile { path: path.to_path_buf(), table: R::TABLE, metadata, groups })
    }

    /// The file as if it ended after its first `rows`, at which a row group must end; `None`: all of it.
    ///
    /// # Errors
    /// No row group ends there: the file is not the one that was listed.
    pub(crate) fn first_rows(mut self, rows: Option<u64>) -> Result<StoreFile, TapeError> {
        let Some(rows) = rows else { return Ok(self) };
        let mut end = 0;
        let groups = self.groups.iter().take_while(|group| {
            end += group.rows;
            end <= rows
        });
        let count = groups.count();
        self.groups.truncate(count);
        if self.rows() == rows { Ok(self) } else { Err(TapeError::ListedOtherwise { path: self.path }) }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Which rows it holds.
    pub fn table(&self) -> Table {
        self.table
    }

    /// In the order of the file.
    pub fn groups(&self) -> &[GroupSpan] {
        &self.groups
    }

    /// How many it has.
    pub fn rows(&self) -> u64 {
        self.groups.iter().map(|g| g.rows).sum()
    }

    /// First and last time of the partition column over the file; `None` when empty or without statistics.
    pub fn span(&self) -> Option<(Time, Time)> {
        let with_rows = || self.groups.iter().filter(|g| g.rows > 0);
        if with_rows().next().is_none() || with_rows().any(|g| g.span.is_none()) {
            return None;
        }
        let first = with_rows().filter_map(|g| g.span).map(|s| s.0).min()?;
        let last = with_rows().filter_map(|g| g.span).map(|s| s.1).max()?;
        Some((first, last))
    }

    /// Row group of a row of the file.
    pub fn group_of(&self, row: u64) -> usize {
        let mut end = 0;
        let inside = |g: &GroupSpan| {
            end += g.rows;
            row < end
        };
        self.groups.iter().position(inside).unwrap_or(self.groups.len().saturating_sub(1))
    }

    /// The rows of some row groups, in file order.
    pub fn read<R: StoredRow>(&self, groups: Range<usize>) -> Result<Batches<R>, TapeError> {
        let file = File::open(&self.path).map_err(TapeError::io(&self.path, "open the file"))?;
        let row = self.groups[..groups.start].iter().map(|g| g.rows).sum();
        let names: Vec<String> = R::fields().iter().map(|f| f.name().clone()).collect();
        let mask = ProjectionMask::columns(self.metadata.parquet_schema(), names.iter().map(String::as_str));
        let reader = ParquetRecordBatchReaderBuilder::new_with_metadata(file, self.metadata.clone())
            .with_projection(mask)
            .with_row_groups(groups.collect())
            .with_batch_size(BATCH_ROWS)
            .build()
            .map_err(|source| self.damaged(row, source))?;
        Ok(Batches { file: self.clone(), reader, row, failed: false, of: PhantomData })
    }

    /// Every batch of rows, each as a store may have it.
    ///
    /// # Errors
    /// A file that cannot be read; the first row that no store takes.
    pub fn each_batch<R: StoredRow>(
        &self,
        groups: Range<usize>,
        mut found: impl FnMut(Vec<R>),
    ) -> Result<(), TapeError> {
        for batch in self.read::<R>(groups)? {
            let batch = batch?;
            if let Some((at, fault)) = batch.faults.into_iter().next() {
                return Err(self.bad_row(batch.first_row + at as u64, fault));
            }
            found(batch.rows);
        }
        Ok(())
    }

    /// The refusal of one row.
    pub fn bad_row(&self, row: u64, fault: Fault) -> TapeError {
        TapeError::BadRow {
            path: self.path.clone(),
            group: self.group_of(row),
            row,
            fault: Box::new(fault),
            remedy: REMEDY,
        }
    }

    fn damaged(&self, row: u64, source: parquet::errors::ParquetError) -> TapeError {
        TapeError::Damaged { path: self.path.clone(), group: self.group_of(row), row, source }
    }
}

/// Iterator over the rows of a file.
pub struct Batches<R> {
    file: StoreFile,
    reader: ParquetRecordBatchReader,
    row: u64,
    failed: bool,
    of: PhantomData<R>,
}

impl<R: StoredRow> Batches<R> {
    /// Adds the next rows to `out`; `None` at the end. Says the place of the first in the file, and which are unfit, as in
    /// [`Batch`], counted from the first one added.
    pub fn add_to(&mut self, out: &mut Vec<R>) -> Option<Result<Added, TapeError>> {
        if self.failed {
            return None;
        }
        let result = match self.reader.next()? {
            Ok(batch) => self.decode(&batch, out),
            Err(e) => Err(self.file.damaged(self.row, parquet::errors::ParquetError::External(Box::new(e)))),
        };
        self.failed = result.is_err();
        Some(result)
    }

    fn decode(&mut self, batch: &RecordBatch, out: &mut Vec<R>) -> Result<Added, TapeError> {
        let mut cells = Cells::new(&self.file.path, batch);
        let before = out.len();
        R::add_rows(&mut cells, out)?;
        let (rows, unreadable) = (&out[before..], cells.faults);
        let all_fit = unreadable.is_empty() && rows.iter().fold(true, |fit, row| fit & row.is_fit());
        let faults = if all_fit { Vec::new() } else { faults_of(rows, unreadable) };
        let first_row = self.row;
        self.row += rows.len() as u64;
        Ok((first_row, faults))
    }
}

/// Place of the first row in the file, and unfit rows.
pub type Added = (u64, Vec<(usize, Fault)>);

/// The first fault of each unfit row, in order.
#[cold]
fn faults_of<R: StoredRow>(rows: &[R], mut faults: Vec<(usize, Fault)>) -> Vec<(usize, Fault)> {
    faults.sort_by_key(|f| f.0);
    faults.dedup_by_key(|f| f.0);
    let mut unreadable = faults.iter().map(|f| f.0).peekable();
    let mut unfit = Vec::new();
    for (i, row) in rows.iter().enumerate() {
        if unreadable.peek() == Some(&i) {
            unreadable.next();
        } else if let Some(fault) = row.fault() {
            unfit.push((i, fault));
        }
    }
    faults.extend(unfit);
    faults.sort_by_key(|f| f.0);
    faults
}

impl<R: StoredRow> Iterator for Batches<R> {
    type Item = Result<Batch<R>, TapeError>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut rows = Vec::new();
        let added = self.add_to(&mut rows)?;
        Some(added.map(|(first_row, faults)| Batch { first_row, rows, faults }))
    }
}

/// The columns that a reader needs: `trade_id` is for people.
fn required_fields<R: StoredRow>() -> Vec<Field> {
    R::fields().into_iter().filter(|f| f.name() != "trade_id").collect()
}

fn missing_column<R: StoredRow>(path: &Path, schema: &Schema, field: &Field) -> TapeError {
    let join = |fields: Vec<&String>| fields.into_iter().map(String::as_str).collect::<Vec<_>>().join(", ");
    let wanted = required_fields::<R>();
    let column = R::TABLE.columns().iter().find(|name| *name == field.name()).copied().unwrap_or("");
    TapeError::MissingColumn {
        path: path.to_path_buf(),
        table: R::TABLE.name(),
        column,
        found: join(schema.fields().iter().map(|f| f.name()).collect()),
        wanted: join(wanted.iter().map(|f| f.name()).collect()),
    }
}

/// The file's schema with every decimal that is stored as INT64 read as such: half the memory of the default.
fn narrowed(metadata: &ArrowReaderMetadata) -> Schema {
    let physical = |name: &str| {
        let columns = metadata.parquet_schema().columns();
        columns.iter().find(|c| c.path().string() == name).map(|c| c.physical_type())
    };
    let narrow = |field: &Field| match field.data_type() {
        DataType::Decimal128(p, s) if *p <= 18 && physical(field.name()) == Some(Physical::INT64) => {
            field.clone().with_data_type(DataType::Decimal64(*p, *s))
        }
        _ => field.clone(),
    };
    Schema::new(metadata.schema().fields().iter().map(|f| narrow(f)).collect::<Vec<_>>())
}

/// Says by name which compression of a file cannot be read.
pub(crate) fn readable_codecs(metadata: &ParquetMetaData) -> Result<(), String> {
    let mut columns = metadata.row_groups().iter().flat_map(|group| group.columns());
    match columns.find(|column| column.compression() == Compression::LZO) {
        None => Ok(()),
        Some(column) => Err(format!(
            "column '{}' is compressed with {}; accepted: ZSTD, SNAPPY, GZIP, LZ4, LZ4_RAW, BROTLI, UNCOMPRESSED",
            column.column_path().string(),
            column.compression()
        )),
    }
}

fn span_of(group: &RowGroupMetaData, table: Table, metadata: &ArrowReaderMetadata) -> GroupSpan {
    let rows = u64::try_from(group.num_rows()).unwrap_or(0);
    let statistics =
        |name: &str| group.columns().iter().find(|c| c.column_path().string() == name).and_then(|c| c.statistics());
    let times = |name: &str| {
        let factor = match metadata.schema().field_with_name(name).map(|f| f.data_type().clone()) {
            Ok(DataType::Timestamp(arrow::datatypes::TimeUnit::Millisecond, _)) => 1_000_000,
            Ok(DataType::Timestamp(arrow::datatypes::TimeUnit::Microsecond, _)) => 1_000,
            _ => 1,
        };
        let Some(Statistics::Int64(s)) = statistics(name) else { return None };
        let time = |v: &i64| v.checked_mul(factor).map(Time);
        Some((time(s.min_opt()?)?, time(s.max_opt()?)?))
    };
    let exch = if table.by_year() { "ts" } else { "exch_ts" };
    GroupSpan {
        rows,
        span: times(table.partition_column()),
        first_exch: times(exch).map(|s| s.0),
        no_index: statistics("index_px").and_then(|s| s.null_count_opt()) == Some(rows),
    }
}
