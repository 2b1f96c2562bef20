//! One venue's task: it opens the socket, says what is to be said, stamps what comes, asks what is asked over REST, and puts all of it
//! into the queue in one order. What the texts mean is the feed's.

use super::clock::{EngineClock, Reading};
use super::metrics::Health;
use super::successor::{News, Successor};
use super::wall_state::{Offset, Offsets, WallState, wall_state};
use crate::client::{Answer, Reply};
use crate::grvt::rest::ServerTime;
use crate::net::backoff::{Backoff, chance};
use crate::net::budget::{Budget, Priority};
use crate::net::dial::Dialer;
use crate::net::hosts::Hosts;
use crate::net::lane::{Asked, Warmed};
use crate::net::reach::lane_of;
use crate::net::socket::Socket;
use crate::net::upkeep::public_stream;
use crate::record::feed::{hourly, step};
use crate::record::raw_file::{hour, raw_path};
use crate::record::{FeedNews, FrameKind, PublicFeed, RawFrame, RestRequest, Row};
use crate::venue::Venue;
use crossbeam_channel::{Sender, TrySendError};
use perpx_core::units::{HOUR, MINUTE, SECOND, Time, TimeDelta};
use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{Instant, interval, sleep};

/// How often a feed is asked what is due, and it is seen what else is.
const BEAT: Duration = Duration::from_millis(200);
/// Texts a second that we say, and how many at once.
const TEXTS_PER_SEC: f64 = 3.0;
const TEXTS_AT_ONCE: f64 = 6.0;
/// Hourly reads are asked so long after the hour, when what was settled is published.
const AFTER_THE_HOUR: TimeDelta = SECOND.times(90);
/// Between two tries of a read that failed: doubling, from the first to the last.
const RETRY: [TimeDelta; 2] = [SECOND, MINUTE];
/// Of an answer that is none, in the log.
const SHOWN: usize = 120;
/// A read that failed so often waits for the next hour; without the markets nothing can be subscribed, so that one goes on.
const MOST_TRIES: u32 = 8;
/// The clocks are looked at so often.
const CLOCKS: Duration = Duration::from_secs(60);
/// What was settled just before the end is waited for so long.
const LAST_READS: Duration = Duration::from_millis(1_500);

/// What a task is given.
pub struct VenueTask {
    /// Whose.
    pub venue: Venue,
    /// What makes rows.
    pub feed: Box<dyn PublicFeed>,
    /// Where it is.
    pub hosts: Hosts,
    /// How connections are made.
    pub dialer: Dialer,
    /// Of all tasks of this process.
    pub clock: Arc<Mutex<EngineClock>>,
    /// To the recorder's thread.
    pub queue: Sender<Arc<RawFrame>>,
    /// What is counted.
    pub health: Arc<Health>,
    /// True: it ends.
    pub stop: watch::Receiver<bool>,
    /// False: the disk is short, and depth is kept no more.
    pub depth: watch::Receiver<bool>,
    /// The folder of the recording.
    pub run: PathBuf,
    /// Who wants each row as soon as it is made.
    pub rows: Option<Sender<Received>>,
}

/// A row that was just made.
#[derive(Clone, Debug)]
pub struct Received {
    /// Whose.
    pub venue: Venue,
    /// Its place in what is recorded there.
    pub symbol: usize,
    /// As it is stored.
    pub row: Row,
}

/// A read that is to be asked.
struct Wanted {
    which: RestRequest,
    from: Time,
    tries: u32,
}

/// Why a socket is given up by us.
enum Ends {
    Stopped,
    Lost(String),
    Overflow,
}

struct Running {
    task: VenueTask,
    /// What is asked goes there.
    ask: mpsc::Sender<Asked>,
    seq: u64,
    /// Of the socket whose texts come now; and sockets so far.
    conn: u32,
    opened: u32,
    hour: Option<i64>,
    backoff: Backoff,
    budget: Budget,
    wanted: Vec<Wanted>,
    asked: Option<(Wanted, oneshot::Receiver<Reply>)>,
    /// Of the wall, when it was asked.
    asked_ns: i64,
    next_clocks: Instant,
    offsets: Offsets,
    next_hour: Option<Time>,
    texts: VecDeque<String>,
    /// How many may be said at once now, and since when that is so.
    tokens: (f64, Instant),
    reconnect: Option<String>,
    successor: Successor,
    is_live: bool,
}

