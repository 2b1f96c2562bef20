//! Tables by bar: which rows see which bar, the spread's extremes there, and how far they reach into the bands.

use crate::signals::{SignalColumn, TileSignals, bar_before};
use crate::tape::tree::{Extremes, Tree};
use crate::units::{Time, TimeDelta};
use crate::watch::EvalCtx;
use std::ops::Range;

/// Room for the rounding of [`BandReach`] against the levels themselves, in sigmas. A level is `mean + k * sigma`, here it is
/// `(spread - mean) / sigma` against k: with |spread| up to 2e4 bp and sigma from 0.01 bp the two differ by less than 1e-8.
const MARGIN: f64 = 1e-6;

/// Of one bar length: bar i is the entry i of every column of that length.
#[derive(Clone, Debug)]
pub struct BarRows {
    /// Length of a bar.
    bar_length: TimeDelta,
    /// The bar of entry 0: the last one closed before the tile's first tick.
    first_bar: i64,
    /// Rows `starts[i]..starts[i + 1]` see bar i as the last closed one; row 0 (carried in) sees none.
    starts: Vec<u32>,
    /// Lowest and highest spread in those rows.
    spread: Vec<Extremes<f64>>,
}

impl BarRows {
    /// Rows of each bar of that length in the tile.
    pub fn new(bar_length: TimeDelta, ctx: EvalCtx<'_>) -> BarRows {
        let TileSignals { columns, spread, .. } = ctx.signals;
        let column = columns.iter().find(|column| column.bar_length == bar_length);
        let (first_bar, bars) = column.map_or((0, 0), |column| (column.first_bar, column.a.len()));
        let times: &[i64] = &ctx.local.time;
        let mut starts = Vec::with_capacity(bars + 1);
        let mut row = 1;
        for bar in 0..bars as i64 {
            let closes = ((first_bar + bar + 1) * bar_length).0;
            row += times[row..].partition_point(|&time| bar > 0 && time < closes);
            starts.push(row as u32);
        }
        starts.push(times.len() as u32);
        let spread =
            starts.windows(2).map(|rows| Extremes::of(spread[rows[0] as usize..rows[1] as usize].iter().copied()));
        BarRows { bar_length, first_bar, spread: spread.collect(), starts }
    }

    /// How many bars there are.
    pub fn len(&self) -> usize {
        self.spread.len()
    }

    /// The entry that a row at `time` sees.
    #[inline]
    pub fn entry_at(&self, time: i64) -> usize {
        (bar_before(Time(time), self.bar_length) - self.first_bar).max(0) as usize
    }

    /// Rows that see the bar as the last closed one.
    #[inline]
    pub fn rows(&self, entry: usize) -> Range<usize> {
        self.starts[entry] as usize..self.starts[entry + 1] as usize
    }

    /// First row that sees `entry` or a later one; the number of rows when there is none.
    #[inline]
    pub fn start(&self, entry: usize) -> usize {
        self.starts[entry.min(self.len())] as usize
    }

    /// Memory that it takes.
    pub fn bytes(&self) -> usize {
        4 * self.starts.len() + 16 * self.spread.len()
    }
}

/// How far the spread of a bar reaches towards the levels of a band column: for sigma bands in sigmas from the mean, for
/// quantile bands in bp beyond the level. It only discards: `min_unlock_bp` moves levels outwards alone.
#[derive(Clone, Debug)]
pub struct BandReach {
    /// `high` upwards; `low` downwards, negative.
    bars: Vec<Extremes<f64>>,
    /// Over `bars`.
    tree: Tree<f64>,
}

impl BandReach {
    /// Of each bar of a band's column.
    pub fn new(column: &SignalColumn, rows: &BarRows) -> BandReach {
        let quantile = !column.c.is_empty();
        let bars: Vec<Extremes<f64>> = (0..column.b.len())
            .map(|i| {
                let Extremes { low, high } = rows.spread[i];
                let (a, b) = (column.a[i], column.b[i]);
                let reach = if quantile {
                    Extremes { low: low - a, high: high - b }
                } else if b < 0.01 {
                    Extremes::NONE
                } else {
                    Extremes { low: (low - a) / b, high: (high - a) / b }
                };
                if reach.low.is_nan() || reach.high.is_nan() { Extremes::NONE } else { reach }
            })
            .collect();
        let tree = Tree::new(bars.len(), |range| bars[range].iter().fold(Extremes::NONE, |all, bar| all.and(*bar)));
        BandReach { bars, tree }
    }

    /// The first bar of `bars` whose spread may reach the upper (`up`) or the lower level of a band of `k` sigmas (`None`:
    /// quantiles).
    pub fn first(&self, bars: Range<usize>, up: bool, k: Option<f64>) -> Option<usize> {
        let least = k.map_or(0.0, |k| k - k.abs() * MARGIN) - MARGIN;
        let may = |node: &Extremes<f64>| if up { node.high >= least } else { node.low <= -least };
        self.tree.first(bars, may, |mut piece| piece.find(|&bar| may(&self.bars[bar])))
    }

    /// Memory that it takes.
    pub fn bytes(&self) -> usize {
        16 * self.bars.len() + self.tree.bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::NS;

    /// The spread stands exactly on a level, as the strategy computes it: the bar must not be discarded, whatever the
    /// rounding. A hair further in, it is.
    #[test]
    fn a_spread_on_its_level_is_never_discarded() {
        let mut state = 11u64;
        let mut draw = |scale: f64| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            ((state >> 11) as f64 / (1u64 << 53) as f64 * 2.0 - 1.0) * scale
        };
        for _ in 0..20_000 {
            let (mean, sigma, k) = (draw(2e4), 0.01 + draw(1.0).abs().powi(8) * 100.0, draw(3.0).abs() + 0.01);
            let (lower, upper) = (mean - k * sigma, mean + k * sigma);
            let column = SignalColumn { a: vec![mean], b: vec![sigma], bar_length: NS, ..SignalColumn::default() };
            let bars = |low: f64, high: f64| BarRows {
                bar_length: NS,
                first_bar: 0,
                starts: vec![1, 2],
                spread: vec![Extremes { low, high }],
            };
            let reach = BandReach::new(&column, &bars(lower, upper));
            assert_eq!(reach.first(0..1, true, Some(k)), Some(0), "{mean} {sigma} {k}");
            assert_eq!(reach.first(0..1, false, Some(k)), Some(0), "{mean} {sigma} {k}");
            let inside = BandReach::new(&column, &bars(lower + 0.01 * sigma, upper - 0.01 * sigma));
            assert_eq!(inside.first(0..1, true, Some(k)), None);
            assert_eq!(inside.first(0..1, false, Some(k)), None);
        }
    }
}
