//! Archives by preset: small files made here in each archive's layout, imported, and held against the values put in.

use perpx::TapeError;
use perpx::import::{ImportReport, import, import_archive, preset};
use perpx::market::Side;
use perpx::store::{DepthLevelRow, NumberedTrade, StoreFile, StorePath, StoredRow};
use perpx::tape::rows::{FundingRow, MarkRow, QuoteRow};
use perpx::units::Time;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

/// 2026-05-01T00:00:00Z in seconds.
const T0: i64 = 1_777_593_600;

/// A folder of an archive's files.
struct Files(tempfile::TempDir);

impl Files {
    fn new() -> Files {
        Files(tempfile::tempdir().expect("a folder"))
    }

    fn root(&self) -> PathBuf {
        self.0.path().join("archive")
    }

    fn put(&self, path: &str, bytes: impl AsRef<[u8]>) {
        let path = self.root().join(path);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("made");
        std::fs::write(path, bytes).expect("written");
    }

    fn gz(&self, path: &str, text: &str) {
        let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        packed.write_all(text.as_bytes()).expect("packed");
        self.put(path, packed.finish().expect("packed"));
    }

    fn zip(&self, path: &str, member: &str, bytes: impl AsRef<[u8]>) {
        self.put(path, zipped(member, bytes.as_ref()));
    }

    fn lz4(&self, path: &str, frames: &[&str]) {
        self.put(path, frames.iter().flat_map(|text| framed(text)).collect::<Vec<u8>>());
    }

    fn store(&self) -> PathBuf {
        self.0.path().join("store")
    }

    /// Imports by preset, with more lines of the archive's entry.
    fn import(&self, preset: &str, instrument: &str, more: &str) -> Result<ImportReport, TapeError> {
        let map = format!("[[archive]]\npreset = '{preset}'\ninstrument = '{instrument}'\nsymbol = 'BTC'\n{more}");
        import_archive(map, &self.root(), &self.store())
    }

    fn refusal(&self, preset: &str, instrument: &str, more: &str) -> String {
        let text = self.import(preset, instrument, more).expect_err("a refusal").to_string();
        assert!(!self.store().exists(), "nothing is left");
        text.replace(&self.root().display().to_string(), "<dir>")
    }

    fn rows<R: StoredRow>(&self, venue: &str) -> Vec<R> {
        let store = StorePath::new(&self.store()).expect("local");
        let mut rows = Vec::new();
        for (_, path) in store.files(R::TABLE, venue, "BTC").expect("a listing") {
            let file = StoreFile::open::<R>(&path).expect("a file");
            for batch in file.read::<R>(0..file.groups().len()).expect("a reader") {
                rows.extend(batch.expect("a batch").rows);
            }
        }
        rows
    }

    /// Quotes as "exch+delay bid x size ask x size", times in microseconds after `T0`.
    fn quotes(&self, venue: &str) -> Vec<String> {
        let text = |row: &QuoteRow| {
            let b = row.bbo;
            format!("{} {}x{} {}x{}", times(row.exch, row.recv), b.bid, b.bid_qty, b.ask, b.ask_qty)
        };
        self.rows::<QuoteRow>(venue).iter().map(text).collect()
    }

    fn trades(&self, venue: &str) -> Vec<String> {
        let text = |NumberedTrade { row, .. }: &NumberedTrade| {
            let side = if row.taker == Side::Buy { "buy" } else { "sell" };
            format!("{} {side} {}x{}", times(row.exch, row.recv), row.px, row.qty)
        };
        self.rows::<NumberedTrade>(venue).iter().map(text).collect()
    }

    /// A book a row: "exch+delay bids | asks".
    fn depth(&self, venue: &str) -> Vec<String> {
        let mut books = Vec::new();
        perpx::store::assemble_depth(&self.rows::<DepthLevelRow>(venue), &mut books);
        let side = |levels: &[perpx::market::DepthLevel]| {
            levels.iter().map(|level| format!("{}x{}", level.px, level.qty)).collect::<Vec<_>>().join(" ")
        };
        let text = |book: &perpx::tape::rows::DepthRow| {
            format!("{} {} | {}", times(book.exch, book.recv), side(&book.bids), side(&book.asks))
        };
        books.iter().map(text).collect()
    }

    fn marks(&self, venue: &str) -> Vec<String> {
        let text = |row: &MarkRow| format!("{} {} {}", times(row.exch, row.recv), row.mark, row.index);
        self.rows::<MarkRow>(venue).iter().map(text).collect()
    }

    fn funding(&self, venue: &str) -> Vec<String> {
        let text = |row: &FundingRow| format!("{} {} {} h", row.ts, row.rate, row.interval_hours);
        self.rows::<FundingRow>(venue).iter().map(text).collect()
    }
}

