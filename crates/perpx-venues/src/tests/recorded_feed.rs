//! The recorder's feeds over what Lighter really sent: every frame, as it came, against the normalised files.

use super::recorded::{columns, recording, stream};
use crate::record::raw_file::{RawReader, RawWriter, raw_path};
use crate::record::{
    FeedConfig, FeedNews, FrameKind, PublicFeed, RawFrame, RestRequest, Row, compact_hour, public_feed, step,
};
use crate::venue::Venue;
use perpx_core::market::Bbo;
use perpx_core::tape::rows::QuoteRow;
use perpx_core::units::{HOUR, MS, Price, Qty, Time, parse_scaled};
use perpx_data::store::{StoreFile, StorePath, Table};
use std::collections::BTreeMap;
use std::path::Path;
use std::time::Instant;

/// The recorded stretch as raw frames, its markets and its connection first.
fn frames() -> Option<Vec<RawFrame>> {
    let rows = stream()?;
    let details = recording("nautilus-lighter-ws/http_mainnet_orderbook_details_btc.json.gz")?;
    let reply: serde_json::Value = serde_json::from_str(&details).expect("a tree");
    let markets = reply.pointer("/response/body").expect("a body").to_string();
    let feed = public_feed(Venue::Lighter, FeedConfig::new(&["BTC"]));
    let begin = (rows[0].0 * 1e9) as i64;
    let head = [
        (FrameKind::State, begin, feed.state()),
        (FrameKind::RestReply { which: RestRequest::Markets }, begin, markets),
        (FrameKind::Connected, begin, String::new()),
    ];
    let texts = rows.into_iter().map(|(ts, text)| (FrameKind::Text, (ts * 1e9) as i64, text));
    let frame = |(seq, (kind, at, text)): (usize, (FrameKind, i64, String))| RawFrame {
        venue: Venue::Lighter,
        conn: 1,
        seq: seq as u64,
        wall_ns: at,
        mono_ns: at - begin,
        engine: Time(at),
        kind,
        text: text.into_bytes(),
    };
    Some(head.into_iter().chain(texts).enumerate().map(frame).collect())
}

/// Best bid and ask after each book frame of the recording, on the venue's clock.
fn normalized() -> Option<Vec<(i64, Bbo)>> {
    let text = recording("normalized/lighter-btc-20251210/lighter_BTC_bbo.csv.gz")?;
    let scaled = |text: &str| parse_scaled(text, 9).and_then(|value| i64::try_from(value).ok()).expect("a decimal");
    let rows = columns(&text, ["ts_ns", "bid_px", "bid_sz", "ask_px", "ask_sz"]).into_iter();
    let row = |[ts, bid, bid_qty, ask, ask_qty]: [String; 5]| {
        let (bid, bid_qty) = (Price(scaled(&bid)), Qty(scaled(&bid_qty)));
        let (ask, ask_qty) = (Price(scaled(&ask)), Qty(scaled(&ask_qty)));
        (ts.parse().expect("a time"), Bbo { bid, bid_qty, ask, ask_qty })
    };
    Some(rows.map(row).collect())
}

fn is_book(frame: &RawFrame) -> bool {
    frame.kind == FrameKind::Text && String::from_utf8_lossy(&frame.text).contains("\"order_book\":{")
}

/// The news of each frame.
fn replay(feed: &mut dyn PublicFeed, frames: &[RawFrame]) -> Vec<Vec<FeedNews>> {
    let mut all = Vec::with_capacity(frames.len());
    for frame in frames {
        let mut out = Vec::new();
        step(feed, frame, &mut out);
        all.push(out);
    }
    all
}

