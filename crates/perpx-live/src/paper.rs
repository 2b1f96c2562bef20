//! `--mode paper`: the winner at simulated venues, over rows as they are received. It is a replay that trails the wall: time is
//! judged only when every row of it has come, so that what is traded is what a replay of the recording trades, byte for byte.

use super::console::ConsoleRecorder;
use super::status::Status;
use super::strategy_file::StrategyFile;
use super::stretch::{Stretch, StretchReport, warmup};
use super::warm_bars::{self, Warm};
use super::{LiveError, Options, finish};
use perpx_core::config::Config;
use perpx_core::ledger::Mids;
use perpx_core::market::Role;
use perpx_core::replay::{Job, Paced, RunState, TimeSource};
use perpx_core::signals::{SignalEngine, SignalSet, TileSignals};
use perpx_core::sim::OutageTable;
use perpx_core::strategy::FundingKinds;
use perpx_core::tape::Tile;
use perpx_core::tape::rows::{FundingKind, FundingRow};
use perpx_core::trader::Composite;
use perpx_core::units::{DAY, HOUR, MINUTE, Time, TimeDelta};
use perpx_data::TapeError;
use perpx_data::backtest::{Bound, DataRange, first_mids_of, order_outages};
use perpx_data::loader::{GrowingTape, TapeSpec};
use perpx_venues::record::feed::Row;
use std::cell::Cell;
use std::io::Write;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

/// Longest sleep between two looks at what was received.
const NAP: Duration = Duration::from_millis(50);
/// A settled rate is published after its time: so long its time is not judged without it.
const SETTLEMENT: TimeDelta = MINUTE.times(5);
/// After a stop the market has so long to close what is open.
const CLOSING: TimeDelta = MINUTE.times(2);
/// How far ahead outages are drawn.
const AHEAD: TimeDelta = DAY.times(400);

/// Where rows come from, and the time that they are stamped with.
pub trait Market {
    /// The recorder's clock: nothing that is received later has an earlier stamp.
    fn now(&mut self) -> Time;

    /// Adds what has been received since the last call, waiting for a while if there is nothing.
    ///
    /// # Errors
    /// The recorder has ended by itself.
    fn receive(&mut self, patience: Duration, rows: &mut Vec<(Role, Row)>) -> Result<(), LiveError>;

    /// Both venues are known: whoever recorded this market until now may end.
    ///
    /// # Errors
    /// He cannot be asked to.
    fn is_known(&mut self) -> Result<(), LiveError> {
        Ok(())
    }

    /// The run is to stop.
    fn is_stopping(&self) -> bool;
}

/// Stops at the first moment at or after a time, which is set when it is asked to.
struct StopAt {
    at: Rc<Cell<Time>>,
    status: Status,
}

impl TimeSource for StopAt {
    fn wait(&mut self, at: Time) -> bool {
        self.status.moment(at);
        at >= self.at.get()
    }
}

/// How a paper run is made.
#[derive(Clone, Copy, Debug)]
pub struct PaperOptions {
    /// Time is judged so long after it was.
    pub lag: TimeDelta,
    /// Bars that may be missing between what is stored and the start; where more are, it waits until signals are filled anew.
    pub max_gap_bars: i64,
    /// Averages take backfilled bars of before the first quote.
    pub warm_bars: bool,
}

/// What is known of the market before the run begins.
#[derive(Default)]
struct Known {
    rows: Vec<(Role, Row)>,
    quoted: [bool; 2],
    predicted: [bool; 2],
}

impl Known {
    /// Both venues are quoted on both sides, and have announced their rates. `seen`: so many rows were looked at before.
    fn is_enough(&mut self, seen: usize) -> bool {
        for (role, row) in &self.rows[seen..] {
            match row {
                Row::Quote(row) => self.quoted[role.ix()] = row.bbo.mid_or_none().is_quoted(),
                Row::Funding(row) => self.predicted[role.ix()] |= row.kind == FundingKind::Predicted,
                _ => {}
            }
        }
        self.quoted == [true; 2] && self.predicted == [true; 2]
    }
}

