//! What a venue can be asked of the past: every trade, bars by the minute, settlements. All of it comes from the market's rows
//! and from the account's own fills; times are those that the venue shows.

use super::feed::News;
use crate::wall::MarketClock;
use perpx_core::market::Side;
use perpx_core::units::{DAY, MINUTE, NS, Price, Qty, Rate, Time, TimeDelta};
use std::collections::VecDeque;

/// Trades that are kept.
const MOST_PRINTS: usize = 500_000;
/// Minutes that are kept: 35 days.
const MOST_MINUTES: usize = 35 * 24 * 60;
/// Settlements that are kept.
const MOST_SETTLED: usize = 10_000;

/// A public trade.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Print {
    /// From 1, in the order of time.
    pub id: u64,
    pub at: Time,
    pub px: Price,
    pub qty: Qty,
    pub taker: Side,
    pub consumed_book: bool,
    /// Mark and index when it happened.
    pub marks: (Price, Price),
}

/// A settlement that has been.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settled {
    pub at: Time,
    pub rate: Rate,
    /// Mark and index at that moment.
    pub marks: (Price, Price),
}

/// What a bar is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Series {
    Trade,
    Mark,
    Index,
    Mid,
}

/// First, highest, lowest and last of `samples` prices; without one, the last price of before.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Prices {
    pub open: Price,
    pub high: Price,
    pub low: Price,
    pub close: Price,
    pub samples: u64,
}

impl Prices {
    fn flat(px: Price) -> Prices {
        Prices { open: px, high: px, low: px, close: px, samples: 0 }
    }

    fn take(&mut self, px: Price) {
        // what stood there until now was carried over
        if self.samples == 0 {
            *self = Prices::flat(px);
        }
        (self.high, self.low) = (self.high.max(px), self.low.min(px));
        (self.close, self.samples) = (px, self.samples + 1);
    }

    /// `later` follows.
    fn join(&mut self, later: &Prices) {
        if self.open.0 == 0 || (self.samples == 0 && later.samples > 0) {
            *self = *later;
            return;
        }
        if later.samples > 0 {
            (self.high, self.low) = (self.high.max(later.high), self.low.min(later.low));
            (self.close, self.samples) = (later.close, self.samples + later.samples);
        }
    }
}

/// What was traded in a bar.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traded {
    /// Base coins (1e-9) and quote money (1e-18) by the taker's side: bought, sold.
    pub base: [i128; 2],
    pub quote: [i128; 2],
    /// The last trade's number.
    pub last: u64,
}

impl Traded {
    fn add(&mut self, other: &Traded) {
        for side in [0, 1] {
            self.base[side] += other.base[side];
            self.quote[side] += other.quote[side];
        }
        self.last = self.last.max(other.last);
    }

    /// Base coins, 1e-9.
    pub fn base_sum(&self) -> i128 {
        self.base[0] + self.base[1]
    }

    /// Quote money, 1e-18.
    pub fn quote_sum(&self) -> i128 {
        self.quote[0] + self.quote[1]
    }
}

/// A bar of one series.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bar {
    pub open_time: Time,
    pub prices: Prices,
    pub traded: Traded,
}

#[derive(Clone, Copy, Debug, Default)]
struct Minute {
    /// By [`Series`].
    prices: [Prices; 4],
    traded: Traded,
}

/// The past of one market.
#[derive(Debug, Default)]
pub struct History {
    prints: VecDeque<Print>,
    /// Of the newest trade.
    number: u64,
    minutes: VecDeque<Minute>,
    /// Number of the first minute since 1970.
    first_minute: i64,
    settled: VecDeque<Settled>,
}

impl History {
    /// Of what was before the emulator.
    pub fn begun(news: News, clock: &MarketClock) -> History {
        let mut history = History::default();
        for trade in &news.trades {
            history.print(clock.wall(trade.at), trade.what, (trade.taker, trade.consumed_book), trade.marks);
        }
        history.take(&news, clock);
        history
    }

    /// Takes in what is news, but for trades, which are shown one by one.
    pub fn take(&mut self, news: &News, clock: &MarketClock) {
        for &(series, at, px) in &news.prices {
            if let Some(minute) = self.minute(clock.wall(at)) {
                minute.prices[series as usize].take(px);
            }
        }
        for &(settlement, marks) in &news.settled {
            self.settled.push_back(Settled { at: clock.wall(settlement.ts), rate: settlement.rate, marks });
            if self.settled.len() > MOST_SETTLED {
                self.settled.pop_front();
            }
        }
    }

