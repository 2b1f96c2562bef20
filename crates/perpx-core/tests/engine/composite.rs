//! What holds for the whole trader on random tapes with random configurations of every key.

use crate::random::{self, START};
use crate::recording::{Histogram, RecordingSearch, WATCHES};
use perpx_core::audit::{Terms, entries};
use perpx_core::config::{Config, Outage};
use perpx_core::ledger::{Line, Lines};
use perpx_core::market::{EventBody, Reject, Role};
use perpx_core::port::Trader;
use perpx_core::replay::{Driver, Index, Job, Leap, RunResult, RunState, Scan, Seek, walk};
use perpx_core::signals::{SignalEngine, SignalSet, TileSignals};
use perpx_core::sim::OutageTable;
use perpx_core::stats::{Ending, FullRecord, Recorder};
use perpx_core::strategy::{FundingKinds, Plan};
use perpx_core::tape::Tile;
use perpx_core::tape::rows::{FundingKind, VenueTables};
use perpx_core::trader::Composite;
use perpx_core::units::{Cash, Mid, MidValue, NS, Qty, SECOND, Time};
use rayon::prelude::*;
use std::sync::Arc;

pub(crate) const WARM_S: i64 = 400;

pub(crate) struct Case {
    seed: u64,
    config: Config,
    plan: Plan,
    keys: SignalSet,
    outages: [OutageTable; 2],
    from: Time,
    to: Time,
}

/// What a run leaves.
struct Run {
    result: RunResult,
    record: FullRecord,
    machine: RunState<Composite>,
    /// Orders that were open at a tile edge.
    alive: u64,
}

impl Case {
    fn new(seed: u64, seconds: i64) -> Case {
        let (from, to) = (START.plus(WARM_S * SECOND), START.plus(seconds * SECOND));
        let outages = [0, 1].map(|v: u64| random::outages(2 * seed + v, from, to));
        Case::of(seed, random::config(seed), outages, to)
    }

    /// Over the tape of a seed.
    pub(crate) fn of(seed: u64, config: Config, outages: [Vec<Outage>; 2], to: Time) -> Case {
        let mut keys = SignalSet::default();
        let world = Arc::new(config.world.clone());
        let mut plan = Plan::bind(&config, world, FundingKinds { predicted: seed.is_multiple_of(2) }, &mut keys);
        plan.capital = capital(&config).into_iter().sum::<Cash>().into();
        let from = START.plus(WARM_S * SECOND);
        let outages = outages.map(|all| OutageTable::orders(&all, "a venue", seed, from, to));
        Case { seed, config, plan, keys, outages, from, to }
    }

