//! Messages of Lighter's REST interface; the objects among them come over the stream too.
//!
//! Units differ by endpoint and are converted by methods, once: a funding rate is percent per hour in `fundings` and in the
//! market statistics, a fraction per eight hours in `funding-rates`; fee ticks are 1e-6 of the notional.

use crate::wire::{Dec, Float, Num, WireError, message, words};
use perpx_core::units::{Rate, Time, TimeDelta};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

words! {
    MarketStatus { Active = "active", Inactive = "inactive", }

    MarketKind { Perp = "perp", Spot = "spot", }

    OrderKind {
        Limit = "limit",
        Market = "market",
        StopLoss = "stop-loss",
        StopLossLimit = "stop-loss-limit",
        TakeProfit = "take-profit",
        TakeProfitLimit = "take-profit-limit",
        Twap = "twap",
        TwapSub = "twap-sub",
        Liquidation = "liquidation",
    }

    OrderTime {
        GoodTillTime = "good-till-time",
        ImmediateOrCancel = "immediate-or-cancel",
        PostOnly = "post-only",
    }

    OrderStatus {
        InProgress = "in-progress",
        Pending = "pending",
        Open = "open",
        Filled = "filled",
        Canceled = "canceled",
        CanceledPostOnly = "canceled-post-only",
        CanceledReduceOnly = "canceled-reduce-only",
        CanceledPositionNotAllowed = "canceled-position-not-allowed",
        CanceledMarginNotAllowed = "canceled-margin-not-allowed",
        CanceledTooMuchSlippage = "canceled-too-much-slippage",
        CanceledNotEnoughLiquidity = "canceled-not-enough-liquidity",
        CanceledSelfTrade = "canceled-self-trade",
        CanceledExpired = "canceled-expired",
        CanceledOco = "canceled-oco",
        CanceledChild = "canceled-child",
        CanceledLiquidation = "canceled-liquidation",
        CanceledInvalidBalance = "canceled-invalid-balance",
    }

    TradeKind {
        Trade = "trade",
        Liquidation = "liquidation",
        Deleverage = "deleverage",
        MarketSettlement = "market-settlement",
    }

    /// Who paid: the sign of an unsigned rate.
    Payer { Long = "long", Short = "short", }
}

