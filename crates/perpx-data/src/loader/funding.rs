//! The funding rows of one venue for a range: few enough to be held, checked against the venue's calendar, holes filled by
//! `funding.missing`.

use crate::TapeError;
use crate::identity::{SLACK, SLOT, settled_fault};
use crate::loader::source::{FundingFiles, funding_files};
use crate::loader::spec::{OnBadRows, TapeSpec};
use crate::store::{Fault, StoreFile, StorePath};
use perpx_core::config::Missing;
use perpx_core::tape::rows::{FundingKind, FundingRow};
use perpx_core::units::{DAY, HOUR, Rate, Time, TimeDelta};
use std::sync::Arc;

/// Longest interval between settlements that the store accepts.
const LONGEST: TimeDelta = DAY;

/// How long before a range rates are looked for: twice the longest interval, after which none is known, and a day for its
/// publication. What happens to the feed in that time matters to the range.
pub const LOOK_BACK: TimeDelta = LONGEST.times(3);

/// With `funding.missing: zero` what is known before the first settlement, and from a missing one on, until a recorded one
/// follows: a rate, and no settlement.
const ZERO: FundingRow = FundingRow {
    ts: Time(0),
    recv: Time(0),
    rate: Rate::ZERO,
    interval_hours: 100 * 365 * 24,
    kind: FundingKind::Settled,
};

#[derive(Clone, Debug)]
pub(crate) struct FundingPlan {
    pub files: Arc<[StoreFile]>,
    /// Sorted by receive time, feed latency included; with the made-up ones.
    rows: Vec<FundingRow>,
    /// The newest row of each kind that was received before the range.
    pub before: Vec<FundingRow>,
    /// Longest delay from a settlement to its receipt.
    longest_lag: TimeDelta,
    /// Settlements within the range that the calendar has and the store has not.
    pub missing: u64,
    pub filled: &'static str,
    pub dropped: u64,
}

