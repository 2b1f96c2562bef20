//! Rows of an emulated market in that market's own time. An emulator stamps with the wall what may happen another day and faster;
//! its recording is one of that day. At a real venue both clocks are one, and nothing is changed.

use super::feed::{FeedNews, Row};
use crate::wall::MarketClock;
use perpx_core::tape::rows::FundingRow;
use perpx_core::units::{HOUR, Time};

/// Moves what a feed makes of frames to the time of the market. The order of rows stays, and none is received before it happened:
/// later times of the wall are no earlier ones of the market.
pub fn to_market(clock: &MarketClock, news: &mut FeedNews) {
    let at = |time: &mut Time| *time = clock.market(*time);
    match news {
        FeedNews::Row(_, row) => row_to_market(clock, row),
        FeedNews::Gap { from: time, .. } | FeedNews::Whole { at: time, .. } => at(time),
        _ => {}
    }
}

/// A row as it stands in the time of the market.
pub(crate) fn row_to_market(clock: &MarketClock, row: &mut Row) {
    let both = |exch: &mut Time, recv: &mut Time| (*exch, *recv) = (clock.market(*exch), clock.market(*recv));
    match row {
        Row::Quote(row) => both(&mut row.exch, &mut row.recv),
        Row::Depth(row) => both(&mut row.exch, &mut row.recv),
        Row::Trade(print) | Row::GapTrade(print) => both(&mut print.row.exch, &mut print.row.recv),
        Row::Marks(row) => both(&mut row.exch, &mut row.recv),
        Row::Funding(row) => {
            row.ts = settlement(clock, row);
            row.recv = clock.market(row.recv);
        }
    }
}

/// Settlements stand on full intervals of the market's clock; the wall's stamp of one may be cut off at its second.
fn settlement(clock: &MarketClock, row: &FundingRow) -> Time {
    let step = i64::from(row.interval_hours.max(1)) * HOUR;
    clock.market(row.ts).plus(step / 2).floor_to(step)
}

#[cfg(test)]
mod tests {
    use super::*;
    use perpx_core::market::Bbo;
    use perpx_core::tape::rows::{FundingKind, QuoteRow};
    use perpx_core::units::{Rate, SECOND};

    #[test]
    fn rows_stand_in_the_time_of_the_market() {
        let clock = MarketClock { wall: Time::at(1_000 * SECOND), market: Time::at(10 * HOUR), speed: 60.0 };
        let wall = |seconds: i64| Time::at((1_000 + seconds) * SECOND);
        let mut news = FeedNews::Row(0, Row::Quote(QuoteRow { exch: wall(1), recv: wall(2), bbo: Bbo::default() }));
        to_market(&clock, &mut news);
        let market = |seconds: i64| Time::at(10 * HOUR + seconds * SECOND);
        let want = QuoteRow { exch: market(60), recv: market(120), bbo: Bbo::default() };
        assert_eq!(news, FeedNews::Row(0, Row::Quote(want)));
        // an hour of the market is a minute of the wall; the stamp is cut off at its second
        let paid =
            FundingRow { ts: wall(59), recv: wall(61), rate: Rate(5), interval_hours: 1, kind: FundingKind::Settled };
        let mut news = FeedNews::Row(0, Row::Funding(paid));
        to_market(&clock, &mut news);
        let want = FundingRow { ts: Time::at(11 * HOUR), recv: market(61 * 60), ..paid };
        assert_eq!(news, FeedNews::Row(0, Row::Funding(want)));
    }
}
