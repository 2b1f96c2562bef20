//! The driver that lets the trader sleep: from each call it finds the next moment at which a watch fires or something is
//! due, and calls there. How the next firing row is found is the [`Search`]'s business: row by row, or by an index.

use super::{Driver, Index, Leap, Pass, RowsSeen, Walk};
use crate::port::Trader;
use crate::stats::Recorder;
use crate::units::NS;
use crate::watch::{EvalCtx, TrailingExtreme, Watches};
use std::ops::Range;

/// Finds the first row at which a rule fires. May return a row too early, never one too late.
pub trait Search {
    /// It asks the index of a tile.
    const INDEXED: bool = false;
    /// The watches are new.
    fn arm(&mut self, ctx: EvalCtx<'_>, watches: &Watches);
    /// First row of `rows` at which a rule fires. `best` is the extreme over all ticks before `rows`; `index` is that of the
    /// tile, if there is one.
    fn first(
        &mut self,
        ctx: EvalCtx<'_>,
        index: Option<&Index>,
        watches: &Watches,
        rows: Range<usize>,
        best: Option<TrailingExtreme>,
    ) -> Option<usize>;
}

/// How far to look at first, in rows, while the venues may stir by themselves; doubled each time nothing happens.
const FIRST_LOOK: usize = 256;
/// Rows looked at in one go at most, while the venues may act by themselves.
const LONGEST_LOOK: usize = 1 << 15;

/// A driver that goes from wake to wake: the next row that may fire is found by `S`.
#[derive(Clone, Debug, Default)]
pub struct Seek<S> {
    /// Finds the next row that may fire.
    search: S,
    /// Of the present state.
    watches: Watches,
}

/// The driver that searches row by row.
pub fn walk() -> Seek<Walk> {
    Seek::default()
}

/// The driver that searches by index; where a tile has none, row by row.
pub fn leap() -> Seek<Leap> {
    Seek::default()
}

impl<S: Search> Seek<S> {
    /// A driver with this search.
    pub fn new(search: S) -> Seek<S> {
        Seek { search, watches: Watches::default() }
    }

    /// How it searches, and what that has cost.
    pub fn search(&self) -> &S {
        &self.search
    }

    /// To the next call of the trader; `false` when the pass ends before it.
    pub(super) fn next_call<T: Trader, R: Recorder>(&mut self, pass: &mut Pass<'_, '_, T, R>) -> bool {
        self.watches.clear();
        pass.m.trader.watches(pass.plan(), &mut self.watches);
        self.search.arm(pass.eval_ctx(), &self.watches);
        self.sleep(pass)
    }

    /// As [`Seek::next_call`], by the watches as they are.
    fn sleep<T: Trader, R: Recorder>(&mut self, pass: &mut Pass<'_, '_, T, R>) -> bool {
        let timer = pass.next_timer().filter(|&due| due < pass.until);
        let mut from = pass.row + 1;
        let mut look = FIRST_LOOK;
        loop {
            let due = pass.next_due();
            // of the venues' next moment and the timer only the sooner is looked up: each may cost misses of the cache
            let venues_first = due < pass.until && timer.is_none_or(|timer| due <= timer);
            let end = match timer {
                _ if venues_first => pass.row_at(due),
                Some(timer) => pass.row_at(timer.plus(NS)),
                None => pass.rows.end,
            };
            let mut stop = end;
            if pass.needs_rows() {
                stop = stop.min(from + look);
                look = LONGEST_LOOK.min(2 * look);
            }
            let found = self.wake(pass, from..stop);
            let limit = match found {
                Some(row) => pass.time(row),
                None if stop < end => pass.time(stop),
                None if venues_first => due,
                None => timer.unwrap_or(pass.until.plus(-NS)),
            };
            let samples = pass.foresee_samples(limit);
            let breach = samples.and_then(|samples| samples.breach);
            let found = breach.map(|at| pass.row_at(at.plus(NS))).filter(|&row| row < end).or(found);
            if pass.answers_by(found.map_or(limit, |row| pass.time(row))) {
                return true;
            }
            pass.adopt(samples);
            match (found, timer) {
                (Some(row), _) => {
                    pass.catch_up(pass.time(row));
                    pass.tick(row);
                    return true;
                }
                (None, _) if stop < end || venues_first => {
                    pass.catch_up(limit);
                    from = stop;
                }
                (None, Some(due)) => {
                    pass.timer(due);
                    return true;
                }
                (None, None) => return false,
            }
        }
    }

    /// First row of `rows` that is a wake: a rule fires, or a breach began or ended.
    fn wake<T: Trader, R: Recorder>(&mut self, pass: &mut Pass<'_, '_, T, R>, mut rows: Range<usize>) -> Option<usize> {
        let forced = pass.m.wake_tick.map(|at| pass.row_at(at)).filter(|row| rows.contains(row));
        if let Some(row) = forced {
            rows.end = row;
        }
        if rows.is_empty() {
            return forced;
        }
        let best = pass.best(rows.start - 1);
        self.search.first(pass.eval_ctx(), pass.index, &self.watches, rows, best).or(forced)
    }
}

impl<S: Search> Driver for Seek<S> {
    fn rows_seen(&self) -> RowsSeen {
        RowsSeen::Needed
    }

    fn is_indexed(&self) -> bool {
        S::INDEXED
    }

    fn run<T: Trader, R: Recorder>(&mut self, pass: &mut Pass<'_, '_, T, R>) {
        while self.next_call(pass) {}
    }
}
