//! What Prometheus reads. Counts and times are taken where they happen, by the thread that decides; levels are those of the newest
//! snapshot, set when somebody asks.

use crate::monitor::snapshot::{Identity, Snapshot};
use perpx_core::strategy::STATES;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Registry, Unit};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// How the text says what it is.
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Names and values of a metric's labels. Values are names of this program or of its venues: there are few of them.
pub type Labels = Vec<(&'static str, String)>;
type Real = Gauge<f64, AtomicU64>;

/// All metrics of a trader.
pub struct Metrics {
    registry: Registry,
    /// By venue and stream: texts that came.
    pub frames: Family<Labels, Counter>,
    /// By venue and stream: opened again.
    pub reconnects: Family<Labels, Counter>,
    /// By venue and kind: commands that left.
    pub commands: Family<Labels, Counter>,
    /// By venue and reason: orders that were refused.
    pub rejects: Family<Labels, Counter>,
    /// By venue: requests whose outcome nobody knows.
    pub unknown: Family<Labels, Counter>,
    /// By key of the limits: commands that were refused before they left.
    pub refusals: Family<Labels, Counter>,
    /// By rule: alerts that were raised.
    pub alerts: Family<Labels, Counter>,
    /// The machine's clock was set.
    pub clock_steps: Counter,
    /// By venue: from its stamp of a quote to ours.
    pub delay: Family<Labels, Histogram>,
    /// By venue: from a command to the answer of its request.
    pub ack: Family<Labels, Histogram>,
    /// By venue: from a command to its first fill.
    pub fill: Family<Labels, Histogram>,
    /// How late timers were looked at.
    pub lateness: Histogram,
    up: Family<Labels, Gauge>,
    state: Gauge,
    may_open: Gauge,
    equity: Real,
    day_loss: Real,
    unexplained: Real,
    position: Family<Labels, Real>,
    exposure: Real,
    liquidation: Family<Labels, Real>,
    age: Family<Labels, Real>,
    offset: Family<Labels, Real>,
    bound: Family<Labels, Real>,
    lane: Real,
    room: Family<Labels, Gauge>,
    doubt: Real,
    difference: Family<Labels, Real>,
    /// Texts that waited at the last look.
    pub queue: Gauge,
    sync: Real,
    unwritten: Counter,
    journal: Counter,
    disk: Gauge,
}

fn seconds() -> Histogram {
    Histogram::new([0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0])
}

impl Metrics {
    /// Of a run that has seen nothing.
    pub fn new(identity: &Identity) -> Metrics {
        let mut metrics = Metrics {
            registry: Registry::with_prefix("perpx"),
            frames: Family::default(),
            reconnects: Family::default(),
            commands: Family::default(),
            rejects: Family::default(),
            unknown: Family::default(),
            refusals: Family::default(),
            alerts: Family::default(),
            clock_steps: Counter::default(),
            delay: Family::new_with_constructor(seconds),
            ack: Family::new_with_constructor(seconds),
            fill: Family::new_with_constructor(seconds),
            lateness: seconds(),
            up: Family::default(),
            state: Gauge::default(),
            may_open: Gauge::default(),
            equity: Real::default(),
            day_loss: Real::default(),
            unexplained: Real::default(),
            position: Family::default(),
            exposure: Real::default(),
            liquidation: Family::default(),
            age: Family::default(),
            offset: Family::default(),
            bound: Family::default(),
            lane: Real::default(),
            room: Family::default(),
            doubt: Real::default(),
            difference: Family::default(),
            queue: Gauge::default(),
            sync: Real::default(),
            unwritten: Counter::default(),
            journal: Counter::default(),
            disk: Gauge::default(),
        };
        let build = [("version", env!("CARGO_PKG_VERSION").to_owned()), ("code", identity.code.clone())];
        metrics.registry.register("build", "The program that runs", Info::new(build.to_vec()));
        let mode = Family::<Labels, Gauge>::default();
        mode.get_or_create(&vec![("kind", identity.mode.to_owned())]).set(1);
        metrics.registry.register("mode", "1 for the mode that the run is in", mode);
        metrics.register_counts();
        metrics.register_levels();
        metrics
    }

    fn register_counts(&mut self) {
        let r = &mut self.registry;
        r.register("frames", "Texts that came over streams", self.frames.clone());
        r.register("reconnects", "Streams that were opened again", self.reconnects.clone());
        r.register("commands", "Commands that left for a venue", self.commands.clone());
        r.register("rejects", "Orders that were refused", self.rejects.clone());
        let unknown = "Requests that placed or cancelled, and of which nobody knows what became";
        r.register("unknown_outcomes", unknown, self.unknown.clone());
        r.register("gate_refusals", "Commands that a limit refused, by its key", self.refusals.clone());
        r.register("alerts", "Alerts that were raised, whether a channel takes them or not", self.alerts.clone());
        r.register("clock_steps", "How often the machine's clock was set", self.clock_steps.clone());
        let delay = "From the venue's stamp of a quote to ours";
        r.register_with_unit("feed_delay", delay, Unit::Seconds, self.delay.clone());
        let ack = "From a command to the answer of its request";
        r.register_with_unit("order_ack", ack, Unit::Seconds, self.ack.clone());
        r.register_with_unit("order_fill", "From a command to its first fill", Unit::Seconds, self.fill.clone());
        let late = "How late timers of the strategy were looked at, wall time";
        r.register_with_unit("timer_lateness", late, Unit::Seconds, self.lateness.clone());
    }

    fn register_levels(&mut self) {
        let r = &mut self.registry;
        r.register("up", "1 while all streams of the venue are open", self.up.clone());
        r.register("state", "The state of the strategy, 0 to 5", self.state.clone());
        r.register("may_open", "1 while a position may be opened", self.may_open.clone());
        r.register("equity_quote", "Both accounts at the last mids, as believed", self.equity.clone());
        let day = "What the market's day, UTC, has lost since its first sample in this process; a gain is negative";
        r.register("day_loss_quote", day, self.day_loss.clone());
        r.register("unexplained_quote", "Of the balances, what nothing explains", self.unexplained.clone());
        r.register("position_base", "Base coins; a short is negative", self.position.clone());
        r.register("net_exposure_quote", "Both legs at mids: what moves with the price", self.exposure.clone());
        let near = "From the mark to the price at which the venue takes the leg, over the mark; only with a leg";
        r.register("liquidation_distance_ratio", near, self.liquidation.clone());
        r.register_with_unit("feed_age", "Since the newest text of a stream", Unit::Seconds, self.age.clone());
        let doubt = "How long the oldest order has been in doubt; 0: none is";
        r.register_with_unit("doubt", doubt, Unit::Seconds, self.doubt.clone());
        let difference = "The venue's less ours at the last comparison: position_base or cash_quote";
        let offset = "The venue's clock less ours: by the last eight answers that told it";
        r.register_with_unit("clock_offset", offset, Unit::Seconds, self.offset.clone());
        r.register_with_unit("clock_offset_bound", "How wrong that may be", Unit::Seconds, self.bound.clone());
        let lane = "What the slower venue's lanes of orders take: the median of the last ten answers";
        r.register_with_unit("order_lane", lane, Unit::Seconds, self.lane.clone());
        let room = "How many orders the venue takes now, all that was asked of it counted";
        r.register("orders_left", room, self.room.clone());
        r.register("reconcile_difference", difference, self.difference.clone());
        r.register("queue_depth", "Texts that waited at the last look", self.queue.clone());
        let sync = "How long the oldest record has waited to be durable";
        r.register_with_unit("journal_sync", sync, Unit::Seconds, self.sync.clone());
        let unwritten = "Closes and cancels that left before they were written";
        r.register("journal_unwritten_closes", unwritten, self.unwritten.clone());
        r.register_with_unit("journal", "Bytes that the journal's files have", Unit::Bytes, self.journal.clone());
        r.register_with_unit("disk_free", "Free on the disk of the run folder", Unit::Bytes, self.disk.clone());
    }

    /// Sets the levels.
    pub fn set(&self, identity: &Identity, now: &Snapshot, (journal, free): (u64, Option<u64>)) {
        self.state.set(i64::from(now.state.min(STATES.len() as u8)));
        self.may_open.set(i64::from(now.shut_by.is_empty()));
        self.equity.set(now.money.equity);
        self.day_loss.set(0.0 - now.money.day);
        self.unexplained.set(now.money.unexplained.unwrap_or(0.0));
        self.exposure.set(now.money.net_exposure);
        self.doubt.set(now.orders.iter().filter_map(|order| order.in_doubt).fold(0.0, f64::max));
        for (v, (name, leg)) in identity.venues.iter().zip(&now.legs).enumerate() {
            let of = |labels: &[(&'static str, &str)]| -> Labels {
                let labels = labels.iter().map(|(label, value)| (*label, (*value).to_owned()));
                [("venue", name.clone())].into_iter().chain(labels).collect()
            };
            self.position.get_or_create(&of(&[("source", "belief")])).set(leg.position);
            if let Some(position) = leg.venue_position {
                self.position.get_or_create(&of(&[("source", "venue")])).set(position);
            }
            match leg.liquidation {
                Some((_, distance)) => {
                    self.liquidation.get_or_create(&of(&[])).set(distance);
                }
                None => {
                    self.liquidation.remove(&of(&[]));
                }
            }
            let mut streams = now.streams.iter().filter(|stream| stream.venue == v).peekable();
            let is_up = streams.peek().is_some() && streams.clone().all(|stream| stream.is_open);
            self.up.get_or_create(&of(&[])).set(is_up.into());
            for stream in streams {
                if let Some(age) = stream.age {
                    self.age.get_or_create(&of(&[("stream", &stream.name)])).set(age);
                }
            }
            if let Some((offset, bound)) = now.clocks[v] {
                self.offset.get_or_create(&of(&[])).set(offset);
                self.bound.get_or_create(&of(&[])).set(bound);
            }
            if let Some(left) = now.orders_left[v] {
                self.room.get_or_create(&of(&[])).set(left);
            }
            let difference = now.reconciled.as_ref().and_then(|last| last.differences[v]);
            for (what, value) in [("position_base", 0), ("cash_quote", 1)] {
                let labels = of(&[("what", what)]);
                match difference.map(|(position, cash)| [position, cash][value]) {
                    Some(difference) => drop(self.difference.get_or_create(&labels).set(difference)),
                    None => drop(self.difference.remove(&labels)),
                }
            }
        }
        self.lane.set(now.lane.unwrap_or(0.0));
        if let Some(health) = &now.journal {
            self.sync.set(health.waits);
            self.unwritten.inner().store(health.unwritten, Relaxed);
        }
        self.journal.inner().store(journal, Relaxed);
        self.disk.set(i64::try_from(free.unwrap_or(0)).unwrap_or(i64::MAX));
    }

    /// As Prometheus reads it.
    pub fn text(&self) -> String {
        let mut text = String::new();
        // a String takes everything
        let _ = encode(&mut text, &self.registry);
        text
    }
}

/// Bytes of all files of a folder, those of folders in it left out.
pub fn size_of(folder: &Path) -> u64 {
    let files = std::fs::read_dir(folder).into_iter().flatten().flatten();
    files.filter_map(|file| file.metadata().ok()).filter(std::fs::Metadata::is_file).map(|data| data.len()).sum()
}
