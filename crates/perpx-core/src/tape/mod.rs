//! The tape in memory: rows as received, aligned into tiles. Files are read and written by the crate above.

pub mod align;
mod arena;
mod clock;
mod column_writer;
mod feed_load;
pub mod rows;
mod tile;
pub mod tree;

pub use align::{Carry, NEVER, align};
pub use clock::Clock;
pub use feed_load::{FeedLoad, Second};
pub use tile::*;
