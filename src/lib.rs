//! perpx
pub mod config;
pub mod market;
pub mod tape;
pub mod units;
