//! Emulated venues: REST and streams of Lighter and GRVT on the loopback, over a market of this machine. A client that trades here
//! unchanged has its signatures, nonces, orders and accounts treated as the venue treats them.
//!
//! There is one fill model: [`core`](self::Core) moves a [`perpx_core::sim::SimVenue`] through its rows and keeps the account.
//!
//! | file | noun |
//! | --- | --- |
//! | `serve`, `http` | connections, threads |
//! | `faults` | what goes wrong between the two, by a script |
//! | `core`, `account`, `feed`, `world` | matching, money, the market, its rules |
//! | `shown` | books and lists as both venues keep them |
//!
//! What each venue says and refuses stands with the venue: `lighter::emulator`, `grvt::emulator`.

pub(crate) mod account;
pub(crate) mod core;
mod error;
pub(crate) mod faults;
pub(crate) mod feed;
pub(crate) mod http;
pub(crate) mod serve;
pub(crate) mod shown;
#[cfg(test)]
mod tests;
pub(crate) mod world;

pub use core::Core;
pub use error::EmulateError;
pub use faults::FaultPlan;
pub use serve::{Server, run as serve};
