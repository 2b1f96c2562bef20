//! What the machine says of its own clock, and how far a venue's is from it.

use perpx_core::units::{MS, TimeDelta};
use serde::Serialize;
use std::collections::VecDeque;

/// Measurements of which the best counts: a slow way there and back is no clock.
const KEPT: usize = 8;
/// A venue's clock that is further away is reported.
pub const FAR: TimeDelta = MS.times(500);

/// Whether somebody keeps the machine's clock right, as the kernel has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct WallState {
    /// A time service has set it lately.
    pub is_synchronised: bool,
    /// How wrong it may be at most, as that service says, us.
    pub most_error_us: i64,
}

/// Reads it; nothing is changed.
pub fn wall_state() -> WallState {
    // SAFETY: a struct of numbers, of which all zero is one; no mode is set, so the kernel writes into it and does nothing else.
    #[allow(unsafe_code)]
    let (state, reported) = unsafe {
        let mut reported: libc::timex = std::mem::zeroed();
        (libc::adjtimex(&mut reported), reported)
    };
    let is_unsynchronised = reported.status & libc::STA_UNSYNC != 0;
    let is_synchronised = state >= 0 && state != libc::TIME_ERROR && !is_unsynchronised;
    WallState { is_synchronised, most_error_us: reported.maxerror }
}

/// How far a venue's clock is ahead of the machine's, and how wrong that may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Offset {
    /// The venue's less ours.
    pub offset_ns: i64,
    /// Half of the way there and back, and half of the venue's own step.
    pub bound_ns: i64,
}

impl Offset {
    /// Of an answer that says the venue's time in milliseconds, cut off; `asked` and `came`: the wall's, ns.
    pub fn of_answer(asked: i64, came: i64, server_ms: i64) -> Offset {
        let half = MS.0 / 2;
        let offset_ns = server_ms * MS.0 + half - (asked + (came - asked) / 2);
        Offset { offset_ns, bound_ns: (came - asked).max(0) / 2 + half }
    }

    /// Of several answers, each (asked, came, what the venue said, its own step), ns: a time that is cut off to whole seconds is known
    /// better by where it steps. Clocks that ran apart meanwhile leave nothing in common; then the best one counts. `None` of none.
    pub fn of_answers(answers: &[(i64, i64, i64, i64)]) -> Option<Offset> {
        let within = answers.iter().map(|&(asked, came, said, step)| (said - came, said + step - asked));
        let common = within.clone().reduce(|(a, b), (c, d)| (a.max(c), b.min(d)))?;
        let (low, high) = match common.0 <= common.1 {
            true => common,
            false => within.min_by_key(|(low, high)| high - low)?,
        };
        Some(Offset { offset_ns: low + (high - low) / 2, bound_ns: (high - low) / 2 })
    }

    /// The same from a clock of ours that is so far behind the machine's.
    pub fn plus(self, behind: TimeDelta) -> Offset {
        Offset { offset_ns: self.offset_ns + behind.0, ..self }
    }

    /// What a moment of ours is moved by to be told in the venue's clock, if it may come earlier by the bound and must not come later:
    /// nothing while both clocks may run together.
    pub fn of_expiry(&self) -> TimeDelta {
        let is_together = self.offset_ns.abs() <= self.bound_ns;
        if is_together { TimeDelta::ZERO } else { TimeDelta(self.offset_ns - self.bound_ns) }
    }

    /// Too far away, whatever the way there and back was.
    pub fn is_far(&self) -> bool {
        self.offset_ns.abs() - self.bound_ns > FAR.0
    }
}

/// The newest answers that told a time, of those that count.
#[derive(Clone, Debug, Default)]
pub struct Told(VecDeque<(i64, i64, i64, i64)>);

impl Told {
    /// Takes one more, as [`Offset::of_answers`] takes it. One that has nothing in common with those before is of a clock that was set.
    pub fn take(&mut self, answer: (i64, i64, i64, i64)) {
        let within = |&(asked, came, said, step): &(i64, i64, i64, i64)| (said - came, said + step - asked);
        let (low, high) = within(&answer);
        self.0.retain(|before| (low.max(within(before).0)) <= high.min(within(before).1));
        self.0.push_back(answer);
        if self.0.len() > KEPT {
            self.0.pop_front();
        }
    }

