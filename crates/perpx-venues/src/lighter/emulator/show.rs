//! Orders, trades, positions, account and market as Lighter writes them: fixed decimals in texts, whole numbers for ids and
//! times. Every field that the venue's own client insists on is there.

use super::orders::Order;
use super::{LighterEmulator, MARKET, PRICE_DECIMALS, SIZE_DECIMALS};
use crate::emulate::faults::MarketStatus;
use crate::emulate::history::Print;
use crate::lighter::sign::{order_type, time_in_force};
use perpx_core::market::{OrderId, Side};
use perpx_core::units::{Cash, MS, Notional, Price, Qty, Rate, SECOND, Time, format_scaled};
use serde_json::{Value, json};

pub(super) const SYMBOL: &str = crate::emulate::COIN;
/// Least initial margin fraction of the market, 1e-4, and what a position has that nobody changed.
pub(super) const LEAST_INITIAL: i64 = 200;
pub(super) const DEFAULT_INITIAL: i64 = 500;
/// Number of the one asset.
pub(super) const USDC: i64 = 3;
/// Own trades that are kept.
const MOST_OWN: usize = 10_000;
/// Of the public's side of a trade.
const PUBLIC: i64 = 0;
/// A client's number that stands for "no limit": 2^48 - 1 micro-USDC.
const QUOTE_LIMIT: &str = "281474976.710655";

/// `value` of 10^-from with `decimals`, rounded down.
pub(super) fn fixed(value: i128, from: u32, decimals: u32) -> String {
    let cut = value.div_euclid(10i128.pow(from - decimals));
    let text = format_scaled(cut, decimals);
    match (decimals, text.split_once('.')) {
        (0, _) => text,
        (_, Some((_, digits))) => text.clone() + &"0".repeat((decimals as usize).saturating_sub(digits.len())),
        (_, None) => text + "." + &"0".repeat(decimals as usize),
    }
}

pub(super) fn size(qty: Qty) -> String {
    fixed(qty.0.into(), 9, SIZE_DECIMALS)
}

pub(super) fn price(px: Price) -> String {
    fixed(px.0.into(), 9, PRICE_DECIMALS)
}

pub(super) fn value(value: Notional) -> String {
    fixed(value.0, 18, 6)
}

pub(super) fn cash(cash: Cash) -> String {
    fixed(cash.0, 12, 6)
}

/// Percent with `decimals`.
pub(super) fn percent(rate: Rate, decimals: u32) -> String {
    fixed(rate.0.into(), 10, decimals)
}

/// 1e-6 of the notional.
fn ticks(rate: Rate) -> i64 {
    rate.0 / 1_000_000
}

impl LighterEmulator {
    pub(super) fn order_json(&self, order: &Order) -> Value {
        let asked = &order.asked;
        let kind = if asked.order_type == order_type::MARKET { "market" } else { "limit" };
        let tif = match asked.time_in_force {
            time_in_force::GOOD_TILL_TIME => "good-till-time",
            time_in_force::POST_ONLY => "post-only",
            _ => "immediate-or-cancel",
        };
        let wire = |value: i64, decimals: u32| value / 10i64.pow(9 - decimals);
        let created = order.created.steps(if self.settings.habits.created_in_seconds { SECOND } else { MS });
        json!({
            "order_index": order.index, "client_order_index": asked.client_order_index,
            "order_id": order.index.to_string(), "client_order_id": asked.client_order_index.to_string(),
            "market_index": MARKET, "owner_account_index": self.settings.account_index,
            "initial_base_amount": size(order.qty), "price": price(order.limit), "nonce": order.nonce,
            "remaining_base_amount": size(Qty(order.left().0.max(0))), "is_ask": asked.is_ask == 1,
            "base_size": wire(order.left().0.max(0), SIZE_DECIMALS), "base_price": wire(order.limit.0, PRICE_DECIMALS),
            "filled_base_amount": size(order.filled), "filled_quote_amount": value(order.quote),
            "side": if asked.is_ask == 1 { "sell" } else { "buy" }, "type": kind, "time_in_force": tif,
            "reduce_only": asked.reduce_only == 1, "trigger_price": price(Price(0)), "order_expiry": asked.order_expiry,
            "status": order.status.as_str(), "trigger_status": "na", "trigger_time": 0, "parent_order_index": 0,
            "parent_order_id": "0", "to_trigger_order_id_0": "0", "to_trigger_order_id_1": "0",
            "to_cancel_order_id_0": "0", "block_height": self.sequence, "timestamp": order.updated.steps(MS),
            "created_at": created, "updated_at": order.updated.steps(MS),
            "transaction_time": order.updated.0 / 1_000, "integrator_fee_collector_index": "0",
            "integrator_maker_fee": "0", "integrator_taker_fee": "0", "order_flags": 0, "order_version": order.version,
            "market_symbol": SYMBOL, "market_kind": "perps",
        })
    }