message! {
    /// Body of a refusal (HTTP 400), and the `error` of a frame.
    ApiError {
        code: Num<i64>,
        message: Option<String>,
    }

    /// `GET /`.
    Status {
        status: Num<i64>,
        network_id: Num<i64>,
        timestamp: Num<i64>,
    }

    Market {
        symbol: String,
        market_id: Num<i64>,
        market_type: Option<MarketKind>,
        status: MarketStatus,
        /// Percent.
        taker_fee: Option<Dec>,
        maker_fee: Option<Dec>,
        liquidation_fee: Option<Dec>,
        /// Base coins, and quote money; they bind orders that rest.
        min_base_amount: Option<Dec>,
        min_quote_amount: Option<Dec>,
        order_quote_limit: Option<Dec>,
        supported_size_decimals: Option<Num<u32>>,
        supported_price_decimals: Option<Num<u32>>,
        supported_quote_decimals: Option<Num<u32>>,
        size_decimals: Option<Num<u32>>,
        price_decimals: Option<Num<u32>>,
        quote_multiplier: Option<Num<i64>>,
        /// 1e-4 (percent in replies of 2025).
        default_initial_margin_fraction: Option<Dec>,
        min_initial_margin_fraction: Option<Dec>,
        maintenance_margin_fraction: Option<Dec>,
        closeout_margin_fraction: Option<Dec>,
        mark_price: Option<Dec>,
        index_price: Option<Dec>,
        last_trade_price: Option<Float>,
        daily_trades_count: Option<Num<i64>>,
        daily_base_token_volume: Option<Float>,
        daily_quote_token_volume: Option<Float>,
        daily_price_low: Option<Float>,
        daily_price_high: Option<Float>,
        daily_price_change: Option<Float>,
        open_interest: Option<Float>,
        /// Percent per eight hours.
        funding_clamp_small: Option<Dec>,
        funding_clamp_big: Option<Dec>,
        base_interest_rate: Option<Dec>,
        funding_premium_multiplier: Option<Num<i64>>,
        market_config: Option<MarketConfig>,
    }

    MarketConfig {
        market_margin_mode: Option<Num<i64>>,
        insurance_fund_account_index: Option<Num<i64>>,
        liquidation_mode: Option<Num<i64>>,
        force_reduce_only: Option<bool>,
        hidden: Option<bool>,
    }

    OrderBooks { code: Num<i64>, order_books: Vec<Market>, }

    OrderBookDetails {
        code: Num<i64>,
        order_book_details: Vec<Market>,
        spot_order_book_details: Option<Vec<Market>>,
    }

    /// One resting order of the public book.
    RestingOrder {
        order_index: Num<u64>,
        order_id: Option<String>,
        owner_account_index: Option<Num<i64>>,
        initial_base_amount: Option<Dec>,
        remaining_base_amount: Dec,
        price: Dec,
        order_expiry: Option<Num<i64>>,
    }

    /// Cannot be chained to the stream: it carries no nonce.
    OrderBookOrders {
        code: Num<i64>,
        asks: Option<Vec<RestingOrder>>,
        bids: Option<Vec<RestingOrder>>,
    }

    /// A trade. The taker is on the other side than the maker: with `is_maker_ask` it bought.
    Trade {
        trade_id: Num<u64>,
        tx_hash: Option<String>,
        #[serde(rename = "type")]
        kind: Option<TradeKind>,
        market_id: Num<i64>,
        size: Dec,
        price: Dec,
        usd_amount: Option<Dec>,
        ask_id: Option<Num<u64>>,
        bid_id: Option<Num<u64>>,
        ask_client_id: Option<Num<u64>>,
        bid_client_id: Option<Num<u64>>,
        ask_account_id: Option<Num<i64>>,
        bid_account_id: Option<Num<i64>>,
        is_maker_ask: bool,
        block_height: Option<Num<i64>>,
        /// Of the block, milliseconds: later than the trade.
        timestamp: Num<i64>,
        /// Of the trade, microseconds.
        transaction_time: Option<Num<i64>>,
        /// 1e-6 of the notional; missing when 0.
        taker_fee: Option<Num<i64>>,
        maker_fee: Option<Num<i64>>,
        taker_position_size_before: Option<Dec>,
        taker_entry_quote_before: Option<Dec>,
        taker_initial_margin_fraction_before: Option<Num<i64>>,
        taker_position_sign_changed: Option<bool>,
        maker_position_size_before: Option<Dec>,
        maker_entry_quote_before: Option<Dec>,
        maker_initial_margin_fraction_before: Option<Num<i64>>,
        maker_position_sign_changed: Option<bool>,
    }

    Trades {
        code: Num<i64>,
        trades: Option<Vec<Trade>>,
        next_cursor: Option<String>,
    }

    /// `t` opening time in milliseconds, `v` base and `V` quote volume. A zero may be left out.
    Candle {
        t: Num<i64>,
        o: Option<Dec>,
        h: Option<Dec>,
        l: Option<Dec>,
        c: Option<Dec>,
        v: Option<Dec>,
        #[serde(rename = "V")]
        quote_volume: Option<Dec>,
        i: Option<Num<u64>>,
    }

    Candles { code: Num<i64>, r: Option<String>, c: Option<Vec<Candle>>, }

    /// A settlement.
    Funding {
        /// Seconds.
        timestamp: Num<i64>,
        /// Quote money for each base coin.
        value: Option<Dec>,
        /// Percent per hour, unsigned.
        rate: Dec,
        direction: Payer,
    }

    Fundings { code: Num<i64>, resolution: Option<String>, fundings: Option<Vec<Funding>>, }

    /// `rate` is a fraction per eight hours whatever the venue; a float with its noise.
    FundingRate {
        market_id: Num<i64>,
        exchange: String,
        symbol: Option<String>,
        rate: Float,
    }

    FundingRates { code: Num<i64>, funding_rates: Option<Vec<FundingRate>>, }

    /// A position: `position` has no sign, `sign` has it.
    Position {
        market_id: Num<i64>,
        symbol: Option<String>,
        /// Percent: "5.00" is a leverage of 20.
        initial_margin_fraction: Option<Dec>,
        sign: Num<i64>,
        position: Dec,
        avg_entry_price: Option<Dec>,
        position_value: Option<Dec>,
        unrealized_pnl: Option<Dec>,
        realized_pnl: Option<Dec>,
        liquidation_price: Option<Dec>,
        total_funding_paid_out: Option<Dec>,
        /// 0 cross, 1 isolated.
        margin_mode: Option<Num<i64>>,
        allocated_margin: Option<Dec>,
        open_order_count: Option<Num<i64>>,
        pending_order_count: Option<Num<i64>>,
        position_tied_order_count: Option<Num<i64>>,
    }

    Account {
        index: Option<Num<i64>>,
        account_index: Option<Num<i64>>,
        account_type: Option<Num<i64>>,
        status: Option<Num<i64>>,
        collateral: Dec,
        available_balance: Option<Dec>,
        /// Of the scheduled cancel-all, milliseconds; 0 for none.
        cancel_all_time: Option<Num<i64>>,
        total_order_count: Option<Num<i64>>,
        pending_order_count: Option<Num<i64>>,
        account_trading_mode: Option<Num<i64>>,
        positions: Option<Vec<Position>>,
        total_asset_value: Option<Dec>,
        cross_asset_value: Option<Dec>,
        cross_initial_margin_requirement: Option<Dec>,
        cross_maintenance_margin_requirement: Option<Dec>,
    }

    Accounts { code: Num<i64>, accounts: Vec<Account>, }

    ApiKey {
        account_index: Num<i64>,
        api_key_index: Num<i64>,
        nonce: Num<i64>,
        /// 80 hex digits, all zero for an empty slot.
        public_key: String,
        transaction_time: Option<Num<i64>>,
    }

    ApiKeys { code: Num<i64>, api_keys: Vec<ApiKey>, }

    /// The nonce to use next.
    NextNonce { code: Num<i64>, nonce: Num<i64>, }

    /// Acceptance, not execution.
    Sent {
        code: Num<i64>,
        message: Option<String>,
        tx_hash: Option<Hashes>,
        predicted_execution_time_ms: Option<Num<i64>>,
        volume_quota_remaining: Option<Num<i64>>,
    }

    /// A transaction as the venue knows it. `status` 0 failed, 1 pending, 2 executed, 3 pending final.
    Tx {
        hash: String,
        #[serde(rename = "type")]
        kind: Num<u8>,
        /// The JSON of `tx_info`.
        info: Option<String>,
        event_info: Option<String>,
        status: Num<i64>,
        account_index: Option<Num<i64>>,
        nonce: Option<Num<i64>>,
        expire_at: Option<Num<i64>>,
        queued_at: Option<Num<i64>>,
        executed_at: Option<Num<i64>>,
        block_height: Option<Num<i64>>,
        sequence_index: Option<Num<i64>>,
        /// Microseconds.
        transaction_time: Option<Num<i64>>,
    }

    Order {
        order_index: Num<u64>,
        client_order_index: Option<Num<u64>>,
        order_id: Option<String>,
        client_order_id: Option<String>,
        market_index: Num<i64>,
        owner_account_index: Option<Num<i64>>,
        initial_base_amount: Dec,
        price: Dec,
        nonce: Option<Num<i64>>,
        remaining_base_amount: Dec,
        is_ask: bool,
        base_size: Option<Num<i64>>,
        base_price: Option<Num<i64>>,
        filled_base_amount: Option<Dec>,
        filled_quote_amount: Option<Dec>,
        side: Option<String>,
        #[serde(rename = "type")]
        kind: Option<OrderKind>,
        time_in_force: Option<OrderTime>,
        reduce_only: Option<bool>,
        trigger_price: Option<Dec>,
        /// Milliseconds.
        order_expiry: Option<Num<i64>>,
        status: OrderStatus,
        trigger_status: Option<String>,
        /// Seconds or milliseconds: read with `any_time`.
        timestamp: Option<Num<i64>>,
        created_at: Option<Num<i64>>,
        updated_at: Option<Num<i64>>,
        /// Microseconds.
        transaction_time: Option<Num<i64>>,
        order_version: Option<Num<i64>>,
    }

    Orders {
        code: Num<i64>,
        orders: Option<Vec<Order>>,
        next_cursor: Option<String>,
    }

    /// Fee ticks are 1e-6 of the notional.
    AccountLimits {
        code: Num<i64>,
        user_tier: String,
        user_tier_name: Option<String>,
        current_maker_fee_tick: Option<Num<i64>>,
        current_taker_fee_tick: Option<Num<i64>>,
    }

    PositionFunding {
        /// Seconds or milliseconds: read with `any_time`.
        timestamp: Num<i64>,
        market_id: Num<i64>,
        funding_id: Option<Num<i64>>,
        /// Cash of the account, quote money: positive = received.
        change: Dec,
        discount: Option<Dec>,
        rate: Option<Dec>,
        position_size: Option<Dec>,
        position_side: Option<Payer>,
    }

    /// A deposit, a transfer or a withdrawal.
    MoneyRow {
        id: String,
        asset_id: Option<Num<i64>>,
        amount: Dec,
        /// On top of what left by a transfer.
        fee: Option<Dec>,
        /// Seconds or milliseconds: read with `any_time`.
        timestamp: Num<i64>,
        status: Option<String>,
        from_account_index: Option<Num<i64>>,
        to_account_index: Option<Num<i64>>,
    }

    /// A page of one of the three histories.
    Money {
        code: Num<i64>,
        deposits: Option<Vec<MoneyRow>>,
        transfers: Option<Vec<MoneyRow>>,
        withdraws: Option<Vec<MoneyRow>>,
        cursor: Option<String>,
    }

    PositionFundings {
        code: Num<i64>,
        position_fundings: Option<Vec<PositionFunding>>,
        next_cursor: Option<String>,
    }
}

