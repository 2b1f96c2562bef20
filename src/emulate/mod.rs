//! An emulated venue: REST and stream of Lighter on the loopback, over a market of this machine. A client that trades here
//! unchanged has its signatures, nonces, orders and accounts treated as the venue treats them.
//!
//! There is one fill model: [`core`](self::Core) moves a [`crate::sim::SimVenue`] through its rows and keeps the account.
//!
//! | file | noun |
//! | --- | --- |
//! | `args` | the command line |
//! | `serve`, `http` | connections, threads, the wall clock |
//! | `core`, `account`, `feed` | matching, money, the market |
//! | `lighter` | what Lighter says and refuses |

mod account;
mod args;
mod core;
mod error;
mod feed;
mod http;
mod lighter;
mod serve;
#[cfg(test)]
mod tests;

pub use args::EmulateArgs;
pub use core::Core;
pub use error::EmulateError;
pub use serve::Server;
