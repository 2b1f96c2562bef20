//! Lighter's public feed: `order_book`, `trade` and `market_stats` of each symbol over one socket.

use super::channel::{Channel, missing};
use super::feed::{FeedConfig, FeedNews, PublicFeed, restored};
use super::raw_frame::RestRequest;
use super::rows::{Lifts, PublicTrade, SymbolRows, interval_end};
use crate::book::Applied;
use crate::client::resync::Remedy;
use crate::client::{Body, FetchCall, Host};
use crate::lighter::book::Book;
use crate::lighter::rest::{Fundings, OrderBookDetails, Trade, Trades, any_time};
use crate::lighter::stream::{BookFrame, Frame, Request as Ask, StatsFrame, TradeFrame, channel};
use crate::listing::markets_call;
use crate::venue::Venue;
use crate::wall::MarketClock;
use crate::wire::{WireError, known, parse};
use perpx_core::market::Side;
use perpx_core::tape::rows::TradeRow;
use perpx_core::units::{HOUR, MS, SECOND, Time, TimeDelta};
use perpx_data::store::Table;
use serde::{Deserialize, Serialize};

/// The venue closes a socket on which it heard nothing for two minutes.
const PING: TimeDelta = SECOND.times(20);
/// Subscriptions are sent at this rate; a snapshot is waited for from the last of them on.
const SUBSCRIPTION: TimeDelta = TimeDelta(SECOND.0 / 3);
/// Settlements that are asked for when none is known.
const FIRST_SETTLEMENTS: i64 = 9;

/// A channel of a symbol: its name at the venue, and the tables that its frames make rows of.
const CHANNELS: [(&str, &[Table]); 3] = [
    ("order_book", &[Table::Quotes, Table::Depth]),
    ("trade", &[Table::Trades]),
    ("market_stats", &[Table::Marks, Table::Funding]),
];
const BOOK: usize = 0;
const TRADES: usize = 1;
const STATS: usize = 2;

/// What a trade is read as, and when it happened.
type Read = Result<PublicTrade, WireError>;

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Symbol {
    /// The market's number; `None` until the markets are known.
    market: Option<i64>,
    book: Book,
    /// The venue's time of the newest frame that was taken into it.
    #[serde(default)]
    booked: Time,
    channels: [Channel; 3],
    rows: SymbolRows,
}

/// A second socket, while the first one is still heard.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Successor {
    conn: u32,
    symbols: Vec<Arrived>,
}

/// What of a symbol is heard on the second socket alone.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Arrived {
    /// As the second socket has it.
    book: Book,
    is_there: [bool; 3],
}

/// What a frame of a channel is to the feed, by the socket that it came over.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Taken {
    /// It is the next one of its channel.
    Usual,
    /// Its channel is heard on the other socket.
    Ignored,
    /// Its channel is not heard on the second socket yet.
    Arrives,
}

/// The public half of Lighter.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct LighterFeed {
    config: FeedConfig,
    symbols: Vec<Symbol>,
    /// The newest text of the socket, whatever it was: up to here every channel was heard.
    heard: Time,
    #[serde(default)]
    successor: Option<Successor>,
    /// Sockets before this one are heard no more.
    #[serde(default)]
    first_conn: u32,
    /// A ping was sent then.
    #[serde(skip)]
    pinged: Option<Time>,
}

impl LighterFeed {
    /// A feed that knows nothing yet.
    pub fn new(config: FeedConfig) -> LighterFeed {
        let symbols = vec![Symbol::default(); config.symbols.len()];
        LighterFeed { config, symbols, heard: Time(0), successor: None, first_conn: 0, pinged: None }
    }

    /// Where the symbol of a frame's channel stands ("order_book:1").
    fn symbol(&self, text: &str) -> Option<usize> {
        let (_, market) = channel(text)?;
        self.symbols.iter().position(|symbol| symbol.market == Some(market))
    }

