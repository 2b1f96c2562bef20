//! What depends on several keys at once.

use crate::config::keys::{K, V};
use crate::config::values::Values;
use crate::config::{Band, Config, ConfigError, TimeInForce};
use crate::market::Role;
use crate::units::Rate;

/// What keys must keep to between them.
pub(super) fn check(v: &Values<'_>, roles: [usize; 2], config: &Config) -> Result<(), ConfigError> {
    let strategy = &config.strategy;
    let order = |low: K, high: K, what: &str, remedy: &str| {
        v.conflict(&[low.into(), high.into()], format!("{what}: {}, {}", v.describe(low), v.describe(high)))
            .accepted(format!("{} below {}", v.file.schema.path(low.into()), v.file.schema.path(high.into())))
            .remedy(remedy)
    };
    if strategy.thresholds.ema_fast >= strategy.thresholds.ema_slow {
        let remedy = "make ema_fast the smaller of the two; in a grid, add to [where] skip: \
                      \"thresholds.trend_strength.ema_fast >= thresholds.trend_strength.ema_slow\"";
        return Err(order(K::EmaFast, K::EmaSlow, "the fast average is not faster", remedy));
    }
    if strategy.thresholds.vmin > strategy.thresholds.vmax {
        let error = order(K::Vmin, K::Vmax, "the band is empty", "swap the two, or widen the band");
        return Err(error.accepted("vmin at most vmax"));
    }
    if matches!(strategy.locking.band, Band::Quantile { lb, ub } if lb >= ub) {
        let remedy = "write the lower quantile first, as lb: 0.2, ub: 0.8";
        return Err(order(K::QuantileLb, K::QuantileUb, "the band is empty", remedy));
    }
    for (venue, role) in roles.into_iter().zip(Role::BOTH) {
        let instrument = &config.world.venues[role.ix()].instrument;
        if strategy.execution.tif == TimeInForce::Fok && !instrument.has_fok && !strategy.execution.emulate_fok {
            return Err(v
                .conflict(&[K::Tif.into()], format!("found fok, but {} has no fill-or-kill orders", instrument.venue))
                .accepted("ioc, or fok with execution.emulate_fok: true")
                .remedy("write tif: ioc, or emulate_fok: true (IOC, part fills closed again)"));
        }
        let maintenance = instrument.margin.brackets.first().map_or(Rate::ZERO, |bracket| bracket.maintenance);
        // margin = 1/leverage of the notional; at or below maintenance the venue takes the leg at once
        if i128::from(maintenance.0) * i128::from(strategy.leverage.0) >= i128::from(Rate::ONE) * i128::from(Rate::ONE)
        {
            return Err(v
                .conflict(
                    &[K::Leverage.into(), v.instrument(venue, V::Maintenance)],
                    format!(
                        "found leverage {}: its margin is not above the maintenance {maintenance} of {}",
                        strategy.leverage, instrument.venue
                    ),
                )
                .accepted(format!("leverage below {}", trimmed(1.0 / maintenance.as_f64())))
                .remedy("lower the leverage: such a leg would be liquidated as it is opened"));
        }
    }
    Ok(())
}

/// A float without digits that say nothing.
fn trimmed(value: f64) -> String {
    format!("{value:.2}").trim_end_matches('0').trim_end_matches('.').to_string()
}
