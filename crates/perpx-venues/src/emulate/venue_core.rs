//! The matching core of an emulated venue: one [`SimVenue`] as the fill model, on the venue's own rows, and the account that
//! its fills move. It knows no socket and no clock: the caller says how late it is.
//!
//! The vocabulary is that of the port: [`Command`] in, [`Event`] out. The delays of the account's tier, matching, queues and
//! self-trades are the simulated venue's; marks, funding and liquidation are done here, on the net account. Not modelled: the
//! initial margin is asked for when an order arrives, not again when it fills from the book.

use super::EmulateError;
use super::account::Account;
use super::feed::Feed;
use perpx_core::config::{Outage, OutageWhat, OutageWhen, VenueWorld};
use perpx_core::market::*;
use perpx_core::sim::book::{BookView, chunk_price};
use perpx_core::sim::{Dice, Env, OutageTable, SimVenue};
use perpx_core::tape::{VenueRows, last_at};
use perpx_core::units::{Cash, Mid, Notional, Price, Qty, Rate, Time};
use std::collections::BTreeSet;

/// What is left of the maintenance margin when the venue takes a position over (1e-12): 80 of 120 on Lighter's large markets.
const CLOSE_OUT: Rate = Rate(666_666_666_667);
/// Orders of the venue itself count down from here.
const VENUE_ORDERS: u32 = u32::MAX;

/// A trade between others.
#[derive(Clone, Copy, Debug)]
pub struct PublicTrade {
    pub at: Time,
    pub what: (Price, Qty),
    pub taker: Side,
    pub consumed_book: bool,
}

/// A market and one account in it: matching by the simulated venue, money by the account.
pub struct VenueCore {
    sim: SimVenue,
    /// The rules: ticks, fees, delays.
    pub world: VenueWorld,
    /// The world of what the venue itself orders: without delays.
    at_once: VenueWorld,
    dice: Dice,
    outages: OutageTable,
    feed: Feed,
    /// Cash and position.
    pub account: Account,
    now: Time,
    ordinal: u32,
    last_id: u32,
    venue_orders: u32,
    events: Vec<Event>,
    /// The account's open orders, by age.
    open: Vec<OrderId>,
    /// Those that liquidations cancelled.
    liquidated: BTreeSet<OrderId>,
    /// Zero price of the newest liquidation.
    zero: Price,
}

impl VenueCore {
    /// The account at `start` of the market; `seed` is of everything drawn.
    pub fn new(world: VenueWorld, feed: Feed, account: Account, seed: u64, start: Time) -> VenueCore {
        let dice = Dice::new(seed, &world.instrument.venue);
        let at_once = VenueWorld { delays: Delays::default(), ..world.clone() };
        let mut core = VenueCore {
            sim: SimVenue::matching(account.grid),
            world,
            at_once,
            dice,
            outages: OutageTable::default(),
            feed,
            account,
            now: start,
            ordinal: 0,
            last_id: 0,
            venue_orders: 0,
            events: Vec::new(),
            open: Vec::new(),
            liquidated: BTreeSet::new(),
            zero: Price(0),
        };
        core.with(|sim, env| {
            sim.enter_tile(env);
            sim.advance(start, env);
        });
        core.sim.allow(core.account.room(core.mark()));
        core
    }

    fn with<T>(&mut self, act: impl FnOnce(&mut SimVenue, &Env) -> T) -> T {
        let (rows, world, outages) = (&self.feed.rows, &self.world, &self.outages);
        let env = Env { rows, world, dice: self.dice, outages, index: None };
        act(&mut self.sim, &env)
    }

    /// The present moment of the market.
    pub fn now(&self) -> Time {
        self.now
    }

    /// In these spans of the market's time nothing is matched and nobody liquidated; what arrives waits for the end.
    pub fn halt(&mut self, spans: &[(Time, Time)]) {
        let halt = |&(from, to): &(Time, Time)| Outage { when: OutageWhen::Fixed { from, to }, what: OutageWhat::Halt };
        let outages: Vec<Outage> = spans.iter().map(halt).collect();
        self.outages = OutageTable::orders(&outages, &self.world.instrument.venue, 0, self.now, Time::MAX);
    }

    /// The rows of the stretch that is played.
    pub fn rows(&self) -> &VenueRows {
        &self.feed.rows
    }

    /// When the market's book changes next, among the rows at hand.
    pub fn next_change(&self) -> Option<Time> {
        let rows = &self.feed.rows;
        let next = |times: &[i64]| times.get(times.partition_point(|&time| time <= self.now.0)).copied();
        [next(&rows.quotes.time), next(&rows.depth.time)].into_iter().flatten().min().map(Time)
    }

    /// Trades between others after `since`, up to now, of the rows at hand.
    pub fn trades_after(&self, since: Time) -> Vec<PublicTrade> {
        let trades = &self.feed.rows.trades;
        let upto = |time: Time| trades.time.partition_point(|&other| other <= time.0);
        let one = |row| PublicTrade {
            at: Time(trades.time[row]),
            what: (Price(trades.px[row]), Qty(trades.qty[row])),
            taker: trades.taker_side(row),
            consumed_book: trades.consumed_book[row] != 0,
        };
        (upto(since)..upto(self.now)).map(one).collect()
    }

