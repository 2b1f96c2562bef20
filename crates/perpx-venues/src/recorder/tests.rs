//! Recorders at emulators of this machine.

use super::clock::{EngineClock, Reading};
use super::compaction::compact;
use super::config::{RecordConfig, RecordedVenue};
use super::session::Session;
use super::venue::VenueTask;
use crate::command::EmulateArgs;
use crate::net::dial::Dialer;
use crate::net::hosts::{Address, Network, hosts};
use crate::record::raw_file::{RawReader, raw_hours, raw_path};
use crate::record::{FeedConfig, FeedNews, FrameKind, RawFrame, Row, public_feed, step};
use crate::venue::Venue;
use crate::wall::SystemClock;
use clap::Parser;
use perpx_core::config::Missing;
use perpx_core::tape::rows::FundingKind;
use perpx_core::units::{HOUR, MINUTE, SECOND};
use perpx_data::check;
use perpx_data::store::Dataset;
use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

#[derive(Parser)]
struct Emulate {
    #[command(flatten)]
    args: EmulateArgs,
}

/// Both venues, played.
struct Market {
    /// Lighter's port; GRVT's are the next three.
    port: u16,
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

/// A port with three free ones after it.
fn four_ports() -> u16 {
    let free = |port: &u16| (0..4).all(|after| TcpListener::bind(("127.0.0.1", port + after)).is_ok());
    // threads of this test binary begin at different places
    let begin = TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr()).map_or(20_000, |at| at.port());
    (0..2_000).map(|i| 20_000 + (begin.wrapping_add(i * 7)) % 10_000).find(free).expect("four free ports")
}

impl Market {
    fn begin(options: &[&str]) -> Market {
        let port = four_ports();
        let number = port.to_string();
        let words = ["emulate", "--venue", "both", "--port", &number, "--speed", &SPEED.to_string()];
        let args = Emulate::parse_from(words.iter().chain(options)).args;
        let stop = Arc::new(AtomicBool::new(false));
        let servers = args.servers(stop.clone(), Arc::new(SystemClock)).unwrap_or_else(|e| panic!("{e}"));
        let threads = servers.into_iter().map(|server| std::thread::spawn(move || drop(server.run()))).collect();
        Market { port, stop, threads }
    }

    /// Of what a recorder is to do there. GRVT is named by Lighter's port: its own follow from it.
    fn config(&self, out: &Path) -> RecordConfig {
        self.reached(out, false)
    }

    /// The same over TLS.
    fn secured(&self, out: &Path, authority: PathBuf) -> RecordConfig {
        RecordConfig { ca_file: Some(authority), ..self.reached(out, true) }
    }

    fn reached(&self, out: &Path, is_tls: bool) -> RecordConfig {
        let first = Address { is_tls, host: "127.0.0.1".to_owned(), port: self.port };
        let of =
            |venue| RecordedVenue { venue, symbols: vec!["BTC".to_owned()], network: Network::Custom(first.clone()) };
        RecordConfig { venues: Venue::ALL.map(of).to_vec(), ..RecordConfig::new(out.to_path_buf()) }
    }
}

impl Drop for Market {
    fn drop(&mut self) {
        self.stop.store(true, Relaxed);
        self.threads.drain(..).for_each(|thread| drop(thread.join()));
    }
}

fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < Duration::from_secs(60), "not within a minute: {what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn is_live(session: &Session) -> bool {
    Venue::ALL.iter().all(|venue| session.health.venue(*venue).is_live.load(Relaxed))
}

fn frames(run: &Path, venue: Venue) -> Vec<RawFrame> {
    let mut all = Vec::new();
    for hour in raw_hours(run, venue).expect("lists") {
        let mut reader = RawReader::open(&raw_path(run, venue, hour), venue).expect("opens");
        while let Some(frames) = reader.next_block().expect("reads") {
            all.extend(frames);
        }
        assert_eq!(reader.damaged(), 0);
    }
    all
}

