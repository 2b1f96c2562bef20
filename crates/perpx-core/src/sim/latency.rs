//! How long a message travels.

use super::chance::{Dice, Key, Kind};
use super::venue::Env;
use crate::config::{Burst, Latency};
use crate::tape::Second;
use crate::units::{Time, TimeDelta};

/// One travel, not negative. The draw is put through the inverse distribution, so that a changed median
/// keeps the quantile; a constant draws nothing.
fn travel(latency: &Latency, dice: Dice, kind: Kind, key: Key, number: u32) -> TimeDelta {
    match *latency {
        Latency::Constant(latency) => latency.max(TimeDelta::ZERO),
        Latency::Lognormal { median, sigma } => {
            let z = normal_quantile(dice.open_unit(kind, key, number));
            TimeDelta((median.0 as f64 * libm::exp(sigma * z)).round().max(0.0) as i64)
        }
        Latency::Quantiles(ref quantiles) => {
            let steps = quantiles.len().saturating_sub(1);
            let place = dice.unit(kind, key, number) * steps as f64;
            let low = (place as usize).min(steps.saturating_sub(1));
            let at = |step: usize| quantiles.get(step).copied().unwrap_or_default();
            let (from, to) = (at(low), at(low + 1));
            from + TimeDelta(((place - low as f64) * (to - from).0 as f64) as i64)
        }
        Latency::Measured(ref measured) => nearest(measured, key.at),
        // not drawn: see `Env::travel`
        Latency::Recorded => TimeDelta::ZERO,
    }
}

/// Of the nearest time; of two that are as near, the earlier one's.
fn nearest(measured: &[(Time, TimeDelta)], at: Time) -> TimeDelta {
    let next = measured.partition_point(|(time, _)| *time < at);
    let around = measured[next.saturating_sub(1)..].iter().take(2);
    around.min_by_key(|(time, _)| time.since(at).0.abs()).map_or(TimeDelta::ZERO, |(_, way)| *way)
}

impl Env<'_> {
    /// How long a message takes which sets out at `at` (the venue's clock), the load of its feed regarded.
    #[inline]
    pub(super) fn travel(&self, latency: &Latency, kind: Kind, key: Key, number: u32, at: Time) -> TimeDelta {
        let calm = match latency {
            Latency::Recorded => self.second_before(at).map_or(TimeDelta::ZERO, |second| second.delay),
            _ => travel(latency, self.dice, kind, key, number),
        };
        let Burst { slope, calm_rows } = self.world.fills.burst;
        if slope == 0.0 {
            return calm;
        }
        let rows = self.second_before(at).filter(|second| second.is_the_last(at)).map_or(0, |second| second.rows);
        let busy = f64::from(rows) / f64::from(calm_rows.max(1)) - 1.0;
        TimeDelta((calm.0 as f64 * (1.0 + slope * busy.max(0.0))).round() as i64)
    }

    /// The newest second with rows before `at`.
    fn second_before(&self, at: Time) -> Option<&Second> {
        self.rows.load.as_ref().and_then(|load| load.before(at))
    }
}

const CENTRE_UP: [f64; 8] = [
    2509.0809287301227,
    33430.57558358813,
    67265.7709270087,
    45921.95393154987,
    13731.69376550946,
    1971.5909503065513,
    133.14166789178438,
    3.3871328727963665,
];
const CENTRE_DOWN: [f64; 8] = [
    5226.495278852854,
    28729.085735721943,
    39307.89580009271,
    21213.794301586597,
    5394.196021424751,
    687.1870074920579,
    42.31333070160091,
    1.0,
];
const MIDDLE_UP: [f64; 8] = [
    0.0007745450142783414,
    0.022723844989269184,
    0.2417807251774506,
    1.2704582524523684,
    3.6478483247632045,
    5.769497221460691,
    4.630337846156546,
    1.4234371107496835,
];
const MIDDLE_DOWN: [f64; 8] = [
    1.0507500716444169e-09,
    0.0005475938084995345,
    0.015198666563616457,
    0.14810397642748008,
    0.6897673349851,
    1.6763848301838038,
    2.053191626637759,
    1.0,
];
const TAIL_UP: [f64; 8] = [
    2.0103343992922881e-07,
    2.7115555687434876e-05,
    0.0012426609473880784,
    0.026532189526576124,
    0.29656057182850487,
    1.7848265399172913,
    5.463784911164114,
    6.657904643501103,
];
const TAIL_DOWN: [f64; 8] = [
    2.0442631033899397e-15,
    1.421511758316446e-07,
    1.8463183175100548e-05,
    0.0007868691311456133,
    0.014875361290850615,
    0.1369298809227358,
    0.599832206555888,
    1.0,
];

