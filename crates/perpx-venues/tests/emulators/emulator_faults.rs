//! Scripted faults, each kind through sockets as a client meets it.

use crate::emulator::{ACCOUNT, LISTEN, Socket, Venue, heard, limit, stopped_clock, touch};
use clap::{Args, FromArgMatches};
use perpx_core::units::{MS, Qty, SECOND};
use perpx_venues::command::EmulateArgs;
use perpx_venues::lighter::sign::{Attributes, Tx, time_in_force::GOOD_TILL_TIME};
use perpx_venues::wall::{Clock, ManualClock};
use serde_json::{Value, json};
use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;
use tungstenite::Message;

const PATIENCE: Duration = Duration::from_secs(20);

/// A file of faults, deleted with its folder.
pub(crate) fn script(text: &str) -> (tempfile::TempDir, String) {
    let dir = tempfile::tempdir().expect("a folder");
    let path = dir.path().join("faults.toml");
    std::fs::write(&path, text).expect("it is written");
    let option = format!("--faults {}", path.display());
    (dir, option)
}

pub(crate) fn fault(lines: &str) -> String {
    format!("[[fault]]\n{lines}\n")
}

pub(crate) fn lighter(text: &str) -> Venue {
    let (_dir, option) = script(text);
    Venue::start(&format!("--tier plus {option}"))
}

/// The next text; `None` when the connection has ended.
pub(crate) fn read(socket: &mut Socket) -> Option<Value> {
    heard(&mut socket.socket, &socket.clock).map(|text| serde_json::from_str(&text).expect("JSON"))
}

/// `begin_nonce` and `nonce` of the next frame of the book, and how late it is, in milliseconds.
pub(crate) fn book(socket: &mut Socket) -> (i64, i64, i64) {
    loop {
        let frame = read(socket).expect("the socket lives");
        let book = &frame["order_book"];
        if let (Some(begin), Some(nonce)) = (book["begin_nonce"].as_i64(), book["nonce"].as_i64()) {
            let now_ms = socket.clock.now().steps(MS);
            return (begin, nonce, now_ms - frame["timestamp"].as_i64().expect("a time"));
        }
    }
}

