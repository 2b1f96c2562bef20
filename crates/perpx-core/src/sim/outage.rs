//! Times at which a venue is out.
//!
//! - *orders*: no request reaches the venue (it vanishes without an answer, as a timeout that did not reach), what rests
//!   stays and may fill, and what it causes is lost: a query reports it. What no order caused is reported when the outage ends;
//! - *refuse*: orders are refused with a reason (`Reject::Unavailable`), everything else lives;
//! - *halt*: the sequencer stands still. What arrives waits and is carried out when it ends, in the order of sending; rows
//!   of that time move no queue, fill nothing and liquidate nothing (on a recorded tape others did trade: what they did is
//!   in the book that the backlog meets); settlements take place.
//!
//! What is lost or repeated on the feed is taken by whoever builds the feed; all come from here, so that `both` is one
//! draw.

use super::chance::{Dice, Key, Kind};
use crate::config::{Outage, OutageWhat, OutageWhen};
use crate::units::{DAY, NS, Time, TimeDelta};

/// No drawn outage lasts longer; so one day before a range is enough to know what reaches into it.
const LONGEST: TimeDelta = DAY;

/// Disjoint, rising `[from, to)`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Spans(Vec<(Time, Time)>);

impl Spans {
    /// The end of the span in which `t` lies.
    #[inline]
    pub fn end_at(&self, t: Time) -> Option<Time> {
        if self.0.is_empty() {
            return None;
        }
        let next = self.0.partition_point(|span| span.0 <= t);
        let (_, end) = *self.0.get(next.checked_sub(1)?)?;
        (t < end).then_some(end)
    }

    /// `t` lies in one of the spans.
    #[inline]
    pub fn holds(&self, t: Time) -> bool {
        self.end_at(t).is_some()
    }

    /// From and to (exclusive), rising.
    pub fn list(&self) -> &[(Time, Time)] {
        &self.0
    }
}

/// When a venue does not serve orders as usual, under one seed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OutageTable {
    /// Requests find nobody.
    pub deaf: Spans,
    /// Orders are refused.
    pub refusing: Spans,
    /// Nothing is matched.
    pub halted: Spans,
}

impl OutageTable {
    /// All that touch `[from, to)`.
    pub fn orders(outages: &[Outage], venue: &str, seed: u64, from: Time, to: Time) -> OutageTable {
        let of = |hit: fn(OutageWhat) -> bool| spans(outages, venue, seed, (from, to), hit);
        OutageTable {
            deaf: of(|what| matches!(what, OutageWhat::Both | OutageWhat::Orders)),
            refusing: of(|what| what == OutageWhat::Refuse),
            halted: of(|what| what == OutageWhat::Halt),
        }
    }

    /// Nothing is received.
    pub fn feed(outages: &[Outage], venue: &str, seed: u64, from: Time, to: Time) -> Spans {
        spans(outages, venue, seed, (from, to), OutageWhat::loses_rows)
    }

    /// What is received repeats what was received before.
    pub fn stale(outages: &[Outage], venue: &str, seed: u64, from: Time, to: Time) -> Spans {
        spans(outages, venue, seed, (from, to), |what| what == OutageWhat::Stale)
    }

    /// When the venue can answer what happened at `t`.
    #[inline]
    pub fn answers_at(&self, t: Time) -> Time {
        let heard = self.halted.end_at(t).unwrap_or(t);
        self.deaf.end_at(heard).unwrap_or(heard)
    }
}

/// The outages that `hit` and touch `[from, to)`. Drawn ones are keyed by seed, venue and day (and by their place in the
/// list): the number a day is Poisson, starts are uniform in the day, lengths exponential, cut at a day.
fn spans(outages: &[Outage], venue: &str, seed: u64, range: (Time, Time), hit: impl Fn(OutageWhat) -> bool) -> Spans {
    let dice = Dice::new(seed, venue);
    let (from, to) = range;
    let mut spans = Vec::new();
    for (place, outage) in outages.iter().enumerate().filter(|(_, outage)| hit(outage.what)) {
        match outage.when {
            OutageWhen::Fixed { from, to } => spans.push((from, to)),
            OutageWhen::Drawn { per_day, mean } => {
                for day in from.day() - 1..=to.day() {
                    draw_day(dice, day, place as u32, per_day, mean, &mut spans);
                }
            }
        }
    }
    spans.retain(|span| span.0 < span.1 && span.0 < to && span.1 > from);
    spans.sort_unstable();
    Spans(merged(spans))
}

