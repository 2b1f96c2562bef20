//! `--mode live`, and `--mode emulated --attach`: the winner trades at venues of other processes, with keys of its own, in a folder that
//! keeps what it knew and wanted. What is on the other side goes on when this process ends, and knows nothing of it. Both ways are the
//! same but for what is asked before they begin: live orders want what `arm` wrote, and no emulator is taken for a venue.

use super::account_lock;
use super::arm::Armed;
use super::closing;
use super::console::ConsoleRecorder;
use super::control::desk::{self, Begun, Closing, Desk};
use super::control::verbs::SaidBefore;
use super::diverge;
use super::emulated::{Account, account, fence, on_the_wall, rests, warm};
use super::journal::folder::Journal;
use super::journal::log::{Log, Start};
use super::journal::rows::SeenRows;
use super::journal::upkeep::Upkeep;
use super::live_file::{ACCOUNT_LINES, LiveFile, Network as Where};
use super::monitor::Monitor;
use super::monitor::shared::Control;
use super::monitor::snapshot::{Identity, Level};
use super::recovery::{FlattenBefore, Kept, Left, Lost, Past, Resumed, Saved, tag};
use super::run_folder::RunFolder;
use super::salvage::salvage;
use super::service::keep_memory;
use super::session::{Beginning, Connection, Session};
use super::status::Status;
use super::strategy_file::StrategyFile;
use super::stretch::warmup;
use super::tile_builder::TileBuilder;
use super::transport::find;
use super::{LiveError, Options, engine_time, rules_watch};
use perpx_core::config::{Config, ConfigError, base_asset};
use perpx_core::ledger::Mids;
use perpx_core::market::{OrderId, Role};
use perpx_core::signals::{SignalEngine, SignalSet};
use perpx_core::strategy::FundingKinds;
use perpx_core::tape::Carry;
use perpx_core::units::{Cash, DAY, HOUR, MS, Qty, Time, TimeDelta};
use perpx_data::backtest::{Bound, DataRange, order_outages};
use perpx_venues::client::{ClientConfig, Holding, Host, RunNumber};
use perpx_venues::net::budget::Budget;
use perpx_venues::net::hosts::{Address, Network};
use perpx_venues::net::reach::Reach;
use perpx_venues::recorder::folder::{self, Lock};
use perpx_venues::registry::{self, AccountNumbers};
use perpx_venues::secret::ENV_FILE;
use perpx_venues::venue::Venue;
use perpx_venues::wall::{self, MarketClock};
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::runtime::Builder;

/// A clock that is further behind the journal has gone back.
const BEHIND: TimeDelta = MS.times(250);
/// No run lasts longer.
const LONGEST: TimeDelta = DAY.times(400);

/// Whose venues they are.
#[derive(Debug)]
pub enum Venues {
    /// A running `perpx-data emulate`, by its first port.
    Played(String),
    /// Those that live.toml names: what was armed, or why nothing new may be begun there.
    Armed(Result<Armed, LiveError>),
}

impl Venues {
    fn mode(&self) -> &'static str {
        match self {
            Venues::Played(_) => "emulated",
            Venues::Armed(_) => "live",
        }
    }

    fn host(&self) -> Option<&str> {
        match self {
            Venues::Played(host) => Some(host),
            Venues::Armed(_) => None,
        }
    }

    /// What stands against a start, if something does; it is said once.
    fn refused(&mut self) -> Result<(), LiveError> {
        match self {
            Venues::Armed(armed @ Err(_)) => std::mem::replace(armed, Err(LiveError::Stopped)).map(|_| ()),
            _ => Ok(()),
        }
    }

    /// What its orders are marked with, where that was armed.
    fn tag(&self) -> Option<u16> {
        match self {
            Venues::Armed(Ok(armed)) => Some(armed.tag),
            _ => None,
        }
    }
}

/// Where the venues are, and where the run is kept.
#[derive(Debug)]
pub struct AttachArgs {
    /// Whose they are.
    pub venues: Venues,
    /// The run folder; unsaid, one under `live`.
    pub run: Option<PathBuf>,
    /// Roots (PEM) for an emulator that speaks TLS.
    pub ca_file: Option<PathBuf>,
    /// The lines of the log go to the standard output too.
    pub log_json: bool,
    /// A program that decides otherwise than the one that traded may go on.
    pub accept_decisions: bool,
    /// What the venues show is closed, whatever the journal says, and then the run ends.
    pub from_truth: bool,
}

