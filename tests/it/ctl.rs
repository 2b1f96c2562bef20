//! What an operator says to a run, as he says it: by `perpx-live ctl`, by files in its folder, by signals, by live.toml.

use crate::attach::{ACCOUNT, LIVE, SAMPLE, begin, folder, journal, live_file, market, seen};
use crate::not_tested::not_tested;
use crate::panel::get;
use crate::paper::{best, field, ran};
use crate::record::Running;
use crate::sweep::BASE;
use serde_json::Value;
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

const TAPE: [&str; 10] =
    ["--tape", SAMPLE, "--from", "2026-01-05", "--to", "2026-01-06", "--start-at", "9000", "--speed", "60"];

/// Says it; what came back, with its code.
pub(crate) fn ctl(dir: &Path, words: &[&str]) -> (Option<i32>, String) {
    ran(LIVE, dir, &[&["ctl", "run"], words].concat())
}

/// What is in force and held; `None`: nobody listens yet.
fn status(dir: &Path) -> Option<Value> {
    let (code, text) = ctl(dir, &["status", "--json"]);
    let line = text.lines().find(|line| line.starts_with('{'))?;
    let answer: Value = serde_json::from_str(line).expect("JSON");
    (code == Some(0) && answer["body"]["state"].is_string()).then(|| answer["body"].clone())
}

