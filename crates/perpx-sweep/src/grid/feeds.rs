//! Feeds: the points of a grid that receive the same data.

use super::{Axis, Grid, digits};
use perpx_core::config::keys::{F, K};
use perpx_core::config::{Config, ConfigError, KeyIx, OutageWhat, OutageWhen, Override};
use std::collections::BTreeMap;

/// Which configurations share one aligned timeline: same venue roles, feed latency, feed outages (architecture.md).
#[derive(Clone, Debug, Default)]
pub struct Feeds {
    /// One example configuration a feed, as overrides of the strategy and of the world that make the feed.
    pub feeds: Vec<(Vec<Override>, Vec<Override>)>,
    /// Numbers of the feed-making axes among the strategy axes, and among the world axes.
    strategy: Vec<usize>,
    world: Vec<usize>,
    /// By position on those axes, strategy first, the last running fastest; `None`: no legal configuration.
    of: Vec<Option<u32>>,
}

impl Feeds {
    /// True when an axis makes feeds, by its number among the strategy axes.
    pub fn strategy_axis(&self, axis: usize) -> bool {
        self.strategy.contains(&axis)
    }

    /// True when an axis makes feeds, by its number among the world axes.
    pub fn world_axis(&self, axis: usize) -> bool {
        self.world.contains(&axis)
    }
}

impl Grid {
    /// The feeds of the grid for one symbol. Costs a resolution per combination of feed-making axes.
    ///
    /// # Errors
    /// No combination of the feed-making axes is legal.
    pub fn feeds(&self, symbol: &str) -> Result<Feeds, ConfigError> {
        let may = |axis: &&(usize, &Axis)| self.may_make_feed(axis.1.key);
        let pick = |axes: &[Axis]| -> Vec<usize> {
            axes.iter().enumerate().collect::<Vec<_>>().iter().filter(may).map(|(i, _)| *i).collect()
        };
        let (strategy, world) = (pick(&self.strategy), pick(&self.world));
        let chosen: Vec<Axis> = strategy
            .iter()
            .map(|i| self.strategy[*i].clone())
            .chain(world.iter().map(|i| self.world[*i].clone()))
            .collect();
        let home = (0..self.strategy_points()).find(|i| !self.is_skipped(*i)).unwrap_or(0);
        let (home_strategy, home_world) = (self.point(home), self.world(0));
        let mut feeds: Feeds = Feeds { feeds: Vec::new(), strategy, world, of: Vec::new() };
        let mut seen: BTreeMap<String, u32> = BTreeMap::new();
        let mut last_error = None;
        for i in 0..super::product(&chosen) {
            let point = super::point(&chosen, i);
            let (head, tail) = point.split_at(feeds.strategy.len());
            let lay =
                |home: &[Override], over: &[Override]| -> Vec<Override> { home.iter().chain(over).cloned().collect() };
            match self.resolve(symbol, &lay(&home_strategy, head), &lay(&home_world, tail)) {
                Err(error) => {
                    feeds.of.push(None);
                    last_error = Some(error);
                }
                Ok(config) => {
                    let next = seen.len() as u32;
                    let feed = *seen.entry(signature(&config)).or_insert(next);
                    if feed == next {
                        feeds.feeds.push((head.to_vec(), tail.to_vec()));
                    }
                    feeds.of.push(Some(feed));
                }
            }
        }
        match last_error {
            Some(error) if feeds.feeds.is_empty() => Err(error),
            _ => Ok(feeds),
        }
    }

    /// The feed of a strategy point in a world point.
    pub fn feed_of(&self, feeds: &Feeds, strategy: u64, world: u64) -> Option<usize> {
        let (s, w) = (digits(&self.strategy, strategy), digits(&self.world, world));
        let position = feeds
            .strategy
            .iter()
            .map(|i| (&self.strategy[*i], s[*i]))
            .chain(feeds.world.iter().map(|i| (&self.world[*i], w[*i])));
        let at = position.fold(0, |at, (axis, digit)| at * axis.values.len() + digit);
        feeds.of.get(at).copied().flatten().map(|feed| feed as usize)
    }

    fn may_make_feed(&self, key: KeyIx) -> bool {
        let schema = self.base.schema();
        let fills = |wanted: F| {
            (0..schema.venues.len()).map(Some).chain([None]).any(|venue| schema.fills(venue, wanted) == key)
        };
        [K::LongVenue, K::ShortVenue].iter().any(|venue| KeyIx::from(*venue) == key)
            || fills(F::FeedConstant)
            || fills(F::Outages)
            || [F::ClockAhead, F::BurstSlope, F::OrderRecorded, F::ResponseRecorded].into_iter().any(fills)
            || (KeyIx::from(K::Seed) == key && self.may_draw_outages())
    }

    /// Drawn outages are somewhere: in the file, the fixed part, or an axis.
    fn may_draw_outages(&self) -> bool {
        let schema = self.base.schema();
        let keys: Vec<KeyIx> =
            (0..schema.venues.len()).map(Some).chain([None]).map(|venue| schema.fills(venue, F::Outages)).collect();
        let said = |key: &KeyIx| {
            self.base.written(*key).is_some()
                || self.fixed.iter().any(|(ix, _)| ix == key)
                || self.world.iter().any(|axis| axis.key == *key)
        };
        keys.iter().any(said)
    }
}

/// Everything that decides what is received, as text.
fn signature(config: &Config) -> String {
    let mut text = String::new();
    let mut drawn = false;
    for venue in &config.world.venues {
        let fills = &venue.fills;
        text.push_str(&format!("{} {} {} ", venue.instrument.venue, fills.feed_latency.0, fills.clock_ahead.0));
        // received alike, but the tape has to keep more
        text.push_str(if fills.needs_feed_load() { "paced " } else { "" });
        for outage in venue.fills.outages.iter().filter(|outage| outage.what.is_feed()) {
            let stale = outage.what == OutageWhat::Stale;
            text.push_str(&format!("{:?}{} ", outage.when, if stale { " stale" } else { "" }));
            drawn |= matches!(outage.when, OutageWhen::Drawn { .. });
        }
        text.push(';');
    }
    if drawn {
        text.push_str(&format!("seed {}", config.world.seed));
    }
    text
}
