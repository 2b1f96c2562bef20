//! The simulated venue: what happens to an order. It takes the port's commands and tells the port's events, as the live
//! adapters do; it works on the venue's own clock and rows, never on what the trader sees (fills.md).
//!
//! | file | noun |
//! | --- | --- |
//! | `venue` | [`SimVenue`]: one venue's state and its way through time |
//! | `arrive` | what a request meets when it reaches the venue |
//! | `passive` | what rows do to resting orders |
//! | `account` | the truth ledger: fills, settlements, the judgement by the mark |
//! | `leg`, `net` | the accounts: one leg of a sweep and its end; a net position of an emulated exchange |
//! | `answers` | what the venue tells, when, and what it keeps silent |
//! | `book`, `queue` | the visible book and our use of it; our place in a queue |
//! | `limits` | how many requests the venue takes |
//! | `chance`, `latency`, `outage` | keyed draws and what is made of them |
//!
//! A moment of a venue is (time, rank): 0 rows, 1 settlement, 2 liquidation, 3 arrivals. Cost: an idle venue moves in
//! O(1); with something resting, every trade, quote and snapshot row is visited; with a leg open, every mark is compared
//! with one integer, or an index of the marks is asked.

mod account;
mod answers;
mod arrive;
pub mod book;
pub mod chance;
mod index;
pub mod latency;
mod leg;
mod limits;
mod net;
pub mod outage;
mod passive;
pub mod queue;
mod stats;
mod venue;

#[cfg(test)]
mod tests;

pub use chance::Dice;
pub use index::{VenueIndex, VenuePart};
pub use limits::QuotaUse;
pub use outage::{OutageTable, Spans};
pub use stats::SimStats;
pub use venue::{Env, OrderOutcome, OrderTrace, SimVenue};
