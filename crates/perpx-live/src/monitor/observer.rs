//! What the thread that decides tells those who watch: counts where they happen, a snapshot once a second and at each transition.
//! It waits for nobody.

use super::orders::OpenOrders;
use super::picture::{self, Scene};
use super::shared::{Control, Notice, Shared};
use super::snapshot::{Counts, JournalHealth, Latency, Level, Phase, Reconciled, Snapshot, Stream, Trouble};
use crate::alerts::rules::{ALONE, DOUBT};
use crate::control::snapshot::InForce;
use crate::control::verbs::{By, Verb};
use crate::service::Manager;
use crate::transport::Inbound;
use perpx_core::ledger::Belief;
use perpx_core::market::{Command, Event, EventBody, Reject, Role};
use perpx_core::port::Trader;
use perpx_core::replay::{Job, RunState, VenuePort};
use perpx_core::signals::TileSignals;
use perpx_core::stats::FullRecord;
use perpx_core::strategy::{Plan, State, reason_name, state_name};
use perpx_core::tape::Tile;
use perpx_core::trader::Composite;
use perpx_core::units::{SECOND, Time, TimeDelta};
use perpx_venues::client::{About, AccountUpdate, Answer, Holding, MarketUpdate, Output, Shut, Stream as Opened};
use perpx_venues::recorder::clock::{EngineClock, Reading};
use perpx_venues::wall;
use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

/// Between two snapshots.
const EVERY: Duration = Duration::from_secs(1);
/// Times of which quantiles are made.
const MOST_TIMES: usize = 400;
/// What a stream of the account alone is called: it may be silent for long.
pub const ACCOUNT: &str = "account";
/// Any other one is taken for dead after so many seconds.
const SILENT: f64 = 10.0;
/// The oldest record of the journal waits, seconds.
const SLOW: f64 = 1.0;
/// Orders of which the share of refusals is made.
const REFUSALS: usize = 20;
/// What went wrong is shown for so long.
const TROUBLED: Duration = Duration::from_secs(60);

/// The newest times of one kind, seconds.
#[derive(Default)]
struct Times(VecDeque<f64>);

impl Times {
    fn add(&mut self, seconds: f64) {
        if self.0.len() >= MOST_TIMES {
            self.0.pop_front();
        }
        self.0.push_back(seconds);
    }

    /// Half, and 99 of 100, are at or below.
    fn quantiles(&self) -> Option<(f64, f64)> {
        let mut sorted: Vec<f64> = self.0.iter().copied().collect();
        sorted.sort_by(f64::total_cmp);
        let at = |share: f64| sorted[((sorted.len() as f64 * share).ceil() as usize).clamp(1, sorted.len()) - 1];
        (!sorted.is_empty()).then(|| (at(0.5), at(0.99)))
    }
}

/// What each of a venue's streams carries.
pub fn stream_names(streams: &[Opened]) -> Vec<&'static str> {
    let is_split = streams.iter().any(|stream| stream.is_private);
    let name = |stream: &Opened| match stream.is_private {
        true => ACCOUNT,
        false if is_split => "market",
        false => "all",
    };
    streams.iter().map(name).collect()
}

fn in_words(command: &Command) -> String {
    match command {
        Command::Place(order) => {
            let only = if order.reduce_only { ", reduces" } else { "" };
            format!(
                "order {}: {} {} at {}, {:?}{only}",
                order.id.0,
                order.side.name(),
                order.qty,
                order.limit,
                order.kind
            )
        }
        Command::Cancel { id, .. } => format!("cancels order {}", id.0),
        Command::Modify { id, qty, limit, .. } => format!("changes order {}: {qty} at {limit}", id.0),
        Command::Query { id, .. } => format!("asks for order {}", id.0),
    }
}

/// A leg has no counterpart in a state that should have one.
fn is_alone(plan: &Plan, belief: &Belief, state: u8) -> bool {
    let stands_alone = [State::FirstLeg, State::LongOnly, State::ShortOnly].map(|state| state as u8);
    let difference = (belief.qty(Role::Long) - belief.qty(Role::Short)).abs();
    difference >= plan.common_lot && !stands_alone.contains(&state)
}

