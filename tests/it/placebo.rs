//! `perpx-sweep placebo`: the same search on markets that have the tape's manners and nothing to earn.

use crate::sweep::{BASE, store};
use perpx::synth::{Edge, SynthSpec, write};
use perpx::units::{DAY, Time};
use serde_json::Value as Json;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::AtomicBool;

/// Two points of the region in which the planted swings earn.
const GRID: &str = r#"
name = "planted"
base = "base.yml"
seed = 7
[data]
store = "store"
symbol = "BTC"
from = 2026-01-05
to = 2026-01-09
[axes]
"locking.g_pct" = [0.005, 0.01]
[objective]
metric = "net_pnl"
[report]
top = 1
"#;

const SIGNALS: [(&str, &str); 4] = [
    ("bar_sec: 10", "bar_sec: 60"),
    ("{ema_fast: 5, ema_slow: 15, min_diff: 0.0002}", "{ema_fast: 21, ema_slow: 55, min_diff: 0.0008}"),
    (
        "{g_pct: 0.001, band_sigma: 0.8, band_window_bars: 40, t_max_sec: 600",
        "{g_pct: 0.005, band_sigma: 0.8, on_ub: close_both, on_lb: hold, t_max_sec: 14400",
    ),
    ("stop_loss_first_leg: 0.002", "stop_loss_first_leg: 0.01"),
];

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").file_name());
    entries.map(|name| name.to_string_lossy().into_owned()).collect()
}

/// The planted tape earns by what both venues do at the same time, and by swings. A placebo that were shown the tape, or a market
/// with its edge, would do as well as ours: then `p` is far from the least that so many markets can show.
#[test]
fn a_placebo_has_the_tapes_manners_and_none_of_its_edge() {
    let folder = tempfile::tempdir_in(store()).expect("a folder");
    let place = |name: &str| folder.path().join(name);
    let start: Time = "2026-01-04".parse().expect("a date");
    let spec = SynthSpec { edge: Edge::Planted, updates_per_sec: 0.5, ..SynthSpec::new(3, start, 5) };
    write(&spec, &place("store"), &AtomicBool::new(false), &mut |_| {}).expect("a store");
    let base = SIGNALS.iter().fold(BASE.to_string(), |text, (from, to)| {
        assert!(text.contains(from), "{from}");
        text.replace(from, to)
    });
    fs::write(place("base.yml"), base).expect("writes");
    fs::write(place("grid.toml"), GRID).expect("writes");
    let log = place("trials.jsonl");
    let mut command = Command::new(env!("CARGO_BIN_EXE_perpx-sweep"));
    command.arg("placebo").arg(place("grid.toml")).arg("--out").arg(place("run")).arg("--trials").arg(&log);
    let output = command.args(["--runs", "4", "--threads", "2", "--json"]).output().expect("it runs");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    let line: Json = serde_json::from_str(said.lines().last().expect("a line")).expect("JSON");
    let found = &line["placebo"];
    let number = |value: &Json| value.as_f64().unwrap_or_else(|| panic!("{value} in {found}"));
    let ours = number(&found["best"]);
    let list = found["without_edge"].as_array().expect("a list");
    let theirs: Vec<f64> = list.iter().filter_map(Json::as_f64).collect();
    assert!(ours > 0.0 && theirs.iter().all(|theirs| *theirs < 0.5 * ours), "{found}");
    assert_eq!((list.len(), number(&found["p"])), (4, 0.2), "{found}");
    let different: BTreeSet<u64> = theirs.iter().map(|theirs| theirs.to_bits()).collect();
    assert!(theirs.len() >= 3 && different.len() == theirs.len(), "markets of their own: {found}");
    // what is copied is the tape's: about a quote a second, books some basis points wide
    let tape = &found["tape"];
    assert!((0.2..2.0).contains(&number(&tape["updates_per_sec"])) && number(&tape["annual_vol"]) > 0.05, "{found}");
    assert!([0, 1].iter().all(|role| (0.0..20.0).contains(&number(&tape["spread_bp"][role]))), "{found}");
    // it counts as no trial, and leaves nothing but the tape's own run
    assert_eq!(fs::read_to_string(&log).expect("a log").lines().count(), 1);
    assert!(names(folder.path()).iter().all(|name| !name.starts_with(".placebo")), "{:?}", names(folder.path()));
    let run = fs::read_to_string(place("run/best.yml")).expect("best.yml");
    assert!(run.contains(&start.plus(DAY).to_string()), "the tape's own range");
}
