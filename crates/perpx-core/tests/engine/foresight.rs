//! No foresight: whatever happens to the market after a moment changes nothing that was booked or decided by then.

use crate::drivers::{Bench, composite, dip, settings, weather};
use crate::random_tape;
use perpx_core::port::{Limits, Trader};
use perpx_core::replay::walk;
use perpx_core::stats::FullRecord;
use perpx_core::tape::rows::VenueTables;
use perpx_core::tape::{Carry, Tile, align};
use perpx_core::units::{Price, Rate, SECOND, Time};
use proptest::prelude::*;

/// The same tape with every value changed whose time, as `clock` picks it of (exch, recv), is after `now`.
fn scrambled(tables: &[VenueTables; 2], now: Time, clock: fn(Time, Time) -> Time) -> [VenueTables; 2] {
    let mut out = tables.clone();
    for table in &mut out {
        let later = |exch, recv| clock(exch, recv) > now;
        let mut turn = 0i64;
        let mut wild = |px: &mut Price| {
            turn = (turn * 31 + 17) % 101;
            *px = Price((px.0 / 100 * (75 + turn / 2) / random_tape::TICK + 1) * random_tape::TICK);
        };
        for row in table.quotes.iter_mut().filter(|row| later(row.exch, row.recv)) {
            wild(&mut row.bbo.bid);
            row.bbo.ask = Price(row.bbo.bid.0 + random_tape::TICK);
        }
        for row in table.trades.iter_mut().filter(|row| later(row.exch, row.recv)) {
            wild(&mut row.px);
            row.taker = row.taker.other();
        }
        for row in table.marks.iter_mut().filter(|row| later(row.exch, row.recv)) {
            wild(&mut row.mark);
        }
        for row in table.depth.iter_mut().filter(|row| later(row.exch, row.recv)) {
            row.bids.clear();
            row.asks.iter_mut().for_each(|level| level.qty.0 *= 3);
        }
        for row in table.funding.iter_mut().filter(|row| later(row.ts, row.recv)) {
            row.rate = Rate(7_000_000_000 - row.rate.0);
        }
    }
    out
}

fn one_tile(tables: &[VenueTables; 2]) -> Tile {
    let end = random_tape::end(tables).plus(SECOND);
    align([&tables[0], &tables[1]], random_tape::START, end, &mut Carry::default())
}

/// What was known by `now`: transitions, ledger entries, equity samples.
fn past(record: &FullRecord, now: Time) -> String {
    let transitions: Vec<_> = record.transitions.iter().filter(|row| row.at <= now).collect();
    let entries: Vec<_> = record.entries.iter().filter(|row| row.event.at <= now && !row.end).collect();
    let equity: Vec<_> = record.equity.iter().filter(|sample| sample.0 <= now).collect();
    format!("{transitions:#?}\n{entries:#?}\n{equity:?}")
}

fn sees_no_future<T: Trader>(bench: &Bench<T>, now: Time) {
    let as_it_was = one_tile(&bench.tables);
    let want = past(&bench.run(&mut walk(), std::slice::from_ref(&as_it_was)).1, now);
    let venues = one_tile(&scrambled(&bench.tables, now, |exch, _| exch)).venues;
    let local = one_tile(&scrambled(&bench.tables, now, |_, recv| recv)).local;
    for tile in [Tile { venues, ..as_it_was.clone() }, Tile { local, ..as_it_was }] {
        let got = past(&bench.run(&mut walk(), &[tile]).1, now);
        assert_eq!(got, want, "by {now}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_future_changes_no_past_byte(
        beats in random_tape::beats(60..250),
        weather in weather(),
        settings in settings(),
        level in 9_950i64..10_010,
        part in 1i64..100,
    ) {
        let shipped = composite(&beats, &weather, &settings);
        let now = random_tape::START.plus(part * (random_tape::end(&shipped.tables).since(random_tape::START) / 100));
        sees_no_future(&shipped, now);
        sees_no_future(&dip(&beats, &weather, level, Limits::default()), now);
    }
}
