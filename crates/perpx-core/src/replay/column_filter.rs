//! A column filter: one comparison over one column, cheap enough for every row.

use crate::market::Role;
use crate::signals::bar_before;
use crate::tape::Local;
use crate::tape::tree::Extremes;
use crate::units::{Rate, Time};
use crate::watch::{Cmp, EvalCtx, Level, Op, Series, TrailingExtreme, trail_level};
use std::ops::Range;

/// The values of a column that pass.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Bounds {
    /// `v <= low` or `v >= high`.
    Beyond {
        low: i64,
        high: i64,
    },
    BeyondReal {
        low: f64,
        high: f64,
    },
    /// `low <= v <= high`.
    Within {
        low: i64,
        high: i64,
    },
    WithinReal {
        low: f64,
        high: f64,
    },
    /// At or beyond the trailing level of the extreme.
    Trail(Rate),
}

/// One comparison of a rule as bounds of a column.
#[derive(Clone, Copy, Debug)]
pub(super) struct ColumnFilter {
    /// Which column.
    series: Series,
    /// Which of its values pass.
    bounds: Bounds,
}

impl ColumnFilter {
    /// The filter of one fast comparison at `row`.
    pub fn of(cmp: &Cmp, ctx: EvalCtx<'_>, row: usize) -> ColumnFilter {
        let time = Time(ctx.local.time[row]);
        let real = |level: f64| match cmp.op {
            Op::Ge => Bounds::BeyondReal { low: f64::NEG_INFINITY, high: level },
            Op::Gt => Bounds::BeyondReal { low: f64::NEG_INFINITY, high: level.next_up() },
            Op::Le => Bounds::BeyondReal { low: level, high: f64::INFINITY },
            Op::Lt => Bounds::BeyondReal { low: level.next_down(), high: f64::INFINITY },
        };
        let bounds = match cmp.level {
            Level::Int(level) => match cmp.op {
                Op::Ge => Bounds::Beyond { low: i64::MIN, high: level },
                Op::Gt => Bounds::Beyond { low: i64::MIN, high: level.saturating_add(1) },
                Op::Le => Bounds::Beyond { low: level, high: i64::MAX },
                Op::Lt => Bounds::Beyond { low: level.saturating_sub(1), high: i64::MAX },
            },
            Level::Trail(fraction) => Bounds::Trail(fraction),
            Level::Real(level) => real(level),
            Level::Upper(band) => real(ctx.signals.band(&band, bar_before(time, band.bar_length)).1),
            Level::Lower(band) => real(ctx.signals.band(&band, bar_before(time, band.bar_length)).0),
            Level::Wide(_) => Bounds::Trail(Rate::ZERO),
        };
        ColumnFilter { series: cmp.series, bounds }
    }

    /// The better of `old` and the filter of `cmp`, of which both must hold: two sides of one column make a window; else
    /// prices, spread and edge are rarer than freshness.
    pub fn narrower(old: Option<ColumnFilter>, cmp: &Cmp, ctx: EvalCtx<'_>, row: usize) -> Option<ColumnFilter> {
        let new = ColumnFilter::of(cmp, ctx, row);
        let Some(old) = old.filter(|_| !new.is_impossible()) else { return Some(new) };
        if old.is_impossible() {
            return Some(old);
        }
        if old.series == new.series
            && let Some(bounds) = window(old.bounds, new.bounds)
        {
            return Some(ColumnFilter { series: old.series, bounds });
        }
        let common = |filter: &ColumnFilter| matches!(filter.series, Series::Age(_));
        Some(if common(&old) && !common(&new) { new } else { old })
    }

    /// A level is unknown (NaN) or no value lies in the window.
    pub fn is_impossible(&self) -> bool {
        match self.bounds {
            Bounds::BeyondReal { low, high } => low.is_nan() || high.is_nan(),
            Bounds::Within { low, high } => low > high,
            Bounds::WithinReal { low, high } => low > high,
            _ => false,
        }
    }

    /// Adds this filter to `filters`, of which any may let a row through.
    pub fn merge_into(self, filters: &mut Vec<ColumnFilter>) {
        for filter in filters.iter_mut().filter(|filter| filter.series == self.series) {
            let joined = match (filter.bounds, self.bounds) {
                (Bounds::Beyond { low: a, high: b }, Bounds::Beyond { low, high }) => {
                    Bounds::Beyond { low: a.max(low), high: b.min(high) }
                }
                (Bounds::BeyondReal { low: a, high: b }, Bounds::BeyondReal { low, high }) => {
                    Bounds::BeyondReal { low: a.max(low), high: b.min(high) }
                }
                _ => continue,
            };
            filter.bounds = joined;
            return;
        }
        filters.push(self);
    }

    /// The first row of `rows` that passes; `reach` is the extreme with all of `rows` counted in.
    pub fn first(&self, ctx: EvalCtx<'_>, rows: Range<usize>, reach: Option<TrailingExtreme>) -> Option<usize> {
        let local = ctx.local;
        let start = rows.start;
        let place = match self.series {
            Series::Bid(role) => self.of_ints(&local.bid[role.ix()][rows], reach),
            Series::Ask(role) => self.of_ints(&local.ask[role.ix()][rows], reach),
            Series::Spread => self.of_reals(&ctx.signals.spread[rows]),
            Series::Edge => self.of_reals(&ctx.signals.edge[rows]),
            Series::Age(role) => self.of_ages(&local.time[rows.clone()], &local.seen[role.ix()][rows]),
            Series::Mark(role) => self.of_marks(local, rows, role, reach),
            // slow series make no filters; whatever came here is judged row by row
            _ => (!rows.is_empty()).then_some(0),
        };
        place.map(|place| start + place)
    }

