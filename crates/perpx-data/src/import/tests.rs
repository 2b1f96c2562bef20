//! Imports of small made-up files.

use super::*;
use crate::store::{Dataset, NumberedTrade, StoreFile, StorePath};
use perpx_core::tape::rows::{QuoteRow, TradeRow};
use perpx_core::units::Qty;
use std::io::Write;

mod formats;
mod stamps;

const MAP: &str = r#"clock_shift_ms = 1001
about = "made up"
[columns.quotes]
exch_ts = "t"
recv_ts = "r"
bid_px = "b"
bid_qty = "bs"
ask_px = "a"
ask_qty = "as"
[[file]]
path = "lin.csv"
table = "quotes"
venue = "lin"
symbol = "BTC"
time_unit = "ms"
[[file]]
path = "inv.csv.gz"
table = "quotes"
venue = "inv"
symbol = "BTC"
time_unit = "ms"
contract_face = "100"
[[file]]
path = "trades.jsonl"
table = "trades"
venue = "lin"
symbol = "BTC"
time_unit = "s"
numbers = "float"
feed_latency_ms = 20
buy = ["b"]
sell = ["s"]
columns = { recv_ts = "time", px = "price", qty = "size", taker_side = "side", trade_id = "id" }
[[file]]
path = "funding.csv"
table = "funding"
venue = "lin"
symbol = "BTC"
time_unit = "rfc3339"
rate_unit = "percent"
interval_hours = 8
columns = { ts = "when", rate = "pct" }
"#;

struct Bench(tempfile::TempDir);

impl Bench {
    fn new() -> Bench {
        let bench = Bench(tempfile::tempdir().expect("a folder"));
        bench.put("map.toml", MAP);
        bench.put(
            "lin.csv",
            "t,r,b,bs,a,as\n1767614400000,1767614399000,99.5,1,99.6,2\n1767614401000,1767614400200,99.5,1,99.7,0.000000001\n\
             1767657600000,1767657599000,100,1,100,2\n",
        );
        let mut zipped = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        zipped.write_all(b"t,r,b,bs,a,as\n1767614400000,1767614399500,50000,7,60000.0,6\n").expect("zipped");
        std::fs::write(bench.path("inv.csv.gz"), zipped.finish().expect("zipped")).expect("written");
        bench.put(
            "trades.jsonl",
            "{\"time\": 1767614400.25, \"price\": 99.60000000000001, \"size\": \"0.5\", \"side\": \"s\", \"id\": 77}\n\n",
        );
        bench.put("funding.csv", "when,pct\n2026-01-05T16:00:00Z,0.0012\n2026-01-06T00:00:00Z,-1.2e-3\n");
        bench
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.0.path().join(name)
    }

    fn put(&self, name: &str, text: &str) {
        std::fs::write(self.path(name), text).expect("written");
    }

    fn import(&self) -> Result<ImportReport, TapeError> {
        import(&self.path("map.toml"), self.0.path(), &self.path("store"))
    }

    fn refusal(&self) -> String {
        let text = self.import().expect_err("a refusal").to_string();
        assert!(!self.path("store").exists() && !self.path(".store.writing").exists(), "nothing is left");
        text.replace(&self.0.path().display().to_string(), "<dir>")
    }

    fn rows<R: StoredRow>(&self, venue: &str) -> Vec<R> {
        let store = StorePath::new(&self.path("store")).expect("local");
        let mut rows = Vec::new();
        for (_, path) in store.files(R::TABLE, venue, "BTC").expect("a listing") {
            let file = StoreFile::open::<R>(&path).expect("a file");
            for batch in file.read::<R>(0..file.groups().len()).expect("a reader") {
                rows.extend(batch.expect("a batch").rows);
            }
        }
        rows
    }
}

