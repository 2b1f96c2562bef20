//! Luck: the reality check (H. White, 2000) in Sharpe units.
//!
//! Histories like the one that was are drawn from its atoms, the same for all configurations, so that the correlation of the
//! grid is kept. In each of them every configuration's Sharpe ratio differs from its observed one by chance alone; the
//! greatest of these differences, D, is what the luckiest of so many would show without an edge.

use super::bootstrap::Draws;
use super::matrix::{LANES, Lanes, TrialMatrix};
use super::normal::count_with_mean;
use super::sharpe::Count;
use rayon::prelude::*;

/// What the draws say.
pub struct Luckiest {
    /// D of each history.
    pub d: Vec<f64>,
    /// Mean over histories of the greatest difference over its own deviation.
    pub mean_standardised: f64,
    /// By row the p-value adjusted for all that rank below it (step-down, J. Romano, M. Wolf, 2005).
    pub adjusted: Vec<f64>,
}

impl Luckiest {
    /// In how many histories of a hundred, as a share, the luckiest reaches `sharpe`; never 0.
    pub fn luck(&self, sharpe: f64) -> f64 {
        let reached = self.d.iter().filter(|d| **d >= sharpe).count();
        p_value(reached as u32, self.d.len())
    }

    /// The smallest figure that so many histories can show: that of a winner which none of them reaches.
    pub fn least(&self) -> f64 {
        p_value(0, self.d.len())
    }

    /// The number of independent trials whose luckiest would be as lucky.
    pub fn independent_trials(&self) -> f64 {
        count_with_mean(self.mean_standardised)
    }
}

fn p_value(reached: u32, histories: usize) -> f64 {
    (1.0 + f64::from(reached)) / (histories as f64 + 1.0)
}

/// Histories of which the smallest figure is `p` or less.
pub fn draws_for(p: f64) -> u64 {
    (1.0 / p).ceil() as u64 - 1
}

/// The chance that one of `all` trials looks this good, from that for `some` of them (Sidak); also over symbols.
pub fn for_more(p: f64, all: f64, some: f64) -> f64 {
    -libm::expm1(all / some * libm::log1p(-p.min(1.0)))
}

/// Numbers of the buffer that is worked through at once: 64 MiB.
const BUFFER: usize = 1 << 23;

/// A group of rows with what each history makes of them.
struct Group<'a> {
    rows: &'a [usize],
    /// By history the difference of each lane, then the greatest of them and the greatest standardised one.
    cells: &'a mut [[f64; LANES + 2]],
}

/// Judges all rows of `matrix`, whose Sharpe ratios are `sharpes`.
pub fn luckiest(matrix: &TrialMatrix, sharpes: &[f64], draws: &Draws) -> Luckiest {
    let histories = draws.histories();
    let counts: Vec<Count> = draws.intervals.iter().map(|n| Count::new(*n)).collect();
    // from the lowest ratio to the highest, of equals the lower id last; rows without variance are no candidates
    let mut order: Vec<usize> = (0..matrix.rows()).filter(|row| sharpes[*row].is_finite()).collect();
    order.par_sort_unstable_by(|a, b| sharpes[*a].total_cmp(&sharpes[*b]).then(b.cmp(a)));
    let mut reached = vec![0u32; order.len()];
    let mut greatest = vec![f64::NEG_INFINITY; histories];
    let mut standardised = vec![f64::NEG_INFINITY; histories];
    let at_once = (BUFFER / (histories * (LANES + 2))).max(1);
    let mut buffer = vec![[0.0; LANES + 2]; histories * at_once.min(order.len().div_ceil(LANES))];
    for (rows, reached) in order.chunks(at_once * LANES).zip(reached.chunks_mut(at_once * LANES)) {
        let groups = rows.par_chunks(LANES).zip(buffer.par_chunks_mut(histories));
        groups.for_each(|(rows, cells)| Group { rows, cells }.resample(matrix, sharpes, draws, &counts));
        // what lies below each group takes the place of what is greatest in it
        for cells in buffer.chunks_mut(histories).take(rows.len().div_ceil(LANES)) {
            for ((cell, greatest), standardised) in cells.iter_mut().zip(&mut greatest).zip(&mut standardised) {
                let here = cell[LANES];
                cell[LANES] = *greatest;
                *greatest = greatest.max(here);
                *standardised = standardised.max(cell[LANES + 1]);
            }
        }
        let groups = rows.par_chunks(LANES).zip(buffer.par_chunks_mut(histories)).zip(reached.par_chunks_mut(LANES));
        groups.for_each(|((rows, cells), reached)| Group { rows, cells }.step_down(sharpes, reached));
    }
    // of all rows ranked above, none may have a higher p
    let mut adjusted = vec![1.0; matrix.rows()];
    let mut so_far: f64 = 0.0;
    for (row, reached) in order.iter().zip(&reached).rev() {
        so_far = so_far.max(p_value(*reached, histories));
        adjusted[*row] = so_far;
    }
    let mean_standardised = standardised.iter().sum::<f64>() / histories as f64;
    Luckiest { d: greatest, mean_standardised, adjusted }
}

