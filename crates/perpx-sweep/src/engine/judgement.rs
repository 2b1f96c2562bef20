//! What a run knows of its winner, and the verdict on it.

use crate::engine::run::Sweep;
use crate::engine::walk_forward;
use crate::error::SweepError;
use crate::evidence::{Check, Evidence, Facts, Finding, HOPE, HeldOut, Histories, Judged, Neighbours, Settings};
use crate::evidence::{
    GateVerdict, Overfitting, RowFigure, TrialMatrix, WalkForward, Worlds, covariance, judge, verdict,
};
use crate::grid::Grid;
use crate::report::{PageCheck, PageLuck, PageVerdict};
use crate::results::leaderboard::Ranked;
use crate::results::spool::Spool;
use crate::symbol_run::{SymbolRun, intervals_of};
use crate::trial_log::Tried;
use perpx_core::units::{DAY, SECOND};
use serde_json::{Value as Json, json};
use std::collections::BTreeMap;

/// A run's winner, judged.
pub struct Judgement {
    /// What the trial matrix says.
    pub evidence: Evidence,
    /// Beside it.
    pub facts: Facts,
    /// Of all checks.
    pub verdict: GateVerdict,
}

impl Judgement {
    /// For the report page and summary.json.
    pub fn page(&self) -> PageVerdict {
        let check = |check: &Check| PageCheck {
            name: check.name.to_string(),
            grade: check.grade.word().to_string(),
            text: check.text.clone(),
        };
        PageVerdict {
            grade: self.verdict.grade.word().to_string(),
            sentence: self.verdict.sentence(&self.evidence),
            hope: HOPE.to_string(),
            checks: self.verdict.checks.iter().map(check).collect(),
        }
    }

    /// For the picture of luck; none where it is too short to say.
    pub fn luck(&self) -> Option<PageLuck> {
        let Finding::Judged(judged) = &self.evidence.outcome else { return None };
        let (winner, luck) = (&judged.winner, &judged.luck);
        Some(PageLuck {
            winner: winner.tested_sharpe,
            error: winner.error,
            share: luck.total,
            of_hundred: luck.total_text(),
            luckiest: luck.luckiest,
            bar: luck.bar,
            from: luck.histogram.from,
            to: luck.histogram.to,
            counts: luck.histogram.counts.clone(),
            distinct: self.evidence.distinct as u64,
            tried: self.evidence.tried,
            independent: luck.independent_trials,
            standing: luck.standing as u64,
            curve: judged.curve.iter().map(|point| (point.trials, point.expected, point.bar)).collect(),
        })
    }

    /// What came of choosing by some of the time: by halves, and by the time before.
    pub fn choices(&self) -> (Option<&Overfitting>, &[WalkForward]) {
        match &self.evidence.outcome {
            Finding::Judged(judged) => (judged.overfitting.as_ref(), &judged.walk_forward),
            _ => (None, &[]),
        }
    }

    /// By ledger of the base world the p-value of its Sharpe ratio, adjusted for all that rank below it. Empty where it is too
    /// short to say.
    pub fn adjusted(&self, matrix: &TrialMatrix) -> BTreeMap<String, f64> {
        let Finding::Judged(judged) = &self.evidence.outcome else { return BTreeMap::new() };
        let rows = matrix.trials().iter().zip(&judged.adjusted);
        rows.map(|(trial, p)| (trial.ledger.clone(), *p)).collect()
    }

    /// How two figures of a row of the matrix move together, as `covariance` says; none where it is too short to say.
    pub fn moves(&self, matrix: &TrialMatrix, ledger: &str, figures: [Option<RowFigure>; 2]) -> Option<[f64; 3]> {
        let Finding::Judged(judged) = &self.evidence.outcome else { return None };
        let row = matrix.trials().iter().position(|trial| trial.ledger == ledger)?;
        let luck = &judged.luck;
        let histories = Histories { draws: luck.draws, seed: luck.seed, mean_length: luck.block_atoms };
        figures.iter().any(Option::is_some).then(|| covariance(matrix, row, figures, histories))
    }

    /// For best.yml: all that was found.
    pub fn provenance(&self) -> Json {
        json!({
            "schema": 1,
            "verdict": self.verdict.grade,
            "checks": self.verdict.checks,
            "gate": self.verdict.gate,
            "facts": self.facts,
            "trials": {
                "configurations": self.evidence.configurations,
                "distinct": self.evidence.distinct,
                "total": self.facts.knows_trials.then_some(self.evidence.tried),
                "days": self.evidence.days,
                "intervals": self.evidence.intervals,
                "atoms": self.evidence.atoms,
            },
            "found": found(&self.evidence),
        })
    }
}

/// The figures behind the checks; null where it is too short to say.
fn found(evidence: &Evidence) -> Json {
    let Finding::Judged(judged) = &evidence.outcome else { return Json::Null };
    let Judged { winner, luck, dsr_2014, overfitting, walk_forward, .. } = &**judged;
    json!({
        "trades": winner.trades,
        "sharpe": { "value": winner.sharpe, "tested": winner.tested_sharpe, "error": winner.error, "psr": winner.psr },
        "luck": {
            "p": luck.luck, "robust": luck.robust, "total": luck.total, "draws": luck.draws,
            "expected": luck.luckiest, "q95": luck.bar, "n_boot": luck.independent_trials,
        },
        "dsr_2014": dsr_2014,
        "pbo": overfitting.as_ref().map(|found| json!({
            "value": found.pbo, "p_loss": found.test_loss, "splits": found.splits, "embargo_atoms": found.embargo_atoms,
        })),
        "walk_forward": walk_forward.first().map(|walk| json!({
            "run_again": walk.run_again, "net": walk.net, "sharpe": walk.sharpe, "error": walk.error,
            "runs": walk.folds, "worst": walk.worst,
        })),
    })
}

