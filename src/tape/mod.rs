//! The tape: market data from files to tiles.

mod align;
pub mod rows;
mod tile;

pub use align::{Carry, NEVER, align};
pub use tile::*;
