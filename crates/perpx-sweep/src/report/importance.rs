//! Which axes move the objective: the exact functional analysis of variance of a whole grid (I. Sobol, 1993).

use perpx_core::sim::chance::{hash64, unit53};

/// What one axis does to the objective, as shares of its variance over the grid.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AxisShare {
    /// By itself.
    pub alone: f64,
    /// By itself and together with others.
    pub total: f64,
    /// What 95 of 100 grids whose values are shuffled stay below, by itself.
    pub chance: f64,
}

/// Values at every point of a grid, the last axis running fastest.
pub struct WholeGrid {
    sizes: Vec<usize>,
    values: Vec<f64>,
}

/// Shuffled grids.
const SHUFFLES: usize = 200;
/// A grid of more points is not shuffled as often: chance moves it less.
const SHUFFLED_POINTS: usize = 4_000_000;

impl WholeGrid {
    /// Of points with their values; none where a point of the grid is missing or has no value, or all have the same.
    pub fn new<'a>(sizes: &[usize], points: impl Iterator<Item = (&'a [u16], Option<f64>)>) -> Option<WholeGrid> {
        let count = sizes.iter().try_fold(1usize, |n, size| n.checked_mul(*size))?;
        let mut values = Vec::new();
        for (at, value) in points {
            // they come in the order of the grid
            let place = at.iter().zip(sizes).fold(0, |place, (at, size)| place * size + usize::from(*at));
            values.push(value.filter(|value| value.is_finite() && place == values.len())?);
        }
        let grid = WholeGrid { sizes: sizes.to_vec(), values };
        (grid.values.len() == count && count > 1 && grid.variance() > 0.0).then_some(grid)
    }

    fn variance(&self) -> f64 {
        let n = self.values.len() as f64;
        let mean = self.values.iter().sum::<f64>() / n;
        self.values.iter().map(|value| (value - mean) * (value - mean)).sum::<f64>() / n
    }

    /// The share of the variance that the means over all other axes have.
    fn explained(&self, is_kept: &dyn Fn(usize) -> bool) -> f64 {
        let kept: Vec<bool> = (0..self.sizes.len()).map(is_kept).collect();
        let groups: usize = self.sizes.iter().zip(&kept).map(|(size, kept)| if *kept { *size } else { 1 }).product();
        let mut sums = vec![0.0; groups];
        let mut digits = vec![0; self.sizes.len()];
        for value in &self.values {
            let places = digits.iter().zip(&self.sizes).zip(&kept).filter(|(_, kept)| **kept);
            let group = places.fold(0, |group, ((digit, size), _)| group * size + digit);
            sums[group] += value;
            for axis in (0..digits.len()).rev() {
                digits[axis] += 1;
                if digits[axis] < self.sizes[axis] {
                    break;
                }
                digits[axis] = 0;
            }
        }
        let each = (self.values.len() / groups) as f64;
        let means = WholeGrid { sizes: vec![groups], values: sums.iter().map(|sum| sum / each).collect() };
        means.variance() / self.variance()
    }

    /// By axis.
    pub fn shares(&self) -> Vec<AxisShare> {
        let chances = self.chances();
        let share = |(axis, chance): (usize, f64)| AxisShare {
            alone: self.explained(&|other| other == axis),
            total: 1.0 - self.explained(&|other| other != axis),
            chance,
        };
        chances.into_iter().enumerate().map(share).collect()
    }

    /// By axis what an axis alone has in a grid whose values are shuffled, 95 of 100.
    fn chances(&self) -> Vec<f64> {
        let shuffles = (SHUFFLED_POINTS / self.values.len()).clamp(20, SHUFFLES);
        let mut grid = WholeGrid { sizes: self.sizes.clone(), values: self.values.clone() };
        let mut found = vec![Vec::with_capacity(shuffles); self.sizes.len()];
        for shuffle in 0..shuffles as u64 {
            for last in (1..grid.values.len()).rev() {
                let other = (unit53(hash64(&[shuffle, last as u64])) * (last + 1) as f64) as usize;
                grid.values.swap(last, other);
            }
            found.iter_mut().enumerate().for_each(|(axis, all)| all.push(grid.explained(&|other| other == axis)));
        }
        let high = |mut all: Vec<f64>| {
            all.sort_unstable_by(f64::total_cmp);
            all[(0.95 * (all.len() - 1) as f64) as usize]
        };
        found.into_iter().map(high).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value as Json;

    fn vector() -> Json {
        let text = include_str!("../../../../tests/fixtures/statistics_vectors.json");
        serde_json::from_str::<Json>(text).expect("JSON")["functional_anova"].take()
    }

    fn numbers(json: &Json) -> Vec<f64> {
        match json {
            Json::Array(items) => items.iter().flat_map(numbers).collect(),
            other => other.as_f64().into_iter().collect(),
        }
    }

    /// The vector `functional_anova`: shares of all components by inclusion and exclusion, and total effects.
    #[test]
    fn shares_are_those_of_the_vector() {
        let vector = vector();
        let sizes: Vec<usize> = numbers(&vector["shape"]).into_iter().map(|size| size as usize).collect();
        let grid = WholeGrid { sizes, values: numbers(&vector["Y"]) };
        assert!((grid.variance() - vector["variance"].as_f64().expect("a number")).abs() < 1e-9);
        for (name, wanted) in vector["share"].as_object().expect("shares") {
            let axes: Vec<usize> = name.split(',').map(|axis| axis.parse().expect("an axis")).collect();
            let parts = (1..1usize << axes.len()).map(|part| {
                let of_part = |at: usize| part >> at & 1 == 1;
                let sign = if (axes.len() - part.count_ones() as usize).is_multiple_of(2) { 1.0 } else { -1.0 };
                sign * grid.explained(&|axis| axes.iter().position(|known| *known == axis).is_some_and(of_part))
            });
            assert!((parts.sum::<f64>() - wanted.as_f64().expect("a share")).abs() < 1e-9, "{name}");
        }
        let shares = grid.shares();
        for (axis, share) in shares.iter().enumerate() {
            let wanted = vector["total_effect"][axis.to_string()].as_f64().expect("a total");
            assert!((share.total - wanted).abs() < 1e-9, "axis {axis}");
        }
        assert!(shares[1].alone > shares[1].chance, "the second axis matters");
        assert!(shares[2].alone < shares[2].chance, "the third does not");
    }

    #[test]
    fn a_grid_with_holes_has_no_shares() {
        let points: [&[u16]; 4] = [&[0, 0], &[0, 1], &[1, 0], &[1, 1]];
        let all = |values: [Option<f64>; 4]| WholeGrid::new(&[2, 2], points.into_iter().zip(values)).is_some();
        assert!(all([Some(1.0), Some(2.0), Some(3.0), Some(5.0)]));
        assert!(!all([Some(1.0), None, Some(3.0), Some(5.0)]) && !all([Some(1.0); 4]));
        let three = points.into_iter().skip(1).map(|at| (at, Some(f64::from(at[1]))));
        assert!(WholeGrid::new(&[2, 2], three).is_none());
    }
}