/// Trades the winner until it is asked to stop, printing each transition to `out`.
///
/// # Errors
/// Bad input, keys that are missing, an account that holds something, before anything is sent; a venue that ends the session; a
/// journal that cannot be written.
pub fn run(options: &Options, mut args: AttachArgs, out: &mut (dyn Write + Send)) -> Result<Account, LiveError> {
    keep_memory();
    let mut monitor = None;
    let ended = trade((options, &mut args), &mut monitor, out);
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
    (options, args): (&Options, &mut AttachArgs),
    monitor: &mut Option<Monitor>,
    out: &mut (dyn Write + Send),
) -> Result<Account, LiveError> {
    let mode = args.venues.mode();
    let (Ready { folder, lock: _lock, strategy, numbers }, refusal) = ready(options, args)?;
    let config = &strategy.config;
    let _accounts = account_lock::lock(&folder.file.network, &numbers, &folder.path)?;
    let LeftBehind { journal, starts, said, begun, went, mut refusal, is_urgent, lost, flatten } =
        left_behind((options, args), (&folder, &strategy), refusal)?;
    let reaches = found(&folder, args, numbers)?;
    let (clock, is_played, from) = time(&folder, &reaches[0], (&went, &mut refusal))?;
    if let Some(why) = &refusal {
        eprintln!("{why}\nsomething is held: it is closed before this run ends so");
    }
    let mut signals = SignalSet::default();
    let (world, kinds) = (Arc::new(config.world.clone()), FundingKinds { predicted: true });
    let outages = order_outages(&config.world, (from, from.plus(DAY)));
    let bound = Bound::new(config, (world, outages), (kinds, Mids::default()), &mut signals);
    let truth = args.from_truth.then(|| "--from-truth".to_owned());
    let why = refusal.as_ref().map(ToString::to_string).or(truth);
    let closing = why.clone().map(|why| Closing { why, is_urgent: is_urgent || args.from_truth, strays: None });
    let is_open = went.is_open();
    let (engine, carry, went_on, past, mut before) = from_past(went, closing, (options, &strategy), (&signals, from))?;
    let names = Role::BOTH.map(|role| reaches[role.ix()].venue.name().to_owned());
    let identity = identity((&folder, &strategy, options), (args, numbers), (&names, clock.speed));
    let (watched, observer) = Monitor::start(&folder.path, identity, &folder.file, args.log_json)?;
    if let Some(at) = monitor.insert(watched).at.filter(|_| !options.quiet) {
        let _ = writeln!(out, "panel     http://{at}/");
    }
    let mut desk = Desk::open((&folder.path, &folder.live), (names.clone(), config), options.stop.clone())?;
    desk.read_rules((&config.world, !is_played), rules_watch::reader(&reaches, numbers, &strategy.data.symbol))?;
    let (log, number) =
        begin((&folder, &strategy, why), (options, args), (&journal, starts), (from, numbers, is_played))?;
    let _upkeep = Upkeep::start(&folder.path.join("journal")).map_err(LiveError::Threads)?;
    let connections = connections(reaches, numbers, (&folder.file, config, &strategy.data.symbol), (clock, number))?;
    let watching = (Some(log), Some(observer), Some(desk));
    let mut session = Session::open(connections, watching, (past, is_open), from, &options.stop)?;
    let beginning = match went_on {
        Some(went_on) if is_open => Ok(went_on),
        // an account that somebody uses meanwhile keeps its leverage: it is told with what differs
        Some(went_on) => session.accounts_at_start().and_then(|all| match all.iter().all(Holding::is_flat) {
            true => session.set_leverage().map(|()| went_on),
            false => Ok(went_on),
        }),
        None => begin_anew(&mut session, &names, from, (&mut before, args.from_truth)),
    };
    let beginning = match beginning {
        Ok(beginning) => beginning,
        Err(error) => {
            session.close(&error.to_string(), false);
            return Err(error);
        }
    };
    let Before { kept, day, closing, .. } = before;
    let at = begun.filter(|_| beginning.resumed.is_some()).unwrap_or_else(wall::now);
    let begun = Begun { number, entries: beginning.beside.entries, kept, day, closing, said, at, lost, flatten };
    let market = (clock, engine, carry);
    let account =
        trade_on((options, &folder, &strategy, mode), names, bound, (session, beginning, begun), market, (from, out))?;
    refusal.map_or(Ok(account), Err)
}

