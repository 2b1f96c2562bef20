//! Every statistic against `tests/fixtures/statistics_vectors.json`: worked inputs and outputs that the project computed with
//! other programs (numpy, scipy and, where there is one, a public implementation) before these were written.

use super::bootstrap::{Draws, block_length, percentile, spread};
use super::cscv::{Cscv, cscv, with_head};
use super::forward::{Windows, walk};
use super::luck::{for_more, luckiest, resampled_row, without_best_atom};
use super::matrix::{AtomSums, MatrixFrame, Trial, TrialMatrix};
use super::normal::{count_with_mean, false_strategy, greatest};
use super::sharpe::{Estimate, Shape, ShapeSums, least_backtest_years};
use crate::neighbours::{AxisShape, PlaceIndex, Plateau};
use perpx_core::stats::{AtomPlan, Atoms, Drawdown, WholeSpan};
use serde_json::Value as Json;
use std::sync::LazyLock;

static ALL: LazyLock<Json> = LazyLock::new(|| {
    serde_json::from_str(include_str!("../../../../tests/fixtures/statistics_vectors.json")).expect("JSON")
});

/// Vectors of what is not built, and of the search, the front and the axes, which are elsewhere; the last two are no results.
const NOT_HERE: [&str; 15] = [
    "posterior",
    "cpcv",
    "neff_atoms24",
    "neff_full_240",
    "spa",
    "mcs",
    "spa_scaled_col7_x50",
    "ras",
    "sobol_d5_first16_x65536",
    "pareto",
    "halving",
    "functional_anova",
    "ped_anova",
    "header",
    "F1",
];
/// Fields of vectors below that belong to what is not built.
const NOT_BUILT: [&str; 12] = [
    "mintrl_2012_95",
    "se_2012_at_sr",
    "sd_eq31",
    "dsr_2025_code",
    "dsr_2026",
    "p_max_eq26",
    "sr_crit_fwer_eq27",
    "bound",
    "slope",
    "intercept",
    "luck_consistent",
    "circular",
];

fn list(name: &str) -> &'static [Json] {
    ALL[name].as_array().unwrap_or_else(|| panic!("{name} is a list"))
}

fn number(of: &Json, field: &str) -> f64 {
    of[field].as_f64().unwrap_or_else(|| panic!("{field} in {of}"))
}

fn numbers(of: &Json) -> Vec<f64> {
    of.as_array().expect("a list").iter().map(|value| value.as_f64().expect("a number")).collect()
}

/// Equal to a billionth, of the greater size or of 1e-3.
#[track_caller]
fn near(found: f64, wanted: f64) {
    let size = found.abs().max(wanted.abs()).max(1e-3);
    assert!((found - wanted).abs() <= 1e-9 * size, "found {found}, the vector says {wanted}");
}

/// The optional field of a vector against what was found.
#[track_caller]
fn near_if_there(found: Option<f64>, of: &Json, field: &str) {
    match of.get(field).and_then(Json::as_f64) {
        Some(wanted) => near(found.unwrap_or_else(|| panic!("{field} is computed")), wanted),
        None => assert!(found.is_none(), "{field}: found {found:?}, the vector has none"),
    }
}

/// Returns of the columns of the market F1, in units of 1e-12.
fn columns() -> Vec<Vec<i64>> {
    let column = |values: &Json| numbers(values).iter().map(|value| *value as i64 * 1_000_000).collect();
    ALL["F1"]["data"].as_array().expect("columns").iter().map(column).collect()
}

fn atoms(column: &[i64], atoms: u32) -> Atoms {
    let mut out = Atoms::new(AtomPlan { intervals: column.len() as u32, atoms });
    column.iter().for_each(|r| out.add(*r));
    out
}

fn matrix(columns: &[Vec<i64>], count: u32) -> TrialMatrix {
    let plan = AtomPlan { intervals: 240, atoms: count };
    let frame = MatrixFrame::hourly(plan.lengths());
    let mut matrix = TrialMatrix::with_capacity(frame, columns.len());
    // in another order than that of the ids
    for (id, column) in columns.iter().enumerate().rev() {
        let row = atoms(column, count);
        let s1: Vec<f64> = row.s1.iter().map(|s1| *s1 as f64).collect();
        let s2: Vec<f64> = row.s2.iter().map(|s2| *s2 as f64).collect();
        let sharpe = super::sharpe::Sums { n: 240.0, s1: s1.iter().sum(), s2: s2.iter().sum() }.sharpe();
        let trial = Trial { shape: Some(ShapeSums::of(&row.whole)), ..Trial::plain(format_args!("{id:02}"), sharpe) };
        matrix.push(trial, AtomSums { s1: &s1, s2: &s2, trades: &[] });
    }
    matrix.finish().expect("different ids")
}

