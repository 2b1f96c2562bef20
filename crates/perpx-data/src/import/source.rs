//! Foreign files as rows of cells: CSV, JSON lines and parquet.

use super::json::{self, Tree};
use super::map::{Columns, FileMap, Form};
use super::npy::Array as NumpyArray;
use super::open::{Content, Opened, open};
use super::time::Cell;
use crate::TapeError;
use crate::store::readable_codecs;
use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::datatypes::*;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ArrowReaderOptions, ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};
use parquet::errors::ParquetError;
use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

/// Levels of wide depth that are looked for where a file does not list its columns.
pub const MOST_LEVELS: usize = 100;

/// Rows of some columns of a file.
pub struct SourceFile {
    path: PathBuf,
    columns: Vec<String>,
    form: FormatReader,
}

enum FormatReader {
    /// `at`: the places in a record that each column joins.
    Csv {
        reader: Box<csv::Reader<BufReader<Box<dyn Read>>>>,
        record: csv::StringRecord,
        at: Vec<Vec<usize>>,
    },
    Json {
        reader: json::Values,
        names: Vec<String>,
        lists: Vec<String>,
        ready: VecDeque<(u64, Vec<Cell>)>,
        values: u64,
    },
    Npy(NumpyArray),
    Parquet {
        reader: ParquetRecordBatchReader,
        batch: Option<RecordBatch>,
        row: usize,
        count: u64,
    },
}

impl SourceFile {
    /// Opens a file and finds the columns in it. A column with `{n}` in its name stands for as many as there are.
    pub fn open(path: &Path, map: &FileMap, columns: &[&str]) -> Result<SourceFile, TapeError> {
        let Opened { form, name, content } = open(path, map)?;
        let failed = |what: String| TapeError::ImportFile { path: path.to_path_buf(), what };
        let (columns, form) = match form {
            Form::Csv => csv_reader(map, &name, content, columns).map_err(failed)?,
            Form::Json => {
                let names = match &map.columns {
                    Columns::InOrder(names) => names.clone(),
                    Columns::Named(_) => Vec::new(),
                };
                let wanted =
                    columns.iter().flat_map(|c| (0..=MOST_LEVELS).map(|n| level_name(c, n)).take(levels_of(c)));
                let (reader, lists) = (json::Values::new(content.reader()), map.rows.clone());
                (wanted.collect(), FormatReader::Json { reader, names, lists, ready: VecDeque::new(), values: 0 })
            }
            Form::Npy => {
                let array = NumpyArray::open(content.reader(), columns).map_err(failed)?;
                (columns.iter().map(|name| name.to_string()).collect(), FormatReader::Npy(array))
            }
            Form::Parquet => parquet_reader(content, columns).map_err(failed)?,
        };
        Ok(SourceFile { path: path.to_path_buf(), columns, form })
    }

    /// The columns of the cells, in order.
    pub fn columns(&self) -> &[String] {
        &self.columns
    }

    /// Values of JSON that were read for their lists.
    pub fn values(&self) -> u64 {
        match &self.form {
            FormatReader::Json { lists, values, .. } if !lists.is_empty() => *values,
            _ => 0,
        }
    }

