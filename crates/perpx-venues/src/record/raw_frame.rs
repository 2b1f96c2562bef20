//! What a recording is made of.

use crate::venue::Venue;
use perpx_core::units::Time;
use serde::{Deserialize, Serialize};

/// One thing that happened on a venue's wires: a text, or a marker of the recorder's own.
///
/// The first frame of every raw file, and the first one after [`FrameKind::Restarted`], is a [`FrameKind::State`]: a file can be
/// read without those before it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RawFrame {
    /// Whose.
    pub venue: Venue,
    /// The connection, from 1 in the order in which they were opened; 0 of what belongs to none.
    pub conn: u32,
    /// Of the frame among those of its venue since the recorder was started, from 0, over all connections and files: a hole is a
    /// block that was lost.
    pub seq: u64,
    /// The machine's clock (`CLOCK_REALTIME`), ns.
    pub wall_ns: i64,
    /// Time since the machine was started (`CLOCK_BOOTTIME`), ns.
    pub mono_ns: i64,
    /// The recorder's own clock: it never goes back. Rows are received at it.
    pub engine: Time,
    /// What happened.
    pub kind: FrameKind,
    /// What was said; of a marker, its reason. A text is kept as it came, also one that cannot be read.
    pub text: Vec<u8>,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum FrameKind {
    /// A text came over the socket; answers to subscriptions are texts too.
    Text,
    /// A socket is open; nothing is subscribed on it yet.
    Connected,
    /// A socket is open beside the one that is heard, because the venue said that it will close that one; nothing is subscribed on
    /// it yet.
    Beside,
    /// A socket has ended: closed by the venue, cut, silent, or given up.
    Disconnected,
    /// Frames are missing for a reason of the recorder's own.
    Gap,
    /// More came than was taken: the socket is closed and frames are missing.
    Overflow,
    /// The machine's clock was set; the recorder's own goes on.
    ClockStep,
    /// What the machine says of its clock, or how far the venue's is from it: JSON, for the record alone.
    Clock,
    /// The recorder was started; what it knew before is gone.
    Restarted,
    /// What the feed knows at this place, as [`PublicFeed::state`](super::PublicFeed::state) writes it.
    State,
    /// No text: rows that a trader decided on, as [`Decided`](super::Decided) writes them. Nothing is to be made of them.
    Rows,
    /// The body of an answer over REST, of status 200.
    RestReply {
        /// The request that it answers.
        which: RestRequest,
    },
}

/// What is asked of a venue over REST.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
// `symbol`: as in the store
#[allow(missing_docs)]
pub enum RestRequest {
    /// The markets with their numbers, steps and intervals: before the first subscription, and each hour.
    Markets,
    /// The margin rules of a market: each hour, for the record alone.
    MarginRules { symbol: String },
    /// Settlements since the last one that is known: each hour, once they are published.
    Fundings { symbol: String },
    /// The venue's time, each minute: what it tells of the clocks is recorded, not the answer.
    Time,
    /// The newest trades: after a gap.
    Trades { symbol: String },
}
