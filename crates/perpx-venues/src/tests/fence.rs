//! A client at its emulator, without sockets, when answers are lost and requests come late or not at all: an order that was called
//! dead never fills, and what is believed is what the account holds.

use crate::client::{
    AccountUpdate, Body, ClientConfig, Host, MarketUpdate, Outbound, Output, Past, PastOrder, Request, RunNumber,
    VenueClient,
};
use crate::emulate::http::HttpRequest;
use crate::emulate::serve::Out;
use crate::emulate::{COIN, Emulated, EmulatorConfig, world};
use crate::lighter::emulator::Nonces;
use crate::venue::Venue;
use crate::wall::MarketClock;
use crate::{client, grvt, lighter};
use perpx_core::config::Profile;
use perpx_core::market::{Bbo, Command, EventBody, NewOrder, OrderId, OrderKind, OrderState, Role, Side};
use perpx_core::synth::SynthSpec;
use perpx_core::units::{Cash, DAY, MINUTE, MS, Price, Qty, Rate, SECOND, Time, TimeDelta};
use perpx_data::loader::TapeSpec;
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use tokio::sync::mpsc::Receiver;

const MARKET: Time = Time::at(TimeDelta(1_767_571_200 * SECOND.0));
const WALL: Time = Time::at(TimeDelta(1_772_359_800 * SECOND.0));
const STEP: TimeDelta = TimeDelta(20 * MS.0);
const LOT: Qty = Qty(10_000_000);

/// What becomes of a request that changes something.
#[derive(Clone, Copy, Debug)]
enum Fate {
    Served,
    /// Carried out; the answer is lost.
    Lost,
    /// The connection ends; carried out so much later.
    Late(TimeDelta),
    /// Answered by something else.
    Page,
}

fn fate() -> impl Strategy<Value = Fate> {
    prop_oneof![
        4 => Just(Fate::Served),
        2 => Just(Fate::Lost),
        3 => (0i64..9_000).prop_map(|ms| Fate::Late(ms * MS)),
        1 => Just(Fate::Page),
    ]
}

struct Play {
    emulator: Box<dyn Emulated>,
    client: Box<dyn VenueClient>,
    hosts: &'static [Host],
    now: Time,
    fates: VecDeque<Fate>,
    late: Vec<(Time, usize, HttpRequest)>,
    /// By stream: its socket and what is said on it.
    streams: Vec<(u64, Receiver<Arc<str>>)>,
    /// Sockets so far.
    sockets: u64,
    bbo: Bbo,
    /// The order under way, and when it is asked for next, and how long after that again.
    order: Option<(OrderId, Time, TimeDelta)>,
    ids: u32,
    believed: Qty,
    dead: BTreeSet<OrderId>,
    /// What a journal would hold: orders without an end, and the venue's names of what is booked.
    journal: (BTreeMap<OrderId, PastOrder>, BTreeSet<String>),
    is_resumed: bool,
    /// The process, from 1; and how another one is made.
    epoch: u16,
    again: Box<dyn Fn(u16) -> Box<dyn VenueClient>>,
    holding: Option<client::Holding>,
    trouble: Vec<String>,
}

fn http(request: &Request) -> HttpRequest {
    let (path, query) = request.path.split_once('?').unwrap_or((&request.path, ""));
    let pair = |field: &str| field.split_once('=').map(|(name, value)| (name.to_owned(), value.to_owned()));
    let mut fields: BTreeMap<_, _> = query.split('&').filter_map(pair).collect();
    let (method, body) = match &request.body {
        Body::None => ("GET", String::new()),
        Body::Json(text) => ("POST", text.clone()),
        Body::Form(form) => {
            fields.extend(form.iter().map(|(name, value)| (name.to_string(), value.clone())));
            ("POST", String::new())
        }
    };
    let headers = request.headers.iter().map(|(name, value)| (name.to_string(), value.clone())).collect();
    HttpRequest { method: method.to_owned(), path: path.to_owned(), fields, headers, body }
}

