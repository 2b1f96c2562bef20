//! False alarms and power through the whole program: markets without an edge and markets with one, swept and judged.
//!
//! A few seeds run always; `tests/calibrate` runs many, outside of CI.

use crate::evidence::provenance;
use crate::tree::root;
use perpx::sweep::{Options, TrialLog, sweep};
use perpx::synth::{Edge, SynthSpec, write};
use perpx::units::{DAY, Time};
use std::fs;
use std::sync::atomic::AtomicBool;

/// Seven axes, 512 configurations.
const GRID: &str = r#"
name = "market"
seed = 7
[data]
store  = "store"
symbol = "BTC"
[axes]
"thresholds.trend_strength.min_diff" = [0.0002, 0.0004, 0.0008, 0.0016]
"locking.g_pct"                      = [0.0025, 0.005, 0.0075, 0.01]
"locking.band_sigma"                 = { from = 0.8, to = 2.0, count = 2 }
"locking.on_ub"                      = ["close_short", "close_both"]
"locking.on_lb"                      = ["close_long", "hold"]
"locking.t_max_sec"                  = [3600, 14400]
"thresholds.min_target_return"       = [0.0, 0.002]
[objective]
metric     = "sharpe"
[validate]
holdout = 0.3
[report]
top = 1
"#;

/// What the program says of one market.
#[derive(Debug)]
struct Said {
    /// The larger of `luck` and `luck_robust`; 1 where nothing is judged.
    luck: f64,
    /// Share of halves in which the best of the other one loses.
    loss: f64,
    /// Of the walk-forward, run again; none where nothing is judged.
    forward: Option<f64>,
    verdict: String,
}

/// Sweeps `days` of a market; the first of them is before what is swept.
fn market(kind: &str, seed: u64, days: u32) -> Said {
    let folder = tempfile::tempdir().expect("a folder");
    let start: Time = "2026-01-03".parse().expect("a date");
    let spec = match kind {
        "null" => SynthSpec::null(seed, start, days),
        "planted" => SynthSpec { edge: Edge::Planted, ..SynthSpec::new(seed, start, days) },
        other => panic!("found the market '{other}'; accepted: null, planted"),
    };
    let place = |name: &str| folder.path().join(name);
    write(&spec, &place("store"), &AtomicBool::new(false), &mut |_| {}).expect("a store");
    let [from, to] = [1, i64::from(days)].map(|day| start.plus(day * DAY));
    let base = format!("base = \"{}\"\n", root("configs/example.yml").display());
    let range = format!("[data]\nfrom = {from}\nto = {to}");
    fs::write(place("grid.toml"), base + &GRID.replace("[data]", &range)).expect("writes");
    let options = Options {
        out: Some(place("run")),
        trials: TrialLog::File(place("trials.jsonl")),
        quiet: true,
        verify: 0,
        ..Options::new(place("grid.toml"))
    };
    let summary = sweep(&options, &mut Vec::new()).unwrap_or_else(|error| panic!("{kind} {seed}: {error}"));
    let Some(verdict) = summary.symbols[0].verdict.as_ref().map(|verdict| verdict.grade.clone()) else {
        return Said { luck: 1.0, loss: 1.0, forward: None, verdict: "no winner".to_string() };
    };
    let found = provenance(&place("run").join("best.yml"))["found"].clone();
    let number = |path: &str| found.pointer(path).and_then(|value| value.as_f64());
    let luck = [number("/luck/p"), number("/luck/robust")].into_iter().flatten().reduce(f64::max);
    Said {
        luck: luck.unwrap_or(1.0),
        loss: number("/pbo/p_loss").unwrap_or(1.0),
        forward: number("/walk_forward/net"),
        verdict,
    }
}

/// Of three markets without an edge at most one looks like 1 in 20 (more than that: 7 in 1,000), and the planted edge is seen.
#[test]
fn markets_without_an_edge_look_like_luck_and_planted_ones_do_not() {
    let null: Vec<Said> = (1..=3).map(|seed| market("null", seed, 32)).collect();
    assert!(null.iter().filter(|said| said.luck <= 0.05).count() <= 1, "{null:?}");
    assert!(null.iter().all(|said| said.verdict != "strong"), "{null:?}");
    let planted: Vec<Said> = (1..=2).map(|seed| market("planted", seed, 46)).collect();
    assert!(planted.iter().all(|said| said.luck <= 0.20 && said.loss <= 0.15), "{planted:?}");
    assert!(planted.iter().all(|said| said.forward > Some(0.0)), "{planted:?}");
}

/// `PERPX_CALIBRATE=KIND:FROM..TO[:DAYS]`: a line a market, then the counts that docs/evidence.md speaks of.
#[test]
#[ignore = "hours: tests/calibrate"]
fn many_markets() {
    let asked = std::env::var("PERPX_CALIBRATE").unwrap_or("null:1..40".to_string());
    let mut parts = asked.split(':');
    let kind = parts.next().unwrap_or_default();
    let seeds = parts.next().and_then(|seeds| seeds.split_once("..")).expect("KIND:FROM..TO");
    let [from, to] = [seeds.0, seeds.1].map(|seed| seed.parse::<u64>().expect("a seed"));
    let days = parts.next().map_or(if kind == "null" { 32 } else { 46 }, |days| days.parse().expect("days"));
    let mut all = Vec::new();
    for seed in from..=to {
        let said = market(kind, seed, days);
        println!(
            "calibrate {kind} {days} days, seed {seed}: luck {:.3}, loss {:.2}, forward {:.4}, {}",
            said.luck,
            said.loss,
            said.forward.unwrap_or(f64::NAN),
            said.verdict
        );
        all.push(said);
    }
    let count = |holds: &dyn Fn(&Said) -> bool| all.iter().filter(|said| holds(said)).count();
    println!(
        "calibrate {kind} {days} days, seeds {from} to {to}: luck at most .05 in {}, loss at most .15 in {}, forward above 0 in {}, \
         strong {}, weak {}, of {}",
        count(&|said| said.luck <= 0.05),
        count(&|said| said.loss <= 0.15),
        count(&|said| said.forward > Some(0.0)),
        count(&|said| said.verdict == "strong"),
        count(&|said| said.verdict == "weak"),
        all.len()
    );
}
