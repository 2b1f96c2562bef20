//! Strategy file, world and account: what was written, then what was meant.

mod params;

pub use params::*;
