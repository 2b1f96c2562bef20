//! Memory over a long time: by night, because it takes 26 minutes.

use crate::emulator_faults::options;
use perpx_venues::emulate::serve;
use perpx_venues::wall::SystemClock;
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};
use tungstenite::Message;

const MINUTES: usize = 26;
const MINUTE: Duration = Duration::from_secs(60);

const LIGHTER: [&str; 3] = [
    r#"{"type":"subscribe","channel":"order_book/1"}"#,
    r#"{"type":"subscribe","channel":"trade/1"}"#,
    r#"{"type":"subscribe","channel":"market_stats/1"}"#,
];
const GRVT: [&str; 3] = [
    r#"{"jsonrpc":"2.0","method":"subscribe","params":{"stream":"v1.book.d","selectors":["BTC_USDT_Perp@50"]},"id":1}"#,
    r#"{"jsonrpc":"2.0","method":"subscribe","params":{"stream":"v1.trade","selectors":["BTC_USDT_Perp"]},"id":2}"#,
    r#"{"jsonrpc":"2.0","method":"subscribe","params":{"stream":"v1.ticker.d","selectors":["BTC_USDT_Perp@100"]},"id":3}"#,
];

/// Of this process, in MB.
fn resident() -> f64 {
    let text = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    text.split_whitespace().nth(1).and_then(|pages| pages.parse::<f64>().ok()).unwrap_or(0.0) * 4_096.0 / 1e6
}

/// Frames of a stream, and the longest wait for one since somebody looked, in milliseconds.
#[derive(Default)]
struct Heard {
    frames: AtomicU64,
    longest_ms: AtomicU64,
}

fn listen(port: u16, path: &str, asked: [&str; 3], heard: &Heard) {
    let stream = TcpStream::connect(("127.0.0.1", port)).expect("it listens");
    let url = format!("ws://127.0.0.1:{port}{path}");
    let mut socket = tungstenite::client(url, stream).expect("a stream").0;
    asked.into_iter().for_each(|text| socket.send(Message::text(text)).expect("it is sent"));
    let (mut before, mut pinged) = (Instant::now(), Instant::now());
    while socket.read().is_ok() {
        heard.frames.fetch_add(1, Ordering::Relaxed);
        heard.longest_ms.fetch_max(before.elapsed().as_millis() as u64, Ordering::Relaxed);
        before = Instant::now();
        if pinged.elapsed() > MINUTE / 3 {
            pinged = before;
            let _ = socket.send(Message::Ping(Vec::new().into()));
        }
    }
}

/// Both venues with a client each over 26 hours of the market and two midnights: from the fourth hour on memory stays within five
/// percent.
#[test]
#[ignore = "26 minutes: .ci/nightly memory"]
fn memory_stays_flat_over_two_midnights() {
    let stop = Arc::new(AtomicBool::new(false));
    let args = options("emulate --venue both --synth 3 --port 0 --speed 60 --start-at 82800");
    let servers = args.servers(stop.clone(), Arc::new(SystemClock)).expect("servers");
    let (lighter, grvt) = (servers[0].ports()[0], servers[1].ports()[1]);
    let served = std::thread::spawn(move || serve(servers));
    let heard = [(); 2].map(|()| Arc::new(Heard::default()));
    for (place, (port, path, asked)) in
        [(lighter, "/stream", LIGHTER), (grvt, "/ws/full", GRVT)].into_iter().enumerate()
    {
        let heard = heard[place].clone();
        std::thread::spawn(move || listen(port, path, asked, &heard));
    }
    let mut samples = Vec::new();
    for hour in 0..=MINUTES {
        samples.push(resident());
        let longest = heard.each_ref().map(|heard| heard.longest_ms.swap(0, Ordering::Relaxed));
        let frames = heard.each_ref().map(|heard| heard.frames.load(Ordering::Relaxed));
        println!("hour {hour}: {:.1} MB, longest wait {longest:?} ms, frames {frames:?}", samples[hour]);
        sleep(if hour < MINUTES { MINUTE } else { Duration::ZERO });
    }
    stop.store(true, Ordering::Relaxed);
    served.join().expect("no panic").expect("it served");
    let most = samples[4..].iter().fold(0.0, |most: f64, sample| most.max(*sample));
    let frames = heard.each_ref().map(|heard| heard.frames.load(Ordering::Relaxed));
    assert!(most < samples[4] * 1.05 && frames.iter().all(|frames| *frames > 10_000), "{samples:?} {frames:?}");
}
