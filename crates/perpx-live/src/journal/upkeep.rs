//! What becomes of segments that are full: what they come to is kept beside the newest one, so that a start need not read them; after a
//! week they are packed, after 400 days they go.

use super::folder::{Journal, JournalError, Numbered, bytes_of, is_packed, segments};
use super::mark::Mark;
use crate::recovery::Past;
use perpx_data::atomic::write_atomic;
use std::fs::{self, File};
use std::io;
use std::path::Path;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::time::{Duration, SystemTime};

/// It is looked after so often.
const EVERY: Duration = Duration::from_secs(3_600);
const DAY: Duration = Duration::from_secs(86_400);
/// A full segment is packed then.
const PACKED_AFTER: Duration = DAY.saturating_mul(7);
/// `perpx-live diverge` needs them for as long.
const KEPT: Duration = DAY.saturating_mul(400);
/// Of zstd.
const LEVEL: i32 = 3;

/// Looks after a journal that is written meanwhile; ends with it.
pub struct Upkeep {
    _ends: Sender<()>,
}

impl Upkeep {
    /// # Errors
    /// The system gives no thread.
    pub fn start(folder: &Path) -> io::Result<Upkeep> {
        let ((ends, ended), folder) = (channel(), folder.to_path_buf());
        std::thread::Builder::new().name("upkeep".to_owned()).spawn(move || {
            let mut said = String::new();
            loop {
                if let Err(error) = tidy(&folder, SystemTime::now())
                    && said != error.to_string()
                {
                    said = error.to_string();
                    eprintln!("the journal's full segments are left as they are: {said}");
                }
                if ended.recv_timeout(EVERY) != Err(RecvTimeoutError::Timeout) {
                    return;
                }
            }
        })?;
        Ok(Upkeep { _ends: ends })
    }
}

/// Does what is due `now`. A process may die in it at any moment: what is there afterwards is whole.
///
/// # Errors
/// Damaged segments, a disk that fails.
pub fn tidy(folder: &Path, now: SystemTime) -> Result<(), JournalError> {
    let found = segments(folder)?;
    let Some(((newest, _), full)) = found.split_last() else { return Ok(()) };
    let Some((first, _)) = full.first() else { return Ok(()) };
    let age = |path: &Path| {
        fs::metadata(path).and_then(|data| data.modified()).ok().and_then(|at| now.duration_since(at).ok())
    };
    let is_older = |path: &Path, than: Duration| age(path).is_some_and(|age| age > than);
    let gone: Vec<&Numbered> = full.iter().take_while(|(_, path)| is_older(path, KEPT)).collect();
    let oldest = first + gone.len() as u32;
    for number in [oldest, *newest] {
        if number > 1 && Mark::read(folder, number).is_none() {
            mark(folder, number)?;
        }
    }
    for (_, path) in gone {
        fs::remove_file(path).map_err(failed("cannot be removed", path))?;
    }
    let packs = |(number, path): &&Numbered| *number >= oldest && !is_packed(path) && is_older(path, PACKED_AFTER);
    for (_, path) in full.iter().filter(packs) {
        pack(path).map_err(failed("cannot be packed", path))?;
    }
    Mark::forget(folder, |number| number != oldest && number != *newest).map_err(failed("cannot be tidied", folder))
}

fn failed(what: &'static str, path: &Path) -> impl FnOnce(io::Error) -> JournalError {
    let path = path.to_path_buf();
    move |error| JournalError::Disk { path, what, error }
}

/// Writes down what everything before a segment comes to.
fn mark(folder: &Path, number: u32) -> Result<(), JournalError> {
    let (mut past, known) = Past::known(folder, number - 1);
    let mark = Journal::before(folder, (known.as_ref(), number), &mut |record| past.add(record))?;
    let mark = Mark { past: past.bytes(), ..mark };
    mark.write(folder).map_err(failed("cannot be marked", folder))
}

