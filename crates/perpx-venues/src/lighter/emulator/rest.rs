//! The endpoints.

use super::orders::Order;
use super::show::{price, size};
use super::{LighterEmulator, MARKET, Refusal, show};
use crate::emulate::http::{HttpReply, HttpRequest};
use crate::emulate::views::LEVELS;
use perpx_core::market::{DepthLevel, Side};
use perpx_core::units::{Cash, MS, SECOND, Time};
use serde_json::{Value, json};

const BASE: &str = "/api/v1/";

pub(super) fn invalid(what: &str) -> Refusal {
    Refusal::new(20001, format!("invalid param : {what}"))
}

impl LighterEmulator {
    pub(super) fn route(&mut self, request: &HttpRequest, now: Time) -> HttpReply {
        if request.path == "/" {
            let chain = self.settings.chain_id;
            return HttpReply::json(&json!({ "status": 200, "network_id": chain, "timestamp": now.steps(SECOND) }));
        }
        let endpoint = request.path.strip_prefix(BASE).unwrap_or_default().to_owned();
        let refuse = |status: u16, refusal: Refusal| {
            let body = json!({ "code": refusal.code, "message": refusal.message });
            HttpReply { status, ..HttpReply::json(&body) }
        };
        if !self.limits.take(&endpoint, now) {
            return refuse(429, Refusal::new(23000, "Too Many Requests!"));
        }
        match self.answer(&endpoint, request, now) {
            Ok(mut value) => {
                if let Some(value) = value.as_object_mut() {
                    value.entry("code").or_insert(json!(200));
                }
                HttpReply::json(&value)
            }
            Err(refusal) => refuse(if refusal.code == 29404 { 404 } else { 400 }, refusal),
        }
    }

    fn answer(&mut self, endpoint: &str, request: &HttpRequest, now: Time) -> Result<Value, Refusal> {
        match (request.method.as_str(), endpoint) {
            ("POST", "sendTx") => {
                let kind = request.number("tx_type").ok_or_else(|| invalid("tx_type"))?;
                let unprotected = request.field("price_protection") == Some("false");
                self.is_unprotected = unprotected && self.settings.habits.protection_lifts;
                let sent = self.send(kind, request.field("tx_info").ok_or_else(|| invalid("tx_info"))?, now);
                self.is_unprotected = false;
                sent
            }
            ("POST", "sendTxBatch") => {
                let (kinds, infos) = (request.field("tx_types"), request.field("tx_infos"));
                self.send_batch(kinds.unwrap_or_default(), infos.unwrap_or_default(), now)
            }
            ("GET", "orderBooks") => Ok(json!({ "order_books": self.market(request, false, now) })),
            ("GET", "orderBookDetails") => {
                let (details, spot) = (self.market(request, true, now), json!([]));
                Ok(json!({ "order_book_details": details, "spot_order_book_details": spot }))
            }
            ("GET", "orderBookOrders") => self.book_orders(request, now),
            ("GET", "recentTrades") => {
                self.named_market(request)?;
                Ok(json!({ "trades": self.newest_trades(page(request)?) }))
            }
            ("GET", "trades") => self.trade_page(request, now),
            ("GET", "candles") => self.candles(request, false),
            ("GET", "markPriceCandles") => self.candles(request, true),
            ("GET", "fundings") => self.settlements(request),
            ("GET", "funding-rates") => Ok(self.funding_rates(now)),
            ("GET", "exchangeStats") => Ok(self.exchange_stats(now)),
            ("GET", "assetDetails") => Ok(json!({ "asset_details": [self.asset_json()] })),
            ("GET", "account") => {
                let known = match request.field("by") {
                    Some("index") => request.number("value").is_some_and(|index| self.is_account(index)),
                    Some("l1_address") => self.is_owner(request.field("value")),
                    _ => return Err(invalid("by")),
                };
                let none = || Refusal::new(29404, "not found");
                let account = known.then(|| self.account_json()).ok_or_else(none)?;
                Ok(json!({ "total": 1, "accounts": [account], "next_cursor": "" }))
            }
            ("GET", "accountsByL1Address") => {
                let owner = request.field("l1_address");
                let account = self.is_owner(owner).then(|| self.account_json());
                let account = account.ok_or_else(|| Refusal::new(21100, "account not found"))?;
                Ok(json!({ "l1_address": owner, "sub_accounts": [account] }))
            }
            ("GET", "apikeys") => self.api_keys(request),
            ("GET", "nextNonce") => {
                self.named_account(request)?;
                let key = request.number("api_key_index").filter(|key| (0..=254).contains(key));
                let key = key.ok_or_else(|| invalid("api_key_index"))?;
                Ok(json!({ "nonce": self.last_nonce(key) + 1 }))
            }
            ("GET", "tx") => {
                let hash = request.field("value").filter(|_| request.field("by") == Some("hash"));
                let tx = hash.and_then(|hash| self.txs.iter().find(|tx| tx["hash"] == hash));
                tx.cloned().ok_or_else(|| Refusal::new(29404, "not found"))
            }
            ("GET", endpoint) => self.private(endpoint, request, now),
            _ => Err(Refusal::new(29404, "not found")),
        }
    }

