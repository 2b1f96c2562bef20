//! The recorder's thread: takes frames from the queue, fills blocks, writes and syncs them. It owns the files, and nobody waits for it.

use super::clock::Reading;
use super::metrics::Health;
use crate::record::RawFrame;
use crate::record::raw_file::{RawWriter, hour};
use crate::venue::Venue;
use crossbeam_channel::{Receiver, RecvTimeoutError};
use perpx_core::units::TimeDelta;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Frames that may wait to be written.
pub const QUEUE: usize = 65_536;
/// How often it looks whether a block is old.
const LOOK: Duration = Duration::from_millis(100);
/// A block is written when it is so old: a process that dies loses less than a second.
const OLD: Duration = Duration::from_millis(800);
/// What was written is brought to the disk itself so often.
const SYNC: Duration = Duration::from_secs(5);

/// The open file of a venue.
struct Open {
    hour: i64,
    writer: RawWriter,
    /// When the block got its first frame.
    begun: Instant,
    /// When that one came, by the clock of the frames.
    came_ns: i64,
    synced: Instant,
}

/// Writes what comes until nobody sends any more.
pub fn write(run: PathBuf, frames: Receiver<Arc<RawFrame>>, health: Arc<Health>) {
    let mut writer = Writer::new(run, health);
    loop {
        match frames.recv_timeout(LOOK) {
            Ok(frame) => writer.take(&frame),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => break,
        }
        writer.look();
    }
    writer.close_all();
}

/// The raw files of a run, an hour and venue each.
pub struct Writer {
    run: PathBuf,
    health: Arc<Health>,
    files: BTreeMap<Venue, Open>,
}

impl Writer {
    /// Of a run's folder.
    pub fn new(run: PathBuf, health: Arc<Health>) -> Writer {
        Writer { run, health, files: BTreeMap::new() }
    }

    /// Takes a frame into the block that is being filled.
    pub fn take(&mut self, frame: &RawFrame) {
        let venue = frame.venue;
        if self.files.get(&venue).is_some_and(|open| open.hour != hour(frame.engine)) {
            self.close(venue);
        }
        let now = Instant::now();
        if !self.files.contains_key(&venue) {
            match RawWriter::open(&self.run, venue, hour(frame.engine)) {
                Ok(writer) => {
                    let open =
                        Open { hour: hour(frame.engine), writer, begun: now, came_ns: frame.mono_ns, synced: now };
                    self.files.insert(venue, open);
                }
                Err(error) => return self.health.failed(venue, &error),
            }
        }
        let Some(open) = self.files.get_mut(&venue) else { return };
        if open.writer.is_empty() {
            (open.begun, open.came_ns) = (now, frame.mono_ns);
        }
        open.writer.push(frame);
        if open.writer.is_full() {
            self.flush(venue);
        }
    }

    /// Writes and syncs what is due.
    pub fn look(&mut self) {
        for venue in Venue::ALL {
            let Some(open) = self.files.get(&venue) else { continue };
            if !open.writer.is_empty() && open.begun.elapsed() >= OLD {
                self.flush(venue);
            }
            let Some(open) = self.files.get_mut(&venue) else { continue };
            if open.synced.elapsed() >= SYNC {
                open.synced = Instant::now();
                if let Err(error) = open.writer.sync() {
                    self.health.failed(venue, &error);
                }
            }
        }
    }

    /// Writes what waits: a process that dies afterwards does not lose it.
    pub fn flush_all(&mut self) {
        Venue::ALL.into_iter().for_each(|venue| self.flush(venue));
    }

    /// Writes what waits and ends the files.
    pub fn close_all(&mut self) {
        Venue::ALL.into_iter().for_each(|venue| self.close(venue));
    }

    fn flush(&mut self, venue: Venue) {
        let Some(open) = self.files.get_mut(&venue) else { return };
        match open.writer.flush() {
            // nothing waited
            Ok(0) => {}
            Ok(bytes) => self.health.written(venue, bytes, TimeDelta(Reading::now().mono_ns - open.came_ns)),
            Err(error) => self.health.failed(venue, &error),
        }
    }

    fn close(&mut self, venue: Venue) {
        self.flush(venue);
        let Some(open) = self.files.remove(&venue) else { return };
        if let Err(error) = open.writer.sync() {
            self.health.failed(venue, &error);
        }
        self.health.closed(venue, open.hour);
    }
}
