//! `--mode emulated --attach`: the winner trades on a running `perpx-data emulate`, with keys of its own, in a folder that keeps what
//! it knew and wanted. What is on the other side goes on when this process ends, and knows nothing of it.

use super::console::ConsoleRecorder;
use super::control::desk::{self, Desk};
use super::emulated::{Account, account, fence, on_the_wall, rests, warm};
use super::journal::folder::Journal;
use super::journal::log::{Log, Start};
use super::live_file::{ACCOUNT_LINES, LiveFile, Network as Where};
use super::monitor::Monitor;
use super::monitor::shared::Control;
use super::monitor::snapshot::{Identity, Level};
use super::recovery::{Past, Resumed, Saved};
use super::run_folder::RunFolder;
use super::service::keep_memory;
use super::session::{Beginning, Connection, Session};
use super::status::Status;
use super::strategy_file::StrategyFile;
use super::stretch::warmup;
use super::tile_builder::TileBuilder;
use super::transport::find;
use super::{LiveError, Options};
use perpx_core::config::{Config, ConfigError, base_asset};
use perpx_core::ledger::Mids;
use perpx_core::market::Role;
use perpx_core::signals::{SignalEngine, SignalSet};
use perpx_core::strategy::FundingKinds;
use perpx_core::tape::Carry;
use perpx_core::units::{Cash, DAY, MS, Time, TimeDelta};
use perpx_data::backtest::{Bound, DataRange, order_outages};
use perpx_venues::client::{ClientConfig, Holding, RunNumber};
use perpx_venues::net::hosts::{Address, Network};
use perpx_venues::net::reach::Reach;
use perpx_venues::recorder::folder;
use perpx_venues::registry::{self, AccountNumbers};
use perpx_venues::secret::ENV_FILE;
use perpx_venues::venue::Venue;
use perpx_venues::wall::{self, MarketClock};
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A clock that is further behind the journal has gone back.
const BEHIND: TimeDelta = MS.times(250);
/// No run lasts longer.
const LONGEST: TimeDelta = DAY.times(400);

/// Where the venues are, and where the run is kept.
#[derive(Clone, Debug, Default)]
pub struct AttachArgs {
    /// The first port of a running `perpx-data emulate`.
    pub host: String,
    /// The run folder; unsaid, one under `live`.
    pub run: Option<PathBuf>,
    /// Roots (PEM) for an emulator that speaks TLS.
    pub ca_file: Option<PathBuf>,
    /// The lines of the log go to the standard output too.
    pub log_json: bool,
}

/// Trades the winner until it is asked to stop, printing each transition to `out`.
///
/// # Errors
/// Bad input, keys that are missing, an account that holds something, before anything is sent; a venue that ends the session; a
/// journal that cannot be written.
pub fn run(options: &Options, args: &AttachArgs, out: &mut (dyn Write + Send)) -> Result<Account, LiveError> {
    keep_memory();
    let mut monitor = None;
    let ended = trade((options, args), &mut monitor, out);
    if let Some(monitor) = monitor {
        match &ended {
            Ok(account) if account.exit_code() == 0 => monitor.end(Level::Info, "as it was asked to, flat"),
            Ok(account) => monitor.end(Level::Critical, &format!("with exit code {}", account.exit_code())),
            Err(error) => monitor.end(Level::Critical, &error.to_string()),
        }
    }
    ended
}

