//! The endpoints.

use super::orders::Order;
use super::show::{price, size};
use super::{LighterEmulator, MARKET, Refusal, show};
use crate::emulate::http::{HttpReply, HttpRequest};
use crate::emulate::views::LEVELS;
use perpx_core::market::{DepthLevel, Side};
use perpx_core::units::{MS_NS, Rate, SECOND_NS, Time};
use serde_json::{Value, json};

const BASE: &str = "/api/v1/";

fn invalid(what: &str) -> Refusal {
    Refusal::new(20001, format!("invalid param : {what}"))
}

impl LighterEmulator {
    pub(super) fn route(&mut self, request: &HttpRequest, now: Time) -> HttpReply {
        if request.path == "/" {
            let chain = self.settings.chain_id;
            return HttpReply::json(&json!({ "status": 200, "network_id": chain, "timestamp": now.0 / SECOND_NS }));
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
                self.send(kind, request.field("tx_info").ok_or_else(|| invalid("tx_info"))?, now)
            }
            ("POST", "sendTxBatch") => {
                let (kinds, infos) = (request.field("tx_types"), request.field("tx_infos"));
                self.send_batch(kinds.unwrap_or_default(), infos.unwrap_or_default(), now)
            }
            ("GET", "orderBooks") => Ok(json!({ "order_books": self.market(request, false) })),
            ("GET", "orderBookDetails") => {
                let (details, spot) = (self.market(request, true), json!([]));
                Ok(json!({ "order_book_details": details, "spot_order_book_details": spot }))
            }
            ("GET", "orderBookOrders") => self.book_orders(request, now),
            ("GET", "recentTrades") => {
                self.named_market(request)?;
                let trades: Vec<&Value> = self.trades.iter().take(limit(request)).collect();
                Ok(json!({ "trades": trades }))
            }
            ("GET", "fundings") => self.settlements(request),
            ("GET", "funding-rates") => Ok(self.funding_rates()),
            ("GET", "account") => {
                let by_index = request.field("by") == Some("index");
                let known = by_index && request.number("value").is_some_and(|index| self.is_account(index));
                let none = || Refusal::new(29404, "not found");
                let account = known.then(|| self.account_json()).ok_or_else(none)?;
                Ok(json!({ "total": 1, "accounts": [account], "next_cursor": "" }))
            }
            ("GET", "apikeys") => self.api_keys(request),
            ("GET", "nextNonce") => {
                self.named_account(request)?;
                let key = request.number("api_key_index").and_then(|key| self.nonces.get(&key));
                let last = key.ok_or_else(|| Refusal::new(21109, "api key not found"))?;
                Ok(json!({ "nonce": last + 1 }))
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

    /// What only the holder of a token reads.
    fn private(&mut self, endpoint: &str, request: &HttpRequest, now: Time) -> Result<Value, Refusal> {
        const KNOWN: [&str; 6] = [
            "accountActiveOrders",
            "accountInactiveOrders",
            "accountOrders",
            "trades",
            "positionFunding",
            "accountLimits",
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
            "accountActiveOrders" => json!({ "orders": list(&|order| here && order.is_open(), 1_500) }),
            "accountInactiveOrders" => json!({ "orders": list(&|order| here && !order.is_alive(), limit(request)) }),
            "accountOrders" => {
                let ids = request.field("client_order_indexes").unwrap_or_default().split(',');
                let ids: Vec<i64> = ids.filter_map(|id| id.trim().parse().ok()).collect();
                if ids.is_empty() || ids.len() > 20 {
                    return Err(invalid("client_order_indexes: 1 to 20 numbers"));
                }
                json!({ "orders": list(&|order| ids.contains(&order.asked.client_order_index), 20) })
            }
            "trades" => {
                let trades: Vec<&Value> = self.own_trades.iter().take(limit(request)).collect();
                json!({ "trades": trades })
            }
            "positionFunding" => {
                let rows: Vec<&Value> = self.fundings.iter().take(limit(request)).collect();
                json!({ "position_fundings": rows })
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

    fn named_account(&self, request: &HttpRequest) -> Result<(), Refusal> {
        let index = request.number("account_index").ok_or_else(|| invalid("account_index"))?;
        if self.is_account(index) { Ok(()) } else { Err(Refusal::new(21100, "account not found")) }
    }

    fn named_market(&self, request: &HttpRequest) -> Result<(), Refusal> {
        let market = request.number("market_id").ok_or_else(|| invalid("market_id"))?;
        if market == MARKET { Ok(()) } else { Err(Refusal::new(21602, format!("invalid market index: {market}"))) }
    }

    fn market(&self, request: &HttpRequest, detail: bool) -> Vec<Value> {
        let asked = request.number("market_id").is_none_or(|market| market == MARKET || market == 255);
        let perp = request.field("filter") != Some("spot");
        if asked && perp { vec![self.market_json(detail)] } else { Vec::new() }
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

    /// The market's settlements, oldest first; percent per hour, unsigned.
    fn settlements(&self, request: &HttpRequest) -> Result<Value, Refusal> {
        self.named_market(request)?;
        let (_, index) = self.core.marks();
        let past = self.core.settlements();
        let rows: Vec<Value> = past
            .map(|settlement| {
                let size = Rate(settlement.rate.0.abs());
                let value = index.of(perpx_core::units::Qty(1_000_000_000)).times(size, perpx_core::units::Cash(1));
                json!({
                    "timestamp": self.clock.wall(settlement.ts).0 / SECOND_NS, "value": show::cash(value),
                    "rate": show::percent(size, 6), "direction": if settlement.rate.0 < 0 { "short" } else { "long" },
                })
            })
            .collect();
        let from = rows.len().saturating_sub(request.number("count_back").map_or(750, |n| n.clamp(1, 750) as usize));
        Ok(json!({ "resolution": request.field("resolution").unwrap_or("1h"), "fundings": &rows[from..] }))
    }

    fn funding_rates(&self) -> Value {
        // a fraction per eight hours
        let rate = self.newest_rate().map_or(0.0, |(rate, _)| rate.as_f64() * 8.0);
        json!({ "funding_rates": [{ "market_id": MARKET, "exchange": "lighter", "symbol": show::SYMBOL, "rate": rate }] })
    }

    /// The market's last settlement.
    pub(super) fn newest_rate(&self) -> Option<(Rate, Time)> {
        let last = self.core.settlements().next_back()?;
        Some((last.rate, self.clock.wall(last.ts)))
    }

    /// Up to fifty transactions of one key, their nonces rising; one that is refused ends the batch.
    pub(super) fn send_batch(&mut self, kinds: &str, infos: &str, now: Time) -> Result<Value, Refusal> {
        let shape = || Refusal::new(21513, "invalid batch");
        let kinds: Vec<i64> = serde_json::from_str(kinds).map_err(|_| shape())?;
        let infos: Vec<String> = serde_json::from_str(infos).map_err(|_| shape())?;
        if kinds.len() != infos.len() || kinds.is_empty() {
            return Err(shape());
        }
        if kinds.len() > 50 {
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

fn limit(request: &HttpRequest) -> usize {
    request.number("limit").map_or(100, |limit| limit.clamp(1, 250) as usize)
}

/// Milliseconds of a wall time.
pub(super) fn ms(at: Time) -> i64 {
    at.0 / MS_NS
}
