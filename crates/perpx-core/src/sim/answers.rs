//! What the venue reports: answers on their way to the trader, and what it has not reported.
//!
//! All that one order causes at one moment travels as one message with one draw of the response latency; a message that
//! is born in an outage of orders is lost, and what no order caused (funding, a liquidation) leaves at its end. Answers of a
//! venue arrive in order: each at the later of its own time and its predecessor's. Fills of an order that is never answered,
//! and fills whose message was lost, are kept here until the order is asked for, or until another event that moves money is
//! reported: so the trader's ledger always follows the venue's in its own order.

use super::account::Account;
use super::chance::{Key, Kind};
use super::venue::{Env, Order, SimVenue};
use crate::market::{Event, EventBody, OrderId, Role};
use crate::units::{Mid, Qty, Time};
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;

/// Ended orders whose state a query can still learn, beside those that are owed an answer.
const REMEMBERED: usize = 8;

/// An order that is over, for whoever asks for it later.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Ended {
    /// The trader's number.
    id: OrderId,
    /// In all, base coins.
    filled: Qty,
    /// Its end was never reported.
    silent: bool,
}

/// What the venue has said and the trader has not heard, and what it will say.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Answers {
    /// In the order of hearing.
    due: VecDeque<Event>,
    /// When the newest of all answers arrives.
    last_at: Time,
    /// Fills of silent orders, oldest first, with the mids that they met.
    undelivered: Vec<(Time, EventBody, Mid)>,
    /// The newest ones, oldest first.
    ended: Vec<Ended>,
}

impl Default for Answers {
    fn default() -> Answers {
        Answers { due: VecDeque::new(), last_at: Time::MIN, undelivered: Vec::new(), ended: Vec::new() }
    }
}

impl Answers {
    /// Answers on their way.
    pub fn len(&self) -> usize {
        self.due.len()
    }

    /// Everything has been reported.
    pub fn is_settled(&self) -> bool {
        self.due.is_empty() && self.undelivered.is_empty()
    }

    /// When the next answer arrives.
    pub fn next_at(&self) -> Option<Time> {
        self.due.front().map(|event| event.at)
    }

    /// An answer after the first `known` is due at or before `until`.
    pub fn due_since(&self, known: usize, until: Time) -> bool {
        self.due.get(known).is_some_and(|event| event.at <= until)
    }

    /// The next answer, if it is due at `until`.
    pub fn pop(&mut self, until: Time) -> Option<Event> {
        if self.next_at()? > until {
            return None;
        }
        self.due.pop_front()
    }

    /// Puts an answer that would arrive at `at` behind the others.
    pub fn deliver(&mut self, at: Time, venue_time: Time, venue: Role, body: EventBody) {
        self.push(Event { at, venue_time, venue, body, met: Mid::ZERO });
    }

    /// What is known without the venue: before all that is still on its way.
    pub fn deliver_at_once(&mut self, at: Time, venue: Role, body: EventBody) {
        let place = self.due.partition_point(|event| event.at <= at);
        self.due.insert(place, Event { at, venue_time: at, venue, body, met: Mid::ZERO });
    }

    /// Appends an answer, which is heard no earlier than those before it.
    fn push(&mut self, event: Event) {
        assert!(event.at >= event.venue_time, "heard at {} of what happens at {}", event.at, event.venue_time);
        self.last_at = self.last_at.max(event.at);
        self.due.push_back(Event { at: self.last_at, ..event });
    }

    /// Keeps an event that moved money until somebody asks, or until the next one that is delivered.
    pub fn keep(&mut self, venue_time: Time, body: EventBody, met: Mid) {
        self.undelivered.push((venue_time, body, met));
    }

    /// Tells what was kept.
    pub fn deliver_kept(&mut self, at: Time, venue: Role) {
        for (venue_time, body, met) in std::mem::take(&mut self.undelivered) {
            self.push(Event { at, venue_time, venue, body, met });
        }
    }

    /// An order ended at the venue.
    pub fn remember(&mut self, id: OrderId, filled: Qty, silent: bool) {
        self.ended.push(Ended { id, filled, silent });
        if self.ended.iter().filter(|ended| !ended.silent).count() > REMEMBERED
            && let Some(oldest) = self.ended.iter().position(|ended| !ended.silent)
        {
            self.ended.remove(oldest);
        }
    }

    /// What an ended order had filled; from now on its end counts as reported.
    pub fn recall(&mut self, id: OrderId) -> Option<Qty> {
        let ended = self.ended.iter_mut().find(|ended| ended.id == id)?;
        ended.silent = false;
        Some(ended.filled)
    }

    /// The end of an order was never reported.
    pub fn has_silent_ends(&self) -> bool {
        self.ended.iter().any(|ended| ended.silent)
    }

    /// Of orders that are over only the one is known that may be asked for, by the number that it has from now on.
    pub fn forget_ended(&mut self, known: OrderId, as_number: OrderId) {
        self.last_at = Time::MIN;
        self.ended.retain(|ended| ended.id == known);
        // what it had filled is told to a trader that has no such order
        self.ended.iter_mut().for_each(|ended| (ended.id, ended.filled) = (as_number, Qty::ZERO));
    }

    /// Orders whose end was never reported, and what they had filled.
    pub fn silent_ends(&mut self) -> Vec<(OrderId, Qty)> {
        let silent = self.ended.iter_mut().filter(|ended| ended.silent);
        silent
            .map(|ended| {
                ended.silent = false;
                (ended.id, ended.filled)
            })
            .collect()
    }

    /// Everything still to be reported, for the end of the data.
    pub fn drain(&mut self) -> VecDeque<Event> {
        std::mem::take(&mut self.due)
    }
}

impl<A: Account> SimVenue<A> {
    /// When a message that leaves the venue at `t` arrives.
    pub(super) fn reply_at(&self, kind: Kind, key: Key, number: u32, t: Time, env: &Env) -> Time {
        let leaves = env.outages.answers_at(t);
        leaves.plus(env.travel(&env.world.fills.response_latency, kind, key, number, t))
    }

    /// When what `order` causes at `t` arrives: one message a moment.
    pub(super) fn message(&self, order: &mut Order, t: Time, env: &Env) -> Time {
        if order.newest.0 != t {
            order.newest = (t, self.reply_at(Kind::ResponseLatency, order.key, order.answers, t, env));
            order.answers += 1;
        }
        order.newest.1
    }

    /// Nobody hears what `order` causes at `t`.
    pub(super) fn is_lost(&self, order: &Order, t: Time, env: &Env) -> bool {
        order.silent || env.outages.deaf.holds(t)
    }

    /// Tells an event that moves no money, after all earlier ones.
    pub(super) fn deliver(&mut self, at: Time, t: Time, body: EventBody) {
        self.answers.deliver(at, t, self.role, body);
    }

    /// Tells an event that moved money, after all earlier ones; of a fill with the mid that it met.
    pub(super) fn deliver_money(&mut self, at: Time, t: Time, body: EventBody, met: Mid) {
        self.answers.deliver_kept(at, self.role);
        self.answers.push(Event { at, venue_time: t, venue: self.role, body, met });
    }
}
