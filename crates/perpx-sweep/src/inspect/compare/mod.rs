//! Two finished runs side by side: what changed between them, whether they rank alike, what each winner is worth in the
//! other, and whether that is more than chance.

mod changes;
mod differences;
mod results;
mod text;

use crate::error::SweepError;
use crate::evidence::PairedDifference;
use crate::inspect::show::{self, Run};
use crate::results::ranking::Verdict;
pub use changes::Change;
use results::Results;
use serde::Serialize;
use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// Two runs side by side, `a` before `b`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Comparison {
    /// The folders.
    pub runs: [String; 2],
    /// The metric by which each ranks.
    pub objectives: [String; 2],
    /// In data, grid, code and seed; empty when nothing that decides the results differs.
    pub changes: Vec<Change>,
    /// Symbols that both runs have.
    pub symbols: Vec<SymbolComparison>,
    /// Symbols that one of them lacks.
    pub unshared: Vec<String>,
}

/// One symbol that both runs have.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SymbolComparison {
    /// As the stores have it.
    pub symbol: String,
    /// Strategy points of each run.
    pub configurations: [usize; 2],
    /// Strategy points that both have.
    pub shared: usize,
    /// How configurations of the two runs were found to be the same.
    pub matched_by: MatchedBy,
    /// Spearman's, over the shared configurations, ties at their mean rank: 1 = the same order. `None` below two
    /// configurations, or where all of them are worth the same.
    pub rank_correlation: Option<f64>,
    /// The best so many of either run...
    pub top: usize,
    /// ...of which so many are among the best of the other too.
    pub top_overlap: usize,
    /// The winner of each run.
    pub winners: [Option<ComparedWinner>; 2],
    /// What one winner earned more than the other, or in the other run, in the base world in sample.
    pub differences: Vec<Difference>,
    /// Why there is none.
    pub no_difference: Option<&'static str>,
}

/// One configuration in one run against one in a run.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Difference {
    /// Which less which.
    pub of: &'static str,
    /// None where nothing is different.
    pub found: Option<PairedDifference>,
}

/// How a configuration of one run is found in the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum MatchedBy {
    /// Every strategy key is equal.
    Id,
    /// No id is shared (a key that no axis varies differs), so: equal values on the axes that vary.
    Axes,
}

/// What ranks first in one run, looked for in the other.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ComparedWinner {
    /// Its id in its own run.
    pub id: String,
    /// Its values on the axes of its own run.
    pub axes: Vec<(String, String)>,
    /// What it is worth in either run; `None` where it never ran.
    pub places: [Option<Place>; 2],
}

/// Where a configuration stands in a run.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Place {
    /// Its id in that run.
    pub id: String,
    /// From 1, among all configurations of that run.
    pub rank: usize,
    /// Every line of `require` holds.
    pub meets_require: bool,
    /// That run's own objective, over its worlds.
    pub objective: Option<f64>,
    /// Column and value in the world in which it ranks there; `oos_*` is the held-out part.
    pub figures: Vec<(String, Option<f64>)>,
}

/// Compares the runs whose results lie in `a` and `b`. `top`: how many of the best are looked for in the other run.
///
/// # Errors
/// A folder that is not that of a finished run.
pub fn compare(a: &Path, b: &Path, top: usize) -> Result<Comparison, SweepError> {
    let runs = [show::read(a, None)?, show::read(b, None)?];
    let names = |run: &Run| run.summaries.iter().map(|summary| summary.symbol.clone()).collect::<Vec<_>>();
    let [of_a, of_b] = [names(&runs[0]), names(&runs[1])];
    let mut results = [Results::read(&runs[0])?, Results::read(&runs[1])?];
    let mut symbols = Vec::new();
    for symbol in of_a.iter().filter(|symbol| of_b.contains(symbol)) {
        let boards = [results[0].board(symbol), results[1].board(symbol)];
        let (differences, no_difference) = differences::differences(&runs, symbol, &boards)?;
        symbols.push(SymbolComparison { differences, no_difference, ..symbol_comparison(symbol, &boards, top) });
    }
    let all = of_a.iter().chain(&of_b);
    let unshared = all.filter(|symbol| !(of_a.contains(symbol) && of_b.contains(symbol))).cloned().collect();
    let folders = [a, b].map(|dir| dir.display().to_string());
    let objectives = [0, 1].map(|run| results[run].metric().to_string());
    Ok(Comparison { runs: folders, objectives, changes: changes::changes(&runs), symbols, unshared })
}

