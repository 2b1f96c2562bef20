//! All segments of a run, and the writer at their end.

use super::mark::Mark;
use super::record::{HEAD_LEN, Head, Kind, Record, SCHEMA};
use super::segment::{self, Segment};
use perpx_core::units::{DAY, Time};
use perpx_data::atomic::write_atomic;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use thiserror::Error;

/// A segment that is longer ends with the next state.
const FULL: u64 = 64 << 20;

/// A segment's number, and where it lies.
pub type Numbered = (u32, PathBuf);

/// Why a journal is not opened.
#[derive(Debug, Error)]
// the texts say what the fields are
#[allow(missing_docs)]
pub enum JournalError {
    #[error("{path}: {what}: {error}")]
    Disk { path: PathBuf, what: &'static str, error: io::Error },
    #[error(
        "{path}: the journal is damaged at byte {at}: {what}; {kept} records before it are whole, {dropped} bytes from there on are not \
         trusted; accepted: the files as they were written; to do: put them back from a copy; or close what the venues show by \
         --from-truth beside the start; or `perpx-live journal RUN --salvage` keeps what is whole and sets the rest aside"
    )]
    Damaged { path: PathBuf, at: usize, what: String, kept: u64, dropped: u64 },
}

/// A journal that was read whole.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Journal {
    /// Of the run; `None` while there is no segment.
    pub run: Option<[u8; 16]>,
    /// All records, in order; none where they were handed over one by one.
    pub records: Vec<Record>,
    /// How many there are.
    count: u64,
    /// The newest segment, where its last whole record ends, and how long it is.
    last: Option<(PathBuf, usize, usize)>,
    /// Over the whole part of the newest segment.
    chain: Chain,
    /// What a mark says of the segment before the one that is read first.
    before: Option<[u8; 24]>,
}

/// BLAKE3 over a segment.
#[derive(Clone, Debug, Default)]
struct Chain(blake3::Hasher);

impl PartialEq for Chain {
    fn eq(&self, other: &Chain) -> bool {
        self.0.finalize() == other.0.finalize()
    }
}

impl Eq for Chain {}

impl Chain {
    fn sum(&self) -> [u8; 24] {
        let mut out = [0; 24];
        out.copy_from_slice(&self.0.finalize().as_bytes()[..24]);
        out
    }
}

/// The first bytes of a segment, which may be packed: at most `most`.
fn first_of(path: &Path, most: u64) -> io::Result<Vec<u8>> {
    let (file, mut bytes) = (File::open(path)?, Vec::new());
    match is_packed(path) {
        true => zstd::stream::Decoder::new(file)?.take(most).read_to_end(&mut bytes)?,
        false => file.take(most).read_to_end(&mut bytes)?,
    };
    Ok(bytes)
}

/// The bytes of a segment.
pub fn bytes_of(path: &Path) -> io::Result<Vec<u8>> {
    first_of(path, u64::MAX)
}

/// The bytes of a segment's head; fewer where it was only just begun.
pub fn head_of(path: &Path) -> io::Result<Vec<u8>> {
    first_of(path, HEAD_LEN as u64)
}

/// Whether a segment is kept packed.
pub fn is_packed(path: &Path) -> bool {
    path.extension().is_some_and(|ending| ending == "zst")
}

/// Bytes of these segments.
fn lengths(segments: &[Numbered]) -> u64 {
    segments.iter().filter_map(|(_, path)| Some(fs::metadata(path).ok()?.len())).sum()
}

/// Makes a damaged journal whole: from the damage on its bytes, and all segments behind it, are moved aside into files whose names end on
/// `.damaged`; those files.
///
/// # Errors
/// A disk that fails: what was moved is beside, nothing is gone.
pub fn cut_at(folder: &Path, damage: &JournalError) -> Result<Vec<PathBuf>, JournalError> {
    let JournalError::Damaged { path, at, .. } = damage else { return Ok(Vec::new()) };
    let failed = |path: &Path| {
        let path = path.to_path_buf();
        move |error| JournalError::Disk { path, what: "cannot be set aside", error }
    };
    let number = segments(folder)?.into_iter().find(|(_, other)| other == path).map_or(0, |(number, _)| number);
    Mark::forget(folder, |marked| marked > number).map_err(failed(folder))?;
    let mut aside = Vec::new();
    // the last one first: what is left is whole at each moment
    for (_, later) in segments(folder)?.into_iter().rev().take_while(|(_, other)| other != path) {
        aside.push(moved(&later).map_err(failed(&later))?);
    }
    aside.push(
        match *at {
            at if at < HEAD_LEN => moved(path),
            at if is_packed(path) => set_packed_aside(path, at),
            at => set_aside(path, at, "damaged"),
        }
        .map_err(failed(path))?,
    );
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(failed(folder))?;
    aside.reverse();
    Ok(aside)
}