impl VenueTask {
    /// Records until it is stopped.
    pub async fn run(self) {
        let lane = match lane_of(self.venue, &self.dialer, &self.hosts) {
            Ok(lane) => lane,
            Err(why) => return self.health.note(format!("{}: nothing is recorded: {why}", self.venue.name())),
        };
        let budget = Budget::of(self.venue);
        let (ask, asked) = mpsc::channel(1);
        tokio::spawn(lane.serve(asked, None::<fn(Warmed)>));
        let mut running = Running {
            task: self,
            ask,
            seq: 0,
            conn: 0,
            opened: 0,
            hour: None,
            backoff: Backoff::default(),
            budget,
            wanted: vec![Wanted { which: RestRequest::Markets, from: Time(0), tries: 0 }],
            asked: None,
            asked_ns: 0,
            next_clocks: Instant::now(),
            offsets: Offsets::default(),
            next_hour: None,
            texts: VecDeque::new(),
            tokens: (TEXTS_AT_ONCE, Instant::now()),
            reconnect: None,
            successor: Successor::default(),
            is_live: false,
        };
        running.begin().await;
        running.record().await;
        running.last_reads().await;
    }
}

impl Running {
    fn is_stopped(&self) -> bool {
        *self.task.stop.borrow()
    }

    /// What both clocks say, and ours; a wall that was set is told apart.
    fn stamp(&self) -> (Reading, Time, Option<TimeDelta>) {
        let mut clock = self.task.clock.lock().unwrap_or_else(PoisonError::into_inner);
        let reading = Reading::now();
        let (now, step) = clock.at(reading);
        (reading, now, step)
    }

    /// What stands before everything else: that a process begins, and what it knows. A file that holds frames of a process before goes
    /// on; a new one begins with a state as every other.
    async fn begin(&mut self) {
        let (_, now, _) = self.stamp();
        if raw_path(&self.task.run, self.task.venue, hour(now)).exists() {
            self.hour = Some(hour(now));
        }
        self.keep(FrameKind::Restarted, Vec::new()).await;
        self.keep(FrameKind::State, self.task.feed.state().into_bytes()).await;
        let state = wall_state();
        if !state.is_synchronised {
            let text = "no time service keeps the machine's clock (adjtimex): times of receipt are as wrong as it is";
            self.task.health.note(format!("{}: {text}", self.task.venue.name()));
        }
        self.clock_state(state).await;
    }

    async fn clock_state(&mut self, state: WallState) {
        self.task.health.synchronised(state.is_synchronised);
        self.record_clock(serde_json::to_string(&state)).await;
    }

    async fn record_clock(&mut self, text: serde_json::Result<String>) {
        // numbers can be written
        self.keep(FrameKind::Clock, text.unwrap_or_default().into_bytes()).await;
    }

    /// Each minute: what the machine says of its clock, how far the venue's can be from it.
    async fn mind_clocks(&mut self, now: Time) {
        if Instant::now() < self.next_clocks {
            return;
        }
        self.next_clocks = Instant::now() + CLOCKS;
        self.clock_state(wall_state()).await;
        if self.task.feed.fetch(&RestRequest::Time, now).is_some() {
            self.want(RestRequest::Time, now);
        }
        if let Some(least) = self.task.health.take_least_delay(self.task.venue) {
            let text = serde_json::to_string(&serde_json::json!({ "least_delay_ns": least.0 }));
            self.record_clock(text).await;
        }
    }

    /// The venue has answered with its time.
    async fn time_received(&mut self, body: &str, came_ns: i64) {
        let Ok(answer) = serde_json::from_str::<ServerTime>(body) else { return };
        let best = self.offsets.take(Offset::of_answer(self.asked_ns, came_ns, answer.server_time.0));
        self.task.health.clock_offset(self.task.venue, best);
        if best.is_far() {
            let seconds = TimeDelta(best.offset_ns).as_f64(SECOND);
            self.task.health.note(format!("{}: its clock is {seconds:+.3} s from ours", self.task.venue.name()));
        }
        self.record_clock(serde_json::to_string(&best)).await;
    }

