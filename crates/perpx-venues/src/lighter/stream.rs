//! Lighter's stream: what a client asks, what the venue sends.

use super::rest::{ApiError, ByMarket, Hashes, Order, Position, Trade, Tx};
use crate::secret::Hidden;
use crate::wire::{Dec, Float, Level, Num, WireError, message, parse};
use perpx_core::units::{MS, Rate, Time};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::collections::BTreeMap;

/// What a client sends.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "type")]
// fields are named as on the wire
#[allow(missing_docs)]
pub enum Request {
    /// `channel` with a slash: "order_book/1". `auth` on private channels.
    #[serde(rename = "subscribe")]
    Subscribe {
        channel: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        auth: Option<Hidden>,
    },
    /// Ends a subscription.
    #[serde(rename = "unsubscribe")]
    Unsubscribe { channel: String },
    /// Asks for a pong.
    #[serde(rename = "ping")]
    Ping,
    /// Answers a ping.
    #[serde(rename = "pong")]
    Pong,
    /// A transaction.
    #[serde(rename = "jsonapi/sendtx")]
    Send { data: Box<SendTx> },
    /// Several at once.
    #[serde(rename = "jsonapi/sendtxbatch")]
    SendBatch { data: Box<SendBatch> },
}

/// One signed transaction.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SendTx {
    /// Comes back in the answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Its type.
    pub tx_type: u8,
    /// Its fields.
    pub tx_info: serde_json::Value,
}

message! {
    /// Lists in texts: "[14,15]" and "[\"{…}\",\"{…}\"]". At most 15 transactions are sent at once.
    SendBatch {
        id: Option<String>,
        tx_types: String,
        tx_infos: String,
    }

    Connected {
        #[serde(rename = "type")]
        kind: String,
        session_id: Option<String>,
    }

    BookFrame {
        #[serde(rename = "type")]
        kind: String,
        channel: String,
        offset: Option<Num<u64>>,
        /// When the venue sent it, milliseconds.
        timestamp: Option<Num<i64>>,
        /// When the matching engine changed it, microseconds.
        last_updated_at: Option<Num<i64>>,
        order_book: BookPayload,
    }

    BookPayload {
        code: Option<Num<i64>>,
        asks: Option<Vec<Level>>,
        bids: Option<Vec<Level>>,
        /// Grows by one in recordings of 2025, by anything since.
        offset: Option<Num<u64>>,
        nonce: Num<u64>,
        /// The `nonce` of the frame before; missing in recordings of 2025.
        begin_nonce: Option<Num<u64>>,
        last_updated_at: Option<Num<i64>>,
    }

    PriceSize { price: Dec, size: Dec, }

    Touch {
        s: Option<String>,
        /// Best ask and bid.
        a: PriceSize,
        b: PriceSize,
    }

    TickerFrame {
        #[serde(rename = "type")]
        kind: String,
        channel: String,
        nonce: Option<Num<u64>>,
        last_updated_at: Option<Num<i64>>,
        timestamp: Option<Num<i64>>,
        ticker: Touch,
    }

    TradeFrame {
        #[serde(rename = "type")]
        kind: String,
        channel: String,
        nonce: Option<Num<u64>>,
        trades: Option<Vec<Trade>>,
        liquidation_trades: Option<Vec<Trade>>,
    }

    /// All rates are percent: those of funding per hour, positive = longs pay; clamps and interest per eight hours.
    MarketStats {
        symbol: Option<String>,
        market_id: Num<i64>,
        index_price: Dec,
        mark_price: Dec,
        mid_price: Option<Dec>,
        best_ask_price: Option<Dec>,
        best_bid_price: Option<Dec>,
        /// Quote money, one side.
        open_interest: Option<Dec>,
        open_interest_usd: Option<Dec>,
        open_interest_limit: Option<Dec>,
        funding_clamp_small: Option<Dec>,
        funding_clamp_big: Option<Dec>,
        base_interest_rate: Option<Dec>,
        premium: Option<Dec>,
        /// Estimate for the running hour.
        current_funding_rate: Option<Dec>,
        /// Settled at `funding_timestamp` (milliseconds).
        funding_rate: Option<Dec>,
        funding_timestamp: Option<Num<i64>>,
        last_trade_price: Option<Dec>,
        daily_base_token_volume: Option<Float>,
        daily_quote_token_volume: Option<Float>,
        daily_price_low: Option<Float>,
        daily_price_high: Option<Float>,
        daily_price_change: Option<Float>,
    }

    StatsFrame {
        #[serde(rename = "type")]
        kind: String,
        channel: String,
        timestamp: Option<Num<i64>>,
        market_stats: MarketStats,
    }

    /// Of the channel `market_stats/all`: by market id.
    AllStatsFrame {
        #[serde(rename = "type")]
        kind: String,
        channel: String,
        timestamp: Option<Num<i64>>,
        market_stats: BTreeMap<String, MarketStats>,
    }

    HeightFrame {
        #[serde(rename = "type")]
        kind: String,
        channel: String,
        height: Num<i64>,
    }

    UserStats {
        collateral: Option<Dec>,
        portfolio_value: Option<Dec>,
        leverage: Option<Dec>,
        available_balance: Option<Dec>,
        margin_usage: Option<Dec>,
        buying_power: Option<Dec>,
    }

    /// Any channel of an account; each has some of the fields. Positions: merge by market, a snapshot has all of them.
    AccountFrame {
        #[serde(rename = "type")]
        kind: String,
        channel: String,
        account: Option<Num<i64>>,
        nonce: Option<Num<u64>>,
        positions: Option<BTreeMap<String, Position>>,
        position: Option<Position>,
        orders: Option<ByMarket<Order>>,
        trades: Option<ByMarket<Trade>>,
        /// Of `account_tx`.
        txs: Option<Vec<Tx>>,
        stats: Option<UserStats>,
        /// Payments of the last funding round, by market.
        last_funding_round: Option<BTreeMap<String, Dec>>,
    }

    ChannelFrame {
        #[serde(rename = "type")]
        kind: String,
        channel: String,
    }

    Shutdown {
        #[serde(rename = "type")]
        kind: String,
        close_in_ms: Option<Num<i64>>,
    }

    /// The answer to a transaction. `code` 200: queued, not executed.
    SentFrame {
        #[serde(rename = "type")]
        kind: Option<String>,
        id: Option<String>,
        code: Num<i64>,
        message: Option<String>,
        tx_hash: Option<Hashes>,
        predicted_execution_time_ms: Option<Num<i64>>,
        volume_quota_remaining: Option<Num<i64>>,
    }

    /// A refusal: of the transaction `id`, or of what was sent last.
    ErrorFrame {
        #[serde(rename = "type")]
        kind: Option<String>,
        id: Option<String>,
        error: ApiError,
    }
}

