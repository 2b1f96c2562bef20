//! Writing a store: under another name, then renamed, so that a failure leaves nothing behind.

use super::bars::BarRow;
use super::dataset::{DATASET_FILE, Dataset, FileEntry, SCHEMA_VERSION};
use super::path::{Partition, StorePath, entries};
use super::read::Fault;
use super::table::{DepthLevelRow, NumberedTrade, StoredRow, Table, depth_fault, flatten_depth};
use crate::TapeError;
use arrow::array::RecordBatch;
use arrow::datatypes::Schema;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_writer::ArrowWriterOptions;
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::properties::{EnabledStatistics, WriterProperties, WriterVersion};
use parquet::schema::types::ColumnPath;
use perpx_core::tape::rows::{FundingRow, TradeRow, VenueTables};
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::marker::PhantomData;
use std::path::{Path, PathBuf};
use std::sync::Arc;

const ROWS_PER_GROUP: usize = 1 << 20;
const ROWS_PER_BATCH: usize = 65_536;

/// Builds a whole store. Nothing is seen under its name until [`StoreWriter::finish`]; dropped before that, it removes
/// what it wrote. Identical rows and `made_by` give identical bytes.
pub struct StoreWriter {
    target: PathBuf,
    partial: StorePath,
    dataset: Dataset,
    /// Funding by (venue, symbol, year), written by `finish`.
    funding: BTreeMap<(String, String, i64), Vec<FundingRow>>,
    /// Series of the store that is there, as "venue/symbol".
    replaced: Vec<String>,
    finished: bool,
}

impl StoreWriter {
    /// A new store at `root`, which must not exist, be empty, or be a store (then replaced by `finish`).
    pub fn create(root: &Path) -> Result<StoreWriter, TapeError> {
        let target = StorePath::new(root)?.root().to_path_buf();
        let known = |p: &PathBuf| {
            let name = p.file_name().and_then(|n| n.to_str()).unwrap_or("");
            name == DATASET_FILE || Table::ALL.iter().chain(&Table::OTHERS).any(|t| t.name() == name)
        };
        let there = entries(&target)?;
        let is_store = target.join(DATASET_FILE).is_file() && there.iter().all(known);
        if !there.is_empty() && !is_store {
            return Err(TapeError::NotAStore { path: target });
        }
        if StorePath::open(&target).is_ok_and(|store| store.recorded().is_some()) {
            return Err(TapeError::IsRecorded { path: target });
        }
        // what cannot be listed is replaced all the same
        let series = StorePath::new(&target)?.series_names().unwrap_or_default();
        let replaced = series.into_iter().map(|(venue, symbol)| format!("{venue}/{symbol}")).collect();
        let partial = sibling(&target, "writing");
        remove(&partial)?;
        let dataset = Dataset {
            schema_version: SCHEMA_VERSION,
            made_by: serde_json::Value::Null,
            rows: BTreeMap::new(),
            files: Vec::new(),
            recorded: None,
        };
        Ok(StoreWriter {
            target,
            partial: StorePath::new(&partial)?,
            dataset,
            funding: BTreeMap::new(),
            replaced,
            finished: false,
        })
    }

    /// Adds trades of one UTC day with the venue's numbers of them.
    pub fn write_trades(
        &mut self,
        venue: &str,
        symbol: &str,
        day: i64,
        rows: &[NumberedTrade],
    ) -> Result<(), TapeError> {
        name_is_legal("venue", venue)?;
        name_is_legal("symbol", symbol)?;
        self.write(venue, symbol, Partition::Day(day), rows)
    }

    /// Adds bars that were over on one UTC day, sorted by the time at which they were.
    pub fn write_bars(&mut self, venue: &str, symbol: &str, day: i64, rows: &[BarRow]) -> Result<(), TapeError> {
        name_is_legal("venue", venue)?;
        name_is_legal("symbol", symbol)?;
        self.write(venue, symbol, Partition::Day(day), rows)
    }

