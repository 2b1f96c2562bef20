//! perpx
pub mod market;
pub mod tape;
pub mod units;