pub(crate) fn listening(venue: &Venue) -> Socket {
    let mut socket = venue.socket();
    socket.socket.send(Message::text(r#"{"type":"subscribe","channel":"order_book/1"}"#)).expect("it is sent");
    socket
}

/// The first frames of the book: `(begin, nonce)`, the snapshot first.
fn frames(kind: &str, count: usize) -> Vec<(i64, i64)> {
    let venue = lighter(&fault(&format!("at = \"0s\"\nkind = \"{kind}\"\ncount = 1")));
    let mut socket = listening(&venue);
    (0..count).map(|_| book(&mut socket)).map(|(begin, nonce, _)| (begin, nonce)).collect()
}

fn follows(pair: &[(i64, i64)]) -> bool {
    pair[1].0 == pair[0].1
}

#[test]
fn frames_of_the_book_are_lost_come_twice_and_out_of_turn() {
    let skipped = frames("skip-sequence", 4);
    assert!(!follows(&skipped[..2]) && skipped[1].0 > skipped[0].1, "{skipped:?}");
    assert!(skipped[1..].windows(2).all(follows), "{skipped:?}");
    let doubled = frames("duplicate", 4);
    assert!(follows(&doubled[..2]) && doubled[1] == doubled[2] && follows(&doubled[2..]), "{doubled:?}");
    let turned = frames("reorder", 4);
    assert!(
        follows(&[turned[0], turned[2]]) && follows(&[turned[2], turned[1]]) && follows(&[turned[1], turned[3]]),
        "{turned:?}"
    );
}

#[test]
fn late_frames_are_late_and_none_is_missing() {
    let venue = lighter(&fault("at = \"2s\"\nkind = \"delay\"\nby = \"60s\"\nfor = \"20s\""));
    let mut socket = listening(&venue);
    let (mut seen, mut after) = (Vec::new(), 0);
    let is_late = |frame: &(i64, i64, i64)| frame.2 >= 60_000;
    while after < 10 && seen.len() < 2_000 {
        seen.push(book(&mut socket));
        after =
            if seen.iter().any(is_late) && seen.last().is_some_and(|frame| frame.2 < 1_000) { after + 1 } else { 0 };
    }
    let chain: Vec<(i64, i64)> = seen.iter().map(|&(begin, nonce, _)| (begin, nonce)).collect();
    assert!(chain.windows(2).all(follows), "{chain:?}");
    let late = seen.iter().filter(|frame| is_late(frame)).count();
    assert!(late >= 3 && !is_late(&seen[1]) && after == 10, "{seen:?}");
}

#[test]
fn sockets_are_cut_and_open_again_when_it_is_over() {
    let venue = lighter(&fault("at = \"60s\"\nkind = \"drop-socket\"\nfor = \"60s\""));
    let mut socket = listening(&venue);
    book(&mut socket);
    venue.clock.advance(60 * SECOND);
    assert!((0..20).any(|_| read(&mut socket).is_none()), "it lives");
    // within the minute no handshake is answered
    let mut stream = TcpStream::connect(("127.0.0.1", venue.port)).expect("it listens");
    let key = "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: MTIzNDU2Nzg5MDEyMzQ1Ng==";
    write!(stream, "GET /stream HTTP/1.1\r\nHost: x\r\n{key}\r\n\r\n").expect("it is sent");
    let mut text = String::new();
    stream.read_to_string(&mut text).expect("an end");
    assert_eq!(text, "");
    assert_eq!(venue.http("GET", "/api/v1/orderBooks", "").0, 200, "REST lives");
    venue.clock.advance(61 * SECOND);
    book(&mut listening(&venue));
}

/// Status and body of an order of ours; nothing at all when the connection ended without an answer.
pub(crate) fn order(venue: &Venue, number: i64, nonce: i64) -> Option<(u16, String)> {
    let bid = touch(venue).0;
    let tx = Tx::CreateOrder(limit(number, 1_000, bid * 98 / 100, 0, GOOD_TILL_TIME));
    sent(venue.port, &venue.signed(&venue.key, nonce, Attributes::new(), tx))
}

pub(crate) fn sent(port: u16, (kind, info, _): &(u8, String, String)) -> Option<(u16, String)> {
    let escaped: String = info.bytes().map(|byte| format!("%{byte:02X}")).collect();
    let form = "Content-Type: application/x-www-form-urlencoded\r\n";
    post(port, "/api/v1/sendTx", form, &format!("tx_type={kind}&tx_info={escaped}"))
        .map(|(status, _, body)| (status, body))
}

/// Status, head, body.
fn post(port: u16, path: &str, headers: &str, body: &str) -> Option<(u16, String, String)> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).expect("it listens");
    stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    let length = body.len();
    let head = format!("POST {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{headers}Content-Length: {length}\r\n");
    write!(stream, "{head}\r\n{body}").expect("it is sent");
    let mut text = String::new();
    stream.read_to_string(&mut text).expect("an end");
    let (head, body) = text.split_once("\r\n\r\n")?;
    Some((head[9..12].parse().expect("a status"), head.to_owned(), body.to_owned()))
}

/// Client numbers of the open orders, once `count` are there.
pub(crate) fn open(venue: &Venue, count: usize) -> Vec<i64> {
    for _ in 0..1_000 {
        let target = format!("/api/v1/accountActiveOrders?account_index={ACCOUNT}&market_id=1&auth={}", venue.token());
        let (status, body) = venue.http("GET", &target, "");
        assert_eq!(status, 200, "{body}");
        let body: Value = serde_json::from_str(&body).expect("JSON");
        let orders = body["orders"].as_array().expect("orders").iter();
        let mut numbers: Vec<i64> =
            orders.map(|order| order["client_order_index"].as_i64().expect("a number")).collect();
        numbers.sort_unstable();
        if numbers.len() >= count {
            return numbers;
        }
        venue.clock.advance(50 * MS);
    }
    panic!("{count} orders never rested")
}

