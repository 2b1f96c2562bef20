//! The order manager: orders in flight, timers, and how many requests a venue had from us.
//!
//! A leg has one order that works. Beside it stand orders *in doubt*: their venue lives and does not know them yet, so
//! they may still land. They end by what the venue tells, or by the fence: `execution.fence_ms` after its decision an
//! order that is still unknown can land no more.

use super::{Count, ExecCtx};
use crate::market::{Command, Event, EventBody, NewOrder, OrderId, OrderKind, OrderState, Reject, Role, Side};
use crate::units::{Qty, SECOND, Time, TimeDelta};
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;

/// No wait between queries, or between closes that are not urgent, doubles beyond this.
const LONGEST_WAIT: TimeDelta = SECOND.times(8);
/// By role: the number by which the last order that was sent is known at rest.
pub const LAST: [OrderId; 2] = [OrderId(1), OrderId(2)];
/// Orders counted dead that are still recognised when their venue speaks of them.
const REMEMBERED: usize = 8;

/// An order that is not known to be over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Working {
    /// The trader's number.
    pub id: OrderId,
    /// Whose venue.
    pub role: Role,
    /// Which way.
    pub side: Side,
    /// Its whole quantity, base coins.
    pub qty: Qty,
    /// Of it, as far as we have heard.
    pub filled: Qty,
    /// How it is executed.
    pub kind: OrderKind,
    /// A reduce-only close of the whole leg: its venue caps two of them at the position.
    pub is_whole: bool,
    /// When it was decided.
    sent_at: Time,
    /// It rests, or rested, on the book.
    accepted: bool,
    /// A cancel is under way.
    cancelling: bool,
    /// The end is wanted: cancel as soon as it is known to rest.
    unwanted: bool,
    /// The venue, asked, did not know it: it may still land.
    in_doubt: bool,
    /// Since when it is asked for, and how often.
    asked: Option<(Time, u32)>,
    /// It was counted as unanswered.
    missed: bool,
    /// It lives after it was counted dead.
    is_stray: bool,
}

impl Working {
    /// It is known to rest, and nothing is under way that would end it.
    pub fn is_resting(&self) -> bool {
        self.accepted && !self.cancelling && !self.in_doubt
    }
}

/// How a working order ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ended {
    /// Whose venue.
    pub role: Role,
    /// Which way.
    pub side: Side,
    /// How it was executed.
    pub kind: OrderKind,
    /// Its whole quantity, base coins.
    pub qty: Qty,
    /// Of it, in all.
    pub filled: Qty,
    /// Why the venue refused it; `None`: it did not.
    pub rejected: Option<Reject>,
    /// It was no job's order any more.
    pub is_stray: bool,
}

/// What an answer means for the orders.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Heard {
    /// The order that is over by this.
    pub ended: Option<Ended>,
    /// The venue does not know this leg's order yet.
    pub in_doubt: Option<Role>,
    /// An order counts as unanswered by this.
    pub missed: bool,
}

/// What is to be done when a timer is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum TimerKind {
    /// An order or cancel should have been answered by now: it is asked for.
    Ask(Role, OrderId),
    /// The order counts as unanswered.
    Venue(Role, OrderId),
    /// Ask again for an order's state.
    Probe(Role, OrderId),
    /// A passive order has rested long enough.
    Passive(Role, OrderId),
    /// A cancel failed: ask, then cancel again.
    Recancel(Role, OrderId),
    /// The venue of a leg may have been silent for long enough to hedge.
    Silence(Role),
    /// The pause after an answer is over: the job of this leg goes on.
    Resume(Role),
    /// A venue closed part of this leg, and the rest did not follow at the same moment.
    LegCut(Role),
    /// Time exit of the present state.
    Exit,
    /// An unlock has taken too long.
    GiveUp,
    /// The net delta has been too large for the grace.
    Delta,
}

impl TimerKind {
    /// The order that the timer belongs to.
    fn order(self) -> Option<OrderId> {
        match self {
            TimerKind::Ask(_, id)
            | TimerKind::Venue(_, id)
            | TimerKind::Probe(_, id)
            | TimerKind::Passive(_, id)
            | TimerKind::Recancel(_, id) => Some(id),
            _ => None,
        }
    }
}

/// A moment at which something is to be looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Timer {
    /// On the decision clock.
    pub due: Time,
    /// Creation number: breaks ties.
    pub made: u32,
    /// What is to be done.
    pub kind: TimerKind,
}

