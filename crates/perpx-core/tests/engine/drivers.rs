//! Scan, the reference, and walk give the same bytes, for any trader and wherever the tape is cut.

use crate::random_tape::{self, Beat, TICK};
use crate::second_strategy::{Dip, DipPlan};
use perpx_core::config::{ConfigFile, Fills, Latency, Outage, OutageWhat, OutageWhen, Queue, VenueWorld, World};
use perpx_core::market::{
    Delays, FeeSchedule, FundingPrice, Instrument, LiquidationRule, MarginSchedule, RateLimit, SelfTrade,
};
use perpx_core::port::{Limits, Trader};
use perpx_core::replay::{Driver, Index, Job, RunResult, RunState, Scan, leap, walk};
use perpx_core::signals::{BandRule, SignalEngine, SignalKey, SignalSet};
use perpx_core::sim::OutageTable;
use perpx_core::stats::{FullRecord, NoRecord, Recorder};
use perpx_core::strategy::{FundingKinds, Plan};
use perpx_core::tape::Tile;
use perpx_core::tape::rows::VenueTables;
use perpx_core::trader::Composite;
use perpx_core::units::{Cash, MS, NS, Notional, Price, Qty, Rate, SECOND, TimeDelta};
use proptest::prelude::*;
use std::sync::Arc;

const BAR: TimeDelta = SECOND.times(5);

/// What of the world is drawn.
#[derive(Clone, Copy, Debug)]
pub struct Weather {
    pub order_ms: i64,
    pub response_ms: i64,
    pub spread: f64,
    pub failures: f64,
    pub outage: bool,
    pub seed: u64,
}

pub fn weather() -> impl Strategy<Value = Weather> {
    let ms = || prop_oneof![Just(0i64), Just(1), Just(30), Just(400), Just(3_000)];
    (
        ms(),
        ms(),
        prop_oneof![Just(0.0), Just(0.8)],
        prop_oneof![2 => Just(0.0), 1 => Just(0.25)],
        any::<bool>(),
        0u64..5,
    )
        .prop_map(|(order_ms, response_ms, spread, failures, outage, seed)| Weather {
            order_ms,
            response_ms,
            spread,
            failures,
            outage,
            seed,
        })
}

fn world(weather: &Weather) -> World {
    let latency = |ms: i64| match weather.spread {
        0.0 => Latency::Constant(ms * MS),
        sigma => Latency::Lognormal { median: (ms * MS).max(NS), sigma },
    };
    let outage = Outage {
        when: OutageWhen::Fixed {
            from: random_tape::START.plus(60 * SECOND),
            to: random_tape::START.plus(80 * SECOND),
        },
        what: OutageWhat::Orders,
    };
    let venue = |name: &str| VenueWorld {
        instrument: Instrument {
            venue: name.to_string(),
            tick: Price(TICK),
            lot: Qty(10_000_000),
            min_qty: Qty(10_000_000),
            min_notional: Notional::ZERO,
            money_grid: Cash(1_000_000),
            has_fok: false,
            self_trade: SelfTrade::CancelMaker,
            min_binds_takers: true,
            price_band: None,
            funding_price: FundingPrice::Mark,
            margin: MarginSchedule::flat(Rate(20_000_000_000)),
            liquidation: LiquidationRule::ZeroPrice { max_fee: Rate(10_000_000_000) },
        },
        fees: FeeSchedule { taker: Rate::from_bps(2), maker: Rate(-50_000_000), referral: Rate(20_000_000) },
        delays: Delays { taker: 3 * MS, maker: TimeDelta::ZERO, cancel: MS },
        rate_limit: Some(RateLimit { requests: 20, window: 10 * SECOND }),
        quota: None,
        reserve: Rate(Rate::ONE / 5),
        fence: 9 * SECOND,
        fills: Fills {
            order_latency: latency(weather.order_ms),
            response_latency: latency(weather.response_ms),
            queue: Queue::Proportional,
            queue_ahead: Rate(Rate::ONE / 4),
            reject_rate: weather.failures / 2.0,
            timeout_rate: weather.failures / 2.0,
            cancel_fail_rate: weather.failures,
            outages: if weather.outage { vec![outage] } else { Vec::new() },
            ..Fills::calm()
        },
    };
    World { seed: weather.seed, venues: [venue("first"), venue("second")] }
}

