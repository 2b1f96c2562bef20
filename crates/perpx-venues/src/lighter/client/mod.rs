//! Lighter's client. One transaction is under way at a time: nonces go up by one and a refused one is not used up, so the
//! next is signed when what became of the last is known.
//!
//! | file | noun |
//! | --- | --- |
//! | `account` | what the account holds, its fills and payments, page by page |
//! | `send` | transactions: keys, nonces, what was not answered |
//! | `mend` | tokens and subscriptions that end, frames and answers that cannot be taken |

pub(crate) mod account;
mod mend;
mod send;

pub use send::ApiKey;

use crate::book::Applied;
use crate::client::orders::{Fill, MOST_QUESTIONS, Orders, Resuming};
use crate::client::resync::Subscription;
use crate::client::walk::Walk;
use crate::client::{
    About, AccountUpdate, Body, Closed, ForeignFill, Holding, Host, MarketUpdate, MarketWatch, Outbound, Output, Past,
    Reading, Reply, Request, RunNumber, Stream, Transfer, VenueClient, VenueError, quote,
};
use crate::lighter::book::Book;
use crate::lighter::rest::{
    Market as WireMarket, MarketStatus, NextNonce, Order, OrderBookDetails, OrderStatus, Orders as OrderList,
    PositionFunding, Trade, TradeKind, any_time,
};
use crate::lighter::sign::{PrivateKey, Tx};
use crate::lighter::stream::{AccountFrame, BookFrame, Frame, MarketStats, Request as Ask};
use crate::wire::{WireError, known, parse};
use perpx_core::market::{Command, EventBody, FeeSchedule, OrderId, OrderState, Reject, Side};
use perpx_core::tape::rows::FundingKind;
use perpx_core::units::{Cash, MS, Price, Qty, Rate, Time, TimeDelta};
use send::Lane;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// What a trader needs to speak for an account.
pub struct LighterAccess {
    /// Its number.
    pub account: i64,
    /// Number of the API key.
    pub api_key: i64,
    /// Signs transactions and tokens.
    pub key: PrivateKey,
    /// Signs cancels and closes, so that none waits behind an opening in doubt; `None`: the other key does.
    pub closes: Option<ApiKey>,
    /// The chain that signatures are for.
    pub chain_id: u32,
    /// Symbol of the market.
    pub coin: String,
    /// Times; the account is set to it.
    pub leverage: Rate,
    /// Ledger entries are multiples of this.
    pub grid: Cash,
    /// An order that the venue does not know can land no more so long after it was sent.
    pub fence: TimeDelta,
    /// The run begins: what the account did before is not ours.
    pub since: Time,
    /// Tells our orders from those of all others.
    pub number: RunNumber,
}

impl LighterAccess {
    /// The key of a lane, and its number.
    fn key_of(&self, lane: usize) -> (i64, &PrivateKey) {
        match &self.closes {
            Some(closes) if lane > 0 => (closes.number, &closes.key),
            _ => (self.api_key, &self.key),
        }
    }
}

/// By port of an emulator.
pub const HOSTS: &[Host] = &[Host::Main];
/// Life of an order that rests: not much more than the least that the venue takes.
const ORDER_LIFE_MS: i64 = 330_000;
const ALREADY_SUBSCRIBED: i64 = 30003;
/// By number of the stream.
const PUBLIC_STREAM: usize = 0;
const ACCOUNT_STREAM: usize = 1;
/// Public channels of the market, the book first.
const PUBLIC: [&str; 3] = ["order_book", "trade", "market_stats"];

/// Number and decimals of the market.
#[derive(Clone, Copy)]
struct Market {
    id: i64,
    size_unit: i64,
    price_unit: i64,
}

impl Market {
    /// `None`: steps that are not told, or finer than a price can be.
    fn read(market: &WireMarket) -> Option<Market> {
        let unit = |decimals: Option<crate::wire::Num<u32>>| {
            decimals.map(|decimals| decimals.0).filter(|&decimals| decimals <= 9).map(|n| 10i64.pow(9 - n))
        };
        let size_unit = unit(market.size_decimals.or(market.supported_size_decimals))?;
        let price_unit = unit(market.price_decimals.or(market.supported_price_decimals))?;
        Some(Market { id: market.market_id.0, size_unit, price_unit })
    }
}

