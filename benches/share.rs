//! What a grid of configurations costs moved together, beside a leap of each, in one run; with a hash of the answers beside each time.
//! `cargo bench --bench share`
//!
//! Full fidelity, as in `benches/leap.rs`. One thread: a sweep gives each of its threads a part of the runs.
//!
//! | variable | meaning | default |
//! | --- | --- | --- |
//! | `PERPX_BENCH_TICKS` | ticks, millions | 3 |
//! | `PERPX_BENCH_GRID` | values of the three axes | 12x10x10 |
//! | `PERPX_BENCH_REGIMES` | names, by comma | rare,mid,busy |
//! | `PERPX_BENCH_TILE` | ticks of a tile | 262144 |
//! | `PERPX_BENCH_LEAP` | 0: not the leap beside it | 1 |

mod regimes;

use perpx::replay::{Index, Job, RunResult, RunState, Share, leap};
use perpx::signals::{SignalEngine, SignalSet, TileSignals};
use perpx::sim::OutageTable;
use perpx::stats::NoRecord;
use perpx::strategy::Plan;
use perpx::tape::Tile;
use perpx::trader::Composite;
use perpx::units::{Cash, HOUR};
use regimes::{Clock, REGIMES, Regime, START, WARM, hash, number, plan, plans, tape};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

fn job<'a>(plan: &'a Plan, calm: &'a OutageTable, tape: &[Tile]) -> Job<'a, Composite> {
    Job {
        plan,
        world: &plan.world,
        outages: [calm, calm],
        from: START.plus(WARM),
        to: tape[tape.len() - 1].end,
        capital: [Cash::units(100_000); 2],
        leverage: plan.strategy.leverage,
        transfer: None,
        isolated: true,
        stats_interval: HOUR,
    }
}

/// Seconds and results; `share`: moved together.
fn run(plans: &[Plan], tape: &[Tile], signals: &[TileSignals], mut share: Option<&mut Share>) -> (f64, Vec<RunResult>) {
    let calm = OutageTable::default();
    let jobs: Vec<_> = plans.iter().map(|plan| job(plan, &calm, tape)).collect();
    let mut machines: Vec<_> = jobs.iter().map(|job| RunState::new(Composite::default(), job)).collect();
    let (mut parts, mut seek) = (Vec::new(), leap());
    let clock = Clock::start();
    for (tile, signals) in tape.iter().zip(signals) {
        let index = Index::new(signals);
        parts.iter().for_each(|&part| index.build(part, (tile, signals)));
        let shared = (tile, signals, Some(&index));
        let mut together = share.as_deref_mut();
        match together.take_if(|share| share.is_due()) {
            Some(share) => {
                let mut all: Vec<_> = machines.iter_mut().collect();
                assert!(share.run_tile(&mut all, &jobs, shared, &AtomicBool::new(false)));
            }
            None => {
                for (machine, job) in machines.iter_mut().zip(&jobs) {
                    machine.run_indexed(&mut seek, job, shared, &mut NoRecord);
                }
            }
        }
        parts = index.built();
    }
    let seconds = clock.seconds();
    let (tile, signals) = (&tape[tape.len() - 1], &signals[tape.len() - 1]);
    let finish =
        |(m, job): (&mut RunState<Composite>, &Job<'_, Composite>)| m.finish(job, tile, signals, &mut NoRecord);
    (seconds, machines.iter_mut().zip(&jobs).map(finish).collect())
}

fn report(name: &str, (plans, set): (Vec<Plan>, SignalSet), tape: &[Tile]) {
    let mut engine = SignalEngine::new(set.keys(), START.plus(WARM));
    let signals: Vec<TileSignals> = tape.iter().map(|tile| engine.tile(tile)).collect();
    let mut share = Share::new(plans.iter());
    let (together, results) = run(&plans, tape, &signals, Some(&mut share));
    let trades = results.iter().map(|result| result.metrics.get("trades").unwrap_or(0.0)).sum::<f64>();
    let counts = share.counts();
    println!("{name:<14} {:>6} configurations, {trades:.0} trades: {counts:?}", plans.len());
    let one = |seconds: f64, results: &[RunResult]| {
        format!("{seconds:.3} s, {:.2} us a trade  {}", seconds * 1e6 / trades.max(1.0), hash(results))
    };
    println!("               share {}", one(together, &results));
    if number("PERPX_BENCH_LEAP", 1.0) > 0.0 {
        let (apart, leapt) = run(&plans, tape, &signals, None);
        println!("               leap  {}; share / leap {:.3}", one(apart, &leapt), together / apart);
        assert!(hash(&leapt) == hash(&results), "share differs from leap");
    }
}

fn grid(regime: &Regime, more: &[&str], sizes: &[usize]) -> (Vec<Plan>, SignalSet) {
    let mut points = vec![Vec::new()];
    for ((_, from, to), &size) in regime.drawn.iter().zip(sizes) {
        let value = |n: usize| from + (to - from) * n as f64 / (size.max(2) - 1) as f64;
        let with = |point: &Vec<f64>, n| [&point[..], &[value(n)]].concat();
        points = points.iter().flat_map(|point| (0..size).map(move |n| with(point, n))).collect();
    }
    let mut set = SignalSet::default();
    let mut plans: Vec<Plan> = points.iter().map(|values| plan(regime, more, values, &mut set)).collect();
    one_world(&mut plans);
    (plans, set)
}

fn one_world(plans: &mut [Plan]) {
    let world = plans[0].world.clone();
    plans.iter_mut().for_each(|plan| plan.world = Arc::clone(&world));
}

fn main() {
    let ticks = (number("PERPX_BENCH_TICKS", 3.0) * 1e6) as usize;
    let sizes = std::env::var("PERPX_BENCH_GRID").unwrap_or_else(|_| "12x10x10".to_owned());
    let sizes: Vec<usize> = sizes.split('x').map(|size| size.parse().expect("12x10x10")).collect();
    let wanted = std::env::var("PERPX_BENCH_REGIMES").unwrap_or_else(|_| "rare,mid,busy".to_owned());
    let tape = tape(ticks, number("PERPX_BENCH_TILE", 262_144.0) as usize);
    for regime in REGIMES.iter().filter(|regime| wanted.split(',').any(|name| name == regime.name)) {
        report(regime.name, grid(regime, &[], &sizes), &tape);
        if regime.name == "mid" {
            let live = ["thresholds.min_conditions=2", "thresholds.min_target_return=-0.004"];
            report("mid, edge", grid(regime, &live, &sizes), &tape);
        }
        let mut set = SignalSet::default();
        let mut drawn = plans(regime, sizes.iter().product(), &mut set);
        one_world(&mut drawn);
        report(&format!("{}, random", regime.name), (drawn, set), &tape);
    }
}
