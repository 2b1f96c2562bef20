//! Seeded chance: ChaCha8 streams and the few distributions that the generator needs.
//!
//! Every draw is made of integers, IEEE basic operations and `libm`, so a seed gives the same bytes on every machine.

use super::ou::Pull;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// One component's own stream of chance: components do not disturb each other's draws.
pub(super) struct Dice(ChaCha8Rng);

impl Dice {
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

/// Inverse of the standard normal distribution function for 0 < p < 1, about 16 digits.
/// Source: M. J. Wichura, "Algorithm AS 241: The Percentage Points of the Normal Distribution",
/// Applied Statistics 37 (1988), 477-484, the routine PPND16.
pub fn normal_quantile(p: f64) -> f64 {
    let q = p - 0.5;
    if q.abs() <= 0.425 {
        let r = 0.180625 - q * q;
        return q * horner(&CENTRE[0], r) / horner(&CENTRE[1], r);
    }
    let tail = if q < 0.0 { p } else { 1.0 - p };
    let r = (-libm::log(tail)).sqrt();
    let x = if r <= 5.0 {
        horner(&MIDDLE[0], r - 1.6) / horner(&MIDDLE[1], r - 1.6)
    } else {
        horner(&FAR[0], r - 5.0) / horner(&FAR[1], r - 5.0)
    };
    if q < 0.0 { -x } else { x }
}

/// Polynomial with the coefficient of the lowest power first.
fn horner(coefficients: &[f64; 8], x: f64) -> f64 {
    coefficients.iter().rev().fold(0.0, |sum, c| sum * x + c)
}

#[rustfmt::skip]
const CENTRE: [[f64; 8]; 2] = [
    [3.387_132_872_796_366_5, 133.141_667_891_784_38, 1_971.590_950_306_551_3, 13_731.693_765_509_46,
     45_921.953_931_549_87, 67_265.770_927_008_7, 33_430.575_583_588_13, 2_509.080_928_730_122_7],
    [1.0, 42.313_330_701_600_91, 687.187_007_492_057_9, 5_394.196_021_424_751,
     21_213.794_301_586_597, 39_307.895_800_092_71, 28_729.085_735_721_943, 5_226.495_278_852_854],
];
#[rustfmt::skip]
const MIDDLE: [[f64; 8]; 2] = [
    [1.423_437_110_749_683_5, 4.630_337_846_156_546, 5.769_497_221_460_691, 3.647_848_324_763_204_5,
     1.270_458_252_452_368_4, 0.241_780_725_177_450_6, 0.022_723_844_989_269_184, 7.745_450_142_783_414e-4],
    [1.0, 2.053_191_626_637_759, 1.676_384_830_183_803_8, 0.689_767_334_985_1,
     0.148_103_976_427_480_08, 0.015_198_666_563_616_457, 5.475_938_084_995_345e-4, 1.050_750_071_644_416_9e-9],
];
#[rustfmt::skip]
const FAR: [[f64; 8]; 2] = [
    [6.657_904_643_501_103, 5.463_784_911_164_114, 1.784_826_539_917_291_3, 0.296_560_571_828_504_87,
     0.026_532_189_526_576_124, 0.001_242_660_947_388_078_4, 2.711_555_568_743_487_6e-5, 2.010_334_399_292_288_1e-7],
    [1.0, 0.599_832_206_555_888, 0.136_929_880_922_735_8, 0.014_875_361_290_850_615,
     7.868_691_311_456_133e-4, 1.846_318_317_510_054_8e-5, 1.421_511_758_316_446e-7, 2.044_263_103_389_939_8e-15],
];

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
