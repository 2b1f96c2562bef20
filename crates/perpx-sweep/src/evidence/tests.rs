//! What is not in the vectors: who may be chosen, and what is said where there is little to go by.

use super::judge::Missing;
use super::luck::without_best_atom;
use super::*;

/// 24 atoms of 10 intervals.
fn frame(least_trades: u32) -> MatrixFrame {
    MatrixFrame { least_trades, ..MatrixFrame::hourly(vec![10; 24]) }
}

fn trial(id: usize, objective: f64) -> Trial {
    Trial::plain(format_args!("{id:02}"), objective)
}

/// Sums of an atom that made `s1`, up and down around it.
fn moving(s1: &[f64; 24]) -> [f64; 24] {
    s1.map(|s1| s1 * s1 / 10.0 + 40.0)
}

/// Row 0 made more than row 1; both traded in every atom but where `trades` says otherwise.
fn two(least_trades: u32, trades: [u16; 24], change: impl Fn(&mut Trial)) -> TrialMatrix {
    let mut matrix = TrialMatrix::with_capacity(frame(least_trades), 2);
    let made =
        [std::array::from_fn(|atom| 3.0 + (atom % 3) as f64), std::array::from_fn(|atom| (atom % 5) as f64 - 1.0)];
    for (row, s1) in made.iter().enumerate() {
        let mut trial = trial(row, 2.0 - row as f64);
        if row == 0 {
            change(&mut trial);
        }
        let trades = if row == 0 { &trades } else { &[2; 24] };
        matrix.push(trial, AtomSums { s1, s2: &moving(s1), trades });
    }
    matrix.finish().expect("different ids")
}

