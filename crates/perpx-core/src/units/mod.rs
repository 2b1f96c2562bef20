//! Units of the house: a newtype each, exact from file to ledger.
//!
//! | type | unit | scale | range |
//! | --- | --- | --- | --- |
//! | [`Time`] | nanoseconds since 1970-01-01 UTC | 1 ns | until 2262 |
//! | [`Price`] | quote money per base coin | 1e-9 | about 9.2 billion |
//! | [`Qty`] | base coins, signed where it is a position | 1e-9 | about 9.2 billion |
//! | [`Notional`] | price times quantity, exact | 1e-18 | i128 |
//! | [`Cash`] | quote money | 1e-12 | i128 |
//! | [`Rate`] | dimensionless fraction (fee, funding, percentage) | 1e-12 | about 9.2 million |
//!
//! Legal arithmetic: price x quantity = notional; notional x rate = cash, rounded once ([`Notional::times`]);
//! notional -> cash, rounded once. Floats begin at signals and statistics.

mod cash;
mod decimal;
mod price;
mod rate;
mod time;
mod wide;

pub use cash::{Cash, Notional};
pub use decimal::{format_scaled, parse_decimal, parse_scaled};
pub use price::{Price, Qty};
pub use rate::Rate;
pub use time::{DAY_NS, HOUR_NS, MINUTE_NS, MS_NS, SECOND_NS, Time, YEAR_NS};
pub use wide::mul_div;
