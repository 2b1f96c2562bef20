//! Points that lie evenly over the lattice, or that are drawn from it; none depends on a result.

use crate::grid::{Grid, Method};
use perpx_core::sim::chance::{hash64, unit53};
use rayon::prelude::*;
use std::collections::BTreeSet;

/// Members of the sequence that are looked at for each point that is wanted: skipped ones and repeats are passed over.
const LOOKED_AT: u64 = 16;
/// Members of one scrambled sequence; then another one begins.
const SEQUENCE: u64 = 1 << 16;
/// Members that are made at a time.
const BLOCK: u64 = 1 << 12;
/// Words that keep draws apart.
const SOBOL_WORD: u64 = 1;
const RANDOM_WORD: u64 = 2;

/// The first `count` points of the grid's sequence that are not skipped, none twice; fewer where there are not so many.
pub fn points(grid: &Grid, count: u64) -> Vec<u64> {
    let count = count.min(grid.strategy_points());
    let (mut list, mut seen) = (Vec::new(), BTreeSet::new());
    let most = count.saturating_mul(LOOKED_AT);
    for begin in (0..most).step_by(BLOCK as usize) {
        let members: Vec<Option<u64>> =
            (begin..most.min(begin + BLOCK)).into_par_iter().map(|index| member(grid, index)).collect();
        for at in members.into_iter().flatten() {
            if (list.len() as u64) < count && seen.insert(at) {
                list.push(at);
            }
        }
        if list.len() as u64 == count {
            break;
        }
    }
    list
}

/// One member; none where it is skipped.
fn member(grid: &Grid, index: u64) -> Option<u64> {
    let seed = grid.search.seed;
    let unit = |axis: u64| match grid.search.method {
        Method::Random => unit53(hash64(&[seed, RANDOM_WORD, index, axis])),
        _ => {
            let scramble = hash64(&[seed, SOBOL_WORD, index / SEQUENCE]) as u32;
            f64::from(sobol_burley::sample((index % SEQUENCE) as u32, axis as u32, scramble))
        }
    };
    let digit = |(axis, values): (u64, usize)| ((unit(axis) * values as f64) as usize).min(values - 1);
    let digits: Vec<usize> = (0..).zip(grid.strategy_axes().iter().map(|axis| axis.values.len())).map(digit).collect();
    let at = grid.effective(grid.point_at(&digits));
    (!grid.is_skipped(at)).then_some(at)
}
