//! Market data: stores of parquet files, what brings data in, what judges it, and the loader that makes tiles of it.

pub mod atomic;
pub mod backtest;
pub mod check;
mod config_file;
mod identity;
pub mod import;
pub mod info;
pub mod loader;
pub mod path;
pub mod store;
pub mod synth;
pub mod text;

#[cfg(test)]
pub(crate) mod tests;

pub use config_file::read_config;
pub use store::TapeError;
