//! Finished runs in the terminal.
//!
//! | file | noun |
//! | --- | --- |
//! | `runs` | the runs of a folder |
//! | `show`, `compare` | a finished run; two of them side by side |
//! | `explain` | one configuration again, trade by trade |

pub mod compare;
pub mod explain;
pub mod runs;
pub mod show;
