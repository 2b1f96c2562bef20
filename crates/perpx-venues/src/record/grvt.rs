//! GRVT's public feed: `v1.book.d@50`, `v1.trade@50` and `v1.ticker.d@100` of each symbol over one socket; `v1.mini.d@0` is kept
//! raw and makes no rows.

use super::channel::{Channel, missing};
use super::feed::{FeedConfig, FeedNews, PublicFeed, restored};
use super::raw_frame::RestRequest;
use super::rows::{Lifts, PublicTrade, SymbolRows};
use crate::book::Applied;
use crate::client::resync::Remedy;
use crate::client::{Body, FetchCall, Host};
use crate::grvt::QUOTE;
use crate::grvt::book::Book;
use crate::grvt::rest::{Funding, Instrument, Kind, OrderbookLevels, Reply, Ticker, Trade};
use crate::grvt::stream::{Event, Feed, Frame, Request, RpcReply, Sequence, Step, Subscribe, Subscribed};
use crate::grvt::trade::TradeVenue;
use crate::listing::markets_call;
use crate::venue::Venue;
use crate::wire::{WireError, known, parse};
use perpx_core::market::Side;
use perpx_core::tape::rows::TradeRow;
use perpx_core::units::{SECOND, Time, TimeDelta};
use perpx_data::store::Table;
use serde::{Deserialize, Serialize};
use serde_json::json;

/// Subscriptions are sent at this rate; a snapshot is waited for from the last of them on.
const SUBSCRIPTION: TimeDelta = TimeDelta(SECOND.0 / 3);
/// What is heard raw, as its frames begin.
const MINI: &str = "v1.mini.d";
/// Trades of one taking order; their numbers are "209358-2".
const PARTS: i64 = 1_000_000;

/// A stream of a symbol: its name, its rate, and the tables that its frames make rows of.
const STREAMS: [(&str, u32, &[Table]); 3] = [
    ("v1.book.d", 50, &[Table::Quotes, Table::Depth]),
    ("v1.trade", 50, &[Table::Trades]),
    ("v1.ticker.d", 100, &[Table::Marks, Table::Funding]),
];
const BOOK: usize = 0;
const TRADES: usize = 1;
const TICKER: usize = 2;

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Symbol {
    /// The venue's name of it; `None` until the markets are known.
    instrument: Option<String>,
    interval_hours: u32,
    /// `None` until its subscription is answered: numbers of before have nothing to do with those that come.
    book: Option<Book>,
    trades: Option<Sequence>,
    /// Trades of before that are still to come.
    replayed: u32,
    tickers: Option<Sequence>,
    /// As its deltas left it.
    ticker: Option<Ticker>,
    channels: [Channel; 3],
    rows: SymbolRows,
}

/// The public half of GRVT.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct GrvtFeed {
    config: FeedConfig,
    symbols: Vec<Symbol>,
    /// The newest text of the socket, whatever it was: up to here every channel was heard.
    heard: Time,
    /// Of the next request.
    #[serde(skip)]
    rpc: u32,
}

impl GrvtFeed {
    /// A feed that knows nothing yet.
    pub fn new(config: FeedConfig) -> GrvtFeed {
        let symbols = vec![Symbol::default(); config.symbols.len()];
        GrvtFeed { config, symbols, heard: Time(0), rpc: 0 }
    }

    /// Where the symbol of a selector stands ("BTC_USDT_Perp@50").
    fn symbol(&self, selector: &str) -> Option<usize> {
        let instrument = selector.split('@').next()?;
        self.symbols.iter().position(|symbol| symbol.instrument.as_deref() == Some(instrument))
    }

    /// A stream lacks something: it is empty from here on, and asked for anew.
    fn lose(&mut self, place: usize, stream: usize, from: Option<Time>, reason: &str, out: &mut Vec<FeedNews>) {
        let symbol = &mut self.symbols[place];
        symbol.channels[stream].lost(place, STREAMS[stream].2, from, reason, out);
        match stream {
            BOOK => {
                symbol.book = None;
                symbol.rows.book_lost();
            }
            TRADES => {
                (symbol.trades, symbol.replayed) = (None, 0);
                symbol.rows.trades_lost();
            }
            _ => {
                (symbol.tickers, symbol.ticker) = (None, None);
                symbol.rows.summary_lost();
            }
        }
    }

