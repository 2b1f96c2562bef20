//! Runs that are moved together come to the same bytes as each by itself.

use crate::composite::WARM_S;
use crate::random::{self, Dice, START};
use perpx_core::config::{Config, Sizing};
use perpx_core::replay::{Index, Job, RunResult, RunState, Share, SharedCounts, leap};
use perpx_core::signals::{SignalEngine, SignalSet, TileSignals};
use perpx_core::sim::OutageTable;
use perpx_core::stats::{AtomPlan, Atoms, NoRecord};
use perpx_core::strategy::{FundingKinds, Plan};
use perpx_core::tape::Tile;
use perpx_core::trader::Composite;
use perpx_core::units::{Cash, SECOND, Time};
use rayon::prelude::*;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// Keys of the strategy, each with values that lie near each other.
const AXES: &[(&str, &[&str])] = &[
    ("thresholds.trend_strength.min_diff", &["0.00001", "0.00003", "0.00006", "0.0001"]),
    ("locking.g_pct", &["0.0002", "0.0005", "0.001", "0.0015"]),
    ("locking.band_sigma", &["0.3", "0.5", "0.8", "1.5"]),
    ("thresholds.min_target_return", &["-0.002", "-0.0005", "0.0003"]),
    ("thresholds.min_conditions", &["1", "2", "3"]),
    ("thresholds.cooldown_sec", &["0", "7", "20"]),
    ("thresholds.vol_band.vmax", &["0.2", "1", "1000"]),
    ("thresholds.funding_spread_bps", &["-1", "0.5", "1"]),
    ("thresholds.no_entry_before_funding_sec", &["0", "30"]),
    ("entry.retry_sec", &["0", "5", "9"]),
    ("entry.passive_timeout_ms", &["300", "2000"]),
    ("entry.first_max_sec", &["5", "30", "90"]),
    ("locking.band_window_bars", &["3", "5", "12"]),
    ("locking.t_max_sec", &["10", "60", "400"]),
    ("locking.epsilon_bp", &["0", "2", "10"]),
    ("locking.passive_timeout_ms", &["200", "1000", "5000"]),
    ("locking.batches", &["1", "2", "3"]),
    ("locking.retry_ms", &["0", "250", "2000"]),
    ("locking.max_retries", &["0", "1", "3"]),
    ("locking.min_lock_return", &["-0.001", "0.0005"]),
    ("locking.on_lock_failure", &["rollback", "retry", "keep"]),
    ("locking.arm", &["inside", "level"]),
    ("locking.min_lock_sec", &["0", "10", "40"]),
    ("locking.min_unlock_bp", &["0", "1.5"]),
    ("locking.on_ub", &["close_short", "close_long", "close_both"]),
    ("locking.on_lb", &["close_long", "close_short", "hold"]),
    ("locking.on_timeout", &["keep_cheaper", "close_both"]),
    ("unlock.style", &["taker", "maker_then_taker"]),
    ("exit.style", &["taker", "maker_then_taker"]),
    ("exit.take_profit_pct", &["0.0007", "0.002", "0.006"]),
    ("exit.stop_loss_pct", &["0.0005", "0.004"]),
    ("exit.rebound_pct", &["0.0004", "0.002"]),
    ("exit.trail_pct", &["0.0004", "0.001"]),
    ("exit.max_sec", &["20", "60", "120"]),
    ("exit.defer_for_funding_sec", &["0", "300"]),
    ("risk.stop_loss_first_leg", &["0.0008", "0.004"]),
    ("risk.net_delta_max_ratio", &["0.01", "0.1"]),
    ("risk.funding_guard_apr", &["0.05", "0.3"]),
    ("risk.guard_action", &["cut", "close_both", "reduce"]),
    ("risk.max_quote_age_ms", &["900", "3000"]),
    ("risk.liq_buffer_pct", &["0.005", "0.02"]),
    ("risk.on_leg_lost", &["flatten", "keep"]),
    ("risk.max_drawdown_pct", &["0.002", "0.01"]),
    ("risk.max_daily_loss_pct", &["0.001", "0.003"]),
    ("risk.max_consecutive_failures", &["1", "3"]),
    ("execution.venue_timeout_ms", &["700", "5000"]),
    ("execution.query_after_ms", &["200", "1000"]),
    ("execution.max_hedges", &["0", "1"]),
    ("execution.urgent_slip_bp", &["5", "50"]),
];

