//! Every form in which the world writes a table, to the same rows.

use super::*;
use crate::store::{DepthLevelRow, assemble_depth};
use arrow::array::*;
use arrow::datatypes::{DataType, Field, Int32Type, Schema, TimeUnit, i256};
use parquet::arrow::ArrowWriter;
use parquet::basic::{BrotliLevel, Compression, GzipLevel, ZstdLevel};
use parquet::file::properties::WriterProperties;
use perpx_core::tape::rows::DepthRow;
use std::sync::Arc;

const T0: i64 = 1_767_614_400_000_000_000;

/// An empty folder with a map of one file of one venue.
fn bench(map: &str) -> Bench {
    let bench = Bench(tempfile::tempdir().expect("a folder"));
    bench.put("map.toml", map);
    bench
}

fn write_parquet(path: &Path, columns: Vec<(&str, ArrayRef)>, compression: Compression) {
    let batch = RecordBatch::try_from_iter(columns).expect("a batch");
    let options = WriterProperties::builder().set_compression(compression).build();
    let file = std::fs::File::create(path).expect("a file");
    let mut writer = ArrowWriter::try_new(file, batch.schema(), Some(options)).expect("a writer");
    writer.write(&batch).expect("written");
    writer.close().expect("closed");
}

fn stamps(n: i64) -> Arc<TimestampNanosecondArray> {
    Arc::new(TimestampNanosecondArray::from_iter_values((0..n).map(|i| T0 + i * 1_000_000_000)).with_timezone("UTC"))
}

const TRADES: &str = "[columns.trades]\nexch_ts = 't'\npx = 'p'\nqty = 'q'\ntaker_side = 's'\n[[file]]\npath = 't.parquet'\n\
                      table = 'trades'\nvenue = 'va'\nsymbol = 'BTC'\nfeed_latency_ms = 0\n";

#[test]
fn parquet_of_every_codec_and_type() {
    let words = || -> Vec<(&str, ArrayRef)> {
        let plain = Arc::new(StringArray::from(vec!["buy", "sell", "buy"]));
        let category: DictionaryArray<Int32Type> = ["buy", "sell", "buy"].into_iter().collect();
        vec![("plain", plain), ("category", Arc::new(category))]
    };
    let codecs = [
        Compression::UNCOMPRESSED,
        Compression::SNAPPY,
        Compression::GZIP(GzipLevel::default()),
        Compression::LZ4_RAW,
        Compression::LZ4,
        Compression::BROTLI(BrotliLevel::default()),
        Compression::ZSTD(ZstdLevel::default()),
    ];
    let wide = Decimal256Array::from(vec![i256::from_i128(100_500_000_000_000_000_000_000_000_000_000); 3]);
    let prices: [(&str, ArrayRef); 3] = [
        ("double", Arc::new(Float64Array::from(vec![100.5; 3]))),
        ("decimal256", Arc::new(wide.with_precision_and_scale(60, 30).expect("a decimal"))),
        ("category", Arc::new(["100.5"; 3].into_iter().collect::<DictionaryArray<Int32Type>>())),
    ];
    for codec in codecs {
        for (what, side) in words() {
            for (kind, px) in &prices {
                let bench = bench(TRADES);
                let sizes: ArrayRef = Arc::new(Float64Array::from(vec![1.5; 3]));
                let columns = vec![("t", stamps(3) as ArrayRef), ("p", px.clone()), ("q", sizes), ("s", side.clone())];
                write_parquet(&bench.path("t.parquet"), columns, codec);
                bench.import().unwrap_or_else(|e| panic!("{codec}, {what} words, {kind} prices: {e}"));
                let rows: Vec<TradeRow> = bench.rows("va");
                assert_eq!(rows.len(), 3);
                let (px, qty, exch) = (rows[1].px.to_string(), rows[1].qty.to_string(), rows[1].exch.0);
                assert_eq!((px.as_str(), qty.as_str(), exch), ("100.5", "1.5", T0 + 1_000_000_000), "{codec} {kind}");
                assert_eq!(rows[1].taker, perpx_core::market::Side::Sell);
            }
        }
    }
}