#[test]
fn the_recorded_stream_makes_the_normalised_rows_without_a_gap() {
    let (Some(frames), Some(want)) = (frames(), normalized()) else { return };
    let mut feed = public_feed(Venue::Lighter, FeedConfig::new(&["BTC"]));
    let news = replay(feed.as_mut(), &frames);
    let wrong = |one: &&FeedNews| {
        matches!(one, FeedNews::Gap { .. } | FeedNews::Unreadable(_) | FeedNews::Ask(_) | FeedNews::Fetch(_))
    };
    let wrong: Vec<&FeedNews> = news.iter().flatten().filter(wrong).collect();
    assert!(wrong.is_empty(), "{wrong:?}");
    assert_eq!(feed.lifts(), Default::default());
    // the newest quote row after each book frame is the best bid and ask of the normalised file
    let (mut newest, mut quotes, mut depth, mut nth, mut last) = (None, 0, 0, 0, Time(0));
    let mut trades = BTreeMap::new();
    for (frame, news) in frames.iter().zip(&news) {
        for one in news {
            match one {
                FeedNews::Row(0, Row::Quote(row)) => {
                    let repeats = newest == Some(row.bbo);
                    assert!(!repeats || row.recv.since(last) >= 1_000 * MS, "{row:?}");
                    (newest, quotes, last) = (Some(row.bbo), quotes + 1, row.recv);
                    assert_eq!((row.exch.0, row.recv), (want[nth].0, frame.engine));
                }
                FeedNews::Row(0, Row::Depth(row)) => {
                    assert_eq!((row.bids.len(), row.asks.len(), row.recv), (10, 10, last));
                    assert_eq!(newest.map(|bbo| (bbo.bid, bbo.ask)), Some((row.bids[0].px, row.asks[0].px)));
                    depth += 1;
                }
                FeedNews::Row(0, Row::Trade(row)) => {
                    assert_eq!(trades.insert(row.id.expect("a number"), row.row), None, "{row:?}");
                }
                _ => {}
            }
        }
        if is_book(frame) {
            assert_eq!(newest, Some(want[nth].1), "book frame {nth}");
            nth += 1;
        }
    }
    assert_eq!((nth, depth), (want.len(), quotes));
    let Some(text) = recording("normalized/lighter-btc-20251210/lighter_BTC_trades.csv.gz") else { return };
    let scaled = |text: &str| parse_scaled(text, 9).and_then(|value| i64::try_from(value).ok()).expect("a decimal");
    let list = columns(&text, ["ts_ns", "px", "sz", "side", "id"]);
    for [_, px, sz, side, id] in &list {
        let row = trades.get(&id.parse().expect("an id")).unwrap_or_else(|| panic!("trade {id} is missing"));
        assert_eq!((row.px, row.qty), (Price(scaled(px)), Qty(scaled(sz))), "{id}");
        assert_eq!(row.taker.sign() > 0, side == "B", "{id}");
    }
    println!(
        "{} frames: {quotes} quote rows of {} book frames, {} trades ({} of them normalised), 0 gaps",
        frames.len(),
        want.len(),
        trades.len(),
        list.len()
    );
}

/// A feed that goes on from the state of another makes the rows that it would have made.
#[test]
fn a_state_is_all_that_rows_depend_on() {
    let Some(frames) = frames() else { return };
    let mut whole = public_feed(Venue::Lighter, FeedConfig::new(&["BTC"]));
    let want = replay(whole.as_mut(), &frames);
    for cut in [4, 700, 1_999] {
        let mut first = public_feed(Venue::Lighter, FeedConfig::new(&["BTC"]));
        let mut news = replay(first.as_mut(), &frames[..cut]);
        let mut second = public_feed(Venue::Lighter, FeedConfig::new(&[]));
        second.restore(&first.state()).expect("a state");
        news.extend(replay(second.as_mut(), &frames[cut..]));
        assert!(news == want, "cut at {cut}");
        assert_eq!(second.state(), whole.state());
    }
}

