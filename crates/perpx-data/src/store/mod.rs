//! The store: Hive-partitioned parquet files that users hold and any tool reads.
//!
//! ```text
//! <store>/quotes/venue=lighter/symbol=BTC/date=2026-01-05/part-0.parquet      also trades, depth, marks
//! <store>/funding/venue=lighter/symbol=BTC/year=2026/part-0.parquet
//! <store>/bars/venue=lighter/symbol=BTC/date=2026-01-05/part-0.parquet        where a store was backfilled; no replay reads it
//! <store>/dataset.json
//! ```
//! A row lies in the partition of the UTC day of its `recv_ts` (funding: the UTC year of its `ts`), sorted by `recv_ts`.
//!
//! | column | parquet type |
//! | --- | --- |
//! | `exch_ts recv_ts ts open_ts` | `TIMESTAMP(ns, UTC)` |
//! | `bid_px bid_qty ask_px ask_qty px qty mark_px index_px open_px high_px low_px close_px volume` | `DECIMAL(18,9)` as INT64 |
//! | `rate` | `DECIMAL(18,12)` as INT64: venues publish funding with up to ten decimals, nine would round money |
//! | `taker_side` (buy, sell), `side` (bid, ask), `kind` (settled, predicted; of bars: trade, mark, index, mid) | UTF8 |
//! | `trade_id` | INT64, may be null |
//! | `consumed_book` | BOOLEAN |
//! | `level interval_hours` | INT32 |
//!
//! Only `trade_id`, `mark_px` and `index_px` may be null. A size of zero means that it is not known.
//! Files of other tools may hold timestamps in ms or us, decimals of any width and scale whose values are exact in our
//! scale, and floats that are the nearest double of such a value; anything else is refused by name.

mod append;
mod backfilled;
mod bars;
mod copy;
mod dataset;
mod decode;
mod error;
mod path;
mod read;
mod recorded;
mod table;
mod write;

pub use append::{FoundGap, HourWriter, merge_days};
pub use backfilled::Backfilled;
pub use bars::{BarKind, BarRow};
pub use copy::{copy_hour, hours_of};
pub use dataset::{DATASET_FILE, Dataset, FileEntry, SCHEMA_VERSION};
pub use error::TapeError;
pub(crate) use path::entries;
pub use path::{Partition, StorePath, store_of};
pub use read::{Added, Batch, Batches, Fault, GroupSpan, StoreFile};
pub(crate) use read::{REMEDY, readable_codecs};
pub use recorded::{HourLine, Recorded, RecordedDay, RecordedGap, RecordedHour};
pub(crate) use table::{DECIMAL_LIMIT, SLOT};
pub use table::{DepthLevelRow, NumberedTrade, StoredRow, Table, assemble_depth, depth_fault, flatten_depth};
pub use write::StoreWriter;
pub(crate) use write::replaced_text;
#[cfg(test)]
pub(crate) use write::write_file;
