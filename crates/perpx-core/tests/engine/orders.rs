//! Orders under way: whatever the latencies and failures, nothing is sent twice, nothing is left behind.

use crate::composite::{Case, WARM_S};
use crate::random::{self, START};
use perpx_core::config::Config;
use perpx_core::market::{Command, Event, EventBody, OrderId, OrderState};
use perpx_core::port::{Trader, Transition};
use perpx_core::stats::{Recorder, Scene};
use perpx_core::units::{Qty, SECOND};
use rayon::prelude::*;
use std::collections::BTreeMap;

/// Follows a run's orders and positions.
struct Watch {
    context: String,
    /// No leg holds more.
    size: Qty,
    /// Transitions so far.
    epoch: u32,
    /// Orders whose end the trader does not know, with the epoch of their sending.
    alive: BTreeMap<OrderId, u32>,
    fills: u32,
    doubts: u32,
    crowded: u32,
}

impl Recorder for Watch {
    fn follows(&self) -> bool {
        true
    }

    fn transition(&mut self, scene: &Scene<'_>, transition: &Transition) {
        self.epoch += 1;
        if transition.to == 0 {
            assert!(self.alive.is_empty(), "{}: S0 at {} with {:?} alive", self.context, scene.now, self.alive);
        }
    }

    fn command(&mut self, scene: &Scene<'_>, command: &Command) {
        if let Command::Place(order) = command {
            let old = self.alive.iter().find(|(_, epoch)| **epoch != self.epoch);
            assert!(old.is_none(), "{}: {order:?} at {} beside {old:?} of another state", self.context, scene.now);
            self.alive.insert(order.id, self.epoch);
            self.crowded += u32::from(self.alive.len() > 1);
        }
    }

    fn answer(&mut self, event: &Event) {
        match event.body {
            EventBody::Rejected { id, .. } | EventBody::Done { id, .. } => drop(self.alive.remove(&id)),
            EventBody::Status { id, state } => match state {
                OrderState::Unknown | OrderState::Done { .. } => drop(self.alive.remove(&id)),
                OrderState::InDoubt => self.doubts += 1,
                OrderState::Open { .. } => {}
            },
            _ => {}
        }
    }

    fn entry(&mut self, scene: &Scene<'_>, event: &Event, _end: bool) {
        let (context, at, role) = (&self.context, scene.now, event.venue);
        let held = scene.belief.qty(role);
        if let EventBody::Fill { id, side, .. } = event.body {
            assert!(scene.state != 0, "{context}: {id:?} fills in S0 at {at}");
            assert!(side == role.closing() || held <= self.size, "{context}: {role:?} holds {held} at {at}");
            self.fills += 1;
        }
    }
}

fn follow(seed: u64, config: Config, outages: bool) -> Watch {
    let seconds = WARM_S + 600;
    let to = START.plus(seconds * SECOND);
    let from = START.plus(WARM_S * SECOND);
    let outages = [0, 1].map(|v| if outages { random::outages(2 * seed + v, from, to) } else { Vec::new() });
    let perpx_core::config::Size::Base(size) = config.strategy.size else { panic!("a size in coins") };
    let mut watch = Watch {
        context: format!("seed {seed}"),
        size,
        epoch: 0,
        alive: BTreeMap::new(),
        fills: 0,
        doubts: 0,
        crowded: 0,
    };
    let case = Case::of(seed, config, outages, to);
    let tiles = random::tiles(&random::tables(seed, seconds), to, 0);
    let machine = case.follow(&tiles, &mut watch);
    if machine.trader().state() == 0 && machine.trader().is_quiet() {
        let flat = machine.sims().iter().all(|sim| sim.truth().leg.qty.is_zero());
        assert!(flat, "{}: a leg is left", watch.context);
    }
    watch
}

/// Seeds of a property, and how many runs of it saw an order in doubt.
fn all(seeds: std::ops::Range<u64>, run: impl Fn(u64) -> Watch + Sync) -> [u64; 3] {
    let counted = |watch: Watch| [watch.fills, watch.doubts, watch.crowded].map(u64::from);
    let sum = |a: [u64; 3], b: [u64; 3]| [a[0] + b[0], a[1] + b[1], a[2] + b[2]];
    seeds.into_par_iter().map(|seed| counted(run(seed))).reduce(|| [0; 3], sum)
}

const FIXED: &[&str] = &["sizing=fixed", "capital.lighter=5000", "capital.grvt=5000", "transfer.below_pct=null"];

/// Random latencies, some beyond every timeout, and no failure: no trade holds more than its size, no leg opens in S0, no
/// order lives past its state.
#[test]
fn slow_orders_are_never_doubled() {
    let run = |seed: u64| {
        let sigma = ["sigma=0.5", "sigma=0.9", "sigma=1.4", "sigma=2"][seed as usize % 4];
        let (order, response) = (format!("fills.latency.order.{sigma}"), format!("fills.latency.response.{sigma}"));
        let none = ["reject_rate", "timeout_rate", "cancel_fail_rate"].map(|rate| format!("fills.{rate}=0"));
        let mut fixed = FIXED.to_vec();
        fixed.extend([&*order, &*response, "fills.latency.order.median_ms=200", "fills.latency.response.median_ms=20"]);
        fixed.extend(["fills.latency.order.constant_ms=null", "fills.latency.order.recorded=null"]);
        fixed.extend(["fills.latency.response.constant_ms=null", "fills.lighter.latency.response.quantiles_ms=null"]);
        fixed.extend(["fills.latency.order.quantiles_ms=null", "fills.latency.burst.slope=0"]);
        fixed.extend(none.iter().map(String::as_str));
        follow(seed, random::config_with(seed, &fixed), false)
    };
    let [fills, doubts, crowded] = all(0..400, run);
    assert!(fills > 2_000 && doubts > 200 && crowded > 200, "{fills} fills, {doubts} doubts, {crowded} crowded");
}

/// The same with every failure: orders and answers that are lost, refusals, cancels that fail, outages.
#[test]
fn lost_orders_are_never_doubled() {
    let run = |seed: u64| {
        let rates = ["fills.reject_rate=0.1", "fills.timeout_rate=0.15", "fills.cancel_fail_rate=0.3"];
        let fixed: Vec<&str> = FIXED.iter().chain(&rates).copied().collect();
        follow(seed, random::config_with(seed, &fixed), true)
    };
    let [fills, doubts, crowded] = all(1_000..1_400, run);
    assert!(fills > 2_000 && doubts > 500 && crowded > 100, "{fills} fills, {doubts} doubts, {crowded} crowded");
}
