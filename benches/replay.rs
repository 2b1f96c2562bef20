//! Speed of the drivers, in configuration-ticks a second on one core, with a hash of the results beside each time: an
//! optimisation that changes the answer is seen at once. `cargo bench --bench replay`

use perpx::config::ConfigFile;
use perpx::market::Bbo;
use perpx::replay::{Driver, Job, Paced, RunState, Scan, TimeSource, walk};
use perpx::signals::{SignalEngine, SignalSet, TileSignals};
use perpx::sim::OutageTable;
use perpx::stats::NoRecord;
use perpx::strategy::{FundingKinds, Plan};
use perpx::tape::rows::{MarkRow, QuoteRow, VenueTables};
use perpx::tape::{Carry, Tile, align};
use perpx::trader::Composite;
use perpx::units::{Cash, HOUR, MS, NS, Price, Qty, SECOND, Time, TimeDelta};
use std::sync::Arc;
use std::time::Instant;

const START: Time = Time::of_day(20_458);
/// Before the first decision.
const WARM: TimeDelta = HOUR.times(6);
const ROWS: usize = 1 << 18;
const TILES: usize = 4;

/// A random walk of two venues, about 20 ticks a second; the same on every machine.
fn tables() -> [VenueTables; 2] {
    let mut state = 7u64;
    let mut draw = move |below: u64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % below
    };
    let mut out = [VenueTables::default(), VenueTables::default()];
    let (mut at, mut mid) = (START, 1_000_000i64);
    let mut basis = 0i64;
    for row in 0..ROWS * TILES {
        // warm-up rows are thin
        let wait = if at.since(START) < WARM { 1_000 } else { 100 };
        at = at.plus(draw(wait) as i64 * MS + NS);
        mid += draw(21) as i64 - 10;
        basis = basis * 99 / 100 + draw(41) as i64 - 20;
        let v = row % 2;
        let middle = mid + if v == 0 { basis } else { 0 };
        let px = |off: i64| Price((middle + off) * 100_000_000);
        let qty = Qty(1_000_000_000 + draw(9) as i64 * 100_000_000);
        let bbo = Bbo { bid: px(-5), bid_qty: qty, ask: px(5), ask_qty: qty };
        out[v].quotes.push(QuoteRow { exch: at.plus(-5 * MS), recv: at, bbo });
        if row % 40 == v {
            out[v].marks.push(MarkRow { exch: at.plus(-5 * MS), recv: at, mark: px(0), index: px(0) });
        }
    }
    out
}

fn tape() -> Vec<Tile> {
    let tables = tables();
    let last = |t: &VenueTables| t.quotes.last().map_or(START, |row| row.recv);
    let end = last(&tables[0]).max(last(&tables[1])).plus(SECOND);
    let span = end.since(START) / TILES as i64 + NS;
    let mut carry = Carry::default();
    (0..TILES as i64)
        .map(|i| {
            let (from, to) = (START.plus(i * span - SECOND), START.plus((i + 1) * span - SECOND));
            align([&tables[0], &tables[1]], from, to, &mut carry)
        })
        .collect()
}

/// Plans of `settings`, one for each value of `levels` set at `key`.
fn plans(settings: &[&str], key: &str, levels: usize, step: f64, set: &mut SignalSet) -> Vec<Plan> {
    let file = ConfigFile::parse("example.yml", include_str!("../configs/example.yml")).expect("the example loads");
    let base = ["capital.lighter=100000", "capital.grvt=100000"];
    let one = |i: usize| {
        let level = format!("{key}={:.6}", step * (i + 1) as f64);
        let all = base.iter().chain(settings).copied().chain([level.as_str()]);
        let overrides: Vec<_> = all.map(|text| file.set(text).expect("a legal key")).collect();
        let config = file.with(&overrides).expect("a legal configuration");
        let mut plan = Plan::bind(&config, Arc::new(config.world.clone()), FundingKinds::default(), set);
        plan.capital = Cash::units(200_000).into();
        plan
    };
    (0..levels).map(one).collect()
}

