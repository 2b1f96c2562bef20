//! The loader as a whole: stores in temporary folders, tapes over them.

use super::*;
use crate::loader::tile_file::{decode, encode};
use crate::loader::*;
use crate::store::*;
use arrow::buffer::Buffer;
use perpx_core::config::Missing;
use perpx_core::market::{Bbo, Role, Side};
use perpx_core::tape::rows::*;
use perpx_core::tape::{Local, Settlement, Tile, last_at};
use perpx_core::units::{HOUR, MS, NS, Price, Qty, Rate, SECOND, Time, TimeDelta};
use std::path::{Path, PathBuf};

mod again;
mod backfilled;
mod growing;
mod recorded;

/// 2026-01-05 22:00 UTC: two hours of the first day, then the next.
const START: Time = Time::at(HOUR.times(20_458 * 24 + 22));

fn at(seconds: i64) -> Time {
    START.plus(seconds * SECOND)
}

pub(crate) fn quote(seconds: i64, delay_ms: i64, bid: i64) -> QuoteRow {
    let bbo = Bbo { bid: Price(bid), bid_qty: Qty(5), ask: Price(bid + 10), ask_qty: Qty(7) };
    QuoteRow { exch: at(seconds), recv: at(seconds).plus(delay_ms * MS), bbo }
}

/// Four hours of one venue: a quote every `step` seconds, some of them received late, trades, depth, marks, funding.
pub(crate) fn venue_rows(step: i64, seed: i64) -> VenueTables {
    let mut rows = VenueTables::default();
    for (i, s) in (0..4 * 3600).step_by(step as usize).enumerate() {
        let i = i as i64;
        // every seventh quote is received after its successor was stamped: the clocks interleave
        let delay = if i % 7 == 3 { step * 1_000 + 900 } else { 40 + seed };
        rows.quotes.push(quote(s, delay, 1_000_000 + (i * 7919 + seed) % 1000));
        let (exch, recv) = (at(s), at(s).plus(40 * MS));
        if i % 3 == 0 {
            let taker = if i % 2 == 0 { Side::Buy } else { Side::Sell };
            rows.trades.push(TradeRow {
                exch,
                recv,
                px: Price(1_000_000 + i),
                qty: Qty(1),
                taker,
                consumed_book: true,
            });
        }
        if i % 11 == 0 {
            let level = |px| perpx_core::market::DepthLevel { px: Price(px), qty: Qty(3) };
            rows.depth.push(DepthRow { exch, recv, bids: vec![level(9 + i), level(8)], asks: vec![level(11 + i)] });
        }
        if i % 5 == 0 {
            rows.marks.push(MarkRow { exch, recv, mark: Price(1_000_000 + i), index: Price(1_000_001 + i) });
        }
    }
    // stable: the stale ones come with, or after, their successors
    rows.quotes.sort_by_key(|q| q.recv);
    for h in 0..=4 {
        let ts = at(h * 3600);
        let row = FundingRow {
            ts,
            recv: ts.plus(SECOND),
            rate: Rate(h + seed),
            interval_hours: 1,
            kind: FundingKind::Settled,
        };
        rows.funding.push(row);
        rows.funding.push(FundingRow { ts: ts.plus(HOUR), kind: FundingKind::Predicted, ..row });
    }
    rows
}

fn of_day<T: Clone>(rows: &[T], day: i64, recv: impl Fn(&T) -> Time) -> Vec<T> {
    rows.iter().filter(|r| recv(r).day() == day).cloned().collect()
}

/// Writes each venue's rows to their days.
pub(crate) fn write_store(root: &Path, venues: &[(&str, &VenueTables)]) {
    let mut writer = StoreWriter::create(root).expect("a writer");
    let first = START.day();
    for day in first..first + 3 {
        for (venue, rows) in venues {
            let today = VenueTables {
                quotes: of_day(&rows.quotes, day, |r| r.recv),
                trades: of_day(&rows.trades, day, |r| r.recv),
                depth: of_day(&rows.depth, day, |r| r.recv),
                marks: of_day(&rows.marks, day, |r| r.recv),
                funding: of_day(&rows.funding, day, |r| r.recv),
            };
            writer.write_day(venue, "BTC", day, &today).expect("a day");
        }
    }
    writer.finish(serde_json::json!({"tool": "test"})).expect("a store");
}

/// Changes the rows of one file, unchecked.
pub(crate) fn rewrite<R: StoredRow>(path: &Path, change: impl FnOnce(&mut Vec<R>)) {
    let file = StoreFile::open::<R>(path).expect("a file");
    let mut rows: Vec<R> = Vec::new();
    for batch in file.read::<R>(0..file.groups().len()).expect("a reader") {
        rows.extend(batch.expect("a batch").rows);
    }
    change(&mut rows);
    write_file(path, &rows).expect("written");
}

struct Bench {
    dir: tempfile::TempDir,
}

impl Bench {
    fn new() -> Bench {
        Bench { dir: tempfile::tempdir().expect("a folder") }
    }

    fn store(&self) -> PathBuf {
        self.dir.path().join("store")
    }

    fn with(long: &VenueTables, short: &VenueTables) -> Bench {
        let bench = Bench::new();
        write_store(&bench.store(), &[("lighter", long), ("grvt", short)]);
        bench
    }

    fn spec(&self) -> TapeSpec {
        TapeSpec::new(self.store(), "BTC", ["lighter", "grvt"], at(600), at(3 * 3600))
    }

    fn refusal(&self, spec: TapeSpec) -> String {
        let text = Tape::open(spec).err().expect("a refusal").to_string();
        text.replace(&self.dir.path().display().to_string(), "<dir>")
    }
}

