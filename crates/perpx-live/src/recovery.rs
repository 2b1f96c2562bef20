//! What an earlier process of a run left, read out of its journal: the next one goes on where it was.
//!
//! The newest state is the machine as it stood after a step. What was heard since then stands behind it in the journal and is heard
//! again, and an order that the machine wanted and no batch names never left the machine.

use super::LiveError;
use super::control::snapshot::{Held, Last};
use super::control::verbs::{SaidBefore, Settling};
use super::journal::folder::{Journal, JournalError};
use super::journal::mark::Mark;
use super::journal::record::{Kind, Record};
use perpx_core::market::{Command, Event, EventBody, OrderId, Reject, Role};
use perpx_core::port::Trader;
use perpx_core::replay::{Remote, RunState};
use perpx_core::signals::SignalEngine;
use perpx_core::strategy::state_name;
use perpx_core::tape::Carry;
use perpx_core::trader::Composite;
use perpx_core::units::{Cash, DAY, Mid, Qty, Time, TimeDelta};
use perpx_venues::client::{PastOrder, RunNumber};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::Path;

/// Of the types that a state is made of. One more whenever [`tests::a_state_has_the_layout_of_its_number`] says that they changed.
const LAYOUT: u32 = 2;

/// The trader, its venues on the other side of sockets.
pub type Run = RunState<Composite, Remote>;

/// What stands beside the machine in a state.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Beside {
    /// The moment at which the run was begun for the first time.
    pub from: Time,
    /// By role: what the accounts held then.
    pub capital: [Cash; 2],
    /// The first moment that was not looked at.
    pub end: Time,
    /// Ledger entries so far.
    pub entries: u64,
}

/// A run between two steps.
pub struct Saved {
    pub beside: Beside,
    pub machine: Run,
    pub carry: Carry,
    pub signals: SignalEngine,
}

/// As it is written.
pub fn state_bytes(beside: &Beside, machine: &Run, carry: &Carry, signals: &SignalEngine) -> Vec<u8> {
    // nothing in it can fail to be written
    postcard::to_stdvec(&(LAYOUT, beside, machine, carry, signals)).unwrap_or_default()
}

impl Saved {
    /// As it was written.
    pub fn read(bytes: &[u8]) -> Result<Saved, String> {
        read(bytes)
    }
}

fn read(bytes: &[u8]) -> Result<Saved, String> {
    let of_layout = |error: postcard::Error| error.to_string();
    let (layout, rest) = postcard::take_from_bytes::<u32>(bytes).map_err(of_layout)?;
    if layout != LAYOUT {
        return Err(format!("its layout is {layout}, this program's is {LAYOUT}"));
    }
    let (beside, machine, carry, signals) = postcard::from_bytes(rest).map_err(of_layout)?;
    Ok(Saved { beside, machine, carry, signals })
}

/// Fills and payments that the journal learned of are told apart from news for so long after it did.
const KNOWN_FOR: TimeDelta = DAY;

/// Who says something to a folder that no process has.
pub const TO_A_FOLDER: &str = "ctl, to the folder";
/// What is written down when a damaged journal was cut.
pub const SALVAGE: &str = "salvage";
/// Starts that a cut may have taken away at most: their numbers, and those of their orders, are never given again.
const LOST_STARTS: usize = 100;

/// What the newest process went by, word by word.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Copies {
    /// best.yml.
    pub best: String,
    /// live.toml.
    pub live: String,
    /// The program that traded last; one that was only to close what was held is none.
    pub code: String,
    /// Why it was only to close what was held.
    pub closing: Option<String>,
}

/// What is left of a run whose state cannot be used: it is closed.
pub struct Left {
    /// By role: coins of the leg, as everything that was booked leaves them.
    pub held: [Qty; 2],
    /// By role, for its client.
    pub past: [perpx_venues::client::Past; 2],
    /// By role, for whoever compares.
    pub kept: [Kept; 2],
    /// The highest number that any process gave an order.
    pub last: OrderId,
}

/// What earlier processes found out of an account beside its orders.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Kept {
    /// Of the balance, what an operator has named: it is no result of the run.
    pub explained: Cash,
    /// In words: what differed, and stays until an operator has said so.
    pub latched: Vec<String>,
    /// By the venue's names: what was paid in or out, and explains as much of the balance.
    pub transfers: BTreeSet<String>,
}

