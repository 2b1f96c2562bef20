//! Messages of both venues: made by hand, recorded, and mutated.

mod fuzz;
mod recorded;
mod recorded_feed;
mod sample;
