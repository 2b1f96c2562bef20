//! The trial matrix: a row a distinct ledger, a column an atom of calendar time. Everything in `evidence` is a function of it.

use super::sharpe::{Count, ShapeSums, Sums};
use rayon::prelude::*;
use std::collections::BTreeMap;
use std::ops::Range;

/// Rows that are worked on at once, side by side in the processor's registers.
pub const LANES: usize = 8;
/// One number of each row of a group.
pub type Lanes = [f64; LANES];

/// What is common to all rows.
#[derive(Clone, Debug, PartialEq)]
pub struct MatrixFrame {
    /// Intervals of each atom.
    pub lengths: Vec<u32>,
    /// Length of an interval.
    pub interval_sec: f64,
    /// How long the market's memory reaches, in intervals: what lies closer to a training window is not tested.
    pub embargo: u32,
    /// Trades that `require` asks for over the whole span; a part of it must have its share, rounded up.
    pub least_trades: u32,
    /// The deepest fall of equity that `require` allows, in units of 1e-12 of C0; a part of the span must keep to it too, as
    /// far as the ends of atoms show it.
    pub most_drawdown: Option<f64>,
}

impl MatrixFrame {
    /// Of hours, without memory, where nothing is required.
    pub fn hourly(lengths: Vec<u32>) -> MatrixFrame {
        MatrixFrame { lengths, interval_sec: 3_600.0, embargo: 0, least_trades: 0, most_drawdown: None }
    }

    /// How many atoms.
    pub fn atoms(&self) -> usize {
        self.lengths.len()
    }

    /// Intervals of these atoms.
    pub fn intervals(&self, atoms: Range<usize>) -> u32 {
        self.lengths[atoms].iter().sum()
    }

    /// Intervals of the span.
    pub fn all_intervals(&self) -> u32 {
        self.intervals(0..self.atoms())
    }

    /// Atoms that cover the embargo.
    pub fn embargo_atoms(&self) -> usize {
        let shortest = self.lengths.iter().min().copied().unwrap_or(1).max(1);
        self.embargo.div_ceil(shortest) as usize
    }

    /// Trades that a part of so many intervals must have.
    pub fn trades_for(&self, intervals: u32) -> u32 {
        let share = u64::from(self.least_trades) * u64::from(intervals);
        share.div_ceil(u64::from(self.all_intervals()).max(1)) as u32
    }

    /// Sharpe ratios are multiplied by this to become a year's.
    pub fn root_year(&self) -> f64 {
        root_year(self.interval_sec)
    }
}

/// Sharpe ratios of intervals of this length are multiplied by this to become a year's.
pub fn root_year(interval_sec: f64) -> f64 {
    (365.0 * 86_400.0 / interval_sec).sqrt()
}

/// One distinct ledger.
#[derive(Clone, Debug, PartialEq)]
pub struct Trial {
    /// Of one of its configurations: in a sweep the one that ranks first.
    pub id: String,
    /// Empty: like no other.
    pub ledger: String,
    /// Configurations that left it.
    pub weight: u64,
    /// What it is ranked by; none is never selected.
    pub objective: Option<f64>,
    /// Its place in the ranking, the first 1, where ties are decided by more than the objective.
    pub rank: Option<u32>,
    /// It meets `require`.
    pub is_eligible: bool,
    /// Its Sharpe ratio per interval in the world that it was ranked in, where that is not the base world.
    pub ranking_sharpe: Option<f64>,
    /// None: taken as normal and independent.
    pub shape: Option<ShapeSums>,
    /// Deepest fall of equity, in units of 1e-12 of C0; none: not known.
    pub max_drawdown: Option<f64>,
}

#[cfg(test)]
impl Trial {
    /// One configuration that may be chosen, ranked by its objective.
    pub(super) fn plain(id: impl std::fmt::Display, objective: f64) -> Trial {
        Trial {
            id: id.to_string(),
            ledger: String::new(),
            weight: 1,
            objective: Some(objective),
            rank: None,
            is_eligible: true,
            ranking_sharpe: None,
            shape: None,
            max_drawdown: None,
        }
    }
}

/// Sums of returns and of their squares by atom, with the trades closed there.
#[derive(Clone, Copy, Debug)]
pub struct AtomSums<'a> {
    /// Sums of returns, in units of 1e-12 of C0.
    pub s1: &'a [f64],
    /// Sums of squared returns.
    pub s2: &'a [f64],
    /// Trades closed; empty: not known.
    pub trades: &'a [u16],
}

