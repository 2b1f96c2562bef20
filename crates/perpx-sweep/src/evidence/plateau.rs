//! How far a configuration stands on a plateau: the objective of those one step away along ordered axes.

use std::cmp::Ordering;
use std::collections::{BTreeMap, VecDeque};

/// An axis of the grid.
#[derive(Clone, Copy, Debug)]
pub struct AxisShape {
    /// How many values it has.
    pub values: u16,
    /// Its values are numbers or durations: neighbours mean something.
    pub is_ordered: bool,
}

/// The configurations of a grid by their place.
pub struct Plateau<'a> {
    axes: &'a [AxisShape],
    by_place: BTreeMap<&'a [u16], usize>,
    /// By point; none has nothing to rank by.
    objective: &'a [Option<f64>],
    /// By point: the lower median of the objective over the point and its neighbours; none where fewer than half of the
    /// possible neighbours exist. A missing objective counts as minus infinity.
    pub scores: Vec<Option<f64>>,
}

impl<'a> Plateau<'a> {
    /// `places[i]` is where point i lies, a number an axis.
    pub fn new(axes: &'a [AxisShape], places: &'a [Vec<u16>], objective: &'a [Option<f64>]) -> Plateau<'a> {
        let by_place = places.iter().enumerate().map(|(point, place)| (place.as_slice(), point)).collect();
        let mut plateau = Plateau { axes, by_place, objective, scores: Vec::new() };
        plateau.scores = places.iter().map(|place| plateau.score(place)).collect();
        plateau
    }

    /// Points one step away.
    pub fn neighbours(&self, place: &[u16]) -> Vec<usize> {
        let mut moved = place.to_vec();
        let mut out = Vec::new();
        for (axis, _) in self.axes.iter().enumerate().filter(|(_, axis)| axis.is_ordered) {
            for value in [place[axis].checked_sub(1), place[axis].checked_add(1)].into_iter().flatten() {
                moved[axis] = value;
                out.extend(self.by_place.get(moved.as_slice()));
            }
            moved[axis] = place[axis];
        }
        out
    }

    fn score(&self, place: &[u16]) -> Option<f64> {
        let neighbours = self.neighbours(place);
        let possible = 2 * self.axes.iter().filter(|axis| axis.is_ordered && axis.values > 1).count();
        if 2 * neighbours.len() < possible {
            return None;
        }
        let here = self.by_place.get(place);
        let value = |point: &usize| self.objective[*point].unwrap_or(f64::NEG_INFINITY);
        let mut values: Vec<f64> = neighbours.iter().chain(here).map(value).collect();
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
        let is_high = |point: &usize| self.scores[*point].is_some_and(|score| score >= floor);
        let mut seen = vec![false; self.scores.len()];
        let places: BTreeMap<usize, &[u16]> = self.by_place.iter().map(|(place, point)| (*point, *place)).collect();
        let mut open: VecDeque<usize> = self.by_place.get(place).copied().filter(is_high).into_iter().collect();
        open.iter().for_each(|point| seen[*point] = true);
        let mut width = 0;
        while let Some(point) = open.pop_front() {
            width += 1;
            for next in self.neighbours(places[&point]) {
                if !seen[next] && is_high(&next) {
                    seen[next] = true;
                    open.push_back(next);
                }
            }
        }
        width
    }

    /// Ordered axes at whose first or last value `place` lies: the best may lie beyond.
    pub fn edges(&self, place: &[u16]) -> Vec<usize> {
        let at_edge = |axis: &AxisShape, value: u16| value == 0 || value + 1 == axis.values;
        let edge = |(number, axis): (usize, &AxisShape)| {
            (axis.is_ordered && axis.values > 1 && at_edge(axis, place[number])).then_some(number)
        };
        self.axes.iter().enumerate().filter_map(edge).collect()
    }
}
