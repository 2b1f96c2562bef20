//! What a journal tells of a run, so that it can be made again: from a state with nothing under way to an end.
//!
//! A death is a stretch in which nobody was there: what was heard since the newest state is heard when the run goes on, and what the
//! machine wanted and no batch names never left.

use crate::LiveError;
use crate::journal::folder::Journal;
use crate::journal::record::{Kind, Record};
use crate::reconcile::told_within;
use crate::recovery::{Past, Saved};
use perpx_core::ledger::VenueBook;
use perpx_core::market::{Command, Event, EventBody, Reject, Role};
use perpx_core::port::{Mandate, Trader};
use perpx_core::units::{Cash, NS, Time, parse_scaled};
use serde::Deserialize;
use std::path::{Path, PathBuf};

/// Nobody was there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Down {
    /// The first moment that the machine which went on had not looked at.
    pub from: Time,
    /// When the process began that went on: it received nothing before.
    pub again: Time,
    /// When it went on.
    pub to: Time,
}

/// A command of the trader's, and when it was decided.
pub type Made = (Time, Command);

/// A stretch of a run whose machine goes on all the way.
pub struct Episode {
    /// Where it begins.
    pub saved: Saved,
    /// In the order of hearing, at the time of hearing.
    pub events: Vec<Event>,
    /// What the trader might do from a time on.
    pub mandates: Vec<(Time, Mandate)>,
    /// In their order, those that limits refused among them.
    pub made: Vec<Made>,
    pub downs: Vec<Down>,
    /// Decided between these times, and never written down: a process died before that.
    pub unsaid: Vec<(Time, Time)>,
    /// Entries that no order of the run explains.
    pub foreign: Vec<Foreign>,
    /// The last moment.
    pub end: Time,
    /// What ran it.
    pub codes: Vec<String>,
    /// It goes on from before the time that was asked for.
    pub is_earlier: bool,
}

/// Money that the trader did not make.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Foreign {
    pub at: Time,
    pub role: Role,
    pub amount: Cash,
    pub what: String,
}

impl Episode {
    fn new(saved: Saved, mandate: Mandate) -> Episode {
        let (from, end) = (saved.beside.end, saved.beside.end);
        Episode {
            saved,
            events: Vec::new(),
            mandates: vec![(from, mandate)],
            made: Vec::new(),
            downs: Vec::new(),
            unsaid: Vec::new(),
            foreign: Vec::new(),
            end,
            codes: Vec::new(),
            is_earlier: false,
        }
    }

    /// The first moment.
    pub fn begin(&self) -> Time {
        self.saved.beside.end
    }

    /// Only what happened before `end`.
    fn cut(&mut self, end: Time) {
        self.end = self.end.min(end);
        self.events.retain(|event| event.at < end);
        self.made.retain(|(at, _)| *at < end);
        self.downs.retain(|down| down.from < end);
        self.foreign.retain(|foreign| foreign.at < end);
    }
}

/// The episodes of a journal that have a part in `[from, to)`. One begins at the newest state not after `from` at which nothing was
/// under way, or where the run did.
///
/// # Errors
/// A journal that is damaged, or a state of another layout.
pub fn episodes(folder: &Path, (from, to): (Time, Time)) -> Result<Vec<Episode>, LiveError> {
    let mut reading = Reading { folder: folder.to_path_buf(), from, ..Reading::default() };
    let mut failed = None;
    Journal::scan(folder, &mut |record| {
        if failed.is_none() {
            failed = reading.take(record).err();
        }
    })?;
    failed.map_or(Ok(()), Err)?;
    reading.finish();
    let mut all = reading.done;
    all.iter_mut().for_each(|episode| episode.cut(to));
    all.retain(|episode| episode.begin() < to && episode.end > from);
    Ok(all)
}

