//! What a trader sees, on its way to the raw files of its run: by the thread of the journal, so that rows are on disk before anything
//! that was decided on them is in the journal.

use perpx_core::market::Role;
use perpx_data::text;
use perpx_venues::record::feed::Row;
use perpx_venues::record::{RawFrame, RowFrames};
use perpx_venues::recorder::clock::Reading;
use perpx_venues::recorder::metrics::Health;
use perpx_venues::recorder::writer::Writer;
use perpx_venues::venue::Venue;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// Of one process.
pub struct SeenRows {
    /// By role.
    frames: [RowFrames; 2],
    health: Arc<Health>,
    /// Looks whose rows the thread could not take.
    pub(super) dropped: u64,
}

impl SeenRows {
    /// Of a process that begins to trade `symbol` at these venues, by role; with it who writes.
    pub fn new(run: &Path, venues: [Venue; 2], symbol: &str, is_played: bool) -> (SeenRows, Writer) {
        let health = Arc::new(Health::default());
        let frames = venues.map(|venue| RowFrames::new(venue, symbol, is_played));
        (SeenRows { frames, health: health.clone(), dropped: 0 }, Writer::new(run.to_path_buf(), health))
    }

    /// The frames of rows that are about to be seen.
    pub(super) fn frames(&mut self, rows: Vec<(Role, Row)>) -> Vec<RawFrame> {
        let Reading { wall_ns, mono_ns } = Reading::now();
        let mut of = [Vec::new(), Vec::new()];
        for (role, row) in rows {
            of[role.ix()].push(row);
        }
        let of = self.frames.iter_mut().zip(of);
        of.flat_map(|(frames, rows)| frames.frames(rows, (wall_ns, mono_ns))).collect()
    }

    /// What of the rows is not on the disk.
    pub(super) fn lost(&self) -> Option<String> {
        let blocks: u64 = Venue::ALL.iter().map(|venue| self.health.venue(*venue).lost.load(Ordering::Relaxed)).sum();
        let blocks = (blocks > 0).then(|| format!("the disk did not take {} of rows", text::counted(blocks, "block")));
        let looks =
            (self.dropped > 0).then(|| format!("the rows of {} were lost", text::counted(self.dropped, "look")));
        let all: Vec<String> = blocks.into_iter().chain(looks).collect();
        (!all.is_empty()).then(|| all.join(", "))
    }
}
