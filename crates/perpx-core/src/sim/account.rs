//! The truth ledger: fills, settlements, liquidation.

use super::book::{BookView, Piece, Request, chunk_price, or_assumed, within};
use super::chance::{Key, Kind};
use super::index::{Rows, may_take};
use super::venue::{Env, Order, SimVenue, seek};
use crate::market::{Event, EventBody, FundingPrice, LiquidationRule, OrderId, Role, Side};
use crate::tape::Settlement;
use crate::tape::tree::Extremes;
use crate::units::{Cash, Mid, Notional, Price, Qty, Rate, Time};

/// By role: a liquidation level that no mark passes.
pub(super) const NEVER_TAKEN: [i64; 2] = [i64::MIN, i64::MAX];

impl SimVenue {
    /// One fill at venue time `when.0`, told at `when.1`, of a book whose mid is `met`. The caller recomputes the
    /// liquidation level.
    pub(super) fn fill(
        &mut self,
        order: &mut Order,
        Piece { px, qty }: Piece,
        maker: bool,
        met: Mid,
        when: (Time, Time),
        env: &Env,
    ) {
        let (t, at) = when;
        assert!(t >= order.arrived, "a fill at {t} before its order's arrival at {}", order.arrived);
        assert!(qty.0 > 0 && qty <= order.left(), "a fill of {qty} of an order with {} left", order.left());
        let fee = env.world.fees.fee(px.of(qty), maker, self.book.grid());
        let body = EventBody::Fill { id: order.id, side: order.side, px, qty, maker, fee };
        match &mut self.outside {
            Some(outside) => outside.position += order.side.signed(qty),
            None => drop(self.book.apply(&body)),
        }
        order.filled += qty;
        self.earn(px.of(qty), env);
        self.stats.filled_qty += i128::from(qty.0);
        if maker {
            self.stats.fills_maker += 1;
        } else {
            self.stats.fills_taker += 1;
        }
        match self.is_lost(order, t, env) {
            true => self.answers.keep(t, body, met),
            false => self.deliver_money(at, t, body, met),
        }
    }

    /// The mid of the book as it stands at the present moment, of whose rows those before the cursors have come;
    /// zero where one side is missing.
    pub(super) fn mid(&self, env: &Env) -> Mid {
        BookView::at(env.rows, self.cursors.quote as usize, self.cursors.depth as usize).mid()
    }

    /// Money moved to or from the other venue.
    pub fn transfer(&mut self, body: &EventBody, env: &Env) {
        self.book.apply(body);
        self.relevel(env);
    }

    /// The liquidation level after a change of the leg.
    pub(super) fn relevel(&mut self, env: &Env) {
        let level = self.book.leg_margin().and_then(|leg| leg.liquidation_level(&env.world.instrument.margin));
        self.level = level.map_or(NEVER_TAKEN[self.role.ix()], |px| px.0);
    }

    /// The leg is taken at this mark; zero is no mark.
    fn is_taken(&self, mark: i64) -> bool {
        mark > 0
            && match self.role {
                Role::Long => mark < self.level,
                Role::Short => mark > self.level,
            }
    }

    /// The next settlement that meets an open leg.
    #[inline]
    pub(super) fn next_settlement(&mut self, env: &Env) -> Time {
        if self.book.leg.qty.is_zero() {
            return Time::MAX;
        }
        if self.next_settled <= self.through {
            let all = &env.rows.settlements;
            let next = all.partition_point(|settlement| settlement.ts <= self.through);
            self.next_settled = all.get(next).map_or(Time::MAX, |settlement| settlement.ts);
        }
        self.next_settled
    }

    /// The first mark after `through` and not after `until` at which the leg is taken; of marks of equal time the last
    /// one stands.
    #[inline]
    pub(super) fn next_breach(&mut self, until: Time, env: &Env) -> Time {
        if self.level == NEVER_TAKEN[self.role.ix()] {
            return Time::MAX;
        }
        let at = match self.foreseen {
            Some((level, at)) if level == self.level && at > self.through => at,
            _ => self.find_breach(until, env),
        };
        if at <= until { at } else { Time::MAX }
    }

