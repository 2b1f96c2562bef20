//! How lonely the winner is: its neighbours on the grid and the plateau around it.

use super::PagePoint;
use std::collections::{HashMap, VecDeque};

/// Looks up points by their place on the grid.
pub struct PointIndex<'a> {
    points: &'a [PagePoint],
    by_place: HashMap<&'a [u16], usize>,
}

impl<'a> PointIndex<'a> {
    pub fn new(points: &'a [PagePoint]) -> PointIndex<'a> {
        PointIndex { points, by_place: points.iter().enumerate().map(|(i, p)| (p.at.as_slice(), i)).collect() }
    }

    /// The points that ran one step away from `at` on one axis, in the order of the axes.
    pub fn neighbours(&self, at: &[u16]) -> Vec<&'a PagePoint> {
        self.around(at).into_iter().map(|i| &self.points[i]).collect()
    }

    /// Points that can be reached from `at` by single steps over eligible points with a metric of at least `floor`,
    /// `at` itself first; empty when it is none of them.
    pub fn plateau(&self, at: &[u16], floor: f64) -> Vec<&'a PagePoint> {
        let high = |i: &usize| self.points[*i].eligible && self.points[*i].metric.is_some_and(|m| m >= floor);
        let mut seen = vec![false; self.points.len()];
        let mut open: VecDeque<usize> = self.by_place.get(at).copied().filter(high).into_iter().collect();
        open.iter().for_each(|i| seen[*i] = true);
        let mut out = Vec::new();
        while let Some(i) = open.pop_front() {
            out.push(&self.points[i]);
            for next in self.around(&self.points[i].at) {
                if !seen[next] && high(&next) {
                    seen[next] = true;
                    open.push_back(next);
                }
            }
        }
        out
    }

    fn around(&self, at: &[u16]) -> Vec<usize> {
        let mut place = at.to_vec();
        let mut out = Vec::new();
        for axis in 0..at.len() {
            for value in [at[axis].checked_sub(1), at[axis].checked_add(1)].into_iter().flatten() {
                place[axis] = value;
                out.extend(self.by_place.get(place.as_slice()));
            }
            place[axis] = at[axis];
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_plateau_ends_where_the_metric_falls() {
        //          x: 0    1    2    3    4
        let rows = [[9.0, 8.0, 1.0, 9.0, 9.0], [8.0, 1.0, 1.0, 1.0, 7.0]];
        let mut points = Vec::new();
        for (y, row) in rows.iter().enumerate() {
            for (x, metric) in row.iter().enumerate() {
                points.push(PagePoint { at: vec![x as u16, y as u16], metric: Some(*metric), eligible: true });
            }
        }
        let grid = PointIndex::new(&points);
        let around: Vec<_> = grid.neighbours(&[0, 0]).iter().map(|p| p.metric.unwrap()).collect();
        assert_eq!(around, [8.0, 8.0]);
        assert_eq!(grid.neighbours(&[2, 1]).len(), 3);
        assert_eq!(grid.plateau(&[0, 0], 8.0).len(), 3, "the other hill is not connected");
        assert!(grid.plateau(&[2, 0], 8.0).is_empty());
    }
}
