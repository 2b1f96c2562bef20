//! What a venue says of the account beside what is believed: what differs, since when, and what follows from it. It knows no socket and
//! no file.
//!
//! One reading proves nothing: a stream may be late, a fill under way. A difference that two readings show *holds* the run: nothing
//! opens. When three more have shown the same it is *confirmed*, and what an operator has to look at stays until he has said so.
//! Nothing is traded away by a guess. Times are of the wall: what venues may be asked is counted by it.

use perpx_core::market::{OrderId, Side};
use perpx_core::units::{Cash, Price, Qty, Rate, SECOND, Time, TimeDelta};
use perpx_venues::client::{ForeignFill, Holding, OpenOrder, RunNumber, Transfer};
use serde::Serialize;
use std::collections::BTreeSet;
use std::fmt;

/// A reading so soon after something moved is not judged; a difference is looked at again then.
const SETTLES: TimeDelta = SECOND.times(3);
/// Between readings while something differs.
const AGAIN: TimeDelta = SECOND.times(5);
/// An order's end is checked so long after it.
const AFTER_END: TimeDelta = SECOND.times(2);
/// Orders that are always on their way, as closes of what is not there, keep so many readings from being judged.
const MOST_UNJUDGED: u32 = 5;
/// A question that was not answered for so long is asked again.
const LOST: TimeDelta = SECOND.times(20);
/// Readings that show the same, before it holds.
const HOLDS: u32 = 2;
/// Readings that show the same, before it is confirmed.
const CONFIRMED: u32 = HOLDS + 3;
/// Readings without a difference, before a hold ends.
const CLEAN: u32 = 3;
/// Leverages that differ by less than one of so many are the same: Lighter keeps a margin in hundredths of a percent.
const ROUNDED: u64 = 1_000;
/// A venue tells each entry, and the balance itself, in micro-units, cut off.
const UNIT: Cash = Cash(1_000_000);

/// So much a balance that a venue tells may be away from the exact one, after so many entries.
pub fn told_within(entries: u64) -> Cash {
    Cash(UNIT.0 * (i128::from(entries) + 1))
}

/// What is believed of one account.
#[derive(Clone, Copy, Debug)]
pub struct Believed<'a> {
    /// Signed.
    pub position: Qty,
    /// Everything booked.
    pub cash: Cash,
    /// Ledger entries so far: each may be off by what the venue does not tell.
    pub entries: u64,
    /// Orders under way there.
    pub orders: &'a [OrderId],
    /// Under which this process sends.
    pub number: RunNumber,
    /// The highest number that it gave an order; `None`: it sent none.
    pub last: Option<OrderId>,
    /// Something was heard that is not booked yet.
    pub is_unbooked: bool,
    /// An order is on its way.
    pub is_moving: bool,
}

/// Something that differs.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "what", rename_all = "snake_case")]
// the texts say what the fields are
#[allow(missing_docs)]
pub enum Difference {
    /// The position.
    Position { believed: Qty, said: Qty },
    /// Cash: what the venue has above what is believed.
    Balance { above: Cash },
    /// Somebody else's order is open.
    Order { name: String, side: Side, qty: Qty, px: Price },
    /// Somebody else's order filled.
    Fill { name: String, side: Side, qty: Qty, px: Price },
    /// An order under a number of this run that this process did not give: another process trades it.
    Instance { name: String },
    /// An order of ours that is over, or was never told of, is open. It is cancelled.
    Leftover { name: String, id: OrderId },
    /// Leverage or margin mode are not what they were.
    Setting { name: &'static str, wanted: String, is: String },
    /// Something is held in another market.
    Elsewhere { market: String, qty: Qty },
}

impl Difference {
    /// The same, as far as an account that goes on trading can show it.
    fn is_like(&self, other: &Difference, within: Cash) -> bool {
        match (self, other) {
            (Difference::Balance { above: one }, Difference::Balance { above: two }) => {
                (*one - *two).0.abs() < within.0
            }
            (one, two) => one == two,
        }
    }

