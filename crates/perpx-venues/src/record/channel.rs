//! Whether a channel is whole, since when it is not, and when its snapshot is asked for again.

use super::feed::FeedNews;
use crate::client::resync::{Remedy, Resync};
use perpx_core::units::Time;
use perpx_data::store::Table;
use serde::{Deserialize, Serialize};

/// One channel of one symbol.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Channel {
    /// A snapshot came, and every update since.
    is_whole: bool,
    /// Its newest good frame.
    newest: Time,
    /// What is asked for decides on no row, so it is no part of what is kept.
    #[serde(skip)]
    resync: Resync,
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
        *self = Channel { newest: self.newest, resync: Resync::begun(at), ..Channel::default() };
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
        *self = Channel { is_whole: true, newest: at, resync: Resync::default() };
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
        if self.is_whole { Remedy::Nothing } else { self.resync.due(at) }
    }
}
