//! A stretch of a run as what it adds to any run that lives it: what is summed up is taken out of a machine, booked into the runs that
//! share it, and put together with the machine again.

use crate::execution::{Counts, LAST};
use crate::ledger::{Line, Lines};
use crate::market::{Reject, Role};
use crate::port::Trader;
use crate::replay::{LedgerChain, RunState};
use crate::sim::{SimStats, SimVenue};
use crate::stats::{Atoms, Equity, Tally};
use crate::tape::Tile;
use crate::trader::Composite;
use crate::units::{Cash, MidValue, Time};
use std::collections::VecDeque;
use std::hash::{DefaultHasher, Hash, Hasher};

/// A run of the shipped strategy at simulated venues.
pub(super) type Run = RunState<Composite>;

/// Decision times of requests by role, as the trader counts them and as the venue does.
#[derive(Clone, Debug, Default)]
pub(super) struct Requests {
    own: [VecDeque<Time>; 2],
    venue: [VecDeque<i64>; 2],
}

impl Requests {
    fn take(m: &mut Run) -> Requests {
        let own = m.trader.requests_mut().each_mut().map(std::mem::take);
        let venue = m.venues.0.each_mut().map(|sim| std::mem::take(sim.requests_mut()));
        Requests { own, venue }
    }

    fn put(self, m: &mut Run) {
        *m.trader.requests_mut() = self.own;
        for (sim, times) in m.venues.0.iter_mut().zip(self.venue) {
            *sim.requests_mut() = times;
        }
    }

    /// By role, of both: how many were made at `now`.
    fn at(&self, now: Time) -> [[usize; 2]; 2] {
        let own = self.own.each_ref().map(|times| times.iter().filter(|&&at| at == now).count());
        [own, self.venue.each_ref().map(|times| times.iter().filter(|&&at| at == now.0).count())]
    }

    /// Those made since `from`, at which `known` had been made.
    fn since(self, (from, known): (Time, [[usize; 2]; 2])) -> Requests {
        Requests { own: made_since(self.own, from, known[0]), venue: made_since(self.venue, from.0, known[1]) }
    }

    /// As many as either had made, each as late as the later one's: neither has less room at any time than what this leaves.
    fn fullest(self, other: Requests) -> Requests {
        Requests { own: fullest(self.own, other.own), venue: fullest(self.venue, other.venue) }
    }
}

fn made_since<T: Ord>(all: [VecDeque<T>; 2], from: T, known: [usize; 2]) -> [VecDeque<T>; 2] {
    let mut out = all;
    for (times, mut left) in out.iter_mut().zip(known) {
        times.retain(|at| *at > from || *at == from && left.checked_sub(1).map(|n| left = n).is_none());
    }
    out
}

fn fullest<T: Ord + Copy>(own: [VecDeque<T>; 2], other: [VecDeque<T>; 2]) -> [VecDeque<T>; 2] {
    let mut out = own;
    for (own, other) in out.iter_mut().zip(other) {
        let (mut long, short) =
            if own.len() >= other.len() { (std::mem::take(own), other) } else { (other, std::mem::take(own)) };
        for (a, b) in long.iter_mut().rev().zip(short.iter().rev()) {
            *a = (*a).max(*b);
        }
        *own = long;
    }
    out
}

/// What only binds from below: of many runs the tightest stands for all.
#[derive(Clone, Debug)]
pub(super) struct Room {
    /// Balances by role.
    cash: [Cash; 2],
    /// Where the limits look from, above the sum of the balances: the highest equity, and that of the day's beginning.
    from: [MidValue; 2],
    requests: Requests,
}

impl Room {
    /// What both have.
    pub fn tightest(self, other: Room) -> Room {
        let least = |v: usize| self.cash[v].min(other.cash[v]);
        let from = |n: usize| self.from[n].max(other.from[n]);
        Room { cash: [least(0), least(1)], from: [from(0), from(1)], requests: self.requests.fullest(other.requests) }
    }

    /// A machine without sums has this room; where its stretch begins.
    pub fn put(self, m: &mut Run) -> Begun {
        let begun = Begun { cash: self.cash, requests: (m.now, self.requests.at(m.now)) };
        for (v, cash) in self.cash.into_iter().enumerate() {
            m.belief.books[v].cash = cash;
            m.venues.0[v].truth_mut().cash = cash;
        }
        let sum = total(self.cash);
        m.tally.shift(MidValue::ZERO, sum);
        m.equity.look_from(self.from.map(|from| from + sum));
        self.requests.put(m);
        begun
    }
}

fn total(cash: [Cash; 2]) -> MidValue {
    MidValue::from(cash[0]) + cash[1].into()
}

/// Where a stretch began.
#[derive(Clone, Copy, Debug)]
pub(super) struct Begun {
    cash: [Cash; 2],
    /// When, and the requests already made at that moment.
    requests: (Time, [[usize; 2]; 2]),
}

