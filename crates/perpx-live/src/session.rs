//! A trader at venues outside of this program: what their sockets say becomes rows and events, what the trader wants becomes
//! requests. One thread does all of it; those of the sockets only carry texts.

use super::LiveError;
use super::console::ConsoleRecorder;
use super::control::desk::Desk;
use super::control::truth::Due;
use super::control::verbs::Ending;
use super::engine_time;
use super::journal::log::Log;
use super::limits::gate::Verdict;
use super::monitor::observer::{self, Observer};
use super::monitor::shared::Control;
use super::monitor::snapshot::Level;
use super::recovery::{Beside, Run, state_bytes};
use super::status::Status;
use super::tile_builder::TileBuilder;
use super::transport::{Edge, Inbound, Transport};
use super::venue_clocks::VenueClocks;
use perpx_core::ledger::VenueBook;
use perpx_core::market::{Command, Event, EventBody, OrderId, Reject, Role};
use perpx_core::port::Trader;
use perpx_core::replay::{Job, Paced, RunState, TimeSource};
use perpx_core::signals::TileSignals;
use perpx_core::strategy::STATES;
use perpx_core::tape::Tile;
use perpx_core::trader::Composite;
use perpx_core::units::{Cash, NS, Time};
use perpx_venues::client::{AccountUpdate, ForeignFill, Holding, Outbound, Output, Past, VenueClient, VenueError};
use perpx_venues::net::budget::{Budget, Priority};
use perpx_venues::net::reach::Reach;
use perpx_venues::venue::Venue;
use perpx_venues::wall::{self, MarketClock};
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

/// Longest sleep between two looks at timers and the stop.
const NAP: Duration = Duration::from_millis(20);
/// For a venue to be ready.
const PATIENCE: Duration = Duration::from_secs(30);
/// For an account to be reported: longer than the minute in which a venue counts what it is asked.
const TELLING: Duration = Duration::from_secs(90);
/// A venue that refused what a start asks for, while something is held, is asked again so long after it.
const ASK_AGAIN: Duration = Duration::from_secs(5);
/// A run that has not gone on by then answers for itself.
const WAITED: Duration = Duration::from_secs(4);
/// For everything to be closed after the stop, at real-time speed.
const CLOSING: Duration = Duration::from_secs(120);

/// Kinds of trouble that are kept apart.
const MOST_TROUBLES: usize = 100;

/// One venue: who speaks for us there, and where it is.
pub struct Connection {
    pub name: String,
    pub client: Box<dyn VenueClient>,
    pub reach: Arc<Reach>,
    /// What it may be asked: orders go whatever is left, what can be asked later does not.
    pub budget: Budget,
}

/// A close leaves although the disk does not take it: so many may have left at most that no journal names.
pub(crate) const FORGOTTEN: u32 = 10_000;
/// A state is written so often at least.
const STATE_EVERY: Duration = Duration::from_secs(10);

/// Where a run at the venues begins, or goes on.
pub struct Beginning {
    pub beside: Beside,
    /// `None`: it begins. Else it goes on as soon as both venues are quoted.
    pub resumed: Option<Box<Run>>,
    /// Numbers of orders that are left out, since one may have left that no journal names.
    pub forgotten: u32,
}

impl Beginning {
    /// Of a run that was never begun.
    pub fn new(from: Time, capital: [Cash; 2]) -> Beginning {
        let beside = Beside { from, capital, end: from, entries: 0 };
        Beginning { beside, resumed: None, forgotten: FORGOTTEN }
    }

    /// Of one that goes on.
    pub fn on(beside: Beside, machine: Run) -> Beginning {
        Beginning { beside, resumed: Some(Box::new(machine)), forgotten: FORGOTTEN }
    }

    /// Of one that closes what is left by a run whose machine cannot be used; its orders have numbers up to `last`.
    pub fn close(from: Time, capital: [Cash; 2], last: OrderId) -> Beginning {
        Beginning { forgotten: last.0.saturating_add(FORGOTTEN), ..Beginning::new(from, capital) }
    }

    /// What a run that goes on holds, and what it is waiting for.
    pub fn words(&self, names: &[String; 2]) -> Option<String> {
        let run = self.resumed.as_ref()?;
        let state = STATES.get(usize::from(run.trader().state())).map_or("", |state| state.name);
        let held =
            Role::BOTH.map(|role| format!("{} at {}", run.belief().books[role.ix()].position(), names[role.ix()]));
        let (orders, heard) = (run.trader().orders().len(), run.venues().events.len());
        Some(format!(
            "recovered: {state}, {}; {orders} orders under way, {heard} answers to be heard; as of {}",
            held.join(", "),
            self.beside.end.to_milli()
        ))
    }
}

/// What the newest state that was written down was like.
struct Written {
    at: Instant,
    /// Of the machine, by number.
    state: u8,
    /// That had reached it.
    answers: u32,
}

