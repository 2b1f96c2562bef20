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

pub mod feed;
pub mod raw_file;
pub mod raw_frame;

pub use feed::{FeedConfig, FeedNews, FetchCall, PublicFeed, Row, step};
pub use raw_frame::{FrameKind, RawFrame, RestRequest};
