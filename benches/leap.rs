//! What a configuration costs under full fidelity, by how often it trades: leap beside walk, with what was done per
//! configuration and a hash of the answer beside each time. `cargo bench --bench leap`
//!
//! Full fidelity: passive first with a queue driven by trades, log-normal latencies, the delays of Lighter's standard tier,
//! 2 % rejects, 0.5 % timeouts, funding, isolated margin, equity every minute. One thread, tile by tile as a sweep goes;
//! seconds are of this thread on a core where the system tells them.
//!
//! | variable | meaning | default |
//! | --- | --- | --- |
//! | `PERPX_BENCH_TICKS` | ticks, millions | 3 |
//! | `PERPX_BENCH_CONFIGS` | configurations of a regime, by leap | 128 |
//! | `PERPX_BENCH_WALKED` | those of them that walk runs too | 8 |
//! | `PERPX_BENCH_REGIMES` | names, by comma | all |
//! | `PERPX_BENCH_TILE` | ticks of a tile | 262144 |
//!
//! At full size: `PERPX_BENCH_TICKS=20 PERPX_BENCH_CONFIGS=10000`.

use perpx::config::ConfigFile;
use perpx::replay::{DriverSlot, Index, Job, RunResult, RunState};
use perpx::signals::{SignalEngine, SignalSet, TileSignals};
use perpx::sim::OutageTable;
use perpx::stats::NoRecord;
use perpx::strategy::{FundingKinds, Plan};
use perpx::synth::{Edge, Market, SynthSpec};
use perpx::tape::rows::VenueTables;
use perpx::tape::{Carry, Tile, align};
use perpx::trader::Composite;
use perpx::units::{Cash, HOUR, MINUTE, SECOND, Time, TimeDelta};
use std::sync::Arc;
use std::time::Instant;

const START: Time = Time::of_day(20_458);
const WARM: TimeDelta = HOUR.times(8);

/// What all configurations have in common.
const WORLD: &[&str] = &[
    "capital.lighter=100000",
    "capital.grvt=100000",
    "base_qty=0.05",
    "entry.style=maker_then_taker",
    "locking.style=maker_then_taker",
    "fills.latency.order.median_ms=50",
    "fills.latency.response.median_ms=50",
    "fills.reject_rate=0.02",
    "fills.timeout_rate=0.005",
    "thresholds.vol_band.vmin=0",
    "thresholds.vol_band.vmax=100",
    "risk.funding_guard_apr=2",
];

struct Regime {
    name: &'static str,
    /// Round trips of a configuration in 20 million ticks that it stands for.
    aim: f64,
    settings: &'static [&'static str],
    /// Keys that are drawn, from, to.
    drawn: &'static [(&'static str, f64, f64)],
}

const REGIMES: &[Regime] = &[
    Regime {
        name: "rare",
        aim: 8.0,
        settings: &[
            "thresholds.min_conditions=1",
            "thresholds.min_target_return=0.5",
            "thresholds.funding_spread_bps=500",
        ],
        drawn: &[
            ("thresholds.trend_strength.min_diff", 0.0040, 0.0050),
            ("locking.g_pct", 0.004, 0.006),
            ("locking.band_sigma", 0.8, 2.5),
        ],
    },
    Regime {
        name: "mid",
        aim: 180.0,
        settings: &[
            "thresholds.min_conditions=1",
            "thresholds.min_target_return=0.5",
            "thresholds.funding_spread_bps=500",
            "exit.max_sec=600",
        ],
        drawn: &[
            ("thresholds.trend_strength.min_diff", 0.0005, 0.0012),
            ("locking.g_pct", 0.0015, 0.0025),
            ("locking.band_sigma", 0.8, 2.0),
        ],
    },
    Regime {
        name: "busy",
        aim: 3_500.0,
        settings: &[
            "thresholds.min_conditions=1",
            "thresholds.min_target_return=0.5",
            "thresholds.funding_spread_bps=500",
            "exit.max_sec=15",
            "exit.take_profit_pct=0.0002",
            "entry.retry_sec=1",
            "locking.arm=level",
        ],
        drawn: &[
            ("thresholds.trend_strength.min_diff", -0.001, 0.0),
            ("locking.g_pct", 0.00012, 0.0003),
            ("locking.band_sigma", 0.2, 0.5),
        ],
    },
    Regime {
        name: "ultra",
        aim: f64::NAN,
        settings: &[
            "thresholds.min_conditions=1",
            "thresholds.min_target_return=0.5",
            "thresholds.funding_spread_bps=500",
            "fills.latency.order.median_ms=0.001",
            "fills.latency.response.median_ms=0.001",
            "fills.timeout_rate=0",
            "entry.style=taker",
            "locking.style=taker",
            "entry.mode=pair",
            "entry.retry_sec=0",
            "locking.on_ub=close_both",
            "locking.on_lb=close_both",
            "exchanges.lighter.tier=plus",
            "exit.max_sec=1",
            "locking.arm=level",
            "locking.t_max_sec=1",
        ],
        drawn: &[
            ("thresholds.trend_strength.min_diff", -1.0, -0.9),
            ("locking.g_pct", 0.000001, 0.000002),
            ("locking.band_sigma", 0.01, 0.02),
        ],
    },
];