/// What a run at the venues came to.
pub struct Ended {
    /// The last moment of the market.
    pub at: Time,
    /// By role, as the venues report.
    pub holdings: [Holding; 2],
    pub texts: u64,
    pub commands: u64,
    /// What went wrong and was mended, and how often.
    pub troubles: BTreeMap<String, u64>,
    pub ending: Ending,
    /// By role: of the balances, what an operator has named.
    pub explained: [Cash; 2],
    /// Of the ledger, since the run was begun for the first time.
    pub entries: u64,
}

impl Ended {
    /// Nothing is held, and nothing is open.
    pub fn is_flat(&self) -> bool {
        self.holdings.iter().all(Holding::is_flat)
    }
}

/// What happened to an account: when by the venue's clock, and the venue's name of it.
type News = (Role, Time, EventBody, Option<String>);

/// Stops when asked to; waits for nothing, since moments have come when they arrive.
struct Present<'a>(&'a AtomicBool);

impl TimeSource for Present<'_> {
    fn wait(&mut self, _at: Time) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

pub struct Session {
    /// By role.
    connections: [Connection; 2],
    transports: [Transport; 2],
    inbound: Receiver<Inbound>,
    ready: [bool; 2],
    /// By role: what earlier processes of the run left is known.
    is_resumed: [bool; 2],
    holdings: [Option<Holding>; 2],
    /// By role: the leverage was answered, and why it was refused, if it was.
    leverage: [Option<Option<String>>; 2],
    edge: Edge,
    texts: u64,
    /// What went wrong and was mended, and how often.
    troubles: BTreeMap<String, u64>,
    /// Where a run is written down; one in a process of its own markets is not.
    log: Option<Log>,
    clocks: VenueClocks,
    /// Tells those who watch.
    observer: Option<Observer>,
    /// What an operator says, and the limits; one in a process of its own markets has none.
    pub desk: Option<Desk>,
    /// The time that the trader goes by.
    now: Time,
    /// What was heard before there was a trader.
    early: Vec<News>,
}

impl Session {
    /// Connects, and waits until both venues are ready for commands. `past`: what earlier processes of the run left, by role; `holds`: it is
    /// something that is to be closed.
    pub fn open(
        mut connections: [Connection; 2],
        (log, observer, desk): (Option<Log>, Option<Observer>, Option<Desk>),
        (past, holds): (Option<[Past; 2]>, bool),
        now: Time,
        stop: &AtomicBool,
    ) -> Result<Session, LiveError> {
        let (sender, inbound) = channel();
        let edge = Edge::new().map_err(LiveError::Threads)?;
        let transport = |v: usize| {
            let Connection { name, reach, .. } = &connections[v];
            let made = Transport::new(&edge, v, reach.clone(), sender.clone());
            made.map_err(|error| LiveError::NoConnection { venue: name.clone(), why: error.to_string() })
        };
        let transports = [transport(0)?, transport(1)?];
        let mut asked = [Output::default(), Output::default()];
        for (connection, asked) in connections.iter_mut().zip(&mut asked) {
            connection.client.begin(!holds, asked);
        }
        let (ready, holdings, texts) = ([false; 2], [None, None], 0);
        let troubles = BTreeMap::new();
        let (early, is_resumed) = (Vec::new(), [true; 2]);
        let mut session = Session {
            connections,
            transports,
            inbound,
            ready,
            is_resumed,
            holdings,
            leverage: [None, None],
            edge,
            texts,
            troubles,
            log,
            clocks: VenueClocks::default(),
            observer,
            desk,
            now,
            early,
        };
        for (v, output) in asked.into_iter().enumerate() {
            session.pass_on(v, output, None);
        }
        // what an earlier process left is closed, and not left, when it is to stop
        let never = AtomicBool::new(false);
        if let Err(error) = session.get_ready(if holds { &never } else { stop }, holds) {
            let error = match error {
                LiveError::Venue { venue, error } => LiveError::NotBegun { venue, error },
                other => other,
            };
            session.close(&error.to_string(), false);
            return Err(error);
        }
        if let Some(past) = past {
            session.take_over(past)?;
        }
        for (v, (connection, transport)) in session.connections.iter().zip(&mut session.transports).enumerate() {
            let streams = connection.client.streams();
            if let Some(observer) = &mut session.observer {
                observer.streams(v, observer::stream_names(&streams));
            }
            streams.into_iter().for_each(|stream| transport.open(&session.edge, stream));
        }
        Ok(session)
    }

    /// Those who watch may say verbs from now on.
    pub fn control(&self, control: Control) {
        if let Some(observer) = &self.observer {
            observer.control(control);
        }
    }