fn count(frames: &[RawFrame], kind: &FrameKind) -> usize {
    frames.iter().filter(|frame| frame.kind == *kind).count()
}

/// Seconds of the market, in which rows stand, a second of the wall, in which sockets are cut.
const SPEED: i64 = 10;

/// Asks a running recorder over HTTP.
fn ask(at: SocketAddr, path: &str) -> String {
    let mut stream = TcpStream::connect(at).expect("connects");
    write!(stream, "GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").expect("asks");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("answers");
    answer
}

/// Sockets that are cut are opened again, and each cut is one marker; every frame is there once and in its order; the
/// metrics say the same.
#[test]
fn what_the_venues_send_is_in_the_files() {
    let dir = tempfile::tempdir().expect("a folder");
    let faults = dir.path().join("faults.toml");
    std::fs::write(
        &faults,
        "[[fault]]\nat = \"4s\"\nkind = \"drop-socket\"\n[[fault]]\nat = \"8s\"\nkind = \"drop-socket\"\n",
    )
    .expect("writes");
    let authority = dir.path().join("ca.pem");
    let market = Market::begin(&["--faults", &faults.to_string_lossy(), "--tls", &authority.to_string_lossy()]);
    let config = market.secured(&dir.path().join("rec"), authority);
    let port = four_ports();
    let at = SocketAddr::from(([127, 0, 0, 1], port));
    let session = Session::begin(&config, Some(at)).unwrap_or_else(|e| panic!("{e}"));
    let taken = Session::begin(&config, None).map(|_| ()).expect_err("one recorder a folder");
    assert_eq!((taken.exit_code(), taken.to_string().contains("another process")), (2, true), "{taken}");
    std::thread::sleep(Duration::from_secs(9));
    until("both venues are live again", || is_live(&session));
    std::thread::sleep(Duration::from_secs(1));
    let shown = ask(at, "/metrics");
    for name in [
        "frames_total{venue=\"grvt\"}",
        "rows_total{venue=\"lighter\",table=\"quotes\"}",
        "recorder_lag_seconds{venue=\"lighter\"} 0.",
        "up{venue=\"grvt\"} 1",
        "clock_offset_seconds{venue=\"grvt\"} ",
        "clock_offset_bound_seconds{venue=\"grvt\"} 0.0",
        "feed_delay_least_seconds{venue=\"lighter\"} ",
        "clock_synchronised ",
    ] {
        assert!(shown.contains(&format!("perpx_{name}")), "{name} in {shown}");
    }
    assert!(ask(at, "/health").contains("\r\n\r\nok"));
    let begun = Instant::now();
    let counted = Venue::ALL.map(|venue| session.health.venue(venue).frames.load(Relaxed));
    drop(session.end());
    assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
    for venue in Venue::ALL {
        let frames = frames(&config.out, venue);
        assert!(frames.len() as u64 >= counted[venue as usize] && frames.len() > 100, "{}", frames.len());
        let kinds: Vec<_> = frames.iter().take(4).map(|frame| frame.kind.clone()).collect();
        assert_eq!(kinds[..3], [FrameKind::State, FrameKind::Restarted, FrameKind::State], "{}", venue.name());
        // the end is none
        assert_eq!(count(&frames, &FrameKind::Disconnected), 2, "{}", venue.name());
        assert_eq!(count(&frames, &FrameKind::Connected), 3, "{}", venue.name());
        for (at, pair) in frames.windows(2).enumerate() {
            assert_eq!(pair[1].seq, pair[0].seq + 1, "{} at {at}", venue.name());
            assert!(pair[1].engine >= pair[0].engine && pair[1].mono_ns >= pair[0].mono_ns, "{} at {at}", venue.name());
        }
        let replies: BTreeSet<_> = frames
            .iter()
            .filter(|f| matches!(f.kind, FrameKind::RestReply { .. }))
            .map(|f| format!("{:?}", f.kind))
            .collect();
        assert!(replies.len() >= 2, "markets and fundings: {replies:?}");
        let reported = |what: &str| {
            let clocks = frames.iter().filter(|frame| frame.kind == FrameKind::Clock);
            clocks.filter(|frame| String::from_utf8_lossy(&frame.text).contains(what)).count()
        };
        assert!(reported("\"is_synchronised\":") >= 2, "{}", venue.name());
        assert_eq!(reported("\"offset_ns\":") > 0, venue == Venue::Grvt, "Lighter tells its time in whole seconds");
    }
    the_store_has_a_gap_for_each_cut(&config.out, 2);
}

