//! Our orders at one venue. A venue reports fills and states on channels of their own, in any order, some of it twice; the
//! trader hears of each fill once, and an order's end after its last fill.

use super::{AccountUpdate, Past, RunNumber};
use perpx_core::market::{EventBody, NewOrder, OrderId, OrderState, Reject, Side};
use perpx_core::units::{Cash, Price, Qty, SECOND, Time, TimeDelta};
use std::collections::{BTreeMap, BTreeSet};

/// Questions about one order that are under way at most: one at the venue, one that waits for it.
pub const MOST_QUESTIONS: usize = 2;

/// Our orders at one venue, by their ids.
pub struct Orders {
    orders: BTreeMap<OrderId, Own>,
    /// Fills that were reported, by the venue's names.
    reported: BTreeSet<String>,
    /// Between the two questions that prove that an order is dead.
    margin: TimeDelta,
    /// Under which this process sends.
    number: RunNumber,
}

struct Own {
    /// Under which it was sent.
    number: RunNumber,
    sent_at: Time,
    /// From then on it can land no more, if it has not.
    dead_from: Time,
    /// The venue did not answer, or does not know it.
    doubt: bool,
    /// It was told that it can land no more.
    fenced: bool,
    /// Of the questions that were asked from `dead_from` on and found nothing, when the first was.
    missed: Option<Time>,
    /// When it is asked for next, while it is in doubt.
    ask_at: Time,
    accepted: bool,
    /// As reported to the trader.
    filled: Qty,
    /// What the venue said of its end, and when.
    end: Option<(End, Time)>,
    /// Answers to a query that wait for fills.
    asked: Vec<(OrderState, Time)>,
    over: bool,
}

#[derive(Clone, Copy)]
enum End {
    Done { filled: Qty },
    Rejected { reason: Reject },
}

/// A fill as a venue reports it.
pub struct Fill {
    /// The venue's name of it, unique.
    pub name: String,
    /// Bought or sold.
    pub side: Side,
    /// Of the fill.
    pub px: Price,
    /// Of this fill alone.
    pub qty: Qty,
    /// Our order rested.
    pub maker: bool,
    /// Negative = we pay.
    pub fee: Cash,
}

impl Orders {
    /// `margin`: lies between the two questions that prove that an order is dead.
    pub fn new(margin: TimeDelta, number: RunNumber) -> Orders {
        Orders { orders: BTreeMap::new(), reported: BTreeSet::new(), margin, number }
    }

    /// Orders of earlier processes are ours from here on; `dead_from`: when each can land no more.
    pub fn resume(&mut self, past: Past, dead_from: Vec<Time>) {
        for (past, dead_from) in past.orders.into_iter().zip(dead_from) {
            let own = Own {
                number: past.number,
                accepted: past.is_accepted,
                filled: past.filled,
                doubt: !past.is_accepted,
                ..Own::sent(self.number, past.sent_at, dead_from)
            };
            self.orders.insert(past.order.id, own);
        }
        self.reported.extend(past.booked);
    }

    /// Under which an order was sent, or is.
    pub fn number(&self, id: OrderId) -> RunNumber {
        self.orders.get(&id).map_or(self.number, |own| own.number)
    }

    /// Ours, if it was sent under such a number. One of an earlier process that nobody told of left before it was written down, as a close
    /// may: what it fills is ours, and it was nobody's order any more.
    pub fn own(&mut self, sent_by: Option<(RunNumber, OrderId)>) -> Option<OrderId> {
        let (number, id) = sent_by?;
        if number.epoch < self.number.epoch {
            self.orders.entry(id).or_insert_with(|| Own { over: true, ..Own::sent(number, Time::MIN, Time::MIN) });
        }
        self.orders.get(&id).is_some_and(|own| own.number == number).then_some(id)
    }

    /// A fill or payment that is to be reported; false for one that was.
    pub fn is_news(&mut self, name: &str) -> bool {
        self.reported.insert(name.to_owned())
    }

