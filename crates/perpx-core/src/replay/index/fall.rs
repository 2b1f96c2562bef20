//! Trailing stops: the deepest fall (for a short leg: rise) inside each node of the closing price's tree, so that a node is
//! discarded when neither the best so far nor any best inside it is followed by a price far enough away.
//!
//! Let M be the best before a node, `x` the fraction. A row j of it fires when its price is at or beyond the level of the
//! best of M and the node's prices up to j. If that best is M, the node's extreme is at or beyond the level of M, an exact
//! comparison of integers; else the fall inside the node is at least x, judged in f64 with [`SLACK`]. Rows are judged
//! exactly.

use super::closing_column;
use crate::market::Role;
use crate::tape::tree::{BLOCK, Extremes, FAN, Place, Tree, span};
use crate::units::{Price, Rate};
use crate::watch::{EvalCtx, TrailingExtreme, trail_level};
use std::ops::Range;

/// Far more than the rounding of two conversions and a division.
const SLACK: f64 = 1e-12;

/// The deepest falls of a leg's closing price inside the blocks of its tree.
#[derive(Clone, Debug)]
pub struct Fall {
    /// The leg.
    role: Role,
    /// As in the tree of the closing price: the greatest of `1 - later / earlier` (long), `later / earlier - 1` (short).
    deepest: Vec<Vec<f64>>,
}

/// Extremes and deepest fall of a stretch.
#[derive(Clone, Copy)]
struct Stretch {
    /// Lowest and highest price.
    px: Extremes<i64>,
    /// A fraction; not negative, or none of a stretch without prices.
    deepest: f64,
}

impl Stretch {
    /// Of no prices.
    const NONE: Stretch = Stretch { px: Extremes::NONE, deepest: f64::NEG_INFINITY };

    /// Both stretches as one: the deepest fall may reach from the first into the second.
    fn then(self, role: Role, next: Stretch) -> Stretch {
        let (best, worst) = match role {
            Role::Long => (self.px.high, next.px.low),
            Role::Short => (self.px.low, next.px.high),
        };
        let known = best > 0 && worst > 0 && best < i64::MAX && worst < i64::MAX;
        let across = if known { fall(role, best, worst) } else { f64::NEG_INFINITY };
        Stretch { px: self.px.and(next.px), deepest: self.deepest.max(next.deepest).max(across) }
    }
}

/// How far a leg's closing price went against it, a fraction of the earlier one.
fn fall(role: Role, earlier: i64, later: i64) -> f64 {
    let ratio = later as f64 / earlier as f64;
    if role == Role::Long { 1.0 - ratio } else { ratio - 1.0 }
}

/// The better of two closing prices for a leg.
fn better(role: Role, best: i64, px: i64) -> i64 {
    match role {
        Role::Long => best.max(px),
        Role::Short if px > 0 => best.min(px),
        Role::Short => best,
    }
}

impl Fall {
    /// Of the leg's closing price in the tile.
    pub fn new(role: Role, ctx: EvalCtx<'_>) -> Fall {
        let column = closing_column(role, ctx);
        let one = |px: i64| Stretch { px: Extremes { low: px, high: px }, deepest: 0.0 };
        let block =
            |rows: &[i64]| rows.iter().filter(|&&px| px > 0).fold(Stretch::NONE, |all, &px| all.then(role, one(px)));
        let mut level: Vec<Stretch> = column.chunks(BLOCK).map(block).collect();
        let mut deepest = vec![level.iter().map(|node| node.deepest).collect()];
        while level.len() > FAN {
            level = level
                .chunks(FAN)
                .map(|nodes| nodes.iter().fold(Stretch::NONE, |all, &node| all.then(role, node)))
                .collect();
            deepest.push(level.iter().map(|node| node.deepest).collect());
        }
        Fall { role, deepest }
    }

