//! How GRVT is spoken to by who asks it questions: orders one after the other, each looked at before the next.

use super::line::{Heard, Leaves, Line, Why};
use crate::client::{Answer, Host, Request};
use crate::grvt::CHAINS;
use crate::grvt::client::session_of;
use crate::grvt::rest::{ApiError, Instrument, Login, OrderbookLevels, Reply, Ticker};
use crate::grvt::sign::{Assets, PrivateKey};
use crate::grvt::trade::{
    CancelAllOrders, CancelOrder, CreateOrder, Fill, HistoryQuery, Leg, Leverages, Metadata, Order, OrderQuery,
    OrderState, OrderStatus, Position, Signature, SubAccount, TimeInForce,
};
use crate::refresh::RefreshError;
use crate::refresh::said::{Said, post};
use crate::secret::{ENV_FILE, GRVT_API_KEY, GRVT_SIGNER_KEY, Hidden, secret};
use crate::wall::now;
use crate::wire::{Dec, parse};
use perpx_core::market::Side;
use perpx_core::units::{MS, Price, Qty, SECOND, Time};
use rust_decimal::Decimal;
use secrecy::ExposeSecret;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::json;
use std::path::Path;

const LIFE_SEC: i64 = 600;
const LOOKS: u32 = 30;
const BETWEEN_MS: u64 = 220;

/// What came of an order.
pub struct Sent {
    pub asked: Time,
    /// 0: taken.
    pub code: u32,
    pub message: String,
}

impl Sent {
    pub fn is_taken(&self) -> bool {
        self.code == 0
    }

    pub fn taken(self) -> Result<Sent, Why> {
        if self.is_taken() { Ok(self) } else { Err(format!("{} {}", self.code, self.message)) }
    }
}

/// What an order is to do.
#[derive(Clone, Copy)]
pub struct Wanted {
    pub side: Side,
    pub qty: Qty,
    pub px: Price,
    /// Post-only where it rests, else it takes.
    pub rests: bool,
    pub reduce_only: bool,
}

/// One sub-account at GRVT.
pub struct Grvt {
    pub line: Line,
    key: PrivateKey,
    api_key: Hidden,
    pub sub_account: u64,
    chain: u64,
    assets: Assets,
    pub session: Vec<(&'static str, String)>,
    pub said: Said,
    next_client: u64,
    nonce: u32,
}

impl Grvt {
    /// On an account that holds nothing.
    pub fn begin(line: Line, sub_account: u64, said: Said) -> Result<Grvt, RefreshError> {
        let env_file = Path::new(ENV_FILE);
        let key = PrivateKey::load(GRVT_SIGNER_KEY, env_file)?;
        let api_key = Hidden::new(secret(GRVT_API_KEY, env_file)?.expose_secret().to_owned());
        let is_test = line.reach.hosts.values().any(|host| host.host.contains("testnet"));
        let chain = CHAINS[usize::from(is_test)];
        let next_client = 1 << 63 | now().steps(MS).unsigned_abs() << 12;
        let nonce = now().steps(SECOND) as u32;
        let (assets, session) = (Assets::default(), Vec::new());
        let mut grvt = Grvt { line, key, api_key, sub_account, chain, assets, session, said, next_client, nonce };
        let failed = |why: Why| RefreshError::Overlay(why);
        grvt.session =
            session_of(&grvt.log_in().map_err(failed)?).map_err(|why| RefreshError::Overlay(why.to_string()))?.0;
        let query = json!({ "instrument": grvt.said.market });
        let instrument: Reply<Instrument> = grvt.public("instrument", &query).map_err(failed)?;
        grvt.assets.add(&instrument.result).map_err(|error| RefreshError::Overlay(error.to_string()))?;
        if !grvt.position().map_err(failed)?.is_zero() || !grvt.open_orders().map_err(failed)?.is_empty() {
            return Err(RefreshError::Overlay(
                "the account holds a position or has orders open: nothing was sent".to_owned(),
            ));
        }
        Ok(grvt)
    }

