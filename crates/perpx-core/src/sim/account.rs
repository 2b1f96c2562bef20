//! The truth ledger: what a venue asks of an account, and what it books: fills, settlements, the judgement by the mark.

use super::book::{BookView, Piece};
use super::chance::{Key, Kind};
use super::index::{Rows, may_take};
use super::venue::{Env, Order, SimVenue, seek};
use crate::market::{EventBody, FeeSchedule, FundingPrice, MarginSchedule, Role, Side};
use crate::tape::Settlement;
use crate::tape::tree::Extremes;
use crate::units::{Cash, Mid, Price, Qty, Rate, Time};

/// The account of a simulated venue. What matching asks of it is all that tells one leg from a net position: no flag does.
pub trait Account: Clone + std::fmt::Debug {
    /// An order that may only close is cut to the position when it arrives, not only when it fills.
    const TRIMS: bool;
    /// Entries are multiples of this.
    fn grid(&self) -> Cash;
    /// No position is open.
    fn is_flat(&self) -> bool;
    /// How much of the position an order of `side` can close.
    fn closable(&self, side: Side) -> Qty;
    /// An order like this may only close.
    fn is_closing(&self, side: Side, reduce_only: bool) -> bool;
    /// There is margin for what an order would open.
    fn affords(venue: &mut SimVenue<Self>, order: &Order, book: &BookView, env: &Env) -> bool;
    /// Negative = we pay.
    fn fee(&self, px: Price, qty: Qty, maker: bool, fees: &FeeSchedule) -> Cash {
        fees.fee(px.of(qty), maker, self.grid())
    }
    /// Funding booked at a settlement.
    fn funding_due(&self, px: Price, rate: Rate) -> Cash;
    /// Books what an event did.
    fn book(&mut self, body: &EventBody);
    /// The mark beyond which the venue takes the position; `None`: none, or whoever keeps the account judges it.
    fn level(&self, _margin: &MarginSchedule) -> Option<Price> {
        None
    }
    /// The venue takes the position, judged at `mark`, which is beyond the level.
    fn liquidate(_venue: &mut SimVenue<Self>, _mark: Price, _t: Time, _env: &Env) {}
}

/// By role: a liquidation level that no mark passes.
pub(super) const NEVER_TAKEN: [i64; 2] = [i64::MIN, i64::MAX];

impl<A: Account> SimVenue<A> {
    /// One fill at venue time `when.0`, reported at `when.1`, of a book whose mid is `met`. The caller recomputes the
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
        let fee = self.account.fee(px, qty, maker, &env.world.fees);
        let body = EventBody::Fill { id: order.id, side: order.side, px, qty, maker, fee };
        self.account.book(&body);
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

    /// The liquidation level after a change of the leg.
    pub(super) fn relevel(&mut self, env: &Env) {
        self.level = self.account.level(&env.world.instrument.margin).map_or(NEVER_TAKEN[self.role.ix()], |px| px.0);
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
        if self.account.is_flat() {
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
        if self.account.is_flat() {
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
            A::liquidate(self, mark, t, env);
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
        let amount = self.account.funding_due(Price(px), settlement.rate);
        let body = EventBody::Funding { amount, rate: settlement.rate, px: Price(px) };
        self.account.book(&body);
        self.stats.settlements += 1;
        let at = self.unasked_at(settlement.ts, env);
        self.deliver_money(at, settlement.ts, body, Mid::ZERO);
        self.relevel(env);
    }

    /// When news that no order caused arrives: drawn by venue time.
    pub(super) fn unasked_at(&self, t: Time, env: &Env) -> Time {
        self.reply_at(Kind::Unasked, Key { at: t, ordinal: 0 }, 0, t, env)
    }
}
