//! The core of perpx: a strategy over two venues, the venues it is simulated on, and the drivers that replay it over a tape.
//!
//! It reads no clock and no file, opens no socket, starts no thread and draws no random number of its own: time, chance and
//! data are passed in, and the same inputs give the same bytes.
//!
//! **The one idea.** A threshold strategy is idle almost all the time. So the state machine never loops over ticks: in each
//! state it says which watches would wake it, and a driver finds the first moment at which one fires. The same strategy,
//! execution and ledger code runs under every driver and leaves the same bytes; [`port::Trader`] states the contract.
//!
//! **Two clocks.** The trader decides on the time of receipt, the venue matches on exchange time, and only latency connects
//! the two: an order meets the book as the venue had it when the order arrived.
//!
//! **Truth and belief.** The simulated venue keeps the truth; the trader knows what events told it. Both are
//! [`ledger::VenueBook`]s, and they agree whenever nothing is in flight.
//!
//! Modules import only from those above them in the map of ARCHITECTURE.md; [`audit`] imports [`units`] and [`market`] alone.

pub mod audit;
pub mod config;
pub mod execution;
pub mod ledger;
pub mod market;
pub mod port;
pub mod replay;
pub mod signals;
pub mod sim;
pub mod stats;
pub mod strategy;
pub mod synth;
pub mod tape;
pub mod trader;
pub mod units;
pub mod watch;

/// The strategy file that tests begin with.
#[cfg(test)]
pub(crate) const EXAMPLE: &str = include_str!("../../../configs/example.yml");