    /// It stays until an operator has said so, though it may be gone.
    fn stays(&self) -> bool {
        match self {
            Difference::Position { .. } | Difference::Order { .. } | Difference::Fill { .. } => true,
            Difference::Instance { .. } | Difference::Setting { .. } => true,
            Difference::Balance { .. } | Difference::Leftover { .. } | Difference::Elsewhere { .. } => false,
        }
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Difference::Position { believed, said } => write!(f, "position {said}, believed {believed}"),
            Difference::Balance { above } => {
                let side = if above.0 < 0 { "below" } else { "above" };
                write!(f, "balance {} {side} what is believed", Cash(above.0.abs()))
            }
            Difference::Order { name, side, qty, px } => {
                write!(f, "an order that is not ours is open: {name}, {} {qty} at {px}", side.name())
            }
            Difference::Fill { name, side, qty, px } => {
                write!(f, "an order that is not ours filled: {name}, {} {qty} at {px}", side.name())
            }
            Difference::Instance { name } => write!(f, "another process trades this run: order {name}"),
            Difference::Leftover { name, id } => write!(f, "our order {} is over and open there: {name}", id.0),
            Difference::Setting { name, wanted, is } => write!(f, "{name} {is}, not {wanted}"),
            Difference::Elsewhere { market, qty } => write!(f, "{qty} held in {market}"),
        }
    }
}

/// What a reading came to.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Outcome {
    /// What stands is another thing than before: it is written down.
    pub is_news: bool,
    /// Fills and payments are to be read: a stream may have lost one.
    pub asks_history: bool,
    /// What was paid in or out is to be read.
    pub asks_transfers: bool,
    /// Orders of ours that are to be cancelled.
    pub cancels: Vec<OrderId>,
    /// The position's difference has just been confirmed.
    pub is_confirmed: bool,
}

/// One venue's account, looked at again and again.
#[derive(Clone, Debug, Default)]
pub struct Watch {
    asked: Option<Time>,
    /// When it was asked for last.
    last: Option<Time>,
    due: Time,
    /// When anything was booked.
    booked: Option<Time>,
    /// Readings in a row that were not judged.
    unjudged: u32,
    /// As the last judged reading showed it, and how many showed it in a row.
    seen: Vec<Difference>,
    times: u32,
    /// Judged readings in a row that showed nothing.
    clean: u32,
    /// It holds since, and until `clean` says otherwise.
    is_held: bool,
    /// Another process traded under a number of this run.
    is_shared: bool,
    /// In words: what stays until an operator has said so.
    latched: Vec<String>,
    /// Of the balance, what an operator has named: it is no result of the run.
    explained: Cash,
    /// What was paid in or out and is explained by that, by the venue's names.
    transfers: BTreeSet<String>,
    /// The account is to have it; `None`: that is not known.
    leverage: Option<Rate>,
    /// Prices of foreign fills, for the entry that `adopt` makes.
    foreign: Option<Price>,
}

impl Watch {
    /// Of an account that is to have a leverage, and cross margin.
    pub fn of(leverage: Rate) -> Watch {
        Watch { leverage: Some(leverage), ..Watch::default() }
    }

    /// As an earlier process of the run left it: what was explained of the balance, what an operator has still to look at, what was paid in or
    /// out.
    pub fn resume(&mut self, explained: Cash, latched: Vec<String>, transfers: BTreeSet<String>) {
        (self.explained, self.latched, self.transfers) = (explained, latched, transfers);
    }

    /// The account is to be read now. `poll`: as often as that at least.
    pub fn is_due(&mut self, now: Time, poll: TimeDelta) -> bool {
        let is_out = self.asked.is_some_and(|asked| now.since(asked) < LOST);
        let is_due = !is_out && now >= self.due;
        if is_due {
            (self.asked, self.last, self.due) = (Some(now), Some(now), now.plus(poll));
        }
        is_due
    }

    /// Something was booked.
    pub fn booked(&mut self, now: Time) {
        self.booked = Some(now);
        self.ended(now);
    }

