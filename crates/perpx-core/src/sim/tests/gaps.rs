//! Old books, outages, silence, failed cancels.

use super::market::*;
use crate::config::{Latency, Outage, OutageWhat, OutageWhen};
use crate::market::{OrderKind, Side};
use crate::tape::rows::VenueTables;
use crate::units::{MS, Notional};

fn tape() -> VenueTables {
    VenueTables {
        quotes: vec![quote(90, 999, 5, 1000, 5), quote(20_000, 1004, 5, 1005, 5), quote(20_001, 999, 5, 1000, 5)],
        ..Default::default()
    }
}

/// The book's last row is 14 s old: the order waits for the row of 20,000 and pays 1005 instead of the frozen 1000.
#[test]
fn nobody_fills_at_a_frozen_quote() {
    let mut s = Scene::long(world(), tape());
    s.place(14_000, 1, Side::Buy, OrderKind::Ioc, 2, 1010);
    s.place(14_000, 2, Side::Buy, OrderKind::Ioc, 2, 1010);
    s.cancel(15_000, 2);
    assert_eq!(
        s.reported(30_000),
        ["15015 15010 done 2 0", "20005 20000 fill 1 Buy 2 @ 1005 taker fee 0", "20005 20000 done 1 2"]
    );
    assert_eq!((s.venue.stats().filled_after_gap, s.venue.stats().gap_cost), (1, Notional(px(5).of(qty(2)).0)));
}

/// Out from 100 to 200: requests vanish and so do answers; what rests stays and fills, of which the first query afterwards
/// tells.
#[test]
fn in_an_outage_nobody_answers() {
    let mut w = world();
    let when = OutageWhen::Fixed { from: ms(100), to: ms(200) };
    w.fills.outages = vec![Outage { when, what: OutageWhat::Both }];
    let mut tables = tape();
    tables.trades = vec![trade(150, Side::Sell, 998, 3)];
    let mut s = Scene::long(w, tables);
    s.place(89, 1, Side::Buy, OrderKind::PostOnly, 2, 999);
    s.place(120, 2, Side::Buy, OrderKind::Ioc, 2, 1010);
    s.cancel(130, 1);
    s.ask(140, 1);
    s.ask(195, 2);
    s.ask(210, 1);
    assert_eq!(
        s.reported(300),
        [
            "104 99 accepted 1",
            "210 205 status 2 in doubt",
            "225 150 fill 1 Buy 2 @ 999 maker fee 0",
            "225 220 status 1 done 2",
        ]
    );
    assert_eq!(s.venue.stats().vanished, 3);
}

fn out(what: OutageWhat) -> crate::config::VenueWorld {
    let mut w = world();
    let when = OutageWhen::Fixed { from: ms(100), to: ms(200) };
    w.fills.outages = vec![Outage { when, what }];
    w
}

/// Orders are refused from 100 to 200; cancels and queries are served, and what rests fills.
#[test]
fn a_venue_may_refuse_orders_and_live() {
    let mut tables = tape();
    tables.trades = vec![trade(150, Side::Sell, 998, 1)];
    let mut s = Scene::long(out(OutageWhat::Refuse), tables);
    s.place(89, 1, Side::Buy, OrderKind::PostOnly, 2, 999);
    s.place(120, 2, Side::Buy, OrderKind::Ioc, 2, 1010);
    s.ask(160, 2);
    s.cancel(170, 1);
    s.place(190, 3, Side::Buy, OrderKind::Ioc, 2, 1010);
    assert_eq!(
        s.reported(300),
        [
            "104 99 accepted 1",
            "135 130 rejected 2 Unavailable",
            "155 150 fill 1 Buy 1 @ 999 maker fee 0",
            "175 170 status 2 done 0",
            "185 180 done 1 1",
            "205 200 fill 3 Buy 2 @ 1000 taker fee 0",
            "205 200 done 3 2",
        ]
    );
}

/// The sequencer stands still from 100 to 200: the trade at 150 moves nothing, the mark at 160 takes nothing, and the
/// backlog (a cancel, an order) is carried out at 200 at the book of that time, in the order of sending.
#[test]
fn a_halt_ends_with_its_backlog() {
    let mut tables = tape();
    tables.quotes.insert(1, quote(180, 1001, 5, 1002, 5));
    tables.trades = vec![trade(150, Side::Sell, 998, 3)];
    tables.marks = vec![mark(10, 1000, 1000), mark(160, 100, 100), mark(170, 1000, 1000)];
    let mut s = Scene::long(out(OutageWhat::Halt), tables);
    s.place(80, 1, Side::Buy, OrderKind::Ioc, 1, 1000);
    s.place(85, 2, Side::Buy, OrderKind::PostOnly, 2, 999);
    s.cancel(120, 2);
    s.place(130, 3, Side::Buy, OrderKind::Ioc, 2, 1010);
    s.ask(140, 1);
    assert_eq!(
        s.reported(300),
        [
            "95 90 fill 1 Buy 1 @ 1000 taker fee 0",
            "95 90 done 1 1",
            "100 95 accepted 2",
            "205 200 done 2 0",
            "205 200 fill 3 Buy 2 @ 1002 taker fee 0",
            "205 200 done 3 2",
            "205 200 status 1 done 1",
        ]
    );
    assert_eq!((s.venue.stats().liquidations, s.leg()), (0, 3));
}

