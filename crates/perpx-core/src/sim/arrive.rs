//! What a request meets when it reaches the venue.
//!
//! The venue's window of requests is asked when a request leaves. Then, in this order: an outage (the request vanishes); for
//! orders their end of life, and the draw of a timeout (half of them vanish too, half are served in silence); the quota; an outage that refuses orders; the draw of a refusal; the age of the book (an order
//! that arrives when the book had no row for `max_book_age` waits for the next row); the venue's rules; margin; an order
//! of our own in the way; then matching by kind.

use super::account::Account;
use super::book::{BookView, Request, better, within};
use super::chance::{Key, Kind};
use super::index::Rows;
use super::queue::Place;
use super::venue::{Env, Order, OrderOutcome, Sent, SimVenue, seek};
use crate::market::{Command, EventBody, NewOrder, OrderId, OrderKind, OrderState, Reject, SelfTrade};
use crate::units::{Notional, Price, Qty, Time};

impl<A: Account> SimVenue<A> {
    pub(super) fn arrive(&mut self, sent: Sent, t: Time, env: &Env) {
        assert!(t >= sent.key.at, "a request of {} arrives at {t}", sent.key.at);
        if env.outages.deaf.holds(t) {
            self.stats.vanished += 1;
            if let Command::Place(order) = sent.cmd {
                self.lose_order(&order, sent.key, t, env);
            }
            return self.note(t, sent.cmd.order(), OrderOutcome::Lost);
        }
        match sent.cmd {
            Command::Place(order) => self.place(&order, sent.key, t, env),
            Command::Cancel { id, .. } => self.cancel(id, sent.key, t, env),
            Command::Modify { id, qty, limit, .. } => self.modify(id, (qty, limit), sent.key, t, env),
            Command::Query { id, .. } => self.query(id, sent.key, t, env),
        }
    }

    /// An order never reaches the matching engine.
    fn lose_order(&mut self, order: &NewOrder, key: Key, t: Time, env: &Env) {
        self.stats.dead_qty += i128::from(order.qty.0);
        self.lost.retain(|&(_, at)| t.since(at) < env.world.fence);
        self.lost.push((order.id, key.at));
    }

    fn place(&mut self, order: &NewOrder, key: Key, t: Time, env: &Env) {
        let (dice, fills) = (env.dice, &env.world.fills);
        // it carries its own end of life
        if t.since(key.at) >= env.world.fence {
            self.stats.expired += 1;
            self.note(t, order.id, OrderOutcome::Lost);
            return self.lose_order(order, key, t, env);
        }
        let Some(silent) = self.draw_timeout(order.id, key, t, env) else {
            return self.lose_order(order, key, t, env);
        };
        let order = Order::new(order, key, t, silent);
        if !self.within_quota(t, env) {
            return self.refuse(order, Reject::RateLimit, t, env);
        }
        if env.outages.refusing.holds(t) {
            return self.refuse(order, Reject::Unavailable, t, env);
        }
        if dice.happens(fills.reject_rate, Kind::Reject, key) {
            return self.refuse(order, Reject::Drawn, t, env);
        }
        self.meet(order, t, env);
    }

    /// Whether an order or a change is served in silence; `None`: it never reached the venue.
    fn draw_timeout(&mut self, id: OrderId, key: Key, t: Time, env: &Env) -> Option<bool> {
        let dice = env.dice;
        if !dice.happens(env.world.fills.timeout_rate, Kind::Timeout, key) {
            return Some(false);
        }
        if !dice.happens(0.5, Kind::TimeoutReached, key) {
            self.stats.timeouts_lost += 1;
            self.note(t, id, OrderOutcome::Lost);
            return None;
        }
        self.stats.timeouts_reached += 1;
        self.note(t, id, OrderOutcome::Silent);
        Some(true)
    }

    /// An order meets the book, or waits for its next row where the last one is too old.
    fn meet(&mut self, mut order: Order, t: Time, env: &Env) {
        let book = self.book_at(t, env);
        if t.since(book.time) > env.world.fills.max_book_age {
            order.frozen = book.touch(order.side);
            self.note(t, order.id, OrderOutcome::Waits { seen: book.time });
            self.waiting.push(order);
        } else {
            self.enter(order, &book, t, env);
        }
    }

