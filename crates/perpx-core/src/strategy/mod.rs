//! The strategy: S0..S5 as conditions and intents. It knows prices, signals and quantities; neither orders nor venues.
//!
//! ```text
//!            gate                       profit >= g             both legs filled
//!   S0 Idle ------> S1 FirstLeg -----------------> S2 Locking ------------------> S3 Locked
//!    ^                | stop, guard, time,            | cannot complete:            |  |
//!    |<---------------+ liquidation                   | rollback / retry / keep     |  |
//!    |<-----------------------------------------------+                            |  |
//!    |<--- exit --- S4 LongOnly  <----- UB: spread high, close the short ------------+  |
//!    |<--- exit --- S5 ShortOnly <----- LB: spread low, close the long -----------------+
//! ```
//!
//! `judge` says what a tick asks for, in the order of judgement; `watch` says what would wake it. The two are written
//! apart on purpose: the reference driver calls `judge` at every tick and so finds whatever `watch` forgot.

mod judge;
mod levels;
mod plan;
mod state;
mod watch;

/// What this revision of the strategy's contract is called; a best.yml is of one revision.
pub const VERSION: u32 = 2;

pub use judge::{Decision, StateView, gate_opens, is_inside, judge};
pub use levels::{Levels, buffer_level, gain_from, gain_level, gained, loss_from, loss_level};
pub use plan::{FundingKinds, Plan};
pub use state::{REASON_DOCS, REASONS, Reason, STATE_DOCS, STATES, State, also_names, reason_name, state_name};
pub use watch::{WakeView, watches};
