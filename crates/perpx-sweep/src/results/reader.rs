//! The one reader of a run's tables: the columns that are asked for, as a data frame. They are decoded by the parquet
//! library that wrote them; the one of polars would be a second, in fourteen more packages.

use crate::error::SweepError;
use arrow::array::{Array, AsArray, BooleanArray, RecordBatch};
use arrow::datatypes::{DataType, Decimal128Type, Float64Type, Int64Type, TimeUnit, TimestampNanosecondType};
use arrow::error::ArrowError;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ArrowPredicateFn, ArrowReaderOptions, ParquetRecordBatchReaderBuilder, RowFilter};
use polars::prelude::{Column, DataFrame, GroupsIndicator, PolarsError};
use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};

/// Columns of one table.
pub struct RunTable {
    path: PathBuf,
    frame: DataFrame,
    /// Decimals beside the frame, which has no integers of 128 bits.
    decimals: BTreeMap<String, Vec<Option<i128>>>,
}

/// Rows of one configuration.
#[derive(Clone, Copy, Debug)]
pub struct Of<'a> {
    /// What its id begins with.
    pub id: &'a str,
    pub symbol: Option<&'a str>,
}

/// A table opened for reading: dictionaries are read as their words.
pub fn open(path: &Path) -> Result<ParquetRecordBatchReaderBuilder<File>, String> {
    let file = File::open(path).map_err(|error| error.to_string())?;
    let options = ArrowReaderOptions::new().with_skip_arrow_metadata(true);
    ParquetRecordBatchReaderBuilder::try_new_with_options(file, options)
        .map_err(|error| format!("not a whole parquet file: {error}"))
}

impl RunTable {
    /// Reads the columns `names` of the table at `path`: all rows, or those `of` one configuration.
    ///
    /// # Errors
    /// No table; a column that is not there, there twice, or of a type that no table of a run has.
    pub fn read(path: &Path, names: &[&str], of: Option<Of<'_>>) -> Result<RunTable, SweepError> {
        let wrong = |what: String| SweepError::NotARun { path: path.to_path_buf(), what };
        let mut builder = open(path).map_err(wrong)?;
        let fields = builder.schema().fields().clone();
        for name in names {
            let what = match fields.iter().filter(|field| field.name() == name).count() {
                1 => continue,
                0 => "is no column",
                _ => "are two columns",
            };
            return Err(wrong(format!(
                "there {what} '{name}' (the run was made by another version of perpx: sweep again)"
            )));
        }
        if let Some(of) = of {
            builder = filtered(builder, of);
        }
        let wanted = fields.iter().enumerate().filter(|(_, field)| names.contains(&field.name().as_str()));
        let mask = ProjectionMask::roots(builder.parquet_schema(), wanted.map(|(at, _)| at));
        let reader = builder.with_projection(mask).build().map_err(|error| wrong(error.to_string()))?;
        let wanted = fields.iter().filter(|field| names.contains(&field.name().as_str()));
        let mut columns: Vec<(String, Cells)> = Vec::new();
        for field in wanted {
            let cells = Cells::new(field.data_type());
            let cells = cells.ok_or_else(|| wrong(format!("column '{}' is a {}", field.name(), field.data_type())))?;
            columns.push((field.name().clone(), cells));
        }
        let mut rows = 0;
        for batch in reader {
            let batch: RecordBatch = batch.map_err(|error| wrong(error.to_string()))?;
            rows += batch.num_rows();
            columns.iter_mut().zip(batch.columns()).for_each(|((_, cells), column)| cells.extend(column));
        }
        let (mut framed, mut decimals) = (Vec::new(), BTreeMap::new());
        for (name, cells) in columns {
            match cells {
                Cells::Decimal(cells) => _ = decimals.insert(name, cells),
                Cells::Word(cells) => framed.push(Column::new(name.into(), cells)),
                Cells::Real(cells) => framed.push(Column::new(name.into(), cells)),
                Cells::Whole(cells) => framed.push(Column::new(name.into(), cells)),
                Cells::Flag(cells) => framed.push(Column::new(name.into(), cells)),
            }
        }
        let frame = DataFrame::new(rows, framed).map_err(|error| wrong(error.to_string()))?;
        Ok(RunTable { path: path.to_path_buf(), frame, decimals })
    }

    /// How many rows were read.
    pub fn rows(&self) -> usize {
        self.frame.height()
    }

    fn wrong(&self, error: PolarsError) -> SweepError {
        SweepError::NotARun { path: self.path.clone(), what: error.to_string() }
    }

    /// A column of numbers.
    pub fn numbers(&self, name: &str) -> Result<Vec<Option<f64>>, SweepError> {
        let column = self.frame.column(name).map_err(|error| self.wrong(error))?;
        if let Ok(whole) = column.i64() {
            return Ok(whole.iter().map(|value| value.map(|value| value as f64)).collect());
        }
        Ok(column.f64().map_err(|error| self.wrong(error))?.iter().collect())
    }

