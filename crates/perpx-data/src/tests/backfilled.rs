//! Backfilled rows, in a store that a recorder writes.

use super::recorded::{FIRST, append, hour_of, listed, recorded};
use super::*;
use crate::check::{CheckReport, MissingKeys, STALE, Verdict, check};
use crate::store::Backfilled;

fn settled(hour: i64, rate: i64) -> FundingRow {
    let ts = Time::at((FIRST + hour) * HOUR);
    FundingRow { ts, recv: ts, rate: Rate(rate), interval_hours: 1, kind: FundingKind::Settled }
}

fn backfill(bench: &Bench, rows: &[FundingRow]) -> Vec<Time> {
    let mut backfilled = Backfilled::begin(&bench.store()).expect("a store");
    let twice = backfilled.funding("lighter", "BTC", rows).expect("rows");
    backfilled.commit(serde_json::json!([{ "venue": "lighter" }])).expect("written");
    twice
}

fn checked(bench: &Bench) -> CheckReport {
    check(&bench.store(), None, STALE, MissingKeys::default()).expect("a report")
}

/// Four hours in which Lighter's recorder missed the settlement of the third.
fn with_a_hole() -> Bench {
    let bench = recorded(0..2);
    for hour in 2..4 {
        let mut rows = venue_rows(2, 1);
        rows.funding.retain(|row| row.kind == FundingKind::Predicted || row.ts != settled(2, 0).ts);
        append(&bench.store(), "lighter", &rows, FIRST + hour, Vec::new()).expect("an hour");
        append(&bench.store(), "grvt", &venue_rows(3, 2), FIRST + hour, Vec::new()).expect("an hour");
    }
    bench
}

#[test]
fn a_settlement_that_was_missed_is_backfilled_and_recorded_ones_win() {
    let bench = with_a_hole();
    assert_eq!(checked(&bench).verdict(), Verdict::Unfit);
    let rows: Vec<FundingRow> = (-30..4).map(|hour| settled(hour, 777)).collect();
    let twice = backfill(&bench, &rows);
    assert!(twice.contains(&settled(1, 0).ts) && !twice.contains(&settled(2, 0).ts), "{twice:?}");
    let report = checked(&bench);
    assert_eq!(report.verdict(), Verdict::Fit, "{:?}", report.refused);
    let funding = report.tables.iter().find(|t| t.venue == "lighter" && t.table == "funding").expect("a table");
    assert_eq!((funding.gaps, funding.first), (0, Some(settled(-30, 0).ts)), "history of before");
    let rates = |bench: &Bench| -> Vec<(Time, Rate)> {
        let tape = Tape::open(TapeSpec { to: at(4 * 3_600), ..bench.spec() }).expect("a tape");
        let tiles = (0..tape.tiles()).map(|k| tape.tile(k).expect("a tile"));
        tiles
            .flat_map(|tile| tile.venues[0].settlements.iter().map(|row| (row.ts, row.rate)).collect::<Vec<_>>())
            .collect()
    };
    let of = |all: &[(Time, Rate)], hour: i64| -> Vec<Rate> {
        all.iter().filter(|row| row.0 == settled(hour, 0).ts).map(|row| row.1).collect()
    };
    let first = rates(&bench);
    assert_eq!(of(&first, 2), [Rate(777)]);
    assert!(!of(&first, 1).contains(&Rate(777)) && of(&first, 1).len() == 1, "{first:?}");
    // the recorder reads it after all: its row wins, and nothing is there twice
    let mut late = venue_rows(2, 1);
    late.funding.retain(|row| row.ts == settled(2, 0).ts && row.kind == FundingKind::Settled);
    late.funding.iter_mut().for_each(|row| row.recv = row.ts.plus(HOUR));
    let mut hour = venue_rows(2, 1);
    hour.funding = [hour_of(&hour, FIRST + 3).funding, late.funding].concat();
    hour.funding.sort_by_key(|row| row.recv);
    append(&bench.store(), "lighter", &hour, FIRST + 3, Vec::new()).expect("an hour");
    let again = rates(&bench);
    assert!(of(&again, 2).len() == 1 && of(&again, 2) != [Rate(777)], "{again:?}");
    let report = checked(&bench);
    let problems: Vec<_> = report.tables.iter().flat_map(|table| &table.problems).collect();
    assert_eq!(report.verdict(), Verdict::Fit, "{:?} {problems:?} {:?}", report.refused, report.store_errors);
    assert!(listed(&bench.store()).contains("\"backfill\""), "the recorder keeps what was backfilled");
    // once more leaves out what is recorded since
    assert!(backfill(&bench, &rows).contains(&settled(2, 0).ts));
    assert_eq!(rates(&bench), again);
}

