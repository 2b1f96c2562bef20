//! Alignment: rows of two venues -> one tile with its local and venue timelines.

use crate::market::{Bbo, Role, Side};
use crate::tape::column_writer::{LocalSteps, LocalWriter, quote_cols, trade_cols};
use crate::tape::feed_load::{FeedLoad, Second};
use crate::tape::rows::{DepthRow, FundingKind, FundingRow, MarkRow, QuoteRow, TradeRow, VenueTables};
use crate::tape::tile::*;
use crate::units::{Price, Time};
use serde::{Deserialize, Serialize};

/// "No row yet": early enough that every age is stale, far enough from the ends that differences do not overflow.
pub const NEVER: i64 = i64::MIN / 2;

/// What one tile hands to the next: the newest of everything, on both clocks.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Carry {
    /// By role: the newest quotes received.
    local: [Bbo; 2],
    /// The newest tick.
    local_time: i64,
    /// By role: when its newest row was received.
    seen: [i64; 2],
    /// The newest rates received.
    funding: FundingState,
    /// The newest marks received.
    marks: MarkState,
    /// In force, as received.
    depth: [DepthRow; 2],
    /// By role, on the venues' own clocks.
    pub venues: [VenueCarry; 2],
}

/// On a venue's own clock.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct VenueCarry {
    /// The newest in force.
    quote: QuoteRow,
    /// The newest in force.
    mark: MarkRow,
    /// The newest in force.
    depth: DepthRow,
    /// The newest seconds of the feed's load; `None`: it is not kept.
    load: Option<Vec<Second>>,
}

impl Default for Carry {
    fn default() -> Carry {
        let quote = QuoteRow { exch: Time(NEVER), recv: Time(NEVER), bbo: Bbo::default() };
        let mark = MarkRow { exch: Time(NEVER), recv: Time(NEVER), ..MarkRow::default() };
        let depth = DepthRow { exch: Time(NEVER), recv: Time(NEVER), ..Default::default() };
        let venue = VenueCarry { quote, mark, depth: depth.clone(), load: None };
        Carry {
            local: [Bbo::default(); 2],
            local_time: NEVER,
            seen: [NEVER; 2],
            funding: FundingState::default(),
            marks: MarkState::default(),
            depth: [depth.clone(), depth],
            venues: [venue.clone(), venue],
        }
    }
}

impl Carry {
    /// Of the first tile; by role: whether the load of the feed is kept.
    pub fn first(paced: [bool; 2]) -> Carry {
        let mut carry = Carry::default();
        for (venue, paced) in carry.venues.iter_mut().zip(paced) {
            venue.load = paced.then(Vec::new);
        }
        carry
    }

    /// A rate that is known already.
    pub fn know(&mut self, v: usize, row: &FundingRow) {
        let rate = FundingRate { ts: row.ts, recv: row.recv, rate: row.rate, interval_hours: row.interval_hours };
        self.funding.set(Role::BOTH[v], row.kind, rate);
    }

    /// What `tile` hands to the one after it, read off its last rows. (Receive times of the venue side are not in a tile
    /// and matter to none.)
    pub fn after(tile: &Tile) -> Carry {
        let mut carry = Carry::default();
        let local = &tile.local;
        if let Some(row) = local.len().checked_sub(1) {
            carry.local = [local.bbo(row, Role::Long), local.bbo(row, Role::Short)];
            carry.local_time = local.time[row];
            carry.seen = [local.seen[0][row], local.seen[1][row]];
        }
        carry.funding = local.fundings.last().copied().unwrap_or_default();
        carry.marks = local.marks.last().copied().unwrap_or_default();
        for (v, rows) in tile.venues.iter().enumerate() {
            if let Some(row) = rows.quotes.time.len().checked_sub(1) {
                let exch = Time(rows.quotes.time[row]);
                carry.venues[v].quote = QuoteRow { exch, recv: exch, bbo: rows.quotes.bbo(row) };
            }
            if let Some(row) = rows.marks.time.len().checked_sub(1) {
                let exch = Time(rows.marks.time[row]);
                let (mark, index) = (Price(rows.marks.mark[row]), Price(rows.marks.index[row]));
                carry.venues[v].mark = MarkRow { exch, recv: exch, mark, index };
            }
            carry.venues[v].load = rows.load.as_ref().map(FeedLoad::carried);
            carry.depth[v] = last_depth(&local.depth[v]).unwrap_or_default();
            if let Some(row) = last_depth(&rows.depth) {
                carry.venues[v].depth = row;
            }
        }
        carry
    }
}

