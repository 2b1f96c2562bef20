//! Values that wander and are pulled back to zero: at once (Ornstein-Uhlenbeck), or with a swing.

/// State of one such process on a fixed step.
pub(super) struct Pull {
    /// Where it is.
    pub(super) x: f64,
    /// Share of it that is left after a step.
    keep: f64,
    /// Standard deviation of a step's draw.
    kick: f64,
}

impl Pull {
    /// Stationary standard deviation `std`, half-life and step in seconds, start at `z` standard deviations.
    /// x' = x * 2^(-step/half_life) + noise whose variance keeps `std` (exact solution of the process).
    pub(super) fn new(std: f64, half_life: f64, step: f64, z: f64) -> Pull {
        let keep = libm::exp2(-step / half_life);
        Pull { x: std * z, keep, kick: std * (1.0 - keep * keep).sqrt() }
    }

    /// One step with the normal draw `z`.
    pub(super) fn step(&mut self, z: f64) -> f64 {
        self.x = self.x * self.keep + self.kick * z;
        self.x
    }
}

/// A pendulum pushed by noise: it swings through zero with a period of its own, each swing a little different.
/// x'' = -w^2 x - 2 d w x' + noise, in steps of one second (semi-implicit Euler; the period is many minutes).
pub(super) struct Swinging {
    /// Where it is.
    x: f64,
    /// Units of `x` a second.
    speed: f64,
    /// Angular frequency, 1 / s.
    w: f64,
    /// Standard deviation of a second's push.
    kick: f64,
}

/// Damping d: a swing is forgotten after about one period (1/(d w) = 0.8 periods).
const DAMPING: f64 = 0.2;

impl Swinging {
    /// Stationary standard deviation `std` of `x` (the speed's is w * std), period in seconds, start at `z`.
    pub(super) fn new(std: f64, period: f64, z: [f64; 2]) -> Swinging {
        let w = std::f64::consts::TAU / period;
        Swinging { x: std * z[0], speed: w * std * z[1], w, kick: std * w * (4.0 * DAMPING * w).sqrt() }
    }

    /// The speed in the next second.
    pub(super) fn second(&mut self, z: f64) -> f64 {
        self.speed += self.kick * z - self.w * (self.w * self.x + 2.0 * DAMPING * self.speed);
        self.x += self.speed;
        self.speed
    }
}
