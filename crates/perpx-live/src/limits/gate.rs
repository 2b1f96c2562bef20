//! A command and what is known at its moment: whether it may leave, and at which price.

use super::closing::{Bounds, SILENT, cut, in_steps};
use super::keys::{Key, Limits, ROWS};
use super::reference::Reference;
use perpx_core::config::{Num, World};
use perpx_core::ledger::VenueBook;
use perpx_core::market::{
    Bbo, Class, Command, Event, EventBody, Instrument, NewOrder, OrderId, OrderKind, OrderState, Reject, Role,
};
use perpx_core::port::Mandate;
use perpx_core::units::{MINUTE, MS, Mid, Notional, Price, Qty, Rate, SECOND, Time, TimeDelta};
use perpx_venues::net::budget::OrderRoom;
use perpx_venues::refresh::said::Said;
use serde::Serialize;
use std::collections::{BTreeMap, VecDeque};

/// Orders over which the share of refused ones is taken.
const LAST: usize = 20;
/// So many refusals for too many orders, within so long, pause the run.
const PATIENCE: (usize, TimeDelta) = (3, MINUTE.times(10));
/// Refusals for the price band after which a close goes out at any price.
const BANDS: u32 = 3;

/// What a venue showed last.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Quote {
    /// The best of both sides.
    pub bbo: Bbo,
    /// Zero: not known.
    pub mark: Price,
    /// When any row of it came last.
    pub seen: Time,
}

/// What is measured beside the market; `None`: it is not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Around {
    /// The larger difference between our clock and a venue's.
    pub clock_drift: Option<TimeDelta>,
    /// The slower venue's median time from an order to its answer.
    pub lane: Option<TimeDelta>,
    /// Bytes.
    pub free_disk: Option<u64>,
    /// By role: how many orders the venue takes now.
    pub room: [Option<OrderRoom>; 2],
}

/// What is known at a moment.
#[derive(Clone, Copy, Debug)]
pub struct Sight<'a> {
    /// On the clock that the trader goes by.
    pub now: Time,
    /// By role.
    pub quotes: [Quote; 2],
    /// By role, as believed.
    pub books: &'a [VenueBook; 2],
    /// By role, as its venue said last, if nothing was booked since: coins, without a sign.
    pub truth: [Option<Qty>; 2],
    /// What the trader may do.
    pub mandate: Mandate,
    /// The strategy means one leg to stand alone: S1, S4, S5, a hedge.
    pub is_net_meant: bool,
    /// By role: coins that the venue is confirmed to hold less than is believed; more cannot be closed there.
    pub there: [Option<Qty>; 2],
    /// Beside the market.
    pub around: Around,
}

impl Sight<'_> {
    fn mids(&self) -> [Mid; 2] {
        self.quotes.map(|quote| quote.bbo.mid_or_none())
    }

    fn age(&self, role: Role) -> TimeDelta {
        self.now.since(self.quotes[role.ix()].seen)
    }
}

/// Why a command may not leave.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Refusal {
    /// The key of `[limits]`, or `may_open`, `tick`, `price_band`, `requests`.
    pub key: &'static str,
    /// What would be, or is.
    pub value: String,
    /// What may be.
    pub limit: String,
}

/// What becomes of a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It leaves as it is.
    Pass,
    /// It leaves like this: a close, at another price.
    Amend(NewOrder),
    /// It does not leave.
    Refuse(Refusal),
}

/// What a breach asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Demand {
    /// Nothing opens until an operator says otherwise.
    Pause(Refusal),
    /// Everything is closed, then as a pause.
    Flatten(Refusal),
}

/// Of the venues, by role.
#[derive(Clone, Debug)]
pub struct Venues {
    pub(super) instruments: [Instrument; 2],
    /// An order that has not been heard of for so long can land no more.
    fences: [TimeDelta; 2],
}

impl Venues {
    /// As the strategy file has them.
    pub fn of(world: &World) -> Venues {
        let [long, short] = &world.venues;
        Venues { instruments: [long.instrument.clone(), short.instrument.clone()], fences: [long.fence, short.fence] }
    }
}

/// An order that left and is not known to be over.
#[derive(Clone, Copy, Debug)]
struct Sent {
    order: NewOrder,
    /// Of it, what may still fill.
    left: Qty,
    at: Time,
    rests: bool,
    in_doubt_since: Option<Time>,
}

