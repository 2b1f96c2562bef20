//! One account on one market as an exchange keeps it: cash, a net position, cross or isolated margin. Where [`super::VenueBook`]
//! holds one leg that is never turned around, this one grows, shrinks and turns. The rules are those of the dossiers, which
//! agree: entry values are added when a position grows, shrink in proportion when it shrinks, and begin anew when it turns.
//! An isolated position has margin of its own: set aside as it grows, given back as it shrinks, moved by funding, and all
//! that its liquidation can cost.
//!
//! It differs from a leg in three ways. What opening takes is a fraction of the value that the holder may set, rounded up,
//! not a leverage. Isolated margin is one number that funding moves and that can be moved by hand; a leg keeps the margin
//! posted and the funding paid apart. What is free is judged at the mark, as the exchanges tell it; a leg's is the balance
//! less the margin posted.

use super::{funding_due, share};
use crate::market::{EventBody, FeeSchedule, LegMargin, MarginSchedule, Role, Side, liquidation_fee};
use crate::units::{Cash, Notional, Price, Qty, Rate};

/// See the module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NetAccount {
    /// Everything booked; unrealised gains apart.
    pub cash: Cash,
    /// Signed.
    pub position: Qty,
    /// Exact entry value, not negative.
    pub entry: Notional,
    /// What fills have realised, fees apart.
    pub realized: Cash,
    /// Positive = paid, since the position was opened.
    pub funding_paid: Cash,
    /// Fraction of the value that opening takes.
    pub initial: Rate,
    /// False: the whole balance backs the position.
    pub isolated: bool,
    /// Of the cash, what an isolated position has for itself.
    pub allocated: Cash,
    /// Entries are multiples of this.
    pub grid: Cash,
    /// While the venue offers the position: the zero price, and the most that trading better than it costs.
    pub offered: Option<(Price, Rate)>,
}

impl NetAccount {
    /// A fresh account.
    pub fn new(cash: Cash, initial: Rate, grid: Cash) -> NetAccount {
        NetAccount {
            cash,
            position: Qty::ZERO,
            entry: Notional::ZERO,
            realized: Cash::ZERO,
            funding_paid: Cash::ZERO,
            initial,
            isolated: false,
            allocated: Cash::ZERO,
            grid,
            offered: None,
        }
    }

    /// Books a fill and its fee (negative = we pay).
    fn fill(&mut self, side: Side, px: Price, qty: Qty, fee: Cash) {
        let by = side.signed(qty);
        let held = self.position;
        let after = held + by;
        self.cash += fee;
        self.allocate(px, by);
        if held.is_zero() || held.0.signum() == by.0.signum() {
            self.entry += px.of(qty);
        } else {
            let closed = qty.min(held.abs());
            let kept = held.abs() - closed;
            let left = Notional(share(self.entry.0, kept, held.abs()));
            let gone = self.entry - left;
            let value = px.of(closed);
            let gain = if held.0 > 0 { value - gone } else { gone - value };
            let gain = gain.to_cash(self.grid);
            self.realized += gain;
            self.cash += gain;
            self.entry = if qty > closed { px.of(qty - closed) } else { left };
        }
        if after.is_zero() || after.0.signum() != held.0.signum() {
            self.funding_paid = Cash::ZERO;
        }
        self.position = after;
    }

    /// The margin that a fill of `by` sets aside or gives back.
    fn allocate(&mut self, px: Price, by: Qty) {
        let held = self.position;
        let turns = held.0.signum() == -by.0.signum();
        let closed = if turns { by.abs().min(held.abs()) } else { Qty::ZERO };
        if !closed.is_zero() {
            let kept = held.abs() - closed;
            self.allocated = Cash(share(self.allocated.0, kept, held.abs()));
        }
        if self.isolated {
            self.allocated += self.margin_of(px.of(by.abs() - closed));
        }
    }

    /// What opening `value` takes, rounded up.
    fn margin_of(&self, value: Notional) -> Cash {
        -(-value).times(self.initial, self.grid)
    }

    /// Moves money into an isolated position (out of it: below zero). False where the free cash, or what the position needs,
    /// forbids it.
    pub fn move_margin(&mut self, amount: Cash, mark: Price) -> bool {
        let [most_in, most_out] = self.movable(mark);
        let legal = self.isolated && !self.position.is_zero() && amount <= most_in && amount >= -most_out;
        if legal {
            self.allocated += amount;
        }
        legal
    }

    /// Sets what opening takes. False where the position would not have its margin then.
    pub fn set_initial(&mut self, initial: Rate, mark: Price) -> bool {
        let before = std::mem::replace(&mut self.initial, initial);
        let legal = self.position.is_zero() || self.backed(mark) >= self.initial_margin(mark).as_notional();
        if !legal {
            self.initial = before;
        }
        legal
    }