/// One trader on one tape.
pub struct Bench<T: Trader> {
    pub trader: T,
    pub plan: T::Plan,
    pub keys: Vec<SignalKey>,
    pub world: World,
    pub tables: [VenueTables; 2],
    pub capital: [Cash; 2],
    pub leverage: Rate,
}

impl<T: Trader> Bench<T> {
    fn tiles(&self, rows: usize) -> Vec<Tile> {
        random_tape::tiles(&self.tables, rows)
    }

    pub fn run<D: Driver>(&self, driver: &mut D, tiles: &[Tile]) -> (RunResult, FullRecord) {
        self.run_with(driver, tiles)
    }

    fn run_with<D: Driver, R: Recorder + Default>(&self, driver: &mut D, tiles: &[Tile]) -> (RunResult, R) {
        self.run_of(self.trader.clone(), driver, tiles)
    }

    fn run_of<D: Driver, R: Recorder + Default>(&self, trader: T, driver: &mut D, tiles: &[Tile]) -> (RunResult, R) {
        let (from, to) = (random_tape::START.plus(10 * SECOND), random_tape::end(&self.tables));
        let outages = [0, 1].map(|v: usize| {
            let venue = &self.world.venues[v];
            OutageTable::orders(&venue.fills.outages, &venue.instrument.venue, self.world.seed, from, to)
        });
        let job = Job {
            plan: &self.plan,
            world: &self.world,
            outages: [&outages[0], &outages[1]],
            from,
            to,
            capital: self.capital,
            leverage: self.leverage,
            transfer: None,
            isolated: true,
            stats_interval: 120 * SECOND,
        };
        let mut engine = SignalEngine::new(&self.keys, from);
        let mut machine = RunState::new(trader, &job);
        let mut record = R::default();
        let mut last = None;
        for tile in tiles {
            let signals = engine.tile(tile);
            let index = driver.is_indexed().then(|| Index::new(&signals));
            machine.run_indexed(driver, &job, (tile, &signals, index.as_ref()), &mut record);
            // a checkpoint at every edge
            let bytes = postcard::to_allocvec(&machine).expect("a machine is written");
            machine = postcard::from_bytes(&bytes).expect("and read");
            if tile.start < to {
                last = Some((tile, signals));
            }
        }
        let (tile, signals) = last.expect("a tile");
        let result = machine.finish(&job, tile, &signals, &mut record);
        (result, record)
    }

    /// Runs scan over the whole tape, then everything else, and compares. Returns the reference's record.
    pub fn agrees(&self, rows: usize) -> (RunResult, FullRecord) {
        let whole = self.tiles(usize::MAX);
        let (want, record) = self.run(&mut Scan::checked(), &whole);
        assert!(want.books_agree, "belief differs from truth at the end");
        assert_eq!(want.late_arrivals, 0);
        let cut = self.tiles(rows);
        let runs = [
            ("walk", self.run(&mut walk(), &whole)),
            ("walk, cut", self.run(&mut walk(), &cut)),
            ("leap", self.run(&mut leap(), &whole)),
            ("leap, cut", self.run(&mut leap(), &cut)),
            ("scan, cut", self.run(&mut Scan::new(), &cut)),
        ];
        for (name, (result, other)) in runs {
            assert_eq!(other.entries, record.entries, "{name}");
            let transitions = |record: &FullRecord| format!("{:#?}", record.transitions);
            assert_eq!(transitions(&other), transitions(&record), "{name}");
            assert_eq!(other.trades, record.trades, "{name}");
            assert_eq!(other.legging, record.legging, "{name}");
            assert_eq!(other.equity, record.equity, "{name}");
            assert_eq!(RunResult { steps: want.steps, ..result }, want, "{name}");
        }
        // what a sweep does: nothing is written down, and the trader is called at the same moments, the ends of halts too
        for tiles in [&whole, &cut, &random_tape::minute_tiles(&self.tables)] {
            let (result, NoRecord) = self.run_with(&mut leap(), tiles);
            assert_eq!(RunResult { steps: want.steps, ..result.clone() }, want, "leap, unrecorded");
            assert_eq!(result, self.run(&mut leap(), tiles).0, "leap, recorded or not");
        }
        // numbers of orders that were left out before are in no hash
        let mut later = self.trader.clone();
        later.resume(random_tape::START, 1_000);
        let (result, NoRecord) = self.run_of(later, &mut leap(), &whole);
        assert_eq!(result.hash, want.hash, "numbers from a thousand on");
        (want, record)
    }
}

