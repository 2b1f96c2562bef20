//! The shipped strategy with its execution and risk around one state: the [`crate::port::Trader`] that every driver moves.

mod act;
mod composite;
mod flow;

pub use composite::Composite;