/// Waits for what `is` asks for.
pub(crate) fn wait(dir: &Path, what: &str, seconds: u64, is: impl Fn(&Value) -> bool) -> Value {
    let began = Instant::now();
    let mut last = None;
    while began.elapsed() < Duration::from_secs(seconds) {
        if let Some(now) = status(dir) {
            if is(&now) {
                return now;
            }
            last = Some(now);
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    let err = fs::read_to_string(dir.join("err")).unwrap_or_default();
    panic!("{what} after {seconds} s: {last:?}\n{err}");
}

pub(crate) fn is_in(state: &'static str) -> impl Fn(&Value) -> bool {
    move |now| now["state"] == state
}

fn has(now: &Value, verb: &str) -> bool {
    now["verbs"].as_array().expect("verbs").iter().any(|said| said["verb"] == verb)
}

/// Its code and the JSON that it ended with; bounded in time.
pub(crate) fn ended(dir: &Path, run: Running, seconds: u64) -> (Option<i32>, String) {
    let mut run = run;
    let began = Instant::now();
    while run.0.try_wait().expect("a process").is_none() {
        let err = || fs::read_to_string(dir.join("err")).unwrap_or_default();
        assert!(began.elapsed() < Duration::from_secs(seconds), "it goes on: {:?}\n{}", status(dir), err());
        std::thread::sleep(Duration::from_millis(50));
    }
    let out = fs::read_to_string(dir.join("out")).expect("what it printed");
    (run.code(), out.lines().last().unwrap_or_default().to_owned())
}

/// A locked position that no band and no time lets go of.
pub(crate) fn locks() -> String {
    BASE.replace("g_pct: 0.001", "g_pct: 0.0002").replace("t_max_sec: 600", "t_max_sec: 200000, min_lock_sec: 200000")
}

/// A first leg that nothing locks and nothing stops.
fn stands_alone() -> String {
    BASE.replace("g_pct: 0.001", "g_pct: 0.2").replace("stop_loss_first_leg: 0.002", "stop_loss_first_leg: 0.2")
}

/// Killed in a locked position it closes both legs, ends with 6 and does not start again before that is cleared; parked there it leaves
/// them, with 7. Between: pauses by word and by file, live.toml read again.
#[test]
fn a_locked_position_is_killed_and_parked() {
    let dir = folder();
    let path = dir.path();
    let best = best(path, &locks());
    let witness = path.join("witness.jsonl").display().to_string();
    let (_market, port) = market(path, &[&TAPE[..], &["--witness", &witness]].concat());
    live_file(path, port, &format!("{ACCOUNT}[limits]\nmax_order_qty = 0.5\nmax_loss_day = 5000\n"));
    let (code, text) = ctl(path, &["status"]);
    assert!(code == Some(0) && text.contains("no process has run"), "{code:?} {text}");
    let (code, text) = ctl(path, &["park"]);
    assert!(code == Some(2) && text.contains("no process has run; accepted then: status, pause"), "{code:?} {text}");

    let run = begin(path, &best, port);
    // a market that plays this fast is stale now and then
    let locked = wait(path, "it does not lock", 90, |now| now["state"] == "S3" && now["may_open"] == true);
    assert!(locked["loss_limits"][0] == 5_000.0, "{locked}");
    let (code, text) = ctl(path, &["kill", "--reason", "a drill"]);
    assert!(code == Some(0) && text.contains("none starts before `clear-kill`"), "{code:?} {text}");
    assert!(text.contains("everything is being closed"), "{text}");
    let (code, line) = ended(path, run, 60);
    assert_eq!((code, field(&line, "ending"), field(&line, "agrees")), (Some(6), "killed", "true"), "{line}");
    assert!(fs::read_to_string(path.join("run/KILL")).expect("the latch").contains("a drill"));
    let run = begin(path, &best, port);
    assert_eq!(ended(path, run, 30).0, Some(6));
    let err = fs::read_to_string(path.join("err")).expect("what it said");
    assert!(err.contains("run was killed") && err.contains("clear-kill --reason TEXT"), "{err}");
    let (code, text) = ctl(path, &["clear-kill"]);
    assert!(code == Some(2) && text.contains("--reason TEXT") && path.join("run/KILL").exists(), "{code:?} {text}");
    let (code, text) = ctl(path, &["clear-kill", "--reason", "looked at both"]);
    assert!(code == Some(0) && text.contains("look at both") && !path.join("run/KILL").exists(), "{code:?} {text}");

    let run = begin(path, &best, port);
    wait(path, "it does not lock again", 90, is_in("S3"));
    let (code, text) = ctl(path, &["quit"]);
    assert!(code == Some(2) && text.contains("--leave-positions run"), "{code:?} {text}");
    paused(path);
    reloaded(path, port);
    let placed = seen(path).len();
    run.signal("-TERM");
    let (code, line) = ended(path, run, 60);
    assert_eq!((code, field(&line, "ending"), field(&line, "agrees")), (Some(7), "parked", "true"), "{line}");
    assert_eq!(seen(path).len(), placed, "a park of a locked position sends nothing");
    parked(path);
    let run = begin(path, &best, port);
    goes_on(path);
    run.signal("-TERM");
    assert_eq!(ended(path, run, 60).0, Some(7));
    let said: Vec<String> = journal(path)
        .iter()
        .filter(|record| record["kind"] == "operator")
        .map(|record| record["body"]["verb"].as_str().expect("a verb").to_owned())
        .collect();
    assert_eq!(said, ["kill", "clear-kill", "pause", "resume", "pause", "resume", "park", "park"]);
    let changed = journal(path).into_iter().filter(|record| record["kind"] == "reload").collect::<Vec<_>>();
    assert_eq!(changed.len(), 2, "{changed:?}");

    // killed while nobody has it: the next start closes what was left, and ends so
    assert_eq!(ctl(path, &["kill", "--reason", "nobody is there"]).0, Some(0));
    let run = begin(path, &best, port);
    let (code, line) = ended(path, run, 60);
    assert_eq!((code, field(&line, "ending"), field(&line, "agrees")), (Some(6), "killed", "true"), "{line}");
}

/// What a process that is gone left is told as it was at last, not as it began: both legs, and as of when.
fn parked(path: &Path) {
    let (code, text) = ctl(path, &["status", "--json"]);
    let answer: Value = serde_json::from_str(text.trim()).expect("JSON");
    let last = &answer["body"]["last"];
    let held = |v: usize| last["held"][v]["position"].as_str().expect("a position").parse::<f64>().expect("a number");
    assert!(code == Some(0) && last["state"] == "S3" && last["orders_under_way"] == 0, "{answer}");
    assert!(held(0) > 0.0 && held(1) == -held(0), "{answer}");
    assert!(last["at"].as_str().expect("when").starts_with("2026-01-05 "), "{answer}");
    let (_, text) = ctl(path, &["status"]);
    assert!(text.contains("no process has run") && text.contains("state     S3 as of 2026-01-05 "), "{text}");
}

/// The next process goes on with it: what it says of itself is what was held, with signs, and no state that it is not in. It is spoken
/// to although its live.toml is away.
fn goes_on(path: &Path) {
    wait(path, "it does not go on", 30, is_in("S3"));
    let out = fs::read_to_string(path.join("out")).expect("what it printed");
    let line = out.lines().find(|line| line.starts_with("recovered: S3, ")).expect("a line");
    let qty = |venue: &str| {
        let before = line.split(&format!(" at {venue}")).next().expect("a part");
        before.rsplit(' ').next().expect("a number").parse::<f64>().expect("a number")
    };
    assert!(qty("lighter") == -qty("grvt") && qty("grvt") != 0.0, "{line}");
    let live = path.join("run/live.toml");
    let file = fs::read(&live).expect("reads");
    fs::remove_file(&live).expect("removes");
    assert!(status(path).is_some_and(|now| now["state"] == "S3"), "it is not spoken to");
    let (code, text) = ctl(path, &["reload"]);
    assert!(code == Some(2) && text.contains("live.toml cannot be read"), "{code:?} {text}");
    fs::write(&live, file).expect("writes");
    // the line of progress, once in ten seconds
    let began = Instant::now();
    loop {
        let err = fs::read_to_string(path.join("err")).expect("what it said");
        let progress: Vec<&str> = err.lines().filter(|line| line.contains(" trades, ")).collect();
        assert!(progress.iter().all(|line| line.contains("  S3, 0 trades, ")), "{progress:?}");
        if !progress.is_empty() {
            return;
        }
        assert!(began.elapsed() < Duration::from_secs(30), "{err}");
        std::thread::sleep(Duration::from_millis(200));
    }
}

/// By word, and by a file that comes and goes.
fn paused(path: &Path) {
    let (code, text) = ctl(path, &["pause", "--reason", "lunch"]);
    assert!(code == Some(0) && text.contains("nothing opens until `resume`"), "{code:?} {text}");
    let now = wait(path, "no pause", 5, |now| has(now, "pause"));
    assert!(now["may_open"] == false && now["why_not"][0].as_str().expect("why").starts_with("pause by ctl"), "{now}");
    assert!(fs::read_to_string(path.join("run/PAUSE")).expect("kept").contains("lunch"));
    assert_eq!(ctl(path, &["resume"]).0, Some(0));
    wait(path, "still paused", 5, |now| now["may_open"] == true);
    assert!(!path.join("run/PAUSE").exists());
    fs::write(path.join("run/PAUSE"), "tea").expect("writes");
    wait(path, "the file says nothing", 5, |now| has(now, "pause") && now["verbs"][0]["who"] == "the file PAUSE");
    assert_eq!(ctl(path, &["resume"]).0, Some(0));
    wait(path, "still paused", 5, |now| now["may_open"] == true && !path.join("run/PAUSE").exists());
}

/// To the stricter side alone, key by key; what is no live.toml changes nothing.
fn reloaded(path: &Path, port: u16) {
    let limits =
        |qty: &str| live_file(path, port, &format!("{ACCOUNT}[limits]\nmax_order_qty = {qty}\nmax_loss_day = 5000\n"));
    let is = |qty: &'static str| move |now: &Value| now["limits"]["max_order_qty"] == qty;
    limits("0.25");
    wait(path, "the file is not read", 10, is("0.25"));
    limits("0.75");
    let (code, text) = ctl(path, &["reload"]);
    let line = "limits.max_order_qty  0.25 -> 0.75  above 0.5, where it stood at the start: end the run";
    assert!(code == Some(2) && text.contains(line), "{code:?} {text}");
    wait(path, "it was loosened", 5, is("0.25"));
    limits("-1");
    let (code, text) = ctl(path, &["reload"]);
    assert!(
        code == Some(2) && text.contains("live.toml:7") && text.contains("max_order_qty: found -1"),
        "{code:?} {text}"
    );
    limits("0.25");
    let (code, text) = ctl(path, &["reload"]);
    assert!(code == Some(0) && text.contains("nothing reads otherwise"), "{code:?} {text}");
}

/// A first leg: closed by SIGUSR2, after which nothing opens; opened again after a resume, and closed by a park, with 0.
#[test]
fn a_first_leg_is_flattened_and_parked() {
    let dir = folder();
    let path = dir.path();
    let best = best(path, &stands_alone());
    let (_market, port) = market(path, &TAPE);
    live_file(path, port, ACCOUNT);
    let run = begin(path, &best, port);
    wait(path, "nothing opens", 90, is_in("S1"));
    run.signal("-USR2");
    let is_over = |now: &Value| now["state"] == "S0" && has(now, "pause") && !has(now, "flatten");
    let now = wait(path, "it is not closed", 30, is_over);
    assert!(now["may_open"] == false, "{now}");
    let orders = |record: &Value| record["body"]["commands"].as_array().map_or(0, Vec::len);
    let placed = journal(path).iter().map(orders).sum::<usize>();
    std::thread::sleep(Duration::from_secs(5));
    assert_eq!(
        journal(path).iter().map(orders).sum::<usize>(),
        placed,
        "five minutes of its market, and nothing is sent"
    );
    assert_eq!(ctl(path, &["resume", "--reason", "seen"]).0, Some(0));
    wait(path, "nothing opens again", 90, is_in("S1"));
    run.signal("-INT");
    run.signal("-INT");
    let (code, line) = ended(path, run, 60);
    assert_eq!((code, field(&line, "ending"), field(&line, "agrees")), (Some(0), "flat", "true"), "{line}");
}

/// What opens is refused by key, value and limit before it leaves, is written down and counted; nothing reaches the venues.
#[test]
fn a_limit_keeps_orders_from_leaving() {
    let dir = folder();
    let path = dir.path();
    let best = best(path, &stands_alone());
    let witness = path.join("witness.jsonl").display().to_string();
    let (_market, port) = market(path, &[&TAPE[..], &["--witness", &witness]].concat());
    live_file(path, port, &format!("{ACCOUNT}[limits]\nmax_order_qty = 0.001\n"));
    let run = begin(path, &best, port);
    wait(path, "nothing is refused", 90, |now| {
        now["refusals"]["max_order_qty"].as_u64().is_some_and(|times| times > 1)
    });
    run.signal("-TERM");
    let (code, line) = ended(path, run, 60);
    assert_eq!((code, field(&line, "ending"), field(&line, "trades")), (Some(0), "flat", "0"), "{line}");
    let refused =
        journal(path).into_iter().find(|record| record["kind"] == "gate" && record["body"]["refused"].is_object());
    let refused = refused.expect("a refusal");
    let told = serde_json::json!({ "key": "max_order_qty", "value": "0.01", "limit": "0.001" });
    assert_eq!(refused["body"]["refused"], told, "{refused}");
    assert!(seen(path).is_empty(), "{:?}", seen(path));
}

/// A venue of a locked position cannot be reached: the position is neutral, and a flatten closes neither leg before it is back.
#[test]
fn a_locked_position_waits_for_a_venue_that_is_lost() {
    let dir = folder();
    let path = dir.path();
    let best = best(path, &locks());
    let witness = path.join("witness.jsonl").display().to_string();
    let fault = "[[fault]]\nat = \"75s\"\nkind = \"partition\"\nvenue = \"grvt\"\nfor = \"15s\"\n";
    fs::write(path.join("faults.toml"), fault).expect("writes");
    let faults = path.join("faults.toml").display().to_string();
    let began = Instant::now();
    let (_market, port) = market(path, &[&TAPE[..], &["--witness", &witness, "--faults", &faults]].concat());
    live_file(path, port, ACCOUNT);
    let run = begin(path, &best, port);
    wait(path, "it does not lock", 120, is_in("S3"));
    if began.elapsed() > Duration::from_secs(70) {
        return not_tested("the position was locked too late for the fault");
    }
    let placed = seen(path).len();
    let is_lost = |now: &Value| {
        let why = now["why_not"].as_array().expect("reasons");
        why.iter().any(|why| why == "a venue of the locked position cannot be reached")
    };
    wait(path, "grvt is not lost", 90, is_lost);
    // a market that plays this fast is stale now and then without a fault
    let until = (began + Duration::from_secs(78)).saturating_duration_since(Instant::now());
    std::thread::sleep(until);
    // the page and `ctl` say the same, and why
    let out = fs::read_to_string(path.join("out")).expect("what it printed");
    let at = out.lines().find_map(|line| line.strip_prefix("panel     http://")).expect("a page").trim_end_matches('/');
    let is_away = |why: &Value| {
        why.as_array()
            .expect("reasons")
            .iter()
            .any(|why| why.as_str().is_some_and(|why| why.starts_with("quotes of grvt are ")))
    };
    let now = status(path).expect("it listens");
    assert!(now["may_open"] == false && is_away(&now["why_not"]), "{now}");
    let (code, text) = get(at, "/ready");
    let ready: Value = serde_json::from_str(&text).expect("JSON");
    assert!(code == 503 && is_away(&ready["shut_by"]), "{code} {text}");
    let (code, text) = ctl(path, &["flatten", "--reason", "a drill"]);
    assert!(code == Some(0) && text.contains("everything is being closed, `status` says when it is"), "{text}");
    std::thread::sleep(Duration::from_secs(4));
    let now = status(path).expect("it listens");
    assert!(now["state"] == "S3" && has(&now, "flatten") && is_lost(&now), "{now}");
    assert_eq!(seen(path).len(), placed, "an order was sent while one leg could not be closed");
    wait(path, "it is not closed", 60, |now| now["state"] == "S0" && has(now, "pause"));
    run.signal("-TERM");
    let (code, line) = ended(path, run, 60);
    assert_eq!((code, field(&line, "ending"), field(&line, "agrees")), (Some(0), "flat", "true"), "{line}");
}

/// A venue's clock that runs away keeps everything from opening; it is measured by what keeps the lanes warm, and so are these.
#[test]
fn a_clock_that_is_away_opens_nothing() {
    let dir = folder();
    let path = dir.path();
    let best = best(path, &locks());
    let fault = "[[fault]]\nat = \"0s\"\nfor = \"40s\"\nkind = \"clock-ahead\"\nby = \"3s\"\nvenue = \"grvt\"\n";
    fs::write(path.join("faults.toml"), fault).expect("writes");
    let faults = path.join("faults.toml").display().to_string();
    let tape = ["--tape", SAMPLE, "--from", "2026-01-05", "--to", "2026-01-06", "--start-at", "9000", "--speed", "1"];
    let (_market, port) = market(path, &[&tape[..], &["--faults", &faults]].concat());
    live_file(path, port, ACCOUNT);
    let run = begin(path, &best, port);
    let is_away = |now: &Value| {
        let why = now["why_not"].as_array().expect("reasons");
        let is = |words: &str| why.iter().any(|why| why.as_str().is_some_and(|why| why.starts_with(words)));
        is("clock_drift_ms") && is("clock: grvt's is +3.0 s") && now["lane_ms"].is_number()
    };
    let now = wait(path, "the clock is not measured", 60, is_away);
    let offset = |v: usize| now["clocks"][v]["offset_ns"].as_f64().expect("measured") * 1e-9;
    let names = [0, 1].map(|v: usize| now["held"][v]["venue"].as_str().expect("a name").to_owned());
    let grvt = usize::from(names[1] == "grvt");
    assert!((2.5..3.5).contains(&offset(grvt)) && offset(1 - grvt).abs() < 1.5, "{now}");
    assert!(now["may_open"] == false && now["lane_ms"].as_f64().is_some_and(|ms| ms > 0.0), "{now}");
    let (_, text) = ctl(path, &["status"]);
    assert!(text.contains("clock     grvt's is +") && text.contains("lanes     "), "{text}");
    // it ends by itself when the clock is back
    let is_back = |now: &Value| {
        let why = now["why_not"].as_array().expect("reasons");
        why.iter().all(|why| why.as_str().is_some_and(|why| !why.starts_with("clock")))
    };
    wait(path, "the clock is not back", 60, is_back);
    run.signal("-TERM");
    let (code, line) = ended(path, run, 60);
    assert_eq!((code, field(&line, "ending")), (Some(0), "flat"), "{line}");
}

/// A clock that is ahead by more than an order lives takes orders all the same, since their expiries are told in it.
#[test]
fn orders_live_by_their_venues_clock() {
    let dir = folder();
    let path = dir.path();
    let best = best(path, &locks());
    // at 20 times real time an order lives for less than a second of the wall
    let fault = "[[fault]]\nat = \"0s\"\nkind = \"clock-ahead\"\nby = \"1900ms\"\nvenue = \"grvt\"\n";
    fs::write(path.join("faults.toml"), fault).expect("writes");
    let faults = path.join("faults.toml").display().to_string();
    let tape = ["--tape", SAMPLE, "--from", "2026-01-05", "--to", "2026-01-06", "--start-at", "9000", "--speed", "20"];
    let (_market, port) = market(path, &[&tape[..], &["--faults", &faults]].concat());
    live_file(path, port, &format!("on_stop = \"close\"\n{ACCOUNT}[limits]\nclock_drift_ms = 5000\n"));
    let run = begin(path, &best, port);
    wait(path, "it does not lock", 120, |now| now["state"] == "S3");
    run.signal("-TERM");
    let (code, line) = ended(path, run, 60);
    assert_eq!((code, field(&line, "ending"), field(&line, "agrees")), (Some(0), "flat", "true"), "{line}");
}
