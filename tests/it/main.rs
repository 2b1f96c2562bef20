//! What a user sees, and what holds for the whole: one binary, a module a subject.

mod composite;
mod drivers;
mod foresight;
mod noted;
mod null_market;
mod random;
mod random_tape;
mod scenario;
mod second_strategy;
mod sweep;
mod tidy;
