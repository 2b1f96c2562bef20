//! Rows of a recording's hours: which are due, and what they came to.

use crate::record::RawFrame;
use crate::record::compact::{Compacted, PLAYED, compact_hour};
use crate::record::raw_file::{RawReader, raw_hours, raw_path};
use crate::venue::Venue;
use perpx_core::units::{MINUTE, Time, TimeDelta};
use perpx_data::TapeError;
use perpx_data::store::{Dataset, merge_days};
use perpx_data::text;
use serde::Serialize;
use std::path::{Path, PathBuf};
use std::{fmt, io};

/// A day's hours are merged so long after it is over.
pub const AFTER_THE_DAY: TimeDelta = MINUTE.times(10);

/// What a compaction came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Done {
    /// Raw files, one an hour and venue, that became rows.
    pub files: u64,
    /// Their frames.
    pub frames: u64,
    /// Their rows.
    pub rows: u64,
    /// Their gaps.
    pub gaps: u64,
    /// Texts that could not be read, and rows that could not be stamped.
    pub unreadable: u64,
}

/// Makes rows of all hours before `before` that are not rows yet, all for `None`, and merges the days that are over. Of hours that
/// are in the store the newest is made again: it may have gone on since.
///
/// # Errors
/// What a disk refuses, or a store that is none of a recorder's.
pub fn compact(run: &Path, before: Option<i64>) -> Result<Done, TapeError> {
    let store = run.join("store");
    let (mut all, mut newest) = (Done::default(), None);
    for venue in Venue::ALL {
        let raw = raw_hours(run, venue).map_err(failed(run.join("raw")))?;
        newest = newest.max(raw.last().copied());
        for hour in due(&raw, &stored(&store, venue)?, before) {
            let done = of_hour(run, &store, venue, hour)?;
            all.files += 1;
            all.frames += done.frames;
            all.rows += done.rows;
            all.gaps += done.gaps as u64;
            all.unreadable += done.unreadable;
        }
    }
    if let Some(dataset) = Dataset::read(&store)? {
        merge_days(&store, open_day(&dataset, newest, crate::wall::now()))?;
    }
    Ok(all)
}

/// The first day that may still go on. A market that is played lives in days of its own: there the newest that was recorded.
fn open_day(dataset: &Dataset, newest: Option<i64>, now: Time) -> i64 {
    match newest.filter(|_| dataset.made_by["clock"] == PLAYED) {
        Some(hour) => hour.div_euclid(24),
        None => now.plus(-AFTER_THE_DAY).day(),
    }
}

impl fmt::Display for Done {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [files, frames] =
            [(self.files, "raw file"), (self.frames, "frame")].map(|(n, noun)| text::counted(n, noun));
        let [rows, gaps] = [(self.rows, "row"), (self.gaps, "gap")].map(|(n, noun)| text::counted(n, noun));
        write!(f, "compacted {files}: {frames}, {rows}, {gaps}")?;
        match self.unreadable {
            0 => Ok(()),
            n => write!(f, ", {} not readable", text::counted(n, "text")),
        }
    }
}

/// Hours of a venue that the store has.
pub(super) fn stored(store: &Path, venue: Venue) -> Result<Vec<i64>, TapeError> {
    let recorded = Dataset::read(store)?.and_then(|dataset| dataset.recorded);
    let hours = recorded.as_ref().and_then(|recorded| recorded.hours.get(venue.name()));
    Ok(hours.into_iter().flatten().map(|hour| hour.hour).collect())
}

fn due(raw: &[i64], stored: &[i64], before: Option<i64>) -> Vec<i64> {
    let newest = stored.iter().max();
    let is_due =
        |hour: &&i64| before.is_none_or(|before| **hour < before) && (!stored.contains(hour) || newest == Some(hour));
    raw.iter().filter(is_due).copied().collect()
}

fn of_hour(run: &Path, store: &Path, venue: Venue, hour: i64) -> Result<Compacted, TapeError> {
    let path = raw_path(run, venue, hour);
    let reader = RawReader::open(&path, venue).map_err(failed(path.clone()))?;
    let mut frames = Frames { reader, block: Vec::new().into_iter(), failed: None };
    let done = compact_hour(store, venue, hour, &mut frames)?;
    match frames.failed {
        Some(error) => Err(failed(path)(error)),
        None => Ok(done),
    }
}

fn failed(path: PathBuf) -> impl FnOnce(io::Error) -> TapeError {
    |source| TapeError::Io { path, action: "read the raw frames", source }
}

/// The frames of a file; a disk that fails ends them.
struct Frames {
    reader: RawReader,
    block: std::vec::IntoIter<RawFrame>,
    failed: Option<io::Error>,
}

impl Iterator for Frames {
    type Item = RawFrame;

    fn next(&mut self) -> Option<RawFrame> {
        loop {
            if let Some(frame) = self.block.next() {
                return Some(frame);
            }
            match self.reader.next_block() {
                Ok(block) => self.block = block?.into_iter(),
                Err(error) => {
                    self.failed = Some(error);
                    return None;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use perpx_core::units::NS;

    #[test]
    fn days_of_a_market_that_is_played_are_its_own() {
        let midnight = Time::of_day(20_000);
        let of = |clock: &str| -> Dataset {
            let text = format!(r#"{{"schema_version":1,"made_by":{{"clock":"{clock}"}},"rows":{{}},"files":[]}}"#);
            serde_json::from_str(&text).expect("legal")
        };
        let open = |clock: &str, day: i64, now: Time| open_day(&of(clock), Some(day * 24 + 5), now);
        assert_eq!(open("as_recorded", 19_999, midnight.plus(AFTER_THE_DAY)), 20_000, "yesterday is over");
        assert_eq!(open("as_recorded", 19_999, midnight.plus(AFTER_THE_DAY - NS)), 19_999, "not for ten minutes more");
        // though nothing was recorded for long
        assert_eq!(open("as_recorded", 18_000, midnight), 19_999);
        for day in [18_000, 19_999, 20_000, 21_000] {
            assert_eq!(open(PLAYED, day, midnight.plus(AFTER_THE_DAY)), day, "it may go on, whatever the date is here");
        }
    }

    #[test]
    fn hours_are_due_once_and_the_newest_again() {
        assert_eq!(due(&[1, 2, 3], &[], None), [1, 2, 3]);
        assert_eq!(due(&[1, 2, 3], &[], Some(3)), [1, 2]);
        assert_eq!(due(&[1, 2, 3, 4], &[1, 3], Some(4)), [2, 3]);
        assert_eq!(due(&[1, 2], &[1, 2, 3], None), [0i64; 0]);
    }
}
