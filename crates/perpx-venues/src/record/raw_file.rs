//! Raw frames on disk: `raw/<venue>/YYYYMMDDTHH.pxr`, a file an hour. A file is a head and blocks; a block is written whole, so that a
//! process that dies costs the block it was filling. What is damaged is passed over, and what is whole is read.
//!
//! A block: a mark, the lengths packed and unpacked, a checksum of all that follows it, the connection and the number of its
//! first frame, then its frames, packed by zstd. Numbers are little-endian.

use super::raw_frame::{FrameKind, RawFrame, RestRequest};
use crate::venue::Venue;
use perpx_core::units::{HOUR, Time};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use zstd::bulk::{Compressor, decompress};

/// What a raw file begins with: its kind and its version.
const HEAD: &[u8; 8] = b"PERPXR1\n";
const MARK: [u8; 4] = [0xb1, 0x0c, 0x9e, 0x57];
/// Of a block, without its frames.
const BLOCK_HEAD: usize = 28;
/// A block that holds so much is full.
pub const FULL: usize = 256 << 10;
/// Nothing that we write is longer: a full block and one more text.
const MOST: usize = 16 << 20;
const LEVEL: i32 = 3;
/// How much is read at a time where a block is looked for.
const STRIDE: usize = 64 << 10;
/// Kinds by their number. Between them stands that of an answer, which is followed by its request.
const KINDS: [FrameKind; 8] = [
    FrameKind::Text,
    FrameKind::Connected,
    FrameKind::Disconnected,
    FrameKind::Gap,
    FrameKind::Overflow,
    FrameKind::ClockStep,
    FrameKind::Restarted,
    FrameKind::State,
];
const REST_REPLY: u8 = KINDS.len() as u8;
/// Those that came later.
const LATER: [FrameKind; 3] = [FrameKind::Beside, FrameKind::Clock, FrameKind::Rows];

/// The hour of a time, since 1970: a raw file has one.
pub fn hour(at: Time) -> i64 {
    at.steps(HOUR)
}

/// Where the frames of an hour lie.
pub fn raw_path(run: &Path, venue: Venue, hour: i64) -> PathBuf {
    let (year, month, day) = Time::at(hour * HOUR).civil();
    let name = format!("{year:04}{month:02}{day:02}T{:02}.pxr", hour.rem_euclid(24));
    run.join("raw").join(venue.name()).join(name)
}

/// The hours of which there are frames, in their order.
///
/// # Errors
/// A folder that cannot be read.
pub fn raw_hours(run: &Path, venue: Venue) -> io::Result<Vec<i64>> {
    let folder = run.join("raw").join(venue.name());
    let entries = match fs::read_dir(&folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        other => other?,
    };
    let mut hours = Vec::new();
    for entry in entries {
        hours.extend(hour_of(&entry?.file_name().to_string_lossy()));
    }
    hours.sort_unstable();
    Ok(hours)
}

fn hour_of(name: &str) -> Option<i64> {
    let name = name.strip_suffix(".pxr").filter(|name| name.len() == 11 && name.as_bytes()[8] == b'T')?;
    let number = |range: std::ops::Range<usize>| name.get(range)?.parse::<u32>().ok();
    let day = Time::from_civil(number(0..4)?.into(), number(4..6)?, number(6..8)?)?;
    let of_day = number(9..11).filter(|hour| *hour < 24)?;
    Some(hour(day) + i64::from(of_day))
}

/// Appends frames to the file of an hour.
pub struct RawWriter {
    file: File,
    /// Where the last whole block ends.
    end: u64,
    packer: Compressor<'static>,
    frames: Vec<u8>,
    /// Connection and number of the block's first frame.
    first: Option<(u32, u64)>,
}