/// One hash, or those of a batch.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Hashes {
    /// Of one transaction.
    One(String),
    /// Of several, in their order.
    Batch(Vec<String>),
}

/// Lists by market: a map from the id to a list, or one list where the channel has one market.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum ByMarket<T> {
    /// By the number of the market.
    Markets(BTreeMap<String, Option<Vec<T>>>),
    /// Of the one market of the channel.
    One(Vec<T>),
}

impl<T> ByMarket<T> {
    /// All entries.
    pub fn iter(&self) -> impl Iterator<Item = &T> {
        let (markets, one) = match self {
            ByMarket::Markets(markets) => (Some(markets), None),
            ByMarket::One(list) => (None, Some(list)),
        };
        markets.into_iter().flat_map(|markets| markets.values()).flatten().chain(one).flatten()
    }
}

/// Hours for which a rate of "eight hours" is quoted.
const EIGHT: i64 = 8;

impl Funding {
    /// Fraction of the notional for the hour; positive = longs paid shorts.
    pub fn rate(&self) -> Result<Rate, WireError> {
        let rate = self.rate.percent()?;
        match &self.direction {
            Payer::Long => Ok(rate),
            Payer::Short => Ok(-rate),
            Payer::Other(found) => Err(WireError::Number { found: found.to_string(), want: "long or short" }),
        }
    }

