//! One venue's world: profile, tier, and what the config's block says instead.

use super::fills;
use crate::config::keys::{K, V};
use crate::config::values::Values;
use crate::config::words::LiquidationKind;
use crate::config::{ConfigError, KeyIx, Profile, Tier, TimeInForce, VenueFees, VenueWorld, base_asset, keys};
use crate::market::{
    Bracket, Delays, FeeSchedule, Instrument, LiquidationRule, MarginSchedule, RateLimit, Role, VolumeQuota,
};
use crate::units::{Cash, Notional, Rate, SECOND, Time, TimeDelta};

/// A venue as an order meets it: what the file says, else the profile.
pub(super) fn venue(v: &Values<'_>, venue: usize) -> Result<VenueWorld, ConfigError> {
    let profile = profile(v, venue)?;
    let tier = tier(v, venue, profile)?;
    Ok(VenueWorld {
        instrument: instrument(v, venue, profile)?,
        fees: fees(v, venue, tier)?,
        delays: delays(v, venue, tier),
        rate_limit: rate_limit(v, venue, tier)?,
        quota: quota(v, venue, tier),
        reserve: v.rate(K::RequestReserve),
        fence: v.time_delta(K::FenceMs),
        fills: fills::fills(v, venue)?,
    })
}

/// The venue's name in the store: `name`, else its key.
pub(super) fn store_name<'a>(v: &'a Values<'_>, venue: usize) -> &'a str {
    v.text(v.venue(venue, V::Name)).unwrap_or(&v.file.schema.venues[venue])
}

/// The profile named, else the one of the venue's name, else the generic one if the block describes the instrument.
pub(super) fn profile<'a>(v: &'a Values<'_>, venue: usize) -> Result<&'a Profile, ConfigError> {
    let name = v.text(v.venue(venue, V::Profile)).unwrap_or(store_name(v, venue));
    let coin = base_asset(v.word(K::Symbol));
    let find = |name: &str| Profile::of(&v.file.profiles, name, &coin);
    if let Some(profile) = find(name) {
        return Ok(profile);
    }
    let described = v.given(v.instrument(venue, V::Tick)).is_some();
    find("generic").filter(|_| described).ok_or_else(|| {
        let key = &v.file.schema.venues[venue];
        v.file
            .error(v.venue(venue, V::Name), format!("nothing is known of the venue {name}"))
            .accepted("a venue with a shipped profile (lighter, grvt, hyperliquid, binance), or one that the file describes")
            .remedy(format!(
                "write under exchanges.{key} `{}: {{tick: 0.1, lot: 0.001}}`, `fees: {{taker_bps: 5, maker_rebate_bps: 2}}` \
                 and `margin: {{maintenance: 0.01}}`, or `profile: lighter`",
                block_name(v, &base_asset(v.word(K::Symbol)))
            ))
    })
}

/// The tier that the file names, else the profile's default.
fn tier<'a>(v: &Values<'_>, venue: usize, profile: &'a Profile) -> Result<Option<&'a Tier>, ConfigError> {
    let key = v.venue(venue, V::Tier);
    let Some(name) = v.text(key).or(profile.default_tier.as_deref()) else { return Ok(None) };
    profile.tier(name).map(Some).ok_or_else(|| {
        let names: Vec<&str> = profile.tiers.iter().map(|tier| tier.name.as_str()).collect();
        let accepted = match names.is_empty() {
            true => format!("no tier: the profile {} has none", profile.name),
            false => format!("a tier of the profile {}: {}", profile.name, names.join(", ")),
        };
        v.conflict(&[key], format!("found {name}"))
            .accepted(accepted)
            .remedy("write one of these tiers, or the fees themselves under `fees`")
    })
}

/// A fee block of two required rates and a referral.
fn fee_block(v: &Values<'_>, taker: KeyIx, maker: KeyIx, referral: KeyIx) -> Result<Option<FeeSchedule>, ConfigError> {
    if [taker, maker, referral].iter().all(|key| v.given(*key).is_none()) {
        return Ok(None);
    }
    for key in [taker, maker] {
        if v.given(key).is_none() {
            return Err(v.missing(key));
        }
    }
    // written negative, kept positive
    Ok(Some(FeeSchedule { taker: v.rate(taker), maker: v.rate(maker), referral: Rate(-v.int(referral)) }))
}

