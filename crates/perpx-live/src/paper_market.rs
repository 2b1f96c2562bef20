//! The market of a paper run: a recorder in this process, whose rows are traded on as soon as they are made, and stored.

use super::live_file::{LiveFile, Network as Where};
use super::paper::{self, Market, PaperOptions};
use super::run_folder::RunFolder;
use super::strategy_file::StrategyFile;
use super::stretch::StretchReport;
use super::{LiveError, Options};
use crossbeam_channel::{Receiver, RecvTimeoutError, unbounded};
use perpx_core::market::Role;
use perpx_core::units::Time;
use perpx_venues::net::hosts::{Address, Network};
use perpx_venues::record::feed::Row;
use perpx_venues::recorder::compaction::compact;
use perpx_venues::recorder::config::{RecordConfig, RecordedVenue};
use perpx_venues::recorder::folder;
use perpx_venues::recorder::progress::Watch;
use perpx_venues::recorder::session::Session;
use perpx_venues::recorder::venue::Received;
use perpx_venues::venue::Venue;
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
    let run = RunFolder::open(&options.config, args.run.as_deref(), args.attach.as_deref())?;
    let own = Options { config: run.best.clone(), store: Some(run.path.join("store")), ..options.clone() };
    let strategy = StrategyFile::read(&own.config, own.store.as_deref())?;
    let venues = venues(&own.config, &strategy)?;
    let config = record_config(&run.path, &run.file, args, &strategy, venues)?;
    {
        // what a process before left as frames becomes rows first: signals are warm by them
        let _lock = folder::lock(&run.path)?;
        compact(&run.path, None)?;
    }
    let (made, rows) = unbounded();
    let session = Session::begin_with(&config, None, Some(made))?;
    if !options.quiet {
        let _ = writeln!(out, "paper     {}; Ctrl-C closes everything and ends", run.path.display());
    }
    let watch = Watch::silent(&config);
    let mut market = LiveMarket { session: &session, watch, rows, venues, stop: options.stop.clone() };
    let traded = paper::trade((&own, PaperOptions { lag: run.file.lag }), &strategy, &mut market, out);
    let LiveMarket { watch, .. } = market;
    watch.end(&session);
    let _lock = session.end();
    compact(&run.path, None)?;
    traded?.ok_or(LiveError::Unknown)
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
        Where::Emulated(host) => Network::Custom(Address::read(host, args.ca_file.is_some(), None)?),
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

    fn is_stopping(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }
}
