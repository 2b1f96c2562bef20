//! A recorder at work.

use super::clock::{EngineClock, Reading};
use super::config::{RecordConfig, RecordedVenue};
use super::folder::{self, FolderError, Lock};
use super::metrics::{self, Health};
use super::venue::{Received, VenueTask};
use super::writer::{self, QUEUE};
use crate::listing::{find, listed, markets_call};
use crate::net::hosts::HostError;
use crate::net::reach::{Reach, ReachError};
use crate::record::{FeedConfig, PublicFeed, RawFrame, public_feed};
use crate::wall::MarketClock;
use crossbeam_channel::Sender;
use perpx_core::units::Time;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::watch;

const THREADS: usize = 2;
/// How long tasks may take to end.
const FAREWELL: Duration = Duration::from_secs(2);

/// Why nothing is recorded.
#[derive(Debug, thiserror::Error)]
// the texts say what the fields are
#[allow(missing_docs)]
pub enum RecordError {
    #[error("{0}")]
    Folder(#[from] FolderError),
    #[error("{0}")]
    Reach(#[from] ReachError),
    #[error(
        "{at}: no metrics can be served there: {source}; accepted: a free port of this machine, such as 127.0.0.1:9184"
    )]
    Metrics { at: SocketAddr, source: io::Error },
    #[error(
        "{path}: holds frames up to {newest}, and the market that is played stands at {now}; accepted: a folder whose recording ends \
         before; to do: name a new folder"
    )]
    Earlier { path: PathBuf, newest: Time, now: Time },
    #[error("no threads: {0}")]
    Threads(io::Error),
    #[error("{0}")]
    Symbol(String),
}

impl RecordError {
    /// 2 bad input, 1 anything else.
    pub fn exit_code(&self) -> u8 {
        if matches!(self, RecordError::Threads(_) | RecordError::Reach(ReachError::Lane(_))) { 1 } else { 2 }
    }
}

impl From<HostError> for RecordError {
    fn from(error: HostError) -> RecordError {
        ReachError::from(error).into()
    }
}

/// Tasks, threads and the folder of a recorder.
pub struct Session {
    /// What is counted.
    pub health: Arc<Health>,
    runtime: Runtime,
    stop: watch::Sender<bool>,
    depth: watch::Sender<bool>,
    tasks: Vec<tokio::task::JoinHandle<()>>,
    writer: JoinHandle<()>,
    waiting: crossbeam_channel::Receiver<Arc<RawFrame>>,
    clock: Arc<Mutex<EngineClock>>,
    lock: Lock,
}

impl Session {
    /// Begins to record.
    ///
    /// # Errors
    /// A folder that another recorder has or that cannot be written, hosts that cannot be used, a coin that a venue does not list, a
    /// port that is taken.
    pub fn begin(config: &RecordConfig, metrics_at: Option<SocketAddr>) -> Result<Session, RecordError> {
        Session::begin_with(config, metrics_at, None)
    }