    /// An order goes out at `wall`, and can land no more from `dead_from` on.
    pub fn sent(&mut self, order: &NewOrder, wall: Time, dead_from: Time) {
        self.orders.insert(order.id, Own::sent(self.number, wall, dead_from));
    }

    /// Nobody answered when it was sent.
    pub fn in_doubt(&mut self, id: OrderId) {
        self.orders.get_mut(&id).iter_mut().for_each(|own| own.doubt = !own.accepted);
    }

    /// Some order may be at the venue, or may still land there, without our knowing.
    pub fn is_any_in_doubt(&self) -> bool {
        self.orders.values().any(Own::is_in_doubt)
    }

    /// Those in doubt that are to be asked for now: from the end of their fence on, once a margin.
    pub fn due(&mut self, wall: Time) -> Vec<OrderId> {
        let margin = self.margin;
        let due = self.orders.iter_mut().filter(|(_, own)| own.is_in_doubt() && own.ask_at <= wall);
        due.map(|(id, own)| {
            own.ask_at = wall.plus(margin);
            *id
        })
        .collect()
    }

    /// When it was sent; `None` for one that is not ours.
    pub fn sent_at(&self, id: OrderId) -> Option<Time> {
        self.orders.get(&id).map(|own| own.sent_at)
    }

    /// Those whose end was not reported.
    pub fn alive(&self) -> impl Iterator<Item = OrderId> + '_ {
        self.orders.iter().filter(|(_, own)| own.is_alive()).map(|(id, _)| *id)
    }

    /// From when fills may have been missed, if the last one was seen at `seen`: an order without an end may have filled at any time
    /// since it was sent.
    pub fn unseen_since(&self, seen: Time) -> Time {
        let sent = self.orders.values().filter(|own| own.is_alive()).map(|own| own.sent_at);
        sent.min().map_or(seen, |sent| sent.min(seen))
    }

    /// The venue shows the order on its book.
    pub fn open(&mut self, id: OrderId, exch: Time, out: &mut Vec<AccountUpdate>) {
        if let Some(own) = self.orders.get_mut(&id)
            && !own.accepted
            && !own.over
        {
            (own.accepted, own.doubt) = (true, false);
            out.push(AccountUpdate::event(exch, EventBody::Accepted { id }));
        }
    }

    /// A fill, on whatever channel; the second report of one is passed over.
    pub fn fill(&mut self, id: OrderId, fill: Fill, exch: Time, out: &mut Vec<AccountUpdate>) {
        let Fill { name, side, px, qty, maker, fee } = fill;
        let Some(own) = self.orders.get_mut(&id) else { return };
        if !self.reported.insert(name.clone()) {
            return;
        }
        own.filled += qty;
        own.doubt = false;
        let body = EventBody::Fill { id, side, px, qty, maker, fee };
        out.push(AccountUpdate::Event { exch, body, name: Some(name) });
        own.settle(id, out);
    }

    /// The order is over with `filled` in all.
    pub fn done(&mut self, id: OrderId, filled: Qty, exch: Time, out: &mut Vec<AccountUpdate>) {
        self.end(id, End::Done { filled }, exch, out);
    }

    /// The order was refused whole.
    pub fn rejected(&mut self, id: OrderId, reason: Reject, exch: Time, out: &mut Vec<AccountUpdate>) {
        self.end(id, End::Rejected { reason }, exch, out);
    }

    fn end(&mut self, id: OrderId, end: End, exch: Time, out: &mut Vec<AccountUpdate>) {
        if let Some(own) = self.orders.get_mut(&id)
            && !own.over
        {
            own.end = Some((end, exch));
            own.settle(id, out);
        }
    }

    /// The venue, asked at `asked`, does not know the order. It is over when that was said of two questions with a margin between
    /// them, both asked when it could land no more; in doubt until then. `is_wanted`: the trader has asked.
    pub fn not_known(&mut self, id: OrderId, asked: Time, is_wanted: bool, wall: Time, out: &mut Vec<AccountUpdate>) {
        let margin = self.margin;
        let Some(own) = self.orders.get_mut(&id) else {
            if is_wanted {
                self.asked(id, OrderState::Unknown, wall, out);
            }
            return;
        };
        if own.over {
            let filled = own.filled;
            return if is_wanted {
                self.asked(id, OrderState::Done { filled }, wall, out)
            };
        }
        own.doubt = true;
        let mut was_told = own.fenced;
        if asked >= own.dead_from {
            let first = *own.missed.get_or_insert(asked);
            was_told |= asked.since(first) < margin;
            own.fenced |= asked.since(first) >= margin;
        } else {
            was_told = true;
        }
        let state = if own.fenced { OrderState::Unknown } else { OrderState::InDoubt };
        if is_wanted || (own.fenced && !was_told) {
            self.asked(id, state, wall, out);
        }
    }

    /// The answer to a query, reported when every fill that it counts was.
    pub fn asked(&mut self, id: OrderId, state: OrderState, exch: Time, out: &mut Vec<AccountUpdate>) {
        match self.orders.get_mut(&id) {
            Some(own) => {
                own.doubt &= !matches!(state, OrderState::Open { .. } | OrderState::Done { .. });
                own.asked.push((state, exch));
                own.settle(id, out);
            }
            None => out.push(AccountUpdate::event(exch, EventBody::Status { id, state })),
        }
    }
}

