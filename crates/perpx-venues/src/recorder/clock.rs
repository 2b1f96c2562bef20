//! The recorder's own clock. It begins at the wall's time, goes on with the time since the machine was started, and is drawn toward the
//! wall so slowly that nobody notices; it never jumps and never goes back.

use nix::time::{ClockId, clock_gettime};
use perpx_core::units::{MS_NS, SECOND_NS, Time};

/// It is drawn toward the wall by at most one part in so many.
const SLEW: i64 = 2_000;
/// The wall was set when it moved so far against the time since the start.
const STEP: i64 = 50 * MS_NS;

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
        let read = |id| clock_gettime(id).map_or(0, |at| at.tv_sec() * SECOND_NS + at.tv_nsec());
        Reading { wall_ns: read(ClockId::CLOCK_REALTIME), mono_ns: read(ClockId::CLOCK_BOOTTIME) }
    }
}

/// The clock, moved by readings.
#[derive(Debug)]
pub struct EngineClock {
    last: Reading,
    now: Time,
}

impl EngineClock {
    /// Begins at a reading, but not before `newest`: what was recorded by a process before is in the past.
    pub fn new(at: Reading, newest: Option<Time>) -> EngineClock {
        EngineClock { last: at, now: newest.map_or(Time(at.wall_ns), |newest| newest.max(Time(at.wall_ns))) }
    }

    /// The time at a reading; and by how much the wall was set since the last one, if it was.
    pub fn at(&mut self, reading: Reading) -> (Time, Option<i64>) {
        let passed = (reading.mono_ns - self.last.mono_ns).max(0);
        let moved = reading.wall_ns - self.last.wall_ns;
        let behind = reading.wall_ns - self.now.0 - passed;
        let most = passed / SLEW;
        self.now = self.now.plus(passed + behind.clamp(-most, most));
        self.last = reading;
        let step = moved - passed;
        (self.now, (step.abs() > STEP).then_some(step))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn reading(wall_ms: i64, mono_ms: i64) -> Reading {
        Reading { wall_ns: wall_ms * MS_NS, mono_ns: mono_ms * MS_NS }
    }

    #[test]
    fn a_wall_that_is_set_moves_it_slowly() {
        let mut clock = EngineClock::new(reading(1_000, 50), None);
        assert_eq!(clock.at(reading(2_000, 1_050)), (Time(2_000 * MS_NS), None));
        // an hour forward: half a millisecond a second
        let hour = 3_600_000;
        assert_eq!(clock.at(reading(3_000 + hour, 2_050)), (Time(3_000 * MS_NS + 500_000), Some(hour * MS_NS)));
        assert_eq!(clock.at(reading(4_000 + hour, 3_050)), (Time(4_000 * MS_NS + 1_000_000), None));
        // and back
        let (at, step) = clock.at(reading(5_000, 4_050));
        assert_eq!((at, step), (Time(5_000 * MS_NS + 500_000), Some(-hour * MS_NS)));
        let later = EngineClock::new(reading(1_000, 0), Some(Time(1_500 * MS_NS)));
        assert_eq!(later.now, Time(1_500 * MS_NS), "never before what was recorded");
        let now = Reading::now();
        assert!(now.wall_ns > 1_700_000_000 * SECOND_NS && now.mono_ns > 0, "{now:?}");
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
                let off = went - passed * MS_NS;
                prop_assert!(went >= 0 && off.abs() <= passed * MS_NS / SLEW);
                prop_assert_eq!(step.is_some(), set.abs() > 50);
                last = now;
            }
        }
    }
}
