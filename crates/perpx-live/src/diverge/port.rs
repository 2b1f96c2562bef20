//! Venues of a replay of the chain: they answer as a journal has it, or as simulated ones do.

use perpx_core::config::World;
use perpx_core::ledger::VenueBook;
use perpx_core::market::{Command, Event, EventBody, MarginSchedule, NewOrder, OrderId, Reject, Role};
use perpx_core::port::{Mandate, Trader};
use perpx_core::replay::{Index, Job, RowsSeen, Simulated, VenuePort};
use perpx_core::sim::OrderTrace;
use perpx_core::tape::Tile;
use perpx_core::units::{Cash, NS, Time};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// Who answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answers {
    /// The journal, whatever is sent.
    Written,
    /// The journal, to orders that were sent then too; the simulation to others.
    Twins,
    /// The simulation.
    Simulated,
}

/// What an order is, beside its number: with these it has a twin.
type Likeness = (Role, Time, i64, i64, i64, u8, bool);

fn likeness(at: Time, order: &NewOrder) -> Likeness {
    (order.venue, at, order.side.sign(), order.qty.0, order.limit.0, order.kind as u8, order.reduce_only)
}

/// The orders of a journal, and what became of those that never left.
#[derive(Clone, Debug, Default)]
pub struct Twins {
    orders: BTreeMap<Likeness, VecDeque<OrderId>>,
    /// What a limit, or the journal itself, refused.
    refused: BTreeMap<OrderId, Event>,
}

impl Twins {
    /// Of what was decided and heard.
    pub fn of(made: &[(Time, Command)], events: &[Event]) -> Twins {
        let mut twins = Twins::default();
        for (at, command) in made {
            if let Command::Place(order) = command {
                twins.orders.entry(likeness(*at, order)).or_default().push_back(order.id);
            }
        }
        for event in events {
            if let EventBody::Rejected { id, reason: Reject::Gate | Reject::Journal } = event.body {
                twins.refused.insert(id, *event);
            }
        }
        twins
    }

    fn take(&mut self, at: Time, order: &NewOrder) -> Option<OrderId> {
        self.orders.get_mut(&likeness(at, order))?.pop_front()
    }
}

/// How a replay's venues differ from those of the day.
pub struct Rules {
    pub answers: Answers,
    /// What the trader might do from a time on; `None`: everything, and no limit refuses anything.
    pub mandates: Option<Vec<(Time, Mandate)>>,
}

/// Both venues of a replay.
pub struct ChainPort {
    rules: Rules,
    sims: Simulated,
    /// As booked, where the journal answers.
    books: [VenueBook; 2],
    /// By role.
    margins: [MarginSchedule; 2],
    /// Of the journal, by the time of hearing.
    written: VecDeque<Event>,
    twins: Twins,
    /// Of the journal's orders: their numbers here.
    numbers: BTreeMap<OrderId, OrderId>,
    /// Orders that the simulation answers beside the journal.
    own: BTreeSet<OrderId>,
    /// Known without a venue.
    local: VecDeque<Event>,
    /// Nobody is there before this: what comes is heard then.
    absent_until: Option<Time>,
    held: VecDeque<Event>,
}

impl ChainPort {
    /// Accounts as they are in `books` at `from`; what a journal has written from there on.
    pub fn new(
        rules: Rules,
        (books, from): (&[VenueBook; 2], Time),
        world: &World,
        written: impl IntoIterator<Item = Event>,
        twins: Twins,
    ) -> ChainPort {
        let margins = world.venues.each_ref().map(|venue| venue.instrument.margin.clone());
        let sims = Simulated::holding(books, &margins, from);
        let written = if rules.answers == Answers::Simulated { VecDeque::new() } else { written.into_iter().collect() };
        ChainPort {
            rules,
            sims,
            books: books.clone(),
            margins,
            written,
            twins,
            numbers: BTreeMap::new(),
            own: BTreeSet::new(),
            local: VecDeque::new(),
            absent_until: None,
            held: VecDeque::new(),
        }
    }

    /// Nobody is there before `until`: what comes meanwhile is heard then.
    pub fn leave(&mut self, until: Time) {
        if self.rules.answers == Answers::Simulated {
            self.absent_until = Some(until);
        }
    }

    /// The next event that the journal has for this replay, at or before `limit`.
    fn next_written(&mut self, limit: Time) -> Option<Event> {
        loop {
            let mut event = self.written.pop_front_if(|event| event.at <= limit)?;
            if self.rules.answers == Answers::Twins {
                if let Some(written) = event.body.order() {
                    // one of an order that this replay did not send is left out
                    let Some(number) = self.numbers.get(&written) else { continue };
                    event.body = renumbered(event.body, *number);
                }
                let held = self.books[event.venue.ix()].leg.qty;
                if closed(&event, self.books[event.venue.ix()].role).is_some_and(|qty| qty > held) {
                    continue;
                }
            }
            return Some(event);
        }
    }