#[derive(Default)]
struct Reading {
    folder: PathBuf,
    from: Time,
    past: Past,
    done: Vec<Episode>,
    open: Option<Episode>,
    code: String,
    mandate: Mandate,
    /// Since the newest state: the first of these events, and whether a batch was written.
    state: Newest,
    /// A process has begun and does not go on yet.
    begun: Option<Begun>,
    /// The run goes on, and no state was written since.
    is_fresh: bool,
    accounts: Accounts,
}

/// What the venues say of their balances beside what was booked.
#[derive(Default)]
struct Accounts {
    /// As booked since the run was begun; `None`: it was not.
    books: Option<[VenueBook; 2]>,
    /// By role: booked so far, since each balance may be cut off at a millionth.
    entries: [u64; 2],
    /// By role: what an operator has named; what differed when both were looked at the last time.
    explained: [Cash; 2],
    differed: [Cash; 2],
}

impl Accounts {
    fn book(&mut self, event: &Event) {
        let v = event.venue.ix();
        if let Some(books) = self.books.as_mut().filter(|_| event.body.is_entry()) {
            books[v].apply(&event.body);
            self.entries[v] += 1;
        }
    }

    /// What both balances have that nothing explains and that was not there before.
    fn compare(&mut self, at: Time, said: [Cash; 2]) -> Vec<Foreign> {
        let Some(books) = &self.books else { return Vec::new() };
        let mut found = Vec::new();
        for role in Role::BOTH {
            let v = role.ix();
            let differs = said[v] - books[v].cash - self.explained[v];
            let most = told_within(self.entries[v]);
            let amount = differs - self.differed[v];
            if amount.0.abs() >= most.0 {
                self.differed[v] = differs;
                let what = "the venue's balance is not what was booked".to_owned();
                found.push(Foreign { at, role, amount, what });
            }
        }
        found
    }
}

#[derive(Default)]
struct Newest {
    /// The first moment that it has not looked at; and of the one before it.
    end: Option<Time>,
    before: Option<Time>,
    events: usize,
    has_batch: bool,
}

struct Begun {
    at: Time,
    /// Where the refusals of what never left belong, and they themselves.
    place: usize,
    refusals: Vec<Event>,
}

impl Reading {
    fn take(&mut self, record: Record) -> Result<(), LiveError> {
        let engine = record.stamp.engine;
        if let Some(open) = &mut self.open {
            open.end = open.end.max(engine.plus(NS));
        }
        match record.kind {
            Kind::Start => self.start(&record)?,
            Kind::State => self.state(&record)?,
            Kind::Event => self.event(&record.body),
            Kind::Batch => self.batch(engine, &record.body),
            Kind::MayOpen => self.may(engine, &record.body),
            Kind::Resumed => self.resumed(engine),
            Kind::Recon => self.compared(engine, &record.body),
            _ => {}
        }
        self.past.add(record);
        Ok(())
    }

    /// What is open goes on in this process, or ends.
    fn start(&mut self, record: &Record) -> Result<(), LiveError> {
        #[derive(Deserialize)]
        struct Start {
            code: String,
        }
        if let Ok(Start { code }) = serde_json::from_slice(&record.body) {
            self.code = code;
        }
        (self.mandate, self.is_fresh) = (Mandate::FULL, true);
        let resumed = match &self.open {
            Some(_) => self.past.clone().resumed(&self.folder)?,
            None => None,
        };
        let (Some(resumed), Some(open)) = (resumed, &mut self.open) else {
            self.finish();
            return Ok(());
        };
        // those that the journal has come first
        let heard = open.events.len() - self.state.events;
        let unheard = resumed.saved.machine.venues().events.iter().copied();
        let refusals = unheard.skip(heard).filter(|event| is_refusal(&event.body)).collect();
        self.begun = Some(Begun { at: record.stamp.engine, place: open.events.len(), refusals });
        Ok(())
    }

    fn finish(&mut self) {
        self.done.extend(self.open.take());
        (self.state, self.accounts, self.begun) = (Newest::default(), Accounts::default(), None);
    }

