//! What is refused before it is signed, and what a venue refuses to look at: the ranges and combinations that the venue's own
//! signer refuses (its verdicts are in the vectors).

use super::tx::{Head, NewOrder, Tx, attribute, cancel_all, order_type, time_in_force};
use thiserror::Error;

/// A field that makes a transaction illegal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("{field} is {found}; accepted: {accepted}")]
pub struct Refused {
    /// As in the JSON of `tx_info`.
    pub field: &'static str,
    /// Its value.
    pub found: i64,
    /// What would be legal.
    pub accepted: &'static str,
}

const MAX_48: i64 = (1 << 48) - 1;
const MAX_PRICE: i64 = u32::MAX as i64;

fn within(field: &'static str, found: i64, from: i64, to: i64, accepted: &'static str) -> Result<(), Refused> {
    require(field, found, (from..=to).contains(&found), accepted)
}

fn require(field: &'static str, found: i64, legal: bool, accepted: &'static str) -> Result<(), Refused> {
    if legal { Ok(()) } else { Err(Refused { field, found, accepted }) }
}

/// The first thing that is wrong with a transaction.
pub(super) fn check(head: &Head, tx: &Tx) -> Result<(), Refused> {
    within("AccountIndex", head.account_index, 0, MAX_48 - 1, "0 to 2^48 - 2")?;
    within("ApiKeyIndex", head.api_key_index, 0, 254, "0 to 254")?;
    within("ExpiredAt", head.expired_at, 0, MAX_48, "0 to 2^48 - 1")?;
    within("Nonce", head.nonce, 0, MAX_48, "0 to 2^48 - 1")?;
    match tx {
        Tx::CreateOrder(order) => new_order(order)?,
        Tx::CancelOrder { market, index } => {
            market_index(*market)?;
            order_index(*index)?;
        }
        Tx::CancelAll { time_in_force, time } => {
            let accepted = "0 (now), 1 (scheduled), 2 (abort)";
            within("TimeInForce", *time_in_force, cancel_all::NOW, cancel_all::ABORT, accepted)?;
            let scheduled = *time_in_force == cancel_all::SCHEDULED;
            let accepted = "a time in ms for a scheduled cancel-all, 0 for the others";
            require("Time", *time, if scheduled { *time > 0 } else { *time == 0 }, accepted)?;
        }
        Tx::ModifyOrder { market, index, base_amount, price, trigger_price } => {
            market_index(*market)?;
            order_index(*index)?;
            within("BaseAmount", *base_amount, 0, MAX_48, "0 to 2^48 - 1")?;
            within("Price", *price, 1, MAX_PRICE, "1 to 2^32 - 1")?;
            within("TriggerPrice", *trigger_price, 0, MAX_PRICE, "0 to 2^32 - 1")?;
        }
        Tx::UpdateLeverage { market, initial_margin_fraction, margin_mode } => {
            market_index(*market)?;
            within("InitialMarginFraction", *initial_margin_fraction, 1, 10_000, "1 to 10000")?;
            within("MarginMode", *margin_mode, 0, 1, "0 (cross), 1 (isolated)")?;
        }
        Tx::UpdateMargin { market, usdc_amount, direction } => {
            market_index(*market)?;
            within("USDCAmount", *usdc_amount, 1, (1 << 60) - 1, "1 to 2^60 - 1")?;
            within("Direction", *direction, 0, 1, "0 (out), 1 (in)")?;
        }
        Tx::CreateGroup { grouping, orders } => group(*grouping, orders)?,
        Tx::ChangePubKey { .. } => {}
        Tx::ApproveIntegrator { integrator, fees, expiry, .. } => {
            within("IntegratorAccountIndex", *integrator, 1, MAX_48 - 1, "1 to 2^48 - 2")?;
            let (all, least) = (fees.iter().all(|fee| (0..=1_000_000).contains(fee)), fees.iter().sum::<i64>());
            require("MaxPerpsTakerFee", fees[0], all, "0 to 1000000, and the other three fees too")?;
            let is_legal = (0..=MAX_48).contains(expiry) && (*expiry > 0 || least == 0);
            require("ApprovalExpiry", *expiry, is_legal, "a time in ms, or 0 with no fees to take the approval back")?;
        }
    }
    attributes(head, tx)
}

