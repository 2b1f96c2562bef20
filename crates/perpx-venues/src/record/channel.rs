//! Whether a channel is whole, since when it is not, and when its snapshot is asked for again.

use super::feed::FeedNews;
use perpx_core::units::{SECOND, Time, TimeDelta};
use perpx_data::store::Table;
use serde::{Deserialize, Serialize};

/// Least time between two resubscriptions of a channel.
const AGAIN: TimeDelta = SECOND.times(2);
/// Resubscriptions without a snapshot after which the socket is given up.
const MOST_TRIES: u32 = 3;
/// A socket that is to be replaced has this long.
const RECONNECT: TimeDelta = SECOND.times(30);

/// One channel of one symbol.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Channel {
    /// A snapshot came, and every update since.
    is_whole: bool,
    /// Its newest good frame.
    newest: Time,
    /// Last subscription that was asked for, and how many were since the channel was whole. What is asked for decides on no row,
    /// so it is no part of what is kept.
    #[serde(skip)]
    asked: Option<Time>,
    #[serde(skip)]
    tries: u32,
}

/// What is to be done for a channel that is not whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Remedy {
    /// Its snapshot is under way, or it is whole.
    Nothing,
    /// It is subscribed anew.
    Resubscribe,
    /// The socket is replaced.
    Reconnect,
}

/// Tables of each symbol whose channel is not whole. `tables`: what the frames of each channel make rows of.
pub fn missing<'a, const N: usize>(
    symbols: impl Iterator<Item = &'a [Channel; N]>,
    tables: [&'static [Table]; N],
) -> Vec<(usize, Table)> {
    let channels =
        symbols.enumerate().flat_map(|(place, channels)| channels.iter().zip(tables).map(move |of| (place, of)));
    let missing = channels.filter(|(_, (channel, _))| !channel.is_whole());
    missing.flat_map(|(place, (_, tables))| tables.iter().map(move |table| (place, *table))).collect()
}

impl Channel {
    /// Updates are taken.
    pub fn is_whole(&self) -> bool {
        self.is_whole
    }

    /// A socket is open on which it will be subscribed.
    pub fn connected(&mut self, at: Time) {
        *self = Channel { newest: self.newest, asked: Some(at), ..Channel::default() };
    }

    /// A good frame.
    pub fn good(&mut self, at: Time) {
        self.newest = at;
    }

    /// A snapshot: the channel is whole from here on.
    pub fn snapshot(&mut self, symbol: usize, tables: &[Table], at: Time, out: &mut Vec<FeedNews>) {
        if !self.is_whole {
            out.extend(tables.iter().map(|&table| FeedNews::Whole { symbol, table, at }));
        }
        *self = Channel { is_whole: true, newest: at, asked: None, tries: 0 };
    }

    /// Something is missing since `from`, or since its newest good frame.
    pub fn lost(&mut self, symbol: usize, tables: &[Table], from: Option<Time>, reason: &str, out: &mut Vec<FeedNews>) {
        if !self.is_whole {
            return;
        }
        self.is_whole = false;
        let from = from.unwrap_or(self.newest);
        out.extend(tables.iter().map(|&table| FeedNews::Gap { symbol, table, from, reason: reason.to_string() }));
    }

    /// Time goes on.
    pub fn due(&mut self, at: Time) -> Remedy {
        if self.is_whole || self.asked.is_some_and(|asked| at.since(asked) < AGAIN) {
            return Remedy::Nothing;
        }
        if self.tries >= MOST_TRIES {
            // the new socket says when its own snapshots are due
            (self.asked, self.tries) = (Some(at.plus(RECONNECT)), 0);
            return Remedy::Reconnect;
        }
        (self.asked, self.tries) = (Some(at), self.tries + 1);
        Remedy::Resubscribe
    }
}