    /// When it was settled.
    pub fn time(&self) -> Time {
        Time::at(self.timestamp.0 * perpx_core::units::SECOND)
    }
}

impl FundingRate {
    /// Fraction of the notional for one hour; positive = longs pay shorts. Rounding to 1e-10 takes the float's noise away.
    pub fn hourly(&self) -> Rate {
        let ten_billionths = (self.rate.0 * 1e10).round() as i64;
        Rate(ten_billionths.saturating_mul(Rate::ONE / 10_000_000_000) / EIGHT)
    }
}

impl AccountLimits {
    /// Maker and taker fee, where the reply has them.
    pub fn fees(&self) -> Option<(Rate, Rate)> {
        let rate = |ticks: Num<i64>| Rate(ticks.0.saturating_mul(Rate::ONE / 1_000_000));
        Some((rate(self.current_maker_fee_tick?), rate(self.current_taker_fee_tick?)))
    }
}

impl Position {
    /// Base coins, negative = short.
    pub fn signed(&self) -> Result<perpx_core::units::Qty, WireError> {
        let size = self.position.qty()?;
        Ok(if self.sign.0 < 0 { -size } else { size })
    }
}

impl Trade {
    /// When it happened: the transaction's time, or the block's where the message has no other.
    pub fn time(&self) -> Time {
        let block = self.timestamp.0 * perpx_core::units::MS;
        Time::at(self.transaction_time.map_or(block, |time| TimeDelta(time.0.saturating_mul(1_000))))
    }
}

