//! The market of a paper run: a recorder in this process, whose rows are traded on as soon as they are made, and stored.

use super::live_file::{LiveFile, Network as Where};
use super::paper::{self, Market, PaperOptions};
use super::paper_record::PaperRecord;
use super::run_folder::RunFolder;
use super::strategy_file::StrategyFile;
use super::stretch::{StretchReport, warmup};
use super::transport::find;
use super::{LiveError, Options, warm_bars};
use crossbeam_channel::{Receiver, RecvTimeoutError, unbounded};
use perpx_core::market::Role;
use perpx_core::units::{HOUR, Time};
use perpx_data::{TapeError, text};
use perpx_venues::net::hosts::{Address, Network};
use perpx_venues::record::feed::Row;
use perpx_venues::recorder::adopt::{AdoptError, Adopted, adopt};
use perpx_venues::recorder::compaction::compact;
use perpx_venues::recorder::config::{RecordConfig, RecordedVenue};
use perpx_venues::recorder::folder;
use perpx_venues::recorder::metrics::Health;
use perpx_venues::recorder::progress::Watch;
use perpx_venues::recorder::session::Session;
use perpx_venues::recorder::venue::Received;
use perpx_venues::venue::Venue;
use perpx_venues::wall;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Where a paper run is kept, and where its market is.
#[derive(Clone, Debug, Default)]
pub struct PaperArgs {
    /// The run folder; unsaid, one under `live`.
    pub run: Option<PathBuf>,
    /// The folder of a recorder that ends when this run goes on in its place.
    pub take_over: Option<PathBuf>,
    /// The first port of a running `perpx-data emulate`, for a folder that is made.
    pub attach: Option<String>,
    /// Roots (PEM) for an emulator that speaks TLS.
    pub ca_file: Option<PathBuf>,
}

/// Trades the winner on live quotes until it is asked to stop.
///
/// # Errors
/// Bad input; a folder that is taken; books that do not agree at the end.
pub fn run(options: &Options, args: &PaperArgs, out: &mut (dyn Write + Send)) -> Result<StretchReport, LiveError> {
    let run = RunFolder::open(&options.config, args.run.as_deref(), args.attach.as_deref(), "paper")?;
    let own = Options { config: run.best.clone(), store: Some(run.path.join("store")), ..options.clone() };
    let strategy = StrategyFile::read(&own.config, own.store.as_deref())?;
    let venues = venues(&own.config, &strategy)?;
    let config = record_config(&run.path, &run.file, args, &strategy, venues)?;
    warm(&run, args, (&strategy, &config), &venues)?;
    let (made, rows) = unbounded();
    let session = Session::begin_with(&config, None, Some(made))?;
    if !options.quiet {
        let _ = writeln!(out, "paper     {}; Ctrl-C closes everything and ends", run.path.display());
    }
    let watch = Watch::silent(&config);
    let taken_over = args.take_over.clone();
    let mut market = LiveMarket { session: &session, watch, rows, venues, taken_over, stop: options.stop.clone() };
    let LiveFile { lag, max_gap_bars, warm_bars, .. } = run.file;
    let paper = PaperOptions { lag, max_gap_bars, warm_bars };
    let traded = paper::trade((&own, paper), &strategy, &mut market, out);
    let LiveMarket { watch, .. } = market;
    watch.end(&session);
    let health = session.health.clone();
    let _lock = session.end();
    let stored = compact(&run.path, None);
    let mut report = traded?.ok_or(LiveError::Unknown)?;
    report.not_stored.extend(not_stored(&health, &run.path, stored.err()));
    if let Some(stretch) = report.stretch {
        PaperRecord::keep(&run.path, &report, stretch, options.code)?;
    }
    Ok(report)
}

/// What was recorded before becomes rows of the run's own store: signals are warm by them, and a replay has them.
fn warm(
    run: &RunFolder,
    args: &PaperArgs,
    (strategy, config): (&StrategyFile, &RecordConfig),
    venues: &[Venue; 2],
) -> Result<(), LiveError> {
    let path = &run.path;
    if let Some(taken_over) = &args.take_over {
        let is_same = |a: &Path| a.canonicalize().ok().zip(path.canonicalize().ok()).is_some_and(|(a, b)| a == b);
        if is_same(taken_over) || taken_over.join("live.toml").exists() {
            return Err(LiveError::NoRecorder { path: taken_over.clone() });
        }
    }
    let _lock = folder::lock(path)?;
    let all: Vec<PathBuf> = args.take_over.iter().chain(&run.file.warm_from).cloned().collect();
    let (mut folders, back) = (all.clone(), warmup(&strategy.config));
    if run.file.warm_bars {
        let names = venues.map(|venue| venue.name().to_owned());
        // an hour more: they end before the run begins
        warm_bars::take(&path.join("store"), &all, (&names, &strategy.data.symbol), back + HOUR)?;
        let mut recordings = Vec::new();
        for folder in all {
            if !warm_bars::is_past_alone(&folder)? {
                recordings.push(folder);
            }
        }
        folders = recordings;
    }
    if folders.is_empty() {
        return Ok(());
    }
    if let Some(path) = folders.iter().find(|folder| !folder.is_dir()).cloned() {
        let (symbol, venue) = (strategy.data.symbol.clone(), venues[0].name());
        return Err(AdoptError::Without { path, symbol, venue }.into());
    }
    let of = Adopted { venues, symbol: &strategy.data.symbol, back, now: present(config)? };
    // the hour that a recorder still writes comes last: what happens while rows are made of the others is in it
    for is_whole in [true, false] {
        adopt(path, &folders, &of, is_whole)?;
        compact(path, None)?;
    }
    Ok(())
}

