//! The recorder's feeds against the emulators, without sockets: a synthetic market is written as a store, an emulator plays it,
//! and what is recorded of it is compared with the store, with lines that are cut, texts that are lost, out of turn and doubled.

use crate::client::{Body, Host};
use crate::emulate::http::HttpRequest;
use crate::emulate::serve::Out;
use crate::emulate::{COIN, Emulated, EmulatorConfig, world};
use crate::record::feed::hourly;
use crate::record::{
    FeedConfig, FeedNews, FrameKind, PublicFeed, RawFrame, RestRequest, Row, compact_hour, public_feed, step,
};
use crate::secret::Hidden;
use crate::venue::Venue;
use crate::wall::MarketClock;
use crate::{grvt, lighter};
use perpx_core::config::Profile;
use perpx_core::market::{Bbo, Side};
use perpx_core::synth::SynthSpec;
use perpx_core::tape::rows::QuoteRow;
use perpx_core::units::{Cash, HOUR, MINUTE, MS, Price, Qty, Rate, SECOND, Time, TimeDelta};
use perpx_data::check::{MissingKeys, Verdict, check};
use perpx_data::loader::TapeSpec;
use perpx_data::store::{NumberedTrade, StoreFile, StorePath, StoredRow, Table};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use tokio::sync::mpsc::Receiver;

/// 2026-01-05T07:55: both venues settle five minutes later.
const MARKET: Time = Time::at(TimeDelta(1_767_571_200 * SECOND.0 + 8 * HOUR.0 - 5 * MINUTE.0));
/// 2026-03-01T10:10, another day.
const WALL: Time = Time::at(TimeDelta(1_772_359_800 * SECOND.0));
const PLAYED: TimeDelta = TimeDelta(12 * MINUTE.0);
const STEP: TimeDelta = TimeDelta(20 * MS.0);

fn clock() -> MarketClock {
    MarketClock { wall: WALL, market: MARKET, speed: 1.0 }
}

fn request(method: &str, path: &str, body: String) -> HttpRequest {
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    let fields = query.split('&').filter_map(|field| field.split_once('='));
    let fields = fields.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    HttpRequest { method: method.to_owned(), path: path.to_owned(), fields, headers: Default::default(), body }
}

/// The venue over the store's market; frames of the book at each change.
fn emulator(venue: Venue, store: &Path) -> Box<dyn Emulated> {
    let profiles = Profile::shipped().expect("profiles");
    let profile = profiles.iter().find(|profile| profile.name == venue.name()).expect("its profile");
    let tier = profile.default_tier.as_deref().and_then(|tier| profile.tier(tier)).expect("a tier");
    let (from, to) = (MARKET, MARKET.plus(PLAYED + 10 * MINUTE));
    let config = EmulatorConfig {
        world: world::world(profile, tier).expect("BTC"),
        cash: Cash::units(1_000),
        tape: TapeSpec::new(store, COIN, ["lighter", "grvt"], from, to),
        venue: usize::from(venue == Venue::Grvt),
        seed: 1,
        clock: clock(),
    };
    let core = config.core(Rate::from_bps(500)).expect("a market");
    match venue {
        Venue::Lighter => {
            let settings = lighter::emulator::Settings {
                account_index: 1,
                keys: Default::default(),
                chain_id: 304,
                tier: "premium".to_owned(),
                l1_address: String::new(),
                frames_per_minute: usize::MAX,
                sends_per_minute: u32::MAX / 2,
                weight_per_minute: i64::MAX / 2,
                quota: None,
                price_band: Rate::from_bps(500),
                band_is_late: false,
                nonces: Default::default(),
                speed: 1.0,
                frame_every: Some(TimeDelta::ZERO),
                habits: Default::default(),
            };
            Box::new(lighter::emulator::LighterEmulator::new(core, settings, WALL))
        }
        Venue::Grvt => {
            let key = grvt::sign::PrivateKey::from_hex(&"1".repeat(64)).expect("a key");
            let settings = grvt::emulator::Settings {
                sub_account: 1,
                api_key: Hidden::new("k".to_owned()),
                signer: key.address(),
                chain_id: 325,
                session: HOUR,
                calls_per_second: i64::MAX / 2,
                price_band: Rate::from_bps(500),
                most_open_orders: 100,
                interval_hours: 8,
                speed: 1.0,
                frame_every: Some(TimeDelta::ZERO),
                habits: Default::default(),
            };
            Box::new(grvt::emulator::GrvtEmulator::new(core, settings, WALL))
        }
    }
}

