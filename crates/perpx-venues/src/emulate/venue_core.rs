//! The matching core of an emulated venue: one [`SimVenue`] with a net account, on the venue's own rows. It knows no socket and
//! no clock: the caller says how late it is.
//!
//! The vocabulary is that of the port: [`Command`] in, [`Event`] out. The delays of the account's tier, matching, queues,
//! self-trades, margin, fills and funding are the simulated venue's. Liquidation is done here, as the exchanges describe it: by
//! an order of the venue's own that fills as any other, then the close-out; a sweep's venue takes the whole leg at once. Not
//! modelled: the initial margin is asked for when an order arrives, not again when it fills from the book.

use super::EmulateError;
use super::faults::{Intrusion, MarketRules};
use super::feed::{Feed, News};
use perpx_core::config::{Outage, OutageWhat, OutageWhen, VenueWorld};
use perpx_core::ledger::NetAccount;
use perpx_core::market::*;
use perpx_core::sim::book::{BookView, chunk_price};
use perpx_core::sim::{Dice, Env, OutageTable, SimVenue};
use perpx_core::units::{Cash, Mid, NS, Notional, Price, Qty, Rate, Time};
use std::collections::BTreeSet;

/// What is left of the maintenance margin when the venue takes a position over (1e-12): 80 of 120 on Lighter's large markets.
const CLOSE_OUT: Rate = Rate(666_666_666_667);

/// What a foreign order or position has.
pub const INTRUDED: Qty = Qty(10_000_000);
/// What is paid in from outside.
const PAID_IN: Cash = Cash(100_000_000_000_000);

/// The limit of a foreign bid: one percent below the best bid where it rests, above the best ask where it fills.
pub fn foreign_price(core: &VenueCore, rests: bool) -> Price {
    let (best, tick) = (core.book().best(), core.world.instrument.tick);
    match rests {
        true => best.bid.scaled_floor(Rate::from_bps(-100)).floor_to(tick),
        false => best.ask.scaled_ceil(Rate::from_bps(100)).floor_to(tick),
    }
}

/// Levels of a side of a book that stands still.
const MOST_HELD: usize = 500;

/// A market and one account in it: matching by the simulated venue, money by the account.
pub struct VenueCore {
    sim: SimVenue<NetAccount>,
    /// The rules: ticks, fees, delays.
    pub world: VenueWorld,
    /// The world of what the venue itself orders: without delays.
    at_once: VenueWorld,
    /// What it takes and charges when nothing is wrong.
    usual: (Instrument, FeeSchedule),
    rules: MarketRules,
    dice: Dice,
    outages: OutageTable,
    feed: Feed,
    now: Time,
    ordinal: u32,
    last_id: u32,
    /// Orders of the venue itself: their numbers count down from the largest.
    venue_orders: u32,
    events: Vec<Event>,
    /// The account's open orders, by age.
    open: Vec<OrderId>,
    /// Those that liquidations cancelled.
    liquidated: BTreeSet<OrderId>,
    /// The book that is shown while it stands still: bids, asks.
    held: Option<[Vec<DepthLevel>; 2]>,
    /// What was paid in, and when by the wall.
    pub paid_in: Vec<(Time, Cash)>,
}

impl VenueCore {
    /// The account at `start` of the market; `seed` is of everything drawn.
    pub fn new(world: VenueWorld, feed: Feed, account: NetAccount, seed: u64, start: Time) -> VenueCore {
        let dice = Dice::new(seed, &world.instrument.venue);
        let at_once = VenueWorld { delays: Delays::default(), ..world.clone() };
        let usual = (world.instrument.clone(), world.fees);
        let mut core = VenueCore {
            sim: SimVenue::new(Role::Long, account),
            world,
            usual,
            rules: MarketRules::default(),
            at_once,
            dice,
            outages: OutageTable::default(),
            feed,
            now: start,
            ordinal: 0,
            last_id: 0,
            venue_orders: 0,
            events: Vec::new(),
            open: Vec::new(),
            liquidated: BTreeSet::new(),
            held: None,
            paid_in: Vec::new(),
        };
        core.with(|sim, env| {
            sim.enter_tile(env);
            sim.advance(start, env);
        });
        core
    }

    fn with<T>(&mut self, act: impl FnOnce(&mut SimVenue<NetAccount>, &Env) -> T) -> T {
        let (rows, world, outages) = (&self.feed.rows, &self.world, &self.outages);
        let env = Env { rows, world, dice: self.dice, outages, index: None };
        act(&mut self.sim, &env)
    }

    /// The present moment of the market.
    pub fn now(&self) -> Time {
        self.now
    }

    /// Cash and position.
    pub fn account(&self) -> &NetAccount {
        self.sim.truth()
    }

