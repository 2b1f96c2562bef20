//! `perpx-data emulate`: its options, its one line, its end.

use super::account::Account;
use super::core::Core;
use super::feed::Feed;
use super::lighter::{Lighter, Settings};
use super::serve::Server;
use super::{EmulateError, lighter};
use crate::config::{Fills, Profile, Tier, VenueWorld};
use crate::market::Instrument;
use crate::text;
use crate::units::{Cash, Rate, SECOND_NS, Time};
use crate::venues::lighter::sign::PublicKey;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

/// Options of `perpx-data emulate`.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "Example: perpx-data emulate --synth 1 --port 8020 --api-key 4=PUBLIC")]
pub struct EmulateArgs {
    /// Which venue: lighter
    #[arg(long, value_enum, default_value_t = VenueChoice::Lighter, hide_possible_values = true)]
    pub venue: VenueChoice,
    /// Seed of the synthetic market
    #[arg(long, value_name = "SEED", default_value_t = 1)]
    pub synth: u64,
    /// Port on the loopback; 0 is any
    #[arg(long, value_name = "N", default_value_t = 8020)]
    pub port: u16,
    /// API key: number=public key in hex
    #[arg(long = "api-key", value_name = "N=HEX", value_parser = api_key)]
    pub keys: Vec<(i64, String)>,
    /// The account's number
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(i64).range(1..1 << 47))]
    pub account: i64,
    /// The account's cash, USDC
    #[arg(long, value_name = "N", default_value_t = 10_000, value_parser = clap::value_parser!(i64).range(0..=1_000_000_000))]
    pub cash: i64,
    /// Fees, delays, sends a minute
    #[arg(long, value_name = "NAME", default_value = "standard")]
    pub tier: String,
    /// Weight of reads a minute
    #[arg(long, value_name = "N", default_value_t = 24_000, value_parser = clap::value_parser!(i64).range(1..))]
    pub weight: i64,
    /// Farthest price through the mark
    #[arg(long, value_name = "PCT", default_value_t = 5, value_parser = clap::value_parser!(i64).range(1..100))]
    pub price_band: i64,
    /// The number that signatures are for
    #[arg(long, value_name = "N", default_value_t = 304)]
    pub chain_id: u32,
    /// Quotes a second
    #[arg(long, value_name = "N", default_value_t = 4.0)]
    pub updates_per_sec: f64,
    /// Market seconds a second
    #[arg(long, value_name = "N", default_value_t = 1.0, value_parser = speed)]
    pub speed: f64,
    /// Seconds into the first day
    #[arg(long, value_name = "SEC", default_value_t = 60, value_parser = clap::value_parser!(i64).range(1..86_400))]
    pub start_at: i64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum VenueChoice {
    Lighter,
}

fn speed(text: &str) -> Result<f64, String> {
    let legal = text.parse().ok().filter(|speed: &f64| *speed >= 0.01 && *speed <= 1_000.0);
    legal.ok_or_else(|| format!("'{text}': a number from 0.01 to 1000"))
}

fn api_key(text: &str) -> Result<(i64, String), String> {
    let want = "number=public key: 4 to 254, and the 80 hex digits of a public key";
    let (index, key) = text.split_once('=').ok_or(want)?;
    let index: i64 = index.parse().ok().filter(|index| (0..=254).contains(index)).ok_or(want)?;
    PublicKey::from_hex(key).map_err(|error| error.to_string())?;
    Ok((index, key.to_owned()))
}

/// The first day of every synthetic market of the emulator, in days since 1970: 2026-01-05.
const FIRST_DAY: i64 = 20_458;

impl EmulateArgs {
    /// Serves until Ctrl-C; returns the exit code.
    pub fn run(&self) -> u8 {
        let stop = Arc::new(AtomicBool::new(false));
        let asked = stop.clone();
        // a second handler is refused; then Ctrl-C kills, and nothing is lost
        let _ = ctrlc::set_handler(move || asked.store(true, Ordering::Relaxed));
        let served = self.server(stop).and_then(|server| {
            let port = server.port();
            text::say(&format!("lighter, market {} (BTC), account {}: http://127.0.0.1:{port}, ws://127.0.0.1:{port}/stream; Ctrl-C ends", lighter::MARKET, self.account), 0);
            server.run()
        });
        served.map_or_else(|error| text::fail(&error, false, error.exit_code()), |()| 0)
    }

    /// The server, its market made and its port taken.
    ///
    /// # Errors
    /// A tier that the venue has not, a market that cannot be made, a port that is taken.
    pub fn server(&self, stop: Arc<AtomicBool>) -> Result<Server, EmulateError> {
        let profiles = Profile::shipped()?;
        let generic = Profile::generic();
        let profile = profiles.iter().find(|profile| profile.name == "lighter").unwrap_or(&generic);
        let tier = profile.tier(&self.tier).ok_or_else(|| {
            let names: Vec<&str> = profile.tiers.iter().map(|tier| tier.name.as_str()).collect();
            EmulateError::Tier { found: self.tier.clone(), accepted: names.join(", ") }
        })?;
        let world = world(profile, tier).ok_or(EmulateError::Instrument)?;
        let day = Time::of_day(FIRST_DAY);
        let feed = Feed::synthetic(self.synth, day, self.updates_per_sec, 0)?;
        let account = Account::new(Cash::units(self.cash), Rate(50_000_000_000), profile.money_grid);
        let core = Core::new(world, feed, account, self.synth, day.plus(self.start_at * SECOND_NS));
        let read = |(index, key): &(i64, String)| PublicKey::from_hex(key).ok().map(|key| (*index, key));
        let keys: BTreeMap<i64, PublicKey> = self.keys.iter().filter_map(read).collect();
        let settings = Settings {
            account_index: self.account,
            keys,
            chain_id: self.chain_id,
            tier: self.tier.clone(),
            sends_per_minute: tier.rate_limit.requests,
            weight_per_minute: self.weight,
            price_band: Rate::from_bps(self.price_band * 100),
            speed: self.speed,
        };
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let wall = Time(i64::try_from(since.as_nanos()).unwrap_or(i64::MAX));
        Server::bind(self.port, Lighter::new(core, settings, wall), stop)
    }
}

/// BTC on the venue, by a tier: nothing fails, nothing is late but by the venue's own delays, queues as strict as they come.
pub(super) fn world(profile: &Profile, tier: &Tier) -> Option<VenueWorld> {
    let btc = profile.instrument("BTC")?;
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
            funding_price: profile.funding_price,
            margin: btc.margin.clone(),
            liquidation: profile.liquidation,
        },
        fees: tier.fees,
        delays: tier.delays,
        // counted at the door, where the venue counts
        rate_limit: None,
        quota: None,
        fills: Fills { max_book_age_ns: 3600 * SECOND_NS, ..Fills::calm() },
    })
}