fn both() -> Bench {
    Bench::with(&venue_rows(2, 1), &venue_rows(3, 2))
}

/// Everything that a replay can see of a tape, tile edges gone.
fn flattened(tape: &Tape) -> Vec<String> {
    let mut lines: [Vec<String>; 3] = Default::default();
    for k in 0..tape.tiles() {
        let tile = tape.tile(k).expect("a tile");
        assert_eq!((tile.start, tile.end), tape.bounds(k));
        let l = &tile.local;
        assert!(l.len() - 1 <= tape.spec().tile_rows);
        for row in 1..l.len() {
            assert_eq!(l.bid[0][row], l.bbo(row, Role::Long).bid.0);
            lines[0].push(format!(
                "{} {:?} {:?} {} {} {:?} {:?}",
                l.time[row],
                l.bbo(row, Role::Long),
                l.bbo(row, Role::Short),
                l.seen[0][row],
                l.seen[1][row],
                l.funding(row),
                l.mark(row)
            ));
        }
        for (v, rows) in tile.venues.iter().enumerate() {
            let q = &rows.quotes;
            let quotes = (1..q.time.len()).map(|i| format!("q {} {:?}", q.time[i], q.bbo(i)));
            let t = &rows.trades;
            let trades = (1..t.time.len()).map(|i| format!("t {} {} {} {}", t.time[i], t.px[i], t.qty[i], t.taker[i]));
            let m = &rows.marks;
            let marks = (1..m.time.len()).map(|i| format!("m {} {} {}", m.time[i], m.mark[i], m.index[i]));
            let d = &rows.depth;
            let depth = (1..d.time.len()).map(|i| format!("d {} {:?}", d.time[i], d.view(i)));
            let settled = rows.settlements.iter().map(|s| format!("s {s:?}"));
            lines[1 + v].extend(quotes.chain(trades).chain(marks).chain(depth).chain(settled));
        }
    }
    // tables of a venue are listed tile by tile: bring them back into one order
    lines[1].sort();
    lines[2].sort();
    lines.concat()
}

#[test]
fn the_tape_is_the_same_for_any_tile_length() {
    let bench = both();
    let whole = Tape::open(TapeSpec { tile_rows: 1 << 20, ..bench.spec() }).expect("a tape");
    assert_eq!(whole.tiles(), 1);
    let want = flattened(&whole);
    assert!(want.iter().any(|l| l.starts_with("d ")) && want.iter().any(|l| l.starts_with("s ")));
    for tile_rows in [1, 7, 1000] {
        let tape = Tape::open(TapeSpec { tile_rows, ..bench.spec() }).expect("a tape");
        assert_eq!(tape.tiles() as u64, tape.ticks().div_ceil(tile_rows as u64));
        assert_eq!(flattened(&tape), want, "tile_rows {tile_rows}");
        assert_eq!(tape.fingerprint(), whole.fingerprint());
    }
}

#[test]
fn tiles_out_of_order_are_those_in_order() {
    let bench = both();
    let spec = TapeSpec { tile_rows: 500, marks_missing: Missing::Mid, ..bench.spec() };
    let tape = Tape::open(spec.clone()).expect("a tape");
    let want: Vec<_> = (0..tape.tiles()).map(|k| encode(&tape.tile(k).expect("a tile"))).collect();
    assert!(want.len() > 10);
    for k in [7, 3, 4, 9, 0, 10, 9] {
        assert!(encode(&tape.tile(k).expect("a tile")) == want[k], "tile {k}");
    }
    let fresh = Tape::open(spec).expect("a tape");
    assert!(encode(&fresh.tile(6).expect("a tile")) == want[6]);
    let text = fresh.tile(999).expect_err("no such tile").to_string();
    assert!(text.contains("there is no tile 999"), "{text}");
}

/// From 3,600 to 3,900 s a venue sends what it sent before, and its age stays young; the venue itself moves on.
#[test]
fn a_stale_feed_repeats_itself() {
    let bench = both();
    let plain = Tape::open(bench.spec()).expect("a tape").tile(0).expect("a tile");
    let (from, to) = (at(3600), at(3900));
    let spec = TapeSpec { feed_stale: [vec![(from, to)], vec![]], ..bench.spec() };
    let tile = Tape::open(spec).expect("a tape").tile(0).expect("a tile");
    assert_eq!(plain.venues[0].quotes.bid.to_vec(), tile.venues[0].quotes.bid.to_vec());
    assert_eq!((plain.local.time.to_vec(), &plain.local.seen), (tile.local.time.to_vec(), &tile.local.seen));
    let row_at = |t: Time| tile.local.time[1..].partition_point(|&time| time < t.0) + 1;
    let (first, end) = (row_at(from), row_at(to));
    let frozen = plain.local.bbo(first - 1, Role::Long);
    assert!((first..end).all(|row| tile.local.bbo(row, Role::Long) == frozen
        && tile.local.mark(row).mark[0] == tile.local.mark(first - 1).mark[0]));
    assert!((first..end).any(|row| plain.local.bbo(row, Role::Long) != frozen), "the market moved meanwhile");
    assert!((first..end).all(|row| plain.local.bbo(row, Role::Short) == tile.local.bbo(row, Role::Short)));
    let moved = (end..end + 200).find(|&row| tile.local.bbo(row, Role::Long) != frozen);
    assert!(moved.is_some_and(|row| tile.local.bbo(row, Role::Long) == plain.local.bbo(row, Role::Long)));
}

