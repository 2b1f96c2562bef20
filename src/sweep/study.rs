//! One symbol of a sweep, ready to run: its spans, feeds with their tapes, worlds.

use super::grid::{BadRows, Data, Feeds, Grid, Warmup};
use super::span::Spans;
use super::{Options, SweepError};
use crate::config::{Config, Missing, Override, Size, World};
use crate::market::{FundingPrice, Role};
use crate::signals::SignalSet;
use crate::sim::OutageTable;
use crate::strategy::{FundingKinds, Plan};
use crate::tape::rows::{FundingKind, FundingRow};
use crate::tape::store::{StoreFile, StorePath, Table};
use crate::tape::{CacheSpec, FUNDING_LOOK_BACK_NS, MarksPolicy, MissingPolicy, OnBadRows, Tape, TapeSpec, cache};
use crate::units::{Cash, HOUR_NS, MINUTE_NS, Time};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

pub struct Study {
    pub symbol: String,

    /// As swept: later than the grid's with `warmup = "late_start"`.
    pub from: Time,
    pub to: Time,
    pub warm_from: Time,
    pub embargo_ns: i64,
    pub spans: Spans,
    pub feeds: Vec<Feed>,
    pub grid_feeds: Feeds,
    pub worlds: Vec<Vec<Override>>,
    pub world_ids: Vec<String>,
    /// Any legal configuration.
    pub home: Config,
}

/// Everything that decides what is received, with its data.
pub struct Feed {
    pub tape: Tape,
    pub kinds: FundingKinds,
    /// Twice the first mid in the range, by role.
    pub first_mid2: [i64; 2],
}

impl Feed {
    fn new(tape: Tape) -> Result<Feed, SweepError> {
        let (kinds, first_mid2) = (funding_kinds(&tape)?, first_mids(&tape)?);
        Ok(Feed { tape, kinds, first_mid2 })
    }

    /// BLAKE3 over its data, 16 digits.
    pub fn fingerprint(&self) -> String {
        blake3::Hash::from(self.tape.fingerprint()).to_hex()[..16].to_string()
    }
}

/// A range whose end no venue quotes any more would close what is open at a price of long ago, and dilute every figure by
/// time without data. Judged by the feed that hears each venue longest: outages are simulated in others.
fn quoted_to_the_end(symbol: &str, tapes: &[Tape], to: Time) -> Result<(), SweepError> {
    let mut ends = BTreeMap::new();
    for venue in tapes.iter().flat_map(|tape| tape.quality().venues) {
        let end = ends.entry(venue.venue).or_insert(Time::MIN);
        *end = venue.last_quote.map_or(*end, |last| last.max(*end));
    }
    match ends.into_iter().find(|(_, last)| to.since(*last) > HOUR_NS) {
        Some((venue, last)) => Err(SweepError::EndsEarly { symbol: symbol.to_string(), venue, last, to }),
        None => Ok(()),
    }
}

impl Study {
    /// Opens the data of one symbol and checks that the sweep can begin.
    pub fn open(grid: &Grid, symbol: &str, options: &Options) -> Result<Study, SweepError> {
        let grid_feeds = grid.feeds(symbol)?;
        let home_at = (0..grid.strategy_points()).find_map(|at| grid.strategy_point(at)).unwrap_or_default();
        let home = grid.resolve(symbol, &home_at, &grid.world(0))?;
        let need = warmup_ns(grid, symbol, &home_at)?;
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
            let earliest = Time(have.plus(need).0.div_euclid(MINUTE_NS) * MINUTE_NS + MINUTE_NS);
            if grid.data.warmup == Warmup::Refuse || earliest >= to {
                let (symbol, needed) = (symbol.to_string(), start.plus(-need));
                return Err(SweepError::Cold { symbol, from, needed, have, earliest });
            }
            start = earliest;
            tapes = tapes_at(start)?;
        }
        quoted_to_the_end(symbol, &tapes, to)?;
        let embargo_ns = grid.embargo_ns()?;
        let spans = Spans::cut(start, to, grid.holdout, embargo_ns)?;
        let mut feeds = Vec::with_capacity(tapes.len());
        for (tape, config) in tapes.into_iter().zip(&examples) {
            let feed = Feed::new(tape)?;
            check_size(grid, symbol, config, feed.first_mid2)?;
            feeds.push(feed);
        }
        let worlds = grid.worlds();
        let id = |world: &Vec<Override>| grid.base.world_id(&grid.overrides(symbol, &home_at, world));
        let world_ids = worlds.iter().map(id).collect::<Result<_, _>>()?;
        Ok(Study {
            symbol: symbol.to_string(),
            from: start,
            to,
            warm_from: start.plus(-need),
            embargo_ns,
            spans,
            feeds,
            grid_feeds,
            worlds,
            world_ids,
            home,
        })
    }

    /// One configuration on its own, as it was swept: `data` is the range of the sweep, `warm_from` the beginning of its
    /// tape.
    pub fn single(config: Config, data: &Data, warm_from: Time, spans: Spans) -> Result<Study, SweepError> {
        let symbol = data.symbols.first().cloned().unwrap_or_default();
        let spec = tape_spec(data, None, &symbol, &config, (warm_from, data.from), TapeSpec::TILE_ROWS);
        Ok(Study {
            symbol,
            from: data.from,
            to: data.to,
            warm_from,
            embargo_ns: 0,
            spans,
            feeds: vec![Feed::new(Tape::open(spec)?)?],
            grid_feeds: Feeds::default(),
            worlds: vec![Vec::new()],
            world_ids: vec![String::new()],
            home: config,
        })
    }

    /// BLAKE3 over the data of every feed.
    pub fn fingerprint(&self) -> String {
        let mut hasher = blake3::Hasher::new();
        for feed in &self.feeds {
            hasher.update(&feed.tape.fingerprint());
        }
        hasher.finalize().to_hex()[..16].to_string()
    }

    /// The feed on which a configuration runs in a world point.
    pub fn feed_of(&self, grid: &Grid, point: u64, world: u32) -> usize {
        grid.feed_of(&self.grid_feeds, point, u64::from(world)).unwrap_or(0)
    }

    /// Order outages of a world, by role.
    pub fn outages(&self, world: &World) -> Arc<[OutageTable; 2]> {
        Arc::new([0, 1].map(|r: usize| {
            let venue = &world.venues[r];
            let name = &venue.instrument.venue;
            OutageTable::orders(&venue.fills.outages, name, world.seed, self.warm_from, self.to)
        }))
    }
}

