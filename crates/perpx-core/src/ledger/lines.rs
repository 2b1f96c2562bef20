//! Where the money came from: one line per cause. The lines of a run add up to its change of equity exactly.

use crate::market::Role;
use serde::{Deserialize, Serialize};

/// A cause of money; amounts are positive where we gained.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Line {
    /// Unmatched quantity times the move of its venue's mid, in states that mean to hold one leg; of a fill, the move
    /// between its match and our hearing of it.
    Price,
    /// Matched quantity times the moves of both mids.
    Spread,
    /// As `Price`, in states that do not mean to (locking, unlocking, rollback, trims).
    Legging,
    /// Signed distance of each fill from the mid of the book that it met at its venue.
    Slippage,
    /// Fees paid; never positive.
    Fees,
    /// Fees received; never negative.
    Rebates,
    /// Funding received less paid, as the venues booked it.
    Funding,
    /// Distance of a liquidation from the mid, its fee, and the margin forfeited.
    Liquidation,
    /// What moving money between the venues cost; never positive.
    Transfer,
    /// What rounding to the money grid cost.
    Rounding,
}

impl Line {
    /// In the order of the columns of [`Lines`].
    pub const ALL: [Line; 10] = [
        Line::Price,
        Line::Spread,
        Line::Legging,
        Line::Slippage,
        Line::Fees,
        Line::Rebates,
        Line::Funding,
        Line::Liquidation,
        Line::Transfer,
        Line::Rounding,
    ];

    /// As results and ledgers write it.
    pub const fn name(self) -> &'static str {
        match self {
            Line::Price => "price",
            Line::Spread => "spread",
            Line::Legging => "legging",
            Line::Slippage => "slippage",
            Line::Fees => "fees",
            Line::Rebates => "rebates",
            Line::Funding => "funding",
            Line::Liquidation => "liquidation",
            Line::Transfer => "transfer",
            Line::Rounding => "rounding",
        }
    }
}

/// Money by leg and line, doubled (units of half of 1e-18 quote), so that mids stay exact.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lines(pub [[i128; Line::ALL.len()]; 2]);

impl Lines {
    /// Books a doubled amount.
    pub fn add(&mut self, role: Role, line: Line, amount2: i128) {
        self.0[role.ix()][line as usize] += amount2;
    }

    /// One line of a leg, doubled.
    pub fn get2(&self, role: Role, line: Line) -> i128 {
        self.0[role.ix()][line as usize]
    }

    /// All lines of a leg, doubled.
    pub fn of2(&self, role: Role) -> i128 {
        self.0[role.ix()].iter().sum()
    }

    /// One line of both legs, quote units, for reports.
    pub fn as_f64(&self, line: Line) -> f64 {
        (self.get2(Role::Long, line) + self.get2(Role::Short, line)) as f64 * 0.5e-18
    }

    /// Sum of all, doubled.
    pub fn total2(&self) -> i128 {
        self.0.iter().flatten().sum()
    }

    /// These lines and `more`, line by line.
    pub fn plus(&self, more: &Lines) -> Lines {
        let mut out = *self;
        for (row, new) in out.0.iter_mut().zip(&more.0) {
            row.iter_mut().zip(new).for_each(|(sum, new)| *sum += new);
        }
        out
    }

    /// These lines less `before`, line by line.
    pub fn minus(&self, before: &Lines) -> Lines {
        let mut out = *self;
        for (row, old) in out.0.iter_mut().zip(&before.0) {
            row.iter_mut().zip(old).for_each(|(new, old)| *new -= old);
        }
        out
    }
}