    /// An order meets a live book.
    pub(super) fn enter(&mut self, mut order: Order, book: &BookView, t: Time, env: &Env) {
        let delay = env.world.delays.of(order.kind);
        self.note(t, order.id, OrderOutcome::Book { best: book.best(), seen: book.time, delay });
        if let Some(reason) = self.judged(&mut order, book, env) {
            return self.refuse(order, reason, t, env);
        }
        if self.meets_own(&order, book, t, env) {
            return self.refuse(order, Reject::SelfTrade, t, env);
        }
        match order.kind {
            OrderKind::PostOnly if self.crosses(&order, book) => self.refuse(order, Reject::PostOnlyCross, t, env),
            OrderKind::PostOnly => self.rest(order, book, t, env),
            OrderKind::Ioc | OrderKind::Fok | OrderKind::Market => {
                self.take(&mut order, book, t, env);
                self.end(order, t, env);
            }
            OrderKind::Limit => {
                self.take(&mut order, book, t, env);
                if order.left().is_zero() { self.end(order, t, env) } else { self.rest(order, book, t, env) }
            }
        }
    }

    /// An order of our own stands in the way: alone in front of the market. (One at the market's best price has others
    /// before it and counts as not reached; the error: a larger taker would have met it.) It is judged before the post-only
    /// rule: where the maker gives way, a post-only order that crosses nothing but our own quote removes it and may rest.
    /// True when the order that comes must go.
    fn meets_own(&mut self, order: &Order, book: &BookView, t: Time, env: &Env) -> bool {
        let touch = book.touch(order.side);
        let met = |own: &Order| {
            let in_front = touch.0 == 0 || better(own.side, own.limit, touch);
            own.side != order.side && in_front && within(order.side, own.limit, order.limit)
        };
        if !self.resting.iter().any(met) {
            return false;
        }
        if env.world.instrument.self_trade == SelfTrade::CancelTaker {
            return true;
        }
        let (gone, left): (Vec<Order>, Vec<Order>) = self.resting.drain(..).partition(met);
        self.resting = left;
        self.stats.self_trades += gone.len() as u32;
        gone.into_iter().for_each(|own| self.end(own, t, env));
        false
    }

    fn crosses(&self, order: &Order, book: &BookView) -> bool {
        let touch = book.touch(order.side);
        within(order.side, touch, order.limit)
    }

    /// The venue's rules, then the account's: an order that is held to the position must have one to close, any other the
    /// margin for what it opens. Minimum size, minimum value and lot do not bind a reduce-only order that closes the whole
    /// position: that is how a residue is closed. Of a changed order that has filled in part, position and margin bound
    /// what is left.
    fn judged(&mut self, order: &mut Order, book: &BookView, env: &Env) -> Option<Reject> {
        let rules = &env.world.instrument;
        let closable = self.account.closable(order.side);
        let residue = order.reduce_only && order.left() >= closable && !closable.is_zero();
        let on_grid = order.limit.0 > 0 && order.limit.0 % rules.tick.0 == 0 && order.qty.0 > 0;
        let legal_size = order.qty.0 % rules.lot.0 == 0 && rules.takes_as(order.kind, order.qty, order.limit);
        if !on_grid || !(legal_size || residue) || (order.kind == OrderKind::Fok && !rules.has_fok) {
            return Some(Reject::Rules);
        }
        if !rules.is_in_band(order.limit, self.mark_at(order.arrived, env)) {
            return Some(Reject::PriceBand);
        }
        if !order.reduce_only && !self.account.is_closing(order.side, order.reduce_only) {
            return (!A::affords(self, order, book, env)).then_some(Reject::NoMargin);
        }
        if closable.is_zero() {
            return Some(Reject::ReduceOnly);
        }
        if A::TRIMS {
            let beyond = (order.left() - closable).max(Qty::ZERO);
            self.stats.dead_qty += i128::from(beyond.0);
            order.qty -= beyond;
        }
        None
    }

    /// The venue's mark at `t`, which is not before any row already seen; zero where none is known.
    pub(super) fn mark_at(&mut self, t: Time, env: &Env) -> Price {
        seek(env, Rows::Marks, &mut self.cursors.mark, t);
        Price(env.rows.marks.mark.get(self.cursors.mark as usize).copied().unwrap_or(0))
    }

