//! A chunk: as many configurations as are moved through the tape together. Their machines are all the state there is;
//! tiles and signals are shared by all threads.

use crate::engine::checkpoint::{ChunkState, UnitState};
use crate::engine::condition_stats::{ConditionCounts, ConditionIx};
use crate::engine::points::StrategyPoint;
use crate::engine::prefetch::each_tile;
use crate::engine::scheduler::{Scheduler, WorkerTime};
use crate::engine::shard::{Shard, TileWork, pass_together};
use crate::error::SweepError;
use crate::grid::Grid;
use crate::options::DriverChoice;
use crate::options::Options;
use crate::results::spool::{Row, RunRow};
use crate::results::trial_spool::TrialRow;
use crate::symbol_run::SymbolRun;
use perpx_core::config::Config;
use perpx_core::replay::{Drive, DriverSlot, Job, RunResult, RunState, Shared, begin};
use perpx_core::signals::SignalSet;
use perpx_core::stats::{AtomPlan, NoRecord};
use perpx_core::tape::Tile;
use perpx_core::trader::Composite;
use perpx_core::units::Time;
use perpx_data::backtest::Spans;
use perpx_data::backtest::{Binder, Bound, Reader};
use rayon::prelude::*;
use std::sync::atomic::AtomicBool;

/// One configuration in one world.
pub struct WorkUnit {
    pub id: u64,
    pub point: u64,
    pub world: u32,
    pub feed: usize,
    pub bound: Bound,
    conditions: ConditionIx,
    state: UnitState,
}

/// What all units on one feed share.
struct FeedShare {
    signals: SignalSet,
    conditions: ConditionCounts,
}

pub struct Chunk<'a> {
    symbol_run: &'a SymbolRun,
    driver: DriverChoice,
    /// In the order of (feed, id, world).
    units: Vec<WorkUnit>,
    shares: Vec<FeedShare>,
    /// The next tile to run, and on which feed.
    feed: usize,
    tile: usize,
    /// The bar closes of `tile` are counted: the run was stopped within it.
    is_counted: bool,
    stop: &'a AtomicBool,
}

/// What has happened at a tile edge; a stop within a tile, too.
pub struct Edge {
    /// Machines times ticks that were passed.
    pub config_ticks: u64,
    /// Configurations (in a world) that are finished with the tile.
    pub finished: u64,
    pub worker_time: WorkerTime,
}

