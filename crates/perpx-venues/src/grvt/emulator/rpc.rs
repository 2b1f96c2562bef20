//! The routes: each is served over REST, and over the socket as a call of the same name.

use super::pages::own_page;
use super::session::cookie;
use super::{GrvtEmulator, INSTRUMENT, LOGIN, MARKET_DATA, Refusal, TRADES};
use crate::emulate::COIN;
use crate::emulate::http::{HttpReply, HttpRequest};
use crate::grvt::QUOTE;
use crate::grvt::rest::{BookQuery, InstrumentQuery};
use crate::grvt::trade::{
    AccountQuery, AddPositionMargin, AuthorizeBuilder, BulkOrders, CancelAllOrders, CancelOnDisconnect, CancelOrder,
    CreateOrder, HistoryQuery, MarginType, OrderQuery, SetPositionConfig, TransferQuery,
};
use crate::wire::{Quoted, parse_value};
use perpx_core::market::Side;
use perpx_core::units::{Cash, MS, Rate, Time};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

pub(super) fn refused(refusal: &Refusal) -> HttpReply {
    let Refusal { code, status, message } = refusal;
    let body = json!({ "code": code, "message": message, "status": status });
    HttpReply { status: *status, ..HttpReply::json(&body) }
}

fn read<T: DeserializeOwned>(body: &Value) -> Result<T, Refusal> {
    parse_value("request", body.clone()).map_err(|error| malformed(&error.to_string()))
}

pub(super) fn malformed(why: &str) -> Refusal {
    Refusal::new(1003, format!("HttpRequest could not be processed due to malformed syntax: {why}"))
}

fn found(result: impl serde::Serialize) -> Result<Value, Refusal> {
    Ok(json!({ "result": result }))
}

fn ack() -> Result<Value, Refusal> {
    found(json!({ "ack": true }))
}

fn not_found() -> Result<Value, Refusal> {
    Err(Refusal::new(1004, "Data Not Found"))
}

impl GrvtEmulator {
    /// A request over HTTP.
    pub(super) fn route(&mut self, host: usize, request: &HttpRequest, now: Time) -> HttpReply {
        if host == LOGIN {
            return self.login(request, now);
        }
        if host == MARKET_DATA && request.path == "/time" {
            return HttpReply::json(&json!({ "server_time": now.steps(MS) }));
        }
        let path = request.path.strip_prefix("/full/").filter(|_| request.method == "POST").unwrap_or_default();
        let answer = serde_json::from_str::<Value>(&request.body)
            .map_err(|error| malformed(&error.to_string()))
            .and_then(|body| {
                if host == TRADES {
                    self.authorize(&cookie(request), now)?;
                }
                self.call(host, path, &body, now)
            });
        match answer {
            Ok(value) => HttpReply::json(&value),
            Err(refusal) => refused(&refusal),
        }
    }

    /// A call of `path` ("v1/book") by someone who may make it; the body of the REST reply.
    pub(super) fn call(&mut self, host: usize, path: &str, body: &Value, now: Time) -> Result<Value, Refusal> {
        let (version, route) = path.split_once('/').unwrap_or_default();
        let bulk = body["orders"].as_array().map_or(1, Vec::len);
        if !self.limits.take(route, if route == "bulk_orders" { bulk } else { 1 }, now) {
            return Err(Refusal::new(1006, "You are surpassing the allowed rate limits for your tier"));
        }
        match (host, version, route) {
            (TRADES, "v2", "bulk_orders") => self.bulk(&read(body)?, now),
            (MARKET_DATA, "v1", route) => self.market_data(route, body, now),
            (TRADES, "v1", route) => self.trade(route, body, now),
            _ => not_found(),
        }
    }

