//! The probability of backtest overfitting by combinatorially symmetric cross-validation (D. Bailey, J. Borwein, M. Lopez de
//! Prado, Q. Zhu, 2017): in every way of halving the blocks of time, where does the best of one half stand in the other?
//!
//! It is about ranking, not about profit: a plateau of equally good configurations gives one half, and a grid that always
//! loses in the same order gives 0. So it never stands without the share of halves in which the chosen one loses.

use super::matrix::{LANES, Lanes, TrialMatrix, better, count};
use super::sharpe::Count;
use rayon::prelude::*;

/// What all splits came to.
#[derive(Clone, Debug)]
pub struct Cscv {
    /// Into so many the time was cut.
    pub blocks: u32,
    /// Atoms at the head of a block that are dropped where the half changes at its left edge.
    pub head: usize,
    /// In the order of the combinations of training blocks; those in which nothing was selectable are left out.
    pub splits: Vec<Split>,
}

/// One choice of training blocks.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Split {
    /// The row that was best in training.
    pub pick: usize,
    /// Its Sharpe ratio per interval there.
    pub train: f64,
    /// And in the other half.
    pub test: f64,
    /// Logit of its relative rank in the test half.
    pub logit: f64,
}

impl Cscv {
    fn share(&self, holds: impl Fn(&Split) -> bool) -> f64 {
        self.splits.iter().filter(|split| holds(split)).count() as f64 / self.splits.len() as f64
    }

    fn mean(&self, value: impl Fn(&Split) -> f64) -> f64 {
        self.splits.iter().map(value).sum::<f64>() / self.splits.len() as f64
    }

    /// PBO: the share of splits whose choice fell to the middle or below.
    pub fn overfit(&self) -> f64 {
        self.share(|split| split.logit <= 0.0)
    }

    /// P(test loss): the share of splits whose choice then lost money.
    pub fn loss(&self) -> f64 {
        self.share(|split| split.test < 0.0)
    }

    /// Mean of the logits.
    pub fn mean_logit(&self) -> f64 {
        self.mean(|split| split.logit)
    }

    /// Mean Sharpe ratio of the choices in training, per interval.
    pub fn mean_train(&self) -> f64 {
        self.mean(|split| split.train)
    }

    /// And in the test.
    pub fn mean_test(&self) -> f64 {
        self.mean(|split| split.test)
    }

    /// How many different rows were chosen.
    pub fn picks(&self) -> usize {
        let mut picks: Vec<usize> = self.splits.iter().map(|split| split.pick).collect();
        picks.sort_unstable();
        picks.dedup();
        picks.len()
    }
}

/// The halves of `blocks`, as sets of bits, in the order of combinations.
fn halves(blocks: u32) -> Vec<u32> {
    let mut all: Vec<u32> = (0..1u32 << blocks).filter(|half| half.count_ones() == blocks / 2).collect();
    // (0, 1, 2, 3) before (0, 1, 2, 4): the lowest block weighs most
    all.sort_unstable_by_key(|half| std::cmp::Reverse(half.reverse_bits()));
    all
}

/// How the blocks of a matrix make halves.
struct HalvesPlan<'a> {
    matrix: &'a TrialMatrix,
    blocks: usize,
    /// Atoms of a block, and of its head.
    size: usize,
    head: usize,
    halves: Vec<u32>,
    /// By half.
    counts: Vec<Count>,
    intervals: Vec<u32>,
    /// Place of the other half.
    others: Vec<usize>,
}

/// Sums of returns and squares over sets of blocks, a lane a row: those of the lower blocks, and those of the upper ones by
/// whether the block before them is in the set too.
struct Tables {
    low: Vec<[Lanes; 2]>,
    high: Vec<[Lanes; 2]>,
}

