//! What the venues say of both accounts, beside what the trader believes of them. A difference opens nothing and is never traded
//! away: it holds, by name, until the accounts agree again or an operator has looked.

use perpx_core::ledger::VenueBook;
use perpx_core::market::{OrderId, Role};
use perpx_core::units::{Cash, Rate};
use perpx_venues::client::{ForeignFill, Holding, OpenOrder, RunNumber};
use serde::Serialize;
use std::time::{Duration, Instant};

/// An account is asked for so often, where nothing happens.
pub const EVERY: Duration = Duration::from_secs(30);
/// And so long after an order has ended.
pub const AFTER: Duration = Duration::from_secs(2);
/// A difference is looked at again so much later before it counts.
const AGAIN: Duration = Duration::from_secs(3);
/// Between two reads while something differs.
const BETWEEN: Duration = Duration::from_secs(5);
/// Reads in a row that say the same are believed.
const EQUAL: u32 = 3;

/// What differs; the numbers are those of the manual.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub enum Rule {
    /// A position that no fill explains.
    #[serde(rename = "R6")]
    Position,
    /// An open order that is not ours, or that another process of this run sends.
    #[serde(rename = "R9")]
    Order,
    /// Something is held in another market: the margin is shared.
    #[serde(rename = "R10")]
    OtherMarket,
    /// A fill of an order that is not ours.
    #[serde(rename = "R11")]
    Fill,
    /// The leverage, or the margin's mode, was changed.
    #[serde(rename = "R12")]
    Leverage,
    /// Money that no entry explains.
    #[serde(rename = "R13")]
    Balance,
}

impl Rule {
    /// As it is written.
    pub fn name(self) -> &'static str {
        match self {
            Rule::Position => "R6",
            Rule::Order => "R9",
            Rule::OtherMarket => "R10",
            Rule::Fill => "R11",
            Rule::Leverage => "R12",
            Rule::Balance => "R13",
        }
    }

    /// An operator must have looked, although the accounts agree again.
    pub fn stays(self) -> bool {
        !matches!(self, Rule::OtherMarket | Rule::Balance)
    }
}

/// One difference.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// Which.
    pub rule: Rule,
    /// The venue's name.
    pub venue: String,
    /// What is believed, and what the venue says.
    pub words: String,
}

/// What is believed of one account.
pub struct Believed<'a> {
    pub venue: &'a str,
    pub book: &'a VenueBook,
    /// Orders that are not known to be over.
    pub orders: Vec<OrderId>,
    /// Ledger entries so far: each is rounded by the venue.
    pub entries: u64,
    /// Times.
    pub leverage: Rate,
}

/// What one look at the accounts came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Judged {
    pub differences: Vec<Difference>,
    /// Orders of earlier processes of this run that nobody wants any more: to be cancelled.
    pub forgotten: Vec<(Role, OrderId)>,
}

/// Compares; `number`: of this process.
pub fn judge(believed: &[Believed<'_>; 2], said: &[Holding; 2], number: RunNumber) -> Judged {
    let mut judged = Judged::default();
    for role in Role::BOTH {
        let (believed, said) = (&believed[role.ix()], &said[role.ix()]);
        let mut differs = |rule, words: String| {
            judged.differences.push(Difference { rule, venue: believed.venue.to_owned(), words });
        };
        if said.position != believed.book.position() {
            let own = believed.book.position();
            differs(Rule::Position, format!("position: {own} is believed, the venue says {}", said.position));
        }
        for (market, qty) in &said.other_positions {
            differs(Rule::OtherMarket, format!("{qty} is held in {market}, and the margin is shared"));
        }
        if let Some(leverage) = said.leverage.filter(|leverage| *leverage != believed.leverage) {
            let own = believed.leverage.as_f64();
            differs(Rule::Leverage, format!("leverage: {own} was set, the venue says {}", leverage.as_f64()));
        }
        if said.is_isolated == Some(true) {
            differs(Rule::Leverage, "margin: cross was set, the venue says isolated".to_owned());
        }
        let off = said.cash - believed.book.cash;
        if Cash(off.0.abs()) >= Cash(1_000_000 * (i128::from(believed.entries) + 1)) {
            differs(Rule::Balance, format!("balance: {} is believed, the venue says {}", believed.book.cash, said.cash));
        }
        for order in &said.orders {
            match order.sent_by {
                Some((by, id)) if by.epoch < number.epoch => {
                    if !believed.orders.contains(&id) {
                        judged.forgotten.push((role, id));
                    }
                }
                Some((by, id)) if by == number && believed.orders.contains(&id) => {}
                Some((by, _)) if by.epoch > number.epoch => {
                    differs(Rule::Order, format!("a later process of this run has {} open", named(order)));
                }
                Some(_) => differs(Rule::Order, format!("an order of this process that it did not send is open: {}", named(order))),
                None => differs(Rule::Order, format!("somebody else's order is open: {}", named(order))),
            }
        }
    }
    judged
}

fn named(order: &OpenOrder) -> String {
    let OpenOrder { name, side, qty, px, .. } = order;
    format!("{side:?} {qty} at {px} (order {name})")
}

/// A fill that is nobody's of ours.
pub fn foreign(venue: &str, fill: &ForeignFill) -> Difference {
    let ForeignFill { name, side, px, qty, sent_by, .. } = fill;
    let by = if sent_by.is_some() { "an order that this process did not send" } else { "somebody else's order" };
    Difference {
        rule: Rule::Fill,
        venue: venue.to_owned(),
        words: format!("{by} has filled: {side:?} {qty} at {px} (fill {name})"),
    }
}

/// What is to be done after a read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing.
    Nothing,
    /// Something differs that may be news under way: the history is asked for.
    AskHistory,
    /// Nothing opens from here on.
    Hold,
    /// Three reads in a row say what was held for: whoever watches is told.
    Stands,
    /// The accounts agree again, and nothing that stays was among what differed.
    Release,
}

