//! A recorder for a long time, and with many symbols: by night, as the program that users run (`PERPX_DATA` names it), with its
//! memory and its time as the kernel counts them.

use super::recorded::{recording, stream};
use crate::emulate::faults::{Condition, Dialect, Strike};
use crate::emulate::http::{HttpReply, HttpRequest};
use crate::emulate::serve::Out;
use crate::emulate::{EmulateError, Emulated, Server, Stage, Tls};
use crate::lighter::book::Book;
use crate::lighter::stream::Frame;
use crate::wall::{MarketClock, SystemClock};
use perpx_core::market::Side;
use perpx_core::units::{MS, SECOND, Time};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

const SYMBOLS: usize = 50;
/// Of each symbol: twenty of the book, two of trades, two of statistics, or as the recording has them.
const FRAMES_PER_SEC: i64 = 24;
const MINUTE: Duration = Duration::from_secs(60);

/// The program, as another process.
struct Program(Child);

impl Program {
    fn start(arguments: &[&str], core: Option<u32>) -> Program {
        let program = std::env::var("PERPX_DATA").expect("PERPX_DATA names perpx-data");
        let core = core.map(|core| core.to_string());
        let mut command = match &core {
            Some(core) => {
                let mut command = Command::new("taskset");
                command.args(["-c", core, &program]);
                command
            }
            None => Command::new(&program),
        };
        Program(command.args(arguments).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("it starts"))
    }

    fn field(&self, file: &str, place: usize) -> f64 {
        let text = std::fs::read_to_string(format!("/proc/{}/{file}", self.0.id())).expect("it runs");
        // the name in parentheses may have blanks
        let rest = text.rsplit_once(") ").map_or(text.as_str(), |(_, rest)| rest);
        rest.split_whitespace().nth(place).and_then(|field| field.parse().ok()).expect("a number")
    }

    /// MB.
    fn resident(&self) -> f64 {
        self.field("statm", 1) * 4_096.0 / 1e6
    }

    /// Seconds of all its threads, its own and the kernel's for it.
    fn cpu_sec(&self) -> f64 {
        (self.field("stat", 11) + self.field("stat", 12)) / 100.0
    }

