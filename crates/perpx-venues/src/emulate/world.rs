//! What a venue is to one that may trade there by a tier.

use super::COIN;
use perpx_core::config::{Fills, Profile, Tier, VenueWorld};
use perpx_core::market::Instrument;
use perpx_core::units::{Rate, SECOND, TimeDelta};

/// `world` as the core of an emulator is given it: rates, quotas and price bands are the door's, and nothing fails, so that what an
/// account does there can be added up.
pub fn behind_the_door(world: VenueWorld) -> VenueWorld {
    VenueWorld {
        instrument: Instrument { price_band: None, ..world.instrument },
        rate_limit: None,
        quota: None,
        fence: TimeDelta::MAX,
        fills: Fills { max_book_age: world.fills.max_book_age, ..Fills::calm() },
        ..world
    }
}

/// The coin on the venue, by a tier: nothing fails, nothing is late but by the venue's own delays, queues as strict as they come.
pub fn world(profile: &Profile, tier: &Tier) -> Option<VenueWorld> {
    let btc = profile.instrument(COIN)?;
    Some(VenueWorld {
        instrument: Instrument {
            venue: profile.name.clone(),
            tick: btc.tick,
            lot: btc.lot,
            min_qty: btc.min_qty,
            min_notional: btc.min_notional,
            money_grid: profile.money_grid,
            has_fok: profile.has_fok,
            self_trade: profile.self_trade,
            min_binds_takers: profile.min_binds_takers,
            // judged at the door
            price_band: None,
            funding_price: profile.funding_price,
            margin: btc.margin.clone(),
            liquidation: profile.liquidation,
        },
        fees: tier.fees,
        delays: tier.delays,
        // counted at the door, where the venue counts
        rate_limit: None,
        quota: None,
        reserve: Rate::ZERO,
        fence: TimeDelta::MAX,
        fills: Fills { max_book_age: 3600 * SECOND, ..Fills::calm() },
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use perpx_core::market::RateLimit;

    #[test]
    fn what_the_door_decides_is_not_decided_again() {
        let profiles = Profile::shipped().expect("profiles");
        for venue in crate::venue::Venue::ALL {
            let profile = profiles.iter().find(|profile| profile.name == venue.name()).expect("its profile");
            let tier = profile.default_tier.as_deref().and_then(|tier| profile.tier(tier));
            let plain = tier.and_then(|tier| world(profile, tier)).expect("a market");
            let mut swept = plain.clone();
            swept.instrument.price_band = Some(Rate::from_bps(200));
            swept.rate_limit = Some(RateLimit { requests: 1, window: SECOND });
            swept.fills.reject_rate = 0.5;
            assert_eq!(behind_the_door(swept), plain, "{}", profile.name);
        }
    }
}