    /// A fill of ours against the public. The position before it is what was published so far.
    pub(super) fn own_trade(&mut self, of: (OrderId, Side), what: (Price, Qty), maker: bool, at: Time) -> Value {
        let ((id, side), qty) = (of, what.1);
        let taker = if maker { side.other() } else { side };
        let print = self.history.print(at, what, (taker, true), self.core.marks());
        let (order, client) =
            self.orders.get(&id).map_or((0, 0), |order| (order.index, order.asked.client_order_index));
        let kind = if self.orders.contains_key(&id) { "trade" } else { "liquidation" };
        let turned = {
            let after = self.reported.position + side.signed(qty);
            !self.reported.position.is_zero() && after.0.signum() != self.reported.position.0.signum()
        };
        let mut trade = trade_json(&print);
        trade["type"] = json!(kind);
        let (ours, theirs) = if side == Side::Sell { ("ask", "bid") } else { ("bid", "ask") };
        trade[format!("{ours}_id")] = json!(order);
        trade[format!("{ours}_id_str")] = json!(order.to_string());
        trade[format!("{ours}_client_id")] = json!(client);
        trade[format!("{ours}_client_id_str")] = json!(client.to_string());
        trade[format!("{ours}_account_id")] = json!(self.settings.account_index);
        trade[format!("{theirs}_account_id")] = json!(PUBLIC);
        let way = if maker { "maker" } else { "taker" };
        trade[format!("{way}_position_size_before")] = json!(size(self.reported.position));
        trade[format!("{way}_entry_quote_before")] = json!(value(self.reported.entry));
        trade[format!("{way}_initial_margin_fraction_before")] = json!(self.reported.initial.0 / 100_000_000);
        trade[format!("{way}_position_sign_changed")] = json!(turned);
        let fee = ticks(self.core.world.fees.rate(maker));
        if fee != 0 {
            trade[format!("{way}_fee")] = json!(fee);
        }
        self.own_trades.insert(print.id, trade.clone());
        if self.own_trades.len() > MOST_OWN {
            self.own_trades.pop_first();
        }
        trade
    }

    pub(super) fn trade_json(&self, print: &Print) -> Value {
        self.own_trades.get(&print.id).cloned().unwrap_or_else(|| trade_json(print))
    }

    /// Of the last trade; the mid before the first one.
    fn last_price(&self) -> Price {
        self.history.last().map_or_else(|| self.core.book().best().mid().price(), |print| print.px)
    }

    /// What the account has of its one asset: all of it is collateral of perpetuals.
    pub(super) fn usdc_json(&self) -> Value {
        json!({
            "symbol": "USDC", "asset_id": USDC, "balance": "0.000000", "locked_balance": "0.000000",
            "margin_balance": cash(self.core.account().cash), "margin_mode": "disabled", "multiplier": "1",
        })
    }

    pub(super) fn position_json(&self) -> Value {
        let (account, mark) = (self.core.account(), self.core.mark());
        let schedule = &self.core.world.instrument.margin;
        let open = self.orders.values().filter(|order| order.is_open()).count();
        let level = account.liquidation_price(schedule).unwrap_or(Price(0));
        json!({
            "market_id": MARKET, "symbol": SYMBOL, "initial_margin_fraction": percent(account.initial, 2),
            "open_order_count": open, "pending_order_count": 0, "position_tied_order_count": 0,
            "sign": if account.position.0 < 0 { -1 } else { 1 }, "position": size(account.position.abs()),
            "avg_entry_price": price(account.entry_price()), "position_value": value(mark.of(account.position.abs())),
            "unrealized_pnl": value(account.unrealized(mark)), "realized_pnl": cash(account.realized),
            "liquidation_price": price(level), "total_funding_paid_out": cash(account.funding_paid),
            "margin_mode": i32::from(account.isolated),
            "allocated_margin": cash(account.allocated), "total_discount": "0.000000", "margin_set_flag": 0,
        })
    }

