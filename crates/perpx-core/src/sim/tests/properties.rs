//! Properties on random tapes and random orders.

use super::market::*;
use crate::config::{Burst, Latency, Outage, OutageWhat, OutageWhen, Queue, VenueWorld};
use crate::ledger::VenueBook;
use crate::market::*;
use crate::sim::chance::{Dice, Key, Kind};
use crate::sim::{Env, OutageTable, SimVenue, VenueIndex};
use crate::tape::rows::*;
use crate::tape::{Carry, Tile, align};
use crate::units::*;
use proptest::prelude::*;

/// Numbers for a test, by counter.
struct Random(Dice, i64);

impl Random {
    fn new(seed: u64) -> Random {
        Random(Dice::new(seed, "a test"), 0)
    }

    /// 0 .. n - 1
    fn below(&mut self, n: i64) -> i64 {
        self.1 += 1;
        let bits = self.0.bits(Kind::Reject, Key { at: Time(self.1), ordinal: 0 }, 0);
        (bits % n as u64) as i64
    }

    fn side(&mut self) -> Side {
        if self.below(2) == 0 { Side::Buy } else { Side::Sell }
    }
}

const END: i64 = 3_000;

/// A walk of a small book with trades, snapshots, marks, settlements, equal times and holes.
fn tape(seed: u64, with_depth: bool) -> VenueTables {
    let r = &mut Random::new(seed);
    let mut t = VenueTables::default();
    let (mut now, mut bid) = (0, 1_000);
    while now < END {
        now += match r.below(40) {
            0 => 120, // longer than the books of `wild` may be old
            n => n % 4,
        };
        match r.below(10) {
            0..4 => {
                bid += r.below(5) - 2;
                t.quotes.push(quote(now, bid, r.below(6), bid + 1 + r.below(3), r.below(6)));
            }
            4..8 => {
                let mut row = trade(now, r.side(), bid + r.below(7) - 3, 1 + r.below(4));
                row.consumed_book = r.below(6) > 0;
                t.trades.push(row);
            }
            8 if with_depth => {
                let side = |first: i64, step: i64, r: &mut Random| -> Vec<(i64, i64)> {
                    (0..3).map(|n| (first + step * n, 1 + r.below(5))).collect()
                };
                let (bids, asks) = (side(bid, -1, r), side(bid + 1 + r.below(2), 1, r));
                t.depth.push(depth(now, &bids, &asks));
            }
            _ => t.marks.push(mark(now, bid + r.below(60) - 30, bid)),
        }
    }
    t.funding = (1..6).map(|n| settlement(n * 500, (r.below(9) - 4) * 1_000_000_000)).collect();
    t
}

/// Everything can happen.
fn wild(seed: u64) -> VenueWorld {
    let r = &mut Random::new(seed ^ 0xabcd);
    let mut w = world();
    let latency = |r: &mut Random| match r.below(4) {
        0 => Latency::Constant(r.below(3) * 7 * MS),
        1 => Latency::Recorded,
        _ => Latency::Lognormal { median: 10 * MS, sigma: 0.8 },
    };
    w.fills.order_latency = latency(r);
    w.fills.response_latency = latency(r);
    w.fills.burst = Burst { slope: r.below(2) as f64, calm_rows: 20 };
    w.fills.queue =
        [Queue::RiskAverse, Queue::Proportional, Queue::Power { n: 2.0 }, Queue::TradesOnly][r.below(4) as usize];
    w.fills.assume_qty = (r.below(2) == 0).then(|| qty(2));
    w.fills.reject_rate = 0.05;
    w.fills.timeout_rate = 0.15;
    w.fills.cancel_fail_rate = 0.1;
    w.fills.max_book_age = 100 * MS;
    let when = OutageWhen::Fixed { from: ms(1_000), to: ms(1_150) };
    let what = [OutageWhat::Orders, OutageWhat::Refuse, OutageWhat::Halt][r.below(3) as usize];
    w.fills.outages = vec![Outage { when, what }];
    w.instrument.self_trade = [SelfTrade::CancelMaker, SelfTrade::CancelTaker][r.below(2) as usize];
    let free_every = 30 * MS;
    w.quota =
        (r.below(2) == 0).then(|| VolumeQuota { start: 9, cap: 20, value_per_unit: px(1).of(qty(2_000)), free_every });
    w.rate_limit = Some(RateLimit { requests: 8, window: 200 * MS });
    w.delays = Delays { taker: 3 * MS, maker: TimeDelta::ZERO, cancel: MS };
    w.fees = FeeSchedule { taker: Rate::from_bps(2), maker: Rate::from_bps(-1), ..Default::default() };
    if r.below(2) == 0 {
        w.instrument.liquidation = LiquidationRule::ZeroPrice { max_fee: Rate::from_bps(100) };
    }
    w
}

