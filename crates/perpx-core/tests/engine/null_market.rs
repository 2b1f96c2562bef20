//! The null market: mids one martingale, no spread, no fees, latency above zero. Nothing can be earned or lost on average;
//! a mean that is not zero is foresight or a bias in the fills.
//!
//! `PERPX_NULL=200x100` runs 200 seeds with 100 configurations each.

use crate::random::Dice;
use perpx_core::config::{Config, ConfigFile};
use perpx_core::replay::{Job, RunState, walk};
use perpx_core::signals::{SignalEngine, SignalSet, TileSignals};
use perpx_core::sim::OutageTable;
use perpx_core::stats::NoRecord;
use perpx_core::strategy::{FundingKinds, Plan};
use perpx_core::synth::{Market, SynthSpec};
use perpx_core::tape::{Carry, Tile, align};
use perpx_core::trader::Composite;
use perpx_core::units::{Cash, DAY, HOUR, Time};
use std::sync::Arc;

const START: Time = Time::of_day(20_458);

/// A configuration that trades often, by taker orders (a passive order in a market without spread is filled only when the
/// price goes through it, and so loses by construction).
fn config(file: &ConfigFile, dice: &mut Dice) -> Config {
    let texts = [
        "fees.taker_bps=0".to_string(),
        "fees.maker_rebate_bps=0".to_string(),
        "fees.referral_rebate_bps=0".to_string(),
        "capital.lighter=5000".to_string(),
        "capital.grvt=5000".to_string(),
        "entry.style=taker".to_string(),
        "locking.style=taker".to_string(),
        "thresholds.min_conditions=1".to_string(),
        "thresholds.vol_band.vmin=0".to_string(),
        "thresholds.vol_band.vmax=1000".to_string(),
        "risk.funding_guard_apr=null".to_string(),
        "fills.impact_bp=0".to_string(),
        format!("direction={}", dice.pick(&["long", "short", "both"])),
        format!("thresholds.trend_strength.ema_fast={}", dice.int(1, 10)),
        format!("thresholds.trend_strength.ema_slow={}", dice.int(10, 40)),
        format!("thresholds.trend_strength.min_diff=0.000{}", dice.int(1, 9)),
        format!("locking.g_pct=0.00{}", dice.int(1, 5)),
        format!("locking.t_max_sec={}", dice.int(60, 3600)),
        format!("locking.band_window_bars={}", dice.int(5, 60)),
        format!("risk.stop_loss_first_leg=0.00{}", dice.int(2, 9)),
        format!("entry.first_max_sec={}", dice.int(300, 7200)),
        format!("exit.max_sec={}", dice.int(60, 3600)),
        format!("fills.latency.order.median_ms={}", dice.pick(&["5", "50", "400"])),
    ];
    let overrides: Vec<_> = texts.iter().map(|text| file.set(text).unwrap_or_else(|e| panic!("{text}: {e}"))).collect();
    file.with(&overrides).unwrap_or_else(|e| panic!("{e}"))
}

fn tile(seed: u64) -> Tile {
    let market = Market::new(&SynthSpec::null(seed, START, 1)).expect("a legal specification");
    let day = market.into_iter().next().expect("a day");
    align([&day.venues[0], &day.venues[1]], START, START.plus(DAY), &mut Carry::default())
}

/// (pnl in quote units, trades)
fn run(config: &Config, tile: &Tile) -> (f64, f64) {
    let mut keys = SignalSet::default();
    let world = Arc::new(config.world.clone());
    let plan = Plan::bind(config, world, FundingKinds::default(), &mut keys);
    let none = OutageTable::default();
    let job = Job {
        plan: &plan,
        world: &plan.world,
        outages: [&none, &none],
        from: START.plus(4 * HOUR),
        to: START.plus(DAY),
        capital: config.account.capital.map(|cash| cash.unwrap_or(Cash::ZERO)),
        leverage: config.strategy.leverage,
        transfer: None,
        isolated: true,
        stats_interval: HOUR,
    };
    let signals: TileSignals = SignalEngine::new(keys.keys(), job.from).tile(tile);
    let mut machine = RunState::new(Composite::default(), &job);
    machine.run_tile(&mut walk(), &job, tile, &signals, &mut NoRecord);
    let result = machine.finish(&job, tile, &signals, &mut NoRecord);
    let metric = |name: &str| result.metrics.get(name).unwrap_or(0.0);
    (metric("net_pnl"), metric("trades"))
}

#[test]
fn nothing_is_earned_where_nothing_can_be() {
    let size = std::env::var("PERPX_NULL").unwrap_or_else(|_| "24x12".to_string());
    let (seeds, configs) = size.split_once('x').expect("PERPX_NULL=SEEDSxCONFIGURATIONS");
    let (seeds, configs): (u64, u64) = (seeds.parse().expect("a number"), configs.parse().expect("a number"));
    let file =
        ConfigFile::parse("example.yml", include_str!("../../../../configs/example.yml")).expect("the example loads");
    let mut means = Vec::new();
    let mut trades = 0.0;
    for seed in 0..seeds {
        let tile = tile(seed);
        let mut sum = 0.0;
        for number in 0..configs {
            // the same configurations on every seed
            let (pnl, n) = run(&config(&file, &mut Dice::new(number)), &tile);
            sum += pnl;
            trades += n;
        }
        means.push(sum / configs as f64);
    }
    // configurations share a seed's market: the seeds' means are the independent draws
    let n = means.len() as f64;
    let mean = means.iter().sum::<f64>() / n;
    let error = (means.iter().map(|m| (m - mean) * (m - mean)).sum::<f64>() / (n - 1.0) / n).sqrt();
    println!(
        "null market: {seeds} seeds x {configs} configurations, {trades} trades, mean pnl {mean:.4} +- {error:.4}"
    );
    assert!(trades > 3.0 * seeds as f64 * configs as f64, "too few trades to say anything");
    assert!(mean.abs() <= 3.0 * error, "a mean pnl of {mean} with a standard error of {error}");
}
