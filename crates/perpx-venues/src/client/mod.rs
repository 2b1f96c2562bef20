//! Clients of a venue: what the trader wants in the venue's words, what the venue says in the trader's. No socket and no clock in here:
//! requests and texts go in and out, so that a recording drives a client as a socket does.
//!
//! | file | noun |
//! | --- | --- |
//! | `orders` | our orders at one venue: from what it says, in whatever order, to events in the trader's order |

pub mod orders;

use crate::book::LevelBook;
use crate::wire::WireError;
use perpx_core::market::{Bbo, Command, DepthLevel, EventBody, OrderId, Side};
use perpx_core::tape::rows::FundingKind;
use perpx_core::units::{Cash, Price, Qty, Rate, Time, TimeDelta};
use thiserror::Error;

/// Levels of a side that the trader is shown.
const LEVELS: usize = 20;

/// What every client of a run is given.
#[derive(Clone, Debug)]
pub struct ClientConfig {
    /// The base coin: "BTC".
    pub coin: String,
    /// Times; the account is set to it.
    pub leverage: Rate,
    /// Ledger entries are multiples of this.
    pub grid: Cash,
    /// An order that the venue does not know can land no more so long after it was sent.
    pub fence: TimeDelta,
    /// The run begins: what the account did before is not ours.
    pub since: Time,
    /// Tells its orders from those of all others.
    pub number: RunNumber,
}

/// What tells the orders of one process from those of all others: part of the number that the venue knows each order by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RunNumber {
    /// Drawn when the run was begun for the first time.
    pub tag: u16,
    /// How often it was begun, this time included: from 1.
    pub epoch: u16,
}

impl RunNumber {
    /// At Lighter a number has no room for more.
    pub const MOST_EPOCHS: u16 = 4_000;
    /// Nor for an order of ours above this.
    pub const LAST_AT_LIGHTER: OrderId = OrderId((1 << 28) - 1);

    /// As Lighter knows an order, in 48 bits: 8 of the tag, 12 of the epoch, 28 of our own number.
    pub fn at_lighter(self, id: OrderId) -> i64 {
        i64::from(self.tag & 0xff) << 40
            | i64::from(self.epoch & 0xfff) << 28
            | i64::from(RunNumber::own_at_lighter(id.0.into()).0)
    }

    /// Our own number in one of Lighter's.
    pub fn own_at_lighter(number: u64) -> OrderId {
        OrderId(number as u32 & RunNumber::LAST_AT_LIGHTER.0)
    }

    /// As GRVT knows an order: a bit that marks clients, 15 of the tag, 16 of the epoch, 32 of our own number.
    pub fn at_grvt(self, id: OrderId) -> u64 {
        1 << 63 | u64::from(self.tag & 0x7fff) << 48 | u64::from(self.epoch) << 32 | u64::from(id.0)
    }
}

/// A request over REST.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// What it is for; it comes back with the reply.
    pub about: About,
    /// The host, where a venue has several.
    pub host: Host,
    /// With its query.
    pub path: String,
    /// What is sent with it.
    pub body: Body,
    /// Names and values beside those of the session.
    pub headers: Vec<(&'static str, String)>,
}

/// Which of a venue's hosts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Host {
    /// All that has no other.
    Main,
    /// Public data.
    MarketData,
    /// Sessions are opened there.
    Login,
}

/// The body of a request; the method follows from it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Body {
    /// A GET.
    None,
    /// A POST of a form.
    Form(Vec<(&'static str, String)>),
    /// A POST of JSON.
    Json(String),
}

/// Something public that is asked over REST.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FetchCall {
    /// The host, where a venue has several.
    pub host: Host,
    /// With its query.
    pub path: String,
    /// [`Body::None`]: a GET.
    pub body: Body,
}

impl FetchCall {
    /// As a lane carries it.
    pub fn request(&self) -> Request {
        let FetchCall { host, path, body } = self.clone();
        Request { about: About::Markets, host, path, body, headers: Vec::new() }
    }
}

/// Where a stream is, and the headers of its handshake.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stream {
    /// The host that it is at.
    pub host: Host,
    /// Its path at the host.
    pub path: &'static str,
    /// Names and values of the handshake.
    pub headers: Vec<(&'static str, String)>,
}

/// What a request is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum About {
    /// Opens a session.
    Login,
    /// The markets, before anything else.
    Markets,
    /// Sets the account's leverage.
    Leverage,
    /// Sends an order.
    Place(OrderId),
    /// Cancels an order.
    Cancel(OrderId),
    /// Asks what became of an order.
    Query(OrderId),
    /// Asks for the next nonce.
    Nonce,
    /// Fills that a stream may have lost.
    Fills,
    /// Payments of funding.
    Payments,
    /// Rates that were settled.
    Settlements,
    /// Cash and position.
    Account,
    /// Orders that are open.
    OpenOrders,
}

/// An answer over REST.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answer {
    /// The status of HTTP.
    pub status: u16,
    /// The body, as text.
    pub body: String,
    /// Those that open a session: `set-cookie` and what the venue calls the account.
    pub session: Vec<(String, String)>,
}

impl Answer {
    /// It is a page for people: a gateway answers, and not the venue.
    pub fn is_page(&self) -> bool {
        self.body.trim_start().starts_with('<')
    }

    /// Its status and how its body begins, for those who look at it.
    pub fn shown(&self, most: usize) -> String {
        let begins: String = self.body.chars().take(most).collect();
        format!("HTTP {} {begins}", self.status)
    }
}

