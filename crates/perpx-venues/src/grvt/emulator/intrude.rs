//! What somebody else does to the account, by hand or with a key that we do not hold.

use super::{GrvtEmulator, INSTRUMENT};
use crate::emulate::faults::Intrusion;
use crate::emulate::venue_core::{INTRUDED, foreign_price};
use perpx_core::market::{OrderKind, Side};
use perpx_core::units::{DAY, Time};
use serde_json::json;

/// Foreign numbers of orders count up from here: below ours.
const FOREIGN: u64 = 1 << 40;

impl GrvtEmulator {
    pub(super) fn intrude(&mut self, what: Intrusion, now: Time) {
        match what {
            Intrusion::Order | Intrusion::Fill | Intrusion::Instance => self.foreign_order(what, now),
            _ => {
                self.core.intrude(what, now, &mut self.reported);
                self.leverage = super::times(self.core.account().initial);
                let position = self.position_json(now);
                self.publish_feed("v1.position", position);
            }
        }
    }

    /// A bid.
    fn foreign_order(&mut self, what: Intrusion, now: Time) {
        let rests = what != Intrusion::Fill;
        let foreign = FOREIGN + self.history.last().map_or(0, |print| print.id);
        // of the newest order that a client named, one process on
        let newest = self.orders.values().map(super::orders::Order::client).rfind(|number| *number > 1 << 63);
        let next = newest.map_or(foreign, |newest| newest + (1 << 32));
        let client = if what == Intrusion::Instance { next } else { foreign };
        let limit = foreign_price(&self.core, rests);
        let kind = if rests { OrderKind::Limit } else { OrderKind::Ioc };
        let tif = if rests { "GOOD_TILL_TIME" } else { "IMMEDIATE_OR_CANCEL" };
        let zero = format!("0x{}", "0".repeat(64));
        let asked = json!({
            "sub_account_id": self.settings.sub_account.to_string(), "is_market": false, "time_in_force": tif,
            "post_only": false, "reduce_only": false,
            "legs": [{
                "instrument": INSTRUMENT, "size": super::show::size(INTRUDED), "limit_price": super::show::price(limit),
                "is_buying_asset": true,
            }],
            "signature": {
                "signer": format!("0x{}", "f".repeat(40)), "r": zero, "s": zero, "v": 27, "nonce": 0,
                "expiration": now.plus(DAY).0.to_string(),
            },
            "metadata": { "client_order_id": client.to_string() },
        });
        // a form of ours, and legal
        if let Ok(asked) = serde_json::from_value(asked) {
            self.enter(asked, (Side::Buy, INTRUDED, limit), kind, false, now);
        }
    }
}
