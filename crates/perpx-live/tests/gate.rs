//! The gate in simulation: between the trader and simulated venues, over random tapes and random configurations of every key.

#[path = "../../perpx-core/tests/engine/random.rs"]
#[allow(dead_code, reason = "made for the engine's tests")]
mod random;

use perpx_core::config::{Config, Num};
use perpx_core::ledger::VenueBook;
use perpx_core::market::{Class, Command, Event, EventBody, NewOrder, Reject, Role};
use perpx_core::port::{Mandate, Trader};
use perpx_core::replay::{Index, Job, LedgerHash, Paced, RowsSeen, RunState, Scan, Simulated, TimeSource, VenuePort};
use perpx_core::signals::{SignalEngine, SignalSet};
use perpx_core::sim::{OrderTrace, OutageTable};
use perpx_core::stats::NoRecord;
use perpx_core::strategy::{FundingKinds, Plan};
use perpx_core::tape::Tile;
use perpx_core::trader::Composite;
use perpx_core::units::{Cash, Mid, Price, Qty, SECOND, Time};
use perpx_live::limits::gate::{Around, Gate, Quote, Sight, Venues, Verdict};
use perpx_live::limits::keys::{Key, Limits, ROWS, Stricter};
use std::collections::VecDeque;
use std::sync::Arc;

/// Signals are warm after so long.
const WARM_SECONDS: i64 = 400;
const TAPE_SECONDS: i64 = 700;

/// Simulated venues behind a gate.
struct Gated {
    inner: Simulated,
    gate: Gate,
    books: [VenueBook; 2],
    refused: VecDeque<Event>,
    /// Everything that passed, as it did, and what was held then.
    passed: Vec<(Time, NewOrder, Class)>,
    /// Closes whose price was cut: as asked, as they left.
    amended: Vec<[NewOrder; 2]>,
    refusals: u64,
    closes_refused: u64,
}

impl Gated {
    fn told(&mut self, event: &Event) {
        self.gate.hear(event);
        if event.body.is_entry() {
            self.books[event.venue.ix()].apply(&event.body);
        }
    }
}

impl VenuePort for Gated {
    const IS_REPLAYED: bool = true;
    type Surroundings<'p> = (<Simulated as VenuePort>::Surroundings<'p>, &'p Tile);

    fn surroundings<'p, T: Trader>(
        job: &'p Job<'_, T>,
        tile: &'p Tile,
        index: Option<&'p Index>,
        rows_seen: RowsSeen,
    ) -> Self::Surroundings<'p> {
        (Simulated::surroundings(job, tile, index, rows_seen), tile)
    }

    fn begin(&mut self, around: &Self::Surroundings<'_>, follows: bool) {
        self.inner.begin(&around.0, follows);
    }

    fn end(&mut self, around: &mut Self::Surroundings<'_>, until: Time) {
        self.inner.end(&mut around.0, until);
    }

    fn submit(&mut self, (around, tile): &mut Self::Surroundings<'_>, now: Time, ordinal: u32, command: Command) {
        let local = &tile.local;
        let row = local.time.partition_point(|&time| time <= now.0).max(1) - 1;
        let quote = |role: Role| Quote {
            bbo: local.bbo(row, role),
            mark: local.mark(row).mark[role.ix()],
            seen: Time(local.seen[role.ix()][row]),
        };
        let sight = Sight {
            now,
            quotes: Role::BOTH.map(quote),
            books: &self.books,
            truth: [None; 2],
            mandate: Mandate::FULL,
            is_net_meant: true,
            there: [None; 2],
            around: Around::default(),
        };
        self.gate.look(&sight);
        let command = match self.gate.judge(&command, &sight) {
            Verdict::Pass => command,
            Verdict::Amend(order) => {
                let Command::Place(asked) = command else { panic!("{command:?} is no order") };
                self.amended.push([asked, order]);
                Command::Place(order)
            }
            Verdict::Refuse(_) => {
                self.refusals += 1;
                self.closes_refused += u64::from(command.class() == Class::Close);
                let body = EventBody::Rejected { id: command.order(), reason: Reject::Gate };
                let event = Event { at: now, venue_time: now, venue: command.venue(), body, met: Mid::ZERO };
                return self.refused.push_back(event);
            }
        };
        if let Command::Place(order) = command {
            self.passed.push((now, order, command.class()));
        }
        self.inner.submit(around, now, ordinal, command);
    }

    fn next_event(&mut self, around: &mut Self::Surroundings<'_>, limit: Time, undue: bool) -> Option<Event> {
        let own = self.refused.front().map(|event| event.at).filter(|&at| at <= limit);
        let event = match own {
            Some(at) => self.inner.next_event(&mut around.0, at, false).or_else(|| self.refused.pop_front()),
            None => self.inner.next_event(&mut around.0, limit, undue),
        }?;
        self.told(&event);
        Some(event)
    }

    fn transfer(&mut self, around: &Self::Surroundings<'_>, event: &Event) {
        self.books[event.venue.ix()].apply(&event.body);
        self.inner.transfer(&around.0, event);
    }

    fn most_free(&self, role: Role) -> Option<Cash> {
        self.inner.most_free(role)
    }

    fn take_log(&mut self) -> Vec<OrderTrace> {
        self.inner.take_log()
    }
}

