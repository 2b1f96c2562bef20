//! What is asked of a tape, and what it says of its data.

use crate::TapeError;
use crate::store::RecordedGap;
use perpx_core::config::Missing;
use perpx_core::market::Role;
use perpx_core::units::{HOUR, MINUTE, Time, TimeDelta};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// What to do with rows that no replay may see (crossed, zero, out of order ...).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnBadRows {
    /// Refuse the store.
    #[default]
    Fail,
    /// Leave them out, and count them.
    Drop,
}

/// Where built tiles are kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CacheSpec {
    /// Its folder.
    pub dir: PathBuf,
    /// Of the whole folder; beyond it parquet is read afresh.
    pub max_bytes: u64,
}

/// One tape. Times are on the receive clock where rows are received and on the venue's where they are matched: both
/// timelines cover `[warm_from, to)`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TapeSpec {
    /// Its folder.
    pub store: PathBuf,
    /// The store's name of the coin.
    pub symbol: String,
    /// By role.
    pub venues: [String; 2],
    /// First instant of the tape; the trader warms up from here to `from`.
    pub warm_from: Time,
    /// The trader acts from here on.
    pub from: Time,
    /// Exclusive.
    pub to: Time,
    /// What is done with rows that no replay may see.
    pub on_bad_rows: OnBadRows,
    /// What stands where no settlement is recorded. Zero: nothing is paid, and the rate is known to be 0, from the start and
    /// from each missing settlement on. CarryLast: the last known rate is settled again at each of its intervals. Mid, which
    /// no key takes here, is as Refuse.
    pub funding_missing: Missing,
    /// What stands where no mark (or a needed index) is recorded. Zero: the price stays unknown. CarryLast: the last one
    /// stands through holes; a venue without any is still refused. Mid: a venue without marks gets the mid of the first
    /// quote of each second, on its own clock, as mark and index, one with marks but no index the mark as index;
    /// through holes the last one stands.
    pub marks_missing: Missing,
    /// By role: the venue pays funding on the index, so that one without index prices is refused (see `marks_missing`).
    pub needs_index: [bool; 2],
    /// By role: added to every receive time, not negative.
    pub feed_latency: [TimeDelta; 2],
    /// By role: rows received (latency included) within `[start, end)` of one of these are never received. Those of the
    /// last [`FUNDING_LOOK_BACK`] before the range decide what rates are known at its beginning.
    pub feed_outages: [Vec<(Time, Time)>; 2],
    /// By role: what is received within `[start, end)` of one of these repeats the values received before it.
    pub feed_stale: [Vec<(Time, Time)>; 2],
    /// By role: how far the venue's clock is ahead of ours; its `exch_ts` are taken back by it. A row that would then
    /// have been received before it happened (a clock behind ours) happened when it was received.
    pub clock_ahead: [TimeDelta; 2],
    /// Trades that a recorder fetched for its gaps happen at the venue, where nobody hears of them.
    pub gap_trades: bool,
    /// By role: the load of the feed is kept, for latencies that follow it.
    pub paced: [bool; 2],
    /// Most ticks of a tile; never visible in results.
    pub tile_rows: usize,
    /// Where built tiles are kept; `None`: nowhere.
    pub cache: Option<CacheSpec>,
}

impl TapeSpec {
    /// Ticks of a tile where nothing else is asked for.
    pub const TILE_ROWS: usize = 1 << 18;

    /// A strict tape without warm-up, latency, outages or cache.
    pub fn new(store: impl Into<PathBuf>, symbol: &str, venues: [&str; 2], from: Time, to: Time) -> TapeSpec {
        TapeSpec {
            store: store.into(),
            symbol: symbol.to_string(),
            venues: venues.map(str::to_string),
            warm_from: from,
            from,
            to,
            on_bad_rows: OnBadRows::Fail,
            funding_missing: Missing::Refuse,
            marks_missing: Missing::Refuse,
            needs_index: [false; 2],
            feed_latency: [TimeDelta::ZERO; 2],
            feed_outages: [Vec::new(), Vec::new()],
            feed_stale: [Vec::new(), Vec::new()],
            clock_ahead: [TimeDelta::ZERO; 2],
            gap_trades: false,
            paced: [false; 2],
            tile_rows: TapeSpec::TILE_ROWS,
            cache: None,
        }
    }

