//! The live runner: the winner of a sweep moved through time as it comes.
//!
//! The loop is [`Paced`], `scan`'s order of moments with a clock before each: market rows in ([tick]), events in ([answer]),
//! timers, and commands out. It works on the same [`RunState`] as every other driver, so strategy, desk and belief see rows
//! and events and nothing else, and a run over a tape must end with the sweep's ledger, byte for byte. There is no second
//! engine. In `--mode mock` the rows are the tape's and the two venues are `sim::SimVenue`s.
//!
//! What a real venue puts in the place of the simulated ones is the pass's side of the port (`market::port`):
//! `next_answer(limit)`, the next event at or before a moment, and `submit(command)`; and of the tape's tile one that grows
//! with each row received. The pace is then the wall clock itself.
//!
//! A stop (Ctrl-C) is what a halt is: the trader closes everything by urgent orders over the venues, and the run ends when it
//! is idle. From the stop on a mock run waits for nothing.
//!
//! | file | noun |
//! | --- | --- |
//! | `args` | the command line |
//! | `strategy_file` | a best.yml with its provenance |
//! | `clock`, `status` | wall time; the status line |
//! | `engine_time` | the time that a run at venues goes by, which nobody sets |
//! | `console` | each transition, as it happens |
//! | `session`, `transport`, `tile_builder` | two venues over sockets: decisions, tasks that hold sockets, rows to tiles |
//! | `attached` | the same at a running emulator, with keys, a run folder and a journal |
//! | `limits` | what may leave at most, whatever the strategy wants |
//! | `rules_watch` | what the venues take and charge, read again while a run goes on |
//! | `venue_clocks` | how far the venues' clocks are from ours |
//! | `control` | what an operator says: verbs, signals, files, live.toml read again, `perpx-live ctl` |
//! | `live_file`, `run_folder` | live.toml; the folder that a run keeps |
//! | `stretch` | any stretch of any store, with simulated venues |
//! | `paper`, `paper_market` | the same, over rows as they are received; the recorder that they come from |
//! | `paper_record` | what a paper run came to, for whoever promotes its winner |
//! | `journal` | what a run knew and wanted, on disk before it leaves |
//! | `monitor` | those who watch, and what they are told |
//! | `panel`, `alerts`, `log_lines` | what is served to them, sent to them, and kept for them |
//! | `service` | what a service manager is told |
//! | `panel_file` | what live.toml says of all of these |
//! | `recovery` | what an earlier process of a run left, out of its journal |
//! | `warm_bars` | backfilled bars for averages of before the first quote |
//! | `arm` | what may trade, as its owner said |
//! | `probe` | what no document settles, asked of a venue |
//! | `preflight` | everything that a run with money would meet, looked at beforehand |
//! | `diverge` | why a run is not its replay |
//! | `report` | what the run came to, beside what the sweep came to |
//!
//! [tick]: perpx_core::port::Moment::Tick
//! [answer]: perpx_core::port::Moment::Answer

#![warn(missing_docs)]

mod account_lock;
mod alerts;
pub mod args;
mod arm;
pub mod attached;
mod clock;
mod closing;
mod console;
pub mod control;
pub mod diverge;
pub mod emulated;
mod engine_time;
mod error;
mod gate;
pub mod journal;
pub mod limits;
mod live_file;
mod log_lines;
mod monitor;
mod panel;
mod panel_file;
pub mod paper;
pub mod paper_market;
mod paper_record;
mod preflight;
mod probe;
mod reconcile;
mod recovery;
mod report;
mod rules_watch;
mod run_folder;
mod salvage;
mod service;
mod session;
mod status;
mod strategy_file;
pub mod stretch;
mod tile_builder;
mod transport;
mod venue_clocks;
mod warm_bars;

pub use clock::Speed;
pub use error::LiveError;
pub use report::{Report, RunReport};

