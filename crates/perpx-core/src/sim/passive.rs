//! What rows do to resting orders: queues, passive fills, and orders that waited for a row. The conditions of a fill
//! stand above [`super::queue::Place`].

use super::account::Account;
use super::book::{BookView, Piece, Request, within};
use super::venue::{Env, Order, SimVenue};
use crate::market::{Bbo, DepthLevel, DepthView, Side};
use crate::units::{Price, Qty, Time};

impl<A: Account> SimVenue<A> {
    /// Applies all book rows of time `t` (the cursors stand before them) in the order trades, quotes, depth; then orders
    /// that waited for a row meet the book. Mark rows are stepped over. Returns whether an order changed.
    pub(super) fn rows_at(&mut self, t: Time, env: &Env) -> bool {
        let rows = env.rows;
        let halted = env.outages.halted.holds(t);
        let at = |times: &[i64], row: u32| times.get(row as usize + 1).is_some_and(|&time| time == t.0);
        let mut touched = false;
        while at(&rows.trades.time, self.cursors.trade) {
            self.cursors.trade += 1;
            touched |= !halted && self.on_trade(self.cursors.trade as usize, t, env);
        }
        let mut book_row = false;
        while at(&rows.quotes.time, self.cursors.quote) {
            self.cursors.quote += 1;
            book_row = true;
            touched |= !halted && self.on_quote(self.cursors.quote as usize, t, env);
        }
        while at(&rows.depth.time, self.cursors.depth) {
            self.cursors.depth += 1;
            book_row = true;
            touched |= !halted && self.on_depth(self.cursors.depth as usize, t, env);
        }
        while at(&rows.marks.time, self.cursors.mark) {
            self.cursors.mark += 1;
        }
        if book_row && !halted && !self.waiting.is_empty() {
            let book = self.book_at(t, env);
            for order in std::mem::take(&mut self.waiting) {
                self.enter(Order { arrived: t, ..order }, &book, t, env);
            }
            touched = true;
        }
        touched
    }

    fn on_trade(&mut self, row: usize, t: Time, env: &Env) -> bool {
        let trades = &env.rows.trades;
        if self.resting.is_empty() || trades.consumed_book[row] == 0 {
            return false;
        }
        let (px, qty, taker) = (Price(trades.px[row]), trades.qty[row], trades.taker_side(row));
        let mut used = 0;
        let mut touched = false;
        let mut resting = std::mem::take(&mut self.resting);
        for order in &mut resting {
            if order.side == taker || !within(order.side, px, order.limit) {
                continue;
            }
            let reaches_us = if px == order.limit {
                order.place.trade(qty)
            } else {
                order.place.empty();
                qty
            };
            let got = self.fill_passive(order, Qty(reaches_us - used), t, env);
            used += got.0;
            touched |= !got.is_zero();
        }
        self.put_back(resting, touched, t, env);
        touched
    }

    fn on_quote(&mut self, row: usize, t: Time, env: &Env) -> bool {
        if self.resting.is_empty() && self.consumed.is_empty() {
            return false;
        }
        let quote = env.rows.quotes.bbo(row);
        self.consumed.on_quote(&quote);
        let depth_known = !env.rows.depth.view(self.cursors.depth as usize).is_empty();
        let book = BookView { quote, depth: DepthView::default(), depth_known, time: t };
        self.on_book(&book, t, env)
    }

    fn on_depth(&mut self, row: usize, t: Time, env: &Env) -> bool {
        if self.resting.is_empty() && self.consumed.is_empty() {
            return false;
        }
        let depth = env.rows.depth.view(row);
        self.consumed.on_depth(&depth);
        let book = BookView { quote: Bbo::default(), depth, depth_known: true, time: t };
        self.on_book(&book, t, env)
    }

    /// A new picture of the book: queues move, and what reaches our prices from the other side fills us.
    fn on_book(&mut self, book: &BookView, t: Time, env: &Env) -> bool {
        if self.resting.is_empty() {
            return false;
        }
        let fills = &env.world.fills;
        let mut touched = false;
        let mut resting = std::mem::take(&mut self.resting);
        for order in &mut resting {
            if within(order.side, book.touch(order.side), order.limit) {
                order.place.empty();
                let want = order.left().min(self.cap(order));
                let (side, limit, assume) = (order.side, order.limit, fills.assume_qty);
                // the sum of the levels comes in whole lots, not each
                let request = Request { side, qty: want, limit, average: false, lot: Qty(1), assume };
                let there = self.displayed(book, &request);
                touched |= !self.fill_passive(order, there, t, env).is_zero();
            } else if book_shows_side(book, order.side) {
                match book.shown(order.side, order.limit, fills.assume_qty) {
                    Some(size) => order.place.show(size, fills),
                    // a quote says nothing of levels behind the best where snapshots do
                    None if book.depth.is_empty() && book.depth_known => {}
                    None => order.place.hide(),
                }
            }
        }
        self.put_back(resting, touched, t, env);
        touched
    }

    /// Uses up what is displayed at or through the limit; how much that was.
    fn displayed(&mut self, book: &BookView, request: &Request) -> Qty {
        let levels = book.depth.opposite(request.side);
        let pieces = if levels.is_empty() {
            let (px, qty) = book.quote.opposite(request.side);
            self.consumed.take_levels(&[DepthLevel { px, qty }], request, false)
        } else {
            self.consumed.take_levels(levels, request, true)
        };
        Qty(pieces.iter().map(|piece| piece.qty.0).sum())
    }

    /// The most that an order may still trade: one that is held to the position no more than there is of it.
    pub(super) fn cap(&self, order: &Order) -> Qty {
        let is_closing = self.account.is_closing(order.side, order.reduce_only);
        if is_closing { self.account.closable(order.side) } else { Qty(i64::MAX) }
    }

    /// Fills at most `there` of a resting order at its own price, in whole lots but for a rest; returns the quantity.
    fn fill_passive(&mut self, order: &mut Order, there: Qty, t: Time, env: &Env) -> Qty {
        let most = order.left().min(self.cap(order));
        let qty = if there < most { there.floor_to(env.world.instrument.lot) } else { most };
        if qty.0 <= 0 {
            return Qty::ZERO;
        }
        assert!(t > order.arrived, "a resting order may only trade with what came after it");
        let at = self.message(order, t, env);
        let met = self.mid(env);
        self.fill(order, Piece { px: order.limit, qty }, true, met, (t, at), env);
        qty
    }

    /// Puts the resting orders back, ends the filled ones.
    fn put_back(&mut self, resting: Vec<Order>, touched: bool, t: Time, env: &Env) {
        self.resting = resting;
        if !touched {
            return;
        }
        self.relevel(env);
        while let Some(full) = self.resting.iter().position(|order| order.left().is_zero()) {
            let order = self.resting.remove(full);
            self.end(order, t, env);
        }
    }
}

/// The picture says something of the side where an order of `side` rests.
fn book_shows_side(book: &BookView, side: Side) -> bool {
    !book.depth.opposite(side.other()).is_empty() || book.depth.is_empty()
}