#[test]
fn a_map_brings_four_forms_into_one_store() {
    let bench = Bench::new();
    let report = bench.import().expect("an import");
    // 1 s behind, in too few rows to find out: the map says that everything this recorder received moves by 1.001 s
    let clock = &report.clocks["recorder"];
    assert_eq!((clock.offset_ns, clock.shift_ns, clock.given), (None, 1_001 * MS, true));
    let quotes: Vec<QuoteRow> = bench.rows("lin");
    let (exch, recv) = (quotes[0].exch, quotes[0].recv);
    assert_eq!((exch.to_string().as_str(), recv.since(exch)), ("2026-01-05T12:00:00Z", MS));
    assert_eq!((quotes[1].recv.since(quotes[1].exch), quotes[1].bbo.ask_qty), (201 * MS, Qty(1)));
    assert_eq!(quotes[2].recv.date(), "2026-01-06");
    let inverse: Vec<QuoteRow> = bench.rows("inv");
    assert_eq!((inverse[0].bbo.bid_qty, inverse[0].bbo.ask_qty), (Qty(14_000_000), Qty(10_000_000)));
    let trade = bench.rows::<TradeRow>("lin")[0];
    assert_eq!(bench.rows::<NumberedTrade>("lin")[0], NumberedTrade { row: trade, id: Some(77) });
    assert_eq!(
        (trade.px.to_string().as_str(), trade.taker, trade.consumed_book),
        ("99.6", perpx_core::market::Side::Sell, true)
    );
    assert_eq!((trade.recv.to_string().as_str(), trade.recv.since(trade.exch)), ("2026-01-05T12:00:01.251Z", 20 * MS));
    let funding: Vec<perpx_core::tape::rows::FundingRow> = bench.rows("lin");
    assert_eq!((funding[0].rate.to_string(), funding[1].rate.to_string()), ("0.000012".into(), "-0.000012".into()));
    let made_by = Dataset::read(&bench.path("store")).expect("readable").expect("there").made_by;
    assert_eq!(made_by["clocks"]["recorder"]["shift_ns"], 1_001_000_000);
    assert_eq!(made_by["files"][1]["sizes"], "made linear: contracts x 100 / price, rounded down to 1e-9");
    assert_eq!(made_by["files"][2]["clocks"], "exch_ts = recv_ts - 20 ms");
}

#[test]
fn bad_rows_stop_the_import_and_leave_nothing() {
    let head = "t,r,b,bs,a,as\n1767614400000,1767614400000,99.5,1,99.6,2\n";
    for (row, want) in [
        (
            "x,1767614400000,99,1,100,1",
            "<dir>/lin.csv: line 3: exch_ts is 'x' (column 't'); wanted a time in ms since 1970-01-01 UTC (time_unit); repair the file or its entry in the map; nothing was imported",
        ),
        (
            "1767614400,1767614400000,99,1,100,1",
            "exch_ts is '1767614400' (column 't'); wanted a time in ms since 1970-01-01 UTC (time_unit), 2000 to 2200",
        ),
        (
            "1767614400000,1767614400000,99.1234567891,1,100,1",
            "bid_px is '99.1234567891' (column 'b'); wanted a number with at most 9 decimals; finer ones need a larger coin: price_factor = 1000 with qty_factor = 0.001",
        ),
        ("1767614400000,1767614400000,NaN,1,100,1", "bid_px is 'NaN' (column 'b')"),
        ("1767614400000,1767614400000,,1,100,1", "bid_px is empty (column 'b')"),
        (
            "1767614400000,1767614400000,101,1,100,1",
            "<dir>/lin.csv: line 3: bid_px is 101; wanted no higher than ask_px 100 (a crossed quote)",
        ),
        ("1767614400000,1767614400000,0,1,100,1", "bid_px is 0; wanted a price above 0 and below 1e9"),
        ("1767614400000,1767614400000,99,-1,100,1", "bid_qty is -1; wanted a size of 0 (not known) or more, below 1e9"),
        (
            "1767614400000,1767614399999,99,1,100,1",
            "recv_ts is 2026-01-05T11:59:59.999Z; wanted no earlier than the row before it, 2026-01-05T12:00:00Z (sort = true sorts the file)",
        ),
        ("1767614400000,1767614400000,99", "lin.csv: cannot be read: "),
    ] {
        let bench = Bench::new();
        bench.put("lin.csv", &format!("{head}{row}\n"));
        let text = bench.refusal();
        assert!(text.contains(want), "{text}");
    }
    let bench = Bench::new();
    bench.put("trades.jsonl", "{\"time\": 1767614400.25, \"price\": 9, \"size\": \"0.5\", \"side\": \"B\"}\n");
    assert!(bench.refusal().contains("line 1: taker_side is 'B' (column 'side'); wanted one of b (buy) or s (sell)"));
    bench.put("lin.csv", "t,b,a\n");
    assert_eq!(bench.refusal(), "<dir>/lin.csv: cannot be read: there is no column 'as'; it has: t, b, a");
}

