//! One symbol of a sweep, ready to run: its spans, feeds with their tapes, worlds.

use crate::error::SweepError;
use crate::grid::{Feeds, Grid, Warmup};
use crate::options::Options;
use perpx_core::config::{Config, Override, Size};
use perpx_core::ledger::Mids;
use perpx_core::market::Role;
use perpx_core::signals::SignalSet;
use perpx_core::stats::{ATOM_STEP, AtomPlan};
use perpx_core::strategy::{FundingKinds, Plan};
use perpx_core::units::{Cash, HOUR, MINUTE, NS, SECOND, Time, TimeDelta};
use perpx_data::backtest::{DataRange, Feed, Spans, SymbolData};
use perpx_data::loader::Tape;
use std::collections::BTreeMap;
use std::sync::Arc;

pub struct SymbolRun {
    /// Its `from` is as swept: later than the grid's with `warmup = "late_start"`.
    pub data: SymbolData,
    pub embargo: TimeDelta,
    pub spans: Spans,
    /// How the returns in sample are parted in the trial matrix; none where the grid has points of different intervals, or
    /// none ends in sample.
    pub trials: Option<AtomPlan>,
    pub grid_feeds: Feeds,
    pub worlds: Vec<Vec<Override>>,
    pub world_ids: Vec<String>,
    /// Any legal configuration.
    pub home: Config,
}

/// A range whose end no venue quotes any more would close what is open at a price of long ago, and dilute every figure by
/// time without data. Judged by the feed that hears each venue longest: outages are simulated in others.
fn quoted_to_the_end(symbol: &str, tapes: &[Tape], to: Time) -> Result<(), SweepError> {
    let mut ends = BTreeMap::new();
    for venue in tapes.iter().flat_map(|tape| tape.quality().venues) {
        let end = ends.entry(venue.venue).or_insert(Time::MIN);
        *end = venue.last_quote.map_or(*end, |last| last.max(*end));
    }
    match ends.into_iter().find(|(_, last)| to.since(*last) > HOUR) {
        Some((venue, last)) => Err(SweepError::EndsEarly { symbol: symbol.to_string(), venue, last, to }),
        None => Ok(()),
    }
}

impl SymbolRun {
    /// Opens the data of one symbol and checks that the sweep can begin.
    pub fn open(grid: &Grid, symbol: &str, options: &Options) -> Result<SymbolRun, SweepError> {
        let grid_feeds = grid.feeds(symbol)?;
        let home_at = (0..grid.strategy_points()).find_map(|at| grid.strategy_point(at)).unwrap_or_default();
        let home = grid.resolve(symbol, &home_at, &grid.world(0))?;
        let need = warmup(grid, symbol, &home_at)?;
        let examples = grid_feeds.feeds.iter().map(|(strategy, world)| {
            let lay = |under: &[Override], over: &[Override]| -> Vec<Override> {
                under.iter().chain(over).cloned().collect()
            };
            Ok(grid.resolve(symbol, &lay(&home_at, strategy), &lay(&grid.world(0), world))?)
        });
        let examples = examples.collect::<Result<Vec<Config>, SweepError>>()?;
        let (from, to) = (grid.data.from, grid.data.to);
        let mut start = from;
        let tapes_at = |from: Time| open_tapes(grid, symbol, &examples, (from.plus(-need), from), options.tile_rows);
        let mut tapes = tapes_at(start)?;
        let mut have = Time::MIN;
        for tape in &tapes {
            have = have.max(tape.earliest_from()?);
        }
        if have > start.plus(-need) {
            let earliest = have.plus(need).floor_to(MINUTE).plus(MINUTE);
            if grid.data.warmup == Warmup::Refuse || earliest >= to {
                let (symbol, needed) = (symbol.to_string(), start.plus(-need));
                return Err(SweepError::Cold { symbol, from, needed, have, earliest });
            }
            start = earliest;
            tapes = tapes_at(start)?;
        }
        quoted_to_the_end(symbol, &tapes, to)?;
        let embargo = grid.embargo()?;
        let spans = Spans::cut(start, to, grid.holdout, embargo)?;
        let trials = atom_plan(grid, &home, spans.inside, embargo);
        let mut feeds = Vec::with_capacity(tapes.len());
        for (tape, config) in tapes.into_iter().zip(&examples) {
            let feed = Feed::new(tape)?;
            check_size(grid, symbol, config, feed.first_mids)?;
            feeds.push(feed);
        }
        let worlds = grid.worlds();
        let id = |world: &Vec<Override>| grid.base.world_id(&grid.overrides(symbol, &home_at, world));
        let world_ids = worlds.iter().map(id).collect::<Result<_, _>>()?;
        let (symbol, warm_from) = (symbol.to_string(), start.plus(-need));
        Ok(SymbolRun {
            data: SymbolData { symbol, from: start, to, warm_from, feeds },
            embargo,
            spans,
            trials,
            grid_feeds,
            worlds,
            world_ids,
            home,
        })
    }

    /// The feed on which a configuration runs in a world point.
    pub fn feed_of(&self, grid: &Grid, point: u64, world: u32) -> usize {
        grid.feed_of(&self.grid_feeds, point, u64::from(world)).unwrap_or(0)
    }
}

