//! A value that wanders and is pulled back to zero (Ornstein-Uhlenbeck), in exact discrete steps.

/// State of one such process on a fixed step.
pub(super) struct Pull {
    pub(super) x: f64,
    keep: f64,
    kick: f64,
}

impl Pull {
    /// Stationary standard deviation `std`, half-life and step in seconds, start at `z` standard deviations.
    /// x' = x * 2^(-step/half_life) + noise whose variance keeps `std` (exact solution of the process).
    pub(super) fn new(std: f64, half_life: f64, step: f64, z: f64) -> Pull {
        let keep = libm::exp2(-step / half_life);
        Pull { x: std * z, keep, kick: std * (1.0 - keep * keep).sqrt() }
    }

    pub(super) fn step(&mut self, z: f64) -> f64 {
        self.x = self.x * self.keep + self.kick * z;
        self.x
    }
}