/// What a stretch adds to a run.
#[derive(Clone, Debug)]
pub(super) struct Sums {
    begun: [Cash; 2],
    /// By role: believed, and true.
    cash: [[Cash; 2]; 2],
    lines: Lines,
    chain: LedgerChain,
    equity: Equity,
    atoms: Option<Box<Atoms>>,
    tally: Tally,
    stats: [SimStats; 2],
    counts: Counts,
    requests: Requests,
    steps: u64,
}

/// Takes out of a machine what a run sums up. `begun`: where that began; a whole run began with nothing.
pub(super) fn strip(m: &mut Run, begun: Option<&Begun>) -> (Room, Sums) {
    let cash = [0, 1].map(|v: usize| std::mem::replace(&mut m.belief.books[v].cash, Cash::ZERO));
    let truth = [0, 1].map(|v: usize| std::mem::replace(&mut m.venues.0[v].truth_mut().cash, Cash::ZERO));
    let lines = std::mem::take(&mut m.belief.lines);
    let tally = m.tally.take_sums(lines.total(), total(cash));
    let (equity, from) = m.equity.take_span();
    let requests = Requests::take(m);
    let room = Room { cash, from: from.map(|from| from - total(cash)), requests: requests.clone() };
    let sums = Sums {
        begun: begun.map_or([Cash::ZERO; 2], |begun| begun.cash),
        cash: [cash, truth],
        lines,
        chain: std::mem::take(&mut m.chain),
        equity,
        atoms: m.atoms.as_mut().map(|atoms| Box::new(atoms.take_stretch())),
        tally,
        stats: [0, 1].map(|v: usize| m.venues.0[v].take_stats()),
        counts: m.trader.take_counts(),
        requests: begun.map_or_else(Requests::default, |begun| requests.since(begun.requests)),
        steps: std::mem::take(&mut m.steps),
    };
    (room, sums)
}

/// Adds a stretch to a run.
pub(super) fn book(run: &mut Run, sums: &Sums) {
    let own = run.belief.books.each_ref().map(|book| book.cash);
    let shift = total(own) - total(sums.begun);
    for v in 0..2 {
        run.belief.books[v].cash += sums.cash[0][v] - sums.begun[v];
        run.venues.0[v].truth_mut().cash += sums.cash[1][v] - sums.begun[v];
        run.trader.requests_mut()[v].extend(&sums.requests.own[v]);
        run.venues.0[v].requests_mut().extend(&sums.requests.venue[v]);
        let mut stats = run.venues.0[v].take_stats();
        stats.add(&sums.stats[v]);
        run.venues.0[v].put_stats(stats);
    }
    run.belief.lines.add_all(&sums.lines);
    run.chain = run.chain.then(&sums.chain);
    let ended = run.equity.book(&sums.equity, shift);
    if let (Some(atoms), Some(stretch)) = (&mut run.atoms, &sums.atoms) {
        atoms.book(stretch, ended);
    }
    run.tally.book(&sums.tally);
    let mut counts = run.trader.take_counts();
    counts.add_all(&sums.counts);
    run.trader.put_counts(counts);
    run.steps += sums.steps;
}

/// The run goes on as a machine without sums stands.
pub(super) fn join(run: &mut Run, machine: &Run) {
    let cash = run.belief.books.each_ref().map(|book| book.cash);
    let mut tally = machine.tally.clone();
    tally.shift(run.belief.lines.total(), total(cash));
    run.tally.go_on_as(tally);
    let (counts, requests) = (run.trader.take_counts(), Requests::take(run));
    let truth = [0, 1].map(|v: usize| (run.venues.0[v].truth().cash, run.venues.0[v].take_stats()));
    let lines = run.belief.lines;
    run.trader = machine.trader.clone();
    run.venues = machine.venues.clone();
    run.belief = machine.belief.clone();
    run.belief.lines = lines;
    for (v, (truth, stats)) in truth.into_iter().enumerate() {
        run.belief.books[v].cash = cash[v];
        run.venues.0[v].truth_mut().cash = truth;
        run.venues.0[v].put_stats(stats);
    }
    run.trader.put_counts(counts);
    requests.put(run);
    run.since = machine.since;
    run.is_resting = machine.is_resting;
    run.now = machine.now;
    run.sent = machine.sent;
    run.kept = machine.kept;
    run.breach = machine.breach;
    run.wake_tick = machine.wake_tick;
    run.transfers = machine.transfers.clone();
    run.transfer_after = machine.transfer_after;
}

/// Nothing is under way: what is over is forgotten, and numbers begin anew.
pub(super) fn rest(m: &mut Run) {
    if !m.trader.is_quiet() || m.venues.0.iter().any(|sim| !sim.owes_nothing()) {
        return;
    }
    let last = m.trader.last_orders();
    for role in Role::BOTH {
        let v = role.ix();
        m.venues.0[v].forget_ended(last[v], LAST[v]);
        if m.sent[v].0 < m.now {
            m.sent[v] = (Time::MIN, 0);
        }
    }
    m.trader.rest();
    m.tally.forget_orders();
    m.is_resting = true;
    m.since = LAST[1];
}

