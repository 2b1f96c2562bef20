//! What a run may write down on the side. A sweep's first pass keeps nothing; the second pass of its best keeps all.

use crate::ledger::{Belief, Line, Lines, Mids};
use crate::market::{Bbo, Command, Event, Role};
use crate::signals::TileSignals;
use crate::sim::Met;
use crate::strategy::STATES;
use crate::tape::Local;
use crate::trader::Transition;
use crate::units::Time;

/// The surroundings of something recorded, after it happened.
#[derive(Clone, Copy)]
pub struct Scene<'a> {
    pub now: Time,
    /// The last local tick.
    pub row: usize,
    pub local: &'a Local,
    pub signals: &'a TileSignals,
    pub belief: &'a Belief,
    /// Mids at which money is valued here, doubled.
    pub mids: Mids,
    /// The trader's state.
    pub state: u8,
}

pub trait Recorder {
    /// False: equity samples that repeat may be skipped.
    const KEEPS: bool = true;
    /// True: orders are followed from decision to answer; [`Recorder::command`], [`Recorder::met`] and
    /// [`Recorder::answer`] are called.
    const FOLLOWS: bool = false;
    fn transition(&mut self, _scene: &Scene<'_>, _transition: &Transition) {}
    /// A ledger entry: a fill, a funding settlement or a liquidation. `end`: booked by closing at the end of the data.
    fn entry(&mut self, _scene: &Scene<'_>, _event: &Event, _end: bool) {}
    /// A command leaves the trader.
    fn command(&mut self, _scene: &Scene<'_>, _command: &Command) {}
    /// What a request met at its venue; told before the first answer that follows it.
    fn met(&mut self, _met: &Met) {}
    /// Any event that reaches the trader, before it is booked.
    fn answer(&mut self, _event: &Event) {}
    /// A sample of equity, doubled (half of 1e-18 quote).
    fn equity(&mut self, _at: Time, _equity2: i128) {}
}

/// Keeps nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoRecord;

impl Recorder for NoRecord {
    const KEEPS: bool = false;
}

/// A transition with what the trader saw.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TransitionRow {
    pub at: Time,
    pub transition: Transition,
    /// By role, as of the last tick.
    pub bbo: [Bbo; 2],
    /// bp; NaN when unknown.
    pub spread: f64,
    pub edge: f64,
    pub equity2: i128,
}

/// A ledger entry and where it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EntryRow {
    /// Counted from 1; 0 = outside a trade.
    pub trade: u32,
    pub state: u8,
    pub event: Event,
    /// Doubled mid of the entry's venue when it reached us.
    pub mid2: i64,
    /// Equity after it, doubled.
    pub equity2: i128,
    pub end: bool,
}

/// Everything between leaving state 0 and the return to it, with at least one fill.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TradeRow {
    /// Counted from 1.
    pub number: u32,
    pub opened: Time,
    pub closed: Time,
    /// Reason of the first and of the last transition.
    pub reasons: [u8; 2],
    pub fills: u32,
    /// Where its money came from; the sum is its pnl.
    pub lines: Lines,
}

/// A stretch of unmatched quantity that the state did not mean to hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LeggingRow {
    pub from: Time,
    pub to: Time,
    /// What the legging line moved by meanwhile, doubled.
    pub amount2: i128,
}

#[derive(Clone, Copy, Debug)]
struct Open {
    at: Time,
    reason: u8,
    fills: u32,
    lines: Lines,
}

/// Keeps everything.
#[derive(Clone, Debug, Default)]
pub struct FullRecord {
    pub transitions: Vec<TransitionRow>,
    pub entries: Vec<EntryRow>,
    pub trades: Vec<TradeRow>,
    /// Whole minutes, and the end.
    pub equity: Vec<(Time, i128)>,
    pub legging: Vec<LeggingRow>,
    open: Option<Open>,
    /// The legging that goes on: since when, and its line then.
    exposed: Option<(Time, i128)>,
}

impl FullRecord {
    /// The trade that is still open, at the end of the data: its opening and its lines up to now.
    pub fn open_since(&self) -> Option<Time> {
        self.open.map(|open| open.at)
    }

    /// Opens or closes a stretch of legging. The lines are up to date. The closing at the end of the data opens none.
    fn exposure(&mut self, scene: &Scene<'_>, end: bool) {
        let unmatched = scene.belief.qty(Role::Long) != scene.belief.qty(Role::Short);
        let meant = STATES.get(usize::from(scene.state)).is_none_or(|state| state.unmatched != Line::Legging);
        let line2 = Role::BOTH.iter().map(|&role| scene.belief.lines.get2(role, Line::Legging)).sum::<i128>();
        match self.exposed {
            None if unmatched && !meant && !end => self.exposed = Some((scene.now, line2)),
            Some((from, before2)) if !unmatched || meant => {
                self.legging.push(LeggingRow { from, to: scene.now, amount2: line2 - before2 });
                self.exposed = None;
            }
            _ => {}
        }
    }

    fn close_trade(&mut self, scene: &Scene<'_>, reason: u8) {
        let Some(open) = self.open.take().filter(|open| open.fills > 0) else { return };
        self.trades.push(TradeRow {
            number: self.trades.len() as u32 + 1,
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
            equity2: scene.belief.equity2(scene.mids),
        });
        self.exposure(scene, false);
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
            mid2: scene.mids[event.venue.ix()],
            equity2: scene.belief.equity2(scene.mids),
            end,
        });
        self.exposure(scene, end);
    }

    fn equity(&mut self, at: Time, equity2: i128) {
        self.equity.push((at, equity2));
    }
}

impl TradeRow {
    /// Net of fees, funding and liquidation, quote units.
    pub fn pnl(&self) -> f64 {
        self.lines.total2() as f64 * 0.5e-18
    }

    pub fn line(&self, line: Line) -> f64 {
        self.lines.as_f64(line)
    }
}
