//! `perpx-live --mode paper` as a user runs it: over quotes of emulators that another process plays, against its own recording.

use crate::record::{Running, market_of, record_of};
use crate::sweep::BASE;
use perpx::store::Dataset;
use perpx::units::Time;
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Mutex;
use std::time::{Duration, Instant};

const LIVE: &str = env!("CARGO_BIN_EXE_perpx-live");
const SWEEP: &str = env!("CARGO_BIN_EXE_perpx-sweep");
const SAMPLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/data/sample");

pub(crate) fn ran(program: &str, dir: &Path, arguments: &[&str]) -> (Option<i32>, String) {
    let output = Command::new(program).args(arguments).current_dir(dir).output().expect("it runs");
    let Output { status, stdout, stderr } = output;
    (status.code(), format!("{}{}", String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr)))
}

/// The best.yml of a small sweep over `base`, in `dir`.
pub(crate) fn best(dir: &Path, base: &str) -> String {
    best_of(dir, base, "\"exit.max_sec\" = [300, 600]")
}

/// The same over other axes.
pub(crate) fn best_of(dir: &Path, base: &str, axes: &str) -> String {
    fs::write(dir.join("base.yml"), base).expect("writes");
    let grid = format!(
        "name = \"small\"\nbase = \"base.yml\"\n[data]\nstore = \"{SAMPLE}\"\nsymbol = \"BTC\"\n\
         from = 2026-01-05T02:00:00Z\nto = 2026-01-05T12:00:00Z\n[axes]\n{axes}\n\
         [objective]\nmetric = \"net_pnl\"\n"
    );
    fs::write(dir.join("grid.toml"), grid).expect("writes");
    let (code, text) = ran(SWEEP, dir, &["grid.toml", "--out", "swept"]);
    assert_eq!(code, Some(0), "{text}");
    "swept/best.yml".to_owned()
}

/// The value after a name, in JSON's text of one line.
pub(crate) fn field<'a>(text: &'a str, name: &str) -> &'a str {
    let from = text.find(&format!("\"{name}\":")).unwrap_or_else(|| panic!("{name} in {text}")) + name.len() + 3;
    text[from..].split([',', '}']).next().unwrap_or("").trim_matches('"')
}

/// A run of paper in a process of its own, with what it prints.
struct Paper {
    process: Running,
    out: PathBuf,
}

impl Paper {
    /// In the folder `run` of `dir`, over the market at `port`.
    fn begin(dir: &Path, (best, run, live): (&str, &str, &str), port: u16, more: &[&str]) -> Paper {
        fs::create_dir_all(dir.join(run)).expect("a folder");
        let file = format!("network = \"emulated\"\nhost = \"127.0.0.1:{port}\"\n{live}");
        fs::write(dir.join(run).join("live.toml"), file).expect("writes");
        let out = dir.join(format!("{run}.out"));
        let child = Command::new(LIVE)
            .args(["--config", best, "--mode", "paper", "--run", run, "--json"])
            .args(more)
            .current_dir(dir)
            .stdout(fs::File::create(&out).expect("a file"))
            .stderr(fs::File::create(dir.join(format!("{run}.err"))).expect("a file"))
            .spawn();
        Paper { process: Running(child.expect("it starts")), out }
    }

    /// Asks it to end: its exit code, and what it printed.
    fn end(self, signal: &str) -> (Option<i32>, String) {
        self.process.signal(signal);
        let code = self.process.code();
        (code, fs::read_to_string(&self.out).expect("what it printed"))
    }
}

/// What the printed report says to run again must end with its ledger.
fn is_mock(dir: &Path, text: &str) {
    let report = text.lines().last().expect("a line");
    let again = text.lines().find_map(|line| line.strip_prefix("again     perpx-live ")).expect("a command");
    let mut arguments: Vec<&str> = again.split(' ').collect();
    arguments.extend(["--quiet", "--json"]);
    let (code, mock) = ran(LIVE, dir, &arguments);
    assert_eq!(code, Some(0), "{mock}");
    for name in ["ledger", "trades", "net_pnl", "to"] {
        assert_eq!(field(&mock, name), field(report, name), "{name}\n{mock}\n{text}");
    }
}

