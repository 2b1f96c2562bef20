//! The files of one series put one after another: in order of their content, each row once, no stamp out of line.

use super::clock::delays;
use super::map::{FileMap, OnJumps};
use super::parse::{Clocks, ParsedFile, ParsedRows};
use crate::TapeError;
use crate::identity::{Prints, SLACK, SLOT, Seen};
use crate::store::{Fault, StoredRow};
use perpx_core::tape::rows::{FundingKind, FundingRow};
use perpx_core::units::{HOUR, SECOND, Time, TimeDelta};
use std::collections::BTreeMap;

/// Intervals that a venue may settle at.
const INTERVALS: [i64; 8] = [1, 2, 3, 4, 6, 8, 12, 24];

/// A file of the map with its rows, on their way into the store.
pub struct Entry<'a> {
    pub map: &'a FileMap,
    pub file: ParsedFile,
    /// Prints and settlements that were there before.
    pub repeated: u64,
    /// Rows whose stamps stood out, left out as the map wishes.
    pub jumped: u64,
    /// What was read other than it is stated, or contradicts it.
    pub corrected: String,
}

impl Entry<'_> {
    /// Adds a sentence to what was corrected or contradicts itself.
    pub fn note(&mut self, text: &str) {
        let before = std::mem::take(&mut self.corrected);
        self.corrected = if before.is_empty() { text.to_string() } else { format!("{before}, {text}") };
    }
}

/// Runs `$body` with `$rows` bound to the rows, whatever their table.
macro_rules! each_table {
    ($parsed:expr, $rows:ident => $body:expr) => {
        match $parsed {
            ParsedRows::Quotes($rows) => $body,
            ParsedRows::Trades($rows) => $body,
            ParsedRows::Depth($rows) => $body,
            ParsedRows::Marks($rows) => $body,
            ParsedRows::Funding($rows) => $body,
        }
    };
}
pub(super) use each_table;

fn stamps(rows: &ParsedRows) -> Vec<i64> {
    each_table!(rows, rows => rows.iter().map(|r| r.exch().0).collect())
}

/// First and last receive time, in the file's order.
fn span(rows: &ParsedRows) -> Option<(Time, Time)> {
    each_table!(rows, rows => Some((rows.first()?.recv(), rows.last()?.recv())))
}

/// Takes out rows, by their places in rising order.
fn remove(file: &mut ParsedFile, out: &[usize]) {
    fn without<T>(rows: &mut Vec<T>, out: &[usize]) {
        let (mut i, mut out) = (0, out.iter().peekable());
        rows.retain(|_| {
            i += 1;
            out.next_if(|at| **at == i - 1).is_none()
        });
    }
    if !out.is_empty() {
        each_table!(&mut file.rows, rows => without(rows, out));
        without(&mut file.places, out);
    }
}

/// Into receive order; rows of equal time keep the file's order.
fn sort(file: &mut ParsedFile) {
    fn by_recv<R: StoredRow>(rows: &mut Vec<R>, places: &mut Vec<u64>) {
        let mut paired: Vec<(R, u64)> = rows.drain(..).zip(places.drain(..)).collect();
        paired.sort_by_key(|(row, _)| row.recv());
        (*rows, *places) = paired.into_iter().unzip();
    }
    each_table!(&mut file.rows, rows => by_recv(rows, &mut file.places));
}

/// What the map says of stamps that stand out.
#[derive(Clone, Copy)]
pub struct Jumps {
    pub most: TimeDelta,
    pub on_jumps: OnJumps,
}

