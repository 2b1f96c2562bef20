//! Aggressive orders, rejects, limits, delays.

use super::market::*;
use crate::ledger::NetAccount;
use crate::market::{
    Command, Delays, FeeSchedule, NewOrder, OrderKind, RateLimit, Reject, Role, SelfTrade, Side, VolumeQuota,
};
use crate::tape::rows::VenueTables;
use crate::units::{Cash, MS, Notional, Qty, Rate, TimeDelta};

fn quotes(rows: &[(i64, i64, i64, i64, i64)]) -> VenueTables {
    VenueTables { quotes: rows.iter().map(|&(t, b, bq, a, aq)| quote(t, b, bq, a, aq)).collect(), ..Default::default() }
}

/// Decided at 100, at the venue at 110: meets the ask of 105, not that of 100 nor that of 111; reported at 115.
#[test]
fn an_order_meets_the_book_of_its_arrival() {
    let mut s = Scene::long(
        world(),
        quotes(&[(90, 999, 5, 1000, 5), (105, 1000, 5, 1001, 5), (110, 1001, 5, 1002, 5), (111, 900, 5, 901, 5)]),
    );
    s.place(100, 1, Side::Buy, OrderKind::Ioc, 5, 1010);
    assert_eq!(s.next_due(), ms(110));
    assert!(s.reported(114).is_empty());
    assert_eq!(s.next_due(), ms(115));
    assert_eq!(s.reported(200), ["115 110 fill 1 Buy 5 @ 1002 taker fee 0", "115 110 done 1 5"]);
}

/// 12 wanted, 5 shown, 1 bp of 10,000 = 1 a further 5, limit 10,001: 10 filled at 10,000 and 10,001, fee 2 bp each.
/// Balance 10,000 - 0.01 - 0.010001.
#[test]
fn ioc_takes_what_it_can_and_pays_for_it() {
    let mut w = world();
    w.fees = FeeSchedule { taker: Rate::from_bps(2), ..Default::default() };
    let mut s = Scene::long(w, quotes(&[(90, 9999, 5, 10_000, 5)]));
    s.place(100, 1, Side::Buy, OrderKind::Ioc, 12, 10_001);
    assert_eq!(
        s.reported(200),
        [
            "115 110 fill 1 Buy 5 @ 10000 taker fee -0.01",
            "115 110 fill 1 Buy 5 @ 10001 taker fee -0.010001",
            "115 110 done 1 10",
        ]
    );
    assert_eq!((s.cash().as_str(), s.leg()), ("9999.979999", 10));
    // the same quote is used up to 10,001; a heartbeat or an order later changes nothing
    s.place(300, 2, Side::Buy, OrderKind::Ioc, 5, 10_001);
    assert_eq!(s.reported(400), ["315 310 done 2 0"]);
}

/// A market order's limit bounds the average: 5 at 1000 save 5 x 2 against 1002, which pays for 2 of those at 1006 (4 more
/// each, whole lots); an IOC of that limit takes the 5 alone.
#[test]
fn a_market_orders_limit_bounds_the_average() {
    let mut tables = quotes(&[(90, 999, 5, 1000, 5)]);
    // the last level would cost 6 more each: what is left of 10 after 2 x 4 does not pay for a lot of it
    tables.depth = vec![depth(90, &[(999, 5)], &[(1000, 5), (1006, 2), (1008, 9)])];
    let mut s = Scene::long(world(), tables.clone());
    s.world.instrument.lot = qty(1);
    s.place(100, 1, Side::Buy, OrderKind::Market, 9, 1002);
    assert_eq!(
        s.reported(200),
        ["115 110 fill 1 Buy 5 @ 1000 taker fee 0", "115 110 fill 1 Buy 2 @ 1006 taker fee 0", "115 110 done 1 7",]
    );
    let mut s = Scene::long(world(), tables);
    s.place(100, 1, Side::Buy, OrderKind::Ioc, 9, 1002);
    assert_eq!(s.reported(200), ["115 110 fill 1 Buy 5 @ 1000 taker fee 0", "115 110 done 1 5"]);
    // by impact, a tick a size: 5 at 10,000 save 2 ticks each, 5 at 10,002 nothing, 5 of 10,004 spend it all
    let mut w = world();
    w.fills.impact = Rate::from_bps(2);
    let mut s = Scene::long(w, quotes(&[(90, 9_999, 5, 10_000, 5)]));
    s.place(100, 1, Side::Buy, OrderKind::Market, 30, 10_002);
    let reported = s.reported(200);
    assert_eq!(reported.last().map(String::as_str), Some("115 110 done 1 15"), "{reported:?}");
}