/// One account at Lighter.
pub struct LighterClient {
    access: LighterAccess,
    market: Option<Market>,
    /// Its last second; empty once it was refused.
    token: Option<(i64, String)>,
    /// Tokens refused since one was taken.
    refused_tokens: u32,
    /// The last token that a question bore was refused: that a stream takes the next one says nothing of questions.
    is_question_refused: bool,
    /// Last seconds of the tokens that the private requests under way bear, in the order in which they were asked.
    bore: BTreeMap<About, VecDeque<i64>>,
    /// Private subscriptions that were not answered yet, and whether one of them was refused.
    subscribing: (usize, bool),
    /// By key: that of orders, then that of cancels and closes if they have one of their own.
    lanes: Vec<Lane>,
    /// What expiries are moved by to be told in the venue's clock.
    ahead: TimeDelta,
    is_ready: bool,
    /// Nothing is held: the account is read first.
    is_new: bool,
    book: Book,
    watch: MarketWatch,
    /// Of [`PUBLIC`], once their stream is open.
    public: Vec<Subscription>,
    /// The account's, once its stream is open; and the last second of the token that it was subscribed with.
    subscription: Option<(Subscription, i64)>,
    /// What was refused or could not be read is asked again then.
    later: BTreeMap<About, Time>,
    /// When what the market takes was asked for last because of a refusal.
    market_asked: Time,
    orders: Orders,
    /// Queries of the trader's that are under way.
    queries: BTreeSet<OrderId>,
    /// When the queries that are under way were sent, by order.
    asked_at: BTreeMap<OrderId, VecDeque<Time>>,
    mark: Price,
    settled: Option<Time>,
    fills: Walk<Trade>,
    payments: Walk<PositionFunding>,
    /// Deposits, transfers, withdrawals; and what was found of them.
    money: [Walk<Transfer>; 3],
    moved: Vec<Transfer>,
    /// When the newest fill that was reported happened.
    last_fill: Time,
    /// Asked for the orders that are open, what the account said of the rest is kept here.
    holding: Option<Holding>,
    reading: Reading,
    /// What is taken over of earlier processes and was not answered yet.
    resuming: Option<Resuming>,
}

impl LighterClient {
    /// A client that has sent nothing yet.
    pub fn new(access: LighterAccess) -> LighterClient {
        let lanes = (0..1 + usize::from(access.closes.is_some())).map(|_| Lane::default()).collect();
        LighterClient {
            orders: Orders::new(TimeDelta(access.fence.0 / 9), access.number),
            last_fill: access.since,
            access,
            market: None,
            token: None,
            refused_tokens: 0,
            is_question_refused: false,
            bore: BTreeMap::new(),
            subscribing: (0, false),
            lanes,
            ahead: TimeDelta::ZERO,
            is_ready: false,
            is_new: true,
            market_asked: Time::MIN,
            book: Book::default(),
            watch: MarketWatch::default(),
            public: Vec::new(),
            subscription: None,
            later: BTreeMap::new(),
            queries: BTreeSet::new(),
            asked_at: BTreeMap::new(),
            mark: Price(0),
            settled: None,
            fills: Walk::default(),
            payments: Walk::default(),
            money: Default::default(),
            moved: Vec::new(),
            holding: None,
            reading: Reading::default(),
            resuming: None,
        }
    }

    fn market(&self) -> Result<Market, VenueError> {
        self.market.ok_or_else(|| VenueError::NoMarket(self.access.coin.clone()))
    }

