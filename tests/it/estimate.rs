//! What a plan says a run will take, against what it takes.

use perpx::sweep::{Options, TrialLog, sweep};
use perpx::synth::{Edge, SynthSpec, write};
use perpx::units::Time;
use serde_json::Value as Json;
use std::fs;
use std::path::Path;
use std::sync::atomic::AtomicBool;

/// A run's estimate and what it took from there, in seconds.
fn both(grid: &Path, out: &Path) -> (f64, f64) {
    let options =
        Options { out: Some(out.to_path_buf()), quiet: true, trials: TrialLog::Unknown, ..Options::new(grid) };
    sweep(&options, &mut Vec::new()).unwrap_or_else(|error| panic!("{error}"));
    let record = fs::read(out.join("run.json")).expect("reads");
    let record: Json = serde_json::from_slice(&record).expect("a record");
    let seconds = |key: &str| record["estimate"][key].as_f64().expect("seconds");
    (seconds("seconds"), seconds("took"))
}

/// Wants a machine that does nothing else for some minutes: cargo test --release --test it estimate -- --ignored --nocapture
#[test]
#[ignore = "measures time: wants a quiet machine"]
fn a_run_takes_about_what_was_estimated() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = tempfile::tempdir().expect("a folder");
    let start: Time = "2026-01-04".parse().expect("a date");
    let spec = SynthSpec { edge: Edge::Calibrated, updates_per_sec: 20.0, ..SynthSpec::new(5, start, 4) };
    write(&spec, &folder.path().join("store"), &AtomicBool::new(false), &mut |_| {}).expect("a store");
    let quickstart = fs::read_to_string(here.join("sweeps/quickstart.toml")).expect("reads");
    let put = |name: &str, pairs: &[(&str, &str)]| {
        let base = format!("base = \"{}\"", here.join("configs/example.yml").display());
        let mut text = quickstart.replace("base = \"../configs/example.yml\"", &base);
        for (from, to) in pairs {
            assert!(text.contains(from), "{from}");
            text = text.replace(from, to);
        }
        let path = folder.path().join(name);
        fs::write(&path, text).expect("writes");
        path
    };
    let sample = format!("\"{}\"", here.join("data/sample").display());
    let fast = put("fast.toml", &[("\"../data/sample\"", "\"store\""), ("to     = 2026-01-12", "to     = 2026-01-07")]);
    let many = "{ from = 0.001, to = 0.0205, step = 0.0003 }";
    let many = put(
        "many.toml",
        &[
            ("\"../data/sample\"", &sample),
            ("to     = 2026-01-12", "to     = 2026-01-06"),
            ("[0.0025, 0.005, 0.0075, 0.01]", many),
            ("require    = [\"trades >= 20\", \"max_drawdown_pct <= 10\"]", ""),
        ],
    );
    for (name, grid) in [("quickstart", here.join("sweeps/quickstart.toml")), ("fast", fast), ("many", many)] {
        let (estimated, took) = both(&grid, &folder.path().join("out").join(name));
        println!("{name}: estimated {estimated:.1} s, took {took:.1} s");
        assert!(estimated < 2.0 * took && took < 2.0 * estimated, "{name}: estimated {estimated} s, took {took} s");
    }
}