    /// What the places of its rows count.
    pub fn unit(&self) -> &'static str {
        if matches!(self.form, FormatReader::Parquet { .. } | FormatReader::Npy(_)) { "row" } else { "line" }
    }

    /// The next row's cells, in the order of [`SourceFile::columns`], and its place, from 1; `None` at the end.
    pub fn next(&mut self, cells: &mut Vec<Cell>) -> Result<Option<u64>, TapeError> {
        cells.clear();
        let failed = |what: String| TapeError::ImportFile { path: self.path.clone(), what };
        match &mut self.form {
            FormatReader::Csv { reader, record, at } => {
                if !reader.read_record(record).map_err(|e| failed(e.to_string()))? {
                    return Ok(None);
                }
                let joined = |places: &Vec<usize>| {
                    let cells: Vec<&str> = places.iter().map(|&i| record.get(i).unwrap_or("")).collect();
                    cells.join(JOINED)
                };
                cells.extend(at.iter().map(|places| Cell::Text(joined(places))));
                Ok(Some(record.position().map_or(0, |p| p.line())))
            }
            FormatReader::Npy(array) => array.next(|text| cells.push(Cell::Text(text))).map_err(failed),
            FormatReader::Json { reader, names, lists, ready, values } => loop {
                if let Some((line, row)) = ready.pop_front() {
                    *cells = row;
                    return Ok(Some(line));
                }
                let Some((line, time, text)) = reader.next().map_err(failed)? else { return Ok(None) };
                *values += 1;
                let at_line = |what: String| failed(format!("line {line}: {what}"));
                let value = Tree::read(&text).map_err(at_line)?;
                let mut row = |element: Option<(&str, usize, &Tree<'_>)>| -> Result<(), String> {
                    let mut row = Vec::with_capacity(self.columns.len());
                    for column in &self.columns {
                        row.push(Cell::Text(match (&time, column.as_str(), element) {
                            (Some(time), json::BEFORE, _) => time.clone(),
                            (_, "@list", Some((list, ..))) => list.to_string(),
                            (_, "@n", Some((_, n, _))) => n.to_string(),
                            (_, column, Some((.., element))) if column.starts_with("@.") => {
                                element.text(&column[2..], &[])?
                            }
                            _ => value.text(column, names)?,
                        }));
                    }
                    ready.push_back((line, row));
                    Ok(())
                };
                if lists.is_empty() {
                    row(None).map_err(at_line)?;
                }
                for list in lists.iter() {
                    for (n, element) in value.elements(list).iter().enumerate() {
                        row(Some((list, n, element))).map_err(at_line)?;
                    }
                }
            },
            FormatReader::Parquet { reader, batch, row, count } => {
                while batch.as_ref().is_none_or(|b| *row >= b.num_rows()) {
                    match reader.next() {
                        None => return Ok(None),
                        Some(next) => *batch = Some(next.map_err(|e| failed(format!("row {}: {e}", *count + 1)))?),
                    }
                    *row = 0;
                }
                if let Some(batch) = batch {
                    for column in &self.columns {
                        let cell = cell_of(batch, column, *row);
                        cells.push(cell.map_err(|t| failed(format!("column '{column}' has type {t}")))?);
                    }
                }
                *row += 1;
                *count += 1;
                Ok(Some(*count))
            }
        }
    }
}

/// Between the names of columns of a CSV that are read as one, and between their cells.
const JOINED: &str = " + ";

/// The name of level `n` where a column stands for one each.
fn level_name(column: &str, n: usize) -> String {
    column.replace("{n}", &n.to_string())
}

fn levels_of(column: &str) -> usize {
    if column.contains("{n}") { MOST_LEVELS + 1 } else { 1 }
}

/// Columns as the file names them, each `{n}` once for each level that is there, from 0 or 1 on.
fn named_in(header: &[&str], columns: &[&str]) -> Result<Vec<String>, String> {
    let mut found = Vec::new();
    for column in columns {
        if !column.contains("{n}") {
            found.push(column.to_string());
            continue;
        }
        let there = |n: &usize| header.contains(&level_name(column, *n).as_str());
        let Some(first) = (0..2).find(there) else {
            let names = header.join(", ");
            return Err(format!("there is no column '{}'; it has: {names}", level_name(column, 0)));
        };
        found.extend((first..).take_while(there).map(|n| level_name(column, n)));
    }
    Ok(found)
}