#[test]
fn answers_are_refused_failed_and_lost() {
    let at_once = |lines: &str| fault(&format!("at = \"0s\"\n{lines}"));
    let script = [
        at_once("kind = \"answer-429\""),
        at_once("kind = \"answer-5xx\"\nstatus = 503"),
        at_once("kind = \"answer-5xx\"\nexecuted = true"),
        at_once("kind = \"lost-answer\""),
        at_once("kind = \"answer-429\"\ncontaining = \"funding-rates\"\nvenue = \"lighter\""),
        at_once("kind = \"answer-429\"\ncontaining = \"fundings\"\nvenue = \"grvt\""),
    ];
    let venue = lighter(&script.concat());
    // one after the other: the first two do nothing, so their nonce is still due
    let (status, body) = order(&venue, 1, 1).expect("an answer");
    assert_eq!((status, serde_json::from_str::<Value>(&body).expect("JSON")["code"].as_i64()), (429, Some(23000)));
    let (status, body) = order(&venue, 2, 1).expect("an answer");
    assert!(status == 503 && serde_json::from_str::<Value>(&body).is_err(), "{status} {body}");
    // these two reach the venue: their nonces are used
    assert_eq!(order(&venue, 3, 1).expect("an answer").0, 502);
    assert_eq!(order(&venue, 4, 2), None);
    assert_eq!(order(&venue, 5, 3).expect("an answer").0, 200);
    assert_eq!(open(&venue, 3), [3, 4, 5]);
    let get = |target: &str| venue.http("GET", &format!("/api/v1/{target}"), "").0;
    assert_eq!((get("funding-rates"), get("funding-rates")), (429, 200));
    assert_eq!(get("fundings?market_id=1&resolution=1h&start_timestamp=0&end_timestamp=1&count_back=1"), 200);
}

#[test]
fn calls_over_a_socket_meet_the_same() {
    let script = ["answer-429\"", "answer-5xx\"\nexecuted = true", "lost-answer\""];
    let venue = lighter(&script.map(|kind| fault(&format!("at = \"0s\"\nkind = \"{kind}"))).concat());
    let mut socket = venue.socket();
    let mut call = |number: i64, nonce: i64| {
        let bid = touch(&venue).0;
        let tx = Tx::CreateOrder(limit(number, 1_000, bid * 98 / 100, 0, GOOD_TILL_TIME));
        let (kind, info, _) = venue.signed(&venue.key, nonce, Attributes::new(), tx);
        let data = json!({ "id": format!("n{number}"), "tx_type": kind, "tx_info": serde_json::from_str::<Value>(&info).expect("JSON") });
        socket
            .socket
            .send(Message::text(json!({ "type": "jsonapi/sendtx", "data": data }).to_string()))
            .expect("it is sent");
        read(&mut socket)
    };
    let refused = call(1, 1).expect("an answer");
    assert_eq!((&refused["error"]["code"], &refused["id"]), (&json!(23000), &json!("n1")));
    let failed = call(2, 1).expect("an answer");
    assert_eq!((&failed["error"]["code"], &failed["id"]), (&json!(502), &json!("n2")));
    assert_eq!(call(3, 2), None, "the socket ends");
    assert_eq!(open(&venue, 2), [2, 3]);
}

