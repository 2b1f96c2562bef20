//! The market that the winner traded in, folded to what a screen can show: its tape is read once more, with its signals.

use crate::error::SweepError;
use crate::grid::Grid;
use crate::report::{Bucket, Stretch};
use crate::results::spool::Row;
use crate::symbol_run::SymbolRun;
use perpx_core::market::Role;
use perpx_core::signals::{BandRule, SignalSet, TileSignals, bar_before};
use perpx_core::tape::{Local, Settlement, Tile};
use perpx_core::units::Time;
use perpx_data::backtest::{Binder, Reader};

/// What one reading of the tape gives.
#[derive(Default)]
pub struct MarketView {
    pub stretches: Vec<Stretch>,
    /// By role: what every position would have settled at, over the whole range.
    pub settlements: [Vec<Settlement>; 2],
}

/// Folds each window (from, to, buckets) of the tape that `row` was run on.
pub fn market_view(
    grid: &Grid,
    symbol_run: &SymbolRun,
    row: &Row,
    windows: &[(Time, Time, usize)],
) -> Result<MarketView, SweepError> {
    let feed = grid.feed_of(&symbol_run.grid_feeds, row.point, u64::from(row.world)).unwrap_or(0);
    let strategy = grid.strategy_point(row.point).unwrap_or_default();
    let config = grid.resolve(&symbol_run.data.symbol, &strategy, &symbol_run.worlds[row.world as usize])?;
    let mut signals = SignalSet::default();
    let bound = Binder::new(&symbol_run.data).bind(&config, feed, row.world, &mut signals);
    let empty = |&(from, to, count): &(Time, Time, usize)| {
        let buckets = vec![Bucket::default(); count];
        Stretch { from, to, buckets }
    };
    let mut out = MarketView { stretches: windows.iter().map(empty).collect(), ..MarketView::default() };
    let mut reader = Reader::new(&symbol_run.data.feeds[feed].tape, &signals, symbol_run.data.from);
    while let Some((tile, signals)) = reader.next()? {
        for stretch in out.stretches.iter_mut().filter(|s| s.from < tile.end && s.to > tile.start) {
            fold(stretch, &tile, &signals, &bound.plan.band);
        }
        for (kept, venue) in out.settlements.iter_mut().zip(&tile.venues) {
            kept.extend(&venue.settlements);
        }
    }
    Ok(out)
}

fn fold(stretch: &mut Stretch, tile: &Tile, signals: &TileSignals, rule: &BandRule) {
    let local = &tile.local;
    let times: &[i64] = &local.time;
    let start = 1 + times[1..].partition_point(|&t| t < stretch.from.0);
    let end = 1 + times[1..].partition_point(|&t| t < stretch.to.0);
    for (row, time) in times.iter().enumerate().take(end).skip(start) {
        let time = Time(*time);
        let Some(place) = stretch.bucket(time) else { continue };
        let bucket = &mut stretch.buckets[place];
        for role in Role::BOTH {
            widen(&mut bucket.mids[role.ix()], mid(local, row, role));
        }
        widen(&mut bucket.spread, signals.spread.get(row).copied().unwrap_or(f64::NAN));
        let (lower, upper) = signals.band(rule, bar_before(time, rule.bar_ns));
        bucket.band = (!lower.is_nan()).then_some([lower, upper]);
    }
}

fn mid(local: &Local, row: usize, role: Role) -> f64 {
    perpx_core::signals::mid(&local.bbo(row, role))
}

fn widen(range: &mut Option<[f64; 2]>, value: f64) {
    if value.is_nan() {
        return;
    }
    let [lo, hi] = range.unwrap_or([value, value]);
    *range = Some([lo.min(value), hi.max(value)]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_grows_by_what_is_known() {
        let mut range = None;
        [f64::NAN, 2.0, -1.0, f64::NAN, 1.0].into_iter().for_each(|value| widen(&mut range, value));
        assert_eq!(range, Some([-1.0, 2.0]));
    }
}
