//! Lighter in a run without the venue: an emulator with one account, and a client that has its key.

use super::client::{ApiKey, LighterAccess, LighterClient};
use super::emulator::{INITIAL, LighterEmulator, NO_OWNER, Nonces, Settings};
use super::sign::PrivateKey;
use crate::client::ClientConfig;
use crate::emulate::{EmulateError, EmulatorConfig};
use crate::secret::throw_away;
use crate::wall::MarketClock;
use perpx_core::units::Rate;

const ACCOUNT: i64 = 1;
const API_KEY: i64 = 4;
const CLOSE_KEY: i64 = 5;
const CHAIN: u32 = 304;
/// How far through the mark a price may be.
const PRICE_BAND: Rate = Rate(50_000_000_000);

/// Nothing is refused for being too much: what an account here does can be added up.
pub fn pair(
    config: EmulatorConfig,
    client: ClientConfig,
    seed: &[u8],
) -> Result<(LighterEmulator, LighterClient), EmulateError> {
    let MarketClock { wall, speed, .. } = config.clock;
    let drawn = |seed: &[u8]| throw_away(seed, |hex| PrivateKey::from_hex(&format!("{hex}{}", "0".repeat(16))).ok());
    let (key, closes) = (drawn(seed), ApiKey { number: CLOSE_KEY, key: drawn(&[seed, b"closes"].concat()) });
    let settings = Settings {
        account_index: ACCOUNT,
        keys: [(API_KEY, *key.public()), (CLOSE_KEY, *closes.key.public())].into(),
        l1_address: NO_OWNER.to_owned(),
        chain_id: CHAIN,
        tier: "premium".to_owned(),
        sends_per_minute: u32::MAX / 2,
        weight_per_minute: i64::MAX / 2,
        frames_per_minute: usize::MAX,
        quota: None,
        price_band: PRICE_BAND,
        band_is_late: false,
        nonces: Nonces::default(),
        speed,
        frame_every: None,
        habits: Default::default(),
    };
    let emulator = LighterEmulator::new(config.core(INITIAL)?, settings, wall);
    let ClientConfig { coin, leverage, grid, fence, since, number, .. } = client;
    let (account, api_key, chain_id) = (ACCOUNT, API_KEY, CHAIN);
    let closes = Some(closes);
    let access = LighterAccess { account, api_key, key, closes, chain_id, coin, leverage, grid, fence, since, number };
    Ok((emulator, LighterClient::new(access)))
}
