//! What a venue's mid should be, by the other venue's: the usual difference of both over the last hour.

use perpx_core::market::Role;
use perpx_core::units::{HOUR, Mid, Price, SECOND, Time, TimeDelta};
use std::collections::VecDeque;

/// Between two samples of the difference.
const EVERY: TimeDelta = SECOND.times(10);

/// Differences of the mids of the last hour, long less short, and both mids when each venue was last heard.
#[derive(Clone, Debug, Default)]
pub struct Reference {
    differences: VecDeque<(Time, i64)>,
    /// By role: when the venue was heard last, and both mids then.
    heard: [(Time, [Mid; 2]); 2],
}

impl Reference {
    /// Both mids now; `seen`: when each venue was last heard. Those that are not fresh say nothing of the difference.
    pub fn look(&mut self, now: Time, mids: [Mid; 2], seen: [Time; 2], is_fresh: bool) {
        for (heard, seen) in self.heard.iter_mut().zip(seen) {
            if heard.0 < seen {
                *heard = (seen, mids);
            }
        }
        while self.differences.front().is_some_and(|&(at, _)| now.since(at) > HOUR) {
            self.differences.pop_front();
        }
        let is_due = self.differences.back().is_none_or(|&(at, _)| now.since(at) >= EVERY);
        if is_due && is_fresh && mids.iter().all(|mid| mid.is_quoted()) {
            self.differences.push_back((now, mids[0].raw() - mids[1].raw()));
        }
    }

    /// The mid of `role` as the other venue's and the median difference have it, `None`: nothing is known of both.
    pub fn expected(&self, role: Role, mids: [Mid; 2]) -> Option<Mid> {
        let mut all: Vec<i64> = self.differences.iter().map(|&(_, difference)| difference).collect();
        let other = mids[role.other().ix()];
        if all.is_empty() || !other.is_quoted() {
            return None;
        }
        let middle = all.len() / 2;
        let median = *all.select_nth_unstable(middle).1;
        let raw = match role {
            Role::Long => other.raw() + median,
            Role::Short => other.raw() - median,
        };
        Some(Mid::between(Price(raw / 2), Price(raw - raw / 2)))
    }

    /// By what the other venue's mid has moved since `role`'s venue was heard last: now, and then.
    pub fn moved(&self, role: Role, mids: [Mid; 2]) -> Option<(i64, i64)> {
        let (now, then) = (mids[role.other().ix()], self.heard[role.ix()].1[role.other().ix()]);
        (now.is_quoted() && then.is_quoted()).then_some((now.raw(), then.raw()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mids(long: i64, short: i64) -> [Mid; 2] {
        [long, short].map(|px| Mid::at(Price(px)))
    }

    #[test]
    fn the_usual_difference_is_of_the_last_hour() {
        let (mut reference, at) = (Reference::default(), |px| Mid::at(Price(px)));
        assert_eq!(reference.expected(Role::Long, mids(100, 90)), None);
        for (n, long) in [(0, 110), (1, 100), (2, 100), (3, 104), (4, 106)] {
            let time = Time::at(n * 10 * SECOND);
            reference.look(time, mids(long, 100), [time; 2], n != 1);
        }
        // 10, 0, 4, 6: the upper of both middle ones
        assert_eq!(reference.expected(Role::Long, mids(0, 200)), Some(at(206)));
        assert_eq!(reference.expected(Role::Short, mids(200, 0)), Some(at(194)));
        let later = Time::at(HOUR.times(1) + SECOND.times(30));
        reference.look(later, mids(100, 100), [later; 2], false);
        assert_eq!(reference.expected(Role::Long, mids(0, 200)), Some(at(206)), "of 4 and 6");
        assert_eq!(reference.expected(Role::Long, mids(100, 0)), None);
    }

    #[test]
    fn a_venue_that_is_silent_moves_as_the_other() {
        let mut reference = Reference::default();
        let at = |n: i64| Time::at(n * SECOND);
        reference.look(at(1), mids(100, 90), [at(1); 2], true);
        reference.look(at(9), mids(100, 99), [at(1), at(9)], false);
        assert_eq!(reference.moved(Role::Long, mids(100, 99)), Some((2 * 99, 2 * 90)));
        assert_eq!(reference.moved(Role::Short, mids(100, 99)), Some((2 * 100, 2 * 100)));
    }
}