fn moved(path: &Path) -> io::Result<PathBuf> {
    let to = beside(path, "damaged");
    fs::rename(path, &to).map(|()| to)
}

/// What is whole of a packed segment is kept as it was written, the packed one beside.
fn set_packed_aside(path: &Path, end: usize) -> io::Result<PathBuf> {
    let bytes = bytes_of(path)?;
    write_atomic(&path.with_extension(""), &bytes[..end])?;
    moved(path)
}

/// A file beside a segment that is not there yet.
fn beside(path: &Path, ending: &str) -> PathBuf {
    let free = (0..).map(|n| path.with_extension(format!("{n}.{ending}"))).find(|path| !path.exists());
    free.unwrap_or_else(|| path.with_extension(ending))
}

/// Where segment `number` lies.
fn path_of(folder: &Path, number: u32) -> PathBuf {
    folder.join(format!("{number:06}.pxj"))
}

/// The segments of a folder, by their numbers; of one that is there both ways the one that was written first.
pub fn segments(folder: &Path) -> Result<Vec<Numbered>, JournalError> {
    let failed = |error| JournalError::Disk { path: folder.to_path_buf(), what: "cannot be read", error };
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        other => other.map_err(failed)?,
    };
    let mut found = Vec::new();
    for entry in entries {
        let path = entry.map_err(failed)?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let plain = name.strip_suffix(".zst").unwrap_or(&name).strip_suffix(".pxj");
        let number = plain.filter(|name| name.len() == 6).and_then(|name| name.parse::<u32>().ok());
        found.extend(number.map(|number| (number, path)));
    }
    // the path that is not packed is the shorter one
    found.sort_unstable();
    found.dedup_by_key(|(number, _)| *number);
    Ok(found)
}

/// All segments; and the mark of the first one, where those before it are kept no more.
fn oldest(folder: &Path) -> Result<(Vec<Numbered>, Option<Mark>), JournalError> {
    let found = segments(folder)?;
    let mark = found.first().filter(|(number, _)| *number > 1).and_then(|(number, _)| Mark::read(folder, *number));
    Ok((found, mark))
}

impl Journal {
    /// Reads the journal in a folder, changing nothing; one that is not there is empty.
    ///
    /// # Errors
    /// A disk that fails, segments that are damaged or do not follow each other.
    pub fn read(folder: &Path) -> Result<Journal, JournalError> {
        match Journal::whole(folder)? {
            (journal, None) => Ok(journal),
            (_, Some(damage)) => Err(damage),
        }
    }

    /// What is whole of the journal in a folder, to be looked at; and what is damaged behind it.
    ///
    /// # Errors
    /// A disk that fails.
    pub fn whole(folder: &Path) -> Result<(Journal, Option<JournalError>), JournalError> {
        let (mut journal, mut records) = (Journal::default(), Vec::new());
        let (found, mark) = oldest(folder)?;
        let read = journal.read_all((&found, found.len()), mark.as_ref(), &mut |record| records.push(record));
        journal.records = records;
        match read {
            Err(damage @ JournalError::Damaged { .. }) => Ok((journal, Some(damage))),
            read => read.map(|()| (journal, None)),
        }
    }

    /// Reads the journal in a folder as [`Journal::read`] does and hands over each record: a year of it fits into no memory.
    ///
    /// # Errors
    /// As there.
    pub fn scan(folder: &Path, visit: &mut dyn FnMut(Record)) -> Result<Journal, JournalError> {
        Journal::since(folder, None, visit)
    }

