//! The account of a sweep: one leg, long or short by the venue's role, never turned around; what its liquidation and the end
//! of the data do.

use super::account::Account;
use super::book::{BookView, Request, chunk_price, or_assumed, within};
use super::venue::{Env, Order, SimVenue};
use crate::ledger::VenueBook;
use crate::market::{Event, EventBody, LiquidationRule, MarginSchedule, OrderId, Role, Side, liquidation_fee};
use crate::units::{Cash, Mid, Notional, Price, Qty, Rate, Time};

impl Account for VenueBook {
    const TRIMS: bool = true;

    #[inline]
    fn grid(&self) -> Cash {
        VenueBook::grid(self)
    }

    #[inline]
    fn is_flat(&self) -> bool {
        self.leg.qty.is_zero()
    }

    #[inline]
    fn closable(&self, side: Side) -> Qty {
        if side == self.role.closing() { self.leg.qty } else { Qty::ZERO }
    }

    /// The leg is never turned around: every order of the closing side, marked reduce-only or not.
    #[inline]
    fn is_closing(&self, side: Side, _reduce_only: bool) -> bool {
        side == self.role.closing()
    }

    /// At the worst price that it can pay or be paid: its limit, for a sale the best bid if that is higher.
    fn affords(venue: &mut SimVenue, order: &Order, book: &BookView, env: &Env) -> bool {
        let worst = match order.side {
            Side::Buy => order.limit,
            Side::Sell => order.limit.max(book.touch(order.side)),
        };
        let needed = venue.cost_of(worst, order.left(), env).0 + venue.reserved(env);
        needed <= venue.account.free().0
    }

    fn funding_due(&self, px: Price, rate: Rate) -> Cash {
        VenueBook::funding_due(self, px, rate)
    }

    fn book(&mut self, body: &EventBody) {
        self.apply(body);
    }

    fn level(&self, margin: &MarginSchedule) -> Option<Price> {
        self.leg_margin().and_then(|leg| leg.liquidation_level(margin))
    }

    fn liquidate(venue: &mut SimVenue, mark: Price, t: Time, env: &Env) {
        venue.take_leg(mark, t, env);
    }
}

impl SimVenue {
    /// Money moved to or from the other venue.
    pub fn transfer(&mut self, body: &EventBody, env: &Env) {
        self.account.apply(body);
        self.relevel(env);
    }

    /// Margin and taker fee of opening `qty` at `px`.
    fn cost_of(&self, px: Price, qty: Qty, env: &Env) -> Cash {
        let value = px.of(qty);
        let fee = env.world.fees.fee(value, false, self.account.grid());
        self.account.margin_for(value) - Cash(fee.0.min(0))
    }

    /// The same of what already rests to open.
    fn reserved(&self, env: &Env) -> i128 {
        let opening = self.resting.iter().filter(|order| order.side == self.role.opening());
        opening.map(|order| self.cost_of(order.limit, order.left(), env).0).sum()
    }

    /// The venue takes the leg, judged at `mark`.
    ///
    /// Zero price: our orders are cancelled; a closing order goes over the book down to the price at which the leg's
    /// equity is zero (on the tick, to our side); each part pays min(`max_fee`, what it got beyond the zero price); what
    /// the book does not take closes at the zero price. Always the whole leg.
    /// Take-over: the leg's equity at the mark is lost.
    /// Not modelled: partial liquidation, deleveraging of others, the liquidator's delay (the error: a leg in a crash
    /// that recovers at once is lost whole). Never more than the leg's margin is lost.
    fn take_leg(&mut self, mark: Price, t: Time, env: &Env) {
        self.stats.liquidations += 1;
        let orders: Vec<Order> = self.resting.drain(..).chain(self.waiting.drain(..)).collect();
        orders.into_iter().for_each(|order| self.end(order, t, env));
        let at = self.unasked_at(t, env);
        let Some(leg) = self.account.leg_margin() else { return };
        let least = self.account.cash - (leg.margin - leg.funding_paid);
        match env.world.instrument.liquidation {
            LiquidationRule::TakeOver => {
                let lost = leg.equity(mark).to_cash(self.account.grid());
                self.lose(mark, leg.qty, Cash::ZERO, lost, (t, at));
            }
            LiquidationRule::ZeroPrice { max_fee } => {
                let backing = leg.margin - leg.funding_paid;
                self.sell_out(backing, max_fee, (t, at), env);
            }
        }
        assert!(self.account.leg.qty.is_zero(), "a liquidation left {}", self.account.leg.qty);
        // margin need not be on the money grid after a part of the leg was closed
        assert!(
            self.account.cash + self.account.grid() >= least,
            "{} are left, not {least}: more than the margin is lost",
            self.account.cash
        );
        self.relevel(env);
    }

    /// The zero-price rule; `backing` is what the leg can lose.
    fn sell_out(&mut self, backing: Cash, max_fee: Rate, when: (Time, Time), env: &Env) {
        let rules = &env.world.instrument;
        let side = self.role.closing();
        let zero = zero_price(self.role, self.account.leg.cost, backing, self.account.leg.qty, rules.tick);
        let book = self.book_at(when.0, env);
        let assume = env.world.fills.assume_qty;
        let request = Request { side, qty: self.account.leg.qty, limit: zero, average: false, lot: rules.lot, assume };
        let floor = self.account.cash - backing;
        for piece in self.consumed.take(&book, &request, &env.world.fills, rules.tick) {
            let fee = liquidation_fee(piece.px, piece.qty, zero, max_fee, self.account.grid());
            self.lose_part(piece.px, piece.qty, fee, floor, when);
        }
        if !self.account.leg.qty.is_zero() {
            self.lose_part(zero, self.account.leg.qty, Cash::ZERO, floor, when);
        }
    }

