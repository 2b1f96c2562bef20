//! `perpx-data record`: the running half of the recorder. Tasks hold the sockets, one thread the files; what frames mean is in
//! [`crate::record`].
//!
//! | file | noun |
//! | --- | --- |
//! | `config` | what is recorded, and where it goes |
//! | `clock` | the recorder's own clock |
//! | `metrics` | how the recorder is |
//! | `venue` | one venue's task: its socket, its requests, one order of all |
//! | `writer` | the thread that writes the files |
//! | `adopt` | hours of other recordings, taken before one begins |
//! | `compaction` | which hours are to become rows |
//! | `folder` | a run's folder: one recorder at a time, its disk, what of it may go |
//! | `progress` | what it says, and what it does beside: compaction, the disk |
//! | `session` | a recorder at work, from its begin to its end |
//! | `command` | options, signals, lines |

pub mod adopt;
pub mod clock;
pub mod command;
pub mod compaction;
pub mod config;
pub mod folder;
pub mod metrics;
pub mod progress;
pub mod session;
#[cfg(test)]
mod tests;
pub mod venue;
pub mod writer;
