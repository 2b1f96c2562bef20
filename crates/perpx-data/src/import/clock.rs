//! Clocks put right at import (tape.md, "Clocks").

use super::parse::{Clocks, ParsedFile, ParsedRows};
use crate::store::StoredRow;
use perpx_core::tape::NEVER;
use perpx_core::units::{MS, SECOND, Time, TimeDelta};
use serde::Serialize;
use std::collections::BTreeMap;

/// Rows that must agree within a second before a clock is judged by them, at least; and at least one in a hundred.
const AGREEING_ROWS: usize = 20;

/// A correction after which every row of a file is received later than this after its stamp cannot be right.
const LEAST_DELAY: TimeDelta = SECOND.times(10);

/// What was found of one recorder's clock, and done.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct RecorderClock {
    /// The least, over its files, of the 0.1 % quantile of `recv_ts - exch_ts`; `None` when no file has both clocks and
    /// enough rows that agree.
    pub offset_ns: Option<TimeDelta>,
    /// Added to every `recv_ts` of its files.
    pub shift_ns: TimeDelta,
    /// The file that decided it, its rows, and how many of them lie within a second of the offset.
    pub file: String,
    pub rows: u64,
    pub agreeing: u64,
    /// The map says the shift.
    pub given: bool,
}

/// What was done to one file's times.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Repaired {
    /// Rows whose `recv_ts`, shift included, stood before `exch_ts` and was set to it.
    pub recv_raised_to_exch: u64,
    /// Rows whose `exch_ts` stood before that of an earlier row, and was set to it.
    pub exch_raised: u64,
    /// The most by which either was raised.
    pub most_raised_ns: TimeDelta,
}

/// A file's least believable delay, and what it rests on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Offset {
    pub delay: TimeDelta,
    pub rows: u64,
    pub agreeing: u64,
}

/// The least delay, from the 0.1 % quantile (nearest rank) up, with which enough rows agree: they lie within a second
/// above it. Sorts `delays`.
pub fn offset(delays: &mut [TimeDelta]) -> Option<Offset> {
    delays.sort_unstable();
    let rows = delays.len();
    let enough = AGREEING_ROWS.max(rows / 100);
    let rank = rows.div_ceil(1000).max(1) - 1;
    (rank..rows).find_map(|i| {
        let agreeing = delays.partition_point(|d| *d <= delays[i] + SECOND) - i;
        (agreeing >= enough).then_some(Offset { delay: delays[i], rows: rows as u64, agreeing: agreeing as u64 })
    })
}

/// `recv_ts - exch_ts` of a file with both clocks.
pub fn delays(file: &ParsedFile) -> Vec<TimeDelta> {
    fn of<R: StoredRow>(rows: &[R]) -> Vec<TimeDelta> {
        rows.iter().map(|r| r.recv().since(r.exch())).collect()
    }
    match &file.rows {
        _ if file.clocks != Clocks::Both => Vec::new(),
        ParsedRows::Quotes(rows) => of(rows),
        ParsedRows::Trades(rows) => of(rows),
        ParsedRows::Depth(rows) => of(rows),
        ParsedRows::Marks(rows) => of(rows),
        // published long before or after the settlement: no measure of a clock
        ParsedRows::Funding(_) => Vec::new(),
    }
}

/// One file's measure of its recorder's clock.
pub struct Measure {
    pub recorder: String,
    pub file: String,
    pub offset: Option<Offset>,
}

/// Each recorder's clock, from its files' offsets; `given`: the shifts that the map says.
pub fn recorder_clocks(
    measures: &[Measure],
    min_feed_ms: f64,
    given: impl Fn(&str) -> Option<f64>,
) -> BTreeMap<String, RecorderClock> {
    let shift = |ms: f64| TimeDelta((ms * MS.0 as f64).round() as i64);
    let mut clocks: BTreeMap<String, RecorderClock> = BTreeMap::new();
    for Measure { recorder, file, offset } in measures {
        let clock = clocks.entry(recorder.clone()).or_default();
        if let Some(found) = offset.filter(|o| clock.offset_ns.is_none_or(|least| o.delay < least)) {
            clock.offset_ns = Some(found.delay);
            (clock.file, clock.rows, clock.agreeing) = (file.clone(), found.rows, found.agreeing);
            clock.shift_ns = (shift(min_feed_ms) - found.delay).max(TimeDelta::ZERO);
        }
        if let Some(ms) = given(recorder) {
            (clock.shift_ns, clock.given) = (shift(ms), true);
        }
    }
    clocks
}

/// Why the clock's shift cannot be right for a file of that offset.
pub fn implausible(clock: &RecorderClock, offset: Option<Offset>) -> Option<String> {
    let offset = offset.filter(|o| o.delay <= LEAST_DELAY && o.delay + clock.shift_ns > LEAST_DELAY)?;
    let seconds = |time: TimeDelta| time.as_f64(SECOND);
    (!clock.given && clock.shift_ns > TimeDelta::ZERO).then(|| {
        format!(
            "its recorder's clock would be moved by {:.3} s, as {} has it ({} of its {} rows agree); all rows of this file would \
             then be received {:.3} s or more after their stamps: give one of the two another recorder, or say the shift \
             yourself with clock_shift_ms",
            seconds(clock.shift_ns),
            clock.file,
            clock.agreeing,
            clock.rows,
            seconds(offset.delay + clock.shift_ns)
        )
    })
}