    fn state(&mut self, record: &Record) -> Result<(), LiveError> {
        let saved = Saved::read(&record.body).map_err(|why| LiveError::State {
            path: self.folder.clone(),
            why: format!("record {}: {why}", record.seq),
        })?;
        let (end, is_quiet) = (saved.beside.end, saved.machine.trader().is_quiet());
        let begins = match &self.open {
            None => true,
            Some(_) => is_quiet && end <= self.from && self.begun.is_none(),
        };
        if self.open.is_none() {
            self.accounts.books = Some(saved.machine.belief().books.clone());
        }
        if begins {
            let codes = vec![self.code.clone()];
            self.open = Some(Episode { codes, is_earlier: end < self.from, ..Episode::new(saved, self.mandate) });
            self.state = Newest::default();
        } else if self.is_fresh
            && let (Some(open), Some(begin)) = (&mut self.open, self.state.end)
        {
            open.mandates.push((begin, self.mandate));
        }
        self.is_fresh = false;
        let events = self.open.as_ref().map_or(0, |open| open.events.len());
        self.state = Newest { end: Some(end), before: self.state.end, events, has_batch: false };
        Ok(())
    }

    fn event(&mut self, body: &[u8]) {
        let (Ok(event), Some(open)) = (serde_json::from_slice::<Event>(body), &mut self.open) else { return };
        self.accounts.book(&event);
        open.events.push(event);
        #[derive(Deserialize)]
        struct Named {
            name: Option<String>,
        }
        // whatever a venue tells has its name of it; an operator's entry has none
        let has_name = serde_json::from_slice::<Named>(body).is_ok_and(|named| named.name.is_some());
        if let (EventBody::Fill { qty, px, .. } | EventBody::Liquidated { qty, px, .. }, false) = (event.body, has_name)
        {
            let what = format!("{qty} coins at {px}: adopted, no order of the run explains them");
            open.foreign.push(Foreign { at: event.at, role: event.venue, amount: Cash::ZERO, what });
        }
    }

    fn batch(&mut self, engine: Time, body: &[u8]) {
        #[derive(Deserialize)]
        struct Batch {
            commands: Vec<Command>,
            at: Option<Vec<Time>>,
            made: Option<Vec<Made>>,
        }
        self.state.has_batch = true;
        let (Ok(Batch { commands, at, made }), Some(open)) = (serde_json::from_slice(body), &mut self.open) else {
            return;
        };
        open.made.extend(made.unwrap_or_else(|| {
            let at = at.unwrap_or_else(|| vec![engine; commands.len()]);
            at.into_iter().zip(commands).collect()
        }));
    }

    fn may(&mut self, engine: Time, body: &[u8]) {
        #[derive(Deserialize)]
        struct May {
            mandate: Mandate,
        }
        let Ok(May { mandate }) = serde_json::from_slice(body) else { return };
        self.mandate = mandate;
        if let (Some(open), false) = (&mut self.open, self.is_fresh) {
            open.mandates.push((engine.plus(NS), mandate));
        }
    }

    fn resumed(&mut self, engine: Time) {
        let (Some(open), Some(begun), Some(end)) = (&mut self.open, self.begun.take(), self.state.end) else { return };
        open.events.splice(begun.place..begun.place, begun.refusals);
        open.events[self.state.events..].iter_mut().for_each(|event| event.at = engine);
        open.downs.push(Down { from: end, again: begun.at, to: engine });
        if !self.state.has_batch {
            open.unsaid.push((self.state.before.unwrap_or(open.saved.beside.end), end));
        }
        if open.codes.last() != Some(&self.code) {
            open.codes.push(self.code.clone());
        }
        self.state.events = open.events.len();
        // it waits for its first step
        self.mandate = Mandate::FULL;
    }

