//! The visible book.

use crate::market::Side;
use crate::units::{Mid, Price, Qty};
use serde::{Deserialize, Serialize};

/// Best bid and ask with their sizes. A price of zero means "no quote yet"; a size of zero "size unknown".
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[repr(C)]
pub struct Bbo {
    /// Highest price that somebody buys at, quote money per coin; zero: no quote yet.
    pub bid: Price,
    /// Displayed at `bid`, base coins; zero: unknown.
    pub bid_qty: Qty,
    /// Lowest price that somebody sells at; zero: no quote yet.
    pub ask: Price,
    /// Displayed at `ask`; zero: unknown.
    pub ask_qty: Qty,
}

impl Bbo {
    /// Both sides are there.
    #[inline]
    pub fn is_quoted(&self) -> bool {
        self.bid.0 > 0 && self.ask.0 > 0
    }

    /// Between bid and ask, exact.
    #[inline]
    pub fn mid(&self) -> Mid {
        Mid::between(self.bid, self.ask)
    }

    /// The mid; [`Mid::ZERO`] when a side is missing.
    #[inline]
    pub fn mid_or_none(&self) -> Mid {
        if self.is_quoted() { self.mid() } else { Mid::ZERO }
    }

    /// The best price of the side that rests: bids for `Buy`, asks for `Sell`.
    pub fn best(&self, side: Side) -> (Price, Qty) {
        match side {
            Side::Buy => (self.bid, self.bid_qty),
            Side::Sell => (self.ask, self.ask_qty),
        }
    }

    /// What an order of `side` would take first: the ask for a buy, the bid for a sale.
    #[inline]
    pub fn opposite(&self, side: Side) -> (Price, Qty) {
        self.best(side.other())
    }
}

/// One price level of a depth snapshot.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[repr(C)]
pub struct DepthLevel {
    /// Quote money per coin, positive.
    pub px: Price,
    /// Displayed at `px`, base coins; zero: unknown.
    pub qty: Qty,
}

/// A depth snapshot: levels of each side, best first. Empty slices: no depth is known.
#[derive(Clone, Copy, Debug, Default)]
pub struct DepthView<'a> {
    /// Falling prices.
    pub bids: &'a [DepthLevel],
    /// Rising prices.
    pub asks: &'a [DepthLevel],
}

impl DepthView<'_> {
    /// The levels that an order of `side` takes from.
    #[inline]
    pub fn opposite(&self, side: Side) -> &[DepthLevel] {
        match side {
            Side::Buy => self.asks,
            Side::Sell => self.bids,
        }
    }

    /// No depth is known.
    pub fn is_empty(&self) -> bool {
        self.bids.is_empty() && self.asks.is_empty()
    }
}