/// What the processes before left.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Past {
    /// How often the run was begun.
    pub starts: usize,
    state: Option<Vec<u8>>,
    /// Heard after the state, in order.
    unheard: Vec<Event>,
    /// Orders that left, or may have, and are not known to be over.
    sent: BTreeMap<OrderId, (Role, PastOrder)>,
    /// By role: names of fills and payments, and when they were written down.
    named: [VecDeque<(Time, String)>; 2],
    /// By role: coins of the leg, as everything that was booked leaves them.
    held: [Qty; 2],
    /// The highest number that any process gave an order.
    last: OrderId,
    /// The newest start's copies.
    copies: Option<Copies>,
    /// By role.
    kept: [Kept; 2],
    /// The newest day, and the equity that it began with, by both measures.
    day: Option<(i64, [Cash; 2])>,
    /// When the run was begun for the first time, and when the newest state was written.
    written: Option<(Time, Time)>,
    /// The process ended by itself, and held nothing.
    is_over: bool,
    /// Until the newest process that ended so: a day, what was lost in it, and what was lost since the run was begun for the first time.
    pub lost: Option<Lost>,
    /// Everything, or a leg, was to be closed, and nobody has said since that it is enough.
    pub flatten: Option<FlattenBefore>,
    /// By role: the venue, as the newest start names it.
    names: [String; 2],
    /// When something was written last that says what is held.
    newest: Option<Time>,
    /// What an operator has said of differences since, while no process had the run.
    pub said: Vec<SaidBefore>,
    /// What the venues said last, and how the last process ended; each with its time of the wall.
    pub words: [Option<(Time, Words)>; 2],
}

/// What a run has lost by the end of a process that held nothing then.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lost {
    /// Its number, since 1970.
    pub day: i64,
    /// In that day; a gain is negative.
    pub of_day: Cash,
    /// Since the run was begun for the first time.
    pub in_all: Cash,
}

/// An operator's word that a process did not live to carry out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FlattenBefore {
    /// Who has said it.
    pub who: String,
    /// Why.
    pub reason: String,
    /// Of one leg: its venue.
    pub venue: Option<String>,
}

/// A record's body, as JSON.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Words(String);

impl Words {
    /// What it says.
    pub fn value(&self) -> serde_json::Value {
        serde_json::from_str(&self.0).unwrap_or_default()
    }
}

/// A run that goes on.
pub struct Resumed {
    /// The machine's venues have what it has not heard, in order; refusals of what never left among it.
    pub saved: Saved,
    /// By role, for its client.
    pub past: [perpx_venues::client::Past; 2],
    /// By role, for whoever compares.
    pub kept: [Kept; 2],
    /// The newest day, and the equity that it began with, by both measures.
    pub day: Option<(i64, [Cash; 2])>,
}

impl Resumed {
    /// Nothing is held, nothing is under way, and nothing was heard since.
    pub fn is_flat(&self) -> bool {
        let machine = &self.saved.machine;
        machine.belief().is_flat() && machine.trader().orders().is_empty() && machine.venues().events.is_empty()
    }
}

impl Past {
    /// Of the journal in `folder`; with it what a writer goes on from.
    ///
    /// # Errors
    /// A journal that is damaged, or that cannot be read.
    pub fn read(folder: &Path) -> Result<(Past, Journal), JournalError> {
        let (mut past, mark) = Past::known(folder, u32::MAX);
        let journal = Journal::since(folder, mark.as_ref(), &mut |record| past.add(record))?;
        let tag = journal.run.map_or(0, tag);
        past.sent.values_mut().for_each(|(_, order)| order.number.tag = tag);
        Ok((past, journal))
    }

    /// What the newest mark of a segment up to `most` says, and that mark; without one nothing is known. One that another program wrote is
    /// passed over.
    pub fn known(folder: &Path, most: u32) -> (Past, Option<Mark>) {
        let marks = Mark::all(folder).filter(|mark| mark.number <= most);
        let read = marks.filter_map(|mark| Some((postcard::from_bytes(&mark.past).ok()?, mark))).next();
        read.map_or((Past::default(), None), |(past, mark)| (past, Some(mark)))
    }

