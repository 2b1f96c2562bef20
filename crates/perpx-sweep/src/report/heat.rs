//! Heatmaps: the metric over every pair of strategy axes, summarised over all the other axes.

use super::frame::{Frame, Spread};
use super::palette::{Ramp, STEPS};
use super::{PageAxis, PagePoint, ReportError};

/// One pair of axes.
#[derive(Clone, Debug, PartialEq)]
pub struct Heatmap {
    pub x: Side,
    pub y: Side,
    /// Rows by `y`, columns by `x`.
    pub cells: Vec<Spread>,
    /// The cell in which the winner lies.
    pub winner: Option<usize>,
    /// Cells that hold a configuration of the winner's plateau.
    pub plateau: Vec<bool>,
    /// The cell of the configuration that is best by plateau.
    pub peak: Option<usize>,
    /// Cells that hold a configuration which stands above luck on its own; empty where it is too short to say.
    pub stands: Vec<bool>,
}

impl Heatmap {
    /// The cell of a place on the strategy axes.
    pub fn cell(&self, at: &[u16]) -> usize {
        self.y.group(at[self.y.axis]) * self.x.labels.len() + self.x.group(at[self.x.axis])
    }
}

/// An axis as a heatmap shows it: neighbouring values are put together where there are too many.
#[derive(Clone, Debug, PartialEq)]
pub struct Side {
    /// Position among the strategy axes.
    pub axis: usize,
    /// Values in each group; 1 unless the axis was folded.
    pub width: usize,
    /// One a group.
    pub labels: Vec<String>,
}

impl Side {
    /// `axis` in at most `most` groups.
    pub fn fold(position: usize, axis: &PageAxis, most: usize) -> Side {
        let width = axis.values.len().div_ceil(most).max(1);
        let label = |group: &[String]| match group {
            [one] => one.clone(),
            [first, .., last] => format!("{first}…{last}"),
            [] => String::new(),
        };
        Side { axis: position, width, labels: axis.values.chunks(width).map(label).collect() }
    }

    pub fn group(&self, value: u16) -> usize {
        usize::from(value) / self.width
    }

    fn of(&self) -> (usize, usize, usize) {
        (self.axis, self.labels.len(), self.width)
    }
}

/// Which figure of a cell is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pick {
    Best,
    Median,
    Worst,
}

impl Pick {
    pub const ALL: [Pick; 3] = [Pick::Median, Pick::Best, Pick::Worst];

    pub fn name(self) -> &'static str {
        match self {
            Pick::Best => "best",
            Pick::Median => "median",
            Pick::Worst => "worst",
        }
    }

    pub fn of(self, spread: &Spread) -> Option<f64> {
        match self {
            Pick::Best => spread.best,
            Pick::Median => spread.median,
            Pick::Worst => spread.worst,
        }
    }
}

/// Cells of all heatmaps of a page together: more would make it slow to open.
const CELL_LIMIT: usize = 12_000;

/// A heatmap for every pair of `axes` (the strategy axes) that have at least two values each. Points that failed a
/// `require` are left out unless all did. `plateau` are the points connected with the winner.
pub fn heatmaps(
    axes: &[&PageAxis],
    points: &[PagePoint],
    winner: Option<&[u16]>,
    plateau: &[&PagePoint],
) -> Result<Vec<Heatmap>, ReportError> {
    let frame = Frame::new(axes, points);
    let moving: Vec<usize> = (0..axes.len()).filter(|i| axes[*i].values.len() > 1).collect();
    let pairs: Vec<(usize, usize)> =
        moving.iter().enumerate().flat_map(|(n, x)| moving[n + 1..].iter().map(|y| (*x, *y))).collect();
    let most = groups_an_axis(axes, &pairs);
    let mut out = Vec::with_capacity(pairs.len());
    for (x, y) in pairs {
        // the longer axis runs across
        let (x, y) = if axes[y].values.len() > axes[x].values.len() { (y, x) } else { (x, y) };
        let (x, y) = (Side::fold(x, axes[x], most), Side::fold(y, axes[y], most));
        let cell = |at: &[u16]| y.group(at[y.axis]) * x.labels.len() + x.group(at[x.axis]);
        let cells = frame.by_pair(x.of(), y.of())?;
        let mut marked = vec![false; cells.len()];
        plateau.iter().for_each(|p| marked[cell(&p.at)] = true);
        let is_judged = points.iter().any(|point| point.stands.is_some());
        let mut stands = vec![false; if is_judged { cells.len() } else { 0 }];
        points.iter().filter(|p| p.stands == Some(true)).for_each(|p| stands[cell(&p.at)] = true);
        out.push(Heatmap { winner: winner.map(cell), plateau: marked, peak: None, stands, cells, x, y });
    }
    Ok(out)
}

/// The most groups an axis may have so that all pairs stay within `CELL_LIMIT`.
fn groups_an_axis(axes: &[&PageAxis], pairs: &[(usize, usize)]) -> usize {
    let cells = |most: usize| -> usize {
        let side = |i: usize| axes[i].values.len().min(most);
        pairs.iter().map(|(x, y)| side(*x) * side(*y)).sum()
    };
    (2..=32).rev().find(|most| cells(*most) <= CELL_LIMIT).unwrap_or(2)
}

/// Metric values to colours: the same for all heatmaps of one statistic, so that they can be compared.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Shades {
    pub ramp: Ramp,
    pub lo: f64,
    pub hi: f64,
}

