//! The tape as it grows: rows are put in as they are received, and what has come since the last look is cut off as a tile.
//! Carry and signals go on from tile to tile, so a live run's tiles are a tape's, only short.

use perpx_core::market::{Event, EventBody, Role};
use perpx_core::signals::{SignalEngine, TileSignals};
use perpx_core::tape::rows::{DepthRow, FundingRow, MarkRow, QuoteRow, TradeRow, VenueTables};
use perpx_core::tape::{Carry, Tile, align};
use perpx_core::units::{HOUR, Mid, NS, Time};
use perpx_data::store::NumberedTrade;
use perpx_venues::client::MarketUpdate;
use perpx_venues::record::feed::Row;
use perpx_venues::wall::MarketClock;
use std::collections::VecDeque;

pub struct TileBuilder {
    clock: MarketClock,
    engine: SignalEngine,
    carry: Carry,
    /// Of the next tile, inclusive; nothing is received before it.
    start: Time,
    /// What was received last: a wall clock that is set back does not take time back.
    newest: Time,
    tables: [VenueTables; 2],
    /// By role: a venue was quoted since this began.
    quoted: [bool; 2],
    /// By role: when a venue had its newest quotes, on its own clock, and their mids.
    mids: [VecDeque<(Time, Mid)>; 2],
    /// What was received since it was taken the last time, with the venues' own times; `None`: nobody wants it.
    seen: Option<Vec<(Role, Row)>>,
}

/// Quotes that are remembered for fills that are reported after them.
const REMEMBERED: usize = 1_000;

impl TileBuilder {
    /// `engine` and `carry` as the tape before `start` left them.
    pub fn new(clock: MarketClock, engine: SignalEngine, carry: Carry, start: Time) -> TileBuilder {
        let (tables, mids) = Default::default();
        TileBuilder { clock, engine, carry, start, newest: start, tables, quoted: [false; 2], mids, seen: None }
    }

    /// Keeps what is received for [`TileBuilder::take_seen`].
    pub fn keeping_seen(self) -> TileBuilder {
        TileBuilder { seen: Some(Vec::new()), ..self }
    }

    /// What was received since the last call.
    pub fn take_seen(&mut self) -> Vec<(Role, Row)> {
        self.seen.as_mut().map(std::mem::take).unwrap_or_default()
    }

    /// Both venues were quoted since this began.
    pub fn is_quoted(&self) -> bool {
        self.quoted == [true; 2]
    }

    /// What goes on from tile to tile, and where the next one begins.
    pub fn parts(&self) -> (&SignalEngine, &Carry, Time) {
        (&self.engine, &self.carry, self.start)
    }

    /// The time of what is received now: never before what was cut off, or received.
    pub fn now(&self, wall: Time) -> Time {
        self.clock.market(wall).max(self.start).max(self.newest)
    }

    /// What a venue says of its market, received now.
    pub fn receive(&mut self, role: Role, update: MarketUpdate, wall: Time) {
        let recv = self.now(wall);
        self.newest = recv;
        // a venue's own timeline is for simulated ones: here all rows stand where they were received
        let exch = recv;
        let clock = self.clock;
        let mut see = |had: Time, row: &dyn Fn(Time) -> Row| {
            if let Some(seen) = &mut self.seen {
                // a clock that is ahead of ours does not make a row one of the future
                seen.push((role, row(clock.market(had).min(recv))));
            }
        };
        let table = &mut self.tables[role.ix()];
        match update {
            MarketUpdate::Quote { exch: had, bbo, bids, asks } => {
                see(had, &|exch| Row::Quote(QuoteRow { exch, recv, bbo }));
                see(had, &|exch| Row::Depth(DepthRow { exch, recv, bids: bids.clone(), asks: asks.clone() }));
                self.quoted[role.ix()] |= bbo.is_quoted();
                let mids = &mut self.mids[role.ix()];
                mids.truncate(REMEMBERED - 1);
                mids.push_front((had, bbo.mid_or_none()));
                table.quotes.push(QuoteRow { exch, recv, bbo });
                table.depth.push(DepthRow { exch, recv, bids, asks });
            }
            MarketUpdate::Trade { exch: had, px, qty, taker, consumed_book } => {
                let print = TradeRow { exch, recv, px, qty, taker, consumed_book };
                see(had, &|exch| Row::Trade(NumberedTrade { id: None, row: TradeRow { exch, ..print } }));
                table.trades.push(print);
            }
            MarketUpdate::Marks { exch: had, mark, index } => {
                see(had, &|exch| Row::Marks(MarkRow { exch, recv, mark, index }));
                table.marks.push(MarkRow { exch, recv, mark, index });
            }
            MarketUpdate::Rate { kind, ts, rate, interval_hours } => {
                // settlements stand on full intervals of the market's clock
                let step = i64::from(interval_hours.max(1)) * HOUR;
                let ts = match ts {
                    Some(ts) => self.clock.market(ts).plus(step / 2).floor_to(step),
                    None => recv.floor_to(step).plus(step),
                };
                let row = FundingRow { ts, recv, rate, interval_hours: interval_hours.max(1), kind };
                see(recv, &|_| Row::Funding(row));
                table.funding.push(row);
            }
        }
    }

