//! Funding, liquidation, the end of the data.

use super::market::*;
use crate::market::{Event, EventBody, FeeSchedule, FundingPrice, LiquidationRule, OrderKind, Role, Side};
use crate::tape::rows::VenueTables;
use crate::units::{Cash, Mid, Rate};

fn quotes(bid: i64, ask: i64) -> VenueTables {
    VenueTables { quotes: vec![quote(0, bid, 9000, ask, 9000)], ..Default::default() }
}

/// Rate 1e-3 at 150 on a leg of 1 at mark 1,010 (of the same instant; that of 151 is later): 1.01. An order that arrives
/// at 150 is not yet in the position; a passive fill of a row of 150 is.
#[test]
fn funding_is_settled_between_rows_and_arrivals() {
    let mut tables = quotes(1000, 1001);
    tables.marks = vec![mark(100, 1000, 990), mark(150, 1010, 995), mark(151, 1020, 1000)];
    tables.funding = vec![settlement(150, 1_000_000_000)];
    tables.trades = vec![trade(150, Side::Sell, 999, 1000)];
    for (price, first) in [
        (
            FundingPrice::Mark,
            ["155 150 fill 2 Buy 1000 @ 1000 maker fee 0", "155 150 done 2 1000", "155 150 funding -2.02 @ 1010"],
        ),
        (
            FundingPrice::Index,
            ["155 150 fill 2 Buy 1000 @ 1000 maker fee 0", "155 150 done 2 1000", "155 150 funding -1.99 @ 995"],
        ),
    ] {
        let mut w = world();
        w.instrument.funding_price = price;
        let mut s = Scene::long(w, tables.clone());
        s.place(90, 1, Side::Buy, OrderKind::Ioc, 1000, 1001);
        s.place(91, 2, Side::Buy, OrderKind::PostOnly, 1000, 1000);
        s.reported(120);
        s.place(140, 3, Side::Buy, OrderKind::Ioc, 1000, 1001);
        assert_eq!(s.next_due(), ms(150));
        let reported = s.reported(200);
        assert_eq!(reported[..3], first);
        assert_eq!((reported.len(), s.venue.stats().settlements, s.leg()), (5, 1, 3000));
    }
}

#[test]
fn a_short_receives_positive_funding_and_a_flat_account_nothing() {
    let mut tables = quotes(1000, 1001);
    tables.marks = vec![mark(100, 1000, 990)];
    tables.funding = vec![settlement(50, 1_000_000_000), settlement(150, 1_000_000_000)];
    let mut s = Scene::new(Role::Short, world(), tables);
    s.place(90, 1, Side::Sell, OrderKind::Ioc, 1000, 1000);
    assert_eq!(s.reported(200)[2..], ["155 150 funding 1 @ 1000"]);
}

/// A long of 1 from 1,001 at 5x: margin 200.2; P = (1001 - 200.2)/(1 - 0.012) = 810.526...: 811 lives, 810 does not.
/// Equity at 810 is 200.2 - 191 = 9.2, lost: in all the margin.
#[test]
fn take_over_costs_the_margin_at_the_exact_level() {
    let mut tables = quotes(1000, 1001);
    tables.marks = vec![mark(100, 1000, 1000), mark(200, 811, 811), mark(300, 810, 810), mark(400, 809, 809)];
    let mut s = Scene::long(world(), tables);
    s.place(90, 1, Side::Buy, OrderKind::Ioc, 1000, 1001);
    s.place(90, 2, Side::Buy, OrderKind::PostOnly, 1000, 700);
    assert_eq!(s.reported(299).len(), 3);
    assert_eq!(s.reported(500), ["305 300 done 2 0", "305 300 liquidated 1000 @ 810 fee 0 lost 9.2"]);
    assert_eq!((s.cash().as_str(), s.leg(), s.venue.stats().liquidations), ("9799.8", 0, 1));
    assert!(!s.venue.needs_rows());
}

/// The same leg under the zero-price rule: zero price 1001 - 200.2 = 800.8, up to 801. The book takes 400 at 807 and 100
/// at 801; fees min(1 % of 322.8 = 3.228, 6 x 0.4 = 2.4) and 0; the last 500 close at 801.
#[test]
fn zero_price_walks_the_book_and_keeps_the_rest_within_the_margin() {
    let mut w = world();
    w.instrument.liquidation = LiquidationRule::ZeroPrice { max_fee: Rate::from_bps(100) };
    let mut tables = quotes(1000, 1001);
    tables.quotes.push(quote(300, 806, 1, 807, 1));
    tables.depth = vec![depth(300, &[(807, 400), (801, 100), (800, 9000)], &[(808, 1)])];
    tables.marks = vec![mark(300, 810, 810)];
    let mut s = Scene::long(w, tables);
    s.place(90, 1, Side::Buy, OrderKind::Ioc, 1000, 1001);
    assert_eq!(
        s.reported(500)[2..],
        [
            "305 300 liquidated 400 @ 807 fee -2.4 lost 0",
            "305 300 liquidated 100 @ 801 fee 0 lost 0",
            "305 300 liquidated 500 @ 801 fee 0 lost 0",
        ]
    );
    // 10,000 - 0.4 x 194 - 2.4 - 0.6 x 200
    assert_eq!(s.cash(), "9800");
}

