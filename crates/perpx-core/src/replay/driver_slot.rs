//! The shipped strategy moved through tiles by a driver chosen at run time: the functions that other crates call.
//!
//! A generic function is compiled where it is called. So the two that a sweep spends its time in are not generic: they are
//! compiled here, beside what they inline.

use super::{Index, Job, Leap, RunState, Scan, Seek, Walk, leap, walk};
use crate::signals::TileSignals;
use crate::stats::{FullRecord, NoRecord, Recorder};
use crate::tape::Tile;
use crate::trader::Composite;

/// A tile as all machines of a feed share it.
pub type Shared<'a> = (&'a Tile, &'a TileSignals, Option<&'a Index>);

/// What moves machines through tiles; one a thread, so that its buffers are made once.
pub enum DriverSlot {
    /// Judges every row.
    Scan(Scan),
    /// Searches row by row for the next that may fire.
    Walk(Seek<Walk>),
    /// Searches by index; where a tile has none, row by row.
    Leap(Box<Seek<Leap>>),
}

/// A way of a machine through a tile, for one kind of recorder.
pub type Drive<R> = fn(&mut DriverSlot, &mut RunState<Composite>, &Job<'_, Composite>, Shared<'_>, &mut R);

impl DriverSlot {
    /// A driver that judges every row.
    pub fn scan() -> DriverSlot {
        DriverSlot::Scan(Scan::new())
    }

    /// A driver that searches row by row.
    pub fn walk() -> DriverSlot {
        DriverSlot::Walk(walk())
    }

    /// A driver that searches by index.
    pub fn leap() -> DriverSlot {
        DriverSlot::Leap(Box::new(leap()))
    }

    /// Moves the machine through what its job has of the tile.
    pub fn drive<R: Recorder>(
        &mut self,
        machine: &mut RunState<Composite>,
        job: &Job<'_, Composite>,
        shared: Shared<'_>,
        rec: &mut R,
    ) {
        match self {
            DriverSlot::Scan(scan) => machine.run_indexed(scan, job, shared, rec),
            DriverSlot::Walk(walk) => machine.run_indexed(walk, job, shared, rec),
            DriverSlot::Leap(leap) => machine.run_indexed(&mut **leap, job, shared, rec),
        }
    }

    /// [`DriverSlot::drive`] without a record, as the first pass of a sweep goes.
    pub fn drive_unrecorded(
        &mut self,
        machine: &mut RunState<Composite>,
        job: &Job<'_, Composite>,
        shared: Shared<'_>,
        rec: &mut NoRecord,
    ) {
        self.drive(machine, job, shared, rec);
    }

    /// [`DriverSlot::drive`] with everything recorded, as a configuration is run again.
    pub fn drive_recorded(
        &mut self,
        machine: &mut RunState<Composite>,
        job: &Job<'_, Composite>,
        shared: Shared<'_>,
        rec: &mut FullRecord,
    ) {
        self.drive(machine, job, shared, rec);
    }
}
