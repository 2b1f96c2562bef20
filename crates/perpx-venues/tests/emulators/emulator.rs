//! The emulator over the loopback, spoken to with our own signatures and wire types: what is refused and with which code, what
//! becomes of orders, books whose frames follow each other, sockets that talk nonsense.

use perpx_core::market::Side;
use perpx_core::units::{DAY, MS, Price, Qty, SECOND, Time, TimeDelta};
use perpx_venues::book::Applied;
use perpx_venues::command::EmulateArgs;
use perpx_venues::lighter::book::Book;
use perpx_venues::lighter::rest::*;
use perpx_venues::lighter::sign::{
    Attributes, AuthToken, Head, NewOrder, PrivateKey, SignedTx, Tx, attribute, cancel_all, order_type, time_in_force,
};
use perpx_venues::lighter::stream::Frame;
use perpx_venues::wall::{Clock, ManualClock};
use perpx_venues::wire::parse;
use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;
use tungstenite::{Message, WebSocket};

pub(crate) const ACCOUNT: i64 = 7;
const KEY: i64 = 5;
const CHAIN: u32 = 304;
/// Nothing here takes longer.
const PATIENCE: Duration = Duration::from_secs(20);
/// When every emulator begins by its clock, which stands until a test moves it.
const BEGIN: Time = Time(1_800_000_000_000_000_000);
/// So far the clock goes on when a socket has been silent for [`LISTEN`].
const STEP: TimeDelta = MS.times(200);
pub(crate) const LISTEN: Duration = Duration::from_millis(10);
/// Steps without a word from a socket.
const STEPS: usize = 2_000;

/// A running emulator, its account's key, and the nonce that comes next.
pub(crate) struct Venue {
    pub(crate) port: u16,
    pub(crate) clock: Arc<ManualClock>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
    pub(crate) key: PrivateKey,
    pub(crate) nonce: i64,
}

impl Drop for Venue {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        let ended = self.thread.take().is_some_and(|thread| thread.join().is_ok());
        assert!(ended || std::thread::panicking(), "the server ended by itself");
    }
}

pub(crate) fn private(first: u8) -> PrivateKey {
    PrivateKey::from_hex(&format!("{first:02x}{}", "11".repeat(38) + "00")).expect("a key")
}

pub(crate) fn stopped_clock() -> Arc<ManualClock> {
    Arc::new(ManualClock::new(BEGIN))
}

impl Venue {
    pub(crate) fn start(options: &str) -> Venue {
        use clap::{Args, FromArgMatches};
        let key = private(9);
        let line = format!("emulate --port 0 --account {ACCOUNT} --api-key {KEY}={} {options}", key.public().to_hex());
        let command = EmulateArgs::augment_args(clap::Command::new("emulate"));
        let matches = command.try_get_matches_from(line.split_whitespace()).expect("legal options");
        let args = EmulateArgs::from_arg_matches(&matches).expect("legal options");
        let stop = Arc::new(AtomicBool::new(false));
        let clock = stopped_clock();
        let server = args.servers(stop.clone(), clock.clone()).expect("a server").remove(0);
        let port = server.ports()[0];
        let thread = Some(std::thread::spawn(move || server.run().expect("it serves")));
        Venue { port, clock, stop, thread, key, nonce: 1 }
    }

    pub(crate) fn now_ms(&self) -> i64 {
        self.clock.now().steps(MS)
    }

    /// Status and body.
    pub(crate) fn http(&self, method: &str, target: &str, body: &str) -> (u16, String) {
        self.sent("application/x-www-form-urlencoded", method, target, body)
    }

