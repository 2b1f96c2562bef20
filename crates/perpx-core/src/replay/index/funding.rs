//! Funding as received: which state a row sees, when a rate is published anew, and trees over what funding comparisons
//! look at.

use crate::market::Role;
use crate::tape::FundingRate;
use crate::tape::Local;
use crate::tape::rows::FundingKind;
use crate::tape::tree::{Extremes, Tree};
use crate::watch::{Cmp, Level, Op, Series, per_year_x24};
use std::ops::Range;

/// The first row of each state, and the first later state with another rate, by role and kind.
#[derive(Clone, Debug)]
pub struct FundingRows {
    /// By state: its first row.
    rows: Vec<u32>,
    /// By role and kind, then state: the first later state whose rate differs.
    next: [[Vec<u32>; 2]; 2],
    /// The number of rows.
    len: usize,
}

impl FundingRows {
    /// Of a tile.
    pub fn new(local: &Local) -> FundingRows {
        let states = &local.fundings;
        let next = |role: Role, kind: FundingKind| {
            let mut out = vec![states.len() as u32; states.len()];
            for i in (0..states.len().saturating_sub(1)).rev() {
                let same = states[i].get(role, kind) == states[i + 1].get(role, kind);
                out[i] = if same { out[i + 1] } else { i as u32 + 1 };
            }
            out
        };
        let kinds = |role| [FundingKind::Settled, FundingKind::Predicted].map(|kind| next(role, kind));
        let rows = super::first_rows(&local.funding_at, states.len());
        FundingRows { rows, next: Role::BOTH.map(kinds), len: local.len() }
    }

    /// First row that sees `state` or a later one.
    pub fn start(&self, state: usize) -> usize {
        self.rows.get(state).map_or(self.len, |&row| row as usize)
    }

    /// First row after those of `state` that sees another rate of `role`.
    pub fn published(&self, state: usize, role: Role, kind: FundingKind) -> usize {
        self.start(self.next[role.ix()][kind as usize][state] as usize)
    }

    /// Memory that it takes.
    pub fn bytes(&self) -> usize {
        20 * self.rows.len()
    }
}

/// A value of two rates that a comparison may look at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Paid {
    /// Long minus short over 8 h, 1e-12 x 24.
    Difference,
    /// What a long, a short leg or two equal ones pay a year, 1e-12 x 24, per coin.
    Long,
    Short,
    Both,
}

impl Paid {
    /// In the order of their numbers.
    pub const ALL: [Paid; 4] = [Paid::Difference, Paid::Long, Paid::Short, Paid::Both];

    /// `None`: a rate was never published.
    fn of(self, long: Option<&FundingRate>, short: Option<&FundingRate>) -> Option<i64> {
        let value = match self {
            Paid::Difference => long?.per_8h_x24() - short?.per_8h_x24(),
            Paid::Long => per_year_x24(long?),
            Paid::Short => -per_year_x24(short?),
            Paid::Both => per_year_x24(long?) - per_year_x24(short?),
        };
        Some(narrow(value))
    }
}

/// A funding comparison as one value against one level; `None` for legs of different sizes.
#[derive(Clone, Copy, Debug)]
pub struct Paying {
    /// Predicted or settled rates.
    pub kind: FundingKind,
    /// Which value of the rates.
    pub paid: Paid,
    /// How it must stand to `level`.
    op: Op,
    /// In the unit of `paid`, narrowed as the values are.
    level: i64,
}

impl Paying {
    /// A funding comparison in this form; `None`: of another series, or of legs of different sizes.
    pub fn of(cmp: &Cmp) -> Option<Paying> {
        let Level::Wide(level) = cmp.level else { return None };
        i64::try_from(2 * level).ok()?; // levels of no market: not worth an answer here
        match cmp.series {
            Series::FundingDiff { kind, first: Role::Long } => {
                Some(Paying { kind, paid: Paid::Difference, op: cmp.op, level: narrow(level) })
            }
            Series::FundingDiff { kind, first: Role::Short } => {
                Some(Paying { kind, paid: Paid::Difference, op: mirrored(cmp.op), level: narrow(-level) })
            }
            Series::Apr { kind, legs } => {
                let paid = match (legs.long.0, legs.short.0) {
                    (1.., 0) => Paid::Long,
                    (0, 1..) => Paid::Short,
                    (long @ 1.., short) if long == short => Paid::Both,
                    _ => return None,
                };
                // `x * q` against `level`, q > 0: x >= ceil(level / q), x > floor(level / q)
                let q = i128::from(legs.long.max(legs.short).0);
                let (floor, rest) = (level.div_euclid(q), level.rem_euclid(q) > 0);
                let up = rest && matches!(cmp.op, Op::Ge | Op::Lt);
                Some(Paying { kind, paid, op: cmp.op, level: narrow(floor + i128::from(up)) })
            }
            _ => None,
        }
    }

    /// The comparison that holds where this one does not.
    pub fn not(self) -> Paying {
        Paying { op: super::super::leap::opposite(self.op), ..self }
    }

    /// A value between these extremes may pass.
    fn may(&self, node: &Extremes<i64>) -> bool {
        match self.op {
            Op::Ge => node.high >= self.level,
            Op::Gt => node.high > self.level,
            Op::Le => node.low <= self.level,
            Op::Lt => node.low < self.level,
        }
    }
}

/// The states' values of one kind.
#[derive(Clone, Debug)]
pub struct FundingSteps {
    /// By state; `None`: a rate was never published.
    values: Vec<Option<i64>>,
    /// Over `values`.
    tree: Tree<i64>,
}

impl FundingSteps {
    /// Of a tile.
    pub fn new(local: &Local, kind: FundingKind, paid: Paid) -> FundingSteps {
        let value =
            |state: &crate::tape::FundingState| paid.of(state.get(Role::Long, kind), state.get(Role::Short, kind));
        let values: Vec<Option<i64>> = local.fundings.iter().map(value).collect();
        let tree = Tree::new(values.len(), |range| Extremes::of(values[range].iter().flatten().copied()));
        FundingSteps { values, tree }
    }

    /// The first of `states` that may satisfy the comparison, ages of rates aside.
    pub fn first(&self, states: Range<usize>, paying: &Paying) -> Option<usize> {
        let fits =
            |state: usize| self.values[state].is_some_and(|value| paying.may(&Extremes { low: value, high: value }));
        self.tree.first(states, |node| paying.may(node), |mut piece| piece.find(|&state| fits(state)))
    }

    /// How many states there are.
    pub fn states(&self) -> usize {
        self.values.len()
    }

    /// Memory that it takes.
    pub fn bytes(&self) -> usize {
        16 * self.values.len() + self.tree.bytes()
    }
}

/// Held at the ends of an i64: rates of no market.
fn narrow(value: i128) -> i64 {
    value.clamp(i128::from(i64::MIN), i128::from(i64::MAX)) as i64
}

/// The comparison of negated values.
fn mirrored(op: Op) -> Op {
    match op {
        Op::Ge => Op::Le,
        Op::Gt => Op::Lt,
        Op::Le => Op::Ge,
        Op::Lt => Op::Gt,
    }
}
