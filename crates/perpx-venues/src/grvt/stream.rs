//! The stream of `/ws/full`: JSON-RPC requests and replies, and frames of data, which are not JSON-RPC.

use super::rest::{ApiError, Candle, OrderbookLevels, Ticker, Trade};
use super::trade::{CancelStatus, Fill, Order, OrderStateFeed, Position};
use crate::book::BookError;
use crate::wire::{Num, Quoted, WireError, message, parse};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::borrow::Cow;

message! {
    Subscribe {
        stream: String,
        /// "BTC_USDT_Perp@50", or a sub-account.
        selectors: Vec<String>,
    }

    /// Lists are parallel to the selectors.
    Subscribed {
        stream: String,
        subs: Option<Vec<String>>,
        /// What the subscription replaced or ended.
        unsubs: Option<Vec<String>>,
        num_snapshots: Option<Vec<Num<u32>>>,
        first_sequence_number: Option<Vec<Quoted<u64>>>,
        latest_sequence_number: Option<Vec<Quoted<u64>>>,
    }
}

/// A JSON-RPC request: `subscribe`, `unsubscribe`, or a REST route as `v1/create_order`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Request<P> {
    /// "2.0".
    pub jsonrpc: Cow<'static, str>,
    /// The route, or what is done with a stream.
    pub method: String,
    /// As the route takes them.
    pub params: P,
    /// 1 and up.
    pub id: u32,
}

impl<P> Request<P> {
    /// A request of version 2.0.
    pub fn new(id: u32, method: &str, params: P) -> Request<P> {
        Request { jsonrpc: "2.0".into(), method: method.to_owned(), params, id }
    }
}

/// A JSON-RPC reply. A request that could not be read is answered with id 0 and no method.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RpcReply {
    /// "2.0".
    pub jsonrpc: Cow<'static, str>,
    /// Of a route: the whole body of the REST reply, so `result` stands in it once more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub result: Option<Box<RawValue>>,
    /// The venue's refusal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<ApiError>,
    /// Of the request.
    #[serde(default)]
    pub id: u32,
    /// Of the request.
    #[serde(default)]
    pub method: String,
}

impl RpcReply {
    /// The result as a `T`, or the venue's refusal.
    pub fn read<'a, T: Deserialize<'a>>(&'a self) -> Result<Result<T, &'a ApiError>, WireError> {
        match (&self.error, &self.result) {
            (Some(error), _) => Ok(Err(error)),
            (None, result) => parse("result", result.as_ref().map_or("null", |raw| raw.get())).map(Ok),
        }
    }
}

/// A frame of data.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Feed {
    /// Its name: "v1.book.d".
    pub stream: String,
    /// As it was subscribed.
    pub selector: String,
    /// Its number; 0 of what is replayed.
    pub sequence_number: Quoted<u64>,
    /// The number of the frame before.
    pub prev_sequence_number: Quoted<u64>,
    /// What it holds.
    pub feed: Event,
}

/// What a frame holds, by its stream.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Event {
    /// Prices and rates.
    Ticker(Box<Ticker>),
    /// Levels, or changes of them.
    Book(OrderbookLevels),
    /// A public trade.
    Trade(Box<Trade>),
    /// A candle.
    Candle(Box<Candle>),
    /// An order of ours, whole.
    Order(Box<Order>),
    /// The state of an order of ours.
    State(Box<OrderStateFeed>),
    /// What became of a cancel.
    Cancel(Box<CancelStatus>),
    /// A fill of ours.
    Fill(Box<Fill>),
    /// Our position.
    Position(Box<Position>),
    /// Of a stream that this version does not know.
    Other(serde_json::Value),
}

/// What comes over the socket.
#[derive(Clone, Debug)]
pub enum Frame {
    /// Data of a stream.
    Feed(Feed),
    /// The answer to a request.
    Reply(RpcReply),
}

impl Frame {
    /// # Errors
    /// A text that is neither.
    pub fn parse(text: &str) -> Result<Frame, WireError> {
        /// Raw values are read a second time, once their type is known.
        #[derive(Deserialize)]
        struct Head<'a> {
            #[serde(borrow)]
            stream: Option<Cow<'a, str>>,
            #[serde(borrow)]
            selector: Option<Cow<'a, str>>,
            sequence_number: Option<Quoted<u64>>,
            prev_sequence_number: Option<Quoted<u64>>,
            #[serde(borrow)]
            feed: Option<&'a RawValue>,
        }
        let head: Head<'_> = parse("frame", text)?;
        let (Some(stream), Some(feed)) = (head.stream, head.feed) else {
            return parse("reply", text).map(Frame::Reply);
        };
        let numbers = head.sequence_number.zip(head.prev_sequence_number);
        let missing = || WireError::Number { found: text.chars().take(60).collect(), want: "frame with its numbers" };
        let (sequence_number, prev_sequence_number) = numbers.ok_or_else(missing)?;
        Ok(Frame::Feed(Feed {
            feed: Event::parse(&stream, feed.get())?,
            stream: stream.into_owned(),
            selector: head.selector.unwrap_or_default().into_owned(),
            sequence_number,
            prev_sequence_number,
        }))
    }
}

impl Event {
    fn parse(stream: &str, feed: &str) -> Result<Event, WireError> {
        Ok(match stream {
            "v1.book.d" | "v1.book.s" => Event::Book(parse("book", feed)?),
            "v1.mini.d" | "v1.mini.s" | "v1.ticker.d" | "v1.ticker.s" => Event::Ticker(parse("ticker", feed)?),
            "v1.trade" => Event::Trade(parse("trade", feed)?),
            "v1.candle" => Event::Candle(parse("candle", feed)?),
            "v1.order" => Event::Order(parse("order", feed)?),
            "v1.state" => Event::State(parse("state", feed)?),
            "v1.cancel" => Event::Cancel(parse("cancel", feed)?),
            "v1.fill" => Event::Fill(parse("fill", feed)?),
            "v1.position" => Event::Position(parse("position", feed)?),
            _ => Event::Other(parse("feed", feed)?),
        })
    }
}

/// Place in the numbering of one subscription. Snapshots carry 0; then every frame names the one before it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sequence {
    /// The number of the first frame after the snapshots, when the reply to the subscription had it.
    first: Option<u64>,
    last: Last,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
enum Last {
    /// Nothing is worth anything before a snapshot.
    #[default]
    Nothing,
    Snapshot,
    Number(u64),
}

/// What a frame is to its subscription.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// The first frame, whole.
    Snapshot,
    /// The one that follows.
    Next,
    /// A duplicate, or a frame that came before the snapshot.
    Ignored,
}

impl Sequence {
    /// `first`: from the reply to the subscription; numbers of different connections have nothing to do with each other.
    pub fn new(first: Option<u64>) -> Sequence {
        Sequence { first, last: Last::Nothing }
    }

    /// A gap leaves the sequence without a snapshot: all is ignored until the next one.
    pub fn step(&mut self, number: u64, previous: u64) -> Result<Step, BookError> {
        if number == 0 {
            self.last = Last::Snapshot;
            return Ok(Step::Snapshot);
        }
        let stands = match self.last {
            Last::Nothing => return Ok(Step::Ignored),
            Last::Snapshot => self.first.map_or(previous, |first| first.saturating_sub(1)),
            Last::Number(last) if last == number => return Ok(Step::Ignored),
            Last::Number(last) => last,
        };
        if previous != stands {
            self.last = Last::Nothing;
            return Err(BookError::Gap { what: "sequence number", follows: previous, stands });
        }
        self.last = Last::Number(number);
        Ok(Step::Next)
    }
}
