//! Text with places: YAML and TOML read into one tree whose every key and value knows where it stands.

mod error;
mod toml;
mod tree;
mod yaml;

pub use error::ConfigError;
pub use tree::{Body, Entry, Node, Place, Source};
pub use {toml::parse_toml, yaml::parse_yaml};