    /// The first row of `rows` at which a trail of `fraction` fires; `best` is the extreme before them. `tree` is that of
    /// the closing price.
    pub fn first(
        &self,
        tree: &Tree<i64>,
        ctx: EvalCtx<'_>,
        rows: Range<usize>,
        best: TrailingExtreme,
        fraction: Rate,
    ) -> Option<usize> {
        let column = closing_column(self.role, ctx);
        let enough = fraction.0 as f64 / Rate::ONE as f64 - SLACK;
        let mut trail = Trail { best, fraction, level: trail_level(best, fraction).0 };
        let mut at = Place { level: 0, node: rows.start / BLOCK };
        loop {
            let node = tree.node(at)?;
            let start = at.node * span(at.level);
            if start >= rows.end {
                return None;
            }
            // a block begun in its middle holds prices from before the search
            if start < rows.start || trail.meets(node) || self.deepest[at.level][at.node] >= enough {
                if at.level > 0 {
                    at.descend();
                    continue;
                }
                let from = start.max(rows.start);
                let piece = &column[from..rows.end.min(start + BLOCK)];
                if let Some(place) = piece.iter().position(|&px| trail.fires(px)) {
                    return Some(from + place);
                }
            } else {
                trail.raise(if self.role == Role::Long { node.high } else { node.low });
            }
            at.advance(self.deepest.len() - 1);
        }
    }

    /// Memory that it takes.
    pub fn bytes(&self) -> usize {
        self.deepest.iter().map(|level| 8 * level.len()).sum()
    }
}

/// The running best and its level.
struct Trail {
    /// The best price so far.
    best: TrailingExtreme,
    /// How far from it the trail fires.
    fraction: Rate,
    /// The price at which it fires, 1e-9.
    level: i64,
}

impl Trail {
    /// A new price: where it is the best, the level follows.
    fn raise(&mut self, px: i64) {
        let px = better(self.best.role, self.best.px.0, px);
        if px != self.best.px.0 {
            self.best.px = Price(px);
            self.level = trail_level(self.best, self.fraction).0;
        }
    }

    /// A price of the node is at or beyond the level of the best so far.
    fn meets(&self, node: &Extremes<i64>) -> bool {
        match self.best.role {
            Role::Long => node.low <= self.level,
            Role::Short => node.high >= self.level,
        }
    }

    /// The next row's price: counted in, then judged.
    fn fires(&mut self, px: i64) -> bool {
        self.raise(px);
        px > 0
            && match self.best.role {
                Role::Long => px <= self.level,
                Role::Short => px >= self.level,
            }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::replay::Index;
    use crate::signals::TileSignals;
    use crate::tape::{Column, FundingState, Local, MarkState};

    /// Both venues show the same prices; zero is no quote.
    fn local(px: &[i64]) -> Local {
        let column = || -> Column { px.to_vec().into() };
        let rows = px.len();
        Local {
            time: (0..rows as i64).collect::<Vec<_>>().into(),
            record: vec![0; 8 * rows].into(),
            bid: [column(), column()],
            ask: [column(), column()],
            seen: [column(), column()],
            funding_at: vec![0u32; rows].into(),
            mark_at: vec![0u32; rows].into(),
            fundings: vec![FundingState::default()],
            marks: vec![MarkState::default()],
            depth: Default::default(),
        }
    }

    /// Against a trail kept row by row: wandering prices with holes, starts and ends anywhere, both sides.
    #[test]
    fn a_trail_fires_where_it_would_row_by_row() {
        let mut state = 5u64;
        let mut draw = |n: i64| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) as i64 % n
        };
        let (mut fired, mut quiet) = (0, 0);
        for _ in 0..60 {
            let (mut px, step) = (1_000_000, 1 + draw(900));
            let prices: Vec<i64> = (0..3_000)
                .map(|_| {
                    px += draw(2 * step + 1) - step;
                    if draw(50) == 0 { 0 } else { px }
                })
                .collect();
            let (local, signals) = (local(&prices), TileSignals::default());
            let ctx = EvalCtx { local: &local, signals: &signals };
            let index = Index::new(&signals);
            for _ in 0..60 {
                let from = draw(3_000) as usize;
                let rows = from..from + draw(3_001 - from as i64) as usize;
                let role = if draw(2) == 0 { Role::Long } else { Role::Short };
                let best = TrailingExtreme { role, px: Price(1_000_000 + draw(20_001) - 10_000) };
                let fraction = Rate(draw(60_000) * 1_000_000 + 1);
                let mut kept = Trail { best, fraction, level: trail_level(best, fraction).0 };
                let want = rows.clone().find(|&row| kept.fires(prices[row]));
                let tree = index.ints(super::super::closing(role), ctx).expect("a tree");
                let found = index.fall(role, ctx).first(tree, ctx, rows, best, fraction);
                assert_eq!(found, want);
                fired += u32::from(want.is_some());
                quiet += u32::from(want.is_none());
            }
        }
        assert!(fired > 500 && quiet > 100, "{fired} {quiet}");
    }
}
