//! The resolved configuration: what the engine runs on. Parsing, defaults and checks live beside this file; here every
//! value is typed, in integer units, and legal. One type serves the sweep and the live runner.
//!
//! Three parts: [`Strategy`] (what a trader chooses), [`World`] (what the market and the venues do to him), [`Account`].

use crate::market::{Delays, FeeSchedule, Instrument, RateLimit, VolumeQuota};
use crate::units::{Cash, Qty, Rate, SECOND, Time, TimeDelta};
use serde::{Deserialize, Serialize};

/// A resolved configuration: one point of a grid, or what the live runner trades.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Config {
    /// What the trader chose.
    pub strategy: Strategy,
    /// What the venues and the market do to an order.
    pub world: World,
    /// Whose money it is, and on which accounts.
    pub account: Account,
}

/// Every key of strategy.md that a trader chooses. Names follow the keys.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Strategy {
    /// At least 1; margin = notional / leverage.
    pub leverage: Rate,
    /// Of one leg.
    pub size: Size,
    /// Whether the size grows with the equity.
    pub sizing: Sizing,
    /// The side of the first leg.
    pub direction: Direction,
    /// `bar_sec`.
    pub bar_length: TimeDelta,
    /// The gate: when a trade may begin.
    pub thresholds: Thresholds,
    /// How the first leg is opened.
    pub entry: Entry,
    /// When and how the other leg is opened, and when the lock ends.
    pub locking: Locking,
    /// How a leg of a lock is let go.
    pub unlock: Taking,
    /// When and how the last leg is closed.
    pub exit: Exit,
    /// How orders are sent and asked after.
    pub execution: Execution,
    /// What closes a position or ends trading.
    pub risk: Risk,
    /// Which funding rates the gate reads.
    pub funding_signal: FundingSignal,
}

/// The position's size, of one leg.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub enum Size {
    /// `base_qty`, base coins.
    Base(Qty),
    /// `base_notional`, quote money; quantity = money / ask at entry.
    Quote(Cash),
}

/// `sizing`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Sizing {
    /// As written.
    Fixed,
    /// Times equity over initial capital.
    Equity,
}

/// `direction`: where the first leg is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Direction {
    /// Bought on the long venue.
    Long,
    /// Sold on the short venue.
    Short,
    /// Whichever gate opens first.
    Both,
}

/// `thresholds`: the conditions of the gate.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Thresholds {
    /// `trend_strength.ema_fast`, bars; < `ema_slow`.
    pub ema_fast: u32,
    /// `trend_strength.ema_slow`, bars; > `ema_fast`.
    pub ema_slow: u32,
    /// `trend_strength.min_diff`, fraction of the close.
    pub min_diff: f64,
    /// Least return of the lock after fees, a fraction; may be negative.
    pub min_target_return: Rate,
    /// `funding_spread_bps` as a fraction per 8 h.
    pub funding_spread: Rate,
    /// The sign of the funding difference.
    pub funding_basis: FundingBasis,
    /// `vol_band.vmin`, `.vmax`: annualised volatility, 0.25 = 25 %.
    pub vmin: f64,
    /// The greatest, as `vmin`.
    pub vmax: f64,
    /// Bars of the volatility window.
    pub vol_bars: u32,
    /// 1 to 3 of the gate's conditions.
    pub min_conditions: u8,
    /// No entry for so long after a trade.
    pub cooldown: TimeDelta,
    /// No entry for so long before a settlement that we would pay.
    pub no_entry_before_funding: TimeDelta,
}

/// `funding_basis`: which difference of the venues' rates `funding_spread` bounds from below.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum FundingBasis {
    /// High when a long on the long venue pays more than the short receives.
    LongMinusShort,
    /// What the pair would earn.
    ShortMinusLong,
}

/// `funding.signal`: which rates the gate reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum FundingSignal {
    /// The config names none: predicted if the tape has such rows for both venues, else settled.
    Auto,
    /// The newest published for the next settlement.
    Predicted,
    /// The last one paid.
    Settled,
}

/// How an order is executed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Style {
    /// Rest at the own best price until the timeout.
    Maker,
    /// Take within the slippage limit.
    Taker,
    /// Rest, then take what is left.
    MakerThenTaker,
}

impl Style {
    /// The style has a taking order.
    pub fn may_take(self) -> bool {
        self != Style::Maker
    }

    /// The style has a resting order.
    pub fn may_make(self) -> bool {
        self != Style::Taker
    }
}

/// An execution style with its knobs.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Taking {
    /// Which orders are sent.
    pub style: Style,
    /// How long a resting order is left on the book; > 0.
    pub passive_timeout: TimeDelta,
    /// How much worse than the opposite best an IOC may go.
    pub slip: Rate,
}

