//! GRVT's client. Everything is asked over REST with the session's cookie; an order is named by the client's number from the
//! first moment, because the venue's own number comes on the stream alone.
//!
//! | file | noun |
//! | --- | --- |
//! | `account` | what the account holds, its fills and payments, page by page |
//! | `mend` | sessions and subscriptions that end, frames and answers that cannot be taken |

pub(crate) mod account;
mod mend;

use crate::book::Applied;
use crate::client::orders::{Fill, MOST_QUESTIONS, Orders, Resuming};
use crate::client::resync::Subscription;
use crate::client::walk::Walk;
use crate::client::{
    About, AccountUpdate, Answer, Body, Closed, ForeignFill, Holding, Host, MarketUpdate, MarketWatch, Outbound,
    Output, Past, Reading, Reply, Request, RunNumber, Stream, Transfer, VenueClient, VenueError, quote,
};
use crate::grvt::QUOTE;
use crate::grvt::book::Book;
use crate::grvt::rest::{
    ApiError, Funding, Instrument, InstrumentStatus, LoginReply, OrderbookLevels, Reply as Page, Ticker,
};
use crate::grvt::sign::{Assets, PrivateKey, Signed};
use crate::grvt::stream::{Event, Feed, Frame, Sequence, Step};
use crate::grvt::trade::{
    AccountQuery, CancelOrder, CreateOrder, Fill as WireFill, FundingPayment, Leg, MarginType, Metadata, Order,
    OrderQuery, OrderState as WireState, OrderStatus, RejectReason, SetPositionConfig, Signature, TimeInForce,
    TradeVenue,
};
use crate::secret::Hidden;
use crate::wire::{Dec, WireError, known, parse};
use perpx_core::market::{Command, EventBody, NewOrder, OrderId, OrderKind, OrderState, Reject, Side};
use perpx_core::tape::rows::FundingKind;
use perpx_core::units::{Cash, DAY, Qty, Rate, SECOND, Time, TimeDelta};
use rust_decimal::Decimal;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

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
    /// An order that only takes and that the venue does not know can land no more so long after it was sent.
    pub fence: TimeDelta,
    /// The longest that an order rests before it is cancelled: its signature lives a little longer.
    pub rests: TimeDelta,
    /// The run begins: what the account did before is not ours.
    pub since: Time,
    /// Tells our orders from those of all others.
    pub number: RunNumber,
}

/// By port of an emulator.
pub const HOSTS: &[Host] = &[Host::Login, Host::MarketData, Host::Main];
/// Life of a signature that is of no order.
const LIFE: TimeDelta = DAY;
/// The stream of the account, by its number.
const TRADES_STREAM: usize = 1;
/// Public channels of the market and how often they come, ms; the book first.
const PUBLIC: [(&str, u32); 3] = [("v1.book.d", 50), ("v1.trade", 50), ("v1.ticker.d", 100)];
/// Channels of the account; when the last is heard, both are.
const ACCOUNT: [&str; 2] = ["v1.order", "v1.fill"];

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
    /// When the next one is due, if one is.
    log_in_at: Option<Time>,
    /// Before the session ends by itself.
    renew_at: Option<Time>,
    /// What was refused or could not be read is asked again then.
    later: BTreeMap<About, Time>,
    /// Of signatures: one after another, from a number that differs between runs.
    nonce: u32,
    /// What expiries are moved by to be told in the venue's clock.
    ahead: TimeDelta,
    rpc: u32,
    /// Of [`PUBLIC`], and of [`ACCOUNT`], once their streams are open.
    public: Vec<Subscription>,
    account: Vec<Subscription>,
    /// Since the subscription was answered: frames before that are of another one.
    book: Option<Book>,
    watch: MarketWatch,
    tickers: Option<Sequence>,
    /// Of the last frame, by the account's channel.
    numbers: BTreeMap<String, u64>,
    orders: Orders,
    queries: BTreeSet<OrderId>,
    /// When the queries that are under way were sent, by order.
    asked_at: BTreeMap<OrderId, VecDeque<Time>>,
    ticker: Option<Ticker>,
    interval_hours: u32,
    is_ready: bool,
    /// Nothing is held: the account is read first.
    is_new: bool,
    fills: Walk<WireFill>,
    payments: Walk<FundingPayment>,
    money: Walk<Transfer>,
    /// When the newest fill that was reported happened.
    last_fill: Time,
    settled: Option<Time>,
    /// While its parts are asked for.
    holding: Option<Holding>,
    reading: Reading,
    /// What is taken over of earlier processes and was not answered yet.
    resuming: Option<Resuming>,
}