/// One run's configurations of one symbol, best first.
pub(super) struct RankedRun {
    /// In the order of the ranking.
    pub points: Vec<BoardPoint>,
}

pub(super) struct BoardPoint {
    pub verdict: Verdict,
    /// Values on the run's strategy axes.
    pub axes: Vec<(String, String)>,
    /// Hash of the ledger in the base world.
    pub ledger: String,
    /// Of the world in which it ranks.
    pub figures: Vec<(String, Option<f64>)>,
}

fn symbol_comparison(symbol: &str, boards: &[RankedRun; 2], top: usize) -> SymbolComparison {
    let (matched_by, pairs) = matches(boards);
    let place_in_b: BTreeMap<usize, usize> = pairs.iter().copied().collect();
    let place_in_a: BTreeMap<usize, usize> = pairs.iter().map(|(a, b)| (*b, *a)).collect();
    let winner = |run: usize, other: &BTreeMap<usize, usize>| {
        let point = boards[run].points.first()?;
        let there = other.get(&0).map(|at| place(&boards[1 - run], *at));
        let here = Some(place(&boards[run], 0));
        Some(ComparedWinner {
            id: format!("{:016x}", point.verdict.id),
            axes: point.axes.clone(),
            places: if run == 0 { [here, there] } else { [there, here] },
        })
    };
    SymbolComparison {
        symbol: symbol.to_string(),
        configurations: [0, 1].map(|run| boards[run].points.len()),
        shared: pairs.len(),
        matched_by,
        rank_correlation: rank_correlation(boards, &pairs),
        top,
        top_overlap: pairs.iter().filter(|(a, b)| *a < top && *b < top).count(),
        winners: [winner(0, &place_in_b), winner(1, &place_in_a)],
        differences: Vec::new(),
        no_difference: None,
    }
}

fn place(board: &RankedRun, at: usize) -> Place {
    let BoardPoint { verdict, figures, .. } = &board.points[at];
    Place {
        id: format!("{:016x}", verdict.id),
        rank: at + 1,
        meets_require: verdict.meets,
        objective: verdict.objective,
        figures: figures.clone(),
    }
}

/// Places (in A, in B) of the configurations that both have.
pub(super) fn matches(boards: &[RankedRun; 2]) -> (MatchedBy, Vec<(usize, usize)>) {
    fn join<K: Ord>(boards: &[RankedRun; 2], key: impl Fn(&BoardPoint) -> K) -> Vec<(usize, usize)> {
        let in_b: BTreeMap<K, usize> =
            boards[1].points.iter().enumerate().map(|(at, point)| (key(point), at)).collect();
        let in_a = boards[0].points.iter().enumerate();
        in_a.filter_map(|(at, point)| Some((at, *in_b.get(&key(point))?))).collect()
    }
    let by_id = join(boards, |point| point.verdict.id);
    if !by_id.is_empty() {
        return (MatchedBy::Id, by_id);
    }
    let varied: BTreeSet<&str> = boards.iter().flat_map(varied_axes).collect();
    let values = |point: &BoardPoint| -> Vec<Option<String>> {
        let value = |name: &&str| point.axes.iter().find(|(axis, _)| axis == name).map(|(_, value)| value.clone());
        varied.iter().map(value).collect()
    };
    match join(boards, values) {
        by_axes if by_axes.is_empty() => (MatchedBy::Id, by_id),
        by_axes => (MatchedBy::Axes, by_axes),
    }
}

/// Axes on which the board's configurations differ.
fn varied_axes(board: &RankedRun) -> BTreeSet<&str> {
    let first = board.points.first().map(|point| &point.axes);
    let differs = |at: usize, value: &str| first.is_some_and(|axes| axes[at].1 != value);
    let axes = board.points.iter().flat_map(|point| point.axes.iter().enumerate());
    axes.filter(|(at, (_, value))| differs(*at, value)).map(|(_, (name, _))| name.as_str()).collect()
}

/// Spearman's rank correlation of the shared configurations.
fn rank_correlation(boards: &[RankedRun; 2], pairs: &[(usize, usize)]) -> Option<f64> {
    let mut sorted = pairs.to_vec();
    sorted.sort_by_key(|(a, _)| *a);
    let a = mean_ranks(&sorted.iter().map(|(a, _)| &boards[0].points[*a].verdict).collect::<Vec<_>>());
    // ranks of B, brought back into the order of A
    let mut by_b: Vec<usize> = (0..sorted.len()).collect();
    by_b.sort_by_key(|at| sorted[*at].1);
    let ranks = mean_ranks(&by_b.iter().map(|at| &boards[1].points[sorted[*at].1].verdict).collect::<Vec<_>>());
    let mut b = vec![0.0; sorted.len()];
    by_b.iter().zip(ranks).for_each(|(at, rank)| b[*at] = rank);
    correlation(&a, &b)
}