/// The gate of one run.
#[derive(Clone, Debug)]
pub struct Gate {
    limits: Limits,
    venues: Venues,
    /// Not known to be over.
    sent: Vec<Sent>,
    /// By role: coins of the leg as fills tell, ahead of what the trader has been told.
    held: [Qty; 2],
    /// Orders of the last minute; whether they opened.
    placed: VecDeque<(Time, bool)>,
    /// What opened last, for orders that come twice.
    opened: VecDeque<(Time, NewOrder)>,
    /// Of the last orders: refused by their venue.
    refused: VecDeque<bool>,
    /// When commands were refused for coming too fast.
    hurried: VecDeque<Time>,
    /// By role: closes in a row that the price band refused.
    bands: [u32; 2],
    /// Day, and trades begun in it.
    trades: (i64, u64),
    reference: Reference,
    net_since: Option<Time>,
    /// By key.
    counts: BTreeMap<&'static str, u64>,
}

impl Gate {
    /// Of a run that holds so much, by role.
    pub fn new(limits: Limits, venues: Venues, held: [Qty; 2]) -> Gate {
        Gate {
            limits,
            venues,
            sent: Vec::new(),
            held,
            placed: VecDeque::new(),
            opened: VecDeque::new(),
            refused: VecDeque::new(),
            hurried: VecDeque::new(),
            bands: [0; 2],
            trades: (i64::MIN, 0),
            reference: Reference::default(),
            net_since: None,
            counts: BTreeMap::new(),
        }
    }

    /// The limits in force.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// What is held as the run begins, by role.
    pub fn hold(&mut self, held: [Qty; 2]) {
        self.held = held;
    }

    /// Other limits from now on.
    pub fn set_limits(&mut self, limits: Limits) {
        self.limits = limits;
    }

    /// A venue's mid as the other venue's has it, with the usual difference.
    pub fn expected(&self, sight: &Sight<'_>) -> [Option<Mid>; 2] {
        Role::BOTH.map(|role| self.reference.expected(role, sight.mids()))
    }

