//! What the trader saw, as it was recorded: rows at the times at which it saw them, an hour at a time.

use super::episode::Down;
use crate::LiveError;
use perpx_core::market::{Event, EventBody};
use perpx_core::tape::rows::{DepthRow, FundingKind, FundingRow, MarkRow, QuoteRow, TradeRow, VenueTables};
use perpx_core::tape::{Carry, Tile, align};
use perpx_core::units::{HOUR, MINUTE, Time, TimeDelta};
use perpx_venues::record::Decided;
use perpx_venues::record::feed::Row;
use perpx_venues::record::raw_file::{RawReader, hour, raw_path};
use perpx_venues::venue::Venue;
use std::collections::VecDeque;
use std::io;
use std::path::{Path, PathBuf};

/// A settlement that the tape names so near to one that was booked is the same.
const SAME: TimeDelta = MINUTE.times(30);

/// The rows of a run.
#[derive(Clone)]
pub struct SeenTape {
    run: PathBuf,
    /// By role.
    venues: [Venue; 2],
    symbol: String,
}

/// Rows of both venues.
pub type Tables = [VenueTables; 2];

impl SeenTape {
    /// Of the run in a folder.
    pub fn new(run: &Path, venues: [Venue; 2], symbol: &str) -> SeenTape {
        SeenTape { run: run.to_path_buf(), venues, symbol: symbol.to_owned() }
    }

    /// Rows received in `[from, to)`, which lies in one hour. By role.
    ///
    /// # Errors
    /// A disk that fails. Rows that are gone are missing.
    pub fn between(&self, from: Time, to: Time) -> Result<Tables, LiveError> {
        let mut tables = Tables::default();
        for (venue, table) in self.venues.into_iter().zip(&mut tables) {
            let path = raw_path(&self.run, venue, hour(from));
            let failed = |error: io::Error| LiveError::Folder {
                path: path.clone(),
                what: "cannot be read",
                error: error.to_string(),
            };
            if !path.exists() {
                continue;
            }
            let mut reader = RawReader::open(&path, venue).map_err(failed)?;
            while let Some(frames) = reader.next_block().map_err(failed)? {
                let decided = frames.iter().filter_map(Decided::of).filter(|decided| decided.symbol == self.symbol);
                for row in decided.flat_map(|decided| decided.rows) {
                    let at = row.received();
                    if at >= from && at < to {
                        put(table, row, from);
                    }
                }
            }
        }
        Ok(tables)
    }
}

/// Adds a row behind the others. On the venue's own clock no row is before the one before it, nor before `from`.
fn put(table: &mut VenueTables, row: Row, from: Time) {
    fn after<R>(rows: &[R], exch: Time, from: Time, of: impl Fn(&R) -> Time) -> Time {
        rows.last().map_or(from, of).max(from).max(exch)
    }
    match row {
        Row::Quote(row) => {
            let exch = after(&table.quotes, row.exch, from, |row| row.exch).min(row.recv);
            table.quotes.push(QuoteRow { exch, ..row });
        }
        Row::Depth(row) => {
            let exch = after(&table.depth, row.exch, from, |row| row.exch).min(row.recv);
            table.depth.push(DepthRow { exch, ..row });
        }
        Row::Trade(print) | Row::GapTrade(print) => {
            let exch = after(&table.trades, print.row.exch, from, |row| row.exch).min(print.row.recv);
            table.trades.push(TradeRow { exch, ..print.row });
        }
        Row::Marks(row) => {
            let exch = after(&table.marks, row.exch, from, |row| row.exch).min(row.recv);
            table.marks.push(MarkRow { exch, ..row });
        }
        Row::Funding(row) => table.funding.push(row),
    }
}

/// What the trader saw, and at the venues everything that was seen.
pub struct AsSeen<'a> {
    tape: &'a SeenTape,
    /// Nobody was there: what was received meanwhile the trader does not see. Empty: it sees all.
    pub downs: &'a [Down],
    /// By role: settlements that were booked, for those that the tape does not name.
    booked: [VecDeque<FundingRow>; 2],
}

impl<'a> AsSeen<'a> {
    /// With the settlements that a journal has booked.
    pub fn new(tape: &'a SeenTape, downs: &'a [Down], events: &[Event]) -> AsSeen<'a> {
        let mut booked = [VecDeque::new(), VecDeque::new()];
        for event in events {
            if let EventBody::Funding { rate, .. } = event.body {
                let ts = event.venue_time.plus(HOUR / 2).floor_to(HOUR);
                let row = FundingRow { ts, recv: event.at, rate, interval_hours: 1, kind: FundingKind::Settled };
                booked[event.venue.ix()].push_back(row);
            }
        }
        AsSeen { tape, downs, booked }
    }
}

impl AsSeen<'_> {
    /// The piece `[start, end)`, which lies in one hour; `carry`: what was known before, and then what is known after.
    ///
    /// # Errors
    /// A disk that fails.
    pub fn tile(&mut self, start: Time, end: Time, carry: &mut Carry) -> Result<Tile, LiveError> {
        let mut all = self.tape.between(start, end)?;
        let mut seen = all.clone();
        let is_seen = |at: Time| !self.downs.iter().any(|down| at >= down.from && at < down.again);
        for table in &mut seen {
            table.quotes.retain(|row| is_seen(row.recv));
            table.trades.retain(|row| is_seen(row.recv));
            table.depth.retain(|row| is_seen(row.recv));
            table.marks.retain(|row| is_seen(row.recv));
            table.funding.retain(|row| is_seen(row.recv));
        }
        for (table, booked) in all.iter_mut().zip(&mut self.booked) {
            while let Some(row) = booked.pop_front_if(|row| row.ts < end) {
                let is_named = |other: &FundingRow| {
                    other.kind == FundingKind::Settled && (other.ts.since(row.ts)).0.abs() < SAME.0
                };
                if !table.funding.iter().any(is_named) {
                    table.funding.push(row);
                }
            }
            table.funding.sort_by_key(|row| row.recv);
        }
        let local = align::local_timeline([&seen[0], &seen[1]], start, end, carry);
        let venues = align::venue_timelines([&all[0], &all[1]], start, end, &mut carry.venues);
        Ok(Tile { start, end, local, venues })
    }
}