/// The orders that may live, the timers that follow them up, and what each venue last said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderManager {
    /// In the order of sending.
    orders: Vec<Working>,
    /// Counted dead by the fence, oldest first.
    dead: Vec<Working>,
    /// In the order of setting.
    timers: Vec<Timer>,
    /// By role: the last order sent, for probing a venue at which none works.
    last: [OrderId; 2],
    /// By role: when the venue last reported anything.
    heard: [Time; 2],
    /// By role: orders, changes and cancels within the venue's window, by decision time.
    requests: [VecDeque<Time>; 2],
    /// By role: what orders that were counted dead have opened since, and nobody has closed.
    pub late: [Qty; 2],
    /// Hedges begun in the present trade; one more than allowed: their exhaustion is counted.
    pub hedges: u32,
    /// Number of the newest order.
    next_order: u32,
    /// Number of the newest timer.
    next_timer: u32,
    /// A venue's requests were once found to be down to the reserve.
    #[serde(skip)]
    was_held: bool,
}

impl Default for OrderManager {
    fn default() -> OrderManager {
        OrderManager {
            orders: Vec::new(),
            dead: Vec::new(),
            timers: Vec::new(),
            last: [OrderId(0); 2],
            heard: [Time::MIN; 2],
            requests: Default::default(),
            late: [Qty::ZERO; 2],
            hedges: 0,
            next_order: 0,
            next_timer: 0,
            was_held: false,
        }
    }
}

impl OrderManager {
    /// The leg's orders, in the order of sending.
    pub fn orders(&self, role: Role) -> impl Iterator<Item = &Working> {
        self.orders.iter().filter(move |order| order.role == role)
    }

    /// The leg's first order.
    pub fn working(&self, role: Role) -> Option<&Working> {
        self.orders(role).next()
    }

    /// No order is working or unknown.
    pub fn is_quiet(&self) -> bool {
        self.orders.is_empty()
    }

    /// Some order may still land although its venue does not know it: nothing opens meanwhile.
    pub fn has_doubt(&self) -> bool {
        self.orders.iter().any(|order| order.in_doubt)
    }

    /// A close of the leg may be sent beside what is in doubt: of the whole leg, and one such at a time.
    pub fn takes_close(&self, role: Role, is_whole: bool) -> bool {
        let mut closing = 0;
        for order in self.orders(role) {
            if !order.in_doubt || !is_whole {
                return false;
            }
            if order.side == role.closing() {
                closing += 1;
                if !order.is_whole || closing > 1 {
                    return false;
                }
            }
        }
        true
    }

    /// Since when the leg's venue, asked for an order, has reported nothing at all.
    pub fn silent_since(&self, role: Role) -> Option<Time> {
        let asked = self.orders(role).filter_map(|order| order.asked).map(|(since, _)| since).min()?;
        Some(asked.max(self.heard[role.ix()]))
    }

    /// From when on no order of the leg that is not known to rest can land.
    pub fn fence_end(&self, role: Role, ctx: &ExecCtx<'_>) -> Time {
        let open = self.orders(role).filter(|order| !order.accepted);
        open.map(|order| fence_of(order, ctx)).max().unwrap_or(Time::MIN)
    }

    /// True while the pause of a leg's job lasts.
    pub fn is_pausing(&self, role: Role) -> bool {
        self.has_timer(TimerKind::Resume(role))
    }

    /// Pauses a leg's job, in place of any pause before.
    pub fn pause(&mut self, ctx: &ExecCtx<'_>, role: Role, wait: TimeDelta) {
        self.drop_timers(|kind| kind == TimerKind::Resume(role));
        self.set_timer(ctx.now().plus(wait), TimerKind::Resume(role));
    }

    /// There is such a timer.
    #[inline]
    pub fn has_timer(&self, kind: TimerKind) -> bool {
        self.timers.iter().any(|timer| timer.kind == kind)
    }

    /// Adds a timer; there may be another of its kind.
    pub fn set_timer(&mut self, due: Time, kind: TimerKind) {
        self.next_timer += 1;
        self.timers.push(Timer { due, made: self.next_timer, kind });
    }

    /// Sets a timer of which there is one at most; one that is due then already stays.
    pub fn set_only(&mut self, due: Time, kind: TimerKind) {
        if !self.timers.iter().any(|timer| timer.kind == kind && timer.due == due) {
            self.drop_timers(|other| other == kind);
            self.set_timer(due, kind);
        }
    }

