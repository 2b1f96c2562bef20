//! Tiles and their signals, in order.

use super::BacktestError;
use crate::loader::Tape;
use perpx_core::market::Role;
use perpx_core::signals::{SignalEngine, SignalSet, TileSignals};
use perpx_core::tape::{Carry, Tile};
use perpx_core::units::{Time, TimeDelta};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Reads a tape tile by tile.
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

    /// Closes of a venue's bars of before its first quote, for averages of its mid.
    pub fn warm(&mut self, role: Role, bar_length: TimeDelta, closes: BTreeMap<i64, f64>) {
        self.engine.warm(role, bar_length, closes);
    }

    /// The tile that comes next, by number.
    pub fn position(&self) -> usize {
        self.next
    }

    /// The next tile and its signals; `None` after the last.
    #[expect(clippy::should_implement_trait, reason = "it may fail, and is no iterator")]
    pub fn next(&mut self) -> Result<Option<(Arc<Tile>, TileSignals)>, BacktestError> {
        if self.next >= self.tape.tiles() {
            return Ok(None);
        }
        let tile = self.tape.tile(self.next)?;
        self.next += 1;
        let signals = self.engine.tile(&tile);
        Ok(Some((tile, signals)))
    }

    /// Passes what is left of the tape; where its signals stand then, and what its last tile hands on.
    pub fn pass_all(mut self) -> Result<(SignalEngine, Option<Carry>), BacktestError> {
        let mut carry = None;
        while let Some((tile, _)) = self.next()? {
            carry = Some(Carry::after(&tile));
        }
        Ok((self.engine, carry))
    }
}
