//! The closed vocabulary of watches: what may wake a sleeping strategy, and [`fires`], the one predicate that judges a row
//! for every driver (architecture.md, the wake contract).
//!
//! A [`Rule`] fires at a row when its time has come, every one of its `all` comparisons holds, none of its `none` does
//! and at least `needed` of its `votes` hold. A strategy's [`Watches`] are a list of rules; any one that fires is a wake. Each comparison sets ONE
//! named series against ONE level that the strategy computed once; nobody rearranges an inequality. Unknown values (NaN,
//! an absent quote, mark or rate) never satisfy a comparison.

use crate::market::Role;
use crate::signals::{BandRule, SignalId, TileSignals, bar_before};
use crate::tape::rows::FundingKind;
use crate::tape::{FundingRate, Local};
use crate::units::{Price, Qty, Rate, Time};

/// How a value stands to a level.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Op {
    /// At or above.
    Ge,
    /// Above.
    Gt,
    /// At or below.
    Le,
    /// Below.
    Lt,
}

/// What is looked at. Values are those of the local timeline at a row.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Series {
    /// Best bid of a venue, i64.
    Bid(Role),
    /// Best ask of a venue, i64.
    Ask(Role),
    /// Spread between the mids, bp, f64.
    Spread,
    /// bid_short / ask_long, f64.
    Edge,
    /// Time since the venue's newest row, ns, i64.
    Age(Role),
    /// Mark as received, i64.
    Mark(Role),
    /// First value of a bar column (trend, volatility) at the last closed bar, f64.
    Bar(SignalId),
    /// Difference of two venues' rates over 8 h, 1e-12 x 24, i128; unknown when either is older than two intervals.
    FundingDiff {
        /// Predicted or settled rates.
        kind: FundingKind,
        /// Whose rate the other is taken from.
        first: Role,
    },
    /// What the position `legs` pays per year, i128 (see [`Legs::pays_x24`]).
    Apr {
        /// Predicted or settled rates.
        kind: FundingKind,
        /// What is held.
        legs: Legs,
    },
    /// Nanoseconds to the next settlement that a leg of this role would pay; i64::MAX when it would not.
    ToFunding {
        /// Predicted or settled rates.
        kind: FundingKind,
        /// Of the leg.
        role: Role,
    },
}

/// The quantities of a position, for what it pays in funding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Legs {
    /// On the long venue, not negative.
    pub long: Qty,
    /// On the short venue, not negative.
    pub short: Qty,
}

impl Legs {
    /// One coin in one leg.
    pub fn one(role: Role) -> Legs {
        let one = Qty(1);
        match role {
            Role::Long => Legs { long: one, short: Qty::ZERO },
            Role::Short => Legs { long: Qty::ZERO, short: one },
        }
    }

    /// `q_long * r_long - q_short * r_short`, r = rate per year in 1e-12 x 24 (exact for intervals that divide 24 h).
    /// Unknown when a leg with a quantity has no known rate.
    pub fn pays_x24(&self, local: &Local, row: usize, kind: FundingKind, now: Time) -> Option<i128> {
        let part = |role: Role, qty: Qty| match qty.0 {
            0 => Some(0),
            _ => Some(per_year_x24(known(local, row, role, kind, now)?) * i128::from(qty.0)),
        };
        Some(part(Role::Long, self.long)? - part(Role::Short, self.short)?)
    }

    /// The level of [`Series::Apr`] for a rate per year: `apr * max(q_long, q_short)`, in the same units.
    pub fn level(&self, apr: Rate) -> Level {
        Level::Wide(i128::from(apr.0) * 24 * i128::from(self.long.max(self.short).0))
    }
}

/// What a value is compared with, in the unit of its series.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Level {
    /// Prices and nanoseconds.
    Int(i64),
    /// Funding: 1e-12 x 24.
    Wide(i128),
    /// Signals: bp or plain numbers.
    Real(f64),
    /// The upper level of a band at the last closed bar.
    Upper(BandRule),
    /// The lower level of a band at the last closed bar.
    Lower(BandRule),
    /// `floor(best * (1 - fraction))` of the extreme the trader asked for; mirrored (`ceil(best * (1 + fraction))`) when it
    /// asked for a minimum.
    Trail(Rate),
}

/// One comparison of a rule.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Cmp {
    /// What is looked at.
    pub series: Series,
    /// How it must stand.
    pub op: Op,
    /// To this.
    pub level: Level,
}

/// A condition under which the next step may do something: all of `all`, none of `none`, enough of `votes`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Rule {
    /// Ticks before this moment never fire it.
    pub after: Option<Time>,
    /// All of these must hold; an unknown value does not.
    pub all: Vec<Cmp>,
    /// None of these may hold; an unknown value does not hold, so it does not stop the rule.
    pub none: Vec<Cmp>,
    /// Of these, `needed` must hold.
    pub votes: Vec<Cmp>,
    /// How many of `votes` must hold.
    pub needed: u8,
}

/// All rules of a state; reused between calls so that nothing is allocated per wake.
#[derive(Clone, Debug, Default)]
pub struct Watches {
    /// The first `used` are in force; the others keep their memory.
    rules: Vec<Rule>,
    /// How many are in force.
    used: usize,
}

