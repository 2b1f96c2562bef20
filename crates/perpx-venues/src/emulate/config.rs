//! A market and an account in it, for an emulator that stands in for a venue of a run.

use super::EmulateError;
use super::feed::Feed;
use super::venue_core::VenueCore;
use super::world::behind_the_door;
use crate::wall::MarketClock;
use perpx_core::config::VenueWorld;
use perpx_core::ledger::NetAccount;
use perpx_core::units::{Cash, Rate};
use perpx_data::loader::TapeSpec;

/// What an emulator of a run is made from.
pub struct EmulatorConfig {
    /// As it is swept; what the door decides and what fails is taken out of it.
    pub world: VenueWorld,
    /// The account's cash at the beginning.
    pub cash: Cash,
    /// The market's rows: a stretch of a store, and which of its two venues.
    pub tape: TapeSpec,
    /// Which of the tape's two venues, 0 or 1.
    pub venue: usize,
    /// Of everything that is drawn.
    pub seed: u64,
    /// The market begins at the clock's beginning.
    pub clock: MarketClock,
}

impl EmulatorConfig {
    /// `initial`: the margin of a position that nobody changed.
    pub(crate) fn core(self, initial: Rate) -> Result<VenueCore, EmulateError> {
        let feed = Feed::tape(self.tape, self.venue)?.at(self.clock.market)?;
        let world = behind_the_door(self.world);
        let account = NetAccount::new(self.cash, initial, world.instrument.money_grid);
        Ok(VenueCore::new(world, feed, account, self.seed, self.clock.market))
    }
}
