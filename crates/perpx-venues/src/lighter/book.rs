//! A book kept from the channel `order_book/{market}`: all levels once, then those that changed.

use super::stream::BookFrame;
use crate::book::{Applied, BookError, LevelBook};
use serde::{Deserialize, Serialize};

/// One market's book. After an error it is empty until a new snapshot: unsubscribe and subscribe again (a second subscription
/// alone brings no snapshot).
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Book {
    /// Nonce and offset of the last frame; `None` before the snapshot.
    stands: Option<(u64, Option<u64>)>,
    levels: LevelBook,
}

impl Book {
    /// The levels as they stand.
    pub fn levels(&self) -> &LevelBook {
        &self.levels
    }

    /// An update must begin at the nonce where the book stands. Frames recorded before there was a `begin_nonce` are chained by
    /// their offset, which then grew by one; today's offsets jump, so a live frame without `begin_nonce` is a gap. The last frame
    /// once more changes nothing.
    pub fn apply(&mut self, frame: &BookFrame) -> Result<Applied, BookError> {
        let applied = self.take(frame);
        if applied.is_err() {
            self.stands = None;
            self.levels.clear();
        }
        applied
    }

    fn take(&mut self, frame: &BookFrame) -> Result<Applied, BookError> {
        let payload = &frame.order_book;
        let offset = payload.offset.or(frame.offset).map(|offset| offset.0);
        let applied = if frame.is_snapshot() {
            self.levels.clear();
            Applied::Snapshot
        } else {
            let Some(stands) = self.stands else { return Ok(Applied::Ignored) };
            match follows(payload.begin_nonce.map(|nonce| nonce.0), offset, stands) {
                // the last frame once more
                Err(BookError::Gap { .. }) if (payload.nonce.0, offset) == stands => return Ok(Applied::Ignored),
                Err(error) => return Err(error),
                Ok(()) => Applied::Update,
            }
        };
        let (bids, asks) = (payload.bids.as_deref(), payload.asks.as_deref());
        self.levels.apply(bids.unwrap_or_default(), asks.unwrap_or_default())?;
        self.stands = Some((payload.nonce.0, offset));
        Ok(applied)
    }
}

fn follows(begins: Option<u64>, offset: Option<u64>, stands: (u64, Option<u64>)) -> Result<(), BookError> {
    let (what, follows, stands) = match (begins, offset, stands) {
        (Some(begins), _, (nonce, _)) => ("nonce", begins, nonce),
        (None, Some(offset), (_, Some(last))) => ("offset", offset.saturating_sub(1), last),
        _ => return Err(BookError::NoSequence { what: "begin_nonce or offset" }),
    };
    if follows == stands { Ok(()) } else { Err(BookError::Gap { what, follows, stands }) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lighter::stream::Frame;

    fn frame(kind: &str, begin: &str, nonce: u64, offset: u64, bid: &str) -> BookFrame {
        let text = format!(
            r#"{{"type":"{kind}/order_book","channel":"order_book:1","offset":{offset},"order_book":{{"asks":[],"bids":[{{"price":"{bid}",
            "size":"1"}}],"nonce":{nonce}{begin}}}}}"#
        );
        match Frame::parse(&text) {
            Ok(Frame::Book(frame)) => frame,
            other => panic!("{other:?}"),
        }
    }

    fn begin(nonce: u64) -> String {
        format!(r#","begin_nonce":{nonce}"#)
    }

    #[test]
    fn an_update_begins_where_the_book_stands() {
        let mut book = Book::default();
        assert_eq!(book.apply(&frame("update", &begin(7), 8, 1, "9")), Ok(Applied::Ignored), "before the snapshot");
        assert_eq!(book.apply(&frame("subscribed", &begin(0), 10, 100, "10")), Ok(Applied::Snapshot));
        // offsets jump
        assert_eq!(book.apply(&frame("update", &begin(10), 25, 117, "11")), Ok(Applied::Update));
        assert_eq!(book.levels().top().bid.to_string(), "11");
        // twice is once
        assert_eq!(book.apply(&frame("update", &begin(10), 25, 117, "11")), Ok(Applied::Ignored));
        let gap = book.apply(&frame("update", &begin(26), 27, 118, "12")).expect_err("a gap");
        assert_eq!(gap, BookError::Gap { what: "nonce", follows: 26, stands: 25 });
        assert!(gap.to_string().ends_with("drop the book and subscribe again") && book.levels().is_empty());
        assert_eq!(book.apply(&frame("update", &begin(27), 28, 119, "12")), Ok(Applied::Ignored));
        // a new snapshot leaves nothing of the old book
        assert_eq!(book.apply(&frame("subscribed", &begin(0), 30, 5, "8")), Ok(Applied::Snapshot));
        assert_eq!(book.levels().levels(perpx_core::market::Side::Buy).count(), 1);
    }

    #[test]
    fn frames_without_begin_nonce_are_chained_by_an_offset_that_grows_by_one() {
        let mut book = Book::default();
        book.apply(&frame("subscribed", "", 10, 100, "10")).expect("a snapshot");
        assert_eq!(book.apply(&frame("update", "", 12, 101, "11")), Ok(Applied::Update));
        let gap = BookError::Gap { what: "offset", follows: 107, stands: 101 };
        assert_eq!(book.apply(&frame("update", "", 13, 108, "12")), Err(gap));
    }
}