fn times(exch: Time, recv: Time) -> String {
    format!("{}+{}", (exch.0 - T0 * 1_000_000_000) / 1_000, recv.since(exch).0 / 1_000)
}

fn zipped(member: &str, bytes: &[u8]) -> Vec<u8> {
    let mut archive = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    archive.start_file(member, zip::write::SimpleFileOptions::default()).expect("a member");
    archive.write_all(bytes).expect("packed");
    archive.finish().expect("an archive").into_inner()
}

fn framed(text: &str) -> Vec<u8> {
    let mut frame = lz4_flex::frame::FrameEncoder::new(Vec::new());
    frame.write_all(text.as_bytes()).expect("packed");
    frame.finish().expect("a frame")
}

/// A minute of every type, in both of the ways that the files are named.
fn of_tardis(files: &Files) {
    let us = T0 * 1_000_000;
    let head = "exchange,symbol,timestamp,local_timestamp";
    let row = |at: i64, rest: &str| format!("lighter,1,{},{},{rest}\n", us + at, us + at + 45_678);
    files.gz(
        "lighter_quotes_2026-05-01_1.csv.gz",
        &[
            format!("{head},ask_amount,ask_price,bid_price,bid_amount\n"),
            row(1_000_000, "0.5,65000.2,65000.1,1.25"),
            row(2_000_000, ",,65000.1,1.25"),
            row(3_000_001, "0.5,65000.3,65000.2,0.00001"),
        ]
        .concat(),
    );
    // as the server's paths have it
    files.gz(
        "trades/2026/05/01/1.csv.gz",
        &[
            format!("{head},id,side,price,amount\n"),
            row(1_500_000, "101,buy,65000.2,0.1"),
            row(1_600_000, "102,unknown,65000.2,0.1"),
            row(1_700_000, "103,sell,65000.1,0.2"),
        ]
        .concat(),
    );
    let level = |at: i64, snapshot: bool, rest: &str| row(at, &format!("{snapshot},{rest}"));
    files.gz(
        "lighter_incremental_book_L2_2026-05-01_1.csv.gz",
        &[
            format!("{head},is_snapshot,side,price,amount\n"),
            level(1_000_000, true, "bid,65000.1,1"),
            level(1_000_000, true, "bid,65000,2"),
            level(1_000_000, true, "ask,65000.2,3"),
            level(1_000_000, true, "ask,65000.3,4"),
            // the best bid goes, the best ask shrinks
            level(1_100_000, false, "bid,65000.1,0"),
            level(1_100_000, false, "ask,65000.2,1.5"),
            // far from the best, and soon after: no row
            level(1_200_000, false, "bid,64000,9"),
            // a second later it is one
            level(2_150_000, false, "bid,63000,9"),
            // the levels before are gone
            level(3_000_000, true, "bid,64999,5"),
            level(3_000_000, true, "ask,65001,6"),
            // crossed: no book
            level(3_100_000, false, "bid,65002,5"),
        ]
        .concat(),
    );
    files.gz("lighter_book_snapshot_25_2026-05-01_1.csv.gz", &format!("{head},asks[0].price\n"));
    files.gz(
        "lighter_derivative_ticker_2026-05-01_1.csv.gz",
        &[
            format!("{head},funding_timestamp,funding_rate,predicted_funding_rate,open_interest,last_price,index_price,mark_price\n"),
            row(1_000_000, ",0.0001,,,65000.1,64990.5,64995.25"),
            row(2_000_000, ",,,12.5,,,"),
        ]
        .concat(),
    );
    // another instrument's, and a day without data
    files.gz("lighter_quotes_2026-05-01_11.csv.gz", "nonsense\n");
    files.gz("lighter_quotes_2026-05-02_1.csv.gz", "");
}

#[test]
fn tardis() {
    let files = Files::new();
    of_tardis(&files);
    let report = files.import("tardis", "1", "").expect("an import");
    assert_eq!(
        files.quotes("lighter"),
        ["1000000+45678 65000.1x1.25 65000.2x0.5", "3000001+45678 65000.2x0.00001 65000.3x0.5"]
    );
    assert_eq!(files.trades("lighter"), ["1500000+45678 buy 65000.2x0.1", "1700000+45678 sell 65000.1x0.2"]);
    assert_eq!(files.rows::<NumberedTrade>("lighter")[1].id, Some(103));
    assert_eq!(
        files.depth("lighter"),
        [
            "1000000+45678 65000.1x1 65000x2 | 65000.2x3 65000.3x4",
            "1100000+45678 65000x2 | 65000.2x1.5 65000.3x4",
            "2150000+45678 65000x2 64000x9 63000x9 | 65000.2x1.5 65000.3x4",
            "3000000+45678 64999x5 | 65001x6",
        ]
    );
    assert_eq!(files.marks("lighter"), ["1000000+45678 64995.25 64990.5"]);
    let of = |table: &str| report.files.iter().find(|file| file.table == table).expect("a file");
    assert_eq!(
        (of("quotes").empty, of("trades").passed_over, of("depth").unfit_books, of("marks").empty),
        (1, 1, 1, 1)
    );
    assert_eq!(report.left_out.len(), 1);
    assert!(report.text().contains("lighter_book_snapshot_25_2026-05-01_1.csv.gz: left out: another form of depth"));
}