    /// Asks for the snapshots that are due.
    fn repair(&mut self, at: Time, out: &mut Vec<FeedNews>) {
        for symbol in &mut self.symbols {
            let Some(instrument) = &symbol.instrument else { continue };
            for (channel, (stream, rate, _)) in symbol.channels.iter_mut().zip(STREAMS) {
                match channel.due(at) {
                    Remedy::Nothing => {}
                    Remedy::Resubscribe => {
                        for method in ["unsubscribe", "subscribe"] {
                            // those of a fresh socket come first
                            self.rpc = self.rpc.max(STREAMS.len() as u32 + 1) + 1;
                            let selectors = vec![format!("{instrument}@{rate}")];
                            out.push(FeedNews::Ask(request(self.rpc, method, stream, selectors)));
                        }
                    }
                    Remedy::Reconnect => {
                        let reason = format!("no snapshot of {stream} of {instrument} after several subscriptions");
                        out.push(FeedNews::Reconnect { reason, before: None });
                    }
                }
            }
        }
    }

    /// A subscription was answered: what follows is numbered from here.
    fn subscribed(&mut self, reply: &RpcReply, at: Time, out: &mut Vec<FeedNews>) -> Result<(), WireError> {
        let subscribed = match reply.read::<Subscribed>()? {
            Ok(subscribed) => subscribed,
            Err(error) => {
                let (code, message) = (error.code.0, &error.message);
                out.push(FeedNews::Unreadable(format!("the venue says {code}: {message} (to {})", reply.method)));
                return Ok(());
            }
        };
        let stream = STREAMS.iter().position(|(name, _, _)| *name == subscribed.stream);
        let Some(stream) = stream.filter(|_| reply.method == "subscribe") else { return Ok(()) };
        for (nth, selector) in subscribed.subs.iter().flatten().enumerate() {
            let Some(place) = self.symbol(selector) else { continue };
            // of a stream that goes on, as after a second subscription, something may have been missed
            self.lose(place, stream, None, "subscribed anew", out);
            let first = subscribed.first_sequence_number.as_ref().and_then(|all| Some(all.get(nth)?.0));
            let count = subscribed.num_snapshots.as_ref().and_then(|all| Some(all.get(nth)?.0));
            let symbol = &mut self.symbols[place];
            match stream {
                BOOK => symbol.book = Some(Book::new(STREAMS[BOOK].0, first)),
                TRADES => {
                    let mut sequence = Sequence::new(first);
                    // there may be no trade to replay: the numbering stands from here on
                    let _ = sequence.step(0, 0);
                    (symbol.trades, symbol.replayed) = (Some(sequence), count.unwrap_or(0));
                    symbol.channels[TRADES].snapshot(place, STREAMS[TRADES].2, at, out);
                    if symbol.replayed == 0 {
                        self.earlier_end(place, true, out);
                    }
                }
                _ => symbol.tickers = Some(Sequence::new(first)),
            }
        }
        Ok(())
    }

    fn book(&mut self, place: usize, feed: &Feed, levels: &OrderbookLevels, at: Time, out: &mut Vec<FeedNews>) {
        let symbol = &mut self.symbols[place];
        let Some(book) = &mut symbol.book else { return };
        match book.apply(feed.sequence_number.0, feed.prev_sequence_number.0, levels) {
            Ok(Applied::Ignored) => return,
            Ok(Applied::Snapshot) => symbol.channels[BOOK].snapshot(place, STREAMS[BOOK].2, at, out),
            Ok(Applied::Update) => symbol.channels[BOOK].good(at),
            Err(error) => {
                self.lose(place, BOOK, None, &error.to_string(), out);
                return self.repair(at, out);
            }
        }
        symbol.rows.quote((place, &self.config), book.levels(), Time(levels.event_time.0), at, out);
        self.judge(place, at, out);
    }

    /// The book may have been wrong for too long.
    fn judge(&mut self, place: usize, at: Time, out: &mut Vec<FeedNews>) {
        if self.symbols[place].channels[BOOK].is_whole()
            && let Some((since, why)) = self.symbols[place].rows.wrong_book(at)
        {
            self.lose(place, BOOK, Some(since), why, out);
            self.repair(at, out);
        }
    }

