//! The search row by row.
//!
//! Time is cut into epochs in which every slow comparison (bar columns, band levels, funding) stands still. At the start of
//! an epoch the rules are compiled into filters (see `compiled_rules`): one comparison per row and column. Rows that pass no filter cost
//! about a nanosecond per filter; a row that passes one is judged by [`fires`]. Nothing is allocated per row.

use super::compiled_rules::CompiledRules;
use super::index::Index;
use super::seek::Search;
use crate::watch::{EvalCtx, TrailingExtreme, Watches, fires};
use std::ops::Range;

/// Rows that share one bound of a trailing level.
const BLOCK: usize = 256;

/// The search row by row: rules compiled to comparisons of columns.
#[derive(Clone, Debug, Default)]
pub struct Walk {
    /// The present watches as column filters.
    compiled: CompiledRules,
}

impl Search for Walk {
    fn arm(&mut self, _ctx: EvalCtx<'_>, watches: &Watches) {
        self.compiled.arm(watches);
    }

    fn first(
        &mut self,
        ctx: EvalCtx<'_>,
        index: Option<&Index>,
        watches: &Watches,
        rows: Range<usize>,
        mut best: Option<TrailingExtreme>,
    ) -> Option<usize> {
        let mut row = rows.start;
        while row < rows.end {
            let epoch = self.compiled.epoch(ctx, index, watches, row..rows.end);
            if self.compiled.is_shut() {
                best = best.map(|best| extended(best, ctx, row..epoch));
                row = epoch;
                continue;
            }
            let block = if best.is_some() { BLOCK } else { epoch - row };
            while row < epoch {
                let end = epoch.min(row + block);
                if let Some(hit) = self.in_block(ctx, watches, row..end, best) {
                    return Some(hit);
                }
                best = best.map(|best| extended(best, ctx, row..end));
                row = end;
            }
        }
        None
    }
}

impl Walk {
    /// First row of a block at which a rule fires; the best is carried through it.
    fn in_block(
        &self,
        ctx: EvalCtx<'_>,
        watches: &Watches,
        rows: Range<usize>,
        best: Option<TrailingExtreme>,
    ) -> Option<usize> {
        let reach = best.map(|best| extended(best, ctx, rows.clone()));
        let mut from = rows.start;
        while let Some(row) = self.compiled.candidate(ctx, from..rows.end, reach) {
            let best = best.map(|best| extended(best, ctx, rows.start..row + 1));
            if watches.rules().iter().any(|rule| fires(rule, ctx, row, best)) {
                return Some(row);
            }
            from = row + 1;
        }
        None
    }
}

/// The extreme with `rows` counted in.
fn extended(best: TrailingExtreme, ctx: EvalCtx<'_>, rows: Range<usize>) -> TrailingExtreme {
    let r = best.role.ix();
    let px = match best.role {
        crate::market::Role::Long => ctx.local.bid[r][rows].iter().fold(best.px.0, |top, &px| top.max(px)),
        crate::market::Role::Short => {
            ctx.local.ask[r][rows].iter().filter(|&&px| px > 0).fold(best.px.0, |low, &px| low.min(px))
        }
    };
    TrailingExtreme { px: crate::units::Price(px), ..best }
}