/// What the processes before left, and what stands against going on with it.
struct LeftBehind {
    journal: Journal,
    /// How often the run was begun.
    starts: usize,
    said: Vec<SaidBefore>,
    /// When the run was begun for the first time, by the wall.
    begun: Option<Time>,
    went: Went,
    /// It is closed, and then this is how the run ends.
    refusal: Option<LiveError>,
    is_urgent: bool,
    /// By processes that ended flat.
    lost: Option<Lost>,
    flatten: Option<FlattenBefore>,
}

/// Reads what the processes before left. `refusal`: what stands against the start already.
fn left_behind(
    (options, args): (&Options, &mut AttachArgs),
    (folder, strategy): (&RunFolder, &StrategyFile),
    mut refusal: Option<LiveError>,
) -> Result<LeftBehind, LiveError> {
    let inside = folder.path.join("journal");
    if args.from_truth
        && let Some(words) = salvage(&folder.path, "--from-truth")?
    {
        eprintln!("{words}");
    }
    let (mut past, journal) = Past::read(&inside)?;
    let (said, begun) = (std::mem::take(&mut past.said), past.begun());
    let (lost, flatten) = (past.lost, past.flatten.take());
    let (starts, was) = (past.starts, past.copies().map(|copies| copies.code.clone()).unwrap_or_default());
    let went = match past.unusable(&inside) {
        _ if args.from_truth => Went::Left(Box::new(past.forgotten(wall::now()))),
        Some(why) if past.is_open() => {
            refusal.get_or_insert(why);
            Went::Left(Box::new(past.left()))
        }
        Some(why) => return Err(why),
        None => past.resumed(&inside)?.map_or(Went::Begins, |resumed| Went::On(Box::new(resumed))),
    };
    // one that holds something closes it first, and ends so then
    if !went.is_open() {
        desk::refuse_killed(&folder.path)?;
    }
    let mut is_urgent = false;
    if let Err(why) = args.venues.refused() {
        if !went.is_open() {
            return Err(why);
        }
        (refusal, is_urgent) = (refusal.or(Some(why)), true);
    }
    if refusal.is_none()
        && let Some(why) = decides_otherwise((&went, was), (options, args), (folder, strategy))
    {
        if !went.is_open() {
            return Err(why);
        }
        refusal = Some(why);
    }
    Ok(LeftBehind { journal, starts, said, begun, went, refusal, is_urgent, lost, flatten })
}

/// How market time runs, whether the market is played, and the first moment.
fn time(
    folder: &RunFolder,
    reach: &Reach,
    (went, refusal): (&Went, &mut Option<LiveError>),
) -> Result<(MarketClock, bool, Time), LiveError> {
    let begun = engine_time::now();
    let at_the_wall = MarketClock { wall: begun, market: begun, speed: 1.0 };
    let (mut clock, is_played) = (reach.clock().unwrap_or(at_the_wall), reach.clock().is_some());
    let from = match begins(folder, clock.market(begun), went) {
        // time never goes back for a trader: it goes on from where it was. A market that is played and stands before is another one
        Err(why @ LiveError::ClockBehind { now, end, .. }) if went.is_open() && !is_played => {
            refusal.get_or_insert(why);
            clock.market = clock.market.plus(end.since(now));
            end
        }
        from => from?,
    };
    Ok((clock, is_played, from))
}

/// With what a start goes on from: signals, newest rows, the run, what its clients and its desk have to know.
type FromPast = (SignalEngine, Carry, Option<Beginning>, Option<[perpx_venues::client::Past; 2]>, Before);

