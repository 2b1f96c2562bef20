//! Resting orders: queues, trades, crossings, cancels.

use super::market::*;
use crate::config::{Queue, VenueWorld};
use crate::market::{Command, FeeSchedule, NewOrder, OrderId, OrderKind, Role, Side};
use crate::tape::rows::VenueTables;
use crate::units::{MS, Qty, Rate};

/// Rests at 999 behind 10 from 110 on. Trades: 4 (behind), 8 (2 for us), a print that touched no book, 9 on the other
/// side of the book, then one of 3 through our price: the rest of 5.
fn queue_tape() -> VenueTables {
    let mut unseen = trade(130, Side::Sell, 999, 50);
    unseen.consumed_book = false;
    VenueTables {
        quotes: vec![quote(90, 999, 10, 1001, 10)],
        trades: vec![
            trade(110, Side::Sell, 999, 100),
            trade(115, Side::Sell, 999, 4),
            trade(120, Side::Sell, 999, 8),
            unseen,
            trade(140, Side::Buy, 1001, 9),
            trade(150, Side::Sell, 998, 3),
        ],
        ..Default::default()
    }
}

#[test]
fn trades_empty_the_queue_and_then_fill_us() {
    let mut w = world();
    w.fees = FeeSchedule { maker: Rate::from_bps(-1), ..Default::default() };
    let mut s = Scene::long(w, queue_tape());
    s.place(100, 1, Side::Buy, OrderKind::PostOnly, 5, 999);
    assert_eq!(
        s.reported(200),
        [
            "115 110 accepted 1", // the trade of 110 came before the order
            "125 120 fill 1 Buy 2 @ 999 maker fee 0.000199",
            "155 150 fill 1 Buy 3 @ 999 maker fee 0.000299",
            "155 150 done 1 5",
        ]
    );
    assert_eq!(s.cash(), "10000.000498");
}

/// The same on the short venue, mirrored.
#[test]
fn a_sale_rests_as_a_buy_does() {
    let tape = VenueTables {
        quotes: vec![quote(90, 999, 10, 1001, 10)],
        trades: vec![trade(120, Side::Buy, 1001, 12), trade(130, Side::Sell, 1001, 9), trade(150, Side::Buy, 1002, 9)],
        ..Default::default()
    };
    let mut s = Scene::new(Role::Short, world(), tape);
    s.place(100, 1, Side::Sell, OrderKind::PostOnly, 5, 1001);
    assert_eq!(
        s.reported(200),
        [
            "115 110 accepted 1",
            "125 120 fill 1 Sell 2 @ 1001 maker fee 0",
            "155 150 fill 1 Sell 3 @ 1001 maker fee 0",
            "155 150 done 1 5",
        ]
    );
}

/// Inside the spread nobody is ahead. A quote that reaches us fills at most its size, each displayed size once.
#[test]
fn a_crossing_quote_fills_its_size_once() {
    let tape = VenueTables {
        quotes: vec![
            quote(90, 999, 10, 1003, 10),
            quote(120, 999, 10, 1001, 2),
            quote(121, 999, 10, 1001, 2),
            quote(122, 998, 10, 1000, 1),
        ],
        trades: vec![trade(130, Side::Sell, 1001, 1)],
        ..Default::default()
    };
    let mut s = Scene::long(world(), tape);
    s.place(100, 1, Side::Buy, OrderKind::PostOnly, 5, 1001);
    assert_eq!(
        s.reported(200),
        [
            "115 110 accepted 1",
            "125 120 fill 1 Buy 2 @ 1001 maker fee 0",
            "127 122 fill 1 Buy 1 @ 1001 maker fee 0",
            "135 130 fill 1 Buy 1 @ 1001 maker fee 0",
        ]
    );
}

