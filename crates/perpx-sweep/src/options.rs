//! What the caller of a sweep may choose. Nothing here changes a byte of the results but `sets` and
//! `top`, and of best.yml's evidence `trials`.

use perpx_core::replay::DriverSlot;
use perpx_core::units::Time;
use perpx_data::loader::TapeSpec;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// How the configurations are moved through the tape; the results are the same.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum DriverChoice {
    /// The fastest there is
    #[default]
    Auto,
    /// A step at every tick: the reference
    Scan,
    /// Watches judged row by row
    Walk,
    /// From wake to wake by an index of the tape
    Leap,
    /// As leap, those that stand alike as one
    Share,
}

/// Where runs are counted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum TrialLog {
    /// A file a market in `$PERPX_STATE/trials`, else `$XDG_STATE_HOME/perpx/trials`, else `~/.local/state/perpx/trials`.
    #[default]
    User,
    /// One file for all markets, which several may share.
    File(PathBuf),
    /// Nowhere: what was tried before is not known.
    Unknown,
}

/// What the caller of a sweep chooses.
#[derive(Clone, Debug)]
pub struct Options {
    /// The grid file.
    pub grid: PathBuf,
    /// `key=value` of `--set`.
    pub sets: Vec<String>,
    /// `None`: as many as there are cores.
    pub threads: Option<usize>,
    /// In place of the grid's `report.top`.
    pub top: Option<usize>,
    /// The run's own folder, in place of `report.dir`/name.
    pub out: Option<PathBuf>,
    /// Where what was tried before is counted.
    pub trials: TrialLog,
    /// Discards an unfinished run.
    pub fresh: bool,
    /// What moves the configurations; the results are the same.
    pub driver: DriverChoice,
    /// Configurations drawn at random that are run again by scan.
    pub verify: usize,
    /// Print the plan and stop.
    pub dry_run: bool,
    /// The date that the plan holds venue profiles against; `None`: it says nothing of their age.
    pub today: Option<Time>,
    /// Print nothing but errors.
    pub quiet: bool,
    /// Machines of a chunk.
    pub chunk: usize,
    /// Most ticks of a tile; never visible in results.
    pub tile_rows: usize,
    /// Strategy points whose ids are held at once.
    pub band: u64,
    /// Strategy points between two judgements of a run that prunes.
    pub barrier: usize,
    /// Least time between two checkpoints.
    pub checkpoint_every: Duration,
    /// Set from outside: stop at once, keep what is done.
    pub stop: Arc<AtomicBool>,
    /// Held while a checkpoint is written.
    pub saving: Arc<Mutex<()>>,
    /// Stops as if asked to after so many tiles; for tests.
    pub stop_after: Option<u64>,
}

impl Options {
    /// Of `chunk`.
    pub const CHUNK: usize = 1 << 14;
    /// Of `barrier`.
    pub const BARRIER: usize = 4_096;
    /// Of `band`.
    pub const BAND: u64 = 4 << 20;

    /// The defaults of the command line.
    pub fn new(grid: impl Into<PathBuf>) -> Options {
        Options {
            grid: grid.into(),
            sets: Vec::new(),
            threads: None,
            top: None,
            out: None,
            trials: TrialLog::default(),
            fresh: false,
            driver: DriverChoice::Auto,
            verify: 1,
            dry_run: false,
            quiet: false,
            today: None,
            chunk: Options::CHUNK,
            tile_rows: TapeSpec::TILE_ROWS,
            band: Options::BAND,
            barrier: Options::BARRIER,
            checkpoint_every: Duration::from_secs(30),
            stop: Arc::new(AtomicBool::new(false)),
            saving: Arc::default(),
            stop_after: None,
        }
    }

    /// # Errors
    /// Asked to stop.
    pub fn go_on(&self) -> Result<(), crate::error::SweepError> {
        if self.is_stopped() { Err(crate::error::SweepError::Interrupted) } else { Ok(()) }
    }

    /// Somebody asked to stop.
    pub fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }
}

impl DriverChoice {
    /// A slot for this driver.
    pub fn slot(self) -> DriverSlot {
        match self {
            DriverChoice::Scan => DriverSlot::scan(),
            DriverChoice::Walk => DriverSlot::walk(),
            DriverChoice::Auto | DriverChoice::Leap | DriverChoice::Share => DriverSlot::leap(),
        }
    }

    /// Tiles are given an index.
    pub fn is_indexed(self) -> bool {
        matches!(self, DriverChoice::Auto | DriverChoice::Leap | DriverChoice::Share)
    }

    /// Configurations that stand alike are moved as one.
    pub fn is_shared(self) -> bool {
        self == DriverChoice::Share
    }

    /// As it is written.
    pub fn name(self) -> &'static str {
        match self {
            DriverChoice::Scan => "scan",
            DriverChoice::Walk => "walk",
            DriverChoice::Auto | DriverChoice::Leap => "leap",
            DriverChoice::Share => "share",
        }
    }
}
