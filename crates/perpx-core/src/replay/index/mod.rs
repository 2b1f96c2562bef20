//! The index of a tile: what lets a search skip rows, shared by all configurations of a feed.
//!
//! | file | noun |
//! | --- | --- |
//! | (here) | [`Index`]: every part of it, each built when it is first asked for, once |
//! | `bars` | rows by bar, extremes of the spread in each bar against its bands |
//! | `fall` | the deepest fall inside each block, for trailing stops |
//! | `funding` | rows by funding state, trees over rates |
//!
//! Nothing here knows a threshold: one index serves every level, on a grid or off it. A sweep builds what was asked for in
//! the tile before ahead, while that one is run ([`Index::built`], [`Index::build`]); the rest comes with the first question.

mod bars;
mod fall;
mod funding;

pub(super) use bars::{BandReach, BarRows};
pub(super) use fall::Fall;
pub(super) use funding::{FundingRows, FundingSteps, Paid, Paying};

use crate::market::Role;
use crate::signals::{SignalId, TileSignals};
use crate::sim::{VenueIndex, VenuePart};
use crate::tape::rows::FundingKind;
use crate::tape::tree::{Extremes, Tree};
use crate::tape::{Clock, Tile};
use crate::units::TimeDelta;
use crate::watch::{EvalCtx, Series};
use std::ops::Range;
use std::sync::OnceLock;

/// A part of an index.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Part {
    /// A tree over the rows of a price, or of an age.
    Ints(Series),
    /// A tree over the rows of the spread or the edge.
    Reals(Series),
    /// A tree over the marks of a venue, as received.
    Marks(Role),
    /// The first row of each mark state.
    MarkRows,
    /// Rows by funding state.
    FundingRows,
    /// A tree over funding states.
    Funding(FundingKind, Paid),
    /// Falls of the best bid from its running maximum, or rises of the best ask, of a role's leg.
    Fall(Role),
    /// The rows' times.
    Clock,
    /// Rows and spread by bar of the bar length with this place.
    Bars(usize),
    /// A tree over the values of a bar column.
    Values(SignalId),
    /// How far the spread of each bar reaches into the bands of a column.
    BandReach(SignalId),
    /// On a venue's own clock.
    Venue(Role, VenuePart),
}

/// Parts of one tile. `ctx` is always that tile's.
#[derive(Debug, Default)]
pub struct Index {
    /// By role: over the best bids, 1e-9.
    bids: [OnceLock<Tree<i64>>; 2],
    /// By role: over the best asks, 1e-9.
    asks: [OnceLock<Tree<i64>>; 2],
    /// By role: over the times since the venue's newest row, ns.
    ages: [OnceLock<Tree<i64>>; 2],
    /// Over the spreads, bp.
    spread: OnceLock<Tree<f64>>,
    /// Over bid_short / ask_long.
    edge: OnceLock<Tree<f64>>,
    /// By role: over the mark states, 1e-9.
    marks: [OnceLock<Tree<i64>>; 2],
    /// By mark state: its first row.
    mark_rows: OnceLock<Vec<u32>>,
    /// By funding state.
    funding_rows: OnceLock<FundingRows>,
    /// By kind and [`Paid`].
    funding: [[OnceLock<FundingSteps>; 4]; 2],
    /// By role: over its closing price.
    falls: [OnceLock<Fall>; 2],
    /// By role: over the venue's own rows.
    venues: [VenueIndex; 2],
    /// Over the rows' times.
    clock: OnceLock<Clock>,
    /// By bar length.
    bars: Vec<(TimeDelta, OnceLock<BarRows>)>,
    /// By signal: over the first value of each bar.
    values: Vec<OnceLock<Tree<f64>>>,
    /// By signal, of bands.
    reach: Vec<OnceLock<BandReach>>,
}

impl Index {
    /// An index of which nothing is built.
    pub fn new(signals: &TileSignals) -> Index {
        let mut lengths: Vec<TimeDelta> = signals.columns.iter().map(|column| column.bar_length).collect();
        lengths.sort_unstable();
        lengths.dedup();
        Index {
            bars: lengths.into_iter().map(|bar_length| (bar_length, OnceLock::new())).collect(),
            values: signals.columns.iter().map(|_| OnceLock::new()).collect(),
            reach: signals.columns.iter().map(|_| OnceLock::new()).collect(),
            ..Index::default()
        }
    }

    /// The tree of a price or an age.
    pub(super) fn ints(&self, series: Series, ctx: EvalCtx<'_>) -> Option<&Tree<i64>> {
        let local = ctx.local;
        let cell = match series {
            Series::Bid(role) => &self.bids[role.ix()],
            Series::Ask(role) => &self.asks[role.ix()],
            Series::Age(role) => &self.ages[role.ix()],
            _ => return None,
        };
        Some(cell.get_or_init(|| match series {
            Series::Age(role) => Tree::new(local.len(), |rows| ages(ctx, role, rows)),
            Series::Ask(role) => Tree::new(local.len(), |rows| prices(&local.ask[role.ix()][rows])),
            Series::Bid(role) => Tree::new(local.len(), |rows| prices(&local.bid[role.ix()][rows])),
            _ => Tree::new(0, |_| Extremes::NONE),
        }))
    }

