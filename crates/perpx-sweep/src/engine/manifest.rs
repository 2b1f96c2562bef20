//! What a sweep that is over says of itself.

use crate::code::code_id;
use crate::engine::plan::Plan;
use crate::engine::run::{Outcome, Sweep};
use crate::error::SweepError;
use crate::grid::Axis;
use crate::results::manifest::{EstimateTimes, IdleTimes, RunManifest, SymbolManifest, TimeText};
use crate::symbol_run::SymbolRun;
use perpx_data::backtest::RUNS;
use perpx_data::path::{normalize, relative};
use std::path::Path;

/// # Errors
/// As [`crate::grid::Grid::parts`].
pub fn manifest(sweep: &Sweep<'_>, plan: &Plan, outcomes: &[Outcome]) -> Result<RunManifest, SweepError> {
    let (grid, options) = (&sweep.grid, sweep.options);
    let shown = |path: &Path| path.display().to_string();
    let axes = |axes: &[Axis]| axes.iter().map(|axis| axis.path.clone()).collect();
    Ok(RunManifest {
        name: grid.name.clone(),
        grid_file: shown(&options.grid),
        grid_file_from_here: relative(&sweep.dir, &options.grid).map(|path| shown(&path)),
        base: shown(&normalize(Path::new(grid.base.name()))),
        set: options.sets.clone(),
        grid_hash: sweep.grid_hash.clone(),
        grid: grid.parts()?.into_iter().map(|(name, text)| (name.to_string(), text)).collect(),
        strategy_axes: axes(grid.strategy_axes()),
        objective: grid.objective.clone(),
        evidence: grid.evidence,
        seed: sweep.seed(),
        store: shown(&normalize(Path::new(&grid.data.store))),
        code: code_id().to_string(),
        version: env!("CARGO_PKG_VERSION").to_string(),
        strategy_version: perpx_core::strategy::VERSION,
        threads: rayon::current_num_threads(),
        driver: options.driver.name().to_string(),
        estimate: EstimateTimes { seconds: plan.seconds, took: plan.made.elapsed().as_secs_f64() },
        seconds: sweep.began.elapsed().as_secs_f64(),
        idle: IdleTimes {
            of_worker_seconds: sweep.worker_time.all().as_secs_f64(),
            at_ends_of_tiles: sweep.worker_time.tail.as_secs_f64(),
            waiting_for_tiles: sweep.worker_time.waited.as_secs_f64(),
        },
        config_ticks: plan.config_ticks(),
        chunks: plan.chunks,
        memory_bound_bytes: plan.memory,
        checked_by_scan: sweep.verified,
        warnings: plan.warnings.clone(),
        symbols: sweep
            .symbol_runs
            .iter()
            .zip(outcomes)
            .map(|(symbol_run, outcome)| symbol(sweep, symbol_run, outcome))
            .collect(),
    })
}

fn symbol(sweep: &Sweep<'_>, symbol_run: &SymbolRun, outcome: &Outcome) -> SymbolManifest {
    let (data, top_k) = (&symbol_run.data, &outcome.top_k);
    let runs = RUNS.iter().enumerate().filter_map(|(number, name)| Some((name, symbol_run.spans.run(number)?)));
    SymbolManifest {
        symbol: data.symbol.clone(),
        fingerprint: data.fingerprint(),
        from: TimeText(data.from),
        to: TimeText(data.to),
        warm_from: TimeText(data.warm_from),
        runs: runs.map(|(name, (from, to))| (name.to_string(), [TimeText(from), TimeText(to)])).collect(),
        rows: outcome.spool.rows(),
        configurations: top_k.points,
        meeting_require: top_k.meeting,
        no_winner: sweep.no_winner(outcome),
        skipped: sweep.grid.tried_points().saturating_sub(top_k.points),
        worlds: symbol_run.world_ids.clone(),
        feeds: data.feeds.iter().map(|feed| feed.tape.quality()).collect(),
    }
}
