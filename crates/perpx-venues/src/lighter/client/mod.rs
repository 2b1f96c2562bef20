//! Lighter's client. One transaction is under way at a time: nonces go up by one and a refused one is not used up, so the
//! next is signed when what became of the last is known.
//!
//! | file | noun |
//! | --- | --- |
//! | `account` | what the account holds, its fills and payments, page by page |

mod account;

use crate::book::Applied;
use crate::client::orders::{Fill, Orders, Resuming};
use crate::client::walk::Walk;
use crate::client::{
    About, AccountUpdate, Answer, Body, ForeignFill, Holding, Host, MarketUpdate, Outbound, Output, Past, Reply,
    Request, RunNumber, Stream, VenueClient, VenueError, quote,
};
use crate::lighter::book::Book;
use crate::lighter::rest::{
    ApiError, NextNonce, Order, OrderBookDetails, OrderStatus, Orders as OrderList, PositionFunding, Trade, TradeKind,
    any_time,
};
use crate::lighter::sign::{
    Attributes, AuthToken, Head, NewOrder as WireOrder, PrivateKey, SignedTx, Tx, order_type, time_in_force,
};
use crate::lighter::stream::{AccountFrame, Frame, MarketStats, Request as Ask};
use crate::secret::Hidden;
use crate::wire::{WireError, parse};
use perpx_core::market::{Command, EventBody, FeeSchedule, NewOrder, OrderId, OrderKind, OrderState, Reject, Side};
use perpx_core::tape::rows::FundingKind;
use perpx_core::units::{Cash, MS, Price, Qty, Rate, SECOND, Time, TimeDelta};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// What a trader needs to speak for an account.
pub struct LighterAccess {
    /// Its number.
    pub account: i64,
    /// Number of the API key.
    pub api_key: i64,
    /// Signs transactions and tokens.
    pub key: PrivateKey,
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

/// By port of an emulator.
pub const HOSTS: &[Host] = &[Host::Main];
/// Life of a transaction that has not arrived, of a token, and of an order that rests.
const TX_LIFE_MS: i64 = 8_000;
const TOKEN_LIFE_SEC: i64 = 600;
const ORDER_LIFE_MS: i64 = 24 * 3_600_000;
/// Tokens refused in a row: the venue does not want this key.
const MOST_TOKENS: u32 = 3;
const ALREADY_SUBSCRIBED: i64 = 30003;

/// Number and decimals of the market.
#[derive(Clone, Copy)]
struct Market {
    id: i64,
    size_unit: i64,
    price_unit: i64,
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
    /// The next one to use; `None` while it is asked for.
    nonce: Option<i64>,
    waiting: VecDeque<(About, Tx)>,
    flying: Option<(About, Tx)>,
    is_ready: bool,
    book: Book,
    orders: Orders,
    /// Queries of the trader's that are under way.
    queries: BTreeSet<OrderId>,
    mark: Price,
    settled: Option<Time>,
    fills: Walk<Trade>,
    payments: Walk<PositionFunding>,
    /// When the newest fill that was reported happened.
    last_fill: Time,
    /// Asked for the orders that are open, what the account said of the rest is kept here.
    holding: Option<Holding>,
    /// What is taken over of earlier processes and was not answered yet.
    resuming: Option<Resuming>,
}

impl LighterClient {
    /// A client that has sent nothing yet.
    pub fn new(access: LighterAccess) -> LighterClient {
        LighterClient {
            orders: Orders::new(access.fence, access.number),
            last_fill: access.since,
            access,
            market: None,
            token: None,
            refused_tokens: 0,
            is_question_refused: false,
            bore: BTreeMap::new(),
            subscribing: (0, false),
            nonce: None,
            waiting: VecDeque::new(),
            flying: None,
            is_ready: false,
            book: Book::default(),
            queries: BTreeSet::new(),
            mark: Price(0),
            settled: None,
            fills: Walk::default(),
            payments: Walk::default(),
            holding: None,
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
        })
    }

    fn private(&mut self, about: About, path: String, wall: Time) -> Result<Outbound, VenueError> {
        let token = self.token(wall)?;
        self.bore.entry(about).or_default().extend(self.token.as_ref().map(|(until, _)| *until));
        Ok(self.get(about, path, vec![("authorization", token)]))
    }