/// A clock 20 ms ahead stamped every row 20 ms late; one an hour behind cannot have been: such rows happened as they came.
#[test]
fn a_clock_that_is_ahead_is_taken_back() {
    let bench = both();
    let open = |ahead: TimeDelta| {
        let spec = TapeSpec { clock_ahead: [ahead, TimeDelta::ZERO], ..bench.spec() };
        Tape::open(spec).expect("a tape").tile(0).expect("a tile")
    };
    let (plain, ahead, behind) = (open(TimeDelta::ZERO), open(20 * MS), open(-HOUR));
    assert_eq!(plain.local.time.to_vec(), ahead.local.time.to_vec());
    assert_eq!(plain.venues[1].quotes.time.to_vec(), ahead.venues[1].quotes.time.to_vec());
    let of = |tile: &Tile, bid: i64| {
        let row = tile.venues[0].quotes.bid.iter().rposition(|&b| b == bid).expect("a quote");
        tile.venues[0].quotes.time[row]
    };
    let bid = plain.venues[0].quotes.bid[500];
    assert_eq!(of(&plain, bid) - of(&ahead, bid), 20_000_000);
    let received: Vec<i64> = behind.venues[0].quotes.time[1..].to_vec();
    assert!(received.iter().all(|time| plain.local.time.contains(time)));
}

/// A tape with a load keeps it over tiles and through the cache's files.
#[test]
fn the_pace_of_a_feed_is_the_same_for_every_tiling() {
    let bench = both();
    let tape =
        |tile_rows: usize| Tape::open(TapeSpec { tile_rows, paced: [true, false], ..bench.spec() }).expect("a tape");
    let (whole, cut) = (tape(1 << 20), tape(500));
    let one = whole.tile(0).expect("a tile");
    let all = one.venues[0].load.as_ref().expect("a load");
    assert!(one.venues[1].load.is_none() && all.0.len() > 1_000);
    for k in 0..cut.tiles() {
        let tile = decode(Buffer::from_vec(encode(&cut.tile(k).expect("a tile")).expect("bytes"))).expect("a tile");
        let load = tile.venues[0].load.as_ref().expect("a load");
        let step = (tile.end.since(tile.start) / 50).max(NS);
        let times = (0..50).map(|n| tile.start.plus(n * step)).filter(|t| *t < tile.end);
        times.for_each(|t| assert_eq!(load.before(t), all.before(t), "{t}"));
    }
}

#[test]
fn latency_shifts_and_outages_silence_only_the_local_timeline() {
    let bench = both();
    let plain = Tape::open(bench.spec()).expect("a tape").tile(0).expect("a tile");
    let (from, to) = (at(3600), at(4000));
    let spec =
        TapeSpec { feed_latency: [5 * MS, TimeDelta::ZERO], feed_outages: [vec![], vec![(from, to)]], ..bench.spec() };
    let tape = Tape::open(spec).expect("a tape");
    let tile = tape.tile(0).expect("a tile");
    assert_eq!(plain.venues[1].quotes.time.to_vec(), tile.venues[1].quotes.time.to_vec());
    let first = |l: &Local| l.seen[0].iter().find(|t| **t > 0).copied().expect("a row");
    assert_eq!(first(&tile.local), first(&plain.local) + 5_000_000);
    let during = last_at(&tile.local.time, Time(to.0 - 1));
    assert!(tile.local.seen[1][during] < from.0, "nothing is received within the outage");
    assert!(tile.local.seen[0][during] > from.0);
    let quality = tape.quality();
    assert!(quality.venue(Role::Short).never_received > 100);
    assert_eq!(
        (quality.venue(Role::Short).gaps, quality.venue(Role::Short).mark_holes),
        (0, 0),
        "none of the recording"
    );
    assert_eq!(tape.quality().ticks, tile.local.len() as u64 - 1);
}

#[test]
fn a_cache_is_hit_and_damage_is_rebuilt() {
    let bench = both();
    let dir = bench.dir.path().join("cache");
    let cache = |max_bytes| Some(CacheSpec { dir: dir.clone(), max_bytes });
    let spec = TapeSpec { tile_rows: 2000, cache: cache(1 << 30), ..bench.spec() };
    let first = Tape::open(spec.clone()).expect("a tape");
    let want: Vec<_> = (0..first.tiles()).map(|k| encode(&first.tile(k).expect("a tile"))).collect();
    let plain = Tape::open(TapeSpec { cache: None, ..spec.clone() }).expect("a tape");
    assert_eq!((plain.tiles(), plain.quality()), (first.tiles(), first.quality()));
    assert_eq!(flattened(&plain), flattened(&first));
    for (k, want) in want.iter().enumerate() {
        assert!(encode(&plain.tile(k).expect("a tile")) == *want, "tile {k}");
    }
    let folder = entries(&dir).expect("a listing").remove(0);
    assert_eq!(entries(&folder).expect("a listing").len(), want.len() + 1, "each tile and the manifest");
    // truncated, altered, and another tile under its name
    let tile = |k: usize| folder.join(format!("tile-{k:06}.arrow"));
    let mut bytes = std::fs::read(tile(1)).expect("a tile");
    bytes.truncate(bytes.len() - 100);
    std::fs::write(tile(1), &bytes).expect("written");
    let mut bytes = std::fs::read(tile(2)).expect("a tile");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(tile(2), &bytes).expect("written");
    std::fs::copy(tile(0), tile(3)).expect("copied");
    let again = Tape::open(spec.clone()).expect("a tape");
    assert_eq!(again.quality(), first.quality());
    for (k, want) in want.iter().enumerate() {
        assert!(encode(&again.tile(k).expect("a tile")) == *want, "tile {k}");
    }
    assert!(crate::loader::tile_file::read(&tile(1)).is_some(), "kept again");
    // other contents of the same files: the old folder goes
    write_store(&bench.store(), &[("lighter", &venue_rows(2, 3)), ("grvt", &venue_rows(3, 2))]);
    let changed = Tape::open(spec.clone()).expect("a tape");
    assert_ne!(changed.fingerprint(), first.fingerprint());
    assert!(!folder.exists(), "stale caches are removed");
    // a cap that one tile exceeds: nothing is kept, nothing fails
    std::fs::remove_dir_all(&dir).expect("removed");
    let capped = Tape::open(TapeSpec { cache: cache(8_000), ..spec }).expect("a tape");
    for k in 0..capped.tiles() {
        capped.tile(k).expect("a tile");
    }
    let folder = entries(&dir).expect("a listing").remove(0);
    assert_eq!(entries(&folder).expect("a listing").len(), 1, "the manifest alone");
}

