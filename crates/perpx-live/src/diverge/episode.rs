//! What a journal tells of a run, so that it can be made again: from a state with nothing under way to an end.
//!
//! A death is a stretch in which nobody was there: what was heard since the newest state is heard when the run goes on, and what the
//! machine wanted and no batch names never left.

use crate::LiveError;
use crate::journal::folder::Journal;
use crate::journal::record::{Kind, Record};
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
    pub fn from(&self) -> Time {
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
    all.retain(|episode| episode.from() < to && episode.end > from);
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
    entries: [i128; 2],
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
            let most = Cash(MICRO.0 * (self.entries[v] + 1));
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

/// Balances are told in these, cut off.
const MICRO: Cash = Cash(1_000_000);

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
            Kind::Recon => self.told(engine, &record.body),
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
    fn told(&mut self, engine: Time, body: &[u8]) {
        #[derive(Deserialize)]
        struct Told {
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
        }
        if let Ok(Named { role, explained }) = serde_json::from_slice(body)
            && let (Some(known), Ok(explained)) = (self.accounts.explained.get_mut(role), explained.parse())
        {
            *known = Cash(explained);
        }
        let Ok(Told { venues }) = serde_json::from_slice::<Told>(body) else { return };
        let cash = venues.map(|venue| parse_scaled(&venue.cash, 12).map(Cash));
        if let ([Some(long), Some(short)], Some(open)) = (cash, &mut self.open) {
            open.foreign.extend(self.accounts.compare(engine, [long, short]));
        }
    }
}

fn is_refusal(body: &EventBody) -> bool {
    matches!(body, EventBody::Rejected { reason: Reject::Journal, .. })
}
