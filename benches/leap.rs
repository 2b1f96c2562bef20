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

mod regimes;

use perpx::replay::{DriverSlot, Index, Job, RunResult, RunState};
use perpx::signals::{SignalEngine, SignalSet, TileSignals};
use perpx::sim::OutageTable;
use perpx::stats::NoRecord;
use perpx::strategy::Plan;
use perpx::tape::Tile;
use perpx::trader::Composite;
use perpx::units::{Cash, HOUR, MINUTE};
use regimes::{Clock, REGIMES, Regime, START, WARM, hash, number, plans, tape};

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