#[test]
fn a_typed_time_says_its_unit_and_a_naive_one_needs_its_zone() {
    let ms = TimestampMillisecondArray::from(vec![T0 / 1_000_000]);
    for (stamp, zone, want) in [
        (Arc::new(ms.clone().with_timezone("UTC")) as ArrayRef, "", Ok(T0)),
        (Arc::new(ms.clone()), "", Err("exch_ts is '2026-01-05T12:00:00' (column 't'); wanted a time with its offset")),
        (Arc::new(ms), "time_zone = 'Europe/Berlin'", Ok(T0 - 3_600_000_000_000)),
        (Arc::new(TimestampMicrosecondArray::from(vec![T0 / 1000]).with_timezone("UTC")), "time_unit = 'ms'", Ok(T0)),
    ] {
        let bench = bench(&format!("{TRADES}{zone}\n"));
        let one = |value: f64| Arc::new(Float64Array::from(vec![value])) as ArrayRef;
        let side = Arc::new(StringArray::from(vec!["buy"]));
        write_parquet(
            &bench.path("t.parquet"),
            vec![("t", stamp), ("p", one(1.0)), ("q", one(1.0)), ("s", side)],
            Compression::SNAPPY,
        );
        match (bench.import(), want) {
            (Ok(_), Ok(ns)) => assert_eq!(bench.rows::<TradeRow>("va")[0].exch.0, ns, "{zone}"),
            (Err(e), Err(word)) => assert!(e.to_string().contains(word), "{e}"),
            (found, want) => panic!("{zone}: {:?}, wanted {want:?}", found.map(|r| r.text())),
        }
    }
}

#[test]
fn funding_intervals_of_any_whole_number_type() {
    let map = "[columns.funding]\nts = 't'\nrate = 'r'\ninterval_hours = 'h'\n[[file]]\npath = 'f.parquet'\ntable = 'funding'\n\
               venue = 'va'\nsymbol = 'BTC'\n";
    let intervals: [ArrayRef; 8] = [
        Arc::new(UInt8Array::from(vec![8])),
        Arc::new(UInt16Array::from(vec![8])),
        Arc::new(UInt32Array::from(vec![8])),
        Arc::new(UInt64Array::from(vec![8])),
        Arc::new(Int8Array::from(vec![8])),
        Arc::new(Int16Array::from(vec![8])),
        Arc::new(Int64Array::from(vec![8])),
        Arc::new(Float64Array::from(vec![8.0])),
    ];
    for hours in intervals {
        let bench = bench(map);
        let columns = vec![("t", stamps(1) as ArrayRef), ("r", Arc::new(Float64Array::from(vec![1e-4])) as ArrayRef)];
        let columns = columns.into_iter().chain([("h", hours)]).collect();
        write_parquet(&bench.path("f.parquet"), columns, Compression::GZIP(GzipLevel::default()));
        bench.import().expect("an import");
        assert_eq!(bench.rows::<perpx_core::tape::rows::FundingRow>("va")[0].interval_hours, 8);
    }
}