#[test]
fn every_vector_is_tested_or_named_as_not_built() {
    let here = [
        "psr",
        "max_of_normals",
        "n_from_emax",
        "dsr",
        "minbtl",
        "moments",
        "atoms_24",
        "drawdown_monoid_col3",
        "lag1_from_atoms_col3",
        "cscv",
        "cscv_embargo",
        "walk_forward",
        "bootstrap_indices",
        "block_length",
        "boot_interval_col3",
        "plateau",
        "luck_F1",
        "luck_F1_with_duplicate_and_late",
        "luck_F1_col6_plus_3500e-6",
        "cscv_F1_col6_plus_3500e-6",
        "expected_max_curve_sd1",
        "check_direct_rows_first5",
    ];
    for name in ALL.as_object().expect("an object").keys() {
        let places = usize::from(here.contains(&name.as_str())) + usize::from(NOT_HERE.contains(&name.as_str()));
        assert_eq!(places, 1, "{name}");
    }
    let text = ALL.to_string();
    NOT_BUILT.iter().for_each(|field| assert!(text.contains(&format!("\"{field}\"")), "{field}"));
}

fn estimate(of: &Json) -> Estimate {
    let shape = Shape { skew: number(of, "g3"), kurtosis: number(of, "g4"), rho: number(of, "rho") };
    Estimate { sharpe: number(of, "sr"), n: number(of, "n"), shape }
}

#[test]
fn psr() {
    for row in list("psr") {
        let (found, x) = (estimate(row), number(row, "sr0"));
        near(found.above(x).expect("PSR"), number(row, "psr_2026"));
        near(found.above_2012(x).expect("PSR of 2012"), number(row, "psr_2012"));
        near(found.error_at(found.sharpe).expect("an error"), number(row, "se_2026_at_sr"));
        near_if_there(found.least_length(x, 0.95), row, "mintrl_2026_95");
        near(found.critical(x, 0.95).expect("a bar"), number(row, "sr_crit_95"));
        near(found.power(x, 0.95, (2.0 * found.sharpe).max(0.02)).expect("power"), number(row, "power_vs_2x"));
    }
}

#[test]
fn the_greatest_of_normals() {
    for row in list("max_of_normals") {
        let found = greatest(number(row, "N"));
        near(found.mean, number(row, "e_exact"));
        near(found.sd, number(row, "sd_exact"));
        // the vector was made from 1 - 1 / N, whose rounding moves the quantile by so much
        let rounding = number(row, "N") * f64::EPSILON;
        let (found, wanted) = (false_strategy(number(row, "N")), number(row, "e_fst"));
        assert!((found - wanted).abs() <= 1e-9 + rounding, "found {found}, the vector says {wanted}");
    }
    for row in list("n_from_emax") {
        near(count_with_mean(number(row, "e")), number(row, "N"));
    }
    for row in list("expected_max_curve_sd1") {
        near(greatest(row[0].as_f64().expect("N")).mean, row[1].as_f64().expect("E"));
    }
}

#[test]
fn deflated_sharpe_and_least_backtest_length() {
    for row in list("dsr") {
        let (variance, trials) = (number(row, "V"), number(row, "N"));
        near(variance.sqrt() * false_strategy(trials), number(row, "sr0"));
        near(estimate(row).deflated(variance, trials).expect("DSR"), number(row, "dsr_2014"));
    }
    for row in list("minbtl") {
        near(least_backtest_years(number(row, "N"), number(row, "target")), number(row, "years"));
    }
}

