//! `perpx-live diverge RUN`: why a run is not its replay. A chain of replays of the same time from the same state, each with one
//! ingredient less of the run's own, until the last one is the sweep's; what each step costs is a part, and the parts add up.
//!
//! | file | noun |
//! | --- | --- |
//! | `episode` | what a journal tells of a run, so that it can be made again |
//! | `rows` | what the trader saw |
//! | `latency` | how long messages took |
//! | `port` | venues that answer as the journal has it, or as simulated ones do |
//! | `replay` | one replay |
//! | `chain` | all of them, and the parts |
//! | `align` | two lists side by side |
//! | `summary` | what is told of it |
//! | `page`, `picture` | divergence.html |

mod align;
// their names say what the fields are
#[allow(missing_docs)]
pub mod chain;
#[allow(missing_docs)]
pub mod episode;
mod latency;
mod page;
mod picture;
mod port;
mod replay;
mod rows;
#[allow(missing_docs)]
pub mod summary;

use crate::LiveError;
use crate::run_folder::RunFolder;
use crate::strategy_file::StrategyFile;
use chain::{Chain, Inputs, chain};
use clap::Args;
use episode::{Episode, episodes};
use perpx_core::config::{Config, ConfigError};
use perpx_core::ledger::Mids;
use perpx_core::market::Role;
use perpx_core::signals::SignalSet;
use perpx_core::strategy::FundingKinds;
use perpx_core::units::{Cash, DAY, Time};
use perpx_data::atomic::write_atomic;
use perpx_data::backtest::{Bound, DataRange, order_outages};
use perpx_data::loader::{OnBadRows, Tape, TapeSpec};
use perpx_data::text;
use perpx_venues::record::raw_file::raw_hours;
use perpx_venues::recorder::compaction::compact;
use perpx_venues::recorder::folder;
use perpx_venues::venue::Venue;
use rows::SeenTape;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use summary::Summary;

/// Say why a run is not its replay
#[derive(Args, Clone, Debug)]
#[command(after_help = "Writes divergence.html and divergence.json into the folder, and with --day\n\
                  a line of days.csv. The run may go on meanwhile.\n\
                  Example: perpx-live diverge live/quickstart-86855380-emulated\n\
                  Exit codes: 0 every part is explained, 1 something is not, 2 bad input")]
pub struct DivergeArgs {
    /// The folder of the run
    #[arg(value_name = "RUN")]
    pub run: PathBuf,
    /// Of this day alone (UTC), such as 2026-01-05
    #[arg(long, value_name = "DAY", value_parser = day)]
    pub day: Option<Time>,
    /// Print divergence.json too
    #[arg(long)]
    pub json: bool,
}

fn day(text: &str) -> Result<Time, String> {
    let day = text.parse::<Time>().ok().filter(|time| time.floor_to(DAY) == *time);
    day.ok_or_else(|| "accepted: a day, such as 2026-01-05".to_owned())
}

impl DivergeArgs {
    /// Makes the chain and writes both files; returns the exit code.
    pub fn run(&self) -> u8 {
        match diverge(&self.run, self.day) {
            Ok(summary) => {
                let code = summary.exit_code();
                let text = if self.json { summary.json().to_string() } else { summary.to_string() };
                text::print(&text, code)
            }
            Err(error) => text::fail(&error, self.json, error.exit_code()),
        }
    }
}

/// The chain of a run, or of a day of it.
///
/// # Errors
/// A folder that is none of a run, a damaged journal, rows that cannot be read, files that cannot be written.
pub fn diverge(run: &Path, day: Option<Time>) -> Result<Summary, LiveError> {
    diverge_with(run, day, &mut |_, _| {})
}

