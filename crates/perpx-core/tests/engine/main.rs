//! What holds for the engine as a whole: one binary, a module a subject.

#![allow(
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "tests read files, start threads and time themselves"
)]

mod composite;
mod drivers;
mod foresight;
mod legging;
mod null_market;
mod orders;
mod random;
mod random_tape;
mod recording;
mod scenario;
mod second_strategy;
mod sharing;