    /// Bounds of an integer column: those of a trail follow from the best so far.
    fn ints(&self, reach: Option<TrailingExtreme>) -> Bounds {
        match (self.bounds, reach) {
            (Bounds::Trail(fraction), Some(best)) => match best.role {
                Role::Long => Bounds::Beyond { low: trail_level(best, fraction).0, high: i64::MAX },
                Role::Short => Bounds::Beyond { low: i64::MIN, high: trail_level(best, fraction).0 },
            },
            (Bounds::Trail(_), None) => Bounds::Within { low: 1, high: 0 },
            (bounds, _) => bounds,
        }
    }

    /// First of `values` that passes.
    fn of_ints(&self, values: &[i64], reach: Option<TrailingExtreme>) -> Option<usize> {
        match self.ints(reach) {
            Bounds::Beyond { low, high } => beyond(values, low, high),
            Bounds::Within { low, high } => values.iter().position(|&v| v >= low && v <= high),
            _ => (!values.is_empty()).then_some(0),
        }
    }

    /// First of `values` that passes.
    fn of_reals(&self, values: &[f64]) -> Option<usize> {
        match self.bounds {
            Bounds::BeyondReal { low, high } => beyond_real(values, low, high),
            Bounds::WithinReal { low, high } => values.iter().position(|&v| v >= low && v <= high),
            _ => (!values.is_empty()).then_some(0),
        }
    }

    /// A value between these extremes may pass.
    #[inline]
    pub fn may(&self, node: &Extremes<i64>) -> bool {
        match self.bounds {
            Bounds::Beyond { low, high } => node.low <= low || node.high >= high,
            Bounds::Within { low, high } => node.high >= low && node.low <= high,
            _ => true,
        }
    }

    /// As [`ColumnFilter::may`], of a column of floats.
    #[inline]
    pub fn may_real(&self, node: &Extremes<f64>) -> bool {
        match self.bounds {
            Bounds::BeyondReal { low, high } => node.low <= low || node.high >= high,
            Bounds::WithinReal { low, high } => node.high >= low && node.low <= high,
            _ => true,
        }
    }

    /// First row at which the time since the newest row passes.
    fn of_ages(&self, times: &[i64], seen: &[i64]) -> Option<usize> {
        times.iter().zip(seen).position(|(time, seen)| self.passes(time - seen, None))
    }

    /// The value passes.
    pub fn passes(&self, value: i64, reach: Option<TrailingExtreme>) -> bool {
        match self.ints(reach) {
            Bounds::Beyond { low, high } => value <= low || value >= high,
            Bounds::Within { low, high } => value >= low && value <= high,
            _ => true,
        }
    }

    /// Marks change seldom: the list of changes is searched, then its row.
    fn of_marks(&self, local: &Local, rows: Range<usize>, role: Role, reach: Option<TrailingExtreme>) -> Option<usize> {
        let at = &local.mark_at[rows];
        let (&first, &last) = (at.first()?, at.last()?);
        let changes = &local.marks[first as usize..=last as usize];
        let change = changes.iter().position(|marks| self.passes(marks.mark[role.ix()].0, reach))?;
        Some(at.partition_point(|&index| index < first + change as u32))
    }
}

/// Both of two one-sided bounds that face each other.
fn window(a: Bounds, b: Bounds) -> Option<Bounds> {
    match (a, b) {
        (Bounds::Beyond { low: i64::MIN, high: from }, Bounds::Beyond { low: to, high: i64::MAX })
        | (Bounds::Beyond { low: to, high: i64::MAX }, Bounds::Beyond { low: i64::MIN, high: from }) => {
            Some(Bounds::Within { low: from, high: to })
        }
        (Bounds::BeyondReal { low: x, high: from }, Bounds::BeyondReal { low: to, high: y })
        | (Bounds::BeyondReal { low: to, high: y }, Bounds::BeyondReal { low: x, high: from })
            if x == f64::NEG_INFINITY && y == f64::INFINITY =>
        {
            Some(Bounds::WithinReal { low: from, high: to })
        }
        _ => None,
    }
}

/// Rows judged together, so that the compiler may use wide registers.
const LANES: usize = 16;

/// Place of the first value `<= low` or `>= high`: one unsigned comparison a value.
fn beyond(values: &[i64], low: i64, high: i64) -> Option<usize> {
    let base = low.wrapping_add(1);
    let width = if low < high && high > base { high.wrapping_sub(base) as u64 } else { 0 };
    let outside = |v: i64| (v.wrapping_sub(base)) as u64 >= width;
    position(values, outside)
}

/// First value at or below `low`, or at or above `high`.
fn beyond_real(values: &[f64], low: f64, high: f64) -> Option<usize> {
    position(values, |v| v <= low || v >= high)
}

/// First value for which `outside` holds, looked for in chunks that a processor compares at once.
#[inline]
fn position<T: Copy>(values: &[T], outside: impl Fn(T) -> bool) -> Option<usize> {
    let mut chunks = values.chunks_exact(LANES);
    for (i, chunk) in chunks.by_ref().enumerate() {
        let mut any = false;
        for &value in chunk {
            any |= outside(value);
        }
        if any {
            return chunk.iter().position(|&value| outside(value)).map(|place| i * LANES + place);
        }
    }
    let done = values.len() / LANES * LANES;
    chunks.remainder().iter().position(|&value| outside(value)).map(|place| done + place)
}
