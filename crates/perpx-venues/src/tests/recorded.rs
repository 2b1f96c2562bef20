//! Against what the venues really sent, where recordings lie beside this folder: every message is read, the stream rebuilds its
//! book without a gap, and units come out as the normalised files have them.

use crate::book::Applied;
use crate::client::book_check::BookCheck;
use crate::lighter::book::Book;
use crate::lighter::rest::{FundingRates, Fundings, OrderBookDetails, OrderBooks};
use crate::lighter::stream::Frame;
use crate::wire::{parse, parse_value};
use crate::{grvt, lighter};
use perpx_core::units::{MS, Price, Qty, Rate, Time, parse_scaled};
use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::path::Path;

/// The text of a file of the recordings, unpacked; `None` where there is none: said past the test runner, which keeps what a
/// passing test prints to itself, and counted by `.ci/run`.
pub(super) fn recording(path: &str) -> Option<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data-real").join(path);
    let Ok(bytes) = std::fs::read(&path) else {
        let test = std::thread::current();
        let test = test.name().unwrap_or("a test");
        let _ = writeln!(std::io::stderr(), "NOT TESTED: {test}: no recording at {}", path.display());
        return None;
    };
    let mut text = String::new();
    if path.extension().is_some_and(|ext| ext == "gz") {
        flate2::read::MultiGzDecoder::new(&bytes[..]).read_to_string(&mut text).expect("a whole file");
    } else {
        text = String::from_utf8(bytes).expect("text");
    }
    Some(text)
}

fn rate(text: &str) -> Rate {
    Rate::parse(text).expect("a rate")
}

/// Columns of a table by their names.
pub(super) fn columns<const N: usize>(text: &str, names: [&str; N]) -> Vec<[String; N]> {
    let mut table = csv::Reader::from_reader(text.as_bytes());
    let head = table.headers().expect("a head").clone();
    let at = names.map(|name| head.iter().position(|column| column == name).expect("a column"));
    table.records().map(|row| row.map(|row| at.map(|at| row[at].to_owned())).expect("a row")).collect()
}

/// Times and messages of the recorded stream.
pub(super) fn stream() -> Option<Vec<(f64, String)>> {
    #[derive(serde::Deserialize)]
    struct Row {
        ts: f64,
        msg: String,
    }
    let text = recording("nautilus-lighter-ws/ws_mainnet_order_book_place_cancel_btc.json.gz")?;
    let rows: Vec<Row> = serde_json::from_str(&text).expect("rows");
    Some(rows.into_iter().map(|row| (row.ts, row.msg)).collect())
}

/// Statistics of this stretch have no best prices; their last trade must lie by them, and never speaks against the book.
#[test]
fn no_recorded_statistics_speak_against_the_recorded_book() {
    let Some(rows) = stream() else { return };
    let (mut book, mut check, mut compared) = (Book::default(), BookCheck::default(), 0);
    for (at, text) in &rows {
        let at = Time((at * 1e9) as i64);
        match Frame::parse(text).expect("a frame") {
            Frame::Book(frame) => {
                book.apply(&frame).expect("the next one");
                assert!(check.see(&book.levels().top(), at));
            }
            Frame::Stats(frame) if check.has_seen() => {
                let last = frame.market_stats.last_trade_price.expect("a price").price().expect("a price");
                assert!(check.summary(last, last, at), "{text}");
                compared += 1;
            }
            _ => {}
        }
        assert_eq!(check.wrong(at), None);
    }
    println!("{compared} statistics beside the book: none speaks against it");
    assert!(compared > 190);
}

