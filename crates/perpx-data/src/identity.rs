//! When a row is one that was there before: prints that a venue sends again, and settlements that two sources stamp.

use crate::store::{Fault, NumberedTrade};
use perpx_core::market::Side;
use perpx_core::tape::rows::FundingRow;
use perpx_core::units::{HOUR, MINUTE, Price, Qty, Time, TimeDelta};
use std::collections::{HashMap, VecDeque};

/// Prints of earlier days that are remembered.
const REMEMBERED: usize = 1_000_000;

pub(crate) use crate::store::SLOT;

/// Settlements may be stamped this much off their slot.
pub(crate) const SLACK: TimeDelta = MINUTE;

/// What is known of a print by its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Seen {
    New,
    /// It was there before, whole.
    Repeat,
    /// Its number was there before, with other content; at which place.
    Other(u64),
}

#[derive(Clone, Copy)]
struct Print {
    id: i64,
    day: i64,
    exch: Time,
    px: Price,
    qty: Qty,
    taker: Side,
    at: u64,
}

/// The prints of one series by their numbers: those of the day and the last million.
pub(crate) struct Prints {
    /// False where the venue's time is made up from the receipt, and so no part of a print.
    with_time: bool,
    known: VecDeque<Print>,
    /// Ordinal of the first of `known`.
    first: u64,
    /// Ordinals by number; made when a number comes that is no higher than all before it, which most venues never send.
    by_id: Option<HashMap<i64, u64>>,
    top: i64,
}

impl Prints {
    pub fn new(with_time: bool) -> Prints {
        Prints { with_time, known: VecDeque::new(), first: 0, by_id: None, top: i64::MIN }
    }

    /// Looks a print up and remembers it if it is new. `at`: its place, for messages.
    pub fn see(&mut self, print: &NumberedTrade, at: u64) -> Seen {
        let Some(id) = print.id else { return Seen::New };
        let row = &print.row;
        let day = row.recv.day();
        if id <= self.top
            && let Some(known) = self.find(id)
        {
            let same = (known.px, known.qty, known.taker) == (row.px, row.qty, row.taker);
            return if same && (!self.with_time || known.exch == row.exch) {
                Seen::Repeat
            } else {
                Seen::Other(known.at)
            };
        }
        self.top = self.top.max(id);
        while self.known.len() >= REMEMBERED && self.known.front().is_some_and(|print| print.day != day) {
            self.forget();
        }
        if let Some(by_id) = &mut self.by_id {
            by_id.insert(id, self.first + self.known.len() as u64);
        }
        self.known.push_back(Print { id, day, exch: row.exch, px: row.px, qty: row.qty, taker: row.taker, at });
        Seen::New
    }

    fn find(&mut self, id: i64) -> Option<Print> {
        let first = self.first;
        let ordinals = || self.known.iter().zip(first..).map(|(print, ordinal)| (print.id, ordinal)).collect();
        let ordinal = *self.by_id.get_or_insert_with(ordinals).get(&id)?;
        self.known.get(usize::try_from(ordinal - first).ok()?).copied()
    }

    fn forget(&mut self) {
        let Some(print) = self.known.pop_front() else { return };
        if let Some(by_id) = &mut self.by_id {
            by_id.remove(&print.id);
        }
        self.first += 1;
    }
}

/// Why a settled row cannot follow another of its calendar; both in time order.
pub(crate) fn settled_fault(before: &FundingRow, row: &FundingRow) -> Option<Fault> {
    let gap = row.ts.since(before.ts);
    if gap < SLOT {
        let wanted = format!("one settled row for each settlement; one stands at {}", before.ts);
        return Some(Fault::new("ts", row.ts, wanted).of("doubled settlement"));
    }
    let stated = i64::from(row.interval_hours) * HOUR;
    let gap = row.ts.plus(SLACK).since(before.ts);
    let hours = gap / HOUR;
    let wanted = || format!("no more than the {hours} h since the settlement before it, {}", before.ts);
    (gap < stated).then(|| {
        Fault::new("interval_hours", row.interval_hours, wanted()).of("interval contradicted by the settlements")
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use perpx_core::tape::rows::TradeRow;
    use perpx_core::units::{DAY, SECOND};

    fn print(id: i64, s: i64, px: i64) -> NumberedTrade {
        let t = Time(s * 1_000_000_000);
        let row = TradeRow { exch: t, recv: t, px: Price(px), qty: Qty(1), taker: Side::Buy, consumed_book: true };
        NumberedTrade { row, id: Some(id) }
    }

    #[test]
    fn a_print_repeats_when_all_of_it_does() {
        let mut prints = Prints::new(true);
        for id in 1..=5 {
            assert_eq!(prints.see(&print(id, id, 9), id as u64), Seen::New);
        }
        let late = NumberedTrade { row: TradeRow { recv: Time(99_000_000_000), ..print(3, 3, 9).row }, id: Some(3) };
        assert_eq!(prints.see(&late, 6), Seen::Repeat, "whenever it is received");
        assert_eq!(prints.see(&print(3, 3, 8), 7), Seen::Other(3));
        assert_eq!(prints.see(&print(3, 4, 9), 8), Seen::Other(3));
        assert_eq!(prints.see(&print(0, 0, 9), 9), Seen::New);
        assert_eq!(prints.see(&print(0, 0, 9), 10), Seen::Repeat);
        let unnumbered = NumberedTrade { id: None, ..late };
        assert_eq!((prints.see(&unnumbered, 11), prints.see(&unnumbered, 12)), (Seen::New, Seen::New));
        let mut received = Prints::new(false);
        assert_eq!((received.see(&print(3, 3, 9), 1), received.see(&print(3, 4, 9), 2)), (Seen::New, Seen::Repeat));
    }

    #[test]
    fn prints_of_the_day_or_the_last_million_are_remembered() {
        let mut prints = Prints::new(true);
        let million = REMEMBERED as i64;
        for id in 1..=million + 10 {
            assert_eq!(prints.see(&print(id, 0, 9), 0), Seen::New);
        }
        assert_eq!(prints.see(&print(1, 0, 9), 0), Seen::Repeat, "more than a million, but of this day");
        let tomorrow = DAY / SECOND;
        assert_eq!(prints.see(&print(million + 11, tomorrow, 9), 0), Seen::New);
        assert_eq!(prints.see(&print(1, 0, 9), 0), Seen::New, "forgotten");
        assert_eq!(prints.see(&print(million, 0, 9), 0), Seen::Repeat);
    }
}
