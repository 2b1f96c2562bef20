//! One simulated venue: its state, and its way through time.

use super::account::{Account, NEVER_TAKEN};
use super::answers::Answers;
use super::book::{BookView, Consumed};
use super::chance::{Dice, Key, Kind};
use super::index::{Rows, VenueIndex, times};
use super::limits::QuotaUse;
use super::outage::OutageTable;
use super::queue::Place;
use super::stats::SimStats;
use crate::config::VenueWorld;
use crate::ledger::VenueBook;
use crate::market::{Bbo, Command, Event, MarginSchedule, NewOrder, OrderId, OrderKind, Role, Side};
use crate::tape::VenueRows;
use crate::units::{NS, Price, Qty, Time, TimeDelta};
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;

/// What surrounds a venue at a call: its rows in the present tile and its world. Nothing of it is kept.
#[derive(Clone, Copy, Debug)]
pub struct Env<'a> {
    /// What the matching engine had in the present tile.
    pub rows: &'a VenueRows,
    /// Fees, delays, fill rules.
    pub world: &'a VenueWorld,
    /// The draws of this venue.
    pub dice: Dice,
    /// Outages of this venue.
    pub outages: &'a OutageTable,
    /// That of `rows`, if there is one.
    pub index: Option<&'a VenueIndex>,
}

/// A request on its way to the venue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Sent {
    /// On the venue's clock.
    pub arrives: Time,
    /// Names it in every draw.
    pub key: Key,
    /// What was asked.
    pub cmd: Command,
}

/// An order at the venue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    /// The trader's number.
    pub id: OrderId,
    /// Ours.
    pub side: Side,
    /// How it may trade.
    pub kind: OrderKind,
    /// It may only shrink the position.
    pub reduce_only: bool,
    /// Worst price per fill.
    pub limit: Price,
    /// Quantity after trimming to the position.
    pub qty: Qty,
    /// Base coins, of `qty`.
    pub filled: Qty,
    /// Names it in every draw.
    pub key: Key,
    /// Messages that this order has caused so far.
    pub answers: u32,
    /// The order is never answered until it is asked for.
    pub silent: bool,
    /// Fills are never earlier.
    pub arrived: Time,
    /// Best opposite price on arrival, where the book was too old to trade on; zero otherwise.
    pub frozen: Price,
    /// The newest message: when it was born, when it arrives.
    pub newest: (Time, Time),
    /// In the queue at its price, while it rests.
    pub place: Place,
}

impl Order {
    /// An order that arrives.
    pub fn new(order: &NewOrder, key: Key, arrived: Time, silent: bool) -> Order {
        Order {
            id: order.id,
            side: order.side,
            kind: order.kind,
            reduce_only: order.reduce_only,
            limit: order.limit,
            qty: order.qty,
            filled: Qty::ZERO,
            key,
            answers: 0,
            silent,
            arrived,
            frozen: Price(0),
            newest: (Time::MIN, Time::MIN),
            place: Place::default(),
        }
    }

    /// What may still fill, not negative.
    pub fn left(&self) -> Qty {
        self.qty - self.filled
    }
}

/// Not a time: the times of the next rows have to be looked up again.
const STALE: i64 = i64::MIN;

fn stale() -> [i64; 4] {
    [STALE; 4]
}

fn never() -> Time {
    Time::MIN
}

/// Rows of each table already behind us: the index of the last one. Row 0 is the tile's carried snapshot.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Cursors {
    /// Of the public trades.
    pub trade: u32,
    /// Of the quotes.
    pub quote: u32,
    /// Of the depth snapshots.
    pub depth: u32,
    /// Of the marks.
    pub mark: u32,
}

impl Cursors {
    /// In the order of rows of equal time: trades, quotes, depth, marks.
    fn of(&mut self, table: usize) -> &mut u32 {
        match table {
            0 => &mut self.trade,
            1 => &mut self.quote,
            2 => &mut self.depth,
            _ => &mut self.mark,
        }
    }
}