/// A store that another tool wrote: unsigned intervals, wide decimals, other codecs, words as a dictionary.
#[test]
fn a_store_of_another_tool_is_read() {
    use perpx_core::tape::rows::FundingRow;
    let dir = tempfile::tempdir().expect("a folder");
    let wide = Decimal256Array::from(vec![i256::from_i128(100_000_000_000_000_000_000_000_000)]);
    let wide = wide.with_precision_and_scale(50, 30).expect("a decimal");
    let hours: [ArrayRef; 4] = [
        Arc::new(UInt8Array::from(vec![8])),
        Arc::new(UInt16Array::from(vec![8])),
        Arc::new(UInt32Array::from(vec![8])),
        Arc::new(UInt64Array::from(vec![8])),
    ];
    for hours in hours {
        let path = dir.path().join("part-0.parquet");
        let kind: DictionaryArray<Int32Type> = ["settled"].into_iter().collect();
        let columns = vec![
            ("ts", stamps(1) as ArrayRef),
            ("rate", Arc::new(wide.clone())),
            ("interval_hours", hours),
            ("kind", Arc::new(kind)),
            ("recv_ts", stamps(1)),
        ];
        write_parquet(&path, columns, Compression::BROTLI(BrotliLevel::default()));
        let file = StoreFile::open::<FundingRow>(&path).expect("a file");
        let batch = file.read::<FundingRow>(0..1).expect("a reader").next().expect("one").expect("a batch");
        assert_eq!((batch.rows[0].interval_hours, batch.rows[0].rate.to_string().as_str()), (8, "0.0001"));
        assert_eq!(batch.faults, vec![]);
    }
    // a codec that cannot be read is named
    let schema = Schema::new(vec![Field::new("px", DataType::Timestamp(TimeUnit::Nanosecond, None), false)]);
    let types = parquet::arrow::ArrowSchemaConverter::new().convert(&schema).expect("a schema");
    let types = Arc::new(types);
    let column =
        parquet::file::metadata::ColumnChunkMetaData::builder(types.column(0)).set_compression(Compression::LZO);
    let group = parquet::file::metadata::RowGroupMetaData::builder(types.clone())
        .set_column_metadata(vec![column.build().expect("a column")])
        .build()
        .expect("a group");
    let file = parquet::file::metadata::FileMetaData::new(2, 0, None, None, types, None);
    let metadata = parquet::file::metadata::ParquetMetaData::new(file, vec![group]);
    let text = crate::store::readable_codecs(&metadata).expect_err("no LZO");
    assert!(text.contains("'px' is compressed with LZO; accepted: ZSTD, SNAPPY"), "{text}");
}

const QUOTES: &str = "[columns.quotes]\nexch_ts = 't'\nbid_px = 'b'\nbid_qty = 'bs'\nask_px = 'a'\nask_qty = 'as'\n";

fn quote_file(path: &str, more: &str) -> String {
    let file = "[[file]]\ntable = 'quotes'\nvenue = 'va'\nsymbol = 'BTC'\nfeed_latency_ms = 0\ntime_unit = 'ms'\n";
    format!("{QUOTES}{file}path = '{path}'\n{more}\n")
}

/// The two lines of quotes, packed by xz itself: the crate here only unpacks.
const XZ: &str = "fd377a585a000004e6d6b4460200210116000000742fe5a3e0004500305d003a0b08500273173ff800911185126074ed55b78ed3162b7007\
                  359593838a7ad0f35be2bfb835443eec3f8d648ee9430000ecece652fa53f87b00014c468751f5e31fb6f37d010000000004595a";

/// The quotes that every form below holds.
fn assert_quotes(bench: &Bench, what: &str) {
    let report = bench.import().unwrap_or_else(|e| panic!("{what}: {e}"));
    let rows: Vec<QuoteRow> = bench.rows("va");
    let shown: Vec<String> = rows
        .iter()
        .map(|r| format!("{} {} {} {} {}", r.exch.0 / 1_000_000, r.bbo.bid, r.bbo.bid_qty, r.bbo.ask, r.bbo.ask_qty))
        .collect();
    assert_eq!(shown, ["1767614400000 99.5 1 99.6 2", "1767614401000 99.4 3 99.7 0.5"], "{what}: {}", report.text());
}