/// The venue's own `fees`; else its named tier's; else the top-level `fees`; else the profile's default tier's.
fn fees(v: &Values<'_>, venue: usize, tier: Option<&Tier>) -> Result<FeeSchedule, ConfigError> {
    let own = [V::TakerBps, V::MakerBps, V::ReferralBps].map(|key| v.venue(venue, key));
    if let Some(fees) = fee_block(v, own[0], own[1], own[2])? {
        return Ok(fees);
    }
    let named = v.given(v.venue(venue, V::Tier)).is_some();
    if let Some(tier) = tier.filter(|_| named) {
        return Ok(tier.fees);
    }
    if let Some(fees) = fee_block(v, K::TakerBps.into(), K::MakerBps.into(), K::ReferralBps.into())? {
        return Ok(fees);
    }
    tier.map(|tier| tier.fees).ok_or_else(|| v.missing(own[0]))
}

/// The venue's own delays: the file's, else the tier's, else none.
fn delays(v: &Values<'_>, venue: usize, tier: Option<&Tier>) -> Delays {
    let usual = tier.map(|tier| tier.delays).unwrap_or_default();
    let or = |key: V, usual: TimeDelta| v.some_time_delta(v.venue(venue, key)).unwrap_or(usual);
    Delays {
        taker: or(V::TakerMs, usual.taker),
        maker: or(V::MakerMs, usual.maker),
        cancel: or(V::CancelMs, usual.cancel),
    }
}

/// `requests: null` lifts the profile's limit.
fn rate_limit(v: &Values<'_>, venue: usize, tier: Option<&Tier>) -> Result<Option<RateLimit>, ConfigError> {
    let (requests, window) = (v.venue(venue, V::Requests), v.venue(venue, V::WindowSec));
    let Some(_) = v.written(requests) else { return Ok(tier.map(|tier| tier.rate_limit)) };
    let Some(requests) = v.some_count(requests) else { return Ok(None) };
    let usual = tier.map_or(SECOND, |tier| tier.rate_limit.window);
    Ok(Some(RateLimit { requests, window: v.some_time_delta(window).unwrap_or(usual) }))
}

/// `volume_quota.start: null` lifts the tier's; the other keys are read beside a `start`.
fn quota(v: &Values<'_>, venue: usize, tier: Option<&Tier>) -> Option<VolumeQuota> {
    let key = |key: V| v.venue(venue, key);
    if v.written(key(V::QuotaStart)).is_none() {
        return tier.and_then(|tier| tier.quota);
    }
    v.given(key(V::QuotaStart))?;
    Some(VolumeQuota {
        start: v.count(key(V::QuotaStart)),
        cap: v.count(key(V::QuotaCap)),
        value_per_unit: v.some_cash(key(V::QuotaValue)).unwrap_or(Cash::ZERO).as_notional(),
        free_every: v.time_delta(key(V::QuotaFreeSec)),
    })
}

/// Steps, least sizes and rules of the perpetual.
fn instrument(v: &Values<'_>, venue: usize, profile: &Profile) -> Result<Instrument, ConfigError> {
    let base = base_asset(v.word(K::Symbol));
    let known = profile.instrument(&base);
    refuse_another_symbols(v, venue, &base)?;
    let key = |key: V| v.instrument(venue, key);
    let unknown = |key: V| {
        let own = v.file.schema.instrument(venue, v.word(K::Symbol), key);
        let ix = own.unwrap_or(v.venue(venue, key));
        let (name, block) = (&v.file.schema.venues[venue], block_name(v, &base));
        let (found, margin) = match profile.name.as_str() {
            "generic" if own.is_some() || block == "instrument" => return v.missing(ix),
            "generic" => (format!("this key is not written for {base}"), String::new()),
            other => (
                format!("this key is not written, and the profile {other} does not know {base}"),
                " and `margin: {maintenance: 0.01}`".to_string(),
            ),
        };
        ConfigError { found: found.into(), ..v.missing(ix) }.remedy(format!(
            "write under exchanges.{name} `{block}: {{tick: 0.1, lot: 0.001}}`{margin} with the venue's values, or correct \
             the symbol"
        ))
    };
    let tick = v.some_price(key(V::Tick)).or(known.map(|k| k.tick)).ok_or_else(|| unknown(V::Tick))?;
    let lot = v.some_qty(key(V::Lot)).or(known.map(|k| k.lot)).ok_or_else(|| unknown(V::Lot))?;
    let min_notional = v.some_cash(key(V::MinNotional)).map(Cash::as_notional).or(known.map(|k| k.min_notional));
    Ok(Instrument {
        venue: store_name(v, venue).to_string(),
        tick,
        lot,
        min_qty: v.some_qty(key(V::MinQty)).or(known.map(|k| k.min_qty)).unwrap_or(lot),
        min_notional: min_notional.unwrap_or(Notional::ZERO),
        money_grid: v.some_cash(key(V::MoneyGrid)).unwrap_or(profile.money_grid),
        has_fok: if v.given(key(V::HasFok)).is_some() { v.flag(key(V::HasFok)) } else { profile.has_fok },
        self_trade: v.some_choice(key(V::SelfTrade)).unwrap_or(profile.self_trade),
        min_binds_takers: match v.given(key(V::MinBindsTakers)) {
            Some(_) => v.flag(key(V::MinBindsTakers)),
            None => profile.min_binds_takers,
        },
        price_band: match v.written(key(V::PriceBand)) {
            Some(_) => v.some_rate(key(V::PriceBand)),
            None => Some(profile.price_band),
        },
        funding_price: v.some_choice(key(V::FundingPrice)).unwrap_or(profile.funding_price),
        margin: match margin(v, venue)? {
            Some(margin) => margin,
            None => known.map(|k| k.margin.clone()).ok_or_else(|| unknown(V::Maintenance))?,
        },
        liquidation: liquidation(v, venue, profile)?,
    })
}

