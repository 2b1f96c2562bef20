//! The operator's side of a session. At each look it takes in what was said and what is measured, and says what the trader may do and
//! whether the run ends; it judges each command before it leaves; and it writes down what it decides.

use super::ears::{Ears, Heard, KILL, PAUSE, What, file, gone, say};
use super::reload::{Live, money, texts};
use super::snapshot::{Held, InForce, Snapshot};
use super::socket::Answer;
use super::truth::{Due, Truth};
use super::verbs::{By, Closes, Ending, SaidBefore, Settling, Standing, Verb, Verbs};
use crate::LiveError;
use crate::engine_time;
use crate::journal::log::Log;
use crate::limits::gate::{Around, Demand, Gate, Quote, Refusal, Sight, Venues, Verdict};
use crate::limits::keys::Key;
use crate::limits::loss::LossWatch;
use crate::live_file::{LiveFile, OnMismatch, OnStop};
use crate::monitor::picture::{self, Scene};
use crate::recovery::{FlattenBefore, Kept, Lost, Run};
use crate::rules_watch::{Reader, RulesWatch};
use crate::venue_clocks;
use perpx_core::config::{Config, World};
use perpx_core::market::{Command, Event, OrderId, Role};
use perpx_core::port::{Mandate, Trader};
use perpx_core::replay::{Job, RunState, VenuePort};
use perpx_core::signals::TileSignals;
use perpx_core::strategy::{Plan, State, state_name};
use perpx_core::tape::Tile;
use perpx_core::trader::Composite;
use perpx_core::units::{Cash, MS, Price, Qty, SECOND, Time, TimeDelta};
use perpx_data::atomic::write_atomic;
use perpx_venues::client::{About, ForeignFill, Holding, RunNumber, Shut, Transfer};
use perpx_venues::net::budget::OrderRoom;
use perpx_venues::net::lane::{PATIENCE, Warmed};
use perpx_venues::recorder::wall_state::Offset;
use std::collections::VecDeque;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Between two looks at the disk, and between two pictures for others.
const SELDOM: Duration = Duration::from_secs(1);
/// Between two questions whether a killed run is flat.
const AGAIN: Duration = Duration::from_secs(5);
/// Answers of a lane that count, and how old they may be.
const ANSWERS: usize = 10;
const YOUNG: Duration = Duration::from_secs(60);
const STATES: [State; 6] =
    [State::Idle, State::FirstLeg, State::Locking, State::Locked, State::LongOnly, State::ShortOnly];

/// Who does what was said before there was a process.
const AT_A_START: &str = "the start, as said before";

/// What a venue said of the account.
#[derive(Clone, Copy, Debug)]
struct Said {
    position: Qty,
    open_orders: usize,
    at: Instant,
    /// Nothing was booked since.
    is_newest: bool,
}

/// What a desk has to know of the processes before.
pub struct Begun {
    /// Under which this process sends.
    pub number: RunNumber,
    /// Ledger entries of the run so far.
    pub entries: u64,
    /// By role: what was found out of the accounts.
    pub kept: Option<[Kept; 2]>,
    /// The newest day, and the equity that it began with.
    pub day: Option<(i64, [Cash; 2])>,
    /// It does nothing but close what is held, and ends then.
    pub closing: Option<Closing>,
    /// What an operator has said while no process had the run.
    pub said: Vec<SaidBefore>,
    /// When the run was begun for the first time, by the wall.
    pub at: Time,
    /// What processes that ended flat had lost.
    pub lost: Option<Lost>,
    /// What was to be closed when the process before died.
    pub flatten: Option<FlattenBefore>,
}

/// Why a run does nothing but close what it holds.
pub struct Closing {
    /// In words.
    pub why: String,
    /// At once: not by the strategy's own exits, and not after a while.
    pub is_urgent: bool,
    /// By role: coins of legs that no machine knows.
    pub strays: Option<[Qty; 2]>,
}

/// The operator's side of one session.
pub struct Desk {
    ears: Ears,
    /// What was said before the run could go on.
    postponed: VecDeque<Heard>,
    gate: Gate,
    losses: LossWatch,
    verbs: Verbs,
    live: Live,
    run: PathBuf,
    /// By role: the venues.
    names: [String; 2],
    max_age: TimeDelta,
    park: TimeDelta,
    grace: TimeDelta,
    on_stop: OnStop,
    quotes: [Quote; 2],
    said: [Option<Said>; 2],
    /// By role: what the venue lets be seen against an opening.
    shut: [Shut; 2],
    mandate: Mandate,
    why_not: Vec<String>,
    /// Why a locked position is not closed yet, though it is to be.
    waits: Vec<String>,
    /// What the market says against an opening, and the run itself: it is judged where an order is made.
    also_not: Vec<String>,
    lanes: Lanes,
    /// By role: the venue's clock beside ours, once it is known.
    clocks: [Option<Offset>; 2],
    /// By role: how many orders the venue takes now.
    room: [Option<OrderRoom>; 2],
    disk: Option<(Instant, Option<u64>)>,
    /// The live.toml of which was said that it is not taken.
    bad_live: Option<String>,
    shared: Arc<Mutex<Snapshot>>,
    shown_at: Option<Instant>,
    /// When it was last said that the run ends.
    ended_at: Option<Instant>,
    truth: Truth,
    /// `None`: nobody reads them.
    rules: Option<RulesWatch>,
    /// Is done as soon as it is known to be there, or forgotten as soon as it is known not to be.
    said_before: Vec<SaidBefore>,
    /// Another process was found to trade the run.
    is_other_instance: bool,
}