    /// Stops it; what it said last.
    fn stop(mut self) -> Value {
        Command::new("kill").args(["-TERM", &self.0.id().to_string()]).status().expect("kill");
        let mut said = String::new();
        std::io::Read::read_to_string(self.0.stdout.as_mut().expect("a pipe"), &mut said).expect("text");
        let code = self.0.wait().expect("it ends").code();
        let last: Value = said.lines().last().and_then(|line| serde_json::from_str(line).ok()).unwrap_or_default();
        assert_eq!(code, Some(0), "{said}");
        last
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A venue that plays one recording as many markets.
struct Player {
    details: String,
    /// By channel: what a subscription begins with.
    snapshots: BTreeMap<&'static str, Value>,
    frames: Arc<Vec<Value>>,
    open: BTreeMap<u64, Out>,
    markets: Vec<Market>,
    sent: Arc<AtomicU64>,
    /// Says no more.
    quiet: Arc<AtomicBool>,
}

/// One market under way.
#[derive(Clone, Default)]
struct Market {
    /// Whether the channels are heard, and where.
    socket: Option<u64>,
    subscribed: usize,
    place: usize,
    nonce: u64,
    trades: i64,
    next: Time,
}

const CHANNELS: [&str; 3] = ["order_book", "trade", "market_stats"];

/// The frame that takes the book from the recording's end back to its beginning.
fn rewind(snapshot: &Value, frames: &[Value]) -> Value {
    let mut book = Book::default();
    let mut first = None;
    for frame in [snapshot].into_iter().chain(frames) {
        if let Ok(Frame::Book(frame)) = Frame::parse(&frame.to_string()) {
            book.apply(&frame).expect("no gap");
            first.get_or_insert_with(|| book.levels().clone());
        }
    }
    let first = first.expect("a book");
    let side = |side| {
        let (begin, end): (BTreeMap<_, _>, BTreeMap<_, _>) =
            (first.levels(side).collect(), book.levels().levels(side).collect());
        let gone = end.keys().filter(|px| !begin.contains_key(px)).map(|px| (px.to_string(), "0".to_owned()));
        let back = begin
            .iter()
            .filter(|(px, qty)| end.get(px) != Some(qty))
            .map(|(px, qty)| (px.to_string(), qty.to_string()));
        let levels: Vec<Value> =
            gone.chain(back).map(|(price, size)| json!({ "price": price, "size": size })).collect();
        levels
    };
    let mut frame = frames.iter().find(|frame| frame["type"] == "update/order_book").expect("an update").clone();
    frame["order_book"]["bids"] = side(Side::Buy).into();
    frame["order_book"]["asks"] = side(Side::Sell).into();
    frame
}

impl Player {
    fn new(sent: Arc<AtomicU64>, quiet: Arc<AtomicBool>) -> Option<Player> {
        let (mut snapshots, mut frames) = (BTreeMap::new(), Vec::new());
        for (_, text) in stream()? {
            let frame: Value = serde_json::from_str(&text).expect("JSON");
            let (how, channel) = frame["type"].as_str().unwrap_or_default().split_once('/').unwrap_or_default();
            let Some(channel) = CHANNELS.into_iter().find(|known| *known == channel) else { continue };
            match how {
                "subscribed" => {
                    snapshots.entry(channel).or_insert(frame);
                }
                _ => frames.push(frame),
            }
        }
        let stats = frames.iter().find(|frame| frame["type"] == "update/market_stats").expect("statistics").clone();
        snapshots.entry("market_stats").or_insert(stats);
        snapshots.entry("trade").or_insert(json!({ "trades": [], "liquidation_trades": [] }));
        frames.push(rewind(&snapshots["order_book"], &frames));
        let text = recording("nautilus-lighter-ws/http_mainnet_orderbook_details_btc.json.gz")?;
        let recorded: Value = serde_json::from_str(&text).expect("JSON");
        let mut details = recorded["response"]["body"].clone();
        let market = details["order_book_details"][0].clone();
        let named = |nth: usize| {
            let mut market = market.clone();
            (market["symbol"], market["market_id"]) = (json!(symbol(nth)), json!(nth));
            market
        };
        details["order_book_details"] = (0..SYMBOLS).map(named).collect();
        let (details, markets) = (details.to_string(), vec![Market::default(); SYMBOLS]);
        Some(Player { details, snapshots, frames: Arc::new(frames), open: BTreeMap::new(), markets, sent, quiet })
    }

    fn say(&self, socket: u64, frame: &Value) {
        if let Some(out) = self.open.get(&socket) {
            self.sent.fetch_add(1, Relaxed);
            out.send(&frame.to_string().into());
        }
    }

    /// The frame as market `nth` sends it now.
    fn labelled(&mut self, nth: usize, mut frame: Value, is_snapshot: bool, now: Time) -> Value {
        let channel =
            frame["channel"].as_str().and_then(|channel| channel.split(':').next()).unwrap_or("trade").to_owned();
        let market = &mut self.markets[nth];
        frame["channel"] = json!(format!("{channel}:{nth}"));
        frame["type"] = json!(format!("{}/{channel}", if is_snapshot { "subscribed" } else { "update" }));
        frame["timestamp"] = json!(now.steps(MS));
        if channel == "order_book" {
            let begin = market.nonce;
            market.nonce += 7;
            let book = &mut frame["order_book"];
            (book["begin_nonce"], book["nonce"]) = (json!(begin), json!(market.nonce));
            book["last_updated_at"] = json!(now.0 / 1_000);
            frame["last_updated_at"] = json!(now.0 / 1_000);
        }
        for trade in frame["trades"].as_array_mut().into_iter().flatten() {
            market.trades += 1;
            (trade["trade_id"], trade["market_id"]) = (json!(market.trades), json!(nth));
            (trade["timestamp"], trade["transaction_time"]) = (json!(now.steps(MS)), json!(now.0 / 1_000));
        }
        if let Some(stats) = frame.get_mut("market_stats") {
            stats["market_id"] = json!(nth);
        }
        frame
    }
}

fn symbol(nth: usize) -> String {
    format!("S{nth:02}")
}

impl Emulated for Player {
    fn pass(&mut self, now: Time) -> Result<(), EmulateError> {
        if self.quiet.load(Relaxed) {
            return Ok(());
        }
        for nth in 0..self.markets.len() {
            while let Some(socket) = self.markets[nth].socket
                && self.markets[nth].subscribed == CHANNELS.len()
                && self.markets[nth].next <= now
            {
                let frames = self.frames.clone();
                let market = &mut self.markets[nth];
                market.next = market.next.plus(SECOND / FRAMES_PER_SEC);
                let place = market.place;
                market.place = (place + 1) % frames.len();
                let frame = self.labelled(nth, frames[place].clone(), false, now);
                self.say(socket, &frame);
            }
        }
        Ok(())
    }

    fn request(&mut self, _host: usize, request: &HttpRequest, _now: Time) -> HttpReply {
        let body = match request.path.rsplit('/').next() {
            Some("orderBookDetails") => self.details.clone(),
            Some("fundings") => json!({ "code": 200, "resolution": "1h", "fundings": [] }).to_string(),
            _ => json!({ "code": 200, "trades": [] }).to_string(),
        };
        HttpReply { body, ..HttpReply::json(&Value::Null) }
    }

    fn open(&mut self, socket: u64, _host: usize, _handshake: &HttpRequest, out: Out, _now: Time) {
        self.open.insert(socket, out);
        self.markets.iter_mut().for_each(|market| (market.socket, market.subscribed) = (Some(socket), 0));
    }

    fn text(&mut self, socket: u64, text: &str, now: Time) -> i64 {
        let asked: Value = serde_json::from_str(text).expect("JSON");
        let channel = asked["channel"].as_str().unwrap_or_default();
        match (asked["type"].as_str(), channel.split_once('/')) {
            (Some("subscribe"), Some((channel, nth))) => {
                let nth: usize = nth.parse().expect("a market");
                let mut snapshot = self.snapshots[channel].clone();
                snapshot["channel"] = json!(format!("{channel}:{nth}"));
                let market = &mut self.markets[nth];
                market.subscribed += 1;
                if channel == "order_book" {
                    (market.place, market.next) = (0, now);
                }
                let frame = self.labelled(nth, snapshot, true, now);
                self.say(socket, &frame);
            }
            (Some("unsubscribe"), Some((_, nth))) => {
                self.markets[nth.parse::<usize>().expect("a market")].subscribed -= 1;
            }
            (Some("ping"), _) => self.say(socket, &json!({ "type": "pong" })),
            _ => {}
        }
        0
    }

    fn closed(&mut self, socket: u64) {
        self.open.remove(&socket);
    }

    fn halt(&mut self, _spans: &[(Time, Time)]) {}

    fn suffer(&mut self, _condition: Condition) {}

    fn strike(&mut self, _strike: Strike, _now: Time) {}

    fn dialect(&self) -> &'static dyn Dialect {
        &crate::lighter::emulator::LighterDialect
    }

    fn market_clock(&self) -> MarketClock {
        MarketClock { wall: Time(0), market: Time(0), speed: 1.0 }
    }

    fn summary(&self, _ports: &[u16], _s: &str) -> String {
        String::new()
    }

    fn hosts(&self) -> &'static [&'static str] {
        &["api"]
    }

