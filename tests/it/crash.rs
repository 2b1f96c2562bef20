//! A run that dies at a record of its journal, and the one that goes on: at emulators of another process, which see each order.
//! How many, drawn by which seed: `PERPX_CRASHES=SINGLESxPAIRS:SEED`.

use crate::attach::{ACCOUNT, LIVE, SAMPLE, folder, journal, live_file, market};
use crate::paper::best;
use crate::record::Running;
use crate::sweep::BASE;
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::{Child, Command};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::time::{Duration, Instant};

/// Between these a run opens, locks, lets a leg go, and closes the other by its stop: in market seconds of the day, at 20 times
/// real time.
const FROM: u32 = 5 * 3_600 + 22 * 60;
const FOR: Duration = Duration::from_secs(27);
/// Of a process that is asked to end.
const PATIENCE: Duration = Duration::from_secs(60);
/// At once: they sleep for most of their time.
const TOGETHER: usize = 16;
const POINTS: [&str; 4] = ["before", "half", "written", "durable"];

/// What a run came to over all its processes.
#[derive(Debug)]
struct Came {
    /// How many of its crashes happened.
    died: usize,
    /// Reasons of its transitions.
    reasons: Vec<String>,
    records: usize,
    /// From a start to the moment at which the run goes on, the longest.
    ready_sec: f64,
    /// Why it is not as it should be.
    wrong: Option<String>,
    /// It did not end in its time, which a busy machine may keep it from.
    is_late: bool,
}

/// One process of the run; it dies at `crash`.
fn begin(dir: &Path, best: &str, port: u16, (number, crash): (usize, Option<&String>)) -> Child {
    let host = format!("127.0.0.1:{port}");
    let file = |name: &str| fs::File::create(dir.join(format!("{name}{number}"))).expect("a file");
    let mut command = Command::new(LIVE);
    command.args(["--config", best, "--mode", "emulated", "--attach", &host, "--run", "run", "--store", SAMPLE]);
    command
        .arg("--json")
        .current_dir(dir)
        .env("PERPX_STATE", dir.join("state"))
        .stdout(file("out"))
        .stderr(file("err"));
    if let Some(crash) = crash {
        command.env("PERPX_CRASH_AT", crash);
    }
    command.spawn().expect("it starts")
}