fn market_index(market: i64) -> Result<(), Refused> {
    require("MarketIndex", market, (0..=MAX_48).contains(&market) && market != 255, "0 to 2^48 - 1 without 255")
}

fn order_index(index: i64) -> Result<(), Refused> {
    within("Index", index, 1, (1 << 60) - 1, "1 to 2^60 - 1")
}

fn new_order(order: &NewOrder) -> Result<(), Refused> {
    market_index(order.market_index)?;
    within("ClientOrderIndex", order.client_order_index, 0, MAX_48, "0 to 2^48 - 1")?;
    within("ReduceOnly", order.reduce_only, 0, 1, "0 or 1")?;
    let least = i64::from(order.reduce_only == 0);
    within("BaseAmount", order.base_amount, least, MAX_48, "1 to 2^48 - 1, or 0 (whole position) when reduce-only")?;
    within("Price", order.price, 1, MAX_PRICE, "1 to 2^32 - 1")?;
    within("IsAsk", order.is_ask, 0, 1, "0 or 1")?;
    within("Type", order.order_type, order_type::LIMIT, order_type::TWAP, "0 to 6")?;
    let tif = order.time_in_force;
    let ioc = tif == time_in_force::IMMEDIATE_OR_CANCEL;
    let known = (time_in_force::IMMEDIATE_OR_CANCEL..=time_in_force::POST_ONLY).contains(&tif);
    let (tif_legal, triggered, expires) = match order.order_type {
        order_type::LIMIT => (known, false, !ioc),
        order_type::MARKET => (ioc, false, false),
        order_type::STOP_LOSS | order_type::TAKE_PROFIT => (ioc, true, true),
        order_type::TWAP => (tif == time_in_force::GOOD_TILL_TIME, false, true),
        _ => (known, true, true),
    };
    let accepted = "0 (immediate), 1 (until its time), 2 (post-only), as the type allows";
    require("TimeInForce", tif, tif_legal, accepted)?;
    let (expiry, trigger) = (order.order_expiry, order.trigger_price);
    let accepted = "a time in ms for what may rest, 0 for the others";
    require("OrderExpiry", expiry, if expires { expiry > 0 } else { expiry == 0 }, accepted)?;
    let legal = if triggered { (1..=MAX_PRICE).contains(&trigger) } else { trigger == 0 };
    require("TriggerPrice", trigger, legal, "1 to 2^32 - 1 for stop-loss and take-profit, 0 for the others")
}

