//! The live loop: every moment in its order, each waited for.
//!
//! Events come in ([`Pass::next_answer`], then [`Pass::hear`]), rows come in ([`Pass::tick`]), timers fall due, and what the
//! trader wants goes out as commands through the pass. It is `scan`'s order of moments; the one thing added is the [`TimeSource`],
//! which decides when a moment has come and whether the run is to stop.

use super::{Driver, Pass, RowsSeen, VenuePort};
use crate::port::Trader;
use crate::stats::Recorder;
use crate::units::{NS, Time};

/// The clock of a run, outside the core.
pub trait TimeSource {
    /// Returns when `at` has come, or at once with `true` when the run is to stop: the position is then closed, and nothing
    /// is waited for any more.
    fn wait(&mut self, at: Time) -> bool;
}

/// The driver of a live run: judges every row when its moment has come.
#[derive(Debug)]
pub struct Paced<S> {
    /// Where the time comes from.
    pub source: S,
    stopping: bool,
    /// Where the run ended because it was asked to, exclusive.
    pub stopped_at: Option<Time>,
}

impl<S: TimeSource> Paced<S> {
    /// A driver that waits on this source.
    pub fn new(source: S) -> Paced<S> {
        Paced { source, stopping: false, stopped_at: None }
    }

    /// True as soon as a stop is asked for.
    pub fn is_stopping(&self) -> bool {
        self.stopping
    }

    /// Waits for the moment, unless a stop was asked for; then the pass ends here.
    #[inline]
    fn wait<T: Trader, R: Recorder, P: VenuePort>(&mut self, pass: &mut Pass<'_, '_, T, R, P>, at: Time) {
        if !self.stopping && self.source.wait(at) {
            self.stopping = true;
            pass.halt();
        }
    }

    /// All answers up to and including `answers` and all timers before `timers`, in their order.
    fn settle<T: Trader, R: Recorder, P: VenuePort>(
        &mut self,
        pass: &mut Pass<'_, '_, T, R, P>,
        answers: Time,
        timers: Time,
    ) {
        loop {
            let timer = pass.next_timer().filter(|&due| due < timers);
            match (pass.next_answer(timer.unwrap_or(answers)), timer) {
                (Some(event), _) => {
                    self.wait(pass, event.at);
                    pass.hear(event);
                }
                (None, Some(due)) => {
                    self.wait(pass, due);
                    pass.timer(due);
                }
                (None, None) => return,
            }
        }
    }
}

impl<S: TimeSource, P: VenuePort> Driver<P> for Paced<S> {
    fn rows_seen(&self) -> RowsSeen {
        RowsSeen::Busy
    }

    fn run<T: Trader, R: Recorder>(&mut self, pass: &mut Pass<'_, '_, T, R, P>) {
        for row in pass.rows.clone() {
            let time = pass.time(row);
            self.settle(pass, time, time);
            pass.catch_up(time);
            self.wait(pass, time);
            pass.tick(row);
            if self.stopping && pass.is_at_rest() {
                self.stopped_at = Some(pass.cut());
                return;
            }
        }
        self.settle(pass, pass.until.plus(-NS), pass.until);
    }
}
