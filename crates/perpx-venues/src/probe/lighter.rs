//! How Lighter is spoken to by who asks it questions: transactions one after the other, each looked at before the next.

use super::line::{Heard, Leaves, Line, Why};
use crate::client::{About, Body, Host, Request};
use crate::lighter::rest::{
    Account, Accounts, Market, NextNonce, Order, OrderBookDetails, OrderBookOrders, OrderStatus, Orders, Status,
};
use crate::lighter::sign::{
    Attributes, AuthToken, Head, NewOrder, PrivateKey, SignedTx, Tx, cancel_all, order_type, time_in_force,
};
use crate::refresh::RefreshError;
use crate::refresh::said::Said;
use crate::secret::{ENV_FILE, LIGHTER_KEY};
use crate::wall::now;
use crate::wire::{Dec, Num, parse};
use perpx_core::units::{MS, Price, Qty, SECOND, Time};
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::path::Path;

const TOKEN_SEC: i64 = 600;
const TX_LIFE_MS: i64 = 8_000;
const REST_MS: i64 = 600_000;
/// Looks at an order until it has arrived, and how long after each other.
const LOOKS: u32 = 30;
const BETWEEN_MS: u64 = 120;

/// What came of a transaction.
pub struct Sent {
    pub asked: Time,
    /// 200: taken.
    pub code: i64,
    pub message: String,
    pub body: Value,
}

impl Sent {
    pub fn is_taken(&self) -> bool {
        self.code == 200
    }

    /// Taken, or why not.
    pub fn taken(self) -> Result<Sent, Why> {
        if self.is_taken() { Ok(self) } else { Err(format!("{} {}", self.code, self.message)) }
    }
}

/// One account at Lighter.
pub struct Lighter {
    pub line: Line,
    key: PrivateKey,
    account: i64,
    api_key: i64,
    chain: u32,
    pub market: i64,
    pub size_unit: i64,
    pub price_unit: i64,
    pub said: Said,
    next_index: i64,
    token: Option<(i64, String)>,
}

impl Lighter {
    /// On an account that holds nothing.
    pub fn begin(mut line: Line, (account, api_key): (i64, i64), said: Said) -> Result<Lighter, RefreshError> {
        let key = PrivateKey::load(LIGHTER_KEY, Path::new(ENV_FILE))?;
        let failed = |why: Why| RefreshError::Overlay(why);
        let status: Status = read(&line.ask(&get("/".to_owned(), None)).map_err(failed)?).map_err(failed)?;
        let chain = u32::try_from(status.network_id.0).unwrap_or_default();
        let (market, size_unit, price_unit) = (said.market.parse().unwrap_or(-1), said.lot.0, said.tick.0);
        let next_index = now().steps(MS) << 6;
        let mut lighter = Lighter {
            line,
            key,
            account,
            api_key,
            chain,
            market,
            size_unit,
            price_unit,
            said,
            next_index,
            token: None,
        };
        let held = lighter.account().map_err(failed)?;
        let open = held.total_order_count.map_or(0, |count| count.0);
        let is_held =
            held.positions.iter().flatten().any(|one| one.position.value().is_some_and(|size| !size.is_zero()));
        if is_held || open > 0 {
            return Err(RefreshError::Overlay(
                "the account holds a position or has orders open: nothing was sent".to_owned(),
            ));
        }
        Ok(lighter)
    }

    pub fn token(&mut self) -> Result<String, Why> {
        let second = now().steps(SECOND);
        if let Some((until, token)) = &self.token
            && *until > second + TOKEN_SEC / 2
        {
            return Ok(token.clone());
        }
        let until = second + TOKEN_SEC;
        let token = AuthToken::sign(&self.key, until, self.account, self.api_key).map_err(|error| error.to_string())?;
        self.token = Some((until, token.to_string()));
        Ok(token.to_string())
    }

    fn ask<T: DeserializeOwned>(&mut self, path: String) -> Result<T, Why> {
        read(&self.line.ask(&get(format!("/api/v1/{path}"), None))?)
    }

    fn private<T: DeserializeOwned>(&mut self, path: String) -> Result<T, Why> {
        let token = self.token()?;
        read(&self.line.ask(&get(format!("/api/v1/{path}"), Some(token)))?)
    }

    pub fn account(&mut self) -> Result<Account, Why> {
        let all: Accounts = self.ask(format!("account?by=index&value={}", self.account))?;
        all.accounts.into_iter().next().ok_or_else(|| "no such account".to_owned())
    }