    fn stream_path(&self, _host: usize) -> Option<&'static str> {
        Some("/stream")
    }
}

fn record_toml(dir: &Path, symbols: &[String], hosts: &[(&str, u16)], ca: &str) -> String {
    let symbols = serde_json::to_string(symbols).expect("names");
    let of = |(name, port): &(&str, u16)| {
        format!("[[venue]]\nname = \"{name}\"\nsymbols = {symbols}\nhost = \"127.0.0.1:{port}\"\n")
    };
    let text = format!("out = \"rec\"\n{ca}{}", hosts.iter().map(of).collect::<String>());
    let path = dir.join("record.toml");
    std::fs::write(&path, text).expect("writes");
    path.display().to_string()
}

/// Recorded frames with other labels, 24 a second of each of 50 symbols, over TLS for ten minutes: nothing is missing, on one core.
#[test]
#[ignore = "11 minutes: .ci/nightly symbols"]
fn symbols_fifty_on_one_core() {
    let sent = Arc::new(AtomicU64::new(0));
    let quiet = Arc::new(AtomicBool::new(false));
    let Some(player) = Player::new(sent.clone(), quiet.clone()) else { return };
    let dir = tempfile::tempdir().expect("a folder");
    let (stop, clock) = (Arc::new(AtomicBool::new(false)), Arc::new(SystemClock));
    let tls = Tls::throw_away().expect("certificates");
    tls.write(&dir.path().join("ca.pem")).expect("writes");
    let mut stage = Stage::new(stop.clone(), clock);
    stage.tls = Some(tls);
    let server = Server::bind(0, Box::new(player), Arc::new(stage)).expect("a port");
    let port = server.ports()[0];
    let served = std::thread::spawn(move || server.run());
    let symbols: Vec<String> = (0..SYMBOLS).map(symbol).collect();
    let config = record_toml(dir.path(), &symbols, &[("lighter", port)], "ca_file = \"ca.pem\"\n");
    let recorder = Program::start(&["record", &config, "--json"], Some(0));
    // 150 subscriptions at three a second
    std::thread::sleep(MINUTE);
    let (begun, busy, before) = (Instant::now(), recorder.cpu_sec(), sent.load(Relaxed));
    let mut resident = Vec::new();
    for minute in 1..=10 {
        std::thread::sleep(MINUTE);
        resident.push(recorder.resident());
        println!("minute {minute}: {:.1} MB, {} frames sent", resident[minute - 1], sent.load(Relaxed));
    }
    let took = begun.elapsed().as_secs_f64();
    let share = 100.0 * (recorder.cpu_sec() - busy) / took;
    let rate = (sent.load(Relaxed) - before) as f64 / took;
    // a venue that ends before its recorder leaves a gap in every table; one that is silent for a second leaves none
    quiet.store(true, Relaxed);
    std::thread::sleep(Duration::from_secs(1));
    let reported = recorder.stop();
    stop.store(true, Relaxed);
    served.join().expect("no panic").expect("it served");
    let most = resident.iter().fold(0.0, |most: f64, one| most.max(*one));
    println!(
        "symbols: {SYMBOLS} symbols, {rate:.0} frames a second: {share:.1} % of a core, {:.1} MB in the first minute, {most:.1} MB at most; {}",
        resident[0], reported["compacted"]
    );
    let whole = (SYMBOLS as i64 * FRAMES_PER_SEC) as f64;
    assert!(rate > 0.99 * whole && share < 100.0 && most < 96.0 + 8.0 * SYMBOLS as f64, "{rate} {share} {most}");
    let frames = reported["compacted"]["frames"].as_u64().expect("a count");
    assert!(frames >= sent.load(Relaxed), "{frames} of {}", sent.load(Relaxed));
    assert_eq!(reported["compacted"]["gaps"].as_u64(), Some(0), "{reported}");
}