    /// For a mark.
    pub fn bytes(&self) -> Vec<u8> {
        // nothing in it can fail to be written
        postcard::to_stdvec(self).unwrap_or_default()
    }

    /// One more record, in its order.
    pub fn add(&mut self, record: Record) {
        let Record { stamp, kind, body, .. } = record;
        let wall = Time(stamp.wall_ns);
        if matches!(kind, Kind::State | Kind::Event) {
            self.newest = Some(wall);
        }
        if let Some(n) = [Kind::Recon, Kind::Stop].iter().position(|of| *of == kind) {
            self.words[n] = Some((wall, Words(String::from_utf8_lossy(&body).into_owned())));
        }
        match kind {
            Kind::Start => {
                self.starts += 1;
                self.names = names(&body);
                let was = self.copies.take();
                self.copies = match (serde_json::from_slice::<Copies>(&body).ok(), was) {
                    (Some(copies), Some(was)) if copies.closing.is_some() => Some(Copies { code: was.code, ..copies }),
                    (copies, was) => copies.or(was),
                };
                self.written.get_or_insert((wall, wall));
            }
            Kind::State => {
                (self.state, self.unheard, self.is_over) = (Some(body), Vec::new(), false);
                self.written.iter_mut().for_each(|(_, newest)| *newest = wall);
            }
            Kind::Batch => self.add_batch(&body, wall),
            Kind::Event => self.add_event(&body, wall),
            Kind::Recon => self.add_comparison(&body, wall),
            Kind::Gate => {
                #[derive(Deserialize)]
                struct Day {
                    number: i64,
                    base: [String; 2],
                }
                if let Ok(Day { number, base }) = serde_json::from_slice(&body) {
                    self.day = Some((number, base.map(|base| cash(&base))));
                }
            }
            Kind::Operator => self.add_operator(&body),
            Kind::Stop => self.add_stop(&body),
            _ => {}
        }
    }

    fn add_operator(&mut self, body: &[u8]) {
        #[derive(Deserialize)]
        struct Said {
            verb: String,
            by: String,
            reason: String,
        }
        let Ok(Said { verb, by, reason }) = serde_json::from_slice(body) else { return };
        self.starts += if verb == SALVAGE { LOST_STARTS } else { 0 };
        // whoever ends a process by a signal has not said what the next one is to do
        let is_signal = by.starts_with("SIG");
        if let Some(leg) = verb.strip_prefix("flatten").filter(|_| !is_signal) {
            let venue = leg.strip_prefix(' ').map(str::to_owned);
            self.flatten = Some(FlattenBefore { who: by.clone(), reason: reason.clone(), venue });
        } else if verb == "resume" {
            self.flatten = None;
        }
        if let Some((settling, venue)) = Settling::read(&verb) {
            // whoever has said it to a process, or done it, has said it for good
            self.said.retain(|said| said.settling != settling || said.venue != venue);
            if by == TO_A_FOLDER {
                self.said.push(SaidBefore { settling, venue: venue.to_owned(), reason: reason.clone() });
            }
        }
    }

    fn add_stop(&mut self, body: &[u8]) {
        #[derive(Deserialize)]
        struct Stop {
            #[serde(default)]
            flat: bool,
            lost: Option<(i64, String, String)>,
        }
        let stop = serde_json::from_slice::<Stop>(body).ok().filter(|stop| stop.flat);
        if let Some(Stop { lost, .. }) = stop {
            let lost = lost.map(|(day, of_day, in_all)| Lost { day, of_day: cash(&of_day), in_all: cash(&in_all) });
            (self.is_over, self.lost, self.flatten) = (true, lost.or(self.lost), None);
        }
    }

    fn add_batch(&mut self, body: &[u8], wall: Time) {
        #[derive(Deserialize)]
        struct Batch {
            commands: Vec<Command>,
        }
        let Ok(batch) = serde_json::from_slice::<Batch>(body) else { return };
        let number = RunNumber { tag: 0, epoch: u16::try_from(self.starts).unwrap_or(u16::MAX) };
        for command in batch.commands {
            if let Command::Place(order) = command {
                let past = PastOrder { order, number, sent_at: wall, filled: Qty::ZERO, is_accepted: false };
                self.sent.insert(order.id, (order.venue, past));
                if !order.reduce_only && !order.covers {
                    // nothing opens before it was carried out, and somebody has looked
                    self.flatten = None;
                }
                self.last = self.last.max(order.id);
            }
        }
    }

