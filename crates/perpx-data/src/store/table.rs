//! The five tables: their columns, and rows to and from columns.

use super::decode::Cells;
use super::read::Fault;
use crate::TapeError;
use arrow::array::{
    ArrayRef, BooleanArray, Decimal64Array, Int32Array, Int64Array, StringArray, TimestampNanosecondArray,
};
use arrow::datatypes::{DataType, Field, Schema, TimeUnit};
use perpx_core::market::{Bbo, DepthLevel, Side};
use perpx_core::tape::rows::{DepthRow, FundingKind, FundingRow, MarkRow, QuoteRow, TradeRow};
use perpx_core::units::{MINUTE, Price, Qty, Rate, Time, TimeDelta};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// The tables of a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Table {
    /// Best bid and ask.
    Quotes,
    /// Prints.
    Trades,
    /// Snapshots of the book, a row a level.
    Depth,
    /// Mark and index prices.
    Marks,
    /// Funding rates, predicted and settled.
    Funding,
    /// Prints of a recorder's gaps, received later than they happened: read where a grid asks for them, and listed nowhere else.
    GapTrades,
    /// Bars of the past: no replay reads them.
    Bars,
}

impl Table {
    /// Those of every store, in the order in which they are reported.
    pub const ALL: [Table; 5] = [Table::Quotes, Table::Trades, Table::Depth, Table::Marks, Table::Funding];
    /// Those that only some stores have.
    pub const OTHERS: [Table; 2] = [Table::GapTrades, Table::Bars];

    /// The folder's name.
    pub fn name(self) -> &'static str {
        match self {
            Table::Quotes => "quotes",
            Table::Trades => "trades",
            Table::Depth => "depth",
            Table::Marks => "marks",
            Table::Funding => "funding",
            Table::GapTrades => "trades_gap",
            Table::Bars => "bars",
        }
    }

    /// Columns in the order of the file.
    pub fn columns(self) -> &'static [&'static str] {
        match self {
            Table::Quotes => &["exch_ts", "recv_ts", "bid_px", "bid_qty", "ask_px", "ask_qty"],
            Table::Trades | Table::GapTrades => {
                &["exch_ts", "recv_ts", "px", "qty", "taker_side", "trade_id", "consumed_book"]
            }
            Table::Depth => &["exch_ts", "recv_ts", "side", "level", "px", "qty"],
            Table::Marks => &["exch_ts", "recv_ts", "mark_px", "index_px"],
            Table::Funding => &["ts", "rate", "interval_hours", "kind", "recv_ts"],
            Table::Bars => &["open_ts", "recv_ts", "kind", "open_px", "high_px", "low_px", "close_px", "volume"],
        }
    }

    /// Files are parted by calendar year, not by day.
    pub fn by_year(self) -> bool {
        self == Table::Funding
    }

    /// The clock that decides the partition.
    pub fn partition_column(self) -> &'static str {
        if self.by_year() { "ts" } else { "recv_ts" }
    }
}

/// No venue settles more often than hourly: two settlements nearer than this are one.
pub(crate) const SLOT: TimeDelta = MINUTE.times(30);

/// Prices and quantities must stay below this (18 digits).
pub(crate) const DECIMAL_LIMIT: i64 = 1_000_000_000_000_000_000;