    fn job(&self) -> Job<'_, Composite> {
        let s = &self.config.strategy;
        Job {
            plan: &self.plan,
            world: &self.plan.world,
            outages: [&self.outages[0], &self.outages[1]],
            from: self.from,
            to: self.to,
            capital: capital(&self.config),
            leverage: s.leverage,
            transfer: self.config.account.transfer,
            isolated: s.risk.isolated_margin,
            stats_interval: 60 * SECOND,
        }
    }

    /// One run, followed by a recorder.
    pub(crate) fn follow<R: Recorder>(&self, tiles: &[Tile], recorder: &mut R) -> RunState<Composite> {
        let job = self.job();
        let mut engine = SignalEngine::new(self.keys.keys(), self.from);
        let mut machine = RunState::new(Composite::default(), &job);
        for tile in tiles {
            let signals = engine.tile(tile);
            machine.run_tile(&mut walk(), &job, tile, &signals, recorder);
        }
        machine
    }

    fn run<D: Driver + Send>(&self, driver: &mut D, tiles: &[Tile]) -> Run {
        self.run_all(std::slice::from_mut(driver), tiles).pop().expect("a run")
    }

    /// Runs of the same case side by side, each on a thread of its own if there are several: they share every index.
    fn run_all<D: Driver + Send>(&self, drivers: &mut [D], tiles: &[Tile]) -> Vec<Run> {
        let job = self.job();
        let mut engine = SignalEngine::new(self.keys.keys(), self.from);
        let fresh = |_: &D| (RunState::new(Composite::default(), &job), FullRecord::default(), 0);
        let mut runs: Vec<_> = drivers.iter().map(fresh).collect();
        let mut last: Option<(&Tile, TileSignals)> = None;
        let mut parts = Vec::new();
        for tile in tiles {
            let signals = engine.tile(tile);
            let index = drivers[0].is_indexed().then(|| Index::new(&signals));
            // every second case builds ahead what the tile before asked for
            if let Some(index) = index.as_ref().filter(|_| self.seed.is_multiple_of(2)) {
                parts.iter().for_each(|&part| index.build(part, (tile, &signals)));
            }
            let with = (tile, &signals, index.as_ref());
            let step = |(driver, (machine, record, alive)): (&mut D, &mut (RunState<Composite>, FullRecord, u64))| {
                machine.run_indexed(driver, &job, with, record);
                *alive += machine.sims().iter().filter(|sim| sim.open_qty() > 0).count() as u64;
            };
            let both = drivers.iter_mut().zip(&mut runs);
            if both.len() == 1 {
                both.for_each(step);
            } else {
                std::thread::scope(|scope| both.for_each(|one| drop(scope.spawn(move || step(one)))));
            }
            parts = index.map(|index| index.built()).unwrap_or_default();
            last = Some((tile, signals));
        }
        let (tile, signals) = last.expect("a tile");
        let finish = |(mut machine, mut record, alive): (RunState<Composite>, FullRecord, u64)| {
            let result = machine.finish(&job, tile, &signals, &mut record);
            Run { result, record, machine, alive }
        };
        runs.into_iter().map(finish).collect()
    }

    fn context(&self, what: &str) -> String {
        format!("seed {}: {what}\n{}", self.seed, random::settings(self.seed).join("\n"))
    }

    /// Two runs are one to the last byte.
    fn same(&self, what: &str, want: &Run, got: &Run) {
        let transitions = |run: &Run| run.record.transitions.iter().map(|t| (t.at, t.transition)).collect::<Vec<_>>();
        assert!(transitions(want) == transitions(got), "{}", self.context(&format!("{what}: transitions differ")));
        assert!(want.record.entries == got.record.entries, "{}", self.context(&format!("{what}: entries differ")));
        assert!(want.record.equity == got.record.equity, "{}", self.context(&format!("{what}: equity samples differ")));
        assert!(want.record.legging == got.record.legging, "{}", self.context(&format!("{what}: legging differs")));
        assert!(want.result.hash == got.result.hash, "{}", self.context(&format!("{what}: hashes differ")));
        assert!(want.result.metrics == got.result.metrics, "{}", self.context(&format!("{what}: metrics differ")));
        assert_eq!(got.result.late_arrivals, 0, "{}", self.context(what));
        assert!(got.result.books_agree, "{}", self.context(&format!("{what}: belief is not truth at the end")));
    }
}

fn capital(config: &Config) -> [Cash; 2] {
    config.account.capital.map(|cash| cash.expect("set by the draw"))
}

