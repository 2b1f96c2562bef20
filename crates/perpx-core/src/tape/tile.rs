//! A tile: the unit of replay. A stretch of both timelines, cut at one instant, as columns.
//!
//! Every table's row 0 is the snapshot carried in from before the tile (so "the last row at or before t" always exists);
//! live rows are 1..len. Columns are shared slices: of memory, or of a memory-mapped cache file.

use crate::market::{Bbo, DepthLevel, DepthView, Role, Side};
use crate::tape::feed_load::FeedLoad;
use crate::tape::rows::FundingKind;
use crate::units::{Price, Qty, Rate, Time};
use arrow_buffer::ScalarBuffer;
use serde::{Deserialize, Serialize};

/// A shared, immutable column.
pub type Column<T = i64> = ScalarBuffer<T>;

/// A stretch of both clocks: what was received, and what the venues had.
#[derive(Clone, Debug)]
pub struct Tile {
    /// Inclusive, both clocks.
    pub start: Time,
    /// Exclusive, both clocks.
    pub end: Time,
    /// As received.
    pub local: Local,
    /// By role.
    pub venues: [VenueRows; 2],
}

/// The LOCAL timeline: one row a tick, what this machine has learnt (recv clock).
#[derive(Clone, Debug)]
pub struct Local {
    /// recv time of the tick; row 0 is before every live row.
    pub time: Column,
    /// Eight per row, one cache line: long bid, its size, long ask, its size, then the short venue's four.
    pub record: Column,
    /// By role; the same prices as `record`, each a column of its own for scans. Zero = no quote yet.
    pub bid: [Column; 2],
    /// By role, as `bid`.
    pub ask: [Column; 2],
    /// By role: newest recv time of any row of that venue (i64::MIN/2 when there was none).
    pub seen: [Column; 2],
    /// Index into `fundings` of the state at this tick.
    pub funding_at: Column<u32>,
    /// Index into `marks` of the state at this tick.
    pub mark_at: Column<u32>,
    /// Funding known after each publication; entry 0 is carried in.
    pub fundings: Vec<FundingState>,
    /// Marks as received after each change; entry 0 is carried in.
    pub marks: Vec<MarkState>,
    /// By role, by recv time: depth as received. A quote received after a snapshot puts it out of force, which is an entry
    /// without levels.
    pub depth: [DepthCols; 2],
}

/// Newest published rate of one kind at one venue, as received.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FundingRate {
    /// The settlement it was paid at (settled) or is predicted for.
    pub ts: Time,
    /// When it was received; stamped by the recorder.
    pub recv: Time,
    /// Fraction over `interval_hours`; positive = the long pays.
    pub rate: Rate,
    /// Hours between settlements, positive.
    pub interval_hours: u32,
}

impl FundingRate {
    /// The rate scaled to 8 hours, times 1e12 x 24 so that it stays an integer for every interval that divides 24 h
    /// (1, 2, 3, 4, 6, 8, 12, 24): differences are compared exactly.
    #[inline]
    pub fn per_8h_x24(&self) -> i128 {
        self.scaled(8 * 24)
    }

    /// `rate * factor / interval_hours`. In i64 where it fits, as every real rate does: the funding guard asks at each tick.
    #[inline]
    pub fn scaled(&self, factor: i64) -> i128 {
        match self.rate.0.checked_mul(factor) {
            Some(product) => i128::from(product / i64::from(self.interval_hours)),
            None => i128::from(self.rate.0) * i128::from(factor) / i128::from(self.interval_hours),
        }
    }

    /// The last moment at which the rate is known: two of its intervals after it was published.
    pub fn expiry(&self) -> Time {
        self.recv.plus(2 * i64::from(self.interval_hours) * crate::units::HOUR)
    }

    /// The first settlement after `now` by this row's calendar.
    pub fn next_settlement(&self, now: Time) -> Time {
        let step = i64::from(self.interval_hours) * crate::units::HOUR;
        if self.ts > now {
            return self.ts;
        }
        self.ts.plus((now.since(self.ts) / step + 1) * step)
    }
}

