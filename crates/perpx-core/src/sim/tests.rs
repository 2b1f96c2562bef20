//! Tests of the venue as a whole: hand-worked tables and properties on random tapes.

mod chance;
mod gaps;
mod market;
mod money;
mod passive;
mod properties;
mod speed;
mod taking;