    /// Adds the rows received on one UTC day (days since 1970-01-01) at one venue, each table sorted by `recv`.
    /// Funding rows may be of any day: they are kept and written by [`StoreWriter::finish`].
    pub fn write_day(&mut self, venue: &str, symbol: &str, day: i64, rows: &VenueTables) -> Result<(), TapeError> {
        name_is_legal("venue", venue)?;
        name_is_legal("symbol", symbol)?;
        let partition = Partition::Day(day);
        self.write(venue, symbol, partition, &rows.quotes)?;
        let numbered = |row: &TradeRow| NumberedTrade { row: *row, id: None };
        self.write(venue, symbol, partition, &rows.trades.iter().map(numbered).collect::<Vec<_>>())?;
        if let Some((row, fault)) = rows.depth.iter().enumerate().find_map(|(i, r)| Some((i, depth_fault(r)?))) {
            let (series, fault) = (format!("{venue}/{symbol}"), Box::new(fault));
            return Err(TapeError::Refused { table: "depth snapshots", series, row, fault });
        }
        self.write::<DepthLevelRow>(venue, symbol, partition, &flatten_depth(&rows.depth))?;
        self.write(venue, symbol, partition, &rows.marks)?;
        for row in &rows.funding {
            let key = (venue.to_string(), symbol.to_string(), row.ts.civil().0);
            self.funding.entry(key).or_default().push(*row);
        }
        Ok(())
    }

    /// Writes what is left and `dataset.json`, then gives the store its name. Gives the series ("venue/symbol") of the store
    /// that it replaced.
    pub fn finish(mut self, made_by: serde_json::Value) -> Result<Vec<String>, TapeError> {
        for ((venue, symbol, year), mut rows) in std::mem::take(&mut self.funding) {
            rows.sort_by_key(|r| (r.recv, r.ts, r.kind));
            self.write(&venue, &symbol, Partition::Year(year), &rows)?;
        }
        fs::create_dir_all(self.partial.root()).map_err(TapeError::io(self.partial.root(), "make the folder"))?;
        self.dataset.made_by = made_by;
        self.dataset.files.sort_by(|a, b| a.path.cmp(&b.path));
        self.dataset.write(self.partial.root())?;
        let old = sibling(&self.target, "replaced");
        remove(&old)?;
        if self.target.exists() {
            fs::rename(&self.target, &old).map_err(TapeError::io(&self.target, "move the old store aside"))?;
        }
        fs::rename(self.partial.root(), &self.target)
            .map_err(TapeError::io(&self.target, "give the store its name"))?;
        self.finished = true;
        remove(&old)?;
        Ok(std::mem::take(&mut self.replaced))
    }

    fn write<R: StoredRow>(
        &mut self,
        venue: &str,
        symbol: &str,
        partition: Partition,
        rows: &[R],
    ) -> Result<(), TapeError> {
        if rows.is_empty() {
            return Ok(());
        }
        check_rows(venue, symbol, partition, rows)?;
        let folder = self.partial.series(R::TABLE, venue, symbol).join(partition.folder());
        fs::create_dir_all(&folder).map_err(TapeError::io(&folder, "make the folder"))?;
        let parts = entries(&folder)?.len();
        let path = folder.join(format!("part-{parts}.parquet"));
        write_file(&path, rows)?;
        let bytes = fs::read(&path).map_err(TapeError::io(&path, "read the file"))?;
        self.dataset.count(R::TABLE, &format!("{venue}/{symbol}"), rows.len() as u64);
        self.dataset.files.push(FileEntry {
            path: path.strip_prefix(self.partial.root()).unwrap_or(&path).to_string_lossy().replace('\\', "/"),
            rows: rows.len() as u64,
            bytes: bytes.len() as u64,
            blake3: blake3::hash(&bytes).to_hex().to_string(),
        });
        Ok(())
    }
}

impl Drop for StoreWriter {
    fn drop(&mut self) {
        if !self.finished {
            // nothing can be reported from here; what stays is a hidden folder that the next writer removes
            let _ = remove(self.partial.root());
        }
    }
}