    /// Something was compared with the venues.
    fn compared(&mut self, engine: Time, body: &[u8]) {
        #[derive(Deserialize)]
        struct Said {
            venues: [Venue; 2],
        }
        #[derive(Deserialize)]
        struct Venue {
            cash: String,
        }
        #[derive(Deserialize)]
        struct Named {
            role: usize,
            explained: String,
            /// The venue's name of one that is not ours.
            fill: Option<String>,
        }
        let named = serde_json::from_slice::<Named>(body);
        if let (Ok(Named { role, fill: Some(name), .. }), Some(open)) = (&named, &mut self.open)
            && let Some(role) = Role::BOTH.get(*role)
        {
            let what = format!("fill {name} is of no order of this run");
            open.foreign.push(Foreign { at: engine, role: *role, amount: Cash::ZERO, what });
        }
        if let Ok(Named { role, explained, .. }) = named
            && let (Some(known), Ok(explained)) = (self.accounts.explained.get_mut(role), explained.parse())
        {
            *known = Cash(explained);
        }
        let Ok(Said { venues }) = serde_json::from_slice::<Said>(body) else { return };
        let cash = venues.map(|venue| parse_scaled(&venue.cash, 12).map(Cash));
        if let ([Some(long), Some(short)], Some(open)) = (cash, &mut self.open) {
            open.foreign.extend(self.accounts.compare(engine, [long, short]));
        }
    }
}

