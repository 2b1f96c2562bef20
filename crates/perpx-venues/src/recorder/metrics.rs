//! How the recorder is: counted where it happens, shown on its line, and for Prometheus under `/metrics`.

use super::wall_state::Offset;
use crate::record::{FeedNews, Row};
use crate::venue::Venue;
use axum::Router;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::get;
use perpx_core::units::{SECOND, Time, TimeDelta};
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};
use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};

/// Names and values of a metric's labels.
type Labels = Vec<(&'static str, &'static str)>;

/// Notes that wait to be printed; older ones go.
const MOST_NOTES: usize = 1_000;
/// A venue from which nothing came for so long is not healthy.
const SILENT_SEC: i64 = 30;

/// What is counted of one venue, for the line.
#[derive(Debug, Default)]
pub struct VenueHealth {
    /// Frames that were taken.
    pub frames: AtomicU64,
    /// Rows that were seen in them.
    pub rows: AtomicU64,
    /// Gaps that began.
    pub gaps: AtomicU64,
    /// Bytes of raw files.
    pub bytes: AtomicU64,
    /// Of the wall, when the newest frame came.
    pub newest: AtomicI64,
    /// The socket is open and the market was heard on it.
    pub is_live: AtomicBool,
    /// Frames were lost on the way to the disk: the socket is to be opened anew.
    pub is_torn: AtomicBool,
    /// Blocks of frames that the disk did not take.
    pub lost: AtomicU64,
    /// The last hour whose file is whole.
    pub closed: AtomicI64,
    /// The least delay of a quote since the clocks were looked at the last time, ns.
    pub least_delay: AtomicI64,
}

/// What is counted.
pub struct Health {
    venues: [VenueHealth; Venue::ALL.len()],
    notes: Mutex<VecDeque<String>>,
    registry: Registry,
    up: Family<Labels, Gauge>,
    frames: Family<Labels, Counter>,
    rows: Family<Labels, Counter>,
    gaps: Family<Labels, Counter>,
    reconnects: Family<Labels, Counter>,
    resyncs: Family<Labels, Counter>,
    unreadable: Family<Labels, Counter>,
    failed_reads: Family<Labels, Counter>,
    lost: Family<Labels, Counter>,
    bytes: Family<Labels, Counter>,
    lag: Family<Labels, Gauge<f64, AtomicU64>>,
    age: Family<Labels, Gauge<f64, AtomicU64>>,
    delay: Family<Labels, Histogram>,
    least_delay: Family<Labels, Gauge<f64, AtomicU64>>,
    offset: Family<Labels, Gauge<f64, AtomicU64>>,
    bound: Family<Labels, Gauge<f64, AtomicU64>>,
    synchronised: Gauge,
    steps: Counter,
    /// Frames that wait for the disk.
    pub queue: Gauge,
    /// Free bytes.
    pub disk: Gauge,
}

impl Default for Health {
    fn default() -> Health {
        let seconds = || Histogram::new([0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0]);
        let mut health = Health {
            venues: Default::default(),
            notes: Mutex::default(),
            registry: Registry::with_prefix("perpx"),
            up: Family::default(),
            frames: Family::default(),
            rows: Family::default(),
            gaps: Family::default(),
            reconnects: Family::default(),
            resyncs: Family::default(),
            unreadable: Family::default(),
            failed_reads: Family::default(),
            lost: Family::default(),
            bytes: Family::default(),
            lag: Family::default(),
            age: Family::default(),
            delay: Family::new_with_constructor(seconds),
            least_delay: Family::default(),
            offset: Family::default(),
            bound: Family::default(),
            synchronised: Gauge::default(),
            steps: Counter::default(),
            queue: Gauge::default(),
            disk: Gauge::default(),
        };
        health.venues.iter().for_each(|venue| venue.least_delay.store(i64::MAX, Relaxed));
        health.register();
        health
    }
}

fn of(venue: Venue) -> Labels {
    vec![("venue", venue.name())]
}

