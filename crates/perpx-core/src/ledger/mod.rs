//! The ledger: fills, fees, funding and liquidations become cash, position, equity. Two instances: the venues' TRUTH (in
//! `sim`) and the trader's BELIEF (built from events only). A sweep's accounts hold one leg each ([`VenueBook`]), that of an
//! emulated exchange a net position ([`NetAccount`]).

mod belief;
mod lines;
mod net_account;
mod venue_book;

pub use belief::{Belief, Mids};
pub use lines::{Line, Lines};
pub use net_account::NetAccount;
pub use venue_book::{Leg, VenueBook};

use crate::units::{Cash, Price, Qty, Rate};

/// Funding of a signed position at a settlement: a long pays `qty * px * rate`, a short receives it.
pub fn funding_due(position: Qty, px: Price, rate: Rate, grid: Cash) -> Cash {
    (-px.of(position)).times(rate, grid)
}

/// The share of `amount` that `part` of `whole` takes, toward zero. Overflows nothing below 1e20 quote units.
fn share(amount: i128, part: Qty, whole: Qty) -> i128 {
    let (part, whole) = (i128::from(part.0), i128::from(whole.0));
    amount / whole * part + amount % whole * part / whole
}