    /// Takes these timers away.
    pub fn drop_timers(&mut self, unwanted: impl Fn(TimerKind) -> bool) {
        self.timers.retain(|timer| !unwanted(timer.kind));
    }

    /// When the earliest timer is due.
    pub fn next_timer(&self) -> Option<Time> {
        self.timers.iter().map(|timer| timer.due).min()
    }

    /// Timers that were due before `at` are due at it, in the order in which they were: nobody was there.
    pub fn postpone(&mut self, at: Time) {
        let mut late: Vec<&mut Timer> = self.timers.iter_mut().filter(|timer| timer.due < at).collect();
        late.sort_by_key(|timer| (timer.due, timer.made));
        let mut made: Vec<u32> = late.iter().map(|timer| timer.made).collect();
        made.sort_unstable();
        for (timer, made) in late.into_iter().zip(made) {
            (timer.due, timer.made) = (at, made);
        }
    }

    /// Numbers up to `by` after the newest one may have been given, and were forgotten: none of them is given again.
    pub fn skip_numbers(&mut self, by: u32) {
        self.next_order += by;
    }

    /// All orders that are not known to be over, in the order of sending.
    pub fn alive(&self) -> &[Working] {
        &self.orders
    }

    /// Takes the earliest timer due at `now`, ties by creation.
    pub fn pop_timer(&mut self, now: Time) -> Option<TimerKind> {
        let due = self.timers.iter().enumerate().filter(|(_, timer)| timer.due <= now);
        let (at, _) = due.min_by_key(|(_, timer)| (timer.due, timer.made))?;
        Some(self.timers.remove(at).kind)
    }

    /// Sends an order; its number is given here. The leg must have none working but what is in doubt.
    pub fn place(&mut self, ctx: &mut ExecCtx<'_>, order: NewOrder) -> OrderId {
        let role = order.venue;
        assert!(self.orders(role).all(|other| other.in_doubt), "a leg has one working order at most");
        assert!(order.qty.0 > 0 && order.limit.0 >= 0, "an order of {} at {}", order.qty, order.limit);
        assert!(order.reduce_only == (order.side == role.closing()), "what closes is reduce-only: {order:?}");
        self.next_order += 1;
        let order = NewOrder { id: OrderId(self.next_order), ..order };
        self.last[role.ix()] = order.id;
        ctx.counts.add(Count::OrdersSent);
        self.request(ctx, Command::Place(order));
        self.orders.push(Working {
            id: order.id,
            role,
            side: order.side,
            qty: order.qty,
            filled: Qty::ZERO,
            kind: order.kind,
            is_whole: order.reduce_only && order.qty >= ctx.held(role),
            sent_at: ctx.now(),
            accepted: false,
            cancelling: false,
            unwanted: false,
            in_doubt: false,
            asked: None,
            missed: false,
            is_stray: false,
        });
        self.expect_answer(ctx, role, order.id);
        order.id
    }

    /// Sets the timers at which the order is asked for, and counts as unanswered.
    fn expect_answer(&mut self, ctx: &ExecCtx<'_>, role: Role, id: OrderId) {
        let execution = &ctx.plan.strategy.execution;
        self.set_timer(ctx.now().plus(execution.query_after), TimerKind::Ask(role, id));
        self.set_timer(ctx.now().plus(execution.venue_timeout), TimerKind::Venue(role, id));
    }

    /// A request leaves that the venue counts.
    fn request(&mut self, ctx: &mut ExecCtx<'_>, command: Command) {
        let role = command.venue();
        if let Some(limit) = ctx.plan.world.venues[role.ix()].rate_limit {
            let (sent, now) = (&mut self.requests[role.ix()], ctx.now());
            while sent.front().is_some_and(|&at| now.since(at) >= limit.window) {
                sent.pop_front();
            }
            assert!(sent.back().is_none_or(|&last| last <= now), "a request of {now} follows one of {:?}", sent.back());
            sent.push_back(now);
        }
        ctx.commands.push(command);
    }

    /// Only the reserve of the venue's requests is left: what opens, and what can do without resting, waits.
    pub fn is_held(&mut self, ctx: &ExecCtx<'_>, role: Role) -> bool {
        let venue = &ctx.plan.world.venues[role.ix()];
        let is_held = venue.rate_limit.is_some_and(|limit| {
            let sent = self.requests[role.ix()].iter().rev();
            let used = sent.take_while(|&&at| ctx.now().since(at) < limit.window).count();
            limit.is_held(used, venue.reserve)
        });
        self.was_held |= is_held;
        is_held
    }

