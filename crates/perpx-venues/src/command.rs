//! `perpx-data emulate`: its options, its lines, its end.

use crate::emulate::feed::Feed;
use crate::emulate::habits::{GrvtHabits, LighterHabits};
use crate::emulate::serve::{self, Server};
use crate::emulate::venue_core::VenueCore;
use crate::emulate::world::world;
use crate::emulate::{COIN, EmulateError, Emulated, FaultPlan, Stage, Tls, Witness};
use crate::grvt::emulator::{self as grvt, GrvtEmulator};
use crate::grvt::sign::Address;
use crate::lighter::emulator::{self as lighter, LighterEmulator};
use crate::lighter::sign::PublicKey;
use crate::secret::Hidden;
use crate::venue::Venue;
use crate::wall::{Clock, SystemClock};
use perpx_core::config::{Missing, Profile, Tier};
use perpx_core::ledger::NetAccount;
use perpx_core::units::{Cash, HOUR, MS, Rate, SECOND, Time};
use perpx_data::loader::TapeSpec;
use perpx_data::{profiles, text};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Options of `perpx-data emulate`. Those that a user seldom needs are hidden and described in `docs/emulator.md`.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "Example: perpx-data emulate --venue lighter --synth 1 --api-key 4=PUBLIC")]
pub struct EmulateArgs {
    /// lighter, grvt, both
    #[arg(long, value_enum, default_value_t = VenueChoice::Lighter, hide_possible_values = true)]
    pub venue: VenueChoice,
    /// Seed of a synthetic market
    #[arg(long, value_name = "SEED", default_value_t = 1, conflicts_with = "tape")]
    pub synth: u64,
    /// Its quotes a second
    #[arg(long, value_name = "N", default_value_t = 4.0)]
    pub updates_per_sec: f64,
    /// In its place: a store, a stretch of it
    #[arg(long, value_name = "STORE", requires = "from", requires = "to")]
    pub tape: Option<PathBuf>,
    /// Where the stretch begins
    #[arg(long, value_name = "TIME", requires = "tape")]
    pub from: Option<Time>,
    /// Where it ends
    #[arg(long, value_name = "TIME", requires = "tape")]
    pub to: Option<Time>,
    /// Seconds into the market
    #[arg(long, value_name = "SEC", default_value_t = 60, value_parser = clap::value_parser!(i64).range(1..=2_592_000))]
    pub start_at: i64,
    /// Market seconds a second
    #[arg(long, value_name = "N", default_value_t = 1.0, value_parser = speed)]
    pub speed: f64,
    /// Of Lighter, then of GRVT; 0: free
    #[arg(long, value_name = "N", default_value_t = 8020)]
    pub port: u16,
    /// An account's cash
    #[arg(long, value_name = "N", default_value_t = 10_000, value_parser = clap::value_parser!(i64).range(0..=1_000_000_000))]
    pub cash: i64,
    /// Number of account and sub-account
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(i64).range(1..1 << 47))]
    pub account: i64,
    /// Lighter: fees, delays, limits
    #[arg(long, value_name = "NAME", default_value = "standard")]
    pub tier: String,
    /// Lighter: number=public key in hex
    #[arg(long = "api-key", value_name = "N=HEX", value_parser = api_key)]
    pub keys: Vec<(i64, String)>,
    /// GRVT: whose signatures are taken
    #[arg(long, value_name = "ADDRESS", value_parser = address)]
    pub grvt_signer: Option<Address>,
    /// What goes wrong, and when
    #[arg(long, value_name = "FILE")]
    pub faults: Option<PathBuf>,
    /// HTTPS and WSS; the certificate to trust
    #[arg(long, value_name = "FILE", num_args = 0..=1, default_missing_value = "ca.pem")]
    pub tls: Option<PathBuf>,
    /// Requests and counts of frames, as they come
    #[arg(long, hide = true)]
    pub witness: Option<PathBuf>,
    /// Milliseconds of the market between two frames of the book
    #[arg(long, hide = true, value_parser = clap::value_parser!(i64).range(0..=10_000))]
    pub frame_ms: Option<i64>,
    /// GRVT: the key that opens a session
    #[arg(long, hide = true, default_value = "emulated")]
    pub grvt_api_key: String,
    /// Of the store
    #[arg(long, hide = true, default_value = COIN)]
    pub symbol: String,
    /// Which of the store's venues plays Lighter, which GRVT
    #[arg(long, hide = true, default_value = "lighter,grvt", value_parser = pair)]
    pub tape_venues: Pair,
    /// Lighter: the wallet that owns the account
    #[arg(long, hide = true, value_parser = address)]
    pub l1_address: Option<Address>,
    /// Lighter: weight of requests a minute
    #[arg(long, hide = true, default_value_t = 24_000, value_parser = clap::value_parser!(i64).range(1..))]
    pub weight: i64,
    /// Percent that a price may lie through the mark
    #[arg(long, hide = true, default_value_t = 2, value_parser = clap::value_parser!(i64).range(1..100))]
    pub price_band: i64,
    /// Lighter: what lies further is taken, and cancelled afterwards
    #[arg(long, hide = true)]
    pub price_band_late: bool,
    /// Lighter: two transactions of one nonce are both carried out
    #[arg(long, hide = true)]
    pub nonce_serves_two: bool,
    /// Lighter: a cancel of an order that there is not is queued, and uses its nonce
    #[arg(long, hide = true)]
    pub cancels_of_nothing: bool,
    /// Lighter: what is signed for
    #[arg(long, hide = true, default_value_t = 304)]
    pub chain_id: u32,
    /// GRVT: what is signed for
    #[arg(long, hide = true, default_value_t = 325)]
    pub grvt_chain_id: u64,
    /// GRVT: seconds that a session lasts
    #[arg(long, hide = true, default_value_t = 86_400, value_parser = clap::value_parser!(i64).range(1..=31_536_000))]
    pub grvt_session_sec: i64,
    /// GRVT: calls a second
    #[arg(long, hide = true, default_value_t = 100, value_parser = clap::value_parser!(i64).range(1..))]
    pub grvt_calls: i64,
    /// GRVT: orders that may be open
    #[arg(long, hide = true, default_value_t = 100)]
    pub grvt_most_orders: usize,
    /// Draws what no document settles, for `perpx-live probe` to find out
    #[arg(long, value_name = "SEED", hide = true)]
    pub dialect_seed: Option<u64>,
}

