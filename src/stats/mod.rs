//! Statistics of one run: what is counted while it runs, and the metrics made of it.

mod legging;
mod metrics;
mod tally;

pub use legging::{At, Ending, Legging, LeggingRow};
pub use metrics::{METRICS, MetricInfo, Metrics, Outcome, metric_table};
pub use tally::Tally;