    /// For what its holder asks for: leverage, margin moved.
    pub fn account_mut(&mut self) -> &mut NetAccount {
        self.sim.account_mut()
    }

    /// What the market takes and charges; `has_steps`: its steps change as well. True: it is another thing than before.
    pub fn change_rules(&mut self, rules: MarketRules, has_steps: bool) -> bool {
        if std::mem::replace(&mut self.rules, rules) == rules {
            return false;
        }
        let (usual, fees) = &self.usual;
        let instrument = &mut self.world.instrument;
        let steps = if has_steps { rules.times } else { 1 };
        (instrument.tick, instrument.lot) = (Price(usual.tick.0 * steps), Qty(usual.lot.0 * steps));
        instrument.min_qty = Qty(usual.min_qty.0 * rules.times);
        instrument.min_notional = Notional(usual.min_notional.0 * i128::from(rules.times));
        let [taker, maker] = [fees.taker, fees.maker].map(|rate| Rate(rate.0 + rules.dearer.0));
        self.world.fees = FeeSchedule { taker, maker, ..*fees };
        self.at_once.fees = self.world.fees;
        true
    }

    /// In these spans of the market's time nothing is matched and nobody liquidated; what arrives waits for the end.
    pub fn halt(&mut self, spans: &[(Time, Time)]) {
        let halt = |&(from, to): &(Time, Time)| Outage { when: OutageWhen::Fixed { from, to }, what: OutageWhat::Halt };
        let outages: Vec<Outage> = spans.iter().map(halt).collect();
        self.outages = OutageTable::orders(&outages, &self.world.instrument.venue, 0, self.now, Time::MAX);
    }

    /// When the market's book changes next; at the end of the rows at hand, that end.
    pub fn next_change(&self) -> Time {
        let rows = &self.feed.rows;
        let next = |times: &[i64]| times.get(times.partition_point(|&time| time <= self.now.0)).copied();
        let changes = [next(&rows.quotes.time), next(&rows.depth.time)];
        changes.into_iter().flatten().min().map_or(self.feed.end, Time)
    }

    /// What happened in the market since the last call.
    pub fn take_news(&mut self) -> News {
        std::mem::take(&mut self.feed.news)
    }

