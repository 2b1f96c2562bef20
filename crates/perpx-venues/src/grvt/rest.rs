//! Public market data and the envelopes of REST. Prices in quote money, sizes in base coins, times in nanoseconds.

use crate::secret::Hidden;
use crate::wire::{Dec, Level, Num, Quoted, WireError, message, words};
use perpx_core::units::Rate;
use serde::{Deserialize, Serialize};

words! {
    Kind {
        Perpetual = "PERPETUAL",
        Future = "FUTURE",
        Call = "CALL",
        Put = "PUT",
        SpotSwap = "SPOT_SWAP",
        /// Other rules of orders than a perpetual's.
        StablePerp = "STABLE_PERP",
    }

    InstrumentStatus {
        Unspecified = "UNSPECIFIED",
        Active = "ACTIVE",
        ReduceOnly = "REDUCE_ONLY",
        Maintenance = "MAINTENANCE",
        Halted = "HALTED",
        Closed = "CLOSED",
        Pending = "PENDING",
        Delisted = "DELISTED",
    }
}

/// Body of a reply: the result, and where the next page begins.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Reply<T> {
    /// What was asked for.
    pub result: T,
    /// Missing or empty on the last page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

impl<T> Reply<T> {
    /// Where the list goes on; `None` at its end.
    pub fn next_page(&self) -> Option<&str> {
        self.next.as_deref().filter(|cursor| !cursor.is_empty())
    }
}

message! {
    /// Body of a refusal, and the `error` of JSON-RPC (there without `status`).
    ApiError {
        code: Num<u32>,
        message: String,
        status: Option<Num<u16>>,
    }

    Login { api_key: Hidden, }

    /// The wallet of the main account opens a session: signed like an order.
    WalletLogin { address: String, signature: crate::grvt::trade::Signature, }

    /// HTTP 200 may carry a failure.
    LoginReply {
        status: Option<String>,
        error: Option<String>,
        funding_account_address: Option<String>,
        sub_account_id: Option<Quoted<u64>>,
    }

    /// `GET /time`, milliseconds.
    ServerTime { server_time: Num<i64>, }

    Instrument {
        instrument: String,
        /// What is signed in place of the name.
        instrument_hash: String,
        base: String,
        quote: String,
        kind: Kind,
        venues: Option<Vec<String>>,
        settlement_period: Option<String>,
        /// Scale of signed sizes; the size step is `min_size`.
        base_decimals: Num<u32>,
        quote_decimals: Num<u32>,
        tick_size: Dec,
        min_size: Dec,
        create_time: Option<Quoted<i64>>,
        max_position_size: Option<Dec>,
        funding_interval_hours: Option<Num<u32>>,
        /// Percentage points per interval.
        adjusted_funding_rate_cap: Option<Dec>,
        adjusted_funding_rate_floor: Option<Dec>,
        /// Quote money.
        min_notional: Option<Dec>,
        asset_class: Option<String>,
        status: Option<InstrumentStatus>,
    }

    InstrumentQuery { instrument: String, }

    BookQuery {
        instrument: String,
        /// 10, 50, 100 or 500.
        depth: Num<u32>,
    }

    InstrumentsQuery { is_active: Option<bool>, }

    /// A mini ticker has the first half of the fields. In a delta a missing field is unchanged, `""` became null.
    Ticker {
        event_time: Quoted<i64>,
        instrument: Option<String>,
        mark_price: Option<Dec>,
        index_price: Option<Dec>,
        last_price: Option<Dec>,
        last_size: Option<Dec>,
        mid_price: Option<Dec>,
        best_bid_price: Option<Dec>,
        best_bid_size: Option<Dec>,
        best_ask_price: Option<Dec>,
        best_ask_size: Option<Dec>,
        /// 1e-6.
        interest_rate: Option<Dec>,
        forward_price: Option<Dec>,
        buy_volume_24h_b: Option<Dec>,
        sell_volume_24h_b: Option<Dec>,
        buy_volume_24h_q: Option<Dec>,
        sell_volume_24h_q: Option<Dec>,
        high_price: Option<Dec>,
        low_price: Option<Dec>,
        open_price: Option<Dec>,
        open_interest: Option<Dec>,
        long_short_ratio: Option<Dec>,
        /// Percentage points of the running interval: an estimate until `next_funding_time`.
        funding_rate: Option<Dec>,
        next_funding_time: Option<Quoted<i64>>,
        funding_interval_hours: Option<Num<u32>>,
        status: Option<InstrumentStatus>,
        session: Option<String>,
    }

    /// All levels of a snapshot, or those of a delta that changed.
    OrderbookLevels {
        event_time: Quoted<i64>,
        instrument: Option<String>,
        bids: Option<Vec<Level>>,
        asks: Option<Vec<Level>>,
    }

    Trade {
        event_time: Quoted<i64>,
        instrument: String,
        is_taker_buyer: bool,
        size: Dec,
        price: Dec,
        mark_price: Option<Dec>,
        index_price: Option<Dec>,
        interest_rate: Option<Dec>,
        forward_price: Option<Dec>,
        /// The part before `-` is shared by all trades of one taking order.
        trade_id: String,
        venue: Option<crate::grvt::trade::TradeVenue>,
        /// Matched out of the book that an API order can reach: no evidence of a fill.
        is_rpi: Option<bool>,
    }

    TradeHistoryQuery {
        instrument: String,
        start_time: Option<Quoted<i64>>,
        end_time: Option<Quoted<i64>>,
        limit: Option<Num<u32>>,
        cursor: Option<String>,
    }

    Candle {
        open_time: Quoted<i64>,
        close_time: Quoted<i64>,
        open: Dec,
        close: Dec,
        high: Dec,
        low: Dec,
        volume_b: Option<Dec>,
        volume_q: Option<Dec>,
        trades: Option<Num<u64>>,
        instrument: Option<String>,
    }

    CandleQuery {
        instrument: String,
        interval: String,
        #[serde(rename = "type")]
        kind: String,
        start_time: Option<Quoted<i64>>,
        end_time: Option<Quoted<i64>>,
        limit: Option<Num<u32>>,
        cursor: Option<String>,
    }

    /// A settlement.
    Funding {
        instrument: String,
        /// Percentage points of the interval.
        funding_rate: Dec,
        funding_time: Quoted<i64>,
        /// What the payment is computed on.
        mark_price: Option<Dec>,
        /// 0 in rows of before October 2025, which accrued by the minute.
        funding_interval_hours: Option<Num<u32>>,
    }

    RiskBracket {
        tier: Num<u32>,
        /// Inclusive, quote money.
        notional_floor: Dec,
        /// Exclusive; missing on the last one.
        notional_cap: Option<Dec>,
        /// Fractions.
        maintenance_margin_rate: Dec,
        initial_margin_rate: Dec,
        max_leverage: Num<u32>,
    }

    MarginRules {
        instrument: String,
        max_position_size: Option<Dec>,
        risk_brackets: Vec<RiskBracket>,
    }
}

