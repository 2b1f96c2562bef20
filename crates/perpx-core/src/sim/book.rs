//! The visible book at one moment of a venue, and the memory of what we took from it.

use crate::config::Fills;
use crate::market::{Bbo, DepthLevel, DepthView, Side};
use crate::tape::VenueRows;
use crate::units::{Mid, Notional, Price, Qty, Rate, Time};
use serde::{Deserialize, Serialize};

/// A part of a walk through the book: so much at that price.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Piece {
    /// Quote money per coin.
    pub px: Price,
    /// Base coins, positive.
    pub qty: Qty,
}

/// The last quote row and the last depth snapshot at a moment.
#[derive(Clone, Copy, Debug)]
pub struct BookView<'a> {
    /// Best prices of the last quote row.
    pub quote: Bbo,
    /// Levels, when the snapshot is not older than the quote; else empty.
    pub depth: DepthView<'a>,
    /// Some snapshot was ever seen: levels behind the best are known from snapshots alone.
    pub depth_known: bool,
    /// exch time of the newer of the two.
    pub time: Time,
}

impl<'a> BookView<'a> {
    /// The view by row numbers of the quote and depth tables; empty tables give an empty book.
    pub fn at(rows: &'a VenueRows, quote: usize, depth: usize) -> BookView<'a> {
        let never = crate::tape::NEVER;
        let quote_time = rows.quotes.time.get(quote).copied().unwrap_or(never);
        let depth_time = rows.depth.time.get(depth).copied().unwrap_or(never);
        let bbo = if quote < rows.quotes.time.len() { rows.quotes.bbo(quote) } else { Bbo::default() };
        let levels = rows.depth.view(depth);
        BookView {
            quote: bbo,
            depth: if depth_time >= quote_time { levels } else { DepthView::default() },
            depth_known: !levels.is_empty(),
            time: Time(quote_time.max(depth_time)),
        }
    }

    /// Best price that an order of `side` could take; zero when there is none.
    pub fn touch(&self, side: Side) -> Price {
        self.depth.opposite(side).first().map_or(self.quote.opposite(side).0, |level| level.px)
    }

    /// Best prices and their sizes.
    pub fn best(&self) -> Bbo {
        match (self.depth.bids.first(), self.depth.asks.first()) {
            (Some(bid), Some(ask)) => Bbo { bid: bid.px, bid_qty: bid.qty, ask: ask.px, ask_qty: ask.qty },
            _ => self.quote,
        }
    }

    /// The mid, zero where one side is missing.
    pub fn mid(&self) -> Mid {
        self.best().mid_or_none()
    }

    /// The size that others show at `px` on the side where an order of `side` rests; `None` when the feed does not say.
    pub fn shown(&self, side: Side, px: Price, assume: Option<Qty>) -> Option<Qty> {
        let levels = self.depth.opposite(side.other());
        if let Some(last) = levels.last() {
            return match levels.iter().find(|level| level.px == px) {
                Some(level) => Some(or_assumed(level.qty, assume)),
                None if better(side, px, last.px) => Some(Qty::ZERO),
                None => None,
            };
        }
        let (best, qty) = self.quote.best(side);
        if px == best {
            Some(or_assumed(qty, assume))
        } else if better(side, px, best) || best.0 == 0 {
            Some(Qty::ZERO)
        } else {
            None
        }
    }
}

/// `a` is a better price than `b` to rest at: higher for a buy.
pub fn better(side: Side, a: Price, b: Price) -> bool {
    match side {
        Side::Buy => a > b,
        Side::Sell => a < b,
    }
}

/// An order of `side` limited to `limit` may trade at `px`.
pub fn within(side: Side, px: Price, limit: Price) -> bool {
    px.0 > 0 && !better(side, px, limit)
}

/// A recorded size, or `fills.assume_qty` where the tape has none.
pub fn or_assumed(qty: Qty, assume: Option<Qty>) -> Qty {
    if qty.0 > 0 { qty } else { assume.unwrap_or(Qty::ZERO) }
}

/// Quantity that we took from one displayed level.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Taken {
    /// Our side: a buy took from the asks.
    side: Side,
    /// The level is known from a depth snapshot, not by a quote.
    from_depth: bool,
    /// Of the level.
    px: Price,
    /// Size displayed when we took.
    shown: Qty,
    /// What we took of it.
    qty: Qty,
}