    /// Before the end: what was settled since the last hour's reads, so that a store that ends just after an hour has it.
    async fn last_reads(&mut self) {
        let (_, now, _) = self.stamp();
        let is_settled = |which: &RestRequest| matches!(which, RestRequest::Fundings { .. });
        let is_under_way = self.wanted.iter().chain(self.asked.iter().map(|asked| &asked.0));
        let is_under_way = is_under_way.map(|wanted| &wanted.which).any(is_settled);
        if !is_under_way && self.next_hour.is_none_or(|at| now < at.plus(-AFTER_THE_HOUR)) {
            return;
        }
        self.wanted.retain(|wanted| is_settled(&wanted.which));
        hourly(self.task.feed.config()).into_iter().filter(is_settled).for_each(|which| self.want(which, now));
        self.wanted.iter_mut().for_each(|wanted| wanted.from = now);
        let end = Instant::now() + LAST_READS;
        while Instant::now() < end && (!self.wanted.is_empty() || self.asked.is_some()) {
            let (_, now, _) = self.stamp();
            self.ask(now);
            let wait = answered(&mut self.asked);
            tokio::select! {
                reply = wait => self.replied(reply).await,
                () = sleep(BEAT / 10) => {}
            }
        }
    }

    /// Puts a marker or an answer into the queue, whatever it takes, and moves the feed by it.
    async fn keep(&mut self, kind: FrameKind, text: Vec<u8>) {
        let mut held = Some((kind, text));
        while let Some((kind, text)) = held.take() {
            held = self.put(kind, text).err();
            if held.is_some() {
                sleep(BEAT).await;
            }
        }
    }

    /// Puts something into the queue, stamped now, and moves the feed by it; gives it back when the queue is full. An hour that begins
    /// gets its state first.
    fn put(&mut self, kind: FrameKind, text: Vec<u8>) -> Result<(), (FrameKind, Vec<u8>)> {
        let (reading, now, step) = self.stamp();
        self.stepped(step);
        if self.hour != Some(hour(now)) {
            let state = self.framed(reading, now, FrameKind::State, self.task.feed.state().into_bytes());
            if self.queued(state).is_err() {
                return Err((kind, text));
            }
            self.hour = Some(hour(now));
        }
        let frame = self.framed(reading, now, kind, text);
        self.queued(frame).map_err(|frame| (frame.kind, frame.text))
    }

    fn stepped(&mut self, step: Option<TimeDelta>) {
        let Some(step) = step else { return };
        self.task.health.clock_step();
        let seconds = step.as_f64(SECOND);
        self.task.health.note(format!("the machine's clock was set by {seconds:+.3} s; the recorder's own goes on"));
        // one that finds no place is in the log all the same
        let _ = self.put(FrameKind::ClockStep, format!("{seconds:+.3} s").into_bytes());
    }

    fn framed(&self, reading: Reading, engine: Time, kind: FrameKind, text: Vec<u8>) -> RawFrame {
        let Reading { wall_ns, mono_ns } = reading;
        RawFrame { venue: self.task.venue, conn: self.conn, seq: self.seq, wall_ns, mono_ns, engine, kind, text }
    }

    /// What is in the queue is recorded, and moves the feed; what is not does neither.
    fn queued(&mut self, frame: RawFrame) -> Result<(), RawFrame> {
        let frame = Arc::new(RawFrame { seq: self.seq, ..frame });
        match self.task.queue.try_send(frame.clone()) {
            Err(TrySendError::Full(frame)) => return Err(Arc::unwrap_or_clone(frame)),
            // the recorder's thread ends after us
            Ok(()) | Err(TrySendError::Disconnected(_)) => {}
        }
        self.seq += 1;
        self.task.health.frame(self.task.venue, Time(frame.wall_ns));
        let mut news = Vec::new();
        step(&mut *self.task.feed, &frame, &mut news);
        if frame.kind == FrameKind::Text {
            // with a marker comes a line that says why every channel is in a gap
            self.note_gaps(&news);
        }
        self.take(news, frame.engine);
        Ok(())
    }

    fn note_gaps(&self, news: &[FeedNews]) {
        for news in news {
            let FeedNews::Gap { symbol, table, reason, .. } = news else { continue };
            let symbol = self.task.feed.config().symbols.get(*symbol).map_or("", String::as_str);
            let (venue, table) = (self.task.venue.name(), table.name());
            self.task.health.note(format!("{venue} {symbol}: a gap in {table}: {reason}"));
        }
    }

