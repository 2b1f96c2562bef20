//! One symbol's data, ready to be replayed: where it lies, what of it is used, and the tapes that are made of it.

use super::BacktestError;
use crate::loader::{CacheSpec, FUNDING_LOOK_BACK, OnBadRows, Tape, TapeSpec, cache};
use crate::store::{StoreFile, Table};
use perpx_core::config::{Config, Size, World};
use perpx_core::ledger::Mids;
use perpx_core::market::{FundingPrice, Role};
use perpx_core::sim::OutageTable;
use perpx_core::strategy::FundingKinds;
use perpx_core::tape::Tile;
use perpx_core::tape::rows::{FundingKind, FundingRow};
use perpx_core::units::{Cash, HOUR, Mid, Time};
use std::path::PathBuf;
use std::sync::Arc;

/// What of a store is replayed.
#[derive(Clone, Debug, PartialEq)]
pub struct DataRange {
    /// Folder, relative to the working directory, or the URL of an object store.
    pub store: String,
    /// The store's name of the coin.
    pub symbol: String,
    /// The tape begins here, so that signals are warm at `from`.
    pub warm_from: Time,
    /// The trader acts from here on.
    pub from: Time,
    /// Exclusive.
    pub to: Time,
    /// What is done with rows that no replay may see.
    pub on_bad_rows: OnBadRows,
    /// Trades that a recorder fetched for its gaps happen at the venue.
    pub gap_trades: bool,
    /// Of the tile cache; `None`: its own limit.
    pub max_gib: Option<f64>,
    /// Ticks of a tile.
    pub tile_rows: usize,
}

impl DataRange {
    /// The tape of it that a configuration's venues give: what they are late with, miss or lose is of the configuration.
    pub fn tape_spec(&self, config: &Config) -> TapeSpec {
        let DataRange { warm_from, from, to, .. } = *self;
        let venues = &config.world.venues;
        let outages = |r: usize| {
            let venue = &venues[r];
            let name = &venue.instrument.venue;
            let (list, seed) = (&venue.fills.outages, config.world.seed);
            // a rate that was published in an outage before the range is not known in it either
            let back = warm_from.plus(-FUNDING_LOOK_BACK);
            [OutageTable::feed(list, name, seed, back, to), OutageTable::stale(list, name, seed, warm_from, to)]
                .map(|spans| spans.list().to_vec())
        };
        let ([lost_long, stale_long], [lost_short, stale_short]) = (outages(0), outages(1));
        let max_bytes = self.max_gib.map_or(cache::MAX_BYTES, |gib| (gib * f64::from(1u32 << 30)) as u64);
        TapeSpec {
            store: PathBuf::from(&self.store),
            symbol: self.symbol.clone(),
            venues: [0, 1].map(|r: usize| config.account.venues[r].name.clone()),
            warm_from,
            from,
            to,
            on_bad_rows: self.on_bad_rows,
            funding_missing: config.account.funding_missing,
            marks_missing: config.account.marks_missing,
            needs_index: [0, 1].map(|r: usize| venues[r].instrument.funding_price == FundingPrice::Index),
            feed_latency: [0, 1].map(|r: usize| venues[r].fills.feed_latency),
            feed_outages: [lost_long, lost_short],
            feed_stale: [stale_long, stale_short],
            clock_ahead: [0, 1].map(|r: usize| venues[r].fills.clock_ahead),
            gap_trades: self.gap_trades,
            paced: [0, 1].map(|r: usize| venues[r].fills.needs_feed_load()),
            tile_rows: self.tile_rows,
            cache: cache::root().filter(|_| max_bytes > 0).map(|dir| CacheSpec { dir, max_bytes }),
        }
    }
}

/// Data of one symbol with the tapes over it.
pub struct SymbolData {
    /// The store's name of the coin.
    pub symbol: String,
    /// The trader acts from here on.
    pub from: Time,
    /// Exclusive.
    pub to: Time,
    /// The tapes begin here.
    pub warm_from: Time,
    /// One for each way in which rows can be received: latencies, outages and clocks of the grid.
    pub feeds: Vec<Feed>,
}

impl SymbolData {
    /// Of one configuration on its own.
    ///
    /// # Errors
    /// Of the tape; a venue without a quote in the range.
    pub fn single(config: &Config, range: &DataRange) -> Result<SymbolData, BacktestError> {
        let feed = Feed::new(Tape::open(range.tape_spec(config))?)?;
        let DataRange { symbol, warm_from, from, to, .. } = range.clone();
        Ok(SymbolData { symbol, from, to, warm_from, feeds: vec![feed] })
    }