/// A row that has a table.
pub trait StoredRow: Sized + Clone + Send + Sync + 'static {
    /// Where its rows are stored.
    const TABLE: Table;
    /// Rows bear the venue's number of them.
    const NUMBERED: bool = false;

    /// The row with the venue's number of it, of a table that has them.
    fn numbered(&self) -> Option<&NumberedTrade> {
        None
    }

    /// Columns in the order of the file.
    fn fields() -> Vec<Field>;
    /// The columns of `rows`.
    fn columns(rows: &[Self]) -> Vec<ArrayRef>;
    /// Adds the rows of some columns; a cell that cannot be read is noted in `cells` and stands as zero.
    fn add_rows(cells: &mut Cells<'_>, out: &mut Vec<Self>) -> Result<(), TapeError>;
    /// The venue's stamp; of funding, the settlement.
    fn exch(&self) -> Time;
    /// When it reached the recorder, on the recorder's clock.
    fn recv(&self) -> Time;
    /// Puts other times in their place.
    fn set_times(&mut self, exch: Time, recv: Time);
    /// What makes this row unfit for a replay, the order of its neighbours aside.
    fn fault(&self) -> Option<Fault>;

    /// No [`StoredRow::fault`]; where there are many rows, without branches.
    #[inline]
    fn is_fit(&self) -> bool {
        self.fault().is_none()
    }

    /// Columns of a file, in order.
    fn schema() -> Schema {
        Schema::new(Self::fields())
    }

    /// The time that decides the partition.
    fn partition_time(&self) -> Time {
        if Self::TABLE.by_year() { self.exch() } else { self.recv() }
    }
}

/// The clocks of a row that bears both.
macro_rules! two_clocks {
    () => {
        #[inline]
        fn exch(&self) -> Time {
            self.exch
        }

        #[inline]
        fn recv(&self) -> Time {
            self.recv
        }

        #[inline]
        fn set_times(&mut self, exch: Time, recv: Time) {
            (self.exch, self.recv) = (exch, recv);
        }
    };
}

pub(super) fn time_field(name: &str) -> Field {
    Field::new(name, DataType::Timestamp(TimeUnit::Nanosecond, Some("UTC".into())), false)
}

pub(super) fn decimal_field(name: &str, scale: i8, nullable: bool) -> Field {
    Field::new(name, DataType::Decimal64(18, scale), nullable)
}

pub(super) fn times<R>(rows: &[R], pick: impl Fn(&R) -> Time) -> ArrayRef {
    let values = TimestampNanosecondArray::from_iter_values(rows.iter().map(|r| pick(r).0));
    Arc::new(values.with_timezone("UTC"))
}

pub(super) fn decimals<R>(rows: &[R], scale: i8, pick: impl Fn(&R) -> i64) -> ArrayRef {
    let values = Decimal64Array::from_iter_values(rows.iter().map(pick));
    Arc::new(values.with_data_type(DataType::Decimal64(18, scale)))
}

/// Zero stands for null.
fn optional_prices<R>(rows: &[R], pick: impl Fn(&R) -> Price) -> ArrayRef {
    let values: Decimal64Array = rows.iter().map(|r| Some(pick(r).0).filter(|&p| p != 0)).collect();
    Arc::new(values.with_data_type(DataType::Decimal64(18, 9)))
}

pub(super) fn words<R>(rows: &[R], pick: impl Fn(&R) -> &'static str) -> ArrayRef {
    Arc::new(StringArray::from_iter_values(rows.iter().map(pick)))
}

#[inline]
fn times_fit(exch: Time, recv: Time) -> bool {
    (exch.0 > 0) & (recv >= exch)
}

#[inline]
fn price_fits(price: Price) -> bool {
    (price.0 > 0) & (price.0 < DECIMAL_LIMIT)
}

#[inline]
fn size_fits(qty: Qty) -> bool {
    (qty.0 >= 0) & (qty.0 < DECIMAL_LIMIT)
}

/// `recv_ts` before `exch_ts`, or a clock that is not set.
fn time_fault(exch: Time, recv: Time) -> Option<Fault> {
    if times_fit(exch, recv) {
        return None;
    }
    if exch.0 <= 0 {
        return Some(Fault::new("exch_ts", exch, "a time after 1970-01-01"));
    }
    let wanted = format!("no earlier than its exch_ts {exch}");
    Some(Fault::new("recv_ts", recv, wanted).of("received before stamped"))
}