fn is_refusal(body: &EventBody) -> bool {
    matches!(body, EventBody::Rejected { reason: Reject::Journal, .. })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::record::Stamp;
    use crate::recovery::tests::STATE;
    use perpx_core::market::{NewOrder, OrderId, OrderKind, Side};
    use perpx_core::units::{Mid, Price, Qty, SECOND};
    use serde_json::{Value, json};

    /// Records at these seconds after the state that is kept, in their order.
    fn read(records: Vec<(i64, Kind, Value)>) -> Reading {
        let begin = Saved::read(STATE).expect("a state").beside.end;
        let mut reading = Reading { from: Time::MIN, ..Reading::default() };
        for (seq, (second, kind, body)) in (0..).zip(records) {
            let engine = begin.plus(second * SECOND);
            let stamp = Stamp { wall_ns: engine.0, mono_ns: 0, engine };
            let body = if kind == Kind::State { STATE.to_vec() } else { body.to_string().into_bytes() };
            reading.take(Record { seq, stamp, kind, body }).expect("a record");
        }
        reading
    }

    fn begin() -> Time {
        Saved::read(STATE).expect("a state").beside.end
    }

    fn fill(second: i64) -> Value {
        let at = begin().plus(second * SECOND);
        let (id, side, px, fee) = (OrderId(9), Side::Buy, Price(5), Cash(-1));
        let body = EventBody::Fill { id, side, px, qty: Qty(1), maker: false, fee };
        json!(Event { at, venue_time: at, met: Mid::ZERO, venue: Role::Long, body })
    }

    fn place(id: u32) -> Command {
        let (venue, side, kind) = (Role::Long, Side::Buy, OrderKind::Ioc);
        let (id, qty, limit) = (OrderId(id), Qty(1), Price(5));
        Command::Place(NewOrder { id, venue, side, qty, limit, kind, reduce_only: false, covers: false })
    }

    /// What was heard since the newest state is heard when the run goes on, and so is the refusal of what no batch names; what was
    /// decided in that step counts as unsaid.
    #[test]
    fn a_death_is_a_stretch_in_which_nobody_was_there() {
        let start = |code: &str| json!({ "code": code });
        let shut = Mandate { may_open: false, ..Mandate::FULL };
        let reading = read(vec![
            (-9, Kind::Start, start("a")),
            (0, Kind::State, Value::Null),
            (1, Kind::Event, fill(1)),
            (2, Kind::MayOpen, json!({ "mandate": shut, "why_not": [] })),
            // it dies; the next process dies before it goes on, and a third one goes on
            (10, Kind::Start, start("b")),
            (20, Kind::Start, start("c")),
            (22, Kind::Event, fill(22)),
            (25, Kind::Resumed, json!({})),
            (25, Kind::MayOpen, json!({ "mandate": shut, "why_not": [] })),
            (26, Kind::State, Value::Null),
        ]);
        let open = reading.open.expect("it goes on");
        let second = |second: i64| begin().plus(second * SECOND);
        assert_eq!(open.downs, [Down { from: begin(), again: second(20), to: second(25) }]);
        assert_eq!(open.unsaid, [(begin(), begin())]);
        assert_eq!(open.codes, ["a", "c"]);
        let heard: Vec<(Time, bool)> = open.events.iter().map(|event| (event.at, is_refusal(&event.body))).collect();
        // the state's own order was never written down
        assert_eq!(heard, [(second(25), false), (second(25), true), (second(25), false)]);
        let mandates: Vec<(Time, bool)> = open.mandates.iter().map(|(from, may)| (*from, may.may_open)).collect();
        assert_eq!(mandates, [(begin(), true), (second(2).plus(NS), false), (begin(), false)]);
    }

    /// Coins that an operator adopted, and fills of somebody else, are named; those of orders are not.
    #[test]
    fn what_no_order_explains_is_named() {
        let mut own = fill(1);
        own["name"] = json!("7 8");
        let reading = read(vec![
            (-9, Kind::Start, json!({ "code": "a" })),
            (0, Kind::State, Value::Null),
            (1, Kind::Event, own),
            (2, Kind::Event, fill(2)),
            (3, Kind::Recon, json!({ "role": 1, "explained": "0", "fill": "91 92" })),
        ]);
        let foreign = reading.open.expect("it goes on").foreign;
        let named: Vec<(Role, &str)> =
            foreign.iter().map(|one| (one.role, one.what.split(' ').next().unwrap_or(""))).collect();
        assert_eq!(named, [(Role::Long, "0.000000001"), (Role::Short, "fill")]);
        assert!(foreign[0].what.contains("adopted") && foreign[1].what.contains("91 92"), "{foreign:?}");
    }

    #[test]
    fn commands_are_those_that_were_wanted() {
        let at = begin().plus(SECOND);
        let reading = read(vec![
            (-9, Kind::Start, json!({ "code": "a" })),
            (0, Kind::State, Value::Null),
            (1, Kind::Batch, json!({ "commands": [place(1)], "at": [at] })),
            // a limit refused the one and cut the other; the third is of no trader
            (2, Kind::Batch, json!({ "commands": [place(3)], "made": [(at, place(2)), (at, place(3))] })),
            (3, Kind::Batch, json!({ "commands": [place(4)], "made": [] })),
        ]);
        let made = reading.open.expect("it goes on").made;
        assert_eq!(made, [(at, place(1)), (at, place(2)), (at, place(3))]);
    }

    /// Balances may be cut off at a millionth an entry; more than that is money that nothing explains, once.
    #[test]
    fn a_balance_that_differs_is_unexplained() {
        let books = Saved::read(STATE).expect("a state").machine.belief().books.clone();
        let said = |more: i128| {
            let of = |v: usize| (books[v].cash + Cash(if v == 0 { more } else { 0 })).to_string();
            json!({ "venues": [{ "cash": of(0) }, { "cash": of(1) }] })
        };
        let found = |records: Vec<Value>, explained: Option<&str>| {
            let mut all = vec![(-9, Kind::Start, json!({ "code": "a" })), (0, Kind::State, Value::Null)];
            all.extend(explained.map(|named| (1, Kind::Recon, json!({ "role": 0, "explained": named }))));
            all.extend(records.into_iter().map(|said| (2, Kind::Recon, said)));
            let foreign = read(all).open.expect("it goes on").foreign;
            foreign.into_iter().map(|foreign| (foreign.role, foreign.amount)).collect::<Vec<_>>()
        };
        let lost = -Cash::units(400).0;
        assert_eq!(found(vec![said(0), said(999_999)], None), []);
        assert_eq!(found(vec![said(lost), said(lost)], None), [(Role::Long, Cash(lost))]);
        assert_eq!(found(vec![said(lost)], Some(&lost.to_string())), [], "an operator has named it");
    }
}
