//! The venues by name: what a run asks for without knowing which venue it is.

use crate::client::{ClientConfig, Host, VenueClient};
use crate::emulate::{EmulateError, Emulated, EmulatorConfig};
use crate::venue::Venue;
use crate::{grvt, lighter};

/// A venue emulated for one account, and a client that trades on it.
pub struct Counterpart {
    /// The venue.
    pub emulator: Box<dyn Emulated>,
    /// By port of the emulator: which of the client's hosts it is.
    pub hosts: &'static [Host],
    /// Trades on its account.
    pub client: Box<dyn VenueClient>,
}

/// `seed`: of throw-away keys; nobody else knows them.
///
/// # Errors
/// A market that cannot be read, or that has ended.
pub fn emulated(
    venue: Venue,
    emulator: EmulatorConfig,
    client: ClientConfig,
    seed: &[u8],
) -> Result<Counterpart, EmulateError> {
    Ok(match venue {
        Venue::Lighter => {
            let (emulator, client) = lighter::emulated::pair(emulator, client, seed)?;
            Counterpart { emulator: Box::new(emulator), hosts: lighter::client::HOSTS, client: Box::new(client) }
        }
        Venue::Grvt => {
            let (emulator, client) = grvt::emulated::pair(emulator, client, seed)?;
            Counterpart { emulator: Box::new(emulator), hosts: grvt::client::HOSTS, client: Box::new(client) }
        }
    })
}