/// Up to where time may be judged: not past a settlement whose rate is still to be published.
fn horizon(tape: &GrowingTape, rates: &[Option<FundingRow>; 2], end: Time, now: Time) -> Time {
    Role::BOTH.into_iter().zip(rates).fold(end, |end, (role, rate)| {
        let settled = tape.settled(role);
        let known = settled.map_or(Time::MIN, |row| row.ts.plus(i64::from(row.interval_hours) * HOUR / 2));
        let due = match (rate, settled) {
            (Some(rate), _) if rate.ts > known => Some(rate.ts),
            (_, Some(row)) => Some(row.ts.plus(i64::from(row.interval_hours) * HOUR)),
            _ => None,
        };
        match due {
            Some(due) if due < end && due >= tape.start() && now.since(due) < SETTLEMENT => end.min(due),
            _ => end,
        }
    })
}

/// The market of a run that has begun.
struct Begun {
    tape: GrowingTape,
    engine: SignalEngine,
    /// By role: the newest prediction, which names the next settlement.
    rates: [Option<FundingRow>; 2],
    /// The newest tile.
    last: (Tile, TileSignals),
    /// Received, and still to be added.
    rows: Vec<(Role, Row)>,
}

impl Begun {
    fn new(mut tape: GrowingTape, engine: SignalEngine) -> Result<Begun, TapeError> {
        let empty = tape.cut(tape.start())?;
        Ok(Begun { tape, engine, rates: [None, None], last: (empty, TileSignals::default()), rows: Vec::new() })
    }

    /// Adds what was received, and cuts off what is older than the lag; false: nothing is.
    fn look(&mut self, market: &mut dyn Market, lag: TimeDelta) -> Result<bool, LiveError> {
        market.receive(NAP, &mut self.rows)?;
        for (role, row) in std::mem::take(&mut self.rows) {
            self.add(role, row)?;
        }
        let now = market.now();
        let end = horizon(&self.tape, &self.rates, now.plus(-lag), now);
        if end <= self.tape.start() {
            return Ok(false);
        }
        let tile = self.tape.cut(end)?;
        let signals = self.engine.tile(&tile);
        self.last = (tile, signals);
        Ok(true)
    }

    fn add(&mut self, role: Role, row: Row) -> Result<(), TapeError> {
        if let Row::Funding(row @ FundingRow { kind: FundingKind::Predicted, .. }) = &row {
            self.rates[role.ix()] = Some(*row);
        }
        match row {
            Row::Quote(row) => self.tape.quote(role, row)?,
            Row::Trade(print) => self.tape.trade(role, print)?,
            Row::Depth(row) => self.tape.depth(role, &row)?,
            Row::Marks(row) => self.tape.marks(role, row)?,
            Row::Funding(row) => self.tape.funding(role, row),
            // stored apart: no replay reads it
            Row::GapTrade(_) => {}
        }
        Ok(())
    }
}

/// Trades the winner until it is asked to stop, printing each transition to `out`; signals are warm as far as the options' store
/// goes back. `None`: it was asked to before the market was known.
///
/// # Errors
/// Bad input; a store that cannot be read; a recorder that ends; books that do not agree at the end.
pub fn run(
    options: &Options,
    paper: PaperOptions,
    market: &mut dyn Market,
    out: &mut (dyn Write + Send),
) -> Result<Option<StretchReport>, LiveError> {
    let strategy = StrategyFile::read(&options.config, options.store.as_deref())?;
    trade((options, paper), &strategy, market, out)
}

