//! Emulated venues: REST and streams of Lighter and GRVT on the loopback, over a market of this machine. A client that trades here
//! unchanged has its signatures, nonces, orders and accounts treated as the venue treats them.
//!
//! There is one fill model: [`core`](self::Core) moves a [`perpx_core::sim::SimVenue`] through its rows and keeps the account.
//!
//! | file | noun |
//! | --- | --- |
//! | `args` | the command line |
//! | `serve`, `http` | connections, threads |
//! | `faults` | what goes wrong between the two, by a script |
//! | `core`, `account`, `feed` | matching, money, the market |
//! | `shown` | books and lists as both venues keep them |
//! | `play` | venues in threads of this program |
//! | `lighter`, `grvt` | what each of them says and refuses |

mod account;
mod args;
mod core;
mod error;
mod faults;
mod feed;
mod grvt;
mod http;
mod lighter;
mod play;
mod serve;
mod shown;
#[cfg(test)]
mod tests;

pub use args::EmulateArgs;
pub use core::Core;
pub use error::EmulateError;
pub use faults::FaultPlan;
pub use play::{Played, Seat};
pub use serve::{Server, run as serve};
