//! The accounts beside what is believed: what somebody else does to them.

use crate::attach::{ACCOUNT, LIVE, SAMPLE, begin, folder, journal, live_file, market, seen};
use crate::ctl::{ctl, ended, is_in, locks, wait};
use crate::panel::ask;
use crate::paper::{best, field, ran};
use crate::record::Running;
use serde_json::Value;
use std::fs;
use std::path::Path;
use std::process::Command;

const TAPE: [&str; 6] = ["--tape", SAMPLE, "--from", "2026-01-05", "--to", "2026-01-06"];
/// A minute a second.
pub(crate) const FAST: [&str; 4] = ["--start-at", "9000", "--speed", "60"];
/// Venues count requests by the wall: closes of what is gone, again and again, leave room for readings.
const SLOW: [&str; 4] = ["--start-at", "9700", "--speed", "2"];

/// A run that is locked, and reads its accounts every `poll` seconds; `faults` begin then.
pub(crate) fn locked(path: &Path, speed: &[&str], faults: &str, poll: u32) -> (Running, u16, String, Running) {
    let best = best(path, &locks());
    let witness = path.join("witness.jsonl").display().to_string();
    let (market, port) = market(path, &[&TAPE[..], speed, &["--witness", &witness]].concat());
    live_file(path, port, &format!("{ACCOUNT}[truth]\npoll_sec = {poll}\n"));
    let run = begin(path, &best, port);
    wait(path, "it does not lock", 90, is_in("S3"));
    strike(port, faults);
    (market, port, best, run)
}

/// From now on this goes wrong at a market.
pub(crate) fn strike(port: u16, faults: &str) {
    if !faults.is_empty() {
        let (status, _, body) = ask(&format!("127.0.0.1:{port}"), "POST /emulator/fault", &[], faults);
        assert_eq!(status, 200, "{body}");
    }
}

pub(crate) fn intrusion(what: &str, venue: &str, at: u32) -> String {
    format!("[[fault]]\nkind = \"intrude\"\nwhat = \"{what}\"\nvenue = \"{venue}\"\nat = \"{at}s\"\n")
}

/// What differs at a venue, in words.
pub(crate) fn differs(now: &Value, role: usize) -> String {
    let words = now["held"][role]["differs"].as_array().expect("a list");
    words.iter().map(|words| words.as_str().expect("words")).collect::<Vec<_>>().join("; ")
}

/// A short leg is bought back by nobody we know, and somebody pays in. Nothing opens and nothing is sent; the leg is booked as gone when an
/// operator says so, the other one closed by the strategy; the balances are named, and the run goes on, as does the next process.
#[test]
fn a_position_that_is_gone_holds_until_an_operator_says_what_it_is() {
    let dir = folder();
    let path = dir.path();
    let faults = [intrusion("position", "grvt", 5), intrusion("balance", "lighter", 5)].concat();
    let (_market, port, best, run) = locked(path, &FAST, &faults, 2);
    let (code, text) = ran(LIVE, path, &["ctl", "run", "adopt", "--venue", "grvt", "--reason", "no"]);
    assert!(code == Some(2) && text.contains("no difference of the position is confirmed"), "{text}");
    let sent = seen(path).len();
    let now = wait(path, "nothing is confirmed", 90, |now| {
        differs(now, 1).contains("position 0, believed -0.01") && differs(now, 0).contains("balance 100 above")
    });
    assert_eq!((&now["may_open"], seen(path).len()), (&Value::Bool(false), sent), "{now}");
    assert_eq!(now["unexplained"].as_f64().expect("a number").round(), 100.0);
    let confirmed = |record: &Value| record["body"]["latched"].as_array().is_some_and(|all| !all.is_empty());
    let began = std::time::Instant::now();
    while !journal(path).iter().any(confirmed) {
        assert!(began.elapsed().as_secs() < 60, "it is not confirmed");
        std::thread::sleep(std::time::Duration::from_millis(500));
    }
    let (code, text) = ctl(path, &["adopt", "--venue", "grvt"]);
    assert!(code == Some(2) && text.contains("--reason"), "{text}");
    let (code, text) = ctl(path, &["adopt", "--venue", "grvt", "--reason", "bought back by hand"]);
    assert!(code == Some(0) && text.contains("0.01 booked as gone"), "{text}");
    wait(path, "the other leg stays", 60, |now| now["state"] == "S0" && now["held"][0]["position"] == "0");
    wait(path, "no balance differs", 60, |now| differs(now, 1).contains("balance"));
    for venue in ["lighter", "grvt"] {
        let (code, text) = ctl(path, &["explain-balance", "--venue", venue, "--reason", "ours"]);
        assert!(code == Some(0) && text.contains("no result of this run"), "{text}");
    }
    let now =
        wait(path, "it still differs", 60, |now| now["unexplained"] == 0.0 && !differs(now, 1).contains("balance"));
    assert!(differs(&now, 1).contains("(until `resume`)"), "{now}");
    assert_eq!(ctl(path, &["resume"]).0, Some(0));
    wait(path, "it still holds", 150, |now| now["may_open"] == true);
    // what was said holds for the next process
    run.signal("-KILL");
    drop(run);
    let run = begin(path, &best, port);
    wait(path, "it holds again", 150, |now| now["may_open"] == true);
    fs::write(path.join("run/PAUSE"), "enough").expect("writes");
    run.signal("-TERM");
    let (_, line) = ended(path, run, 90);
    assert_eq!(field(&line, "agrees"), "true", "{line}");
}