    /// As [`Journal::scan`], from a mark on.
    ///
    /// # Errors
    /// As there.
    pub fn since(folder: &Path, mark: Option<&Mark>, visit: &mut dyn FnMut(Record)) -> Result<Journal, JournalError> {
        let mut journal = Journal::default();
        let (found, oldest) = oldest(folder)?;
        journal.read_all((&found, found.len()), mark.or(oldest.as_ref()), visit)?;
        Ok(journal)
    }

    /// Reads what stands before segment `end`, all of which must be whole, from a mark on; then the mark of that segment, whose `past` is to be
    /// filled in.
    ///
    /// # Errors
    /// As there.
    pub fn before(
        folder: &Path,
        (mark, end): (Option<&Mark>, u32),
        visit: &mut dyn FnMut(Record),
    ) -> Result<Mark, JournalError> {
        let mut journal = Journal::default();
        let found = segments(folder)?;
        let closed = found.iter().take_while(|(number, _)| *number < end).count();
        journal.read_all((&found, closed), mark, visit)?;
        let (run, chain) = (journal.run.unwrap_or_default(), journal.sum());
        Ok(Mark { number: end, first: journal.count, run, chain, past: Vec::new() })
    }

    /// Reads the first `count` of the segments that were found, from a mark on.
    fn read_all(
        &mut self,
        (found, count): (&[Numbered], usize),
        mark: Option<&Mark>,
        visit: &mut dyn FnMut(Record),
    ) -> Result<(), JournalError> {
        let journal = self;
        let mut expected = 1;
        if let Some(mark) = mark {
            expected = mark.number;
            (journal.run, journal.count, journal.before) = (Some(mark.run), mark.first, Some(mark.chain));
        }
        let begin = found.iter().take_while(|(number, _)| *number < expected).count();
        for (index, (number, path)) in found.iter().enumerate().take(count).skip(begin) {
            let damaged = |at: usize, what: String, kept: u64| JournalError::Damaged {
                path: path.clone(),
                at,
                what,
                kept,
                dropped: lengths(&found[index..]).saturating_sub(at as u64),
            };
            if *number != expected {
                return Err(damaged(0, format!("segment {expected} is missing before it"), journal.count));
            }
            expected += 1;
            let bytes = match bytes_of(path) {
                Ok(bytes) => bytes,
                Err(error) if is_packed(path) => {
                    return Err(damaged(0, format!("it cannot be unpacked: {error}"), journal.count));
                }
                Err(error) => return Err(JournalError::Disk { path: path.clone(), what: "cannot be read", error }),
            };
            let is_last = index + 1 == found.len();
            if is_last && bytes.len() < HEAD_LEN {
                // the process died while it began the segment
                journal.last = Some((path.clone(), 0, bytes.len()));
                break;
            }
            let (segment, damage) =
                segment::whole(&bytes, is_last).map_err(|damage| damaged(damage.at, damage.what, journal.count))?;
            journal.follow(&segment).map_err(|what| damaged(0, what, journal.count))?;
            (journal.chain, journal.before) = (Chain::default(), None);
            journal.chain.0.update(&bytes[..segment.end]);
            journal.run = Some(segment.head.run);
            journal.count += segment.records.len() as u64;
            segment.records.into_iter().for_each(&mut *visit);
            journal.last = Some((path.clone(), segment.end, bytes.len()));
            if let Some(damage) = damage {
                return Err(damaged(damage.at, damage.what, journal.count));
            }
        }
        Ok(())
    }

    /// Over the segment before the next one.
    fn sum(&self) -> [u8; 24] {
        self.before.unwrap_or_else(|| self.chain.sum())
    }

    /// Whether a segment goes on where this one ends.
    fn follow(&self, next: &Segment) -> Result<(), String> {
        let first = self.next_seq();
        if next.head.first != first {
            return Err(format!("it begins with record {}, and {first} should follow", next.head.first));
        }
        match self.run {
            Some(run) if run != next.head.run => Err("it is of another run".to_owned()),
            Some(_) if self.sum() != next.head.chain => {
                Err("the segment before it is not the one that it followed".to_owned())
            }
            _ => Ok(()),
        }
    }

    /// The number of the next record.
    pub fn next_seq(&self) -> u64 {
        self.count
    }

    /// The newest record of a kind.
    pub fn newest(&self, kind: Kind) -> Option<&Record> {
        self.records.iter().rev().find(|record| record.kind == kind)
    }
}