/// A recorder without sockets.
struct Recording {
    venue: Venue,
    emulator: Box<dyn Emulated>,
    feed: Box<dyn PublicFeed>,
    frames: Vec<RawFrame>,
    news: Vec<FeedNews>,
    /// Its number, and what is said on it.
    socket: (u64, Option<Receiver<Arc<str>>>),
}

impl Recording {
    fn begin(venue: Venue, store: &Path) -> Recording {
        let (emulator, feed) = (emulator(venue, store), public_feed(venue, FeedConfig::new(&[COIN])));
        let mut recording =
            Recording { venue, emulator, feed, frames: Vec::new(), news: Vec::new(), socket: (0, None) };
        let at = WALL;
        recording.take(FrameKind::Restarted, at, "");
        let state = recording.feed.state();
        recording.take(FrameKind::State, at, &state);
        recording.fetch(RestRequest::Markets, at);
        for which in hourly(recording.feed.config()) {
            recording.fetch(which, at);
        }
        recording.connect(at);
        recording
    }

    fn take(&mut self, kind: FrameKind, at: Time, text: &str) {
        let (conn, seq) = (self.socket.0 as u32, self.frames.len() as u64);
        let (wall_ns, mono_ns, text) = (at.0, at.since(WALL).0, text.as_bytes().to_vec());
        let frame = RawFrame { venue: self.venue, conn, seq, wall_ns, mono_ns, engine: at, kind, text };
        let mut out = Vec::new();
        step(self.feed.as_mut(), &frame, &mut out);
        self.frames.push(frame);
        self.obey(&out, at);
        self.news.extend(out);
    }

    fn obey(&mut self, out: &[FeedNews], at: Time) {
        for one in out {
            match one {
                FeedNews::Ask(text) if self.socket.1.is_some() => {
                    self.emulator.text(self.socket.0, text, at);
                }
                FeedNews::Fetch(which) => self.fetch(which.clone(), at),
                _ => {}
            }
        }
    }

    fn fetch(&mut self, which: RestRequest, at: Time) {
        let Some(call) = self.feed.fetch(&which, at) else { return };
        let host = usize::from(call.host == Host::MarketData);
        let request = match call.body {
            Body::Json(body) => request("POST", &call.path, body),
            _ => request("GET", &call.path, String::new()),
        };
        let reply = self.emulator.request(host, &request, at);
        assert_eq!(reply.status, 200, "{which:?}: {}", reply.body);
        self.take(FrameKind::RestReply { which }, at, &reply.body);
    }

    fn connect(&mut self, at: Time) {
        // as its server does before it answers
        self.emulator.pass(at).expect("the market goes on");
        let (out, texts) = Out::received();
        self.socket = (self.socket.0 + 1, Some(texts));
        let host = usize::from(self.venue == Venue::Grvt);
        self.emulator.open(self.socket.0, host, &request("GET", "/stream", String::new()), out, at);
        self.take(FrameKind::Connected, at, "");
        for text in self.feed.subscriptions() {
            self.emulator.text(self.socket.0, &text, at);
        }
    }

    fn cut(&mut self, at: Time) {
        self.emulator.closed(self.socket.0);
        self.socket.1 = None;
        self.take(FrameKind::Disconnected, at, "cut");
    }

