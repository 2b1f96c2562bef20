//! How well two venues cover each other: an as-of join of their quotes on the receive clock.

use super::series::TableCheck;
use crate::TapeError;
use crate::store::{Partition, StoreFile, StorePath, StoredRow};
use perpx_core::tape::rows::QuoteRow;
use perpx_core::units::{HOUR, MINUTE, NS, Time, TimeDelta};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// How well two venues cover each other in one coin.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PairCheck {
    /// The store's name of the coin.
    pub symbol: String,
    /// In the order of their names.
    pub venues: [String; 2],
    /// From the later first quote to the earlier last one; `None` when the venues never meet.
    pub span: Option<(Time, Time)>,
    /// Share of each venue's quotes in the span at which the other's newest quote is not stale.
    pub covered: [f64; 2],
    /// Minutes of the span, and those with quotes of both venues.
    pub minutes: u64,
    /// Minutes of the span with quotes of both venues.
    pub minutes_both: u64,
    /// The longest time over which their mids lay further apart than a tenth.
    pub apart: Option<Apart>,
}

/// Two mids that cannot be those of one coin.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Apart {
    pub from: Time,
    pub to: Time,
    /// The mids of the two venues at its beginning.
    pub mids: [f64; 2],
}

impl PairCheck {
    /// An hour, or all of a shorter time together.
    fn is_told(&self, apart: &Apart) -> bool {
        let whole = self.span.map_or(HOUR, |(start, end)| end.since(start));
        apart.to.since(apart.from) >= HOUR.min(9 * (whole / 10)).max(NS)
    }

    pub(super) fn warnings(&self) -> Vec<String> {
        let [a, b] = &self.venues;
        let place = format!("{} {a} with {b}", self.symbol);
        if self.span.is_none() {
            return vec![format!("{place}: they are never quoted at the same time")];
        }
        let mut out = Vec::new();
        if self.minutes_both == 0 {
            return vec![format!("{place}: no minute has quotes of both")];
        }
        if self.minutes_both < self.minutes {
            let (both, all) = (self.minutes_both, self.minutes);
            out.push(format!("{place}: {both} of their {all} common minutes have quotes of both"));
        }
        if let Some(Apart { from, to, mids }) = self.apart.filter(|apart| self.is_told(apart)) {
            let minutes = to.since(from).as_f64(MINUTE);
            out.push(format!(
                "{place}: their mids are more than a tenth apart for {minutes:.0} minutes from {}, {} and {}: is one coin of the \
                 one a coin of the other? (price_factor and qty_factor in the map of an import)",
                from.to_second(),
                mids[0],
                mids[1]
            ));
        }
        let worst = self.covered[0].min(self.covered[1]);
        if worst < 0.95 {
            let fresh = 100.0 * worst;
            out.push(format!("{place}: at {fresh:.1} % of one's quotes the other's are fresh"));
        }
        out
    }
}

/// Every pair of venues that quote the same symbol.
pub(super) fn pairs(store: &StorePath, tables: &[TableCheck], stale: TimeDelta) -> Result<Vec<PairCheck>, TapeError> {
    let mut by_symbol: BTreeMap<&str, Vec<&TableCheck>> = BTreeMap::new();
    for table in tables.iter().filter(|t| t.table == "quotes") {
        by_symbol.entry(&table.symbol).or_default().push(table);
    }
    let mut pairs = Vec::new();
    for venues in by_symbol.into_values() {
        for (i, a) in venues.iter().enumerate() {
            for b in &venues[i + 1..] {
                pairs.push(pair(store, a, b, stale)?);
            }
        }
    }
    Ok(pairs)
}

fn pair(store: &StorePath, a: &TableCheck, b: &TableCheck, stale: TimeDelta) -> Result<PairCheck, TapeError> {
    let span = match (a.first, a.last, b.first, b.last) {
        (Some(a0), Some(a1), Some(b0), Some(b1)) => Some((a0.max(b0), a1.min(b1))).filter(|s| s.0 <= s.1),
        _ => None,
    };
    let mut found = PairCheck {
        symbol: a.symbol.clone(),
        venues: [a.venue.clone(), b.venue.clone()],
        span,
        covered: [0.0; 2],
        minutes: 0,
        minutes_both: 0,
        apart: None,
    };
    let Some((start, end)) = span else { return Ok(found) };
    let (mut fresh, mut all, mut last) = ([0u64; 2], [0u64; 2], [None; 2]);
    let mut mids = Mids::default();
    for day in start.day()..=end.day() {
        let quotes = [day_quotes(store, a, day)?, day_quotes(store, b, day)?];
        mids.follow(&quotes, start, end, &mut found.apart);
        let mut times = quotes.map(|quotes| quotes.into_iter().map(|quote| quote.0).collect::<Vec<i64>>());
        found.minutes_both += minutes_in_common(&times, start, end);
        for v in 0..2 {
            // the newest quote of the day before is still the newest this morning
            if let Some(before) = last[v] {
                times[v].insert(0, before);
            }
            last[v] = times[v].last().copied();
        }
        for v in 0..2 {
            let inside: Vec<i64> =
                times[v].iter().copied().filter(|t| (start.0..=end.0).contains(t) && Time(*t).day() == day).collect();
            all[v] += inside.len() as u64;
            fresh[v] += fresh_at(&inside, &times[1 - v], stale);
        }
    }
    mids.end(end, &mut found.apart);
    found.minutes = (end.steps(MINUTE) - start.steps(MINUTE) + 1) as u64;
    found.covered = [0, 1].map(|v| fresh[v] as f64 / all[v].max(1) as f64);
    Ok(found)
}