pub fn dip(beats: &[Beat], weather: &Weather, level: i64, limits: Limits) -> Bench<Dip> {
    let volatility = SignalKey::Volatility { bars: 4, bar_length: BAR };
    let sigma = SignalKey::Sigma { window: 8, bar_length: BAR, max_age: 3 * SECOND };
    let mut set = SignalSet::default();
    let (volatility, sigma) = (set.id(volatility), set.id(sigma));
    let plan = DipPlan {
        level: Price(level * TICK),
        trail: Rate::from_bps(10),
        hold: 90 * SECOND,
        cool: 5 * SECOND,
        timeout: 2 * SECOND,
        max_age: 5 * SECOND,
        qty: Qty(1_000_000_000),
        tick: Price(TICK),
        band: BandRule { id: sigma, bar_length: BAR, k: Some(0.5), min_unlock_bp: 0.0 },
        volatility,
        limits,
    };
    Bench {
        trader: Dip::default(),
        plan,
        keys: set.keys().to_vec(),
        world: world(weather),
        tables: random_tape::tables(beats),
        capital: [Cash::units(30), Cash::units(30)],
        leverage: Rate(5 * Rate::ONE),
    }
}

/// The shipped strategy with thresholds at which it trades on such tapes.
pub fn composite(beats: &[Beat], weather: &Weather, settings: &[&str]) -> Bench<Composite> {
    let file =
        ConfigFile::parse("example.yml", include_str!("../../../../configs/example.yml")).expect("the example loads");
    let base = [
        "capital.lighter=300",
        "capital.grvt=300",
        "bar_sec=5",
        "base_qty=1",
        "thresholds.trend_strength.ema_fast=1",
        "thresholds.trend_strength.ema_slow=2",
        "thresholds.trend_strength.min_diff=0",
        "thresholds.vol_band.vmin=0",
        "thresholds.vol_band.vmax=1000",
        "thresholds.vol_bars=2",
        "thresholds.min_conditions=1",
        "locking.g_pct=0.0005",
        "locking.epsilon_bp=20",
        "locking.band_window_bars=6",
        "risk.stop_loss_first_leg=0.003",
    ];
    let overrides: Vec<_> =
        base.iter().chain(settings).map(|text| file.set(text).unwrap_or_else(|e| panic!("{text}: {e}"))).collect();
    let config = file.with(&overrides).unwrap_or_else(|e| panic!("{e}"));
    let world = world(weather);
    let mut set = SignalSet::default();
    let mut plan = Plan::bind(&config, Arc::new(world.clone()), FundingKinds { predicted: true }, &mut set);
    let capital = [Cash::units(300), Cash::units(300)];
    plan.capital = (capital[0] + capital[1]).into();
    Bench {
        trader: Composite::default(),
        plan,
        keys: set.keys().to_vec(),
        world,
        tables: random_tape::tables(beats),
        capital,
        leverage: config.strategy.leverage,
    }
}

fn limits() -> impl Strategy<Value = Limits> {
    let limit =
        || prop_oneof![2 => Just(None), 1 => Just(Some(Rate::from_bps(2))), 1 => Just(Some(Rate::from_bps(30)))];
    (limit(), limit()).prop_map(|(drawdown, daily_loss)| Limits { drawdown, daily_loss })
}