/// Puts the files of each series in order and cleans their rows; gives each series as places in `entries`.
pub fn put_in_order(entries: &mut [Entry<'_>], jumps: Jumps) -> Result<Vec<Vec<usize>>, TapeError> {
    let mut series: BTreeMap<(String, String, String), Vec<usize>> = BTreeMap::new();
    for (i, entry) in entries.iter_mut().enumerate() {
        if entry.map.sort {
            // a stamp that stands out would be sorted to where it says; in a file that is out of order all over none does
            let out = outliers(&stamps(&entry.file.rows), jumps.most);
            if entry.file.clocks != Clocks::Both && out.len() <= most_outliers(entry.file.places.len()) {
                take_out(entry, &out, jumps)?;
            }
            sort(&mut entry.file);
        }
        let map = entry.map;
        series.entry((map.venue.clone(), map.symbol.clone(), map.table.clone())).or_default().push(i);
    }
    let mut ordered: Vec<Vec<usize>> = series.into_values().collect();
    for files in &mut ordered {
        files.sort_by_key(|&i| (span(&entries[i].file.rows), i));
        let is_funding = files.iter().any(|&i| matches!(entries[i].file.rows, ParsedRows::Funding(_)));
        if is_funding {
            settlements(entries, files)?;
        } else {
            check_overlap(entries, files)?;
            prints(entries, files)?;
            stray(entries, files, jumps)?;
        }
        for &i in &*files {
            let backward = each_table!(&entries[i].file.rows, rows => backward(rows));
            if let Some((row, fault)) = backward {
                return Err(entries[i].file.refused(row, fault));
            }
        }
    }
    Ok(ordered)
}

fn backward<R: StoredRow>(rows: &[R]) -> Option<(usize, Fault)> {
    let i = rows.windows(2).position(|pair| pair[1].recv() < pair[0].recv())? + 1;
    let wanted = format!("no earlier than the row before it, {} (sort = true sorts the file)", rows[i - 1].recv());
    Some((i, Fault::new("recv_ts", rows[i].recv(), wanted)))
}

/// Files of one series follow each other; two that overlap hold some rows twice, or belong to two recorders.
pub fn check_overlap(entries: &[Entry<'_>], files: &[usize]) -> Result<(), TapeError> {
    let mut before: Option<(usize, Time)> = None;
    for &i in files {
        let Some((begin, end)) = span(&entries[i].file.rows) else { continue };
        if let Some((last, first_end)) = before.filter(|b| begin < b.1) {
            let path = |i: usize| entries[i].file.path.clone();
            return Err(TapeError::Overlap { first: path(last), second: path(i), first_end, second_begin: begin });
        }
        before = Some((i, end));
    }
    Ok(())
}

/// Drops prints that were there before.
fn prints(entries: &mut [Entry<'_>], files: &[usize]) -> Result<(), TapeError> {
    let with_time = files.iter().all(|&i| entries[i].file.clocks != Clocks::RecvOnly);
    let mut prints = Prints::new(with_time);
    let mut others: Vec<(usize, usize, u64)> = Vec::new();
    let mut rows_before = 0;
    let mut starts = Vec::new();
    for &i in files {
        let ParsedRows::Trades(rows) = &entries[i].file.rows else { return Ok(()) };
        let (mut out, first) = (Vec::new(), rows_before);
        for (row, print) in rows.iter().enumerate() {
            match prints.see(print, first + row as u64) {
                Seen::New => {}
                Seen::Repeat => out.push(row),
                Seen::Other(at) => others.push((i, row, at)),
            }
        }
        rows_before += rows.len() as u64;
        starts.push((first, i, entries[i].file.places.clone()));
        if others.is_empty() {
            remove(&mut entries[i].file, &out);
            entries[i].repeated += out.len() as u64;
        }
    }
    let Some(&(i, row, at)) = others.first() else { return Ok(()) };
    let ParsedRows::Trades(rows) = &entries[i].file.rows else { return Ok(()) };
    let known = starts.iter().rev().find(|(first, ..)| *first <= at);
    let (path, place) = known.map_or((String::new(), 0), |(first, file, places)| {
        (entries[*file].map.path.clone(), places.get((at - first) as usize).copied().unwrap_or_default())
    });
    let (print, count) = (rows[row], others.len());
    let wanted = format!(
        "one print for each number: {path}, {} {place}, has it with another price, size, side or time ({count} such rows in \
         all; leave trade_id out of the map if it does not number prints)",
        entries[i].file.unit
    );
    Err(entries[i].file.refused(row, Fault::new("trade_id", print.id.unwrap_or_default(), wanted)))
}

/// More stamps out of line than this are no stray rows: the clock was set, or two were joined.
fn most_outliers(rows: usize) -> usize {
    (rows / 100).max(3)
}

/// Refuses or drops rows of a series whose stamps jump out of line.
fn stray(entries: &mut [Entry<'_>], files: &[usize], jumps: Jumps) -> Result<(), TapeError> {
    let all: Vec<i64> = files.iter().flat_map(|&i| stamps(&entries[i].file.rows)).collect();
    let mut out = outliers(&all, jumps.most).into_iter().peekable();
    if out.peek().is_none() {
        return Ok(());
    }
    let mut end = 0;
    for &i in files {
        let begin = end;
        end += entries[i].file.places.len();
        let mut here = Vec::new();
        while let Some(at) = out.next_if(|at| *at < end) {
            here.push(at - begin);
        }
        take_out(&mut entries[i], &here, jumps)?;
    }
    Ok(())
}

/// Refuses or drops rows of one file that stand out of their series.
fn take_out(entry: &mut Entry<'_>, out: &[usize], jumps: Jumps) -> Result<(), TapeError> {
    let Some(&first) = out.first() else { return Ok(()) };
    let stamps = stamps(&entry.file.rows);
    let at = |i: Option<usize>| i.and_then(|i| stamps.get(i)).map_or("none".to_string(), |t| Time(*t).to_string());
    let (before, after) = (at(first.checked_sub(1)), at(Some(first + 1)));
    let wanted = format!("of those around it, {before} before and {after} after");
    refuse_or_drop(entry, out, jumps, &wanted, "the clock was set, or files of two clocks were joined")
}

/// Refuses or drops rows that are stamped long after they were received: the last row of a file has no other that shows it.
pub fn take_out_ahead(entry: &mut Entry<'_>, shift: TimeDelta, jumps: Jumps) -> Result<(), TapeError> {
    let delays = delays(&entry.file);
    let out: Vec<usize> = (0..delays.len()).filter(|&i| delays[i] + shift < -jumps.most).collect();
    let Some(&first) = out.first() else { return Ok(()) };
    let recv = Time(stamps(&entry.file.rows)[first]).plus(delays[first]);
    let many = "the recorder's clock is behind, in rows too few or too different to find out: say clock_shift_ms";
    refuse_or_drop(entry, &out, jumps, &format!("of its receipt, {recv}"), many)
}

fn refuse_or_drop(
    entry: &mut Entry<'_>,
    out: &[usize],
    jumps: Jumps,
    wanted: &str,
    why_many: &str,
) -> Result<(), TapeError> {
    let (rows, count, first) = (entry.file.places.len(), out.len(), out[0]);
    let is_many = count > most_outliers(rows);
    if jumps.on_jumps == OnJumps::Drop && !is_many {
        remove(&mut entry.file, out);
        entry.jumped += count as u64;
        return Ok(());
    }
    let (seconds, column) = (jumps.most.as_f64(SECOND), entry.file.clocks);
    let column = if column == Clocks::RecvOnly { "recv_ts" } else { "exch_ts" };
    let remedy = match is_many {
        true => format!("so many are no stray rows: {why_many}"),
        false => "on_jumps = \"drop\" in the map leaves such rows out, counted".to_string(),
    };
    let wanted =
        format!("a stamp within {seconds} s (max_jump_ms) {wanted}; {count} of {rows} rows stand out: {remedy}");
    let stamp = Time(stamps(&entry.file.rows)[first]);
    Err(entry.file.refused(first, Fault::new(column, stamp, wanted)))
}

/// Places of the stamps that jump out of a rising series, by more than `most`, and come back. None of a series that
/// rises, however sparse.
fn outliers(stamps: &[i64], most: TimeDelta) -> Vec<usize> {
    let most = most.0;
    let mut top = i64::MIN;
    let falls = |&stamp: &i64| {
        let fall = stamp < top.saturating_sub(most);
        top = top.max(stamp);
        fall
    };
    if !stamps.iter().any(falls) {
        return Vec::new();
    }
    let line = longest_rise(stamps);
    let mut out = Vec::new();
    let mut next = line.iter().copied().peekable();
    let mut before = None;
    for (i, &stamp) in stamps.iter().enumerate() {
        if next.next_if_eq(&i).is_some() {
            before = Some(stamp);
            continue;
        }
        let is_early = before.is_some_and(|b: i64| stamp < b - most);
        let is_late = next.peek().is_some_and(|&n| stamp > stamps[n] + most);
        if is_early || is_late {
            out.push(i);
        }
    }
    out
}

/// Places of the longest non-decreasing subsequence.
fn longest_rise(stamps: &[i64]) -> Vec<usize> {
    // ends[k]: place of the least stamp that ends a rise of k + 1
    let (mut ends, mut before): (Vec<usize>, Vec<Option<usize>>) = (Vec::new(), vec![None; stamps.len()]);
    for (i, &stamp) in stamps.iter().enumerate() {
        let k = ends.partition_point(|&e| stamps[e] <= stamp);
        before[i] = k.checked_sub(1).map(|k| ends[k]);
        if k == ends.len() { ends.push(i) } else { ends[k] = i }
    }
    let mut line: Vec<usize> = std::iter::successors(ends.last().copied(), |&i| before[i]).collect();
    line.reverse();
    line
}

/// A settled row, its file in the entries and its place in that.
type Settled = (FundingRow, usize, usize);

/// One settlement for each slot of the calendar, and intervals that are those of the settlements.
fn settlements(entries: &mut [Entry<'_>], files: &[usize]) -> Result<(), TapeError> {
    let funding = |entries: &[Entry<'_>], i: usize| match &entries[i].file.rows {
        ParsedRows::Funding(rows) => rows.clone(),
        _ => Vec::new(),
    };
    let mut settled: Vec<Settled> = Vec::new();
    for &i in files {
        let rows = funding(entries, i).into_iter().enumerate();
        settled.extend(rows.filter(|(_, r)| r.kind == FundingKind::Settled).map(|(row, r)| (r, i, row)));
    }
    settled.sort_by_key(|(row, i, at)| (row.ts, *i, *at));
    let mut kept: Vec<Settled> = Vec::new();
    let mut out: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    let mut others = Vec::new();
    for (row, i, at) in settled {
        match kept.last().filter(|last| row.ts.since(last.0.ts) < SLOT) {
            Some(last) if last.0.rate == row.rate => out.entry(i).or_default().push(at),
            Some(last) => others.push((*last, (row, i, at))),
            None => kept.push((row, i, at)),
        }
    }
    if let Some(&((first, fi, fat), (row, i, at))) = others.first() {
        let (path, place, count) = (&entries[fi].map.path, entries[fi].file.place(fat), others.len());
        let wanted = format!(
            "one rate for the settlement of {}; {path}, {place}, has {} ({count} such rows in all)",
            first.ts, first.rate
        );
        return Err(entries[i].file.refused(at, Fault::new("rate", row.rate, wanted).of("doubled settlement")));
    }
    correct_intervals(entries, &mut kept)?;
    if let Some((i, stated, hours)) = rarer_than_stated(&kept) {
        let note = format!(
            "settlements say an interval of {stated} h and come every {hours} h: some are missing, or interval_hours is {hours}"
        );
        entries[i].note(&note);
    }
    for (i, mut out) in out {
        out.sort_unstable();
        remove(&mut entries[i].file, &out);
        entries[i].repeated += out.len() as u64;
    }
    Ok(())
}

/// Settlements that come more often than they say are read at the interval at which they come. (Such as come less often
/// may be missing, which a replay refuses.)
fn correct_intervals(entries: &mut [Entry<'_>], kept: &mut [Settled]) -> Result<(), TapeError> {
    let mut changes: Vec<(usize, usize, u32, u32)> = Vec::new();
    for k in 1..kept.len() {
        let (row, i, at) = kept[k];
        let gap = row.ts.since(kept[k - 1].0.ts);
        if gap + SLACK >= i64::from(row.interval_hours) * HOUR {
            continue;
        }
        let mut hours = (gap + SLACK) / HOUR;
        let off = gap - hours * HOUR;
        // after a hole it is the interval before it, which goes on
        let before = kept_hours(&changes, kept, k - 1);
        let after = kept.get(k + 1).map(|next| (next.0.ts.since(row.ts) + SLACK) / HOUR);
        if before > 0 && Some(before) == after && hours % before == 0 {
            hours = before;
        }
        if !INTERVALS.contains(&hours) || off > SLACK {
            let wanted = format!("no more than the {:.2} h since the settlement before it", gap.as_f64(HOUR));
            return Err(entries[i].file.refused(at, Fault::new("interval_hours", row.interval_hours, wanted)));
        }
        // of the very first one only what follows is known
        let first = (k == 1 && kept[0].0.interval_hours == row.interval_hours).then_some(0);
        for k in first.into_iter().chain([k]) {
            let (row, i, at) = &mut kept[k];
            changes.push((*i, *at, row.interval_hours, hours as u32));
        }
    }
    let mut stated_hours: BTreeMap<(usize, u32, u32), u64> = BTreeMap::new();
    for &(i, at, stated, hours) in &changes {
        if let ParsedRows::Funding(rows) = &mut entries[i].file.rows {
            rows[at].interval_hours = hours;
        }
        *stated_hours.entry((i, stated, hours)).or_default() += 1;
    }
    // what is predicted has the interval of the settlements around it
    let mut by_time: BTreeMap<Time, (u32, u32)> = BTreeMap::new();
    let mut calendar: BTreeMap<(usize, usize), (u32, u32)> = BTreeMap::new();
    calendar.extend(changes.iter().map(|&(i, at, stated, hours)| ((i, at), (stated, hours))));
    for (row, i, at) in kept.iter() {
        let as_stated = (row.interval_hours, row.interval_hours);
        by_time.insert(row.ts, calendar.get(&(*i, *at)).copied().unwrap_or(as_stated));
    }
    let files: Vec<usize> = stated_hours.keys().map(|k| k.0).collect();
    for i in files {
        let ParsedRows::Funding(rows) = &mut entries[i].file.rows else { continue };
        for row in rows.iter_mut().filter(|row| row.kind == FundingKind::Predicted) {
            let near = by_time.range(..=row.ts.plus(SLOT)).next_back();
            if let Some((_, (_, hours))) = near.filter(|(_, (stated, _))| *stated == row.interval_hours) {
                row.interval_hours = *hours;
            }
        }
    }
    for ((i, stated, hours), count) in stated_hours {
        let corrected = &mut entries[i].corrected;
        let more = if corrected.is_empty() { "" } else { ", " };
        *corrected += &format!(
            "{more}{count} settlements say an interval of {stated} h and come every {hours} h: read as {hours} h"
        );
    }
    Ok(())
}

/// The interval of a settlement, corrected or as stated.
fn kept_hours(changes: &[(usize, usize, u32, u32)], kept: &[Settled], k: usize) -> i64 {
    let (row, i, at) = kept[k];
    let corrected = changes.last().filter(|change| (change.0, change.1) == (i, at));
    corrected.map_or(row.interval_hours, |change| change.3).into()
}

/// Settlements in a row that must agree before a rarer interval than the stated one is mentioned.
const RARER: usize = 3;

/// Settlements that steadily come less often than they say: either some are missing, or the interval is another.
fn rarer_than_stated(kept: &[Settled]) -> Option<(usize, u32, i64)> {
    let mut run: (usize, u32, i64) = (0, 0, 0);
    for pair in kept.windows(2) {
        let (stated, hours) = (pair[1].0.interval_hours, (pair[1].0.ts.since(pair[0].0.ts) + SLACK) / HOUR);
        let is_rarer = hours > i64::from(stated) && INTERVALS.contains(&hours);
        run = match (run.1, run.2) == (stated, hours) {
            _ if !is_rarer => (0, 0, 0),
            true => (run.0 + 1, stated, hours),
            false => (1, stated, hours),
        };
        if run.0 >= RARER {
            return Some((pair[1].1, stated, hours));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stamp_that_jumps_out_and_comes_back_stands_out() {
        let out = |stamps: &[i64]| outliers(stamps, TimeDelta(60));
        assert_eq!(out(&[0, 1, 3600, 3, 4]), [2]);
        assert_eq!(out(&[0, 1, 2, -3600, 4]), [3]);
        assert_eq!(out(&[3600, 1, 2, 3, 4]), [0]);
        assert_eq!(out(&[0, 1, 2, 3, -3600]), [4]);
        assert_eq!(out(&[0, 1, 900, 901, 902, 3, 4, 5, 6]), [2, 3, 4]);
        // a rise of any step, and a fall of a minute at most, are as they are
        assert_eq!(out(&[0, 60, 86_400, 86_401, 172_800_000]), [0usize; 0]);
        assert_eq!(out(&[0, 100, 40, 101]), [0usize; 0]);
        assert_eq!(out(&[]), [0usize; 0]);
    }
}