    /// An order ended. Many that end one after the other make no more readings than a difference does.
    pub fn ended(&mut self, now: Time) {
        let soon = self.last.map_or(now, |last| now.max(last.plus(AGAIN - AFTER_END)));
        self.due = self.due.min(soon.plus(AFTER_END));
    }

    /// The stream of the account is open again: it may have lost something.
    pub fn reopened(&mut self) {
        self.due = Time::MIN;
    }

    /// Somebody else's order filled.
    pub fn foreign_fill(&mut self, fill: &ForeignFill, number: RunNumber, last: Option<OrderId>) -> Difference {
        let ForeignFill { name, side, px, qty, .. } = fill.clone();
        let difference = match fill.sent_by {
            Some((by, id)) if !is_given(by, id, number, last) => Difference::Instance { name },
            _ => Difference::Fill { name, side, qty, px },
        };
        self.is_shared |= matches!(difference, Difference::Instance { .. });
        self.latch(difference.to_string());
        (self.foreign, self.due) = (Some(px), Time::MIN);
        difference
    }

    /// What the venue answers now may be from before something that is booked.
    pub fn may_be_older(&self, now: Time) -> bool {
        let Some(booked) = self.booked else { return false };
        self.asked.map_or_else(|| now.since(booked) < SETTLES, |asked| booked >= asked)
    }

    /// The venue has answered.
    pub fn reading(&mut self, now: Time, holding: &Holding, believed: &Believed<'_>) -> Outcome {
        let Some(asked) = self.asked.take() else { return Outcome::default() };
        let has_moved = self.booked.is_some_and(|booked| now.since(booked) < SETTLES || booked >= asked);
        let waits = believed.is_moving && self.unjudged < MOST_UNJUDGED;
        self.unjudged = if believed.is_moving { self.unjudged.saturating_add(1) } else { 0 };
        if believed.is_unbooked || has_moved || waits {
            self.due = self.due.min(now.plus(SETTLES));
            return Outcome::default();
        }
        let within = told_within(believed.entries);
        let found = self.differences(holding, believed, within);
        if found.is_empty() {
            return self.agrees(now);
        }
        let is_same =
            found.len() == self.seen.len() && found.iter().zip(&self.seen).all(|(new, old)| new.is_like(old, within));
        self.times = if is_same { self.times + 1 } else { 1 };
        (self.seen, self.clean) = (found, 0);
        // what is confirmed is looked at when the poll comes round: requests are kept for closes
        let again = if self.times == 1 { SETTLES } else { AGAIN };
        if self.times < CONFIRMED {
            self.due = self.due.min(now.plus(again));
        }
        let is_position = |difference: &Difference| matches!(difference, Difference::Position { .. });
        let is_money =
            |difference: &Difference| is_position(difference) || matches!(difference, Difference::Balance { .. });
        let asks_history = self.times == 1 && self.seen.iter().any(is_money);
        // at once, and again as long as nothing explains it
        let asks_transfers = self.above().is_some() && (self.times == 1 || self.times.is_multiple_of(CONFIRMED));
        let mut outcome = Outcome { asks_history, asks_transfers, ..Outcome::default() };
        if self.times == HOLDS {
            (outcome.is_news, self.is_held) = (true, true);
            let leftover = |difference: &Difference| match difference {
                Difference::Leftover { id, .. } => Some(*id),
                _ => None,
            };
            outcome.cancels = self.seen.iter().filter_map(leftover).collect();
        }
        if self.times == CONFIRMED {
            outcome.is_news = true;
            outcome.is_confirmed = self.seen.iter().any(is_position);
            let words: Vec<String> =
                self.seen.iter().filter(|found| found.stays()).map(Difference::to_string).collect();
            words.into_iter().for_each(|words| self.latch(words));
        }
        outcome
    }