    /// What was paid in, newest first.
    fn deposits(&self) -> Vec<Value> {
        let row = |(id, (at, amount)): (usize, &(Time, Cash))| {
            json!({
                "id": id.to_string(), "asset_id": show::USDC, "amount": show::cash(*amount), "timestamp": at.steps(MS),
                "status": "completed", "l1_tx_hash": "",
            })
        };
        self.core.paid_in.iter().enumerate().rev().map(row).collect()
    }

    /// What only the holder of a token reads.
    fn private(&mut self, endpoint: &str, request: &HttpRequest, now: Time) -> Result<Value, Refusal> {
        const KNOWN: [&str; 8] = [
            "accountActiveOrders",
            "accountInactiveOrders",
            "accountOrders",
            "positionFunding",
            "accountLimits",
            "deposit/history",
            "transfer/history",
            "withdraw/history",
        ];
        if !KNOWN.contains(&endpoint) {
            return Err(Refusal::new(29404, "not found"));
        }
        self.authorize(request.header("authorization").or(request.field("auth")), now)?;
        if request.field("account_index").is_some() || endpoint != "accountOrders" {
            self.named_account(request)?;
        }
        let list = |keep: &dyn Fn(&Order) -> bool, most: usize| -> Vec<Value> {
            self.orders
                .values()
                .rev()
                .filter(|order| keep(order))
                .take(most)
                .map(|order| self.order_json(order))
                .collect()
        };
        let here = request.number("market_id").is_none_or(|market| market == MARKET || market == 255);
        Ok(match endpoint {
            "deposit/history" => json!({ "deposits": self.deposits(), "cursor": "" }),
            "transfer/history" => json!({ "transfers": [], "cursor": "" }),
            "withdraw/history" => json!({ "withdraws": [], "cursor": "" }),
            "accountActiveOrders" => json!({ "orders": list(&|order| here && order.is_open(), 1_500) }),
            "accountInactiveOrders" => {
                let (before, most) = (cursor(request)?, page(request)?);
                let ended =
                    |order: &Order| here && !order.is_alive() && before.is_none_or(|id| u64::from(order.id.0) < id);
                let mut ended = self.orders.values().rev().filter(|order| ended(order)).peekable();
                let rows: Vec<&Order> = ended.by_ref().take(most).collect();
                let next = rows.last().filter(|_| ended.peek().is_some()).map(|order| order.id.0.into());
                let rows: Vec<Value> = rows.into_iter().map(|order| self.order_json(order)).collect();
                with_next("orders", json!(rows), next)
            }
            "accountOrders" => {
                let ids = request.field("client_order_indexes").unwrap_or_default().split(',');
                let ids: Vec<i64> = ids.filter_map(|id| id.trim().parse().ok()).collect();
                if ids.is_empty() || ids.len() > 20 {
                    return Err(invalid("client_order_indexes: 1 to 20 numbers"));
                }
                json!({ "orders": list(&|order| ids.contains(&order.asked.client_order_index), 20) })
            }
            "positionFunding" => {
                let (before, most) = (cursor(request)?, page(request)?);
                let number = |row: &&Value| row["funding_id"].as_u64().unwrap_or(0);
                let older = |row: &&Value| here && before.is_none_or(|id| number(row) < id);
                let mut older = self.fundings.iter().filter(older).peekable();
                let rows: Vec<&Value> = older.by_ref().take(most).collect();
                let next = rows.last().filter(|_| older.peek().is_some()).map(number);
                with_next("position_fundings", json!(rows), next)
            }
            _ => {
                let ticks = |maker| self.core.world.fees.rate(maker).0 / 1_000_000;
                json!({
                    "max_llp_percentage": 0, "user_tier": self.settings.tier, "can_create_public_pool": false,
                    "max_llp_amount": "0", "current_maker_fee_tick": ticks(true), "current_taker_fee_tick": ticks(false),
                    "effective_lit_stakes": "0", "leased_lit": "0", "user_tier_name": self.settings.tier,
                    "bo_user_tier_name": "", "bo_fee_rate": 0.0,
                })
            }
        })
    }

