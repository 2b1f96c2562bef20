//! Stores that grow by the hour: what a reader of them sees, and what it does not.

use super::*;
use crate::check::{MissingKeys, STALE, Verdict, check};

/// The rows that were received in one hour since 1970.
pub(super) fn hour_of(rows: &VenueTables, hour: i64) -> VenueTables {
    fn of<T: Clone>(rows: &[T], hour: i64, recv: impl Fn(&T) -> Time) -> Vec<T> {
        rows.iter().filter(|row| recv(row).steps(HOUR) == hour).cloned().collect()
    }
    VenueTables {
        quotes: of(&rows.quotes, hour, |row| row.recv),
        trades: of(&rows.trades, hour, |row| row.recv),
        depth: of(&rows.depth, hour, |row| row.recv),
        marks: of(&rows.marks, hour, |row| row.recv),
        funding: of(&rows.funding, hour, |row| row.recv),
    }
}

pub(super) fn append(
    root: &Path,
    venue: &str,
    rows: &VenueTables,
    hour: i64,
    gaps: Vec<FoundGap>,
) -> Result<usize, TapeError> {
    let rows = hour_of(rows, hour);
    let mut writer = HourWriter::create(root, venue, hour).expect("a writer");
    rows.quotes.iter().for_each(|row| writer.quote("BTC", *row).expect("a quote"));
    let numbered = |row: &TradeRow| NumberedTrade { row: *row, id: None };
    rows.trades.iter().for_each(|row| writer.trade("BTC", numbered(row)).expect("a trade"));
    rows.depth.iter().for_each(|row| writer.depth("BTC", row.clone()).expect("a snapshot"));
    rows.marks.iter().for_each(|row| writer.marks("BTC", *row).expect("marks"));
    rows.funding.iter().for_each(|row| writer.funding("BTC", *row).expect("a rate"));
    let span = (Time::at(hour * HOUR), Time::at((hour + 1) * HOUR - NS), 9);
    writer.commit(span, 0, gaps, serde_json::json!({"clock": "as_recorded"}))
}

pub(super) const FIRST: i64 = 20_458 * 24 + 22;

/// Both venues over these hours of the four and what follows them.
pub(super) fn recorded(hours: std::ops::Range<i64>) -> Bench {
    let bench = Bench::new();
    more(&bench, hours);
    bench
}

fn more(bench: &Bench, hours: std::ops::Range<i64>) {
    for hour in hours {
        append(&bench.store(), "lighter", &venue_rows(2, 1), FIRST + hour, Vec::new()).expect("an hour");
        append(&bench.store(), "grvt", &venue_rows(3, 2), FIRST + hour, Vec::new()).expect("an hour");
    }
}

fn tiles(tape: &Tape) -> Vec<Vec<u8>> {
    (0..tape.tiles()).map(|k| encode(&tape.tile(k).expect("a tile")).expect("a file")).collect()
}

pub(super) fn listed(root: &Path) -> String {
    std::fs::read_to_string(root.join(DATASET_FILE)).expect("dataset.json")
}

/// An hour that is made again of fewer frames than before has lost some: its rows stay as they were.
#[test]
fn an_hour_is_not_made_again_of_less() {
    let bench = recorded(0..2);
    let before = listed(&bench.store());
    let mut writer = HourWriter::create(&bench.store(), "grvt", FIRST + 1).expect("a writer");
    let quote = hour_of(&venue_rows(3, 2), FIRST + 1).quotes[0];
    writer.quote("BTC", quote).expect("a quote");
    let span = (Time::at((FIRST + 1) * HOUR), Time::at((FIRST + 2) * HOUR - NS), 8);
    let error = writer.commit(span, 0, Vec::new(), serde_json::json!({"clock": "as_recorded"}));
    let error = error.expect_err("one is gone").to_string();
    assert!(error.contains("hour 20260105T23 of grvt was made of 9 raw frames, and 8 are there now"), "{error}");
    assert_eq!(listed(&bench.store()), before);
    Tape::open(TapeSpec { to: at(3 * 3600 / 2), ..bench.spec() }).expect("its files are those that are listed");
    append(&bench.store(), "grvt", &venue_rows(3, 2), FIRST + 1, Vec::new()).expect("as many as before");
}

