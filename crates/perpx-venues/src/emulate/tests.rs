//! The matching core without a socket, hours in a moment; and a venue that is nothing but its connections.

use super::EmulateError;
use super::faults::{Condition, Dialect, Strike};
use super::feed::Feed;
use super::http::{HttpReply, HttpRequest};
use super::serve::{Emulated, Out};
use super::venue_core::VenueCore;
use crate::wall::MarketClock;
use perpx_core::config::{Profile, VenueWorld};
use perpx_core::ledger::NetAccount;
use perpx_core::market::*;
use perpx_core::units::{Cash, HOUR, MINUTE, Price, Qty, Rate, Time, TimeDelta};
use std::sync::Arc;

/// Answers with a megabyte, and sends a thousand texts to whoever opens a stream.
pub(crate) struct Talkative;

impl Emulated for Talkative {
    fn pass(&mut self, _now: Time) -> Result<(), EmulateError> {
        Ok(())
    }

    fn request(&mut self, _host: usize, request: &HttpRequest, _now: Time) -> HttpReply {
        HttpReply::json(&"x".repeat(if request.path == "/short" { 1 } else { 1 << 20 }))
    }

    fn open(&mut self, _socket: u64, _host: usize, _handshake: &HttpRequest, out: Out, _now: Time) {
        (0..1_000).for_each(|_| out.send(&Arc::from("a text")));
    }

    fn text(&mut self, _socket: u64, _text: &str, _now: Time) -> i64 {
        0
    }

    fn suffer(&mut self, _condition: Condition) {}

    fn strike(&mut self, _strike: Strike, _now: Time) {}

    fn closed(&mut self, _socket: u64) {}

    fn halt(&mut self, _spans: &[(Time, Time)]) {}

    fn dialect(&self) -> &'static dyn Dialect {
        &crate::lighter::emulator::LighterDialect
    }

    fn market_clock(&self) -> MarketClock {
        MarketClock { wall: Time(0), market: Time(0), speed: 1.0 }
    }

    fn summary(&self, _ports: &[u16], _s: &str) -> String {
        String::new()
    }

    fn hosts(&self) -> &'static [&'static str] {
        &["api"]
    }

    fn stream_path(&self, _host: usize) -> Option<&'static str> {
        Some("/stream")
    }
}

fn core(seed: u64, initial: i64) -> VenueCore {
    let profiles = Profile::shipped().expect("profiles");
    let profile = profiles.iter().find(|profile| profile.name == "lighter").expect("lighter");
    let world: VenueWorld = super::world::world(profile, profile.tier("premium").expect("a tier")).expect("BTC");
    let day = Time::from_civil(2026, 1, 5).expect("a date");
    let feed = Feed::synthetic(seed, day, 0.5, 0).and_then(|feed| feed.at(day)).expect("a market");
    let account = NetAccount::new(Cash::units(1_000), Rate(initial), profile.money_grid);
    VenueCore::new(world, feed, account, seed, day.plus(MINUTE))
}

fn place(core: &mut VenueCore, side: Side, qty: Qty, limit: Price, kind: OrderKind) -> OrderId {
    let id = core.next_id();
    core.submit(Command::Place(NewOrder {
        id,
        venue: Role::Long,
        side,
        qty,
        limit,
        kind,
        reduce_only: false,
        covers: false,
    }));
    id
}

fn later(core: &mut VenueCore, by: TimeDelta) -> Vec<Event> {
    let to = core.now().plus(by);
    core.advance(to).expect("the market goes on")
}

/// Whatever happens, the account is its events, and each hour an open position is settled once at the tape's rate.
#[test]
fn the_account_is_what_its_events_say() {
    let mut core = core(3, 50_000_000_000);
    let mut shadow = core.account().clone();
    let far = core.book().best().ask.scaled_ceil(Rate::from_bps(100)).floor_to(core.world.instrument.tick);
    place(&mut core, Side::Buy, Qty(50_000_000), far, OrderKind::Market);
    let (mut fills, mut settled) = (0, Vec::new());
    for event in later(&mut core, 3 * HOUR) {
        match event.body {
            EventBody::Fill { fee, maker, .. } => {
                assert!(!maker && fee.0 < 0, "{event:?}");
                fills += 1;
            }
            EventBody::Funding { amount, rate, px } => {
                assert_eq!(shadow.funding_due(px, rate), amount);
                settled.push(event.venue_time.into_step(HOUR));
            }
            _ => {}
        }
        shadow.apply(&event.body);
    }
    assert!(fills > 0);
    assert_eq!(settled, [TimeDelta::ZERO; 3]);
    assert_eq!((&shadow, core.account().position), (core.account(), Qty(50_000_000)));
}

/// Seventy times leverage, where maintenance is 1.2 %: within hours the market takes the position, whichever way it is, and
/// what rests goes with it.
#[test]
fn a_position_below_maintenance_is_liquidated() {
    for side in [Side::Buy, Side::Sell] {
        let mut core = core(5, 14_000_000_000);
        let (tick, best) = (core.world.instrument.tick, core.book().best());
        let worst = |bps| match side {
            Side::Buy => best.ask.scaled_ceil(Rate::from_bps(bps)).floor_to(tick),
            Side::Sell => best.bid.scaled_floor(Rate::from_bps(-bps)).ceil_to(tick),
        };
        let resting = place(&mut core, side, Qty(1_000_000), worst(-3_000), OrderKind::PostOnly);
        let room = core.account().room(core.mark())[side as usize];
        let qty = Qty(room.0 * 9 / 10).floor_to(core.world.instrument.lot);
        place(&mut core, side, qty, worst(100), OrderKind::Market);
        later(&mut core, MINUTE);
        assert_eq!(core.account().position.abs(), qty);
        let mut hours = 0;
        while !core.account().position.is_zero() {
            later(&mut core, HOUR);
            hours += 1;
            assert!(hours < 24 * 20, "{side:?}: never taken: {:?} at {}", core.account(), core.mark());
        }
        // closed above the zero price, for at most one percent: something is left
        assert!(core.was_liquidated(resting) && core.account().cash < Cash::units(1_000), "{:?}", core.account());
        assert!(core.account().cash > Cash::ZERO, "{:?}", core.account());
    }
}
