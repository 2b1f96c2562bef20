//! Orders that are not known to be over, followed by what was sent and what was heard: for those who watch, not for the trader, who
//! has his own.

use super::snapshot::OpenOrder;
use perpx_core::market::{Command, Event, EventBody, NewOrder, OrderId, OrderState};
use perpx_core::units::Qty;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// One of them.
struct Followed {
    order: NewOrder,
    sent: Instant,
    filled: Qty,
    is_resting: bool,
    in_doubt: Option<Instant>,
}

/// All of them, by venue and number.
#[derive(Default)]
pub struct OpenOrders(BTreeMap<(usize, OrderId), Followed>);

impl OpenOrders {
    /// A command left.
    pub fn sent(&mut self, command: &Command, now: Instant) {
        match *command {
            Command::Place(order) => {
                let followed = Followed { order, sent: now, filled: Qty::ZERO, is_resting: false, in_doubt: None };
                self.0.insert((order.venue.ix(), order.id), followed);
            }
            Command::Modify { venue, id, qty, limit } => {
                if let Some(followed) = self.0.get_mut(&(venue.ix(), id)) {
                    (followed.order.qty, followed.order.limit) = (qty, limit);
                }
            }
            Command::Cancel { .. } | Command::Query { .. } => {}
        }
    }

    /// When an order was sent.
    pub fn sent_at(&self, venue: usize, id: OrderId) -> Option<Instant> {
        self.0.get(&(venue, id)).map(|followed| followed.sent)
    }

    /// Something was heard of an order; how long its first fill took, if this is it.
    pub fn heard(&mut self, event: &Event, now: Instant) -> Option<Duration> {
        let key = (event.venue.ix(), event.body.order()?);
        let followed = self.0.get_mut(&key)?;
        let state = match event.body {
            EventBody::Status { state, .. } => Some(state),
            _ => None,
        };
        // whatever is heard of it, somebody knows it
        followed.in_doubt = match state {
            Some(OrderState::InDoubt) => followed.in_doubt.or(Some(now)),
            _ => None,
        };
        match (event.body, state) {
            (EventBody::Fill { qty, .. }, _) => {
                let is_first = followed.filled.is_zero();
                followed.filled += qty;
                return is_first.then(|| now.duration_since(followed.sent));
            }
            (EventBody::Accepted { .. }, _) => followed.is_resting = true,
            (_, Some(OrderState::Open { filled })) => (followed.is_resting, followed.filled) = (true, filled),
            _ if event.body.ended().is_some() => drop(self.0.remove(&key)),
            _ => {}
        }
        None
    }

    /// How many of them nobody has known anything of for longer than `most`.
    pub fn in_doubt_for(&self, most: Duration, now: Instant) -> usize {
        let since = self.0.values().filter_map(|followed| followed.in_doubt);
        since.filter(|since| now.duration_since(*since) > most).count()
    }

    /// As they are shown, by venue and number.
    pub fn shown(&self, now: Instant) -> Vec<OpenOrder> {
        let age = |since: Instant| now.duration_since(since).as_secs_f64();
        let shown = |((venue, id), followed): (&(usize, OrderId), &Followed)| {
            let Followed { order, sent, filled, is_resting, in_doubt } = followed;
            OpenOrder {
                id: id.0,
                venue: *venue,
                side: order.side.name(),
                kind: format!("{:?}", order.kind),
                qty: order.qty.as_f64(),
                filled: filled.as_f64(),
                limit: order.limit.as_f64(),
                reduce_only: order.reduce_only,
                is_resting: *is_resting,
                age: age(*sent),
                in_doubt: in_doubt.map(age),
            }
        };
        self.0.iter().map(shown).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use perpx_core::market::{OrderKind, Role, Side};
    use perpx_core::units::{Cash, Mid, Price, Time};

    fn event(body: EventBody) -> Event {
        Event { at: Time(1), venue_time: Time(1), venue: Role::Short, body, met: Mid::ZERO }
    }

    /// In doubt until something is heard of it, and followed until it is over.
    #[test]
    fn an_order_is_followed_to_its_end() {
        let (mut orders, now) = (OpenOrders::default(), Instant::now());
        let id = OrderId(7);
        let order = NewOrder {
            id,
            venue: Role::Short,
            side: Side::Sell,
            qty: Qty(5),
            limit: Price(3),
            kind: OrderKind::Ioc,
            reduce_only: false,
            covers: true,
        };
        orders.sent(&Command::Place(order), now);
        let later = now + Duration::from_secs(2);
        let status = |state| event(EventBody::Status { id, state });
        assert_eq!(orders.heard(&status(OrderState::InDoubt), now), None);
        assert_eq!(orders.heard(&status(OrderState::InDoubt), later), None);
        assert_eq!(orders.shown(later)[0].in_doubt, Some(2.0));
        let fill = EventBody::Fill { id, side: Side::Sell, px: Price(3), qty: Qty(2), maker: false, fee: Cash(0) };
        assert_eq!(orders.heard(&event(fill), later), Some(Duration::from_secs(2)));
        assert_eq!(orders.heard(&event(fill), later), None);
        let shown = &orders.shown(later)[0];
        assert_eq!((shown.in_doubt, shown.filled, shown.venue), (None, Qty(4).as_f64(), 1));
        orders.heard(&event(EventBody::Done { id, filled: Qty(4) }), later);
        assert!(orders.shown(later).is_empty());
        assert_eq!(orders.heard(&event(fill), later), None);
    }
}