#[test]
fn later_hours_and_the_merging_of_a_day_change_nothing_for_a_range() {
    let spec = |bench: &Bench| TapeSpec { to: at(3 * 3600 / 2), ..bench.spec() };
    let bench = recorded(0..2);
    let first = Tape::open(spec(&bench)).expect("a tape");
    let want = (first.fingerprint(), tiles(&first), first.quality());
    // the same rows, imported: the same tape, by another name
    let imported = both();
    assert!(tiles(&Tape::open(spec(&imported)).expect("a tape")) == want.1);
    more(&bench, 2..5);
    let seen = |bench: &Bench| {
        let tape = Tape::open(spec(bench)).expect("a tape");
        (tape.fingerprint(), tiles(&tape), tape.quality())
    };
    assert!(seen(&bench) == want, "later hours");
    let before = listed(&bench.store());
    merge_days(&bench.store(), START.day()).expect("merged");
    assert_eq!(listed(&bench.store()), before, "no day is over");
    merge_days(&bench.store(), START.day() + 1).expect("merged");
    assert!(seen(&bench) == want, "merged");
    let day = bench.store().join("quotes/venue=lighter/symbol=BTC/date=2026-01-05");
    let names = |folder: &Path| -> Vec<String> {
        let files = entries(folder).expect("a listing");
        files.iter().map(|file| file.file_name().expect("a name").to_string_lossy().into_owned()).collect()
    };
    assert_eq!(names(&day), ["part-0.parquet", "part-22.parquet", "part-23.parquet"], "somebody may read them");
    // a tape that was opened before goes on
    assert!(tiles(&first) == want.1);
    merge_days(&bench.store(), START.day() + 2).expect("merged");
    assert_eq!(names(&day), ["part-0.parquet"]);
    assert!(seen(&bench) == want);
    // a range over all of it, against the imported store
    let whole = |bench: &Bench| tiles(&Tape::open(TapeSpec { to: at(4 * 3600 - 60), ..bench.spec() }).expect("a tape"));
    assert!(whole(&bench) == whole(&imported));
    let report = check(&bench.store(), None, STALE, MissingKeys::default()).expect("a report");
    assert_eq!(report.verdict(), Verdict::Fit, "{:?} {:?}", report.store_errors, report.refused);
    let info = crate::info::info(&bench.store()).expect("info");
    assert_eq!(info.tables.iter().find(|t| t.venue == "lighter" && t.table == "quotes").map(|t| t.files), Some(2));
}

/// Funding's days of a year that is over are one file, of which a range reads what it read before.
#[test]
fn a_year_of_funding_becomes_one_file() {
    let bench = recorded(0..4);
    let root = bench.store();
    let spec = |hours: i64| TapeSpec { to: at(hours * 3600 - 60), ..bench.spec() };
    let seen = |hours: i64| {
        let tape = Tape::open(spec(hours)).expect("a tape");
        (tape.fingerprint(), tiles(&tape))
    };
    let want = [2, 3, 4].map(seen);
    // what was there is gone when it is two days old
    (1..4).for_each(|days| merge_days(&root, START.day() + days).expect("merged"));
    let folder = root.join("funding/venue=lighter/symbol=BTC/year=2026");
    let names = || -> Vec<String> {
        let files = entries(&folder).expect("a listing");
        files.iter().map(|file| file.file_name().expect("a name").to_string_lossy().into_owned()).collect()
    };
    let days = ["part-20260105.parquet", "part-20260106.parquet"];
    assert_eq!(names(), days);
    let new_year = Time::from_civil(2027, 1, 1).expect("a date").day();
    merge_days(&root, new_year - 1).expect("merged");
    assert_eq!(names(), days, "the year goes on");
    merge_days(&root, new_year).expect("merged");
    assert_eq!(names(), ["part-0.parquet", days[0], days[1]], "somebody may read them");
    assert!([2, 3, 4].map(seen) == want);
    let before = listed(&root);
    merge_days(&root, new_year).expect("merged");
    assert_eq!((names(), listed(&root)), (vec!["part-0.parquet".to_string()], before.clone()));
    assert!([2, 3, 4].map(seen) == want);
    more(&bench, 1..2);
    assert_eq!(listed(&root), before, "an hour of it made again");
    let report = check(&root, None, STALE, MissingKeys::default()).expect("a report");
    assert_eq!(report.verdict(), Verdict::Fit, "{:?} {:?}", report.store_errors, report.refused);
}

