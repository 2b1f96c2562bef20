//! BELIEF: what the trader knows of both accounts, built from the events that reached it and nothing else, with every
//! change of equity put on a line.

use super::{Line, Lines, VenueBook};
use crate::market::{Event, EventBody, Role};
use crate::units::{Cash, Mid, MidValue, Qty};
use serde::{Deserialize, Serialize};

/// The mids by role, of the last local tick; zero = not quoted.
pub type Mids = [Mid; 2];

/// Both accounts as the trader knows them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Belief {
    /// By role.
    pub books: [VenueBook; 2],
    /// Everything since the start, by leg and line.
    pub lines: Lines,
    /// Money on its way from one venue to the other: ours, usable nowhere.
    in_transit: Cash,
    /// Mids at which the open legs were last valued.
    valued_at: Mids,
}

impl Belief {
    /// Fresh accounts; `books` by role, with their capital.
    pub fn new(books: [VenueBook; 2]) -> Belief {
        Belief { books, lines: Lines::default(), in_transit: Cash::ZERO, valued_at: [Mid::ZERO; 2] }
    }

    /// No money is on its way from one venue to the other.
    pub(crate) fn is_settled(&self) -> bool {
        self.in_transit == Cash::ZERO
    }

    /// Base coins of a leg, not negative.
    pub fn qty(&self, role: Role) -> Qty {
        self.books[role.ix()].leg.qty
    }

    /// No leg is open.
    pub fn is_flat(&self) -> bool {
        Role::BOTH.iter().all(|&role| self.qty(role).is_zero())
    }

    /// The equity of both accounts, money in transit included.
    pub fn equity(&self, mids: Mids) -> MidValue {
        let books: MidValue = self.books.iter().zip(mids).map(|(book, mid)| book.equity(mid)).sum();
        books + self.in_transit.into()
    }

    /// Puts the move of the mids since the last call on the lines; `unmatched` is the line of quantity without a
    /// counterpart in the present state. Called before every event that moves money and at every transition.
    pub fn value_at(&mut self, mids: Mids, unmatched: Line) {
        let matched = self.qty(Role::Long).min(self.qty(Role::Short));
        for role in Role::BOTH {
            let r = role.ix();
            let qty = self.qty(role);
            if !qty.is_zero() {
                let (moved, side) = (mids[r] - self.valued_at[r], role.opening());
                self.lines.add(role, Line::Spread, moved.of(side.signed(matched)));
                self.lines.add(role, unmatched, moved.of(side.signed(qty - matched)));
            }
        }
        self.valued_at = mids;
    }

