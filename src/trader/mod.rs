//! The trader: the one thing that every driver moves.

mod port;

pub use port::{Actions, Breach, Extreme, Limits, Moment, StateInfo, Trader, Transition, View};