/// Rows of what was recorded: the store is fit, and has a gap for each cut and table, none longer than the cut and two seconds.
fn the_store_has_a_gap_for_each_cut(run: &Path, cuts: usize) {
    let first = compact(run, None).unwrap_or_else(|e| panic!("{e}"));
    assert!(first.files >= 2 && first.rows > 500, "{first}");
    let store = run.join("store");
    let keys = check::MissingKeys { funding: Missing::Refuse, marks: Missing::Refuse };
    let report = check::check(&store, None, 5 * SECOND, keys).unwrap_or_else(|e| panic!("{e}"));
    assert_eq!(report.verdict().exit_code(), 0, "{}", report.text(120));
    let dataset = Dataset::read(&store).expect("reads").expect("a store");
    let gaps = dataset.recorded.expect("a recorded one").gaps;
    for venue in Venue::ALL {
        for table in ["quotes", "depth", "trades", "marks"] {
            let of: Vec<_> = gaps.iter().filter(|gap| gap.venue == venue.name() && gap.table == table).collect();
            assert_eq!(of.len(), cuts, "{} {table}: {of:?}", venue.name());
            assert!(table == "trades" || of.iter().all(|gap| gap.length() < SPEED * 2 * SECOND), "{of:?}");
        }
    }
    // once more: the same bytes
    let before = std::fs::read(store.join("dataset.json")).expect("reads");
    assert_eq!(compact(run, None).expect("again"), first);
    assert_eq!(std::fs::read(store.join("dataset.json")).expect("reads"), before);
}

/// Frames of the book that do not come cost one gap each, which ends with the snapshot that is asked for: the channel is subscribed
/// anew, and goes on.
#[test]
fn missing_frames_cost_a_gap_each() {
    let dir = tempfile::tempdir().expect("a folder");
    let faults = dir.path().join("faults.toml");
    let of = |at| format!("[[fault]]\nat = \"{at}s\"\nkind = \"skip-sequence\"\ncount = 1\nvenue = ");
    let both = |at| format!("{}\"lighter\"\n{}\"grvt\"\n", of(at), of(at));
    std::fs::write(&faults, both(3) + &both(8)).expect("writes");
    let market = Market::begin(&["--faults", &faults.to_string_lossy()]);
    let config = market.config(&dir.path().join("rec"));
    let session = Session::begin(&config, None).unwrap_or_else(|e| panic!("{e}"));
    std::thread::sleep(Duration::from_secs(18));
    let notes = session.health.notes();
    drop(session.end());
    compact(&config.out, None).unwrap_or_else(|e| panic!("{e}"));
    let dataset = Dataset::read(&config.out.join("store")).expect("reads").expect("a store");
    let gaps = dataset.recorded.expect("a recorded one").gaps();
    for venue in Venue::ALL {
        for table in ["quotes", "depth"] {
            let of: Vec<_> = gaps.iter().filter(|gap| gap.venue == venue.name() && gap.table == table).collect();
            assert_eq!(of.len(), 2, "{} {table}: {of:?}\n{notes:?}", venue.name());
            assert!(of.iter().all(|gap| gap.length() < SPEED * 3 * SECOND), "{of:?}");
        }
    }
    assert!(!notes.iter().any(|note| note.contains("not readable")), "{notes:?}");
}