    /// A channel lacks something: it is empty from here on, and asked for anew.
    fn lose(&mut self, symbol: usize, channel: usize, from: Option<Time>, reason: &str, out: &mut Vec<FeedNews>) {
        let state = &mut self.symbols[symbol];
        state.channels[channel].lost(symbol, CHANNELS[channel].1, from, reason, out);
        match channel {
            BOOK => {
                state.book = Book::default();
                state.rows.book_lost();
            }
            TRADES => state.rows.trades_lost(),
            _ => state.rows.summary_lost(),
        }
    }

    /// Asks for the snapshots that are due.
    fn repair(&mut self, at: Time, out: &mut Vec<FeedNews>) {
        for symbol in &mut self.symbols {
            let Some(market) = symbol.market else { continue };
            for (channel, (name, _)) in symbol.channels.iter_mut().zip(CHANNELS) {
                match channel.due(at) {
                    Remedy::Nothing => {}
                    // a second subscription alone brings no snapshot
                    Remedy::Resubscribe => {
                        let channel = format!("{name}/{market}");
                        out.push(request(&Ask::Unsubscribe { channel: channel.clone() }));
                        out.push(request(&Ask::Subscribe { channel, auth: None }));
                    }
                    Remedy::Reconnect => {
                        let reason = format!("no snapshot of {name}/{market} after several subscriptions");
                        out.push(FeedNews::Reconnect { reason, before: None });
                    }
                }
            }
        }
    }

    fn taken(&self, conn: u32, place: usize, channel: usize) -> Taken {
        match &self.successor {
            None if conn < self.first_conn => Taken::Ignored,
            None => Taken::Usual,
            Some(successor) => match (conn == successor.conn, successor.symbols[place].is_there[channel]) {
                (true, false) => Taken::Arrives,
                (false, true) => Taken::Ignored,
                _ => Taken::Usual,
            },
        }
    }

    /// A channel is heard on the second socket from here on; with the last one the first socket is heard no more.
    fn arrived(&mut self, place: usize, channel: usize) {
        let Some(successor) = &mut self.successor else { return };
        successor.symbols[place].is_there[channel] = true;
        let is_waited_for =
            |(symbol, arrived): (&Symbol, &Arrived)| symbol.market.is_some() && arrived.is_there.contains(&false);
        if !self.symbols.iter().zip(&successor.symbols).any(is_waited_for) {
            self.first_conn = successor.conn;
            self.successor = None;
        }
    }

    /// A frame of the second socket's book: it takes the place of the first one's once it is as new.
    fn book_beside(&mut self, place: usize, frame: &BookFrame, at: Time, out: &mut Vec<FeedNews>) {
        let Some(successor) = &mut self.successor else { return };
        let (symbol, book) = (&mut self.symbols[place], &mut successor.symbols[place].book);
        let is_whole = matches!(book.apply(frame), Ok(Applied::Snapshot | Applied::Update));
        let Some(exch) = frame.time().filter(|exch| is_whole && *exch >= symbol.booked) else { return };
        symbol.book = std::mem::take(book);
        symbol.booked = exch;
        symbol.channels[BOOK].snapshot(place, CHANNELS[BOOK].1, at, out);
        symbol.rows.quote((place, &self.config), symbol.book.levels(), exch, at, out);
        self.arrived(place, BOOK);
    }