fn from_past(
    went: Went,
    closing: Option<Closing>,
    (options, strategy): (&Options, &StrategyFile),
    (signals, from): (&SignalSet, Time),
) -> Result<FromPast, LiveError> {
    Ok(match went {
        Went::On(resumed) => {
            let Resumed { saved, past, kept, day } = *resumed;
            let Saved { beside, machine, carry, signals } = saved;
            let before = Before { kept: Some(kept), day, closing, last: OrderId(0) };
            (signals, carry, Some(Beginning::on(beside, machine)), Some(past), before)
        }
        Went::Left(left) => {
            let Left { held, past, kept, last } = *left;
            let (engine, carry) = warmed(options, strategy, (signals, from))?;
            let closing = closing.map(|closing| Closing { strays: Some(held), ..closing });
            (engine, carry, None, Some(past), Before { kept: Some(kept), day: None, closing, last })
        }
        Went::Begins => {
            let (engine, carry) = warmed(options, strategy, (signals, from))?;
            (engine, carry, None, None, Before { kept: None, day: None, closing, last: OrderId(0) })
        }
    })
}

/// Why this program may not go on where another one traded: in the run's last hour it would have commanded something else.
fn decides_otherwise(
    (went, was): (&Went, String),
    (options, args): (&Options, &AttachArgs),
    (folder, strategy): (&RunFolder, &StrategyFile),
) -> Option<LiveError> {
    let Went::On(resumed) = went else { return None };
    if was == options.code {
        return None;
    }
    let (path, now) = (folder.path.clone(), options.code.to_owned());
    match diverge::decides_otherwise(folder, strategy, resumed.saved.beside.end.plus(-HOUR)) {
        Ok(None) => None,
        Ok(Some(fork)) if args.accept_decisions => {
            eprintln!(
                "{was} traded here, and this program would have commanded something else: {fork}; it is accepted"
            );
            None
        }
        Ok(Some(fork)) => Some(LiveError::Decisions { path, was, now, fork }),
        Err(why) => Some(why),
    }
}

/// What a start needs of its folder.
struct Ready {
    folder: RunFolder,
    lock: Lock,
    strategy: StrategyFile,
    numbers: [AccountNumbers; 2],
}

/// What the processes before left.
enum Went {
    Begins,
    On(Box<Resumed>),
    /// A machine that cannot be gone on from.
    Left(Box<Left>),
}

impl Went {
    fn is_open(&self) -> bool {
        match self {
            Went::Begins => false,
            Went::On(resumed) => !resumed.is_flat(),
            Went::Left(_) => true,
        }
    }
}

/// What a desk has to know of them, and the highest number that they gave an order which the machine does not know.
struct Before {
    kept: Option<[Kept; 2]>,
    day: Option<(i64, [Cash; 2])>,
    closing: Option<Closing>,
    last: OrderId,
}

/// The folder, its strategy and its accounts. Where its files are not as they should be, and something is held: as the newest process had
/// them, and why the run does nothing but close it.
fn ready(options: &Options, args: &mut AttachArgs) -> Result<(Ready, Option<LiveError>), LiveError> {
    let why = match opened(options, args).and_then(|folder| ready_in(folder, options)) {
        Ok(ready) => return Ok((ready, None)),
        Err(why) => why,
    };
    // whoever names another file or host than he means is told so, and nothing is closed
    let is_named_wrong = StrategyFile::identity(&options.config).is_err()
        || matches!(why, LiveError::OtherRun { .. } | LiveError::OtherHost { .. } | LiveError::Record(_));
    if is_named_wrong {
        return Err(why);
    }
    let (run, host) = (args.run.as_deref(), args.venues.host());
    let path = RunFolder::place(&options.config, run, host, args.venues.mode())?;
    match closing::folder(&path)? {
        Some(folder) => Ok((ready_in(folder, options)?, Some(why))),
        None => Err(why),
    }
}

fn ready_in(folder: RunFolder, options: &Options) -> Result<Ready, LiveError> {
    let lock = folder::lock(&folder.path)?;
    let own_store = folder.path.join("store");
    let strategy = StrategyFile::read(&folder.best, Some(options.store.as_deref().unwrap_or(&own_store)))?;
    if strategy.config.account.transfer.is_some() {
        return Err(LiveError::Transfer { config: folder.best.clone() });
    }
    let numbers = accounts(&folder, &strategy.config)?;
    Ok(Ready { folder, lock, strategy, numbers })
}