    pub(crate) fn validate(&self) -> Result<(), TapeError> {
        let refused = |what: String| Err(TapeError::Spec { what });
        if !(self.warm_from <= self.from && self.from < self.to) {
            let (warm, from, to) = (self.warm_from, self.from, self.to);
            return refused(format!("its times must rise: warm-up from {warm}, from {from}, to {to}"));
        }
        if self.tile_rows == 0 || self.tile_rows > (1 << 26) {
            return refused(format!("tile_rows is {}; accepted: 1 to {}", self.tile_rows, 1 << 26));
        }
        if let Some(found) = self.feed_latency.iter().find(|way| !(TimeDelta::ZERO..=HOUR).contains(*way)) {
            return refused(format!("a feed latency is {} ns; accepted: 0 to one hour", found.0));
        }
        Ok(())
    }
}

/// A stretch in which nothing of a venue was received.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gap {
    /// Last row before it and first row after it, receive time.
    pub from: Time,
    /// First row after it, receive time.
    pub to: Time,
}

impl Gap {
    /// How long nothing came.
    pub fn length(&self) -> TimeDelta {
        self.to.since(self.from)
    }
}

/// Gaps above this are counted.
pub const GAP: TimeDelta = MINUTE;

/// A venue whose quotes go on this long without a mark has a hole in its marks.
pub const MARKS_HOLE: TimeDelta = MINUTE.times(5);

/// What a report says of the data of one venue.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct VenueQuality {
    /// The store's name of it.
    pub venue: String,
    /// Rows received in the range by table ("quotes", "trades", "depth" = snapshots, "marks" = recorded or made up,
    /// "funding").
    pub rows: BTreeMap<String, u64>,
    /// Rows left out (`on_bad_rows = drop`) by table and rule: "quotes: crossed".
    pub dropped: BTreeMap<String, u64>,
    /// Rows whose `exch_ts` stood before that of an earlier row of their table, and was raised to it.
    pub exch_raised: u64,
    /// Quotes with bid = ask.
    pub locked: u64,
    /// Quotes without a size on a side: nothing is taken there, unless `fills.assume_qty` says how much.
    #[serde(default)]
    pub unsized_quotes: u64,
    /// Rows lost to feed outages.
    pub never_received: u64,
    /// Receive time of the first quote in the range.
    pub first_quote: Option<Time>,
    /// Receive time of the last quote in the range.
    pub last_quote: Option<Time>,
    /// Stretches above [`GAP`] without any row: how many, their sum, and the ten longest in time order.
    pub gaps: u64,
    /// All of them together.
    pub gaps_ns: TimeDelta,
    /// The longest of them, in the order of time.
    pub longest_gaps: Vec<Gap>,
    /// What the recorder knows to be missing, table by table, in the order of table and time; empty where no recorder wrote the
    /// store.
    #[serde(default)]
    pub recorded_gaps: Vec<RecordedGap>,
    /// Settlements that the calendar has and the store has not, and how `funding.missing` filled them ("" = none were).
    pub funding_missing: u64,
    /// The value of `funding.missing` that filled them; empty: none were.
    pub funding_filled: String,
    /// Holes in the marks above [`MARKS_HOLE`].
    pub mark_holes: u64,
    /// How `marks.missing` filled in ("" = nothing was missing): "zero", "carry_last", "mid", "index from mark".
    pub marks_filled: String,
}

impl VenueQuality {
    /// A word on quotes without sizes, if there are any.
    pub fn without_sizes(&self) -> Option<String> {
        let all = self.rows.get("quotes").copied().unwrap_or(0).max(1);
        let share = 100.0 * self.unsized_quotes as f64 / all as f64;
        (self.unsized_quotes > 0).then(|| {
            format!(
                "{}: {share:.1} % of the quotes have no size: an order takes nothing there, unless fills.assume_qty says how \
                 much there is",
                self.venue
            )
        })
    }
}

/// What a report says of the tape's data.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TapeQuality {
    /// By role.
    pub venues: [VenueQuality; 2],
    /// Ticks of the local timeline.
    pub ticks: u64,
    /// `made_by` of dataset.json (`null` without one): clock shifts, conversions, seeds.
    pub made_by: serde_json::Value,
}

impl TapeQuality {
    /// The venue of a role.
    pub fn venue(&self, role: Role) -> &VenueQuality {
        &self.venues[role.ix()]
    }
}
