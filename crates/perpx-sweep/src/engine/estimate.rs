//! How long a run is likely to take: a few of its configurations are named, bound, run over a few of its tiles and
//! written, and what that took is laid out over the whole.

use crate::engine::checkpoint::UnitState;
use crate::engine::chunk::ticks_inside;
use crate::engine::plan::traded_share;
use crate::engine::points::{bands, id_of};
use crate::engine::run::Sweep;
use crate::engine::scheduler::Scheduler;
use crate::error::SweepError;
use crate::grid::{Grid, Method};
use crate::options::{DriverChoice, Options};
use crate::results::spool::{Row, RunRow};
use crate::results::table::row_seconds;
use crate::symbol_run::SymbolRun;
use perpx_core::replay::{Drive, DriverSlot, Index};
use perpx_core::signals::SignalSet;
use perpx_core::stats::NoRecord;
use perpx_data::backtest::Spans;
use perpx_data::backtest::{Binder, Bound, Reader};
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

/// Configurations that are tried at most, on tiles that lie apart.
const CONFIGURATIONS: u64 = 64;
const TILES: usize = 3;
/// No further tile is tried after this.
const LONG_ENOUGH: Duration = Duration::from_millis(1_500);
/// Page and pictures, whatever the grid.
const REPORT_SECONDS: f64 = 1.0;
/// A run with everything written down, over one without.
const RECORDED: f64 = 1.5;
/// A row is written to the spool, read back and judged beside being written to the table.
const ROW: f64 = 1.5;

/// Seconds of one thread, each for one of its kind.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Costs {
    /// A configuration named.
    name: f64,
    /// A configuration in a world resolved, and bound.
    resolve: f64,
    bind: f64,
    /// A tick loaded, its signals and its index made.
    tick: f64,
    /// A tick that a configuration passes, by the driver and by scan.
    pass: f64,
    scan: f64,
    /// A row of the results.
    row: f64,
}

/// How much of what there is to do, all symbols together.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Work {
    pub threads: f64,
    /// Points named: each once a band.
    pub names: f64,
    pub rows: f64,
    /// Times that a tape is read by the chunks.
    pub readings: f64,
    /// Tapes (a symbol's feeds), the ticks of one, and the share of them that some run looks at.
    pub tapes: f64,
    pub ticks: f64,
    pub traded: f64,
    /// Configurations run again with everything written down, and by scan.
    pub again: f64,
    pub scans: f64,
}

impl Costs {
    /// What the whole is likely to take, in seconds.
    fn of(&self, work: &Work) -> f64 {
        let threads = work.threads;
        let passed = work.ticks * work.traded;
        let ready = work.ticks * self.tick;
        // tiles are made ready by one thread beside the others
        let beside = |passes: f64, ready: f64| ready.max((passes + ready) / threads);
        let named = work.names * self.name / threads;
        let bound = work.rows * (self.resolve / threads + self.bind);
        let run = beside(work.rows * passed * self.pass, work.readings * ready);
        let again = beside(work.again * passed * self.pass * RECORDED, work.tapes * ready);
        let scanned = work.scans * (passed * self.scan).max(ready);
        named + bound + run + again + scanned + work.rows * self.row * ROW + REPORT_SECONDS
    }
}

/// What the run of so many configurations is likely to take, in seconds.
///
/// # Errors
/// Of the tape; an illegal configuration.
pub fn seconds(sweep: &Sweep<'_>, points: u64) -> Result<f64, SweepError> {
    let (grid, options) = (&sweep.grid, sweep.options);
    let Some(symbol_run) = sweep.symbol_runs.first() else { return Ok(0.0) };
    let (worlds, symbols) = (grid.world_points(), sweep.symbol_runs.len() as f64);
    let chunks = points.div_ceil((options.chunk as u64 / worlds).max(1)) as f64;
    let tapes: Vec<f64> = sweep
        .symbol_runs
        .iter()
        .flat_map(|symbol_run| &symbol_run.data.feeds)
        .map(|feed| feed.tape.ticks() as f64)
        .collect();
    let count = tapes.len() as f64;
    let work = Work {
        threads: rayon::current_num_threads() as f64,
        names: names(grid, options.band) * symbols,
        rows: (points * worlds) as f64 * symbols,
        readings: chunks * count,
        tapes: count,
        ticks: tapes.iter().sum::<f64>() / count.max(1.0),
        traded: traded_share(symbol_run),
        again: grid.report.top.min(points as usize) as f64 * symbols,
        scans: (1.0 + options.verify as f64) * symbols,
    };
    Ok(measure(sweep, symbol_run)?.of(&work))
}

/// Points that are named: of a grid all, for each band.
fn names(grid: &Grid, band: u64) -> f64 {
    let bands = if grid.search.method == Method::Grid { bands(grid, band) } else { 1 };
    grid.tried_points() as f64 * bands as f64
}

/// Strategy points that lie apart, at least one.
fn sample(grid: &Grid) -> Vec<u64> {
    let mut points: Vec<u64> = grid.spread(CONFIGURATIONS).filter(|at| !grid.is_skipped(*at)).collect();
    if points.is_empty() {
        points.extend((0..grid.strategy_points()).find(|at| !grid.is_skipped(*at)));
    }
    points
}

/// Seconds since `began`, for each of so many.
fn each(began: Instant, count: usize) -> f64 {
    began.elapsed().as_secs_f64() / count.max(1) as f64
}