/// Commands by decision time, in ms.
fn commands(seed: u64, role: Role, count: u32) -> Vec<(i64, Command)> {
    let r = &mut Random::new(seed ^ 0x5555);
    let mut out = Vec::new();
    let mut now = 0;
    for id in 1..=count {
        now += r.below(2 * END / i64::from(count));
        let kind = [OrderKind::PostOnly, OrderKind::Limit, OrderKind::Ioc, OrderKind::Fok, OrderKind::Market]
            [r.below(5) as usize];
        let side = if r.below(4) > 0 { role.opening() } else { role.closing() };
        let mut new = order(role, id, side, kind, 1 + r.below(8), 1_000 + r.below(17) - 8);
        new.reduce_only = new.side == role.closing() && r.below(2) == 0;
        out.push((now, Command::Place(new)));
        let other = OrderId(id - r.below(3).min(i64::from(id) - 1) as u32);
        match r.below(5) {
            4 => {
                let (qty, limit) = (qty(1 + r.below(8)), px(1_000 + r.below(17) - 8));
                out.push((now + r.below(40), Command::Modify { venue: role, id: other, qty, limit }));
            }
            0 => out.push((now, Command::Query { venue: role, id: other })),
            1 => out.push((now + r.below(40), Command::Cancel { venue: role, id: other })),
            _ => {}
        }
    }
    out.sort_by_key(|command| command.0);
    out
}

struct Case {
    role: Role,
    world: VenueWorld,
    seed: u64,
    leverage: i64,
    /// Checkpoint and reload at each tile edge.
    reload: bool,
}

impl Case {
    fn new(seed: u64) -> Case {
        let role = Role::BOTH[(seed % 2) as usize];
        Case { role, world: wild(seed), seed, leverage: 40, reload: false }
    }

    fn ledger(&self) -> VenueBook {
        let grid = self.world.instrument.money_grid;
        VenueBook::new(self.role, grid, Rate(self.leverage * Rate::ONE), true, Cash::units(10_000))
    }

    /// Plays the commands over tiles of these lengths (ms, repeated); returns all events and the venue at the end.
    fn play(
        &self,
        tables: &VenueTables,
        commands: &[(i64, Command)],
        tiles: &[i64],
        every: bool,
    ) -> (Vec<Event>, SimVenue) {
        let outages = OutageTable::orders(&self.world.fills.outages, "test", self.seed, ms(0), ms(END));
        let mut venue = SimVenue::new(self.role, self.ledger());
        let (mut events, mut carry, mut start, mut next) = (Vec::new(), Carry::first([true; 2]), 0, 0);
        let mut same_time = 0;
        for n in 0.. {
            let end = (start + tiles[n % tiles.len()]).min(END);
            let tile = self.tile(tables, start, end, &mut carry);
            let (rows, index) = (&tile.venues[self.role.ix()], VenueIndex::default());
            let index = (!every && tiles.len() % 2 == 1).then_some(&index);
            let dice = Dice::new(self.seed, &self.world.instrument.venue);
            let env = Env { rows, world: &self.world, dice, outages: &outages, index };
            if self.reload {
                let bytes = postcard::to_allocvec(&venue).expect("a venue can be written");
                venue = postcard::from_bytes(&bytes).expect("and read");
            }
            venue.enter_tile(&env);
            let mut go = |venue: &mut SimVenue, until: Time| {
                let foreseen = venue.foresee(until, &env);
                let reported = events.len();
                while if every { venue.advance_every_row(until, &env) } else { venue.advance(until, &env) } {
                    events.extend(std::iter::from_fn(|| venue.pop(until)));
                }
                events.extend(std::iter::from_fn(|| venue.pop(until)));
                assert_eq!(events.get(reported).map_or(Time::MAX, |event| event.at), foreseen);
                let stats = venue.stats();
                assert_eq!(stats.sent_qty, stats.filled_qty + stats.dead_qty + venue.open_qty());
            };
            while next < commands.len() && commands[next].0 < end {
                let (at, command) = commands[next];
                same_time = if next > 0 && commands[next - 1].0 == at { same_time + 1 } else { 0 };
                go(&mut venue, ms(at));
                venue.submit(ms(at), same_time, command, &env);
                next += 1;
            }
            let last = Time(ms(end).0 - 1);
            go(&mut venue, last);
            if end == END {
                events.extend(venue.finish(last, &env));
                return (events, venue);
            }
            start = end;
        }
        unreachable!("the last tile ends the play")
    }