/// A mark far through the zero price: nothing is bid there, the whole leg closes at the zero price; a short, mirrored.
/// Zero price 1000 + 200 = 1,200. Funding paid before counts: 1 of it moves the level, and is part of the loss.
#[test]
fn never_more_than_the_margin() {
    let mut w = world();
    w.instrument.liquidation = LiquidationRule::ZeroPrice { max_fee: Rate::from_bps(100) };
    let mut tables = quotes(1000, 1001);
    tables.marks = vec![mark(100, 1000, 1000), mark(300, 1500, 1500)];
    tables.funding = vec![settlement(150, -1_000_000_000)];
    tables.quotes.push(quote(300, 1499, 100, 1500, 100));
    let mut s = Scene::new(Role::Short, w, tables);
    s.place(90, 1, Side::Sell, OrderKind::Ioc, 1000, 1000);
    assert_eq!(s.reported(500)[2..], ["155 150 funding -1 @ 1000", "305 300 liquidated 1000 @ 1199 fee 0 lost 0"]);
    assert_eq!(s.cash(), "9800");
}

/// On a money grid of 1 each part is rounded against us: 65.934 + 0.666 of fee, 66.267 + 0.333, 66.8 become 67, 68, 67,
/// which is 2 more than the margin of 200. The venue bears it.
#[test]
fn rounding_costs_no_more_than_the_margin_either() {
    let mut w = world();
    w.instrument.liquidation = LiquidationRule::ZeroPrice { max_fee: Rate::from_bps(100) };
    w.instrument.money_grid = Cash::units(1);
    let mut tables = quotes(999, 1000);
    tables.quotes.push(quote(300, 802, 333, 803, 1));
    tables.depth = vec![depth(300, &[(802, 333), (801, 333)], &[(803, 1)])];
    tables.marks = vec![mark(300, 805, 805)];
    let mut s = Scene::long(w, tables);
    s.place(90, 1, Side::Buy, OrderKind::Ioc, 1000, 1000);
    assert_eq!(
        s.reported(500)[2..],
        [
            "305 300 liquidated 333 @ 802 fee -1 lost 0",
            "305 300 liquidated 333 @ 801 fee -1 lost 0",
            "305 300 liquidated 334 @ 800 fee 2 lost 0",
        ]
    );
    assert_eq!(s.cash(), "9800");
}

/// A settlement can take a leg at the standing mark: equity falls below maintenance without a new mark.
#[test]
fn a_settlement_is_judged_too() {
    let mut tables = quotes(1000, 1001);
    tables.marks = vec![mark(100, 811, 811)];
    tables.funding = vec![settlement(150, 10_000_000_000)];
    let mut s = Scene::long(world(), tables);
    s.place(80, 1, Side::Buy, OrderKind::Ioc, 1000, 1001);
    // funding 8.11: equity 200.2 - 190 - 8.11 = 2.09 < 9.732
    assert_eq!(s.reported(200)[2..], ["155 150 funding -8.11 @ 811", "155 150 liquidated 1000 @ 811 fee 0 lost 2.09"]);
    assert_eq!(s.cash(), "9799.8");
}

/// At the end: what is under way is reported, orders end, the leg is closed over the book without latency; 1 bp of 1,000
/// rounds to a tick for the second best-size.
#[test]
fn the_end_closes_everything() {
    let mut w = world();
    w.fees = FeeSchedule { taker: Rate::from_bps(10), ..Default::default() };
    let tables = VenueTables {
        quotes: vec![quote(0, 1000, 9, 1001, 9000), quote(500, 1000, 900, 1001, 50)],
        ..Default::default()
    };
    let mut s = Scene::long(w, tables);
    s.place(90, 1, Side::Buy, OrderKind::Ioc, 1000, 1001);
    s.place(590, 2, Side::Buy, OrderKind::PostOnly, 1000, 900);
    s.place(596, 3, Side::Sell, OrderKind::Ioc, 1000, 900);
    s.reported(599);
    s.reported(600);
    assert_eq!(
        s.finish(600),
        [
            "600 600 accepted 2",
            "600 600 done 2 0",
            "600 600 done 3 0",
            "600 600 fill 0 Sell 900 @ 1000 taker fee -0.9",
            "600 600 fill 0 Sell 100 @ 999 taker fee -0.0999",
        ]
    );
    // 10,000 - 1.001 of fee, 0.9 x 1 + 0.1 x 2 of price, 0.9 + 0.0999 of fee
    assert_eq!((s.cash(), s.leg()), ("9996.8991".to_string(), 0));
    assert!(!s.venue.needs_rows());
}