impl Watches {
    /// No rules; the memory stays.
    #[inline]
    pub fn clear(&mut self) {
        self.used = 0;
    }

    /// A fresh, empty rule at the end of the list.
    #[inline]
    pub fn rule(&mut self) -> &mut Rule {
        if self.used == self.rules.len() {
            self.rules.push(Rule::default());
        }
        self.used += 1;
        let rule = &mut self.rules[self.used - 1];
        rule.after = None;
        rule.all.clear();
        rule.none.clear();
        rule.votes.clear();
        rule.needed = 0;
        rule
    }

    /// In the order in which they were added.
    #[inline]
    pub fn rules(&self) -> &[Rule] {
        &self.rules[..self.used]
    }
}

impl Rule {
    /// Adds a comparison that must hold.
    pub fn and(&mut self, series: Series, op: Op, level: Level) -> &mut Rule {
        self.all.push(Cmp { series, op, level });
        self
    }

    /// Adds a comparison that must not hold.
    pub fn unless(&mut self, series: Series, op: Op, level: Level) -> &mut Rule {
        self.none.push(Cmp { series, op, level });
        self
    }

    /// Adds a comparison that counts as a vote.
    pub fn vote(&mut self, series: Series, op: Op, level: Level) -> &mut Rule {
        self.votes.push(Cmp { series, op, level });
        self
    }
}

/// Where a watch is judged: the local timeline, its signals, and the extreme carried for a trailing level (see
/// [`crate::port::Extreme`]; this row included).
#[derive(Clone, Copy)]
pub struct EvalCtx<'a> {
    /// The timeline of what had reached us.
    pub local: &'a Local,
    /// Of the same tile.
    pub signals: &'a TileSignals,
}

/// Judges a rule at a row. `best` is needed by trailing levels alone.
#[inline]
pub fn fires(rule: &Rule, ctx: EvalCtx<'_>, row: usize, best: Option<TrailingExtreme>) -> bool {
    let time = Time(ctx.local.time[row]);
    // votes first: at most ticks they are what fails, and the order of pure comparisons changes no verdict
    rule.after.is_none_or(|after| time >= after)
        && votes(&rule.votes, rule.needed, ctx, row, time, best)
        && rule.all.iter().all(|cmp| holds(cmp, ctx, row, time, best))
        && !rule.none.iter().any(|cmp| holds(cmp, ctx, row, time, best))
}

/// Enough of the votes hold; those that cannot change it are not looked at.
#[inline(always)]
fn votes(votes: &[Cmp], needed: u8, ctx: EvalCtx<'_>, row: usize, time: Time, best: Option<TrailingExtreme>) -> bool {
    let mut missing = usize::from(needed);
    for (asked, cmp) in votes.iter().enumerate() {
        if missing == 0 || missing > votes.len() - asked {
            break;
        }
        missing -= usize::from(holds(cmp, ctx, row, time, best));
    }
    missing == 0
}

/// The running extreme: a maximum of bids (long leg kept) or a minimum of asks (short leg kept).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TrailingExtreme {
    /// Whose price: the bid of a long leg, the ask of a short one.
    pub role: Role,
    /// The best so far.
    pub px: Price,
}

/// The level at which a trail of `fraction` fires.
#[inline]
pub fn trail_level(best: TrailingExtreme, fraction: Rate) -> Price {
    match best.role {
        Role::Long => best.px.scaled_floor(-fraction),
        Role::Short => best.px.scaled_ceil(fraction),
    }
}

/// Judges one comparison at `row` for a call at `time` (the row's own time at ticks).
#[inline]
pub fn holds(cmp: &Cmp, ctx: EvalCtx<'_>, row: usize, time: Time, best: Option<TrailingExtreme>) -> bool {
    let local = ctx.local;
    match cmp.series {
        Series::Bid(role) => price(local.bid[role.ix()][row], cmp, best),
        Series::Ask(role) => price(local.ask[role.ix()][row], cmp, best),
        Series::Mark(role) => price(local.mark(row).mark[role.ix()].0, cmp, best),
        Series::Age(role) => compare(time.0 - local.seen[role.ix()][row], cmp.op, int(cmp.level)),
        Series::Spread => real(ctx.signals.spread[row], cmp, ctx, time),
        Series::Edge => real(ctx.signals.edge[row], cmp, ctx, time),
        Series::Bar(id) => real(ctx.signals.bar_value(id, time), cmp, ctx, time),
        Series::FundingDiff { kind, first } => {
            let diff = local.funding(row).diff(kind).of(first, time);
            diff.is_some_and(|x24| compare(x24, cmp.op, wide(cmp.level)))
        }
        Series::Apr { kind, legs } => {
            legs.pays_x24(local, row, kind, time).is_some_and(|apr| compare(apr, cmp.op, wide(cmp.level)))
        }
        Series::ToFunding { kind, role } => compare(to_funding(local, row, kind, role, time), cmp.op, int(cmp.level)),
    }
}

