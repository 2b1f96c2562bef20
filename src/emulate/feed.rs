//! The market that an emulated venue lives in: one venue's rows of a synthetic market, a day at a time.

use super::EmulateError;
use crate::synth::{Market, SynthSpec};
use crate::tape::{Carry, VenueRows, align};
use crate::units::Time;

/// Days of a market before the emulator says that its market has ended.
const DAYS: u32 = 36_000;

pub struct Feed {
    market: Market,
    carry: Carry,
    /// Place of the venue among the two of the market.
    at: usize,
    pub rows: VenueRows,
    /// Of the rows, exclusive.
    pub end: Time,
}

impl Feed {
    /// Seed `seed` from midnight `start` on; `venue` 0 has the manners of Lighter, 1 those of GRVT.
    pub fn synthetic(seed: u64, start: Time, updates_per_sec: f64, venue: usize) -> Result<Feed, EmulateError> {
        let days = DAYS.min(90_000u32.saturating_sub(start.day().max(0) as u32));
        let spec = SynthSpec { updates_per_sec, ..SynthSpec::new(seed, start, days) };
        let market = Market::new(&spec)?;
        let carry = Carry::first([false; 2]);
        let mut feed = Feed { market, carry, at: venue, rows: VenueRows::default(), end: start };
        feed.next_day()?;
        Ok(feed)
    }

    /// The next day's rows; the book, as it stood, comes with them.
    pub fn next_day(&mut self) -> Result<(), EmulateError> {
        let day = self.market.next().ok_or(EmulateError::Ended)?;
        let [first, second] = &day.venues;
        let end = Time::of_day(day.day + 1);
        let tile = align([first, second], Time::of_day(day.day), end, &mut self.carry);
        self.carry = Carry::after(&tile);
        let [first, second] = tile.venues;
        self.rows = if self.at == 0 { first } else { second };
        self.end = end;
        Ok(())
    }
}
