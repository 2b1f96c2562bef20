//! The pair transaction under faults: whatever the venues do, each return to quiet finds the position in exactly one
//! intended state.
//!
//! The shipped trader runs over simulated venues that reject, stay silent (with the order lost or not), fail to cancel and
//! go down in each way, on thin books whose sizes are no whole lots, until 100,000 episodes of legging have ended
//! (`PERPX_EPISODES` for another number). Every ending must be among them but `netted`: these venues fill whole lots, and
//! what is below a venue's minimum goes by the smallest order that it takes, so that no dust waits for a next trade.

use crate::random::{self, Dice, START};
use perpx_core::config::{Config, ConfigFile, Outage, OutageWhat, OutageWhen};
use perpx_core::market::Role;
use perpx_core::port::{Actions, Extreme, Limits, Moment, StateInfo, Trader, Transition, View};
use perpx_core::replay::{Job, RunState, walk};
use perpx_core::signals::{SignalEngine, SignalSet};
use perpx_core::sim::OutageTable;
use perpx_core::stats::Ending;
use perpx_core::stats::NoRecord;
use perpx_core::strategy::{FundingKinds, Plan};
use perpx_core::tape::rows::VenueTables;
use perpx_core::tape::{Carry, Tile, align};
use perpx_core::trader::Composite;
use perpx_core::units::{Cash, NS, Qty, Rate, SECOND, Time};
use perpx_core::watch::Watches;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

const EPISODES: u64 = 100_000;
/// Of the tape, before and after the run begins.
const WARM_S: i64 = 90;
const RUN_S: i64 = 600;
/// Receive times in a tile: between two of them belief is held against truth.
const TILE_ROWS: usize = 12;
/// A run takes some thousands; one with more goes round in a circle.
const MOST_CALLS: u64 = 1_000_000;

/// The shipped trader, looked at after every call.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Watched {
    trader: Composite,
    seed: u64,
    /// Calls, and those that left it quiet.
    calls: u64,
    quiet: u64,
    /// S3: since when the legs have differed by more than the ratio allows.
    beyond: Option<Time>,
}

impl Watched {
    fn check(&mut self, plan: &Plan, view: &View<'_>) {
        let held = Role::BOTH.map(|role| view.belief.qty(role));
        let open = Role::BOTH.map(|role| held[role.ix()] >= plan.instrument(role).lot);
        let state = Composite::STATES[usize::from(self.trader.state())].name;
        let intended = match state {
            "S0" => open == [false, false],
            "S1" => open[0] != open[1],
            "S3" => open == [true, true],
            "S4" => open == [true, false],
            "S5" => open == [false, true],
            _ => false,
        };
        assert!(intended, "seed {}: quiet in {state} at {} with {held:?}", self.seed, view.now);
        let grace = plan.strategy.risk.delta_grace;
        self.beyond = (state == "S3" && exceeds(plan, view, held)).then(|| self.beyond.unwrap_or(view.now));
        let late = self.beyond.is_some_and(|since| view.now.since(since) > grace);
        assert!(!late, "seed {}: an untrimmed excess in S3 at {} with {held:?}", self.seed, view.now);
        self.quiet += 1;
    }
}

/// The net delta is beyond the ratio, and large enough for its venue to take at any price of the tape.
fn exceeds(plan: &Plan, view: &View<'_>, [long, short]: [Qty; 2]) -> bool {
    let larger = if long > short { Role::Long } else { Role::Short };
    let (excess, instrument) = (Qty((long - short).0.abs()), plan.instrument(larger));
    let cut = excess.floor_to(plan.common_lot);
    let allowed = i128::from(long.max(short).0) * i128::from(plan.strategy.risk.net_delta_max_ratio.0);
    let px = view.bbo(larger).opposite(larger.closing()).0;
    let taken = cut >= instrument.min_qty && px.of(cut).0 >= 3 * instrument.min_notional.0 && cut.0 > 0;
    taken && i128::from(excess.0) * i128::from(Rate::ONE) > allowed
}