/// Ranks of verdicts in their order, those of equal worth at their mean.
fn mean_ranks(verdicts: &[&Verdict]) -> Vec<f64> {
    let equal = |a: &&Verdict, b: &&Verdict| a.worth(b) == Ordering::Equal;
    let mut ranks = Vec::with_capacity(verdicts.len());
    for group in verdicts.chunk_by(equal) {
        let mean = ranks.len() as f64 + (group.len() as f64 + 1.0) / 2.0;
        ranks.extend(std::iter::repeat_n(mean, group.len()));
    }
    ranks
}

fn correlation(a: &[f64], b: &[f64]) -> Option<f64> {
    let mean = |v: &[f64]| v.iter().sum::<f64>() / v.len().max(1) as f64;
    let (ma, mb) = (mean(a), mean(b));
    let sum = |f: &dyn Fn(f64, f64) -> f64| a.iter().zip(b).map(|(x, y)| f(x - ma, y - mb)).sum::<f64>();
    let (xx, yy, xy) = (sum(&|x, _| x * x), sum(&|_, y| y * y), sum(&|x, y| x * y));
    (xx > 0.0 && yy > 0.0).then(|| xy / (xx * yy).sqrt())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::ranking::Verdict;

    /// A board of (id, value), ranked.
    fn board(points: &[(u64, f64)]) -> RankedRun {
        let point = |(id, value): &(u64, f64)| BoardPoint {
            verdict: Verdict::example(*id, *value),
            axes: vec![("g".to_string(), (id % 100).to_string())],
            ledger: String::new(),
            figures: vec![("net_pnl".to_string(), Some(*value))],
        };
        let mut points: Vec<BoardPoint> = points.iter().map(point).collect();
        points.sort_by(|a, b| a.verdict.order(&b.verdict));
        RankedRun { points }
    }

    #[test]
    fn order_is_compared_over_what_both_have() {
        // of five shared, worth 5 4 3 2 1 in A: ranks 2 1 4 3 5 in B; sum of squared differences 4: 1 - 6 x 4 / 120
        let a = board(&[(1, 5.0), (2, 4.0), (3, 3.0), (4, 2.0), (5, 1.0), (9, 100.0)]);
        let b = board(&[(1, 40.0), (2, 50.0), (3, 20.0), (4, 30.0), (5, 10.0), (8, -1.0)]);
        let found = symbol_comparison("BTC", &[a, b], 2);
        assert_eq!((found.configurations, found.shared, found.matched_by), ([6, 6], 5, MatchedBy::Id));
        assert!((found.rank_correlation.expect("a figure") - 0.8).abs() < 1e-12, "{found:?}");
        // the best two: 9 and 1 of A, 2 and 1 of B
        assert_eq!(found.top_overlap, 1);
        let [of_a, of_b] = found.winners.map(|winner| winner.expect("a winner"));
        assert_eq!((of_a.id.as_str(), of_a.places[1].as_ref()), ("0000000000000009", None));
        assert_eq!(of_b.places[0].as_ref().map(|place| (place.rank, place.objective)), Some((3, Some(4.0))));
    }

    #[test]
    fn ties_share_their_mean_rank_and_a_constant_has_no_order() {
        let tied = board(&[(1, 1.0), (2, 1.0), (3, 0.0)]);
        let verdicts: Vec<&Verdict> = tied.points.iter().map(|point| &point.verdict).collect();
        assert_eq!(mean_ranks(&verdicts), [1.5, 1.5, 3.0]);
        let flat = board(&[(1, 1.0), (2, 1.0), (3, 1.0)]);
        assert_eq!(symbol_comparison("BTC", &[tied, flat], 1).rank_correlation, None);
    }

    #[test]
    fn without_a_common_id_equal_axis_values_are_the_same_configuration() {
        let a = board(&[(101, 3.0), (102, 2.0), (103, 1.0)]);
        let b = board(&[(201, 1.0), (202, 2.0), (203, 3.0)]);
        let found = symbol_comparison("BTC", &[a, b], 1);
        assert_eq!((found.shared, found.matched_by), (3, MatchedBy::Axes));
        assert!((found.rank_correlation.expect("a figure") + 1.0).abs() < 1e-12);
    }
}
