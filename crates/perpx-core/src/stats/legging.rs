//! Legging: stretches in which one leg stands without a counterpart where the state does not mean it to, each booked from
//! its beginning to how it ended.
//!
//! An episode has one exposed leg. It begins when the legs become unequal in a state whose unmatched quantity is
//! [`Line::Legging`], and ends when they are equal, when the other leg is the larger one, or with the transition that
//! settles the matter (into a lock, into idle, into a state that means one leg). What a lock or a return to idle leaves
//! unequal because no venue takes so little begins an episode of its own.
//!
//! The worst move is taken over every local tick from the one at which the episode began to the last before its end.
//! Ticks are looked at when the exposed quantity changes or a tile ends, never as they come: the same ticks whatever the
//! driver, at about a nanosecond for each tick of an episode and at nothing for all others.

use crate::ledger::{Belief, Line, Mids};
use crate::market::{Event, EventBody, Role};
use crate::tape::Local;
use crate::units::{Mid, MidValue, Price, Qty, SECOND, Time, TimeDelta};
use serde::{Deserialize, Serialize};

macro_rules! endings {
    ($($(#[$doc:meta])* $variant:ident = $name:literal,)*) => {
        /// How an episode ended.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
        #[repr(usize)]
        pub enum Ending { $($(#[$doc])* $variant,)* }

        impl Ending {
            /// In the order of their numbers.
            pub const ALL: &[Ending] = &[$(Ending::$variant,)*];
            /// By `Ending as usize`, as results and reports write them.
            pub const NAMES: &[&str] = &[$($name,)*];
        }
    };
}

endings! {
    /// The other leg filled.
    Matched = "matched",
    /// The exposed leg was closed again.
    RolledBack = "rolled_back",
    /// What had filled of the other leg was bought back: the first leg stands alone, as meant.
    BoughtBack = "bought_back",
    /// The other leg was opened because the exposed leg's venue refused or was silent.
    Hedged = "hedged",
    /// The excess of the larger leg was closed.
    Trimmed = "trimmed",
    /// A lock was let go: one leg is kept, as meant, or both are closed.
    Unlocked = "unlocked",
    /// Dust was taken up by the next trade.
    Netted = "netted",
    /// A venue took the exposed leg.
    Liquidated = "liquidated",
    /// The data ended first.
    OpenAtEnd = "open_at_end",
}

impl Ending {
    /// As results and reports write it.
    pub fn name(self) -> &'static str {
        Ending::NAMES[self as usize]
    }

    /// What a booked event that ended an episode made of it; `belief` as it is after it.
    fn by(event: &Event, belief: &Belief, hedging: bool, locked: bool) -> Ending {
        match event.body {
            EventBody::Liquidated { .. } => Ending::Liquidated,
            EventBody::Fill { side, .. } if side == event.venue.opening() && hedging => Ending::Hedged,
            EventBody::Fill { side, .. } if side == event.venue.opening() => Ending::Matched,
            _ if !belief.qty(event.venue).is_zero() => Ending::Trimmed,
            _ if locked => Ending::Unlocked,
            _ => Ending::RolledBack,
        }
    }
}

/// An episode.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeggingRow {
    /// As trades are counted, from 1; 0 = outside a trade.
    pub trade: u32,
    /// When the legs became unequal, on the decision clock.
    pub from: Time,
    /// When the episode ended, on the decision clock.
    pub to: Time,
    /// State in which it began.
    pub state: u8,
    /// The exposed leg.
    pub role: Role,
    /// How it ended.
    pub ending: Ending,
    /// Most that was exposed.
    pub peak: Qty,
    /// Exposed quantity times its time: 1e-9 base units x ns.
    pub qty_ns: i128,
    /// Mid of the exposed leg's venue at the beginning.
    pub mid: Mid,
    /// The one of all its ticks that is furthest against us; at best `mid`.
    pub worst_mid: Mid,
    /// Lowest that the exposed quantity's money stood at any of its ticks; not positive.
    pub worst: MidValue,
    /// What the price made of the exposed quantity: all that the legging line moved by, the drift of the fills that began
    /// and ended it included.
    pub amount: MidValue,
}

impl LeggingRow {
    /// From its beginning to its end.
    pub fn lasted(&self) -> TimeDelta {
        self.to.since(self.from)
    }

    /// The most that was exposed, at the first mid.
    pub fn notional(&self) -> MidValue {
        self.mid.of(self.peak)
    }

    /// How far the mid moved against us at worst, bp of the first mid.
    pub fn worst_bp(&self) -> f64 {
        match self.mid {
            Mid::ZERO => 0.0,
            mid => (self.worst_mid - mid).abs().bp_of(mid),
        }
    }

    /// Cost in bp of the notional; negative where the price was for us.
    pub fn cost_bp(&self) -> f64 {
        match self.notional() {
            MidValue::ZERO => 0.0,
            notional => (-self.amount).bp_of(notional),
        }
    }
}

/// Where a run stands when something was booked, with the lines brought up to it.
#[derive(Clone, Copy, Debug)]
pub struct At<'a> {
    /// The moment of the booking, on the decision clock.
    pub now: Time,
    /// The last local tick.
    pub row: usize,
    /// Both accounts, after it.
    pub belief: &'a Belief,
    /// Of the last local tick, by role.
    pub mids: Mids,
}

impl At<'_> {
    /// The leg that is larger than the other, and by how much.
    fn excess(&self) -> Option<(Role, Qty)> {
        let [long, short] = Role::BOTH.map(|role| self.belief.qty(role));
        match long.cmp(&short) {
            std::cmp::Ordering::Greater => Some((Role::Long, long - short)),
            std::cmp::Ordering::Less => Some((Role::Short, short - long)),
            std::cmp::Ordering::Equal => None,
        }
    }
}

/// The episode that goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Open {
    /// As far as it is known; `to` is its newest change.
    row: LeggingRow,
    /// Exposed since then.
    qty: Qty,
    /// Mid at which `row.amount` stands.
    valued_at: Mid,
    /// First tick of the present tile that is not looked at.
    next: u32,
}