/// An answer; or why there is none, in which case nobody knows whether the request was carried out.
pub type Reply = Result<Answer, String>;

/// What a client makes of what it is given.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Output {
    /// What the market did.
    pub market: Vec<MarketUpdate>,
    /// What happened to our account.
    pub account: Vec<AccountUpdate>,
    /// What is to be sent, in this order.
    pub requests: Vec<Outbound>,
}

/// Of the market. Times are the venue's own.
#[derive(Clone, Debug, PartialEq)]
// `exch` is the venue's own time; the others are as in the rows of a tape
#[allow(missing_docs)]
pub enum MarketUpdate {
    /// The best levels of the book.
    Quote { exch: Time, bbo: Bbo, bids: Vec<DepthLevel>, asks: Vec<DepthLevel> },
    /// A public trade; `taker`: the side of the one who took.
    Trade { exch: Time, px: Price, qty: Qty, taker: Side, consumed_book: bool },
    /// Zero = unknown.
    Marks { exch: Time, mark: Price, index: Price },
    /// `ts`: the settlement; `None`: the next one by the interval.
    Rate { kind: FundingKind, ts: Option<Time>, rate: Rate, interval_hours: u32 },
}

/// Of our account.
#[derive(Clone, Debug, PartialEq)]
// `exch` is the venue's own time; the others are as in the rows of a tape
#[allow(missing_docs)]
pub enum AccountUpdate {
    /// For the trader; `exch`: the venue's own time.
    Event { exch: Time, body: EventBody },
    /// The client is ready for commands: markets known, account as it is to be.
    Ready,
    /// What the account holds, asked for by [`VenueClient::ask_account`].
    Holding(Holding),
}

/// What is to be sent to the venue.
#[derive(Clone, Debug, PartialEq)]
pub enum Outbound {
    /// Over REST.
    Request(Request),
    /// Over the stream that was heard.
    Text(String),
    /// The session is a new one: the streams whose handshake carries it are to be opened anew.
    Reopen,
}

/// What a venue says of the account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Holding {
    /// Everything booked; unrealised gains apart.
    pub cash: Cash,
    /// Signed.
    pub position: Qty,
    /// How many orders are open.
    pub open_orders: usize,
}

/// What ends a live run.
#[derive(Debug, Error)]
// the texts say what the fields are
#[allow(missing_docs)]
pub enum VenueError {
    /// A message that cannot be read.
    #[error("{0}")]
    Wire(#[from] WireError),
    /// A request without which the run cannot go on was refused.
    #[error("{about:?} was refused: {code} {message}")]
    Refused { about: About, code: i64, message: String },
    /// The venue does not list the coin.
    #[error("no market {0} among those that the venue lists")]
    NoMarket(String),
    /// No session could be opened, or it has ended.
    #[error("{0}")]
    Session(String),
    /// What the trader wants cannot be asked of the venue.
    #[error("{what}: {why}")]
    Cannot { what: &'static str, why: String },
}

/// One account at one venue.
pub trait VenueClient {
    /// What is asked first.
    fn begin(&mut self, out: &mut Output);
    /// The streams of the session, by number.
    fn streams(&self) -> Vec<Stream>;
    /// A stream is open, for the first time or again: what is said on it.
    fn greet(&mut self, stream: usize, wall: Time, out: &mut Output) -> Result<(), VenueError>;
    /// Something that the trader wants.
    fn command(&mut self, command: &Command, wall: Time, out: &mut Output) -> Result<(), VenueError>;
    /// A text came over a stream.
    fn on_frame(&mut self, stream: usize, text: &str, wall: Time, out: &mut Output) -> Result<(), VenueError>;
    /// The reply to a request.
    fn replied(&mut self, about: About, reply: Reply, wall: Time, out: &mut Output) -> Result<(), VenueError>;
    /// Asks for [`AccountUpdate::Holding`].
    fn ask_account(&mut self, out: &mut Output);
}

/// The best levels of a book.
pub fn quote(book: &LevelBook, exch: Time) -> MarketUpdate {
    let side = |side| book.levels(side).take(LEVELS).map(|(px, qty)| DepthLevel { px, qty }).collect();
    MarketUpdate::Quote { exch, bbo: book.top(), bids: side(Side::Buy), asks: side(Side::Sell) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    /// Whatever the run, its start and the order: another number, which both venues take.
    #[test]
    fn no_two_orders_of_any_runs_have_one_number() {
        let mut seen: [BTreeSet<u64>; 2] = Default::default();
        let (tags, epochs) = ([0u16, 1, 255], [1u16, 2, RunNumber::MOST_EPOCHS]);
        for (tag, epoch) in tags.into_iter().flat_map(|tag| epochs.map(|epoch| (tag, epoch))) {
            let number = RunNumber { tag, epoch };
            for id in [1u32, 2, (1 << 28) - 1].map(OrderId) {
                let lighter = number.at_lighter(id).unsigned_abs();
                assert!((1..1 << 48).contains(&lighter) && seen[0].insert(lighter), "{number:?}");
                assert_eq!(RunNumber::own_at_lighter(lighter), id);
                let grvt = number.at_grvt(id);
                assert!(grvt >= 1 << 63 && seen[1].insert(grvt), "{number:?}");
            }
        }
        let number = RunNumber { tag: 7, epoch: 1 };
        assert_ne!(number.at_grvt(OrderId(5)), RunNumber { tag: 7 + 256, epoch: 1 }.at_grvt(OrderId(5)));
    }
}