    fn get(&self, about: About, path: String, headers: Vec<(&'static str, String)>) -> Outbound {
        Outbound::Request(Request {
            about,
            host: Host::Main,
            path: format!("/api/v1/{path}"),
            body: Body::None,
            headers,
            is_exit: false,
        })
    }

    fn private(&mut self, about: About, path: String, wall: Time) -> Result<Outbound, VenueError> {
        let token = self.token(wall)?;
        self.bore.entry(about).or_default().extend(self.token.as_ref().map(|(until, _)| *until));
        Ok(self.get(about, path, vec![("authorization", token)]))
    }

    fn ask_nonce(&self, lane: usize) -> Outbound {
        let (account, api_key) = (self.access.account, self.access.key_of(lane).0);
        self.get(About::Nonce(lane), format!("nextNonce?account_index={account}&api_key_index={api_key}"), Vec::new())
    }

    /// What became of an order; where a question waits already, its answer is as new.
    fn ask_orders(&mut self, id: OrderId, wall: Time, out: &mut Output) -> Result<(), VenueError> {
        let under_way = self.asked_at.entry(id).or_default();
        if under_way.len() < MOST_QUESTIONS {
            under_way.push_back(wall);
            let (account, number) = (self.access.account, self.client_index(id));
            let path = format!("accountOrders?account_index={account}&client_order_indexes={number}");
            out.requests.push(self.private(About::Query(id), path, wall)?);
        }
        Ok(())
    }

    fn client_index(&self, id: OrderId) -> i64 {
        self.orders.number(id).at_lighter(id)
    }

    fn own(&mut self, client_index: u64) -> Option<OrderId> {
        self.orders.own(self.access.number.read_lighter(client_index))
    }

    // ---- what is heard

    fn order(&mut self, order: &Order, out: &mut Output) -> Result<(), WireError> {
        let Some(id) = order.client_order_index.and_then(|index| self.own(index.0)) else { return Ok(()) };
        let exch = order_time(order);
        let filled = filled(order)?;
        let reason = match order.status {
            OrderStatus::InProgress | OrderStatus::Pending => return Ok(()),
            OrderStatus::Open => {
                self.orders.open(id, exch, &mut out.account);
                return Ok(());
            }
            OrderStatus::CanceledPostOnly => Some(Reject::PostOnlyCross),
            OrderStatus::CanceledMarginNotAllowed | OrderStatus::CanceledInvalidBalance => Some(Reject::NoMargin),
            OrderStatus::CanceledReduceOnly | OrderStatus::CanceledPositionNotAllowed => Some(Reject::ReduceOnly),
            OrderStatus::CanceledSelfTrade => Some(Reject::SelfTrade),
            _ => None,
        };
        match reason.filter(|_| filled.is_zero()) {
            Some(reason) => self.orders.rejected(id, reason, exch, &mut out.account),
            None => self.orders.done(id, filled, exch, &mut out.account),
        }
        Ok(())
    }

    fn trade(&mut self, trade: &Trade, out: &mut Output) -> Result<(), WireError> {
        let account = Some(self.access.account);
        let side = if trade.ask_account_id.map(|id| id.0) == account { Side::Sell } else { Side::Buy };
        let client = if side == Side::Sell { trade.ask_client_id } else { trade.bid_client_id };
        let maker = trade.is_maker_ask == (side == Side::Sell);
        let (px, qty, exch) = (trade.price.price()?, trade.size.qty()?, trade.time());
        let name = trade.trade_id.0.to_string();
        let Some(id) = client.and_then(|client| self.own(client.0)) else {
            let is_ours = [trade.ask_account_id, trade.bid_account_id].iter().any(|id| id.map(|id| id.0) == account);
            if !is_ours || exch < self.access.since || !self.orders.is_news(&name) {
                return Ok(());
            }
            // the venue closes for us, or somebody else trades on the account
            if trade.kind.as_ref().is_some_and(|kind| *kind != TradeKind::Trade) {
                let body = EventBody::Liquidated { px, qty, fee: Cash::ZERO, lost: Cash::ZERO };
                out.account.push(AccountUpdate::Event { exch, body, name: Some(name) });
            } else {
                let client = client.map_or(0, |client| client.0);
                let fill =
                    ForeignFill { name, client, sent_by: self.access.number.read_lighter(client), side, px, qty };
                out.account.push(AccountUpdate::ForeignFill { exch, fill });
            }
            return Ok(());
        };
        self.last_fill = self.last_fill.max(exch);
        let ticks = if maker { trade.maker_fee } else { trade.taker_fee }.map_or(0, |ticks| ticks.0);
        let rate = Rate(ticks.saturating_mul(Rate::ONE / 1_000_000));
        let fees = FeeSchedule { taker: rate, maker: rate, referral: Rate(0) };
        let fee = fees.fee(px.of(qty), maker, self.access.grid);
        self.orders.fill(id, Fill { name, side, px, qty, maker, fee }, exch, &mut out.account);
        Ok(())
    }

    fn hear(&mut self, stream: usize, frame: &Frame, wall: Time, out: &mut Output) -> Result<(), VenueError> {
        match frame {
            Frame::Book(frame) => self.book_frame(frame, wall, out),
            Frame::Trades(frame) if frame.kind.starts_with("update/") => {
                for trade in frame.trades.iter().flatten() {
                    let taker = if trade.is_maker_ask { Side::Buy } else { Side::Sell };
                    let (px, qty) = (trade.price.price()?, trade.size.qty()?);
                    out.market.push(MarketUpdate::Trade { exch: trade.time(), px, qty, taker, consumed_book: true });
                }
            }
            Frame::Trades(_) => self.whole(1),
            Frame::Stats(frame) => {
                self.whole(2);
                let exch = frame.timestamp.map_or(wall, |ms| Time::at(ms.0 * MS));
                self.stats(&frame.market_stats, exch, wall, out)?;
            }
            Frame::Account(frame) => self.account(frame, wall, out)?,
            Frame::Ping(_) => out.requests.push(said(stream, &Ask::Pong)),
            Frame::Shutdown(_) => out.requests.push(Outbound::Renew(stream)),
            Frame::Error(frame) => {
                let message = frame.error.message.clone().unwrap_or_default();
                match frame.error.code.0 {
                    // the other channel of the two was refused, and both were asked for again
                    ALREADY_SUBSCRIBED if stream == ACCOUNT_STREAM => self.subscribed(None, wall, out)?,
                    code if is_of_token(code, &message) => self.subscribed(Some(&message), wall, out)?,
                    // the channel that was asked for stays away, and is asked for again when it is due
                    code => out.account.push(AccountUpdate::Trouble(format!("the stream says {code}: {message}"))),
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// The snapshot of a public channel is here.
    fn whole(&mut self, channel: usize) {
        self.public.iter_mut().skip(channel).take(1).for_each(Subscription::whole);
    }

    fn book_frame(&mut self, frame: &BookFrame, wall: Time, out: &mut Output) {
        match self.book.apply(frame) {
            Ok(Applied::Ignored) => return,
            Ok(Applied::Snapshot) => self.whole(0),
            Ok(Applied::Update) => {}
            Err(_) => return self.book_lost(),
        }
        if self.watch.see(&self.book.levels().top(), wall) {
            out.market.push(quote(self.book.levels(), frame.time().unwrap_or(wall)));
        }
        self.judge(wall, out);
    }

    fn book_lost(&mut self) {
        self.watch.lost();
        self.public.iter_mut().take(1).for_each(Subscription::lost);
    }

    /// A book that cannot be right is subscribed anew; its quotes are taken again when a summary shows the same.
    fn judge(&mut self, wall: Time, out: &mut Output) {
        if self.watch.is_wrong(wall, out) {
            self.book = Book::default();
            self.book_lost();
        }
        self.watch.tell(out);
    }

    fn account(&mut self, frame: &AccountFrame, wall: Time, out: &mut Output) -> Result<(), VenueError> {
        for trade in frame.trades.iter().flat_map(|trades| trades.iter()) {
            self.trade(trade, out)?;
        }
        let mut open = Vec::new();
        for order in frame.orders.iter().flat_map(|orders| orders.iter()) {
            open.extend(order.client_order_index.and_then(|index| self.own(index.0)));
            self.order(order, out)?;
        }
        if frame.kind.starts_with("subscribed/") {
            self.subscribed(None, wall, out)?;
        }
        if frame.kind == "subscribed/account_all_orders" {
            // what this snapshot does not show may have ended while nobody listened
            self.ask_truth(&open, wall, out)?;
        }
        Ok(())
    }

    fn stats(&mut self, stats: &MarketStats, exch: Time, wall: Time, out: &mut Output) -> Result<(), VenueError> {
        self.mark = stats.mark_price.price()?;
        out.market.push(MarketUpdate::Marks { exch, mark: self.mark, index: stats.index_price.price()? });
        let [bid, ask] = [known(stats.best_bid_price)?, known(stats.best_ask_price)?];
        if self.watch.summary(bid, ask, wall) {
            out.market.push(quote(self.book.levels(), exch));
        }
        self.judge(wall, out);
        if let Some(rate) = stats.current_rate().transpose()? {
            out.market.push(MarketUpdate::Rate { kind: FundingKind::Predicted, ts: None, rate, interval_hours: 1 });
        }
        let Some((rate, ts)) = stats.settled().transpose()?.filter(|(_, ts)| ts.0 > 0) else { return Ok(()) };
        if self.settled != Some(ts) {
            if self.settled.replace(ts).is_some() {
                self.ask_payments(wall, out)?;
            }
            out.market.push(MarketUpdate::Rate { kind: FundingKind::Settled, ts: Some(ts), rate, interval_hours: 1 });
        }
        Ok(())
    }

    fn markets(&mut self, details: &OrderBookDetails) -> Result<(), VenueError> {
        let coin = &self.access.coin;
        let none = || VenueError::NoMarket(coin.clone());
        let market = details.order_book_details.iter().find(|market| market.symbol == *coin).ok_or_else(none)?;
        self.watch.market(shut(market));
        self.market = Some(Market::read(market).ok_or_else(none)?);
        Ok(())
    }

    /// As [`LighterClient::markets`], of one that is traded in: orders are written in its newest steps.
    fn markets_again(&mut self, details: &OrderBookDetails) {
        let market = details.order_book_details.iter().find(|market| market.symbol == self.access.coin);
        let gone = || Some(Closed::ToAll("the venue lists it no more".to_owned()));
        self.watch.market(market.map_or_else(gone, shut));
        self.market = market.and_then(Market::read).or(self.market);
    }
}

impl LighterClient {
    fn answered(
        &mut self,
        (about, asked): (About, Time),
        body: &str,
        wall: Time,
        out: &mut Output,
    ) -> Result<(), VenueError> {
        match about {
            About::Markets if self.is_ready => {
                let details: OrderBookDetails = parse("orderBookDetails", body)?;
                self.markets_again(&details);
                self.watch.tell(out);
            }
            About::Markets => {
                self.markets(&parse("orderBookDetails", body)?)?;
                self.watch.tell(out);
                let unknown: Vec<usize> = (0..self.lanes.len()).filter(|n| self.lanes[*n].nonce.is_none()).collect();
                out.requests.extend(unknown.iter().map(|lane| self.ask_nonce(*lane)));
                if unknown.is_empty() {
                    self.get_ready(out);
                }
            }
            About::Nonce(lane) => self.nonce_received(lane, body, wall, out)?,
            About::Query(id) => self.order_received((id, asked), body, wall, out)?,
            About::Fills => self.fills_received(&parse("trades", body)?, wall, out)?,
            About::Payments => self.payments_received(&parse("positionFunding", body)?, wall, out)?,
            About::Transfers(n) => self.transfers_received(n, &parse("history", body)?, wall, out)?,
            About::Account => self.account_received(body, wall, out)?,
            About::OpenOrders => self.open_orders_received(&parse("accountActiveOrders", body)?, out)?,
            _ => {}
        }
        Ok(())
    }

    fn nonce_received(&mut self, lane: usize, body: &str, wall: Time, out: &mut Output) -> Result<(), VenueError> {
        let nonce = parse::<NextNonce>("nextNonce", body)?.nonce.0;
        let Some(here) = self.lanes.get_mut(lane) else { return Ok(()) };
        here.nonce = Some(nonce);
        if !self.is_ready && self.lanes.iter().all(|lane| lane.nonce.is_some()) {
            self.get_ready(out);
        }
        self.pump(wall, out)
    }

    /// All keys have their nonces.
    fn get_ready(&mut self, out: &mut Output) {
        if !self.is_new {
            self.ready(out);
        } else if !self.reading.is_under_way() {
            self.ask_account(out);
        }
    }

    pub(super) fn ready(&mut self, out: &mut Output) {
        if !std::mem::replace(&mut self.is_ready, true) {
            out.account.push(AccountUpdate::Ready);
        }
    }

    /// The answer to a query of the order `id`.
    fn order_received(
        &mut self,
        (id, asked): (OrderId, Time),
        body: &str,
        wall: Time,
        out: &mut Output,
    ) -> Result<(), VenueError> {
        let list: OrderList = parse("accountOrders", body)?;
        let number = self.client_index(id);
        let is_it = |order: &&Order| order.client_order_index.is_some_and(|index| i64::try_from(index.0) == Ok(number));
        let found = list.orders.iter().flatten().find(is_it);
        let is_asked = self.queries.remove(&id);
        self.resuming.iter_mut().for_each(|resuming| resuming.answered(id));
        let Some(order) = found else {
            self.orders.not_known(id, asked, is_asked, wall, &mut out.account);
            return Ok(());
        };
        let filled = filled(order)?;
        if !filled.is_zero() {
            self.ask_fills(wall, out)?;
        }
        if is_asked {
            let state = match order.status {
                OrderStatus::InProgress | OrderStatus::Pending | OrderStatus::Open => OrderState::Open { filled },
                _ => OrderState::Done { filled },
            };
            self.orders.asked(id, state, wall, &mut out.account);
        } else {
            self.order(order, out)?;
        }
        Ok(())
    }
}

impl VenueClient for LighterClient {
    fn venue_clock(&mut self, ahead: TimeDelta) {
        self.ahead = ahead;
    }

    fn begin(&mut self, is_new: bool, out: &mut Output) {
        (self.reading, self.is_new) = (Default::default(), is_new);
        out.requests.push(self.get(About::Markets, "orderBookDetails".to_owned(), Vec::new()));
    }

    fn streams(&self) -> Vec<Stream> {
        let stream = |is_private| Stream { host: Host::Main, path: "/stream", is_private, headers: Vec::new() };
        vec![stream(false), stream(true)]
    }

    fn greet(&mut self, stream: usize, wall: Time, out: &mut Output) -> Result<(), VenueError> {
        if stream == ACCOUNT_STREAM {
            return self.subscribe_account(true, wall, out);
        }
        let market = self.market()?.id;
        self.watch.lost();
        self.public = PUBLIC.map(|_| Subscription::begun(wall)).to_vec();
        let asks = PUBLIC.map(|name| Ask::Subscribe { channel: format!("{name}/{market}"), auth: None });
        out.requests.extend(asks.iter().map(|ask| said(PUBLIC_STREAM, ask)));
        Ok(())
    }

    fn command(&mut self, command: &Command, wall: Time, out: &mut Output) -> Result<(), VenueError> {
        match command {
            Command::Place(order) => {
                // decided now: it can land no more at the end of its fence, however long it waits for a nonce
                self.orders.sent(order, wall, wall.plus(self.access.fence));
                let lane = self.lane_of_order(order);
                match self.wire_order(order, wall)? {
                    Some(tx) => self.lanes[lane].waiting.push_back((About::Place(order.id), tx)),
                    None => self.orders.rejected(order.id, Reject::Rules, wall, &mut out.account),
                }
            }
            Command::Cancel { id, .. } => {
                let (market, index) = (self.market()?.id, self.client_index(*id));
                let lane = self.lane_of_cancel(*id);
                self.lanes[lane].waiting.push_back((About::Cancel(*id), Tx::CancelOrder { market, index }));
            }
            Command::Modify { id, qty, limit, .. } => {
                let (market, index) = (self.market()?, self.client_index(*id));
                let (base_amount, price) = (qty.0 / market.size_unit, limit.0 / market.price_unit);
                let tx = Tx::ModifyOrder { market: market.id, index, base_amount, price, trigger_price: 0 };
                self.lanes[0].waiting.push_back((About::Cancel(*id), tx));
            }
            Command::Query { id, .. } => {
                self.queries.insert(*id);
                self.ask_orders(*id, wall, out)?;
            }
        }
        self.pump(wall, out)
    }

    fn on_frame(&mut self, stream: usize, text: &str, wall: Time, out: &mut Output) -> Result<(), VenueError> {
        let heard = match Frame::parse(text) {
            Ok(frame) => self.hear(stream, &frame, wall, out),
            Err(error) => Err(error.into()),
        };
        if let Err(why) = heard {
            self.unreadable(stream, text, &why, wall, out)?;
        }
        self.mend(wall, out)
    }

    fn replied(&mut self, about: About, reply: Reply, wall: Time, out: &mut Output) -> Result<(), VenueError> {
        if matches!(about, About::Place(_) | About::Cancel(_) | About::Leverage | About::Fence(_)) {
            return self.sent(about, reply, wall, out);
        }
        let asked =
            if let About::Query(id) = about { self.asked_at.get_mut(&id).and_then(VecDeque::pop_front) } else { None };
        let asked = asked.unwrap_or(Time::MIN);
        let Some(body) = self.body_of(about, reply, wall, out)? else { return Ok(()) };
        if matches!(about, About::Query(_) | About::Fills | About::Payments | About::Transfers(_)) {
            (self.refused_tokens, self.is_question_refused) = (0, false);
        }
        match self.answered((about, asked), &body, wall, out) {
            Err(why) if self.is_ready => self.not_answered(about, &why.to_string(), wall, out),
            answered => answered?,
        }
        self.is_resumed(out);
        Ok(())
    }

    fn pass(&mut self, wall: Time, out: &mut Output) -> Result<(), VenueError> {
        if self.is_ready {
            self.mend(wall, out)?;
        }
        let due: Vec<About> = self.later.iter().filter(|(_, at)| **at <= wall).map(|(about, _)| *about).collect();
        for about in due {
            self.later.remove(&about);
            self.ask_again(about, wall, out)?;
        }
        if self.is_ready {
            self.pump(wall, out)?;
        }
        for id in self.orders.due(wall) {
            self.ask_orders(id, wall, out)?;
        }
        let again = self.resuming.as_mut().map_or(Vec::new(), |resuming| resuming.due(wall));
        for id in again {
            self.ask_orders(id, wall, out)?;
        }
        Ok(())
    }

    fn resume(&mut self, past: Past, wall: Time, out: &mut Output) -> Result<(), VenueError> {
        self.access.since = past.since;
        let orders: Vec<OrderId> = past.orders.iter().map(|past| past.order.id).collect();
        self.queries.extend(&orders);
        self.resuming = Some(Resuming::new(orders));
        let dead_from = past.orders.iter().map(|past| past.sent_at.plus(self.access.fence)).collect();
        self.orders.resume(past, dead_from);
        self.ask_fills(wall, out)?;
        self.ask_payments(wall, out)?;
        self.pass(wall, out)
    }

    fn set_leverage(&mut self, wall: Time, out: &mut Output) -> Result<(), VenueError> {
        let market = self.market()?.id;
        // 1e-4, rounded down: the venue's way of writing a leverage
        let fraction = (10_000 * Rate::ONE) / self.access.leverage.0.max(1);
        let tx = Tx::UpdateLeverage { market, initial_margin_fraction: fraction, margin_mode: 0 };
        self.lanes[0].waiting.push_back((About::Leverage, tx));
        self.pump(wall, out)
    }

    fn ask_account(&mut self, out: &mut Output) {
        if self.reading.begins() {
            self.read_account(out);
        }
    }

    fn ask_history(&mut self, wall: Time, out: &mut Output) -> Result<(), VenueError> {
        self.ask_fills(wall, out)?;
        self.ask_payments(wall, out)
    }

    fn ask_transfers(&mut self, since: Time, wall: Time, out: &mut Output) -> Result<(), VenueError> {
        self.begin_transfers(since, wall, out)
    }
}

/// Why nothing opens in a market; `None`: it is open.
fn shut(market: &WireMarket) -> Option<Closed> {
    let only_reduces = market.market_config.as_ref().and_then(|config| config.force_reduce_only) == Some(true);
    match &market.status {
        MarketStatus::Active if only_reduces => Some(Closed::ToOpenings),
        MarketStatus::Active => None,
        other => Some(Closed::ToAll(format!("the market is {}", other.as_str()))),
    }
}

/// The nonce is not the next one.
fn is_of_key(code: i64) -> bool {
    code == 21104
}

/// 20001 is said of any wrong parameter; of a token it names `auth`.
fn is_of_token(code: i64, message: &str) -> bool {
    code == 20001 && message.contains("auth")
}

fn said(stream: usize, ask: &Ask) -> Outbound {
    Outbound::Text { stream, text: serde_json::to_string(ask).unwrap_or_default() }
}

fn filled(order: &Order) -> Result<Qty, WireError> {
    match order.filled_base_amount {
        Some(filled) => filled.qty(),
        None => Ok(order.initial_base_amount.qty()? - order.remaining_base_amount.qty()?),
    }
}

fn order_time(order: &Order) -> Time {
    let exact = order.transaction_time.filter(|time| time.0 > 0).map(|time| Time(time.0.saturating_mul(1_000)));
    let any = || order.updated_at.or(order.timestamp).map_or(Time(0), |time| any_time(time.0));
    exact.unwrap_or_else(any)
}

#[cfg(test)]
mod tests;
