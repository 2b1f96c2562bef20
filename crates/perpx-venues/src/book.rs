//! Price levels of one market as scaled integers, and what a broken sequence asks for.
//!
//! A side is a vector with its best level last: most updates touch the levels near the touch, so an insertion or removal moves
//! few of the some thousand that a venue sends. A level is found by bisection.

use crate::wire::Level;
use perpx_core::market::{Bbo, Side};
use perpx_core::units::{Price, Qty};
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Why a book can no longer be trusted. It is empty from then on; every one of these asks for the same remedy.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
// the texts say what the fields are
#[allow(missing_docs)]
pub enum BookError {
    /// An update is missing.
    #[error("{what}: the update follows {follows}, the book stands at {stands}: drop the book and subscribe again")]
    Gap { what: &'static str, follows: u64, stands: u64 },
    /// A price or a size that no book has.
    #[error("level {price} x {size}: a price is above zero, a size not below: drop the book and subscribe again")]
    Level { price: Price, size: Qty },
    /// An update without what orders it.
    #[error("an update without {what}: drop the book and subscribe again")]
    NoSequence { what: &'static str },
}

/// What a frame did to a book.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Applied {
    /// The book is the frame's.
    Snapshot,
    /// The book was changed.
    Update,
    /// A duplicate, or an update that came before its snapshot.
    Ignored,
}

/// All levels of a market.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LevelBook {
    bids: Vec<(Price, Qty)>,
    asks: Vec<(Price, Qty)>,
}

impl LevelBook {
    /// Takes every level away.
    pub fn clear(&mut self) {
        self.bids.clear();
        self.asks.clear();
    }

    /// Sets the absolute size at a price; zero removes the level.
    pub fn set(&mut self, side: Side, price: Price, size: Qty) -> Result<(), BookError> {
        if price.0 <= 0 || size.0 < 0 {
            return Err(BookError::Level { price, size });
        }
        let levels = match side {
            Side::Buy => &mut self.bids,
            Side::Sell => &mut self.asks,
        };
        let at = levels.partition_point(|level| if side == Side::Buy { level.0 < price } else { level.0 > price });
        match levels.get_mut(at).filter(|level| level.0 == price) {
            Some(_) if size.is_zero() => drop(levels.remove(at)),
            Some(level) => level.1 = size,
            None if size.is_zero() => {}
            None => levels.insert(at, (price, size)),
        }
        Ok(())
    }

    /// Applies the levels of both sides. On an error some may be applied and some not: the caller clears the book.
    pub fn apply(&mut self, bids: &[Level], asks: &[Level]) -> Result<(), BookError> {
        bids.iter().try_for_each(|level| self.set(Side::Buy, level.price, level.size))?;
        asks.iter().try_for_each(|level| self.set(Side::Sell, level.price, level.size))
    }

    /// Best bid and ask; zero where a side is empty.
    pub fn top(&self) -> Bbo {
        let (bid, bid_qty) = self.bids.last().copied().unwrap_or_default();
        let (ask, ask_qty) = self.asks.last().copied().unwrap_or_default();
        Bbo { bid, bid_qty, ask, ask_qty }
    }

    /// Levels of a side, the best one first.
    pub fn levels(&self, side: Side) -> impl Iterator<Item = (Price, Qty)> + '_ {
        match side {
            Side::Buy => self.bids.iter(),
            Side::Sell => self.asks.iter(),
        }
        .rev()
        .copied()
    }

    /// There is no level on either side.
    pub fn is_empty(&self) -> bool {
        self.bids.is_empty() && self.asks.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    fn level(price: i64, size: i64) -> Level {
        Level { price: Price(price), size: Qty(size), orders: None }
    }

    #[test]
    fn illegal_levels_are_refused() {
        let mut book = LevelBook::default();
        for (price, size) in [(0, 1), (-5, 1), (5, -1)] {
            let (price, size) = (Price(price), Qty(size));
            assert_eq!(book.set(Side::Buy, price, size), Err(BookError::Level { price, size }));
        }
        assert!(book.is_empty() && !book.top().is_quoted());
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..Default::default() })]

        /// The book against two ordered maps, after every update.
        #[test]
        fn the_book_is_two_ordered_maps(updates in proptest::collection::vec((any::<bool>(), 1i64..30, 0i64..4), 0..200)) {
            let mut book = LevelBook::default();
            let mut naive: [BTreeMap<i64, i64>; 2] = Default::default();
            for (buy, price, size) in updates {
                let (bids, asks): (&[Level], &[Level]) =
                    if buy { (&[level(price, size)], &[]) } else { (&[], &[level(price, size)]) };
                book.apply(bids, asks).expect("legal levels");
                let side = &mut naive[usize::from(buy)];
                if size == 0 { side.remove(&price); } else { side.insert(price, size); }
                let pairs = |(price, size): (&i64, &i64)| (Price(*price), Qty(*size));
                prop_assert!(book.levels(Side::Buy).eq(naive[1].iter().rev().map(pairs)));
                prop_assert!(book.levels(Side::Sell).eq(naive[0].iter().map(pairs)));
                let best = |side: Side| book.levels(side).next().unwrap_or_default();
                let top = book.top();
                prop_assert_eq!(((top.bid, top.bid_qty), (top.ask, top.ask_qty)), (best(Side::Buy), best(Side::Sell)));
            }
        }
    }
}
