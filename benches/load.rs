//! Speed of loading, in stored rows a second on one core, with a hash of the tiles beside each time: the first pass over
//! parquet, tiles built from parquet, their signals and indices, tiles from the cache. `cargo bench --bench load`
//!
//! PERPX_BENCH_DAYS: days of a synthetic market, 1.6 M rows each (default 1). PERPX_BENCH_STORE: a store to read in place
//! of one that is made (symbol BTC at lighter and grvt, from 2025-01-01 on).

use perpx::market::Role;
use perpx::replay::Index;
use perpx::replay::index::Part;
use perpx::signals::{SignalEngine, SignalKey};
use perpx::synth::{Edge, SynthSpec, write};
use perpx::tape::{CacheSpec, Column, Tape, TapeSpec, Tile};
use perpx::units::{DAY_NS, HOUR_NS, MINUTE_NS, Time};
use perpx::watch::Series;
use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

/// 2025-01-01.
const START: Time = Time(20_089 * DAY_NS);

/// Seconds of this thread on a core; wall time where the system does not tell.
struct Clock(Option<u64>, Instant);

impl Clock {
    fn start() -> Clock {
        Clock(Clock::on_core(), Instant::now())
    }

    fn on_core() -> Option<u64> {
        std::fs::read_to_string("/proc/thread-self/schedstat").ok()?.split(' ').next()?.parse().ok()
    }

    fn seconds(&self) -> f64 {
        match (self.0, Clock::on_core()) {
            (Some(from), Some(to)) => (to - from) as f64 * 1e-9,
            _ => self.1.elapsed().as_secs_f64(),
        }
    }
}

fn timed<T>(sum: &mut f64, work: impl FnOnce() -> T) -> T {
    let clock = Clock::start();
    let out = work();
    *sum += clock.seconds();
    out
}

fn line(what: &str, rows: u64, seconds: f64, hash: &str) {
    let rate = rows as f64 / seconds / 1e6;
    println!("{what:<34} {seconds:>8.3} s {rate:>8.1} M rows/s {:>7.1} ns a row  {hash}", seconds * 1e9 / rows as f64);
}

/// Every column of a tile.
fn absorb(hash: &mut blake3::Hasher, tile: &Tile) {
    let mut put = |column: &Column| {
        hash.update(column.inner().as_slice());
    };
    let local = &tile.local;
    [&local.time, &local.record].into_iter().for_each(&mut put);
    local.bid.iter().chain(&local.ask).chain(&local.seen).for_each(&mut put);
    for venue in &tile.venues {
        let (q, t, m) = (&venue.quotes, &venue.trades, &venue.marks);
        [&q.time, &q.bid, &q.bid_qty, &q.ask, &q.ask_qty, &t.time, &t.px, &t.qty].into_iter().for_each(&mut put);
        [&m.time, &m.mark, &m.index].into_iter().for_each(&mut put);
    }
    hash.update(local.funding_at.inner().as_slice()).update(local.mark_at.inner().as_slice());
    hash.update(format!("{:?} {:?}", tile.start, tile.end).as_bytes());
    for venue in &tile.venues {
        hash.update(venue.trades.taker.inner().as_slice()).update(venue.trades.consumed_book.inner().as_slice());
    }
}

/// Seconds that the tiles took, and their hash; `each` is not counted.
fn tiles(tape: &Tape, mut each: impl FnMut(&Tile)) -> (f64, String) {
    let (mut seconds, mut hash) = (0.0, blake3::Hasher::new());
    for k in 0..tape.tiles() {
        let tile = timed(&mut seconds, || tape.tile(k).expect("a tile"));
        absorb(&mut hash, &tile);
        each(&tile);
    }
    (seconds, hash.finalize().to_hex()[..16].to_string())
}

/// The parts that a usual grid asks for.
fn parts() -> Vec<Part> {
    let each = |role| [Part::Ints(Series::Bid(role)), Part::Ints(Series::Ask(role)), Part::Ints(Series::Age(role))];
    let shared = [Part::Reals(Series::Spread), Part::Reals(Series::Edge), Part::Clock, Part::Bars(0)];
    let mut parts: Vec<Part> = Role::BOTH.into_iter().flat_map(each).chain(shared).collect();
    parts.extend([Part::MarkRows, Part::FundingRows]);
    parts
}

fn report(store: &Path, days: i64, cache: &Path) {
    let to = START.plus(days * DAY_NS);
    let plain = TapeSpec::new(store, "BTC", ["lighter", "grvt"], START.plus(HOUR_NS), to);
    let (mut first, mut signal, mut index) = (0.0, 0.0, 0.0);
    let tape = timed(&mut first, || Tape::open(plain.clone()).expect("a tape"));
    let rows: u64 = tape.quality().venues.iter().flat_map(|venue| venue.rows.values()).sum();
    println!("{rows} rows, {} ticks, {} tiles", tape.ticks(), tape.tiles());
    line("first pass over parquet", rows, first, "");
    let trend = |role| SignalKey::Trend { role, fast: 20, slow: 60, bar_ns: MINUTE_NS };
    let band = SignalKey::Sigma { window: 120, bar_ns: MINUTE_NS, max_age_ns: 5_000_000_000 };
    let keys = [trend(Role::Long), trend(Role::Short), band];
    let mut engine = SignalEngine::new(&keys, START.plus(6 * HOUR_NS));
    let (built, hash) = tiles(&tape, |tile| {
        let signals = timed(&mut signal, || engine.tile(tile));
        timed(&mut index, || {
            let index = Index::new(&signals);
            parts().into_iter().for_each(|part| index.build(part, (tile, &signals)));
        });
    });
    line("tiles from parquet", rows, built, &hash);
    line("their signals", rows, signal, "");
    line("their indices", rows, index, "");
    line("parquet to indexed tape, in all", rows, first + built + signal + index, "");
    let cached = TapeSpec { cache: Some(CacheSpec { dir: cache.to_path_buf(), max_bytes: 1 << 40 }), ..plain };
    let mut opened = 0.0;
    let tape = timed(&mut opened, || Tape::open(cached.clone()).expect("a tape"));
    let (built, hash) = tiles(&tape, |_| {});
    line("both, and kept in the cache", rows, opened + built, &hash);
    drop(tape);
    let mut opened = 0.0;
    let tape = timed(&mut opened, || Tape::open(cached).expect("a tape"));
    line("opened with a warm cache", rows, opened, "");
    let (read, hash) = tiles(&tape, |_| {});
    line("tiles from the cache", rows, read, &hash);
    line("both", rows, opened + read, "");
}

fn main() {
    let days: u32 = std::env::var("PERPX_BENCH_DAYS").map_or(1, |text| text.parse().expect("a number of days"));
    let dir = tempfile::tempdir().expect("a folder");
    let store = match std::env::var_os("PERPX_BENCH_STORE") {
        Some(store) => store.into(),
        None => {
            let spec = SynthSpec { updates_per_sec: 18.0, edge: Edge::Planted, ..SynthSpec::new(7, START, days) };
            let store = dir.path().join("store");
            write(&spec, &store, &AtomicBool::new(false), &mut |_| {}).expect("a store");
            store
        }
    };
    // one thread does everything, so that its time is the whole
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().expect("a pool");
    pool.install(|| report(&store, i64::from(days), &dir.path().join("cache")));
}