#[test]
fn a_map_is_checked_before_any_file_is_read() {
    for (from, to, want) in [
        (
            "table = \"quotes\"",
            "table = \"quote\"",
            "<dir>/map.toml: line 10: [[file]] table is 'quote'; accepted: quotes, trades, depth, marks, funding",
        ),
        (
            "bid_px = \"b\"",
            "bid = \"b\"",
            "line 10: quotes has no column 'bid'; accepted: exch_ts, recv_ts, bid_px, bid_qty, ask_px, ask_qty",
        ),
        (
            "ask_px = \"a\"\n",
            "",
            "line 9: [[file]] 'lin.csv': no column is named for ask_px; accepted: ask_px under columns, or under [columns.quotes]",
        ),
        (
            "feed_latency_ms = 20\n",
            "",
            "line 23: [[file]] 'trades.jsonl': 1 of the two clocks are named; accepted: exch_ts and recv_ts, or one of them and feed_latency_ms",
        ),
        (
            "interval_hours = 8\n",
            "",
            "[[file]] 'funding.csv': the funding interval is not given; accepted: interval_hours as a column or as a number",
        ),
        (
            "time_unit = \"ms\"",
            "time_unit = \"minutes\"",
            "wanted s, ms, us, ns or rfc3339, or one of them for each time column",
        ),
        ("about =", "min_feed_ms = -1\nabout =", "min_feed_ms is -1; accepted: 0 to 60000"),
        ("contract_face", "contract_size", "unknown field `contract_size`"),
        ("path = \"lin.csv\"", "path = \"lin.xlsx\"", "lin.xlsx: cannot open the file"),
    ] {
        let bench = Bench::new();
        bench.put("map.toml", &MAP.replacen(from, to, 1));
        let text = bench.refusal();
        assert!(text.contains(want), "{text}");
    }
}

#[test]
fn shipped_maps_are_legal() {
    let maps = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../data/maps");
    let found = std::fs::read_dir(maps).expect("the maps").map(|entry| entry.expect("an entry").path());
    let read: Vec<ReadMap> = found.map(|path| ReadMap::read(&path).expect("a legal map")).collect();
    assert_eq!(read.len(), 10);
    assert!(read.iter().all(|read| !read.map.about.is_empty() && !read.map.file.is_empty()));
}

#[test]
fn what_a_map_leaves_out_is_told() {
    let bench = Bench::new();
    bench.put("map.toml", &format!("{MAP}[[left_out]]\npath = \"bars.csv\"\nwhy = \"bars, not prints\"\n"));
    let report = bench.import().expect("an import");
    assert!(report.text().contains("bars.csv: left out: bars, not prints\n"), "{}", report.text());
    let store = bench.path("store");
    let checked = crate::check::check(&store, None, crate::check::STALE, Default::default()).expect("a report");
    let text = checked.text(usize::MAX);
    assert!(text.contains("Left out at import\n- bars.csv: bars, not prints\n"), "{text}");
}
