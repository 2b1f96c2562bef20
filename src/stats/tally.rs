//! The running counts of one run: everything a metric needs that neither the ledger nor the equity samples hold.

use crate::ledger::{Belief, Line, Mids};
use crate::market::{Event, EventBody, NewOrder, OrderId, Role};
use crate::trader::{StateInfo, Transition};
use crate::units::{Cash, Notional, Price, SECOND_NS, Time};
use serde::{Deserialize, Serialize};

/// A lock shorter than this is counted as short.
const SHORT_LOCK_NS: i64 = 60 * SECOND_NS;

/// Everything between leaving state 0 and the return to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct OpenTrade {
    since: Time,
    /// Sum of the ledger's lines at its start.
    total2: i128,
    fills: u32,
    locked: bool,
}

/// An episode of unmatched quantity that the state does not mean to hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Episode {
    since: Time,
    /// The legging line at its start.
    line2: i128,
}

/// The order's opposite best when it was decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Decided {
    id: OrderId,
    px: Price,
}

/// Money is doubled (half of 1e-18 quote) where its name ends in 2.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Tally {
    state: u8,
    state_since: Time,
    /// Time spent in each state, ns.
    pub state_ns: Vec<i64>,
    /// Transitions by reason.
    pub reasons: Vec<u32>,
    /// Pnl from the value frozen at the lock to the trade's end (or the next lock), by the reason that ended the lock.
    pub unlock2: Vec<i128>,
    trade: Option<OpenTrade>,
    /// Value and time of the present lock.
    lock: Option<(i128, Time)>,
    /// Reason that ended the newest lock, and the value that was frozen.
    unlocked: Option<(u8, i128)>,
    episode: Option<Episode>,
    decided: Vec<Decided>,
    /// Pnl of each trade, quote units, in order.
    pub pnls: Vec<f64>,
    pub wins: u32,
    pub won2: i128,
    /// Not positive.
    pub lost2: i128,
    pub trade_ns: i64,
    /// Trades in which both legs were once locked.
    pub round_trips: u32,
    pub locks: u32,
    pub short_locks: u32,
    pub answers: u32,
    pub orders: u32,
    pub cancels: u32,
    pub fills: u32,
    pub turnover: Notional,
    pub maker_turnover: Notional,
    /// Distance of the fills from the opposite best at their order's decision; positive = cost.
    pub decision_cost: Notional,
    /// Value of those fills at that best.
    pub decision_value: Notional,
    pub legging_episodes: u32,
    pub legging_ns: i64,
    pub legging_worst_ns: i64,
    /// The costliest episode's money; not positive.
    pub legging_worst2: i128,
    pub peak_margin: Cash,
    pub open_at_end: bool,
}

impl Tally {
    /// Nothing has happened yet; `states` and `reasons` are numbers of the trader's names.
    pub fn new(from: Time, states: usize, reasons: usize) -> Tally {
        Tally {
            state_since: from,
            state_ns: vec![0; states],
            reasons: vec![0; reasons],
            unlock2: vec![0; reasons],
            ..Tally::default()
        }
    }

    pub fn order(&mut self, order: &NewOrder, opposite: Price) {
        self.orders += 1;
        self.decided.push(Decided { id: order.id, px: opposite });
    }

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

    /// After an event was booked.
    pub fn booked(&mut self, now: Time, belief: &Belief, states: &[StateInfo]) {
        let margin = belief.books.iter().map(|book| book.leg.margin).sum();
        self.peak_margin = self.peak_margin.max(margin);
        self.exposure(now, belief, states);
    }

    /// After the mids of `now` were put on the lines, with the trader in its new state.
    pub fn transition(&mut self, now: Time, step: &Transition, belief: &Belief, mids: Mids, states: &[StateInfo]) {
        self.reasons[usize::from(step.reason)] += 1;
        self.spend(now);
        self.state = step.to;
        let (from, to) = (&states[usize::from(step.from)], &states[usize::from(step.to)]);
        if from.locked {
            self.end_lock(now, step.reason);
        }
        if step.from == 0 && step.to != 0 {
            let total2 = belief.lines.total2();
            self.trade = Some(OpenTrade { since: now, total2, fills: 0, locked: false });
        }
        if to.locked {
            let value2 = belief.equity2(mids);
            self.settle_unlock(value2);
            self.locks += 1;
            self.lock = Some((value2, now));
            if let Some(trade) = &mut self.trade {
                trade.locked = true;
            }
        }
        if step.to == 0 {
            self.settle_unlock(belief.equity2(mids));
            self.end_trade(now, belief);
        }
        self.exposure(now, belief, states);
    }

    fn spend(&mut self, now: Time) {
        self.state_ns[usize::from(self.state)] += now.since(self.state_since);
        self.state_since = now;
    }

    fn end_lock(&mut self, now: Time, reason: u8) {
        if let Some((value2, since)) = self.lock.take() {
            self.short_locks += u32::from(now.since(since) < SHORT_LOCK_NS);
            self.unlocked = Some((reason, value2));
        }
    }

    fn settle_unlock(&mut self, value2: i128) {
        if let Some((reason, frozen2)) = self.unlocked.take() {
            self.unlock2[usize::from(reason)] += value2 - frozen2;
        }
    }

    fn end_trade(&mut self, now: Time, belief: &Belief) {
        let Some(trade) = self.trade.take().filter(|trade| trade.fills > 0) else { return };
        let pnl2 = belief.lines.total2() - trade.total2;
        self.pnls.push(pnl2 as f64 * 0.5e-18);
        self.trade_ns += now.since(trade.since);
        self.round_trips += u32::from(trade.locked);
        if pnl2 > 0 {
            self.wins += 1;
            self.won2 += pnl2;
        } else {
            self.lost2 += pnl2;
        }
    }

    /// Opens or closes an episode of unmatched quantity. The lines are up to date at `now`.
    fn exposure(&mut self, now: Time, belief: &Belief, states: &[StateInfo]) {
        let unmatched = belief.qty(Role::Long) != belief.qty(Role::Short);
        let exposed = unmatched && states[usize::from(self.state)].unmatched == Line::Legging;
        let line2 = || Role::BOTH.iter().map(|&role| belief.lines.get2(role, Line::Legging)).sum::<i128>();
        match (self.episode, exposed) {
            (None, true) => self.episode = Some(Episode { since: now, line2: line2() }),
            (Some(episode), false) => {
                let lasted = now.since(episode.since);
                self.episode = None;
                self.legging_episodes += 1;
                self.legging_ns += lasted;
                self.legging_worst_ns = self.legging_worst_ns.max(lasted);
                self.legging_worst2 = self.legging_worst2.min(line2() - episode.line2);
            }
            _ => {}
        }
    }

    /// The end of the data, before anything is closed by rule.
    pub fn finish(&mut self, to: Time, belief: &Belief) {
        self.spend(to);
        self.open_at_end = !belief.is_flat();
        if let Some(episode) = self.episode.take() {
            self.legging_episodes += 1;
            self.legging_ns += to.since(episode.since);
            self.legging_worst_ns = self.legging_worst_ns.max(to.since(episode.since));
        }
        self.trade = None;
    }
}
