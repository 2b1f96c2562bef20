//! What happened over many cases: a histogram, and a search that notes which watches woke a trader.

use perpx_core::market::Role;
use perpx_core::replay::{Index, Search};
use perpx_core::watch::{Cmp, EvalCtx, Level, Series, TrailingExtreme, Watches, fires, holds};
use std::collections::BTreeMap;
use std::ops::Range;

#[derive(Clone, Debug, Default)]
pub struct Histogram(pub BTreeMap<String, u64>);

impl Histogram {
    pub fn add(&mut self, what: impl Into<String>, n: u64) {
        *self.0.entry(what.into()).or_default() += n;
    }

    pub fn join(mut self, other: Histogram) -> Histogram {
        other.0.into_iter().for_each(|(what, n)| self.add(what, n));
        self
    }

    /// Those of `wanted` that happened fewer than `least` times.
    pub fn thin<'a>(&self, wanted: impl Iterator<Item = &'a str>, least: u64) -> Vec<String> {
        let count = |what: &str| self.0.get(what).copied().unwrap_or(0);
        wanted.filter(|what| count(what) < least).map(|what| format!("{what}: {}", count(what))).collect()
    }
}

impl std::fmt::Display for Histogram {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.iter().try_for_each(|(what, n)| writeln!(f, "{n:12} {what}"))
    }
}

/// Every kind of watch that the strategies have.
pub const WATCHES: &[&str] = &[
    "watch bid",
    "watch ask",
    "watch mark",
    "watch age",
    "watch spread, upper",
    "watch spread, lower",
    "watch edge",
    "watch bar",
    "watch funding difference",
    "watch apr",
    "watch to funding",
    "watch trail",
    "watch next tick",
];

/// Notes the comparisons that held in the rules that fired.
#[derive(Clone, Debug, Default)]
pub struct RecordingSearch<S> {
    pub search: S,
    pub seen: Histogram,
}

impl<S: Search> Search for RecordingSearch<S> {
    const INDEXED: bool = S::INDEXED;

    fn arm(&mut self, ctx: EvalCtx<'_>, watches: &Watches) {
        self.search.arm(ctx, watches);
    }

    fn first(
        &mut self,
        ctx: EvalCtx<'_>,
        index: Option<&Index>,
        watches: &Watches,
        rows: Range<usize>,
        best: Option<TrailingExtreme>,
    ) -> Option<usize> {
        let row = self.search.first(ctx, index, watches, rows.clone(), best)?;
        let best = best.map(|best| best_at(best, ctx, rows.start..row + 1));
        let time = perpx_core::units::Time(ctx.local.time[row]);
        for rule in watches.rules().iter().filter(|rule| fires(rule, ctx, row, best)) {
            let all = rule.all.iter().chain(&rule.votes);
            all.filter(|cmp| holds(cmp, ctx, row, time, best)).for_each(|cmp| self.seen.add(kind(cmp), 1));
            if rule.all.is_empty() && rule.votes.is_empty() {
                self.seen.add("watch next tick", 1);
            }
        }
        Some(row)
    }
}

fn best_at(best: TrailingExtreme, ctx: EvalCtx<'_>, rows: Range<usize>) -> TrailingExtreme {
    let px = rows.fold(best.px, |px, row| match best.role {
        Role::Long => px.max(ctx.local.bbo(row, best.role).bid),
        Role::Short => Some(ctx.local.bbo(row, best.role).ask).filter(|ask| ask.0 > 0).map_or(px, |ask| px.min(ask)),
    });
    TrailingExtreme { px, ..best }
}

fn kind(cmp: &Cmp) -> &'static str {
    match (cmp.series, cmp.level) {
        (_, Level::Trail(_)) => "watch trail",
        (Series::Bid(_), _) => "watch bid",
        (Series::Ask(_), _) => "watch ask",
        (Series::Mark(_), _) => "watch mark",
        (Series::Age(_), _) => "watch age",
        (Series::Spread, Level::Upper(_)) => "watch spread, upper",
        (Series::Spread, _) => "watch spread, lower",
        (Series::Edge, _) => "watch edge",
        (Series::Bar(_), _) => "watch bar",
        (Series::FundingDiff { .. }, _) => "watch funding difference",
        (Series::Apr { .. }, _) => "watch apr",
        (Series::ToFunding { .. }, _) => "watch to funding",
    }
}