/// Two rows that say that they are the same ledger, and are not.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MatrixError {
    /// Two ids, in the order of the rows.
    #[error("rows '{0}' and '{1}' have the same ledger, but other sums")]
    OtherSums(String, String),
    /// The id.
    #[error("two rows have the id '{0}'")]
    SameId(String),
}

/// Rows in the order of their ids.
#[derive(Clone, Debug)]
pub struct TrialMatrix {
    /// What is common to all rows.
    pub frame: MatrixFrame,
    trials: Vec<Trial>,
    s1: Vec<f64>,
    s2: Vec<f64>,
    trades: Vec<u16>,
}

impl TrialMatrix {
    /// Without a row yet, with room for so many.
    pub fn with_capacity(frame: MatrixFrame, rows: usize) -> TrialMatrix {
        let cells = || Vec::with_capacity(rows * frame.atoms());
        TrialMatrix { s1: cells(), s2: cells(), trades: Vec::new(), trials: Vec::with_capacity(rows), frame }
    }

    /// A row; `sums` has a number for every atom.
    pub fn push(&mut self, trial: Trial, sums: AtomSums<'_>) {
        self.trials.push(trial);
        self.s1.extend_from_slice(sums.s1);
        self.s2.extend_from_slice(sums.s2);
        self.trades.extend_from_slice(sums.trades);
    }

    /// Puts the rows into the order of their ids, and equal ledgers into one row.
    ///
    /// # Errors
    /// Two rows with the same id, or with the same ledger and other sums.
    pub fn finish(mut self) -> Result<TrialMatrix, MatrixError> {
        let mut order: Vec<usize> = (0..self.rows()).collect();
        order.par_sort_unstable_by(|a, b| (&self.trials[*a].id, a).cmp(&(&self.trials[*b].id, b)));
        if let Some(pair) = order.windows(2).find(|pair| self.trials[pair[0]].id == self.trials[pair[1]].id) {
            return Err(MatrixError::SameId(self.trials[pair[0]].id.clone()));
        }
        self.merge_ledgers(&mut order)?;
        if order.iter().enumerate().any(|(place, row)| place != *row) || order.len() < self.rows() {
            let atoms = self.frame.atoms();
            self.s1 = gathered(&self.s1, atoms, &order);
            self.s2 = gathered(&self.s2, atoms, &order);
            self.trades = gathered(&self.trades, atoms, &order);
            let mut trials: Vec<Option<Trial>> = std::mem::take(&mut self.trials).into_iter().map(Some).collect();
            self.trials = order.iter().filter_map(|row| trials[*row].take()).collect();
        }
        Ok(self)
    }

    /// Of rows with one ledger the first in `order` stays, with the weight of all.
    fn merge_ledgers(&mut self, order: &mut Vec<usize>) -> Result<(), MatrixError> {
        let mut first: BTreeMap<&str, usize> = BTreeMap::new();
        let mut merged = Vec::new();
        for row in order.iter().copied().filter(|row| !self.trials[*row].ledger.is_empty()) {
            let known = *first.entry(&self.trials[row].ledger).or_insert(row);
            if known == row {
                continue;
            }
            if self.s1(known) != self.s1(row) || self.s2(known) != self.s2(row) {
                return Err(MatrixError::OtherSums(self.trials[known].id.clone(), self.trials[row].id.clone()));
            }
            merged.push((known, row));
        }
        for (known, row) in merged {
            self.trials[known].weight += self.trials[row].weight;
            self.trials[row].weight = 0;
        }
        order.retain(|row| self.trials[*row].weight > 0);
        Ok(())
    }

    /// How many rows.
    pub fn rows(&self) -> usize {
        self.trials.len()
    }

    /// All rows, in the order of their ids.
    pub fn trials(&self) -> &[Trial] {
        &self.trials
    }

    /// One row.
    pub fn trial(&self, row: usize) -> &Trial {
        &self.trials[row]
    }

    /// Sums of returns of a row, by atom.
    pub fn s1(&self, row: usize) -> &[f64] {
        &self.s1[row * self.frame.atoms()..][..self.frame.atoms()]
    }

    /// Sums of squared returns of a row, by atom.
    pub fn s2(&self, row: usize) -> &[f64] {
        &self.s2[row * self.frame.atoms()..][..self.frame.atoms()]
    }

