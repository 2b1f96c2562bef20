//! The market that an emulated venue lives in: one venue's rows, a stretch at a time, of a synthetic market or of a tape.
//!
//! A thread makes the next stretch while the present one is played, and waits with it until it is asked for: nobody waits for
//! rows, and no more than two stretches are in memory.

use super::EmulateError;
use super::history::Series;
use perpx_core::market::Side;
use perpx_core::sim::book::BookView;
use perpx_core::synth::{Market, SynthSpec};
use perpx_core::tape::align::{VenueCarry, venue_timelines};
use perpx_core::tape::rows::VenueTables;
use perpx_core::tape::{Carry, Settlement, VenueRows, last_at};
use perpx_core::units::{DAY, MINUTE, NS, Price, Qty, Time, TimeDelta};
use perpx_data::TapeError;
use perpx_data::loader::{Tape, TapeSpec};
use std::sync::mpsc::{Receiver, sync_channel};

/// Days of a market before the emulator says that its market has ended.
const DAYS: u32 = 36_000;
/// Length of a stretch of a synthetic market.
const STRETCH: TimeDelta = MINUTE.times(10);

/// Both venues settle in steps of 1e-6.
const RATE_GRID: i64 = 1_000_000;

/// A trade between others.
#[derive(Clone, Copy, Debug)]
pub struct PublicTrade {
    pub at: Time,
    pub what: (Price, Qty),
    pub taker: Side,
    pub consumed_book: bool,
    /// Mark and index at that moment.
    pub marks: (Price, Price),
}

/// What happened in the market besides its book, each in the order of time.
#[derive(Debug, Default)]
pub struct News {
    pub trades: Vec<PublicTrade>,
    pub prices: Vec<(Series, Time, Price)>,
    /// With mark and index at that moment.
    pub settled: Vec<(Settlement, (Price, Price))>,
}

pub struct Feed {
    ahead: Receiver<Result<Stretch, EmulateError>>,
    pub rows: VenueRows,
    /// Of the rows, exclusive.
    pub end: Time,
    /// Not yet handed out.
    pub news: News,
}

/// Rows of one venue up to a time, exclusive; the book, as it stood before, comes with them.
struct Stretch {
    rows: VenueRows,
    end: Time,
}

impl Feed {
    /// Seed `seed` from midnight `start` on; `venue` 0 has the manners of Lighter, 1 those of GRVT.
    pub fn synthetic(seed: u64, start: Time, updates_per_sec: f64, venue: usize) -> Result<Feed, EmulateError> {
        let days = DAYS.min(90_000u32.saturating_sub(start.day().max(0) as u32));
        let spec = SynthSpec { updates_per_sec, ..SynthSpec::new(seed, start, days) };
        let mut source = Synthetic::new(&spec, start, STRETCH)?;
        Feed::made_ahead(start, move || source.stretch(venue))
    }

    /// A stretch of a store, as a sweep would load it; `venue` is the place of one of its two venues.
    pub fn tape(spec: TapeSpec, venue: usize) -> Result<Feed, EmulateError> {
        let tape = Tape::open(spec)?;
        let (start, mut tiles) = (tape.spec().warm_from, 0..tape.tiles());
        Feed::made_ahead(start, move || {
            let tile = tape.tile(tiles.next().ok_or(EmulateError::Ended)?)?;
            Ok(Stretch { rows: tile.venues[venue].clone(), end: tile.end })
        })
    }

    /// Of what `next` makes, from `start` on, until its first error.
    fn made_ahead(
        start: Time,
        mut next: impl FnMut() -> Result<Stretch, EmulateError> + Send + 'static,
    ) -> Result<Feed, EmulateError> {
        let (made, ahead) = sync_channel(0);
        let make = move || {
            loop {
                let stretch = next();
                let is_last = stretch.is_err();
                // nobody plays it any more
                if made.send(stretch).is_err() || is_last {
                    return;
                }
            }
        };
        std::thread::Builder::new().name("market".to_owned()).spawn(make).map_err(EmulateError::Threads)?;
        Ok(Feed { ahead, rows: VenueRows::default(), end: start, news: News::default() })
    }