/// As [`run`]; `monitor`: those who watch, as soon as there is something to be watched.
fn trade(
    (options, args): (&Options, &AttachArgs),
    monitor: &mut Option<Monitor>,
    out: &mut (dyn Write + Send),
) -> Result<Account, LiveError> {
    let folder = RunFolder::open(&options.config, args.run.as_deref(), Some(&args.host), "emulated")?;
    let _lock = folder::lock(&folder.path)?;
    let own_store = folder.path.join("store");
    let strategy = StrategyFile::read(&folder.best, Some(options.store.as_deref().unwrap_or(&own_store)))?;
    let config = &strategy.config;
    if config.account.transfer.is_some() {
        return Err(LiveError::Transfer { config: folder.best.clone() });
    }
    let numbers = accounts(&folder, config)?;
    let reaches = found(&folder.file, args, numbers)?;
    let inside = folder.path.join("journal");
    let (past, journal) = Past::read(&inside)?;
    let starts = past.starts;
    let resumed = past.resumed(&inside)?;
    // one that holds something closes it first, and ends so then
    if resumed.as_ref().is_none_or(|resumed| resumed.is_flat()) {
        desk::refuse_killed(&folder.path)?;
    }
    let begun = wall::now();
    let at_the_wall = MarketClock { wall: begun, market: begun, speed: 1.0 };
    let clock = reaches[0].clock().unwrap_or(at_the_wall);
    let from = begins(&folder, clock.market(begun), resumed.as_ref())?;
    let mut signals = SignalSet::default();
    let (world, kinds) = (Arc::new(config.world.clone()), FundingKinds { predicted: true });
    let outages = order_outages(&config.world, (from, from.plus(DAY)));
    let bound = Bound::new(config, (world, outages), (kinds, Mids::default()), &mut signals);
    let (engine, carry, went_on, past) = match resumed {
        Some(Resumed { saved, past }) => {
            let Saved { beside, machine, carry, signals } = saved;
            (signals, carry, Some(Beginning { beside, resumed: Some(Box::new(machine)) }), Some(past))
        }
        None => {
            let (engine, carry) = warmed(options, &strategy, (&signals, from))?;
            (engine, carry, None, None)
        }
    };
    let names = Role::BOTH.map(|role| reaches[role.ix()].venue.name().to_owned());
    let identity = identity((&folder, &strategy, options), (args, numbers), (&names, clock.speed));
    let (watched, observer) = Monitor::start(&folder.path, identity, &folder.file, args.log_json)?;
    if let Some(at) = monitor.insert(watched).at.filter(|_| !options.quiet) {
        let _ = writeln!(out, "panel     http://{at}/");
    }
    let desk = Desk::open(&folder.path, (names.clone(), &config.world), options.stop.clone())?;
    let (log, number) = begin(&folder, (options, args), (&journal, starts), (from, numbers))?;
    let connections = connections(reaches, numbers, (config, &strategy.data.symbol), (clock, number))?;
    let mut session = Session::open(connections, (Some(log), Some(observer)), past, from, &options.stop)?;
    let beginning = match went_on {
        Some(went_on) => went_on,
        None => match flat(&mut session, &names) {
            Ok(capital) => Beginning::new(from, capital),
            Err(error) => {
                session.close(&error.to_string(), false);
                return Err(error);
            }
        },
    };
    session.desk = Some(desk);
    let market = (clock, engine, carry);
    trade_on((options, &folder, &strategy), names, bound, (session, beginning), market, (from, out))
}

/// From where the run begins, or goes on, until it is asked to stop.
fn trade_on(
    (options, folder, strategy): (&Options, &RunFolder, &StrategyFile),
    names: [String; 2],
    mut bound: Bound,
    (mut session, beginning): (Session, Beginning),
    (clock, engine, carry): (MarketClock, SignalEngine, Carry),
    (from, out): (Time, &mut (dyn Write + Send)),
) -> Result<Account, LiveError> {
    bound.capital = beginning.beside.capital;
    bound.plan.capital = bound.capital.into_iter().sum::<Cash>().into();
    let since = beginning.beside.from;
    let job = bound.job((since, from.plus(LONGEST)));
    let status = Status::open_ended(options.quiet, from);
    if !options.quiet {
        strategy.print_verdict(out);
        let _ = writeln!(out, "emulated  {}; Ctrl-C ends it; `perpx-live ctl` speaks to it", folder.path.display());
        if let Some(words) = beginning.words(&names) {
            let _ = writeln!(out, "{words}");
        }
    }
    let out: Option<&mut (dyn Write + Send)> = if options.quiet { None } else { Some(out) };
    let mut recorder = ConsoleRecorder::new(out, status.clone(), names.clone(), job.initial().into());
    recorder.begin_open("emulated", since, job.initial());
    let start = beginning.beside.end;
    let builder = TileBuilder::new(clock, engine, carry, start);
    if let Some(desk) = &mut session.desk {
        desk.begin(&job, beginning.resumed.as_deref());
    }
    let control = session.desk.as_ref().map(|desk| Control { shown: desk.watch(), says: desk.says() });
    control.into_iter().for_each(|control| session.control(control));
    let traded = session.trade(&job, (builder, clock), beginning, job.to, &options.stop, (&mut recorder, &status));
    let why = traded.as_ref().err().map_or("asked to".to_owned(), LiveError::to_string);
    let lost =
        session.close(&why, traded.as_ref().is_ok_and(|(state, ended)| ended.is_flat() && state.belief().is_flat()));
    status.finish();
    let (state, ended) = traded?;
    if let Some(why) = lost {
        return Err(LiveError::JournalLost { why });
    }
    let initial = (names, job.initial());
    // it is asked to end: that is how it ends
    Ok(account(strategy, &state, ended, &recorder.record, (since, clock.speed), initial, false))
}

