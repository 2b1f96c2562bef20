//! The emulators over the loopback: one binary, a module a subject.

mod emulator;
mod emulator_edge;
mod emulator_faults;
mod emulator_grvt;
mod emulator_history;
mod emulator_memory;
mod emulator_strict;
