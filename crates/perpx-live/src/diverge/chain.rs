//! The chain of replays, and what each step of it costs.

use super::episode::{Episode, Foreign, Made};
use super::latency::{Ways, measured};
use super::port::{Answers, Rules, Twins};
use super::replay::{Given, Replayed, Rows, in_cash, replay};
use super::rows::{AsSeen, SeenTape};
use crate::LiveError;
use perpx_core::config::World;
use perpx_core::ledger::VenueBook;
use perpx_core::market::{Command, Event, EventBody, FundingPrice, NewOrder, OrderId, Role};
use perpx_core::tape::rows::FundingKind;
use perpx_core::units::{Cash, HOUR, MINUTE, MidValue, Price, Qty, Rate, Time};
use perpx_data::backtest::Bound;
use perpx_data::loader::Tape;
use serde::Serialize;

/// What a difference is due to, in the order of the chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Cause {
    /// Money that the trader did not make.
    Unexplained,
    /// Funding as booked beside rate times price of the tape.
    Funding,
    /// Fees as booked beside the profile's.
    Fee,
    /// How orders filled beside how the simulation fills them, at the same times.
    Fill,
    /// What limits, operators and deaths changed.
    Hands,
    /// How long messages took beside how long the world says they take.
    Latency,
    /// What was received beside what a sweep reads.
    Feed,
}

impl Cause {
    /// In the order of the chain: the step from each replay to the next.
    pub const ALL: [Cause; 7] =
        [Cause::Unexplained, Cause::Funding, Cause::Fee, Cause::Fill, Cause::Hands, Cause::Latency, Cause::Feed];

    /// As it is printed.
    pub fn name(self) -> &'static str {
        match self {
            Cause::Unexplained => "unexplained",
            Cause::Funding => "funding",
            Cause::Fee => "fee",
            Cause::Fill => "fill",
            Cause::Hands => "hands",
            Cause::Latency => "latency",
            Cause::Feed => "feed",
        }
    }
}

/// The first command that one replay made and the other did not.
#[derive(Clone, Debug, PartialEq)]
pub struct Fork {
    /// Of both lists, the place of it.
    pub place: usize,
    /// `None`: that one made no more.
    pub here: Option<Made>,
    pub there: Option<Made>,
}

impl Fork {
    /// For people; `venues`: by role.
    pub fn words(&self, venues: &[String; 2]) -> String {
        let said = |made: &Option<Made>| match made {
            Some((at, command)) => format!("{} at {}", command_words(*command, venues), at.to_milli()),
            None => "nothing more".to_owned(),
        };
        format!("command {}: here {}, there {}", self.place + 1, said(&self.here), said(&self.there))
    }
}

/// A command in words; `venues`: by role.
pub fn command_words(command: Command, venues: &[String; 2]) -> String {
    let venue = &venues[command.venue().ix()];
    match command {
        Command::Place(order) => {
            let (side, only) = (order.side.name(), if order.reduce_only { " reduce-only" } else { "" });
            format!("{side} {} at {} {:?}{only} on {venue}", order.qty, order.limit, order.kind)
        }
        Command::Cancel { id, .. } => format!("cancel {} on {venue}", id.0),
        Command::Modify { id, qty, limit, .. } => format!("change {} to {qty} at {limit} on {venue}", id.0),
        Command::Query { id, .. } => format!("ask for {} on {venue}", id.0),
    }
}

/// What is replayed with what.
pub struct Inputs<'a> {
    pub episode: &'a Episode,
    pub bound: &'a Bound,
    pub tape: &'a SeenTape,
    /// As a sweep reads the stretch; why not.
    pub stored: Result<&'a Tape, String>,
}

/// What became of an episode.
pub struct Chain {
    /// What the journal booked.
    pub booked: Cash,
    pub foreign: Vec<Foreign>,
    /// A1 to A7; up to the first that could not be made.
    pub replays: Vec<Replayed>,
    /// Why A1 is not the journal.
    pub decision: Option<Fork>,
    /// Why there is no A7.
    pub no_store: Option<String>,
    pub ways: Ways,
}

impl Chain {
    /// Result of each replay, A0 first.
    pub fn results(&self) -> Vec<Cash> {
        std::iter::once(self.booked).chain(self.replays.iter().map(|replay| replay.result)).collect()
    }

    /// The parts that are known: each the result of a replay less the next one's.
    pub fn parts(&self) -> Vec<(Cause, Cash)> {
        let results = self.results();
        if self.decision.is_some() {
            return Vec::new();
        }
        Cause::ALL.into_iter().zip(results.windows(2)).map(|(cause, pair)| (cause, pair[0] - pair[1])).collect()
    }