fn pack(path: &Path) -> io::Result<()> {
    let (written, bytes) = (fs::metadata(path)?.modified()?, fs::read(path)?);
    let packed = path.with_extension("pxj.zst");
    write_atomic(&packed, zstd::bulk::compress(&bytes, LEVEL)?)?;
    if bytes_of(&packed)? != bytes {
        return Err(io::Error::other("what was packed is not what was to be packed"));
    }
    // it grows older as the one that it stands for
    File::options().append(true).open(&packed)?.set_modified(written)?;
    path.parent().map_or(Ok(()), |folder| File::open(folder)?.sync_all())?;
    fs::remove_file(path)
}

#[cfg(test)]
mod tests {
    use super::super::folder::Writer;
    use super::super::record::{Kind, Record, Stamp};
    use super::*;
    use perpx_core::units::{DAY as MARKET_DAY, Time};
    use serde_json::json;
    use std::collections::BTreeMap;

    /// 2026-01-05 00:00 UTC, in nanoseconds.
    const MIDNIGHT: i64 = 20_458 * 86_400_000_000_000;
    const RUN: [u8; 16] = [3; 16];

    fn record(seq: u64, kind: Kind, body: &serde_json::Value, wall_ns: i64) -> Record {
        let body = if kind == Kind::State { seq.to_le_bytes().to_vec() } else { body.to_string().into_bytes() };
        Record { seq, stamp: Stamp { wall_ns, mono_ns: 0, engine: Time(wall_ns) }, kind, body }
    }

    /// A journal of so many days, each a segment: an order that leaves and fills, a state, a process that begins, what was said.
    fn written(folder: &Path, days: i64) {
        let (mut writer, _) = Writer::open(folder, &Journal::default(), RUN).expect("a journal");
        let mut seq = 0;
        for day in 0..days {
            let at = MIDNIGHT + day * MARKET_DAY.0;
            let place = json!({ "commands": [{ "Place": { "id": day + 1, "venue": "Long", "side": "Buy", "kind": "Ioc",
                "limit": 1, "qty": 5, "reduce_only": false, "covers": false } }] });
            let fill = json!({ "at": at, "venue_time": at, "met": 0, "venue": "Long", "name": format!("fill {day}"),
                "body": { "Fill": { "id": day + 1, "side": "Buy", "px": 1, "qty": 2, "maker": false, "fee": 0 } } });
            let recon = json!({ "role": 0, "explained": "7", "latched": [format!("of day {day}")], "transfers": ["a"],
                "fill": null, "venue": "lighter" });
            let operator = json!({ "verb": "adopt lighter", "by": crate::recovery::TO_A_FOLDER, "reason": "so" });
            let start = json!({ "accounts": ["Lighter 1", "Grvt 2"], "best": "b", "live": "l", "code": "c" });
            let all = [
                (Kind::State, json!(null)),
                (Kind::Start, start),
                (Kind::Batch, place),
                (Kind::Event, fill),
                (Kind::Recon, recon),
                (Kind::Operator, operator),
            ];
            for (kind, body) in all {
                writer.append(&[record(seq, kind, &body, at + 1)]).expect("writes");
                seq += 1;
            }
        }
        writer.sync().expect("syncs");
    }

    fn read(folder: &Path) -> (Vec<u8>, u64) {
        let (past, journal) = Past::read(folder).expect("a journal");
        (past.bytes(), journal.next_seq())
    }

