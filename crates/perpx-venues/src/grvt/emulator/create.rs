//! A new order. Refused at once is what the gateway can see; what the matching engine refuses comes on the stream. In this
//! order: form (1003, 2010 to 2051), instrument and sub-account (2061, 2003), kind (2020 to 2032), the number in use (2012),
//! signature (1012, 2000 to 2008), size and price (2062 to 2067, 7201), reduce-only (2400 to 2402), margin (2080), how many are
//! open (2090).

use super::orders::Order;
use super::{GrvtEmulator, INSTRUMENT, Refusal};
use crate::emulate::faults::MarketStatus;
use crate::grvt::sign::{Signed, check_expiry, recover};
use crate::grvt::trade::{Order as WireOrder, OrderState, OrderStatus, RejectReason, TimeInForce};
use crate::wire::Dec;
use perpx_core::market::{Command, NewOrder, OrderKind, Role, Side};
use perpx_core::units::{Notional, Price, Qty, Rate, Time};

/// How far through the mark a market order may go. The venue's own width is not published.
const MARKET_REACH: Rate = Rate(100_000_000_000);

/// What an order asks for, once its form is right.
struct Asked {
    side: Side,
    qty: Qty,
    limit: Price,
    kind: OrderKind,
    reduce_only: bool,
}

fn refuse<T>(code: u32, message: &str) -> Result<T, Refusal> {
    Err(Refusal::new(code, message))
}

impl GrvtEmulator {
    /// Takes an order; what the answer shows of it.
    pub(super) fn create(&mut self, wire: WireOrder, now: Time) -> Result<WireOrder, Refusal> {
        let asked = self.read(&wire)?;
        match self.condition.market {
            MarketStatus::Paused => return refuse(2060, "Instrument is inactive"),
            MarketStatus::ReduceOnly if !asked.reduce_only => return refuse(7304, "Asset is reduce-only"),
            MarketStatus::Open | MarketStatus::ReduceOnly => {}
        }
        let client = wire.metadata.client_order_id.0;
        let habits = &self.settings.habits;
        let refuses = |alive| if alive { habits.refuses_alive_number } else { habits.refuses_ended_number };
        if self.orders.values().any(|order| order.client() == client && refuses(order.is_alive())) {
            return refuse(2012, "Client Order ID already exists among the active orders");
        }
        self.check_signature(&wire, now)?;
        self.check_rules(&asked)?;
        let band = self.condition.band.unwrap_or(self.settings.price_band);
        if wire.is_market != Some(true) && self.core.is_beyond(asked.side, asked.limit, band) {
            return refuse(7201, "Limit price is outside of the price protection band");
        }
        if self.orders.values().filter(|order| order.is_alive()).count() >= self.settings.most_open_orders {
            return refuse(2090, "Max open orders exceeded");
        }
        let Asked { side, qty, limit, kind, reduce_only } = asked;
        Ok(self.enter(wire, (side, qty, limit), kind, reduce_only, now))
    }

    /// Takes an order that is sound; what the answer shows of it.
    pub(super) fn enter(
        &mut self,
        wire: WireOrder,
        (side, qty, limit): (Side, Qty, Price),
        kind: OrderKind,
        reduce_only: bool,
        now: Time,
    ) -> WireOrder {
        let client = wire.metadata.client_order_id.0;
        let killed = self.is_killed(client, now);
        let id = self.core.next_id();
        let order = Order {
            id,
            order_id: format!("0x{:032x}", (u128::from(client) << 32) + u128::from(id.0)),
            asked: wire,
            side,
            qty,
            limit,
            filled: Qty::ZERO,
            quote: Notional::ZERO,
            status: OrderStatus::Pending,
            reason: RejectReason::Unspecified,
            created: now,
            updated: now,
            ending: None,
            doomed: false,
        };
        let mut answer = self.order_wire(&order);
        answer.order_id = Some("0x00".to_owned());
        self.orders.insert(id, order);
        if killed {
            self.killed.retain(|(other, _)| *other != client);
            if let Some(order) = self.orders.get_mut(&id) {
                (order.status, order.reason) = (OrderStatus::Cancelled, RejectReason::ClientCancel);
            }
            self.publish_order(id);
        } else {
            let (venue, covers) = (Role::Long, false);
            self.core.submit(Command::Place(NewOrder { id, venue, side, qty, limit, kind, reduce_only, covers }));
        }
        answer
    }