/// What comes over the socket.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Frame {
    /// The first frame.
    Connected(Connected),
    /// Wants a pong.
    Ping(Kind),
    /// Answers a ping.
    Pong(Kind),
    /// The venue will close the socket.
    Shutdown(Shutdown),
    /// A subscription has ended.
    Unsubscribed(ChannelFrame),
    /// Levels that changed.
    Book(BookFrame),
    /// Best bid and ask.
    Ticker(TickerFrame),
    /// Public trades.
    Trades(TradeFrame),
    /// Prices and rates of one market.
    Stats(Box<StatsFrame>),
    /// Those of all markets.
    AllStats(AllStatsFrame),
    /// The height of the chain.
    Height(HeightFrame),
    /// Something of an account.
    Account(Box<AccountFrame>),
    /// The answer to a transaction.
    Sent(SentFrame),
    /// A refusal.
    Error(ErrorFrame),
    /// A frame that this version does not know.
    Other(Kind),
}

/// A frame's type alone.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Kind {
    /// `type` of the frame.
    #[serde(rename = "type", default)]
    pub kind: String,
}

impl Frame {
    /// Books are the most frequent frames and are read in one pass; the others once for their type and once for the rest.
    pub fn parse(text: &str) -> Result<Frame, WireError> {
        #[derive(Deserialize)]
        struct Head<'a> {
            #[serde(rename = "type", borrow)]
            kind: Option<Cow<'a, str>>,
            #[serde(borrow)]
            channel: Option<Cow<'a, str>>,
            offset: Option<Num<u64>>,
            timestamp: Option<Num<i64>>,
            last_updated_at: Option<Num<i64>>,
            order_book: Option<BookPayload>,
            #[serde(borrow)]
            error: Option<&'a RawValue>,
            #[serde(borrow)]
            tx_hash: Option<&'a RawValue>,
            code: Option<Num<i64>>,
        }
        let head: Head<'_> = parse("frame", text)?;
        let kind = head.kind.as_deref().unwrap_or_default();
        if let (Some(order_book), Some(channel)) = (head.order_book, &head.channel) {
            return Ok(Frame::Book(BookFrame {
                kind: kind.to_owned(),
                channel: channel.clone().into_owned(),
                offset: head.offset,
                timestamp: head.timestamp,
                last_updated_at: head.last_updated_at,
                order_book,
            }));
        }
        if head.error.is_some() {
            return parse("error", text).map(Frame::Error);
        }
        let bare = || Kind { kind: kind.to_owned() };
        let name = kind.strip_prefix("subscribed/").or(kind.strip_prefix("update/")).unwrap_or(kind);
        let all = head.channel.as_deref().is_some_and(|channel| channel.ends_with(":all"));
        match name {
            "error" => refusal(text, &bare()).map(Frame::Error),
            "connected" => parse("connected", text).map(Frame::Connected),
            "ping" => Ok(Frame::Ping(bare())),
            "pong" => Ok(Frame::Pong(bare())),
            "shutdown" => parse("shutdown", text).map(Frame::Shutdown),
            "unsubscribed" => parse("unsubscribed", text).map(Frame::Unsubscribed),
            "ticker" => parse("ticker", text).map(Frame::Ticker),
            "trade" => parse("trade", text).map(Frame::Trades),
            "market_stats" if all => parse("market_stats", text).map(Frame::AllStats),
            "market_stats" => parse("market_stats", text).map(Frame::Stats),
            "height" => parse("height", text).map(Frame::Height),
            "user_stats" => parse("user_stats", text).map(Frame::Account),
            account if account.starts_with("account_") => parse("account", text).map(Frame::Account),
            _ if head.code.is_some_and(|code| code.0 != 200) => refusal(text, &bare()).map(Frame::Error),
            _ if head.code.is_some() || head.tx_hash.is_some() => parse("answer", text).map(Frame::Sent),
            _ => Ok(Frame::Other(bare())),
        }
    }

    /// As it came.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }
}