/// Behind 10 at 999; a trade of 2 leaves 8 ahead and explains 2 of a fall to 4; 4 more were cancelled.
/// Then 6 more trade. Ahead before them: risk-averse 8, bounded by the 4 shown; trades only 8; proportional: all 8 of
/// the 8 are ahead of us, so 4. With half of the size ahead at first (5, then 3 of 8): proportional 3 - 1.5 -> 2.
#[test]
fn reductions_are_apportioned_by_the_model() {
    let tape = || VenueTables {
        quotes: vec![quote(90, 999, 10, 1003, 10), quote(125, 999, 4, 1003, 10)],
        trades: vec![trade(120, Side::Sell, 999, 2), trade(130, Side::Sell, 999, 6)],
        ..Default::default()
    };
    let filled = |queue, ahead| {
        let mut w = world();
        w.fills.queue = queue;
        w.fills.queue_ahead = Rate(ahead * (Rate::ONE / 100));
        let mut s = Scene::long(w, tape());
        s.place(100, 1, Side::Buy, OrderKind::PostOnly, 20, 999);
        s.reported(200);
        s.leg()
    };
    assert_eq!(filled(Queue::RiskAverse, 100), 2);
    assert_eq!(filled(Queue::TradesOnly, 100), 0);
    assert_eq!(filled(Queue::Proportional, 100), 2);
    // half ahead
    assert_eq!(filled(Queue::RiskAverse, 50), 3);
    assert_eq!(filled(Queue::TradesOnly, 50), 3);
    assert_eq!(filled(Queue::Proportional, 50), 4); // 3 - 4 x 3/8 = 1.5 ahead, in thousandths of the lot; 6 - 1.5 = 4.5
    assert_eq!(filled(Queue::Power { n: 1.0 }, 50), 4);
    // 3^3 / (3^3 + 5^3) of 4 is 0.71: 2.29 ahead, 3.7 for us
    assert_eq!(filled(Queue::Power { n: 3.0 }, 50), 3);
}

/// Behind 6 at 999. The bid rises to 1000: our price is not shown, the queue stands still. It comes back with 4.
#[test]
fn a_hidden_queue_stands_still() {
    let tape = VenueTables {
        quotes: vec![quote(90, 999, 6, 1003, 10), quote(120, 1000, 9, 1003, 10), quote(130, 999, 4, 1003, 10)],
        trades: vec![trade(140, Side::Sell, 999, 5)],
        ..Default::default()
    };
    let mut s = Scene::long(world(), tape);
    s.place(100, 1, Side::Buy, OrderKind::PostOnly, 5, 999);
    assert_eq!(s.reported(200), ["115 110 accepted 1", "145 140 fill 1 Buy 1 @ 999 maker fee 0"]);
}

/// An order behind the best at a price that nobody shows: it waits for the feed to show it.
#[test]
fn behind_an_unknown_size_only_what_is_shown_counts() {
    let tape = VenueTables {
        quotes: vec![quote(90, 999, 6, 1003, 10), quote(130, 997, 4, 1003, 10)],
        trades: vec![trade(120, Side::Sell, 997, 50), trade(140, Side::Sell, 997, 5)],
        ..Default::default()
    };
    let mut s = Scene::long(world(), tape);
    s.place(100, 1, Side::Buy, OrderKind::PostOnly, 5, 997);
    assert_eq!(s.reported(200), ["115 110 accepted 1", "145 140 fill 1 Buy 1 @ 997 maker fee 0"]);
}

/// Snapshots show levels behind the best: 30 at 997, cancelled down to 3 while the best stays.
#[test]
fn depth_shows_queues_behind_the_best() {
    let tape = VenueTables {
        quotes: vec![quote(90, 999, 6, 1003, 10), quote(120, 999, 7, 1003, 10)],
        depth: vec![depth(90, &[(999, 6), (997, 30)], &[(1003, 10)]), depth(125, &[(999, 6), (997, 3)], &[(1003, 10)])],
        trades: vec![trade(140, Side::Sell, 997, 5)],
        ..Default::default()
    };
    let mut s = Scene::long(world(), tape);
    s.place(100, 1, Side::Buy, OrderKind::PostOnly, 5, 997);
    assert_eq!(s.reported(200), ["115 110 accepted 1", "145 140 fill 1 Buy 2 @ 997 maker fee 0"]);
}