/// How much data before its start the grid's hungriest signals need: every strategy axis that signals know of at its
/// greatest value.
fn warmup_ns(grid: &Grid, symbol: &str, home: &[Override]) -> Result<i64, SweepError> {
    let mut config = grid.resolve(symbol, home, &grid.world(0))?;
    let greatest = |path: &str| -> Option<i128> {
        let axis = grid.strategy_axes().iter().find(|axis| axis.path == path)?;
        axis.values.iter().filter_map(|value| value.num()).map(|num| num.0).max()
    };
    let count = |path: &str, own: &mut u32| {
        if let Some(most) = greatest(path) {
            *own = (*own).max((most / crate::config::Num::ONE) as u32);
        }
    };
    let s = &mut config.strategy;
    count("thresholds.trend_strength.ema_fast", &mut s.thresholds.ema_fast);
    count("thresholds.trend_strength.ema_slow", &mut s.thresholds.ema_slow);
    count("thresholds.vol_bars", &mut s.thresholds.vol_bars);
    count("locking.band_window_bars", &mut s.locking.band_window_bars);
    if let Some(most) = greatest("bar_sec") {
        s.bar_ns = s.bar_ns.max((most / 1_000_000_000) as i64);
    }
    let mut signals = SignalSet::default();
    Plan::bind(&config, Arc::new(config.world.clone()), FundingKinds::default(), &mut signals);
    Ok(crate::signals::warmup_ns(signals.keys()))
}

fn open_tapes(
    grid: &Grid,
    symbol: &str,
    examples: &[Config],
    range: (Time, Time),
    tile_rows: usize,
) -> Result<Vec<Tape>, SweepError> {
    let spec = |config: &Config| tape_spec(&grid.data, grid.max_gib, symbol, config, range, tile_rows);
    examples.iter().map(|config| Ok(Tape::open(spec(config))?)).collect()
}

fn tape_spec(
    data: &Data,
    max_gib: Option<f64>,
    symbol: &str,
    config: &Config,
    (warm_from, from): (Time, Time),
    tile_rows: usize,
) -> TapeSpec {
    let to = data.to;
    let venues = &config.world.venues;
    let outages = |r: usize| {
        let venue = &venues[r];
        let name = &venue.instrument.venue;
        let (list, seed) = (&venue.fills.outages, config.world.seed);
        // a rate that was published in an outage before the range is not known in it either
        let back = warm_from.plus(-FUNDING_LOOK_BACK_NS);
        [OutageTable::feed(list, name, seed, back, to), OutageTable::stale(list, name, seed, warm_from, to)]
            .map(|spans| spans.list().to_vec())
    };
    let ([lost_long, stale_long], [lost_short, stale_short]) = (outages(0), outages(1));
    let max_bytes = max_gib.map_or(cache::MAX_BYTES, |gib| (gib * f64::from(1u32 << 30)) as u64);
    TapeSpec {
        store: PathBuf::from(&data.store),
        symbol: symbol.to_string(),
        venues: [0, 1].map(|r: usize| config.account.venues[r].name.clone()),
        warm_from,
        from,
        to,
        on_bad_rows: match data.on_bad_rows {
            BadRows::Fail => OnBadRows::Fail,
            BadRows::Drop => OnBadRows::Drop,
        },
        funding_missing: match config.account.funding_missing {
            Missing::Zero => MissingPolicy::Zero,
            Missing::CarryLast => MissingPolicy::CarryLast,
            Missing::Refuse | Missing::Mid => MissingPolicy::Refuse,
        },
        marks_missing: match config.account.marks_missing {
            Missing::Zero => MarksPolicy::Zero,
            Missing::CarryLast => MarksPolicy::CarryLast,
            Missing::Mid => MarksPolicy::Mid,
            Missing::Refuse => MarksPolicy::Refuse,
        },
        needs_index: [0, 1].map(|r: usize| venues[r].instrument.funding_price == FundingPrice::Index),
        feed_latency_ns: [0, 1].map(|r: usize| venues[r].fills.feed_latency_ns),
        feed_outages: [lost_long, lost_short],
        feed_stale: [stale_long, stale_short],
        clock_ahead_ns: [0, 1].map(|r: usize| venues[r].fills.clock_ahead_ns),
        paced: [0, 1].map(|r: usize| venues[r].fills.needs_pace()),
        tile_rows,
        cache: cache::root().filter(|_| max_bytes > 0).map(|dir| CacheSpec { dir, max_bytes }),
    }
}