    /// Where the decisions of a step first differ.
    pub fn fork(&self, cause: Cause) -> Option<Fork> {
        let step = Cause::ALL.iter().position(|other| *other == cause)?.checked_sub(1)?;
        let (here, there) = (self.replays.get(step)?, self.replays.get(step + 1)?);
        fork(here.made(), there.made())
    }
}

/// Where two lists of commands differ first, numbers of orders aside.
fn fork(here: impl Iterator<Item = Made>, there: impl Iterator<Item = Made>) -> Option<Fork> {
    let (here, there): (Vec<Made>, Vec<Made>) = (here.collect(), there.collect());
    let place = (0..here.len().max(there.len())).find(|&place| {
        let of = |all: &[Made]| all.get(place).map(|(at, command)| (*at, anonymous(*command)));
        of(&here) != of(&there)
    })?;
    Some(Fork { place, here: here.get(place).copied(), there: there.get(place).copied() })
}

/// A command without the number of its order.
fn anonymous(command: Command) -> Command {
    let id = OrderId(0);
    match command {
        Command::Place(order) => Command::Place(NewOrder { id, ..order }),
        Command::Cancel { venue, .. } => Command::Cancel { venue, id },
        Command::Modify { venue, qty, limit, .. } => Command::Modify { venue, id, qty, limit },
        Command::Query { venue, .. } => Command::Query { venue, id },
    }
}

/// What the journal wanted beside what A1 wanted, numbers of orders and all. What was never written down is no difference.
fn decision(episode: &Episode, replayed: &Replayed) -> Option<Fork> {
    let is_unsaid = |made: &Made| {
        episode.unsaid.iter().any(|(from, to)| made.0 >= *from && made.0 < *to) && !episode.made.contains(made)
    };
    let there: Vec<Made> = replayed.made().filter(|made| !is_unsaid(made)).collect();
    let here = &episode.made;
    let place = (0..here.len().max(there.len())).find(|&place| here.get(place) != there.get(place))?;
    Some(Fork { place, here: here.get(place).copied(), there: there.get(place).copied() })
}

/// Runs the chain over an episode.
///
/// # Errors
/// Rows that cannot be read.
pub fn chain(inputs: &Inputs<'_>) -> Result<Chain, LiveError> {
    let Inputs { episode, bound, stored, .. } = inputs;
    let ways = Ways::of(episode, &bound.plan.world);
    let as_they_took = measured(&bound.plan.world, &ways);
    let mut chain = Chain {
        booked: Cash::ZERO,
        foreign: episode.foreign.clone(),
        replays: Vec::new(),
        decision: None,
        no_store: stored.as_ref().err().cloned(),
        ways,
    };
    let written = inputs.written(&as_they_took)?;
    let foreign: Cash = episode.foreign.iter().map(|foreign| foreign.amount).sum();
    chain.booked = booked(episode, written.mids) + foreign;
    chain.decision = decision(episode, &written);
    // those that died before they were written down among them
    let twins = Twins::of(&written.made().collect::<Vec<_>>(), &episode.events);
    chain.replays.push(written);
    if chain.decision.is_some() {
        return Ok(chain);
    }
    let funded = funded(inputs)?;
    chain.replays.push(inputs.replay(Answers::Twins, (&as_they_took, twins.clone()), funded.clone())?);
    chain.replays.push(inputs.replay(
        Answers::Twins,
        (&as_they_took, twins.clone()),
        charged(funded, &bound.plan.world),
    )?);
    chain.replays.push(inputs.replay(Answers::Simulated, (&as_they_took, twins), Vec::new())?);
    chain.replays.push(inputs.untouched(Rows::Seen(inputs.seen(false)), &as_they_took)?);
    chain.replays.push(inputs.untouched(Rows::Seen(inputs.seen(false)), &bound.plan.world)?);
    if let Ok(tape) = stored {
        chain.replays.push(inputs.untouched(Rows::Stored(tape), &bound.plan.world)?);
    }
    Ok(chain)
}

impl<'a> Inputs<'a> {
    /// Where this program's decisions are not the journal's, with what the journal has heard.
    ///
    /// # Errors
    /// Rows that cannot be read.
    pub fn decision(&self) -> Result<Option<Fork>, LiveError> {
        let world = &self.bound.plan.world;
        Ok(decision(self.episode, &self.written(&measured(world, &Ways::of(self.episode, world)))?))
    }

    /// The journal made again.
    fn written(&self, as_they_took: &World) -> Result<Replayed, LiveError> {
        self.replay(Answers::Written, (as_they_took, Twins::default()), self.episode.events.clone())
    }

