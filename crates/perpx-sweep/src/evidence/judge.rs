//! Everything that a trial matrix says about its winner.
//!
//! Sharpe ratios are a year's here; returns are shares of C0, where the matrix holds them in units of 1e-12.

use super::bootstrap::{Draws, block_length, percentile, spread};
use super::cscv::{Cscv, cscv};
use super::forward::{Stitched, Walk, Windows, walk};
use super::luck::{Luckiest, draws_for, for_more, luckiest, resampled_row, without_best_atom};
use super::matrix::{TrialMatrix, root_year};
use super::normal::{greatest, greatest_quantile};
use super::sharpe::{Estimate, Shape, Sums, least_backtest_years};
use crate::grid::{EvidencePlan, WALK_KINDS};
use perpx_core::sim::chance::{hash64, unit53};
use perpx_core::stats::{ATOM_STEP, AtomPlan};
use serde::Serialize;
use std::collections::BTreeMap;

/// Fewer trades of the winner say nothing.
const LEAST_TRADES: u32 = 30;
/// A shorter span, in embargoes, says nothing.
const LEAST_EMBARGOES: u32 = 6;
/// Confidence of bars and lengths.
const CONFIDENCE: f64 = 0.95;
/// A configuration stands on its own below this adjusted p-value.
pub const STANDS: f64 = 0.10;
/// Deviation of PBO over 60 grids of correlated neighbours without any edge; over independent trials it is 0.14.
const NULL_SD: f64 = 0.24;
/// Rows whose block lengths are looked at beside the winner's.
const LOOKED_AT: u64 = 32;
/// Word of the draws of those rows, out of the way of histories.
const ROW_WORD: u64 = u64::MAX;
/// A unit of returns as a share of C0.
const UNIT: f64 = 1e-12;

/// How a matrix is judged.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// Histories that are drawn.
    pub draws: usize,
    /// Seed of the draws.
    pub seed: u64,
    /// Blocks of the cross-validation.
    pub blocks: u32,
    /// Of the walk-forward.
    pub folds: usize,
    /// The walk-forward that counts chooses by all of the time before; the rolling one stands beside it.
    pub is_anchored: bool,
    /// Sharpe ratio a year of the curve of least backtest lengths, and of the hope at this length.
    pub target_sharpe: f64,
    /// Configurations tried on this data so far, in all runs; none: those of this matrix.
    pub tried: Option<u64>,
    /// Symbols of which this one is the best.
    pub symbols: u32,
}

impl Settings {
    /// Configurations tried so far: no fewer than the table has.
    fn tried(&self, configurations: u64) -> u64 {
        self.tried.unwrap_or(configurations).max(configurations)
    }
}

impl Default for Settings {
    fn default() -> Settings {
        Settings::from(EvidencePlan::default())
    }
}

/// As a grid says.
impl From<EvidencePlan> for Settings {
    fn from(plan: EvidencePlan) -> Settings {
        let EvidencePlan { draws, blocks, folds, is_anchored, target_sharpe, .. } = plan;
        let (draws, folds) = (draws as usize, folds as usize);
        Settings { draws, seed: 0, blocks, folds, is_anchored, target_sharpe, tried: None, symbols: 1 }
    }
}

/// What was judged, and what came out.
#[derive(Clone, Debug, Serialize)]
pub struct Evidence {
    /// Length of the span.
    pub days: f64,
    /// Intervals of the span.
    pub intervals: u32,
    /// Length of an interval.
    pub interval_sec: f64,
    /// Slices of time that the sums are kept of.
    pub atoms: usize,
    /// In intervals.
    pub embargo: u32,
    /// Configurations of this table.
    pub configurations: u64,
    /// Distinct ledgers.
    pub distinct: usize,
    /// Configurations tried on this data so far, in all runs; at least those of this table.
    pub tried: u64,
    /// What was said of that, where it is fewer than the table has.
    pub tried_too_few: Option<u64>,
    /// What came out.
    pub outcome: Finding,
}

/// What can be said about a winner.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Finding {
    /// No configuration may be selected.
    NoWinner,
    /// Nothing is inferred.
    TooShort(TooShort),
    /// All figures.
    Judged(Box<Judged>),
}

/// Too short to say: no inference is made.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TooShort {
    pub missing: Vec<Missing>,
    /// The length that would do, at the winner's rate of trades and never less than there is (then time is cut too coarsely);
    /// none where it does not trade.
    pub days_needed: Option<f64>,
}