    fn book(&mut self, conn: u32, frame: &BookFrame, at: Time, out: &mut Vec<FeedNews>) {
        let Some(place) = self.symbol(&frame.channel) else { return };
        match self.taken(conn, place, BOOK) {
            Taken::Usual => {}
            Taken::Ignored => return,
            Taken::Arrives => return self.book_beside(place, frame, at, out),
        }
        let symbol = &mut self.symbols[place];
        match symbol.book.apply(frame) {
            Ok(Applied::Ignored) => return,
            Ok(Applied::Snapshot) => symbol.channels[BOOK].snapshot(place, CHANNELS[BOOK].1, at, out),
            Ok(Applied::Update) => symbol.channels[BOOK].good(at),
            Err(error) => {
                self.lose(place, BOOK, None, &error.to_string(), out);
                return self.repair(at, out);
            }
        }
        match frame.time() {
            Some(exch) => {
                symbol.booked = exch;
                symbol.rows.quote((place, &self.config), symbol.book.levels(), exch, at, out);
            }
            None => out.push(FeedNews::Unreadable("a book without a time".to_owned())),
        }
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

    fn trades(&mut self, conn: u32, frame: &TradeFrame, at: Time, out: &mut Vec<FeedNews>) -> Result<(), WireError> {
        let Some(place) = self.symbol(&frame.channel) else { return Ok(()) };
        let taken = self.taken(conn, place, TRADES);
        if taken == Taken::Ignored {
            return Ok(());
        }
        let all = frame.trades.iter().flatten().chain(frame.liquidation_trades.iter().flatten());
        let trades = all.map(public_trade).collect::<Result<Vec<PublicTrade>, _>>()?;
        let symbol = &mut self.symbols[place];
        let is_whole = symbol.channels[TRADES].is_whole();
        if taken == Taken::Arrives && is_whole {
            symbol.rows.trades_beside(place, trades, at, out);
        } else if frame.kind.starts_with("subscribed/") {
            symbol.channels[TRADES].snapshot(place, CHANNELS[TRADES].1, at, out);
            self.earlier(place, trades, true, at, out);
        } else if is_whole {
            symbol.channels[TRADES].good(at);
            trades.into_iter().for_each(|trade| symbol.rows.trade(place, trade, at, out));
        }
        if taken == Taken::Arrives {
            self.arrived(place, TRADES);
        }
        Ok(())
    }

    /// Trades of before: of a snapshot, after which more may be asked for, or of a reply, after which not.
    fn earlier(
        &mut self,
        place: usize,
        mut trades: Vec<PublicTrade>,
        may_ask: bool,
        at: Time,
        out: &mut Vec<FeedNews>,
    ) {
        let rows = &mut self.symbols[place].rows;
        trades.sort_by_key(|trade| trade.id);
        trades.into_iter().for_each(|trade| rows.earlier_trade(place, trade, at, out));
        rows.earlier_trades_end((place, &self.config), may_ask, out);
    }

    fn stats(&mut self, conn: u32, frame: &StatsFrame, at: Time, out: &mut Vec<FeedNews>) -> Result<(), WireError> {
        let Some(place) = self.symbol(&frame.channel) else { return Ok(()) };
        match self.taken(conn, place, STATS) {
            Taken::Usual => {}
            Taken::Ignored => return Ok(()),
            Taken::Arrives => self.arrived(place, STATS),
        }
        let stats = &frame.market_stats;
        let prices = (stats.mark_price.price()?, stats.index_price.price()?);
        let best = (known(stats.best_bid_price)?, known(stats.best_ask_price)?);
        let rate = stats.current_rate().transpose()?;
        let exch = frame.timestamp.map(|ms| Time::at(ms.0 * MS));
        let symbol = &mut self.symbols[place];
        // every frame is whole
        symbol.channels[STATS].snapshot(place, CHANNELS[STATS].1, at, out);
        // frames of 2025 have no time, and no mark is given one
        if let Some(exch) = exch {
            symbol.rows.marks(place, prices, exch, at, out);
        }
        if let Some(rate) = rate {
            let last = stats.funding_timestamp.filter(|ms| ms.0 > 0).map(|ms| any_time(ms.0));
            let next = next_settlement(last, exch.unwrap_or(at), self.config.clock.as_ref());
            symbol.rows.predicted(place, (next, rate, 1), at, out);
        }
        symbol.rows.summary(best.0, best.1, at);
        self.judge(place, at, out);
        Ok(())
    }

    /// A text that cannot be read costs its channel a new snapshot. Where it names none, a print may have been in it.
    fn unreadable(&mut self, conn: u32, text: &str, why: String, at: Time, out: &mut Vec<FeedNews>) {
        out.push(FeedNews::Unreadable(why));
        if conn < self.first_conn {
            return;
        }
        let reason = "a text that cannot be read";
        let named = text.split("\"channel\":\"").nth(1).and_then(|rest| rest.split('"').next());
        let place = named.and_then(|name| Some((self.symbol(name)?, channel(name)?.0)));
        let known =
            place.and_then(|(symbol, name)| Some((symbol, CHANNELS.iter().position(|(channel, _)| *channel == name)?)));
        match known {
            Some((symbol, channel)) => {
                self.lose(symbol, channel, Some(self.heard), reason, out);
                self.repair(at, out);
            }
            None => {
                for place in 0..self.symbols.len() {
                    let trades = &mut self.symbols[place].channels[TRADES];
                    if trades.is_whole() {
                        trades.lost(place, CHANNELS[TRADES].1, Some(self.heard), reason, out);
                        trades.snapshot(place, CHANNELS[TRADES].1, at, out);
                    }
                }
            }
        }
    }

    fn read(&mut self, conn: u32, text: &str, at: Time, out: &mut Vec<FeedNews>) -> Result<(), WireError> {
        match Frame::parse(text)? {
            Frame::Book(frame) => self.book(conn, &frame, at, out),
            Frame::Trades(frame) => self.trades(conn, &frame, at, out)?,
            Frame::Stats(frame) => self.stats(conn, &frame, at, out)?,
            Frame::Ping(_) => out.push(request(&Ask::Pong)),
            Frame::Shutdown(shutdown) => out.push(FeedNews::Reconnect {
                reason: "the venue closes the socket".to_owned(),
                before: shutdown.close_in_ms.map(|ms| at.plus(ms.0.max(0) * MS)),
            }),
            Frame::Error(frame) => {
                let message = frame.error.message.unwrap_or_default();
                out.push(FeedNews::Unreadable(format!("the venue says {}: {message}", frame.error.code.0)));
            }
            _ => {}
        }
        Ok(())
    }

    fn markets(&mut self, details: &OrderBookDetails, out: &mut Vec<FeedNews>) {
        for (name, symbol) in self.config.symbols.iter().zip(&mut self.symbols) {
            match details.order_book_details.iter().find(|market| market.symbol == *name) {
                Some(market) => symbol.market = Some(market.market_id.0),
                None => out.push(FeedNews::Unreadable(format!("no market {name} among those that the venue lists"))),
            }
        }
    }

    fn reply(&mut self, which: &RestRequest, body: &str, at: Time, out: &mut Vec<FeedNews>) -> Result<(), WireError> {
        match which {
            RestRequest::Markets => self.markets(&parse("orderBookDetails", body)?, out),
            RestRequest::Fundings { symbol } => {
                let Some(place) = self.config.place(symbol) else { return Ok(()) };
                let fundings: Fundings = parse("fundings", body)?;
                let all = fundings.fundings.iter().flatten();
                let rows = all.map(|row| Ok((row.time(), row.rate()?, 1))).collect::<Result<Vec<_>, WireError>>()?;
                self.symbols[place].rows.settlements(place, rows, at, out);
            }
            RestRequest::Trades { symbol } => {
                let Some(place) = self.config.place(symbol) else { return Ok(()) };
                let reply: Trades = parse("recentTrades", body)?;
                let trades = reply.trades.iter().flatten().map(public_trade).collect::<Result<_, _>>()?;
                self.earlier(place, trades, false, at, out);
            }
            RestRequest::MarginRules { .. } | RestRequest::Time => {}
        }
        Ok(())
    }
}

impl PublicFeed for LighterFeed {
    fn subscriptions(&self) -> Vec<String> {
        let markets = self.symbols.iter().filter_map(|symbol| symbol.market);
        let channels = markets.flat_map(|market| CHANNELS.map(|(name, _)| format!("{name}/{market}")));
        channels.map(|channel| text(&Ask::Subscribe { channel, auth: None })).collect()
    }

