//! A configuration run once more with everything written down: the second pass of the best, and the checks by scan.

use crate::engine::checkpoint::UnitState;
use crate::engine::prefetch::each_tile;
use crate::error::SweepError;
use crate::grid::Grid;
use crate::options::DriverChoice;
use crate::results::ledgers::Rerun;
use crate::results::spool::Row;
use crate::symbol_run::SymbolRun;
use perpx_core::config::Config;
use perpx_core::replay::{Drive, RunState, Shared};
use perpx_core::signals::SignalSet;
use perpx_core::stats::FullRecord;
use perpx_core::trader::Composite;
use perpx_data::backtest::{Binder, Bound, RUNS, Reader};
use rayon::prelude::*;
use std::sync::atomic::{AtomicBool, Ordering};

struct Under<R> {
    rerun: Rerun<R>,
    bound: Bound,
    state: UnitState,
}

/// Runs these rows' configurations again by `driver`; `pass` names the occasion.
///
/// # Errors
/// A ledger whose hash is not that of the sweep; a stop.
pub fn rerun(
    grid: &Grid,
    symbol_run: &SymbolRun,
    rows: &[Row],
    (driver, stop): (DriverChoice, &AtomicBool),
    pass: &'static str,
) -> Result<Vec<Rerun>, SweepError> {
    let record = (&Drive::RECORDED, |_: &Bound| FullRecord::default());
    let found = recorded(grid, symbol_run, rows, (driver, stop), record, |_| {})?;
    for (row, rerun) in rows.iter().zip(&found) {
        agree(symbol_run, row, rerun, pass)?;
    }
    Ok(found)
}

/// Runs these rows' configurations again, changed by `change`, moved by `drive`, each of their runs with a recorder that `make`
/// makes; in the order of `rows`. Their ledgers are held against nothing.
pub fn recorded<R: Send>(
    grid: &Grid,
    symbol_run: &SymbolRun,
    rows: &[Row],
    (driver, stop): (DriverChoice, &AtomicBool),
    (drive, make): (&Drive<R>, impl Fn(&Bound) -> R),
    change: impl Fn(&mut Config),
) -> Result<Vec<Rerun<R>>, SweepError> {
    let mut found: Vec<Rerun<R>> = Vec::with_capacity(rows.len());
    for feed in 0..symbol_run.data.feeds.len() {
        let mut signals = SignalSet::default();
        let mut binder = Binder::new(&symbol_run.data);
        let mut units: Vec<Under<R>> = Vec::new();
        for row in rows {
            if symbol_run.feed_of(grid, row.point, row.world) != feed {
                continue;
            }
            let strategy = grid.strategy_point(row.point).unwrap_or_default();
            let mut config =
                grid.resolve(&symbol_run.data.symbol, &strategy, &symbol_run.worlds[row.world as usize])?;
            change(&mut config);
            let bound = binder.bind(&config, feed, row.world, &mut signals);
            let rerun = Rerun {
                id: row.id,
                world: row.world,
                capital: bound.capital,
                terms: [0, 1].map(|r: usize| {
                    let venue = &config.world.venues[r];
                    (venue.instrument.money_grid, venue.fees)
                }),
                records: [make(&bound), make(&bound)],
                runs: Vec::new(),
                lines: Vec::new(),
            };
            units.push(Under { rerun, bound, state: UnitState::default() });
        }
        if units.is_empty() {
            continue;
        }
        through(symbol_run, feed, &signals, (driver, stop), &mut units, |under, shared| {
            let with = (&under.bound, &symbol_run.spans, None);
            let (records, lines) = (&mut under.rerun.records, &mut under.rerun.lines);
            let ended = |machine: &RunState<Composite>| lines.push(machine.belief().lines);
            under.state.pass(with, (&mut driver.slot(), drive), shared, records, ended);
        })?;
        found.extend(units.into_iter().map(|under| Rerun { runs: under.state.runs, ..under.rerun }));
    }
    // back to the order that was asked for
    found.sort_by_key(|rerun| rows.iter().position(|row| (row.id, row.world) == (rerun.id, rerun.world)));
    Ok(found)
}

/// Moves each of `units` through the tape of `feed`, tile by tile.
///
/// # Errors
/// Of the tape; a stop.
pub fn through<U: Send>(
    symbol_run: &SymbolRun,
    feed: usize,
    signals: &SignalSet,
    (driver, stop): (DriverChoice, &AtomicBool),
    units: &mut [U],
    pass: impl Fn(&mut U, Shared<'_>) + Sync,
) -> Result<(), SweepError> {
    let reader = Reader::new(&symbol_run.data.feeds[feed].tape, signals, symbol_run.data.from);
    each_tile(reader, driver, 0, stop, |prepared| {
        if stop.load(Ordering::Relaxed) {
            return Err(SweepError::Interrupted);
        }
        let shared = (&*prepared.tile, &prepared.signals, prepared.index.as_ref());
        units.par_iter_mut().for_each(|unit| pass(unit, shared));
        Ok(())
    })
}

pub fn agree<R>(symbol_run: &SymbolRun, row: &Row, rerun: &Rerun<R>, pass: &'static str) -> Result<(), SweepError> {
    for ((wanted, found), run) in row.runs.iter().zip(&rerun.runs).zip(RUNS) {
        if !wanted.is_same(found) {
            return Err(SweepError::Disagree {
                place: format!("{:016x} in world {}", row.id, symbol_run.world_ids[row.world as usize]),
                run,
                pass,
                hashes: format!("{} in place of {}", found.hash, wanted.hash),
            });
        }
    }
    Ok(())
}
