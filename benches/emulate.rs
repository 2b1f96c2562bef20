//! What an emulated venue can say: book messages a second to four clients over sockets, each message's place in its sequence
//! checked by each client; processor time and memory of the server; a fifth client that does not read and is let go.
//! `cargo bench --bench emulate`
//!
//! `PERPX_BENCH_SECONDS` (30), `PERPX_BENCH_SPEED` (market seconds a second, 800), `PERPX_BENCH_UPDATES` (quotes of the market a
//! second, 24), `PERPX_BENCH_VENUE` (lighter, grvt).

use clap::{Args, FromArgMatches};
use perpx::venues::command::EmulateArgs;
use perpx::venues::wall::SystemClock;
use std::io::{ErrorKind, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tungstenite::{Message, WebSocket};

const CLIENTS: usize = 4;
/// A client that does not read fills the buffers of the kernel first.
const SLOW: Duration = Duration::from_secs(60);

fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

/// What stands in `text` after `key`, up to the next sign that ends a number.
fn number<'a>(text: &'a str, key: &str) -> Option<&'a str> {
    let after = text.get(text.find(key)? + key.len()..)?.trim_start_matches('"');
    after.split(['"', ',', '}']).next()
}

/// How a venue is asked for its book, and what its frames call themselves and the one before.
#[derive(Clone, Copy)]
struct Words {
    path: &'static str,
    subscribe: &'static str,
    is_book: &'static str,
    before: &'static str,
    own: &'static str,
    /// Of the market data among the ports.
    host: usize,
}

const LIGHTER: Words = Words {
    path: "/stream",
    subscribe: r#"{"type":"subscribe","channel":"order_book/1"}"#,
    is_book: r#""update/order_book""#,
    before: r#""begin_nonce":"#,
    own: r#""nonce":"#,
    host: 0,
};
const GRVT: Words = Words {
    path: "/ws/full",
    subscribe: concat!(
        r#"{"jsonrpc":"2.0","id":1,"method":"subscribe","params":"#,
        r#"{"stream":"v1.book.d","selectors":["BTC_USDT_Perp@50"]}}"#
    ),
    is_book: r#""stream":"v1.book.d""#,
    before: r#""prev_sequence_number":"#,
    own: r#""sequence_number":"#,
    host: 1,
};

fn connect(port: u16, words: Words) -> WebSocket<TcpStream> {
    let stream = TcpStream::connect(("127.0.0.1", port)).expect("it listens");
    let (mut socket, _) =
        tungstenite::client::client(format!("ws://127.0.0.1:{port}{}", words.path), stream).expect("a socket");
    socket.get_ref().set_read_timeout(Some(Duration::from_millis(200))).expect("a timeout");
    socket.send(Message::text(words.subscribe)).expect("it is sent");
    socket
}

#[derive(Default)]
struct Count {
    messages: AtomicU64,
    bytes: AtomicU64,
    gaps: AtomicU64,
}

/// Reads until asked to stop.
fn listen(port: u16, words: Words, count: &Count, stop: &AtomicBool) {
    let mut socket = connect(port, words);
    let mut last = String::new();
    while !stop.load(Ordering::Relaxed) {
        let text = match socket.read() {
            Ok(Message::Text(text)) => text,
            Ok(_) => continue,
            Err(tungstenite::Error::Io(error))
                if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) =>
            {
                continue;
            }
            Err(error) => panic!("a client that reads was let go: {error}"),
        };
        let text = text.as_str();
        let own = number(text, words.own).filter(|own| text.contains(words.is_book) && *own != "0");
        let (Some(own), Some(before)) = (own, number(text, words.before)) else { continue };
        if !last.is_empty() && last != before {
            count.gaps.fetch_add(1, Ordering::Relaxed);
        }
        last.clear();
        last.push_str(own);
        count.messages.fetch_add(1, Ordering::Relaxed);
        count.bytes.fetch_add(text.len() as u64, Ordering::Relaxed);
    }
}

/// Processor seconds of the threads whose name begins with `client`, and of the others.
fn processor() -> [f64; 2] {
    let mut spent = [0.0; 2];
    for task in std::fs::read_dir("/proc/self/task").into_iter().flatten().flatten() {
        let read = |file: &str| std::fs::read_to_string(task.path().join(file)).unwrap_or_default();
        let ran_ns = read("schedstat").split_whitespace().next().and_then(|ns| ns.parse::<f64>().ok()).unwrap_or(0.0);
        spent[usize::from(!read("comm").starts_with("client"))] += ran_ns / 1e9;
    }
    spent
}