/// What is received until both venues are known; `None`: it was asked to stop before.
fn known(market: &mut dyn Market) -> Result<Option<Vec<(Role, Row)>>, LiveError> {
    let mut known = Known::default();
    loop {
        let seen = known.rows.len();
        market.receive(NAP, &mut known.rows)?;
        if market.is_stopping() {
            return Ok(None);
        }
        if known.is_enough(seen) {
            return Ok(Some(known.rows));
        }
    }
}

/// The tape of a start at `now`: its signals are warm by what is stored, or, where the stored rows end too long ago, it begins when
/// their windows have been filled anew.
fn opened(strategy: &StrategyFile, now: Time, paper: PaperOptions) -> Result<Opened, LiveError> {
    let config = &strategy.config;
    let (warmup, bar, max_gap_bars) = (warmup(config), config.strategy.bar_length, paper.max_gap_bars);
    let starting = |from: Time| {
        let range = DataRange { warm_from: from.plus(-warmup), from, to: from.plus(AHEAD), ..strategy.data.clone() };
        let spec = TapeSpec { cache: None, ..range.tape_spec(config) };
        Ok::<_, TapeError>((GrowingTape::open(spec)?, range))
    };
    let (tape, range) = starting(now)?;
    let has_a_hole = tape.newest_quote().is_some_and(|newest| now.since(newest) > bar.times(max_gap_bars));
    let is_warming = |(tape, range)| Opened { tape, range, warm: Vec::new() };
    if has_a_hole {
        return Ok(is_warming(starting(now.plus(warmup))?));
    }
    if !paper.warm_bars {
        return Ok(Opened { tape, range, warm: Vec::new() });
    }
    let spec = tape.spec();
    let mut warm = warm_bars::read(config, &spec.store, (&spec.venues, &spec.symbol), now)?;
    // bars that end long before the first quote are of no use
    warm.retain(|warm| {
        let first = tape.first_quote(warm.role).unwrap_or(now);
        first.since(warm.bars.end) <= warm.bar_length.times(max_gap_bars)
    });
    let is_whole = warm.len() == warm_bars::wanted(config).len();
    if !is_whole && tape.newest_quote().is_none() {
        return Ok(is_warming(starting(now.plus(warmup))?));
    }
    Ok(Opened { tape, range, warm })
}

/// Where a run begins.
struct Opened {
    tape: GrowingTape,
    range: DataRange,
    /// What averages have of before the first quote.
    warm: Vec<Warm>,
}

/// The configuration on a tape that grows.
struct Binding<'a> {
    config: &'a Config,
    outages: Arc<[OutageTable; 2]>,
    signals: SignalSet,
}

impl Binding<'_> {
    /// With the capital that the first prices decide.
    fn bind(&mut self, first_mids: Mids) -> Bound {
        let world = (self.config.world.clone().into(), self.outages.clone());
        Bound::new(self.config, world, (FundingKinds { predicted: true }, first_mids), &mut self.signals)
    }
}

