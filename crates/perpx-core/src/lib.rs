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
//! **Truth and belief.** The simulated venue keeps the truth; the trader knows what events reported. Both are
//! [`ledger::VenueBook`]s, and they agree whenever nothing is in flight.
//!
//! # A run
//!
//! The shipped strategy over a synthetic day, by two drivers: the reference, which calls it at every tick, and the search
//! that looks only where something can happen. Both leave the same ledger.
//!
//! ```
//! use perpx_core::config::ConfigFile;
//! use perpx_core::replay::{Index, Job, DriverSlot, RunState};
//! use perpx_core::signals::{SignalEngine, SignalSet};
//! use perpx_core::sim::OutageTable;
//! use perpx_core::stats::NoRecord;
//! use perpx_core::strategy::{FundingKinds, Plan};
//! use perpx_core::synth::{Market, SynthSpec};
//! use perpx_core::tape::{Carry, align};
//! use perpx_core::trader::Composite;
//! use perpx_core::units::{Cash, DAY, HOUR, Time};
//! use std::sync::Arc;
//!
//! // what a trader chooses, and what the venues do to him
//! let text = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../configs/example.yml"));
//! let file = ConfigFile::parse("example.yml", text).expect("a strategy file");
//! let config = file.with(&[file.set("locking.g_pct=0.01").expect("a key")]).expect("a configuration");
//!
//! // a day of two venues, as one tile
//! let start: Time = "2026-01-05".parse().expect("a date");
//! let end = start.plus(DAY);
//! let day = Market::new(&SynthSpec::new(7, start, 1)).expect("a market").next().expect("a day");
//! let tile = align([&day.venues[0], &day.venues[1]], start, end, &mut Carry::default());
//!
//! // the plan says which signals it needs; they are computed once for all configurations of a sweep
//! let mut signals = SignalSet::default();
//! let plan = Plan::bind(&config, Arc::new(config.world.clone()), FundingKinds::default(), &mut signals);
//! let from = start.plus(4 * HOUR);
//! let signals = SignalEngine::new(signals.keys(), from).tile(&tile);
//!
//! let none = OutageTable::default();
//! let job = Job {
//!     plan: &plan,
//!     world: &plan.world,
//!     outages: [&none, &none],
//!     from,
//!     to: end,
//!     capital: [Cash::units(5_000); 2],
//!     leverage: config.strategy.leverage,
//!     transfer: None,
//!     isolated: true,
//!     stats_interval: HOUR,
//! };
//! let index = Index::new(&signals);
//! let run = |mut driver: DriverSlot, index: Option<&Index>| {
//!     let mut run = RunState::new(Composite::default(), &job);
//!     driver.drive_unrecorded(&mut run, &job, (&tile, &signals, index), &mut NoRecord);
//!     run.finish(&job, &tile, &signals, &mut NoRecord)
//! };
//! let (scanned, leapt) = (run(DriverSlot::scan(), None), run(DriverSlot::leap(), Some(&index)));
//! assert_eq!(scanned.hash, leapt.hash);
//! assert_eq!(scanned.metrics, leapt.metrics);
//! assert!(leapt.steps < scanned.steps / 100);
//! ```
//!
//! Modules import only from those above them in the map of ARCHITECTURE.md; [`audit`] imports [`units`] and [`market`] alone.

#![warn(missing_docs)]

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