#[test]
fn the_tapes_used_longest_ago_make_room() {
    let bench = both();
    let dir = bench.dir.path().join("cache");
    let spec = |latency: TimeDelta, max_bytes| TapeSpec {
        feed_latency: [latency, TimeDelta::ZERO],
        tile_rows: 2000,
        cache: Some(CacheSpec { dir: dir.clone(), max_bytes }),
        ..bench.spec()
    };
    let open = |latency: TimeDelta, max_bytes| {
        // times of files are told apart
        std::thread::sleep(std::time::Duration::from_millis(20));
        Tape::open(spec(latency, max_bytes)).expect("a tape");
        entries(&dir).expect("a listing").into_iter().map(|path| path.display().to_string()).collect::<Vec<_>>()
    };
    let first = open(TimeDelta::ZERO, 1 << 30);
    let one = cache::info(&dir).bytes;
    let second: Vec<String> = open(MS, 1 << 30).into_iter().filter(|path| !first.contains(path)).collect();
    // the first is used again, so the second goes
    open(TimeDelta::ZERO, 1 << 30);
    let left = open(2 * MS, one * 5 / 2);
    assert_eq!(left.len(), 2, "{left:?}");
    assert!(left.contains(&first[0]) && !left.contains(&second[0]), "{first:?} {second:?} {left:?}");
    let info = cache::info(&dir);
    assert!(info.bytes <= one * 5 / 2 && info.tapes.len() == 2, "{info:?}");
    assert!(info.tapes[0].used > info.tapes[1].used && info.tapes[0].symbol == "BTC", "{info:?}");
    assert_eq!(info.tapes[0].store.as_deref(), bench.store().canonicalize().ok().as_deref());
    std::fs::write(dir.join("notes.txt"), "mine").expect("writes");
    assert_eq!(cache::clear(&dir).expect("clears").tapes.len(), 2);
    assert_eq!(entries(&dir).expect("a listing"), [dir.join("notes.txt")], "only tapes are removed");
}

#[test]
fn a_cache_that_cannot_be_made_is_none() {
    let bench = both();
    std::fs::write(bench.dir.path().join("file"), "").expect("writes");
    let spec = TapeSpec { tile_rows: 2000, ..bench.spec() };
    let plain = Tape::open(spec.clone()).expect("a tape");
    let cache = Some(CacheSpec { dir: bench.dir.path().join("file/cache"), max_bytes: 1 << 30 });
    let tape = Tape::open(TapeSpec { cache, ..spec }).expect("a tape");
    assert_eq!(flattened(&tape), flattened(&plain));
}

/// Outages, latency and made-up marks: the rows of a venue and what is received of them are no longer the same.
#[test]
fn kept_tiles_are_the_built_ones() {
    let bench = both();
    for (n, outage) in [vec![], vec![(at(1000), at(4000)), (at(5000), at(5001))]].into_iter().enumerate() {
        for latency in [TimeDelta::ZERO, 7_300 * MS] {
            let dir = bench.dir.path().join(format!("cache-{n}-{}", latency.0));
            let spec = TapeSpec {
                feed_latency: [latency, TimeDelta::ZERO],
                feed_outages: [vec![], outage.clone()],
                marks_missing: Missing::Mid,
                tile_rows: 1500,
                cache: Some(CacheSpec { dir: dir.clone(), max_bytes: 1 << 30 }),
                ..bench.spec()
            };
            let kept = Tape::open(spec.clone()).expect("a tape");
            let built = Tape::open(TapeSpec { cache: None, ..spec }).expect("a tape");
            assert!(kept.tiles() > 3);
            let folder = entries(&dir).expect("a listing").remove(0);
            assert_eq!(entries(&folder).expect("a listing").len(), kept.tiles() + 1);
            for k in 0..kept.tiles() {
                let [kept, built] = [&kept, &built].map(|tape| format!("{:?}", tape.tile(k).expect("a tile")));
                assert!(kept == built, "tile {k}");
            }
        }
    }
}

#[test]
fn a_bad_row_far_in_leaves_no_cache() {
    let bench = both();
    rewrite(&bench.store().join(QUOTES), |quotes: &mut Vec<QuoteRow>| {
        let last = quotes.len() - 5;
        quotes[last].bbo.ask = Price(0);
    });
    let dir = bench.dir.path().join("cache");
    let cache = Some(CacheSpec { dir: dir.clone(), max_bytes: 1 << 30 });
    let spec = TapeSpec { tile_rows: 500, cache, ..bench.spec() };
    let text = bench.refusal(spec.clone());
    assert!(text.contains("ask_px is 0; wanted a price above 0"), "{text}");
    assert_eq!(text, bench.refusal(TapeSpec { cache: None, ..spec }));
    assert_eq!(entries(&dir).expect("a listing").len(), 0);
}

