//! A record and a segment's head, as bytes. Numbers are little-endian.
//!
//! A record: `len u32 | head sum u32 | body sum u32 | seq u64 | wall i64 | mono i64 | engine i64 | kind u16`, then `len` bytes of
//! body. The sums are CRC-32: one of the length and all fields behind the sums, one of the body. The length has a sum
//! of its own so that a length that was changed on disk is not taken for a record that was cut short.

use perpx_core::units::Time;

/// Of a segment's head.
pub const HEAD_LEN: usize = 64;
/// Of a record, without its body.
pub const RECORD_HEAD: usize = 46;
/// A state of a machine is far shorter.
pub const MOST_BODY: usize = 16 << 20;
/// The form of heads and records, and of what bodies hold. A program refuses a journal of a higher one.
pub const SCHEMA: u32 = 1;
const MAGIC: &[u8; 8] = b"PERPXJ1\n";

/// What a segment begins with: `magic 8 | schema u32 | sum u32 | run 16 | first seq u64 | chain 24`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// The form of what follows.
    pub schema: u32,
    /// Drawn when the run's folder was made.
    pub run: [u8; 16],
    /// The number of its first record.
    pub first: u64,
    /// The first 24 bytes of BLAKE3 over the segment before; zeros in the first.
    pub chain: [u8; 24],
}

/// Why bytes are no head or no record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// They end too early; whatever is there may be right.
    Short,
    /// They are not what was written.
    Changed(&'static str),
    /// A program newer than this one wrote them.
    Newer(u32),
}

impl Head {
    /// As it is written.
    pub fn bytes(&self) -> [u8; HEAD_LEN] {
        let mut out = [0; HEAD_LEN];
        out[..8].copy_from_slice(MAGIC);
        out[8..12].copy_from_slice(&self.schema.to_le_bytes());
        out[16..32].copy_from_slice(&self.run);
        out[32..40].copy_from_slice(&self.first.to_le_bytes());
        out[40..].copy_from_slice(&self.chain);
        let sum = crc32fast::hash(&out);
        out[12..16].copy_from_slice(&sum.to_le_bytes());
        out
    }

    /// Reads what [`Head::bytes`] wrote.
    ///
    /// # Errors
    /// Bytes that are none.
    pub fn read(bytes: &[u8]) -> Result<Head, Fault> {
        let mut bytes: [u8; HEAD_LEN] =
            bytes.get(..HEAD_LEN).and_then(|head| head.try_into().ok()).ok_or(Fault::Short)?;
        if &bytes[..8] != MAGIC {
            return Err(Fault::Changed("it does not begin as a journal does"));
        }
        let sum = u32_at(&bytes, 12);
        bytes[12..16].fill(0);
        if crc32fast::hash(&bytes) != sum {
            return Err(Fault::Changed("the sum of its head is another"));
        }
        let schema = u32_at(&bytes, 8);
        if schema > SCHEMA {
            return Err(Fault::Newer(schema));
        }
        let (mut run, mut chain) = ([0; 16], [0; 24]);
        run.copy_from_slice(&bytes[16..32]);
        chain.copy_from_slice(&bytes[40..]);
        Ok(Head { schema, run, first: u64_at(&bytes, 32), chain })
    }
}

/// What a record tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u16)]
pub enum Kind {
    /// A process begins: who it is, and copies of what it goes by.
    Start = 1,
    /// Commands of one step, and the state after it.
    Batch = 2,
    /// A signed transaction or order, before it leaves.
    Sign = 3,
    /// What a venue answered, or that nobody knows.
    Answer = 4,
    /// What was booked.
    Event = 5,
    /// The state of the machine.
    State = 6,
    /// What was compared with a venue, and what came of it.
    Recon = 7,
    /// Streams and venues that come and go.
    Feed = 8,
    /// What the gate refused.
    Gate = 9,
    /// The machine's clock was set.
    ClockStep = 10,
    /// Limits that were read again.
    Reload = 11,
    /// Whether anything may be opened.
    MayOpen = 12,
    /// Timers that fell due while nobody was there.
    Resumed = 13,
    /// What an operator asked for.
    Operator = 14,
    /// The process ends by itself.
    Stop = 15,
}