impl Group<'_> {
    fn resample(self, matrix: &TrialMatrix, sharpes: &[f64], draws: &Draws, counts: &[Count]) {
        let lanes = matrix.lanes(self.rows);
        let observed: Lanes = std::array::from_fn(|lane| sharpes[self.rows[lane.min(self.rows.len() - 1)]]);
        let (mut sum, mut square) = ([0.0; LANES], [0.0; LANES]);
        for (history, cell) in self.cells.iter_mut().enumerate() {
            let drawn = resampled(&lanes, draws.of(history), counts[history]);
            for lane in 0..LANES {
                let difference = drawn[lane] - observed[lane];
                cell[lane] = difference;
                sum[lane] += difference;
                square[lane] += difference * difference;
            }
        }
        let n = self.cells.len() as f64;
        let per_sd: Lanes = std::array::from_fn(|lane| {
            let variance = (square[lane] - sum[lane] * sum[lane] / n) / (n - 1.0);
            // a row that never varies shows no luck
            if variance > 0.0 && variance.is_finite() { 1.0 / variance.sqrt() } else { 0.0 }
        });
        for cell in self.cells.iter_mut() {
            let (mut greatest, mut standardised) = (f64::NEG_INFINITY, f64::NEG_INFINITY);
            for lane in 0..LANES {
                greatest = greatest.max(cell[lane]);
                standardised = standardised.max(cell[lane] * per_sd[lane]);
            }
            cell[LANES] = greatest;
            cell[LANES + 1] = standardised;
        }
    }

    /// Counts by row the histories in which it, or one below it, reaches its ratio.
    fn step_down(self, sharpes: &[f64], reached: &mut [u32]) {
        for cell in self.cells.iter() {
            let mut greatest = cell[LANES];
            for ((row, difference), reached) in self.rows.iter().zip(cell).zip(reached.iter_mut()) {
                greatest = greatest.max(*difference);
                *reached += u32::from(greatest >= sharpes[*row]);
            }
        }
    }
}

/// The Sharpe ratio of each lane in one history.
#[inline]
fn resampled(lanes: &[[Lanes; 2]], drawn: &[(u32, f64)], count: Count) -> Lanes {
    let (mut s1, mut s2) = ([0.0; LANES], [0.0; LANES]);
    for (atom, times) in drawn {
        let [a, b] = &lanes[*atom as usize];
        for lane in 0..LANES {
            s1[lane] += times * a[lane];
            s2[lane] += times * b[lane];
        }
    }
    std::array::from_fn(|lane| count.sharpe(s1[lane], s2[lane]))
}

/// The Sharpe ratio of one row in each history.
pub fn resampled_row(matrix: &TrialMatrix, row: usize, draws: &Draws) -> Vec<f64> {
    let sums = draws.sums(matrix.s1(row)).zip(draws.sums(matrix.s2(row)));
    sums.zip(&draws.intervals).map(|((s1, s2), n)| Count::new(*n).sharpe(s1, s2)).collect()
}

/// The Sharpe ratio of a row without its best atom.
pub fn without_best_atom(matrix: &TrialMatrix, row: usize) -> f64 {
    let best = matrix.s1(row).iter().enumerate().map(|(atom, s1)| (*s1, atom)).reduce(super::matrix::better);
    let atom = best.map_or(0, |(_, atom)| atom);
    let atoms = matrix.frame.atoms();
    matrix.sums(row, 0..atom).plus(matrix.sums(row, atom + 1..atoms)).sharpe()
}
