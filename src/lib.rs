//! perpx
pub mod config;
pub mod execution;
pub mod ledger;
pub mod market;
pub mod report;
pub mod signals;
pub mod strategy;
pub mod tape;
pub mod trader;
pub mod units;
pub mod watch;
