//! Our side of the comparison with an independent simulator (tests/peers): a list of orders goes straight to [`SimVenue`] on
//! the recorded Binance tape, each order to a venue of its own, so that none meets what another took.
//!
//! `PERPX_PEER_ORDERS`: CSV `id,venue,side,kind,price,qty,sent_ns,cancel_ns`. `PERPX_PEER_FILLS`: the CSV to write,
//! `id,time_ns,price,qty,maker`, times on the venue's clock. `PERPX_PEER_QUEUE`: `risk_averse`, `proportional` or `power N`.

use crate::real::{recordings, tape};
use perpx::config::{Fills, Latency, Queue, VenueWorld};
use perpx::import::import;
use perpx::ledger::VenueBook;
use perpx::market::*;
use perpx::sim::{Dice, Env, OutageTable, SimVenue};
use perpx::tape::Tile;
use perpx::units::{Cash, MS, Notional, Price, Qty, Rate, Time, TimeDelta, format_scaled, parse_scaled};
use serde::Deserialize;
use std::path::Path;

/// By role.
const VENUES: [&str; 2] = ["binance_usdm", "binance_coinm"];

#[derive(Deserialize)]
struct Scripted {
    id: u32,
    venue: String,
    side: String,
    kind: String,
    price: String,
    qty: String,
    sent_ns: i64,
    cancel_ns: i64,
}

fn variable(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| panic!("{name} is not set; tests/peers/run sets it"))
}

fn decimal(text: &str) -> i64 {
    let value = parse_scaled(text, 9).unwrap_or_else(|| panic!("{text:?} is not a decimal of nine places"));
    i64::try_from(value).expect("a value in range")
}

fn queue(text: &str) -> Queue {
    match text.split_once(' ') {
        None if text == "risk_averse" => Queue::RiskAverse,
        None if text == "proportional" => Queue::Proportional,
        Some(("power", n)) => Queue::Power { n: n.parse().expect("an exponent") },
        _ => panic!("PERPX_PEER_QUEUE is {text:?}; accepted: risk_averse, proportional, power N"),
    }
}

/// 10 ms each way, no fees, nothing fails; an order takes what is displayed and no more: a second best-size would cost as
/// much as the price itself. The lot divides every size of the tape and of the orders.
fn world(venue: &str, queue: Queue) -> VenueWorld {
    let latency = Latency::Constant(10 * MS);
    let lot = Qty(if venue == VENUES[0] { 200_000 } else { 1 });
    VenueWorld {
        instrument: Instrument {
            venue: venue.to_string(),
            tick: Price(100_000_000),
            lot,
            min_qty: lot,
            min_notional: Notional::ZERO,
            min_binds_takers: true,
            price_band: None,
            self_trade: SelfTrade::CancelMaker,
            money_grid: Cash(1_000_000),
            has_fok: false,
            funding_price: FundingPrice::Mark,
            margin: MarginSchedule::flat(Rate(4_000_000_000)),
            liquidation: LiquidationRule::TakeOver,
        },
        fees: FeeSchedule::default(),
        delays: Delays::default(),
        rate_limit: None,
        quota: None,
        reserve: Rate::ZERO,
        fence: TimeDelta::MAX,
        fills: Fills {
            order_latency: latency.clone(),
            response_latency: latency,
            queue,
            impact: Rate(Rate::ONE),
            ..Fills::calm()
        },
    }
}

/// All events of one order's life. The role follows the side, since a venue opens on one side alone; the rows follow the
/// venue's name.
fn lived(order: &Scripted, tile: &Tile, queue: Queue) -> Vec<Event> {
    let (side, role) = match order.side.as_str() {
        "buy" => (Side::Buy, Role::Long),
        "sell" => (Side::Sell, Role::Short),
        other => panic!("order {}: side {other:?}", order.id),
    };
    let kind = match order.kind.as_str() {
        "post_only" => OrderKind::PostOnly,
        "limit" => OrderKind::Limit,
        "ioc" => OrderKind::Ioc,
        other => panic!("order {}: kind {other:?}", order.id),
    };
    let rows = VENUES.iter().position(|name| *name == order.venue).expect("a venue of the tape");
    let world = world(&order.venue, queue);
    let outages = OutageTable::default();
    let dice = Dice::new(0, &order.venue);
    let env = Env { rows: &tile.venues[rows], world: &world, dice, outages: &outages, index: None };
    let capital = Cash::units(1_000_000_000);
    let book = VenueBook::new(role, world.instrument.money_grid, Rate(Rate::ONE), false, capital);
    let mut venue = SimVenue::new(role, book);
    venue.enter_tile(&env);
    let id = OrderId(order.id);
    let (limit, qty) = (Price(decimal(&order.price)), Qty(decimal(&order.qty)));
    let placed = NewOrder { id, venue: role, side, qty, limit, kind, reduce_only: false, covers: false };
    let mut events = Vec::new();
    let mut play = |venue: &mut SimVenue, until: Time| {
        while venue.advance(until, &env) {}
        events.extend(std::iter::from_fn(|| venue.pop(until)));
    };
    play(&mut venue, Time(order.sent_ns));
    venue.submit(Time(order.sent_ns), 0, Command::Place(placed), &env);
    if order.cancel_ns > 0 {
        play(&mut venue, Time(order.cancel_ns));
        venue.submit(Time(order.cancel_ns), 0, Command::Cancel { venue: role, id }, &env);
    }
    play(&mut venue, tile.end);
    events
}

#[test]
#[ignore = "one side of a comparison: run by tests/peers/run"]
fn fills_of_a_list_of_orders() {
    let orders = variable("PERPX_PEER_ORDERS");
    let orders = csv::Reader::from_path(&orders).unwrap_or_else(|e| panic!("{orders}: {e}"));
    let mut fills = csv::Writer::from_path(variable("PERPX_PEER_FILLS")).expect("a file to write");
    let queue = queue(&variable("PERPX_PEER_QUEUE"));
    let store = tempfile::tempdir().expect("a folder");
    let folder = recordings().expect("the recordings").join("binance-20240808-btc");
    let map = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/maps/binance-20240808.toml");
    import(&map, &folder, store.path()).expect("an import");
    let tape = tape(store.path(), "BTC", VENUES, "2024-08-08T23:54:00Z", "2024-08-09T00:00:10Z");
    assert_eq!(tape.tiles(), 1);
    let tile = tape.tile(0).expect("a tile");
    fills.write_record(["id", "time_ns", "price", "qty", "maker"]).expect("a row");
    for order in orders.into_deserialize() {
        let order: Scripted = order.expect("an order");
        for event in lived(&order, &tile, queue) {
            if let EventBody::Fill { id, px, qty, maker, .. } = event.body {
                let decimal = |value: i64| format_scaled(i128::from(value), 9);
                let maker = u8::from(maker).to_string();
                let row = [id.0.to_string(), event.venue_time.0.to_string(), decimal(px.0), decimal(qty.0), maker];
                fills.write_record(row).expect("a row");
            }
        }
    }
    fills.flush().expect("a written file");
}
