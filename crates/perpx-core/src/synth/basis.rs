//! What parts the venues' fair prices: a fast and a slow layer of basis, quote noise, and the standing premium over the
//! index (which funding follows).

use super::chance::Dice;
use super::ou::Pull;
use super::spec::{STEP_MS, SynthSpec};

/// Half-life of quote noise, s: gone in about a second (STYLISED-FACTS, 4).
pub(super) const NOISE_HALF_LIFE: f64 = 0.4;
/// The index wanders about the perpetuals over days, bp: hourly correlation 0.95 (STYLISED-FACTS, 5).
const INDEX_STD_BP: f64 = 1.6;
/// Seconds.
const INDEX_HALF_LIFE: f64 = 13.5 * 3600.0;

/// How far each venue's mid lies from the efficient price.
pub(super) struct Basis {
    /// Of this process alone.
    dice: Dice,
    /// By venue: quote noise, bp.
    noise: [Pull; 2],
    /// The faster part of the basis, bp.
    fast: Pull,
    /// The slower part of the basis, bp.
    slow: Pull,
    /// The index about the perpetuals, bp.
    index: Pull,
    /// By venue: the share of the basis that it carries, with its sign.
    share: [f64; 2],
    /// By venue: where its mid stands over the index, bp.
    premium: [f64; 2],
    /// Each venue's fair price over the efficient one without noise, fraction.
    level: [f64; 2],
    martingale: bool,
}

impl Basis {
    /// As at the beginning of the market.
    pub(super) fn new(spec: &SynthSpec) -> Basis {
        let shape = spec.edge.shape();
        let mut dice = Dice::new(spec.seed, 1);
        let step = STEP_MS as f64 / 1000.0;
        let mut pull = |std: f64, half_life: f64, step: f64| Pull::new(std, half_life, step, dice.normal());
        let noise = [0; 2].map(|_| pull(shape.noise_bp, NOISE_HALF_LIFE, step));
        let fast = pull(shape.fast.std, shape.fast.half_life_sec, 1.0);
        let slow = pull(shape.slow.std, shape.slow.half_life_sec, 1.0);
        let index = pull(INDEX_STD_BP, INDEX_HALF_LIFE, 1.0);
        let premium = [spec.venues[0].premium_bp, spec.venues[1].premium_bp];
        Basis {
            dice,
            noise,
            fast,
            slow,
            index,
            share: [shape.first_share, shape.first_share - 1.0],
            premium,
            level: [0.0; 2],
            martingale: spec.martingale,
        }
    }

    /// Once a second.
    pub(super) fn second(&mut self) {
        let basis = self.dice.pull(&mut self.fast) + self.dice.pull(&mut self.slow);
        self.dice.pull(&mut self.index);
        let middle = (self.premium[0] + self.premium[1]) / 2.0;
        for v in 0..2 {
            self.level[v] = (self.share[v] * basis + self.premium[v] - middle) * 1e-4;
        }
    }

    /// Once a step.
    pub(super) fn step(&mut self) {
        for noise in &mut self.noise {
            self.dice.pull(noise);
        }
    }

    /// Venue `v`'s fair price over the efficient one.
    pub(super) fn factor(&self, v: usize) -> f64 {
        if self.martingale { 1.0 } else { 1.0 + self.level[v] + self.noise[v].x * 1e-4 }
    }

    /// The index over the efficient price.
    pub(super) fn index_factor(&self) -> f64 {
        if self.martingale { 1.0 } else { 1.0 + (self.index.x - (self.premium[0] + self.premium[1]) / 2.0) * 1e-4 }
    }
}