impl GrvtClient {
    /// A client that has sent nothing yet.
    pub fn new(access: GrvtAccess) -> GrvtClient {
        GrvtClient {
            instrument: format!("{}_{QUOTE}_Perp", access.coin),
            nonce: access.since.steps(SECOND) as u32,
            orders: Orders::new(TimeDelta(access.fence.0 / 9), access.number),
            last_fill: access.since,
            access,
            assets: Assets::default(),
            session: Vec::new(),
            unanswered: BTreeMap::new(),
            held: None,
            logins: 0,
            log_in_at: None,
            renew_at: None,
            later: BTreeMap::new(),
            ahead: TimeDelta::ZERO,
            rpc: 0,
            public: Vec::new(),
            account: Vec::new(),
            book: None,
            watch: MarketWatch::default(),
            tickers: None,
            numbers: BTreeMap::new(),
            queries: BTreeSet::new(),
            asked_at: BTreeMap::new(),
            ticker: None,
            interval_hours: 8,
            is_ready: false,
            is_new: true,
            fills: Walk::default(),
            payments: Walk::default(),
            money: Walk::default(),
            settled: None,
            holding: None,
            reading: Reading::default(),
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

    /// What became of an order; where a question waits already, its answer is as new.
    fn ask_order(&mut self, id: OrderId, wall: Time) -> Option<Outbound> {
        let under_way = self.asked_at.entry(id).or_default();
        if under_way.len() >= MOST_QUESTIONS {
            return None;
        }
        under_way.push_back(wall);
        let query = OrderQuery {
            sub_account_id: self.access.sub_account.into(),
            order_id: None,
            client_order_id: Some(self.client_id(id).into()),
        };
        Some(self.private(About::Query(id), "order", &query))
    }

    fn client_id(&self, id: OrderId) -> u64 {
        self.orders.number(id).at_grvt(id)
    }

    fn own(&mut self, client_id: u64) -> Option<OrderId> {
        self.orders.own(self.access.number.read_grvt(client_id))
    }

    fn sign(&mut self, message: &mut impl Signed, until: Time) -> Result<(), VenueError> {
        self.nonce = self.nonce.wrapping_add(1);
        let signature = message.signature_mut();
        (signature.nonce, signature.expiration) = (self.nonce.into(), until.plus(self.ahead).0.into());
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
        self.sign(&mut wire, self.dead_from(order, wall).plus(-self.margin()))?;
        let about = About::Place(order.id);
        let mut request = request(about, Host::Main, "/full/v1/create_order", &CreateOrder { order: wire });
        request.is_exit = order.reduce_only;
        Ok(self.in_session(request))
    }

    /// The venue's clock may be ahead of ours by as much.
    fn margin(&self) -> TimeDelta {
        TimeDelta(self.access.fence.0 / 9)
    }

    /// From when an order that was sent at `wall` can land no more: its signature has ended.
    fn dead_from(&self, order: &NewOrder, wall: Time) -> Time {
        // one that rests dies with its signature: it is cancelled before
        let rests = if order.kind.only_takes() { TimeDelta::ZERO } else { self.access.rests + self.margin().times(7) };
        wall.plus(self.access.fence.max(rests))
    }

    /// The venue, asked at `asked`, does not know an order.
    fn not_known(&mut self, id: OrderId, asked: Time, wall: Time, out: &mut Output) {
        let is_wanted = self.queries.remove(&id);
        self.orders.not_known(id, asked, is_wanted, wall, &mut out.account);
        self.resuming.iter_mut().for_each(|resuming| resuming.answered(id));
        self.is_resumed(out);
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

    fn ticked(&mut self, step: Step, delta: &Ticker, wall: Time, out: &mut Output) -> Result<(), VenueError> {
        let before = self.ticker.as_ref().and_then(|ticker| ticker.next_funding_time);
        let ticker = match &mut self.ticker {
            Some(ticker) if step == Step::Next => {
                ticker.merge(delta);
                ticker
            }
            other => other.insert(delta.clone()),
        };
        let exch = Time(ticker.event_time.0);
        let (mark, index) = (known(ticker.mark_price)?, known(ticker.index_price)?);
        out.market.push(MarketUpdate::Marks { exch, mark, index });
        if let Some(hours) = ticker.funding_interval_hours.filter(|hours| hours.0 > 0) {
            self.interval_hours = hours.0;
        }
        let [bid, ask] = [known(ticker.best_bid_price)?, known(ticker.best_ask_price)?];
        self.watch.market(ticker.status.as_ref().and_then(shut));
        if self.watch.summary(bid, ask, wall)
            && let Some(book) = &self.book
        {
            out.market.push(quote(book.levels(), exch));
        }
        let next = ticker.next_funding_time;
        if let Some(rate) = ticker.rate().transpose()? {
            let (ts, interval_hours) = (next.map(|ts| Time(ts.0)), self.interval_hours);
            out.market.push(MarketUpdate::Rate { kind: FundingKind::Predicted, ts, rate, interval_hours });
        }
        self.judge(wall, out);
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

    fn book_feed(&mut self, feed: &Feed, levels: &OrderbookLevels, wall: Time, out: &mut Output) {
        let Some(book) = &mut self.book else { return };
        let channel = self.public.iter_mut().take(1);
        match book.apply(feed.sequence_number.0, feed.prev_sequence_number.0, levels) {
            Ok(Applied::Ignored) => return,
            Ok(Applied::Snapshot) => channel.for_each(Subscription::whole),
            Ok(Applied::Update) => {}
            Err(_) => return self.book_lost(),
        }
        if self.watch.see(&book.levels().top(), wall) {
            out.market.push(quote(book.levels(), Time(levels.event_time.0)));
        }
        self.judge(wall, out);
    }

    fn book_lost(&mut self) {
        self.book = None;
        self.watch.lost();
        self.public.iter_mut().take(1).for_each(Subscription::lost);
    }

    /// A book that cannot be right is subscribed anew; its quotes are taken again when a ticker shows the same.
    fn judge(&mut self, wall: Time, out: &mut Output) {
        if self.watch.is_wrong(wall, out) {
            self.book_lost();
        }
        self.watch.tell(out);
    }

    fn feed(&mut self, feed: &Feed, stream: usize, wall: Time, out: &mut Output) -> Result<(), VenueError> {
        let numbers = (feed.sequence_number.0, feed.prev_sequence_number.0);
        if stream == TRADES_STREAM && !self.follows(&feed.stream, numbers.0, numbers.1) {
            self.ask_truth(wall, out);
        }
        match &feed.feed {
            Event::Book(levels) => self.book_feed(feed, levels, wall, out),
            // number 0: a trade of before
            Event::Trade(trade) if feed.sequence_number.0 > 0 => out.market.push(MarketUpdate::Trade {
                exch: Time(trade.event_time.0),
                px: trade.price.price()?,
                qty: trade.size.qty()?,
                taker: if trade.is_taker_buyer { Side::Buy } else { Side::Sell },
                consumed_book: trade.is_rpi != Some(true) && trade.venue != Some(TradeVenue::Rfq),
            }),
            Event::Ticker(ticker) if stream != TRADES_STREAM => {
                let Some(sequence) = &mut self.tickers else { return Ok(()) };
                match sequence.step(feed.sequence_number.0, feed.prev_sequence_number.0) {
                    Ok(Step::Ignored) => {}
                    Ok(step) => {
                        self.public.iter_mut().skip(2).take(1).for_each(Subscription::whole);
                        self.ticked(step, ticker, wall, out)?;
                    }
                    Err(_) => self.public.iter_mut().skip(2).take(1).for_each(Subscription::lost),
                }
            }
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

    // ---- what is answered

    pub(super) fn leverage_wanted(&mut self, wall: Time) -> Result<Outbound, VenueError> {
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

    /// What a refusal means for the order; a question is asked again later.
    fn refused(
        &mut self,
        (about, asked): (About, Time),
        error: &ApiError,
        wall: Time,
        out: &mut Output,
    ) -> Result<(), VenueError> {
        let code = error.code.0;
        if code != 1000 {
            self.unanswered.remove(&about);
        }
        match (about, code) {
            (_, 1000) => self.session_ended(about, wall, out),
            // internal errors, gateways, a number that is active: the order may live
            (About::Place(id), 1002 | 1005 | 1014 | 2012) => self.orders.in_doubt(id),
            (About::Cancel(_) | About::Query(_), 1002 | 1005 | 1014 | 2012) => {}
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
            (About::Query(id), 1004) => self.not_known(id, asked, wall, out),
            (About::Leverage, _) => {
                out.account.push(AccountUpdate::Leverage(Some(format!("{code} {}", error.message))));
            }
            _ if self.is_ready => self.not_answered(about, &format!("{code} {}", error.message), wall, out),
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
                match (self.is_ready, self.is_new) {
                    (false, true) => self.ask_account(out),
                    _ => self.ready(out),
                }
            }
            About::Leverage => out.account.push(AccountUpdate::Leverage(None)),
            About::Query(id) => self.order_received(id, body, wall, out)?,
            About::Fills => self.fills_received(&parse("fill_history", body)?, out)?,
            About::Payments => self.payments_received(&parse("funding_payment_history", body)?, out)?,
            About::Transfers(_) => self.transfers_received(&parse("transfer_history", body)?, out)?,
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

    pub(super) fn ready(&mut self, out: &mut Output) {
        if !std::mem::replace(&mut self.is_ready, true) {
            out.account.push(AccountUpdate::Ready);
        }
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
    fn venue_clock(&mut self, ahead: TimeDelta) {
        self.ahead = ahead;
    }

    fn begin(&mut self, is_new: bool, out: &mut Output) {
        (self.reading, self.is_new) = (Default::default(), is_new);
        out.requests.push(self.log_in());
    }

    fn streams(&self) -> Vec<Stream> {
        let stream = |host, is_private, headers| Stream { host, path: "/ws/full", is_private, headers };
        vec![stream(Host::MarketData, false, Vec::new()), stream(Host::Main, true, self.session.clone())]
    }

    fn greet(&mut self, stream: usize, wall: Time, out: &mut Output) -> Result<(), VenueError> {
        if stream == TRADES_STREAM {
            self.numbers.clear();
            self.account = ACCOUNT.map(|_| Subscription::begun(wall)).to_vec();
            for name in ACCOUNT {
                let selector = self.access.sub_account.to_string();
                out.requests.push(self.subscription(stream, "subscribe", name, selector));
            }
            return Ok(());
        }
        // its numbers begin anew
        (self.book, self.tickers) = (None, None);
        self.watch.lost();
        self.public = PUBLIC.map(|_| Subscription::begun(wall)).to_vec();
        for (name, rate) in PUBLIC {
            let selector = format!("{}@{rate}", self.instrument);
            out.requests.push(self.subscription(stream, "subscribe", name, selector));
        }
        Ok(())
    }

    fn command(&mut self, command: &Command, wall: Time, out: &mut Output) -> Result<(), VenueError> {
        match command {
            Command::Place(order) => {
                if !order.reduce_only && self.orders.is_any_in_doubt() {
                    // nothing that opens leaves until it is known what became of what was sent
                    self.orders.sent(order, wall, wall);
                    self.orders.rejected(order.id, Reject::Gate, wall, &mut out.account);
                    return Ok(());
                }
                self.orders.sent(order, wall, self.dead_from(order, wall));
                out.requests.push(self.place(order, wall)?);
            }
            Command::Cancel { id, .. } => {
                let cancel = CancelOrder {
                    sub_account_id: self.access.sub_account.into(),
                    order_id: None,
                    client_order_id: Some(self.client_id(*id).into()),
                    time_to_live_ms: None,
                };
                let mut request = request(About::Cancel(*id), Host::Main, "/full/v1/cancel_order", &cancel);
                request.is_exit = true;
                let request = self.in_session(request);
                out.requests.push(request);
            }
            // the venue cannot change an order
            Command::Modify { id, .. } => {
                out.account.push(AccountUpdate::event(wall, EventBody::CancelRejected { id: *id }));
            }
            Command::Query { id, .. } => {
                self.queries.insert(*id);
                out.requests.extend(self.ask_order(*id, wall));
            }
        }
        Ok(())
    }

    fn on_frame(&mut self, stream: usize, text: &str, wall: Time, out: &mut Output) -> Result<(), VenueError> {
        let heard = match Frame::parse(text) {
            Ok(Frame::Feed(feed)) => self.feed(&feed, stream, wall, out),
            Ok(Frame::Reply(reply)) => self.subscribed(&reply, wall, out).map_err(VenueError::from),
            Err(error) => Err(error.into()),
        };
        if let Err(why) = heard {
            self.unreadable(stream, text, &why, wall, out);
        }
        self.due(wall, out);
        Ok(())
    }

    fn replied(&mut self, about: About, reply: Reply, wall: Time, out: &mut Output) -> Result<(), VenueError> {
        if about == About::Login {
            return self.login_replied(reply, wall, out);
        }
        let asked =
            if let About::Query(id) = about { self.asked_at.get_mut(&id).and_then(VecDeque::pop_front) } else { None };
        let asked = asked.unwrap_or(Time::MIN);
        let answer = match reply {
            Ok(answer) => answer,
            Err(why) if self.is_ready => {
                // of an order the stream or a query will show
                self.not_answered(about, &why, wall, out);
                return Ok(());
            }
            Err(why) => return Err(VenueError::Session(format!("{about:?}: {why}"))),
        };
        if answer.status == 200 {
            self.logins = if self.unanswered.remove(&about).is_some() { 0 } else { self.logins };
            return match self.answered(about, &answer.body, wall, out) {
                Err(why) if self.is_ready => {
                    self.not_answered(about, &why.to_string(), wall, out);
                    Ok(())
                }
                answered => answered,
            };
        }
        match parse::<ApiError>("refusal", &answer.body) {
            Ok(error) => self.refused((about, asked), &error, wall, out),
            Err(_) if self.is_ready => {
                self.not_answered(about, &answer.shown(200), wall, out);
                Ok(())
            }
            Err(error) => Err(error.into()),
        }
    }

    fn set_leverage(&mut self, wall: Time, out: &mut Output) -> Result<(), VenueError> {
        out.requests.push(self.leverage_wanted(wall)?);
        Ok(())
    }

    fn ask_account(&mut self, out: &mut Output) {
        if self.reading.begins() {
            self.read_account(out);
        }
    }

    fn ask_history(&mut self, _wall: Time, out: &mut Output) -> Result<(), VenueError> {
        self.ask_fills(out);
        self.ask_payments(out);
        Ok(())
    }

    fn ask_transfers(&mut self, since: Time, _wall: Time, out: &mut Output) -> Result<(), VenueError> {
        if self.money.since().is_none() {
            self.money.begin(since);
            self.transfers_at(None, out);
        }
        Ok(())
    }

    fn pass(&mut self, wall: Time, out: &mut Output) -> Result<(), VenueError> {
        self.due(wall, out);
        Ok(())
    }

    fn resume(&mut self, past: Past, wall: Time, out: &mut Output) -> Result<(), VenueError> {
        self.access.since = past.since;
        let orders: Vec<OrderId> = past.orders.iter().map(|past| past.order.id).collect();
        self.queries.extend(&orders);
        self.resuming = Some(Resuming::new(orders));
        let dead_from: Vec<Time> = past.orders.iter().map(|past| self.dead_from(&past.order, past.sent_at)).collect();
        self.orders.resume(past, dead_from);
        self.ask_fills(out);
        self.ask_payments(out);
        self.pass(wall, out)
    }
}

/// Why nothing opens in an instrument; `None`: it is open, or nothing is said.
fn shut(status: &InstrumentStatus) -> Option<Closed> {
    match status {
        InstrumentStatus::Active | InstrumentStatus::Unspecified => None,
        InstrumentStatus::ReduceOnly => Some(Closed::ToOpenings),
        other => Some(Closed::ToAll(format!("the market is {}", other.as_str().to_lowercase()))),
    }
}

fn request(about: About, host: Host, route: &str, body: &impl Serialize) -> Request {
    let body = Body::Json(serde_json::to_string(body).unwrap_or_default());
    Request { about, host, path: route.to_owned(), body, headers: Vec::new(), is_exit: false }
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

/// Names and values of headers.
type Headers = Vec<(&'static str, String)>;

/// Headers of a session that a login has opened, and how long it lasts where the venue says so.
///
/// # Errors
/// A login that was refused.
pub fn session_of(answer: &Answer) -> Result<(Headers, Option<TimeDelta>), VenueError> {
    let refused = |why: String| VenueError::Session(format!("login: {why}"));
    // a page of a gateway is no word of the venue's on the key
    let reply: LoginReply = parse("login", &answer.body).map_err(|_| {
        refused(format!("HTTP {} without JSON: something in between refuses this client", answer.status))
    })?;
    if let Some(error) = reply.error.filter(|error| !error.is_empty()) {
        return Err(refused(error));
    }
    let cookie = answer.session.iter().find_map(|(name, value)| {
        let (pair, rest) = value.split_once(';').unwrap_or((value, ""));
        (name == "set-cookie" && pair.trim().starts_with("gravity=")).then(|| (pair.trim().to_owned(), rest))
    });
    let (cookie, rest) = cookie.ok_or_else(|| refused("the answer has no cookie 'gravity'".to_owned()))?;
    const ACCOUNT: &str = "x-grvt-account-id";
    let account = answer.session.iter().find(|(name, _)| name == ACCOUNT);
    let attributes = rest.split(';').filter_map(|attribute| attribute.trim().split_once('='));
    let lasts =
        attributes.filter(|(name, _)| name.eq_ignore_ascii_case("max-age")).find_map(|(_, sec)| sec.parse().ok());
    let headers = [("cookie", cookie)].into_iter().chain(account.map(|(_, id)| (ACCOUNT, id.clone()))).collect();
    Ok((headers, lasts.filter(|sec| (1..1 << 30).contains(sec)).map(|sec: i64| SECOND.times(sec))))
}

#[cfg(test)]
mod tests;