    /// The next frame of a stream by its number; `None` where it is not to be used.
    fn step(&mut self, place: usize, stream: usize, feed: &Feed, at: Time, out: &mut Vec<FeedNews>) -> Option<Step> {
        let symbol = &mut self.symbols[place];
        let sequence = if stream == TRADES { &mut symbol.trades } else { &mut symbol.tickers };
        match sequence.as_mut()?.step(feed.sequence_number.0, feed.prev_sequence_number.0) {
            Ok(Step::Ignored) => None,
            Ok(step) => Some(step),
            Err(error) => {
                self.lose(place, stream, None, &error.to_string(), out);
                self.repair(at, out);
                None
            }
        }
    }

    fn trade(
        &mut self,
        place: usize,
        feed: &Feed,
        trade: &Trade,
        at: Time,
        out: &mut Vec<FeedNews>,
    ) -> Result<(), WireError> {
        let trade = public_trade(trade)?;
        match self.step(place, TRADES, feed, at, out) {
            Some(Step::Next) => {
                if self.symbols[place].replayed > 0 {
                    self.symbols[place].replayed = 0;
                    self.earlier_end(place, true, out);
                }
                let symbol = &mut self.symbols[place];
                symbol.channels[TRADES].good(at);
                symbol.rows.trade(place, trade, at, out);
            }
            Some(Step::Snapshot) => {
                let symbol = &mut self.symbols[place];
                symbol.rows.earlier_trade(place, trade, at, out);
                symbol.replayed = symbol.replayed.saturating_sub(1);
                if symbol.replayed == 0 {
                    self.earlier_end(place, true, out);
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// Trades of before were all taken: of a snapshot, after which more may be asked for, or of a reply, after which not.
    fn earlier_end(&mut self, place: usize, may_ask: bool, out: &mut Vec<FeedNews>) {
        self.symbols[place].rows.earlier_trades_end((place, &self.config), may_ask, out);
    }

    fn ticker(
        &mut self,
        place: usize,
        feed: &Feed,
        delta: &Ticker,
        at: Time,
        out: &mut Vec<FeedNews>,
    ) -> Result<(), WireError> {
        let Some(step) = self.step(place, TICKER, feed, at, out) else { return Ok(()) };
        let symbol = &mut self.symbols[place];
        match &mut symbol.ticker {
            Some(ticker) if step == Step::Next => ticker.merge(delta),
            ticker => *ticker = Some(delta.clone()),
        }
        let Some(ticker) = &symbol.ticker else { return Ok(()) };
        let prices = (known(ticker.mark_price)?, known(ticker.index_price)?);
        let best = (known(ticker.best_bid_price)?, known(ticker.best_ask_price)?);
        let rate = ticker.rate().transpose()?;
        let next = ticker.next_funding_time.map(|time| Time(time.0)).filter(|time| time.0 > 0);
        if let Some(hours) = ticker.funding_interval_hours.filter(|hours| hours.0 > 0) {
            symbol.interval_hours = hours.0;
        }
        let exch = Time(ticker.event_time.0);
        match step {
            Step::Snapshot => symbol.channels[TICKER].snapshot(place, STREAMS[TICKER].2, at, out),
            _ => symbol.channels[TICKER].good(at),
        }
        symbol.rows.marks(place, prices, exch, at, out);
        if let Some((rate, ts)) = rate.zip(next).filter(|_| symbol.interval_hours > 0) {
            symbol.rows.predicted(place, (ts, rate, symbol.interval_hours), at, out);
        }
        symbol.rows.summary(best.0, best.1, at);
        self.judge(place, at, out);
        Ok(())
    }

    fn read(&mut self, text: &str, at: Time, out: &mut Vec<FeedNews>) -> Result<(), WireError> {
        if named(text, "stream") == Some(MINI) {
            return Ok(());
        }
        let feed = match Frame::parse(text)? {
            Frame::Feed(feed) => feed,
            Frame::Reply(reply) => return self.subscribed(&reply, at, out),
        };
        let Some(place) = self.symbol(&feed.selector) else { return Ok(()) };
        match &feed.feed {
            Event::Book(levels) => self.book(place, &feed, levels, at, out),
            Event::Trade(trade) => self.trade(place, &feed, trade, at, out)?,
            Event::Ticker(ticker) => self.ticker(place, &feed, ticker, at, out)?,
            _ => {}
        }
        Ok(())
    }

    /// A text that cannot be read costs its stream a new snapshot. One that names none is missed by its number.
    fn unreadable(&mut self, text: &str, why: String, at: Time, out: &mut Vec<FeedNews>) {
        out.push(FeedNews::Unreadable(why));
        let stream = named(text, "stream").and_then(|stream| STREAMS.iter().position(|(name, _, _)| *name == stream));
        let place = named(text, "selector").and_then(|selector| self.symbol(selector));
        if let Some((place, stream)) = place.zip(stream) {
            self.lose(place, stream, None, "a text that cannot be read", out);
            self.repair(at, out);
        }
    }

    fn markets(&mut self, instruments: &[Instrument], out: &mut Vec<FeedNews>) {
        for (name, symbol) in self.config.symbols.iter().zip(&mut self.symbols) {
            let is_it = |one: &&Instrument| one.kind == Kind::Perpetual && one.base == *name && one.quote == QUOTE;
            match instruments.iter().find(is_it) {
                Some(found) => {
                    symbol.instrument = Some(found.instrument.clone());
                    symbol.interval_hours = found.funding_interval_hours.map_or(symbol.interval_hours, |hours| hours.0);
                }
                None => {
                    out.push(FeedNews::Unreadable(format!("no perpetual of {name} among those that the venue lists")))
                }
            }
        }
    }

    fn reply(&mut self, which: &RestRequest, body: &str, at: Time, out: &mut Vec<FeedNews>) -> Result<(), WireError> {
        match which {
            RestRequest::Markets => {
                self.markets(&parse::<Reply<Vec<Instrument>>>("all_instruments", body)?.result, out)
            }
            RestRequest::Fundings { symbol } => {
                let Some(place) = self.config.place(symbol) else { return Ok(()) };
                let reply: Reply<Vec<Funding>> = parse("funding", body)?;
                // those without an interval are of the time when funding was accrued by the minute
                let hours = |row: &Funding| row.funding_interval_hours.map_or(0, |hours| hours.0);
                let rows = reply.result.iter().filter(|row| hours(row) > 0);
                let rows = rows.map(|row| Ok((Time(row.funding_time.0), row.rate()?, hours(row))));
                let rows = rows.collect::<Result<Vec<_>, WireError>>()?;
                self.symbols[place].rows.settlements(place, rows, at, out);
            }
            RestRequest::Trades { symbol } => {
                let Some(place) = self.config.place(symbol) else { return Ok(()) };
                let reply: Reply<Vec<Trade>> = parse("trade", body)?;
                let mut trades = reply.result.iter().map(public_trade).collect::<Result<Vec<_>, _>>()?;
                trades.sort_by_key(|trade| trade.id);
                let rows = &mut self.symbols[place].rows;
                trades.into_iter().for_each(|trade| rows.earlier_trade(place, trade, at, out));
                self.earlier_end(place, false, out);
            }
            RestRequest::MarginRules { .. } | RestRequest::Time => {}
        }
        Ok(())
    }
}

impl PublicFeed for GrvtFeed {
    fn subscriptions(&self) -> Vec<String> {
        let streams = STREAMS.iter().map(|(stream, rate, _)| (*stream, *rate)).chain([(MINI, 0)]);
        let all = streams.enumerate().map(|(nth, (stream, rate))| {
            let instruments = self.symbols.iter().filter_map(|symbol| symbol.instrument.as_ref());
            let selectors: Vec<String> = instruments.map(|instrument| format!("{instrument}@{rate}")).collect();
            (nth, stream, selectors)
        });
        let asked = all.filter(|(_, _, selectors)| !selectors.is_empty());
        asked.map(|(nth, stream, selectors)| request(nth as u32 + 1, "subscribe", stream, selectors)).collect()
    }

    fn connected(&mut self, at: Time) {
        let subscribed = at.plus((STREAMS.len() as i64 + 1) * SUBSCRIPTION);
        for symbol in &mut self.symbols {
            (symbol.book, symbol.trades, symbol.tickers, symbol.ticker) = (None, None, None, None);
            symbol.replayed = 0;
            symbol.channels.iter_mut().for_each(|channel| channel.connected(subscribed));
        }
    }

    fn lost(&mut self, reason: &str, out: &mut Vec<FeedNews>) {
        for symbol in 0..self.symbols.len() {
            for stream in [BOOK, TRADES, TICKER] {
                self.lose(symbol, stream, Some(self.heard), reason, out);
            }
        }
    }

    fn frame(&mut self, _conn: u32, text: &str, at: Time, out: &mut Vec<FeedNews>) {
        if let Err(error) = self.read(text, at, out) {
            self.unreadable(text, error.to_string(), at, out);
        }
        self.heard = at;
    }

    fn replied(&mut self, which: &RestRequest, body: &str, at: Time, out: &mut Vec<FeedNews>) {
        if let Err(error) = self.reply(which, body, at, out) {
            out.push(FeedNews::Unreadable(error.to_string()));
        }
    }

    /// The socket's own pings keep it open.
    fn due(&mut self, at: Time, out: &mut Vec<FeedNews>) {
        self.repair(at, out);
    }

    fn fetch(&self, which: &RestRequest, _at: Time) -> Option<FetchCall> {
        let of = |symbol: &String| self.symbols.get(self.config.place(symbol)?);
        let instrument = |symbol: &String| of(symbol)?.instrument.clone();
        let (route, body) = match which {
            RestRequest::Markets => return Some(markets_call(Venue::Grvt)),
            RestRequest::MarginRules { symbol } => ("margin_rules", json!({ "instrument": instrument(symbol)? })),
            RestRequest::Fundings { symbol } => {
                let mut query = json!({ "instrument": instrument(symbol)?, "limit": 10 });
                if let Some(known) = of(symbol)?.rows.settled() {
                    query["start_time"] = json!(known.0.to_string());
                }
                ("funding", query)
            }
            RestRequest::Time => {
                let (host, path) = (Host::MarketData, "/time".to_owned());
                return Some(FetchCall { host, path, body: Body::None });
            }
            RestRequest::Trades { symbol } => ("trade", json!({ "instrument": instrument(symbol)?, "limit": 1000 })),
        };
        let (path, body) = (format!("/full/v1/{route}"), Body::Json(body.to_string()));
        Some(FetchCall { host: Host::MarketData, path, body })
    }

    fn state(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    fn restore(&mut self, state: &str) -> Result<(), String> {
        *self = restored(state, |kept: &GrvtFeed| [kept.symbols.len(), kept.config.symbols.len()])?;
        Ok(())
    }

    fn missing(&self) -> Vec<(usize, Table)> {
        missing(self.symbols.iter().map(|symbol| &symbol.channels), STREAMS.map(|of| of.2))
    }

    fn config(&self) -> &FeedConfig {
        &self.config
    }

    fn lifts(&self) -> Lifts {
        self.symbols.iter().map(|symbol| symbol.rows.lifts()).sum()
    }
}

/// The text of a field, found without reading the message.
fn named<'a>(text: &'a str, field: &str) -> Option<&'a str> {
    let rest = text.split_once(field)?.1.strip_prefix("\":\"")?;
    rest.split('"').next()
}

fn request(id: u32, method: &str, stream: &str, selectors: Vec<String>) -> String {
    let request = Request::new(id, method, Subscribe { stream: stream.to_owned(), selectors });
    serde_json::to_string(&request).unwrap_or_default()
}

pub(crate) fn public_trade(trade: &Trade) -> Result<PublicTrade, WireError> {
    let (px, qty, exch) = (trade.price.price()?, trade.size.qty()?, Time(trade.event_time.0));
    let taker = if trade.is_taker_buyer { Side::Buy } else { Side::Sell };
    let consumed_book = trade.is_rpi != Some(true) && trade.venue != Some(TradeVenue::Rfq);
    let row = TradeRow { exch, recv: exch, px, qty, taker, consumed_book };
    Ok(PublicTrade { id: number(&trade.trade_id), row })
}

/// "209358-2" as one number that grows as the venue's do: 209358000002.
fn number(id: &str) -> Option<i64> {
    let (taking, part) = id.split_once('-').unwrap_or((id, "0"));
    let part = part.parse::<i64>().ok().filter(|part| (0..PARTS).contains(part))?;
    taking.parse::<i64>().ok().filter(|taking| *taking >= 0)?.checked_mul(PARTS)?.checked_add(part)
}
