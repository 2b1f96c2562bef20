//! perpx
pub mod config;
pub mod ledger;
pub mod market;
pub mod sim;
pub mod tape;
pub mod units;
