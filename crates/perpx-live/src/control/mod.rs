//! What an operator says to a run, and what comes of it.
//!
//! | file | noun |
//! | --- | --- |
//! | `verbs` | what is in force: pause, hold, park, flatten, kill; what the trader may do by it, and when the run ends |
//! | `ears` | the thread that hears: signals, the files PAUSE and KILL, live.toml, the socket |
//! | `socket` | where `ctl.sock` is, and what is said over it |
//! | `command` | `perpx-live ctl RUN VERB` |
//! | `reload` | live.toml read again: what may change, and to which side |
//! | `truth` | the accounts as the venues tell them beside what is believed, and what is done about a difference |
//! | `desk` | all of it beside a session: it asks the gate, the losses and the verbs at each look, and writes down what they say |
//! | `snapshot` | what a page or a question is shown |

pub mod command;
pub mod desk;
pub mod ears;
pub mod reload;
pub mod snapshot;
pub mod socket;
pub mod truth;
pub mod verbs;