/// A stream as it is counted.
struct Counted {
    name: &'static str,
    is_open: bool,
    newest: Option<Instant>,
    frames: u64,
    /// At the last snapshot.
    frames_before: u64,
    opened: u64,
}

/// What a venue said of the account.
struct Said {
    /// When.
    wall: Time,
    holding: Holding,
    /// Nothing was booked since.
    is_newest: bool,
}

/// The eyes of those who watch, held by the thread that decides.
pub struct Observer {
    shared: Arc<Shared>,
    manager: Option<Manager>,
    orders: OpenOrders,
    /// By role and number.
    streams: [Vec<Counted>; 2],
    /// By role: of requests, of fills, of quotes.
    times: [[Times; 3]; 2],
    /// By role.
    said: [Option<Said>; 2],
    /// By role: what the venue lets be seen against an opening.
    shut: [Shut; 2],
    troubles: BTreeMap<(&'static str, String), (Instant, Level, String)>,
    counts: Counts,
    /// The newest orders that a venue took or refused: whether it refused.
    refused: VecDeque<bool>,
    clock: EngineClock,
    phase: Phase,
    /// Transitions and trades that were reported of; `None`: no look was taken yet.
    reported: (usize, Option<usize>),
    /// Why the present state was entered; empty: a process before did.
    reason: &'static str,
    alone_since: Option<Instant>,
    /// As of the last look: a leg is alone, something is hedged, so many orders are in doubt, for as long as is alerted.
    lasts: (bool, bool, usize),
    /// The market's day, and the equity at its first sample.
    day: Option<(i64, f64)>,
    next_timer: Option<Time>,
    /// Texts since the last look.
    waiting: i64,
    last: Instant,
}

impl Observer {
    pub(super) fn new(shared: Arc<Shared>) -> Observer {
        Observer {
            shared,
            manager: Manager::of_environment(),
            orders: OpenOrders::default(),
            streams: Default::default(),
            times: Default::default(),
            said: [None, None],
            shut: Default::default(),
            troubles: BTreeMap::new(),
            counts: Counts::default(),
            refused: VecDeque::new(),
            clock: EngineClock::new(Reading::now(), None),
            phase: Phase::Starting,
            reported: (0, None),
            reason: "",
            alone_since: None,
            lasts: (false, false, 0),
            day: None,
            next_timer: None,
            waiting: 0,
            last: Instant::now(),
        }
    }

    /// The thread lives.
    pub fn beat(&mut self) {
        self.shared.beat();
        if let Some(manager) = &mut self.manager {
            manager.beat();
        }
    }

    fn name(&self, venue: usize) -> String {
        self.shared.identity.venues[venue].clone()
    }