impl Shades {
    /// Over one statistic of the cells of all `maps`. Where any cell has a configuration under zero, zero is the middle,
    /// so that orange is a loss and blue a gain whatever the statistic.
    pub fn over(maps: &[Heatmap], pick: Pick) -> Shades {
        let cells = || maps.iter().flat_map(|m| &m.cells);
        let mut values: Vec<f64> = cells().filter_map(|c| pick.of(c)).collect();
        values.sort_by(f64::total_cmp);
        let at = |part: f64| values.get((values.len().saturating_sub(1) as f64 * part).round() as usize).copied();
        // one odd cell in a hundred must not flatten the rest
        let (lo, hi) = (at(0.01).unwrap_or(0.0), at(0.99).unwrap_or(1.0));
        if cells().any(|c| c.worst.is_some_and(|w| w < 0.0)) {
            let far = hi.max(-lo).max(f64::MIN_POSITIVE);
            Shades { ramp: Ramp::Signed, lo: -far, hi: far }
        } else {
            Shades { ramp: Ramp::Plain, lo, hi }
        }
    }

    /// How far from nought the colours go.
    pub fn reach(&self) -> f64 {
        self.lo.abs().max(self.hi.abs())
    }

    /// 0 to `STEPS - 1`.
    pub fn step(&self, value: f64) -> usize {
        let part = if self.hi > self.lo { (value - self.lo) / (self.hi - self.lo) } else { 0.5 };
        (part.clamp(0.0, 1.0) * (STEPS - 1) as f64).round() as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::AxisKind;

    fn axis(name: &str, values: usize) -> PageAxis {
        let values = (0..values).map(|v| v.to_string()).collect();
        PageAxis { name: name.to_owned(), kind: AxisKind::Strategy, values, feeds: false, dead: false }
    }

    /// metric = 100 a + 10 b + c over a 2 x 2 x 3 grid.
    fn points() -> Vec<PagePoint> {
        let mut out = Vec::new();
        for (a, b, c) in (0..12u16).map(|i| (i / 6, i / 3 % 2, i % 3)) {
            let metric = Some(f64::from(100 * a + 10 * b + c));
            out.push(PagePoint { at: vec![a, b, c], metric, eligible: true, stands: Some(a == 1) });
        }
        out
    }

    #[test]
    fn every_pair_is_summarised_over_the_others() {
        let axes = [axis("a", 2), axis("b", 2), axis("c", 3)];
        let axes: Vec<&PageAxis> = axes.iter().collect();
        let points = points();
        let maps = heatmaps(&axes, &points, Some(&[1, 0, 2]), &[&points[0]]).unwrap();
        assert_eq!(maps.len(), 3);
        let ab = &maps[0];
        assert_eq!((ab.x.axis, ab.y.axis), (0, 1));
        // over c: best 2, median 1, worst 0 added to 100 a + 10 b
        let medians: Vec<_> = ab.cells.iter().map(|c| c.median.unwrap()).collect();
        assert_eq!(medians, [1.0, 101.0, 11.0, 111.0]);
        assert_eq!((ab.cells[3].best, ab.cells[3].worst, ab.cells[3].count), (Some(112.0), Some(110.0), 3));
        assert_eq!(ab.winner, Some(1), "a = 1 across, b = 0 down");
        assert_eq!(ab.plateau, [true, false, false, false]);
        assert_eq!(ab.stands, [false, true, false, true], "a = 1 stands above luck");
        // the longer axis runs across; over b: an even number, so the mean of the middle two
        let ac = &maps[1];
        assert_eq!((ac.x.axis, ac.y.axis), (2, 0));
        assert_eq!(ac.cells[5].median, Some(107.0), "c = 2, a = 1: 102 and 112");
        assert_eq!(ac.winner, Some(5));
    }

    #[test]
    fn long_axes_are_folded_and_say_so() {
        let (long, short) = (axis("a", 300), axis("b", 400));
        let points: Vec<PagePoint> = (0..300u16)
            .map(|i| PagePoint { at: vec![i, i], metric: Some(f64::from(i)), eligible: true, stands: None })
            .collect();
        let maps = heatmaps(&[&long, &short], &points, Some(&[299, 299]), &[]).unwrap();
        assert!(maps[0].cells.len() <= 32 * 32);
        assert_eq!(maps[0].x.labels[0], "0…12");
        assert_eq!(maps[0].cells.iter().map(|c| c.count).sum::<u64>(), 300);
        assert!(maps[0].cells[maps[0].winner.unwrap()].best == Some(299.0));
        let many: Vec<PageAxis> = (0..12).map(|i| axis(&i.to_string(), 40)).collect();
        let all = heatmaps(&many.iter().collect::<Vec<_>>(), &[], None, &[]).unwrap();
        assert!(all.iter().map(|m| m.cells.len()).sum::<usize>() <= CELL_LIMIT);
    }

    #[test]
    fn zero_is_the_middle_when_both_signs_occur() {
        let shades = Shades { ramp: Ramp::Signed, lo: -2.0, hi: 2.0 };
        assert_eq!((shades.step(-9.0), shades.step(0.0), shades.step(2.0)), (0, STEPS / 2, STEPS - 1));
        let losing = |metric: f64| PagePoint { at: vec![0, 0], metric: Some(metric), eligible: true, stands: None };
        let (a, b) = (axis("a", 2), axis("b", 2));
        let maps = heatmaps(&[&a, &b], &[losing(-3.0)], None, &[]).unwrap();
        let shades = Shades::over(&maps, Pick::Median);
        assert_eq!((shades.ramp, shades.step(-3.0)), (Ramp::Signed, 0), "all losses are orange");
        assert!(Shades::over(&[], Pick::Best).step(0.5) > 0);
    }
}