#[test]
fn the_recorded_lighter_stream_rebuilds_its_book() {
    let Some(rows) = stream() else { return };
    let mut book = Book::default();
    let mut quotes = Vec::new();
    let mut counts = [0; 4];
    let mut trades = Vec::new();
    for (_, text) in &rows {
        let frame = Frame::parse(text).unwrap_or_else(|error| panic!("{error}"));
        counts[match &frame {
            Frame::Connected(_) => 0,
            Frame::Stats(_) => 1,
            Frame::Trades(_) => 2,
            Frame::Book(_) => 3,
            other => panic!("{other:?}"),
        }] += 1;
        assert_eq!(Frame::parse(&frame.to_json()).as_ref(), Ok(&frame), "{text}");
        match frame {
            Frame::Book(frame) => {
                let applied = book.apply(&frame).unwrap_or_else(|error| panic!("{error}"));
                assert_eq!(applied, if frame.is_snapshot() { Applied::Snapshot } else { Applied::Update });
                quotes.push((frame.time().expect("a time"), book.levels().top()));
            }
            Frame::Trades(frame) if frame.kind == "update/trade" => trades.extend(frame.trades.unwrap_or_default()),
            _ => {}
        }
    }
    assert_eq!(counts, [1, 204, 298, 2_550]);
    // best bid and ask after each message
    let Some(text) = recording("normalized/lighter-btc-20251210/lighter_BTC_bbo.csv.gz") else { return };
    let want = columns(&text, ["ts_ns", "bid_px", "bid_sz", "ask_px", "ask_sz"]);
    assert_eq!(quotes.len(), want.len());
    let scaled = |text: &str| parse_scaled(text, 9).and_then(|value| i64::try_from(value).ok()).expect("a decimal");
    for (row, ((time, top), [ts, bid, bid_qty, ask, ask_qty])) in quotes.iter().zip(&want).enumerate() {
        let found = [time.0, top.bid.0, top.bid_qty.0, top.ask.0, top.ask_qty.0];
        let ts = ts.parse().expect("a time");
        assert_eq!(found, [ts, scaled(bid), scaled(bid_qty), scaled(ask), scaled(ask_qty)], "row {row}");
    }
    let Some(text) = recording("normalized/lighter-btc-20251210/lighter_BTC_trades.csv.gz") else { return };
    let want = columns(&text, ["ts_ns", "px", "sz", "side", "id"]);
    let found: BTreeMap<u64, _> = trades.iter().map(|trade| (trade.trade_id.0, trade)).collect();
    let mut met = 0;
    for [ts, px, sz, side, id] in &want {
        let Some(trade) = found.get(&id.parse().expect("an id")) else { continue };
        let (price, size) = (trade.price.price().expect("a price"), trade.size.qty().expect("a size"));
        assert_eq!((price, size), (Price(scaled(px)), Qty(scaled(sz))), "{id}");
        assert_eq!(if trade.is_maker_ask { "B" } else { "S" }, side, "{id}");
        assert_eq!((trade.timestamp.0 * MS).0, ts.parse::<i64>().expect("a time"), "{id}");
        met += 1;
    }
    assert_eq!(met, want.len(), "trades of the stream");
    println!(
        "lighter stream: {} frames, {} quotes and {met} trades equal the normalised ones",
        rows.len(),
        quotes.len()
    );
}

/// A frame that is lost is found at the next one, and the book says so and is empty.
#[test]
fn a_lost_frame_of_the_recorded_stream_is_a_gap() {
    let Some(rows) = stream() else { return };
    let frames: Vec<_> = rows.iter().filter_map(|(_, text)| Frame::parse(text).ok()).collect();
    let frames: Vec<_> =
        frames.iter().filter_map(|f| if let Frame::Book(book) = f { Some(book) } else { None }).collect();
    let mut book = Book::default();
    for (at, frame) in frames.iter().enumerate().filter(|(at, _)| *at != 1_000).take(1_002) {
        let applied = book.apply(frame);
        assert_eq!(applied.is_err(), at == 1_001, "{at}: {applied:?}");
    }
    assert!(book.levels().is_empty());
    assert_eq!(book.apply(frames[1_002]), Ok(Applied::Ignored));
    assert_eq!(book.apply(frames[0]), Ok(Applied::Snapshot));
}

