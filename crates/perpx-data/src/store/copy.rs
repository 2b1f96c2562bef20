//! An hour of one store's rows in another, as if it had been recorded there.

use super::append::{FoundGap, HourWriter};
use super::path::{Partition, StorePath};
use super::read::StoreFile;
use super::recorded::Recorded;
use super::table::{DepthLevelRow, NumberedTrade, StoredRow, Table, assemble_depth};
use crate::TapeError;
use perpx_core::tape::rows::{FundingRow, MarkRow, QuoteRow};
use perpx_core::units::{HOUR, Time};
use std::collections::BTreeSet;
use std::path::Path;

/// Hours (since 1970-01-01 UTC) in which a store may hold rows of a series, in order: those of a recording, else all of the days that
/// have quotes.
///
/// # Errors
/// A folder that cannot be read.
pub fn hours_of(store: &StorePath, venue: &str, symbol: &str) -> Result<Vec<i64>, TapeError> {
    let mut hours = BTreeSet::new();
    match store.recorded() {
        Some(recorded) => {
            let days = recorded.series(Table::Quotes, venue, symbol);
            hours.extend(days.flat_map(|day| day.hours.iter().map(|line| day.day * 24 + i64::from(line.hour))));
        }
        None => {
            for (partition, _) in store.files(Table::Quotes, venue, symbol)? {
                let Partition::Day(day) = partition else { continue };
                hours.extend(day * 24..day * 24 + 24);
            }
        }
    }
    Ok(hours.into_iter().collect())
}

/// Copies what `from` received of `symbol` at `venue` within the hour `hour` into the recorded store at `to`, gaps included. False: there
/// is nothing.
///
/// # Errors
/// Files that cannot be read or written, a row that no store takes.
pub fn copy_hour(
    from: &StorePath,
    to: &Path,
    (venue, symbol, hour): (&str, &str, i64),
    made_by: &serde_json::Value,
) -> Result<bool, TapeError> {
    let place = Place { store: from, venue, symbol, hour };
    let (quotes, trades) = (place.rows::<QuoteRow>()?, place.rows::<NumberedTrade>()?);
    let (levels, marks) = (place.rows::<DepthLevelRow>()?, place.rows::<MarkRow>()?);
    let funding = place.rows::<FundingRow>()?;
    let gap_trades = place.rows_of::<NumberedTrade>(Table::GapTrades)?;
    let mut stamps: Vec<Time> = quotes.iter().map(|row| row.recv).collect();
    stamps.extend(trades.iter().map(|trade| trade.row.recv).chain(marks.iter().map(|row| row.recv)));
    let (Some(first), Some(last)) = (stamps.iter().min(), stamps.iter().max()) else { return Ok(false) };
    let (mut span, mut left_out, mut gaps) = ((*first, *last, stamps.len() as u64), 0, Vec::new());
    if let Some(recorded) = from.recorded() {
        let known = recorded.hours.get(venue).and_then(|hours| hours.iter().find(|known| known.hour == hour));
        if let Some(known) = known {
            (span, left_out) = ((known.first, known.last, known.frames), known.left_out);
        }
        gaps = gaps_of(recorded, &place);
    }
    let mut writer = HourWriter::create(to, venue, hour)?;
    quotes.into_iter().try_for_each(|row| writer.quote(symbol, row))?;
    trades.into_iter().try_for_each(|row| writer.trade(symbol, row))?;
    gap_trades.into_iter().try_for_each(|row| writer.gap_trade(symbol, row))?;
    let mut depth = Vec::new();
    assemble_depth(&levels, &mut depth);
    depth.into_iter().try_for_each(|row| writer.depth(symbol, row))?;
    marks.into_iter().try_for_each(|row| writer.marks(symbol, row))?;
    funding.into_iter().try_for_each(|row| writer.funding(symbol, row))?;
    writer.commit(span, left_out, gaps, made_by.clone())?;
    Ok(true)
}

fn gaps_of(recorded: &Recorded, place: &Place<'_>) -> Vec<FoundGap> {
    let Place { venue, symbol, hour, .. } = *place;
    let of =
        recorded.gaps.iter().filter(|gap| (gap.venue.as_str(), gap.symbol.as_str(), gap.hour) == (venue, symbol, hour));
    of.filter_map(|gap| {
        let table = Table::ALL.into_iter().find(|table| table.name() == gap.table)?;
        let (from, reason) = (Some(gap.from), gap.reason.clone());
        Some(FoundGap { symbol: gap.symbol.clone(), table, from, to: gap.to, reason, known: gap.known })
    })
    .collect()
}

/// What is copied.
struct Place<'a> {
    store: &'a StorePath,
    venue: &'a str,
    symbol: &'a str,
    hour: i64,
}

impl Place<'_> {
    fn rows<R: StoredRow>(&self) -> Result<Vec<R>, TapeError> {
        self.rows_of(R::TABLE)
    }

    /// What a table received within the hour.
    fn rows_of<R: StoredRow>(&self, table: Table) -> Result<Vec<R>, TapeError> {
        let (start, end) = (Time::at(self.hour * HOUR), Time::at((self.hour + 1) * HOUR));
        let mut rows = Vec::new();
        for (partition, path) in self.store.files(table, self.venue, self.symbol)? {
            let is_elsewhere = matches!(partition, Partition::Day(day) if day != start.day());
            if is_elsewhere || self.store.is_backfilled(&path) {
                continue;
            }
            let file = StoreFile::open::<R>(&path)?;
            for (group, span) in file.groups().iter().enumerate() {
                let is_elsewhere = span.span.is_some_and(|(first, last)| last < start || first >= end);
                if is_elsewhere && !table.by_year() {
                    continue;
                }
                file.each_batch::<R>(group..group + 1, |batch| {
                    rows.extend(batch.into_iter().filter(|row| row.recv() >= start && row.recv() < end));
                })?;
            }
        }
        Ok(rows)
    }
}
