//! What a venue has seen, as a file of one JSON object a line: each request when it was answered, and how many frames went out.
//! Whoever tests a client counts here, at the venue, not at the client. Tokens, signatures and keys are never in it.

use super::EmulateError;
use super::faults::Dialect;
use crate::venue::Venue;
use perpx_core::units::{HOUR, Time};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// A transaction, an order or a cancel in a request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Named {
    /// What it does, in the venue's words.
    pub what: String,
    /// The client's number for the order.
    pub client: Option<String>,
    pub nonce: Option<i64>,
    /// Number of the key, where each has nonces of its own.
    pub key: Option<i64>,
}

/// Which frames are counted together.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct FrameKind {
    pub channel: String,
    pub symbol: String,
    /// It begins a subscription.
    pub is_snapshot: bool,
}

/// One request as it is written down.
pub struct Seen<'a> {
    pub market: Time,
    pub venue: Venue,
    pub host: &'static str,
    /// Method and path, or the call's name.
    pub route: &'a str,
    /// `None`: over HTTP.
    pub socket: Option<u64>,
    pub named: Vec<Named>,
    /// What the venue's own answer says; `None`: it never came to the venue.
    pub code: Option<Value>,
    /// Status of what was answered; `None`: nothing was.
    pub answered: Option<u16>,
}

/// The file, and the frames so far.
pub struct Witness {
    path: PathBuf,
    state: Mutex<State>,
}

struct State {
    file: File,
    /// The first that could not be written.
    failed: Option<io::Error>,
    /// Of the wall, since 1970.
    hour: i64,
    /// In this hour, and in all.
    frames: BTreeMap<(Venue, FrameKind), [u64; 2]>,
}

impl Witness {
    /// Begins the file anew.
    ///
    /// # Errors
    /// A file that cannot be written.
    pub fn create(path: &Path) -> Result<Witness, EmulateError> {
        let file = File::create(path).map_err(|source| refused(path, source))?;
        let state = State { file, failed: None, hour: 0, frames: BTreeMap::new() };
        Ok(Witness { path: path.to_path_buf(), state: Mutex::new(state) })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn request(&self, now: Time, seen: Seen<'_>) {
        let named: Vec<Value> = seen.named.iter().map(of_order).collect();
        let line = json!({
            "seen": "request", "wall_ns": now.0, "market_ns": seen.market.0, "venue": seen.venue.name(),
            "host": seen.host, "route": seen.route, "socket": seen.socket, "orders": named, "code": seen.code,
            "answered": seen.answered,
        });
        self.state().write(&line);
    }

    /// A stream has ended.
    pub(super) fn closed(&self, now: Time, venue: Venue, socket: u64, why: &str) {
        let line = json!({ "seen": "close", "wall_ns": now.0, "venue": venue.name(), "socket": socket, "why": why });
        self.state().write(&line);
    }

    pub(super) fn frame(&self, now: Time, dialect: &dyn Dialect, text: &str) {
        let mut state = self.state();
        state.turn(now);
        let counted = state.frames.entry((dialect.venue(), dialect.frame_kind(text))).or_default();
        counted.iter_mut().for_each(|count| *count += 1);
    }

    /// Writes what was sent in all.
    ///
    /// # Errors
    /// Something could not be written.
    pub fn end(&self) -> Result<(), EmulateError> {
        let mut state = self.state();
        state.end_hour();
        state.counts(None, 1);
        state.failed.take().map_or(Ok(()), |source| Err(refused(&self.path, source)))
    }
}

fn refused(path: &Path, source: io::Error) -> EmulateError {
    EmulateError::Write { option: "--witness", path: path.to_path_buf(), source }
}

impl State {
    fn write(&mut self, line: &Value) {
        // a line at once, so that whoever reads beside sees whole ones
        if let Err(error) = self.file.write_all(format!("{line}\n").as_bytes()) {
            self.failed.get_or_insert(error);
        }
    }

    /// At a new hour, what was sent in the one before.
    fn turn(&mut self, now: Time) {
        let hour = now.steps(HOUR);
        if hour != self.hour {
            self.end_hour();
            self.hour = hour;
        }
    }

    fn end_hour(&mut self) {
        self.counts(Some((self.hour * HOUR).0), 0);
        self.frames.values_mut().for_each(|counts| counts[0] = 0);
    }

    /// Those of the hour that began at a time, or all.
    fn counts(&mut self, hour_ns: Option<i64>, place: usize) {
        let counted: Vec<Value> = self
            .frames
            .iter()
            .filter(|(_, counts)| counts[place] > 0)
            .map(|((venue, FrameKind { channel, symbol, is_snapshot }), counts)| {
                json!({
                    "seen": "frames", "hour_ns": hour_ns, "venue": venue.name(), "channel": channel, "symbol": symbol,
                    "snapshot": is_snapshot, "sent": counts[place],
                })
            })
            .collect();
        counted.iter().for_each(|line| self.write(line));
    }
}

fn of_order(Named { what, client, nonce, key }: &Named) -> Value {
    json!({ "what": what, "client": client, "nonce": nonce, "key": key })
}

/// What stands in `text` between `before` and the next quotation mark.
pub fn after<'a>(text: &'a str, before: &str) -> Option<&'a str> {
    let rest = &text[text.find(before)? + before.len()..];
    Some(&rest[..rest.find('"')?])
}