/// What a symbol tried.
pub struct Trials<'a> {
    /// None where the time in sample has no whole interval.
    pub matrix: Option<&'a TrialMatrix>,
    pub configurations: u64,
    pub distinct: usize,
    /// In all runs; none where it is not known.
    pub tried: Option<Tried>,
}

/// Judges the first of one symbol's ranking, if it is a winner.
///
/// # Errors
/// Finished rows that cannot be read; of the runs of its walk-forward.
pub fn judgement(
    sweep: &Sweep<'_>,
    symbol_run: &SymbolRun,
    (spool, first): (&Spool, Option<&Ranked>),
    trials: Trials<'_>,
) -> Result<Option<Judgement>, SweepError> {
    let Some(winner) = first.filter(|ranked| ranked.verdict.can_win()) else { return Ok(None) };
    let tried = trials.tried;
    let settings = Settings {
        seed: sweep.seed(),
        symbols: sweep.symbol_runs.len() as u32,
        tried: tried.map(|tried| tried.configurations),
        ..Settings::from(sweep.grid.evidence)
    };
    let mut evidence = match trials.matrix {
        Some(matrix) => judge(matrix, &settings),
        None => shorter_than_an_interval(sweep, symbol_run, winner, &trials),
    };
    if let Some(matrix) = trials.matrix {
        let runs = walk_forward::run_again(sweep, symbol_run, spool, matrix, &evidence)?;
        evidence.run_again(&runs);
    }
    if sweep.grid.search.method.is_adaptive() {
        // the variance of trials that crowd around the best says nothing
        evidence.without_deflated();
    }
    let facts = facts(sweep, symbol_run, (spool, winner), tried)?;
    let verdict = verdict(&evidence, &facts);
    Ok(Some(Judgement { evidence, facts, verdict }))
}

/// Nothing can be inferred but what length would do.
fn shorter_than_an_interval(
    sweep: &Sweep<'_>,
    symbol_run: &SymbolRun,
    winner: &Ranked,
    trials: &Trials<'_>,
) -> Evidence {
    let (from, to) = symbol_run.spans.inside;
    let interval_sec = f64::from(symbol_run.home.account.stats_interval_sec);
    let embargo = intervals_of(symbol_run.embargo, &symbol_run.home);
    let trades = sweep.table.iter().position(|info| info.name == "trades").and_then(|at| winner.row.runs[0].get(at));
    Evidence {
        configurations: trials.configurations,
        distinct: trials.distinct,
        tried: trials.tried.map_or(0, |tried| tried.configurations).max(trials.configurations),
        ..Evidence::without_interval(to.since(from).as_f64(SECOND), interval_sec, embargo, trades.unwrap_or(0.0) as u32)
    }
}

fn facts(
    sweep: &Sweep<'_>,
    symbol_run: &SymbolRun,
    (spool, winner): (&Spool, &Ranked),
    tried: Option<Tried>,
) -> Result<Facts, SweepError> {
    let grid = &sweep.grid;
    let metric = |name: &str| sweep.table.iter().position(|info| info.name == name);
    let rows = spool.of(winner.verdict.id)?;
    // in the world in which it did worst there
    let least = rows.iter().filter_map(|row| {
        let of = |name: &str| row.runs[1].get(metric(name)?);
        Some((of("sharpe")?, of("sharpe_error")?))
    });
    let least = least.reduce(|a, b| if b.0 < a.0 { b } else { a });
    let held_out = symbol_run.spans.held_out.and_then(|(from, to)| {
        let days = to.since(from).as_f64(DAY);
        let looks = tried.map_or(1, |tried| tried.looks);
        least.map(|(sharpe, error)| HeldOut { sharpe, error, days, looks })
    });
    let strategy = grid.strategy_point(winner.verdict.point).unwrap_or_default();
    let world = &symbol_run.worlds[winner.row.world as usize];
    let config = grid.resolve(&symbol_run.data.symbol, &strategy, world)?;
    let varies = |word: &str| grid.world_axes().iter().any(|axis| axis.values.len() > 1 && axis.path.contains(word));
    let feed = symbol_run.feed_of(grid, winner.verdict.point, winner.row.world);
    Ok(Facts {
        knows_trials: tried.is_some(),
        is_synthetic: symbol_run.data.feeds[feed].tape.quality().made_by.get("generator").is_some(),
        max_drawdown: config.strategy.risk.max_drawdown.map(|limit| limit.as_f64()),
        held_out,
        neighbours: neighbours(grid, winner),
        worlds: Worlds {
            count: grid.world_points() as u32,
            worst: winner.verdict.spread[0],
            vary_rejects: varies("reject"),
            vary_latency: varies("latency"),
        },
    })
}

/// The winner's neighbours, and on how many axes' edge it stands.
fn neighbours(grid: &Grid, winner: &Ranked) -> Option<Neighbours> {
    let median = winner.neighbours_median()?;
    let known = &winner.neighbours;
    let positive = known.iter().filter(|objective| **objective > 0.0).count() as f64 / known.len() as f64;
    let digits = grid.digits(winner.verdict.point);
    let is_edge = |(axis, digit): &(usize, usize)| grid.shape(*axis).is_edge(*digit as u16);
    let edges = digits.into_iter().enumerate().filter(is_edge).count() as u32;
    Some(Neighbours { median, positive, edges })
}
