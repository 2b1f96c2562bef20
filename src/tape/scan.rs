//! The first pass over a range: every row is read and judged once, so that a replay meets no surprise; ticks are counted,
//! tiles cut, and the quality of the data noted. Memory: about an hour of rows.

use super::TapeError;
use super::rows::VenueTables;
use super::source::{Feed, Source};
use super::spec::{GAP_NS, Gap, MARKS_HOLE_NS, MarksPolicy, TapeSpec, VenueQuality};
use super::store::StorePath;
use crate::units::{HOUR_NS, Time};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Gaps that are kept one by one.
const LONGEST_GAPS: usize = 10;

/// What the first pass finds out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Plan {
    /// First instant of each tile.
    pub starts: Vec<Time>,
    pub ticks: u64,
    pub venues: [VenueQuality; 2],
}

pub(super) fn scan(store: &StorePath, spec: &TapeSpec, sources: &[Source; 2]) -> Result<Plan, TapeError> {
    let mut venues = [0, 1].map(|v| VenueScan::new(&sources[v], spec.warm_from));
    let mut cutter = Cutter { starts: vec![spec.warm_from], in_tile: 0, ticks: 0, tile_rows: spec.tile_rows };
    let mut times: Vec<i64> = Vec::new();
    let mut start = spec.warm_from;
    while start < spec.to {
        let end = start.plus(HOUR_NS).min(spec.to);
        let [long, short] = &mut venues;
        let (a, b) = rayon::join(|| long.hour(start, end), || short.hour(start, end));
        times.clear();
        for received in [a?, b?] {
            times.extend(received);
        }
        times.sort();
        times.dedup();
        times.iter().for_each(|&t| cutter.tick(Time(t)));
        start = end;
    }
    let mut finished = Vec::new();
    for (v, scan) in venues.into_iter().enumerate() {
        finished.push(scan.finish(store, spec, v)?);
    }
    let venues = finished.try_into().unwrap_or_default();
    Ok(Plan { starts: cutter.starts, ticks: cutter.ticks, venues })
}

/// Cuts tiles: a tick that does not fit begins the next one.
struct Cutter {
    starts: Vec<Time>,
    in_tile: usize,
    ticks: u64,
    tile_rows: usize,
}

impl Cutter {
    fn tick(&mut self, t: Time) {
        if self.in_tile == self.tile_rows {
            self.starts.push(t);
            self.in_tile = 0;
        }
        self.in_tile += 1;
        self.ticks += 1;
    }
}

struct VenueScan<'a> {
    source: &'a Source,
    feed: Feed,
    quality: VenueQuality,
    last_row: Option<Time>,
    last_mark: Option<Time>,
    in_mark_hole: bool,
    first_mark_hole: Option<Gap>,
}