/// Writes at the end of a journal.
pub struct Writer {
    folder: PathBuf,
    number: u32,
    file: File,
    len: u64,
    chain: Chain,
    run: [u8; 16],
    next_seq: u64,
    /// Since 1970: of the segment's first record.
    day: Option<i64>,
}

impl Writer {
    /// Opens the journal of `folder`, which was read as `journal`, or begins it as `run`. A record that was cut short is copied aside, into a
    /// file whose name ends on `.torn`, before anything is written behind it; the path of that file.
    ///
    /// # Errors
    /// A disk that fails.
    pub fn open(folder: &Path, journal: &Journal, run: [u8; 16]) -> Result<(Writer, Option<PathBuf>), JournalError> {
        let failed = |what: &'static str, path: &Path| {
            let path = path.to_path_buf();
            move |error| JournalError::Disk { path, what, error }
        };
        fs::create_dir_all(folder).map_err(failed("cannot be made", folder))?;
        let (run, next_seq) = (journal.run.unwrap_or(run), journal.next_seq());
        let Some((path, end, len)) = &journal.last else {
            return Ok((
                Writer::begin(folder, 1, run, next_seq, [0; 24]).map_err(failed("cannot be made", folder))?,
                None,
            ));
        };
        let number = segments(folder)?.last().map_or(1, |(number, _)| *number);
        let torn = match len > end {
            true => Some(set_aside(path, *end, "torn").map_err(failed("its torn end cannot be set aside", path))?),
            false => None,
        };
        if *end < HEAD_LEN {
            fs::remove_file(path).map_err(failed("cannot be begun anew", path))?;
            let chain = if journal.run.is_some() { journal.sum() } else { [0; 24] };
            let begun = Writer::begin(folder, number, run, next_seq, chain).map_err(failed("cannot be made", path))?;
            return Ok((begun, torn));
        }
        let file = OpenOptions::new().append(true).open(path).map_err(failed("cannot be written", path))?;
        let (len, chain, folder) = (*end as u64, journal.chain.clone(), folder.to_path_buf());
        Ok((Writer { folder, number, file, len, chain, run, next_seq, day: None }, torn))
    }

    fn begin(folder: &Path, number: u32, run: [u8; 16], first: u64, chain: [u8; 24]) -> io::Result<Writer> {
        let path = path_of(folder, number);
        let mut file = OpenOptions::new().create_new(true).append(true).open(path)?;
        let head = Head { schema: SCHEMA, run, first, chain }.bytes();
        file.write_all(&head)?;
        file.sync_all()?;
        // the file's name is as durable as what it holds
        File::open(folder)?.sync_all()?;
        let mut chain = Chain::default();
        chain.0.update(&head);
        let (len, folder) = (head.len() as u64, folder.to_path_buf());
        Ok(Writer { folder, number, file, len, chain, run, next_seq: first, day: None })
    }

    /// Writes records at the end; a process that dies afterwards does not lose them. A state that is the first of a day, or comes
    /// when the segment is full, begins the next segment.
    ///
    /// # Errors
    /// A disk that fails: nothing may be written to this journal any more.
    pub fn append(&mut self, records: &[Record]) -> io::Result<()> {
        let mut bytes = Vec::new();
        for record in records {
            assert_eq!(record.seq, self.next_seq, "records are dense");
            let day = Time(record.stamp.wall_ns).steps(DAY);
            let is_new_day = *self.day.get_or_insert(day) != day;
            if record.kind == Kind::State && (is_new_day || self.len + bytes.len() as u64 > FULL) {
                self.put(&bytes)?;
                bytes.clear();
                self.sync()?;
                *self = Writer::begin(&self.folder, self.number + 1, self.run, record.seq, self.chain.sum())?;
                self.day = Some(day);
            }
            record.write(&mut bytes);
            self.next_seq += 1;
        }
        self.put(&bytes)
    }

    /// Writes the first half of a record: what a process leaves that dies meanwhile.
    ///
    /// # Errors
    /// A disk that fails.
    pub fn half(&mut self, record: &Record) -> io::Result<()> {
        let mut bytes = Vec::new();
        record.write(&mut bytes);
        self.put(&bytes[..bytes.len() / 2])
    }

    fn put(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all(bytes)?;
        self.len += bytes.len() as u64;
        self.chain.0.update(bytes);
        Ok(())
    }

    /// A machine that loses its power afterwards does not lose what was written.
    ///
    /// # Errors
    /// A disk that fails: nobody knows what of it is there.
    pub fn sync(&mut self) -> io::Result<()> {
        self.file.sync_data()
    }
}