    /// Opens a session, which is not yet used.
    pub fn log_in(&mut self) -> Result<Answer, Why> {
        let login = Login { api_key: self.api_key.clone() };
        let request = post(Host::Login, "", serde_json::to_string(&login).unwrap_or_default());
        let request = Request { path: "/auth/api_key/login".to_owned(), ..request };
        Ok(self.line.send_in_time(&request)?.answer)
    }

    fn public<T: DeserializeOwned>(&mut self, route: &str, query: &impl Serialize) -> Result<T, Why> {
        let request = post(Host::MarketData, route, serde_json::to_string(query).unwrap_or_default());
        read(&self.line.ask(&request)?)
    }

    fn request(&self, route: &str, body: &impl Serialize) -> Request {
        let body = serde_json::to_string(body).unwrap_or_default();
        Request { headers: self.session.clone(), ..post(Host::Main, route, body) }
    }

    pub fn private<T: DeserializeOwned>(&mut self, route: &str, body: &impl Serialize) -> Result<T, Why> {
        let request = self.request(route, body);
        let Heard { answer, .. } = self.line.send_in_time(&request)?;
        match answer.status {
            200 => read(&answer.body),
            _ => Err(answer.shown(120)),
        }
    }

    /// Of a question with the present session, whatever comes of it: 0 or the venue's code.
    pub fn code_of(&mut self, route: &str) -> Result<u32, Why> {
        let body = json!({ "sub_account_id": self.sub_account.to_string() });
        let request = self.request(route, &body);
        let answer = self.line.send(&request)?.answer;
        Ok(code(&answer)?.0)
    }

    pub fn best(&mut self) -> Result<[Price; 2], Why> {
        let query = json!({ "instrument": self.said.market, "depth": 10 });
        let book: Reply<OrderbookLevels> = self.public("book", &query)?;
        let first = |side: Option<Vec<crate::wire::Level>>| side.into_iter().flatten().next().map(|level| level.price);
        let (bid, ask) = (first(book.result.bids), first(book.result.asks));
        Ok([bid.ok_or("one side of the book is empty")?, ask.ok_or("one side of the book is empty")?])
    }

    pub fn mark(&mut self) -> Result<Price, Why> {
        let ticker: Reply<Ticker> = self.public("ticker", &json!({ "instrument": self.said.market }))?;
        let mark = ticker.result.mark_price.ok_or("no mark is told")?;
        mark.price().map_err(|error| error.to_string())
    }

    /// On the tick.
    pub fn at_bp(&self, from: Price, bp: i64) -> Price {
        Price((i128::from(from.0) * i128::from(10_000 + bp) / 10_000) as i64).floor_to(self.said.tick)
    }

    /// The least that the venue takes at a price, a little more in value, since the price may move.
    pub fn least(&self, px: Price) -> Qty {
        let unit = px.of(self.said.lot).0.max(1);
        let steps = i64::try_from(self.said.min_notional.0 * 103 / 100 / unit + 1).unwrap_or(i64::MAX / 2);
        Qty((steps * self.said.lot.0).max(self.said.min_qty.0))
    }

    pub fn client(&mut self) -> u64 {
        self.next_client += 1;
        self.next_client
    }

    /// A signed order.
    pub fn order(&mut self, client: u64, wanted: Wanted) -> Result<Order, Why> {
        let Wanted { side, qty, px, rests, reduce_only } = wanted;
        let decimal = |value: i64| Dec::new(Decimal::new(value, 9).normalize());
        self.nonce = self.nonce.wrapping_add(1);
        let signature = Signature {
            signer: String::new(),
            r: String::new(),
            s: String::new(),
            v: 0.into(),
            expiration: now().plus(LIFE_SEC * SECOND).0.into(),
            nonce: self.nonce.into(),
            chain_id: None,
        };
        let leg = Leg {
            instrument: self.said.market.clone(),
            size: decimal(qty.0),
            limit_price: Some(decimal(px.0)),
            is_buying_asset: side == Side::Buy,
        };
        let metadata = Metadata { client_order_id: client.into(), create_time: None, broker: None, slippage_bps: None };
        let mut order = Order {
            order_id: None,
            sub_account_id: self.sub_account.into(),
            is_market: Some(false),
            time_in_force: if rests { TimeInForce::GoodTillTime } else { TimeInForce::ImmediateOrCancel },
            post_only: Some(rests),
            reduce_only: Some(reduce_only),
            legs: vec![leg],
            signature,
            metadata,
            state: None,
            builder: None,
            builder_fee: None,
        };
        self.key.sign(&mut order, self.chain, &self.assets).map_err(|error| error.to_string())?;
        Ok(order)
    }