impl<'a> Chunk<'a> {
    /// Binds every point in each of `worlds`.
    ///
    /// # Errors
    /// An illegal configuration; a stop meanwhile.
    pub fn build(
        grid: &Grid,
        symbol_run: &'a SymbolRun,
        points: &[StrategyPoint],
        worlds: &[u32],
        options: &'a Options,
    ) -> Result<Chunk<'a>, SweepError> {
        let resolved: Vec<(StrategyPoint, u32, usize, Config)> = (0..points.len() * worlds.len())
            .into_par_iter()
            .map(|i| {
                if options.is_stopped() {
                    return Err(SweepError::Interrupted);
                }
                let (point, world) = (points[i / worlds.len()], worlds[i % worlds.len()]);
                let strategy = grid.strategy_point(point.at).unwrap_or_default();
                let config = grid.resolve(&symbol_run.data.symbol, &strategy, &symbol_run.worlds[world as usize])?;
                let feed = symbol_run.feed_of(grid, point.at, world);
                Ok((point, world, feed, config))
            })
            .collect::<Result<_, SweepError>>()?;
        let fresh = || FeedShare { signals: SignalSet::default(), conditions: ConditionCounts::default() };
        let mut shares: Vec<FeedShare> = symbol_run.data.feeds.iter().map(|_| fresh()).collect();
        let mut binder = Binder::new(&symbol_run.data);
        let mut units = Vec::with_capacity(resolved.len());
        for (point, world, feed, config) in resolved {
            let share = &mut shares[feed];
            let bound = binder.bind(&config, feed, world, &mut share.signals);
            let conditions = share.conditions.add(&bound.plan);
            let (id, point) = (point.id, point.at);
            units.push(WorkUnit { id, point, world, feed, bound, conditions, state: UnitState::default() });
        }
        units.sort_by_key(|unit| (unit.feed, unit.id, unit.world));
        let (driver, stop) = (options.driver, &*options.stop);
        Ok(Chunk { symbol_run, driver, units, shares, feed: 0, tile: 0, is_counted: false, stop })
    }

    /// Goes on where a checkpoint stood.
    pub fn restore(&mut self, state: ChunkState) {
        (self.feed, self.tile, self.is_counted) = (state.feed as usize, state.tile as usize, state.is_counted);
        self.units.iter_mut().zip(state.units).for_each(|(unit, state)| unit.state = state);
        if let Some(share) = self.shares.get_mut(self.feed) {
            share.conditions.restore(&state.conditions);
        }
    }

    pub fn state(&self) -> ChunkState {
        ChunkState {
            feed: self.feed as u32,
            tile: self.tile as u64,
            conditions: self.shares.get(self.feed).map(|share| share.conditions.state()).unwrap_or_default(),
            is_counted: self.is_counted,
            units: self.units.iter().map(|unit| unit.state.clone()).collect(),
        }
    }

    /// Runs to the end. `edge` is called at each tile edge, and where a stop came within a tile; it may end the run, the
    /// chunk's state being whole then.
    pub fn run(&mut self, mut edge: impl FnMut(&Chunk<'_>, Edge) -> Result<(), SweepError>) -> Result<(), SweepError> {
        while self.feed < self.shares.len() {
            let here = self.units.iter().filter(|unit| unit.feed == self.feed).count();
            if here > 0 {
                self.run_feed(&mut edge)?;
            }
            self.close_feed();
            (self.feed, self.tile) = (self.feed + 1, 0);
        }
        Ok(())
    }

    fn run_feed(
        &mut self,
        edge: &mut impl FnMut(&Chunk<'_>, Edge) -> Result<(), SweepError>,
    ) -> Result<(), SweepError> {
        let (symbol_run, driver, feed, spans, stop) =
            (self.symbol_run, self.driver, self.feed, self.symbol_run.spans, self.stop);
        let trials = symbol_run.trials;
        let tape = &symbol_run.data.feeds[feed].tape;
        let reader = Reader::new(tape, &self.shares[feed].signals, symbol_run.data.from);
        let start = self.units.partition_point(|unit| unit.feed < feed);
        let end = self.units.partition_point(|unit| unit.feed <= feed);
        let mut scheduler = Scheduler::new(driver);
        let threads = rayon::current_num_threads();
        let mut shards = if driver.is_shared() { Shard::of(&self.units[start..end], threads) } else { Vec::new() };
        each_tile(reader, driver, self.tile, stop, |prepared| {
            let (tile, signals) = (&*prepared.tile, &prepared.signals);
            let shared = (tile, signals, prepared.index.as_ref());
            let (conditions, is_counted) = (&mut self.shares[feed].conditions, &mut self.is_counted);
            let count = || {
                if !std::mem::replace(is_counted, true) {
                    conditions.count(tile, signals, spans.inside.0, spans.inside.1);
                }
            };
            let pass = |slot: &mut DriverSlot, work: &mut TileWork<'_>| match work {
                TileWork::Together(share, units) => pass_together(share, units, (&spans, trials), shared, stop),
                TileWork::Alone(unit) => {
                    if !std::mem::replace(&mut unit.state.is_ahead, true) {
                        unit.state.pass(
                            (&unit.bound, &spans, trials.filter(|_| unit.world == 0)),
                            (slot, &Drive::UNRECORDED),
                            shared,
                            &mut [NoRecord; 2],
                            |_| {},
                        );
                    }
                }
            };
            let mut work = Shard::work(&mut shards, &mut self.units[start..end]);
            let mut worker_time = scheduler.work(&mut work, count, pass, stop);
            worker_time.waited = prepared.waited * threads as u32;
            if self.units[start..end].iter().any(|unit| !unit.state.is_ahead) {
                return edge(self, Edge { config_ticks: 0, finished: 0, worker_time });
            }
            self.units[start..end].iter_mut().for_each(|unit| unit.state.is_ahead = false);
            self.is_counted = false;
            self.tile += 1;
            let config_ticks = ticks_inside(tile, &spans) * (end - start) as u64;
            let finished = if self.tile == tape.tiles() { (end - start) as u64 } else { 0 };
            edge(self, Edge { config_ticks, finished, worker_time })
        })
    }

    /// The units of the feed are finished: their shares are known.
    fn close_feed(&mut self) {
        let (feed, shares) = (self.feed, &self.shares);
        for unit in self.units.iter_mut().filter(|unit| unit.feed == feed) {
            unit.state.shares = Some(shares[feed].conditions.shares(&unit.conditions));
        }
    }

    /// The finished rows, in the order of (id, world), and those of the trial matrix, in the order of their ids.
    ///
    /// # Errors
    /// A run whose books did not agree at its end.
    pub fn finished(mut self, metrics: usize) -> Result<(Vec<Row>, Vec<TrialRow>), SweepError> {
        if let Some(unit) = self.units.iter().find(|unit| unit.state.faults > 0) {
            let (id, world) = (format!("{:016x}", unit.id), unit.world);
            return Err(SweepError::Books { id, world, runs: unit.state.faults });
        }
        let trial = |unit: &mut WorkUnit| {
            let (atoms, hash) = (unit.state.trial.take()?, unit.state.runs.first()?.hash);
            Some(TrialRow { id: unit.id, hash, atoms: *atoms })
        };
        let mut trials: Vec<TrialRow> = self.units.iter_mut().filter_map(trial).collect();
        trials.sort_by_key(|row| row.id);
        let mut rows: Vec<Row> = self.units.into_iter().map(|unit| unit.row(metrics)).collect();
        rows.sort_by_key(|row| (row.id, row.world));
        Ok((rows, trials))
    }
}

