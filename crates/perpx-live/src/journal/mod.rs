//! What a run knew and what it wanted, in the order in which it did, on disk before anything of it leaves the machine.
//!
//! A folder of segments, `journal/NNNNNN.pxj`, each a head and records. One process writes, at the end alone; a start reads it
//! from the newest mark on and refuses what it cannot trust.
//!
//! | file | noun |
//! | --- | --- |
//! | `record` | a record and a segment's head, as bytes |
//! | `segment` | a segment read: its records, and where it was torn |
//! | `folder` | all segments of a run, and the writer at their end |
//! | `mark` | what everything before a segment comes to |
//! | `upkeep` | full segments: marked, packed, removed |
//! | `thread` | the thread that writes, and how far it has come |
//! | `rows` | what the trader sees, on its way to the raw files |
//! | `open` | what is left open at its end |
//! | `log` | what a session writes, and what a command waits for |
//! | `crash` | a process that dies at a record, for tests |
//! | `command` | `perpx-live journal RUN` |

pub mod command;
pub mod crash;
pub mod folder;
pub mod log;
pub mod mark;
pub mod open;
pub mod record;
pub mod rows;
pub mod segment;
pub mod thread;
pub mod upkeep;
