//! One replay of the chain: the machine of an episode moved again, from the same state, over the same time.

use super::episode::{Episode, Made};
use super::port::{ChainPort, Rules, Twins};
use super::rows::AsSeen;
use crate::LiveError;
use crate::session::FORGOTTEN;
use perpx_core::config::World;
use perpx_core::ledger::{Belief, Lines, Mids};
use perpx_core::market::{Command, Event, EventBody, OrderId, Role};
use perpx_core::port::{Trader, Transition};
use perpx_core::replay::{Job, Paced, RunState, TimeSource};
use perpx_core::signals::SignalEngine;
use perpx_core::stats::{Recorder, Scene};
use perpx_core::tape::{Carry, Tile};
use perpx_core::trader::Composite;
use perpx_core::units::{Cash, HOUR, Mid, MidValue, Notional, Price, Qty, Time};
use perpx_data::backtest::Bound;
use perpx_data::loader::Tape;
use std::collections::BTreeMap;

/// Every moment has come.
struct Now;

impl TimeSource for Now {
    fn wait(&mut self, _at: Time) -> bool {
        false
    }
}

/// A command, and what the trader saw.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Decision {
    pub at: Time,
    /// In which it was made, by number.
    pub state: u8,
    /// Of the newest transition.
    pub reason: u8,
    pub command: Command,
    /// The best opposite price, zero where there was none.
    pub touch: Price,
}

/// From one flat state to the next.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Trade {
    pub from: Time,
    /// `None`: it was open at the end.
    pub to: Option<Time>,
    /// Why it ended.
    pub reason: u8,
    pub net: MidValue,
    /// Of the decisions: the first that belongs to it.
    pub first: usize,
}

/// What of an order was filled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Filled {
    pub qty: Qty,
    pub value: Notional,
}

impl Filled {
    /// The average price.
    pub fn price(&self) -> f64 {
        self.value.as_f64() / self.qty.as_f64()
    }
}

/// What one replay came to.
#[derive(Clone, Debug, Default)]
pub struct Replayed {
    /// Of equity, from the first moment to the last: in 1e-12, rounded down once.
    pub result: Cash,
    pub decisions: Vec<Decision>,
    pub transitions: Vec<(Time, Transition)>,
    pub trades: Vec<Trade>,
    pub filled: BTreeMap<OrderId, Filled>,
    /// Where the money came from.
    pub lines: Lines,
    pub entries: usize,
    /// At the first and the last moment.
    pub mids: [Mids; 2],
}

impl Replayed {
    /// What was decided, and when.
    pub fn made(&self) -> impl Iterator<Item = Made> + '_ {
        self.decisions.iter().map(|decision| (decision.at, decision.command))
    }
}

#[derive(Default)]
struct Follower {
    reason: u8,
    decisions: Vec<Decision>,
    transitions: Vec<(Time, Transition)>,
    trades: Vec<Trade>,
    filled: BTreeMap<OrderId, Filled>,
    entries: usize,
    open: Option<(Time, MidValue, usize)>,
}

impl Follower {
    fn close(&mut self, at: Option<Time>, reason: u8, equity: MidValue) {
        if let Some((from, before, first)) = self.open.take() {
            self.trades.push(Trade { from, to: at, reason, net: equity + -before, first });
        }
    }
}

impl Recorder for Follower {
    fn follows(&self) -> bool {
        true
    }

    fn transition(&mut self, scene: &Scene<'_>, transition: &Transition) {
        self.reason = transition.reason;
        self.transitions.push((scene.now, *transition));
        let equity = scene.belief.equity(scene.mids);
        if transition.from == 0 {
            self.open = Some((scene.now, equity, self.decisions.len()));
        }
        if transition.to == 0 {
            self.close(Some(scene.now), transition.reason, equity);
        }
    }

    fn entry(&mut self, _scene: &Scene<'_>, event: &Event, _end: bool) {
        self.entries += 1;
        if let EventBody::Fill { id, px, qty, .. } = event.body {
            let filled = self.filled.entry(id).or_default();
            filled.qty += qty;
            filled.value += px.of(qty);
        }
    }

    fn command(&mut self, scene: &Scene<'_>, command: &Command) {
        let touch = match command {
            Command::Place(order) => scene.local.bbo(scene.row, order.venue).opposite(order.side).0,
            _ => Price(0),
        };
        let (state, reason) = (scene.state, self.reason);
        self.decisions.push(Decision { at: scene.now, state, reason, command: *command, touch });
    }
}