/// A time whose unit the sources disagree on: seconds, milliseconds, microseconds or nanoseconds by its magnitude, which are
/// unmistakable between 1973 and 5138.
pub fn any_time(value: i64) -> Time {
    let ns = match value {
        ..100_000_000_000 => 1_000_000_000,
        100_000_000_000..100_000_000_000_000 => 1_000_000,
        100_000_000_000_000..100_000_000_000_000_000 => 1_000,
        _ => 1,
    };
    Time(value.saturating_mul(ns))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::parse;

    #[test]
    fn each_rate_has_its_own_unit_and_sign() {
        let funding = |direction: &str| {
            let text = format!(r#"{{"timestamp":1789135200,"rate":"0.0012","direction":"{direction}"}}"#);
            parse::<Funding>("funding", &text).expect("a row").rate()
        };
        let hourly = Rate(12_000_000); // 0.0012 percent
        assert_eq!((funding("long"), funding("short")), (Ok(hourly), Ok(-hourly)));
        assert!(funding("flat").is_err());
        let text = r#"{"market_id":1,"exchange":"lighter","rate":0.00009599999999999999}"#;
        assert_eq!(parse::<FundingRate>("rate", text).expect("a rate").hourly(), hourly);
        let text = r#"{"code":200,"user_tier":"premium","current_maker_fee_tick":40,"current_taker_fee_tick":280}"#;
        let fees = parse::<AccountLimits>("limits", text).expect("limits").fees();
        assert_eq!(fees, Some((Rate(40_000_000), Rate(280_000_000))));
    }

    #[test]
    fn times_and_sizes_come_out_in_ours() {
        for value in [1_792_918_165, 1_792_918_165_000, 1_792_918_165_000_000, 1_792_918_165_000_000_000] {
            assert_eq!(any_time(value), Time(1_792_918_165_000_000_000));
        }
        let text = r#"{"market_id":1,"sign":-1,"position":"0.20000"}"#;
        assert_eq!(
            parse::<Position>("position", text).expect("a position").signed(),
            Ok(perpx_core::units::Qty(-200_000_000))
        );
        let text = r#"{"trade_id":1,"market_id":1,"size":"1","price":"2","is_maker_ask":true,"timestamp":5,"transaction_time":7001}"#;
        assert_eq!(parse::<Trade>("trade", text).expect("a trade").time(), Time(7_001_000));
    }
}
