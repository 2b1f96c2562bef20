//! What a run asks of its disk, as the kernel counts it: each opening and each cover is durable before it leaves, and nothing else asks.

use crate::attach::{ACCOUNT, LIVE, SAMPLE, folder, journal, live_file, market};
use crate::not_tested::{not_tested, note};
use crate::paper::best;
use crate::record::Running;
use crate::sweep::BASE;
use serde_json::Value;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// One that opens more often.
fn busy() -> String {
    BASE.replace("vol_bars: 20", "vol_bars: 20\n  min_conditions: 1")
}

fn is_opening(command: &Value) -> bool {
    let order = &command["Place"];
    order.is_object() && order["reduce_only"] == false
}

/// The calls of a kind that strace saw, each a line, and how many its own table counts.
fn calls(text: &str, name: &str) -> (Vec<String>, u64) {
    let lines = text.lines().filter(|line| line.contains(&format!(" {name}(")) && !line.contains("resumed"));
    let row = text.lines().find(|line| line.split_whitespace().last() == Some(name));
    let count = row.and_then(|row| row.split_whitespace().nth(3)).and_then(|count| count.parse().ok());
    (lines.map(str::to_owned).collect(), count.unwrap_or(0))
}

/// Whole only when the kernel's count, the runner's own and the journal's records agree.
#[test]
#[ignore = "under strace: a minute and a half"]
fn the_disk_is_asked_for_what_opens_and_covers() {
    if Command::new("strace").arg("-V").stdout(Stdio::null()).status().is_err() {
        return not_tested("strace is not there");
    }
    let dir = folder();
    let path = dir.path();
    let best = best(path, &busy());
    let tape = ["--tape", SAMPLE, "--from", "2026-01-05", "--to", "2026-01-06", "--start-at", "9000", "--speed", "20"];
    let (_market, port) = market(path, &tape);
    live_file(path, port, &format!("on_stop = \"close\"\n{ACCOUNT}"));
    let child = Command::new("strace")
        .args(["-D", "-f", "-y", "-C", "-o", "calls", "-e", "trace=fdatasync,fsync", LIVE])
        .args(["--config", &best, "--mode", "emulated", "--attach", &format!("127.0.0.1:{port}"), "--run", "run"])
        .args(["--store", SAMPLE, "--quiet"])
        .current_dir(path)
        .env("PERPX_STATE", path.join("state"))
        .stdout(Stdio::null())
        .stderr(fs::File::create(path.join("err")).expect("a file"))
        .spawn();
    let run = Running(child.expect("it starts"));
    std::thread::sleep(Duration::from_secs(75));
    run.signal("-INT");
    assert_eq!(run.code(), Some(0), "{}", fs::read_to_string(path.join("err")).expect("what it said"));
    compared(path);
}

fn compared(path: &Path) {
    let began = Instant::now();
    let text = loop {
        let text = fs::read_to_string(path.join("calls")).unwrap_or_default();
        if text.trim_end().ends_with("total") {
            break text;
        }
        assert!(began.elapsed() < Duration::from_secs(10), "strace does not end\n{text}");
        std::thread::sleep(Duration::from_millis(100));
    };
    let (synced, counted) = calls(&text, "fdatasync");
    assert_eq!(synced.len() as u64, counted, "{text}");
    let (of_journal, others): (Vec<String>, Vec<String>) = synced.into_iter().partition(|line| line.contains(".pxj>"));
    let written = journal(path);
    let batches = written.iter().filter(|record| record["kind"] == "batch");
    let opens =
        batches.filter(|record| record["body"]["commands"].as_array().is_some_and(|all| all.iter().any(is_opening)));
    let opens = opens.count() as u64;
    // each of these is wanted at once too, but nothing waits for it: two may share a sync
    let said = ["start", "operator", "reload"];
    let is_now =
        |record: &&Value| said.iter().any(|kind| record["kind"] == *kind) || record["body"]["differs"].is_array();
    let beside = written.iter().filter(is_now).count() as u64;
    let stop = written.last().expect("an end");
    let syncs = |key: &str| stop["body"]["syncs"][key].as_u64().expect("a count");
    let (asked, by_time) = (syncs("asked"), syncs("by_time"));
    note(&format!(
        "syncs: {counted} fdatasync; {} of the journal = {asked} asked for ({opens} batches that open or cover, {beside} of starts, \
         operators and comparisons) + {by_time} by time + 1 of the end; {} of rows",
        of_journal.len(),
        others.len()
    ));
    assert!(opens >= 5, "it hardly trades");
    // the one of the last record is not in it
    assert_eq!(of_journal.len() as u64, asked + by_time + 1, "{}", of_journal.join("\n"));
    assert!((opens + 1..=opens + beside).contains(&asked), "{asked} asked for, {opens} opening, {beside} beside");
    let is_of_rows = |line: &String| line.contains("/raw/");
    assert!(others.iter().all(is_of_rows), "{}", others.join("\n"));
}
