//! One account on one venue: its cash and its one leg. Used as it is for truth and for belief.

use crate::market::{EventBody, LegMargin, Role};
use crate::units::{Cash, Mid, MidValue, Notional, Price, Qty, Rate, mul_div};
use serde::{Deserialize, Serialize};

/// The open position of a venue. The long venue holds longs alone, the short venue shorts alone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Leg {
    /// Not negative; which way is said by the role.
    pub qty: Qty,
    /// Exact entry value of `qty`, not negative.
    pub cost: Notional,
    /// Isolated margin posted at entry.
    pub margin: Cash,
    /// Funding paid since the leg was opened (positive = paid).
    pub funding_paid: Cash,
}

/// Cash and leg of one venue's account, and the rules by which they are booked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VenueBook {
    /// The leg that may be open here.
    pub role: Role,
    /// Ledger entries are multiples of this.
    grid: Cash,
    /// At least 1.
    leverage: Rate,
    /// False: the whole balance backs the leg.
    isolated: bool,
    /// The balance: deposits and everything booked, posted margin included.
    pub cash: Cash,
    /// The open position; all zero without one.
    pub leg: Leg,
}

impl VenueBook {
    /// A fresh account of `capital`. `grid`: the venue's money step, positive; `leverage`: at least 1.
    pub fn new(role: Role, grid: Cash, leverage: Rate, isolated: bool, capital: Cash) -> VenueBook {
        assert!(grid.0 > 0, "a money grid of {grid}");
        assert!(leverage.0 >= Rate::ONE, "a leverage of {leverage}");
        VenueBook { role, grid, leverage, isolated, cash: capital, leg: Leg::default() }
    }

    /// Cash that can margin a new order.
    pub fn free(&self) -> Cash {
        self.cash - self.leg.margin
    }

    /// Margin that opening `value` would post, rounded up to the money grid.
    pub fn margin_for(&self, value: Notional) -> Cash {
        let unit = i128::from(self.leverage.0) * 1_000_000 * self.grid.0;
        Cash(-mul_div(-value.abs().0, i128::from(Rate::ONE), unit) * self.grid.0)
    }

    /// Books what an event did to this account; returns the change of cash. Events that move no money change nothing.
    /// A fill that would turn the leg around is a fault of whoever sent it and stops the program.
    pub fn apply(&mut self, body: &EventBody) -> Cash {
        match *body {
            EventBody::Fill { side, px, qty, fee, .. } if side == self.role.opening() => self.open(px, qty, fee),
            EventBody::Fill { px, qty, fee, .. } => self.close(px, qty) + self.book(fee),
            EventBody::Funding { amount, .. } => {
                self.leg.funding_paid -= amount;
                self.book(amount)
            }
            EventBody::Liquidated { px, qty, fee, lost } => self.close(px, qty) + self.book(fee - lost),
            EventBody::Transferred { amount, fee } => {
                assert!(fee.0 <= 0, "a transfer that pays {fee}");
                self.book(amount + fee)
            }
            EventBody::Accepted { .. }
            | EventBody::Rejected { .. }
            | EventBody::Done { .. }
            | EventBody::CancelRejected { .. }
            | EventBody::Status { .. } => Cash::ZERO,
        }
    }

    /// Puts an amount on the balance.
    fn book(&mut self, amount: Cash) -> Cash {
        self.cash += amount;
        amount
    }

    /// Adds to the leg: entry value, margin for it, fee.
    fn open(&mut self, px: Price, qty: Qty, fee: Cash) -> Cash {
        assert!(qty.0 > 0 && px.0 >= 0, "a fill of {qty} at {px}");
        let value = px.of(qty);
        self.leg.margin += self.margin_for(value);
        self.leg.cost += value;
        self.leg.qty += qty;
        self.book(fee)
    }

    /// Realises `qty` at `px`: the closed part takes its share of the entry value (floored at 1e-18; the rest stays with
    /// the leg, so nothing is lost), and the result is rounded once, against us.
    fn close(&mut self, px: Price, qty: Qty) -> Cash {
        assert!(qty <= self.leg.qty, "closing {qty} of a leg of {}", self.leg.qty);
        assert!(qty.0 > 0 && px.0 >= 0, "a close of {qty} at {px}");
        let pnl = self.realised(px, qty);
        if qty == self.leg.qty {
            self.leg = Leg::default();
        } else {
            let share = self.cost_share(qty);
            let keeps = |amount: i128| amount - super::share(amount, qty, self.leg.qty);
            let (margin, funding) = (keeps(self.leg.margin.0), keeps(self.leg.funding_paid.0));
            self.leg.margin = Cash(margin);
            self.leg.funding_paid = Cash(funding);
            self.leg.cost -= share;
            self.leg.qty -= qty;
            assert!(self.leg.cost.0 >= 0 && self.leg.margin.0 >= 0, "what stays of a leg: {:?}", self.leg);
        }
        let cash = pnl.to_cash(self.grid);
        self.book(cash)
    }

    /// The entry value that goes with `qty` of the leg, floored at 1e-18.
    fn cost_share(&self, qty: Qty) -> Notional {
        if qty == self.leg.qty {
            return self.leg.cost;
        }
        Notional(super::share(self.leg.cost.0, qty, self.leg.qty))
    }