    /// Logs in, and waits until both venues take orders: as long as it takes where earlier processes may have left something, since
    /// nothing is closed by a run that has ended.
    fn get_ready(&mut self, stop: &AtomicBool, holds: bool) -> Result<(), LiveError> {
        let began = Instant::now();
        let (mut again, mut lasts): ([Option<Instant>; 2], _) = ([None; 2], PATIENCE);
        while self.ready != [true; 2] {
            self.observer.iter_mut().for_each(Observer::beat);
            if let Ok(inbound) = self.inbound.recv_timeout(NAP) {
                let v = inbound.venue();
                match self.receive(inbound) {
                    Ok((v, output)) => self.pass_on(v, output, None),
                    Err(error) if holds => {
                        self.trouble(v, format!("at the start: {error}"));
                        again[v] = Some(Instant::now() + ASK_AGAIN);
                    }
                    Err(error) => return Err(error),
                }
            }
            self.pass(&mut None)?;
            if stop.load(Ordering::Relaxed) {
                return Err(LiveError::Stopped);
            }
            if began.elapsed() > PATIENCE && !holds {
                return Err(self.not_ready(began.elapsed()));
            }
            if began.elapsed() > lasts {
                lasts += PATIENCE;
                self.say_waiting(&self.not_ready(began.elapsed()).to_string());
                // an answer may have been lost
                let late = again.iter_mut().zip(self.ready).filter(|(_, is_ready)| !is_ready);
                late.for_each(|(again, _)| *again = Some(Instant::now()));
            }
            for (v, again) in again.iter_mut().enumerate() {
                if again.is_some_and(|at| at <= Instant::now()) && !self.ready[v] {
                    *again = None;
                    let mut out = Output::default();
                    self.connections[v].client.begin(!holds, &mut out);
                    self.pass_on(v, out, None);
                }
            }
            self.hear_meanwhile(began.elapsed())?;
        }
        Ok(())
    }

    /// The run cannot go on, and something may be held.
    fn say_waiting(&self, why: &str) {
        eprintln!(
            "{why}\nit is waited for, and nothing of what is held is guarded meanwhile; `perpx-live ctl RUN quit` ends it"
        );
        if let Some(observer) = &self.observer {
            let words = format!("{why}; nothing of what is held is guarded meanwhile");
            observer.say("start", "run", Level::Critical, words, self.now);
        }
    }

    /// What an operator says while the run cannot go on.
    fn hear_meanwhile(&mut self, waited: Duration) -> Result<(), LiveError> {
        // whoever asks waits that long for an answer of the run itself
        if waited < WAITED {
            return Ok(());
        }
        let silent = self.not_ready(waited);
        match self.desk.as_mut().is_some_and(|desk| desk.wait(&silent.to_string())) {
            true => Err(silent),
            false => Ok(()),
        }
    }

    /// Leverage and margin as the strategy has them, at accounts that hold nothing.
    ///
    /// # Errors
    /// A venue that refuses them, or does not answer.
    pub fn set_leverage(&mut self) -> Result<(), LiveError> {
        self.leverage = [None, None];
        for v in 0..2 {
            let mut out = Output::default();
            self.connections[v].client.set_leverage(engine_time::now(), &mut out).map_err(self.failed(v))?;
            self.pass_on(v, out, None);
        }
        self.wait_for("does not set the leverage", |session, v| session.leverage[v].is_some())?;
        let refused = |v: usize| self.leverage[v].clone().flatten().map(|why| (v, why));
        let Some((v, why)) = (0..2).find_map(refused) else { return Ok(()) };
        let (venue, error) =
            (self.connections[v].name.clone(), VenueError::Session(format!("the leverage was refused: {why}")));
        Err(LiveError::NotBegun { venue, error })
    }

    /// Asks for what became of what earlier processes of the run left.
    fn take_over(&mut self, past: [Past; 2]) -> Result<(), LiveError> {
        self.is_resumed = [false; 2];
        for (v, past) in past.into_iter().enumerate() {
            let mut out = Output::default();
            self.connections[v].client.resume(past, engine_time::now(), &mut out).map_err(self.failed(v))?;
            self.pass_on(v, out, None);
        }
        Ok(())
    }

    /// The venue that keeps a start waiting.
    fn not_ready(&self, waited: Duration) -> LiveError {
        let late = self.ready.iter().position(|is_ready| !is_ready);
        let late = late.or_else(|| self.is_resumed.iter().position(|is_resumed| !is_resumed));
        self.silent(late.unwrap_or(0), "is not ready to trade", waited)
    }

    fn silent(&self, late: usize, what: &'static str, patience: Duration) -> LiveError {
        let venue = self.connections[late].name.clone();
        let trouble = self.troubles.keys().rfind(|trouble| trouble.starts_with(&venue)).cloned();
        let trouble = trouble.map_or(String::new(), |trouble| format!(" ({trouble})"));
        LiveError::Silent { venue, what, trouble, seconds: patience.as_secs() }
    }