    /// Aggressive fills at `t`; their conditions stand above [`super::book::Consumed`].
    fn take(&mut self, order: &mut Order, book: &BookView, t: Time, env: &Env) {
        let fills = &env.world.fills;
        let (average, lot) = (order.kind == OrderKind::Market, env.world.instrument.lot);
        let qty = order.left().min(self.cap(order));
        let (side, limit, assume) = (order.side, order.limit, fills.assume_qty);
        let request = Request { side, qty, limit, average, lot, assume };
        let before = (order.kind == OrderKind::Fok).then(|| self.consumed.clone());
        let pieces = self.consumed.take(book, &request, fills, env.world.instrument.tick);
        let total: i64 = pieces.iter().map(|piece| piece.qty.0).sum();
        assert!(0 <= total && total <= qty.0, "{total} taken for an order of {qty}");
        if let Some(before) = before
            && total < order.left().0
        {
            self.consumed = before;
            return;
        }
        if order.frozen.0 > 0 && total > 0 {
            self.stats.filled_after_gap += 1;
            let worse = |px: Price| Price((px.0 - order.frozen.0) * order.side.sign());
            let cost: i128 = pieces.iter().map(|piece| worse(piece.px).of(piece.qty).0).sum();
            self.stats.gap_cost += Notional(cost);
        }
        let at = if pieces.is_empty() { t } else { self.message(order, t, env) };
        let met = book.mid();
        for piece in pieces {
            self.fill(order, piece, false, met, (t, at), env);
        }
        self.relevel(env);
    }

    fn rest(&mut self, mut order: Order, book: &BookView, t: Time, env: &Env) {
        assert!(order.left().0 > 0, "an order without a rest would rest: {order:?}");
        let fills = &env.world.fills;
        order.place = Place::new(book.shown(order.side, order.limit, fills.assume_qty), fills);
        self.note(t, order.id, OrderOutcome::Rests { ahead: order.place.known_ahead() });
        let at = self.message(&mut order, t, env);
        if !self.is_lost(&order, t, env) {
            self.deliver(at, t, EventBody::Accepted { id: order.id });
        }
        self.resting.push(order);
    }

    /// An order is refused. A changed one that waited for a live book may have filled before: it ends with what it has.
    fn refuse(&mut self, mut order: Order, reason: Reject, t: Time, env: &Env) {
        if !order.filled.is_zero() {
            return self.end(order, t, env);
        }
        self.stats.rejects[reason as usize] += 1;
        self.stats.dead_qty += i128::from(order.left().0);
        order.silent = self.is_lost(&order, t, env);
        self.answers.remember(order.id, order.filled, order.silent);
        let at = self.message(&mut order, t, env);
        if !order.silent {
            self.deliver(at, t, EventBody::Rejected { id: order.id, reason });
        }
    }

    /// The order is over: filled, cancelled, expired.
    pub(super) fn end(&mut self, mut order: Order, t: Time, env: &Env) {
        order.silent = self.is_lost(&order, t, env);
        let at = self.message(&mut order, t, env);
        self.end_at(order, t, at);
    }

    fn end_at(&mut self, order: Order, t: Time, at: Time) {
        assert!(order.filled.0 >= 0 && order.left().0 >= 0, "{} filled of {}", order.filled, order.qty);
        self.stats.dead_qty += i128::from(order.left().0);
        self.answers.remember(order.id, order.filled, order.silent);
        if !order.silent {
            self.deliver(at, t, EventBody::Done { id: order.id, filled: order.filled });
        }
    }

    /// A cancel arrives. An answered cancel breaks the silence of its order.
    fn cancel(&mut self, id: OrderId, key: Key, t: Time, env: &Env) {
        let at = self.reply_at(Kind::ResponseLatency, key, 0, t, env);
        let found = self.find(id);
        self.note(t, id, OrderOutcome::Cancel { open: found.is_some() });
        if found.is_none() || env.dice.happens(env.world.fills.cancel_fail_rate, Kind::CancelFail, key) {
            match found {
                None => self.stats.cancels_lost += 1,
                Some(_) => self.stats.cancels_failed += 1,
            }
            return self.deliver(at, t, EventBody::CancelRejected { id });
        }
        if let Some((rests, place)) = found {
            let taken = self.open_orders(rests).remove(place);
            self.end_answered(taken, key, t, env);
        }
    }