    /// Whether depth is kept is part of the feed's state, so that whoever reads the recording makes the same rows.
    async fn mind_depth(&mut self) {
        if !self.task.depth.has_changed().unwrap_or(false) {
            return;
        }
        let is_kept = *self.task.depth.borrow_and_update();
        let Ok(mut state) = serde_json::from_str::<serde_json::Value>(&self.task.feed.state()) else { return };
        state["config"]["depth_ms"] = if is_kept { 0 } else { i64::MAX }.into();
        self.keep(FrameKind::State, state.to_string().into_bytes()).await;
    }

    /// What the feed wants.
    fn take(&mut self, news: Vec<FeedNews>, at: Time) {
        let mut asks = 0;
        for news in news {
            if self.task.health.news(self.task.venue, &news) && !self.is_live {
                self.is_live = true;
                self.backoff.live(at);
                self.task.health.live(self.task.venue, true);
            }
            match news {
                // before what waits to be subscribed: an answer to a ping cannot wait. In their own order: who subscribes
                // before he unsubscribes hears nothing any more
                FeedNews::Ask(text) => {
                    self.texts.insert(asks, text);
                    asks += 1;
                }
                FeedNews::Fetch(which) => self.want(which, at),
                FeedNews::Reconnect { reason, before: None } => self.reconnect = Some(reason),
                FeedNews::Reconnect { reason, before: Some(before) } => {
                    let seconds = before.since(self.task.feed.config().venue_time(at)).as_f64(SECOND);
                    let venue = self.task.venue.name();
                    self.task.health.note(format!("{venue}: {reason} in {seconds:.0} s; another is opened beside it"));
                    self.successor.want();
                }
                FeedNews::Unreadable(why) => {
                    self.task.health.note(format!("{}: not readable: {why}", self.task.venue.name()));
                }
                FeedNews::Row(symbol, row) => {
                    if let Some(rows) = &self.task.rows {
                        // whoever listened may have ended
                        let _ = rows.send(Received { venue: self.task.venue, symbol, row });
                    }
                }
                FeedNews::Gap { .. } | FeedNews::Whole { .. } | FeedNews::Recovered(_) => {}
            }
        }
    }

    fn want(&mut self, which: RestRequest, from: Time) {
        let is_there = self.wanted.iter().any(|wanted| wanted.which == which);
        let is_asked = self.asked.as_ref().is_some_and(|(wanted, _)| wanted.which == which);
        if !is_there && !is_asked {
            self.wanted.push(Wanted { which, from, tries: 0 });
        }
    }

    /// Asks the next read that is due, if the budget has room.
    fn ask(&mut self, now: Time) {
        if self.next_hour.is_none_or(|at| now >= at) {
            // the first time at once; then after each hour
            hourly(self.task.feed.config()).into_iter().for_each(|which| self.want(which, now));
            let this = hour(now.plus(-AFTER_THE_HOUR));
            self.next_hour = Some(Time::at((this + 1) * HOUR + AFTER_THE_HOUR));
        }
        if self.asked.is_some() {
            return;
        }
        let Some(place) = self.wanted.iter().position(|wanted| wanted.from <= now) else { return };
        let Some(call) = self.task.feed.fetch(&self.wanted[place].which, self.task.feed.config().venue_time(now))
        else {
            // the venue has no such request, or the markets are not known yet
            let wanted = &mut self.wanted[place];
            wanted.from = now.plus(RETRY[0]);
            wanted.tries += 1;
            if wanted.tries > MOST_TRIES {
                self.wanted.remove(place);
            }
            return;
        };
        if !self.budget.take(&call.path, Priority::Poll, now) {
            return;
        }
        let wanted = self.wanted.remove(place);
        let request = call.request();
        let (reply, replied) = oneshot::channel();
        self.asked_ns = Reading::now().wall_ns;
        match self.ask.try_send((request, reply)) {
            Ok(()) => self.asked = Some((wanted, replied)),
            Err(_) => self.wanted.push(wanted),
        }
    }