    pub(super) fn is_owner(&self, address: Option<&str>) -> bool {
        address.is_some_and(|address| address.eq_ignore_ascii_case(&self.settings.l1_address))
    }

    pub(super) fn named_account(&self, request: &HttpRequest) -> Result<(), Refusal> {
        let index = request.number("account_index").ok_or_else(|| invalid("account_index"))?;
        if self.is_account(index) { Ok(()) } else { Err(Refusal::new(21100, "account not found")) }
    }

    pub(super) fn named_market(&self, request: &HttpRequest) -> Result<(), Refusal> {
        let market = request.number("market_id").ok_or_else(|| invalid("market_id"))?;
        if market == MARKET { Ok(()) } else { Err(Refusal::new(21602, format!("invalid market index: {market}"))) }
    }

    fn market(&self, request: &HttpRequest, detail: bool, now: Time) -> Vec<Value> {
        let asked = request.number("market_id").is_none_or(|market| market == MARKET || market == 255);
        let perp = request.field("filter") != Some("spot");
        if asked && perp { vec![self.market_json(detail, now)] } else { Vec::new() }
    }

    fn api_keys(&self, request: &HttpRequest) -> Result<Value, Refusal> {
        self.named_account(request)?;
        let wanted = request.number("api_key_index").unwrap_or(255);
        let keys = self.settings.keys.iter().filter(|(index, _)| wanted == 255 || **index == wanted);
        let keys: Vec<Value> = keys
            .map(|(index, key)| {
                json!({
                    "account_index": self.settings.account_index, "api_key_index": index, "public_key": key.to_hex(),
                    "nonce": self.nonces.get(index).copied().unwrap_or(0), "transaction_time": 0,
                })
            })
            .collect();
        if keys.is_empty() { Err(Refusal::new(21109, "api key not found")) } else { Ok(json!({ "api_keys": keys })) }
    }

    /// Individual orders: ours, and one of the public's at each level.
    fn book_orders(&self, request: &HttpRequest, now: Time) -> Result<Value, Refusal> {
        self.named_market(request)?;
        let row = |index: u64, owner: i64, whole: String, left: String, px: String, expiry: i64| {
            json!({
                "order_index": index, "order_id": index.to_string(), "owner_account_index": owner, "price": px,
                "initial_base_amount": whole, "remaining_base_amount": left, "order_expiry": expiry,
                "transaction_time": now.0 / 1_000,
            })
        };
        let side = |side: Side| {
            let levels = self.core.levels(side, LEVELS).into_iter().enumerate();
            let public = levels.map(|(n, DepthLevel { px, qty })| {
                let index = ((MARKET as u64 + 1) << 48) | (1 << 40) | ((side as u64) << 39) | n as u64;
                (px, row(index, 0, size(qty), size(qty), price(px), 0))
            });
            let ours = self
                .orders
                .values()
                .filter(|order| order.is_open() && (order.asked.is_ask == 1) == (side == Side::Sell));
            let (account, show) = (self.settings.account_index, |order: &Order| (size(order.qty), size(order.left())));
            let ours = ours.map(|order| {
                let (whole, left) = show(order);
                (order.limit, row(order.index, account, whole, left, price(order.limit), order.asked.order_expiry))
            });
            let mut rows: Vec<_> = public.chain(ours).collect();
            rows.sort_by_key(|(px, _)| if side == Side::Buy { -px.0 } else { px.0 });
            let rows: Vec<Value> = rows.into_iter().map(|(_, row)| row).take(limit(request)).collect();
            rows
        };
        let (asks, bids) = (side(Side::Sell), side(Side::Buy));
        Ok(json!({ "total_asks": asks.len(), "asks": asks, "total_bids": bids.len(), "bids": bids }))
    }

