//! A book kept from `v1.book.d` (snapshot, then levels that changed) or `v1.book.s` (all levels each time).

use super::rest::OrderbookLevels;
use super::stream::{Sequence, Step};
use crate::book::{Applied, BookError, LevelBook};
use serde::{Deserialize, Serialize};

/// One subscription's book. After an error it is empty until a new snapshot: subscribe again and make a new one.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
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

    /// The levels as they stand.
    pub fn levels(&self) -> &LevelBook {
        &self.levels
    }

    /// Takes a frame in, by its number and the one before it.
    ///
    /// # Errors
    /// A gap or an illegal level; the book is empty then.
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::Level;
    use perpx_core::units::{Price, Qty};

    fn bid(price: i64, size: i64) -> OrderbookLevels {
        let level = Level { price: Price(price), size: Qty(size), orders: None };
        OrderbookLevels { event_time: 1.into(), instrument: None, bids: Some(vec![level]), asks: None }
    }

    /// Frames (number, number before, bid price, size), and what each one does: best bid, or where a gap was found.
    fn play(book: &mut Book, frames: &[(u64, u64, i64, i64)]) -> Vec<Result<(Applied, i64), (u64, u64)>> {
        let one = |&(number, previous, price, size): &(u64, u64, i64, i64)| {
            let applied = book.apply(number, previous, &bid(price, size));
            match applied {
                Ok(applied) => Ok((applied, book.levels().top().bid.0)),
                Err(BookError::Gap { follows, stands, .. }) => Err((follows, stands)),
                Err(other) => panic!("{other}"),
            }
        };
        frames.iter().map(one).collect()
    }

    #[test]
    fn a_delta_follows_the_number_before_it() {
        use Applied::{Ignored, Snapshot, Update};
        let mut book = Book::new("v1.book.d", Some(100));
        let frames = [(100, 99, 5, 1), (0, 0, 10, 1), (100, 99, 11, 1), (100, 99, 12, 1), (101, 100, 11, 0)];
        let want = [Ok((Ignored, 0)), Ok((Snapshot, 10)), Ok((Update, 11)), Ok((Ignored, 11)), Ok((Update, 10))];
        assert_eq!(play(&mut book, &frames), want);
        // global numbers jump, and only the number before counts
        assert_eq!(play(&mut book, &[(500, 101, 13, 1), (900, 500, 14, 1)]), [Ok((Update, 13)), Ok((Update, 14))]);
        // one is missing: nothing is worth anything until the next snapshot
        let gone = play(&mut book, &[(902, 901, 15, 1), (903, 902, 16, 1), (0, 0, 7, 1), (904, 903, 8, 1)]);
        assert_eq!(gone, [Err((901, 900)), Ok((Ignored, 0)), Ok((Snapshot, 7)), Ok((Update, 8))]);
        // a lower number is a gap as well
        assert_eq!(play(&mut book, &[(899, 898, 9, 1)]), [Err((898, 904))]);
    }

    #[test]
    fn the_first_delta_is_the_one_that_the_subscription_announced() {
        let mut book = Book::new("v1.book.d", Some(100));
        assert_eq!(play(&mut book, &[(0, 0, 10, 1), (101, 100, 11, 1)])[1], Err((100, 99)));
        let mut unannounced = Book::new("v1.book.d", None);
        assert_eq!(play(&mut unannounced, &[(0, 0, 10, 1), (101, 100, 11, 1)])[1], Ok((Applied::Update, 11)));
    }

    #[test]
    fn a_frame_of_the_full_stream_is_the_whole_book() {
        let mut book = Book::new("v1.book.s", Some(1));
        let seen = play(&mut book, &[(0, 0, 10, 1), (1, 0, 9, 1), (3, 2, 11, 1)]);
        assert_eq!(seen, [Ok((Applied::Snapshot, 10)), Ok((Applied::Snapshot, 9)), Err((2, 1))]);
        assert!(book.levels().is_empty());
        assert_eq!(play(&mut book, &[(0, 0, 10, 1), (4, 3, 9, 1)])[1], Ok((Applied::Snapshot, 9)));
    }

    #[test]
    fn an_illegal_level_empties_the_book() {
        let mut book = Book::new("v1.book.d", None);
        play(&mut book, &[(0, 0, 10, 1)]);
        let refused = book.apply(1, 0, &bid(0, 1)).expect_err("a price of zero").to_string();
        assert_eq!(
            refused,
            "level 0 x 0.000000001: a price is above zero, a size not below: drop the book and subscribe again"
        );
        assert!(book.levels().is_empty());
    }
}