    /// Time goes on by a step; what the venue says comes as `wire` makes it.
    fn pass(&mut self, at: Time, wire: &mut Wire) {
        self.emulator.pass(at).expect("the market goes on");
        while let Some(text) = self.socket.1.as_mut().and_then(|texts| texts.try_recv().ok()) {
            for text in wire.carry(at, &text) {
                self.take(FrameKind::Text, at, &text);
            }
        }
        if self.socket.1.is_some() && at.into_step(500 * MS) == TimeDelta::ZERO {
            let mut out = Vec::new();
            self.feed.due(at, &mut out);
            self.obey(&out, at);
            self.news.extend(out);
        }
    }
}

/// The rows of a table as a replay takes them: no exchange time before that of the row before.
fn replayed<R: StoredRow>(store: &Path, venue: Venue, table: Table) -> Vec<R> {
    let (mut rows, mut top) = (stored::<R>(store, venue, table), Time(0));
    for row in &mut rows {
        top = top.max(row.exch());
        row.set_times(top, row.recv());
    }
    rows
}

fn stored<R: StoredRow>(store: &Path, venue: Venue, table: Table) -> Vec<R> {
    let store = StorePath::open(store).expect("a store");
    let mut rows = Vec::new();
    for (_, path) in store.files(table, venue.name(), COIN).expect("files") {
        let file = StoreFile::open::<R>(&path).expect("a file");
        for batch in file.read::<R>(0..file.groups().len()).expect("rows") {
            rows.extend(batch.expect("rows").rows);
        }
    }
    rows
}

/// The market's time as the venue writes it.
fn written(venue: Venue, exch: Time) -> Time {
    let wall = WALL.plus(exch.since(MARKET));
    if venue == Venue::Lighter { wall.floor_to(TimeDelta(1_000)) } else { wall }
}

/// Changes of the best levels after the beginning, by the venue's stamp, the newest of each.
fn changes(venue: Venue, store: &Path) -> Vec<(Time, Bbo)> {
    let (mut all, mut newest): (Vec<(Time, Bbo)>, _) = (Vec::new(), None);
    for row in replayed::<QuoteRow>(store, venue, Table::Quotes) {
        if newest != Some(row.bbo) && row.exch > MARKET.plus(-MINUTE) && row.exch < MARKET.plus(PLAYED) {
            let at = written(venue, row.exch);
            if all.last().is_some_and(|(last, _)| *last == at) {
                all.pop();
            }
            all.push((at, row.bbo));
        }
        newest = Some(row.bbo);
    }
    // there and back at one time is no change
    all.dedup_by_key(|(_, bbo)| *bbo);
    all
}

/// From and to of the gaps of a table.
fn gaps(news: &[FeedNews], of: Table) -> Vec<(Time, Time)> {
    let (mut gaps, mut open) = (Vec::new(), None);
    for one in news {
        match one {
            FeedNews::Gap { table, from, .. } if *table == of => open = Some(*from),
            FeedNews::Whole { table, at, .. } if *table == of => gaps.extend(open.take().map(|from| (from, *at))),
            _ => {}
        }
    }
    gaps
}

/// What happens to one text of the book each, and when.
struct Wire {
    book: &'static str,
    /// In the order of time.
    due: Vec<(Time, Mishap)>,
    held: Option<String>,
}

#[derive(Clone, Copy)]
enum Mishap {
    Twice,
    Lost,
    /// It comes after the next one.
    Turned,
}

impl Wire {
    fn carry(&mut self, at: Time, text: &str) -> Vec<String> {
        let text = text.to_owned();
        if !text.contains(self.book) {
            return vec![text];
        }
        if let Some(held) = self.held.take() {
            return vec![text, held];
        }
        match self.due.first().filter(|(due, _)| *due <= at).map(|(_, mishap)| *mishap) {
            None => return vec![text],
            Some(Mishap::Twice) => {
                self.due.remove(0);
                return vec![text.clone(), text];
            }
            Some(Mishap::Lost) => {}
            Some(Mishap::Turned) => self.held = Some(text),
        }
        self.due.remove(0);
        Vec::new()
    }
}

/// What is missing of the book, seconds: two lines that are cut, and between them a text that is lost and one out of turn.
const CUTS: [i64; 4] = [2, 0, 0, 3];