/// With a timeout rate of 1 half of the orders reach the venue in silence; asking tells their fills, then their state.
#[test]
fn silence_is_broken_by_asking() {
    let mut w = world();
    w.fills.timeout_rate = 1.0;
    let (mut reached, mut lost) = (0, 0);
    for seed in 0..40 {
        let mut s = Scene::long(w.clone(), tape());
        s.seed = seed;
        s.place(100, 1, Side::Buy, OrderKind::Ioc, 2, 1000);
        assert!(s.reported(200).is_empty());
        s.ask(300, 1);
        let reported = s.reported(400);
        if s.leg() == 2 {
            reached += 1;
            assert_eq!(reported, ["315 110 fill 1 Buy 2 @ 1000 taker fee 0", "315 310 status 1 done 2"]);
        } else {
            lost += 1;
            assert_eq!(reported, ["315 310 status 1 in doubt"]);
            // it can land no more 9 s after its decision
            s.ask(9_089, 1);
            s.ask(9_090, 1);
            assert_eq!(s.reported(9_200), ["9104 9099 status 1 in doubt", "9105 9100 status 1 unknown"]);
        }
    }
    assert!(reached > 8 && lost > 8, "{reached} {lost}");
}

/// An order whose way takes as long as its fence never arrives; what asks for it on the way is answered so.
#[test]
fn an_order_in_flight_is_in_doubt_until_its_fence() {
    for (way, filled) in [(8_999, true), (9_000, false)] {
        let mut w = world();
        w.fills.order_latency = Latency::Quantiles(vec![way * MS; 2]);
        let mut s = Scene::long(w, tape());
        s.place(100, 1, Side::Buy, OrderKind::Ioc, 2, 2_000);
        s.reported(200);
        s.world.fills.order_latency = Latency::Constant(10 * MS);
        for t in [300, 9_080, 9_100] {
            s.ask(t, 1);
        }
        let reported: Vec<String> = s.reported(20_000).into_iter().filter(|line| line.contains("status")).collect();
        let last = if filled { "9115 9110 status 1 done 2" } else { "9115 9110 status 1 unknown" };
        assert_eq!(reported, ["315 310 status 1 in doubt", "9095 9090 status 1 in doubt", last]);
        assert_eq!((s.venue.stats().expired, s.venue.stats().vanished), (u32::from(!filled), 0));
    }
}

/// A silent order rests; its fills become known, first fill first, before the next event that moves money.
#[test]
fn money_is_told_in_the_order_in_which_it_moved() {
    let mut w = world();
    w.fills.timeout_rate = 1.0;
    let mut tables = tape();
    tables.trades = vec![trade(150, Side::Sell, 998, 2)];
    for seed in 0..40 {
        let mut s = Scene::long(w.clone(), VenueTables { ..tables.clone() });
        s.seed = seed;
        s.place(100, 1, Side::Buy, OrderKind::PostOnly, 3, 999);
        s.reported(200);
        if s.leg() == 0 {
            continue;
        }
        s.world.fills.timeout_rate = 0.0;
        s.place(250, 2, Side::Sell, OrderKind::Ioc, 1, 999);
        s.cancel(300, 1);
        assert_eq!(
            s.reported(400),
            [
                "265 150 fill 1 Buy 2 @ 999 maker fee 0",
                "265 260 fill 2 Sell 1 @ 999 taker fee 0",
                "265 260 done 2 1",
                "315 310 done 1 2",
            ]
        );
        return;
    }
    panic!("no order reached the venue");
}

#[test]
fn a_failed_cancel_leaves_the_order() {
    let mut w = world();
    w.fills.cancel_fail_rate = 1.0;
    let mut s = Scene::long(w, tape());
    s.place(100, 1, Side::Buy, OrderKind::PostOnly, 3, 999);
    s.cancel(200, 1);
    assert_eq!(s.reported(300), ["115 110 accepted 1", "215 210 cancel rejected 1"]);
    assert_eq!((s.venue.stats().cancels_failed, s.venue.open_qty()), (1, i128::from(qty(3).0)));
    s.world.fills.cancel_fail_rate = 0.0;
    s.world.delays.cancel = 50 * MS;
    s.cancel(300, 1);
    assert_eq!(s.reported(400), ["365 360 done 1 0"]);
}

/// A drawn refusal is reported by name and is final.
#[test]
fn refusals_are_drawn() {
    let mut w = world();
    w.fills.reject_rate = 1.0;
    let mut s = Scene::long(w, tape());
    s.place(100, 1, Side::Buy, OrderKind::Ioc, 3, 1000);
    s.ask(200, 1);
    assert_eq!(s.reported(300), ["115 110 rejected 1 Drawn", "215 210 status 1 done 0"]);
}

/// Refusals and silence are drawn for orders and changes; cancels and queries know their own fault alone.
#[test]
fn draws_hit_what_they_are_named_for() {
    let mut s = Scene::long(world(), tape());
    s.place(100, 1, Side::Buy, OrderKind::PostOnly, 3, 999);
    s.reported(200);
    s.world.fills.reject_rate = 1.0;
    s.change(210, 1, 2, 999);
    s.ask(300, 1);
    assert_eq!(s.reported(390), ["225 220 cancel rejected 1", "315 310 status 1 open 0"]);
    s.world.fills.timeout_rate = 1.0;
    s.change(400, 1, 2, 999);
    assert_eq!(s.reported(490), [""; 0]);
    s.ask(500, 1);
    s.cancel(600, 1);
    assert_eq!(s.reported(700), ["515 510 status 1 open 0", "615 610 done 1 0"]);
}