/// One venue as it really is (truth), in about 600 bytes and a few short lists; checkpointed whole.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SimVenue<A: Account = VenueBook> {
    pub(super) role: Role,
    /// Every moment up to this time and rank 3 is done.
    pub(super) through: Time,
    pub(super) account: A,
    /// The leg is taken at marks below (long) or above (short) this level.
    pub(super) level: i64,
    pub(super) cursors: Cursors,
    /// Times of the rows after the cursors, while the reference passes row after row without anything to do; else
    /// `STALE` first.
    #[serde(skip, default = "stale")]
    next_rows: [i64; 4],
    /// A liquidation level and when the index found that a mark of this tile first passes it (`Time::MAX`: none does).
    #[serde(skip)]
    pub(super) foreseen: Option<(i64, Time)>,
    /// The first settlement of this tile after `through`, while it is after it; `Time::MIN`: to be looked up.
    #[serde(skip, default = "never")]
    pub(super) next_settled: Time,
    /// The cursors of the book stand at this time.
    #[serde(skip, default = "never")]
    synced: Time,
    /// Under way, by arrival, then by sending.
    pub(super) flight: VecDeque<Sent>,
    /// Resting on the book, by arrival.
    pub(super) resting: Vec<Order>,
    /// Arrived at a book too old to trade on, by arrival.
    pub(super) waiting: Vec<Order>,
    pub(super) consumed: Consumed,
    /// Decision times of the requests that count against the rate limit, oldest first.
    pub(super) requests: VecDeque<i64>,
    pub(super) quota: QuotaUse,
    /// Orders that never arrived and when they were decided: asked for, they are in doubt until their fence ends.
    pub(super) lost: Vec<(OrderId, Time)>,
    pub(super) answers: Answers,
    pub(super) stats: SimStats,
    /// What requests met, where somebody asks for it: never part of the venue's state.
    #[serde(skip)]
    pub(super) log: Option<Vec<OrderTrace>>,
}

/// What a request met at its venue: for a blotter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OrderTrace {
    /// On the venue's clock.
    pub at: Time,
    /// Whose order it is.
    pub venue: Role,
    /// The trader's number.
    pub id: OrderId,
    /// What it found.
    pub outcome: OrderOutcome,
}

/// What a request found at its venue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OrderOutcome {
    /// The request never reached the matching engine.
    Lost,
    /// The order waits for the book's next row: the last one, of `seen`, is too old.
    Waits {
        /// On the venue's clock.
        seen: Time,
    },
    /// The order is served, but its answers are lost until it is asked for.
    Silent,
    /// The order meets this book, of `seen`; of its way the venue's own delay took so much.
    Book {
        /// The best prices that the order met.
        best: Bbo,
        /// The book's time, on the venue's clock.
        seen: Time,
        /// Of the way from the decision to the match.
        delay: TimeDelta,
    },
    /// The order rests; `None`: the feed does not say how much is ahead.
    Rests {
        /// Base coins.
        ahead: Option<Qty>,
    },
    /// A cancel arrives; `open`: its order was there to be cancelled.
    Cancel {
        /// It stood on the book.
        open: bool,
    },
}

impl<A: Account> SimVenue<A> {
    /// A venue without orders; `account` is its truth ledger, capital included.
    pub fn new(role: Role, account: A) -> SimVenue<A> {
        SimVenue {
            role,
            through: Time::MIN,
            account,
            level: NEVER_TAKEN[role.ix()],
            cursors: Cursors::default(),
            next_rows: stale(),
            foreseen: None,
            next_settled: Time::MIN,
            synced: Time::MIN,
            flight: VecDeque::new(),
            resting: Vec::new(),
            waiting: Vec::new(),
            consumed: Consumed::default(),
            requests: VecDeque::new(),
            quota: QuotaUse::default(),
            lost: Vec::new(),
            answers: Answers::default(),
            stats: SimStats::default(),
            log: None,
        }
    }

    /// A venue without orders at which a leg may be open; everything before `at` is done.
    pub fn holding(role: Role, account: A, margin: &MarginSchedule, at: Time) -> SimVenue<A> {
        let level = account.level(margin).map_or(NEVER_TAKEN[role.ix()], |px| px.0);
        SimVenue { level, through: at.plus(-NS), ..SimVenue::new(role, account) }
    }

