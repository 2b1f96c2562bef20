//! A recorder that follows each trade from the gate to the last answer.

use perpx_core::ledger::Lines;
use perpx_core::market::{Bbo, Command, Event, EventBody, Role};
use perpx_core::port::Transition;
use perpx_core::sim::OrderTrace;
use perpx_core::stats::LeggingRow;
use perpx_core::stats::{FullRecord, Recorder, Scene, TransitionRow};
use perpx_core::strategy::Plan;
use perpx_core::units::{MidValue, Time};
use perpx_core::watch::{Cmp, EvalCtx, Op, Rule, Series, fires, holds, sides};

/// What a condition of the gate means for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    Must,
    MustNot,
    Vote,
}

/// A condition of the gate at the tick that opened it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Reading {
    pub cmp: Cmp,
    pub need: Need,
    /// In the units of [`sides`]; NaN = unknown.
    pub value: f64,
    pub level: f64,
    pub holds: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub enum What {
    /// The gate opened for this first leg; so many of the votes were needed.
    Gate {
        first: Role,
        needed: u8,
        readings: Vec<Reading>,
    },
    Transition(TransitionRow),
    /// With its venue's book as we saw it.
    Command {
        command: Command,
        best: Bbo,
    },
    Trace(OrderTrace),
    /// `end`: it comes of the end of the data.
    Answer {
        event: Event,
        end: bool,
    },
    /// An episode of legging ended.
    Legging(LeggingRow),
}

#[derive(Clone, Debug, PartialEq)]
pub struct Item {
    pub at: Time,
    pub what: What,
}

/// Everything between leaving S0 and the return to it, and what was learnt of it later.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Episode {
    /// As `trades.parquet` counts; 0 = nothing filled.
    pub trade: u32,
    pub opened: Time,
    /// `None`: open at the end of the data.
    pub closed: Option<Time>,
    /// Of the first and the last transition.
    pub reasons: [u8; 2],
    pub fills: u32,
    pub lines: Lines,
    /// In the order of time.
    pub items: Vec<Item>,
    before: Lines,
}

impl Episode {
    /// Net of fees, funding and liquidation, quote units.
    pub fn pnl(&self) -> f64 {
        crate::report::money(self.lines.total())
    }

    pub fn legging(&self) -> impl Iterator<Item = &LeggingRow> {
        self.items.iter().filter_map(|item| match &item.what {
            What::Legging(row) => Some(row),
            _ => None,
        })
    }
}

pub struct Blotter {
    pub record: FullRecord,
    pub episodes: Vec<Episode>,
    /// The gate of each direction, the funding guard among what must not hold.
    gates: Vec<(Role, Rule)>,
}

impl Blotter {
    pub fn new(plan: &Plan) -> Blotter {
        let gate = |(first, rule): &(Role, Rule)| {
            let mut rule = rule.clone();
            if let Some(limit) = plan.strategy.risk.funding_guard_apr {
                let legs = plan.opened_legs(*first);
                rule.unless(Series::Apr { kind: plan.funding, legs }, Op::Gt, legs.level(limit));
            }
            (*first, rule)
        };
        let gates = plan.gates.iter().map(gate).collect();
        Blotter { record: FullRecord::default(), episodes: Vec::new(), gates }
    }

    /// The episode of a trade.
    pub fn trade(&self, number: u32) -> Option<&Episode> {
        self.episodes.iter().find(|episode| episode.trade == number)
    }

    pub fn trades(&self) -> impl Iterator<Item = &Episode> {
        self.episodes.iter().filter(|episode| episode.trade > 0)
    }

    /// Puts an item into the present episode, else the last. What an order met at its venue is learnt late and belongs earlier.
    fn push(&mut self, at: Time, what: What) {
        let Some(episode) = self.episodes.last_mut() else { return };
        let place = episode.items.partition_point(|item| item.at <= at);
        episode.items.insert(place, Item { at, what });
    }

    fn gate(&self, scene: &Scene<'_>) -> Option<What> {
        let ctx = EvalCtx { local: scene.local, signals: scene.signals };
        let (first, rule) = self.gates.iter().find(|(_, rule)| fires(rule, ctx, scene.row, None))?;
        let time = Time(scene.local.time[scene.row]);
        let read = |cmp: &Cmp, need: Need| {
            let [value, level] = sides(cmp, ctx, scene.row, time, None);
            Reading { cmp: *cmp, need, value, level, holds: holds(cmp, ctx, scene.row, time, None) }
        };
        let votes = rule.votes.iter().map(|cmp| read(cmp, Need::Vote));
        let all = rule.all.iter().map(|cmp| read(cmp, Need::Must));
        let none = rule.none.iter().map(|cmp| read(cmp, Need::MustNot));
        Some(What::Gate { first: *first, needed: rule.needed, readings: votes.chain(all).chain(none).collect() })
    }

    fn revalue(&mut self, scene: &Scene<'_>) {
        if let Some(episode) = self.episodes.last_mut().filter(|episode| episode.closed.is_none()) {
            episode.lines = scene.belief.lines.minus(&episode.before);
        }
    }
}

impl Recorder for Blotter {
    fn follows(&self) -> bool {
        true
    }

    fn transition(&mut self, scene: &Scene<'_>, transition: &Transition) {
        if transition.from == 0 {
            let before = scene.belief.lines;
            let reasons = [transition.reason; 2];
            self.episodes.push(Episode { opened: scene.now, reasons, before, ..Episode::default() });
            if let Some(gate) = self.gate(scene) {
                self.push(scene.now, gate);
            }
        }
        self.record.transition(scene, transition);
        self.revalue(scene);
        if let Some(row) = self.record.transitions.last().copied() {
            self.push(scene.now, What::Transition(row));
        }
        if let Some(episode) = self.episodes.last_mut().filter(|_| transition.to == 0) {
            (episode.closed, episode.reasons[1]) = (Some(scene.now), transition.reason);
        }
    }

    fn entry(&mut self, scene: &Scene<'_>, event: &Event, end: bool) {
        self.record.entry(scene, event, end);
        self.revalue(scene);
        let number = self.record.trades.len() as u32 + 1;
        let Some(episode) = self.episodes.last_mut() else { return };
        if episode.closed.is_none() && matches!(event.body, EventBody::Fill { .. }) {
            (episode.trade, episode.fills) = (number, episode.fills + 1);
        }
        if let Some(Item { what: What::Answer { event: before, end: at_end }, .. }) = episode.items.last_mut()
            && before == event
        {
            *at_end = end;
        }
    }

    fn command(&mut self, scene: &Scene<'_>, command: &Command) {
        let best = scene.local.bbo(scene.row, command.venue());
        self.push(scene.now, What::Command { command: *command, best });
    }

    fn trace(&mut self, trace: &OrderTrace) {
        self.push(trace.at, What::Trace(*trace));
    }

    fn answer(&mut self, event: &Event) {
        self.push(event.at, What::Answer { event: *event, end: false });
    }

    fn legging(&mut self, row: &LeggingRow) {
        self.record.legging(row);
        self.push(row.to, What::Legging(*row));
    }

    fn equity(&mut self, at: Time, equity: MidValue) {
        self.record.equity(at, equity);
    }
}
