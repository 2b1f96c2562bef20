//! Hours of other recordings, taken into a folder in which a process is about to record: what happened before it began is then in its
//! own store, as if it had recorded there all along.

use super::compaction::stored;
use crate::record::raw_file::{RawReader, raw_hours, raw_path};
use crate::record::{FeedConfig, FrameKind, public_feed};
use crate::venue::Venue;
use perpx_core::units::{HOUR, Time, TimeDelta};
use perpx_data::TapeError;
use perpx_data::atomic::AtomicFile;
use perpx_data::store::{StorePath, copy_hour, hours_of};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::{fs, io};

/// Why nothing is taken over.
#[derive(Debug, thiserror::Error)]
// the texts say what the fields are
#[allow(missing_docs)]
pub enum AdoptError {
    #[error(
        "{path}: holds no recording of {symbol} at {venue} from before the present of the market; accepted: the folder of a `perpx-data record` or of a run, or a data \
         store; to do: name one that has it"
    )]
    Without { path: PathBuf, symbol: String, venue: &'static str },
    #[error("{path}: {source}; accepted: a recording that can be read, and room to copy it")]
    Io { path: PathBuf, source: io::Error },
    #[error("{0}")]
    Store(#[from] TapeError),
}

/// Of what hours are taken.
pub struct Adopted<'a> {
    /// At these venues.
    pub venues: &'a [Venue],
    /// The base coin.
    pub symbol: &'a str,
    /// So much time before the end of the newest recording.
    pub back: TimeDelta,
    /// The market's present: what happened later is of another day, and no past of a run that begins now.
    pub now: Time,
}

/// A folder of hours: raw frames where they are kept, else rows.
struct Recording {
    path: PathBuf,
    store: Option<StorePath>,
    /// In the order of the venues that are asked for: hours with frames, and with rows.
    hours: Vec<[BTreeSet<i64>; 2]>,
}

fn failed(path: &Path) -> impl Fn(io::Error) -> AdoptError + use<> {
    let path = path.to_path_buf();
    move |source| AdoptError::Io { path: path.clone(), source }
}

impl Recording {
    fn open(path: &Path, of: &Adopted<'_>) -> Result<Recording, AdoptError> {
        let below = path.join("store");
        let root = if below.is_dir() { below } else { path.to_path_buf() };
        let store = if root.is_dir() { Some(StorePath::open(&root)?) } else { None };
        let mut hours = Vec::new();
        for venue in of.venues {
            let rows = store.as_ref().map(|store| hours_of(store, venue.name(), of.symbol)).transpose()?;
            let mut of_venue = [frames_of(path, *venue, of.symbol)?, rows.unwrap_or_default().into_iter().collect()];
            let present = of.now.steps(HOUR);
            of_venue.iter_mut().for_each(|hours: &mut BTreeSet<i64>| hours.retain(|hour| *hour <= present));
            if of_venue.iter().all(BTreeSet::is_empty) {
                let (path, symbol) = (path.to_path_buf(), of.symbol.to_owned());
                return Err(AdoptError::Without { path, symbol, venue: venue.name() });
            }
            hours.push(of_venue);
        }
        Ok(Recording { path: path.to_path_buf(), store, hours })
    }

    fn newest(&self) -> Option<i64> {
        self.hours.iter().flatten().filter_map(|hours| hours.last()).max().copied()
    }

    /// Gives an hour to `run`; false: it is empty.
    fn give(&self, run: &Path, (venue, symbol, hour): (Venue, &str, i64), as_frames: bool) -> Result<bool, AdoptError> {
        if as_frames {
            let (from, to) = (raw_path(&self.path, venue, hour), raw_path(run, venue, hour));
            copy(&from, &to).map_err(failed(&from))?;
            return Ok(true);
        }
        let made_by =
            serde_json::json!({ "tool": concat!("perpx ", env!("CARGO_PKG_VERSION")), "clock": "as_recorded" });
        let of = (venue.name(), symbol, hour);
        Ok(self.store.as_ref().map_or(Ok(false), |store| copy_hour(store, &run.join("store"), of, &made_by))?)
    }
}

/// A file at its place when it is whole. What is still written behind the last whole block is cut off by whoever goes on with it.
fn copy(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to.parent().unwrap_or(to))?;
    let mut file = AtomicFile::create(to)?;
    io::copy(&mut fs::File::open(from)?, &mut file)?;
    file.commit()
}

/// Hours of frames, if the newest of them have the symbol.
fn frames_of(run: &Path, venue: Venue, symbol: &str) -> Result<BTreeSet<i64>, AdoptError> {
    let hours = raw_hours(run, venue).map_err(failed(run))?;
    let Some(newest) = hours.last().map(|hour| raw_path(run, venue, *hour)) else { return Ok(BTreeSet::new()) };
    let mut feed = public_feed(venue, FeedConfig::new(&[]));
    let mut reader = RawReader::open(&newest, venue).map_err(failed(&newest))?;
    // a file begins with what the feed knew
    let block = reader.next_block().map_err(failed(&newest))?.unwrap_or_default();
    let state = block.iter().find(|frame| frame.kind == FrameKind::State);
    let is_read = state.is_some_and(|state| feed.restore(&String::from_utf8_lossy(&state.text)).is_ok());
    let has_it = is_read && feed.config().place(symbol).is_some();
    Ok(if has_it { hours.into_iter().collect() } else { BTreeSet::new() })
}

/// Takes the hours that `run` has neither as frames nor as rows; where several folders have an hour the first wins. How many they
/// are. `is_whole`: the newest hour, which a recorder may still write, is left out.
///
/// # Errors
/// A folder without the symbol, a disk that fails.
pub fn adopt(run: &Path, folders: &[PathBuf], of: &Adopted<'_>, is_whole: bool) -> Result<usize, AdoptError> {
    let recordings = folders.iter().map(|path| Recording::open(path, of)).collect::<Result<Vec<_>, _>>()?;
    let Some(newest) = recordings.iter().filter_map(Recording::newest).max() else { return Ok(0) };
    let first = newest - of.back / HOUR - 1;
    let end = if is_whole { newest } else { newest + 1 };
    let mut taken = 0;
    for (place, venue) in of.venues.iter().enumerate() {
        let mut known: BTreeSet<i64> = raw_hours(run, *venue).map_err(failed(run))?.into_iter().collect();
        known.extend(stored(&run.join("store"), *venue)?);
        for recording in &recordings {
            let [frames, rows] = &recording.hours[place];
            let all: BTreeSet<i64> = frames.union(rows).copied().collect();
            for hour in all.range(first..end).filter(|hour| known.insert(**hour)) {
                taken += usize::from(recording.give(run, (*venue, of.symbol, *hour), frames.contains(hour))?);
            }
        }
    }
    Ok(taken)
}