    /// What all of them come to; `None`: nothing was told.
    pub fn offset(&self) -> Option<Offset> {
        let all: Vec<_> = self.0.iter().copied().collect();
        Offset::of_answers(&all)
    }
}

/// The newest measurements.
#[derive(Debug, Default)]
pub struct Offsets(VecDeque<Offset>);

impl Offsets {
    /// Takes one more; the best of those that count.
    pub fn take(&mut self, offset: Offset) -> Offset {
        self.0.push_back(offset);
        if self.0.len() > KEPT {
            self.0.pop_front();
        }
        self.0.iter().copied().min_by_key(|offset| offset.bound_ns).unwrap_or(offset)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Until 3 s after 0 by our clock means 6 s by one that is 3 s ahead, at least; and 1 s at most by one that is 2 s behind. Where
    /// both may run together it means 3 s.
    #[test]
    fn an_expiry_is_moved_by_what_is_certain() {
        let of = |offset, bound| Offset { offset_ns: offset * MS.0, bound_ns: bound * MS.0 }.of_expiry();
        assert_eq!(of(3_000, 20), 2_980 * MS);
        assert_eq!(of(-2_000, 20), -2_020 * MS);
        assert_eq!((of(400, 400), of(-400, 500)), (TimeDelta::ZERO, TimeDelta::ZERO));
    }

    /// A clock that was set is known by its next answer, and not by the eighth.
    #[test]
    fn a_clock_that_was_set_counts_at_once() {
        let ms = |n: i64| n * MS.0;
        let mut told = Told::default();
        for n in 0..8 {
            told.take((ms(15_000 * n), ms(15_000 * n + 4), ms(15_000 * n + 2), ms(1)));
        }
        assert!(told.offset().is_some_and(|offset| offset.offset_ns.abs() <= ms(3)), "{told:?}");
        told.take((ms(120_000), ms(120_010), ms(126_005), ms(1)));
        let offset = told.offset().expect("an answer");
        assert_eq!((offset.offset_ns, offset.bound_ns), (ms(6_000) + MS.0 / 2, ms(5) + MS.0 / 2));
    }

    #[test]
    fn the_best_of_eight_counts() {
        let ms = |n: i64| n * MS.0;
        // asked at 1,000 ms, answered at 1,040 ms: the venue said 1,520, which is up to 1,521
        let first = Offset::of_answer(ms(1_000), ms(1_040), 1_520);
        assert_eq!(first, Offset { offset_ns: ms(500) + MS.0 / 2, bound_ns: ms(20) + MS.0 / 2 });
        assert!(!first.is_far() && Offset::of_answer(ms(1_000), ms(1_002), 1_503).is_far());
        let mut offsets = Offsets::default();
        assert_eq!(offsets.take(first), first);
        let slow = Offset::of_answer(ms(2_000), ms(2_900), 2_600);
        for _ in 0..7 {
            assert_eq!(offsets.take(slow), first);
        }
        assert_eq!(offsets.take(slow), slow, "the first is forgotten");
        assert!(wall_state().most_error_us >= 0);
    }

    #[test]
    fn whole_seconds_are_known_by_where_they_step() {
        let ms = |n: i64| n * MS.0;
        // a clock that is 300 ms ahead and says whole seconds, asked each 100 ms, 2 ms there and back
        let read = |asked: i64| (ms(asked), ms(asked + 2), ms((asked + 1 + 300) / 1_000 * 1_000), ms(1_000));
        let one = Offset::of_answers(&[read(5_000)]).expect("an answer");
        assert_eq!(one.bound_ns, ms(501));
        let ten: Vec<_> = (0..10).map(|n| read(5_000 + 100 * n)).collect();
        let best = Offset::of_answers(&ten).expect("answers");
        assert!((best.offset_ns - ms(300)).abs() <= best.bound_ns && best.bound_ns <= ms(51), "{best:?}");
        // one that was set back meanwhile
        let apart =
            Offset::of_answers(&[(0, ms(2), ms(900), ms(1)), (ms(10), ms(30), ms(20), ms(1))]).expect("answers");
        assert_eq!(apart.bound_ns, ms(3) / 2, "{apart:?}");
        assert_eq!(Offset::of_answers(&[]), None);
    }
}
