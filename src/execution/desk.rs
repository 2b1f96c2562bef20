//! The desk: orders in flight (one a leg at most) and timers.

use super::{Count, Floor};
use crate::market::{Command, Event, EventBody, NewOrder, OrderId, OrderKind, OrderState, Reject, Role, Side};
use crate::units::{Price, Qty, Time};
use serde::{Deserialize, Serialize};

/// Where a working order stands, as we know it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Phase {
    /// Sent, not answered.
    Sent,
    /// On the book.
    Resting,
    /// A cancel is under way.
    Cancelling,
    /// Unanswered past the venue timeout: its state is being asked for.
    Asking,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Working {
    pub id: OrderId,
    pub side: Side,
    pub qty: Qty,
    pub filled: Qty,
    pub kind: OrderKind,
    pub phase: Phase,
    /// The end is wanted: cancel as soon as it is known to rest.
    pub unwanted: bool,
}

/// How a working order ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ended {
    pub role: Role,
    pub kind: OrderKind,
    pub qty: Qty,
    pub filled: Qty,
    pub rejected: Option<Reject>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum TimerKind {
    /// An order or cancel should have been answered by now.
    Venue(Role, OrderId),
    /// Ask again for an order's state.
    Probe(Role, OrderId),
    /// A passive order has rested long enough.
    Passive(Role, OrderId),
    /// Send the cancel again.
    Recancel(Role, OrderId),
    /// The pause after an answer is over: the job of this leg goes on.
    Resume(Role),
    /// Time exit of the present state.
    Exit,
    /// An unlock has taken too long.
    GiveUp,
    /// The net delta has been too large for the grace.
    Delta,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Timer {
    pub due: Time,
    /// Creation number: breaks ties.
    pub made: u32,
    pub kind: TimerKind,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Desk {
    working: [Option<Working>; 2],
    timers: Vec<Timer>,
    /// The last order sent to each venue, for probing one that is silent.
    last: [OrderId; 2],
    next_order: u32,
    next_timer: u32,
}

impl Desk {
    pub fn working(&self, role: Role) -> Option<&Working> {
        self.working[role.ix()].as_ref()
    }

    pub fn is_quiet(&self) -> bool {
        self.working.iter().all(Option::is_none)
    }

    /// True while the pause of a leg's job lasts.
    pub fn is_pausing(&self, role: Role) -> bool {
        self.timers.iter().any(|timer| timer.kind == TimerKind::Resume(role))
    }

    pub fn has_timer(&self, kind: TimerKind) -> bool {
        self.timers.iter().any(|timer| timer.kind == kind)
    }

    pub fn set_timer(&mut self, due: Time, kind: TimerKind) {
        self.next_timer += 1;
        self.timers.push(Timer { due, made: self.next_timer, kind });
    }

    pub fn drop_timers(&mut self, unwanted: impl Fn(TimerKind) -> bool) {
        self.timers.retain(|timer| !unwanted(timer.kind));
    }

    /// One order waits for one thing at a time.
    fn drop_timers_of(&mut self, order: OrderId) {
        self.drop_timers(|kind| {
            matches!(kind, TimerKind::Venue(_, id) | TimerKind::Probe(_, id) | TimerKind::Passive(_, id)
                | TimerKind::Recancel(_, id) if id == order)
        });
    }

    pub fn next_timer(&self) -> Option<Time> {
        self.timers.iter().map(|timer| timer.due).min()
    }

    /// Takes the earliest timer due at `now`, ties by creation.
    pub fn pop_timer(&mut self, now: Time) -> Option<TimerKind> {
        let due = self.timers.iter().enumerate().filter(|(_, timer)| timer.due <= now);
        let (at, _) = due.min_by_key(|(_, timer)| (timer.due, timer.made))?;
        Some(self.timers.remove(at).kind)
    }

    /// Sends an order. The leg must have none working.
    #[allow(clippy::too_many_arguments)]
    pub fn place(
        &mut self,
        floor: &mut Floor<'_>,
        role: Role,
        side: Side,
        qty: Qty,
        limit: Price,
        kind: OrderKind,
        reduce_only: bool,
    ) {
        assert!(self.working[role.ix()].is_none(), "a leg has one working order at most");
        self.next_order += 1;
        let id = OrderId(self.next_order);
        self.last[role.ix()] = id;
        floor.counts.add(Count::OrdersSent);
        floor.commands.push(Command::Place(NewOrder { id, venue: role, side, qty, limit, kind, reduce_only }));
        self.working[role.ix()] =
            Some(Working { id, side, qty, filled: Qty::ZERO, kind, phase: Phase::Sent, unwanted: false });
        self.expect_answer(floor, role, id);
    }

    fn expect_answer(&mut self, floor: &Floor<'_>, role: Role, id: OrderId) {
        self.set_timer(floor.now().plus(floor.plan.strategy.execution.venue_timeout_ns), TimerKind::Venue(role, id));
    }

    /// Cancels the leg's working order, once.
    pub fn cancel(&mut self, floor: &mut Floor<'_>, role: Role) {
        let Some(order) = &mut self.working[role.ix()] else { return };
        if order.unwanted {
            return;
        }
        order.unwanted = true;
        if order.phase == Phase::Asking || matches!(order.kind, OrderKind::Ioc | OrderKind::Fok) {
            return; // ends by itself, or is cancelled when its state is known
        }
        self.send_cancel(floor, role);
    }

    fn send_cancel(&mut self, floor: &mut Floor<'_>, role: Role) {
        let Some(order) = &mut self.working[role.ix()] else { return };
        order.phase = Phase::Cancelling;
        let id = order.id;
        floor.counts.add(Count::CancelsSent);
        floor.commands.push(Command::Cancel { venue: role, id });
        self.drop_timers_of(id);
        self.expect_answer(floor, role, id);
    }

    /// Asks for the state of the last order sent to a venue: the probe of one that refuses.
    pub fn probe(&mut self, floor: &mut Floor<'_>, role: Role) {
        let id = self.last[role.ix()];
        floor.commands.push(Command::Query { venue: role, id });
        self.set_timer(floor.now().plus(floor.plan.strategy.execution.venue_probe_ns), TimerKind::Probe(role, id));
    }

    /// Takes note of an answer; tells when it ended the leg's working order.
    pub fn hear(&mut self, floor: &mut Floor<'_>, event: &Event) -> Option<Ended> {
        let role = event.venue;
        let order = self.working[role.ix()].as_mut()?;
        if event.body.order() != Some(order.id) {
            return None;
        }
        match event.body {
            EventBody::Fill { qty, .. } => {
                order.filled += qty;
                None
            }
            EventBody::Accepted { .. } => {
                if order.phase == Phase::Sent {
                    order.phase = Phase::Resting;
                    let id = order.id;
                    self.drop_timers(|kind| kind == TimerKind::Venue(role, id));
                }
                None
            }
            EventBody::Rejected { reason, .. } => {
                floor.counts.add(Count::RejectsHeard);
                self.end(role, Some(reason))
            }
            EventBody::Done { .. } => self.end(role, None),
            EventBody::CancelRejected { id } => {
                let retry = floor.now().plus(floor.plan.strategy.execution.close_retry_ns);
                self.drop_timers_of(id);
                self.set_timer(retry, TimerKind::Recancel(role, id));
                None
            }
            EventBody::Status { state, .. } => match state {
                OrderState::Unknown | OrderState::Done { .. } => self.end(role, None),
                OrderState::Open { .. } => {
                    self.cancel_known(floor, role);
                    None
                }
            },
            EventBody::Funding { .. } | EventBody::Liquidated { .. } | EventBody::Transferred { .. } => None,
        }
    }

    /// An order whose state was unknown turns out to rest: it is no longer wanted.
    fn cancel_known(&mut self, floor: &mut Floor<'_>, role: Role) {
        if let Some(order) = &mut self.working[role.ix()] {
            order.unwanted = true;
            self.send_cancel(floor, role);
        }
    }

    fn end(&mut self, role: Role, rejected: Option<Reject>) -> Option<Ended> {
        let order = self.working[role.ix()].take()?;
        self.drop_timers_of(order.id);
        Some(Ended { role, kind: order.kind, qty: order.qty, filled: order.filled, rejected })
    }

    /// Handles the timers that belong to orders. Returns the leg whose order has just become silent.
    pub fn on_timer(&mut self, floor: &mut Floor<'_>, kind: TimerKind) -> Option<Role> {
        match kind {
            TimerKind::Venue(role, id) if self.is_working(role, id) => {
                floor.counts.add(Count::Unanswered);
                self.ask(floor, role, id);
                return Some(role);
            }
            TimerKind::Probe(role, id) if self.is_working(role, id) => self.ask(floor, role, id),
            TimerKind::Passive(role, id) if self.is_working(role, id) => self.cancel(floor, role),
            // an order whose end was never told cannot be cancelled: its state says whether it still rests
            TimerKind::Recancel(role, id) if self.is_working(role, id) => self.ask(floor, role, id),
            _ => {}
        }
        None
    }

    fn ask(&mut self, floor: &mut Floor<'_>, role: Role, id: OrderId) {
        if let Some(order) = &mut self.working[role.ix()] {
            order.phase = Phase::Asking;
        }
        self.drop_timers_of(id);
        floor.commands.push(Command::Query { venue: role, id });
        self.set_timer(floor.now().plus(floor.plan.strategy.execution.venue_probe_ns), TimerKind::Probe(role, id));
    }

    fn is_working(&self, role: Role, id: OrderId) -> bool {
        self.working(role).is_some_and(|order| order.id == id)
    }
}
