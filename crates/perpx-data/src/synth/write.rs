//! From a market to a store on disk.

use crate::TapeError;
use crate::store::StoreWriter;
use perpx_core::synth::Market;
use perpx_core::synth::{SpecError, SynthSpec};
use perpx_core::units::Time;
use serde_json::json;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

/// Raised whenever the same knobs give other bytes than before.
pub const GENERATOR_VERSION: u32 = 1;

/// A synthetic store that was not made.
#[derive(Debug, thiserror::Error)]
pub enum SynthError {
    /// The specification is refused.
    #[error("no such market can be made: {0}")]
    Spec(#[from] SpecError),
    /// It could not be written.
    #[error(transparent)]
    Tape(#[from] TapeError),
    /// It was interrupted.
    #[error("stopped after {days} days; nothing was left at {out}")]
    Stopped {
        /// Days that had been made.
        days: u32,
        /// Where it was to stand.
        out: PathBuf,
    },
}

impl SynthError {
    /// What the command ends with: 130 after Ctrl-C, as shells do.
    pub fn exit_code(&self) -> u8 {
        match self {
            SynthError::Spec(_) => 2,
            SynthError::Tape(error) => error.exit_code(),
            SynthError::Stopped { .. } => 130,
        }
    }
}

/// One day was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DayWritten {
    /// Days since 1970-01-01 UTC.
    pub day: i64,
    /// Days written so far, this one included.
    pub done: u32,
    /// Rows of all tables of both venues on that day.
    pub rows: usize,
}

/// Writes the market of `spec` as a store at `out`, a day at a time; the store appears under its name when it is whole.
/// `stop` is looked at between days: when set, nothing is left behind and the error is [`SynthError::Stopped`]. Gives the
/// series of the store that it replaced.
pub fn write(
    spec: &SynthSpec,
    out: &Path,
    stop: &AtomicBool,
    progress: &mut dyn FnMut(&DayWritten),
) -> Result<Vec<String>, SynthError> {
    let market = Market::new(spec)?;
    let mut store = StoreWriter::create(out)?;
    for (done, day) in (1..).zip(market) {
        let mut rows = 0;
        for (venue, tables) in spec.venues.iter().zip(&day.venues) {
            store.write_day(&venue.name, &spec.symbol, day.day, tables)?;
            rows += tables.quotes.len() + tables.trades.len() + tables.marks.len() + tables.funding.len();
        }
        progress(&DayWritten { day: day.day, done, rows });
        if stop.load(Ordering::Relaxed) && done < spec.days {
            return Err(SynthError::Stopped { days: done, out: out.to_path_buf() });
        }
    }
    let made_by = json!({
        "command": "perpx-data synth",
        "perpx": env!("CARGO_PKG_VERSION"),
        "generator": GENERATOR_VERSION,
        "from": Time::of_day(spec.first_day).date(),
        "spec": spec,
    });
    Ok(store.finish(made_by)?)
}