#[test]
fn a_limit_order_takes_and_rests_and_a_cancel_ends_it() {
    let tape = VenueTables {
        quotes: vec![quote(90, 999, 6, 1000, 4)],
        trades: vec![trade(130, Side::Sell, 1000, 3)],
        ..Default::default()
    };
    let mut s = Scene::long(world(), tape);
    s.place(100, 1, Side::Buy, OrderKind::Limit, 10, 1000);
    s.ask(120, 1);
    s.cancel(130, 1);
    s.cancel(131, 1);
    s.ask(150, 1);
    s.ask(150, 7);
    assert_eq!(
        s.reported(300),
        [
            "115 110 fill 1 Buy 4 @ 1000 taker fee 0",
            "115 110 accepted 1",
            "135 130 fill 1 Buy 3 @ 1000 maker fee 0",
            "135 130 status 1 open 7",
            "145 140 done 1 7",
            "146 141 cancel rejected 1",
            "165 160 status 1 done 7",
            "165 160 status 7 unknown",
        ]
    );
    let stats = s.venue.stats();
    assert_eq!((stats.cancels_lost, stats.dead_qty), (1, i128::from(qty(3).0)));
}

/// Two of our orders share a trade of 5: it fills 3 and 2, not 3 and 3; a reduce-only sale never exceeds the leg.
#[test]
fn a_recorded_quantity_is_used_once() {
    let tape = VenueTables {
        quotes: vec![quote(90, 999, 6, 1003, 4)],
        trades: vec![trade(130, Side::Sell, 1001, 5), trade(170, Side::Buy, 1003, 50)],
        ..Default::default()
    };
    let mut s = Scene::long(world(), tape);
    s.place(100, 1, Side::Buy, OrderKind::PostOnly, 3, 1001);
    s.place(101, 2, Side::Buy, OrderKind::PostOnly, 3, 1001);
    s.reported(140);
    assert_eq!(s.leg(), 5);
    s.place(150, 3, Side::Sell, OrderKind::PostOnly, 4, 1002);
    s.place(150, 4, Side::Sell, OrderKind::PostOnly, 4, 1002);
    assert_eq!(
        s.reported(200),
        [
            "165 160 accepted 3",
            "165 160 accepted 4",
            "175 170 fill 3 Sell 4 @ 1002 maker fee 0",
            "175 170 fill 4 Sell 1 @ 1002 maker fee 0",
            "175 170 done 3 4",
            "175 170 done 4 1", // no leg is left to close
        ]
    );
}

/// Half of the displayed size is ahead, and cancels are spread evenly.
fn half_ahead() -> VenueWorld {
    let mut w = world();
    w.fills.queue = Queue::Proportional;
    w.fills.queue_ahead = Rate(Rate::ONE / 2);
    w
}

/// What a buy of `qty` at `px`, resting from 110 on, has filled at 200.
fn bought(w: VenueWorld, tape: VenueTables, qty: i64, px: i64) -> i64 {
    let mut s = Scene::long(w, tape);
    s.place(100, 1, Side::Buy, OrderKind::PostOnly, qty, px);
    s.reported(200);
    s.leg()
}

/// What trades explain is no cancel: of 100, 50 ahead, a trade of 20, then 80 shown: still 30 ahead. 40 trade, 10 for us.
#[test]
fn a_reduction_that_trades_explain_moves_nothing_more() {
    let tape = VenueTables {
        quotes: vec![quote(90, 999, 100, 1003, 10), quote(125, 999, 80, 1003, 10)],
        trades: vec![trade(120, Side::Sell, 999, 20), trade(130, Side::Sell, 999, 40)],
        ..Default::default()
    };
    let w = half_ahead();
    assert_eq!(bought(w, tape, 50, 999), 10);
}