/// What there is too little of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Missing {
    pub what: &'static str,
    pub found: u32,
    pub least: u32,
}

/// Everything about a winner.
#[derive(Clone, Debug, Serialize)]
pub struct Judged {
    /// Its own figures.
    pub winner: JudgedWinner,
    /// Held against the luckiest.
    pub luck: Luck,
    /// PSR against what the best of as many independent trials would show, in the form of 2014; none for one trial.
    pub dsr_2014: Option<f64>,
    /// None where the atoms cannot be halved.
    pub overfitting: Option<Overfitting>,
    /// The one that counts, then the other: rolling and anchored.
    pub walk_forward: Vec<WalkForward>,
    /// What luck alone shows, by number of tries.
    pub curve: Vec<CurvePoint>,
    /// What can be hoped for at this length.
    pub hope: Hope,
    /// By row of the matrix the p-value adjusted for all that rank below it: the mask of a heatmap.
    #[serde(skip)]
    pub adjusted: Vec<f64>,
}

#[derive(Clone, Debug, Serialize)]
pub struct JudgedWinner {
    pub id: String,
    /// Configurations that left this ledger.
    pub weight: u64,
    pub trades: Option<u32>,
    /// Share of C0.
    pub net: f64,
    /// 95 %, not corrected for choosing.
    pub net_interval: [f64; 2],
    /// Share of C0.
    pub max_drawdown: Option<f64>,
    /// In the base world.
    pub sharpe: f64,
    /// That, or the one of the ranking world where it is smaller: what is held against luck.
    pub tested_sharpe: f64,
    /// One standard error; none where the moments leave no variance.
    pub error: Option<f64>,
    /// 95 %, not corrected for choosing.
    pub interval: [f64; 2],
    /// None: taken as normal and independent, for want of sums of higher powers.
    pub shape: Option<Shape>,
    /// The chance that an estimate of a true ratio of 0 falls below this one, if it were the only one tried.
    pub psr: Option<f64>,
    /// Days from which on this ratio is above 0, with 95 % confidence, if it were the only one tried.
    pub days_above_zero: Option<f64>,
    /// The same above what the luckiest would show.
    pub days_above_luckiest: Option<f64>,
}

#[derive(Clone, Debug, Serialize)]
pub struct Luck {
    pub draws: usize,
    pub seed: u64,
    /// Mean length of the blocks drawn, in atoms.
    pub block_atoms: f64,
    /// Share of histories without an edge in which the best looks at least this good.
    pub luck: f64,
    /// The same without the winner's best atom.
    pub robust: f64,
    /// The larger of the two, for all configurations tried so far and for all symbols.
    pub total: f64,
    /// No history that was drawn reached the winner, so that `total` is the most that it can be: so many draws show no less.
    pub is_bound: bool,
    /// Where that bound is above 5 %: draws from which on it could be that small.
    pub draws_needed: Option<u64>,
    /// What the luckiest would show without an edge.
    pub luckiest: f64,
    pub luckiest_sd: f64,
    /// 95 % of the luckiest stay below.
    pub bar: f64,
    /// Of the winner: tested ratio less the bar.
    pub lower_bound: f64,
    /// The number of independent trials that would be as lucky.
    pub independent_trials: f64,
    /// Configurations that stand on their own at 10 %, counted once a ledger.
    pub standing: usize,
    /// Of the luckiest: ends of equal classes over its range, and how many histories fell in each.
    pub histogram: LuckHistogram,
}

#[derive(Clone, Debug, Serialize)]
pub struct LuckHistogram {
    pub from: f64,
    pub to: f64,
    pub counts: Vec<u32>,
}

#[derive(Clone, Debug, Serialize)]
pub struct Overfitting {
    pub blocks: u32,
    pub splits: usize,
    /// Atoms dropped where the halves touch.
    pub embargo_atoms: usize,
    pub pbo: f64,
    /// Share of splits in which the best of one half lost money in the other.
    pub test_loss: f64,
    /// Mean logit of the relative rank of the chosen one in the other half.
    pub mean_logit: f64,
    pub mean_train: f64,
    pub mean_test: f64,
    /// Different rows chosen.
    pub picks: usize,
    /// PBO of a grid without any edge, 95 %.
    pub null_band: [f64; 2],
    /// Of each split the Sharpe ratio of the chosen one in its half, in the other, and the logit of its rank there.
    #[serde(skip)]
    pub points: Vec<[f64; 3]>,
}

