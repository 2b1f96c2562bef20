//! Closes of backfilled bars, for averages of before its first quote.

use crate::TapeError;
use crate::store::{BarKind, BarRow, Partition, StoreFile, StorePath, Table};
use perpx_core::units::{NS, Time, TimeDelta};
use std::collections::BTreeMap;
use std::path::Path;

/// Bars without a close: so many in a row repeat the close before them.
const MOST_REPEATED: i64 = 2;

/// Backfilled bars of a span, as bars of another length.
#[derive(Clone, Debug, PartialEq)]
pub struct PastBars {
    /// The close of each bar, by its number since 1970-01-01 UTC.
    pub closes: BTreeMap<i64, f64>,
    /// What they are made of: the middle of the book where the venue has it, else trades.
    pub kind: BarKind,
    /// Where the last of them ends.
    pub end: Time,
}

/// The bars of a venue that end within `[from, to]`, in a store at `root`; `None`: there is none. Of a coin as the store names it.
///
/// # Errors
/// A file that cannot be read.
pub fn past_bars(
    root: &Path,
    (venue, symbol): (&str, &str),
    bar_length: TimeDelta,
    (from, to): (Time, Time),
) -> Result<Option<PastBars>, TapeError> {
    let rows = stored_bars(root, (venue, symbol), (from, to))?;
    let of = |kind: BarKind| rows.iter().filter(move |row| row.kind == kind);
    let kind = if of(BarKind::Mid).next().is_some() { BarKind::Mid } else { BarKind::Trade };
    let Some(newest) = of(kind).map(|row| row.close_ts).max() else { return Ok(None) };
    let mut closes: BTreeMap<i64, f64> = BTreeMap::new();
    for row in of(kind) {
        closes.insert(row.close_ts.plus(-NS).steps(bar_length), row.close.as_f64());
    }
    // a bar that the last row does not end is none yet
    closes.retain(|bar, _| Time::at((bar + 1) * bar_length) <= newest);
    let known: Vec<(i64, f64)> = closes.iter().map(|(bar, close)| (*bar, *close)).collect();
    for pair in known.windows(2).filter(|pair| pair[1].0 - pair[0].0 <= MOST_REPEATED + 1) {
        closes.extend((pair[0].0 + 1..pair[1].0).map(|bar| (bar, pair[0].1)));
    }
    let Some((last, _)) = closes.last_key_value() else { return Ok(None) };
    let end = Time::at((last + 1) * bar_length);
    Ok(Some(PastBars { closes, kind, end }))
}

/// The rows of `bars` that end within `[from, to]`, in order.
///
/// # Errors
/// A file that cannot be read.
pub fn stored_bars(
    root: &Path,
    (venue, symbol): (&str, &str),
    (from, to): (Time, Time),
) -> Result<Vec<BarRow>, TapeError> {
    let store = StorePath::open(root)?;
    let days = Partition::Day(from.day())..=Partition::Day(to.day());
    let mut rows = Vec::new();
    for (partition, path) in store.files(Table::Bars, venue, symbol)? {
        if !days.contains(&partition) {
            continue;
        }
        let file = StoreFile::open::<BarRow>(&path)?;
        file.each_batch::<BarRow>(0..file.groups().len(), |batch| {
            rows.extend(batch.into_iter().filter(|row| row.close_ts >= from && row.close_ts <= to));
        })?;
    }
    rows.sort_by_key(|row| (row.close_ts, row.kind));
    Ok(rows)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::StoreWriter;
    use perpx_core::units::{MINUTE, Price, Qty};

    #[test]
    fn bars_of_a_minute_close_longer_ones() {
        let dir = tempfile::tempdir().expect("a folder");
        let root = dir.path().join("past");
        let begin = Time::of_day(20_458);
        let bar = |minute: i64, kind: BarKind, px: i64| {
            let (open_ts, px) = (begin.plus(minute * MINUTE), Price(px * 1_000_000_000));
            let close_ts = open_ts.plus(MINUTE);
            BarRow { open_ts, close_ts, kind, open: px, high: px, low: px, close: px, volume: Qty(0) }
        };
        // minutes 2 to 4 have none; a mark is no middle
        let of = |kind: BarKind| [0, 1, 5, 6, 7, 8, 20, 21].map(|minute| bar(minute, kind, 100 + minute));
        let write = |kinds: &[BarKind]| {
            let mut writer = StoreWriter::create(&root).expect("a store");
            let mut rows: Vec<BarRow> = kinds.iter().flat_map(|kind| of(*kind)).collect();
            rows.sort_by_key(|row| (row.close_ts, row.kind));
            writer.write_bars("grvt", "BTC", begin.day(), &rows).expect("written");
            writer.finish(serde_json::Value::Null).expect("a store");
        };
        let first = begin.steps(MINUTE) / 2;
        let past = |length: i64, to: i64| {
            let span = (begin, begin.plus(to * MINUTE));
            past_bars(&root, ("grvt", "BTC"), length * MINUTE, span).expect("reads")
        };
        write(&[BarKind::Trade, BarKind::Mark]);
        let of_two = past(2, 22).expect("bars");
        let want = [(0, 101.0), (1, 101.0), (2, 105.0), (3, 107.0), (4, 108.0), (10, 121.0)];
        let found: Vec<(i64, f64)> =
            of_two.closes.iter().map(|(bar, close)| (bar - first, (close * 1e6).round() / 1e6)).collect();
        assert_eq!(found, want, "one bar is repeated, and five are not");
        assert_eq!((of_two.kind, of_two.end), (BarKind::Trade, begin.plus(22 * MINUTE)));
        // the bar that would end at 22 is not over at 21
        assert_eq!(past(2, 21).expect("bars").closes.len(), 5);
        write(&[BarKind::Trade, BarKind::Mid]);
        assert_eq!(past(1, 22).map(|past| past.kind), Some(BarKind::Mid));
        write(&[BarKind::Mark]);
        assert_eq!(past(1, 22), None);
    }
}
