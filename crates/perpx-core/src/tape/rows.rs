//! Rows of the store as values: what the parquet tables hold, after checking and clock correction.
//! `exch` is stamped by the venue's matching engine, `recv` by the recorder (corrected, never before `exch`).

use crate::market::{Bbo, DepthLevel, Side};
use crate::units::{Price, Qty, Rate, Time};
use serde::{Deserialize, Serialize};

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct QuoteRow {
    pub exch: Time,
    pub recv: Time,
    pub bbo: Bbo,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TradeRow {
    pub exch: Time,
    pub recv: Time,
    pub px: Price,
    pub qty: Qty,
    pub taker: Side,
    /// False for prints that never touched the visible book (GRVT's RPI): they move no queue.
    pub consumed_book: bool,
}

/// A snapshot of the best levels, best first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DepthRow {
    pub exch: Time,
    pub recv: Time,
    pub bids: Vec<DepthLevel>,
    pub asks: Vec<DepthLevel>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MarkRow {
    pub exch: Time,
    pub recv: Time,
    /// Zero = unknown.
    pub mark: Price,
    /// Zero = unknown.
    pub index: Price,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum FundingKind {
    Settled,
    Predicted,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FundingRow {
    /// Settlement time on the venue's clock.
    pub ts: Time,
    /// When we learnt of it.
    pub recv: Time,
    /// Fraction of notional over its interval; positive = the long pays.
    pub rate: Rate,
    pub interval_hours: u32,
    pub kind: FundingKind,
}

/// All rows of one venue in some range, each table sorted by `recv` (funding too).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct VenueTables {
    pub quotes: Vec<QuoteRow>,
    pub trades: Vec<TradeRow>,
    pub depth: Vec<DepthRow>,
    pub marks: Vec<MarkRow>,
    pub funding: Vec<FundingRow>,
}