    /// Exact profit of closing `qty` of the leg at `px`, before rounding and fee.
    pub fn realised(&self, px: Price, qty: Qty) -> Notional {
        let (value, share) = (px.of(qty), self.cost_share(qty));
        match self.role {
            Role::Long => value - share,
            Role::Short => share - value,
        }
    }

    /// The balance and what the leg would make at `mid`, exact.
    pub fn equity(&self, mid: Mid) -> MidValue {
        let open = mid.of(self.leg.qty) - self.leg.cost.into();
        let signed = match self.role {
            Role::Long => open,
            Role::Short => -open,
        };
        MidValue::from(self.cash) + signed
    }

    /// What decides whether the venue takes the leg; `None` without one.
    pub fn leg_margin(&self) -> Option<LegMargin> {
        if self.leg.qty.is_zero() {
            return None;
        }
        let (margin, funding_paid) =
            if self.isolated { (self.leg.margin, self.leg.funding_paid) } else { (self.cash, Cash::ZERO) };
        Some(LegMargin { role: self.role, qty: self.leg.qty, cost: self.leg.cost, margin, funding_paid })
    }

    /// The leg's quantity with its sign: a short is negative.
    pub fn position(&self) -> Qty {
        match self.role {
            Role::Long => self.leg.qty,
            Role::Short => -self.leg.qty,
        }
    }

    /// Funding booked at a settlement on the present leg: a long pays `qty * px * rate`, a short receives it.
    pub fn funding_due(&self, px: Price, rate: Rate) -> Cash {
        super::funding_due(self.position(), px, rate, self.grid)
    }

    /// The venue's money step.
    pub fn grid(&self) -> Cash {
        self.grid
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::market::{OrderId, Side};

    fn fill(side: Side, px: i64, qty: i64, fee: i128) -> EventBody {
        let fee = Cash(fee * 1_000_000);
        EventBody::Fill {
            id: OrderId(1),
            side,
            px: Price(px * 1_000_000_000),
            qty: Qty(qty * 1_000_000),
            maker: false,
            fee,
        }
    }

    fn book(role: Role) -> VenueBook {
        VenueBook::new(role, Cash(1_000_000), Rate(10 * Rate::ONE), true, Cash::units(1_000))
    }

    /// | fill | balance | leg | entry value | margin |
    /// | buy 0.010 at 100,000, fee 0.2 | 999.8 | 0.010 | 1,000 | 100 |
    /// | buy 0.010 at 101,000, fee 0.2 | 999.6 | 0.020 | 2,010 | 201 |
    /// | sell 0.005 at 102,000, fee 0.1 | 999.5 + 510 - 502.5 = 1,007 | 0.015 | 1,507.5 | 150.75 |
    #[test]
    fn long_blotter() {
        let mut book = book(Role::Long);
        book.apply(&fill(Side::Buy, 100_000, 10, -200_000));
        book.apply(&fill(Side::Buy, 101_000, 10, -200_000));
        assert_eq!((book.cash.to_string().as_str(), book.leg.margin), ("999.6", Cash::units(201)));
        book.apply(&fill(Side::Sell, 102_000, 5, -100_000));
        assert_eq!(book.cash.to_string(), "1007");
        assert_eq!(book.leg.cost, Notional(1_507_500_000_000_000_000_000));
        assert_eq!(book.leg.margin.to_string(), "150.75");
        assert_eq!(book.free().to_string(), "856.25");
        // at mid 102,000: 1,007 + 0.015 x 102,000 - 1,507.5 = 1,029.5
        assert_eq!(book.equity(Mid::at(Price(102_000_000_000_000))).to_string(), "1029.5");
    }

    /// A short of 0.010 from 100,000; funding 1e-4 on 100,000 is received by the short: 0.1.
    #[test]
    fn funding_pays_the_short_when_positive() {
        let mut book = book(Role::Short);
        book.apply(&fill(Side::Sell, 100_000, 10, 0));
        let due = book.funding_due(Price(100_000_000_000_000), Rate(100_000_000));
        assert_eq!(due.to_string(), "0.1");
        book.apply(&EventBody::Funding { amount: due, rate: Rate(100_000_000), px: Price(100_000_000_000_000) });
        assert_eq!((book.cash.to_string().as_str(), book.leg.funding_paid), ("1000.1", -due));
    }

    /// Taken over at mark 91,000: margin 100, unrealised -90, equity 10 lost; in all the margin is gone, no more.
    #[test]
    fn a_take_over_costs_the_margin() {
        let mut book = book(Role::Long);
        book.apply(&fill(Side::Buy, 100_000, 10, 0));
        let mark = Price(91_000_000_000_000);
        let lost = book.leg_margin().expect("a leg").equity(mark).to_cash(book.grid());
        assert_eq!(lost, Cash::units(10));
        book.apply(&EventBody::Liquidated { px: mark, qty: Qty(10_000_000), fee: Cash::ZERO, lost });
        assert_eq!((book.cash, book.leg), (Cash::units(900), Leg::default()));
    }
}
