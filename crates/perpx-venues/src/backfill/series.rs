//! Rows of all pages of an endpoint, in order and each once, and what is missing between them.

use super::endpoint::{Endpoint, PastRow, to_market};
use super::walk::Walked;
use crate::wall::MarketClock;
use perpx_core::units::{HOUR, MINUTE, Time, TimeDelta};
use serde_json::{Value, json};

/// Holes that are listed one by one.
const LISTED: usize = 20;
/// A settlement so late is still the one that was due.
const SLACK: TimeDelta = MINUTE;

/// The rows of an endpoint within a span, by the clock of the store.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Series {
    /// In order, each once.
    pub rows: Vec<PastRow>,
    /// Rows that were there twice.
    pub duplicates: u64,
    /// Where the venue says nothing, though rows are due.
    pub holes: Vec<(Time, Time)>,
    /// About the pages.
    walked: Walked,
}

impl Series {
    /// Of a walk. `span`, and all times of the rows: by `clock`, where a market is played.
    pub fn of(endpoint: Endpoint, mut walked: Walked, span: (Time, Time), clock: Option<&MarketClock>) -> Series {
        let rows = std::mem::take(&mut walked.rows);
        let mut rows: Vec<PastRow> =
            rows.into_iter().map(|row| clock.map_or(row, |clock| to_market(clock, row))).collect();
        rows.sort_by_key(PastRow::key);
        let before = rows.len();
        rows.dedup_by_key(|row| row.key());
        let duplicates = (before - rows.len()) as u64;
        let last = walked.asked.map_or(span.1, |(_, last)| clock.map_or(last, |clock| clock.market(last)));
        // a bar that was not over when it was asked for is none yet
        let is_over = |row: &PastRow| match row {
            PastRow::Bar(bar) => bar.close_ts <= span.1.min(last),
            _ => true,
        };
        rows.retain(|row| row.at() >= span.0 && row.at() < span.1 && is_over(row));
        let holes = holes(&rows, (span.0, span.1.min(last)), endpoint.least_step());
        Series { rows, duplicates, holes, walked }
    }

    /// Pages that were asked for now, and all.
    pub fn pages(&self) -> (u64, u64) {
        (self.walked.fresh, self.walked.pages)
    }

    /// As dataset.json has it.
    pub fn provenance(&self, endpoint: Endpoint) -> Value {
        let text = |at: Time| at.to_string();
        let holes = self.holes.iter().take(LISTED);
        let holes: Vec<Value> = holes.map(|(from, to)| json!({ "from": text(*from), "to": text(*to) })).collect();
        let ends = self.rows.first().zip(self.rows.last());
        json!({
            "endpoint": endpoint.name(),
            "pages": self.walked.pages,
            "asked": self.walked.asked.map(|(first, last)| [text(first), text(last)]),
            "rows": self.rows.len(),
            "first": ends.map(|(first, _)| text(first.at())),
            "last": ends.map(|(_, last)| text(last.at())),
            "duplicates": self.duplicates,
            "without_interval": self.walked.without_interval,
            "without_price": self.walked.without_price,
            "outside": self.walked.outside,
            "disordered": self.walked.disordered,
            "holes_in_all": self.holes.len(),
            "holes": holes,
        })
    }
}