/// Under which name a venue's block describes the instrument of this coin.
fn block_name(v: &Values<'_>, base: &str) -> String {
    let own = v.file.written(K::Symbol.into()).and_then(crate::config::Value::text).map(base_asset);
    match own.as_deref() == Some(base) {
        true => "instrument".to_string(),
        false => format!("instruments.{base}"),
    }
}

/// A block `instrument` serves the one symbol that the file trades; beside `instruments` it would serve any.
fn refuse_another_symbols(v: &Values<'_>, venue: usize, base: &str) -> Result<(), ConfigError> {
    let schema = &v.file.schema;
    let Some(written) = schema.only_instrument(venue).find(|ix| v.file.written(*ix).is_some()) else { return Ok(()) };
    let own = v.file.written(K::Symbol.into()).and_then(crate::config::Value::text).map(base_asset);
    let several = schema.instrument(venue, v.word(K::Symbol), V::Tick).is_some();
    if !several && own.as_deref() == Some(base) {
        return Ok(());
    }
    let found = match several {
        true => "found `instrument` beside `instruments`".to_string(),
        false => format!("found one `instrument`, of {}, for the symbol {base}", own.unwrap_or_default()),
    };
    let name = &schema.venues[venue];
    Err(v
        .file
        .error(written, found)
        .accepted(
            "one block `instrument` for the one symbol that the file trades, or a block a symbol under `instruments`",
        )
        .remedy(format!(
            "write exchanges.{name}.instruments.{base}: {{symbol, tick, lot, ...}}, and one for each other symbol"
        )))
}

/// The margin brackets that the file gives.
fn margin(v: &Values<'_>, venue: usize) -> Result<Option<MarginSchedule>, ConfigError> {
    let of_symbol = |key: V| v.file.schema.instrument(venue, v.word(K::Symbol), key);
    // in the symbol's own block one of the two hides both of the venue's
    let [flat, brackets] = match [V::Maintenance, V::MarginBrackets].map(of_symbol) {
        [Some(flat), Some(brackets)] if v.given(flat).or(v.given(brackets)).is_some() => [flat, brackets],
        _ => [V::Maintenance, V::MarginBrackets].map(|key| v.venue(venue, key)),
    };
    match (v.some_rate(flat), v.get(brackets)) {
        (Some(_), Some(_)) => Err(v
            .conflict(&[flat, brackets], "found brackets beside maintenance".to_string())
            .accepted("one of maintenance and brackets")
            .remedy("delete one of the two")),
        (Some(rate), None) => Ok(Some(MarginSchedule::flat(rate))),
        (None, Some(keys_value)) => Ok(Some(MarginSchedule { brackets: read_brackets(keys_value) })),
        (None, None) => Ok(None),
    }
}

