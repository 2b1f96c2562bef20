//! The market that an emulated venue lives in: one venue's rows, a stretch at a time, of a synthetic market or of a tape.

use super::EmulateError;
use perpx_core::synth::{Market, SynthSpec};
use perpx_core::tape::{Carry, VenueRows, align};
use perpx_core::units::Time;
use perpx_data::TapeError;
use perpx_data::loader::{Tape, TapeSpec};

/// Days of a market before the emulator says that its market has ended.
const DAYS: u32 = 36_000;

pub struct Feed {
    source: Source,
    /// Place of the venue among the two of the market.
    at: usize,
    pub rows: VenueRows,
    /// Of the rows, exclusive.
    pub end: Time,
}

enum Source {
    Synthetic(Box<Market>, Box<Carry>),
    /// The tape and the tile that comes next.
    Tape(Box<Tape>, usize),
}

impl Feed {
    /// Seed `seed` from midnight `start` on; `venue` 0 has the manners of Lighter, 1 those of GRVT.
    pub fn synthetic(seed: u64, start: Time, updates_per_sec: f64, venue: usize) -> Result<Feed, EmulateError> {
        let days = DAYS.min(90_000u32.saturating_sub(start.day().max(0) as u32));
        let spec = SynthSpec { updates_per_sec, ..SynthSpec::new(seed, start, days) };
        let source = Source::Synthetic(Box::new(Market::new(&spec)?), Box::new(Carry::first([false; 2])));
        Ok(Feed { source, at: venue, rows: VenueRows::default(), end: start })
    }

    /// A stretch of a store, as a sweep would load it; `venue` is the place of one of its two venues.
    pub fn tape(spec: TapeSpec, venue: usize) -> Result<Feed, EmulateError> {
        let tape = Tape::open(spec)?;
        let end = tape.spec().warm_from;
        Ok(Feed { source: Source::Tape(Box::new(tape), 0), at: venue, rows: VenueRows::default(), end })
    }

    /// The rows at `start`.
    ///
    /// # Errors
    /// A market that has ended by then.
    pub fn at(mut self, start: Time) -> Result<Feed, EmulateError> {
        while self.end <= start {
            self.go_on()?;
        }
        Ok(self)
    }

    /// The next rows; the book, as it stood, comes with them.
    pub fn go_on(&mut self) -> Result<(), EmulateError> {
        let (venues, end) = match &mut self.source {
            Source::Synthetic(market, carry) => {
                let day = market.next().ok_or(EmulateError::Ended)?;
                let [first, second] = &day.venues;
                let end = Time::of_day(day.day + 1);
                let tile = align([first, second], Time::of_day(day.day), end, carry);
                **carry = Carry::after(&tile);
                (tile.venues, end)
            }
            Source::Tape(tape, next) if *next < tape.tiles() => {
                let tile = tape.tile(*next)?;
                *next += 1;
                (tile.venues.clone(), tile.end)
            }
            Source::Tape(..) => return Err(EmulateError::Ended),
        };
        let [first, second] = venues;
        self.rows = if self.at == 0 { first } else { second };
        self.end = end;
        Ok(())
    }
}

impl From<TapeError> for EmulateError {
    fn from(error: TapeError) -> EmulateError {
        EmulateError::Tape(Box::new(error))
    }
}