/// Waits for nothing.
struct AtOnce;

impl TimeSource for AtOnce {
    fn wait(&mut self, _at: Time) -> bool {
        false
    }
}

struct Case {
    config: Config,
    plan: Plan,
    keys: SignalSet,
    tiles: Vec<Tile>,
    outages: [OutageTable; 2],
}

impl Case {
    fn new(seed: u64) -> Case {
        let tables = random::tables(seed, TAPE_SECONDS);
        let mut config = random::config(seed);
        // that a limit stays within a venue's band is no limit of the operator's
        config.world.venues.iter_mut().for_each(|venue| venue.instrument.price_band = None);
        let to = random::START.plus(TAPE_SECONDS * SECOND);
        let mut keys = SignalSet::default();
        let mut plan = Plan::bind(&config, Arc::new(config.world.clone()), FundingKinds::default(), &mut keys);
        plan.capital = capital(&config).into_iter().sum::<Cash>().into();
        let tiles = random::tiles(&tables, to, 1_000);
        let outages = [0, 1].map(|v| {
            let all = random::outages(2 * seed + v, random::START, to);
            OutageTable::orders(&all, "a venue", seed, random::START, to)
        });
        Case { config, plan, keys, tiles, outages }
    }

    fn job(&self) -> Job<'_, Composite> {
        let s = &self.config.strategy;
        Job {
            plan: &self.plan,
            world: &self.plan.world,
            outages: [&self.outages[0], &self.outages[1]],
            from: random::START.plus(WARM_SECONDS * SECOND),
            to: random::START.plus(TAPE_SECONDS * SECOND),
            capital: capital(&self.config),
            leverage: s.leverage,
            transfer: self.config.account.transfer,
            isolated: s.risk.isolated_margin,
            stats_interval: 60 * SECOND,
        }
    }

    fn plain(&self) -> LedgerHash {
        let job = self.job();
        let mut engine = SignalEngine::new(self.keys.keys(), job.from);
        let mut run = RunState::new(Composite::default(), &job);
        for tile in &self.tiles {
            let signals = engine.tile(tile);
            run.run_tile(&mut Scan::default(), &job, tile, &signals, &mut NoRecord);
        }
        run.hash()
    }

    fn gated(&self, limits: Limits) -> RunState<Composite, Gated> {
        let job = self.job();
        let mut engine = SignalEngine::new(self.keys.keys(), job.from);
        let venues = Gated {
            inner: Simulated::of(&job),
            gate: Gate::new(limits, Venues::of(job.world), [Qty::ZERO; 2]),
            books: Role::BOTH.map(|role| job.book(role)),
            refused: VecDeque::new(),
            passed: Vec::new(),
            amended: Vec::new(),
            refusals: 0,
            closes_refused: 0,
        };
        let mut run = RunState::at(venues, Composite::default(), &job);
        let mut driver = Paced::new(AtOnce);
        for tile in &self.tiles {
            let signals = engine.tile(tile);
            run.run_tile(&mut driver, &job, tile, &signals, &mut NoRecord);
        }
        run
    }
}

