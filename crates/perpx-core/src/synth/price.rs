//! The efficient price: what both venues trail. Stochastic volatility, fat tails, jumps, and swings if they are planted.

use super::chance::Dice;
use super::edge::Layer;
use super::ou::{Pull, Swinging};
use super::spec::{STEP_MS, SynthSpec};

/// Latent prices kept, so that a venue can trail by up to 700 ms.
const RING: usize = 8;
const SECONDS_A_YEAR: f64 = 31_536_000.0;
/// Seconds of a step.
const STEP_SEC: f64 = STEP_MS as f64 / 1000.0;
/// Standard deviations of the logarithm of volatility: hours, and minutes. 0.45 and 0.3 together give hourly realised
/// volatilities with p95/p50 of 2.3 and p99/p50 of about 3.
const HOURLY: Layer = Layer { std: 0.45, half_life_sec: 6.0 * 3600.0 };
const MINUTELY: Layer = Layer { std: 0.4, half_life_sec: 180.0 };
/// One 100 ms increment in thirty is four times as wide as the others.
const WIDE_SHARE: f64 = 1.0 / 30.0;
/// Size of a wide step over a usual one.
const WIDE: f64 = 4.0;
/// Jumps: about twenty a day, in units of the day's volatility (a jump's standard deviation is this share of it).
const JUMPS_A_STEP: f64 = 20.0 * STEP_SEC / 86_400.0;
/// Standard deviation of a jump over the day's volatility.
const JUMP_SHARE: f64 = 0.045;
/// Calm volatility over an hour's realised one (root mean square): exp(-0.4^2) for the wandering within the hour, 2 % for
/// the jumps.
const HOUR_TO_CALM: f64 = 0.835;

/// The efficient price: a martingale with changing volatility and jumps, and a swing about it.
pub(super) struct Efficient {
    /// Of this process alone.
    dice: Dice,
    /// Logarithm of volatility, by the hour.
    hourly: Pull,
    /// Logarithm of volatility, by the minute.
    minutely: Pull,
    /// About the martingale part, bp.
    swing: Swinging,
    /// Standard deviation of one step's return in calm (log-volatility 0), bp-free fraction.
    calm: f64,
    /// Width of the narrow increments: the mixture has variance 1.
    narrow: f64,
    /// Of a step's return without jumps, a fraction.
    step_vol: f64,
    /// Of a jump, a fraction of the price.
    jump_vol: f64,
    /// The swing's part of a step's return, a fraction.
    drift: f64,
    whole_ticks: bool,
    /// The newest prices, for venues that trail.
    ring: [f64; RING],
    /// The newest of them.
    at: usize,
}

impl Efficient {
    /// As at the beginning of the market.
    pub(super) fn new(spec: &SynthSpec) -> Efficient {
        let mut dice = Dice::new(spec.seed, 0);
        let mut pull = |layer: Layer| Pull::new(layer.std, layer.half_life_sec, 1.0, dice.normal());
        let (hourly, minutely) = (pull(HOURLY), pull(MINUTELY));
        let swing = spec.edge.shape().swing;
        let swing_bp = if spec.martingale { 0.0 } else { swing.std_bp };
        let swing = Swinging::new(swing_bp, swing.period_sec, [dice.normal(), dice.normal()]);
        let calm = spec.annual_vol * HOUR_TO_CALM * (STEP_SEC / SECONDS_A_YEAR).sqrt();
        Efficient {
            dice,
            hourly,
            minutely,
            swing,
            calm,
            narrow: (1.0 / (1.0 - WIDE_SHARE + WIDE_SHARE * WIDE * WIDE)).sqrt(),
            step_vol: calm,
            jump_vol: JUMP_SHARE * spec.annual_vol * (86_400.0 / SECONDS_A_YEAR).sqrt(),
            drift: 0.0,
            whole_ticks: spec.martingale,
            ring: [spec.start_ticks(); RING],
            at: 0,
        }
    }

    /// Once a second: volatility and swing.
    pub(super) fn second(&mut self) {
        let log_vol = self.dice.pull(&mut self.hourly) + self.dice.pull(&mut self.minutely);
        self.step_vol = self.calm * libm::exp(log_vol);
        let z = self.dice.normal();
        self.drift = self.swing.second(z) * 1e-4 * STEP_SEC;
    }

    /// Once a step. The increment is symmetric about the drift, so without one the price is a martingale; with
    /// `whole_ticks` it is one on the grid of ticks (rounding half away from zero is symmetric).
    pub(super) fn step(&mut self) {
        let u = self.dice.unit();
        let wide = if u < WIDE_SHARE { WIDE } else { 1.0 };
        let mut r = self.step_vol * self.narrow * wide * self.dice.normal();
        if u > 1.0 - JUMPS_A_STEP {
            r += self.jump_vol * self.step_vol / self.calm * self.dice.normal();
        }
        let price = self.ring[self.at];
        let mut move_ticks = price * (r + self.drift);
        if self.whole_ticks {
            move_ticks = move_ticks.round();
        }
        self.at = (self.at + 1) % RING;
        self.ring[self.at] = (price + move_ticks).max(1.0);
    }

    /// The price `steps_ago` steps (at most 7) before now, in ticks.
    pub(super) fn ago(&self, steps_ago: usize) -> f64 {
        self.ring[(self.at + RING - steps_ago) % RING]
    }

    /// Volatility now over its median.
    pub(super) fn heat(&self) -> f64 {
        self.step_vol / self.calm
    }

    /// Standard deviation of the logarithm of `heat`.
    pub(super) fn log_heat_std() -> f64 {
        (HOURLY.std * HOURLY.std + MINUTELY.std * MINUTELY.std).sqrt()
    }
}
