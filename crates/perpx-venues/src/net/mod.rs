//! Connections to a venue: TLS with real checks, sockets that are kept alive and watched, lanes for requests, and what may be
//! asked of a venue at all. What is said over them is others' business.
//!
//! | file | noun |
//! | --- | --- |
//! | `hosts` | where a venue is, by network |
//! | `reach` | a venue that was found: its hosts, its clock where it is played |
//! | `tls` | whose certificates are believed |
//! | `dial` | a connection: by a proxy or not, by TLS or not |
//! | `socket` | a stream of texts: pings, and how long it may be silent |
//! | `backoff` | when a socket that was lost is opened again |
//! | `lane` | requests, one after the other, over one connection |
//! | `upkeep` | how each venue's connections are kept |
//! | `budget` | how many requests a venue takes, and for whom they are kept |
//! | `args` | options that say where a venue is |

pub mod args;
pub mod backoff;
pub mod budget;
pub mod dial;
pub mod hosts;
pub mod lane;
pub mod reach;
pub mod socket;
#[cfg(test)]
mod tests;
pub mod tls;
pub mod upkeep;