fn group(grouping: i64, orders: &[NewOrder]) -> Result<(), Refused> {
    within("GroupingType", grouping, 1, 3, "1 (one triggers other), 2 (one cancels other), 3 (both)")?;
    let wanted = if grouping == 3 { 3 } else { 2 };
    require("Orders", orders.len() as i64, orders.len() == wanted, "2 orders, 3 for grouping 3")?;
    orders.iter().try_for_each(new_order)?;
    let one =
        |of: fn(&NewOrder) -> i64, orders: &[NewOrder]| orders.windows(2).all(|pair| of(&pair[0]) == of(&pair[1]));
    let first = &orders[0];
    require("MarketIndex", first.market_index, one(|o| o.market_index, orders), "one market in a group")?;
    for (at, order) in orders.iter().enumerate() {
        let id = order.client_order_index;
        let new = id == 0 || orders.iter().take(at).all(|before| before.client_order_index != id);
        require("ClientOrderIndex", id, new, "0, or an id that no other order of the group has")?;
    }
    let exits = if grouping == 2 { orders } else { &orders[1..] };
    let stop = |order: &NewOrder| matches!(order.order_type, order_type::STOP_LOSS | order_type::STOP_LOSS_LIMIT);
    let profit = |order: &NewOrder| matches!(order.order_type, order_type::TAKE_PROFIT | order_type::TAKE_PROFIT_LIMIT);
    for exit in exits {
        require("ReduceOnly", exit.reduce_only, exit.reduce_only == 1, "1 for an exit of a group")?;
        require("Type", exit.order_type, stop(exit) || profit(exit), "2 to 5 for an exit of a group")?;
    }
    if exits.len() == 2 {
        let both = exits.iter().any(stop) && exits.iter().any(profit);
        require("Type", exits[0].order_type, both, "one stop-loss and one take-profit")?;
        require("IsAsk", exits[0].is_ask, one(|o| o.is_ask, exits), "one side for both exits")?;
        require("OrderExpiry", exits[0].order_expiry, one(|o| o.order_expiry, exits), "one expiry for both exits")?;
        require("BaseAmount", exits[0].base_amount, one(|o| o.base_amount, exits), "one size for both exits")?;
    }
    if grouping != 2 {
        let plain = matches!(first.order_type, order_type::LIMIT | order_type::MARKET);
        require("Type", first.order_type, plain, "0 (limit) or 1 (market) for the first of a group")?;
        for exit in exits {
            require("BaseAmount", exit.base_amount, exit.base_amount == 0, "0 for an order that another one triggers")?;
            require("IsAsk", exit.is_ask, exit.is_ask != first.is_ask, "the other side than the first's")?;
            let together = first.order_expiry == 0 || exit.order_expiry == first.order_expiry;
            require("OrderExpiry", exit.order_expiry, together, "the first's expiry, where it has one")?;
        }
    }
    Ok(())
}

fn attributes(head: &Head, tx: &Tx) -> Result<(), Refused> {
    let attributes = &head.attributes;
    require("L2TxAttributes", attributes.len() as i64, attributes.len() <= 4, "at most 4 attributes")?;
    let orders = matches!(tx, Tx::CreateOrder(_) | Tx::ModifyOrder { .. } | Tx::CreateGroup { .. });
    for (&kind, &value) in attributes {
        let (fits, legal, accepted) = match kind {
            attribute::INTEGRATOR => (orders, (1..MAX_48).contains(&value), "integrator: 1 to 2^48 - 2, on orders"),
            attribute::INTEGRATOR_TAKER_FEE | attribute::INTEGRATOR_MAKER_FEE => {
                (orders, (1..=1_000_000).contains(&value), "integrator fee: 1 to 1000000, on orders")
            }
            attribute::SKIP_NONCE => (true, value == 1, "skip nonce: 1"),
            attribute::CANCEL_ALL_MARKET => {
                let now = matches!(tx, Tx::CancelAll { time_in_force: cancel_all::NOW, .. });
                (now, (0..=MAX_48).contains(&value) && value != 255, "a market, on an immediate cancel-all")
            }
            attribute::SELF_TRADE => (orders, (1..=3).contains(&value), "self-trade: 1 to 3, on orders"),
            attribute::SELF_TRADE_SCOPE => (orders, value == 1, "self-trade scope: 1, on orders"),
            attribute::ORDER_VERSION => {
                let modify = matches!(tx, Tx::ModifyOrder { .. });
                (modify, (1..=MAX_48).contains(&value), "order version: 1 to 2^48 - 1, on a modify")
            }
            _ => (false, false, "attributes 1 to 8"),
        };
        require("L2TxAttributes", value, fits && legal, accepted)?;
    }
    let has = |kind| attributes.contains_key(&kind);
    let fees = has(attribute::INTEGRATOR_TAKER_FEE) || has(attribute::INTEGRATOR_MAKER_FEE);
    let wants = |legal, accepted| require("L2TxAttributes", attributes.len() as i64, legal, accepted);
    wants(!fees || has(attribute::INTEGRATOR), "integrator fees with an integrator")?;
    let self_trade = has(attribute::SELF_TRADE) || has(attribute::SELF_TRADE_SCOPE);
    wants(!(fees && self_trade), "integrator fees or self-trade options, not both")?;
    let reduce = attributes.get(&attribute::SELF_TRADE) == Some(&3);
    wants(!(reduce && has(attribute::SELF_TRADE_SCOPE)), "self-trade mode 3 within the account alone")
}