impl Desk {
    /// Of the run in a folder whose LOCK this process has. `stop` is set when a stop is asked for.
    ///
    /// # Errors
    /// A live.toml that is none; no thread, no signals, no socket.
    pub fn open(
        (run, path): (&Path, &Path),
        (names, config): ([String; 2], &Config),
        stop: Arc<AtomicBool>,
    ) -> Result<Desk, LiveError> {
        let failed =
            |what, error: std::io::Error| LiveError::Folder { path: run.to_path_buf(), what, error: error.to_string() };
        let text = fs::read_to_string(path).map_err(|error| failed("its live.toml cannot be read", error))?;
        let name = path.display().to_string();
        let live = Live::begin(&name, &text)?;
        let LiveFile { park, grace, on_stop, on_mismatch, poll, .. } = LiveFile::parse(&name, &text)?;
        let ears = Ears::open(run, stop).map_err(|error| failed("signals and ctl.sock cannot be heard", error))?;
        Ok(Desk {
            ears,
            postponed: VecDeque::new(),
            gate: Gate::new(live.limits().clone(), Venues::of(&config.world), [Qty::ZERO; 2]),
            losses: LossWatch::new(Cash::ZERO),
            verbs: Verbs::default(),
            live,
            run: run.to_path_buf(),
            truth: Truth::new(names.clone(), config.strategy.leverage, poll, on_mismatch),
            said_before: Vec::new(),
            is_other_instance: false,
            rules: None,
            names,
            max_age: SECOND.times(5),
            park,
            grace,
            on_stop,
            quotes: [Quote::default(); 2],
            said: [None; 2],
            shut: Default::default(),
            mandate: Mandate { may_open: false, ..Mandate::FULL },
            why_not: vec!["nothing was looked at yet".to_owned()],
            waits: Vec::new(),
            also_not: Vec::new(),
            lanes: Lanes::default(),
            clocks: [None; 2],
            room: [None; 2],
            disk: None,
            bad_live: None,
            shared: Arc::default(),
            shown_at: None,
            ended_at: None,
        })
    }

    /// What the venues take and charge is read while the run goes on.
    ///
    /// # Errors
    /// The system gives no thread.
    pub fn read_rules(&mut self, (world, has_swept_fees): (&World, bool), reader: Reader) -> Result<(), LiveError> {
        self.rules = Some(RulesWatch::start(world, has_swept_fees, reader).map_err(LiveError::Threads)?);
        Ok(())
    }