/// When accounts are asked for, and what their answers came to.
pub struct Truth {
    next: Instant,
    /// What the last read differed by, since when, and how often in a row.
    last: Vec<Difference>,
    since: Instant,
    times: u32,
    is_held: bool,
    /// Something that an operator must have looked at was among what differed.
    stays: bool,
}

impl Truth {
    /// The first read is due at once.
    pub fn new(now: Instant) -> Truth {
        Truth { next: now, last: Vec::new(), since: now, times: 0, is_held: false, stays: false }
    }

    /// The accounts are to be asked for.
    pub fn is_due(&self, now: Instant) -> bool {
        now >= self.next
    }

    /// Something has happened to an account: it is read soon.
    pub fn soon(&mut self, now: Instant) {
        self.next = self.next.min(now + AFTER);
    }

    /// Orders were under way meanwhile: what was read says nothing.
    pub fn spoilt(&mut self, now: Instant) {
        self.next = now + AGAIN;
    }

    /// They were asked for; unless an answer is judged before, they are again after the time.
    pub fn asked(&mut self, now: Instant) {
        self.next = now + EVERY;
    }

    /// What differs now, or last did while nothing could be judged.
    pub fn differences(&self) -> &[Difference] {
        &self.last
    }

    /// A read was judged.
    pub fn judged(&mut self, differences: Vec<Difference>, now: Instant) -> Verdict {
        let is_same = differences == self.last;
        self.times = if is_same { self.times + 1 } else { 1 };
        if differences.is_empty() {
            self.last = differences;
            self.next = now + if self.is_held { BETWEEN } else { EVERY };
            if self.is_held && self.times >= EQUAL && !self.stays {
                self.is_held = false;
                self.next = now + EVERY;
                return Verdict::Release;
            }
            return Verdict::Nothing;
        }
        if self.last.is_empty() {
            self.since = now;
        }
        self.last = differences;
        let age = now.duration_since(self.since);
        self.next = now + if age < AGAIN { AGAIN } else { BETWEEN };
        match () {
            () if age < AGAIN => Verdict::AskHistory,
            () if !self.is_held => self.hold(),
            () if self.times == EQUAL => Verdict::Stands,
            () => Verdict::Nothing,
        }
    }

    /// What differs counts.
    fn hold(&mut self) -> Verdict {
        self.is_held = true;
        self.stays |= self.last.iter().any(|difference| difference.rule.stays());
        Verdict::Hold
    }

    /// Somebody else trades on the account: that needs no second look.
    pub fn strange(&mut self, difference: Difference, now: Instant) -> Verdict {
        self.last.push(difference);
        (self.since, self.next) = (now, now);
        self.hold()
    }