    fn failed(&self, v: usize) -> impl Fn(VenueError) -> LiveError + use<> {
        let venue = self.connections[v].name.clone();
        move |error| LiveError::Venue { venue: venue.clone(), error }
    }

    /// What arrived, in the trader's words, and the venue that it came from.
    fn receive(&mut self, inbound: Inbound) -> Result<(usize, Output), LiveError> {
        let (mut out, now) = (Output::default(), engine_time::now());
        if let Some(observer) = &mut self.observer {
            observer.inbound(&inbound);
        }
        let (v, done) = match inbound {
            Inbound::Open { venue, stream } => {
                if let Some(log) = &mut self.log {
                    log.feed(self.now, &self.connections[venue].name, stream);
                }
                if let Some(desk) = &mut self.desk {
                    desk.reopened(venue);
                }
                (venue, self.connections[venue].client.greet(stream, now, &mut out))
            }
            Inbound::Text { venue, stream, text } => {
                self.texts += 1;
                (venue, self.connections[venue].client.on_frame(stream, &text, now, &mut out))
            }
            Inbound::TurnedAway { venue } => (venue, Ok(())),
            Inbound::Warmed { venue, is_of_orders, warmed } => {
                let at = Venue::named(&self.connections[venue].name);
                // signatures are made by the run's time, and not by a machine's that was set meanwhile
                let set = wall::now().since(engine_time::now());
                let clock = self.clocks.hear(at, venue, &warmed).map(|clock| clock.plus(set));
                if let Some(clock) = clock {
                    self.connections[venue].client.venue_clock(clock.of_expiry());
                }
                if let Some(desk) = &mut self.desk {
                    desk.warmed((venue, is_of_orders), &warmed, clock);
                }
                (venue, Ok(()))
            }
            Inbound::Reply { venue, about, reply, took } => {
                if let Some(desk) = &mut self.desk {
                    desk.replied(venue, about, reply.is_ok().then_some(took));
                }
                if reply.as_ref().is_ok_and(|answer| answer.status == 429) {
                    self.connections[venue].budget.limited(now);
                }
                if let Some(log) = &mut self.log {
                    log.answer(self.now, &self.connections[venue].name, about, &reply);
                }
                (venue, self.connections[venue].client.replied(about, reply, now, &mut out))
            }
        };
        match done {
            // what a venue says while we trade ends no run
            Err(error) if self.ready == [true; 2] => out.account.push(AccountUpdate::Trouble(error.to_string())),
            done => done.map_err(self.failed(v))?,
        }
        Ok((v, out))
    }

    /// Something went wrong that ends nothing.
    fn trouble(&mut self, v: usize, why: String) {
        let venue = &self.connections[v].name;
        if let Some(log) = &mut self.log {
            log.trouble(self.now, venue, &why);
        }
        let text = format!("{venue}: {why}");
        // a venue may think of new words for ever
        if self.troubles.len() < MOST_TROUBLES || self.troubles.contains_key(&text) {
            *self.troubles.entry(text).or_default() += 1;
        }
    }

    /// Time has passed for both clients.
    fn pass(&mut self, to: &mut Option<(&mut TileBuilder, &mut Run)>) -> Result<(), LiveError> {
        for v in 0..2 {
            let mut out = Output::default();
            self.connections[v].client.pass(engine_time::now(), &mut out).map_err(self.failed(v))?;
            let to = to.as_mut().map(|(builder, state)| (&mut **builder, &mut **state));
            self.pass_on(v, out, to);
        }
        Ok(())
    }

    /// Rows and events go to the tape, requests to the transport; what the venue said of itself is kept.
    fn pass_on(&mut self, v: usize, output: Output, mut to: Option<(&mut TileBuilder, &mut Run)>) {
        let role = Role::BOTH[v];
        if let Some(observer) = &mut self.observer {
            observer.heard(v, &output, engine_time::now());
        }
        if let Some((builder, _)) = &mut to {
            output.market.into_iter().for_each(|update| builder.receive(role, update, engine_time::now()));
        }
        for update in output.account {
            match update {
                AccountUpdate::Ready => self.ready[v] = true,
                AccountUpdate::Holding(holding) => {
                    if let Some(desk) = &mut self.desk {
                        desk.said(v, &holding);
                    }
                    self.holdings[v] = Some(holding);
                }
                AccountUpdate::Transfers(all) => {
                    let (now, log) = (self.now, self.log.as_mut());
                    if let Some(desk) = &mut self.desk {
                        desk.transfers(now, v, &all, log);
                    }
                }
                AccountUpdate::Leverage(refused) => self.leverage[v] = Some(refused),
                AccountUpdate::Resumed => self.is_resumed[v] = true,
                AccountUpdate::ForeignFill { fill, .. } => self.foreign_fill(v, &fill),
                AccountUpdate::Trouble(why) => self.trouble(v, why),
                AccountUpdate::Shut(shut) => self.desk.iter_mut().for_each(|desk| desk.shut(v, &shut)),
                AccountUpdate::Event { exch, body, name } => match &mut to {
                    Some(to) => self.hear((role, exch, body, name), to),
                    None => self.early.push((role, exch, body, name)),
                },
            }
        }
        for sent in output.requests {
            match sent {
                Outbound::Request(request) => {
                    // counted, and sent whatever is left
                    self.connections[v].budget.take(&request.path, Priority::Exit, engine_time::now());
                    self.transports[v].ask(request);
                }
                Outbound::Text { stream, text } => self.transports[v].send(stream, text),
                Outbound::Renew(stream) => self.transports[v].renew(stream),
                Outbound::Reopen => {
                    for (number, stream) in self.connections[v].client.streams().into_iter().enumerate() {
                        self.transports[v].reopen(number, stream.headers);
                    }
                }
            }
        }
    }