pub fn settings() -> impl Strategy<Value = Vec<&'static str>> {
    const CHOICES: &[&[&str]] = &[
        &["entry.style=taker", "entry.style=maker", "entry.mode=pair", "entry.style=maker_then_taker"],
        &["locking.style=taker", "locking.style=maker_then_taker"],
        &["locking.batches=3", "locking.on_lock_failure=keep", "locking.on_lock_failure=retry"],
        &["locking.arm=level", "locking.arm=inside"],
        &["direction=long", "direction=short", "direction=both"],
        &["exit.trail_pct=0.001", "exit.take_profit_pct=0.001", "exit.rebound_pct=0.001"],
        &["locking.t_max_sec=60", "exit.max_sec=20", "entry.first_max_sec=15"],
        &["risk.max_drawdown_pct=0.02", "risk.max_daily_loss_pct=0.02", "risk.max_drawdown_pct=null"],
        &["risk.liq_buffer_pct=0.15", "risk.funding_guard_apr=0.1", "risk.guard_action=reduce"],
        &["thresholds.min_conditions=2", "thresholds.no_entry_before_funding_sec=100"],
        &["thresholds.funding_basis=short_minus_long", "thresholds.funding_spread_bps=0"],
    ];
    let one = |choices: &'static [&'static str]| prop::option::of(prop::sample::select(choices));
    CHOICES.iter().map(|choices| one(choices)).collect::<Vec<_>>().prop_map(|all| all.into_iter().flatten().collect())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_second_strategy_runs_the_same_everywhere(
        beats in random_tape::beats(60..300),
        weather in weather(),
        level in 9_950i64..10_010,
        limits in limits(),
        rows in 1usize..60,
    ) {
        dip(&beats, &weather, level, limits).agrees(rows);
    }

    #[test]
    fn the_shipped_strategy_runs_the_same_everywhere(
        beats in random_tape::beats(60..300),
        weather in weather(),
        settings in settings(),
        rows in 1usize..60,
    ) {
        composite(&beats, &weather, &settings).agrees(rows);
    }
}

/// The random runs above are worth something: over a fixed set of them every reason occurs and money moves on every line
/// that these worlds know.
#[test]
fn random_runs_reach_every_corner() {
    use perpx_core::ledger::Line;
    use proptest::strategy::ValueTree;
    use proptest::test_runner::TestRunner;
    let mut runner = TestRunner::deterministic();
    let tape = (random_tape::beats(60..300), weather(), 9_950i64..10_010, limits(), settings());
    let mut dips = vec![0; Dip::REASONS.len()];
    let mut shipped = vec![0; Composite::REASONS.len()];
    let mut visited = vec![0; Composite::STATES.len()];
    let (mut lines, mut maker, mut steps) = ([0u32; Line::ALL.len()], 0, [0u64; 2]);
    for _ in 0..300 {
        let (beats, weather, level, limits, settings) = tape.new_tree(&mut runner).expect("a tape").current();
        let one = dip(&beats, &weather, level, limits);
        let (result, record) = one.run(&mut walk(), &one.tiles(40));
        steps[0] += result.steps;
        steps[1] += one.run(&mut Scan::new(), &one.tiles(40)).0.steps;
        record.transitions.iter().for_each(|row| dips[usize::from(row.transition.reason)] += 1);
        for trade in &record.trades {
            Line::ALL.iter().for_each(|&line| lines[line as usize] += u32::from(trade.line(line) != 0.0));
        }
        maker += u32::from(result.metrics.get("maker_share_pct").is_some_and(|share| share > 0.0));
        let one = composite(&beats, &weather, &settings);
        let (_, record) = one.run(&mut walk(), &one.tiles(40));
        record.transitions.iter().for_each(|row| {
            shipped[usize::from(row.transition.reason)] += 1;
            visited[usize::from(row.transition.to)] += 1;
        });
    }
    let names = |names: &[&str], counts: &[u32]| {
        names.iter().zip(counts).map(|(name, n)| format!("{name} {n}")).collect::<Vec<_>>().join(", ")
    };
    println!("second: {}", names(Dip::REASONS, &dips));
    println!("shipped: {}", names(Composite::REASONS, &shipped));
    println!("visited {visited:?}, lines {lines:?}, maker runs {maker}, steps {steps:?}");
    // no order of a simulated venue lives after it was said to be unknown
    let reached = |(name, n): (&&str, &u32)| *n > 0 || *name == "stray";
    assert!(Dip::REASONS.iter().zip(&dips).all(reached), "{}", names(Dip::REASONS, &dips));
    assert!(visited.iter().all(|&n| n > 10), "{visited:?}");
    assert!(steps[0] * 2 < steps[1], "walk sleeps");
}
