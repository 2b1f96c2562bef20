//! run.json: what was run, with what, how long. The one file (beside the report) that may differ between two equal runs.

use crate::engine::plan::Plan;
use crate::engine::run::{Outcome, Sweep};
use crate::error::SweepError;
use crate::grid::Axis;
use perpx_data::backtest::RUNS;
use serde_json::{Value as Json, json};
use std::path::Path;

/// Each run's range.
fn runs(study: &crate::symbol_run::Study) -> Json {
    let named = RUNS.iter().enumerate().filter_map(|(number, name)| Some((*name, study.spans.run(number)?)));
    named.map(|(name, (from, to))| (name.to_string(), json!([from.to_string(), to.to_string()]))).collect()
}

pub struct Record(Json);

impl Record {
    /// # Errors
    /// As [`crate::grid::Grid::parts`].
    pub fn new(sweep: &Sweep<'_>, plan: &Plan, outcomes: &[Outcome]) -> Result<Record, SweepError> {
        let grid = &sweep.grid;
        let symbols: Vec<Json> = sweep
            .studies
            .iter()
            .zip(outcomes)
            .map(|(study, outcome)| {
                let feeds: Vec<Json> = study.data.feeds.iter().map(|feed| json!(feed.tape.quality())).collect();
                json!({
                    "symbol": study.data.symbol,
                    "fingerprint": study.data.fingerprint(),
                    "from": study.data.from.to_string(),
                    "to": study.data.to.to_string(),
                    "warm_from": study.data.warm_from.to_string(),
                    "runs": runs(study),
                    "rows": outcome.spool.rows(),
                    "configurations": outcome.podium.points,
                    "meeting_require": outcome.podium.meeting,
                    "no_winner": sweep.no_winner(outcome),
                    "skipped": grid.strategy_points() - outcome.podium.points,
                    "worlds": study.world_ids,
                    "feeds": feeds,
                })
            })
            .collect();
        let parts: serde_json::Map<String, Json> =
            grid.parts()?.into_iter().map(|(name, text)| (name.to_string(), json!(text))).collect();
        let names = |axes: &[Axis]| axes.iter().map(|axis| axis.path.clone()).collect::<Vec<_>>();
        Ok(Record(json!({
            "name": grid.name,
            "grid_file": sweep.options.grid.display().to_string(),
            "grid_file_from_here": perpx_data::path::relative(&sweep.dir, &sweep.options.grid).map(|path| path.display().to_string()),
            "base": perpx_data::path::normalize(Path::new(grid.base.name())).display().to_string(),
            "set": sweep.options.sets,
            "grid_hash": sweep.grid_hash,
            "grid": parts,
            "strategy_axes": names(grid.strategy_axes()),
            "objective": grid.objective,
            "seed": sweep.seed(),
            "store": perpx_data::path::normalize(Path::new(&grid.data.store)).display().to_string(),
            "code": crate::code::code_id(),
            "version": env!("CARGO_PKG_VERSION"),
            "strategy_version": perpx_core::strategy::VERSION,
            "threads": rayon::current_num_threads(),
            "driver": sweep.options.driver.name(),
            "estimate": { "seconds": plan.seconds, "took": plan.made.elapsed().as_secs_f64() },
            "seconds": sweep.began.elapsed().as_secs_f64(),
            "idle": {
                "of_worker_seconds": sweep.effort.all().as_secs_f64(),
                "at_ends_of_tiles": sweep.effort.tail.as_secs_f64(),
                "waiting_for_tiles": sweep.effort.waited.as_secs_f64(),
            },
            "config_ticks": plan.config_ticks(),
            "chunks": plan.chunks,
            "memory_bound_bytes": plan.memory,
            "checked_by_scan": sweep.verified,
            "warnings": plan.warnings,
            "symbols": symbols,
        })))
    }

    pub fn write(&self, path: &Path) -> Result<(), SweepError> {
        let aside = path.with_extension("json.part");
        let text = format!("{:#}\n", self.0);
        std::fs::write(&aside, text).map_err(SweepError::io(&aside, "write the file"))?;
        std::fs::rename(&aside, path).map_err(SweepError::io(path, "rename the finished file"))
    }
}