    pub(super) fn account_json(&self) -> Value {
        let (account, mark) = (self.core.account(), self.core.mark());
        let schedule = &self.core.world.instrument.margin;
        let open = self.orders.values().filter(|order| order.is_open()).count();
        let equity = value(account.equity(mark));
        let cross = if account.isolated { cash(account.cash - account.allocated) } else { equity.clone() };
        let index = self.settings.account_index;
        json!({
            "code": 200, "account_type": 0, "account_trading_mode": 0, "index": index, "account_index": index,
            "l1_address": self.settings.l1_address, "cancel_all_time": self.cancel_all_at.unwrap_or(0),
            "total_order_count": open, "total_isolated_order_count": 0, "pending_order_count": 0, "status": 1,
            "available_balance": cash(account.available(mark)), "collateral": cash(account.cash), "name": "",
            "description": "", "can_invite": false, "referral_points_percentage": "", "positions": [self.position_json()],
            "assets": [self.usdc_json()], "total_asset_value": equity, "cross_asset_value": cross, "shares": [],
            "pool_info": {
                "status": 0, "operator_fee": "0", "min_operator_share_rate": "0", "total_shares": 0, "operator_shares": 0,
                "annual_percentage_yield": 0.0, "daily_returns": [], "share_prices": [], "sharpe_ratio": 0.0,
                "strategies": [],
            },
            "created_at": 0, "transaction_time": 0, "can_rfq": false, "can_rfq_market_ids": [], "agent_enabled": false,
            "cross_initial_margin_requirement": cash(account.initial_margin(mark)),
            "cross_maintenance_margin_requirement": value(account.maintenance(schedule, mark)),
            "metadata": { "color": "" },
        })
    }

    /// A settlement of ours.
    pub(super) fn own_funding(&mut self, amount: Cash, rate: Rate, at: Time) -> Value {
        let side = if self.reported.position.0 < 0 { "short" } else { "long" };
        let number = self.fundings.front().and_then(|row| row["funding_id"].as_i64()).unwrap_or(0) + 1;
        json!({
            "timestamp": at.steps(MS), "market_id": MARKET, "funding_id": number, "change": cash(amount),
            "discount": "0.000000", "rate": hourly(rate), "position_size": size(self.reported.position.abs()),
            "position_side": side,
        })
    }

    /// The market, as `orderBooks` and `orderBookDetails` show it; `detail` adds what the second one knows.
    pub(super) fn market_json(&self, detail: bool, now: Time) -> Value {
        let rules = &self.core.world.instrument;
        let mut market = json!({
            "symbol": SYMBOL, "market_id": MARKET, "market_type": "perp", "base_asset_id": 0, "quote_asset_id": 0,
            "status": if self.condition.market == MarketStatus::Paused { "inactive" } else { "active" }, "taker_fee": "0.0000", "maker_fee": "0.0000", "liquidation_fee": "1.0000",
            "min_base_amount": size(rules.min_qty), "min_quote_amount": value(rules.min_notional),
            "order_quote_limit": QUOTE_LIMIT, "supported_size_decimals": SIZE_DECIMALS,
            "supported_price_decimals": PRICE_DECIMALS, "supported_quote_decimals": 6, "is_taker_fee_enabled": true,
            "is_maker_fee_enabled": true, "created_at": "0", "multiplier": "1", "start_timestamp": 0, "end_timestamp": 0,
            "settlement_type": 0, "settlement_price": 0, "settlement_cap": 0, "outcome": 0, "default_price": 0,
            "operator_account_index": 0, "is_frozen": false, "open_interest": value(self.interest()),
        });
        if !detail {
            return market;
        }
        let (mark, index) = self.core.marks();
        // every rate of the schedule's first bracket in 1e-4
        let maintenance = rules.margin.brackets.first().map_or(0, |bracket| bracket.maintenance.0 / 100_000_000);
        let more = json!({
            "size_decimals": SIZE_DECIMALS, "price_decimals": PRICE_DECIMALS, "quote_multiplier": 1,
            "default_initial_margin_fraction": DEFAULT_INITIAL, "min_initial_margin_fraction": LEAST_INITIAL,
            "maintenance_margin_fraction": maintenance, "closeout_margin_fraction": maintenance * 2 / 3,
            "mark_price": price(mark), "index_price": price(index),
            "open_interest": self.core.account().position.abs().as_f64(), "open_interest_usd": 2.0 * self.interest().as_f64(),
            "open_interest_limit": QUOTE_LIMIT, "daily_chart": {}, "market_flags": 0, "strategy_index": 0,
            "funding_clamp_small": "0.0500", "funding_clamp_big": "4.0000", "base_interest_rate": "0.0100",
            "funding_premium_multiplier": 100,
            "market_config": {
                "market_margin_mode": i32::from(self.settings.habits.isolated_alone), "insurance_fund_account_index": 281_474_976_710_655i64, "liquidation_mode": 0,
                "force_reduce_only": self.condition.market == MarketStatus::ReduceOnly, "trading_hours": "", "funding_fee_discounts_enabled": false, "hidden": false,
                "rfq_enabled": false,
            },
        });
        join(&mut market, more);
        join(&mut market, self.day_json(now));
        market
    }

    /// Our own position's value: of the others' nothing is known here.
    fn interest(&self) -> Notional {
        self.core.mark().of(self.core.account().position.abs())
    }