use clock::Clock;
use console::ConsoleRecorder;
use perpx_core::market::Role;
use perpx_core::replay::{Job, Paced, RunResult, RunState};
use perpx_core::signals::{SignalSet, TileSignals};
use perpx_core::tape::Tile;
use perpx_core::trader::Composite;
use perpx_core::units::Time;
use perpx_data::backtest::{Binder, RUNS, Reader, SymbolData};
use status::Status;
use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use strategy_file::StrategyFile;

/// What a run is asked to do, in either mode.
#[derive(Clone, Debug)]
pub struct Options {
    /// The best.yml.
    pub config: PathBuf,
    /// In place of the store that it names.
    pub store: Option<PathBuf>,
    /// How fast the tape runs.
    pub speed: Speed,
    /// Prints no transitions.
    pub quiet: bool,
    /// Names the code that runs, as a sweep names the code that swept.
    pub code: &'static str,
    /// Set from outside: close everything and end.
    pub stop: Arc<AtomicBool>,
}

/// Runs the winner's in-sample part, then the held-out one, printing each transition to `out`.
///
/// # Errors
/// Bad input, before anything runs; books that do not agree at the end.
pub fn run(options: &Options, out: &mut (dyn Write + Send)) -> Result<Report, LiveError> {
    let (strategy, data) = opened(options)?;
    let feed = &data.feeds[0];
    let mut signals = SignalSet::default();
    let bound = Binder::new(&data).bind(&strategy.config, 0, 0, &mut signals);
    let mut reader = Reader::new(&feed.tape, &signals, data.from);
    let mut report = Report::new(&strategy, options.code);
    if !options.quiet {
        strategy.print_verdict(out);
    }
    let mut ahead = reader.next()?;
    for (number, name) in RUNS.into_iter().enumerate() {
        let Some(span) = strategy.spans.run(number) else { break };
        let job = bound.job(span);
        let status = Status::new(options.quiet, span);
        let venues = feed.tape.spec().venues.clone();
        let out: Option<&mut (dyn Write + Send)> = if options.quiet { None } else { Some(&mut *out) };
        let mut recorder = ConsoleRecorder::new(out, status.clone(), venues, job.initial().into());
        recorder.begin(name, span, job.initial());
        let mut driver = Paced::new(Clock::new(options.speed, options.stop.clone(), status.clone()));
        let mut state = RunState::new(Composite::default(), &job);
        while let Some((tile, signals)) = &ahead {
            state.run_tile(&mut driver, &job, tile, signals, &mut recorder);
            let end = driver.stopped_at.unwrap_or(span.1);
            if tile.end >= end {
                let result = finish(name, &mut state, (&job, end), (tile, signals), &mut recorder)?;
                let held = Role::BOTH.map(|role| state.belief().qty(role));
                report.add(number, (span.0, end), &result, &recorder.record, held);
                break;
            }
            ahead = reader.next()?;
        }
        status.finish();
        if driver.is_stopping() {
            report.stop(driver.stopped_at);
            break;
        }
    }
    Ok(report)
}

/// Ends a run, and sees that belief and venues agree.
fn finish(
    name: &'static str,
    state: &mut RunState<Composite>,
    (job, end): (&Job<'_, Composite>, Time),
    (tile, signals): (&Tile, &TileSignals),
    recorder: &mut ConsoleRecorder<'_>,
) -> Result<RunResult, LiveError> {
    let result = state.finish(&Job { to: end, ..*job }, tile, signals, recorder);
    match result.books_agree && result.late_arrivals == 0 {
        true => Ok(result),
        false => Err(LiveError::Books { run: name }),
    }
}

/// The winner and the data that it won on.
fn opened(options: &Options) -> Result<(StrategyFile, SymbolData), LiveError> {
    let strategy = StrategyFile::read(&options.config, options.store.as_deref())?;
    let data = SymbolData::single(&strategy.config, &strategy.data)?;
    let now = data.feeds[0].fingerprint();
    if now != strategy.feed {
        return Err(LiveError::OtherData { store: strategy.data.store.into(), was: strategy.feed, now });
    }
    Ok((strategy, data))
}

/// A span as it is printed.
fn span_text((from, to): (Time, Time)) -> String {
    format!("{} to {}", from.to_second(), to.to_second())
}