/// Stretches in which rows are due and none is there. When a print is due nobody knows: of prints only their begin is judged, a venue
/// tells no older ones than it keeps.
fn holes(rows: &[PastRow], (from, to): (Time, Time), least_step: TimeDelta) -> Vec<(Time, Time)> {
    let (Some(first), Some(last)) = (rows.first(), rows.last()) else {
        return if to.since(from) > least_step { vec![(from, to)] } else { Vec::new() };
    };
    let mut holes = Vec::new();
    let mut note = |from: Time, to: Time, due: TimeDelta| {
        if to.since(from) > due {
            holes.push((from, to));
        }
    };
    match (first, last) {
        (PastRow::Trade(_), _) => note(from, first.at(), least_step),
        (PastRow::Bar(one), PastRow::Bar(other)) => {
            let step = one.close_ts.since(one.open_ts);
            note(from, one.open_ts, step);
            for pair in rows.windows(2) {
                if let [PastRow::Bar(one), PastRow::Bar(other)] = pair {
                    note(one.close_ts, other.open_ts, TimeDelta::ZERO);
                }
            }
            note(other.close_ts, to, step);
        }
        (PastRow::Funding(one), PastRow::Funding(other)) => {
            let step = |hours: u32| i64::from(hours) * HOUR + SLACK;
            note(from, one.ts, step(one.interval_hours));
            for pair in rows.windows(2) {
                if let [PastRow::Funding(one), PastRow::Funding(other)] = pair {
                    note(one.ts, other.ts, step(other.interval_hours));
                }
            }
            note(other.ts, to, step(other.interval_hours));
        }
        _ => {}
    }
    holes
}

#[cfg(test)]
mod tests {
    use super::*;
    use perpx_core::tape::rows::{FundingKind, FundingRow};
    use perpx_core::units::{DAY, Price, Qty, Rate};
    use perpx_data::store::{BarKind, BarRow};

    fn hour(hours: i64) -> Time {
        Time::at(1_000 * DAY + hours * HOUR)
    }

    fn settled(hours: i64) -> PastRow {
        let (ts, kind) = (hour(hours), FundingKind::Settled);
        PastRow::Funding(FundingRow { ts, recv: ts, rate: Rate(hours), interval_hours: 1, kind })
    }

    fn bar(minutes: i64) -> PastRow {
        let open_ts = hour(0).plus(minutes * MINUTE);
        let px = Price(5);
        let (close_ts, kind, volume) = (open_ts.plus(MINUTE), BarKind::Mark, Qty(0));
        PastRow::Bar(BarRow { open_ts, close_ts, kind, open: px, high: px, low: px, close: px, volume })
    }

    fn of(rows: Vec<PastRow>, span: (Time, Time)) -> Series {
        let walked = Walked { rows, asked: Some((hour(0), hour(50))), ..Walked::default() };
        Series::of(Endpoint::LighterFundings, walked, span, None)
    }

    #[test]
    fn rows_stand_in_order_and_what_is_missing_is_said() {
        let series = of([7, 3, 4, 4, 5, 2, 11].map(settled).to_vec(), (hour(2), hour(11)));
        let hours: Vec<i64> = series.rows.iter().map(|row| row.at().since(hour(0)) / HOUR).collect();
        assert_eq!((hours, series.duplicates), (vec![2, 3, 4, 5, 7], 1), "the end is outside");
        assert_eq!(series.holes, [(hour(5), hour(7)), (hour(7), hour(11))]);
        let early = of(vec![settled(5)], (hour(0), hour(6)));
        assert_eq!(early.holes, [(hour(0), hour(5))], "the venue's past begins later");
        assert_eq!(of(Vec::new(), (hour(0), hour(6))).holes, [(hour(0), hour(6))]);
        let none = Series::of(Endpoint::GrvtFunding, Walked::default(), (hour(0), hour(6)), None);
        assert_eq!(none.holes, [], "none was due");
    }

    #[test]
    fn bars_follow_each_other_and_one_that_goes_on_is_none() {
        let span = (hour(0), hour(0).plus(4 * MINUTE));
        assert_eq!(of([0, 1, 2, 3].map(bar).to_vec(), span).holes, []);
        let at = |minutes: i64| hour(0).plus(minutes * MINUTE);
        assert_eq!(of([0, 2, 3].map(bar).to_vec(), span).holes, [(at(1), at(2))]);
        let asked = Some((hour(0), at(3).plus(5 * perpx_core::units::SECOND)));
        let rows = [0, 1, 2, 3].map(bar).to_vec();
        let walked = Walked { rows, asked, ..Walked::default() };
        let growing = Series::of(Endpoint::LighterMarkCandles, walked, span, None);
        assert_eq!((growing.rows.len(), growing.holes.len()), (3, 0));
    }
}