#[test]
fn text_of_every_delimiter_packing_and_shape() {
    let csv = "t,b,bs,a,as\n1767614400000,99.5,1,99.6,2\n1767614401000,99.4,3,99.7,0.5\n";
    for (mark, key) in [(";", ""), ("\t", ""), ("|", ""), (" ", "delimiter = ' '"), (":", "delimiter = ':'")] {
        let bench = bench(&quote_file("q.csv", key));
        bench.put("q.csv", &csv.replace(',', mark));
        assert_quotes(&bench, mark);
    }
    let lines = csv.split_once('\n').expect("a header").1;
    let headless = "columns = ['t', 'b', 'bs', 'a', 'as']";
    let own =
        quote_file("q.csv", "columns = ['exch_ts', 'bid_px', 'bid_qty', 'ask_px', 'ask_qty']").replace(QUOTES, "");
    for map in [quote_file("q.csv", headless), own] {
        let bench = bench(&map);
        bench.put("q.csv", lines);
        assert_quotes(&bench, "no header");
    }
    let pack = |name: &str| -> Vec<u8> {
        let bytes = csv.as_bytes();
        match name {
            "gz" => {
                let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
                out.write_all(bytes).expect("packed");
                out.finish().expect("packed")
            }
            "bz2" => {
                let mut out = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast());
                out.write_all(bytes).expect("packed");
                out.finish().expect("packed")
            }
            "zst" => zstd::encode_all(bytes, 1).expect("packed"),
            "xz" => hex::decode(XZ).expect("hex"),
            _ => zipped(&[("inside.csv", csv)]),
        }
    };
    for name in ["gz", "bz2", "zst", "xz", "zip"] {
        for file in [format!("q.csv.{name}"), format!("Q.{}", name.to_uppercase())] {
            let bench = bench(&quote_file(&file, "format = 'csv'"));
            std::fs::write(bench.path(&file), pack(name)).expect("written");
            assert_quotes(&bench, &file);
            // half a file is no file
            let whole = pack(name);
            std::fs::write(bench.path(&file), &whole[..whole.len() / 2]).expect("written");
            assert!(bench.import().expect_err("half a file").to_string().contains("cannot be read"), "{file}");
        }
    }
    let bench = bench(&quote_file("two.zip", "member = 'b.csv'"));
    std::fs::write(bench.path("two.zip"), zipped(&[("a.csv", "x\n"), ("b.csv", csv)])).expect("written");
    assert_quotes(&bench, "one of two");
    bench.put("map.toml", &quote_file("two.zip", ""));
    let text = bench.import().expect_err("two files").to_string();
    assert!(text.contains("say member = one of: a.csv, b.csv"), "{text}");
}

fn zipped(files: &[(&str, &str)]) -> Vec<u8> {
    let mut out = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, text) in files {
        out.start_file(*name, zip::write::SimpleFileOptions::default()).expect("started");
        out.write_all(text.as_bytes()).expect("packed");
    }
    out.finish().expect("packed").into_inner()
}