impl VenueScan<'_> {
    fn new(source: &Source, start: Time) -> VenueScan<'_> {
        let quality = VenueQuality { venue: source.venue.clone(), ..VenueQuality::default() };
        let feed = source.feed(start);
        let (last_row, last_mark) = (None, None);
        VenueScan { source, feed, quality, last_row, last_mark, in_mark_hole: false, first_mark_hole: None }
    }

    /// Receive times of `[start, end)`, sorted.
    fn hour(&mut self, start: Time, end: Time) -> Result<Vec<i64>, TapeError> {
        self.feed.advance(start, end)?;
        let all = count_received(self.feed.venue(), start, end);
        let local = self.feed.local(start, end);
        let heard = count_received(&local, start, end);
        let sum = |counts: &BTreeMap<&str, u64>| counts.values().sum::<u64>();
        self.quality.never_received += sum(&all) - sum(&heard);
        let mut times = times_received(&local, start, end, sum(&heard) as usize);
        for (table, rows) in heard {
            *self.quality.rows.entry(table.to_string()).or_default() += rows;
        }
        let quotes = within(&local.quotes, start, end, |r| r.recv);
        self.quality.locked += quotes.iter().filter(|q| q.bbo.bid == q.bbo.ask).count() as u64;
        if let (Some(first), Some(last)) = (quotes.first(), quotes.last()) {
            self.quality.first_quote.get_or_insert(first.recv);
            self.quality.last_quote = Some(last.recv);
        }
        let quote_times: Vec<Time> = quotes.iter().map(|q| q.recv).collect();
        let mark_times: Vec<Time> = within(&local.marks, start, end, |r| r.recv).iter().map(|r| r.recv).collect();
        drop(local);
        self.mark_holes(&quote_times, &mark_times);
        times.sort(); // five sorted runs, which this merges
        for &t in &times {
            self.row_at(Time(t));
        }
        Ok(times)
    }

    fn row_at(&mut self, t: Time) {
        if let Some(from) = self.last_row.replace(t).filter(|last| t.since(*last) > GAP_NS) {
            let q = &mut self.quality;
            q.gaps += 1;
            q.gaps_ns = q.gaps_ns.saturating_add(t.since(from));
            q.longest_gaps.push(Gap { from, to: t });
            if q.longest_gaps.len() > LONGEST_GAPS {
                // the shortest goes, the earliest of equals stays
                let shortest = (0..q.longest_gaps.len()).rev().min_by_key(|&i| q.longest_gaps[i].ns());
                q.longest_gaps.remove(shortest.unwrap_or(0));
            }
        }
    }

    /// Quotes that go on without marks.
    fn mark_holes(&mut self, quotes: &[Time], marks: &[Time]) {
        let mut next = marks.iter().peekable();
        for &quote in quotes {
            while let Some(&mark) = next.next_if(|m| **m <= quote) {
                self.last_mark = Some(mark);
                self.in_mark_hole = false;
            }
            let since = *self.last_mark.get_or_insert(quote);
            if quote.since(since) > MARKS_HOLE_NS && !self.in_mark_hole {
                self.in_mark_hole = true;
                self.quality.mark_holes += 1;
                self.first_mark_hole.get_or_insert(Gap { from: since, to: quote });
            }
        }
        if let Some(&last) = marks.last() {
            self.last_mark = Some(last);
            self.in_mark_hole = false;
        }
    }

    fn finish(self, store: &StorePath, spec: &TapeSpec, v: usize) -> Result<VenueQuality, TapeError> {
        let mut q = self.quality;
        if q.first_quote.is_none() {
            let span = super::source::stored_span::<super::rows::QuoteRow>(store, &q.venue, &spec.symbol)?;
            return Err(super::source::no_data(store, spec, v, span));
        }
        let feed = &self.feed;
        let repairs = [
            ("quotes", &feed.quotes.repairs),
            ("trades", &feed.trades.repairs),
            ("depth", feed.depth.repairs()),
            ("marks", &feed.marks.repairs),
        ];
        for (table, repairs) in repairs {
            q.exch_raised += repairs.raised;
            q.dropped.extend(repairs.dropped.iter().map(|(rule, n)| (format!("{table}: {rule}"), *n)));
        }
        let funding = &self.source.funding;
        if funding.dropped > 0 {
            q.dropped.insert("funding".to_string(), funding.dropped);
        }
        q.funding_missing = funding.missing;
        q.funding_filled = funding.filled.to_string();
        q.marks_filled = self.source.marks_filled.to_string();
        let marked = q.rows.get("marks").is_some_and(|n| *n > 0);
        if let Some(hole) = self.first_mark_hole.filter(|_| marked && q.marks_filled.is_empty()) {
            if spec.marks_missing == MarksPolicy::Refuse {
                return Err(TapeError::MarksMissing {
                    store: store.root().to_path_buf(),
                    series: format!("{}/{}", spec.venues[v], spec.symbol),
                    what: format!(
                        "{} holes above {} minutes while quotes go on, the first from {} to {} at least",
                        q.mark_holes,
                        MARKS_HOLE_NS / crate::units::MINUTE_NS,
                        hole.from,
                        hole.to
                    ),
                    choices: "carry_last (the last mark stands)",
                });
            }
            q.marks_filled = "carry_last".to_string();
        }
        Ok(q)
    }
}

/// Rows of a table received within `[start, end)`.
fn within<T>(rows: &[T], start: Time, end: Time, recv: impl Fn(&T) -> Time) -> &[T] {
    let low = rows.partition_point(|r| recv(r) < start);
    let high = rows.partition_point(|r| recv(r) < end);
    &rows[low..high.max(low)]
}

/// Rows received within `[start, end)` by table.
fn count_received(t: &VenueTables, start: Time, end: Time) -> BTreeMap<&'static str, u64> {
    let mut counts = BTreeMap::new();
    macro_rules! count {
        ($($table:ident)*) => {$(
            counts.insert(stringify!($table), within(&t.$table, start, end, |r| r.recv).len() as u64);
        )*};
    }
    count!(quotes trades depth marks funding);
    counts
}

/// Their times, table by table.
fn times_received(t: &VenueTables, start: Time, end: Time, rows: usize) -> Vec<i64> {
    let mut times = Vec::with_capacity(rows);
    macro_rules! gather {
        ($($table:ident)*) => {$(
            times.extend(within(&t.$table, start, end, |r| r.recv).iter().map(|r| r.recv.0));
        )*};
    }
    gather!(quotes trades depth marks funding);
    times
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tick_that_does_not_fit_begins_the_next_tile() {
        let mut cutter = Cutter { starts: vec![Time(0)], in_tile: 0, ticks: 0, tile_rows: 2 };
        [3, 5, 8, 9, 20].into_iter().for_each(|t| cutter.tick(Time(t)));
        assert_eq!(cutter.starts, [Time(0), Time(8), Time(20)]);
        assert_eq!(cutter.ticks, 5);
    }
}