    fn tile(&self, tables: &VenueTables, start: i64, end: i64, carry: &mut Carry) -> Tile {
        let empty = VenueTables::default();
        let both = if self.role == Role::Long { [tables, &empty] } else { [&empty, tables] };
        align(both, ms(start), ms(end), carry)
    }
}

/// What a trader would have booked.
fn believed(case: &Case, events: &[Event]) -> VenueBook {
    let mut book = case.ledger();
    events.iter().for_each(|event| {
        book.apply(&event.body);
    });
    book
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

    /// Lazy = every row, for any tile length, with checkpoints or without; answers in order; belief = truth at the end.
    #[test]
    fn both_ways_and_all_tilings_agree(seed in 0u64..1_000_000, tiles in prop::collection::vec(1i64..900, 1..4)) {
        let mut case = Case::new(seed);
        let (tables, commands) = (tape(seed, seed % 3 > 0), commands(seed, case.role, 60));
        let (events, venue) = case.play(&tables, &commands, &[END], false);
        case.reload = true;
        for (tiles, every) in [(&tiles[..], false), (&[END], true), (&tiles[..], true)] {
            let (others, other) = case.play(&tables, &commands, tiles, every);
            let differs = events.iter().zip(&others).find(|(a, b)| a != b);
            prop_assert_eq!(differs, None);
            prop_assert_eq!(events.len(), others.len());
            prop_assert_eq!(venue.truth(), other.truth());
            prop_assert_eq!(venue.stats(), other.stats());
        }
        prop_assert!(events.windows(2).all(|pair| pair[0].at <= pair[1].at));
        prop_assert_eq!(&believed(&case, &events), venue.truth());
        prop_assert_eq!((venue.truth().leg.qty, venue.open_qty(), venue.stats().late_arrivals), (Qty::ZERO, 0, 0));
    }

    /// Rows after a moment change nothing that happened up to it.
    #[test]
    fn no_foresight(seed in 0u64..1_000_000, cut in 200i64..2_800) {
        let case = Case::new(seed);
        let commands = commands(seed, case.role, 60);
        let (tables, mut other) = (tape(seed, true), tape(seed ^ 0x1234_5678, true));
        other.quotes.retain(|row| row.exch > ms(cut));
        other.trades.retain(|row| row.exch > ms(cut));
        other.depth.retain(|row| row.exch > ms(cut));
        other.marks.retain(|row| row.exch > ms(cut));
        let mut mixed = tables.clone();
        mixed.quotes.retain(|row| row.exch <= ms(cut));
        mixed.trades.retain(|row| row.exch <= ms(cut));
        mixed.depth.retain(|row| row.exch <= ms(cut));
        mixed.marks.retain(|row| row.exch <= ms(cut));
        mixed.quotes.extend(other.quotes);
        mixed.trades.extend(other.trades);
        mixed.depth.extend(other.depth);
        mixed.marks.extend(other.marks);
        let past = |tables: &VenueTables| -> Vec<Event> {
            let (events, _) = case.play(tables, &commands, &[END], false);
            // finish() tells what is on its way at the end of the data: compare by when it happened
            events.into_iter().filter(|e| e.venue_time <= ms(cut)).map(|e| Event { at: Time(0), ..e }).collect()
        };
        prop_assert_eq!(past(&tables), past(&mixed));
    }

    /// One passive order: a longer queue never fills more, nor does a harsher model; a higher reject rate neither.
    #[test]
    fn dominance_of_queues_and_rejects(seed in 0u64..1_000_000) {
        let mut case = Case::new(seed);
        case.world = world();
        case.leverage = 1; // a leg that is never taken
        let tables = tape(seed, seed % 3 > 0);
        let r = &mut Random::new(seed);
        let new = order(case.role, 1, case.role.opening(), OrderKind::PostOnly, 6, 1_000 + r.below(9) - 4);
        let commands = [(r.below(2_000), Command::Place(new))];
        let mut filled = |queue: Queue, ahead: i64, rejects: f64| {
            case.world.fills.queue = queue;
            case.world.fills.queue_ahead = Rate(ahead * Rate::ONE / 4);
            case.world.fills.reject_rate = rejects;
            case.play(&tables, &commands, &[END], false).1.stats().filled_qty
        };
        for queue in [Queue::RiskAverse, Queue::Proportional, Queue::TradesOnly] {
            let by_queue: Vec<i128> = [0, 1, 2, 4, 8].map(|ahead| filled(queue, ahead, 0.0)).to_vec();
            prop_assert!(by_queue.windows(2).all(|pair| pair[0] >= pair[1]), "{:?} {:?}", queue, by_queue);
        }
        prop_assert!(filled(Queue::Proportional, 4, 0.0) >= filled(Queue::RiskAverse, 4, 0.0));
        prop_assert!(filled(Queue::RiskAverse, 4, 0.0) >= filled(Queue::TradesOnly, 4, 0.0));
        let by_rejects: Vec<i128> = [0.0, 0.3, 0.6, 1.0].map(|p| filled(Queue::RiskAverse, 4, p)).to_vec();
        prop_assert!(by_rejects.windows(2).all(|pair| pair[0] >= pair[1]), "{:?}", by_rejects);
    }

    /// A dearer fee never leaves more cash, all else equal.
    #[test]
    fn dominance_of_fees(seed in 0u64..1_000_000) {
        let mut case = Case::new(seed);
        let (tables, commands) = (tape(seed, true), commands(seed, case.role, 40));
        let mut cash = |taker: i64, maker: i64| {
            case.world.fees.taker = Rate::from_bps(taker);
            case.world.fees.maker = Rate::from_bps(maker);
            case.play(&tables, &commands, &[END], false).1.truth().cash
        };
        let (cheap, dear_taker, dear) = (cash(0, -2), cash(5, -2), cash(5, 3));
        prop_assert!(cheap >= dear_taker && dear_taker >= dear);
    }

    /// On a tape that rises, a later buy never pays less, nor gets more within its limit.
    #[test]
    fn dominance_of_latency(seed in 0u64..1_000_000) {
        let mut case = Case::new(seed);
        case.role = Role::Long;
        case.world = world();
        let r = &mut Random::new(seed);
        let mut ask = 1_000;
        let mut tables = VenueTables::default();
        for t in 0..300 {
            ask += r.below(2);
            tables.quotes.push(quote(t * 10, ask - 1, 5, ask, 5));
        }
        let new = order(Role::Long, 1, Side::Buy, OrderKind::Ioc, 9, 1_100);
        let commands = [(100, Command::Place(new))];
        let mut before = Price(0);
        let mut had = i128::MAX;
        for latency in [0, 1, 20, 200, 2_000] {
            case.world.fills.order_latency = Latency::Constant(latency * MS);
            let (events, venue) = case.play(&tables, &commands, &[END], false);
            let first = events.iter().find_map(|event| match event.body {
                EventBody::Fill { id: OrderId(1), px, .. } => Some(px),
                _ => None,
            });
            prop_assert!(first.is_none_or(|px| px >= before) && venue.stats().filled_qty <= had);
            before = first.unwrap_or(before);
            had = venue.stats().filled_qty;
        }
    }
}