    /// From now on what requests meet is kept for [`SimVenue::take_log`].
    pub fn keep_log(&mut self) {
        self.log.get_or_insert_default();
    }

    /// What requests have met since the last call, in the order of arrival.
    pub fn take_log(&mut self) -> Vec<OrderTrace> {
        self.log.as_mut().map(std::mem::take).unwrap_or_default()
    }

    pub(super) fn note(&mut self, at: Time, id: OrderId, outcome: OrderOutcome) {
        if let Some(log) = &mut self.log {
            log.push(OrderTrace { at, venue: self.role, id, outcome });
        }
    }

    /// The next tile's rows begin. The venue must have been advanced to the last nanosecond of the tile before.
    pub fn enter_tile(&mut self, _env: &Env) {
        self.cursors = Cursors::default();
        self.next_rows[0] = STALE;
        self.foreseen = None;
        self.next_settled = Time::MIN;
        self.synced = Time::MIN;
    }

    /// A command leaves the trader at `at`; `ordinal` is its place among those sent to this venue at that time.
    /// Requests do not queue behind each other on the way: a cancel may overtake its order and then finds nothing.
    pub fn submit(&mut self, at: Time, ordinal: u32, cmd: Command, env: &Env) {
        let key = Key { at, ordinal };
        let delays = &env.world.delays;
        let delay = match cmd {
            Command::Place(order) => {
                self.stats.orders += 1;
                self.stats.sent_qty += i128::from(order.qty.0);
                delays.of(order.kind)
            }
            Command::Cancel { .. } => {
                self.stats.cancels += 1;
                delays.cancel
            }
            // by which delay is not published; a change may rest, and so waits as what rests does
            Command::Modify { .. } => {
                self.stats.changes += 1;
                delays.maker
            }
            Command::Query { .. } => {
                self.stats.queries += 1;
                TimeDelta::ZERO
            }
        };
        if !self.admits(&cmd, at, env) {
            return self.turn_away(&cmd, at);
        }
        let way = env.travel(&env.world.fills.order_latency, Kind::OrderLatency, key, 0, at);
        let arrives = at.plus(way).plus(delay);
        assert!(arrives >= at, "a request of {at} would arrive at {arrives}");
        let sent = Sent { arrives: env.outages.halted.end_at(arrives).unwrap_or(arrives), key, cmd };
        let place = self.flight.partition_point(|other| other.arrives <= sent.arrives);
        self.flight.insert(place, sent);
    }

    /// The next scheduled moment: an arrival, a settlement of an open leg (of this tile), or an answer due. `Time::MAX`
    /// when there is none. What rows will do is not foreseen here.
    #[inline]
    pub fn next_due(&mut self, env: &Env) -> Time {
        let answer = self.answers.next_at().unwrap_or(Time::MAX);
        self.next_arrival().min(answer).min(self.next_settlement(env))
    }

    /// When the next request arrives; not before what has passed.
    #[inline]
    fn next_arrival(&self) -> Time {
        self.flight.front().map_or(Time::MAX, |sent| sent.arrives.max(self.through))
    }

    /// Something rests or waits, or a leg is open: rows matter.
    #[inline]
    pub fn needs_rows(&self) -> bool {
        self.rests() || !self.account.is_flat()
    }

    /// Something rests or waits.
    #[inline]
    pub fn rests(&self) -> bool {
        !self.resting.is_empty() || !self.waiting.is_empty()
    }

    /// When rows may next stir the venue by themselves up to `until`; what an order that rests or waits does cannot
    /// be foreseen: then it is now. `Time::MAX`: they will not.
    pub fn may_fire_at(&mut self, until: Time, env: &Env) -> Time {
        if self.rests() { self.through } else { self.next_breach(until, env) }
    }

