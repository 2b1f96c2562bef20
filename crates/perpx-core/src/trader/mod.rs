//! The shipped strategy with its execution and risk around one state: the [`crate::port::Trader`] that every driver moves.

mod act;
mod class;
mod composite;
mod flow;

pub use class::Class;
pub use composite::Composite;