    fn add_event(&mut self, body: &[u8], wall: Time) {
        #[derive(Deserialize)]
        struct Name {
            name: Option<String>,
        }
        let Ok(event) = serde_json::from_slice::<Event>(body) else { return };
        let (role, held) = (event.venue, &mut self.held[event.venue.ix()]);
        match event.body {
            EventBody::Fill { side, qty, .. } if side == role.opening() => *held += qty,
            EventBody::Fill { qty, .. } | EventBody::Liquidated { qty, .. } => *held -= qty.min(*held),
            _ => {}
        }
        let named = &mut self.named[event.venue.ix()];
        if let Ok(Name { name: Some(name) }) = serde_json::from_slice(body) {
            named.push_back((wall, name));
        }
        // as long again, for what is asked for since the newest state
        while named.front().is_some_and(|(at, _)| wall.since(*at) > KNOWN_FOR.times(2)) {
            named.pop_front();
        }
        let order = event.body.order().and_then(|id| self.sent.get_mut(&id));
        match (order, event.body) {
            (Some((_, order)), EventBody::Fill { qty, .. }) => order.filled += qty,
            (Some((_, order)), EventBody::Accepted { .. }) => order.is_accepted = true,
            _ => {}
        }
        if let Some(id) = event.body.ended() {
            self.sent.remove(&id);
        }
        self.unheard.push(event);
    }

    /// What the run was like when it was written down last, with all that was heard since; `None`: nothing was begun.
    ///
    /// # Errors
    /// A state that this program cannot read.
    pub fn last(self, folder: &Path) -> Result<Option<Last>, LiveError> {
        let (names, written, is_over) = (self.names.clone(), self.newest.unwrap_or(Time::MIN), self.is_over);
        let Some(Resumed { saved, past, .. }) = (Past { is_over: false, ..self }).resumed(folder)? else {
            return Ok(None);
        };
        let (trader, mut belief) = (saved.machine.trader(), saved.machine.belief().clone());
        for event in &saved.machine.venues().events {
            belief.books[event.venue.ix()].apply(&event.body);
        }
        let held = |role: Role| Held {
            venue: names[role.ix()].clone(),
            position: belief.books[role.ix()].position().to_string(),
            ..Held::default()
        };
        Ok(Some(Last {
            state: state_name(trader.state()),
            at: saved.beside.end.to_second(),
            written: written.to_second(),
            held: Role::BOTH.map(held).to_vec(),
            orders_under_way: if is_over { 0 } else { past.iter().map(|past| past.orders.len()).sum() },
            trades: saved.machine.tally().pnls.len(),
        }))
    }

    fn add_comparison(&mut self, body: &[u8], wall: Time) {
        #[derive(Deserialize)]
        struct Compared {
            role: usize,
            explained: String,
            latched: Vec<String>,
            #[serde(default)]
            transfers: BTreeSet<String>,
            /// The venue's name of a fill that is not ours.
            fill: Option<String>,
        }
        let Ok(Compared { role, explained, latched, transfers, fill }) = serde_json::from_slice(body) else { return };
        if let Some(kept) = self.kept.get_mut(role) {
            *kept = Kept { explained: cash(&explained), latched, transfers };
            self.named[role].extend(fill.map(|name| (wall, name)));
        }
    }

    /// Something is held, or may be: a start that is refused closes it first.
    pub fn is_open(&self) -> bool {
        !self.is_over && (self.held != [Qty::ZERO; 2] || !self.sent.is_empty())
    }

    /// By role: coins of the leg.
    pub fn held(&self) -> [Qty; 2] {
        self.held
    }

    /// What the newest process went by.
    pub fn copies(&self) -> Option<&Copies> {
        self.copies.as_ref()
    }

    /// Why the newest state cannot be gone on from.
    pub fn unusable(&self, folder: &Path) -> Option<LiveError> {
        let why = read(self.state.as_deref().filter(|_| !self.is_over)?).err()?;
        Some(LiveError::State { path: folder.to_path_buf(), why })
    }

