//! Takers: which side, how much, in how many prints.

use super::chance::Dice;
use super::feed::Feed;
use super::quote::Quote;
use crate::market::Side;
use crate::units::{Price, Qty, Time};

/// A taker repeats the side of the one before with this probability: autocorrelation 2p - 1 = 0.5 (STYLISED-FACTS, 2).
const SAME_SIDE: f64 = 0.75;
/// Value of an order: log-normal body, and for one order in fifty a power tail with exponent 2 (STYLISED-FACTS, 2).
const BODY_VALUE: f64 = 700.0;
/// Standard deviation of the logarithm of an order's value.
const BODY_SPREAD: f64 = 2.1;
/// Share of orders from the tail.
const TAIL_SHARE: f64 = 0.02;
/// Least value of the tail, quote money.
const TAIL_VALUE: f64 = 20_000.0;
/// Greatest value of an order, quote money.
const MOST_VALUE: f64 = 3e6;
/// Who takes a quote that has become stale takes this much more.
const INFORMED: f64 = 3.0;
/// The next print of a sweep follows with this probability, up to five.
const ANOTHER_PRINT: f64 = 0.35;
/// Most prints of one order.
const MOST_PRINTS: usize = 5;

/// Orders that take, and the prints that they make.
pub(super) struct Taker {
    /// Of the newest order: orders of one side follow each other.
    side: Side,
    /// Share of prints that never touch the visible book.
    hidden_share: f64,
    hold: bool,
    /// What the newest order took from the book.
    taken: Vec<(Price, Qty)>,
    /// What is printed of it.
    prints: Vec<(Price, Qty)>,
}

impl Taker {
    /// With `hold` takers never move a price.
    pub(super) fn new(hidden_share: f64, hold: bool) -> Taker {
        Taker { side: Side::Buy, hidden_share, hold, taken: Vec::new(), prints: Vec::new() }
    }

    /// One order of a taker at `at`; `informed`: he knows that the quote is stale on this side. True when the visible
    /// book changed, so that a quote must follow.
    pub(super) fn trade(
        &mut self,
        at: Time,
        informed: Option<Side>,
        quote: &mut Quote,
        feed: &mut Feed,
        d: &mut Dice,
    ) -> bool {
        let drawn = if d.chance(SAME_SIDE) { self.side } else { self.side.other() };
        self.side = informed.unwrap_or(drawn);
        let body = d.log_normal(BODY_VALUE, BODY_SPREAD);
        let tail = d.unit() / TAIL_SHARE;
        let value = if tail < 1.0 { TAIL_VALUE / tail.sqrt() } else { body };
        let value = if informed.is_some() { INFORMED * value } else { value };
        let lots = quote.lots(value.min(MOST_VALUE));
        if informed.is_none() && d.chance(self.hidden_share) {
            feed.prints(at, self.side, false, &[(quote.beside(self.side), Qty(lots * quote.lot().0))]);
            return false;
        }
        self.taken.clear();
        quote.take(self.side, lots, self.hold, d, &mut self.taken);
        self.split(quote.lot(), d);
        feed.prints(at, self.side, true, &self.prints);
        true
    }

    /// Each level's part was resting in one or several orders: a print each, at most five in all (but one a level).
    fn split(&mut self, lot: Qty, d: &mut Dice) {
        self.prints.clear();
        let levels = self.taken.len();
        for (level, &(px, qty)) in self.taken.iter().enumerate() {
            let mut left = qty.0;
            while left > lot.0 && self.prints.len() + levels - level < MOST_PRINTS && d.chance(ANOTHER_PRINT) {
                let part = (left as f64 * d.unit()) as i64 / lot.0 * lot.0;
                if part > 0 {
                    self.prints.push((px, Qty(part)));
                    left -= part;
                }
            }
            self.prints.push((px, Qty(left)));
        }
    }
}