    /// The tree of the spread or the edge.
    pub(super) fn reals(&self, series: Series, ctx: EvalCtx<'_>) -> Option<&Tree<f64>> {
        let (cell, values) = match series {
            Series::Spread => (&self.spread, &ctx.signals.spread),
            Series::Edge => (&self.edge, &ctx.signals.edge),
            _ => return None,
        };
        Some(cell.get_or_init(|| Tree::new(values.len(), |rows| Extremes::of(values[rows].iter().copied()))))
    }

    /// Over the mark states; built when it is first asked for, as all parts are.
    pub(super) fn marks(&self, role: Role, ctx: EvalCtx<'_>) -> &Tree<i64> {
        let marks = &ctx.local.marks;
        self.marks[role.ix()].get_or_init(|| {
            let known = |rows: Range<usize>| marks[rows].iter().map(|m| m.mark[role.ix()].0).filter(|&px| px > 0);
            Tree::new(marks.len(), |rows| Extremes::of(known(rows)))
        })
    }

    /// First row of each mark state.
    pub(super) fn mark_rows(&self, ctx: EvalCtx<'_>) -> &[u32] {
        self.mark_rows.get_or_init(|| first_rows(&ctx.local.mark_at, ctx.local.marks.len()))
    }

    /// Rows by funding state.
    pub(super) fn funding_rows(&self, ctx: EvalCtx<'_>) -> &FundingRows {
        self.funding_rows.get_or_init(|| FundingRows::new(ctx.local))
    }

    /// Over the funding states' values.
    pub(super) fn funding(&self, kind: FundingKind, paid: Paid, ctx: EvalCtx<'_>) -> &FundingSteps {
        self.funding[kind as usize][paid as usize].get_or_init(|| FundingSteps::new(ctx.local, kind, paid))
    }

    /// Falls of a leg's closing price.
    pub(super) fn fall(&self, role: Role, ctx: EvalCtx<'_>) -> &Fall {
        self.falls[role.ix()].get_or_init(|| Fall::new(role, ctx))
    }

    /// Finds the row of a time.
    pub(super) fn clock(&self, ctx: EvalCtx<'_>) -> &Clock {
        self.clock.get_or_init(|| Clock::new(&ctx.local.time))
    }

    /// Rows and spread by bars of this length.
    pub(super) fn bars(&self, bar_length: TimeDelta, ctx: EvalCtx<'_>) -> Option<&BarRows> {
        let (_, cell) = self.bars.iter().find(|(length, _)| *length == bar_length)?;
        Some(cell.get_or_init(|| BarRows::new(bar_length, ctx)))
    }

    /// The tree of a bar column's first values.
    pub(super) fn values(&self, id: SignalId, ctx: EvalCtx<'_>) -> &Tree<f64> {
        let values = &ctx.signals.columns[id.0 as usize].a;
        self.values[id.0 as usize]
            .get_or_init(|| Tree::new(values.len(), |bars| Extremes::of(values[bars].iter().copied())))
    }

    /// Of a band's column; `None`: the signal is none.
    pub(super) fn reach(&self, id: SignalId, ctx: EvalCtx<'_>) -> Option<&BandReach> {
        let column = &ctx.signals.columns[id.0 as usize];
        let bars = self.bars(column.bar_length, ctx)?;
        Some(self.reach[id.0 as usize].get_or_init(|| BandReach::new(column, bars)))
    }

    /// Parts of a venue's own rows.
    pub(super) fn venue(&self, role: Role) -> &VenueIndex {
        &self.venues[role.ix()]
    }

    /// The extreme of the closing prices of a leg of `role` over `rows`: the highest bid or the lowest ask there was.
    pub(super) fn best(&self, role: Role, rows: Range<usize>, ctx: EvalCtx<'_>) -> Extremes<i64> {
        let column = closing_column(role, ctx);
        match self.ints(closing(role), ctx) {
            Some(tree) => tree.over(rows, |piece| prices(&column[piece])),
            None => prices(&column[rows]),
        }
    }

    /// The parts that are there.
    pub fn built(&self) -> Vec<Part> {
        let mut out = Vec::new();
        let mut note = |there: bool, part: Part| out.extend(there.then_some(part));
        for role in Role::BOTH {
            let v = role.ix();
            note(self.bids[v].get().is_some(), Part::Ints(Series::Bid(role)));
            note(self.asks[v].get().is_some(), Part::Ints(Series::Ask(role)));
            note(self.ages[v].get().is_some(), Part::Ints(Series::Age(role)));
            note(self.marks[v].get().is_some(), Part::Marks(role));
            note(self.falls[v].get().is_some(), Part::Fall(role));
            VenuePart::ALL.into_iter().for_each(|part| note(self.venues[v].has(part), Part::Venue(role, part)));
        }
        note(self.spread.get().is_some(), Part::Reals(Series::Spread));
        note(self.edge.get().is_some(), Part::Reals(Series::Edge));
        note(self.mark_rows.get().is_some(), Part::MarkRows);
        note(self.funding_rows.get().is_some(), Part::FundingRows);
        note(self.clock.get().is_some(), Part::Clock);
        for kind in [FundingKind::Settled, FundingKind::Predicted] {
            for paid in Paid::ALL {
                note(self.funding[kind as usize][paid as usize].get().is_some(), Part::Funding(kind, paid));
            }
        }
        self.bars.iter().enumerate().for_each(|(i, (_, cell))| note(cell.get().is_some(), Part::Bars(i)));
        let ids = || (0..self.values.len()).map(|i| SignalId(i as u32));
        ids().for_each(|id| note(self.values[id.0 as usize].get().is_some(), Part::Values(id)));
        ids().for_each(|id| note(self.reach[id.0 as usize].get().is_some(), Part::BandReach(id)));
        out
    }