/// One pass of all plans over the tape; returns (ticks a configuration, calls of step, hash of the results).
fn pass<D: Driver>(driver: &mut D, plans: &[Plan], tape: &[Tile], signals: &[TileSignals]) -> (usize, u64, String) {
    let (from, to) = (START.plus(WARM), tape[tape.len() - 1].end);
    let calm = OutageTable::default();
    let (mut steps, mut hash) = (0, blake3::Hasher::new());
    for plan in plans {
        let job: Job<'_, Composite> = Job {
            plan,
            world: &plan.world,
            outages: [&calm, &calm],
            from,
            to,
            capital: [Cash::units(100_000); 2],
            leverage: plan.strategy.leverage,
            transfer: None,
            isolated: true,
            stats_interval: HOUR,
        };
        let mut machine = RunState::new(Composite::default(), &job);
        for (tile, signals) in tape.iter().zip(signals) {
            machine.run_tile(driver, &job, tile, signals, &mut NoRecord);
        }
        let last = tape.len() - 1;
        let result = machine.finish(&job, &tape[last], &signals[last], &mut NoRecord);
        steps += result.steps;
        hash.update(&postcard::to_allocvec(&(result.hash, &result.metrics)).expect("a result is written"));
    }
    let ticks = tape.iter().map(|tile| tile.local.time[1..].iter().filter(|&&t| t >= from.0).count()).sum();
    (ticks, steps, hash.finalize().to_hex()[..16].to_string())
}

/// The live loop's time source at full speed, as `live::Clock` keeps it: one look at the stop, one count.
#[derive(Debug, Default)]
struct FullSpeed {
    stop: std::sync::atomic::AtomicBool,
    moments: u64,
}

impl TimeSource for FullSpeed {
    fn wait(&mut self, _at: Time) -> bool {
        self.moments += 1;
        self.stop.load(std::sync::atomic::Ordering::Relaxed)
    }
}

/// One line of the table, unless the command line names others (a part of the name is enough).
fn report<D: Driver>(name: &str, driver: &mut D, plans: &[Plan], tape: &[Tile], signals: &[TileSignals]) {
    let mut asked = std::env::args().skip(1).filter(|arg| !arg.starts_with('-')).peekable();
    if asked.peek().is_some() && !asked.any(|part| name.contains(&part)) {
        return;
    }
    let mut times = Vec::new();
    let mut last = (0, 0, String::new());
    for _ in 0..5 {
        let begun = Instant::now();
        last = pass(driver, plans, tape, signals);
        times.push(begun.elapsed().as_secs_f64());
    }
    times.sort_by(f64::total_cmp);
    let (ticks, steps, hash) = last;
    let all = (ticks * plans.len()) as f64;
    let rate = all / times[2] / 1e6;
    println!("{name:<22} {:>8.3} s  {rate:>9.1} M config-ticks/s  {steps:>10} steps  {hash}", times[2]);
}

fn main() {
    let tape = tape();
    let mut set = SignalSet::default();
    // trend and edge, of which both must hold; the edge is never there: each row is compared with its level
    let edge = ["thresholds.trend_strength.min_diff=-1", "thresholds.vol_band.vmin=0", "thresholds.vol_band.vmax=100"];
    let quiet = plans(&edge, "thresholds.min_target_return", 64, 0.01, &mut set);
    let trading = [
        "thresholds.trend_strength.min_diff=0.0001",
        "thresholds.vol_band.vmin=0",
        "thresholds.vol_band.vmax=100",
        "thresholds.min_conditions=1",
        "thresholds.min_target_return=0.5",
        "locking.epsilon_bp=5",
    ];
    let trading = plans(&trading, "locking.g_pct", 16, 0.0002, &mut set);
    let mut engine = SignalEngine::new(set.keys(), START.plus(WARM));
    let signals: Vec<TileSignals> = tape.iter().map(|tile| engine.tile(tile)).collect();
    let rows: usize = tape.iter().map(|tile| tile.local.len()).sum();
    let machine = std::mem::size_of::<RunState<Composite>>();
    println!("{rows} rows, {} signals, a machine is {machine} bytes and its lists", set.keys().len());
    report("walk, nothing fires", &mut walk(), &quiet, &tape, &signals);
    report("scan, nothing fires", &mut Scan::new(), &quiet[..4], &tape, &signals);
    report("live, nothing fires", &mut Paced::new(FullSpeed::default()), &quiet[..4], &tape, &signals);
    report("walk, trading", &mut walk(), &trading, &tape, &signals);
    report("scan, trading", &mut Scan::new(), &trading[..4], &tape, &signals);
    report("live, trading", &mut Paced::new(FullSpeed::default()), &trading[..4], &tape, &signals);
}