/// Whoever promotes the winner hears what its paper run came to, and what its divergence page said.
fn asked_by_preflight(dir: &Path, best: &str, port: u16) {
    let run = dir.join("promoted");
    fs::create_dir(&run).expect("a folder");
    fs::copy(dir.join(best), run.join("best.yml")).expect("copies");
    fs::write(run.join("live.toml"), format!("network = \"emulated\"\nhost = \"127.0.0.1:{port}\"\n")).expect("writes");
    let found = |check: &str| {
        let (_, text) = ran(LIVE, dir, &["preflight", "promoted", "--json"]);
        let line = text.lines().find(|line| line.starts_with('{')).unwrap_or_else(|| panic!("{text}"));
        let told: Value = serde_json::from_str(line).expect("JSON");
        let rows = told["rows"].as_array().expect("rows");
        let row = rows.iter().find(|row| row["check"] == check).expect("a row");
        format!("{}: {}", row["grade"].as_str().expect("a word"), row["found"].as_str().expect("words"))
    };
    // hours are too few, and nothing else stands against it
    let paper = found("paper");
    assert!(paper.starts_with("warn: run: it lasted ") && !paper.contains(';'), "{paper}");
    let kept = fs::read_to_string(dir.join("run/paper.json")).expect("it is kept");
    let of = |name: &str| serde_json::from_str::<Value>(&kept).expect("JSON")[name].as_str().expect("text").to_owned();
    fs::write(dir.join("run/paper.json"), kept.replace(&of("ledger"), "0000")).expect("writes");
    assert!(found("paper").contains("its replay's ledger is "), "{}", found("paper"));
    fs::write(dir.join("run/paper.json"), kept.replace("\"late_rows\": 0", "\"late_rows\": 2")).expect("writes");
    assert!(found("paper").contains("2 rows came late"), "{}", found("paper"));
    assert!(found("divergence").starts_with("warn: no run of this configuration"), "{}", found("divergence"));
    for (exit, words) in [(0, "ok: run: every part is explained, fill -1.5"), (1, "warn: run: unexplained 4.25")] {
        let told = serde_json::json!({
            "configuration": of("configuration"), "to": "2026-01-05T03:00:00Z", "exit": exit, "decision": null,
            "parts": { "fill": "-1.5", "unexplained": "4.25" },
        });
        fs::write(dir.join("run/divergence.json"), told.to_string()).expect("writes");
        assert_eq!(found("divergence"), words);
    }
}

/// What paper traded is what a replay of its recording trades, to the byte; SIGTERM closes what is open.
#[test]
fn paper_trades_what_its_recording_replays() {
    let dir = tempfile::tempdir().expect("a folder");
    let best = best(dir.path(), BASE);
    let day = ["--tape", SAMPLE, "--from", "2026-01-05", "--to", "2026-01-06", "--start-at", "9000", "--speed", "60"];
    let (_market, port) = market_of(&day);
    // ten seconds of the wall: a machine with much to do may be late by some
    let paper = Paper::begin(dir.path(), (&best, "run", "[paper]\nlag_ms = 600000\n"), port, &[]);
    std::thread::sleep(Duration::from_secs(38));
    let (code, text) = ran(LIVE, dir.path(), &["--config", &best, "--mode", "paper", "--run", "run"]);
    assert!(code == Some(2) && text.contains("another process writes here"), "{code:?} {text}");
    let (code, text) = paper.end("-TERM");
    assert_eq!(code, Some(0), "{text}");
    let report = text.lines().last().expect("a line");
    assert_eq!(field(report, "late_rows"), "0", "{text}");
    assert!(field(report, "trades").parse::<u32>().expect("a number") > 0, "{text}");
    is_mock(dir.path(), &text);
    asked_by_preflight(dir.path(), &best, port);
    // the folder is that configuration's, and no other's
    let other = fs::read_to_string(dir.path().join(&best)).expect("reads").replacen("ema_fast: 5", "ema_fast: 6", 1);
    fs::write(dir.path().join("other.yml"), other).expect("writes");
    let (code, text) = ran(LIVE, dir.path(), &["--config", "other.yml", "--mode", "paper", "--run", "run"]);
    assert!(code == Some(2) && text.contains("run trades"), "{code:?} {text}");
}