#[test]
fn an_hour_may_be_written_as_often_as_one_likes() {
    let bench = recorded(0..3);
    let root = bench.store();
    let before = listed(&root);
    more(&bench, 1..2);
    assert_eq!(listed(&root), before);
    // from no other hours: a recording that begins there, and the hour before it later
    let other = recorded(1..3);
    more(&other, 0..1);
    assert_eq!(listed(&other.store()), before);
    merge_days(&root, START.day() + 1).expect("merged");
    let merged = listed(&root);
    more(&bench, 1..2);
    assert_eq!(listed(&root), merged);
    // an hour that comes after the merging of its day stands beside it
    let early = START.day() * 24 + 20;
    let moved = |by: TimeDelta| {
        let rows = hour_of(&venue_rows(2, 1), FIRST);
        VenueTables {
            quotes: rows
                .quotes
                .iter()
                .map(|row| QuoteRow { exch: row.exch.plus(by), recv: row.recv.plus(by), ..*row })
                .collect(),
            ..VenueTables::default()
        }
    };
    let late = bench.dir.path().join("late");
    std::fs::create_dir(&late).expect("a folder");
    append(&late, "lighter", &venue_rows(2, 1), FIRST, Vec::new()).expect("an hour");
    merge_days(&late, START.day() + 1).expect("merged");
    for _ in 0..2 {
        append(&late, "lighter", &moved(-2 * HOUR), early, Vec::new()).expect("an hour");
        merge_days(&late, START.day() + 1).expect("merged");
    }
    let store = StorePath::open(&late).expect("a store");
    let files = store.files(Table::Quotes, "lighter", "BTC").expect("files");
    let names: Vec<_> = files.iter().filter_map(|(_, path)| path.file_name()?.to_str()).collect();
    assert_eq!(names, ["part-0.parquet", "part-20.parquet"]);
    let refused = append(&root, "grvt", &venue_rows(3, 9), FIRST + 1, Vec::new()).expect_err("other rows").to_string();
    assert!(refused.contains("hour 20260105T23 was made of its raw frames again"), "{refused}");
    assert_eq!(listed(&root), merged);
    // what a settlement was stored before, as after a new start, is not stored twice
    let rows = VenueTables { funding: venue_rows(2, 1).funding, ..VenueTables::default() };
    let late = |row: &FundingRow| FundingRow { recv: at(4 * 3600 + 60), ..*row };
    let again = VenueTables { funding: rows.funding.iter().map(late).collect(), ..rows };
    append(&root, "lighter", &again, FIRST + 4, Vec::new()).expect("an hour");
    let store = StorePath::open(&root).expect("a store");
    let mut settled = Vec::new();
    for (_, path) in store.files(Table::Funding, "lighter", "BTC").expect("files") {
        let file = StoreFile::open::<FundingRow>(&path).expect("a file");
        for batch in file.read::<FundingRow>(0..file.groups().len()).expect("rows") {
            settled.extend(
                batch.expect("rows").rows.iter().filter(|row| row.kind == FundingKind::Settled).map(|row| row.ts),
            );
        }
    }
    let mut once = settled.clone();
    once.sort();
    once.dedup();
    assert_eq!(settled.len(), once.len());
    assert_eq!(once.len(), 5, "two were new");
}

