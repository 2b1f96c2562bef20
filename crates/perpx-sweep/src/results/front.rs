//! Several objectives at once: the configurations of which none is better in one without being worse in another.

use crate::results::ranking::Verdict;
use std::collections::BTreeSet;

/// Configurations of which each is equal in all objectives.
#[derive(Clone, Debug, PartialEq)]
struct Equals {
    /// Their objectives, turned so that more is better.
    values: Vec<f64>,
    verdicts: Vec<Verdict>,
}

/// The front of a stream of verdicts.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Front {
    places: Vec<Equals>,
}

/// Share of the knee's worth down to which a point of the front is as good a compromise.
const KNEE: f64 = 0.9;

impl Front {
    /// Takes note of a configuration; one that cannot win, or has no value in one of its objectives, is on no front. `values`:
    /// turned so that more is better.
    pub(super) fn add(&mut self, verdict: Verdict, values: Option<Vec<f64>>) {
        let Some(values) = values.filter(|_| verdict.can_win()) else { return };
        if self.places.iter().any(|place| dominates(&place.values, &values)) {
            return;
        }
        self.places.retain(|place| !dominates(&values, &place.values));
        match self.places.iter_mut().find(|place| place.values == values) {
            Some(place) => place.verdicts.push(verdict),
            None => self.places.push(Equals { values, verdicts: vec![verdict] }),
        }
    }

    /// By the first objective, best first, once it is sorted: of those that are equal in all the first, and how many they are.
    pub fn places(&self) -> impl Iterator<Item = (&Verdict, usize)> {
        self.places.iter().map(|place| (&place.verdicts[0], place.verdicts.len()))
    }

    /// Ids of its configurations.
    pub fn ids(&self) -> BTreeSet<u64> {
        self.places.iter().flat_map(|place| &place.verdicts).map(|verdict| verdict.id).collect()
    }

    /// Puts the best in the first objective first.
    pub(super) fn sort(&mut self) {
        self.places.iter_mut().for_each(|place| place.verdicts.sort_by(|a, b| a.order(b)));
        self.places.sort_by(|a, b| a.verdicts[0].order(&b.verdicts[0]));
    }

    /// What each place is worth: its objectives together, each as a share of its range over the front.
    fn worths(&self) -> Vec<f64> {
        let count = self.places.first().map_or(0, |place| place.values.len());
        let range = |axis: usize| {
            let all = || self.places.iter().map(|place| place.values[axis]);
            let low = all().fold(f64::INFINITY, f64::min);
            (low, all().fold(f64::NEG_INFINITY, f64::max) - low)
        };
        let ranges: Vec<(f64, f64)> = (0..count).map(range).collect();
        let share = |(value, (low, width)): (&f64, &(f64, f64))| if *width > 0.0 { (value - low) / width } else { 1.0 };
        self.places.iter().map(|place| place.values.iter().zip(&ranges).map(share).sum()).collect()
    }

    /// Number, among its places, of the knee.
    pub fn knee(&self) -> Option<usize> {
        let better = |a: (usize, f64), b: (usize, f64)| if b.1 > a.1 { b } else { a };
        self.worths().into_iter().enumerate().reduce(better).map(|(at, _)| at)
    }

    /// The configuration that wins: of those near the knee the best in the first objective. The knee is where the objectives,
    /// each as a share of its range over the front, are worth most together: farthest from the line between the extremes.
    /// The front is sorted.
    pub fn winner(&self) -> Option<u64> {
        let worths = self.worths();
        let knee = worths.iter().copied().fold(0.0, f64::max);
        self.places.iter().zip(worths).find(|(_, worth)| *worth >= KNEE * knee).map(|(place, _)| place.verdicts[0].id)
    }
}

/// No worse in any objective, better in one.
fn dominates(a: &[f64], b: &[f64]) -> bool {
    a.iter().zip(b).all(|(a, b)| a >= b) && a != b
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(id: u64, value: f64, meets: bool) -> Verdict {
        Verdict { meets, ..Verdict::example(id, value) }
    }

    fn front(points: &[[f64; 2]], order: impl Iterator<Item = usize>) -> Front {
        let mut front = Front::default();
        order.for_each(|at| front.add(verdict(at as u64, points[at][0], true), Some(points[at].to_vec())));
        front.sort();
        front
    }

    /// The vector `pareto` of tests/fixtures/statistics_vectors.json, whose ranks are Optuna's.
    #[test]
    fn the_front_is_that_of_the_vector_in_any_order() {
        let text = include_str!("../../../../tests/fixtures/statistics_vectors.json");
        let all: serde_json::Value = serde_json::from_str(text).expect("JSON");
        let points: Vec<[f64; 2]> = serde_json::from_value(all["pareto"]["points"].clone()).expect("pairs");
        let fronts: Vec<BTreeSet<u64>> = serde_json::from_value(all["pareto"]["fronts"].clone()).expect("sets");
        for found in [front(&points, 0..points.len()), front(&points, (0..points.len()).rev())] {
            assert_eq!(found.ids(), fronts[0], "equal ones stay on one front");
        }
        let rest = (0..points.len()).filter(|at| !fronts[0].contains(&(*at as u64)));
        assert_eq!(front(&points, rest).ids(), fronts[1]);
    }

    #[test]
    fn the_best_in_the_first_objective_near_the_knee_wins() {
        // shares 1 and 0; 0.8 and 0.75; 0.7 and 0.9; 0 and 1: the knee is worth 1.6, the second point 1.55
        let points = [[10.0, -9.0], [8.0, -6.0], [7.0, -5.4], [0.0, -5.0], [7.0, -8.0]];
        let found = front(&points, 0..5);
        assert_eq!((found.ids().len(), found.winner()), (4, Some(1)), "the last one is dominated");
        assert_eq!(found.knee(), Some(2));
        // far from it the knee itself wins
        assert_eq!(front(&[[10.0, -9.0], [5.0, -5.2], [0.0, -5.0]], 0..3).winner(), Some(1));
        assert_eq!(front(&[[3.0, 3.0]], 0..1).winner(), Some(0), "alone");
        assert_eq!(Front::default().winner(), None);
    }

    #[test]
    fn what_cannot_win_is_on_no_front() {
        let mut front = Front::default();
        front.add(verdict(1, 9.0, false), Some(vec![9.0, 9.0]));
        front.add(verdict(2, 1.0, true), None);
        front.add(verdict(3, 1.0, true), Some(vec![1.0, 1.0]));
        assert_eq!(front.ids(), BTreeSet::from([3]));
    }
}