/// `entry`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// What the gate opens.
    pub mode: EntryMode,
    /// How the first leg is opened.
    pub taking: Taking,
    /// Wait after an entry that filled nothing.
    pub retry: TimeDelta,
    /// Time exit of S1.
    pub first_max: Option<TimeDelta>,
}

/// `entry.mode`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum EntryMode {
    /// One leg; the other one locks it later.
    FirstLeg,
    /// Both legs at once: S0 to S2.
    Pair,
}

/// `locking`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Locking {
    /// `g_pct`: profit of the first leg at which the lock fires.
    pub g: Rate,
    /// What ends a lock.
    pub band: Band,
    /// Bars of the band's window.
    pub band_window_bars: u32,
    /// `t_max_sec`
    pub t_max: TimeDelta,
    /// `epsilon_bp`: slippage budget and IOC limit of the lock.
    pub epsilon: Rate,
    /// `slip` is unused here: the lock's limit is `epsilon`.
    pub taking: Taking,
    /// Equal parts in which the other leg is opened; at least 1.
    pub batches: u32,
    /// Wait after a failed attempt.
    pub retry: TimeDelta,
    /// Attempts of one batch after the first.
    pub max_retries: u32,
    /// Least return that a batch must lock, a fraction; `None`: any.
    pub min_lock_return: Option<Rate>,
    /// What is done when the lock cannot complete.
    pub on_lock_failure: OnLockFailure,
    /// When the band may fire.
    pub arm: Arm,
    /// A band ends no lock younger than this.
    pub min_lock: TimeDelta,
    /// `min_unlock_bp`, bp of spread.
    pub min_unlock_bp: f64,
    /// What the upper level closes.
    pub on_ub: Unlock,
    /// What the lower level closes.
    pub on_lb: Unlock,
    /// What a lock older than `t_max` does.
    pub on_timeout: OnTimeout,
}

/// The band around the spread whose levels end a lock.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub enum Band {
    /// Mean +- k population sigmas.
    Sigma(f64),
    /// Order statistics; fractions of the samples.
    Quantile {
        /// The lower quantile, below `ub`.
        lb: Rate,
        /// The upper quantile.
        ub: Rate,
    },
}

/// `locking.on_lock_failure`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum OnLockFailure {
    /// Close everything.
    Rollback,
    /// Buy back what filled of the other leg and return to S1.
    Retry,
    /// Keep the matched quantity, locked.
    Keep,
}

/// `locking.arm`: when the band may fire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Arm {
    /// Once the spread was strictly between the levels.
    Inside,
    /// At once.
    Level,
}

/// What a band crossing closes. `Hold` is legal for the lower band alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Unlock {
    /// Keep the long leg: S4.
    CloseShort,
    /// Keep the short leg: S5.
    CloseLong,
    /// Close both legs: S0.
    CloseBoth,
    /// Nothing.
    Hold,
}

/// `locking.on_timeout`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum OnTimeout {
    /// Keep the leg whose own APR is lower; tie: the first leg.
    KeepCheaper,
    /// Close both legs: S0.
    CloseBoth,
}

/// `exit`: of the last leg, in S4 and S5. Fractions are of its entry price unless something else is said.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Exit {
    /// How it is closed.
    pub taking: Taking,
    /// The profit that closes it; `None`: none does.
    pub take_profit: Option<Rate>,
    /// Default: `risk.stop_loss_first_leg`.
    pub stop_loss: Option<Rate>,
    /// The rise since the unlock that closes it; `None`: none does.
    pub rebound: Option<Rate>,
    /// The fall from the best price since the unlock that closes it; `None`: none does.
    pub trail: Option<Rate>,
    /// Default 3600 s.
    pub max: Option<TimeDelta>,
    /// How long a time exit waits for a settlement that pays us.
    pub defer_for_funding: TimeDelta,
}

/// `execution`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Execution {
    /// The kind of a taking order.
    pub tif: TimeInForce,
    /// On a venue without fill-or-kill it is played by an IOC, of which part fills are closed again.
    pub emulate_fok: bool,
    /// How much worse than the opposite best an urgent close may take, a fraction.
    pub urgent_slip: Rate,
    /// Wait before a close is sent again.
    pub close_retry: TimeDelta,
    /// How long an answer is waited for before the order is asked for.
    pub query_after: TimeDelta,
    /// Age from which an order that its venue does not know can land no more.
    pub fence: TimeDelta,
    /// How long a venue's silence or refusals last before the other venue hedges.
    pub venue_timeout: TimeDelta,
    /// Wait after the first query of an order; doubles to 8 s.
    pub venue_probe: TimeDelta,
    /// Most hedges of one trade.
    pub max_hedges: u32,
    /// Share of a venue's request limit that is kept for closes, locks and cancels.
    pub request_reserve: Rate,
}

