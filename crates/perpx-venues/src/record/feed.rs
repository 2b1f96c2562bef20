//! What makes rows of a venue's texts. Pure: texts and stamps in, rows and wishes out; no socket, no clock.

use super::market_time::to_market;
use super::raw_frame::{FrameKind, RawFrame, RestRequest};
use super::rows::Lifts;
use crate::client::FetchCall;
use crate::wall::MarketClock;
use crate::wire::parse;
use perpx_core::tape::rows::{DepthRow, FundingRow, MarkRow, QuoteRow};
use perpx_core::units::Time;
use perpx_data::store::{NumberedTrade, Table};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// What is recorded of a venue.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FeedConfig {
    /// Symbols as in the store: "BTC". News name them by their place in this list.
    pub symbols: Vec<String>,
    /// Levels of each side in a depth row.
    pub depth_levels: usize,
    /// Least time between two depth rows, ms; 0: one with every quote row.
    pub depth_ms: i64,
    /// Of a market that is played: the recorder's clock is that market's, and the venue stamps with the wall. `None`: both are
    /// the wall's.
    #[serde(default)]
    pub clock: Option<MarketClock>,
}

impl FeedConfig {
    /// These symbols, with ten levels in every depth row.
    pub fn new(symbols: &[&str]) -> FeedConfig {
        let symbols = symbols.iter().map(|symbol| symbol.to_string()).collect();
        FeedConfig { symbols, depth_levels: 10, depth_ms: 0, clock: None }
    }

    /// Where a symbol stands.
    pub fn place(&self, symbol: &str) -> Option<usize> {
        self.symbols.iter().position(|known| known == symbol)
    }

    /// A time of the recorder's clock as the venue has it.
    pub fn venue_time(&self, engine: Time) -> Time {
        self.clock.map_or(engine, |clock| clock.first_wall(engine))
    }
}

/// A row of the store. `recv` is the recorder's clock, `exch` the venue's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Row {
    /// Best bid and ask.
    Quote(QuoteRow),
    /// The best levels, with the stamps of the quote before it.
    Depth(DepthRow),
    /// A public trade.
    Trade(NumberedTrade),
    /// A public trade of before a snapshot: it was not received when it happened.
    GapTrade(NumberedTrade),
    /// Mark and index.
    Marks(MarkRow),
    /// A rate, announced or paid.
    Funding(FundingRow),
}

/// What a feed makes of a frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FeedNews {
    /// A row of the symbol in this place of the configuration.
    Row(usize, Row),
    /// From `from` on nothing is known of a table of a symbol, until [`FeedNews::Whole`].
    Gap {
        /// Its place in the configuration.
        symbol: usize,
        /// Which rows are missing.
        table: Table,
        /// The channel was whole up to here.
        from: Time,
        /// Why, for people.
        reason: String,
    },
    /// The trades of the last gap of the symbol in this place are all there, as [`Row::GapTrade`].
    Recovered(usize),
    /// A table is whole again from `at` on.
    Whole {
        /// Its place in the configuration.
        symbol: usize,
        /// Which rows.
        table: Table,
        /// The new snapshot's.
        at: Time,
    },
    /// To be said on the socket.
    Ask(String),
    /// To be asked over REST; its reply is a frame.
    Fetch(RestRequest),
    /// The socket is to be replaced by another.
    Reconnect {
        /// Why, for people.
        reason: String,
        /// It will be closed then; `None`: at once.
        before: Option<Time>,
    },
    /// A text that could not be read, or a row that could not be stamped: counted, nothing else.
    Unreadable(String),
}

/// The public half of a venue, for several symbols over one socket at a time.
///
/// Rows depend on frames alone, never on [`PublicFeed::due`]: that one only asks.
pub trait PublicFeed: Send {
    /// What is said on a fresh socket, in this order. Empty until the markets are known ([`RestRequest::Markets`]).
    fn subscriptions(&self) -> Vec<String>;

    /// A fresh socket is open: numbers and snapshots begin anew.
    fn connected(&mut self, at: Time);

    /// A second socket is open: the one that is heard will be closed by the venue. Both are heard until everything is whole on the
    /// new one, and then that one alone. Only a venue that says so beforehand ([`FeedNews::Reconnect`]) needs it.
    fn beside(&mut self, _conn: u32) {}

    /// Not everything is whole yet on the second socket.
    fn is_beside(&self) -> bool {
        false
    }

    /// The socket has ended, or frames are missing: every channel is in a gap until its next snapshot.
    fn lost(&mut self, reason: &str, out: &mut Vec<FeedNews>);

    /// A text of the socket `conn`, received at `at`.
    fn frame(&mut self, conn: u32, text: &str, at: Time, out: &mut Vec<FeedNews>);

    /// A reply of status 200.
    fn replied(&mut self, which: &RestRequest, body: &str, at: Time, out: &mut Vec<FeedNews>);

    /// Time goes on: pings, and snapshots that do not come. To be called at least each 500 ms while a socket is open.
    fn due(&mut self, at: Time, out: &mut Vec<FeedNews>);

    /// Where a request is asked. `None`: this venue has no such request.
    fn fetch(&self, which: &RestRequest, at: Time) -> Option<FetchCall>;

    /// Everything that later rows depend on, as text for a [`FrameKind::State`].
    fn state(&self) -> String;

    /// Takes over what another feed's [`PublicFeed::state`] wrote, its configuration included.
    ///
    /// # Errors
    /// A text that is none; the feed is as it was.
    fn restore(&mut self, state: &str) -> Result<(), String>;

    /// Tables that are not whole now, by the place of their symbol.
    fn missing(&self) -> Vec<(usize, Table)>;

    /// What is recorded.
    fn config(&self) -> &FeedConfig;

