//! How a venue knows our orders: by a number that no two orders of any processes have in common.

use perpx_core::market::OrderId;
use serde::{Deserialize, Serialize};

/// What tells the orders of one process from those of all others: part of the number that the venue knows each order by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunNumber {
    /// Drawn when the run was begun for the first time.
    pub tag: u16,
    /// How often it was begun, this time included: from 1.
    pub epoch: u16,
}

impl RunNumber {
    /// At Lighter a number has no room for more.
    pub const MOST_EPOCHS: u16 = 4_000;
    /// Nobody begins a copy of a run more often than this beyond what its own process knows of. Lighter's tag is short: numbers of others, as
    /// times in milliseconds, may begin with it.
    const AHEAD: u16 = 100;
    /// Nor for an order of ours above this.
    pub const LAST_AT_LIGHTER: OrderId = OrderId((1 << 28) - 1);

    /// A process of this run may have this number of starts behind it.
    fn may_be(self, epoch: u16) -> bool {
        (1..=RunNumber::MOST_EPOCHS.min(self.epoch.saturating_add(RunNumber::AHEAD))).contains(&epoch)
    }

    /// As Lighter knows an order, in 48 bits: 8 of the tag, 12 of the epoch, 28 of our own number.
    pub fn at_lighter(self, id: OrderId) -> i64 {
        i64::from(self.tag & 0xff) << 40
            | i64::from(self.epoch & 0xfff) << 28
            | i64::from(id.0 & RunNumber::LAST_AT_LIGHTER.0)
    }

    /// Which process of this run gave Lighter such a number, and to which order; `None` for one of somebody else.
    pub fn read_lighter(self, number: u64) -> Option<(RunNumber, OrderId)> {
        let epoch = (number >> 28) as u16 & 0xfff;
        (number >> 40 == u64::from(self.tag & 0xff) && self.may_be(epoch))
            .then_some((RunNumber { epoch, ..self }, OrderId(number as u32 & RunNumber::LAST_AT_LIGHTER.0)))
    }

    /// As GRVT knows an order: a bit that marks clients, 15 of the tag, 16 of the epoch, 32 of our own number.
    pub fn at_grvt(self, id: OrderId) -> u64 {
        1 << 63 | u64::from(self.tag & 0x7fff) << 48 | u64::from(self.epoch) << 32 | u64::from(id.0)
    }

    /// The same at GRVT.
    pub fn read_grvt(self, number: u64) -> Option<(RunNumber, OrderId)> {
        let epoch = (number >> 32) as u16;
        (number >> 48 == 1 << 15 | u64::from(self.tag & 0x7fff) && self.may_be(epoch))
            .then_some((RunNumber { epoch, ..self }, OrderId(number as u32)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    /// Whatever the run, its start and the order: another number, which both venues take.
    #[test]
    fn no_two_orders_of_any_runs_have_one_number() {
        let mut seen: [BTreeSet<u64>; 2] = Default::default();
        let (tags, epochs) = ([0u16, 1, 255], [1u16, 2, RunNumber::MOST_EPOCHS]);
        for (tag, epoch) in tags.into_iter().flat_map(|tag| epochs.map(|epoch| (tag, epoch))) {
            let number = RunNumber { tag, epoch };
            for id in [1u32, 2, (1 << 28) - 1].map(OrderId) {
                let lighter = number.at_lighter(id).unsigned_abs();
                assert!((1..1 << 48).contains(&lighter) && seen[0].insert(lighter), "{number:?}");
                let grvt = number.at_grvt(id);
                assert!(grvt >= 1 << 63 && seen[1].insert(grvt), "{number:?}");
                let reader = RunNumber { epoch: 3_950, ..number };
                assert_eq!(reader.read_lighter(lighter), Some((number, id)));
                assert_eq!(reader.read_grvt(grvt), Some((number, id)));
                let other = RunNumber { tag: tag + 1, ..number };
                assert_eq!((other.read_lighter(lighter), other.read_grvt(grvt)), (None, None));
            }
        }
        // a time in milliseconds, of a run that it seems to name; the largest number
        assert_eq!(RunNumber { tag: 1, epoch: 3 }.read_lighter(1_780_000_000_000), None);
        assert_eq!(RunNumber { tag: 255, epoch: 3_990 }.read_lighter((1 << 48) - 1), None);
        let number = RunNumber { tag: 7, epoch: 1 };
        assert_ne!(number.at_grvt(OrderId(5)), RunNumber { tag: 7 + 256, epoch: 1 }.at_grvt(OrderId(5)));
    }
}