    /// Somebody else traded on the account: that is not the trader's.
    fn foreign_fill(&mut self, v: usize, fill: &ForeignFill) {
        match &mut self.desk {
            Some(desk) => desk.foreign_fill(self.now, v, fill, self.log.as_mut()),
            None => self.trouble(v, format!("an order that is not ours filled: {}", fill.name)),
        }
    }

    /// Something that happened to the account, on its way to the trader.
    fn hear(&mut self, (role, exch, body, name): News, (builder, state): &mut (&mut TileBuilder, &mut Run)) {
        let event = builder.event(role, exch, body, engine_time::now());
        if let Some(fill) = unheard_of(&state.belief().books, &state.venues().events, &event, name.as_deref()) {
            return self.foreign_fill(role.ix(), &fill);
        }
        if let Some(log) = &mut self.log {
            log.event(&event, name.as_deref());
        }
        if let Some(observer) = &mut self.observer {
            observer.event(&event);
        }
        self.desk.iter_mut().for_each(|desk| desk.hear(&event));
        state.venues_mut().events.push_back(event);
    }

    /// Both venues are quoted: the run goes on from here. What has happened since its state is heard now.
    fn resume(&mut self, builder: &TileBuilder, state: &mut Run, forgotten: u32) {
        let now = builder.now(engine_time::now());
        state.resume(now, forgotten);
        let asked = state.trader().orders().len();
        let events = &mut state.venues_mut().events;
        events.iter_mut().for_each(|event| event.at = now);
        let heard = events.len();
        if let Some(log) = &mut self.log {
            log.resumed(now, heard, asked);
        }
    }

    /// Writes the machine down if something happened to it since, and every ten seconds.
    fn write_state(&mut self, beside: &Beside, (builder, state): (&TileBuilder, &Run), written: &mut Written) {
        let Some(log) = &mut self.log else { return };
        let (number, answers) = (state.trader().state(), state.tally().answers);
        let is_due = !state.venues().commands.is_empty()
            || (number, answers) != (written.state, written.answers)
            || written.at.elapsed() >= STATE_EVERY;
        if is_due {
            let (signals, carry, _) = builder.parts();
            log.state(self.now, state_bytes(beside, state, carry, signals));
            *written = Written { at: Instant::now(), state: number, answers };
        }
    }

    /// Everything that has arrived; waits for the first of it, but not longer than `nap`. A venue that says nothing is the trader's business.
    fn take_in(&mut self, nap: Duration, (builder, state): (&mut TileBuilder, &mut Run)) -> Result<(), LiveError> {
        let mut next = self.inbound.recv_timeout(nap).ok();
        while let Some(inbound) = next {
            let (v, output) = self.receive(inbound)?;
            self.pass_on(v, output, Some((&mut *builder, &mut *state)));
            next = self.inbound.try_recv().ok();
        }
        Ok(())
    }