#[test]
fn moments_and_atoms() {
    let (all, columns) = (matrix(&columns(), 24), columns());
    for row in list("moments") {
        let column = number(row, "col") as usize;
        let sums = all.all_sums(column);
        let shape = all.trial(column).shape.and_then(|shape| shape.shape(sums)).expect("it varies");
        near(sums.n, number(row, "n"));
        near(1e-12 * sums.s1 / sums.n, number(row, "mean"));
        near(sums.sharpe(), number(row, "sr"));
        for (found, field) in [(shape.skew, "g3"), (shape.kurtosis, "g4"), (shape.rho, "rho")] {
            near(found, number(row, field));
        }
        let found = Estimate { sharpe: sums.sharpe(), n: sums.n, shape };
        near(found.above(0.0).expect("PSR"), number(row, "psr_2026"));
        near(found.above_2012(0.0).expect("PSR of 2012"), number(row, "psr_2012"));
    }
    let vector = &ALL["atoms_24"];
    let lengths: Vec<f64> = all.frame.lengths.iter().map(|length| f64::from(*length)).collect();
    assert_eq!(lengths, numbers(&vector["n"]));
    all.s1(3).iter().zip(numbers(&vector["s1_col3"])).for_each(|(found, wanted)| near(found * 1e-12, wanted));
    all.s2(3).iter().zip(numbers(&vector["s2_col3"])).for_each(|(found, wanted)| near(found * 1e-24, wanted));
    all.sharpes().iter().zip(numbers(&vector["sharpe_total"])).for_each(|(found, wanted)| near(*found, wanted));
    let whole = atoms(&columns[3], 24).whole;
    let shape = ShapeSums::of(&whole).shape(all.all_sums(3)).expect("it varies");
    near(shape.rho, number(&ALL["lag1_from_atoms_col3"], "rho"));
}

#[test]
fn drawdowns_join() {
    let column = &columns()[3];
    let of = |intervals: &[i64]| intervals.iter().fold(Drawdown::default(), |sum, r| sum.join(Drawdown::of(*r)));
    let atom = |atom: usize| of(&column[10 * atom..10 * atom + 10]);
    let check = |found: Drawdown, field: &str| {
        let parts = [found.total, found.peak, found.trough, found.deepest];
        let wanted = numbers(&ALL["drawdown_monoid_col3"][field]);
        parts.into_iter().zip(wanted).for_each(|(found, wanted)| near(found as f64 * 1e-12, wanted));
    };
    check(atom(0), "atom0");
    check(atom(1), "atom1");
    let joined = |atoms: &[usize]| atoms.iter().fold(Drawdown::default(), |sum, a| sum.join(atom(*a)));
    check(joined(&(0..24).collect::<Vec<_>>()), "all");
    check(joined(&(0..24).collect::<Vec<_>>()), "joined_all");
    check(joined(&[0, 3, 4, 9, 20, 23]), "atoms_0_3_4_9_20_23");
    check(column.iter().fold(WholeSpan::default(), |sum, r| sum.join(WholeSpan::of(*r))).drawdown, "all");
}

fn check_cscv(found: &Cscv, row: &Json) {
    near(found.overfit(), number(row, "pbo"));
    near(found.loss(), number(row, "p_loss"));
    near(found.mean_logit(), number(row, "mean_logit"));
}

fn check_whole_cscv(found: &Cscv, row: &Json) {
    check_cscv(found, row);
    near(found.mean_train(), number(row, "mean_train"));
    near(found.mean_test(), number(row, "mean_test"));
    assert_eq!(found.splits.len(), number(row, "splits") as usize);
    assert_eq!(found.picks(), number(row, "winners") as usize);
}

#[test]
fn overfitting_by_symmetric_cross_validation() {
    let all = columns();
    for row in list("cscv") {
        let chosen: Vec<Vec<i64>> = numbers(&row["cols"]).iter().map(|column| all[*column as usize].clone()).collect();
        let found = cscv(&matrix(&chosen, 24), number(row, "S") as u32).expect("halves");
        check_whole_cscv(&found, row);
        let logits = numbers(&row["first5_logits"]);
        found.splits.iter().zip(logits).for_each(|(split, logit)| near(split.logit, logit));
        let picks = numbers(&row["first5_winners"]);
        assert!(found.splits.iter().zip(picks).all(|(split, pick)| split.pick == pick as usize));
    }
    for row in list("cscv_embargo") {
        let found = with_head(&matrix(&all[..10], 240), number(row, "S") as u32, number(row, "h") as usize);
        check_cscv(&found.expect("halves"), row);
    }
    let mut better = all[..10].to_vec();
    better[6].iter_mut().for_each(|r| *r += 3_500_000_000);
    check_whole_cscv(&cscv(&matrix(&better, 24), 8).expect("halves"), &ALL["cscv_F1_col6_plus_3500e-6"]);
}