/// The same, with a quote between the trade and its effect in which the asks alone changed.
#[test]
fn a_row_that_repeats_the_size_does_not_forget_the_trade() {
    let tape = VenueTables {
        quotes: vec![quote(90, 999, 100, 1003, 10), quote(122, 999, 100, 1003, 9), quote(125, 999, 80, 1003, 9)],
        trades: vec![trade(120, Side::Sell, 999, 20), trade(130, Side::Sell, 999, 40)],
        ..Default::default()
    };
    let w = half_ahead();
    assert_eq!(bought(w, tape, 50, 999), 10);
}

/// Behind the best a quote says nothing where snapshots do: 15 of 30 ahead at 997, 10 cancelled, 5 of them ahead of us.
#[test]
fn a_quote_does_not_hide_a_level_that_snapshots_show() {
    let tape = VenueTables {
        quotes: vec![quote(90, 999, 6, 1003, 10), quote(120, 999, 7, 1003, 10)],
        depth: vec![
            depth(90, &[(999, 6), (997, 30)], &[(1003, 10)]),
            depth(125, &[(999, 6), (997, 20)], &[(1003, 10)]),
        ],
        trades: vec![trade(140, Side::Sell, 997, 12)],
        ..Default::default()
    };
    let w = half_ahead();
    assert_eq!(bought(w, tape, 50, 997), 2);
}

/// After a crossing nobody is ahead: the next trade at our price is ours.
#[test]
fn a_crossing_empties_the_queue() {
    let tape = VenueTables {
        quotes: vec![quote(90, 1001, 10, 1003, 10), quote(120, 1000, 10, 1001, 2)],
        trades: vec![trade(125, Side::Sell, 1001, 3)],
        ..Default::default()
    };
    assert_eq!(bought(world(), tape, 9, 1001), 5);
}

/// A leg of 5 is sold by a resting order of 5, of which 3 fill. Changed to 9 in all it is held to the leg of 2 that is left:
/// 5 in all, never less than what has filled.
#[test]
fn a_changed_close_is_held_to_what_is_left_of_the_leg() {
    let tape = VenueTables {
        quotes: vec![quote(50, 999, 9, 1001, 9), quote(90, 999, 9, 1001, 1)],
        trades: vec![trade(200, Side::Buy, 1001, 4), trade(300, Side::Buy, 1004, 9)],
        ..Default::default()
    };
    for reduce_only in [false, true] {
        let mut s = Scene::long(world(), tape.clone());
        s.place(60, 1, Side::Buy, OrderKind::Ioc, 5, 1001);
        let close = order(Role::Long, 2, Side::Sell, OrderKind::PostOnly, 5, 1001);
        s.send(100, Command::Place(NewOrder { reduce_only, ..close }));
        s.reported(220);
        assert_eq!(s.leg(), 2);
        s.change(220, 2, 9, 1003);
        let reported = ["235 230 accepted 2", "305 300 fill 2 Sell 2 @ 1003 maker fee 0", "305 300 done 2 5"];
        assert_eq!(s.reported(400), reported);
        assert_eq!(s.leg(), 0);
    }
}

/// A close is held to the leg of its arrival: 9 asked for over a leg of 5 are 5, and stay 5 when the leg grows to 9.
#[test]
fn a_close_does_not_grow_with_the_leg() {
    let tape = VenueTables {
        quotes: vec![quote(50, 999, 9, 1001, 9)],
        trades: vec![trade(300, Side::Buy, 1005, 20)],
        ..Default::default()
    };
    let mut s = Scene::long(world(), tape);
    s.place(60, 1, Side::Buy, OrderKind::Ioc, 5, 1001);
    let close = order(Role::Long, 2, Side::Sell, OrderKind::PostOnly, 9, 1004);
    s.send(100, Command::Place(NewOrder { reduce_only: true, ..close }));
    s.place(200, 3, Side::Buy, OrderKind::Ioc, 4, 1001);
    assert_eq!(s.reported(290).last().map(String::as_str), Some("215 210 done 3 4"));
    assert_eq!(s.leg(), 9);
    assert_eq!(s.reported(400), ["305 300 fill 2 Sell 5 @ 1004 maker fee 0", "305 300 done 2 5"]);
    assert_eq!(s.leg(), 4);
}