    /// Rows whose receipt had to be moved, of all symbols.
    fn lifts(&self) -> Lifts;
}

/// What is asked each hour.
pub fn hourly(config: &FeedConfig) -> Vec<RestRequest> {
    let of = |symbol: &String| {
        let symbol = symbol.clone();
        [RestRequest::MarginRules { symbol: symbol.clone() }, RestRequest::Fundings { symbol }]
    };
    [RestRequest::Markets].into_iter().chain(config.symbols.iter().flat_map(of)).collect()
}

/// A feed out of what its [`PublicFeed::state`] wrote. `counts`: of its symbols, and of those that it is configured for.
pub(super) fn restored<F: DeserializeOwned>(state: &str, counts: impl Fn(&F) -> [usize; 2]) -> Result<F, String> {
    let kept: F = parse("state of a feed", state).map_err(|error| error.to_string())?;
    let [symbols, configured] = counts(&kept);
    if symbols != configured {
        return Err("the state of a feed has other symbols than its configuration".to_owned());
    }
    Ok(kept)
}

/// Moves a feed by one frame. A recorder and whoever reads its recording both come through here.
pub fn step(feed: &mut dyn PublicFeed, frame: &RawFrame, out: &mut Vec<FeedNews>) {
    let first = out.len();
    take(feed, frame, out);
    if let Some(clock) = feed.config().clock {
        out[first..].iter_mut().for_each(|news| to_market(&clock, news));
    }
}

fn take(feed: &mut dyn PublicFeed, frame: &RawFrame, out: &mut Vec<FeedNews>) {
    let at = feed.config().venue_time(frame.engine);
    let text = String::from_utf8_lossy(&frame.text);
    match &frame.kind {
        FrameKind::Text => feed.frame(frame.conn, &text, at, out),
        FrameKind::Connected => {
            feed.lost("the socket was replaced", out);
            feed.connected(at);
        }
        FrameKind::Beside => feed.beside(frame.conn),
        FrameKind::Disconnected | FrameKind::Gap | FrameKind::Overflow => feed.lost(&text, out),
        FrameKind::Restarted => feed.lost("the recorder was started anew", out),
        FrameKind::ClockStep | FrameKind::Clock | FrameKind::Rows => {}
        FrameKind::State => {
            if let Err(why) = feed.restore(&text) {
                out.push(FeedNews::Unreadable(why));
            }
        }
        FrameKind::RestReply { which } => feed.replied(which, &text, at, out),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::venue::Venue;

    /// Says what it was asked to do.
    struct Echo(FeedConfig);

    impl PublicFeed for Echo {
        fn subscriptions(&self) -> Vec<String> {
            Vec::new()
        }
        fn connected(&mut self, _at: Time) {}
        fn lost(&mut self, reason: &str, out: &mut Vec<FeedNews>) {
            out.push(FeedNews::Ask(format!("lost {reason}")));
        }
        fn beside(&mut self, conn: u32) {
            self.0.depth_levels = conn as usize;
        }
        fn frame(&mut self, conn: u32, text: &str, at: Time, out: &mut Vec<FeedNews>) {
            out.push(FeedNews::Ask(format!("{conn} {} {text}", at.0)));
        }
        fn replied(&mut self, which: &RestRequest, body: &str, _at: Time, out: &mut Vec<FeedNews>) {
            out.push(FeedNews::Ask(format!("{which:?} {body}")));
        }
        fn due(&mut self, _at: Time, _out: &mut Vec<FeedNews>) {}
        fn fetch(&self, _which: &RestRequest, _at: Time) -> Option<FetchCall> {
            None
        }
        fn state(&self) -> String {
            String::new()
        }
        fn restore(&mut self, state: &str) -> Result<(), String> {
            Err(format!("no state: {state}"))
        }
        fn missing(&self) -> Vec<(usize, Table)> {
            Vec::new()
        }
        fn config(&self) -> &FeedConfig {
            &self.0
        }
        fn lifts(&self) -> Lifts {
            Lifts::default()
        }
    }

    #[test]
    fn every_kind_of_frame_moves_the_feed() {
        let mut feed = Echo(FeedConfig::new(&["BTC"]));
        let mut step = |kind, text: &[u8]| {
            let (wall_ns, mono_ns, engine, text) = (1, 2, Time(3), text.to_vec());
            let frame = RawFrame { venue: Venue::Lighter, conn: 1, seq: 0, wall_ns, mono_ns, engine, kind, text };
            let mut out = Vec::new();
            super::step(&mut feed, &frame, &mut out);
            format!("{out:?}")
        };
        assert_eq!(
            step(FrameKind::Text, b"a\xff"),
            "[Ask(\"1 3 a\u{fffd}\")]",
            "a text that is none is no reason to stop"
        );
        assert_eq!(step(FrameKind::Connected, b""), r#"[Ask("lost the socket was replaced")]"#);
        for kind in [FrameKind::Disconnected, FrameKind::Gap, FrameKind::Overflow] {
            assert_eq!(step(kind, b"cut"), r#"[Ask("lost cut")]"#);
        }
        assert_eq!(step(FrameKind::Restarted, b""), r#"[Ask("lost the recorder was started anew")]"#);
        for kind in [FrameKind::ClockStep, FrameKind::Clock, FrameKind::Beside] {
            assert_eq!(step(kind, b"1 s"), "[]");
        }
        assert_eq!(step(FrameKind::State, b"x"), r#"[Unreadable("no state: x")]"#);
        assert_eq!(step(FrameKind::RestReply { which: RestRequest::Markets }, b"{}"), r#"[Ask("Markets {}")]"#);
        assert_eq!(feed.config().depth_levels, 1, "it was told of the second socket");
        assert_eq!(hourly(&FeedConfig::new(&["BTC"])).len(), 3);
    }
}