    fn seen(&self, with_downs: bool) -> AsSeen<'a> {
        let downs = if with_downs { &self.episode.downs[..] } else { &[] };
        AsSeen::new(self.tape, downs, &self.episode.events)
    }

    /// As limits, operators and deaths had it.
    fn replay(
        &self,
        answers: Answers,
        (world, twins): (&World, Twins),
        events: Vec<Event>,
    ) -> Result<Replayed, LiveError> {
        let rules = Rules { answers, mandates: Some(self.episode.mandates.clone()) };
        let settles = answers == Answers::Simulated;
        let given = Given { rows: Rows::Seen(self.seen(true)), rules, events, twins, world, settles };
        replay(self.episode, self.bound, given)
    }

    /// As if nobody had touched it.
    fn untouched(&self, rows: Rows<'_>, world: &World) -> Result<Replayed, LiveError> {
        let rules = Rules { answers: Answers::Simulated, mandates: None };
        replay(
            self.episode,
            self.bound,
            Given { rows, rules, events: Vec::new(), twins: Twins::default(), world, settles: true },
        )
    }
}

/// What the entries of the journal come to, the legs valued at these mids.
fn booked(episode: &Episode, [first, last]: [perpx_core::ledger::Mids; 2]) -> Cash {
    let belief = episode.saved.machine.belief();
    let mut books: [VenueBook; 2] = belief.books.clone();
    for event in episode.events.iter().filter(|event| event.body.is_entry()) {
        books[event.venue.ix()].apply(&event.body);
    }
    let worth = |books: &[VenueBook; 2], mids: perpx_core::ledger::Mids| -> MidValue {
        books.iter().zip(mids).map(|(book, mid)| book.equity(mid)).sum()
    };
    in_cash(worth(&books, last) + -worth(&belief.books, first))
}

/// The events, fees as the profile has them.
fn charged(mut events: Vec<Event>, world: &World) -> Vec<Event> {
    for event in &mut events {
        let venue = &world.venues[event.venue.ix()];
        if let EventBody::Fill { px, qty, maker, fee, .. } = &mut event.body {
            *fee = venue.fees.fee(px.of(*qty), *maker, venue.instrument.money_grid);
        }
    }
    events
}

/// The events, settlements at the rate and the price of the tape, where it has them.
fn funded(inputs: &Inputs<'_>) -> Result<Vec<Event>, LiveError> {
    let mut events = inputs.episode.events.clone();
    for event in &mut events {
        let EventBody::Funding { rate, px, .. } = event.body else { continue };
        let role = event.venue;
        let ts = event.venue_time.plus(HOUR / 2).floor_to(HOUR);
        let of_tape = settlement(inputs.tape, role, ts)?;
        let venue = &inputs.bound.plan.world.venues[role.ix()];
        let own = match venue.instrument.funding_price {
            FundingPrice::Mark => of_tape.mark,
            FundingPrice::Index => of_tape.index,
        };
        let (rate, px) = (of_tape.rate.unwrap_or(rate), if own.0 > 0 { own } else { px });
        let held = position_at(inputs.episode, role, event.venue_time);
        let amount = perpx_core::ledger::funding_due(held, px, rate, venue.instrument.money_grid);
        event.body = EventBody::Funding { amount, rate, px };
    }
    Ok(events)
}

/// What the tape says of a settlement.
#[derive(Default)]
struct TapeSettlement {
    rate: Option<Rate>,
    mark: Price,
    index: Price,
}

fn settlement(tape: &SeenTape, role: Role, ts: Time) -> Result<TapeSettlement, LiveError> {
    let (mut of_tape, v) = (TapeSettlement::default(), role.ix());
    for row in &tape.between(ts.plus(-HOUR.times(1)), ts)?[v].marks {
        (of_tape.mark, of_tape.index) = (row.mark, row.index);
    }
    let after = tape.between(ts, ts.plus(HOUR))?;
    let settled = after[v].funding.iter().filter(|row| row.kind == FundingKind::Settled);
    of_tape.rate = settled.filter(|row| row.ts.since(ts).0.abs() < MINUTE.0).map(|row| row.rate).next();
    Ok(of_tape)
}

/// Signed, as the fills of before a time of the venue's have it.
fn position_at(episode: &Episode, role: Role, at: Time) -> Qty {
    let begun = episode.saved.machine.belief().books[role.ix()].position();
    let of = episode.events.iter().filter(|event| event.venue == role && event.venue_time < at);
    of.fold(begun, |held, event| match event.body {
        EventBody::Fill { side, qty, .. } => held + side.signed(qty),
        EventBody::Liquidated { qty, .. } => held + role.closing().signed(qty),
        _ => held,
    })
}