/// What makes what a run has summed up decide something, for some of the seeds.
fn short_of(seed: u64) -> &'static [&'static str] {
    match seed % 8 {
        1 => &["base_qty=0.01", "leverage=10", "capital.lighter=100.6", "capital.grvt=100.6"],
        2 => &["risk.max_drawdown_pct=0.0005"],
        3 => &["risk.max_daily_loss_pct=0.0003"],
        4 => &["exchanges.lighter.rate_limit.requests=6", "exchanges.grvt.rate_limit.requests=6"],
        _ => &[],
    }
}

/// The points of three axes, one of them in its turn, that share a world and an account.
fn grid(seed: u64) -> Vec<Config> {
    let mut dice = Dice::new(seed ^ 0x5a5e);
    let turn = seed as usize % AXES.len();
    let others = [dice.int(0, 3) as usize, dice.int(0, AXES.len() as i64) as usize];
    let mut axes = vec![turn];
    others.into_iter().for_each(|axis| axes.extend((!axes.contains(&axis)).then_some(axis)));
    let fixed = ["sizing=fixed", "risk.isolated_margin=true"].iter().chain(short_of(seed));
    let mut points: Vec<Vec<String>> = vec![fixed.map(|text| (*text).to_owned()).collect()];
    for axis in axes {
        let (key, values) = AXES[axis];
        let with = |point: &Vec<String>, value: &&str| [&point[..], &[format!("{key}={value}")]].concat();
        points = points.iter().flat_map(|point| values.iter().map(move |value| with(point, value))).collect();
    }
    let configs = points.iter().map(|point| {
        let fixed: Vec<&str> = point.iter().map(String::as_str).collect();
        random::config_with(seed, &fixed)
    });
    let mut configs: Vec<Config> = configs.collect();
    let first = configs[0].clone();
    // a point that is not legal was drawn anew
    configs.retain(|config| {
        config.world == first.world
            && config.account.capital == first.account.capital
            && config.strategy.leverage == first.strategy.leverage
            && config.account.transfer.is_none()
            && config.strategy.sizing == Sizing::Fixed
    });
    configs
}

/// What a run comes to.
type End = (RunResult, Option<Atoms>);

struct Case {
    seed: u64,
    plans: Vec<Plan>,
    keys: SignalSet,
    outages: [OutageTable; 2],
    capital: [Cash; 2],
    first: Config,
    from: Time,
    to: Time,
}

impl Case {
    fn new(seed: u64, seconds: i64) -> Option<Case> {
        let configs = grid(seed);
        let first = configs.first()?.clone();
        let (from, to) = (START.plus(WARM_S * SECOND), START.plus(seconds * SECOND));
        let world = Arc::new(first.world.clone());
        let mut keys = SignalSet::default();
        let kinds = FundingKinds { predicted: seed.is_multiple_of(2) };
        let plans = configs.iter().map(|config| Plan::bind(config, world.clone(), kinds, &mut keys)).collect();
        let outages = [0, 1]
            .map(|v: u64| OutageTable::orders(&random::outages(2 * seed + v, from, to), "a venue", seed, from, to));
        let capital = first.account.capital.map(|cash| cash.expect("set by the draw"));
        Some(Case { seed, plans, keys, outages, capital, first, from, to })
    }

    fn job<'a>(&'a self, plan: &'a Plan) -> Job<'a, Composite> {
        Job {
            plan,
            world: &self.plans[0].world,
            outages: [&self.outages[0], &self.outages[1]],
            from: self.from,
            to: self.to,
            capital: self.capital,
            leverage: self.first.strategy.leverage,
            transfer: None,
            isolated: self.first.strategy.risk.isolated_margin,
            stats_interval: 60 * SECOND,
        }
    }