/// The last entry; its one clock stands for both.
fn last_depth(depth: &DepthCols) -> Option<DepthRow> {
    let row = depth.time.len().checked_sub(1)?;
    let (time, view) = (Time(depth.time[row]), depth.view(row));
    Some(DepthRow { exch: time, recv: time, bids: view.bids.to_vec(), asks: view.asks.to_vec() })
}

/// Builds the tile `[start, end)` from `tables` (by role), which must hold at least every row with `exch` or `recv` (or a
/// settlement's `ts`) in that range, each table sorted by `recv` with `exch` not decreasing. Rows outside are ignored.
pub fn align(tables: [&VenueTables; 2], start: Time, end: Time, carry: &mut Carry) -> Tile {
    let local = local_timeline(tables, start, end, carry);
    let venues = venue_timelines(tables, start, end, &mut carry.venues);
    Tile { start, end, local, venues }
}

/// In `[start, end)`.
fn inside(t: Time, start: Time, end: Time) -> bool {
    t >= start && t < end
}

/// Slice of a table sorted by `key` with `start <= key < end`.
fn between<T>(rows: &[T], start: Time, end: Time, key: impl Fn(&T) -> Time) -> &[T] {
    let low = rows.partition_point(|row| key(row) < start);
    let high = rows.partition_point(|row| key(row) < end);
    &rows[low..high.max(low)]
}

/// One venue's rows that this machine received in a stretch of time, and where each table stands.
struct Received<'a> {
    /// Sorted by receive time, as all of these are.
    quotes: &'a [QuoteRow],
    trades: &'a [TradeRow],
    depth: &'a [DepthRow],
    marks: &'a [MarkRow],
    funding: &'a [FundingRow],
    /// When the next row of each table was received; `i64::MAX` at its end. In the order in which rows of one time are taken.
    next: [i64; 5],
    /// The least of them but that of the quotes, which are most of the rows.
    others: i64,
}

/// Takes a row of a table, and notes when the one after it was received.
#[inline]
fn take<'a, R>(rows: &mut &'a [R], next: &mut i64, recv: impl Fn(&R) -> Time) -> Option<&'a R> {
    let (row, rest) = rows.split_first()?;
    *rows = rest;
    *next = rest.first().map_or(i64::MAX, |row| recv(row).0);
    Some(row)
}

