//! GRVT's emulator over the loopback, spoken to with our own signatures and wire types: login and sessions, what is refused
//! and with which code, what becomes of orders on the streams, books whose frames follow each other, bodies that are none.

use crate::emulator::{LISTEN, heard, stopped_clock};
use clap::{Args, FromArgMatches};
use perpx_core::market::Side;
use perpx_core::units::{HOUR, NS, Qty, SECOND};
use perpx_venues::book::Applied;
use perpx_venues::command::EmulateArgs;
use perpx_venues::emulate::serve;
use perpx_venues::grvt::book::Book;
use perpx_venues::grvt::rest::{Instrument, OrderbookLevels, Reply};
use perpx_venues::grvt::sign::{Assets, PrivateKey, Signed};
use perpx_venues::grvt::stream::{Event, Feed, Frame, Subscribed};
use perpx_venues::grvt::trade::*;
use perpx_venues::wall::{Clock, ManualClock};
use perpx_venues::wire::Dec;
use proptest::prelude::*;
use serde_json::{Value, json};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;
use tungstenite::client::IntoClientRequest;
use tungstenite::{Message, WebSocket};

pub(crate) const INSTRUMENT: &str = "BTC_USDT_Perp";
pub(crate) const SUB_ACCOUNT: u64 = 77;
pub(crate) const CHAIN: u64 = 325;
const PATIENCE: Duration = Duration::from_secs(20);

/// A wallet of Ethereum, drawn from a byte.
pub(crate) struct Wallet(k256::ecdsa::SigningKey);

pub(crate) fn wallet(seed: u8) -> Wallet {
    Wallet(k256::ecdsa::SigningKey::from_slice(&[seed; 32]).expect("a key"))
}

impl Wallet {
    pub(crate) fn address(&self) -> String {
        let key = PrivateKey::from_hex(&hex::encode(self.0.to_bytes())).expect("a key");
        key.address().to_string()
    }

    /// As wallets sign texts.
    pub(crate) fn sign(&self, text: &str) -> String {
        use sha3::Digest;
        let digest = sha3::Keccak256::digest(format!("\x19Ethereum Signed Message:\n{}{text}", text.len()).as_bytes());
        let (made, recovery) = self.0.sign_prehash_recoverable(&digest);
        format!("0x{}{:02x}", hex::encode(made.to_bytes()), 27 + recovery.to_byte())
    }
}

/// A running emulator, a session there, and the account's key.
pub(crate) struct Venue {
    hosts: [String; 3],
    pub(crate) clock: Arc<ManualClock>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
    pub(crate) key: PrivateKey,
    pub(crate) assets: Assets,
    session: Vec<(String, String)>,
    agent: ureq::Agent,
}

impl Drop for Venue {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        let ended = self.thread.take().is_some_and(|thread| thread.join().is_ok());
        assert!(ended || std::thread::panicking(), "the server ended by itself");
    }
}

impl Venue {
    pub(crate) fn start(options: &str) -> Venue {
        let key = PrivateKey::from_hex(&"5a".repeat(32)).expect("a key");
        let line = format!(
            "emulate --venue grvt --port 0 --account {SUB_ACCOUNT} --grvt-signer {} {options}{}",
            key.address(),
            if options.contains("--grvt-calls") { "" } else { " --grvt-calls 100000" }
        );
        let command = EmulateArgs::augment_args(clap::Command::new("emulate"));
        let matches = command.try_get_matches_from(line.split_whitespace()).expect("legal options");
        let args = EmulateArgs::from_arg_matches(&matches).expect("legal options");
        let stop = Arc::new(AtomicBool::new(false));
        let clock = stopped_clock();
        let servers = args.servers(stop.clone(), clock.clone()).expect("a server");
        let ports = servers[0].ports();
        let hosts = [0, 1, 2].map(|host: usize| format!("127.0.0.1:{}", ports[host]));
        let thread = Some(std::thread::spawn(move || serve(servers).expect("it serves")));
        let agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
        let mut venue =
            Venue { hosts, clock, stop, thread, key, assets: Assets::default(), session: Vec::new(), agent };
        venue.login("emulated");
        let instrument: Reply<Instrument> = venue.read(1, "v1/instrument", json!({ "instrument": INSTRUMENT }));
        venue.assets.add(&instrument.result).expect("a hash");
        venue
    }

    pub(crate) fn send(&self, host: usize, path: &str, body: &str) -> ureq::http::Response<ureq::Body> {
        let mut post = self.agent.post(format!("http://{}{path}", self.hosts[host])).content_type("application/json");
        for (name, value) in &self.session {
            post = post.header(name, value);
        }
        post.send(body).expect("an answer")
    }

    /// Status and body.
    pub(crate) fn post(&self, host: usize, path: &str, body: &str) -> (u16, Value) {
        let mut answer = self.send(host, path, body);
        let text = answer.body_mut().read_to_string().expect("a body");
        (
            answer.status().as_u16(),
            serde_json::from_str(&text).unwrap_or_else(|error| panic!("{path}: {error}: {text}")),
        )
    }