    /// What may be moved in and out at most.
    pub fn movable(&self, mark: Price) -> [Cash; 2] {
        let spare = self.backed(mark).to_cash(self.grid) - self.initial_margin(mark);
        [self.available(mark), Cash(spare.0.min(self.allocated.0).max(0))]
    }

    /// The position as a leg, with what stands behind it: everything, or what it has for itself.
    pub fn leg_margin(&self) -> LegMargin {
        LegMargin {
            role: if self.position.0 < 0 { Role::Short } else { Role::Long },
            qty: self.position.abs(),
            cost: self.entry,
            margin: if self.isolated { self.allocated } else { self.cash },
            // booked in the margin
            funding_paid: Cash::ZERO,
        }
    }

    /// The backing and unrealised gains: what maintenance is held against.
    pub fn backed(&self, mark: Price) -> Notional {
        self.leg_margin().equity(mark)
    }

    /// Books what an event did to this account.
    pub fn apply(&mut self, body: &EventBody) {
        match *body {
            EventBody::Fill { side, px, qty, fee, .. } => self.fill(side, px, qty, fee),
            EventBody::Funding { amount, .. } => self.fund(amount),
            EventBody::Liquidated { px, qty, fee, lost } => {
                self.fill(self.leg_margin().role.closing(), px, qty, fee - lost)
            }
            EventBody::Transferred { amount, fee } => self.cash += amount + fee,
            EventBody::Accepted { .. }
            | EventBody::Rejected { .. }
            | EventBody::Done { .. }
            | EventBody::CancelRejected { .. }
            | EventBody::Status { .. } => {}
        }
    }

    /// Funding booked at a settlement at `rate` on `px` (negative = we pay).
    pub fn funding_due(&self, px: Price, rate: Rate) -> Cash {
        funding_due(self.position, px, rate, self.grid)
    }

    /// Books funding.
    fn fund(&mut self, amount: Cash) {
        self.cash += amount;
        self.funding_paid -= amount;
        if self.isolated {
            self.allocated += amount;
        }
    }

    /// The fee of a fill: the account's rate, or what liquidation takes.
    pub fn fee(&self, px: Price, qty: Qty, maker: bool, fees: &FeeSchedule) -> Cash {
        match self.offered {
            Some((zero, most)) => liquidation_fee(px, qty, zero, most, self.grid),
            None => fees.fee(px.of(qty), maker, self.grid),
        }
    }

    /// Gains of the position at `mark` that no fill has realised.
    pub fn unrealized(&self, mark: Price) -> Notional {
        self.leg_margin().unrealised(mark)
    }

    /// Cash and unrealised gains.
    pub fn equity(&self, mark: Price) -> Notional {
        self.cash.as_notional() + self.unrealized(mark)
    }

    /// Margin that the position takes at `mark`, rounded up.
    pub fn initial_margin(&self, mark: Price) -> Cash {
        self.margin_of(mark.of(self.position.abs()))
    }

    /// Margin that the position must keep at `mark`.
    pub fn maintenance(&self, schedule: &MarginSchedule, mark: Price) -> Notional {
        schedule.maintenance(mark.of(self.position.abs()))
    }

    /// What a new position could be opened with: never more than the cash that no position has for itself.
    pub fn available(&self, mark: Price) -> Cash {
        if self.isolated {
            return Cash((self.cash - self.allocated).0.max(0));
        }
        let free = self.equity(mark).to_cash(self.grid) - self.initial_margin(mark);
        Cash(free.0.min(self.cash.0).max(0))
    }

    /// The most that may be opened beyond the position by a buy and by a sale at `mark`. Turning a position around first
    /// frees what it holds.
    pub fn room(&self, mark: Price) -> [Qty; 2] {
        [Side::Buy, Side::Sell].map(|side| {
            let turns = side.signed(self.position).0 < 0;
            let free = if turns { self.equity(mark).to_cash(self.grid) } else { self.available(mark) };
            let unit = -(-mark.of(Qty(1_000_000_000))).times(self.initial, self.grid);
            let coins = |free: i128| free.checked_mul(1_000_000_000).map(|free| free / unit.0.max(1));
            Qty(coins(free.0.max(0)).and_then(|qty| i64::try_from(qty).ok()).unwrap_or(i64::MAX / 2))
        })
    }

    /// The venue takes the position at this mark: less than the maintenance margin stands behind it.
    pub fn is_liquidated(&self, schedule: &MarginSchedule, mark: Price) -> bool {
        !self.position.is_zero() && self.leg_margin().is_liquidated(schedule, mark)
    }