    fn begin(&self) -> Vec<RunState<Composite>> {
        let intervals = (self.to.since(self.from) / (60 * SECOND)) as u32;
        let atoms = AtomPlan::new(intervals.max(24), 0, 10).filter(|_| self.seed.is_multiple_of(3));
        let run = |plan| {
            let mut run = RunState::new(Composite::default(), &self.job(plan));
            atoms.into_iter().for_each(|atoms| run.keep_atoms(atoms));
            run
        };
        self.plans.iter().map(run).collect()
    }

    /// Moves all runs from tile to tile; `None`: together.
    fn ends(&self, tiles: &[Tile], mut share: Option<&mut Share>) -> Vec<End> {
        let mut engine = SignalEngine::new(self.keys.keys(), self.from);
        let mut runs = self.begin();
        let mut last: Option<(&Tile, TileSignals)> = None;
        for tile in tiles {
            let signals = engine.tile(tile);
            let index = Index::new(&signals);
            let shared = (tile, &signals, Some(&index));
            match &mut share {
                Some(share) => {
                    let mut all: Vec<_> = runs.iter_mut().collect();
                    let jobs: Vec<_> = self.plans.iter().map(|plan| self.job(plan)).collect();
                    assert!(share.run_tile(&mut all, &jobs, shared, &AtomicBool::new(false)));
                }
                None => {
                    for (run, plan) in runs.iter_mut().zip(&self.plans) {
                        run.run_indexed(&mut leap(), &self.job(plan), shared, &mut NoRecord);
                    }
                }
            }
            last = Some((tile, signals));
        }
        let (tile, signals) = last.expect("a tile");
        let finish = |(mut run, plan): (RunState<Composite>, &Plan)| {
            let result = run.finish(&self.job(plan), tile, &signals, &mut NoRecord);
            (RunResult { steps: 0, ..result }, run.atoms().cloned())
        };
        runs.into_iter().zip(&self.plans).map(finish).collect()
    }
}

/// One grid: each run by itself, then all together, over tiles of a drawn length.
fn holds(seed: u64) -> SharedCounts {
    let seconds = WARM_S + 120 + (seed % 7) as i64 * 90;
    let Some(case) = Case::new(seed, seconds) else { return SharedCounts::default() };
    if !Share::takes(&case.job(&case.plans[0])) {
        return SharedCounts::default();
    }
    let tables = random::tables(seed, seconds);
    let mut dice = Dice::new(seed ^ 0x7113);
    let rows = [1, 17, 64, 101, 300, 0, 0, 0][dice.int(0, 8) as usize];
    let tiles = random::tiles(&tables, case.to, rows);
    let want = case.ends(&tiles, None);
    let mut share = Share::new(case.plans.iter());
    if !seed.is_multiple_of(4) {
        share = share.tireless();
    }
    let got = case.ends(&tiles, Some(&mut share));
    for (n, (want, got)) in want.iter().zip(&got).enumerate() {
        let axis = AXES[seed as usize % AXES.len()].0;
        assert!(want == got, "seed {seed}, run {n}, tiles of {rows}: {axis}\n{want:#?}\n{got:#?}");
    }
    share.counts()
}

/// `PERPX_SEEDS`: another range of seeds.
#[test]
fn runs_that_are_moved_together_are_each_itself() {
    let seeds = crate::composite::seeds(200);
    let all: Vec<SharedCounts> = seeds.into_par_iter().map(holds).collect();
    let sum = |of: fn(&SharedCounts) -> u64| all.iter().map(of).sum::<u64>();
    let (looked, joined) = (sum(|c| c.looked), sum(|c| c.joined));
    let (lived, of_runs, taken_back) = (sum(|c| c.lived), sum(|c| c.of_runs), sum(|c| c.taken_back));
    println!("{looked} looked, {joined} joined, {lived} lived for {of_runs}, {taken_back} taken back");
    assert!(of_runs > 2 * lived && taken_back > 0, "little was shared, or nothing ran short");
}
