//! The recorder's own clock. It begins at the wall's time, goes on with the time since the machine was started, and is drawn toward the
//! wall so slowly that nobody notices; it never jumps and never goes back.

use crate::wall::MarketClock;
use nix::time::{ClockId, clock_gettime};
use perpx_core::units::{MS, SECOND, Time, TimeDelta};

/// It is drawn toward the wall by at most one part in so many.
const SLEW: i64 = 2_000;
/// The wall was set when it moved so far against the time since the start.
const STEP: TimeDelta = MS.times(50);

/// Both clocks are read so often at most.
const TRIES: usize = 5;

/// What both clocks of the machine said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reading {
    /// `CLOCK_REALTIME`.
    pub wall_ns: i64,
    /// `CLOCK_BOOTTIME`: it goes on while the machine sleeps.
    pub mono_ns: i64,
}

impl Reading {
    /// Of now.
    pub fn now() -> Reading {
        let read = |id| clock_gettime(id).map_or(0, |at| (at.tv_sec() * SECOND).0 + at.tv_nsec());
        let both = || {
            let mono_ns = read(ClockId::CLOCK_BOOTTIME);
            let reading = Reading { wall_ns: read(ClockId::CLOCK_REALTIME), mono_ns };
            (read(ClockId::CLOCK_BOOTTIME) - mono_ns, reading)
        };
        // a thread that is held up between the two would take that for a clock that was set
        let mut best = both();
        for _ in 1..TRIES {
            if best.0 < MS.0 {
                break;
            }
            let next = both();
            best = if next.0 < best.0 { next } else { best };
        }
        best.1
    }
}

/// The clock, moved by readings.
#[derive(Debug)]
pub struct EngineClock {
    last: Reading,
    now: Time,
    /// Of a market that is played.
    market: Option<MarketClock>,
}

impl EngineClock {
    /// Begins at a reading, but not before `newest`: what was recorded by a process before is in the past.
    pub fn new(at: Reading, newest: Option<Time>) -> EngineClock {
        let now = newest.map_or(Time(at.wall_ns), |newest| newest.max(Time(at.wall_ns)));
        EngineClock { last: at, now, market: None }
    }

    /// That of a market that is played: it says that market's time.
    pub fn of_market(at: Reading, market: MarketClock) -> EngineClock {
        EngineClock { market: Some(market), ..EngineClock::new(at, None) }
    }

    /// The time at a reading; and by how much the wall was set since the last one, if it was.
    pub fn at(&mut self, reading: Reading) -> (Time, Option<TimeDelta>) {
        let passed = (reading.mono_ns - self.last.mono_ns).max(0);
        let moved = reading.wall_ns - self.last.wall_ns;
        let behind = reading.wall_ns - self.now.0 - passed;
        let most = passed / SLEW;
        self.now = self.now.plus(TimeDelta(passed + behind.clamp(-most, most)));
        self.last = reading;
        let step = TimeDelta(moved - passed);
        let now = self.market.map_or(self.now, |market| market.market(self.now));
        (now, (step.abs() > STEP).then_some(step))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn reading(wall_ms: i64, mono_ms: i64) -> Reading {
        Reading { wall_ns: (wall_ms * MS).0, mono_ns: (mono_ms * MS).0 }
    }

    #[test]
    fn a_wall_that_is_set_moves_it_slowly() {
        let mut clock = EngineClock::new(reading(1_000, 50), None);
        assert_eq!(clock.at(reading(2_000, 1_050)), (Time::at(2_000 * MS), None));
        // an hour forward: half a millisecond a second
        let hour = 3_600_000;
        assert_eq!(clock.at(reading(3_000 + hour, 2_050)), (Time::at(3_000 * MS + MS / 2), Some(hour * MS)));
        assert_eq!(clock.at(reading(4_000 + hour, 3_050)), (Time::at(4_001 * MS), None));
        // and back
        let (at, step) = clock.at(reading(5_000, 4_050));
        assert_eq!((at, step), (Time::at(5_000 * MS + MS / 2), Some(-hour * MS)));
        let later = EngineClock::new(reading(1_000, 0), Some(Time::at(1_500 * MS)));
        assert_eq!(later.now, Time::at(1_500 * MS), "never before what was recorded");
        let now = Reading::now();
        assert!(Time(now.wall_ns) > Time::at(1_700_000_000 * SECOND) && now.mono_ns > 0, "{now:?}");
    }

    proptest! {
        /// However the wall is set, it goes on, at most one part in 2,000 faster or slower than time.
        #[test]
        fn it_never_goes_back(steps in proptest::collection::vec((0i64..5_000, -10_000_000i64..10_000_000), 1..100)) {
            let (mut wall, mut mono) = (1_000_000_000i64, 0i64);
            let mut clock = EngineClock::new(reading(wall, mono), None);
            let mut last = clock.now;
            for (passed, set) in steps {
                mono += passed;
                wall += passed + set;
                let (now, step) = clock.at(reading(wall, mono));
                let went = now.since(last);
                let off = went - passed * MS;
                prop_assert!(went >= TimeDelta::ZERO && off.abs() <= passed * MS / SLEW);
                prop_assert_eq!(step.is_some(), set.abs() > 50);
                last = now;
            }
        }
    }
}