/// Choices made again and again, and what came after each.
#[derive(Clone, Debug, Default, Serialize)]
pub struct WalkForward {
    pub kind: &'static str,
    /// Each choice was run again, from flat, over its test window; else its money is estimated from atoms.
    pub run_again: bool,
    pub folds: Vec<WalkFold>,
    /// Shares of C0.
    pub net: f64,
    pub worst: f64,
    pub sharpe: f64,
    /// For independent returns.
    pub error: f64,
    pub efficiency: f64,
    pub changes: usize,
    /// The choices themselves.
    #[serde(skip)]
    pub(super) walk: Walk,
}

impl WalkForward {
    /// Takes the tests as `runs`, one for each fold, made them; `root_year`: to a year's Sharpe ratio.
    fn join(&mut self, runs: &[Sums], root_year: f64) {
        let Some(Stitched { sums, sharpe, worst, efficiency, changes }) = self.walk.stitched(runs) else { return };
        self.folds.iter_mut().zip(runs).for_each(|(fold, run)| fold.net = UNIT * run.s1);
        (self.net, self.worst) = (UNIT * sums.s1, UNIT * worst);
        self.sharpe = root_year * sharpe;
        self.error = root_year * ((1.0 + 0.5 * sharpe * sharpe) / sums.n).sqrt();
        (self.efficiency, self.changes) = (efficiency, changes);
    }
}

#[derive(Clone, Debug, Serialize)]
pub struct WalkFold {
    /// First and last atom, the last excluded.
    pub train: [usize; 2],
    pub test: [usize; 2],
    pub pick: String,
    pub train_sharpe: f64,
    pub net: f64,
    /// What it made in each of equal stretches of the test, a share of C0.
    #[serde(skip)]
    pub parts: Vec<f64>,
}

/// What a choice made when it was run again.
#[derive(Clone, Debug, PartialEq)]
pub struct TestRun {
    /// Over the test window.
    pub sums: Sums,
    /// By stretch the sum of returns.
    pub s1: Vec<f64>,
}

/// The best of so many independent trials without an edge at this length.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct CurvePoint {
    pub trials: u64,
    pub expected: f64,
    /// 95 % stay below.
    pub bar: f64,
    /// Years below which the target ratio is expected of luck alone.
    pub least_years: f64,
}

/// The chance that a strategy with this true Sharpe ratio shows itself above 0, with 95 % confidence, at this length.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Hope {
    pub sharpe: f64,
    pub chance: Option<f64>,
}

impl Evidence {
    /// Puts what the choices of the walk-forwards made when they were run again, by kind and fold, in place of the estimates.
    pub fn run_again(&mut self, runs: &[Vec<TestRun>]) {
        let Finding::Judged(judged) = &mut self.outcome else { return };
        let root_year = root_year(self.interval_sec);
        for (walk, runs) in judged.walk_forward.iter_mut().zip(runs) {
            walk.join(&runs.iter().map(|run| run.sums).collect::<Vec<_>>(), root_year);
            let parts = |run: &TestRun| run.s1.iter().map(|s1| UNIT * s1).collect();
            walk.folds.iter_mut().zip(runs).for_each(|(fold, run)| fold.parts = parts(run));
            walk.run_again = true;
        }
    }
}

impl Evidence {
    /// Of a span of so many seconds that has no whole interval of this length, whose winner traded so often; the embargo is in
    /// intervals.
    pub fn without_interval(span_sec: f64, interval_sec: f64, embargo: u32, trades: u32) -> Evidence {
        let missing = vec![Missing { what: "intervals", found: 0, least: ATOM_STEP }];
        let days_needed = days_needed(span_sec / interval_sec, Some(trades), embargo, interval_sec);
        Evidence {
            days: span_sec / 86_400.0,
            intervals: 0,
            interval_sec,
            atoms: 0,
            embargo,
            configurations: 0,
            distinct: 0,
            tried: 0,
            tried_too_few: None,
            outcome: Finding::TooShort(TooShort { missing, days_needed }),
        }
    }