    /// Trades until `to`, or until asked to stop; then closes everything. `builder` stands where the run begins, or goes on.
    ///
    /// # Errors
    /// A venue that ends the session, or falls silent.
    pub fn trade(
        &mut self,
        job: &Job<'_, Composite>,
        (mut builder, clock): (TileBuilder, MarketClock),
        Beginning { mut beside, resumed, forgotten }: Beginning,
        to: Time,
        stop: &AtomicBool,
        (recorder, status): (&mut ConsoleRecorder<'_>, &Status),
    ) -> Result<(Run, Ended), LiveError> {
        let halt = AtomicBool::new(false);
        let mut driver = Paced::new(Present(&halt));
        let mut is_waiting = resumed.is_some() || self.is_resumed != [true; 2];
        let mut state = resumed.map_or_else(|| RunState::remote(Composite::default(), job), |run| *run);
        recorder.go_on(state.tally());
        let (mut commands, mut asked_at) = (0, None::<Instant>);
        let (entries, mut written) = (beside.entries, Written { at: Instant::now(), state: u8::MAX, answers: 0 });
        for news in std::mem::take(&mut self.early) {
            self.hear(news, &mut (&mut builder, &mut state));
        }
        let begun = Instant::now();
        let closing = CLOSING.mul_f64((1.0 / clock.speed).max(0.25));
        loop {
            let nap = self.nap(is_waiting, &state, &builder, &clock);
            self.take_in(nap, (&mut builder, &mut state))?;
            self.pass(&mut Some((&mut builder, &mut state)))?;
            self.log.iter_mut().for_each(|log| log.rows(builder.take_seen()));
            if is_waiting && builder.is_quoted() && self.is_resumed == [true; 2] {
                self.resume(&builder, &mut state, forgotten);
                is_waiting = false;
            }
            if is_waiting {
                self.hear_meanwhile(begun.elapsed())?;
            } else {
                if let Some(ending) = self.look(&mut state) {
                    let ended = self.ended(ending, (commands, beside.entries))?;
                    // of one that was killed both venues must say that nothing of ours is left
                    if ending != Ending::Killed || self.is_rest_foreign(&ended) {
                        self.compared(&state);
                        return Ok((state, ended));
                    }
                }
                self.settle((&mut builder, &mut state))?;
                let (tile, signals) = builder.cut(engine_time::now());
                self.now = tile.end.plus(-NS);
                state.run_tile(&mut driver, job, &tile, &signals, recorder);
                (beside.entries, beside.end) = (entries + recorder.entries(), tile.end);
                self.show(job, (&tile, &signals), &state, recorder);
                self.write_state(&beside, (&builder, &state), &mut written);
                commands += self.send((&mut builder, &mut state))?;
                if let Some(observer) = &mut self.observer {
                    let journal = self.log.as_ref().map(Log::health);
                    let is_stopping = halt.load(Ordering::Relaxed);
                    observer.look((&state, job), (&tile, &signals), &recorder.record, (journal, is_stopping));
                    recorder.forget();
                    observer.has_seen(&recorder.record);
                }
            }
            let now = self.now;
            status.moment(now);
            if driver.stopped_at.is_some() {
                let ended = self.ended(Ending::Flat, (commands, beside.entries))?;
                self.compared(&state);
                return Ok((state, ended));
            }
            let is_lost = self.log.as_ref().is_some_and(Log::is_lost);
            let is_asked = self.desk.is_none() && stop.load(Ordering::Relaxed);
            if is_asked || now >= to || is_lost {
                halt.store(true, Ordering::Relaxed);
                if asked_at.get_or_insert_with(Instant::now).elapsed() > closing {
                    return Err(LiveError::Open { seconds: closing.as_secs() });
                }
            }
        }
    }

    /// What the step left, for whoever judges and looks.
    fn show(
        &mut self,
        job: &Job<'_, Composite>,
        (tile, signals): (&Tile, &TileSignals),
        state: &Run,
        recorder: &ConsoleRecorder<'_>,
    ) {
        let mids = Role::BOTH.map(|role| tile.local.bbo(tile.local.len() - 1, role).mid_or_none());
        recorder.note(state.trader().state(), state.tally().pnls.len(), state.belief().equity(mids));
        let log = self.log.as_ref();
        self.desk.iter_mut().for_each(|desk| desk.see(job.plan, (tile, signals), log));
    }

    /// What an operator says, and the limits: what the trader may do from here on; how the run ends by it, if it does.
    fn look(&mut self, state: &mut Run) -> Option<Ending> {
        let desk = self.desk.as_mut()?;
        let ending = desk.look(self.now, state, self.log.as_mut());
        state.venues_mut().mandate = desk.mandate();
        ending
    }

    /// Whatever the venues still hold is confirmed not to be ours.
    fn is_rest_foreign(&self, ended: &Ended) -> bool {
        let confirmed = self.desk.as_ref().map_or([false; 2], Desk::confirmed);
        ended.holdings.iter().zip(confirmed).all(|(holding, is_confirmed)| holding.is_flat() || is_confirmed)
    }

    /// What follows from what the venues said of the accounts: entries, cancels, questions.
    fn settle(&mut self, (builder, state): (&mut TileBuilder, &mut Run)) -> Result<(), LiveError> {
        let Some(desk) = &mut self.desk else { return Ok(()) };
        let Due { events, cancels, reads, histories, in_vain, transfers } = desk.take_due();
        for (role, body) in events {
            self.hear((role, engine_time::now(), body, None), &mut (&mut *builder, &mut *state));
        }
        let cancels: Vec<Command> = cancels.into_iter().map(|(venue, id)| Command::Cancel { venue, id }).collect();
        self.log.iter_mut().for_each(|log| drop(log.batch(self.now, &cancels, &[])));
        let mut out = [Output::default(), Output::default()];
        for command in cancels {
            let v = command.venue().ix();
            self.connections[v].client.command(&command, engine_time::now(), &mut out[v]).map_err(self.failed(v))?;
        }
        for (v, mut out) in out.into_iter().enumerate() {
            let Connection { client, budget, .. } = &mut self.connections[v];
            let now = engine_time::now();
            if histories[v] && budget.has_room("trades", Priority::Compare, now) {
                client.ask_history(now, &mut out).map_err(self.failed(v))?;
            }
            if let Some(since) = transfers[v]
                && self.connections[v].budget.has_room("transfer_history", Priority::Poll, now)
            {
                self.connections[v].client.ask_transfers(since, now, &mut out).map_err(self.failed(v))?;
            }
            // one that is not asked for counts as lost, and is due again
            let priority = if in_vain[v] { Priority::Exit } else { Priority::Compare };
            if reads[v] && self.connections[v].budget.has_room("account", priority, now) {
                self.connections[v].client.ask_account(&mut out);
            }
            self.pass_on(v, out, Some((&mut *builder, &mut *state)));
        }
        Ok(())
    }

    /// What the run comes to if it ends now, both venues asked.
    fn ended(&mut self, ending: Ending, (commands, entries): (u64, u64)) -> Result<Ended, LiveError> {
        let holdings = self.accounts()?;
        let (at, texts, mut troubles) = (self.now, self.texts, self.troubles.clone());
        let lost = self.log.as_ref().and_then(Log::rows_lost);
        troubles.extend(lost.map(|why| (format!("{why}: this run cannot be made again from what is stored"), 1)));
        let explained = self.desk.as_ref().map_or([Cash::ZERO; 2], Desk::explained);
        Ok(Ended { at, holdings, texts, commands, troubles, ending, explained, entries })
    }

    /// Those who watch are shown the end beside what the venues say.
    fn compared(&mut self, state: &Run) {
        self.observer.iter_mut().for_each(|observer| observer.compared(state.belief()));
    }

    /// What of the commands may leave, as it may; what may not is told to the trader.
    fn judge(&mut self, commands: Vec<Command>, (builder, state): (&mut TileBuilder, &mut Run)) -> Vec<Command> {
        let (mut passed, now) = (Vec::new(), engine_time::now());
        let mut room = self.connections.each_ref().map(|connection| connection.budget.order_room(now));
        self.desk.iter_mut().for_each(|desk| desk.has_room(room));
        for command in commands {
            let (Some(desk), v) = (&mut self.desk, command.venue().ix()) else { continue };
            match desk.judge((self.now, &command), state, self.log.as_mut()) {
                Verdict::Pass => passed.push(command),
                Verdict::Amend(order) => passed.push(Command::Place(order)),
                Verdict::Refuse(_) => {
                    let refused = never_sent(&command, Reject::Gate);
                    self.pass_on(v, refused, Some((&mut *builder, &mut *state)));
                    continue;
                }
            }
            // it leaves after all were judged
            room[v].left -= 1;
            desk.has_room(room);
        }
        passed
    }

    /// Sends what the trader wants, when it is written down; how many commands.
    fn send(&mut self, (builder, state): (&mut TileBuilder, &mut Run)) -> Result<u64, LiveError> {
        let mut commands = std::mem::take(&mut state.venues_mut().commands);
        let decided = std::mem::take(&mut state.venues_mut().decided);
        let made: Vec<(Time, Command)> = decided.into_iter().zip(commands.clone()).collect();
        if self.desk.is_some() {
            commands = self.judge(commands, (&mut *builder, &mut *state));
        }
        let may_leave = self.log.as_mut().map(|log| log.batch(self.now, &commands, &made));
        if let Some(observer) = &mut self.observer {
            observer.commands(&commands, may_leave.as_deref(), self.now);
        }
        for (n, command) in commands.iter().enumerate() {
            let v = command.venue().ix();
            let mut out = Output::default();
            if may_leave.as_ref().is_none_or(|may_leave| may_leave[n]) {
                self.connections[v].client.command(command, engine_time::now(), &mut out).map_err(self.failed(v))?;
            } else {
                out = never_sent(command, Reject::Journal);
            }
            self.pass_on(v, out, Some((builder, state)));
        }
        Ok(commands.len() as u64)
    }

    /// Until something is due.
    fn nap(&self, is_waiting: bool, state: &Run, builder: &TileBuilder, clock: &MarketClock) -> Duration {
        if !is_waiting && !state.venues().events.is_empty() {
            return Duration::ZERO;
        }
        let Some(due) = state.trader().next_timer() else { return NAP };
        let left = due.since(builder.now(engine_time::now())).0.max(0) as f64 * 1e-9 / clock.speed;
        Duration::from_secs_f64(left).min(NAP)
    }

    /// What both venues said of the account when they became ready, if they were asked then.
    ///
    /// # Errors
    /// As [`Session::accounts`].
    pub fn accounts_at_start(&mut self) -> Result<[Holding; 2], LiveError> {
        let [Some(long), Some(short)] = &self.holdings else { return self.accounts() };
        let holdings = [long.clone(), short.clone()];
        self.log.iter_mut().for_each(|log| log.accounts(self.now, &holdings));
        Ok(holdings)
    }

    /// Waits until both venues have said something.
    fn wait_for(&mut self, what: &'static str, is_said: impl Fn(&Session, usize) -> bool) -> Result<(), LiveError> {
        let began = Instant::now();
        while let Some(late) = (0..2).find(|v| !is_said(self, *v)) {
            self.observer.iter_mut().for_each(Observer::beat);
            if began.elapsed() > TELLING {
                return Err(self.silent(late, what, TELLING));
            }
            self.pass(&mut None)?;
            if let Ok(inbound) = self.inbound.recv_timeout(NAP) {
                let (v, output) = self.receive(inbound)?;
                self.pass_on(v, output, None);
            }
        }
        Ok(())
    }

    /// What both venues say of the account, asked anew.
    ///
    /// # Errors
    /// A venue that does not tell it.
    pub fn accounts(&mut self) -> Result<[Holding; 2], LiveError> {
        self.holdings = [None, None];
        for v in 0..2 {
            let mut out = Output::default();
            self.connections[v].client.ask_account(&mut out);
            self.pass_on(v, out, None);
        }
        self.wait_for("does not tell the account", |session, v| session.holdings[v].is_some())?;
        self.accounts_at_start()
    }

    /// Ends all connections; what kept the run from being written down to its end, if something did. `flat`: both venues hold nothing.
    pub fn close(self, why: &str, flat: bool) -> Option<String> {
        self.edge.close();
        let lost = self.desk.as_ref().and_then(Desk::lost);
        self.log.and_then(|log| log.stop(self.now, why, flat, lost))
    }
}

/// What the trader is told of a command that may not leave.
fn never_sent(command: &Command, reason: Reject) -> Output {
    let body = EventBody::Rejected { id: command.order(), reason };
    Output { account: vec![AccountUpdate::event(engine_time::now(), body)], ..Output::default() }
}

/// A close of more than the trader believes to hold there, whatever it has still to hear: somebody else trades on the account, or news
/// were lost. It cannot be booked.
fn unheard_of(
    books: &[VenueBook; 2],
    events: &VecDeque<Event>,
    news: &Event,
    name: Option<&str>,
) -> Option<ForeignFill> {
    let mut book = books[news.venue.ix()].clone();
    let (px, closed) = match news.body {
        EventBody::Fill { side, px, qty, .. } if side == book.role.closing() => (px, qty),
        EventBody::Liquidated { px, qty, .. } => (px, qty),
        _ => return None,
    };
    events.iter().filter(|event| event.venue == news.venue).for_each(|event| {
        book.apply(&event.body);
    });
    let name = name.unwrap_or_default().to_owned();
    let fill = ForeignFill { name, client: 0, sent_by: None, side: book.role.closing(), px, qty: closed };
    (closed > book.leg.qty).then_some(fill)
}

#[cfg(test)]
mod tests {
    use super::*;
    use perpx_core::market::{OrderId, Side};
    use perpx_core::units::{Cash, Mid, Price, Qty, Rate};