    /// An operator has looked.
    pub fn resume(&mut self) {
        (self.is_held, self.stays, self.times) = (false, false, 0);
        self.last.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use perpx_core::market::Side;
    use perpx_core::units::{Price, Qty};

    const NUMBER: RunNumber = RunNumber { tag: 7, epoch: 3 };

    fn book(role: Role) -> VenueBook {
        VenueBook::new(role, Cash(1), Rate(5 * Rate::ONE), false, Cash::units(1_000))
    }

    fn holding() -> Holding {
        Holding {
            cash: Cash::units(1_000),
            position: Qty::ZERO,
            leverage: Some(Rate(5 * Rate::ONE)),
            is_isolated: Some(false),
            orders: Vec::new(),
            other_positions: Vec::new(),
        }
    }

    fn judged(change: impl Fn(&mut Holding)) -> Judged {
        let books = Role::BOTH.map(book);
        let believed = Role::BOTH.map(|role| Believed {
            venue: ["lighter", "grvt"][role.ix()],
            book: &books[role.ix()],
            orders: vec![OrderId(4)],
            entries: 2,
            leverage: Rate(5 * Rate::ONE),
        });
        let mut said = [holding(), holding()];
        change(&mut said[1]);
        judge(&believed, &said, NUMBER)
    }

    fn order(sent_by: Option<(u16, u32)>) -> OpenOrder {
        let sent_by = sent_by.map(|(epoch, id)| (RunNumber { epoch, ..NUMBER }, OrderId(id)));
        OpenOrder { name: "0xa".to_owned(), client: 1, sent_by, side: Side::Buy, qty: Qty(5), px: Price(7) }
    }

    #[test]
    fn each_difference_has_its_rule_and_nothing_else_has_one() {
        let rules = |change: &dyn Fn(&mut Holding)| -> Vec<Rule> {
            judged(change).differences.iter().map(|difference| difference.rule).collect()
        };
        assert_eq!(judged(|_| {}), Judged::default());
        assert_eq!(rules(&|said| said.position = Qty(1)), [Rule::Position]);
        assert_eq!(rules(&|said| said.other_positions.push(("ETH".to_owned(), Qty(1)))), [Rule::OtherMarket]);
        assert_eq!(rules(&|said| said.leverage = Some(Rate(4 * Rate::ONE))), [Rule::Leverage]);
        assert_eq!(rules(&|said| said.is_isolated = Some(true)), [Rule::Leverage]);
        // what a venue does not say differs from nothing
        assert_eq!(rules(&|said| (said.leverage, said.is_isolated) = (None, None)), []);
        // two entries and the balance itself are each cut off at a millionth
        assert_eq!(rules(&|said| said.cash = Cash(said.cash.0 - 2_999_999)), []);
        assert_eq!(rules(&|said| said.cash = Cash(said.cash.0 + 3_000_000)), [Rule::Balance]);
        for (sent_by, is_strange) in [(None, true), (Some((3, 4)), false), (Some((3, 5)), true), (Some((4, 1)), true)] {
            let judged = judged(|said| said.orders.push(order(sent_by)));
            assert_eq!(judged.differences.iter().any(|other| other.rule == Rule::Order), is_strange, "{sent_by:?}");
            assert!(judged.forgotten.is_empty());
        }
        // an earlier process sent them: the one is wanted, the other is not
        assert_eq!(judged(|said| said.orders.push(order(Some((2, 4))))), Judged::default());
        let judged = judged(|said| said.orders.push(order(Some((1, 9)))));
        assert_eq!((judged.differences.len(), judged.forgotten), (0, vec![(Role::Short, OrderId(9))]));
    }

    fn difference(rule: Rule) -> Vec<Difference> {
        vec![Difference { rule, venue: "grvt".to_owned(), words: String::new() }]
    }

    /// News may be under way: a difference counts when it is there three seconds later, and is told when three reads say it.
    #[test]
    fn a_difference_is_looked_at_again_before_it_holds() {
        let begun = Instant::now();
        let at = |seconds| begun + Duration::from_secs(seconds);
        let mut truth = Truth::new(begun);
        assert!(truth.is_due(begun));
        assert_eq!(truth.judged(Vec::new(), begun), Verdict::Nothing);
        assert!(!truth.is_due(at(29)) && truth.is_due(at(30)));
        assert_eq!(truth.judged(difference(Rule::Position), at(30)), Verdict::AskHistory);
        assert_eq!(truth.judged(Vec::new(), at(33)), Verdict::Nothing, "it was news");
        assert_eq!(truth.judged(difference(Rule::Position), at(40)), Verdict::AskHistory);
        assert!(truth.is_due(at(43)));
        assert_eq!(truth.judged(difference(Rule::Position), at(43)), Verdict::Hold);
        assert_eq!(truth.judged(difference(Rule::Position), at(48)), Verdict::Stands);
        assert_eq!(truth.judged(difference(Rule::Position), at(53)), Verdict::Nothing, "told once");
        // the accounts agree again, and somebody must have looked all the same
        for second in [58, 63, 68, 73] {
            assert_eq!(truth.judged(Vec::new(), at(second)), Verdict::Nothing);
        }
        truth.resume();
        assert_eq!(truth.judged(Vec::new(), at(80)), Verdict::Nothing);
        assert!(!truth.is_due(at(109)));
    }

    #[test]
    fn what_is_explained_by_itself_is_released_after_three_reads() {
        let begun = Instant::now();
        let at = |seconds| begun + Duration::from_secs(seconds);
        let mut truth = Truth::new(begun);
        assert_eq!(truth.judged(difference(Rule::OtherMarket), begun), Verdict::AskHistory);
        assert_eq!(truth.judged(difference(Rule::OtherMarket), at(3)), Verdict::Hold);
        let after = [8, 13, 18].map(|second| truth.judged(Vec::new(), at(second)));
        assert_eq!(after, [Verdict::Nothing, Verdict::Nothing, Verdict::Release]);
        // a stranger's fill holds at once, and the accounts are read at once
        let fill = difference(Rule::Fill).remove(0);
        assert_eq!(truth.strange(fill, at(20)), Verdict::Hold);
        assert!(truth.is_due(at(20)));
        let after = [21, 26, 31, 36].map(|second| truth.judged(Vec::new(), at(second)));
        assert_eq!(after, [const { Verdict::Nothing }; 4]);
    }

    #[test]
    fn an_event_brings_the_next_read_nearer() {
        let begun = Instant::now();
        let mut truth = Truth::new(begun);
        truth.asked(begun);
        truth.soon(begun);
        assert!(!truth.is_due(begun + Duration::from_secs(1)) && truth.is_due(begun + AFTER));
        truth.spoilt(begun);
        assert!(truth.is_due(begun + AGAIN));
    }
}
