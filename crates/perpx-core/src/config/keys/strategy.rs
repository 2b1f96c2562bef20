//! Keys that stand once in a file: the strategy's own, and what holds for the account and every venue.

use super::Default::{Is, IsOrNull, Like, Required, RequiredOrNull, Unset};
use super::Kind::{Bool, Choice, Text};
use super::Unit::{Base, Bp, Count, Float, Fraction, Ms, Quote, Ratio, Sec};
use super::keys;
use super::kind::{from, over};
use crate::config::words::{BandKind, Choice as _, Word};
use crate::config::{
    Arm, Direction, EntryMode, FundingBasis, FundingSignal, GuardAction, Missing, OnLegLost, OnLockFailure, OnTimeout,
    Sizing, Style, TimeInForce, Unlock,
};

/// Seconds of a year.
const YEAR: i64 = 31_536_000;
/// Milliseconds of a week.
const WEEK_MS: i64 = 604_800_000;
/// A passive order lives at most ten minutes: the walk over its queue is bounded by this (watches.md).
const PASSIVE_MS: i64 = 600_000;
/// What the upper band may close.
const ON_UB: &[Word] = &[Unlock::WORDS[0], Unlock::WORDS[1], Unlock::WORDS[2]];
/// What the lower band may close: it may also hold.
const ON_LB: &[Word] = &[Unlock::WORDS[1], Unlock::WORDS[0], Unlock::WORDS[2], Unlock::WORDS[3]];
/// A missing rate may be zero, which is then known; the mid is for marks.
const FUNDING_MISSING: &[Word] = &[Missing::WORDS[0], Missing::WORDS[1].means("a known rate of 0"), Missing::WORDS[2]];