fn play(venue: Venue, store: &Path) -> Recording {
    let mut recording = Recording::begin(venue, store);
    let minute = |minutes: i64, seconds: i64| WALL.plus(minutes * MINUTE + seconds * SECOND);
    let due = vec![(minute(2, 0), Mishap::Twice), (minute(6, 0), Mishap::Lost), (minute(7, 30), Mishap::Turned)];
    let book = if venue == Venue::Lighter { "update/order_book" } else { "v1.book.d" };
    let mut wire = Wire { book, due, held: None };
    for at in (1..PLAYED / STEP).map(|step| WALL.plus(step * STEP)) {
        if at == minute(3, 0) || at == minute(9, 0) {
            recording.cut(at);
        }
        if at == minute(3, CUTS[0]) || at == minute(9, CUTS[3]) {
            recording.connect(at);
        }
        if at == minute(5, 30) {
            recording.fetch(RestRequest::Fundings { symbol: COIN.to_owned() }, at);
        }
        recording.pass(at, &mut wire);
    }
    assert!(wire.due.is_empty() && wire.held.is_none(), "all of it happened");
    recording
}

fn quotes_are_the_tapes(recording: &Recording, store: &Path) {
    let (venue, news) = (recording.venue, &recording.news);
    let want = changes(venue, store);
    let gaps = gaps(news, Table::Quotes);
    // from the cut on; of a text alone it may take a while until another one shows that it is missing
    let ends = [180, 360, 450, 540].map(|second| WALL.plus(second * SECOND)).into_iter().zip(CUTS);
    let is_short = |((from, to), (cut, seconds)): (&(Time, Time), (Time, i64))| {
        *from > cut.plus(-2 * SECOND) && to.since(cut) <= (seconds + 2) * SECOND
    };
    assert_eq!(gaps.len(), CUTS.len(), "{venue:?} {gaps:?}");
    assert!(gaps.iter().zip(ends).all(is_short), "{venue:?} {gaps:?}");
    let rows: Vec<QuoteRow> = news
        .iter()
        .filter_map(|one| if let FeedNews::Row(0, Row::Quote(row)) = one { Some(*row) } else { None })
        .collect();
    assert!(want.len() > 500 && rows.len() > 500, "{venue:?}: {} changes, {} rows", want.len(), rows.len());
    // what is recorded was so
    for row in &rows {
        let at = want.partition_point(|(at, _)| *at <= row.exch);
        assert_eq!(Some(row.bbo), at.checked_sub(1).map(|at| want[at].1), "{venue:?} {row:?}");
        assert!(row.recv >= row.exch);
    }
    // what was so is recorded, at its time, but for what lies in a gap
    let (mut all, mut missing, begun) = (0, 0, rows[0].exch);
    for (at, bbo) in want.iter().filter(|(at, _)| *at > begun) {
        all += 1;
        if !rows.iter().any(|row| row.exch == *at && row.bbo == *bbo) {
            let within = gaps.iter().any(|(from, to)| *at >= from.plus(-STEP) && *at <= *to);
            assert!(within, "{venue:?}: {at} {bbo:?} is missing outside the gaps {gaps:?}");
            missing += 1;
        }
    }
    assert!(missing * 100 <= all, "{venue:?}: {missing} of {all} changes lie in gaps");
    println!("{venue:?}: {all} changes, {} rows, {missing} in the gaps {gaps:?}", rows.len());
}

