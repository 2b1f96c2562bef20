//! Instruments, tickers, orders, fills, positions as GRVT writes them: decimals and times (nanoseconds) in texts, whole
//! numbers of up to 32 bits as numbers. Every field that the venue's own client insists on is there.

use super::orders::Order;
use super::{GrvtEmulator, INSTRUMENT, Settings};
use crate::emulate::COIN;
use crate::emulate::feed::PublicTrade;
use crate::emulate::history::{Print, Traded};
use crate::emulate::views::{self, Levels, keep};
use crate::grvt::QUOTE;
use crate::grvt::rest::{Instrument, InstrumentStatus, Kind};
use crate::grvt::trade::{Order as WireOrder, OrderState};
use crate::wire::Dec;
use perpx_core::market::{Instrument as Rules, OrderId, Side};
use perpx_core::units::{Cash, HOUR, Notional, Price, Qty, Rate, Time, format_scaled};
use rust_decimal::Decimal;
use serde_json::{Value, json};

/// What is signed in place of the instrument's name.
const HASH: &str = "0x030501";
/// Before the first trade.
pub(super) const FIRST_EXECUTION: u64 = 209_357;

/// `value` of 10^-scale, with at least one decimal: "50000.0".
pub(super) fn decimal(value: i128, scale: u32) -> String {
    let text = format_scaled(value, scale);
    if text.contains('.') { text } else { text + ".0" }
}

pub(super) fn price(px: Price) -> String {
    decimal(px.0.into(), 9)
}

pub(super) fn size(qty: Qty) -> String {
    decimal(qty.0.into(), 9)
}

/// Money with six decimals, rounded down.
pub(super) fn cash(cash: Cash) -> String {
    decimal(cash.0.div_euclid(1_000_000), 6)
}

pub(super) fn value(value: Notional) -> String {
    decimal(value.0.div_euclid(1_000_000_000_000), 6)
}

/// Percentage points.
pub(super) fn percent(rate: Rate) -> String {
    decimal(rate.0.into(), 10)
}

fn ratio(rate: Rate) -> String {
    decimal(rate.0.into(), 12)
}

fn dec(value: i64) -> Dec {
    Dec::new(Decimal::new(value, 9).normalize())
}

pub(super) fn instrument(rules: &Rules, settings: &Settings) -> Instrument {
    Instrument {
        instrument: INSTRUMENT.to_owned(),
        instrument_hash: HASH.to_owned(),
        base: COIN.to_owned(),
        quote: QUOTE.to_owned(),
        kind: Kind::Perpetual,
        venues: Some(vec!["ORDERBOOK".to_owned()]),
        settlement_period: Some("PERPETUAL".to_owned()),
        base_decimals: 9.into(),
        quote_decimals: 6.into(),
        tick_size: dec(rules.tick.0),
        min_size: dec(rules.min_qty.0),
        create_time: Some(0.into()),
        max_position_size: Some(dec(1_000_000_000_000)),
        funding_interval_hours: Some(settings.interval_hours.into()),
        adjusted_funding_rate_cap: Dec::read("0.3"),
        adjusted_funding_rate_floor: Dec::read("-0.3"),
        min_notional: Some(Dec::new(
            Decimal::from_i128_with_scale(rules.min_notional.0 / 1_000_000_000_000, 6).normalize(),
        )),
        asset_class: None,
        status: Some(InstrumentStatus::Active),
    }
}

impl GrvtEmulator {
    /// The newest settled rate, and the next settlement, in wall time.
    fn funding(&self, now: Time) -> (Rate, Time) {
        let rate = self.history.settled((Time(i64::MIN), now)).next_back().map_or(Rate(0), |settled| settled.rate);
        let step = i64::from(self.settings.interval_hours) * HOUR;
        (rate, self.clock.wall(self.core.now().floor_to(step).plus(step)))
    }

    pub(super) fn mini_json(&self, now: Time) -> Value {
        let ((mark, index), best) =
            (self.core.marks(), views::best(&self.core, [Side::Buy, Side::Sell].map(|side| self.ours(side))));
        let last = self.history.last().map_or((Price(0), Qty::ZERO), |print| (print.px, print.qty));
        json!({
            "event_time": now.0.to_string(), "instrument": INSTRUMENT, "mark_price": price(mark),
            "index_price": price(index), "last_price": price(last.0), "last_size": size(last.1),
            "mid_price": price(best.mid().price()), "best_bid_price": price(best.bid),
            "best_bid_size": size(best.bid_qty), "best_ask_price": price(best.ask), "best_ask_size": size(best.ask_qty),
        })
    }