keys! {
    /// Names of the keys of [`TOP`].
    K, TOP:
    Symbol "symbol" Account Text, Required, "the perpetual's name, as BTCUSDT or BTC";
    Leverage "leverage" Strategy from(Ratio, 1, 1_000), Required, "the leverage of each leg: margin = notional / leverage";
    BaseQty "base_qty" Strategy over(Base, 0, 1_000_000_000), Unset, "the position's size in base coins (or write base_notional)";
    BaseNotional "base_notional" Strategy over(Quote, 0, 1_000_000_000), Unset, "the position's size in quote money (or write base_qty)";
    Sizing "sizing" Strategy Choice(Sizing::WORDS), Is("fixed"), "whether the size grows with equity over initial capital";
    Direction "direction" Strategy Choice(Direction::WORDS), Is("long"), "the side of the first leg";
    LongVenue "long_venue" Strategy Text, Unset, "the key under `exchanges` of the venue where the long leg lives";
    ShortVenue "short_venue" Strategy Text, Unset, "the key under `exchanges` of the venue where the short leg lives";
    BarSec "bar_sec" Strategy over(Sec, 0, 86_400), Is("60"), "the length of a bar in seconds";
    Seed "seed" World from(Count, 0, 9_007_199_254_740_991), Is("0"), "the seed of every drawn chance";

    EmaFast "thresholds.trend_strength.ema_fast" Strategy from(Count, 1, 100_000), Required, "bars of the fast average, fewer than ema_slow";
    EmaSlow "thresholds.trend_strength.ema_slow" Strategy from(Count, 2, 100_000), Required, "bars of the slow average";
    MinDiff "thresholds.trend_strength.min_diff" Strategy from(Float, -1, 1), Required, "the least trend strength as a fraction of the close (0.0008 = 8 bp)";
    MinTargetReturn "thresholds.min_target_return" Strategy from(Fraction, -1, 1), Required, "the least return of the lock after fees, as a fraction (0.0035 = 0.35 %)";
    FundingSpread "thresholds.funding_spread_bps" Strategy from(Bp, -10_000, 10_000), Required, "the least funding difference in basis points per 8 h";
    FundingBasis "thresholds.funding_basis" Strategy Choice(FundingBasis::WORDS), Is("long_minus_short"), "the sign of the funding difference";
    Vmin "thresholds.vol_band.vmin" Strategy from(Float, 0, 1_000), Required, "the least annualised volatility (0.25 = 25 %)";
    Vmax "thresholds.vol_band.vmax" Strategy from(Float, 0, 1_000), Required, "the greatest annualised volatility (2.5 = 250 %)";
    VolBars "thresholds.vol_bars" Strategy from(Count, 2, 100_000), Is("60"), "bars of the volatility window";
    MinConditions "thresholds.min_conditions" Strategy from(Count, 1, 3), Is("2"), "how many of the gate's three conditions must hold";
    CooldownSec "thresholds.cooldown_sec" Strategy from(Sec, 0, YEAR), Is("0"), "the wait after a trade in seconds";
    NoEntryBeforeFundingSec "thresholds.no_entry_before_funding_sec" Strategy from(Sec, 0, YEAR), Is("0"), "seconds before a settlement to pay in which nothing is opened";

    EntryMode "entry.mode" Strategy Choice(EntryMode::WORDS), Is("first_leg"), "whether one leg or both legs are opened by the gate";
    EntryStyle "entry.style" Strategy Choice(Style::WORDS), Is("maker_then_taker"), "the execution style of the entry";
    EntryPassiveMs "entry.passive_timeout_ms" Strategy over(Ms, 0, PASSIVE_MS), Is("2000"), "how long a passive entry rests, in milliseconds";
    EntrySlipBp "entry.slip_bp" Strategy from(Bp, 0, 10_000), Like(K::EpsilonBp), "how much worse than the opposite best the entry may take, in basis points";
    EntryRetrySec "entry.retry_sec" Strategy from(Sec, 0, YEAR), Is("5"), "the wait after an entry that filled nothing, in seconds";
    FirstMaxSec "entry.first_max_sec" Strategy over(Sec, 0, YEAR), Unset, "the longest life of the first leg alone, in seconds";

    GPct "locking.g_pct" Strategy over(Fraction, 0, 1), Required, "the profit of the first leg at which the lock fires, as a fraction (0.005 = 0.5 %)";
    Band "locking.band" Strategy Choice(BandKind::WORDS), Unset, "which band unlocks";
    BandSigma "locking.band_sigma" Strategy over(Float, 0, 100), Unset, "half the band's width in standard deviations";
    QuantileLb "locking.quantile_band.lb" Strategy from(Fraction, 0, 1), Unset, "the lower quantile, below ub";
    QuantileUb "locking.quantile_band.ub" Strategy from(Fraction, 0, 1), Unset, "the upper quantile, above lb";
    BandWindowBars "locking.band_window_bars" Strategy from(Count, 2, 100_000), Is("240"), "bars of the band's window";
    TMaxSec "locking.t_max_sec" Strategy over(Sec, 0, YEAR), Required, "the longest life of a lock, in seconds";
    EpsilonBp "locking.epsilon_bp" Strategy from(Bp, 0, 10_000), Required, "the lock's slippage budget and limit, in basis points";
    LockStyle "locking.style" Strategy Choice(Style::WORDS), Is("maker_then_taker"), "the execution style of the lock";
    LockPassiveMs "locking.passive_timeout_ms" Strategy over(Ms, 0, PASSIVE_MS), Is("1000"), "how long a passive lock rests, in milliseconds";
    Batches "locking.batches" Strategy from(Count, 1, 1_000), Is("1"), "equal parts in which the lock is opened";
    LockRetryMs "locking.retry_ms" Strategy from(Ms, 0, WEEK_MS), Is("250"), "the wait after a failed attempt to lock, in milliseconds";
    MaxRetries "locking.max_retries" Strategy from(Count, 0, 1_000), Is("3"), "attempts of one batch after the first";
    MinLockReturn "locking.min_lock_return" Strategy from(Fraction, -1, 1), Unset, "the least return that a batch must lock, as a fraction";
    OnLockFailure "locking.on_lock_failure" Strategy Choice(OnLockFailure::WORDS), Is("rollback"), "what is done when the lock cannot complete";
    Arm "locking.arm" Strategy Choice(Arm::WORDS), Is("inside"), "when the band may fire";
    MinLockSec "locking.min_lock_sec" Strategy from(Sec, 0, YEAR), Is("0"), "the least life of a lock, in seconds";
    MinUnlockBp "locking.min_unlock_bp" Strategy from(Float, 0, 10_000), Is("0"), "the least distance of a band level from the mean, in bp of spread";
    OnUb "locking.on_ub" Strategy Choice(ON_UB), Is("close_short"), "what the upper band closes";
    OnLb "locking.on_lb" Strategy Choice(ON_LB), Is("close_long"), "what the lower band closes";
    OnTimeout "locking.on_timeout" Strategy Choice(OnTimeout::WORDS), Is("keep_cheaper"), "what a lock older than t_max_sec does";

    UnlockStyle "unlock.style" Strategy Choice(Style::WORDS), Is("taker"), "the execution style of an unlock";
    UnlockPassiveMs "unlock.passive_timeout_ms" Strategy over(Ms, 0, PASSIVE_MS), Is("2000"), "how long a passive unlock rests, in milliseconds";
    UnlockSlipBp "unlock.slip_bp" Strategy from(Bp, 0, 10_000), Is("5"), "how much worse than the opposite best an unlock may take, in basis points";

    ExitStyle "exit.style" Strategy Choice(Style::WORDS), Is("taker"), "the execution style of an exit";
    ExitPassiveMs "exit.passive_timeout_ms" Strategy over(Ms, 0, PASSIVE_MS), Is("2000"), "how long a passive exit rests, in milliseconds";
    ExitSlipBp "exit.slip_bp" Strategy from(Bp, 0, 10_000), Is("5"), "how much worse than the opposite best an exit may take, in basis points";
    TakeProfit "exit.take_profit_pct" Strategy over(Fraction, 0, 10), Unset, "the last leg's profit that closes it, as a fraction of its entry";
    StopLoss "exit.stop_loss_pct" Strategy over(Fraction, 0, 1), Like(K::StopLossFirstLeg), "the last leg's loss that closes it, as a fraction (0.01 = 1 %)";
    Rebound "exit.rebound_pct" Strategy over(Fraction, 0, 10), Unset, "the rise since the unlock that closes the last leg, as a fraction";
    Trail "exit.trail_pct" Strategy over(Fraction, 0, 1), Unset, "the fall from the best price that closes the last leg, as a fraction";
    ExitMaxSec "exit.max_sec" Strategy over(Sec, 0, YEAR), IsOrNull("3600"), "the longest life of the last leg, in seconds";
    DeferForFundingSec "exit.defer_for_funding_sec" Strategy from(Sec, 0, YEAR), Is("0"), "how long a time exit waits for a settlement that pays us, in seconds";

    Tif "execution.tif" Strategy Choice(TimeInForce::WORDS), Is("ioc"), "the kind of a taking order";
    EmulateFok "execution.emulate_fok" Strategy Bool, Is("false"), "whether FOK is emulated on a venue that has none (IOC, part fills closed again)";
    UrgentSlipBp "execution.urgent_slip_bp" Strategy from(Bp, 0, 10_000), Is("50"), "how much worse than the opposite best an urgent close may take, in basis points";
    CloseRetryMs "execution.close_retry_ms" Strategy over(Ms, 0, WEEK_MS), Is("500"), "the wait before a close is sent again, in milliseconds";
    QueryAfterMs "execution.query_after_ms" Strategy over(Ms, 0, WEEK_MS), Is("1000"), "how long an answer is waited for before the order is asked for, in milliseconds";
    FenceMs "execution.fence_ms" Strategy over(Ms, 0, WEEK_MS), Is("9000"), "the age from which an order that its venue does not know can land no more, in milliseconds";
    VenueTimeoutMs "execution.venue_timeout_ms" Strategy over(Ms, 0, WEEK_MS), Is("5000"), "how long a venue's silence or refusals last before the other venue hedges, in milliseconds";
    VenueProbeMs "execution.venue_probe_ms" Strategy over(Ms, 0, WEEK_MS), Is("1000"), "the wait after the first query of an order, doubling to 8 s, in milliseconds";
    MaxHedges "execution.max_hedges" Strategy from(Count, 0, 1_000), Is("2"), "the most hedges of one trade; the n-th waits venue_timeout_ms * 2^(n-1)";
    RequestReserve "execution.request_reserve" Strategy from(Fraction, 0, 1), Is("0.3"), "the share of a venue's request limit that is kept for closes, locks and cancels, as a fraction (0.3 = 30 %)";

    StopLossFirstLeg "risk.stop_loss_first_leg" Strategy over(Fraction, 0, 1), RequiredOrNull, "the first leg's loss that closes it, as a fraction (0.01 = 1 %)";
    NetDelta "risk.net_delta_max_ratio" Strategy from(Fraction, 0, 1), Required, "the greatest difference of the legs of a lock, as a fraction of the larger";
    IsolatedMargin "risk.isolated_margin" Strategy Bool, Is("true"), "whether each leg has a margin of its own";
    FundingGuardApr "risk.funding_guard_apr" Strategy from(Fraction, 0, 1_000), RequiredOrNull, "the funding paid per year, as a fraction, above which the guard acts (0.3 = 30 %)";
    GuardAction "risk.guard_action" Strategy Choice(GuardAction::WORDS), Is("cut"), "what the funding guard does";
    MaxQuoteAgeMs "risk.max_quote_age_ms" Strategy over(Ms, 0, WEEK_MS), Is("5000"), "the age above which a venue's quotes are stale, in milliseconds";
    DeltaGraceMs "risk.delta_grace_ms" Strategy from(Ms, 0, WEEK_MS), Is("2000"), "how long a net delta may stand, in milliseconds";
    LiqBuffer "risk.liq_buffer_pct" Strategy over(Fraction, 0, 1), Unset, "the distance to liquidation at which everything is closed, as a fraction (0.01 = 1 %)";
    OnLegLost "risk.on_leg_lost" Strategy Choice(OnLegLost::WORDS), Is("flatten"), "what becomes of the other leg after the venue closed one";
    MaxDrawdown "risk.max_drawdown_pct" Strategy over(Fraction, 0, 1), Unset, "the drawdown that halts for good, as a fraction of initial capital (0.2 = 20 %)";
    MaxDailyLoss "risk.max_daily_loss_pct" Strategy over(Fraction, 0, 1), Unset, "the loss of a day that halts until midnight UTC, as a fraction of initial capital";
    MaxFailures "risk.max_consecutive_failures" Strategy from(Count, 1, 1_000_000), Unset, "how many failures in a row halt for good";

    FundingSignal "funding.signal" Strategy Choice(FundingSignal::WORDS), Unset, "which funding rates the gate reads";
    FundingMissing "funding.missing" Account Choice(FUNDING_MISSING), Is("refuse"), "what stands for funding that the tape lacks";
    MarksMissing "marks.missing" Account Choice(Missing::WORDS), Is("refuse"), "what stands for marks that the tape lacks";

    TakerBps "fees.taker_bps" World from(Bp, -1_000, 1_000), Unset, "the taker's fee in basis points";
    MakerBps "fees.maker_rebate_bps" World from(Bp, -1_000, 1_000), Unset, "the maker's whole fee in basis points, negative = paid to us";
    ReferralBps "fees.referral_rebate_bps" World from(Bp, -1_000, 0), Is("0"), "the referral's part in basis points, written negative: -0.2 takes 0.2 bp off a positive fee";

    TransferBelow "transfer.below_pct" Account over(Fraction, 0, 1), Unset, "the balance (unrealised profit and margin included) that starts a transfer, as a fraction of the venue's initial capital";
    TransferDelay "transfer.delay_sec" Account from(Sec, 0, YEAR), Is("3600"), "how long transferred money is on its way, in seconds";
    TransferFee "transfer.fee" Account from(Quote, 0, 1_000_000), Is("0"), "the cost of one transfer in quote money";
    StatsInterval "stats.interval_sec" Account from(Count, 1, 604_800), Is("3600"), "the step of the return series in seconds";
}