/// Our bid at 1000 stands before our sale: the venue cancels it, or refuses the sale; a post-only one is no exception.
#[test]
fn one_of_our_own_orders_gives_way() {
    let tables = quotes(&[(90, 999, 5, 1001, 5)]);
    let both = |rule: SelfTrade, kind: OrderKind| {
        let mut w = world();
        w.instrument.self_trade = rule;
        let mut s = Scene::long(w, tables.clone());
        s.place(80, 1, Side::Buy, OrderKind::Ioc, 2, 1001);
        s.place(100, 2, Side::Buy, OrderKind::PostOnly, 3, 1000);
        s.reported(150);
        s.place(200, 3, Side::Sell, kind, 2, if kind == OrderKind::Ioc { 999 } else { 1000 });
        s.reported(300)
    };
    let taken = ["215 210 done 2 0", "215 210 fill 3 Sell 2 @ 999 taker fee 0", "215 210 done 3 2"];
    assert_eq!(both(SelfTrade::CancelMaker, OrderKind::Ioc), taken);
    assert_eq!(both(SelfTrade::CancelMaker, OrderKind::PostOnly), ["215 210 done 2 0", "215 210 accepted 3"]);
    assert_eq!(both(SelfTrade::CancelTaker, OrderKind::Ioc), ["215 210 rejected 3 SelfTrade"]);
}

/// Two units, one more for each 2 of traded value (here 2 x 0.001 x 1000 = 2), one request in 50 ms without any; cancels
/// are free.
#[test]
fn a_quota_is_spent_by_orders_and_earned_by_trading() {
    let mut w = world();
    let value = px(1).of(qty(2_000));
    w.quota = Some(VolumeQuota { start: 2, cap: 2, value_per_unit: value, free_every: 50 * MS });
    let mut s = Scene::long(w, quotes(&[(90, 999, 5, 1000, 500)]));
    let mut send = |t: i64, id: u32, kind: OrderKind| {
        s.place(t, id, Side::Buy, kind, 2, if kind == OrderKind::Ioc { 1000 } else { 999 });
        s.cancel(t + 3, id);
        let reported = s.reported(t + 9 + 10);
        reported.first().cloned().unwrap_or_default().split_whitespace().skip(2).collect::<Vec<_>>().join(" ")
    };
    let sent: Vec<String> = (0..6).map(|n| send(100 + 20 * i64::from(n), 1 + n, OrderKind::PostOnly)).collect();
    let answers =
        ["accepted 1", "accepted 2", "accepted 3", "rejected 4 RateLimit", "rejected 5 RateLimit", "accepted 6"];
    assert_eq!(sent, answers);
    // the free one of 260 trades and earns a unit
    assert_eq!(send(260, 7, OrderKind::Ioc), "fill 7 Buy 2 @ 1000 taker fee 0");
    assert_eq!(send(265 + 15, 8, OrderKind::PostOnly), "accepted 8");
    assert_eq!(send(300, 9, OrderKind::PostOnly), "rejected 9 RateLimit");
}

/// Lighter's least size binds orders that may rest, not those that only take.
#[test]
fn minimums_bind_whom_the_venue_says() {
    let mut w = world();
    w.instrument.min_qty = qty(3);
    let refused = |takers: bool, kind: OrderKind| {
        let mut w = w.clone();
        w.instrument.min_binds_takers = takers;
        let mut s = Scene::long(w, quotes(&[(90, 999, 5, 1000, 5)]));
        s.place(100, 1, Side::Buy, kind, 2, if kind == OrderKind::PostOnly { 999 } else { 1000 });
        s.reported(200) == ["115 110 rejected 1 Rules"]
    };
    assert!(refused(true, OrderKind::Ioc) && refused(true, OrderKind::PostOnly));
    assert!(!refused(false, OrderKind::Ioc) && refused(false, OrderKind::PostOnly));
}