    /// Moves the venue up to and including (until, rank 3), stopping early, with `true`, right after the first moment
    /// that scheduled an answer due at or before `until`.
    ///
    /// A driver of two venues must not let one run past a moment at which the trader may still act on the other's news:
    /// `until` is at most the `next_due` of both, and where rows matter to both, their `foresee`. An arrival earlier than
    /// what this venue has passed meets the present instead, counted in `late_arrivals`.
    #[inline]
    pub fn advance(&mut self, until: Time, env: &Env) -> bool {
        if self.is_idle() {
            self.through = self.through.max(until);
            return false;
        }
        // it stands there already, and nothing arrives at that very moment
        if until <= self.through && self.flight.front().is_none_or(|sent| sent.arrives > until) {
            return false;
        }
        if !self.watches_book() && self.next_scheduled(until, env, false) > until {
            self.through = self.through.max(until);
            self.next_rows[0] = STALE;
            return false;
        }
        self.run(until, env, false)
    }

    /// When the next answer would reach the trader if nothing more were sent; `Time::MAX` when none would by `until`.
    /// Cheap when nothing rests and no mark takes the leg; else it plays a copy of the venue.
    pub fn foresee(&mut self, until: Time, env: &Env) -> Time {
        let due = |venue: &SimVenue<A>| venue.answers.next_at().filter(|&at| at <= until).unwrap_or(Time::MAX);
        if self.answers.len() > 0 || self.is_idle() {
            return due(self);
        }
        if !self.watches_book() && self.next_scheduled(until, env, false) > until {
            return Time::MAX;
        }
        let mut copy = self.clone();
        while copy.advance(until, env) && copy.answers.len() == 0 {}
        due(&copy)
    }

    /// As [`SimVenue::advance`], visiting every row of the venue in time order: the reference.
    pub fn advance_every_row(&mut self, until: Time, env: &Env) -> bool {
        if self.is_idle() {
            self.pass_rows(until, env);
            return false;
        }
        self.run(until, env, true)
    }

    /// Nothing is under way, rests, is open or remembered: no row can matter.
    #[inline]
    pub fn is_idle(&self) -> bool {
        self.flight.is_empty() && !self.needs_rows() && self.consumed.is_empty()
    }

    /// Both ways through time. `every`: each row's time is a moment; else only those at which something can happen.
    fn run(&mut self, until: Time, env: &Env, every: bool) -> bool {
        self.next_rows[0] = STALE;
        loop {
            let bound = self.next_scheduled(until, env, every);
            let watched = every || self.watches_book();
            if watched && (every || self.synced != self.through) {
                self.sync(env);
            }
            if every && !self.watches_book() {
                self.pass_rows(until.min(bound.plus(-NS)), env);
            }
            self.next_rows[0] = STALE;
            loop {
                let row = if watched { self.next_row(env, every) } else { Time::MAX };
                let t = row.min(bound);
                if t > until {
                    self.through = self.through.max(until);
                    if watched {
                        self.synced = self.through;
                    }
                    return false;
                }
                let known = self.answers.len();
                let touched = self.moment(t, env, watched, every || t == bound);
                if watched {
                    self.synced = t;
                }
                if self.answers.due_since(known, until) {
                    return true;
                }
                // so does the memory of what we took: then no row matters any more
                if touched || t == bound || watched && !every && !self.watches_book() {
                    break;
                }
            }
        }
    }

    /// Resting orders, waiting ones and the memory of what we took live by book rows.
    fn watches_book(&self) -> bool {
        self.rests() || !self.consumed.is_empty()
    }

    /// The first moment after `through` at which something is due, rows of the book aside; arrivals may lie at `through`.
    fn next_scheduled(&mut self, until: Time, env: &Env, every: bool) -> Time {
        let soonest = self.next_arrival().min(self.next_settlement(env));
        if every { soonest } else { soonest.min(self.next_breach(soonest.min(until), env)) }
    }