/// `execution.tif`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum TimeInForce {
    /// Fill what can be filled at once, cancel the rest.
    Ioc,
    /// Fill all at once or nothing.
    Fok,
}

/// `risk`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Risk {
    /// The first leg's loss that closes it, a fraction of its entry price; `None`: none does.
    pub stop_loss_first_leg: Option<Rate>,
    /// Greatest difference of the legs of a lock, a fraction of the larger.
    pub net_delta_max_ratio: Rate,
    /// Each leg has a margin of its own; else the venue's whole balance backs it.
    pub isolated_margin: bool,
    /// Funding paid a year, a fraction, above which the guard acts; `None`: no guard.
    pub funding_guard_apr: Option<Rate>,
    /// What the funding guard does.
    pub guard_action: GuardAction,
    /// Age above which a venue's quotes are stale: nothing is opened, locked or unlocked on them.
    pub max_quote_age: TimeDelta,
    /// How long a net delta may stand.
    pub delta_grace: TimeDelta,
    /// `liq_buffer_pct` as a fraction.
    pub liq_buffer: Option<Rate>,
    /// What becomes of the other leg after the venue closed one.
    pub on_leg_lost: OnLegLost,
    /// Percent of initial capital, as fractions.
    pub max_drawdown: Option<Rate>,
    /// Loss since 00:00 UTC that halts until the next midnight.
    pub max_daily_loss: Option<Rate>,
    /// Failures in a row that halt for good; `None`: no limit.
    pub max_consecutive_failures: Option<u32>,
}

/// `risk.guard_action`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum GuardAction {
    /// Close the leg whose own funding costs more.
    Cut,
    /// Close both legs: S0.
    CloseBoth,
    /// Halve each leg.
    Reduce,
}

/// `risk.on_leg_lost`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum OnLegLost {
    /// Close it.
    Flatten,
    /// Go on with it in S4 or S5.
    Keep,
}

/// What the market does to an order: fees, delays, latencies, failures, chance. Never chosen by a trader.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct World {
    /// Of every drawn chance.
    pub seed: u64,
    /// By role.
    pub venues: [VenueWorld; 2],
}

/// One venue as an order meets it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct VenueWorld {
    /// Steps and least sizes of the perpetual, and how its money is booked.
    pub instrument: Instrument,
    /// Of the account's tier.
    pub fees: FeeSchedule,
    /// The venue's own delays before matching.
    pub delays: Delays,
    /// `None`: no limit.
    pub rate_limit: Option<RateLimit>,
    /// `None`: requests need no volume quota.
    pub quota: Option<VolumeQuota>,
    /// Share of `rate_limit` that only what makes risk smaller may use (`execution.request_reserve`).
    pub reserve: Rate,
    /// An order that has not arrived so long after its decision never will (`execution.fence_ms`).
    pub fence: TimeDelta,
    /// The simulation's rules.
    pub fills: Fills,
}

/// What a venue takes in a tier.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VenueFees {
    /// The tier's name.
    pub tier: String,
    /// When it was read off the venue's pages.
    pub date: String,
    /// Its rates.
    pub fees: FeeSchedule,
}

/// fills.md, resolved for one venue.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Fills {
    /// From the decision to the venue.
    pub order_latency: Latency,
    /// From the venue's answer to us.
    pub response_latency: Latency,
    /// How both grow when the market is busy.
    pub burst: Burst,
    /// `latency.feed` beyond what was recorded; a value of its own makes a feed of its own.
    pub feed_latency: TimeDelta,
    /// The venue's clock, which its `exch_ts` were read from, is so far ahead of ours; makes a feed of its own.
    pub clock_ahead: TimeDelta,
    /// How the queue ahead of a resting order shrinks.
    pub queue: Queue,
    /// `queue.ahead_ratio`: share of the visible size that is ahead of us on arrival.
    pub queue_ahead: Rate,
    /// Cost of each further best-size when only best bid and ask are known.
    pub impact: Rate,
    /// Taken for the best size where the tape has none.
    pub assume_qty: Option<Qty>,
    /// Share of orders that the venue refuses.
    pub reject_rate: f64,
    /// Share of orders that get no answer.
    pub timeout_rate: f64,
    /// Share of cancels that fail.
    pub cancel_fail_rate: f64,
    /// When the venue cannot be reached, or is not itself.
    pub outages: Vec<Outage>,
    /// Age of the newest book row above which an arriving order waits for the next.
    pub max_book_age: TimeDelta,
}