impl Health {
    fn register(&mut self) {
        let r = &mut self.registry;
        r.register("up", "1 while the venue's stream is live", self.up.clone());
        r.register("frames", "Frames received", self.frames.clone());
        r.register("rows", "Rows that the frames hold, by table", self.rows.clone());
        r.register("gaps", "Gaps that began, by table", self.gaps.clone());
        r.register("reconnects", "Streams that ended and were opened again", self.reconnects.clone());
        r.register("resyncs", "Channels that are whole again after a gap", self.resyncs.clone());
        r.register("unreadable", "Texts that could not be read", self.unreadable.clone());
        r.register("failed_reads", "Requests over REST without an answer that can be used", self.failed_reads.clone());
        r.register("recorder_lost", "Blocks that the disk did not take", self.lost.clone());
        r.register_with_unit("recorder", "Bytes of raw files", Unit::Bytes, self.bytes.clone());
        let lag = "From the arrival of a block's first frame until the block is written";
        r.register_with_unit("recorder_lag", lag, Unit::Seconds, self.lag.clone());
        r.register_with_unit("feed_age", "Since the newest frame", Unit::Seconds, self.age.clone());
        r.register_with_unit("feed_delay", "From the venue's time of a row to ours", Unit::Seconds, self.delay.clone());
        let least = "The least of the last minute: the venue's clock is at most so far behind ours";
        r.register_with_unit("feed_delay_least", least, Unit::Seconds, self.least_delay.clone());
        let offset = "The venue's clock less ours, where it tells its time: the best of eight questions";
        r.register_with_unit("clock_offset", offset, Unit::Seconds, self.offset.clone());
        r.register_with_unit("clock_offset_bound", "How wrong that may be", Unit::Seconds, self.bound.clone());
        r.register("clock_synchronised", "1 while a time service keeps the machine's clock", self.synchronised.clone());
        r.register("clock_steps", "How often the machine's clock was set", self.steps.clone());
        r.register("queue_depth", "Frames that wait for the disk", self.queue.clone());
        r.register_with_unit("disk_free", "Free on the disk of the recording", Unit::Bytes, self.disk.clone());
    }

    /// Of one venue.
    pub fn venue(&self, venue: Venue) -> &VenueHealth {
        &self.venues[venue as usize]
    }

    /// Something to print.
    pub fn note(&self, text: String) {
        let mut notes = self.notes.lock().unwrap_or_else(PoisonError::into_inner);
        if notes.len() >= MOST_NOTES {
            notes.pop_front();
        }
        notes.push_back(text);
    }

    /// What is to be printed since the last time.
    pub fn notes(&self) -> Vec<String> {
        self.notes.lock().unwrap_or_else(PoisonError::into_inner).drain(..).collect()
    }

    /// A frame is in the queue.
    pub fn frame(&self, venue: Venue, at: Time) {
        self.frames.get_or_create(&of(venue)).inc();
        self.venue(venue).frames.fetch_add(1, Relaxed);
        self.venue(venue).newest.store(at.0, Relaxed);
    }

    /// What a feed made of it. True: the market was heard.
    pub fn news(&self, venue: Venue, news: &FeedNews) -> bool {
        let labels = |table| vec![("venue", venue.name()), ("table", table)];
        match news {
            FeedNews::Row(_, row) => {
                let (table, clocks) = match row {
                    Row::Quote(row) => ("quotes", Some((row.recv, row.exch))),
                    Row::Depth(_) => ("depth", None),
                    Row::Trade(trade) => ("trades", Some((trade.row.recv, trade.row.exch))),
                    Row::GapTrade(_) => ("trades_gap", None),
                    Row::Marks(_) => ("marks", None),
                    Row::Funding(_) => ("funding", None),
                };
                self.rows.get_or_create(&labels(table)).inc();
                self.venue(venue).rows.fetch_add(1, Relaxed);
                if let Some((recv, exch)) = clocks {
                    let delay = recv.since(exch).as_f64(SECOND);
                    self.delay.get_or_create(&of(venue)).observe(delay);
                    self.venue(venue).least_delay.fetch_min(recv.since(exch).0, Relaxed);
                }
                return matches!(row, Row::Quote(_));
            }
            FeedNews::Gap { table, .. } => {
                self.gaps.get_or_create(&labels(table.name())).inc();
                self.venue(venue).gaps.fetch_add(1, Relaxed);
            }
            FeedNews::Whole { .. } => {
                self.resyncs.get_or_create(&of(venue)).inc();
            }
            FeedNews::Unreadable(_) => {
                self.unreadable.get_or_create(&of(venue)).inc();
            }
            FeedNews::Recovered(_) | FeedNews::Ask(_) | FeedNews::Fetch(_) | FeedNews::Reconnect { .. } => {}
        }
        false
    }

