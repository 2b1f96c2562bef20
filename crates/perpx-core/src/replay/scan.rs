//! The reference driver: a step at every tick, every row of the venues, no watches. Slow and obvious.

use super::{Driver, Pass, RowsSeen};
use crate::port::Trader;
use crate::stats::Recorder;
use crate::units::{NS, Time};
use crate::watch::{Watches, fires};

/// `checked`: asserts the wake contract at every tick: where no rule of the watches fires and nothing is due, `step`
/// changes not a byte of the trader and sends nothing; and idle venues are led through every row too.
#[derive(Clone, Debug, Default)]
pub struct Scan {
    /// The wake contract is asserted at every tick.
    pub checked: bool,
    /// Of the present state, where the contract is asserted.
    watches: Watches,
}

impl Scan {
    /// A scan that asserts nothing.
    pub fn new() -> Scan {
        Scan::default()
    }

    /// A scan that asserts the wake contract.
    pub fn checked() -> Scan {
        Scan { checked: true, ..Scan::default() }
    }

    /// A tick at which it is asserted that the watches do not miss what the step does.
    fn checked_tick<T: Trader, R: Recorder>(&mut self, pass: &mut Pass<'_, '_, T, R>, row: usize) {
        let best = pass.best(row);
        self.watches.clear();
        pass.m.trader.watches(pass.plan(), &mut self.watches);
        let fired = self.watches.rules().iter().any(|rule| fires(rule, pass.eval_ctx(), row, best));
        let due = pass.m.wake_tick.is_some_and(|wake| wake <= pass.time(row));
        let before = bytes(&pass.m.trader);
        pass.tick(row);
        if !fired && !due {
            let quiet = pass.is_silent() && bytes(&pass.m.trader) == before;
            assert!(quiet, "at {} (row {row}) no watch fires, yet the trader did something", pass.time(row));
        }
    }
}

/// The trader as it would be stored.
fn bytes<T: Trader>(trader: &T) -> Vec<u8> {
    postcard::to_allocvec(trader).unwrap_or_default()
}

impl Driver for Scan {
    fn rows_seen(&self) -> RowsSeen {
        if self.checked { RowsSeen::Every } else { RowsSeen::Busy }
    }

    fn run<T: Trader, R: Recorder>(&mut self, pass: &mut Pass<'_, '_, T, R>) {
        for row in pass.rows.clone() {
            let time = pass.time(row);
            settle(pass, time, time);
            pass.catch_up(time);
            if self.checked {
                self.checked_tick(pass, row);
            } else {
                pass.tick(row);
            }
        }
        settle(pass, pass.until.plus(-NS), pass.until);
    }
}

/// All answers up to and including `answers` and all timers before `timers`, in their order.
fn settle<T: Trader, R: Recorder>(pass: &mut Pass<'_, '_, T, R>, answers: Time, timers: Time) {
    loop {
        match pass.next_timer().filter(|&due| due < timers) {
            None if pass.is_idle() => return,
            Some(due) if !pass.answer_before(due) => pass.timer(due),
            None if !pass.answer_before(answers) => return,
            _ => {}
        }
    }
}
