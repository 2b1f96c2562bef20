//! Messages of both venues: made by hand, recorded, and mutated.

mod emulated_feed;
mod fence;
mod fuzz;
mod long_recordings;
mod recorded;
mod recorded_feed;
mod sample;
