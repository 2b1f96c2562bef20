//! Emulated venues: REST and streams of Lighter and GRVT on the loopback, over a market of this machine. A client that trades here
//! unchanged has its signatures, nonces, orders and accounts treated as the venue treats them.
//!
//! There is one fill model: [`VenueCore`] moves a [`perpx_core::sim::SimVenue`] with a net account through its rows.
//!
//! | file | noun |
//! | --- | --- |
//! | `serve`, `http` | the edge: connections, streams; requests as values |
//! | `stage`, `tls` | what the servers of a program share; certificates of their own |
//! | `witness` | what they have seen, written down |
//! | `faults` | what goes wrong between the two, by a script |
//! | `habits` | what no document settles, as it is assumed or drawn by a seed |
//! | `config` | a market and an account for an emulator of a run |
//! | `venue_core`, `feed`, `world` | matching and money, the market, its rules |
//! | `views`, `history` | books and lists as both venues keep them; what they tell of the past |
//!
//! What each venue says and refuses stands with the venue: `lighter::emulator`, `grvt::emulator`.

mod config;
mod error;
pub(crate) mod faults;
pub(crate) mod feed;
pub mod habits;
pub(crate) mod history;
pub(crate) mod http;
pub(crate) mod serve;
mod stage;
#[cfg(test)]
pub(crate) mod tests;
mod tls;
pub(crate) mod venue_core;
pub(crate) mod views;
pub(crate) mod witness;
pub(crate) mod world;

pub use config::EmulatorConfig;
pub use error::EmulateError;
pub use faults::FaultPlan;
pub use serve::{Emulated, Server, run as serve};
pub use stage::Stage;
pub use tls::Tls;
pub use venue_core::VenueCore;
pub use witness::Witness;

/// The one coin whose market is emulated.
pub const COIN: &str = "BTC";