/// Intervals of the statistics that cover a duration.
pub fn intervals_of(duration: TimeDelta, config: &Config) -> u32 {
    let step = i64::from(config.account.stats_interval_sec) * SECOND;
    u32::try_from((duration + step - NS) / step).unwrap_or(u32::MAX)
}

/// The atoms of the time in sample. Where that is too short to judge by there are fewer than it would take: the matrix is
/// there, and says so. None without a whole interval.
fn atom_plan(grid: &Grid, home: &Config, (from, to): (Time, Time), embargo: TimeDelta) -> Option<AtomPlan> {
    let step = i64::from(home.account.stats_interval_sec) * SECOND;
    let intervals = u32::try_from(to.steps(step) - from.plus(-NS).steps(step) - 1).ok().filter(|n| *n > 0)?;
    let embargo = intervals_of(embargo, home);
    let short = AtomPlan { intervals, atoms: intervals.min(ATOM_STEP - 1) };
    let plan = AtomPlan::new(intervals, embargo, grid.tried_points()).unwrap_or(short);
    Some(AtomPlan { atoms: plan.atoms.min(grid.evidence.atoms.unwrap_or(plan.atoms)), ..plan })
}

/// How much data before its start the grid's hungriest signals need: every strategy axis that signals know of at its
/// greatest value.
fn warmup(grid: &Grid, symbol: &str, home: &[Override]) -> Result<TimeDelta, SweepError> {
    let mut config = grid.resolve(symbol, home, &grid.world(0))?;
    let greatest = |path: &str| -> Option<i128> {
        let axis = grid.strategy_axes().iter().find(|axis| axis.path == path)?;
        axis.values.iter().filter_map(|value| value.num()).map(|num| num.0).max()
    };
    let count = |path: &str, own: &mut u32| {
        if let Some(most) = greatest(path) {
            *own = (*own).max((most / perpx_core::config::Num::ONE) as u32);
        }
    };
    let s = &mut config.strategy;
    count("thresholds.trend_strength.ema_fast", &mut s.thresholds.ema_fast);
    count("thresholds.trend_strength.ema_slow", &mut s.thresholds.ema_slow);
    count("thresholds.vol_bars", &mut s.thresholds.vol_bars);
    count("locking.band_window_bars", &mut s.locking.band_window_bars);
    if let Some(most) = greatest("bar_sec") {
        s.bar_length = s.bar_length.max(TimeDelta((most / 1_000_000_000) as i64));
    }
    let mut signals = SignalSet::default();
    Plan::bind(&config, Arc::new(config.world.clone()), FundingKinds::default(), &mut signals);
    Ok(perpx_core::signals::warmup(signals.keys()))
}

fn open_tapes(
    grid: &Grid,
    symbol: &str,
    examples: &[Config],
    (warm_from, from): (Time, Time),
    tile_rows: usize,
) -> Result<Vec<Tape>, SweepError> {
    let data = &grid.data;
    let range = DataRange {
        store: data.store.clone(),
        symbol: symbol.to_string(),
        warm_from,
        from,
        to: data.to,
        on_bad_rows: data.on_bad_rows,
        gap_trades: data.gap_trades,
        max_gib: grid.max_gib,
        tile_rows,
    };
    examples.iter().map(|config| Ok(Tape::open(range.tape_spec(config))?)).collect()
}

/// The greatest value of an order at the first price, as of a venue's capital.
const MOST_VALUE: i64 = 1_000_000_000_000;

/// Every size of the grid is above both venues' minimum at the first price, and of a value that some account might hold.
fn check_size(grid: &Grid, symbol: &str, config: &Config, first_mids: Mids) -> Result<(), SweepError> {
    let mut sizes = vec![config.strategy.size];
    for axis in grid.strategy_axes() {
        let numbers = axis.values.iter().filter_map(|value| value.num());
        match axis.path.as_str() {
            "base_qty" => {
                sizes.extend(numbers.map(|n| Size::Base(perpx_core::units::Qty((n.0 / 1_000_000_000) as i64))))
            }
            "base_notional" => sizes.extend(numbers.map(|n| Size::Quote(Cash(n.0 / 1_000_000)))),
            _ => {}
        }
    }
    for size in sizes {
        let mut config = config.clone();
        config.strategy.size = size;
        let mut signals = SignalSet::default();
        let plan = Plan::bind(&config, Arc::new(config.world.clone()), FundingKinds::default(), &mut signals);
        for role in Role::BOTH {
            let px = first_mids[role.ix()].price();
            let qty = plan.base_qty(px);
            let (value, most) = (px.of(qty), Cash::units(MOST_VALUE));
            if value > most.as_notional() {
                return Err(SweepError::TooLarge {
                    place: format!("{symbol} on {}", plan.instrument(role).venue),
                    order: format!("{qty} at the first price {px}"),
                    value: perpx_core::units::format_scaled(value.0, 18),
                    most: most.to_string(),
                });
            }
            let qty = perpx_core::units::Qty(qty.0.div_euclid(plan.common_lot.0) * plan.common_lot.0);
            let instrument = plan.instrument(role);
            if !instrument.takes(qty, px) {
                let value = perpx_core::units::format_scaled(instrument.min_notional.0, 18);
                return Err(SweepError::TooSmall {
                    place: format!("{symbol} on {}", instrument.venue),
                    order: format!("{qty} at the first price {px}"),
                    least: format!("a size of {} and a value of {value}", instrument.min_qty),
                });
            }
        }
    }
    Ok(())
}