    fn login(&mut self, key: &str) -> Value {
        let mut answer = self.send(0, "/auth/api_key/login", &json!({ "api_key": key }).to_string());
        let header = |name: &str| answer.headers().get(name).map(|value| value.to_str().expect("text").to_owned());
        if let (Some(cookie), Some(account)) = (header("set-cookie"), header("x-grvt-account-id")) {
            let cookie = cookie.split(';').next().expect("a cookie").to_owned();
            self.session = vec![("cookie".to_owned(), cookie), ("x-grvt-account-id".to_owned(), account)];
        }
        serde_json::from_str(&answer.body_mut().read_to_string().expect("a body")).expect("JSON")
    }

    pub(crate) fn read<T: serde::de::DeserializeOwned>(&self, host: usize, route: &str, body: Value) -> T {
        let (status, answer) = self.post(host, &format!("/full/{route}"), &body.to_string());
        assert_eq!(status, 200, "{route}: {answer}");
        serde_json::from_value(answer).unwrap_or_else(|error| panic!("{route}: {error}"))
    }

    pub(crate) fn code(&self, host: usize, route: &str, body: &Value) -> u64 {
        self.post(host, &format!("/full/{route}"), &body.to_string()).1["code"].as_u64().unwrap_or(0)
    }

    pub(crate) fn touch(&self) -> (f64, f64) {
        let query = json!({ "instrument": INSTRUMENT, "depth": 10 });
        let book: Reply<OrderbookLevels> = self.read(1, "v1/book", query);
        let best = |side: Option<Vec<perpx_venues::wire::Level>>| side.expect("a side")[0].price.as_f64();
        (best(book.result.bids), best(book.result.asks))
    }

    pub(crate) fn sign<T: Signed>(&self, mut message: T) -> T {
        message.signature_mut().expiration = self.clock.now().plus(HOUR).0.into();
        self.key.sign(&mut message, CHAIN, &self.assets).expect("a signature");
        message
    }

    pub(crate) fn order(&self, number: u64, size: &str, price: f64, buys: bool, tif: TimeInForce) -> Order {
        let leg = Leg {
            instrument: INSTRUMENT.to_owned(),
            size: Dec::read(size).expect("a size"),
            limit_price: Dec::read(&format!("{price:.1}")),
            is_buying_asset: buys,
        };
        Order {
            order_id: None,
            sub_account_id: SUB_ACCOUNT.into(),
            is_market: None,
            time_in_force: tif,
            post_only: None,
            reduce_only: None,
            legs: vec![leg],
            signature: blank(number as u32),
            metadata: Metadata { client_order_id: number.into(), create_time: None, broker: None, slippage_bps: None },
            state: None,
            builder: None,
            builder_fee: None,
        }
    }

    /// Signs and sends; `Err` is the code of a refusal.
    pub(crate) fn create(&self, order: Order) -> Result<(), u64> {
        let order = self.sign(order);
        self.create_signed(&order)
    }

    fn create_signed(&self, order: &Order) -> Result<(), u64> {
        let (status, answer) = self.post(2, "/full/v1/create_order", &json!({ "order": order }).to_string());
        if status != 200 {
            return Err(answer["code"].as_u64().expect("a code"));
        }
        assert_eq!(
            (&answer["result"]["order_id"], &answer["result"]["state"]["status"]),
            (&json!("0x00"), &json!("PENDING"))
        );
        Ok(())
    }

    fn socket(&self, host: usize) -> Socket {
        let stream = TcpStream::connect(&self.hosts[host]).expect("it listens");
        stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
        let mut request = format!("ws://{}/ws/full", self.hosts[host]).into_client_request().expect("a request");
        for (name, value) in &self.session {
            let name = tungstenite::http::HeaderName::from_bytes(name.as_bytes()).expect("a name");
            request.headers_mut().insert(name, value.parse().expect("a value"));
        }
        let socket = tungstenite::client(request, stream).expect("a handshake").0;
        socket.get_ref().set_read_timeout(Some(LISTEN)).expect("a timeout");
        Socket { socket, clock: self.clock.clone(), calls: 0 }
    }
}

pub(crate) fn blank(nonce: u32) -> Signature {
    let (signer, r, s) = (String::new(), String::new(), String::new());
    Signature { signer, r, s, v: 0.into(), expiration: 0.into(), nonce: nonce.into(), chain_id: None }
}

struct Socket {
    socket: WebSocket<TcpStream>,
    clock: Arc<ManualClock>,
    calls: u64,
}

impl Socket {
    fn next(&mut self) -> Frame {
        let text = heard(&mut self.socket, &self.clock).expect("the socket lives");
        Frame::parse(&text).expect("a frame that we read")
    }

