//! `[search]`: how points of the lattice are chosen.

use super::{Axis, Grid, digits};
use crate::neighbours::AxisShape;
use perpx_core::config::Value;

/// Values of an axis that says neither step nor count.
pub const LEVELS: i64 = 257;
/// Steps in which a search crosses such an axis.
const STEPS: usize = 20;

/// How points are chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// All of them.
    Grid,
    /// A scrambled Sobol sequence.
    Sobol,
    /// Drawn, each value as likely as another.
    Random,
    /// A scrambled Sobol sequence, then steps from the best so far.
    Probe,
    /// A reference sample by a scrambled Sobol sequence, then what another program asks for.
    External,
}

impl Method {
    /// As they are written.
    pub const WORDS: [(&str, Method); 5] = [
        ("grid", Method::Grid),
        ("sobol", Method::Sobol),
        ("random", Method::Random),
        ("probe", Method::Probe),
        ("external", Method::External),
    ];

    /// As it is written.
    pub fn name(self) -> &'static str {
        Method::WORDS.iter().find(|(_, method)| *method == self).map_or("", |(name, _)| name)
    }

    /// What is tried depends on what came of earlier points.
    pub fn is_adaptive(self) -> bool {
        matches!(self, Method::Probe | Method::External)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Search {
    pub method: Method,
    /// Strategy points that are tried; of a grid all are.
    pub points: u64,
    /// Of the sequence.
    pub seed: u64,
    /// Configurations that cannot be among the best any more do not run in the worlds that are left.
    pub prune: bool,
}

impl Search {
    /// Points at the start that depend on no result: all, or those by which an adaptive search begins and that its evidence
    /// cannot do without.
    pub fn start(&self) -> u64 {
        match self.method {
            Method::Probe => self.points.div_ceil(2).max(256).min(self.points),
            Method::External => self.points.div_ceil(10).max(256).min(self.points),
            _ => self.points,
        }
    }
}

impl Grid {
    /// How many strategy points a run tries at most, skipped ones of a grid counted.
    pub fn tried_points(&self) -> u64 {
        match self.search.method {
            Method::Grid => self.strategy_points(),
            _ => self.search.points.min(self.strategy_points()),
        }
    }

    /// The condition under which an axis counts, as written.
    pub fn when(&self, axis: usize) -> Option<&str> {
        self.when[axis].as_ref().map(|(text, _)| text.as_str())
    }

    /// Its condition holds, and so do those of the axes that it speaks of.
    pub(super) fn is_active(&self, axis: usize, digits: &[usize]) -> bool {
        let Some((_, expr)) = self.when.get(axis).and_then(Option::as_ref) else { return true };
        let mut named = Vec::new();
        expr.axes(&mut named);
        named.iter().all(|other| self.is_active(*other, digits)) && expr.holds(&|axis| self.atom(axis, digits))
    }

    /// The point that does the same, whose inactive axes all have their first value.
    pub fn effective(&self, at: u64) -> u64 {
        if self.when.iter().all(Option::is_none) {
            return at;
        }
        let digits = digits(&self.strategy, at);
        let kept = (0..digits.len()).map(|axis| if self.is_active(axis, &digits) { digits[axis] } else { 0 });
        self.point_at(&kept.collect::<Vec<_>>())
    }

    /// By axis the value of a point; none where the axis does not count.
    pub fn values(&self, at: u64) -> Vec<Option<&Value>> {
        let digits = digits(&self.strategy, at);
        let of = |number: usize| {
            let axis = &self.strategy[number];
            self.is_active(number, &digits).then(|| &axis.values[digits[number]])
        };
        (0..digits.len()).map(of).collect()
    }

    /// How far neighbours lie apart on an axis, in values: one, and a twentieth of an axis that has no step of its own.
    pub fn step(&self, axis: usize) -> usize {
        let axis = &self.strategy[axis];
        if axis.is_continuous { (axis.values.len() / STEPS).max(1) } else { 1 }
    }

    /// How neighbours lie along an axis.
    pub fn shape(&self, axis: usize) -> AxisShape {
        AxisShape { step: self.step(axis) as u16, ..AxisShape::of(&self.strategy[axis].values) }
    }
}

impl Axis {
    /// Its values are numbers: more and less mean something.
    pub fn is_ordered(&self) -> bool {
        AxisShape::of(&self.values).is_ordered
    }
}
