//! The search by index: from wake to wake without the rows between them.

use super::Walk;
use super::column_filter::ColumnFilter;
use super::compiled_rules::{is_slow, lasts};
use super::index::{Index, Paying, closing};
use super::seek::Search;
use crate::market::Role;
use crate::tape::tree::Extremes;
use crate::units::{Price, Rate, Time};
use crate::watch::{Cmp, EvalCtx, Level, Op, Rule, Series, TrailingExtreme, Watches, fires, holds};
use std::ops::Range;

/// Rows looked at one by one before the trees are asked, while wakes are near each other.
const LOOK: usize = 48;
/// Wakes near each other in a row, at most this many, are remembered; half of them make it worth to look first.
const MEMORY: u8 = 8;

/// The search by index: trees over blocks of rows say where a rule may hold, and its rows are judged there alone.
#[derive(Clone, Debug)]
pub struct Leap {
    /// Rows judged one by one before the trees are asked, where wakes are near.
    look: usize,
    /// Judges them, and tiles without an index.
    walk: Walk,
    /// The walk knows the present watches.
    armed: bool,
    /// Goes up when a wake was within `look` rows, down when it was not.
    near: u8,
    /// First rows of the votes of a rule.
    firsts: Vec<usize>,
}

impl Default for Leap {
    fn default() -> Leap {
        Leap::looking(LOOK)
    }
}

impl Leap {
    /// Looks at so many rows before it asks the trees; the answers are the same.
    pub fn looking(look: usize) -> Leap {
        Leap { look, walk: Walk::default(), armed: false, near: MEMORY / 2, firsts: Vec::new() }
    }
}

impl Search for Leap {
    const INDEXED: bool = true;

    fn arm(&mut self, _ctx: EvalCtx<'_>, _watches: &Watches) {
        self.armed = false;
    }

    fn first(
        &mut self,
        ctx: EvalCtx<'_>,
        index: Option<&Index>,
        watches: &Watches,
        rows: Range<usize>,
        best: Option<TrailingExtreme>,
    ) -> Option<usize> {
        let near = rows.start..rows.end.min(rows.start + self.look);
        let mut from = rows.start;
        if index.is_none() || (self.near >= MEMORY / 2 && !near.is_empty()) {
            if !self.armed {
                self.walk.arm(ctx, watches);
                self.armed = true;
            }
            let reach = if index.is_none() { rows.clone() } else { near.clone() };
            from = reach.end;
            let found = self.walk.first(ctx, index, watches, reach, best);
            if found.is_some() {
                self.near = MEMORY.min(self.near + 1);
                return found;
            }
        }
        let index = index.filter(|_| from < rows.end)?;
        let lookup = Lookup { ctx, index, from: rows.start, best };
        let mut found = None;
        for rule in watches.rules() {
            let end = found.unwrap_or(rows.end);
            found = lookup.rule(rule, from..end, &mut self.firsts).or(found);
        }
        if found.unwrap_or(rows.end) < near.end {
            self.near = MEMORY.min(self.near + 1);
        } else {
            self.near = self.near.saturating_sub(1);
        }
        found
    }
}

/// One search in one tile.
#[derive(Clone, Copy)]
struct Lookup<'a> {
    /// The tile.
    ctx: EvalCtx<'a>,
    /// Of that tile.
    index: &'a Index,
    /// Where the search began; `best` is the extreme over all ticks before it.
    from: usize,
    /// For trailing levels alone.
    best: Option<TrailingExtreme>,
}

/// What the slow comparisons of a rule say at a row; it stays so before the row given.
enum Slow {
    Shut(usize),
    /// So many of the fast votes are needed.
    Open(usize, usize),
}

