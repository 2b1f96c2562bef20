//! The tape: market data from files to tiles.

mod align;
pub mod cache;
mod cells;
pub mod check;
mod clock;
mod error;
mod funding;
mod identity;
pub mod import;
pub mod info;
mod load;
mod pace;
mod room;
pub mod rows;
mod scan;
mod source;
mod spec;
pub mod store;
mod stream;
mod tile;
mod tile_file;
pub mod tree;

#[cfg(test)]
pub(crate) mod tests;

pub use align::{Carry, NEVER, align};
pub use clock::Clock;
pub use error::TapeError;
pub use funding::LOOK_BACK_NS as FUNDING_LOOK_BACK_NS;
pub use load::Tape;
pub use pace::{Pace, Second};
pub use spec::*;
pub use tile::*;
