//! The running counts of one run: everything a metric needs that neither the ledger nor the equity samples hold.

use super::legging::{At, Legging, LeggingRow, State};
use crate::ledger::Line;
use crate::market::{Event, EventBody, NewOrder, OrderId};
use crate::port::{StateInfo, Transition};
use crate::units::{Cash, MINUTE, MidValue, Notional, Price, Time, TimeDelta};
use serde::{Deserialize, Serialize};

/// A lock shorter than this is counted as short.
const SHORT_LOCK: TimeDelta = MINUTE;

/// Everything between leaving state 0 and the return to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct OpenTrade {
    /// When it left state 0.
    since: Time,
    /// Sum of the ledger's lines at its start.
    total: MidValue,
    /// Of both legs, so far.
    fills: u32,
    locked: bool,
}

/// The order's opposite best when it was decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Decided {
    /// The trader's number.
    id: OrderId,
    /// Zero: there was none.
    px: Price,
}

/// Counts and sums since the start of the run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Tally {
    /// The present one.
    state: u8,
    /// When it began.
    state_since: Time,
    /// Time spent in each state.
    pub state_times: Vec<TimeDelta>,
    /// Transitions by reason.
    pub reasons: Vec<u32>,
    /// Pnl from the value frozen at the lock to the trade's end (or the next lock), by the reason that ended the lock.
    pub unlock: Vec<MidValue>,
    /// The trade that goes on.
    trade: Option<OpenTrade>,
    /// Value and time of the present lock.
    lock: Option<(MidValue, Time)>,
    /// Reason that ended the newest lock, and the value that was frozen.
    unlocked: Option<(u8, MidValue)>,
    /// Of orders that are not over.
    decided: Vec<Decided>,
    /// Pnl of each trade, quote units, in order.
    pub pnls: Vec<f64>,
    /// Trades that made money.
    pub wins: u32,
    /// What they made; not negative.
    pub won: MidValue,
    /// Not positive.
    pub lost: MidValue,
    /// Time inside trades, in all.
    pub trade_time: TimeDelta,
    /// Trades in which both legs were once locked.
    pub round_trips: u32,
    /// Transitions into a locked state.
    pub locks: u32,
    /// Locks that lasted less than 60 s.
    pub short_locks: u32,
    /// Events that reached the trader.
    pub answers: u32,
    /// Orders sent, both venues.
    pub orders: u32,
    /// Cancels sent, both venues.
    pub cancels: u32,
    /// Fills heard, each at one price.
    pub fills: u32,
    /// Value of all fills; not negative.
    pub turnover: Notional,
    /// Value of the fills of resting orders.
    pub maker_turnover: Notional,
    /// Distance of the fills from the opposite best at their order's decision; positive = cost.
    pub decision_cost: Notional,
    /// Value of those fills at that best.
    pub decision_value: Notional,
    /// Where a leg stood alone that should not.
    pub legging: Legging,
    /// Largest margin posted on both venues together, after any booking.
    pub peak_margin: Cash,
    /// A leg was open as the data ended.
    pub open_at_end: bool,
}

impl Tally {
    /// Nothing has happened yet; `states` and `reasons` are numbers of the trader's names.
    pub fn new(from: Time, states: usize, reasons: usize) -> Tally {
        Tally {
            state_since: from,
            state_times: vec![TimeDelta::ZERO; states],
            reasons: vec![0; reasons],
            unlock: vec![MidValue::ZERO; reasons],
            ..Tally::default()
        }
    }

    /// Ends what is counted by time at `now`, as a transition would: the time in the present state counts up to there.
    pub(crate) fn cut(&mut self, now: Time) {
        self.spend(now);
    }

    /// The sums so far; from here on they are those of another stretch, which [`Tally::book`] puts behind them. What goes on is told from
    /// where all lines come to nothing and the balances to nothing: they came to `total` and `cash`.
    pub(crate) fn take_sums(&mut self, total: MidValue, cash: MidValue) -> Tally {
        let empty = Tally {
            state: self.state,
            state_since: self.state_since,
            state_times: vec![TimeDelta::ZERO; self.state_times.len()],
            reasons: vec![0; self.reasons.len()],
            unlock: vec![MidValue::ZERO; self.unlock.len()],
            trade: self.trade,
            lock: self.lock,
            unlocked: self.unlocked,
            decided: std::mem::take(&mut self.decided),
            ..Tally::default()
        };
        let taken = std::mem::replace(self, empty);
        self.legging = taken.legging.take_sums();
        self.shift(-total, -cash);
        taken
    }