/// Orders of earlier processes that are asked for until each was answered once.
pub struct Resuming {
    left: BTreeSet<OrderId>,
    next: Time,
}

impl Resuming {
    /// Between two questions about an order that was not answered.
    const AGAIN: TimeDelta = SECOND;

    /// None was asked for yet.
    pub fn new(orders: impl IntoIterator<Item = OrderId>) -> Resuming {
        Resuming { left: orders.into_iter().collect(), next: Time::MIN }
    }

    /// Those that are to be asked for now.
    pub fn due(&mut self, wall: Time) -> Vec<OrderId> {
        if wall < self.next {
            return Vec::new();
        }
        self.next = wall.plus(Resuming::AGAIN);
        self.left.iter().copied().collect()
    }

    /// The venue has said what it knows of one.
    pub fn answered(&mut self, id: OrderId) {
        self.left.remove(&id);
    }

    /// Each was answered.
    pub fn is_over(&self) -> bool {
        self.left.is_empty()
    }
}

impl Own {
    fn sent(number: RunNumber, sent_at: Time, dead_from: Time) -> Own {
        let (doubt, fenced, missed, ask_at) = (false, false, None, dead_from);
        let (accepted, filled, end, asked, over) = (false, Qty::ZERO, None, Vec::new(), false);
        Own { number, sent_at, dead_from, doubt, fenced, missed, ask_at, accepted, filled, end, asked, over }
    }

    /// It has no end that was told.
    fn is_alive(&self) -> bool {
        !self.over && !self.fenced
    }

    fn is_in_doubt(&self) -> bool {
        self.doubt && self.is_alive()
    }

