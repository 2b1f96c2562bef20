//! The tape: opened once, then given tile by tile.

use crate::TapeError;
use crate::loader::cache::{Cache, cache_key};
use crate::loader::scan::{Plan, scan};
use crate::loader::source::{Source, VenueRows, first_carry};
use crate::loader::spec::{TapeQuality, TapeSpec};
use crate::store::{DATASET_FILE, Dataset, Recorded, RecordedDay, StoreFile, StorePath, StoredRow, Table};
use perpx_core::market::Role;
use perpx_core::tape::rows::QuoteRow;
use perpx_core::tape::{Carry, Tile, align};
use perpx_core::units::Time;
use rayon::prelude::*;
use std::collections::VecDeque;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard};

/// Tiles that stay at hand beside those that callers hold: the last one and the next.
const AT_HAND: usize = 2;

/// Ticks of tiles that are built by two threads.
const LONG_TILE: usize = 1 << 14;

/// Market data of one symbol at two venues over one range, as tiles. Threads may share it.
pub struct Tape {
    spec: TapeSpec,
    store: StorePath,
    sources: [Source; 2],
    fingerprint: [u8; 32],
    plan: Plan,
    made_by: serde_json::Value,
    cache: Option<Cache>,
    builder: Mutex<Builder>,
    at_hand: Mutex<VecDeque<(usize, Arc<Tile>)>>,
}

/// Builds tiles one after another.
struct Builder {
    /// The tile that comes next.
    next: usize,
    carry: Carry,
    feeds: [VenueRows; 2],
}

impl Tape {
    /// Finds the files, checks them, reads every row once (unless a cache knows this range already) and plans the tiles. An
    /// empty cache has the tiles afterwards.
    pub fn open(spec: TapeSpec) -> Result<Tape, TapeError> {
        spec.validate()?;
        let path = StorePath::new(&spec.store)?.root().to_path_buf();
        if !path.is_dir() {
            return Err(TapeError::NoStore { path });
        }
        let dataset = Dataset::read(&path)?;
        let opened = |store: StorePath| {
            let sources = [Source::open(&store, &spec, 0)?, Source::open(&store, &spec, 1)?];
            let hashes = hashes(&store, &spec, &sources)?;
            Ok((store, sources, hashes))
        };
        let store = StorePath::open(&path)?;
        let is_recorded = store.recorded().is_some();
        let found = match opened(store) {
            // a day of a recorded store was merged in between: its list is read once more
            Err(TapeError::Io { source, .. }) if is_recorded && source.kind() == std::io::ErrorKind::NotFound => {
                opened(StorePath::open(&path)?)
            }
            found => found,
        };
        let (store, sources, hashes) = found?;
        let fingerprint = fingerprint(&hashes);
        let mut cache = match &spec.cache {
            Some(c) => Cache::open(c, &spec.symbol, &cache_key(&spec, &fingerprint), store.root(), &hashes),
            None => None,
        };
        let known = cache.as_ref().and_then(Cache::plan);
        let plan = match known {
            Some(plan) => plan,
            None => {
                let plan = scan(&store, &spec, &sources, cache.as_ref());
                match (&plan, &mut cache) {
                    (Ok(plan), Some(cache)) => cache.keep_plan(plan),
                    (Err(_), Some(cache)) => cache.discard(),
                    (_, None) => {}
                }
                plan?
            }
        };
        let series = spec.venues.each_ref().map(|venue| format!("venue={venue}/symbol={}/", spec.symbol));
        if let Some(error) = dataset.as_ref().and_then(|dataset| dataset.gone(store.root(), &series)) {
            return Err(error);
        }
        let builder = Builder {
            next: 0,
            carry: first_carry(&spec, &sources),
            feeds: [sources[0].feed(spec.warm_from), sources[1].feed(spec.warm_from)],
        };
        let made_by = dataset.map_or(serde_json::Value::Null, |d| d.made_by);
        let (builder, at_hand) = (Mutex::new(builder), Mutex::new(VecDeque::new()));
        Ok(Tape { spec, store, sources, fingerprint, plan, made_by, cache, builder, at_hand })
    }

    /// What was asked for.
    pub fn spec(&self) -> &TapeSpec {
        &self.spec
    }

    /// Where it is read from: of a recorded store, as dataset.json was when the tape was opened.
    pub fn store(&self) -> &StorePath {
        &self.store
    }

    /// BLAKE3 over names and contents of the files that the range needs, of a recorded store over its hours; the same for any
    /// tile length and cache.
    pub fn fingerprint(&self) -> [u8; 32] {
        self.fingerprint
    }

    /// How many tiles there are, at least one.
    pub fn tiles(&self) -> usize {
        self.plan.starts.len()
    }

    /// `[start, end)` of tile `k`.
    pub fn bounds(&self, k: usize) -> (Time, Time) {
        let start = |k: usize| self.plan.starts.get(k).copied().unwrap_or(self.spec.to);
        (start(k), start(k + 1))
    }