    fn token(&mut self, wall: Time) -> Result<String, VenueError> {
        let now = wall.steps(SECOND);
        if let Some((until, token)) = &self.token
            && !token.is_empty()
            && *until > now + TOKEN_LIFE_SEC / 2
        {
            return Ok(token.clone());
        }
        // one that was refused is not signed again
        let refused = self.token.as_ref().map_or(0, |(until, _)| *until);
        let (until, access) = ((now + TOKEN_LIFE_SEC).max(refused + 1), &self.access);
        let cannot =
            |error: crate::lighter::sign::KeyError| VenueError::Cannot { what: "token", why: error.to_string() };
        let token = AuthToken::sign(&access.key, until, access.account, access.api_key).map_err(cannot)?.to_string();
        self.token = Some((until, token.clone()));
        Ok(token)
    }

    /// A token was refused, early or because its time is over: the next request signs another. Several requests may have borne
    /// it (`until` is its last second): it counts once. True: it was good until now.
    fn token_refused(&mut self, until: Option<i64>, message: &str) -> Result<bool, VenueError> {
        let present = self.token.as_ref().filter(|(_, token)| !token.is_empty()).map(|(until, _)| *until);
        if present.is_none() || until.is_some_and(|until| present != Some(until)) {
            return Ok(false);
        }
        self.refused_tokens += 1;
        if self.refused_tokens > MOST_TOKENS {
            return Err(VenueError::Session(format!("{MOST_TOKENS} tokens in a row were refused: {message}")));
        }
        if let Some((_, token)) = &mut self.token {
            token.clear();
        }
        Ok(true)
    }

    fn ask_nonce(&self) -> Outbound {
        let LighterAccess { account, api_key, .. } = self.access;
        self.get(About::Nonce, format!("nextNonce?account_index={account}&api_key_index={api_key}"), Vec::new())
    }

    fn ask_orders(&mut self, id: OrderId, wall: Time) -> Result<Outbound, VenueError> {
        let (account, number) = (self.access.account, self.client_index(id));
        let path = format!("accountOrders?account_index={account}&client_order_indexes={number}");
        self.private(About::Query(id), path, wall)
    }

    fn client_index(&self, id: OrderId) -> i64 {
        self.orders.number(id).at_lighter(id)
    }

    fn own(&self, client_index: u64) -> Option<OrderId> {
        self.orders.own(self.access.number.read_lighter(client_index))
    }

    // ---- transactions

    /// Signs and sends what waits, if nothing is under way.
    fn pump(&mut self, wall: Time, out: &mut Output) -> Result<(), VenueError> {
        while self.flying.is_none()
            && let Some(nonce) = self.nonce
            && let Some((about, tx)) = self.waiting.pop_front()
        {
            let head = Head {
                account_index: self.access.account,
                api_key_index: self.access.api_key,
                expired_at: self.begun(about, wall).steps(MS) + TX_LIFE_MS,
                nonce,
                attributes: Attributes::new(),
            };
            match SignedTx::sign(&self.access.key, self.access.chain_id, head, tx.clone()) {
                Ok((signed, _)) => {
                    let body = vec![("tx_type", tx.kind().to_string()), ("tx_info", signed.to_json())];
                    self.flying = Some((about, tx));
                    let path = "/api/v1/sendTx".to_owned();
                    out.requests.push(Outbound::Request(Request {
                        about,
                        host: Host::Main,
                        path,
                        body: Body::Form(body),
                        headers: vec![],
                    }));
                }
                Err(error) => self.refused(about, None, &error.to_string(), wall, out)?,
            }
        }
        Ok(())
    }

    /// When the life of a transaction begins: an order's with its decision, however long it waited for a nonce, so that it
    /// can land no more when its fence ends.
    fn begun(&self, about: About, wall: Time) -> Time {
        let decided = if let About::Place(id) = about { self.orders.sent_at(id) } else { None };
        decided.unwrap_or(wall)
    }