    /// What happened to an order or to the account at `exch` of the venue's clock, received now.
    pub fn event(&mut self, role: Role, exch: Time, body: EventBody, wall: Time) -> Event {
        let recv = self.now(wall);
        self.newest = recv;
        // of the book that a fill met we know the newest mid that is not later
        let met = self.mids[role.ix()].iter().find(|(had, _)| *had <= exch);
        let met = met.map_or(Mid::ZERO, |(_, mid)| *mid);
        Event { at: recv, venue_time: self.clock.market(exch), venue: role, body, met }
    }

    /// The tile of everything up to now, the present moment included, and its signals.
    pub fn cut(&mut self, wall: Time) -> (Tile, TileSignals) {
        let end = self.now(wall).plus(NS);
        let [long, short] = &self.tables;
        let tile = align([long, short], self.start, end, &mut self.carry);
        let signals = self.engine.tile(&tile);
        self.tables = Default::default();
        self.start = end;
        (tile, signals)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use perpx_core::market::{Bbo, DepthLevel, OrderId};
    use perpx_core::signals::{SignalId, SignalKey};
    use perpx_core::tape::rows::FundingKind;
    use perpx_core::units::{MINUTE, MS, Price, Qty, Rate, SECOND};

    fn builder() -> TileBuilder {
        let clock = MarketClock { wall: Time(1_000), market: Time::at(HOUR - SECOND), speed: 10.0 };
        TileBuilder::new(clock, SignalEngine::new(&[], Time(0)), Carry::first([false; 2]), Time::at(HOUR - SECOND))
    }

    #[test]
    fn rows_stand_where_they_were_received_and_tiles_follow_each_other() {
        let mut builder = builder();
        let quote = |bid: i64| MarketUpdate::Quote {
            exch: Time(0),
            bbo: Bbo { bid: Price(bid), bid_qty: Qty(1), ask: Price(bid + 1), ask_qty: Qty(1) },
            bids: Vec::new(),
            asks: Vec::new(),
        };
        builder.receive(Role::Long, quote(100), Time(1_010));
        let (first, _) = builder.cut(Time(1_010));
        assert_eq!(first.local.time.to_vec()[1..], [(HOUR - SECOND).0 + 100]);
        assert_eq!(first.end, Time::at(HOUR - SECOND + 101 * NS));
        // the wall clock has not moved: the next moment is one later, not the same
        builder.receive(Role::Short, quote(99), Time(1_010));
        let (second, _) = builder.cut(Time(1_010));
        assert_eq!((second.start, second.local.time.to_vec()[1]), (first.end, first.end.0));
        assert_eq!(
            (second.local.bbo(1, Role::Long).bid, second.local.bbo(1, Role::Short).bid),
            (Price(100), Price(99))
        );
        let (empty, signals) = builder.cut(Time(1_000).plus(12 * SECOND));
        assert!(empty.local.is_empty());
        assert_eq!(signals.spread.len(), 1);
    }

    const START: Time = Time::of_day(20_000);

    fn keys() -> [SignalKey; 4] {
        let (bar_length, max_age) = (MINUTE, 10 * SECOND);
        [
            SignalKey::Trend { role: Role::Long, fast: 2, slow: 5, bar_length },
            SignalKey::Volatility { bars: 5, bar_length },
            SignalKey::Sigma { window: 5, bar_length, max_age },
            SignalKey::Quantile {
                window: 10,
                bar_length,
                max_age,
                lb: Rate::from_bps(1_000),
                ub: Rate::from_bps(9_000),
            },
        ]
    }

    fn recorded() -> TileBuilder {
        let clock = MarketClock { wall: START, market: START, speed: 1.0 };
        TileBuilder::new(clock, SignalEngine::new(&keys(), START), Carry::first([false; 2]), START)
    }

    /// What the venue says in the `n`th place: quotes of twenty levels, and now and then something else.
    fn said(n: i64) -> MarketUpdate {
        let bid = Price((1_000_000 + n * n % 101) * 100_000_000);
        let ask = Price(bid.0 + (1 + n % 3) * 100_000_000);
        let level = |px| vec![DepthLevel { px, qty: Qty(1 + n % 7) }; 20];
        match n % 11 {
            5 => MarketUpdate::Marks { exch: START, mark: ask, index: if n % 2 == 0 { bid } else { Price(0) } },
            7 => MarketUpdate::Rate { kind: FundingKind::Predicted, ts: None, rate: Rate(n), interval_hours: 1 },
            _ => {
                let bbo = Bbo { bid, bid_qty: Qty(1 + n % 7), ask, ask_qty: Qty(1 + n % 7) };
                MarketUpdate::Quote { exch: START, bbo, bids: level(bid), asks: level(ask) }
            }
        }
    }

    /// Each row with everything that is known at it, from tiles of `each` updates.
    fn rows(each: i64) -> Vec<String> {
        let (mut builder, mut rows) = (recorded(), Vec::new());
        for n in 0..2_310 {
            let wall = START.plus((n + 1) * SECOND);
            builder.receive(Role::BOTH[(n % 2) as usize], said(n), wall);
            if (n + 1) % each != 0 {
                continue;
            }
            let (tile, signals) = builder.cut(wall);
            let local = &tile.local;
            for row in 1..local.len() {
                let time = Time(local.time[row]);
                let venues = Role::BOTH.map(|role| (local.bbo(row, role), local.seen[role.ix()][row]));
                let depth =
                    Role::BOTH.map(|role| (local.depth(row, role).bids.to_vec(), local.depth(row, role).asks.to_vec()));
                let bars = [0, 1, 2, 3].map(|key| signals.bar_value(SignalId(key), time).to_bits());
                let series = [signals.spread[row].to_bits(), signals.edge[row].to_bits()];
                rows.push(format!(
                    "{time} {venues:?} {depth:?} {:?} {:?} {bars:?} {series:?}",
                    local.funding(row),
                    local.mark(row)
                ));
            }
        }
        rows
    }

    /// A tile is what was received since the last one: however the rows are cut, rows and signals are those of one tile of all.
    #[test]
    fn rows_are_appended() {
        let whole = rows(2_310);
        assert_eq!(whole.len(), 2_310);
        for each in [1, 7, 330] {
            assert!(rows(each) == whole, "{each}");
        }
    }

    /// What a batch of rows costs. `cargo test --release -p perpx-live --lib costs -- --ignored --nocapture`
    #[test]
    #[ignore = "a measurement"]
    fn what_a_batch_of_rows_costs() {
        for batch in [0, 1, 16, 256] {
            let (mut builder, mut rows, cuts) = (recorded(), 0, 20_000);
            let begun = std::time::Instant::now();
            for cut in 0..cuts {
                for row in 0..batch {
                    let wall = START.plus(cut * 20 * MS + row * NS);
                    builder.receive(Role::BOTH[row as usize % 2], said(cut + row), wall);
                }
                let (tile, signals) = builder.cut(START.plus((cut + 1) * 20 * MS - NS));
                rows += tile.local.len() + signals.spread.len();
            }
            let ns = begun.elapsed().as_nanos() as f64 / cuts as f64;
            println!("{batch} rows: {ns:.0} ns a batch, {:.0} ns a row ({rows})", ns / batch.max(1) as f64);
        }
    }

    /// A fill is measured against the newest quote that is not later than it, however many came meanwhile.
    #[test]
    fn a_fill_meets_the_mid_of_its_time() {
        let mut builder = builder();
        for (had, bid) in [(1_000, 100), (1_010, 110), (1_020, 120)] {
            let bbo = Bbo { bid: Price(bid), bid_qty: Qty(1), ask: Price(bid + 1), ask_qty: Qty(1) };
            let quote = MarketUpdate::Quote { exch: Time(had), bbo, bids: Vec::new(), asks: Vec::new() };
            builder.receive(Role::Long, quote, Time(1_030));
        }
        let mut met = |role, exch| {
            let body = EventBody::Done { id: OrderId(1), filled: Qty(1) };
            builder.event(role, Time(exch), body, Time(1_030)).met.raw()
        };
        assert_eq!([999, 1_000, 1_019, 1_020, 2_000].map(|exch| met(Role::Long, exch)), [0, 201, 221, 241, 241]);
        assert_eq!(met(Role::Short, 1_020), 0);
    }

    /// A settlement a little off, as by a clock of another speed, is the full hour's; the next one is ahead.
    #[test]
    fn settlements_stand_on_full_intervals() {
        let mut builder = builder();
        let rate = |kind, ts| MarketUpdate::Rate { kind, ts, rate: Rate(5), interval_hours: 1 };
        let wall = Time(1_000).plus(SECOND);
        builder.receive(Role::Long, rate(FundingKind::Settled, Some(Time(1_007).plus(100 * MS))), wall);
        builder.receive(Role::Long, rate(FundingKind::Predicted, None), wall);
        let (tile, _) = builder.cut(wall);
        let state = tile.local.funding(1);
        let ts = |kind| state.get(Role::Long, kind).map(|rate| rate.ts);
        assert_eq!(ts(FundingKind::Settled), Some(Time::at(HOUR)));
        assert_eq!(ts(FundingKind::Predicted), Some(Time::at(2 * HOUR)));
        assert!(builder.now(wall).since(Time::at(HOUR)) < MINUTE);
    }
}