    pub fn details(&mut self) -> Result<Market, Why> {
        let id = self.market;
        let all: OrderBookDetails = self.ask(format!("orderBookDetails?market_id={id}"))?;
        all.order_book_details.into_iter().find(|one| one.market_id.0 == id).ok_or_else(|| "no such market".to_owned())
    }

    /// The mark.
    pub fn mark(&mut self) -> Result<Price, Why> {
        let mark = self.details()?.mark_price.ok_or("no mark is told")?;
        mark.price().map_err(|error| error.to_string())
    }

    /// The best bid and the best offer.
    pub fn best(&mut self) -> Result<[Price; 2], Why> {
        let book: OrderBookOrders = self.ask(format!("orderBookOrders?market_id={}&limit=1", self.market))?;
        let best = |side: Option<Vec<crate::lighter::rest::RestingOrder>>| {
            let first = side.into_iter().flatten().next().ok_or("one side of the book is empty")?;
            first.price.price().map_err(|error| error.to_string())
        };
        Ok([best(book.bids)?, best(book.asks)?])
    }

    pub fn nonce(&mut self) -> Result<i64, Why> {
        let path = format!("nextNonce?account_index={}&api_key_index={}", self.account, self.api_key);
        Ok(self.ask::<NextNonce>(path)?.nonce.0)
    }

    /// A price so many basis points from another one, on the tick.
    pub fn at_bp(&self, from: Price, bp: i64) -> i64 {
        (i128::from(from.0) * i128::from(10_000 + bp) / 10_000 / i128::from(self.price_unit)) as i64
    }

    /// The least that may rest at a price, in units of the wire; a little more, since the price may move.
    pub fn least(&self, price: i64) -> i64 {
        let unit = Price(price * self.price_unit).of(Qty(self.size_unit)).0.max(1);
        let by_value = self.said.min_notional.0 * 11 / 10 / unit + 1;
        i64::try_from(by_value).unwrap_or(i64::MAX).max(self.said.min_qty.0 / self.size_unit)
    }

    /// A new order, under a number of its own.
    pub fn order(
        &mut self,
        is_ask: bool,
        (base_amount, price): (i64, i64),
        time_in_force: i64,
        reduce_only: bool,
    ) -> (i64, Tx) {
        self.next_index += 1;
        let rests = time_in_force != time_in_force::IMMEDIATE_OR_CANCEL;
        let order = NewOrder {
            market_index: self.market,
            client_order_index: self.next_index,
            base_amount,
            price,
            is_ask: i64::from(is_ask),
            order_type: order_type::LIMIT,
            time_in_force,
            reduce_only: i64::from(reduce_only),
            trigger_price: 0,
            order_expiry: if rests { now().steps(MS) + REST_MS } else { 0 },
        };
        (self.next_index, Tx::CreateOrder(order))
    }

    /// A bid of the least size that rests.
    pub fn rest(&mut self, price: i64) -> (i64, Tx) {
        let base = self.least(price);
        self.order(false, (base, price), time_in_force::POST_ONLY, false)
    }

    /// Signed, as the wire has it: its type and its text.
    pub fn signed(&self, nonce: i64, tx: Tx) -> Result<(u8, String), Why> {
        let head = Head {
            account_index: self.account,
            api_key_index: self.api_key,
            expired_at: now().steps(MS) + TX_LIFE_MS,
            nonce,
            attributes: Attributes::new(),
        };
        let kind = tx.kind();
        let (signed, _) = SignedTx::sign(&self.key, self.chain, head, tx).map_err(|error| error.to_string())?;
        Ok((kind, signed.to_json()))
    }

    /// Sends a transaction with the next nonce, whatever comes of it.
    pub fn send(&mut self, tx: Tx) -> Result<Sent, Why> {
        let nonce = self.nonce()?;
        self.send_as(nonce, tx, None)
    }

    pub fn send_as(&mut self, nonce: i64, tx: Tx, protection: Option<bool>) -> Result<Sent, Why> {
        let (kind, info) = self.signed(nonce, tx)?;
        let mut fields = vec![("tx_type", kind.to_string()), ("tx_info", info)];
        fields.extend(protection.map(|flag| ("price_protection", flag.to_string())));
        self.post("sendTx", fields)
    }

    pub fn send_batch(&mut self, all: Vec<Tx>) -> Result<Sent, Why> {
        let first = self.nonce()?;
        let signed = (first..).zip(all).map(|(nonce, tx)| self.signed(nonce, tx)).collect::<Result<Vec<_>, Why>>()?;
        let (kinds, infos): (Vec<u8>, Vec<String>) = signed.into_iter().unzip();
        let text = |value: Value| value.to_string();
        self.post("sendTxBatch", vec![("tx_types", text(kinds.into())), ("tx_infos", text(infos.into()))])
    }