/// A line on the store that was replaced, for the user: what it held, and what of that the new one, which holds `series`
/// (empty: made whole by itself), lacks.
pub(crate) fn replaced_text(replaced: &[String], series: &[String]) -> String {
    if replaced.is_empty() {
        return String::new();
    }
    let lost: Vec<&str> = replaced.iter().filter(|held| !series.contains(held)).map(String::as_str).collect();
    let gone = match lost[..] {
        [_, ..] if !series.is_empty() => format!(
            "; {} is no longer in it: several venues come into one store by one map, with an [[archive]] or [[file]] for each",
            lost.join(", ")
        ),
        _ => String::new(),
    };
    format!("the store that was there was replaced; it held {}{gone}\n", replaced.join(", "))
}

/// One file, sorted and checked rows in.
pub(crate) fn write_file<R: StoredRow>(path: &Path, rows: &[R]) -> Result<(), TapeError> {
    let mut part = ParquetPart::create(path)?;
    part.add(rows)?;
    part.finish().map(drop)
}

/// A file that is being written: sorted and checked rows in, in pieces.
pub(super) struct ParquetPart<R> {
    path: PathBuf,
    schema: Arc<Schema>,
    /// `None` once it was closed.
    writer: Option<ArrowWriter<File>>,
    rows: u64,
    of: PhantomData<R>,
}

impl<R: StoredRow> ParquetPart<R> {
    pub fn create(path: &Path) -> Result<ParquetPart<R>, TapeError> {
        let failed = |source: ParquetError| TapeError::Write { path: path.to_path_buf(), source };
        let file = File::create(path).map_err(TapeError::io(path, "make the file"))?;
        let schema = Arc::new(R::schema());
        let options = ArrowWriterOptions::new()
            .with_properties(properties(R::TABLE).map_err(failed)?)
            .with_skip_arrow_metadata(true);
        let writer = Some(ArrowWriter::try_new_with_options(file, schema.clone(), options).map_err(failed)?);
        Ok(ParquetPart { path: path.to_path_buf(), schema, writer, rows: 0, of: PhantomData })
    }

    fn each(&mut self, step: impl FnOnce(&mut ArrowWriter<File>) -> Result<(), ParquetError>) -> Result<(), TapeError> {
        let Some(writer) = &mut self.writer else { return Ok(()) };
        step(writer).map_err(|source| TapeError::Write { path: self.path.clone(), source })
    }

    pub fn add(&mut self, rows: &[R]) -> Result<(), TapeError> {
        for chunk in rows.chunks(ROWS_PER_BATCH) {
            let schema = self.schema.clone();
            self.each(|writer| writer.write(&RecordBatch::try_new(schema, R::columns(chunk))?))?;
        }
        self.rows += rows.len() as u64;
        Ok(())
    }

    /// What follows stands in another row group.
    pub fn end_group(&mut self) -> Result<(), TapeError> {
        self.each(ArrowWriter::flush)
    }

    /// Closes the file; says how many rows it has.
    pub fn finish(&mut self) -> Result<u64, TapeError> {
        match self.writer.take().map(ArrowWriter::close) {
            Some(Err(source)) => Err(TapeError::Write { path: self.path.clone(), source }),
            _ => Ok(self.rows),
        }
    }
}

/// Delta encoding for times and prices, dictionaries for the rest (the measured best of the encodings that parquet has).
fn properties(table: Table) -> Result<WriterProperties, ParquetError> {
    let mut builder = WriterProperties::builder()
        .set_writer_version(WriterVersion::PARQUET_2_0)
        .set_created_by("perpx".to_string())
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(1)?))
        .set_statistics_enabled(EnabledStatistics::Chunk)
        .set_max_row_group_row_count(Some(ROWS_PER_GROUP));
    let delta: &[&str] = match table {
        Table::Quotes => &["exch_ts", "recv_ts", "bid_px", "ask_px"],
        Table::Trades | Table::GapTrades | Table::Depth => &["exch_ts", "recv_ts", "px"],
        Table::Marks => &["exch_ts", "recv_ts"],
        Table::Funding => &["ts", "recv_ts"],
        Table::Bars => &["open_ts", "recv_ts", "open_px", "high_px", "low_px", "close_px"],
    };
    for &name in delta {
        let column = ColumnPath::from(name);
        builder = builder
            .set_column_dictionary_enabled(column.clone(), false)
            .set_column_encoding(column, Encoding::DELTA_BINARY_PACKED);
    }
    Ok(builder.build())
}