#[test]
fn depth_not_older_than_the_quote_is_walked_by_level() {
    let mut tables = quotes(&[(90, 999, 5, 1000, 5), (200, 999, 5, 1000, 6)]);
    tables.depth = vec![depth(90, &[(999, 5)], &[(1000, 5), (1003, 2), (1004, 50)])];
    let mut s = Scene::long(world(), tables);
    s.place(100, 1, Side::Buy, OrderKind::Ioc, 9, 1003);
    s.place(195, 2, Side::Buy, OrderKind::Ioc, 9, 1003);
    assert_eq!(
        s.reported(300),
        [
            "115 110 fill 1 Buy 5 @ 1000 taker fee 0",
            "115 110 fill 1 Buy 2 @ 1003 taker fee 0",
            "115 110 done 1 7",
            // the quote of 200 is newer than the snapshot: its size, then impact (0.1 rounds up to a tick of 1)
            "210 205 fill 2 Buy 6 @ 1000 taker fee 0",
            "210 205 fill 2 Buy 3 @ 1001 taker fee 0",
            "210 205 done 2 9",
        ]
    );
}

#[test]
fn fok_is_all_or_nothing() {
    let mut s = Scene::long(world(), quotes(&[(90, 999, 5, 1000, 5)]));
    s.place(100, 1, Side::Buy, OrderKind::Fok, 6, 1000);
    s.place(120, 2, Side::Buy, OrderKind::Fok, 5, 1000);
    assert_eq!(s.reported(200), ["115 110 done 1 0", "135 130 fill 2 Buy 5 @ 1000 taker fee 0", "135 130 done 2 5"]);
    s.world.instrument.has_fok = false;
    s.place(300, 3, Side::Buy, OrderKind::Fok, 1, 1000);
    assert_eq!(s.reported(400), ["315 310 rejected 3 Rules"]);
}

/// 200 bp around a mark of 1,000: 980 to 1,020, on both sides and for every kind; then the mark stands at 1,100, 1,078 to
/// 1,122. Before the first mark, and without a band, every limit is taken.
#[test]
fn a_limit_far_from_the_mark_is_refused() {
    let answers = |band: Option<i64>, marks: &[(i64, i64)]| {
        let mut w = world();
        w.instrument.price_band = band.map(Rate::from_bps);
        let mut tables = quotes(&[(0, 999, 500, 1000, 500)]);
        tables.marks = marks.iter().map(|&(t, px)| mark(t, px, px)).collect();
        let mut s = Scene::long(w, tables);
        let orders = [
            (Side::Buy, OrderKind::Ioc, 1020, false),
            (Side::Buy, OrderKind::Ioc, 1021, false),
            (Side::Sell, OrderKind::Ioc, 980, true),
            (Side::Sell, OrderKind::Ioc, 979, true),
            (Side::Buy, OrderKind::PostOnly, 979, false),
            (Side::Buy, OrderKind::Ioc, 1020, false),
        ];
        let mut one = |(n, &(side, kind, limit, reduce_only)): (i64, &(Side, OrderKind, i64, bool))| {
            let t = 100 + 100 * n;
            let mut order = order(Role::Long, n as u32 + 1, side, kind, if reduce_only { 1 } else { 3 }, limit);
            order.reduce_only = reduce_only;
            s.send(t, Command::Place(order));
            !s.reported(t + 99)[0].ends_with("PriceBand")
        };
        let taken: Vec<bool> = (0..).zip(&orders).map(&mut one).collect();
        assert_eq!(s.venue.stats().rejected(Reject::PriceBand) as usize, taken.iter().filter(|taken| !**taken).count());
        taken
    };
    let marks = [(0, 1000), (605, 1100)];
    assert_eq!(answers(Some(200), &marks), [true, false, true, false, false, false]);
    assert_eq!(answers(Some(200), &marks[..1]), [true, false, true, false, false, true]);
    assert_eq!(answers(Some(200), &marks[1..]), [true, true, true, true, true, false]);
    assert_eq!(answers(Some(200), &[]), [true; 6]);
    assert_eq!(answers(None, &marks), [true; 6]);
}