/// A run goes on in the place of a recorder: what that one heard is in its own store, and the recorder ends when both venues are heard
/// here. Folders that cannot be taken over are refused with what would be.
#[test]
fn a_run_goes_on_in_the_place_of_a_recorder() {
    let dir = tempfile::tempdir().expect("a folder");
    let best = best(dir.path(), BASE);
    let (_market, port) = market_of(&["--speed", "60"]);
    let recorder = record_of(dir.path(), port);
    std::thread::sleep(Duration::from_secs(14));
    for (folder, says) in [
        (
            "nowhere",
            "nowhere: holds no recording of BTC at lighter from before the present of the market; accepted: the folder of",
        ),
        ("run", "--take-over run: a run is kept there; accepted: the folder of a `perpx-data record`"),
    ] {
        let arguments =
            ["--config", &best, "--mode", "paper", "--run", "run", "--attach", "127.0.0.1:1", "--take-over", folder];
        let (code, text) = ran(LIVE, dir.path(), &arguments);
        assert!(code == Some(2) && text.contains(says), "{folder}: {code:?} {text}");
    }
    let live = "[paper]\nlag_ms = 300000\n[warm]\nmax_gap_bars = 200\n";
    let paper = Paper::begin(dir.path(), (&best, "run", live), port, &["--take-over", "rec"]);
    let begun = Instant::now();
    assert_eq!(recorder.code(), Some(0));
    assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
    std::thread::sleep(Duration::from_secs(12));
    let (code, text) = paper.end("-INT");
    assert_eq!(code, Some(0), "{text}");
    is_mock(dir.path(), &text);
    let err = fs::read_to_string(dir.path().join("run.err")).expect("what it said");
    assert!(err.contains("taken over from rec: its recorder, process "), "{err}");
    // its own store goes back to where the recorder began
    let first = |store: &str| {
        let (code, text) = ran(env!("CARGO_BIN_EXE_perpx-data"), dir.path(), &["info", store, "--json"]);
        assert_eq!(code, Some(0), "{text}");
        field(&text, "first").to_owned()
    };
    assert_eq!(first("run/store"), first("rec/store"));
    // a market that stands before what the folder holds
    let (_earlier, port) = market_of(&["--speed", "60"]);
    fs::write(dir.path().join("run/live.toml"), format!("host = \"127.0.0.1:{port}\"\n")).expect("writes");
    let (code, text) = ran(LIVE, dir.path(), &["--config", &best, "--mode", "paper", "--run", "run"]);
    assert!(code == Some(2) && text.contains("run: holds frames up to 2026-01-05T"), "{code:?} {text}");
}

/// A strategy that does everything within an hour of a market without an edge: short lives, orders of several levels, refusals that
/// fail locks, and a margin that the venue soon takes.
const EVERYTHING: &str = "
symbol: BTC
leverage: 50
base_qty: 0.3
bar_sec: 10
thresholds:
  trend_strength: {ema_fast: 5, ema_slow: 15, min_diff: 0.00001}
  min_target_return: -0.01
  funding_spread_bps: -50.0
  vol_band: {vmin: 0.0, vmax: 50}
  vol_bars: 6
entry: {style: taker, slip_bp: 5, first_max_sec: 90}
locking: {g_pct: 0.00002, band_sigma: 0.5, band_window_bars: 20, t_max_sec: 140, min_lock_sec: 90, epsilon_bp: 1.0, max_retries: 0}
exit: {max_sec: 20, take_profit_pct: 0.0005}
risk: {stop_loss_first_leg: 0.01, net_delta_max_ratio: 0.1, funding_guard_apr: null}
fees: {taker_bps: 1.0, maker_rebate_bps: -0.2}
exchanges:
  lighter: {name: lighter, tier: premium, margin: {maintenance: 0.0191}}
  grvt: {name: grvt, margin: {maintenance: 0.0191}}
fills: {reject_rate: 0.15}
";

/// Faults of the wire by a seed, every few seconds: sockets that are cut, frames that are missing, late, twice, in another order.
fn faults(seed: u64, seconds: u64) -> String {
    let mut drawn = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut draw = |n: u64| {
        drawn ^= drawn << 13;
        drawn ^= drawn >> 7;
        drawn ^= drawn << 17;
        drawn % n
    };
    let (mut text, mut at) = (String::new(), 6);
    for n in 0.. {
        if at + 4 >= seconds {
            break;
        }
        // every second one is a socket that is cut
        let kind = match draw(6) + n % 2 * 6 {
            6.. | 0 => "drop-socket\"\nfor = \"1s\"",
            1 => "skip-sequence\"\ncount = 2",
            2 => "duplicate\"\ncount = 2",
            3 => "reorder\"\ncount = 2",
            4 => "delay\"\nby = \"500ms\"\nfor = \"2s\"",
            _ => "partition\"\nfor = \"1s\"",
        };
        text += &format!("[[fault]]\nat = \"{at}s\"\nkind = \"{kind}\n");
        text += ["", "venue = \"lighter\"\n", "venue = \"grvt\"\n"][draw(3) as usize];
        at += 2 + draw(3);
    }
    text
}