    fn connected(&mut self, at: Time) {
        let count = (self.symbols.len() * CHANNELS.len()) as i64;
        let subscribed = at.plus(count * SUBSCRIPTION);
        for symbol in &mut self.symbols {
            symbol.book = Book::default();
            symbol.channels.iter_mut().for_each(|channel| channel.connected(subscribed));
        }
        (self.successor, self.first_conn) = (None, 0);
        self.pinged = Some(at);
    }

    fn beside(&mut self, conn: u32) {
        self.successor = Some(Successor { conn, symbols: vec![Arrived::default(); self.symbols.len()] });
    }

    fn is_beside(&self) -> bool {
        self.successor.is_some()
    }

    fn lost(&mut self, reason: &str, out: &mut Vec<FeedNews>) {
        self.successor = None;
        for symbol in 0..self.symbols.len() {
            for channel in [BOOK, TRADES, STATS] {
                self.lose(symbol, channel, Some(self.heard), reason, out);
            }
        }
    }

    fn frame(&mut self, conn: u32, text: &str, at: Time, out: &mut Vec<FeedNews>) {
        if let Err(error) = self.read(conn, text, at, out) {
            self.unreadable(conn, text, error.to_string(), at, out);
        }
        self.heard = at;
    }

    fn replied(&mut self, which: &RestRequest, body: &str, at: Time, out: &mut Vec<FeedNews>) {
        if let Err(error) = self.reply(which, body, at, out) {
            out.push(FeedNews::Unreadable(error.to_string()));
        }
    }