    /// Leaves out the deflated Sharpe ratio, whose variance of trials must be one of trials that depend on no result.
    pub fn without_deflated(&mut self) {
        if let Finding::Judged(judged) = &mut self.outcome {
            judged.dsr_2014 = None;
        }
    }
}

/// Judges the winner of a matrix. The rows may have come in any order, and on any number of threads the result is the same.
pub fn judge(matrix: &TrialMatrix, settings: &Settings) -> Evidence {
    let frame = &matrix.frame;
    let configurations = matrix.trials().iter().map(|trial| trial.weight).sum();
    let outcome = match matrix.winner() {
        None => Finding::NoWinner,
        Some(winner) => match too_short(matrix, winner) {
            Some(short) => Finding::TooShort(short),
            None => Finding::Judged(Box::new(Assessment::new(matrix, settings, winner, configurations).judged())),
        },
    };
    Evidence {
        days: days(f64::from(frame.all_intervals()), frame.interval_sec),
        intervals: frame.all_intervals(),
        interval_sec: frame.interval_sec,
        atoms: frame.atoms(),
        embargo: frame.embargo,
        configurations,
        distinct: matrix.rows(),
        tried: settings.tried(configurations),
        tried_too_few: settings.tried.filter(|tried| *tried < configurations),
        outcome,
    }
}

/// By ledger one standard error of its Sharpe ratio, a year's, with its skew, its fat tails and the correlation of neighbouring
/// returns.
pub fn sharpe_errors(matrix: &TrialMatrix) -> BTreeMap<&str, f64> {
    let sharpes = matrix.sharpes();
    let of = |row: usize| {
        let (trial, sums) = (matrix.trial(row), matrix.all_sums(row));
        let shape = trial.shape?.shape(sums)?;
        let error = Estimate { sharpe: sharpes[row], n: sums.n, shape }.error_at(sharpes[row])?;
        Some((trial.ledger.as_str(), matrix.frame.root_year() * error))
    };
    (0..matrix.rows()).filter_map(of).collect()
}

fn days(intervals: f64, interval_sec: f64) -> f64 {
    intervals * interval_sec / 86_400.0
}

/// What there is too little of to say anything.
fn too_short(matrix: &TrialMatrix, winner: usize) -> Option<TooShort> {
    let frame = &matrix.frame;
    let (intervals, trades) = (frame.all_intervals(), matrix.trades(winner, 0..frame.atoms()));
    let wanted = [
        ("atoms", frame.atoms() as u32, ATOM_STEP),
        ("intervals", intervals, LEAST_EMBARGOES * frame.embargo),
        ("trades of the winner", trades.unwrap_or(LEAST_TRADES), LEAST_TRADES),
    ];
    let missing: Vec<Missing> = wanted
        .into_iter()
        .filter(|(_, found, least)| found < least)
        .map(|(what, found, least)| Missing { what, found, least })
        .collect();
    if missing.is_empty() {
        return None;
    }
    let days_needed = days_needed(f64::from(intervals), trades, frame.embargo, frame.interval_sec);
    Some(TooShort { missing, days_needed })
}

/// The length that would do, where `intervals` held so many trades; none without a trade.
fn days_needed(intervals: f64, trades: Option<u32>, embargo: u32, interval_sec: f64) -> Option<f64> {
    let by_atoms = AtomPlan::shortest(embargo).max(LEAST_EMBARGOES * embargo);
    let by_trades = match trades {
        None => 0.0,
        Some(0) => return None,
        Some(trades) => (intervals * f64::from(LEAST_TRADES) / f64::from(trades)).ceil(),
    };
    Some(days(by_trades.max(f64::from(by_atoms)).max(intervals), interval_sec))
}

/// The mean length of the blocks to draw, in atoms: the best one for the winner or for the median of some rows, whichever is
/// longer.
pub(super) fn mean_block(matrix: &TrialMatrix, winner: usize, seed: u64) -> f64 {
    let row = |i: u64| (unit53(hash64(&[seed, ROW_WORD, i])) * matrix.rows() as f64) as usize;
    let mut lengths: Vec<f64> = (0..LOOKED_AT).map(|i| block_length(matrix.s1(row(i)))).collect();
    lengths.sort_unstable_by(f64::total_cmp);
    block_length(matrix.s1(winner)).max(percentile(&lengths, 0.5)).max(1.0)
}

