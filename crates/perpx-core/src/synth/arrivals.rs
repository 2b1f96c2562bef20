//! When a venue speaks: arrivals that excite themselves under an activity that wanders and rises with volatility.

use super::chance::Dice;
use super::edge::Layer;
use super::ou::Pull;
use super::price::Efficient;
use super::spec::STEP_MS;

/// Each arrival brings this many more on average: the variance of counts is 1/(1-n)^2 times Poisson's in the long run.
const BRANCHING: f64 = 0.75;
/// Excitement is halved in this time, s.
const EXCITE_HALF_LIFE: f64 = 1.0;
/// Activity of the market apart from volatility (standard deviation of its logarithm).
const MOOD: Layer = Layer { std: 0.9, half_life_sec: 60.0 };
/// Arrivals grow with this power of volatility.
const HEAT_POWER: f64 = 0.7;
/// Seconds of a step.
const STEP_SEC: f64 = STEP_MS as f64 / 1000.0;

/// Activity that both venues share, mean 1.
pub(super) struct Mood {
    /// Of this process alone.
    dice: Dice,
    /// Logarithm of the level, about its mean.
    mood: Pull,
    /// Keeps the mean of the level at 1.
    log_mean: f64,
    /// How busy the market is; 1 on average.
    pub(super) level: f64,
}

impl Mood {
    /// As at the beginning of the market.
    pub(super) fn new(seed: u64) -> Mood {
        let mut dice = Dice::new(seed, 2);
        let mood = Pull::new(MOOD.std, MOOD.half_life_sec, 1.0, dice.normal());
        let heat = HEAT_POWER * Efficient::log_heat_std();
        let log_mean = (MOOD.std * MOOD.std + heat * heat) / 2.0;
        Mood { dice, mood, log_mean, level: 1.0 }
    }

    /// Once a second; `heat` is volatility over its median.
    pub(super) fn second(&mut self, heat: f64) {
        let mood = self.dice.pull(&mut self.mood);
        self.level = libm::exp(mood + HEAT_POWER * libm::log(heat) - self.log_mean);
    }
}

/// One venue's arrivals (a Hawkes process on the grid of steps).
pub(super) struct Arrivals {
    /// Arrivals a step from outside, at activity 1.
    base: f64,
    /// What earlier events add to the rate, a second.
    excite: f64,
    /// Share of it that is left after a step.
    keep: f64,
    /// What an event adds.
    jump: f64,
}

impl Arrivals {
    /// `rate`: arrivals a second on average, those that others brought included.
    pub(super) fn new(rate: f64) -> Arrivals {
        let keep = libm::exp2(-STEP_SEC / EXCITE_HALF_LIFE);
        Arrivals { base: rate * (1.0 - BRANCHING) * STEP_SEC, excite: 0.0, keep, jump: BRANCHING * (1.0 - keep) }
    }

    /// How many arrive in this step.
    pub(super) fn step(&mut self, activity: f64, dice: &mut Dice) -> u32 {
        let n = dice.poisson(self.base * activity + self.excite);
        self.excite = self.excite * self.keep + self.jump * f64::from(n);
        n
    }
}