/// Where this process begins: never before what was written down.
fn begins(folder: &RunFolder, now: Time, resumed: Option<&Resumed>) -> Result<Time, LiveError> {
    match resumed.map(|resumed| resumed.saved.beside.end) {
        Some(end) if now < end.plus(-BEHIND) => Err(LiveError::ClockBehind { path: folder.path.clone(), now, end }),
        Some(end) => Ok(now.max(end)),
        None => Ok(now),
    }
}

/// Signals and newest rows of a run that begins, as the store that was named leaves them.
fn warmed(
    options: &Options,
    strategy: &StrategyFile,
    (signals, from): (&SignalSet, Time),
) -> Result<(SignalEngine, Carry), LiveError> {
    if options.store.is_none() {
        return Ok((SignalEngine::new(signals.keys(), from), Carry::first([false; 2])));
    }
    let back = warmup(&strategy.config);
    let range = DataRange { warm_from: from.plus(-back), from, to: from, ..strategy.data.clone() };
    warm(&range.tape_spec(&strategy.config), signals, (from, from))
}

/// What both accounts hold, which is cash alone.
fn flat(session: &mut Session, names: &[String; 2]) -> Result<[Cash; 2], LiveError> {
    let holdings = session.accounts()?;
    match holdings.iter().position(|held| !held.is_flat()) {
        Some(v) => {
            let Holding { position, orders, .. } = &holdings[v];
            let (position, open_orders) = (position.to_string(), orders.len());
            Err(LiveError::NotFlat { venue: names[v].clone(), position, open_orders })
        }
        None => Ok(holdings.map(|held| held.cash)),
    }
}

/// Who runs, for those who watch.
fn identity(
    (folder, strategy, options): (&RunFolder, &StrategyFile, &Options),
    (args, numbers): (&AttachArgs, [AccountNumbers; 2]),
    (venues, speed): (&[String; 2], f64),
) -> Identity {
    let name = folder.path.file_name().unwrap_or(folder.path.as_os_str());
    Identity {
        run: name.to_string_lossy().into_owned(),
        mode: "emulated",
        network: format!("emulated at {}", args.host),
        symbol: strategy.data.symbol.clone(),
        configuration: strategy.ids[0].clone(),
        code: options.code.to_owned(),
        venues: venues.clone(),
        accounts: numbers.map(AccountNumbers::shown),
        speed,
    }
}

/// Said together with what it does not go with.
pub(super) fn refused(host: Option<String>) -> LiveError {
    let accepted =
        "with --mode paper or emulated, without --speed, --from, --to and --faults: these are the emulator's";
    LiveError::Range { name: "attach", found: host.unwrap_or_default(), accepted: accepted.to_owned() }
}

