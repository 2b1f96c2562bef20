//! Times at which a venue is out.
//!
//! In an outage of orders no request reaches the venue (it vanishes without an answer, as a timeout that did not
//! reach), what rests stays and may fill, and what the venue has to tell waits until the outage ends. Feed outages are
//! taken by whoever builds the feed; both come from here, so that `both` is one draw.

use super::chance::{Dice, Key, Kind};
use crate::config::{Outage, OutageWhat, OutageWhen};
use crate::units::{DAY_NS, Time};

/// No drawn outage lasts longer; so one day before a range is enough to know what reaches into it.
const LONGEST_NS: i64 = DAY_NS;

/// Outages of one channel of one venue under one seed: disjoint, rising `[from, to)`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OutageTable {
    spans: Vec<(Time, Time)>,
}

impl OutageTable {
    /// Outages in which requests find nobody.
    pub fn orders(outages: &[Outage], venue: &str, seed: u64, from: Time, to: Time) -> OutageTable {
        OutageTable::build(outages, venue, seed, from, to, OutageWhat::Orders)
    }

    /// Outages in which nothing is received.
    pub fn feed(outages: &[Outage], venue: &str, seed: u64, from: Time, to: Time) -> OutageTable {
        OutageTable::build(outages, venue, seed, from, to, OutageWhat::Feed)
    }

    /// All outages that touch `[from, to)` and hit `channel`. Drawn ones are keyed by seed, venue and day (and by their
    /// place in the list): the number a day is Poisson, starts are uniform in the day, lengths exponential, cut at a day.
    fn build(outages: &[Outage], venue: &str, seed: u64, from: Time, to: Time, channel: OutageWhat) -> OutageTable {
        let dice = Dice::new(seed, venue);
        let mut spans = Vec::new();
        for (place, outage) in outages.iter().enumerate() {
            if outage.what != OutageWhat::Both && outage.what != channel {
                continue;
            }
            match outage.when {
                OutageWhen::Fixed { from, to } => spans.push((from, to)),
                OutageWhen::Drawn { per_day, mean_ns } => {
                    for day in from.day() - 1..=to.day() {
                        draw_day(dice, day, place as u32, per_day, mean_ns, &mut spans);
                    }
                }
            }
        }
        spans.retain(|span| span.0 < span.1 && span.0 < to && span.1 > from);
        spans.sort_unstable();
        OutageTable { spans: merged(spans) }
    }

    /// The end of the outage in which `t` lies.
    pub fn end_at(&self, t: Time) -> Option<Time> {
        let next = self.spans.partition_point(|span| span.0 <= t);
        let (_, end) = *self.spans.get(next.checked_sub(1)?)?;
        (t < end).then_some(end)
    }

    pub fn spans(&self) -> &[(Time, Time)] {
        &self.spans
    }
}

fn draw_day(dice: Dice, day: i64, place: u32, per_day: f64, mean_ns: i64, spans: &mut Vec<(Time, Time)>) {
    let midnight = Time::of_day(day);
    let key = Key { at: midnight, ordinal: place };
    for number in 0..poisson(per_day, dice.unit(Kind::OutageCount, key, 0)) {
        let start = midnight.plus((dice.unit(Kind::OutageStart, key, number) * DAY_NS as f64) as i64);
        let length = -libm::log(1.0 - dice.unit(Kind::OutageLength, key, number)) * mean_ns as f64;
        spans.push((start, start.plus((length as i64).clamp(1, LONGEST_NS))));
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
    use crate::units::SECOND_NS;

    fn drawn(per_day: f64) -> Outage {
        Outage { when: OutageWhen::Drawn { per_day, mean_ns: 60 * SECOND_NS }, what: OutageWhat::Both }
    }

    #[test]
    fn spans_are_looked_up_and_joined() {
        let fixed = |from, to, what| Outage { when: OutageWhen::Fixed { from: Time(from), to: Time(to) }, what };
        let list = [
            fixed(50, 60, OutageWhat::Orders),
            fixed(10, 20, OutageWhat::Both),
            fixed(15, 30, OutageWhat::Orders),
            fixed(70, 80, OutageWhat::Feed),
        ];
        let table = OutageTable::orders(&list, "grvt", 1, Time(0), Time(100));
        assert_eq!(table.spans(), [(Time(10), Time(30)), (Time(50), Time(60))]);
        let end = |t| table.end_at(Time(t)).map(|end| end.0);
        assert_eq!((end(9), end(10), end(29), end(30), end(55)), (None, Some(30), Some(30), None, Some(60)));
        let feed = OutageTable::feed(&list, "grvt", 1, Time(0), Time(100));
        assert_eq!(feed.spans(), [(Time(10), Time(20)), (Time(70), Time(80))]);
    }

    #[test]
    fn drawn_outages_do_not_depend_on_the_range_and_more_contain_fewer() {
        let (day, to) = (Time::of_day(20_000), Time::of_day(20_100));
        let whole = OutageTable::orders(&[drawn(3.0)], "grvt", 5, day, to);
        let later = OutageTable::orders(&[drawn(3.0)], "grvt", 5, Time::of_day(20_050), to);
        assert!(later.spans().iter().all(|span| whole.spans().contains(span)));
        assert!((whole.spans().len() as f64 - 300.0).abs() < 61.0, "{}", whole.spans().len());
        let fewer = OutageTable::orders(&[drawn(1.0)], "grvt", 5, day, to);
        assert!(fewer.spans().iter().all(|span| whole.end_at(span.0).is_some()));
        assert_ne!(whole, OutageTable::orders(&[drawn(3.0)], "lighter", 5, day, to));
    }
}