/// In 1e-12, rounded down.
pub fn in_cash(value: MidValue) -> Cash {
    value.to_notional().to_cash(Cash(1))
}

/// Where the rows of a replay come from.
pub enum Rows<'a> {
    /// As the trader saw them.
    Seen(AsSeen<'a>),
    /// As a sweep reads them.
    Stored(&'a Tape),
}

/// What differs from replay to replay.
pub struct Given<'a> {
    pub rows: Rows<'a>,
    pub rules: Rules,
    /// The journal's events, as this replay hears them.
    pub events: Vec<Event>,
    /// The run's orders, and what became of those that never left.
    pub twins: Twins,
    pub world: &'a World,
    /// The venues settle by the tape.
    pub settles: bool,
}

/// Moves the machine of an episode from its first moment to its last.
///
/// # Errors
/// Rows that cannot be read.
pub fn replay(episode: &Episode, bound: &Bound, given: Given<'_>) -> Result<Replayed, LiveError> {
    let Given { rows, rules, events, twins, world, settles } = given;
    let saved = &episode.saved;
    let job = Job { world, ..bound.job((saved.beside.from, episode.end)) };
    let has_downs = rules.mandates.is_some();
    let waiting = saved.machine.venues().events.iter().copied();
    let port =
        ChainPort::new(rules, (&saved.machine.belief().books, episode.begin()), world, waiting.chain(events), twins);
    let mut run = Run {
        begun: saved.machine.belief().clone(),
        state: saved.machine.clone().moved_to(port),
        engine: saved.signals.clone(),
        follower: Follower::default(),
        mids: None,
        last: [Mid::ZERO; 2],
        settles,
    };
    match rows {
        Rows::Seen(mut rows) => run.over_seen(episode, &job, &mut rows, has_downs)?,
        Rows::Stored(tape) => {
            for number in 0..tape.tiles() {
                let tile = tape.tile(number)?;
                run.tile(&job, &tile);
            }
        }
    }
    Ok(run.finish())
}

struct Run {
    state: RunState<Composite, ChainPort>,
    engine: SignalEngine,
    follower: Follower,
    /// At the first moment.
    mids: Option<Mids>,
    last: Mids,
    /// What was believed then.
    begun: Belief,
    settles: bool,
}

impl Run {
    fn tile(&mut self, job: &Job<'_, Composite>, tile: &Tile) {
        let mids_at = |row: usize| Role::BOTH.map(|role| tile.local.bbo(row, role).mid_or_none());
        if self.mids.is_none() {
            self.mids = Some(mids_at(0));
            if self.state.trader().state() != 0 {
                self.follower.open = Some((tile.start, self.begun.equity(mids_at(0)), 0));
            }
        }
        let signals = self.engine.tile(tile);
        self.state.run_tile(&mut Paced::new(Now), job, tile, &signals, &mut self.follower);
        self.last = mids_at(tile.local.len().saturating_sub(1));
    }

    fn finish(mut self) -> Replayed {
        let mids = [self.mids.unwrap_or_default(), self.last];
        let belief = self.state.belief();
        let (before, after) = (self.begun.equity(mids[0]), belief.equity(mids[1]));
        let lines = belief.lines.minus(&self.begun.lines);
        self.follower.close(None, self.follower.reason, after);
        let Follower { decisions, transitions, trades, filled, entries, .. } = self.follower;
        let result = in_cash(after + -before);
        Replayed { result, decisions, transitions, trades, filled, lines, entries, mids }
    }

    fn over_seen(
        &mut self,
        episode: &Episode,
        job: &Job<'_, Composite>,
        rows: &mut AsSeen<'_>,
        has_downs: bool,
    ) -> Result<(), LiveError> {
        let mut carry: Carry = episode.saved.carry.clone();
        let (mut at, end) = (episode.begin(), episode.end);
        let mut downs = episode.downs.iter().filter(|_| has_downs).peekable();
        while at < end {
            while let Some(down) = downs.next_if(|down| down.from <= at) {
                self.state.resume(down.to, FORGOTTEN);
                self.state.venues_mut().leave(down.to);
            }
            let hour = at.floor_to(HOUR).plus(HOUR);
            let to = downs.peek().map_or(end, |down| down.from.min(end)).min(hour);
            let mut tile = rows.tile(at, to, &mut carry)?;
            if !self.settles {
                tile.venues.iter_mut().for_each(|venue| venue.settlements.clear());
            }
            self.tile(job, &tile);
            at = to;
        }
        Ok(())
    }
}