/// How long a message takes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Latency {
    /// Always the same; not negative.
    Constant(TimeDelta),
    /// ln(latency) is normal around ln(median) with this sigma.
    Lognormal {
        /// > 0.
        median: TimeDelta,
        /// Standard deviation of the logarithm.
        sigma: f64,
    },
    /// As measured: at equal steps of probability from 0 to 1, not falling, at least two; straight lines between them.
    Quantiles(Vec<TimeDelta>),
    /// As the venue's feed took it at that time: the slowest row of the second before.
    Recorded,
    /// As it was measured for requests of these times, which do not fall: for any other the one of the nearest time. No file says so.
    Measured(Vec<(Time, TimeDelta)>),
}

/// Messages are slow when the market is busy: a latency times `1 + slope * (rows / calm_rows - 1)` where the venue's quotes
/// and trades of the second before are more than `calm_rows`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Burst {
    /// How steeply latency grows with the load; 0: not at all.
    pub slope: f64,
    /// Rows a second up to which the market is calm.
    pub calm_rows: u32,
}

impl Fills {
    /// A venue at its best: nothing is late, fails or is out; the queue as strict as it comes, a further size 1 bp dearer.
    pub fn calm() -> Fills {
        Fills {
            order_latency: Latency::Constant(TimeDelta::ZERO),
            response_latency: Latency::Constant(TimeDelta::ZERO),
            burst: Burst { slope: 0.0, calm_rows: 20 },
            feed_latency: TimeDelta::ZERO,
            clock_ahead: TimeDelta::ZERO,
            queue: Queue::RiskAverse,
            queue_ahead: Rate(Rate::ONE),
            impact: Rate::from_bps(1),
            assume_qty: None,
            reject_rate: 0.0,
            timeout_rate: 0.0,
            cancel_fail_rate: 0.0,
            outages: Vec::new(),
            max_book_age: 10 * SECOND,
        }
    }

    /// The load of the venue's feed decides a latency.
    pub fn needs_feed_load(&self) -> bool {
        let recorded = |latency: &Latency| matches!(latency, Latency::Recorded);
        self.burst.slope > 0.0 || recorded(&self.order_latency) || recorded(&self.response_latency)
    }
}

/// `queue.model`: what is known of the queue ahead of a resting order when the displayed size falls without a trade.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub enum Queue {
    /// Size reductions happen behind us.
    RiskAverse,
    /// Size reductions are spread evenly over the queue.
    Proportional,
    /// As `Proportional`, by the power law of position with exponent n.
    Power {
        /// Exponent; 1 is `Proportional`.
        n: f64,
    },
    /// Only trades move the queue.
    TradesOnly,
}

/// A time in which a venue cannot be reached, or is not itself.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Outage {
    /// When it is.
    pub when: OutageWhen,
    /// What does not work then.
    pub what: OutageWhat,
}

/// When a venue is out.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub enum OutageWhen {
    /// As written.
    Fixed {
        /// Inclusive.
        from: Time,
        /// Exclusive.
        to: Time,
    },
    /// Drawn per venue and day from the seed: a mean number of outages a day, exponential lengths.
    Drawn {
        /// Mean number a day.
        per_day: f64,
        /// Mean length.
        mean: TimeDelta,
    },
}

/// What does not work in an outage.
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
    /// The coin, as the store names it.
    pub symbol: String,
    /// By role: store name, instrument's own symbol, endpoint, account name.
    pub venues: [VenueAccount; 2],
    /// By role; `None`: size x first mid in the range.
    pub capital: [Option<Cash>; 2],
    /// `None`: money is never moved between the venues.
    pub transfer: Option<Transfer>,
    /// Step of the return series, seconds.
    pub stats_interval_sec: u32,
    /// What stands for funding that the tape lacks.
    pub funding_missing: Missing,
    /// What stands for marks that the tape lacks.
    pub marks_missing: Missing,
}

/// How one venue is found and named.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct VenueAccount {
    /// In the store.
    pub name: String,
    /// The venue's own name of the perpetual: "BTC_USDT_Perp".
    pub symbol: String,
    /// For the live runner; `None`: the venue's public one.
    pub endpoint: Option<String>,
    /// A name for the account; never a key or a secret.
    pub account: Option<String>,
    /// The account's fee tier; `None`: the profile's default.
    pub tier: Option<String>,
}

/// How money is moved from the richer venue to the poorer one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Transfer {
    /// Fires when a venue's balance (unrealised profit and margin included) is below this fraction of its initial capital.
    pub below: Rate,
    /// How long it is on its way.
    pub delay: TimeDelta,
    /// Cost of one transfer; not negative.
    pub fee: Cash,
}

/// Policy for rows that the tape lacks. `Mid` is legal for marks alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Missing {
    /// No run without it.
    Refuse,
    /// Of funding, a known rate of 0; of marks, not known.
    Zero,
    /// The last known value.
    CarryLast,
    /// The mid of the venue's own quotes.
    Mid,
}