/// As [`run`], of a strategy file that was read.
pub(super) fn trade(
    (options, paper): (&Options, PaperOptions),
    strategy: &StrategyFile,
    market: &mut dyn Market,
    out: &mut (dyn Write + Send),
) -> Result<Option<StretchReport>, LiveError> {
    let Some(rows) = known(market)? else { return Ok(None) };
    market.is_known()?;
    let config = &strategy.config;
    let Opened { tape, range, warm } = opened(strategy, market.now(), paper)?;
    let (from, venues) = (range.from, tape.spec().venues.clone());
    if from > market.now() && !options.quiet {
        let _ = writeln!(
            out,
            "warming   too much is missing between what is stored and now: nothing is traded before {}",
            from.to_second()
        );
    }
    let outages = order_outages(&config.world, (range.warm_from, range.to));
    let mut binding = Binding { config, outages, signals: SignalSet::default() };
    binding.bind(Mids::default());
    let mut engine = SignalEngine::new(binding.signals.keys(), from);
    let mut warmed = Vec::new();
    for Warm { role, bar_length, bars, text } in warm {
        engine.warm(role, bar_length, bars.closes);
        warmed.push(text);
    }
    let mut begun = Begun::new(tape, engine)?;
    for (role, row) in rows {
        begun.add(role, row)?;
    }
    let mut tiles = Vec::new();
    while begun.tape.start() <= from {
        if begun.look(market, paper.lag)? && begun.tape.start() > from {
            tiles.push(begun.last.clone());
        }
        if market.is_stopping() {
            return Ok(None);
        }
    }
    let mut mids = Mids::default();
    first_mids_of(&begun.last.0, from, &mut mids);
    let bound = binding.bind(mids);
    let job = bound.job((from, range.to));
    let status = Status::open_ended(options.quiet, from);
    if !options.quiet {
        strategy.print_verdict(out);
    }
    let out: Option<&mut (dyn Write + Send)> = if options.quiet { None } else { Some(out) };
    let mut recorder = ConsoleRecorder::new(out, status.clone(), venues, job.initial().into());
    recorder.begin_open("paper", from, job.initial());
    let mut run = Run { job: &job, state: RunState::new(Composite::default(), &job), recorder: &mut recorder };
    let stopped = run.go_on((&mut begun, tiles), market, (paper.lag, &status))?;
    status.finish();
    let mut report = run.finish(strategy, &begun, stopped.1.unwrap_or(begun.tape.start()))?;
    report.again = Some(format!(
        "perpx-live --config {} --mode mock --store {} --from {from} --to {} --stop-at {} --other-data{}",
        options.config.display(),
        strategy.data.store,
        begun.tape.start(),
        stopped.0,
        if warmed.is_empty() { "" } else { " --warm-bars" }
    ));
    report.stretch =
        Some(Stretch { from, to: begun.tape.start(), stop_at: Some(stopped.0), warm_bars: !warmed.is_empty() });
    report.warm_bars = warmed;
    report.stop_at = stopped.1.map(|_| stopped.0.to_string());
    Ok(Some(report))
}

/// The trader at its simulated venues.
struct Run<'a, 'o> {
    job: &'a Job<'a, Composite>,
    state: RunState<Composite>,
    recorder: &'a mut ConsoleRecorder<'o>,
}

impl Run<'_, '_> {
    /// Until everything is closed after a stop: when it was asked for, and where the run ended; `None`: not everything was closed.
    fn go_on(
        &mut self,
        (begun, tiles): (&mut Begun, Vec<(Tile, TileSignals)>),
        market: &mut dyn Market,
        (lag, status): (TimeDelta, &Status),
    ) -> Result<(Time, Option<Time>), LiveError> {
        let stop_at = Rc::new(Cell::new(Time::MAX));
        let mut driver = Paced::new(StopAt { at: stop_at.clone(), status: status.clone() });
        for (tile, signals) in &tiles {
            self.state.run_tile(&mut driver, self.job, tile, signals, self.recorder);
        }
        drop(tiles);
        while driver.stopped_at.is_none() {
            let start = begun.tape.start();
            if market.is_stopping() && stop_at.get() == Time::MAX {
                stop_at.set(start);
            }
            if stop_at.get() != Time::MAX && start.since(stop_at.get()) > CLOSING {
                break;
            }
            if begun.look(market, lag)? {
                let (tile, signals) = &begun.last;
                self.state.run_tile(&mut driver, self.job, tile, signals, self.recorder);
            }
        }
        Ok((stop_at.get(), driver.stopped_at))
    }

    fn finish(mut self, strategy: &StrategyFile, begun: &Begun, end: Time) -> Result<StretchReport, LiveError> {
        let (tile, signals) = &begun.last;
        let result = finish("paper", &mut self.state, (self.job, end), (tile, signals), self.recorder)?;
        let span = (self.job.from, end);
        let report = StretchReport::new("paper", strategy, span, (&result, &self.recorder.record), &self.state);
        Ok(StretchReport { late_rows: begun.tape.late(), ..report })
    }
}
