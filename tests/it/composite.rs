//! What holds for the whole trader on random tapes with random configurations of every key.

use crate::random::{self, START};
use perpx::config::Config;
use perpx::market::EventBody;
use perpx::market::Role;
use perpx::replay::{Driver, EntryRow, FullRecord, Index, Job, Machine, RunResult, Scan, leap, walk};
use perpx::signals::{SignalEngine, SignalSet, TileSignals};
use perpx::sim::OutageTable;
use perpx::strategy::{FundingKinds, Plan};
use perpx::tape::Tile;
use perpx::trader::{Composite, Trader};
use perpx::units::{Cash, SECOND_NS, Time};
use std::collections::BTreeMap;
use std::sync::Arc;

const WARM_S: i64 = 400;

struct Case {
    config: Config,
    plan: Plan,
    keys: SignalSet,
    from: Time,
    to: Time,
}

impl Case {
    fn new(seed: u64, seconds: i64) -> Case {
        let config = random::config(seed);
        let mut keys = SignalSet::default();
        let world = Arc::new(config.world.clone());
        let mut plan = Plan::bind(&config, world, FundingKinds { predicted: seed.is_multiple_of(2) }, &mut keys);
        plan.capital2 = 2 * capital(&config).into_iter().sum::<Cash>().as_notional().0;
        Case { config, plan, keys, from: START.plus(WARM_S * SECOND_NS), to: START.plus(seconds * SECOND_NS) }
    }

    fn run<D: Driver>(&self, driver: &mut D, tiles: &[Tile]) -> (RunResult, FullRecord, Machine<Composite>) {
        let none = OutageTable::default();
        let s = &self.config.strategy;
        let job = Job {
            plan: &self.plan,
            world: &self.plan.world,
            outages: [&none, &none],
            from: self.from,
            to: self.to,
            capital: capital(&self.config),
            leverage: s.leverage,
            transfer: self.config.account.transfer,
            isolated: s.risk.isolated_margin,
            stats_interval_ns: 60 * SECOND_NS,
        };
        let mut engine = SignalEngine::new(self.keys.keys(), self.from);
        let mut machine = Machine::new(Composite::default(), &job);
        let mut record = FullRecord::default();
        let mut last: Option<(&Tile, TileSignals)> = None;
        for tile in tiles {
            let signals = engine.tile(tile);
            let index = driver.is_indexed().then(|| Index::new(&signals));
            machine.run_indexed(driver, &job, (tile, &signals, index.as_ref()), &mut record);
            last = Some((tile, signals));
        }
        let (tile, signals) = last.expect("a tile");
        let result = machine.finish(&job, tile, &signals, &mut record);
        (result, record, machine)
    }
}

fn capital(config: &Config) -> [Cash; 2] {
    config.account.capital.map(|cash| cash.expect("set by the draw"))
}

/// Case numbers: a few hundred by default, `PERPX_SEEDS=from..to` for the long mode.
fn seeds(default: u64) -> std::ops::Range<u64> {
    let Ok(text) = std::env::var("PERPX_SEEDS") else { return 0..default };
    let (from, to) = text.split_once("..").expect("PERPX_SEEDS=from..to");
    from.parse().expect("a number")..to.parse().expect("a number")
}