/// Killed though a leg is gone, it ends, and says that the accounts are not what was believed. An order that is not ours stays.
#[test]
fn a_kill_ends_though_a_leg_is_gone_and_a_foreign_order_is_never_cancelled() {
    let dir = folder();
    let path = dir.path();
    let faults = [intrusion("position", "grvt", 5), intrusion("order", "lighter", 5)].concat();
    let (_market, _, _, run) = locked(path, &FAST, &faults, 2);
    wait(path, "nothing differs", 90, |now| {
        differs(now, 1).contains("position 0") && differs(now, 0).contains("an order that is not ours ")
    });
    assert_eq!(ctl(path, &["kill", "--reason", "gone"]).0, Some(0));
    let (code, line) = ended(path, run, 90);
    assert_eq!((code, field(&line, "ending"), field(&line, "agrees")), (Some(1), "killed", "false"), "{line}");
    let report: Value = serde_json::from_str(&line).expect("JSON");
    let venues = &report["report"]["venues"];
    assert_eq!((&venues[0]["position"], &venues[1]["position"]), (&Value::from("0"), &Value::from("0")), "{line}");
    // it may have filled meanwhile
    let is_open = venues[0]["venue_open_orders"] == 1;
    assert_eq!(venues[0]["venue_position"], if is_open { "0" } else { "0.01" }, "{line}");
    assert_eq!((&venues[1]["venue_position"], &venues[1]["venue_open_orders"]), (&Value::from("0"), &Value::from(0)));
}