    /// A venue's requests were found to be down to the reserve since this was asked last.
    pub fn take_held(&mut self) -> bool {
        std::mem::take(&mut self.was_held)
    }

    /// By role: the requests that count against the venue's window.
    pub fn requests_mut(&mut self) -> &mut [VecDeque<Time>; 2] {
        &mut self.requests
    }

    /// Nothing is under way, and the venues owe no answer: orders and timers are numbered from the beginning, and what can be asked for no
    /// more is forgotten. An order that is over is known as 1 or 2 by its role, where its venue may still be asked for it.
    pub fn rest(&mut self) {
        assert!(self.orders.is_empty(), "orders are under way: {:?}", self.orders);
        self.dead.clear();
        self.last = Role::BOTH.map(|role| if self.last[role.ix()].0 == 0 { OrderId(0) } else { LAST[role.ix()] });
        self.heard = [Time::MIN; 2];
        self.next_order = LAST[1].0;
        self.timers.sort_by_key(|timer| timer.made);
        for (timer, made) in self.timers.iter_mut().zip(1..) {
            timer.made = made;
        }
        self.next_timer = self.timers.len() as u32;
    }

    /// By role: the last order sent; 0: none was.
    pub fn last(&self) -> [OrderId; 2] {
        self.last
    }

    /// Cancels an order of the leg, once.
    pub fn cancel(&mut self, ctx: &mut ExecCtx<'_>, id: OrderId) {
        let Some(order) = self.find(id).filter(|order| !order.unwanted) else { return };
        order.unwanted = true;
        // a taker ends by itself; what is asked for is cancelled when its state is known
        if order.asked.is_none() && !order.kind.only_takes() {
            self.send_cancel(ctx, id);
        }
    }

    /// Cancels all of the leg's orders.
    pub fn cancel_all(&mut self, ctx: &mut ExecCtx<'_>, role: Role) {
        let ids: Vec<OrderId> = self.orders(role).map(|order| order.id).collect();
        ids.into_iter().for_each(|id| self.cancel(ctx, id));
    }

    /// Sends a cancel; where the order is known to rest, its answer is waited for.
    fn send_cancel(&mut self, ctx: &mut ExecCtx<'_>, id: OrderId) {
        let Some(order) = self.find(id) else { return };
        order.cancelling = true;
        let (role, accepted) = (order.role, order.accepted);
        ctx.counts.add(Count::CancelsSent);
        self.request(ctx, Command::Cancel { venue: role, id });
        self.drop_timers(|kind| matches!(kind, TimerKind::Passive(_, of) | TimerKind::Recancel(_, of) if of == id));
        // an order that is itself unanswered is waited for as before
        if accepted {
            self.calm(id);
            self.expect_answer(ctx, role, id);
        }
    }

    /// Nothing more is waited for from this order.
    fn calm(&mut self, id: OrderId) {
        self.drop_timers(|kind| {
            matches!(kind, TimerKind::Ask(_, of) | TimerKind::Venue(_, of) | TimerKind::Probe(_, of)
                | TimerKind::Recancel(_, of) if of == id)
        });
    }

    /// Asks for the state of the last order sent to a venue at which none works; `times` such questions went before.
    pub fn probe(&mut self, ctx: &mut ExecCtx<'_>, role: Role, times: u32) {
        let id = self.last[role.ix()];
        ctx.commands.push(Command::Query { venue: role, id });
        self.set_probe(ctx, role, id, times + 1);
    }

    /// Sets when the order is asked for again: the wait doubles with `times`, up to 8 s.
    fn set_probe(&mut self, ctx: &ExecCtx<'_>, role: Role, id: OrderId, times: u32) {
        let wait = doubled(ctx.plan.strategy.execution.venue_probe, times);
        self.set_timer(ctx.now().plus(wait), TimerKind::Probe(role, id));
    }

    /// A hedge begins: from now on the queries of the leg tell when its venue is back.
    pub fn await_return(&mut self, ctx: &ExecCtx<'_>, role: Role) {
        let now = ctx.now();
        let mut asked = false;
        for order in self.orders.iter_mut().filter(|order| order.role == role && order.asked.is_some()) {
            order.asked = Some((now, 1));
            asked = true;
        }
        if asked {
            let due = now.plus(ctx.plan.strategy.execution.venue_probe);
            for timer in &mut self.timers {
                if matches!(timer.kind, TimerKind::Probe(of, _) if of == role) {
                    timer.due = due;
                }
            }
        } else {
            self.set_probe(ctx, role, self.last[role.ix()], 0);
        }
    }