    fn feed(&mut self) -> Feed {
        loop {
            if let Frame::Feed(feed) = self.next() {
                return feed;
            }
        }
    }

    /// A call: its result, or the code of a refusal. Frames of data in between are passed over.
    fn call(&mut self, method: &str, params: Value) -> Result<Value, u32> {
        self.calls += 1;
        let request = json!({ "jsonrpc": "2.0", "method": method, "params": params, "id": self.calls });
        self.socket.send(Message::text(request.to_string())).expect("it is sent");
        loop {
            let Frame::Reply(reply) = self.next() else { continue };
            assert_eq!((u64::from(reply.id), reply.method.as_str()), (self.calls, method));
            return match reply.error {
                Some(error) => Err(error.code.0),
                None => Ok(serde_json::from_str(reply.result.expect("a result").get()).expect("JSON")),
            };
        }
    }

    fn subscribe(&mut self, stream: &str, selector: String) -> Subscribed {
        let answer = self.call("subscribe", json!({ "stream": stream, "selectors": [selector] }));
        serde_json::from_value(answer.expect("subscribed")).expect("its words")
    }

    /// Reads on until the order `number` stands so.
    fn order(&mut self, number: u64, status: OrderStatus, reason: RejectReason) -> Order {
        loop {
            let Event::Order(order) = self.feed().feed else { continue };
            let state = order.state.as_ref().expect("a state");
            if order.metadata.client_order_id.0 == number && state.status == status {
                assert_eq!(state.reject_reason, reason);
                return *order;
            }
        }
    }
}

#[test]
fn sessions_are_opened_by_a_key_and_end() {
    let mut venue = Venue::start("--grvt-session-sec 3600");
    let refused = venue.login("another");
    assert_eq!((&refused["status"], &refused["error"]), (&json!("failure"), &json!("invalid api key")));
    let query = json!({ "sub_account_id": SUB_ACCOUNT.to_string() });
    let mut socket = venue.socket(2);
    assert_eq!(venue.code(2, "v1/open_orders", &query), 0);
    assert!(socket.call("v1/open_orders", query.clone()).is_ok());
    assert_eq!(venue.code(2, "v1/open_orders", &json!({ "sub_account_id": "8" })), 1001);
    venue.clock.advance(HOUR + SECOND);
    // over REST, and on the socket that was opened in time
    assert_eq!(venue.post(2, "/full/v1/open_orders", &query.to_string()).0, 401);
    assert_eq!(socket.call("v1/open_orders", query.clone()), Err(1000));
    venue.login("emulated");
    assert_eq!(venue.code(2, "v1/open_orders", &query), 0);
    assert!(venue.socket(2).call("v1/open_orders", query).is_ok());
    // a trading socket without a session is accepted, and refused at every call; market data need none
    venue.session.clear();
    assert_eq!(venue.socket(2).call("subscribe", json!({ "stream": "v1.order", "selectors": ["77"] })), Err(1000));
    assert!(venue.socket(1).call("v1/ticker", json!({ "instrument": INSTRUMENT })).is_ok());
}

#[test]
fn the_book_is_chained_from_the_announced_number() {
    let venue = Venue::start("");
    let mut socket = venue.socket(1);
    let subscribed = socket.subscribe("v1.book.d", format!("{INSTRUMENT}@50"));
    assert_eq!(subscribed.num_snapshots.map(|counts| counts[0].0), Some(1));
    let mut book = Book::new("v1.book.d", subscribed.first_sequence_number.map(|numbers| numbers[0].0));
    let mut seen = Vec::new();
    while seen.len() < 8 {
        let feed = socket.feed();
        let Event::Book(levels) = &feed.feed else { panic!("{feed:?}") };
        assert_eq!(feed.selector, format!("{INSTRUMENT}@50"));
        seen.push(book.apply(feed.sequence_number.0, feed.prev_sequence_number.0, levels).expect("no gap"));
        let top = book.levels().top();
        assert!(top.is_quoted() && top.bid < top.ask, "{top:?}");
    }
    assert_eq!((seen[0], seen[1]), (Applied::Snapshot, Applied::Update));
    // another rate replaces the first; a full book each time; what was is replayed with number 0
    let replaced = socket.subscribe("v1.book.d", format!("{INSTRUMENT}@100"));
    assert_eq!(replaced.unsubs, Some(vec![format!("{INSTRUMENT}@50")]));
    let full = socket.subscribe("v1.book.s", format!("{INSTRUMENT}@500-10"));
    let mut book = Book::new("v1.book.s", full.first_sequence_number.map(|numbers| numbers[0].0));
    let mut snapshots = 0;
    while snapshots < 2 {
        let feed = socket.feed();
        if let (Event::Book(levels), "v1.book.s") = (&feed.feed, feed.stream.as_str()) {
            let applied = book.apply(feed.sequence_number.0, feed.prev_sequence_number.0, levels);
            assert_eq!(applied, Ok(Applied::Snapshot));
            assert_eq!(book.levels().levels(Side::Buy).count(), 10);
            snapshots += 1;
        }
    }
    for (stream, selector, code) in [
        ("v1.book.d", "BTC_USDT_Perp@7", 3030),
        ("v1.book.s", "BTC_USDT_Perp@500-11", 3031),
        ("v1.book.d", "ETH_USDT_Perp@50", 3000),
        ("v1.nothing", "BTC_USDT_Perp", 1101),
        ("v1.fill", "77", 1101),
    ] {
        let params = json!({ "stream": stream, "selectors": [selector] });
        assert_eq!(socket.call("subscribe", params), Err(code), "{stream} {selector}");
    }
    assert_eq!(socket.call("subscribe", json!({ "stream": "v1.trade", "selectors": [] })), Err(1102));
}