#[test]
fn times_that_the_venue_did_not_give_are_told() {
    let files = Files::new();
    let us = T0 * 1_000_000;
    let head = "exchange,symbol,timestamp,local_timestamp,ask_amount,ask_price,bid_price,bid_amount\n";
    files.gz("lighter_quotes_2026-05-01_1.csv.gz", &format!("{head}lighter,1,{us},{us},1,65000.2,65000.1,1\n"));
    let text = files.import("tardis", "1", "").expect("an import").text();
    assert!(text.contains("; exchange and receive times are equal in every row"), "{text}");
}

#[test]
fn binance_vision() {
    let files = Files::new();
    let ms = T0 * 1_000;
    let books = format!(
        "update_id,best_bid_price,best_bid_qty,best_ask_price,best_ask_qty,transaction_time,event_time\n\
         11,65000.10,1.250,65000.20,0.500,{},{}\n12,65000.20,0.100,65000.30,0.500,{},{}\n",
        ms + 9,
        ms + 15,
        ms + 1_009,
        ms + 1_011
    );
    let packed = zipped("BTCUSDT-bookTicker-2026-05-01.csv", books.as_bytes());
    let name = "daily/bookTicker/BTCUSDT/BTCUSDT-bookTicker-2026-05-01.zip";
    files.put(name, &packed);
    let sum = |bytes: &[u8]| {
        use sha2::Digest;
        sha2::Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect::<String>()
    };
    files.put(&format!("{name}.CHECKSUM"), format!("{}  BTCUSDT-bookTicker-2026-05-01.zip\n", sum(&packed)));
    // an old file: no header
    let prints = format!(
        "26129,65000.2,0.100,27781,27781,{},false\n26130,65000.1,0.200,27782,27783,{},true\n",
        ms + 500,
        ms + 700
    );
    files.zip("daily/aggTrades/BTCUSDT/BTCUSDT-aggTrades-2026-05-01.zip", "BTCUSDT-aggTrades-2026-05-01.csv", &prints);
    files.zip("daily/trades/BTCUSDT/BTCUSDT-trades-2026-05-01.zip", "BTCUSDT-trades-2026-05-01.csv", "not read");
    let bars = format!(
        "open_time,open,high,low,close,volume,close_time,quote_volume,count,taker_buy_volume,taker_buy_quote_volume,ignore\n\
         {ms},1,2,0.5,64995.25,0,{},0,60,0,0,0\n",
        ms + 59_999
    );
    files.zip("markPriceKlines/BTCUSDT/1m/BTCUSDT-1m-2026-05-01.zip", "BTCUSDT-1m-2026-05-01.csv", &bars);
    files.zip("klines/BTCUSDT/1m/BTCUSDT-1m-2026-05-01.zip", "BTCUSDT-1m-2026-05-01.csv", "not read");
    let rates = format!(
        "calc_time,funding_interval_hours,last_funding_rate\n{},8,0.00010000\n{},8,-0.00002500\n",
        ms + 2,
        ms + 28_800_000
    );
    files.zip("monthly/fundingRate/BTCUSDT/BTCUSDT-fundingRate-2026-05.zip", "BTCUSDT-fundingRate-2026-05.csv", &rates);
    let text = files.refusal("binance-vision", "BTCUSDT", "");
    assert!(text.contains("has one clock") && text.contains("--feed-latency-ms"), "{text}");
    let report = files.import("binance-vision", "BTCUSDT", "feed_latency_ms = 20").expect("an import");
    assert_eq!(
        files.quotes("binance"),
        ["9000+20000 65000.1x1.25 65000.2x0.5", "1009000+20000 65000.2x0.1 65000.3x0.5"]
    );
    assert_eq!(files.trades("binance"), ["500000+20000 buy 65000.2x0.1", "700000+20000 sell 65000.1x0.2"]);
    assert_eq!(files.marks("binance"), ["60000000+20000 64995.25 0"]);
    assert_eq!(files.funding("binance"), ["2026-05-01T00:00:00.002Z 0.0001 8 h", "2026-05-01T08:00:00Z -0.000025 8 h"]);
    assert_eq!(report.left_out.len(), 1, "{:?}", report.left_out);

    std::fs::remove_dir_all(files.store()).expect("removed");
    files.put(&format!("{name}.CHECKSUM"), "00ff  BTCUSDT-bookTicker-2026-05-01.zip\n");
    let text = files.refusal("binance-vision", "BTCUSDT", "feed_latency_ms = 20");
    assert!(text.contains("its SHA-256 is") && text.contains("says 00ff"), "{text}");
    std::fs::remove_file(files.root().join(format!("{name}.CHECKSUM"))).expect("removed");
    files.zip(name, "x.csv", "id,bid\n1,2\n");
    let text = files.refusal("binance-vision", "BTCUSDT", "feed_latency_ms = 20");
    assert!(text.contains("it has not the layout of the preset binance-vision, quotes: line 1 has 2 fields"), "{text}");
    // microseconds, as spot files have them
    files.zip(name, "x.csv", format!("11,65000.10,1.250,65000.20,0.500,{0},{0}\n", ms * 1_000));
    let text = files.refusal("binance-vision", "BTCUSDT", "feed_latency_ms = 20");
    assert!(text.contains("the preset binance-vision, quotes: line 1: exch_ts is '1777593600000000'"), "{text}");
}

