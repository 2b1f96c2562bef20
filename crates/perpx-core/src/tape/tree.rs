//! Block minima and maxima over a column: "the first row at or after `i` that may pass" in O(log n).
//!
//! Level 0 holds the lowest and highest value of every [`BLOCK`] rows, each level above those of [`FAN`] nodes below. A
//! search steps over nodes from left to right, climbs where a group of siblings ends, and goes down where a node cannot be
//! discarded. Nodes only discard: rows are judged by the caller. 16 bytes a node, so about half a byte a row.

use std::ops::Range;

/// Rows of a node of level 0.
pub const BLOCK: usize = 32;
/// Children of a node above.
pub const FAN: usize = 16;

/// What a tree can be made of.
pub trait Ordered: Copy + PartialOrd {
    /// Below and above every value: what a block without values has as its highest and lowest.
    const LEAST: Self;
    /// Above every value: the lowest of a block without values.
    const MOST: Self;
}

impl Ordered for i64 {
    const LEAST: i64 = i64::MIN;
    const MOST: i64 = i64::MAX;
}

impl Ordered for f64 {
    const LEAST: f64 = f64::NEG_INFINITY;
    const MOST: f64 = f64::INFINITY;
}

/// The lowest and the highest of some values.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Extremes<V> {
    /// The lowest.
    pub low: V,
    /// The highest.
    pub high: V,
}

impl<V: Ordered> Extremes<V> {
    /// Of no values.
    pub const NONE: Extremes<V> = Extremes { low: V::MOST, high: V::LEAST };

    /// Over the values of an iterator; NaN is no value.
    pub fn of(values: impl Iterator<Item = V>) -> Extremes<V> {
        values.fold(Extremes::NONE, |all, value| all.and(Extremes { low: value, high: value }))
    }

    /// Of the values of both.
    #[inline]
    #[must_use]
    pub fn and(self, other: Extremes<V>) -> Extremes<V> {
        Extremes {
            low: if other.low < self.low { other.low } else { self.low },
            high: if other.high > self.high { other.high } else { self.high },
        }
    }
}

/// Extremes of blocks of a column, and of blocks of blocks.
#[derive(Clone, Debug)]
pub struct Tree<V> {
    /// Level 0 first; the last has at most [`FAN`] nodes. A tree over no rows has no node.
    levels: Vec<Vec<Extremes<V>>>,
}

/// Rows of a node of `level`.
pub fn span(level: usize) -> usize {
    BLOCK * FAN.pow(level as u32)
}

impl<V: Ordered> Tree<V> {
    /// Over `len` rows; `block` gives the extremes of a range of at most [`BLOCK`] of them.
    pub fn new(len: usize, block: impl Fn(Range<usize>) -> Extremes<V>) -> Tree<V> {
        let leaves = (0..len).step_by(BLOCK).map(|start| block(start..len.min(start + BLOCK)));
        let mut levels = vec![leaves.collect::<Vec<_>>()];
        while levels[levels.len() - 1].len() > FAN {
            let below = &levels[levels.len() - 1];
            let joined = |nodes: &[Extremes<V>]| nodes.iter().fold(Extremes::NONE, |all, node| all.and(*node));
            levels.push(below.chunks(FAN).map(joined).collect());
        }
        Tree { levels }
    }

    /// Memory that it takes.
    pub fn bytes(&self) -> usize {
        self.levels.iter().map(|nodes| std::mem::size_of_val(nodes.as_slice())).sum()
    }

    /// No node of the top passes `may`: no row does.
    #[inline]
    pub fn is_barred(&self, may: impl Fn(&Extremes<V>) -> bool) -> bool {
        !self.levels[self.levels.len() - 1].iter().any(may)
    }

    /// The first row of `rows` found by `leaf`, which is asked about pieces of blocks that pass `may`, in order.
    #[inline]
    pub fn first(
        &self,
        rows: Range<usize>,
        may: impl Fn(&Extremes<V>) -> bool,
        mut leaf: impl FnMut(Range<usize>) -> Option<usize>,
    ) -> Option<usize> {
        if rows.is_empty() || self.is_barred(&may) {
            return None;
        }
        let mut at = Place { level: 0, node: rows.start / BLOCK };
        loop {
            let node = self.levels[at.level].get(at.node)?;
            let start = at.node * span(at.level);
            if start >= rows.end {
                return None;
            }
            if may(node) {
                if at.level > 0 {
                    at.descend();
                    continue;
                }
                let found = leaf(start.max(rows.start)..rows.end.min(start + BLOCK));
                if found.is_some() {
                    return found;
                }
            }
            at.advance(self.levels.len() - 1);
        }
    }

