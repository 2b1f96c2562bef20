//! The account's orders: cancels, expiries, and what events make of them.

use super::{GrvtEmulator, Refusal};
use crate::emulate::COIN;
use crate::grvt::QUOTE;
use crate::grvt::trade::{
    CancelAllOrders, CancelOnDisconnect, CancelOrder, Order as WireOrder, OrderStatus, RejectReason, TimeInForce,
};
use perpx_core::market::{Command, Event, EventBody, OrderId, Reject, Role, Side};
use perpx_core::units::{MS, Notional, Price, Qty, Time};
use serde_json::{Value, json};

/// Ended orders that can still be asked for.
const REMEMBERED: usize = 1_000;
/// How long a cancel by client number also kills what comes later: by default and at least, and at most.
const KILLS_MS: [i64; 2] = [100, 5_000];

pub(super) struct Order {
    pub id: OrderId,
    /// The venue's number; the client hears of it on the stream.
    pub order_id: String,
    pub asked: WireOrder,
    pub side: Side,
    pub qty: Qty,
    pub limit: Price,
    pub filled: Qty,
    pub quote: Notional,
    pub status: OrderStatus,
    pub reason: RejectReason,
    pub created: Time,
    pub updated: Time,
    /// What its end will be called if somebody asked for it.
    pub ending: Option<RejectReason>,
    /// It was under way when the dead man's switch fired.
    pub doomed: bool,
}

impl Order {
    pub fn left(&self) -> Qty {
        self.qty - self.filled
    }

    pub fn is_open(&self) -> bool {
        self.status == OrderStatus::Open
    }

    /// Rests, or is on its way.
    pub fn is_alive(&self) -> bool {
        matches!(self.status, OrderStatus::Open | OrderStatus::Pending)
    }

    pub fn client(&self) -> u64 {
        self.asked.metadata.client_order_id.0
    }

    /// Why it ended when nobody asked for it.
    fn own_end(&self, liquidated: bool) -> RejectReason {
        match self.asked.time_in_force {
            _ if liquidated => RejectReason::Liquidation,
            _ if self.asked.is_market == Some(true) => RejectReason::MarketCancel,
            TimeInForce::ImmediateOrCancel => RejectReason::IocCancel,
            TimeInForce::FillOrKill => RejectReason::FokCancel,
            _ if self.asked.reduce_only == Some(true) => RejectReason::ReduceOnlyLimit,
            _ => RejectReason::SelfTradeProtection,
        }
    }
}

fn sent_reason(reason: Reject) -> RejectReason {
    match reason {
        Reject::PostOnlyCross => RejectReason::FailPostOnly,
        Reject::NoMargin => RejectReason::BelowMargin,
        Reject::ReduceOnly => RejectReason::FailReduceOnly,
        Reject::SelfTrade => RejectReason::SelfTradeProtection,
        _ => RejectReason::Unspecified,
    }
}

impl GrvtEmulator {
    /// What an event does to its order, published on the streams.
    pub(super) fn order_event(&mut self, id: OrderId, event: &Event, at: Time) {
        let liquidated = self.core.was_liquidated(id);
        self.open_the_rest(id, event, at);
        let Some(order) = self.orders.get_mut(&id) else { return };
        match event.body {
            EventBody::Accepted { .. } => {
                order.status = OrderStatus::Open;
                if std::mem::take(&mut order.doomed) {
                    self.cancel(id, RejectReason::CountdownRanOut, true);
                }
            }
            EventBody::Fill { px, qty, .. } => {
                order.filled += qty;
                order.quote += px.of(qty);
                // an order that takes and then rests is open from its first fill on
                order.status = if order.left().0 > 0 { OrderStatus::Open } else { OrderStatus::Filled };
            }
            EventBody::Done { .. } if order.left().0 <= 0 => order.status = OrderStatus::Filled,
            EventBody::Done { .. } => {
                order.status = OrderStatus::Cancelled;
                order.reason = order.ending.take().unwrap_or_else(|| order.own_end(liquidated));
            }
            EventBody::Rejected { reason, .. } => {
                (order.status, order.reason) = (OrderStatus::Rejected, sent_reason(reason));
            }
            // the cancel overtook its order
            EventBody::CancelRejected { .. } => {
                order.ending = None;
                return;
            }
            _ => return,
        }
        if let Some(order) = self.orders.get_mut(&id) {
            order.updated = at;
        }
        self.publish_order(id);
        let ended = self.orders.values().filter(|order| !order.is_alive()).count();
        if ended > REMEMBERED
            && let Some(oldest) = self.orders.values().find(|order| !order.is_alive()).map(|order| order.id)
        {
            self.orders.remove(&oldest);
        }
    }

    /// Where it is drawn so: what is left of an order that takes is open for a moment.
    fn open_the_rest(&mut self, id: OrderId, event: &Event, at: Time) {
        let Some(order) = self.orders.get_mut(&id).filter(|_| self.settings.habits.remainder_opens) else { return };
        let takes = order.asked.time_in_force == TimeInForce::ImmediateOrCancel;
        if takes && order.status == OrderStatus::Pending && matches!(event.body, EventBody::Done { .. }) {
            (order.status, order.updated) = (OrderStatus::Open, at);
            self.publish_order(id);
        }
    }

    /// The owner's line is gone.
    pub(super) fn cancel_everything(&mut self) {
        let alive: Vec<OrderId> = self.orders.values().filter(|order| order.is_alive()).map(|order| order.id).collect();
        alive.into_iter().for_each(|id| self.cancel(id, RejectReason::ClientSessionEnd, false));
    }

