//! The auditor's arithmetic: adds up the money again from entries as they were written down, in i128.
//!
//! It shares no code with the ledger, the fees or the simulated venue, so that no payment can be wrong in both: of the crate
//! it imports `units` and `market` alone. What it checks is listed where files are read (perpx-sweep's `audit`).

mod account;
mod entry;
mod memory;
mod money;

pub use account::Account;
pub use entry::{Entry, Kind, LINES, Settled};
pub use memory::{Terms, entries};
pub use money::Money;