    /// The rows at `start`; what happened in the day before is news.
    ///
    /// # Errors
    /// A market that has ended by then.
    pub fn at(mut self, start: Time) -> Result<Feed, EmulateError> {
        while self.end <= start {
            let begun = self.end;
            self.go_on()?;
            let is_old = self.end < start.plus(-DAY);
            self.note(begun.plus(-NS), start.min(self.end.plus(-NS)));
            if is_old {
                (self.news.trades, self.news.prices) = Default::default();
            }
        }
        Ok(self)
    }

    /// Takes the rows at hand after `from`, up to `to`, for news.
    pub fn note(&mut self, from: Time, to: Time) {
        let rows = &self.rows;
        let new =
            |times: &[i64]| times.partition_point(|&time| time <= from.0)..times.partition_point(|&time| time <= to.0);
        let trades = &rows.trades;
        let one = |row| PublicTrade {
            at: Time(trades.time[row]),
            what: (Price(trades.px[row]), Qty(trades.qty[row])),
            taker: trades.taker_side(row),
            consumed_book: trades.consumed_book[row] != 0,
            marks: self.marks_at(Time(trades.time[row])),
        };
        let trades: Vec<PublicTrade> = new(&trades.time).map(one).collect();
        let marks = new(&rows.marks.time).flat_map(|row| {
            let (at, marks) = (Time(rows.marks.time[row]), &rows.marks);
            [(Series::Mark, at, Price(marks.mark[row])), (Series::Index, at, Price(marks.index[row]))]
        });
        let mids = new(&rows.quotes.time).map(|row| {
            let mid = rows.quotes.bbo(row).mid_or_none().price();
            (Series::Mid, Time(rows.quotes.time[row]), mid)
        });
        let prices: Vec<_> = marks.chain(mids).filter(|(_, _, px)| px.0 > 0).collect();
        let settled = rows.settlements.iter().filter(|settlement| settlement.ts > from && settlement.ts <= to);
        let settled: Vec<_> = settled.map(|settlement| (*settlement, self.marks_at(settlement.ts))).collect();
        self.news.trades.extend(trades);
        self.news.prices.extend(prices);
        self.news.settled.extend(settled);
    }

    /// The market's book at a moment of the rows at hand.
    pub fn book_at(&self, at: Time) -> BookView<'_> {
        let row = |times: &[i64]| if times.is_empty() { 0 } else { last_at(times, at) };
        BookView::at(&self.rows, row(&self.rows.quotes.time), row(&self.rows.depth.time))
    }

    /// Mark and index at a moment of the rows at hand; the mid where there is none.
    pub fn marks_at(&self, at: Time) -> (Price, Price) {
        let marks = &self.rows.marks;
        let row = if marks.time.is_empty() { 0 } else { last_at(&marks.time, at) };
        let known = |px: Option<&i64>| px.filter(|px| **px > 0).map(|px| Price(*px));
        let (mark, index) = (known(marks.mark.get(row)), known(marks.index.get(row)));
        let mid = || self.book_at(at).best().mid().price();
        (mark.unwrap_or_else(mid), index.unwrap_or_else(mid))
    }

    /// The next rows; the book, as it stood, comes with them.
    pub fn go_on(&mut self) -> Result<(), EmulateError> {
        let next = self.ahead.recv().unwrap_or(Err(EmulateError::Ended))?;
        (self.rows, self.end) = (next.rows, next.end);
        Ok(())
    }
}

struct Synthetic {
    market: Market,
    /// Made, and stamped at `end` or after it.
    rows: [VenueTables; 2],
    carry: [VenueCarry; 2],
    /// Of what was handed out.
    end: Time,
    /// Of a stretch.
    length: TimeDelta,
}

impl Synthetic {
    fn new(spec: &SynthSpec, start: Time, length: TimeDelta) -> Result<Synthetic, EmulateError> {
        let (rows, carry) = (Default::default(), Carry::default().venues);
        Ok(Synthetic { market: Market::new(spec)?, rows, carry, end: start, length })
    }

    fn stretch(&mut self, venue: usize) -> Result<Stretch, EmulateError> {
        let (start, end) = (self.end, self.end.plus(self.length));
        let more = self.market.stamped_before(end).ok_or(EmulateError::Ended)?;
        for (rows, mut more) in self.rows.iter_mut().zip(more) {
            rows.quotes.append(&mut more.quotes);
            rows.trades.append(&mut more.trades);
            rows.marks.append(&mut more.marks);
            rows.funding = more.funding;
        }
        let [first, second] = &self.rows;
        let mut made = venue_timelines([first, second], start, end, &mut self.carry);
        for rows in &mut self.rows {
            rows.quotes.retain(|row| row.exch >= end);
            rows.trades.retain(|row| row.exch >= end);
            rows.marks.retain(|row| row.exch >= end);
        }
        self.end = end;
        let mut rows = std::mem::take(&mut made[venue]);
        for settlement in &mut rows.settlements {
            settlement.rate.0 -= settlement.rate.0 % RATE_GRID;
        }
        Ok(Stretch { rows, end })
    }
}