pub(super) fn price_fault(column: &'static str, price: Price) -> Option<Fault> {
    let rule = if price.0 == 0 { "zero price" } else { "price out of range" };
    (!price_fits(price)).then(|| Fault::new(column, price, "a price above 0 and below 1e9").of(rule))
}

pub(super) fn size_fault(column: &'static str, qty: Qty) -> Option<Fault> {
    let rule = if qty.0 < 0 { "negative size" } else { "size out of range" };
    (!size_fits(qty)).then(|| Fault::new(column, qty, "a size of 0 (not known) or more, below 1e9").of(rule))
}

impl StoredRow for QuoteRow {
    const TABLE: Table = Table::Quotes;

    fn fields() -> Vec<Field> {
        let mut fields = vec![time_field("exch_ts"), time_field("recv_ts")];
        fields.extend(["bid_px", "bid_qty", "ask_px", "ask_qty"].map(|name| decimal_field(name, 9, false)));
        fields
    }

    fn columns(rows: &[QuoteRow]) -> Vec<ArrayRef> {
        vec![
            times(rows, |r| r.exch),
            times(rows, |r| r.recv),
            decimals(rows, 9, |r| r.bbo.bid.0),
            decimals(rows, 9, |r| r.bbo.bid_qty.0),
            decimals(rows, 9, |r| r.bbo.ask.0),
            decimals(rows, 9, |r| r.bbo.ask_qty.0),
        ]
    }

    fn add_rows(cells: &mut Cells<'_>, out: &mut Vec<QuoteRow>) -> Result<(), TapeError> {
        let (exch, recv) = (cells.times("exch_ts")?, cells.times("recv_ts")?);
        let (bid, bid_qty) = (cells.decimals("bid_px", 9, false)?, cells.decimals("bid_qty", 9, false)?);
        let (ask, ask_qty) = (cells.decimals("ask_px", 9, false)?, cells.decimals("ask_qty", 9, false)?);
        let n = cells.len();
        // of one length, so that no look-up is checked
        let (exch, recv, bid, bid_qty) = (&exch[..n], &recv[..n], &bid[..n], &bid_qty[..n]);
        let (ask, ask_qty) = (&ask[..n], &ask_qty[..n]);
        let row = |i: usize| QuoteRow {
            exch: Time(exch[i]),
            recv: Time(recv[i]),
            bbo: Bbo { bid: Price(bid[i]), bid_qty: Qty(bid_qty[i]), ask: Price(ask[i]), ask_qty: Qty(ask_qty[i]) },
        };
        out.extend((0..cells.len()).map(row));
        Ok(())
    }

    two_clocks!();

    fn fault(&self) -> Option<Fault> {
        let b = &self.bbo;
        time_fault(self.exch, self.recv)
            .or_else(|| price_fault("bid_px", b.bid))
            .or_else(|| price_fault("ask_px", b.ask))
            .or_else(|| {
                let wanted = || format!("no higher than ask_px {} (a crossed quote)", b.ask);
                (b.bid > b.ask).then(|| Fault::new("bid_px", b.bid, wanted()).of("crossed"))
            })
            .or_else(|| size_fault("bid_qty", b.bid_qty))
            .or_else(|| size_fault("ask_qty", b.ask_qty))
    }

    #[inline]
    fn is_fit(&self) -> bool {
        let b = &self.bbo;
        times_fit(self.exch, self.recv)
            & (price_fits(b.bid) & price_fits(b.ask) & (b.bid <= b.ask))
            & (size_fits(b.bid_qty) & size_fits(b.ask_qty))
    }
}

impl StoredRow for TradeRow {
    const TABLE: Table = Table::Trades;

    fn fields() -> Vec<Field> {
        vec![
            time_field("exch_ts"),
            time_field("recv_ts"),
            decimal_field("px", 9, false),
            decimal_field("qty", 9, false),
            Field::new("taker_side", DataType::Utf8, false),
            Field::new("consumed_book", DataType::Boolean, false),
        ]
    }