/// Each print once, those of the gaps apart.
fn trades_are_the_tapes(recording: &Recording, store: &Path) {
    type Print = (Time, Price, Qty, Side);
    let (venue, news) = (recording.venue, &recording.news);
    let print = |row: &NumberedTrade, exch: Time| -> Print { (exch, row.row.px, row.row.qty, row.row.taker) };
    let rows = replayed::<NumberedTrade>(store, venue, Table::Trades).into_iter();
    let inside = rows.filter(|row| row.row.exch > MARKET && row.row.exch < MARKET.plus(PLAYED - STEP));
    let mut want: Vec<Print> = inside.map(|row| print(&row, written(venue, row.row.exch))).collect();
    let taken = |late: bool| {
        news.iter().filter_map(move |one| match one {
            FeedNews::Row(0, Row::Trade(row)) if !late => Some(*row),
            FeedNews::Row(0, Row::GapTrade(row)) if late => Some(*row),
            _ => None,
        })
    };
    let (live, late): (Vec<_>, Vec<_>) = (taken(false).collect(), taken(true).collect());
    let gaps = gaps(news, Table::Trades);
    assert_eq!(gaps.len(), 2, "{venue:?} {gaps:?}");
    let longest = [CUTS[0], CUTS[3]].map(|seconds| (seconds + 2) * SECOND);
    assert!(gaps.iter().zip(longest).all(|((from, to), most)| to.since(*from) <= most), "{venue:?} {gaps:?}");
    assert_eq!(news.iter().filter(|one| matches!(one, FeedNews::Recovered(0))).count(), 2, "{venue:?}");
    for row in &late {
        assert!(gaps.iter().any(|(from, to)| row.row.exch >= from.plus(-STEP) && row.row.exch <= *to), "{row:?}");
    }
    let mut found: Vec<Print> = live.iter().chain(&late).map(|row| print(row, row.row.exch)).collect();
    found.sort_by_key(|print| (print.0, print.1, print.2));
    want.sort_by_key(|print| (print.0, print.1, print.2));
    found.truncate(want.len());
    assert_eq!(found.len(), want.len(), "{venue:?}");
    assert!(found == want, "{venue:?}: {:?}", found.iter().zip(&want).find(|(a, b)| a != b));
    assert!(live.len() > 300 && !late.is_empty(), "{venue:?}: {} live, {} of gaps", live.len(), late.len());
    println!("{venue:?}: {} trades as they happened, {} of gaps", live.len(), late.len());
}

#[test]
fn what_is_recorded_of_an_emulator_is_its_tape() {
    let folder = tempfile::tempdir().expect("a folder");
    let market = folder.path().join("market");
    let start = MARKET.day();
    let spec = SynthSpec { updates_per_sec: 24.0, ..SynthSpec::new(7, Time::of_day(start), 1) };
    perpx_data::synth::write(&spec, &market, &AtomicBool::new(false), &mut |_| {}).expect("a store");
    let (store, again) = (folder.path().join("recorded"), folder.path().join("again"));
    for venue in Venue::ALL {
        let recording = play(venue, &market);
        quotes_are_the_tapes(&recording, &market);
        trades_are_the_tapes(&recording, &market);
        let lifts = recording.feed.lifts();
        assert_eq!((lifts.unsafe_moves, lifts.left_out), (0, 0), "{lifts:?}");
        let rows = recording.news.iter().filter(|one| matches!(one, FeedNews::Row(..))).count() as u64;
        let hour = WALL.steps(HOUR);
        for root in [&store, &again, &again] {
            let done = compact_hour(root, venue, hour, recording.frames.iter().cloned()).expect("an hour");
            assert_eq!((done.frames, done.rows), (recording.frames.len() as u64, rows), "{venue:?}");
            // quotes and depth four each, trades, marks and funding two each
            assert_eq!(done.gaps, 14, "{venue:?}");
        }
        let stored = stored::<QuoteRow>(&store, venue, Table::Quotes);
        let seen = recording.news.iter().filter_map(|one| match one {
            FeedNews::Row(0, Row::Quote(row)) => Some(*row),
            _ => None,
        });
        assert!(seen.eq(stored), "{venue:?}: what is stored is what was seen");
    }
    let list = |root: &Path| std::fs::read_to_string(root.join("dataset.json")).expect("a list");
    assert_eq!(list(&store), list(&again), "the same bytes, by their hashes");
    let report = check(&store, None, 5 * SECOND, MissingKeys::default()).expect("a report");
    assert_eq!(report.verdict(), Verdict::Fit, "{:?} {:?} {:?}", report.store_errors, report.refused, report.tables);
    let warned = report.warnings.iter().filter(|warning| warning.contains("of the recording")).count();
    assert_eq!(warned, 10, "{:#?}", report.warnings);
}
