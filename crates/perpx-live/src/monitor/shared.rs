//! What the thread that decides and those who watch have in common. Nothing here makes it wait.

use super::snapshot::{Identity, Level, Snapshot, Trouble};
use crate::alerts::channel::Delivery;
use crate::control::ears::Heard;
use crate::control::snapshot::Snapshot as InForce;
use crate::panel::metrics::Metrics;
use perpx_core::units::Time;
use serde::Serialize;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, watch};

/// Notices that the page shows.
const SHOWN: usize = 50;
/// The thread that decides looks at everything more often than this, or it hangs.
const ALIVE: Duration = Duration::from_secs(2);

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Notice {
    /// Of the wall, ns since 1970.
    pub wall: Time,
    /// Of the market.
    pub at: Time,
    /// Which rule says it.
    pub rule: &'static str,
    /// Whose it is: a venue, the run.
    pub subject: String,
    /// How grave it is.
    pub level: Level,
    /// In words.
    pub words: String,
}

/// What goes wrong now, as those who watch know it.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Alarm {
    /// Since when, of the wall, and what; the gravest first.
    pub standing: Vec<(Time, Trouble)>,
    /// How each channel of alerts does.
    pub channels: Vec<Delivery>,
}

/// The operator's side of a session: what is in force, and where verbs are said.
pub struct Control {
    /// Made anew each second.
    pub shown: Arc<Mutex<InForce>>,
    /// Verbs.
    pub says: Sender<Heard>,
}

/// Held by all.
pub struct Shared {
    /// Who runs.
    pub identity: Identity,
    /// What is counted.
    pub metrics: Metrics,
    snapshot: watch::Sender<Option<Arc<Snapshot>>>,
    notices: mpsc::UnboundedSender<Notice>,
    newest: Mutex<VecDeque<Notice>>,
    alarm: Mutex<Alarm>,
    /// What an operator says and is shown, once there is somebody who hears it.
    control: OnceLock<Control>,
    begun: Instant,
    /// Milliseconds from `begun` to the newest sign of life; 0: none yet.
    beat: AtomicU64,
}

impl Shared {
    /// With what is to be made of each notice.
    pub fn new(identity: Identity) -> (Arc<Shared>, mpsc::UnboundedReceiver<Notice>) {
        let (notices, received) = mpsc::unbounded_channel();
        let metrics = Metrics::new(&identity);
        let (snapshot, newest, begun) = (watch::channel(None).0, Mutex::default(), Instant::now());
        let (alarm, control, beat) = (Mutex::default(), OnceLock::new(), AtomicU64::new(0));
        let shared = Shared { identity, metrics, snapshot, notices, newest, alarm, control, begun, beat };
        (Arc::new(shared), received)
    }

    /// The thread that decides lives.
    pub fn beat(&self) {
        let now = u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.beat.store(now.max(1), Relaxed);
    }

    /// How long ago it gave a sign of life; `None`: never yet.
    pub fn last_beat(&self) -> Option<Duration> {
        let beat = self.beat.load(Relaxed);
        (beat > 0).then(|| self.begun.elapsed().saturating_sub(Duration::from_millis(beat)))
    }

    /// It lives.
    pub fn is_alive(&self) -> bool {
        self.last_beat().is_some_and(|ago| ago < ALIVE)
    }

    /// Some snapshot was made.
    pub fn has_snapshot(&self) -> bool {
        self.snapshot.borrow().is_some()
    }

    /// The newest one.
    pub fn snapshot(&self) -> Option<Arc<Snapshot>> {
        self.snapshot.borrow().clone()
    }

    /// Tells of each new one.
    pub fn snapshots(&self) -> watch::Receiver<Option<Arc<Snapshot>>> {
        self.snapshot.subscribe()
    }

    /// A new one.
    pub fn publish(&self, snapshot: Snapshot) {
        self.snapshot.send_replace(Some(Arc::new(snapshot)));
    }

    /// Something happened.
    pub fn say(&self, notice: Notice) {
        let mut newest = self.newest.lock().unwrap_or_else(PoisonError::into_inner);
        newest.truncate(SHOWN - 1);
        newest.push_front(notice.clone());
        drop(newest);
        // those who would hear it have ended with the process
        let _ = self.notices.send(notice);
    }

    /// The newest notices, the newest first.
    pub fn notices(&self) -> Vec<Notice> {
        self.newest.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }

    /// From now on verbs are heard.
    pub fn set_control(&self, control: Control) {
        // a session has one
        let _ = self.control.set(control);
    }

    /// Where verbs are said; `None`: nobody hears them.
    pub fn control(&self) -> Option<&Control> {
        self.control.get()
    }

    /// What goes wrong now.
    pub fn alarm(&self) -> Alarm {
        self.alarm.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What goes wrong from now on.
    pub fn set_alarm(&self, alarm: Alarm) {
        *self.alarm.lock().unwrap_or_else(PoisonError::into_inner) = alarm;
    }

    /// Why nothing may be opened now; empty: it may.
    pub fn shut_by(&self) -> Vec<String> {
        match self.snapshot() {
            _ if !self.is_alive() => vec!["the engine gives no sign of life".to_owned()],
            Some(snapshot) => snapshot.shut_by.clone(),
            None => vec!["the run is starting".to_owned()],
        }
    }
}