    /// As [`Session::begin`]; each row is sent to `rows` as well, as soon as it is made.
    ///
    /// # Errors
    /// As [`Session::begin`].
    pub fn begin_with(
        config: &RecordConfig,
        metrics_at: Option<SocketAddr>,
        rows: Option<Sender<Received>>,
    ) -> Result<Session, RecordError> {
        let runtime = Builder::new_multi_thread().worker_threads(THREADS).enable_all().build();
        let runtime = runtime.map_err(RecordError::Threads)?;
        let ways = runtime.block_on(reached(config))?;
        let played = ways.iter().find_map(Reach::clock);
        let lock = folder::lock(&config.out)?;
        let health = Arc::new(Health::default());
        if let Some(at) = metrics_at {
            let served = runtime.block_on(metrics::serve(at, health.clone()));
            served.map_err(|source| RecordError::Metrics { at, source })?;
        }
        let ((stop, stopped), (depth, depths)) = (watch::channel(false), watch::channel(true));
        let (queue, frames) = crossbeam_channel::bounded(QUEUE);
        let (mut feeds, mut newest) = (Vec::new(), None);
        for recorded in &config.venues {
            let (feed, last) = feed(config, recorded, played);
            newest = newest.max(last);
            feeds.push(feed);
        }
        let mut clock = match played {
            Some(market) => EngineClock::of_market(Reading::now(), market),
            None => EngineClock::new(Reading::now(), newest),
        };
        let now = clock.at(Reading::now()).0;
        if let Some(newest) = newest.filter(|newest| *newest > now) {
            return Err(RecordError::Earlier { path: config.out.clone(), newest, now });
        }
        let clock = Arc::new(Mutex::new(clock));
        let mut tasks = Vec::new();
        for (feed, reach) in feeds.into_iter().zip(ways) {
            let task = VenueTask {
                venue: reach.venue,
                feed,
                hosts: reach.hosts,
                dialer: reach.dialer,
                clock: clock.clone(),
                queue: queue.clone(),
                health: health.clone(),
                stop: stopped.clone(),
                depth: depths.clone(),
                run: config.out.clone(),
                rows: rows.clone(),
            };
            tasks.push(runtime.spawn(task.run()));
        }
        let (run, counted, waiting) = (config.out.clone(), health.clone(), frames.clone());
        let writer = std::thread::Builder::new().name("recorder".to_owned());
        let writer = writer.spawn(move || writer::write(run, frames, counted)).map_err(RecordError::Threads)?;
        Ok(Session { health, runtime, stop, depth, tasks, writer, waiting, clock, lock })
    }

    /// Frames that wait for the disk.
    pub fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// The recorder's own time.
    pub fn now(&self) -> Time {
        self.clock.lock().unwrap_or_else(std::sync::PoisonError::into_inner).at(Reading::now()).0
    }

    /// Keeps depth, or keeps it no more: the disk is short.
    pub fn keep_depth(&self, is_kept: bool) {
        // tasks that have ended hear nothing
        let _ = self.depth.send(is_kept);
    }

    /// For tasks beside those of the venues.
    pub fn runtime(&self) -> &Runtime {
        &self.runtime
    }

    /// Closes the sockets and waits until everything is on the disk. The folder stays taken as long as the lock is held.
    pub fn end(self) -> Lock {
        // tasks that have ended hear nothing
        let _ = self.stop.send(true);
        self.runtime.block_on(async {
            for task in self.tasks {
                let _ = tokio::time::timeout(FAREWELL, task).await;
            }
        });
        // with the tasks go their ends of the queue, and then the writer ends
        self.runtime.shutdown_timeout(FAREWELL);
        let _ = self.writer.join();
        self.lock
    }
}

/// How each venue is reached.
async fn reached(config: &RecordConfig) -> Result<Vec<Reach>, RecordError> {
    let mut ways = Vec::new();
    for recorded in &config.venues {
        let reach =
            Reach::find(recorded.venue, &recorded.network, config.ca_file.as_deref(), config.proxy.clone()).await?;
        all_listed(&reach, &recorded.symbols).await?;
        ways.push(reach);
    }
    Ok(ways)
}

/// Coins that the venue lists can be recorded. A venue that says nothing now may say it later: it is no reason not to begin.
async fn all_listed(reach: &Reach, symbols: &[String]) -> Result<(), RecordError> {
    let request = markets_call(reach.venue).request();
    let Ok(answer) = reach.lane()?.send(&request).await else { return Ok(()) };
    let Some(markets) = listed(reach.venue, &answer.body).ok().filter(|_| answer.status == 200) else { return Ok(()) };
    if markets.is_empty() {
        return Ok(());
    }
    symbols.iter().try_for_each(|symbol| find(reach.venue, symbol, &markets).map(drop)).map_err(RecordError::Symbol)
}

/// A venue's feed, moved to where the recording ends; the time of its last frame.
fn feed(
    config: &RecordConfig,
    recorded: &RecordedVenue,
    clock: Option<MarketClock>,
) -> (Box<dyn PublicFeed>, Option<Time>) {
    let anew = || {
        let symbols: Vec<&str> = recorded.symbols.iter().map(String::as_str).collect();
        let of = FeedConfig { depth_levels: config.depth_levels, clock, ..FeedConfig::new(&symbols) };
        public_feed(recorded.venue, of)
    };
    folder::resume(&config.out, recorded.venue, anew(), anew)
}