/// A run that begins with what both accounts hold: cash alone, or what is left to be closed. `from_truth`: that is what the venues show.
fn begin_anew(
    session: &mut Session,
    names: &[String; 2],
    from: Time,
    (before, from_truth): (&mut Before, bool),
) -> Result<Beginning, LiveError> {
    let Some(closing) = &mut before.closing else {
        let capital = flat(session, names)?;
        session.set_leverage()?;
        return Ok(Beginning::new(from, capital));
    };
    let holdings = session.accounts()?;
    if from_truth {
        // a leg on the other side is none of the strategy's: it is told at the end, and stays
        let leg = |role: Role| Qty(holdings[role.ix()].position.0 * role.opening().sign()).max(Qty::ZERO);
        closing.strays = Some(Role::BOTH.map(leg));
    }
    Ok(Beginning::close(from, holdings.map(|held| held.cash), before.last))
}

/// From where the run begins, or goes on, until it is asked to stop.
fn trade_on(
    (options, folder, strategy, mode): (&Options, &RunFolder, &StrategyFile, &'static str),
    names: [String; 2],
    mut bound: Bound,
    (mut session, beginning, begun): (Session, Beginning, Begun),
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
        let _ = writeln!(out, "{mode:<9} {}; Ctrl-C ends it; `perpx-live ctl` speaks to it", folder.path.display());
        if let Some(words) = beginning.words(&names) {
            let _ = writeln!(out, "{words}");
        }
    }
    let out: Option<&mut (dyn Write + Send)> = if options.quiet { None } else { Some(out) };
    let mut recorder = ConsoleRecorder::new(out, status.clone(), names.clone(), job.initial().into());
    recorder.begin_open(mode, since, job.initial());
    let start = beginning.beside.end;
    let builder = TileBuilder::new(clock, engine, carry, start).keeping_seen();
    let has_strays = begun.closing.as_ref().is_some_and(|closing| closing.strays.is_some());
    if let Some(desk) = &mut session.desk {
        desk.begin((&job, from), beginning.resumed.as_deref(), begun);
    }
    let control = session.desk.as_ref().map(|desk| Control { shown: desk.watch(), says: desk.says() });
    control.into_iter().for_each(|control| session.control(control));
    let traded = session.trade(&job, (builder, clock), beginning, job.to, &options.stop, (&mut recorder, &status));
    let why = traded.as_ref().err().map_or("asked to".to_owned(), LiveError::to_string);
    let is_other_instance = session.desk.as_ref().is_some_and(Desk::is_other_instance);
    let lost =
        session.close(&why, traded.as_ref().is_ok_and(|(state, ended)| ended.is_flat() && state.belief().is_flat()));
    status.finish();
    let (state, mut ended) = traded?;
    if has_strays {
        // nobody knows what such legs had cost: of cash there is nothing to compare
        ended.explained = Role::BOTH.map(|role| ended.holdings[role.ix()].cash - state.belief().books[role.ix()].cash);
    }
    if let Some(why) = lost {
        return Err(LiveError::JournalLost { why });
    }
    if is_other_instance {
        return Err(LiveError::OtherInstance { path: folder.path.clone() });
    }
    let initial = (names, job.initial());
    // it is asked to end: that is how it ends
    let account = account(strategy, &state, ended, &recorder.record, (since, clock.speed), initial, false);
    Ok(Account { mode, ..account })
}

/// The folder that is traded. Where nothing may be begun and nothing ever was, none is made.
fn opened(options: &Options, args: &mut AttachArgs) -> Result<RunFolder, LiveError> {
    let (mode, run) = (args.venues.mode(), args.run.as_deref());
    if !RunFolder::was_begun(&options.config, run, mode).is_ok_and(|was_begun| was_begun) {
        args.venues.refused()?;
    }
    RunFolder::open(&options.config, run, args.venues.host(), mode)
}