    /// Ticks of the local timeline over all tiles.
    pub fn ticks(&self) -> u64 {
        self.plan.ticks
    }

    /// Receive time of the first quote of the range at a venue.
    pub fn first_quote(&self, role: Role) -> Option<Time> {
        self.plan.venues[role.ix()].first_quote
    }

    /// The earliest moment of the whole store at which both venues have been quoted: no warm-up can begin before it.
    pub fn earliest_from(&self) -> Result<Time, TapeError> {
        let mut earliest = Time(perpx_core::tape::NEVER);
        for (venue, latency) in self.spec.venues.iter().zip(self.spec.feed_latency) {
            let first = first_stored_quote(&self.store, venue, &self.spec.symbol)?;
            earliest = first.map_or(earliest, |t| earliest.max(t.plus(latency)));
        }
        Ok(earliest)
    }

    /// What a report says of the data.
    pub fn quality(&self) -> TapeQuality {
        let (mut venues, ticks) = (self.plan.venues.clone(), self.plan.ticks);
        let TapeSpec { symbol, warm_from, to, .. } = &self.spec;
        for gap in self.store.recorded().map(Recorded::gaps).unwrap_or_default() {
            let is_read = gap.symbol == *symbol && gap.from < *to && gap.to >= *warm_from;
            let venue = venues.iter_mut().find(|venue| is_read && venue.venue == gap.venue);
            venue.into_iter().for_each(|venue| venue.recorded_gaps.push(gap.clone()));
        }
        TapeQuality { venues, ticks, made_by: self.made_by.clone() }
    }

    /// Tile `k`: at hand, from the cache, or built from parquet. Asking for them in order reads every file once.
    pub fn tile(&self, k: usize) -> Result<Arc<Tile>, TapeError> {
        if k >= self.tiles() {
            let what = format!("there is no tile {k}: the tape has {}, counted from 0", self.tiles());
            return Err(TapeError::Spec { what });
        }
        if let Some(tile) = self.known(k) {
            return Ok(tile);
        }
        let mut builder = lock(&self.builder);
        // another thread may have built it meanwhile
        if let Some(tile) = self.known(k) {
            return Ok(tile);
        }
        self.seek(&mut builder, k);
        loop {
            let this = builder.next;
            let tile = self.build(&mut builder)?;
            if this == k {
                return Ok(tile);
            }
        }
    }

    /// From memory or the cache.
    fn known(&self, k: usize) -> Option<Arc<Tile>> {
        if let Some((_, tile)) = lock(&self.at_hand).iter().find(|(at, _)| *at == k) {
            return Some(tile.clone());
        }
        let (start, end) = self.bounds(k);
        let tile = self.cache.as_ref()?.tile(k).filter(|t| t.start == start && t.end == end)?;
        Some(self.keep(k, Arc::new(tile)))
    }

    fn keep(&self, k: usize, tile: Arc<Tile>) -> Arc<Tile> {
        let mut at_hand = lock(&self.at_hand);
        at_hand.retain(|(at, _)| *at != k);
        at_hand.push_back((k, tile.clone()));
        if at_hand.len() > AT_HAND {
            at_hand.pop_front();
        }
        tile
    }

    /// Places the builder at `k` when the tile before it is known, else at the nearest place from which `k` is reached.
    fn seek(&self, builder: &mut Builder, k: usize) {
        let mut at = k;
        while at > 0 && at != builder.next {
            if let Some(before) = self.known(at - 1) {
                return *builder = self.builder_at(at, Carry::after(&before));
            }
            at -= 1;
        }
        if at != builder.next {
            *builder = self.builder_at(0, first_carry(&self.spec, &self.sources));
        }
    }

    fn builder_at(&self, next: usize, carry: Carry) -> Builder {
        let (start, _) = self.bounds(next);
        Builder { next, carry, feeds: [self.sources[0].feed(start), self.sources[1].feed(start)] }
    }

    fn build(&self, builder: &mut Builder) -> Result<Arc<Tile>, TapeError> {
        let k = builder.next;
        let (start, end) = self.bounds(k);
        let [long, short] = &mut builder.feeds;
        let is_long = self.spec.tile_rows >= LONG_TILE;
        let read = both(is_long, || long.advance(start, end), || short.advance(start, end));
        if let Err(e) = read.0.and(read.1) {
            *builder = self.builder_at(0, first_carry(&self.spec, &self.sources));
            return Err(e);
        }
        let (a, b) = (long.local(start, end), short.local(start, end));
        let (tables, mut carried) = ([long.venue(start, end), short.venue(start, end)], builder.carry.venues.clone());
        let (local, venues) = both(
            is_long,
            || align::local_timeline([&a, &b], start, end, &mut builder.carry),
            || align::venue_timelines([&tables[0], &tables[1]], start, end, &mut carried),
        );
        builder.carry.venues = carried;
        drop((a, b));
        let tile = Tile { start, end, local, venues };
        builder.next += 1;
        if let Some(cache) = &self.cache {
            cache.keep(k, &tile);
        }
        Ok(self.keep(k, Arc::new(tile)))
    }
}

