//! GRVT in a run without the venue: an emulator with one sub-account, and a client that has its keys.

use super::client::{GrvtAccess, GrvtClient};
use super::emulator::{GrvtEmulator, INITIAL, Settings};
use super::sign::PrivateKey;
use crate::client::ClientConfig;
use crate::emulate::{EmulateError, EmulatorConfig};
use crate::secret::{Hidden, throw_away};
use crate::wall::MarketClock;
use perpx_core::units::{DAY, Rate};

const SUB_ACCOUNT: u64 = 1;
const CHAIN: u64 = 325;
/// How far through the mark a price may be.
const PRICE_BAND: Rate = Rate(50_000_000_000);

/// Nothing is refused for being too much: what an account here does can be added up.
pub fn pair(
    config: EmulatorConfig,
    client: ClientConfig,
    seed: &[u8],
) -> Result<(GrvtEmulator, GrvtClient), EmulateError> {
    let MarketClock { wall, speed, .. } = config.clock;
    let (key, api_key) =
        throw_away(seed, |hex| Some((PrivateKey::from_hex(hex)?, Hidden::new(hex.get(..32)?.to_owned()))));
    let settings = Settings {
        sub_account: SUB_ACCOUNT,
        api_key: api_key.clone(),
        signer: key.address(),
        chain_id: CHAIN,
        session: DAY,
        calls_per_second: i64::MAX / 2,
        price_band: PRICE_BAND,
        most_open_orders: 100,
        interval_hours: 8,
        speed,
        frame_every: None,
        habits: Default::default(),
    };
    let emulator = GrvtEmulator::new(config.core(INITIAL)?, settings, wall);
    let ClientConfig { coin, leverage, fence, rests, since, number, .. } = client;
    let (sub_account, chain_id) = (SUB_ACCOUNT, CHAIN);
    let access = GrvtAccess { api_key, key, sub_account, chain_id, coin, leverage, fence, rests, since, number };
    Ok((emulator, GrvtClient::new(access)))
}