    /// An answer is recorded; a failure is asked again later, and ends nothing.
    async fn replied(&mut self, reply: Reply) {
        let Some((wanted, _)) = self.asked.take() else { return };
        let (reading, now, _) = self.stamp();
        let why = match reply {
            Ok(Answer { status: 200, body, .. }) if wanted.which == RestRequest::Time => {
                return self.time_received(&body, reading.wall_ns).await;
            }
            Ok(answer) if answer.status == 200 && !answer.is_page() => {
                return self.keep(FrameKind::RestReply { which: wanted.which }, answer.body.into_bytes()).await;
            }
            Ok(answer) => {
                self.budget.answered(&answer, now);
                answer.shown(SHOWN)
            }
            Err(why) => why,
        };
        let venue = self.task.venue;
        self.task.health.failed_read(venue);
        let tries = wanted.tries + 1;
        let is_needed = wanted.which == RestRequest::Markets && self.task.feed.subscriptions().is_empty();
        if tries == 1 || is_needed {
            self.task.health.note(format!("{}: no answer, asked for {}: {why}", venue.name(), words(&wanted.which)));
        }
        if tries <= MOST_TRIES || is_needed {
            let wait = RETRY[0].times(1 << tries.min(6)).min(RETRY[1]);
            self.wanted.push(Wanted { from: now.plus(wait), tries, ..wanted });
        }
    }

    async fn record(&mut self) {
        let mut beat = interval(BEAT);
        let mut opens = Time(0);
        while !self.is_stopped() {
            let (_, now, _) = self.stamp();
            self.ask(now);
            let can_open = now >= opens && !self.task.feed.subscriptions().is_empty();
            if !can_open {
                self.wait(&mut beat).await;
                continue;
            }
            self.backoff.connect(now);
            let (why, turned_away) = self.connection(&mut beat).await;
            let (_, now, _) = self.stamp();
            if self.is_stopped() {
                return;
            }
            opens = self.backoff.lost(now, chance(), turned_away);
            let seconds = opens.since(now).as_f64(SECOND);
            let venue = self.task.venue.name();
            self.task.health.note(format!("{venue}: {why}; again in {seconds:.1} s"));
        }
    }

    /// Until something happens, or a beat is over.
    async fn wait(&mut self, beat: &mut tokio::time::Interval) {
        let replied = answered(&mut self.asked);
        let mut stop = self.task.stop.clone();
        tokio::select! {
            reply = replied => self.replied(reply).await,
            _ = beat.tick() => {}
            _ = stop.changed() => {}
        }
    }

    /// One socket from its opening to its end; why it ended, and whether a gateway turned us away.
    async fn connection(&mut self, beat: &mut tokio::time::Interval) -> (String, bool) {
        let (host, path, rules) = public_stream(self.task.venue);
        let Some(address) = self.task.hosts.get(&host).cloned() else { return ("no such host".to_owned(), true) };
        let dialer = self.task.dialer.clone();
        let mut stop = self.task.stop.clone();
        let opened = tokio::select! {
            opened = Socket::open(&dialer, &address, path, &[], rules) => opened,
            _ = stop.changed() => return ("stopped".to_owned(), false),
        };
        let mut socket = match opened {
            Ok(socket) => socket,
            Err(error) => return (error.to_string(), error.is_turned_away()),
        };
        self.opened += 1;
        self.conn = self.opened;
        (self.reconnect, self.successor) = (None, Successor::default());
        self.texts.clear();
        self.task.health.venue(self.task.venue).is_torn.store(false, Relaxed);
        self.keep(FrameKind::Connected, address.to_string().into_bytes()).await;
        self.texts.extend(self.task.feed.subscriptions());
        let (kind, why) = match self.listen(&mut socket, beat).await {
            // no marker: nothing is missing before the end, and the next start says what is missing after it
            Ends::Stopped => {
                socket.close().await;
                return ("stopped".to_owned(), false);
            }
            Ends::Lost(why) => (FrameKind::Disconnected, why),
            Ends::Overflow => (FrameKind::Overflow, "more came than the disk took".to_owned()),
        };
        self.is_live = false;
        self.task.health.live(self.task.venue, false);
        self.keep(kind, why.clone().into_bytes()).await;
        socket.close().await;
        (why, false)
    }