/// The time of the market.
fn present(config: &RecordConfig) -> Result<Time, LiveError> {
    let RecordedVenue { venue, network, .. } = &config.venues[0];
    if !matches!(network, Network::Custom(_)) {
        return Ok(wall::now());
    }
    let reach = find(*venue, network, config.ca_file.as_deref())?;
    Ok(reach.clock().map_or(wall::now(), |clock| clock.market(wall::now())))
}

/// What kept rows that were traded on out of the store.
fn not_stored(health: &Health, run: &Path, failed: Option<TapeError>) -> Vec<String> {
    let lost: u64 = Venue::ALL.iter().map(|venue| health.venue(*venue).lost.load(Ordering::Relaxed)).sum();
    let blocks = (lost > 0).then(|| format!("the disk did not take {} of frames", text::counted(lost, "block")));
    let rows = failed.map(|error| format!("{error}; make room, then `perpx-data compact {}`", run.display()));
    blocks.into_iter().chain(rows).collect()
}

/// By role.
fn venues(config: &Path, strategy: &StrategyFile) -> Result<[Venue; 2], LiveError> {
    let named = |role: Role| {
        let name = &strategy.config.account.venues[role.ix()].name;
        Venue::named(name).ok_or_else(|| LiveError::NoEmulator { config: config.to_path_buf(), found: name.clone() })
    };
    Ok([named(Role::Long)?, named(Role::Short)?])
}

fn record_config(
    run: &Path,
    file: &LiveFile,
    args: &PaperArgs,
    strategy: &StrategyFile,
    venues: [Venue; 2],
) -> Result<RecordConfig, LiveError> {
    let network = match &file.network {
        Where::Mainnet => Network::Mainnet,
        Where::Testnet => Network::Testnet,
        Where::Emulated(host) | Where::Custom(host) => {
            Network::Custom(Address::read(host, args.ca_file.is_some(), None)?)
        }
    };
    let recorded =
        |venue| RecordedVenue { venue, symbols: vec![strategy.data.symbol.clone()], network: network.clone() };
    Ok(RecordConfig {
        venues: venues.map(recorded).to_vec(),
        depth_levels: file.depth_levels,
        raw_days: file.raw_days,
        ca_file: args.ca_file.clone(),
        ..RecordConfig::new(run.to_path_buf())
    })
}

struct LiveMarket<'s> {
    session: &'s Session,
    watch: Watch<'s>,
    rows: Receiver<Received>,
    /// By role.
    venues: [Venue; 2],
    /// Whose recorder ends when both venues are known here.
    taken_over: Option<PathBuf>,
    stop: Arc<AtomicBool>,
}

impl Market for LiveMarket<'_> {
    fn now(&mut self) -> Time {
        self.session.now()
    }

    fn receive(&mut self, patience: Duration, rows: &mut Vec<(Role, Row)>) -> Result<(), LiveError> {
        self.watch.look(self.session);
        let first = match self.rows.recv_timeout(patience) {
            Ok(received) => Some(received),
            Err(RecvTimeoutError::Timeout) => None,
            Err(RecvTimeoutError::Disconnected) => return Err(LiveError::RecorderEnded),
        };
        let role = |venue: Venue| Role::BOTH.into_iter().find(|role| self.venues[role.ix()] == venue);
        let received = first.into_iter().chain(self.rows.try_iter());
        rows.extend(received.filter_map(|received| Some((role(received.venue)?, received.row))));
        Ok(())
    }

    fn is_known(&mut self) -> Result<(), LiveError> {
        let Some(folder) = self.taken_over.take() else { return Ok(()) };
        let asked = folder::ask_to_end(&folder)?.map_or("nobody records there".to_owned(), |number| {
            format!("its recorder, process {number}, was asked to end")
        });
        self.session.health.note(format!("taken over from {}: {asked}", folder.display()));
        Ok(())
    }

    fn is_stopping(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_disk_did_not_take_is_said() {
        let (health, run) = (Health::default(), Path::new("live/a"));
        assert_eq!(not_stored(&health, run, None), [""; 0]);
        health.failed(Venue::Grvt, &std::io::Error::other("full"));
        health.failed(Venue::Lighter, &std::io::Error::other("full"));
        let path = run.join("store");
        let full = TapeError::Io { path, action: "write the file", source: std::io::Error::other("full") };
        let said = not_stored(&health, run, Some(full));
        assert_eq!(said[0], "the disk did not take 2 blocks of frames");
        assert!(
            said[1].contains("full") && said[1].ends_with("make room, then `perpx-data compact live/a`"),
            "{said:?}"
        );
    }
}
