//! `perpx-live --mode paper` as a user runs it: over quotes of emulators that another process plays, against its own recording.

use crate::record::{Running, market_of};
use crate::sweep::BASE;
use std::fs;
use std::path::Path;
use std::process::{Command, Output};
use std::time::Duration;

const LIVE: &str = env!("CARGO_BIN_EXE_perpx-live");
const SWEEP: &str = env!("CARGO_BIN_EXE_perpx-sweep");
const SAMPLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/data/sample");

fn ran(program: &str, dir: &Path, arguments: &[&str]) -> (Option<i32>, String) {
    let output = Command::new(program).args(arguments).current_dir(dir).output().expect("it runs");
    let Output { status, stdout, stderr } = output;
    (status.code(), format!("{}{}", String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr)))
}

/// The best.yml of a small sweep, in `dir`.
fn best(dir: &Path) -> String {
    fs::write(dir.join("base.yml"), BASE).expect("writes");
    let grid = format!(
        "name = \"small\"\nbase = \"base.yml\"\n[data]\nstore = \"{SAMPLE}\"\nsymbol = \"BTC\"\n\
         from = 2026-01-05T02:00:00Z\nto = 2026-01-05T12:00:00Z\n[axes]\n\"exit.max_sec\" = [300, 600]\n\
         [objective]\nmetric = \"net_pnl\"\n"
    );
    fs::write(dir.join("grid.toml"), grid).expect("writes");
    let (code, text) = ran(SWEEP, dir, &["grid.toml", "--out", "swept"]);
    assert_eq!(code, Some(0), "{text}");
    "swept/best.yml".to_owned()
}

/// The value after a name, in JSON's text of one line.
fn field<'a>(text: &'a str, name: &str) -> &'a str {
    let from = text.find(&format!("\"{name}\":")).unwrap_or_else(|| panic!("{name} in {text}")) + name.len() + 3;
    text[from..].split([',', '}']).next().unwrap_or("").trim_matches('"')
}

/// What paper traded is what a replay of its recording trades, to the byte; SIGTERM closes what is open.
#[test]
fn paper_trades_what_its_recording_replays() {
    let dir = tempfile::tempdir().expect("a folder");
    let best = best(dir.path());
    let day = ["--tape", SAMPLE, "--from", "2026-01-05", "--to", "2026-01-06", "--start-at", "9000", "--speed", "60"];
    let (_market, port) = market_of(&day);
    let run = dir.path().join("run");
    fs::create_dir(&run).expect("a folder");
    // ten seconds of the wall: a machine with much to do may be late by some
    let file = format!("network = \"emulated\"\nhost = \"127.0.0.1:{port}\"\n[paper]\nlag_ms = 600000\n");
    fs::write(run.join("live.toml"), file).expect("writes");
    let out = fs::File::create(dir.path().join("out")).expect("a file");
    let child = Command::new(LIVE)
        .args(["--config", &best, "--mode", "paper", "--run", "run", "--json"])
        .current_dir(dir.path())
        .stdout(out)
        .spawn();
    let paper = Running(child.expect("it starts"));
    std::thread::sleep(Duration::from_secs(38));
    let (code, text) = ran(LIVE, dir.path(), &["--config", &best, "--mode", "paper", "--run", "run"]);
    assert!(code == Some(2) && text.contains("another process writes here"), "{code:?} {text}");
    paper.signal("-TERM");
    let code = paper.code();
    let text = fs::read_to_string(dir.path().join("out")).expect("what it printed");
    assert_eq!(code, Some(0), "{text}");
    let report = text.lines().last().expect("a line");
    assert_eq!(field(report, "late_rows"), "0", "{text}");
    assert!(field(report, "trades").parse::<u32>().expect("a number") > 0, "{text}");
    let again = text.lines().find_map(|line| line.strip_prefix("again     perpx-live ")).expect("a command");
    let mut arguments: Vec<&str> = again.split(' ').collect();
    arguments.extend(["--quiet", "--json"]);
    let (code, mock) = ran(LIVE, dir.path(), &arguments);
    assert_eq!(code, Some(0), "{mock}");
    for name in ["ledger", "trades", "net_pnl", "to"] {
        assert_eq!(field(&mock, name), field(report, name), "{name}\n{mock}\n{text}");
    }
    // the folder is that configuration's, and no other's
    let other = fs::read_to_string(dir.path().join(&best)).expect("reads").replacen("ema_fast: 5", "ema_fast: 6", 1);
    fs::write(dir.path().join("other.yml"), other).expect("writes");
    let (code, text) = ran(LIVE, dir.path(), &["--config", "other.yml", "--mode", "paper", "--run", "run"]);
    assert!(code == Some(2) && text.contains("run trades"), "{code:?} {text}");
}