impl From<TapeError> for EmulateError {
    fn from(error: TapeError) -> EmulateError {
        EmulateError::Tape(Box::new(error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use perpx_core::units::{HOUR, SECOND};

    /// Two days of quotes and prints, none lost where stretches or days meet, each once, none before its time.
    #[test]
    fn stretches_hold_every_row_of_the_market_once() {
        let start = Time::from_civil(2026, 1, 5).expect("a date");
        let whole: Vec<_> = Market::new(&SynthSpec { updates_per_sec: 0.5, ..SynthSpec::new(3, start, 3) })
            .expect("a market")
            .map(|day| day.venues)
            .collect();
        for venue in 0..2 {
            let last = start.plus(2 * DAY);
            let stamps =
                |rows: Vec<Time>| rows.into_iter().filter(|at| *at < last).map(|at| at.0).collect::<Vec<i64>>();
            let quotes = stamps(whole.iter().flat_map(|day| &day[venue].quotes).map(|row| row.exch).collect());
            let trades = stamps(whole.iter().flat_map(|day| &day[venue].trades).map(|row| row.exch).collect());
            let mut feed = Feed::synthetic(3, start, 0.5, venue).expect("a market");
            let (mut seen, mut prints) = (Vec::new(), Vec::new());
            while feed.end < last {
                let begun = feed.end;
                feed.go_on().expect("it goes on");
                feed.note(begun.plus(-NS), feed.end.plus(-NS));
                // row 0 is the one before
                seen.extend_from_slice(&feed.rows.quotes.time[1..]);
                prints.extend_from_slice(&feed.rows.trades.time[1..]);
                let all = feed.rows.quotes.time[1..].iter().chain(&feed.rows.trades.time[1..]);
                assert!(all.copied().all(|at| begun.0 <= at && at < feed.end.0));
            }
            assert!(seen == quotes && prints == trades, "{} of {} quotes", seen.len(), quotes.len());
            assert!(quotes.len() > 10_000 && feed.end == last, "{}", quotes.len());
            feed.go_on().expect("it goes on");
            let every = if venue == 0 { HOUR } else { 8 * HOUR };
            let settled = &feed.news.settled;
            assert!(settled.iter().all(|(settled, _)| settled.ts.floor_to(every) == settled.ts));
            assert_eq!(settled.len() as i64, 2 * DAY / every);
            assert!(feed.rows.quotes.time[0] > last.plus(-MINUTE).0, "the book as it stood");
        }
    }

    /// A quote that follows a print of the last millisecond is stamped with the end of its stretch: the next one has it. Rare
    /// where a stretch lasts ten minutes, so these last a tenth of a second.
    #[test]
    fn a_quote_stamped_with_the_end_of_its_stretch_is_of_the_next() {
        let start = Time::from_civil(2026, 1, 5).expect("a date");
        let spec = SynthSpec { updates_per_sec: 60.0, ..SynthSpec::new(3, start, 1) };
        let last = start.plus(10 * MINUTE);
        let whole = Market::new(&spec).expect("a market").next().expect("a day").venues;
        for (venue, rows) in whole.iter().enumerate() {
            let stamped = rows.quotes.iter().map(|row| row.exch).filter(|at| *at < last);
            let (want, mut seen, mut first) = (stamped.map(|at| at.0).collect::<Vec<_>>(), Vec::new(), 0);
            let mut source = Synthetic::new(&spec, start, SECOND / 10).expect("a market");
            while source.end < last {
                let begun = source.end;
                let made = source.stretch(venue).expect("it goes on");
                first += u64::from(made.rows.quotes.time.get(1) == Some(&begun.0));
                seen.extend_from_slice(made.rows.quotes.time.get(1..).unwrap_or_default());
            }
            assert!(seen == want, "venue {venue}: {} of {} quotes", seen.len(), want.len());
            assert!(first > 3, "venue {venue}: {first} stretches began with such a quote");
        }
    }
}
