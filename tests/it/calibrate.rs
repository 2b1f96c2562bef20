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

/// Worlds of refusals and of latency, without which no winner is strong.
const WORLDS: &str = r#"
"fills.reject_rate"             = [0, 0.02]
"fills.latency.order.median_ms" = [50, 200]
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
    /// The checks behind it that are not strong, with what each found.
    checks: Vec<String>,
}

/// Sweeps `days` of a market; the first of them is before what is swept.
fn market(kind: &str, seed: u64, days: u32) -> Said {
    let folder = tempfile::tempdir().expect("a folder");
    let start: Time = "2026-01-03".parse().expect("a date");
    let spec = match kind {
        "null" => SynthSpec::null(seed, start, days),
        "planted" | "worlds" => SynthSpec { edge: Edge::Planted, ..SynthSpec::new(seed, start, days) },
        other => panic!("found the market '{other}'; accepted: null, planted, worlds"),
    };
    let place = |name: &str| folder.path().join(name);
    write(&spec, &place("store"), &AtomicBool::new(false), &mut |_| {}).expect("a store");
    let [from, to] = [1, i64::from(days)].map(|day| start.plus(day * DAY));
    let base = format!("base = \"{}\"\n", root("configs/example.yml").display());
    let range = format!("[data]\nfrom = {from}\nto = {to}");
    let axes = if kind == "worlds" { format!("[axes]{WORLDS}") } else { "[axes]".to_string() };
    fs::write(place("grid.toml"), base + &GRID.replace("[data]", &range).replace("[axes]", &axes)).expect("writes");
    let options = Options {
        out: Some(place("run")),
        trials: TrialLog::File(place("trials.jsonl")),
        quiet: true,
        verify: 0,
        ..Options::new(place("grid.toml"))
    };
    let summary = sweep(&options, &mut Vec::new()).unwrap_or_else(|error| panic!("{kind} {seed}: {error}"));
    let Some(verdict) = &summary.symbols[0].verdict else {
        return Said { luck: 1.0, loss: 1.0, forward: None, verdict: "no winner".to_string(), checks: Vec::new() };
    };
    // that the market is made stands beside the verdict
    let counted = verdict.checks.iter().filter(|check| check.name != "data" && check.grade != "strong");
    let found = provenance(&place("run").join("best.yml"))["found"].clone();
    let number = |path: &str| found.pointer(path).and_then(|value| value.as_f64());
    let luck = [number("/luck/p"), number("/luck/robust")].into_iter().flatten().reduce(f64::max);
    Said {
        luck: luck.unwrap_or(1.0),
        loss: number("/pbo/p_loss").unwrap_or(1.0),
        forward: number("/walk_forward/net"),
        verdict: verdict.grade.clone(),
        checks: counted.map(|check| format!("{} {}: {}", check.name, check.grade, check.text)).collect(),
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

/// `PERPX_CALIBRATE=KIND:SEED[:DAYS]`: a line about one market; tests/calibrate counts them.
#[test]
#[ignore = "hours: tests/calibrate"]
fn one_of_many_markets() {
    let asked = std::env::var("PERPX_CALIBRATE").expect("KIND:SEED:DAYS");
    let parts: Vec<&str> = asked.split(':').collect();
    let [kind, seed, days] = parts[..] else { panic!("found '{asked}'; accepted: KIND:SEED:DAYS") };
    let said = market(kind, seed.parse().expect("a seed"), days.parse().expect("days"));
    println!(
        "calibrate {asked} luck {:.3} loss {:.2} forward {:.4} {} | {}",
        said.luck,
        said.loss,
        said.forward.unwrap_or(f64::NAN),
        said.verdict,
        said.checks.join(" | ")
    );
}
