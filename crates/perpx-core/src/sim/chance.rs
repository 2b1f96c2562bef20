//! Chance: every draw is a function of what it is drawn for, never of what was drawn before it.
//!
//! `draw = hash64(seed, venue, kind, decision time, ordinal, answer number)`. The hash absorbs 64-bit words one after the
//! other, `h = mix((h ^ word) + 0x9E3779B97F4A7C15)`, beginning with `h = 0`; `mix` is the finaliser of splitmix64
//! (G. Steele, D. Lea, C. Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014, with D. Stafford's
//! variant 13 of the constants). Words: seed; length of the venue's name in bytes; the name in little-endian chunks of
//! eight, the last padded with zeros; kind; time in ns; `ordinal << 32 | number`. Test vectors stand below: whoever
//! changes one of them changes every published result.
//!
//! A probability p happens when u < p, u being the top 53 bits of the draw over 2^53: a higher rate contains a lower one.

use crate::units::Time;
use serde::{Deserialize, Serialize};

/// What is drawn. The numbers are part of the hash and never change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// How long a request takes to its venue.
    OrderLatency = 0,
    /// How long an answer takes to us.
    ResponseLatency = 1,
    /// Whether an order is refused.
    Reject = 2,
    /// Whether a request is never answered.
    Timeout = 3,
    /// Whether a request that is never answered did reach the venue.
    TimeoutReached = 4,
    /// Whether a cancel fails.
    CancelFail = 5,
    /// Response latency of what no order caused (funding, liquidation): keyed by venue time.
    Unasked = 6,
    /// How many outages a day has.
    OutageCount = 7,
    /// When in the day one begins.
    OutageStart = 8,
    /// How long it lasts.
    OutageLength = 9,
}

/// A request among all requests of a run: decision time and place among those sent to its venue at that time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Key {
    /// When it was decided, on the decision clock.
    pub at: Time,
    /// From 0, among those of this time and venue.
    pub ordinal: u32,
}

/// The draws of one venue under one seed.
#[derive(Clone, Copy, Debug)]
pub struct Dice(u64);

impl Dice {
    /// `venue` is the store's name: a venue keeps its luck whichever leg lives on it.
    pub fn new(seed: u64, venue: &str) -> Dice {
        let mut state = absorb(0, seed);
        state = absorb(state, venue.len() as u64);
        for chunk in venue.as_bytes().chunks(8) {
            let mut word = [0u8; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            state = absorb(state, u64::from_le_bytes(word));
        }
        Dice(state)
    }

    /// 64 bits; `number` tells several draws for one request apart.
    pub fn bits(self, kind: Kind, key: Key, number: u32) -> u64 {
        let state = absorb(absorb(self.0, kind as u64), key.at.0 as u64);
        absorb(state, u64::from(key.ordinal) << 32 | u64::from(number))
    }

    /// Uniform in [0, 1): the top 53 bits.
    pub fn unit(self, kind: Kind, key: Key, number: u32) -> f64 {
        unit53(self.bits(kind, key, number))
    }

    /// Uniform in (0, 1): the middles of 2^52 steps, by the top 52 bits. For inverse distributions without a value at 0.
    pub fn open_unit(self, kind: Kind, key: Key, number: u32) -> f64 {
        ((self.bits(kind, key, number) >> 12) as f64 + 0.5) * (1.0 / 4_503_599_627_370_496.0)
    }

    /// An event of probability `p`.
    pub fn happens(self, p: f64, kind: Kind, key: Key) -> bool {
        p > 0.0 && self.unit(kind, key, 0) < p
    }
}

/// The hash of these words: for draws of other things than requests.
pub fn hash64(words: &[u64]) -> u64 {
    words.iter().fold(0, |state, word| absorb(state, *word))
}

/// Uniform in [0, 1): the top 53 bits of a draw.
pub fn unit53(bits: u64) -> f64 {
    (bits >> 11) as f64 * (1.0 / 9_007_199_254_740_992.0)
}

/// One word more.
fn absorb(state: u64, word: u64) -> u64 {
    mix((state ^ word).wrapping_add(0x9E37_79B9_7F4A_7C15))
}

/// Spreads every bit over the word (the finaliser of splitmix64).
fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Computed by a program of a dozen lines in another language from the description above.
    #[test]
    fn vectors() {
        let bits = |seed, venue, kind, at, ordinal, number| {
            Dice::new(seed, venue).bits(kind, Key { at: Time(at), ordinal }, number)
        };
        let day = 1_767_571_200_000_000_000;
        assert_eq!(bits(0, "lighter", Kind::OrderLatency, 0, 0, 0), 0xfadd_c88c_43a0_5c1e);
        assert_eq!(bits(1, "grvt", Kind::ResponseLatency, day, 0, 0), 0x746e_8649_ff53_086b);
        assert_eq!(bits(1, "grvt", Kind::ResponseLatency, day, 1, 0), 0x5512_e884_d5c8_b7d7);
        assert_eq!(bits(1, "grvt", Kind::ResponseLatency, day, 0, 1), 0xb614_7336_606d_c0b1);
        assert_eq!(bits(u64::MAX, "hyperliquid", Kind::Timeout, -1, 7, 9), 0x5292_3783_a0bf_a223);
        let name = u64::from_le_bytes(*b"lighter\0");
        assert_eq!(hash64(&[0, 7, name, Kind::OrderLatency as u64, 0, 0]), 0xfadd_c88c_43a0_5c1e);
    }

    #[test]
    fn a_higher_rate_contains_a_lower_one_and_the_share_is_right() {
        let dice = Dice::new(7, "grvt");
        let hits = |p: f64| -> Vec<i64> {
            let key = |at| Key { at: Time(at), ordinal: 0 };
            (0..20_000).filter(|&at| dice.happens(p, Kind::Reject, key(at))).collect()
        };
        let (few, many) = (hits(0.1), hits(0.3));
        assert!(few.iter().all(|at| many.contains(at)));
        // 3.5 standard errors: sqrt(p (1 - p) n) is 42 and 65
        assert!((few.len() as f64 - 2_000.0).abs() < 150.0, "{}", few.len());
        assert!((many.len() as f64 - 6_000.0).abs() < 228.0, "{}", many.len());
        assert!(hits(0.0).is_empty() && hits(1.0).len() == 20_000);
    }
}