    /// A reading without a difference.
    fn agrees(&mut self, now: Time) -> Outcome {
        (self.times, self.clean) = (0, self.clean.saturating_add(1));
        self.seen.clear();
        let ends = !self.is_held || self.clean >= CLEAN;
        let is_news = self.is_held && ends;
        if ends {
            self.is_held = false;
        } else {
            self.due = self.due.min(now.plus(AGAIN));
        }
        Outcome { is_news, ..Outcome::default() }
    }

    fn differences(&mut self, holding: &Holding, believed: &Believed<'_>, within: Cash) -> Vec<Difference> {
        let mut found = Vec::new();
        if holding.position != believed.position {
            found.push(Difference::Position { believed: believed.position, said: holding.position });
        }
        let above = holding.cash - believed.cash - self.explained;
        if above.0.abs() >= within.0 {
            found.push(Difference::Balance { above });
        }
        found.extend(holding.orders.iter().filter_map(|order| foreign(order, believed)));
        if let (Some(wanted), Some(is)) = (self.leverage, holding.leverage)
            && (is.0 - wanted.0).unsigned_abs() > wanted.0.unsigned_abs() / ROUNDED
        {
            let times = |rate: Rate| format!("{} times", rate.as_f64());
            found.push(Difference::Setting { name: "leverage", wanted: times(wanted), is: times(is) });
        }
        if holding.is_isolated == Some(true) {
            found.push(Difference::Setting { name: "margin", wanted: "cross".to_owned(), is: "isolated".to_owned() });
        }
        let elsewhere = |(market, qty): &(String, Qty)| Difference::Elsewhere { market: market.clone(), qty: *qty };
        found.extend(holding.other_positions.iter().map(elsewhere));
        found
    }

    fn latch(&mut self, words: String) {
        if !self.latched.contains(&words) {
            self.latched.push(words);
        }
    }

    /// Why nothing may open.
    pub fn holds(&self) -> Vec<String> {
        let seen = self.seen.iter().filter(|_| self.is_held).map(Difference::to_string);
        let mut all: Vec<String> = seen.collect();
        if self.is_held && all.is_empty() {
            all.push("what differed is gone; it is looked at again".to_owned());
        }
        let kept = self.latched.iter().filter(|words| !all.contains(words));
        let kept: Vec<String> = kept.map(|words| format!("{words} (until `resume`)")).collect();
        all.extend(kept);
        all
    }

    /// The two sides have been compared, and agreed or were held to differ.
    pub fn is_known(&self) -> bool {
        self.clean > 0 || self.is_held
    }

    /// The newest reading that was judged showed nothing.
    pub fn is_clean(&self) -> bool {
        self.clean > 0
    }

    /// What stands, as it is written down.
    pub fn seen(&self) -> &[Difference] {
        &self.seen
    }

    /// In words: what stays until an operator has said so.
    pub fn latched(&self) -> &[String] {
        &self.latched
    }

    /// An operator has looked: what is gone is forgotten. Whether there was any.
    pub fn looked_at(&mut self) -> bool {
        !std::mem::take(&mut self.latched).is_empty()
    }

    /// Another process trades this run.
    pub fn is_other_instance(&self) -> bool {
        let is_seen = self.seen.iter().any(|found| matches!(found, Difference::Instance { .. }));
        self.is_shared || self.times >= HOLDS && is_seen
    }

    /// What the balance has above what is believed, as it was seen last.
    fn above(&self) -> Option<Cash> {
        self.seen.iter().find_map(|found| match found {
            Difference::Balance { above } => Some(*above),
            _ => None,
        })
    }

    /// All that was paid in or out since the run began. What is news explains the balance where its sum is what differs, as far as a
    /// balance can be told after so many `entries`; the sum then.
    pub fn told_transfers(&mut self, all: &[Transfer], entries: u64) -> Option<Cash> {
        let above = self.above()?;
        let news: Vec<&Transfer> = all.iter().filter(|transfer| !self.transfers.contains(&transfer.name)).collect();
        let sum: Cash = news.iter().map(|transfer| transfer.amount).sum();
        if news.is_empty() || (above - sum).0.abs() >= told_within(entries).0 {
            return None;
        }
        self.transfers.extend(news.into_iter().map(|transfer| transfer.name.clone()));
        self.account_for(sum);
        Some(sum)
    }