fn number(name: &str, default: f64) -> f64 {
    std::env::var(name).ok().map_or(default, |text| text.parse().expect("a number"))
}

/// Tiles of at most `tile_rows` ticks of a synthetic market with about 20 ticks a second.
fn tape(ticks: usize, tile_rows: usize) -> Vec<Tile> {
    let days = (ticks as f64 / 1.2e6).ceil() as u32 + 1;
    let spec = SynthSpec { updates_per_sec: 18.0, edge: Edge::Planted, ..SynthSpec::new(7, START, days) };
    let mut carry = Carry::default();
    let (mut tiles, mut rows) = (Vec::new(), 0);
    let mut kept: [VenueTables; 2] = Default::default();
    for day in Market::new(&spec).expect("a legal market") {
        // a row may be received in the day after its own
        for (kept, new) in kept.iter_mut().zip(day.venues) {
            kept.quotes.extend(new.quotes);
            kept.trades.extend(new.trades);
            kept.marks.extend(new.marks);
            kept.funding.extend(new.funding);
        }
        let mut times: Vec<i64> = kept.iter().flat_map(|t| t.quotes.iter().map(|row| row.recv.0)).collect();
        times.sort_unstable();
        let (midnight, end) = (Time::of_day(day.day).0, Time::of_day(day.day + 1));
        let first = times.partition_point(|&t| t < midnight);
        let mut cuts: Vec<i64> = times[first..].iter().skip(tile_rows).step_by(tile_rows).copied().collect();
        cuts.retain(|&t| t < end.0);
        cuts.push(end.0);
        let mut from = midnight;
        for cut in cuts {
            let tile = align([&kept[0], &kept[1]], Time(from), Time(cut), &mut carry);
            rows += tile.local.len() - 1;
            tiles.push(tile);
            from = cut;
            if rows >= ticks {
                return tiles;
            }
        }
        for table in &mut kept {
            let late = end.plus(-10 * SECOND);
            table.quotes.retain(|row| row.recv > late);
            table.trades.retain(|row| row.recv > late);
            table.marks.retain(|row| row.recv > late);
        }
    }
    tiles
}

fn plans(regime: &Regime, n: usize, set: &mut SignalSet) -> Vec<Plan> {
    let file = ConfigFile::parse("example.yml", include_str!("../configs/example.yml")).expect("the example loads");
    let mut state = 99u64;
    let mut draw = |from: f64, to: f64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        from + (to - from) * ((state >> 11) as f64 / (1u64 << 53) as f64)
    };
    let mut one = |_| {
        let drawn: Vec<String> =
            regime.drawn.iter().map(|(key, from, to)| format!("{key}={:.9}", draw(*from, *to))).collect();
        let texts = WORLD.iter().chain(regime.settings).copied().chain(drawn.iter().map(String::as_str));
        let overrides: Vec<_> = texts.map(|text| file.set(text).unwrap_or_else(|e| panic!("{text}: {e}"))).collect();
        let config = file.with(&overrides).unwrap_or_else(|e| panic!("{e}"));
        let mut plan = Plan::bind(&config, Arc::new(config.world.clone()), FundingKinds::default(), set);
        plan.capital = Cash::units(200_000).into();
        plan
    };
    (0..n).map(&mut one).collect()
}

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

