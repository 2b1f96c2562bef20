//! The ledger: fills, fees, funding and liquidations become cash, position, equity. Two instances: the venues' TRUTH (in
//! `sim`) and the trader's BELIEF (built from events only).

mod belief;
mod lines;
mod venue_book;

pub use belief::{Belief, Mids};
pub use lines::{Line, Lines};
pub use venue_book::{Leg, VenueBook};