/// Ticks of a tile that some run looks at.
pub fn ticks_inside(tile: &Tile, spans: &Spans) -> u64 {
    let time: &[i64] = &tile.local.time;
    let within = |(from, to): (Time, Time)| {
        let before = |t: Time| time[1..].partition_point(|&x| x < t.0);
        (before(to) - before(from)) as u64
    };
    within(spans.inside) + spans.held_out.map_or(0, within)
}

/// What those who are moved together are asked.
impl WorkUnit {
    /// It has done the present tile.
    pub fn is_ahead(&self) -> bool {
        self.state.is_ahead
    }

    /// It has done the present tile from now on.
    pub fn go_ahead(&mut self) {
        self.state.is_ahead = true;
    }

    /// How many of its runs are over.
    pub fn runs_ended(&self) -> usize {
        self.state.runs.len()
    }

    /// The run over a span, begun if it was not, and its job.
    pub fn run(
        &mut self,
        span: (Time, Time),
        trial: Option<AtomPlan>,
    ) -> (&mut RunState<Composite>, Job<'_, Composite>) {
        let job = self.bound.job(span);
        (self.state.begun(&job, trial), job)
    }

    /// The run over a span ends with the tile.
    pub fn end_run<R>(&mut self, span: (Time, Time), drive: &Drive<R>, shared: Shared<'_>, rec: &mut R) {
        let job = self.bound.job(span);
        self.state.end_run(&job, drive, shared, rec, |_| {});
    }
}

impl WorkUnit {
    fn row(self, metrics: usize) -> Row {
        let none = || RunRow::none(metrics);
        let mut runs = self.state.runs.into_iter();
        let runs = [runs.next().unwrap_or_else(none), runs.next().unwrap_or_else(none)];
        let shares = self.state.shares.unwrap_or_default();
        Row { id: self.id, point: self.point, world: self.world, shares, runs }
    }
}

impl UnitState {
    /// Moves one configuration's runs through one tile: begins, goes on with and ends whichever of them lie in it.
    /// With `trial`, the returns of the run in sample are kept by atom. `drive` is what moves them for these recorders,
    /// `recs` a recorder for each run; `ended` is shown the machine of each run that is over.
    pub fn pass<R>(
        &mut self,
        (bound, spans, trial): (&Bound, &Spans, Option<AtomPlan>),
        (slot, drive): (&mut DriverSlot, &Drive<R>),
        shared: Shared<'_>,
        recs: &mut [R; 2],
        mut ended: impl FnMut(&RunState<Composite>),
    ) {
        let tile = shared.0;
        while let Some(span) = spans.run(self.runs.len()) {
            if tile.end <= span.0 {
                return;
            }
            let job = bound.job(span);
            let rec = &mut recs[self.runs.len()];
            (drive.tile)(slot, self.begun(&job, trial), &job, shared, rec);
            if tile.end < span.1 {
                return;
            }
            self.end_run(&job, drive, shared, rec, &mut ended);
        }
    }

    fn begun(&mut self, job: &Job<'_, Composite>, trial: Option<AtomPlan>) -> &mut RunState<Composite> {
        self.machine.get_or_insert_with(|| {
            let mut machine = Box::new(begin(job));
            if let Some(plan) = trial.filter(|_| self.runs.is_empty()) {
                machine.keep_atoms(plan);
            }
            machine
        })
    }

    fn end_run<R>(
        &mut self,
        job: &Job<'_, Composite>,
        drive: &Drive<R>,
        shared: Shared<'_>,
        rec: &mut R,
        mut ended: impl FnMut(&RunState<Composite>),
    ) {
        let Some(mut machine) = self.machine.take() else { return };
        let result = (drive.finish)(&mut machine, job, shared, rec);
        self.faults += u32::from(!result.books_agree || result.late_arrivals > 0);
        self.runs.push(run_row(&result));
        if let Some(atoms) = machine.atoms() {
            self.trial = Some(Box::new(atoms.clone()));
        }
        ended(&machine);
    }
}

fn run_row(result: &RunResult) -> RunRow {
    RunRow::new(result.hash, result.metrics.0.iter().copied())
}