/// One case: scan over the whole tape, then walk and leap over tiles of a drawn length (from one row), leap with a drawn
/// look-ahead on a drawn number of threads. All must leave the same bytes; money adds up; orders are conserved.
fn holds(seed: u64) -> Histogram {
    let seconds = WARM_S + 120 + (seed % 7) as i64 * 90;
    let case = Case::new(seed, seconds);
    let tables = random::tables(seed, seconds);
    let whole = random::tiles(&tables, case.to, 0);
    let want = case.run(&mut Scan::checked(), &whole);
    assert!(want.result.books_agree, "{}", case.context("belief is not truth at the end of scan"));
    let (counted, written) = (want.result.metrics.get("legging_episodes"), want.record.legging.len() as f64);
    assert_eq!(counted, Some(written), "{}", case.context("legging is not all written down"));
    let mut dice = random::Dice::new(seed ^ 0x7113);
    let rows = [1, 2, 3, 17, 64, 101, 300, 0][dice.int(0, 8) as usize];
    let cut = random::tiles(&tables, case.to, rows);
    let look = || RecordingSearch {
        search: Leap::looking([0, 1, 7, 48, 1_000][seed as usize % 5]),
        ..RecordingSearch::default()
    };
    // threads are dear where tiles are short
    let threads = if cut.len() < 60 { dice.int(1, 4) } else { 1 };
    let mut leaps: Vec<_> = (0..threads).map(|_| Seek::new(look())).collect();
    case.same(&format!("walk, tiles of {rows}"), &want, &case.run(&mut walk(), &cut));
    let leapt = case.run_all(&mut leaps, &cut);
    leapt.iter().for_each(|run| case.same(&format!("leap, tiles of {rows}, {threads} threads"), &want, run));
    if seed.is_multiple_of(4) {
        case.same("leap, one tile", &want, &case.run(&mut Seek::new(Leap::default()), &whole));
    }
    let initial: MidValue = capital(&case.config).into_iter().sum::<Cash>().into();
    let belief = want.machine.belief();
    let open = episodes(&case, &want, &whole[0]);
    audited(&case, &want, &tables);
    let money = belief.lines.total() == belief.equity([Mid::ZERO; 2]) - initial;
    assert!(money, "{}", case.context("the lines do not add up"));
    assert!(belief.is_flat(), "{}", case.context("something is open after the end"));
    let mut seen = leaps[0].search().seen.clone();
    seen.add("orders alive across a tile edge", leapt[0].alive);
    seen.add(OPEN_AT_END, open);
    note(&case, &want, &mut seen);
    seen
}

/// The auditor, who shares no code with ledger, fees and venues, adds the entries up to the same cash.
fn audited(case: &Case, run: &Run, tables: &[VenueTables; 2]) {
    let terms = Role::BOTH.map(|role| {
        let world = &case.plan.world.venues[role.ix()];
        Terms {
            capital: capital(&case.config)[role.ix()],
            grid: world.instrument.money_grid,
            maker: world.fees.rate(true),
            taker: world.fees.rate(false),
        }
    });
    let settled = tables.each_ref().map(|table| {
        let rows = table.funding.iter().filter(|row| row.kind == FundingKind::Settled);
        rows.map(|row| (row.ts, row.rate)).collect::<Vec<_>>()
    });
    let events = run.record.entries.iter().map(|entry| entry.event);
    let added = entries(terms, events, [&settled[0], &settled[1]], (case.from, case.to));
    let cash = added.unwrap_or_else(|what| panic!("{}", case.context(&format!("the auditor: {what}"))));
    let books = &run.machine.belief().books;
    assert_eq!(cash, [books[0].cash, books[1].cash], "{}", case.context("the auditor adds up to another balance"));
}