    fn columns(rows: &[TradeRow]) -> Vec<ArrayRef> {
        let consumed: BooleanArray = rows.iter().map(|r| Some(r.consumed_book)).collect();
        vec![
            times(rows, |r| r.exch),
            times(rows, |r| r.recv),
            decimals(rows, 9, |r| r.px.0),
            decimals(rows, 9, |r| r.qty.0),
            words(rows, |r| if r.taker == Side::Buy { "buy" } else { "sell" }),
            Arc::new(consumed),
        ]
    }

    fn add_rows(cells: &mut Cells<'_>, out: &mut Vec<TradeRow>) -> Result<(), TapeError> {
        let (exch, recv) = (cells.times("exch_ts")?, cells.times("recv_ts")?);
        let (px, qty) = (cells.decimals("px", 9, false)?, cells.decimals("qty", 9, false)?);
        let sides = [("buy", Side::Buy), ("sell", Side::Sell)];
        let taker = cells.words("taker_side", &sides, "buy or sell")?;
        let consumed = cells.flags("consumed_book")?;
        let row = |i: usize| TradeRow {
            exch: Time(exch[i]),
            recv: Time(recv[i]),
            px: Price(px[i]),
            qty: Qty(qty[i]),
            taker: taker[i],
            consumed_book: consumed[i],
        };
        out.extend((0..cells.len()).map(row));
        Ok(())
    }

    two_clocks!();

    fn fault(&self) -> Option<Fault> {
        time_fault(self.exch, self.recv).or_else(|| price_fault("px", self.px)).or_else(|| size_fault("qty", self.qty))
    }

    #[inline]
    fn is_fit(&self) -> bool {
        times_fit(self.exch, self.recv) & price_fits(self.px) & size_fits(self.qty)
    }
}

/// A trade with the venue's number of it, by which a print that is sent again is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NumberedTrade {
    /// The print.
    pub row: TradeRow,
    /// The venue's number; `None`: it gave none.
    pub id: Option<i64>,
}

impl StoredRow for NumberedTrade {
    const TABLE: Table = Table::Trades;
    const NUMBERED: bool = true;

    fn numbered(&self) -> Option<&NumberedTrade> {
        Some(self)
    }

    fn fields() -> Vec<Field> {
        let mut fields = TradeRow::fields();
        fields.insert(5, Field::new("trade_id", DataType::Int64, true));
        fields
    }

    fn columns(rows: &[NumberedTrade]) -> Vec<ArrayRef> {
        let plain: Vec<TradeRow> = rows.iter().map(|r| r.row).collect();
        let ids: Int64Array = rows.iter().map(|r| r.id).collect();
        let mut columns = TradeRow::columns(&plain);
        columns.insert(5, Arc::new(ids));
        columns
    }

    fn add_rows(cells: &mut Cells<'_>, out: &mut Vec<NumberedTrade>) -> Result<(), TapeError> {
        let mut rows = Vec::new();
        TradeRow::add_rows(cells, &mut rows)?;
        let ids = cells.numbers("trade_id");
        out.extend(rows.into_iter().zip(ids).map(|(row, id)| NumberedTrade { row, id }));
        Ok(())
    }

    #[inline]
    fn exch(&self) -> Time {
        self.row.exch
    }

    #[inline]
    fn recv(&self) -> Time {
        self.row.recv
    }

    #[inline]
    fn set_times(&mut self, exch: Time, recv: Time) {
        self.row.set_times(exch, recv);
    }

    fn fault(&self) -> Option<Fault> {
        self.row.fault()
    }

    #[inline]
    fn is_fit(&self) -> bool {
        self.row.is_fit()
    }
}

