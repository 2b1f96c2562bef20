//! A machine's way through one tile: the moments at which anything happens, in their order (architecture.md, "The wake
//! contract", 10), and what each of them does. Drivers differ only in which ticks they hand over.

use super::extreme::Kept;
use super::simulated::Simulated;
use super::venue_port::VenuePort;
use super::{Index, Job, RunState};
use crate::ledger::{Line, Mids};
use crate::market::{Bbo, Command, Event, EventBody, OrderId, Role};
use crate::port::{Actions, Moment, Trader, View};
use crate::signals::TileSignals;
use crate::stats::At;
use crate::stats::{Caps, Equity};
use crate::stats::{Recorder, Scene};
use crate::tape::Tile;
use crate::units::{Cash, HOUR, Mid, MidValue, NS, Notional, Rate, Time};
use crate::watch::{EvalCtx, TrailingExtreme};
use std::cell::Cell;
use std::ops::Range;

/// Which rows the simulated venues are led through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RowsSeen {
    /// Those that can matter.
    Needed,
    /// Every one while a venue has anything to do.
    Busy,
    /// Every one.
    Every,
}

/// Equity samples made ahead of time.
#[derive(Clone, Copy)]
pub(super) struct Samples {
    equity: Equity,
    /// The sample that newly breaches a limit: the last one made.
    pub breach: Option<Time>,
}

/// One machine in one tile.
pub struct Pass<'p, 'j, T: Trader, R: Recorder, P: VenuePort = Simulated> {
    pub(super) m: &'p mut RunState<T, P>,
    job: &'p Job<'j, T>,
    pub(super) tile: &'p Tile,
    pub(super) signals: &'p TileSignals,
    pub(super) index: Option<&'p Index>,
    rec: &'p mut R,
    around: P::Surroundings<'p>,
    caps: Caps,
    /// Live rows of this tile inside `[from, to)`.
    pub(super) rows: Range<usize>,
    /// Exclusive end of the pass.
    pub(super) until: Time,
    /// The last tick.
    pub(super) row: usize,
    out: Actions,
    /// Times that were looked up last, and their rows: most are asked for twice or more, and each costs a miss of the cache.
    known: Cell<[(Time, usize); 4]>,
}