    fn due(&mut self, at: Time, out: &mut Vec<FeedNews>) {
        if self.pinged.is_none_or(|pinged| at.since(pinged) >= PING) {
            self.pinged = Some(at);
            out.push(request(&Ask::Ping));
        }
        self.repair(at, out);
    }

    fn fetch(&self, which: &RestRequest, at: Time) -> Option<FetchCall> {
        let market = |symbol: &String| self.symbols.get(self.config.place(symbol)?)?.market;
        let path = match which {
            RestRequest::Markets => return Some(markets_call(Venue::Lighter)),
            // the venue tells its time in whole seconds
            RestRequest::MarginRules { .. } | RestRequest::Time => return None,
            RestRequest::Fundings { symbol } => {
                let market = market(symbol)?;
                let known = self.symbols[self.config.place(symbol)?].rows.settled();
                let from = known.unwrap_or(at.plus(-FIRST_SETTLEMENTS * HOUR)).steps(SECOND);
                // to the end of this second: of a market that is played faster a settlement may lie within it
                let (to, count) = (at.steps(SECOND) + 1, 100);
                format!(
                    "fundings?market_id={market}&resolution=1h&start_timestamp={from}&end_timestamp={to}&count_back={count}"
                )
            }
            RestRequest::Trades { symbol } => format!("recentTrades?market_id={}&limit=100", market(symbol)?),
        };
        Some(FetchCall { host: Host::Main, path: format!("/api/v1/{path}"), body: Body::None })
    }