    /// A transaction was not taken: by the venue (with its code) or by our own signer.
    fn refused(
        &mut self,
        about: About,
        code: Option<i64>,
        message: &str,
        wall: Time,
        out: &mut Output,
    ) -> Result<(), VenueError> {
        match about {
            About::Place(id) => {
                let reason = match code {
                    Some(21739 | 21508) => Reject::NoMargin,
                    Some(21740) => Reject::ReduceOnly,
                    Some(21733..=21735) => Reject::PriceBand,
                    Some(23000) => Reject::RateLimit,
                    Some(code) if (21600..21800).contains(&code) => Reject::Rules,
                    None => Reject::Rules,
                    Some(_) => Reject::Unavailable,
                };
                self.orders.rejected(id, reason, wall, &mut out.account);
            }
            About::Cancel(id) => out.account.push(AccountUpdate::event(wall, EventBody::CancelRejected { id })),
            _ => {
                return Err(VenueError::Refused { about, code: code.unwrap_or(0), message: message.to_owned() });
            }
        }
        Ok(())
    }

    fn sent(&mut self, reply: Reply, wall: Time, out: &mut Output) -> Result<(), VenueError> {
        let Some((about, tx)) = self.flying.take() else { return Ok(()) };
        match reply {
            Ok(Answer { status: 200, .. }) => {
                self.nonce = self.nonce.map(|nonce| nonce + 1);
                if about == About::Leverage && !self.is_ready {
                    self.is_ready = true;
                    out.account.push(AccountUpdate::Ready);
                }
            }
            Ok(Answer { status, body, .. }) => match parse::<ApiError>("refusal", &body) {
                // somebody else uses the key, or an answer was lost before
                Ok(error) if error.code.0 == 21104 => {
                    self.waiting.push_front((about, tx));
                    self.nonce = None;
                    out.requests.push(self.ask_nonce());
                }
                Ok(error) => {
                    self.refused(about, Some(error.code.0), error.message.as_deref().unwrap_or_default(), wall, out)?;
                }
                // a gateway on the way: nobody knows
                Err(_) if status >= 500 => self.lost(out),
                Err(error) => return Err(error.into()),
            },
            Err(_) => self.lost(out),
        }
        self.pump(wall, out)
    }

    /// Whether the transaction was carried out will be seen on the stream, or asked by the trader; the nonce tells nothing
    /// of it but where to go on.
    fn lost(&mut self, out: &mut Output) {
        self.nonce = None;
        out.requests.push(self.ask_nonce());
    }

    fn wire_order(&self, order: &NewOrder, wall: Time) -> Result<Option<Tx>, VenueError> {
        let market = self.market()?;
        let (kind, tif, expiry) = match order.kind {
            OrderKind::PostOnly => (order_type::LIMIT, time_in_force::POST_ONLY, wall.steps(MS) + ORDER_LIFE_MS),
            OrderKind::Limit => (order_type::LIMIT, time_in_force::GOOD_TILL_TIME, wall.steps(MS) + ORDER_LIFE_MS),
            OrderKind::Ioc => (order_type::LIMIT, time_in_force::IMMEDIATE_OR_CANCEL, 0),
            OrderKind::Market => (order_type::MARKET, time_in_force::IMMEDIATE_OR_CANCEL, 0),
            OrderKind::Fok => return Ok(None),
        };
        if order.id.0 > RunNumber::LAST_AT_LIGHTER.0 {
            return Ok(None);
        }
        if order.qty.0 % market.size_unit != 0 || order.limit.0 % market.price_unit != 0 {
            return Ok(None);
        }
        Ok(Some(Tx::CreateOrder(WireOrder {
            market_index: market.id,
            client_order_index: self.client_index(order.id),
            base_amount: order.qty.0 / market.size_unit,
            price: order.limit.0 / market.price_unit,
            is_ask: i64::from(order.side == Side::Sell),
            order_type: kind,
            time_in_force: tif,
            reduce_only: i64::from(order.reduce_only),
            trigger_price: 0,
            order_expiry: expiry,
        })))
    }

    // ---- what is heard