impl<'p, 'j: 'p, T: Trader, R: Recorder, P: VenuePort> Pass<'p, 'j, T, R, P> {
    pub(super) fn new(
        m: &'p mut RunState<T, P>,
        job: &'p Job<'j, T>,
        (tile, signals, index): (&'p Tile, &'p TileSignals, Option<&'p Index>),
        rec: &'p mut R,
        rows_seen: RowsSeen,
    ) -> Self {
        let until = tile.end.min(job.to);
        let time: &[i64] = &tile.local.time;
        let start = time[1..].partition_point(|&t| t < job.from.0) + 1;
        let end = time[1..].partition_point(|&t| t < until.0) + 1;
        Pass {
            job,
            tile,
            signals,
            index,
            rec,
            around: P::surroundings(job, tile, index, rows_seen),
            caps: m.equity.caps(&T::limits(job.plan)),
            rows: start..end.max(start),
            until,
            row: start - 1,
            out: Actions::default(),
            known: Cell::new([(Time::MIN, 0); 4]),
            m,
        }
    }

    /// Goes on after `row` in a pass that was paused there.
    pub(super) fn going_on(mut self, row: usize) -> Self {
        self.row = row;
        self
    }

    /// Leaves the machine at the present moment, for another pass to go on with; the last tick.
    pub(super) fn pause(&mut self) -> usize {
        self.m.venues.end(&mut self.around, self.m.now.plus(NS));
        self.catch_up(self.m.now);
        self.best(self.row);
        self.row
    }

    /// The tile begins.
    pub(super) fn begin(&mut self) {
        self.m.venues.begin(&self.around, self.rec.follows());
        if let Some(kept) = &mut self.m.kept {
            kept.enter_tile();
        }
        self.m.tally.legging.enter_tile();
    }

    /// The tile ends: samples are made, the extreme and the legging are brought up to its last row.
    pub(super) fn end(&mut self) {
        self.m.venues.end(&mut self.around, self.until);
        self.catch_up(self.until);
        self.best(self.rows.end - 1);
        self.m.tally.legging.look(&self.tile.local, self.rows.end - 1);
    }

    pub(super) fn plan(&self) -> &'p T::Plan {
        self.job.plan
    }

    pub(super) fn eval_ctx(&self) -> EvalCtx<'p> {
        EvalCtx { local: &self.tile.local, signals: self.signals }
    }

    #[inline]
    pub(super) fn time(&self, row: usize) -> Time {
        Time(self.tile.local.time[row])
    }

    /// First row of the pass, after the last tick, whose time is at or after `t`; the end of its rows if there is none.
    pub(super) fn row_at(&self, t: Time) -> usize {
        let mut known = self.known.get();
        let row = match known.iter().find(|&&(time, _)| time == t) {
            Some(&(_, row)) => row,
            None => {
                let row = self.find_row(t);
                known.rotate_right(1);
                known[0] = (t, row);
                self.known.set(known);
                row
            }
        };
        row.clamp(self.row + 1, self.rows.end)
    }

    fn find_row(&self, t: Time) -> usize {
        let time: &[i64] = &self.tile.local.time;
        let (low, end) = (self.row + 1, self.rows.end);
        let (mut from, mut step) = (low, 16);
        if let Some(index) = self.index
            && time.get(low + step).is_some_and(|&time| time < t.0)
        {
            return index.clock(self.eval_ctx()).row_at(time, t.0);
        }
        while from + step < end && time[from + step] < t.0 {
            from += step;
            step *= 2;
        }
        let to = end.min(from + step + 1).max(from);
        from + time[from..to].partition_point(|&x| x < t.0)
    }

    /// The mids of the last tick.
    fn mids(&self) -> Mids {
        Role::BOTH.map(|role| self.tile.local.bbo(self.row, role).mid_or_none())
    }

    /// The extreme that the trader asks for, `row` included.
    pub(super) fn best(&mut self, row: usize) -> Option<TrailingExtreme> {
        let (ctx, index) = (self.eval_ctx(), self.index);
        self.m.kept.as_mut().map(|kept| kept.at(ctx, index, row))
    }

    /// When the trader's timer is due; never before the present moment.
    #[inline]
    pub(super) fn next_timer(&self) -> Option<Time> {
        self.m.trader.next_timer().map(|due| due.max(self.m.now))
    }

    /// The last call sent nothing and made no transition.
    pub(super) fn is_silent(&self) -> bool {
        self.out.commands.is_empty() && self.out.transition.is_none()
    }

    // ---- moments

    /// Does what comes first of: the next answer at or before `limit`; nothing. `true` when the trader was called. Without
    /// an answer, both venues stand at `limit`.
    #[inline]
    pub(super) fn answer_before(&mut self, limit: Time) -> bool {
        let Some(event) = self.next_answer(limit) else { return false };
        self.hear(event);
        true
    }

    /// A venue's answer reaches the trader.
    pub(super) fn hear(&mut self, event: Event) {
        assert!(!P::IS_REPLAYED || event.at >= self.m.now, "heard at {} and it is {}", event.at, self.m.now);
        self.row = self.row_at(event.at) - 1;
        self.catch_up(event.at);
        self.record(&event);
        self.m.tally.event(&event);
        if event.body.is_entry() {
            self.book(&event, self.mids(), false);
        }
        self.m.now = self.m.now.max(event.at);
        self.step(Moment::Answer(event));
    }

    /// For a recorder that follows orders: what requests met, then the event.
    fn record(&mut self, event: &Event) {
        if self.rec.follows() {
            for trace in self.m.venues.take_log() {
                self.rec.trace(&trace);
            }
            self.rec.answer(event);
        }
    }

    /// A ledger entry: belief, hash, statistics, limits.
    fn book(&mut self, event: &Event, mids: Mids, end: bool) {
        // the end of the data is no state: it exposes nothing
        let state = usize::from(self.m.trader.state());
        let line = if end { Line::Price } else { T::STATES[state].unmatched };
        self.m.tally.legging.look(&self.tile.local, self.row);
        if !end {
            self.m.equity.begin_day(event.at, &self.m.belief, self.signals);
        }
        self.m.belief.apply(event, mids, line);
        if !end {
            self.rebalance(event.at, mids);
        }
        self.m.chain.entry(event, self.m.since);
        let m = &mut *self.m;
        let at = At { now: m.now.max(event.at), row: self.row, belief: &m.belief, mids };
        let ended = if end { None } else { m.tally.booked(&at, event, m.trader.is_hedging(), T::STATES) };
        if self.m.equity.after_entry(event.at, self.m.belief.equity(mids), &self.caps) {
            self.wake_at(event.at);
        }
        let scene = Scene { now: event.at, ..scene(self.m, self.tile, self.signals, self.row, mids) };
        self.rec.entry(&scene, event, end);
        if let Some(row) = ended {
            self.rec.legging(&row);
        }
    }

    /// The trader's timer.
    pub(super) fn timer(&mut self, due: Time) {
        self.row = self.row_at(due.plus(NS)) - 1;
        self.m.now = self.m.now.max(due);
        self.step(Moment::Timer);
    }

    /// The tick at `row`. Everything before it is done.
    #[inline]
    pub(super) fn tick(&mut self, row: usize) {
        let now = self.time(row);
        self.row = row;
        self.m.now = self.m.now.max(now);
        self.m.breach = self.m.equity.breach(now);
        if self.m.wake_tick.is_some_and(|wake| wake <= now) {
            self.m.wake_tick = self.m.equity.daily_end(now);
        }
        self.step(Moment::Tick);
    }

    /// Makes the equity samples before `to`; `true` when one breached a limit: then a tick that follows is a wake.
    #[inline]
    pub(super) fn catch_up(&mut self, to: Time) -> bool {
        let m = &mut *self.m;
        if m.equity.is_caught_up(to) {
            return false;
        }
        let mut breached = false;
        while let Some(at) =
            m.equity.catch_up(to, &m.belief, self.signals, &self.caps, m.atoms.as_deref_mut(), self.rec)
        {
            breached = true;
            let wake = at.plus(NS);
            m.wake_tick = Some(m.wake_tick.map_or(wake, |other| other.min(wake)));
        }
        breached
    }

    fn wake_at(&mut self, at: Time) {
        self.m.wake_tick = Some(self.m.wake_tick.map_or(at, |other| other.min(at)));
    }

    /// The samples before `to`, up to the first that would breach a limit, if nothing is booked until then; `None` where
    /// none can breach one.
    #[inline]
    pub(super) fn foresee_samples(&self, to: Time) -> Option<Samples> {
        let m = &*self.m;
        if m.equity.is_caught_up(to) || self.caps.are_none() || m.belief.is_flat() {
            return None;
        }
        let mut ahead = m.equity;
        let breach = ahead.catch_up(to, &m.belief, self.signals, &self.caps, None, &mut crate::stats::NoRecord);
        Some(Samples { equity: ahead, breach })
    }

    /// Nothing was booked until then: what was foreseen is so. A breach, and what a recorder or the atoms keep, is left to
    /// [`Pass::catch_up`].
    #[inline]
    pub(super) fn adopt(&mut self, samples: Option<Samples>) {
        if let Some(Samples { equity, breach: None }) = samples
            && !self.rec.keeps()
            && self.m.atoms.is_none()
        {
            self.m.equity = equity;
        }
    }

    fn step(&mut self, moment: Moment) {
        let best = self.best(self.row);
        let (now, row) = (self.m.now, self.row);
        self.out.commands.clear();
        self.out.transition = None;
        let m = &mut *self.m;
        let view = View {
            now,
            row,
            local: &self.tile.local,
            signals: self.signals,
            belief: &m.belief,
            best,
            breach: m.breach,
            mandate: m.venues.mandate(now),
        };
        m.steps += 1;
        m.trader.step(self.job.plan, moment, &view, &mut self.out);
        m.is_resting |= m.trader.is_quiet();
        if let Some(transition) = self.out.transition {
            let mids = self.mids();
            let m = &mut *self.m;
            m.tally.legging.look(&self.tile.local, row);
            m.belief.value_at(mids, T::STATES[usize::from(transition.from)].unmatched);
            m.chain.transition(now, &transition);
            let trades = m.tally.pnls.len();
            let ended = m.tally.transition(&At { now, row, belief: &m.belief, mids }, &transition, T::STATES);
            // a sample at this same instant is made after it: it counts in the interval under way
            if let Some(atoms) = &mut m.atoms
                && m.tally.pnls.len() > trades
            {
                atoms.add_trade(m.equity.moments.n);
            }
            let scene = scene(self.m, self.tile, self.signals, self.row, mids);
            self.rec.transition(&scene, &transition);
            if let Some(row) = ended {
                self.rec.legging(&row);
            }
        }
        self.keep_extreme();
        if !self.out.commands.is_empty() {
            self.send(now);
        }
    }

    fn keep_extreme(&mut self) {
        match self.m.trader.extreme(self.job.plan) {
            None => self.m.kept = None,
            Some(asked) if self.m.kept.is_some_and(|kept| kept.is_for(&asked)) => {}
            Some(asked) => self.m.kept = Some(Kept::new(asked, self.row)),
        }
    }

    fn send(&mut self, now: Time) {
        for i in 0..self.out.commands.len() {
            let command = self.out.commands[i];
            let role = command.venue();
            if self.rec.follows() {
                let scene = scene(self.m, self.tile, self.signals, self.row, self.mids());
                self.rec.command(&scene, &command);
            }
            let (at, ordinal) = &mut self.m.sent[role.ix()];
            *ordinal = if *at == now { *ordinal + 1 } else { 0 };
            *at = now;
            let ordinal = *ordinal;
            match command {
                Command::Place(order) => {
                    let bbo: Bbo = self.tile.local.bbo(self.row, role);
                    self.m.tally.order(&order, bbo.opposite(order.side).0);
                    if std::mem::take(&mut self.m.is_resting) {
                        self.m.since = OrderId(order.id.0.wrapping_sub(1));
                    }
                }
                Command::Cancel { .. } => self.m.tally.cancel(),
                Command::Modify { .. } | Command::Query { .. } => {}
            }
            self.m.venues.submit(&mut self.around, now, ordinal, command);
        }
    }

    // ---- events

    /// The earliest answer at or before `limit`, both venues moved to its time; at equal times the long venue's first.
    /// Without one both stand at `limit`.
    pub(super) fn next_answer(&mut self, limit: Time) -> Option<Event> {
        let own = self.m.transfers.front().map(|event| event.at).filter(|&at| at <= limit);
        let Some(own) = own else { return self.m.venues.next_event(&mut self.around, limit, false) };
        // at equal times the venues' own news come first
        self.m.venues.next_event(&mut self.around, own, false).or_else(|| self.next_transfer())
    }

    /// The next transfer, booked in the venue's truth.
    fn next_transfer(&mut self) -> Option<Event> {
        let event = self.m.transfers.pop_front()?;
        self.m.venues.transfer(&self.around, &event);
        Some(event)
    }

    /// Starts a transfer when a venue's balance, unrealised profit at `mids` and posted margin included, has fallen too low:
    /// half of the difference of the balances, as far as it is free, leaves the other venue now and arrives, less its fee,
    /// after the delay. One at a time, and none within an hour of the last arrival (strategy.md, 10).
    fn rebalance(&mut self, now: Time, mids: Mids) {
        let idle = self.m.transfers.is_empty() && now >= self.m.transfer_after;
        let Some(rule) = self.job.transfer.filter(|_| idle) else { return };
        let books = &self.m.belief.books;
        let balances = Role::BOTH.map(|role| books[role.ix()].equity(mids[role.ix()]));
        let free = Role::BOTH.map(|role| {
            let believed = books[role.ix()].free();
            self.m.venues.most_free(role).map_or(believed, |truth| believed.min(truth))
        });
        let Some((poor, half)) = shortfall(balances, self.job.capital, rule.below, free) else { return };
        let rich = poor.other();
        let grid = self.m.belief.books.iter().map(|book| book.grid().0).max().unwrap_or(1);
        let amount = Cash(half.0.div_euclid(grid) * grid);
        if amount <= rule.fee {
            return;
        }
        let news = |at: Time, venue: Role, amount: Cash, fee: Cash| Event {
            at,
            venue_time: at,
            venue,
            body: EventBody::Transferred { amount, fee },
            met: Mid::ZERO,
        };
        self.m.transfers.push_back(news(now, rich, -amount, Cash::ZERO));
        let arrives = now.plus(rule.delay);
        self.m.transfers.push_back(news(arrives, poor, amount, -rule.fee));
        self.m.transfer_after = arrives.plus(HOUR);
    }

    // ---- the end

    /// Asked for from outside: from the next tick on the trader closes what it holds and opens nothing more.
    pub(super) fn halt(&mut self) {
        self.m.equity.halt(self.m.now);
    }

    /// Idle, with nothing under way.
    pub(super) fn is_at_rest(&self) -> bool {
        self.m.trader.state() == 0 && self.m.trader.is_quiet()
    }

    /// The run ends here: with this moment the pass does, whatever rows the tile still has.
    pub(super) fn cut(&mut self) -> Time {
        self.until = self.m.now.plus(NS).min(self.until);
        self.rows.end = self.row + 1;
        self.until
    }
}