impl Lookup<'_> {
    /// Of the row.
    fn time(&self, row: usize) -> Time {
        Time(self.ctx.local.time[row])
    }

    /// First row at or after the time.
    fn row_at(&self, time: Time) -> usize {
        self.index.clock(self.ctx).row_at(&self.ctx.local.time, time.0)
    }

    /// The extreme over all ticks before `row`.
    fn best_before(&self, row: usize) -> Option<TrailingExtreme> {
        let best = self.best?;
        if row <= self.from {
            return Some(best);
        }
        let Extremes { low, high } = self.index.best(best.role, self.from..row, self.ctx);
        let px = match best.role {
            Role::Long => best.px.0.max(high),
            Role::Short => best.px.0.min(low),
        };
        Some(TrailingExtreme { px: Price(px), ..best })
    }

    /// The first row of `rows` at which the rule fires. Epochs of the slow comparisons are passed one by one; inside an
    /// open one the trees are asked for rows at which every fast comparison holds, and `fires` judges them.
    fn rule(&self, rule: &Rule, rows: Range<usize>, firsts: &mut Vec<usize>) -> Option<usize> {
        let mut row = rows.start;
        if let Some(after) = rule.after
            && row < rows.end
            && after > self.time(row)
        {
            row = self.row_at(after);
        }
        while row < rows.end {
            match self.slow(rule, row) {
                Slow::Shut(until) => row = until,
                Slow::Open(until, missing) => {
                    let end = until.min(rows.end);
                    while let Some(hit) = self.fast(rule, missing, row..end, firsts) {
                        if fires(rule, self.ctx, hit, self.best_before(hit + 1)) {
                            return Some(hit);
                        }
                        row = hit + 1;
                    }
                    row = end;
                }
            }
        }
        None
    }

    /// Decides the comparisons that change by bar or by event alone.
    fn slow(&self, rule: &Rule, row: usize) -> Slow {
        let time = self.time(row);
        let judge = |cmp: &Cmp| holds(cmp, self.ctx, row, time, None);
        let mut until = usize::MAX;
        for cmp in rule.all.iter().filter(|cmp| is_slow(cmp)) {
            let held = judge(cmp);
            let changes = self.change(cmp, held, row);
            if !held {
                return Slow::Shut(changes);
            }
            until = until.min(changes);
        }
        for cmp in rule.none.iter().filter(|cmp| is_slow(cmp)) {
            if judge(cmp) {
                return Slow::Shut(self.epoch(cmp, row));
            }
            until = until.min(self.change(cmp, false, row));
        }
        let (mut missing, mut fast, mut helped) = (usize::from(rule.needed), 0, usize::MAX);
        for cmp in &rule.votes {
            if !is_slow(cmp) {
                fast += 1;
                continue;
            }
            let held = judge(cmp);
            let changes = self.change(cmp, held, row);
            until = until.min(changes);
            if held {
                missing = missing.saturating_sub(1);
            } else {
                helped = helped.min(changes);
            }
        }
        if missing > fast { Slow::Shut(helped) } else { Slow::Open(until, missing) }
    }

    /// First row at which a slow comparison may no longer be as it is at `row`. One that ends
    /// unnoticed, because its value became unknown, costs time alone: `fires` judges.
    fn change(&self, cmp: &Cmp, held: bool, row: usize) -> usize {
        if let Some(paying) = Paying::of(cmp) {
            return self.pays(if held { paying.not() } else { paying }, row);
        }
        let (Series::Bar(id), Level::Real(level)) = (cmp.series, cmp.level) else { return self.epoch(cmp, row) };
        let column = &self.ctx.signals.columns[id.0 as usize];
        let Some(bars) = self.index.bars(column.bar_length, self.ctx) else { return self.epoch(cmp, row) };
        let next = bars.entry_at(self.ctx.local.time[row]) + 1;
        let op = if held { opposite(cmp.op) } else { cmp.op };
        let may = |node: &Extremes<f64>| match op {
            Op::Ge => node.high >= level,
            Op::Gt => node.high > level,
            Op::Le => node.low <= level,
            Op::Lt => node.low < level,
        };
        let leaf =
            |mut piece: Range<usize>| piece.find(|&bar| may(&Extremes { low: column.a[bar], high: column.a[bar] }));
        let found = self.index.values(id, self.ctx).first(next..column.a.len(), may, leaf);
        bars.start(found.unwrap_or(usize::MAX))
    }

    /// First row of a later funding state at which the comparison may hold.
    fn pays(&self, paying: Paying, row: usize) -> usize {
        let steps = self.index.funding(paying.kind, paying.paid, self.ctx);
        let next = self.ctx.local.funding_at[row] as usize + 1;
        let found = steps.first(next..steps.states(), &paying);
        self.index.funding_rows(self.ctx).start(found.unwrap_or(usize::MAX))
    }

    /// First row at which a slow comparison is to be looked at again, whatever it says.
    fn epoch(&self, cmp: &Cmp, row: usize) -> usize {
        let until = lasts(cmp, self.ctx, Some(self.index), row, self.time(row));
        if until.time == Time::MAX { until.row } else { until.row.min(self.row_at(until.time)) }
    }

    /// The first row of `rows` at which every fast "all" and enough of the fast votes may hold: each in turn names the
    /// first row it allows, until all name the same one.
    fn fast(&self, rule: &Rule, missing: usize, rows: Range<usize>, firsts: &mut Vec<usize>) -> Option<usize> {
        let mut row = rows.start;
        if row >= rows.end {
            return None;
        }
        'again: loop {
            for cmp in rule.all.iter().filter(|cmp| !is_slow(cmp)) {
                let next = self.next(cmp, row..rows.end)?;
                if next > row {
                    row = next;
                    continue 'again;
                }
            }
            if missing > 0 {
                firsts.clear();
                let votes = rule.votes.iter().filter(|cmp| !is_slow(cmp));
                firsts.extend(votes.filter_map(|cmp| self.next(cmp, row..rows.end)));
                firsts.sort_unstable();
                // before it fewer than `missing` of them have held at all
                let next = *firsts.get(missing - 1)?;
                if next > row {
                    row = next;
                    continue 'again;
                }
            }
            return Some(row);
        }
    }

    /// The first row of `rows` at which a fast comparison may hold.
    fn next(&self, cmp: &Cmp, rows: Range<usize>) -> Option<usize> {
        match cmp.level {
            Level::Trail(fraction) => self.trail(cmp, fraction, rows),
            Level::Upper(_) | Level::Lower(_) => self.band(cmp, rows),
            _ => self.plain(cmp.series, ColumnFilter::of(cmp, self.ctx, rows.start), rows),
        }
    }

    /// First row of `rows` at which a column passes, by its tree.
    fn plain(&self, series: Series, filter: ColumnFilter, rows: Range<usize>) -> Option<usize> {
        let (ctx, index) = (self.ctx, self.index);
        let leaf = |piece: Range<usize>| filter.first(ctx, piece, None);
        match series {
            Series::Mark(role) => self.mark(role, filter, rows),
            Series::Spread | Series::Edge => index.reals(series, ctx)?.first(rows, |node| filter.may_real(node), leaf),
            _ => index.ints(series, ctx)?.first(rows, |node| filter.may(node), leaf),
        }
    }

    /// Marks change seldom: their own list is searched, then its row.
    fn mark(&self, role: Role, filter: ColumnFilter, rows: Range<usize>) -> Option<usize> {
        let local = self.ctx.local;
        let (first, last) = (local.mark_at[rows.start] as usize, local.mark_at[rows.end - 1] as usize);
        let passes = |state: usize| filter.passes(local.marks[state].mark[role.ix()].0, None);
        let tree = self.index.marks(role, self.ctx);
        let leaf = |mut piece: Range<usize>| piece.find(|&state| passes(state));
        let state = tree.first(first..last + 1, |node| filter.may(node), leaf)?;
        let row = rows.start.max(self.index.mark_rows(self.ctx)[state] as usize);
        (row < rows.end).then_some(row)
    }

    /// First row of `rows` at which a trail fires, by falls inside the blocks of the tree.
    fn trail(&self, cmp: &Cmp, fraction: Rate, rows: Range<usize>) -> Option<usize> {
        let best = self.best_before(rows.start)?;
        let loss = if best.role == Role::Long { Op::Le } else { Op::Ge };
        if cmp.series != closing(best.role) || cmp.op != loss {
            return Some(rows.start); // no index for that: judged row by row
        }
        let tree = self.index.ints(cmp.series, self.ctx)?;
        self.index.fall(best.role, self.ctx).first(tree, self.ctx, rows, best, fraction)
    }

    /// Bar by bar, those that cannot reach the level left out.
    fn band(&self, cmp: &Cmp, rows: Range<usize>) -> Option<usize> {
        let (band, upper) = match cmp.level {
            Level::Upper(band) => (band, true),
            Level::Lower(band) => (band, false),
            _ => return Some(rows.start),
        };
        let Some(bars) = self.index.bars(band.bar_length, self.ctx) else { return Some(rows.start) };
        let outwards = upper == matches!(cmp.op, Op::Ge | Op::Gt);
        let reach = self.index.reach(band.id, self.ctx).filter(|_| outwards && cmp.series == Series::Spread);
        let mut entry = bars.entry_at(self.ctx.local.time[rows.start]);
        loop {
            if let Some(reach) = reach {
                entry = reach.first(entry..bars.len(), upper, band.k)?;
            }
            if entry >= bars.len() || bars.start(entry) >= rows.end {
                return None;
            }
            let seen = bars.rows(entry);
            let seen = seen.start.max(rows.start)..seen.end.min(rows.end);
            if !seen.is_empty() {
                let filter = ColumnFilter::of(cmp, self.ctx, seen.start);
                if !filter.is_impossible()
                    && let Some(row) = self.plain(cmp.series, filter, seen)
                {
                    return Some(row);
                }
            }
            entry += 1;
        }
    }
}

/// The comparison that holds where this one does not.
pub(super) fn opposite(op: Op) -> Op {
    match op {
        Op::Ge => Op::Lt,
        Op::Gt => Op::Le,
        Op::Le => Op::Gt,
        Op::Lt => Op::Ge,
    }
}