    /// So much of the balance is no result of the run; it is looked at anew.
    fn account_for(&mut self, amount: Cash) {
        self.explained += amount;
        self.seen.retain(|found| !matches!(found, Difference::Balance { .. }));
        (self.times, self.clean, self.due) = (0, 0, Time::MIN);
    }

    /// The venue's names of what was paid in or out so far.
    pub fn transfers(&self) -> &BTreeSet<String> {
        &self.transfers
    }

    /// Of the balance, what nothing explains.
    pub fn unexplained(&self) -> Cash {
        let amount = self.above().filter(|_| self.is_held).unwrap_or(Cash::ZERO);
        // what a position that differs has won is valued with the one that is believed already
        let is_with_position = self.seen.iter().any(|found| matches!(found, Difference::Position { .. }));
        if is_with_position { amount.min(Cash::ZERO) } else { amount }
    }

    /// Of the balance, what an operator has named so far.
    pub fn explained(&self) -> Cash {
        self.explained
    }

    /// An operator names what was not explained: it is no result of the run. `None`: there is nothing that two readings showed.
    pub fn explain(&mut self) -> Option<Cash> {
        let amount = Some(self.unexplained()).filter(|amount| *amount != Cash::ZERO)?;
        self.account_for(amount);
        Some(amount)
    }

    /// Enough readings have shown the same difference.
    pub fn is_confirmed(&self) -> bool {
        self.times >= CONFIRMED
    }

    /// Both positions, believed and said, once their difference is confirmed.
    pub fn confirmed(&self) -> Option<(Qty, Qty)> {
        let position = |found: &Difference| match found {
            Difference::Position { believed, said } => Some((*believed, *said)),
            _ => None,
        };
        self.seen.iter().filter(|_| self.is_confirmed()).find_map(position)
    }

    /// The belief was made to agree: it is looked at anew. The price of the last foreign fill, if there was one.
    pub fn adopted(&mut self, now: Time) -> Option<Price> {
        (self.times, self.clean) = (0, 0);
        self.seen.clear();
        self.booked(now);
        self.foreign.take()
    }
}

/// An open order that no order under way explains.
fn foreign(order: &OpenOrder, believed: &Believed<'_>) -> Option<Difference> {
    let name = order.name.clone();
    let Some((number, id)) = order.sent_by else {
        return Some(Difference::Order { name, side: order.side, qty: order.qty, px: order.px });
    };
    if believed.orders.contains(&id) {
        return None;
    }
    let is_given = is_given(number, id, believed.number, believed.last);
    Some(if is_given { Difference::Leftover { name, id } } else { Difference::Instance { name } })
}

/// An order `id` of the process `by` is one that this process (`number`, whose last order was `last`) or one before it has given.
fn is_given(by: RunNumber, id: OrderId, number: RunNumber, last: Option<OrderId>) -> bool {
    by.epoch < number.epoch || (by.epoch == number.epoch && last.is_some_and(|last| id <= last))
}

#[cfg(test)]
mod tests {
    use super::*;

    const POLL: TimeDelta = SECOND.times(30);

    fn at(seconds: i64) -> Time {
        Time::at(seconds * SECOND)
    }

    fn holding(position: i64, cash: i64) -> Holding {
        Holding {
            cash: Cash::units(cash),
            position: Qty(position),
            leverage: Some(Rate(3 * Rate::ONE)),
            is_isolated: Some(false),
            orders: Vec::new(),
            other_positions: Vec::new(),
        }
    }