    /// BLAKE3 over the data of every feed, 16 digits.
    pub fn fingerprint(&self) -> String {
        let mut hasher = blake3::Hasher::new();
        for feed in &self.feeds {
            hasher.update(&feed.tape.fingerprint());
        }
        hasher.finalize().to_hex()[..16].to_string()
    }

    /// Order outages of a world, by role.
    pub fn outages(&self, world: &World) -> Arc<[OutageTable; 2]> {
        order_outages(world, (self.warm_from, self.to))
    }
}

/// Order outages of a world that touch a span, by role.
pub fn order_outages(world: &World, (from, to): (Time, Time)) -> Arc<[OutageTable; 2]> {
    Arc::new([0, 1].map(|r: usize| {
        let venue = &world.venues[r];
        let name = &venue.instrument.venue;
        OutageTable::orders(&venue.fills.outages, name, world.seed, from, to)
    }))
}

/// Everything that decides what is received, with its data.
pub struct Feed {
    /// What is received, and when.
    pub tape: Tape,
    /// Which kinds of funding rows it has, for both venues.
    pub kinds: FundingKinds,
    /// The first mid in the range, by role.
    pub first_mids: Mids,
}

impl Feed {
    /// # Errors
    /// A venue without a two-sided quote in the range; files that cannot be read.
    pub fn new(tape: Tape) -> Result<Feed, BacktestError> {
        let (kinds, first_mids) = (funding_kinds(&tape)?, first_mids(&tape)?);
        Ok(Feed { tape, kinds, first_mids })
    }

    /// BLAKE3 over its data, 16 digits.
    pub fn fingerprint(&self) -> String {
        blake3::Hash::from(self.tape.fingerprint()).to_hex()[..16].to_string()
    }
}

/// Predicted rates count as there when both venues have some that are known at the tape's `from` or come later: where the
/// warm-up begins decides nothing.
fn funding_kinds(tape: &Tape) -> Result<FundingKinds, BacktestError> {
    let spec = tape.spec();
    let store = tape.store();
    let mut both = true;
    for venue in &spec.venues {
        let mut found = false;
        for (_, path) in store.files(Table::Funding, venue, &spec.symbol)? {
            let file = StoreFile::open::<FundingRow>(&path)?;
            for batch in file.read::<FundingRow>(0..file.groups().len())? {
                let wanted = |row: &FundingRow| {
                    let until = row.recv.plus(2 * i64::from(row.interval_hours) * HOUR);
                    row.kind == FundingKind::Predicted && until >= spec.from && row.recv < spec.to
                };
                found |= batch?.rows.iter().any(wanted);
            }
        }
        both &= found;
    }
    Ok(FundingKinds { predicted: both })
}

/// Each venue's first two-sided mid at or after the tape's `from`.
fn first_mids(tape: &Tape) -> Result<Mids, BacktestError> {
    let mut mids = [Mid::ZERO; 2];
    let TapeSpec { symbol, from, .. } = tape.spec();
    let from = *from;
    for k in 0..tape.tiles() {
        if tape.bounds(k).1 <= from {
            continue;
        }
        first_mids_of(&*tape.tile(k)?, from, &mut mids);
        if mids.iter().all(|mid| mid.is_quoted()) {
            return Ok(mids);
        }
    }
    let venue = tape.spec().venues[usize::from(mids[0].is_quoted())].clone();
    Err(BacktestError::NoPrice { symbol: symbol.clone(), venue, from, to: tape.spec().to })
}

/// Completes the first two-sided mids at or after `from` by those of a tile. The snapshot carried to `from` counts: it is what is
/// quoted when the range begins.
pub fn first_mids_of(tile: &Tile, from: Time, mids: &mut Mids) {
    let time: &[i64] = &tile.local.time;
    let start = time.partition_point(|&t| t <= from.0).saturating_sub(1);
    for row in start..time.len() {
        for role in Role::BOTH {
            if !mids[role.ix()].is_quoted() {
                mids[role.ix()] = tile.local.bbo(row, role).mid_or_none();
            }
        }
        if mids.iter().all(|mid| mid.is_quoted()) {
            return;
        }
    }
}

/// What an account begins with: as configured, else the size at the first mid.
pub fn capital(config: &Config, first_mids: Mids) -> [Cash; 2] {
    [0, 1].map(|r: usize| {
        config.account.capital[r].unwrap_or_else(|| match config.strategy.size {
            Size::Quote(money) => money,
            Size::Base(qty) => first_mids[r].of(qty).to_notional().to_cash(Cash(1)),
        })
    })
}