    /// Trading begins `now`, or goes on with what a machine believes to hold and has still to hear.
    pub fn begin(&mut self, (job, now): (&Job<'_, Composite>, Time), resumed: Option<&Run>, begun: Begun) {
        let Begun { number, entries, kept, day, closing, said, at, lost, flatten } = begun;
        self.said_before = said;
        self.truth.begin(number, entries, (kept, at));
        if let Some(Closing { why, is_urgent, strays }) = closing {
            let by = By { who: "the start".to_owned(), reason: why, since: now };
            let how = match strays {
                _ if is_urgent => Closes::From(now),
                Some(_) => Closes::From(now.plus(self.grace)),
                None => Closes::ByExits,
            };
            self.verbs.only_close(by, how);
            strays.into_iter().for_each(|held| self.truth.left(held));
        }
        for (name, verb) in [(PAUSE, Verb::Pause), (KILL, Verb::Kill)] {
            if self.run.join(name).exists() {
                let by = By { who: file(name), reason: "it was there at the start".to_owned(), since: now };
                self.verbs.say(verb, by, None);
            }
        }
        if let Some(FlattenBefore { who, reason, venue }) = flatten {
            let leg = venue.and_then(|venue| self.names.iter().position(|name| *name == venue)).map(|v| Role::BOTH[v]);
            let why = if reason.is_empty() { String::new() } else { format!(": {reason}") };
            say(&format!("flatten by {who}, before this start{why}"));
            self.verbs.say(Verb::Flatten, By { who, reason, since: now }, leg);
        }
        self.gate.hold(Role::BOTH.map(|role| resumed.map_or(Qty::ZERO, |run| run.belief().qty(role))));
        resumed.iter().flat_map(|run| &run.venues().events).for_each(|event| self.gate.hear(event));
        self.losses = LossWatch::new(job.initial());
        day.into_iter().for_each(|day| self.losses.resume(day));
        lost.into_iter().for_each(|lost| self.losses.carry(lost, day.is_some()));
        self.max_age = job.plan.strategy.risk.max_quote_age;
    }

    /// What is lost, as of the last look.
    pub fn lost(&self) -> Option<Lost> {
        self.losses.lost()
    }

    /// For a page: what is in force and held, made anew each second.
    pub fn watch(&self) -> Arc<Mutex<Snapshot>> {
        self.shared.clone()
    }

    /// For a page: whoever may say verbs.
    pub fn says(&self) -> Sender<Heard> {
        self.ears.says()
    }

    /// What the trader may do.
    pub fn mandate(&self) -> Mandate {
        self.mandate
    }

    /// The newest rows, and what the strategy makes of them; whether the journal can be written.
    pub fn see(&mut self, plan: &Plan, (tile, signals): (&Tile, &TileSignals), log: Option<&Log>) {
        let local = &tile.local;
        let row = local.len() - 1;
        self.also_not = picture::shut_by(plan, &self.names, &Scene::last(tile, signals, Time(tile.end.0 - 1)));
        if self.gate.under_way().1.is_some() {
            self.also_not.push("an order is in doubt".to_owned());
        }
        if let Some(lost) = log.filter(|log| log.is_lost()).and_then(|log| log.health().lost) {
            self.also_not.push(format!("the journal is lost: {lost}"));
        }
        for role in Role::BOTH {
            let (mark, seen) = (local.mark(row).mark[role.ix()], Time(local.seen[role.ix()][row]));
            self.quotes[role.ix()] = Quote { bbo: local.bbo(row, role), mark, seen };
        }
    }

    /// What a venue told of an order or the account.
    pub fn hear(&mut self, event: &Event) {
        self.gate.hear(event);
        self.rules.iter_mut().for_each(|rules| rules.hear(event));
        self.truth.hear(event);
        if let Some(said) = self.said[event.venue.ix()].as_mut().filter(|_| event.body.is_entry()) {
            said.is_newest = false;
        }
    }

    /// What a venue says that the account holds.
    pub fn said(&mut self, venue: usize, holding: &Holding) {
        let (position, open_orders) = (holding.position, holding.orders.len());
        let is_newest = self.truth.said(venue, holding.clone());
        self.said[venue] = Some(Said { position, open_orders, at: Instant::now(), is_newest });
    }

    /// From now on this speaks against opening anything at a venue.
    pub fn shut(&mut self, venue: usize, shut: &Shut) {
        self.shut[venue] = shut.clone();
    }

    /// Somebody else's order filled on the account.
    pub fn foreign_fill(&mut self, now: Time, venue: usize, fill: &ForeignFill, log: Option<&mut Log>) {
        self.truth.foreign_fill((now, venue), fill, log);
    }

    /// All that was paid in or out of an account since the run began.
    pub fn transfers(&mut self, now: Time, venue: usize, all: &[Transfer], log: Option<&mut Log>) {
        self.truth.transfers((now, venue), all, log);
    }

    /// The stream of an account is open, for the first time or again.
    pub fn reopened(&mut self, venue: usize) {
        self.truth.reopened(venue);
    }

    /// What is to be done because of what was compared, once.
    pub fn take_due(&mut self) -> Due {
        self.truth.take_due()
    }

    /// By role: what differs there is confirmed, and is not ours to close.
    pub fn confirmed(&self) -> [bool; 2] {
        self.truth.confirmed()
    }

    /// By role: of the balance, what an operator has named.
    pub fn explained(&self) -> [Cash; 2] {
        self.truth.explained()
    }

    /// Another process trades the run: this one has closed what it held.
    pub fn is_other_instance(&self) -> bool {
        self.is_other_instance
    }

    /// A request about an order was answered, or will not be: so long its lane took.
    pub fn replied(&mut self, venue: usize, about: About, took: Option<Duration>) {
        if matches!(about, About::Place(_) | About::Cancel(_)) {
            self.lanes.answered(venue, took);
        }
    }

    /// A lane was kept warm: how long that took, and how far the venue's clock is known to be away.
    pub fn warmed(&mut self, (venue, is_of_orders): (usize, bool), warmed: &Warmed, clock: Option<Offset>) {
        let took = warmed.came.since(warmed.asked).0.max(0).unsigned_abs();
        if is_of_orders {
            self.lanes.warmed(venue, (warmed.reply.is_ok(), Duration::from_nanos(took)));
        }
        self.clocks[venue] = clock.or(self.clocks[venue]);
    }

    /// Clocks that are too far away for anything to open, in words.
    fn clocks_away(&self) -> Vec<String> {
        let far = self.names.iter().zip(self.clocks).filter_map(|(name, clock)| Some((name, clock?)));
        let far = far.filter(|(_, clock)| venue_clocks::drift(*clock) > venue_clocks::MOST);
        far.map(|(name, clock)| format!("clock: {}", venue_clocks::words(name, clock))).collect()
    }

    /// A command before it leaves; a refusal is written down.
    pub fn judge(
        &mut self,
        (now, command): (Time, &Command),
        run: &RunState<Composite, impl VenuePort>,
        log: Option<&mut Log>,
    ) -> Verdict {
        let around = self.around();
        let there = self.truth.held_there(&run.belief().books);
        let sight = Sight { there, ..sight((now, around), (self.quotes, self.said, self.mandate), run) };
        let verdict = self.gate.judge(command, &sight);
        if let (Command::Place(order), Verdict::Pass | Verdict::Amend(_)) = (command, &verdict) {
            self.truth.sends(order.id);
        }
        if let (Verdict::Refuse(refusal), Some(log)) = (&verdict, log) {
            log.gate(now, command, refusal);
        }
        verdict
    }

    /// How many orders the venues take now, by role.
    pub fn has_room(&mut self, room: [OrderRoom; 2]) {
        self.room = room.map(Some);
    }

    /// A command that was let through was not sent.
    pub fn withdraw(&mut self, id: OrderId) {
        self.gate.withdraw(id);
    }

    /// The run cannot go on yet: `status` is told why, what else is said is done as soon as it goes on. True: it is to end at once.
    pub fn wait(&mut self, why: &str) -> bool {
        while let Some(heard) = self.ears.heard() {
            let is_quit = matches!(heard.what, What::Say(Verb::Quit, _));
            let answer = match heard.what {
                What::Status => Answer { body: serde_json::json!({ "waits": why }), ..Answer::done(why) },
                What::Say(Verb::Quit, _) => Answer::done("the process ends at once; what is open stays open"),
                _ => Answer::done(format!("it is done as soon as the run goes on: {why}")),
            };
            let Heard { what, who, reason, answer: asked } = heard;
            if let Some(asked) = asked {
                // whoever asked may have gone
                let _ = asked.send(answer);
            }
            if is_quit {
                return true;
            }
            if what != What::Status {
                self.postponed.push_back(Heard { what, who, reason, answer: None });
            }
        }
        false
    }

    /// Takes in what was said and measured; how the run ends, if it does now.
    pub fn look(
        &mut self,
        now: Time,
        run: &RunState<Composite, impl VenuePort>,
        mut log: Option<&mut Log>,
    ) -> Option<Ending> {
        let trader = run.trader();
        let state = STATES[usize::from(trader.state()).min(STATES.len() - 1)];
        let standing =
            Standing { state, is_quiet: trader.is_quiet() && !self.truth.has_left(), is_flat: run.belief().is_flat() };
        while let Some(heard) = self.postponed.pop_front().or_else(|| self.ears.heard()) {
            self.take(heard, (now, run), log.as_deref_mut());
        }
        self.verbs.pass(now);
        self.compare(now, run, log.as_deref_mut());
        self.look_at_rules();
        self.demands(now, standing, run, log.as_deref_mut());
        // that venues say so of one that was killed is asked now and then
        let is_asked = self.ended_at.is_some_and(|at| at.elapsed() < AGAIN);
        let ending = self.verbs.look(standing).filter(|_| !is_asked);
        if ending.is_some() {
            self.ended_at = Some(Instant::now());
        }
        self.permit(now, standing, run, log);
        if self.shown_at.is_none_or(|at| at.elapsed() >= SELDOM) {
            self.shown_at = Some(Instant::now());
            let snapshot = self.snapshot(now, run);
            *self.shared.lock().unwrap_or_else(PoisonError::into_inner) = snapshot;
        }
        ending
    }

    /// What the venues said beside what is believed.
    fn compare(&mut self, now: Time, run: &RunState<Composite, impl VenuePort>, mut log: Option<&mut Log>) {
        let books = &run.belief().books;
        let orders = Role::BOTH.map(|role| {
            let own = || run.trader().orders().iter().filter(|order| order.role == role);
            (own().map(|order| order.id).collect(), own().any(|order| !order.is_resting()))
        });
        let found = self.truth.look(now, books, orders, log.as_deref_mut());
        self.do_what_was_said(now, run, log.as_deref_mut());
        let verbs: &[Verb] = match found.mismatch {
            _ if found.is_other_instance && self.is_other_instance => &[],
            _ if found.is_other_instance => &[Verb::Flatten, Verb::Park],
            Some(OnMismatch::Park) => &[Verb::Park],
            Some(OnMismatch::Flatten) => &[Verb::Flatten],
            Some(OnMismatch::Hold) | None => &[],
        };
        let (who, reason) = match found.is_other_instance {
            true => ("reconciliation", "another process trades this run"),
            false => ("on_mismatch", "a position is another one than believed"),
        };
        self.is_other_instance |= found.is_other_instance;
        for verb in verbs.iter().filter(|verb| !self.verbs.is_ending() && !self.verbs.is(**verb)).collect::<Vec<_>>() {
            self.take_verb((*verb, None), (now, who, reason), log.as_deref_mut());
        }
        if self.verbs.is(Verb::Kill) || self.verbs.is(Verb::Flatten) {
            self.truth.book_left(self.prices());
            self.truth.adopt_gone(now, books, self.prices(), log);
        }
    }

    /// What an operator has said of a difference while no process had the run.
    fn do_what_was_said(&mut self, now: Time, run: &RunState<Composite, impl VenuePort>, mut log: Option<&mut Log>) {
        for said in std::mem::take(&mut self.said_before) {
            let Ok(Some(role)) = self.named(Some(&said.venue)) else { continue };
            let is_priced = self.prices()[role.ix()].0 > 0;
            match self.truth.is_there(said.settling, role, &run.belief().books) {
                Some(true) if is_priced => {
                    let by = (AT_A_START, said.reason.as_str());
                    let answer = self.settle(said.settling, role, (now, run), by, log.as_deref_mut());
                    if answer.code != 0 {
                        say(&answer.text);
                    }
                }
                Some(false) => {
                    let verb = said.settling.of(&said.venue);
                    say(&format!("{verb}, said before the start: nothing of it is there, and it is forgotten"));
                    if let Some(log) = log.as_deref_mut() {
                        log.operator(now, &verb, AT_A_START, "nothing of it is there");
                    }
                }
                _ => self.said_before.push(said),
            }
        }
    }

    /// What the venues say that they take: closes go by it at once.
    fn look_at_rules(&mut self) {
        let Some(rules) = &mut self.rules else { return };
        for (v, said) in rules.look().into_iter().enumerate() {
            said.into_iter().for_each(|said| self.gate.set_rules(Role::BOTH[v], said));
        }
        for (name, lines) in self.names.iter().zip(rules.take_unsaid()) {
            lines.iter().for_each(|line| say(&format!("{name}: {line}")));
        }
    }

    /// By role: rules and fees that are worse than swept, in words.
    fn worse_rules(&self) -> [Vec<String>; 2] {
        let worse = self.rules.as_ref().map(RulesWatch::worse).cloned().unwrap_or_default();
        worse.map(|all| all.iter().map(|words| format!("{words} (until `resume`)")).collect())
    }

    /// By role: what the leg is worth by its venue; zero: not known.
    fn prices(&self) -> [Price; 2] {
        self.quotes.map(|quote| if quote.mark.0 > 0 { quote.mark } else { quote.bbo.mid_or_none().price() })
    }

    /// What limits ask for.
    fn demands(
        &mut self,
        now: Time,
        standing: Standing,
        run: &RunState<Composite, impl VenuePort>,
        mut log: Option<&mut Log>,
    ) {
        let around = self.around();
        let sight = sight((now, around), (self.quotes, self.said, self.mandate), run);
        let demand = self.gate.look(&sight);
        let expected = self.gate.expected(&sight);
        let books = (&run.belief().books, self.quotes);
        let found =
            self.losses.look(self.live.limits(), (now, self.max_age), books, (expected, self.truth.unexplained()));
        if let (Some(base), Some(log)) = (found.base, log.as_deref_mut()) {
            log.day(now, base);
        }
        let demand = demand.or(found.broken.map(Demand::Flatten));
        let (verb, Refusal { key, value, limit }) = match demand {
            Some(Demand::Pause(refusal)) => (Verb::Pause, refusal),
            Some(Demand::Flatten(refusal)) => (Verb::Flatten, refusal),
            None => return,
        };
        // what is closed and stays closed is not said again
        let is_done = standing.state == State::Idle && standing.is_flat && self.verbs.is(Verb::Pause);
        if self.verbs.is(verb) || is_done || self.verbs.is(Verb::Kill) {
            return;
        }
        let heard = Heard {
            what: What::Say(verb, None),
            who: key.to_owned(),
            reason: format!("{value}, limit {limit}"),
            answer: None,
        };
        self.take(heard, (now, run), log);
    }

    /// What the trader may do from now on; written down when it changes.
    fn permit(
        &mut self,
        now: Time,
        standing: Standing,
        run: &RunState<Composite, impl VenuePort>,
        log: Option<&mut Log>,
    ) {
        let around = self.around();
        let mut mandate = self.verbs.mandate(standing, now, self.park);
        let sight = sight((now, around), (self.quotes, self.said, mandate), run);
        let stands = self.gate.standing(&sight);
        let differs = self.truth.holds();
        let named =
            |(shut, name): (&Shut, &String)| shut.words().map(|why| format!("{name}: {why}")).collect::<Vec<_>>();
        let shut: Vec<String> = self.shut.iter().zip(&self.names).flat_map(named).collect();
        let clock = engine_time::is_away();
        let rules = self.worse_rules().into_iter().zip(&self.names);
        let rules =
            rules.flat_map(|(all, name)| all.into_iter().map(move |words| format!("{name}: {words}"))).collect();
        let against = [differs, shut, clock.into_iter().collect(), self.clocks_away(), rules].concat();
        mandate.may_open &= stands.is_empty() && against.is_empty();
        // a locked position is neutral: it stays while one of its venues cannot be reached
        let is_reached = |quote: &Quote| now.since(quote.seen) <= self.max_age;
        let stuck = Role::BOTH.map(|role| self.gate.unclosable(role, &sight));
        for (v, _) in stuck.iter().enumerate().filter(|(_, why)| why.is_some()) {
            self.rules.iter_mut().for_each(|rules| rules.read_soon(v));
        }
        let stuck: Vec<String> =
            stuck.into_iter().zip(&self.names).filter_map(|(why, name)| Some(format!("{name}: {}", why?))).collect();
        let is_locked = standing.state == State::Locked;
        let closed = |(shut, name): (&Shut, &String)| Some(format!("{name}: {}", shut.to_closes()?));
        let closed: Vec<String> = self.shut.iter().zip(&self.names).filter(|_| is_locked).filter_map(closed).collect();
        // both legs of a pair go by the newest rules: one that is refused for them would leave the other alone
        let closes_pair = is_locked && mandate.closes == [true; 2];
        let are_read = self.rules.as_mut().is_none_or(|rules| rules.are_young(closes_pair));
        let is_taken = stuck.is_empty() && closed.is_empty();
        mandate.may_unlock = !is_locked || are_read && is_taken && self.quotes.iter().all(is_reached);
        let verbs = self.verbs.in_force().map(|(verb, by)| format!("{} by {}", verb.name(), by.who));
        let lost = (!mandate.may_unlock && is_taken).then(|| match are_read {
            true => "a venue of the locked position cannot be reached".to_owned(),
            false => "what both venues take is read before a locked position is closed".to_owned(),
        });
        self.waits = lost.iter().chain(&stuck).chain(&closed).cloned().collect();
        let why_not: Vec<String> = verbs
            .chain(stands.iter().map(|refusal| refusal.key.to_owned()))
            .chain(lost)
            .chain(stuck)
            .chain(against)
            .collect();
        if mandate != self.mandate || why_not != self.why_not {
            if let Some(log) = log {
                log.may_open(now, mandate, &why_not);
            }
            (self.mandate, self.why_not) = (mandate, why_not);
        }
    }

    /// Something was said.
    fn take(
        &mut self,
        heard: Heard,
        (now, run): (Time, &RunState<Composite, impl VenuePort>),
        mut log: Option<&mut Log>,
    ) {
        let Heard { what, who, reason, answer } = heard;
        let reply = match what {
            What::Status => {
                let snapshot = self.snapshot(now, run);
                Answer { body: serde_json::json!(snapshot), ..Answer::done(snapshot.to_string()) }
            }
            What::Live(text) => self.reload(now, (&text, &who), log),
            What::Unpause => {
                self.verbs.unsay(Verb::Pause, &who);
                Answer::done("")
            }
            What::Stop => {
                if self.on_stop == OnStop::Close {
                    self.take_verb((Verb::Flatten, None), (now, &who, &reason), log.as_deref_mut());
                }
                self.take_verb((Verb::Park, None), (now, &who, &reason), log)
            }
            What::Say(verb, Some(_)) if verb != Verb::Flatten => {
                Answer::no(format!("--leg: {} is of the whole run; accepted: flatten --leg VENUE", verb.name()))
            }
            What::Say(verb, leg) => match self.named(leg.as_deref()) {
                Err(accepted) => Answer::no(format!("--leg: found {}; accepted: {accepted}", leg.unwrap_or_default())),
                Ok(role) => self.take_verb((verb, role), (now, &who, &reason), log),
            },
            What::Settle(settling, venue) => match self.named(venue.as_deref()) {
                Ok(Some(role)) => self.settle(settling, role, (now, run), (&who, &reason), log),
                _ => {
                    let (found, accepted) = (venue.as_deref().unwrap_or("nothing"), self.names.join(", "));
                    Answer::no(format!("--venue: found {found}; accepted: {accepted}"))
                }
            },
        };
        if let Some(answer) = answer {
            // whoever asked may have gone
            let _ = answer.send(reply);
        }
    }

    /// A venue by its name; `Err`: those there are.
    fn named(&self, venue: Option<&str>) -> Result<Option<Role>, String> {
        let Some(venue) = venue else { return Ok(None) };
        let role = Role::BOTH.into_iter().find(|role| self.names[role.ix()] == venue);
        role.map(Some).ok_or_else(|| self.names.join(", "))
    }

    /// An operator says what a difference comes to.
    fn settle(
        &mut self,
        settling: Settling,
        role: Role,
        (now, run): (Time, &RunState<Composite, impl VenuePort>),
        (who, reason): (&str, &str),
        mut log: Option<&mut Log>,
    ) -> Answer {
        if reason.trim().is_empty() {
            return Answer::no("why is written down; to do: --reason TEXT");
        }
        if let Some(log) = log.as_deref_mut() {
            log.operator(now, &settling.of(&self.names[role.ix()]), who, reason);
        }
        let px = self.prices()[role.ix()];
        let done = match settling {
            Settling::Adopt => self.truth.adopt((now, role), &run.belief().books, px, log.as_deref_mut()),
            Settling::ExplainBalance => self.truth.explain((now, role), log.as_deref_mut()),
        };
        if let (Err(why), Some(log)) = (&done, log) {
            log.operator(now, &settling.of(&self.names[role.ix()]), who, &format!("refused: {why}"));
        }
        match done {
            Ok(words) => {
                say(&format!("{} by {who}: {reason}: {words}", settling.name()));
                Answer::done(words)
            }
            Err(why) => Answer::no(why),
        }
    }

    fn take_verb(
        &mut self,
        (verb, leg): (Verb, Option<Role>),
        (now, who, reason): (Time, &str, &str),
        log: Option<&mut Log>,
    ) -> Answer {
        // a file that was written because it was said says nothing new
        // a file that was taken away meanwhile, as `resume` does, says nothing any more
        let said_by = [PAUSE, KILL].into_iter().find(|name| file(name) == who);
        if said_by.is_some_and(|name| self.verbs.is(verb) || !self.run.join(name).exists()) {
            return Answer::done("");
        }
        let by = By { who: who.to_owned(), reason: reason.to_owned(), since: now };
        let mut log = log;
        if let Some(log) = log.as_deref_mut() {
            let words = leg.map_or(verb.name().to_owned(), |leg| format!("{} {}", verb.name(), self.names[leg.ix()]));
            log.operator(now, &words, who, reason);
        }
        let why = if reason.is_empty() { String::new() } else { format!(": {reason}") };
        say(&format!("{} by {who}{why}", verb.name()));
        self.verbs.say(verb, by, leg);
        if verb == Verb::Resume {
            self.truth.resume(now, log);
            self.rules.iter_mut().for_each(RulesWatch::looked_at);
            self.gate.looked_at();
        }
        let kept = match verb {
            Verb::Pause | Verb::Flatten => keep(&self.run.join(PAUSE), &format!("{} by {who}{why}\n", verb.name())),
            Verb::Kill => keep(&self.run.join(KILL), &format!("by {who}{why}\n")),
            Verb::Resume => gone(&self.run.join(PAUSE)),
            Verb::Hold | Verb::Park | Verb::Quit => Ok(()),
        };
        let effect = match verb {
            Verb::Pause | Verb::Hold => "nothing opens until `resume`; exits, locks and unlocks go on",
            Verb::Resume => "pause, hold and flatten have ended; what still differs at a venue holds on",
            Verb::Park => {
                "nothing opens; a locked position stays, anything else is being closed, then the process ends"
            }
            Verb::Flatten => "everything is being closed, `status` says when it is; then nothing opens until `resume`",
            Verb::Kill => {
                "everything is being closed by reduce-only orders; then the process ends, and none starts before `clear-kill`"
            }
            Verb::Quit => "the process ends at once; what is open stays open and is watched by nobody",
        };
        let waits = match verb {
            Verb::Flatten | Verb::Kill if !self.waits.is_empty() => format!("; it waits: {}", self.waits.join("; ")),
            _ => String::new(),
        };
        let effect = format!("{effect}{waits}");
        match kept {
            Ok(()) => Answer::done(effect),
            Err(error) => Answer::done(format!("{effect}; it is not kept over a restart: {error}")),
        }
    }

    /// live.toml reads otherwise.
    fn reload(&mut self, now: Time, (text, who): (&str, &str), log: Option<&mut Log>) -> Answer {
        let name = self.run.join("live.toml").display().to_string();
        let changes = match self.live.reload(&name, text) {
            Ok(changes) => changes,
            Err(error) => {
                if self.bad_live.as_deref() != Some(text) {
                    say(&format!("{error}\nwhat was read before stays"));
                    self.bad_live = Some(text.to_owned());
                }
                return Answer::no(format!("{error}\nwhat was read before stays"));
            }
        };
        let is_taken = changes.iter().all(|change| change.refused.is_empty());
        let is_told = self.bad_live.as_deref() == Some(text);
        self.bad_live = (!is_taken).then(|| text.to_owned());
        let lines: Vec<String> = changes
            .iter()
            .map(|change| {
                let said = |value: &String| if value.is_empty() { "not written".to_owned() } else { value.clone() };
                let refused = if change.refused.is_empty() { String::new() } else { format!("  {}", change.refused) };
                format!("{}  {} -> {}{refused}", change.key, said(&change.old), said(&change.new))
            })
            .collect();
        if changes.is_empty() {
            return Answer::done("nothing reads otherwise");
        }
        if let Some(log) = log.filter(|_| !is_told) {
            log.reload(now, who, &changes, is_taken);
        }
        let head =
            if is_taken { "live.toml is in force:" } else { "live.toml is not taken, and nothing of it changes:" };
        let text = format!("{head}\n{}", lines.join("\n"));
        if !is_told {
            say(&text);
        }
        self.gate.set_limits(self.live.limits().clone());
        let body = serde_json::json!({ "taken": is_taken, "changes": changes });
        Answer { code: if is_taken { 0 } else { 2 }, text, body }
    }

    fn around(&mut self) -> Around {
        let is_old = self.disk.is_none_or(|(at, _)| at.elapsed() >= SELDOM);
        if is_old {
            self.disk = Some((Instant::now(), perpx_venues::recorder::folder::free(&self.run)));
        }
        let clock_drift = self.clocks.into_iter().flatten().map(venue_clocks::drift).max();
        let lane = self.lanes.slowest();
        Around { clock_drift, lane, free_disk: self.disk.and_then(|(_, free)| free), room: self.room }
    }

    fn snapshot(&mut self, now: Time, run: &RunState<Composite, impl VenuePort>) -> Snapshot {
        let around = self.around();
        let sight = sight((now, around), (self.quotes, self.said, self.mandate), run);
        let (orders_under_way, doubt) = self.gate.under_way();
        let mut differs = self.truth.differs();
        differs.iter_mut().zip(self.worse_rules()).for_each(|(all, rules)| all.extend(rules));
        for role in Role::BOTH {
            differs[role.ix()].extend(self.gate.unclosable(role, &sight));
        }
        let held = |role: Role| {
            let said = self.said[role.ix()];
            Held {
                venue: self.names[role.ix()].clone(),
                position: run.belief().books[role.ix()].position().to_string(),
                venue_position: said.map(|said| said.position.to_string()),
                venue_open_orders: said.map(|said| said.open_orders),
                venue_said_sec: said.map(|said| said.at.elapsed().as_secs_f64()),
                is_older: said.is_some_and(|said| !said.is_newest),
                liquidation_bp: self.gate.distance(&sight, role).map(|distance| distance.bps()),
                differs: differs[role.ix()].clone(),
            }
        };
        let limits = self.live.limits();
        Snapshot {
            at: now.to_second(),
            state: state_name(run.trader().state()),
            verbs: self.verbs.in_force().map(|(verb, by)| InForce { verb, by: by.clone() }).collect(),
            may_open: self.mandate.may_open && self.also_not.is_empty(),
            why_not: self.why_not.iter().chain(&self.also_not).cloned().collect(),
            held: Role::BOTH.map(held).to_vec(),
            orders_under_way,
            doubt_sec: doubt.map(|since| now.since(since).max(TimeDelta::ZERO).as_f64(SECOND)),
            losses: self.losses.losses(),
            unexplained: self.truth.unexplained().as_f64(),
            loss_limits: [Key::MaxLossDay, Key::MaxLossTotal].map(|key| money(limits, key)),
            refusals: self.gate.counts().clone(),
            limits: texts(limits),
            clocks: self.clocks,
            lane_ms: self.lanes.slowest().map(|lane| lane.as_f64(MS)),
            orders_left: self.room.map(|room| room.map(|room| room.left)),
        }
    }
}

fn sight<'a>(
    (now, around): (Time, Around),
    (quotes, said, mandate): ([Quote; 2], [Option<Said>; 2], Mandate),
    run: &'a RunState<Composite, impl VenuePort>,
) -> Sight<'a> {
    let trader = run.trader();
    let is_alone =
        matches!(STATES.get(usize::from(trader.state())), Some(State::FirstLeg | State::LongOnly | State::ShortOnly));
    Sight {
        now,
        quotes,
        books: &run.belief().books,
        truth: said.map(|said| said.filter(|said| said.is_newest).map(|said| said.position.abs())),
        mandate,
        is_net_meant: is_alone || trader.is_hedging(),
        there: [None; 2],
        around,
    }
}