/// Aggressive orders, and the memory of what they took. Conditions, judged at the one moment of arrival (for an order
/// that waited: of the row that it waited for):
/// - *full*: the sizes displayed at or within the limit (by a snapshot not older than the quote; else the best size, and
///   as much again at each further `impact`), each in whole lots, less what we took of them before, cover the order;
/// - *part*: they cover some of it; an IOC's rest is cancelled, a limit order's rests, a fill-or-kill gets nothing;
/// - *none*: nothing is displayed within the limit, or sizes are unknown and `assume_qty` is unset.
///
/// What we took is remembered against each displayed level until the feed changes that level. A quote changes the best
/// level when its price or size differ; a snapshot changes a level when its size differs or it is gone.
///
/// Not modelled: hidden size and size beyond the deepest recorded level (errs towards too little), liquidity that flees
/// before us and other takers of the same instant (towards too much).
/// Not modelled: that our taking moves other people. After a change the whole displayed size counts as fresh: where the
/// venue did show our trade the memory is too strict for a moment, where somebody cancelled and rejoined too lenient.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Consumed {
    /// By displayed level.
    list: Vec<Taken>,
}

impl Consumed {
    /// Nothing that was taken is remembered.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// What is left of a level for an order of `side`.
    fn of(&self, side: Side, level: DepthLevel) -> Qty {
        let same = |t: &&Taken| t.side == side && t.px == level.px && t.shown == level.qty;
        self.list.iter().find(same).map_or(Qty::ZERO, |t| t.qty)
    }

    /// Remembers what we took of a level, until the feed changes it.
    fn add(&mut self, side: Side, from_depth: bool, level: DepthLevel, qty: Qty) {
        if qty.is_zero() {
            return;
        }
        let same = |t: &&mut Taken| t.side == side && t.px == level.px && t.shown == level.qty;
        match self.list.iter_mut().find(same) {
            Some(taken) => taken.qty += qty,
            None => self.list.push(Taken { side, from_depth, px: level.px, shown: level.qty, qty }),
        }
    }

    /// A quote row came.
    pub fn on_quote(&mut self, quote: &Bbo) {
        self.list.retain(|t| t.from_depth || quote.opposite(t.side) == (t.px, t.shown));
    }

    /// A depth snapshot came.
    pub fn on_depth(&mut self, depth: &DepthView) {
        let shows = |t: &Taken| depth.opposite(t.side).iter().any(|l| l.px == t.px && l.qty == t.shown);
        self.list.retain(|t| !t.from_depth || shows(t));
    }

    /// Takes at most `want` from displayed `levels` at or within `limit`, best first; returns the pieces.
    pub fn take_levels(&mut self, levels: &[DepthLevel], request: &Request, from_depth: bool) -> Vec<Piece> {
        let mut pieces = Vec::new();
        let mut left = request.qty;
        let mut credit = Notional::ZERO;
        for &level in levels {
            let most = request.most_at(level.px, credit);
            if left.0 <= 0 || most.is_zero() {
                break;
            }
            let there = request.whole(or_assumed(level.qty, request.assume) - self.of(request.side, level));
            let qty = left.min(there).min(most);
            if qty.0 > 0 {
                self.add(request.side, from_depth, level, qty);
                pieces.push(Piece { px: level.px, qty });
                left -= qty;
                credit += request.gain(level.px, qty);
            }
        }
        pieces
    }

    /// Takes at most `request.qty` with best bid and ask only: the best size, then each further best-size costs `impact`
    /// more, rounded to the tick against us. What was taken before from the same quote is skipped.
    pub fn take_best(&mut self, quote: &Bbo, request: &Request, impact: Rate, tick: Price) -> Vec<Piece> {
        let mut pieces: Vec<Piece> = Vec::new();
        let (best, shown) = quote.opposite(request.side);
        let size = request.whole(or_assumed(shown, request.assume));
        if best.0 <= 0 || size.0 <= 0 {
            return pieces;
        }
        let level = DepthLevel { px: best, qty: shown };
        let before = self.of(request.side, level);
        let (mut chunk, mut there) = (0, size);
        if !before.is_zero() {
            chunk = before.0 / size.0;
            there = request.whole(size - Qty(before.0 % size.0));
            if there.is_zero() {
                (chunk, there) = (chunk + 1, size);
            }
        }
        let mut left = request.qty;
        let mut credit = Notional::ZERO;
        while left.0 > 0 {
            let px = chunk_price(request.side, best, chunk, impact, tick);
            let most = request.most_at(px, credit);
            if most.is_zero() {
                break;
            }
            let qty = if impact.0 > 0 { left.min(there) } else { left }.min(most);
            credit += request.gain(px, qty);
            match pieces.last_mut() {
                Some(last) if last.px == px => last.qty += qty,
                _ => pieces.push(Piece { px, qty }),
            }
            left -= qty;
            chunk += 1;
            there = size;
        }
        self.add(request.side, false, level, request.qty - left);
        pieces
    }