#[test]
fn orders_live_and_end_as_the_streams_tell() {
    use {OrderStatus::*, RejectReason::*, TimeInForce::*};
    let venue = Venue::start("");
    let mut socket = venue.socket(2);
    for stream in ["v1.order", "v1.fill", "v1.position"] {
        socket.subscribe(stream, SUB_ACCOUNT.to_string());
    }
    let (bid, ask) = venue.touch();
    let (far, through) = ((bid * 0.98).floor(), (ask * 1.005).floor());
    let client = |number: u64| (1 << 63) + number;
    let order = |number: u64, price: f64, buys: bool, tif| venue.order(client(number), "0.01", price, buys, tif);

    assert_eq!(venue.create(order(1, far, true, GoodTillTime)), Ok(()));
    let open = socket.order(client(1), Open, RejectReason::Unspecified);
    assert!(open.order_id.as_deref().is_some_and(|id| id.len() == 34), "{open:?}");
    assert_eq!(venue.create(order(1, far, true, GoodTillTime)), Err(2012));
    let cancel = |number: u64| json!({ "sub_account_id": SUB_ACCOUNT.to_string(), "client_order_id": client(number).to_string() });
    assert_eq!(venue.code(2, "v1/cancel_order", &cancel(1)), 0);
    socket.order(client(1), Cancelled, ClientCancel);
    assert_eq!(venue.create(Order { post_only: Some(true), ..order(2, through, true, GoodTillTime) }), Ok(()));
    socket.order(client(2), Rejected, FailPostOnly);
    // what was signed is what counts
    let mut other = venue.sign(order(3, far, true, GoodTillTime));
    other.legs[0].limit_price = Dec::read("1000.0");
    assert_eq!(venue.create_signed(&other), Err(2002));
    let mut late = venue.sign(order(3, far, true, GoodTillTime));
    late.signature.expiration = venue.clock.now().plus(-NS).0.into();
    assert_eq!(venue.create_signed(&late), Err(2001));
    // taken, 25 ms later: fill, position, then flat by a reduce-only one that is no larger
    assert_eq!(venue.create(order(4, through, true, ImmediateOrCancel)), Ok(()));
    let fill = loop {
        if let Event::Fill(fill) = socket.feed().feed {
            break fill;
        }
    };
    assert!(fill.is_taker && fill.is_buyer && fill.client_order_id == Some(client(4).into()), "{fill:?}");
    assert_eq!(fill.size.qty(), Ok(Qty(10_000_000)));
    let value = fill.price.value().expect("a price") * fill.size.value().expect("a size");
    let fee = fill.fee.value().expect("a fee");
    // 4.5 bp, rounded to 1e-6 against us
    let exact = value * rust_decimal::Decimal::new(45, 5);
    assert!(fee >= exact && fee - exact < rust_decimal::Decimal::new(1, 6), "{fee} {exact}");
    let position = loop {
        if let Event::Position(position) = socket.feed().feed {
            break position;
        }
    };
    assert_eq!(position.size.qty(), Ok(Qty(10_000_000)));
    let close = |size: &str, number: u64| Order {
        reduce_only: Some(true),
        ..venue.order(client(number), size, (bid * 0.995).floor(), false, ImmediateOrCancel)
    };
    assert_eq!(venue.create(close("0.011", 5)), Err(2402));
    assert_eq!(venue.create(Order { reduce_only: Some(true), ..order(5, far, true, GoodTillTime) }), Err(2401));
    assert_eq!(venue.create(close("0.01", 6)), Ok(()));
    socket.order(client(6), Filled, RejectReason::Unspecified);
    assert_eq!(venue.create(order(7, far, true, ImmediateOrCancel)), Ok(()));
    socket.order(client(7), Cancelled, IocCancel);
    assert_eq!(venue.create(order(8, far, true, FillOrKill)), Ok(()));
    socket.order(client(8), Cancelled, FokCancel);
    // a cancel that came first kills the order; an expiry ends one that rests
    assert_eq!(venue.code(2, "v1/cancel_order", &cancel(9)), 0);
    assert_eq!(venue.create(order(9, far, true, GoodTillTime)), Ok(()));
    socket.order(client(9), Cancelled, ClientCancel);
    let mut short = order(10, far, true, GoodTillTime);
    short.signature.expiration = venue.clock.now().plus(SECOND).0.into();
    venue.key.sign(&mut short, CHAIN, &venue.assets).expect("a signature");
    assert_eq!(venue.create_signed(&short), Ok(()));
    socket.order(client(10), Cancelled, Expired);
    // bulk: cancels, then creates, over the socket
    assert_eq!(venue.create(order(11, far, true, GoodTillTime)), Ok(()));
    socket.order(client(11), Open, RejectReason::Unspecified);
    let new = venue.sign(order(12, far, true, GoodTillTime));
    let bulk = json!({ "sub_account_id": SUB_ACCOUNT.to_string(), "orders": [new], "client_order_i_ds": [client(11).to_string()] });
    let answer = socket.call("v2/bulk_orders", bulk).expect("taken");
    assert_eq!(
        (answer["orders"].as_array().map(Vec::len), answer["cancel_acks"].as_array().map(Vec::len)),
        (Some(1), Some(1))
    );
    socket.order(client(12), Open, RejectReason::Unspecified);
    // the leverage of a flat account, signed; not with an open order
    let config = |leverage: &str| {
        let leverage = Dec::read(leverage).expect("a number");
        let (instrument, signature) = (INSTRUMENT.to_owned(), blank(9));
        let config = SetPositionConfig {
            sub_account_id: SUB_ACCOUNT.into(),
            instrument,
            margin_type: MarginType::Cross,
            leverage,
            signature,
        };
        serde_json::to_value(venue.sign(config)).expect("JSON")
    };
    assert_eq!(venue.code(2, "v1/set_position_config", &config("20")), 2103);
    assert_eq!(venue.code(2, "v1/cancel_all_orders", &json!({ "sub_account_id": SUB_ACCOUNT.to_string() })), 0);
    socket.order(client(12), Cancelled, ClientBulkCancel);
    assert_eq!(venue.code(2, "v1/set_position_config", &config("20")), 0);
    assert_eq!(venue.code(2, "v1/set_position_config", &config("51")), 2100);
    let answers: Leverages =
        venue.read(2, "v1/get_all_initial_leverage", json!({ "sub_account_id": SUB_ACCOUNT.to_string() }));
    assert_eq!(answers.results[0].leverage.fraction().map(|times| times.0), Ok(20_000_000_000_000));
    // money: what the fills moved is what is missing
    let fills: Reply<Vec<Fill>> =
        venue.read(2, "v1/fill_history", json!({ "sub_account_id": SUB_ACCOUNT.to_string() }));
    let moved: rust_decimal::Decimal = fills
        .result
        .iter()
        .map(|fill| fill.realized_pnl.and_then(|gain| gain.value()).expect("a gain") - fill.fee.value().expect("a fee"))
        .sum();
    let account: Reply<SubAccount> =
        venue.read(2, "v1/account_summary", json!({ "sub_account_id": SUB_ACCOUNT.to_string() }));
    assert_eq!(account.result.total_equity.value().expect("money"), rust_decimal::Decimal::from(10_000) + moved);
}