    pub(super) fn ticker_json(&self, now: Time) -> Value {
        let (mut ticker, (rate, next)) = (self.mini_json(now), self.funding(now));
        let (prices, Traded { base, quote, .. }) = self.history.day(now);
        let coins = |side: Side| decimal(base[side as usize], 9);
        let money = |side: Side| value(Notional(quote[side as usize]));
        let held = self.core.account().position;
        let more = json!({
            "funding_rate_8h_curr": percent(rate), "funding_rate_8h_avg": percent(rate), "interest_rate": "0.0",
            "forward_price": "0.0", "buy_volume_24h_b": coins(Side::Buy), "sell_volume_24h_b": coins(Side::Sell),
            "buy_volume_24h_q": money(Side::Buy), "sell_volume_24h_q": money(Side::Sell),
            "high_price": price(prices.high), "low_price": price(prices.low), "open_price": price(prices.open),
            // our own: of the others' nothing is known here
            "open_interest": size(held.abs()), "long_open_interest": size(Qty(held.0.max(0))),
            "short_open_interest": size(Qty((-held.0).max(0))), "long_short_ratio": "0.0", "funding_rate": percent(rate),
            "next_funding_time": next.0.to_string(), "funding_interval_hours": self.settings.interval_hours,
            "status": self.instrument.status.as_ref().map_or("ACTIVE", InstrumentStatus::as_str),
        });
        if let (Some(ticker), Value::Object(more)) = (ticker.as_object_mut(), more) {
            ticker.extend(more);
        }
        ticker
    }

    pub(super) fn order_wire(&self, order: &Order) -> WireOrder {
        let mut wire = order.asked.clone();
        wire.order_id = Some(order.order_id.clone());
        wire.metadata.create_time = Some(order.created.0.into());
        wire.signature.chain_id = Some(0.into());
        wire.state = Some(self.state_wire(order));
        wire
    }

    pub(super) fn state_wire(&self, order: &Order) -> OrderState {
        let left = if order.is_alive() { order.left().0.max(0) } else { 0 };
        let average = i64::try_from(order.quote.0 / i128::from(order.filled.0.max(1))).unwrap_or(0);
        OrderState {
            status: order.status.clone(),
            reject_reason: order.reason.clone(),
            book_size: Some(vec![dec(left)]),
            traded_size: Some(vec![dec(order.filled.0)]),
            update_time: order.updated.0.into(),
            avg_fill_price: Some(vec![dec(if order.filled.is_zero() { 0 } else { average })]),
        }
    }

    pub(super) fn trade_json(&self, print: &Print) -> Value {
        let Print { id, at, px, qty, taker, consumed_book, marks } = *print;
        json!({
            "event_time": at.0.to_string(), "instrument": INSTRUMENT, "is_taker_buyer": taker == Side::Buy,
            "size": size(qty), "price": price(px), "mark_price": price(marks.0), "index_price": price(marks.1),
            "interest_rate": "0.0", "forward_price": "0.0", "trade_id": format!("{}-1", FIRST_EXECUTION + id),
            "venue": "ORDERBOOK", "is_rpi": !consumed_book,
        })
    }

    /// A fill of ours: on its stream, in the public trades, and the position after it.
    pub(super) fn own_fill(
        &mut self,
        (id, side): (OrderId, Side),
        what: (Price, Qty),
        (maker, fee, gain): (bool, Cash, Cash),
        at: Time,
    ) {
        let taker = if maker { side.other() } else { side };
        let print = self.history.print(at, what, (taker, true), self.core.marks());
        let order = self.orders.get(&id);
        let (order_id, client) = order
            .map_or(("0x00".to_owned(), 0), |order| (order.order_id.clone(), order.asked.metadata.client_order_id.0));
        let (is_buyer, liquidated) = (side == Side::Buy, order.is_none());
        let mut fill = self.trade_json(&print);
        self.publish_feed("v1.trade", fill.clone());
        let more = json!({
            "sub_account_id": self.settings.sub_account.to_string(), "is_buyer": is_buyer, "is_taker": !maker,
            "realized_pnl": cash(gain), "fee": decimal(-fee.0 / 1_000_000, 6),
            "fee_rate": percent(self.core.world.fees.rate(maker)), "order_id": order_id,
            "is_liquidation": liquidated, "client_order_id": client.to_string(),
            "signer": self.settings.signer.to_string(), "fee_currency": QUOTE,
        });
        if let (Some(fill), Value::Object(more)) = (fill.as_object_mut(), more) {
            fill.remove("is_taker_buyer");
            fill.extend(more);
        }
        self.publish_feed("v1.fill", fill.clone());
        keep(&mut self.fills, fill);
        self.publish_feed("v1.position", self.position_json(at));
    }

    /// The venue took the whole position over.
    pub(super) fn taken_over(&mut self, side: Side, what: (Price, Qty), at: Time) {
        self.own_fill((OrderId(0), side), what, (false, Cash::ZERO, Cash::ZERO), at);
    }

    pub(super) fn own_payment(&mut self, amount: Cash, at: Time) {
        let row = json!({
            "event_time": at.0.to_string(), "sub_account_id": self.settings.sub_account.to_string(),
            "instrument": INSTRUMENT, "currency": QUOTE, "amount": decimal(-amount.0 / 1_000_000, 6),
            "tx_id": (FIRST_EXECUTION + at.0.unsigned_abs() / 1_000_000_000).to_string(),
        });
        keep(&mut self.payments, row);
    }

