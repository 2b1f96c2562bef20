//! Signals: structs fed one bar at a time, the same code for a column of a tape and for live. All arithmetic is f64 in the
//! order written, without fused multiply-add; each window is summed afresh from its oldest to its newest value.

mod band;
mod bars;
mod ema;
mod engine;
mod volatility;

pub use band::Band;
pub use ema::Ema;
pub use engine::{SignalEngine, warmup};
pub use volatility::Volatility;

use crate::market::{Bbo, Role};
use crate::units::{Mid, Rate, Time, TimeDelta};
use serde::{Deserialize, Serialize};

/// Index of the last bar that is closed at `time` for bars of `bar_length`.
#[inline]
pub fn bar_before(time: Time, bar_length: TimeDelta) -> i64 {
    time.steps(bar_length) - 1
}

/// Mid of a quote, quote money; NaN when a side is missing.
#[inline]
pub fn mid(bbo: &Bbo) -> f64 {
    if bbo.is_quoted() { bbo.mid().as_f64() } else { f64::NAN }
}

/// `(mid_long - mid_short) / ((mid_long + mid_short) / 2) * 1e4`, bp; NaN when a side is missing. Made of the mids in
/// 1e-9, which cancels the scale.
#[inline]
pub fn spread_bp(long: &Bbo, short: &Bbo) -> f64 {
    if !long.is_quoted() || !short.is_quoted() {
        return f64::NAN;
    }
    let (long, short) = (long.mid().raw() as f64, short.mid().raw() as f64);
    (long - short) / ((long + short) / 2.0) * 1e4
}

/// `bid_short / ask_long`; NaN when a side is missing.
#[inline]
pub fn edge(long: &Bbo, short: &Bbo) -> f64 {
    if long.ask.0 <= 0 || short.bid.0 <= 0 {
        return f64::NAN;
    }
    short.bid.0 as f64 / long.ask.0 as f64
}

/// A bar signal that some configuration asks for. Equal keys are computed once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum SignalKey {
    /// `(ema_fast - ema_slow) / close` of the venue's mid at bar closes; alpha = 2 / (n + 1), each EMA seeded with the
    /// close 4n bars before `from`. One value.
    Trend {
        /// Whose venue's mid.
        role: Role,
        /// Bars of the fast average.
        fast: u32,
        /// Bars of the slow one.
        slow: u32,
        /// Length of a bar.
        bar_length: TimeDelta,
    },
    /// `sqrt(sum r^2 / n * 31536000 / bar_sec)` over the last n log returns of the long venue's mid. One value.
    Volatility {
        /// Returns in the window.
        bars: u32,
        /// Length of a bar.
        bar_length: TimeDelta,
    },
    /// Mean and population sigma of the spread at bar closes. Values: mean, sigma.
    Sigma {
        /// Bars of the window.
        window: u32,
        /// Length of a bar.
        bar_length: TimeDelta,
        /// A bar whose quotes are older has no sample.
        max_age: TimeDelta,
    },
    /// Order statistics of the same samples. Values: s_(m+1) of `lb`, s_m of `ub`, mean.
    Quantile {
        /// Bars of the window.
        window: u32,
        /// Length of a bar.
        bar_length: TimeDelta,
        /// A bar whose quotes are older has no sample.
        max_age: TimeDelta,
        /// The lower quantile, a fraction.
        lb: Rate,
        /// The upper quantile, a fraction.
        ub: Rate,
    },
}

impl SignalKey {
    /// Length of a bar.
    pub fn bar_length(&self) -> TimeDelta {
        match *self {
            SignalKey::Trend { bar_length, .. }
            | SignalKey::Volatility { bar_length, .. }
            | SignalKey::Sigma { bar_length, .. }
            | SignalKey::Quantile { bar_length, .. } => bar_length,
        }
    }

    /// How many values a bar has.
    pub fn values(&self) -> usize {
        match self {
            SignalKey::Trend { .. } | SignalKey::Volatility { .. } => 1,
            SignalKey::Sigma { .. } => 2,
            SignalKey::Quantile { .. } => 3,
        }
    }
}

/// Where a key's column stands in [`TileSignals::columns`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct SignalId(pub u32);

