//! GRVT's client. Everything is asked over REST with the session's cookie; an order is named by the client's number from the
//! first moment, because the venue's own number comes on the stream alone.
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
use crate::grvt::QUOTE;
use crate::grvt::book::Book;
use crate::grvt::rest::{ApiError, Funding, Instrument, Login, LoginReply, Reply as Page, Ticker};
use crate::grvt::sign::{Assets, PrivateKey, Signed};
use crate::grvt::stream::{Event, Feed, Frame, Request as Rpc, Subscribe, Subscribed};
use crate::grvt::trade::{
    AccountQuery, CancelOrder, CreateOrder, Fill as WireFill, FundingPayment, Leg, MarginType, Metadata, Order,
    OrderQuery, OrderState as WireState, OrderStatus, RejectReason, SetPositionConfig, Signature, TimeInForce,
    TradeVenue,
};
use crate::secret::Hidden;
use crate::wire::{Dec, WireError, parse};
use perpx_core::market::{Command, EventBody, NewOrder, OrderId, OrderKind, OrderState, Reject, Side};
use perpx_core::tape::rows::FundingKind;
use perpx_core::units::{Cash, DAY, Price, Qty, Rate, SECOND, Time, TimeDelta};
use rust_decimal::Decimal;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::collections::{BTreeMap, BTreeSet};

/// What a trader needs to speak for a sub-account.
pub struct GrvtAccess {
    /// Opens sessions.
    pub api_key: Hidden,
    /// Signs orders.
    pub key: PrivateKey,
    /// Its number.
    pub sub_account: u64,
    /// The chain that signatures are for.
    pub chain_id: u64,
    /// The base coin of the market.
    pub coin: String,
    /// Times; the position is set to it.
    pub leverage: Rate,
    /// An order that the venue does not know can land no more so long after it was sent.
    pub fence: TimeDelta,
    /// The run begins: what the account did before is not ours.
    pub since: Time,
    /// Tells our orders from those of all others.
    pub number: RunNumber,
}

/// By port of an emulator.
pub const HOSTS: &[Host] = &[Host::Login, Host::MarketData, Host::Main];
/// Life of a signature; of an order that rests it is the order's own.
const LIFE: TimeDelta = DAY;
const TAKER_LIFE: TimeDelta = SECOND.times(8);
/// Logins in a row after which nothing private was answered: the venue does not want this key.
const MOST_LOGINS: u32 = 3;

/// One sub-account at GRVT.
pub struct GrvtClient {
    access: GrvtAccess,
    instrument: String,
    assets: Assets,
    session: Vec<(&'static str, String)>,
    /// Private requests that are not answered yet: one that was refused because its session had ended was not carried out and is
    /// asked again.
    unanswered: BTreeMap<About, Request>,
    /// Those that wait for a new session; `None` while none is asked for.
    held: Option<Vec<Request>>,
    /// Logins since the last private answer.
    logins: u32,
    /// Of signatures: one after another, from a number that differs between runs.
    nonce: u32,
    rpc: u32,
    book: Book,
    orders: Orders,
    queries: BTreeSet<OrderId>,
    ticker: Option<Ticker>,
    interval_hours: u32,
    is_ready: bool,
    fills: Walk<WireFill>,
    payments: Walk<FundingPayment>,
    /// When the newest fill that was reported happened.
    last_fill: Time,
    settled: Option<Time>,
    /// While its parts are asked for.
    holding: Option<Holding>,
    /// What is taken over of earlier processes and was not answered yet.
    resuming: Option<Resuming>,
}

impl GrvtClient {
    /// A client that has sent nothing yet.
    pub fn new(access: GrvtAccess) -> GrvtClient {
        GrvtClient {
            instrument: format!("{}_{QUOTE}_Perp", access.coin),
            nonce: access.since.steps(SECOND) as u32,
            orders: Orders::new(access.fence, access.number),
            last_fill: access.since,
            access,
            assets: Assets::default(),
            session: Vec::new(),
            unanswered: BTreeMap::new(),
            held: None,
            logins: 0,
            rpc: 0,
            book: Book::default(),
            queries: BTreeSet::new(),
            ticker: None,
            interval_hours: 8,
            is_ready: false,
            fills: Walk::default(),
            payments: Walk::default(),
            settled: None,
            holding: None,
            resuming: None,
        }
    }

