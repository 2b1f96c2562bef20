//! What dataset.json says of a recorded store: which hours it has, what they hold, and what is missing.
//!
//! A recorded store grows while it is read. So a reader takes the files that dataset.json names and no others, as far as the hour
//! in which its range ends, and knows data by the hours that it reads: hours that come later, and the merging of a day's
//! hours into one file, change nothing for it.

use super::path::{Partition, hour_text};
use super::table::Table;
use perpx_core::units::{HOUR, NS, Time, TimeDelta};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A store that a recorder writes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Recorded {
    /// By venue: the hours of its recording, in order.
    pub hours: BTreeMap<String, Vec<RecordedHour>>,
    /// In the order of folder and day.
    pub days: Vec<RecordedDay>,
    /// As they were found, hour by hour; [`Recorded::gaps`] puts together what belongs together.
    pub gaps: Vec<RecordedGap>,
    /// Files of backfilled rows, below the store's folder.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub backfilled: Vec<String>,
}

/// One hour of one venue's recording.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RecordedHour {
    /// Hours since 1970-01-01 UTC.
    pub hour: i64,
    /// Of the first frame.
    pub first: Time,
    /// Of the last frame.
    pub last: Time,
    /// How many there were.
    pub frames: u64,
    /// Texts that could not be read, and rows that no store takes.
    pub left_out: u64,
}

/// One day of one series, its rows received by the hour.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RecordedDay {
    /// Below the store's folder: "quotes/venue=lighter/symbol=BTC/date=2026-01-05".
    pub folder: String,
    /// Days since 1970-01-01 UTC.
    pub day: i64,
    /// Of all hours.
    pub rows: u64,
    /// BLAKE3 over the hours and their hashes.
    pub hash: String,
    /// The hours stand in one file.
    pub merged: bool,
    /// With those of all other days of its year: funding alone.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub yearly: bool,
    /// In order.
    pub hours: Vec<HourLine>,
}

/// What an hour holds of a series.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HourLine {
    /// 0 to 23.
    pub hour: u8,
    /// In the hour.
    pub rows: u64,
    /// BLAKE3 of the hour's own file, which may have been merged since.
    pub hash: String,
    /// Of funding: the newest settlement up to here.
    pub settled: Option<Time>,
}

/// Rows that are missing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordedGap {
    /// Whose.
    pub venue: String,
    /// The store's name of the coin.
    pub symbol: String,
    /// Which rows.
    pub table: String,
    /// The hour in which it was found, since 1970-01-01 UTC.
    pub hour: i64,
    /// Everything was received up to here.
    pub from: Time,
    /// And from here on.
    pub to: Time,
    /// Why.
    pub reason: String,
    /// Of trades: those of the gap are all in `trades_gap`.
    #[serde(default)]
    pub known: bool,
}

impl RecordedDay {
    /// Where a part of it stands: that of `hour`, or the one of all.
    pub fn path(&self, hour: u8) -> String {
        let by_year = self.folder.contains("/year=");
        let name = match (by_year, self.merged) {
            (false, false) => format!("part-{hour:02}"),
            (false, true) => "part-0".to_string(),
            (true, true) if self.yearly => "part-0".to_string(),
            (true, false) => format!("part-{}", hour_text(self.day * 24 + i64::from(hour))),
            (true, true) => format!("part-{}", Time::of_day(self.day).date().replace('-', "")),
        };
        format!("{}/{name}.parquet", self.folder)
    }

    /// Its files, each with the rows of the hours before `limit`: those of them that have some.
    pub fn parts(&self, limit: Option<Time>) -> Vec<(String, u64)> {
        let begins = |line: &HourLine| Time::of_day(self.day).plus(i64::from(line.hour) * HOUR);
        let mut parts: Vec<(String, u64)> = Vec::new();
        for line in self.hours.iter().filter(|line| limit.is_none_or(|limit| begins(line) < limit)) {
            let path = self.path(line.hour);
            match parts.last_mut().filter(|last| last.0 == path) {
                Some(last) => last.1 += line.rows,
                None => parts.push((path, line.rows)),
            }
        }
        parts
    }