impl Open {
    /// An episode that begins now; nothing is exposed yet.
    fn new(at: &At<'_>, role: Role, trade: u32, state: u8) -> Open {
        let mid = at.mids[role.ix()];
        Open {
            row: LeggingRow {
                trade,
                from: at.now,
                to: at.now,
                state,
                role,
                ending: Ending::OpenAtEnd,
                peak: Qty::ZERO,
                qty_ns: 0,
                mid,
                worst_mid: mid,
                worst: MidValue::ZERO,
                amount: MidValue::ZERO,
            },
            qty: Qty::ZERO,
            valued_at: mid,
            next: at.row as u32 + 1,
        }
    }

    /// Looks at the ticks up to `row` for the mid furthest against us.
    fn look(&mut self, local: &Local, row: usize) {
        let rows = self.next as usize..(row + 1).max(self.next as usize);
        self.next = rows.end as u32;
        let (r, role) = (self.row.role.ix(), self.row.role);
        let quoted =
            local.bid[r][rows.clone()].iter().zip(&local.ask[r][rows]).filter(|(bid, ask)| **bid > 0 && **ask > 0);
        let mids = quoted.map(|(bid, ask)| Mid::between(Price(*bid), Price(*ask)));
        let worst = match role {
            Role::Long => mids.min(),
            Role::Short => mids.max(),
        };
        if let Some(mid) = worst {
            self.row.worst_mid = match role {
                Role::Long => self.row.worst_mid.min(mid),
                Role::Short => self.row.worst_mid.max(mid),
            };
            let moved = (mid - self.valued_at).of(role.opening().signed(self.qty));
            self.row.worst = self.row.worst.min(self.row.amount + moved);
        }
    }

    /// Its ticks before `at` have been looked at; `booked`: what the legging line made of the episodes before it.
    fn advance(&mut self, at: &At<'_>, booked: MidValue) {
        let row = &mut self.row;
        row.qty_ns += i128::from(self.qty.0) * i128::from(at.now.since(row.to).0);
        row.to = at.now;
        let [long, short] = Role::BOTH.map(|role| at.belief.lines.get(role, Line::Legging));
        row.amount = long + short - booked;
        row.worst = row.worst.min(row.amount);
        self.valued_at = at.mids[row.role.ix()];
    }

