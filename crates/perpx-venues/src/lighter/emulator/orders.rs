//! The account's orders: what was asked for, and what the venue's events made of it.

use super::LighterEmulator;
use crate::lighter::rest::OrderStatus;
use crate::lighter::sign::{NewOrder, time_in_force};
use perpx_core::market::{Command, Event, EventBody, OrderId, Reject, Role};
use perpx_core::units::{MS, Notional, Price, Qty, Time};

/// Ended orders that can still be asked for.
const REMEMBERED: usize = 1_000;

pub(super) struct Order {
    pub id: OrderId,
    /// The venue's number.
    pub index: u64,
    pub asked: NewOrder,
    pub nonce: i64,
    pub qty: Qty,
    pub limit: Price,
    pub filled: Qty,
    pub quote: Notional,
    pub status: OrderStatus,
    pub created: Time,
    pub updated: Time,
    pub version: i64,
    /// What its end will be called if somebody asked for it.
    pub ending: Option<OrderStatus>,
    /// It was under way when the dead man's switch fired.
    pub doomed: bool,
    /// A change under way: when it lands (the market's time), quantity and price.
    pub change: Option<(Time, Qty, Price)>,
    pub was_changed: bool,
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
        matches!(self.status, OrderStatus::Open | OrderStatus::InProgress)
    }

    /// What an end that nobody asked for is called.
    fn own_end(&self, liquidated: bool) -> OrderStatus {
        match self.asked.time_in_force {
            _ if self.left().0 <= 0 => OrderStatus::Filled,
            _ if liquidated => OrderStatus::CanceledLiquidation,
            time_in_force::IMMEDIATE_OR_CANCEL if self.asked.order_type != 0 => OrderStatus::CanceledTooMuchSlippage,
            time_in_force::IMMEDIATE_OR_CANCEL => OrderStatus::CanceledNotEnoughLiquidity,
            _ if self.asked.reduce_only == 1 => OrderStatus::CanceledReduceOnly,
            time_in_force::POST_ONLY if self.was_changed => OrderStatus::CanceledPostOnly,
            _ => OrderStatus::CanceledSelfTrade,
        }
    }
}

impl LighterEmulator {
    /// What an event does to its order; true when the order changed.
    pub(super) fn order_event(&mut self, id: OrderId, event: &Event, at: Time) -> bool {
        let liquidated = self.core.was_liquidated(id);
        let Some(order) = self.orders.get_mut(&id) else { return false };
        if let Some((lands, qty, limit)) = order.change
            && event.venue_time >= lands
            && !matches!(event.body, EventBody::CancelRejected { .. })
        {
            (order.qty, order.limit, order.was_changed, order.change) = (qty, limit, true, None);
        }
        match event.body {
            EventBody::Accepted { .. } => {
                order.status = OrderStatus::Open;
                if std::mem::take(&mut order.doomed) {
                    self.cancel(id, OrderStatus::Canceled, true);
                    return true;
                }
            }
            EventBody::Fill { px, qty, .. } => {
                order.filled += qty;
                order.quote += px.of(qty);
            }
            EventBody::Done { .. } => {
                let asked = order.ending.take().filter(|_| order.left().0 > 0);
                order.status = asked.unwrap_or_else(|| order.own_end(liquidated));
            }
            EventBody::Rejected { reason, .. } => {
                order.status = match reason {
                    Reject::PostOnlyCross => OrderStatus::CanceledPostOnly,
                    Reject::NoMargin => OrderStatus::CanceledMarginNotAllowed,
                    Reject::ReduceOnly => OrderStatus::CanceledReduceOnly,
                    Reject::SelfTrade => OrderStatus::CanceledSelfTrade,
                    _ => OrderStatus::Canceled,
                }
            }
            // what was asked for overtook the order, or came too late: it lives as it is
            EventBody::CancelRejected { .. } => {
                (order.change, order.ending) = (None, None);
                return false;
            }
            _ => return false,
        }
        order.updated = at;
        let (is_refused, nonce) = (matches!(event.body, EventBody::Rejected { .. }), order.nonce);
        if is_refused && !self.settings.habits.failed_uses_nonce {
            self.nonces.values_mut().filter(|last| **last == nonce).for_each(|last| *last -= 1);
        }
        let ended = self.orders.values().filter(|order| !order.is_alive()).count();
        if ended > REMEMBERED
            && let Some(oldest) = self.orders.values().find(|order| !order.is_alive()).map(|order| order.id)
        {
            self.orders.remove(&oldest);
        }
        true
    }

    /// The order that a transaction names: by the venue's number, or by the client's of one that is alive.
    pub(super) fn find(&self, index: i64) -> Option<OrderId> {
        let client = index < 1 << 48;
        let named = |order: &&Order| match client {
            true => order.asked.client_order_index == index && order.is_alive(),
            false => i64::try_from(order.index) == Ok(index),
        };
        self.orders.values().rev().find(named).map(|order| order.id)
    }

    /// Asks the venue to cancel; the end will be called `status`.
    pub(super) fn cancel(&mut self, id: OrderId, status: OrderStatus, at_once: bool) {
        if let Some(order) = self.orders.get_mut(&id) {
            order.ending = Some(status);
        }
        let command = Command::Cancel { venue: Role::Long, id };
        if at_once { self.core.submit_at_once(command) } else { self.core.submit(command) }
    }

    /// What expires now: orders, and everything when the dead man's switch fires.
    pub(super) fn expire(&mut self, now: Time) {
        let ms = now.steps(MS);
        let all = self.cancel_all_at.is_some_and(|at| at <= ms);
        if all {
            self.cancel_all_at = None;
            let under_way = self.orders.values_mut().filter(|order| order.status == OrderStatus::InProgress);
            under_way.for_each(|order| order.doomed = true);
        }
        let due = |order: &&Order| {
            let expires = order.asked.order_expiry > 0 && order.asked.order_expiry <= ms;
            order.is_open() && (all || expires) && order.ending.is_none()
        };
        let due: Vec<OrderId> = self.orders.values().filter(due).map(|order| order.id).collect();
        for id in due {
            self.cancel(id, if all { OrderStatus::Canceled } else { OrderStatus::CanceledExpired }, true);
        }
    }
}
