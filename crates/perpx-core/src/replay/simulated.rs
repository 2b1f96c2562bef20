//! The two simulated venues of a run, moved together: neither is led past a moment at which the trader may still act on the
//! other's news.

use super::venue_port::VenuePort;
use super::{Index, Job, RowsSeen};
use crate::ledger::VenueBook;
use crate::market::{Command, Event, MarginSchedule, Role};
use crate::port::Trader;
use crate::sim::{Env, OrderTrace, SimVenue};
use crate::tape::Tile;
use crate::units::{Cash, NS, Time};
use serde::{Deserialize, Serialize};

/// Both venues as they really are, by role.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Simulated(pub(super) [SimVenue; 2]);

/// What surrounds them during one pass.
pub struct Surroundings<'p> {
    /// By role.
    env: [Env<'p>; 2],
    rows_seen: RowsSeen,
    /// Neither venue has anything to do or to say until a command reaches it; where they stand is brought up when one
    /// does, and at the end of the pass.
    pub(super) idle: bool,
}

impl VenuePort for Simulated {
    const IS_REPLAYED: bool = true;
    type Surroundings<'p> = Surroundings<'p>;

    fn surroundings<'p, T: Trader>(
        job: &'p Job<'_, T>,
        tile: &'p Tile,
        index: Option<&'p Index>,
        rows_seen: RowsSeen,
    ) -> Surroundings<'p> {
        Surroundings { env: Role::BOTH.map(|role| job.env(tile, index, role)), rows_seen, idle: false }
    }

    fn begin(&mut self, around: &Surroundings<'_>, follows: bool) {
        for (sim, env) in self.0.iter_mut().zip(&around.env) {
            sim.enter_tile(env);
            if follows {
                sim.keep_log();
            }
        }
    }

    fn end(&mut self, around: &mut Surroundings<'_>, until: Time) {
        if around.idle {
            self.advance_idle(around, until.plus(-NS));
        }
        debug_assert!(self.0.iter().all(|sim| sim.stats().late_arrivals == 0), "a venue was run past a decision");
    }

    fn submit(&mut self, around: &mut Surroundings<'_>, now: Time, ordinal: u32, command: Command) {
        if std::mem::take(&mut around.idle) {
            self.advance_idle(around, now);
        }
        let v = command.venue().ix();
        self.0[v].submit(now, ordinal, command, &around.env[v]);
    }

    #[inline]
    fn next_event(&mut self, around: &mut Surroundings<'_>, limit: Time, undue: bool) -> Option<Event> {
        if around.idle {
            return None;
        }
        self.waking_event(around, limit, undue)
    }

    fn transfer(&mut self, around: &Surroundings<'_>, event: &Event) {
        let v = event.venue.ix();
        self.0[v].transfer(&event.body, &around.env[v]);
    }

    fn most_free(&self, role: Role) -> Option<Cash> {
        Some(self.0[role.ix()].truth().free())
    }

    fn take_log(&mut self) -> Vec<OrderTrace> {
        self.0.iter_mut().flat_map(SimVenue::take_log).collect()
    }
}

impl Simulated {
    /// Both accounts as the job begins them.
    pub fn of<T: Trader>(job: &Job<'_, T>) -> Simulated {
        Simulated(Role::BOTH.map(|role| SimVenue::new(role, job.book(role))))
    }

    /// Both accounts as they are at `at`: cash and legs, no order.
    pub fn holding(books: &[VenueBook; 2], margins: &[MarginSchedule; 2], at: Time) -> Simulated {
        let venue = |role: Role| SimVenue::holding(role, books[role.ix()].clone(), &margins[role.ix()], at);
        Simulated(Role::BOTH.map(venue))
    }