    /// Does all that happens at time `t`, ranks 0 to 3. `judged`: settlements, marks and arrivals may be due at `t`.
    /// Returns whether orders or account changed.
    fn moment(&mut self, t: Time, env: &Env, watched: bool, judged: bool) -> bool {
        let fresh = t > self.through;
        let mut touched = false;
        if fresh && watched {
            touched |= self.rows_at(t, env);
        }
        if judged || touched {
            if fresh {
                touched |= self.settle_and_judge(t, env);
            }
            self.through = t;
            while self.flight.front().is_some_and(|sent| sent.arrives <= t) {
                if let Some(sent) = self.flight.pop_front() {
                    self.stats.late_arrivals += u32::from(!fresh && sent.arrives < t);
                    self.arrive(sent, t, env);
                    touched = true;
                }
            }
        }
        self.through = t;
        if touched {
            self.drop_orphans(t, env);
        }
        touched
    }

    /// The reference's way past rows that nothing depends on: each is visited in time order, up to `stop`, or to before
    /// the next mark if a leg is open.
    fn pass_rows(&mut self, stop: Time, env: &Env) {
        let stop = stop.0.min(i64::MAX - 1);
        if self.next_rows[0] == STALE {
            self.next_rows = [0, 1, 2, 3].map(|table| self.time_after(table, env));
        }
        let marks = self.next_rows[3].saturating_sub(1);
        let stop = if self.account.is_flat() { stop } else { stop.min(marks) };
        loop {
            // the table whose turn it is
            let next = &self.next_rows;
            let low = usize::from(next[1] < next[0]);
            let high = 2 + usize::from(next[3] < next[2]);
            let table = if next[high] < next[low] { high } else { low };
            if next[table] > stop {
                break;
            }
            *self.cursors.of(table) += 1;
            self.next_rows[table] = self.time_after(table, env);
        }
        self.through = self.through.max(Time(stop));
    }

    /// Time of the row after a table's cursor.
    #[inline]
    fn time_after(&mut self, table: usize, env: &Env) -> i64 {
        let times: &[i64] = match table {
            0 => &env.rows.trades.time,
            1 => &env.rows.quotes.time,
            2 => &env.rows.depth.time,
            _ => &env.rows.marks.time,
        };
        times.get(*self.cursors.of(table) as usize + 1).copied().unwrap_or(i64::MAX)
    }