/// Both at once, if that is worth a thread. Not on rayon's pool: a loader thread must not wait for workers that are
/// busy with configurations, nor a worker pick up, while it waits here under the builder's lock, a job that asks for a
/// tile.
pub(crate) fn both<A, B: Send>(at_once: bool, a: impl FnOnce() -> A, b: impl FnOnce() -> B + Send) -> (A, B) {
    if !at_once {
        return (a(), b());
    }
    std::thread::scope(|scope| {
        let other = scope.spawn(b);
        let one = a();
        (one, other.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
    })
}

/// A panic of another thread leaves plain data behind a lock; it is used as it is.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

/// What a range is known by: name below the store and BLAKE3 of each file, in the order of the sources. Of a recorded store its
/// hours instead, as dataset.json has them, which stay when later ones come and when a day's are merged; its files must be
/// the listed ones.
fn hashes(store: &StorePath, spec: &TapeSpec, sources: &[Source; 2]) -> Result<Vec<(String, [u8; 32])>, TapeError> {
    let files: Vec<&StoreFile> = sources.iter().flat_map(Source::files).collect();
    let Some(recorded) = store.recorded() else {
        let hash = |file: &&StoreFile| {
            let name = file.path().strip_prefix(store.root()).unwrap_or(file.path());
            Ok((name.to_string_lossy().replace('\\', "/"), hash_file(file.path())?))
        };
        return files.par_iter().map(hash).collect();
    };
    let check = |file: &&StoreFile| {
        let hash = blake3::Hash::from(hash_file(file.path())?).to_hex();
        match store.listed_hash(file.path()) {
            Some(listed) if listed == hash.as_str() => Ok(()),
            _ => Err(TapeError::ListedOtherwise { path: file.path().to_path_buf() }),
        }
    };
    files.par_iter().map(check).collect::<Result<(), TapeError>>()?;
    let limit = Recorded::limit(spec.to);
    let is_read = |day: &RecordedDay| {
        files.iter().any(|file| day.parts(Some(limit)).iter().any(|part| file.path().ends_with(&part.0)))
    };
    let tables = || Table::ALL.into_iter().chain([Table::GapTrades]);
    let series = spec.venues.iter().flat_map(|venue| tables().map(move |table| (venue, table)));
    let days = series.flat_map(|(venue, table)| recorded.series(table, venue, &spec.symbol)).filter(|day| is_read(day));
    let backfilled = files.iter().map(|file| file.path()).filter(|path| store.is_backfilled(path)).filter_map(|path| {
        let name = path.strip_prefix(store.root()).ok()?.to_str()?;
        Some((name.to_string(), store.listed_hash(path)?.to_string()))
    });
    days.flat_map(|day| day.hashes(Some(limit)))
        .chain(backfilled)
        .map(|(name, hash)| {
            let hash = blake3::Hash::from_hex(&hash).map_err(|error| TapeError::Dataset {
                path: store.root().join(DATASET_FILE),
                what: format!("{name}: {error}"),
            })?;
            Ok((name, *hash.as_bytes()))
        })
        .collect()
}

pub(crate) fn hash_file(path: &Path) -> Result<[u8; 32], TapeError> {
    let mut file = std::fs::File::open(path).map_err(TapeError::io(path, "open the file"))?;
    let mut hasher = blake3::Hasher::new();
    let mut buffer = vec![0; 1 << 18];
    loop {
        let n = std::io::Read::read(&mut file, &mut buffer).map_err(TapeError::io(path, "read the file"))?;
        if n == 0 {
            return Ok(*hasher.finalize().as_bytes());
        }
        hasher.update(&buffer[..n]);
    }
}

fn fingerprint(hashes: &[(String, [u8; 32])]) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new();
    for (name, hash) in hashes {
        hasher.update(&(name.len() as u64).to_le_bytes()).update(name.as_bytes()).update(hash);
    }
    *hasher.finalize().as_bytes()
}

/// Receive time of the first fit quote of a series.
fn first_stored_quote(store: &StorePath, venue: &str, symbol: &str) -> Result<Option<Time>, TapeError> {
    for (_, path) in store.files(QuoteRow::TABLE, venue, symbol)? {
        let file = StoreFile::open::<QuoteRow>(&path)?;
        for batch in file.read::<QuoteRow>(0..file.groups().len())? {
            let batch = batch?;
            let unfit = |i: &usize| batch.faults.iter().any(|f| f.0 == *i);
            if let Some(i) = (0..batch.rows.len()).find(|i| !unfit(i)) {
                return Ok(Some(batch.rows[i].recv));
            }
        }
    }
    Ok(None)
}
