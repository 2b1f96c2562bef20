//! A stretch of market data that the sweep did not have: what a run over it came to, and the same trader over it once more from
//! a store.

use super::clock::Clock;
use super::console::ConsoleRecorder;
use super::report::RunReport;
use super::status::Status;
use super::strategy_file::StrategyFile;
use super::{LiveError, Options, finish, span_text, warm_bars};
use perpx_core::config::Config;
use perpx_core::market::{Event, EventBody, OrderId, Role};
use perpx_core::replay::{Paced, RunResult, RunState};
use perpx_core::signals::{self, SignalSet};
use perpx_core::stats::FullRecord;
use perpx_core::strategy::{FundingKinds, Plan, STATES};
use perpx_core::trader::Composite;
use perpx_core::units::{Time, TimeDelta};
use perpx_data::backtest::{Binder, DataRange, Reader, SymbolData};
use perpx_data::text;
use serde::Serialize;
use std::collections::BTreeSet;
use std::fmt;
use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// Which part of a store is replayed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stretch {
    /// The trader acts from here on; signals are warm where the store begins early enough.
    pub from: Time,
    /// Exclusive.
    pub to: Time,
    /// From here on everything is closed, and the run ends.
    pub stop_at: Option<Time>,
    /// Averages take backfilled bars of before the first quote.
    pub warm_bars: bool,
}

/// What a run over a stretch came to.
#[derive(Clone, Debug, Serialize)]
pub struct StretchReport {
    /// `mock` or `paper`.
    pub mode: &'static str,
    /// The id of the configuration that ran.
    pub configuration: String,
    /// Its figures, and the hash of its ledger.
    #[serde(flatten)]
    pub run: RunReport,
    /// States that were reached.
    pub states: Vec<&'static str>,
    /// Where everything was closed because the run was asked to stop, UTC; none when the data ended first.
    pub stop_at: Option<String>,
    /// Orders that were filled in more than one part.
    pub orders_in_parts: usize,
    /// Rows that came after their time was judged.
    pub late_rows: u64,
    /// Averages that backfilled bars warmed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warm_bars: Vec<String>,
    /// Why what is stored is not what was judged, beside late rows.
    pub not_stored: Vec<String>,
    /// Makes the same run from what was recorded.
    pub again: Option<String>,
    /// What of the store that run is over.
    #[serde(skip)]
    pub stretch: Option<Stretch>,
    /// Ctrl-C ended it before its end.
    pub stopped: bool,
}

impl StretchReport {
    pub(super) fn new(
        mode: &'static str,
        strategy: &StrategyFile,
        span: (Time, Time),
        (result, record): (&RunResult, &FullRecord),
        state: &RunState<Composite>,
    ) -> StretchReport {
        let states: BTreeSet<u8> = record.transitions.iter().map(|row| row.transition.to).chain([0]).collect();
        let held = Role::BOTH.map(|role| state.belief().qty(role));
        StretchReport {
            mode,
            configuration: strategy.ids[0].clone(),
            run: RunReport::new(mode, span, (result, record), held),
            states: states.iter().filter_map(|&state| STATES.get(usize::from(state))).map(|state| state.name).collect(),
            stop_at: None,
            orders_in_parts: in_parts(record),
            late_rows: 0,
            warm_bars: Vec::new(),
            not_stored: Vec::new(),
            again: None,
            stretch: None,
            stopped: false,
        }
    }

    /// 0 the run was made, 1 what is stored is not what was judged, 130 stopped before its end.
    pub fn exit_code(&self) -> u8 {
        match (self.stopped, self.late_rows == 0 && self.not_stored.is_empty()) {
            (true, _) => 130,
            (false, true) => 0,
            (false, false) => 1,
        }
    }
}

/// Orders with more than one fill.
fn in_parts(record: &FullRecord) -> usize {
    let fill = |event: &Event| match event.body {
        EventBody::Fill { id, .. } => Some(id),
        _ => None,
    };
    let mut fills: Vec<OrderId> = record.entries.iter().filter_map(|entry| fill(&entry.event)).collect();
    fills.sort_unstable();
    fills.chunk_by(|a, b| a == b).filter(|of_one| of_one.len() > 1).count()
}