    /// Sends a signed order.
    pub fn create(&mut self, order: Order) -> Result<Sent, Why> {
        let request = self.request("create_order", &CreateOrder { order });
        let Heard { asked, answer, .. } = self.line.send_in_time(&request)?;
        let (code, message) = code(&answer)?;
        Ok(Sent { asked, code, message })
    }

    /// Signs and sends; its number, and what came of it.
    pub fn place(&mut self, wanted: Wanted) -> Result<(u64, Sent), Why> {
        let client = self.client();
        let order = self.order(client, wanted)?;
        Ok((client, self.create(order)?))
    }

    /// Of the least size, resting below the market.
    pub fn far(&mut self) -> Result<Wanted, Why> {
        let (mark, [bid, _]) = (self.mark()?, self.best()?);
        let px = self.at_bp(Price(mark.0.min(bid.0)), -80);
        Ok(Wanted { side: Side::Buy, qty: self.least(px), px, rests: true, reduce_only: false })
    }

    /// Takes at once, a little through the book.
    pub fn taking(&mut self, side: Side, qty: Qty, reduce_only: bool) -> Result<Wanted, Why> {
        let [bid, ask] = self.best()?;
        let px = if side == Side::Buy { self.at_bp(ask, 30) } else { self.at_bp(bid, -30) };
        Ok(Wanted { side, qty, px, rests: false, reduce_only })
    }

    /// An order by our number; `None`: the venue does not know it.
    pub fn find(&mut self, client: u64) -> Result<Option<Order>, Why> {
        let query = OrderQuery {
            sub_account_id: self.sub_account.into(),
            order_id: None,
            client_order_id: Some(client.into()),
        };
        let request = self.request("order", &query);
        let answer = self.line.send_in_time(&request)?.answer;
        match code(&answer)?.0 {
            0 => read::<Reply<Order>>(&answer.body).map(|reply| Some(reply.result)),
            1004 => Ok(None),
            other => Err(format!("{other}")),
        }
    }

    /// Its state when it is what `is_it` wants, or after a while as it is.
    pub fn look(&mut self, client: u64, is_it: impl Fn(&OrderState) -> bool) -> Result<OrderState, Why> {
        let mut last = None;
        for _ in 0..LOOKS {
            last = self.find(client)?.and_then(|order| order.state).or(last);
            if last.as_ref().is_some_and(&is_it) {
                break;
            }
            self.line.sleep(BETWEEN_MS);
        }
        last.ok_or_else(|| "an order that was taken is not known".to_owned())
    }

    /// When the venue received an order, by its own clock; where it does not tell, when it was sent, by ours.
    pub fn received(&mut self, client: u64, asked: Time) -> Result<Time, Why> {
        let reported = self.find(client)?.and_then(|order| order.metadata.create_time).filter(|at| at.0 > 0);
        Ok(reported.map_or(asked, |at| Time(at.0)))
    }

    /// The same when it has arrived.
    pub fn arrived(&mut self, client: u64) -> Result<OrderState, Why> {
        self.look(client, |state| state.status != OrderStatus::Pending)
    }

    /// The same when it is over.
    pub fn ended(&mut self, client: u64) -> Result<OrderState, Why> {
        self.look(client, |state| !matches!(state.status, OrderStatus::Pending | OrderStatus::Open))
    }

