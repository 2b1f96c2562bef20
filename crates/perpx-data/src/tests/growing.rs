//! A tape that grows while it is read is the tape of what was stored.

use super::*;
use perpx_core::units::{DAY, MS, TimeDelta};

/// A row of one of the five tables.
enum Received {
    Quote(QuoteRow),
    Trade(TradeRow),
    Depth(DepthRow),
    Marks(MarkRow),
    Funding(FundingRow),
}

/// A venue's rows that were received from `from` on, in the order of their receipt.
fn received(rows: &VenueTables, from: Time) -> Vec<(Time, Received)> {
    let mut all: Vec<(Time, Received)> = Vec::new();
    all.extend(rows.quotes.iter().map(|row| (row.recv, Received::Quote(*row))));
    all.extend(rows.trades.iter().map(|row| (row.recv, Received::Trade(*row))));
    all.extend(rows.depth.iter().map(|row| (row.recv, Received::Depth(row.clone()))));
    all.extend(rows.marks.iter().map(|row| (row.recv, Received::Marks(*row))));
    all.extend(rows.funding.iter().map(|row| (row.recv, Received::Funding(*row))));
    all.retain(|(recv, _)| *recv >= from);
    all.sort_by_key(|(recv, _)| *recv);
    all
}

/// The rows received before `end`.
fn before(rows: &VenueTables, end: Time) -> VenueTables {
    VenueTables {
        quotes: rows.quotes.iter().filter(|row| row.recv < end).copied().collect(),
        trades: rows.trades.iter().filter(|row| row.recv < end).copied().collect(),
        depth: rows.depth.iter().filter(|row| row.recv < end).cloned().collect(),
        marks: rows.marks.iter().filter(|row| row.recv < end).copied().collect(),
        funding: rows.funding.iter().filter(|row| row.recv < end).copied().collect(),
    }
}

fn receive(tape: &mut GrowingTape, role: Role, row: Received) {
    match row {
        Received::Quote(row) => tape.quote(role, row),
        Received::Trade(row) => tape.trade(role, NumberedTrade { row, id: None }),
        Received::Depth(row) => tape.depth(role, &row),
        Received::Marks(row) => tape.marks(role, row),
        Received::Funding(row) => {
            tape.funding(role, row);
            Ok(())
        }
    }
    .expect("a row");
}

/// Tiles of both, the growing one `lag` behind what is received: the stored part ends at `known`.
fn compare(change: impl Fn(TapeSpec) -> TapeSpec, known: Time, lag: TimeDelta) -> u64 {
    let tables = [venue_rows(2, 1), venue_rows(3, 2)];
    let bench = Bench::with(&tables[0], &tables[1]);
    let whole = Tape::open(TapeSpec { tile_rows: 500, ..change(bench.spec()) }).expect("a tape");
    let part = Bench::new();
    let first = tables.each_ref().map(|rows| before(rows, known));
    write_store(&part.store(), &[("lighter", &first[0]), ("grvt", &first[1])]);
    let spec = change(part.spec());
    let mut tape = GrowingTape::open(TapeSpec { to: spec.to.plus(DAY), ..spec }).expect("a tape");
    let mut coming = tables.each_ref().map(|rows| received(rows, known).into_iter().peekable());
    for k in 0..whole.tiles() {
        let (start, end) = whole.bounds(k);
        assert_eq!(tape.start(), start);
        for (role, rows) in Role::BOTH.into_iter().zip(&mut coming) {
            while let Some((_, row)) = rows.next_if(|(recv, _)| *recv < end.plus(lag)) {
                receive(&mut tape, role, row);
            }
        }
        let tile = tape.cut(end).expect("a tile");
        if lag > TimeDelta::ZERO {
            assert!(encode(&tile) == encode(&whole.tile(k).expect("a tile")), "tile {k} of {}", whole.tiles());
        }
    }
    tape.late()
}

#[test]
fn a_growing_tape_is_the_tape_of_what_was_stored() {
    let ten = 10 * SECOND;
    for known in [at(0), at(600), at(5_000)] {
        assert_eq!(compare(|spec| spec, known, ten), 0, "{known}");
    }
    let changed = |spec| TapeSpec {
        feed_latency: [5 * MS, TimeDelta::ZERO],
        feed_outages: [vec![], vec![(at(3_600), at(4_000))]],
        feed_stale: [vec![(at(6_000), at(6_300))], vec![]],
        clock_ahead: [20 * MS, TimeDelta::ZERO],
        paced: [true, false],
        ..spec
    };
    assert_eq!(compare(changed, at(5_000), ten), 0);
}

/// Every seventh quote is received seconds after the venue stamped it: who does not wait for it has given its time already.
#[test]
fn rows_that_come_after_their_time_was_given_are_counted() {
    assert!(compare(|spec| spec, at(600), TimeDelta::ZERO) > 0);
}
