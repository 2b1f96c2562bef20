//! The running hash of a run: two runs that agree in it booked the same entries and made the same transitions, in the
//! same order, to the bit. What a stretch of a run adds to it is a value of its own, so that stretches are put together.

use crate::market::{Event, EventBody, OrderId};
use crate::port::Transition;
use crate::units::Time;
use serde::{Deserialize, Serialize};

/// Sums are taken modulo this prime.
const P: u128 = (1 << 127) - 1;
/// What the sums so far are multiplied by at each record: drawn once, the first 127 bits of blake3 of `perpx ledger 0` and `perpx ledger 1`.
const FACTORS: [u128; 2] = [0x1094_257b_6b87_e972_3886_6a74_ad87_4d49, 0x25df_2fbb_5a8f_69ee_a9cf_1fd0_0747_8efa];

/// A 128-bit hash of a whole ledger.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct LedgerHash(pub [u8; 16]);

/// 32 hexadecimal digits.
impl std::fmt::Display for LedgerHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// A stretch of a ledger, as two polynomials over its records modulo 2^127 - 1. A record is the halves, 127 bits each, of
/// `blake3(tag, record)`, where record is in postcard's encoding
/// - tag 0, a ledger entry: of the [`Event`] `at`, `venue_time`, `venue`, `body`, for fills, funding and liquidations; the number of its
///   order is counted from the first one after nothing was under way;
/// - tag 1, a transition: its time, then the [`Transition`] (`from`, `to`, `reason`, `also`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LedgerChain {
    /// Records.
    n: u64,
    sums: [u128; 2],
}

impl LedgerChain {
    /// Adds a ledger entry. `since`: the number before the first order after nothing was under way.
    pub fn entry(&mut self, event: &Event, since: OrderId) {
        let mut body = event.body;
        // what is closed at the end of the data has no order, and 0 for its number
        if let EventBody::Fill { id, .. } = &mut body
            && id.0 != 0
        {
            id.0 = id.0.wrapping_sub(since.0);
        }
        self.add(0, &(event.at, event.venue_time, event.venue, &body));
    }

    /// Adds a transition.
    pub fn transition(&mut self, at: Time, transition: &Transition) {
        self.add(1, &(at, transition));
    }

    fn add<R: Serialize>(&mut self, tag: u8, record: &R) {
        let mut room = [0u8; 256];
        room[0] = tag;
        // the longest record, a fill, takes about 90 bytes
        let used = postcard::to_slice(record, &mut room[1..]).map_or(0, |bytes| bytes.len());
        debug_assert!(used > 0, "a record longer than its room");
        let hash = blake3::hash(&room[..1 + used]);
        let (halves, _) = hash.as_bytes().as_chunks::<16>();
        for ((sum, factor), half) in self.sums.iter_mut().zip(FACTORS).zip(halves) {
            *sum = plus(times(*sum, factor), reduced(u128::from_le_bytes(*half) & P));
        }
        self.n += 1;
    }

    /// This stretch and the one that follows it.
    #[must_use]
    pub fn then(&self, next: &LedgerChain) -> LedgerChain {
        let mut sums = next.sums;
        for ((sum, factor), before) in sums.iter_mut().zip(FACTORS).zip(self.sums) {
            *sum = plus(times(before, power(factor, next.n)), *sum);
        }
        LedgerChain { n: self.n + next.n, sums }
    }

    /// Of all records so far: the first 16 bytes of blake3 of their number and both sums, in little endian.
    pub fn hash(&self) -> LedgerHash {
        let mut room = [0u8; 40];
        room[..8].copy_from_slice(&self.n.to_le_bytes());
        room[8..24].copy_from_slice(&self.sums[0].to_le_bytes());
        room[24..].copy_from_slice(&self.sums[1].to_le_bytes());
        let mut hash = LedgerHash::default();
        hash.0.copy_from_slice(&blake3::hash(&room).as_bytes()[..16]);
        hash
    }
}