    /// Searches for it: with an index to the end of the tile, which is remembered, else up to `until`.
    fn find_breach(&mut self, until: Time, env: &Env) -> Time {
        let marks = &env.rows.marks;
        seek(env, Rows::Marks, &mut self.cursors.mark, self.through);
        let (times, values): (&[i64], &[i64]) = (&marks.time, &marks.mark);
        let first = self.cursors.mark as usize + 1;
        let taken = |row: &usize| {
            let stands = times.get(row + 1) != Some(&times[*row]);
            self.is_taken(values[*row]) && stands && !env.outages.halted.holds(Time(times[*row]))
        };
        let row = match env.index {
            Some(index) => {
                let may = |block: &Extremes<i64>| may_take(self.role, self.level, block);
                index.marks(env.rows).first(first..times.len(), may, |mut rows| rows.find(taken))
            }
            None => (first..times.len()).take_while(|&row| times[row] <= until.0).find(taken),
        };
        let at = row.map_or(Time::MAX, |row| Time(times[row]));
        self.foreseen = env.index.map(|_| (self.level, at));
        at
    }

    /// Ranks 1 and 2 at `t`: settlements on the position as rows left it, then the judgement by the last mark, made
    /// where a mark row or a settlement stands. Returns whether the account changed.
    pub(super) fn settle_and_judge(&mut self, t: Time, env: &Env) -> bool {
        if self.book.leg.qty.is_zero() {
            return false;
        }
        let mark = self.mark_at(t, env);
        let row = self.cursors.mark as usize;
        // of this instant alone: at earlier ones the account was flat, or they have been done
        let all: &[Settlement] = if self.next_settlement(env) > t { &[] } else { &env.rows.settlements };
        let from = all.partition_point(|settlement| settlement.ts < t);
        let due = &all[from..all.partition_point(|settlement| settlement.ts <= t)];
        for settlement in due {
            self.settle(settlement, row, env);
        }
        let judged = (!due.is_empty() || (row > 0 && env.rows.marks.time[row] == t.0)) && !env.outages.halted.holds(t);
        if judged && self.is_taken(mark.0) {
            self.liquidate(mark, t, env);
            return true;
        }
        !due.is_empty()
    }

    /// Funding on the truth position, at the price that the venue uses; where the tape has none, at its other one, then
    /// at the mid (counted).
    fn settle(&mut self, settlement: &Settlement, row: usize, env: &Env) {
        let marks = &env.rows.marks;
        let at = |column: &[i64]| column.get(row).copied().unwrap_or(0);
        let (own, other) = match env.world.instrument.funding_price {
            FundingPrice::Mark => (at(&marks.mark), at(&marks.index)),
            FundingPrice::Index => (at(&marks.index), at(&marks.mark)),
        };
        let px = if own > 0 {
            own
        } else {
            self.stats.settlements_other_price += 1;
            if other > 0 { other } else { self.book_at(settlement.ts, env).quote.mid().price().0 }
        };
        let amount = self.book.funding_due(Price(px), settlement.rate);
        let body = EventBody::Funding { amount, rate: settlement.rate, px: Price(px) };
        self.book.apply(&body);
        self.stats.settlements += 1;
        let at = self.unasked_at(settlement.ts, env);
        self.deliver_money(at, settlement.ts, body, Mid::ZERO);
        self.relevel(env);
    }

    /// When news that no order caused arrives: drawn by venue time.
    fn unasked_at(&self, t: Time, env: &Env) -> Time {
        self.reply_at(Kind::Unasked, Key { at: t, ordinal: 0 }, 0, t, env)
    }

