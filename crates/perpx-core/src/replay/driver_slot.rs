//! The shipped strategy moved through tiles by a driver chosen at run time: the functions that other crates call.
//!
//! A generic function is compiled where it is called. So those that a sweep calls are not generic: they are compiled here,
//! beside what they inline.

use super::{Index, Job, Leap, RunResult, RunState, Scan, Seek, Walk, leap, walk};
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

/// How a machine goes through a tile, and how its run ends, for one kind of recorder.
pub struct Drive<R> {
    /// Moves a machine through what its job has of the tile.
    pub tile: fn(&mut DriverSlot, &mut RunState<Composite>, &Job<'_, Composite>, Shared<'_>, &mut R),
    /// See [`RunState::finish`].
    pub finish: fn(&mut RunState<Composite>, &Job<'_, Composite>, Shared<'_>, &mut R) -> RunResult,
}

impl Drive<NoRecord> {
    /// Without a record, as the first pass of a sweep goes.
    pub const UNRECORDED: Drive<NoRecord> = Drive { tile: DriverSlot::drive_unrecorded, finish: finish_unrecorded };
}

impl Drive<FullRecord> {
    /// With everything recorded, as a configuration is run again.
    pub const RECORDED: Drive<FullRecord> = Drive { tile: DriverSlot::drive_recorded, finish: finish_recorded };
}

impl<R: Recorder> Drive<R> {
    /// With a recorder of another crate, called by its table of methods.
    pub const OTHER: Drive<R> = Drive {
        tile: |slot, machine, job, shared, rec| slot.drive_other(machine, job, shared, rec),
        finish: |machine, job, shared, rec| finish_other(machine, job, shared, rec),
    };
}

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
    fn drive<R: Recorder>(
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

    /// Moves the machine through what its job has of the tile, without a record.
    pub fn drive_unrecorded(
        &mut self,
        machine: &mut RunState<Composite>,
        job: &Job<'_, Composite>,
        shared: Shared<'_>,
        rec: &mut NoRecord,
    ) {
        self.drive(machine, job, shared, rec);
    }

    /// As [`DriverSlot::drive_unrecorded`], with everything recorded.
    pub fn drive_recorded(
        &mut self,
        machine: &mut RunState<Composite>,
        job: &Job<'_, Composite>,
        shared: Shared<'_>,
        rec: &mut FullRecord,
    ) {
        self.drive(machine, job, shared, rec);
    }

    /// As [`DriverSlot::drive_unrecorded`], for a recorder of another crate.
    pub fn drive_other(
        &mut self,
        machine: &mut RunState<Composite>,
        job: &Job<'_, Composite>,
        shared: Shared<'_>,
        mut rec: &mut dyn Recorder,
    ) {
        self.drive(machine, job, shared, &mut rec);
    }
}

/// A run that begins.
pub fn begin(job: &Job<'_, Composite>) -> RunState<Composite> {
    RunState::new(Composite::default(), job)
}

fn finish_unrecorded(
    machine: &mut RunState<Composite>,
    job: &Job<'_, Composite>,
    (tile, signals, _): Shared<'_>,
    rec: &mut NoRecord,
) -> RunResult {
    machine.finish(job, tile, signals, rec)
}

fn finish_recorded(
    machine: &mut RunState<Composite>,
    job: &Job<'_, Composite>,
    (tile, signals, _): Shared<'_>,
    rec: &mut FullRecord,
) -> RunResult {
    machine.finish(job, tile, signals, rec)
}

fn finish_other(
    machine: &mut RunState<Composite>,
    job: &Job<'_, Composite>,
    (tile, signals, _): Shared<'_>,
    mut rec: &mut dyn Recorder,
) -> RunResult {
    machine.finish(job, tile, signals, &mut rec)
}