    fn state(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    fn restore(&mut self, state: &str) -> Result<(), String> {
        *self = restored(state, |kept: &LighterFeed| [kept.symbols.len(), kept.config.symbols.len()])?;
        Ok(())
    }

    fn missing(&self) -> Vec<(usize, Table)> {
        missing(self.symbols.iter().map(|symbol| &symbol.channels), CHANNELS.map(|of| of.1))
    }

    fn config(&self) -> &FeedConfig {
        &self.config
    }

    fn lifts(&self) -> Lifts {
        self.symbols.iter().map(|symbol| symbol.rows.lifts()).sum()
    }
}

/// The settlement that a rate is announced for: whole intervals after the `last` one, which is stamped some milliseconds late. Hours are those of the market, however fast it is played; the time is the wall's.
fn next_settlement(last: Option<Time>, exch: Time, clock: Option<&MarketClock>) -> Time {
    let last = last.map(|last| last.plus(-last.into_step(SECOND)));
    let last = last.filter(|last| *last <= exch);
    let market = clock.map_or(exch, |clock| clock.market(exch));
    let last = last.map(|last| clock.map_or(last, |clock| clock.market(last).plus(HOUR / 2).floor_to(HOUR)));
    let next = match last {
        Some(last) => last.plus(TimeDelta((market.since(last) / HOUR + 1).saturating_mul(HOUR.0))),
        None => interval_end(market, 1),
    };
    clock.map_or(next, |clock| clock.first_wall(next))
}

pub(crate) fn public_trade(trade: &Trade) -> Read {
    let taker = if trade.is_maker_ask { Side::Buy } else { Side::Sell };
    let (px, qty, exch) = (trade.price.price()?, trade.size.qty()?, trade.time());
    let row = TradeRow { exch, recv: exch, px, qty, taker, consumed_book: true };
    Ok(PublicTrade { id: i64::try_from(trade.trade_id.0).ok(), row })
}

fn text(ask: &Ask) -> String {
    serde_json::to_string(ask).unwrap_or_default()
}

fn request(ask: &Ask) -> FeedNews {
    FeedNews::Ask(text(ask))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Row;

    /// At half past ten of a market that is played 60 times as fast, where an hour is a minute of the wall: the next one is eleven,
    /// whether the last one is known, by a stamp that is cut off at its second, or not.
    #[test]
    fn the_next_settlement_is_an_hour_of_the_market() {
        // a venue may tell any time
        for time in [Time(i64::MIN), Time(i64::MIN + 1), Time(0), Time(i64::MAX)] {
            for last in [None, Some(Time(i64::MIN)), Some(Time(0)), Some(Time(i64::MAX))] {
                let next = next_settlement(last, time, None);
                assert!(last.is_some() || next >= time, "{time:?}");
            }
        }
        let clock = MarketClock { wall: Time::at(1_000 * SECOND), market: Time::at(10 * HOUR + HOUR / 2), speed: 60.0 };
        let now = Time::at(1_000 * SECOND);
        let next = |last: Option<Time>, at: Time| clock.market(next_settlement(last, at, Some(&clock)));
        assert_eq!(next(None, now), Time::at(11 * HOUR));
        for last in [970_000, 970_200].map(|ms| Some(Time::at(MS.times(ms)))) {
            assert_eq!(next(last, now), Time::at(11 * HOUR));
            assert_eq!(next(last, now.plus(29 * SECOND)), Time::at(11 * HOUR));
            assert_eq!(next(last, now.plus(31 * SECOND)), Time::at(12 * HOUR));
        }
        // the wall's own
        assert_eq!(next_settlement(Some(Time::at(HOUR)), Time::at(HOUR + SECOND), None), Time::at(2 * HOUR));
    }

    /// With one level of bids more, and the venue's time in ms.
    fn book(how: &str, (begin, nonce): (u64, u64), ms: i64, bid: i64) -> String {
        let us = ms * 1_000;
        format!(
            r#"{{"type":"{how}/order_book","channel":"order_book:1","offset":{nonce},"last_updated_at":{us},"timestamp":{ms},
            "order_book":{{"code":0,"asks":[{{"price":"100","size":"1"}}],"bids":[{{"price":"{bid}","size":"1"}}],
            "offset":{nonce},"nonce":{nonce},"begin_nonce":{begin},"last_updated_at":{us}}}}}"#
        )
    }