fn csv_reader(
    map: &FileMap,
    name: &str,
    content: Content,
    columns: &[&str],
) -> Result<(Vec<String>, FormatReader), String> {
    let mut input = BufReader::with_capacity(1 << 16, content.reader());
    let mark = match map.delimiter {
        Some(mark) => mark as u8,
        None if name.ends_with(".tsv") => b'\t',
        None => delimiter_of(input.fill_buf().map_err(|e| e.to_string())?),
    };
    let given = match &map.columns {
        Columns::InOrder(names) => Some(names),
        Columns::Named(_) => (!map.header.is_empty()).then_some(&map.header),
    };
    let mut builder = csv::ReaderBuilder::new();
    builder.delimiter(mark).has_headers(given.is_none()).trim(csv::Trim::All);
    let mut reader = Box::new(builder.from_reader(input));
    let first = reader.headers().map_err(|e| e.to_string())?.clone();
    if first.is_empty() && map.preset.is_some() {
        // archives have empty files for days without data
        let at = vec![Vec::new(); columns.len()];
        return Ok((columns.iter().map(|c| c.to_string()).collect(), FormatReader::Csv { reader, record: first, at }));
    }
    let is_header = given.is_some_and(|names| first.iter().eq(names.iter().map(String::as_str)));
    let mut record = csv::StringRecord::new();
    if is_header {
        reader.read_record(&mut record).map_err(|e| e.to_string())?;
    }
    let header: Vec<&str> = match given {
        Some(names) if !first.is_empty() && first.len() != names.len() => {
            let what = if map.header.is_empty() { "columns" } else { "header" };
            return Err(format!("line 1 has {} fields; {what} = [...] names {}", first.len(), names.len()));
        }
        Some(names) => names.iter().map(String::as_str).collect(),
        None => first.iter().collect(),
    };
    let is_number = |cell: &&str| perpx_core::units::parse_decimal(cell).is_some();
    let hint = match header.iter().any(is_number) && given.is_none() {
        true => " (a file without a header needs columns = [\"name\", ...], in order)",
        false => "",
    };
    let columns = named_in(&header, columns)?;
    let places = |column: &String| column.split(JOINED).map(|name| place(&header, name)).collect::<Result<_, _>>();
    let at = columns.iter().map(places).collect::<Result<_, String>>().map_err(|e| e + hint)?;
    Ok((columns, FormatReader::Csv { reader, record, at }))
}

/// The likeliest delimiter: the one that stands most often in the first line.
fn delimiter_of(start: &[u8]) -> u8 {
    let line = start.split(|b| *b == b'\n').next().unwrap_or(&[]);
    let marks = [b',', b';', b'\t', b'|'];
    let count = |mark: u8| line.iter().filter(|b| **b == mark).count();
    // the first of equals
    marks.into_iter().rev().max_by_key(|mark| count(*mark)).unwrap_or(b',')
}

fn place(header: &[&str], column: &str) -> Result<usize, String> {
    let mut found = header.iter().enumerate().filter(|(_, name)| **name == column).map(|(i, _)| i);
    match (found.next(), found.next()) {
        (Some(at), None) => Ok(at),
        (Some(_), Some(_)) => Err(format!("column '{column}' stands twice; it has: {}", header.join(", "))),
        _ => Err(format!("there is no column '{column}'; it has: {}", header.join(", "))),
    }
}

fn parquet_reader(content: Content, columns: &[&str]) -> Result<(Vec<String>, FormatReader), String> {
    // dictionaries of the writer's own schema are read as what they stand for
    let options = || ArrowReaderOptions::new().with_skip_arrow_metadata(true);
    let text = |e: ParquetError| e.to_string();
    match content {
        Content::Plain(file) => {
            built(ParquetRecordBatchReaderBuilder::try_new_with_options(file, options()).map_err(text)?, columns)
        }
        Content::Unpacked(mut reader) => {
            let mut bytes = Vec::new();
            reader.read_to_end(&mut bytes).map_err(|e| e.to_string())?;
            let bytes = bytes::Bytes::from(bytes);
            built(ParquetRecordBatchReaderBuilder::try_new_with_options(bytes, options()).map_err(text)?, columns)
        }
    }
}

fn built<T: parquet::file::reader::ChunkReader + 'static>(
    builder: ParquetRecordBatchReaderBuilder<T>,
    columns: &[&str],
) -> Result<(Vec<String>, FormatReader), String> {
    readable_codecs(builder.metadata())?;
    let schema = builder.schema().clone();
    let header: Vec<&str> = schema.fields().iter().map(|f| f.name().as_str()).collect();
    let list_of = |column: &str| {
        let (root, _) = column.split_once('.').filter(|_| !header.contains(&column))?;
        header.contains(&root).then(|| root.to_string())
    };
    let mut wanted = Vec::new();
    for column in columns {
        match list_of(column) {
            Some(_) => wanted.extend((0..=MOST_LEVELS).map(|n| level_name(column, n)).take(levels_of(column))),
            None => wanted.extend(named_in(&header, &[column])?),
        }
    }
    let mut roots = Vec::new();
    for column in &wanted {
        roots.push(place(&header, list_of(column).as_deref().unwrap_or(column))?);
    }
    let mask = ProjectionMask::roots(builder.parquet_schema(), roots);
    let reader = builder.with_projection(mask).with_batch_size(8_192).build().map_err(|e| e.to_string())?;
    Ok((wanted, FormatReader::Parquet { reader, batch: None, row: 0, count: 0 }))
}