/// Margin of its own, set aside by the fill and moved by a signed request.
#[test]
fn an_isolated_position_has_margin_of_its_own() {
    let venue = Venue::start("");
    let mut socket = venue.socket(2);
    socket.subscribe("v1.order", SUB_ACCOUNT.to_string());
    let (_, ask) = venue.touch();
    let (instrument, own) = (INSTRUMENT.to_owned(), json!({ "sub_account_id": SUB_ACCOUNT.to_string() }));
    let config = venue.sign(SetPositionConfig {
        sub_account_id: SUB_ACCOUNT.into(),
        instrument: instrument.clone(),
        margin_type: MarginType::Isolated,
        leverage: Dec::read("10").expect("a number"),
        signature: blank(1),
    });
    let add = |amount: &str| {
        let (amount, signature) = (Dec::read(amount).expect("a number"), blank(3));
        let add =
            AddPositionMargin { sub_account_id: SUB_ACCOUNT.into(), instrument: instrument.clone(), amount, signature };
        serde_json::to_value(venue.sign(add)).expect("JSON")
    };
    assert_eq!(venue.code(2, "v1/set_position_config", &serde_json::to_value(config).expect("JSON")), 0);
    assert_eq!(venue.code(2, "v1/add_position_margin", &add("5")), 7450);
    let client = (1 << 63) + 1;
    let through = (ask * 1.005).floor();
    assert_eq!(venue.create(venue.order(client, "0.02", through, true, TimeInForce::ImmediateOrCancel)), Ok(()));
    socket.order(client, OrderStatus::Filled, RejectReason::Unspecified);
    let held = || {
        let positions: Reply<Vec<Position>> = venue.read(2, "v1/positions", own.clone());
        let position = positions.result[0].clone();
        assert_eq!(position.margin_type, Some(MarginType::Isolated));
        let entry = position.entry_price.value().expect("a price");
        (position.isolated_balance.and_then(|money| money.value()).expect("money"), entry)
    };
    let decimal = rust_decimal::Decimal::new;
    let (set_aside, entry) = held();
    // a tenth of 0.02 coins
    assert!((set_aside - entry * decimal(2, 3)).abs() <= decimal(2, 6), "{set_aside} {entry}");
    assert_eq!(venue.code(2, "v1/add_position_margin", &add("25.5")), 0);
    assert_eq!(held().0, set_aside + decimal(255, 1));
    assert_eq!(venue.code(2, "v1/add_position_margin", &add("-1000")), 7450);
    let query = json!({ "sub_account_id": SUB_ACCOUNT.to_string(), "instrument": INSTRUMENT });
    let limits: MarginLimits = venue.read(2, "v1/get_position_margin_limits", query);
    assert!(limits.max_removable_amount.value().expect("money") < set_aside + decimal(255, 1));
    let account: Reply<SubAccount> = venue.read(2, "v1/account_summary", own.clone());
    let cross = account.result.total_cross_equity.and_then(|money| money.value()).expect("money");
    assert!(cross < account.result.total_equity.value().expect("money") - set_aside + decimal(100, 0));
}