/// When the disk is short depth is kept no more, and whoever reads the frames makes the same rows.
#[test]
fn depth_is_dropped_when_the_disk_is_short() {
    let dir = tempfile::tempdir().expect("a folder");
    let market = Market::begin(&[]);
    let config = market.config(&dir.path().join("rec"));
    let session = Session::begin(&config, None).unwrap_or_else(|e| panic!("{e}"));
    until("both venues are live", || is_live(&session));
    session.keep_depth(false);
    std::thread::sleep(Duration::from_secs(2));
    drop(session.end());
    for venue in Venue::ALL {
        let (mut feed, mut news) = (public_feed(venue, FeedConfig::new(&[])), Vec::new());
        let (mut states, mut rows) = (0, [[0; 2]; 2]);
        for frame in frames(&config.out, venue) {
            let is_short = feed.config().depth_ms > 0;
            states += usize::from(frame.kind == FrameKind::State);
            step(&mut *feed, &frame, &mut news);
            for news in news.drain(..) {
                let FeedNews::Row(_, row) = news else { continue };
                match row {
                    Row::Quote(_) => rows[usize::from(is_short)][0] += 1,
                    Row::Depth(_) => rows[usize::from(is_short)][1] += 1,
                    _ => {}
                }
            }
        }
        let [[_, deep], [quotes, none]] = rows;
        assert!(states == 3 && deep > 0 && quotes > 3 && none == 0, "{}: {states} {rows:?}", venue.name());
    }
    // the store has what the recorder made
    compact(&config.out, None).unwrap_or_else(|e| panic!("{e}"));
    let days =
        Dataset::read(&config.out.join("store")).expect("reads").and_then(|of| of.recorded).expect("a store").days;
    for venue in Venue::ALL {
        let stored = days.iter().filter(|day| day.folder.starts_with(&format!("depth/venue={}/", venue.name())));
        let made = rows(&config.out, venue).into_iter().map(|row| match row {
            Row::Depth(row) => (row.bids.len() + row.asks.len()) as u64,
            _ => 0,
        });
        assert_eq!(stored.map(|day| day.rows).sum::<u64>(), made.sum::<u64>(), "{}", venue.name());
    }
}

/// A recorder that is stopped between a full hour and its reads of that hour has the settlement all the same.
#[test]
fn what_was_settled_just_before_the_end_is_recorded() {
    let dir = tempfile::tempdir().expect("a folder");
    // 7:59:20
    let market = Market::begin(&["--start-at", "28760"]);
    let config = market.config(&dir.path().join("rec"));
    let session = Session::begin(&config, None).unwrap_or_else(|e| panic!("{e}"));
    until("the hour is over", || is_live(&session) && session.now().into_step(HOUR) < 30 * MINUTE);
    let hour = session.now().floor_to(HOUR);
    assert!(session.now().since(hour) < 80 * SECOND, "{}: the hour's reads are not due", session.now());
    drop(session.end());
    for venue in Venue::ALL {
        let is_it = |row: &Row| matches!(row, Row::Funding(row) if row.kind == FundingKind::Settled && row.ts == hour);
        assert_eq!(rows(&config.out, venue).iter().filter(|row| is_it(row)).count(), 1, "{}", venue.name());
    }
}

/// Rows of the frames, in their order.
fn rows(run: &Path, venue: Venue) -> Vec<Row> {
    let (mut feed, mut news) = (public_feed(venue, FeedConfig::new(&[])), Vec::new());
    frames(run, venue).iter().for_each(|frame| step(&mut *feed, frame, &mut news));
    let rows = news.into_iter().filter_map(|news| match news {
        FeedNews::Row(_, row) => Some(row),
        _ => None,
    });
    rows.collect()
}

