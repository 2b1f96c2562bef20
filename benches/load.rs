//! Speed of loading, in stored rows a second, with a hash of the tiles: the first pass over parquet, tiles built from
//! parquet, their signals and indices, tiles from the cache. `cargo bench --bench load`
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

/// Seconds of this process on any core, and of a clock on the wall. Linux tells the first in steps of 10 ms; elsewhere it is the
/// second.
#[derive(Clone, Copy, Default)]
struct Spent {
    cores: f64,
    wall: f64,
}

impl std::ops::AddAssign for Spent {
    fn add_assign(&mut self, other: Spent) {
        self.cores += other.cores;
        self.wall += other.wall;
    }
}

fn on_cores() -> Option<f64> {
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    let after_name = stat.rsplit_once(')')?.1;
    let ticks = after_name.split(' ').skip(12).take(2).map(|field| field.parse::<f64>().ok());
    Some(ticks.sum::<Option<f64>>()? / 100.0)
}

fn timed<T>(sum: &mut Spent, work: impl FnOnce() -> T) -> T {
    let (cores, began) = (on_cores(), Instant::now());
    let out = work();
    let wall = began.elapsed().as_secs_f64();
    *sum += Spent { cores: cores.zip(on_cores()).map_or(wall, |(from, to)| to - from), wall };
    out
}

fn line(what: &str, rows: u64, spent: Spent, hash: &str) {
    let rate = |seconds: f64| rows as f64 / seconds / 1e6;
    let Spent { cores, wall } = spent;
    println!(
        "{what:<32} {cores:>7.2} s on cores: {:>6.1} M rows/s a core, {:>5.0} ns a row; {wall:>7.2} s: {:>6.1} M rows/s  {hash}",
        rate(cores),
        cores * 1e9 / rows as f64,
        rate(wall)
    );
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

/// What all tiles took.
fn tiles(tape: &Tape) -> Spent {
    let mut spent = Spent::default();
    timed(&mut spent, || (0..tape.tiles()).for_each(|k| drop(tape.tile(k).expect("a tile"))));
    spent
}

fn hash(tape: &Tape) -> String {
    let mut hash = blake3::Hasher::new();
    (0..tape.tiles()).for_each(|k| absorb(&mut hash, &tape.tile(k).expect("a tile")));
    hash.finalize().to_hex()[..16].to_string()
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
    let (mut first, mut signal, mut index) = (Spent::default(), Spent::default(), Spent::default());
    let tape = timed(&mut first, || Tape::open(plain.clone()).expect("a tape"));
    let rows: u64 = tape.quality().venues.iter().flat_map(|venue| venue.rows.values()).sum();
    println!("{rows} rows, {} ticks, {} tiles", tape.ticks(), tape.tiles());
    line("first pass over parquet", rows, first, "");
    let built = tiles(&tape);
    line("tiles from parquet", rows, built, &hash(&tape));
    let trend = |role| SignalKey::Trend { role, fast: 20, slow: 60, bar_ns: MINUTE_NS };
    let band = SignalKey::Sigma { window: 120, bar_ns: MINUTE_NS, max_age_ns: 5_000_000_000 };
    let mut engine = SignalEngine::new(&[trend(Role::Long), trend(Role::Short), band], START.plus(6 * HOUR_NS));
    for k in 0..tape.tiles() {
        let tile = tape.tile(k).expect("a tile");
        let signals = timed(&mut signal, || engine.tile(&tile));
        timed(&mut index, || {
            let index = Index::new(&signals);
            parts().into_iter().for_each(|part| index.build(part, (&tile, &signals)));
        });
    }
    line("their signals", rows, signal, "");
    line("their indices", rows, index, "");
    let mut all = first;
    [built, signal, index].into_iter().for_each(|spent| all += spent);
    line("parquet to indexed tape, in all", rows, all, "");
    let cached = TapeSpec { cache: Some(CacheSpec { dir: cache.to_path_buf(), max_bytes: 1 << 40 }), ..plain };
    let mut kept = Spent::default();
    let tape = timed(&mut kept, || Tape::open(cached.clone()).expect("a tape"));
    kept += tiles(&tape);
    line("first pass, tiles, cache written", rows, kept, "");
    drop(tape);
    let mut opened = Spent::default();
    let tape = timed(&mut opened, || Tape::open(cached).expect("a tape"));
    line("opened with a warm cache", rows, opened, "");
    let read = tiles(&tape);
    line("tiles from the cache", rows, read, &hash(&tape));
    opened += read;
    line("warm: opened and read", rows, opened, "");
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
    report(&store, i64::from(days), &dir.path().join("cache"));
}