impl Play {
    fn begin(venue: Venue, store: &Path, nonces: Nonces, fates: Vec<Fate>) -> Play {
        let profiles = Profile::shipped().expect("profiles");
        let profile = profiles.iter().find(|profile| profile.name == venue.name()).expect("its profile");
        let tier = profile.default_tier.as_deref().and_then(|tier| profile.tier(tier)).expect("a tier");
        let world = world::world(profile, tier).expect("BTC");
        let tape = TapeSpec::new(store, COIN, ["lighter", "grvt"], MARKET, MARKET.plus(20 * MINUTE));
        let pair = move |epoch: u16| -> (Box<dyn Emulated>, Box<dyn VenueClient>) {
            let config = EmulatorConfig {
                world: world.clone(),
                cash: Cash::units(10_000),
                tape: tape.clone(),
                venue: usize::from(venue == Venue::Grvt),
                seed: 1,
                clock: MarketClock { wall: WALL, market: MARKET, speed: 1.0 },
            };
            let of = ClientConfig {
                coin: COIN.to_owned(),
                leverage: Rate(5 * Rate::ONE),
                grid: Cash(1_000_000),
                fence: 9 * SECOND,
                rests: 2 * SECOND,
                since: WALL,
                number: RunNumber { tag: 3, epoch },
            };
            match venue {
                Venue::Lighter => {
                    let (mut emulator, client) = lighter::emulated::pair(config, of, b"fence").expect("a market");
                    emulator.set_nonces(nonces);
                    (Box::new(emulator), Box::new(client))
                }
                Venue::Grvt => {
                    let (emulator, client) = grvt::emulated::pair(config, of, b"fence").expect("a market");
                    (Box::new(emulator), Box::new(client))
                }
            }
        };
        let hosts = if venue == Venue::Lighter { lighter::client::HOSTS } else { grvt::client::HOSTS };
        let (emulator, client) = pair(1);
        let mut play = Play {
            emulator,
            client,
            hosts,
            now: WALL.plus(SECOND),
            fates: VecDeque::new(),
            late: Vec::new(),
            streams: Vec::new(),
            sockets: 0,
            bbo: Bbo::default(),
            order: None,
            ids: 0,
            believed: Qty::ZERO,
            dead: BTreeSet::new(),
            journal: Default::default(),
            is_resumed: true,
            epoch: 1,
            // of the same keys
            again: Box::new(move |epoch| pair(epoch).1),
            holding: None,
            trouble: Vec::new(),
        };
        play.emulator.pass(play.now).expect("the market goes on");
        play.connect();
        play.fates = fates.into();
        play
    }

    /// Another process takes over, with what the journal holds.
    fn restart(&mut self) {
        (0..self.sockets).for_each(|socket| self.emulator.closed(socket));
        self.epoch += 1;
        self.client = (self.again)(self.epoch);
        let fates = std::mem::take(&mut self.fates);
        self.connect();
        self.fates = fates;
    }

    /// Begins, takes over what there is, and opens the streams.
    fn connect(&mut self) {
        let play = self;
        let mut out = Output::default();
        play.client.begin(false, &mut out);
        play.obey(out);
        if play.epoch > 1 {
            let (orders, booked) = play.journal.clone();
            play.is_resumed = false;
            let past = Past { orders: orders.into_values().collect(), booked, since: WALL };
            let mut out = Output::default();
            play.client.resume(past, play.now, &mut out).expect("asks");
            play.obey(out);
        }
        play.streams.clear();
        for stream in play.client.streams() {
            let (out, texts) = Out::received();
            let (number, socket) = (play.streams.len(), play.sockets);
            play.sockets += 1;
            let headers = stream.headers.iter().map(|(name, value)| (name.to_string(), value.clone())).collect();
            let shake = HttpRequest { path: stream.path.to_owned(), headers, ..HttpRequest::default() };
            let host = play.hosts.iter().position(|host| *host == stream.host).expect("a host");
            play.emulator.open(socket, host, &shake, out, play.now);
            play.streams.push((socket, texts));
            let mut out = Output::default();
            play.client.greet(number, play.now, &mut out).expect("greets");
            play.obey(out);
        }
    }

