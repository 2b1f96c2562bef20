//! How busy a venue's feed is, second by second on the venue's clock: what latencies that follow it are made of.

use crate::tape::rows::{QuoteRow, TradeRow};
use crate::units::{SECOND, Time, TimeDelta};
use serde::{Deserialize, Serialize};

/// The quotes and trades of one second.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Second {
    /// Since 1970.
    pub second: i64,
    /// Quotes and trades of the second.
    pub rows: u32,
    /// The longest way from the venue to us.
    pub delay: TimeDelta,
}

impl Second {
    /// It is the whole second before the one of `t`.
    pub fn is_the_last(&self, t: Time) -> bool {
        self.second == t.steps(SECOND) - 1
    }

    /// One row more.
    fn add(&mut self, exch: Time, recv: Time) {
        self.rows += 1;
        self.delay = self.delay.max(recv.since(exch));
    }
}

/// Seconds with rows, rising: those of a tile, before them the last two of earlier tiles (the last may go on).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FeedLoad(pub Vec<Second>);

impl FeedLoad {
    /// After `carried` come the rows of a tile, by `exch`.
    pub(super) fn new(carried: &[Second], quotes: &[QuoteRow], trades: &[TradeRow]) -> FeedLoad {
        let mut seconds = carried.to_vec();
        let mut trades = trades.iter().map(|row| (row.exch, row.recv)).peekable();
        let mut add = |exch: Time, recv: Time| {
            let second = exch.steps(SECOND);
            match seconds.last_mut() {
                Some(last) if last.second == second => last.add(exch, recv),
                _ => {
                    let mut one = Second { second, ..Second::default() };
                    one.add(exch, recv);
                    seconds.push(one);
                }
            }
        };
        for quote in quotes {
            while let Some((exch, recv)) = trades.next_if(|trade| trade.0 < quote.exch) {
                add(exch, recv);
            }
            add(quote.exch, quote.recv);
        }
        trades.for_each(|(exch, recv)| add(exch, recv));
        FeedLoad(seconds)
    }

    /// What the next tile begins with.
    pub(super) fn carried(&self) -> Vec<Second> {
        self.0[self.0.len().saturating_sub(2)..].to_vec()
    }

    /// The last second with rows that is over at `t`.
    #[inline]
    pub fn before(&self, t: Time) -> Option<&Second> {
        let second = t.steps(SECOND);
        self.0[..self.0.partition_point(|one| one.second < second)].last()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::market::{Bbo, Side};
    use crate::units::{MS, Price, Qty};

    fn quote(ms: i64, delay: i64) -> QuoteRow {
        QuoteRow { exch: Time::at(ms * MS), recv: Time::at((ms + delay) * MS), bbo: Bbo::default() }
    }

    fn trade(ms: i64) -> TradeRow {
        let (exch, recv) = (Time::at(ms * MS), Time::at((ms + 1) * MS));
        TradeRow { exch, recv, px: Price(1), qty: Qty(1), taker: Side::Buy, consumed_book: true }
    }

    /// Rows of 1.2, 1.9, 1.95 and 4.0 s: from 2 s on three rows, the slowest 30 ms; from 5 s on one. Cut anywhere the same.
    #[test]
    fn seconds_are_counted_over_tile_edges() {
        let (quotes, trades) = ([quote(1_200, 3), quote(1_950, 30), quote(4_000, 7)], [trade(1_900)]);
        let whole = FeedLoad::new(&[], &quotes, &trades);
        let at = |load: &FeedLoad, ms: i64| load.before(Time::at(ms * MS)).map(|s| (s.second, s.rows, s.delay / MS));
        let expected = [(1_999, None), (2_000, Some((1, 3, 30))), (4_500, Some((1, 3, 30))), (5_000, Some((4, 1, 7)))];
        expected.iter().for_each(|&(ms, want)| assert_eq!(at(&whole, ms), want, "{ms}"));
        let first = FeedLoad::new(&[], &quotes[..1], &[]);
        let second = FeedLoad::new(&first.carried(), &quotes[1..2], &trades);
        let third = FeedLoad::new(&second.carried(), &quotes[2..], &[]);
        assert_eq!((at(&second, 1_990), at(&second, 2_500)), (None, at(&whole, 2_500)));
        assert_eq!((at(&third, 4_100), at(&third, 5_100)), (at(&whole, 4_100), at(&whole, 5_100)));
        assert!(whole.before(Time::at(2_100 * MS)).is_some_and(|s| s.is_the_last(Time::at(2_100 * MS))));
        assert!(whole.before(Time::at(3_100 * MS)).is_some_and(|s| !s.is_the_last(Time::at(3_100 * MS))));
    }
}
