//! `--mode emulated`: the winner trades over sockets at both venues, played on this machine over the recorded tape. The one
//! thing that is not as at the venues is that there is no other way between us and them than the loopback.

use super::console::ConsoleRecorder;
use super::control::verbs::Ending;
use super::reconcile::told_within;
use super::recovery::Run;
use super::session::{Beginning, Connection, Ended, Session};
use super::status::Status;
use super::strategy_file::StrategyFile;
use super::tile_builder::TileBuilder;
use super::{LiveError, Options, Speed, span_text};
use perpx_core::config::{Config, VenueWorld};
use perpx_core::market::Role;
use perpx_core::replay::Job;
use perpx_core::signals::{SignalEngine, SignalSet};
use perpx_core::stats::FullRecord;
use perpx_core::strategy::STATES;
use perpx_core::tape::Carry;
use perpx_core::trader::Composite;
use perpx_core::units::{Cash, DAY, MINUTE, MidValue, SECOND, Time, TimeDelta};
use perpx_data::backtest::{Binder, Reader, SymbolData};
use perpx_data::loader::{Tape, TapeSpec};
use perpx_venues::client::{ClientConfig, Holding, RunNumber};
use perpx_venues::emulate::{COIN, EmulatorConfig, FaultPlan};
use perpx_venues::net::budget::Budget;
use perpx_venues::net::dial::Dialer;
use perpx_venues::net::hosts::{Address, Hosts};
use perpx_venues::net::reach::Reach;
use perpx_venues::registry::{self, Counterpart};
use perpx_venues::running::RunningVenues;
use perpx_venues::venue::Venue;
use perpx_venues::wall::{self, MarketClock};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// Of the range's end, for closing what is open there.
const LAST: TimeDelta = MINUTE;

/// Of the wall, on a machine that is busy.
const LEAST_FENCE: TimeDelta = SECOND;

/// What is traded, and what goes wrong meanwhile.
#[derive(Clone, Debug, Default)]
pub struct TimeRange {
    /// Where it begins: in sample if not said.
    pub from: Option<Time>,
    /// Where it ends: a minute before the sweep's range does if not said.
    pub to: Option<Time>,
    /// A file of faults, as `perpx-data emulate` takes it.
    pub faults: Option<PathBuf>,
}

impl TimeRange {
    pub(super) fn is_unsaid(&self) -> bool {
        self.from.is_none() && self.to.is_none() && self.faults.is_none()
    }

    /// Said to a mode that replays the whole range of the sweep.
    pub(super) fn refused(&self) -> LiveError {
        let (name, found) = match (self.from, self.to, &self.faults) {
            (Some(from), ..) => ("from", from.to_second().to_string()),
            (_, Some(to), _) => ("to", to.to_second().to_string()),
            (.., faults) => ("faults", faults.as_deref().unwrap_or(Path::new("")).display().to_string()),
        };
        let accepted = "with --mode emulated, or (--from, --to) with --mode mock --other-data: --mode mock replays the sweep's whole range, without faults";
        LiveError::Range { name, found, accepted: accepted.to_owned() }
    }
}

/// What a run at emulated venues came to.
#[derive(Clone, Debug, Serialize)]
pub struct Account {
    /// emulated or live.
    pub mode: &'static str,
    /// The id of the configuration that ran.
    pub configuration: String,
    /// The first moment of the market, UTC.
    pub from: String,
    /// The last moment of the market, UTC.
    pub to: String,
    /// Market seconds a second.
    pub speed: f64,
    /// Trades that were closed.
    pub trades: usize,
    /// States that were reached.
    pub states: Vec<&'static str>,
    /// What the run earned, as believed: quote units, a gain is positive.
    pub net_pnl: f64,
    /// Commands that were sent to the venues.
    pub commands: u64,
    /// Texts that came over the streams.
    pub texts: u64,
    /// What went wrong at the venues and was mended, and how often.
    pub troubles: BTreeMap<String, u64>,
    /// By role: the long one, the short one.
    pub venues: [VenueAccount; 2],
    /// Both venues hold what the trader believes, to the last unit of money that they report, and nothing is open.
    pub agrees: bool,
    /// Ctrl-C ended it before its end.
    pub stopped: bool,
    /// How it ended.
    pub ending: Ending,
    #[serde(skip)]
    pub(super) span: (Time, Time),
}