    /// Without an event, both venues stand at `limit`.
    fn waking_event(&mut self, around: &mut Surroundings<'_>, limit: Time, undue: bool) -> Option<Event> {
        if self.0.iter().all(|sim| sim.is_idle() && sim.next_answer().is_none()) {
            self.advance_idle(around, limit);
            around.idle = around.rows_seen != RowsSeen::Every;
            return None;
        }
        loop {
            let due = if undue { limit } else { self.next_due(around).min(limit) };
            let reached = self.advance(around, due);
            let waits = |v: usize| self.0[v].next_answer().filter(|&at| at <= reached);
            let first = match (waits(0), waits(1)) {
                (Some(long), Some(short)) => Some(usize::from(short < long)),
                (Some(_), None) => Some(0),
                (None, Some(_)) => Some(1),
                (None, None) => None,
            };
            if let Some(v) = first {
                return self.0[v].pop(reached);
            }
            if reached == limit {
                return None;
            }
        }
    }

    /// An event that waits to be heard at or before `at`; the venues stand where they are.
    #[inline]
    pub(super) fn waiting_event(&mut self, at: Time) -> Option<Event> {
        let waits = |v: usize| self.0[v].next_answer().is_some_and(|due| due <= at);
        let v = (0..2).find(|&v| waits(v))?;
        self.0[v].pop(at)
    }

    /// Two venues that have nothing to do stand at `to`. The reference feeds them their rows nevertheless when it checks.
    fn advance_idle(&mut self, around: &Surroundings<'_>, to: Time) {
        for (sim, env) in self.0.iter_mut().zip(&around.env) {
            let fired =
                if around.rows_seen == RowsSeen::Every { sim.advance_every_row(to, env) } else { sim.advance(to, env) };
            debug_assert!(!fired, "an idle venue fired");
        }
    }

    /// The next scheduled moment of either venue.
    pub(super) fn next_due(&mut self, around: &Surroundings<'_>) -> Time {
        let [long, short] = &mut self.0;
        long.next_due(&around.env[0]).min(short.next_due(&around.env[1]))
    }

    /// Orders rest or wait: what rows of the venues do to them cannot be foreseen. (That a mark takes a leg cannot either,
    /// but is too rare to look for.)
    pub(super) fn needs_rows(&self) -> bool {
        self.0.iter().any(SimVenue::rests)
    }

    /// Moves both venues to `to`, or to the first earlier moment at which an answer becomes due; returns that moment.
    fn advance(&mut self, around: &Surroundings<'_>, to: Time) -> Time {
        let every = around.rows_seen != RowsSeen::Needed;
        let [long, short] = &mut self.0;
        let may_fire = |sim: &mut SimVenue, env| sim.needs_rows() && sim.may_fire_at(to, env) <= to;
        let both = [may_fire(long, &around.env[0]), may_fire(short, &around.env[1])];
        // the venue that its rows can stop before `to` goes first; if both can, it may have to be taken back
        let (first, second, first_env, second_env) = match both {
            [false, true] => (short, long, &around.env[1], &around.env[0]),
            _ => (long, short, &around.env[0], &around.env[1]),
        };
        let before = (both == [true; 2]).then(|| first.clone());
        let moved = |sim: &mut SimVenue, env: &Env<'_>, to: Time| {
            if every { sim.advance_every_row(to, env) } else { sim.advance(to, env) }
        };
        let reached_by = |sim: &mut SimVenue, env: &Env<'_>, to: Time| match moved(sim, env, to) {
            true => sim.next_answer().map_or(to, |at| at.min(to)),
            false => to,
        };
        let mut reached = reached_by(first, first_env, to);
        let sooner = reached_by(second, second_env, reached);
        if sooner < reached {
            if let Some(before) = before {
                *first = before;
            }
            reached = sooner;
        }
        // whatever else is due at that very moment
        while moved(first, first_env, reached) {}
        while moved(second, second_env, reached) {}
        reached
    }

    /// The data end at `at`: what both venues still have to tell, the long one's first.
    pub(super) fn finish(&mut self, around: &Surroundings<'_>, at: Time) -> Vec<Event> {
        self.0.iter_mut().zip(&around.env).flat_map(|(sim, env)| sim.finish(at, env)).collect()
    }
}
