//! Wall time: when a moment of the tape has come.

use super::status::Status;
use perpx_core::replay::TimeSource;
use perpx_core::units::Time;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// How fast the tape runs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Speed {
    /// So many times real time.
    Times(f64),
    /// As fast as the machine can.
    Max,
}

impl std::str::FromStr for Speed {
    type Err = String;

    fn from_str(text: &str) -> Result<Speed, String> {
        match text.parse::<f64>() {
            _ if text == "max" => Ok(Speed::Max),
            Ok(times) if times.is_finite() && times > 0.0 => Ok(Speed::Times(times)),
            _ => Err("accepted: a number above 0 (1 = as fast as the recording), or max".to_string()),
        }
    }
}

/// A wait is cut into pieces of this length, so that a stop is noticed.
const NAP: Duration = Duration::from_millis(20);
/// Moments between two looks at the wall clock at full speed.
const LOOK_EVERY: u32 = 1 << 14;

pub struct Clock {
    speed: Speed,
    stop: Arc<AtomicBool>,
    status: Status,
    /// Wall and tape time of the first moment.
    origin: Option<(Instant, Time)>,
    moments: u32,
    /// The run is to stop at the first moment from here on.
    stop_at: Option<Time>,
}

impl Clock {
    pub fn new(speed: Speed, stop: Arc<AtomicBool>, status: Status) -> Clock {
        Clock { speed, stop, status, origin: None, moments: 0, stop_at: None }
    }

    /// It stops the run at the first moment at or after this.
    pub fn stopping_at(self, stop_at: Option<Time>) -> Clock {
        Clock { stop_at, ..self }
    }

    fn sleep_until(&mut self, at: Time, times: f64) -> bool {
        let (wall, tape) = *self.origin.get_or_insert_with(|| (Instant::now(), at));
        let due = Duration::from_secs_f64(at.since(tape).0.max(0) as f64 * 1e-9 / times);
        loop {
            self.status.moment(at);
            match due.checked_sub(wall.elapsed()) {
                None | Some(Duration::ZERO) => return false,
                Some(left) => std::thread::sleep(left.min(NAP)),
            }
            if self.stop.load(Ordering::Relaxed) {
                return true;
            }
        }
    }
}

impl TimeSource for Clock {
    #[inline]
    fn wait(&mut self, at: Time) -> bool {
        if self.stop.load(Ordering::Relaxed) || self.stop_at.is_some_and(|stop_at| at >= stop_at) {
            return true;
        }
        if let Speed::Times(times) = self.speed {
            return self.sleep_until(at, times);
        }
        self.moments = self.moments.wrapping_add(1);
        if self.moments.is_multiple_of(LOOK_EVERY) {
            self.status.moment(at);
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use perpx_core::units::{HOUR, SECOND};

    #[test]
    fn a_speed_is_a_number_above_zero_or_max() {
        assert_eq!("max".parse(), Ok(Speed::Max));
        assert_eq!("0.5".parse(), Ok(Speed::Times(0.5)));
        for bad in ["0", "-1", "fast", "inf", "nan", ""] {
            assert!(bad.parse::<Speed>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_wait_ends_with_its_time_or_with_a_stop() {
        let stop = Arc::new(AtomicBool::new(false));
        let mut clock = Clock::new(Speed::Times(1e4), stop.clone(), Status::silent());
        assert!(!clock.wait(Time(0)));
        let began = Instant::now();
        assert!(!clock.wait(Time::at(100 * SECOND)));
        assert!(began.elapsed() >= Duration::from_millis(9));
        // a day would take nine seconds; asked to stop it takes none
        stop.store(true, Ordering::Relaxed);
        assert!(clock.wait(Time::at(24 * HOUR)));
    }
}