impl<'a> Received<'a> {
    /// Rows received in `[start, end)`.
    fn new(t: &'a VenueTables, start: Time, end: Time) -> Received<'a> {
        let mut received = Received {
            quotes: between(&t.quotes, start, end, |r| r.recv),
            trades: between(&t.trades, start, end, |r| r.recv),
            depth: between(&t.depth, start, end, |r| r.recv),
            marks: between(&t.marks, start, end, |r| r.recv),
            funding: between(&t.funding, start, end, |r| r.recv),
            next: [i64::MAX; 5],
            others: i64::MAX,
        };
        received.next = [
            received.quotes.first().map_or(i64::MAX, |r| r.recv.0),
            received.trades.first().map_or(i64::MAX, |r| r.recv.0),
            received.depth.first().map_or(i64::MAX, |r| r.recv.0),
            received.marks.first().map_or(i64::MAX, |r| r.recv.0),
            received.funding.first().map_or(i64::MAX, |r| r.recv.0),
        ];
        received.look();
        received
    }

    /// Rows of all tables.
    fn len(&self) -> usize {
        self.quotes.len() + self.trades.len() + self.depth.len() + self.marks.len() + self.funding.len()
    }

    /// Looks up when the next row of any table but quotes was received.
    fn look(&mut self) {
        self.others = self.next[1..].iter().fold(i64::MAX, |least, &next| least.min(next));
    }

    /// When the next row of any table was received.
    #[inline]
    fn time(&self) -> i64 {
        self.next[0].min(self.others)
    }

    /// Takes every row of `time`, which is the least there is.
    #[inline]
    fn tick(&mut self, time: i64, v: usize, carry: &mut Carry, build: &mut LocalBuilder<'_>) {
        while self.next[0] == time {
            let Some(quote) = take(&mut self.quotes, &mut self.next[0], |r| r.recv) else { break };
            carry.seen[v] = time;
            carry.local[v] = quote.bbo;
            let depth = &mut build.depth[v];
            if depth.is_in_force() {
                depth.push(Time(time), &[], &[]);
            }
        }
        if self.others == time {
            self.tick_others(time, v, carry, build);
        }
    }

    /// Takes the rows of a time from all tables but quotes.
    fn tick_others(&mut self, time: i64, v: usize, carry: &mut Carry, build: &mut LocalBuilder<'_>) {
        // a publication of funding is no sign of life of the market
        if self.next[1..4].contains(&time) {
            carry.seen[v] = time;
        }
        while self.next[1] == time && take(&mut self.trades, &mut self.next[1], |r| r.recv).is_some() {}
        while self.next[2] == time {
            let Some(depth) = take(&mut self.depth, &mut self.next[2], |r| r.recv) else { break };
            build.depth[v].push(Time(time), &depth.bids, &depth.asks);
        }
        while self.next[3] == time {
            let Some(mark) = take(&mut self.marks, &mut self.next[3], |r| r.recv) else { break };
            build.mark(carry, v, mark);
        }
        while self.next[4] == time {
            let Some(row) = take(&mut self.funding, &mut self.next[4], |r| r.recv) else { break };
            build.funding(carry, v, row);
        }
        self.look();
    }

    /// Passes every row of `time`.
    #[inline]
    fn pass(&mut self, time: i64) {
        while self.next[0] == time && take(&mut self.quotes, &mut self.next[0], |r| r.recv).is_some() {}
        if self.others == time {
            while self.next[1] == time && take(&mut self.trades, &mut self.next[1], |r| r.recv).is_some() {}
            while self.next[2] == time && take(&mut self.depth, &mut self.next[2], |r| r.recv).is_some() {}
            while self.next[3] == time && take(&mut self.marks, &mut self.next[3], |r| r.recv).is_some() {}
            while self.next[4] == time && take(&mut self.funding, &mut self.next[4], |r| r.recv).is_some() {}
            self.look();
        }
    }
}

/// Merges ten sorted tables; rows of one time are one tick, taken venue by venue in the order of [`Received::next`].
pub struct Merge<'a> {
    /// By role.
    venues: [Received<'a>; 2],
    /// When each venue's next row was received; `i64::MAX` at its end.
    pub next: [i64; 2],
}

impl<'a> Merge<'a> {
    /// What was received within `[start, end)`.
    pub fn new(tables: [&'a VenueTables; 2], start: Time, end: Time) -> Merge<'a> {
        let venues = tables.map(|t| Received::new(t, start, end));
        let next = [venues[0].time(), venues[1].time()];
        Merge { venues, next }
    }

    /// Of the next tick.
    #[inline]
    pub fn time(&self) -> Option<i64> {
        let time = self.next[0].min(self.next[1]);
        (time < i64::MAX).then_some(time)
    }

    /// Makes the tick of `time`, the next one, a row.
    #[inline]
    pub fn tick(&mut self, time: i64, carry: &mut Carry, build: &mut LocalBuilder<'_>) {
        for (v, (venue, next)) in self.venues.iter_mut().zip(&mut self.next).enumerate() {
            if *next == time {
                venue.tick(time, v, carry, build);
                *next = venue.time();
            }
        }
        carry.local_time = time;
        build.push(carry);
    }

    /// Passes the tick of `time`, the next one.
    #[inline]
    pub fn pass(&mut self, time: i64) {
        for (venue, next) in self.venues.iter_mut().zip(&mut self.next) {
            if *next == time {
                venue.pass(time);
                *next = venue.time();
            }
        }
    }
}

/// The local timeline of `[start, end)` of the receipt clock; `carry` holds what was known before and then what is known
/// after.
pub fn local_timeline(tables: [&VenueTables; 2], start: Time, end: Time, carry: &mut Carry) -> Local {
    let mut merge = Merge::new(tables, start, end);
    let most = merge.venues.iter().map(Received::len).sum();
    let fill = |carry: &mut Carry, build: &mut LocalBuilder<'_>| {
        while let Some(time) = merge.time() {
            merge.tick(time, carry, build);
        }
    };
    built(most, carry, fill).0
}

/// The timeline of at most `ticks` ticks that `fill` makes, and what it says.
pub fn built<T>(
    ticks: usize,
    carry: &mut Carry,
    fill: impl FnOnce(&mut Carry, &mut LocalBuilder<'_>) -> T,
) -> (Local, T) {
    let mut arena = LocalWriter::arena(ticks + 1);
    let mut build = LocalBuilder::new(LocalWriter::new(&mut arena, ticks + 1), carry);
    let said = fill(carry, &mut build);
    let LocalBuilder { len, fundings, marks, depth, .. } = build;
    for (carried, depth) in carry.depth.iter_mut().zip(&depth) {
        *carried = last_depth(depth).unwrap_or_default();
    }
    (LocalWriter::filled(arena, ticks + 1, len, LocalSteps { fundings, marks, depth }), said)
}

/// A local timeline while it is filled.
pub struct LocalBuilder<'a> {
    /// Rows filled.
    len: usize,
    /// The columns.
    writer: LocalWriter<'a>,
    /// Each change of a rate.
    fundings: Vec<FundingState>,
    /// Each change of a mark.
    marks: Vec<MarkState>,
    /// By role: each snapshot.
    depth: [DepthCols; 2],
}

impl<'a> LocalBuilder<'a> {
    /// Row 0 is what was carried in.
    fn new(writer: LocalWriter<'a>, carry: &Carry) -> LocalBuilder<'a> {
        let (fundings, marks, mut depth) = (vec![carry.funding], vec![carry.marks], <[DepthCols; 2]>::default());
        for (depth, carried) in depth.iter_mut().zip(&carry.depth) {
            depth.push(carried.recv, &carried.bids, &carried.asks);
        }
        let mut build = LocalBuilder { len: 0, writer, fundings, marks, depth };
        build.push(carry);
        build
    }

    /// A row with what is newest now.
    #[inline]
    fn push(&mut self, carry: &Carry) {
        let (row, writer) = (self.len, &mut self.writer);
        writer.time[row] = carry.local_time.to_ne_bytes();
        for v in 0..2 {
            let b = carry.local[v];
            writer.put_venue(row, v, [b.bid.0, b.bid_qty.0, b.ask.0, b.ask_qty.0], carry.seen[v]);
        }
        writer.funding_at[row] = (self.fundings.len() as u32 - 1).to_ne_bytes();
        writer.mark_at[row] = (self.marks.len() as u32 - 1).to_ne_bytes();
        self.len = row + 1;
    }

    /// A mark was received: a new state, if it differs.
    fn mark(&mut self, carry: &mut Carry, v: usize, row: &MarkRow) {
        let before = carry.marks;
        keep_known(&mut carry.marks.mark[v], row.mark);
        keep_known(&mut carry.marks.index[v], row.index);
        if carry.marks != before {
            self.marks.push(carry.marks);
        }
    }

    /// A publication is a step even when it repeats the value: its age counts anew.
    fn funding(&mut self, carry: &mut Carry, v: usize, row: &FundingRow) {
        carry.know(v, row);
        self.fundings.push(carry.funding);
    }
}

/// An absent value (zero) leaves the last known one standing.
fn keep_known(slot: &mut Price, new: Price) {
    if new.0 != 0 {
        *slot = new;
    }
}

/// Both venues' own timelines of `[start, end)` of the exchange clock, by role.
pub fn venue_timelines(
    tables: [&VenueTables; 2],
    start: Time,
    end: Time,
    carry: &mut [VenueCarry; 2],
) -> [VenueRows; 2] {
    [0, 1].map(|v| venue_timeline(tables[v], start, end, &mut carry[v]))
}

/// A venue's rows on its own clock, of `[start, end)` and what was in force before.
fn venue_timeline(t: &VenueTables, start: Time, end: Time, carry: &mut VenueCarry) -> VenueRows {
    let quotes = between(&t.quotes, start, end, |r| r.exch);
    let trades = between(&t.trades, start, end, |r| r.exch);
    let marks = between(&t.marks, start, end, |r| r.exch);
    let depth = between(&t.depth, start, end, |r| r.exch);
    let (quote_cols, trade_cols) = (quote_columns(&carry.quote, quotes), trade_columns(trades));
    let mut mark = carry.mark;
    let mut filled = vec![mark];
    for row in marks {
        mark.exch = row.exch;
        keep_known(&mut mark.mark, row.mark);
        keep_known(&mut mark.index, row.index);
        filled.push(mark);
    }
    let mark_cols = MarkCols {
        time: filled.iter().map(|r| r.exch.0).collect(),
        mark: filled.iter().map(|r| r.mark.0).collect(),
        index: filled.iter().map(|r| r.index.0).collect(),
    };
    let mut depth_cols = DepthCols::default();
    for row in std::iter::once(&carry.depth).chain(depth) {
        depth_cols.push(row.exch, &row.bids, &row.asks);
    }
    let mut settlements: Vec<Settlement> = t
        .funding
        .iter()
        .filter(|row| row.kind == FundingKind::Settled && inside(row.ts, start, end))
        .map(|row| Settlement { ts: row.ts, rate: row.rate })
        .collect();
    settlements.sort_by_key(|settlement| settlement.ts);
    if let Some(last) = quotes.last() {
        carry.quote = *last;
    }
    carry.mark = mark;
    if let Some(last) = depth.last() {
        carry.depth = last.clone();
    }
    let load = carry.load.as_ref().map(|carried| FeedLoad::new(carried, quotes, trades));
    carry.load = load.as_ref().map(FeedLoad::carried);
    VenueRows { quotes: quote_cols, trades: trade_cols, depth: depth_cols, marks: mark_cols, settlements, load }
}

/// With the carried row before them.
fn quote_columns(carried: &QuoteRow, rows: &[QuoteRow]) -> QuoteCols {
    quote_cols(rows.len() + 1, |[time, bid, bid_qty, ask, ask_qty]| {
        for (i, row) in std::iter::once(carried).chain(rows).enumerate() {
            let b = &row.bbo;
            time[i] = row.exch.0.to_ne_bytes();
            (bid[i], bid_qty[i]) = (b.bid.0.to_ne_bytes(), b.bid_qty.0.to_ne_bytes());
            (ask[i], ask_qty[i]) = (b.ask.0.to_ne_bytes(), b.ask_qty.0.to_ne_bytes());
        }
    })
}

/// With a row that is none before them.
fn trade_columns(rows: &[TradeRow]) -> TradeCols {
    let none = TradeRow {
        exch: Time(NEVER),
        recv: Time(NEVER),
        px: Price(0),
        qty: crate::units::Qty(0),
        taker: Side::Buy,
        consumed_book: false,
    };
    trade_cols(rows.len() + 1, |[time, px, qty], [taker, consumed]| {
        for (i, row) in std::iter::once(&none).chain(rows).enumerate() {
            time[i] = row.exch.0.to_ne_bytes();
            (px[i], qty[i]) = (row.px.0.to_ne_bytes(), row.qty.0.to_ne_bytes());
            taker[i] = (row.taker.sign() as i8).to_ne_bytes();
            consumed[i] = i8::from(row.consumed_book).to_ne_bytes();
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::market::DepthLevel;
    use crate::units::Qty;

    fn quote(exch: i64, recv: i64, bid: i64, ask: i64) -> QuoteRow {
        let bbo = Bbo { bid: Price(bid), bid_qty: Qty(1), ask: Price(ask), ask_qty: Qty(1) };
        QuoteRow { exch: Time(exch), recv: Time(recv), bbo }
    }

    #[test]
    fn equal_receive_times_are_one_tick_and_edges_carry() {
        let long = VenueTables { quotes: vec![quote(5, 10, 100, 101), quote(18, 20, 102, 103)], ..Default::default() };
        let short = VenueTables { quotes: vec![quote(6, 10, 99, 100)], ..Default::default() };
        let mut carry = Carry::default();
        let first = align([&long, &short], Time(0), Time(19), &mut carry);
        assert_eq!(first.local.time.to_vec(), [NEVER, 10]);
        assert_eq!(first.local.bbo(1, Role::Short).ask, Price(100));
        // the second quote is already in the venue's first tile (exch 18), not yet in the local one (recv 20)
        assert_eq!(first.venues[0].quotes.time.to_vec(), [NEVER, 5, 18]);
        let second = align([&long, &short], Time(19), Time(30), &mut carry);
        assert_eq!(second.local.time.to_vec(), [10, 20]);
        assert_eq!(second.local.bbo(0, Role::Long).bid, Price(100));
        assert_eq!(second.local.bbo(1, Role::Long).bid, Price(102));
        assert_eq!(second.venues[0].quotes.time.to_vec(), [18]);
    }

    /// Depth counts from its receipt until a later quote is received, over a tile edge too; of equal times the snapshot is
    /// the newer.
    #[test]
    fn depth_is_in_force_until_the_next_quote() {
        let depth = |recv: i64, px: i64| DepthRow {
            exch: Time(recv - 5),
            recv: Time(recv),
            bids: vec![DepthLevel { px: Price(px), qty: Qty(2) }, DepthLevel { px: Price(px - 1), qty: Qty(7) }],
            asks: vec![],
        };
        let long = VenueTables {
            quotes: vec![quote(5, 10, 100, 101), quote(18, 20, 102, 103), quote(29, 31, 90, 91)],
            depth: vec![depth(10, 100), depth(24, 95)],
            ..Default::default()
        };
        let short =
            VenueTables { quotes: [12, 22, 26].map(|t| quote(t - 1, t, 99, 100)).to_vec(), ..Default::default() };
        let mut carry = Carry::default();
        let first = align([&long, &short], Time(0), Time(25), &mut carry);
        let second = align([&long, &short], Time(25), Time(40), &mut carry.clone());
        let again = align([&long, &short], Time(25), Time(40), &mut Carry::after(&first));
        assert_eq!(second.local.depth[0].time, again.local.depth[0].time);
        let best = |tile: &Tile| -> Vec<(i64, Option<i64>)> {
            let one =
                |row| (tile.local.time[row], tile.local.depth(row, Role::Long).bids.first().map(|level| level.px.0));
            (1..tile.local.len()).map(one).collect()
        };
        assert_eq!(best(&first), [(10, Some(100)), (12, Some(100)), (20, None), (22, None), (24, Some(95))]);
        assert_eq!(best(&second), [(26, Some(95)), (31, None)]);
        assert_eq!(best(&again), best(&second));
        assert!(first.local.depth(1, Role::Short).is_empty());
    }

    /// One row that was received, for the reference below.
    enum Row<'a> {
        Quote(&'a QuoteRow),
        Trade,
        Depth(&'a DepthRow),
        Mark(&'a MarkRow),
        Funding(&'a FundingRow),
    }

    /// The local timeline by sorting all rows, stably, by receive time.
    fn by_sorting(tables: [&VenueTables; 2], start: Time, end: Time, carry: &mut Carry) -> Local {
        let mut rows: Vec<(i64, usize, Row<'_>)> = Vec::new();
        for (v, t) in tables.into_iter().enumerate() {
            rows.extend(t.quotes.iter().map(|r| (r.recv.0, v, Row::Quote(r))));
            rows.extend(t.trades.iter().map(|r| (r.recv.0, v, Row::Trade)));
            rows.extend(t.depth.iter().map(|r| (r.recv.0, v, Row::Depth(r))));
            rows.extend(t.marks.iter().map(|r| (r.recv.0, v, Row::Mark(r))));
            rows.extend(t.funding.iter().map(|r| (r.recv.0, v, Row::Funding(r))));
        }
        rows.retain(|row| inside(Time(row.0), start, end));
        rows.sort_by_key(|row| row.0);
        let fill = |carry: &mut Carry, build: &mut LocalBuilder<'_>| {
            for (i, (time, v, row)) in rows.iter().enumerate() {
                let v = *v;
                if !matches!(row, Row::Funding(_)) {
                    carry.seen[v] = *time;
                }
                match row {
                    Row::Quote(quote) => {
                        carry.local[v] = quote.bbo;
                        if build.depth[v].is_in_force() {
                            build.depth[v].push(Time(*time), &[], &[]);
                        }
                    }
                    Row::Trade => {}
                    Row::Depth(depth) => build.depth[v].push(Time(*time), &depth.bids, &depth.asks),
                    Row::Mark(mark) => build.mark(carry, v, mark),
                    Row::Funding(row) => build.funding(carry, v, row),
                }
                if rows.get(i + 1).is_none_or(|next| next.0 != *time) {
                    carry.local_time = *time;
                    build.push(carry);
                }
            }
        };
        built(rows.len(), carry, fill).0
    }

    /// Random tables, most of their times shared by several rows and tables.
    #[test]
    fn merging_is_sorting() {
        let mut state = 5u64;
        let mut draw = |below: i64| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) as i64 % below
        };
        for _ in 0..300 {
            let span = 1 + draw(60);
            let mut times = || {
                let mut times: Vec<i64> = (0..draw(30)).map(|_| draw(span)).collect();
                times.sort_unstable();
                times
            };
            let mut n = 0;
            let mut px = || {
                n += 1;
                n
            };
            let mut table = || VenueTables {
                quotes: times().into_iter().map(|t| quote(t, t, px(), px())).collect(),
                trades: times()
                    .into_iter()
                    .map(|t| TradeRow {
                        exch: Time(t),
                        recv: Time(t),
                        px: Price(1),
                        qty: Qty(1),
                        taker: Side::Buy,
                        consumed_book: true,
                    })
                    .collect(),
                depth: times()
                    .into_iter()
                    .map(|t| DepthRow {
                        exch: Time(t),
                        recv: Time(t),
                        bids: vec![DepthLevel { px: Price(px()), qty: Qty(1) }],
                        asks: vec![],
                    })
                    .collect(),
                marks: times()
                    .into_iter()
                    .map(|t| MarkRow { exch: Time(t), recv: Time(t), mark: Price(px() % 3), index: Price(px() % 2) })
                    .collect(),
                funding: times()
                    .into_iter()
                    .map(|t| FundingRow {
                        ts: Time(t),
                        recv: Time(t),
                        rate: crate::units::Rate(px()),
                        interval_hours: 1,
                        kind: FundingKind::Settled,
                    })
                    .collect(),
            };
            let (long, short) = (table(), table());
            let (mut merged, mut sorted) = (Carry::default(), Carry::default());
            let cut = Time(span / 2);
            for (start, end) in [(Time(0), cut), (cut, Time(span))] {
                let one = local_timeline([&long, &short], start, end, &mut merged);
                let other = by_sorting([&long, &short], start, end, &mut sorted);
                assert_eq!(format!("{one:?}"), format!("{other:?}"));
            }
        }
    }
}