    /// The extremes over `rows`; `block` as in [`Tree::new`], for the pieces at both ends.
    pub fn over(&self, rows: Range<usize>, block: impl Fn(Range<usize>) -> Extremes<V>) -> Extremes<V> {
        let mut all = Extremes::NONE;
        let mut from = rows.start;
        let mut at = Place { level: 0, node: from / BLOCK };
        while from < rows.end {
            let (start, end) = (at.node * span(at.level), (at.node + 1) * span(at.level));
            if at.level > 0 && end > rows.end {
                at.descend();
                continue;
            }
            if start < from || end > rows.end {
                all = all.and(block(from..rows.end.min(end)));
            } else {
                all = all.and(self.levels[at.level][at.node]);
            }
            from = end;
            at.advance(self.levels.len() - 1);
        }
        all
    }

    /// The extremes of a node, if there is one.
    #[inline]
    pub fn node(&self, at: Place) -> Option<&Extremes<V>> {
        self.levels[at.level].get(at.node)
    }

    /// Lowest level first.
    pub fn levels(&self) -> &[Vec<Extremes<V>>] {
        &self.levels
    }
}

/// A node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// 0: blocks of rows.
    pub level: usize,
    /// From the left.
    pub node: usize,
}

impl Place {
    /// To the first child.
    #[inline]
    pub fn descend(&mut self) {
        self.level -= 1;
        self.node *= FAN;
    }

    /// To the right, and up while a group of siblings ends.
    #[inline]
    pub fn advance(&mut self, top: usize) {
        self.node += 1;
        while self.level < top && self.node.is_multiple_of(FAN) {
            self.level += 1;
            self.node /= FAN;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(len: usize) -> Vec<i64> {
        let mut state = len as u64;
        let mut draw = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 40) as i64 % 1_000_000
        };
        (0..len).map(|_| draw()).collect()
    }

    /// Every kind of start and end, levels from common to absent, against a search row by row.
    #[test]
    fn the_first_row_is_the_first() {
        for len in [1, 2, 31, 32, 33, 511, 512, 513, 8_191, 8_192, 8_193, 20_000] {
            let values = column(len);
            let block = |rows: Range<usize>| Extremes::of(values[rows].iter().copied());
            let tree = Tree::new(len, block);
            let edges = [0, 1, 30, 31, 32, 33, 500, 512, 513, 8_000, 8_192, len - 1, len];
            for from in edges {
                for to in edges.map(|to| to.min(len)) {
                    let rows = from.min(to)..to;
                    let sorted = {
                        let mut all = values[rows.clone()].to_vec();
                        all.sort_unstable();
                        all
                    };
                    let (low, high) = (sorted.first().copied(), sorted.last().copied());
                    let found = tree.over(rows.clone(), block);
                    assert_eq!((found.low, found.high), (low.unwrap_or(i64::MAX), high.unwrap_or(i64::MIN)));
                    for level in [0, sorted.len() / 2, sorted.len() * 99 / 100, sorted.len().saturating_sub(1)] {
                        let level = sorted.get(level).copied().unwrap_or(0);
                        for level in [level, level + 1] {
                            let want = rows.clone().find(|&row| values[row] >= level);
                            let leaf = |mut piece: Range<usize>| piece.find(|&row| values[row] >= level);
                            assert_eq!(tree.first(rows.clone(), |node| node.high >= level, leaf), want, "{rows:?}");
                        }
                    }
                }
            }
        }
    }

    /// A search that finds nothing looks at few blocks: none when the top says no, else about two groups a level.
    #[test]
    fn blocks_are_discarded() {
        let values = column(100_000);
        let tree = Tree::new(values.len(), |rows| Extremes::of(values[rows].iter().copied()));
        let asked = std::cell::Cell::new(0);
        let count = |yes: bool| {
            asked.set(asked.get() + 1);
            yes
        };
        assert_eq!(tree.first(5..99_000, |node| count(node.high > 1_000_000), |_| None), None);
        assert!(asked.take() <= FAN);
        let spike = values.iter().position(|&v| v == *values.iter().max().unwrap_or(&0)).unwrap_or(0);
        let level = values[spike];
        let leaf = |mut rows: Range<usize>| rows.find(|&row| values[row] >= level);
        assert_eq!(tree.first(5..100_000, |node| count(node.high >= level), leaf), Some(spike));
        assert!(asked.take() <= 2 * FAN * 5);
        assert!(tree.bytes() * 10 < 6 * values.len());
    }
}