impl RawWriter {
    /// Opens the file of an hour, or begins it. What a process that died left behind the last whole block is moved aside, into a
    /// file whose name ends on `.torn`.
    ///
    /// # Errors
    /// A disk that fails, a file that is none of ours.
    pub fn open(run: &Path, venue: Venue, hour: i64) -> io::Result<RawWriter> {
        let path = raw_path(run, venue, hour);
        fs::create_dir_all(path.parent().unwrap_or(run))?;
        let end = match path.exists() {
            true => cut_torn(&path, venue)?,
            false => 0,
        };
        let mut file = OpenOptions::new().create(true).append(true).open(&path)?;
        if end == 0 {
            file.write_all(HEAD)?;
            file.sync_all()?;
        }
        let (end, packer) = (end.max(HEAD.len() as u64), Compressor::new(LEVEL)?);
        Ok(RawWriter { file, end, packer, frames: Vec::with_capacity(FULL), first: None })
    }

    /// Takes a frame into the block that is being filled.
    pub fn push(&mut self, frame: &RawFrame) {
        self.first.get_or_insert((frame.conn, frame.seq));
        encode(frame, &mut self.frames);
    }

    /// The block should be written.
    pub fn is_full(&self) -> bool {
        self.frames.len() >= FULL
    }

    /// Nothing waits to be written.
    pub fn is_empty(&self) -> bool {
        self.first.is_none()
    }

    /// Writes the block; how many bytes it takes. A process that dies afterwards does not lose it.
    ///
    /// # Errors
    /// A disk that fails: the file then ends as before, and the frames of the block are lost.
    pub fn flush(&mut self) -> io::Result<u64> {
        let Some((conn, seq)) = self.first.take() else { return Ok(0) };
        let frames = std::mem::take(&mut self.frames);
        let packed = self.packer.compress(&frames)?;
        let mut block = Vec::with_capacity(BLOCK_HEAD + packed.len());
        block.extend_from_slice(&MARK);
        for length in [packed.len(), frames.len()] {
            block.extend_from_slice(&(length as u32).to_le_bytes());
        }
        block.extend_from_slice(&[0; 4]);
        block.extend_from_slice(&conn.to_le_bytes());
        block.extend_from_slice(&seq.to_le_bytes());
        block.extend_from_slice(&packed);
        let sum = checksum(&block);
        block[12..16].copy_from_slice(&sum.to_le_bytes());
        self.frames = frames;
        self.frames.clear();
        self.frames.shrink_to(2 * FULL);
        if let Err(error) = self.file.write_all(&block) {
            let _ = self.file.set_len(self.end);
            return Err(error);
        }
        self.end += block.len() as u64;
        Ok(block.len() as u64)
    }

    /// Brings what was written to the disk itself: a power cut does not lose it.
    ///
    /// # Errors
    /// A disk that fails.
    pub fn sync(&self) -> io::Result<()> {
        self.file.sync_data()
    }
}

/// Of a block: its lengths, then all behind the checksum.
fn checksum(block: &[u8]) -> u32 {
    let mut sum = crc32fast::Hasher::new();
    sum.update(&block[4..12]);
    sum.update(&block[16..]);
    sum.finalize()
}

/// Moves aside what lies behind the last whole block; where that ends, 0 for a file without a whole head.
fn cut_torn(path: &Path, venue: Venue) -> io::Result<u64> {
    let mut reader = RawReader::open(path, venue)?;
    while reader.next_block()?.is_some() {}
    let end = reader.whole;
    let file = OpenOptions::new().read(true).write(true).open(path)?;
    let length = file.metadata()?.len();
    if length > end {
        let mut torn = vec![0; (length - end) as usize];
        file.read_exact_at(&mut torn, end)?;
        fs::write(path.with_extension("pxr.torn"), torn)?;
        file.set_len(end)?;
        file.sync_all()?;
    }
    Ok(end)
}

/// Reads the whole blocks of a file, one at a time.
#[derive(Debug)]
pub struct RawReader {
    file: File,
    venue: Venue,
    length: u64,
    at: u64,
    /// Where the last whole block ended; 0 without a whole head.
    whole: u64,
    damaged: u64,
}