impl Funding {
    /// Fraction of the notional for the whole interval; positive = longs pay shorts.
    pub fn rate(&self) -> Result<Rate, WireError> {
        self.funding_rate.percent()
    }
}

impl Ticker {
    /// Fraction of the notional for the running interval, when the frame has it; positive = longs pay shorts.
    pub fn rate(&self) -> Option<Result<Rate, WireError>> {
        self.funding_rate.map(|rate| rate.percent())
    }

    /// Takes over what a delta has.
    pub fn merge(&mut self, delta: &Ticker) {
        macro_rules! take { ($($field:ident),*) => { $(if delta.$field.is_some() { self.$field.clone_from(&delta.$field); })* } }
        self.event_time = delta.event_time;
        take!(instrument, mark_price, index_price, last_price, last_size, mid_price, best_bid_price, best_bid_size);
        take!(best_ask_price, best_ask_size, interest_rate, forward_price, buy_volume_24h_b, sell_volume_24h_b);
        take!(buy_volume_24h_q, sell_volume_24h_q, high_price, low_price, open_price, open_interest, long_short_ratio);
        take!(funding_rate, next_funding_time, funding_interval_hours, status, session);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grvt::trade::ClientTier;
    use crate::wire::parse;

    #[test]
    fn rates_are_percentage_points_and_fees_millionths() {
        let text = r#"{"instrument":"X","funding_rate":"-0.0034","funding_time":"1","funding_interval_hours":8}"#;
        assert_eq!(parse::<Funding>("funding", text).expect("a row").rate(), Ok(Rate(-34_000_000)));
        let tier: ClientTier =
            parse("tier", r#"{"tier":1,"futures_taker_fee":450,"futures_maker_fee":-1}"#).expect("a tier");
        assert_eq!(tier.fees(), (Rate(-1_000_000), Rate(450_000_000)));
    }

    #[test]
    fn a_delta_changes_what_it_names() {
        let read = |text| parse::<Ticker>("ticker", text).expect("a ticker");
        let mut ticker = read(r#"{"event_time":"1","mark_price":"2","best_bid_price":"3","funding_rate":"0.01"}"#);
        ticker.merge(&read(r#"{"event_time":"5","mark_price":"2.5","best_bid_price":""}"#));
        assert_eq!(ticker.event_time.0, 5);
        assert_eq!(ticker.mark_price, Dec::read("2.5"));
        assert_eq!(ticker.best_bid_price, Some(Dec::EMPTY), "became null");
        assert_eq!(ticker.rate(), Some(Ok(Rate::from_bps(1))), "unchanged");
    }
}