impl Kind {
    /// All kinds, in the order of their numbers, from 1.
    pub const ALL: [Kind; 15] = [
        Kind::Start,
        Kind::Batch,
        Kind::Sign,
        Kind::Answer,
        Kind::Event,
        Kind::State,
        Kind::Recon,
        Kind::Feed,
        Kind::Gate,
        Kind::ClockStep,
        Kind::Reload,
        Kind::MayOpen,
        Kind::Resumed,
        Kind::Operator,
        Kind::Stop,
    ];

    /// As it is printed and asked for.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Start => "start",
            Kind::Batch => "batch",
            Kind::Sign => "sign",
            Kind::Answer => "answer",
            Kind::Event => "event",
            Kind::State => "state",
            Kind::Recon => "recon",
            Kind::Feed => "feed",
            Kind::Gate => "gate",
            Kind::ClockStep => "clock-step",
            Kind::Reload => "reload",
            Kind::MayOpen => "may-open",
            Kind::Resumed => "resumed",
            Kind::Operator => "operator",
            Kind::Stop => "stop",
        }
    }

    fn of(number: u16) -> Option<Kind> {
        Kind::ALL.get(usize::from(number).checked_sub(1)?).copied()
    }
}

/// When a record was made, by three clocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// `CLOCK_REALTIME`, in nanoseconds.
    pub wall_ns: i64,
    /// `CLOCK_BOOTTIME`, in nanoseconds.
    pub mono_ns: i64,
    /// The time that the trader goes by.
    pub engine: Time,
}

/// One record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Dense over all segments of a run.
    pub seq: u64,
    /// When it was made.
    pub stamp: Stamp,
    /// What it tells.
    pub kind: Kind,
    /// JSON; of a state postcard.
    pub body: Vec<u8>,
}

impl Record {
    /// Appends its bytes.
    pub fn write(&self, out: &mut Vec<u8>) {
        let begin = out.len();
        out.extend_from_slice(&(self.body.len() as u32).to_le_bytes());
        out.extend_from_slice(&[0; 4]);
        out.extend_from_slice(&crc32fast::hash(&self.body).to_le_bytes());
        out.extend_from_slice(&self.seq.to_le_bytes());
        for time in [self.stamp.wall_ns, self.stamp.mono_ns, self.stamp.engine.0] {
            out.extend_from_slice(&time.to_le_bytes());
        }
        out.extend_from_slice(&(self.kind as u16).to_le_bytes());
        let sum = head_sum(&out[begin..]);
        out[begin + 4..begin + 8].copy_from_slice(&sum.to_le_bytes());
        out.extend_from_slice(&self.body);
    }

    /// How long the first record of `bytes` is, if its head is whole.
    pub fn length(bytes: &[u8]) -> Option<usize> {
        let head = bytes.get(..RECORD_HEAD)?;
        (head_sum(head) == u32_at(head, 4)).then(|| RECORD_HEAD + u32_at(head, 0) as usize)
    }