    fn believed(position: i64, cash: i64) -> Believed<'static> {
        let number = RunNumber { tag: 1, epoch: 3 };
        let (position, cash, last) = (Qty(position), Cash::units(cash), Some(OrderId(9)));
        Believed {
            position,
            cash,
            entries: 4,
            orders: &[OrderId(5)],
            number,
            last,
            is_unbooked: false,
            is_moving: false,
        }
    }

    /// Reads every time it is due, second by second; when it was read, and what came of it.
    fn run(watch: &mut Watch, (from, to): (i64, i64), said: &Holding, believed: &Believed<'_>) -> Vec<(i64, Outcome)> {
        let mut all = Vec::new();
        for second in from..to {
            if watch.is_due(at(second), POLL) {
                all.push((second, watch.reading(at(second), said, believed)));
            }
        }
        all
    }

    fn seconds(all: &[(i64, Outcome)]) -> Vec<i64> {
        all.iter().map(|(second, _)| *second).collect()
    }

    /// An answer is older than what was booked after its question, or in the moments before an answer that this watch did not ask for.
    #[test]
    fn an_answer_may_be_older_than_what_is_booked() {
        let mut watch = Watch::default();
        assert!(watch.is_due(at(100), POLL) && !watch.may_be_older(at(101)));
        watch.booked(at(101));
        assert!(watch.may_be_older(at(109)), "it was asked before");
        watch.reading(at(109), &holding(3, 50), &believed(3, 50));
        assert!(!watch.may_be_older(at(109)) && watch.may_be_older(at(103)));
        assert!(watch.is_due(at(110), POLL) && !watch.may_be_older(at(111)));
    }

    #[test]
    fn what_agrees_is_read_every_poll_and_after_what_moved() {
        let mut watch = Watch::default();
        let all = run(&mut watch, (100, 170), &holding(3, 50), &believed(3, 50));
        assert_eq!(seconds(&all), [100, 130, 160]);
        assert!(all.iter().all(|(_, outcome)| *outcome == Outcome::default()) && watch.holds().is_empty());
        watch.booked(at(170));
        // two seconds after it, and again when it has settled
        assert_eq!(seconds(&run(&mut watch, (170, 220), &holding(3, 50), &believed(3, 50))), [172, 175, 205]);
        // orders that end one after the other are coalesced
        for second in 0..10 {
            watch.ended(at(220 + second));
        }
        assert_eq!(seconds(&run(&mut watch, (220, 235), &holding(3, 50), &believed(3, 50))), [222]);
        watch.reopened();
        assert_eq!(seconds(&run(&mut watch, (235, 236), &holding(3, 50), &believed(3, 50))), [235]);
    }

    #[test]
    fn a_position_that_differs_holds_at_the_second_reading_and_is_confirmed_at_the_fifth() {
        let mut watch = Watch::default();
        let all = run(&mut watch, (0, 20), &holding(2, 50), &believed(3, 50));
        assert_eq!(seconds(&all), [0, 3, 8, 13, 18]);
        let news: Vec<bool> = all.iter().map(|(_, outcome)| outcome.is_news).collect();
        assert_eq!(news, [false, true, false, false, true]);
        assert!(all[4].1.is_confirmed && all[0].1.asks_history);
        assert!(all[1..].iter().all(|(_, outcome)| !outcome.asks_history));
        assert_eq!(watch.confirmed(), Some((Qty(3), Qty(2))));
        assert_eq!(watch.holds(), ["position 0.000000002, believed 0.000000003"]);
        // it is gone: the hold ends after three readings, what was confirmed stays until somebody looked
        let all = run(&mut watch, (20, 60), &holding(3, 50), &believed(3, 50));
        assert_eq!(seconds(&all), [48, 53, 58]);
        assert_eq!(all.iter().map(|(_, outcome)| outcome.is_news).collect::<Vec<_>>(), [false, false, true]);
        assert_eq!(watch.holds(), ["position 0.000000002, believed 0.000000003 (until `resume`)"]);
        assert!(watch.looked_at() && watch.holds().is_empty() && !watch.looked_at());
    }

    #[test]
    fn nothing_is_judged_while_something_moves_or_just_after() {
        let mut watch = Watch::default();
        let moving = Believed { is_moving: true, ..believed(3, 50) };
        let all = run(&mut watch, (0, 15), &holding(2, 50), &moving);
        assert_eq!(seconds(&all), [0, 3, 6, 9, 12]);
        assert!(watch.holds().is_empty() && !watch.is_known());
        // an order that is always on its way hides nothing for ever
        run(&mut watch, (15, 19), &holding(2, 50), &moving);
        assert!(!watch.holds().is_empty());
        // asked before it moved, answered after
        let mut watch = Watch::default();
        assert!(watch.is_due(at(30), POLL));
        watch.booked(at(31));
        assert_eq!(watch.reading(at(40), &holding(2, 50), &believed(3, 50)), Outcome::default());
        assert!(watch.seen().is_empty());
        // a difference seen once only is none
        assert!(watch.is_due(at(70), POLL));
        watch.reading(at(70), &holding(2, 50), &believed(3, 50));
        assert!(watch.is_due(at(73), POLL));
        assert_eq!(watch.reading(at(73), &holding(3, 50), &believed(3, 50)), Outcome::default());
        assert!(watch.holds().is_empty() && watch.is_known());
    }

    #[test]
    fn a_balance_counts_as_won_or_lost_until_it_is_named() {
        let mut watch = Watch::default();
        run(&mut watch, (0, 10), &holding(3, 450), &believed(3, 850));
        assert_eq!((watch.unexplained(), watch.explained()), (Cash::units(-400), Cash::ZERO));
        // trading goes on beside it: other cash, the same difference, to what entries are told in
        let mut later = holding(3, 451);
        later.cash -= Cash(3_000_000);
        run(&mut watch, (10, 30), &later, &believed(3, 851));
        assert!(watch.holds()[0].starts_with("balance 400"), "{:?}", watch.holds());
        assert_eq!(watch.explain(), Some(Cash::units(-400) - Cash(3_000_000)));
        assert_eq!(watch.explain(), None);
        run(&mut watch, (30, 60), &later, &believed(3, 851));
        assert!(watch.holds().is_empty() && watch.unexplained() == Cash::ZERO);
        // cut off entries are no difference
        let mut cut = later.clone();
        cut.cash -= Cash(4_999_999);
        assert!(run(&mut watch, (60, 100), &cut, &believed(3, 851)).iter().all(|(_, outcome)| !outcome.is_news));
    }

    /// What a history of money tells explains a balance where its sum is the difference, each row once; any other sum explains nothing.
    #[test]
    fn what_was_paid_in_or_out_is_no_result() {
        let mut watch = Watch::default();
        let paid = |name: &str, amount: i64| Transfer { name: name.to_owned(), at: at(5), amount: Cash::units(amount) };
        let all = run(&mut watch, (0, 1), &holding(3, 910), &believed(3, 850));
        assert!(all[0].1.asks_transfers && all[0].1.asks_history);
        for wrong in [vec![], vec![paid("a", 100)], vec![paid("a", 60), paid("b", 1)]] {
            assert_eq!(watch.told_transfers(&wrong, 5), None, "{wrong:?}");
        }
        assert_eq!(watch.told_transfers(&[paid("a", 100), paid("b", -40)], 5), Some(Cash::units(60)));
        assert!(
            run(&mut watch, (1, 60), &holding(3, 910), &believed(3, 850)).iter().all(|(_, outcome)| !outcome.is_news)
        );
        assert_eq!((watch.unexplained(), watch.explained()), (Cash::ZERO, Cash::units(60)));
        // a loss beside it, and rows that explained something already
        let lost = run(&mut watch, (60, 140), &holding(3, 510), &believed(3, 850));
        assert_eq!(lost.iter().filter(|(_, outcome)| outcome.asks_transfers).count(), 2, "at once, and now and then");
        assert_eq!(watch.told_transfers(&[paid("a", 100), paid("b", -40)], 5), None);
        assert_eq!(watch.unexplained(), Cash::units(-400));
        // in another process what was explained is known
        let mut next = Watch::default();
        next.resume(watch.explained(), Vec::new(), watch.transfers().clone());
        run(&mut next, (0, 10), &holding(3, 970), &believed(3, 850));
        assert_eq!(next.told_transfers(&[paid("a", 100), paid("b", -40), paid("c", 60)], 5), Some(Cash::units(60)));
    }

    #[test]
    fn orders_that_nobody_has_under_way_are_told_apart() {
        let open = |client: Option<(u16, u32)>, name: &str| OpenOrder {
            name: name.to_owned(),
            client: 7,
            sent_by: client.map(|(epoch, id)| (RunNumber { tag: 1, epoch }, OrderId(id))),
            side: Side::Buy,
            qty: Qty(1),
            px: Price(2),
        };
        let said = |orders: &[OpenOrder]| Holding { orders: orders.to_vec(), ..holding(3, 50) };
        let mut watch = Watch::default();
        let ours = said(&[open(Some((3, 5)), "a"), open(Some((1, 5)), "b")]);
        assert!(run(&mut watch, (0, 40), &ours, &believed(3, 50)).iter().all(|(_, outcome)| !outcome.is_news));
        // of a process before, and of this one though it is over
        let left = said(&[open(Some((2, 70)), "c"), open(Some((3, 9)), "d")]);
        let all = run(&mut watch, (60, 70), &left, &believed(3, 50));
        assert_eq!(all[1].1.cancels, [OrderId(70), OrderId(9)]);
        assert!(!watch.is_other_instance());
        for other in [open(Some((4, 1)), "e"), open(Some((3, 10)), "f")] {
            let mut watch = Watch::default();
            run(&mut watch, (0, 4), &said(&[other]), &believed(3, 50));
            assert!(watch.is_other_instance());
        }
        let mut watch = Watch::default();
        let all = run(&mut watch, (0, 30), &said(&[open(None, "g")]), &believed(3, 50));
        assert!(all.iter().all(|(_, outcome)| outcome.cancels.is_empty() && !outcome.is_confirmed));
        assert!(watch.latched()[0].contains("not ours"));
    }

    #[test]
    fn settings_markets_and_foreign_fills_hold() {
        // 33.33 percent are three times, as one venue writes it
        let mut watch = Watch::of(Rate(3 * Rate::ONE));
        let rounded = Holding { leverage: Some(Rate(3_000_300_030_003)), ..holding(3, 50) };
        run(&mut watch, (0, 40), &rounded, &believed(3, 50));
        assert!(watch.holds().is_empty());
        // the first reading shows it as well
        let other = Holding { leverage: Some(Rate(6 * Rate::ONE)), is_isolated: Some(true), ..holding(3, 50) };
        for (mut watch, from) in [(watch, 60), (Watch::of(Rate(3 * Rate::ONE)), 0)] {
            run(&mut watch, (from, from + 5), &other, &believed(3, 50));
            assert_eq!(watch.holds(), ["leverage 6 times, not 3 times", "margin isolated, not cross"]);
        }
        let mut watch = Watch::default();
        let elsewhere = Holding { other_positions: vec![("ETH".to_owned(), Qty(-1))], ..holding(3, 50) };
        run(&mut watch, (0, 30), &elsewhere, &believed(3, 50));
        assert_eq!(watch.holds(), ["-0.000000001 held in ETH"]);
        assert!(watch.latched().is_empty());
        let fill =
            ForeignFill { name: "x".into(), client: 0, sent_by: None, side: Side::Sell, px: Price(2), qty: Qty(1) };
        let number = RunNumber { tag: 1, epoch: 3 };
        watch.foreign_fill(&fill, number, None);
        assert!(watch.holds()[1].contains("(until `resume`)") && !watch.is_other_instance());
        // under the number of a later process of this run
        let later = ForeignFill { sent_by: Some((RunNumber { epoch: 4, ..number }, OrderId(1))), ..fill };
        let mut shared = Watch::default();
        shared.foreign_fill(&later, number, None);
        assert!(shared.is_other_instance());
        assert_eq!((watch.adopted(at(40)), watch.adopted(at(41))), (Some(Price(2)), None));
    }
}