    fn market_data(&self, route: &str, body: &Value, now: Time) -> Result<Value, Refusal> {
        let named = || -> Result<InstrumentQuery, Refusal> {
            let query: InstrumentQuery = read(body)?;
            let known = query.instrument == INSTRUMENT;
            if known { Ok(query) } else { Err(Refusal::new(3000, "Instrument is invalid")) }
        };
        let most = body["limit"].as_u64().map_or(500, |limit| limit.clamp(1, 1_000) as usize);
        match route {
            "instrument" => found((named()?, &self.instrument).1),
            "all_instruments" => found([&self.instrument]),
            "instruments" => {
                let fits = |name: &str, word: &str| {
                    let list = body[name].as_array();
                    list.is_none_or(|list| list.is_empty() || list.iter().any(|other| other == word))
                };
                let shown = fits("kind", "PERPETUAL") && fits("base", COIN) && fits("quote", QUOTE);
                found(shown.then_some(&self.instrument).into_iter().collect::<Vec<_>>())
            }
            "currency" => found(json!([{
                "id": 3, "symbol": QUOTE, "balance_decimals": 6, "quantity_multiplier": "1000000",
            }])),
            "margin_rules" => {
                named()?;
                Ok(self.margin_rules())
            }
            "mini" => found((named()?, self.mini_json(now)).1),
            "ticker" => found((named()?, self.ticker_json(now)).1),
            "book" => {
                let (_, query) = (named()?, read::<BookQuery>(body)?);
                let depth = query.depth.0 as usize;
                if ![10, 50, 100, 500].contains(&depth) {
                    return Err(Refusal::new(3031, "Depth is invalid"));
                }
                let (bids, asks) = (self.levels_json(Side::Buy, depth), self.levels_json(Side::Sell, depth));
                found(json!({ "event_time": now.0.to_string(), "instrument": INSTRUMENT, "bids": bids, "asks": asks }))
            }
            "trade" => found((named()?, self.newest_trades(most)).1),
            "trade_history" => (named()?, self.trade_page(&read(body)?)).1,
            "funding" => (named()?, self.funding_page(&read(body)?, body["agg_type"].as_str())).1,
            "kline" => (named()?, self.candle_page(&read(body)?)).1,
            _ => not_found(),
        }
    }

    fn margin_rules(&self) -> Value {
        let brackets = &self.core.world.instrument.margin.brackets;
        let rows: Vec<Value> = brackets
            .iter()
            .enumerate()
            .map(|(at, bracket)| {
                let cap = brackets.get(at + 1).map(|next| super::show::value(next.floor));
                let mut row = json!({
                    "tier": at + 1, "notional_floor": super::show::value(bracket.floor),
                    "maintenance_margin_rate": super::show::decimal(bracket.maintenance.0.into(), 12),
                    "initial_margin_rate": super::show::decimal(i128::from(bracket.maintenance.0) * 2, 12),
                    "max_leverage": (Rate::ONE / (bracket.maintenance.0 * 2).max(1)).clamp(1, 50),
                    "cumulative_maintenance_amount": "0.0",
                });
                if let Some(cap) = cap {
                    row["notional_cap"] = json!(cap);
                }
                row
            })
            .collect();
        json!({ "instrument": INSTRUMENT, "max_position_size": "1000.0", "risk_brackets": rows })
    }

    fn own(&self, sub_account: Quoted<u64>) -> Result<(), Refusal> {
        if sub_account.0 == self.settings.sub_account {
            return Ok(());
        }
        Err(Refusal::new(1001, "You are not authorized to access this functionality"))
    }

    fn owned(&self, body: &Value) -> Result<(), Refusal> {
        self.own(read::<AccountQuery>(body)?.sub_account_id)
    }

    /// Requests of an account, parted by what they are about.
    fn trade(&mut self, route: &str, body: &Value, now: Time) -> Result<Value, Refusal> {
        match route {
            "create_order" | "cancel_order" | "cancel_all_orders" | "cancel_on_disconnect" => {
                self.order_route(route, body, now)
            }
            "order" | "open_orders" | "order_history" | "fill_history" | "funding_payment_history" => {
                self.lookup_route(route, body)
            }
            "set_initial_leverage" | "set_position_config" | "add_position_margin" => {
                self.margin_route(route, body, now)
            }
            _ => self.account_route(route, body, now),
        }
    }

    fn order_route(&mut self, route: &str, body: &Value, now: Time) -> Result<Value, Refusal> {
        match route {
            "create_order" => {
                let wire = read::<CreateOrder>(body)?.order;
                found(self.create(wire, now)?)
            }
            "cancel_order" => {
                let cancel: CancelOrder = read(body)?;
                self.own(cancel.sub_account_id)?;
                self.cancel_one(&cancel, now)?;
                ack()
            }
            "cancel_all_orders" => {
                let filter: CancelAllOrders = read(body)?;
                self.own(filter.sub_account_id)?;
                self.cancel_all(&filter);
                ack()
            }
            "cancel_on_disconnect" => {
                let switch: CancelOnDisconnect = read(body)?;
                self.own(switch.sub_account_id)?;
                self.arm(&switch, now)?;
                ack()
            }
            _ => not_found(),
        }
    }