fn measure(sweep: &Sweep<'_>, symbol_run: &SymbolRun) -> Result<Costs, SweepError> {
    let (grid, options) = (&sweep.grid, sweep.options);
    let points = sample(grid);
    let mut costs = Costs::default();
    let began = Instant::now();
    for at in &points {
        id_of(grid, &symbol_run.data.symbol, *at)?;
    }
    costs.name = each(began, points.len());
    let began = Instant::now();
    let mut configs = Vec::new();
    for (n, at) in points.iter().enumerate() {
        let world = n % symbol_run.worlds.len();
        let strategy = grid.strategy_point(*at).unwrap_or_default();
        configs.push((world as u32, grid.resolve(&symbol_run.data.symbol, &strategy, &symbol_run.worlds[world])?));
    }
    costs.resolve = each(began, points.len());
    let began = Instant::now();
    let (mut binder, mut signals) = (Binder::new(&symbol_run.data), SignalSet::default());
    // whatever feed they belong to, they are tried on the first
    let mut units: Vec<(Bound, UnitState)> = configs
        .iter()
        .map(|(world, config)| (binder.bind(config, 0, *world, &mut signals), UnitState::default()))
        .collect();
    costs.bind = each(began, points.len());
    run(symbol_run, options, &signals, &mut units, &mut costs)?;
    let width = sweep.table.len();
    let rows: Vec<Row> = units
        .iter()
        .zip(&points)
        .map(|((_, state), at)| {
            let run = state.runs.first().cloned();
            let run = run.unwrap_or_else(|| RunRow::none(width));
            Row { id: *at, point: *at, world: 0, shares: [Some(0.5); 4], runs: [run.clone(), run] }
        })
        .collect();
    costs.row = row_seconds(grid, &sweep.table, &rows)?;
    Ok(costs)
}

/// Moves the sample through a few tiles.
fn run(
    symbol_run: &SymbolRun,
    options: &Options,
    signals: &SignalSet,
    units: &mut [(Bound, UnitState)],
    costs: &mut Costs,
) -> Result<(), SweepError> {
    let (tape, stop) = (&symbol_run.data.feeds[0].tape, AtomicBool::new(false));
    let mut tiles: Vec<usize> = (0..TILES).map(|n| tape.tiles() * (2 * n + 1) / (2 * TILES)).collect();
    tiles.dedup();
    let (mut made, mut passed, mut seconds, mut by_scan) = (0.0, 0.0, 0.0, 0.0);
    let all = Instant::now();
    for &k in &tiles {
        // the tile before makes the signals warm
        let mut reader = Reader::at(tape, signals, symbol_run.data.from, k.saturating_sub(1));
        let mut began = Instant::now();
        if k > 0 {
            reader.next()?;
            began = Instant::now();
        }
        let Some((tile, signals)) = reader.next()? else { continue };
        let index = options.driver.is_indexed().then(|| Index::new(&signals));
        let loaded = began.elapsed().as_secs_f64();
        let span = (tile.start.max(symbol_run.data.from), tile.end.min(symbol_run.data.to));
        let spans = Spans { inside: span, held_out: None };
        if span.0 >= span.1 {
            continue;
        }
        let shared = (&*tile, &signals, index.as_ref());
        let pass = |units: &mut [(Bound, UnitState)], driver: DriverChoice| {
            units.iter_mut().for_each(|(_, state)| *state = UnitState::default());
            let work = |slot: &mut DriverSlot, (bound, state): &mut (Bound, UnitState)| {
                state.pass((bound, &spans, None), (slot, &Drive::UNRECORDED), shared, &mut [NoRecord; 2], |_| {});
            };
            Scheduler::new(driver).work(units, || {}, work, &stop).busy.as_secs_f64()
        };
        // the first to ask builds the index
        let cold = pass(units, options.driver);
        let warm = pass(units, options.driver);
        let ticks = ticks_inside(&tile, &spans) as f64;
        made += loaded + (cold - warm).max(0.0);
        passed += ticks;
        seconds += warm / units.len() as f64;
        by_scan += pass(&mut units[..1], DriverChoice::Scan);
        if all.elapsed() > LONG_ENOUGH {
            break;
        }
    }
    if passed > 0.0 {
        (costs.tick, costs.pass, costs.scan) = (made / passed, seconds / passed, by_scan / passed);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_add_up() {
        let costs = Costs { name: 1e-5, resolve: 2e-5, bind: 1e-5, tick: 1e-7, pass: 1e-9, scan: 5e-8, row: 2e-5 };
        let work = Work {
            threads: 2.0,
            names: 3e6,
            rows: 3e6,
            readings: 184.0,
            tapes: 1.0,
            ticks: 1e6,
            traded: 0.9,
            again: 20.0,
            scans: 2.0,
        };
        // 15 named, 60 bound, (2,700 + 18.4) / 2 run, 0.1 again (tiles made ready), 2 x 0.1 by scan (tiles, too),
        // 90 written, 1
        let wanted = 15.0 + 60.0 + 1_359.2 + 0.1 + 0.2 + 90.0 + 1.0;
        assert!((costs.of(&work) - wanted).abs() < 1e-6, "{}", costs.of(&work));
        // where little is run the tape is what takes time
        let few = Work { rows: 10.0, ..work };
        assert!((costs.of(&few) - costs.of(&Work { rows: 0.0, ..few }) < 0.01));
    }
}