/// Lines of a witness.
fn seen(witness: &Path) -> Vec<serde_json::Value> {
    let text = std::fs::read_to_string(witness).expect("a witness");
    text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

/// A venue that says that it will close its sockets finds another one open beside before it does, and nothing is missing.
#[test]
fn a_planned_close_costs_nothing() {
    let dir = tempfile::tempdir().expect("a folder");
    let (faults, witness) = (dir.path().join("faults.toml"), dir.path().join("witness.jsonl"));
    let planned =
        |at: u32| format!("[[fault]]\nat = \"{at}s\"\nkind = \"shutdown\"\nclose_in = \"4s\"\nvenue = \"lighter\"\n");
    std::fs::write(&faults, planned(3) + &planned(8)).expect("writes");
    let options = ["--faults", &faults.to_string_lossy(), "--witness", &witness.to_string_lossy()].map(str::to_owned);
    let market = Market::begin(&options.each_ref().map(String::as_str));
    let config = market.config(&dir.path().join("rec"));
    let session = Session::begin(&config, None).unwrap_or_else(|e| panic!("{e}"));
    std::thread::sleep(Duration::from_secs(14));
    drop(session.end());
    let stopped = seen(&witness);
    drop(market);
    // both were left before they were closed; the third is open until the end
    let ended: Vec<_> = stopped.iter().filter(|line| line["seen"] == "close" && line["venue"] == "lighter").collect();
    assert!(ended.len() >= 2 && ended.iter().all(|line| line["why"] == "gone"), "{ended:?}");
    let frames = frames(&config.out, Venue::Lighter);
    let kinds = [FrameKind::Connected, FrameKind::Beside, FrameKind::Disconnected].map(|kind| count(&frames, &kind));
    assert_eq!(kinds, [1, 2, 0]);
    assert_eq!(frames.iter().map(|frame| frame.conn).max(), Some(3));
    let trades: Vec<i64> = rows(&config.out, Venue::Lighter)
        .into_iter()
        .filter_map(|row| if let Row::Trade(trade) = row { trade.id } else { None })
        .collect();
    assert!(trades.len() > 20 && trades.windows(2).all(|pair| pair[1] == pair[0] + 1), "{trades:?}");
    compact(&config.out, None).unwrap_or_else(|e| panic!("{e}"));
    let recorded = Dataset::read(&config.out.join("store")).expect("reads").and_then(|of| of.recorded);
    let gaps = recorded.expect("a recorded store").gaps;
    assert!(gaps.iter().all(|gap| gap.venue != "lighter"), "{gaps:?}");
}

/// What a witness at the venues counts is what stands in the files, and each print is a row.
#[test]
fn every_frame_that_was_sent_is_recorded() {
    let dir = tempfile::tempdir().expect("a folder");
    let witness = dir.path().join("witness.jsonl");
    let market =
        Market::begin(&["--frame-ms", "0", "--updates-per-sec", "20", "--witness", &witness.to_string_lossy()]);
    let config = market.config(&dir.path().join("rec"));
    let session = Session::begin(&config, None).unwrap_or_else(|e| panic!("{e}"));
    until("both venues are live", || is_live(&session));
    std::thread::sleep(Duration::from_secs(5));
    // the venues end first: everything that they have sent is read
    drop(market);
    until("both venues have ended", || !is_live(&session) && session.waiting() == 0);
    drop(session.end());
    let done = compact(&config.out, None).unwrap_or_else(|e| panic!("{e}"));
    assert_eq!(compact(&config.out, None).expect("again"), done, "twice is once");
    let lines = seen(&witness);
    for venue in Venue::ALL {
        let name = venue.name();
        let sent = |is_counted: fn(&serde_json::Value) -> bool| -> u64 {
            let of = lines
                .iter()
                .filter(|line| line["seen"] == "frames" && line["venue"] == name && line["hour_ns"].is_null());
            of.filter(|line| is_counted(line)).map(|line| line["sent"].as_u64().expect("a count")).sum()
        };
        let texts = count(&frames(&config.out, venue), &FrameKind::Text) as u64;
        assert_eq!(texts, sent(|_| true), "{name}");
        let prints = sent(|line| {
            line["channel"].as_str().is_some_and(|channel| channel.contains("trade")) && line["snapshot"] == false
        });
        let trades = rows(&config.out, venue).iter().filter(|row| matches!(row, Row::Trade(_))).count() as u64;
        assert!(prints > 10 && texts > 200, "{name}: {prints} prints, {texts} frames");
        assert_eq!(trades, prints, "{name}");
    }
}

/// More comes than is taken: the socket is closed, the marker stands where frames are missing, and it goes on.
#[test]
fn a_full_queue_costs_a_gap_and_no_more() {
    let dir = tempfile::tempdir().expect("a folder");
    let market = Market::begin(&[]);
    let config = market.config(dir.path());
    let Some(recorded) = config.venues.iter().find(|of| of.venue == Venue::Lighter) else { panic!("Lighter") };
    let hosts = hosts(Venue::Lighter, &recorded.network).expect("hosts");
    let (queue, taken) = crossbeam_channel::bounded(60);
    let ((stop, stopped), (_depth, depth)) = (tokio::sync::watch::channel(false), tokio::sync::watch::channel(true));
    let task = VenueTask {
        venue: Venue::Lighter,
        feed: public_feed(Venue::Lighter, FeedConfig::new(&["BTC"])),
        dialer: Dialer::new(&hosts, None, None).expect("a dialer"),
        hosts,
        clock: Arc::new(Mutex::new(EngineClock::new(Reading::now(), None))),
        queue,
        health: Arc::default(),
        stop: stopped,
        depth,
        run: dir.path().to_path_buf(),
        rows: None,
    };
    let runtime = tokio::runtime::Runtime::new().expect("threads");
    let task = runtime.spawn(task.run());
    until("the queue is full", || taken.is_full());
    std::thread::sleep(Duration::from_secs(1));
    let (mut frames, begun) = (Vec::new(), Instant::now());
    while count(&frames, &FrameKind::Connected) < 2 || frames.len() < 100 {
        assert!(begun.elapsed() < Duration::from_secs(30), "{} frames", frames.len());
        frames.extend(taken.recv_timeout(Duration::from_secs(10)).map(Arc::unwrap_or_clone));
    }
    stop.send(true).expect("it runs");
    while let Ok(frame) = taken.recv_timeout(Duration::from_secs(1)) {
        frames.push(Arc::unwrap_or_clone(frame));
    }
    runtime.block_on(task).expect("it ends");
    assert!(frames.windows(2).all(|pair| pair[1].seq == pair[0].seq + 1));
    let place = frames.iter().position(|frame| frame.kind == FrameKind::Overflow).expect("a marker");
    assert_eq!((place, frames[place + 1].kind.clone()), (60, FrameKind::Connected), "what was taken stands before it");
}

/// Failed reads and a venue that turns everybody away end nothing.
#[test]
fn reads_that_fail_end_nothing() {
    let dir = tempfile::tempdir().expect("a folder");
    let faults = dir.path().join("faults.toml");
    let of = |kind| format!("[[fault]]\nat = \"0s\"\nfor = \"3s\"\nkind = \"{kind}\"\ncontaining = \"\"\n");
    std::fs::write(&faults, of("answer-5xx") + &of("lost-answer").replace("for = \"3s\"", "count = 1"))
        .expect("writes");
    let market = Market::begin(&["--faults", &faults.to_string_lossy()]);
    let config = market.config(&dir.path().join("rec"));
    let session = Session::begin(&config, None).unwrap_or_else(|e| panic!("{e}"));
    until("both venues are live", || is_live(&session));
    let notes = session.health.notes();
    assert!(notes.iter().any(|note| note.contains("asked for the markets")), "{notes:?}");
    drop(session.end());
}