/// Which venues are emulated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum VenueChoice {
    /// Lighter alone.
    Lighter,
    /// GRVT alone.
    Grvt,
    /// Both, over one market and one clock.
    Both,
}

impl VenueChoice {
    fn has(self, venue: Venue) -> bool {
        match self {
            VenueChoice::Lighter => venue == Venue::Lighter,
            VenueChoice::Grvt => venue == Venue::Grvt,
            VenueChoice::Both => true,
        }
    }
}

/// Names of a store's venues: the one that plays Lighter, the one that plays GRVT.
pub type Pair = [String; 2];

fn pair(text: &str) -> Result<Pair, String> {
    let (lighter, grvt) = text.split_once(',').ok_or("two names of venues: the one that plays Lighter, then GRVT")?;
    Ok([lighter.to_owned(), grvt.to_owned()])
}

fn address(text: &str) -> Result<Address, String> {
    Address::read(text).ok_or_else(|| "an address: 0x and 40 hex digits".to_owned())
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
        let served = self.servers(stop, Arc::new(SystemClock)).and_then(|servers| {
            let lines: Vec<String> = servers.iter().map(Server::summary).collect();
            let trust = self.tls.as_ref().map(|path| format!("certificate to trust: {}\n", path.display()));
            text::print(&format!("{}{}; Ctrl-C ends", trust.unwrap_or_default(), lines.join("\n")), 0);
            serve::run(servers)
        });
        served.map_or_else(|error| text::fail(&error, false, error.exit_code()), |()| 0)
    }

    /// The servers, their market made and their ports taken. `clock` runs for both.
    ///
    /// # Errors
    /// A tier that the venue has not, a market or a file of faults that cannot be made or read, a port that is taken.
    pub fn servers(&self, stop: Arc<AtomicBool>, clock: Arc<dyn Clock>) -> Result<Vec<Server>, EmulateError> {
        let begun = clock.now();
        let port = |after: u16| if self.port == 0 { 0 } else { self.port.saturating_add(after) };
        let faults = self.faults.as_deref().map(FaultPlan::read).transpose()?.unwrap_or_default();
        let chosen = Venue::ALL.into_iter().filter(|venue| self.venue.has(*venue));
        let venues = chosen.map(|venue| self.emulator(venue, begun)).collect::<Result<Vec<_>, _>>()?;
        let tls = self.tls.as_ref().map(|path| Tls::throw_away().and_then(|tls| tls.write(path).map(|()| tls)));
        // a market takes a while to make; faults count from when it is there
        let mut stage = Stage::new(stop, clock);
        (stage.faults, stage.tls) = (faults, tls.transpose()?);
        stage.witness = self.witness.as_deref().map(Witness::create).transpose()?;
        let stage = Arc::new(stage);
        let bind = |(at, venue)| Server::bind(port(at), venue, stage.clone());
        (0..).zip(venues).map(bind).collect()
    }

    /// The rows of one of both venues, and where the market begins.
    fn feed(&self, venue: usize) -> Result<(Feed, Time), EmulateError> {
        let (Some(store), Some(from), Some(to)) = (&self.tape, self.from, self.to) else {
            let day = Time::of_day(FIRST_DAY);
            let start = day.plus(self.start_at * SECOND);
            return Ok((Feed::synthetic(self.synth, day, self.updates_per_sec, venue)?.at(start)?, start));
        };
        let start = from.plus(self.start_at * SECOND);
        if start >= to {
            return Err(EmulateError::Stretch { from, to, start_at: self.start_at });
        }
        let venues = [self.tape_venues[0].as_str(), self.tape_venues[1].as_str()];
        // an hour before, so that the market does not begin without a book
        let spec = TapeSpec {
            warm_from: from.plus(-HOUR),
            funding_missing: Missing::CarryLast,
            marks_missing: Missing::Mid,
            ..TapeSpec::new(store, &self.symbol, venues, from, to)
        };
        Ok((Feed::tape(spec, venue)?.at(start)?, start))
    }

    fn core(&self, venue: Venue, tier: Option<&str>, initial: Rate) -> Result<(VenueCore, Tier), EmulateError> {
        let profiles = profiles::known()?;
        let generic = Profile::generic();
        let profile = Profile::of(&profiles, venue.name(), COIN).unwrap_or(&generic);
        let wanted = tier.or(profile.default_tier.as_deref()).unwrap_or_default();
        let tier = profile.tier(wanted).ok_or_else(|| {
            let names: Vec<&str> = profile.tiers.iter().map(|tier| tier.name.as_str()).collect();
            EmulateError::Tier { found: wanted.to_owned(), accepted: names.join(", ") }
        })?;
        let world = world(profile, tier).ok_or(EmulateError::Instrument)?;
        let (feed, start) = self.feed(venue as usize)?;
        let account = NetAccount::new(Cash::units(self.cash), initial, profile.money_grid);
        Ok((VenueCore::new(world, feed, account, self.synth, start), tier.clone()))
    }

    fn emulator(&self, venue: Venue, wall: Time) -> Result<Box<dyn Emulated>, EmulateError> {
        Ok(match venue {
            Venue::Lighter => Box::new(self.lighter(wall)?),
            Venue::Grvt => Box::new(self.grvt(wall)?),
        })
    }

    fn lighter(&self, wall: Time) -> Result<LighterEmulator, EmulateError> {
        let habits = self.dialect_seed.map_or_else(LighterHabits::default, LighterHabits::drawn);
        let (mut core, tier) = self.core(Venue::Lighter, Some(&self.tier), lighter::INITIAL)?;
        core.world.delays = habits.delays.unwrap_or(core.world.delays);
        let read = |(index, key): &(i64, String)| PublicKey::from_hex(key).ok().map(|key| (*index, key));
        let keys: BTreeMap<i64, PublicKey> = self.keys.iter().filter_map(read).collect();
        let settings = lighter::Settings {
            account_index: self.account,
            keys,
            l1_address: self.l1_address.map_or(lighter::NO_OWNER.to_owned(), |address| address.to_string()),
            chain_id: self.chain_id,
            tier: self.tier.clone(),
            sends_per_minute: tier.rate_limit.requests,
            weight_per_minute: self.weight,
            frames_per_minute: lighter::FRAMES_PER_MINUTE,
            quota: tier.quota,
            price_band: habits.price_band.unwrap_or(Rate::from_bps(self.price_band * 100)),
            band_is_late: habits.band_is_late.unwrap_or(self.price_band_late),
            nonces: lighter::Nonces {
                one_serves_two: self.nonce_serves_two || habits.same_nonce_twice,
                cancels_of_nothing: self.cancels_of_nothing,
            },
            speed: self.speed,
            frame_every: self.frame_ms.map(|ms| ms * MS),
            habits,
        };
        Ok(LighterEmulator::new(core, settings, wall))
    }

    fn grvt(&self, wall: Time) -> Result<GrvtEmulator, EmulateError> {
        let habits = self.dialect_seed.map_or_else(GrvtHabits::default, GrvtHabits::drawn);
        let (mut core, _) = self.core(Venue::Grvt, None, grvt::INITIAL)?;
        core.world.delays = habits.delays.unwrap_or(core.world.delays);
        core.world.instrument.self_trade = habits.self_trade.unwrap_or(core.world.instrument.self_trade);
        let settings = grvt::Settings {
            sub_account: self.account.unsigned_abs(),
            api_key: Hidden::new(self.grvt_api_key.clone()),
            // nobody signs for no address
            signer: self.grvt_signer.unwrap_or(Address([0; 20])),
            chain_id: self.grvt_chain_id,
            session: habits.session.unwrap_or(self.grvt_session_sec * SECOND),
            calls_per_second: self.grvt_calls,
            price_band: Rate::from_bps(self.price_band * 100),
            most_open_orders: habits.most_open_orders.unwrap_or(self.grvt_most_orders),
            interval_hours: 8,
            speed: self.speed,
            frame_every: self.frame_ms.map(|ms| ms * MS),
            habits,
        };
        Ok(GrvtEmulator::new(core, settings, wall))
    }
}