/// An order before and one after the session's end, whether its time is over or a fault ends it: the stream that the session opened
/// tells of the first alone.
#[test]
fn the_streams_of_a_session_end_with_it() {
    let dir = tempfile::tempdir().expect("a folder");
    let path = dir.path().join("faults.toml");
    std::fs::write(&path, "[[fault]]\nat = \"30s\"\nkind = \"expired-login\"\n").expect("it is written");
    for options in ["--grvt-session-sec 30".to_owned(), format!("--faults {}", path.display())] {
        streams_end_with_their_session(Venue::start(&options));
    }
}

fn streams_end_with_their_session(mut venue: Venue) {
    let mut socket = venue.socket(2);
    socket.subscribe("v1.order", SUB_ACCOUNT.to_string());
    let bid = (venue.touch().0 * 0.985).floor();
    let rest =
        |venue: &Venue, number: u64| venue.create(venue.order(number, "0.002", bid, true, TimeInForce::GoodTillTime));
    let first = 1 << 63 | 1;
    assert_eq!(rest(&venue, first), Ok(()));
    socket.order(first, OrderStatus::Open, RejectReason::Unspecified);
    venue.clock.advance(31 * SECOND);
    venue.session.clear();
    venue.login("emulated");
    assert_eq!(rest(&venue, first + 1), Ok(()));
    for _ in 0..50 {
        venue.clock.advance(SECOND / 5);
        let silent = matches!(socket.socket.read(), Err(tungstenite::Error::Io(_)));
        assert!(silent, "the session has ended, the stream lives");
    }
    assert_eq!(socket.call("v1/open_orders", json!({ "sub_account_id": SUB_ACCOUNT.to_string() })), Err(1000));
}

#[test]
fn a_market_that_is_paused_or_reduces_only_refuses() {
    let dir = tempfile::tempdir().expect("a folder");
    let path = dir.path().join("faults.toml");
    let status = |at: &str, status: &str| {
        format!("[[fault]]\nat = \"{at}\"\nfor = \"10s\"\nkind = \"market-status\"\nstatus = \"{status}\"\n")
    };
    std::fs::write(&path, status("10s", "paused") + &status("20s", "reduce-only")).expect("it is written");
    let venue = Venue::start(&format!("--faults {}", path.display()));
    let (bid, ask) = venue.touch();
    let take = |number: u64, buys: bool, reduces: bool| {
        let price = if buys { (ask * 1.01).floor() } else { (bid * 0.99).ceil() };
        let order = venue.order(1 << 63 | number, "0.002", price, buys, TimeInForce::ImmediateOrCancel);
        venue.create(Order { reduce_only: Some(reduces), ..order })
    };
    let shown = || -> Value {
        let body = json!({ "instrument": INSTRUMENT }).to_string();
        let told = |route: &str| venue.post(1, &format!("/full/v1/{route}"), &body).1["result"]["status"].clone();
        assert_eq!(told("ticker"), told("instrument"));
        told("instrument")
    };
    assert_eq!((take(1, true, false), shown()), (Ok(()), json!("ACTIVE")));
    venue.clock.advance(11 * SECOND);
    assert_eq!((take(2, true, false), take(3, false, true), shown()), (Err(2060), Err(2060), json!("HALTED")));
    venue.clock.advance(10 * SECOND);
    assert_eq!((take(4, true, false), take(5, false, true), shown()), (Err(7304), Ok(()), json!("REDUCE_ONLY")));
    venue.clock.advance(10 * SECOND);
    assert_eq!((take(6, true, false), shown()), (Ok(()), json!("ACTIVE")));
}

