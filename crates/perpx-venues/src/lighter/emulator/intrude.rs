//! What somebody else does to the account, by hand or with a key that we do not hold.

use super::{LighterEmulator, MARKET};
use crate::emulate::faults::Intrusion;
use crate::emulate::venue_core::{INTRUDED, foreign_price};
use crate::lighter::sign::{NewOrder, order_type, time_in_force};
use perpx_core::market::{OrderKind, Side};
use perpx_core::units::{DAY, MS, Time};

/// Foreign numbers of orders count down from here.
const FOREIGN: i64 = (1 << 48) - 1;

impl LighterEmulator {
    pub(super) fn intrude(&mut self, what: Intrusion, now: Time) {
        match what {
            Intrusion::Order | Intrusion::Fill | Intrusion::Instance => self.foreign_order(what, now),
            _ => {
                self.core.intrude(what, now, &mut self.reported);
                self.publish_account(&[], Vec::new(), true);
            }
        }
    }

    /// A bid.
    fn foreign_order(&mut self, what: Intrusion, now: Time) {
        let rests = what != Intrusion::Fill;
        let foreign = FOREIGN - self.counters[0] as i64;
        // of the newest order that a client named, one process on
        let newest = self.orders.values().map(|order| order.asked.client_order_index).rfind(|number| *number > 0);
        let next = newest.map_or(foreign, |newest| newest + (1 << 28));
        let limit = foreign_price(&self.core, rests);
        let kind = if rests { OrderKind::Limit } else { OrderKind::Ioc };
        let tif = if rests { time_in_force::GOOD_TILL_TIME } else { time_in_force::IMMEDIATE_OR_CANCEL };
        let asked = NewOrder {
            market_index: MARKET,
            client_order_index: if what == Intrusion::Instance { next } else { foreign },
            base_amount: INTRUDED.0 / super::tx::SIZE_UNIT,
            price: limit.0 / super::tx::PRICE_UNIT,
            order_type: order_type::LIMIT,
            time_in_force: tif,
            order_expiry: if rests { now.plus(DAY).steps(MS) } else { 0 },
            ..NewOrder::default()
        };
        self.enter(asked, 0, (Side::Buy, INTRUDED, limit, kind), now);
    }
}
