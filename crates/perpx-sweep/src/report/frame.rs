//! Summaries of all configurations, by polars. The one module of the report that knows a data frame.

use super::{PageAxis, PagePoint, ReportError};
use polars::prelude::*;

/// Best, median and worst of a group, higher being better, and how many it had.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Spread {
    pub best: Option<f64>,
    pub median: Option<f64>,
    pub worst: Option<f64>,
    /// First and third quartile.
    pub middle: Option<(f64, f64)>,
    pub count: u64,
}

impl Spread {
    /// The same where lower is better.
    pub fn turn(&mut self) {
        std::mem::swap(&mut self.best, &mut self.worst);
    }
}

/// The points with a metric as columns: one a strategy axis, and the metric.
pub struct Frame {
    at: Vec<Vec<u16>>,
    metric: Series,
}

const KEY: &str = "key";
const METRIC: &str = "metric";

impl Frame {
    /// Of the points that meet every `require`, or of all when none does.
    pub fn new(axes: &[&PageAxis], points: &[PagePoint]) -> Frame {
        let any = points.iter().any(|p| p.eligible);
        let has_metric = |p: &&PagePoint| p.metric.is_some_and(f64::is_finite) && (p.eligible || !any);
        let kept: Vec<&PagePoint> = points.iter().filter(has_metric).collect();
        let column = |i: usize| kept.iter().map(|p| p.at[i]).collect();
        let metric: Vec<f64> = kept.iter().filter_map(|p| p.metric).collect();
        Frame { at: (0..axes.len()).map(column).collect(), metric: Series::new(METRIC.into(), metric) }
    }

    pub fn len(&self) -> usize {
        self.metric.len()
    }

    /// Every metric, ascending.
    pub fn sorted(&self) -> Result<Vec<f64>, ReportError> {
        let sorted = self.metric.sort(SortOptions::default()).map_err(summary)?;
        values(&sorted.into_column())
    }

    /// A spread for each of `bins` groups of values of one axis; `width` neighbouring values make a group.
    pub fn by_axis(&self, axis: usize, bins: usize, width: usize) -> Result<Vec<Spread>, ReportError> {
        let keys = self.at[axis].iter().map(|v| *v as u32 / width as u32).collect();
        self.group(keys, bins, true)
    }

    /// A spread for each cell, rows by `y`, columns by `x`; each axis as (position, groups, values a group).
    pub fn by_pair(&self, x: (usize, usize, usize), y: (usize, usize, usize)) -> Result<Vec<Spread>, ReportError> {
        let pairs = self.at[x.0].iter().zip(&self.at[y.0]);
        let key = |(i, j): (&u16, &u16)| (usize::from(*j) / y.2 * x.1 + usize::from(*i) / x.2) as u32;
        self.group(pairs.map(key).collect(), x.1 * y.1, false)
    }

    /// The spread of all metrics with the same key, by key; nothing for a key that no point has.
    fn group(&self, keys: Vec<u32>, groups: usize, quartiles: bool) -> Result<Vec<Spread>, ReportError> {
        let mut out = vec![Spread::default(); groups];
        if self.len() == 0 {
            return Ok(out);
        }
        let columns = vec![Column::new(KEY.into(), keys), self.metric.clone().into_column()];
        let frame = DataFrame::new(self.len(), columns).map_err(summary)?;
        let sorted = frame.sort([KEY, METRIC], SortMultipleOptions::default()).map_err(summary)?;
        let keys: Vec<u32> =
            sorted.column(KEY).and_then(|c| Ok(c.u32()?.into_no_null_iter().collect())).map_err(summary)?;
        let metrics = values(sorted.column(METRIC).map_err(summary)?)?;
        // each group is now a run of equal keys whose metrics ascend
        let mut start = 0;
        for run in keys.chunk_by(|a, b| a == b) {
            let end = start + run.len();
            out[run[0] as usize] = spread(&metrics[start..end], quartiles);
            start = end;
        }
        Ok(out)
    }
}

/// Of metrics in ascending order, at least one.
fn spread(sorted: &[f64], quartiles: bool) -> Spread {
    Spread {
        best: sorted.last().copied(),
        median: Some(quantile(sorted, 0.5)),
        worst: sorted.first().copied(),
        middle: quartiles.then(|| (quantile(sorted, 0.25), quantile(sorted, 0.75))),
        count: sorted.len() as u64,
    }
}

/// Between the two nearest of `sorted` (ascending, at least one), linear; the median of two is their mean.
pub fn quantile(sorted: &[f64], part: f64) -> f64 {
    let place = part * (sorted.len() - 1) as f64;
    let (left, right) = (sorted[place.floor() as usize], sorted[place.ceil() as usize]);
    left + (right - left) * place.fract()
}

fn values(column: &Column) -> Result<Vec<f64>, ReportError> {
    Ok(column.f64().map_err(summary)?.into_no_null_iter().collect())
}

fn summary(source: PolarsError) -> ReportError {
    ReportError::Summary { what: source.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::AxisKind;

    fn axis(values: usize) -> PageAxis {
        let values = (0..values).map(|v| v.to_string()).collect();
        PageAxis { name: "a".to_owned(), kind: AxisKind::Strategy, values, feeds: false, dead: false }
    }

    fn point(at: [u16; 2], metric: Option<f64>, eligible: bool) -> PagePoint {
        PagePoint { at: at.to_vec(), metric, eligible, stands: None }
    }

    #[test]
    fn groups_agree_with_a_hand_count() {
        let (x, y) = (axis(2), axis(3));
        let points = [
            point([0, 0], Some(1.0), true),
            point([0, 0], Some(4.0), true),
            point([0, 0], Some(2.0), true),
            point([1, 2], Some(-3.0), true),
            point([1, 2], Some(9.0), false),
            point([1, 1], None, true),
        ];
        let frame = Frame::new(&[&x, &y], &points);
        assert_eq!(frame.len(), 4);
        assert_eq!(frame.sorted().unwrap(), [-3.0, 1.0, 2.0, 4.0]);
        let cells = frame.by_pair((0, 2, 1), (1, 3, 1)).unwrap();
        let full = Spread { best: Some(4.0), median: Some(2.0), worst: Some(1.0), middle: None, count: 3 };
        assert_eq!(cells[0], full);
        assert_eq!((cells[5].best, cells[5].count), (Some(-3.0), 1));
        assert_eq!(cells[3], Spread::default(), "no point, no figure");
        let slice = frame.by_axis(1, 2, 2).unwrap();
        assert_eq!((slice[0].count, slice[0].middle), (3, Some((1.5, 3.0))));
    }

    #[test]
    fn without_an_eligible_point_all_count() {
        let (x, y) = (axis(1), axis(1));
        let frame = Frame::new(&[&x, &y], &[point([0, 0], Some(7.0), false)]);
        assert_eq!(frame.by_pair((0, 1, 1), (1, 1, 1)).unwrap()[0].median, Some(7.0));
        assert_eq!(Frame::new(&[&x, &y], &[]).by_axis(0, 1, 1).unwrap().len(), 1);
    }
}
