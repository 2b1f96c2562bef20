//! Whether one row of trials earned more than another over the same time. What moved both alike is no difference: atoms are
//! drawn in pairs.

use super::bootstrap::{Draws, block_length, percentile, spread};
use super::luck::resampled_row;
use super::matrix::TrialMatrix;
use serde::Serialize;

/// Histories that are drawn.
const DRAWS: usize = 2_000;
/// A unit of returns as a share of C0.
const UNIT: f64 = 1e-12;

/// The second row less the first.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct PairedDifference {
    /// Of what they earned, a share of C0.
    pub net: f64,
    /// One standard error of it.
    pub net_error: f64,
    /// 95 %.
    pub net_interval: [f64; 2],
    /// Of their Sharpe ratios, a year's.
    pub sharpe: f64,
    /// 95 %.
    pub sharpe_interval: [f64; 2],
    /// The interval of the net leaves out zero: the difference is larger than its error.
    pub is_clear: bool,
}

/// Row `b` less row `a`. None where their atoms are no pairs, or nothing is different in any.
pub fn paired(a: (&TrialMatrix, usize), b: (&TrialMatrix, usize)) -> Option<PairedDifference> {
    let frame = &a.0.frame;
    if (&frame.lengths, frame.interval_sec) != (&b.0.frame.lengths, b.0.frame.interval_sec) {
        return None;
    }
    let differences: Vec<f64> = b.0.s1(b.1).iter().zip(a.0.s1(a.1)).map(|(b, a)| b - a).collect();
    if differences.iter().all(|difference| *difference == 0.0) {
        return None;
    }
    let draws = Draws::new(&frame.lengths, 0, DRAWS, block_length(&differences).max(1.0));
    let interval = |mut drawn: Vec<f64>, unit: f64| {
        drawn.sort_unstable_by(f64::total_cmp);
        [0.025, 0.975].map(|p| unit * percentile(&drawn, p))
    };
    let net: Vec<f64> = draws.sums(&differences).collect();
    let net_error = UNIT * spread(&net).1;
    let net_interval = interval(net, UNIT);
    let ratios = resampled_row(b.0, b.1, &draws).into_iter().zip(resampled_row(a.0, a.1, &draws));
    let year = frame.root_year();
    Some(PairedDifference {
        net: UNIT * differences.iter().sum::<f64>(),
        net_error,
        net_interval,
        sharpe: year * (b.0.all_sums(b.1).sharpe() - a.0.all_sums(a.1).sharpe()),
        sharpe_interval: interval(ratios.map(|(b, a)| b - a).collect(), year),
        is_clear: net_interval[0] > 0.0 || net_interval[1] < 0.0,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::{AtomSums, MatrixFrame, Trial};
    use perpx_core::sim::chance::{hash64, unit53};

    /// Two rows that move alike, the second by `more` more in each atom, and by `own` on its own.
    fn rows(seed: u64, more: f64, own: f64) -> TrialMatrix {
        let frame = MatrixFrame {
            lengths: vec![5; 48],
            interval_sec: 3_600.0,
            embargo: 0,
            least_trades: 0,
            most_drawdown: None,
        };
        let draw = |atom: u64, which: u64| 2.0 * unit53(hash64(&[seed, atom, which])) - 1.0;
        let market: Vec<f64> = (0..48).map(|atom| 1e9 * draw(atom, 0)).collect();
        let second: Vec<f64> = market.iter().zip(0..).map(|(m, atom)| m + 1e9 * (more + own * draw(atom, 1))).collect();
        let mut matrix = TrialMatrix::with_capacity(frame, 2);
        for (row, s1) in [market, second].iter().enumerate() {
            let s2: Vec<f64> = s1.iter().map(|s1| s1 * s1 / 5.0 + 1e18).collect();
            let trial = Trial::plain(row, 0.0);
            matrix.push(trial, AtomSums { s1, s2: &s2, trades: &[] });
        }
        matrix.finish().expect("different ids")
    }

    /// The market moves both by 1e9 an atom; the difference is a tenth of that, and clear only because the atoms are pairs.
    #[test]
    fn what_moves_both_alike_is_no_difference() {
        let matrix = rows(1, 0.1, 0.1);
        let found = paired((&matrix, 0), (&matrix, 1)).expect("a difference");
        assert!(found.is_clear && found.net_interval[0] > 0.0, "{found:?}");
        assert!((found.net / 0.0048 - 1.0).abs() < 0.2, "{found:?}");
        let turned = paired((&matrix, 1), (&matrix, 0)).expect("a difference");
        assert!(turned.is_clear && turned.net == -found.net && turned.sharpe == -found.sharpe);
        assert_eq!(paired((&matrix, 0), (&matrix, 0)), None);
        let mut other = rows(1, 0.1, 0.1);
        other.frame.lengths[0] = 6;
        assert_eq!(paired((&matrix, 0), (&other, 1)), None, "no pairs");
    }

    /// Of 200 pairs without a difference about 5 % look clear: with 48 atoms the bootstrap calls a few more.
    #[test]
    fn no_difference_is_seldom_clear() {
        let clear = |seed: &u64| {
            let matrix = rows(*seed, 0.0, 0.5);
            paired((&matrix, 0), (&matrix, 1)).is_some_and(|found| found.is_clear)
        };
        let called = (0..200).filter(clear).count();
        assert!((2..=24).contains(&called), "{called} of 200");
    }
}