    fn post(&mut self, route: &str, fields: Vec<(&'static str, String)>) -> Result<Sent, Why> {
        let (path, body) = (format!("/api/v1/{route}"), Body::Form(fields));
        let request =
            Request { about: About::Markets, host: Host::Main, path, body, headers: Vec::new(), is_exit: false };
        let Heard { asked, answer, .. } = self.line.send_in_time(&request)?;
        let body: Value = serde_json::from_str(&answer.body).map_err(|_| answer.shown(80))?;
        let code = body["code"].as_i64().unwrap_or_else(|| answer.status.into());
        let message = body["message"].as_str().unwrap_or_default().to_owned();
        Ok(Sent { asked, code, message, body })
    }

    /// An order of ours as the venue knows it.
    pub fn find(&mut self, index: i64) -> Result<Option<Order>, Why> {
        let path = format!("accountOrders?account_index={}&client_order_indexes={index}", self.account);
        let orders: Orders = self.private(path)?;
        let is_it = |order: &Order| order.client_order_index.is_some_and(|own| own.0 == index.unsigned_abs());
        Ok(orders.orders.into_iter().flatten().find(is_it))
    }

    /// The same when it is what `is_it` wants, or after a while as it is.
    pub fn look(&mut self, index: i64, is_it: impl Fn(&Order) -> bool) -> Result<Order, Why> {
        let mut last = None;
        for _ in 0..LOOKS {
            last = self.find(index)?;
            if last.as_ref().is_some_and(&is_it) {
                break;
            }
            self.line.sleep(BETWEEN_MS);
        }
        last.ok_or_else(|| "an order that was taken is not known".to_owned())
    }

    /// The same when it has arrived.
    pub fn arrived(&mut self, index: i64) -> Result<Order, Why> {
        self.look(index, |order| !matches!(order.status, OrderStatus::InProgress | OrderStatus::Pending))
    }

    /// When the venue took a transaction, by its own clock; where it does not tell, when it was sent, by ours.
    pub fn queued(&mut self, sent: &Sent) -> Time {
        let reported = sent.body["tx_hash"].as_str().and_then(|hash| {
            let tx: crate::lighter::rest::Tx = self.ask(format!("tx?by=hash&value={hash}")).ok()?;
            tx.queued_at.filter(|at| at.0 > 0)
        });
        reported.map_or(sent.asked, |at| Time::at(at.0 * MS))
    }

    /// All orders of the account go.
    pub fn cancel_all(&mut self) -> Result<Sent, Why> {
        self.send(Tx::CancelAll { time_in_force: cancel_all::NOW, time: 0 })
    }
}

impl Leaves for Lighter {
    fn line(&mut self) -> &mut Line {
        &mut self.line
    }

    /// Orders go, a schedule is taken back, and what is held is closed; why not everything is.
    fn take_back(&mut self) -> Result<(), Why> {
        self.cancel_all()?;
        self.send(Tx::CancelAll { time_in_force: cancel_all::ABORT, time: 0 })?;
        for _ in 0..6 {
            let account = self.account()?;
            let own = account.positions.iter().flatten().find(|one| one.market_id.0 == self.market);
            let held = own.map_or(Ok(Qty::ZERO), |one| one.signed()).map_err(|error| error.to_string())?;
            let open = account.total_order_count.map_or(0, |count: Num<i64>| count.0);
            if held.is_zero() && open == 0 {
                return Ok(());
            }
            if !held.is_zero() {
                let [bid, ask] = self.best()?;
                let (is_ask, price) =
                    if held.0 > 0 { (true, self.at_bp(bid, -60)) } else { (false, self.at_bp(ask, 60)) };
                let base = held.0.abs() / self.size_unit;
                let (index, tx) = self.order(is_ask, (base, price), time_in_force::IMMEDIATE_OR_CANCEL, true);
                if self.send(tx)?.is_taken() {
                    self.arrived(index)?;
                }
            }
            self.line.sleep(500);
        }
        Err("something is left open: look at the account".to_owned())
    }
}

fn get(path: String, token: Option<String>) -> Request {
    let headers = token.map(|token| ("authorization", token)).into_iter().collect();
    Request { about: About::Markets, host: Host::Main, path, body: Body::None, headers, is_exit: false }
}

fn read<T: DeserializeOwned>(body: &str) -> Result<T, Why> {
    parse("answer", body).map_err(|error| error.to_string())
}

/// A number of an answer.
pub fn cash_of(value: Option<Dec>) -> Result<f64, Why> {
    value.and_then(|value| value.cash().ok()).map(|cash| cash.as_f64()).ok_or_else(|| "a number is not told".to_owned())
}