    pub(super) fn publish_order(&mut self, id: OrderId) {
        let Some(order) = self.orders.get(&id) else { return };
        let wire = |value: Result<Value, serde_json::Error>| value.unwrap_or_default();
        let state = json!({
            "order_id": order.order_id, "client_order_id": order.client().to_string(),
            "order_state": wire(serde_json::to_value(self.state_wire(order))),
        });
        let whole = wire(serde_json::to_value(self.order_wire(order)));
        self.publish_feed("v1.order", whole);
        self.publish_feed("v1.state", state);
    }

    pub(super) fn named(&self, order_id: Option<&str>, client: Option<u64>) -> Option<&Order> {
        let is_it = |order: &&Order| match (order_id.filter(|id| *id != "0x00"), client) {
            (Some(id), _) => order.order_id == id,
            (None, Some(client)) => order.client() == client,
            (None, None) => false,
        };
        self.orders.values().rev().find(is_it)
    }

    fn cancel(&mut self, id: OrderId, reason: RejectReason, at_once: bool) {
        if let Some(order) = self.orders.get_mut(&id) {
            order.ending = Some(reason);
        }
        let command = Command::Cancel { venue: Role::Long, id };
        if at_once { self.core.submit_at_once(command) } else { self.core.submit(command) }
    }

    /// Acknowledged whether there is such an order or not.
    pub(super) fn cancel_one(&mut self, cancel: &CancelOrder, now: Time) -> Result<(), Refusal> {
        let client = cancel.client_order_id.map(|id| id.0);
        if cancel.order_id.is_none() && client.is_none() {
            return Err(Refusal::new(1003, "Request could not be processed due to malformed syntax: no order named"));
        }
        let life = i64::from(cancel.time_to_live_ms.map_or(0, |ms| ms.0));
        if life > KILLS_MS[1] {
            return Err(Refusal::new(2301, "Cancel time to live is too long"));
        }
        let found = self.named(cancel.order_id.as_deref(), client);
        match found.filter(|order| order.is_alive()).map(|order| order.id) {
            Some(id) => self.cancel(id, RejectReason::ClientCancel, false),
            None => {
                if let (None, Some(client)) = (&cancel.order_id, client)
                    && self.killed.iter().all(|(other, _)| *other != client)
                {
                    self.killed.push((client, now.plus(life.max(KILLS_MS[0]) * MS)));
                }
            }
        }
        Ok(())
    }

    /// A cancel came before its order.
    pub(super) fn is_killed(&mut self, client: u64, now: Time) -> bool {
        self.publish_windows(now);
        self.killed.iter().any(|(other, _)| *other == client)
    }

    /// Windows of cancels that end now without an order.
    fn publish_windows(&mut self, now: Time) {
        let (over, left) = std::mem::take(&mut self.killed).into_iter().partition(|(_, until)| *until <= now);
        self.killed = left;
        let over: Vec<(u64, Time)> = over;
        for (client, at) in over {
            let feed = json!({
                "sub_account_id": self.settings.sub_account.to_string(), "client_order_id": client.to_string(),
                "order_id": "0x00", "reason": "CLIENT_CANCEL", "update_time": at.0.to_string(),
                "cancel_status": "EXPIRED",
            });
            self.publish_feed("v1.cancel", feed);
        }
    }

    pub(super) fn cancel_all(&mut self, filter: &CancelAllOrders) {
        let fits = |list: &Option<Vec<String>>, word: &str| {
            list.as_ref().is_none_or(|list| list.is_empty() || list.iter().any(|other| other == word))
        };
        if fits(&filter.kind, "PERPETUAL") && fits(&filter.base, COIN) && fits(&filter.quote, QUOTE) {
            self.cancel_every(RejectReason::ClientBulkCancel, false);
        }
    }

    fn cancel_every(&mut self, reason: RejectReason, at_once: bool) {
        let alive: Vec<OrderId> =
            self.orders.values().filter(|order| order.is_alive() && !order.doomed).map(|order| order.id).collect();
        for id in alive {
            self.cancel(id, reason.clone(), at_once);
        }
    }

    /// Whole seconds, rounded; up to a second disarms.
    pub(super) fn arm(&mut self, switch: &CancelOnDisconnect, now: Time) -> Result<(), Refusal> {
        let ms = i64::from(switch.countdown_time.0);
        if ms > 300_000 {
            return Err(Refusal::new(6000, "Countdown time is above 300 seconds"));
        }
        self.countdown = (ms > 1_000).then(|| now.plus((ms + 500) / 1_000 * 1_000 * MS));
        Ok(())
    }

    /// What expires now: signatures, and everything when the dead man's switch fires.
    pub(super) fn expire(&mut self, now: Time) {
        self.publish_windows(now);
        if self.countdown.is_some_and(|at| at <= now) {
            self.countdown = None;
            let under_way = self.orders.values_mut().filter(|order| order.status == OrderStatus::Pending);
            under_way.for_each(|order| order.doomed = true);
            self.cancel_every(RejectReason::CountdownRanOut, true);
        }
        let due =
            |order: &&Order| order.is_open() && order.asked.signature.expiration.0 <= now.0 && order.ending.is_none();
        let due: Vec<OrderId> = self.orders.values().filter(due).map(|order| order.id).collect();
        for id in due {
            self.cancel(id, RejectReason::Expired, true);
        }
    }
}
