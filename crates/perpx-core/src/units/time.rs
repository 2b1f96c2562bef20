//! Points in time.

use serde::{Deserialize, Serialize};
use std::fmt;

/// Nanoseconds of a millisecond.
pub const MS_NS: i64 = 1_000_000;
/// Nanoseconds of a second.
pub const SECOND_NS: i64 = 1_000_000_000;
/// Nanoseconds of a minute.
pub const MINUTE_NS: i64 = 60 * SECOND_NS;
/// Nanoseconds of an hour.
pub const HOUR_NS: i64 = 60 * MINUTE_NS;
/// Nanoseconds of a day, which has 24 hours.
pub const DAY_NS: i64 = 24 * HOUR_NS;
/// A year is 365 days everywhere (strategy.md, 1).
pub const YEAR_NS: i64 = 365 * DAY_NS;

/// Nanoseconds since 1970-01-01 UTC. Who stamped it is said where it stands: exchange, receipt or decision.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Time(pub i64);

impl Time {
    /// Earlier than every moment of a tape.
    pub const MIN: Time = Time(i64::MIN);
    /// "Never": later than every moment of a tape.
    pub const MAX: Time = Time(i64::MAX);

    /// This moment moved by `ns`; stays at the ends of the range.
    #[inline]
    pub fn plus(self, ns: i64) -> Time {
        Time(self.0.saturating_add(ns))
    }

    /// Nanoseconds from `earlier` to this moment.
    #[inline]
    pub fn since(self, earlier: Time) -> i64 {
        self.0.saturating_sub(earlier.0)
    }

    /// Days since 1970-01-01 UTC.
    pub fn day(self) -> i64 {
        self.0.div_euclid(DAY_NS)
    }

    /// Midnight UTC that begins `day` (days since 1970-01-01).
    pub fn of_day(day: i64) -> Time {
        Time(day * DAY_NS)
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
        let s = self.0.rem_euclid(DAY_NS) / SECOND_NS;
        format!("{} {:02}:{:02}:{:02}", self.date(), s / 3600, s / 60 % 60, s % 60)
    }

    /// "2026-01-05 10:30:00.250", what is below a millisecond cut off: for people.
    pub fn to_milli(self) -> String {
        format!("{}.{:03}", self.to_second(), self.0.rem_euclid(SECOND_NS) / MS_NS)
    }
}

/// RFC 3339 in UTC with as many decimals as are needed: "2026-01-05T00:00:00Z", "2026-01-05T00:00:00.25Z".
impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ns = self.0.rem_euclid(DAY_NS);
        let s = ns / SECOND_NS;
        write!(f, "{}T{:02}:{:02}:{:02}", self.date(), s / 3600, s / 60 % 60, s % 60)?;
        let part = ns % SECOND_NS;
        if part > 0 {
            write!(f, ".{}", format!("{part:09}").trim_end_matches('0'))?;
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
            let s = i64::try_from(super::parse_scaled(clock.next().unwrap_or("0"), 9)?).ok()?;
            let legal = (0..24).contains(&h) && (0..60).contains(&m) && (0..60 * SECOND_NS).contains(&s);
            legal.then(|| midnight.plus(h * HOUR_NS + m * MINUTE_NS + s))
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
        assert_eq!("2026-01-05".parse::<Time>(), Ok(Time(1_767_571_200 * SECOND_NS)));
        let time: Time = "2026-01-05T10:30:00.250999Z".parse().expect("a legal time");
        assert_eq!(time.to_milli(), "2026-01-05 10:30:00.250");
        for bad in ["2026-02-29", "2026-13-01", "yesterday", "2026-01-05T25:00:00Z"] {
            assert!(bad.parse::<Time>().is_err(), "{bad}");
        }
    }
}
