//! Tiles made ready ahead: while one is run, a thread of its own loads the next, computes its signals and builds its index.

use crate::error::SweepError;
use crate::options::DriverChoice;
use perpx_core::replay::Index;
use perpx_core::replay::index::Part;
use perpx_core::signals::TileSignals;
use perpx_core::tape::Tile;
use perpx_data::backtest::Reader;
use rayon::prelude::*;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::sync_channel;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Tiles that are ready and wait to be run; one more is being made, and one is run.
const PREPARED: usize = 1;

/// A tile that can be run.
pub struct PreparedTile {
    pub tile: Arc<Tile>,
    pub signals: TileSignals,
    /// If the driver asks one.
    pub index: Option<Index>,
    /// How long it was waited for.
    pub waited: Duration,
}

/// Passes the tiles before `tile`: their signals are computed and dropped, so that nothing of the signals' state needs to be
/// kept in a checkpoint.
fn skip_to(reader: &mut Reader<'_>, tile: usize, stop: &AtomicBool) -> Result<(), SweepError> {
    while reader.position() < tile {
        if stop.load(Ordering::Relaxed) {
            return Err(SweepError::Interrupted);
        }
        if reader.next()?.is_none() {
            break;
        }
    }
    Ok(())
}

/// Calls `run` with each tile from the `first` on, in order, until it fails. Of an index what was asked for in the
/// tiles before is built ahead; the rest comes with the first question.
///
/// # Errors
/// Of the tape, or of `run`; a stop before the first tile.
pub fn each_tile(
    mut reader: Reader<'_>,
    driver: DriverChoice,
    first: usize,
    stop: &AtomicBool,
    mut run: impl FnMut(&PreparedTile) -> Result<(), SweepError>,
) -> Result<(), SweepError> {
    let asked: Mutex<Vec<Part>> = Mutex::default();
    let parts = || asked.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let mut make = || -> Result<Option<PreparedTile>, SweepError> {
        skip_to(&mut reader, first, stop)?;
        let Some((tile, signals)) = reader.next()? else { return Ok(None) };
        let index = driver.is_indexed().then(|| Index::new(&signals));
        index.iter().for_each(|index| parts().into_iter().for_each(|part| index.build(part, (&tile, &signals))));
        Ok(Some(PreparedTile { tile, signals, index, waited: Duration::ZERO }))
    };
    std::thread::scope(|scope| {
        let (prepared, tiles) = sync_channel(PREPARED);
        scope.spawn(move || {
            // ends with the tape, with an error, or when nobody takes tiles any more
            while let Some(made) = make().transpose() {
                let is_last = made.is_err();
                if prepared.send(made).is_err() || is_last {
                    return;
                }
            }
        });
        loop {
            let began = Instant::now();
            let Ok(made) = tiles.recv() else { return Ok(()) };
            let mut made = made?;
            if let Some(index) = &made.index {
                // what was first asked for after this index was made
                parts().par_iter().for_each(|&part| index.build(part, (&made.tile, &made.signals)));
            }
            made.waited = began.elapsed();
            run(&made)?;
            if let Some(index) = &made.index {
                *asked.lock().unwrap_or_else(PoisonError::into_inner) = index.built();
            }
        }
    })
}
