//! The machine's clock, and a market's that runs beside it: at a real venue both are the same, a market that is played may be
//! another day's and faster.

use perpx_core::units::Time;
use std::time::{SystemTime, UNIX_EPOCH};

/// What the machine's clock says.
pub fn now() -> Time {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Time(i64::try_from(since.as_nanos()).unwrap_or(i64::MAX))
}

/// When the market's time is what the wall's is.
#[derive(Clone, Copy, Debug)]
pub struct MarketClock {
    /// At this time of the wall it is `market`.
    pub wall: Time,
    pub market: Time,
    /// Market seconds a second.
    pub speed: f64,
}

impl MarketClock {
    pub fn market(&self, wall: Time) -> Time {
        self.market.plus((wall.since(self.wall) as f64 * self.speed) as i64)
    }

    pub fn wall(&self, market: Time) -> Time {
        self.wall.plus((market.since(self.market) as f64 / self.speed) as i64)
    }

    /// Spans of the wall as the market's.
    pub fn market_spans(&self, spans: &[(Time, Time)]) -> Vec<(Time, Time)> {
        spans.iter().map(|&(from, to)| (self.market(from), self.market(to))).collect()
    }
}