/// An error whose code stands in the frame itself.
fn refusal(text: &str, kind: &Kind) -> Result<ErrorFrame, WireError> {
    #[derive(Deserialize)]
    struct Flat {
        id: Option<String>,
        #[serde(flatten)]
        error: ApiError,
    }
    let Flat { id, error } = parse("error", text)?;
    Ok(ErrorFrame { kind: (!kind.kind.is_empty()).then(|| kind.kind.clone()), id, error })
}

impl BookFrame {
    /// True when the frame holds all levels.
    pub fn is_snapshot(&self) -> bool {
        self.kind.starts_with("subscribed/")
    }

    /// When the venue had this book: the matching engine's time, or that of the sending where the frame has no other.
    pub fn time(&self) -> Option<Time> {
        let engine = self.last_updated_at.or(self.order_book.last_updated_at).filter(|time| time.0 > 0);
        let engine = engine.map(|time| Time(time.0.saturating_mul(1_000)));
        engine.or(self.timestamp.map(|time| Time::at(time.0 * MS)))
    }
}

impl MarketStats {
    /// Estimate for the running hour, fraction of the notional; positive = longs pay shorts.
    pub fn current_rate(&self) -> Option<Result<Rate, WireError>> {
        self.current_funding_rate.map(|rate| rate.percent())
    }

    /// The last settlement: its rate and its time.
    pub fn settled(&self) -> Option<Result<(Rate, Time), WireError>> {
        let (rate, time) = self.funding_rate.zip(self.funding_timestamp)?;
        Some(rate.percent().map(|rate| (rate, Time::at(time.0 * MS))))
    }
}

/// Name and last number of a channel, with either separator: "order_book:1" is ("order_book", 1).
pub fn channel(text: &str) -> Option<(&str, i64)> {
    let mut parts = text.split([':', '/']);
    let name = parts.next()?;
    parts.next_back()?.parse().ok().map(|number| (name, number))
}
