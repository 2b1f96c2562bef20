//! The gate between the trader and its venues: what may leave at all, whatever the strategy wants. Pure: it reads no clock and no
//! file; everything it goes by is given to it.
//!
//! | file | noun |
//! | --- | --- |
//! | `keys` | `[limits]` of live.toml: every key, its default, and which way is stricter |
//! | `gate` | a command and what is known at its moment: it passes, it is refused with key, value and limit, or its price is cut |
//! | `closing` | the limit price of what closes |
//! | `reference` | what a venue's price should be, by the other venue's |
//! | `loss` | what was lost, by two measures, against the limits on it |

mod closing;
pub mod gate;
pub mod keys;
pub mod loss;
mod reference;
#[cfg(test)]
mod tests;