/// A latch: it is there after a restart too. One that is there already stays as it is.
fn keep(path: &Path, text: &str) -> std::io::Result<()> {
    if path.exists() { Ok(()) } else { write_atomic(path, text) }
}

/// Nothing starts under KILL.
///
/// # Errors
/// It is there.
pub fn refuse_killed(run: &Path) -> Result<(), LiveError> {
    let why = match fs::read_to_string(run.join(KILL)) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Ok(text) => text.trim().to_owned(),
        Err(_) => file(KILL),
    };
    Err(LiveError::Killed { path: run.to_path_buf(), why })
}

/// How long the lanes of orders take, by role; `None`: nobody answered.
#[derive(Default)]
struct Lanes([VecDeque<(Instant, Option<Duration>)>; 2]);

impl Lanes {
    /// A venue that answers again is not slow for having been gone: what it did not answer counts until then.
    fn answered(&mut self, venue: usize, took: Option<Duration>) {
        let answered = &mut self.0[venue];
        if took.is_some() {
            answered.retain(|(_, took)| took.is_some());
        }
        answered.push_back((Instant::now(), took));
        if answered.len() > ANSWERS {
            answered.pop_front();
        }
    }

    /// A lane was kept warm, or was not. One that had been closed while it was idle says so at once: it is opened by the next request, and is
    /// not slow for that.
    fn warmed(&mut self, venue: usize, (is_answered, took): (bool, Duration)) {
        if is_answered || took >= PATIENCE {
            self.answered(venue, is_answered.then_some(took));
        }
    }