/// A leg of 1,000 and bids of 400 and 100 in force: the rest goes at 998 made 10 bp worse for each further 100.
#[test]
fn depth_too_thin_for_the_end_is_carried_on_by_impact() {
    let mut w = world();
    w.fills.impact = Rate::from_bps(10);
    let tables = VenueTables {
        quotes: vec![quote(0, 1000, 9, 1001, 9000), quote(500, 1000, 400, 1001, 50)],
        depth: vec![depth(500, &[(1000, 400), (998, 100)], &[(1001, 50)])],
        ..Default::default()
    };
    let mut s = Scene::long(w, tables);
    s.place(90, 1, Side::Buy, OrderKind::Ioc, 1000, 1001);
    s.reported(600);
    let reported: Vec<String> = s.finish(600).iter().map(|line| line[8..].to_string()).collect();
    let part = |size: i64, px: i64| format!("fill 0 Sell {size} @ {px} taker fee 0");
    let want = [part(400, 1000), part(100, 998), part(100, 997), part(100, 996), part(100, 995), part(100, 994)];
    assert_eq!(reported, [&want[..], &[part(100, 993)]].concat());
    assert_eq!((s.leg(), s.venue.stats().closed_past_depth), (0, 1));
}

/// A fill carries the mid of the book that it met: a taker's of its arrival, a maker's of the row before the trade
/// that filled it, or of the quote that crossed it.
#[test]
fn fills_carry_the_mid_that_they_met() {
    let quotes = vec![quote(0, 1000, 9, 1002, 9), quote(200, 1003, 9, 1005, 9), quote(400, 990, 9, 994, 9)];
    let trades = vec![trade(200, Side::Sell, 998, 2)];
    let mut s = Scene::long(world(), VenueTables { quotes, trades, ..Default::default() });
    s.place(90, 1, Side::Buy, OrderKind::Ioc, 1, 1002);
    s.place(110, 2, Side::Buy, OrderKind::PostOnly, 4, 999);
    let mids = |events: Vec<Event>| -> Vec<Mid> {
        let fills = events.into_iter().filter(|event| matches!(event.body, EventBody::Fill { .. }));
        fills.map(|event| event.met).collect()
    };
    // the trade comes before the quote of its time, which is none that it could have met
    assert_eq!(mids(s.events(300)), [Mid::at(px(1001)); 2]);
    assert_eq!(mids(s.events(500)), [Mid::at(px(992))]);
}

/// To the last 1e-9: a mark on the level leaves the leg alone, the next one beyond takes it; on both sides.
#[test]
fn the_level_itself_is_safe() {
    for role in Role::BOTH {
        let open = |tables: VenueTables| {
            let mut s = Scene::new(role, world(), tables);
            s.place(90, 1, role.opening(), OrderKind::Ioc, 1000, 1001 - i64::from(role == Role::Short));
            s.reported(150);
            s
        };
        let scene = open(quotes(1000, 1001));
        let leg = scene.venue.truth().leg_margin().expect("a leg");
        let level = leg.liquidation_level(&scene.world.instrument.margin).expect("a level");
        for (beyond, taken) in [(0, 0), (1, 1)] {
            let mut tables = quotes(1000, 1001);
            tables.marks = vec![mark(200, 0, 0)];
            tables.marks[0].mark.0 = level.0 - beyond * role.opening().sign();
            let mut s = open(tables);
            s.reported(300);
            assert_eq!(s.venue.stats().liquidations, taken, "{role:?} {beyond}");
        }
    }
}

/// 10,000 of capital at 5x margin exactly 50 coins at 1,000; what rests to open is held back.
#[test]
fn the_last_of_the_balance_may_be_used() {
    let answer = |size: i64| {
        let mut s =
            Scene::long(world(), VenueTables { quotes: vec![quote(0, 999, 1, 1000, 90_000)], ..Default::default() });
        s.place(90, 1, Side::Buy, OrderKind::PostOnly, 10_000, 500); // holds 5 x 1,000 / 5 = 1,000
        s.place(200, 2, Side::Buy, OrderKind::Ioc, size, 1000);
        s.reported(300)[1].clone()
    };
    assert_eq!(answer(45_000), "215 210 fill 2 Buy 45000 @ 1000 taker fee 0");
    assert_eq!(answer(45_001), "215 210 rejected 2 NoMargin");
}