/// One account, as believed and as the venue reports it.
#[derive(Clone, Debug, Serialize)]
pub struct VenueAccount {
    /// The venue's name.
    pub venue: String,
    /// Cash as believed, quote units.
    pub cash: String,
    /// Position as believed, base coins; short is negative.
    pub position: String,
    /// Cash as the venue reports it, quote units.
    pub venue_cash: String,
    /// Position as the venue reports it, base coins; short is negative.
    pub venue_position: String,
    /// Orders that the venue still has open.
    pub venue_open_orders: usize,
    /// Of the venue's cash: what was paid in or out, or named by an operator, and is no result of the run.
    pub explained: String,
}

impl Account {
    /// 0 belief and venues agree and nothing is open, 1 they do not agree, 6 killed, 7 something is left open, 130 stopped.
    pub fn exit_code(&self) -> u8 {
        match (self.agrees, self.ending) {
            (false, _) => 1,
            (true, Ending::Killed) => 6,
            (true, Ending::Parked | Ending::Left) => 7,
            (true, Ending::Flat) if self.stopped => 130,
            (true, Ending::Flat) => 0,
        }
    }
}

impl fmt::Display for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:<9} {}, at {} times real time", self.mode, span_text(self.span), self.speed)?;
        writeln!(
            f,
            "          {} trades, net pnl {:+.4}; states {}",
            self.trades,
            self.net_pnl,
            self.states.join(" ")
        )?;
        writeln!(f, "          {} frames received, {} commands sent", self.texts, self.commands)?;
        for (trouble, times) in &self.troubles {
            writeln!(f, "mended    {trouble} ({times} times)")?;
        }
        for venue in &self.venues {
            let VenueAccount { venue: name, cash, position, venue_cash, venue_position, venue_open_orders, explained } =
                venue;
            writeln!(f, "{name:<9} believed: cash {cash}, position {position}")?;
            writeln!(
                f,
                "          it says: cash {venue_cash}, position {venue_position}, {venue_open_orders} orders open"
            )?;
            if explained != "0" {
                writeln!(
                    f,
                    "          of that {explained} is no result of the run: paid in or out, or named by an operator"
                )?;
            }
        }
        match self.ending {
            Ending::Flat => {}
            Ending::Parked => writeln!(f, "parked    a locked position stays; the next start goes on with it")?,
            Ending::Left => writeln!(f, "left      what is open stays open, and nobody watches it")?,
            Ending::Killed => {
                writeln!(f, "killed    nothing starts before `perpx-live ctl RUN clear-kill --reason TEXT`")?
            }
        }
        match (self.agrees, self.stopped) {
            (true, true) => write!(f, "stopped   everything is closed; the venues hold what the trader believes"),
            (true, false) => {
                write!(f, "agrees: the venues hold what the trader believes, to the last unit that they tell")
            }
            (false, _) => write!(f, "differs: the venues do not hold what the trader believes"),
        }
    }
}