    fn obey(&mut self, out: Output) {
        for update in out.market {
            if let MarketUpdate::Quote { bbo, .. } = update {
                self.bbo = bbo;
            }
        }
        for update in out.account {
            match update {
                AccountUpdate::Event { body, name, .. } => {
                    assert!(name.is_none_or(|name| self.journal.1.insert(name)), "booked twice");
                    self.hear(&body);
                }
                AccountUpdate::Holding(holding) => self.holding = Some(holding),
                AccountUpdate::ForeignFill { fill, .. } => panic!("{fill:?}"),
                AccountUpdate::Trouble(why) => self.trouble.push(why),
                AccountUpdate::Resumed => self.is_resumed = true,
                AccountUpdate::Ready
                | AccountUpdate::Leverage(_)
                | AccountUpdate::Shut(_)
                | AccountUpdate::Transfers(_) => {}
            }
        }
        for sent in out.requests {
            match sent {
                Outbound::Request(request) => self.ask(&request),
                Outbound::Text { stream, text } if stream < self.streams.len() => {
                    self.emulator.text(self.streams[stream].0, &text, self.now);
                }
                _ => {}
            }
        }
    }

    fn ask(&mut self, request: &Request) {
        let host = self.hosts.iter().position(|host| *host == request.host).expect("a host");
        let changes = ["sendTx", "create_order", "cancel_order"].iter().any(|route| request.path.ends_with(route));
        let fate = if changes { self.fates.pop_front().unwrap_or(Fate::Served) } else { Fate::Served };
        let asked = http(request);
        let reply = match fate {
            Fate::Served => Ok(self.emulator.request(host, &asked, self.now)),
            Fate::Lost => {
                self.emulator.request(host, &asked, self.now);
                Err("cut".to_owned())
            }
            Fate::Late(by) => {
                self.late.push((self.now.plus(by), host, asked));
                Err("cut".to_owned())
            }
            Fate::Page => {
                Ok(crate::emulate::http::HttpReply { status: 403, body: "<html>".to_owned(), headers: vec![] })
            }
        };
        let reply = reply.map(|reply| client::Answer {
            status: reply.status,
            body: reply.body,
            session: reply.headers.into_iter().map(|(name, value)| (name.to_lowercase(), value)).collect(),
        });
        let mut out = Output::default();
        self.client.replied(request.about, reply, self.now, &mut out).expect("goes on");
        self.obey(out);
    }

    fn hear(&mut self, body: &EventBody) {
        match *body {
            EventBody::Fill { id, side, qty, .. } => {
                assert!(!self.dead.contains(&id), "{id:?} was called dead, and has filled");
                self.believed += side.signed(qty);
                self.journal.0.get_mut(&id).expect("an order without an end").filled += qty;
            }
            EventBody::Done { id, .. } | EventBody::Rejected { id, .. } => self.ended(id),
            EventBody::Status { id, state: OrderState::Done { .. } } => self.ended(id),
            EventBody::Status { id, state: OrderState::Unknown } => {
                self.dead.insert(id);
                self.ended(id);
            }
            _ => {}
        }
    }

    fn ended(&mut self, id: OrderId) {
        self.journal.0.remove(&id);
        self.order = self.order.filter(|(own, ..)| *own != id);
    }

    /// Opens a position, or closes the one there is.
    fn send(&mut self) {
        self.ids += 1;
        let id = OrderId(self.ids);
        let (side, qty, reduce_only) =
            if self.believed.is_zero() { (Side::Buy, LOT, false) } else { (Side::Sell, self.believed, true) };
        let tick = 100_000_000;
        let px = if side == Side::Buy { self.bbo.ask.0 / 100 * 101 } else { self.bbo.bid.0 / 100 * 99 };
        let limit = Price(px / tick * tick);
        self.order = Some((id, self.now.plus(SECOND), SECOND));
        let (venue, kind, covers) = (Role::Long, OrderKind::Ioc, false);
        let order = NewOrder { id, venue, side, qty, limit, kind, reduce_only, covers };
        let number = RunNumber { tag: 3, epoch: self.epoch };
        let past = PastOrder { order, number, sent_at: self.now, filled: Qty::ZERO, is_accepted: false };
        self.journal.0.insert(id, past);
        self.command(&Command::Place(order));
    }

