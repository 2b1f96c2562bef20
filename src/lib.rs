//! perpx
pub mod config;
pub mod market;
pub mod sweep;
pub mod tape;
pub mod units;