/// One regime's configurations by one driver: seconds, results, what the indices cost (seconds, bytes a row, bytes).
fn run(
    mut slot: DriverSlot,
    plans: &[Plan],
    tape: &[Tile],
    signals: &[TileSignals],
) -> (f64, Vec<RunResult>, (f64, usize)) {
    let calm = OutageTable::default();
    let (from, to) = (START.plus(WARM), tape[tape.len() - 1].end);
    let job = |plan| Job::<Composite> {
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
    let jobs: Vec<Job<'_, Composite>> = plans.iter().map(job).collect();
    let mut machines: Vec<_> = jobs.iter().map(|job| RunState::new(Composite::default(), job)).collect();
    let (mut building, mut bytes, mut parts) = (0.0, 0, Vec::new());
    let clock = Clock::start();
    for (tile, signals) in tape.iter().zip(signals) {
        let index = matches!(slot, DriverSlot::Leap(_)).then(|| Index::new(signals));
        if let Some(index) = &index {
            let clock = Clock::start();
            parts.iter().for_each(|&part| index.build(part, (tile, signals)));
            building += clock.seconds();
        }
        for (machine, job) in machines.iter_mut().zip(&jobs) {
            slot.drive_unrecorded(machine, job, (tile, signals, index.as_ref()), &mut NoRecord);
        }
        if let Some(index) = &index {
            parts = index.built();
            bytes += index.bytes().0;
        }
    }
    let seconds = clock.seconds();
    let (tile, signals) = (&tape[tape.len() - 1], &signals[tape.len() - 1]);
    let results = machines.iter_mut().zip(&jobs).map(|(m, job)| m.finish(job, tile, signals, &mut NoRecord)).collect();
    (seconds, results, (building, bytes))
}

fn hash(results: &[RunResult]) -> String {
    let mut hash = blake3::Hasher::new();
    for result in results {
        hash.update(&postcard::to_allocvec(&(result.hash, &result.metrics)).expect("a result is written"));
    }
    hash.finalize().to_hex()[..16].to_string()
}

fn report(regime: &Regime, tape: &[Tile], ticks: usize, n: usize, walked: usize) {
    let mut set = SignalSet::default();
    let plans = plans(regime, n, &mut set);
    let mut engine = SignalEngine::new(set.keys(), START.plus(WARM));
    let signals: Vec<TileSignals> = tape.iter().map(|tile| engine.tile(tile)).collect();
    let (leapt, results, (building, bytes)) = run(DriverSlot::leap(), &plans, tape, &signals);
    let mean =
        |name: &str| results.iter().map(|result| result.metrics.get(name).unwrap_or(0.0)).sum::<f64>() / n as f64;
    let steps = results.iter().map(|result| result.steps as f64).sum::<f64>() / n as f64;
    let scale = 20e6 / ticks as f64;
    println!(
        "{:<5} a configuration: {steps:.0} wakes, {:.0} orders, {:.0} fills, {:.1} trades, {:.1} round trips ({:.0} in 20 M ticks; {:.0} wanted)",
        regime.name,
        mean("orders"),
        mean("fills"),
        mean("trades"),
        mean("round_trips"),
        mean("round_trips") * scale,
        regime.aim,
    );
    let config_ticks = (ticks * n) as f64;
    let one = (leapt - building) / n as f64;
    println!(
        "      leap {n:>6} in {leapt:.3} s: {:>9.1} M config-ticks/s, {:.2} us a round trip; 10,000 x 20 M on 2 cores: {:.1} s  {}",
        config_ticks / leapt / 1e6,
        one * 1e6 / mean("round_trips").max(1e-9),
        one * scale * 10_000.0 / 2.0,
        hash(&results[..walked.min(n)])
    );
    println!(
        "      index {:.3} s and {:.2} bytes a row; 20 M rows on one core: {:.2} s",
        building,
        bytes as f64 / ticks as f64,
        building * scale
    );
    if walked > 0 {
        let (seconds, results, _) = run(DriverSlot::walk(), &plans[..walked.min(n)], tape, &signals);
        let per_config = seconds / results.len() as f64;
        println!(
            "      walk {:>6} in {seconds:.3} s: {:>9.1} M config-ticks/s; leap is {:.1} times faster  {}",
            results.len(),
            (ticks * results.len()) as f64 / seconds / 1e6,
            per_config / one,
            hash(&results)
        );
    }
}

fn main() {
    let ticks = (number("PERPX_BENCH_TICKS", 3.0) * 1e6) as usize;
    let (n, walked) = (number("PERPX_BENCH_CONFIGS", 128.0) as usize, number("PERPX_BENCH_WALKED", 8.0) as usize);
    let wanted = std::env::var("PERPX_BENCH_REGIMES").unwrap_or_default();
    let tape = tape(ticks, number("PERPX_BENCH_TILE", 262_144.0) as usize);
    let from = START.plus(WARM).0;
    let ticks: usize = tape.iter().map(|tile| tile.local.time[1..].iter().filter(|&&t| t >= from).count()).sum();
    let span = tape[tape.len() - 1].end.since(START) / MINUTE;
    println!("{ticks} ticks in {} tiles, {span} minutes", tape.len());
    for regime in REGIMES {
        if wanted.is_empty() || wanted.split(',').any(|name| name == regime.name) {
            report(regime, &tape, ticks, n, walked);
        }
    }
}
