//! Axes of charts: round ticks for numbers and for time, and series thinned to what a screen can show.

use super::{Curve, Spans, text};
use perpx_core::units::{DAY, HOUR, MINUTE, NS, SECOND, Time, TimeDelta};

/// One clock across all panels of a chart: the whole range from `left` to `right`.
pub struct Clock<'a> {
    pub spans: &'a Spans,
    pub left: f64,
    pub right: f64,
}

impl Clock<'_> {
    /// 0 to 1 over the whole range.
    pub fn part(&self, t: Time) -> f64 {
        t.since(self.spans.from).as_f64(self.spans.to.since(self.spans.from))
    }

    pub fn x(&self, t: Time) -> f64 {
        self.left + (self.right - self.left) * self.part(t)
    }
}

/// A rectangle in which something is drawn; `top` is the smaller y.
#[derive(Clone, Copy, Debug)]
pub struct Plot {
    pub left: f64,
    pub right: f64,
    pub top: f64,
    pub bottom: f64,
}

impl Plot {
    /// 0 to 1 across.
    pub fn x(&self, part: f64) -> f64 {
        self.left + (self.right - self.left) * part
    }

    /// 0 to 1 upwards.
    pub fn y(&self, part: f64) -> f64 {
        self.bottom - (self.bottom - self.top) * part
    }
}

/// A range of numbers that ends on round ticks.
#[derive(Clone, Debug, PartialEq)]
pub struct Scale {
    pub lo: f64,
    pub hi: f64,
    pub ticks: Vec<f64>,
    decimals: usize,
}

impl Scale {
    /// Around `values`, with about `want` ticks. Of no values or one: a range of 1 around it.
    pub fn over(values: impl IntoIterator<Item = f64>, want: usize) -> Scale {
        let (mut lo, mut hi) = (f64::INFINITY, f64::NEG_INFINITY);
        for value in values.into_iter().filter(|v| v.is_finite()) {
            (lo, hi) = (lo.min(value), hi.max(value));
        }
        if lo > hi {
            (lo, hi) = (0.0, 1.0);
        }
        if hi - lo < lo.abs().max(hi.abs()).max(1e-9) * 1e-9 {
            let half = if lo == 0.0 { 0.5 } else { lo.abs() * 0.05 };
            (lo, hi) = (lo - half, hi + half);
        }
        let step = round_step((hi - lo) / want.max(2) as f64);
        let (first, last) = ((lo / step).floor(), (hi / step).ceil());
        let ticks: Vec<f64> = (0..=(last - first) as usize).map(|i| (first + i as f64) * step).collect();
        let decimals = (-(step * 1.0001).log10().floor()).max(0.0) as usize;
        let finer = usize::from(((step * 10f64.powi(decimals as i32)).fract() - 0.5).abs() < 0.01);
        Scale { lo: first * step, hi: last * step, ticks, decimals: decimals + finer }
    }

    /// 0 at `lo`, 1 at `hi`; values outside are held at the ends.
    pub fn place(&self, value: f64) -> f64 {
        ((value - self.lo) / (self.hi - self.lo)).clamp(0.0, 1.0)
    }

    /// How far from nought it goes.
    pub fn reach(&self) -> f64 {
        self.lo.abs().max(self.hi.abs())
    }

    pub fn label(&self, tick: f64) -> String {
        text::fixed(tick, self.decimals)
    }
}

/// 1, 2, 2.5 or 5 times a power of ten, not under `raw`.
fn round_step(raw: f64) -> f64 {
    let power = 10f64.powf(raw.log10().floor());
    let part = raw / power;
    power * [1.0, 2.0, 2.5, 5.0].into_iter().find(|s| part <= s * 1.000_001).unwrap_or(10.0)
}