    /// Of a row over some atoms.
    pub fn sums(&self, row: usize, atoms: Range<usize>) -> Sums {
        Sums {
            n: f64::from(self.frame.intervals(atoms.clone())),
            s1: self.s1(row)[atoms.clone()].iter().sum(),
            s2: self.s2(row)[atoms].iter().sum(),
        }
    }

    /// Of a row over the span.
    pub fn all_sums(&self, row: usize) -> Sums {
        self.sums(row, 0..self.frame.atoms())
    }

    /// Sharpe ratio of every row.
    pub fn sharpes(&self) -> Vec<f64> {
        (0..self.rows()).into_par_iter().map(|row| self.all_sums(row).sharpe()).collect()
    }

    /// Trades closed in some atoms; none where they are not known.
    pub fn trades(&self, row: usize, atoms: Range<usize>) -> Option<u32> {
        let of_row = self.trades.get(row * self.frame.atoms()..(row + 1) * self.frame.atoms())?;
        Some(of_row[atoms].iter().map(|trades| u32::from(*trades)).sum())
    }

    /// Whether a row has so many trades in some atoms, as far as they are known.
    pub fn has_trades(&self, row: usize, atoms: Range<usize>, least: u32) -> bool {
        least == 0 || self.trades(row, atoms).is_none_or(|trades| trades >= least)
    }

    /// Whether a row may be selected by these atoms.
    pub fn is_selectable(&self, row: usize, atoms: Range<usize>) -> bool {
        let trial = &self.trials[row];
        let least = self.frame.trades_for(self.frame.intervals(atoms.clone()));
        trial.is_eligible
            && trial.objective.is_some()
            && self.has_trades(row, atoms.clone(), least)
            && self.keeps_up(row, atoms)
    }

    /// Whether a row's equity falls no deeper over some atoms, one after the other, than `require` allows.
    pub fn keeps_up(&self, row: usize, atoms: impl Iterator<Item = usize>) -> bool {
        let Some(most) = self.frame.most_drawdown else { return true };
        let s1 = self.s1(row);
        let (mut equity, mut peak) = (0.0f64, 0.0f64);
        atoms.into_iter().all(|atom| {
            equity += s1[atom];
            peak = peak.max(equity);
            peak - equity <= most
        })
    }

    /// The row that ranks first, if it may be selected. Without ranks the selectable row with the greatest objective, of equals
    /// the one with the lower id.
    pub fn winner(&self) -> Option<usize> {
        let ranked = (0..self.rows()).filter_map(|row| Some((self.trials[row].rank?, row))).min();
        if let Some((_, first)) = ranked {
            let trial = &self.trials[first];
            return (trial.is_eligible && trial.objective.is_some()).then_some(first);
        }
        let all = 0..self.frame.atoms();
        let ranked = (0..self.rows()).filter(|row| self.is_selectable(*row, all.clone()));
        let best = ranked.filter_map(|row| Some((self.trials[row].objective?, row)));
        best.reduce(better).map(|(_, row)| row)
    }

    /// Puts rows side by side: by atom the sums of each lane. Lanes without a row repeat the last one.
    pub fn lanes(&self, rows: &[usize]) -> Vec<[Lanes; 2]> {
        let mut out = vec![[[0.0; LANES]; 2]; self.frame.atoms()];
        for lane in 0..LANES {
            let row = rows[lane.min(rows.len() - 1)];
            for (atom, (s1, s2)) in out.iter_mut().zip(self.s1(row).iter().zip(self.s2(row))) {
                atom[0][lane] = *s1;
                atom[1][lane] = *s2;
            }
        }
        out
    }
}

/// The higher of two values; of equals the one of the lower row.
pub fn better(a: (f64, usize), b: (f64, usize)) -> (f64, usize) {
    let b_is_better = b.0 > a.0 || b.0 == a.0 && b.1 < a.1;
    if b_is_better { b } else { a }
}

fn gathered<T: Copy>(cells: &[T], atoms: usize, order: &[usize]) -> Vec<T> {
    if cells.is_empty() {
        return Vec::new();
    }
    let mut out = Vec::with_capacity(order.len() * atoms);
    order.iter().for_each(|row| out.extend_from_slice(&cells[row * atoms..(row + 1) * atoms]));
    out
}

/// Intervals of a part as what a Sharpe ratio needs of them.
pub fn count(intervals: u32) -> Count {
    Count::new(f64::from(intervals))
}
