//! Market data: stores of parquet files, what brings data in, what judges it, and the loader that makes tiles of it.
//!
//! # A store
//!
//! A day of two venues written as a store, judged, and opened as the tape that a sweep replays:
//!
//! ```
//! use perpx_core::units::DAY;
//! use perpx_data::check::{MissingKeys, STALE, Verdict, check};
//! use perpx_data::loader::{Tape, TapeSpec};
//! use perpx_data::synth::{SynthSpec, write};
//! use std::sync::atomic::AtomicBool;
//!
//! let folder = tempfile::tempdir().expect("a folder");
//! let store = folder.path().join("store");
//! let start = "2026-01-05".parse().expect("a date");
//! let spec = SynthSpec::new(7, start, 1);
//! // nothing is seen under the store's name until it is whole
//! write(&spec, &store, &AtomicBool::new(false), &mut |day| assert!(day.rows > 0)).expect("a store");
//!
//! let report = check(&store, None, STALE, MissingKeys::default()).expect("a report");
//! assert_eq!(report.verdict(), Verdict::Fit);
//!
//! let venues = [spec.venues[0].name.as_str(), spec.venues[1].name.as_str()];
//! let tape = Tape::open(TapeSpec::new(&store, &spec.symbol, venues, start, start.plus(DAY))).expect("a tape");
//! let tile = tape.tile(0).expect("a tile");
//! assert!(tile.local.len() > 10_000);
//! ```

#![warn(missing_docs)]

pub mod atomic;
pub mod backtest;
pub mod check;
mod config_file;
mod identity;
pub mod import;
pub mod info;
pub mod loader;
pub mod path;
pub mod profiles;
pub mod store;
pub mod synth;
pub mod text;
pub mod wall;

#[cfg(test)]
pub(crate) mod tests;

pub use config_file::{overlays, read_config};
pub use store::TapeError;
