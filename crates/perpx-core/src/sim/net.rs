//! The account of an emulated exchange: a net position that orders of both sides open, close and turn around. Whoever keeps
//! it judges it, because an exchange liquidates by orders of its own, in part, down to a close-out margin, and tells each
//! fill; a sweep's leg goes at once and whole (fills.md).

use super::account::Account;
use super::book::BookView;
use super::venue::{Env, Order, SimVenue};
use crate::ledger::NetAccount;
use crate::market::{EventBody, FeeSchedule, Side};
use crate::units::{Cash, Price, Qty, Rate};

impl Account for NetAccount {
    /// An order keeps the quantity that was asked for: what it may still close is seen when it fills.
    const TRIMS: bool = false;

    fn grid(&self) -> Cash {
        self.grid
    }

    fn is_flat(&self) -> bool {
        self.position.is_zero()
    }

    fn closable(&self, side: Side) -> Qty {
        Qty((-side.signed(self.position)).0.max(0))
    }

    fn is_closing(&self, _side: Side, reduce_only: bool) -> bool {
        reduce_only
    }

    /// At the mark, without what rests: the exchanges do not say whether an order that rests takes margin.
    fn affords(venue: &mut SimVenue<Self>, order: &Order, book: &BookView, env: &Env) -> bool {
        let mark = match venue.mark_at(order.arrived, env) {
            Price(0) => book.best().mid().price(),
            mark => mark,
        };
        let opens = order.left() - venue.account.closable(order.side);
        opens <= venue.account.room(mark)[order.side as usize]
    }

    fn fee(&self, px: Price, qty: Qty, maker: bool, fees: &FeeSchedule) -> Cash {
        NetAccount::fee(self, px, qty, maker, fees)
    }

    fn funding_due(&self, px: Price, rate: Rate) -> Cash {
        NetAccount::funding_due(self, px, rate)
    }

    fn book(&mut self, body: &EventBody) {
        self.apply(body);
    }
}

impl SimVenue<NetAccount> {
    /// For what happens to the account beside matching and funding.
    pub fn account_mut(&mut self) -> &mut NetAccount {
        &mut self.account
    }
}