/// One level of a depth snapshot, as stored: bids best first (level 0), then asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DepthLevelRow {
    /// The venue's stamp.
    pub exch: Time,
    /// When it reached the recorder, on the recorder's clock.
    pub recv: Time,
    /// `Buy`: a bid.
    pub side: Side,
    /// From the best, counted from 0.
    pub level: i32,
    /// Quote money per coin, positive.
    pub px: Price,
    /// Displayed there, base coins.
    pub qty: Qty,
}

impl StoredRow for DepthLevelRow {
    const TABLE: Table = Table::Depth;

    fn fields() -> Vec<Field> {
        vec![
            time_field("exch_ts"),
            time_field("recv_ts"),
            Field::new("side", DataType::Utf8, false),
            Field::new("level", DataType::Int32, false),
            decimal_field("px", 9, false),
            decimal_field("qty", 9, false),
        ]
    }

    fn columns(rows: &[DepthLevelRow]) -> Vec<ArrayRef> {
        vec![
            times(rows, |r| r.exch),
            times(rows, |r| r.recv),
            words(rows, |r| if r.side == Side::Buy { "bid" } else { "ask" }),
            Arc::new(Int32Array::from_iter_values(rows.iter().map(|r| r.level))),
            decimals(rows, 9, |r| r.px.0),
            decimals(rows, 9, |r| r.qty.0),
        ]
    }

    fn add_rows(cells: &mut Cells<'_>, out: &mut Vec<DepthLevelRow>) -> Result<(), TapeError> {
        let (exch, recv) = (cells.times("exch_ts")?, cells.times("recv_ts")?);
        let side = cells.words("side", &[("bid", Side::Buy), ("ask", Side::Sell)], "bid or ask")?;
        let level = cells.small_ints("level")?;
        let (px, qty) = (cells.decimals("px", 9, false)?, cells.decimals("qty", 9, false)?);
        let row = |i: usize| DepthLevelRow {
            exch: Time(exch[i]),
            recv: Time(recv[i]),
            side: side[i],
            level: level[i],
            px: Price(px[i]),
            qty: Qty(qty[i]),
        };
        out.extend((0..cells.len()).map(row));
        Ok(())
    }

    two_clocks!();

    fn fault(&self) -> Option<Fault> {
        time_fault(self.exch, self.recv)
            .or_else(|| (self.level < 0).then(|| Fault::new("level", self.level, "0 (the best) or more")))
            .or_else(|| price_fault("px", self.px))
            .or_else(|| size_fault("qty", self.qty))
    }

    #[inline]
    fn is_fit(&self) -> bool {
        times_fit(self.exch, self.recv) & (self.level >= 0) & price_fits(self.px) & size_fits(self.qty)
    }
}

/// Snapshots as the rows of the file.
pub fn flatten_depth(rows: &[DepthRow]) -> Vec<DepthLevelRow> {
    let mut flat = Vec::with_capacity(rows.iter().map(|r| r.bids.len() + r.asks.len()).sum());
    for row in rows {
        for (side, levels) in [(Side::Buy, &row.bids), (Side::Sell, &row.asks)] {
            for (level, &DepthLevel { px, qty }) in levels.iter().enumerate() {
                flat.push(DepthLevelRow { exch: row.exch, recv: row.recv, side, level: level as i32, px, qty });
            }
        }
    }
    flat
}

/// Adds level rows to snapshots. A row begins a new snapshot when its times differ from the last one's, when a bid follows
/// an ask, or when its level is not below the one before it on its side.
pub fn assemble_depth(rows: &[DepthLevelRow], out: &mut Vec<DepthRow>) {
    for row in rows {
        let fresh = match out.last() {
            Some(last) if (last.exch, last.recv) == (row.exch, row.recv) => match row.side {
                Side::Buy => !last.asks.is_empty() || (row.level as i64) < last.bids.len() as i64,
                Side::Sell => (row.level as i64) < last.asks.len() as i64,
            },
            _ => true,
        };
        if fresh {
            out.push(DepthRow { exch: row.exch, recv: row.recv, bids: Vec::new(), asks: Vec::new() });
        }
        if let Some(last) = out.last_mut() {
            let levels = if row.side == Side::Buy { &mut last.bids } else { &mut last.asks };
            levels.push(DepthLevel { px: row.px, qty: row.qty });
        }
    }
}