/// Refuses what a reader would refuse.
fn check_rows<R: StoredRow>(venue: &str, symbol: &str, partition: Partition, rows: &[R]) -> Result<(), TapeError> {
    let refused = |row: usize, fault: Fault| TapeError::Refused {
        table: R::TABLE.name(),
        series: format!("{venue}/{symbol}"),
        row,
        fault: Box::new(fault),
    };
    let (start, end) = partition.span();
    let mut before = rows.first().map(StoredRow::recv);
    for (i, row) in rows.iter().enumerate() {
        if let Some(fault) = row.fault() {
            return Err(refused(i, fault));
        }
        let time = row.partition_time();
        if time < start || time >= end {
            let wanted = format!("a time within {partition} (UTC)");
            return Err(refused(i, Fault::new(R::TABLE.partition_column(), time, wanted)));
        }
        if before.is_some_and(|b| row.recv() < b) {
            return Err(refused(i, Fault::new("recv_ts", row.recv(), "no earlier than the row before it")));
        }
        before = Some(row.recv());
    }
    Ok(())
}

/// `.<name>.<word>` beside `path`.
fn sibling(path: &Path, word: &str) -> PathBuf {
    let name = path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_else(|| "store".to_string());
    path.with_file_name(format!(".{name}.{word}"))
}

fn remove(folder: &Path) -> Result<(), TapeError> {
    match fs::remove_dir_all(folder) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => Err(TapeError::io(folder, "remove the folder")(e)),
        _ => Ok(()),
    }
}

/// Names become folders of the form `venue=<name>`.
pub(crate) fn name_is_legal(what: &'static str, name: &str) -> Result<(), TapeError> {
    let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    if !name.is_empty() && name.chars().all(legal) && !name.starts_with('.') {
        return Ok(());
    }
    Err(TapeError::Name { what, name: name.to_string() })
}

#[cfg(test)]
mod tests {
    use super::super::read::StoreFile;
    use super::super::table::assemble_depth;
    use super::*;
    use perpx_core::market::{Bbo, DepthLevel, Side};
    use perpx_core::tape::rows::*;
    use perpx_core::units::{HOUR, Price, Qty, Rate, Time};

    fn day_of_rows() -> VenueTables {
        let t = |s: i64| Time(1_767_571_200_000_000_000 + s * 1_000_000);
        let bbo = Bbo { bid: Price(100_100_000_000), bid_qty: Qty(0), ask: Price(100_100_000_001), ask_qty: Qty(7) };
        let level = |px| DepthLevel { px: Price(px), qty: Qty(5) };
        let trade =
            TradeRow { exch: t(1), recv: t(2), px: Price(1), qty: Qty(3), taker: Side::Sell, consumed_book: false };
        let funding =
            FundingRow { ts: t(0), recv: t(9), rate: Rate(-15_817_080), interval_hours: 8, kind: FundingKind::Settled };
        VenueTables {
            quotes: vec![QuoteRow { exch: t(0), recv: t(1), bbo }, QuoteRow { exch: t(3), recv: t(3), bbo }],
            trades: vec![trade, TradeRow { taker: Side::Buy, consumed_book: true, ..trade }],
            depth: vec![
                DepthRow { exch: t(1), recv: t(2), bids: vec![level(9), level(8)], asks: vec![level(10)] },
                DepthRow { exch: t(1), recv: t(2), bids: vec![level(9)], asks: vec![level(10), level(12)] },
            ],
            marks: vec![MarkRow { exch: t(1), recv: t(2), mark: Price(0), index: Price(4) }],
            funding: vec![
                funding,
                FundingRow { ts: t(0).plus(8 * HOUR), kind: FundingKind::Predicted, recv: t(3), ..funding },
            ],
        }
    }