#[test]
fn bybit() {
    let files = Files::new();
    let head =
        "timestamp,symbol,side,size,price,tickDirection,trdMatchID,grossValue,homeNotional,foreignNotional,RPI\n";
    // as old days are: the last print first
    files.gz(
        "BTCUSDT2026-05-01.csv.gz",
        &format!(
            "{head}{}.7,BTCUSDT,Sell,0.2,65000.1,MinusTick,48a44029-x,1e+09,0.2,13000.02,0\n\
             {}.5001,BTCUSDT,Buy,0.1,65000.2,PlusTick,48a44029-y,1e+09,0.1,6500.02,0\n",
            T0 + 1,
            T0 + 1
        ),
    );
    let ms = T0 * 1_000;
    let message = |kind: &str, ts: i64, cts: &str, bids: &str, asks: &str| {
        format!(
            "{{\"topic\":\"orderbook.500.BTCUSDT\",\"type\":\"{kind}\",\"ts\":{ts},\"data\":{{\"s\":\"BTCUSDT\",\"b\":[{bids}],\
             \"a\":[{asks}],\"u\":1,\"seq\":2}}{cts}}}\n"
        )
    };
    let book = [
        message("snapshot", ms + 1_000, "", "[\"65000.1\",\"1\"],[\"65000\",\"2\"]", "[\"65000.2\",\"3\"]"),
        message("delta", ms + 1_105, &format!(",\"cts\":{}", ms + 1_100), "[\"65000.1\",\"0\"]", ""),
        message(
            "delta",
            ms + 1_205,
            &format!(",\"cts\":{}", ms + 1_200),
            "",
            "[\"65000.2\",\"0.5\"],[\"65000.4\",\"7\"]",
        ),
        message("snapshot", ms + 1_305, &format!(",\"cts\":{}", ms + 1_300), "[\"64999\",\"4\"]", "[\"65001\",\"5\"]"),
    ];
    files.zip("2026-05-01_BTCUSDT_ob500.data.zip", "2026-05-01_BTCUSDT_ob500.data", book.concat());
    files.import("bybit", "BTCUSDT", "feed_latency_ms = 30").expect("an import");
    assert_eq!(files.trades("bybit"), ["1500100+30000 buy 65000.2x0.1", "1700000+30000 sell 65000.1x0.2"]);
    assert_eq!(
        files.quotes("bybit"),
        [
            "1000000+30000 65000.1x1 65000.2x3",
            "1100000+30000 65000x2 65000.2x3",
            "1200000+30000 65000x2 65000.2x0.5",
            "1300000+30000 64999x4 65001x5",
        ]
    );
    assert_eq!(
        files.depth("bybit"),
        [
            "1000000+30000 65000.1x1 65000x2 | 65000.2x3",
            "1100000+30000 65000x2 | 65000.2x3",
            "1200000+30000 65000x2 | 65000.2x0.5 65000.4x7",
            "1300000+30000 64999x4 | 65001x5",
        ]
    );
}