    /// The last 24 hours of trades.
    pub(super) fn day_json(&self, now: Time) -> Value {
        let ((prices, traded), last) = (self.history.day(now), self.last_price());
        let is_known = prices.open.0 > 0;
        let or_last = |px: Price| if is_known { px.as_f64() } else { last.as_f64() };
        let change = if is_known { (last.as_f64() / prices.open.as_f64() - 1.0) * 100.0 } else { 0.0 };
        json!({
            "last_trade_price": last.as_f64(), "daily_trades_count": prices.samples,
            "daily_base_token_volume": traded.base_sum() as f64 / 1e9,
            "daily_quote_token_volume": traded.quote_sum() as f64 / 1e18, "daily_price_low": or_last(prices.low),
            "daily_price_high": or_last(prices.high), "daily_price_change": change,
        })
    }

    /// The statistics of the market, as the stream has them.
    pub(super) fn stats_json(&self, now: Time) -> Value {
        let ((mark, index), best) = (self.core.marks(), self.best());
        let newest = self.history.settled((Time(i64::MIN), now)).next_back();
        let rate = hourly(newest.map_or(Rate(0), |settled| settled.rate));
        let premium = format!("{:.4}", (mark.as_f64() / index.as_f64() - 1.0) * 100.0);
        let mut stats = json!({
            "symbol": SYMBOL, "market_id": MARKET, "index_price": price(index), "mark_price": price(mark),
            "mid_price": price(best.mid().price()), "best_ask_price": price(best.ask),
            "best_bid_price": price(best.bid), "open_interest": value(self.interest()),
            "open_interest_usd": value(Notional(2 * self.interest().0)), "open_interest_limit": QUOTE_LIMIT,
            "funding_clamp_small": "0.0500", "funding_clamp_big": "4.0000", "base_interest_rate": "0.0100",
            "premium": premium, "current_funding_rate": rate, "funding_rate": rate,
            "funding_timestamp": newest.map_or(0, |settled| settled.at.steps(MS)),
        });
        join(&mut stats, self.day_json(now));
        stats["last_trade_price"] = json!(price(self.last_price()));
        if let Some(stats) = stats.as_object_mut() {
            stats.remove("daily_trades_count");
        }
        stats
    }
}

/// Adds the fields of `more`.
fn join(object: &mut Value, more: Value) {
    if let (Some(object), Value::Object(more)) = (object.as_object_mut(), more) {
        object.extend(more);
    }
}

/// Percent of an hour: with the four decimals of the venue's grid, or with what a rate beside it needs.
pub(super) fn hourly(rate: Rate) -> String {
    percent(rate, if rate.0 % 1_000_000 == 0 { 4 } else { 6 })
}

fn trade_json(print: &Print) -> Value {
    let Print { id: number, at, px, qty, taker, .. } = *print;
    let is_maker_ask = taker == Side::Buy;
    let zero = "0.000000";
    let mut trade = json!({
        "trade_id": number, "trade_id_str": number.to_string(), "tx_hash": "", "type": "trade", "market_id": MARKET,
        "market_symbol": SYMBOL, "market_kind": "perps", "size": size(qty), "price": price(px),
        "usd_amount": value(px.of(qty)), "is_maker_ask": is_maker_ask, "block_height": 0,
        "timestamp": at.steps(MS), "transaction_time": at.0 / 1_000, "integrator_maker_fee": 0,
        "integrator_maker_fee_collector_index": 0, "integrator_taker_fee": 0, "integrator_taker_fee_collector_index": 0,
        "bid_account_pnl": zero, "ask_account_pnl": zero,
    });
    for side in ["ask", "bid"] {
        for (field, none) in [("id", json!(0)), ("client_id", json!(0)), ("id_str", json!("0"))] {
            trade[format!("{side}_{field}")] = none;
        }
        trade[format!("{side}_client_id_str")] = json!("0");
        trade[format!("{side}_account_id")] = json!(PUBLIC);
        trade[format!("{side}_order_version")] = json!(0);
    }
    for way in ["taker", "maker"] {
        trade[format!("{way}_position_size_before")] = json!(size(Qty::ZERO));
        trade[format!("{way}_entry_quote_before")] = json!(zero);
        trade[format!("{way}_initial_margin_fraction_before")] = json!(DEFAULT_INITIAL);
        trade[format!("{way}_position_sign_changed")] = json!(false);
        trade[format!("{way}_allocated_margin_usdc_before")] = json!(0);
        trade[format!("{way}_allocated_margin_usdc_after")] = json!(0);
    }
    trade
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_are_the_markets() {
        assert_eq!((size(Qty(1_234_500)), size(Qty(0))), ("0.00123".to_owned(), "0.00000".to_owned()));
        assert_eq!((price(Price(92_000_500_000_000)), price(Price(5_000_000_000))), ("92000.5".into(), "5.0".into()));
        assert_eq!((cash(Cash::units(-3)), percent(Rate(50_000_000_000), 2)), ("-3.000000".into(), "5.00".into()));
    }
}