fn capital(config: &Config) -> [Cash; 2] {
    config.account.capital.map(|cash| cash.unwrap_or(Cash::units(2_000)))
}

/// Every key is set, and so loosely that nothing ever meets it.
fn loose() -> Limits {
    ROWS.iter().fold(Limits::default(), |limits, row| {
        let value = match (row.key, row.stricter) {
            (Key::MaxRejectRate, _) => "1",
            (Key::CollarCloseBp | Key::CollarOpenBp, _) => "10000",
            (_, Stricter::Lower) => "1000000",
            (_, Stricter::Higher) => "0",
        };
        limits.with(row.key, Some(value))
    })
}

fn seeds(default: u64) -> std::ops::Range<u64> {
    let text = std::env::var("PERPX_SEEDS").unwrap_or_default();
    let parsed = text.split_once("..").and_then(|(from, to)| Some(from.parse().ok()?..to.parse().ok()?));
    parsed.unwrap_or(0..default)
}

/// By day and by night: `PERPX_SEEDS=0..10000 cargo test --release -p perpx-live --test gate`.
#[test]
fn under_loose_limits_everything_trades_as_without_a_gate() {
    let (mut orders, mut covers, mut trading) = (0, 0, 0);
    let seeds = seeds(300);
    for seed in seeds.clone() {
        let case = Case::new(seed);
        let run = case.gated(loose());
        let venues = run.venues();
        assert_eq!(venues.refusals, 0, "seed {seed}: {:?}", venues.gate.counts());
        assert!(
            run.hash() == case.plain(),
            "seed {seed}: the gate changes what is traded: {:?}",
            venues.amended.first()
        );
        orders += venues.passed.len();
        covers += venues.passed.iter().filter(|(.., class)| *class == Class::Cover).count();
        trading += u64::from(!venues.passed.is_empty());
    }
    println!(
        "gate: {} configurations, {trading} of them trade: {orders} orders, {covers} of them cover",
        seeds.end - seeds.start
    );
    assert!(trading * 3 > seeds.end - seeds.start && covers > 0, "{trading} trade, {covers} cover");
}

/// Under tight limits what passes is within them, counted from what passed alone; closes pass, and covers are stopped by nothing but
/// what binds them.
#[test]
fn under_tight_limits_nothing_passes_that_breaks_one() {
    let mut refusals = 0;
    for seed in seeds(120) {
        let case = Case::new(seed);
        let size = case.plan.base_qty(case.tiles[0].local.bbo(1, Role::Long).ask.max(Price(1)));
        let most = Qty(size.0 / 2);
        let text = Num(i128::from(most.0) * 1_000_000_000).to_string();
        let limits = Limits::NONE
            .with(Key::MaxOpensPerMin, Some("2"))
            .with(Key::MaxOrderQty, seed.is_multiple_of(2).then_some(text.as_str()));
        let run = case.gated(limits);
        let venues = run.venues();
        assert_eq!(venues.closes_refused, 0, "seed {seed}");
        refusals += venues.refusals;
        let mut opened: Vec<Time> = Vec::new();
        for (at, order, class) in &venues.passed {
            if *class == Class::Close {
                continue;
            }
            assert!(!seed.is_multiple_of(2) || order.qty <= most, "seed {seed}: {order:?}");
            if *class == Class::Open {
                let minute = opened.iter().filter(|&&other| at.since(other) < 60 * SECOND).count();
                assert!(minute < 2, "seed {seed}: {minute} before {order:?}");
                opened.push(*at);
            }
        }
    }
    assert!(refusals > 50, "{refusals} refusals");
}