/// Copies what stands behind `end` into a file beside, and cuts it off.
fn set_aside(path: &Path, end: usize, ending: &str) -> io::Result<PathBuf> {
    let bytes = fs::read(path)?;
    let torn = beside(path, ending);
    let mut aside = OpenOptions::new().create_new(true).write(true).open(&torn)?;
    aside.write_all(&bytes[end.min(bytes.len())..])?;
    aside.sync_all()?;
    let file = OpenOptions::new().write(true).open(path)?;
    file.set_len(end as u64)?;
    file.sync_all()?;
    Ok(torn)
}

#[cfg(test)]
mod tests {
    use super::super::record::{Stamp, tests::records};
    use super::*;
    use proptest::prelude::*;

    const RUN: [u8; 16] = [3; 16];
    /// 2026-01-05 00:00 UTC, in nanoseconds.
    const MIDNIGHT: i64 = 20_458 * 86_400_000_000_000;

    fn record(seq: u64, kind: Kind, wall_ns: i64) -> Record {
        Record {
            seq,
            stamp: Stamp { wall_ns, mono_ns: 1, engine: Time(wall_ns) },
            kind,
            body: format!("{{\"n\":{seq}}}").into(),
        }
    }

    fn write(folder: &Path, records: &[Record]) -> Option<PathBuf> {
        let journal = Journal::read(folder).expect("a journal");
        let (mut writer, torn) = Writer::open(folder, &journal, RUN).expect("a writer");
        writer.append(records).expect("a disk");
        writer.sync().expect("a disk");
        torn
    }

