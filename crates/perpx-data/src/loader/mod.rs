//! From a store's files to tiles.

pub mod cache;
pub(crate) mod funding;
mod gap_trades;
pub mod growing;
pub(crate) mod load;
pub(crate) mod scan;
pub(crate) mod source;
pub(crate) mod spec;
pub(crate) mod stream;
pub(crate) mod tile_file;

pub use funding::LOOK_BACK as FUNDING_LOOK_BACK;
pub use growing::GrowingTape;
pub use load::Tape;
pub use spec::*;