    /// The same of a body of that type.
    pub(crate) fn sent(&self, form: &str, method: &str, target: &str, body: &str) -> (u16, String) {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).expect("it listens");
        stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
        let length = body.len();
        let head = format!(
            "{method} {target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: {form}\r\nContent-Length: {length}\r\n"
        );
        write!(stream, "{head}\r\n{body}").expect("it is sent");
        let mut text = String::new();
        stream.read_to_string(&mut text).expect("an answer");
        let (head, body) = text.split_once("\r\n\r\n").expect("a head");
        (head[9..12].parse().expect("a status"), body.to_owned())
    }

    pub(crate) fn get<T: serde::de::DeserializeOwned>(&self, target: &str) -> T {
        let (status, body) = self.http("GET", &format!("/api/v1/{target}"), "");
        assert_eq!(status, 200, "{target}: {body}");
        serde_json::from_str(&body).unwrap_or_else(|error| panic!("{target}: {error}: {body}"))
    }

    pub(crate) fn token(&self) -> String {
        AuthToken::sign(&self.key, self.now_ms() / 1_000 + 600, ACCOUNT, KEY).expect("a token").to_string()
    }

    pub(crate) fn signed(&self, key: &PrivateKey, nonce: i64, attributes: Attributes, tx: Tx) -> (u8, String, String) {
        self.signed_by(key, Head { nonce, attributes, api_key_index: KEY, ..Head::default() }, tx)
    }

    /// By a key that stands at another place.
    pub(crate) fn signed_at(&self, key: &PrivateKey, api_key_index: i64, nonce: i64, tx: Tx) -> (u8, String, String) {
        self.signed_by(key, Head { nonce, api_key_index, ..Head::default() }, tx)
    }

    fn signed_by(&self, key: &PrivateKey, head: Head, tx: Tx) -> (u8, String, String) {
        let kind = tx.kind();
        let head = Head { account_index: ACCOUNT, expired_at: self.now_ms() + 600_000, ..head };
        let (signed, hash) = SignedTx::sign(key, CHAIN, head, tx).expect("signed");
        (kind, signed.to_json(), hash.to_string())
    }

    pub(crate) fn post(&self, (kind, info, hash): (u8, String, String)) -> Result<Sent, i64> {
        let escaped: String = info.bytes().map(|byte| format!("%{byte:02X}")).collect();
        let (status, body) = self.http("POST", "/api/v1/sendTx", &format!("tx_type={kind}&tx_info={escaped}"));
        if status != 200 {
            return Err(parse::<ApiError>("error", &body).expect("a refusal").code.0);
        }
        let sent: Sent = parse("sent", &body).expect("an answer");
        assert_eq!(sent.tx_hash, Some(Hashes::One(hash)), "both know it by the same name");
        Ok(sent)
    }

    /// Sends by the key with the nonce that is due; `Err` is the code of a refusal, which uses no nonce up.
    pub(crate) fn send(&mut self, tx: Tx) -> Result<(), i64> {
        let sent = self.post(self.signed(&self.key, self.nonce, Attributes::new(), tx));
        self.nonce += i64::from(sent.is_ok());
        sent.map(drop)
    }

    pub(crate) fn position(&self) -> Qty {
        let accounts: Accounts = self.get(&format!("account?by=index&value={ACCOUNT}"));
        accounts.accounts[0].positions.as_ref().expect("positions")[0].signed().expect("a size")
    }

    pub(crate) fn socket(&self) -> Socket {
        let stream = TcpStream::connect(("127.0.0.1", self.port)).expect("it listens");
        stream.set_read_timeout(Some(LISTEN)).expect("a timeout");
        let url = format!("ws://127.0.0.1:{}/stream", self.port);
        // the server answers within the timeout, or the handshake is taken up again
        let mut handshake = tungstenite::client::client(url, stream);
        let socket = loop {
            handshake = match handshake {
                Ok((socket, _)) => break socket,
                Err(tungstenite::HandshakeError::Interrupted(middle)) => middle.handshake(),
                Err(error) => panic!("{error}"),
            };
        };
        let mut socket = Socket { socket, clock: self.clock.clone() };
        assert!(matches!(socket.next(), Frame::Connected(_)));
        socket
    }
}

pub(crate) struct Socket {
    pub(crate) socket: WebSocket<TcpStream>,
    pub(crate) clock: Arc<ManualClock>,
}

/// The next text of a socket; `None` when the connection has ended. The clock moves on while nothing comes.
pub(crate) fn heard(socket: &mut WebSocket<TcpStream>, clock: &ManualClock) -> Option<String> {
    for _ in 0..STEPS {
        match socket.read() {
            Ok(Message::Text(text)) => return Some(text.as_str().to_owned()),
            Ok(_) => {}
            Err(tungstenite::Error::Io(error))
                if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) =>
            {
                clock.advance(STEP);
            }
            Err(_) => return None,
        }
    }
    panic!("no text in {STEPS} steps")
}

impl Socket {
    pub(crate) fn say(&mut self, text: &str) {
        self.socket.send(Message::text(text.to_owned())).expect("it is sent");
    }

    fn next(&mut self) -> Frame {
        let text = heard(&mut self.socket, &self.clock).expect("the socket lives");
        Frame::parse(&text).expect("a frame that we read")
    }