    async fn listen(&mut self, socket: &mut Socket, beat: &mut tokio::time::Interval) -> Ends {
        let mut stop = self.task.stop.clone();
        loop {
            if self.is_stopped() {
                return Ends::Stopped;
            }
            if let Some(why) = self.reconnect.take() {
                return Ends::Lost(why);
            }
            if self.task.health.venue(self.task.venue).is_torn.load(Relaxed) {
                return Ends::Lost("the disk took no frames".to_owned());
            }
            while let Some(text) = self.next_text() {
                if let Err(error) = socket.send(&text).await {
                    return Ends::Lost(error.to_string());
                }
            }
            self.subscribe_beside().await;
            tokio::select! {
                text = socket.next() => match text {
                    Ok(text) if self.put(FrameKind::Text, text.as_bytes().to_vec()).is_ok() => {}
                    Ok(_) => return Ends::Overflow,
                    Err(error) => return Ends::Lost(error.to_string()),
                },
                news = self.successor.next() => {
                    if self.beside(news, socket).await.is_err() {
                        return Ends::Overflow;
                    }
                }
                reply = answered(&mut self.asked) => self.replied(reply).await,
                _ = beat.tick() => {
                    let (_, now, _) = self.stamp();
                    let mut news = Vec::new();
                    self.task.feed.due(self.task.feed.config().venue_time(now), &mut news);
                    self.take(news, now);
                    self.mind_clocks(now).await;
                    self.ask(now);
                    self.mind_depth().await;
                }
                _ = stop.changed() => {}
            }
        }
    }

    /// Something happened to the socket that is to take the place of `socket`, and does so as soon as everything is whole on it.
    async fn beside(&mut self, news: News, socket: &mut Socket) -> Result<(), ()> {
        let venue = self.task.venue.name();
        match news {
            News::Due => {
                let (_, now, _) = self.stamp();
                self.backoff.connect(now);
                self.successor.open(self.task.venue, self.task.dialer.clone(), &self.task.hosts);
            }
            News::Opened(Err(error)) | News::Heard(Err(error)) => {
                self.task.health.note(format!("{venue}: the socket beside: {error}"));
                self.successor.postpone();
            }
            News::Opened(Ok(open)) => {
                self.opened += 1;
                let (conn, texts) = (self.opened, self.task.feed.subscriptions().into());
                self.successor = Successor::Open { socket: open, conn, texts };
                let first = std::mem::replace(&mut self.conn, conn);
                self.keep(FrameKind::Beside, Vec::new()).await;
                self.conn = first;
            }
            News::Heard(Ok(text)) => {
                let Successor::Open { conn, .. } = self.successor else { return Ok(()) };
                let first = std::mem::replace(&mut self.conn, conn);
                self.put(FrameKind::Text, text.as_bytes().to_vec()).map_err(drop)?;
                if self.task.feed.is_beside() {
                    self.conn = first;
                    return Ok(());
                }
                if let Successor::Open { socket: open, texts, .. } = std::mem::take(&mut self.successor) {
                    self.texts = texts;
                    tokio::spawn(std::mem::replace(socket, *open).close());
                    self.task.health.note(format!("{venue}: the new socket is heard, nothing is missing"));
                }
            }
        }
        Ok(())
    }

    /// Says on the socket beside what it is to hear.
    async fn subscribe_beside(&mut self) {
        while self.may_say() {
            let Successor::Open { socket, texts, .. } = &mut self.successor else { return };
            let Some(text) = texts.pop_front() else { return };
            self.tokens.0 -= 1.0;
            if let Err(error) = socket.send(&text).await {
                self.task.health.note(format!("{}: the socket beside: {error}", self.task.venue.name()));
                self.successor.postpone();
            }
        }
    }

    /// What may be said now: a venue takes only so many texts a minute.
    fn next_text(&mut self) -> Option<String> {
        let may_say = self.may_say();
        let text = self.texts.pop_front_if(|_| may_say)?;
        self.tokens.0 -= 1.0;
        Some(text)
    }

    fn may_say(&mut self) -> bool {
        let (tokens, since) = self.tokens;
        let now = Instant::now();
        let tokens = (tokens + now.duration_since(since).as_secs_f64() * TEXTS_PER_SEC).min(TEXTS_AT_ONCE);
        self.tokens = (tokens, now);
        tokens >= 1.0
    }
}

fn words(which: &RestRequest) -> String {
    match which {
        RestRequest::Markets => "the markets".to_owned(),
        RestRequest::MarginRules { symbol } => format!("the margin rules of {symbol}"),
        RestRequest::Fundings { symbol } => format!("the fundings of {symbol}"),
        RestRequest::Trades { symbol } => format!("the trades of {symbol}"),
        RestRequest::Time => "the time".to_owned(),
    }
}

/// The reply to what was asked; never, while nothing is.
async fn answered(asked: &mut Option<(Wanted, oneshot::Receiver<Reply>)>) -> Reply {
    match asked {
        Some((_, reply)) => reply.await.unwrap_or_else(|_| Err("nobody carries requests any more".to_owned())),
        None => std::future::pending().await,
    }
}