impl fmt::Display for StretchReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:<9} {} to {}", self.mode, self.run.from, self.run.to)?;
        writeln!(f, "          {}; states {}", self.run.figures(), self.states.join(" "))?;
        for text in &self.warm_bars {
            writeln!(f, "warm      {text}")?;
        }
        if let Some(at) = &self.stop_at {
            writeln!(f, "stopped   at {at}: everything is closed from there on")?;
        }
        write!(f, "ledger    {}", self.run.ledger)?;
        if self.late_rows > 0 {
            let late = text::counted(self.late_rows, "row");
            write!(f, "\nfailed    {late} came later than paper.lag_ms: what was judged is not what was stored")?;
        }
        for why in &self.not_stored {
            write!(f, "\nfailed    {why}: what was judged is not what was stored")?;
        }
        let Some(command) = &self.again else { return Ok(()) };
        let must = if self.exit_code() == 1 { "cannot be relied on to end" } else { "must end" };
        write!(f, "\nagain     {command}\n          {must} with the same ledger")
    }
}

/// The signals of a configuration.
pub(super) fn signals_of(config: &Config) -> SignalSet {
    let mut signals = SignalSet::default();
    Plan::bind(config, Arc::new(config.world.clone()), FundingKinds::default(), &mut signals);
    signals
}

/// How much data before its start a configuration's signals need.
pub(super) fn warmup(config: &Config) -> TimeDelta {
    signals::warmup(signals_of(config).keys())
}

/// Runs the winner over a stretch of any store, with simulated venues.
///
/// # Errors
/// Bad input, before anything runs; books that do not agree at the end.
pub fn run(options: &Options, stretch: Stretch, out: &mut (dyn Write + Send)) -> Result<StretchReport, LiveError> {
    let strategy = StrategyFile::read(&options.config, options.store.as_deref())?;
    let Stretch { from, to, stop_at, warm_bars } = stretch;
    if from >= to {
        let accepted = "a time before that of --to".to_owned();
        return Err(LiveError::Range { name: "from", found: from.to_string(), accepted });
    }
    let warm_from = from.plus(-warmup(&strategy.config));
    // a trader on the wire never hears of trades of its gaps
    let data = DataRange { warm_from, from, to, gap_trades: false, ..strategy.data.clone() };
    let data = SymbolData::single(&strategy.config, &data)?;
    let feed = &data.feeds[0];
    let mut signals = SignalSet::default();
    let bound = Binder::new(&data).bind(&strategy.config, 0, 0, &mut signals);
    let job = bound.job((from, to));
    let mut reader = Reader::new(&feed.tape, &signals, from);
    let mut warmed = Vec::new();
    if warm_bars {
        let spec = feed.tape.spec();
        for warm in warm_bars::read(&strategy.config, &spec.store, (&spec.venues, &spec.symbol), from)? {
            reader.warm(warm.role, warm.bar_length, warm.bars.closes);
            warmed.push(warm.text);
        }
    }
    if !options.quiet {
        strategy.print_verdict(out);
    }
    let status = Status::new(options.quiet, (from, to));
    let out: Option<&mut (dyn Write + Send)> = if options.quiet { None } else { Some(out) };
    let venues = feed.tape.spec().venues.clone();
    let mut recorder = ConsoleRecorder::new(out, status.clone(), venues, job.initial().into());
    recorder.begin("mock", (from, to), job.initial());
    let clock = Clock::new(options.speed, options.stop.clone(), status.clone());
    let mut driver = Paced::new(clock.stopping_at(stop_at));
    let mut state = RunState::new(Composite::default(), &job);
    let mut is_empty = true;
    while let Some((tile, signals)) = reader.next()? {
        // row 0 is the one before
        is_empty &= tile.local.is_empty() || tile.local.time.last().is_none_or(|last| *last < from.0);
        state.run_tile(&mut driver, &job, &tile, &signals, &mut recorder);
        let end = driver.stopped_at.unwrap_or(to);
        if tile.end < end {
            continue;
        }
        let result = finish("mock", &mut state, (&job, end), (&tile, &signals), &mut recorder);
        status.finish();
        if is_empty {
            let accepted = "a stretch of which the store has rows; `perpx-data info STORE` shows its hours";
            return Err(LiveError::Range { name: "from", found: span_text((from, to)), accepted: accepted.into() });
        }
        let result = result?;
        let report = StretchReport::new("mock", &strategy, (from, end), (&result, &recorder.record), &state);
        let stop_at = driver.stopped_at.and(stop_at).map(|at| at.to_string());
        let stopped = options.stop.load(Ordering::Relaxed);
        return Ok(StretchReport { stop_at, stopped, warm_bars: warmed, ..report });
    }
    Err(LiveError::Range { name: "to", found: span_text((from, to)), accepted: "a time that the store reaches".into() })
}