    /// A state after midnight begins a segment; what is written before it belongs to the old one, and a writer that is opened again
    /// goes on.
    #[test]
    fn segments_follow_each_other() {
        let dir = tempfile::tempdir().expect("a folder");
        let folder = dir.path().join("journal");
        let all = [
            record(0, Kind::Start, MIDNIGHT - 2),
            record(1, Kind::State, MIDNIGHT - 1),
            record(2, Kind::Event, MIDNIGHT),
            record(3, Kind::State, MIDNIGHT + 1),
            record(4, Kind::Stop, MIDNIGHT + 2),
        ];
        assert_eq!(write(&folder, &all[..2]), None);
        assert_eq!(write(&folder, &[]), None, "opened again");
        let journal = Journal::read(&folder).expect("a journal");
        let (mut writer, _) = Writer::open(&folder, &journal, [9; 16]).expect("a writer");
        writer.day = Some(MIDNIGHT / 86_400_000_000_000 - 1);
        writer.append(&all[2..]).expect("a disk");
        let journal = Journal::read(&folder).expect("a journal");
        assert_eq!((journal.run, &journal.records[..]), (Some(RUN), &all[..]));
        assert_eq!(segments(&folder).expect("segments").len(), 2);
        assert_eq!(journal.newest(Kind::State), Some(&all[3]));
        // a segment that is gone, and one that is another's
        let (first, second) = (path_of(&folder, 1), path_of(&folder, 2));
        let bytes = fs::read(&first).expect("bytes");
        fs::remove_file(&first).expect("removed");
        let error = Journal::read(&folder).expect_err("a hole").to_string();
        assert!(error.contains("segment 1 is missing before it") && error.contains("000002.pxj"), "{error}");
        fs::write(&first, &bytes[..bytes.len() - 1]).expect("written");
        let error = Journal::read(&folder).expect_err("cut before the last").to_string();
        assert!(error.contains("it ends inside a record"), "{error}");
        let mut other = bytes.clone();
        other.truncate(HEAD_LEN);
        all[..2].iter().chain([&record(2, Kind::Gate, 7)]).for_each(|record| record.write(&mut other));
        fs::write(&first, &other).expect("written");
        let error = Journal::read(&folder).expect_err("another history").to_string();
        assert!(error.contains("the segment before it is not the one that it followed"), "{error}");
        fs::write(&first, &bytes).expect("written");
        // the process died while it began the third
        fs::write(path_of(&folder, 3), &fs::read(&second).expect("bytes")[..40]).expect("written");
        assert!(write(&folder, &[record(5, Kind::Start, 8)]).is_some(), "what was there is kept");
        let journal = Journal::read(&folder).expect("a journal");
        assert_eq!((journal.records.len(), segments(&folder).expect("segments").len()), (6, 3));
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() })]

        /// Damaged at any byte, it is whole again when it is cut there: what was whole before is kept, and no byte is gone.
        #[test]
        fn a_damaged_journal_is_whole_when_it_is_cut(part in 0.0f64..1.0, damaged in 0usize..3, is_gone: bool) {
            let dir = tempfile::tempdir().expect("a folder");
            let folder = dir.path().join("journal");
            for day in 0..3i64 {
                let journal = Journal::read(&folder).expect("a journal");
                let (mut writer, _) = Writer::open(&folder, &journal, RUN).expect("a writer");
                writer.day = (day > 0).then_some(day - 1);
                let first = journal.next_seq();
                let at = |n: u64, kind| record(first + n, kind, day * 86_400_000_000_000);
                writer.append(&[at(0, Kind::State), at(1, Kind::Event), at(2, Kind::Event)]).expect("a disk");
            }
            let before = Journal::read(&folder).expect("a journal").records;
            let path = path_of(&folder, damaged as u32 + 1);
            let mut bytes = fs::read(&path).expect("bytes");
            let byte = (bytes.len() as f64 * part) as usize;
            bytes[byte] ^= 0x10;
            if is_gone && damaged < 2 {
                fs::remove_file(&path).expect("removed");
            } else {
                fs::write(&path, &bytes).expect("written");
            }
            let (whole, damage) = Journal::whole(&folder).expect("a disk");
            // one byte of the last record may look like a torn end
            prop_assume!(damage.is_some());
            let all = |folder: &Path| -> u64 {
                let files = fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("one"));
                files.map(|file| file.metadata().expect("data").len()).sum()
            };
            let length = all(&folder);
            let aside = cut_at(&folder, &damage.expect("damage")).expect("a disk");
            prop_assert!(!aside.is_empty() && aside.iter().all(|path| path.exists()));
            let after = Journal::read(&folder).expect("whole").records;
            prop_assert_eq!(&after, &whole.records);
            prop_assert_eq!(&after[..], &before[..after.len()]);
            prop_assert!(after.len() < before.len() && after.len() >= damaged * 3);
            prop_assert_eq!(all(&folder), length);
            // and it goes on
            let next = record(after.len() as u64, Kind::Start, 5);
            write(&folder, std::slice::from_ref(&next));
            prop_assert_eq!(Journal::read(&folder).expect("a journal").records.pop(), Some(next));
        }

        /// Cut at any byte, what was whole is read and goes on; what was cut off is kept beside, and nothing is written behind it.
        #[test]
        fn a_torn_end_is_set_aside_before_anything_follows(mut records in records(), part in 0.0f64..1.0) {
            // one day, one segment
            records.iter_mut().for_each(|record| record.stamp.wall_ns = 5);
            let dir = tempfile::tempdir().expect("a folder");
            let folder = dir.path().join("journal");
            write(&folder, &records);
            let path = path_of(&folder, 1);
            let bytes = fs::read(&path).expect("bytes");
            let cut = (bytes.len() as f64 * part) as usize;
            fs::write(&path, &bytes[..cut]).expect("written");
            let whole = Journal::read(&folder).expect("a crash is no damage").records;
            prop_assert_eq!(&whole[..], &records[..whole.len()]);
            let next = record(whole.len() as u64, Kind::Start, 5);
            let torn = write(&folder, std::slice::from_ref(&next));
            let after = Journal::read(&folder).expect("a journal").records;
            prop_assert_eq!(after.last(), Some(&next));
            prop_assert_eq!(after.len(), whole.len() + 1);
            let mut kept = fs::read(&path).expect("bytes");
            kept.truncate(cut);
            if let Some(torn) = torn {
                let aside = fs::read(torn).expect("it is there");
                prop_assert_eq!(&bytes[cut - aside.len()..cut], &aside[..]);
            }
        }
    }
}
