//! What lets a venue skip rows of a tile, shared by all configurations of a feed.

use crate::market::Role;
use crate::tape::tree::{Extremes, Tree};
use crate::tape::{Clock, VenueRows};
use std::sync::OnceLock;

/// The tables of a venue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rows {
    /// Public trades.
    Trades,
    /// Best bid and ask.
    Quotes,
    /// Snapshots of several levels.
    Depth,
    /// Mark and index prices.
    Marks,
}

/// A part of a [`VenueIndex`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VenuePart {
    /// Time to row.
    Clock(Rows),
    /// A tree over the marks.
    Marks,
}

impl VenuePart {
    /// Every part.
    pub const ALL: [VenuePart; 5] = [
        VenuePart::Clock(Rows::Trades),
        VenuePart::Clock(Rows::Quotes),
        VenuePart::Clock(Rows::Depth),
        VenuePart::Clock(Rows::Marks),
        VenuePart::Marks,
    ];
}

/// Parts of one venue's rows in one tile, each built when it is first asked for.
#[derive(Debug, Default)]
pub struct VenueIndex {
    /// By table.
    clocks: [OnceLock<Clock>; 4],
    /// Over the marks; zero is none.
    marks: OnceLock<Tree<i64>>,
}

impl VenueIndex {
    /// Zero is no mark.
    pub fn marks(&self, rows: &VenueRows) -> &Tree<i64> {
        self.marks.get_or_init(|| {
            let marks: &[i64] = &rows.marks.mark;
            Tree::new(marks.len(), |range| Extremes::of(marks[range].iter().copied().filter(|&mark| mark > 0)))
        })
    }

    /// Finds the row of a time in a table.
    pub(super) fn clock(&self, of: Rows, rows: &VenueRows) -> &Clock {
        self.clocks[of as usize].get_or_init(|| Clock::new(times(of, rows)))
    }

    /// The part has been built.
    pub fn has(&self, part: VenuePart) -> bool {
        match part {
            VenuePart::Clock(of) => self.clocks[of as usize].get().is_some(),
            VenuePart::Marks => self.marks.get().is_some(),
        }
    }

    /// Builds the part, if nobody has.
    pub fn build(&self, part: VenuePart, rows: &VenueRows) {
        match part {
            VenuePart::Clock(of) => drop(self.clock(of, rows)),
            VenuePart::Marks => drop(self.marks(rows)),
        }
    }

    /// Memory of the parts that were built.
    pub fn bytes(&self) -> usize {
        let clocks: usize = self.clocks.iter().filter_map(OnceLock::get).map(Clock::bytes).sum();
        clocks + self.marks.get().map_or(0, Tree::bytes)
    }
}

/// The times of a table.
#[inline]
pub(super) fn times(of: Rows, rows: &VenueRows) -> &[i64] {
    match of {
        Rows::Trades => &rows.trades.time,
        Rows::Quotes => &rows.quotes.time,
        Rows::Depth => &rows.depth.time,
        Rows::Marks => &rows.marks.time,
    }
}

/// A block of marks may hold one that takes a leg of `role` whose level this is.
pub(super) fn may_take(role: Role, level: i64, block: &Extremes<i64>) -> bool {
    match role {
        Role::Long => block.low < level,
        Role::Short => block.high > level,
    }
}
