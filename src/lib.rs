//! perpx
pub mod market;
pub mod synth;
pub mod tape;
pub mod units;
