//! What the auditor reads: entries as they were written down, settled rates as the store holds them.

/// What a row of trades.parquet says, by its column `kind`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Kind {
    /// The account as it begins: balance, money step, fee rates.
    #[default]
    Capital,
    /// A fill.
    Fill,
    /// A funding settlement.
    Funding,
    /// The venue closed a leg.
    Liquidation,
    /// Money left for the other venue or came from it.
    Transfer,
    /// A change of the trader's state.
    Transition,
    /// Where the money of a trade came from, by leg.
    Money,
}

/// A row of trades.parquet; absent values are zero or empty. Decimals keep their file's scale.
#[derive(Clone, Debug, Default)]
pub struct Entry {
    /// The coin, as the run names it.
    pub symbol: String,
    /// The configuration's id.
    pub id: String,
    /// The world's id.
    pub world: String,
    /// In sample, or held out.
    pub run: String,
    /// Counted from 1 within one configuration, world and part of the run.
    pub seq: u32,
    /// Counted from 1; 0 = outside a trade.
    pub trade: u32,
    /// Which of the columns are meant.
    pub kind: Kind,
    /// The venue's name in the store.
    pub venue: String,
    /// `long` or `short`.
    pub role: String,
    /// When it happened, on the venue's clock, ns since 1970-01-01 UTC.
    pub venue_time: i64,
    /// `buy` or `sell`, of fills.
    pub side: String,
    /// Of a fill or liquidation, quote money per coin, 1e-9; of funding, the price on which it was paid.
    pub price: i128,
    /// Base coins, 1e-9, not negative.
    pub qty: i128,
    /// The fill was of a resting order.
    pub maker: bool,
    /// As the venue booked it, quote money, 1e-12; negative = we pay.
    pub fee: i128,
    /// Of funding, transfers and capital, quote money, 1e-12; positive = ours.
    pub amount: i128,
    /// Of funding: the settled rate, 1e-12.
    pub rate: i128,
    /// Of a liquidation: margin forfeited beyond its price, quote money, 1e-12.
    pub lost: i128,
    /// Of capital: the step of the venue's money, 1e-12.
    pub grid: i128,
    /// Of capital: the maker's fee as a fraction of notional, 1e-12; positive = we pay.
    pub maker_rate: i128,
    /// Of capital: the taker's fee, in the same unit.
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
    /// The settlement's time, ns since 1970-01-01 UTC; stamped by the venue.
    pub ts: i64,
    /// Per interval; positive = longs pay.
    pub rate: i128,
}