    /// Its orders and what is held, without the state of the machine. Whatever both accounts have then is what it begins with: nothing of
    /// it has to be explained again.
    pub fn left(self) -> Left {
        let kept = self.kept.clone().map(|kept| Kept { explained: Cash::ZERO, ..kept });
        let (held, last) = (self.held, self.last);
        Left { held, past: self.clients(), kept, last }
    }

    /// As [`Past::left`] of a run whose venues are believed alone: nothing that happened before `now` is asked for.
    pub fn forgotten(self, now: Time) -> Left {
        let past = || perpx_venues::client::Past { orders: Vec::new(), booked: Default::default(), since: now };
        Left { held: [Qty::ZERO; 2], past: [past(), past()], ..self.left() }
    }

    /// When the run was begun for the first time.
    pub fn begun(&self) -> Option<Time> {
        self.written.map(|(begun, _)| begun)
    }

    /// The run that goes on; `None`: nothing was begun, or what was begun is over.
    ///
    /// # Errors
    /// A state that this program cannot read.
    pub fn resumed(mut self, folder: &Path) -> Result<Option<Resumed>, LiveError> {
        let Some(state) = self.state.take().filter(|_| !self.is_over) else { return Ok(None) };
        let mut saved = read(&state).map_err(|why| LiveError::State { path: folder.to_path_buf(), why })?;
        let mut unheard = std::mem::take(&mut self.unheard);
        for order in saved.machine.trader().orders() {
            if !self.sent.contains_key(&order.id) && !unheard.iter().any(|event| event.body.ended() == Some(order.id)) {
                let body = EventBody::Rejected { id: order.id, reason: Reject::Journal };
                let at = saved.beside.end;
                unheard.push(Event { at, venue_time: at, met: Mid::ZERO, venue: order.role, body });
            }
        }
        saved.machine.venues_mut().events.extend(unheard);
        let (kept, day) = (self.kept.clone(), self.day);
        Ok(Some(Resumed { saved, past: self.clients(), kept, day }))
    }

    /// By role: what its client goes on from.
    fn clients(self) -> [perpx_venues::client::Past; 2] {
        let (begun, newest) = self.written.unwrap_or((Time::MAX, Time::MAX));
        let since = newest.plus(-KNOWN_FOR).max(begun);
        let mut past = self.named.map(|named| perpx_venues::client::Past {
            orders: Vec::new(),
            booked: named.into_iter().map(|(_, name)| name).collect(),
            since,
        });
        for (role, order) in self.sent.into_values() {
            past[role.ix()].orders.push(order);
        }
        past
    }
}

/// By role: the venues of a start.
fn names(start: &[u8]) -> [String; 2] {
    #[derive(Deserialize)]
    struct Start {
        accounts: [String; 2],
    }
    let first = |account: String| account.split(' ').next().unwrap_or_default().to_lowercase();
    serde_json::from_slice::<Start>(start).map_or([const { String::new() }; 2], |start| start.accounts.map(first))
}

/// As the journal has it: in 1e-12, as text, since JSON has no integers as large.
fn cash(text: &str) -> Cash {
    Cash(text.parse().unwrap_or_default())
}

/// What tells the orders of the run from others'.
pub fn tag([first, second, ..]: [u8; 16]) -> u16 {
    u16::from_le_bytes([first, second])
}

#[cfg(test)]
pub(crate) mod tests {
    use super::super::journal::record::Stamp;
    use super::*;
    use perpx_core::market::{NewOrder, OrderKind, Side};
    use perpx_core::units::{HOUR, Price};
    use serde_json::json;

    /// As a run at emulators wrote it down, with an order under way.
    pub const STATE: &[u8] =
        include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/fixtures/live/state-2.bin"));