    fn lookup_route(&self, route: &str, body: &Value) -> Result<Value, Refusal> {
        match route {
            "order" => {
                let query: OrderQuery = read(body)?;
                self.own(query.sub_account_id)?;
                let order = self.named(query.order_id.as_deref(), query.client_order_id.map(|id| id.0));
                let now = self.clock.wall(self.core.now());
                let order = order.filter(|order| order.created.plus(self.settings.habits.known_after) <= now);
                found(self.order_wire(order.ok_or_else(|| Refusal::new(1004, "Data Not Found"))?))
            }
            "open_orders" => {
                self.owned(body)?;
                found(
                    self.orders
                        .values()
                        .filter(|order| order.is_open())
                        .map(|order| self.order_wire(order))
                        .collect::<Vec<_>>(),
                )
            }
            "order_history" => {
                let query: HistoryQuery = read(body)?;
                self.own(query.sub_account_id)?;
                let ended = self.orders.values().rev().filter(|order| !order.is_alive());
                let rows = ended.map(|order| (order.id.0.into(), order.created.0, json!(self.order_wire(order))));
                own_page(&query, rows)
            }
            "fill_history" | "funding_payment_history" => {
                let query: HistoryQuery = read(body)?;
                self.own(query.sub_account_id)?;
                let (list, number) = match route {
                    "fill_history" => (&self.fills, "trade_id"),
                    _ => (&self.payments, "event_time"),
                };
                let rows = list.iter().map(|row| {
                    let digits = |name: &str| row[name].as_str().and_then(|text| text.split('-').next()?.parse().ok());
                    (digits(number).unwrap_or(0), digits("event_time").unwrap_or(0) as i64, row.clone())
                });
                own_page(&query, rows)
            }
            _ => not_found(),
        }
    }

    /// What was paid in, newest first.
    fn transfers(&self, query: &TransferQuery) -> Result<Value, Refusal> {
        let (main, sub_account) = (self.settings.signer.to_string(), self.settings.sub_account.to_string());
        let row = |(id, (at, amount)): (usize, &(Time, Cash))| {
            json!({
                "tx_id": id.to_string(), "from_account_id": main, "from_sub_account_id": "0", "to_account_id": main,
                "to_sub_account_id": sub_account, "currency": QUOTE, "num_tokens": super::show::cash(*amount),
                "event_time": at.0.to_string(),
            })
        };
        let from = query.start_time.map_or(Time::MIN, |time| Time(time.0));
        let rows = self.core.paid_in.iter().enumerate().rev().filter(|(_, (at, _))| *at >= from).map(row);
        Ok(json!({ "result": rows.collect::<Vec<_>>(), "next": "" }))
    }

    fn account_route(&mut self, route: &str, body: &Value, now: Time) -> Result<Value, Refusal> {
        match route {
            "positions" => {
                self.owned(body)?;
                found(self.positions(now))
            }
            "account_summary" => {
                self.owned(body)?;
                found(self.summary_json(now))
            }
            "funding_account_summary" | "aggregated_account_summary" => {
                let equity = super::show::value(self.core.account().equity(self.core.mark()));
                let main = self.settings.signer.to_string();
                let free = super::show::cash(self.core.account().available(self.core.mark()));
                let mut answer = json!({ "result": {
                    "main_account_id": main, "total_equity": equity, "spot_balances": self.balances(),
                    "vault_investments": [], "total_sub_account_balance": equity, "total_sub_account_equity": equity,
                    "total_vault_investments_balance": "0.0", "total_sub_account_available_balance": free,
                    "total_usd_notional_invested": "0.0",
                } });
                if route == "funding_account_summary" {
                    let millionths = |maker| self.core.world.fees.rate(maker).0 / 1_000_000;
                    answer["tier"] = json!({
                        "tier": 1, "futures_taker_fee": millionths(false), "futures_maker_fee": millionths(true),
                        "options_taker_fee": 0, "options_maker_fee": 0,
                    });
                }
                Ok(answer)
            }
            "transfer_history" => self.transfers(&read(body)?),
            "get_sub_accounts" => Ok(json!({ "sub_account_ids": [self.settings.sub_account.to_string()] })),
            "authorize_builder" => {
                let authorize: AuthorizeBuilder = read(body)?;
                self.check_signature(&authorize, now)?;
                self.builders.retain(|other| other.builder_account_id != authorize.builder_account_id);
                self.builders.push(authorize);
                found(json!({ "ack": true, "tx_id": "0" }))
            }
            "get_authorized_builders" => {
                let row = |builder: &AuthorizeBuilder| {
                    json!({
                        "builder_account_id": builder.builder_account_id,
                        "max_futures_fee_rate": builder.max_futures_fee_rate,
                        "max_spot_fee_rate": builder.max_spot_fee_rate,
                    })
                };
                Ok(json!({ "results": self.builders.iter().map(row).collect::<Vec<_>>() }))
            }
            "get_all_initial_leverage" => {
                self.owned(body)?;
                let leverage = super::show::decimal(self.leverage.0.into(), 12);
                Ok(json!({ "results": [{
                    "instrument": INSTRUMENT, "leverage": leverage, "min_leverage": "1.0", "max_leverage": "50.0",
                    "margin_type": self.margin_type(),
                }] }))
            }
            "get_position_margin_limits" => {
                self.owned(body)?;
                let movable = self.core.account().movable(self.core.mark());
                let [most_in, most_out] = if self.core.account().isolated { movable } else { Default::default() };
                Ok(json!({
                    "instrument": INSTRUMENT, "max_addable_amount": super::show::cash(most_in),
                    "max_removable_amount": super::show::cash(most_out),
                }))
            }
            _ => not_found(),
        }
    }