    /// So much is exposed from now on.
    fn expose(&mut self, qty: Qty) {
        self.qty = qty;
        self.row.peak = self.row.peak.max(qty);
    }
}

/// All episodes of a run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Legging {
    /// The one that goes on.
    open: Option<Open>,
    /// By `Ending as usize`.
    pub endings: [u32; Ending::ALL.len()],
    /// Time of all episodes together.
    pub time: TimeDelta,
    /// The longest one.
    pub longest: TimeDelta,
    /// See [`LeggingRow::qty_ns`].
    pub qty_ns: i128,
    /// What the costliest made; not positive.
    pub costliest: MidValue,
    /// The deepest move of a mid against an exposed leg.
    pub worst_bp: Worst,
    /// What all of them made; negative = a cost.
    pub amount: MidValue,
    /// See [`LeggingRow::notional`].
    pub notional: MidValue,
}

/// The deepest move of all episodes as a fraction: distance over first mid.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Worst {
    /// The distance, not negative.
    moved: Mid,
    /// The first mid; zero: no episode has ended.
    of: Mid,
}

impl Worst {
    /// Keeps the deeper of the two, compared exactly.
    fn note(&mut self, row: &LeggingRow) {
        self.deepen(Worst { moved: (row.worst_mid - row.mid).abs(), of: row.mid });
    }

    fn deepen(&mut self, other: Worst) {
        let times = |a: Mid, b: Mid| i128::from(a.raw()) * i128::from(b.raw());
        let is_deeper = !self.of.is_quoted() || times(other.moved, self.of) > times(self.moved, other.of);
        if other.of.is_quoted() && is_deeper {
            *self = other;
        }
    }

    /// Basis points; zero without an episode.
    pub fn bp(&self) -> f64 {
        if self.of.is_quoted() { self.moved.bp_of(self.of) } else { 0.0 }
    }
}

impl Legging {
    /// How many have ended.
    pub fn episodes(&self) -> u32 {
        self.endings.iter().sum()
    }

    /// What goes on, without the sums so far.
    pub(super) fn take_sums(&self) -> Legging {
        Legging { open: self.open, ..Legging::default() }
    }

    /// See [`super::Tally::is_level`]; `line`: what the legging line of both legs comes to.
    pub(super) fn is_level(&self, line: MidValue) -> bool {
        self.open.is_none() && self.amount == line
    }

    /// Adds the sums of the stretch `next`.
    pub(super) fn book(&mut self, next: &Legging) {
        self.endings.iter_mut().zip(next.endings).for_each(|(own, more)| *own += more);
        self.time += next.time;
        self.longest = self.longest.max(next.longest);
        self.qty_ns += next.qty_ns;
        self.costliest = self.costliest.min(next.costliest);
        self.worst_bp.deepen(next.worst_bp);
        self.amount += next.amount;
        self.notional += next.notional;
    }

    /// The episode that goes on, as another has it.
    pub(super) fn go_on_as(&mut self, other: Legging) {
        self.open = other.open;
    }

    /// A tile begins; its row 0 is looked at already.
    pub fn enter_tile(&mut self) {
        if let Some(open) = &mut self.open {
            open.next = 1;
        }
    }

    /// Looks at the ticks up to `row`; called before the exposed quantity may change.
    #[inline]
    pub fn look(&mut self, local: &Local, row: usize) {
        if let Some(open) = &mut self.open {
            open.look(local, row);
        }
    }

    /// After an event was booked. `legs`: the state means both legs to be equal.
    pub(super) fn booked(&mut self, at: &At<'_>, event: &Event, state: State) -> Option<LeggingRow> {
        let (excess, belief) = (state.excess(at), at.belief);
        self.change(at, excess, false, state, || Ending::by(event, belief, state.hedging, state.locked))
    }