/// By role: the account at its venue.
fn accounts(folder: &RunFolder, config: &Config) -> Result<[AccountNumbers; 2], LiveError> {
    let of = |role: Role| -> Result<AccountNumbers, LiveError> {
        let name = &config.account.venues[role.ix()].name;
        let Some(venue) = Venue::named(name) else {
            return Err(LiveError::NoEmulator { config: folder.best.clone(), found: name.clone() });
        };
        folder.file.account(venue).ok_or_else(|| {
            let live = folder.path.join("live.toml").display().to_string();
            let error = ConfigError::new(&live, &format!("account.{name}"), "is not written");
            error
                .accepted(ACCOUNT_LINES)
                .remedy("write it under [account], and its keys into .env or the environment")
                .into()
        })
    };
    Ok([of(Role::Long)?, of(Role::Short)?])
}

/// By role: where its venue is played.
fn found(file: &LiveFile, args: &AttachArgs, numbers: [AccountNumbers; 2]) -> Result<[Reach; 2], LiveError> {
    let Where::Emulated(host) = &file.network else {
        let accepted = "a run folder whose live.toml says network = \"emulated\"; to do: name a new one with --run DIR";
        return Err(LiveError::Range { name: "attach", found: args.host.clone(), accepted: accepted.to_owned() });
    };
    let network = Network::Custom(Address::read(host, args.ca_file.is_some(), None)?);
    let played = |role: Role| -> Result<Reach, LiveError> {
        let reach = find(numbers[role.ix()].venue(), &network, args.ca_file.as_deref())?;
        match reach.played {
            Some(_) => Ok(reach),
            None => {
                let accepted = "the first port of a running `perpx-data emulate`: whoever answers there is none";
                Err(LiveError::Range { name: "attach", found: host.clone(), accepted: accepted.to_owned() })
            }
        }
    };
    Ok([played(Role::Long)?, played(Role::Short)?])
}

/// The journal, its first record of this process durable, and what numbers its orders.
fn begin(
    folder: &RunFolder,
    (options, args): (&Options, &AttachArgs),
    journal: (&Journal, usize),
    (from, numbers): (Time, [AccountNumbers; 2]),
) -> Result<(Log, RunNumber), LiveError> {
    let failed = |path: &Path| {
        let path = path.to_path_buf();
        move |error: std::io::Error| LiveError::Folder { path, what: "cannot be read", error: error.to_string() }
    };
    let text = |path: &Path| fs::read_to_string(path).map_err(failed(path));
    let start = Start {
        code: options.code.to_owned(),
        best: text(&folder.best)?,
        live: text(&folder.path.join("live.toml"))?,
        network: format!("emulated at {}", args.host),
        accounts: numbers.map(|numbers| format!("{numbers:?}")),
    };
    let drawn = blake3::hash(format!("{} {} {}", folder.path.display(), wall::now(), std::process::id()).as_bytes());
    let mut run = [0; 16];
    run.copy_from_slice(&drawn.as_bytes()[..16]);
    let (mut log, number) = Log::open(&folder.path, journal, run)?;
    log.start(from, &start)?;
    Ok((log, number))
}

/// By role: who speaks for us.
fn connections(
    reaches: [Reach; 2],
    numbers: [AccountNumbers; 2],
    (config, symbol): (&Config, &str),
    (clock, number): (MarketClock, RunNumber),
) -> Result<[Connection; 2], LiveError> {
    let mut made = Vec::new();
    for (role, reach) in Role::BOTH.into_iter().zip(reaches) {
        let world = &config.world.venues[role.ix()];
        let client = ClientConfig {
            coin: base_asset(symbol),
            leverage: config.strategy.leverage,
            grid: world.instrument.money_grid,
            fence: fence(world, clock),
            rests: on_the_wall(rests(config), clock),
            since: wall::now(),
            number,
        };
        let client = registry::client(numbers[role.ix()], client, Path::new(ENV_FILE))?;
        made.push(Connection { name: reach.venue.name().to_owned(), client, reach: Arc::new(reach) });
    }
    let [long, short] = <[Connection; 2]>::try_from(made).unwrap_or_else(|_| unreachable!("one a role"));
    Ok([long, short])
}
