//! Removals: everything that makes legs smaller. Exits, unlocks, trims, rollbacks, buying back a failed lock. Orders that
//! work are cancelled and their end awaited; then each leg is closed, and closed again, until it is down to what is kept.
//! With the second-best venue of strategy.md 6 where a venue refuses or is silent.

use super::{Count, Desk, Ended, Floor, TimerKind};
use crate::config::Taking;
use crate::market::{OrderKind, Reject, Role};
use crate::strategy::{Reason, State};
use crate::units::{Qty, Time};
use serde::{Deserialize, Serialize};

/// What is being done, for the rules that differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Removal {
    /// All of it: exits of S1, S4, S5, rollback. A silent venue is hedged on the other.
    Flatten,
    /// One or both legs of S3.
    Unlock,
    /// Down to the matched quantity, half, or what may be kept. The state stays.
    Trim,
}

/// The opposite leg opened on the other venue while one does not answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hedge {
    /// Whose venue refuses or is silent.
    pub role: Role,
    /// It has answered again: close both at the next tick with fresh quotes.
    pub back: bool,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Close {
    pub removal: Removal,
    /// By role: what stays.
    pub keep: [Qty; 2],
    /// How closes are sent.
    pub taking: Taking,
    /// The state that follows, and why.
    pub then: State,
    pub reason: Reason,
    pub also: u32,
    pub urgent: bool,
    /// An unlock that took too long: nothing more is sent, the end of what is in flight is awaited.
    pub given_up: bool,
    pub hedge: Option<Hedge>,
    /// When the first hedge began, for the count of hedged time.
    hedged_since: Option<Time>,
    /// By role: the passive order of the style is spent.
    passive_spent: [bool; 2],
    sent: [u32; 2],
    /// By role: since when every answer has been a refusal.
    refused_since: [Option<Time>; 2],
}

impl Close {
    pub fn new(removal: Removal, keep: [Qty; 2], taking: Taking, then: State, reason: Reason, also: u32) -> Close {
        Close {
            removal,
            keep,
            taking,
            then,
            reason,
            also,
            urgent: false,
            given_up: false,
            hedge: None,
            hedged_since: None,
            passive_spent: [false; 2],
            sent: [0; 2],
            refused_since: [None; 2],
        }
    }

    /// Everything is being closed by urgent takers already.
    pub fn is_flattening(&self) -> bool {
        self.urgent && self.then == State::Idle && self.keep == [Qty::ZERO; 2]
    }

    /// What of a leg is still to go, in its venue's lots; less is dust. Of a leg that stays, what the venue does not take
    /// in its own size stays too.
    fn excess(&self, floor: &Floor<'_>, role: Role) -> Qty {
        let (lot, keep) = (floor.plan.instrument(role).lot, self.keep[role.ix()]);
        let excess = (floor.held(role) - keep).max(Qty::ZERO).floor_to(lot);
        let (px, _) = floor.bbo(role).opposite(role.closing());
        let kind = self.next_kind(floor, role, excess);
        let stays = !keep.is_zero() && px.0 > 0 && !floor.plan.instrument(role).takes_as(kind, excess, px);
        if stays { Qty::ZERO } else { excess }
    }

    /// How the next order goes out: by the style, but what is too small to rest is taken where the style allows it.
    fn next_kind(&self, floor: &Floor<'_>, role: Role, excess: Qty) -> OrderKind {
        let (r, style) = (role.ix(), self.taking.style);
        let (px, _) = floor.bbo(role).opposite(role.closing());
        let too_small = !self.keep[r].is_zero() && !floor.is_tradable(role, excess, px);
        let taken = !style.may_make() || style.may_take() && (self.passive_spent[r] || too_small);
        if taken { OrderKind::Ioc } else { OrderKind::PostOnly }
    }

    /// Quantity by which a leg stands alone.
    fn naked(&self, floor: &Floor<'_>, role: Role) -> Qty {
        (floor.held(role) - floor.held(role.other())).max(Qty::ZERO)
    }

    pub fn on_end(&mut self, desk: &mut Desk, floor: &Floor<'_>, ended: &Ended) {
        let r = ended.role.ix();
        if self.sent[r] == 0 && self.hedge.is_none() {
            return; // an order of what was under way before: nothing of ours has to be waited for
        }
        let crossed = ended.rejected == Some(Reject::PostOnlyCross);
        match ended.rejected {
            Some(reason) if !matches!(reason, Reject::PostOnlyCross | Reject::ReduceOnly) => {
                self.refused_since[r].get_or_insert(floor.now());
            }
            _ => self.refused_since[r] = None,
        }
        let goes_on_at_once = ended.kind == OrderKind::PostOnly && self.taking.style.may_take();
        if !(goes_on_at_once || crossed && self.taking.style.may_take()) {
            let due = floor.now().plus(floor.plan.strategy.execution.close_retry_ns);
            desk.set_timer(due, TimerKind::Resume(ended.role));
        }
    }

