//! What a venue is to one that may trade there by a tier.

use super::COIN;
use perpx_core::config::{Fills, Profile, Tier, VenueWorld};
use perpx_core::market::Instrument;
use perpx_core::units::{Rate, SECOND_NS};

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
        fence_ns: i64::MAX,
        fills: Fills { max_book_age_ns: 3600 * SECOND_NS, ..Fills::calm() },
    })
}