#[test]
fn recorded_lighter_snapshots_are_read() {
    for (file, frames) in [("public_order_book_1", 4), ("public_trade_1", 3), ("public_market_stats_1", 3)] {
        let Some(text) = recording(&format!("nautilus-lighter-ws/{file}.json.gz")) else { continue };
        let values: Vec<serde_json::Value> = serde_json::from_str(&text).expect("frames");
        assert_eq!(values.len(), frames, "{file}");
        for value in values {
            let frame = Frame::parse(&value.to_string()).unwrap_or_else(|error| panic!("{file}: {error}"));
            assert!(!matches!(frame, Frame::Other(_)), "{file}: {value}");
            if let Frame::Stats(stats) = &frame {
                let current = stats.market_stats.current_rate().expect("a rate").expect("a number");
                assert_eq!(current, rate("0.000008"), "0.0008 percent per hour");
                let (settled, at) = stats.market_stats.settled().expect("a settlement").expect("a number");
                assert_eq!((settled, at), (rate("0.000012"), Time::at(1_765_152_000_006 * MS)));
            }
        }
    }
    if let Some(text) = recording("nautilus-lighter-ws/http_orderbooks_mainnet.json.gz") {
        let books: OrderBooks = parse("orderBooks", &text).expect("a reply");
        assert!(books.order_books.len() > 90, "{}", books.order_books.len());
    }
    if let Some(text) = recording("nautilus-lighter-ws/http_mainnet_orderbook_details_btc.json.gz") {
        let reply: serde_json::Value = serde_json::from_str(&text).expect("a tree");
        let body = reply.pointer("/response/body").expect("a body").clone();
        let details: OrderBookDetails = parse_value("orderBookDetails", body).expect("a reply");
        let btc = &details.order_book_details[0];
        assert_eq!((btc.size_decimals.map(|n| n.0), btc.price_decimals.map(|n| n.0)), (Some(5), Some(1)));
    }
}

#[test]
fn recorded_replies_are_read_in_their_units() {
    let file = |name: &str| recording(&format!("ai-rates-fixtures-20260913/{name}.json"));
    if let Some(text) = file("lighter/funding-rates") {
        let rates: FundingRates = parse("funding-rates", &text).expect("a reply");
        let rates = rates.funding_rates.expect("rates");
        let lighter = rates.iter().find(|rate| rate.exchange == "lighter").expect("lighter");
        assert_eq!(lighter.hourly(), rate("0.000012"), "0.000096 for eight hours");
    }
    if let Some(text) = file("lighter/fundings-btc") {
        let fundings: Fundings = parse("fundings", &text).expect("a reply");
        let first = &fundings.fundings.as_deref().expect("rows")[0];
        assert_eq!(first.rate(), Ok(rate("0.00001")), "0.0010 percent per hour");
        assert_eq!(first.time(), Time(1_789_135_200 * 1_000_000_000));
        // value = rate x index: the index of that hour was near 79,228
        let index = first.value.and_then(|value| value.value()).expect("a value").to_string().parse::<f64>();
        assert!((index.expect("a number") / 1e-5 - 79_227.6).abs() < 1.0);
    }
    if let Some(text) = file("lighter/order-book-details") {
        let details: OrderBookDetails = parse("orderBookDetails", &text).expect("a reply");
        assert_eq!(details.order_book_details[0].index_price.map(|px| px.price()), Some(Ok(Price(77_791_300_000_000))));
        assert_eq!(details.order_book_details[2].status, lighter::rest::MarketStatus::Inactive);
    }
    use grvt::rest::{Funding, Instrument, Kind, Reply, Ticker};
    if let Some(text) = file("grvt/instruments_BTC_ETH_ENA") {
        let list: Reply<Vec<Instrument>> = parse("instruments", &text).expect("a reply");
        let mut assets = grvt::sign::Assets::default();
        for instrument in &list.result {
            assert_eq!(instrument.kind, Kind::Perpetual);
            assets.add(instrument).expect("an asset");
        }
        assert_eq!(list.result[2].min_notional.map(|value| value.cash().map(|cash| cash.as_f64())), Some(Ok(5.0)));
    }
    if let Some(text) = file("grvt/funding_BTC_USDT_Perp") {
        let rows: Reply<Vec<Funding>> = parse("funding", &text).expect("a reply");
        assert_eq!(rows.result[0].rate(), Ok(rate("0.000061")), "0.0061 percentage points");
        assert!(rows.next_page().is_some());
    }
    for (name, want) in [("BTC", "0.000031"), ("ENA", "0.00005")] {
        let Some(text) = file(&format!("grvt/ticker_{name}_USDT_Perp")) else { continue };
        let ticker: Reply<Ticker> = parse("ticker", &text).expect("a reply");
        assert_eq!(ticker.result.rate(), Some(Ok(rate(want))), "{name}");
        assert!(ticker.result.mark_price.expect("a mark").price().is_ok());
    }
}
