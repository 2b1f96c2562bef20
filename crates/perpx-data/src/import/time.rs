//! Times of a file: numbers since 1970, texts with or without an offset, and typed columns.

use super::map::TimeUnit;
use chrono::{NaiveDateTime, Offset, TimeZone};
use perpx_core::units::{DAY, HOUR, MINUTE, SECOND, Time, TimeDelta, parse_scaled};
use serde::Deserialize;

/// What a cell of a file holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cell {
    /// Empty where the cell is absent or null.
    Text(String),
    /// Of a column that is typed as a point in time: ns since 1970-01-01, UTC or, where `naive`, of some local clock.
    Time { ns: i64, naive: bool },
}

/// Where clocks stand that do not say it themselves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub enum Zone {
    Fixed(TimeDelta),
    Named(chrono_tz::Tz),
}

impl TryFrom<String> for Zone {
    type Error = String;
    fn try_from(text: String) -> Result<Zone, String> {
        if let Some(offset) = offset_of(&text) {
            return Ok(Zone::Fixed(offset));
        }
        text.parse().map(Zone::Named).map_err(|_| {
            format!("time_zone is '{text}'; accepted: UTC, an offset such as +02:00, or a name such as Europe/Berlin")
        })
    }
}

impl Zone {
    /// The moment at which a clock there shows `local`; what is wrong when there is none, or two.
    fn utc(self, local: i64) -> Result<i64, &'static str> {
        let zone = match self {
            Zone::Fixed(offset) => return Ok(local.saturating_sub(offset.0)),
            Zone::Named(zone) => zone,
        };
        let seconds = Time(local).steps(SECOND);
        let shown: NaiveDateTime =
            chrono::DateTime::from_timestamp(seconds, 0).ok_or("a time that there is")?.naive_utc();
        match zone.offset_from_local_datetime(&shown) {
            chrono::LocalResult::Single(offset) => {
                let offset = i64::from(offset.fix().local_minus_utc()) * SECOND;
                Ok(local.saturating_sub(offset.0))
            }
            chrono::LocalResult::Ambiguous(..) => {
                Err("a time that comes once; this one comes twice, as clocks go back (give the offset with each time)")
            }
            chrono::LocalResult::None => Err("a time that there is; clocks of time_zone skip it"),
        }
    }
}

/// The time that a cell holds; else what is wanted instead.
pub fn read(cell: &Cell, unit: TimeUnit, zone: Option<Zone>) -> Result<Time, String> {
    let local = |ns: i64| match zone {
        Some(zone) => zone.utc(ns).map_err(str::to_string),
        None => Err("a time with its offset (Z or +02:00), or the time_zone of such times in the map".to_string()),
    };
    let ns = match cell {
        Cell::Time { ns, naive: false } => *ns,
        Cell::Time { ns, naive: true } => local(*ns)?,
        Cell::Text(text) if unit == TimeUnit::Rfc3339 => {
            let wanted = || "a time such as 2026-01-05T10:30:00Z or 2026-01-05 12:30:00.25+02:00".to_string();
            match clock_time(text).ok_or_else(wanted)? {
                (ns, Some(offset)) => ns.saturating_sub(offset.0),
                (ns, None) => local(ns)?,
            }
        }
        Cell::Text(text) => number(text, unit)?,
    };
    // 2000 to 2200: anything else is another unit
    let plausible = 946_684_800_000_000_000..7_258_118_400_000_000_000;
    match plausible.contains(&ns) {
        true => Ok(Time(ns)),
        false => Err(format!("{}, 2000 to 2200", since_1970(unit))),
    }
}

/// The time of a cell that counts from a midnight.
pub fn since(cell: &Cell, unit: TimeUnit, midnight: Time) -> Result<Time, String> {
    let wanted = || format!("a time of {} since midnight (day_in_name)", format!("{unit:?}").to_lowercase());
    let ns = match cell {
        Cell::Text(text) => number(text, unit).map_err(|_| wanted())?,
        Cell::Time { .. } => return Err(wanted()),
    };
    let time = TimeDelta(ns);
    if (TimeDelta::ZERO..DAY).contains(&time) { Ok(midnight.plus(time)) } else { Err(wanted()) }
}

fn since_1970(unit: TimeUnit) -> String {
    match unit {
        TimeUnit::Rfc3339 => "a time".to_string(),
        _ => format!("a time in {} since 1970-01-01 UTC (time_unit)", format!("{unit:?}").to_lowercase()),
    }
}

fn number(text: &str, unit: TimeUnit) -> Result<i64, String> {
    let scale = match unit {
        TimeUnit::S => 9,
        TimeUnit::Ms => 6,
        TimeUnit::Us => 3,
        TimeUnit::Ns | TimeUnit::Rfc3339 => 0,
    };
    let read = || i64::try_from(parse_scaled(text, scale)?).ok();
    match text.contains(['e', 'E']) && read().is_some() {
        true => {
            Err(format!("{}, all digits written out: the scientific notation may have lost some", since_1970(unit)))
        }
        false => read().ok_or_else(|| since_1970(unit)),
    }
}