    fn settle(&mut self, id: OrderId, out: &mut Vec<AccountUpdate>) {
        let reported = self.filled;
        self.asked.retain(|&(state, exch)| {
            let counted = match state {
                OrderState::Unknown | OrderState::InDoubt => Qty::ZERO,
                OrderState::Open { filled } | OrderState::Done { filled } => filled,
            };
            if counted > reported {
                return true;
            }
            // what was reported since the venue counted is not taken back
            let state = match state {
                OrderState::Unknown | OrderState::InDoubt => state,
                OrderState::Open { .. } => OrderState::Open { filled: reported },
                OrderState::Done { .. } => OrderState::Done { filled: reported },
            };
            out.push(AccountUpdate::event(exch, EventBody::Status { id, state }));
            self.over |= matches!(state, OrderState::Done { .. });
            false
        });
        let body = match self.end {
            Some((End::Done { filled }, _)) if !self.over && self.filled >= filled => EventBody::Done { id, filled },
            Some((End::Rejected { reason }, _)) if !self.over => EventBody::Rejected { id, reason },
            _ => return,
        };
        let exch = self.end.map_or(Time::MIN, |(_, exch)| exch);
        (self.over, self.doubt) = (true, false);
        out.push(AccountUpdate::event(exch, body));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use perpx_core::market::{OrderKind, Role};
    use perpx_core::units::SECOND;
    use proptest::prelude::*;

    const ID: OrderId = OrderId(3);

    fn sent() -> Orders {
        let mut orders = Orders::new(SECOND, RunNumber { tag: 1, epoch: 1 });
        let (qty, limit) = (Qty(10), Price(100));
        let (venue, side, kind) = (Role::Long, Side::Buy, OrderKind::PostOnly);
        orders.sent(
            &NewOrder { id: ID, venue, side, qty, limit, kind, reduce_only: false, covers: false },
            Time(0),
            Time::at(9 * SECOND),
        );
        orders
    }

    fn fill(name: &str, qty: i64) -> Fill {
        let (side, px, fee) = (Side::Buy, Price(100), Cash(-1));
        Fill { name: name.to_owned(), side, px, qty: Qty(qty), maker: true, fee }
    }

    fn bodies(updates: Vec<AccountUpdate>) -> Vec<String> {
        let one = |update: &AccountUpdate| match update {
            AccountUpdate::Event { body: EventBody::Accepted { .. }, .. } => "accepted".to_owned(),
            AccountUpdate::Event { body: EventBody::Fill { qty, .. }, .. } => format!("fill {}", qty.0),
            AccountUpdate::Event { body: EventBody::Done { filled, .. }, .. } => format!("done {}", filled.0),
            AccountUpdate::Event { body: EventBody::Rejected { reason, .. }, .. } => format!("{reason:?}"),
            AccountUpdate::Event { body: EventBody::Status { state, .. }, .. } => format!("{state:?}"),
            other => format!("{other:?}"),
        };
        updates.iter().map(one).collect()
    }

    #[test]
    fn an_end_waits_for_its_fills_and_nothing_is_told_twice() {
        let (mut orders, mut out) = (sent(), Vec::new());
        orders.open(ID, Time(1), &mut out);
        orders.open(ID, Time(2), &mut out);
        orders.done(ID, Qty(7), Time(3), &mut out);
        orders.asked(ID, OrderState::Done { filled: Qty(7) }, Time(4), &mut out);
        orders.fill(ID, fill("a", 3), Time(2), &mut out);
        orders.fill(ID, fill("a", 3), Time(2), &mut out);
        assert_eq!(orders.alive().count(), 1);
        orders.fill(ID, fill("b", 4), Time(2), &mut out);
        assert_eq!(bodies(out), ["accepted", "fill 3", "fill 4", "Done { filled: Qty(7) }"]);
        assert_eq!(orders.alive().count(), 0);
    }

    #[test]
    fn a_refusal_is_final_and_a_stranger_is_told_as_one() {
        let (mut orders, mut out) = (sent(), Vec::new());
        orders.rejected(ID, Reject::PostOnlyCross, Time(1), &mut out);
        orders.done(ID, Qty(0), Time(2), &mut out);
        orders.asked(OrderId(9), OrderState::Unknown, Time(3), &mut out);
        orders.fill(OrderId(9), fill("x", 1), Time(3), &mut out);
        assert_eq!(bodies(out), ["PostOnlyCross", "Unknown"]);
    }

    /// A close may leave before it is written down: what it fills is ours, and no end of it is told. One of another instance, or of
    /// our own process that we did not send, is somebody else's.
    #[test]
    fn an_order_of_an_earlier_process_that_nobody_told_of_is_ours() {
        let (mut orders, mut out) = (Orders::new(9 * SECOND, RunNumber { tag: 1, epoch: 3 }), Vec::new());
        let of = |epoch| Some((RunNumber { tag: 1, epoch }, ID));
        assert_eq!([orders.own(of(3)), orders.own(of(4)), orders.own(None)], [None; 3]);
        assert_eq!(orders.own(of(2)), Some(ID));
        orders.open(ID, Time(1), &mut out);
        orders.fill(ID, fill("a", 3), Time(2), &mut out);
        orders.fill(ID, fill("a", 3), Time(2), &mut out);
        orders.done(ID, Qty(3), Time(3), &mut out);
        assert_eq!(bodies(out), ["fill 3"]);
        assert_eq!((orders.number(ID).epoch, orders.alive().count()), (2, 0));
    }

    /// What may happen to one order, in whatever order.
    #[derive(Clone, Copy, Debug)]
    enum Step {
        Fill(usize),
        Done,
        Rests,
        /// Nobody answered.
        Lost,
        /// A question that was asked at this second, and whether the trader had asked.
        NotKnown(i64, bool),
        Found,
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let step = prop_oneof![
            (0usize..4).prop_map(Step::Fill),
            Just(Step::Done),
            Just(Step::Rests),
            Just(Step::Lost),
            (0i64..14, any::<bool>()).prop_map(|(at, asked)| Step::NotKnown(at, asked)),
            Just(Step::Found),
        ];
        proptest::collection::vec(step, 1..24)
    }

    proptest! {
        /// Whatever comes when: each fill once, one end and nothing but answers after it; and nobody is told that an order can land no
        /// more before two questions with a margin between them, both from the end of its fence on, found nothing.
        #[test]
        fn nothing_is_unknown_before_its_proof(steps in steps()) {
            let (mut orders, mut out) = (sent(), Vec::new());
            let (mut filled, mut missed, mut told) = (BTreeSet::new(), Vec::new(), 0);
            for step in steps {
                match step {
                    Step::Fill(part) => {
                        filled.insert(part);
                        orders.fill(ID, fill(&part.to_string(), 1), Time(1), &mut out);
                    }
                    Step::Done => orders.done(ID, Qty(2), Time(1), &mut out),
                    Step::Rests => orders.open(ID, Time(1), &mut out),
                    Step::Lost => orders.in_doubt(ID),
                    Step::NotKnown(at, asked) => {
                        let at = Time::at(at * SECOND);
                        if at >= Time::at(9 * SECOND) && orders.alive().next().is_some() {
                            missed.push(at);
                        }
                        orders.not_known(ID, at, asked, at, &mut out);
                    }
                    Step::Found => orders.asked(ID, OrderState::Open { filled: Qty(0) }, Time(1), &mut out),
                }
                let heard = bodies(out.clone());
                let unknown = heard[told..].iter().any(|body| body == "Unknown");
                told = heard.len();
                let proven = missed.iter().any(|at| at.since(missed[0]) >= SECOND);
                prop_assert!(!unknown || proven, "{heard:?}");
            }
            let heard = bodies(out);
            prop_assert_eq!(heard.iter().filter(|body| body.starts_with("fill")).count(), filled.len());
            prop_assert!(heard.iter().filter(|body| body.starts_with("done")).count() <= 1);
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..Default::default() })]

        /// Fills, their repetitions and the end in any order: each fill once, the end once and last.
        #[test]
        fn any_order_of_news_is_told_in_the_traders_order(parts in proptest::collection::vec(1i64..5, 1..6), order in any::<u64>()) {
            let (mut orders, mut out) = (sent(), Vec::new());
            let total: i64 = parts.iter().sum();
            let mut steps: Vec<Option<usize>> = (0..parts.len()).chain(0..parts.len()).map(Some).chain([None]).collect();
            let mut state = order;
            for at in (1..steps.len()).rev() {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                steps.swap(at, (state >> 33) as usize % (at + 1));
            }
            for step in steps {
                match step {
                    Some(part) => orders.fill(ID, fill(&part.to_string(), parts[part]), Time(1), &mut out),
                    None => orders.done(ID, Qty(total), Time(1), &mut out),
                }
            }
            let heard = bodies(out);
            prop_assert_eq!(heard.len(), parts.len() + 1);
            let last = format!("done {total}");
            prop_assert_eq!(heard.last(), Some(&last));
        }
    }
}