    /// Takes note of an answer.
    pub fn hear(&mut self, ctx: &mut ExecCtx<'_>, event: &Event) -> Heard {
        let role = event.venue;
        // a refusal for the request limit is our own and no sign of the venue's life, and neither is one of what was never sent
        let is_own = |reason: Reject| reason == Reject::RateLimit || reason.is_local();
        if !matches!(event.body, EventBody::Rejected { reason, .. } if is_own(reason)) {
            assert!(ctx.now() >= self.heard[role.ix()], "{} after {}", ctx.now(), self.heard[role.ix()]);
            self.heard[role.ix()] = ctx.now();
        }
        let Some(id) = event.body.order() else { return Heard::default() };
        if self.find(id).is_none() && !self.revive(ctx, id, &event.body) {
            return Heard::default();
        }
        let Some(order) = self.find(id) else { return Heard::default() };
        match event.body {
            EventBody::Fill { qty, side, .. } => {
                order.filled += qty;
                // more than was asked for is the venue's fault: what is too much is closed as any excess. The simulated
                // venue asserts that it never does so.
                assert!(qty.0 > 0, "a fill of {qty}");
                assert!(side == order.side, "an order to {:?} filled as {side:?}", order.side);
                order.in_doubt = false;
                if order.is_stray && side == role.opening() {
                    self.late[role.ix()] += qty;
                }
            }
            EventBody::Accepted { .. } | EventBody::Status { state: OrderState::Open { .. }, .. } => {
                self.accept(ctx, id);
            }
            EventBody::Rejected { reason, .. } => {
                ctx.counts.add(Count::RejectsHeard);
                return self.end(id, Some(reason));
            }
            EventBody::Done { .. } | EventBody::Status { state: OrderState::Done { .. }, .. } => {
                return self.end(id, None);
            }
            EventBody::CancelRejected { .. } => {
                order.cancelling = false;
                let retry = ctx.now().plus(ctx.plan.strategy.execution.close_retry);
                self.set_only(retry, TimerKind::Recancel(role, id));
            }
            EventBody::Status { state: OrderState::InDoubt, .. } => {
                order.in_doubt = !order.accepted;
                self.drop_timers(|kind| kind == TimerKind::Venue(role, id));
                return Heard { in_doubt: Some(role), ..Heard::default() };
            }
            EventBody::Status { state: OrderState::Unknown, .. } => {
                let missed = !std::mem::replace(&mut order.missed, true);
                ctx.counts.add_n(Count::Unanswered, u64::from(missed));
                self.bury(id);
                return Heard { missed, ..self.end(id, None) };
            }
            EventBody::Funding { .. } | EventBody::Liquidated { .. } | EventBody::Transferred { .. } => {}
        }
        Heard::default()
    }

    /// An order is known to rest. One that only takes is asked for again, until its end is reported.
    fn accept(&mut self, ctx: &mut ExecCtx<'_>, id: OrderId) {
        let Some(order) = self.find(id) else { return };
        (order.accepted, order.in_doubt) = (true, false);
        if order.kind.only_takes() {
            return;
        }
        order.asked = None;
        let (role, unwanted, cancelling) = (order.role, order.unwanted, order.cancelling);
        if cancelling || self.has_timer(TimerKind::Recancel(role, id)) {
            return;
        }
        self.calm(id);
        if unwanted {
            self.send_cancel(ctx, id);
        }
    }

    /// Remembers an order that is counted dead.
    fn bury(&mut self, id: OrderId) {
        let Some(order) = self.find(id).copied() else { return };
        if self.dead.len() == REMEMBERED {
            self.dead.remove(0);
        }
        self.dead.push(order);
    }

    /// An order that was counted dead lives: it is cancelled at once, and its end awaited.
    fn revive(&mut self, ctx: &mut ExecCtx<'_>, id: OrderId, body: &EventBody) -> bool {
        let Some(at) = self.dead.iter().position(|order| order.id == id) else { return false };
        let lives = match *body {
            EventBody::Accepted { .. } | EventBody::Fill { .. } => true,
            EventBody::Status { state, .. } => matches!(state, OrderState::Open { .. }),
            _ => false,
        };
        if !lives {
            return false;
        }
        let dead = self.dead.remove(at);
        ctx.counts.add(Count::Revived);
        let (accepted, in_doubt, cancelling) = (true, false, false);
        let order = Working { accepted, in_doubt, cancelling, unwanted: true, asked: None, is_stray: true, ..dead };
        self.orders.push(order);
        if order.kind.only_takes() {
            self.expect_answer(ctx, order.role, id);
        } else {
            self.send_cancel(ctx, id);
        }
        true
    }