/// What is known of funding between two publications.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FundingState {
    /// `[role][kind]`, kind as in [`FundingKind`] (settled 0, predicted 1).
    rates: [[Option<FundingRate>; 2]; 2],
    /// By kind, of the rates above: computed once a publication, because every tick of an open gate asks for it.
    diffs: [FundingDiff; 2],
}

/// Long minus short, both as [`FundingRate::per_8h_x24`], and the last moment at which both are known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FundingDiff {
    /// 1e-12 x 24 over 8 hours; positive: a long on the long venue pays more than a short on the short venue receives.
    pub x24: i128,
    /// Inclusive, on the decision clock.
    pub until: Time,
}

impl FundingDiff {
    /// The first venue's rate minus the other's; `None` when either is unknown at `now`.
    #[inline]
    pub fn of(&self, first: Role, now: Time) -> Option<i128> {
        (now <= self.until).then_some(if first == Role::Long { self.x24 } else { -self.x24 })
    }
}

impl Default for FundingState {
    fn default() -> FundingState {
        FundingState { rates: Default::default(), diffs: [FundingDiff { x24: 0, until: Time::MIN }; 2] }
    }
}

impl FundingState {
    /// The newest published rate of this kind at a venue.
    #[inline]
    pub fn get(&self, role: Role, kind: FundingKind) -> Option<&FundingRate> {
        self.rates[role.ix()][kind as usize].as_ref()
    }

    /// The difference of both venues' rates of this kind.
    #[inline]
    pub fn diff(&self, kind: FundingKind) -> &FundingDiff {
        &self.diffs[kind as usize]
    }

    /// Takes in a publication.
    pub fn set(&mut self, role: Role, kind: FundingKind, rate: FundingRate) {
        self.rates[role.ix()][kind as usize] = Some(rate);
        if let (Some(long), Some(short)) = (self.get(Role::Long, kind), self.get(Role::Short, kind)) {
            let (x24, until) = (long.per_8h_x24() - short.per_8h_x24(), long.expiry().min(short.expiry()));
            self.diffs[kind as usize] = FundingDiff { x24, until };
        }
    }
}

/// Mark and index by role; zero = unknown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MarkState {
    /// By role, quote money per coin, as received.
    pub mark: [Price; 2],
    /// By role, quote money per coin, as received.
    pub index: [Price; 2],
}

/// A VENUE timeline (exch clock): what the matching engine had. Rows of equal time: trades, then quotes, depth, marks.
#[derive(Clone, Debug, Default)]
pub struct VenueRows {
    /// Best bid and ask.
    pub quotes: QuoteCols,
    /// Public trades.
    pub trades: TradeCols,
    /// Snapshots of several levels.
    pub depth: DepthCols,
    /// Mark and index prices.
    pub marks: MarkCols,
    /// Settlements with `start <= ts < end`, in time order.
    pub settlements: Vec<Settlement>,
    /// Where latencies follow it.
    pub load: Option<FeedLoad>,
}

/// Quotes as columns: times in ns, prices and sizes in 1e-9.
#[derive(Clone, Debug)]
pub struct QuoteCols {
    /// Stamped by the venue.
    pub time: Column,
    /// Zero: no quote yet.
    pub bid: Column,
    /// Zero: unknown.
    pub bid_qty: Column,
    /// Zero: no quote yet.
    pub ask: Column,
    /// Zero: unknown.
    pub ask_qty: Column,
}

/// Trades as columns: times in ns, prices and sizes in 1e-9.
#[derive(Clone, Debug)]
pub struct TradeCols {
    /// Stamped by the venue.
    pub time: Column,
    /// Quote money per coin.
    pub px: Column,
    /// Base coins, positive.
    pub qty: Column,
    /// 1 = the taker bought, -1 = sold.
    pub taker: Column<i8>,
    /// 0 = the print never touched the visible book.
    pub consumed_book: Column<i8>,
}

/// Depth snapshots, one after the other.
#[derive(Clone, Debug, Default)]
pub struct DepthCols {
    /// Ns, of each snapshot: stamped by the venue, in a local timeline by the recorder.
    pub time: Vec<i64>,
    /// Per snapshot: first level of bids, first of asks; the next snapshot's bids end the asks.
    pub first: Vec<[u32; 2]>,
    /// Of all snapshots: each one's bids, then its asks, best first.
    pub levels: Vec<DepthLevel>,
}