    /// A change arrives. What the venue would not take leaves the order as it stands, its place kept; a change to no more
    /// than has filled completes it; any other is re-matched as if it came new, at the back of the queue.
    fn modify(&mut self, id: OrderId, to: (Qty, Price), key: Key, t: Time, env: &Env) {
        let Some(silent) = self.draw_timeout(id, key, t, env) else { return };
        let limited = !self.within_quota(t, env);
        let found = self.find(id);
        let drawn = env.dice.happens(env.world.fills.reject_rate, Kind::Reject, key);
        let (false, false, Some((rests, place))) = (limited, drawn, found) else {
            match (limited, drawn) {
                (true, _) => self.stats.rejects[Reject::RateLimit as usize] += 1,
                (_, true) => self.stats.rejects[Reject::Drawn as usize] += 1,
                _ => self.stats.cancels_lost += 1,
            }
            return self.not_changed(id, silent, key, t, env);
        };
        let old = self.open_orders(rests).remove(place);
        if to.0 <= old.filled {
            return match silent {
                true => self.end(Order { silent, ..old }, t, env),
                false => self.end_answered(old, key, t, env),
            };
        }
        let book = self.book_at(t, env);
        let mut new = Order { qty: to.0, limit: to.1, arrived: t, place: Place::default(), ..old };
        let dead = self.stats.dead_qty;
        if let Some(reason) = self.judged(&mut new, &book, env) {
            self.stats.dead_qty = dead;
            self.stats.rejects[reason as usize] += 1;
            self.open_orders(rests).insert(place, old);
            return self.not_changed(id, silent, key, t, env);
        }
        // what is asked for beyond the old quantity has been sent now
        let more = i128::from(to.0.0) - i128::from(old.qty.0);
        self.stats.sent_qty += more.max(0);
        self.stats.dead_qty += (-more).max(0);
        if std::mem::replace(&mut new.silent, silent) && !silent {
            let at = self.reply_at(Kind::ResponseLatency, key, 0, t, env);
            self.answers.deliver_kept(at, self.role);
        }
        if self.meets_own(&new, &book, t, env) || (new.kind == OrderKind::PostOnly && self.crosses(&new, &book)) {
            return self.end(new, t, env);
        }
        self.meet(new, t, env);
    }

    fn open_orders(&mut self, rests: bool) -> &mut Vec<Order> {
        if rests { &mut self.resting } else { &mut self.waiting }
    }

    fn not_changed(&mut self, id: OrderId, silent: bool, key: Key, t: Time, env: &Env) {
        if silent {
            return;
        }
        let at = self.reply_at(Kind::ResponseLatency, key, 0, t, env);
        self.deliver(at, t, EventBody::CancelRejected { id });
    }

    /// The order is over, and the answer to the request `key` says so.
    fn end_answered(&mut self, order: Order, key: Key, t: Time, env: &Env) {
        let at = self.reply_at(Kind::ResponseLatency, key, 0, t, env);
        if order.silent {
            self.answers.deliver_kept(at, self.role);
        }
        self.end_at(Order { silent: false, ..order }, t, at);
    }

    /// Where an open order is: (resting, place in its list).
    fn find(&self, id: OrderId) -> Option<(bool, usize)> {
        let place = |list: &[Order]| list.iter().position(|order| order.id == id);
        place(&self.resting).map(|at| (true, at)).or_else(|| place(&self.waiting).map(|at| (false, at)))
    }

    /// A query arrives: fills not yet reported, then the state. An order that is under way, or was lost, is in doubt until it
    /// can land no more; one that ended too long ago to be remembered is unknown.
    fn query(&mut self, id: OrderId, key: Key, t: Time, env: &Env) {
        let at = self.reply_at(Kind::ResponseLatency, key, 0, t, env);
        let open = match self.find(id) {
            Some((true, place)) => self.resting.get_mut(place),
            Some((false, place)) => self.waiting.get_mut(place),
            None => None,
        };
        let state = match open {
            Some(order) => {
                order.silent = false;
                OrderState::Open { filled: order.filled }
            }
            None => match self.answers.recall(id) {
                Some(filled) => OrderState::Done { filled },
                None if self.may_land(id, t, env) => OrderState::InDoubt,
                None => OrderState::Unknown,
            },
        };
        if !matches!(state, OrderState::Unknown | OrderState::InDoubt) {
            self.answers.deliver_kept(at, self.role);
        }
        self.deliver(at, t, EventBody::Status { id, state });
    }

    /// The venue does not know the order, but its fence has not ended.
    fn may_land(&self, id: OrderId, t: Time, env: &Env) -> bool {
        let under_way = self.flight.iter().filter(|sent| matches!(sent.cmd, Command::Place(order) if order.id == id));
        let decided = under_way.map(|sent| sent.key.at).next();
        let decided = decided.or(self.lost.iter().find(|(lost, _)| *lost == id).map(|&(_, at)| at));
        decided.is_some_and(|at| t.since(at) < env.world.fence)
    }

    /// Ends closing orders that have nothing left to close.
    pub(super) fn drop_orphans(&mut self, t: Time, env: &Env) {
        let account = &self.account;
        let orphan =
            |order: &Order| account.is_closing(order.side, order.reduce_only) && account.closable(order.side).is_zero();
        if self.resting.iter().any(orphan) {
            let (orphan, open) = self.resting.drain(..).partition(orphan);
            self.resting = open;
            let orphan: Vec<Order> = orphan;
            orphan.into_iter().for_each(|order| self.end(order, t, env));
        }
    }
}