/// Until the process ends, or until then.
fn wait(child: &mut Child, until: Instant) -> Option<Option<i32>> {
    while Instant::now() < until {
        if let Some(status) = child.try_wait().expect("it can be waited for") {
            return Some(status.code());
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    None
}

/// A run in a folder of its own, whose processes die at these records, one after the other.
fn run(best: &Path, crashes: Vec<String>) -> Came {
    let dir = folder();
    let path = dir.path();
    let witness = path.join("witness.jsonl").display().to_string();
    let from = FROM.to_string();
    let tape = ["--tape", SAMPLE, "--from", "2026-01-05", "--to", "2026-01-06", "--start-at", &from, "--speed", "20"];
    let (_market, port) = market(path, &[&tape[..], &["--witness", &witness]].concat());
    live_file(path, port, ACCOUNT);
    let (begun, mut died) = (Instant::now(), 0);
    let best = best.display().to_string();
    let (code, report) = loop {
        let mut child = begin(path, &best, port, (died, crashes.get(died)));
        // a process that has just begun does not hear yet
        let until = (begun + FOR).max(Instant::now() + Duration::from_secs(4));
        let ended = wait(&mut child, until).or_else(|| {
            crate::record::signal(&child, "-INT");
            wait(&mut child, Instant::now() + PATIENCE)
        });
        match ended {
            Some(None) => died += 1,
            Some(code) => break (code, fs::read_to_string(path.join(format!("out{died}"))).expect("what it printed")),
            None => {
                drop(Running(child));
                break (None, String::new());
            }
        }
    };
    let seen = fs::read_to_string(&witness).expect("what the venues saw");
    let orders: Vec<(String, u64)> = seen.lines().flat_map(orders_of).collect();
    let written = journal(path);
    let is_over = written.iter().any(|record| record["kind"] == "stop" && record["body"]["flat"] == true);
    let wrong = match () {
        // it died when all was closed, and what was begun then was stopped at once
        () if code == Some(130) && is_over && died > 0 => None,
        // one that a busy machine has kept from its end is parked, with the legs that the strategy holds
        () if code != Some(0) && code != Some(7) => Some(format!("it ended with {code:?}")),
        () if !report.contains("\"agrees\":true") => Some("the books differ".to_owned()),
        () if orders.iter().collect::<BTreeSet<_>>().len() != orders.len() => {
            Some(format!("a number was used twice: {orders:?}"))
        }
        () => None,
    };
    let reasons = reasons(path, died + 1);
    let err = fs::read_to_string(path.join(format!("err{died}"))).unwrap_or_default();
    let (records, ready_sec) = (written.len(), ready(&written));
    // what is wrong is kept, to be looked at
    let wrong = wrong.map(|wrong| {
        format!("{crashes:?}: {wrong}; {}: {}", dir.keep().display(), err.lines().last().unwrap_or_default())
    });
    Came { died, reasons, records, ready_sec, wrong, is_late: code.is_none() }
}

/// Venue and own number of each new order in a line of the witness: whatever the process, no two orders have the same.
fn orders_of(line: &str) -> Vec<(String, u64)> {
    let line: Value = serde_json::from_str(line).expect("JSON");
    let venue = line["venue"].as_str().unwrap_or_default().to_owned();
    let own = if venue == "lighter" { (1u64 << 28) - 1 } else { u64::from(u32::MAX) };
    let orders = line["orders"].as_array().cloned().unwrap_or_default();
    let placed = orders.iter().filter(|order| order["what"] == "create_order");
    let number = |order: &Value| order["client"].as_str().and_then(|client| client.parse::<u64>().ok());
    placed.map(|order| (venue.clone(), number(order).expect("a number") & own)).collect()
}

/// Why each transition was made, as its processes printed them, until the trade that locked is over: what follows is up to the
/// moment at which the run is stopped. One that was made again after a crash counts once.
fn reasons(dir: &Path, processes: usize) -> Vec<String> {
    let out = |number| fs::read_to_string(dir.join(format!("out{number}"))).expect("what it printed");
    let mut reasons: Vec<String> = Vec::new();
    for line in (0..processes).map(out).collect::<String>().lines().filter(|line| line.contains(" -> S")) {
        let change = line.split_whitespace().skip(2).take(4).collect::<Vec<_>>().join(" ");
        let is_over = change.starts_with("S5 -> S0");
        if reasons.last() != Some(&change) {
            reasons.push(change);
        }
        if is_over {
            break;
        }
    }
    reasons
}

/// Seconds from a start to the moment at which the run goes on, the longest.
fn ready(journal: &[Value]) -> f64 {
    let (mut started, mut longest) = (0, 0.0f64);
    for record in journal {
        let wall = record["wall_ns"].as_i64().unwrap_or_default();
        match record["kind"].as_str() {
            Some("start") => started = wall,
            Some("resumed") => longest = longest.max((wall - started) as f64 * 1e-9),
            _ => {}
        }
    }
    longest
}

/// Numbers of a seed, each below what is asked for.
struct Drawn(u64);

impl Drawn {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % end
    }

    fn point(&mut self, record: usize) -> String {
        format!("{record}:{}", POINTS[self.below(POINTS.len())])
    }
}

/// Singles die once, at any record that trading writes; pairs die again soon after they began anew.
fn drawn(said: &str, records: usize) -> Vec<Vec<String>> {
    let number = |text: Option<&str>| text.and_then(|text| text.parse::<usize>().ok()).expect("SINGLESxPAIRS:SEED");
    let (counts, seed) = said.split_once(':').expect("SINGLESxPAIRS:SEED");
    let mut counts = counts.split('x');
    let (singles, pairs) = (number(counts.next()), number(counts.next()));
    let mut drawn = Drawn(seed.parse().expect("a seed"));
    let first = 8;
    let mut runs = Vec::new();
    for n in 0..singles + pairs {
        let record = first + drawn.below(records - first);
        let mut crashes = vec![drawn.point(record)];
        if n >= singles {
            let next = record + 1 + drawn.below(30);
            crashes.push(drawn.point(next));
        }
        runs.push(crashes);
    }
    runs
}

/// However a run dies, the next process goes on: each order comes to its venue once, at the end nothing is held and both sides agree;
/// and most of the trades go on to the end that they would have come to.
#[test]
fn a_run_may_die_at_any_record() {
    let dir = folder();
    let best = dir.path().join(best(dir.path(), BASE));
    let goes_through = |came: &Came| {
        let is_usual = !came.reasons.iter().any(|reason| reason.contains("entry_unfilled"));
        let is_ended = came.reasons.last().is_some_and(|last| last == "S5 -> S0 stop");
        came.wrong.is_none() && came.died == 0 && is_usual && is_ended
    };
    // on a busy machine orders may arrive too late for that course
    let mut whole = run(&best, Vec::new());
    for _ in 0..2 {
        if !goes_through(&whole) {
            whole = run(&best, Vec::new());
        }
    }
    assert!(goes_through(&whole), "{whole:?}");
    let said = std::env::var("PERPX_CRASHES").unwrap_or_else(|_| "60x20:1".to_owned());
    let runs = drawn(&said, whole.records);
    let (next, (send, came)) = (AtomicUsize::new(0), mpsc::channel());
    std::thread::scope(|scope| {
        for _ in 0..TOGETHER {
            let (send, next, runs, best) = (send.clone(), &next, &runs, &best);
            scope.spawn(move || {
                while let Some(crashes) = runs.get(next.fetch_add(1, Ordering::Relaxed)) {
                    send.send((run(best, crashes.clone()), crashes.clone())).expect("it is listened to");
                }
            });
        }
    });
    drop(send);
    let came: Vec<(Came, Vec<String>)> = came.into_iter().collect();
    let alone = |(came, crashes): (Came, Vec<String>)| if came.is_late { run(&best, crashes) } else { came };
    let came: Vec<Came> = came.into_iter().map(alone).collect();
    let wrong: Vec<&Came> = came.iter().filter(|came| came.wrong.is_some()).collect();
    let died: usize = came.iter().map(|came| came.died).sum();
    let same = came.iter().filter(|came| came.died > 0 && came.reasons == whole.reasons).count();
    let crashed = came.iter().filter(|came| came.died > 0).count();
    let longest = came.iter().map(|came| came.ready_sec).fold(0.0, f64::max);
    println!(
        "crashes: {} runs, {died} crashes, {} wrong; {same} of {crashed} went on to the same ends; ready after {longest:.2} s at most",
        came.len(),
        wrong.len()
    );
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(died * 10 >= came.len() * 8, "too few died: {died}");
    assert!(same * 10 >= crashed * 4, "{same} of {crashed} ended as {:?}", whole.reasons);
    assert!(longest < 12.0, "ready after {longest} s");
}