    /// A trade of others.
    pub(super) fn market_trade(&mut self, trade: PublicTrade) {
        let PublicTrade { at, what, taker, consumed_book, marks } = trade;
        let print = self.history.print(self.clock.wall(at), what, (taker, consumed_book), marks);
        self.publish_feed("v1.trade", self.trade_json(&print));
    }

    pub(super) fn position_json(&self, now: Time) -> Value {
        let (account, mark) = (self.core.account(), self.core.mark());
        let unrealized = account.unrealized(mark);
        let total = account.realized.as_notional() + unrealized;
        let level = account.liquidation_price(&self.core.world.instrument.margin).unwrap_or(Price(0));
        let mut position = json!({
            "event_time": now.0.to_string(), "sub_account_id": self.settings.sub_account.to_string(),
            "instrument": INSTRUMENT, "size": size(account.position),
            "notional": value(mark.of(account.position)), "entry_price": price(account.entry_price()),
            "exit_price": "0.0", "mark_price": price(mark), "unrealized_pnl": value(unrealized),
            "realized_pnl": cash(account.realized), "total_pnl": value(total), "roi": "0.0",
            "quote_index_price": "1.0", "est_liquidation_price": price(level), "leverage": ratio(self.leverage),
            "cumulative_fee": "0.0", "cumulative_realized_funding_payment": cash(account.funding_paid),
            "margin_type": self.margin_type(),
        });
        if account.isolated {
            let maintenance = account.maintenance(&self.core.world.instrument.margin, mark);
            position["isolated_balance"] = json!(cash(account.allocated));
            position["isolated_im"] = json!(cash(account.initial_margin(mark)));
            position["isolated_mm"] = json!(value(maintenance));
        }
        position
    }

    pub(super) fn margin_type(&self) -> &'static str {
        if self.core.account().isolated { "ISOLATED" } else { "CROSS" }
    }

    /// The open position, or none.
    pub(super) fn positions(&self, now: Time) -> Vec<Value> {
        if self.core.account().position.is_zero() { Vec::new() } else { vec![self.position_json(now)] }
    }

    pub(super) fn balances(&self) -> Value {
        let account = self.core.account();
        json!([{
            "currency": QUOTE, "balance": cash(account.cash), "index_price": "1.0", "entry_price": "1.0",
            "realized_pnl": "0.0", "unrealized_pnl": "0.0", "available_to_transfer": cash(account.available(self.core.mark())),
        }])
    }

    pub(super) fn summary_json(&self, now: Time) -> Value {
        let (account, mark) = (self.core.account(), self.core.mark());
        let (equity, unrealized) = (account.equity(mark), account.unrealized(mark));
        // what an isolated position has for itself is not the pool's
        let (pool, own) = match account.isolated {
            true => ((account.cash - account.allocated).as_notional(), Notional::ZERO),
            false => (equity, unrealized),
        };
        let held = |money: String| if account.isolated { "0.0".to_owned() } else { money };
        let maintenance = held(value(account.maintenance(&self.core.world.instrument.margin, mark)));
        json!({
            "event_time": now.0.to_string(), "sub_account_id": self.settings.sub_account.to_string(),
            "margin_type": "SIMPLE_CROSS_MARGIN", "settle_currency": QUOTE, "unrealized_pnl": value(unrealized),
            "total_equity": value(equity), "initial_margin": held(cash(account.initial_margin(mark))),
            "maintenance_margin": maintenance, "available_balance": cash(account.available(mark)),
            "spot_balances": self.balances(), "positions": self.positions(now), "settle_index_price": "1.0",
            "derisk_margin": "0.0", "derisk_to_maintenance_margin_ratio": "1.0", "is_vault": false,
            "total_cross_equity": value(pool), "cross_unrealized_pnl": value(own),
            "sub_account_mode": "SINGLE_ASSET_MODE", "margin_balance": value(pool),
        })
    }

    pub(super) fn levels_json(&self, side: Side, most: usize) -> Vec<Value> {
        let row = |(px, qty): (&Price, &Qty)| json!({ "price": price(*px), "size": size(*qty), "num_orders": 1 });
        let book = self.book(side);
        match side {
            Side::Buy => book.iter().rev().take(most).map(row).collect(),
            Side::Sell => book.iter().take(most).map(row).collect(),
        }
    }

    fn ours(&self, side: Side) -> impl Iterator<Item = (Price, Qty)> + '_ {
        let ours = self.orders.values().filter(move |order| order.is_open() && order.side == side);
        ours.map(|order| (order.limit, order.left()))
    }

    /// The market's levels of a side and our orders.
    pub(super) fn book(&self, side: Side) -> Levels {
        views::book(&self.core, side, self.ours(side))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_have_one_at_least() {
        assert_eq!((price(Price(50_000_000_000_000)), size(Qty(12_000_000))), ("50000.0".into(), "0.012".into()));
        assert_eq!((cash(Cash::units(-3)), percent(Rate(37_000_000))), ("-3.0".into(), "0.0037".into()));
    }
}
