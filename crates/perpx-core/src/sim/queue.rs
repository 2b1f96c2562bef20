//! Our place in the queue at a price.

use super::book::or_assumed;
use crate::config::{Fills, Queue};
use crate::units::{Qty, Rate};
use serde::{Deserialize, Serialize};

/// "Behind a size that the feed has not shown yet."
const UNKNOWN: i64 = i64::MAX;

/// The queue of one resting order.
///
/// Conditions, judged row by row on the venue's clock (a row counts when it is later than the order's arrival):
/// - *full or part fill by a trade at our price*: the taker came from the other side, the print touched the book, and
///   its size exceeds what is ahead; we get the excess, at most what is left of us;
/// - *by a trade through our price*: the queue is empty; at most the trade's size;
/// - *by a quote or snapshot that reaches our price from the other side*: the queue is empty; at most the size displayed
///   at or through our price, each displayed size once (`Consumed`);
/// - *none*: everything else. Prints with `consumed_book = false` never count.
///
/// The queue ahead shrinks by trades at the price, and by the model when the displayed size shrinks beyond what those
/// trades explain; it can never exceed the displayed size (`trades_only` aside). While the price is not displayed it
/// stands still.
///
/// Not modelled, and the direction of the error: hidden size ahead (fills too early); our order making others requote
/// (too many fills); a quote that comes before its own trade print is taken for a cancel, then the print moves the queue
/// again (too early under `proportional` and `power`; `risk_averse` is only bounded by the displayed size); without
/// trades in the tape only a crossing fills (too late). `risk_averse` and `trades_only` err towards too few fills.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// Size ahead of us.
    ahead: i64,
    /// Size of others last displayed at our price; -1 = not displayed.
    shown: i64,
    /// Traded at our price since that size was first displayed.
    traded: i64,
}

/// Behind nobody knows how much.
impl Default for Place {
    fn default() -> Place {
        Place { ahead: UNKNOWN, shown: -1, traded: 0 }
    }
}

impl Place {
    /// The place of an order that arrives where others show `shown` (`None`: the feed does not say).
    pub fn new(shown: Option<Qty>, fills: &Fills) -> Place {
        match shown {
            Some(qty) => {
                assert!(qty.0 >= 0, "a level of {qty}");
                Place { ahead: share(qty.0, fills.queue_ahead), shown: qty.0, traded: 0 }
            }
            None => Place::default(),
        }
    }

    /// Base coins (1e-9) ahead of us; the largest integer while the feed has not said.
    pub fn ahead(&self) -> i64 {
        self.ahead
    }

    /// As `ahead`; `None` while the feed has not said.
    pub fn known_ahead(&self) -> Option<Qty> {
        (self.ahead != UNKNOWN).then_some(Qty(self.ahead))
    }

    /// A trade of `qty` at our price: what is left of it for us.
    pub fn trade(&mut self, qty: i64) -> i64 {
        self.traded = self.traded.saturating_add(qty);
        if self.ahead == UNKNOWN {
            return 0;
        }
        let gone = self.ahead.min(qty);
        self.ahead -= gone;
        qty - gone
    }

    /// The price was traded through or crossed: nobody is ahead.
    pub fn empty(&mut self) {
        self.ahead = 0;
    }

    /// Our price is no longer displayed: the queue stands still.
    pub fn hide(&mut self) {
        self.shown = -1;
        self.traded = 0;
    }

    /// Our price is displayed with `size` of others.
    pub fn show(&mut self, size: Qty, fills: &Fills) {
        let size = or_assumed(size, None).0;
        // a change of the other side: what traded here meanwhile is not yet in the size, and will explain a later fall of it
        if size == self.shown {
            return;
        }
        if self.ahead == UNKNOWN {
            self.ahead = share(size, fills.queue_ahead);
        } else if self.shown < 0 {
            self.ahead = self.ahead.min(bound(size, fills.queue_ahead));
        } else if fills.queue != Queue::TradesOnly {
            let before = (self.shown - self.traded).max(0);
            self.ahead -= cancelled_ahead(fills.queue, self.ahead.min(before), before, before - size);
            self.ahead = self.ahead.min(bound(size, fills.queue_ahead));
        }
        self.shown = size;
        self.traded = 0;
    }
}

/// Of `cut` cancelled from a level of `before`, how much was ahead of us, who have `ahead` ahead; rounded down, so that
/// we never advance too far.
fn cancelled_ahead(model: Queue, ahead: i64, before: i64, cut: i64) -> i64 {
    if cut <= 0 || before <= 0 {
        return 0;
    }
    match model {
        Queue::RiskAverse | Queue::TradesOnly => 0,
        Queue::Proportional => (i128::from(cut) * i128::from(ahead) / i128::from(before)) as i64,
        // the chance that a cancel is ahead is front^n / (front^n + back^n), after E. Rigtorp, "Estimating order queue
        // position" (2013), with f(x) = x^n; n = 1 is `Proportional`
        Queue::Power { n } => {
            let (front, back) = (libm::pow(ahead as f64, n), libm::pow((before - ahead) as f64, n));
            let part = if front + back > 0.0 { front / (front + back) } else { 0.0 };
            ((part * cut as f64) as i64).clamp(0, ahead)
        }
    }
}

/// `size * ratio`, rounded up.
fn share(size: i64, ratio: Rate) -> i64 {
    let exact = i128::from(size) * i128::from(ratio.0.max(0));
    let one = i128::from(Rate::ONE);
    i64::try_from((exact + one - 1) / one).unwrap_or(UNKNOWN - 1)
}

/// The most that can be ahead of us at a level that displays `size`; a ratio above 1 stands for size that is not shown.
fn bound(size: i64, ratio: Rate) -> i64 {
    share(size, Rate(ratio.0.max(Rate::ONE)))
}