    fn margin_route(&mut self, route: &str, body: &Value, now: Time) -> Result<Value, Refusal> {
        match route {
            "set_initial_leverage" => {
                self.owned(body)?;
                let text = body["leverage"].as_str().unwrap_or_default();
                let leverage = crate::wire::Dec::read(text).ok_or_else(|| malformed("leverage"))?;
                self.set_leverage(&leverage)?;
                Ok(json!({ "success": true }))
            }
            "set_position_config" => {
                let config: SetPositionConfig = read(body)?;
                self.own(config.sub_account_id)?;
                self.check_signature(&config, now)?;
                self.is_flat()?;
                self.set_leverage(&config.leverage)?;
                let isolated = config.margin_type == MarginType::Isolated;
                (self.core.account_mut().isolated, self.reported.isolated) = (isolated, isolated);
                ack()
            }
            "add_position_margin" => {
                let add: AddPositionMargin = read(body)?;
                self.own(add.sub_account_id)?;
                self.check_signature(&add, now)?;
                let amount = add.amount.cash().map_err(|_| malformed("amount"))?;
                let mark = self.core.mark();
                if !self.core.account_mut().move_margin(amount, mark) {
                    let why = "Margin cannot be moved: no isolated position, or more than may be";
                    return Err(Refusal::new(7450, why));
                }
                self.reported.allocated += amount;
                Ok(json!({ "success": true }))
            }
            _ => not_found(),
        }
    }

    fn is_flat(&self) -> Result<(), Refusal> {
        if !self.core.account().position.is_zero() {
            return Err(Refusal::new(2102, "Cannot change with an open position"));
        }
        match self.orders.values().any(|order| order.is_alive()) {
            true => Err(Refusal::new(2103, "Cannot change with open orders")),
            false => Ok(()),
        }
    }

    /// Whole times from 1 to 50; never what leaves the position without its margin.
    fn set_leverage(&mut self, leverage: &crate::wire::Dec) -> Result<(), Refusal> {
        let refused = || Refusal::new(2100, "Leverage is invalid: a whole number from 1 to 50");
        let times = leverage.fraction().map_err(|_| refused())?;
        if times.0 % Rate::ONE != 0 || !(1..=50).contains(&(times.0 / Rate::ONE)) {
            return Err(refused());
        }
        // rounded up: no more may be opened than the leverage says
        let initial = Rate((Rate::ONE + times.0 / Rate::ONE - 1) / (times.0 / Rate::ONE));
        let initial = initial.max(self.settings.habits.least_initial);
        let mark = self.core.mark();
        if !self.core.account_mut().set_initial(initial, mark) {
            return Err(Refusal::new(2101, "Leverage is too low for the position"));
        }
        (self.leverage, self.reported.initial) = (times, initial);
        Ok(())
    }

    /// Cancels first, then creates.
    fn bulk(&mut self, bulk: &BulkOrders, now: Time) -> Result<Value, Refusal> {
        self.own(bulk.sub_account_id)?;
        let orders = bulk.orders.as_deref().unwrap_or_default();
        let (ids, clients) =
            (bulk.order_i_ds.as_deref().unwrap_or_default(), bulk.client_order_i_ds.as_deref().unwrap_or_default());
        if orders.len() > 100 || ids.len().max(clients.len()) > 100 || !ids.is_empty() && !clients.is_empty() {
            return Err(Refusal::new(2232, "Bulk: at most 100 creates and 100 cancels, by one kind of id"));
        }
        let (sub_account_id, time_to_live_ms) = (bulk.sub_account_id, bulk.time_to_live_ms);
        let by_id = ids.iter().map(|id| (Some(id.clone()), None));
        let by_client = clients.iter().map(|id| (None, Some(*id)));
        let mut acks = Vec::new();
        for (order_id, client_order_id) in by_id.chain(by_client) {
            self.cancel_one(&CancelOrder { sub_account_id, order_id, client_order_id, time_to_live_ms }, now)?;
            acks.push(json!({ "ack": true }));
        }
        let mut created = Vec::new();
        for order in orders {
            created.push(self.create(order.clone(), now)?);
        }
        Ok(json!({ "orders": if created.is_empty() { Value::Null } else { json!(created) }, "cancel_acks": acks }))
    }
}
