//! Lighter and GRVT as they speak, and emulators of them.

pub mod emulate;
pub mod venues;
pub mod wall;