    /// After a transition from `from`; `idle` and `locked` say it of the states before and after.
    pub(super) fn moved(&mut self, at: &At<'_>, from: State, to: State) -> Option<LeggingRow> {
        let settled = from.idle || to.idle || to.locked || !to.legging;
        let ending = || match (from, to) {
            (from, _) if from.idle => Ending::Netted,
            (_, to) if to.locked => Ending::Matched,
            (from, _) if from.locked => Ending::Unlocked,
            (_, to) if to.idle => Ending::RolledBack,
            _ => Ending::BoughtBack,
        };
        self.change(at, to.excess(at), settled, to, ending)
    }

    /// The data end.
    pub(super) fn finish(&mut self, at: &At<'_>) -> Option<LeggingRow> {
        self.open.as_mut()?.advance(at, self.amount);
        self.close(Ending::OpenAtEnd)
    }

    /// The excess may have changed: an episode goes on, ends, begins, or ends and another begins.
    fn change(
        &mut self,
        at: &At<'_>,
        excess: Option<(Role, Qty)>,
        settled: bool,
        state: State,
        ending: impl FnOnce() -> Ending,
    ) -> Option<LeggingRow> {
        if self.open.is_none() && excess.is_none() {
            return None;
        }
        let mut ended = None;
        if let Some(open) = &mut self.open {
            open.advance(at, self.amount);
            if settled || excess.is_none_or(|(role, _)| role != open.row.role) {
                ended = self.close(ending());
            }
        }
        if let Some((role, qty)) = excess {
            let booked = self.amount;
            let open = self.open.get_or_insert_with(|| {
                let mut open = Open::new(at, role, state.trade, state.number);
                open.advance(at, booked);
                open
            });
            open.expose(qty);
        }
        ended
    }

    /// Adds the episode to the sums.
    fn close(&mut self, ending: Ending) -> Option<LeggingRow> {
        let row = LeggingRow { ending, ..self.open.take()?.row };
        self.endings[ending as usize] += 1;
        self.time += row.lasted();
        self.longest = self.longest.max(row.lasted());
        self.qty_ns += row.qty_ns;
        self.costliest = self.costliest.min(row.amount);
        self.worst_bp.note(&row);
        self.amount += row.amount;
        self.notional += row.notional();
        Some(row)
    }

    /// Base units times seconds, of all episodes.
    pub fn qty_sec(&self) -> f64 {
        self.qty_ns as f64 * 1e-9 / SECOND.0 as f64
    }
}

/// What an episode needs to know of the trader's state.
#[derive(Clone, Copy, Debug)]
pub(super) struct State {
    /// S0 to S5.
    pub number: u8,
    /// Number of the open trade; 0 = none.
    pub trade: u32,
    pub idle: bool,
    pub locked: bool,
    /// Unmatched quantity is not meant.
    pub legging: bool,
    pub hedging: bool,
}

