//! The trader: the one thing that every driver moves. [`Trader`] is the port; [`Composite`] is the strategy of this house
//! with its execution and risk.

mod act;
mod composite;
mod flow;
mod port;

pub use composite::Composite;
pub use port::{Actions, Breach, Extreme, Limits, Moment, StateInfo, Trader, Transition, View};
