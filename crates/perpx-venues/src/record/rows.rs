//! Rows of one symbol at one venue: what of a book, a trade, a price or a rate is new, and when it was received.

use super::feed::{FeedConfig, FeedNews, Row};
use super::raw_frame::RestRequest;
use crate::book::LevelBook;
use crate::client::book_check::BookCheck;
use perpx_core::market::{Bbo, DepthLevel, Side};
use perpx_core::tape::rows::{DepthRow, FundingKind, FundingRow, MarkRow, QuoteRow, TradeRow};
use perpx_core::units::{DAY, HOUR, MS, Price, Rate, SECOND, Time, TimeDelta};
use perpx_data::store::NumberedTrade;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// A frame that changes nothing makes a quote row when the last one is as old as this.
const REPEAT: TimeDelta = SECOND;
/// A row that would have to be received this much later than its stamp is left out.
const MOST_LIFT: TimeDelta = MS.times(500);
/// No venue announces a rate for a settlement that is further away.
const FARTHEST: TimeDelta = DAY.times(2);
/// A lift above this is one that a trader should not open on.
pub const SAFE_LIFT: TimeDelta = MS.times(50);
/// Numbers of trades that are remembered; a lower one than all of them was there before.
const REMEMBERED_TRADES: usize = 1_000;

/// Rows whose receipt had to be moved, since the feed was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lifts {
    /// Rows that were received later than their stamp says, so that they are not received before they happened, or before
    /// the row before them.
    pub moved: u64,
    /// Those of them that were moved by more than 50 ms.
    pub unsafe_moves: u64,
    /// Rows that were left out, because they would have been moved by more than 500 ms.
    pub left_out: u64,
}

impl std::iter::Sum for Lifts {
    fn sum<I: Iterator<Item = Lifts>>(all: I) -> Lifts {
        all.fold(Lifts::default(), |sum, one| Lifts {
            moved: sum.moved + one.moved,
            unsafe_moves: sum.unsafe_moves + one.unsafe_moves,
            left_out: sum.left_out + one.left_out,
        })
    }
}

/// When a row counts as received: at its stamp, but never before the row before it, nor before it happened at the venue.
/// `None`: it would be more than half a second after its stamp.
pub fn settle(stamp: Time, before: Time, exch: Time) -> Option<Time> {
    let settled = stamp.max(before).max(exch);
    (settled.since(stamp) <= MOST_LIFT).then_some(settled)
}

/// What is known of a symbol, and what of it is new.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct SymbolRows {
    /// The newest row of all tables.
    received: Time,
    /// The newest quote row; `None` after a gap.
    quote: Option<(Time, Bbo)>,
    depth: Option<Time>,
    marks: Option<(Price, Price)>,
    predicted: Option<(Time, Rate, u32)>,
    /// The newest settlement.
    settled: Option<Time>,
    trades: BTreeSet<i64>,
    /// The newest trade before the gap whose trades are still asked for.
    before_gap: Option<i64>,
    /// It was met among the trades that were listed since.
    is_gap_found: bool,
    /// Whether the book can be right.
    #[serde(default)]
    check: BookCheck,
    #[serde(skip)]
    lifts: Lifts,
}

/// A public trade as a feed reads it.
pub struct PublicTrade {
    /// The venue's number of it.
    pub id: Option<i64>,
    /// `recv` is yet to be settled.
    pub row: TradeRow,
}

impl SymbolRows {
    /// Since the feed was made.
    pub fn lifts(&self) -> Lifts {
        self.lifts
    }

    /// The newest settlement that is known.
    pub fn settled(&self) -> Option<Time> {
        self.settled
    }

    fn received(&mut self, at: Time, exch: Time, out: &mut Vec<FeedNews>) -> Option<Time> {
        let Some(recv) = settle(at, self.received, exch) else {
            self.lifts.left_out += 1;
            out.push(FeedNews::Unreadable(format!(
                "a row of {exch}, received at {at}: more than 500 ms before it was"
            )));
            return None;
        };
        self.lifts.moved += u64::from(recv > at);
        self.lifts.unsafe_moves += u64::from(recv.since(at) > SAFE_LIFT);
        self.received = recv;
        Some(recv)
    }

