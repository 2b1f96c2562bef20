//! The tape: market data from files to tiles.

mod align;
mod error;
pub mod rows;
pub mod store;
mod tile;

pub use align::{Carry, NEVER, align};
pub use error::TapeError;
pub use tile::*;
