//! Whether a book can be right: it is not crossed for long, and not away for long from the best prices that the venue's own summary of
//! its market shows.
//!
//! A summary is no exact picture of the book. Of the one recorded frame of Lighter's that has best prices (2026-10-25) they lie 0.14 bp
//! beside those of the book 0.7 s before, 0.6 bp apart where the book is at 0.01; over the recorded stretch of 2025 the last trade of
//! 202 of 204 summaries lies within best prices that the book had at most 0.34 s before, and the other two came before the book.

use perpx_core::market::Bbo;
use perpx_core::units::{Price, SECOND, Time, TimeDelta};
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;

/// A book that is crossed, or away from the summary, for so long lacks updates.
const CROSSED: TimeDelta = SECOND;
const DIFFERS: TimeDelta = SECOND.times(5);
/// A summary shows the book as it was so long ago at most.
const LAG: TimeDelta = SECOND.times(2);
/// Of the price: spreads that are no further apart are those of one book.
const NEAR: i64 = 10_000;

/// Best prices of a book beside those of its summary.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BookCheck {
    /// Since then.
    crossed: Option<Time>,
    /// Best prices that the book had, and when they came; the newest last.
    tops: VecDeque<(Time, Price, Price)>,
    /// The first and the newest summary in a row that shows another book.
    differs: Option<(Time, Time)>,
}

impl BookCheck {
    /// The book's best prices as of `at`; whether they are ones to go by: of both sides, and not crossed.
    pub fn see(&mut self, top: &Bbo, at: Time) -> bool {
        let is_crossed = top.is_quoted() && top.bid > top.ask;
        self.crossed = if is_crossed { self.crossed.or(Some(at)) } else { None };
        if is_crossed || !top.is_quoted() {
            return false;
        }
        if self.tops.back().is_none_or(|(_, bid, ask)| (*bid, *ask) != (top.bid, top.ask)) {
            self.tops.push_back((at, top.bid, top.ask));
        }
        self.forget(at);
        true
    }

    /// Best prices as the venue's summary has them at `at`; a price of zero is not known. False: they are of another book.
    pub fn summary(&mut self, bid: Price, ask: Price, at: Time) -> bool {
        self.forget(at);
        let is_known = bid.0 > 0 && ask.0 > 0 && !self.tops.is_empty();
        let is_near = |(_, low, high): &(Time, Price, Price)| {
            let apart = (low.0 - ask.0).max(bid.0 - high.0);
            apart <= low.0 / NEAR
        };
        let agrees = !is_known || self.tops.iter().any(is_near);
        self.differs = if agrees { None } else { Some((self.differs.map_or(at, |(since, _)| since), at)) };
        agrees
    }

    /// Best prices that ended before the lag do not count any more: the next ones had come by then.
    fn forget(&mut self, at: Time) {
        while self.tops.get(1).is_some_and(|(came, ..)| at.since(*came) > LAG) {
            self.tops.pop_front();
        }
    }

    /// There is a book.
    pub fn has_seen(&self) -> bool {
        !self.tops.is_empty()
    }

    /// Why the book cannot be right, if that has lasted too long, and since when.
    pub fn wrong(&self, at: Time) -> Option<(Time, &'static str)> {
        let crossed = self.crossed.filter(|since| at.since(*since) >= CROSSED);
        let differs = self.differs.filter(|(since, newest)| newest.since(*since) >= DIFFERS);
        crossed
            .map(|since| (since, "the book is crossed"))
            .or(differs.map(|(since, _)| (since, "the book's best prices are not those of the venue's summary")))
    }

    /// The book is gone.
    pub fn lost(&mut self) {
        *self = BookCheck::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use perpx_core::units::{MS, Qty};

    fn top(bid: i64, ask: i64) -> Bbo {
        Bbo { bid: Price(bid), bid_qty: Qty(1), ask: Price(ask), ask_qty: Qty(1) }
    }

    fn at(ms: i64) -> Time {
        Time::at(ms * MS)
    }

    /// One that stands still while its market moves by more than a basis point is wrong after five seconds of summaries; not one that
    /// lags, that is a basis point away, or that no summary speaks of.
    #[test]
    fn a_book_that_stands_still_is_found_out_by_summaries_alone() {
        let mut check = BookCheck::default();
        assert!(check.see(&top(100_000, 100_001), at(0)) && check.has_seen());
        assert!(check.summary(Price(100_011), Price(100_012), at(100)), "a basis point");
        for ms in (1_000..=5_900).step_by(100) {
            assert!(!check.summary(Price(100_012), Price(100_013), at(ms)));
            assert_eq!(check.wrong(at(ms)), None);
        }
        // time alone proves nothing: the summary may have fallen silent
        assert_eq!(check.wrong(at(60_000)), None);
        assert!(!check.summary(Price(100_012), Price(100_013), at(6_000)));
        assert_eq!(check.wrong(at(6_000)).map(|(since, _)| since), Some(at(1_000)));
        check.lost();
        assert!(check.wrong(at(6_000)).is_none() && !check.has_seen());
        assert!(check.summary(Price(5), Price(6), at(6_000)), "there is no book");
        check.see(&top(100, 101), at(7_000));
        assert!(check.summary(Price(0), Price(0), at(7_000)), "it is not told");
    }

    /// A summary may be two seconds old, however fast the book is.
    #[test]
    fn a_summary_is_compared_with_what_the_book_has_just_been() {
        let mut check = BookCheck::default();
        for n in 0..1_000 {
            check.see(&top(100_000 + 100 * n, 100_001 + 100 * n), at(10 * n));
            let before = (n - 200).max(0);
            assert!(check.summary(Price(100_000 + 100 * before), Price(100_001 + 100 * before), at(10 * n)), "{n}");
        }
        assert!(!check.summary(Price(100_000), Price(100_001), at(9_990)));
        assert!(check.tops.len() < 210);
    }

    #[test]
    fn a_crossed_book_is_wrong_after_a_second() {
        let mut check = BookCheck::default();
        assert!(!check.see(&top(102, 101), at(0)));
        assert_eq!(check.wrong(at(999)), None);
        assert_eq!(check.wrong(at(1_000)), Some((at(0), "the book is crossed")));
        assert!(check.see(&top(101, 102), at(1_100)));
        assert_eq!(check.wrong(at(9_000)), None);
        assert!(!check.see(&top(0, 102), at(9_000)), "one side");
    }
}