fn judged(matrix: &TrialMatrix) -> Judged {
    match judge(matrix, &Settings { draws: 200, ..Settings::default() }).outcome {
        Finding::Judged(judged) => *judged,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_winner_is_eligible_ranked_and_has_its_trades() {
    let winner = |matrix: TrialMatrix| matrix.winner();
    assert_eq!(winner(two(48, [2; 24], |_| ())), Some(0));
    assert_eq!(winner(two(48, [1; 24], |_| ())), Some(1), "24 trades of 48");
    assert_eq!(winner(two(0, [2; 24], |trial| trial.is_eligible = false)), Some(1));
    assert_eq!(winner(two(0, [2; 24], |trial| trial.objective = None)), Some(1));
    let nobody = two(60, [2; 24], |_| ());
    assert!(matches!(judge(&nobody, &Settings::default()).outcome, Finding::NoWinner));
}

/// All trades in the first half: enough over the span, too few in any window of the second half.
#[test]
fn a_part_of_the_time_must_have_its_share_of_the_trades() {
    let early = std::array::from_fn(|atom| if atom < 12 { 4 } else { 0 });
    let matrix = two(40, early, |_| ());
    assert_eq!(matrix.winner(), Some(0));
    let walk = walk(&matrix, Windows { train: 6, gap: 0, test: 6, is_anchored: false });
    assert_eq!(walk.folds.iter().map(|fold| fold.pick).collect::<Vec<_>>(), [0, 0, 1]);
    let halves = cscv(&matrix, 8).expect("halves");
    // the first split trains on the first half, the last on the second
    assert_eq!((halves.splits[0].pick, halves.splits[69].pick), (0, 1));
}

/// A fall that the span as a whole allows is judged again in each part of it: row 0 falls by 30 in the second half.
#[test]
fn a_part_of_the_time_must_keep_to_the_drawdown() {
    let mut matrix = TrialMatrix::with_capacity(MatrixFrame { most_drawdown: Some(29.0), ..frame(0) }, 2);
    let falls: [f64; 24] = std::array::from_fn(|atom| if (16..19).contains(&atom) { -10.0 } else { 9.0 });
    for (row, s1) in [falls, [1.0; 24]].iter().enumerate() {
        matrix.push(trial(row, 2.0 - row as f64), AtomSums { s1, s2: &moving(s1), trades: &[2; 24] });
    }
    let matrix = matrix.finish().expect("different ids");
    let halves = cscv(&matrix, 8).expect("halves");
    assert_eq!((halves.splits[0].pick, halves.splits[69].pick), (0, 1));
    assert!(matrix.keeps_up(0, 0..18) && !matrix.keeps_up(0, 0..19) && !matrix.is_selectable(0, 10..20));
    let mut free = matrix;
    free.frame.most_drawdown = None;
    assert_eq!(cscv(&free, 8).expect("halves").splits[69].pick, 0);
}

/// Two that are equal in the worst world: the ranking prefers the one whose next world is better, whatever its id.
#[test]
fn the_winner_is_the_one_that_ranks_first() {
    let matrix = |ranks: [Option<u32>; 2]| {
        let mut matrix = TrialMatrix::with_capacity(frame(0), 2);
        for (row, rank) in ranks.into_iter().enumerate() {
            let s1 = [1.0 + row as f64; 24];
            let sums = AtomSums { s1: &s1, s2: &moving(&s1), trades: &[2; 24] };
            matrix.push(Trial { rank, ..trial(row, 5.0) }, sums);
        }
        matrix.finish().expect("different ids")
    };
    assert_eq!(matrix([None, None]).winner(), Some(0), "the lower id");
    assert_eq!(matrix([Some(2), Some(1)]).winner(), Some(1));
    assert_eq!(matrix([Some(2), None]).winner(), Some(0), "of a table that ranks some");
}

#[test]
fn a_winner_is_held_against_luck_by_its_smaller_ratio() {
    let base = judged(&two(0, [2; 24], |_| ()));
    let worse = judged(&two(0, [2; 24], |trial| trial.ranking_sharpe = Some(0.01)));
    let better = judged(&two(0, [2; 24], |trial| trial.ranking_sharpe = Some(9.0)));
    assert_eq!(worse.winner.sharpe, base.winner.sharpe);
    assert!(worse.winner.tested_sharpe < base.winner.tested_sharpe && worse.luck.luck > base.luck.luck);
    assert!(worse.luck.robust >= worse.luck.luck);
    assert_eq!((better.winner.tested_sharpe, better.luck.luck), (base.winner.sharpe, base.luck.luck));
}

#[test]
fn doing_nothing_is_worth_0_and_money_without_variance_comes_last() {
    let mut matrix = TrialMatrix::with_capacity(frame(0), 3);
    matrix.push(trial(0, 1.0), AtomSums { s1: &[0.0; 24], s2: &[0.0; 24], trades: &[] });
    matrix.push(trial(1, 0.0), AtomSums { s1: &[10.0; 24], s2: &[10.0; 24], trades: &[] });
    matrix.push(trial(2, 0.0), AtomSums { s1: &[-1.0; 24], s2: &moving(&[-1.0; 24]), trades: &[] });
    let matrix = matrix.finish().expect("different ids");
    let sharpes = matrix.sharpes();
    assert_eq!((sharpes[0], sharpes[1]), (0.0, f64::NEG_INFINITY));
    let halves = cscv(&matrix, 8).expect("halves");
    assert!(halves.splits.iter().all(|split| split.pick == 0 && split.test == 0.0));
    let found = judged(&matrix);
    assert_eq!((found.luck.luck, found.adjusted[1]), (1.0, 1.0));
    assert_eq!(without_best_atom(&matrix, 0), 0.0);
}

#[test]
fn where_there_is_too_little_nothing_is_judged() {
    let matrix = two(0, [1; 24], |_| ());
    let Finding::TooShort(short) = judge(&matrix, &Settings::default()).outcome else { panic!("too few trades") };
    assert_eq!(short.missing, [Missing { what: "trades of the winner", found: 24, least: 30 }]);
    // 240 hours at 24 trades: 30 trades take 300 hours
    assert_eq!(short.days_needed, Some(12.5));
    let idle = two(0, [0; 24], |_| ());
    let Finding::TooShort(short) = judge(&idle, &Settings::default()).outcome else { panic!("no trades") };
    assert_eq!(short.days_needed, None);
}

/// A head is dropped where the half changes at a block's left edge, on both sides alike.
#[test]
fn a_head_as_long_as_its_block_leaves_nothing_to_halve() {
    let mut matrix = two(0, [2; 24], |_| ());
    matrix.frame.embargo = 20;
    assert_eq!(cscv(&matrix, 8).map(|halves| halves.head), Some(2));
    matrix.frame.embargo = 21;
    assert!(cscv(&matrix, 8).is_none());
    assert!(judged(&matrix).overfitting.is_none());
    assert!(cscv(&matrix, 16).is_none() && cscv(&matrix, 7).is_none());
}

#[test]
fn windows_end_with_the_span() {
    for atoms in (24..=168).step_by(24) {
        for gap in 0..5 {
            let windows = Windows::of(atoms, gap, 5, false);
            let Some(Windows { train, test, .. }) = windows else { continue };
            assert_eq!(train + gap + 5 * test, atoms);
            assert!(train >= atoms / 2);
        }
    }
    assert!(Windows::of(24, 8, 5, true).is_none(), "four atoms for five tests");
}
