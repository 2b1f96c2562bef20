//! How a venue is reached: its hosts, and how connections to them are made. A market that is played on this machine says of itself
//! where its venues are, and which time it is there.

use super::dial::{DialError, Dialer};
use super::hosts::{Address, HostError, Hosts, Network, hosts};
use super::lane::Lane;
use crate::client::{About, Body, Host, Request};
use crate::grvt::rest::ServerTime;
use crate::lighter::rest::Status;
use crate::venue::Venue;
use crate::wall::MarketClock;
use crate::wire::{WireError, parse};
use perpx_core::units::{MS, SECOND, Time, TimeDelta};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

/// An emulator that is being started is asked so often, and so long after each other.
const TRIES: u32 = 10;
const AGAIN: Duration = Duration::from_millis(500);
/// A market that is no further from the wall runs beside it.
const NEAR: TimeDelta = SECOND;

/// What stands between us and a venue.
#[derive(Debug, thiserror::Error)]
// the texts say what the fields are
#[allow(missing_docs)]
pub enum ReachError {
    #[error("{0}")]
    Host(#[from] HostError),
    #[error("{0}")]
    Dial(#[from] DialError),
    #[error("{0}")]
    Lane(String),
    #[error("{at}: nothing answers there: {why}; accepted: the first port of a running `perpx-data emulate`")]
    Silent { at: String, why: String },
    #[error(
        "{at}: the emulator there has {first} as its first port, and a run's accounts go by that; to do: name {first}"
    )]
    NotFirst { at: String, first: String },
    #[error("{at}: the emulator there plays {found}, and not {venue}; start it with --venue {venue} or --venue both")]
    NotPlayed { at: String, found: String, venue: &'static str },
}

/// A venue's hosts as they are reached.
#[derive(Clone)]
pub struct Reach {
    /// Which venue.
    pub venue: Venue,
    /// By what they are for.
    pub hosts: Hosts,
    /// How connections are made.
    pub dialer: Dialer,
    /// The emulator that plays the venue there; `None`: it is no emulator's.
    pub played: Option<Played>,
}

/// What a running emulator says of itself.
#[derive(Clone, Debug, Deserialize)]
pub struct Played {
    wall_ns: i64,
    market_ns: i64,
    speed: f64,
    /// When it was started: no other one has it.
    #[serde(rename = "faults_from_ns")]
    pub begun_ns: i64,
    venues: Vec<PlayedVenue>,
}

#[derive(Clone, Debug, Deserialize)]
struct PlayedVenue {
    venue: String,
    ports: BTreeMap<String, u16>,
}

impl Reach {
    /// Finds a venue. `authority`: roots beside those of the web; `proxy`: everything goes through it.
    ///
    /// # Errors
    /// Hosts, roots or a proxy that cannot be used; a port of this machine at which nothing answers, or at which another venue is
    /// played.
    pub async fn find(
        venue: Venue,
        network: &Network,
        authority: Option<&Path>,
        proxy: Option<Address>,
    ) -> Result<Reach, ReachError> {
        let hosts = hosts(venue, network)?;
        let dialer = Dialer::new(&hosts, authority, proxy)?;
        let mut reach = Reach { venue, hosts, dialer, played: None };
        if let Network::Custom(first) = network
            && first.is_loopback()
        {
            reach.played = ask(&reach.dialer, first).await?;
            if let Some(played) = &reach.played {
                reach.hosts = played.hosts(venue, first)?;
            }
        }
        // what a client of requests does not take is said before anything is asked
        reach.lane()?;
        Ok(reach)
    }

    /// A lane for requests, kept warm by a cheap GET.
    ///
    /// # Errors
    /// A proxy or a TLS that the client does not take.
    pub fn lane(&self) -> Result<Lane, ReachError> {
        lane_of(self.venue, &self.dialer, &self.hosts).map_err(ReachError::Lane)
    }

    /// One for requests about orders: what keeps it warm goes to the host that takes them.
    ///
    /// # Errors
    /// As [`Reach::lane`].
    pub fn order_lane(&self) -> Result<Lane, ReachError> {
        let warm_up = (Host::Main, clock_path(self.venue).1);
        Lane::new(self.dialer.clone(), self.hosts.clone(), warm_up).map_err(ReachError::Lane)
    }

    /// Whether its main host says of itself that it is an emulator; one that does not answer is none.
    pub async fn is_played(&self) -> bool {
        let Ok(mut lane) = self.lane() else { return false };
        let said = lane.send(&about_itself()).await;
        said.is_ok_and(|said| said.status == 200 && serde_json::from_str::<Played>(&said.body).is_ok())
    }