    /// What was to be closed is to be closed until somebody says otherwise, or nothing is held; what was lost by then is known.
    #[test]
    fn an_operators_flatten_and_a_loss_outlive_their_process() {
        let mut past = Past::default();
        let mut add = |kind, body: serde_json::Value| {
            let stamp = Stamp { wall_ns: 1, mono_ns: 0, engine: Time(1) };
            past.add(Record { seq: 0, stamp, kind, body: body.to_string().into_bytes() });
            (past.flatten.clone(), past.lost)
        };
        let said = |verb: &str, by: &str| json!({ "verb": verb, "by": by, "reason": "news" });
        assert_eq!(add(Kind::Operator, said("flatten", "SIGINT")), (None, None));
        let of = |venue: Option<&str>| {
            Some(FlattenBefore { who: "ctl".into(), reason: "news".into(), venue: venue.map(str::to_owned) })
        };
        assert_eq!(add(Kind::Operator, said("flatten grvt", "ctl")).0, of(Some("grvt")));
        assert_eq!(add(Kind::Operator, said("resume", "ctl")).0, None);
        assert_eq!(add(Kind::Operator, said("flatten", "ctl")).0, of(None));
        assert_eq!(add(Kind::Operator, said("pause", "ctl")).0, of(None));
        let place = |reduce_only: bool| {
            json!({ "commands": [{ "Place": { "id": 1, "venue": "Long", "side": "Buy", "kind": "Ioc", "limit": 1, "qty": 5,
                "reduce_only": reduce_only, "covers": false } }] })
        };
        assert_eq!(add(Kind::Batch, place(true)).0, of(None));
        assert_eq!(add(Kind::Batch, place(false)).0, None, "a file was taken away, and it trades on");
        assert_eq!(
            add(Kind::Operator, said("flatten", "max_loss_day")).0.map(|of| of.who),
            Some("max_loss_day".into())
        );
        assert_eq!(add(Kind::Operator, said("flatten", "ctl")).0, of(None));
        assert_eq!(
            add(Kind::Stop, json!({ "why": "asked to", "flat": false, "lost": [3, "5", "7"] })),
            (of(None), None)
        );
        let lost = Lost { day: 3, of_day: Cash(-5), in_all: Cash(7) };
        assert_eq!(add(Kind::Stop, json!({ "why": "x", "flat": true, "lost": [3, "-5", "7"] })), (None, Some(lost)));
        // one that ended before it looked at anything
        assert_eq!(add(Kind::Stop, json!({ "why": "x", "flat": true, "lost": null })), (None, Some(lost)));
    }

    /// A state that is written reads back as it was, and one that is kept from before reads as it did: when this fails after a type
    /// of a state was changed, [`LAYOUT`] goes up and a new file is kept.
    #[test]
    fn a_state_has_the_layout_of_its_number() {
        let Saved { beside, machine, carry, signals } = read(STATE).expect("a state");
        assert!(state_bytes(&beside, &machine, &carry, &signals) == STATE);
        let own = (machine.trader(), machine.belief(), machine.equity(), machine.tally(), &machine.venues().events);
        let text = format!("{beside:?} {own:?} {carry:?} {signals:?}");
        assert_eq!(&blake3::hash(text.as_bytes()).to_hex()[..16], "972d4999a5bf8980", "layout {LAYOUT}");
        let mut other = STATE.to_vec();
        other[0] = 99;
        assert!(read(&other).err().is_some_and(|why| why.contains("99")));
        assert!(read(&STATE[..STATE.len() - 1]).is_err() && read(&[]).is_err());
    }

    fn order(id: u32) -> NewOrder {
        let (side, kind) = (Side::Buy, OrderKind::PostOnly);
        let (id, venue, limit) = (OrderId(id), Role::Long, Price(5));
        NewOrder { id, venue, side, qty: Qty(10), limit, kind, reduce_only: false, covers: false }
    }

    fn past(records: &[(Kind, serde_json::Value)]) -> Past {
        let mut past = Past::default();
        for (n, (kind, body)) in (1i64..).zip(records) {
            let stamp = Stamp { wall_ns: n * HOUR.0, mono_ns: 0, engine: Time(0) };
            let body = if *kind == Kind::State { STATE.to_vec() } else { body.to_string().into_bytes() };
            past.add(Record { seq: n.unsigned_abs(), stamp, kind: *kind, body });
        }
        past
    }

    fn heard(body: EventBody, name: Option<&str>) -> (Kind, serde_json::Value) {
        let event = Event { at: Time(1), venue_time: Time(1), met: Mid::ZERO, venue: Role::Long, body };
        let mut value = json!(event);
        value["name"] = json!(name);
        (Kind::Event, value)
    }