#[test]
fn a_tape_says_what_its_data_are_like() {
    let mut long = venue_rows(2, 1);
    long.quotes.retain(|q| q.recv < at(2000) || q.recv > at(2200));
    long.trades.retain(|q| q.recv < at(2000) || q.recv > at(2200));
    long.depth.retain(|q| q.recv < at(2000) || q.recv > at(2200));
    long.marks.retain(|q| q.recv < at(2000) || q.recv > at(2200));
    long.quotes[1000].bbo.ask = long.quotes[1000].bbo.bid;
    let bench = Bench::with(&long, &venue_rows(3, 2));
    let tape = Tape::open(bench.spec()).expect("a tape");
    let quality = tape.quality();
    let venue = quality.venue(Role::Long);
    assert_eq!((venue.locked, venue.gaps), (1, 1));
    assert!((200..=204).contains(&(venue.gaps_ns / SECOND)), "{venue:?}");
    assert_eq!(quality.venue(Role::Short).gaps, 0);
    assert!(venue.exch_raised > 0);
    assert_eq!(venue.rows["funding"], 4, "published at 23:00 and 24:00, settled and predicted");
    assert_eq!(tape.first_quote(Role::Long), venue.first_quote);
    assert!(tape.first_quote(Role::Long) >= Some(at(600)));
    assert_eq!(tape.earliest_from().expect("quotes"), at(0).plus(42 * MS));
    assert_eq!(quality.made_by["tool"], "test");
}

/// One exchange time behind the one before it, in a batch that is whole otherwise: it is raised, and counted.
#[test]
fn an_exchange_time_that_goes_back_is_raised() {
    let read = |time: fn(&[QuoteRow]) -> Time| {
        let mut long = venue_rows(2, 1);
        long.quotes.iter_mut().for_each(|quote| quote.exch = quote.recv.plus(-40 * MS));
        long.quotes[700].exch = time(&long.quotes);
        let bench = Bench::with(&long, &venue_rows(3, 2));
        // from the first row on, so that the batch lies within the range as a whole
        let tape = Tape::open(TapeSpec { warm_from: at(0), ..bench.spec() }).expect("a tape");
        (flattened(&tape), tape.quality().venue(Role::Long).exch_raised)
    };
    let (back, raised) = read(|quotes| quotes[690].exch);
    let (level, none) = read(|quotes| quotes[699].exch);
    assert_eq!(raised, none + 1);
    assert!(back == level, "the quote has the time of the one before it");
}

#[test]
fn what_a_tape_cannot_use_is_refused_by_name() {
    let bench = both();
    let spec = || bench.spec();
    for (spec, want) in [
        (
            TapeSpec { to: at(0), ..spec() },
            "its times must rise: warm-up from 2026-01-05T22:10:00Z, from 2026-01-05T22:10:00Z, to 2026-01-05T22:00:00Z",
        ),
        (TapeSpec { tile_rows: 0, ..spec() }, "tile_rows is 0; accepted: 1 to 67108864"),
        (
            TapeSpec { feed_latency: [-NS, TimeDelta::ZERO], ..spec() },
            "a feed latency is -1 ns; accepted: 0 to one hour",
        ),
        (TapeSpec { store: "s3://bucket/x".into(), ..spec() }, "'s3://bucket/x' lies on an object store (s3://)"),
        (TapeSpec { store: bench.dir.path().join("none"), ..spec() }, "<dir>/none: no such folder; give the folder"),
        (
            TapeSpec { from: at(-9000), warm_from: at(-9000), to: at(-8000), ..spec() },
            "<dir>/store: quotes of lighter/BTC hold no row between 2026-01-05T19:30:00Z and 2026-01-05T19:46:40Z; the store has them from 2026-01-05T22:00:00.041Z to",
        ),
        (
            TapeSpec { venues: ["lighter".into(), "okx".into()], ..spec() },
            "<dir>/store: quotes of okx/BTC hold no row between 2026-01-05T22:10:00Z and 2026-01-06T01:00:00Z; the store has the venues grvt, lighter; choose a range or a venue that the store covers",
        ),
    ] {
        let text = bench.refusal(spec);
        assert!(text.contains(want), "{text}");
    }
}