/// Trades a stretch of the sweep's range, printing each transition to `out`.
///
/// # Errors
/// Bad input, before anything runs; a venue that ends the session.
pub fn run(options: &Options, range: &TimeRange, out: &mut (dyn Write + Send)) -> Result<Account, LiveError> {
    let faults = range.faults.as_deref().map_or(Ok(FaultPlan::default()), FaultPlan::read)?;
    let (strategy, data) = super::opened(options)?;
    let Speed::Times(speed) = options.speed else {
        let accepted =
            "a number above 0; 1 is as recorded, and at more than about 60 a venue's milliseconds become long";
        return Err(LiveError::Range { name: "speed", found: "max".to_owned(), accepted: accepted.to_owned() });
    };
    let span = span(&data, &strategy, range)?;
    let mut signals = SignalSet::default();
    let bound = Binder::new(&data).bind(&strategy.config, 0, 0, &mut signals);
    if bound.transfer.is_some() {
        return Err(LiveError::Transfer { config: options.config.clone() });
    }
    let spec = data.feeds[0].tape.spec();
    let (engine, carry) = warm(spec, &signals, (data.from, span.0))?;
    let job = bound.job((span.0, span.1.plus(DAY)));
    let names = spec.venues.clone();
    let at = wall::now();
    let clock = MarketClock { wall: at, market: span.0, speed };
    let mut running = RunningVenues::new(faults, at);
    let rests = rests(&strategy.config);
    let connections = connections(&mut running, options, spec, (&job, rests), clock)?;
    let status = Status::new(options.quiet, span);
    if !options.quiet {
        strategy.print_verdict(out);
    }
    let out: Option<&mut (dyn Write + Send)> = if options.quiet { None } else { Some(out) };
    let mut recorder = ConsoleRecorder::new(out, status.clone(), names.clone(), job.initial().into());
    recorder.begin("emulated", span, job.initial());
    let builder = TileBuilder::new(clock, engine, carry, span.0);
    let traded =
        Session::open(connections, (None, None, None), (None, false), span.0, &options.stop).and_then(|mut session| {
            session.set_leverage()?;
            let begin = Beginning::new(span.0, job.capital);
            let traded = session.trade(&job, (builder, clock), begin, span.1, &options.stop, (&mut recorder, &status));
            session.close("", false);
            traded
        });
    status.finish();
    let served = running.end();
    let (state, ended) = traded?;
    served?;
    let stopped = options.stop.load(Ordering::Relaxed);
    Ok(account(&strategy, &state, ended, &recorder.record, (span.0, speed), (names, job.initial()), stopped))
}

/// The range asked for, inside the sweep's.
fn span(data: &SymbolData, strategy: &StrategyFile, range: &TimeRange) -> Result<(Time, Time), LiveError> {
    let (first, last) = (data.from, data.to.plus(-LAST));
    let (from, to) = (range.from.unwrap_or(strategy.spans.inside.0), range.to.unwrap_or(last));
    let legal = |name, time: Time, low: Time, high: Time| {
        let accepted = format!("from {} to {}, the last minute is for closing", low.to_second(), high.to_second());
        let found = time.to_second();
        if time >= low && time <= high { Ok(()) } else { Err(LiveError::Range { name, found, accepted }) }
    };
    legal("from", from, first, last)?;
    legal("to", to, from.plus(SECOND), last)?;
    Ok((from, to))
}

/// Signals and last values of the tape before `from`; `anchor`: where averages of the sweep begin.
pub(super) fn warm(
    spec: &TapeSpec,
    signals: &SignalSet,
    (anchor, from): (Time, Time),
) -> Result<(SignalEngine, Carry), LiveError> {
    let first = || (SignalEngine::new(signals.keys(), anchor), Carry::first([false; 2]));
    if spec.warm_from >= from {
        return Ok(first());
    }
    let before = TapeSpec { from: spec.warm_from, to: from, cache: None, ..spec.clone() };
    let tape = Tape::open(before)?;
    let (engine, carry) = Reader::new(&tape, signals, anchor).pass_all()?;
    Ok((engine, carry.unwrap_or_else(|| first().1)))
}

/// A length of the market's time by the wall, which the clients go by.
pub(super) fn on_the_wall(length: TimeDelta, clock: MarketClock) -> TimeDelta {
    TimeDelta((length.0 as f64 / clock.speed) as i64)
}

/// When a lost order can land no more, by the wall. However fast the market is, a request needs its time on the way.
pub(super) fn fence(world: &VenueWorld, clock: MarketClock) -> TimeDelta {
    on_the_wall(world.fence, clock).max(LEAST_FENCE)
}

/// The longest that an order of the strategy rests.
pub(super) fn rests(config: &Config) -> TimeDelta {
    let s = &config.strategy;
    let takings = [&s.entry.taking, &s.locking.taking, &s.unlock, &s.exit.taking];
    takings.map(|taking| taking.passive_timeout).into_iter().max().unwrap_or_default()
}