/// `x` below 2^127, below the prime.
fn reduced(x: u128) -> u128 {
    if x >= P { x - P } else { x }
}

/// Of two below the prime.
fn plus(a: u128, b: u128) -> u128 {
    reduced(a + b)
}

/// Of two below the prime: 2^127 counts as 1.
fn times(a: u128, b: u128) -> u128 {
    let (low, high) = a.carrying_mul(b, 0);
    plus(reduced(low & P), reduced((high << 1) | (low >> 127)))
}

fn power(mut base: u128, mut exponent: u64) -> u128 {
    let mut result = 1;
    while exponent > 0 {
        if exponent & 1 == 1 {
            result = times(result, base);
        }
        base = times(base, base);
        exponent >>= 1;
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chain(links: &[(i64, u8)]) -> LedgerChain {
        let mut chain = LedgerChain::default();
        let transition = |to| Transition { from: 0, to, reason: 3, also: 0 };
        links.iter().for_each(|&(at, to)| chain.transition(Time(at), &transition(to)));
        chain
    }

    #[test]
    fn every_field_and_the_order_count() {
        let base = chain(&[(1, 1), (2, 2)]).hash();
        for other in [&[(2, 2), (1, 1)][..], &[(1, 1), (2, 3)], &[(1, 1), (3, 2)], &[(1, 1)], &[(1, 1), (2, 2), (2, 2)]]
        {
            assert_ne!(chain(other).hash(), base);
        }
        assert_eq!(chain(&[(1, 1), (2, 2)]).hash().to_string(), base.to_string());
        assert_eq!(base.to_string().len(), 32);
    }

    /// However a ledger is cut, its stretches put together are the whole.
    #[test]
    fn stretches_are_put_together() {
        let links: Vec<(i64, u8)> = (0..40).map(|n| (n * n, (n % 7) as u8)).collect();
        for (first, second) in [(0, 0), (0, 40), (1, 2), (13, 13), (17, 33), (40, 40)] {
            let parts = [&links[..first], &links[first..second], &links[second..]].map(chain);
            assert_eq!(parts[0].then(&parts[1].then(&parts[2])), chain(&links));
            assert_eq!(parts[0].then(&parts[1]).then(&parts[2]), chain(&links));
        }
    }

    /// (2^127 - 2)^2 = (-1)^2 = 1; 2^126 * 4 = 2^128 = 2.
    #[test]
    fn products_modulo_the_prime() {
        assert_eq!(times(P - 1, P - 1), 1);
        assert_eq!(times(1 << 126, 4), 2);
        assert_eq!(times(P - 1, 3), P - 3);
        assert_eq!(power(P - 1, 3), P - 1);
        for (n, factor) in FACTORS.into_iter().enumerate() {
            let hash = blake3::hash(format!("perpx ledger {n}").as_bytes());
            let first = u128::from_le_bytes(hash.as_bytes()[..16].try_into().expect("16 bytes"));
            assert_eq!(factor, first & P, "{:#034x}", first & P);
        }
    }

    /// Numbers of orders count from where nothing was under way, so that equal trades after unequal ones are equal.
    #[test]
    fn numbers_are_told_from_the_last_rest() {
        let event = |id| Event {
            at: Time(5),
            venue_time: Time(4),
            met: crate::units::Mid::ZERO,
            venue: crate::market::Role::Long,
            body: EventBody::Fill {
                id: OrderId(id),
                side: crate::market::Side::Buy,
                px: crate::units::Price(7),
                qty: crate::units::Qty(8),
                maker: false,
                fee: crate::units::Cash(9),
            },
        };
        let of = |id, since| {
            let mut chain = LedgerChain::default();
            chain.entry(&event(id), OrderId(since));
            chain
        };
        assert_eq!(of(12, 10), of(2, 0));
        assert_ne!(of(12, 10), of(12, 11));
        // one that came so late that it was given up
        assert_eq!(of(3, 5), of(8, 10));
    }
}