    /// Walks the book for an order: depth levels where a current snapshot shows them, else best price and impact.
    pub fn take(&mut self, book: &BookView, request: &Request, fills: &Fills, tick: Price) -> Vec<Piece> {
        let levels = book.depth.opposite(request.side);
        if levels.is_empty() {
            self.take_best(&book.quote, request, fills.impact, tick)
        } else {
            self.take_levels(levels, request, true)
        }
    }
}

/// What a walk is asked for.
#[derive(Clone, Copy, Debug)]
pub struct Request {
    /// Ours.
    pub side: Side,
    /// The most to take, base coins.
    pub qty: Qty,
    /// Worst price, of each fill or of their average.
    pub limit: Price,
    /// The limit bounds the average.
    pub average: bool,
    /// Every level gives whole multiples of this.
    pub lot: Qty,
    /// Stands in for absent sizes.
    pub assume: Option<Qty>,
}

impl Request {
    /// The most that may be taken at `px`, zero for nothing: any quantity within the limit; beyond it, where the limit
    /// bounds the average, whole lots that the money saved so far (`credit`) pays for.
    fn most_at(&self, px: Price, credit: Notional) -> Qty {
        if within(self.side, px, self.limit) {
            return Qty(i64::MAX);
        }
        if !self.average || px.0 <= 0 {
            return Qty::ZERO;
        }
        let worse = i128::from(px.0 - self.limit.0) * i128::from(self.side.sign());
        Qty(i64::try_from(credit.0 / worse).unwrap_or(i64::MAX)).floor_to(self.lot)
    }

    /// What `qty` at `px` saves against the limit, negative when it costs more.
    fn gain(&self, px: Price, qty: Qty) -> Notional {
        if self.average { Price((self.limit.0 - px.0) * self.side.sign()).of(qty) } else { Notional::ZERO }
    }

    /// What a quantity that is there gives: whole lots.
    fn whole(&self, there: Qty) -> Qty {
        there.floor_to(self.lot)
    }
}

