//! Tiles made ready ahead: while one is run, a thread of its own loads the next, computes its signals and builds its index.

use super::SweepError;
use super::options::DriverChoice;
use crate::replay::Index;
use crate::replay::index::Part;
use crate::signals::{SignalEngine, SignalSet, TileSignals};
use crate::tape::{Carry, Tape, Tile};
use crate::units::Time;
use rayon::prelude::*;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::sync_channel;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Tiles that are ready and wait to be run; one more is being made, and one is run.
const READY: usize = 1;

/// Tiles and their signals, in order.
pub struct Reader<'t> {
    tape: &'t Tape,
    engine: SignalEngine,
    next: usize,
}

impl<'t> Reader<'t> {
    /// `from`: where the averages are anchored; the tape begins before it.
    pub fn new(tape: &'t Tape, signals: &SignalSet, from: Time) -> Reader<'t> {
        Reader { tape, engine: SignalEngine::new(signals.keys(), from), next: 0 }
    }

    /// From tile `next` on, its signals cold.
    pub fn at(tape: &'t Tape, signals: &SignalSet, from: Time, next: usize) -> Reader<'t> {
        Reader { next, ..Reader::new(tape, signals, from) }
    }

    /// Passes the tiles before `tile`: their signals are computed and dropped, so that nothing of the signals' state needs
    /// to be kept in a checkpoint.
    fn skip_to(&mut self, tile: usize, stop: &AtomicBool) -> Result<(), SweepError> {
        while self.next < tile.min(self.tape.tiles()) {
            if stop.load(Ordering::Relaxed) {
                return Err(SweepError::Interrupted);
            }
            self.next()?;
        }
        Ok(())
    }

    pub fn next(&mut self) -> Result<Option<(Arc<Tile>, TileSignals)>, SweepError> {
        if self.next >= self.tape.tiles() {
            return Ok(None);
        }
        let tile = self.tape.tile(self.next)?;
        self.next += 1;
        let signals = self.engine.tile(&tile);
        Ok(Some((tile, signals)))
    }

    /// Passes what is left of the tape; where its signals stand then, and what its last tile hands on.
    pub fn pass_all(mut self) -> Result<(SignalEngine, Option<Carry>), SweepError> {
        let mut carry = None;
        while let Some((tile, _)) = self.next()? {
            carry = Some(Carry::after(&tile));
        }
        Ok((self.engine, carry))
    }
}

/// A tile that can be run.
pub struct Ready {
    pub tile: Arc<Tile>,
    pub signals: TileSignals,
    /// If the driver asks one.
    pub index: Option<Index>,
    /// How long it was waited for.
    pub waited: Duration,
}

/// Calls `run` with each tile from the `first` on, in order, until it fails. Of an index what was asked for in the tiles before
/// is built ahead; the rest comes with the first question.
///
/// # Errors
/// Of the tape, or of `run`; a stop before the first tile.
pub fn each_tile(
    mut reader: Reader<'_>,
    driver: DriverChoice,
    first: usize,
    stop: &AtomicBool,
    mut run: impl FnMut(&Ready) -> Result<(), SweepError>,
) -> Result<(), SweepError> {
    let asked: Mutex<Vec<Part>> = Mutex::default();
    let parts = || asked.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let mut make = || -> Result<Option<Ready>, SweepError> {
        reader.skip_to(first, stop)?;
        let Some((tile, signals)) = reader.next()? else { return Ok(None) };
        let index = driver.is_indexed().then(|| Index::new(&signals));
        index.iter().for_each(|index| parts().into_iter().for_each(|part| index.build(part, (&tile, &signals))));
        Ok(Some(Ready { tile, signals, index, waited: Duration::ZERO }))
    };
    std::thread::scope(|scope| {
        let (ready, tiles) = sync_channel(READY);
        scope.spawn(move || {
            // ends with the tape, with an error, or when nobody takes tiles any more
            while let Some(made) = make().transpose() {
                let is_last = made.is_err();
                if ready.send(made).is_err() || is_last {
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