    /// What of it is before `limit`, by a name that stays when its hours are merged.
    pub fn hashes(&self, limit: Option<Time>) -> impl Iterator<Item = (String, String)> + '_ {
        let begins = |line: &HourLine| Time::of_day(self.day).plus(i64::from(line.hour) * HOUR);
        let hours = self.hours.iter().filter(move |line| limit.is_none_or(|limit| begins(line) < limit));
        hours.map(|line| {
            let hour = hour_text(self.day * 24 + i64::from(line.hour));
            (format!("{}/{hour}", self.folder), line.hash.clone())
        })
    }

    /// Counts and hashes its hours.
    pub(super) fn sum_up(&mut self) {
        self.hours.sort_by_key(|line| line.hour);
        self.rows = self.hours.iter().map(|line| line.rows).sum();
        let mut hasher = blake3::Hasher::new();
        for line in &self.hours {
            hasher.update(&[line.hour]).update(line.hash.as_bytes());
        }
        self.hash = hasher.finalize().to_hex().to_string();
    }
}

impl Recorded {
    /// The days of a series of a table, in order.
    pub fn series<'a>(&'a self, table: Table, venue: &str, symbol: &str) -> impl Iterator<Item = &'a RecordedDay> + 'a {
        let prefix = format!("{}/venue={venue}/symbol={symbol}/", table.name());
        self.days.iter().filter(move |day| day.folder.starts_with(&prefix))
    }

    /// Files of a series of a table of backfilled rows, in order.
    pub fn backfilled<'a>(&'a self, table: Table, venue: &str, symbol: &str) -> impl Iterator<Item = &'a str> + 'a {
        let prefix = format!("{}/venue={venue}/symbol={symbol}/", table.name());
        self.backfilled.iter().map(String::as_str).filter(move |path| path.starts_with(&prefix))
    }

    /// The end of the hour in which `to` lies: rows of later hours are not read for a range that ends at `to`.
    pub fn limit(to: Time) -> Time {
        to.plus(HOUR - NS).floor_to(HOUR)
    }

    /// Every gap once, whole: what meets in time is one. In the order of series and time.
    pub fn gaps(&self) -> Vec<RecordedGap> {
        let mut gaps = self.gaps.clone();
        gaps.sort_by(|a, b| {
            let key = |gap: &RecordedGap| (gap.venue.clone(), gap.symbol.clone(), gap.table.clone(), gap.from, gap.to);
            key(a).cmp(&key(b))
        });
        let mut whole: Vec<RecordedGap> = Vec::new();
        for gap in gaps {
            let meets = |last: &&mut RecordedGap| {
                let same = (&last.venue, &last.symbol, &last.table) == (&gap.venue, &gap.symbol, &gap.table);
                same && gap.from <= last.to && last.known == gap.known
            };
            match whole.last_mut().filter(meets) {
                Some(last) => last.to = last.to.max(gap.to),
                None => whole.push(gap),
            }
        }
        whole
    }
}

impl RecordedGap {
    /// How long it is.
    pub fn length(&self) -> TimeDelta {
        self.to.since(self.from)
    }
}

impl std::fmt::Display for RecordedGap {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let RecordedGap { venue, symbol, table, from, to, reason, .. } = self;
        let known = if self.known { ", its trades are in trades_gap" } else { "" };
        write!(f, "{venue}/{symbol} {table}: {from} to {to}: {reason}{known}")
    }
}

/// "07 1234 <hash>", and of funding the newest settlement: a store of a year has some ten thousand of these.
impl Serialize for HourLine {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let settled = self.settled.map(|ts| format!(" {}", ts.0)).unwrap_or_default();
        serializer.collect_str(&format_args!("{:02} {} {}{settled}", self.hour, self.rows, self.hash))
    }
}

impl<'de> Deserialize<'de> for HourLine {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<HourLine, D::Error> {
        let text = String::deserialize(deserializer)?;
        let mut words = text.split(' ');
        let mut read = || {
            let (hour, rows) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
            let hash = words.next()?.to_string();
            let settled = words.next().map(|ts| ts.parse().map(Time)).transpose().ok()?;
            Some(HourLine { hour, rows, hash, settled })
        };
        let wrong = || serde::de::Error::custom(format!("'{text}' is no hour: wanted hour, rows, hash"));
        read().filter(|line| line.hour < 24).ok_or_else(wrong)
    }
}