/// What a clock shows, ns since 1970-01-01 there, and its offset from UTC if it says so.
fn clock_time(text: &str) -> Option<(i64, Option<TimeDelta>)> {
    let (date, clock) = text.split_once(['T', 't', ' ']).map_or((text, None), |(date, clock)| (date, Some(clock)));
    // 20260105 is 2026-01-05
    let dashed = (date.len() == 8 && date.is_ascii() && digits(date).is_some())
        .then(|| format!("{}-{}-{}", &date[..4], &date[4..6], &date[6..]));
    let mut parts = dashed.as_deref().unwrap_or(date).splitn(3, '-').map(digits);
    let midnight = Time::from_civil(parts.next()??, parts.next()?? as u32, parts.next()?? as u32)?;
    let Some(clock) = clock else { return Some((midnight.0, None)) };
    let at = clock.find(|c: char| !c.is_ascii_digit() && c != ':' && c != '.').unwrap_or(clock.len());
    let (clock, offset) = clock.split_at(at);
    let offset = match offset {
        "" => None,
        offset => Some(offset_of(offset.trim_start())?),
    };
    let mut clock = clock.splitn(3, ':');
    let (h, m) = (digits(clock.next()?)?, digits(clock.next()?)?);
    let s = TimeDelta(i64::try_from(parse_scaled(clock.next().unwrap_or("0"), 9)?).ok()?);
    let legal = h < 24 && m < 60 && (TimeDelta::ZERO..MINUTE).contains(&s);
    legal.then(|| (midnight.plus(h * HOUR + m * MINUTE + s).0, offset))
}

/// "Z", "UTC", "+02:00", "-0530" or "+02".
fn offset_of(text: &str) -> Option<TimeDelta> {
    if ["z", "utc", "gmt"].contains(&text.to_ascii_lowercase().as_str()) {
        return Some(TimeDelta::ZERO);
    }
    let (sign, rest) = match text.as_bytes().first()? {
        b'+' => (1, &text[1..]),
        b'-' => (-1, &text[1..]),
        _ => return None,
    };
    let (h, m) = match rest.split_once(':') {
        Some((h, m)) => (h, m),
        None if rest.len() == 4 && rest.is_ascii() => rest.split_at(2),
        None => (rest, "00"),
    };
    let (hours, minutes) = (digits(h)?, digits(m)?);
    let legal = h.len() == 2 && m.len() == 2 && hours < 24 && minutes < 60;
    legal.then_some(sign * (hours * HOUR + minutes * MINUTE))
}

fn digits(text: &str) -> Option<i64> {
    text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str, unit: TimeUnit, zone: Option<&str>) -> Result<String, String> {
        let zone = zone.map(|zone| Zone::try_from(zone.to_string()).expect("a zone"));
        read(&Cell::Text(text.to_string()), unit, zone).map(|time| time.to_string())
    }

    #[test]
    fn a_time_says_its_offset_or_the_map_does() {
        let iso = |word: &str, zone| text(word, TimeUnit::Rfc3339, zone);
        for (word, zone, want) in [
            ("2026-01-05T10:30:00Z", None, "2026-01-05T10:30:00Z"),
            ("2026-01-05 12:30:00.25+02:00", None, "2026-01-05T10:30:00.25Z"),
            ("2026-01-05T05:00:00-0530", None, "2026-01-05T10:30:00Z"),
            ("2026-01-05 10:30:00+00", None, "2026-01-05T10:30:00Z"),
            ("2026-01-05 10:30:00 UTC", Some("+02:00"), "2026-01-05T10:30:00Z"),
            ("2026-01-05 10:30", Some("UTC"), "2026-01-05T10:30:00Z"),
            ("2026-01-05 11:30:00", Some("Europe/Berlin"), "2026-01-05T10:30:00Z"),
            ("2026-07-05 12:30:00", Some("Europe/Berlin"), "2026-07-05T10:30:00Z"),
            ("2026-01-05", Some("+02:00"), "2026-01-04T22:00:00Z"),
        ] {
            assert_eq!(iso(word, zone).as_deref(), Ok(want), "{word}");
        }
        let refused = |word, zone| iso(word, zone).expect_err(word);
        assert!(refused("2026-01-05T10:30:00", None).contains("time_zone"));
        assert!(refused("2026-01-05", None).contains("time_zone"));
        assert!(refused("2026-10-25 02:30:00", Some("Europe/Berlin")).contains("comes twice"));
        assert!(refused("2026-03-29 02:30:00", Some("Europe/Berlin")).contains("skip it"));
        for bad in
            ["2026-01-05T10:30:00+2", "2026-01-05T24:00:00Z", "2026-01-05T10:30:00.0000000001Z", "yesterday", "+1-1-1"]
        {
            assert!(refused(bad, None).contains("a time such as"), "{bad}");
        }
        let typed = |naive| Cell::Time { ns: 1_767_609_000_000_000_000, naive };
        assert_eq!(read(&typed(false), TimeUnit::Ms, None), Ok(Time(1_767_609_000_000_000_000)));
        assert!(read(&typed(true), TimeUnit::Ms, None).expect_err("naive").contains("time_zone"));
        let berlin = Zone::try_from("Europe/Berlin".to_string());
        assert_eq!(read(&typed(true), TimeUnit::Ms, berlin.ok()), Ok(Time(1_767_605_400_000_000_000)));
        assert!(Zone::try_from("CEST".to_string()).expect_err("no zone").contains("Europe/Berlin"));
    }

    #[test]
    fn digits_that_are_not_written_are_not_made_up() {
        assert_eq!(text("1767609000.25", TimeUnit::S, None).as_deref(), Ok("2026-01-05T10:30:00.25Z"));
        let lost = text("1.767609e+18", TimeUnit::Ns, None).expect_err("lost digits");
        assert!(lost.contains("scientific notation"), "{lost}");
        assert!(text("1767609000", TimeUnit::Ms, None).expect_err("seconds").contains("2000 to 2200"));
    }
}