/// A second folder on the account is refused; a copy of the folder elsewhere is found out by its fills.
#[test]
fn one_process_trades_on_an_account() {
    let dir = folder();
    let path = dir.path();
    let (_market, port, best, run) = locked(path, &SLOW, "", 30);
    let host = format!("127.0.0.1:{port}");
    fs::create_dir_all(path.join("other")).expect("a folder");
    fs::copy(path.join("run/live.toml"), path.join("other/live.toml")).expect("copies");
    let start = ["--config", &best, "--mode", "emulated", "--attach", &host, "--run"];
    let begin_in = |name: &str, state: &str| {
        let mut command = Command::new(LIVE);
        command.args(start).args([name, "--quiet"]).current_dir(path).env("PERPX_STATE", path.join(state));
        command.stdout(std::process::Stdio::null()).stderr(fs::File::create(path.join("err2")).expect("a file"));
        command.spawn().expect("it starts")
    };
    assert_eq!(begin_in("other", "state").wait().expect("ends").code(), Some(4));
    let err = fs::read_to_string(path.join("err2")).expect("what it said");
    assert!(err.contains("trades on account 1 of lighter") && err.contains("end the other run first"), "{err}");
    // whoever places orders there, or cancels what is open, is refused beside it
    fs::copy(path.join("run/best.yml"), path.join("other/best.yml")).expect("copies");
    for asked in [&["probe", "other"][..], &["preflight", "other", "--testnet-order"]] {
        let mut command = Command::new(LIVE);
        let asked = command.args(asked).current_dir(path).env("PERPX_STATE", path.join("state")).output();
        let output = asked.expect("it runs");
        let err = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(4), "{err}");
        assert!(err.contains("trades on account 1 of lighter"), "{err}");
    }
    // a copy on a machine of its own
    let copied = Command::new("cp").args(["-r", "run", "copy"]).current_dir(path).status().expect("cp is there");
    assert!(copied.success());
    fs::remove_file(path.join("copy/ctl.sock")).expect("removes");
    let mut copy = begin_in("copy", "elsewhere");
    let began = std::time::Instant::now();
    while ran(LIVE, path, &["ctl", "copy", "flatten"]).0 != Some(0) {
        assert!(began.elapsed().as_secs() < 60, "the copy does not go on");
        std::thread::sleep(std::time::Duration::from_millis(200));
    }
    let (code, _) = ended(path, run, 120);
    let err = fs::read_to_string(path.join("err")).expect("what it said");
    assert!(code == Some(4) && err.contains("another process trades this run"), "{code:?} {err}");
    copy.kill().expect("it ends");
    copy.wait().expect("it has ended");
}

/// A locked position of which a leg cannot be closed whole by what its venue takes stays whole though it is to be closed: no leg is left alone.
/// It is closed as soon as that is over.
#[test]
fn a_locked_position_that_cannot_be_closed_whole_stays_locked() {
    let dir = folder();
    let path = dir.path();
    let worse = "[[fault]]\nkind = \"market-rules\"\nvenue = \"grvt\"\nat = \"1s\"\ntimes = 50\nfor = \"30s\"\n";
    let (_market, _, _, run) = locked(path, &["--start-at", "9600", "--speed", "10"], worse, 5);
    let words = "0.01 cannot be closed whole: orders are in steps of 0.05 there";
    let began = std::time::Instant::now();
    while !differs(&wait(path, "it is shown", 5, |_| true), 1).contains(words) {
        assert!(began.elapsed().as_secs() < 60, "what the venue takes now is not known");
        // an operator who looks reads the rules
        assert_eq!(ctl(path, &["resume", "--reason", "looked at"]).0, Some(0));
        std::thread::sleep(std::time::Duration::from_secs(4));
    }
    let sent = seen(path).len();
    assert_eq!(ctl(path, &["flatten", "--reason", "the test"]).0, Some(0));
    std::thread::sleep(std::time::Duration::from_secs(5));
    let now = wait(path, "it is shown", 5, |_| true);
    let why =
        now["why_not"].as_array().expect("a list").iter().filter_map(Value::as_str).collect::<Vec<_>>().join("; ");
    assert!(now["state"] == "S3" && why.contains(&format!("grvt: {words}")), "{now}");
    assert_eq!(seen(path).len(), sent, "nothing leaves");
    let is_flat = |now: &Value| (0..2).all(|role| now["held"][role]["position"] == "0");
    wait(path, "it does not close", 120, |now| now["state"] == "S0" && is_flat(now));
    fs::write(path.join("run/PAUSE"), "enough").expect("writes");
    run.signal("-TERM");
    let (_, line) = ended(path, run, 90);
    assert_eq!(field(&line, "agrees"), "true", "{line}");
}