#[test]
fn every_refusal_has_its_name() {
    let mut w = world();
    w.instrument.min_qty = qty(2);
    w.instrument.min_notional = Notional(px(5).of(qty(1000)).0);
    w.instrument.lot = qty(2);
    w.fees.taker = Rate::from_bps(2);
    let mut s = Scene::long(w, quotes(&[(0, 999, 500, 1000, 500_000)]));
    let mut id = 0;
    let mut try_one = |side, kind, size, limit, reduce_only| {
        id += 1;
        let t = i64::from(id) * 100;
        let mut order = order(Role::Long, id, side, kind, size, limit);
        order.reduce_only = reduce_only;
        s.send(t, Command::Place(order));
        let reported = s.reported(t + 99);
        reported[0].splitn(3, ' ').nth(2).unwrap_or_default().to_string()
    };
    assert_eq!(try_one(Side::Buy, OrderKind::Ioc, 3, 1000, false), "rejected 1 Rules"); // lot
    assert_eq!(try_one(Side::Buy, OrderKind::Ioc, 2, 1000, false), "rejected 2 Rules"); // 2 < 5 quote
    assert_eq!(try_one(Side::Buy, OrderKind::PostOnly, 6, 1000, false), "rejected 3 PostOnlyCross");
    assert_eq!(try_one(Side::Sell, OrderKind::Ioc, 6, 999, true), "rejected 4 ReduceOnly");
    assert_eq!(try_one(Side::Buy, OrderKind::Ioc, 6, 1000, true), "rejected 5 ReduceOnly");
    // 50 coins at 1,000 need 10,000 of margin and a fee of 10 out of 10,000
    assert_eq!(try_one(Side::Buy, OrderKind::Ioc, 50_000, 1000, false), "rejected 6 NoMargin");
    assert_eq!(try_one(Side::Buy, OrderKind::Ioc, 6, 1000, false), "fill 7 Buy 6 @ 1000 taker fee -0.0012");
    // a reduce-only sale of more than the leg is trimmed to it; as it closes the whole leg, lot and minimum are waived
    assert_eq!(try_one(Side::Sell, OrderKind::Ioc, 7, 999, true), "fill 8 Sell 6 @ 999 taker fee -0.001199");
    assert_eq!(s.leg(), 0);
    let stats = s.venue.stats();
    assert_eq!(stats.rejects.iter().sum::<u32>(), 6);
    assert_eq!(stats.sent_qty, stats.filled_qty + stats.dead_qty + s.venue.open_qty());
}

/// At most 2 requests in any 100 ms: those of 0 and 10 leave, 20 does not and is known at once; 100 leaves again.
#[test]
fn the_rate_limit_is_a_rolling_window() {
    let mut w = world();
    w.rate_limit = Some(RateLimit { requests: 2, window: 100 * MS });
    let mut s = Scene::long(w, quotes(&[(0, 999, 5, 1000, 500)]));
    for (id, t) in [(1, 0), (2, 10), (3, 20), (4, 100), (5, 109)] {
        s.place(t, id, Side::Buy, OrderKind::PostOnly, 1, 990);
    }
    assert_eq!(
        s.reported(200),
        [
            "15 10 accepted 1",
            "20 20 rejected 3 RateLimit",
            "25 20 accepted 2",
            "109 109 rejected 5 RateLimit",
            "115 110 accepted 4",
        ]
    );
}

/// Three tenths of ten requests are kept for closes, covers and cancels: seven openings leave, then only those.
#[test]
fn a_reserve_of_requests_is_kept() {
    let mut w = world();
    w.rate_limit = Some(RateLimit { requests: 10, window: 10_000 * MS });
    w.reserve = Rate(3 * Rate::ONE / 10);
    let mut s = Scene::long(w, quotes(&[(0, 999, 5, 1000, 500)]));
    for id in 1..=8 {
        s.place(0, id, Side::Buy, OrderKind::PostOnly, 1, 990);
    }
    assert_eq!(s.reported(0), ["0 0 rejected 8 RateLimit"]);
    s.change(20, 1, 2, 991);
    s.cancel(20, 2);
    let cover = |id| NewOrder { covers: true, ..order(Role::Long, id, Side::Buy, OrderKind::Ioc, 1, 1000) };
    s.send(20, Command::Place(cover(9)));
    let close = NewOrder { reduce_only: true, ..order(Role::Long, 10, Side::Sell, OrderKind::Ioc, 1, 999) };
    s.send(60, Command::Place(close));
    s.send(60, Command::Place(cover(11)));
    let reported: Vec<String> = s.reported(200).into_iter().filter(|line| !line.contains("accepted")).collect();
    assert_eq!(
        reported,
        [
            "20 20 cancel rejected 1",
            "35 30 done 2 0",
            "35 30 fill 9 Buy 1 @ 1000 taker fee 0",
            "35 30 done 9 1",
            "60 60 rejected 11 RateLimit",
            "75 70 fill 10 Sell 1 @ 999 taker fee 0",
            "75 70 done 10 1",
        ]
    );
}

