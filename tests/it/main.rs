//! What a user sees, and what holds for the whole: one binary, a module a subject.

mod browser;
mod composite;
mod drivers;
mod explain;
mod foresight;
mod live;
mod null_market;
mod random;
mod random_tape;
mod scenario;
mod second_strategy;
mod sweep;
mod tidy;
