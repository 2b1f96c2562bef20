//! A book kept from the channel `order_book/{market}`: all levels once, then those that changed.

use super::stream::BookFrame;
use crate::venues::book::{Applied, BookError, LevelBook};

/// One market's book. After an error it is empty until a new snapshot: unsubscribe and subscribe again (a second subscription
/// alone brings no snapshot).
#[derive(Clone, Debug, Default)]
pub struct Book {
    /// Nonce and offset of the last frame; `None` before the snapshot.
    stands: Option<(u64, Option<u64>)>,
    levels: LevelBook,
}

impl Book {
    pub fn levels(&self) -> &LevelBook {
        &self.levels
    }

    /// An update must begin at the nonce where the book stands. Frames recorded before there was a `begin_nonce` are chained by
    /// their offset, which then grew by one; today's offsets jump, so a live frame without `begin_nonce` is a gap.
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
            follows(payload.begin_nonce.map(|nonce| nonce.0), offset, stands)?;
            Applied::Update
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