#[test]
fn missing_funding_and_marks_follow_the_policies() {
    let (mut long, short) = (venue_rows(2, 1), venue_rows(3, 2));
    long.funding.retain(|r| r.ts != at(7200));
    let bench = Bench::with(&long, &short);
    assert_eq!(
        bench.refusal(bench.spec()),
        "<dir>/store: funding of lighter/BTC: 1 settlements are missing between 2026-01-05T22:10:00Z and \
         2026-01-06T01:00:00Z, the first at 2026-01-06T00:00:00Z, after 2026-01-05T23:00:00Z (1 h interval); get the \
         rows (`perpx-data backfill --what funding`), or say what to assume: funding.missing = zero (nothing is paid) or carry_last (the last rate repeats)"
    );
    let open = |funding_missing| Tape::open(TapeSpec { funding_missing, ..bench.spec() }).expect("a tape");
    let settled = |tape: &Tape| tape.tile(0).expect("a tile").venues[0].settlements.clone();
    let zero = open(Missing::Zero);
    assert_eq!(settled(&zero).len(), 1);
    assert_eq!(zero.quality().venue(Role::Long).funding_missing, 1);
    // the rate of 23:00 until the settlement that is missing, then 0
    let tile = zero.tile(0).expect("a tile");
    let known = |t: Time| tile.local.funding(last_at(&tile.local.time, t)).get(Role::Long, FundingKind::Settled);
    assert_eq!([at(7199), at(7200), at(10_799)].map(|t| known(t).map(|rate| rate.rate.0)), [Some(2), Some(0), Some(0)]);
    let carried = open(Missing::CarryLast);
    assert_eq!(settled(&carried)[1], Settlement { ts: at(7200), rate: Rate(2) });
    assert_eq!(carried.quality().venue(Role::Long).funding_filled, "carry_last");

    let mut none = venue_rows(2, 1);
    none.funding.clear();
    none.marks.clear();
    let bench = Bench::with(&none, &short);
    let text = bench.refusal(bench.spec());
    assert!(text.contains("marks of lighter/BTC: there is none between 2026-01-05T22:10:00Z"), "{text}");
    let spec = TapeSpec { marks_missing: Missing::CarryLast, ..bench.spec() };
    assert!(bench.refusal(spec).contains("there is none to carry"));
    let spec = TapeSpec { marks_missing: Missing::Mid, ..bench.spec() };
    let text = bench.refusal(spec.clone());
    assert!(text.contains("funding of lighter/BTC: there is no settled rate near"), "{text}");
    let text = bench.refusal(TapeSpec { funding_missing: Missing::CarryLast, ..spec.clone() });
    assert!(text.contains("there is no settled rate to carry on"), "{text}");
    let tape = Tape::open(TapeSpec { funding_missing: Missing::Zero, ..spec }).expect("a tape");
    let tile = tape.tile(0).expect("a tile");
    let (marks, quotes) = (&tile.venues[0].marks, &tile.venues[0].quotes);
    assert!(marks.time.len() > 4000 && marks.time.len() <= quotes.time.len());
    assert_eq!((marks.time[1], marks.mark[1]), (quotes.time[1], (quotes.bid[1] + quotes.ask[1]) / 2));
    assert_eq!(tape.quality().venue(Role::Long).marks_filled, "mid");
    // nothing is recorded: a rate of 0 from the first row to the last, of no settlement
    for row in 0..tile.local.len() {
        let known = tile.local.funding(row);
        let rate = known.get(Role::Long, FundingKind::Settled).expect("a rate");
        assert!(rate.rate == Rate::ZERO && rate.expiry() > at(3 * 3600));
        assert!(known.get(Role::Long, FundingKind::Predicted).is_none());
    }
    assert_eq!(tile.venues[0].settlements, []);
}

/// Rates of 22:00, 23:00 ... are published a second late and count for two hours. What is known when a range begins is the
/// newest of each kind that was received before it, wherever the range begins.
#[test]
fn rates_received_before_the_range_are_known_in_it() {
    let bench = both();
    let rates = |spec: TapeSpec| {
        let tile = Tape::open(spec).expect("a tape").tile(0).expect("a tile");
        let known = |kind| tile.local.funding(0).get(Role::Long, kind).map(|rate| (rate.rate.0, rate.ts));
        [known(FundingKind::Settled), known(FundingKind::Predicted)]
    };
    let from = |t: Time| TapeSpec { warm_from: t, from: t, ..bench.spec() };
    let of_hour = |h: i64| [Some((h + 1, at(h * 3600))), Some((h + 1, at((h + 1) * 3600)))];
    assert_eq!(rates(from(at(0))), [None, None]);
    assert_eq!(rates(from(at(3601))), of_hour(0));
    assert_eq!(rates(from(Time(at(3601).0 + 1))), of_hour(1));
    assert_eq!(rates(from(at(7200))), of_hour(1));
    // with the feed's latency
    assert_eq!(rates(TapeSpec { feed_latency: [7 * SECOND, TimeDelta::ZERO], ..from(at(3608)) }), of_hour(0));
    assert_eq!(rates(TapeSpec { feed_latency: [7 * SECOND, TimeDelta::ZERO], ..from(at(3609)) }), of_hour(1));
    // lost in an outage of the feed that lies before the range
    let lost = [vec![(at(3600), at(3602))], vec![]];
    assert_eq!(rates(TapeSpec { feed_outages: lost, ..from(at(5400)) }), of_hour(0));
    // a settlement that is missing before the range is carried on to its beginning
    let mut long = venue_rows(2, 1);
    long.funding.retain(|r| r.recv != at(3601));
    let bench = Bench::with(&long, &venue_rows(3, 2));
    let missing = |funding_missing| TapeSpec { funding_missing, warm_from: at(5400), from: at(5400), ..bench.spec() };
    assert_eq!(rates(missing(Missing::Refuse))[0], Some((1, at(0))));
    assert_eq!(rates(missing(Missing::CarryLast))[0], Some((1, at(3600))));
    assert_eq!(rates(missing(Missing::Zero))[0].map(|rate| rate.0), Some(0));
}

#[test]
fn holes_in_marks_and_absent_indices_are_missing_marks() {
    let mut long = venue_rows(2, 1);
    long.marks.retain(|r| r.recv < at(3000) || r.recv > at(3400));
    let bench = Bench::with(&long, &venue_rows(3, 2));
    let text = bench.refusal(bench.spec());
    assert!(
        text.contains("1 holes above 5 minutes while quotes go on, the first from 2026-01-05T22:49:50.04Z"),
        "{text}"
    );
    let tape = Tape::open(TapeSpec { marks_missing: Missing::Zero, ..bench.spec() }).expect("a tape");
    assert_eq!(tape.quality().venue(Role::Long).marks_filled, "carry_last");

    let mut long = venue_rows(2, 1);
    long.marks.iter_mut().for_each(|r| r.index = Price(0));
    let bench = Bench::with(&long, &venue_rows(3, 2));
    Tape::open(bench.spec()).expect("an index that nobody needs");
    let needs = TapeSpec { needs_index: [true, false], ..bench.spec() };
    let text = bench.refusal(needs.clone());
    assert!(text.contains("no index price is there, on which this venue pays funding, between"), "{text}");
    let tape = Tape::open(TapeSpec { marks_missing: Missing::Mid, ..needs }).expect("a tape");
    let marks = tape.tile(0).expect("a tile").venues[0].marks.clone();
    assert_eq!(marks.index[5], marks.mark[5]);
}