    fn subscribe_account(&mut self, wall: Time, out: &mut Output) -> Result<(), VenueError> {
        let token = Hidden::new(self.token(wall)?);
        let channels =
            ["account_all_orders", "account_all_trades"].map(|name| format!("{name}/{}", self.access.account));
        self.subscribing = (channels.len(), false);
        out.requests.extend(channels.map(|channel| outbound(&Ask::Subscribe { channel, auth: Some(token.clone()) })));
        Ok(())
    }

    /// A private subscription was answered; when the last was, those that were refused are tried with another token.
    fn subscribed(&mut self, refusal: Option<&str>, wall: Time, out: &mut Output) -> Result<(), VenueError> {
        let (left, refused) = self.subscribing;
        self.subscribing = (left.saturating_sub(1), refused || refusal.is_some());
        match self.subscribing {
            (0, true) => {
                self.token_refused(None, refusal.unwrap_or_default())?;
                self.subscribe_account(wall, out)
            }
            (0, false) => {
                if !self.is_question_refused {
                    self.refused_tokens = 0;
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }

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

    fn account(&mut self, frame: &AccountFrame, wall: Time, out: &mut Output) -> Result<(), VenueError> {
        for trade in frame.trades.iter().flat_map(|trades| trades.iter()) {
            self.trade(trade, out)?;
        }
        let mut open = BTreeSet::new();
        for order in frame.orders.iter().flat_map(|orders| orders.iter()) {
            open.extend(order.client_order_index.and_then(|index| self.own(index.0)));
            self.order(order, out)?;
        }
        if frame.kind.starts_with("subscribed/") {
            self.subscribed(None, wall, out)?;
        }
        if frame.kind == "subscribed/account_all_orders" {
            // what this snapshot does not show may have ended while nobody listened
            let missing: Vec<OrderId> = self.orders.alive().filter(|id| !open.contains(id)).collect();
            if self.orders.alive().next().is_some() {
                self.ask_fills(wall, out)?;
            }
            for id in missing {
                out.requests.push(self.ask_orders(id, wall)?);
            }
        }
        Ok(())
    }

    fn stats(&mut self, stats: &MarketStats, exch: Time, wall: Time, out: &mut Output) -> Result<(), VenueError> {
        self.mark = stats.mark_price.price()?;
        out.market.push(MarketUpdate::Marks { exch, mark: self.mark, index: stats.index_price.price()? });
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
        let unit = |decimals: Option<crate::wire::Num<u32>>| {
            decimals.map(|decimals| decimals.0).filter(|&decimals| decimals <= 9).map(|n| 10i64.pow(9 - n))
        };
        let size_unit = unit(market.size_decimals.or(market.supported_size_decimals)).ok_or_else(none)?;
        let price_unit = unit(market.price_decimals.or(market.supported_price_decimals)).ok_or_else(none)?;
        self.market = Some(Market { id: market.market_id.0, size_unit, price_unit });
        Ok(())
    }
}

impl LighterClient {
    /// What an answer says; `None` where the question is asked again, now or by the trader.
    fn body_of(
        &mut self,
        about: About,
        reply: Reply,
        wall: Time,
        out: &mut Output,
    ) -> Result<Option<String>, VenueError> {
        let bore = self.bore.get_mut(&about).and_then(VecDeque::pop_front);
        match reply {
            Ok(Answer { status: 200, body, .. }) => Ok(Some(body)),
            // the trader asks again
            Ok(answer) if matches!(about, About::Query(_)) && (answer.status == 429 || answer.status >= 500) => {
                Ok(None)
            }
            Ok(Answer { body, .. }) => {
                let error: ApiError = parse("refusal", &body)?;
                let message = error.message.unwrap_or_default();
                if is_of_token(error.code.0, &message) {
                    if self.token_refused(bore, &message)? {
                        self.is_question_refused = true;
                        // the frames that were asked for with it stay away, without a word
                        self.subscribe_account(wall, out)?;
                    }
                    match about {
                        About::Query(id) => out.requests.push(self.ask_orders(id, wall)?),
                        About::Fills => self.begin_fills(wall, out)?,
                        About::Payments => self.begin_payments(wall, out)?,
                        About::OpenOrders => self.ask_open_orders(wall, out)?,
                        _ => return Err(VenueError::Refused { about, code: error.code.0, message }),
                    }
                    return Ok(None);
                }
                Err(VenueError::Refused { about, code: error.code.0, message })
            }
            Err(_) if matches!(about, About::Query(_)) => Ok(None),
            Err(_) if self.is_ready && about == About::Nonce => {
                out.requests.push(self.ask_nonce());
                Ok(None)
            }
            Err(why) => Err(VenueError::Session(format!("{about:?}: {why}"))),
        }
    }

    fn nonce_received(&mut self, body: &str, wall: Time, out: &mut Output) -> Result<(), VenueError> {
        self.nonce = Some(parse::<NextNonce>("nextNonce", body)?.nonce.0);
        if !self.is_ready && self.flying.is_none() && self.waiting.is_empty() {
            let market = self.market()?.id;
            // 1e-4, rounded down: the venue's way of writing a leverage
            let fraction = (10_000 * Rate::ONE) / self.access.leverage.0.max(1);
            let tx = Tx::UpdateLeverage { market, initial_margin_fraction: fraction, margin_mode: 0 };
            self.waiting.push_back((About::Leverage, tx));
        }
        self.pump(wall, out)
    }

    /// The answer to a query of the order `id`.
    fn order_received(&mut self, id: OrderId, body: &str, wall: Time, out: &mut Output) -> Result<(), VenueError> {
        let list: OrderList = parse("accountOrders", body)?;
        let number = self.client_index(id);
        let is_it = |order: &&Order| order.client_order_index.is_some_and(|index| i64::try_from(index.0) == Ok(number));
        let found = list.orders.iter().flatten().find(is_it);
        let is_asked = self.queries.remove(&id);
        self.resuming.iter_mut().for_each(|resuming| resuming.answered(id));
        let Some(order) = found else {
            if is_asked {
                self.orders.not_known(id, wall, &mut out.account);
            }
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
    fn begin(&mut self, out: &mut Output) {
        out.requests.push(self.get(About::Markets, "orderBookDetails".to_owned(), Vec::new()));
    }

    fn streams(&self) -> Vec<Stream> {
        vec![Stream { host: Host::Main, path: "/stream", headers: Vec::new() }]
    }

    fn greet(&mut self, _stream: usize, wall: Time, out: &mut Output) -> Result<(), VenueError> {
        let market = self.market()?.id;
        let public = ["order_book", "trade", "market_stats"].map(|name| format!("{name}/{market}"));
        out.requests.extend(public.map(|channel| outbound(&Ask::Subscribe { channel, auth: None })));
        self.subscribe_account(wall, out)
    }

    fn command(&mut self, command: &Command, wall: Time, out: &mut Output) -> Result<(), VenueError> {
        match command {
            Command::Place(order) => {
                self.orders.sent(order, wall);
                match self.wire_order(order, wall)? {
                    Some(tx) => self.waiting.push_back((About::Place(order.id), tx)),
                    None => self.orders.rejected(order.id, Reject::Rules, wall, &mut out.account),
                }
            }
            Command::Cancel { id, .. } => {
                let (market, index) = (self.market()?.id, self.client_index(*id));
                self.waiting.push_back((About::Cancel(*id), Tx::CancelOrder { market, index }));
            }
            Command::Modify { id, qty, limit, .. } => {
                let (market, index) = (self.market()?, self.client_index(*id));
                let (base_amount, price) = (qty.0 / market.size_unit, limit.0 / market.price_unit);
                let tx = Tx::ModifyOrder { market: market.id, index, base_amount, price, trigger_price: 0 };
                self.waiting.push_back((About::Cancel(*id), tx));
            }
            Command::Query { id, .. } => {
                self.queries.insert(*id);
                out.requests.push(self.ask_orders(*id, wall)?);
            }
        }
        self.pump(wall, out)
    }

    fn on_frame(&mut self, _stream: usize, text: &str, wall: Time, out: &mut Output) -> Result<(), VenueError> {
        match Frame::parse(text)? {
            Frame::Book(frame) => match self.book.apply(&frame) {
                Ok(Applied::Ignored) => {}
                Ok(_) if self.book.levels().top().is_quoted() => {
                    out.market.push(quote(self.book.levels(), frame.time().unwrap_or(wall)));
                }
                Ok(_) => {}
                // a second subscription alone brings no snapshot
                Err(_) => {
                    let channel = format!("order_book/{}", self.market()?.id);
                    let again = [Ask::Unsubscribe { channel: channel.clone() }, Ask::Subscribe { channel, auth: None }];
                    out.requests.extend(again.iter().map(outbound));
                }
            },
            Frame::Trades(frame) if frame.kind.starts_with("update/") => {
                for trade in frame.trades.iter().flatten() {
                    let taker = if trade.is_maker_ask { Side::Buy } else { Side::Sell };
                    let (px, qty) = (trade.price.price()?, trade.size.qty()?);
                    out.market.push(MarketUpdate::Trade { exch: trade.time(), px, qty, taker, consumed_book: true });
                }
            }
            Frame::Stats(frame) => {
                let exch = frame.timestamp.map_or(wall, |ms| Time::at(ms.0 * MS));
                self.stats(&frame.market_stats, exch, wall, out)?;
            }
            Frame::Account(frame) => self.account(&frame, wall, out)?,
            Frame::Ping(_) => out.requests.push(outbound(&Ask::Pong)),
            Frame::Error(frame) => {
                let error = frame.error;
                let message = error.message.unwrap_or_default();
                match error.code.0 {
                    // the other channel of the two was refused, and both were asked for again
                    ALREADY_SUBSCRIBED => self.subscribed(None, wall, out)?,
                    code if is_of_token(code, &message) => self.subscribed(Some(&message), wall, out)?,
                    code => return Err(VenueError::Session(format!("the stream says {code}: {message}"))),
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn replied(&mut self, about: About, reply: Reply, wall: Time, out: &mut Output) -> Result<(), VenueError> {
        if matches!(about, About::Place(_) | About::Cancel(_) | About::Leverage) {
            return self.sent(reply, wall, out);
        }
        let Some(body) = self.body_of(about, reply, wall, out)? else { return Ok(()) };
        if matches!(about, About::Query(_) | About::Fills | About::Payments) {
            (self.refused_tokens, self.is_question_refused) = (0, false);
        }
        match about {
            About::Markets => {
                self.markets(&parse("orderBookDetails", &body)?)?;
                out.requests.push(self.ask_nonce());
            }
            About::Nonce => self.nonce_received(&body, wall, out)?,
            About::Query(id) => self.order_received(id, &body, wall, out)?,
            About::Fills => self.fills_received(&parse("trades", &body)?, wall, out)?,
            About::Payments => self.payments_received(&parse("positionFunding", &body)?, wall, out)?,
            About::Account => self.account_received(&body, wall, out)?,
            About::OpenOrders => self.open_orders_received(&parse("accountActiveOrders", &body)?, out)?,
            _ => {}
        }
        self.is_resumed(out);
        Ok(())
    }

    fn pass(&mut self, wall: Time, out: &mut Output) -> Result<(), VenueError> {
        let again = self.resuming.as_mut().map_or(Vec::new(), |resuming| resuming.due(wall));
        for id in again {
            out.requests.push(self.ask_orders(id, wall)?);
        }
        Ok(())
    }

    fn resume(&mut self, past: Past, wall: Time, out: &mut Output) -> Result<(), VenueError> {
        self.access.since = past.since;
        let orders: Vec<OrderId> = past.orders.iter().map(|past| past.order.id).collect();
        self.queries.extend(&orders);
        self.resuming = Some(Resuming::new(orders));
        self.orders.resume(past);
        self.ask_fills(wall, out)?;
        self.ask_payments(wall, out)?;
        self.pass(wall, out)
    }

    fn ask_account(&mut self, out: &mut Output) {
        out.requests.push(self.get(
            About::Account,
            format!("account?by=index&value={}", self.access.account),
            Vec::new(),
        ));
    }
}

/// 20001 is said of any wrong parameter; of a token it names `auth`.
fn is_of_token(code: i64, message: &str) -> bool {
    code == 20001 && message.contains("auth")
}

fn outbound(ask: &Ask) -> Outbound {
    Outbound::Text(serde_json::to_string(ask).unwrap_or_default())
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
