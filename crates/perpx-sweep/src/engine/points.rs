//! The order of a sweep: strategy points by their ids, a band of the id space at a time, so that memory does not grow with
//! the grid.

use crate::error::SweepError;
use crate::grid::Grid;
use crate::neighbours::{AxisShape, each_step};
use rayon::prelude::*;

/// A strategy point: its id as a number, and its place in the grid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct StrategyPoint {
    pub id: u64,
    pub at: u64,
}

/// Points hashed at a time.
const BLOCK: u64 = 1 << 14;

/// How many bands hold at most `most` points each, on average.
pub fn bands(grid: &Grid, most: u64) -> u64 {
    grid.strategy_points().div_ceil(most.max(1)).max(1)
}

/// The id of a strategy point, whatever its world.
pub fn id_of(grid: &Grid, symbol: &str, at: u64) -> Result<Option<u64>, SweepError> {
    let Some(strategy) = grid.strategy_point(at) else { return Ok(None) };
    let text = grid.base.id(&grid.overrides(symbol, &strategy, &[]))?;
    Ok(u64::from_str_radix(&text, 16).ok())
}

/// The points of band `k` of `bands`, in the order of their ids. `seen` is given how many points were named, and may end it.
pub fn band(
    grid: &Grid,
    symbol: &str,
    (k, bands): (u64, u64),
    mut seen: impl FnMut(u64) -> Result<(), SweepError>,
) -> Result<Vec<StrategyPoint>, SweepError> {
    let within = |id: u64| (u128::from(id) * u128::from(bands)) >> 64 == u128::from(k);
    let count = grid.strategy_points();
    let mut points = Vec::new();
    let mut start = 0;
    while start < count {
        let end = count.min(start + BLOCK);
        let found: Vec<Option<StrategyPoint>> = (start..end)
            .into_par_iter()
            .map(|at| Ok(id_of(grid, symbol, at)?.filter(|id| within(*id)).map(|id| StrategyPoint { id, at })))
            .collect::<Result<_, SweepError>>()?;
        points.extend(found.into_iter().flatten());
        start = end;
        seen(end)?;
    }
    points.par_sort_unstable();
    Ok(points)
}

/// These places of the grid with their ids, in the order of those; no two do the same.
pub fn named(grid: &Grid, symbol: &str, places: &[u64]) -> Result<Vec<StrategyPoint>, SweepError> {
    let name = |at: &u64| Ok(id_of(grid, symbol, *at)?.map(|id| StrategyPoint { id, at: *at }));
    let points: Vec<Option<StrategyPoint>> = places.par_iter().map(name).collect::<Result<_, SweepError>>()?;
    let mut points: Vec<StrategyPoint> = points.into_iter().flatten().collect();
    points.par_sort_unstable();
    points.dedup_by_key(|point| point.id);
    Ok(points)
}

/// How neighbours lie along each strategy axis.
pub fn shapes(grid: &Grid) -> Vec<AxisShape> {
    (0..grid.strategy_axes().len()).map(|axis| grid.shape(axis)).collect()
}

/// The grid neighbours of a strategy point: one step along one ordered strategy axis, skipped points left out.
pub fn neighbours(grid: &Grid, at: u64) -> Vec<u64> {
    let axes = shapes(grid);
    let home: Vec<u16> = grid.digits(at).into_iter().map(|digit| digit as u16).collect();
    let mut found = Vec::new();
    each_step(&home, &axes, |place| {
        let digits: Vec<usize> = place.iter().copied().map(usize::from).collect();
        found.extend(Some(grid.point_at(&digits)).filter(|point| !grid.is_skipped(*point)));
    });
    found
}
