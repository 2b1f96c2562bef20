//! What a backtest needs of the data: one symbol's tapes, the spans of its runs, tiles in order, configurations bound to it.

mod bars;
mod binding;
mod dataset;
mod error;
mod reader;
mod span;

pub use bars::{PastBars, past_bars, stored_bars};
pub use binding::{Binder, Bound};
pub use dataset::{DataRange, Feed, SymbolData, first_mids_of, order_outages};
pub use error::BacktestError;
pub use reader::Reader;
pub use span::{RUNS, Spans};