/// While a market says that it takes nothing, not even what reduces, a locked position stays whole though it is to be closed. It goes as soon
/// as the market takes closes.
#[test]
fn a_locked_position_waits_for_a_market_that_takes_nothing() {
    let dir = folder();
    let path = dir.path();
    let worse = "[[fault]]\nkind = \"market-status\"\nvenue = \"grvt\"\nstatus = \"paused\"\nat = \"1s\"\nfor = \"20s\"\n\
                 [[fault]]\nkind = \"market-status\"\nvenue = \"grvt\"\nstatus = \"reduce-only\"\nat = \"21s\"\n";
    let (_market, _, _, run) = locked(path, &["--start-at", "9600", "--speed", "10"], worse, 5);
    let says = |now: &Value, what: &str| {
        let all = now["why_not"].as_array().into_iter().flatten();
        all.filter_map(Value::as_str).any(|why| why.starts_with("grvt: the market ") && why.contains(what))
    };
    let now = wait(path, "the market is not closed", 15, |now| says(now, " is "));
    assert_eq!(now["state"], "S3", "{now}");
    let sent = seen(path).len();
    let (code, text) = ctl(path, &["flatten", "--reason", "the test"]);
    assert!(code == Some(0) && text.contains("it waits: grvt: the market is "), "{code:?} {text}");
    std::thread::sleep(std::time::Duration::from_secs(5));
    let now = wait(path, "it is shown", 5, |_| true);
    assert!(now["state"] == "S3" && says(&now, " is "), "{now}");
    assert_eq!(seen(path).len(), sent, "nothing leaves");
    let is_flat = |now: &Value| (0..2).all(|role| now["held"][role]["position"] == "0");
    let now = wait(path, "it does not close", 120, |now| now["state"] == "S0" && is_flat(now));
    assert!(says(&now, "reduces alone"), "{now}");
    fs::write(path.join("run/PAUSE"), "enough").expect("writes");
    run.signal("-TERM");
    let (_, line) = ended(path, run, 90);
    assert_eq!(field(&line, "agrees"), "true", "{line}");
}

/// GRVT's steps become five times as large while a run is locked. What it closes is made in the new steps; nothing opens
/// until an operator has looked.
#[test]
fn what_a_venue_takes_is_read_again() {
    let dir = folder();
    let path = dir.path();
    let worse = "[[fault]]\nkind = \"market-rules\"\nvenue = \"grvt\"\nat = \"1s\"\ntimes = 5\n";
    let (_market, _, _, run) = locked(path, &["--start-at", "9600", "--speed", "10"], worse, 5);
    std::thread::sleep(std::time::Duration::from_secs(3));
    assert_eq!(ctl(path, &["flatten", "--reason", "the test"]).0, Some(0));
    let is_flat = |now: &Value| (0..2).all(|role| now["held"][role]["position"] == "0");
    wait(path, "it does not close", 60, |now| now["state"] == "S0" && is_flat(now));
    let words = "grvt: tick 0.5, swept 0.1 (until `resume`)";
    let holds = |now: &Value| {
        let all = now["why_not"].as_array().into_iter().flatten();
        all.filter_map(Value::as_str).any(|why| why.contains(words))
    };
    // a price of ours is one in the new steps by chance, one in five: then nothing was refused, and it is read when an operator looks
    let shown = wait(path, "it is shown", 5, |_| true);
    if !holds(&shown) {
        assert_eq!(ctl(path, &["resume", "--reason", "is it so?"]).0, Some(0));
    }
    let now = wait(path, words, 60, holds);
    assert!(differs(&now, 1).contains("tick 0.5, swept 0.1"), "it is alerted and shown with what differs: {now}");
    // whatever an operator says, a leg would open that no order can lock
    assert_eq!(ctl(path, &["resume", "--reason", "looked at"]).0, Some(0));
    let now = wait(path, "it is paused", 20, |now| now["verbs"].as_array().is_some_and(Vec::is_empty));
    assert!(now["may_open"] == false && holds(&now), "{now}");
    fs::write(path.join("run/PAUSE"), "enough").expect("writes");
    run.signal("-TERM");
    let (_, line) = ended(path, run, 90);
    assert_eq!(field(&line, "agrees"), "true", "{line}");
}
