//! What the auditor reads: entries as they were written down, settled rates as the store holds them.

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Kind {
    #[default]
    Capital,
    Fill,
    Funding,
    Liquidation,
    Transfer,
    Transition,
    Money,
}

/// A row of trades.parquet; absent values are zero or empty. Decimals keep their file's scale.
#[derive(Clone, Debug, Default)]
pub struct Entry {
    pub symbol: String,
    pub id: String,
    pub world: String,
    pub run: String,
    pub seq: u32,
    pub trade: u32,
    pub kind: Kind,
    pub venue: String,
    pub role: String,
    pub venue_time: i64,
    pub side: String,
    pub price: i128,
    pub qty: i128,
    pub maker: bool,
    pub fee: i128,
    pub amount: i128,
    pub rate: i128,
    pub lost: i128,
    pub grid: i128,
    pub maker_rate: i128,
    pub taker_rate: i128,
    /// When it reached us, 1e-10.
    pub mid: i128,
    /// Of fills: of the book that it met, 1e-10.
    pub met: i128,
    /// 1e-19.
    pub equity: Option<i128>,
    /// Of `money`, by [`LINES`], 1e-19.
    pub lines: [i128; LINES.len()],
    /// Their sum, as it is written.
    pub pnl: i128,
}

/// The lines of `money` rows: columns `pnl_<line>`.
pub const LINES: [&str; 10] =
    ["price", "spread", "legging", "slippage", "fees", "rebates", "funding", "liquidation", "transfer", "rounding"];

/// A settled funding rate of the store, 1e-12.
#[derive(Clone, Copy, Debug)]
pub struct Settled {
    pub ts: i64,
    pub rate: i128,
}