#[test]
fn json_of_every_shape() {
    let named = "[columns.quotes]\nexch_ts = 'd.T'\nrecv_ts = 'time'\nbid_px = 'd.b.0'\nbid_qty = 'd.b.1'\nask_px = 'd.a'\n\
                 ask_qty = 'd.A'\n[[file]]\npath = 'q.jsonl'\ntable = 'quotes'\nvenue = 'va'\nsymbol = 'BTC'\n\
                 time_unit = { exch_ts = 'ms', recv_ts = 'ns' }\nwhere = { 'd.e' = 'bookTicker' }\n";
    let bench_one = bench(named);
    bench_one.put(
        "q.jsonl",
        "1767614400000000000 {\"d\":{\"e\":\"bookTicker\",\"T\":1767614400000,\"b\":[\"99.5\",\"1\"],\"a\":99.6,\"A\":2}}\n\
         1767614400500000000 {\"d\":{\"e\":\"trade\",\"T\":1767614400400,\"p\":\"99.5\"}}\n\
         1767614401000000000 {\"d\":{\"e\":\"bookTicker\",\"T\":1767614401000,\"b\":[\"99.4\",\"3\"],\"a\":99.7,\"A\":0.5}}\n",
    );
    assert_quotes(&bench_one, "a time before each value");
    assert!(bench_one.import().expect("an import").text().contains("1 rows passed over by where"));
    bench_one.put("map.toml", &named.replace("bookTicker", "bookTiker"));
    let text = bench_one.import().expect_err("no such row").to_string();
    assert!(text.contains("none of its 3 rows has d.e = bookTiker"), "{text}");

    let rows = "[1767614400000,\"99.5\",\"1\",99.6,\"2\"]\n[1767614401000,\"99.4\",3,99.7,0.5]\n";
    let objects = "[{\"t\":1767614400000,\"b\":99.5,\"bs\":1,\"a\":99.6,\"as\":2},\n \
                   {\"t\":1767614401000,\"b\":99.4,\"bs\":3,\"a\":99.7,\"as\":0.5}]\n";
    let one_line = rows.replace("]\n[", "],[").replace("[1767614400000", "[[1767614400000").replace("0.5]", "0.5]]");
    let in_order = "columns = ['t', 'b', 'bs', 'a', 'as']";
    for (text, more) in [(rows, in_order), (objects, ""), (&one_line, in_order)] {
        for name in ["q.json", "q.jsonl"] {
            let bench = bench(&quote_file(name, more));
            bench.put(name, text);
            assert_quotes(&bench, text);
        }
    }
}

#[test]
fn a_row_that_is_a_whole_book_becomes_levels() {
    let file = "[[file]]\ntable = 'depth'\nvenue = 'va'\nsymbol = 'BTC'\nfeed_latency_ms = 0\ntime_unit = 'ms'\n";
    let wide = "[columns.depth]\nexch_ts = 't'\nbid_px = 'bid_px_{n}'\nbid_qty = 'bid_sz_{n}'\n\
                'ask_px_{n}' = 'ask_px_{n}'\nask_qty = 'ask_sz_{n}'\n";
    let lists = wide.replace("_{n}", ".{n}").replace("'ask_px.{n}' = ", "ask_px = ");
    let mut csv = String::from("t");
    for n in 1..=3 {
        csv += &format!(",bid_px_{n},bid_sz_{n},ask_px_{n},ask_sz_{n}");
    }
    csv += "\n1767614400000,99.5,1,99.6,2,99.4,3,99.7,4,99.3,5,,\n1767614401000,99.5,1,99.6,2,0,0,99.7,4,0,0,99.8,9\n";
    let json = "{\"t\":1767614400000,\"bid_px\":[99.5,99.4,99.3],\"bid_sz\":[1,3,5],\"ask_px\":[99.6,99.7],\"ask_sz\":[2,4]}\n\
                {\"t\":1767614401000,\"bid_px\":[99.5],\"bid_sz\":[1],\"ask_px\":[99.6,99.7,99.8],\"ask_sz\":[2,4,9]}\n";
    let list = |rows: Vec<Vec<f64>>| -> ArrayRef {
        let rows = rows.into_iter().map(|row| Some(row.into_iter().map(Some).collect::<Vec<_>>()));
        Arc::new(ListArray::from_iter_primitive::<arrow::datatypes::Float64Type, _, _>(rows))
    };
    let parquet = vec![
        ("t", stamps(2) as ArrayRef),
        ("bid_px", list(vec![vec![99.5, 99.4, 99.3], vec![99.5]])),
        ("bid_sz", list(vec![vec![1.0, 3.0, 5.0], vec![1.0]])),
        ("ask_px", list(vec![vec![99.6, 99.7], vec![99.6, 99.7, 99.8]])),
        ("ask_sz", list(vec![vec![2.0, 4.0], vec![2.0, 4.0, 9.0]])),
    ];
    for name in ["d.csv", "d.jsonl", "d.parquet"] {
        let columns = if name == "d.csv" { wide } else { &lists };
        let bench = bench(&format!("{columns}{file}path = '{name}'\n"));
        match name {
            "d.csv" => bench.put(name, &csv),
            "d.jsonl" => bench.put(name, json),
            _ => write_parquet(&bench.path(name), parquet.clone(), Compression::SNAPPY),
        }
        bench.import().unwrap_or_else(|e| panic!("{name}: {e}"));
        let mut books: Vec<DepthRow> = Vec::new();
        assemble_depth(&bench.rows::<DepthLevelRow>("va"), &mut books);
        let shown: Vec<String> = books
            .iter()
            .map(|b| {
                let side = |levels: &[perpx_core::market::DepthLevel]| -> String {
                    levels.iter().map(|l| format!(" {}x{}", l.px, l.qty)).collect()
                };
                format!("{}:{} |{}", b.exch.0 / 1_000_000, side(&b.bids), side(&b.asks))
            })
            .collect();
        let want =
            ["1767614400000: 99.5x1 99.4x3 99.3x5 | 99.6x2 99.7x4", "1767614401000: 99.5x1 | 99.6x2 99.7x4 99.8x9"];
        assert_eq!(shown, want, "{name}");
    }
    let hole = bench(&format!("{wide}{file}path = 'd.csv'\n"));
    hole.put("d.csv", "t,bid_px_1,bid_sz_1,bid_px_2,bid_sz_2,ask_px_1,ask_sz_1\n1767614400000,,,99,1,100,1\n");
    let text = hole.import().expect_err("a hole").to_string();
    assert!(text.contains("bid_px is '99'") && text.contains("no level after the 0, which is empty"), "{text}");
}

