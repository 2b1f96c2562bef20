//! Foreign files as rows of text: CSV, JSON lines (either may be gzipped) and parquet.

use crate::tape::TapeError;
use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::datatypes::*;
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

/// Rows of some columns of a file.
pub struct SourceFile {
    path: PathBuf,
    columns: Vec<String>,
    form: Form,
}

enum Form {
    Csv { reader: csv::Reader<Box<dyn Read>>, record: csv::StringRecord, at: Vec<usize> },
    Json { reader: BufReader<Box<dyn Read>>, line: u64 },
    Parquet { reader: ParquetRecordBatchReader, batch: Option<RecordBatch>, row: usize, count: u64 },
}

impl SourceFile {
    /// Opens a file and finds the columns in it.
    pub fn open(path: &Path, columns: &[&str]) -> Result<SourceFile, TapeError> {
        let name = path.file_name().and_then(|n| n.to_str()).unwrap_or("").to_string();
        let file = File::open(path).map_err(TapeError::io(path, "open the file"))?;
        let (stem, zipped) = name.strip_suffix(".gz").map_or((name.as_str(), false), |stem| (stem, true));
        let plain = |file: File| -> Box<dyn Read> {
            if zipped { Box::new(flate2::read::MultiGzDecoder::new(BufReader::new(file))) } else { Box::new(file) }
        };
        let failed = |what: String| TapeError::ImportFile { path: path.to_path_buf(), what };
        let form = match stem.rsplit_once('.').map(|s| s.1) {
            Some("csv") => {
                let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(plain(file));
                let header = reader.headers().map_err(|e| failed(e.to_string()))?.clone();
                let header: Vec<&str> = header.iter().collect();
                let at = columns.iter().map(|c| place(&header, c).map_err(failed)).collect::<Result<_, _>>()?;
                Form::Csv { reader, record: csv::StringRecord::new(), at }
            }
            Some("jsonl" | "ndjson") => Form::Json { reader: BufReader::new(plain(file)), line: 0 },
            Some("parquet") if !zipped => {
                let builder = ParquetRecordBatchReaderBuilder::try_new(file).map_err(|e| failed(e.to_string()))?;
                let schema = builder.schema().clone();
                let header: Vec<&str> = schema.fields().iter().map(|f| f.name().as_str()).collect();
                for column in columns {
                    place(&header, column).map_err(failed)?;
                }
                let reader = builder.with_batch_size(65_536).build().map_err(|e| failed(e.to_string()))?;
                Form::Parquet { reader, batch: None, row: 0, count: 0 }
            }
            _ => {
                let accepted = ".csv, .csv.gz, .jsonl, .jsonl.gz, .parquet";
                return Err(failed(format!("its name says no known form; accepted: {accepted}")));
            }
        };
        Ok(SourceFile { path: path.to_path_buf(), columns: columns.iter().map(|c| c.to_string()).collect(), form })
    }

    /// What the places of its rows count.
    pub fn unit(&self) -> &'static str {
        if matches!(self.form, Form::Parquet { .. }) { "row" } else { "line" }
    }

    /// The next row's cells, in the order of the columns asked for, and its place, from 1; `None` at the end.
    /// An absent or null cell is an empty text.
    pub fn next(&mut self, cells: &mut Vec<String>) -> Result<Option<u64>, TapeError> {
        cells.clear();
        let failed = |what: String| TapeError::ImportFile { path: self.path.clone(), what };
        match &mut self.form {
            Form::Csv { reader, record, at } => {
                if !reader.read_record(record).map_err(|e| failed(e.to_string()))? {
                    return Ok(None);
                }
                cells.extend(at.iter().map(|&i| record.get(i).unwrap_or("").to_string()));
                Ok(Some(record.position().map_or(0, |p| p.line())))
            }
            Form::Json { reader, line } => {
                let mut text = String::new();
                loop {
                    text.clear();
                    *line += 1;
                    let n = reader.read_line(&mut text).map_err(|e| failed(format!("line {line}: {e}")))?;
                    if n == 0 {
                        return Ok(None);
                    }
                    if !text.trim().is_empty() {
                        break;
                    }
                }
                let object: serde_json::Map<String, serde_json::Value> =
                    serde_json::from_str(&text).map_err(|e| failed(format!("line {line}: {e}")))?;
                cells.extend(self.columns.iter().map(|c| json_text(object.get(c))));
                Ok(Some(*line))
            }
            Form::Parquet { reader, batch, row, count } => {
                while batch.as_ref().is_none_or(|b| *row >= b.num_rows()) {
                    match reader.next() {
                        None => return Ok(None),
                        Some(next) => *batch = Some(next.map_err(|e| failed(format!("row {}: {e}", *count + 1)))?),
                    }
                    *row = 0;
                }
                if let Some(batch) = batch {
                    for column in &self.columns {
                        let Some(array) = batch.column_by_name(column) else { continue };
                        cells.push(
                            cell_text(array, *row).map_err(|t| failed(format!("column '{column}' has type {t}")))?,
                        );
                    }
                }
                *row += 1;
                *count += 1;
                Ok(Some(*count))
            }
        }
    }
}

fn place(header: &[&str], column: &str) -> Result<usize, String> {
    let found = || header.join(", ");
    header
        .iter()
        .position(|h| *h == column)
        .ok_or_else(|| format!("there is no column '{column}'; it has: {}", found()))
}

fn json_text(value: Option<&serde_json::Value>) -> String {
    match value {
        None | Some(serde_json::Value::Null) => String::new(),
        Some(serde_json::Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    }
}

/// A cell as decimal text (times as integers of their own unit, or as the unit of the map reads them); the type's name
/// when there is no such text.
fn cell_text(array: &ArrayRef, i: usize) -> Result<String, String> {
    if array.is_null(i) {
        return Ok(String::new());
    }
    macro_rules! number {
        ($type:ty) => {
            array.as_primitive::<$type>().value(i).to_string()
        };
    }
    Ok(match array.data_type() {
        DataType::Int8 => number!(Int8Type),
        DataType::Int16 => number!(Int16Type),
        DataType::Int32 => number!(Int32Type),
        DataType::Int64 => number!(Int64Type),
        DataType::UInt8 => number!(UInt8Type),
        DataType::UInt16 => number!(UInt16Type),
        DataType::UInt32 => number!(UInt32Type),
        DataType::UInt64 => number!(UInt64Type),
        DataType::Float32 => number!(Float32Type),
        DataType::Float64 => number!(Float64Type),
        DataType::Timestamp(TimeUnit::Second, _) => number!(TimestampSecondType),
        DataType::Timestamp(TimeUnit::Millisecond, _) => number!(TimestampMillisecondType),
        DataType::Timestamp(TimeUnit::Microsecond, _) => number!(TimestampMicrosecondType),
        DataType::Timestamp(TimeUnit::Nanosecond, _) => number!(TimestampNanosecondType),
        DataType::Decimal128(_, _) => array.as_primitive::<Decimal128Type>().value_as_string(i),
        DataType::Boolean => array.as_boolean().value(i).to_string(),
        DataType::Utf8 => array.as_string::<i32>().value(i).to_string(),
        DataType::LargeUtf8 => array.as_string::<i64>().value(i).to_string(),
        DataType::Utf8View => array.as_string_view().value(i).to_string(),
        other => return Err(format!("{other}, which an import cannot read")),
    })
}