impl Trader for Watched {
    type Plan = Plan;
    const STATES: &'static [StateInfo] = Composite::STATES;
    const REASONS: &'static [&'static str] = Composite::REASONS;
    const COUNTERS: &'static [&'static str] = Composite::COUNTERS;

    fn step(&mut self, plan: &Plan, moment: Moment, view: &View<'_>, out: &mut Actions) {
        self.calls += 1;
        assert!(self.calls < MOST_CALLS, "seed {}: it does not end, at {}", self.seed, view.now);
        self.trader.step(plan, moment, view, out);
        if let Some(Transition { from, to, .. }) = out.transition {
            assert!(from != to, "seed {}: a transition to where it was", self.seed);
        }
        if self.trader.is_quiet() {
            self.check(plan, view);
        } else {
            self.beyond = None;
        }
    }

    fn watches(&self, plan: &Plan, out: &mut Watches) {
        self.trader.watches(plan, out);
    }

    fn next_timer(&self) -> Option<Time> {
        self.trader.next_timer()
    }

    fn resume(&mut self, at: Time, forgotten: u32) {
        self.trader.resume(at, forgotten);
    }

    fn state(&self) -> u8 {
        self.trader.state()
    }

    fn extreme(&self, plan: &Plan) -> Option<Extreme> {
        self.trader.extreme(plan)
    }

    fn limits(plan: &Plan) -> Limits {
        Composite::limits(plan)
    }

    fn counters(&self) -> &[u64] {
        self.trader.counters()
    }

    fn is_hedging(&self) -> bool {
        self.trader.is_hedging()
    }

    fn is_quiet(&self) -> bool {
        self.trader.is_quiet()
    }
}

/// A trader that is always about to do something, over venues that always may fail.
fn config(seed: u64) -> Config {
    let file =
        ConfigFile::parse("example.yml", include_str!("../../../../configs/example.yml")).expect("the example loads");
    let mut d = Dice::new(seed ^ 0x1e66);
    let mut texts = random::settings(seed);
    // of one model, which is set below
    texts.retain(|text| !text.starts_with("fills.latency."));
    let mut set = |key: &str, value: String| texts.push(format!("{key}={value}"));
    let capital = d.pick(&["100000", "100000", "100000", "300"]).to_string();
    set("capital.lighter", capital.clone());
    set("capital.grvt", capital);
    set("sizing", "fixed".into());
    set("bar_sec", "1".into());
    set("thresholds.min_target_return", "-0.9".into());
    set("thresholds.min_conditions", "1".into());
    set("thresholds.cooldown_sec", "0".into());
    set("thresholds.no_entry_before_funding_sec", "0".into());
    set("entry.mode", d.pick(&["first_leg", "pair"]).into());
    set("entry.style", d.pick(&["taker", "taker", "maker_then_taker"]).into());
    set("entry.passive_timeout_ms", "300".into());
    set("entry.retry_sec", "0".into());
    set("entry.first_max_sec", d.int(2, 9).to_string());
    set("locking.g_pct", d.pick(&["0.00001", "0.0001", "0.0003"]).into());
    set("locking.t_max_sec", d.pick(&["1", "3", "10"]).into());
    set("locking.min_lock_sec", "0".into());
    set("locking.min_lock_return", "null".into());
    set("exit.max_sec", d.pick(&["1", "3"]).into());
    set("exit.defer_for_funding_sec", "0".into());
    set("execution.venue_timeout_ms", "700".into());
    set("execution.venue_probe_ms", "300".into());
    set("risk.funding_guard_apr", "null".into());
    set("risk.max_drawdown_pct", "null".into());
    set("risk.max_daily_loss_pct", "null".into());
    set("risk.max_consecutive_failures", "null".into());
    set("fills.latency.order.median_ms", d.pick(&["5", "40", "200"]).into());
    set("fills.latency.response.median_ms", d.pick(&["5", "40", "200"]).into());
    set("fills.reject_rate", d.pick(&["0", "0.05", "0.3"]).into());
    set("fills.timeout_rate", d.pick(&["0", "0.05", "0.2"]).into());
    set("fills.cancel_fail_rate", d.pick(&["0", "0.3"]).into());
    let overrides: Vec<_> = texts.iter().map(|text| file.set(text).unwrap_or_else(|e| panic!("{text}: {e}"))).collect();
    file.with(&overrides).unwrap_or_else(|e| panic!("seed {seed}: {e}"))
}

const KINDS: [OutageWhat; 6] =
    [OutageWhat::Both, OutageWhat::Orders, OutageWhat::Feed, OutageWhat::Refuse, OutageWhat::Stale, OutageWhat::Halt];