/// Round moments in `from..=to`, at most about `want`, with their labels: days, or the clock where a day is longer than
/// a step (midnight still names its day).
pub fn time_ticks(from: Time, to: Time, want: usize) -> Vec<(Time, String)> {
    let steps = [
        (SECOND, [1, 5, 15, 30].as_slice()),
        (MINUTE, &[1, 2, 5, 15, 30]),
        (HOUR, &[1, 3, 6, 12]),
        (DAY, &[1, 2, 7, 14, 30, 91]),
    ];
    let mut steps = steps.into_iter().flat_map(|(unit, counts)| counts.iter().map(move |&count| count * unit));
    let length = to.since(from).max(NS);
    let fits = |step: &TimeDelta| length / *step <= want.max(1) as i64;
    let step = steps.find(fits).unwrap_or_else(|| (length / want.max(1) as i64 / DAY + 1) * DAY);
    // several days are counted from the first
    let first = if step > DAY { from.floor_to(DAY) } else { from.floor_to(step) };
    let mut out = Vec::new();
    for i in 0..=length / step + 1 {
        let at = first.plus(i * step);
        if at >= from && at <= to {
            let midnight = at.floor_to(DAY) == at;
            let label = if midnight { text::day(at) } else { text::clock(at, step < MINUTE) };
            out.push((at, label));
        }
    }
    out
}

/// At most four samples (first, lowest, highest, last) of each of `buckets` equal parts of `from..to`, so that no peak
/// is lost. A short series comes back as it is.
pub fn thin(samples: &[(Time, f64)], from: Time, to: Time, buckets: usize) -> Vec<(Time, f64)> {
    let known = samples.iter().filter(|s| s.1.is_finite() && s.0 >= from && s.0 <= to).copied();
    if samples.len() <= buckets * 4 {
        return known.collect();
    }
    let length = i128::from(to.since(from).0.max(1));
    let bucket = |t: Time| i128::from(t.since(from).0) * buckets as i128 / length;
    let mut out = Vec::with_capacity(buckets * 4);
    let mut part: Vec<(Time, f64)> = Vec::new();
    for sample in known {
        if part.first().is_some_and(|first| bucket(first.0) != bucket(sample.0)) {
            keep(&part, &mut out);
            part.clear();
        }
        part.push(sample);
    }
    keep(&part, &mut out);
    out
}

/// The newest sample in each of `count` equal parts of the range, or before it; nothing before the first, in the embargo,
/// or of the first run in the second.
pub fn sample(samples: &[(Time, f64)], spans: &Spans, count: usize) -> Vec<Option<f64>> {
    let length = i128::from(spans.to.since(spans.from).0.max(1));
    let moment = |i: usize| spans.from.plus(TimeDelta((length * i as i128 / count as i128) as i64));
    let read = |i: usize| {
        let (start, end) = (moment(i), moment(i + 1));
        let place = samples.partition_point(|s| s.0 <= end);
        let newest = samples[..place].last().filter(|s| s.1.is_finite())?;
        let idle = spans.has_held_out() && start >= spans.embargo && newest.0 < spans.held_out;
        (!idle).then_some(newest.1)
    };
    (0..count).map(read).collect()
}

/// The four telling samples of one bucket, in their order, none twice.
fn keep(part: &[(Time, f64)], out: &mut Vec<(Time, f64)>) {
    if part.is_empty() {
        return;
    }
    let by_value = |a: &usize, b: &usize| part[*a].1.total_cmp(&part[*b].1);
    let low = (0..part.len()).min_by(by_value).unwrap_or(0);
    let high = (0..part.len()).max_by(by_value).unwrap_or(0);
    let mut places = [0, low, high, part.len() - 1];
    places.sort_unstable();
    let mut last = usize::MAX;
    for place in places {
        if place != last {
            out.push(part[place]);
        }
        last = place;
    }
}

