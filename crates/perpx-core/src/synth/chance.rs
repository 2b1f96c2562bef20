//! Seeded chance: ChaCha8 streams and the few distributions that the generator needs.
//!
//! Every draw is made of integers, IEEE basic operations and `libm`, so a seed gives the same bytes on every machine.

use super::ou::Pull;
use crate::sim::latency::normal_quantile;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// One component's own stream of chance: components do not disturb each other's draws.
pub(super) struct Dice(ChaCha8Rng);

impl Dice {
    /// A stream of draws of its own.
    pub(super) fn new(seed: u64, stream: u64) -> Dice {
        let mut key = [0u8; 32];
        key[..8].copy_from_slice(&seed.to_le_bytes());
        let mut rng = ChaCha8Rng::from_seed(key);
        rng.set_stream(stream);
        Dice(rng)
    }

    /// Uniform in the open interval (0, 1), 2^52 values.
    pub(super) fn unit(&mut self) -> f64 {
        ((self.0.next_u64() >> 12) as f64 + 0.5) * (1.0 / (1u64 << 52) as f64)
    }

    /// True with probability `p`.
    pub(super) fn chance(&mut self, p: f64) -> bool {
        self.unit() < p
    }

    /// Uniform in `0..n`, n > 0. The bias of the multiplication is below n / 2^32.
    pub(super) fn below(&mut self, n: u32) -> u32 {
        ((u64::from(self.0.next_u32()) * u64::from(n)) >> 32) as u32
    }

    /// Standard normal.
    pub(super) fn normal(&mut self) -> f64 {
        normal_quantile(self.unit())
    }

    /// Log-normal of the given median; `spread` is the standard deviation of the logarithm.
    pub(super) fn log_normal(&mut self, median: f64, spread: f64) -> f64 {
        median * libm::exp(spread * self.normal())
    }

    /// Poisson by inversion, one uniform a call; at most 64.
    pub(super) fn poisson(&mut self, mean: f64) -> u32 {
        let u = self.unit();
        let mut p = libm::exp(-mean);
        let (mut sum, mut n) = (p, 0);
        while u > sum && n < 64 {
            n += 1;
            p *= mean / f64::from(n);
            sum += p;
        }
        n
    }

    /// The next value of a process that is pulled back to zero.
    pub(super) fn pull(&mut self, process: &mut Pull) -> f64 {
        let z = self.normal();
        process.step(z)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Points of the normal distribution from tables (Abramowitz and Stegun, table 26.5 and 26.6).
    #[test]
    fn normal_quantile_agrees_with_the_tables() {
        for (p, x) in [
            (0.5, 0.0),
            (0.841_344_746_068_542_9, 1.0),
            (0.975, 1.959_963_984_540_054),
            (0.999, 3.090_232_306_167_813),
            (1e-9, -5.997_807_015_007_687),
            (1e-14, -7.650_628_092_935_209),
        ] {
            assert!((normal_quantile(p) - x).abs() < 1e-9, "{p}: {}", normal_quantile(p));
            assert!((normal_quantile(p) + normal_quantile(1.0 - p)).abs() < 1e-2, "{p}");
        }
    }

    #[test]
    fn draws_have_their_moments_and_streams_differ() {
        let mut dice = Dice::new(7, 3);
        let n = 40_000;
        let (mut sum, mut square, mut count) = (0.0, 0.0, 0u64);
        for _ in 0..n {
            let z = dice.normal();
            sum += z;
            square += z * z;
            count += u64::from(dice.poisson(1.7));
        }
        let n = f64::from(n);
        assert!((sum / n).abs() < 0.02 && (square / n - 1.0).abs() < 0.03, "{} {}", sum / n, square / n);
        assert!((count as f64 / n - 1.7).abs() < 0.03, "{}", count as f64 / n);
        let firsts: Vec<u64> = (0..3).map(|stream| Dice::new(7, stream).unit().to_bits()).collect();
        assert!(firsts[0] != firsts[1] && firsts[1] != firsts[2]);
        assert_ne!(Dice::new(8, 0).unit().to_bits(), firsts[0]);
    }
}
