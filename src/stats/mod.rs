//! Statistics of one run: what is counted while it runs, and the metrics made of it.

mod metrics;
mod tally;

pub use metrics::{METRICS, MetricInfo, Metrics, Outcome, metric_table};
pub use tally::Tally;