/// The random tapes do reach every corner: otherwise the properties above say little.
#[test]
fn the_random_tapes_reach_every_corner() {
    let mut sum = crate::sim::SimStats::default();
    for seed in 0..300 {
        let case = Case::new(seed);
        let (_, venue) = case.play(&tape(seed, true), &commands(seed, case.role, 60), &[END], false);
        let s = venue.stats();
        sum.fills_maker += s.fills_maker;
        sum.fills_taker += s.fills_taker;
        sum.timeouts_lost += s.timeouts_lost;
        sum.timeouts_reached += s.timeouts_reached;
        sum.vanished += s.vanished;
        sum.filled_after_gap += s.filled_after_gap;
        sum.cancels_lost += s.cancels_lost;
        sum.cancels_failed += s.cancels_failed;
        sum.liquidations += s.liquidations;
        sum.settlements += s.settlements;
        sum.self_trades += s.self_trades;
        (0..Reject::COUNT).for_each(|n| sum.rejects[n] += s.rejects[n]);
    }
    let seen = [
        sum.fills_maker,
        sum.fills_taker,
        sum.timeouts_lost,
        sum.timeouts_reached,
        sum.vanished,
        sum.filled_after_gap,
        sum.cancels_lost,
        sum.cancels_failed,
        sum.liquidations,
        sum.settlements,
        sum.rejected(Reject::PostOnlyCross),
        sum.rejected(Reject::ReduceOnly),
        sum.rejected(Reject::RateLimit),
        sum.rejected(Reject::Drawn),
        sum.rejected(Reject::Unavailable),
        sum.rejected(Reject::SelfTrade),
        sum.self_trades,
    ];
    assert!(seen.iter().all(|&n| n >= 10), "{sum:?}");
}