const QUOTES: &str = "quotes/venue=lighter/symbol=BTC/date=2026-01-05/part-0.parquet";

#[test]
fn bad_rows_are_refused_by_place_or_dropped_and_counted() {
    type Change = fn(&mut Vec<QuoteRow>);
    let cases: [(Change, &str, &str); 6] = [
        (|q| q[400].bbo.bid = Price(q[400].bbo.ask.0 + 1), "row 401: bid_px is 0.001", "quotes: crossed"),
        (|q| q[400].bbo.ask = Price(0), "row 401: ask_px is 0; wanted a price above 0", "quotes: zero price"),
        (
            |q| q[400].bbo.bid_qty = Qty(-1),
            "row 401: bid_qty is -0.000000001; wanted a size of 0",
            "quotes: negative size",
        ),
        (
            |q| q[400].exch = q[400].recv.plus(NS),
            "row 401: recv_ts is 2026-01-05T22:1",
            "quotes: received before stamped",
        ),
        (
            |q| q[400].exch = Time(0),
            "row 401: exch_ts is 1970-01-01T00:00:00Z; wanted a time after",
            "quotes: out of range",
        ),
        (
            |q| (q[400].exch, q[400].recv) = (q[390].exch, q[390].recv.plus(-NS)),
            "wanted no earlier than the row before it",
            "quotes: recv_ts goes backwards",
        ),
    ];
    for (change, want, rule) in cases {
        let bench = both();
        let clean = Tape::open(bench.spec()).expect("a tape").quality();
        rewrite(&bench.store().join(QUOTES), change);
        let text = bench.refusal(bench.spec());
        assert!(text.starts_with(&format!("<dir>/store/{QUOTES}: row group 1, row 401: ")), "{text}");
        assert!(text.contains(want), "{want} in {text}");
        assert!(
            text.ends_with("repair the file, or set on_bad_rows = \"drop\" to leave such rows out (counted)"),
            "{text}"
        );
        let spec = TapeSpec { on_bad_rows: OnBadRows::Drop, ..bench.spec() };
        let quality = Tape::open(spec).expect("a tape").quality();
        let venue = quality.venue(Role::Long);
        assert_eq!(venue.dropped.get(rule), Some(&1), "{rule}: {:?}", venue.dropped);
        assert_eq!(venue.rows["quotes"] + 1, clean.venue(Role::Long).rows["quotes"]);
    }
}

#[test]
fn bad_files_are_refused_by_name() {
    let bench = both();
    let path = bench.store().join(QUOTES);
    let whole = std::fs::read(&path).expect("a file");
    let refusal = |bytes: &[u8]| {
        std::fs::write(&path, bytes).expect("written");
        bench.refusal(bench.spec())
    };
    let text = refusal(&whole[..whole.len() / 2]);
    assert!(text.starts_with(&format!("<dir>/store/{QUOTES}: not a whole parquet file (")), "{text}");
    // a page in the middle is torn: the footer is whole, the rows are not
    let mut torn = whole.clone();
    torn[100..2000].fill(0xA5);
    let text = refusal(&torn);
    assert!(text.starts_with(&format!("<dir>/store/{QUOTES}: row group 1, near row 1: ")), "{text}");
    std::fs::write(&path, &whole).expect("written");
    // the same rows twice
    let twin = path.with_file_name("part-1.parquet");
    std::fs::copy(&path, &twin).expect("copied");
    let text = bench.refusal(bench.spec());
    assert!(
        text.contains("part-0.parquet and ") && text.contains(" overlap: the first ends 2026-01-05T23:59:5"),
        "{text}"
    );
    std::fs::remove_file(&twin).expect("removed");
    // a day in another day's folder
    let other = bench.store().join("quotes/venue=lighter/symbol=BTC/date=2026-01-06/part-0.parquet");
    std::fs::copy(&path, &other).expect("copied");
    let text = bench.refusal(bench.spec());
    assert!(
        text.contains("do not belong to partition date=2026-01-06; rows go to the partition of their receive"),
        "{text}"
    );
    let odd = bench.store().join("quotes/venue=lighter/symbol=BTC/date=2026-13-40");
    std::fs::create_dir(&odd).expect("made");
    let text = bench.refusal(bench.spec());
    assert!(text.contains("'date=2026-13-40' is no date= partition; accepted: date=2026-01-05"), "{text}");
}