impl RawReader {
    /// Opens the file of a venue.
    ///
    /// # Errors
    /// No such file, or one that begins as no raw file of this version does.
    pub fn open(path: &Path, venue: Venue) -> io::Result<RawReader> {
        let file = File::open(path)?;
        let length = file.metadata()?.len();
        let mut head = vec![0; HEAD.len().min(length as usize)];
        file.read_exact_at(&mut head, 0)?;
        if !HEAD.starts_with(&head) {
            let why = format!("{}: no raw file of this version of perpx", path.display());
            return Err(io::Error::new(io::ErrorKind::InvalidData, why));
        }
        let whole = if head.len() == HEAD.len() { length.min(HEAD.len() as u64) } else { 0 };
        Ok(RawReader { file, venue, length, at: HEAD.len() as u64, whole, damaged: 0 })
    }

    /// Bytes so far that belong to no whole block. A process that died leaves some at the end.
    pub fn damaged(&self) -> u64 {
        self.damaged
    }

    /// The frames of the next whole block.
    ///
    /// # Errors
    /// A disk that fails.
    pub fn next_block(&mut self) -> io::Result<Option<Vec<RawFrame>>> {
        while self.at < self.length {
            if let Some((frames, length)) = self.block()? {
                self.at += length;
                self.whole = self.at;
                return Ok(Some(frames));
            }
            let next = self.next_mark(self.at + 1)?;
            self.damaged += next - self.at;
            self.at = next;
        }
        Ok(None)
    }

    /// The block that begins here, and its length.
    fn block(&self) -> io::Result<Option<(Vec<RawFrame>, u64)>> {
        let rest = self.length - self.at;
        if rest < BLOCK_HEAD as u64 {
            return Ok(None);
        }
        let mut head = [0; BLOCK_HEAD];
        self.file.read_exact_at(&mut head, self.at)?;
        let length_at = |at| u32::from_le_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]]) as usize;
        let (packed, unpacked) = (length_at(4), length_at(8));
        let length = BLOCK_HEAD as u64 + packed as u64;
        if head[..4] != MARK || packed > MOST || unpacked > MOST || length > rest {
            return Ok(None);
        }
        let mut block = head.to_vec();
        block.resize(length as usize, 0);
        self.file.read_exact_at(&mut block[BLOCK_HEAD..], self.at + BLOCK_HEAD as u64)?;
        if checksum(&block) as usize != length_at(12) {
            return Ok(None);
        }
        let Ok(frames) = decompress(&block[BLOCK_HEAD..], unpacked) else { return Ok(None) };
        Ok(decode(&frames, self.venue).map(|frames| (frames, length)))
    }

    /// The next place from `from` on at which a block may begin.
    fn next_mark(&self, from: u64) -> io::Result<u64> {
        let mut at = from;
        let mut bytes = vec![0; STRIDE];
        while at < self.length {
            let n = self.file.read_at(&mut bytes, at)?;
            if let Some(found) = bytes[..n].windows(MARK.len()).position(|four| four == MARK) {
                return Ok(at + found as u64);
            }
            // a mark may lie across two strides
            at += (n.max(MARK.len()) - MARK.len() + 1) as u64;
        }
        Ok(self.length)
    }
}

fn encode(frame: &RawFrame, out: &mut Vec<u8>) {
    match &frame.kind {
        FrameKind::RestReply { which } => {
            // a request is made of words: writing it does not fail
            let which = serde_json::to_vec(which).unwrap_or_default();
            out.push(REST_REPLY);
            out.extend_from_slice(&(which.len() as u32).to_le_bytes());
            out.extend_from_slice(&which);
        }
        kind => match LATER.iter().position(|known| known == kind) {
            Some(place) => out.push(REST_REPLY + 1 + place as u8),
            None => out.push(KINDS.iter().position(|known| known == kind).unwrap_or_default() as u8),
        },
    }
    out.extend_from_slice(&frame.conn.to_le_bytes());
    out.extend_from_slice(&frame.seq.to_le_bytes());
    for at in [frame.wall_ns, frame.mono_ns, frame.engine.0] {
        out.extend_from_slice(&at.to_le_bytes());
    }
    out.extend_from_slice(&(frame.text.len() as u32).to_le_bytes());
    out.extend_from_slice(&frame.text);
}