    /// A trade at `at`, never before the last one.
    pub fn print(
        &mut self,
        at: Time,
        (px, qty): (Price, Qty),
        (taker, consumed_book): (Side, bool),
        marks: (Price, Price),
    ) -> Print {
        let at = self.prints.back().map_or(at, |last| at.max(last.at));
        self.number += 1;
        let print = Print { id: self.number, at, px, qty, taker, consumed_book, marks };
        self.prints.push_back(print);
        if self.prints.len() > MOST_PRINTS {
            self.prints.pop_front();
        }
        if let Some(minute) = self.minute(at) {
            minute.prices[Series::Trade as usize].take(px);
            minute.traded.base[taker as usize] += i128::from(qty.0);
            minute.traded.quote[taker as usize] += px.of(qty).0;
            minute.traded.last = print.id;
        }
        print
    }

    /// The minute of `at`; `None` before the first that is kept.
    fn minute(&mut self, at: Time) -> Option<&mut Minute> {
        let number = at.steps(MINUTE);
        if self.minutes.is_empty() {
            self.first_minute = number;
        }
        let place = usize::try_from(number - self.first_minute).ok()?;
        if place > self.minutes.len() + MOST_MINUTES {
            // after a hole as long as all that is kept
            self.minutes.clear();
            self.first_minute = number;
            return self.minute(at);
        }
        while self.minutes.len() <= place {
            let carried = self
                .minutes
                .back()
                .map_or([Prices::default(); 4], |last| last.prices.map(|prices| Prices::flat(prices.close)));
            self.minutes.push_back(Minute { prices: carried, traded: Traded::default() });
        }
        while self.minutes.len() > MOST_MINUTES {
            self.minutes.pop_front();
            self.first_minute += 1;
        }
        self.minutes.get_mut(usize::try_from(number - self.first_minute).ok()?)
    }

    /// The newest trade.
    pub fn last(&self) -> Option<&Print> {
        self.prints.back()
    }

    /// Trades whose number is below `before` and whose time is within `from..=to`, newest first.
    pub fn newest(&self, before: Option<u64>, (from, to): (Time, Time)) -> impl Iterator<Item = &Print> {
        let end = self.prints.partition_point(|print| print.at <= to && before.is_none_or(|before| print.id < before));
        self.prints.range(..end).rev().take_while(move |print| print.at >= from)
    }

    /// Trades whose number is above `after` and whose time is `from` or later, oldest first.
    pub fn oldest(&self, after: u64, from: Time) -> impl Iterator<Item = &Print> {
        let begin = self.prints.partition_point(|print| print.at < from || print.id <= after);
        self.prints.range(begin..)
    }

    /// Settlements within `from..=to`, oldest first.
    pub fn settled(&self, (from, to): (Time, Time)) -> impl DoubleEndedIterator<Item = &Settled> {
        self.settled.iter().filter(move |settled| settled.at >= from && settled.at <= to)
    }

    /// Bars of `step` whose opening time is within `from..=to`, newest first. A bar without a trade (a mark) repeats the last
    /// price; before the first one there is none.
    pub fn bars(
        &self,
        series: Series,
        step: TimeDelta,
        (from, to): (Time, Time),
    ) -> impl Iterator<Item = Bar> + use<'_> {
        // weeks begin on a Monday
        let offset = if step % (7 * DAY) == TimeDelta::ZERO { 4 * DAY } else { TimeDelta::ZERO };
        let floor = move |at: Time| at.plus(-offset).floor_to(step).plus(offset);
        let begin = Time::at(self.first_minute * MINUTE);
        let end = begin.plus(self.minutes.len() as i64 * MINUTE - NS);
        let first = if from <= begin { floor(begin) } else { floor(from.min(end).plus(-NS)).plus(step) };
        let is_empty = self.minutes.is_empty() || to < first;
        let mut open = floor(to.clamp(begin, end));
        std::iter::from_fn(move || {
            if is_empty || open < first {
                return None;
            }
            let place = |at: Time| (at.steps(MINUTE) - self.first_minute).max(0) as usize;
            let (begin, end) = (place(open), place(open.plus(step)).min(self.minutes.len()));
            let mut bar = Bar { open_time: open, prices: Prices::default(), traded: Traded::default() };
            for minute in self.minutes.range(begin..end.max(begin)) {
                bar.prices.join(&minute.prices[series as usize]);
                bar.traded.add(&minute.traded);
            }
            open = open.plus(-step);
            Some(bar)
        })
        .filter(|bar| bar.prices.close.0 > 0)
    }

    /// Prices of trades and what was traded in the 24 hours before `now`, by the minute.
    pub fn day(&self, now: Time) -> (Prices, Traded) {
        let (mut prices, mut traded) = (Prices::default(), Traded::default());
        let first = now.steps(MINUTE) - 24 * 60 + 1;
        let skipped = usize::try_from(first - self.first_minute).unwrap_or(0);
        for minute in self.minutes.iter().skip(skipped) {
            prices.join(&minute.prices[Series::Trade as usize]);
            traded.add(&minute.traded);
        }
        (prices, traded)
    }
}