#[test]
fn a_token_expires_and_a_new_one_is_taken() {
    let venue = lighter(&fault("at = \"60s\"\nkind = \"expired-login\""));
    let token = venue.token();
    let read = |token: &str| {
        let target = format!("/api/v1/accountActiveOrders?account_index={ACCOUNT}&market_id=1&auth={token}");
        let (status, body) = venue.http("GET", &target, "");
        (status, serde_json::from_str::<Value>(&body).expect("JSON")["code"].as_i64().expect("a code"))
    };
    let subscribe =
        |token: &str| format!(r#"{{"type":"subscribe","channel":"account_all_orders/{ACCOUNT}","auth":"{token}"}}"#);
    assert_eq!(read(&token), (200, 200));
    let mut early = venue.socket();
    early.socket.send(Message::text(subscribe(&token))).expect("it is sent");
    assert_eq!(self::read(&mut early).expect("an answer")["type"], json!("subscribed/account_all_orders"));
    venue.clock.advance(61 * SECOND);
    assert_eq!(read(&token), (400, 20001));
    let mut socket = venue.socket();
    socket.socket.send(Message::text(subscribe(&token))).expect("it is sent");
    assert_eq!(self::read(&mut socket).expect("an answer")["error"]["code"], json!(20001));
    let new = venue.token();
    assert_eq!(read(&new), (200, 200));
    // what was open has fallen silent, without a word: it is subscribed to as if it had never been
    for socket in [&mut socket, &mut early] {
        socket.socket.send(Message::text(subscribe(&new))).expect("it is sent");
        let mut frame = self::read(socket).expect("an answer");
        while frame["type"] == json!("ping") {
            frame = self::read(socket).expect("an answer");
        }
        assert_eq!(frame["type"], json!("subscribed/account_all_orders"));
    }
}

/// While it lasts nothing comes and nothing is answered; then what was asked is done. (In which order: a test beside `turn`.)
#[test]
fn a_halt_ends_with_its_backlog() {
    let venue = lighter(&fault("at = \"60s\"\nkind = \"halt\"\nfor = \"60s\""));
    let bid = touch(&venue).0;
    let mut socket = listening(&venue);
    book(&mut socket);
    let tx = Tx::CreateOrder(limit(1, 1_000, bid * 98 / 100, 0, GOOD_TILL_TIME));
    let signed = venue.signed(&venue.key, 1, Attributes::new(), tx);
    venue.clock.advance(61 * SECOND);
    let mut is_silent = || {
        let read = socket.socket.read();
        let silent = |error: &tungstenite::Error| matches!(error, tungstenite::Error::Io(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut));
        assert!(read.is_ok() || read.as_ref().is_err_and(silent), "the socket lives");
        read.is_err()
    };
    // what was on its way
    while !is_silent() {}
    let port = venue.port;
    let waiting = [
        std::thread::spawn(move || sent(port, &signed).expect("an answer").0),
        std::thread::spawn(move || post(port, "/api/v1/nothing", "", "").expect("an answer").0),
    ];
    for _ in 0..50 {
        venue.clock.advance(SECOND);
        assert!(is_silent(), "the book stands still");
    }
    assert!(waiting.iter().all(|thread| !thread.is_finished()));
    venue.clock.advance(10 * SECOND);
    assert_eq!(waiting.map(|thread| thread.join().expect("it ends")), [200, 404]);
    book(&mut socket);
    assert_eq!(open(&venue, 1), [1]);
    assert_eq!(venue.position(), Qty::ZERO);
}

/// A running GRVT: its ports.
struct Grvt {
    ports: Vec<u16>,
    clock: Arc<ManualClock>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Drop for Grvt {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        let ended = self.thread.take().is_some_and(|thread| thread.join().is_ok());
        assert!(ended || std::thread::panicking(), "the server ended by itself");
    }
}

pub(crate) fn options(line: &str) -> EmulateArgs {
    let command = EmulateArgs::augment_args(clap::Command::new("emulate"));
    let matches = command.try_get_matches_from(line.split_whitespace()).expect("legal options");
    EmulateArgs::from_arg_matches(&matches).expect("legal options")
}

fn grvt(text: &str) -> Grvt {
    let (_dir, option) = script(text);
    let stop = Arc::new(AtomicBool::new(false));
    let args = options(&format!("emulate --venue grvt --grvt-calls 100000 --port 0 {option}"));
    let clock = stopped_clock();
    let server = args.servers(stop.clone(), clock.clone()).expect("a server").remove(0);
    let ports = server.ports();
    let thread = Some(std::thread::spawn(move || server.run().expect("it serves")));
    Grvt { ports, clock, stop, thread }
}

#[test]
fn the_other_venue_says_it_in_its_words() {
    let script = [
        fault("at = \"0s\"\nkind = \"skip-sequence\""),
        fault("at = \"0s\"\nkind = \"answer-429\"\ncontaining = \"open_orders\""),
        fault("at = \"60s\"\nkind = \"expired-login\"\nvenue = \"grvt\""),
        fault("at = \"0s\"\nkind = \"answer-429\"\ncontaining = \"\"\nvenue = \"lighter\""),
    ];
    let venue = grvt(&script.concat());
    let login = || {
        let (status, head, _) =
            post(venue.ports[0], "/auth/api_key/login", "", r#"{"api_key":"emulated"}"#).expect("an answer");
        let line =
            |name: &str| head.lines().find(|line| line.starts_with(name)).map(|line| line[name.len()..].to_owned());
        let cookie = line("Set-Cookie: ").and_then(|cookie| cookie.split(';').next().map(str::to_owned));
        let account = line("X-Grvt-Account-Id: ").expect("an account");
        assert_eq!(status, 200);
        format!("Cookie: {}\r\nX-Grvt-Account-Id: {account}\r\n", cookie.expect("a cookie"))
    };
    let orders = |session: &str| {
        let (status, _, body) =
            post(venue.ports[2], "/full/v1/open_orders", session, r#"{"sub_account_id":"1"}"#).expect("an answer");
        (status, serde_json::from_str::<Value>(&body).expect("JSON")["code"].as_i64())
    };
    let session = login();
    assert_eq!(orders(&session), (429, Some(1006)));
    assert_eq!(orders(&session), (200, None));

    let stream = TcpStream::connect(("127.0.0.1", venue.ports[1])).expect("it listens");
    let (socket, _) =
        tungstenite::client::client(format!("ws://127.0.0.1:{}/ws/full", venue.ports[1]), stream).expect("a socket");
    socket.get_ref().set_read_timeout(Some(LISTEN)).expect("a timeout");
    let mut socket = Socket { socket, clock: venue.clock.clone() };
    let params = json!({ "stream": "v1.book.d", "selectors": ["BTC_USDT_Perp@50"] });
    let call = json!({ "jsonrpc": "2.0", "method": "subscribe", "params": params, "id": 1 });
    socket.socket.send(Message::text(call.to_string())).expect("it is sent");
    let first = read(&mut socket).expect("an answer")["result"]["latest_sequence_number"][0].clone();
    let mut numbers = Vec::new();
    while numbers.len() < 3 {
        let frame = read(&mut socket).expect("the socket lives");
        if frame["sequence_number"].as_str().is_some_and(|number| number != "0") {
            numbers.push((frame["prev_sequence_number"].clone(), frame["sequence_number"].clone()));
        }
    }
    assert_ne!(numbers[0].0, first, "one is missing");
    assert!(numbers.windows(2).all(|pair| pair[1].0 == pair[0].1), "{numbers:?}");

    venue.clock.advance(61 * SECOND);
    assert_eq!(orders(&session), (401, Some(1000)));
    assert_eq!(orders(&login()), (200, None));
}

#[test]
fn a_bad_file_ends_it_before_it_listens() {
    let refused = |option: &str| {
        let args = options(&format!("emulate --port 0 {option}"));
        let error = args.servers(Arc::default(), stopped_clock()).map(|_| ()).expect_err("it is refused");
        assert_eq!(error.exit_code(), 2);
        error.to_string()
    };
    let (_dir, option) = script(&fault("at = \"soon\"\nkind = \"halt\"\nfor = \"1s\""));
    let error = refused(&option);
    assert!(
        error.contains("faults.toml:2:6: fault.at: found \"soon\"") && error.contains("accepted: a duration"),
        "{error}"
    );
    assert!(refused("--faults /nowhere/faults.toml").contains("cannot be read"));
}

/// Thousands of frames a second: who reads them misses none, who does not is let go.
#[test]
fn a_client_that_does_not_read_is_let_go() {
    let dir = tempfile::tempdir().expect("a folder");
    let witness = dir.path().join("witness.jsonl");
    let options = "--tier plus --updates-per-sec 4 --speed 1000 --frame-ms 0 --witness";
    let venue = Venue::start(&format!("{options} {}", witness.display()));
    let mut mute = listening(&venue).socket.get_ref().try_clone().expect("a second handle");
    let mut reading = listening(&venue);
    let (mut last, mut seen) = (None, 0);
    // a pong that nobody asked for, masked by nothing
    while mute.write_all(&[0x8a, 0x80, 0, 0, 0, 0]).is_ok() {
        for _ in 0..500 {
            let (begin, nonce, _) = book(&mut reading);
            assert!(last.is_none_or(|last| last == begin), "{last:?} {begin}");
            last = Some(nonce);
            seen += 1;
        }
        // what its socket and its queue hold; a minute, after which it would be let go for not reading, is far more
        assert!(seen < 200_000, "it was not let go");
    }
    assert!(seen > 10_000, "{seen}");
    // by the venue, for that reason; a line that died would have had another
    let ended = || -> Vec<Value> {
        let text = std::fs::read_to_string(&witness).expect("the file");
        let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
        lines.filter(|line| line["seen"] == json!("close")).map(|line| line["why"].clone()).collect()
    };
    let begun = std::time::Instant::now();
    while ended().is_empty() && begun.elapsed() < Duration::from_secs(10) {
        std::thread::sleep(LISTEN);
    }
    assert_eq!(ended(), [json!("behind")]);
}

/// What goes wrong can be said while it runs: a list that is none is refused, one that is counts from then, in the venue's words.
#[test]
fn faults_are_taken_while_it_runs() {
    let mut venue = Venue::start("--tier plus");
    let worse = |venue: &Venue, lines: &str| venue.http("POST", "/emulator/fault", &fault(lines));
    let (status, body) = worse(&venue, "at = \"0s\"\nkind = \"dance\"");
    assert!(status == 400 && body.contains("skip-sequence"), "{status} {body}");
    let (_, ask) = touch(&venue);
    let buy = |venue: &mut Venue, number: i64| {
        let sent = venue.send(Tx::CreateOrder(limit(number, 1_000, ask + 500, 0, GOOD_TILL_TIME)));
        venue.clock.advance(2 * SECOND);
        std::thread::sleep(Duration::from_millis(100));
        sent
    };
    assert_eq!(buy(&mut venue, 1), Ok(()));
    let held = venue.position();
    assert!(held > Qty::ZERO);
    assert_eq!(worse(&venue, "at = \"0s\"\nkind = \"price-band\"\nbp = 0\nfor = \"1s\"").0, 200);
    assert_eq!(buy(&mut venue, 2), Err(21733));
    assert_eq!(worse(&venue, "at = \"0s\"\nkind = \"revoked-keys\"\nfor = \"1s\"").0, 200);
    assert_eq!(buy(&mut venue, 3), Err(21109));
    assert_eq!(worse(&venue, "at = \"0s\"\nkind = \"deleverage\"\npercent = 50").0, 200);
    std::thread::sleep(Duration::from_millis(100));
    assert_eq!(venue.position(), Qty(held.0 / 2));
    assert_eq!(buy(&mut venue, 4), Ok(()));
}