    fn labels(&self, venue: usize, more: Option<(&'static str, &str)>) -> Vec<(&'static str, String)> {
        let more = more.map(|(label, value)| (label, value.to_owned()));
        [("venue", self.name(venue))].into_iter().chain(more).collect()
    }

    /// From now on verbs are heard.
    pub fn control(&self, control: Control) {
        self.shared.set_control(control);
    }

    /// What a venue's streams carry, by number.
    pub fn streams(&mut self, venue: usize, names: Vec<&'static str>) {
        let counted = |name| Counted { name, is_open: false, newest: None, frames: 0, frames_before: 0, opened: 0 };
        self.streams[venue] = names.into_iter().map(counted).collect();
    }

    /// Something came.
    pub fn inbound(&mut self, inbound: &Inbound) {
        self.waiting += 1;
        let now = Instant::now();
        match inbound {
            Inbound::Open { venue, stream } => {
                let Some(counted) = self.streams[*venue].get_mut(*stream) else { return };
                // a venue that takes the connection and says nothing is silent all the same
                counted.newest.get_or_insert(now);
                counted.is_open = true;
                counted.opened += 1;
                if counted.opened > 1 {
                    let labels = self.labels(*venue, Some(("stream", self.streams[*venue][*stream].name)));
                    self.shared.metrics.reconnects.get_or_create(&labels).inc();
                }
            }
            Inbound::Text { venue, stream, .. } => {
                let Some(counted) = self.streams[*venue].get_mut(*stream) else { return };
                (counted.is_open, counted.newest) = (true, Some(now));
                counted.frames += 1;
                let labels = self.labels(*venue, Some(("stream", self.streams[*venue][*stream].name)));
                self.shared.metrics.frames.get_or_create(&labels).inc();
            }
            Inbound::Reply { venue, about, reply, .. } => self.replied(*venue, *about, reply.as_ref().ok(), now),
            Inbound::Warmed { .. } => {}
            Inbound::TurnedAway { venue } => {
                let words = "blocked by a gateway: a stream is refused".to_owned();
                self.trouble("gateway", &self.name(*venue), Level::Critical, words);
            }
        }
    }

    /// The answer to a request; `None`: nobody knows.
    fn replied(&mut self, venue: usize, about: About, answer: Option<&Answer>, now: Instant) {
        let name = self.name(venue);
        let order = match about {
            About::Place(id) | About::Cancel(id) => Some(id),
            _ => None,
        };
        if let About::Place(id) = about
            && let Some(sent) = self.orders.sent_at(venue, id)
        {
            let took = now.duration_since(sent).as_secs_f64();
            self.times[venue][0].add(took);
            self.shared.metrics.ack.get_or_create(&self.labels(venue, None)).observe(took);
        }
        let is_unknown = answer.is_none_or(|answer| answer.is_page() || answer.status >= 500);
        if order.is_some() && is_unknown {
            self.counts.unknown += 1;
            self.shared.metrics.unknown.get_or_create(&self.labels(venue, None)).inc();
        }
        match answer {
            Some(answer) if answer.status == 429 => {
                self.counts.limited += 1;
                self.trouble("limited", &name, Level::Warning, "asked too much: it answers 429".to_owned());
            }
            Some(answer) if answer.is_page() => {
                let words = format!("blocked by a gateway: a page for people answers ({})", answer.status);
                self.trouble("gateway", &name, Level::Critical, words);
            }
            Some(answer) if answer.refuses_key() => {
                self.trouble("login", &name, Level::Critical, "the key is refused".to_owned());
            }
            Some(answer) if about == About::Login && answer.status >= 400 => {
                let words = format!("the login is refused ({})", answer.status);
                self.trouble("login", &name, Level::Critical, words);
            }
            _ => {}
        }
    }

    /// Something goes wrong, and may go on.
    fn trouble(&mut self, rule: &'static str, subject: &str, level: Level, words: String) {
        self.troubles.insert((rule, subject.to_owned()), (Instant::now(), level, words));
    }

    /// What a client made of what came.
    pub fn heard(&mut self, venue: usize, output: &Output, now: Time) {
        for update in &output.market {
            if let MarketUpdate::Quote { exch, .. } = update {
                let delay = now.since(*exch).as_f64(SECOND);
                self.times[venue][2].add(delay);
                self.shared.metrics.delay.get_or_create(&self.labels(venue, None)).observe(delay);
            }
        }
        for update in &output.account {
            match update {
                AccountUpdate::Holding(holding) => {
                    self.said[venue] = Some(Said { wall: now, holding: holding.clone(), is_newest: true });
                }
                AccountUpdate::Shut(shut) => self.shut[venue] = shut.clone(),
                _ => {}
            }
        }
    }

    /// Something happened to an order or to the account.
    pub fn event(&mut self, event: &Event) {
        let venue = event.venue.ix();
        if let Some(took) = self.orders.heard(event, Instant::now()) {
            let took = took.as_secs_f64();
            self.times[venue][1].add(took);
            self.shared.metrics.fill.get_or_create(&self.labels(venue, None)).observe(took);
        }
        self.count_refusals(&event.body);
        if let Some(said) = self.said[venue].as_mut().filter(|_| event.body.is_entry()) {
            said.is_newest = false;
        }
        match event.body {
            EventBody::Rejected { id, reason } => {
                if reason == Reject::Unavailable {
                    let words = "it takes no such orders now".to_owned();
                    self.trouble("closed", &self.name(venue), Level::Warning, words);
                }
                self.counts.rejects += 1;
                let reason = format!("{reason:?}");
                let labels = self.labels(venue, Some(("reason", &reason)));
                self.shared.metrics.rejects.get_or_create(&labels).inc();
                let words = format!("{}: order {} was refused: {reason}", self.name(venue), id.0);
                self.say("reject", &self.name(venue), Level::Info, words, event.at);
            }
            EventBody::Fill { id, side, px, qty, fee, .. } => {
                let words =
                    format!("{}: order {} filled: {} {qty} at {px}, fee {fee}", self.name(venue), id.0, side.name());
                self.say("fill", &self.name(venue), Level::Debug, words, event.at);
            }
            EventBody::Funding { amount, .. } => {
                let words = format!("{}: funding {amount}", self.name(venue));
                self.say("funding", &self.name(venue), Level::Debug, words, event.at);
            }
            EventBody::Liquidated { px, qty, .. } => {
                let words = format!("{} closed {qty} of our leg at {px}", self.name(venue));
                self.say("liquidation", &self.name(venue), Level::Critical, words, event.at);
            }
            _ => {}
        }
    }

    fn count_refusals(&mut self, body: &EventBody) {
        let is_refused = match body {
            // it was to rest and would have taken: the market moved
            EventBody::Rejected { reason: Reject::PostOnlyCross, .. } => return,
            EventBody::Rejected { .. } => true,
            EventBody::Accepted { .. } | EventBody::Done { .. } => false,
            _ => return,
        };
        self.refused.truncate(REFUSALS - 1);
        self.refused.push_front(is_refused);
        let refused = self.refused.iter().filter(|refused| **refused).count();
        let is_enough = self.refused.len() == REFUSALS;
        self.counts.reject_rate = is_enough.then(|| refused as f64 / REFUSALS as f64);
    }

    /// What both venues said of the accounts, beside what is believed.
    fn reconciled(&self, belief: &Belief) -> Option<Reconciled> {
        let [Some(long), Some(short)] = &self.said else { return None };
        let of = |said: &Said, role: Role| {
            let (held, book) = (&said.holding, &belief.books[role.ix()]);
            let difference = || ((held.position - book.position()).as_f64(), (held.cash - book.cash).as_f64());
            said.is_newest.then(difference)
        };
        Some(Reconciled {
            wall: long.wall.min(short.wall),
            differences: [of(long, Role::Long), of(short, Role::Short)],
            open_orders: [long.holding.orders.len(), short.holding.orders.len()],
        })
    }

    /// Both venues were asked at the end: the last picture shows what they said.
    pub fn compared(&mut self, belief: &Belief) {
        if let Some(last) = self.shared.snapshot() {
            let (reconciled, wall) = (self.reconciled(belief), wall::now());
            self.shared.publish(Snapshot { reconciled, wall, ..(*last).clone() });
        }
    }

    /// Commands leave; `may_leave`: those that do not are refused here.
    pub fn commands(&mut self, commands: &[Command], may_leave: Option<&[bool]>, at: Time) {
        let now = Instant::now();
        for (n, command) in commands.iter().enumerate() {
            if may_leave.is_some_and(|may_leave| !may_leave[n]) {
                continue;
            }
            let kind = match command {
                Command::Place(_) => "place",
                Command::Cancel { .. } => "cancel",
                Command::Modify { .. } => "modify",
                Command::Query { .. } => "query",
            };
            let venue = command.venue().ix();
            self.shared.metrics.commands.get_or_create(&self.labels(venue, Some(("kind", kind)))).inc();
            self.orders.sent(command, now);
            self.counts.commands += 1;
            let words = format!("{}: {}", self.name(venue), in_words(command));
            self.say("command", &self.name(venue), Level::Debug, words, at);
            if self.counts.commands == 1 {
                let words = format!("the first order of this process leaves for {}", self.name(venue));
                self.say("first order", "run", Level::Info, words, at);
            }
        }
    }

    /// One look of the thread that decides is over.
    pub fn look<P: VenuePort>(
        &mut self,
        (run, job): (&RunState<Composite, P>, &Job<'_, Composite>),
        (tile, signals): (&Tile, &TileSignals),
        record: &FullRecord,
        (journal, is_stopping): (Option<JournalHealth>, bool),
    ) {
        self.beat();
        let scene = Scene::last(tile, signals, Time(tile.end.0 - 1));
        self.phase = if is_stopping { Phase::Closing } else { Phase::Running };
        if let Some(due) = self.next_timer.filter(|due| *due <= scene.now) {
            let late = scene.now.since(due).as_f64(SECOND) / self.shared.identity.speed.max(1e-9);
            self.shared.metrics.lateness.observe(late);
        }
        self.next_timer = run.trader().next_timer();
        self.shared.metrics.queue.set(std::mem::take(&mut self.waiting));
        let has_news = self.report_changes(record, &run.tally().pnls) | self.looks_wrong((run, job));
        if !self.shared.has_snapshot()
            && let Some(manager) = &self.manager
        {
            manager.say("READY=1");
        }
        if has_news || self.last.elapsed() >= EVERY || !self.shared.has_snapshot() {
            self.publish((run, job), &scene, journal);
        }
    }

    /// Whether something has begun, or ended, that is alerted when it lasts for seconds: those who watch are to know of each.
    fn looks_wrong<P: VenuePort>(&mut self, (run, job): (&RunState<Composite, P>, &Job<'_, Composite>)) -> bool {
        let now = Instant::now();
        let is_alone = is_alone(job.plan, run.belief(), run.trader().state());
        self.alone_since = is_alone.then(|| self.alone_since.unwrap_or(now));
        let is_long_alone = self.alone_since.is_some_and(|since| now.duration_since(since) > ALONE);
        let lasts = (is_long_alone, run.trader().is_hedging(), self.orders.in_doubt_for(DOUBT, now));
        std::mem::replace(&mut self.lasts, lasts) != lasts
    }

    /// Transitions and trades since the last look; whether there were any.
    /// All of a record was looked at.
    pub fn has_seen(&mut self, record: &FullRecord) {
        self.reported.0 = record.transitions.len();
    }

    fn report_changes(&mut self, record: &FullRecord, pnls: &[f64]) -> bool {
        let (transitions, trades) = self.reported;
        // those of earlier processes were reported by them
        let trades = trades.unwrap_or(pnls.len());
        self.reported = (record.transitions.len(), Some(pnls.len()));
        for row in &record.transitions[transitions.min(self.reported.0)..] {
            let t = &row.transition;
            let (from, to, reason) = (state_name(t.from), state_name(t.to), reason_name(t.reason));
            self.reason = reason;
            let words = format!("{from} to {to}: {reason}, equity {:.4}", row.equity.as_f64());
            self.say("state", "run", Level::Info, words, row.at);
        }
        let at = record.transitions.last().map_or(Time::MIN, |row| row.at);
        for (n, pnl) in pnls.iter().enumerate().skip(trades) {
            self.say("trade", "run", Level::Info, format!("trade {} is closed: {pnl:+.4}", n + 1), at);
        }
        self.reported != (transitions, Some(trades))
    }

    fn publish<P: VenuePort>(
        &mut self,
        (run, job): (&RunState<Composite, P>, &Job<'_, Composite>),
        scene: &Scene<'_>,
        journal: Option<JournalHealth>,
    ) {
        let (plan, belief, now) = (job.plan, run.belief(), Instant::now());
        if let (_, Some(step)) = self.clock.at(Reading::now()) {
            self.shared.metrics.clock_steps.inc();
            let words = format!("the machine's clock was set by {:.3} s", step.as_f64(SECOND));
            self.trouble("clock", "wall", Level::Warning, words);
        }
        self.slow_disk(journal.as_ref());
        self.troubles.retain(|_, (at, ..)| now.duration_since(*at) < TROUBLED);
        let day = &mut self.day;
        let money = picture::money(run, job, scene, |equity| {
            let base = day.filter(|(of, _)| *of == scene.now.day()).unwrap_or((scene.now.day(), equity));
            *day = Some(base);
            base.1
        });
        let state = run.trader().state();
        let orders = self.orders.shown(now);
        let troubles = self.shown_troubles(journal.as_ref().is_some_and(|journal| journal.lost.is_some()));
        let venues = &self.shared.identity.venues;
        let snapshot = Snapshot {
            wall: wall::now(),
            at: scene.now,
            phase: self.phase,
            state,
            since: run.tally().state_since().max(job.from),
            reason: self.reason,
            alone: self.alone_since.map(|since| now.duration_since(since).as_secs_f64()),
            is_hedging: run.trader().is_hedging(),
            verbs: Vec::new(),
            shut_by: Vec::new(),
            money,
            legs: Role::BOTH.map(|role| {
                picture::leg(
                    &belief.books[role.ix()],
                    plan,
                    scene,
                    self.said[role.ix()].as_ref().map(|said| &said.holding),
                )
            }),
            orders,
            gates: picture::gates(plan, venues, scene),
            spread: picture::spread(plan, scene),
            streams: self.shown_streams(now),
            latency: [0, 1].map(|v: usize| {
                let [ack, fill, feed] = &self.times[v];
                Latency { ack: ack.quantiles(), fill: fill.quantiles(), feed: feed.quantiles() }
            }),
            clocks: [None; 2],
            lane: None,
            orders_left: [None; 2],
            journal,
            reconciled: self.reconciled(belief),
            troubles,
            trades: run.tally().pnls.len(),
            counts: self.counts,
        };
        self.last = now;
        self.shared.publish(self.with_control(snapshot));
    }

    /// A slow disk takes each record by itself: that one came through says little of the next.
    fn slow_disk(&mut self, journal: Option<&JournalHealth>) {
        if let Some(JournalHealth { waits, lost: None, .. }) = journal
            && *waits > SLOW
        {
            let words = format!("the disk is slow: a record waits {waits:.1} s");
            self.trouble("journal", "journal", Level::Warning, words);
        }
    }

    /// What an operator and the limits say, beside what is seen.
    fn with_control(&self, mut snapshot: Snapshot) -> Snapshot {
        let Some(control) = self.shared.control() else { return snapshot };
        let said = control.shown.lock().unwrap_or_else(PoisonError::into_inner);
        let verb = |verb: &InForce| {
            let By { who, reason, .. } = &verb.by;
            let reason = if reason.is_empty() { String::new() } else { format!(": {reason}") };
            format!("{} by {who}{reason}", verb.verb.name())
        };
        snapshot.verbs = said.verbs.iter().map(verb).collect();
        snapshot.shut_by.clone_from(&said.why_not);
        let is_closing = |verb: &InForce| [Verb::Park, Verb::Flatten, Verb::Kill].contains(&verb.verb);
        if said.verbs.iter().any(is_closing) {
            snapshot.phase = Phase::Closing;
        }
        snapshot.money.day_limit = said.loss_limits[0];
        let seconds = |ns: i64| TimeDelta(ns).as_f64(SECOND);
        snapshot.clocks =
            said.clocks.map(|clock| clock.map(|clock| (seconds(clock.offset_ns), seconds(clock.bound_ns))));
        snapshot.lane = said.lane_ms.map(|ms| ms / 1e3);
        snapshot.orders_left = said.orders_left;
        snapshot.money.unexplained = Some(said.unexplained).filter(|amount| *amount != 0.0);
        for held in said.held.iter().filter(|held| !held.differs.is_empty()) {
            snapshot.troubles.push(Trouble {
                rule: "difference",
                subject: held.venue.clone(),
                level: Level::Critical,
                words: held.differs.join("; "),
            });
        }
        for (key, count) in &said.refusals {
            let labels = vec![("key", (*key).to_owned())];
            self.shared.metrics.refusals.get_or_create(&labels).inner().store(*count, Ordering::Relaxed);
        }
        snapshot
    }

    /// One for each rule and subject: what a venue says of itself, else what went wrong there just now.
    fn shown_troubles(&self, is_lost: bool) -> Vec<Trouble> {
        let trouble = |rule, subject: String, level, words| Trouble { rule, subject, level, words };
        let mut all: Vec<Trouble> = Vec::new();
        for (venue, shut) in self.shut.iter().enumerate() {
            let of = |rule, words: &str| trouble(rule, self.name(venue), Level::Warning, words.to_owned());
            all.extend(shut.book.map(|words| of("book", words)));
            all.extend(shut.market.as_ref().map(|closed| of("closed", closed.words())));
        }
        for ((rule, subject), (_, level, words)) in &self.troubles {
            let is_graver = *rule == "journal" && is_lost;
            if !is_graver && !all.iter().any(|known| (known.rule, &known.subject) == (*rule, subject)) {
                all.push(trouble(rule, subject.clone(), *level, words.clone()));
            }
        }
        all
    }

    fn shown_streams(&mut self, now: Instant) -> Vec<Stream> {
        let passed = now.duration_since(self.last).as_secs_f64().max(1e-3);
        let mut shown = Vec::new();
        for (venue, streams) in self.streams.iter_mut().enumerate() {
            for counted in streams {
                let age = counted.newest.map(|newest| now.duration_since(newest).as_secs_f64());
                shown.push(Stream {
                    venue,
                    name: counted.name.to_owned(),
                    is_open: counted.is_open && (counted.name == ACCOUNT || age.is_some_and(|age| age < SILENT)),
                    age,
                    rate: (counted.frames - counted.frames_before) as f64 / passed,
                    frames: counted.frames,
                    reconnects: counted.opened.saturating_sub(1),
                });
                counted.frames_before = counted.frames;
            }
        }
        shown
    }

    /// Something happened, at a time of the market.
    pub fn say(&self, rule: &'static str, subject: &str, level: Level, words: String, at: Time) {
        self.shared.say(Notice { rule, subject: subject.to_owned(), level, words, wall: wall::now(), at });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::monitor::snapshot::Identity;
    use perpx_core::ledger::VenueBook;
    use perpx_core::market::{OrderId, Side};
    use perpx_core::units::{Cash, Mid, Price, Qty, Rate};

    /// What a venue said before a fill was booked is compared with nothing; what it says afterwards is.
    #[test]
    fn no_difference_is_made_of_an_old_answer() {
        let mut observer = Observer::new(Shared::new(Identity::default()).0);
        let book = |role| VenueBook::new(role, Cash(1), Rate(Rate::ONE), false, Cash::units(1_000));
        let mut belief = Belief::new(Role::BOTH.map(book));
        let said = |position| {
            let (cash, leverage, is_isolated) = (Cash::units(1_000), None, None);
            let (orders, other_positions) = (Vec::new(), Vec::new());
            let holding = Holding { cash, position, leverage, is_isolated, orders, other_positions };
            Output { account: vec![AccountUpdate::Holding(holding)], ..Output::default() }
        };
        assert!(observer.reconciled(&belief).is_none(), "nobody was asked");
        observer.heard(0, &said(Qty::ZERO), Time(5));
        observer.heard(1, &said(Qty::ZERO), Time(9));
        let first = observer.reconciled(&belief).expect("both said it");
        assert_eq!((first.wall, first.differences), (Time(5), [Some((0.0, 0.0)); 2]));
        let (id, side, px, qty) = (OrderId(1), Side::Buy, Price(1_000_000_000), Qty(2_000_000_000));
        let body = EventBody::Fill { id, side, px, qty, maker: false, fee: Cash::ZERO };
        belief.books[0].apply(&body);
        observer.event(&Event { at: Time(6), venue_time: Time(6), met: Mid::ZERO, venue: Role::Long, body });
        assert_eq!(observer.reconciled(&belief).expect("both").differences, [None, Some((0.0, 0.0))]);
        observer.heard(0, &said(qty), Time(12));
        let last = observer.reconciled(&belief).expect("both");
        assert_eq!((last.wall, last.differences[0].map(|(position, _)| position)), (Time(9), Some(0.0)));
    }
}
