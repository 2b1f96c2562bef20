//! Options that say where a venue is, the same for every command that asks one.

use super::hosts::{Address, Network};
use perpx_core::config::text::ConfigError;
use std::path::PathBuf;

/// Where a venue is.
#[derive(Clone, Debug, clap::Args)]
pub struct NetworkArgs {
    /// mainnet, testnet
    #[arg(long, value_name = "NAME", default_value = "mainnet", hide_default_value = true, conflicts_with = "host")]
    pub network: String,
    /// A port of a running `perpx-data emulate`
    #[arg(long, value_name = "HOST:PORT")]
    pub host: Option<String>,
    /// Roots (PEM) for an emulator that speaks TLS
    #[arg(long, value_name = "FILE")]
    pub ca_file: Option<PathBuf>,
    /// A host elsewhere that is no network of the venue
    #[arg(long = "i-know-this-host", value_name = "HOST", hide = true)]
    pub known: Option<String>,
}

impl NetworkArgs {
    /// What they say.
    ///
    /// # Errors
    /// A word that is no network, a host that cannot be used.
    pub fn network(&self) -> Result<Network, ConfigError> {
        let bad = |option: &str, found: String| ConfigError::new("the command line", option, found);
        match &self.host {
            Some(host) => {
                let read = Address::read(host, self.ca_file.is_some(), self.known.as_deref());
                read.map(Network::Custom).map_err(|error| bad("--host", error.to_string()))
            }
            None => Network::named(&self.network)
                .ok_or_else(|| bad("--network", format!("found {}", self.network)).accepted("mainnet, testnet")),
        }
    }
}
