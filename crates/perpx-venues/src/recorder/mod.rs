//! `perpx-data record`: the running half of the recorder. Tasks hold the sockets, one thread the files; what frames mean is in
//! [`crate::record`].
//!
//! | file | noun |
//! | --- | --- |
//! | `config` | what is recorded, and where it goes |
//! | `clock` | the recorder's own clock |
//! | `metrics` | how the recorder is |
//! | `successor` | the socket that takes the place of one that will be closed |
//! | `venue` | one venue's task: its socket, its requests, one order of all |
//! | `writer` | the thread that writes the files |
//! | `adopt` | hours of other recordings, taken before one begins |
//! | `compaction` | which hours are to become rows |
//! | `wall_state` | what the machine says of its clock, and how far a venue's is from it |
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
mod successor;
#[cfg(test)]
mod tests;
pub mod venue;
pub mod wall_state;
pub mod writer;