/// What makes a snapshot unfit: levels out of order, or a best bid above the best ask.
pub fn depth_fault(row: &DepthRow) -> Option<Fault> {
    let falling = |levels: &[DepthLevel]| levels.windows(2).find(|w| w[1].px >= w[0].px).map(|w| (w[1].px, w[0].px));
    let rising = |levels: &[DepthLevel]| levels.windows(2).find(|w| w[1].px <= w[0].px).map(|w| (w[1].px, w[0].px));
    if let Some((px, better)) = falling(&row.bids) {
        return Some(
            Fault::new("px", px, format!("below the bid level before it, {better}")).of("levels out of order"),
        );
    }
    if let Some((px, better)) = rising(&row.asks) {
        return Some(
            Fault::new("px", px, format!("above the ask level before it, {better}")).of("levels out of order"),
        );
    }
    let (bid, ask) = (row.bids.first()?.px, row.asks.first()?.px);
    (bid > ask)
        .then(|| Fault::new("px", bid, format!("no higher than the best ask, {ask} (a crossed book)")).of("crossed"))
}

impl StoredRow for MarkRow {
    const TABLE: Table = Table::Marks;

    fn fields() -> Vec<Field> {
        vec![
            time_field("exch_ts"),
            time_field("recv_ts"),
            decimal_field("mark_px", 9, true),
            decimal_field("index_px", 9, true),
        ]
    }

    fn columns(rows: &[MarkRow]) -> Vec<ArrayRef> {
        vec![
            times(rows, |r| r.exch),
            times(rows, |r| r.recv),
            optional_prices(rows, |r| r.mark),
            optional_prices(rows, |r| r.index),
        ]
    }

    fn add_rows(cells: &mut Cells<'_>, out: &mut Vec<MarkRow>) -> Result<(), TapeError> {
        let (exch, recv) = (cells.times("exch_ts")?, cells.times("recv_ts")?);
        let (mark, index) = (cells.decimals("mark_px", 9, true)?, cells.decimals("index_px", 9, true)?);
        let row = |i: usize| MarkRow {
            exch: Time(exch[i]),
            recv: Time(recv[i]),
            mark: Price(mark[i]),
            index: Price(index[i]),
        };
        out.extend((0..cells.len()).map(row));
        Ok(())
    }

    two_clocks!();

    fn fault(&self) -> Option<Fault> {
        let known = |column, price: Price| if price.0 == 0 { None } else { price_fault(column, price) };
        time_fault(self.exch, self.recv)
            .or_else(|| known("mark_px", self.mark))
            .or_else(|| known("index_px", self.index))
    }

    #[inline]
    fn is_fit(&self) -> bool {
        let known = |price: Price| (price.0 == 0) | price_fits(price);
        times_fit(self.exch, self.recv) & known(self.mark) & known(self.index)
    }
}

impl StoredRow for FundingRow {
    const TABLE: Table = Table::Funding;

    fn fields() -> Vec<Field> {
        vec![
            time_field("ts"),
            decimal_field("rate", 12, false),
            Field::new("interval_hours", DataType::Int32, false),
            Field::new("kind", DataType::Utf8, false),
            time_field("recv_ts"),
        ]
    }

    fn columns(rows: &[FundingRow]) -> Vec<ArrayRef> {
        vec![
            times(rows, |r| r.ts),
            decimals(rows, 12, |r| r.rate.0),
            Arc::new(Int32Array::from_iter_values(rows.iter().map(|r| r.interval_hours as i32))),
            words(rows, |r| if r.kind == FundingKind::Settled { "settled" } else { "predicted" }),
            times(rows, |r| r.recv),
        ]
    }