/// Both venues over 26 hours of their market and two midnights: what a recorder needs does not grow with what it has recorded.
#[test]
#[ignore = "26 minutes: .ci/nightly recorder"]
fn recorder_memory_stays_flat() {
    let dir = tempfile::tempdir().expect("a folder");
    let port = 18_020;
    let port_text = port.to_string();
    let options =
        ["emulate", "--venue", "both", "--synth", "3", "--port", &port_text, "--speed", "60", "--start-at", "82800"];
    let _market = Program::start(&options, None);
    std::thread::sleep(Duration::from_secs(2));
    let config = record_toml(dir.path(), &["BTC".to_owned()], &[("lighter", port), ("grvt", port)], "");
    let recorder = Program::start(&["record", &config, "--json"], None);
    let mut resident = Vec::new();
    for hour in 1..=26 {
        std::thread::sleep(MINUTE);
        resident.push(recorder.resident());
        println!("hour {hour}: {:.1} MB, {:.1} s of a core", resident[hour - 1], recorder.cpu_sec());
    }
    let reported = recorder.stop();
    println!("recorder: {}", reported["compacted"]);
    let most = |hours: std::ops::Range<usize>| resident[hours].iter().fold(0.0, |most: f64, one| most.max(*one));
    // what an hour's compaction needs is needed again in the next
    assert!(most(16..26) <= most(4..16) * 1.05, "{resident:?}");
    assert!(most(0..26) < 96.0 + 8.0, "{resident:?}");
}