/// Times of the transitions that were printed, each with its states and its reason.
fn transitions(text: &str) -> Vec<(Time, String, String)> {
    let of = |line: &str| {
        let (at, rest) = line.split_once("  S")?;
        let at = at.replace(' ', "T") + "Z";
        let words: Vec<&str> = rest.split_whitespace().collect();
        let [from, "->", to, reason, ..] = words[..] else { return None };
        Some((at.parse().ok()?, format!("S{from} {to}"), reason.to_owned()))
    };
    text.lines().filter_map(of).collect()
}

/// Paper over a market of this seed with faults of the wire, against its replay; what it did, counted from what it printed and stored.
fn played(dir: &Path, best: &str, (seed, seconds): (u64, u64)) -> String {
    let of_seed = |name: &str| format!("{name}{seed}");
    let file = dir.join(of_seed("faults"));
    fs::write(&file, faults(seed, seconds)).expect("writes");
    let (number, file) = (seed.to_string(), file.display().to_string());
    let (_market, port) =
        market_of(&["--synth", &number, "--updates-per-sec", "4", "--speed", "120", "--faults", &file]);
    let paper = Paper::begin(dir, (best, &of_seed("run"), "[paper]\nlag_ms = 1200000\n"), port, &[]);
    std::thread::sleep(Duration::from_secs(seconds));
    let (code, text) = paper.end("-TERM");
    assert_eq!(code, Some(0), "seed {seed}: {text}");
    let report = text.lines().last().expect("a line");
    assert_eq!(field(report, "late_rows"), "0", "seed {seed}: {text}");
    is_mock(dir, &text);
    let done = transitions(&text);
    let of = |reason: &str| done.iter().filter(|done| done.2 == reason).count();
    let locked = done.windows(2).filter(|pair| pair[0].1.ends_with("S3"));
    let locked: Vec<(Time, Time)> = locked.map(|pair| (pair[0].0, pair[1].0)).collect();
    let store = Dataset::read(&dir.join(of_seed("run")).join("store")).expect("reads").expect("a store");
    // of trades nothing is missing but where a socket ended
    let cuts: Vec<Time> = store
        .recorded
        .expect("recorded")
        .gaps()
        .iter()
        .filter(|gap| gap.table == "trades")
        .map(|gap| gap.from)
        .collect();
    let inside = cuts.iter().filter(|cut| locked.iter().any(|(from, to)| from <= *cut && *cut < to)).count();
    let number = |name: &str| field(report, name).parse::<usize>().expect("a number");
    let (trades, parts) = (number("trades"), number("orders_in_parts"));
    let (rollbacks, lost) = (of("rollback"), of("liquidation"));
    let states = ["S0", "S1", "S2", "S3", "S4", "S5"].map(|state| done.iter().filter(|d| d.1.ends_with(state)).count());
    let shown = format!(
        "paper seed {seed}: {trades} trades, into S0 to S5 {states:?}, {rollbacks} rollbacks, {lost} liquidations, {parts} orders in \
         parts, {} sockets cut, {inside} of them in S3",
        cuts.len()
    );
    let least = [trades / 30, rollbacks, lost, parts, inside].into_iter().chain(states).min();
    assert!(least > Some(0), "{shown}\n{text}");
    shown
}

/// Each seed's market for so many seconds of the wall, two at a time: they sleep most of it.
fn all_played(seeds: impl Iterator<Item = u64> + Send, seconds: u64) {
    let dir = tempfile::tempdir().expect("a folder");
    let best = best(dir.path(), EVERYTHING);
    let seeds = Mutex::new(seeds);
    let next = || seeds.lock().expect("nobody panics with it").next();
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while let Some(seed) = next() {
                    println!("{}", played(dir.path(), &best, (seed, seconds)));
                }
            });
        }
    });
}

/// With faults of the wire paper is its replay all the same. Markets that move much: a minute has all that is asked for.
#[test]
fn paper_is_its_replay_whatever_the_wire_does() {
    all_played([12, 15].into_iter(), 60);
}

/// The same on twenty seeds: `.ci/nightly paper`.
#[test]
#[ignore = "twenty minutes"]
fn paper_is_its_replay_on_twenty_seeds() {
    all_played(1..=20, 130);
}
