//! Random small tapes with everything that is awkward: ties in time, bursts, gaps, stale venues, midnight, settlements.

use perpx_core::market::{Bbo, DepthLevel, Side};
use perpx_core::tape::rows::{DepthRow, FundingKind, FundingRow, MarkRow, QuoteRow, TradeRow, VenueTables};
use perpx_core::tape::{Carry, Tile, align};
use perpx_core::units::{HOUR, MINUTE, MS, NS, Price, Qty, Rate, SECOND, Time};
use proptest::prelude::*;

/// Twelve minutes before a midnight.
pub const START: Time = Time::at(MINUTE.times(20_458 * 1_440 - 12));
/// 0.01
pub const TICK: i64 = 10_000_000;

/// One received row: how long after the one before, of which venue and kind, how the price moved.
#[derive(Clone, Copy, Debug)]
pub struct Beat {
    pub wait: u8,
    pub short: bool,
    pub kind: u8,
    pub moved: i8,
    pub size: u8,
}

pub fn beats(n: std::ops::Range<usize>) -> impl Strategy<Value = Vec<Beat>> {
    let wait = prop_oneof![
        3 => Just(0u8), 3 => Just(1), 6 => Just(2), 8 => Just(3), 8 => Just(4), 2 => Just(5), 1 => Just(6)
    ];
    let beat = (wait, any::<bool>(), 0u8..12, -12i8..=12, 1u8..20).prop_map(|(wait, short, kind, moved, size)| Beat {
        wait,
        short,
        kind,
        moved,
        size,
    });
    prop::collection::vec(beat, n)
}

/// By role, each table in receive order. Both venues quote at the start.
pub fn tables(beats: &[Beat]) -> [VenueTables; 2] {
    let mut out = [VenueTables::default(), VenueTables::default()];
    let mut price = [10_000i64, 10_000];
    let (mut recv, mut exch) = (START, [START, START]);
    for v in 0..2 {
        out[v].quotes.push(quote(START, START, price[v], 5));
        out[v].marks.push(mark(START, START, price[v]));
    }
    for (i, beat) in beats.iter().enumerate() {
        let wait = [0, 1, 20, 130, 1_000, 7_000, 95_000][usize::from(beat.wait)] * MS;
        recv = recv.plus(wait);
        let v = usize::from(beat.short);
        let late = (i as i64 * 7 % 40) * MS;
        exch[v] = exch[v].max(recv.plus(-late));
        let at = exch[v];
        // both prices drift together, one of them a little more
        let crash = if beat.size == 19 && beat.kind % 3 == 0 { 25 } else { 1 };
        price[v] = (price[v] + crash * i64::from(beat.moved)).max(1_000);
        price[1 - v] += i64::from(beat.moved / 2);
        let table = &mut out[v];
        match beat.kind {
            0..=5 => table.quotes.push(quote(at, recv, price[v], beat.size)),
            6 | 7 => table.trades.push(TradeRow {
                exch: at,
                recv,
                px: Price((price[v] + i64::from(beat.moved)) * TICK),
                qty: Qty(i64::from(beat.size) * 100_000_000),
                taker: if beat.moved > 0 { Side::Buy } else { Side::Sell },
                consumed_book: beat.size % 5 > 0,
            }),
            8 => table.marks.push(mark(at, recv, price[v])),
            9 => table.depth.push(depth(at, recv, price[v], beat.size)),
            _ => {
                // one tick of both venues
                table.quotes.push(quote(at, recv, price[v], beat.size));
                let w = 1 - v;
                exch[w] = exch[w].max(recv);
                out[w].quotes.push(quote(exch[w], recv, price[w], beat.size));
            }
        }
    }
    publish(&mut out, recv);
    out
}

/// When the newest row was received, a little later.
pub fn end(tables: &[VenueTables; 2]) -> Time {
    let last = |t: &VenueTables| {
        let rows = [t.quotes.last().map(|r| r.recv), t.trades.last().map(|r| r.recv), t.marks.last().map(|r| r.recv)];
        rows.into_iter().flatten().max().unwrap_or(START)
    };
    last(&tables[0]).max(last(&tables[1])).plus(2 * SECOND)
}

/// A settlement each hour on both venues, reported a second later, and predictions for the next.
fn publish(out: &mut [VenueTables; 2], until: Time) {
    for (v, table) in out.iter_mut().enumerate() {
        let hour = |n: i64| Time::at((START.steps(HOUR) + n) * HOUR);
        for n in 0..=until.since(START) / HOUR + 1 {
            let rate = Rate((n * 37 + 11 * v as i64) % 7 * 20_000_000 - 50_000_000);
            let row = |kind, recv| FundingRow { ts: hour(n), recv, rate, interval_hours: 1, kind };
            table.funding.push(row(FundingKind::Settled, hour(n).plus(SECOND)));
            table.funding.push(row(FundingKind::Predicted, hour(n).plus(-1_800 * SECOND)));
        }
        table.funding.sort_by_key(|row| row.recv);
    }
}

fn quote(exch: Time, recv: Time, mid: i64, size: u8) -> QuoteRow {
    let half = 1 + i64::from(size) / 8;
    let qty = Qty(i64::from(size) * 50_000_000);
    let bbo = Bbo { bid: Price((mid - half) * TICK), bid_qty: qty, ask: Price((mid + half) * TICK), ask_qty: qty };
    QuoteRow { exch, recv, bbo }
}

fn mark(exch: Time, recv: Time, mid: i64) -> MarkRow {
    MarkRow { exch, recv, mark: Price(mid * TICK), index: Price(mid * TICK) }
}

fn depth(exch: Time, recv: Time, mid: i64, size: u8) -> DepthRow {
    let half = 1 + i64::from(size) / 8;
    let level = |px: i64| DepthLevel { px: Price(px * TICK), qty: Qty(i64::from(size) * 50_000_000) };
    let bids = (0..3).map(|i| level(mid - half - i)).collect();
    let asks = (0..3).map(|i| level(mid + half + i)).collect();
    DepthRow { exch, recv, bids, asks }
}

/// Tiles of `rows` received rows each (at least one), over the whole tape.
pub fn tiles(tables: &[VenueTables; 2], rows: usize) -> Vec<Tile> {
    let mut times: Vec<Time> = tables
        .iter()
        .flat_map(|t| t.quotes.iter().map(|r| r.recv).chain(t.trades.iter().map(|r| r.recv)))
        .chain([START])
        .collect();
    times.sort_unstable();
    times.dedup();
    let mut cuts: Vec<Time> = times.into_iter().step_by(rows.max(1)).collect();
    cuts.push(end(tables).plus(SECOND));
    cut(tables, &cuts)
}

/// Tiles that end right after a whole minute: whatever its sample of equity shows is seen after the tile's last tick.
pub fn minute_tiles(tables: &[VenueTables; 2]) -> Vec<Tile> {
    let last = end(tables).plus(SECOND);
    let minutes = (START.steps(MINUTE) + 1..=last.steps(MINUTE)).map(|minute| Time::at(minute * MINUTE + NS));
    let cuts: Vec<Time> = [START].into_iter().chain(minutes).chain([last]).collect();
    cut(tables, &cuts)
}

fn cut(tables: &[VenueTables; 2], cuts: &[Time]) -> Vec<Tile> {
    let mut carry = Carry::default();
    cuts.windows(2).map(|cut| align([&tables[0], &tables[1]], cut[0], cut[1], &mut carry)).collect()
}
