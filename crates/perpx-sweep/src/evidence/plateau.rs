//! How far a configuration stands on a plateau: the objective of those one step away along ordered axes.

use crate::neighbours::{AxisShape, PlaceIndex};
use std::cmp::Ordering;

/// The configurations of a grid by their place.
pub struct Plateau<'a> {
    axes: &'a [AxisShape],
    index: PlaceIndex<'a>,
    /// By point; none has nothing to rank by.
    objective: &'a [Option<f64>],
    /// By point: the lower median of the objective over the point and its neighbours; none where fewer than half of the
    /// possible neighbours exist. A missing objective counts as minus infinity.
    pub scores: Vec<Option<f64>>,
}

impl<'a> Plateau<'a> {
    /// `places[i]` is where point i lies, a number an axis.
    pub fn new(axes: &'a [AxisShape], places: &'a [Vec<u16>], objective: &'a [Option<f64>]) -> Plateau<'a> {
        let index = PlaceIndex::new(places.iter().map(Vec::as_slice), axes.iter().copied());
        let mut plateau = Plateau { axes, index, objective, scores: Vec::new() };
        plateau.scores = places.iter().map(|place| plateau.score(place)).collect();
        plateau
    }

    /// Points one step away.
    pub fn neighbours(&self, place: &[u16]) -> Vec<usize> {
        self.index.beside(place)
    }

    fn score(&self, place: &[u16]) -> Option<f64> {
        let neighbours = self.neighbours(place);
        let possible = 2 * self.axes.iter().filter(|axis| axis.is_ordered && axis.values > 1).count();
        if 2 * neighbours.len() < possible {
            return None;
        }
        let value = |point: usize| self.objective[point].unwrap_or(f64::NEG_INFINITY);
        let mut values: Vec<f64> = neighbours.into_iter().chain(self.index.at(place)).map(value).collect();
        values.sort_unstable_by(f64::total_cmp);
        Some(values[(values.len() - 1) / 2])
    }

    /// Points by score, ties by objective, then by number; those without a score last.
    pub fn ranked(&self) -> Vec<usize> {
        let mut order: Vec<usize> = (0..self.scores.len()).collect();
        let descending = |a: Option<f64>, b: Option<f64>| {
            let value = |v: Option<f64>| v.unwrap_or(f64::NEG_INFINITY);
            value(b).total_cmp(&value(a)).then(b.is_some().cmp(&a.is_some()))
        };
        let compared = |a: &usize, b: &usize| -> Ordering {
            descending(self.scores[*a], self.scores[*b])
                .then_with(|| descending(self.objective[*a], self.objective[*b]))
                .then(a.cmp(b))
        };
        order.sort_unstable_by(compared);
        order
    }

    /// How many points can be reached from `place` by single steps over points whose score is at least `floor`, itself
    /// included; 0 where its own is lower.
    pub fn width(&self, place: &[u16], floor: f64) -> usize {
        self.index.connected(place, |point| self.scores[point].is_some_and(|score| score >= floor)).len()
    }

    /// Ordered axes at whose first or last value `place` lies: the best may lie beyond.
    pub fn edges(&self, place: &[u16]) -> Vec<usize> {
        (0..self.axes.len()).filter(|axis| self.axes[*axis].is_edge(place[*axis])).collect()
    }
}