/// Shifts, then makes exchange times non-decreasing, then lets no row be received before it was stamped. Rows in receive
/// order stay in it: both times are running maxima of non-decreasing ones. `top` carries over the files of a series.
pub fn repair<R: StoredRow>(rows: &mut [R], clocks: Clocks, shift: TimeDelta, top: &mut Time) -> Repaired {
    let mut repaired = Repaired::default();
    // made-up receive times belong to no recorder, made-up exchange times move with the receive times
    let (exch_shift, recv_shift) = match clocks {
        Clocks::Both => (TimeDelta::ZERO, shift),
        Clocks::ExchOnly => (TimeDelta::ZERO, TimeDelta::ZERO),
        Clocks::RecvOnly => (shift, shift),
    };
    for row in rows {
        let (exch, recv) = (row.exch().plus(exch_shift), row.recv().plus(recv_shift));
        let raised = exch.max(*top);
        *top = raised;
        repaired.exch_raised += u64::from(raised > exch);
        repaired.recv_raised_to_exch += u64::from(recv < raised);
        repaired.most_raised_ns = repaired.most_raised_ns.max(raised.since(exch)).max(raised.since(recv));
        row.set_times(raised, recv.max(raised));
    }
    repaired
}

/// Where [`repair`] begins.
pub fn no_top() -> Time {
    Time(NEVER)
}

#[cfg(test)]
mod tests {
    use super::*;
    use perpx_core::tape::rows::MarkRow;
    use perpx_core::units::{NS, Price};

    fn measure(recorder: &str, file: &str, delay: Option<i64>) -> Measure {
        let offset = delay.map(|ns| Offset { delay: TimeDelta(ns), rows: 600, agreeing: 590 });
        Measure { recorder: recorder.to_string(), file: file.to_string(), offset }
    }

    #[test]
    fn a_recorder_behind_its_venues_is_shifted_once() {
        let measures = [
            measure("a", "1", Some(-1_271_800_000)),
            measure("a", "2", Some(-1_266_100_000)),
            measure("a", "3", None),
            measure("b", "4", Some(40_000_000)),
            measure("c", "5", None),
        ];
        let clocks = recorder_clocks(&measures, 1.0, |_| None);
        let found = |name: &str| (clocks[name].offset_ns, clocks[name].shift_ns, clocks[name].file.as_str());
        assert_eq!(found("a"), (Some(TimeDelta(-1_271_800_000)), TimeDelta(1_272_800_000), "1"));
        assert_eq!(found("b"), (Some(40 * MS), TimeDelta::ZERO, "4"));
        assert_eq!(found("c"), (None, TimeDelta::ZERO, ""));
        let clocks = recorder_clocks(&measures, 1.0, |name| (name == "a").then_some(-2.5));
        assert_eq!((clocks["a"].shift_ns, clocks["a"].given, clocks["b"].given), (TimeDelta(-2_500_000), true, false));
    }

    #[test]
    fn no_handful_of_rows_decides_a_clock() {
        let mut delays: Vec<TimeDelta> = (1..=2000).rev().map(TimeDelta).collect();
        assert_eq!(offset(&mut delays), Some(Offset { delay: 2 * NS, rows: 2000, agreeing: 1999 }));
        // one row of 600 a minute off, and a burst of five of 2000
        let mut one: Vec<TimeDelta> = vec![2 * MS; 599];
        one.push(-60 * SECOND);
        assert_eq!(offset(&mut one).map(|o| (o.delay, o.agreeing)), Some((2 * MS, 599)));
        let mut burst: Vec<TimeDelta> = vec![2 * MS; 1995];
        burst.extend([-60 * SECOND; 5]);
        assert_eq!(offset(&mut burst).map(|o| o.delay), Some(2 * MS));
        // a recorder that is behind in all rows
        assert_eq!(offset(&mut [-3600 * SECOND; 20]).map(|o| o.delay), Some(-3600 * SECOND));
        assert_eq!(offset(&mut [-3600 * SECOND; 19]), None, "too few to tell");
        assert_eq!(offset(&mut []), None);
    }

    #[test]
    fn a_shift_that_makes_all_rows_late_is_not_believed() {
        let found = |delay| Some(Offset { delay, rows: 600, agreeing: 590 });
        let clock = |given| RecorderClock { shift_ns: 60 * SECOND, given, ..RecorderClock::default() };
        let text = implausible(&clock(false), found(2 * MS)).expect("a minute late");
        assert!(text.contains("60.002 s or more after") && text.contains("clock_shift_ms"), "{text}");
        assert_eq!(implausible(&clock(false), found(-59 * SECOND)), None);
        assert_eq!(implausible(&clock(true), found(2 * MS)), None);
        assert_eq!(implausible(&clock(false), None), None);
    }

    #[test]
    fn times_are_shifted_and_raised_and_counted() {
        let mark = |exch, recv| MarkRow { exch: Time(exch), recv: Time(recv), mark: Price(1), index: Price(0) };
        let mut rows = [mark(100, 90), mark(95, 95), mark(130, 97), mark(120, 150)];
        let repaired = repair(&mut rows, Clocks::Both, 12 * NS, &mut no_top());
        assert_eq!(rows, [mark(100, 102), mark(100, 107), mark(130, 130), mark(130, 162)]);
        assert_eq!(repaired, Repaired { recv_raised_to_exch: 1, exch_raised: 2, most_raised_ns: 21 * NS });
    }
}