/// As [`diverge`], its inputs changed before it: for those who ask where a change shows.
///
/// # Errors
/// As there.
pub fn diverge_with(
    run: &Path,
    day: Option<Time>,
    change: &mut dyn FnMut(&mut Config, &mut Episode),
) -> Result<Summary, LiveError> {
    let folder = RunFolder::existing(run)?;
    let store = folder.path.join("store");
    let mut strategy = StrategyFile::read(&folder.best, Some(&store))?;
    let venues = venues(&folder, &strategy)?;
    make_rows(&folder.path, venues)?;
    let span = day.map_or((Time::MIN, Time::MAX), |day| (day, day.plus(DAY)));
    let of_run = episodes(&folder.path.join("journal"), span)?;
    if of_run.is_empty() {
        return Err(nothing(&folder, day));
    }
    let tape = SeenTape::new(&folder.path, venues, &strategy.data.symbol);
    let mut chains = Vec::new();
    for mut episode in of_run {
        change(&mut strategy.config, &mut episode);
        let chain = made(&strategy, &tape, &episode)?;
        chains.push((episode, chain));
    }
    let summary = Summary::new(run, &strategy, day, chains);
    let written = |name: &str, bytes: Vec<u8>| {
        let path = folder.path.join(name);
        let failed = |error: std::io::Error| LiveError::Folder {
            path: path.clone(),
            what: "cannot be written",
            error: error.to_string(),
        };
        write_atomic(&path, bytes).map_err(failed)
    };
    written("divergence.json", format!("{:#}\n", summary.json()).into_bytes())?;
    written("divergence.html", page::page(&summary).into_bytes())?;
    if let Some(day) = day {
        let old = std::fs::read_to_string(folder.path.join("days.csv")).unwrap_or_default();
        written("days.csv", summary::with_day(&old, day, &summary).into_bytes())?;
    }
    Ok(summary)
}

fn nothing(folder: &RunFolder, day: Option<Time>) -> LiveError {
    let journal = folder.path.join("journal").display().to_string();
    let when = day.map_or(String::new(), |day| format!(" on {}", day.date()));
    let error = ConfigError::new(&journal, "", format!("no trading is written there{when}"));
    let error = error.accepted("the folder of a run that traded at venues of another process (--attach)");
    error.remedy("`perpx-live journal RUN` shows what is there").into()
}

/// By role.
fn venues(folder: &RunFolder, strategy: &StrategyFile) -> Result<[Venue; 2], LiveError> {
    let named = |role: Role| {
        let name = &strategy.config.account.venues[role.ix()].name;
        Venue::named(name).ok_or_else(|| LiveError::NoEmulator { config: folder.best.clone(), found: name.clone() })
    };
    Ok([named(Role::Long)?, named(Role::Short)?])
}

/// What was recorded becomes rows of the store; of a run that goes on all but its newest hour.
fn make_rows(run: &Path, venues: [Venue; 2]) -> Result<(), LiveError> {
    let lock = folder::lock(run).ok();
    let newest = venues.into_iter().filter_map(|venue| raw_hours(run, venue).ok()?.last().copied()).max();
    compact(run, if lock.is_some() { None } else { newest })?;
    Ok(())
}

/// Where this program would have commanded something else than a run did since `from`, in words; `None`: nowhere. It looks from the newest
/// state not after `from` at which nothing was under way.
///
/// # Errors
/// A damaged journal, a state of another layout, rows that cannot be read.
pub fn decides_otherwise(folder: &RunFolder, strategy: &StrategyFile, from: Time) -> Result<Option<String>, LiveError> {
    let venues = venues(folder, strategy)?;
    let tape = SeenTape::new(&folder.path, venues, &strategy.data.symbol);
    for episode in episodes(&folder.path.join("journal"), (from, Time::MAX))? {
        let bound = bound(strategy, &episode);
        let inputs = Inputs { episode: &episode, bound: &bound, tape: &tape, stored: Err(String::new()) };
        if let Some(fork) = inputs.decision()? {
            return Ok(Some(fork.words(&venues.map(|venue| venue.name().to_owned()))));
        }
    }
    Ok(None)
}

/// The chain of one episode.
fn made(strategy: &StrategyFile, tape: &SeenTape, episode: &Episode) -> Result<Chain, LiveError> {
    let (config, from, to) = (&strategy.config, episode.begin(), episode.end);
    let range = DataRange { warm_from: from, from, to, on_bad_rows: OnBadRows::Drop, ..strategy.data.clone() };
    let stored = Tape::open(TapeSpec { cache: None, ..range.tape_spec(config) });
    let stored = stored.as_ref().map_err(ToString::to_string);
    chain(&Inputs { episode, bound: &bound(strategy, episode), tape, stored })
}

/// The configuration over the time of an episode, with the capital that the run began with.
fn bound(strategy: &StrategyFile, episode: &Episode) -> Bound {
    let config = &strategy.config;
    let mut signals = SignalSet::default();
    let (world, kinds) = (Arc::new(config.world.clone()), FundingKinds { predicted: true });
    let outages = order_outages(&config.world, (episode.begin(), episode.end));
    let mut bound = Bound::new(config, (world, outages), (kinds, Mids::default()), &mut signals);
    bound.capital = episode.saved.beside.capital;
    bound.plan.capital = bound.capital.into_iter().sum::<Cash>().into();
    bound
}
