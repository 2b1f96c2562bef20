//! A seeded two-venue market with known properties.

mod arrivals;
mod basis;
pub mod chance;
mod feed;
mod funding;
mod market;
mod ou;
mod price;
mod quote;
mod spec;
mod taker;
mod venue;

pub use market::{Market, SynthDay};
pub use spec::{Edge, EdgeShape, FundingMode, Layer, SpecError, SynthSpec, VenueSpec};