    /// The clock of the market that is played there; `None`: it is the wall's.
    pub fn clock(&self) -> Option<MarketClock> {
        self.played.as_ref()?.clock()
    }
}

/// A venue's lane, and the cheap GET that keeps it warm.
///
/// # Errors
/// A proxy or a TLS that the client does not take.
pub fn lane_of(venue: Venue, dialer: &Dialer, hosts: &Hosts) -> Result<Lane, String> {
    Lane::new(dialer.clone(), hosts.clone(), clock_path(venue))
}

/// The cheap GET whose answer tells the venue's time.
pub fn clock_path(venue: Venue) -> (Host, &'static str) {
    match venue {
        Venue::Lighter => (Host::Main, "/"),
        Venue::Grvt => (Host::MarketData, "/time"),
    }
}

/// The venue's time as that answer tells it, ns, and the step that it is cut off to.
///
/// # Errors
/// Another answer.
pub fn time_told(venue: Venue, body: &str) -> Result<(i64, i64), WireError> {
    Ok(match venue {
        Venue::Lighter => {
            let status: Status = parse("status", body)?;
            (status.timestamp.0.saturating_mul(SECOND.0), SECOND.0)
        }
        Venue::Grvt => {
            let time: ServerTime = parse("time", body)?;
            (time.server_time.0.saturating_mul(MS.0), MS.0)
        }
    })
}

/// What an emulator answers with what it is.
fn about_itself() -> Request {
    let (path, headers) = ("/emulator".to_owned(), Vec::new());
    Request { about: About::Markets, host: Host::Main, path, body: Body::None, headers, is_exit: false }
}

/// Asks whoever is at a port of this machine whether it is an emulator.
async fn ask(dialer: &Dialer, first: &Address) -> Result<Option<Played>, ReachError> {
    let alone = Hosts::from([(Host::Main, first.clone())]);
    let mut lane = Lane::new(dialer.clone(), alone, (Host::Main, "/")).map_err(ReachError::Lane)?;
    let request = about_itself();
    let mut why = String::new();
    for _ in 0..TRIES {
        match lane.send(&request).await {
            Ok(answer) if answer.status == 200 => return Ok(serde_json::from_str(&answer.body).ok()),
            Ok(answer) if answer.status < 500 => return Ok(None),
            Ok(answer) => why = format!("HTTP {}", answer.status),
            Err(error) => why = error,
        }
        tokio::time::sleep(AGAIN).await;
    }
    Err(ReachError::Silent { at: first.to_string(), why })
}

impl Played {
    /// Where a venue is that is played there.
    fn hosts(&self, venue: Venue, first: &Address) -> Result<Hosts, ReachError> {
        let least = self.venues.iter().flat_map(|played| played.ports.values()).min();
        if let Some(least) = least.filter(|least| **least != first.port) {
            let is = Address { port: *least, ..first.clone() };
            return Err(ReachError::NotFirst { at: first.to_string(), first: is.to_string() });
        }
        let names: &[(Host, &str)] = match venue {
            Venue::Lighter => &[(Host::Main, "api")],
            Venue::Grvt => &[(Host::Login, "login"), (Host::MarketData, "market_data"), (Host::Main, "trades")],
        };
        let ports = self.venues.iter().find(|played| played.venue == venue.name()).map(|played| &played.ports);
        let at = |(host, name): &(Host, &str)| Some((*host, Address { port: *ports?.get(*name)?, ..first.clone() }));
        let found: Option<Hosts> = names.iter().map(at).collect();
        found.ok_or_else(|| {
            let names: Vec<&str> = self.venues.iter().map(|played| played.venue.as_str()).collect();
            ReachError::NotPlayed { at: first.to_string(), found: names.join(", "), venue: venue.name() }
        })
    }

    fn clock(&self) -> Option<MarketClock> {
        let (wall, market, speed) = (Time(self.wall_ns), Time(self.market_ns), self.speed);
        let runs_beside = speed == 1.0 && market.since(wall).abs() < NEAR;
        (!runs_beside && speed.is_finite() && speed > 0.0).then_some(MarketClock { wall, market, speed })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_emulator_names_its_ports() {
        let text = r#"{"wall_ns":5,"market_ns":7000000000,"speed":2.0,"tls":false,"faults_from_ns":3,
                       "venues":[{"venue":"grvt","ports":{"login":9,"market_data":7,"trades":8}}]}"#;
        let played: Played = serde_json::from_str(text).expect("an emulator");
        let first = Address { is_tls: false, host: "127.0.0.1".to_owned(), port: 7 };
        let hosts = played.hosts(Venue::Grvt, &first).expect("it is played");
        let ports: Vec<u16> = [Host::Login, Host::MarketData, Host::Main].iter().map(|host| hosts[host].port).collect();
        assert_eq!(ports, [9, 7, 8]);
        let second = Address { port: 9, ..first.clone() };
        let second = played.hosts(Venue::Grvt, &second).expect_err("its second port").to_string();
        assert!(second.starts_with("127.0.0.1:9: ") && second.ends_with("name 127.0.0.1:7"), "{second}");
        let other = played.hosts(Venue::Lighter, &first).expect_err("it is not").to_string();
        assert!(other.contains("plays grvt") && other.contains("--venue lighter"), "{other}");
        let clock = played.clock().expect("another day's");
        assert_eq!(clock.market(Time(5)), Time(7_000_000_000));
    }
}