/// The partition and the folder of rows of a table.
pub(super) fn folder(table: Table, venue: &str, symbol: &str, partition: Partition) -> String {
    format!("{}/venue={venue}/symbol={symbol}/{}", table.name(), partition.folder())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(folder: &str, merged: bool) -> RecordedDay {
        let line = |hour: u8| HourLine { hour, rows: 10, hash: format!("h{hour}"), settled: None };
        let mut day = RecordedDay {
            folder: folder.to_string(),
            day: 20_458,
            rows: 0,
            hash: String::new(),
            merged,
            yearly: false,
            hours: [9, 7].map(line).to_vec(),
        };
        day.sum_up();
        day
    }

    #[test]
    fn a_day_is_known_by_its_hours_whether_merged_or_not() {
        let (open, merged) = (day("quotes/venue=a/symbol=B/date=2026-01-05", false), day("x/date=2026-01-05", true));
        let at = |hour: i64| Some(Time::of_day(20_458).plus(hour * HOUR));
        assert_eq!(open.hash, merged.hash);
        assert_eq!(
            open.parts(None).iter().map(|part| &part.0[40..]).collect::<Vec<_>>(),
            ["part-07.parquet", "part-09.parquet"]
        );
        assert_eq!(merged.parts(None), [("x/date=2026-01-05/part-0.parquet".to_string(), 20)]);
        assert_eq!(merged.parts(at(9)), [("x/date=2026-01-05/part-0.parquet".to_string(), 10)]);
        assert!(merged.parts(at(7)).is_empty());
        assert_eq!(merged.hashes(at(8)).collect::<Vec<_>>(), [("x/date=2026-01-05/20260105T07".into(), "h7".into())]);
        let funding = |merged| day("funding/venue=a/symbol=B/year=2026", merged).path(7);
        assert_eq!(funding(false), "funding/venue=a/symbol=B/year=2026/part-20260105T07.parquet");
        assert_eq!(funding(true), "funding/venue=a/symbol=B/year=2026/part-20260105.parquet");
        let yearly = RecordedDay { yearly: true, ..day("funding/venue=a/symbol=B/year=2026", true) };
        assert_eq!(yearly.path(7), "funding/venue=a/symbol=B/year=2026/part-0.parquet");
        assert_eq!(Recorded::limit(Time(1)), Time::at(HOUR));
        assert_eq!(Recorded::limit(Time::at(HOUR)), Time::at(HOUR));
    }

    #[test]
    fn a_gap_over_the_end_of_an_hour_is_one() {
        let gap = |symbol: &str, hour: i64, from: i64, to: i64| RecordedGap {
            venue: "a".into(),
            symbol: symbol.into(),
            table: "quotes".into(),
            hour,
            from: Time(from),
            to: Time(to),
            reason: "cut".into(),
            known: false,
        };
        let gaps = vec![gap("B", 2, 20, 25), gap("B", 1, 15, 20), gap("C", 2, 20, 21), gap("B", 3, 30, 31)];
        let recorded = Recorded { gaps, ..Recorded::default() };
        let spans: Vec<_> = recorded.gaps().iter().map(|gap| (gap.symbol.clone(), gap.from.0, gap.to.0)).collect();
        assert_eq!(spans, [("B".into(), 15, 25), ("B".into(), 30, 31), ("C".into(), 20, 21)]);
    }

    #[test]
    fn an_hour_is_one_text() {
        let line = HourLine { hour: 7, rows: 12, hash: "ab".into(), settled: Some(Time(5)) };
        let text = serde_json::to_string(&line).expect("text");
        assert_eq!(text, r#""07 12 ab 5""#);
        assert_eq!(serde_json::from_str::<HourLine>(&text).expect("an hour"), line);
        for wrong in [r#""24 1 ab""#, r#""x""#, r#""07 1""#, r#""07 1 ab x""#] {
            assert!(serde_json::from_str::<HourLine>(wrong).is_err(), "{wrong}");
        }
    }
}