    /// Books an event that reached us, at the mids of the last local tick. The slippage of a fill is its distance from the
    /// mid that it met; what that venue's mid did from there until we heard of it goes to `unmatched`, because the quantity
    /// ran alone, and to us still unknown, meanwhile.
    pub fn apply(&mut self, event: &Event, mids: Mids, unmatched: Line) {
        let role = event.venue;
        let book = &mut self.books[role.ix()];
        let before = book.equity(mids[role.ix()]);
        let mut drift = MidValue::ZERO;
        let (exact, line) = match event.body {
            EventBody::Fill { side, px, qty, fee, .. } => {
                let line = if fee.0 > 0 { Line::Rebates } else { Line::Fees };
                let met = if event.met.is_quoted() { event.met } else { mids[role.ix()] };
                drift = (mids[role.ix()] - met).of(side.signed(qty));
                let slip = (met - Mid::at(px)).of(side.signed(qty));
                (Some((slip, Line::Slippage)), Some((fee, line)))
            }
            EventBody::Funding { amount, .. } => (None, Some((amount, Line::Funding))),
            EventBody::Liquidated { px, qty, fee, lost } => {
                let slip = (mids[role.ix()] - Mid::at(px)).of(role.closing().signed(qty));
                (Some((slip, Line::Liquidation)), Some((fee - lost, Line::Liquidation)))
            }
            EventBody::Transferred { amount, fee } => {
                book.apply(&event.body);
                self.in_transit -= amount;
                self.lines.add(role, Line::Transfer, fee.into());
                return;
            }
            _ => return,
        };
        self.value_at(mids, unmatched);
        let book = &mut self.books[role.ix()];
        book.apply(&event.body);
        let change = book.equity(mids[role.ix()]) - before;
        self.lines.add(role, unmatched, drift);
        let mut explained = drift;
        if let Some((amount, line)) = exact {
            self.lines.add(role, line, amount);
            explained += amount;
        }
        if let Some((cash, line)) = line {
            let amount = cash.into();
            self.lines.add(role, line, amount);
            explained += amount;
        }
        // what no line explains is the rounding of one entry to the money grid, against us
        let (rounding, step) = (change - explained, MidValue::from(self.books[role.ix()].grid()));
        assert!(-step < rounding && rounding <= MidValue::ZERO, "{rounding} of {event:?} is on no line");
        self.lines.add(role, Line::Rounding, rounding);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::market::{OrderId, Side};
    use crate::units::{Price, Rate, Time};

    fn mids(long: i64, short: i64) -> Mids {
        [long, short].map(|units| Mid::at(Price(units * 1_000_000_000)))
    }

    fn fill(venue: Role, side: Side, px: i64, qty: i64) -> Event {
        let body = EventBody::Fill {
            id: OrderId(1),
            side,
            px: Price(px * 1_000_000_000),
            qty: Qty(qty),
            maker: false,
            fee: Cash(-1_000_000),
        };
        Event { at: Time(0), venue_time: Time(0), venue, body, met: Mid::ZERO }
    }

    /// Buy 1 at 101 (mid 100), lock by selling 1 at 109 (mid 110), unwind both: every line by hand.
    #[test]
    fn lines_add_up_to_the_change_of_equity() {
        let book = |role| VenueBook::new(role, Cash(1_000_000), Rate(Rate::ONE), true, Cash::units(1_000));
        let mut belief = Belief::new([book(Role::Long), book(Role::Short)]);
        let one = 1_000_000_000;
        let start = belief.equity(mids(100, 100));
        belief.apply(&fill(Role::Long, Side::Buy, 101, one), mids(100, 100), Line::Legging);
        belief.value_at(mids(110, 111), Line::Price);
        belief.apply(&fill(Role::Short, Side::Sell, 109, one), mids(110, 110), Line::Legging);
        belief.apply(&fill(Role::Short, Side::Buy, 105, one), mids(104, 104), Line::Price);
        belief.apply(&fill(Role::Long, Side::Sell, 103, one), mids(106, 104), Line::Price);
        assert!(belief.is_flat());
        assert_eq!(belief.lines.total(), belief.equity(mids(0, 0)) - start);
        let line = |line| belief.lines.as_f64(line);
        assert_eq!(line(Line::Price), 10.0 + 2.0); // 100 -> 110 alone, 104 -> 106 alone
        assert_eq!(line(Line::Spread), -6.0 + 6.0); // both 110 -> 104
        assert_eq!(line(Line::Slippage), -1.0 - 1.0 - 1.0 - 3.0);
        assert!((line(Line::Fees) + 4e-6).abs() < 1e-12);
        assert_eq!(line(Line::Rounding), 0.0);
    }

    /// Bought at 101 where the mid was 100, heard of when it stands at 104; sold at 103 from a mid of 105, heard of at 102.
    /// | | slippage | drift |
    /// | buy | 100 - 101 = -1 | 104 - 100 = +4 |
    /// | sell | 103 - 105 = -2 | 105 - 102 = +3 |
    #[test]
    fn slippage_is_the_venues_and_what_came_after_is_not() {
        let book = |role| VenueBook::new(role, Cash(1_000_000), Rate(Rate::ONE), true, Cash::units(1_000));
        let one = 1_000_000_000;
        let met = |event: Event, mid: i64| Event { met: Mid::at(Price(mid * one)), ..event };
        let mut belief = Belief::new([book(Role::Long), book(Role::Short)]);
        let start = belief.equity(mids(100, 100));
        belief.apply(&met(fill(Role::Long, Side::Buy, 101, one), 100), mids(104, 100), Line::Legging);
        belief.value_at(mids(102, 100), Line::Legging);
        belief.apply(&met(fill(Role::Long, Side::Sell, 103, one), 105), mids(102, 100), Line::Price);
        assert_eq!(belief.lines.total(), belief.equity(mids(0, 0)) - start);
        let line = |line| belief.lines.as_f64(line);
        assert_eq!(line(Line::Slippage), -1.0 - 2.0);
        assert_eq!((line(Line::Legging), line(Line::Price)), (4.0 - 2.0, 3.0));
        assert_eq!(line(Line::Rounding), 0.0);
    }
}
