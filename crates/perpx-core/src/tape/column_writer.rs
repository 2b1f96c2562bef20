//! Columns of a tile while they are filled: arenas split into the slots of each, and back to columns.

use crate::tape::arena::{Arena, Slots, column_bytes};
use crate::tape::tile::*;

/// The local timeline, as [`Local`].
pub(super) struct LocalWriter<'a> {
    /// ns since 1970-01-01 UTC.
    pub time: Slots<'a, 8>,
    /// By role, 1e-9.
    bid: [Slots<'a, 8>; 2],
    /// By role, 1e-9.
    ask: [Slots<'a, 8>; 2],
    /// By role: when its newest row was received, ns.
    seen: [Slots<'a, 8>; 2],
    /// Quotes with their sizes, by row.
    record: Slots<'a, 64>,
    /// By row: the funding state.
    pub funding_at: Slots<'a, 4>,
    /// By row: the mark state.
    pub mark_at: Slots<'a, 4>,
}

/// What a local timeline has beside its rows.
pub(super) struct LocalSteps {
    /// Each change of a rate.
    pub fundings: Vec<FundingState>,
    /// Each change of a mark.
    pub marks: Vec<MarkState>,
    /// By role: each snapshot.
    pub depth: [DepthCols; 2],
}

impl LocalWriter<'_> {
    /// For so many rows.
    pub fn arena(rows: usize) -> Arena {
        Arena::new(7 * column_bytes::<8>(rows) + column_bytes::<64>(rows) + 2 * column_bytes::<4>(rows))
    }

    /// Columns of so many rows.
    pub fn new(arena: &mut Arena, rows: usize) -> LocalWriter<'_> {
        let mut unfilled = arena.unfilled();
        let mut ints = || unfilled.column::<8>(rows);
        let (time, bid, ask, seen) = (ints(), [ints(), ints()], [ints(), ints()], [ints(), ints()]);
        let record = unfilled.column::<64>(rows);
        LocalWriter { time, bid, ask, seen, record, funding_at: unfilled.column(rows), mark_at: unfilled.column(rows) }
    }

    /// What one venue shows at a row: bid, its size, ask, its size; and when it was heard last.
    #[inline(always)]
    pub fn put_venue(&mut self, row: usize, v: usize, quote: [i64; 4], seen: i64) {
        for (cell, value) in self.record[row].as_chunks_mut::<8>().0[4 * v..].iter_mut().zip(quote) {
            *cell = value.to_ne_bytes();
        }
        self.bid[v][row] = quote[0].to_ne_bytes();
        self.ask[v][row] = quote[2].to_ne_bytes();
        self.seen[v][row] = seen.to_ne_bytes();
    }

    /// The first `len` of the `rows` that the arena was made for.
    pub fn filled(arena: Arena, rows: usize, len: usize, steps: LocalSteps) -> Local {
        let mut filled = arena.filled();
        let mut ints = || filled.column::<i64>(rows, len);
        let (time, bid, ask, seen) = (ints(), [ints(), ints()], [ints(), ints()], [ints(), ints()]);
        let record = filled.column::<i64>(8 * rows, 8 * len);
        let (funding_at, mark_at) = (filled.column::<u32>(rows, len), filled.column::<u32>(rows, len));
        let LocalSteps { fundings, marks, depth } = steps;
        Local { time, record, bid, ask, seen, funding_at, mark_at, fundings, marks, depth }
    }
}

/// Columns of `len` quotes: time, bid, its size, ask, its size.
pub(super) fn quote_cols(len: usize, fill: impl FnOnce([Slots<'_, 8>; 5])) -> QuoteCols {
    let mut arena = Arena::new(5 * column_bytes::<8>(len));
    let mut unfilled = arena.unfilled();
    fill([(); 5].map(|()| unfilled.column(len)));
    let mut filled = arena.filled();
    let [time, bid, bid_qty, ask, ask_qty] = [(); 5].map(|()| filled.column(len, len));
    QuoteCols { time, bid, bid_qty, ask, ask_qty }
}

/// Columns of `len` trades: time, price, size; taker, book.
pub(super) fn trade_cols(len: usize, fill: impl FnOnce([Slots<'_, 8>; 3], [Slots<'_, 1>; 2])) -> TradeCols {
    let mut arena = Arena::new(3 * column_bytes::<8>(len) + 2 * column_bytes::<1>(len));
    let mut unfilled = arena.unfilled();
    fill([(); 3].map(|()| unfilled.column(len)), [(); 2].map(|()| unfilled.column(len)));
    let mut filled = arena.filled();
    let [time, px, qty] = [(); 3].map(|()| filled.column(len, len));
    let [taker, consumed_book] = [(); 2].map(|()| filled.column(len, len));
    TradeCols { time, px, qty, taker, consumed_book }
}
