//! Local search: from the best so far one step along one axis, in batches; coarse steps first, finer ones where those are
//! all known.

use crate::grid::Grid;
use crate::results::ranking::Verdict;
use std::collections::BTreeSet;

/// Points that are stepped away from at a time.
const LEADERS: usize = 32;

/// The points to try next: not tried yet, at most `room`; none where every neighbour of the best is known. `best`: what was
/// tried, best first.
pub fn next(grid: &Grid, best: &[&Verdict], tried: &BTreeSet<u64>, room: u64) -> Vec<u64> {
    let leaders = leaders(grid, best);
    let coarse: Vec<usize> = (0..grid.strategy_axes().len()).map(|axis| grid.step(axis)).collect();
    let mut halvings = 0;
    loop {
        let steps: Vec<usize> = coarse.iter().map(|step| (step >> halvings).max(1)).collect();
        let mut found = Vec::new();
        let mut named = BTreeSet::new();
        for at in leaders.iter().flat_map(|at| beside(grid, *at, &steps)) {
            if (found.len() as u64) < room && !tried.contains(&at) && named.insert(at) {
                found.push(at);
            }
        }
        if !found.is_empty() || steps.iter().all(|step| *step == 1) || room == 0 {
            return found;
        }
        halvings += 1;
    }
}

/// The best few, of those that lie within a step of a better one none.
fn leaders(grid: &Grid, best: &[&Verdict]) -> Vec<u64> {
    let mut leaders: Vec<Vec<usize>> = Vec::new();
    let is_near = |a: &[usize], b: &[usize]| {
        let axes = a.iter().zip(b).enumerate();
        axes.into_iter().all(|(axis, (a, b))| match grid.strategy_axes()[axis].is_ordered() {
            true => a.abs_diff(*b) <= grid.step(axis),
            false => a == b,
        })
    };
    for verdict in best {
        let digits = grid.digits(verdict.point);
        if leaders.len() < LEADERS && !leaders.iter().any(|leader| is_near(leader, &digits)) {
            leaders.push(digits);
        }
    }
    leaders.iter().map(|digits| grid.point_at(digits)).collect()
}

/// Points one step away along one axis; along axes of words every other value.
fn beside(grid: &Grid, at: u64, steps: &[usize]) -> Vec<u64> {
    let home = grid.digits(at);
    let mut found = Vec::new();
    for (axis, shape) in grid.strategy_axes().iter().enumerate() {
        let others: Vec<usize> = match shape.is_ordered() {
            true => {
                [home[axis].checked_sub(steps[axis]), Some(home[axis] + steps[axis])].into_iter().flatten().collect()
            }
            false => (0..shape.values.len()).filter(|value| *value != home[axis]).collect(),
        };
        for value in others.into_iter().filter(|value| *value < shape.values.len()) {
            let mut digits = home.clone();
            digits[axis] = value;
            let point = grid.effective(grid.point_at(&digits));
            if point != at && !grid.is_skipped(point) {
                found.push(point);
            }
        }
    }
    found
}
