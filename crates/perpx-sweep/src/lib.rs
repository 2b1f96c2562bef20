//! Sweeps, their reports, and the audit of their money.

pub mod audit;
pub mod report;
pub mod sweep;

/// The strategy file that tests begin with.
#[cfg(test)]
pub(crate) const EXAMPLE: &str = include_str!("../../../configs/example.yml");
