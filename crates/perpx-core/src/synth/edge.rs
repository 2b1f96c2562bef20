//! What a market can earn: how far the venues' mids part and come back, and whether prices swing.

use serde::Serialize;

/// How far the venues' mids part, and whether prices trend. The module's page says what each earns.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Edge {
    /// Basis below half-spread + fees, no trend.
    None,
    /// The basis as measured on real venues (STYLISED-FACTS, 4 and 6), no trend. Nothing is promised.
    Calibrated,
    /// Trends that persist and a wide basis that comes back: see the module's page.
    Planted,
    /// As written.
    Custom(EdgeShape),
}

/// A process that is pulled back to zero.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Layer {
    /// Standard deviation, basis points of price.
    pub std: f64,
    /// Time in which half of a deviation is gone.
    pub half_life_sec: f64,
}

/// A trend that persists for a good part of its period and then turns.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Swing {
    /// Standard deviation, basis points of price; the trend's is this times 2 pi / period.
    pub std_bp: f64,
    /// Length of one swing.
    pub period_sec: f64,
}

/// The latent prices behind an [`Edge`], by their sizes and half-lives.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct EdgeShape {
    /// Quote noise of each venue, bp, half-life 0.4 s.
    pub noise_bp: f64,
    /// Parts of the basis (first venue's mid over the second's), bp.
    pub fast: Layer,
    /// The slower part of the basis.
    pub slow: Layer,
    /// Share of the basis that the first venue's mid carries; the rest is the second's, with the other sign.
    pub first_share: f64,
    /// Swings of the efficient price about its martingale part.
    pub swing: Swing,
}

impl Edge {
    /// The shape that a word stands for.
    pub fn shape(&self) -> EdgeShape {
        let still = Swing { std_bp: 0.0, period_sec: 28_800.0 };
        match *self {
            Edge::None => EdgeShape {
                noise_bp: 0.15,
                fast: Layer { std: 0.3, half_life_sec: 120.0 },
                slow: Layer { std: 0.4, half_life_sec: 2700.0 },
                first_share: 0.5,
                swing: still,
            },
            Edge::Calibrated => EdgeShape {
                noise_bp: 0.5,
                fast: Layer { std: 1.5, half_life_sec: 150.0 },
                slow: Layer { std: 2.5, half_life_sec: 2700.0 },
                first_share: 0.5,
                swing: still,
            },
            Edge::Planted => EdgeShape {
                noise_bp: 0.4,
                fast: Layer { std: 11.0, half_life_sec: 600.0 },
                slow: Layer { std: 2.5, half_life_sec: 2700.0 },
                first_share: 0.0,
                swing: Swing { std_bp: 110.0, period_sec: 28_800.0 },
            },
            Edge::Custom(shape) => shape,
        }
    }
}
