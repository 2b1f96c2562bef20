//! Rows of a store that were there before: prints by their numbers, settlements by their slot.

use super::*;
use crate::check::{MissingKeys, STALE, check};
use perpx_core::units::{MINUTE, MS, TimeDelta};

fn trades(bench: &Bench, date: &str) -> PathBuf {
    bench.store().join(format!("trades/venue=lighter/symbol=BTC/date={date}/part-0.parquet"))
}

/// Numbers the prints of both days.
fn numbered() -> Bench {
    let bench = both();
    for (date, first) in [("2026-01-05", 0), ("2026-01-06", 1_000_000)] {
        rewrite(&trades(&bench, date), |rows: &mut Vec<NumberedTrade>| {
            (first..).zip(rows).for_each(|(id, print)| print.id = Some(id));
        });
    }
    bench
}

/// Sends the print of place `i` again, just before that of place `at` is received.
fn send_again(rows: &mut Vec<NumberedTrade>, i: usize, at: usize, change: impl FnOnce(&mut NumberedTrade)) {
    let mut print = rows[i];
    print.row.recv = rows[at].row.recv;
    change(&mut print);
    rows.insert(at, print);
}

#[test]
fn a_print_of_the_day_that_is_sent_again_is_dropped_wherever_a_reader_begins() {
    let bench = numbered();
    let want = flattened(&Tape::open(bench.spec()).expect("a tape"));
    rewrite(&trades(&bench, "2026-01-05"), |rows: &mut Vec<NumberedTrade>| {
        // one whose first coming lies before the range, and some that lie in it
        send_again(rows, 3, 500, |_| {});
        send_again(rows, 300, 700, |_| {});
        send_again(rows, 301, 701, |_| {});
    });
    let small = TapeSpec { tile_rows: 500, ..bench.spec() };
    for spec in [bench.spec(), small.clone()] {
        let tape = Tape::open(spec).expect("a tape");
        assert_eq!(flattened(&tape), want);
        let quality = tape.quality();
        assert_eq!(quality.venue(Role::Long).dropped.get("trades: repeated print"), Some(&3));
    }
    let in_order = Tape::open(small.clone()).expect("a tape");
    let tiles: Vec<_> = (0..in_order.tiles()).map(|k| encode(&in_order.tile(k).expect("a tile"))).collect();
    for k in [5, 2, 6] {
        let alone = Tape::open(small.clone()).expect("a tape");
        assert!(encode(&alone.tile(k).expect("a tile")) == tiles[k], "tile {k}");
    }
    let report = check(&bench.store(), None, STALE, MissingKeys::default()).expect("a report");
    let said = "lighter/BTC trades: 3 prints were there before (same trade_id and content); a replay drops them";
    assert!(report.warnings.iter().any(|warning| warning == said), "{:?}", report.warnings);
}

/// A day in three files: who begins in the last knows the prints of the first.
#[test]
fn a_print_of_an_earlier_file_of_the_day_is_known() {
    let bench = numbered();
    let first = trades(&bench, "2026-01-05");
    let mut inside_the_last = Time::MIN;
    rewrite(&first, |rows: &mut Vec<NumberedTrade>| inside_the_last = rows[650].row.recv);
    let later = TapeSpec { from: inside_the_last, warm_from: inside_the_last, ..bench.spec() };
    let want = [bench.spec(), later.clone()].map(|spec| flattened(&Tape::open(spec).expect("a tape")));
    rewrite(&first, |rows: &mut Vec<NumberedTrade>| send_again(rows, 300, 900, |_| {}));
    for (name, from, to) in [("part-1.parquet", 400, 600), ("part-2.parquet", 600, usize::MAX)] {
        let part = first.with_file_name(name);
        std::fs::copy(&first, &part).expect("a copy");
        rewrite(&part, |rows: &mut Vec<NumberedTrade>| {
            rows.truncate(to);
            rows.drain(..from);
        });
    }
    rewrite(&first, |rows: &mut Vec<NumberedTrade>| rows.truncate(400));
    let small = TapeSpec { tile_rows: 100, ..bench.spec() };
    let in_order = Tape::open(small.clone()).expect("a tape");
    assert_eq!([flattened(&in_order), flattened(&Tape::open(later).expect("a tape"))], want);
    for k in 0..in_order.tiles() {
        let alone = Tape::open(small.clone()).expect("a tape");
        assert!(encode(&alone.tile(k).expect("a tile")) == encode(&in_order.tile(k).expect("a tile")), "tile {k}");
    }
}

#[test]
fn a_number_with_other_content_is_refused_by_name() {
    let bench = numbered();
    rewrite(&trades(&bench, "2026-01-05"), |rows: &mut Vec<NumberedTrade>| {
        send_again(rows, 400, 700, |print| print.row.px.0 += 1);
        send_again(rows, 401, 710, |print| print.row.qty.0 += 1);
    });
    let text = bench.refusal(bench.spec());
    let want =
        "row 701: trade_id is 400; wanted one print for each number; row 401 of that day has it with other content";
    assert!(text.contains(want), "{text}");
    let dropped = Tape::open(TapeSpec { on_bad_rows: OnBadRows::Drop, ..bench.spec() }).expect("a tape").quality();
    assert_eq!(dropped.venue(Role::Long).dropped.get("trades: trade_id with other content"), Some(&2));
    let report = check(&bench.store(), None, STALE, MissingKeys::default()).expect("a report");
    let table = report.tables.iter().find(|t| (t.venue.as_str(), t.table) == ("lighter", "trades")).expect("trades");
    let said: Vec<_> = table.problems.iter().map(|p| (p.rule.as_str(), p.rows)).collect();
    assert_eq!(said, [("trade_id with other content", 2)], "once, with a count");
    // another day may number anew
    let bench = numbered();
    rewrite(&trades(&bench, "2026-01-06"), |rows: &mut Vec<NumberedTrade>| {
        (0..).zip(rows).for_each(|(id, print)| print.id = Some(id));
    });
    Tape::open(bench.spec()).expect("a tape");
}

#[test]
fn a_settlement_is_one_for_its_slot_and_its_interval_is_held() {
    let funding = |change: &dyn Fn(&mut Vec<FundingRow>)| {
        let bench = both();
        let path = bench.store().join("funding/venue=lighter/symbol=BTC/year=2026/part-0.parquet");
        rewrite(&path, |rows: &mut Vec<FundingRow>| change(rows));
        let report = check(&bench.store(), None, STALE, MissingKeys::default()).expect("a report");
        let table =
            report.tables.iter().find(|t| (t.venue.as_str(), t.table) == ("lighter", "funding")).expect("funding");
        (bench.refusal(bench.spec()), table.problems.iter().map(|p| p.rule.clone()).collect::<Vec<_>>())
    };
    for late in [TimeDelta::ZERO, 3 * MS, MINUTE] {
        let (text, rules) = funding(&|rows| {
            let mut again = rows[2];
            (again.ts, again.recv) = (again.ts.plus(late), again.recv.plus(late));
            rows.insert(3, again);
            rows.sort_by_key(|row| row.recv);
        });
        let want = "wanted one settled row for each settlement; one stands at 2026-01-05T23:00:00Z";
        assert!(text.contains(want), "{text}");
        assert_eq!(rules, ["doubled settlement"]);
    }
    let (text, rules) = funding(&|rows| rows.iter_mut().for_each(|row| row.interval_hours = 8));
    let want = "interval_hours is 8; wanted no more than the 1 h since the settlement before it, 2026-01-05T22:00:00Z";
    assert!(text.contains(want), "{text}");
    assert_eq!(rules, ["interval contradicted by the settlements"]);
}
