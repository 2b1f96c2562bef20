//! Clients of a venue: what the trader wants in the venue's words, what the venue says in the trader's. No socket and no clock in here:
//! requests and texts go in and out, so that a recording drives a client as a socket does.
//!
//! | file | noun |
//! | --- | --- |
//! | `account` | what it holds, and what earlier processes left of it |
//! | `book_check` | whether a book can be right |
//! | `number` | the number by which a venue knows an order |
//! | `orders` | our orders at one venue: from what it says, in whatever order, to events in the trader's order |
//! | `resync` | when a channel's snapshot is asked for again |
//! | `shut` | why nothing is to be opened, as the venue lets it be seen |
//! | `walk` | a history that is read page by page |

mod account;
pub mod book_check;
mod number;
pub mod orders;
pub mod resync;
mod shut;
pub mod walk;

pub use account::{ForeignFill, Holding, OpenOrder, Past, PastOrder, Reading, Transfer};
pub use number::RunNumber;
pub use shut::{Closed, MarketWatch, Shut};

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
    /// An order that the venue does not know can land no more so long after it was sent. A ninth of it is the margin for the
    /// venue's clock, and lies between the two questions that prove it.
    pub fence: TimeDelta,
    /// The longest that an order rests before it is cancelled.
    pub rests: TimeDelta,
    /// The run begins: what the account did before is not ours.
    pub since: Time,
    /// Tells its orders from those of all others.
    pub number: RunNumber,
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
    /// A cancel or a close: it waits for nothing that opens.
    pub is_exit: bool,
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
        Request { about: About::Markets, host, path, body, headers: Vec::new(), is_exit: false }
    }
}

/// Where a stream is, and the headers of its handshake.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stream {
    /// The host that it is at.
    pub host: Host,
    /// Its path at the host.
    pub path: &'static str,
    /// It is of the account alone, and may have nothing to say.
    pub is_private: bool,
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
    /// Asks for the next nonce of a key.
    Nonce(usize),
    /// Keeps what was not answered from being carried out, by key.
    Fence(usize),
    /// Fills that a stream may have lost.
    Fills,
    /// Payments of funding.
    Payments,
    /// Money that came or left beside trading, by history.
    Transfers(usize),
    /// Rates that were settled.
    Settlements,
    /// Cash and position.
    Account,
    /// Orders that are open.
    OpenOrders,
    /// The account's settings of the market.
    Settings,
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

    /// The venue says that it does not know the key, or that it may not do this (Lighter 21109, 21136; GRVT 1001, 1008).
    pub fn refuses_key(&self) -> bool {
        let said: serde_json::Value = serde_json::from_str(&self.body).unwrap_or_default();
        self.status >= 400 && matches!(said["code"].as_i64(), Some(21109 | 21136 | 1001 | 1008))
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
    /// For the trader; `exch`: the venue's own time; `name`: the venue's own name of a fill or payment.
    Event { exch: Time, body: EventBody, name: Option<String> },
    /// The client is ready for commands: the session is open, the market known.
    Ready,
    /// [`VenueClient::set_leverage`] was answered; why it was refused, if it was.
    Leverage(Option<String>),
    /// What the account holds, asked for by [`VenueClient::ask_account`].
    Holding(Holding),
    /// All that [`VenueClient::resume`] asked for was answered; what came of it was reported before.
    Resumed,
    /// Something went wrong that the client mends by itself: for people.
    Trouble(String),
    /// From now on this speaks against opening anything at the venue.
    Shut(Shut),
    /// All that [`VenueClient::ask_transfers`] asked for.
    Transfers(Vec<Transfer>),
    /// Somebody else's order has filled on the account.
    ForeignFill { exch: Time, fill: ForeignFill },
}

impl AccountUpdate {
    /// One that has no name at the venue.
    pub fn event(exch: Time, body: EventBody) -> AccountUpdate {
        AccountUpdate::Event { exch, body, name: None }
    }
}

/// What is to be sent to the venue.
#[derive(Clone, Debug, PartialEq)]
pub enum Outbound {
    /// Over REST.
    Request(Request),
    /// Over a stream, by its number.
    Text {
        /// Among [`VenueClient::streams`].
        stream: usize,
        /// What is said.
        text: String,
    },
    /// A stream is to be opened anew, by its number.
    Renew(usize),
    /// The session is a new one: the streams whose handshake carries it are to be opened anew.
    Reopen,
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

/// One account at one venue. From [`AccountUpdate::Ready`] on nothing that the venue says or leaves unsaid is an error: what was
/// asked is asked again, a channel that cannot be read is subscribed anew, and [`AccountUpdate::Trouble`] says so.
pub trait VenueClient {
    /// What is asked first. `is_new`: nothing is held, and the account is read before anything else: it tells whether the keys are its own.
    fn begin(&mut self, is_new: bool, out: &mut Output);
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
    /// Time has passed: what is due by now is sent.
    fn pass(&mut self, wall: Time, out: &mut Output) -> Result<(), VenueError>;
    /// What a moment of ours is to be moved by to be an expiry in the venue's clock.
    fn venue_clock(&mut self, ahead: TimeDelta);
    /// Sets the leverage that the account is to have, and cross margin: [`AccountUpdate::Leverage`] tells. Only while nothing is held, once it
    /// is [`AccountUpdate::Ready`]: a position would be moved nearer to its liquidation.
    fn set_leverage(&mut self, wall: Time, out: &mut Output) -> Result<(), VenueError>;
    /// Asks for [`AccountUpdate::Holding`]; the next one is of this question, or of a later one.
    fn ask_account(&mut self, out: &mut Output);
    /// Asks for fills and payments that a stream may have lost; those that are news are reported.
    fn ask_history(&mut self, wall: Time, out: &mut Output) -> Result<(), VenueError>;
    /// Asks for [`AccountUpdate::Transfers`] since then, by the wall clock; not while it is being asked for.
    fn ask_transfers(&mut self, since: Time, wall: Time, out: &mut Output) -> Result<(), VenueError>;
    /// Takes over what earlier processes left, once it is [`AccountUpdate::Ready`] and before it is given a command. Each order is
    /// its own from here on: it is asked for by the number that it was sent under, and what became of it is reported as of its own,
    /// the answer to the question as [`EventBody::Status`]. Fills and payments that are not booked are asked for, all pages, and
    /// reported in the order of their times. [`AccountUpdate::Resumed`] is the last of it.
    fn resume(&mut self, past: Past, wall: Time, out: &mut Output) -> Result<(), VenueError>;
}

/// The best levels of a book.
pub fn quote(book: &LevelBook, exch: Time) -> MarketUpdate {
    let side = |side| book.levels(side).take(LEVELS).map(|(px, qty)| DepthLevel { px, qty }).collect();
    MarketUpdate::Quote { exch, bbo: book.top(), bids: side(Side::Buy), asks: side(Side::Sell) }
}
