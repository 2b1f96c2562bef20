//! Names and money of the account.

use super::venue::{profile, store_name};
use crate::config::keys::{K, V};
use crate::config::values::Values;
use crate::config::{Account, ConfigError, Transfer, VenueAccount, base_asset};
use crate::units::Cash;

/// Names, money and policies of the account.
pub(super) fn account(v: &Values<'_>, roles: [usize; 2]) -> Result<Account, ConfigError> {
    let transfer = v.some_rate(K::TransferBelow).map(|below| Transfer {
        below,
        delay: v.time_delta(K::TransferDelay),
        fee: v.some_cash(K::TransferFee).unwrap_or(Cash::ZERO),
    });
    Ok(Account {
        symbol: v.word(K::Symbol).to_string(),
        venues: [one(v, roles[0])?, one(v, roles[1])?],
        capital: roles.map(|venue| v.some_cash(v.venue(venue, V::Capital))),
        transfer,
        stats_interval_sec: v.count(K::StatsInterval),
        funding_missing: v.choice(K::FundingMissing),
        marks_missing: v.choice(K::MarksMissing),
    })
}

/// How a venue is found and named.
fn one(v: &Values<'_>, venue: usize) -> Result<VenueAccount, ConfigError> {
    let profile = profile(v, venue)?;
    let owned = |key: V| v.text(v.instrument(venue, key)).map(str::to_string);
    let known = || profile.instrument(&base_asset(v.word(K::Symbol))).map(|instrument| instrument.symbol.clone());
    Ok(VenueAccount {
        name: store_name(v, venue).to_string(),
        symbol: owned(V::Symbol).or_else(known).unwrap_or_else(|| v.word(K::Symbol).to_string()),
        endpoint: owned(V::Endpoint),
        account: owned(V::Account),
        tier: owned(V::Tier).or_else(|| profile.default_tier.clone()),
    })
}