    /// What goes on is told from elsewhere: all lines come to more by `total` there, the balances by `cash`.
    pub(crate) fn shift(&mut self, total: MidValue, cash: MidValue) {
        self.trade.iter_mut().for_each(|trade| trade.total += total);
        self.lock.iter_mut().for_each(|(value, _)| *value += cash);
        self.unlocked.iter_mut().for_each(|(_, value)| *value += cash);
    }

    /// No episode of legging goes on, and all that legging made was made in episodes.
    pub(crate) fn is_level(&self, legging: MidValue) -> bool {
        self.legging.is_level(legging)
    }

    /// The orders that went out before are over.
    pub(crate) fn forget_orders(&mut self) {
        self.decided.clear();
    }

    /// Adds the sums of the stretch `next`; what goes on stays as it was.
    pub(crate) fn book(&mut self, next: &Tally) {
        let zip = |own: &mut [u32], more: &[u32]| own.iter_mut().zip(more).for_each(|(own, more)| *own += more);
        self.state_times.iter_mut().zip(&next.state_times).for_each(|(own, more)| *own += *more);
        zip(&mut self.reasons, &next.reasons);
        self.unlock.iter_mut().zip(&next.unlock).for_each(|(own, more)| *own += *more);
        self.pnls.extend_from_slice(&next.pnls);
        for (own, more) in [
            (&mut self.wins, next.wins),
            (&mut self.round_trips, next.round_trips),
            (&mut self.locks, next.locks),
            (&mut self.short_locks, next.short_locks),
            (&mut self.answers, next.answers),
            (&mut self.orders, next.orders),
            (&mut self.cancels, next.cancels),
            (&mut self.fills, next.fills),
        ] {
            *own += more;
        }
        self.won += next.won;
        self.lost += next.lost;
        self.trade_time += next.trade_time;
        self.turnover += next.turnover;
        self.maker_turnover += next.maker_turnover;
        self.decision_cost += next.decision_cost;
        self.decision_value += next.decision_value;
        self.legging.book(&next.legging);
        self.peak_margin = self.peak_margin.max(next.peak_margin);
        self.open_at_end |= next.open_at_end;
    }

    /// What goes on, as another has it.
    pub(crate) fn go_on_as(&mut self, other: Tally) {
        (self.state, self.state_since) = (other.state, other.state_since);
        (self.trade, self.lock, self.unlocked) = (other.trade, other.lock, other.unlocked);
        self.decided = other.decided;
        self.legging.go_on_as(other.legging);
    }

    /// An order leaves the trader; `opposite`: the best price that it could take, zero when there is none.
    pub fn order(&mut self, order: &NewOrder, opposite: Price) {
        self.orders += 1;
        self.decided.push(Decided { id: order.id, px: opposite });
    }

    /// A cancel leaves the trader.
    pub fn cancel(&mut self) {
        self.cancels += 1;
    }

    /// An event that reached the trader, before it is booked.
    pub fn event(&mut self, event: &Event) {
        self.answers += 1;
        match event.body {
            EventBody::Fill { id, side, px, qty, maker, .. } => {
                let value = px.of(qty);
                self.fills += 1;
                self.turnover += value;
                if maker {
                    self.maker_turnover += value;
                }
                if let Some(decided) = self.decided.iter().find(|decided| decided.id == id && decided.px.0 > 0) {
                    let at_best = decided.px.of(qty);
                    self.decision_value += at_best;
                    self.decision_cost += Notional((value - at_best).0 * i128::from(side.sign()));
                }
                if let Some(trade) = &mut self.trade {
                    trade.fills += 1;
                }
            }
            EventBody::Done { id, .. } | EventBody::Rejected { id, .. } => self.decided.retain(|order| order.id != id),
            _ => {}
        }
    }

