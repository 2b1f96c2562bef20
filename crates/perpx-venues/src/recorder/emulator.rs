//! What a running emulator says of itself: its market may be another day's, and faster.

use crate::client::{About, Body, Host, Request};
use crate::net::dial::Dialer;
use crate::net::hosts::{Address, Hosts};
use crate::net::lane::Lane;
use crate::wall::MarketClock;
use perpx_core::units::{SECOND, Time, TimeDelta};
use serde::Deserialize;
use std::time::Duration;

/// An emulator that is being started is asked so often, and so long after each other.
const TRIES: u32 = 10;
const AGAIN: Duration = Duration::from_millis(500);
/// A market that is no further from the wall runs beside it.
const NEAR: TimeDelta = SECOND;

#[derive(Deserialize)]
struct Played {
    wall_ns: i64,
    market_ns: i64,
    speed: f64,
}

/// The clock of the market that is played at a loopback host. `None`: it is the wall's, or nothing is played there.
pub async fn clock(dialer: &Dialer, hosts: &Hosts) -> Option<MarketClock> {
    let first = hosts.get(&Host::Main).or_else(|| hosts.get(&Host::Login)).filter(|host| host.is_loopback())?;
    let alone = Hosts::from([(Host::Main, Address::clone(first))]);
    let mut lane = Lane::new(dialer.clone(), alone, (Host::Main, "/")).ok()?;
    let (path, headers) = ("/emulator".to_owned(), Vec::new());
    let request = Request { about: About::Markets, host: Host::Main, path, body: Body::None, headers };
    for _ in 0..TRIES {
        if let Ok(answer) = lane.send(&request).await {
            return serde_json::from_str(&answer.body).ok().and_then(|played: Played| played.clock());
        }
        tokio::time::sleep(AGAIN).await;
    }
    None
}

impl Played {
    fn clock(&self) -> Option<MarketClock> {
        let (wall, market, speed) = (Time(self.wall_ns), Time(self.market_ns), self.speed);
        let runs_beside = speed == 1.0 && market.since(wall).abs() < NEAR;
        (!runs_beside && speed.is_finite() && speed > 0.0).then_some(MarketClock { wall, market, speed })
    }
}