    /// A column of decimals in units of their last place, or of whole numbers, times in nanoseconds or flags.
    pub fn exact(&self, name: &str) -> Result<Vec<Option<i128>>, SweepError> {
        if let Some(decimals) = self.decimals.get(name) {
            return Ok(decimals.clone());
        }
        let column = self.frame.column(name).map_err(|error| self.wrong(error))?;
        if let Ok(flags) = column.bool() {
            return Ok(flags.iter().map(|flag| flag.map(i128::from)).collect());
        }
        Ok(column.i64().map_err(|error| self.wrong(error))?.iter().map(|value| value.map(i128::from)).collect())
    }

    /// A column of words, or of numbers or flags as words.
    pub fn words(&self, name: &str) -> Result<Vec<Option<String>>, SweepError> {
        let column = self.frame.column(name).map_err(|error| self.wrong(error))?;
        if let Ok(words) = column.str() {
            return Ok(words.iter().map(|word| word.map(str::to_string)).collect());
        }
        if let Ok(flags) = column.bool() {
            return Ok(flags.iter().map(|flag| flag.map(|flag| flag.to_string())).collect());
        }
        Ok(self.numbers(name)?.into_iter().map(|number| number.map(|number| number.to_string())).collect())
    }

    /// Rows that are equal in the columns `keys`, in their order; groups in the order of their first rows.
    pub fn groups(&self, keys: &[&str]) -> Result<Vec<Vec<usize>>, SweepError> {
        let groups = self.frame.group_by_stable(keys).map_err(|error| self.wrong(error))?;
        let rows = |group: GroupsIndicator<'_>| match group {
            GroupsIndicator::Idx((_, rows)) => rows.iter().map(|row| *row as usize).collect(),
            GroupsIndicator::Slice([first, count]) => (first as usize..(first + count) as usize).collect(),
        };
        Ok(groups.get_groups().iter().map(rows).collect())
    }
}

/// Rows of other configurations are not decoded.
fn filtered(builder: ParquetRecordBatchReaderBuilder<File>, of: Of<'_>) -> ParquetRecordBatchReaderBuilder<File> {
    let (id, symbol) = (of.id.to_string(), of.symbol.map(str::to_string));
    let holds = move |batch: RecordBatch| {
        let words = |name: &str| {
            let column = batch.column_by_name(name).and_then(|column| column.as_string_opt::<i32>());
            column.ok_or_else(|| ArrowError::SchemaError(format!("there is no column of words '{name}'")))
        };
        let (ids, symbols) = (words("id")?, words("symbol")?);
        let holds = |(found, of): (Option<&str>, Option<&str>)| {
            found.is_some_and(|found| found.starts_with(&id)) && (symbol.is_none() || of == symbol.as_deref())
        };
        Ok(ids.iter().zip(symbols).map(|row| Some(holds(row))).collect::<BooleanArray>())
    };
    let mask = ProjectionMask::columns(builder.parquet_schema(), ["id", "symbol"]);
    builder.with_row_filter(RowFilter::new(vec![Box::new(ArrowPredicateFn::new(mask, holds))]))
}

/// A column as it is read.
enum Cells {
    Word(Vec<Option<String>>),
    Real(Vec<Option<f64>>),
    Whole(Vec<Option<i64>>),
    Decimal(Vec<Option<i128>>),
    Flag(Vec<Option<bool>>),
}

impl Cells {
    fn new(kind: &DataType) -> Option<Cells> {
        Some(match kind {
            DataType::Utf8 => Cells::Word(Vec::new()),
            DataType::Float64 => Cells::Real(Vec::new()),
            DataType::Int64 | DataType::Timestamp(TimeUnit::Nanosecond, _) => Cells::Whole(Vec::new()),
            DataType::Decimal128(..) => Cells::Decimal(Vec::new()),
            DataType::Boolean => Cells::Flag(Vec::new()),
            _ => return None,
        })
    }

