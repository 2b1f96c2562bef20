//! How each venue's connections are kept: what is said so that it does not let us go, and how long it may be silent.

use super::socket::{Keepalive, Rules};
use crate::client::Host;
use crate::venue::Venue;
use std::time::Duration;

/// A stream of public data is never silent for so long.
const PUBLIC_SILENCE: Duration = Duration::from_secs(10);
/// A stream of the account alone may have nothing to report; its pings are answered.
const PRIVATE_SILENCE: Duration = Duration::from_secs(45);

/// How a stream at a host of the venue is kept. Where one stream carries all of a venue, public data is on it.
pub fn stream_rules(venue: Venue, host: Host) -> Rules {
    let (keepalive, seconds, silent_after) = match (venue, host) {
        (Venue::Lighter, _) => (Keepalive::Text(r#"{"type":"ping"}"#), 20, PUBLIC_SILENCE),
        (Venue::Grvt, Host::MarketData) => (Keepalive::Ping, 15, PUBLIC_SILENCE),
        (Venue::Grvt, _) => (Keepalive::Ping, 15, PRIVATE_SILENCE),
    };
    Rules { keepalive, every: Duration::from_secs(seconds), silent_after }
}

/// The stream of a venue's public data: at which host, its path, how it is kept.
pub fn public_stream(venue: Venue) -> (Host, &'static str, Rules) {
    let (host, path) = match venue {
        Venue::Lighter => (Host::Main, "/stream"),
        Venue::Grvt => (Host::MarketData, "/ws/full"),
    };
    (host, path, stream_rules(venue, host))
}
