//! A book kept from `v1.book.d` (snapshot, then levels that changed) or `v1.book.s` (all levels each time).

use super::rest::OrderbookLevels;
use super::stream::{Sequence, Step};
use crate::venues::book::{Applied, BookError, LevelBook};

/// One subscription's book. After an error it is empty until a new snapshot: subscribe again and make a new one.
#[derive(Clone, Debug, Default)]
pub struct Book {
    sequence: Sequence,
    /// Every frame is a snapshot.
    full: bool,
    levels: LevelBook,
}

impl Book {
    /// `stream` and `first_sequence_number` as the reply to the subscription has them.
    pub fn new(stream: &str, first_sequence_number: Option<u64>) -> Book {
        Book {
            sequence: Sequence::new(first_sequence_number),
            full: stream == "v1.book.s",
            levels: LevelBook::default(),
        }
    }

    pub fn levels(&self) -> &LevelBook {
        &self.levels
    }

    pub fn apply(&mut self, number: u64, previous: u64, feed: &OrderbookLevels) -> Result<Applied, BookError> {
        let applied = self.sequence.step(number, previous).and_then(|step| self.take(step, feed));
        if applied.is_err() {
            *self = Book { full: self.full, ..Book::default() };
        }
        applied
    }

    fn take(&mut self, step: Step, feed: &OrderbookLevels) -> Result<Applied, BookError> {
        let applied = match step {
            Step::Ignored => return Ok(Applied::Ignored),
            Step::Next if !self.full => Applied::Update,
            _ => {
                self.levels.clear();
                Applied::Snapshot
            }
        };
        let (bids, asks) = (feed.bids.as_deref(), feed.asks.as_deref());
        self.levels.apply(bids.unwrap_or_default(), asks.unwrap_or_default())?;
        Ok(applied)
    }
}
