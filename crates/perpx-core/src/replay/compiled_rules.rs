//! Rules compiled for an epoch: slow comparisons decided, the rest of each rule reduced to one necessary comparison (its
//! filter), filters of one column merged. A filter may let a row through that no rule takes, never the other way round.

use super::column_filter::ColumnFilter;
use super::index::Index;
use crate::market::Role;
use crate::signals::bar_before;
use crate::tape::Local;
use crate::units::{NS, Time, TimeDelta};
use crate::watch::{Cmp, EvalCtx, Level, Rule, Series, TrailingExtreme, Watches, holds, known, to_funding};
use std::ops::Range;

/// A slow comparison, decided; it stays so before `row` and before `time`.
#[derive(Clone, Copy, Debug)]
struct Decided {
    /// What it says.
    holds: bool,
    /// From this row on it may say something else.
    row: usize,
    /// From this moment on it may say something else.
    time: Time,
}

/// It must be decided first.
const UNDECIDED: Decided = Decided { holds: false, row: 0, time: Time::MIN };

/// The compiled rules; buffers are kept between epochs.
#[derive(Clone, Debug, Default)]
pub(super) struct CompiledRules {
    /// One per comparison of all rules, in order.
    decided: Vec<Decided>,
    /// Of the rules that are open.
    filters: Vec<ColumnFilter>,
    /// A rule is open that has no filter: every row must be judged.
    every: bool,
}

/// First row and first time at which the compiled rules may no longer hold.
#[derive(Clone, Copy, Debug)]
pub(super) struct Until {
    /// Of the tile.
    pub row: usize,
    /// On the decision clock.
    pub time: Time,
}

impl Until {
    /// No later than the decision lasts.
    fn limit(&mut self, decided: &Decided) {
        self.row = self.row.min(decided.row);
        self.time = self.time.min(decided.time);
    }
}

/// A row of a tile and what helps to look ahead.
type Here<'a> = (EvalCtx<'a>, Option<&'a Index>, usize);

impl CompiledRules {
    /// New watches: nothing is decided.
    pub fn arm(&mut self, watches: &Watches) {
        let all = watches.rules().iter().map(slots).sum();
        self.decided.clear();
        self.decided.resize(all, UNDECIDED);
    }

    /// No row of the epoch can fire.
    pub fn is_shut(&self) -> bool {
        self.filters.is_empty() && !self.every
    }

    /// Compiles for the row `rows.start`; returns the end of the epoch: the first row, at most `rows.end`, at which a slow
    /// comparison may change.
    pub fn epoch(&mut self, ctx: EvalCtx<'_>, index: Option<&Index>, watches: &Watches, rows: Range<usize>) -> usize {
        let (row, time) = (rows.start, Time(ctx.local.time[rows.start]));
        let mut until = Until { row: rows.end, time: Time::MAX };
        let mut slot = 0;
        self.filters.clear();
        self.every = false;
        for rule in watches.rules() {
            match rule.after {
                Some(after) if after > time => until.time = until.time.min(after),
                _ => self.open(rule, slot, (ctx, index, row), &mut until),
            }
            slot += slots(rule);
        }
        end_row(&ctx.local.time, row, until)
    }

    /// Adds the filter of a rule, unless a slow comparison shuts it. Its comparisons begin at `slot`.
    fn open(&mut self, rule: &Rule, slot: usize, here: Here<'_>, until: &mut Until) {
        let (ctx, _, row) = here;
        let mut mine = Until { row: usize::MAX, time: Time::MAX };
        let mut filter: Option<ColumnFilter> = None;
        for (i, cmp) in rule.all.iter().enumerate() {
            let Some(decided) = self.decide(slot + i, cmp, here) else {
                filter = ColumnFilter::narrower(filter, cmp, ctx, row);
                continue;
            };
            if !decided.holds {
                return until.limit(&decided);
            }
            mine.limit(&decided);
        }
        let nones = slot + rule.all.len();
        for (i, cmp) in rule.none.iter().enumerate() {
            // a fast one is left to `fires`
            let Some(decided) = self.decide(nones + i, cmp, here) else { continue };
            if decided.holds {
                return until.limit(&decided);
            }
            mine.limit(&decided);
        }
        let votes = nones + rule.none.len();
        let (mut missing, mut fast) = (i32::from(rule.needed), 0);
        for (i, cmp) in rule.votes.iter().enumerate() {
            match self.decide(votes + i, cmp, here) {
                Some(decided) => {
                    missing -= i32::from(decided.holds);
                    mine.limit(&decided);
                }
                None => fast += 1,
            }
        }
        until.row = until.row.min(mine.row);
        until.time = until.time.min(mine.time);
        if missing > fast {
            return;
        }
        if missing == fast && fast > 0 {
            // every fast vote is needed: as good as an "all"
            for cmp in rule.votes.iter().filter(|cmp| !is_slow(cmp)) {
                filter = ColumnFilter::narrower(filter, cmp, ctx, row);
            }
        }
        for cmp in rule.all.iter().chain(&rule.votes) {
            if let Level::Upper(band) | Level::Lower(band) = cmp.level {
                until.time = until.time.min(bar_end(Time(ctx.local.time[row]), band.bar_length));
            }
        }
        match filter {
            Some(filter) if filter.is_impossible() => {}
            Some(filter) => filter.merge_into(&mut self.filters),
            None => self.every = true,
        }
    }