    /// A leg's venue has refused for the venue timeout, or has just become silent.
    pub fn is_stuck(&self, floor: &Floor<'_>, role: Role, silent: bool) -> bool {
        let timeout = floor.plan.strategy.execution.venue_timeout_ns;
        let refused = self.refused_since[role.ix()].is_some_and(|since| floor.now().since(since) >= timeout);
        self.removal == Removal::Flatten
            && self.hedge.is_none()
            && (silent || refused)
            && self.excess(floor, role).0 > 0
    }

    pub fn begin_hedge(&mut self, desk: &mut Desk, floor: &mut Floor<'_>, role: Role) {
        if self.naked(floor, role).0 == 0 {
            return;
        }
        floor.counts.add(Count::Hedges);
        self.hedge = Some(Hedge { role, back: false });
        self.hedged_since.get_or_insert(floor.now());
        if desk.working(role).is_none() {
            desk.probe(floor, role);
        }
    }

    /// The silent venue is back and both quotes are fresh: both legs close together by taker.
    pub fn end_hedge(&mut self, floor: &Floor<'_>) {
        self.hedge = None;
        self.refused_since = [None; 2];
        self.keep = [Qty::ZERO; 2];
        self.urgent = true;
        self.taking = urgent(floor.plan);
    }

    /// Sends what is missing; true when nothing is left to close and no order is open or unknown.
    pub fn drive(&mut self, desk: &mut Desk, floor: &mut Floor<'_>) -> bool {
        let mut done = true;
        for role in Role::BOTH {
            done &= self.drive_leg(desk, floor, role);
        }
        done &= self.hedge.is_none();
        if done && let Some(since) = self.hedged_since {
            floor.counts.add_n(Count::HedgedNs, floor.now().since(since).max(0) as u64);
        }
        done
    }

    fn drive_leg(&mut self, desk: &mut Desk, floor: &mut Floor<'_>, role: Role) -> bool {
        if let Some(order) = desk.working(role) {
            // an order of the state before: it opens, or it rests for a removal that this one took over
            let old = order.side == role.opening() || self.sent[role.ix()] == 0;
            if (old || self.given_up) && self.hedge.is_none() {
                desk.cancel(floor, role);
            }
            return false;
        }
        let pausing = desk.is_pausing(role);
        if let Some(hedge) = self.hedge {
            if role != hedge.role && !hedge.back && !pausing {
                self.open_hedge(desk, floor, hedge.role);
            }
            return false;
        }
        let excess = self.excess(floor, role);
        if excess.0 == 0 {
            return true;
        }
        if !pausing && !self.given_up {
            self.send(desk, floor, role, excess);
        }
        false
    }

    fn open_hedge(&self, desk: &mut Desk, floor: &mut Floor<'_>, stuck: Role) {
        let other = stuck.other();
        let naked = self.naked(floor, stuck).floor_to(floor.plan.instrument(other).lot);
        let (px, _) = floor.bbo(other).opposite(other.opening());
        if floor.is_tradable(other, naked, px) {
            desk.hedge_taking(floor, other, naked, floor.plan.strategy.execution.urgent_slip);
        }
    }

    fn send(&mut self, desk: &mut Desk, floor: &mut Floor<'_>, role: Role, excess: Qty) {
        let r = role.ix();
        let kind = self.next_kind(floor, role, excess);
        let qty = legal(floor, role, excess, self.keep[r].is_zero(), kind);
        let sent = if kind == OrderKind::PostOnly {
            self.passive_spent[r] = true;
            desk.close_passive(floor, role, qty, self.taking.passive_timeout_ns)
        } else {
            desk.close_taking(floor, role, qty, self.taking.slip)
        };
        if sent {
            self.sent[r] += 1;
            floor.counts.add_n(Count::ClosesResent, u64::from(self.sent[r] > 1));
        } else {
            let due = floor.now().plus(floor.plan.strategy.execution.close_retry_ns);
            desk.set_timer(due, TimerKind::Resume(role));
        }
    }
}

/// A residue that the venue does not take in its own size goes out as the smallest legal order, reduce-only, when all of
/// the leg is to go: the venue trims it to the position.
fn legal(floor: &Floor<'_>, role: Role, excess: Qty, all: bool, kind: OrderKind) -> Qty {
    let instrument = floor.plan.instrument(role);
    let (px, _) = floor.bbo(role).opposite(role.closing());
    if !all || px.0 <= 0 || instrument.takes_as(kind, excess, px) {
        return excess;
    }
    let for_value = (instrument.min_notional.0 + i128::from(px.0) - 1) / i128::from(px.0);
    let least = instrument.min_qty.0.max(for_value as i64);
    Qty((least + instrument.lot.0 - 1) / instrument.lot.0 * instrument.lot.0)
}

/// Urgent closes: taker with `urgent_slip_bp`.
pub fn urgent(plan: &crate::strategy::Plan) -> Taking {
    Taking { style: crate::config::Style::Taker, passive_timeout_ns: 0, slip: plan.strategy.execution.urgent_slip }
}