/// Where this process begins: never before what was written down.
fn begins(folder: &RunFolder, now: Time, went: &Went) -> Result<Time, LiveError> {
    let end = match went {
        Went::On(resumed) => Some(resumed.saved.beside.end),
        Went::Begins | Went::Left(_) => None,
    };
    match end {
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
    let holdings = session.accounts_at_start()?;
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
        mode: args.venues.mode(),
        network: folder.file.network.words(),
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

/// By role: where its venue is. No emulator is taken for a venue, but for a rehearsal, and no venue for an emulator.
fn found(folder: &RunFolder, args: &AttachArgs, numbers: [AccountNumbers; 2]) -> Result<[Reach; 2], LiveError> {
    let file = &folder.file;
    let network = match (&file.network, args.venues.host()) {
        (Where::Emulated(host), Some(_)) | (Where::Custom(host), None) => {
            Network::Custom(Address::read(host, args.ca_file.is_some(), None)?)
        }
        (Where::Mainnet, None) => Network::Mainnet,
        (Where::Testnet, None) => Network::Testnet,
        (_, Some(host)) => {
            let accepted =
                "a run folder whose live.toml says network = \"emulated\"; to do: name a new one with --run DIR";
            let found = host.to_owned();
            return Err(LiveError::Range { name: "attach", found, accepted: accepted.to_owned() });
        }
        (Where::Emulated(_), None) => return Err(LiveError::Emulated { live: folder.path.join("live.toml") }),
    };
    let find = |role: Role| {
        let reach = find(numbers[role.ix()].venue(), &network, args.ca_file.as_deref())?;
        taken_for(&file.network, reach)
    };
    Ok([find(Role::Long)?, find(Role::Short)?])
}

/// What was found, where it is what the file says.
fn taken_for(network: &Where, reach: Reach) -> Result<Reach, LiveError> {
    match (network, &reach.played) {
        (Where::Emulated(host), None) => {
            let accepted = "the first port of a running `perpx-data emulate`: whoever answers there is none";
            Err(LiveError::Range { name: "attach", found: host.clone(), accepted: accepted.to_owned() })
        }
        (Where::Mainnet | Where::Testnet, _) if is_played(&reach)? => {
            let host = reach.hosts.get(&Host::Main).map(Address::http).unwrap_or_default();
            Err(LiveError::Played { venue: reach.venue.name(), host })
        }
        _ => Ok(reach),
    }
}

/// Whether an emulator answers where a venue should be; one that does not answer is none.
fn is_played(reach: &Reach) -> Result<bool, LiveError> {
    let runtime = Builder::new_current_thread().enable_all().build().map_err(LiveError::Threads)?;
    Ok(runtime.block_on(reach.is_played()))
}

/// The journal, its first record of this process durable, and what numbers its orders.
fn begin(
    (folder, strategy, closing): (&RunFolder, &StrategyFile, Option<String>),
    (options, args): (&Options, &AttachArgs),
    journal: (&Journal, usize),
    (from, numbers, is_played): (Time, [AccountNumbers; 2], bool),
) -> Result<(Log, RunNumber), LiveError> {
    let failed = |path: &Path| {
        let path = path.to_path_buf();
        move |error: std::io::Error| LiveError::Folder { path, what: "cannot be read", error: error.to_string() }
    };
    let text = |path: &Path| fs::read_to_string(path).map_err(failed(path));
    let start = Start {
        code: options.code.to_owned(),
        best: text(&folder.best)?,
        live: text(&folder.live)?,
        network: folder.file.network.words(),
        accounts: numbers.map(|numbers| format!("{numbers:?}")),
        closing,
    };
    let drawn = blake3::hash(format!("{} {} {}", folder.path.display(), wall::now(), std::process::id()).as_bytes());
    let mut run = [0; 16];
    run.copy_from_slice(&drawn.as_bytes()[..16]);
    if let Some(armed) = args.venues.tag() {
        if let Some(own) = journal.0.run.map(tag).filter(|own| *own != armed) {
            return Err(LiveError::OtherTag { path: folder.path.clone(), own, armed });
        }
        run[..2].copy_from_slice(&armed.to_le_bytes());
    }
    let venues = numbers.map(AccountNumbers::venue);
    let rows = SeenRows::new(&folder.path, venues, &strategy.data.symbol, is_played);
    let (mut log, number) = Log::open(&folder.path, journal, run, Some(rows))?;
    log.start(from, &start)?;
    Ok((log, number))
}

/// By role: who speaks for us.
fn connections(
    reaches: [Reach; 2],
    numbers: [AccountNumbers; 2],
    (file, config, symbol): (&LiveFile, &Config, &str),
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
            since: engine_time::now(),
            number,
        };
        let is_test = file.network == Where::Testnet;
        let client = registry::client(numbers[role.ix()], client, is_test, Path::new(ENV_FILE))?;
        let budget = Budget::of_account(reach.venue, world.rate_limit);
        made.push(Connection { name: reach.venue.name().to_owned(), client, reach: Arc::new(reach), budget });
    }
    let [long, short] = <[Connection; 2]>::try_from(made).unwrap_or_else(|_| unreachable!("one a role"));
    Ok([long, short])
}