#[test]
fn hyperliquid_s3() {
    let files = Files::new();
    let ms = T0 * 1_000;
    let book = |at: i64, received: &str, bids: &str, asks: &str| {
        format!(
            "{{\"time\":\"2026-05-01T00:00:{received}\",\"ver_num\":1,\"raw\":{{\"channel\":\"l2Book\",\"data\":{{\"coin\":\"BTC\",\
             \"time\":{},\"levels\":[[{bids}],[{asks}]]}}}}}}\n",
            ms + at
        )
    };
    let level = |px: &str, sz: &str| format!("{{\"px\":\"{px}\",\"sz\":\"{sz}\",\"n\":2}}");
    let (bids, asks) = ([level("65000.0", "1.5"), level("64999.0", "2.5")].join(","), level("65001.0", "0.5"));
    files.lz4(
        "hyperliquid-archive/market_data/20260501/0/l2Book/BTC.lz4",
        &[&book(1_000, "01.250000123", &bids, &asks), &book(1_500, "01.750000000", &bids, "")],
    );
    files.lz4("hyperliquid-archive/market_data/20260501/1/l2Book/ETH.lz4", &["nonsense"]);
    let fill = |coin: &str, side: &str, crossed: bool, tid: u32| {
        format!(
            "[\"0xabc\",{{\"coin\":\"{coin}\",\"px\":\"65001.0\",\"sz\":\"0.25\",\"side\":\"{side}\",\"time\":{},\"startPosition\":\"0\",\
             \"dir\":\"Open Long\",\"closedPnl\":\"0\",\"hash\":\"0x1\",\"oid\":7,\"crossed\":{crossed},\"fee\":\"0.1\",\"tid\":{tid}}}]",
            ms + 1_200
        )
    };
    let events = [
        fill("BTC", "A", false, 17),
        fill("BTC", "B", true, 17),
        fill("ETH", "B", true, 18),
        fill("BTC", "B", false, 19),
        fill("BTC", "A", true, 19),
    ];
    let block = format!(
        "{{\"local_time\":\"2026-05-01T00:00:01.300000000\",\"block_time\":\"2026-05-01T00:00:01.200000000\",\"block_number\":5,\
         \"events\":[{}]}}\n{{\"local_time\":\"2026-05-01T00:00:01.4\",\"block_time\":\"\",\"block_number\":6,\"events\":[]}}\n",
        events.join(",")
    );
    files.lz4("hl-mainnet-node-data/node_fills_by_block/hourly/20260501/0.lz4", &[&block]);
    files.lz4("hl-mainnet-node-data/node_fills/hourly/20250601/0.lz4", &["not read"]);
    files.lz4(
        "hyperliquid-archive/asset_ctxs/20260501.csv.lz4",
        &["time,coin,funding,open_interest,prev_day_px,day_ntl_vlm,premium,oracle_px,mark_px,mid_px,impact_bid_px,impact_ask_px\n\
           2026-05-01T00:01:00Z,BTC,0.0000125,36748.7,64000.0,1.0,0.0003,65010.0,65002.5,65000.5,65000.0,65001.0\n\
           2026-05-01 00:00:00,BTC,0.0000125,36748.7,64000.0,1.0,0.0003,65009.0,65001.5,65000.5,65000.0,65001.0\n\
           2026-05-01T00:01:00Z,ETH,0.0000125,1.0,1.0,1.0,0.0003,3000.0,3001.0,,,\n"],
    );
    files.import("hyperliquid-s3", "BTC", "feed_latency_ms = 300").expect("an import");
    assert_eq!(files.quotes("hyperliquid"), ["1000000+250000 65000x1.5 65001x0.5"]);
    assert_eq!(
        files.depth("hyperliquid"),
        ["1000000+250000 65000x1.5 64999x2.5 | 65001x0.5", "1500000+250000 65000x1.5 64999x2.5 | "]
    );
    assert_eq!(files.trades("hyperliquid"), ["1200000+100000 buy 65001x0.25", "1200000+100000 sell 65001x0.25"]);
    let ids: Vec<Option<i64>> = files.rows::<NumberedTrade>("hyperliquid").iter().map(|print| print.id).collect();
    assert_eq!(ids, [Some(17), Some(19)]);
    assert_eq!(files.marks("hyperliquid"), ["0+300000 65001.5 65009", "60000000+300000 65002.5 65010"]);
}

#[test]
fn json_of_another_layout_is_refused() {
    for (path, want) in [
        ("l2Book/BTC.lz4", "quotes: none of its 1 rows has raw.channel = l2Book"),
        ("node_fills_by_block/hourly/20260501/0.lz4", "trades: none of its 1 values has an element of events"),
    ] {
        let files = Files::new();
        files.lz4(path, &["{\"channel\":\"l2Book\"}\n"]);
        let text = files.refusal("hyperliquid-s3", "BTC", "");
        assert!(text.contains(&format!("it has not the layout of the preset hyperliquid-s3, {want}")), "{text}");
    }
}

#[test]
fn hyperliquid_s3_of_the_form_before() {
    let files = Files::new();
    let fill = |crossed: bool, side: &str| {
        format!(
            "[\"0xabc\",{{\"coin\":\"BTC\",\"px\":\"65001.0\",\"sz\":\"0.25\",\"side\":\"{side}\",\"time\":{},\"crossed\":{crossed},\"tid\":17}}]\n",
            T0 * 1_000
        )
    };
    files.lz4("node_fills/hourly/20260501/0.lz4", &[&fill(false, "B"), &fill(true, "A")]);
    files.import("hyperliquid-s3", "BTC", "feed_latency_ms = 300\nvenue = 'hl'").expect("an import");
    assert_eq!(files.trades("hl"), ["0+300000 sell 65001x0.25"]);
}