    fn error(&mut self) -> i64 {
        loop {
            if let Frame::Error(frame) = self.next() {
                return frame.error.code.0;
            }
        }
    }

    /// Reads on until the client's order `number` has `status`, and returns it so.
    fn order(&mut self, number: u64, status: OrderStatus) -> Order {
        loop {
            let Frame::Account(frame) = self.next() else { continue };
            let orders = frame.orders.as_ref().into_iter().flat_map(|orders| orders.iter());
            let ours = |order: &&Order| order.client_order_index.is_some_and(|client| client.0 == number);
            if let Some(order) = orders.filter(ours).find(|order| order.status == status) {
                return order.clone();
            }
        }
    }
}

pub(crate) fn limit(number: i64, base: i64, price: i64, is_ask: i64, tif: i64) -> NewOrder {
    let rests = tif != time_in_force::IMMEDIATE_OR_CANCEL;
    NewOrder {
        market_index: 1,
        client_order_index: number,
        base_amount: base,
        price,
        is_ask,
        order_type: order_type::LIMIT,
        time_in_force: tif,
        order_expiry: if rests { BEGIN.plus(DAY).steps(MS) } else { 0 },
        ..NewOrder::default()
    }
}

/// Best bid and ask in units of the wire.
pub(crate) fn touch(venue: &Venue) -> (i64, i64) {
    let book: OrderBookOrders = venue.get("orderBookOrders?market_id=1&limit=1");
    let best =
        |side: Option<Vec<RestingOrder>>| side.expect("a side")[0].price.price().expect("a price").0 / 100_000_000;
    (best(book.bids), best(book.asks))
}

