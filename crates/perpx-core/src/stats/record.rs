//! What a run may write down on the side. A sweep's first pass keeps nothing; the second pass of its best keeps all.

use super::LeggingRow;
use crate::ledger::{Belief, Line, Lines, Mids};
use crate::market::{Bbo, Command, Event, Role};
use crate::port::Transition;
use crate::signals::TileSignals;
use crate::sim::OrderTrace;
use crate::tape::Local;
use crate::units::{Mid, MidValue, Time};

/// The surroundings of something recorded, after it happened.
#[derive(Clone, Copy)]
pub struct Scene<'a> {
    /// When it happened, on the decision clock.
    pub now: Time,
    /// The last local tick.
    pub row: usize,
    /// The timeline of what had reached us.
    pub local: &'a Local,
    /// Of the same tile.
    pub signals: &'a TileSignals,
    /// Both accounts, after it.
    pub belief: &'a Belief,
    /// Mids at which money is valued here.
    pub mids: Mids,
    /// The trader's state.
    pub state: u8,
}

/// Whoever keeps what a run does, beyond its metrics. Every call comes in the order of the run's moments.
pub trait Recorder {
    /// False: equity samples that repeat may be skipped.
    fn keeps(&self) -> bool {
        true
    }
    /// True: orders are followed from decision to answer; [`Recorder::command`], [`Recorder::trace`] and
    /// [`Recorder::answer`] are called.
    fn follows(&self) -> bool {
        false
    }
    /// The trader changed its state; its entries before it have been recorded.
    fn transition(&mut self, _scene: &Scene<'_>, _transition: &Transition) {}
    /// A ledger entry: a fill, a funding settlement or a liquidation. `end`: booked by closing at the end of the data.
    fn entry(&mut self, _scene: &Scene<'_>, _event: &Event, _end: bool) {}
    /// An episode of legging ended, by the entry or transition recorded before.
    fn legging(&mut self, _row: &LeggingRow) {}
    /// A command leaves the trader.
    fn command(&mut self, _scene: &Scene<'_>, _command: &Command) {}
    /// What a request met at its venue; recorded before the first answer that follows it.
    fn trace(&mut self, _trace: &OrderTrace) {}
    /// Any event that reaches the trader, before it is booked.
    fn answer(&mut self, _event: &Event) {}
    /// A sample of equity.
    fn equity(&mut self, _at: Time, _equity: MidValue) {}
}

/// Keeps nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoRecord;

impl Recorder for NoRecord {
    fn keeps(&self) -> bool {
        false
    }
}

/// A recorder by reference: `&mut dyn Recorder` is one for all that another crate may write.
impl<R: Recorder + ?Sized> Recorder for &mut R {
    fn keeps(&self) -> bool {
        (**self).keeps()
    }

    fn follows(&self) -> bool {
        (**self).follows()
    }

    fn transition(&mut self, scene: &Scene<'_>, transition: &Transition) {
        (**self).transition(scene, transition);
    }

    fn entry(&mut self, scene: &Scene<'_>, event: &Event, end: bool) {
        (**self).entry(scene, event, end);
    }

    fn legging(&mut self, row: &LeggingRow) {
        (**self).legging(row);
    }

    fn command(&mut self, scene: &Scene<'_>, command: &Command) {
        (**self).command(scene, command);
    }

    fn trace(&mut self, trace: &OrderTrace) {
        (**self).trace(trace);
    }

    fn answer(&mut self, event: &Event) {
        (**self).answer(event);
    }

    fn equity(&mut self, at: Time, equity: MidValue) {
        (**self).equity(at, equity);
    }
}

/// A transition with what the trader saw.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TransitionRow {
    /// When, on the decision clock.
    pub at: Time,
    /// From which state to which, and why.
    pub transition: Transition,
    /// By role, as of the last tick.
    pub bbo: [Bbo; 2],
    /// bp; NaN when unknown.
    pub spread: f64,
    /// bid_short / ask_long; NaN when unknown.
    pub edge: f64,
    /// Of both accounts, at the mids of that tick.
    pub equity: MidValue,
}

/// A ledger entry and where it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EntryRow {
    /// Counted from 1; 0 = outside a trade.
    pub trade: u32,
    /// State in which it reached the trader.
    pub state: u8,
    /// What was booked.
    pub event: Event,
    /// Mid of the entry's venue when it reached us.
    pub mid: Mid,
    /// Equity after it.
    pub equity: MidValue,
    /// Booked by closing at the end of the data.
    pub end: bool,
}

impl EntryRow {
    /// Mid of the book that a fill met, or that of its hearing where nobody knows.
    pub fn met(&self) -> Mid {
        if self.event.met.is_quoted() { self.event.met } else { self.mid }
    }
}

/// Everything between leaving state 0 and the return to it, with at least one fill.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TradeRow {
    /// Counted from 1.
    pub number: u32,
    /// The transition out of state 0.
    pub opened: Time,
    /// The transition back to it.
    pub closed: Time,
    /// Reason of the first and of the last transition.
    pub reasons: [u8; 2],
    /// Of both legs.
    pub fills: u32,
    /// Where its money came from; the sum is its pnl.
    pub lines: Lines,
}

/// The trade that goes on.
#[derive(Clone, Copy, Debug)]
struct Open {
    /// When it left state 0.
    at: Time,
    /// Why.
    reason: u8,
    /// Of both legs, so far.
    fills: u32,
    /// All money when it began.
    lines: Lines,
}

