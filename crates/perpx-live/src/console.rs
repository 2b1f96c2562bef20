//! Says what happens, as it happens.

use super::status::Status;
use perpx_core::ledger::Line;
use perpx_core::market::Event;
use perpx_core::port::Transition;
use perpx_core::stats::{FullRecord, Recorder, Scene, Tally, TradeRow, TransitionRow};
use perpx_core::strategy::{also_names, reason_name, state_name};
use perpx_core::units::{Cash, MidValue, Time};
use std::io::Write;

/// Rows of a kind that a run without an end keeps.
const KEPT: usize = 128;

/// A recorder that keeps all and prints each transition with its reason, prices, spread and equity.
pub struct ConsoleRecorder<'o> {
    pub record: FullRecord,
    out: Option<&'o mut (dyn Write + Send)>,
    status: Status,
    /// By role.
    venues: [String; 2],
    /// The capital that the run began with.
    initial: MidValue,
    /// Trades that earlier processes of the run closed, and those that are let go of.
    before: usize,
    /// Entries that are let go of.
    entries: usize,
    /// Of a trade that one of them began: what all lines came to then.
    carried: Option<MidValue>,
}

impl<'o> ConsoleRecorder<'o> {
    /// `out`: nothing is printed without it.
    pub fn new(
        out: Option<&'o mut (dyn Write + Send)>,
        status: Status,
        venues: [String; 2],
        initial: MidValue,
    ) -> ConsoleRecorder<'o> {
        let record = FullRecord::default();
        ConsoleRecorder { record, out, status, venues, initial, before: 0, entries: 0, carried: None }
    }

    /// A run begins.
    pub fn begin(&mut self, run: &str, span: (Time, Time), capital: Cash) {
        self.print(&format!("{run}: {}, capital {:.4}", super::span_text(span), capital.as_f64()));
        self.note(0, 0, self.initial);
    }

    /// A run begins that ends when it is asked to.
    pub fn begin_open(&mut self, run: &str, from: Time, capital: Cash) {
        self.print(&format!("{run}: from {}, capital {:.4}", from.to_second(), capital.as_f64()));
        self.note(0, 0, self.initial);
    }

    /// A run goes on that earlier processes traded.
    pub fn go_on(&mut self, tally: &Tally) {
        (self.before, self.carried) = (tally.pnls.len(), tally.before_trade());
    }

    /// Ledger entries of this process so far.
    pub fn entries(&self) -> u64 {
        (self.entries + self.record.entries.len()) as u64
    }

    /// Lets go of what a run that has no end needs no more, now and then.
    pub fn forget(&mut self) {
        if self.record.transitions.len() > KEPT || self.record.equity.len() > KEPT {
            let (entries, trades) = self.record.forget();
            self.entries += entries;
            self.before += trades;
        }
    }

    fn print(&mut self, text: &str) {
        let Some(out) = &mut self.out else { return };
        let mut gone = false;
        self.status.aside(|| gone = writeln!(out, "{text}").is_err());
        if gone {
            // nobody reads any more
            self.out = None;
        }
    }

    fn transition_text(&self, row: &TransitionRow) -> String {
        let t = &row.transition;
        let reason = reason_name(t.reason);
        let [long, short] = [0, 1].map(|r: usize| format!("{} {}/{}", self.venues[r], row.bbo[r].bid, row.bbo[r].ask));
        let (at, from, to, equity) = (row.at.to_milli(), state_name(t.from), state_name(t.to), row.equity.as_f64());
        let mut text = format!("{at}  {from} -> {to}  {reason:<13} equity {equity:.4}");
        text.push_str(&format!("\n    {long}  {short}  spread {:.2} bp", row.spread));
        if t.also != 0 {
            text.push_str(&format!("\n    also held: {}", also_names(t.also).join(", ")));
        }
        text
    }

    fn closed(&self, trade: &TradeRow) -> String {
        let number = self.before + trade.number as usize;
        let mut text = format!("    trade {number}: {:+.4} =", trade.pnl());
        let mut width = text.len();
        for &line in Line::ALL.iter().filter(|&&line| trade.line(line) != 0.0) {
            let part = format!(" {} {:+.4}", line.name(), trade.line(line));
            if width + part.len() > 80 {
                text.push_str("\n       ");
                width = 7;
            }
            width += part.len();
            text.push_str(&part);
        }
        text
    }

    /// What the status line says from now on.
    pub fn note(&self, state: u8, trades: usize, equity: MidValue) {
        let gain = (equity - self.initial).as_f64();
        self.status.state(format!("{}, {trades} trades, {gain:+.4}", state_name(state)));
    }
}

impl Recorder for ConsoleRecorder<'_> {
    fn transition(&mut self, scene: &Scene<'_>, transition: &Transition) {
        let before = self.record.trades.len();
        self.record.transition(scene, transition);
        let Some(row) = self.record.transitions.last() else { return };
        let (text, equity) = (self.transition_text(row), row.equity);
        self.print(&text);
        if let Some(trade) = self.record.trades.get(before) {
            let text = self.closed(trade);
            self.print(&text);
        }
        if let Some(began) = self.carried.take_if(|_| transition.to == 0) {
            let pnl = scene.belief.lines.total() - began;
            // one that filled nothing was none
            if pnl != MidValue::ZERO {
                self.before += 1;
                self.print(&format!("    trade {}: {:+.4}, begun before this start", self.before, pnl.as_f64()));
            }
        }
        self.note(transition.to, self.before + self.record.trades.len(), equity);
    }

    fn entry(&mut self, scene: &Scene<'_>, event: &Event, end: bool) {
        self.record.entry(scene, event, end);
    }

    fn equity(&mut self, at: Time, equity: MidValue) {
        self.record.equity(at, equity);
    }
}