/// scan = walk, at any tile length; belief = truth; money adds up; orders are conserved; and everything happens at all.
#[test]
fn drivers_agree_and_the_books_balance() {
    let mut seen: BTreeMap<String, u32> = BTreeMap::new();
    for seed in seeds(300) {
        let seconds = WARM_S + 200 + (seed % 7) as i64 * 120;
        let case = Case::new(seed, seconds);
        let tables = random::tables(seed, seconds);
        let whole = random::tiles(&tables, case.to, 0);
        let (scan, scan_record, machine) = case.run(&mut Scan::checked(), &whole);
        let rows = [1, 3, 17, 101, 0][(seed % 5) as usize];
        let cut = random::tiles(&tables, case.to, rows);
        let (walked, walk_record, _) = case.run(&mut walk(), &cut);
        let (leapt, leap_record, _) = case.run(&mut leap(), &cut);
        let settings = || random::settings(seed).join("\n");
        let same =
            |what: &str, same: bool| assert!(same, "seed {seed}, tiles of {rows}: {what} differ\n{}", settings());
        same(
            "transitions",
            scan_record
                .transitions
                .iter()
                .map(|t| (t.at, t.transition))
                .eq(walk_record.transitions.iter().map(|t| (t.at, t.transition))),
        );
        same("entries", scan_record.entries == walk_record.entries);
        same("equity samples", scan_record.equity == walk_record.equity);
        same("hashes", scan.hash == walked.hash);
        same("metrics", scan.metrics == walked.metrics);
        same(
            "leap",
            leapt.hash == scan.hash && leapt.metrics == scan.metrics && leap_record.entries == scan_record.entries,
        );
        assert!(scan.books_agree && walked.books_agree, "seed {seed}: belief is not truth at the end\n{}", settings());
        assert_eq!(scan.late_arrivals + walked.late_arrivals, 0, "seed {seed}");
        let initial = 2 * capital(&case.config).into_iter().sum::<Cash>().as_notional().0;
        let belief = machine.belief();
        assert_eq!(belief.lines.total2(), belief.equity2([0; 2]) - initial, "seed {seed}: the lines do not add up");
        assert!(belief.is_flat(), "seed {seed}: something is open after the end");
        for sim in machine.sims() {
            let stats = sim.stats();
            assert_eq!(
                stats.sent_qty,
                stats.filled_qty + stats.dead_qty + sim.open_qty(),
                "seed {seed}: orders are lost"
            );
        }
        for step in &scan_record.transitions {
            let t = step.transition;
            let name = |s: u8| Composite::STATES[s as usize].name;
            let key = format!("{} -> {} {}", name(t.from), name(t.to), Composite::REASONS[t.reason as usize]);
            *seen.entry(key).or_default() += 1;
        }
        let moved = |e: &&EntryRow| matches!(e.event.body, EventBody::Transferred { .. });
        *seen.entry("transfers".into()).or_default() += scan_record.entries.iter().filter(moved).count() as u32;
        for (name, n) in Composite::COUNTERS.iter().zip(machine.trader().counters()) {
            *seen.entry(format!("count {name}")).or_default() += u32::try_from(*n).unwrap_or(u32::MAX).min(1_000_000);
        }
    }
    let table: Vec<String> = seen.iter().map(|(what, n)| format!("{n:8} {what}")).collect();
    println!("{}", table.join("\n"));
    if std::env::var_os("PERPX_SEEDS").is_none() {
        // dust cannot come about here: all fills are whole lots
        let never = seen.iter().filter(|(what, n)| **n == 0 && what.as_str() != "count dust");
        let never: Vec<_> = never.map(|(what, _)| what.as_str()).collect();
        assert!(never.is_empty(), "these never happened: {never:?}");
        for reason in Composite::REASONS {
            assert!(seen.keys().any(|key| key.ends_with(&format!(" {reason}"))), "no transition by '{reason}'");
        }
    }
}

/// Belief equals truth whenever nothing is in flight: after every entry of a venue that has nothing more to tell.
#[test]
fn belief_is_truth_when_nothing_is_in_flight() {
    let mut checked = 0;
    for seed in seeds(60) {
        let seconds = WARM_S + 300;
        let case = Case::new(seed, seconds);
        let tables = random::tables(seed, seconds);
        // tiles of a few rows: the machine can be looked at between them
        let tiles = random::tiles(&tables, case.to, 5);
        let none = OutageTable::default();
        let s = &case.config.strategy;
        let job = Job {
            plan: &case.plan,
            world: &case.plan.world,
            outages: [&none, &none],
            from: case.from,
            to: case.to,
            capital: capital(&case.config),
            leverage: s.leverage,
            transfer: case.config.account.transfer,
            isolated: s.risk.isolated_margin,
            stats_interval_ns: 60 * SECOND_NS,
        };
        let mut engine = SignalEngine::new(case.keys.keys(), case.from);
        let mut machine = Machine::new(Composite::default(), &job);
        for tile in &tiles {
            let signals = engine.tile(tile);
            machine.run_tile(&mut walk(), &job, tile, &signals, &mut perpx::replay::NoRecord);
            for role in Role::BOTH {
                let sim = &machine.sims()[role.ix()];
                if sim.is_settled() {
                    assert_eq!(sim.truth(), &machine.belief().books[role.ix()], "seed {seed}, {role:?}");
                    checked += 1;
                }
            }
        }
    }
    assert!(checked > 1000, "only {checked} moments were quiet");
}
