//! Luck belongs to the order, not to the configuration.

use super::super::chance::{Key, Kind};
use super::market::*;
use crate::config::{Burst, Latency};
use crate::market::{Command, OrderKind, Role, Side};
use crate::sim::SimVenue;
use crate::tape::rows::{QuoteRow, VenueTables};
use crate::units::{MS, Time};

/// Answers to one IOC of 1 sent at 500 with place 1 in its instant, in a life with and without other orders.
#[test]
fn the_same_order_meets_the_same_luck_in_another_life() {
    let mut w = world();
    w.fills.order_latency = Latency::Lognormal { median: 50 * MS, sigma: 0.5 };
    w.fills.response_latency = Latency::Lognormal { median: 50 * MS, sigma: 0.5 };
    w.fills.reject_rate = 0.3;
    let tables = VenueTables { quotes: vec![quote(0, 999, 9000, 1000, 9000)], ..Default::default() };
    let s = Scene::long(w, tables);
    let mut refused = 0;
    for t in 500..700 {
        let run = |others: &[(i64, u32)], reverse: bool| {
            let mut venue = s.venue.clone();
            let mut list: Vec<(i64, u32, u32)> = others.iter().map(|&(t, n)| (t, n, 100 + n)).collect();
            list.push((t, 1, 1));
            if reverse {
                list.reverse();
            }
            for (t, ordinal, id) in list {
                let order = order(Role::Long, id, Side::Buy, OrderKind::Ioc, 1, 1000);
                venue.submit(ms(t), ordinal, Command::Place(order), &s.env());
            }
            told_of(&mut venue, &s, 1)
        };
        let alone = run(&[], false);
        let crowded = run(&[(t, 0), (t, 2), (400, 0)], false);
        assert_eq!(alone.1, crowded.1, "the same end");
        assert_eq!(alone.0, crowded.0, "at the same venue time");
        assert_eq!(crowded, run(&[(t, 0), (t, 2), (400, 0)], true));
        refused += u32::from(alone.1.contains("rejected"));
    }
    assert!((35..=85).contains(&refused), "{refused} of 200 at 0.3");
}

/// Venue times and words of the answers of one order.
/// Five rows of the second before 2 s, two a second being calm, slope 2: 1 + 2 x (5 / 2 - 1) = 4 times 10 and 5 ms. From
/// 3 s on the second before is calm (empty). Recorded: the slowest of the newest second with rows took 30 ms.
#[test]
fn a_burst_makes_every_message_slower() {
    let quotes = (0..5).map(|n| {
        let row = quote(1_100 + 100 * n, 999, 50, 1000, 50);
        QuoteRow { recv: row.exch.plus(if n == 3 { 30 * MS } else { 2 * MS }), ..row }
    });
    let tables = VenueTables { quotes: quotes.collect(), ..Default::default() };
    let mut w = world();
    w.fills.burst = Burst { slope: 2.0, calm_rows: 2 };
    let arrivals = |s: &mut Scene, t: i64| {
        s.place(t, 9, Side::Buy, OrderKind::Ioc, 1, 1000);
        s.reported(t + 500).first().map(|line| line.split(" fill").next().unwrap_or_default().to_string())
    };
    let mut s = Scene::long(w.clone(), tables.clone());
    assert_eq!(arrivals(&mut s, 1_900).as_deref(), Some("1915 1910"));
    assert_eq!(arrivals(&mut s, 2_400).as_deref(), Some("2460 2440"));
    assert_eq!(arrivals(&mut s, 3_100).as_deref(), Some("3115 3110"));
    w.fills.burst.slope = 0.0;
    w.fills.order_latency = Latency::Recorded;
    let mut s = Scene::long(w, tables);
    assert_eq!(arrivals(&mut s, 3_100).as_deref(), Some("3135 3130"));
}

fn told_of(venue: &mut SimVenue, s: &Scene, id: u32) -> (Vec<Time>, String) {
    let mut out = (Vec::new(), String::new());
    while venue.advance(ms(60_000), &s.env()) {}
    while let Some(event) = venue.pop(ms(60_000)) {
        if event.body.order().is_some_and(|order| order.0 == id) {
            out.0.push(event.venue_time);
            out.1 += line(&event).splitn(3, ' ').nth(2).unwrap_or_default();
        }
    }
    out
}

/// The answer to a cancel is drawn by the cancel's own key, as its first; the order's own answers by the order's.
#[test]
fn a_cancels_answer_has_the_cancels_key() {
    let mut w = world();
    w.fills.response_latency = Latency::Lognormal { median: 5 * MS, sigma: 0.5 };
    let mut s = Scene::long(w, VenueTables { quotes: vec![quote(0, 999, 5, 1000, 5)], ..Default::default() });
    s.place(100, 1, Side::Buy, OrderKind::PostOnly, 3, 999);
    s.cancel(300, 1);
    let arrives: Vec<Time> = s.events(900).iter().map(|event| event.at).collect();
    let drawn = |decided: i64, arrived: i64| {
        let env = s.env();
        let key = Key { at: ms(decided), ordinal: 0 };
        ms(arrived).plus(env.travel(&env.world.fills.response_latency, Kind::ResponseLatency, key, 0, ms(arrived)))
    };
    assert_eq!(arrives, [drawn(100, 110), drawn(300, 310)]);
}