impl FundingPlan {
    /// Of the rows that the files and `funding.missing` give: how many settlements are missing, what filled them, and how many
    /// rows were left out.
    fn new(
        files: Vec<StoreFile>,
        mut rows: Vec<FundingRow>,
        spec: &TapeSpec,
        v: usize,
        (missing, filled, dropped): (u64, &'static str, u64),
    ) -> FundingPlan {
        let (from, to) = (spec.warm_from, spec.to);
        for row in &mut rows {
            row.recv = row.recv.plus(spec.feed_latency[v]);
        }
        rows.sort_by_key(|r| (r.recv, r.ts, r.kind));
        let mut before = rows.clone();
        before
            .retain(|r| r.recv < from && !spec.feed_outages[v].iter().any(|span| r.recv >= span.0 && r.recv < span.1));
        let newest = |kind: FundingKind| before.iter().rfind(|r| r.kind == kind).copied();
        let before = [FundingKind::Settled, FundingKind::Predicted].into_iter().filter_map(newest).collect();
        rows.retain(|r| r.recv >= from && (r.recv < to || (r.kind == FundingKind::Settled && r.ts < to)));
        let lag = |r: &FundingRow| r.recv.since(r.ts);
        let settlements = rows.iter().filter(|r| r.kind == FundingKind::Settled && r.ts >= from);
        let longest_lag = settlements.map(lag).max().unwrap_or_default();
        FundingPlan { files: files.into(), rows, before, longest_lag, missing, filled, dropped }
    }

    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// A row that is received now; a settlement that is known already is left out.
    pub fn receive(&mut self, row: FundingRow) {
        if row.kind == FundingKind::Settled {
            let near = |known: &&FundingRow| known.kind == row.kind && known.ts.since(row.ts).abs() < SLOT;
            if self.rows.iter().chain(&self.before).any(|known| near(&known)) {
                return;
            }
            self.longest_lag = self.longest_lag.max(row.recv.since(row.ts));
        }
        let key = |row: &FundingRow| (row.recv, row.ts, row.kind);
        let at = self.rows.partition_point(|known| key(known) <= key(&row));
        self.rows.insert(at, row);
    }

    /// The newest settlement that is known.
    pub fn settled(&self) -> Option<FundingRow> {
        let settled = self.rows.iter().chain(&self.before).filter(|row| row.kind == FundingKind::Settled);
        settled.max_by_key(|row| row.ts).copied()
    }

    /// Rows received, and settlements made, within `[start, end)`, sorted by receive time.
    pub fn around(&self, start: Time, end: Time) -> Vec<FundingRow> {
        let low = self.rows.partition_point(|r| r.recv < start);
        let high = self.rows.partition_point(|r| r.recv < end.plus(self.longest_lag));
        let wanted = |r: &&FundingRow| r.recv < end || (r.kind == FundingKind::Settled && r.ts < end);
        self.rows[low..high.max(low)].iter().filter(wanted).copied().collect()
    }
}

/// Reads, checks and completes the funding of venue `v`. Settlements outside `quoted`, the span of the venue's quotes, are
/// not asked for: no position can be there. What is carried on is so before the range too: what is known at its beginning
/// does not depend on where the warm-up begins.
pub(crate) fn load(
    store: &StorePath,
    spec: &TapeSpec,
    v: usize,
    quoted: Option<(Time, Time)>,
) -> Result<FundingPlan, TapeError> {
    let (from, to) = (spec.warm_from, spec.to);
    let (due_from, due_to) = quoted.map_or((from, to), |(first, last)| (from.max(first), to.min(last)));
    let back = from.plus(-LOOK_BACK);
    let files = funding_files(store, (&spec.venues[v], &spec.symbol), (back, to.plus(LONGEST)), to)?;
    let (mut rows, dropped) = read(&files, spec.on_bad_rows)?;
    let series = format!("{}/{}", spec.venues[v], spec.symbol);
    let missing = |what: String| TapeError::FundingMissing { store: store.root().to_path_buf(), series, what };
    let mut settled: Vec<FundingRow> = rows.iter().filter(|r| r.kind == FundingKind::Settled).copied().collect();
    settled.sort_by_key(|r| r.ts);
    let holes = holes(&settled, due_from, due_to);
    let lost: u64 = holes.iter().map(|h| h.times.len() as u64).sum();
    let mut filled = "";
    if settled.is_empty() || lost > 0 {
        filled = match spec.funding_missing {
            Missing::Refuse | Missing::Mid => return Err(missing(describe(&settled, &holes, due_from, due_to))),
            Missing::Zero => "zero",
            Missing::CarryLast if settled.is_empty() => {
                return Err(missing("there is no settled rate to carry on".to_string()));
            }
            Missing::CarryLast => "carry_last",
        };
    }
    let made_up = self::holes(&settled, back, due_to);
    let carried = made_up.iter().flat_map(Hole::carried);
    match spec.funding_missing {
        Missing::Refuse | Missing::Mid => {}
        Missing::CarryLast => rows.extend(carried),
        Missing::Zero => rows.extend(carried.map(|row| FundingRow { recv: row.recv, ..ZERO }).chain([ZERO])),
    }
    Ok(FundingPlan::new(files.all(), rows, spec, v, (lost, filled, dropped)))
}

/// What a store to which rows are still added holds from before the range and of it, whatever is missing.
pub(crate) fn load_growing(store: &StorePath, spec: &TapeSpec, v: usize) -> Result<FundingPlan, TapeError> {
    let back = spec.warm_from.plus(-LOOK_BACK);
    let files = funding_files(store, (&spec.venues[v], &spec.symbol), (back, spec.to), spec.to)?;
    let (rows, dropped) = read(&files, OnBadRows::Drop)?;
    Ok(FundingPlan::new(files.all(), rows, spec, v, (0, "", dropped)))
}

fn read(files: &FundingFiles, on_bad_rows: OnBadRows) -> Result<(Vec<FundingRow>, u64), TapeError> {
    let (mut rows, mut dropped) = (Vec::new(), 0);
    let mut seen: std::collections::BTreeMap<Time, FundingRow> = Default::default();
    let received = files.received.iter().map(|file| (file, false));
    for (file, is_backfilled) in received.chain(files.backfilled.iter().map(|file| (file, true))) {
        for batch in file.read::<FundingRow>(0..file.groups().len())? {
            let batch = batch?;
            let mut faults = batch.faults.into_iter().peekable();
            for (i, row) in batch.rows.into_iter().enumerate() {
                let mut fault = faults.next_if(|f| f.0 == i).map(|f| f.1);
                if fault.is_none() && row.kind == FundingKind::Settled {
                    fault = unsettled(&seen, &row);
                    // recorded since: the recorded row wins
                    if is_backfilled && fault.is_some() {
                        continue;
                    }
                    seen.entry(row.ts).or_insert(row);
                }
                match fault {
                    None => rows.push(row),
                    Some(_) if on_bad_rows == OnBadRows::Drop => dropped += 1,
                    Some(fault) => return Err(file.bad_row(batch.first_row + i as u64, fault)),
                }
            }
        }
    }
    Ok((rows, dropped))
}

/// Why a row is no settlement of its own beside those that were `seen`.
pub(crate) fn unsettled(seen: &std::collections::BTreeMap<Time, FundingRow>, row: &FundingRow) -> Option<Fault> {
    let before = seen.range(..=row.ts).next_back().and_then(|(_, before)| settled_fault(before, row));
    let after = || seen.range(row.ts..).next().filter(|(ts, _)| ts.since(row.ts) < SLOT);
    before.or_else(|| after().and_then(|(_, after)| settled_fault(after, row)))
}

/// Settlements that are due between two recorded ones, and are not there.
struct Hole {
    /// The last one before it; `None` before the first of all.
    last: Option<FundingRow>,
    /// Those within the range.
    times: Vec<Time>,
}

impl Hole {
    fn carried(&self) -> impl Iterator<Item = FundingRow> + '_ {
        let rows = |last: FundingRow| self.times.iter().map(move |&ts| FundingRow { ts, recv: ts, ..last });
        self.last.into_iter().flat_map(rows)
    }
}