#[test]
fn walking_forward() {
    let matrix = matrix(&columns()[..10], 24);
    for row in list("walk_forward") {
        let [train, gap, test] = ["train", "embargo", "test"].map(|field| number(row, field) as usize);
        let found = walk(&matrix, Windows { train, gap, test, is_anchored: row["anchored"] == true });
        let picks: Vec<f64> = found.folds.iter().map(|fold| fold.pick as f64).collect();
        assert_eq!(picks, numbers(&row["picks"]));
        assert_eq!(found.folds.len() as f64, number(row, "folds"));
        for (fold, (inside, outside)) in
            found.folds.iter().zip(numbers(&row["is_sharpe"]).into_iter().zip(numbers(&row["oos_sharpe"])))
        {
            near(fold.train_sharpe, inside);
            near(fold.estimate.sharpe(), outside);
        }
        let stitched =
            found.stitched(&found.folds.iter().map(|fold| fold.estimate).collect::<Vec<_>>()).expect("folds");
        near(stitched.sums.s1 * 1e-12, number(row, "stitched_sum"));
        near(stitched.sharpe, number(row, "stitched_sharpe"));
        near(stitched.efficiency, number(row, "wf_efficiency"));
    }
}

#[test]
fn blocks_and_intervals() {
    let columns = columns();
    let wanted = numbers(&ALL["block_length"]["stationary"]);
    for (column, wanted) in columns.iter().zip(wanted) {
        near(block_length(&column.iter().map(|r| *r as f64).collect::<Vec<_>>()), wanted);
    }
    let row = &ALL["bootstrap_indices"];
    let first = row["first3"].as_array().expect("three");
    let draws = Draws::new(&[10; 24], number(row, "seed") as u64, 3, number(row, "mean_len"));
    for (history, wanted) in first.iter().map(numbers).enumerate() {
        let mut counts = [0.0; 24];
        wanted.iter().for_each(|atom| counts[*atom as usize] += 1.0);
        let found = draws.of(history);
        assert!(found.iter().all(|(atom, count)| counts[*atom as usize] == *count));
        assert_eq!(found.iter().map(|(_, count)| count).sum::<f64>(), 24.0);
    }
    let row = &ALL["boot_interval_col3"];
    let matrix = matrix(&columns[..10], 24);
    let draws = Draws::new(&matrix.frame.lengths, number(row, "seed") as u64, number(row, "R") as usize, 1.0);
    let mut drawn = resampled_row(&matrix, 3, &draws);
    let below = drawn.iter().filter(|sharpe| **sharpe <= 0.0).count();
    drawn.sort_unstable_by(f64::total_cmp);
    near(matrix.sharpes()[3], number(row, "sr"));
    near(spread(&drawn).1, number(row, "sd"));
    near(percentile(&drawn, 0.025), number(row, "pct_2_5"));
    near(percentile(&drawn, 0.975), number(row, "pct_97_5"));
    near(below as f64 / drawn.len() as f64, number(row, "p_sr_le_0"));
}

fn check_luck(columns: &[Vec<i64>], name: &str) {
    let row = &ALL[name];
    let matrix = matrix(columns, number(row, "A") as u32);
    let (seed, histories) = (number(row, "seed") as u64, number(row, "R") as usize);
    let draws = Draws::new(&matrix.frame.lengths, seed, histories, number(row, "mean_len"));
    let sharpes = matrix.sharpes();
    let found = luckiest(&matrix, &sharpes, &draws);
    let winner = matrix.winner().expect("a winner");
    assert_eq!(winner as f64, number(row, "winner"));
    near(sharpes[winner], number(row, "sharpe"));
    near(found.luck(sharpes[winner]), number(row, "luck"));
    near(found.adjusted[winner], number(row, "luck"));
    near(without_best_atom(&matrix, winner), number(row, "sharpe_without_best_atom"));
    near(found.luck(without_best_atom(&matrix, winner)), number(row, "luck_robust"));
    let (mean, sd) = spread(&found.d);
    near(mean, number(row, "expected_luckiest"));
    near(sd, number(row, "sd_luckiest"));
    found.d.iter().zip(numbers(&row["first5"])).for_each(|(found, wanted)| near(*found, wanted));
    let mut sorted = found.d.clone();
    sorted.sort_unstable_by(f64::total_cmp);
    near(percentile(&sorted, 0.95), number(row, "q95_luckiest"));
    near(found.mean_standardised, number(row, "mean_std_max"));
    near(found.independent_trials(), number(row, "n_boot"));
    near(spread(&resampled_row(&matrix, winner, &draws)).1, number(row, "se_winner"));
}