#[test]
fn lighter_export() {
    let files = Files::new();
    let rows = [
        ("BTC", "Long > Short", 9, "Taker"),
        ("BTC", "Close Long", 8, "Maker"),
        ("ETH", "Close Long", 7, "Taker"),
        ("BTC", "Close Short", 6, "Taker"),
        ("BTC", "Open Short", 5, "Taker"),
        ("BTC", "Open Long", 4, "Maker"),
        ("BTC", "Open Long", 3, "Taker"),
    ];
    let row = |(market, side, at, role): (&str, &str, i64, &str)| {
        format!("{market},{side},2026-05-01 00:00:0{at},13.748880,0.000200,6874{at}.400000,-,0.0000,{role},trade\n")
    };
    let head = "Market,Side,Date,Trade Value,Size,Price,Closed PnL,Fee,Role,Type\n";
    files.put("trade_export.csv", head.to_string() + &rows.map(row).concat());
    files.import("lighter-export", "BTC", "feed_latency_ms = 0").expect("an import");
    // who took: we, or with a maker's fill the other side
    assert_eq!(
        files.trades("lighter_own"),
        [
            "3000000+0 buy 68743.4x0.0002",
            "4000000+0 sell 68744.4x0.0002",
            "5000000+0 sell 68745.4x0.0002",
            "6000000+0 buy 68746.4x0.0002",
            "8000000+0 buy 68748.4x0.0002",
            "9000000+0 sell 68749.4x0.0002",
        ]
    );
    let other = Files::new();
    other.put(
        "funding.csv",
        "Market,Side,Date,Position Size,Payment,Rate\nBTC,short,2026-05-01 13:00:00,1,0.1,0.000060%\n",
    );
    let text = other.refusal("lighter-export", "BTC", "feed_latency_ms = 0");
    assert!(
        text.contains("it has not the layout of the preset lighter-export, trades: there is no column 'Price'"),
        "{text}"
    );
}

#[test]
fn hftbacktest() {
    const BOTH: u64 = 3 << 30;
    const BUY: u64 = 1 << 29;
    const SELL: u64 = 1 << 28;
    let at = T0 * 1_000_000_000;
    let events: [(u64, i64, f64, f64); 13] = [
        (4 | BUY | BOTH, 1_000_000_000, 65000.1, 1.0),
        (4 | BUY | BOTH, 1_000_000_000, 65000.0, 2.0),
        (4 | SELL | BOTH, 1_000_000_000, 65000.2, 3.0),
        (2 | SELL | BOTH, 1_050_000_000, 65000.1, 0.25),
        (2 | BUY | BOTH, 1_060_000_000, 65000.2, 0.5),
        // a print without a side, and a row that only the venue sees
        (2 | BOTH, 1_070_000_000, 65000.2, 0.5),
        (1 | BUY | 1 << 31, 1_080_000_000, 65000.1, 0.0),
        (1 | BUY | BOTH, 1_100_000_000, 65000.1, 0.75),
        // best bid and ask by another stream
        (5 | BUY | BOTH, 1_150_000_000, 1.0, 1.0),
        // the bids down to 65000.0 go, and come new
        (3 | BUY | BOTH, 1_200_000_000, 65000.0, 0.0),
        (4 | BUY | BOTH, 1_200_000_000, 64999.0, 5.0),
        // everything goes
        (3 | BOTH, 1_300_000_000, 0.0, 0.0),
        (1 | SELL | BOTH, 1_300_000_000, 65003.0, 6.0),
    ];
    let head = "{'descr': [('ev', '<u8'), ('exch_ts', '<i8'), ('local_ts', '<i8'), ('px', '<f8'), ('qty', '<f8'), \
                ('order_id', '<u8'), ('ival', '<i8'), ('fval', '<f8')], 'fortran_order': False, 'shape': (13,), }\n";
    let mut array = b"\x93NUMPY\x01\x00".to_vec();
    array.extend((head.len() as u16).to_le_bytes());
    array.extend(head.as_bytes());
    for (ev, time, px, qty) in events {
        array.extend(ev.to_le_bytes());
        array.extend((at + time).to_le_bytes());
        array.extend((at + time + 10_000_000).to_le_bytes());
        array.extend(px.to_le_bytes());
        array.extend(qty.to_le_bytes());
        array.extend([0; 24]);
    }
    let files = Files::new();
    files.zip("btcusdt_20260501.npz", "data.npy", &array);
    let text = files.refusal("hftbacktest", "btcusdt", "venue = 'binance'\nfeed_latency_ms = 15");
    assert!(text.contains("no file that was found has one: leave it out"), "{text}");
    let report = files.import("hftbacktest", "btcusdt", "venue = 'binance'").expect("an import");
    assert_eq!(
        files.quotes("binance"),
        [
            "1000000+10000 65000.1x1 65000.2x3",
            "1100000+10000 65000.1x0.75 65000.2x3",
            "1200000+10000 64999x5 65000.2x3"
        ]
    );
    assert_eq!(
        files.depth("binance"),
        [
            "1000000+10000 65000.1x1 65000x2 | 65000.2x3",
            "1100000+10000 65000.1x0.75 65000x2 | 65000.2x3",
            "1200000+10000 64999x5 | 65000.2x3",
        ]
    );
    assert_eq!(files.trades("binance"), ["1050000+10000 sell 65000.1x0.25", "1060000+10000 buy 65000.2x0.5"]);
    assert_eq!(report.files.iter().map(|file| file.unfit_books).collect::<Vec<_>>(), [1, 1, 0]);

    let other = Files::new();
    other.zip(
        "btcusdt.npz",
        "data.npy",
        b"\x93NUMPY\x01\x00\x3a\x00{'descr': '<f8', 'fortran_order': False, 'shape': (9, 6), }   ",
    );
    let text = other.refusal("hftbacktest", "btcusdt", "");
    assert!(text.contains("layout of the preset hftbacktest, quotes: its rows have no named columns"), "{text}");
}