    fn add_rows(cells: &mut Cells<'_>, out: &mut Vec<FundingRow>) -> Result<(), TapeError> {
        let (ts, recv) = (cells.times("ts")?, cells.times("recv_ts")?);
        let rate = cells.decimals("rate", 12, false)?;
        let hours = cells.small_ints("interval_hours")?;
        let kinds = [("settled", FundingKind::Settled), ("predicted", FundingKind::Predicted)];
        let kind = cells.words("kind", &kinds, "settled or predicted")?;
        let row = |i: usize| FundingRow {
            ts: Time(ts[i]),
            recv: Time(recv[i]),
            rate: Rate(rate[i]),
            interval_hours: u32::try_from(hours[i]).unwrap_or(0),
            kind: kind[i],
        };
        out.extend((0..cells.len()).map(row));
        Ok(())
    }

    #[inline]
    fn exch(&self) -> Time {
        self.ts
    }

    #[inline]
    fn recv(&self) -> Time {
        self.recv
    }

    #[inline]
    fn set_times(&mut self, exch: Time, recv: Time) {
        (self.ts, self.recv) = (exch, recv);
    }

    fn fault(&self) -> Option<Fault> {
        let divides = (1..=24).contains(&self.interval_hours) && 24 % self.interval_hours == 0;
        if self.ts.0 <= 0 {
            return Some(Fault::new("ts", self.ts, "a time after 1970-01-01"));
        }
        if !divides {
            return Some(Fault::new("interval_hours", self.interval_hours, "1, 2, 3, 4, 6, 8, 12 or 24"));
        }
        if self.kind == FundingKind::Settled && self.recv < self.ts {
            return Some(Fault::new("recv_ts", self.recv, format!("no earlier than its settlement {}", self.ts)));
        }
        (self.rate.0.abs() >= Rate::ONE).then(|| Fault::new("rate", self.rate, "a fraction between -1 and 1"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every mix of values at and beside the limits.
    #[test]
    fn fit_is_without_fault() {
        let edges = [i64::MIN, -1, 0, 1, 2, DECIMAL_LIMIT - 1, DECIMAL_LIMIT, i64::MAX];
        let mut judged = [0; 2];
        let mut same = |is_fit: bool, fault: Option<Fault>| {
            assert_eq!(is_fit, fault.is_none(), "{fault:?}");
            judged[usize::from(is_fit)] += 1;
        };
        for (exch, recv) in edges.into_iter().flat_map(|one| edges.map(|other| (Time(one), Time(other)))) {
            for (one, other) in edges.into_iter().flat_map(|one| edges.map(|other| (one, other))) {
                let (px, qty) = (Price(one), Qty(other));
                let trade = TradeRow { exch, recv, px, qty, taker: Side::Buy, consumed_book: true };
                same(trade.is_fit(), trade.fault());
                let numbered = NumberedTrade { row: trade, id: None };
                same(numbered.is_fit(), numbered.fault());
                let mark = MarkRow { exch, recv, mark: px, index: Price(other) };
                same(mark.is_fit(), mark.fault());
                for level in [-1, 0] {
                    let level = DepthLevelRow { exch, recv, side: Side::Buy, level, px, qty };
                    same(level.is_fit(), level.fault());
                }
                for size in edges {
                    let bbo = Bbo { bid: px, bid_qty: Qty(size), ask: Price(other), ask_qty: Qty(1) };
                    let turned = Bbo { bid_qty: bbo.ask_qty, ask_qty: bbo.bid_qty, ..bbo };
                    for quote in [bbo, turned].map(|bbo| QuoteRow { exch, recv, bbo }) {
                        same(quote.is_fit(), quote.fault());
                    }
                }
            }
        }
        assert!(judged.iter().all(|&n| n > 100), "{judged:?}");
    }
}