/// z with P(Z <= z) = p of the standard normal distribution, 0 < p < 1, to about 16 digits.
/// Source: M. J. Wichura, "Algorithm AS 241: The percentage points of the normal distribution", Applied Statistics 37
/// (1988), 477-484, routine PPND16; its coefficients, highest power first, in shortest form.
pub fn normal_quantile(p: f64) -> f64 {
    let q = p - 0.5;
    if q.abs() <= 0.425 {
        let r = 0.180625 - q * q;
        return q * polynomial(&CENTRE_UP, r) / polynomial(&CENTRE_DOWN, r);
    }
    let tail = if q < 0.0 { p } else { 1.0 - p };
    let r = libm::sqrt(-libm::log(tail));
    let z = if r <= 5.0 {
        polynomial(&MIDDLE_UP, r - 1.6) / polynomial(&MIDDLE_DOWN, r - 1.6)
    } else {
        polynomial(&TAIL_UP, r - 5.0) / polynomial(&TAIL_DOWN, r - 5.0)
    };
    if q < 0.0 { -z } else { z }
}

/// By Horner's rule, the highest power first.
fn polynomial(coefficients: &[f64; 8], x: f64) -> f64 {
    coefficients.iter().fold(0.0, |sum, c| sum * x + c)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::{MS, NS};

    /// Known points, and the round trip through the error function.
    #[test]
    fn quantiles() {
        assert_eq!(normal_quantile(0.5), 0.0);
        for (p, z) in [
            (0.025, -1.959_963_984_540_054),
            (0.999, 3.090_232_306_167_813_5),
            (0.3, -0.524_400_512_708_040_9),
            (1e-10, -6.361_340_902_404_056),
        ] {
            assert!((normal_quantile(p) / z - 1.0).abs() < 1e-14, "{p}: {}", normal_quantile(p));
        }
        for i in 1..1_000 {
            let p = f64::from(i) / 1_000.0;
            let back = 0.5 * libm::erfc(-normal_quantile(p) / std::f64::consts::SQRT_2);
            assert!((back - p).abs() < 1e-14, "{p} came back as {back}");
        }
        let edge = 0.5 / 4_503_599_627_370_496.0;
        assert!(normal_quantile(edge).is_finite() && normal_quantile(1.0 - edge).is_finite());
    }

    /// Quantiles 0, 1/4, .. 1 of 10, 20, 20, 60, 100 ms: a quarter lies below 20, a quarter at 20, a quarter above 60.
    #[test]
    fn a_measured_distribution_is_drawn_as_measured() {
        let latency = Latency::Quantiles([10, 20, 20, 60, 100].map(|ms| ms * MS).to_vec());
        let dice = Dice::new(3, "lighter");
        let draw = |at| travel(&latency, dice, Kind::OrderLatency, Key { at: Time(at), ordinal: 0 }, 0);
        let all: Vec<TimeDelta> = (0..10_000).map(draw).collect();
        for (from, to) in [(10 * MS, 20 * MS), (20 * MS, 20 * MS + NS), (60 * MS, 100 * MS)] {
            let share = all.iter().filter(|way| (from..to).contains(*way)).count();
            assert!((share as f64 - 2_500.0).abs() < 200.0, "{from:?} {to:?}: {share}");
        }
        let mean = all.into_iter().sum::<TimeDelta>().as_f64(MS) / 10_000.0;
        assert!((mean / 38.75 - 1.0).abs() < 0.02, "{mean}");
    }

    #[test]
    fn what_was_measured_is_taken_from_the_nearest_time() {
        let measured = [(Time(100), 5 * MS), (Time(200), 7 * MS), (Time(200), 8 * MS)];
        assert_eq!([0, 100, 150, 151, 200, 900].map(|at| nearest(&measured, Time(at)).0 / MS.0), [5, 5, 5, 7, 7, 8]);
        assert_eq!(nearest(&[], Time(1)), TimeDelta::ZERO);
    }

    #[test]
    fn a_changed_median_keeps_the_quantile() {
        let dice = Dice::new(3, "lighter");
        let of = |median, at| {
            let latency = Latency::Lognormal { median, sigma: 0.5 };
            travel(&latency, dice, Kind::OrderLatency, Key { at: Time(at), ordinal: 0 }, 0)
        };
        let mut below = 0;
        for at in 0..10_000 {
            let (one, two) = (of(50 * MS, at), of(100 * MS, at));
            assert!((two - 2 * one).0.abs() <= 1, "{one:?} {two:?}");
            below += i32::from(one < 50 * MS);
        }
        assert!((below - 5_000).abs() < 175, "half lie below the median: {below}");
    }
}