#[test]
fn lean() {
    let files = Files::new();
    let bars = "0,1,1,1,65000.1,1.5,1,1,1,65000.2,0.5\n60000,1,1,1,,,1,1,1,65000.2,0.5\n120000,1,1,1,65000.3,2.5,1,1,1,65000.4,0.25\n";
    files.zip("cryptofuture/binance/minute/btcusdt/20260501_quote.zip", "20260501_btcusdt_minute_quote_perp.csv", bars);
    files.zip(
        "cryptofuture/binance/minute/btcusdt/20260501_trade.zip",
        "20260501_btcusdt_minute_trade_perp.csv",
        "not read",
    );
    files.zip("cryptofuture/binance/second/btcusdt/20260501_quote.zip", "x.csv", "not read");
    files.put(
        "cryptofuture/binance/margin_interest/btcusdt.csv",
        "20260501 00:00:00,0.00010000\n20260501 08:00:00,-0.0002016\n",
    );
    let text = files.refusal("lean", "btcusdt", "venue = 'binance'");
    assert!(text.contains("has one clock (quotes)") && text.contains("--feed-latency-ms"), "{text}");
    let report = files.import("lean", "btcusdt", "venue = 'binance'\nfeed_latency_ms = 15").expect("an import");
    assert_eq!(
        files.quotes("binance"),
        ["60000000+15000 65000.1x1.5 65000.2x0.5", "180000000+15000 65000.3x2.5 65000.4x0.25"]
    );
    assert_eq!(files.funding("binance"), ["2026-05-01T00:00:00Z 0.0001 8 h", "2026-05-01T08:00:00Z -0.0002016 8 h"]);
    assert_eq!((report.files[0].empty, report.left_out.len()), (1, 1));
    let ticks = Files::new();
    ticks.zip("tick/btcusdt/20260501_quote.zip", "x.csv", "86399999,65000.1,1,65000.2,2\n");
    ticks.import("lean", "btcusdt", "feed_latency_ms = 5").expect("an import");
    assert_eq!(ticks.quotes("lean"), ["86399999000+5000 65000.1x1 65000.2x2"]);
    let late = Files::new();
    late.zip("tick/btcusdt/20260501_quote.zip", "x.csv", "86400000,65000.1,1,65000.2,2\n");
    let text = late.refusal("lean", "btcusdt", "feed_latency_ms = 5");
    assert!(text.contains("exch_ts is '86400000' (column 'time'); wanted a time of ms since midnight"), "{text}");
}

