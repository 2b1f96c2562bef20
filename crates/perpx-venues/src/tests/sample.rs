//! Messages by hand, one of each kind, read by their names: for the tests of the parsers and as seeds of their mutations.

use crate::wire::{WireError, parse};
use crate::{grvt, lighter};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Name and JSON of each message of a fixture file.
pub(super) fn lines(file: &'static str) -> impl Iterator<Item = (&'static str, &'static str)> {
    let lines = file.lines().filter(|line| !line.starts_with('#'));
    lines.map(|line| line.split_once('\t').expect("a name, a tab, a message"))
}

pub(super) const LIGHTER: &str = include_str!("../../../../tests/fixtures/lighter_messages.txt");
pub(super) const GRVT: &str = include_str!("../../../../tests/fixtures/grvt_messages.txt");

/// Reads a message and writes it again.
fn again<T: DeserializeOwned + Serialize>(text: &str) -> Result<String, WireError> {
    parse::<T>("sample", text).map(|value| serde_json::to_string(&value).expect("text"))
}

/// By the first word of its name.
pub(super) fn lighter(name: &str, text: &str) -> Result<String, WireError> {
    use lighter::rest::*;
    match name.split(' ').next().unwrap_or_default() {
        "frame" => lighter::stream::Frame::parse(text).map(|frame| frame.to_json()),
        "request" => again::<lighter::stream::Request>(text),
        "Status" => again::<Status>(text),
        "ApiError" => again::<ApiError>(text),
        "OrderBooks" => again::<OrderBooks>(text),
        "OrderBookDetails" => again::<OrderBookDetails>(text),
        "OrderBookOrders" => again::<OrderBookOrders>(text),
        "Trades" => again::<Trades>(text),
        "Candles" => again::<Candles>(text),
        "Fundings" => again::<Fundings>(text),
        "FundingRates" => again::<FundingRates>(text),
        "Accounts" => again::<Accounts>(text),
        "ApiKeys" => again::<ApiKeys>(text),
        "NextNonce" => again::<NextNonce>(text),
        "Sent" => again::<Sent>(text),
        "Tx" => again::<Tx>(text),
        "Orders" => again::<Orders>(text),
        "AccountLimits" => again::<AccountLimits>(text),
        "PositionFundings" => again::<PositionFundings>(text),
        other => panic!("no message {other}"),
    }
}

/// By the first word of its name.
pub(super) fn grvt(name: &str, text: &str) -> Result<String, WireError> {
    use grvt::rest::*;
    use grvt::stream::{Frame, Request, Subscribe};
    use grvt::trade::*;
    match name.split(' ').next().unwrap_or_default() {
        "frame" => Frame::parse(text).map(|frame| match frame {
            Frame::Feed(feed) => serde_json::to_string(&feed).expect("text"),
            Frame::Reply(reply) => serde_json::to_string(&reply).expect("text"),
        }),
        "request" => again::<Request<Subscribe>>(text),
        "ApiError" => again::<ApiError>(text),
        "LoginReply" => again::<LoginReply>(text),
        "ServerTime" => again::<ServerTime>(text),
        "Instruments" => again::<Reply<Vec<Instrument>>>(text),
        "Ticker" => again::<Reply<Ticker>>(text),
        "Book" => again::<Reply<OrderbookLevels>>(text),
        "Trades" => again::<Reply<Vec<Trade>>>(text),
        "Candles" => again::<Reply<Vec<Candle>>>(text),
        "Fundings" => again::<Reply<Vec<Funding>>>(text),
        "MarginRules" => again::<MarginRules>(text),
        "CancelOrder" => again::<CancelOrder>(text),
        "CancelAllOrders" => again::<CancelAllOrders>(text),
        "CancelOnDisconnect" => again::<CancelOnDisconnect>(text),
        "BulkOrders" => again::<BulkOrders>(text),
        "BulkReply" => again::<BulkReply>(text),
        "HistoryQuery" => again::<HistoryQuery>(text),
        "Leverages" => again::<Leverages>(text),
        "FundingPayments" => again::<Reply<Vec<FundingPayment>>>(text),
        "SubAccount" => again::<Reply<SubAccount>>(text),
        "FundingAccount" => again::<FundingAccount>(text),
        "SubAccounts" => again::<SubAccounts>(text),
        "MarginLimits" => again::<MarginLimits>(text),
        other => panic!("no message {other}"),
    }
}

/// Every field that is written stands in the message with the same meaning: numbers may be texts there, and the other way round.
fn within(written: &serde_json::Value, sample: &serde_json::Value) -> bool {
    use serde_json::Value::*;
    let number = |text: &str| text.parse::<f64>().ok();
    match (written, sample) {
        (Object(fields), Object(sample)) => {
            fields.iter().all(|(name, value)| sample.get(name).is_some_and(|sample| within(value, sample)))
        }
        (Array(written), Array(sample)) => {
            written.len() == sample.len() && written.iter().zip(sample).all(|(w, s)| within(w, s))
        }
        (String(written), String(sample)) => written == sample || number(written) == number(sample),
        (String(text), Number(n)) | (Number(n), String(text)) => number(text) == n.as_f64(),
        (Number(written), Number(sample)) => written.as_f64() == sample.as_f64(),
        (written, sample) => written == sample,
    }
}

/// Of a message that is read, nothing is lost when it is written and read again, and nothing is made up.
#[test]
fn messages_are_read_and_written_by_one_type() {
    type Read = fn(&str, &str) -> Result<String, WireError>;
    for (file, read) in [(LIGHTER, lighter as Read), (GRVT, grvt as Read)] {
        for (name, text) in lines(file) {
            let written = read(name, text).unwrap_or_else(|error| panic!("{name}: {error}"));
            assert_eq!(read(name, &written).as_ref(), Ok(&written), "{name}");
            let tree = |text: &str| serde_json::from_str::<serde_json::Value>(text).expect("json");
            // an error that stands in the frame itself is written in the other of the venue's forms
            assert!(name.ends_with(" flat") || within(&tree(&written), &tree(text)), "{name}\n{text}\n{written}");
        }
    }
}