    /// After an event was booked. `hedging`: fills that open a leg hedge the other one. Returns the episode of legging that
    /// it ended.
    pub fn booked(&mut self, at: &At<'_>, event: &Event, hedging: bool, states: &[StateInfo]) -> Option<LeggingRow> {
        let margin = at.belief.books.iter().map(|book| book.leg.margin).sum();
        self.peak_margin = self.peak_margin.max(margin);
        self.legging.booked(at, event, self.known(self.state, hedging, states))
    }

    /// After the mids of now were put on the lines, with the trader in its new state. Returns the episode of legging that
    /// it ended.
    pub fn transition(&mut self, at: &At<'_>, step: &Transition, states: &[StateInfo]) -> Option<LeggingRow> {
        let (now, belief) = (at.now, at.belief);
        self.reasons[usize::from(step.reason)] += 1;
        self.spend(now);
        self.state = step.to;
        let (from, to) = (&states[usize::from(step.from)], &states[usize::from(step.to)]);
        if from.locked {
            self.end_lock(now, step.reason);
        }
        if step.from == 0 && step.to != 0 {
            let total = belief.lines.total();
            self.trade = Some(OpenTrade { since: now, total, fills: 0, locked: false });
        }
        if to.locked {
            let value = belief.equity(at.mids);
            self.settle_unlock(value);
            self.locks += 1;
            self.lock = Some((value, now));
            if let Some(trade) = &mut self.trade {
                trade.locked = true;
            }
        }
        if step.to == 0 {
            self.settle_unlock(belief.equity(at.mids));
            self.end_trade(at);
        }
        let [before, after] = [step.from, step.to].map(|state| self.known(state, false, states));
        self.legging.moved(at, before, after)
    }

    /// When the present state was entered.
    pub fn state_since(&self) -> Time {
        self.state_since
    }

    /// What all lines came to when the trade began that goes on; `None`: none does.
    pub fn before_trade(&self) -> Option<MidValue> {
        self.trade.as_ref().map(|trade| trade.total)
    }

    /// What legging needs to know of a state.
    fn known(&self, number: u8, hedging: bool, states: &[StateInfo]) -> State {
        let info = &states[usize::from(number)];
        State {
            number,
            trade: if self.trade.is_some() { self.pnls.len() as u32 + 1 } else { 0 },
            idle: number == 0,
            locked: info.locked,
            legging: info.unmatched == Line::Legging,
            hedging,
        }
    }

    /// Puts the time since the last transition on the state that is left.
    fn spend(&mut self, now: Time) {
        self.state_times[usize::from(self.state)] += now.since(self.state_since);
        self.state_since = now;
    }

    /// The value frozen at the lock waits for what comes of it.
    fn end_lock(&mut self, now: Time, reason: u8) {
        if let Some((value, since)) = self.lock.take() {
            self.short_locks += u32::from(now.since(since) < SHORT_LOCK);
            self.unlocked = Some((reason, value));
        }
    }

    /// What was made since the lock goes to the reason that ended it.
    fn settle_unlock(&mut self, value: MidValue) {
        if let Some((reason, frozen)) = self.unlocked.take() {
            self.unlock[usize::from(reason)] += value - frozen;
        }
    }

    /// Counts the trade, if anything filled.
    fn end_trade(&mut self, at: &At<'_>) {
        let Some(trade) = self.trade.take().filter(|trade| trade.fills > 0) else { return };
        let pnl = at.belief.lines.total() - trade.total;
        self.pnls.push(pnl.as_f64());
        self.trade_time += at.now.since(trade.since);
        self.round_trips += u32::from(trade.locked);
        if pnl > MidValue::ZERO {
            self.wins += 1;
            self.won += pnl;
        } else {
            self.lost += pnl;
        }
    }

    /// The end of the data, before anything is closed by rule. Returns the episode of legging that went on.
    pub fn finish(&mut self, at: &At<'_>) -> Option<LeggingRow> {
        self.spend(at.now);
        self.open_at_end = !at.belief.is_flat();
        self.trade = None;
        self.legging.finish(at)
    }
}