    /// The book after a frame: a row if its best levels changed, or if there was none for a second. A crossed book makes none.
    pub fn quote(
        &mut self,
        (symbol, config): (usize, &FeedConfig),
        book: &LevelBook,
        exch: Time,
        at: Time,
        out: &mut Vec<FeedNews>,
    ) {
        let bbo = book.top();
        if !self.check.see(&bbo, at) {
            return;
        }
        if self.quote.is_some_and(|(recv, last)| last == bbo && at.since(recv) < REPEAT) {
            return;
        }
        let Some(recv) = self.received(at, exch, out) else { return };
        self.quote = Some((recv, bbo));
        out.push(FeedNews::Row(symbol, Row::Quote(QuoteRow { exch, recv, bbo })));
        if self.depth.is_some_and(|last| recv.since(last) < config.depth_ms * MS) {
            return;
        }
        self.depth = Some(recv);
        let side = |side| book.levels(side).take(config.depth_levels).map(|(px, qty)| DepthLevel { px, qty }).collect();
        let (bids, asks) = (side(Side::Buy), side(Side::Sell));
        out.push(FeedNews::Row(symbol, Row::Depth(DepthRow { exch, recv, bids, asks })));
    }

    /// Best prices as the venue's summary of the market has them; a price of zero is not known.
    pub fn summary(&mut self, bid: Price, ask: Price, at: Time) {
        self.check.summary(bid, ask, at);
    }

    /// Why the book cannot be right, if that has lasted too long, and since when.
    pub fn wrong_book(&self, at: Time) -> Option<(Time, &'static str)> {
        self.check.wrong(at)
    }

    /// The book is gone.
    pub fn book_lost(&mut self) {
        (self.quote, self.depth) = (None, None);
        self.check.lost();
    }

    /// Mark and index, if one of them changed.
    pub fn marks(&mut self, symbol: usize, prices: (Price, Price), exch: Time, at: Time, out: &mut Vec<FeedNews>) {
        if self.marks == Some(prices) {
            return;
        }
        let Some(recv) = self.received(at, exch, out) else { return };
        self.marks = Some(prices);
        out.push(FeedNews::Row(symbol, Row::Marks(MarkRow { exch, recv, mark: prices.0, index: prices.1 })));
    }

    /// Nothing is known of marks and rates any more.
    pub fn summary_lost(&mut self) {
        (self.marks, self.predicted) = (None, None);
    }

    /// The rate that is announced for the settlement at `ts`, if it changed.
    pub fn predicted(
        &mut self,
        symbol: usize,
        (ts, rate, interval_hours): (Time, Rate, u32),
        at: Time,
        out: &mut Vec<FeedNews>,
    ) {
        if self.predicted == Some((ts, rate, interval_hours)) {
            return;
        }
        if ts.since(at) > FARTHEST || ts < at.plus(-FARTHEST) {
            return out.push(FeedNews::Unreadable(format!("a rate announced at {at} for {ts}")));
        }
        let Some(recv) = self.received(at, Time(0), out) else { return };
        self.predicted = Some((ts, rate, interval_hours));
        let kind = FundingKind::Predicted;
        out.push(FeedNews::Row(symbol, Row::Funding(FundingRow { ts, recv, rate, interval_hours, kind })));
    }

    /// Settlements as the venue lists them, in any order; those that are known make no row.
    pub fn settlements(&mut self, symbol: usize, mut rows: Vec<(Time, Rate, u32)>, at: Time, out: &mut Vec<FeedNews>) {
        rows.sort_by_key(|row| row.0);
        for (ts, rate, interval_hours) in rows {
            if self.settled.is_some_and(|settled| ts <= settled) || ts.0 <= 0 {
                continue;
            }
            let Some(recv) = self.received(at, ts, out) else { continue };
            self.settled = Some(ts);
            let kind = FundingKind::Settled;
            out.push(FeedNews::Row(symbol, Row::Funding(FundingRow { ts, recv, rate, interval_hours, kind })));
        }
    }