impl State {
    /// The exposed leg and quantity, in a state that does not mean it.
    fn excess(&self, at: &At<'_>) -> Option<(Role, Qty)> {
        if self.legging { at.excess() } else { None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::VenueBook;
    use crate::market::{Bbo, OrderId, Side};
    use crate::port::{StateInfo, Transition};
    use crate::stats::Tally;
    use crate::tape::rows::{QuoteRow, VenueTables};
    use crate::tape::{Carry, align};
    use crate::units::{Cash, Rate};

    const ONE: i64 = 1_000_000_000;
    const STATES: &[StateInfo] = &[
        StateInfo { name: "idle", unmatched: Line::Legging, locked: false },
        StateInfo { name: "one", unmatched: Line::Price, locked: false },
        StateInfo { name: "locking", unmatched: Line::Legging, locked: false },
        StateInfo { name: "locked", unmatched: Line::Legging, locked: true },
    ];
    const MIDS: [i64; 5] = [100, 98, 101, 94, 99];

    fn at(tenth: i64) -> Time {
        Time::at(tenth * SECOND / 10)
    }

    /// Both venues quote one mid a second, from second 1 on.
    fn local() -> Local {
        let quote = |(second, mid): (i64, &i64)| {
            let (bid, ask, size) = (Price((mid - 1) * ONE), Price((mid + 1) * ONE), Qty(ONE));
            let bbo = Bbo { bid, bid_qty: size, ask, ask_qty: size };
            QuoteRow { exch: at(10 * second), recv: at(10 * second), bbo }
        };
        let table = VenueTables { quotes: (1..).zip(&MIDS).map(quote).collect(), ..VenueTables::default() };
        align([&table, &table], at(0), at(1_000), &mut Carry::default()).local
    }

    struct Run {
        local: Local,
        belief: Belief,
        tally: Tally,
        state: u8,
        rows: Vec<LeggingRow>,
    }

    impl Run {
        fn new() -> Run {
            let book = |role| VenueBook::new(role, Cash(1), Rate(10 * Rate::ONE), true, Cash::units(1_000));
            let belief = Belief::new(Role::BOTH.map(book));
            Run { local: local(), belief, tally: Tally::new(at(0), 4, 1), state: 0, rows: Vec::new() }
        }

        /// Last tick before the moment, and its mids.
        fn stand(&self, tenth: i64) -> (usize, Mids) {
            let row = (tenth / 10) as usize;
            (row, [mid(MIDS[row - 1]); 2])
        }

        fn event(&mut self, tenth: i64, venue: Role, body: EventBody, hedging: bool) {
            let (row, mids) = self.stand(tenth);
            let event = Event { at: at(tenth), venue_time: at(tenth), venue, body, met: Mid::ZERO };
            self.tally.event(&event);
            self.tally.legging.look(&self.local, row);
            self.belief.apply(&event, mids, STATES[usize::from(self.state)].unmatched);
            let now = At { now: at(tenth), row, belief: &self.belief, mids };
            self.rows.extend(self.tally.booked(&now, &event, hedging, STATES));
        }

        /// Whole coins.
        fn fill(&mut self, tenth: i64, venue: Role, side: Side, qty: i64) {
            let (id, qty, px) = (OrderId(1), Qty(qty * ONE), Price(100 * ONE));
            self.event(tenth, venue, EventBody::Fill { id, side, px, qty, maker: false, fee: Cash::ZERO }, false);
        }

        fn go(&mut self, tenth: i64, to: u8) {
            let (row, mids) = self.stand(tenth);
            self.tally.legging.look(&self.local, row);
            self.belief.value_at(mids, STATES[usize::from(self.state)].unmatched);
            let now = At { now: at(tenth), row, belief: &self.belief, mids };
            let step = Transition { from: self.state, to, reason: 0, also: 0 };
            self.rows.extend(self.tally.transition(&now, &step, STATES));
            self.state = to;
        }

        /// A long of this many coins, in a lock since second 1.
        fn locking(qty: i64) -> Run {
            let mut run = Run::new();
            run.go(10, 1);
            run.fill(10, Role::Long, Side::Buy, qty);
            run.go(10, 2);
            run
        }

        fn endings(&self) -> Vec<&'static str> {
            self.rows.iter().map(|row| row.ending.name()).collect()
        }
    }

    fn money(units: i64) -> MidValue {
        Cash::units(units).into()
    }

    fn mid(units: i64) -> Mid {
        Mid::at(Price(units * ONE))
    }

    /// Two coins alone from second 1, at 100; one of them until 5.5.
    /// | until | exposed | mids | money |
    /// | 3.5 | 2 | 98, 101 | -4, then +2 |
    /// | 5.5 | 1 | 94, 99 | 2 - 7 = -5, then 0 |
    #[test]
    fn an_episode_by_hand() {
        let mut run = Run::locking(2);
        run.fill(35, Role::Short, Side::Sell, 1);
        run.fill(55, Role::Short, Side::Sell, 1);
        run.go(55, 3);
        let want = LeggingRow {
            trade: 1,
            from: at(10),
            to: at(55),
            state: 2,
            role: Role::Long,
            ending: Ending::Matched,
            peak: Qty(2 * ONE),
            qty_ns: i128::from(7 * ONE) * i128::from(SECOND.0),
            mid: mid(100),
            worst_mid: mid(94),
            worst: money(-5),
            amount: MidValue::ZERO,
        };
        assert_eq!(run.rows, [want]);
        assert_eq!((want.worst_bp(), want.cost_bp()), (600.0, 0.0));
        let legging = &run.tally.legging;
        assert_eq!((legging.episodes(), legging.qty_sec(), legging.worst_bp.bp()), (1, 7.0, 600.0));
        assert_eq!((legging.time, legging.longest), (45 * SECOND / 10, 45 * SECOND / 10));
    }

    /// The short leg is the larger: what rises is against it. Closed at 99 after 98 and 101 and 94.
    #[test]
    fn a_short_is_hurt_by_a_rise() {
        let mut run = Run::new();
        run.go(10, 1);
        run.fill(10, Role::Short, Side::Sell, 1);
        run.go(10, 2);
        run.fill(55, Role::Short, Side::Buy, 1);
        assert_eq!((run.rows[0].worst_mid, run.rows[0].worst), (mid(101), money(-1)));
        assert_eq!((run.rows[0].amount, run.rows[0].cost_bp()), (money(1), -100.0));
        assert_eq!(run.endings(), ["rolled_back"]);
    }

    #[test]
    fn each_ending_has_its_cause() {
        // bought back: the state means one leg again
        let mut run = Run::locking(2);
        run.fill(20, Role::Short, Side::Sell, 1);
        run.fill(30, Role::Short, Side::Buy, 1);
        run.go(30, 1);
        assert_eq!(run.endings(), ["bought_back"]);
        // trimmed to what matches
        let mut run = Run::locking(2);
        run.fill(20, Role::Short, Side::Sell, 1);
        run.fill(30, Role::Long, Side::Sell, 1);
        run.go(30, 3);
        assert_eq!(run.endings(), ["trimmed"]);
        // and from there a leg is let go: one episode up to the transition, none after it
        run.fill(40, Role::Short, Side::Buy, 1);
        run.go(40, 1);
        run.fill(50, Role::Long, Side::Sell, 1);
        run.go(50, 0);
        assert_eq!(run.endings(), ["trimmed", "unlocked"]);
        // hedged while closing
        let mut run = Run::locking(1);
        let (px, id) = (Price(100 * ONE), OrderId(1));
        let fee = Cash::ZERO;
        let body = EventBody::Fill { id, side: Side::Sell, px, qty: Qty(ONE), maker: false, fee };
        run.event(20, Role::Short, body, true);
        // then the venue takes the long leg, and the short one is closed
        run.event(30, Role::Long, EventBody::Liquidated { px, qty: Qty(ONE), fee, lost: fee }, false);
        run.fill(40, Role::Short, Side::Buy, 1);
        run.go(40, 0);
        assert_eq!(run.endings(), ["hedged", "rolled_back"]);
        let mut run = Run::locking(1);
        run.event(30, Role::Long, EventBody::Liquidated { px, qty: Qty(ONE), fee, lost: fee }, false);
        assert_eq!(run.endings(), ["liquidated"]);
        // dust waits in idle for the next trade
        let mut run = Run::locking(2);
        run.fill(20, Role::Long, Side::Sell, 1);
        run.go(20, 0);
        run.go(40, 1);
        assert_eq!(run.endings(), ["rolled_back", "netted"]);
        assert_eq!((run.rows[0].trade, run.rows[1].trade), (1, 0));
        // the data end
        let mut run = Run::locking(1);
        let (row, mids) = run.stand(50);
        run.tally.legging.look(&run.local, row);
        run.belief.value_at(mids, Line::Legging);
        let ended = run.tally.finish(&At { now: at(50), row, belief: &run.belief, mids });
        assert_eq!(ended.map(|row| (row.ending, row.amount)), Some((Ending::OpenAtEnd, money(-1))));
    }

    /// The larger leg changes without a moment of equality: two episodes.
    #[test]
    fn an_episode_has_one_leg() {
        let mut run = Run::locking(1);
        run.fill(20, Role::Short, Side::Sell, 3);
        run.fill(30, Role::Long, Side::Buy, 2);
        let episodes: Vec<_> = run.rows.iter().map(|row| (row.role, row.peak, row.ending.name())).collect();
        assert_eq!(episodes, [(Role::Long, Qty(ONE), "matched"), (Role::Short, Qty(2 * ONE), "matched")]);
    }
}