/// Outages of each kind, one after the other; a quarter of the venues have none.
fn outages(dice: &mut Dice, (from, to): (Time, Time)) -> Vec<Outage> {
    let mut out = Vec::new();
    let mut at = from;
    while dice.chance(0.75) && out.len() < 4 {
        at = at.plus(dice.int(5, 200) * SECOND);
        let end = at.plus(dice.int(1, 25) * SECOND);
        if end >= to {
            break;
        }
        let what = KINDS[dice.int(0, KINDS.len() as i64) as usize];
        out.push(Outage { when: OutageWhen::Fixed { from: at, to: end }, what });
        at = end.plus(NS);
    }
    out
}

/// What is received: nothing while the feed is gone, the quote of before while it is stale.
fn heard(table: &VenueTables, plan: &[Outage], seed: u64, (from, to): (Time, Time)) -> VenueTables {
    let gone = OutageTable::feed(plan, "a venue", seed, from, to);
    let stale = OutageTable::stale(plan, "a venue", seed, from, to);
    let mut table = table.clone();
    table.quotes.retain(|row| !gone.holds(row.recv));
    table.trades.retain(|row| !gone.holds(row.recv) && !stale.holds(row.recv));
    table.marks.retain(|row| !gone.holds(row.recv) && !stale.holds(row.recv));
    table.funding.retain(|row| !gone.holds(row.recv));
    for i in 1..table.quotes.len() {
        if stale.holds(table.quotes[i].recv) {
            table.quotes[i].bbo = table.quotes[i - 1].bbo;
        }
    }
    table
}

/// What the venues had on one side, what was received on the other.
fn tiles(full: &[VenueTables; 2], heard: &[VenueTables; 2], to: Time) -> Vec<Tile> {
    let mut times: Vec<Time> = full.iter().flat_map(|t| t.quotes.iter().map(|row| row.recv)).collect();
    times.sort_unstable();
    times.dedup();
    times.retain(|time| *time < to && *time > START.plus(WARM_S * SECOND));
    let mut cuts = vec![START];
    cuts.extend(times.into_iter().step_by(TILE_ROWS));
    cuts.push(to);
    let mut carries = [Carry::default(), Carry::default()];
    let tile = |cut: &[Time]| {
        let [venues, local] = &mut carries;
        let venues = align([&full[0], &full[1]], cut[0], cut[1], venues).venues;
        Tile { venues, ..align([&heard[0], &heard[1]], cut[0], cut[1], local) }
    };
    cuts.windows(2).map(tile).collect()
}

/// What many runs came to.
#[derive(Clone, Copy, Debug, Default)]
struct Seen {
    endings: [u64; Ending::ALL.len()],
    quiet: u64,
    truths: u64,
    rejects: u64,
    timeouts: [u64; 2],
    cancels_failed: u64,
    vanished: u64,
    part_fills: u64,
    failed: u64,
}

impl Seen {
    fn join(self, other: Seen) -> Seen {
        let mut endings = self.endings;
        endings.iter_mut().zip(other.endings).for_each(|(a, b)| *a += b);
        Seen {
            endings,
            quiet: self.quiet + other.quiet,
            truths: self.truths + other.truths,
            rejects: self.rejects + other.rejects,
            timeouts: [0, 1].map(|i: usize| self.timeouts[i] + other.timeouts[i]),
            cancels_failed: self.cancels_failed + other.cancels_failed,
            vanished: self.vanished + other.vanished,
            part_fills: self.part_fills + other.part_fills,
            failed: self.failed + other.failed,
        }
    }

    fn episodes(&self) -> u64 {
        self.endings.iter().sum()
    }
}

/// As [`run`]; a run that breaks a promise has printed so, and is counted.
fn caught(seed: u64) -> Seen {
    std::panic::catch_unwind(|| run(seed)).unwrap_or(Seen { failed: 1, ..Seen::default() })
}