    pub fn cancel(&mut self, client: u64) -> Result<Time, Why> {
        let cancel = CancelOrder {
            sub_account_id: self.sub_account.into(),
            order_id: None,
            client_order_id: Some(client.into()),
            time_to_live_ms: None,
        };
        let request = self.request("cancel_order", &cancel);
        Ok(self.line.send_in_time(&request)?.asked)
    }

    fn own(&self) -> serde_json::Value {
        json!({ "sub_account_id": self.sub_account.to_string() })
    }

    pub fn open_orders(&mut self) -> Result<Vec<Order>, Why> {
        Ok(self.private::<Reply<Vec<Order>>>("open_orders", &self.own())?.result)
    }

    pub fn summary(&mut self) -> Result<SubAccount, Why> {
        Ok(self.private::<Reply<SubAccount>>("account_summary", &self.own())?.result)
    }

    pub fn leverage(&mut self) -> Result<f64, Why> {
        let all: Leverages = self.private("get_all_initial_leverage", &self.own())?;
        let own = all.results.iter().find(|one| one.instrument == self.said.market).ok_or("no leverage is told")?;
        own.leverage.fraction().map(|times| times.as_f64()).map_err(|error| error.to_string())
    }

    pub fn position(&mut self) -> Result<Qty, Why> {
        let all = self.private::<Reply<Vec<Position>>>("positions", &self.own())?.result;
        let own = all.iter().find(|one| one.instrument == self.said.market);
        own.map_or(Ok(Qty::ZERO), |one| one.size.qty()).map_err(|error| error.to_string())
    }

    /// The newest fill.
    pub fn last_fill(&mut self) -> Result<Fill, Why> {
        let query = HistoryQuery {
            sub_account_id: self.sub_account.into(),
            kind: None,
            base: None,
            quote: None,
            instrument: None,
            start_time: None,
            end_time: None,
            limit: Some(10.into()),
            cursor: None,
        };
        let fills = self.private::<Reply<Vec<Fill>>>("fill_history", &query)?.result;
        fills.into_iter().max_by_key(|fill| fill.event_time.0).ok_or_else(|| "no fill is told".to_owned())
    }
}

impl Leaves for Grvt {
    fn line(&mut self) -> &mut Line {
        &mut self.line
    }

    /// All orders go, what is held is closed; why not everything is.
    fn take_back(&mut self) -> Result<(), Why> {
        let all = CancelAllOrders { sub_account_id: self.sub_account.into(), kind: None, base: None, quote: None };
        let request = self.request("cancel_all_orders", &all);
        for _ in 0..8 {
            if !self.open_orders()?.is_empty() {
                self.line.send_in_time(&request)?;
            }
            let held = self.position()?;
            if held.is_zero() && self.open_orders()?.is_empty() {
                return Ok(());
            }
            let (side, most) = (if held.0 > 0 { Side::Sell } else { Side::Buy }, held.abs());
            if !most.is_zero() {
                let closing = self.taking(side, most, true)?;
                // what is below the least value is made larger first
                if closing.px.of(most).0 < self.said.min_notional.0 {
                    let more = self.least(closing.px);
                    let more = self.taking(side.other(), more, false)?;
                    let (client, _) = self.place(more)?;
                    let _ = self.ended(client);
                    continue;
                }
                let (client, sent) = self.place(closing)?;
                if sent.is_taken() {
                    self.ended(client)?;
                }
            }
            self.line.sleep(400);
        }
        Err("something is left open: look at the account".to_owned())
    }
}

/// 0, or the venue's code and its words.
fn code(answer: &Answer) -> Result<(u32, String), Why> {
    if answer.status == 200 {
        return Ok((0, String::new()));
    }
    let error: ApiError = parse("refusal", &answer.body).map_err(|_| answer.shown(80))?;
    Ok((error.code.0, error.message))
}

fn read<T: DeserializeOwned>(body: &str) -> Result<T, Why> {
    parse("answer", body).map_err(|error| error.to_string())
}