    fn trades(how: &str, ids: std::ops::Range<i64>) -> String {
        let one = |id| {
            format!(
                r#"{{"trade_id":{id},"market_id":1,"size":"1","price":"50","is_maker_ask":true,"timestamp":1000,"transaction_time":1000000}}"#
            )
        };
        let all: Vec<String> = ids.map(one).collect();
        format!(r#"{{"type":"{how}/trade","channel":"trade:1","trades":[{}],"liquidation_trades":[]}}"#, all.join(","))
    }

    /// Bids of the quotes, numbers of the trades, and how many gaps began.
    fn rows(out: &[FeedNews]) -> (Vec<i64>, Vec<i64>, usize) {
        let mut found = (Vec::new(), Vec::new(), 0);
        for news in out {
            match news {
                FeedNews::Row(_, Row::Quote(row)) => found.0.push(row.bbo.bid.0 / 1_000_000_000),
                FeedNews::Row(_, Row::Trade(row)) => found.1.extend(row.id),
                FeedNews::Gap { .. } => found.2 += 1,
                _ => {}
            }
        }
        found
    }

    /// Each channel is heard on the first socket until the second one is as far, and nothing is missing or twice.
    #[test]
    fn a_socket_beside_takes_over_channel_by_channel() {
        let (mut feed, mut out) = (LighterFeed::new(FeedConfig::new(&["BTC"])), Vec::new());
        feed.symbols[0].market = Some(1);
        let at = |ms: i64| Time::at(ms * MS);
        feed.connected(at(1_000));
        for text in [book("subscribed", (0, 10), 1_000, 10), trades("subscribed", 1..3), trades("update", 3..4)] {
            feed.frame(1, &text, at(1_000), &mut out);
        }
        feed.frame(1, &book("update", (10, 12), 2_000, 11), at(2_000), &mut out);
        feed.beside(2);
        for (conn, text) in [
            // older than what the first one has told
            (2, book("subscribed", (0, 5), 1_500, 9)),
            (1, book("update", (12, 13), 2_500, 12)),
            (2, book("update", (5, 13), 2_500, 12)),
            (1, book("update", (13, 14), 3_000, 13)),
            (2, book("update", (13, 14), 3_000, 13)),
            // a print that the first socket has not brought yet, and then does
            (2, trades("subscribed", 2..5)),
            (1, trades("update", 4..5)),
            (2, trades("update", 5..6)),
            (1, trades("update", 5..6)),
        ] {
            feed.frame(conn, &text, at(3_000), &mut out);
        }
        assert_eq!(rows(&out), (vec![10, 11, 12, 13], vec![3, 4, 5], 0));
        assert!(feed.is_beside() && feed.symbols[0].channels[BOOK].is_whole(), "statistics are yet to come");
        feed.arrived(0, STATS);
        assert!(!feed.is_beside());
        // what still comes over the first one is old
        feed.frame(1, &book("update", (14, 15), 3_500, 14), at(3_500), &mut out);
        feed.frame(2, &book("update", (14, 16), 3_500, 15), at(3_500), &mut out);
        let kept = feed.state();
        feed.restore(&kept).expect("a state");
        feed.frame(1, "no text of a venue", at(3_500), &mut out);
        feed.frame(2, &book("update", (16, 17), 3_600, 16), at(3_600), &mut out);
        assert_eq!(rows(&out), (vec![10, 11, 12, 13, 15, 16], vec![3, 4, 5], 0));
    }

    /// The first socket ends before the second has everything: that is a gap, and the next one begins as every other.
    #[test]
    fn an_end_before_the_change_is_a_gap() {
        let (mut feed, mut out) = (LighterFeed::new(FeedConfig::new(&["BTC"])), Vec::new());
        feed.symbols[0].market = Some(1);
        let at = |ms: i64| Time::at(ms * MS);
        feed.connected(at(1_000));
        feed.frame(1, &book("subscribed", (0, 10), 1_000, 10), at(1_000), &mut out);
        feed.beside(2);
        feed.lost("cut", &mut out);
        assert!(!feed.is_beside());
        feed.connected(at(2_000));
        feed.frame(3, &book("subscribed", (0, 20), 2_000, 12), at(2_000), &mut out);
        assert_eq!(rows(&out), (vec![10, 12], vec![], 2), "of quotes and depth");
    }
}
