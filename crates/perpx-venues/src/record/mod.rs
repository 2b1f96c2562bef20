//! The recorder: what a venue publishes, kept as it came, and the rows that are made of it.
//!
//! A recording is a sequence of [`RawFrame`]s. Rows are made of it by a [`PublicFeed`] alone, and only frames move a feed, so
//! that the rows are a pure function of the frames: a running recorder, a trader on live quotes and a compaction years later
//! get the same ones.
//!
//! | file | noun |
//! | --- | --- |
//! | `raw_frame` | one thing that happened on a venue's wires, with both clocks |
//! | `raw_file` | raw frames on disk: blocks that are whole or not there |
//! | `feed` | what makes rows of frames, one for each venue |
//! | `market_time` | rows of an emulated market in that market's own time |
//! | `rows` | one symbol: what of a book, a trade, a price or a rate is new, and when it was received |
//! | `channel` | whether a channel is whole, and when its snapshot is asked for again |
//! | `lighter`, `grvt` | the feeds |
//! | `decided` | rows that a trader decided on, as raw frames |
//! | `compact` | an hour's frames become the store's rows |

mod channel;
pub mod compact;
mod decided;
pub mod feed;
pub mod grvt;
pub mod lighter;
pub mod market_time;
pub mod raw_file;
pub mod raw_frame;
pub mod rows;

use crate::venue::Venue;

pub use crate::client::FetchCall;
pub use compact::{Compacted, compact_hour};
pub use decided::{Decided, RowFrames};
pub use feed::{FeedConfig, FeedNews, PublicFeed, Row, step};
pub use raw_frame::{FrameKind, RawFrame, RestRequest};
pub use rows::{Lifts, SAFE_LIFT, settle};

/// A venue's feed that knows nothing yet.
pub fn public_feed(venue: Venue, config: FeedConfig) -> Box<dyn PublicFeed> {
    match venue {
        Venue::Lighter => Box::new(lighter::LighterFeed::new(config)),
        Venue::Grvt => Box::new(grvt::GrvtFeed::new(config)),
    }
}