    /// The larger median of young answers.
    fn slowest(&self) -> Option<TimeDelta> {
        let medians = self.0.iter().filter_map(|answered| {
            let young = answered.iter().filter(|(at, _)| at.elapsed() < YOUNG);
            let mut all: Vec<Duration> = young.map(|&(_, took)| took.unwrap_or(PATIENCE)).collect();
            all.sort_unstable();
            all.get(all.len() / 2).copied()
        });
        medians.max().map(|median| TimeDelta(i64::try_from(median.as_nanos()).unwrap_or(i64::MAX)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What nobody answers takes as long as is waited for it, until the venue answers again.
    #[test]
    fn a_venue_that_is_back_is_not_slow() {
        let mut lanes = Lanes::default();
        let slowest = |lanes: &Lanes| lanes.slowest().map(|lane| lane.0 / MS.0);
        for _ in 0..3 {
            lanes.answered(0, Some(Duration::from_millis(40)));
            lanes.answered(1, Some(Duration::from_millis(50)));
        }
        assert_eq!(slowest(&lanes), Some(50));
        for _ in 0..8 {
            lanes.answered(1, None);
        }
        assert_eq!(slowest(&lanes), Some(2_500));
        lanes.answered(1, Some(Duration::from_millis(1_200)));
        assert_eq!(slowest(&lanes), Some(50));
        let mut lanes = Lanes::default();
        lanes.warmed(1, (false, Duration::from_millis(3)));
        assert_eq!(lanes.slowest(), None, "a line that was closed says nothing of the venue");
        lanes.warmed(1, (false, PATIENCE));
        assert_eq!(lanes.slowest().map(|lane| lane.0 / MS.0), Some(2_500));
    }
}
