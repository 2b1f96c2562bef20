//! Points in time.

use super::{DAY, HOUR, MINUTE, MS, SECOND, TimeDelta};
use serde::{Deserialize, Serialize};
use std::fmt;

/// Nanoseconds since 1970-01-01 UTC. Who stamped it is said where it stands: exchange, receipt or decision.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Time(pub i64);

impl Time {
    /// Earlier than every moment of a tape.
    pub const MIN: Time = Time(i64::MIN);
    /// "Never": later than every moment of a tape.
    pub const MAX: Time = Time(i64::MAX);

    /// The moment so long after 1970-01-01 UTC.
    #[inline]
    pub const fn at(since_1970: TimeDelta) -> Time {
        Time(since_1970.0)
    }

    /// This moment moved by `by`; stays at the ends of the range.
    #[inline]
    pub fn plus(self, by: TimeDelta) -> Time {
        Time(self.0.saturating_add(by.0))
    }

    /// How long this moment comes after `earlier`; stays at the ends of the range.
    #[inline]
    pub fn since(self, earlier: Time) -> TimeDelta {
        TimeDelta(self.0.saturating_sub(earlier.0))
    }

    /// How many whole steps of `step` lie between 1970-01-01 UTC and this moment, rounded down: the number of its minute,
    /// of its bar.
    #[inline]
    pub fn steps(self, step: TimeDelta) -> i64 {
        self.0.div_euclid(step.0)
    }

    /// How long ago the last whole step of `step` began, counted from 1970-01-01 UTC.
    #[inline]
    pub fn into_step(self, step: TimeDelta) -> TimeDelta {
        TimeDelta(self.0.rem_euclid(step.0))
    }

    /// When the last whole step of `step` began.
    #[inline]
    pub fn floor_to(self, step: TimeDelta) -> Time {
        Time(self.0 - self.0.rem_euclid(step.0))
    }

    /// Days since 1970-01-01 UTC.
    pub fn day(self) -> i64 {
        self.steps(DAY)
    }

    /// Midnight UTC that begins `day` (days since 1970-01-01).
    pub const fn of_day(day: i64) -> Time {
        Time::at(DAY.times(day))
    }

    /// Calendar date (year, month 1-12, day 1-31) in UTC.
    /// Source of the formula: H. Hinnant, "chrono-Compatible Low-Level Date Algorithms" (civil_from_days).
    pub fn civil(self) -> (i64, u32, u32) {
        let z = self.day() + 719_468;
        let era = z.div_euclid(146_097);
        let doe = z.rem_euclid(146_097);
        let yoe = (doe - doe / 1_460 + doe / 36_524 - doe / 146_096) / 365;
        let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
        let mp = (5 * doy + 2) / 153;
        let month = if mp < 10 { mp + 3 } else { mp - 9 };
        (yoe + era * 400 + i64::from(month <= 2), month as u32, (doy - (153 * mp + 2) / 5 + 1) as u32)
    }

    /// Midnight UTC of a calendar date; `None` when there is no such date.
    pub fn from_civil(year: i64, month: u32, day: u32) -> Option<Time> {
        if !(1..=12).contains(&month) || !(1..=31).contains(&day) || !(1678..2262).contains(&year) {
            return None;
        }
        let (y, m) = (year - i64::from(month <= 2), i64::from(month));
        let era = y.div_euclid(400);
        let yoe = y.rem_euclid(400);
        let doy = (153 * (m + if m > 2 { -3 } else { 9 }) + 2) / 5 + i64::from(day) - 1;
        let doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;
        let time = Time::of_day(era * 146_097 + doe - 719_468);
        (time.civil() == (year, month, day)).then_some(time)
    }

    /// "2026-01-05"
    pub fn date(self) -> String {
        let (y, m, d) = self.civil();
        format!("{y:04}-{m:02}-{d:02}")
    }

    /// "2026-01-05 10:30:00", what is below a second cut off: for people.
    pub fn to_second(self) -> String {
        let s = self.into_step(DAY) / SECOND;
        format!("{} {:02}:{:02}:{:02}", self.date(), s / 3600, s / 60 % 60, s % 60)
    }

    /// "2026-01-05 10:30:00.250", what is below a millisecond cut off: for people.
    pub fn to_milli(self) -> String {
        format!("{}.{:03}", self.to_second(), self.into_step(SECOND) / MS)
    }
}

/// RFC 3339 in UTC with as many decimals as are needed: "2026-01-05T00:00:00Z", "2026-01-05T00:00:00.25Z".
impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let clock = self.into_step(DAY);
        let s = clock / SECOND;
        write!(f, "{}T{:02}:{:02}:{:02}", self.date(), s / 3600, s / 60 % 60, s % 60)?;
        let part = clock % SECOND;
        if part > TimeDelta::ZERO {
            write!(f, ".{}", format!("{:09}", part.0).trim_end_matches('0'))?;
        }
        f.write_str("Z")
    }
}

/// Reads "2026-01-05", "2026-01-05T10:30:00Z" or "2026-01-05T10:30:00.25Z" (UTC only).
impl std::str::FromStr for Time {
    type Err = String;
    fn from_str(text: &str) -> Result<Time, String> {
        let parse = || -> Option<Time> {
            let (date, clock) = match text.split_once(['T', ' ']) {
                Some((date, clock)) => (date, clock.trim_end_matches('Z').trim_end_matches("+00:00")),
                None => (text, "00:00:00"),
            };
            let mut parts = date.splitn(3, '-').map(|p| p.parse::<u32>().ok());
            let midnight = Time::from_civil(i64::from(parts.next()??), parts.next()??, parts.next()??)?;
            let mut clock = clock.splitn(3, ':');
            let (h, m) = (clock.next()?.parse::<i64>().ok()?, clock.next()?.parse::<i64>().ok()?);
            let s = TimeDelta(i64::try_from(super::parse_scaled(clock.next().unwrap_or("0"), 9)?).ok()?);
            let legal = (0..24).contains(&h) && (0..60).contains(&m) && (TimeDelta::ZERO..MINUTE).contains(&s);
            legal.then(|| midnight.plus(h * HOUR + m * MINUTE + s))
        };
        parse().ok_or_else(|| format!("'{text}' is not a UTC date or time such as 2026-01-05 or 2026-01-05T10:30:00Z"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_go_there_and_back() {
        for text in ["1970-01-01T00:00:00Z", "2024-02-29T23:59:59.999999999Z", "2026-01-05T10:30:00.25Z"] {
            let time: Time = text.parse().expect("a legal time");
            assert_eq!(time.to_string(), text);
        }
        assert_eq!("2026-01-05".parse::<Time>(), Ok(Time::at(1_767_571_200 * SECOND)));
        let time: Time = "2026-01-05T10:30:00.250999Z".parse().expect("a legal time");
        assert_eq!(time.to_milli(), "2026-01-05 10:30:00.250");
        for bad in ["2026-02-29", "2026-13-01", "yesterday", "2026-01-05T25:00:00Z"] {
            assert!(bad.parse::<Time>().is_err(), "{bad}");
        }
    }
}