/// Predicted rates count as there when both venues have some that are known at the tape's `from` or come later: where the
/// warm-up begins decides nothing.
fn funding_kinds(tape: &Tape) -> Result<FundingKinds, SweepError> {
    let spec = tape.spec();
    let store = StorePath::new(&spec.store)?;
    let mut both = true;
    for venue in &spec.venues {
        let mut found = false;
        for (_, path) in store.files(Table::Funding, venue, &spec.symbol)? {
            let file = StoreFile::open::<FundingRow>(&path)?;
            for batch in file.read::<FundingRow>(0..file.groups().len())? {
                let wanted = |row: &FundingRow| {
                    let until = row.recv.plus(2 * i64::from(row.interval_hours) * HOUR_NS);
                    row.kind == FundingKind::Predicted && until >= spec.from && row.recv < spec.to
                };
                found |= batch?.rows.iter().any(wanted);
            }
        }
        both &= found;
    }
    Ok(FundingKinds { predicted: both })
}

/// Twice each venue's first two-sided mid at or after the tape's `from`.
fn first_mids(tape: &Tape) -> Result<[i64; 2], SweepError> {
    let mut mids = [0i64; 2];
    let TapeSpec { symbol, from, .. } = tape.spec();
    let from = *from;
    for k in 0..tape.tiles() {
        if tape.bounds(k).1 <= from {
            continue;
        }
        let tile = tape.tile(k)?;
        let time: &[i64] = &tile.local.time;
        // the snapshot carried to `from` counts: it is what is quoted when the range begins
        let start = time.partition_point(|&t| t <= from.0).saturating_sub(1);
        for row in start..time.len() {
            for role in Role::BOTH {
                let bbo = tile.local.bbo(row, role);
                if mids[role.ix()] == 0 && bbo.is_quoted() {
                    mids[role.ix()] = bbo.mid2();
                }
            }
            if mids.iter().all(|&mid| mid > 0) {
                return Ok(mids);
            }
        }
    }
    let venue = tape.spec().venues[usize::from(mids[0] > 0)].clone();
    Err(SweepError::NoPrice { symbol: symbol.clone(), venue, from, to: tape.spec().to })
}

/// What an account begins with: as configured, else the size at the first mid.
pub fn capital(config: &Config, first_mid2: [i64; 2]) -> [Cash; 2] {
    [0, 1].map(|r: usize| {
        config.account.capital[r].unwrap_or_else(|| match config.strategy.size {
            Size::Quote(money) => money,
            // half of 1e-18, rounded down to 1e-12
            Size::Base(qty) => Cash(i128::from(first_mid2[r]) * i128::from(qty.0) / 2_000_000),
        })
    })
}

/// The greatest value of an order at the first price, as of a venue's capital.
const MOST_VALUE: i64 = 1_000_000_000_000;

/// Every size of the grid is above both venues' minimum at the first price, and of a value that some account might hold.
fn check_size(grid: &Grid, symbol: &str, config: &Config, first_mid2: [i64; 2]) -> Result<(), SweepError> {
    let mut sizes = vec![config.strategy.size];
    for axis in grid.strategy_axes() {
        let numbers = axis.values.iter().filter_map(|value| value.num());
        match axis.path.as_str() {
            "base_qty" => sizes.extend(numbers.map(|n| Size::Base(crate::units::Qty((n.0 / 1_000_000_000) as i64)))),
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
            let px = crate::units::Price(first_mid2[role.ix()] / 2);
            let qty = plan.base_qty(px);
            let (value, most) = (px.of(qty), Cash::units(MOST_VALUE));
            if value > most.as_notional() {
                return Err(SweepError::TooLarge {
                    place: format!("{symbol} on {}", plan.instrument(role).venue),
                    order: format!("{qty} at the first price {px}"),
                    value: crate::units::format_scaled(value.0, 18),
                    most: most.to_string(),
                });
            }
            let qty = crate::units::Qty(qty.0.div_euclid(plan.common_lot.0) * plan.common_lot.0);
            let instrument = plan.instrument(role);
            if !instrument.takes(qty, px) {
                let value = crate::units::format_scaled(instrument.min_notional.0, 18);
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
