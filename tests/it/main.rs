//! What a user sees, and what holds for the whole: one binary, a module a subject.

mod browser;
mod code_id;
mod columns;
mod commands;
mod composite;
mod drivers;
mod emulator;
mod emulator_faults;
mod emulator_grvt;
mod explain;
mod folder;
mod foresight;
mod legging;
mod live;
mod live_emulated;
mod noted;
mod null_market;
mod peer;
mod random;
mod random_tape;
mod real;
mod scenario;
mod second_strategy;
mod sweep;
mod tidy;
