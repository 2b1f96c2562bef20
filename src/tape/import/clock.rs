//! Clocks put right at import (tape.md, "Clocks").

use super::parse::{Clocks, ParsedFile, ParsedRows};
use crate::tape::NEVER;
use crate::tape::store::StoredRow;
use crate::units::{MS_NS, Time};
use serde::Serialize;
use std::collections::BTreeMap;

/// What was found of one recorder's clock, and done.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct RecorderClock {
    /// The least, over its files, of the 0.1 % quantile of `recv_ts - exch_ts`, ns; `None` when no file has both clocks.
    pub offset_ns: Option<i64>,
    /// Added to every `recv_ts` of its files, ns.
    pub shift_ns: i64,
}

/// What was done to one file's times.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Repaired {
    /// Rows whose `recv_ts`, shift included, stood before `exch_ts` and was set to it.
    pub recv_raised_to_exch: u64,
    /// Rows whose `exch_ts` stood before that of an earlier row, and was set to it.
    pub exch_raised: u64,
}

/// Nearest-rank quantile: the least value with at least `per_mille`/1000 of all at or below it. Sorts `values`.
pub fn quantile(values: &mut [i64], per_mille: usize) -> Option<i64> {
    if values.is_empty() {
        return None;
    }
    let rank = (values.len() * per_mille).div_ceil(1000).max(1) - 1;
    let (_, value, _) = values.select_nth_unstable(rank);
    Some(*value)
}

/// The 0.1 % quantile of `recv_ts - exch_ts` of a file with both clocks.
pub fn file_offset(file: &ParsedFile) -> Option<i64> {
    fn delays<R: StoredRow>(rows: &[R]) -> Vec<i64> {
        rows.iter().map(|r| r.recv().since(r.exch())).collect()
    }
    let mut delays = match &file.rows {
        _ if file.clocks != Clocks::Both => return None,
        ParsedRows::Quotes(rows) => delays(rows),
        ParsedRows::Trades(rows) => delays(rows),
        ParsedRows::Depth(rows) => delays(rows),
        ParsedRows::Marks(rows) => delays(rows),
        // published long before or after the settlement: no measure of a clock
        ParsedRows::Funding(_) => return None,
    };
    quantile(&mut delays, 1)
}

/// Each recorder's clock, from its files' offsets.
pub fn recorder_clocks(offsets: &[(String, Option<i64>)], min_feed_ms: f64) -> BTreeMap<String, RecorderClock> {
    let least = (min_feed_ms * MS_NS as f64).round() as i64;
    let mut clocks: BTreeMap<String, RecorderClock> = BTreeMap::new();
    for (recorder, offset) in offsets {
        let clock = clocks.entry(recorder.clone()).or_default();
        clock.offset_ns = [clock.offset_ns, *offset].into_iter().flatten().min();
        clock.shift_ns = clock.offset_ns.map_or(0, |o| (least - o).max(0));
    }
    clocks
}

/// Shifts, then makes exchange times non-decreasing, then lets no row be received before it was stamped. Rows in receive
/// order stay in it: both times are running maxima of non-decreasing ones. `top` carries over the files of a series.
pub fn repair<R: StoredRow>(rows: &mut [R], clocks: Clocks, shift: i64, top: &mut Time) -> Repaired {
    let mut repaired = Repaired::default();
    // made-up receive times belong to no recorder, made-up exchange times move with the receive times
    let (exch_shift, recv_shift) = match clocks {
        Clocks::Both => (0, shift),
        Clocks::ExchOnly => (0, 0),
        Clocks::RecvOnly => (shift, shift),
    };
    for row in rows {
        let (exch, recv) = (row.exch().plus(exch_shift), row.recv().plus(recv_shift));
        let raised = exch.max(*top);
        *top = raised;
        repaired.exch_raised += u64::from(raised > exch);
        repaired.recv_raised_to_exch += u64::from(recv < raised);
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
    use crate::tape::rows::MarkRow;
    use crate::units::Price;

    #[test]
    fn a_recorder_behind_its_venues_is_shifted_once() {
        let offsets = [
            ("a".to_string(), Some(-1_271_800_000)),
            ("a".to_string(), Some(-1_266_100_000)),
            ("a".to_string(), None),
            ("b".to_string(), Some(40_000_000)),
            ("c".to_string(), None),
        ];
        let clocks = recorder_clocks(&offsets, 1.0);
        assert_eq!(clocks["a"], RecorderClock { offset_ns: Some(-1_271_800_000), shift_ns: 1_272_800_000 });
        assert_eq!(clocks["b"], RecorderClock { offset_ns: Some(40_000_000), shift_ns: 0 });
        assert_eq!(clocks["c"], RecorderClock { offset_ns: None, shift_ns: 0 });
    }

    #[test]
    fn quantiles_take_the_nearest_rank() {
        let mut values: Vec<i64> = (1..=2000).rev().collect();
        assert_eq!(quantile(&mut values, 1), Some(2));
        assert_eq!(quantile(&mut [7], 1), Some(7));
        assert_eq!(quantile(&mut [], 1), None);
    }

    #[test]
    fn times_are_shifted_and_raised_and_counted() {
        let mark = |exch, recv| MarkRow { exch: Time(exch), recv: Time(recv), mark: Price(1), index: Price(0) };
        let mut rows = [mark(100, 90), mark(95, 95), mark(130, 97), mark(120, 150)];
        let repaired = repair(&mut rows, Clocks::Both, 12, &mut no_top());
        assert_eq!(rows, [mark(100, 102), mark(100, 107), mark(130, 130), mark(130, 162)]);
        assert_eq!(repaired, Repaired { recv_raised_to_exch: 1, exch_raised: 2 });
    }
}