/// The bar signals of a chunk of configurations: each key once, in the order of first asking.
#[derive(Clone, Debug, Default)]
pub struct SignalSet {
    /// By [`SignalId`].
    keys: Vec<SignalKey>,
    index: std::collections::BTreeMap<SignalKey, SignalId>,
}

impl SignalSet {
    /// The column of `key`, registered if it is new.
    pub fn id(&mut self, key: SignalKey) -> SignalId {
        let next = SignalId(self.keys.len() as u32);
        *self.index.entry(key).or_insert_with(|| {
            self.keys.push(key);
            next
        })
    }

    /// In the order of their columns.
    pub fn keys(&self) -> &[SignalKey] {
        &self.keys
    }
}

/// How a configuration turns a band column into two levels.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct BandRule {
    /// The band's column.
    pub id: SignalId,
    /// Length of a bar.
    pub bar_length: TimeDelta,
    /// Sigmas; `None` for the quantile band.
    pub k: Option<f64>,
    /// Least distance of each level from the mean, bp.
    pub min_unlock_bp: f64,
}

/// Values of one key, one entry a bar: `a[i]` belongs to bar `first_bar + i`. Keys with fewer values leave `b`, `c` empty.
#[derive(Clone, Debug, Default)]
pub struct SignalColumn {
    /// Length of a bar.
    pub bar_length: TimeDelta,
    /// Number of the first entry's bar, counted from 1970-01-01 UTC.
    pub first_bar: i64,
    /// The first value of each bar.
    pub a: Vec<f64>,
    /// The second value of each bar.
    pub b: Vec<f64>,
    /// The third value of each bar.
    pub c: Vec<f64>,
}

/// The signals of one tile: per row for the two row series, per bar for the rest (from the last bar closed before the
/// tile's first tick to the last closed before its end).
#[derive(Clone, Debug, Default)]
pub struct TileSignals {
    /// Per local row; NaN where a side is missing.
    pub spread: Vec<f64>,
    /// Per local row: bid_short / ask_long; NaN where a side is missing.
    pub edge: Vec<f64>,
    /// By [`SignalId`].
    pub columns: Vec<SignalColumn>,
    /// The mids by role at whole minutes `first_minute + i` inside the tile (last tick at or before the minute).
    pub first_minute: i64,
    /// By minute, then role; zero = not quoted.
    pub minute_mids: Vec<[Mid; 2]>,
}

impl TileSignals {
    /// The value of a bar; NaN outside the column.
    #[inline]
    fn entry(values: &[f64], column: &SignalColumn, bar: i64) -> f64 {
        usize::try_from(bar - column.first_bar).ok().and_then(|i| values.get(i)).copied().unwrap_or(f64::NAN)
    }

    /// First value of a column at the last bar closed at `time`; NaN when unknown.
    #[inline]
    pub fn bar_value(&self, id: SignalId, time: Time) -> f64 {
        let column = &self.columns[id.0 as usize];
        Self::entry(&column.a, column, bar_before(time, column.bar_length))
    }

    /// (lower, upper) levels of a band at a closed bar; NaN when there are none: too few samples, sigma below 0.01 bp, or
    /// upper not above lower. `min_unlock_bp` > 0 widens both.
    pub fn band(&self, rule: &BandRule, bar: i64) -> (f64, f64) {
        let column = &self.columns[rule.id.0 as usize];
        let at = |values| Self::entry(values, column, bar);
        let (mean, mut lower, mut upper) = match rule.k {
            Some(k) => {
                let (mean, sigma) = (at(&column.a), at(&column.b));
                if sigma.is_nan() || sigma < 0.01 {
                    return (f64::NAN, f64::NAN);
                }
                (mean, mean - k * sigma, mean + k * sigma)
            }
            None => (at(&column.c), at(&column.a), at(&column.b)),
        };
        if rule.min_unlock_bp > 0.0 {
            upper = upper.max(mean + rule.min_unlock_bp);
            lower = lower.min(mean - rule.min_unlock_bp);
        }
        if upper > lower { (lower, upper) } else { (f64::NAN, f64::NAN) }
    }
}
