//! What the gate lets through, seen from outside.

use super::gate::{Around, Demand, Gate, Quote, Refusal, Sight, Venues, Verdict};
use super::keys::{Key, Limits};
use super::loss::LossWatch;
use crate::recovery::Lost;
use perpx_core::config::ConfigFile;
use perpx_core::ledger::VenueBook;
use perpx_core::market::{
    Bbo, Class, Command, Event, EventBody, NewOrder, OrderId, OrderKind, OrderState, Reject, Role, Side,
};
use perpx_core::port::Mandate;
use perpx_core::units::{Cash, DAY, HOUR, MINUTE, MS, Mid, Price, Qty, Rate, SECOND, Time, TimeDelta};
use perpx_venues::net::budget::OrderRoom;
use proptest::prelude::*;

const ONE: i64 = 1_000_000_000;
const START: Time = Time::of_day(20_458);

fn venues() -> Venues {
    let file = ConfigFile::parse("example.yml", include_str!("../../../../configs/example.yml")).expect("the example");
    Venues::of(&file.with(&[]).expect("a configuration").world)
}

fn books() -> [VenueBook; 2] {
    Role::BOTH.map(|role| VenueBook::new(role, Cash(1_000_000), Rate(10 * Rate::ONE), true, Cash::units(10_000)))
}

fn quote(px: i64, seen: Time) -> Quote {
    let bbo = Bbo { bid: Price(px * ONE), bid_qty: Qty(ONE), ask: Price((px + 1) * ONE), ask_qty: Qty(ONE) };
    Quote { bbo, mark: Price(px * ONE), seen }
}

fn sight<'a>(now: Time, px: [i64; 2], books: &'a [VenueBook; 2]) -> Sight<'a> {
    Sight {
        now,
        quotes: px.map(|px| quote(px, now)),
        books,
        truth: [None; 2],
        mandate: Mandate::FULL,
        is_net_meant: true,
        there: [None; 2],
        around: Around::default(),
    }
}

/// `milli`: thousandths of a coin.
fn order(id: u32, venue: Role, class: Class, milli: i64, limit: i64) -> NewOrder {
    let side = if class == Class::Close { venue.closing() } else { venue.opening() };
    let (qty, limit) = (Qty(milli * 1_000_000), Price(limit * ONE));
    let (reduce_only, covers) = (class == Class::Close, class == Class::Cover);
    NewOrder { id: OrderId(id), venue, side, qty, limit, kind: OrderKind::Ioc, reduce_only, covers }
}

fn event(at: Time, venue: Role, body: EventBody) -> Event {
    Event { at, venue_time: at, venue, body, met: Mid::ZERO }
}

fn fill(at: Time, order: &NewOrder) -> Event {
    let NewOrder { id, venue, side, qty, limit, .. } = *order;
    event(at, venue, EventBody::Fill { id, side, px: limit, qty, maker: false, fee: Cash::ZERO })
}

fn done(at: Time, order: &NewOrder) -> Event {
    event(at, order.venue, EventBody::Done { id: order.id, filled: Qty::ZERO })
}

fn refused(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Refuse(Refusal { key, .. }) => key,
        _ => "",
    }
}

