//! The trial matrix of a run: a row a distinct ledger of the base world, the configuration that ranks first in its name.

use crate::engine::run::Sweep;
use crate::error::SweepError;
use crate::evidence::{AtomSums, MatrixFrame, ShapeSums, Trial, TrialMatrix};
use crate::grid::{Compare, Require};
use crate::results::ranking::Verdict;
use crate::results::spool::Row;
use crate::results::trial_spool::{TrialRow, TrialSpool};
use crate::symbol_run::{SymbolRun, intervals_of};
use perpx_core::stats::{AtomPlan, MetricInfo};
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

/// Configurations with the same ledger in the base world.
struct Alike {
    configurations: u64,
    best: Verdict,
    /// Of the best, a year's, in the world in which it ranks, where that is not the base world.
    ranking_sharpe: Option<f64>,
}

/// The distinct ledgers of the base world, filled while the configurations are ranked.
pub struct DistinctLedgers {
    /// Column of the Sharpe ratio.
    sharpe: Option<usize>,
    by_hash: BTreeMap<[u8; 16], Alike>,
}

impl DistinctLedgers {
    /// Of rows with the columns of `table`.
    pub fn new(table: &[MetricInfo]) -> DistinctLedgers {
        let sharpe = table.iter().position(|info| info.name == "sharpe");
        DistinctLedgers { sharpe, by_hash: BTreeMap::new() }
    }

    /// A configuration, its row of the base world first.
    pub fn add(&mut self, rows: &[Row], verdict: &Verdict) {
        let ranking_sharpe = || rows[verdict.world].runs[0].get(self.sharpe?);
        let ranking_sharpe = (verdict.world > 0).then(ranking_sharpe).flatten();
        let found = || Alike { configurations: 1, best: verdict.clone(), ranking_sharpe };
        match self.by_hash.entry(rows[0].runs[0].hash.0) {
            Entry::Vacant(entry) => {
                entry.insert(found());
            }
            Entry::Occupied(mut entry) => {
                let known = entry.get_mut();
                let configurations = known.configurations + 1;
                if verdict.order(&known.best).is_lt() {
                    *known = found();
                }
                known.configurations = configurations;
            }
        }
    }
}

/// None where the returns are not parted into atoms.
///
/// # Errors
/// Finished trials that cannot be read; a stop.
pub fn matrix(
    sweep: &Sweep<'_>,
    symbol_run: &SymbolRun,
    distinct: &DistinctLedgers,
    finished: &TrialSpool,
) -> Result<Option<TrialMatrix>, SweepError> {
    let Some(plan) = symbol_run.trials else { return Ok(None) };
    let ledgers = &distinct.by_hash;
    let frame = frame(sweep, symbol_run, plan);
    let root_year = frame.root_year();
    let mut matrix = TrialMatrix::with_capacity(frame, ledgers.len());
    finished.each(|row| {
        sweep.options.go_on()?;
        if let Some(alike) = ledgers.get(&row.hash.0).filter(|alike| alike.best.id == row.id) {
            push(&mut matrix, &row, alike, root_year);
        }
        Ok(())
    })?;
    let path = sweep.dir.join("trials.parquet");
    let matrix = matrix.finish().map_err(|error| SweepError::Checkpoint { path, what: error.to_string() })?;
    Ok(Some(matrix))
}

/// What all rows share. Of the requirements those on a least number of trades can be asked of a part of the time.
fn frame(sweep: &Sweep<'_>, symbol_run: &SymbolRun, plan: AtomPlan) -> MatrixFrame {
    let least = |require: &Require| match require.compare {
        _ if require.metric != "trades" => 0,
        Compare::GreaterEqual | Compare::Equal => require.value.ceil() as u32,
        Compare::Greater => require.value.floor() as u32 + 1,
        _ => 0,
    };
    MatrixFrame {
        lengths: plan.lengths(),
        interval_sec: f64::from(symbol_run.home.account.stats_interval_sec),
        embargo: intervals_of(symbol_run.embargo, &symbol_run.home),
        least_trades: sweep.grid.objective.require.iter().map(least).max().unwrap_or(0),
    }
}

fn push(matrix: &mut TrialMatrix, row: &TrialRow, alike: &Alike, root_year: f64) {
    let whole = &row.atoms.whole;
    let trial = Trial {
        id: format!("{:016x}", row.id),
        ledger: row.hash.to_string(),
        weight: alike.configurations,
        objective: alike.best.score.value(),
        is_eligible: alike.best.meets,
        ranking_sharpe: alike.ranking_sharpe.map(|sharpe| sharpe / root_year),
        shape: Some(ShapeSums {
            s3: whole.s3.as_f64(),
            s4: whole.s4.as_f64(),
            lag_product: whole.lag_product as f64,
            first: whole.first as f64,
            last: whole.last as f64,
        }),
        max_drawdown: Some(whole.drawdown.deepest as f64),
    };
    let s1: Vec<f64> = row.atoms.s1.iter().map(|sum| *sum as f64).collect();
    let s2: Vec<f64> = row.atoms.s2.iter().map(|sum| *sum as f64).collect();
    matrix.push(trial, AtomSums { s1: &s1, s2: &s2, trades: &row.atoms.trades });
}