/// A winner that is judged.
struct Assessment<'a> {
    matrix: &'a TrialMatrix,
    settings: &'a Settings,
    row: usize,
    configurations: u64,
    /// Of all rows, per interval.
    sharpes: Vec<f64>,
    draws: Draws,
    luckiest: Luckiest,
    estimate: Estimate,
    tested: f64,
    /// To a year's Sharpe ratio.
    root_year: f64,
}

impl<'a> Assessment<'a> {
    fn new(matrix: &'a TrialMatrix, settings: &'a Settings, row: usize, configurations: u64) -> Assessment<'a> {
        let sharpes = matrix.sharpes();
        let block = mean_block(matrix, row, settings.seed);
        let draws = Draws::new(&matrix.frame.lengths, settings.seed, settings.draws, block);
        let sums = matrix.all_sums(row);
        let shape = matrix.trial(row).shape.and_then(|shape| shape.shape(sums));
        let estimate = Estimate { sharpe: sharpes[row], n: sums.n, shape: shape.unwrap_or_default() };
        let tested = matrix.trial(row).ranking_sharpe.map_or(sharpes[row], |ranking| ranking.min(sharpes[row]));
        let luckiest = luckiest(matrix, &sharpes, &draws);
        let root_year = matrix.frame.root_year();
        Assessment { matrix, settings, row, configurations, sharpes, draws, luckiest, estimate, tested, root_year }
    }

    fn judged(&self) -> Judged {
        let luck = self.luck();
        let distinct = self.matrix.rows();
        // rows without variance have no ratio to vary
        let varying: Vec<f64> = self.sharpes.iter().copied().filter(|sharpe| sharpe.is_finite()).collect();
        let variance = if varying.len() > 1 { spread(&varying).1.powi(2) } else { 0.0 };
        let target = self.settings.target_sharpe / self.root_year;
        Judged {
            winner: self.winner(&luck),
            dsr_2014: self.estimate.deflated(variance, varying.len() as f64),
            overfitting: cscv(self.matrix, self.settings.blocks).map(|found| self.overfitting(&found)),
            walk_forward: [false, true]
                .into_iter()
                .filter_map(|is_other| self.walk(self.settings.is_anchored != is_other))
                .collect(),
            curve: self.curve(distinct as u64, luck.independent_trials),
            hope: Hope { sharpe: self.settings.target_sharpe, chance: self.estimate.power(0.0, CONFIDENCE, target) },
            luck,
            adjusted: self.luckiest.adjusted.clone(),
        }
    }

    fn winner(&self, luck: &Luck) -> JudgedWinner {
        let (trial, atoms) = (self.matrix.trial(self.row), 0..self.matrix.frame.atoms());
        let year = self.root_year;
        let interval = |mut drawn: Vec<f64>, unit: f64| {
            drawn.sort_unstable_by(f64::total_cmp);
            [0.025, 0.975].map(|p| unit * percentile(&drawn, p))
        };
        let above = |x: f64| {
            let least = self.estimate.least_length(x, CONFIDENCE)?;
            Some(days(least, self.matrix.frame.interval_sec))
        };
        JudgedWinner {
            id: trial.id.clone(),
            weight: trial.weight,
            trades: self.matrix.trades(self.row, atoms),
            net: UNIT * self.matrix.all_sums(self.row).s1,
            net_interval: interval(self.draws.sums(self.matrix.s1(self.row)).collect(), UNIT),
            max_drawdown: trial.max_drawdown.map(|drawdown| UNIT * drawdown),
            sharpe: year * self.estimate.sharpe,
            tested_sharpe: year * self.tested,
            error: self.estimate.error_at(self.estimate.sharpe).map(|error| year * error),
            interval: interval(resampled_row(self.matrix, self.row, &self.draws), year),
            shape: trial.shape.map(|_| self.estimate.shape),
            psr: self.estimate.above(0.0),
            days_above_zero: above(0.0),
            days_above_luckiest: above(luck.luckiest / year),
        }
    }

    fn luck(&self) -> Luck {
        let year = self.root_year;
        let luck = self.luckiest.luck(self.tested);
        let robust = self.luckiest.luck(self.tested.min(without_best_atom(self.matrix, self.row)));
        // over all runs and symbols, as a multiple of this table
        let tried = self.settings.tried(self.configurations) as f64 * f64::from(self.settings.symbols);
        let all_told = |p: f64| for_more(p, tried, self.configurations as f64);
        let total = all_told(luck.max(robust));
        let is_bound = luck.max(robust) <= self.luckiest.least();
        let (luckiest, luckiest_sd) = spread(&self.luckiest.d);
        let mut sorted = self.luckiest.d.clone();
        sorted.sort_unstable_by(f64::total_cmp);
        let bar = percentile(&sorted, CONFIDENCE);
        Luck {
            draws: self.settings.draws,
            seed: self.settings.seed,
            block_atoms: self.draws.mean_length,
            luck,
            robust,
            total,
            is_bound,
            draws_needed: (is_bound && total > 1.0 - CONFIDENCE)
                .then(|| draws_for(for_more(1.0 - CONFIDENCE, self.configurations as f64, tried))),
            luckiest: year * luckiest,
            luckiest_sd: year * luckiest_sd,
            bar: year * bar,
            lower_bound: year * (self.tested - bar),
            independent_trials: self.luckiest.independent_trials(),
            standing: self.luckiest.adjusted.iter().filter(|p| **p <= STANDS).count(),
            histogram: histogram(&sorted, year),
        }
    }

    fn overfitting(&self, found: &Cscv) -> Overfitting {
        Overfitting {
            blocks: found.blocks,
            splits: found.splits.len(),
            embargo_atoms: found.head,
            pbo: found.overfit(),
            test_loss: found.loss(),
            mean_logit: found.mean_logit(),
            mean_train: self.root_year * found.mean_train(),
            mean_test: self.root_year * found.mean_test(),
            picks: found.picks(),
            null_band: [0.5 - 2.0 * NULL_SD, 0.5 + 2.0 * NULL_SD],
            points: found
                .splits
                .iter()
                .map(|split| [self.root_year * split.train, self.root_year * split.test, split.logit])
                .collect(),
        }
    }

    fn walk(&self, is_anchored: bool) -> Option<WalkForward> {
        let frame = &self.matrix.frame;
        let windows = Windows::of(frame.atoms(), frame.embargo_atoms(), self.settings.folds, is_anchored)?;
        let walk = walk(self.matrix, windows);
        let estimates: Vec<Sums> = walk.folds.iter().map(|fold| fold.estimate).collect();
        let fold = |fold: &super::forward::Fold| WalkFold {
            train: [fold.train.start, fold.train.end],
            test: [fold.test.start, fold.test.end],
            pick: self.matrix.trial(fold.pick).id.clone(),
            train_sharpe: self.root_year * fold.train_sharpe,
            net: 0.0,
            parts: self.matrix.s1(fold.pick)[fold.test.clone()].iter().map(|s1| UNIT * s1).collect(),
        };
        let kind = WALK_KINDS[usize::from(is_anchored)];
        let folds: Vec<WalkFold> = walk.folds.iter().map(fold).collect();
        if folds.is_empty() {
            return None;
        }
        let mut found = WalkForward { kind, folds, walk, ..WalkForward::default() };
        found.join(&estimates, self.root_year);
        Some(found)
    }

    fn curve(&self, distinct: u64, independent: f64) -> Vec<CurvePoint> {
        let error = self.root_year / self.estimate.n.sqrt();
        let tried = self.settings.tried(self.configurations);
        let mut trials: Vec<u64> = (0..7).map(|power| 10u64.pow(power)).collect();
        trials.extend([distinct, independent.round().max(1.0) as u64, tried]);
        trials.sort_unstable();
        trials.dedup();
        let point = |trials: &u64| {
            let n = *trials as f64;
            CurvePoint {
                trials: *trials,
                expected: error * greatest(n).mean,
                bar: error * greatest_quantile(n, CONFIDENCE),
                least_years: least_backtest_years(n, self.settings.target_sharpe),
            }
        };
        trials.iter().map(point).collect()
    }
}

/// Thirty classes from the least to the greatest of `sorted`.
fn histogram(sorted: &[f64], unit: f64) -> LuckHistogram {
    let classes = 30;
    let (from, to) = (sorted[0], sorted[sorted.len() - 1]);
    let mut counts = vec![0u32; classes];
    for value in sorted {
        let place = (value - from) / (to - from) * classes as f64;
        counts[(place as usize).min(classes - 1)] += 1;
    }
    LuckHistogram { from: unit * from, to: unit * to, counts }
}
