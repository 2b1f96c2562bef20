//! The resolved configuration: what the engine runs on. Parsing, defaults and checks live beside this file; here every
//! value is typed, in integer units, and legal. One type serves the sweep and the live runner.
//!
//! Three parts: [`Strategy`] (what a trader chooses), [`World`] (what the market and the venues do to him), [`Account`].

use crate::market::{Delays, FeeSchedule, Instrument, RateLimit, VolumeQuota};
use crate::units::{Cash, Qty, Rate, SECOND_NS, Time};
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Config {
    pub strategy: Strategy,
    pub world: World,
    pub account: Account,
}

/// Every key of strategy.md that a trader chooses. Names follow the keys; `_ns` are nanoseconds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Strategy {
    /// At least 1; margin = notional / leverage.
    pub leverage: Rate,
    pub size: Size,
    pub sizing: Sizing,
    pub direction: Direction,
    /// `bar_sec` in nanoseconds.
    pub bar_ns: i64,
    pub thresholds: Thresholds,
    pub entry: Entry,
    pub locking: Locking,
    pub unlock: Taking,
    pub exit: Exit,
    pub execution: Execution,
    pub risk: Risk,
    pub funding_signal: FundingSignal,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub enum Size {
    /// `base_qty`, base coins.
    Base(Qty),
    /// `base_notional`, quote money; quantity = money / ask at entry.
    Quote(Cash),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Sizing {
    Fixed,
    Equity,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Direction {
    Long,
    Short,
    Both,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Thresholds {
    /// `trend_strength.ema_fast`, bars; < `ema_slow`.
    pub ema_fast: u32,
    pub ema_slow: u32,
    /// `trend_strength.min_diff`, fraction of the close.
    pub min_diff: f64,
    pub min_target_return: Rate,
    /// `funding_spread_bps` as a fraction per 8 h.
    pub funding_spread: Rate,
    pub funding_basis: FundingBasis,
    /// `vol_band.vmin`, `.vmax`: annualised volatility, 0.25 = 25 %.
    pub vmin: f64,
    pub vmax: f64,
    pub vol_bars: u32,
    /// 1 to 3 of the gate's conditions.
    pub min_conditions: u8,
    pub cooldown_ns: i64,
    pub no_entry_before_funding_ns: i64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum FundingBasis {
    LongMinusShort,
    ShortMinusLong,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum FundingSignal {
    /// The config names none: predicted if the tape has such rows for both venues, else settled.
    Auto,
    Predicted,
    Settled,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Style {
    Maker,
    Taker,
    MakerThenTaker,
}

impl Style {
    pub fn may_take(self) -> bool {
        self != Style::Maker
    }

    pub fn may_make(self) -> bool {
        self != Style::Taker
    }
}

/// An execution style with its knobs.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Taking {
    pub style: Style,
    pub passive_timeout_ns: i64,
    /// How much worse than the opposite best an IOC may go.
    pub slip: Rate,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    pub mode: EntryMode,
    pub taking: Taking,
    /// Wait after an entry that filled nothing.
    pub retry_ns: i64,
    /// Time exit of S1.
    pub first_max_ns: Option<i64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum EntryMode {
    FirstLeg,
    Pair,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Locking {
    /// `g_pct`: profit of the first leg at which the lock fires.
    pub g: Rate,
    pub band: Band,
    pub band_window_bars: u32,
    /// `t_max_sec`
    pub t_max_ns: i64,
    /// `epsilon_bp`: slippage budget and IOC limit of the lock.
    pub epsilon: Rate,
    /// `slip` is unused here: the lock's limit is `epsilon`.
    pub taking: Taking,
    pub batches: u32,
    pub retry_ns: i64,
    pub max_retries: u32,
    pub min_lock_return: Option<Rate>,
    pub on_lock_failure: OnLockFailure,
    pub arm: Arm,
    pub min_lock_ns: i64,
    /// `min_unlock_bp`, bp of spread.
    pub min_unlock_bp: f64,
    pub on_ub: Unlock,
    pub on_lb: Unlock,
    pub on_timeout: OnTimeout,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub enum Band {
    /// Mean +- k population sigmas.
    Sigma(f64),
    /// Order statistics; fractions of the samples.
    Quantile { lb: Rate, ub: Rate },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum OnLockFailure {
    Rollback,
    Retry,
    Keep,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Arm {
    Inside,
    Level,
}

/// What a band crossing closes. `Hold` is legal for the lower band alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Unlock {
    CloseShort,
    CloseLong,
    CloseBoth,
    Hold,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum OnTimeout {
    /// Keep the leg whose own APR is lower; tie: the first leg.
    KeepCheaper,
    CloseBoth,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Exit {
    pub taking: Taking,
    pub take_profit: Option<Rate>,
    /// Default: `risk.stop_loss_first_leg`.
    pub stop_loss: Option<Rate>,
    pub rebound: Option<Rate>,
    pub trail: Option<Rate>,
    /// Default 3600 s.
    pub max_ns: Option<i64>,
    pub defer_for_funding_ns: i64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Execution {
    pub tif: TimeInForce,
    pub emulate_fok: bool,
    pub urgent_slip: Rate,
    pub close_retry_ns: i64,
    pub query_after_ns: i64,
    pub fence_ns: i64,
    pub venue_timeout_ns: i64,
    pub venue_probe_ns: i64,
    pub max_hedges: u32,
    pub request_reserve: Rate,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum TimeInForce {
    Ioc,
    Fok,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Risk {
    pub stop_loss_first_leg: Option<Rate>,
    pub net_delta_max_ratio: Rate,
    pub isolated_margin: bool,
    pub funding_guard_apr: Option<Rate>,
    pub guard_action: GuardAction,
    pub max_quote_age_ns: i64,
    pub delta_grace_ns: i64,
    /// `liq_buffer_pct` as a fraction.
    pub liq_buffer: Option<Rate>,
    pub on_leg_lost: OnLegLost,
    /// Percent of initial capital, as fractions.
    pub max_drawdown: Option<Rate>,
    pub max_daily_loss: Option<Rate>,
    pub max_consecutive_failures: Option<u32>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum GuardAction {
    Cut,
    CloseBoth,
    Reduce,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum OnLegLost {
    Flatten,
    Keep,
}

/// What the market does to an order: fees, delays, latencies, failures, chance. Never chosen by a trader.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct World {
    pub seed: u64,
    /// By role.
    pub venues: [VenueWorld; 2],
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct VenueWorld {
    pub instrument: Instrument,
    pub fees: FeeSchedule,
    pub delays: Delays,
    pub rate_limit: Option<RateLimit>,
    pub quota: Option<VolumeQuota>,
    /// Share of `rate_limit` that only what makes risk smaller may use (`execution.request_reserve`).
    pub reserve: Rate,
    /// An order that has not arrived so long after its decision never will (`execution.fence_ms`).
    pub fence_ns: i64,
    pub fills: Fills,
}

/// fills.md, resolved for one venue.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Fills {
    pub order_latency: Latency,
    pub response_latency: Latency,
    pub burst: Burst,
    /// `latency.feed` beyond what was recorded; a value of its own makes a feed of its own.
    pub feed_latency_ns: i64,
    /// The venue's clock, which its `exch_ts` were read from, is so far ahead of ours; makes a feed of its own.
    pub clock_ahead_ns: i64,
    pub queue: Queue,
    /// `queue.ahead_ratio`: share of the visible size that is ahead of us on arrival.
    pub queue_ahead: Rate,
    /// Cost of each further best-size when only best bid and ask are known.
    pub impact: Rate,
    /// Taken for the best size where the tape has none.
    pub assume_qty: Option<Qty>,
    pub reject_rate: f64,
    pub timeout_rate: f64,
    pub cancel_fail_rate: f64,
    pub outages: Vec<Outage>,
    pub max_book_age_ns: i64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Latency {
    Constant {
        ns: i64,
    },
    /// ln(latency) is normal around ln(median) with this sigma.
    Lognormal {
        median_ns: i64,
        sigma: f64,
    },
    /// As measured: at equal steps of probability from 0 to 1, not falling, at least two; straight lines between them.
    Quantiles {
        ns: Vec<i64>,
    },
    /// As the venue's feed took it at that time: the slowest row of the second before.
    Recorded,
}

/// Messages are slow when the market is busy: a latency times `1 + slope * (rows / calm_rows - 1)` where the venue's quotes
/// and trades of the second before are more than `calm_rows`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Burst {
    pub slope: f64,
    pub calm_rows: u32,
}

impl Fills {
    /// A venue at its best: nothing is late, fails or is out; the queue as strict as it comes, a further size 1 bp dearer.
    pub fn calm() -> Fills {
        Fills {
            order_latency: Latency::Constant { ns: 0 },
            response_latency: Latency::Constant { ns: 0 },
            burst: Burst { slope: 0.0, calm_rows: 20 },
            feed_latency_ns: 0,
            clock_ahead_ns: 0,
            queue: Queue::RiskAverse,
            queue_ahead: Rate(Rate::ONE),
            impact: Rate::from_bps(1),
            assume_qty: None,
            reject_rate: 0.0,
            timeout_rate: 0.0,
            cancel_fail_rate: 0.0,
            outages: Vec::new(),
            max_book_age_ns: 10 * SECOND_NS,
        }
    }

    /// The load of the venue's feed decides a latency.
    pub fn needs_feed_load(&self) -> bool {
        let recorded = |latency: &Latency| matches!(latency, Latency::Recorded);
        self.burst.slope > 0.0 || recorded(&self.order_latency) || recorded(&self.response_latency)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub enum Queue {
    /// Size reductions happen behind us.
    RiskAverse,
    /// Size reductions are spread evenly over the queue.
    Proportional,
    /// As `Proportional`, by the power law of position with exponent n.
    Power { n: f64 },
    /// Only trades move the queue.
    TradesOnly,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Outage {
    pub when: OutageWhen,
    pub what: OutageWhat,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub enum OutageWhen {
    Fixed {
        from: Time,
        to: Time,
    },
    /// Drawn per venue and day from the seed: a mean number of outages a day, exponential lengths.
    Drawn {
        per_day: f64,
        mean_ns: i64,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum OutageWhat {
    /// `Orders` and `Feed`.
    Both,
    /// Requests vanish, nothing is answered.
    Orders,
    /// Nothing is received; orders still match.
    Feed,
    /// Orders are refused with a reason; cancels, queries and the feed live.
    Refuse,
    /// The feed goes on but repeats what it said last.
    Stale,
    /// Nothing is matched and nothing received; requests wait and are carried out when it ends.
    Halt,
}

impl OutageWhat {
    /// The trader receives something else: a feed of its own.
    pub fn is_feed(self) -> bool {
        self.loses_rows() || self == OutageWhat::Stale
    }

    /// Rows are never received.
    pub fn loses_rows(self) -> bool {
        matches!(self, OutageWhat::Both | OutageWhat::Feed | OutageWhat::Halt)
    }
}

/// Names and money of the account. No key and no secret is ever part of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Account {
    pub symbol: String,
    /// By role: store name, instrument's own symbol, endpoint, account name.
    pub venues: [VenueAccount; 2],
    /// By role; `None`: size x first mid in the range.
    pub capital: [Option<Cash>; 2],
    pub transfer: Option<Transfer>,
    /// Step of the return series, seconds.
    pub stats_interval_sec: u32,
    pub funding_missing: Missing,
    pub marks_missing: Missing,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct VenueAccount {
    pub name: String,
    /// The venue's own name of the perpetual: "BTC_USDT_Perp".
    pub symbol: String,
    pub endpoint: Option<String>,
    pub account: Option<String>,
    pub tier: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Transfer {
    /// Fires when a venue's balance (unrealised profit and margin included) is below this fraction of its initial capital.
    pub below: Rate,
    pub delay_ns: i64,
    pub fee: Cash,
}

/// Policy for rows that the tape lacks. `Mid` is legal for marks alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Missing {
    Refuse,
    Zero,
    CarryLast,
    Mid,
}