    fn exchange_stats(&self, now: Time) -> Value {
        let mut stats = self.day_json(now);
        stats["symbol"] = json!(show::SYMBOL);
        let (volume, count) = (stats["daily_quote_token_volume"].clone(), stats["daily_trades_count"].clone());
        json!({ "total": 1, "order_book_stats": [stats], "daily_usd_volume": volume, "daily_trades_count": count })
    }

    fn asset_json(&self) -> Value {
        json!({
            "asset_id": show::USDC, "symbol": "USDC", "l1_decimals": 6, "decimals": 6, "price_decimals": 6,
            "min_transfer_amount": "1.000000", "min_withdrawal_amount": "1.000000", "margin_mode": "disabled",
            "index_price": "1.000000", "l1_address": "0x0000000000000000000000000000000000000000", "multiplier": "1",
            "global_supply_cap": "0", "user_supply_cap": "0", "total_supplied": "0", "loan_to_value": "0",
            "liquidation_threshold": "0", "liquidation_fee": "0", "liquidation_factor": "0",
        })
    }

    /// Up to fifty transactions, or as it is drawn, of one key, their nonces rising; one that is refused ends the batch.
    pub(super) fn send_batch(&mut self, kinds: &str, infos: &str, now: Time) -> Result<Value, Refusal> {
        let shape = || Refusal::new(21513, "invalid batch");
        let kinds: Vec<i64> = serde_json::from_str(kinds).map_err(|_| shape())?;
        let infos: Vec<String> = serde_json::from_str(infos).map_err(|_| shape())?;
        if kinds.len() != infos.len() || kinds.is_empty() {
            return Err(shape());
        }
        if kinds.len() > self.settings.habits.most_in_batch {
            return Err(Refusal::new(21514, "too many transactions in a batch"));
        }
        let heads: Vec<Value> = infos.iter().filter_map(|info| serde_json::from_str(info).ok()).collect();
        let who = |head: &Value| (head["AccountIndex"].as_i64(), head["ApiKeyIndex"].as_i64());
        if heads.windows(2).any(|pair| who(&pair[0]) != who(&pair[1])) {
            return Err(Refusal::new(21121, "batch of different accounts or api keys"));
        }
        if heads.windows(2).any(|pair| pair[0]["Nonce"].as_i64() >= pair[1]["Nonce"].as_i64()) {
            return Err(Refusal::new(21105, "batch nonces are not increasing"));
        }
        let mut hashes = Vec::new();
        let mut last = json!({});
        for (kind, info) in kinds.into_iter().zip(&infos) {
            last = self.send(kind, info, now)?;
            hashes.push(last["tx_hash"].take());
        }
        last["tx_hash"] = json!(hashes);
        Ok(last)
    }
}

/// Rows of the book that are asked for.
fn limit(request: &HttpRequest) -> usize {
    request.number("limit").map_or(100, |limit| limit.clamp(1, 250) as usize)
}

/// Rows of a page of history.
pub(super) fn page(request: &HttpRequest) -> Result<usize, Refusal> {
    let limit = request.number("limit").filter(|limit| (1..=100).contains(limit));
    limit.map(|limit| limit as usize).ok_or_else(|| invalid("limit: 1 to 100"))
}

/// Where a page goes on: after the row of this number.
pub(super) fn cursor(request: &HttpRequest) -> Result<Option<u64>, Refusal> {
    let text = request.field("cursor").filter(|text| !text.is_empty());
    text.map(|text| text.strip_prefix("after-").and_then(|id| id.parse().ok()).ok_or_else(|| invalid("cursor")))
        .transpose()
}

/// A page; `next`: the last row's number, where there are more.
pub(super) fn with_next(name: &str, rows: Value, next: Option<u64>) -> Value {
    let mut page = json!({ name: rows });
    if let Some(next) = next {
        page["next_cursor"] = json!(format!("after-{next}"));
    }
    page
}

/// Milliseconds of a wall time.
pub(super) fn ms(at: Time) -> i64 {
    at.steps(MS)
}