/// `None`: these bytes are no frames.
fn decode(mut bytes: &[u8], venue: Venue) -> Option<Vec<RawFrame>> {
    let mut frames = Vec::new();
    while !bytes.is_empty() {
        frames.push(frame(&mut bytes, venue)?);
    }
    Some(frames)
}

fn frame(bytes: &mut &[u8], venue: Venue) -> Option<RawFrame> {
    fn take<'b>(bytes: &mut &'b [u8], n: usize) -> Option<&'b [u8]> {
        let (taken, rest) = bytes.split_at_checked(n)?;
        *bytes = rest;
        Some(taken)
    }
    fn four(bytes: &mut &[u8]) -> Option<u32> {
        Some(u32::from_le_bytes(take(bytes, 4)?.try_into().ok()?))
    }
    fn eight(bytes: &mut &[u8]) -> Option<u64> {
        Some(u64::from_le_bytes(take(bytes, 8)?.try_into().ok()?))
    }
    let kind = match take(bytes, 1)?[0] {
        REST_REPLY => {
            let length = four(bytes)? as usize;
            let which: RestRequest = serde_json::from_slice(take(bytes, length)?).ok()?;
            FrameKind::RestReply { which }
        }
        number if number > REST_REPLY => LATER.get(usize::from(number - REST_REPLY - 1))?.clone(),
        number => KINDS.get(usize::from(number))?.clone(),
    };
    let (conn, seq) = (four(bytes)?, eight(bytes)?);
    let mut time = || Some(eight(bytes)? as i64);
    let (wall_ns, mono_ns, engine) = (time()?, time()?, Time(time()?));
    let length = four(bytes)? as usize;
    let text = take(bytes, length)?.to_vec();
    Some(RawFrame { venue, conn, seq, wall_ns, mono_ns, engine, kind, text })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn frames(count: u64) -> Vec<RawFrame> {
        let of = |seq: u64| {
            let kind = match seq % 12 {
                9 => FrameKind::Beside,
                10 => FrameKind::Clock,
                11 => FrameKind::Rows,
                8 => FrameKind::RestReply { which: RestRequest::Fundings { symbol: "BTC".to_owned() } },
                n => KINDS[n as usize].clone(),
            };
            let text = format!("{{\"text\":{seq}}}").repeat(1 + seq as usize % 5).into_bytes();
            let (at, venue, conn) = (1_000 * seq as i64, Venue::Grvt, 1 + seq as u32 / 7);
            RawFrame { venue, conn, seq, wall_ns: at, mono_ns: at - 5, engine: Time(at + 3), kind, text }
        };
        (0..count).map(of).collect()
    }

    /// A file of blocks of ten frames each, as bytes, with where the blocks end.
    fn written(run: &Path, frames: &[RawFrame]) -> (PathBuf, Vec<u64>) {
        let mut writer = RawWriter::open(run, Venue::Grvt, 0).expect("opens");
        let mut ends = vec![writer.end];
        for block in frames.chunks(10) {
            block.iter().for_each(|frame| writer.push(frame));
            writer.flush().expect("writes");
            ends.push(writer.end);
        }
        writer.sync().expect("syncs");
        (raw_path(run, Venue::Grvt, 0), ends)
    }

    fn read(path: &Path) -> (Vec<RawFrame>, u64) {
        let mut reader = RawReader::open(path, Venue::Grvt).expect("opens");
        let mut all = Vec::new();
        while let Some(frames) = reader.next_block().expect("reads") {
            all.extend(frames);
        }
        (all, reader.damaged())
    }

    #[test]
    fn what_was_written_is_read() {
        let dir = tempfile::tempdir().expect("a folder");
        let all = frames(95);
        let (path, _) = written(dir.path(), &all[..40]);
        assert!(path.ends_with("raw/grvt/19700101T00.pxr"), "{path:?}");
        // a second writer goes on where the first stopped
        written(dir.path(), &all[40..]);
        assert_eq!(read(&path), (all, 0));
        assert_eq!(raw_hours(dir.path(), Venue::Grvt).expect("reads"), [0]);
        assert_eq!(raw_hours(dir.path(), Venue::Lighter).expect("no folder"), [0i64; 0]);
        let name = raw_path(Path::new(""), Venue::Lighter, 497_000);
        assert_eq!(hour_of(&name.file_name().expect("a name").to_string_lossy()), Some(497_000));
        assert_eq!(["x.pxr", "20260101T24.pxr", "20261301T00.pxr", "20260101T01.pxr.torn"].map(hour_of), [None; 4]);
    }

    #[test]
    fn a_file_of_another_kind_is_refused_and_kept() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = raw_path(dir.path(), Venue::Grvt, 0);
        fs::create_dir_all(path.parent().expect("a folder")).expect("makes");
        fs::write(&path, "something else").expect("writes");
        let refused = RawWriter::open(dir.path(), Venue::Grvt, 0).map(|_| ()).expect_err("none of ours");
        assert!(refused.to_string().contains("no raw file"), "{refused}");
        assert_eq!(fs::read(&path).expect("reads"), b"something else");
    }

    proptest! {
        /// Cut anywhere: the whole blocks before the cut are read, the rest is moved aside and appending goes on.
        #[test]
        fn a_torn_file_gives_its_whole_blocks(count in 1u64..80, cut in 0.0..1.0f64) {
            let dir = tempfile::tempdir().expect("a folder");
            let all = frames(count);
            let (path, ends) = written(dir.path(), &all);
            let bytes = fs::read(&path).expect("reads");
            let cut = (bytes.len() as f64 * cut) as usize;
            fs::write(&path, &bytes[..cut]).expect("writes");
            let blocks = ends.iter().filter(|end| **end <= cut as u64).count().saturating_sub(1);
            let whole = &all[..(blocks * 10).min(all.len())];
            let (found, damaged) = read(&path);
            prop_assert_eq!(&found[..], whole);
            let begin = ends[blocks].min(cut as u64);
            prop_assert_eq!(damaged, (cut as u64).saturating_sub(begin.max(HEAD.len() as u64)));
            let more = frames(7);
            written(dir.path(), &more);
            let (found, damaged) = read(&path);
            prop_assert_eq!(found, [whole, &more[..]].concat());
            prop_assert_eq!(damaged, 0);
        }

        /// Any byte changed: never a panic, and all blocks are read but the one that it hit.
        #[test]
        fn a_damaged_block_costs_itself(count in 1u64..80, place in 0.0..1.0f64, flip in 1u8..=255) {
            let dir = tempfile::tempdir().expect("a folder");
            let all = frames(count);
            let (path, ends) = written(dir.path(), &all);
            let mut bytes = fs::read(&path).expect("reads");
            let place = (HEAD.len() + ((bytes.len() - HEAD.len()) as f64 * place) as usize).min(bytes.len() - 1);
            bytes[place] ^= flip;
            fs::write(&path, &bytes).expect("writes");
            let hit = ends.iter().filter(|end| **end <= place as u64).count() - 1;
            let whole = all.chunks(10).enumerate().filter(|(block, _)| *block != hit).flat_map(|(_, block)| block.to_vec());
            let (found, damaged) = read(&path);
            prop_assert_eq!(found, whole.collect::<Vec<_>>());
            prop_assert_eq!(damaged, ends[hit + 1] - ends[hit]);
        }

        /// Bytes that are no frames are none, and no reason to stop.
        #[test]
        fn any_bytes_can_be_read(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = decode(&bytes, Venue::Lighter);
            let dir = tempfile::tempdir().expect("a folder");
            let path = dir.path().join("a.pxr");
            fs::write(&path, [HEAD, MARK.as_slice(), &bytes].concat()).expect("writes");
            read(&path);
        }
    }
}