    /// A trade is heard of for the first time. One without a number always is.
    fn is_new(&mut self, id: Option<i64>) -> bool {
        let Some(id) = id else { return true };
        let is_full = self.trades.len() >= REMEMBERED_TRADES;
        if is_full && self.trades.first().is_some_and(|first| id < *first) || !self.trades.insert(id) {
            return false;
        }
        if is_full {
            self.trades.pop_first();
        }
        true
    }

    /// A trade as it happened.
    pub fn trade(&mut self, symbol: usize, trade: PublicTrade, at: Time, out: &mut Vec<FeedNews>) {
        if self.is_new(trade.id)
            && let Some(row) = self.stamped(trade, at, out)
        {
            out.push(FeedNews::Row(symbol, Row::Trade(row)));
        }
    }

    fn stamped(&mut self, trade: PublicTrade, at: Time, out: &mut Vec<FeedNews>) -> Option<NumberedTrade> {
        let recv = self.received(at, trade.row.exch, out)?;
        Some(NumberedTrade { id: trade.id, row: TradeRow { recv, ..trade.row } })
    }

    /// Trades as a second socket lists them before its updates: those that are not known yet were not heard on the first one, and are
    /// received now. What is older than all that are known is no news.
    pub fn trades_beside(&mut self, symbol: usize, mut trades: Vec<PublicTrade>, at: Time, out: &mut Vec<FeedNews>) {
        let Some(newest) = self.trades.last().copied() else { return };
        trades.sort_by_key(|trade| trade.id);
        for trade in trades.into_iter().filter(|trade| trade.id > Some(newest)) {
            self.trade(symbol, trade, at, out);
        }
    }

    /// The channel of trades was lost: those since the newest that is known are missing.
    pub fn trades_lost(&mut self) {
        self.is_gap_found = false;
        self.before_gap = self.before_gap.or(self.trades.last().copied());
    }

    /// A trade of before, as a snapshot or a reply lists it: one of the gap makes a row that no replay takes for received in time.
    pub fn earlier_trade(&mut self, symbol: usize, trade: PublicTrade, at: Time, out: &mut Vec<FeedNews>) {
        self.is_gap_found |= self.before_gap.is_some() && trade.id == self.before_gap;
        let is_new = self.is_new(trade.id);
        // where nothing was received before, the recording begins: that is no gap
        if is_new
            && self.before_gap.is_some()
            && trade.id > self.before_gap
            && let Some(row) = self.stamped(trade, at, out)
        {
            out.push(FeedNews::Row(symbol, Row::GapTrade(row)));
        }
    }

    /// All trades of a list were taken. With the newest trade of before the gap among them none is missing; else more is asked
    /// for, or, where no more may be asked for, the gap stays.
    pub fn earlier_trades_end(
        &mut self,
        (place, config): (usize, &FeedConfig),
        may_ask: bool,
        out: &mut Vec<FeedNews>,
    ) {
        if self.before_gap.is_none() {
            return;
        }
        let is_whole = std::mem::take(&mut self.is_gap_found);
        match (is_whole, may_ask) {
            (true, _) => out.push(FeedNews::Recovered(place)),
            (false, true) => {
                let symbol = config.symbols[place].clone();
                return out.push(FeedNews::Fetch(RestRequest::Trades { symbol }));
            }
            (false, false) => {}
        }
        self.before_gap = None;
    }
}

/// The end of the interval of `hours` in which `time` lies, whatever time a venue tells; at the end of the range that end.
pub fn interval_end(time: Time, hours: u32) -> Time {
    let step = i64::from(hours.max(1)) * HOUR;
    time.plus(step - time.into_step(step))
}
