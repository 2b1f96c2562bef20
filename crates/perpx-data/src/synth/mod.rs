//! Synthetic markets as stores.

mod command;
mod write;

pub use command::{EdgeChoice, FundingChoice, SynthArgs};
pub use perpx_core::synth::*;
pub use write::{DayWritten, GENERATOR_VERSION, SynthError, write};