/// As written.
fn read_brackets(value: &crate::config::Value) -> Vec<Bracket> {
    use crate::config::Value;
    let Value::List(items) = value else { return Vec::new() };
    let read = |item: &Value| {
        let Value::Map(entries) = item else { return None };
        Some(Bracket {
            floor: Notional(keys::number(entries, "floor")?.0),
            maintenance: Rate((keys::number(entries, "maintenance")?.0 / 1_000_000) as i64),
        })
    };
    items.iter().filter_map(read).collect()
}

/// The liquidation rule: the file's, else the profile's.
fn liquidation(v: &Values<'_>, venue: usize, profile: &Profile) -> Result<LiquidationRule, ConfigError> {
    let fee = v.venue(venue, V::LiquidationFee);
    match v.some_choice(v.venue(venue, V::Liquidation)) {
        Some(LiquidationKind::TakeOver) => Ok(LiquidationRule::TakeOver),
        Some(LiquidationKind::ZeroPrice) => {
            let max_fee = v.some_rate(fee).ok_or_else(|| v.missing(fee))?;
            Ok(LiquidationRule::ZeroPrice { max_fee })
        }
        None => Ok(match (profile.liquidation, v.some_rate(fee)) {
            (LiquidationRule::ZeroPrice { .. }, Some(max_fee)) => LiquidationRule::ZeroPrice { max_fee },
            (rule, _) => rule,
        }),
    }
}

/// Profiles of the two venues that were read long before `today`.
pub(in crate::config) fn aged(v: &Values<'_>, today: Time) -> Result<Vec<String>, ConfigError> {
    let base = base_asset(v.word(K::Symbol));
    let mut list = Vec::new();
    for venue in super::roles(v)? {
        let profile = profile(v, venue)?;
        list.extend(profile.foreign());
        list.extend(profile.aged(&base, v.text(v.venue(venue, V::Tier)), today));
    }
    list.dedup();
    Ok(list)
}

/// Profiles of the two venues that say something else than the shipped ones.
pub(in crate::config) fn overlays(v: &Values<'_>) -> Result<Vec<(String, String)>, ConfigError> {
    let mut list = Vec::new();
    for venue in super::roles(v)? {
        // one of which nothing is known is refused where it is resolved
        let Ok(profile) = profile(v, venue) else { continue };
        let hash = profile.overlay.as_ref().and_then(|overlay| overlay.hash.clone());
        list.extend(hash.map(|hash| (profile.name.clone(), hash)));
    }
    list.sort();
    list.dedup();
    Ok(list)
}

/// By role: the fees of the venue's own tier.
pub(in crate::config) fn venue_fees(v: &Values<'_>) -> Result<[Option<VenueFees>; 2], ConfigError> {
    let mut found = [None, None];
    for (venue, found) in super::roles(v)?.into_iter().zip(&mut found) {
        let tier = tier(v, venue, profile(v, venue)?)?;
        *found = tier.map(|tier| VenueFees { tier: tier.name.clone(), date: tier.date.clone(), fees: tier.fees });
    }
    Ok(found)
}

/// Words about legal but doubtful settings.
pub(in crate::config) fn warnings(v: &Values<'_>) -> Result<Vec<String>, ConfigError> {
    let mut list = Vec::new();
    for (venue, role) in super::roles(v)?.into_iter().zip(Role::BOTH) {
        let profile = profile(v, venue)?;
        let Some(tier) = tier(v, venue, profile)? else { continue };
        let used = fees(v, venue, Some(tier))?;
        let differs = used.taker != tier.fees.taker || used.maker != tier.fees.maker;
        if differs {
            list.push(format!(
                "{}: fees of the config (taker {} bp, maker {} bp) differ from the venue's tier {} of {} (taker {} bp, maker {} bp)",
                store_name(v, venue),
                used.taker.bps(),
                used.maker.bps(),
                tier.name,
                tier.date,
                tier.fees.taker.bps(),
                tier.fees.maker.bps(),
            ));
        }
        if used.maker > used.taker {
            list.push(format!("{}: the maker's fee is higher than the taker's", store_name(v, venue)));
        }
        let has_fok = if v.given(v.instrument(venue, V::HasFok)).is_some() {
            v.flag(v.instrument(venue, V::HasFok))
        } else {
            profile.has_fok
        };
        if v.choice::<TimeInForce>(K::Tif) == TimeInForce::Fok && !has_fok {
            list.push(format!("{} ({role:?} leg) has no FOK: it is emulated by IOC", store_name(v, venue)));
        }
    }
    Ok(list)
}
