//! `perpx-data record`: its options, its lines, its end.

use super::compaction::compact;
use super::config::{RecordConfig, RecordedVenue, symbols};
use super::folder;
use super::progress::Watch;
use super::session::Session;
use crate::net::args::NetworkArgs;
use crate::venue::Venue;
use perpx_core::config::text::ConfigError;
use perpx_data::text;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};

/// How often it is looked what happened.
const BEAT: Duration = Duration::from_millis(100);

/// Options of `perpx-data record`.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "Ctrl-C or SIGTERM ends it: what there is is compacted into OUT/store.\n\
                        Example: perpx-data record record.toml\n         \
                        perpx-data record --venue lighter --symbol BTC --out live/rec")]
pub struct RecordArgs {
    /// What is recorded, and where it goes (TOML)
    #[arg(conflicts_with_all = ["venue", "symbols", "out", "network", "host", "ca_file"])]
    pub config: Option<PathBuf>,
    /// In its place: lighter, grvt
    #[arg(long, value_name = "NAME", value_parser = Venue::parse, requires = "symbols", requires = "out")]
    pub venue: Option<Venue>,
    /// A base coin; may be given again
    #[arg(long = "symbol", value_name = "NAME", id = "symbols")]
    pub symbols: Vec<String>,
    /// The recording's folder
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Where it is.
    #[command(flatten)]
    pub at: NetworkArgs,
    /// Serve /metrics and /health there
    #[arg(long, value_name = "HOST:PORT")]
    pub metrics: Option<SocketAddr>,
    /// At the end, what became of it as one line of JSON
    #[arg(long)]
    pub json: bool,
}

impl RecordArgs {
    /// Records until it is asked to stop; returns the exit code.
    pub fn run(&self) -> u8 {
        let config = match self.config() {
            Ok(config) => config,
            Err(error) => return text::fail(&error, self.json, 2),
        };
        match Session::begin(&config, self.metrics) {
            Ok(session) => record(&config, session, self.json),
            Err(error) => text::fail(&error, self.json, error.exit_code()),
        }
    }

    fn config(&self) -> Result<RecordConfig, ConfigError> {
        let known = self.at.known.as_deref();
        if let Some(path) = &self.config {
            return RecordConfig::read(path, known);
        }
        let bad = |option: &str, found: String| ConfigError::new("the command line", option, found);
        // the parser of the options has asked for both
        let (Some(venue), Some(out)) = (self.venue, self.out.clone()) else {
            let error = bad("--venue", "nothing says what is to be recorded".to_owned());
            return Err(error
                .accepted("a file, or --venue, --symbol and --out")
                .remedy("docs/recording.md shows a file"));
        };
        let names: Vec<&str> = self.symbols.iter().map(String::as_str).collect();
        let symbols = symbols(&names).ok_or_else(|| {
            bad("--symbol", format!("found {}", names.join(", "))).accepted("base coins, such as BTC, each once")
        })?;
        let network = self.at.network()?;
        let mut config = RecordConfig::new(out);
        config.ca_file = self.at.ca_file.clone();
        config.venues.push(RecordedVenue { venue, symbols, network });
        Ok(config)
    }
}

/// Raises `stop` at the first SIGINT or SIGTERM; the second one ends the process, which loses nothing that is on the disk.
fn heed_signals(session: &Session, stop: &Arc<AtomicBool>) {
    let stop = stop.clone();
    session.runtime().spawn(async move {
        let (Ok(mut interrupt), Ok(mut terminate)) = (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
        else {
            return;
        };
        loop {
            let code = tokio::select! {
                _ = interrupt.recv() => 130,
                _ = terminate.recv() => 143,
            };
            if stop.swap(true, Relaxed) {
                std::process::exit(code);
            }
        }
    });
}

fn record(config: &RecordConfig, session: Session, json: bool) -> u8 {
    let stop = Arc::new(AtomicBool::new(false));
    heed_signals(&session, &stop);
    let names: Vec<String> =
        config.venues.iter().map(|v| format!("{} {}", v.venue.name(), v.symbols.join(","))).collect();
    text::print(&format!("recording {} into {}; Ctrl-C ends", names.join("; "), config.out.display()), 0);
    let mut watch = Watch::new(config);
    while !stop.load(Relaxed) {
        std::thread::sleep(BEAT);
        watch.look(&session);
    }
    watch.end(&session);
    let _lock = session.end();
    finish(&config.out, json)
}

/// `perpx-data compact`: rows of the raw frames that a recording holds; returns the exit code.
pub fn compact_run(run: &Path, json: bool) -> u8 {
    if !run.join("raw").is_dir() {
        let text = format!("{}: no recording is there; accepted: the folder `out` of a recorder", run.display());
        return text::fail(&text, json, 2);
    }
    match folder::lock(run) {
        Ok(_lock) => finish(run, json),
        Err(error) => text::fail(&format!("{error}; a running recorder compacts by itself"), json, 2),
    }
}

/// Compacts what there is.
fn finish(run: &Path, json: bool) -> u8 {
    let (raw, store, run_at) = (run.join("raw"), run.join("store"), run.display());
    match compact(run, None) {
        Ok(done) if json => {
            let all = serde_json::json!({ "exit": 0, "store": store.display().to_string(), "compacted": done });
            text::print(&all.to_string(), 0)
        }
        Ok(done) => text::print(&format!("{done}; see `perpx-data check {}`", store.display()), 0),
        Err(why) => {
            let kept = format!("the raw frames under {} are kept: perpx-data compact {run_at}", raw.display());
            text::fail(&format!("{why}\n{kept}"), json, 1)
        }
    }
}