    /// The mark at which the position falls to its maintenance margin, by the level of a leg with its backing; `None` where no
    /// mark does that.
    pub fn liquidation_price(&self, schedule: &MarginSchedule) -> Option<Price> {
        if self.position.is_zero() { None } else { self.leg_margin().liquidation_level(schedule) }
    }

    /// Average entry price, rounded down to 1e-9; zero when flat.
    pub fn entry_price(&self) -> Price {
        let held = i128::from(self.position.0).abs().max(1);
        if self.position.is_zero() { Price(0) } else { Price(i64::try_from(self.entry.0 / held).unwrap_or(i64::MAX)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn px(units: i64) -> Price {
        Price(units * 1_000_000_000)
    }

    fn coins(tenths: i64) -> Qty {
        Qty(tenths * 100_000_000)
    }

    fn account() -> NetAccount {
        NetAccount::new(Cash::units(1_000), Rate(50_000_000_000), Cash(1))
    }

    /// Buy 1 at 100 and 1 at 110, sell 0.5 at 120: 0.5 x (120 - 105) is realised; sell 2 at 100: 1.5 x (100 - 105), short 0.5
    /// from 100.
    #[test]
    fn a_position_grows_shrinks_and_turns() {
        let mut a = account();
        a.fill(Side::Buy, px(100), coins(10), Cash::ZERO);
        a.fill(Side::Buy, px(110), coins(10), Cash::units(-1));
        assert_eq!((a.entry_price(), a.cash), (px(105), Cash::units(999)));
        a.fill(Side::Sell, px(120), coins(5), Cash::ZERO);
        assert_eq!((a.position, a.entry_price(), a.realized.to_string()), (coins(15), px(105), "7.5".to_string()));
        a.fill(Side::Sell, px(100), coins(20), Cash::ZERO);
        assert_eq!((a.position, a.entry_price()), (coins(-5), px(100)));
        assert_eq!((a.realized, a.cash), (Cash::ZERO, Cash::units(999)));
        assert_eq!(a.unrealized(px(90)), Cash::units(5).as_notional());
    }

    #[test]
    fn funding_is_paid_by_the_long_and_margin_binds() {
        let mut a = account();
        a.fill(Side::Buy, px(100), coins(1_000), Cash::ZERO);
        // 10,000 of value at 5 %: 500 of 1,000; 500 more open 100 coins, a sale closes 100 and may open 200
        assert_eq!(a.available(px(100)), Cash::units(500));
        assert_eq!(a.room(px(100)), [coins(1_000), coins(2_000)]);
        let due = a.funding_due(px(100), Rate(1_000_000_000));
        assert_eq!(due, Cash::units(-10));
        a.fund(due);
        let schedule = MarginSchedule::flat(Rate(12_000_000_000));
        let level = a.liquidation_price(&schedule).expect("a level");
        assert!(a.equity(level) >= a.maintenance(&schedule, level));
        assert!(a.equity(Price(level.0 - 1)) < a.maintenance(&schedule, Price(level.0 - 1)));
    }

    /// Ten times: 100 coins at 100 set 1,000 aside; half of them closed give half back; the rest moves within its limits.
    #[test]
    fn an_isolated_position_has_margin_of_its_own() {
        let mut a =
            NetAccount { isolated: true, ..NetAccount::new(Cash::units(5_000), Rate(100_000_000_000), Cash(1)) };
        a.fill(Side::Buy, px(100), coins(1_000), Cash::ZERO);
        assert_eq!(
            (a.allocated, a.available(px(100)), a.cash),
            (Cash::units(1_000), Cash::units(4_000), Cash::units(5_000))
        );
        a.fill(Side::Sell, px(101), coins(500), Cash::ZERO);
        assert_eq!((a.allocated, a.cash), (Cash::units(500), Cash::units(5_050)));
        assert_eq!(a.backed(px(95)), Cash::units(250).as_notional());
        // 500 are needed at 100: nothing may leave; what was put in may
        assert!(!a.move_margin(Cash::units(-1), px(100)) && !a.move_margin(Cash::units(5_000), px(100)));
        assert!(a.move_margin(Cash::units(300), px(100)) && a.move_margin(Cash::units(-300), px(100)));
        let schedule = MarginSchedule::flat(Rate(12_000_000_000));
        let level = a.liquidation_price(&schedule).expect("a level");
        assert!(level > px(90) && level < px(92), "{level}");
        a.fund(a.funding_due(px(100), Rate(10_000_000_000)));
        assert_eq!((a.allocated, a.cash), (Cash::units(450), Cash::units(5_000)));
        a.fill(Side::Sell, px(100), coins(1_000), Cash::ZERO);
        assert_eq!((a.position, a.allocated), (coins(-500), Cash::units(500)));
        a.fill(Side::Buy, px(100), coins(500), Cash::ZERO);
        assert_eq!(a.allocated, Cash::ZERO);
    }
}