    /// The first record of `bytes`, and how long it is.
    ///
    /// # Errors
    /// Bytes that do not begin with a whole record.
    pub fn read(bytes: &[u8]) -> Result<(Record, usize), Fault> {
        let head = bytes.get(..RECORD_HEAD).ok_or(Fault::Short)?;
        if head_sum(head) != u32_at(head, 4) {
            return Err(Fault::Changed("the sum of its head is another"));
        }
        let len = u32_at(head, 0) as usize;
        if len > MOST_BODY {
            return Err(Fault::Changed("it is longer than any record"));
        }
        let body = bytes.get(RECORD_HEAD..RECORD_HEAD + len).ok_or(Fault::Short)?;
        if crc32fast::hash(body) != u32_at(head, 8) {
            return Err(Fault::Changed("the sum of its body is another"));
        }
        let kind = Kind::of(u16::from_le_bytes([head[44], head[45]])).ok_or(Fault::Changed("its kind is unknown"))?;
        let [wall_ns, mono_ns, engine] = [20, 28, 36].map(|at| u64_at(head, at).cast_signed());
        let stamp = Stamp { wall_ns, mono_ns, engine: Time(engine) };
        Ok((Record { seq: u64_at(head, 12), stamp, kind, body: body.to_vec() }, RECORD_HEAD + len))
    }
}

/// Of the length and of all fields behind both sums, and the body's sum with them.
fn head_sum(head: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&head[..4]);
    hasher.update(&head[8..RECORD_HEAD]);
    hasher.finalize()
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    bytes[at..at + 4].iter().rev().fold(0, |number, byte| number << 8 | u32::from(*byte))
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    bytes[at..at + 8].iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte))
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use proptest::prelude::*;

    pub fn records() -> impl Strategy<Value = Vec<Record>> {
        let one = (0usize..15, proptest::collection::vec(any::<u8>(), 0..60), any::<[i64; 3]>());
        proptest::collection::vec(one, 1..12).prop_map(|all| {
            let record = |(seq, (kind, body, [wall_ns, mono_ns, engine])): (u64, (usize, Vec<u8>, [i64; 3]))| Record {
                seq,
                stamp: Stamp { wall_ns, mono_ns, engine: Time(engine) },
                kind: Kind::ALL[kind],
                body,
            };
            (0..).zip(all).map(record).collect()
        })
    }

    #[test]
    fn kinds_have_their_numbers_and_names() {
        for (number, kind) in (1..).zip(Kind::ALL) {
            assert_eq!((kind as u16, Kind::of(number)), (number, Some(kind)));
        }
        assert_eq!((Kind::of(0), Kind::of(16)), (None, None));
    }

    proptest! {
        #[test]
        fn a_record_is_read_as_it_was_written(records in records()) {
            let mut bytes = Vec::new();
            records.iter().for_each(|record| record.write(&mut bytes));
            let mut at = 0;
            for record in &records {
                let (read, len) = Record::read(&bytes[at..]).expect("a record");
                prop_assert_eq!(&read, record);
                at += len;
            }
            prop_assert_eq!(Record::read(&bytes[at..]), Err(Fault::Short));
        }

        /// Every byte counts: whichever is changed, and however, it is seen; cut anywhere it is short, and never another record.
        #[test]
        fn a_change_of_any_byte_is_seen(records in records(), flip in 1u8..) {
            let mut bytes = Vec::new();
            records[0].write(&mut bytes);
            for at in 0..bytes.len() {
                prop_assert_eq!(Record::read(&bytes[..at]), Err(Fault::Short));
                bytes[at] ^= flip;
                let read = Record::read(&bytes);
                prop_assert!(matches!(read, Err(Fault::Changed(_))), "byte {at}: {read:?}");
                bytes[at] ^= flip;
            }
        }

        #[test]
        fn so_is_one_of_a_head(run in any::<[u8; 16]>(), first in any::<u64>(), chain in any::<[u8; 24]>(), flip in 1u8..) {
            let head = Head { schema: SCHEMA, run, first, chain };
            let mut bytes = head.bytes();
            prop_assert_eq!(Head::read(&bytes), Ok(head));
            for at in 0..HEAD_LEN {
                prop_assert_eq!(Head::read(&bytes[..at]), Err(Fault::Short));
                bytes[at] ^= flip;
                prop_assert!(matches!(Head::read(&bytes), Err(Fault::Changed(_))), "byte {at}");
                bytes[at] ^= flip;
            }
        }
    }
}
