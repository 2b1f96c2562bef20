//! The drivers: what moves a trader through a tape.
//!
//! | file | noun |
//! | --- | --- |
//! | `job` | [`Job`]: what a run is given |
//! | `run_state` | [`RunState`]: the state of one run, carried over tiles and checkpoints; [`RunResult`] |
//! | `venue_port` | [`VenuePort`]: how a run reaches its venues; [`Remote`], those outside of this program |
//! | `simulated` | [`Simulated`]: two simulated venues, moved together |
//! | `pass` | [`Pass`]: a machine's way through one tile: ticks, answers, timers in the order of moments |
//! | `scan` | [`Scan`]: the reference, a step at every tick |
//! | `driver_slot` | [`DriverSlot`]: one of the drivers, chosen at run time, for the shipped strategy |
//! | `paced` | [`Paced`]: as `scan`, each moment waited for by a [`TimeSource`]: the live loop |
//! | `seek` | [`Seek`]: sleeps from wake to wake; asks a [`Search`] for the next row that fires |
//! | `walk`, `compiled_rules`, `column_filter` | [`Walk`]: the search row by row, its rules compiled per epoch |
//! | `leap`, `index` | [`Leap`]: the search by an [`Index`] of the tile |
//! | `share` | [`Share`]: many runs moved as one machine while they stand alike |
//! | `extreme`, `chain` | the trailing best; the running hash |
//!
//! All drivers give the same bytes. A machine of the shipped strategy is 3 KiB and its lists: about 4 KiB, and 8 bytes a trade.

mod chain;
mod column_filter;
mod compiled_rules;
mod driver_slot;
mod extreme;
pub mod index;
mod job;
mod leap;
mod paced;
mod pass;
mod run_state;
mod scan;
mod seek;
mod share;
mod simulated;
mod venue_port;
mod walk;

pub use chain::{LedgerChain, LedgerHash};
pub use driver_slot::{Drive, DriverSlot, Shared, begin};
pub use index::Index;
pub use job::Job;
pub use leap::Leap;
pub use paced::{Paced, TimeSource};
pub use pass::{Pass, RowsSeen};
pub use run_state::{RunResult, RunState};
pub use scan::Scan;
pub use seek::{Search, Seek, leap, walk};
pub use share::{Share, SharedCounts};
pub use simulated::Simulated;
pub use venue_port::{Remote, VenuePort};
pub use walk::Walk;

use crate::port::Trader;
use crate::stats::Recorder;

/// A way of finding the moments at which a trader is called.
pub trait Driver<P: VenuePort = Simulated> {
    /// Which rows the venues are led through.
    fn rows_seen(&self) -> RowsSeen;
    /// It asks the index of a tile.
    fn is_indexed(&self) -> bool {
        false
    }
    /// Moves the machine through the pass's rows and everything due inside it.
    fn run<T: Trader, R: Recorder>(&mut self, pass: &mut Pass<'_, '_, T, R, P>);
}
