//! What a recorder says while it works, and what it does beside: it compacts the hours that are over, and minds the disk.

use super::compaction::{AFTER_THE_DAY, Done, compact};
use super::config::RecordConfig;
use super::folder::{free, prune};
use super::session::Session;
use crate::record::raw_file::hour;
use perpx_core::units::{SECOND, Time, TimeDelta};
use perpx_data::{TapeError, text};
use std::io::{IsTerminal, Write};
use std::sync::atomic::Ordering::Relaxed;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Between two lines of a terminal, and of a log.
const LINE: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(60)];
const DISK: Duration = Duration::from_secs(10);
/// An hour is compacted when it has been over for so long: its file is whole then.
const AFTER_THE_HOUR: TimeDelta = SECOND.times(5);
/// Compaction gives way to everything else of the machine.
const IDLE: i32 = 19;
const MIB: u64 = 1 << 20;
const GIB: u64 = 1 << 30;

/// How much of the disk is left for us.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Room {
    /// Enough.
    Enough,
    /// Depth is kept no more.
    NoDepth,
    /// Raw frames go as soon as they are rows.
    NoRaw,
}

impl Room {
    /// By free bytes, and how many are to stay free.
    pub fn of(free: u64, min: u64) -> Room {
        match free {
            free if free >= min => Room::Enough,
            free if free >= min / 2 => Room::NoDepth,
            _ => Room::NoRaw,
        }
    }
}

/// Looks after a recorder.
pub struct Watch<'c> {
    config: &'c RecordConfig,
    is_terminal: bool,
    /// Says what happens, and nothing beside.
    is_silent: bool,
    drawn: Option<Instant>,
    disk: Option<Instant>,
    room: Room,
    compacting: Option<JoinHandle<Result<Done, TapeError>>>,
    /// Hours and days before these were given to a compaction.
    compacted: (i64, i64),
}

