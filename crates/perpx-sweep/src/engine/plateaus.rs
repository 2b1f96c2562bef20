//! A ranking by plateaus: what each configuration of a grid and its neighbours are worth.

use crate::engine::points::shapes;
use crate::engine::run::{Sweep, each_point};
use crate::error::SweepError;
use crate::neighbours::{each_step, plateau_score};
use crate::results::spool::Spool;
use rayon::prelude::*;

/// By id, in its order, the plateau score of every configuration that has one, turned so that more is better. Sixteen bytes a
/// configuration are kept beside it.
pub fn plateaus(sweep: &Sweep<'_>, spool: &Spool) -> Result<Vec<(u64, f64)>, SweepError> {
    let (mut ids, mut worths) = (Vec::new(), Vec::new());
    each_point(spool, |rows| {
        let verdict = sweep.ranker.verdict(rows);
        ids.push((verdict.id, verdict.point));
        worths.push((verdict.point, verdict.worth_beside()));
        sweep.options.go_on()
    })?;
    worths.par_sort_unstable_by_key(|(point, _)| *point);
    let worth = |point: u64| {
        let at = worths.binary_search_by_key(&point, |(known, _)| *known).ok()?;
        Some(worths[at].1)
    };
    let (grid, axes) = (&sweep.grid, shapes(&sweep.grid));
    let score = |(id, point): &(u64, u64)| {
        let home: Vec<u16> = grid.digits(*point).into_iter().map(|digit| digit as u16).collect();
        let mut around = Vec::new();
        each_step(&home, &axes, |place| {
            let digits: Vec<usize> = place.iter().copied().map(usize::from).collect();
            around.extend(worth(grid.point_at(&digits)));
        });
        Some((*id, plateau_score(&axes, worth(*point).flatten(), around.into_iter())?))
    };
    Ok(ids.par_iter().filter_map(score).collect())
}