/// Puts the mids of `row` and the time up to now on the sums: whatever stretch follows begins here.
pub(super) fn cut(m: &mut Run, tile: &Tile, row: usize) {
    let mids = Role::BOTH.map(|role| tile.local.bbo(row, role).mid_or_none());
    m.belief.value_at(mids, Composite::STATES[usize::from(m.trader.state())].unmatched);
    m.tally.cut(m.now);
}

/// What is believed is what is, nothing was halted, and no episode of legging goes on: runs that stand like this may go on as one.
pub(super) fn is_plain(m: &Run) -> bool {
    let legging = Role::BOTH.map(|role| m.belief.lines.get(role, Line::Legging));
    m.trader.is_undisturbed()
        && m.breach.is_none()
        && m.equity.halted_at.is_none()
        && m.transfers.is_empty()
        && m.belief.is_settled()
        && m.tally.is_level(legging[0] + legging[1])
        && m.venues.0.iter().zip(&m.belief.books).all(|(sim, book)| sim.truth() == book)
}

/// Something was refused, or halted, that a run with more room would have been allowed.
pub(super) fn was_short(m: &mut Run) -> bool {
    let refused =
        |sim: &SimVenue| sim.stats().rejected(Reject::NoMargin) > 0 || sim.stats().rejected(Reject::RateLimit) > 0;
    m.trader.was_short() || m.venues.0.iter().any(refused) || m.equity.breach(m.now).is_some()
}

/// Machines with different marks do not stand alike.
pub(super) fn mark(m: &Run) -> u64 {
    let mut hash = DefaultHasher::new();
    (m.now, m.trader.state(), m.trader.class() as u8, m.trader.next_timer()).hash(&mut hash);
    for (book, sim) in m.belief.books.iter().zip(&m.venues.0) {
        (book.leg.qty, book.leg.cost.0, book.leg.funding_paid, sim.open_qty()).hash(&mut hash);
    }
    hash.finish()
}

/// Two machines whose sums are taken out go on alike, whatever their runs have summed up.
pub(super) fn stand_alike(a: &Run, b: &Run) -> bool {
    // each field: a new one has to be thought of here and in `join`
    let RunState {
        trader,
        venues,
        belief,
        equity,
        atoms: _,
        tally,
        chain: _,
        since,
        is_resting,
        now,
        sent,
        kept,
        breach,
        wake_tick,
        transfers,
        transfer_after,
        steps: _,
    } = a;
    *trader == b.trader
        && venues.0.iter().zip(&b.venues.0).all(|(a, b)| a.stands_as(b))
        && *belief == b.belief
        && *equity == b.equity
        && *tally == b.tally
        && (*since, *is_resting, *now, *sent) == (b.since, b.is_resting, b.now, b.sent)
        && (*kept, *breach, *wake_tick, *transfer_after) == (b.kept, b.breach, b.wake_tick, b.transfer_after)
        && *transfers == b.transfers
}

#[cfg(test)]
mod tests {
    use super::*;

    fn room(cash: [i64; 2], from: [i64; 2], own: &[i64]) -> Room {
        let times = |times: &[i64]| times.iter().map(|&at| Time(at)).collect::<VecDeque<_>>();
        Room {
            cash: cash.map(Cash::units),
            from: from.map(|units| Cash::units(units).into()),
            requests: Requests {
                own: [times(own), VecDeque::new()],
                venue: [VecDeque::new(), own.iter().copied().collect()],
            },
        }
    }

    /// | | balances | limits look from | requests |
    /// | one | 90, 120 | 5, -3 | 1, 4, 8 |
    /// | other | 100, 110 | 2, -1 | 2, 3, 7, 9 |
    /// | both | 90, 110 | 5, -1 | 2, 3, 7, 9: the newest three are 4, 8 and 3, 7, 9, each as late as either |
    #[test]
    fn the_tightest_room_allows_what_each_allows() {
        let (one, other) = (room([90, 120], [5, -3], &[1, 4, 8]), room([100, 110], [2, -1], &[2, 3, 7, 9]));
        for both in [one.clone().tightest(other.clone()), other.tightest(one)] {
            assert_eq!(both.cash, [90, 110].map(Cash::units));
            assert_eq!(both.from, [5, -1].map(|units| Cash::units(units).into()));
            let times: Vec<i64> = both.requests.own[0].iter().map(|at| at.0).collect();
            assert_eq!(times, [2, 3, 7, 9]);
            assert_eq!(both.requests.venue[1], [2, 3, 7, 9]);
        }
        let later = room([1, 1], [0, 0], &[5, 6]).tightest(room([1, 1], [0, 0], &[1, 2, 7]));
        assert_eq!(later.requests.venue[1], [1, 5, 7]);
    }

    /// Two requests were made at 5 before the stretch began there: what it adds are the third one at 5, and those after it.
    #[test]
    fn a_stretch_adds_its_own_requests() {
        let begun = room([1, 1], [0, 0], &[3, 5, 5]).requests.at(Time(5));
        let own = room([1, 1], [0, 0], &[5, 5, 5, 8]).requests.since((Time(5), begun));
        assert_eq!(own.own[0], [Time(5), Time(8)]);
        assert_eq!(own.venue[1], [5, 8]);
    }
}
