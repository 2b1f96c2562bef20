//! From effective values to the typed configuration.

mod account;
mod checks;
mod fills;
mod strategy;
mod venue;

use super::keys::{K, TOP};
use super::values::Values;
use super::{Config, ConfigError, KeyIx, World};
use crate::market::Role;

pub(super) use strategy::band_kind;
pub(super) use venue::{aged, overlays, venue_fees, warnings};

/// The configuration that the values make.
pub(super) fn resolve(values: &Values<'_>) -> Result<Config, ConfigError> {
    for ix in 0..TOP.len() as u16 {
        if values.file.is_required(KeyIx(ix)) && values.written(KeyIx(ix)).is_none() {
            return Err(values.missing(KeyIx(ix)));
        }
    }
    let roles = roles(values)?;
    let strategy = strategy::strategy(values)?;
    let (long, short) = (venue::venue(values, roles[0])?, venue::venue(values, roles[1])?);
    let account = account::account(values, roles)?;
    let world = World { seed: values.int(K::Seed) as u64, venues: [long, short] };
    let config = Config { strategy, world, account };
    checks::check(values, roles, &config)?;
    Ok(config)
}

/// Numbers of the venues by role.
pub(in crate::config) fn roles(values: &Values<'_>) -> Result<[usize; 2], ConfigError> {
    let venues = &values.file.schema.venues;
    let usual = venues.len() == 2 && venues[0] == "grvt" && venues[1] == "lighter";
    let accepted = || format!("one of the keys under exchanges: {}", venues.join(", "));
    let find = |key: K, usually: &str| -> Result<usize, ConfigError> {
        let name = match values.text(key) {
            Some(name) => name,
            None if usual => usually,
            None => return Err(values.missing(key.into()).accepted(accepted())),
        };
        venues.iter().position(|venue| venue == name).ok_or_else(|| {
            values
                .conflict(&[key.into()], format!("found {name}"))
                .accepted(accepted())
                .remedy("write the name of a venue's block, or add a block of that name under `exchanges`")
        })
    };
    let roles = [find(K::LongVenue, "lighter")?, find(K::ShortVenue, "grvt")?];
    if roles[Role::Long.ix()] == roles[Role::Short.ix()] {
        return Err(values
            .conflict(&[K::LongVenue.into(), K::ShortVenue.into()], format!("both legs are on {}", venues[roles[0]]))
            .accepted("two different venues")
            .remedy("write long_venue and short_venue as two different keys of `exchanges`"));
    }
    Ok(roles)
}