/// The two sides of a comparison at a row, [value, level], for people; NaN = unknown. Prices in quote money, ages and waits
/// in seconds (infinite: never), spread in bp, a funding difference in bp over 8 h, an APR as a fraction a year.
/// [`holds`] judges; this only tells.
pub fn sides(cmp: &Cmp, ctx: EvalCtx<'_>, row: usize, time: Time, best: Option<TrailingExtreme>) -> [f64; 2] {
    let local = ctx.local;
    let wide = |value: Option<i128>, scale: f64| value.map_or(f64::NAN, |value| value as f64 * scale);
    let seconds = |ns: i64| if ns == i64::MAX { f64::INFINITY } else { ns as f64 * 1e-9 };
    // 1e-12 x 24 as a fraction
    let fraction = 1e-12 / 24.0;
    let (value, scale) = match cmp.series {
        Series::Bid(role) => (local.bid[role.ix()][row] as f64 * 1e-9, 1e-9),
        Series::Ask(role) => (local.ask[role.ix()][row] as f64 * 1e-9, 1e-9),
        Series::Mark(role) => (local.mark(row).mark[role.ix()].0 as f64 * 1e-9, 1e-9),
        Series::Age(role) => (seconds(time.0 - local.seen[role.ix()][row]), 1e-9),
        Series::Spread => (ctx.signals.spread[row], 1.0),
        Series::Edge => (ctx.signals.edge[row], 1.0),
        Series::Bar(id) => (ctx.signals.bar_value(id, time), 1.0),
        Series::FundingDiff { kind, first } => {
            (wide(local.funding(row).diff(kind).of(first, time), fraction * 1e4), fraction * 1e4)
        }
        Series::Apr { kind, legs } => {
            let scale = fraction / legs.long.max(legs.short).0.max(1) as f64;
            (wide(legs.pays_x24(local, row, kind, time), scale), scale)
        }
        Series::ToFunding { kind, role } => (seconds(to_funding(local, row, kind, role, time)), 1e-9),
    };
    let level = match (cmp.level, best) {
        (Level::Int(level), _) => level as f64 * scale,
        (Level::Wide(level), _) => level as f64 * scale,
        (Level::Real(level), _) => level,
        (Level::Upper(band), _) => ctx.signals.band(&band, bar_before(time, band.bar_length)).1,
        (Level::Lower(band), _) => ctx.signals.band(&band, bar_before(time, band.bar_length)).0,
        (Level::Trail(fraction), Some(best)) => trail_level(best, fraction).0 as f64 * scale,
        (Level::Trail(_), None) => f64::NAN,
    };
    [value, level]
}

/// A price compared with a level; zero is none and holds nothing.
#[inline]
fn price(value: i64, cmp: &Cmp, best: Option<TrailingExtreme>) -> bool {
    let level = match (cmp.level, best) {
        (Level::Int(level), _) => level,
        (Level::Trail(fraction), Some(best)) => trail_level(best, fraction).0,
        _ => return false,
    };
    value > 0 && compare(value, cmp.op, level)
}

/// A signal compared with a level; NaN holds nothing.
#[inline(always)]
fn real(value: f64, cmp: &Cmp, ctx: EvalCtx<'_>, time: Time) -> bool {
    let level = match cmp.level {
        Level::Real(level) => level,
        Level::Upper(band) => ctx.signals.band(&band, bar_before(time, band.bar_length)).1,
        Level::Lower(band) => ctx.signals.band(&band, bar_before(time, band.bar_length)).0,
        _ => return false,
    };
    compare(value, cmp.op, level)
}

/// The level of an integer series.
#[inline]
fn int(level: Level) -> i64 {
    match level {
        Level::Int(level) => level,
        _ => unreachable!("a time is compared with an integer"),
    }
}

/// The level of a funding series.
#[inline]
fn wide(level: Level) -> i128 {
    match level {
        Level::Wide(level) => level,
        _ => unreachable!("funding is compared with a wide integer"),
    }
}

/// NaN compares false with everything.
#[inline]
fn compare<T: PartialOrd>(value: T, op: Op, level: T) -> bool {
    match op {
        Op::Ge => value >= level,
        Op::Gt => value > level,
        Op::Le => value <= level,
        Op::Lt => value < level,
    }
}

/// The newest rate of `kind` at a venue; older than two of its intervals it is unknown.
#[inline]
pub fn known(local: &Local, row: usize, role: Role, kind: FundingKind, now: Time) -> Option<&FundingRate> {
    local.funding(row).get(role, kind).filter(|rate| now <= rate.expiry())
}

/// A rate per year in 1e-12 x 24.
#[inline]
pub fn per_year_x24(rate: &FundingRate) -> i128 {
    rate.scaled(8760 * 24)
}

/// See [`Series::ToFunding`].
#[inline]
pub fn to_funding(local: &Local, row: usize, kind: FundingKind, role: Role, now: Time) -> i64 {
    match known(local, row, role, kind, now) {
        Some(rate) if rate.rate.0 * role.opening().sign() > 0 => rate.next_settlement(now).since(now).0,
        _ => i64::MAX,
    }
}
