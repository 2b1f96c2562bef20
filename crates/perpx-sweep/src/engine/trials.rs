//! The trial matrix of a run: a row a distinct ledger of the base world, the configuration that ranks first in its name.

use crate::engine::run::Sweep;
use crate::error::SweepError;
use crate::evidence::{AtomSums, MatrixFrame, ShapeSums, Trial, TrialMatrix};
use crate::grid::{Compare, Require};
use crate::results::manifest::TimeText;
use crate::results::ranking::Verdict;
use crate::results::spool::Row;
use crate::results::trial_spool::{TrialRow, TrialSpool};
use crate::symbol_run::{SymbolRun, intervals_of};
use crate::trial_log::{LoggedRun, range};
use perpx_core::stats::{AtomPlan, MetricInfo};
use rayon::prelude::*;
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

    /// How many.
    pub fn len(&self) -> usize {
        self.by_hash.len()
    }

    /// The place of each ledger in the ranking, by the id of its best configuration.
    fn ranks(&self) -> BTreeMap<u64, u32> {
        let mut best: Vec<&Verdict> = self.by_hash.values().map(|alike| &alike.best).collect();
        best.par_sort_unstable_by(|a, b| a.order(b));
        best.iter().map(|verdict| verdict.id).zip(1..).collect()
    }
}

/// What the log of trials says of this run, but for its ids and what came of it.
pub fn logged(sweep: &Sweep<'_>, symbol_run: &SymbolRun, configurations: u64) -> LoggedRun {
    let mut venues = symbol_run.data.feeds[0].tape.spec().venues.clone();
    venues.sort();
    LoggedRun {
        venues,
        symbol: symbol_run.data.symbol.clone(),
        data: symbol_run.data.fingerprint(),
        in_sample: range(symbol_run.spans.inside),
        held_out: symbol_run.spans.held_out.map(range),
        grid: sweep.grid_hash.clone(),
        seed: sweep.seed(),
        code: crate::code::code_id().to_string(),
        method: sweep.grid.search.method.name().to_string(),
        configurations,
        distinct: 0,
        ids: String::new(),
        metric: sweep.grid.objective.metric.clone(),
        best: None,
        time: TimeText(perpx_data::wall::now()),
    }
}

/// None where the time in sample has no whole interval.
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
    let ranks = distinct.ranks();
    let frame = frame(sweep, symbol_run, plan);
    let root_year = frame.root_year();
    let mut matrix = TrialMatrix::with_capacity(frame, ledgers.len());
    finished.each(|row| {
        sweep.options.go_on()?;
        if let Some(alike) = ledgers.get(&row.hash.0).filter(|alike| alike.best.id == row.id) {
            push(&mut matrix, &row, (alike, ranks.get(&row.id).copied()), root_year);
        }
        Ok(())
    })?;
    let path = sweep.dir.join("trials.parquet");
    let matrix = matrix.finish().map_err(|error| SweepError::Checkpoint { path, what: error.to_string() })?;
    Ok(Some(matrix))
}

/// Units of the trial matrix in one per cent of C0.
const PERCENT: f64 = 1e10;

/// What all rows share. Of the requirements those on a least number of trades and on the drawdown can be asked of a part of
/// the time.
fn frame(sweep: &Sweep<'_>, symbol_run: &SymbolRun, plan: AtomPlan) -> MatrixFrame {
    let least = |require: &Require| match require.compare {
        _ if require.metric != "trades" => 0,
        Compare::GreaterEqual | Compare::Equal => require.value.ceil() as u32,
        Compare::Greater => require.value.floor() as u32 + 1,
        _ => 0,
    };
    let most = |require: &Require| {
        let limits = matches!(require.compare, Compare::Less | Compare::LessEqual);
        (limits && require.metric == "max_drawdown_pct").then_some(PERCENT * require.value)
    };
    MatrixFrame {
        lengths: plan.lengths(),
        interval_sec: f64::from(symbol_run.home.account.stats_interval_sec),
        embargo: intervals_of(symbol_run.embargo, &symbol_run.home),
        least_trades: sweep.grid.objective.require.iter().map(least).max().unwrap_or(0),
        most_drawdown: sweep.grid.objective.require.iter().filter_map(most).reduce(f64::min),
    }
}

fn push(matrix: &mut TrialMatrix, row: &TrialRow, (alike, rank): (&Alike, Option<u32>), root_year: f64) {
    let whole = &row.atoms.whole;
    let trial = Trial {
        id: format!("{:016x}", row.id),
        ledger: row.hash.to_string(),
        weight: alike.configurations,
        objective: alike.best.score.value(),
        rank,
        is_eligible: alike.best.meets,
        ranking_sharpe: alike.ranking_sharpe.map(|sharpe| sharpe / root_year),
        shape: Some(ShapeSums::of(whole)),
        max_drawdown: Some(whole.drawdown.deepest as f64),
    };
    let s1: Vec<f64> = row.atoms.s1.iter().map(|sum| *sum as f64).collect();
    let s2: Vec<f64> = row.atoms.s2.iter().map(|sum| *sum as f64).collect();
    matrix.push(trial, AtomSums { s1: &s1, s2: &s2, trades: &row.atoms.trades });
}