    fn fill(id: u32, qty: i64) -> EventBody {
        let (id, side, px, fee) = (OrderId(id), Side::Buy, Price(5), Cash(-1));
        EventBody::Fill { id, side, px, qty: Qty(qty), maker: true, fee }
    }

    #[test]
    fn what_stands_behind_the_newest_state_is_heard_again_and_orders_without_an_end_are_asked_for() {
        let batch = |ids: &[u32]| {
            let commands: Vec<Command> = ids.iter().map(|id| Command::Place(order(*id))).collect();
            (Kind::Batch, json!({ "commands": commands }))
        };
        let (start, state) = ((Kind::Start, json!({})), (Kind::State, json!({})));
        let records = [
            start.clone(),
            batch(&[1, 2]),
            heard(EventBody::Accepted { id: OrderId(2) }, None),
            heard(fill(2, 4), Some("a")),
            heard(EventBody::Done { id: OrderId(1), filled: Qty(0) }, None),
            start,
            batch(&[3]),
            state,
            heard(fill(2, 1), Some("b")),
        ];
        let resumed = past(&records).resumed(Path::new("run")).expect("a state").expect("it goes on");
        let [long, short] = resumed.past;
        let number = |epoch| RunNumber { tag: 0, epoch };
        let second = PastOrder {
            order: order(2),
            number: number(1),
            sent_at: Time::at(2 * HOUR),
            filled: Qty(5),
            is_accepted: true,
        };
        let third = PastOrder {
            order: order(3),
            number: number(2),
            sent_at: Time::at(7 * HOUR),
            filled: Qty(0),
            is_accepted: false,
        };
        assert_eq!(long.orders, [second, third]);
        assert_eq!((long.booked.into_iter().collect::<Vec<_>>().join(" "), long.since), ("a b".into(), Time::at(HOUR)));
        assert!(short.orders.is_empty() && short.booked.is_empty());
        // of the state's own order no batch tells: it never left
        let own = resumed.saved.machine.trader().orders()[0].id;
        let unheard: Vec<&Event> = resumed.saved.machine.venues().events.iter().collect();
        assert!(matches!(unheard[..], [first, never]
            if first.body == fill(2, 1) && never.body == EventBody::Rejected { id: own, reason: Reject::Journal }));
    }

    /// What was said to a folder waits for a process; what was said to a process, or done, waits no more. A cut takes numbers with it.
    #[test]
    fn what_an_operator_said_is_kept_until_it_is_done() {
        let said = |verb: &str, by: &str| (Kind::Operator, json!({ "verb": verb, "by": by, "reason": "why" }));
        let begun = (Kind::Start, json!({}));
        let earlier = [said("adopt grvt", TO_A_FOLDER), said("explain-balance lighter", TO_A_FOLDER), begun.clone()];
        let waits: Vec<(Settling, String)> =
            past(&earlier).said.into_iter().map(|said| (said.settling, said.venue)).collect();
        let (adopt, explain) = (Settling::Adopt, Settling::ExplainBalance);
        assert_eq!(waits, [(adopt, "grvt".to_owned()), (explain, "lighter".to_owned())]);
        let done =
            [&earlier[..], &[said("adopt grvt", "the start"), said("adopt lighter", "ctl"), said("pause", "ctl")]]
                .concat();
        assert_eq!(past(&done).said.len(), 1);
        assert_eq!(past(&[begun.clone(), said(SALVAGE, "journal"), begun]).starts, 2 + LOST_STARTS);
    }

    #[test]
    fn what_ended_flat_is_over_until_something_is_begun_again() {
        let (state, stop) = ((Kind::State, json!({})), |flat: bool| (Kind::Stop, json!({ "why": "", "flat": flat })));
        let goes_on =
            |records: &[(Kind, serde_json::Value)]| past(records).resumed(Path::new("run")).expect("a state").is_some();
        assert!(!goes_on(&[(Kind::Start, json!({}))]));
        assert!(goes_on(&[state.clone(), stop(false)]));
        assert!(!goes_on(&[state.clone(), stop(true)]));
        // another start that came to nothing changes nothing
        assert!(!goes_on(&[state.clone(), stop(true), (Kind::Start, json!({})), stop(false)]));
        assert!(goes_on(&[state.clone(), stop(true), (Kind::Start, json!({})), state]));
    }
}
