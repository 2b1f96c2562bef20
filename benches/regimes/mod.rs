//! A market and regimes of configurations that trade in it seldom or often: for the benches of drivers.
#![allow(dead_code)] // each bench uses a part

use perpx::config::ConfigFile;
use perpx::replay::RunResult;
use perpx::signals::SignalSet;
use perpx::strategy::{FundingKinds, Plan};
use perpx::synth::{Edge, Market, SynthSpec};
use perpx::tape::rows::VenueTables;
use perpx::tape::{Carry, Tile, align};
use perpx::units::{Cash, HOUR, SECOND, Time, TimeDelta};
use std::sync::Arc;
use std::time::Instant;

pub const START: Time = Time::of_day(20_458);
pub const WARM: TimeDelta = HOUR.times(8);

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

pub struct Regime {
    pub name: &'static str,
    /// Round trips of a configuration in 20 million ticks that it stands for.
    pub aim: f64,
    pub settings: &'static [&'static str],
    /// Keys that are drawn, from, to.
    pub drawn: &'static [(&'static str, f64, f64)],
}

pub const REGIMES: &[Regime] = &[
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

pub fn number(name: &str, default: f64) -> f64 {
    std::env::var(name).ok().map_or(default, |text| text.parse().expect("a number"))
}

/// Tiles of at most `tile_rows` ticks of a synthetic market with about 20 ticks a second.
pub fn tape(ticks: usize, tile_rows: usize) -> Vec<Tile> {
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

/// A configuration of the regime with these values of its drawn keys.
pub fn plan(regime: &Regime, more: &[&str], values: &[f64], set: &mut SignalSet) -> Plan {
    let file = ConfigFile::parse("example.yml", include_str!("../../configs/example.yml")).expect("the example loads");
    let drawn: Vec<String> =
        regime.drawn.iter().zip(values).map(|((key, ..), value)| format!("{key}={value:.9}")).collect();
    let texts = WORLD.iter().chain(regime.settings).chain(more).copied().chain(drawn.iter().map(String::as_str));
    let overrides: Vec<_> = texts.map(|text| file.set(text).unwrap_or_else(|e| panic!("{text}: {e}"))).collect();
    let config = file.with(&overrides).unwrap_or_else(|e| panic!("{e}"));
    let mut plan = Plan::bind(&config, Arc::new(config.world.clone()), FundingKinds::default(), set);
    plan.capital = Cash::units(200_000).into();
    plan
}

/// So many configurations of the regime, drawn.
pub fn plans(regime: &Regime, n: usize, set: &mut SignalSet) -> Vec<Plan> {
    let mut state = 99u64;
    let mut draw = |from: f64, to: f64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        from + (to - from) * ((state >> 11) as f64 / (1u64 << 53) as f64)
    };
    let mut values = || regime.drawn.iter().map(|(_, from, to)| draw(*from, *to)).collect::<Vec<_>>();
    (0..n).map(|_| plan(regime, &[], &values(), set)).collect()
}

/// Seconds of this thread on a core; wall time where the system does not tell.
pub struct Clock(Option<u64>, Instant);

impl Clock {
    pub fn start() -> Clock {
        Clock(Clock::on_core(), Instant::now())
    }

    fn on_core() -> Option<u64> {
        std::fs::read_to_string("/proc/thread-self/schedstat").ok()?.split(' ').next()?.parse().ok()
    }

    pub fn seconds(&self) -> f64 {
        match (self.0, Clock::on_core()) {
            (Some(from), Some(to)) => (to - from) as f64 * 1e-9,
            _ => self.1.elapsed().as_secs_f64(),
        }
    }
}

/// Of all results.
pub fn hash(results: &[RunResult]) -> String {
    let mut hash = blake3::Hasher::new();
    for result in results {
        hash.update(&postcard::to_allocvec(&(result.hash, &result.metrics)).expect("a result is written"));
    }
    hash.finalize().to_hex()[..16].to_string()
}