/// What is otherwise at a moment.
type Change = fn(&mut Sight<'_>);

#[test]
fn each_limit_refuses_what_is_beyond_it_and_lets_closes_go() {
    let books = books();
    let at = |seconds: i64| START.plus(seconds * SECOND);
    let judged = |limits: Limits, milli: i64, limit: i64, change: Change| {
        let mut gate = Gate::new(limits, venues(), [Qty::ZERO; 2]);
        let mut now = sight(at(0), [100_000, 100_000], &books);
        gate.look(&now);
        change(&mut now);
        let close = order(2, Role::Long, Class::Close, milli, limit);
        assert_ne!(refused(gate.judge(&Command::Place(close), &now)), "may_open");
        refused(gate.judge(&Command::Place(order(1, Role::Long, Class::Open, milli, limit)), &now))
    };
    let none = |_: &mut Sight<'_>| {};
    let one = |key, value| Limits::NONE.with(key, Some(value));
    for (key, within, beyond, name) in [
        (Key::MaxOrderQty, "0.01", "0.009", "max_order_qty"),
        (Key::MaxOrderNotional, "1000.1", "999", "max_order_notional"),
        (Key::MaxPositionNotional, "1000.1", "999", "max_position_notional"),
        (Key::MaxNetNotional, "1000.1", "999", "max_net_notional"),
        (Key::CollarOpenBp, "1", "0.01", "collar_open_bp"),
        (Key::MaxOpensPerMin, "1", "0", "max_opens_per_min"),
        (Key::MaxOrdersPerMin, "2", "1", "max_orders_per_min"),
        (Key::MinFreeMargin, "0.98", "0.995", "min_free_margin"),
        (Key::MaxTradesDay, "1", "0", "max_trades_day"),
    ] {
        assert_eq!(judged(one(key, within), 10, 100_001, none), "", "{name}");
        assert_eq!(judged(one(key, beyond), 10, 100_001, none), name);
    }
    let around: [(Key, &str, Change, &str); 4] = [
        (Key::ClockDriftMs, "500", |sight| sight.around.clock_drift = Some(501 * MS), "clock_drift_ms"),
        (Key::MaxLaneMs, "1000", |sight| sight.around.lane = Some(1_001 * MS), "max_lane_ms"),
        (Key::MinDiskGib, "2", |sight| sight.around.free_disk = Some((2 << 30) - 1), "min_disk_gib"),
        (Key::StaleFeedMs, "900", |sight| sight.quotes[1].seen = sight.now.plus(-SECOND), "stale_feed_ms"),
    ];
    for (key, value, change, name) in around {
        assert_eq!(judged(one(key, value), 10, 100_001, change), name);
        assert_eq!(judged(Limits::NONE, 10, 100_001, change), "", "{name}");
    }
    assert_eq!(judged(Limits::NONE, 10, 100_001, |sight| sight.mandate.may_open = false), "may_open");
    assert_eq!(judged(Limits::NONE, 10, 110_001, none), "price_band");
}

/// An order that opens leaves 16 of 54 for cancels and closes, one that covers 5, and a close goes when nothing is left.
#[test]
fn what_a_venue_takes_is_kept_for_closes() {
    let books = books();
    let mut gate = Gate::new(Limits::NONE, venues(), [Qty(10_000_000), Qty::ZERO]);
    let mut judged = |class: Class, left: i64| {
        let mut now = sight(START, [100_000, 100_000], &books);
        now.around.room[Role::Short.ix()] = Some(OrderRoom { left, most: 54, is_over: false });
        let limit = if class == Class::Close { 100_001 } else { 100_000 };
        let order = order(1, Role::Short, class, 10, limit);
        let verdict = gate.judge(&Command::Place(order), &now);
        gate.withdraw(order.id);
        refused(verdict)
    };
    assert_eq!([17, 16].map(|left| judged(Class::Open, left)), ["", "requests"]);
    assert_eq!([6, 5].map(|left| judged(Class::Cover, left)), ["", "requests"]);
    assert_eq!([1, 0].map(|left| judged(Class::Close, left)), ["", ""]);
    assert_eq!(gate.counts()["requests"], 2);
}

/// Nothing is sent to close what its venue is confirmed not to hold, and no more than it holds.
#[test]
fn a_close_is_of_what_is_there() {
    let books = books();
    let close = order(1, Role::Short, Class::Close, 10, 100_001);
    let judged = |there: Option<i64>| {
        let mut gate = Gate::new(Limits::NONE, venues(), [Qty(10_000_000), Qty::ZERO]);
        let mut now = sight(START, [100_000, 100_000], &books);
        now.there[Role::Short.ix()] = there.map(|milli| Qty(milli * 1_000_000));
        gate.judge(&Command::Place(close), &now)
    };
    assert_eq!([None, Some(10)].map(judged), [Verdict::Pass, Verdict::Pass]);
    assert_eq!(judged(Some(4)), Verdict::Amend(NewOrder { qty: Qty(4_000_000), ..close }));
    assert_eq!(refused(judged(Some(0))), "position");
}

/// Buys of 0.01 one after the other: what is under way, in doubt or filled counts; what ended without a fill does not.
#[test]
fn a_position_counts_what_may_still_fill_of_it() {
    let (books, mut id) = (books(), 0);
    let limits = Limits::NONE.with(Key::MaxPositionNotional, Some("2001"));
    let mut gate = Gate::new(limits, venues(), [Qty::ZERO; 2]);
    let mut ask = |gate: &mut Gate, seconds: i64| {
        id += 1;
        let order = order(id, Role::Long, Class::Open, 10, 100_000);
        (order, refused(gate.judge(&Command::Place(order), &sight(START.plus(seconds * SECOND), [99_999; 2], &books))))
    };
    let (first, second) = (ask(&mut gate, 1), ask(&mut gate, 2));
    assert_eq!((first.1, second.1, ask(&mut gate, 3).1), ("", "", "max_position_notional"));
    let doubt = EventBody::Status { id: second.0.id, state: OrderState::InDoubt };
    gate.hear(&event(START, Role::Long, doubt));
    gate.hear(&fill(START, &first.0));
    gate.hear(&done(START, &first.0));
    assert_eq!(ask(&mut gate, 4).1, "max_position_notional");
    gate.hear(&event(START, Role::Long, EventBody::Status { id: second.0.id, state: OrderState::Unknown }));
    assert_eq!((ask(&mut gate, 5).1, ask(&mut gate, 6).1), ("", "max_position_notional"));
    // what the venue itself says counts too
    let mut gate = Gate::new(Limits::NONE.with(Key::MaxPositionNotional, Some("2001")), venues(), [Qty::ZERO; 2]);
    let mut now = sight(START, [99_999; 2], &books);
    now.truth[0] = Some(Qty(15_000_000));
    let command = Command::Place(order(1, Role::Long, Class::Open, 10, 100_000));
    assert_eq!(refused(gate.judge(&command, &now)), "max_position_notional");
}

/// A cover makes the naked leg smaller by half of its size at least, orders in flight on their worse side; else it is an open.
#[test]
fn what_covers_nothing_is_an_open() {
    let books = books();
    let cover = |held: i64, in_flight: Option<(Role, Class, i64)>, milli: i64, later: TimeDelta| {
        let mut gate = Gate::new(Limits::NONE, venues(), [Qty::ZERO; 2]);
        let mut now = sight(START, [100_000; 2], &books);
        let first = order(1, Role::Long, Class::Open, held, 100_001);
        assert_eq!(gate.judge(&Command::Place(first), &now), Verdict::Pass);
        gate.hear(&fill(START, &first));
        gate.hear(&done(START, &first));
        if let Some((venue, class, milli)) = in_flight {
            let px = if class == Class::Close { 100_000 } else { 100_001 };
            gate.judge(&Command::Place(order(2, venue, class, milli, px)), &now);
        }
        now.mandate.may_open = false;
        now.now = START.plus(later);
        gate.judge(&Command::Place(order(3, Role::Short, Class::Cover, milli, 100_000)), &now) == Verdict::Pass
    };
    assert!(cover(10, None, 10, SECOND));
    assert!(cover(10, None, 13, SECOND) && !cover(10, None, 14, SECOND));
    assert!(!cover(10, Some((Role::Short, Class::Cover, 5)), 10, SECOND));
    assert!(!cover(10, Some((Role::Long, Class::Close, 10)), 10, SECOND), "the leg may be closing");
    assert!(cover(10, Some((Role::Long, Class::Close, 10)), 10, 10 * SECOND), "its close can land no more");
}

#[test]
fn the_same_order_does_not_open_twice_at_once() {
    let books = books();
    let limits = Limits::NONE.with(Key::SameOrderMs, Some("250"));
    let mut gate = Gate::new(limits, venues(), [Qty::ZERO; 2]);
    let mut ask = |ms: i64, id, milli| {
        let command = Command::Place(order(id, Role::Long, Class::Open, milli, 100_000));
        refused(gate.judge(&command, &sight(START.plus(ms * MS), [100_000; 2], &books)))
    };
    let all =
        [(0, 1, 10), (100, 2, 10), (200, 3, 11), (249, 4, 10), (250, 5, 10)].map(|(ms, id, milli)| ask(ms, id, milli));
    assert_eq!(all, ["", "same_order_ms", "", "same_order_ms", ""]);
    ask(251, 6, 10);
    assert!(matches!(gate.look(&sight(START.plus(SECOND), [100_000; 2], &books)), Some(Demand::Pause(_))));
    assert_eq!(gate.look(&sight(START.plus(SECOND), [100_000; 2], &books)), None, "said once");
    assert_eq!(gate.counts().get("same_order_ms"), Some(&3));
}

/// Of twenty orders eleven are refused; a post-only order that would have taken, and what was never sent, is none of them. They count no more
/// once an operator has looked at them.
#[test]
fn refusals_pause_and_crossing_ones_do_not() {
    let books = books();
    let paused = |reason: Reject, is_looked_at: bool| {
        let mut gate = Gate::new(Limits::default(), venues(), [Qty::ZERO; 2]);
        for id in 0..20 {
            let now = sight(START.plus(i64::from(id) * MINUTE), [100_000; 2], &books);
            let order = order(id, Role::Long, Class::Close, 10, 99_900);
            gate.judge(&Command::Place(order), &now);
            match id % 2 == 0 || id == 7 {
                true => gate.hear(&event(now.now, Role::Long, EventBody::Rejected { id: order.id, reason })),
                false => gate.hear(&done(now.now, &order)),
            }
        }
        if is_looked_at {
            gate.looked_at();
        }
        gate.look(&sight(START.plus(HOUR), [100_000; 2], &books)).is_some()
    };
    assert!(paused(Reject::Rules, false) && paused(Reject::RateLimit, false));
    assert!(!paused(Reject::PostOnlyCross, false) && !paused(Reject::Gate, false) && !paused(Reject::Rules, true));
}

#[test]
fn a_net_that_nobody_means_is_closed_after_its_time() {
    let books = books();
    let mut gate = Gate::new(Limits::default().with(Key::MaxNetNotional, Some("500")), venues(), [Qty::ZERO; 2]);
    let first = order(1, Role::Long, Class::Cover, 10, 100_001);
    gate.hear(&fill(START, &first));
    let mut look = |seconds: i64, is_net_meant| {
        let sight = Sight { is_net_meant, ..sight(START.plus(seconds * SECOND), [100_000; 2], &books) };
        gate.look(&sight).is_some()
    };
    assert!(!look(0, true) && !look(100, true) && !look(101, false) && !look(131, false) && look(132, false));
    assert!(!look(133, true) && !look(134, false));
}

/// The limit of a close is the least aggressive of what is asked, of the band less 20 bp and of the collar; never is it refused.
#[test]
fn a_close_is_cut_and_never_refused() {
    let books = books();
    let closed = |collar: &str, limit: i64, role: Role, silent: bool| {
        let mut gate = Gate::new(Limits::NONE.with(Key::CollarCloseBp, Some(collar)), venues(), [Qty::ZERO; 2]);
        let mut now = sight(START, [100_000, 100_000], &books);
        gate.look(&now);
        if silent {
            // the other venue has fallen by 10 % since this one was heard
            now = sight(START.plus(10 * SECOND), [100_000, 90_000], &books);
            now.quotes[0].seen = START;
            gate.look(&now);
        }
        now.mandate = Mandate { may_open: false, may_cover: false, closes: [true; 2], ..Mandate::FULL };
        match gate.judge(&Command::Place(order(1, role, Class::Close, 10, limit)), &now) {
            Verdict::Pass => limit,
            Verdict::Amend(order) => order.limit.0 / ONE,
            Verdict::Refuse(refusal) => panic!("{refusal:?}"),
        }
    };
    assert_eq!(closed("200", 99_500, Role::Long, false), 99_500);
    // mark less (200 - 20) bp; mid less 100 bp
    assert_eq!(closed("200", 90_000, Role::Long, false), 98_200);
    assert_eq!(closed("100", 90_000, Role::Long, false), 99_000);
    assert_eq!(closed("200", 110_000, Role::Short, false), 101_800);
    assert_eq!(closed("100", 110_000, Role::Short, false), 101_000);
    assert!((89_540..89_552).contains(&closed("200", 99_500, Role::Long, true)), "priced by the other venue");
}

#[test]
fn a_band_that_refuses_three_times_is_met_by_a_market_order() {
    let books = books();
    let mut gate = Gate::new(Limits::NONE, venues(), [Qty::ZERO; 2]);
    let mut kinds = Vec::new();
    for id in 1..6 {
        let now = sight(START.plus(i64::from(id) * SECOND), [100_000; 2], &books);
        let close = order(id, Role::Long, Class::Close, 10, 99_500);
        kinds.push(matches!(gate.judge(&Command::Place(close), &now), Verdict::Amend(order) if order.kind == OrderKind::Market));
        gate.hear(&event(now.now, Role::Long, EventBody::Rejected { id: close.id, reason: Reject::PriceBand }));
    }
    assert_eq!(kinds, [false, false, false, true, false]);
}

/// 0.01 coins bought at 100,000. Both measures, ten seconds, both venues fresh; a blind venue at one and a half times.
#[test]
fn a_loss_acts_by_both_measures_and_in_its_time() {
    let mut books = books();
    let bought = order(1, Role::Long, Class::Open, 10, 100_000);
    books[0].apply(&fill(START, &bought).body);
    let limits = Limits::NONE.with(Key::MaxLossTotal, Some("10"));
    let looked = |marks: i64, mids: i64, seconds: &[i64], blind: bool| {
        let mut watch = LossWatch::new(Cash::units(20_000));
        let mut broken = Vec::new();
        for &second in seconds {
            let now = START.plus(second * SECOND);
            let mut quotes = [mids, mids].map(|px| quote(px, now));
            quotes[0].mark = Price(marks * ONE);
            if blind {
                quotes[0].seen = START.plus(-MINUTE);
            }
            let expected = [Some(Mid::at(Price(mids * ONE))), None];
            let found = watch.look(&limits, (now, 5 * SECOND), (&books, quotes), (expected, Cash::ZERO));
            broken.push(found.broken.is_some());
        }
        (broken, watch.losses().expect("quoted").total)
    };
    assert_eq!(looked(98_900, 98_900, &[0, 9, 10], false).0, [false, false, true]);
    assert_eq!(looked(99_500, 98_900, &[0, 10, 20], false).0, [false; 3], "the marks do not say so");
    assert_eq!(looked(98_900, 99_500, &[0, 10, 20], false).0, [false; 3], "the mids do not");
    assert_eq!(looked(98_900, 98_900, &[0, 10, 20], true).0, [false; 3], "eleven of a venue that is blind");
    assert_eq!(looked(98_400, 98_400, &[0, 10], true).0, [false, true]);
    assert!((looked(98_900, 98_900, &[0], false).1 - 10.995).abs() < 1e-9);
}

/// A process that ended flat had lost 15; what the account began with then, 19,985 and a payment of 100, is no gain. The day and the whole go on;
/// the next day does not.
#[test]
fn what_was_lost_before_a_new_beginning_counts_on() {
    let limits = Limits::NONE.with(Key::MaxLossDay, Some("20")).with(Key::MaxLossTotal, Some("20"));
    let (mut books, lost) = (books(), Cash::units(15));
    books[0].cash = Cash::units(10_085);
    let mut watch = LossWatch::new(Cash::units(20_085));
    watch.carry(Lost { day: START.day(), of_day: lost, in_all: lost }, false);
    let mut look = |books: &[VenueBook; 2], after: TimeDelta| {
        let now = START.plus(after);
        let found = watch.look(&limits, (now, 5 * SECOND), (books, [quote(100_000, now); 2]), ([None; 2], Cash::ZERO));
        (found, watch.lost().expect("looked at"))
    };
    let (found, exact) = look(&books, SECOND);
    assert_eq!(found.base, Some([Cash::units(20_100); 2]), "it is written down for the next process");
    assert_eq!((exact.of_day, exact.in_all), (lost, lost));
    books[0].cash = Cash::units(10_078);
    look(&books, MINUTE);
    let (found, exact) = look(&books, MINUTE + 10 * SECOND);
    assert!(found.base.is_none() && found.broken.is_some());
    assert_eq!((exact.of_day, exact.in_all), (Cash::units(22), Cash::units(22)));
    let (_, exact) = look(&books, DAY);
    assert_eq!((exact.of_day, exact.in_all, exact.day), (Cash::ZERO, Cash::units(22), START.day() + 1));
}

#[test]
fn a_loss_of_the_day_begins_anew_at_midnight() {
    let mut books = books();
    let limits = Limits::NONE.with(Key::MaxLossDay, Some("10"));
    let mut watch = LossWatch::new(Cash::units(20_000));
    let mut look = |books: &[VenueBook; 2], after: TimeDelta, unexplained: Cash| {
        let now = START.plus(after);
        watch.look(&limits, (now, 5 * SECOND), (books, [quote(100_000, now); 2]), ([None; 2], unexplained))
    };
    assert_eq!(look(&books, SECOND, Cash::ZERO).base, Some([Cash::units(20_000); 2]));
    books[0].cash = Cash::units(9_985);
    assert!(look(&books, MINUTE, Cash::ZERO).broken.is_none());
    assert!(look(&books, MINUTE + 10 * SECOND, Cash::ZERO).broken.is_some());
    let next = look(&books, DAY, Cash::ZERO);
    assert!(next.base.is_some_and(|base| (base[0].as_f64() - 19_985.0).abs() < 1e-6) && next.broken.is_none());
    // what nobody can explain is a loss
    assert!(look(&books, DAY + MINUTE, Cash::units(-400)).broken.is_none());
    assert!(look(&books, DAY + 2 * MINUTE, Cash::units(-400)).broken.is_some());
}

/// One thing that happens: a command of a class, or the fate of an order that left.
#[derive(Clone, Copy, Debug)]
enum Step {
    Command { venue: Role, class: Class, milli: i64, off: i64 },
    Fill { which: usize, share: i64 },
    End { which: usize, how: u8 },
    Move { long: i64, short: i64 },
}

fn step() -> impl Strategy<Value = (i64, Step)> {
    let role = || any::<bool>().prop_map(|long| if long { Role::Long } else { Role::Short });
    let class = prop_oneof![3 => Just(Class::Open), 2 => Just(Class::Cover), 2 => Just(Class::Close)];
    let what = prop_oneof![
        4 => (role(), class, 1i64..40, -300i64..300)
            .prop_map(|(venue, class, milli, off)| Step::Command { venue, class, milli, off }),
        3 => (0usize..8, 1i64..4).prop_map(|(which, share)| Step::Fill { which, share }),
        2 => (0usize..8, 0u8..4).prop_map(|(which, how)| Step::End { which, how }),
        1 => (99_000i64..101_000, 99_000i64..101_000).prop_map(|(long, short)| Step::Move { long, short }),
    ];
    (0i64..4_000, what)
}

/// What a witness at the venues counts, by himself.
#[derive(Default)]
struct Witness {
    alive: Vec<(NewOrder, i64)>,
    held: [i64; 2],
    opened: Vec<Time>,
}

impl Witness {
    /// Coins of a leg if all of it fills, in 1e-9.
    fn worst(&self, role: Role) -> i64 {
        let opens = self.alive.iter().filter(|(order, _)| order.venue == role && !order.reduce_only);
        self.held[role.ix()] + opens.map(|(_, left)| left).sum::<i64>()
    }
}

proptest! {
    /// Whatever is asked and whatever becomes of it: nothing passes that breaks a limit, what is counted by a witness who knows
    /// nothing of the gate; no close is refused; and without limits nothing is.
    #[test]
    fn no_sequence_of_commands_breaks_a_limit(steps in proptest::collection::vec(step(), 1..120), may in any::<[bool; 2]>()) {
        let books = books();
        let tight = Limits::NONE
            .with(Key::MaxOrderQty, Some("0.02"))
            .with(Key::MaxOrderNotional, Some("1900"))
            .with(Key::MaxPositionNotional, Some("4000"))
            .with(Key::MaxNetNotional, Some("3000"))
            .with(Key::MaxOpensPerMin, Some("6"))
            .with(Key::CollarOpenBp, Some("15"));
        let mut gate = Gate::new(tight, venues(), [Qty::ZERO; 2]);
        let mut loose = Gate::new(Limits::NONE, venues(), [Qty::ZERO; 2]);
        let mut witness = Witness::default();
        let (mut now, mut px) = (START, [100_000, 100_000]);
        for (id, (ms, step)) in (1u32..).zip(steps) {
            now = now.plus(ms * MS);
            let mut sight = sight(now, px, &books);
            loose.look(&sight);
            gate.look(&sight);
            match step {
                Step::Move { long, short } => px = [long, short],
                Step::Command { venue, class, milli, off } => {
                    let order = order(id, venue, class, milli, px[venue.ix()] + off);
                    prop_assert!(!matches!(loose.judge(&Command::Place(order), &sight), Verdict::Refuse(_)));
                    (sight.mandate.may_open, sight.mandate.may_cover) = (may[0], may[1]);
                    let verdict = gate.judge(&Command::Place(order), &sight);
                    if class == Class::Close {
                        prop_assert!(!matches!(verdict, Verdict::Refuse(_)), "{verdict:?}");
                    }
                    if matches!(verdict, Verdict::Refuse(_)) {
                        continue;
                    }
                    if class != Class::Close {
                        let value = i128::from(order.qty.0) * i128::from(order.limit.0) / 1_000_000_000;
                        prop_assert!(order.qty.0 <= 20_000_000 && value <= 1_900 * i128::from(ONE));
                        let beyond = (order.limit.0 - px[venue.ix()] * ONE - ONE / 2) * order.side.sign();
                        prop_assert!(beyond <= px[venue.ix()] * ONE / 10_000 * 15 + ONE, "{beyond}");
                        let leg = i128::from(witness.worst(venue) + order.qty.0) * i128::from(px[venue.ix()]);
                        prop_assert!(leg <= 4_000 * i128::from(ONE), "{leg}");
                        prop_assert!(may[0] || (class == Class::Cover && may[1]));
                    }
                    if class == Class::Open {
                        prop_assert!(may[0]);
                        let net = witness.worst(venue) + order.qty.0 - witness.held[venue.other().ix()];
                        prop_assert!(i128::from(net) * i128::from(*px.iter().max().expect("two")) <= 3_000 * i128::from(ONE));
                        let minute = witness.opened.iter().filter(|&&at| now.since(at) < MINUTE).count();
                        prop_assert!(minute < 6, "{minute} before it");
                        witness.opened.push(now);
                    }
                    let order = if let Verdict::Amend(order) = verdict { order } else { order };
                    witness.alive.push((order, order.qty.0));
                }
                Step::Fill { which, share } => {
                    let count = witness.alive.len();
                    let Some((order, left)) = witness.alive.get_mut(which % count.max(1)) else { continue };
                    let (role, mut qty) = (order.venue, (*left / share).max(1));
                    if order.reduce_only {
                        qty = qty.min(witness.held[role.ix()]);
                    }
                    if qty == 0 || *left == 0 {
                        continue;
                    }
                    *left -= qty;
                    witness.held[role.ix()] += if order.reduce_only { -qty } else { qty };
                    let part = NewOrder { qty: Qty(qty), ..*order };
                    gate.hear(&fill(now, &part));
                    loose.hear(&fill(now, &part));
                }
                Step::End { which, how } => {
                    if witness.alive.is_empty() {
                        continue;
                    }
                    let (order, left) = witness.alive[which % witness.alive.len()];
                    let id = order.id;
                    let body = match how {
                        0 => EventBody::Done { id, filled: order.qty - Qty(left) },
                        1 => EventBody::Status { id, state: OrderState::InDoubt },
                        2 => EventBody::Status { id, state: OrderState::Unknown },
                        _ => EventBody::Accepted { id },
                    };
                    if matches!(how, 0 | 2) {
                        witness.alive.remove(which % witness.alive.len());
                    }
                    gate.hear(&event(now, order.venue, body));
                    loose.hear(&event(now, order.venue, body));
                }
            }
        }
    }
}

/// A venue's steps became coarser: a close goes out in the new ones, on the side on which it fills; of less than a lot it is left as it is.
#[test]
fn a_close_is_in_the_steps_that_its_venue_takes_now() {
    let steps = (Price(100), Qty(10));
    let of = |side, limit, qty| {
        let close = NewOrder { side, limit: Price(limit), qty: Qty(qty), ..order(1, Role::Long, Class::Close, 1, 1) };
        let NewOrder { limit, qty, .. } = super::closing::in_steps(close, steps);
        (limit.0, qty.0)
    };
    assert_eq!(of(Side::Buy, 1_010, 25), (1_100, 20));
    assert_eq!(of(Side::Sell, 1_010, 25), (1_000, 20));
    assert_eq!(of(Side::Sell, 1_000, 5), (1_000, 5));
}

/// 0.01 coins at 100,000 are worth 1,000. They go in lots of 0.01, not in lots of 0.02 or 0.004; not below the least size or value; and what is
/// not held keeps nothing.
#[test]
fn what_a_venue_takes_now_tells_what_cannot_be_closed() {
    let mut books = books();
    books[0].apply(&fill(START, &order(1, Role::Long, Class::Open, 10, 100_000)).body);
    let sight = sight(START, [100_000, 100_000], &books);
    let words = |role: Role, lot: i64, least: i64, value: i128| {
        let mut venues = venues();
        let instrument = &mut venues.instruments[role.ix()];
        (instrument.lot, instrument.min_qty) = (Qty(lot * 1_000_000), Qty(least * 1_000_000));
        (instrument.min_notional, instrument.min_binds_takers) = (Price(ONE).of(Qty(ONE)), true);
        instrument.min_notional.0 *= value;
        Gate::new(Limits::NONE, venues, [Qty::ZERO; 2]).unclosable(role, &sight).unwrap_or_default()
    };
    assert_eq!(words(Role::Long, 10, 10, 1_000), "");
    assert_eq!(words(Role::Long, 20, 10, 0), "0.01 cannot be closed whole: orders are in steps of 0.02 there");
    assert_eq!(words(Role::Long, 4, 4, 0), "0.01 cannot be closed whole: orders are in steps of 0.004 there");
    assert!(words(Role::Long, 1, 11, 0).contains("an order is of 0.011 coins"));
    assert!(words(Role::Long, 1, 1, 1_001).contains("worth 1001 there at least"), "{}", words(Role::Long, 1, 1, 1_001));
    assert_eq!(words(Role::Short, 20, 20, 9_999), "");
}