/// Steps become ten times as large and fills dearer: told where it is asked, and over with it.
#[test]
fn a_market_whose_steps_become_coarser_says_so() {
    let dir = tempfile::tempdir().expect("a folder");
    let path = dir.path().join("faults.toml");
    let fault = "[[fault]]\nat = \"10s\"\nfor = \"10s\"\nkind = \"market-rules\"\ntimes = 10\ndearer_bp = 2\n";
    std::fs::write(&path, fault).expect("it is written");
    let venue = Venue::start(&format!("--faults {}", path.display()));
    let (_, ask) = venue.touch();
    let take = |number: u64, size: &str, price: f64| {
        let created = venue.create(venue.order(1 << 63 | number, size, price, true, TimeInForce::ImmediateOrCancel));
        venue.clock.advance(SECOND);
        // it is looked after when it is asked: what was sent comes in under the rules of its time
        venue.touch();
        created
    };
    let shown = || -> [Value; 2] {
        let body = json!({ "instrument": INSTRUMENT }).to_string();
        let told = venue.post(1, "/full/v1/instrument", &body).1["result"].clone();
        [told["tick_size"].clone(), told["min_size"].clone()]
    };
    let (whole, tenth) = ((ask * 1.01).floor(), (ask * 1.01).floor() + 0.1);
    assert_eq!((take(1, "0.002", tenth), shown()), (Ok(()), [json!("0.1"), json!("0.001")]));
    venue.clock.advance(11 * SECOND);
    assert_eq!(shown(), [json!("1"), json!("0.01")]);
    assert_eq!(take(2, "0.02", tenth), Err(2064));
    assert!(take(3, "0.002", whole).is_err());
    assert_eq!(take(4, "0.02", whole), Ok(()));
    venue.clock.advance(10 * SECOND);
    assert_eq!(take(5, "0.002", tenth), Ok(()));
    let fills: Value = venue.read(2, "v1/fill_history", json!({ "sub_account_id": SUB_ACCOUNT.to_string() }));
    let number =
        |fill: &Value, key: &str| fill[key].as_str().and_then(|text| text.parse::<f64>().ok()).expect("a number");
    // basis points of what was bought while they were dearer, and before and afterwards
    let paid = |large: bool| -> f64 {
        let all = fills["result"].as_array().expect("fills").iter();
        let of = all.filter(|fill| (number(fill, "size") > 0.005) == large);
        of.map(|fill| 1e4 * number(fill, "fee") / number(fill, "size") / number(fill, "price")).fold(f64::MIN, f64::max)
    };
    assert!((paid(true) - paid(false) - 2.0).abs() < 0.05, "{fills}");
}

/// The same as a client of GRVT sees it; and what a witness says of GRVT's orders.
#[test]
fn somebody_else_is_at_the_sub_account() {
    let dir = tempfile::tempdir().expect("a folder");
    let (path, seen) = (dir.path().join("faults.toml"), dir.path().join("witness.jsonl"));
    let script = ["order", "fill", "position", "deposit", "leverage"]
        .map(|what| format!("[[fault]]\nat = \"5s\"\nkind = \"intrude\"\nwhat = \"{what}\"\n"));
    std::fs::write(&path, script.concat()).expect("it is written");
    let venue = Venue::start(&format!("--faults {} --witness {}", path.display(), seen.display()));
    let query = json!({ "sub_account_id": SUB_ACCOUNT.to_string() }).to_string();
    let read = |route: &str| venue.post(2, &format!("/full/v1/{route}"), &query).1["result"].clone();
    let balance =
        || read("account_summary")["spot_balances"][0]["balance"].as_str().and_then(|text| text.parse::<f64>().ok());
    let before = balance().expect("a balance");
    assert_eq!(read("positions"), json!([]));
    venue.clock.advance(6 * SECOND);
    read("positions");
    venue.clock.advance(SECOND);
    assert_eq!(read("positions")[0]["size"], json!("0.02"));
    let foreign = read("open_orders");
    assert_eq!(foreign.as_array().map(Vec::len), Some(1), "{foreign}");
    let (after, fills) = (balance().expect("a balance"), read("fill_history"));
    assert!((after - before - 100.0).abs() < 2.0, "{before} {after}: paid in, less a fee");
    assert_eq!(fills.as_array().map(Vec::len), Some(1), "{fills}");
    let leverage = venue.post(2, "/full/v1/get_all_initial_leverage", &query).1["results"][0]["leverage"].clone();
    assert!(leverage.as_str().is_some_and(|times| times.starts_with("20")), "{leverage}: twice of ten");
    let far = (venue.touch().0 * 0.985).floor();
    let order = venue.order(1 << 63 | 9, "0.002", far, true, TimeInForce::GoodTillTime);
    assert_eq!(venue.create(order), Ok(()));
    let signature = venue.sign(venue.order(1, "0.002", far, true, TimeInForce::GoodTillTime)).signature.r;
    let cookie = venue.session[0].1.clone();
    drop(venue);
    let text = std::fs::read_to_string(&seen).expect("the file");
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let sent = lines.iter().find(|line| line["route"] == json!("POST /full/v1/create_order")).expect("the order");
    let named = json!([{ "what": "create_order", "client": (1u64 << 63 | 9).to_string(), "nonce": 9, "key": null }]);
    assert_eq!((&sent["orders"], &sent["answered"], &sent["host"]), (&named, &json!(200), &json!("trades")));
    assert!(
        !text.contains(&cookie["gravity=".len()..]) && !text.contains("0x") && !text.contains(&signature),
        "{text}"
    );
}

