//! A segment read whole: its records, and whether its end was torn when a process or the machine died.

use super::record::{Fault, HEAD_LEN, Head, RECORD_HEAD, Record};

/// What a segment holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Segment {
    /// Its head.
    pub head: Head,
    /// Its records, in order.
    pub records: Vec<Record>,
    /// Where the last whole record ends; what is behind it was cut short.
    pub end: usize,
}

/// Why a segment cannot be trusted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damage {
    /// The byte at which the record begins that is damaged.
    pub at: usize,
    /// What is wrong.
    pub what: String,
}

/// As far as a segment is whole, and what is wrong behind that. With `is_last` a record that was cut short at its end is no damage: a process
/// that dies leaves one behind.
///
/// # Errors
/// Bytes that do not begin as a segment does.
pub fn whole(bytes: &[u8], is_last: bool) -> Result<(Segment, Option<Damage>), Damage> {
    let damage = |at, what: &str| Damage { at, what: what.to_owned() };
    let head = match Head::read(bytes) {
        Ok(head) => head,
        Err(Fault::Short) => return Err(damage(0, "its head is cut short")),
        Err(Fault::Changed(what)) => return Err(damage(0, what)),
        Err(Fault::Newer(schema)) => {
            return Err(damage(0, &format!("it is of form {schema}, which only a newer program reads")));
        }
    };
    let (mut records, mut end, mut found) = (Vec::new(), HEAD_LEN, None);
    while end < bytes.len() {
        let rest = &bytes[end..];
        let (record, len) = match Record::read(rest) {
            Ok(read) => read,
            Err(Fault::Short) if is_last => break,
            Err(_) if is_last && is_unwritten(rest) => break,
            Err(fault) => {
                found = Some(match fault {
                    Fault::Short => damage(end, "it ends inside a record, and another segment follows"),
                    Fault::Changed(what) => damage(end, what),
                    Fault::Newer(_) => damage(end, "it is no record"),
                });
                break;
            }
        };
        let expected = head.first + records.len() as u64;
        if record.seq != expected {
            found = Some(damage(end, &format!("record {expected} is missing: {} follows", record.seq)));
            break;
        }
        records.push(record);
        end += len;
    }
    Ok((Segment { head, records, end }, found))
}

/// A machine that lost its power may have made the file longer and not have written what belongs there: from some byte on there are
/// zeros alone, to the end, and no whole record could begin behind them.
fn is_unwritten(rest: &[u8]) -> bool {
    let zeros = rest.iter().rev().take_while(|byte| **byte == 0).count();
    let written = rest.len() - zeros;
    match Record::length(rest) {
        // its head is whole: the record must be the last one, and part of its body missing
        Some(len) => {
            zeros > 0 && len >= rest.len() - zeros && rest[len.min(rest.len())..].iter().all(|byte| *byte == 0)
        }
        None => written < RECORD_HEAD && zeros > 0,
    }
}

#[cfg(test)]
mod tests {
    use super::super::record::{SCHEMA, tests::records};
    use super::*;
    use proptest::prelude::*;

    /// All of a segment, or what is damaged of it.
    fn all_of(bytes: &[u8], is_last: bool) -> Result<Segment, Damage> {
        match whole(bytes, is_last)? {
            (segment, None) => Ok(segment),
            (_, Some(damage)) => Err(damage),
        }
    }

    fn segment(records: &[Record]) -> Vec<u8> {
        let mut bytes = Head { schema: SCHEMA, run: [7; 16], first: 0, chain: [0; 24] }.bytes().to_vec();
        records.iter().for_each(|record| record.write(&mut bytes));
        bytes
    }

    proptest! {
        /// Cut anywhere, the last segment is what was whole of it; any other one is damaged.
        #[test]
        fn a_cut_costs_the_record_that_was_being_written(records in records(), part in 0.0f64..1.0) {
            let bytes = segment(&records);
            let cut = HEAD_LEN + ((bytes.len() - HEAD_LEN) as f64 * part) as usize;
            let read = all_of(&bytes[..cut], true).expect("a crash is no damage");
            prop_assert_eq!(&read.records[..], &records[..read.records.len()]);
            prop_assert!(read.end <= cut && segment(&read.records).len() == read.end);
            let next = records.get(read.records.len()).map_or(usize::MAX, |record| RECORD_HEAD + record.body.len());
            prop_assert!(read.end.saturating_add(next) > cut, "nothing whole is left out");
            prop_assert_eq!(all_of(&bytes[..cut], false).is_ok(), read.end == cut);
        }

        /// So it is when the rest of the file is there, and nothing was written to it.
        #[test]
        fn zeros_that_end_a_file_are_a_cut(records in records(), part in 0.0f64..1.0, more in 0usize..200) {
            let bytes = segment(&records);
            let cut = HEAD_LEN + ((bytes.len() - HEAD_LEN) as f64 * part) as usize;
            let mut torn = bytes[..cut].to_vec();
            torn.resize(bytes.len() + more, 0);
            let read = all_of(&torn, true).expect("a crash is no damage");
            prop_assert_eq!(&read.records[..], &records[..read.records.len()]);
            prop_assert!(read.end >= HEAD_LEN);
        }

        /// A byte that was changed before the last record is seen as what it is, and nothing is cut off for it.
        #[test]
        fn a_changed_byte_is_damage(records in records(), part in 0.0f64..1.0, flip in 1u8..) {
            prop_assume!(records.len() > 1);
            let mut bytes = segment(&records);
            let last = RECORD_HEAD + records[records.len() - 1].body.len();
            let at = ((bytes.len() - last) as f64 * part) as usize;
            bytes[at] ^= flip;
            let damage = all_of(&bytes, true).expect_err("it was changed");
            prop_assert!(damage.at <= at);
        }
    }

    #[test]
    fn a_hole_is_damage() {
        let record = |seq| Record {
            seq,
            stamp: super::super::record::Stamp { wall_ns: 1, mono_ns: 2, engine: perpx_core::units::Time(3) },
            kind: super::super::record::Kind::Gate,
            body: b"{}".to_vec(),
        };
        let bytes = segment(&[record(0), record(2)]);
        let damage = Damage { at: HEAD_LEN + 48, what: "record 1 is missing: 2 follows".to_owned() };
        assert_eq!(all_of(&bytes, true), Err(damage));
    }
}