    fn post(&self, about: About, host: Host, route: &str, body: &impl Serialize) -> Outbound {
        Outbound::Request(request(about, host, route, body))
    }

    fn private(&mut self, about: About, route: &str, body: &impl Serialize) -> Outbound {
        let request = request(about, Host::Main, &format!("/full/v1/{route}"), body);
        self.in_session(request)
    }

    fn in_session(&mut self, mut request: Request) -> Outbound {
        request.headers = self.session.clone();
        self.unanswered.insert(request.about, request.clone());
        Outbound::Request(request)
    }

    fn ask_order(&mut self, id: OrderId) -> Outbound {
        let query = OrderQuery {
            sub_account_id: self.access.sub_account.into(),
            order_id: None,
            client_order_id: Some(self.client_id(id).into()),
        };
        self.private(About::Query(id), "order", &query)
    }

    fn client_id(&self, id: OrderId) -> u64 {
        self.orders.number(id).at_grvt(id)
    }

    fn own(&self, client_id: u64) -> Option<OrderId> {
        self.orders.own(self.access.number.read_grvt(client_id))
    }

    fn sign(&mut self, message: &mut impl Signed, until: Time) -> Result<(), VenueError> {
        self.nonce = self.nonce.wrapping_add(1);
        let signature = message.signature_mut();
        (signature.nonce, signature.expiration) = (self.nonce.into(), until.0.into());
        let signed = self.access.key.sign(message, self.access.chain_id, &self.assets);
        signed.map_err(|error| VenueError::Cannot { what: "signature", why: error.to_string() })
    }

    fn place(&mut self, order: &NewOrder, wall: Time) -> Result<Outbound, VenueError> {
        let time_in_force = match order.kind {
            OrderKind::PostOnly | OrderKind::Limit => TimeInForce::GoodTillTime,
            // the venue's market order has no limit of price; ours always has one
            OrderKind::Ioc | OrderKind::Market => TimeInForce::ImmediateOrCancel,
            OrderKind::Fok => TimeInForce::FillOrKill,
        };
        let leg = Leg {
            instrument: self.instrument.clone(),
            size: decimal(order.qty.0),
            limit_price: Some(decimal(order.limit.0)),
            is_buying_asset: order.side == Side::Buy,
        };
        let mut wire = Order {
            order_id: None,
            sub_account_id: self.access.sub_account.into(),
            is_market: Some(false),
            time_in_force,
            post_only: Some(order.kind == OrderKind::PostOnly),
            reduce_only: Some(order.reduce_only),
            legs: vec![leg],
            signature: blank(),
            metadata: Metadata {
                client_order_id: self.client_id(order.id).into(),
                create_time: None,
                broker: None,
                slippage_bps: None,
            },
            state: None,
            builder: None,
            builder_fee: None,
        };
        // one that only takes can land no more when its fence ends
        let life = if order.kind.only_takes() { TAKER_LIFE } else { LIFE };
        self.sign(&mut wire, wall.plus(life))?;
        Ok(self.private(About::Place(order.id), "create_order", &CreateOrder { order: wire }))
    }

    // ---- what is heard

