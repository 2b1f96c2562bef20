//! The normal distribution, and the maximum of many of its draws.

use std::f64::consts::{FRAC_1_SQRT_2, PI, SQRT_2};

/// Euler's constant.
const GAMMA: f64 = 0.577_215_664_901_532_9;

pub fn density(x: f64) -> f64 {
    libm::exp(-0.5 * x * x) / (SQRT_2 * PI.sqrt())
}

pub fn cdf(x: f64) -> f64 {
    0.5 * libm::erfc(-x * FRAC_1_SQRT_2)
}

/// Logarithm of [`cdf`], exact where that is close to 1.
pub fn log_cdf(x: f64) -> f64 {
    if x > 0.0 { libm::log1p(-cdf(-x)) } else { libm::log(cdf(x)) }
}

/// The inverse of [`cdf`]. Begins with a rational approximation (C. Hastings, 1955, good to 4.5e-4) and refines it by
/// Halley's method, in the lower tail, where the probability has all its digits.
pub fn quantile(p: f64) -> f64 {
    if p > 0.5 {
        return -lower_quantile(1.0 - p);
    }
    lower_quantile(p)
}

/// The point with the probability `p` above it; for `p` near 0.
pub fn upper_quantile(p: f64) -> f64 {
    -lower_quantile(p)
}

fn lower_quantile(p: f64) -> f64 {
    if p <= 0.0 || p >= 1.0 {
        return if p <= 0.0 { f64::NEG_INFINITY } else { f64::INFINITY };
    }
    let tail = p.min(1.0 - p);
    let t = (-2.0 * libm::log(tail)).sqrt();
    let above = (2.515517 + t * (0.802853 + t * 0.010328)) / (1.0 + t * (1.432788 + t * (0.189269 + t * 0.001308)));
    let mut x = above - t;
    if p > 0.5 {
        x = -x;
    }
    for _ in 0..3 {
        let step = (cdf(x) - p) / density(x);
        x -= step / (1.0 + 0.5 * x * step);
    }
    x
}

/// Mean and standard deviation of the greatest of `n` independent normal draws; `n` need not be whole.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Greatest {
    pub mean: f64,
    pub sd: f64,
}

/// Where the densities of a maximum are summed: they vanish at both ends, so plain sums converge faster than any power.
const FROM: f64 = -9.0;
const STEP: f64 = 1.0 / 128.0;
const POINTS: usize = 23 * 128;

/// The points of the sum: (x, log of the cdf, density times step).
fn points() -> Vec<(f64, f64, f64)> {
    let point = |i: usize| {
        let x = FROM + i as f64 * STEP;
        (x, log_cdf(x), STEP * density(x))
    };
    (0..=POINTS).map(point).collect()
}

fn moments(n: f64, points: &[(f64, f64, f64)]) -> Greatest {
    let (mut first, mut second) = (0.0, 0.0);
    for (x, log_cdf, weight) in points {
        let share = n * weight * libm::exp((n - 1.0) * log_cdf);
        first += x * share;
        second += x * x * share;
    }
    Greatest { mean: first, sd: (second - first * first).max(0.0).sqrt() }
}

/// Of `n` draws, 1 to 1e15, by quadrature of x^r n f(x) F(x)^(n-1).
pub fn greatest(n: f64) -> Greatest {
    moments(n, &points())
}

/// The `n` whose greatest draw has this mean; 1 for a mean of 0 or less.
pub fn count_with_mean(mean: f64) -> f64 {
    let points = points();
    let (mut low, mut high) = (0.0f64, 34.0f64);
    for _ in 0..80 {
        let middle = 0.5 * (low + high);
        match moments(libm::exp(middle), &points).mean < mean {
            true => low = middle,
            false => high = middle,
        }
    }
    libm::exp(0.5 * (low + high))
}

/// The value that the greatest of `n` draws stays below with probability `p`.
pub fn greatest_quantile(n: f64, p: f64) -> f64 {
    upper_quantile(-libm::expm1(libm::log(p) / n))
}

/// The approximation of the mean of the greatest in the false strategy theorem (D. Bailey, M. Lopez de Prado, The Deflated
/// Sharpe Ratio, 2014), which the published forms of DSR and MinBTL are made with. 0 for one draw.
pub fn false_strategy(n: f64) -> f64 {
    if n <= 1.0 {
        return 0.0;
    }
    (1.0 - GAMMA) * upper_quantile(1.0 / n) + GAMMA * upper_quantile(1.0 / (n * std::f64::consts::E))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantile_inverts_cdf() {
        for i in 1..2_000 {
            let p = f64::from(i) / 2_000.0;
            assert!((cdf(quantile(p)) - p).abs() < 1e-15, "{p}");
        }
        for k in 1..300 {
            let p = libm::pow(10.0, -f64::from(k));
            assert!((cdf(quantile(p)) / p - 1.0).abs() < 1e-11, "{p}");
        }
        // Wichura's three test values of AS 241
        for (p, x) in [(0.25, -0.6744897501960817), (0.001, -3.090232306167814), (1e-20, -9.262340089798408)] {
            assert!((quantile(p) - x).abs() < 1e-14, "{p}: {}", quantile(p));
        }
        assert_eq!(quantile(0.0), f64::NEG_INFINITY);
        assert_eq!(quantile(1.0), f64::INFINITY);
    }

    #[test]
    fn the_maximum_stays_below_its_quantile() {
        for n in [1.0, 10.0, 1e6] {
            for p in [0.05, 0.5, 0.95] {
                assert!((libm::exp(n * log_cdf(greatest_quantile(n, p))) - p).abs() < 1e-12, "{n} {p}");
            }
        }
    }
}