    /// Segments as written so many days ago, the newest now.
    fn aged(folder: &Path, days: impl Fn(u32) -> u32) {
        for (number, path) in segments(folder).expect("segments") {
            let written = SystemTime::now() - DAY * days(number);
            fs::File::options().append(true).open(path).and_then(|file| file.set_modified(written)).expect("a time");
        }
    }

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").file_name());
        let mut names: Vec<String> = entries.map(|name| name.to_string_lossy().into_owned()).collect();
        names.sort_unstable();
        names
    }

    /// A start reads the same with marks as without, packed or not; and a damaged mark changes nothing.
    #[test]
    fn what_was_kept_of_full_segments_is_what_they_come_to() {
        let dir = tempfile::tempdir().expect("a folder");
        let folder = dir.path();
        written(folder, 5);
        let (all, whole) = (read(folder), Journal::read(folder).expect("whole"));
        let (past, _) = Past::read(folder).expect("a journal");
        assert!(past.starts == 5 && past.is_open() && past.said.len() == 1, "all kinds are read: {past:?}");
        aged(folder, |number| if number < 3 { 8 } else { 1 });
        for _ in 0..2 {
            tidy(folder, SystemTime::now()).expect("tidies");
            let want = ["000001.pxj.zst", "000002.pxj.zst", "000003.pxj", "000004.pxj", "000005.past", "000005.pxj"];
            assert_eq!(names(folder), want);
            assert_eq!((read(folder), Journal::read(folder).expect("whole")), (all.clone(), whole.clone()));
        }
        // what stands in full segments is not read by a start, and by whoever wants all of it
        let bytes = fs::read(folder.join("000003.pxj")).expect("a segment");
        fs::write(folder.join("000003.pxj"), &bytes[..bytes.len() - 3]).expect("writes");
        assert_eq!(read(folder), all);
        assert!(matches!(Journal::read(folder), Err(JournalError::Damaged { kept: 17, .. })));
        fs::write(folder.join("000003.pxj"), &bytes).expect("writes");
        let mark = fs::read(folder.join("000005.past")).expect("a mark");
        for at in [3, 40, mark.len() - 1] {
            let mut other = mark.clone();
            other[at] ^= 1;
            fs::write(folder.join("000005.past"), &other).expect("writes");
            assert_eq!(read(folder), all);
        }
        // one of another journal is passed over
        let other = tempfile::tempdir().expect("a folder");
        written(other.path(), 4);
        fs::copy(folder.join("000005.past"), other.path().join("000004.past")).expect("copies");
        let was = read(other.path());
        fs::remove_file(other.path().join("000004.past")).expect("removes");
        assert_eq!(read(other.path()), was);
    }

    /// A mark belongs to one segment of one journal: of the same run, at the same record, after the same segments.
    #[test]
    fn a_mark_of_another_segment_is_passed_over() {
        let dir = tempfile::tempdir().expect("a folder");
        let folder = dir.path();
        written(folder, 3);
        tidy(folder, SystemTime::now()).expect("tidies");
        let mark = Mark::read(folder, 3).expect("a mark");
        let others = [
            Mark { run: [4; 16], ..mark.clone() },
            Mark { first: mark.first + 1, ..mark.clone() },
            Mark { chain: [9; 24], ..mark.clone() },
            Mark { number: 2, ..mark.clone() },
        ];
        for other in others {
            other.write(folder).expect("writes");
            fs::rename(folder.join(format!("{:06}.past", other.number)), folder.join("000003.past")).expect("renames");
            assert_eq!(Mark::read(folder, 3), None, "{other:?}");
        }
        mark.write(folder).expect("writes");
        assert_eq!(Mark::read(folder, 3), Some(mark));
    }

    /// After 400 days a segment goes; what it came to stays, and the journal is written on.
    #[test]
    fn segments_go_after_four_hundred_days() {
        let dir = tempfile::tempdir().expect("a folder");
        let folder = dir.path();
        written(folder, 6);
        let all = read(folder);
        aged(folder, |number| if number < 4 { 401 } else { 8 });
        tidy(folder, SystemTime::now()).expect("tidies");
        let want = ["000004.past", "000004.pxj.zst", "000005.pxj.zst", "000006.past", "000006.pxj"];
        assert_eq!(names(folder), want);
        assert_eq!(read(folder), all);
        let journal = Journal::read(folder).expect("what is kept is whole");
        assert_eq!((journal.next_seq(), journal.records[0].seq), (36, 18));
        let (mut writer, torn) = Writer::open(folder, &journal, RUN).expect("a journal");
        assert_eq!(torn, None);
        writer.append(&[record(36, Kind::State, &json!(null), MIDNIGHT + 9 * MARKET_DAY.0)]).expect("writes");
        assert_eq!(read(folder).1, 37);
        // without its mark nobody knows what stood before
        fs::remove_file(folder.join("000004.past")).expect("removes");
        assert!(matches!(Journal::read(folder), Err(JournalError::Damaged { at: 0, .. })));
    }

    /// Whatever a process leaves that dies while it packs, marks or removes: the next one reads the same, and tidies to the same end.
    #[test]
    fn a_death_meanwhile_changes_nothing() {
        let dir = tempfile::tempdir().expect("a folder");
        let kept: BTreeMap<String, Vec<u8>> = {
            written(dir.path(), 4);
            aged(dir.path(), |number| if number < 2 { 401 } else { 8 });
            names(dir.path())
                .into_iter()
                .map(|name| (name.clone(), fs::read(dir.path().join(name)).expect("a file")))
                .collect()
        };
        let all = read(dir.path());
        tidy(dir.path(), SystemTime::now()).expect("tidies");
        let done: BTreeMap<String, Vec<u8>> = names(dir.path())
            .into_iter()
            .map(|name| (name.clone(), fs::read(dir.path().join(name)).expect("a file")))
            .collect();
        // both ways of a segment are there, a part of one, no mark yet
        let leaves: [&[&str]; 4] = [
            &["000001.pxj", "000002.pxj", "000002.pxj.zst", "000003.pxj", "000004.pxj"],
            &["000002.past", "000002.pxj", "000002.pxj.zst", "000003.pxj", "000004.pxj"],
            &["000001.pxj", "000002.past", "000002.pxj.zst", "000003.pxj", "000004.pxj"],
            &["000001.pxj", "000002.past", "000002.pxj", "000003.pxj", "000004.past", "000004.pxj"],
        ];
        for files in leaves {
            let other = tempfile::tempdir().expect("a folder");
            for name in files {
                let bytes = kept.get(*name).or(done.get(*name)).expect("a file of before or after");
                fs::write(other.path().join(name), bytes).expect("writes");
            }
            fs::write(other.path().join(".new-000003.pxj.zst"), "half").expect("writes");
            aged(other.path(), |number| if number < 2 { 401 } else { 8 });
            assert_eq!(read(other.path()), all, "{files:?}");
            tidy(other.path(), SystemTime::now()).expect("tidies");
            assert_eq!(read(other.path()), all, "{files:?}");
            let ends: Vec<String> = names(other.path()).into_iter().filter(|name| !name.starts_with('.')).collect();
            assert_eq!(ends, done.keys().cloned().collect::<Vec<_>>(), "{files:?}");
        }
    }

    /// A damaged segment that is packed is cut as one that is not.
    #[test]
    fn a_packed_segment_is_cut_at_its_damage() {
        let dir = tempfile::tempdir().expect("a folder");
        let folder = dir.path();
        written(folder, 4);
        aged(folder, |_| 8);
        tidy(folder, SystemTime::now()).expect("tidies");
        let packed = folder.join("000002.pxj.zst");
        let bytes = bytes_of(&packed).expect("unpacks");
        fs::write(&packed, zstd::bulk::compress(&bytes[..bytes.len() - 3], LEVEL).expect("packs")).expect("writes");
        let Err(damage) = Journal::read(folder) else { panic!("it is whole") };
        super::super::folder::cut_at(folder, &damage).expect("cuts");
        let journal = Journal::read(folder).expect("whole");
        assert_eq!(journal.next_seq(), 11);
        assert_eq!(read(folder).1, 11);
        assert!(names(folder).contains(&"000002.pxj".to_owned()), "{:?}", names(folder));
    }
}