/// A cell of a column, or of a list in it: "bids.3" is its fourth.
fn cell_of(batch: &RecordBatch, column: &str, row: usize) -> Result<Cell, String> {
    if let Some(array) = batch.column_by_name(column) {
        return cell(array, row);
    }
    let Some((array, n)) = column.split_once('.').and_then(|(root, n)| Some((batch.column_by_name(root)?, n))) else {
        return Err("none".to_string());
    };
    let list = match array.data_type() {
        DataType::List(_) => array.as_list::<i32>().value(row),
        DataType::LargeList(_) => array.as_list::<i64>().value(row),
        other => return Err(format!("{other}, of which there is no '{n}'")),
    };
    let n: usize = n.parse().map_err(|_| format!("{}, of which there is no '{n}'", array.data_type()))?;
    if array.is_null(row) || n >= list.len() {
        return Ok(Cell::Text(String::new()));
    }
    cell(&list, n)
}

/// A cell as a time or as text, numbers in full; the type's name when there is none.
fn cell(array: &ArrayRef, i: usize) -> Result<Cell, String> {
    if array.is_null(i) {
        return Ok(Cell::Text(String::new()));
    }
    macro_rules! number {
        ($type:ty) => {
            array.as_primitive::<$type>().value(i).to_string()
        };
    }
    macro_rules! decimal {
        ($type:ty) => {
            array.as_primitive::<$type>().value_as_string(i)
        };
    }
    macro_rules! time {
        ($type:ty, $ns:expr, $zone:expr) => {{
            let value = array.as_primitive::<$type>().value(i);
            let far = || format!("{}, and holds {value}, beyond the year 2262", array.data_type());
            return Ok(Cell::Time { ns: i64::from(value).checked_mul($ns).ok_or_else(far)?, naive: $zone.is_none() });
        }};
    }
    Ok(Cell::Text(match array.data_type() {
        DataType::Int8 => number!(Int8Type),
        DataType::Int16 => number!(Int16Type),
        DataType::Int32 => number!(Int32Type),
        DataType::Int64 => number!(Int64Type),
        DataType::UInt8 => number!(UInt8Type),
        DataType::UInt16 => number!(UInt16Type),
        DataType::UInt32 => number!(UInt32Type),
        DataType::UInt64 => number!(UInt64Type),
        DataType::Float16 => number!(Float16Type),
        DataType::Float32 => number!(Float32Type),
        DataType::Float64 => number!(Float64Type),
        DataType::Timestamp(TimeUnit::Second, zone) => time!(TimestampSecondType, 1_000_000_000, zone),
        DataType::Timestamp(TimeUnit::Millisecond, zone) => time!(TimestampMillisecondType, 1_000_000, zone),
        DataType::Timestamp(TimeUnit::Microsecond, zone) => time!(TimestampMicrosecondType, 1_000, zone),
        DataType::Timestamp(TimeUnit::Nanosecond, zone) => time!(TimestampNanosecondType, 1, zone),
        DataType::Date32 => time!(Date32Type, perpx_core::units::DAY.0, None::<()>),
        DataType::Date64 => time!(Date64Type, 1_000_000, None::<()>),
        DataType::Decimal32(_, _) => decimal!(Decimal32Type),
        DataType::Decimal64(_, _) => decimal!(Decimal64Type),
        DataType::Decimal128(_, _) => decimal!(Decimal128Type),
        DataType::Decimal256(_, _) => decimal!(Decimal256Type),
        DataType::Boolean => array.as_boolean().value(i).to_string(),
        DataType::Utf8 => array.as_string::<i32>().value(i).to_string(),
        DataType::LargeUtf8 => array.as_string::<i64>().value(i).to_string(),
        DataType::Utf8View => array.as_string_view().value(i).to_string(),
        other => return Err(format!("{other}, which an import cannot read")),
    }))
}
