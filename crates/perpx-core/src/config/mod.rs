//! Strategy file, world and account: what was written, then what was meant.
//!
//! [`ConfigFile`] is a YAML file read once: a tree with places, laid over the table of [`keys`]. [`ConfigFile::with`]
//! resolves it, under overrides of `--set` and of a sweep's axes, to a typed and checked [`Config`].

#[cfg(test)]
mod bad_input;
mod best;
mod canonical;
mod cost;
mod file;
pub mod keys;
mod overlay;
mod params;
mod profile;
mod requests;
mod resolve;
#[cfg(test)]
mod tests;
pub mod text;
mod value;
mod values;
mod words;

pub use best::{evidence_hash, write_best};
pub use canonical::short_hash;
pub use cost::cost;
pub use file::{ConfigFile, Override};
pub use keys::{Class, KeyIx, Schema};
pub use overlay::Overlay;
pub use params::*;
pub use profile::{Origin, Profile, ProfileInstrument, Tier, base_asset};
pub use requests::{WorstWindow, worst_window};
pub use text::ConfigError;
pub use value::{Num, Value};
pub use words::{Choice, Word};