/// A close of 5 that has filled 3 is changed while the book is too old and waits for its next row, which it would cross: a
/// post-only order must go, and it goes as one that ended with 3, not as one that was refused whole.
#[test]
fn a_changed_order_that_cannot_enter_ends_with_what_it_has() {
    let tape = VenueTables {
        quotes: vec![quote(50, 999, 9, 1001, 9), quote(90, 999, 9, 1001, 1), quote(600, 1004, 9, 1006, 9)],
        trades: vec![trade(180, Side::Buy, 1001, 4)],
        ..Default::default()
    };
    let mut w = world();
    w.fills.max_book_age = 100 * MS;
    let mut s = Scene::long(w, tape);
    s.place(60, 1, Side::Buy, OrderKind::Ioc, 5, 1001);
    s.place(100, 2, Side::Sell, OrderKind::PostOnly, 5, 1001);
    s.change(220, 2, 5, 1003);
    s.reported(300);
    assert_eq!(s.reported(700), ["605 600 done 2 3"]);
    assert_eq!(s.leg(), 2);
}

/// First in the queue of 5 but for those, an order changed in size alone goes to the back: the trade of 7 that would have
/// given it 2 gives it nothing. A change through the other side's best ends a post-only order and lets a limit order
/// take; one to what has filled completes it; one off the grid leaves the order its place.
#[test]
fn a_change_loses_the_place_in_the_queue() {
    let tables = || VenueTables {
        quotes: vec![quote(50, 999, 5, 1001, 5)],
        trades: vec![trade(200, Side::Sell, 999, 5), trade(210, Side::Sell, 999, 2), trade(300, Side::Sell, 999, 5)],
        ..Default::default()
    };
    let mut s = Scene::long(world(), tables());
    s.place(60, 1, Side::Buy, OrderKind::PostOnly, 3, 999);
    s.change(195, 1, 4, 999);
    assert_eq!(s.reported(280), ["75 70 accepted 1", "210 205 accepted 1"]);
    assert_eq!(s.reported(400), ["305 300 fill 1 Buy 2 @ 999 maker fee 0"]);
    s.change(400, 1, 2, 999);
    s.change(401, 1, 2, 999);
    assert_eq!(s.reported(500), ["415 410 done 1 2", "416 411 cancel rejected 1"]);
    let mut s = Scene::long(world(), tables());
    s.place(60, 1, Side::Buy, OrderKind::PostOnly, 3, 999);
    s.change(100, 1, 0, 998);
    s.change(102, 1, 3, 1001);
    assert_eq!(s.reported(150), ["75 70 accepted 1", "115 110 done 1 0", "117 112 cancel rejected 1"]);
    let mut s = Scene::long(world(), tables());
    s.place(60, 1, Side::Buy, OrderKind::PostOnly, 3, 999);
    s.send(100, Command::Modify { venue: Role::Long, id: OrderId(1), qty: Qty(1_500_000), limit: px(999) });
    let kept = ["75 70 accepted 1", "115 110 cancel rejected 1", "215 210 fill 1 Buy 2 @ 999 maker fee 0"];
    assert_eq!(s.reported(280), kept);
    let mut s = Scene::long(world(), tables());
    s.place(60, 1, Side::Buy, OrderKind::Limit, 3, 999);
    s.send(100, Command::Modify { venue: Role::Long, id: OrderId(1), qty: Qty(1_500_000), limit: px(999) });
    s.change(150, 1, 7, 1001);
    assert_eq!(
        s.reported(190),
        [
            "75 70 accepted 1",
            "115 110 cancel rejected 1",
            "165 160 fill 1 Buy 5 @ 1001 taker fee 0",
            "165 160 accepted 1",
        ]
    );
    assert_eq!(s.venue.stats().sent_qty, i128::from(qty(7).0));
}