/// The episodes of legging hold all that the legging line moved by, trade by trade, and the worst of each is found again
/// by looking at its ticks one by one. One that is open at the end and was of one size is valued at the last tick: how far
/// the mid went, and the drift of the fills that began it. Counts those.
fn episodes(case: &Case, run: &Run, tile: &Tile) -> u64 {
    let (record, lines) = (&run.record, &run.machine.belief().lines);
    let legging = |lines: &Lines| Role::BOTH.iter().map(|&role| lines.get(role, Line::Legging)).sum::<MidValue>();
    let money = record.money(lines);
    for part in &money {
        let rows = record.legging.iter().filter(|row| row.trade == part.trade);
        let amount: MidValue = rows.map(|row| row.amount).sum();
        assert_eq!(amount, legging(&part.lines), "{}", case.context(&format!("the legging of trade {}", part.trade)));
        let entered = record.entries.iter().any(|entry| entry.trade == part.trade);
        assert!(entered || part.lines == Lines::default(), "{}", case.context("money without an entry"));
    }
    let time: &[i64] = &tile.local.time;
    let last = time.partition_point(|&at| at <= case.to.0) - 1;
    let mut open = 0;
    for row in &record.legging {
        let worst = |rows: std::ops::Range<usize>| {
            let quotes = rows.map(|at| tile.local.bbo(at, row.role)).filter(|bbo| bbo.is_quoted());
            let away = |mid: Mid| (row.mid - mid).of(row.role.opening().signed(Qty(1)));
            quotes.map(|bbo| away(bbo.mid())).fold(MidValue::ZERO, MidValue::max)
        };
        let begun = |from: Time| time[1..].partition_point(|&at| at < from.0) + 1;
        let found = (row.mid - row.worst_mid).of(row.role.opening().signed(Qty(1)));
        // what comes before and after an answer of the same time as a tick is for the order of moments to say
        let (inside, around) = (begun(row.from.plus(NS))..begun(row.to), begun(row.from)..begun(row.to.plus(NS)));
        let inside = inside.start..inside.end.max(inside.start);
        assert!((worst(inside)..=worst(around)).contains(&found), "{}", case.context(&format!("the worst of {row:?}")));
        assert!(
            row.worst <= row.amount.min(MidValue::ZERO),
            "{}",
            case.context(&format!("a worst better than the end: {row:?}"))
        );
        let most = i128::from(row.peak.0) * i128::from(row.lasted().0);
        assert!(
            row.peak.0 > 0 && (0..=most).contains(&row.qty_ns),
            "{}",
            case.context(&format!("too much of {row:?}"))
        );
        if row.ending == Ending::OpenAtEnd && row.qty_ns == most {
            let moved = tile.local.bbo(last, row.role).mid_or_none() - row.mid;
            let fills = record.entries.iter().filter(|entry| entry.event.at == row.from);
            let drifts = fills.filter_map(|entry| match entry.event.body {
                EventBody::Fill { side, qty, .. } => Some((entry.mid - entry.met()).of(side.signed(qty))),
                _ => None,
            });
            let value = moved.of(row.role.opening().signed(row.peak)) + drifts.sum::<MidValue>();
            assert_eq!(row.amount, value, "{}", case.context(&format!("at the end {row:?}")));
            open += u64::from(moved != Mid::ZERO);
        }
    }
    open
}

/// Counts what happened in a run.
fn note(case: &Case, run: &Run, seen: &mut Histogram) {
    seen.add("cases", 1);
    for step in &run.record.transitions {
        let t = step.transition;
        let (name, reason) = (|s: u8| Composite::STATES[s as usize].name, Composite::REASONS[t.reason as usize]);
        seen.add(format!("by {reason}"), 1);
        seen.add(format!("{} -> {} {reason}", name(t.from), name(t.to)), 1);
    }
    let moved = run.record.entries.iter().filter(|e| matches!(e.event.body, EventBody::Transferred { .. })).count();
    seen.add("transfers", moved as u64);
    for (name, &n) in Composite::COUNTERS.iter().zip(run.machine.trader().counters()) {
        seen.add(format!("count {name}"), n.min(1_000_000));
    }
    for sim in run.machine.sims() {
        let s = sim.stats();
        assert_eq!(s.sent_qty, s.filled_qty + s.dead_qty + sim.open_qty(), "{}", case.context("orders are lost"));
        let rejects = REJECTS.iter().map(|&(what, reason)| (what, s.rejected(reason)));
        let others = [
            ("order filled as maker", s.fills_maker),
            ("order filled as taker", s.fills_taker),
            ("order timed out, lost", s.timeouts_lost),
            ("order timed out, reached", s.timeouts_reached),
            ("order met an outage", s.vanished),
            ("order filled after a gap", s.filled_after_gap),
            ("cancel lost the race", s.cancels_lost),
            ("cancel failed", s.cancels_failed),
            ("liquidations", s.liquidations),
            ("settlements", s.settlements),
        ];
        others.into_iter().chain(rejects).for_each(|(what, n)| seen.add(what, u64::from(n)));
    }
}

const REJECTS: &[(&str, Reject)] = &[
    ("order refused, post-only", Reject::PostOnlyCross),
    ("order refused, no margin", Reject::NoMargin),
    ("order refused, reduce-only", Reject::ReduceOnly),
    ("order refused, rate limit", Reject::RateLimit),
    ("order refused, drawn", Reject::Drawn),
];