#[test]
fn factors_make_one_coin_of_two_and_no_hint_rounds() {
    let one = |row: &str, more: &str| {
        let bench = bench(&quote_file("q.csv", more));
        bench.put("q.csv", &format!("t,b,bs,a,as\n1767614400000,{row}\n"));
        bench
    };
    // a coin of which books show a thousand million, by the thousand
    for factor in ["price_factor = 1000\nqty_factor = 0.001", "price_factor = '1000'\nqty_factor = '0.001'"] {
        let fine = one("0.00000421345,2500000000,0.00000421400,2500000001", factor);
        let report = fine.import().expect("an import");
        assert!(report.text().contains("prices x 1000, sizes x 0.001"), "{}", report.text());
        let bbo = fine.rows::<QuoteRow>("va")[0].bbo;
        assert_eq!((bbo.bid, bbo.ask), (perpx_core::units::Price(4_213_450), perpx_core::units::Price(4_214_000)));
        assert_eq!((bbo.bid_qty, bbo.ask_qty), (Qty(2_500_000_000_000_000), Qty(2_500_000_001_000_000)));
    }
    for (row, more, want) in [
        ("0.000008,2500000000,0.00000801,1", "", "qty_factor = 0.001 with price_factor = 1000"),
        ("0.00000421345,1,0.00000421400,1", "", "price_factor = 1000 with qty_factor = 0.001"),
        ("0.00000421345,1,0.00000421400,1", "numbers = 'float'", "price_factor = 1000 with qty_factor = 0.001"),
        ("99.1234567891,1,99.2,1", "", "price_factor = 1000"),
        ("99.60000000000001,1,99.7,1", "", "numbers = \"float\" takes the nearest of a binary float"),
    ] {
        let text = one(row, more).import().expect_err("a refusal").to_string();
        assert!(text.contains(want), "{text}");
        let is_noise = row.starts_with("99.6");
        assert_eq!(text.contains("float"), is_noise, "{text}");
    }
    let linear = one("99.5,7,99.6,6", "qty_factor = 0.01");
    linear.import().expect("an import");
    assert_eq!(linear.rows::<QuoteRow>("va")[0].bbo.bid_qty, Qty(70_000_000));
    let text = one("99.5,7,99.6,6", "price_factor = 0").import().expect_err("no factor").to_string();
    assert!(text.contains("is no decimal above 0 such as 0.001"), "{text}");
}