/// How many of `left` have a value of `right` at most `stale` before them. Both sorted.
fn fresh_at(left: &[i64], right: &[i64], stale: TimeDelta) -> u64 {
    let (mut fresh, mut seen) = (0, 0);
    for &at in left {
        seen += right[seen..].iter().take_while(|&&recv| recv <= at).count();
        fresh += u64::from(seen > 0 && at - right[seen - 1] <= stale.0);
    }
    fresh
}

fn minutes_in_common(times: &[Vec<i64>; 2], start: Time, end: Time) -> u64 {
    let minutes = |times: &[i64]| -> BTreeSet<i64> {
        times.iter().filter(|t| (start.0..=end.0).contains(*t)).map(|t| Time(*t).steps(MINUTE)).collect()
    };
    minutes(&times[0]).intersection(&minutes(&times[1])).count() as u64
}

/// The mids of two venues, followed in time.
#[derive(Default)]
struct Mids {
    newest: [Option<i64>; 2],
    /// Since when they have been apart, and where they were then.
    apart: Option<(Time, [f64; 2])>,
}

impl Mids {
    /// `quotes`: receive times and doubled mids of a day, sorted.
    fn follow(&mut self, quotes: &[Vec<(i64, i64)>; 2], start: Time, end: Time, longest: &mut Option<Apart>) {
        let mut at = [0; 2];
        loop {
            let next = |v: usize, at: [usize; 2]| quotes[v].get(at[v]).map_or(i64::MAX, |quote: &(i64, i64)| quote.0);
            let v = usize::from(next(1, at) < next(0, at));
            let Some(&(recv, mid2)) = quotes[v].get(at[v]) else { return };
            at[v] += 1;
            self.newest[v] = Some(mid2);
            let ([Some(a), Some(b)], true) = (self.newest, (start.0..=end.0).contains(&recv)) else { continue };
            let is_apart = i128::from(a.abs_diff(b)) * 10 > i128::from(a.min(b));
            match (is_apart, self.apart) {
                (true, None) => self.apart = Some((Time(recv), [a, b].map(|mid2| mid2 as f64 / 2e9))),
                (false, Some(_)) => self.end(Time(recv), longest),
                _ => {}
            }
        }
    }

    fn end(&mut self, to: Time, longest: &mut Option<Apart>) {
        let Some((from, mids)) = self.apart.take() else { return };
        if longest.is_none_or(|l| to.since(from) > l.to.since(l.from)) {
            *longest = Some(Apart { from, to, mids });
        }
    }
}

/// Receive times and doubled mids of one venue's quotes of a day, sorted.
fn day_quotes(store: &StorePath, table: &TableCheck, day: i64) -> Result<Vec<(i64, i64)>, TapeError> {
    let mut quotes = Vec::new();
    for (partition, path) in store.files(QuoteRow::TABLE, &table.venue, &table.symbol)? {
        // what cannot be opened was reported with its table
        let Ok(file) = StoreFile::open::<QuoteRow>(&path) else { continue };
        if partition == Partition::Day(day) {
            for batch in file.read::<QuoteRow>(0..file.groups().len())? {
                let Ok(batch) = batch else { break };
                quotes.extend(batch.rows.iter().map(|r| (r.recv.0, r.bbo.bid.0.saturating_add(r.bbo.ask.0))));
            }
        }
    }
    quotes.sort_by_key(|quote| quote.0);
    Ok(quotes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use perpx_core::units::SECOND;

    #[test]
    fn an_age_counts_up_to_the_limit() {
        let (s, limit) = (SECOND.0, 5 * SECOND);
        assert_eq!(fresh_at(&[s, 2 * s, 7 * s, 8 * s], &[2 * s, 20 * s], limit), 2);
        assert_eq!(fresh_at(&[s], &[], limit), 0);
        // several at one time, several between two
        assert_eq!(fresh_at(&[s, s, 9 * s, 9 * s], &[s, s, 2 * s, 3 * s, 4 * s], limit), 4);
    }

    #[test]
    fn mids_a_thousandfold_apart_are_told_after_an_hour() {
        let hours = |n: i64| Time::at(n * HOUR);
        let quotes =
            |factor: i64| -> Vec<(i64, i64)> { (0..=8).map(|i| ((i * HOUR / 4).0, 8_427_000 * factor)).collect() };
        let longest = |quotes: [Vec<(i64, i64)>; 2]| {
            let (mut mids, mut longest) = (Mids::default(), None);
            mids.follow(&quotes, hours(0), hours(2), &mut longest);
            mids.end(hours(2), &mut longest);
            longest
        };
        let apart = longest([quotes(1000), quotes(1)]).expect("apart");
        assert_eq!((apart.from, apart.to), (hours(0), hours(2)));
        assert_eq!(apart.mids.map(|mid| mid.to_string()), ["4.2135".to_string(), "0.0042135".to_string()]);
        assert_eq!(longest([quotes(1), quotes(1)]), None);
        let tenth: Vec<(i64, i64)> = quotes(1).into_iter().map(|(t, mid2)| (t, mid2 / 10 * 11)).collect();
        assert_eq!(longest([quotes(1), tenth]), None, "a tenth is not more than a tenth");
        let mut back = quotes(1000);
        back[3].1 /= 1000;
        let apart = longest([back, quotes(1)]).expect("apart");
        assert_eq!((apart.from, apart.to), (hours(1), hours(2)), "the longer of the two");
    }
}