    /// The venue takes the leg, judged at `mark`.
    ///
    /// Zero price: our orders are cancelled; a closing order goes over the book down to the price at which the leg's
    /// equity is zero (on the tick, to our side); each part pays min(`max_fee`, what it got beyond the zero price); what
    /// the book does not take closes at the zero price. Always the whole leg.
    /// Take-over: the leg's equity at the mark is lost.
    /// Not modelled: partial liquidation, deleveraging of others, the liquidator's delay (the error: a leg in a crash
    /// that recovers at once is lost whole). Never more than the leg's margin is lost.
    fn liquidate(&mut self, mark: Price, t: Time, env: &Env) {
        self.stats.liquidations += 1;
        let orders: Vec<Order> = self.resting.drain(..).chain(self.waiting.drain(..)).collect();
        orders.into_iter().for_each(|order| self.end(order, t, env));
        let at = self.unasked_at(t, env);
        let Some(leg) = self.book.leg_margin() else { return };
        let least = self.book.cash - (leg.margin - leg.funding_paid);
        match env.world.instrument.liquidation {
            LiquidationRule::TakeOver => {
                let lost = leg.equity(mark).to_cash(self.book.grid());
                self.lose(mark, leg.qty, Cash::ZERO, lost, (t, at));
            }
            LiquidationRule::ZeroPrice { max_fee } => {
                let backing = leg.margin - leg.funding_paid;
                self.sell_out(backing, max_fee, (t, at), env);
            }
        }
        assert!(self.book.leg.qty.is_zero(), "a liquidation left {}", self.book.leg.qty);
        // margin need not be on the money grid after a part of the leg was closed
        assert!(
            self.book.cash + self.book.grid() >= least,
            "{} are left, not {least}: more than the margin is lost",
            self.book.cash
        );
        self.relevel(env);
    }

    /// The zero-price rule; `backing` is what the leg can lose.
    fn sell_out(&mut self, backing: Cash, max_fee: Rate, when: (Time, Time), env: &Env) {
        let rules = &env.world.instrument;
        let side = self.role.closing();
        let zero = zero_price(self.role, self.book.leg.cost, backing, self.book.leg.qty, rules.tick);
        let book = self.book_at(when.0, env);
        let assume = env.world.fills.assume_qty;
        let request = Request { side, qty: self.book.leg.qty, limit: zero, average: false, lot: rules.lot, assume };
        let floor = self.book.cash - backing;
        for piece in self.consumed.take(&book, &request, &env.world.fills, rules.tick) {
            let gained = Price((zero.0 - piece.px.0) * side.sign()).of(piece.qty);
            let fee =
                (-gained).to_cash(self.book.grid()).max((-piece.px.of(piece.qty)).times(max_fee, self.book.grid()));
            self.lose_part(piece.px, piece.qty, fee, floor, when);
        }
        if !self.book.leg.qty.is_zero() {
            self.lose_part(zero, self.book.leg.qty, Cash::ZERO, floor, when);
        }
    }

    /// As `lose`; the venue bears what would take the balance below `floor` (rounding, or a mark far through).
    fn lose_part(&mut self, px: Price, qty: Qty, fee: Cash, floor: Cash, when: (Time, Time)) {
        let after = self.book.cash + self.book.realised(px, qty).to_cash(self.book.grid()) + fee;
        let relief = Cash((floor - after).0.max(0));
        self.lose(px, qty, fee + relief, Cash::ZERO, when);
    }

    fn lose(&mut self, px: Price, qty: Qty, fee: Cash, lost: Cash, when: (Time, Time)) {
        let body = EventBody::Liquidated { px, qty, fee, lost };
        self.book.apply(&body);
        self.deliver_money(when.1, when.0, body, Mid::ZERO);
    }

    /// The data end at `at`, to which the venue has been advanced: what was still on its way is told, requests under way
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
        let (side, qty) = (self.role.closing(), self.book.leg.qty);
        if qty.0 > 0 {
            let book = self.book_at(at, env);
            for (px, qty) in self.last_pieces(&book, side, qty, env) {
                let fee = env.world.fees.fee(px.of(qty), false, self.book.grid());
                let body = EventBody::Fill { id: OrderId(0), side, px, qty, maker: false, fee };
                self.book.apply(&body);
                self.stats.fills_taker += 1;
                let met = self.mid(env);
                self.deliver_money(at, at, body, met);
            }
            self.relevel(env);
        }
        assert!(self.book.leg.qty.is_zero(), "the end of the data left {}", self.book.leg.qty);
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