#[test]
fn a_recorded_store_is_what_dataset_json_lists() {
    let bench = recorded(0..2);
    let root = bench.store();
    let spec = TapeSpec { to: at(3 * 3600 / 2), ..bench.spec() };
    let want = Tape::open(spec.clone()).expect("a tape").fingerprint();
    let folder = root.join("quotes/venue=lighter/symbol=BTC/date=2026-01-05");
    std::fs::copy(folder.join("part-22.parquet"), folder.join("part-07.parquet")).expect("copied");
    assert_eq!(Tape::open(spec.clone()).expect("a tape").fingerprint(), want, "a file beside the list is not read");
    rewrite::<QuoteRow>(&folder.join("part-22.parquet"), |rows| rows[5].bbo.ask_qty = Qty(8));
    let refused = bench.refusal(spec.clone());
    assert!(refused.contains("part-22.parquet: its contents are not those that dataset.json lists"), "{refused}");
    std::fs::remove_file(folder.join("part-22.parquet")).expect("removed");
    assert!(bench.refusal(spec).contains("part-22.parquet"));
    // a store that was imported is not added to
    let imported = both();
    let refused = HourWriter::create(&imported.store(), "lighter", FIRST).err().expect("refused").to_string();
    assert!(refused.contains("holds no recorded store"), "{refused}");
    // nor is a recorded one replaced
    let refused = StoreWriter::create(&root).err().expect("refused").to_string();
    assert!(refused.contains("a recorder writes this store"), "{refused}");
}

#[test]
fn gaps_are_facts_of_the_store() {
    let bench = Bench::new();
    let gap = |from: Option<i64>, to: i64, known: bool| FoundGap {
        symbol: "BTC".to_string(),
        table: if known { Table::Trades } else { Table::Quotes },
        from: from.map(at),
        to: at(to),
        reason: "cut".to_string(),
        known,
    };
    let rows = [venue_rows(2, 1), venue_rows(3, 2)];
    for (hour, gaps) in [
        // where the recording begins is no gap
        (0, vec![gap(None, 10, false), gap(Some(3_590), 3_600, false), gap(Some(700), 705, true)]),
        // goes on from the hour before
        (1, vec![gap(None, 3_605, false), gap(Some(6_000), 6_060, false)]),
    ] {
        append(&bench.store(), "lighter", &rows[0], FIRST + hour, gaps).expect("an hour");
        append(&bench.store(), "grvt", &rows[1], FIRST + hour, Vec::new()).expect("an hour");
    }
    let tape = Tape::open(TapeSpec { to: at(5_900), ..bench.spec() }).expect("a tape");
    let quality = tape.quality();
    let spans: Vec<_> =
        quality.venues[0].recorded_gaps.iter().map(|gap| (gap.table.as_str(), gap.length() / SECOND)).collect();
    assert_eq!(spans, [("quotes", 15), ("trades", 5)], "the later one is past the range");
    assert!(quality.venues[1].recorded_gaps.is_empty());
    let report = check(&bench.store(), None, STALE, MissingKeys::default()).expect("a report");
    let warned = |words: &str| report.warnings.iter().any(|warning| warning.contains(words));
    assert!(warned("lighter/BTC quotes: 2 gaps of the recording, 1 min 15 s in all"), "{:#?}", report.warnings);
    assert!(warned("lighter/BTC trades: 1 gap of the recording, 5 s in all; the trades of 1 are in trades_gap"));
    let info = crate::info::info(&bench.store()).expect("info").text(120);
    assert!(info.contains("3 gaps of the recording") && info.contains(": cut"), "{info}");
    // 22:00 has two gaps (and the begin is none), 23:00 two; at the other venue both are whole
    assert!(info.contains("lighter  2026-01-05  ......................++  18 frames, 4 gaps"), "{info}");
    assert!(info.contains("grvt     2026-01-05  ......................##  18 frames, 0 gaps"), "{info}");
}

/// A process that dies in the midst of the first hour leaves a store in which the next one goes on.
#[test]
fn an_hour_that_was_broken_off_is_written_by_the_next() {
    let bench = Bench::new();
    let rows = hour_of(&venue_rows(2, 1), FIRST);
    let mut writer = HourWriter::create(&bench.store(), "lighter", FIRST).expect("a writer");
    writer.quote("BTC", rows.quotes[0]).expect("a quote");
    drop(writer);
    assert!(bench.store().join("quotes").exists());
    append(&bench.store(), "lighter", &venue_rows(2, 1), FIRST, Vec::new()).expect("an hour");
}

