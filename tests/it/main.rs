//! What a user sees, and what holds for the whole: one binary, a module a subject.

mod drivers;
mod foresight;
mod random_tape;
mod scenario;
mod second_strategy;