/// What the drivers of simulated venues ask beside it.
impl<'p, 'j: 'p, T: Trader, R: Recorder> Pass<'p, 'j, T, R> {
    /// As [`Pass::answer_before`], for a `limit` not after the next moment of either venue or of a transfer
    /// ([`Pass::next_due`]); also hears what else reaches the trader at that moment, up to a call that sends something.
    #[inline]
    pub(super) fn answers_by(&mut self, limit: Time) -> bool {
        let event = match self.m.transfers.is_empty() {
            true => self.m.venues.next_event(&mut self.around, limit, true),
            false => self.next_answer(limit),
        };
        let Some(event) = event else { return false };
        self.hear(event);
        while self.out.commands.is_empty() && self.m.transfers.is_empty() {
            let Some(next) = self.m.venues.waiting_event(event.at) else { break };
            self.hear(next);
        }
        true
    }

    /// No answer can come before a command is sent.
    #[inline]
    pub(super) fn is_idle(&self) -> bool {
        self.around.idle && self.m.transfers.is_empty()
    }

    /// The next scheduled moment of either venue, or of a transfer.
    pub(super) fn next_due(&mut self) -> Time {
        let transfer = self.m.transfers.front().map_or(Time::MAX, |event| event.at);
        self.m.venues.next_due(&self.around).min(transfer)
    }

    /// See [`Simulated::needs_rows`].
    pub(super) fn needs_rows(&self) -> bool {
        self.m.venues.needs_rows()
    }

    /// See [`RunState::finish`].
    pub(super) fn finish(&mut self) {
        let to = self.job.to;
        self.row = self.rows.end - 1;
        self.m.now = to;
        let mids = self.mids();
        let m = &mut *self.m;
        m.belief.value_at(mids, T::STATES[usize::from(m.trader.state())].unmatched);
        let ended = m.tally.finish(&At { now: to, row: self.row, belief: &m.belief, mids });
        if let Some(row) = ended {
            self.rec.legging(&row);
        }
        let mut last = self.m.venues.finish(&self.around, to);
        // money under way is counted where it was going
        while let Some(event) = self.next_transfer() {
            last.push(Event { at: to, ..event });
        }
        for event in last {
            self.record(&event);
            self.m.tally.event(&event);
            if event.body.is_entry() {
                self.book(&event, mids, true);
            }
        }
        let equity = self.m.belief.equity(mids);
        let (initial, lines) = (MidValue::from(self.job.initial()), self.m.belief.lines.total());
        assert!(equity == initial + lines, "equity {equity}, of which {initial} was there and {lines} is on lines");
        self.m.equity.finish(to, equity, self.m.atoms.as_deref_mut(), self.rec);
    }
}

