//! Speed of loading, in stored rows a second, with a hash of the tiles: without a cache (the first pass over parquet, tiles
//! built from parquet, their signals and indices), with an empty one (the first pass keeps the tiles), with a warm one.
//! `cargo bench --bench load`
//!
//! PERPX_BENCH_DAYS: days of a synthetic market, 1.6 M rows each (default 1). PERPX_BENCH_STORE: a store to read in place
//! of one that is made (symbol BTC at lighter and grvt, from 2025-01-01 on).

use perpx::loader::{CacheSpec, Tape, TapeSpec};
use perpx::market::Role;
use perpx::replay::Index;
use perpx::replay::index::Part;
use perpx::signals::{SignalEngine, SignalKey};
use perpx::synth::{Edge, SynthSpec, write};
use perpx::tape::{Column, Tile};
use perpx::units::{DAY, HOUR, MINUTE, SECOND, Time};
use perpx::watch::Series;
use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

/// 2025-01-01.
const START: Time = Time::of_day(20_089);

/// Seconds of this process on any core, those of them in the kernel, and of a clock on the wall. Linux tells the first two in
/// steps of 10 ms; elsewhere they are the last and zero.
#[derive(Clone, Copy, Default)]
struct Spent {
    cores: f64,
    kernel: f64,
    wall: f64,
}

impl std::ops::AddAssign for Spent {
    fn add_assign(&mut self, other: Spent) {
        self.cores += other.cores;
        self.kernel += other.kernel;
        self.wall += other.wall;
    }
}

/// On cores, and in the kernel.
fn on_cores() -> Option<(f64, f64)> {
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    let after_name = stat.rsplit_once(')')?.1;
    let mut ticks = after_name.split(' ').skip(12).map(|field| field.parse::<f64>().ok());
    let (user, kernel) = (ticks.next()?? / 100.0, ticks.next()?? / 100.0);
    Some((user + kernel, kernel))
}

fn timed<T>(sum: &mut Spent, work: impl FnOnce() -> T) -> T {
    let (before, began) = (on_cores(), Instant::now());
    let out = work();
    let wall = began.elapsed().as_secs_f64();
    let (cores, kernel) = before.zip(on_cores()).map_or((wall, 0.0), |(from, to)| (to.0 - from.0, to.1 - from.1));
    *sum += Spent { cores, kernel, wall };
    out
}

fn line(what: &str, rows: u64, spent: Spent, hash: &str) {
    let rate = |seconds: f64| rows as f64 / seconds / 1e6;
    let ns = |seconds: f64| seconds * 1e9 / rows as f64;
    let Spent { cores, kernel, wall } = spent;
    println!(
        "{what:<34} {cores:>6.2} s on cores: {:>6.1} M rows/s a core, {:>4.0} ns a row, {:>4.0} in the kernel; \
         {wall:>6.2} s: {:>6.1} M rows/s  {hash}",
        rate(cores),
        ns(cores),
        ns(kernel),
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
    let to = START.plus(days * DAY);
    let plain = TapeSpec::new(store, "BTC", ["lighter", "grvt"], START.plus(HOUR), to);
    let (mut first, mut signal, mut index) = (Spent::default(), Spent::default(), Spent::default());
    let tape = timed(&mut first, || Tape::open(plain.clone()).expect("a tape"));
    let rows: u64 = tape.quality().venues.iter().flat_map(|venue| venue.rows.values()).sum();
    println!("{rows} rows, {} ticks, {} tiles", tape.ticks(), tape.tiles());
    line("first pass over parquet", rows, first, "");
    let built = tiles(&tape);
    line("tiles from parquet", rows, built, &hash(&tape));
    let trend = |role| SignalKey::Trend { role, fast: 20, slow: 60, bar_length: MINUTE };
    let band = SignalKey::Sigma { window: 120, bar_length: MINUTE, max_age: 5 * SECOND };
    let mut engine = SignalEngine::new(&[trend(Role::Long), trend(Role::Short), band], START.plus(6 * HOUR));
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
    let sum = |parts: &[Spent]| {
        let mut all = Spent::default();
        parts.iter().for_each(|part| all += *part);
        all
    };
    line("no cache: parquet to indexed tape", rows, sum(&[first, built, signal, index]), "");
    let cached = TapeSpec { cache: Some(CacheSpec { dir: cache.to_path_buf(), max_bytes: 1 << 40 }), ..plain };
    let mut kept = Spent::default();
    let tape = timed(&mut kept, || Tape::open(cached.clone()).expect("a tape"));
    line("first pass, tiles built and kept", rows, kept, "");
    let read = tiles(&tape);
    line("tiles from the cache", rows, read, &hash(&tape));
    line("cold: parquet to indexed tape", rows, sum(&[kept, read, signal, index]), "");
    drop(tape);
    let mut opened = Spent::default();
    let tape = timed(&mut opened, || Tape::open(cached).expect("a tape"));
    line("opened with a warm cache", rows, opened, "");
    let read = tiles(&tape);
    line("warm: opened and tiles read", rows, sum(&[opened, read]), &hash(&tape));
    line("warm: to indexed tape", rows, sum(&[opened, read, signal, index]), "");
    let listed = |dir: &Path| std::fs::read_dir(dir).expect("a folder").flatten().collect::<Vec<_>>();
    let files = listed(cache).iter().flat_map(|folder| listed(&folder.path())).collect::<Vec<_>>();
    let bytes: u64 = files.iter().map(|file| file.metadata().expect("a file").len()).sum();
    println!("the cache has {:.1} bytes a row", bytes as f64 / rows as f64);
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