    /// The market is heard on an open socket, or no more.
    pub fn live(&self, venue: Venue, is_live: bool) {
        self.up.get_or_create(&of(venue)).set(is_live.into());
        if self.venue(venue).is_live.swap(is_live, Relaxed) && !is_live {
            self.reconnects.get_or_create(&of(venue)).inc();
        }
    }

    /// A read over REST failed.
    pub fn failed_read(&self, venue: Venue) {
        self.failed_reads.get_or_create(&of(venue)).inc();
    }

    /// The machine's clock was set.
    pub fn clock_step(&self) {
        self.steps.inc();
    }

    /// Whether a time service keeps the machine's clock.
    pub fn synchronised(&self, is_synchronised: bool) {
        self.synchronised.set(is_synchronised.into());
    }

    /// How far a venue's clock is from ours.
    pub fn clock_offset(&self, venue: Venue, offset: Offset) {
        self.offset.get_or_create(&of(venue)).set(TimeDelta(offset.offset_ns).as_f64(SECOND));
        self.bound.get_or_create(&of(venue)).set(TimeDelta(offset.bound_ns).as_f64(SECOND));
    }

    /// The least delay since the last time that this was asked; `None` without a quote.
    pub fn take_least_delay(&self, venue: Venue) -> Option<TimeDelta> {
        let least = self.venue(venue).least_delay.swap(i64::MAX, Relaxed);
        let least = (least < i64::MAX).then_some(TimeDelta(least))?;
        self.least_delay.get_or_create(&of(venue)).set(least.as_f64(SECOND));
        Some(least)
    }

    /// A block is in its file, so long after its first frame came.
    pub fn written(&self, venue: Venue, bytes: u64, lag: TimeDelta) {
        self.lag.get_or_create(&of(venue)).set(lag.as_f64(SECOND));
        self.bytes.get_or_create(&of(venue)).inc_by(bytes);
        self.venue(venue).bytes.fetch_add(bytes, Relaxed);
    }

    /// The disk did not take a block.
    pub fn failed(&self, venue: Venue, error: &io::Error) {
        self.lost.get_or_create(&of(venue)).inc();
        self.venue(venue).lost.fetch_add(1, Relaxed);
        // said once, and again after a resync
        if !self.venue(venue).is_torn.swap(true, Relaxed) {
            self.note(format!("{}: the disk took no frames: {error}", venue.name()));
        }
    }

    /// The file of an hour is whole.
    pub fn closed(&self, venue: Venue, hour: i64) {
        self.venue(venue).closed.store(hour, Relaxed);
    }

    /// As Prometheus reads it.
    pub fn text(&self, now: Time) -> String {
        for venue in Venue::ALL {
            if let newest @ 1.. = self.venue(venue).newest.load(Relaxed) {
                let age = now.since(Time(newest)).max(TimeDelta::ZERO).as_f64(SECOND);
                self.age.get_or_create(&of(venue)).set(age);
            }
        }
        let mut text = String::new();
        // a String takes everything
        let _ = encode(&mut text, &self.registry);
        text
    }

    /// Venues of which nothing is heard.
    fn silent(&self, now: Time) -> Vec<&'static str> {
        let silent = |venue: &Venue| match self.venue(*venue).newest.load(Relaxed) {
            0 => false,
            newest => !self.venue(*venue).is_live.load(Relaxed) || now.since(Time(newest)) > SILENT_SEC * SECOND,
        };
        Venue::ALL.into_iter().filter(silent).map(Venue::name).collect()
    }
}

/// Serves `/metrics` and `/health` until the runtime ends.
///
/// # Errors
/// A port that is taken.
pub async fn serve(at: SocketAddr, health: Arc<Health>) -> io::Result<()> {
    let listener = tokio::net::TcpListener::bind(at).await?;
    let shown = health.clone();
    let metrics = move || async move {
        let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
        ([(header::CONTENT_TYPE, kind)], shown.text(crate::wall::now()))
    };
    let healthy = move || async move {
        match health.silent(crate::wall::now()).as_slice() {
            [] => (StatusCode::OK, "ok\n".to_owned()).into_response(),
            silent => {
                (StatusCode::SERVICE_UNAVAILABLE, format!("nothing from {}\n", silent.join(", "))).into_response()
            }
        }
    };
    let router = Router::new().route("/metrics", get(metrics)).route("/health", get(healthy));
    tokio::spawn(async move {
        // it ends with the runtime
        let _ = axum::serve(listener, router).await;
    });
    Ok(())
}