#[test]
fn files_of_other_tools_are_read_when_they_are_exact() {
    use arrow::array::*;
    use arrow::datatypes::{DataType, Field, Schema};
    use std::sync::Arc;
    let bench = both();
    let path = bench.store().join(QUOTES);
    let want = flattened(&Tape::open(bench.spec()).expect("a tape"));
    let mut rows: Vec<QuoteRow> = Vec::new();
    rewrite(&path, |r| rows = r.clone());
    let write = |columns: Vec<(&str, ArrayRef)>| {
        let fields: Vec<Field> = columns.iter().map(|(n, c)| Field::new(*n, c.data_type().clone(), true)).collect();
        let batch = RecordBatch::try_new(Arc::new(Schema::new(fields)), columns.into_iter().map(|c| c.1).collect());
        let batch = batch.expect("a batch");
        let file = std::fs::File::create(&path).expect("a file");
        let mut writer = parquet::arrow::ArrowWriter::try_new(file, batch.schema(), None).expect("a writer");
        writer.write(&batch).expect("written");
        writer.close().expect("closed");
    };
    let micros = |pick: fn(&QuoteRow) -> Time| -> ArrayRef {
        let values = rows.iter().map(|r| pick(r).0 / 1000);
        Arc::new(TimestampMicrosecondArray::from_iter_values(values).with_timezone("UTC"))
    };
    let floats = |pick: fn(&QuoteRow) -> i64| -> ArrayRef {
        Arc::new(Float64Array::from_iter_values(rows.iter().map(|r| pick(r) as f64 / 1e9)))
    };
    let wide = |pick: fn(&QuoteRow) -> i64| -> ArrayRef {
        let values = Decimal128Array::from_iter_values(rows.iter().map(|r| i128::from(pick(r)) * 1000));
        Arc::new(values.with_data_type(DataType::Decimal128(38, 12)))
    };
    let columns = || -> Vec<(&str, ArrayRef)> {
        vec![
            // another order, another column, other types
            ("symbol", Arc::new(StringArray::from_iter_values(rows.iter().map(|_| "BTC")))),
            ("bid_px", floats(|r| r.bbo.bid.0)),
            ("bid_qty", floats(|r| r.bbo.bid_qty.0)),
            ("ask_px", wide(|r| r.bbo.ask.0)),
            ("ask_qty", wide(|r| r.bbo.ask_qty.0)),
            ("recv_ts", micros(|r| r.recv)),
            ("exch_ts", micros(|r| r.exch)),
        ]
    };
    write(columns());
    assert_eq!(flattened(&Tape::open(bench.spec()).expect("a tape")), want);
    let refused = |at: usize, column: (&'static str, ArrayRef)| {
        let mut columns = columns();
        columns[at] = column;
        write(columns);
        bench.refusal(bench.spec()).replace(QUOTES, "<quotes>")
    };
    let text = refused(1, ("bid", floats(|r| r.bbo.bid.0)));
    assert_eq!(
        text,
        "<dir>/store/<quotes>: column 'bid_px' is missing; the file has: symbol, bid, bid_qty, ask_px, ask_qty, recv_ts, \
         exch_ts; table 'quotes' needs: exch_ts, recv_ts, bid_px, bid_qty, ask_px, ask_qty"
    );
    let text = refused(5, ("recv_ts", Arc::new(Int64Array::from_iter_values(rows.iter().map(|r| r.recv.0)))));
    assert_eq!(text, "<dir>/store/<quotes>: column 'recv_ts' has type Int64; accepted: TIMESTAMP in ns, us or ms, UTC");
    let thirds: ArrayRef = Arc::new(Float64Array::from_iter_values(rows.iter().map(|_| 1.0 / 3.0)));
    let text = refused(1, ("bid_px", thirds));
    assert!(text.contains("bid_px is 0.3333333333333333; wanted a number with at most 9 decimals"), "{text}");
    let nans: ArrayRef = Arc::new(Float64Array::from_iter_values(rows.iter().map(|_| f64::NAN)));
    assert!(refused(1, ("bid_px", nans)).contains("bid_px is NaN; wanted"));
    let nulls: ArrayRef = Arc::new(Float64Array::new_null(rows.len()));
    assert!(refused(2, ("bid_qty", nulls)).contains("bid_qty is null; wanted a number"));
}

#[test]
fn threads_share_a_tape() {
    let bench = both();
    let tape = Tape::open(TapeSpec { tile_rows: 1000, ..bench.spec() }).expect("a tape");
    let want: Vec<_> = (0..tape.tiles()).map(|k| encode(&tape.tile(k).expect("a tile"))).collect();
    std::thread::scope(|scope| {
        for offset in 0..4 {
            let (tape, want) = (&tape, &want);
            scope.spawn(move || {
                for i in 0..want.len() {
                    let k = (i + offset * 3) % want.len();
                    assert!(encode(&tape.tile(k).expect("a tile")) == want[k]);
                }
            });
        }
    });
}

#[test]
fn depth_that_is_no_book_is_refused_or_dropped() {
    let bench = both();
    let path = bench.store().join(QUOTES.replace("quotes", "depth"));
    rewrite(&path, |levels: &mut Vec<DepthLevelRow>| {
        let ask = levels.iter().skip(100).position(|l| l.side == Side::Sell).expect("an ask") + 100;
        levels[ask].px = Price(1);
    });
    let text = bench.refusal(bench.spec());
    assert!(
        text.contains("depth/venue=lighter/symbol=BTC/date=2026-01-05/part-0.parquet: the depth snapshot received"),
        "{text}"
    );
    assert!(text.contains("wanted no higher than the best ask, 0.000000001 (a crossed book)"), "{text}");
    let tape = Tape::open(TapeSpec { on_bad_rows: OnBadRows::Drop, ..bench.spec() }).expect("a tape");
    assert_eq!(tape.quality().venue(Role::Long).dropped["depth: crossed"], 1);
    let report = check::check(&bench.store(), None, check::STALE, check::MissingKeys::default())
        .expect("a report")
        .text(usize::MAX);
    assert!(
        report.contains("lighter/BTC depth: crossed (1 rows), the first: lighter/BTC depth: the snapshot received"),
        "{report}"
    );
}

#[test]
fn a_range_may_begin_before_and_end_after_the_data() {
    let bench = both();
    let spec = TapeSpec { warm_from: at(-20_000), to: at(60_000), ..bench.spec() };
    let tape = Tape::open(spec).expect("a tape");
    assert_eq!(tape.first_quote(Role::Long), Some(at(0).plus(41 * MS)));
    assert_eq!(tape.quality().venue(Role::Long).funding_missing, 0);
    let tile = tape.tile(0).expect("a tile");
    assert_eq!(tile.venues[0].settlements.len(), 5);
}
