//! The recorder of one venue: stamps receipt and keeps the rows until their day is over.

use super::chance::Dice;
use crate::market::{Bbo, Side};
use crate::tape::rows::*;
use crate::units::{MS, Price, Qty, Time};

/// Least and greatest receive latency, ms (STYLISED-FACTS, 6).
const LATENCY_MS: [f64; 2] = [15.0, 100.0];
/// Standard deviation of its logarithm.
const LATENCY_SPREAD: f64 = 0.35;

/// Rows of a venue with their receive times.
pub(super) struct Feed {
    /// Not handed out yet.
    rows: VenueTables,
    /// Of the latencies alone.
    dice: Dice,
    /// Of the receive latency.
    median_ms: f64,
    /// Newest receive time: none is earlier.
    last_recv: Time,
}

impl Feed {
    /// Without rows.
    pub(super) fn new(dice: Dice, median_ms: f64) -> Feed {
        Feed { rows: VenueTables::default(), dice, median_ms, last_recv: Time(0) }
    }

    /// One connection a venue: what was sent first arrives first.
    fn receipt(&mut self, exch: Time) -> Time {
        let latency = self.dice.log_normal(self.median_ms, LATENCY_SPREAD);
        let ms = latency.clamp(LATENCY_MS[0], LATENCY_MS[1]).round() as i64;
        self.last_recv = self.last_recv.max(exch.plus(ms * MS));
        self.last_recv
    }

    /// A quote that the venue publishes.
    pub(super) fn quote(&mut self, exch: Time, bbo: Bbo) {
        let recv = self.receipt(exch);
        self.rows.quotes.push(QuoteRow { exch, recv, bbo });
    }

    /// The prints of one taker order: all with one stamp, as one message.
    pub(super) fn prints(&mut self, exch: Time, taker: Side, consumed_book: bool, prints: &[(Price, Qty)]) {
        let recv = self.receipt(exch);
        let rows = prints.iter().map(|&(px, qty)| TradeRow { exch, recv, px, qty, taker, consumed_book });
        self.rows.trades.extend(rows);
    }

    /// A mark that the venue publishes.
    pub(super) fn mark(&mut self, exch: Time, mark: Price, index: Price) {
        let recv = self.receipt(exch);
        self.rows.marks.push(MarkRow { exch, recv, mark, index });
    }

    /// A rate published at `now` for the settlement at `row.ts`.
    pub(super) fn funding(&mut self, now: Time, row: FundingRow) {
        let recv = self.receipt(now);
        self.rows.funding.push(FundingRow { recv, ..row });
    }

    /// Hands out the rows received before `end` and keeps the few that were received later.
    pub(super) fn take_before(&mut self, end: Time) -> VenueTables {
        /// The rows received before `end`.
        fn split<T>(rows: &mut Vec<T>, recv: impl Fn(&T) -> Time, end: Time) -> Vec<T> {
            let later = rows.split_off(rows.partition_point(|row| recv(row) < end));
            std::mem::replace(rows, later)
        }
        VenueTables {
            quotes: split(&mut self.rows.quotes, |r| r.recv, end),
            trades: split(&mut self.rows.trades, |r| r.recv, end),
            depth: Vec::new(),
            marks: split(&mut self.rows.marks, |r| r.recv, end),
            funding: split(&mut self.rows.funding, |r| r.recv, end),
        }
    }
}