/// Everything that must have happened often enough for the cases to mean something.
fn buckets() -> Vec<String> {
    const OTHERS: &[&str] = &[
        "order filled as maker",
        "order filled as taker",
        "order timed out, lost",
        "order timed out, reached",
        "order met an outage",
        "order filled after a gap",
        "cancel lost the race",
        "cancel failed",
        "liquidations",
        "settlements",
        "transfers",
        "orders alive across a tile edge",
    ];
    let reasons = Composite::REASONS.iter().map(|reason| format!("by {reason}"));
    // dust cannot come about here, all fills being whole lots; nor does an order of a simulated venue live after its fence
    let never = ["dust", "strays", "orders_revived"];
    let counters = Composite::COUNTERS.iter().filter(|name| !never.contains(name)).map(|name| format!("count {name}"));
    let others = OTHERS.iter().chain(WATCHES).copied().chain(REJECTS.iter().map(|&(what, _)| what));
    reasons.chain(counters).chain(others.map(String::from)).collect()
}

/// Legging that the end of the data cut off after its mid had moved.
const OPEN_AT_END: &str = "legging valued at the end";

/// Of each bucket, over the default cases.
const LEAST: u64 = 20;

/// Case numbers: 3,000 by default; `PERPX_SEEDS=5` one case, `5..90` a range, `5..` without end.
pub(crate) fn seeds(default: u64) -> std::ops::Range<u64> {
    let Ok(text) = std::env::var("PERPX_SEEDS") else { return 0..default };
    let number = |text: &str| text.parse::<u64>().expect("PERPX_SEEDS=N, N.. or N..M");
    match text.split_once("..") {
        None => number(&text)..number(&text) + 1,
        Some((from, "")) => number(from)..u64::MAX,
        Some((from, to)) => number(from)..number(to),
    }
}

/// scan = walk = leap, for random tapes and configurations of every key; and everything happens often enough.
#[test]
fn drivers_agree_and_the_books_balance() {
    let range = seeds(3_000);
    if range.end - range.start == 1 {
        let lacking = random::Feature::ALL.iter().filter(|feature| !feature.is_on(range.start));
        println!("seed {} lacks {:?}", range.start, lacking.collect::<Vec<_>>());
        println!("{}", random::settings(range.start).join("\n"));
    }
    let (mut seen, mut next) = (Histogram::default(), range.start);
    while next < range.end {
        let end = range.end.min(next + 1_000);
        let some = (next..end).into_par_iter().map(holds).reduce(Histogram::default, Histogram::join);
        seen = seen.join(some);
        next = end;
        println!("seeds {}..{next} hold\n{seen}", range.start);
    }
    if std::env::var_os("PERPX_SEEDS").is_none() {
        let wanted = buckets();
        let mut thin = seen.thin(wanted.iter().map(String::as_str), LEAST);
        // a run seldom ends between a fill and its answer
        thin.extend(seen.thin([OPEN_AT_END].into_iter(), 5));
        assert!(thin.is_empty(), "these happened too seldom: {thin:#?}");
    }
}

/// Belief equals truth whenever nothing is in flight: after every entry of a venue that has nothing more to tell.
#[test]
fn belief_is_truth_when_nothing_is_in_flight() {
    let mut checked = 0;
    for seed in 0..60u64 {
        let seconds = WARM_S + 300;
        let case = Case::new(seed, seconds);
        let tables = random::tables(seed, seconds);
        // tiles of a few rows: the machine can be looked at between them
        let tiles = random::tiles(&tables, case.to, 5);
        let job = case.job();
        let mut engine = SignalEngine::new(case.keys.keys(), case.from);
        let mut machine = RunState::new(Composite::default(), &job);
        for tile in &tiles {
            let signals = engine.tile(tile);
            machine.run_tile(&mut walk(), &job, tile, &signals, &mut perpx_core::stats::NoRecord);
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