/// The venue whose balance is the lower one and under `below` of its initial capital, and half of the difference of both, as
/// far as it is free at the other.
fn shortfall(balances: [MidValue; 2], capital: [Cash; 2], below: Rate, free: [Cash; 2]) -> Option<(Role, Cash)> {
    let [long, short] = balances;
    let poor = if long < short { Role::Long } else { Role::Short };
    let least = capital[poor.ix()].as_notional().times(below, Cash(1)).into();
    let half = Notional((long - short).abs().to_notional().0 / 2).to_cash(Cash(1));
    (balances[poor.ix()] < least).then(|| (poor, half.min(free[poor.other().ix()])))
}

fn scene<'a, T: Trader, P: VenuePort>(
    m: &'a RunState<T, P>,
    tile: &'a Tile,
    signals: &'a TileSignals,
    row: usize,
    mids: Mids,
) -> Scene<'a> {
    Scene { now: m.now, row, local: &tile.local, signals, belief: &m.belief, mids, state: m.trader.state() }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 1,000 on each venue, transfers below 90 %.
    #[test]
    fn a_transfer_looks_at_balances_not_at_what_margin_leaves() {
        let due = |long: i64, short: i64, free: i64| {
            let balances = [long, short].map(|units| Cash::units(units).into());
            shortfall(balances, [Cash::units(1_000); 2], Rate::from_bps(9_000), [Cash::units(free); 2])
        };
        // nearly all of it is posted as margin, and nothing is lost
        assert_eq!(due(1_000, 1_000, 50), None);
        assert_eq!(due(900, 1_100, 500), None);
        assert_eq!(due(899, 1_101, 500), Some((Role::Long, Cash::units(101))));
        assert_eq!(due(1_101, 899, 500), Some((Role::Short, Cash::units(101))));
        assert_eq!(due(600, 1_400, 150), Some((Role::Long, Cash::units(150))), "as far as it is free");
        assert_eq!(due(400, 600, 500), Some((Role::Long, Cash::units(100))), "both lost");
    }
}