/// Where the money of one trade came from, or that of no trade.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MoneyRow {
    /// Counted from 1; 0 = outside every trade (transfers, dust, late fills).
    pub trade: u32,
    /// When it ended; `None`: with the data.
    pub closed: Option<Time>,
    /// By leg and cause; the sum is its pnl.
    pub lines: Lines,
}

/// Keeps everything.
#[derive(Clone, Debug, Default)]
pub struct FullRecord {
    /// In the order of time.
    pub transitions: Vec<TransitionRow>,
    /// In the order of booking.
    pub entries: Vec<EntryRow>,
    /// In the order of their ends.
    pub trades: Vec<TradeRow>,
    /// Whole minutes, and the end.
    pub equity: Vec<(Time, MidValue)>,
    /// In the order of their ends.
    pub legging: Vec<LeggingRow>,
    /// The trade that goes on.
    open: Option<Open>,
}

impl FullRecord {
    /// All the money of a run, whose lines at its end are `total`: each trade's, that of the one which was open at the
    /// end, then what lies outside.
    pub fn money(&self, total: &Lines) -> Vec<MoneyRow> {
        let closed =
            |trade: &TradeRow| MoneyRow { trade: trade.number, closed: Some(trade.closed), lines: trade.lines };
        let mut rows: Vec<MoneyRow> = self.trades.iter().map(closed).collect();
        let number = rows.len() as u32 + 1;
        rows.extend(self.open.map(|open| MoneyRow { trade: number, closed: None, lines: total.minus(&open.lines) }));
        let outside = rows.iter().fold(*total, |left, row| left.minus(&row.lines));
        rows.push(MoneyRow { trade: 0, closed: None, lines: outside });
        rows
    }

    /// The trade that the end of the data cut off, as [`FullRecord::money`] has it, if something had filled: it opened then,
    /// and `end` closed it. Its last reason is its first: nothing else closed it.
    pub fn open_trade(&self, total: &Lines, end: Time) -> Option<TradeRow> {
        let open = self.open.filter(|open| open.fills > 0)?;
        Some(TradeRow {
            number: self.trades.len() as u32 + 1,
            opened: open.at,
            closed: end,
            reasons: [open.reason, open.reason],
            fills: open.fills,
            lines: total.minus(&open.lines),
        })
    }

    /// Lets go of everything but the newest transition and equity, of a run that has no end; how many entries and trades were there. In a
    /// trade nothing is let go of.
    pub fn forget(&mut self) -> (usize, usize) {
        if self.open.is_some() {
            return (0, 0);
        }
        let counts = (self.entries.len(), self.trades.len());
        self.transitions.drain(..self.transitions.len().saturating_sub(1));
        self.equity.drain(..self.equity.len().saturating_sub(1));
        self.entries.clear();
        self.trades.clear();
        self.legging.clear();
        counts
    }

    /// The trade is over; one without a fill was none.
    fn close_trade(&mut self, scene: &Scene<'_>, reason: u8) {
        let Some(open) = self.open.take() else { return };
        let number = self.trades.len() as u32 + 1;
        if open.fills == 0 {
            // no trade after all: what its number was put on lies outside
            let entries = self.entries.iter_mut().rev().map(|row| &mut row.trade);
            let legging = self.legging.iter_mut().rev().map(|row| &mut row.trade);
            entries.take_while(|trade| **trade == number).for_each(|trade| *trade = 0);
            legging.take_while(|trade| **trade == number).for_each(|trade| *trade = 0);
            return;
        }
        self.trades.push(TradeRow {
            number,
            opened: open.at,
            closed: scene.now,
            reasons: [open.reason, reason],
            fills: open.fills,
            lines: scene.belief.lines.minus(&open.lines),
        });
    }
}

impl Recorder for FullRecord {
    fn transition(&mut self, scene: &Scene<'_>, transition: &Transition) {
        let signal = |column: &[f64]| column.get(scene.row).copied().unwrap_or(f64::NAN);
        self.transitions.push(TransitionRow {
            at: scene.now,
            transition: *transition,
            bbo: Role::BOTH.map(|role| scene.local.bbo(scene.row, role)),
            spread: signal(&scene.signals.spread),
            edge: signal(&scene.signals.edge),
            equity: scene.belief.equity(scene.mids),
        });
        if transition.to == 0 {
            self.close_trade(scene, transition.reason);
        } else if transition.from == 0 {
            let lines = scene.belief.lines;
            self.open = Some(Open { at: scene.now, reason: transition.reason, fills: 0, lines });
        }
    }

    fn entry(&mut self, scene: &Scene<'_>, event: &Event, end: bool) {
        if let Some(open) = &mut self.open {
            open.fills += u32::from(matches!(event.body, crate::market::EventBody::Fill { .. }));
        }
        self.entries.push(EntryRow {
            trade: if self.open.is_some() { self.trades.len() as u32 + 1 } else { 0 },
            state: scene.state,
            event: *event,
            mid: scene.mids[event.venue.ix()],
            equity: scene.belief.equity(scene.mids),
            end,
        });
    }

    fn legging(&mut self, row: &LeggingRow) {
        let known = self.trades.len() as u32 + u32::from(self.open.is_some());
        self.legging.push(LeggingRow { trade: if row.trade > known { 0 } else { row.trade }, ..*row });
    }

    fn equity(&mut self, at: Time, equity: MidValue) {
        self.equity.push((at, equity));
    }
}

impl TradeRow {
    /// Net of fees, funding and liquidation, quote units.
    pub fn pnl(&self) -> f64 {
        self.lines.total().as_f64()
    }

    /// One line of both legs, quote units.
    pub fn line(&self, line: Line) -> f64 {
        self.lines.as_f64(line)
    }
}