#[test]
fn the_market_is_told_and_its_book_is_chained() {
    let venue = Venue::start("--tier plus");
    let books: OrderBooks = venue.get("orderBooks");
    let market = &books.order_books[0];
    assert_eq!((market.symbol.as_str(), market.min_base_amount.map(|min| min.qty())), ("BTC", Some(Ok(Qty(70_000)))));
    let details: OrderBookDetails = venue.get("orderBookDetails?market_id=1");
    assert_eq!(details.order_book_details[0].price_decimals.map(|n| n.0), Some(1));
    let (bid, ask) = touch(&venue);
    assert!(bid < ask, "{bid} {ask}");

    let mut socket = venue.socket();
    socket.say(r#"{"type":"subscribe","channel":"order_book/1"}"#);
    let (mut book, mut seen) = (Book::default(), Vec::new());
    while seen.len() < 6 {
        if let Frame::Book(frame) = socket.next() {
            seen.push(book.apply(&frame).expect("no gap"));
            let top = book.levels().top();
            assert!(top.is_quoted() && top.bid < top.ask, "{top:?}");
        }
    }
    assert_eq!((seen[0], seen[1]), (Applied::Snapshot, Applied::Update));
    assert!(book.levels().levels(Side::Buy).count() >= 10);
    // a second subscription brings no second snapshot; what is no request is answered and harms nobody
    socket.say(r#"{"type":"subscribe","channel":"order_book/1"}"#);
    assert_eq!(socket.error(), 30003);
    for (text, code) in [
        ("{", 30000),
        ("[1,2", 30000),
        (r#"{"type":"dance"}"#, 30001),
        (r#"{"type":"unsubscribe","channel":"ticker/1"}"#, 30002),
        (r#"{"type":"subscribe","channel":"order_book/2"}"#, 30005),
        (r#"{"type":"subscribe","channel":"account_all_orders/7"}"#, 20001),
        (r#"{"type":"subscribe","channel":"account_all_orders/7","auth":"1:7:5:00"}"#, 20001),
        (r#"{"type":"jsonapi/sendtx","data":{"tx_type":300,"tx_info":"x"}}"#, 21505),
        (r#"{"type":"jsonapi/sendtxbatch","data":{}}"#, 21513),
    ] {
        socket.say(text);
        assert_eq!(socket.error(), code, "{text}");
    }
    let mut mute = TcpStream::connect(("127.0.0.1", venue.port)).expect("it listens");
    mute.write_all(b"\x00\xff\r\n\r\n").expect("it is sent");
    let trades: Trades = venue.get("recentTrades?market_id=1&limit=5");
    assert!(trades.trades.is_some());
    assert_eq!(venue.http("GET", "/api/v1/nothing", "").0, 404);
    assert_eq!(venue.http("GET", "/api/v1/account?by=index&value=8", "").0, 404);
}

/// What is no request ends its own connection and no other; requests of one connection are answered in turn.
#[test]
fn what_is_no_request_is_refused_and_others_follow_each_other() {
    let venue = Venue::start("--tier plus");
    let answers = |text: &str| {
        let mut stream = TcpStream::connect(("127.0.0.1", venue.port)).expect("it listens");
        stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
        stream.write_all(text.as_bytes()).expect("it is sent");
        let mut answers = Vec::new();
        // one that was refused before it was read whole may end in a reset
        let _ = stream.read_to_end(&mut answers);
        let answers = String::from_utf8_lossy(&answers).into_owned();
        answers.split("HTTP/1.1 ").skip(1).map(|answer| answer[..3].to_owned()).collect::<Vec<_>>()
    };
    for text in [
        "GET / HTTP/1.1\r\nContent-Length: x\r\n\r\n".to_owned(),
        "POST / HTTP/1.1\r\nConnection: close\r\nContent-Length: 99999999\r\n\r\n".to_owned(),
        "\u{1}\u{2}\r\n\r\n".to_owned(),
    ] {
        assert_eq!(answers(&text), ["400"], "{text:.60}");
    }
    let long = answers(&format!("GET /{} HTTP/1.1\r\nX: {}\r\n\r\n", "a".repeat(9_000), "b".repeat(20_000)));
    assert!(long.iter().all(|status| status.starts_with('4')), "{long:?}");
    let (first, last) =
        ("GET /api/v1/orderBooks HTTP/1.1\r\n", "GET /api/v1/nothing HTTP/1.1\r\nConnection: close\r\n");
    assert_eq!(answers(&format!("{first}\r\n{last}\r\n")), ["200", "404"]);
}

#[test]
fn orders_live_and_end_as_the_account_is_told() {
    let mut venue = Venue::start("--tier plus");
    let mut socket = venue.socket();
    let token = venue.token();
    socket.say(&format!(r#"{{"type":"subscribe","channel":"account_all_orders/{ACCOUNT}","auth":"{token}"}}"#));
    let (bid, ask) = touch(&venue);
    let (far, through) = (bid * 98 / 100, ask * 101 / 100);
    use time_in_force::{GOOD_TILL_TIME, IMMEDIATE_OR_CANCEL, POST_ONLY};

    assert_eq!(venue.send(Tx::CreateOrder(limit(1, 1_000, far, 0, GOOD_TILL_TIME))), Ok(()));
    let order = socket.order(1, OrderStatus::Open);
    assert_eq!(order.remaining_base_amount.qty(), Ok(Qty(10_000_000)));
    let index = order.order_index.0 as i64;
    // modified: the same order; cancelled by either number
    let change = Tx::ModifyOrder { market: 1, index: 1, base_amount: 3_000, price: far - 7, trigger_price: 0 };
    assert_eq!(venue.send(change), Ok(()));
    let changed = socket.order(1, OrderStatus::Open);
    assert_eq!((changed.order_index.0 as i64, changed.price.price()), (index, Ok(Price((far - 7) * 100_000_000))));
    let active: Orders = venue.get(&format!("accountActiveOrders?account_index={ACCOUNT}&market_id=1&auth={token}"));
    assert_eq!(active.orders.expect("orders").len(), 1);
    assert_eq!(venue.send(Tx::CancelOrder { market: 1, index }), Ok(()));
    assert_eq!(socket.order(1, OrderStatus::Canceled).remaining_base_amount.qty(), Ok(Qty(30_000_000)));
    assert_eq!(venue.send(Tx::CreateOrder(limit(2, 1_000, through, 0, POST_ONLY))), Ok(()));
    socket.order(2, OrderStatus::CanceledPostOnly);
    // taken: position, entry, fills
    let market = NewOrder { order_type: order_type::MARKET, ..limit(3, 2_000, through, 0, IMMEDIATE_OR_CANCEL) };
    assert_eq!(venue.send(Tx::CreateOrder(market)), Ok(()));
    assert_eq!(socket.order(3, OrderStatus::Filled).filled_base_amount.map(|qty| qty.qty()), Some(Ok(Qty(20_000_000))));
    assert_eq!(venue.position(), Qty(20_000_000));
    assert_eq!(venue.send(Tx::CreateOrder(limit(4, 1_000, far, 0, IMMEDIATE_OR_CANCEL))), Ok(()));
    socket.order(4, OrderStatus::CanceledNotEnoughLiquidity);
    // reduce-only: never more than there is, never the other way
    let reduce = |order: NewOrder| Tx::CreateOrder(NewOrder { reduce_only: 1, ..order });
    assert_eq!(venue.send(reduce(limit(5, 1_000, far, 0, GOOD_TILL_TIME))), Err(21740));
    assert_eq!(venue.send(reduce(limit(5, 9_000, far, 1, IMMEDIATE_OR_CANCEL))), Ok(()));
    let closed = socket.order(5, OrderStatus::CanceledNotEnoughLiquidity);
    assert_eq!(closed.filled_base_amount.map(|qty| qty.qty()), Some(Ok(Qty(20_000_000))));
    assert_eq!(venue.position(), Qty::ZERO);
    // sold beyond the position: the account turns
    assert_eq!(venue.send(Tx::CreateOrder(limit(6, 1_000, through, 0, IMMEDIATE_OR_CANCEL))), Ok(()));
    socket.order(6, OrderStatus::Filled);
    assert_eq!(venue.send(Tx::CreateOrder(limit(7, 2_500, far, 1, IMMEDIATE_OR_CANCEL))), Ok(()));
    socket.order(7, OrderStatus::Filled);
    assert_eq!(venue.position(), Qty(-15_000_000));
    let trades: Trades = venue.get(&format!("trades?account_index={ACCOUNT}&sort_by=timestamp&limit=50&auth={token}"));
    let sold: i64 = trades
        .trades
        .expect("trades")
        .iter()
        .filter(|trade| trade.ask_account_id.is_some_and(|id| id.0 == ACCOUNT))
        .map(|trade| trade.size.qty().expect("a size").0)
        .sum();
    assert_eq!(sold, 45_000_000);
    // a bid and an ask of ours meet: the resting one goes
    for (number, is_ask) in [(8, 1), (9, 1)] {
        assert_eq!(venue.send(Tx::CreateOrder(limit(number, 100, through + number, is_ask, GOOD_TILL_TIME))), Ok(()));
        socket.order(number as u64, OrderStatus::Open);
    }
    assert_eq!(venue.send(Tx::CancelAll { time_in_force: cancel_all::NOW, time: 0 }), Ok(()));
    socket.order(9, OrderStatus::Canceled);
}

#[test]
fn what_the_venue_refuses_is_refused_with_its_code() {
    let mut venue = Venue::start("--tier plus --cash 100");
    let (bid, ask) = touch(&venue);
    let order = limit(1, 100, bid * 98 / 100, 0, time_in_force::GOOD_TILL_TIME);
    let create = Tx::CreateOrder;
    for (tx, code) in [
        (create(NewOrder { market_index: 2, ..order }), 21602),
        (create(NewOrder { base_amount: 6, ..order }), 21706),
        (create(NewOrder { base_amount: 8, ..order }), 21706),
        (create(NewOrder { price: ask * 103 / 100, ..order }), 21733),
        (create(NewOrder { base_amount: 10_000, ..order }), 21739),
        (create(NewOrder { order_expiry: venue.now_ms() + 60_000, ..order }), 21711),
        (create(NewOrder { order_type: order_type::STOP_LOSS_LIMIT, trigger_price: 5, ..order }), 21704),
        (Tx::CancelOrder { market: 1, index: 77 }, 21600),
        (Tx::CancelAll { time_in_force: cancel_all::SCHEDULED, time: venue.now_ms() + 1_000 }, 21711),
        (Tx::UpdateLeverage { market: 1, initial_margin_fraction: 100, margin_mode: 0 }, 21501),
        (Tx::UpdateMargin { market: 1, usdc_amount: 1_000_000, direction: 1 }, 21508),
    ] {
        assert_eq!(venue.send(tx.clone()), Err(code), "{tx:?}");
    }
    // nothing of that used a nonce up; the next one is the one that follows, and once
    let next: NextNonce = venue.get(&format!("nextNonce?account_index={ACCOUNT}&api_key_index={KEY}"));
    assert_eq!((next.nonce.0, venue.nonce), (1, 1));
    let none = Attributes::new;
    assert_eq!(venue.post(venue.signed(&venue.key, 2, none(), create(order))).err(), Some(21104));
    assert_eq!(venue.post(venue.signed(&private(8), 1, none(), create(order))).err(), Some(21120));
    assert_eq!(venue.send(create(order)), Ok(()));
    assert_eq!(venue.send(create(order)), Err(21728));
    assert_eq!(
        venue.post(venue.signed(&venue.key, 1, none(), Tx::CancelOrder { market: 1, index: 1 })).err(),
        Some(21104)
    );
    let skip = Attributes::from([(attribute::SKIP_NONCE, 1)]);
    let later = Tx::CancelAll { time_in_force: cancel_all::SCHEDULED, time: venue.now_ms() + 600_000 };
    assert!(venue.post(venue.signed(&venue.key, 50, skip, later.clone())).is_ok());
    venue.nonce = 51;
    assert_eq!(venue.send(later), Err(21712));
    assert_eq!(venue.send(Tx::CancelAll { time_in_force: cancel_all::ABORT, time: 0 }), Ok(()));
    let (status, body) =
        venue.http("GET", &format!("/api/v1/accountActiveOrders?account_index={ACCOUNT}&market_id=1"), "");
    assert_eq!((status, parse::<ApiError>("error", &body).expect("a refusal").code.0), (400, 20001));
    // the standard tier has sixty requests a minute
    let venue = Venue::start("");
    let statuses: Vec<u16> = (0..61).map(|_| venue.http("GET", "/api/v1/orderBooks", "").0).collect();
    assert_eq!((statuses[59], statuses[60]), (200, 429));
}

/// Margin of its own: set aside by the fill, moved by hand, given back by the close; the mode stays while anything is open.
#[test]
fn an_isolated_position_has_margin_of_its_own() {
    let mut venue = Venue::start("--tier plus --cash 10000");
    let (_, ask) = touch(&venue);
    let mode = |margin_mode| Tx::UpdateLeverage { market: 1, initial_margin_fraction: 1_000, margin_mode };
    assert_eq!(venue.send(mode(1)), Ok(()));
    let through = |number, is_ask, px| limit(number, 2_000, px, is_ask, time_in_force::IMMEDIATE_OR_CANCEL);
    // a new order costs a unit of the quota, trading earns some
    let left = |venue: &mut Venue, tx: Tx| {
        let sent = venue.post(venue.signed(&venue.key, venue.nonce, Attributes::new(), tx)).expect("taken");
        venue.nonce += 1;
        sent.volume_quota_remaining.map(|units| units.0)
    };
    assert_eq!(left(&mut venue, Tx::CreateOrder(through(1, 0, ask * 101 / 100))), Some(999));
    // the venue looks at an order after its delay
    let later = |venue: &Venue| venue.clock.advance(2 * SECOND);
    later(&venue);
    assert_eq!(venue.position(), Qty(20_000_000));
    let position = |venue: &Venue| {
        let accounts: Accounts = venue.get(&format!("account?by=index&value={ACCOUNT}"));
        accounts.accounts[0].positions.as_ref().expect("positions")[0].clone()
    };
    let allocated = |venue: &Venue| position(venue).allocated_margin.expect("it is there").cash().expect("money").0;
    let held = position(&venue);
    // a tenth of its value
    let value = held.avg_entry_price.expect("it is there").price().expect("a price").of(Qty(20_000_000)).0 / 1_000_000;
    let set_aside = allocated(&venue);
    assert_eq!(held.margin_mode.map(|mode| mode.0), Some(1));
    assert!((set_aside - value / 10).abs() <= 1_000_000, "{set_aside} {value}");
    assert_eq!(venue.send(mode(0)), Err(21132));
    let moved = |usdc_amount, direction| Tx::UpdateMargin { market: 1, usdc_amount, direction };
    assert_eq!(venue.send(moved(50_000_000, 1)), Ok(()));
    assert_eq!(allocated(&venue), set_aside + 50_000_000_000_000);
    assert_eq!(venue.send(moved(100_000_000, 0)), Err(21508));
    assert_eq!(venue.send(moved(40_000_000, 0)), Ok(()));
    assert_eq!(allocated(&venue), set_aside + 10_000_000_000_000);
    let close = NewOrder { reduce_only: 1, ..through(2, 1, ask * 98 / 100) };
    // 7 USD each
    let earned = value / 1_000_000_000_000 / 7;
    let units = left(&mut venue, Tx::CreateOrder(close)).expect("it is there");
    assert!((units - 998 - earned as i64).abs() <= 1, "{units} {earned}");
    later(&venue);
    assert_eq!(venue.position(), Qty::ZERO);
    assert_eq!(allocated(&venue), 0);
    assert_eq!(venue.send(mode(0)), Ok(()));
}
