//! How each venue's connections are kept: what is said so that it does not let us go, and how long it may be silent.

use super::socket::{Keepalive, Rules};
use crate::client::Host;
use crate::venue::Venue;
use std::time::Duration;

/// A stream of public data is never silent for so long.
const PUBLIC_SILENCE: Duration = Duration::from_secs(10);
/// A stream of the account alone may have nothing to report; its pings are answered.
const PRIVATE_SILENCE: Duration = Duration::from_secs(45);

/// How a stream of a venue is kept; `is_private`: one of the account alone.
pub fn stream_rules(venue: Venue, is_private: bool) -> Rules {
    let silent_after = if is_private { PRIVATE_SILENCE } else { PUBLIC_SILENCE };
    let (keepalive, seconds) = match venue {
        Venue::Lighter => (Keepalive::Text(r#"{"type":"ping"}"#), 20),
        Venue::Grvt => (Keepalive::Ping, 15),
    };
    Rules { keepalive, every: Duration::from_secs(seconds), silent_after }
}

/// The stream of a venue's public data: at which host, its path, how it is kept.
pub fn public_stream(venue: Venue) -> (Host, &'static str, Rules) {
    let (host, path) = match venue {
        Venue::Lighter => (Host::Main, "/stream"),
        Venue::Grvt => (Host::MarketData, "/ws/full"),
    };
    (host, path, stream_rules(venue, false))
}