/// Two percent through the mark at most, as others saw; a market order has a reach of its own.
#[test]
fn limits_far_through_the_mark_are_refused() {
    let venue = Venue::start("");
    let (bid, ask) = venue.touch();
    let take = |number: u64, price: f64, buys: bool| {
        venue.create(venue.order(1 << 63 | number, "0.002", price.round(), buys, TimeInForce::ImmediateOrCancel))
    };
    assert_eq!((take(1, ask * 1.03, true), take(2, bid * 0.97, false)), (Err(7201), Err(7201)));
    assert_eq!((take(3, ask * 1.015, true), take(4, bid * 0.985, false)), (Ok(()), Ok(())));
    let order = venue.order(1 << 63 | 5, "0.002", 0.0, true, TimeInForce::ImmediateOrCancel);
    let legs = vec![Leg { limit_price: None, ..order.legs[0].clone() }];
    assert_eq!(venue.create(Order { is_market: Some(true), legs, ..order }), Ok(()));
}

#[test]
fn calls_are_counted() {
    let venue = Venue::start("--grvt-calls 100");
    venue.clock.advance(2 * SECOND);
    let query = json!({ "sub_account_id": SUB_ACCOUNT.to_string() });
    let codes: Vec<u64> = (0..8).map(|_| venue.code(2, "v1/positions", &query)).collect();
    assert_eq!((codes[..5].iter().sum::<u64>(), codes[6]), (0, 1006), "{codes:?}");
}

fn hostile() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "[0-9a-zA-Z.@_-]{0,12}".prop_map(Value::from),
        Just(json!(INSTRUMENT)),
        Just(json!(SUB_ACCOUNT.to_string())),
        Just(json!("99999999999999999999999999.999999999")),
    ];
    leaf.prop_recursive(3, 24, 6, |inner| {
        let key = prop_oneof![
            "[a-z_]{1,8}",
            Just("order".to_owned()),
            Just("orders".to_owned()),
            Just("sub_account_id".to_owned()),
            Just("instrument".to_owned()),
            Just("limit".to_owned()),
            Just("depth".to_owned()),
            Just("selectors".to_owned()),
            Just("stream".to_owned()),
            Just("legs".to_owned()),
        ];
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            proptest::collection::vec((key, inner), 0..6)
                .prop_map(|pairs| pairs.into_iter().collect::<serde_json::Map<_, _>>().into()),
        ]
    })
}

/// Whatever is sent is answered, and the venue lives on.
#[test]
fn bodies_that_are_none_harm_nobody() {
    const ROUTES: [&str; 12] = [
        "v1/create_order",
        "v1/cancel_order",
        "v1/cancel_all_orders",
        "v2/bulk_orders",
        "v1/order",
        "v1/fill_history",
        "v1/set_position_config",
        "v1/set_initial_leverage",
        "v1/cancel_on_disconnect",
        "v1/account_summary",
        "v1/",
        "nothing",
    ];
    let venue = Venue::start("");
    let socket = std::cell::RefCell::new(venue.socket(2));
    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig {
        cases: 300,
        failure_persistence: None,
        ..Default::default()
    });
    let cases = (0..ROUTES.len(), hostile());
    let answers = runner.run(&cases, |(route, body)| {
        let (status, _) = venue.post(2, &format!("/full/{}", ROUTES[route]), &body.to_string());
        prop_assert!((200..500).contains(&status));
        let (status, _) =
            venue.post(1, &format!("/full/{}", ["v1/book", "v1/trade", "v1/funding"][route % 3]), &body.to_string());
        prop_assert!((200..500).contains(&status));
        Ok(())
    });
    answers.expect("answers");
    let answers = runner.run(&cases, |(route, body)| {
        let method = if route % 4 == 0 { "subscribe" } else { ROUTES[route] };
        let _ = socket.borrow_mut().call(method, body);
        Ok(())
    });
    answers.expect("answers");
    for text in ["", "{", "[]", "7", "\u{0}", "{\"id\":-1}"] {
        assert_eq!(venue.post(2, "/full/v1/create_order", text).1["code"], json!(1003), "{text}");
    }
    assert!(venue.touch().0 > 0.0);
}
