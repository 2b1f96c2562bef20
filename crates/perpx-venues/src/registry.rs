//! The venues by name: what a run asks for without knowing which venue it is.

use crate::client::{ClientConfig, Host, VenueClient};
use crate::emulate::{EmulateError, Emulated, EmulatorConfig};
use crate::grvt::client::{GrvtAccess, GrvtClient};
use crate::lighter::client::{ApiKey, LighterAccess, LighterClient};
use crate::secret::{GRVT_API_KEY, GRVT_SIGNER_KEY, Hidden, LIGHTER_CLOSE_KEY, LIGHTER_KEY, SecretError, secret};
use crate::venue::Venue;
use crate::{grvt, lighter};
use secrecy::ExposeSecret;
use std::path::Path;

/// An account, by the numbers that the venue gave it. Its keys are in the environment or in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AccountNumbers {
    /// At Lighter.
    Lighter {
        /// Of the account.
        index: i64,
        /// Of the key that signs for it.
        api_key: i64,
        /// Of the key that signs cancels and closes; `None`: the same.
        api_key_close: Option<i64>,
    },
    /// At GRVT.
    Grvt {
        /// Of the sub-account.
        sub_account: u64,
    },
}

impl AccountNumbers {
    /// Whose account it is.
    pub fn venue(self) -> Venue {
        match self {
            AccountNumbers::Lighter { .. } => Venue::Lighter,
            AccountNumbers::Grvt { .. } => Venue::Grvt,
        }
    }

    /// The account's number, as its venue writes it.
    pub fn shown(self) -> String {
        match self {
            AccountNumbers::Lighter { index, .. } => index.to_string(),
            AccountNumbers::Grvt { sub_account } => sub_account.to_string(),
        }
    }
}

/// A client that trades on an account whose keys are in the environment, or in `env_file`. `is_test`: signatures are for the chain of the
/// venue's test network, else for that of its main one, which emulators have too.
///
/// # Errors
/// A key that is not there, or that is none.
pub fn client(
    account: AccountNumbers,
    config: ClientConfig,
    is_test: bool,
    env_file: &Path,
) -> Result<Box<dyn VenueClient>, SecretError> {
    let ClientConfig { coin, leverage, grid, fence, rests, since, number } = config;
    Ok(match account {
        AccountNumbers::Lighter { index: account, api_key, api_key_close } => {
            let load = |name| lighter::sign::PrivateKey::load(name, env_file);
            let (key, chain_id) = (load(LIGHTER_KEY)?, lighter::CHAINS[usize::from(is_test)]);
            let closes =
                api_key_close.map(|number| Ok(ApiKey { number, key: load(LIGHTER_CLOSE_KEY)? })).transpose()?;
            let access =
                LighterAccess { account, api_key, key, closes, chain_id, coin, leverage, grid, fence, since, number };
            Box::new(LighterClient::new(access))
        }
        AccountNumbers::Grvt { sub_account } => {
            let key = grvt::sign::PrivateKey::load(GRVT_SIGNER_KEY, env_file)?;
            let chain_id = grvt::CHAINS[usize::from(is_test)];
            let api_key = Hidden::new(secret(GRVT_API_KEY, env_file)?.expose_secret().to_owned());
            let access =
                GrvtAccess { api_key, key, sub_account, chain_id, coin, leverage, fence, rests, since, number };
            Box::new(GrvtClient::new(access))
        }
    })
}

/// The public halves of the keys that sign at a venue, as the venue registers them; of a second key at Lighter, if there is one.
///
/// # Errors
/// A key that is not there, or that is none.
pub fn public_keys(venue: Venue, env_file: &Path) -> Result<Vec<String>, SecretError> {
    let lighter = |name| Ok(lighter::sign::PrivateKey::load(name, env_file)?.public().to_hex());
    Ok(match venue {
        Venue::Lighter => match lighter(LIGHTER_CLOSE_KEY) {
            Err(SecretError::Missing { .. }) => vec![lighter(LIGHTER_KEY)?],
            closes => vec![lighter(LIGHTER_KEY)?, closes?],
        },
        Venue::Grvt => vec![grvt::sign::PrivateKey::load(GRVT_SIGNER_KEY, env_file)?.address().to_string()],
    })
}

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