    /// The first row of `rows` that a filter lets through; `reach` is the extreme with all of `rows` counted in.
    pub fn candidate(&self, ctx: EvalCtx<'_>, rows: Range<usize>, reach: Option<TrailingExtreme>) -> Option<usize> {
        if self.every {
            return (!rows.is_empty()).then_some(rows.start);
        }
        let mut end = rows.end;
        let mut found = None;
        for filter in &self.filters {
            if let Some(row) = filter.first(ctx, rows.start..end, reach) {
                found = Some(row);
                end = row;
            }
        }
        found
    }

    /// A slow comparison at `row`, decided anew only where it may have changed; `None` for a fast one.
    fn decide(&mut self, slot: usize, cmp: &Cmp, (ctx, index, row): Here<'_>) -> Option<Decided> {
        if !is_slow(cmp) {
            return None;
        }
        let time = Time(ctx.local.time[row]);
        let old = self.decided[slot];
        if row < old.row && time < old.time {
            return Some(old);
        }
        let Until { row: end, time: expires } = lasts(cmp, ctx, index, row, time);
        let decided = Decided { holds: holds(cmp, ctx, row, time, None), row: end, time: expires };
        self.decided[slot] = decided;
        Some(decided)
    }
}

/// Comparisons of a rule.
fn slots(rule: &Rule) -> usize {
    rule.all.len() + rule.none.len() + rule.votes.len()
}

/// Constant between bar closes, publications, expiries and settlements.
pub(super) fn is_slow(cmp: &Cmp) -> bool {
    matches!(cmp.series, Series::Bar(_) | Series::FundingDiff { .. } | Series::Apr { .. } | Series::ToFunding { .. })
}

/// How long a slow comparison stays as it is at `row`.
pub(super) fn lasts(cmp: &Cmp, ctx: EvalCtx<'_>, index: Option<&Index>, row: usize, time: Time) -> Until {
    let published = |roles: &[Role], kind| match index {
        None => published(ctx.local, row),
        Some(index) => {
            let (rows, state) = (index.funding_rows(ctx), ctx.local.funding_at[row] as usize);
            roles.iter().map(|&role| rows.published(state, role, kind)).min().unwrap_or(usize::MAX)
        }
    };
    match cmp.series {
        Series::Bar(id) => {
            let bar_length = ctx.signals.columns[id.0 as usize].bar_length;
            Until { row: usize::MAX, time: bar_end(time, bar_length) }
        }
        Series::FundingDiff { kind, .. } | Series::Apr { kind, .. } => {
            let mut until = Until { row: published(&Role::BOTH, kind), time: Time::MAX };
            for role in Role::BOTH {
                if let Some(rate) = known(ctx.local, row, role, kind, time) {
                    until.time = until.time.min(rate.expiry().plus(NS));
                }
            }
            until
        }
        Series::ToFunding { kind, role } => {
            let mut until = Until { row: published(&[role], kind), time: Time::MAX };
            let left = to_funding(ctx.local, row, kind, role, time);
            if let Some(rate) = known(ctx.local, row, role, kind, time).filter(|_| left < i64::MAX) {
                let settles = time.plus(TimeDelta(left));
                let level = if let Level::Int(level) = cmp.level { level } else { 0 };
                let crosses = settles.0.saturating_sub(level);
                for change in [settles.0, crosses, crosses.saturating_add(1), rate.expiry().0 + 1] {
                    if change > time.0 {
                        until.time = until.time.min(Time(change));
                    }
                }
            }
            until
        }
        _ => Until { row: usize::MAX, time: Time::MAX },
    }
}

/// First row after `row` with another funding state.
fn published(local: &Local, row: usize) -> usize {
    let now = local.funding_at[row];
    row + local.funding_at[row..].partition_point(|&at| at == now)
}

/// The first time at which another bar of `bar_length` is the last closed one.
fn bar_end(time: Time, bar_length: TimeDelta) -> Time {
    Time::at((bar_before(time, bar_length) + 2) * bar_length)
}

/// First row after `row`, at most `until.row`, at or after `until.time`: doubling steps, then bisection.
fn end_row(times: &[i64], row: usize, until: Until) -> usize {
    let end = until.row;
    if until.time == Time::MAX || times[end - 1] < until.time.0 {
        return end;
    }
    let (mut low, mut step) = (row, 8);
    while low + step < end && times[low + step] < until.time.0 {
        low += step;
        step *= 2;
    }
    let high = end.min(low + step);
    low + times[low..high].partition_point(|&time| time < until.time.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_an_epoch_is_the_first_row_at_its_time() {
        let times: Vec<i64> = (0..100).map(|i| 10 * i).collect();
        for until in 1..1_100 {
            let want = times.iter().position(|&t| t >= until && t > 30).unwrap_or(100);
            let got = end_row(&times, 3, Until { row: 100, time: Time(until.max(31)) });
            assert_eq!(got, want, "{until}");
        }
        assert_eq!(bar_end(Time(59), TimeDelta(60)), Time(60));
        assert_eq!(bar_end(Time(60), TimeDelta(60)), Time(120));
    }
}
