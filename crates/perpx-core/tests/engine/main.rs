//! What holds for the engine as a whole: one binary, a module a subject.

mod composite;
mod drivers;
mod foresight;
mod legging;
mod noted;
mod null_market;
mod orders;
mod random;
mod random_tape;
mod scenario;
mod second_strategy;
