//! Where configurations lie on the grid: which are one step apart, which hang together, which lie at an edge.

use std::collections::{BTreeMap, VecDeque};

/// An axis of the grid.
#[derive(Clone, Copy, Debug)]
pub struct AxisShape {
    /// How many values it has.
    pub values: usize,
    /// Its values are numbers or durations: they have a lowest and a highest, and what lies between means something.
    pub is_ordered: bool,
    /// How far neighbours lie apart, in values.
    pub step: u16,
}

impl AxisShape {
    /// The shape of an axis of these values, as they are printed.
    pub fn of<T: ToString>(values: &[T]) -> AxisShape {
        let is_ordered = values.iter().all(|value| value.to_string().parse::<f64>().is_ok());
        AxisShape { values: values.len(), is_ordered, step: 1 }
    }

    /// Value `at` is the lowest or the highest of at least three: the best may lie beyond. Of two, both would be.
    pub fn is_edge(&self, at: u16) -> bool {
        self.is_ordered && self.values > 2 && (at == 0 || usize::from(at) + 1 == self.values)
    }
}

/// Calls `found` with each place one step away from `place`, in the order of the axes. A step leads along an ordered axis only:
/// words lie in no order, so that none is beside another.
pub fn each_step(place: &[u16], axes: &[AxisShape], mut found: impl FnMut(&[u16])) {
    let mut moved = place.to_vec();
    for (axis, shape) in axes.iter().enumerate().filter(|(_, shape)| shape.is_ordered) {
        let steps = [place[axis].checked_sub(shape.step), place[axis].checked_add(shape.step)];
        for value in steps.into_iter().flatten().filter(|value| usize::from(*value) < shape.values) {
            moved[axis] = value;
            found(&moved);
        }
        moved[axis] = place[axis];
    }
}

/// The points of a grid by their places.
pub struct PlaceIndex<'a> {
    places: Vec<&'a [u16]>,
    by_place: BTreeMap<&'a [u16], usize>,
    axes: Vec<AxisShape>,
}

impl<'a> PlaceIndex<'a> {
    /// Of the points that lie at `places`, a number an axis.
    pub fn new(
        places: impl IntoIterator<Item = &'a [u16]>,
        axes: impl IntoIterator<Item = AxisShape>,
    ) -> PlaceIndex<'a> {
        let places: Vec<&[u16]> = places.into_iter().collect();
        let by_place = places.iter().enumerate().map(|(point, place)| (*place, point)).collect();
        PlaceIndex { places, by_place, axes: axes.into_iter().collect() }
    }

    /// The point at `place`.
    pub fn at(&self, place: &[u16]) -> Option<usize> {
        self.by_place.get(place).copied()
    }

    /// The points one step away, in the order of the axes.
    pub fn beside(&self, place: &[u16]) -> Vec<usize> {
        let mut out = Vec::new();
        each_step(place, &self.axes, |place| out.extend(self.at(place)));
        out
    }

    /// The points that can be reached from `place` by single steps over points that `hold`, the one at `place` first; none
    /// where that one does not.
    pub fn connected(&self, place: &[u16], hold: impl Fn(usize) -> bool) -> Vec<usize> {
        let mut seen = vec![false; self.places.len()];
        let mut open: VecDeque<usize> = self.at(place).filter(|point| hold(*point)).into_iter().collect();
        open.iter().for_each(|point| seen[*point] = true);
        let mut out = Vec::new();
        while let Some(point) = open.pop_front() {
            out.push(point);
            for next in self.beside(self.places[point]) {
                if !seen[next] && hold(next) {
                    seen[next] = true;
                    open.push_back(next);
                }
            }
        }
        out
    }
}

/// How many neighbours a point has whose steps end at no edge.
fn neighbour_room(axes: &[AxisShape]) -> usize {
    2 * axes.iter().filter(|axis| axis.is_ordered && axis.values > 1).count()
}

/// The lower median of what a point and its neighbours are worth; none on a grid without neighbours, or with fewer than half of
/// those that it could have. Without a worth one counts as minus infinity.
pub fn plateau_score(axes: &[AxisShape], own: Option<f64>, around: impl Iterator<Item = Option<f64>>) -> Option<f64> {
    let mut values: Vec<f64> = around.chain([own]).map(|value| value.unwrap_or(f64::NEG_INFINITY)).collect();
    let (room, beside) = (neighbour_room(axes), values.len() - 1);
    if room == 0 || 2 * beside < room {
        return None;
    }
    values.sort_unstable_by(f64::total_cmp);
    Some(values[(values.len() - 1) / 2])
}