    fn read(&self, wire: &WireOrder) -> Result<Asked, Refusal> {
        if wire.order_id.as_deref().is_some_and(|id| !matches!(id, "" | "0x00")) {
            return refuse(2010, "Order ID should be empty when creating an order");
        }
        if wire.metadata.client_order_id.0 == 0 {
            return refuse(2011, "Client Order ID should be supplied when creating an order");
        }
        let is_blank = |state: &OrderState| state.status == OrderStatus::Unspecified;
        if wire.state.as_ref().is_some_and(|state| !is_blank(state)) {
            return refuse(2050, "Order state should be empty when creating an order");
        }
        let [leg] = wire.legs.as_slice() else { return refuse(2040, "Order must contain exactly one leg") };
        if leg.instrument != INSTRUMENT {
            return refuse(2061, "Instrument is not supported");
        }
        if wire.sub_account_id.0 != self.settings.sub_account {
            return refuse(2003, "Signature does not match the sub account");
        }
        let is_market = wire.is_market == Some(true);
        let priced = leg.limit_price.filter(|px| px.value().is_some_and(|px| !px.is_zero()));
        if is_market && priced.is_some() {
            return refuse(2020, "Market orders must not have a limit price");
        }
        if !is_market && priced.is_none() {
            return refuse(2021, "Limit orders must have a limit price");
        }
        let post_only = wire.post_only == Some(true);
        let kind = match &wire.time_in_force {
            // what the clients of the venue send: it takes what there is, as any market order
            TimeInForce::GoodTillTime if is_market => OrderKind::Ioc,
            TimeInForce::GoodTillTime if post_only => OrderKind::PostOnly,
            _ if post_only => return refuse(2032, "Post only can only be set to true for good till time orders"),
            TimeInForce::GoodTillTime => OrderKind::Limit,
            TimeInForce::ImmediateOrCancel => OrderKind::Ioc,
            TimeInForce::FillOrKill => OrderKind::Fok,
            _ => return refuse(2030, "Orderbook does not support this time in force"),
        };
        let fine = |code: u32, what: &'static str| move |_| Refusal::new(code, what);
        let qty = leg.size.qty().map_err(fine(2065, "Size has too many decimals"))?;
        let side = if leg.is_buying_asset { Side::Buy } else { Side::Sell };
        let read = |px: &Dec| px.price().map_err(fine(2064, "Limit price is not a multiple of the tick size"));
        let limit = match &priced {
            Some(px) => read(px)?,
            None => {
                let (mark, tick) = (self.core.mark(), self.core.world.instrument.tick);
                match side {
                    Side::Buy => mark.scaled_floor(MARKET_REACH).floor_to(tick),
                    Side::Sell => mark.scaled_ceil(Rate(-MARKET_REACH.0)).ceil_to(tick),
                }
            }
        };
        Ok(Asked { side, qty, limit, kind, reduce_only: wire.reduce_only == Some(true) })
    }

    /// The account's own signer, over what was sent, for long enough.
    pub(super) fn check_signature(&self, message: &impl Signed, now: Time) -> Result<(), Refusal> {
        let refused = |error: crate::grvt::sign::SignatureError| Refusal::new(error.code(), error.to_string());
        check_expiry(message.signature(), now).map_err(refused)?;
        let signer = recover(message, self.settings.chain_id, &self.assets).map_err(refused)?;
        if signer == self.settings.signer {
            return Ok(());
        }
        refuse(2000, "Order signature is from an unauthorized signer")
    }

    fn check_rules(&self, asked: &Asked) -> Result<(), Refusal> {
        let (rules, account) = (&self.core.world.instrument, &self.core.account());
        let Asked { side, qty, limit, reduce_only, .. } = *asked;
        if qty.0 <= 0 || qty < rules.min_qty {
            return refuse(2062, "Order size is smaller than the minimum size");
        }
        if qty.0 % rules.lot.0 != 0 {
            return refuse(2065, "Order size is too granular");
        }
        if limit.0 <= 0 || limit.0 % rules.tick.0 != 0 {
            return refuse(2064, "Limit price is not a multiple of the tick size");
        }
        // reducing orders are held to it as well, unless what is drawn lets go of the rest
        let is_rest = reduce_only && qty >= account.position.abs() && !self.settings.habits.binds_last_close;
        if limit.of(qty) < rules.min_notional && !is_rest {
            return refuse(if reduce_only { 2067 } else { 2066 }, "Order notional is below the minimum notional");
        }
        let held = Qty((-side.signed(account.position).0).max(0));
        if reduce_only {
            return match held {
                Qty(0) if account.position.is_zero() => refuse(2400, "Reduce only order with no position"),
                Qty(0) => refuse(2401, "Reduce only order must not increase the position"),
                held if qty > held => refuse(2402, "Reduce only order size exceeds the position"),
                _ => Ok(()),
            };
        }
        if qty - held.min(qty) > account.room(self.core.mark())[side as usize] {
            return refuse(2080, "Insufficient margin to create order");
        }
        Ok(())
    }
}