/// Compaction over the raw file: twice the same bytes, and of a file that is cut anywhere, or damaged, the rows of what is whole.
#[test]
fn compaction_is_a_function_of_what_is_whole_in_the_raw_file() {
    let Some(frames) = frames() else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let hour = frames[0].engine.steps(HOUR);
    let mut writer = RawWriter::open(folder.path(), Venue::Lighter, hour).expect("a writer");
    for (nth, frame) in frames.iter().enumerate() {
        writer.push(frame);
        if nth % 50 == 49 {
            writer.flush().expect("a block");
        }
    }
    writer.flush().expect("a block");
    let path = raw_path(folder.path(), Venue::Lighter, hour);
    let bytes = std::fs::read(&path).expect("a raw file");
    let compact = |name: &str, bytes: &[u8]| {
        std::fs::write(&path, bytes).expect("written");
        let mut reader = RawReader::open(&path, Venue::Lighter).expect("a raw file");
        let mut whole = Vec::new();
        while let Some(block) = reader.next_block().expect("read") {
            whole.extend(block);
        }
        let store = folder.path().join(name);
        let done = compact_hour(&store, Venue::Lighter, hour, whole).expect("an hour");
        (store, done)
    };
    let quotes = |store: &Path| {
        let store = StorePath::open(store).expect("a store");
        let mut rows = Vec::new();
        for (_, path) in store.files(Table::Quotes, "lighter", "BTC").expect("files") {
            let file = StoreFile::open::<QuoteRow>(&path).expect("a file");
            let batches = file.read::<QuoteRow>(0..file.groups().len()).expect("rows");
            rows.extend(batches.flat_map(|batch| batch.expect("rows").rows));
        }
        rows
    };
    let list = |store: &Path| std::fs::read_to_string(store.join("dataset.json")).expect("a list");
    let (first, done) = compact("first", &bytes);
    let (second, again) = compact("second", &bytes);
    assert_eq!((list(&first), done), (list(&second), again));
    assert_eq!((done.frames, done.gaps, done.unreadable), (frames.len() as u64, 0, 0));
    let all = quotes(&first);
    // cut at any byte: the rows of the blocks before it
    for share in [4, 6, 8] {
        let (store, done) = compact("cut", &bytes[..bytes.len() * share / 10 + 5]);
        let rows = quotes(&store);
        assert!(done.gaps == 0 && !rows.is_empty() && rows.len() < all.len() && all.starts_with(&rows), "{share}");
        std::fs::remove_dir_all(&store).expect("removed");
    }
    // a block in the middle is damaged: its rows are missing, in a gap, and nothing else changes
    let mut damaged = bytes.clone();
    damaged[bytes.len() / 2] ^= 1;
    let (store, done) = compact("damaged", &damaged);
    let rows = quotes(&store);
    assert_eq!(done.frames, frames.len() as u64 - 50);
    assert!(all.starts_with(&rows) && rows.len() < all.len(), "no snapshot follows: up to the damage");
    let info = perpx_data::info::info(&store).expect("info");
    assert_eq!(info.recorded_gaps.len(), 5, "{:?}", info.recorded_gaps);
    assert!(info.recorded_gaps.iter().all(|gap| gap.reason == "raw frames are missing"));
}

/// What a frame costs, from its text to its rows. `cargo test --release -p perpx-venues --lib frame_costs -- --ignored --nocapture`
#[test]
#[ignore = "a measurement"]
fn what_a_frame_costs() {
    let (Some(frames), Some(want)) = (frames(), normalized()) else { return };
    let mut medians = Vec::new();
    for _ in 0..5 {
        let mut feed = public_feed(Venue::Lighter, FeedConfig::new(&["BTC"]));
        let (mut out, mut times, mut nth, mut newest) = (Vec::new(), Vec::with_capacity(frames.len()), 0, None);
        for frame in &frames {
            out.clear();
            let begun = Instant::now();
            step(feed.as_mut(), frame, &mut out);
            times.push(begun.elapsed().as_nanos());
            for one in &out {
                if let FeedNews::Row(_, Row::Quote(row)) = one {
                    newest = Some(row.bbo);
                }
            }
            if is_book(frame) {
                assert_eq!(newest, Some(want[nth].1), "book frame {nth}");
                nth += 1;
            }
        }
        times.sort_unstable();
        let at = |share: f64| times[(times.len() as f64 * share) as usize];
        println!("{} frames: median {} ns, p90 {}, p99 {} ns", times.len(), at(0.5), at(0.9), at(0.99));
        medians.push(at(0.5));
    }
    medians.sort_unstable();
    assert!(medians[2] <= 5_000, "a median of {} ns a frame; accepted: 5,000", medians[2]);
}