/// The outages that begin on a day: a Poisson number of them, evenly over the day, of exponential lengths.
fn draw_day(dice: Dice, day: i64, place: u32, per_day: f64, mean: TimeDelta, spans: &mut Vec<(Time, Time)>) {
    let midnight = Time::of_day(day);
    let key = Key { at: midnight, ordinal: place };
    for number in 0..poisson(per_day, dice.unit(Kind::OutageCount, key, 0)) {
        let start = midnight.plus(TimeDelta((dice.unit(Kind::OutageStart, key, number) * DAY.0 as f64) as i64));
        let length = -libm::log(1.0 - dice.unit(Kind::OutageLength, key, number)) * mean.0 as f64;
        spans.push((start, start.plus(TimeDelta(length as i64).clamp(NS, LONGEST))));
    }
}

/// The count at quantile `u` of the Poisson distribution; at most 1,000.
fn poisson(mean: f64, u: f64) -> u32 {
    let mut term = libm::exp(-mean);
    let (mut below, mut count) = (term, 0u32);
    while u >= below && count < 1_000 {
        count += 1;
        term *= mean / f64::from(count);
        below += term;
    }
    count
}

/// Rising spans with overlaps joined.
fn merged(spans: Vec<(Time, Time)>) -> Vec<(Time, Time)> {
    let mut out: Vec<(Time, Time)> = Vec::with_capacity(spans.len());
    for (from, to) in spans {
        match out.last_mut() {
            Some(last) if from <= last.1 => last.1 = last.1.max(to),
            _ => out.push((from, to)),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::SECOND;

    fn drawn(per_day: f64) -> Outage {
        Outage { when: OutageWhen::Drawn { per_day, mean: 60 * SECOND }, what: OutageWhat::Both }
    }

    #[test]
    fn spans_are_looked_up_and_joined() {
        let fixed = |from, to, what| Outage { when: OutageWhen::Fixed { from: Time(from), to: Time(to) }, what };
        let list = [
            fixed(50, 60, OutageWhat::Orders),
            fixed(10, 20, OutageWhat::Both),
            fixed(15, 30, OutageWhat::Orders),
            fixed(70, 80, OutageWhat::Feed),
            fixed(82, 84, OutageWhat::Refuse),
            fixed(86, 90, OutageWhat::Halt),
            fixed(90, 92, OutageWhat::Orders),
            fixed(94, 95, OutageWhat::Stale),
        ];
        let table = OutageTable::orders(&list, "grvt", 1, Time(0), Time(100));
        assert_eq!(table.deaf.list(), [(Time(10), Time(30)), (Time(50), Time(60)), (Time(90), Time(92))]);
        let end = |t| table.deaf.end_at(Time(t)).map(|end| end.0);
        assert_eq!((end(9), end(10), end(29), end(30), end(55)), (None, Some(30), Some(30), None, Some(60)));
        let feed = OutageTable::feed(&list, "grvt", 1, Time(0), Time(100));
        assert_eq!(feed.list(), [(Time(10), Time(20)), (Time(70), Time(80)), (Time(86), Time(90))]);
        assert_eq!(OutageTable::stale(&list, "grvt", 1, Time(0), Time(100)).list(), [(Time(94), Time(95))]);
        assert!(table.refusing.holds(Time(82)) && !table.refusing.holds(Time(84)));
        // what a halt ends in holds too
        assert_eq!((table.answers_at(Time(87)), table.answers_at(Time(85))), (Time(92), Time(85)));
    }

    #[test]
    fn drawn_outages_do_not_depend_on_the_range_and_more_contain_fewer() {
        let (day, to) = (Time::of_day(20_000), Time::of_day(20_100));
        let whole = OutageTable::orders(&[drawn(3.0)], "grvt", 5, day, to);
        let later = OutageTable::orders(&[drawn(3.0)], "grvt", 5, Time::of_day(20_050), to);
        let (later, spans) = (later.deaf.list(), whole.deaf.list());
        assert!(later.iter().all(|span| spans.contains(span)));
        assert!((spans.len() as f64 - 300.0).abs() < 61.0, "{}", spans.len());
        let fewer = OutageTable::orders(&[drawn(1.0)], "grvt", 5, day, to);
        assert!(fewer.deaf.list().iter().all(|span| whole.deaf.holds(span.0)));
        assert_ne!(whole, OutageTable::orders(&[drawn(3.0)], "lighter", 5, day, to));
    }
}