    fn read_all<R: StoredRow>(store: &StorePath) -> Vec<R> {
        let mut rows = Vec::new();
        for (_, path) in store.files(R::TABLE, "lighter", "BTC").expect("a listing") {
            let file = StoreFile::open::<R>(&path).expect("a file");
            for batch in file.read::<R>(0..file.groups().len()).expect("a reader") {
                let batch = batch.expect("a batch");
                assert_eq!(batch.faults, vec![]);
                rows.extend(batch.rows);
            }
        }
        rows
    }

    #[test]
    fn rows_come_back_as_they_went_in_and_bytes_repeat() {
        let dir = tempfile::tempdir().expect("a folder");
        let rows = day_of_rows();
        let write = |name: &str| {
            let root = dir.path().join(name);
            let mut writer = StoreWriter::create(&root).expect("a writer");
            writer.write_day("lighter", "BTC", 20_458, &rows).expect("a day");
            writer.finish(serde_json::json!({"tool": "test"})).expect("a store");
            root
        };
        let (first, second) = (write("a"), write("b"));
        let mut writer = StoreWriter::create(&second).expect("a writer");
        writer.write_day("lighter", "BTC", 20_458, &rows).expect("a day");
        assert_eq!(writer.finish(serde_json::json!({"tool": "test"})).expect("a store"), ["lighter/BTC"]);
        let store = StorePath::new(&first).expect("local");
        let mut depth = Vec::new();
        assemble_depth(&read_all::<DepthLevelRow>(&store), &mut depth);
        let mut funding = rows.funding.clone();
        funding.sort_by_key(|r| r.recv);
        let back = VenueTables {
            quotes: read_all(&store),
            trades: read_all(&store),
            depth,
            marks: read_all(&store),
            funding: read_all(&store),
        };
        assert_eq!(back, VenueTables { funding, ..rows });
        let json = |root: &Path| std::fs::read_to_string(root.join(DATASET_FILE)).expect("dataset.json");
        assert_eq!(json(&first), json(&second));
        assert!(json(&first).contains("quotes/venue=lighter/symbol=BTC/date=2026-01-05/part-0.parquet"));
        assert_eq!(entries(dir.path()).expect("a listing").len(), 2, "nothing is left beside it");
    }

    #[test]
    fn unfit_rows_and_foreign_folders_are_refused_and_leave_nothing() {
        let dir = tempfile::tempdir().expect("a folder");
        let root = dir.path().join("store");
        let mut crossed = day_of_rows();
        crossed.quotes[1].bbo.bid = Price(200_000_000_000);
        let mut writer = StoreWriter::create(&root).expect("a writer");
        let text = writer.write_day("lighter", "BTC", 20_458, &crossed).expect_err("crossed").to_string();
        assert_eq!(
            text,
            "cannot store quotes of lighter/BTC, row 2: bid_px is 200; wanted no higher than ask_px 100.100000001 (a \
             crossed quote)"
        );
        let text = writer.write_day("lighter", "BTC", 20_459, &day_of_rows()).expect_err("wrong day").to_string();
        assert!(text.contains("wanted a time within date=2026-01-06 (UTC)"), "{text}");
        let text = writer.write_day("../x", "BTC", 20_458, &day_of_rows()).expect_err("a path").to_string();
        assert_eq!(text, "'../x' cannot name a venue: letters, digits, '.', '_' and '-' are accepted");
        drop(writer);
        assert_eq!(std::fs::read_dir(dir.path()).expect("a folder").count(), 0);
        std::fs::create_dir(&root).expect("a folder");
        std::fs::write(root.join("letter.txt"), "mine").expect("a file");
        let text = StoreWriter::create(&root).err().expect("not a store").to_string();
        assert!(text.contains("holds no dataset.json"), "{text}");
    }
}
