//! perpx
pub mod audit;
pub mod config;
pub mod execution;
pub mod ledger;
pub mod market;
pub mod replay;
pub mod report;
pub mod signals;
pub mod sim;
pub mod stats;
pub mod strategy;
pub mod sweep;
pub mod synth;
pub mod tape;
pub mod trader;
pub mod units;
pub mod watch;