    /// Builds a part. Parts may be built at once by several threads; one that another needs is waited for.
    pub fn build(&self, part: Part, (tile, signals): (&Tile, &TileSignals)) {
        let ctx = EvalCtx { local: &tile.local, signals };
        match part {
            Part::Ints(series) => drop(self.ints(series, ctx)),
            Part::Reals(series) => drop(self.reals(series, ctx)),
            Part::Marks(role) => drop(self.marks(role, ctx)),
            Part::MarkRows => drop(self.mark_rows(ctx)),
            Part::FundingRows => drop(self.funding_rows(ctx)),
            Part::Funding(kind, paid) => drop(self.funding(kind, paid, ctx)),
            Part::Fall(role) => drop(self.fall(role, ctx)),
            Part::Clock => drop(self.clock(ctx)),
            Part::Bars(place) => drop(self.bars.get(place).map(|(bar_length, _)| self.bars(*bar_length, ctx))),
            Part::Values(id) => drop(self.values(id, ctx)),
            Part::BandReach(id) => drop(self.reach(id, ctx)),
            Part::Venue(role, part) => self.venues[role.ix()].build(part, &tile.venues[role.ix()]),
        }
    }

    /// Bytes of trees and tables: (per row, per bar).
    pub fn bytes(&self) -> (usize, usize) {
        let ints = self.bids.iter().chain(&self.asks).chain(&self.ages).chain(&self.marks);
        let ints: usize = ints.filter_map(OnceLock::get).map(Tree::bytes).sum();
        let reals: usize = [&self.spread, &self.edge].into_iter().filter_map(OnceLock::get).map(Tree::bytes).sum();
        let tables = self.mark_rows.get().map_or(0, |rows| 4 * rows.len());
        let tables = tables + self.funding_rows.get().map_or(0, FundingRows::bytes);
        let steps = self.funding.iter().flatten().filter_map(OnceLock::get);
        let tables = tables + steps.map(FundingSteps::bytes).sum::<usize>();
        let falls: usize = self.falls.iter().filter_map(OnceLock::get).map(Fall::bytes).sum();
        let clock = self.clock.get().map_or(0, Clock::bytes);
        let venues: usize = self.venues.iter().map(VenueIndex::bytes).sum();
        let bars: usize = self.bars.iter().filter_map(|(_, cell)| cell.get()).map(BarRows::bytes).sum();
        let values: usize = self.values.iter().filter_map(OnceLock::get).map(Tree::bytes).sum();
        let reach: usize = self.reach.iter().filter_map(OnceLock::get).map(BandReach::bytes).sum();
        (ints + reals + tables + falls + clock + venues, bars + values + reach)
    }
}

/// The series on which a leg's closing price is seen.
pub(super) fn closing(role: Role) -> Series {
    match role {
        Role::Long => Series::Bid(role),
        Role::Short => Series::Ask(role),
    }
}

/// The price at which a leg can be closed: best bids of the long venue, best asks of the short one.
pub(super) fn closing_column(role: Role, ctx: EvalCtx<'_>) -> &[i64] {
    match role {
        Role::Long => &ctx.local.bid[role.ix()],
        Role::Short => &ctx.local.ask[role.ix()],
    }
}

/// Zero is no price.
fn prices(values: &[i64]) -> Extremes<i64> {
    let (mut low, mut high) = (i64::MAX, i64::MIN);
    for &px in values {
        low = low.min(if px > 0 { px } else { i64::MAX });
        high = high.max(px);
    }
    Extremes { low, high }
}

/// Shortest and longest time since the venue's newest row.
fn ages(ctx: EvalCtx<'_>, role: Role, rows: Range<usize>) -> Extremes<i64> {
    let (time, seen) = (&ctx.local.time[rows.clone()], &ctx.local.seen[role.ix()][rows]);
    let (mut low, mut high) = (i64::MAX, i64::MIN);
    for (time, seen) in time.iter().zip(seen) {
        low = low.min(time - seen);
        high = high.max(time - seen);
    }
    Extremes { low, high }
}

/// The first row with at least each value from 0 to `states`, of a column that never falls.
fn first_rows(column: &[u32], states: usize) -> Vec<u32> {
    let mut out = Vec::with_capacity(states);
    let mut row = 0;
    for state in 0..states as u32 {
        while row < column.len() && column[row] < state {
            row += 1;
        }
        out.push(row as u32);
    }
    out
}