    fn next_simulated(
        &mut self,
        around: &mut <Simulated as VenuePort>::Surroundings<'_>,
        limit: Time,
    ) -> Option<Event> {
        let local = self.local.front().map_or(limit, |event| event.at.min(limit));
        let simulated = self.sims.next_event(around, local, false);
        simulated.or_else(|| self.local.pop_front_if(|event| event.at <= limit))
    }
}

/// Base coins of a leg that an event closes.
fn closed(event: &Event, role: Role) -> Option<perpx_core::units::Qty> {
    match event.body {
        EventBody::Fill { side, qty, .. } if side == role.closing() => Some(qty),
        EventBody::Liquidated { qty, .. } => Some(qty),
        _ => None,
    }
}

fn renumbered(body: EventBody, id: OrderId) -> EventBody {
    match body {
        EventBody::Accepted { .. } => EventBody::Accepted { id },
        EventBody::Rejected { reason, .. } => EventBody::Rejected { id, reason },
        EventBody::Fill { side, px, qty, maker, fee, .. } => EventBody::Fill { id, side, px, qty, maker, fee },
        EventBody::Done { filled, .. } => EventBody::Done { id, filled },
        EventBody::CancelRejected { .. } => EventBody::CancelRejected { id },
        EventBody::Status { state, .. } => EventBody::Status { id, state },
        other => other,
    }
}

impl VenuePort for ChainPort {
    const IS_REPLAYED: bool = false;
    type Surroundings<'p> = <Simulated as VenuePort>::Surroundings<'p>;

    fn surroundings<'p, T: Trader>(
        job: &'p Job<'_, T>,
        tile: &'p Tile,
        index: Option<&'p Index>,
        rows_seen: RowsSeen,
    ) -> Self::Surroundings<'p> {
        Simulated::surroundings(job, tile, index, rows_seen)
    }

    fn begin(&mut self, around: &Self::Surroundings<'_>, _follows: bool) {
        self.sims.begin(around, false);
    }

    fn end(&mut self, around: &mut Self::Surroundings<'_>, until: Time) {
        self.sims.end(around, until);
    }

    fn submit(&mut self, around: &mut Self::Surroundings<'_>, now: Time, ordinal: u32, command: Command) {
        let is_written = self.rules.answers == Answers::Written;
        match command {
            _ if is_written => {}
            Command::Place(order) => match (self.twins.take(now, &order), self.rules.answers) {
                (Some(twin), Answers::Twins) => {
                    self.numbers.insert(twin, order.id);
                }
                (Some(twin), _) if self.rules.mandates.is_some() && self.twins.refused.contains_key(&twin) => {
                    let refused = self.twins.refused[&twin];
                    let at = refused.at.max(now.plus(NS));
                    let event = Event { at, venue_time: at, body: renumbered(refused.body, order.id), ..refused };
                    let place = self.local.partition_point(|other| other.at <= at);
                    self.local.insert(place, event);
                }
                (_, answers) => {
                    if answers == Answers::Twins && self.own.is_empty() {
                        self.sims = Simulated::holding(&self.books, &self.margins, now);
                        self.sims.begin(around, false);
                    }
                    self.own.insert(order.id);
                    self.sims.submit(around, now, ordinal, command);
                }
            },
            _ if self.own.contains(&command.order()) => self.sims.submit(around, now, ordinal, command),
            _ => {}
        }
    }

    fn next_event(&mut self, around: &mut Self::Surroundings<'_>, limit: Time, _undue: bool) -> Option<Event> {
        match self.rules.answers {
            Answers::Written => self.next_written(limit),
            Answers::Twins => {
                let written = self.written.front().map_or(limit, |event| event.at.min(limit));
                let simulated = if self.own.is_empty() { None } else { self.sims.next_event(around, written, false) };
                let event = match simulated {
                    Some(event) => event,
                    None => {
                        let event = self.next_written(limit)?;
                        if !self.own.is_empty() && event.body.is_entry() {
                            self.sims.transfer(around, &event);
                        }
                        event
                    }
                };
                self.books[event.venue.ix()].apply(&event.body);
                Some(event)
            }
            Answers::Simulated => {
                if let Some(until) = self.absent_until {
                    while let Some(event) = self.next_simulated(around, limit.min(until.plus(-NS))) {
                        self.held.push_back(Event { at: until, ..event });
                    }
                    if limit < until {
                        return None;
                    }
                    if let Some(event) = self.held.pop_front() {
                        return Some(event);
                    }
                    self.absent_until = None;
                }
                self.next_simulated(around, limit)
            }
        }
    }

    fn transfer(&mut self, around: &Self::Surroundings<'_>, event: &Event) {
        self.sims.transfer(around, event);
    }

    fn most_free(&self, role: Role) -> Option<Cash> {
        (self.rules.answers == Answers::Simulated).then(|| self.sims.most_free(role))?
    }

    fn take_log(&mut self) -> Vec<OrderTrace> {
        Vec::new()
    }

    fn mandate(&self, now: Time) -> Mandate {
        let Some(mandates) = &self.rules.mandates else { return Mandate::FULL };
        let next = mandates.partition_point(|(from, _)| *from <= now);
        next.checked_sub(1).map_or(Mandate::FULL, |place| mandates[place].1)
    }
}