    /// The order is over: its timers go, and what it comes to is reported.
    fn end(&mut self, id: OrderId, rejected: Option<Reject>) -> Heard {
        let Some(at) = self.orders.iter().position(|order| order.id == id) else { return Heard::default() };
        let Working { role, side, kind, qty, filled, is_stray, .. } = self.orders.remove(at);
        assert!(filled.0 >= 0, "{filled} filled of {qty}");
        self.drop_timers(|kind| kind.order() == Some(id));
        let ended = Ended { role, side, kind, qty, filled, rejected, is_stray };
        Heard { ended: Some(ended), ..Heard::default() }
    }

    /// Handles the timers that belong to orders. True when an order counts as unanswered by this.
    pub fn on_timer(&mut self, ctx: &mut ExecCtx<'_>, kind: TimerKind) -> bool {
        match kind {
            // a cancel that failed may never have met its order: its state says whether it still rests
            TimerKind::Ask(_, id) | TimerKind::Probe(_, id) | TimerKind::Recancel(_, id) => self.ask(ctx, id),
            TimerKind::Passive(_, id) => self.cancel(ctx, id),
            TimerKind::Venue(_, id) => {
                let missed = self.find(id).is_some_and(|order| !std::mem::replace(&mut order.missed, true));
                ctx.counts.add_n(Count::Unanswered, u64::from(missed));
                return missed;
            }
            _ => {}
        }
        false
    }

    /// Asks for an order. The next query follows by doubling waits; one stands at the end of the fence.
    fn ask(&mut self, ctx: &mut ExecCtx<'_>, id: OrderId) {
        let now = ctx.now();
        let Some(order) = self.find(id) else { return };
        let (since, times) = order.asked.unwrap_or((now, 0));
        assert!(order.sent_at <= since && since <= now, "sent {}, asked for {since}, now {now}", order.sent_at);
        order.asked = Some((since, times + 1));
        order.cancelling = false;
        let (role, fence) = (order.role, fence_of(order, ctx));
        self.drop_timers(|kind| {
            matches!(kind, TimerKind::Ask(_, of) | TimerKind::Probe(_, of) | TimerKind::Recancel(_, of) if of == id)
        });
        ctx.commands.push(Command::Query { venue: role, id });
        let due = now.plus(doubled(ctx.plan.strategy.execution.venue_probe, times));
        let due = if now < fence { due.min(fence) } else { due };
        self.set_timer(due, TimerKind::Probe(role, id));
    }

    /// The order of that number that is not known to be over.
    fn find(&mut self, id: OrderId) -> Option<&mut Working> {
        self.orders.iter_mut().find(|order| order.id == id)
    }
}

/// When an order can land no more, if its venue does not know it.
fn fence_of(order: &Working, ctx: &ExecCtx<'_>) -> Time {
    order.sent_at.plus(ctx.plan.strategy.execution.fence)
}

/// `wait`, doubled `times` times, at most 8 s.
pub(super) fn doubled(wait: TimeDelta, times: u32) -> TimeDelta {
    wait.times(1 << times.min(30)).min(LONGEST_WAIT.max(wait))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What was due while nobody was there comes at once and in its order; what is ahead stays where it is.
    #[test]
    fn timers_that_are_late_are_due_at_once_in_their_order() {
        let mut manager = OrderManager::default();
        let kinds = [TimerKind::Exit, TimerKind::Delta, TimerKind::GiveUp, TimerKind::Resume(Role::Long)];
        for (due, kind) in [30, 20, 90, 20].into_iter().zip(kinds) {
            manager.set_timer(Time(due), kind);
        }
        manager.postpone(Time(50));
        assert_eq!((manager.next_timer(), manager.pop_timer(Time(49))), (Some(Time(50)), None));
        let popped: Vec<_> = std::iter::from_fn(|| manager.pop_timer(Time(50))).collect();
        assert_eq!(popped, [TimerKind::Delta, TimerKind::Resume(Role::Long), TimerKind::Exit]);
        assert_eq!(manager.next_timer(), Some(Time(90)));
        manager.postpone(Time(50));
        assert_eq!(manager.next_timer(), Some(Time(90)));
    }
}