    /// The market's book now.
    pub fn book(&self) -> BookView<'_> {
        self.feed.book_at(self.now)
    }

    /// What the market shows, best first: the levels of a snapshot, or the best price and as much again at each further
    /// `impact`, which is what a taker gets there. What our own orders took or add is not in it.
    pub fn levels(&self, side: Side, most: usize) -> Vec<DepthLevel> {
        if let Some(held) = &self.held {
            return held[side as usize].iter().take(most).copied().collect();
        }
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

    /// The venue closes so many percent of the position at the mark, as it does to the other side of a bankrupt account.
    pub fn deleverage(&mut self, percent: i64) {
        let (px, at, position) = (self.mark(), self.now, self.account().position);
        let (side, lot) = (if position.0 > 0 { Side::Sell } else { Side::Buy }, self.world.instrument.lot.0.max(1));
        let part = (i128::from(position.abs().0) * i128::from(percent) / 100) as i64;
        let qty = if percent == 100 { position.abs() } else { Qty(part / lot * lot) };
        if qty.is_zero() {
            return;
        }
        self.venue_orders += 1;
        let id = OrderId(u32::MAX - self.venue_orders);
        let body = match self.world.instrument.liquidation {
            LiquidationRule::TakeOver => EventBody::Liquidated { px, qty, fee: Cash::ZERO, lost: Cash::ZERO },
            LiquidationRule::ZeroPrice { .. } => EventBody::Fill { id, side, px, qty, maker: false, fee: Cash::ZERO },
        };
        self.account_mut().apply(&body);
        self.events.push(Event { at, venue_time: at, venue: Role::Long, body, met: Mid::ZERO });
    }

    /// What somebody else does to the account itself at `now` of the wall; `reported`: as its owner reported it.
    pub fn intrude(&mut self, what: Intrusion, now: Time, reported: &mut NetAccount) {
        if what == Intrusion::Deposit {
            self.paid_in.push((now, PAID_IN));
        }
        let (px, qty) = (self.mark(), INTRUDED);
        let fill = EventBody::Fill { id: OrderId(0), side: Side::Buy, px, qty, maker: false, fee: Cash::ZERO };
        for account in [self.sim.account_mut(), reported] {
            match what {
                Intrusion::Deposit | Intrusion::Balance => account.cash += PAID_IN,
                Intrusion::Position => account.apply(&fill),
                // twice the leverage
                Intrusion::Leverage => account.initial = Rate(account.initial.0 / 2),
                // orders are the venue's to enter
                Intrusion::Order | Intrusion::Fill | Intrusion::Instance => {}
            }
        }
    }

    /// From now on the book that is shown stands still, or no longer.
    pub fn hold_book(&mut self, is_held: bool) {
        if is_held != self.held.is_some() {
            self.held = is_held.then(|| [Side::Buy, Side::Sell].map(|side| self.levels(side, MOST_HELD)));
        }
    }

    /// A price lies further through the mark than `band`: a bid above it, an ask below.
    pub fn is_beyond(&self, side: Side, limit: Price, band: Rate) -> bool {
        match side {
            Side::Buy => limit > self.mark().scaled_ceil(band),
            Side::Sell => limit < self.mark().scaled_floor(Rate(-band.0)),
        }
    }

    /// Mark and index now; the mid where there is none.
    pub fn marks(&self) -> (Price, Price) {
        self.feed.marks_at(self.now)
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
            let last = self.feed.end.plus(-NS);
            let step = to.min(last).min(self.next_judgement());
            self.drain(step);
            self.feed.note(self.now, step);
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
            while let Some(event) = self.sim.pop(until) {
                if let EventBody::Done { id, .. } | EventBody::Rejected { id, .. } = event.body {
                    self.open.retain(|&open| open != id);
                }
                self.events.push(event);
            }
            if !more {
                return;
            }
        }
    }

    /// The judgement by the mark.
    fn judge(&mut self, t: Time) {
        let is_liquidated = self.account().is_liquidated(&self.world.instrument.margin, self.mark());
        if !self.outages.halted.holds(t) && is_liquidated {
            self.liquidate(t);
        }
    }

    /// All orders go. Then by the venue's rule: it takes everything over, and what the account had is lost; or the position is
    /// offered at its zero price, and below the close-out margin the venue takes the rest over.
    fn liquidate(&mut self, t: Time) {
        for id in self.open.clone() {
            self.liquidated.insert(id);
            self.submit_at_once(Command::Cancel { venue: Role::Long, id });
        }
        self.drain(t);
        match self.world.instrument.liquidation {
            LiquidationRule::TakeOver => self.take_over(t),
            LiquidationRule::ZeroPrice { max_fee } => self.offer(max_fee, t),
        }
    }

    /// At the mark, with all that stood behind the position: an isolated one costs no more and no less than its own margin.
    fn take_over(&mut self, t: Time) {
        let (px, account) = (self.mark(), self.account());
        let lost = match account.isolated {
            true => account.backed(px).to_cash(account.grid),
            false => Cash((account.cash + account.unrealized(px).to_cash(account.grid)).0.max(0)),
        };
        self.close_out(px, lost, t);
    }

    fn offer(&mut self, max_fee: Rate, t: Time) {
        let held = self.account().position;
        let side = if held.0 > 0 { Side::Sell } else { Side::Buy };
        let zero = self.zero_price();
        if zero.0 > 0 {
            self.venue_orders += 1;
            let id = OrderId(u32::MAX - self.venue_orders);
            let (venue, qty, kind) = (Role::Long, held.abs(), OrderKind::Ioc);
            let order = NewOrder { id, venue, side, qty, limit: zero, kind, reduce_only: true, covers: false };
            self.account_mut().offered = Some((zero, max_fee));
            self.submit_at_once(Command::Place(order));
            self.drain(t);
            self.account_mut().offered = None;
        }
        let (mark, account) = (self.mark(), self.account());
        let maintenance = account.maintenance(&self.world.instrument.margin, mark).0;
        let least = Notional(maintenance / i128::from(Rate::ONE) * i128::from(CLOSE_OUT.0));
        if !account.position.is_zero() && account.backed(mark) < least {
            self.close_out(Price(zero.0.max(self.world.instrument.tick.0)), Cash::ZERO, t);
        }
    }

    /// The venue takes what is left of the position.
    fn close_out(&mut self, px: Price, lost: Cash, t: Time) {
        let qty = self.account().position.abs();
        let body = EventBody::Liquidated { px, qty, fee: Cash::ZERO, lost };
        self.account_mut().apply(&body);
        self.events.push(Event { at: t, venue_time: t, venue: Role::Long, body, met: Mid::ZERO });
    }

    /// The price at which trading leaves equity over maintenance as it is: mark x (1 - sign x mmf x TAV / MMR), on the tick
    /// against the account; beyond the mark where nothing is left.
    fn zero_price(&self) -> Price {
        let (mark, tick) = (self.mark(), self.world.instrument.tick);
        let value = mark.of(self.account().position.abs());
        // mmf x TAV / MMR is TAV over the position's value
        let equity = self.account().backed(mark).0;
        let share = Rate(i64::try_from(equity / (value.0 / 1_000_000_000).max(1)).unwrap_or(0).saturating_mul(1_000));
        match self.account().position.0 {
            0.. => mark.scaled_ceil(-share).ceil_to(tick),
            _ => mark.scaled_floor(share).floor_to(tick),
        }
    }
}