#[test]
fn backfilled_rows_are_written_once_and_outlive_the_merging_of_days() {
    let bench = with_a_hole();
    let rows: Vec<FundingRow> = (0..4).map(|hour| settled(hour, 777)).collect();
    backfill(&bench, &rows);
    let before = listed(&bench.store());
    backfill(&bench, &rows);
    assert_eq!(listed(&bench.store()), before);
    let seen = |bench: &Bench| {
        let tape = Tape::open(TapeSpec { to: at(4 * 3_600), ..bench.spec() }).expect("a tape");
        (tape.fingerprint(), tape.quality().clone())
    };
    let want = seen(&bench);
    append(&bench.store(), "lighter", &venue_rows(2, 1), FIRST + 4, Vec::new()).expect("an hour");
    (1..4).for_each(|days| merge_days(&bench.store(), START.day() + days).expect("merged"));
    assert!(seen(&bench) == want, "later hours and the merging change nothing");
    // other rates are other data, and the file of before goes with the next writing
    backfill(&bench, &[settled(2, 5)]);
    assert_ne!(seen(&bench).0, want.0);
    let folder = bench.store().join("funding/venue=lighter/symbol=BTC/year=2026");
    let past = || {
        std::fs::read_dir(&folder)
            .expect("a folder")
            .filter(|file| file.as_ref().expect("an entry").file_name().to_string_lossy().starts_with("past-"))
    };
    assert_eq!(past().count(), 2);
    backfill(&bench, &[settled(2, 5)]);
    assert_eq!(past().count(), 1);
    assert!(checked(&bench).store_errors.is_empty());
}

/// Trades that the recorder missed are of its gaps; those that it has, and those that may be on their way, are left out.
#[test]
fn backfilled_trades_are_trades_of_gaps() {
    let bench = recorded(0..2);
    let trade = |second: i64, id: i64| {
        let (px, qty) = (Price(1_000_500), Qty(3));
        let row = TradeRow { exch: at(second), recv: at(second), px, qty, taker: Side::Buy, consumed_book: true };
        NumberedTrade { row, id: Some(id) }
    };
    let mut writer = HourWriter::create(&bench.store(), "lighter", FIRST + 2).expect("a writer");
    let rows = hour_of(&venue_rows(2, 1), FIRST + 2);
    rows.quotes.iter().for_each(|row| writer.quote("BTC", *row).expect("a quote"));
    rows.marks.iter().for_each(|row| writer.marks("BTC", *row).expect("marks"));
    rows.funding.iter().for_each(|row| writer.funding("BTC", *row).expect("a rate"));
    writer.trade("BTC", trade(7_300, 5)).expect("a trade");
    writer.commit((at(7_200), at(10_799), 9), 0, Vec::new(), serde_json::Value::Null).expect("an hour");
    append(&bench.store(), "grvt", &venue_rows(3, 2), FIRST + 2, Vec::new()).expect("an hour");
    let mut backfilled = Backfilled::begin(&bench.store()).expect("a store");
    let rows = [trade(-50, 1), trade(7_250, 4), trade(7_300, 5), trade(10_790, 6)];
    assert_eq!(backfilled.trades("lighter", "BTC", &rows).expect("rows"), [at(7_300)]);
    backfilled.commit(serde_json::Value::Null).expect("written");
    let happened = |gap_trades| -> Vec<i64> {
        let spec = TapeSpec { to: at(10_800), gap_trades, ..bench.spec() };
        let tape = Tape::open(spec).expect("a tape");
        let tiles = (0..tape.tiles()).map(|k| tape.tile(k).expect("a tile"));
        tiles.flat_map(|tile| tile.venues[0].trades.time.iter().skip(1).copied().collect::<Vec<_>>()).collect()
    };
    let (without, with) = (happened(false), happened(true));
    let more: Vec<i64> = with.iter().filter(|time| !without.contains(time)).copied().collect();
    assert_eq!(more, [at(7_250).0]);
    assert_eq!(with.len(), without.len() + 1);
}

#[test]
fn a_store_that_nobody_recorded_takes_nothing_beside() {
    let imported = both();
    let refused = Backfilled::begin(&imported.store()).err().expect("refused").to_string();
    assert!(refused.contains("holds no recorded store"), "{refused}");
}