fn run(seed: u64) -> Seen {
    let config = config(seed);
    let (from, to) = (START.plus(WARM_S * SECOND), START.plus((WARM_S + RUN_S) * SECOND));
    let mut dice = Dice::new(seed ^ 0x0fa1);
    let mut full = random::tables(seed, WARM_S + RUN_S);
    // sizes that are no whole lots: of each level whole lots are to be had
    if dice.chance(0.5) {
        full.iter_mut().flat_map(|table| &mut table.quotes).for_each(|row| {
            row.bbo.bid_qty.0 += 3_456;
            row.bbo.ask_qty.0 += 1_234;
        });
    }
    let plans = [0, 1].map(|_| outages(&mut dice, (from, to)));
    let orders = [0, 1].map(|v: usize| OutageTable::orders(&plans[v], "a venue", seed, from, to));
    let tiles = tiles(&full, &[0, 1].map(|v: usize| heard(&full[v], &plans[v], seed, (from, to))), to);
    let mut keys = SignalSet::default();
    let kinds = FundingKinds { predicted: false };
    let mut plan = Plan::bind(&config, Arc::new(config.world.clone()), kinds, &mut keys);
    let capital = config.account.capital.map(|cash| cash.expect("set by the draw"));
    plan.capital = capital.into_iter().sum::<Cash>().into();
    let job = Job {
        plan: &plan,
        world: &plan.world,
        outages: [&orders[0], &orders[1]],
        from,
        to,
        capital,
        leverage: config.strategy.leverage,
        transfer: None,
        isolated: config.strategy.risk.isolated_margin,
        stats_interval: 60 * SECOND,
    };
    let trader = Watched { trader: Composite::default(), seed, calls: 0, quiet: 0, beyond: None };
    let mut machine = RunState::new(trader, &job);
    let mut engine = SignalEngine::new(keys.keys(), from);
    let mut seen = Seen::default();
    let mut last = None;
    for tile in &tiles {
        let signals = engine.tile(tile);
        machine.run_tile(&mut walk(), &job, tile, &signals, &mut NoRecord);
        let settled = machine.sims().iter().all(|sim| sim.is_settled() && sim.open_qty() == 0);
        if settled && machine.trader().is_quiet() {
            for (sim, book) in machine.sims().iter().zip(&machine.belief().books) {
                assert_eq!(sim.truth(), book, "seed {seed}: quiet at {} with a belief that is not true", tile.end);
            }
            seen.truths += 1;
        }
        last = Some((tile, signals));
    }
    let (tile, signals) = last.expect("a tile");
    let result = machine.finish(&job, tile, &signals, &mut NoRecord);
    assert!(result.books_agree && machine.belief().is_flat(), "seed {seed}: something is open after the end");
    for sim in machine.sims() {
        let s = sim.stats();
        assert_eq!(s.sent_qty, s.filled_qty + s.dead_qty + sim.open_qty(), "seed {seed}: orders are lost");
        seen.rejects += s.rejects.iter().map(|&n| u64::from(n)).sum::<u64>();
        seen.timeouts[0] += u64::from(s.timeouts_lost);
        seen.timeouts[1] += u64::from(s.timeouts_reached);
        seen.cancels_failed += u64::from(s.cancels_failed);
        seen.vanished += u64::from(s.vanished);
        seen.part_fills += u64::from(s.filled_qty > 0 && s.dead_qty > 0);
    }
    seen.endings = machine.tally().legging.endings.map(u64::from);
    seen.quiet = machine.trader().quiet;
    seen
}

#[test]
fn after_any_faults_the_position_is_one_that_is_meant() {
    let wanted = std::env::var("PERPX_EPISODES").map_or(EPISODES, |n| n.parse().expect("PERPX_EPISODES=N"));
    let began = std::time::Instant::now();
    let (mut seen, mut next) = (Seen::default(), 0u64);
    while seen.episodes() < wanted && seen.failed < 100 {
        let some = (next..next + 64).into_par_iter().map(caught).reduce(Seen::default, Seen::join);
        (seen, next) = (seen.join(some), next + 64);
    }
    println!("{next} runs in {:.1} s, {} episodes", began.elapsed().as_secs_f64(), seen.episodes());
    for (name, n) in Ending::NAMES.iter().zip(seen.endings) {
        println!("{name:<13} {n:>8}");
    }
    println!("{seen:?}");
    assert_eq!(seen.failed, 0, "runs that broke a promise, printed above");
    let absent: Vec<&str> =
        Ending::NAMES.iter().zip(seen.endings).filter(|(_, n)| *n == 0).map(|(name, _)| *name).collect();
    assert_eq!(absent, ["netted"], "no episode ended so");
    assert!(seen.quiet > wanted && seen.truths > wanted / 100, "too seldom quiet: {seen:?}");
    let faults =
        [seen.rejects, seen.timeouts[0], seen.timeouts[1], seen.cancels_failed, seen.vanished, seen.part_fills];
    assert!(faults.iter().all(|&n| n > 100), "too few faults: {seen:?}");
}