    /// As `lose`; the venue bears what would take the balance below `floor` (rounding, or a mark far through).
    fn lose_part(&mut self, px: Price, qty: Qty, fee: Cash, floor: Cash, when: (Time, Time)) {
        let after = self.account.cash + self.account.realised(px, qty).to_cash(self.account.grid()) + fee;
        let relief = Cash((floor - after).0.max(0));
        self.lose(px, qty, fee + relief, Cash::ZERO, when);
    }

    fn lose(&mut self, px: Price, qty: Qty, fee: Cash, lost: Cash, when: (Time, Time)) {
        let body = EventBody::Liquidated { px, qty, fee, lost };
        self.account.apply(&body);
        self.deliver_money(when.1, when.0, body, Mid::ZERO);
    }

    /// The data end at `at`, to which the venue has been advanced: what was still on its way is reported, requests under way
    /// are lost, open orders are cancelled, and the leg is closed over the last book by taker rules without latency, at
    /// whatever price its size needs, however little of it the recorded depth shows (counted). The closing fills carry order number 0 and no `Done`. Every event's `at` is `at`.
    pub fn finish(&mut self, at: Time, env: &Env) -> Vec<Event> {
        let lost: Vec<_> = self.flight.drain(..).collect();
        let mut orders: Vec<Order> = self.resting.drain(..).chain(self.waiting.drain(..)).collect();
        for sent in lost {
            if let crate::market::Command::Place(order) = sent.cmd {
                orders.push(Order::new(&order, sent.key, at, false));
            }
        }
        self.answers.deliver_kept(at, self.role);
        for (id, filled) in self.answers.silent_ends() {
            self.deliver(at, at, EventBody::Done { id, filled });
        }
        for order in orders {
            self.stats.dead_qty += i128::from(order.left().0);
            self.deliver(at, at, EventBody::Done { id: order.id, filled: order.filled });
        }
        let (side, qty) = (self.role.closing(), self.account.leg.qty);
        if qty.0 > 0 {
            let book = self.book_at(at, env);
            for (px, qty) in self.last_pieces(&book, side, qty, env) {
                let fee = env.world.fees.fee(px.of(qty), false, self.account.grid());
                let body = EventBody::Fill { id: OrderId(0), side, px, qty, maker: false, fee };
                self.account.apply(&body);
                self.stats.fills_taker += 1;
                let met = self.mid(env);
                self.deliver_money(at, at, body, met);
            }
            self.relevel(env);
        }
        assert!(self.account.leg.qty.is_zero(), "the end of the data left {}", self.account.leg.qty);
        self.check_quantities();
        self.answers.drain().into_iter().map(|event| Event { at, ..event }).collect()
    }

    /// A walk that always takes everything. What the recorded levels do not show goes at the last one made worse by
    /// `impact` for each further level of its size, to half or twice the best price; the rest at the last price reached.
    fn last_pieces(&mut self, book: &BookView, side: Side, qty: Qty, env: &Env) -> Vec<(Price, Qty)> {
        let touch = book.touch(side);
        let limit = match side {
            Side::Buy => Price(touch.0.saturating_mul(2)),
            Side::Sell => Price(touch.0 / 2),
        };
        let fills = &env.world.fills;
        let (lot, tick, assume) = (env.world.instrument.lot, env.world.instrument.tick, fills.assume_qty);
        let request = Request { side, qty, limit, average: false, lot, assume };
        let walked = self.consumed.take(book, &request, fills, tick);
        let mut pieces: Vec<_> = walked.iter().map(|piece| (piece.px, piece.qty)).collect();
        let mut rest = qty.0 - pieces.iter().map(|piece| piece.1.0).sum::<i64>();
        // less than a lot is no matter of depth
        let deepest = book.depth.opposite(side).last().copied().filter(|_| rest >= lot.0);
        self.stats.closed_past_depth += u32::from(deepest.is_some());
        let mut further = 1;
        while rest > 0 {
            let worse = deepest.filter(|_| fills.impact.0 > 0).map(|level| {
                let px = chunk_price(side, level.px, further, fills.impact, tick);
                (px, or_assumed(level.qty, assume).floor_to(lot))
            });
            let last = pieces.last().map_or(touch, |piece| piece.0);
            let (px, part) = match worse {
                Some((px, size)) if size.0 > 0 && within(side, px, limit) => (px, rest.min(size.0)),
                _ => (last, rest),
            };
            match pieces.last_mut() {
                Some(piece) if piece.0 == px => piece.1 += Qty(part),
                _ => pieces.push((px, Qty(part))),
            }
            rest -= part;
            further += 1;
        }
        pieces
    }
}

/// The price at which a leg's equity is zero, on the tick to our side, at least one tick.
fn zero_price(role: Role, cost: Notional, backing: Cash, qty: Qty, tick: Price) -> Price {
    let unit = i128::from(qty.0.max(1));
    let px = match role {
        Role::Long => -((backing.as_notional().0 - cost.0).div_euclid(unit)),
        Role::Short => (cost.0 + backing.as_notional().0).div_euclid(unit),
    };
    let px = Price(i64::try_from(px).unwrap_or(i64::MAX / 4).max(1));
    match role {
        Role::Long => px.ceil_to(tick),
        Role::Short => Price(px.floor_to(tick).0.max(tick.0)),
    }
}
