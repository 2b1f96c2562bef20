//! When a socket that was lost is opened again: a wait that doubles, with chance in it so that clients do not come back all at once.
//! It stays short at first: a cut that is over soon costs no more than itself and two seconds, however many there are.

use perpx_core::units::{MINUTE, MS, SECOND, Time, TimeDelta};
use std::collections::VecDeque;

/// The first wait and the longest.
const WAIT: [TimeDelta; 2] = [MS.times(250), SECOND.times(20)];
/// Within so much of the loss of a live socket no wait is longer than the second.
const SOON: [TimeDelta; 2] = [SECOND.times(10), MS.times(1_500)];
/// A socket that was live for so long has proved itself: the next wait is the first again.
const PROVEN: TimeDelta = SECOND.times(30);
/// Connects in a minute.
const MOST_CONNECTS: usize = 20;
/// Whom a gateway turned away stays away for so long.
const TURNED_AWAY: TimeDelta = MINUTE;

/// One socket's way back.
#[derive(Clone, Debug)]
pub struct Backoff {
    wait: TimeDelta,
    live: Option<Time>,
    /// When it was live for the last time; `None` while it is.
    lost: Option<Time>,
    connects: VecDeque<Time>,
}

impl Default for Backoff {
    fn default() -> Backoff {
        Backoff { wait: WAIT[0], live: None, lost: None, connects: VecDeque::new() }
    }
}

impl Backoff {
    /// It is opened now.
    pub fn connect(&mut self, at: Time) {
        self.live = None;
        while self.connects.len() >= MOST_CONNECTS {
            self.connects.pop_front();
        }
        self.connects.push_back(at);
    }

    /// The venue has said something of the market: an open socket alone is not live.
    pub fn live(&mut self, at: Time) {
        self.live.get_or_insert(at);
        self.lost = None;
    }

    /// It could not be opened, or has ended: when it is opened again. `chance`: from 0 to 1. `turned_away`: by a gateway, which has
    /// no patience with those who come again at once.
    pub fn lost(&mut self, at: Time, chance: f64, turned_away: bool) -> Time {
        if self.live.take().is_some_and(|since| at.since(since) >= PROVEN) {
            self.wait = WAIT[0];
        }
        let [soon, most] = SOON;
        if at.since(*self.lost.get_or_insert(at)) < soon {
            self.wait = self.wait.min(most);
        }
        let wait =
            if turned_away { TURNED_AWAY } else { TimeDelta((self.wait.0 as f64 * (0.5 + 0.5 * chance)) as i64) };
        self.wait = self.wait.times(2).min(WAIT[1]);
        let full = self.connects.len() >= MOST_CONNECTS;
        let room = self.connects.front().filter(|_| full).map_or(at, |first| first.plus(MINUTE));
        at.plus(wait).max(room)
    }
}

/// A number from 0 to 1 that differs from call to call and from process to process.
pub fn chance() -> f64 {
    use std::hash::{BuildHasher, RandomState};
    RandomState::new().hash_one(0u8) as f64 / u64::MAX as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn waits_double_up_to_the_longest_and_begin_anew_after_a_proof() {
        let (mut backoff, mut at) = (Backoff::default(), Time(0));
        let lost = |backoff: &mut Backoff, at: &mut Time, live: TimeDelta| {
            backoff.connect(*at);
            if live > TimeDelta::ZERO {
                backoff.live(*at);
            }
            *at = at.plus(live);
            let next = backoff.lost(*at, 1.0, false);
            let wait = next.since(*at) / MS;
            *at = next;
            wait
        };
        // however often it is cut while it is heard
        let waits: Vec<i64> = (0..6).map(|_| lost(&mut backoff, &mut at, 29 * SECOND)).collect();
        assert_eq!(waits, [250, 500, 1_000, 1_500, 1_500, 1_500]);
        assert_eq!(lost(&mut backoff, &mut at, 30 * SECOND), 250);
        // a venue that stays away
        let waits: Vec<i64> = (0..14).map(|_| lost(&mut backoff, &mut at, TimeDelta::ZERO)).collect();
        let soon = [[500, 1_000].as_slice(), &[1_500; 6]].concat();
        assert_eq!(waits, [soon.as_slice(), &[3_000, 6_000, 12_000, 20_000, 20_000, 20_000]].concat());
        assert_eq!(Backoff::default().lost(Time(0), 0.0, false), Time::at(125 * MS));
        assert_eq!(Backoff::default().lost(Time(0), 0.0, true), Time::at(60 * SECOND));
    }

    /// Cuts of up to ten seconds, so many that the twenty of a minute do: it is opened again within the cut and 1.5 s.
    #[test]
    fn a_short_cut_costs_no_more_than_itself() {
        let (mut backoff, mut at) = (Backoff::default(), Time(0));
        for cut in [0, 1, 2, 3, 5, 8, 9].map(|seconds| seconds * SECOND) {
            backoff.connect(at);
            backoff.live(at);
            let lost = at.plus(20 * SECOND);
            at = backoff.lost(lost, 1.0, false);
            while at.since(lost) < cut {
                backoff.connect(at);
                at = backoff.lost(at, 1.0, false);
            }
            assert!(at.since(lost) <= cut + 1_500 * MS, "{cut:?}: {:?}", at.since(lost));
        }
    }

    proptest! {
        /// Whatever happens to it, a socket is opened at most 20 times in any minute, and after at least half the first wait.
        #[test]
        fn a_minute_has_so_many_connects(fates in proptest::collection::vec((0i64..40_000, 0.0..1.0f64, any::<bool>()), 1..200)) {
            let (mut backoff, mut at, mut connects) = (Backoff::default(), Time(0), Vec::new());
            for (live_ms, chance, live) in fates {
                backoff.connect(at);
                connects.push(at);
                if live {
                    backoff.live(at);
                }
                let ended = at.plus(live_ms * MS);
                at = backoff.lost(ended, chance, false);
                prop_assert!(at.since(ended) >= WAIT[0] / 2);
            }
            for pair in connects.windows(MOST_CONNECTS + 1) {
                prop_assert!(pair[MOST_CONNECTS].since(pair[0]) >= MINUTE);
            }
        }
    }
}