impl<'c> Watch<'c> {
    /// Of a recorder that has just begun.
    pub fn new(config: &'c RecordConfig) -> Watch<'c> {
        let is_terminal = std::io::stderr().is_terminal();
        let room = Room::Enough;
        let (is_silent, compacted) = (false, (0, 0));
        Watch { config, is_terminal, is_silent, drawn: None, disk: None, room, compacting: None, compacted }
    }

    /// As [`Watch::new`], without the line of how it goes.
    pub fn silent(config: &'c RecordConfig) -> Watch<'c> {
        Watch { is_silent: true, is_terminal: false, ..Watch::new(config) }
    }

    /// Does what is due.
    pub fn look(&mut self, session: &Session) {
        session.health.queue.set(session.waiting() as i64);
        self.mind_disk(session);
        self.compact(session);
        let notes = session.health.notes();
        if !notes.is_empty() {
            self.clear();
            let at = crate::wall::now().to_second();
            notes.iter().for_each(|note| text::print_err(&format!("{at}  {note}")));
            self.drawn = self.drawn.filter(|_| !self.is_terminal);
        }
        let every = LINE[usize::from(!self.is_terminal)];
        if !self.is_silent && self.drawn.is_none_or(|at| at.elapsed() >= every) {
            self.drawn = Some(Instant::now());
            self.draw(&line(self.config, session));
        }
    }

    /// The last words, and the end of a compaction under way.
    pub fn end(mut self, session: &Session) {
        self.clear();
        if !self.is_silent {
            text::print_err(&line(self.config, session));
        }
        if let Some(thread) = self.compacting.take() {
            let _ = thread.join();
        }
    }

    fn clear(&self) {
        if self.is_terminal {
            let _ = write!(std::io::stderr(), "\r\x1b[K");
        }
    }

    fn draw(&self, line: &str) {
        if self.is_terminal {
            let shown: String = line.chars().take(text::width().saturating_sub(1)).collect();
            let mut err = std::io::stderr();
            let _ = write!(err, "\r\x1b[K{shown}").and_then(|()| err.flush());
        } else {
            text::print_err(line);
        }
    }

    fn mind_disk(&mut self, session: &Session) {
        if self.disk.is_some_and(|at| at.elapsed() < DISK) {
            return;
        }
        self.disk = Some(Instant::now());
        let Some(free) = free(&self.config.out) else { return };
        session.health.disk.set(free as i64);
        let room = Room::of(free, self.config.min_disk_gib as u64 * GIB);
        if room == self.room {
            return;
        }
        let left = format!("{} MiB of the disk are left", text::count(free / MIB));
        session.health.note(match room {
            Room::Enough => format!("{left}: everything is kept again"),
            Room::NoDepth => {
                format!("{left}, fewer than min_disk_gib = {}: depth is kept no more", self.config.min_disk_gib)
            }
            Room::NoRaw => format!("{left}: raw frames are removed as soon as they are rows; quotes are kept"),
        });
        session.keep_depth(room == Room::Enough);
        self.room = room;
    }

    /// Hours that are over become rows, one thread at a time.
    fn compact(&mut self, session: &Session) {
        if let Some(thread) = self.compacting.take_if(|thread| thread.is_finished()) {
            let done = thread.join().map_err(|_| "it broke off".to_owned());
            match done.and_then(|done| done.map_err(|error| error.to_string())) {
                Ok(done) => {
                    if done.files > 0 {
                        session.health.note(done.to_string());
                    }
                    self.prune(session);
                }
                Err(why) => session.health.note(format!("not compacted, tried again in an hour: {why}")),
            }
        }
        let now = session.now();
        let over = (hour(now.plus(-AFTER_THE_HOUR)), now.plus(-AFTER_THE_DAY).day());
        if over != self.compacted && self.compacting.is_none() {
            self.compacted = over;
            let run = self.config.out.clone();
            let thread = std::thread::Builder::new().name("compaction".to_owned());
            // without a thread the next hour tries again
            self.compacting = thread
                .spawn(move || {
                    // of this thread alone; where it is refused, compaction is as everything else
                    let _ = rustix::process::nice(IDLE);
                    compact(&run, Some(over.0))
                })
                .ok();
        }
    }

    /// Raw files whose days are over, or all that are rows where the disk is short.
    fn prune(&self, session: &Session) {
        let days = if self.room == Room::NoRaw { 0 } else { self.config.raw_days };
        let before = self.compacted.0 - 24 * days;
        for recorded in &self.config.venues {
            if let Err(error) = prune(&self.config.out, recorded.venue, before) {
                session.health.note(format!("old raw frames stay: {error}"));
            }
        }
    }
}

/// How it goes, in one line.
fn line(config: &RecordConfig, session: &Session) -> String {
    let now = crate::wall::now();
    let mut text = crate::wall::now().to_second();
    for recorded in &config.venues {
        let health = session.health.venue(recorded.venue);
        let age = match health.newest.load(Relaxed) {
            0 => "nothing yet".to_owned(),
            newest => format!("{:.1} s ago", now.since(Time(newest)).max(TimeDelta::ZERO).as_f64(SECOND)),
        };
        let state = if health.is_live.load(Relaxed) { "" } else { " down" };
        let [frames, rows, gaps] = [&health.frames, &health.rows, &health.gaps].map(|n| n.load(Relaxed));
        let (name, frames, rows) = (recorded.venue.name(), text::count(frames), text::counted(rows, "row"));
        text += &format!("  {name}{state}: {frames} frames, {rows}, {}, {age};", text::counted(gaps, "gap"));
    }
    let bytes: u64 = config.venues.iter().map(|of| session.health.venue(of.venue).bytes.load(Relaxed)).sum();
    let [raw, disk] = [bytes, session.health.disk.get().unsigned_abs()].map(|bytes| text::count(bytes / MIB));
    text + &format!("  {} waiting, raw {raw} MiB, disk {disk} MiB free", text::count(session.waiting() as u64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_costs_depth_then_raw() {
        let of = |free| Room::of(free, 2 * GIB);
        assert_eq!(
            [of(2 * GIB), of(2 * GIB - 1), of(GIB), of(GIB - 1), of(0)],
            [Room::Enough, Room::NoDepth, Room::NoDepth, Room::NoRaw, Room::NoRaw]
        );
        assert_eq!(Room::of(0, 0), Room::Enough, "none is wanted");
    }
}