/// Marks as columns: times in ns, prices in 1e-9.
#[derive(Clone, Debug)]
pub struct MarkCols {
    /// Stamped by the venue.
    pub time: Column,
    /// Zero: unknown.
    pub mark: Column,
    /// Zero: unknown.
    pub index: Column,
}

/// A payment of funding between long and short.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settlement {
    /// On the venue's clock; stamped by the venue.
    pub ts: Time,
    /// Fraction of notional; positive: the long pays.
    pub rate: Rate,
}

macro_rules! empty_columns {
    ($($type:ident { $($field:ident),* })*) => {$(
        impl Default for $type {
            fn default() -> $type {
                $type { $($field: Vec::new().into()),* }
            }
        }
    )*};
}
empty_columns! {
    QuoteCols { time, bid, bid_qty, ask, ask_qty }
    TradeCols { time, px, qty, taker, consumed_book }
    MarkCols { time, mark, index }
}

/// Row of the last entry of `times` at or before `t`; `times[0]` must be.
pub fn last_at(times: &[i64], t: Time) -> usize {
    times.partition_point(|&x| x <= t.0).saturating_sub(1)
}

impl Local {
    /// Rows, the carried one included.
    pub fn len(&self) -> usize {
        self.time.len()
    }

    /// True when the tile has no live tick.
    pub fn is_empty(&self) -> bool {
        self.len() <= 1
    }

    /// Best prices of a venue at a tick, as received.
    #[inline]
    pub fn bbo(&self, row: usize, role: Role) -> Bbo {
        let r = &self.record[row * 8 + role.ix() * 4..][..4];
        Bbo { bid: Price(r[0]), bid_qty: Qty(r[1]), ask: Price(r[2]), ask_qty: Qty(r[3]) }
    }

    /// Funding rates known at a tick.
    #[inline]
    pub fn funding(&self, row: usize) -> &FundingState {
        &self.fundings[self.funding_at[row] as usize]
    }

    /// Marks known at a tick.
    #[inline]
    pub fn mark(&self, row: usize) -> &MarkState {
        &self.marks[self.mark_at[row] as usize]
    }

    /// The depth in force at this tick; empty when none is known or a newer quote came.
    pub fn depth(&self, row: usize, role: Role) -> DepthView<'_> {
        let depth = &self.depth[role.ix()];
        depth.view(last_at(&depth.time, Time(self.time[row])))
    }
}

impl QuoteCols {
    /// Best prices of a row.
    #[inline]
    pub fn bbo(&self, row: usize) -> Bbo {
        Bbo {
            bid: Price(self.bid[row]),
            bid_qty: Qty(self.bid_qty[row]),
            ask: Price(self.ask[row]),
            ask_qty: Qty(self.ask_qty[row]),
        }
    }
}

impl TradeCols {
    /// Who came to the book.
    #[inline]
    pub fn taker_side(&self, row: usize) -> Side {
        if self.taker[row] > 0 { Side::Buy } else { Side::Sell }
    }
}

impl DepthCols {
    /// Adds a snapshot, best levels first.
    pub fn push(&mut self, time: Time, bids: &[DepthLevel], asks: &[DepthLevel]) {
        self.time.push(time.0);
        let first = self.levels.len() as u32;
        self.levels.extend(bids);
        self.first.push([first, self.levels.len() as u32]);
        self.levels.extend(asks);
    }

    /// The last entry has levels.
    #[inline]
    pub fn is_in_force(&self) -> bool {
        // most tapes have no depth
        !self.levels.is_empty() && self.time.len().checked_sub(1).is_some_and(|last| !self.view(last).is_empty())
    }

    /// The snapshot of a row; empty where there is none.
    #[inline]
    pub fn view(&self, row: usize) -> DepthView<'_> {
        let Some(&[bids, asks]) = self.first.get(row) else { return DepthView::default() };
        let end = self.first.get(row + 1).map_or(self.levels.len(), |next| next[0] as usize);
        DepthView { bids: &self.levels[bids as usize..asks as usize], asks: &self.levels[asks as usize..end] }
    }
}