/// Both venues played, and who speaks for us there, by role.
fn connections(
    running: &mut RunningVenues,
    options: &Options,
    spec: &TapeSpec,
    (job, rests): (&Job<'_, Composite>, TimeDelta),
    clock: MarketClock,
) -> Result<[Connection; 2], LiveError> {
    // of keys that live as long as the run
    let seed = [&clock.wall.0.to_le_bytes()[..], &std::process::id().to_le_bytes()].concat();
    let mut connection = |role: Role| -> Result<Connection, LiveError> {
        let (name, world) = (spec.venues[role.ix()].clone(), &job.world.venues[role.ix()]);
        let Some(venue) = Venue::named(&name) else {
            return Err(LiveError::NoEmulator { config: options.config.clone(), found: name });
        };
        let emulator = EmulatorConfig {
            world: world.clone(),
            cash: job.capital[role.ix()],
            tape: spec.clone(),
            venue: role.ix(),
            seed: job.world.seed,
            clock,
        };
        let client = ClientConfig {
            coin: COIN.to_owned(),
            leverage: job.leverage,
            grid: world.instrument.money_grid,
            fence: fence(world, clock),
            rests: on_the_wall(rests, clock),
            since: clock.wall,
            number: RunNumber { tag: std::process::id() as u16, epoch: 1 },
        };
        let Counterpart { emulator, hosts, client } = registry::emulated(venue, emulator, client, &seed)?;
        let ports = running.start(emulator)?;
        let at = |port| Address { is_tls: false, host: "127.0.0.1".to_owned(), port };
        let hosts: Hosts = hosts.iter().zip(ports).map(|(host, port)| (*host, at(port))).collect();
        let dialer = Dialer::new(&hosts, None, None)
            .map_err(|error| LiveError::NoConnection { venue: name.clone(), why: error.to_string() })?;
        let budget = Budget::of(venue).lifted();
        Ok(Connection { name, client, reach: Arc::new(Reach { venue, hosts, dialer, played: None }), budget })
    };
    Ok([connection(Role::Long)?, connection(Role::Short)?])
}

pub(super) fn account(
    strategy: &StrategyFile,
    state: &Run,
    ended: Ended,
    record: &FullRecord,
    (from, speed): (Time, f64),
    (names, initial): ([String; 2], Cash),
    stopped: bool,
) -> Account {
    let (most, books) = (told_within(ended.entries), &state.belief().books);
    let agrees = |v: usize| {
        let Holding { cash, position, orders, .. } = &ended.holdings[v];
        let off = Cash((*cash - books[v].cash - ended.explained[v]).0.abs());
        let is_left = matches!(ended.ending, Ending::Parked | Ending::Left);
        off < most && *position == books[v].position() && (is_left || position.is_zero()) && orders.is_empty()
    };
    let was_in = state.tally().state_times.iter().zip(0..).filter(|(time, _)| time.0 > 0).map(|(_, state)| state);
    let states: BTreeSet<u8> =
        record.transitions.iter().map(|row| row.transition.to).chain(was_in).chain([0]).collect();
    let venue = |v: usize| VenueAccount {
        venue: names[v].clone(),
        cash: books[v].cash.to_string(),
        position: books[v].position().to_string(),
        venue_cash: ended.holdings[v].cash.to_string(),
        venue_position: ended.holdings[v].position.to_string(),
        venue_open_orders: ended.holdings[v].orders.len(),
        explained: ended.explained[v].to_string(),
    };
    let cash = books.iter().map(|book| book.cash).sum::<Cash>();
    Account {
        mode: "emulated",
        configuration: strategy.ids[0].clone(),
        from: from.to_string(),
        to: ended.at.to_string(),
        speed,
        trades: state.tally().pnls.len(),
        states: states.iter().filter_map(|&state| STATES.get(usize::from(state))).map(|state| state.name).collect(),
        net_pnl: MidValue::from(cash - initial).as_f64(),
        commands: ended.commands,
        texts: ended.texts,
        venues: [venue(0), venue(1)],
        agrees: agrees(0) && agrees(1),
        troubles: ended.troubles,
        stopped,
        ending: ended.ending,
        span: (from, ended.at),
    }
}
