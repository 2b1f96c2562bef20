//! Sweeps.

pub mod grid;
