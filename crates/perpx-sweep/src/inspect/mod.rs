//! Finished runs in the terminal.
//!
//! | file | noun |
//! | --- | --- |
//! | `runs` | the runs of a folder |
//! | `show`, `compare` | a finished run; two of them side by side |
//! | `luck` | a finished run among all that was tried on its market |
//! | `explain` | one configuration again, trade by trade |

pub mod compare;
pub mod explain;
pub mod luck;
pub mod runs;
pub mod show;