    fn state(&mut self, client_id: u64, state: &WireState, out: &mut Output) -> Result<(), WireError> {
        let Some(id) = self.own(client_id) else { return Ok(()) };
        let exch = Time(state.update_time.0);
        let filled = traded(state)?;
        match state.status {
            OrderStatus::Open => self.orders.open(id, exch, &mut out.account),
            OrderStatus::Filled => self.orders.done(id, filled, exch, &mut out.account),
            OrderStatus::Rejected | OrderStatus::Cancelled => {
                let reason = match state.reject_reason {
                    RejectReason::FailPostOnly => Some(Reject::PostOnlyCross),
                    RejectReason::FailReduceOnly | RejectReason::ReduceOnlyLimit => Some(Reject::ReduceOnly),
                    RejectReason::BelowMargin | RejectReason::ExceedMaxPositionSize => Some(Reject::NoMargin),
                    RejectReason::SelfTradeProtection | RejectReason::SelfMatchedSubaccount => Some(Reject::SelfTrade),
                    RejectReason::InstrumentDeactivated | RejectReason::SystemFailover => Some(Reject::Unavailable),
                    _ if state.status == OrderStatus::Rejected => Some(Reject::Rules),
                    _ => None,
                };
                match reason.filter(|_| filled.is_zero()) {
                    Some(reason) => self.orders.rejected(id, reason, exch, &mut out.account),
                    None => self.orders.done(id, filled, exch, &mut out.account),
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn fill(&mut self, fill: &WireFill, out: &mut Output) -> Result<(), WireError> {
        let exch = Time(fill.event_time.0);
        let (px, qty, fee) = (fill.price.price()?, fill.size.qty()?, Cash(-fill.fee.cash()?.0));
        let side = if fill.is_buyer { Side::Buy } else { Side::Sell };
        let name = format!("{} {}", fill.trade_id, fill.order_id);
        let client = fill.client_order_id.map_or(0, |id| id.0);
        if let Some(id) = self.own(client) {
            self.last_fill = self.last_fill.max(exch);
            self.orders.fill(id, Fill { name, side, px, qty, maker: !fill.is_taker, fee }, exch, &mut out.account);
        } else if exch >= self.access.since && self.orders.is_news(&name) {
            if fill.is_liquidation == Some(true) {
                let body = EventBody::Liquidated { px, qty, fee, lost: Cash::ZERO };
                out.account.push(AccountUpdate::Event { exch, body, name: Some(name) });
            } else {
                let fill = ForeignFill { name, client, sent_by: self.access.number.read_grvt(client), side, px, qty };
                out.account.push(AccountUpdate::ForeignFill { exch, fill });
            }
        }
        Ok(())
    }

    fn ticked(&mut self, delta: &Ticker, out: &mut Output) -> Result<(), VenueError> {
        let before = self.ticker.as_ref().and_then(|ticker| ticker.next_funding_time);
        let ticker = match &mut self.ticker {
            Some(ticker) => {
                ticker.merge(delta);
                ticker
            }
            none => none.insert(delta.clone()),
        };
        let exch = Time(ticker.event_time.0);
        let known = |px: Option<Dec>| px.filter(|px| px.value().is_some()).map_or(Ok(Price(0)), |px| px.price());
        let (mark, index) = (known(ticker.mark_price)?, known(ticker.index_price)?);
        out.market.push(MarketUpdate::Marks { exch, mark, index });
        if let Some(hours) = ticker.funding_interval_hours.filter(|hours| hours.0 > 0) {
            self.interval_hours = hours.0;
        }
        let next = ticker.next_funding_time;
        if let Some(rate) = ticker.rate().transpose()? {
            let (ts, interval_hours) = (next.map(|ts| Time(ts.0)), self.interval_hours);
            out.market.push(MarketUpdate::Rate { kind: FundingKind::Predicted, ts, rate, interval_hours });
        }
        if next != before {
            out.requests.push(self.ask_settlements());
            if before.is_some() {
                self.ask_payments(out);
            }
        }
        Ok(())
    }

    fn ask_settlements(&self) -> Outbound {
        let query = serde_json::json!({ "instrument": self.instrument, "limit": 1 });
        self.post(About::Settlements, Host::MarketData, "/full/v1/funding", &query)
    }

    fn feed(&mut self, feed: &Feed, stream: usize, out: &mut Output) -> Result<(), VenueError> {
        match &feed.feed {
            Event::Book(levels) => match self.book.apply(feed.sequence_number.0, feed.prev_sequence_number.0, levels) {
                Ok(Applied::Ignored) => {}
                Ok(_) if self.book.levels().top().is_quoted() => {
                    out.market.push(quote(self.book.levels(), Time(levels.event_time.0)));
                }
                Ok(_) => {}
                Err(_) => {
                    let selector = || vec![feed.selector.clone()];
                    out.requests.push(self.subscription("unsubscribe", &feed.stream, selector()));
                    out.requests.push(self.subscription("subscribe", &feed.stream, selector()));
                }
            },
            // number 0: a trade of before
            Event::Trade(trade) if feed.sequence_number.0 > 0 => out.market.push(MarketUpdate::Trade {
                exch: Time(trade.event_time.0),
                px: trade.price.price()?,
                qty: trade.size.qty()?,
                taker: if trade.is_taker_buyer { Side::Buy } else { Side::Sell },
                consumed_book: trade.is_rpi != Some(true) && trade.venue != Some(TradeVenue::Rfq),
            }),
            Event::Ticker(ticker) if stream == 0 => self.ticked(ticker, out)?,
            Event::Order(order) => {
                if let Some(state) = &order.state {
                    self.state(order.metadata.client_order_id.0, state, out)?;
                }
            }
            Event::State(state) => self.state(state.client_order_id.0, &state.order_state, out)?,
            Event::Fill(fill) => self.fill(fill, out)?,
            _ => {}
        }
        Ok(())
    }

    fn subscription(&mut self, method: &str, stream: &str, selectors: Vec<String>) -> Outbound {
        self.rpc += 1;
        let request = Rpc::new(self.rpc, method, Subscribe { stream: stream.to_owned(), selectors });
        Outbound::Text(serde_json::to_string(&request).unwrap_or_default())
    }

    // ---- what is answered

    /// The session of a request has ended: the request waits for a new one, or goes out again if there is one already.
    fn session_ended(&mut self, about: About, out: &mut Output) -> Result<(), VenueError> {
        let request = self.unanswered.remove(&about);
        match (&mut self.held, request) {
            (None, Some(request)) if request.headers != self.session => out.requests.push(self.in_session(request)),
            (None, request) => {
                self.held = Some(request.into_iter().collect());
                out.requests.push(self.log_in_again("the session has ended")?);
            }
            (Some(held), request) => held.extend(request),
        }
        Ok(())
    }

    fn log_in_again(&mut self, why: &str) -> Result<Outbound, VenueError> {
        self.logins += 1;
        if self.logins > MOST_LOGINS {
            return Err(VenueError::Session(format!("{why}, also after {MOST_LOGINS} new logins")));
        }
        Ok(self.log_in())
    }

    fn log_in(&self) -> Outbound {
        let login = Login { api_key: self.access.api_key.clone() };
        self.post(About::Login, Host::Login, "/auth/api_key/login", &login)
    }

    /// What waited for the session goes out, and the trading socket, which knows its session from the handshake alone, opens anew.
    fn logged_in(&mut self, answer: &Answer, out: &mut Output) -> Result<(), VenueError> {
        self.session = session_of(answer)?;
        match self.held.take() {
            None => {
                let query = serde_json::json!({ "instrument": self.instrument });
                out.requests.push(self.post(About::Markets, Host::MarketData, "/full/v1/instrument", &query));
            }
            Some(held) => {
                out.requests.push(Outbound::Reopen);
                out.requests.extend(held.into_iter().map(|request| self.in_session(request)));
            }
        }
        Ok(())
    }

    fn set_leverage(&mut self, wall: Time) -> Result<Outbound, VenueError> {
        let mut config = SetPositionConfig {
            sub_account_id: self.access.sub_account.into(),
            instrument: self.instrument.clone(),
            margin_type: MarginType::Cross,
            leverage: Dec::new(Decimal::new(self.access.leverage.0, 12).normalize()),
            signature: blank(),
        };
        self.sign(&mut config, wall.plus(LIFE))?;
        Ok(self.private(About::Leverage, "set_position_config", &config))
    }

    /// What a refusal means for the order; everything else ends the run.
    fn refused(&mut self, about: About, error: &ApiError, wall: Time, out: &mut Output) -> Result<(), VenueError> {
        let code = error.code.0;
        match (about, code) {
            (_, 1000) => return self.session_ended(about, out),
            // internal errors, gateways, a number that is active: the order may live
            (About::Place(_) | About::Cancel(_) | About::Query(_), 1002 | 1005 | 1014 | 2012) => {}
            (About::Place(id), _) => {
                let reason = match code {
                    2080..=2084 => Reject::NoMargin,
                    2400..=2402 => Reject::ReduceOnly,
                    7201 => Reject::PriceBand,
                    1006 | 2090 => Reject::RateLimit,
                    1009 | 1015 | 2060 | 7304 => Reject::Unavailable,
                    _ => Reject::Rules,
                };
                self.orders.rejected(id, reason, wall, &mut out.account);
            }
            (About::Cancel(id), _) => out.account.push(AccountUpdate::event(wall, EventBody::CancelRejected { id })),
            (About::Query(id), 1004) => {
                if self.queries.remove(&id) {
                    self.orders.not_known(id, wall, &mut out.account);
                }
                self.resuming.iter_mut().for_each(|resuming| resuming.answered(id));
                self.is_resumed(out);
            }
            // the trader asks again
            (About::Query(_), 1006) => {}
            _ => return Err(VenueError::Refused { about, code: code.into(), message: error.message.clone() }),
        }
        Ok(())
    }

    fn answered(&mut self, about: About, body: &str, wall: Time, out: &mut Output) -> Result<(), VenueError> {
        match about {
            About::Markets => {
                let instrument: Instrument = result("instrument", body)?;
                let cannot = |error: crate::grvt::sign::EncodeError| VenueError::Cannot {
                    what: "instrument",
                    why: error.to_string(),
                };
                self.assets.add(&instrument).map_err(cannot)?;
                self.interval_hours = instrument.funding_interval_hours.map_or(self.interval_hours, |hours| hours.0);
                out.requests.push(self.set_leverage(wall)?);
            }
            About::Leverage => {
                self.is_ready = true;
                out.account.push(AccountUpdate::Ready);
            }
            About::Query(id) => self.order_received(id, body, wall, out)?,
            About::Fills => self.fills_received(&parse("fill_history", body)?, out)?,
            About::Payments => self.payments_received(&parse("funding_payment_history", body)?, out)?,
            About::Settlements => {
                let rows: Vec<Funding> = result("funding", body)?;
                if let Some(row) = rows.iter().max_by_key(|row| row.funding_time.0) {
                    let (ts, rate) = (Time(row.funding_time.0), row.rate()?);
                    let hours = row.funding_interval_hours.map_or(self.interval_hours, |hours| hours.0);
                    if hours > 0 && self.settled.replace(ts) != Some(ts) {
                        let (kind, interval_hours) = (FundingKind::Settled, hours);
                        out.market.push(MarketUpdate::Rate { kind, ts: Some(ts), rate, interval_hours });
                    }
                }
            }
            About::Account => self.account_received(body, out)?,
            About::OpenOrders => self.open_orders_received(&result::<Vec<Order>>("open_orders", body)?, out)?,
            About::Settings => self.settings_received(&parse("get_all_initial_leverage", body)?, out)?,
            _ => {}
        }
        self.is_resumed(out);
        Ok(())
    }

    /// The answer to a query of the order `id`.
    fn order_received(&mut self, id: OrderId, body: &str, wall: Time, out: &mut Output) -> Result<(), VenueError> {
        let order: Order = result("order", body)?;
        let Some(state) = &order.state else { return Ok(()) };
        let filled = traded(state)?;
        if !filled.is_zero() {
            self.ask_fills(out);
        }
        self.resuming.iter_mut().for_each(|resuming| resuming.answered(id));
        if self.queries.remove(&id) {
            let is_open = matches!(state.status, OrderStatus::Open | OrderStatus::Pending);
            let answer = if is_open { OrderState::Open { filled } } else { OrderState::Done { filled } };
            self.orders.asked(id, answer, wall, &mut out.account);
        } else {
            self.state(order.metadata.client_order_id.0, state, out)?;
        }
        Ok(())
    }

    fn query(&self) -> AccountQuery {
        AccountQuery { sub_account_id: self.access.sub_account.into() }
    }
}

impl VenueClient for GrvtClient {
    fn begin(&mut self, out: &mut Output) {
        out.requests.push(self.log_in());
    }

    fn streams(&self) -> Vec<Stream> {
        let stream = |host, headers| Stream { host, path: "/ws/full", headers };
        vec![stream(Host::MarketData, Vec::new()), stream(Host::Main, self.session.clone())]
    }

    fn greet(&mut self, stream: usize, _wall: Time, out: &mut Output) -> Result<(), VenueError> {
        if stream == 0 {
            // its numbers begin anew
            self.book = Book::default();
            for (name, rate) in [("v1.book.d", 50), ("v1.trade", 50), ("v1.ticker.d", 100)] {
                let selectors = vec![format!("{}@{rate}", self.instrument)];
                out.requests.push(self.subscription("subscribe", name, selectors));
            }
        } else {
            for name in ["v1.order", "v1.fill"] {
                let selectors = vec![self.access.sub_account.to_string()];
                out.requests.push(self.subscription("subscribe", name, selectors));
            }
        }
        Ok(())
    }

    fn command(&mut self, command: &Command, wall: Time, out: &mut Output) -> Result<(), VenueError> {
        match command {
            Command::Place(order) => {
                self.orders.sent(order, wall);
                out.requests.push(self.place(order, wall)?);
            }
            Command::Cancel { id, .. } => {
                let cancel = CancelOrder {
                    sub_account_id: self.access.sub_account.into(),
                    order_id: None,
                    client_order_id: Some(self.client_id(*id).into()),
                    time_to_live_ms: None,
                };
                out.requests.push(self.private(About::Cancel(*id), "cancel_order", &cancel));
            }
            // the venue cannot change an order
            Command::Modify { id, .. } => {
                out.account.push(AccountUpdate::event(wall, EventBody::CancelRejected { id: *id }));
            }
            Command::Query { id, .. } => {
                self.queries.insert(*id);
                out.requests.push(self.ask_order(*id));
            }
        }
        Ok(())
    }

    fn on_frame(&mut self, stream: usize, text: &str, _wall: Time, out: &mut Output) -> Result<(), VenueError> {
        match Frame::parse(text)? {
            Frame::Feed(feed) => self.feed(&feed, stream, out),
            Frame::Reply(reply) => match reply.read::<Subscribed>()? {
                Ok(subscribed) => {
                    if subscribed.stream == "v1.book.d" && reply.method == "subscribe" {
                        let first = subscribed.first_sequence_number.and_then(|numbers| Some(numbers.first()?.0));
                        self.book = Book::new("v1.book.d", first);
                    }
                    // both channels of the account are heard from here on: what happened before is asked for
                    if subscribed.stream == "v1.fill" && self.orders.alive().next().is_some() {
                        self.ask_fills(out);
                        let alive: Vec<OrderId> = self.orders.alive().collect();
                        out.requests.extend(alive.into_iter().map(|id| self.ask_order(id)));
                    }
                    Ok(())
                }
                Err(error) if error.code.0 == 1000 => {
                    if self.held.is_none() {
                        self.held = Some(Vec::new());
                        out.requests.push(self.log_in_again("the session has ended")?);
                    }
                    Ok(())
                }
                Err(error) => Err(VenueError::Session(format!(
                    "the stream says {}: {} (to {})",
                    error.code.0, error.message, reply.method
                ))),
            },
        }
    }

    fn replied(&mut self, about: About, reply: Reply, wall: Time, out: &mut Output) -> Result<(), VenueError> {
        let answer = match reply {
            Ok(answer) => answer,
            // nobody knows; the stream or a query will show
            Err(_) if matches!(about, About::Place(_) | About::Cancel(_) | About::Query(_)) => {
                self.unanswered.remove(&about);
                return Ok(());
            }
            Err(why) if about == About::Login && self.held.is_some() => {
                out.requests.push(self.log_in_again(&format!("login: {why}"))?);
                return Ok(());
            }
            Err(why) => return Err(VenueError::Session(format!("{about:?}: {why}"))),
        };
        if about == About::Login {
            return match answer.status >= 500 && self.held.is_some() {
                true => {
                    out.requests.push(self.log_in_again(&format!("login: HTTP {}", answer.status))?);
                    Ok(())
                }
                false => self.logged_in(&answer, out),
            };
        }
        if answer.status == 200 {
            self.logins = if self.unanswered.remove(&about).is_some() { 0 } else { self.logins };
            return self.answered(about, &answer.body, wall, out);
        }
        match parse::<ApiError>("refusal", &answer.body) {
            Ok(error) => self.refused(about, &error, wall, out),
            Err(_) if answer.status >= 500 && matches!(about, About::Place(_) | About::Cancel(_) | About::Query(_)) => {
                Ok(())
            }
            Err(error) => Err(error.into()),
        }
    }

    fn ask_account(&mut self, out: &mut Output) {
        out.requests.push(self.private(About::Account, "account_summary", &self.query()));
    }

    fn pass(&mut self, wall: Time, out: &mut Output) -> Result<(), VenueError> {
        let again = self.resuming.as_mut().map_or(Vec::new(), |resuming| resuming.due(wall));
        out.requests.extend(again.into_iter().map(|id| self.ask_order(id)));
        Ok(())
    }

    fn resume(&mut self, past: Past, wall: Time, out: &mut Output) -> Result<(), VenueError> {
        self.access.since = past.since;
        let orders: Vec<OrderId> = past.orders.iter().map(|past| past.order.id).collect();
        self.queries.extend(&orders);
        self.resuming = Some(Resuming::new(orders));
        self.orders.resume(past);
        self.ask_fills(out);
        self.ask_payments(out);
        self.pass(wall, out)
    }
}

fn request(about: About, host: Host, route: &str, body: &impl Serialize) -> Request {
    let body = Body::Json(serde_json::to_string(body).unwrap_or_default());
    Request { about, host, path: route.to_owned(), body, headers: Vec::new() }
}

fn result<T: DeserializeOwned>(what: &'static str, body: &str) -> Result<T, WireError> {
    parse::<Page<T>>(what, body).map(|page| page.result)
}

/// `value` in 1e-9, without trailing zeros.
fn decimal(value: i64) -> Dec {
    Dec::new(Decimal::new(value, 9).normalize())
}

fn traded(state: &WireState) -> Result<Qty, WireError> {
    let size = state.traded_size.as_ref().and_then(|sizes| sizes.first());
    size.map_or(Ok(Qty::ZERO), |size| size.qty())
}

fn blank() -> Signature {
    Signature {
        signer: String::new(),
        r: String::new(),
        s: String::new(),
        v: 0.into(),
        expiration: 0.into(),
        nonce: 0.into(),
        chain_id: None,
    }
}

/// Headers of a session that a login has opened.
///
/// # Errors
/// A login that was refused.
pub fn session_of(answer: &Answer) -> Result<Vec<(&'static str, String)>, VenueError> {
    let refused = |why: String| VenueError::Session(format!("login: {why}"));
    // a page of a gateway is no word of the venue's on the key
    let reply: LoginReply = parse("login", &answer.body).map_err(|_| {
        refused(format!("HTTP {} without JSON: something in between refuses this client", answer.status))
    })?;
    if let Some(error) = reply.error.filter(|error| !error.is_empty()) {
        return Err(refused(error));
    }
    let cookie = answer.session.iter().find_map(|(name, value)| {
        let pair = value.split(';').next().map(str::trim)?;
        (name == "set-cookie" && pair.starts_with("gravity=")).then(|| pair.to_owned())
    });
    let cookie = cookie.ok_or_else(|| refused("the answer has no cookie 'gravity'".to_owned()))?;
    const ACCOUNT: &str = "x-grvt-account-id";
    let account = answer.session.iter().find(|(name, _)| name == ACCOUNT);
    Ok([("cookie", cookie)].into_iter().chain(account.map(|(_, id)| (ACCOUNT, id.clone()))).collect())
}

#[cfg(test)]
mod tests;
