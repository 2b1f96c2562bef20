//! The machine's clock, and a market's that runs beside it: at a real venue both are the same, a market that is played may be
//! another day's and faster.

use perpx_core::units::{Time, TimeDelta};
pub use perpx_data::wall::now;
use serde::{Deserialize, Serialize};
use std::sync::atomic::{AtomicI64, Ordering};

/// What says the time of the wall to an emulator.
pub trait Clock: Send + Sync {
    /// The present moment, since 1970.
    fn now(&self) -> Time;
}

/// The machine's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Time {
        now()
    }
}

/// A clock that stands until it is moved: what a test sees does not hang on how quick the machine is.
#[derive(Debug)]
pub struct ManualClock(AtomicI64);

impl ManualClock {
    /// Stands at `at`.
    pub fn new(at: Time) -> ManualClock {
        ManualClock(AtomicI64::new(at.0))
    }

    /// Moves it on.
    pub fn advance(&self, by: TimeDelta) {
        self.0.fetch_add(by.0, Ordering::Relaxed);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Time {
        Time(self.0.load(Ordering::Relaxed))
    }
}

/// When the market's time is what the wall's is.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct MarketClock {
    /// At this time of the wall it is `market`.
    pub wall: Time,
    /// The time of the market then.
    pub market: Time,
    /// Market seconds a second.
    pub speed: f64,
}

impl MarketClock {
    /// The time of the market at a time of the wall.
    pub fn market(&self, wall: Time) -> Time {
        self.market.plus(TimeDelta((wall.since(self.wall).0 as f64 * self.speed) as i64))
    }

    /// The time of the wall at a time of the market.
    pub fn wall(&self, market: Time) -> Time {
        self.wall.plus(TimeDelta((market.since(self.market).0 as f64 / self.speed) as i64))
    }

    /// The first time of the wall at which it is so late at the market.
    pub fn first_wall(&self, market: Time) -> Time {
        let mut wall = self.wall(market);
        while self.market(wall) < market {
            wall = Time(wall.0 + 1);
        }
        while self.market(Time(wall.0 - 1)) >= market {
            wall = Time(wall.0 - 1);
        }
        wall
    }

    /// Spans of the wall as the market's.
    pub fn market_spans(&self, spans: &[(Time, Time)]) -> Vec<(Time, Time)> {
        spans.iter().map(|&(from, to)| (self.market(from), self.market(to))).collect()
    }
}