    fn extend(&mut self, column: &dyn Array) {
        match self {
            Cells::Word(cells) => cells.extend(column.as_string::<i32>().iter().map(|word| word.map(str::to_string))),
            Cells::Real(cells) => cells.extend(column.as_primitive::<Float64Type>().iter()),
            Cells::Whole(cells) => match column.as_primitive_opt::<TimestampNanosecondType>() {
                Some(times) => cells.extend(times.iter()),
                None => cells.extend(column.as_primitive::<Int64Type>().iter()),
            },
            Cells::Decimal(cells) => cells.extend(column.as_primitive::<Decimal128Type>().iter()),
            Cells::Flag(cells) => cells.extend(column.as_boolean().iter()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::table::TableFile;
    use arrow::array::{ArrayRef, Decimal128Array, Float64Array, Int64Array, StringArray, TimestampNanosecondArray};
    use arrow::datatypes::{Field, Schema};
    use std::sync::Arc;

    fn table(path: &Path, columns: Vec<(&str, ArrayRef)>) {
        let field = |(name, column): &(&str, ArrayRef)| Field::new(*name, column.data_type().clone(), true);
        let schema = Arc::new(Schema::new(columns.iter().map(field).collect::<Vec<_>>()));
        let columns = columns.into_iter().map(|(_, column)| column).collect();
        let batch = RecordBatch::try_new(schema.clone(), columns).expect("columns of one length");
        let mut file = TableFile::create(path, schema).expect("makes");
        file.write(&batch).expect("writes");
        file.finish().expect("takes its place");
    }

    fn columns() -> Vec<(&'static str, ArrayRef)> {
        let fees = Decimal128Array::from(vec![Some(i128::from(i64::MAX) * 10), None, Some(-1), Some(0)]);
        vec![
            ("id", Arc::new(StringArray::from(vec!["ab1", "ab1", "ab2", "c03"]))),
            ("symbol", Arc::new(StringArray::from(vec!["BTC", "ETH", "BTC", "BTC"]))),
            ("trades", Arc::new(Int64Array::from(vec![Some(3), None, Some(5), Some(0)]))),
            ("sharpe", Arc::new(Float64Array::from(vec![Some(0.5), Some(-1.0), None, Some(2.0)]))),
            ("live", Arc::new(BooleanArray::from(vec![Some(true), Some(false), None, Some(true)]))),
            ("fee", Arc::new(fees.with_precision_and_scale(38, 12).expect("fits"))),
            ("time", Arc::new(TimestampNanosecondArray::from(vec![1, 2, 3, i64::MAX]).with_timezone("UTC"))),
        ]
    }

    #[test]
    fn columns_come_back_with_what_has_no_value() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("t.parquet");
        table(&path, columns());
        let all = RunTable::read(&path, &["sharpe", "id", "trades", "live", "symbol"], None).expect("reads");
        assert_eq!(all.numbers("trades").expect("whole"), [Some(3.0), None, Some(5.0), Some(0.0)]);
        assert_eq!(all.numbers("sharpe").expect("real"), [Some(0.5), Some(-1.0), None, Some(2.0)]);
        let words = |name: &str| all.words(name).expect("words").into_iter().map(|word| word.unwrap_or_default());
        assert_eq!(words("live").collect::<Vec<_>>(), ["true", "false", "", "true"]);
        assert_eq!(words("trades").collect::<Vec<_>>(), ["3", "", "5", "0"]);
        assert_eq!(all.groups(&["symbol"]).expect("groups"), [vec![0, 2, 3], vec![1]]);
        assert_eq!(all.groups(&["symbol", "id"]).expect("groups"), [[0], [1], [2], [3]]);
        let of = |id, symbol| RunTable::read(&path, &["id", "sharpe"], Some(Of { id, symbol })).expect("reads");
        assert_eq!(of("ab", None).numbers("sharpe").expect("real"), [Some(0.5), Some(-1.0), None]);
        assert_eq!(of("ab", Some("BTC")).numbers("sharpe").expect("real"), [Some(0.5), None]);
        assert!(of("x", None).words("id").expect("none").is_empty());
    }

    #[test]
    fn money_and_times_come_back_to_the_last_unit() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("t.parquet");
        table(&path, columns());
        let all = RunTable::read(&path, &["fee", "time", "trades", "live", "id"], None).expect("reads");
        let exact = |name: &str| all.exact(name).expect("exact");
        assert_eq!(all.rows(), 4);
        assert_eq!(exact("fee"), [Some(92_233_720_368_547_758_070), None, Some(-1), Some(0)]);
        assert_eq!(exact("time"), [1, 2, 3, i64::MAX].map(|time| Some(i128::from(time))));
        assert_eq!(exact("trades"), [Some(3), None, Some(5), Some(0)]);
        assert_eq!(exact("live"), [Some(1), Some(0), None, Some(1)]);
        assert!(all.exact("id").is_err(), "words are no numbers");
    }

    #[test]
    fn a_column_that_is_missing_or_there_twice_is_named() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("t.parquet");
        let refused = |names: &[&str]| RunTable::read(&path, names, None).err().expect("refused").to_string();
        assert!(refused(&["id"]).contains("t.parquet"), "no file");
        let mut twice = columns();
        twice.push(("sharpe", twice[3].1.clone()));
        table(&path, twice);
        assert!(refused(&["id", "depth"]).contains("there is no column 'depth'"));
        assert!(refused(&["sharpe"]).contains("there are two columns 'sharpe'"));
    }
}