/// Fall from the highest equity so far, percent of the initial capital, zero or negative. The held-out run starts with
/// fresh capital, and so with a peak of its own.
pub fn drawdown(curve: &Curve, spans: &Spans) -> Vec<(Time, f64)> {
    let mut peak = curve.capital;
    let mut fresh = !spans.has_held_out();
    let from_peak = |(time, equity): &(Time, f64)| {
        if *time >= spans.held_out && !fresh {
            fresh = true;
            peak = curve.capital;
        }
        peak = peak.max(*equity);
        (*time, if curve.capital > 0.0 { (equity - peak) / curve.capital * 100.0 } else { 0.0 })
    };
    curve.samples.iter().filter(|s| s.1.is_finite()).map(from_peak).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_cover_the_values() {
        let scale = Scale::over([9_873.0, 10_412.0], 5);
        assert_eq!((scale.lo, scale.hi), (9_800.0, 10_600.0));
        assert_eq!(scale.ticks.len(), 5);
        assert_eq!(scale.label(10_000.0), "10,000");
        let small = Scale::over([0.0, 0.011], 5);
        assert_eq!(small.label(small.ticks[1]), "0.0025");
        assert_eq!(Scale::over([], 4).ticks.first(), Some(&0.0));
        let flat = Scale::over([5.0], 4);
        assert!(flat.lo < 5.0 && flat.hi > 5.0);
        assert_eq!(Scale::over([f64::NAN, 1.0, 2.0], 2).place(1.5), 0.5);
    }

    #[test]
    fn time_ticks_fall_on_round_moments() {
        let week = time_ticks(Time::of_day(20_458), Time::of_day(20_465), 8);
        assert_eq!(week.len(), 8);
        assert_eq!(week[0].1, "5 Jan");
        let hours = time_ticks(Time::at(HOUR), Time::at(5 * HOUR), 6);
        assert_eq!(
            hours.iter().map(|t| t.1.as_str()).collect::<Vec<_>>(),
            ["01:00", "02:00", "03:00", "04:00", "05:00"]
        );
        assert!(time_ticks(Time(0), Time::of_day(4_000), 8).len() <= 9);
    }

    #[test]
    fn thinning_keeps_the_extremes() {
        let mut samples: Vec<(Time, f64)> = (0..10_000).map(|i| (Time(i), (i % 7) as f64)).collect();
        samples[7_777].1 = -50.0;
        samples[1_234].1 = 99.0;
        let thinned = thin(&samples, Time(0), Time(10_000), 100);
        assert!(thinned.len() <= 400);
        assert!(thinned.contains(&(Time(7_777), -50.0)) && thinned.contains(&(Time(1_234), 99.0)));
        assert!(thinned.windows(2).all(|w| w[0].0 < w[1].0), "in order, none twice");
    }

    #[test]
    fn sampling_carries_on_but_not_over_the_embargo() {
        let spans = Spans { from: Time(0), embargo: Time(40), held_out: Time(60), to: Time(100) };
        let samples = [(Time(15), 1.0), (Time(30), 2.0), (Time(70), 3.0)];
        let read = sample(&samples, &spans, 10);
        let (none, one, two, three) = (None, Some(1.0), Some(2.0), Some(3.0));
        assert_eq!(read, [none, one, two, two, none, none, three, three, three, three]);
    }

    #[test]
    fn drawdown_is_percent_of_the_capital() {
        let falls = |samples: &[(Time, f64)], held_out: i64| -> Vec<f64> {
            let curve = Curve { rank: 1, id: String::new(), capital: 200.0, samples: samples.to_vec() };
            let spans = Spans { from: Time(0), embargo: Time(held_out), held_out: Time(held_out), to: Time(20) };
            drawdown(&curve, &spans).into_iter().map(|s| s.1).collect()
        };
        let at = |t: i64, equity| (Time(t), equity);
        assert_eq!(falls(&[at(0, 190.0), at(1, 220.0), at(2, 180.0), at(3, 230.0)], 20), [-5.0, 0.0, -20.0, 0.0]);
        // the held-out run has capital and peak of its own
        assert_eq!(falls(&[at(0, 240.0), at(5, 220.0), at(9, 200.0), at(10, 150.0)], 9), [0.0, -10.0, 0.0, -25.0]);
    }
}
