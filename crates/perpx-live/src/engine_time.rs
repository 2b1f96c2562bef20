//! The time that a run goes by: the machine's as it was when the process began, and on from there. A clock that is set moves nothing in
//! it, so that no timer, fence or signature is early or late by what somebody has set.

use perpx_core::units::{MS, Time, TimeDelta};
use perpx_venues::recorder::clock::{EngineClock, Reading};
use std::sync::{Mutex, PoisonError};

/// The machine's clock may be so far from the run's time: signatures end by the venue's clock.
const MOST: TimeDelta = MS.times(250);

static CLOCK: Mutex<Option<EngineClock>> = Mutex::new(None);

fn at(reading: Reading) -> Time {
    let mut clock = CLOCK.lock().unwrap_or_else(PoisonError::into_inner);
    clock.get_or_insert_with(|| EngineClock::new(reading, None)).at(reading).0
}

/// The present moment.
pub fn now() -> Time {
    at(Reading::now())
}

/// Why nothing is to be opened: the machine's clock was set.
pub fn is_away() -> Option<String> {
    let reading = Reading::now();
    let away = Time(reading.wall_ns).since(at(reading));
    let words =
        || format!("the machine's clock was set by {:.1} s: end the run and begin it again", away.as_f64(MS) / 1e3);
    (away.abs() > MOST).then(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// It goes on with the machine, and is not away from it while nobody sets its clock.
    #[test]
    fn it_is_the_machines_time_while_nobody_sets_it() {
        let (first, second) = (now(), now());
        assert!(second >= first && perpx_venues::wall::now().since(second).abs() < 50 * MS);
        assert_eq!(is_away(), None);
    }
}