/// The files that LEAN itself ships, read as the normalised ones of the same minutes.
#[test]
fn lean_of_its_own_repository() {
    let Some(normalized) = crate::real::recordings() else { return };
    let origin = normalized.join("../lean-cryptofuture");
    let files = Files::new();
    for (venue, instrument) in [("binance", "btcusd"), ("bybit", "btcusdt")] {
        let copy = |from: String, to: String| files.put(&to, std::fs::read(origin.join(from)).expect("a file"));
        copy(
            format!("{venue}_minute_{instrument}_20221213_quote.zip"),
            format!("{venue}/minute/{instrument}/20221213_quote.zip"),
        );
        copy(format!("{venue}_margin_interest_{instrument}.csv"), format!("{venue}/margin_interest/{instrument}.csv"));
    }
    let map = files.0.path().join("map.toml");
    let entry = |venue: &str, folder: &str, instrument: &str, more: &str| {
        format!(
            "[[archive]]\npreset = 'lean'\nfolder = '{folder}'\ninstrument = '{instrument}'\nsymbol = 'BTC'\nvenue = '{venue}'\n\
             feed_latency_ms = 0\n{more}\n"
        )
    };
    let both = entry("binance_coinm", "binance", "btcusd", "contract_face = 100")
        + &entry("bybit_linear", "bybit", "btcusdt", "");
    std::fs::write(&map, both).expect("written");
    import(&map, &files.root(), &files.store()).expect("an import");
    let by_map = Files::new();
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/maps/lean-20221213.toml");
    import(&shipped, &normalized.join("lean-20221213"), &by_map.store()).expect("an import");
    for (venue, rows) in [("binance_coinm", 1_104), ("bybit_linear", 460)] {
        let (found, wanted): (Vec<QuoteRow>, Vec<QuoteRow>) = (files.rows(venue), by_map.rows(venue));
        assert_eq!((found.len(), wanted.len()), (rows, rows));
        // the normalised sizes are rounded to six decimals
        let is_near = |(a, b): (&QuoteRow, &QuoteRow)| {
            let sizes = [(a.bbo.bid_qty, b.bbo.bid_qty), (a.bbo.ask_qty, b.bbo.ask_qty)];
            (a.exch, a.bbo.bid, a.bbo.ask) == (b.exch, b.bbo.bid, b.bbo.ask)
                && sizes.iter().all(|(a, b)| (a.0 - b.0).abs() <= 1_000)
        };
        assert!(found.iter().zip(&wanted).all(is_near), "{venue}");
        assert_eq!(files.funding(venue), by_map.funding(venue), "{venue}");
    }
}

#[test]
fn an_archive_is_named_on_the_command_line_or_in_a_map() {
    let files = Files::new();
    let bars = "0,1,1,1,65000.1,1.5,1,1,1,65000.2,0.5\n";
    files.zip("a/minute/btcusdt/20260501_quote.zip", "x.csv", bars);
    let run = |arguments: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_perpx-data"));
        command
            .arg("import")
            .args(arguments.split(' '))
            .arg("--from")
            .arg(files.root())
            .arg("--store")
            .arg(files.store());
        let output = command.output().expect("runs");
        let text = [output.stdout, output.stderr].concat();
        (output.status.code(), String::from_utf8_lossy(&text).into_owned())
    };
    let (code, text) = run("--preset lean --instrument btcusdt --symbol BTC --venue v --feed-latency-ms 15");
    assert_eq!(code, Some(0), "{text}");
    assert!(!text.contains("replaced"), "{text}");
    assert_eq!(files.quotes("v").len(), 1);
    let words = |text: String| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let (code, text) = run("--preset lean --instrument btcusdt --symbol BTC --venue v --feed-latency-ms 15");
    assert_eq!((code, files.quotes("v").len()), (Some(0), 1));
    assert!(words(text).contains("the store that was there was replaced; it held v/BTC written to"));
    let (code, text) = run("--preset lean --instrument btcusdt --symbol BTC --venue w --feed-latency-ms 15");
    assert_eq!((code, files.quotes("v").len()), (Some(0), 0));
    assert!(
        words(text).contains("it held v/BTC; v/BTC is no longer in it: several venues come into one store by one map")
    );
    for (arguments, code, want) in [
        ("--preset lean --symbol BTC", 2, "--instrument <NAME>"),
        ("--preset leen --instrument b --symbol BTC", 2, "possible values: tardis, binance-vision, bybit"),
        ("--preset lean --instrument b/../c --symbol BTC", 2, "instrument is 'b/../c'; accepted: letters"),
        ("--preset tardis --instrument 1 --symbol BTC", 2, "no file below it is one of the preset tardis"),
        ("map.toml --preset lean --instrument b --symbol BTC", 2, "cannot be used with"),
    ] {
        let (found, text) = run(arguments);
        assert_eq!((found, text.contains(want)), (Some(code), true), "{arguments}: {text}");
    }
    let (refused, said) = (files.import("lean", "btcusdt", "colour = 1"), "unknown field `colour`");
    assert!(refused.expect_err("a refusal").to_string().contains(said));
    let map = files.0.path().join("empty.toml");
    std::fs::write(&map, "about = 'nothing'\n").expect("written");
    let text = import(&map, &files.root(), &files.store()).expect_err("a refusal").to_string();
    assert!(text.ends_with("it names no files: wanted [[file]], or [[archive]] for those of a preset"), "{text}");
}

#[test]
fn every_preset_is_in_the_manual() {
    let page = crate::tree::read("docs/archives.md");
    for name in preset::names() {
        assert!(page.contains(&format!("\n## `{name}`")), "docs/archives.md has no section {name}");
        assert!(preset::about(name).is_some_and(|about| !about.is_empty()), "{name}");
    }
}
