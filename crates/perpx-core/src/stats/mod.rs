//! Statistics of one run: what is counted and written down while it runs, and the metrics made of it.

mod atoms;
mod equity;
mod legging;
mod metrics;
mod record;
mod tally;

pub use atoms::{ATOM_STEP, AtomPlan, Atoms, Drawdown, WholeSpan, Wide, return_units};
pub use equity::{Caps, Equity, Moments};
pub use legging::{At, Ending, Legging, LeggingRow};
pub use metrics::{METRICS, MetricInfo, Metrics, Outcome, median, metric_table};
pub use record::{EntryRow, FullRecord, MoneyRow, NoRecord, Recorder, Scene, TradeRow, TransitionRow};
pub use tally::Tally;
