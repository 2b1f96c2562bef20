//! What a client must bear: streams that end by themselves, lines that carry nothing, gateways, clocks and markets that are not as
//! they were.

use crate::emulator::{ACCOUNT, Socket, Venue, heard, limit, touch};
use crate::emulator_faults::{book, fault, lighter, listening, open, order, read};
use perpx_core::units::{MS, SECOND};
use perpx_venues::lighter::sign::{
    Attributes, AuthToken, Tx,
    time_in_force::{GOOD_TILL_TIME, IMMEDIATE_OR_CANCEL},
};
use serde_json::{Value, json};
use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::Duration;
use tungstenite::Message;

fn seconds(venue: &Venue) -> i64 {
    venue.now_ms() / 1_000 - 1_800_000_000
}

fn is_silence(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::WouldBlock | ErrorKind::TimedOut)
}

fn say(socket: &mut Socket, text: &str) {
    socket.socket.send(Message::text(text.to_owned())).expect("it is sent");
}

/// The venue pings each minute; who says nothing at all is gone after two, whoever answers lives.
#[test]
fn a_silent_client_loses_its_stream_after_two_minutes() {
    let venue = Venue::start("--tier plus");
    let mut silent = venue.socket();
    venue.clock.advance(59 * SECOND);
    assert_eq!(read(&mut silent), Some(json!({ "type": "ping" })));
    assert!((60..63).contains(&seconds(&venue)), "{}", seconds(&venue));
    venue.clock.advance(56 * SECOND);
    // at most a ping of the second minute, and the end
    assert!(read(&mut silent).is_none_or(|_| read(&mut silent).is_none()), "it lives");
    assert!((120..123).contains(&seconds(&venue)), "{}", seconds(&venue));
    let mut lively = venue.socket();
    for minute in 3..8 {
        venue.clock.advance(55 * SECOND);
        assert_eq!(read(&mut lively), Some(json!({ "type": "ping" })));
        assert_eq!(seconds(&venue) / 60, minute, "{}", seconds(&venue));
        // a frame of any kind will do
        match minute % 2 {
            0 => say(&mut lively, r#"{"type":"pong"}"#),
            _ => lively.socket.send(Message::Ping(Vec::new().into())).expect("it is sent"),
        }
    }
}

#[test]
fn patience_can_be_shorter() {
    let venue = lighter(&fault("at = \"0s\"\nkind = \"idle-close\"\nafter = \"10s\""));
    let mut silent = venue.socket();
    assert_eq!(read(&mut silent), None);
    assert!((10..13).contains(&seconds(&venue)), "{}", seconds(&venue));
}

/// Frames of an account end with the token they were asked for with; the public ones of the socket go on. A second subscription
/// does not renew it.
#[test]
fn an_accounts_frames_end_with_its_token() {
    let mut venue = Venue::start("--tier plus");
    let mut socket = listening(&venue);
    let subscribe = |socket: &mut Socket, life: i64| {
        let token =
            AuthToken::sign(&venue.key, venue.now_ms() / 1_000 + life, ACCOUNT, 5).expect("a token").to_string();
        say(socket, &format!(r#"{{"type":"subscribe","channel":"account_all_orders/{ACCOUNT}","auth":"{token}"}}"#));
        loop {
            let frame = read(socket).expect("the socket lives");
            if frame["type"] == json!("subscribed/account_all_orders") || !frame["error"].is_null() {
                return frame["error"]["code"].clone();
            }
        }
    };
    assert_eq!(subscribe(&mut socket, 30), Value::Null);
    assert_eq!(subscribe(&mut socket, 3_600), json!(30003));
    // whether an order of ours is reported within ten seconds
    let reported = |venue: &mut Venue, socket: &mut Socket, number: i64| {
        let bid = touch(venue).0;
        venue.send(Tx::CreateOrder(limit(number, 1_000, bid * 98 / 100, 0, GOOD_TILL_TIME))).expect("it is taken");
        let (end, mut found) = (venue.now_ms() + 10_000, false);
        while venue.now_ms() < end {
            found |= read(socket).expect("the socket lives")["type"] == json!("update/account_all_orders");
        }
        found
    };
    assert!(reported(&mut venue, &mut socket, 1));
    venue.clock.advance(30 * SECOND);
    assert!(!reported(&mut venue, &mut socket, 2), "its token has ended");
}

#[test]
fn a_planned_close_is_announced() {
    let venue = lighter(&fault("at = \"5s\"\nkind = \"shutdown\"\nclose_in = \"3s\""));
    let mut socket = venue.socket();
    assert_eq!(read(&mut socket), Some(json!({ "type": "shutdown", "close_in_ms": 3_000 })));
    assert_eq!(seconds(&venue), 5);
    assert_eq!(read(&mut socket), None);
    assert!((8..11).contains(&seconds(&venue)), "{}", seconds(&venue));
    // the next one is as any other
    book(&mut listening(&venue));
}

/// Nothing comes, nothing ends; at its end what was written before is done.
#[test]
fn a_partition_holds_everything_up() {
    let venue = lighter(&fault("at = \"10s\"\nkind = \"partition\"\nfor = \"20s\""));
    let mut socket = listening(&venue);
    book(&mut socket);
    let bid = touch(&venue).0;
    venue.clock.advance(12 * SECOND);
    let tx = Tx::CreateOrder(limit(1, 1_000, bid * 98 / 100, 0, GOOD_TILL_TIME));
    let (kind, info, _) = venue.signed(&venue.key, 1, Attributes::new(), tx);
    let port = venue.port;
    let sent = std::thread::spawn(move || crate::emulator_faults::sent(port, &(kind, info, String::new())));
    // what was on its way before
    while socket.socket.read().is_ok() {}
    std::thread::sleep(Duration::from_millis(300));
    assert!(!sent.is_finished(), "nobody hears it");
    for _ in 0..10 {
        venue.clock.advance(SECOND / 2);
        let silent = matches!(&socket.socket.read(), Err(tungstenite::Error::Io(error)) if is_silence(error.kind()));
        assert!(silent, "no frame, and no end");
    }
    venue.clock.advance(20 * SECOND);
    assert_eq!(sent.join().expect("it ends").expect("an answer").0, 200);
    book(&mut socket);
    assert_eq!(open(&venue, 1), [1]);
}

/// What the venue ends in the meantime looks alive until the partition is over.
#[test]
fn nobody_learns_of_an_end_within_a_partition() {
    let venue = lighter(&fault("at = \"10s\"\nkind = \"partition\"\nfor = \"200s\""));
    let mut socket = venue.socket();
    // ended by the venue after 120 s
    for seconds in [11, 115, 20, 30] {
        venue.clock.advance(seconds * SECOND);
        for _ in 0..20 {
            let silent =
                matches!(&socket.socket.read(), Err(tungstenite::Error::Io(error)) if is_silence(error.kind()));
            assert!(silent, "no frame, and no end");
        }
    }
    venue.clock.advance(35 * SECOND);
    assert!((0..20).any(|_| read(&mut socket).is_none()), "it lives");
}

/// The connection ends at once; the order lands when the time has passed, and not before.
#[test]
fn a_late_request_lands_later() {
    let venue = lighter(&fault("at = \"0s\"\nkind = \"late-request\"\nby = \"4s\"\ncount = 1"));
    assert_eq!(order(&venue, 1, 1), None);
    let nonce = || -> i64 {
        let (_, body) = venue.http("GET", &format!("/api/v1/nextNonce?account_index={ACCOUNT}&api_key_index=5"), "");
        serde_json::from_str::<Value>(&body).expect("JSON")["nonce"].as_i64().expect("a nonce")
    };
    venue.clock.advance(3_900 * MS);
    std::thread::sleep(Duration::from_millis(100));
    assert_eq!(nonce(), 1);
    venue.clock.advance(200 * MS);
    assert_eq!(open(&venue, 1), [1]);
    assert_eq!(nonce(), 2);
    // over a stream too
    let venue = lighter(&fault("at = \"0s\"\nkind = \"late-request\"\nby = \"4s\"\ncount = 1"));
    let bid = touch(&venue).0;
    let tx = Tx::CreateOrder(limit(2, 1_000, bid * 98 / 100, 0, GOOD_TILL_TIME));
    let (kind, info, _) = venue.signed(&venue.key, 1, Attributes::new(), tx);
    let mut socket = venue.socket();
    let data = json!({ "id": "x", "tx_type": kind, "tx_info": serde_json::from_str::<Value>(&info).expect("JSON") });
    say(&mut socket, &json!({ "type": "jsonapi/sendtx", "data": data }).to_string());
    assert_eq!(heard(&mut socket.socket, &socket.clock), None);
    assert_eq!(open(&venue, 0), [0i64; 0]);
    venue.clock.advance(4 * SECOND);
    assert_eq!(open(&venue, 1), [2]);
}

#[test]
fn a_gateway_answers_in_the_venues_place() {
    let venue =
        lighter(&fault("at = \"10s\"\nkind = \"gateway-page\"\nstatus = 405\ncontaining = \"\"\nfor = \"10s\""));
    venue.clock.advance(11 * SECOND);
    for (method, target) in [("GET", "/api/v1/orderBooks"), ("POST", "/api/v1/sendTx")] {
        let (status, body) = venue.http(method, target, "");
        assert!(status == 405 && body.starts_with("<html>") && body.contains("405 Method Not Allowed"), "{body}");
    }
    let mut stream = TcpStream::connect(("127.0.0.1", venue.port)).expect("it listens");
    let key = "Upgrade: websocket\r\nConnection: Upgrade, close\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: MTIzNDU2Nzg5MDEyMzQ1Ng==";
    write!(stream, "GET /stream HTTP/1.1\r\nHost: x\r\n{key}\r\n\r\n").expect("it is sent");
    let mut text = String::new();
    stream.read_to_string(&mut text).expect("an end");
    assert!(text.starts_with("HTTP/1.1 405") && text.contains("text/html"), "{text}");
    venue.clock.advance(10 * SECOND);
    book(&mut listening(&venue));
}

/// The book stands still, over the stream and for whoever asks, while ticker and trading go on; then all that changed comes.
#[test]
fn a_stale_book_stands_still_beside_its_ticker() {
    let venue = lighter(&fault("at = \"20s\"\nkind = \"stale-feed\"\nfor = \"40s\""));
    let mut socket = listening(&venue);
    say(&mut socket, r#"{"type":"subscribe","channel":"market_stats/1"}"#);
    venue.clock.advance(21 * SECOND);
    let shown = touch(&venue);
    let (mut books, mut best) = (0, Vec::new());
    while seconds(&venue) < 55 {
        let frame = read(&mut socket).expect("the socket lives");
        // what was sent before it stood still
        let at_ms = frame["timestamp"].as_i64().unwrap_or(0) - 1_800_000_000_000;
        books += usize::from(!frame["order_book"].is_null() && at_ms > 21_000);
        best.extend(frame["market_stats"]["best_bid_price"].as_str().filter(|_| at_ms > 21_000).map(str::to_owned));
    }
    best.dedup();
    assert!(books == 0 && best.len() > 3, "{books} frames of the book, {best:?}");
    assert_eq!(touch(&venue), shown);
    venue.clock.advance(10 * SECOND);
    let (begin, nonce, _) = book(&mut socket);
    assert!(nonce > begin, "all that changed");
    assert_ne!(touch(&venue), shown);
}

#[test]
fn a_market_that_is_paused_or_reduces_only_says_so_and_refuses() {
    let status = |at: &str, status: &str| {
        fault(&format!("at = \"{at}\"\nfor = \"10s\"\nkind = \"market-status\"\nstatus = \"{status}\""))
    };
    let mut venue = lighter(&(status("10s", "paused") + &status("20s", "reduce-only")));
    let details = |venue: &Venue| -> (Value, Value) {
        let body: Value = serde_json::from_str(&venue.http("GET", "/api/v1/orderBookDetails", "").1).expect("JSON");
        let market = &body["order_book_details"][0];
        (market["status"].clone(), market["market_config"]["force_reduce_only"].clone())
    };
    let place = |venue: &mut Venue, number: i64, is_ask: i64, reduce_only: i64| {
        let (bid, ask) = touch(venue);
        let price = if is_ask == 1 { ask * 102 / 100 } else { bid * 101 / 100 };
        let order = limit(number, 1_000, price, is_ask, GOOD_TILL_TIME);
        venue.send(Tx::CreateOrder(perpx_venues::lighter::sign::NewOrder { reduce_only, ..order }))
    };
    assert_eq!(details(&venue), (json!("active"), json!(false)));
    // a long, so that there is something to reduce
    assert_eq!(place(&mut venue, 1, 0, 0), Ok(()));
    venue.clock.advance(11 * SECOND);
    assert_eq!(details(&venue), (json!("inactive"), json!(false)));
    assert_eq!((place(&mut venue, 2, 0, 0), place(&mut venue, 3, 1, 1)), (Err(21605), Err(21605)));
    venue.clock.advance(10 * SECOND);
    assert_eq!(details(&venue), (json!("active"), json!(true)));
    assert_eq!((place(&mut venue, 4, 0, 0), place(&mut venue, 5, 1, 1)), (Err(21605), Ok(())));
    venue.clock.advance(10 * SECOND);
    assert_eq!((details(&venue).0, place(&mut venue, 6, 1, 0)), (json!("active"), Ok(())));
}

/// The least size becomes ten times as large: told as soon as it binds, and over with it.
#[test]
fn a_market_that_takes_less_of_what_is_small_says_so() {
    let mut venue = lighter(&fault("at = \"10s\"\nfor = \"10s\"\nkind = \"market-rules\"\ntimes = 10"));
    let least = |venue: &Venue| -> Value {
        let body: Value = serde_json::from_str(&venue.http("GET", "/api/v1/orderBookDetails", "").1).expect("JSON");
        body["order_book_details"][0]["min_base_amount"].clone()
    };
    let place = |venue: &mut Venue, number: i64, size: i64| {
        let (bid, _) = touch(venue);
        venue.send(Tx::CreateOrder(limit(number, size, bid - 1_000, 0, GOOD_TILL_TIME)))
    };
    let usual = least(&venue).as_str().and_then(|text| text.parse::<f64>().ok()).expect("a size");
    assert_eq!(place(&mut venue, 1, 100), Ok(()));
    venue.clock.advance(11 * SECOND);
    let now = least(&venue).as_str().and_then(|text| text.parse::<f64>().ok()).expect("a size");
    assert!((now - 10.0 * usual).abs() < 1e-9, "{usual}, then {now}");
    assert!(place(&mut venue, 2, 100).is_err());
    assert_eq!(place(&mut venue, 3, 1_000), Ok(()));
    venue.clock.advance(10 * SECOND);
    assert_eq!(place(&mut venue, 4, 100), Ok(()));
}

/// The time that is reported and judged by is ahead; the market goes on as it would.
#[test]
fn a_clock_that_is_ahead_finds_signatures_expired() {
    let venue = lighter(&fault("at = \"10s\"\nkind = \"clock-ahead\"\nby = \"700s\""));
    let reported = |venue: &Venue| -> i64 {
        let body: Value = serde_json::from_str(&venue.http("GET", "/", "").1).expect("JSON");
        body["timestamp"].as_i64().expect("seconds") - 1_800_000_000
    };
    let market = |venue: &Venue| -> i64 {
        let body: Value = serde_json::from_str(&venue.http("GET", "/emulator", "").1).expect("JSON");
        body["market_ns"].as_i64().expect("ns")
    };
    let (before, at) = (reported(&venue), market(&venue));
    venue.clock.advance(11 * SECOND);
    assert_eq!((reported(&venue) - before, market(&venue) - at), (711, (11 * SECOND).0));
    // signed for ten minutes
    let code =
        |(status, body): (u16, String)| (status, serde_json::from_str::<Value>(&body).expect("JSON")["code"].clone());
    assert_eq!(order(&venue, 1, 1).map(code), Some((400, json!(21711))));
}

#[test]
fn somebody_else_has_used_the_nonce() {
    let mut venue = lighter(&fault("at = \"0s\"\nkind = \"foreign-nonce\""));
    let bid = touch(&venue).0;
    let mut send = |nonce: i64| {
        venue.nonce = nonce;
        venue.send(Tx::CreateOrder(limit(nonce, 1_000, bid * 98 / 100, 0, GOOD_TILL_TIME)))
    };
    assert_eq!((send(1), send(2)), (Err(21104), Ok(())));
}

/// What nobody of ours did is seen where a client looks for it: orders, trades, position, collateral, leverage.
#[test]
fn somebody_else_is_at_the_account() {
    let at = |at: &str, what: &str| fault(&format!("at = \"{at}\"\nkind = \"intrude\"\nwhat = \"{what}\""));
    let script = ["order", "fill", "position", "deposit", "leverage"].iter().zip(["5s", "10s", "15s", "20s", "25s"]);
    let venue = lighter(&script.map(|(what, time)| at(time, what)).collect::<String>());
    let account = || -> (String, String, String) {
        let (_, body) = venue.http("GET", &format!("/api/v1/account?by=index&value={ACCOUNT}"), "");
        let account = &serde_json::from_str::<Value>(&body).expect("JSON")["accounts"][0];
        let text = |value: &Value| value.as_str().expect("text").to_owned();
        let position = &account["positions"][0];
        (text(&position["position"]), text(&account["collateral"]), text(&position["initial_margin_fraction"]))
    };
    let trades = || -> usize {
        let target =
            format!("/api/v1/trades?account_index={ACCOUNT}&sort_by=timestamp&limit=100&auth={}", venue.token());
        let body: Value = serde_json::from_str(&venue.http("GET", &target, "").1).expect("JSON");
        body["trades"].as_array().expect("trades").len()
    };
    let before = account();
    venue.clock.advance(6 * SECOND);
    let foreign = open(&venue, 1);
    assert!(foreign[0] > 1 << 40, "{foreign:?}");
    venue.clock.advance(5 * SECOND);
    let _ = account();
    venue.clock.advance(SECOND);
    assert_eq!((account().0.as_str(), trades()), ("0.01000", 1));
    venue.clock.advance(4 * SECOND);
    assert_eq!((account().0.as_str(), trades()), ("0.02000", 1));
    let paid = account().1.parse::<f64>().expect("a number");
    venue.clock.advance(5 * SECOND);
    assert!((account().1.parse::<f64>().expect("a number") - paid - 100.0).abs() < 1e-9, "{:?}", account());
    venue.clock.advance(5 * SECOND);
    assert_eq!((before.2.as_str(), account().2.as_str()), ("5.00", "2.50"));
}

/// The other reading of the price band: the transaction is taken, and the order ends when it arrives.
#[test]
fn a_price_band_may_be_judged_after_the_answer() {
    let mut venue = Venue::start("--tier plus --price-band-late");
    let mut socket = venue.socket();
    let token = venue.token();
    say(&mut socket, &format!(r#"{{"type":"subscribe","channel":"account_all_orders/{ACCOUNT}","auth":"{token}"}}"#));
    assert_eq!(read(&mut socket).expect("an answer")["type"], json!("subscribed/account_all_orders"));
    let ask = touch(&venue).1;
    for tif in [GOOD_TILL_TIME, IMMEDIATE_OR_CANCEL] {
        assert_eq!(venue.send(Tx::CreateOrder(limit(9, 1_000, ask * 104 / 100, 0, tif))), Ok(()));
        let ended = loop {
            let order = read(&mut socket).expect("the socket lives")["orders"]["1"][0].clone();
            if order["status"] != json!("in-progress") && !order.is_null() {
                break order;
            }
        };
        assert_eq!((&ended["status"], &ended["client_order_index"]), (&json!("canceled-too-much-slippage"), &json!(9)));
    }
    assert_eq!(venue.position(), perpx_core::units::Qty::ZERO);
}

/// Two hundred frames a minute on one stream, and another stream has as many; reads are counted by their weight.
#[test]
fn what_a_client_asks_is_counted() {
    let venue = Venue::start("--tier plus --weight 700");
    let mut socket = venue.socket();
    let mut ping = |venue: &Venue, count: usize| -> Vec<Value> {
        (0..count).for_each(|_| say(&mut socket, r#"{"type":"ping"}"#));
        let answers: Vec<Value> = (0..count).map(|_| read(&mut socket).expect("the socket lives")).collect();
        assert!(seconds(venue) < 60 || count == 1, "within the minute");
        answers
    };
    assert!(ping(&venue, 200).iter().all(|answer| answer["type"] == json!("pong")));
    assert_eq!(ping(&venue, 1)[0]["error"]["code"], json!(30009));
    let read = |endpoint: &str| venue.http("GET", &format!("/api/v1/{endpoint}"), "").0;
    assert_eq!((read("orderBooks"), read("funding-rates"), read("exchangeStats")), (200, 200, 429));
    let nonce = format!("nextNonce?account_index={ACCOUNT}&api_key_index=5");
    assert_eq!(read(&nonce), 200, "six of the hundred that are left");
    venue.clock.advance(61 * SECOND);
    assert_eq!(read("orderBooks"), 200);
    assert!(ping(&venue, 1)[0]["error"].is_null());
}

/// Each line of the witness of what was sent here: requests with their orders, frames in all; and nothing that is secret.
#[test]
fn a_witness_counts_what_was_asked_and_sent() {
    let dir = tempfile::tempdir().expect("a folder");
    let path = dir.path().join("witness.jsonl");
    let (_faults, option) = crate::emulator_faults::script(&fault("at = \"0s\"\nkind = \"lost-answer\""));
    let venue = Venue::start(&format!("--tier plus {option} --witness {}", path.display()));
    assert_eq!(order(&venue, 41, 1), None);
    assert_eq!(order(&venue, 42, 7).expect("an answer").0, 400);
    let token = venue.token();
    assert_eq!(open(&venue, 1), [41]);
    let mut socket = listening(&venue);
    let mut books = 0;
    while books < 5 {
        books += usize::from(!read(&mut socket).expect("the socket lives")["order_book"].is_null());
    }
    drop(socket);
    std::thread::sleep(Duration::from_millis(200));
    drop(venue);
    let text = std::fs::read_to_string(&path).expect("the file");
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let sent: Vec<&Value> = lines.iter().filter(|line| line["route"] == json!("POST /api/v1/sendTx")).collect();
    let order =
        |client: &str, nonce: i64| json!([{ "what": "create_order", "client": client, "nonce": nonce, "key": 5 }]);
    let reported = |line: &Value| (line["orders"].clone(), line["code"].clone(), line["answered"].clone());
    let want = [(order("41", 1), json!(200), Value::Null), (order("42", 7), json!(21104), json!(400))];
    assert_eq!(sent.into_iter().map(reported).collect::<Vec<_>>(), want);
    let frames = |of_hour: bool, snapshot: bool| -> u64 {
        let of_book =
            lines.iter().filter(|line| line["channel"] == json!("order_book") && line["symbol"] == json!("1"));
        let kind = of_book.filter(|line| line["snapshot"] == json!(snapshot) && line["hour_ns"].is_null() != of_hour);
        kind.map(|line| line["sent"].as_u64().expect("a count")).sum()
    };
    assert_eq!((frames(false, true), frames(true, true)), (1, 1));
    assert!(frames(false, false) >= 4 && frames(false, false) == frames(true, false));
    assert!(lines.iter().any(|line| line["seen"] == json!("close") && line["why"] == json!("gone")), "{text}");
    let signature = token.rsplit(':').next().expect("a part");
    assert!(!text.contains(signature) && !text.to_lowercase().contains("sig\""), "{text}");
}

/// A bid of ours above the market's is the best of the book, and of both summaries of it.
#[test]
fn the_tickers_best_is_that_of_the_book_with_our_orders() {
    let mut venue = Venue::start("--tier plus");
    // a busy machine lets the clock go on between two frames, and the bid be taken: then once more
    for number in 1..100 {
        let (bid, ask) = touch(&venue);
        if ask - bid < 3 {
            venue.clock.advance(SECOND);
            continue;
        }
        let ours = ask - 2;
        venue.send(Tx::CreateOrder(limit(number, 1_000, ours, 0, GOOD_TILL_TIME))).expect("it is taken");
        venue.clock.advance(300 * MS);
        let begun = venue.now_ms();
        let mut socket = venue.socket();
        for channel in ["order_book/1", "ticker/1", "market_stats/1"] {
            say(&mut socket, &format!(r#"{{"type":"subscribe","channel":"{channel}"}}"#));
        }
        let mut best = Vec::new();
        while best.len() < 3 {
            let frame = read(&mut socket).expect("the socket lives");
            match frame["type"].as_str() {
                Some("subscribed/order_book") => best.push(frame["order_book"]["bids"][0]["price"].clone()),
                Some("subscribed/ticker") => best.push(frame["ticker"]["b"]["price"].clone()),
                Some("subscribed/market_stats") => best.push(frame["market_stats"]["best_bid_price"].clone()),
                _ => {}
            }
        }
        if venue.now_ms() == begun && best[0] == json!(format!("{}.{}", ours / 10, ours % 10)) {
            assert!(best.iter().all(|one| *one == best[0]), "{best:?}");
            return;
        }
    }
    panic!("no bid of ours was the best");
}