    /// The market's book now.
    pub fn book(&self) -> BookView<'_> {
        let rows = &self.feed.rows;
        let row = |times: &[i64]| if times.is_empty() { 0 } else { last_at(times, self.now) };
        BookView::at(rows, row(&rows.quotes.time), row(&rows.depth.time))
    }

    /// What the market shows, best first: the levels of a snapshot, or the best price and as much again at each further
    /// `impact`, which is what a taker gets there. What our own orders took or add is not in it.
    pub fn levels(&self, side: Side, most: usize) -> Vec<DepthLevel> {
        let (book, fills) = (self.book(), &self.world.fills);
        let taken_by = side.other();
        let known = book.depth.opposite(taken_by);
        if !known.is_empty() {
            return known.iter().take(most).copied().collect();
        }
        let (best, qty) = book.quote.opposite(taken_by);
        let steps = if best.0 <= 0 || fills.impact.0 <= 0 { usize::from(best.0 > 0) } else { most };
        let tick = self.world.instrument.tick;
        let level = |step| DepthLevel { px: chunk_price(taken_by, best, step as i64, fills.impact, tick), qty };
        let mut levels: Vec<DepthLevel> = Vec::new();
        for level in (0..steps).map(level) {
            match levels.last_mut() {
                Some(last) if last.px == level.px => last.qty += level.qty,
                _ => levels.push(level),
            }
        }
        levels
    }

    /// Mark and index now; the mid where there is none.
    pub fn marks(&self) -> (Price, Price) {
        let (marks, mid) = (&self.feed.rows.marks, self.book().best().mid().price());
        let row = if marks.time.is_empty() { 0 } else { last_at(&marks.time, self.now) };
        let or_mid = |px: Option<&i64>| px.map_or(mid, |&px| if px > 0 { Price(px) } else { mid });
        (or_mid(marks.mark.get(row)), or_mid(marks.index.get(row)))
    }

    /// The mark in force.
    pub fn mark(&self) -> Price {
        self.marks().0
    }

    /// A liquidation cancelled the order.
    pub fn was_liquidated(&self, id: OrderId) -> bool {
        self.liquidated.contains(&id)
    }

    /// A number for a new order.
    pub fn next_id(&mut self) -> OrderId {
        self.last_id += 1;
        OrderId(self.last_id)
    }

    /// A command that reaches the venue's door now; its delay follows.
    pub fn submit(&mut self, command: Command) {
        self.ordinal = self.ordinal.wrapping_add(1);
        let (at, ordinal) = (self.now, self.ordinal);
        if let Command::Place(order) = command {
            self.open.push(order.id);
        }
        self.with(|sim, env| sim.submit(at, ordinal, command, env));
        self.drain(at);
    }

    /// The same of the venue itself, carried out in this moment.
    pub fn submit_at_once(&mut self, command: Command) {
        std::mem::swap(&mut self.world, &mut self.at_once);
        self.submit(command);
        std::mem::swap(&mut self.world, &mut self.at_once);
    }

    /// Everything that happened up to and including `to`, in its order.
    pub fn advance(&mut self, to: Time) -> Result<Vec<Event>, EmulateError> {
        while self.now < to {
            let last = self.feed.end.plus(-1);
            let step = to.min(last).min(self.next_judgement());
            self.drain(step);
            self.now = step;
            self.judge(step);
            if step == last && to > last {
                self.feed.go_on()?;
                self.with(|sim, env| sim.enter_tile(env));
            }
        }
        Ok(std::mem::take(&mut self.events))
    }

    /// The next mark or settlement.
    fn next_judgement(&self) -> Time {
        let rows = &self.feed.rows;
        let mark = rows.marks.time.partition_point(|&time| time <= self.now.0);
        let mark = rows.marks.time.get(mark).map_or(Time::MAX, |&time| Time(time));
        let settled = rows.settlements.partition_point(|settlement| settlement.ts <= self.now);
        mark.min(rows.settlements.get(settled).map_or(Time::MAX, |settlement| settlement.ts))
    }

    fn drain(&mut self, until: Time) {
        loop {
            let more = self.with(|sim, env| sim.advance(until, env));
            while let Some(mut event) = self.sim.pop(until) {
                self.book_event(&mut event);
                self.events.push(event);
            }
            if !more {
                return;
            }
        }
    }

    fn book_event(&mut self, event: &mut Event) {
        match &mut event.body {
            EventBody::Fill { id, side, px, qty, fee, .. } => {
                if id.0 > VENUE_ORDERS / 2 {
                    *fee = self.liquidation_fee(*px, *qty);
                }
                self.account.fill(*side, *px, *qty, *fee);
                let room = self.account.room(self.mark());
                self.sim.allow(room);
            }
            EventBody::Done { id, .. } | EventBody::Rejected { id, .. } => self.open.retain(|open| open != id),
            _ => {}
        }
    }

    /// Settlements, then the judgement by the mark.
    fn judge(&mut self, t: Time) {
        let all = &self.feed.rows.settlements;
        let from = all.partition_point(|settlement| settlement.ts < t);
        let due: Vec<_> = all[from..].iter().take_while(|settlement| settlement.ts == t).copied().collect();
        let (mark, index) = self.marks();
        for settlement in due {
            if !self.account.position.is_zero() {
                let price = self.world.instrument.funding_price;
                let px = if price == FundingPrice::Mark { mark } else { index };
                let amount = self.account.settle(px, settlement.rate);
                self.tell(t, EventBody::Funding { amount, rate: settlement.rate, px });
            }
        }
        self.sim.allow(self.account.room(mark));
        if !self.outages.halted.holds(t) && self.is_below(Rate(Rate::ONE)) {
            self.liquidate(t);
        }
    }

    fn is_below(&self, share: Rate) -> bool {
        let mark = self.mark();
        let margin = self.account.maintenance(&self.world.instrument.margin, mark);
        !self.account.position.is_zero()
            && self.account.backed(mark) < Notional(margin.0 / i128::from(Rate::ONE) * i128::from(share.0))
    }

    /// All orders go. Then by the venue's rule: it takes everything over, and what the account had is lost; or the position is
    /// offered at its zero price, and below the close-out margin the venue takes the rest over.
    fn liquidate(&mut self, t: Time) {
        for id in self.open.clone() {
            self.liquidated.insert(id);
            self.submit_at_once(Command::Cancel { venue: Role::Long, id });
        }
        self.drain(t);
        if self.world.instrument.liquidation == LiquidationRule::TakeOver {
            self.take_over(t);
        } else {
            self.offer(t);
        }
        self.sim.allow(self.account.room(self.mark()));
    }

    /// At the mark, with all that stood behind the position: an isolated one costs no more and no less than its own margin.
    fn take_over(&mut self, t: Time) {
        let (px, left) = (self.mark(), self.account.position);
        let side = if left.0 > 0 { Side::Sell } else { Side::Buy };
        let own = self.account.backed(px).to_cash(self.account.grid);
        self.sim.shift(-left);
        self.account.fill(side, px, left.abs(), Cash::ZERO);
        let lost = if self.account.isolated { own } else { Cash(self.account.cash.0.max(0)) };
        self.account.cash -= lost;
        self.tell(t, EventBody::Liquidated { px, qty: left.abs(), fee: Cash::ZERO, lost });
    }

    fn offer(&mut self, t: Time) {
        let held = self.account.position;
        let side = if held.0 > 0 { Side::Sell } else { Side::Buy };
        let zero = self.zero_price();
        self.zero = zero;
        if zero.0 > 0 {
            self.venue_orders += 1;
            let id = OrderId(VENUE_ORDERS - self.venue_orders);
            let (venue, qty, kind) = (Role::Long, held.abs(), OrderKind::Ioc);
            let order = NewOrder { id, venue, side, qty, limit: zero, kind, reduce_only: true, covers: false };
            self.submit_at_once(Command::Place(order));
            self.drain(t);
        }
        let left = self.account.position;
        if self.is_below(CLOSE_OUT) {
            let px = Price(zero.0.max(self.world.instrument.tick.0));
            self.sim.shift(-left);
            self.account.fill(side, px, left.abs(), Cash::ZERO);
            self.tell(t, EventBody::Liquidated { px, qty: left.abs(), fee: Cash::ZERO, lost: Cash::ZERO });
        }
    }

    /// The price at which trading leaves equity over maintenance as it is: mark x (1 - sign x mmf x TAV / MMR), on the tick
    /// against the account; beyond the mark where nothing is left.
    fn zero_price(&self) -> Price {
        let (mark, tick) = (self.mark(), self.world.instrument.tick);
        let value = mark.of(self.account.position.abs());
        // mmf x TAV / MMR is TAV over the position's value
        let equity = self.account.backed(mark).0;
        let share = Rate(i64::try_from(equity / (value.0 / 1_000_000_000).max(1)).unwrap_or(0).saturating_mul(1_000));
        match self.account.position.0 {
            0.. => mark.scaled_ceil(-share).ceil_to(tick),
            _ => mark.scaled_floor(share).floor_to(tick),
        }
    }

    /// What trading better than the zero price costs: at most the market's fee.
    fn liquidation_fee(&self, px: Price, qty: Qty) -> Cash {
        let LiquidationRule::ZeroPrice { max_fee } = self.world.instrument.liquidation else { return Cash::ZERO };
        let better = Price((px.0 - self.zero.0).abs()).of(qty);
        let most = (-px.of(qty)).times(max_fee, self.account.grid);
        Cash((-better).to_cash(self.account.grid).0.max(most.0))
    }

    fn tell(&mut self, at: Time, body: EventBody) {
        self.events.push(Event { at, venue_time: at, venue: Role::Long, body, met: Mid::ZERO });
    }
}