/// The venue's own delay: 25 ms for what may take, none for post-only, 7 for cancels.
#[test]
fn delays_go_by_kind() {
    let mut w = world();
    w.delays = Delays { taker: 25 * MS, maker: TimeDelta::ZERO, cancel: 7 * MS };
    let mut s = Scene::long(w, quotes(&[(90, 999, 5, 1000, 5)]));
    s.place(100, 1, Side::Buy, OrderKind::Ioc, 1, 1000);
    s.place(100, 2, Side::Buy, OrderKind::PostOnly, 1, 999);
    s.cancel(120, 2);
    assert_eq!(
        s.reported(200),
        ["115 110 accepted 2", "140 135 fill 1 Buy 1 @ 1000 taker fee 0", "140 135 done 1 1", "142 137 done 2 0"]
    );
}

/// On a net account orders open, close and turn the position around; only a marked one is held to it. What is open when
/// funding is settled pays or receives it, whichever way it is: 5 short receive 5 x 103 x 1 %.
#[test]
fn a_net_position_opens_closes_and_turns() {
    let quotes = vec![quote(0, 100, 9_000, 101, 9_000), quote(500, 100, 9_000, 101, 8_000)];
    let trades = vec![trade(1_000, Side::Buy, 103, 9_000)];
    let (marks, funding) = (vec![mark(1_250, 103, 103)], vec![settlement(1_250, 10_000_000_000)]);
    let tables = VenueTables { quotes, trades, marks, funding, ..VenueTables::default() };
    // 18.05 at the mid of 100.5 open 9 coins at 20 %
    let cash = Cash::units(181);
    let account = NetAccount::new(cash, Rate(200_000_000_000), Cash(1_000_000));
    let mut scene = Scene::with_account(Role::Long, world(), tables, account);
    let reduce = |id, side, kind, size, limit| {
        Command::Place(NewOrder { reduce_only: true, ..order(Role::Long, id, side, kind, size, limit) })
    };
    scene.send(1, reduce(1, Side::Sell, OrderKind::Limit, 1_000, 102));
    scene.place(19, 7, Side::Buy, OrderKind::Ioc, 9_100, 101);
    scene.place(20, 2, Side::Buy, OrderKind::Ioc, 3_000, 101);
    scene.send(40, reduce(3, Side::Sell, OrderKind::Limit, 5_000, 102));
    assert_eq!(
        scene.reported(1_100),
        [
            "16 11 rejected 1 ReduceOnly",
            "34 29 rejected 7 NoMargin",
            "35 30 fill 2 Buy 3000 @ 101 taker fee 0",
            "35 30 done 2 3000",
            "55 50 accepted 3",
            "1005 1000 fill 3 Sell 3000 @ 102 maker fee 0",
            "1005 1000 done 3 3000",
        ]
    );
    assert_eq!(scene.venue.truth().cash, cash + Cash::units(3));
    scene.place(1_200, 4, Side::Sell, OrderKind::Ioc, 2_000, 100);
    scene.place(1_201, 5, Side::Sell, OrderKind::Ioc, 3_000, 100);
    scene.reported(1_240);
    assert_eq!(scene.venue.truth().position, qty(-5_000));
    scene.send(1_240, reduce(6, Side::Buy, OrderKind::Ioc, 9_000, 101));
    // 5 short; the reduce-only buy of 9 takes no more than that, after the settlement of that instant
    assert_eq!(
        scene.reported(1_300),
        ["1255 1250 funding 5.15 @ 103", "1255 1250 fill 6 Buy 5000 @ 101 taker fee 0", "1255 1250 done 6 5000"]
    );
    assert_eq!(scene.venue.truth().position, Qty::ZERO);
}