/// How far each configuration stands on a plateau: by the objectives of those one step away.
pub struct Plateau<'a> {
    index: PlaceIndex<'a>,
    /// By point: the lower median of the objective over the point and its neighbours; none where fewer than half of the
    /// possible neighbours exist. A missing objective counts as minus infinity.
    pub scores: Vec<Option<f64>>,
    /// By point; none has nothing to rank by.
    objective: Vec<Option<f64>>,
}

impl<'a> Plateau<'a> {
    /// Of points that lie at `places`, a number an axis, with their objectives.
    pub fn new(axes: &[AxisShape], places: Vec<&'a [u16]>, objective: Vec<Option<f64>>) -> Plateau<'a> {
        let index = PlaceIndex::new(places.iter().copied(), axes.iter().copied());
        let score = |(point, place): (usize, &&[u16])| {
            plateau_score(axes, objective[point], index.beside(place).into_iter().map(|other| objective[other]))
        };
        let scores = places.iter().enumerate().map(score).collect();
        Plateau { index, scores, objective }
    }

    /// The point at `place`.
    pub fn at(&self, place: &[u16]) -> Option<usize> {
        self.index.at(place)
    }

    /// Points by score, ties by objective, then by number; those without a score last.
    pub fn ranked(&self) -> Vec<usize> {
        let mut order: Vec<usize> = (0..self.scores.len()).collect();
        let descending = |a: Option<f64>, b: Option<f64>| {
            let value = |v: Option<f64>| v.unwrap_or(f64::NEG_INFINITY);
            value(b).total_cmp(&value(a)).then(b.is_some().cmp(&a.is_some()))
        };
        order.sort_unstable_by(|a, b| {
            descending(self.scores[*a], self.scores[*b])
                .then_with(|| descending(self.objective[*a], self.objective[*b]))
                .then(a.cmp(b))
        });
        order
    }

    /// The points that can be reached from `place` by single steps over points whose score is at least `floor`, itself first; none
    /// where its own is lower.
    pub fn around(&self, place: &[u16], floor: f64) -> Vec<usize> {
        self.index.connected(place, |point| self.scores[point].is_some_and(|score| score >= floor))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_connected_ends_where_nothing_holds() {
        //              x: 0    1    2    3    4
        let values = [[9.0, 8.0, 1.0, 9.0, 9.0], [8.0, 1.0, 1.0, 1.0, 7.0]];
        let places: Vec<[u16; 2]> = (0..10).map(|point| [point % 5, point / 5]).collect();
        let numbers = |values: usize| AxisShape { values, is_ordered: true, step: 1 };
        let places_of = || places.iter().map(|place| place.as_slice());
        let index = PlaceIndex::new(places_of(), [numbers(5), numbers(2)]);
        let value = |point: usize| values[point / 5][point % 5];
        assert_eq!(index.beside(&[0, 0]).into_iter().map(value).collect::<Vec<_>>(), [8.0, 8.0]);
        assert_eq!(index.beside(&[2, 1]).len(), 3);
        assert_eq!(index.connected(&[0, 0], |point| value(point) >= 8.0), [0, 1, 5], "the other hill is apart");
        assert!(index.connected(&[2, 0], |point| value(point) >= 8.0).is_empty());
        let words = AxisShape { is_ordered: false, ..numbers(2) };
        assert_eq!(PlaceIndex::new(places_of(), [numbers(5), words]).beside(&[2, 1]), [6, 8], "no step along words");
        let far = AxisShape { step: 2, ..numbers(5) };
        assert_eq!(PlaceIndex::new(places_of(), [far, numbers(2)]).beside(&[3, 0]), [1, 8], "a longer step");
    }

    #[test]
    fn an_edge_is_the_end_of_three_numbers() {
        let edges = |values: [&str; 3]| [0, 1, 2].map(|at| AxisShape::of(&values).is_edge(at));
        assert_eq!(edges(["0.1", "0.2", "3"]), [true, false, true]);
        assert_eq!(edges(["ioc", "fok", "gtc"]), [false; 3], "words have no order");
        assert_eq!(edges(["0.1", "0.2", "null"]), [false; 3]);
        assert!(!AxisShape::of(&["0.1", "0.2"]).is_edge(0), "both would be");
    }
}
