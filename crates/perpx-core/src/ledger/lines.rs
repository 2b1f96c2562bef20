//! Where the money came from: one line per cause. The lines of a run add up to its change of equity exactly.

use crate::market::Role;
use crate::units::MidValue;
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

/// Money by leg and line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lines([[MidValue; Line::ALL.len()]; 2]);

impl Lines {
    /// Adds all lines of another stretch of the run.
    pub(crate) fn add_all(&mut self, other: &Lines) {
        for (own, more) in self.0.iter_mut().flatten().zip(other.0.iter().flatten()) {
            *own += *more;
        }
    }

    /// Books an amount; positive = we gained.
    pub fn add(&mut self, role: Role, line: Line, amount: MidValue) {
        self.0[role.ix()][line as usize] += amount;
    }

    /// One line of a leg.
    pub fn get(&self, role: Role, line: Line) -> MidValue {
        self.0[role.ix()][line as usize]
    }

    /// All lines of a leg.
    pub fn of(&self, role: Role) -> MidValue {
        self.0[role.ix()].iter().copied().sum()
    }

    /// One line of both legs.
    pub fn both(&self, line: Line) -> MidValue {
        self.get(Role::Long, line) + self.get(Role::Short, line)
    }

    /// One line of both legs, quote units, for reports.
    pub fn as_f64(&self, line: Line) -> f64 {
        self.both(line).as_f64()
    }

    /// Sum of all.
    pub fn total(&self) -> MidValue {
        self.0.iter().flatten().copied().sum()
    }

    /// These lines and `more`, line by line.
    pub fn plus(&self, more: &Lines) -> Lines {
        let mut out = *self;
        for (row, new) in out.0.iter_mut().zip(&more.0) {
            row.iter_mut().zip(new).for_each(|(sum, new)| *sum += *new);
        }
        out
    }

    /// These lines less `before`, line by line.
    pub fn minus(&self, before: &Lines) -> Lines {
        let mut out = *self;
        for (row, old) in out.0.iter_mut().zip(&before.0) {
            row.iter_mut().zip(old).for_each(|(new, old)| *new -= *old);
        }
        out
    }
}