/// Trades of a gap happen at the venue, where a range asks for them, and are heard of by nobody.
#[test]
fn trades_of_a_gap_are_read_where_they_are_asked_for() {
    let bench = recorded(0..1);
    let mut writer = HourWriter::create(&bench.store(), "lighter", FIRST + 1).expect("a writer");
    let missed = |second: i64, recv: i64| {
        let (px, qty) = (Price(1_000_500), Qty(3));
        let row = TradeRow { exch: at(second), recv: at(recv), px, qty, taker: Side::Buy, consumed_book: true };
        NumberedTrade { row, id: Some(second) }
    };
    let rows = hour_of(&venue_rows(2, 1), FIRST + 1);
    rows.quotes.iter().for_each(|row| writer.quote("BTC", *row).expect("a quote"));
    rows.marks.iter().for_each(|row| writer.marks("BTC", *row).expect("marks"));
    rows.funding.iter().for_each(|row| writer.funding("BTC", *row).expect("a rate"));
    // of the hour before, and of this one
    for (second, recv) in [(3_000, 3_700), (3_650, 3_700)] {
        writer.gap_trade("BTC", missed(second, recv)).expect("a trade");
    }
    let span = (at(3_600), at(7_199), 9);
    writer.commit(span, 0, Vec::new(), serde_json::Value::Null).expect("an hour");
    append(&bench.store(), "grvt", &venue_rows(3, 2), FIRST + 1, Vec::new()).expect("an hour");
    let spec = |gap_trades, tile_rows| TapeSpec { to: at(5_400), gap_trades, tile_rows, ..bench.spec() };
    let times = |tape: &Tape| -> (Vec<i64>, Vec<i64>) {
        let (mut local, mut trades) = (Vec::new(), Vec::new());
        for k in 0..tape.tiles() {
            let tile = tape.tile(k).expect("a tile");
            local.extend(tile.local.time.iter().skip(1).copied());
            trades.extend(tile.venues[0].trades.time.iter().skip(1).copied());
        }
        (local, trades)
    };
    let without = Tape::open(spec(false, 1 << 18)).expect("a tape");
    let (local, trades) = times(&without);
    for tile_rows in [1 << 18, 300] {
        let with = Tape::open(spec(true, tile_rows)).expect("a tape");
        assert_ne!(with.fingerprint(), without.fingerprint());
        let (heard_of, happened) = times(&with);
        assert_eq!(heard_of.iter().collect::<std::collections::BTreeSet<_>>(), local.iter().collect());
        let mut want = trades.clone();
        want.extend([at(3_000).0, at(3_650).0]);
        want.sort_unstable();
        assert_eq!(happened, want);
    }
}

/// A recorder reads settlements a little after the hour. One that ended before has a store that is whole up to the hour; later it
/// should have been there.
#[test]
fn a_recording_may_end_before_its_last_settlement_is_read() {
    let hour = Time::at((FIRST + 2) * HOUR);
    let ends = |seconds: i64| {
        let bench = recorded(0..2);
        let mut rows = venue_rows(2, 1);
        let end = hour.plus(seconds * SECOND);
        rows.quotes.retain(|row| row.recv < end);
        rows.trades.retain(|row| row.recv < end);
        rows.depth.retain(|row| row.recv < end);
        rows.marks.retain(|row| row.recv < end);
        rows.funding.retain(|row| row.recv < end && row.ts != hour);
        append(&bench.store(), "lighter", &rows, FIRST + 2, Vec::new()).expect("an hour");
        check(&bench.store(), None, STALE, MissingKeys::default()).expect("a report")
    };
    let soon = ends(40);
    assert_eq!(soon.verdict(), Verdict::Fit, "{:?}", soon.refused);
    let found: Vec<_> = soon.warnings.iter().filter(|text| text.contains("before the settlement of then")).collect();
    assert!(found.len() == 1 && found[0].starts_with("lighter/BTC: the recording ended "), "{found:?}");
    assert!(found[0].contains(&format!(" after {hour}")), "{found:?}");
    let late = ends(400);
    assert_eq!(late.verdict(), Verdict::Unfit, "{:?}", late.warnings);
    assert!(late.refused.iter().any(|text| text.contains("1 settlements are missing")), "{:?}", late.refused);
}