#[cfg(test)]
mod tests {
    use super::*;
    use perpx_venues::net::dial::Dialer;
    use perpx_venues::net::hosts::Hosts;
    use std::io::Read;
    use std::net::TcpListener;

    /// Answers every request with `body`; where.
    fn server(body: &'static str) -> u16 {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("an address").port();
        std::thread::spawn(move || {
            for mut stream in listener.incoming().flatten() {
                let _ = stream.read(&mut [0; 4096]);
                let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
                let _ = stream.write_all(format!("{head}{body}").as_bytes());
            }
        });
        port
    }

    fn reach(body: &'static str) -> Reach {
        let main = Address { is_tls: false, host: "127.0.0.1".to_owned(), port: server(body) };
        let hosts = Hosts::from([(Host::Main, main)]);
        let dialer = Dialer::new(&hosts, None, None).expect("a dialer");
        Reach { venue: Venue::Lighter, hosts, dialer, played: None }
    }

    /// A machine whose clock has gone back closes what it holds, on a time that goes on.
    #[test]
    fn time_never_goes_back_for_a_trader() {
        let folder = RunFolder {
            path: PathBuf::from("run"),
            file: LiveFile::parse("live.toml", "network = \"mainnet\"\n").expect("a file"),
            best: PathBuf::from("best.yml"),
            live: PathBuf::from("live.toml"),
        };
        let later = wall::now().plus(HOUR.times(1));
        let mut saved = Saved::read(crate::recovery::tests::STATE).expect("a state");
        saved.beside.end = later;
        let (past, kept) = (Default::default(), Default::default());
        let open = Went::On(Box::new(Resumed { saved, past, kept, day: None }));
        let mut refusal = None;
        assert!(open.is_open());
        let (clock, is_played, from) = time(&folder, &reach("{}"), (&open, &mut refusal)).expect("it closes");
        assert!(!is_played && from == later && refusal.as_ref().is_some_and(|why| why.exit_code() == 75));
        let since = clock.market(wall::now()).since(later);
        assert!(since.0 >= 0 && since < perpx_core::units::SECOND.times(10), "{since:?}");
        assert!(time(&folder, &reach("{}"), (&Went::Begins, &mut None)).is_ok_and(|(_, _, from)| from < later));
    }

    const EMULATOR: &str = r#"{"wall_ns":5,"market_ns":7,"speed":1.0,"tls":false,"faults_from_ns":3,"venues":[]}"#;

    /// Whoever says of himself that he is an emulator is no venue, but in a rehearsal; and a venue is no emulator.
    #[test]
    fn an_emulator_is_taken_for_no_venue() {
        let word =
            |taken: Result<Reach, LiveError>| taken.map(|_| ()).map_err(|error| (error.exit_code(), error.to_string()));
        for network in [Where::Mainnet, Where::Testnet] {
            let (code, why) = word(taken_for(&network, reach(EMULATOR))).expect_err("an emulator");
            assert!(
                code == 4 && why.contains("an emulator answers there") && why.contains("No order was sent"),
                "{why}"
            );
            assert_eq!(word(taken_for(&network, reach("{}"))), Ok(()));
        }
        let host = "127.0.0.1:1".to_owned();
        assert_eq!(word(taken_for(&Where::Custom(host.clone()), reach(EMULATOR))), Ok(()));
        let (code, why) = word(taken_for(&Where::Emulated(host), reach("{}"))).expect_err("no emulator");
        assert!(code == 2 && why.contains("whoever answers there is none"), "{why}");
    }
}
