//! The running hash of a run: two runs that agree in it booked the same entries and made the same transitions, in the
//! same order, to the bit.

use crate::market::Event;
use crate::port::Transition;
use crate::units::Time;
use serde::{Deserialize, Serialize};

/// A chained 128-bit hash. It starts as 16 zero bytes; each link is
/// `first 16 bytes of blake3(hash, tag, record)`, where record is in postcard's encoding
/// - tag 0, a ledger entry: of the [`Event`] `at`, `venue_time`, `venue`, `body`, for fills, funding and liquidations;
/// - tag 1, a transition: its time, then the [`Transition`] (`from`, `to`, `reason`, `also`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct LedgerHash(pub [u8; 16]);

impl LedgerHash {
    /// Links a ledger entry.
    pub fn entry(&mut self, event: &Event) {
        self.link(0, &(event.at, event.venue_time, event.venue, &event.body));
    }

    /// Links a transition.
    pub fn transition(&mut self, at: Time, transition: &Transition) {
        self.link(1, &(at, transition));
    }

    /// Hashes the hash so far, the tag and the record.
    fn link<R: Serialize>(&mut self, tag: u8, record: &R) {
        let mut room = [0u8; 256];
        room[..16].copy_from_slice(&self.0);
        room[16] = tag;
        // the longest record, a fill, takes about 90 bytes
        let used = postcard::to_slice(record, &mut room[17..]).map_or(0, |bytes| bytes.len());
        debug_assert!(used > 0, "a record longer than its room");
        let hash = blake3::hash(&room[..17 + used]);
        self.0.copy_from_slice(&hash.as_bytes()[..16]);
    }
}

/// 32 hexadecimal digits.
impl std::fmt::Display for LedgerHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_field_and_the_order_count() {
        let transition = |to| Transition { from: 0, to, reason: 3, also: 0 };
        let hash = |links: &[(i64, u8)]| {
            let mut hash = LedgerHash::default();
            links.iter().for_each(|&(at, to)| hash.transition(Time(at), &transition(to)));
            hash
        };
        let base = hash(&[(1, 1), (2, 2)]);
        for other in [[(2, 2), (1, 1)], [(1, 1), (2, 3)], [(1, 1), (3, 2)]] {
            assert_ne!(hash(&other), base);
        }
        assert_eq!(hash(&[(1, 1), (2, 2)]).to_string(), base.to_string());
        assert_eq!(base.to_string().len(), 32);
    }
}