    fn command(&mut self, command: &Command) {
        let mut out = Output::default();
        self.client.command(command, self.now, &mut out).expect("sent");
        self.obey(out);
    }

    fn step(&mut self, trades: bool) {
        self.now = self.now.plus(STEP);
        let now = self.now;
        self.emulator.pass(now).expect("the market goes on");
        let (due, left) = std::mem::take(&mut self.late).into_iter().partition(|(at, ..)| *at <= now);
        self.late = left;
        let due: Vec<(Time, usize, HttpRequest)> = due;
        for (_, host, request) in due {
            self.emulator.request(host, &request, now);
        }
        for stream in 0..self.streams.len() {
            while let Ok(text) = self.streams[stream].1.try_recv() {
                let mut out = Output::default();
                self.client.on_frame(stream, &text, now, &mut out).expect("read");
                self.obey(out);
            }
        }
        let mut out = Output::default();
        self.client.pass(now, &mut out).expect("passes");
        self.obey(out);
        match self.order {
            None if trades && self.is_resumed && self.bbo.is_quoted() => self.send(),
            Some((id, at, wait)) if at <= now => {
                self.order = Some((id, now.plus(wait), wait.times(2).min(4 * SECOND)));
                self.command(&Command::Query { venue: Role::Long, id });
            }
            _ => {}
        }
    }
}

fn held(venue: Venue, store: &Path, nonces: Nonces, fates: Vec<Fate>, mut restarts: Vec<u32>) {
    let mut play = Play::begin(venue, store, nonces, fates);
    let mut steps = 0;
    // until every fate was met, and what is late has come
    while steps < 12_000 && (!play.fates.is_empty() || !play.late.is_empty()) {
        play.step(!play.fates.is_empty());
        steps += 1;
        if restarts.first().is_some_and(|at| steps % 2_000 == *at) {
            restarts.remove(0);
            play.restart();
        }
    }
    (0..1_500).for_each(|_| play.step(false));
    let mut out = Output::default();
    play.client.ask_account(&mut out);
    play.obey(out);
    let holding = play.holding.expect("told");
    assert_eq!(holding.position, play.believed, "dead {:?}, {:?}", play.dead, play.trouble);
    assert!(play.is_resumed, "{:?}", play.trouble);
    assert!(play.order.is_none() && holding.orders.is_empty(), "{:?} {:?}", play.order, holding.orders);
    assert!(play.ids > 0, "no order was sent");
}

fn market() -> tempfile::TempDir {
    let dir = tempfile::tempdir().expect("a folder");
    let spec = SynthSpec { updates_per_sec: 0.5, heartbeat_ms: 4_000, ..SynthSpec::new(3, MARKET.floor_to(DAY), 1) };
    perpx_data::synth::write(&spec, &dir.path().join("store"), &AtomicBool::new(false), &mut |_| {}).expect("a store");
    dir
}

/// Whatever becomes of requests, late by up to nine seconds too, at both venues, under both readings of what a nonce excludes, and
/// when another process goes on with what the first had written down.
#[test]
fn an_order_that_was_called_dead_never_fills() {
    let dir = market();
    let store = dir.path().join("store");
    let cases = (ProptestConfig::default().cases / 40).max(1);
    let config = ProptestConfig { cases, failure_persistence: None, ..Default::default() };
    let fates = proptest::collection::vec(fate(), 4..24);
    let mut runner = proptest::test_runner::TestRunner::new(config);
    let nonces = (any::<bool>(), any::<bool>());
    let restarts = proptest::collection::vec(1u32..1_000, 0..3);
    let run = runner.run(&(fates, nonces, restarts), |(fates, (one_serves_two, cancels_of_nothing), restarts)| {
        for venue in Venue::ALL {
            let nonces = Nonces { one_serves_two, cancels_of_nothing };
            held(venue, &store, nonces, fates.clone(), restarts.clone());
        }
        Ok(())
    });
    run.unwrap_or_else(|e| panic!("{e}"));
}