    /// Two fills of 3 open 6; 4 and 2 close them; one more is of no position that we know.
    #[test]
    fn a_close_of_more_than_is_held_is_no_news_of_ours() {
        let books = Role::BOTH.map(|role| VenueBook::new(role, Cash(1), Rate(Rate::ONE), false, Cash::units(1_000)));
        let fill = |venue, side, qty| Event {
            at: Time(1),
            venue_time: Time(1),
            met: Mid::ZERO,
            venue,
            body: EventBody::Fill { id: OrderId(1), side, px: Price(5), qty: Qty(qty), maker: false, fee: Cash::ZERO },
        };
        let (buy, sell) = (|qty| fill(Role::Long, Side::Buy, qty), |qty| fill(Role::Long, Side::Sell, qty));
        let events: VecDeque<Event> = [buy(3), buy(3), sell(4)].into();
        let is_strange =
            |events, news| unheard_of(&books, events, &news, Some("x")).map(|fill| (fill.name, fill.qty.0));
        assert_eq!(is_strange(&events, sell(2)), None);
        assert_eq!(is_strange(&events, sell(3)), Some(("x".to_owned(), 3)));
        assert_eq!(is_strange(&events, buy(9)), None);
        assert_eq!(is_strange(&VecDeque::new(), fill(Role::Short, Side::Buy, 1)), Some(("x".to_owned(), 1)));
    }
}