#[test]
fn luck() {
    let all = columns();
    check_luck(&all[..10], "luck_F1");
    check_luck(&all, "luck_F1_with_duplicate_and_late");
    let mut better = all;
    better[6].iter_mut().for_each(|r| *r += 3_500_000_000);
    check_luck(&better[..10], "luck_F1_col6_plus_3500e-6");
    // of rows that were drawn interval by interval
    let (matrix, draws) = (matrix(&columns()[..10], 24), Draws::new(&[10; 24], 79, 5, 1.0));
    let direct = numbers(&ALL["check_direct_rows_first5"]);
    luckiest(&matrix, &matrix.sharpes(), &draws).d.iter().zip(direct).for_each(|(found, wanted)| near(*found, wanted));
    near(for_more(0.05, 2.0, 1.0), 0.0975);
    near(for_more(1.0, 3.0, 1.0), 1.0);
}

/// The adjusted p-values against their definition, one row at a time.
#[test]
fn step_down_by_its_definition() {
    let matrix = matrix(&columns(), 24);
    let (sharpes, draws) = (matrix.sharpes(), Draws::new(&[10; 24], 5, 300, 2.0));
    let found = luckiest(&matrix, &sharpes, &draws);
    let drawn: Vec<Vec<f64>> = (0..12).map(|row| resampled_row(&matrix, row, &draws)).collect();
    let mut order: Vec<usize> = (0..12).collect();
    order.sort_by(|a, b| sharpes[*b].total_cmp(&sharpes[*a]).then(a.cmp(b)));
    let mut least: f64 = 0.0;
    for (place, row) in order.iter().enumerate() {
        let greatest =
            |r: usize| order[place..].iter().map(|k| drawn[*k][r] - sharpes[*k]).fold(f64::NEG_INFINITY, f64::max);
        let reached = (0..300).filter(|r| greatest(*r) >= sharpes[*row]).count();
        least = least.max((1.0 + reached as f64) / 301.0);
        assert_eq!(found.adjusted[*row], least, "row {row}");
    }
}

#[test]
fn plateaus() {
    let vector = &ALL["plateau"];
    let rows = vector["Z"].as_array().expect("rows");
    let objective: Vec<Option<f64>> =
        rows.iter().flat_map(|row| row.as_array().expect("cells")).map(Json::as_f64).collect();
    let places: Vec<Vec<u16>> = (0..25).map(|point| vec![point / 5, point % 5]).collect();
    let axes = [AxisShape { values: 5, is_ordered: true, step: 1 }; 2];
    let found = Plateau::new(&axes, places.iter().map(Vec::as_slice).collect(), objective);
    let index = PlaceIndex::new(places.iter().map(Vec::as_slice), axes);
    let grid = |field: &str| vector[field].as_array().expect("rows").iter().flat_map(numbers).collect::<Vec<_>>();
    for ((score, wanted), (place, ball)) in
        found.scores.iter().zip(grid("score_values")).zip(places.iter().zip(grid("ball_sizes")))
    {
        near(score.expect("enough neighbours"), wanted);
        assert_eq!(index.beside(place).len() as f64 + 1.0, ball);
    }
    let place = |field: &str| numbers(&vector[field]).iter().map(|value| *value as u16).collect::<Vec<_>>();
    assert_eq!(places[found.ranked()[0]], place("plateau_winner"));
    let raw = place("raw_winner");
    let at = found.at(&raw).expect("a point");
    near(found.scores[at].expect("a score"), number(vector, "score_of_raw_winner"));
    let edges = |place: &[u16]| place.iter().zip(axes).map(|(at, axis)| axis.is_edge(*at)).collect::<Vec<_>>();
    assert_eq!((edges(&raw), edges(&[2, 2])), (vec![false, true], vec![false; 2]));
    // the middle nine, without the one that scores 0.7
    assert_eq!(found.around(&[2, 2], 0.8).len(), 8);
    assert!(found.around(&raw, 0.8).is_empty());
}