/// PBO over `blocks` blocks of whole atoms: 8 or 12, or 16 from 128 atoms on. None where they do not divide the atoms, where
/// a head is as long as its block, or where nothing is ever selectable.
pub fn cscv(matrix: &TrialMatrix, blocks: u32) -> Option<Cscv> {
    with_head(matrix, blocks, matrix.frame.embargo_atoms())
}

/// [`cscv`] with heads of so many atoms.
pub fn with_head(matrix: &TrialMatrix, blocks: u32, head: usize) -> Option<Cscv> {
    let atoms = matrix.frame.atoms();
    let size = atoms / blocks as usize;
    if matrix.rows() == 0 || !(2..=16).contains(&blocks) || blocks % 2 == 1 || size * blocks as usize != atoms {
        return None;
    }
    // sixteen small blocks would say no more than eight
    if head >= size || blocks > 12 && atoms < 128 {
        return None;
    }
    let plan = HalvesPlan::new(matrix, blocks as usize, size, head);
    let splits = plan.splits();
    (!splits.is_empty()).then_some(Cscv { blocks, head, splits })
}

impl HalvesPlan<'_> {
    fn new(matrix: &TrialMatrix, blocks: usize, size: usize, head: usize) -> HalvesPlan<'_> {
        let halves = halves(blocks as u32);
        let all = (1u32 << blocks) - 1;
        let place = |half: u32| halves.iter().position(|other| *other == half).unwrap_or_default();
        let others = halves.iter().map(|half| place(all & !half)).collect();
        let mut plan =
            HalvesPlan { matrix, blocks, size, head, halves, counts: Vec::new(), intervals: Vec::new(), others };
        plan.intervals = plan.halves.iter().map(|half| plan.over(*half, |atom| matrix.frame.lengths[atom])).collect();
        plan.counts = plan.intervals.iter().map(|intervals| count(*intervals)).collect();
        plan
    }

    /// The atoms of a block as part of a set, by whether the block before it belongs there too.
    fn atoms(&self, block: usize, follows: bool) -> std::ops::Range<usize> {
        let head = if follows || block == 0 { 0 } else { self.head };
        block * self.size + head..(block + 1) * self.size
    }

    /// The atoms of a half, in the order of time.
    fn atoms_of(&self, half: u32) -> impl Iterator<Item = usize> {
        let holds = move |block: usize| half >> block & 1 == 1;
        let blocks = (0..self.blocks).filter(move |block| holds(*block));
        blocks.flat_map(move |block| self.atoms(block, block > 0 && holds(block - 1)))
    }

    /// The sum over the atoms of a half.
    fn over(&self, half: u32, value: impl Fn(usize) -> u32) -> u32 {
        self.atoms_of(half).map(value).sum()
    }

    fn tables(&self, rows: &[usize]) -> Tables {
        let lanes = self.matrix.lanes(rows);
        let middle = self.blocks / 2;
        // a bit of `set` for each block from `first` on; `bit` of the set stands for block `first + bit`
        let table = |first: usize, bits: usize| -> Vec<[Lanes; 2]> {
            let sum = |set: usize| {
                let mut out = [[0.0; LANES]; 2];
                let from = usize::from(first > 0);
                for bit in (from..bits).filter(|bit| set >> bit & 1 == 1) {
                    let follows = bit > 0 && set >> (bit - 1) & 1 == 1;
                    for atom in self.atoms(first + bit, follows) {
                        for (out, values) in out.iter_mut().zip(&lanes[atom]) {
                            out.iter_mut().zip(values).for_each(|(out, value)| *out += value);
                        }
                    }
                }
                out
            };
            (0..1 << bits).map(sum).collect()
        };
        Tables { low: table(0, middle), high: table(middle - 1, self.blocks - middle + 1) }
    }

    /// Sharpe ratios of each lane in a half.
    #[inline]
    fn sharpes(&self, tables: &Tables, place: usize) -> Lanes {
        let (half, middle) = (self.halves[place] as usize, self.blocks / 2);
        let low = &tables.low[half & ((1 << middle) - 1)];
        let high = &tables.high[half >> (middle - 1)];
        let count = self.counts[place];
        std::array::from_fn(|lane| count.sharpe(low[0][lane] + high[0][lane], low[1][lane] + high[1][lane]))
    }

    fn is_selectable(&self, row: usize, place: usize) -> bool {
        let trial = self.matrix.trial(row);
        let least = self.matrix.frame.trades_for(self.intervals[place]);
        let trades = |atom: usize| self.matrix.trades(row, atom..atom + 1).unwrap_or(u32::from(u16::MAX));
        let has_trades = || least == 0 || self.over(self.halves[place], trades) >= least;
        let keeps_up = || self.matrix.keeps_up(row, self.atoms_of(self.halves[place]));
        trial.is_eligible && trial.objective.is_some() && has_trades() && keeps_up()
    }

    /// By half the best selectable row.
    fn best(&self) -> Vec<(f64, usize)> {
        let none = || vec![(f64::NEG_INFINITY, usize::MAX); self.halves.len()];
        let groups = (0..self.matrix.rows().div_ceil(LANES)).into_par_iter();
        let folded = groups.fold(none, |mut best, group| {
            let rows: Vec<usize> = self.group(group).collect();
            let tables = self.tables(&rows);
            for (place, best) in best.iter_mut().enumerate() {
                let sharpes = self.sharpes(&tables, place);
                for (sharpe, row) in sharpes.into_iter().zip(&rows) {
                    let found = better(*best, (sharpe, *row));
                    if found != *best && self.is_selectable(*row, place) {
                        *best = found;
                    }
                }
            }
            best
        });
        folded.reduce(none, |a, b| a.into_iter().zip(b).map(|(a, b)| better(a, b)).collect())
    }

    fn group(&self, group: usize) -> std::ops::Range<usize> {
        group * LANES..((group + 1) * LANES).min(self.matrix.rows())
    }

    /// By split how many rows are below this ratio in the test half, and how many are equal to it.
    fn ranks(&self, tested: &[f64]) -> Vec<[u32; 2]> {
        let none = || vec![[0; 2]; tested.len()];
        let groups = (0..self.matrix.rows().div_ceil(LANES)).into_par_iter();
        let folded = groups.fold(none, |mut ranks, group| {
            let rows: Vec<usize> = self.group(group).collect();
            let tables = self.tables(&rows);
            for (place, [below, equal]) in ranks.iter_mut().enumerate() {
                let sharpes = self.sharpes(&tables, self.others[place]);
                for sharpe in &sharpes[..rows.len()] {
                    *below += u32::from(*sharpe < tested[place]);
                    *equal += u32::from(*sharpe == tested[place]);
                }
            }
            ranks
        });
        let sum = |a: [u32; 2], b: [u32; 2]| [a[0] + b[0], a[1] + b[1]];
        folded.reduce(none, |a, b| a.into_iter().zip(b).map(|(a, b)| sum(a, b)).collect())
    }

    fn splits(&self) -> Vec<Split> {
        let best = self.best();
        let test = |(place, (_, row)): (usize, &(f64, usize))| match *row {
            usize::MAX => f64::NAN,
            row => self.sharpes(&self.tables(&[row]), self.others[place])[0],
        };
        let tested: Vec<f64> = best.par_iter().enumerate().map(test).collect();
        let rows = self.matrix.rows() as f64;
        let splits = best.iter().zip(&tested).zip(self.ranks(&tested)).filter(|((best, _), _)| best.1 != usize::MAX);
        let split = |((&(train, pick), &test), [below, equal]): ((&(f64, usize), &f64), [u32; 2])| {
            let rank = f64::from(below) + (f64::from(equal) + 1.0) / 2.0;
            let relative = rank / (rows + 1.0);
            Split { pick, train, test, logit: libm::log(relative / (1.0 - relative)) }
        };
        splits.map(split).collect()
    }
}
