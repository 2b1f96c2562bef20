//! Rows of the store as values: what the parquet tables hold, after checking and clock correction.
//! `exch` is stamped by the venue's matching engine, `recv` by the recorder (corrected, never before `exch`).

use crate::market::{Bbo, DepthLevel, Side};
use crate::units::{Price, Qty, Rate, Time};
use serde::{Deserialize, Serialize};

/// Best bid and ask as the venue published them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct QuoteRow {
    /// Stamped by the venue.
    pub exch: Time,
    /// Stamped by the recorder.
    pub recv: Time,
    /// Best prices and sizes after it.
    pub bbo: Bbo,
}

/// A public trade.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TradeRow {
    /// Stamped by the venue.
    pub exch: Time,
    /// Stamped by the recorder.
    pub recv: Time,
    /// Quote money per coin.
    pub px: Price,
    /// Base coins, positive.
    pub qty: Qty,
    /// Who came to the book.
    pub taker: Side,
    /// False for prints that never touched the visible book (GRVT's RPI): they move no queue.
    pub consumed_book: bool,
}

/// A snapshot of the best levels, best first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DepthRow {
    /// Stamped by the venue.
    pub exch: Time,
    /// Stamped by the recorder.
    pub recv: Time,
    /// Falling prices.
    pub bids: Vec<DepthLevel>,
    /// Rising prices.
    pub asks: Vec<DepthLevel>,
}

/// The prices on which the venue margins and funds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MarkRow {
    /// Stamped by the venue.
    pub exch: Time,
    /// Stamped by the recorder.
    pub recv: Time,
    /// Zero = unknown.
    pub mark: Price,
    /// Zero = unknown.
    pub index: Price,
}

/// What a funding rate is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum FundingKind {
    /// Paid at `ts`.
    Settled,
    /// Published for the settlement at `ts`, which is still to come.
    Predicted,
}

/// A funding rate of one settlement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FundingRow {
    /// Settlement time on the venue's clock.
    pub ts: Time,
    /// When we learnt of it.
    pub recv: Time,
    /// Fraction of notional over its interval; positive = the long pays.
    pub rate: Rate,
    /// Hours between settlements, positive.
    pub interval_hours: u32,
    /// Paid, or announced.
    pub kind: FundingKind,
}

/// All rows of one venue in some range, each table sorted by `recv` (funding too).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct VenueTables {
    /// Best bid and ask.
    pub quotes: Vec<QuoteRow>,
    /// Public trades.
    pub trades: Vec<TradeRow>,
    /// Snapshots of several levels; empty where none were recorded.
    pub depth: Vec<DepthRow>,
    /// Mark and index prices.
    pub marks: Vec<MarkRow>,
    /// Settled and predicted rates.
    pub funding: Vec<FundingRow>,
}
