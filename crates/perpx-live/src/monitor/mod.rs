//! Those who watch a run: a page, metrics, alerts and a log, on a thread of their own. The thread that decides tells them what is and
//! waits for none of them; what they do wrong is said and never ends a run.
//!
//! | file | noun |
//! | --- | --- |
//! | `snapshot` | a run at a moment, for people and machines |
//! | `shared` | what both sides hold: the newest snapshot, notices, signs of life |
//! | `observer` | the side of the thread that decides |
//! | `picture`, `orders` | parts of a snapshot |
//! | `watcher` | the task that hears notices: log, alerts |

pub mod observer;
mod orders;
pub mod picture;
pub mod shared;
pub mod snapshot;
mod watcher;

use crate::LiveError;
use crate::live_file::LiveFile;
use crate::log_lines::LogLines;
use crate::panel;
use crate::service::Manager;
use observer::Observer;
use perpx_venues::secret::ENV_FILE;
use perpx_venues::wall;
use shared::{Notice, Shared};
use snapshot::{Identity, Level, Phase, Snapshot};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use watcher::Watcher;

/// The last messages may take so long.
const FAREWELL: Duration = Duration::from_secs(10);

/// All of them, as long as the process lives.
pub struct Monitor {
    shared: Arc<Shared>,
    runtime: Runtime,
    watcher: JoinHandle<()>,
    end: oneshot::Sender<()>,
    /// Where the page is; `None`: it could not be bound.
    pub at: Option<SocketAddr>,
}

impl Monitor {
    /// Begins to watch a run that is kept in `folder`; what the thread that decides talks to.
    ///
    /// # Errors
    /// The system gives no thread.
    pub fn start(
        folder: &Path,
        identity: Identity,
        file: &LiveFile,
        is_logged: bool,
    ) -> Result<(Monitor, Observer), LiveError> {
        let threads = Builder::new_multi_thread().worker_threads(1).enable_all().thread_name("monitor").build();
        let runtime = threads.map_err(LiveError::Threads)?;
        let (shared, notices) = Shared::new(identity);
        let within = runtime.enter();
        let channels = (file.alerts.as_slice(), file.heartbeat.as_deref());
        let log = LogLines::new(folder, is_logged);
        let watcher = Watcher::new((shared.clone(), notices), (folder, log), channels, Path::new(ENV_FILE));
        let (end, asked) = oneshot::channel();
        let watcher = tokio::spawn(watcher.watch(asked));
        drop(within);
        let notice = |rule, subject: &str, level, words| {
            let (subject, wall) = (subject.to_owned(), wall::now());
            shared.say(Notice { rule, subject, level, words, wall, at: wall });
        };
        notice("start", "run", Level::Info, "the run begins".to_owned());
        let opened = runtime.block_on(panel::open(shared.clone(), folder, &file.panel));
        let at = match opened {
            Ok((listener, served, at)) => {
                runtime.spawn(panel::serve(listener, served));
                Some(at)
            }
            Err(why) => {
                notice("panel", "page", Level::Warning, format!("the page is not served: {why}"));
                eprintln!("warning: the page is not served: {why}");
                None
            }
        };
        Ok((Monitor { shared: shared.clone(), runtime, watcher, end, at }, Observer::new(shared)))
    }

    /// Says how it ended, and ends all of them.
    pub fn end(self, level: Level, why: &str) {
        let last = self.shared.snapshot();
        let at = last.as_ref().map_or(wall::now(), |snapshot| snapshot.at);
        if let Some(last) = last {
            let shut_by = vec!["the run has ended".to_owned()];
            self.shared.publish(Snapshot { phase: Phase::Ended, shut_by, ..(*last).clone() });
        }
        // what a venue answered may be private: it stays on the terminal
        let why = why.split("; the message begins").next().unwrap_or_default();
        let words = format!("the run has ended: {why}");
        let (subject, wall) = ("run".to_owned(), wall::now());
        self.shared.say(Notice { rule: "stop", subject, level, words, wall, at });
        if let Some(manager) = Manager::of_environment() {
            manager.say("STOPPING=1");
        }
        // it has ended already: nothing is left to be said
        let _ = self.end.send(());
        let _ = self.runtime.block_on(async { timeout(FAREWELL, self.watcher).await });
        self.runtime.shutdown_background();
    }
}