    /// How often each key has refused.
    pub fn counts(&self) -> &BTreeMap<&'static str, u64> {
        &self.counts
    }

    /// Takes note of a moment; what it asks for.
    pub fn look(&mut self, sight: &Sight<'_>) -> Option<Demand> {
        let ages = Role::BOTH.map(|role| sight.age(role));
        let is_fresh = ages.iter().all(|&age| age <= SILENT);
        self.reference.look(sight.now, sight.mids(), sight.quotes.map(|quote| quote.seen), is_fresh);
        if self.trades.0 != sight.now.day() {
            self.trades = (sight.now.day(), 0);
        }
        self.net(sight).or_else(|| self.hurry(sight.now)).or_else(|| self.rejects())
    }

    /// A net that nobody means, borne for too long.
    fn net(&mut self, sight: &Sight<'_>) -> Option<Demand> {
        let most = self.limits.notional(Key::MaxNetNotional)?;
        let value = self.net_value(sight, self.held)?;
        if value <= most || sight.is_net_meant {
            self.net_since = None;
            return None;
        }
        let since = *self.net_since.get_or_insert(sight.now);
        let bearable = self.limits.span(Key::MaxUnhedgedSec, SECOND)?;
        let is_over = sight.now.since(since) > bearable;
        is_over.then(|| Demand::Flatten(refusal(Key::MaxNetNotional, money(value), money(most))))
    }

    /// Too many orders, again and again.
    fn hurry(&mut self, now: Time) -> Option<Demand> {
        while self.hurried.front().is_some_and(|&at| now.since(at) > PATIENCE.1) {
            self.hurried.pop_front();
        }
        if self.hurried.len() < PATIENCE.0 {
            return None;
        }
        let times = self.hurried.drain(..).count();
        Some(Demand::Pause(refusal(Key::MaxOpensPerMin, format!("refused {times} times in 10 min"), "2".to_owned())))
    }

    /// Too many of the last orders were refused.
    fn rejects(&mut self) -> Option<Demand> {
        let most = self.limits.share(Key::MaxRejectRate)?;
        let bad = self.refused.iter().filter(|&&refused| refused).count();
        let is_over = self.refused.len() == LAST && bad as i64 * Rate::ONE > most.0 * LAST as i64;
        is_over.then(|| {
            self.refused.clear();
            let limit = format!("{} of them", most.as_f64());
            Demand::Pause(refusal(Key::MaxRejectRate, format!("{bad} of {LAST} orders"), limit))
        })
    }

    /// An operator has looked at what was refused: it counts anew.
    pub fn looked_at(&mut self) {
        self.refused.clear();
        self.hurried.clear();
    }

    /// What keeps anything from opening at this moment, whatever it is.
    pub fn standing(&self, sight: &Sight<'_>) -> Vec<Refusal> {
        let (limits, around, mut all) = (&self.limits, sight.around, Vec::new());
        let mut above = |key: Key, unit: TimeDelta, value: Option<TimeDelta>| {
            if let (Some(value), Some(most)) = (value, limits.span(key, unit))
                && value > most
            {
                all.push(refusal(key, span(value), span(most)));
            }
        };
        let oldest = sight.age(Role::Long).max(sight.age(Role::Short));
        let doubt = self.sent.iter().filter_map(|sent| sent.in_doubt_since).min();
        above(Key::StaleFeedMs, MS, Some(oldest));
        above(Key::ClockDriftMs, MS, around.clock_drift);
        above(Key::MaxLaneMs, MS, around.lane);
        above(Key::MaxDoubtSec, SECOND, doubt.map(|since| sight.now.since(since)));
        if let (Some(free), Some(least)) = (around.free_disk, limits.get(Key::MinDiskGib)) {
            let free = Num(i128::from(free) * (Num::ONE / (1 << 30)));
            if free < least {
                all.push(refusal(Key::MinDiskGib, format!("{:.2}", free.as_f64()), least.to_string()));
            }
        }
        if let Some(most) = limits.count(Key::MaxTradesDay)
            && self.trades.1 >= most
            && self.held == [Qty::ZERO; 2]
        {
            all.push(refusal(Key::MaxTradesDay, self.trades.1.to_string(), most.to_string()));
        }
        if let Some(least) = limits.bp(Key::MinLiqDistanceBp).filter(|least| least.0 > 0) {
            for role in Role::BOTH {
                if let Some(distance) = self.distance(sight, role).filter(|distance| *distance < least) {
                    let value = format!("{:.1} at the {} leg", distance.bps(), side(role));
                    all.push(refusal(Key::MinLiqDistanceBp, value, format!("{}", least.bps())));
                }
            }
        }
        all
    }

    /// Of a leg's mark from its liquidation.
    pub fn distance(&self, sight: &Sight<'_>, role: Role) -> Option<Rate> {
        let mark = sight.quotes[role.ix()].mark;
        let leg = sight.books[role.ix()].leg_margin().filter(|_| mark.0 > 0)?;
        let level = leg.liquidation_level(&self.venues.instruments[role.ix()].margin)?;
        let off = i128::from(mark.0 - level.0) * i128::from(role.opening().sign()) * i128::from(Rate::ONE);
        Some(Rate(i64::try_from(off / i128::from(mark.0)).unwrap_or(i64::MAX)))
    }

    /// Judges a command that the trader has just made; what passes is counted as sent.
    pub fn judge(&mut self, command: &Command, sight: &Sight<'_>) -> Verdict {
        let Command::Place(order) = *command else { return Verdict::Pass };
        let class = match command.class() {
            Class::Cover if !self.covers(&order, sight.now) => Class::Open,
            class => class,
        };
        if class == Class::Close {
            let there = sight.there[order.venue.ix()].unwrap_or(order.qty);
            if there.is_zero() {
                let limit = "nothing is held there".to_owned();
                return Verdict::Refuse(Refusal { key: "position", value: order.qty.to_string(), limit });
            }
            let order = self.closing(NewOrder { qty: order.qty.min(there), ..order }, sight);
            self.pass(order, class, sight.now);
            return match *command == Command::Place(order) {
                true => Verdict::Pass,
                false => Verdict::Amend(order),
            };
        }
        let against = self.against_any(&order, class, sight).or_else(|| {
            let opens = class == Class::Open;
            opens.then(|| self.against_open(&order, sight)).flatten()
        });
        match against {
            Some(refusal) => {
                *self.counts.entry(refusal.key).or_default() += 1;
                let hurried = [Key::MaxOpensPerMin, Key::MaxOrdersPerMin, Key::SameOrderMs];
                if hurried.iter().any(|key| ROWS[*key as usize].name == refusal.key) {
                    self.hurried.push_back(sight.now);
                }
                Verdict::Refuse(refusal)
            }
            None => {
                self.pass(order, class, sight.now);
                Verdict::Pass
            }
        }
    }

    /// It makes the naked leg smaller, by at least half of its size, whatever may still fill of orders before it.
    fn covers(&self, order: &NewOrder, now: Time) -> bool {
        let (role, other) = (order.venue, order.venue.other());
        let may_land = |sent: &&Sent| sent.rests || now.since(sent.at) < self.venues.fences[sent.order.venue.ix()];
        let may_fill = |venue: Role, opens: bool| -> i64 {
            let those = self.sent.iter().filter(may_land).filter(|sent| sent.order.venue == venue);
            those.filter(|sent| sent.order.reduce_only != opens).map(|sent| sent.left.0).sum()
        };
        let naked =
            (self.held[other.ix()].0 - may_fill(other, false)) - (self.held[role.ix()].0 + may_fill(role, true));
        i128::from(naked) * 4 >= i128::from(order.qty.0) * 3
    }

    /// What a venue says now that it takes.
    pub fn set_rules(&mut self, role: Role, said: &Said) {
        said.write_to(&mut self.venues.instruments[role.ix()]);
    }

    /// Why a leg cannot be closed whole by what its venue takes now.
    pub fn unclosable(&self, role: Role, sight: &Sight<'_>) -> Option<String> {
        let (instrument, quote) = (&self.venues.instruments[role.ix()], sight.quotes[role.ix()]);
        let (qty, mid) = (sight.books[role.ix()].leg.qty, quote.bbo.mid_or_none());
        let px = if mid.is_quoted() { mid.price() } else { quote.mark };
        if qty.0 % instrument.lot.0 != 0 {
            return Some(format!("{qty} cannot be closed whole: orders are in steps of {} there", instrument.lot));
        }
        if qty.is_zero() || px.0 <= 0 || instrument.takes_as(OrderKind::Ioc, qty, px) {
            return None;
        }
        let least = [instrument.min_qty.to_string(), money(instrument.min_notional)];
        Some(format!("{qty} cannot be closed: an order is of {} coins and worth {} there at least", least[0], least[1]))
    }

    /// A close at the furthest at which it may go; after refusals for the price band at any price.
    fn closing(&mut self, order: NewOrder, sight: &Sight<'_>) -> NewOrder {
        let role = order.venue;
        let is_silent = sight.age(role) > SILENT && sight.age(role.other()) <= SILENT;
        let moved = if is_silent { self.reference.moved(role, sight.mids()) } else { None };
        let bounds = Bounds {
            instrument: &self.venues.instruments[role.ix()],
            quote: sight.quotes[role.ix()],
            collar: self.limits.bp(Key::CollarCloseBp),
            moved,
            is_told: sight.mandate.closes[role.ix()],
        };
        let order = in_steps(cut(order, &bounds), (bounds.instrument.tick, bounds.instrument.lot));
        let is_banned = self.bands[role.ix()] >= BANDS && order.kind.only_takes();
        if is_banned {
            self.bands[role.ix()] = 0;
            return NewOrder { kind: OrderKind::Market, ..order };
        }
        order
    }

    /// What binds whatever makes a leg larger.
    fn against_any(&self, order: &NewOrder, class: Class, sight: &Sight<'_>) -> Option<Refusal> {
        let (limits, r) = (&self.limits, order.venue.ix());
        let may = if class == Class::Cover { sight.mandate.may_cover } else { sight.mandate.may_open };
        if !may {
            return Some(Refusal { key: "may_open", value: format!("{class:?}"), limit: "no".to_owned() });
        }
        let instrument = &self.venues.instruments[r];
        if order.limit.0 % instrument.tick.0 != 0 || order.qty.0 % instrument.lot.0 != 0 {
            let limit = format!("{}, {}", instrument.tick, instrument.lot);
            return Some(Refusal { key: "tick", value: format!("{}, {}", order.limit, order.qty), limit });
        }
        let mark = sight.quotes[r].mark;
        if !instrument.is_in_band(order.limit, mark) {
            return Some(Refusal { key: "price_band", value: order.limit.to_string(), limit: mark.to_string() });
        }
        if let Some(most) = limits.qty(Key::MaxOrderQty).filter(|most| order.qty > *most) {
            return Some(refusal(Key::MaxOrderQty, order.qty.to_string(), most.to_string()));
        }
        let mid = sight.mids()[r];
        let px = if mid.is_quoted() { order.limit.max(mid.price()) } else { order.limit };
        let over = |key: Key, value: Notional| {
            let most = limits.notional(key).filter(|most| value > *most)?;
            Some(refusal(key, money(value), money(most)))
        };
        over(Key::MaxOrderNotional, px.of(order.qty))
            .or_else(|| over(Key::MaxPositionNotional, px.of(self.worst_leg(order.venue, sight) + order.qty)))
            .or_else(|| self.beyond_collar(order, sight))
            .or_else(|| beyond_requests(order.venue, class, sight))
    }

    /// Of a leg with all that may still fill of it, by the largest of what is known.
    fn worst_leg(&self, role: Role, sight: &Sight<'_>) -> Qty {
        let r = role.ix();
        let known = self.held[r].max(sight.books[r].leg.qty).max(sight.truth[r].unwrap_or_default());
        let opens = self.sent.iter().filter(|sent| sent.order.venue == role && !sent.order.reduce_only);
        known + opens.map(|sent| sent.left).sum::<Qty>()
    }

    /// The limit is further than the collar from what the own venue, and the other one, show.
    fn beyond_collar(&self, order: &NewOrder, sight: &Sight<'_>) -> Option<Refusal> {
        let collar = self.limits.bp(Key::CollarOpenBp)?;
        let (role, mids) = (order.venue, sight.mids());
        let own = mids[role.ix()].is_quoted().then(|| mids[role.ix()].raw());
        let other = self.reference.expected(role, mids).filter(|_| sight.age(role.other()) <= SILENT).map(Mid::raw);
        let sign = i128::from(order.side.sign());
        let off = |from: i64| {
            let far = (i128::from(2 * order.limit.0) - i128::from(from)) * sign;
            (far * i128::from(Rate::ONE) / i128::from(from.max(1))) as i64
        };
        let worst = [own, other].into_iter().flatten().map(off).max()?;
        (worst > collar.0)
            .then(|| refusal(Key::CollarOpenBp, format!("{:.2}", Rate(worst).bps()), format!("{}", collar.bps())))
    }

    /// What binds only what opens.
    fn against_open(&self, order: &NewOrder, sight: &Sight<'_>) -> Option<Refusal> {
        let (limits, now) = (&self.limits, sight.now);
        if let Some(standing) = self.standing(sight).into_iter().next() {
            return Some(standing);
        }
        let mut worst = self.held;
        worst[order.venue.ix()] = self.worst_leg(order.venue, sight) + order.qty;
        if let Some(most) = limits.notional(Key::MaxNetNotional)
            && let Some(value) = self.net_value(sight, worst).filter(|value| *value > most)
        {
            return Some(refusal(Key::MaxNetNotional, money(value), money(most)));
        }
        let since = |at: Time| now.since(at) < MINUTE;
        let orders = self.placed.iter().filter(|(at, _)| since(*at)).count() as u64;
        let opens = self.placed.iter().filter(|(at, opened)| since(*at) && *opened).count() as u64;
        for (key, count) in [(Key::MaxOpensPerMin, opens), (Key::MaxOrdersPerMin, orders)] {
            if let Some(most) = limits.count(key).filter(|most| count + 1 > *most) {
                return Some(refusal(key, (count + 1).to_string(), most.to_string()));
            }
        }
        if let Some(least) = limits.span(Key::SameOrderMs, MS) {
            let is_same = |(_, other): &&(Time, NewOrder)| NewOrder { id: order.id, ..*other } == *order;
            let last = self.opened.iter().rev().find(is_same).map(|&(at, _)| now.since(at));
            if let Some(gap) = last.filter(|gap| *gap < least) {
                return Some(refusal(Key::SameOrderMs, span(gap), span(least)));
            }
        }
        let least = limits.share(Key::MinFreeMargin).filter(|least| least.0 > 0)?;
        let book = &sight.books[order.venue.ix()];
        let left = book.free() - book.margin_for(order.limit.of(order.qty));
        let is_short = left.0 * i128::from(Rate::ONE) < book.cash.0.max(0) * i128::from(least.0);
        is_short.then(|| {
            let share = left.as_f64() / book.cash.as_f64();
            refusal(Key::MinFreeMargin, format!("{share:.4}"), format!("{}", least.as_f64()))
        })
    }

    /// What the legs' difference is worth, at the dearer mid; `None`: there is no mid.
    fn net_value(&self, sight: &Sight<'_>, legs: [Qty; 2]) -> Option<Notional> {
        let px = sight.mids().into_iter().max().filter(|mid| mid.is_quoted())?;
        Some(px.of(Qty((legs[0].0 - legs[1].0).abs())).to_notional())
    }

    /// An order leaves.
    fn pass(&mut self, order: NewOrder, class: Class, now: Time) {
        while self.placed.front().is_some_and(|&(at, _)| now.since(at) >= MINUTE) {
            self.placed.pop_front();
        }
        self.placed.push_back((now, class == Class::Open));
        if class == Class::Open {
            while self.opened.front().is_some_and(|&(at, _)| now.since(at) >= MINUTE) {
                self.opened.pop_front();
            }
            self.opened.push_back((now, order));
        }
        self.sent.push(Sent { order, left: order.qty, at: now, rests: false, in_doubt_since: None });
    }

    /// An order that was let through did not leave after all.
    pub fn withdraw(&mut self, id: OrderId) {
        self.sent.retain(|sent| sent.order.id != id);
    }

    /// What a venue told.
    pub fn hear(&mut self, event: &Event) {
        let r = event.venue.ix();
        match event.body {
            EventBody::Fill { id, side, qty, .. } => {
                let was_flat = self.held == [Qty::ZERO; 2];
                let opens = side == event.venue.opening();
                let change = if opens { qty } else { -qty };
                self.held[r] = (self.held[r] + change).max(Qty::ZERO);
                self.trades.1 += u64::from(was_flat && opens);
                if let Some(sent) = self.find(id) {
                    sent.left = (sent.left - qty).max(Qty::ZERO);
                    sent.in_doubt_since = None;
                }
            }
            EventBody::Liquidated { qty, .. } => self.held[r] = (self.held[r] - qty).max(Qty::ZERO),
            EventBody::Accepted { id } | EventBody::Status { id, state: OrderState::Open { .. } } => {
                if let Some(sent) = self.find(id) {
                    (sent.rests, sent.in_doubt_since) = (!sent.order.kind.only_takes(), None);
                }
            }
            EventBody::Status { id, state: OrderState::InDoubt } => {
                if let Some(sent) = self.find(id) {
                    sent.in_doubt_since.get_or_insert(event.at);
                }
            }
            EventBody::Rejected { id, reason } => self.refuse(id, reason),
            EventBody::Done { id, .. }
            | EventBody::Status { id, state: OrderState::Unknown | OrderState::Done { .. } } => self.end(id, false),
            EventBody::CancelRejected { .. } | EventBody::Funding { .. } | EventBody::Transferred { .. } => {}
        }
    }

    fn find(&mut self, id: OrderId) -> Option<&mut Sent> {
        self.sent.iter_mut().find(|sent| sent.order.id == id)
    }

    /// A venue, or nobody, refused the order.
    fn refuse(&mut self, id: OrderId, reason: Reject) {
        if reason.is_local() {
            return self.withdraw(id);
        }
        if let Some(sent) = self.find(id).copied().filter(|sent| sent.order.reduce_only) {
            let bands = &mut self.bands[sent.order.venue.ix()];
            *bands = if reason == Reject::PriceBand { *bands + 1 } else { 0 };
        }
        self.end(id, reason != Reject::PostOnlyCross);
    }

    /// The order is over.
    fn end(&mut self, id: OrderId, is_refused: bool) {
        let Some(sent) = self.find(id).copied() else { return };
        if !is_refused {
            self.bands[sent.order.venue.ix()] = 0;
        }
        self.withdraw(id);
        self.refused.push_back(is_refused);
        if self.refused.len() > LAST {
            self.refused.pop_front();
        }
    }

    /// Orders that are not known to be over, and since when the oldest doubt lasts.
    pub fn under_way(&self) -> (usize, Option<Time>) {
        (self.sent.len(), self.sent.iter().filter_map(|sent| sent.in_doubt_since).min())
    }
}

/// It would leave too little of what the venue takes for cancels and closes.
fn beyond_requests(venue: Role, class: Class, sight: &Sight<'_>) -> Option<Refusal> {
    let room = sight.around.room[venue.ix()].filter(|room| !room.takes(class))?;
    let said = if room.is_over { ", but the venue said that it was too much" } else { "" };
    let limit = format!("{} are kept", room.kept_by(class));
    Some(Refusal { key: "requests", value: format!("{} left{said}", room.left), limit })
}

fn refusal(key: Key, value: String, limit: String) -> Refusal {
    Refusal { key: ROWS[key as usize].name, value, limit }
}

fn money(value: Notional) -> String {
    Num(value.0).to_string()
}

fn span(value: TimeDelta) -> String {
    format!("{:.0} ms", value.as_f64(MS))
}

/// As words name a leg.
pub fn side(role: Role) -> &'static str {
    match role {
        Role::Long => "long",
        Role::Short => "short",
    }
}