/// Resident memory of this process, server and clients, in MB.
fn resident() -> f64 {
    let text = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    text.split_whitespace().nth(1).and_then(|pages| pages.parse::<f64>().ok()).unwrap_or(0.0) * 4_096.0 / 1e6
}

fn client(name: String, act: impl FnOnce() + Send + 'static) -> std::thread::JoinHandle<()> {
    std::thread::Builder::new().name(name).spawn(act).expect("a thread")
}

fn main() {
    let seconds = setting("PERPX_BENCH_SECONDS", 30);
    let (speed, updates) = (setting("PERPX_BENCH_SPEED", 800), setting("PERPX_BENCH_UPDATES", 24));
    let (venue, words) = match std::env::var("PERPX_BENCH_VENUE").as_deref() {
        Ok("grvt") => ("grvt", GRVT),
        _ => ("lighter", LIGHTER),
    };
    let line = format!(
        "emulate --venue {venue} --port 0 --tier premium --speed {speed} --updates-per-sec {updates} --frame-ms 0"
    );
    let command = EmulateArgs::augment_args(clap::Command::new("emulate"));
    let matches = command.try_get_matches_from(line.split_whitespace()).expect("legal options");
    let args = EmulateArgs::from_arg_matches(&matches).expect("legal options");
    let (stop, done) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
    let server = args.servers(stop.clone(), Arc::new(SystemClock)).expect("a server").remove(0);
    let port = server.ports()[words.host];
    let served = std::thread::spawn(move || server.run());

    let counts: Vec<Arc<Count>> = (0..CLIENTS).map(|_| Arc::default()).collect();
    let readers: Vec<_> = counts
        .iter()
        .enumerate()
        .map(|(place, count)| {
            let (count, done) = (count.clone(), done.clone());
            client(format!("client {place}"), move || listen(port, words, &count, &done))
        })
        .collect();
    let (begun, at_first) = (Instant::now(), resident());
    let mute = client("client mute".to_owned(), move || {
        let socket = connect(port, words);
        // nothing is read; what is sent fails once the other end has gone
        let begun = Instant::now();
        while socket.get_ref().write_all(&[0x8a, 0x80, 0, 0, 0, 0]).is_ok() {
            assert!(begun.elapsed() < SLOW, "a client that does not read was not let go");
            std::thread::sleep(Duration::from_millis(100));
        }
        println!("a client that did not read was let go after {:.1} s", begun.elapsed().as_secs_f64());
    });
    // what is measured begins when it has gone: its queue was the most that a client may cost
    mute.join().expect("the client that does not read");
    let read = |count: &Count| count.messages.load(Ordering::Relaxed);
    let (first, spent, memory) = (counts.iter().map(|count| read(count)).collect::<Vec<_>>(), processor(), resident());
    let (from, mut most, mut slowest) = (Instant::now(), memory, u64::MAX);
    let mut before = first.clone();
    for _ in 0..seconds {
        std::thread::sleep(Duration::from_secs(1));
        most = most.max(resident());
        let now: Vec<u64> = counts.iter().map(|count| read(count)).collect();
        slowest = now.iter().zip(&before).map(|(now, before)| now - before).min().unwrap_or(0).min(slowest);
        before = now;
    }
    let (elapsed, after, last) = (from.elapsed().as_secs_f64(), processor(), resident());
    done.store(true, Ordering::Relaxed);
    readers.into_iter().for_each(|reader| reader.join().expect("a client"));
    stop.store(true, Ordering::Relaxed);
    served.join().expect("the server").expect("it serves");

    println!("{line}");
    println!("{elapsed:.1} s after {:.1} s of warming", (from - begun).as_secs_f64());
    let mut all = 0.0;
    for (place, (first, before)) in first.iter().zip(&before).enumerate() {
        let rate = (before - first) as f64 / elapsed;
        let (bytes, gaps) = (counts[place].bytes.load(Ordering::Relaxed), counts[place].gaps.load(Ordering::Relaxed));
        all += rate;
        println!(
            "client {place}: {rate:.0} book messages/s of {} bytes, {gaps} gaps",
            bytes / read(&counts[place]).max(1)
        );
        assert_eq!(gaps, 0, "a sequence is broken");
    }
    println!("in all {all:.0} book messages/s; least of any client in any second {slowest}");
    let share = |place: usize| (after[place] - spent[place]) / elapsed * 100.0;
    println!("processor: server {:.0} %, clients {:.0} % of a core", share(1), share(0));
    println!(
        "resident, server and clients: {at_first:.1} MB before them, {memory:.1} MB at first, {last:.1} MB at last, {most:.1} MB at most"
    );
}
