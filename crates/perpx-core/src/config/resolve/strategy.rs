//! What a trader chooses.

use crate::config::keys::K;
use crate::config::values::Values;
use crate::config::words::BandKind;
use crate::config::{
    Band, ConfigError, Entry, Execution, Exit, FundingSignal, Locking, Risk, Size, Strategy, Taking, Thresholds,
};
use crate::units::Rate;

/// What the trader chose.
pub(super) fn strategy(v: &Values<'_>) -> Result<Strategy, ConfigError> {
    Ok(Strategy {
        leverage: v.rate(K::Leverage),
        size: size(v)?,
        sizing: v.choice(K::Sizing),
        direction: v.choice(K::Direction),
        bar_length: v.time_delta(K::BarSec),
        thresholds: thresholds(v),
        entry: Entry {
            mode: v.choice(K::EntryMode),
            taking: taking(v, K::EntryStyle, K::EntryPassiveMs, v.rate(K::EntrySlipBp)),
            retry: v.time_delta(K::EntryRetrySec),
            first_max: v.some_time_delta(K::FirstMaxSec),
        },
        locking: locking(v)?,
        unlock: taking(v, K::UnlockStyle, K::UnlockPassiveMs, v.rate(K::UnlockSlipBp)),
        exit: Exit {
            taking: taking(v, K::ExitStyle, K::ExitPassiveMs, v.rate(K::ExitSlipBp)),
            take_profit: v.some_rate(K::TakeProfit),
            stop_loss: v.some_rate(K::StopLoss),
            rebound: v.some_rate(K::Rebound),
            trail: v.some_rate(K::Trail),
            max: v.some_time_delta(K::ExitMaxSec),
            defer_for_funding: v.time_delta(K::DeferForFundingSec),
        },
        execution: Execution {
            tif: v.choice(K::Tif),
            emulate_fok: v.flag(K::EmulateFok),
            urgent_slip: v.rate(K::UrgentSlipBp),
            close_retry: v.time_delta(K::CloseRetryMs),
            query_after: v.time_delta(K::QueryAfterMs),
            fence: v.time_delta(K::FenceMs),
            venue_timeout: v.time_delta(K::VenueTimeoutMs),
            venue_probe: v.time_delta(K::VenueProbeMs),
            max_hedges: v.count(K::MaxHedges),
            request_reserve: v.rate(K::RequestReserve),
        },
        risk: risk(v),
        funding_signal: v.some_choice(K::FundingSignal).unwrap_or(FundingSignal::Auto),
    })
}

/// Exactly one of `base_qty` and `base_notional`.
fn size(v: &Values<'_>) -> Result<Size, ConfigError> {
    match (v.some_qty(K::BaseQty), v.some_cash(K::BaseNotional)) {
        (Some(qty), None) => Ok(Size::Base(qty)),
        (None, Some(money)) => Ok(Size::Quote(money)),
        (None, None) => Err(v.missing(K::BaseQty.into())),
        (Some(_), Some(_)) => Err(v
            .conflict(
                &[K::BaseQty.into(), K::BaseNotional.into()],
                format!("found {} beside {}", v.describe(K::BaseNotional), v.describe(K::BaseQty)),
            )
            .accepted("one of base_qty and base_notional")
            .remedy("delete one of the two, or write null for it")),
    }
}

/// The gate.
fn thresholds(v: &Values<'_>) -> Thresholds {
    Thresholds {
        ema_fast: v.count(K::EmaFast),
        ema_slow: v.count(K::EmaSlow),
        min_diff: v.float(K::MinDiff),
        min_target_return: v.rate(K::MinTargetReturn),
        funding_spread: v.rate(K::FundingSpread),
        funding_basis: v.choice(K::FundingBasis),
        vmin: v.float(K::Vmin),
        vmax: v.float(K::Vmax),
        vol_bars: v.count(K::VolBars),
        min_conditions: v.int(K::MinConditions) as u8,
        cooldown: v.time_delta(K::CooldownSec),
        no_entry_before_funding: v.time_delta(K::NoEntryBeforeFundingSec),
    }
}

/// An execution style with its knobs.
fn taking(v: &Values<'_>, style: K, passive: K, slip: Rate) -> Taking {
    Taking { style: v.choice(style), passive_timeout: v.time_delta(passive), slip }
}

/// The lock.
fn locking(v: &Values<'_>) -> Result<Locking, ConfigError> {
    let epsilon = v.rate(K::EpsilonBp);
    Ok(Locking {
        g: v.rate(K::GPct),
        band: band(v)?,
        band_window_bars: v.count(K::BandWindowBars),
        t_max: v.time_delta(K::TMaxSec),
        epsilon,
        taking: taking(v, K::LockStyle, K::LockPassiveMs, epsilon),
        batches: v.count(K::Batches),
        retry: v.time_delta(K::LockRetryMs),
        max_retries: v.count(K::MaxRetries),
        min_lock_return: v.some_rate(K::MinLockReturn),
        on_lock_failure: v.choice(K::OnLockFailure),
        arm: v.choice(K::Arm),
        min_lock: v.time_delta(K::MinLockSec),
        min_unlock_bp: v.float(K::MinUnlockBp),
        on_ub: v.choice(K::OnUb),
        on_lb: v.choice(K::OnLb),
        on_timeout: v.choice(K::OnTimeout),
    })
}

/// Which band rules: as written, else sigma when `band_sigma` is given, even beside `quantile_band`.
pub(in crate::config) fn band_kind(v: &Values<'_>) -> BandKind {
    let given = |key: K| v.given(key.into()).is_some();
    v.some_choice(K::Band).unwrap_or_else(|| {
        let is_quantile = !given(K::BandSigma) && (given(K::QuantileLb) || given(K::QuantileUb));
        if is_quantile { BandKind::Quantile } else { BandKind::Sigma }
    })
}

/// The band; without a word for it the one whose keys are written.
fn band(v: &Values<'_>) -> Result<Band, ConfigError> {
    let need = |key: K| v.get(key.into()).map(|_| ()).ok_or_else(|| v.missing(key.into()));
    match band_kind(v) {
        BandKind::Sigma => {
            need(K::BandSigma)?;
            Ok(Band::Sigma(v.float(K::BandSigma)))
        }
        BandKind::Quantile => {
            need(K::QuantileLb)?;
            need(K::QuantileUb)?;
            Ok(Band::Quantile { lb: v.rate(K::QuantileLb), ub: v.rate(K::QuantileUb) })
        }
    }
}

/// The limits.
fn risk(v: &Values<'_>) -> Risk {
    Risk {
        stop_loss_first_leg: v.some_rate(K::StopLossFirstLeg),
        net_delta_max_ratio: v.rate(K::NetDelta),
        isolated_margin: v.flag(K::IsolatedMargin),
        funding_guard_apr: v.some_rate(K::FundingGuardApr),
        guard_action: v.choice(K::GuardAction),
        max_quote_age: v.time_delta(K::MaxQuoteAgeMs),
        delta_grace: v.time_delta(K::DeltaGraceMs),
        liq_buffer: v.some_rate(K::LiqBuffer),
        on_leg_lost: v.choice(K::OnLegLost),
        max_drawdown: v.some_rate(K::MaxDrawdown),
        max_daily_loss: v.some_rate(K::MaxDailyLoss),
        max_consecutive_failures: v.some_count(K::MaxFailures),
    }
}