    /// The book at `t`, which is not before any row already seen.
    pub(super) fn book_at<'a>(&mut self, t: Time, env: &Env<'a>) -> BookView<'a> {
        let rows = env.rows;
        seek(env, Rows::Quotes, &mut self.cursors.quote, t);
        seek(env, Rows::Depth, &mut self.cursors.depth, t);
        BookView::at(rows, self.cursors.quote as usize, self.cursors.depth as usize)
    }

    /// Brings all cursors to `through`.
    fn sync(&mut self, env: &Env) {
        let t = self.through;
        seek(env, Rows::Trades, &mut self.cursors.trade, t);
        seek(env, Rows::Quotes, &mut self.cursors.quote, t);
        seek(env, Rows::Depth, &mut self.cursors.depth, t);
        seek(env, Rows::Marks, &mut self.cursors.mark, t);
    }

    /// Time of the next row of the book (trades, quotes, depth), and of the marks too if asked.
    fn next_row(&self, env: &Env, marks: bool) -> Time {
        let next = |times: &[i64], row: u32| times.get(row as usize + 1).copied().unwrap_or(i64::MAX);
        let rows = env.rows;
        let book = next(&rows.trades.time, self.cursors.trade)
            .min(next(&rows.quotes.time, self.cursors.quote))
            .min(next(&rows.depth.time, self.cursors.depth));
        Time(if marks { book.min(next(&rows.marks.time, self.cursors.mark)) } else { book })
    }

    /// When the next answer reaches the trader, of those that are known by now.
    #[inline]
    pub fn next_answer(&self) -> Option<Time> {
        self.answers.next_at()
    }

    /// The next answer due at or before `until`.
    pub fn pop(&mut self, until: Time) -> Option<Event> {
        self.answers.pop(until)
    }

    /// The account as it is.
    pub fn truth(&self) -> &A {
        &self.account
    }

    /// What it counted.
    pub fn stats(&self) -> &SimStats {
        &self.stats
    }

    /// Nothing is under way or still to be reported, not even the end of an order that was never asked for.
    pub(crate) fn owes_nothing(&self) -> bool {
        self.is_settled() && !self.answers.has_silent_ends()
    }

    /// Of a venue that owes nothing: orders that are over are forgotten but for the one that may be asked for, which has another number from
    /// now on.
    pub(crate) fn forget_ended(&mut self, known: OrderId, as_number: OrderId) {
        self.answers.forget_ended(known, as_number);
        self.lost.retain(|(id, _)| *id == known);
        self.lost.iter_mut().for_each(|(id, _)| *id = as_number);
    }

    /// What it counted since the last call.
    pub(crate) fn take_stats(&mut self) -> SimStats {
        std::mem::take(&mut self.stats)
    }

    /// Counted before.
    pub(crate) fn put_stats(&mut self, stats: SimStats) {
        self.stats = stats;
    }

    /// The decision times of the requests that count against the rate limit, oldest first.
    pub(crate) fn requests_mut(&mut self) -> &mut VecDeque<i64> {
        &mut self.requests
    }

    /// It goes on as the other does: cursors and what was looked up are brought up when they are asked for, and what was counted decides
    /// nothing.
    pub(crate) fn stands_as(&self, other: &SimVenue<A>) -> bool
    where
        A: PartialEq,
    {
        let SimVenue {
            role,
            through,
            account,
            level,
            cursors: _,
            next_rows: _,
            foreseen: _,
            next_settled: _,
            synced: _,
            flight,
            resting,
            waiting,
            consumed,
            requests,
            quota,
            lost,
            answers,
            stats: _,
            log: _,
        } = self;
        (*role, *through, *level, *quota) == (other.role, other.through, other.level, other.quota)
            && *account == other.account
            && *flight == other.flight
            && *resting == other.resting
            && *waiting == other.waiting
            && *consumed == other.consumed
            && *requests == other.requests
            && *lost == other.lost
            && *answers == other.answers
    }

    /// The account, to be put elsewhere.
    pub(crate) fn truth_mut(&mut self) -> &mut A {
        &mut self.account
    }

    /// Nothing is under way, open, or still to be reported: what the trader believes is what is.
    pub fn is_settled(&self) -> bool {
        self.flight.is_empty() && self.resting.is_empty() && self.waiting.is_empty() && self.answers.is_settled()
    }

    /// Quantity under way or open: with `stats`, sent = filled + dead + this.
    pub fn open_qty(&self) -> i128 {
        let under_way = self.flight.iter().map(|sent| match sent.cmd {
            Command::Place(order) => i128::from(order.qty.0),
            _ => 0,
        });
        let open = self.resting.iter().chain(&self.waiting).map(|order| i128::from(order.left().0));
        under_way.chain(open).sum()
    }

    /// Every quantity that was sent has filled, is dead, or is open.
    pub(super) fn check_quantities(&self) {
        let SimStats { sent_qty, filled_qty, dead_qty, .. } = self.stats;
        let open = self.open_qty();
        assert!(filled_qty >= 0 && dead_qty >= 0 && open >= 0, "filled {filled_qty}, dead {dead_qty}, open {open}");
        assert!(
            sent_qty == filled_qty + dead_qty + open,
            "sent {sent_qty}, filled {filled_qty}, dead {dead_qty}, open {open}"
        );
    }
}

/// Rows beyond which a look-up by time asks the index.
const FAR: usize = 32;

/// Moves `row` on to the last entry of a table at or before `t`: doubling steps, then bisection; far ones by index.
pub(super) fn seek(env: &Env, of: Rows, row: &mut u32, t: Time) {
    let times = times(of, env.rows);
    let from = *row as usize;
    if times.get(from + 1).is_none_or(|&next| next > t.0) {
        return;
    }
    if let Some(index) = env.index
        && times.get(from + FAR).is_some_and(|&far| far <= t.0)
    {
        *row = (index.clock(of, env.rows).row_at(times, t.0 + 1) - 1) as u32;
        return;
    }
    let mut step = 1;
    while times.get(from + step).is_some_and(|&time| time <= t.0) {
        step *= 2;
    }
    let low = from + step / 2;
    let high = times.len().min(from + step);
    *row = (low + times[low..high].partition_point(|&time| time <= t.0) - 1) as u32;
}