/// Holes that touch `[from, to)`. A settlement is due one interval after the one before it, the interval being the later
/// row's (at the end of the data, the last row's).
fn holes(settled: &[FundingRow], from: Time, to: Time) -> Vec<Hole> {
    let step = |row: &FundingRow| i64::from(row.interval_hours) * HOUR;
    let inside = |t: &Time| *t >= from && *t < to;
    let mut holes = Vec::new();
    let mut note = |last, times: Vec<Time>| {
        if !times.is_empty() {
            holes.push(Hole { last, times });
        }
    };
    let (Some(first), Some(last)) = (settled.first(), settled.last()) else { return holes };
    // one at the very first instant would find no position and is not asked for
    let before = (1..).map(|k| first.ts.plus(-(k * step(first)))).take_while(|t| *t > from);
    let mut before: Vec<Time> = before.filter(inside).collect();
    before.reverse();
    note(None, before);
    for pair in settled.windows(2) {
        let step = step(&pair[1]);
        let due = (1..).map(|k| pair[0].ts.plus(k * step)).take_while(|t| t.plus(SLACK) < pair[1].ts);
        note(Some(pair[0]), due.filter(inside).collect());
    }
    let after = (1..).map(|k| last.ts.plus(k * step(last))).take_while(|t| *t < to);
    note(Some(*last), after.filter(inside).collect());
    holes
}

fn describe(settled: &[FundingRow], holes: &[Hole], from: Time, to: Time) -> String {
    match holes.first() {
        Some(hole) if !settled.is_empty() => {
            let lost: usize = holes.iter().map(|h| h.times.len()).sum();
            let first = hole.times.first().copied().unwrap_or(from);
            match hole.last {
                Some(last) => format!(
                    "{lost} settlements are missing between {from} and {to}, the first at {first}, after {} ({} h interval)",
                    last.ts, last.interval_hours
                ),
                None => format!("{lost} settlements are missing between {from} and {to}, the first at {first}"),
            }
        }
        _ => format!("there is no settled rate near {from} to {to}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settled(hour: i64, interval_hours: u32) -> FundingRow {
        let ts = Time::at(hour * HOUR);
        FundingRow { ts, recv: ts, rate: Rate(hour), interval_hours, kind: FundingKind::Settled }
    }

    #[test]
    fn a_hole_is_a_settlement_that_the_calendar_has() {
        let hours =
            |holes: &[Hole]| -> Vec<i64> { holes.iter().flat_map(|h| &h.times).map(|t| t.steps(HOUR)).collect() };
        let rows = [settled(100, 1), settled(101, 1), settled(104, 1)];
        let at = |h: i64| Time::at(h * HOUR);
        assert_eq!(hours(&holes(&rows, at(100), at(105))), [102, 103]);
        assert_eq!(hours(&holes(&rows, at(98), at(107))), [99, 102, 103, 105, 106]);
        assert_eq!(hours(&holes(&rows, Time(at(100).0 + 1), at(102))), [0i64; 0]);
        // the interval changes from 8 h to 1 h: the first hourly row is due one hour after the last
        let changed = [settled(96, 8), settled(104, 8), settled(105, 1)];
        assert_eq!(hours(&holes(&changed, at(96), at(106))), [0i64; 0]);
        let carried: Vec<FundingRow> = holes(&rows, at(100), at(105))[0].carried().collect();
        assert_eq!(carried[1], FundingRow { rate: Rate(101), ..settled(103, 1) });
    }
}