/// `best * (1 +- chunk * impact)` on the tick, against the taker; the best itself stays as it is.
pub fn chunk_price(side: Side, best: Price, chunk: i64, impact: Rate, tick: Price) -> Price {
    let worse = Rate(impact.0.saturating_mul(chunk));
    match side {
        _ if worse.0 == 0 => best,
        // a fall of the whole price or more: nothing is bid there
        Side::Sell if worse.0 >= Rate::ONE => Price(0),
        Side::Sell => best.scaled_floor(-worse).floor_to(tick),
        Side::Buy if worse.0 >= 100 * Rate::ONE => Price(i64::MAX),
        Side::Buy => best.scaled_ceil(worse).ceil_to(tick),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COIN: i64 = 1_000_000_000;

    fn px(units: i64) -> Price {
        Price(units * COIN)
    }

    fn level(price: i64, qty: i64) -> DepthLevel {
        DepthLevel { px: px(price), qty: Qty(qty) }
    }

    fn buy(qty: i64, limit: i64) -> Request {
        Request { side: Side::Buy, qty: Qty(qty), limit: px(limit), average: false, lot: Qty(1), assume: None }
    }

    fn pieces(list: &[Piece]) -> Vec<(i64, i64)> {
        list.iter().map(|piece| (piece.px.0 / COIN, piece.qty.0)).collect()
    }

    /// asks 100 x 5, 101 x 5, 103 x 5; buy 12 up to 101 takes 5 + 5, then nothing until a level changes.
    #[test]
    fn depth_is_taken_level_by_level_and_once() {
        let asks = [level(100, 5), level(101, 5), level(103, 5)];
        let mut memory = Consumed::default();
        assert_eq!(pieces(&memory.take_levels(&asks, &buy(7, 101), true)), [(100, 5), (101, 2)]);
        assert_eq!(pieces(&memory.take_levels(&asks, &buy(7, 101), true)), [(101, 3)]);
        assert_eq!(pieces(&memory.take_levels(&asks, &buy(7, 101), true)), []);
        let changed = [level(100, 4), level(101, 5), level(103, 5)];
        memory.on_depth(&DepthView { bids: &[], asks: &changed });
        assert_eq!(pieces(&memory.take_levels(&changed, &buy(7, 101), true)), [(100, 4)]);
    }

    /// ask 10,000 x 5, impact 1 bp, tick 1: 5 at 10,000, 5 at 10,001, 2 at 10,002; then the memory skips what is gone.
    #[test]
    fn without_depth_each_further_size_costs_impact() {
        let quote = Bbo { bid: px(9_999), bid_qty: Qty(3), ask: px(10_000), ask_qty: Qty(5) };
        let mut memory = Consumed::default();
        let walk = |memory: &mut Consumed, request: Request| {
            pieces(&memory.take_best(&quote, &request, Rate::from_bps(1), px(1)))
        };
        assert_eq!(walk(&mut memory, buy(12, 10_002)), [(10_000, 5), (10_001, 5), (10_002, 2)]);
        assert_eq!(walk(&mut memory, buy(12, 10_002)), [(10_002, 3)]);
        memory.on_quote(&quote);
        assert_eq!(walk(&mut memory, buy(12, 10_002)), []);
        memory.on_quote(&Bbo { ask_qty: Qty(6), ..quote });
        assert!(memory.is_empty());
        let sell = Request { side: Side::Sell, limit: px(9_997), ..buy(7, 0) };
        // 9,999 less 1 bp is 9,998.0001, down to 9,998; less 2 bp 9,997.0002, down to 9,997
        assert_eq!(walk(&mut memory, sell), [(9_999, 3), (9_998, 3), (9_997, 1)]);
    }

    /// Lot 2: of 5 shown at 100, 1 at 101 and 7 at 102 we get 4, nothing and 6; without depth 4 at the best and 4 more at
    /// each further impact.
    #[test]
    fn every_level_gives_whole_lots() {
        let asks = [level(100, 5), level(101, 1), level(102, 7)];
        let buy_lots = |qty| Request { lot: Qty(2), ..buy(qty, 102) };
        let request = buy_lots(20);
        let mut memory = Consumed::default();
        assert_eq!(pieces(&memory.take_levels(&asks, &request, true)), [(100, 4), (102, 6)]);
        assert_eq!(pieces(&memory.take_levels(&asks, &request, true)), []);
        let quote = Bbo { bid: px(9_999), bid_qty: Qty(3), ask: px(10_000), ask_qty: Qty(5) };
        let request = Request { lot: Qty(2), ..buy(10, 10_002) };
        let walked = memory.take_best(&quote, &request, Rate::from_bps(1), px(1));
        assert_eq!(pieces(&walked), [(10_000, 4), (10_001, 4), (10_002, 2)]);
        // a resting order has used a part of a lot: of 5 shown 3 are gone, or 1
        let used = |qty: i64| {
            let mut memory = Consumed::default();
            memory.add(Side::Buy, true, level(100, 5), Qty(qty));
            memory.add(Side::Buy, false, level(10_000, 5), Qty(qty));
            let best = memory.take_best(&quote, &Request { qty: Qty(4), ..request }, Rate::from_bps(1), px(1));
            (pieces(&memory.take_levels(&asks[..1], &buy_lots(8), true)), pieces(&best))
        };
        assert_eq!(used(3), (vec![(100, 2)], vec![(10_001, 4)]));
        assert_eq!(used(1), (vec![(100, 4)], vec![(10_000, 2), (10_001, 2)]));
        let thin = Bbo { ask_qty: Qty(1), ..quote };
        assert_eq!(memory.take_best(&thin, &request, Rate::from_bps(1), px(1)), []);
    }

    #[test]
    fn an_absent_size_is_assumed_or_nothing() {
        let quote = Bbo { bid: px(99), bid_qty: Qty(0), ask: px(100), ask_qty: Qty(0) };
        let mut memory = Consumed::default();
        assert_eq!(memory.take_best(&quote, &buy(3, 100), Rate::from_bps(1), px(1)), []);
        let request = Request { assume: Some(Qty(2)), ..buy(3, 100) };
        assert_eq!(pieces(&memory.take_best(&quote, &request, Rate::from_bps(1), px(1))), [(100, 2)]);
    }
}
