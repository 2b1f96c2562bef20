//! A book made of its changes: quotes and depth of recordings that hold snapshots and single levels.

use crate::store::DepthLevelRow;
use perpx_core::market::{Bbo, Side};
use perpx_core::tape::rows::QuoteRow;
use perpx_core::units::{Price, Qty, SECOND, Time, TimeDelta};
use serde::Deserialize;
use std::collections::BTreeMap;

/// A book that says nothing new makes a row when the last one is so old.
const REPEAT: TimeDelta = SECOND;

/// How the rows of a file change a book.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Changes {
    /// Words of the column `change` for a level of a snapshot: the first of them empties the book.
    #[serde(default)]
    pub snapshot: Vec<String>,
    /// Words for a row that empties its side from the best price to its own (both sides, where it has none).
    #[serde(default)]
    pub clear: Vec<String>,
    /// Levels a side that a row of depth holds.
    #[serde(default = "default_levels")]
    pub levels: usize,
}

fn default_levels() -> usize {
    10
}

/// What a row does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    Snapshot,
    Clear,
    Update,
}

/// A level that changed; size 0: it is gone.
#[derive(Clone, Copy, Debug)]
pub struct Level {
    pub exch: Time,
    pub recv: Time,
    pub change: Change,
    /// `None`: both, of a clear.
    pub side: Option<Side>,
    pub px: Price,
    pub qty: Qty,
    pub place: u64,
}

/// The book after each message. A message is what was stamped and received at the same time.
#[derive(Default)]
pub struct Book {
    /// Levels a side of [`Made::depth`].
    levels: usize,
    bids: BTreeMap<Price, Qty>,
    asks: BTreeMap<Price, Qty>,
    /// The row before, of the message that is not over.
    before: Option<Level>,
    /// Best prices and sizes of the last row that was made, and when.
    last: Option<(Bbo, Time)>,
    /// Messages after which the book was crossed or had one side only: they make no row.
    pub unfit: u64,
}

/// What a message leaves, where it makes a row.
pub struct Made {
    pub quote: QuoteRow,
    /// The best levels of each side.
    pub depth: Vec<DepthLevelRow>,
    pub place: u64,
}

impl Book {
    pub fn new(levels: usize) -> Book {
        Book { levels, ..Book::default() }
    }

    /// Takes the next level; what the message before it left, if that is over. `is_message`: the rows of one place are one
    /// message, and so a snapshot of another place is another snapshot.
    pub fn take(&mut self, level: Level, is_message: bool) -> Option<Made> {
        let other = |before: &Level| (before.exch, before.recv) != (level.exch, level.recv);
        let made = if self.before.as_ref().is_some_and(other) { self.end() } else { None };
        let goes_on =
            |before: &Level| before.change == Change::Snapshot && (!is_message || before.place == level.place);
        if level.change == Change::Snapshot && !self.before.as_ref().is_some_and(goes_on) {
            self.bids.clear();
            self.asks.clear();
        }
        match (level.change, level.side) {
            (Change::Clear, None) => {
                self.bids.clear();
                self.asks.clear();
            }
            (Change::Clear, Some(Side::Buy)) => self.bids.retain(|px, _| *px < level.px),
            (Change::Clear, Some(Side::Sell)) => self.asks.retain(|px, _| *px > level.px),
            (_, side) => {
                let levels = if side == Some(Side::Sell) { &mut self.asks } else { &mut self.bids };
                match level.qty {
                    Qty(0) => levels.remove(&level.px),
                    qty => levels.insert(level.px, qty),
                };
            }
        }
        self.before = Some(level);
        made
    }

    /// What the last message left.
    pub fn end(&mut self) -> Option<Made> {
        let Level { exch, recv, place, .. } = self.before?;
        let best = |level: Option<(&Price, &Qty)>| level.map(|(px, qty)| (*px, *qty));
        let both = best(self.bids.last_key_value()).zip(best(self.asks.first_key_value()));
        let Some(((bid, bid_qty), (ask, ask_qty))) = both.filter(|(bid, ask)| bid.0 <= ask.0) else {
            self.unfit += 1;
            return None;
        };
        let bbo = Bbo { bid, bid_qty, ask, ask_qty };
        let is_old = |(before, at): &(Bbo, Time)| *before != bbo || recv.since(*at) >= REPEAT;
        if !self.last.as_ref().is_none_or(is_old) {
            return None;
        }
        self.last = Some((bbo, recv));
        Some(Made { quote: QuoteRow { exch, recv, bbo }, depth: self.depth(exch, recv), place })
    }

    fn depth(&self, exch: Time, recv: Time) -> Vec<DepthLevelRow> {
        let row = |side, level: usize, (px, qty): (&Price, &Qty)| DepthLevelRow {
            exch,
            recv,
            side,
            level: level as i32,
            px: *px,
            qty: *qty,
        };
        let bids = self.bids.iter().rev().take(self.levels).enumerate().map(|(n, at)| row(Side::Buy, n, at));
        let asks = self.asks.iter().take(self.levels).enumerate().map(|(n, at)| row(Side::Sell, n, at));
        bids.chain(asks).collect()
    }
}
