//! What a venue costs; printed, not judged: `cargo test --lib -- sim::tests::speed --ignored --nocapture`.

#![allow(clippy::disallowed_types, clippy::disallowed_methods, reason = "it measures time")]

use super::market::*;
use crate::config::Latency;
use crate::market::{Command, OrderKind, Role, Side};
use crate::sim::{OutageTable, SimVenue};
use crate::tape::rows::VenueTables;
use crate::units::MS;
use std::hint::black_box;
use std::time::Instant;

/// 200,000 quotes, a trade for each fourth, a mark for each tenth, 10 ms apart.
fn long_tape() -> VenueTables {
    let mut tables = VenueTables::default();
    for n in 0..200_000 {
        let t = n * 10;
        let bid = 10_000 + (n * 7_919 % 13);
        tables.quotes.push(quote(t, bid, 1_000, bid + 1, 1_000));
        if n % 4 == 0 {
            tables.trades.push(trade(t + 3, Side::Sell, bid, 1));
        }
        if n % 10 == 0 {
            tables.marks.push(mark(t + 5, bid, bid));
        }
    }
    tables
}

/// The best of seven runs, each from the same venue.
fn per(name: &str, count: i64, venue: &SimVenue, act: impl Fn(&mut SimVenue)) {
    let run = || {
        let mut venue = venue.clone();
        let start = Instant::now();
        act(&mut venue);
        start.elapsed().as_nanos()
    };
    let best = (0..7).map(|_| run()).min().unwrap_or(0);
    println!("{name}: {:.1} ns", best as f64 / count as f64);
}

#[test]
#[ignore = "a measurement"]
fn costs() {
    let mut w = world();
    w.fills.order_latency = Latency::Lognormal { median: 50 * MS, sigma: 0.5 };
    w.fills.response_latency = w.fills.order_latency.clone();
    w.fills.reject_rate = 0.01;
    let scene = Scene::long(w, long_tape());
    let env = scene.env();
    println!("SimVenue: {} bytes", size_of::<SimVenue>());
    let fresh = || scene.venue.clone();
    let n = 200_000;

    per("idle advance", 100 * n, &fresh(), |venue| {
        for t in 0..100 * n {
            black_box(venue.advance(crate::units::Time(t * 100_000), &env));
        }
    });
    per("idle row of the reference", n + n / 4 + n / 10, &fresh(), |venue| {
        black_box(venue.advance_every_row(ms(10 * n), &env));
    });
    per("idle reference, a call each 10 ms (1.35 rows)", n, &fresh(), |venue| {
        for t in 0..n {
            black_box(venue.advance_every_row(ms(10 * t), &env));
        }
    });
    let trips = 1_000;
    per("IOC round trip (buy, sell, four answers), 2 s apart", trips, &fresh(), |venue| {
        for trip in 0..trips {
            for (half, side) in [(0, Side::Buy), (1, Side::Sell)] {
                let t = ms(trip * 2_000 + half * 1_000);
                venue.advance(t, &env);
                let limit = if side == Side::Buy { 10_100 } else { 9_900 };
                let order = order(Role::Long, (2 * trip + half + 1) as u32, side, OrderKind::Ioc, 100, limit);
                venue.submit(t, 0, Command::Place(order), &env);
                while venue.advance(t.plus(999 * MS), &env) {}
                while let Some(event) = venue.pop(t.plus(999 * MS)) {
                    black_box(event);
                }
            }
        }
    });
    let mut venue = fresh();
    let order = order(Role::Long, 1, Side::Buy, OrderKind::PostOnly, 100, 9_000);
    venue.submit(ms(0), 0, Command::Place(order), &env);
    venue.advance(ms(1_000), &env);
    per("row while an order rests", n + n / 4, &venue, |venue| {
        black_box(venue.advance(ms(10 * n), &env));
    });
    let mut venue = fresh();
    let order = super::market::order(Role::Long, 1, Side::Buy, OrderKind::Ioc, 100, 10_100);
    venue.submit(ms(0), 0, Command::Place(order), &env);
    venue.advance(ms(1_000), &env);
    per("advance with an open leg, 10 ms each", n - 100, &venue, |venue| {
        for t in 100..n {
            black_box(venue.advance(ms(t * 10), &env));
        }
    });
    per("liquidation level", 10_000, &venue, |venue| {
        let leg = venue.truth().leg_margin();
        for _ in 0..10_000 {
            black_box(black_box(leg).and_then(|leg| leg.liquidation_level(&env.world.instrument.margin)));
        }
    });
    let outages = OutageTable::default();
    per("outage look-up", 10_000, &venue, |_| {
        for t in 0..10_000 {
            black_box(outages.answers_at(ms(t)));
        }
    });
}
