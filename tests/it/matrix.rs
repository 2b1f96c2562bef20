//! What goes wrong, by what the strategy is doing then and at which venue: a run at emulators of another process, the fault let loose when the
//! run comes there. In each: what it comes to, what is alerted, what is counted; both sides agree, no order comes twice, none is left.
//! The rows stand in `docs/failures.md`. Which are tried: `PERPX_MATRIX=ROW[,ROW]` (a part of their names), all states and venues of them.

use crate::attach::{SAMPLE, journal};
use crate::faulted::{Place, Process, metric, overdue, placed, round_trips, wall_ns};
use crate::panel::ask;
use crate::paper::best;
use crate::sweep::BASE;
use perpx::units::{SECOND, Time, TimeDelta};
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::time::{Duration, Instant};

/// Market seconds a second: times of the client's connections are those of the wall.
const SPEED: f64 = 10.0;
/// Where the market begins, seconds of the day: it opens after 48 s, locks 40 s later.
const FROM: u32 = 5 * 3_600 + 22 * 60;
/// From the first leg to the lock, less what it takes to say so, market seconds.
const TO_LOCK: f64 = 40.2;
/// A locked position is held so long, one leg alone as well.
const HELD: i64 = 90;
/// After a fault S3 is left within so long.
const LEFT: TimeDelta = SECOND.times(60);
/// Runs at once: they sleep for most of their time.
const TOGETHER: usize = 16;

/// What the strategy is doing when it goes wrong.
const STATES: [&str; 6] = ["S0", "S1", "S2", "S3", "S4", "flatten"];
const VENUES: [&str; 3] = ["lighter", "grvt", "both"];

/// What goes wrong.
#[derive(Clone, Copy)]
enum Act {
    /// Faults of the emulators, an inline table each; times are the market's.
    Faults(&'static [&'static str]),
    /// The same from the start on.
    Early(&'static [&'static str]),
    /// Files of the run can grow no more.
    DiskFull,
    /// The whole process stands still, seconds of the wall.
    Stalls(u64),
    /// It is killed, and begun again.
    Killed,
}

struct Row {
    name: &'static str,
    act: Act,
    /// Market seconds until it is over.
    lasts: f64,
    /// Venues at which it is tried.
    venues: &'static [&'static str],
    /// States in which it is tried.
    states: &'static [&'static str],
    /// Rules that are alerted whatever the state.
    must: &'static [&'static str],
    /// Those that may be, by state.
    may: &'static [&'static str],
    /// Metrics that are above 0 in the end, in every state.
    moves: &'static [&'static str],
    /// Those that stay 0.
    stays: &'static [&'static str],
    /// It hits the orders that are sent after it, and nothing else.
    hits_orders: bool,
    /// Exit code.
    code: i32,
}

const ANY: Row = Row {
    name: "",
    act: Act::Faults(&[]),
    lasts: 0.0,
    venues: &VENUES,
    states: &STATES,
    must: &[],
    may: &[],
    moves: &[],
    stays: &[],
    hits_orders: false,
    code: 0,
};
/// What a venue that does not answer comes to where a leg or an order is there.
const SILENT: &[&str] = &["closed", "doubt", "feed", "gateway", "hedge", "leg alone", "limited", "login", "rejects"];
/// What a process that stood still hears late, and has not done.
const STALLED: &[&str] = &["stalled", "feed", "journal", "doubt", "hedge", "leg alone", "rejects"];
/// One of them, or none, where an order was under way.
const DOUBTS: &[&str] = &["doubt", "gateway", "leg alone", "limited"];

fn rows() -> Vec<Row> {
    use Act::{Early, Faults};
    vec![
        Row {
            name: "socket cut",
            act: Faults(&["kind = \"drop-socket\", for = \"20s\""]),
            lasts: 20.0,
            may: DOUBTS,
            moves: &["perpx_reconnects_total"],
            ..ANY
        },
        Row {
            name: "half-open line",
            act: Faults(&["kind = \"partition\", for = \"150s\""]),
            lasts: 150.0,
            must: &["feed"],
            may: SILENT,
            moves: &["perpx_reconnects_total"],
            ..ANY
        },
        Row {
            name: "idle streams closed",
            act: Faults(&["kind = \"idle-close\", after = \"220s\", for = \"600s\""]),
            lasts: 300.0,
            stays: &["perpx_reconnects_total"],
            ..ANY
        },
        Row {
            name: "idle lanes closed",
            act: Early(&["kind = \"idle-close\", after = \"220s\", for = \"600s\""]),
            lasts: 0.0,
            stays: &["perpx_reconnects_total", "perpx_unknown_outcomes_total"],
            ..ANY
        },
        Row {
            name: "frames missing",
            act: Faults(&["kind = \"skip-sequence\", count = 5, containing = \"\""]),
            may: DOUBTS,
            ..ANY
        },
        Row {
            name: "frames twice",
            act: Faults(&["kind = \"duplicate\", for = \"60s\", containing = \"\""]),
            lasts: 60.0,
            ..ANY
        },
        Row {
            name: "frames reordered",
            act: Faults(&["kind = \"reorder\", for = \"60s\", containing = \"\""]),
            lasts: 60.0,
            may: DOUBTS,
            ..ANY
        },
        Row {
            name: "frames late",
            act: Faults(&["kind = \"delay\", by = \"30s\", for = \"60s\", containing = \"\""]),
            lasts: 90.0,
            may: SILENT,
            ..ANY
        },
        Row { name: "stale book", act: Faults(&["kind = \"stale-feed\", for = \"100s\""]), lasts: 100.0, ..ANY },
        Row {
            name: "fills dropped",
            act: Faults(&[
                "kind = \"skip-sequence\", for = \"100s\", containing = \"account_all\"",
                "kind = \"skip-sequence\", for = \"100s\", containing = \"v1.fill\"",
                "kind = \"skip-sequence\", for = \"100s\", containing = \"v1.order\"",
            ]),
            lasts: 100.0,
            may: DOUBTS,
            ..ANY
        },
        Row {
            name: "answer lost, order landed",
            act: Faults(&["kind = \"lost-answer\", count = 1"]),
            may: DOUBTS,
            moves: &["perpx_unknown_outcomes_total"],
            hits_orders: true,
            ..ANY
        },
        Row {
            name: "answer lost, never arrived",
            act: Faults(&["kind = \"answer-5xx\", count = 1"]),
            must: &[],
            may: DOUBTS,
            moves: &["perpx_unknown_outcomes_total"],
            hits_orders: true,
            ..ANY
        },
        Row {
            name: "order lands 1 s late",
            act: Faults(&["kind = \"late-request\", by = \"1s\", count = 1"]),
            may: DOUBTS,
            moves: &["perpx_unknown_outcomes_total"],
            hits_orders: true,
            ..ANY
        },
        Row {
            name: "order lands 9 s late",
            act: Faults(&["kind = \"late-request\", by = \"9s\", count = 1"]),
            may: DOUBTS,
            moves: &["perpx_unknown_outcomes_total"],
            hits_orders: true,
            ..ANY
        },
        Row {
            name: "429 on sends",
            act: Faults(&["kind = \"answer-429\", count = 2"]),
            must: &[],
            may: DOUBTS,
            hits_orders: true,
            ..ANY
        },
        Row {
            name: "gateway page on a send",
            act: Faults(&["kind = \"gateway-page\", count = 1"]),
            must: &[],
            may: DOUBTS,
            hits_orders: true,
            ..ANY
        },
        Row {
            name: "address banned",
            act: Faults(&["kind = \"gateway-page\", for = \"150s\", containing = \"\"", "kind = \"drop-socket\""]),
            lasts: 150.0,
            must: &["feed"],
            may: SILENT,
            moves: &[],
            ..ANY
        },
        Row { name: "session ended", act: Faults(&["kind = \"expired-login\""]), may: DOUBTS, ..ANY },
        Row {
            name: "keys revoked",
            act: Faults(&["kind = \"revoked-keys\", for = \"150s\""]),
            lasts: 150.0,
            must: &[],
            may: SILENT,
            hits_orders: true,
            ..ANY
        },
        Row {
            name: "nonce out of step",
            act: Faults(&["kind = \"foreign-nonce\""]),
            venues: &["lighter"],
            may: DOUBTS,
            ..ANY
        },
        Row {
            name: "venue halts",
            act: Faults(&["kind = \"halt\", for = \"150s\""]),
            lasts: 150.0,
            must: &[],
            may: SILENT,
            ..ANY
        },
        Row {
            name: "market inactive",
            act: Faults(&["kind = \"market-status\", status = \"paused\", for = \"100s\""]),
            lasts: 100.0,
            may: SILENT,
            must: &[],
            hits_orders: true,
            ..ANY
        },
        Row {
            name: "market reduces only",
            act: Faults(&["kind = \"market-status\", status = \"reduce-only\", for = \"100s\""]),
            lasts: 100.0,
            may: SILENT,
            ..ANY
        },
        Row {
            name: "prices out of the band",
            act: Faults(&["kind = \"price-band\", bp = 0, for = \"40s\""]),
            lasts: 40.0,
            may: SILENT,
            ..ANY
        },
        Row {
            name: "leg taken whole",
            act: Faults(&["kind = \"deleverage\", percent = 100"]),
            states: &["S1", "S2", "S3", "S4", "flatten"],
            may: &["liquidation", "leg alone"],
            ..ANY
        },
        Row {
            name: "leg taken in part",
            act: Faults(&["kind = \"deleverage\", percent = 50"]),
            states: &["S1", "S2", "S3", "S4", "flatten"],
            may: &["liquidation", "leg alone"],
            ..ANY
        },
        Row {
            name: "both venues down",
            act: Faults(&["kind = \"drop-socket\", for = \"300s\"", "kind = \"halt\", for = \"300s\""]),
            lasts: 300.0,
            venues: &["both"],
            must: &["feed"],
            may: SILENT,
            ..ANY
        },
        Row {
            name: "disk full",
            act: Act::DiskFull,
            venues: &["both"],
            must: &[],
            may: &["journal", "log", "doubt", "leg alone"],
            code: 5,
            ..ANY
        },
        Row { name: "engine stalls 2 s", act: Act::Stalls(2), lasts: 20.0, venues: &["both"], may: STALLED, ..ANY },
        Row { name: "engine stalls 10 s", act: Act::Stalls(10), lasts: 100.0, venues: &["both"], may: STALLED, ..ANY },
        Row { name: "process killed", act: Act::Killed, venues: &["both"], may: DOUBTS, ..ANY },
    ]
}

/// Rules that say what a run does, whatever goes wrong; an order that was to rest and would have taken is a `reject` too.
const USUAL: [&str; 8] = ["start", "stop", "first order", "state", "trade", "closing", "verb", "reject"];

/// What a case came to.
struct Came {
    row: &'static str,
    state: &'static str,
    venue: &'static str,
    /// Rules that were alerted beside the usual ones.
    alerts: BTreeSet<String>,
    /// The longest that S3 was held after both its time and the fault were over, market seconds.
    late: f64,
    trips: usize,
    orders: usize,
    hedges: usize,
    wrong: Vec<String>,
    kept: Option<PathBuf>,
}

/// Time, states and reason of each transition.
fn transitions(out: &str) -> Vec<(Time, String)> {
    crate::live_emulated::transitions(out)
}

/// The row's faults at a venue, `at` market seconds from now.
fn faults(act: Act, venue: &str, at: f64) -> String {
    let (Act::Faults(all) | Act::Early(all)) = act else { return String::new() };
    let one = |fault: &&str| format!("    {{ at = \"{at}s\", clock = \"market\", venue = \"{venue}\", {fault} }},\n");
    format!("fault = [\n{}]\n", all.iter().map(one).collect::<String>())
}

/// Lets it go wrong; the process that lives then.
fn strike(place: &mut Place, mut run: Process, row: &Row, (venue, at): (&str, f64)) -> Process {
    let wait = Duration::from_secs_f64(at / SPEED);
    match row.act {
        Act::Faults(_) => place.worse(&faults(row.act, venue, at)),
        Act::Early(_) => {}
        Act::DiskFull => {
            std::thread::sleep(wait);
            let id = run.id().to_string();
            let limited = Command::new("prlimit").args(["--pid", &id, "--fsize=0:0"]).status();
            assert!(limited.expect("prlimit").success());
        }
        Act::Stalls(seconds) => {
            std::thread::sleep(wait);
            run.signal("-STOP");
            std::thread::sleep(Duration::from_secs(seconds));
            run.signal("-CONT");
        }
        Act::Killed => {
            std::thread::sleep(wait);
            run.signal("-KILL");
            run.wait(Duration::from_secs(10));
            run = place.begin(true);
        }
    }
    run
}

fn case(best: &Path, (row, state, venue): (&Row, &'static str, &'static str)) -> Came {
    let from = FROM.to_string();
    let speed = SPEED.to_string();
    let tape = ["--tape", SAMPLE, "--from", "2026-01-05", "--to", "2026-01-06", "--start-at", &from, "--speed", &speed];
    // what may be asked for in a second of the wall is asked for in one of the market
    let tape = [&tape[..], &["--grvt-calls", "1000", "--weight", "240000"]].concat();
    let mut place = Place::new(best, &tape);
    if let Act::Early(_) = row.act {
        place.worse(&faults(row.act, venue, 0.0));
    }
    let mut run = place.begin(true);
    let mut wrong = Vec::new();
    let at = run.served();
    let reach = match state {
        "S0" => "emulated: from",
        "S1" | "S2" => "-> S1",
        "S3" | "flatten" => "-> S3",
        _ => "-> S4",
    };
    let other = if reach == "-> S4" { "-> S5" } else { reach };
    let is_there = run.says(Duration::from_secs(60), |text| text.contains(reach) || text.contains(other));
    if !is_there {
        wrong.push(format!("it does not come to {state}"));
    }
    let out_before = run.out();
    let after = if state == "S2" { TO_LOCK } else { 0.0 };
    let struck = wall_ns();
    run = strike(&mut place, run, row, (venue, after));
    if state == "flatten" {
        run.ctl(&["flatten", "--reason", "the test"]);
    }
    // the fault, the rest of a trade, and as long again
    let begun = Instant::now();
    let patience = Duration::from_secs_f64((row.lasts + 60.0 + 4.0 * HELD as f64) / SPEED);
    let least = Duration::from_secs_f64((row.lasts + after) / SPEED + 3.0);
    let is_over = |text: &str| transitions(text).last().is_some_and(|(_, step)| step.contains("-> S0"));
    let seen_before = transitions(&out_before).len();
    run.says(patience, |text| {
        let steps = transitions(text);
        (matches!(row.act, Act::Killed) || steps.len() > seen_before) && is_over(text) && begun.elapsed() > least
    });
    let metrics = at.filter(|_| run.ended().is_none() && !matches!(row.act, Act::Killed));
    let metrics = metrics.map(|at| ask(&at, "GET /metrics", &[], "").2).unwrap_or_default();
    let code = run.end(Duration::from_secs(60));
    judge(place, run, (row, state, venue), (code, &metrics, struck), wrong)
}

fn judge(
    place: Place,
    run: Process,
    (row, state, venue): (&Row, &'static str, &'static str),
    (code, metrics, struck): (Option<Option<i32>>, &str, i64),
    mut wrong: Vec<String>,
) -> Came {
    let out: String = (0..place.processes()).map(|n| place.out(n)).collect();
    let report = run.out().lines().last().unwrap_or_default().to_owned();
    if code != Some(Some(row.code)) {
        wrong.push(format!("it ended with {code:?}: {}", run.err().lines().last().unwrap_or_default()));
    }
    if row.code == 0 && !report.contains("\"agrees\":true") {
        wrong.push("the books differ".to_owned());
    }
    let seen = placed(&place.seen());
    let numbers: BTreeSet<(&String, &String)> = seen.iter().map(|(venue, number, _)| (venue, number)).collect();
    if numbers.len() != seen.len() {
        wrong.push("an order came twice".to_owned());
    }
    // what hits orders hits nothing where none is sent
    let is_hit = !row.hits_orders || ordered(&place.seen(), venue, struck);
    let (must, moves) = if is_hit { (row.must, row.moves) } else { (&[][..], &[][..]) };
    let (alerts, twice) = raised(&place.alerts());
    wrong.extend(twice);
    let missing: Vec<&&str> = must.iter().filter(|rule| !alerts.contains(**rule)).collect();
    let known = |rule: &String| row.must.iter().chain(row.may).any(|known| known == rule);
    let unknown: Vec<&String> = alerts.iter().filter(|rule| !known(rule)).collect();
    if !missing.is_empty() || !unknown.is_empty() {
        wrong.push(format!("not alerted: {missing:?}; alerted beside: {unknown:?}"));
    }
    if !metrics.is_empty() {
        wrong.extend(moves.iter().filter(|name| metric(metrics, name, &[]) == 0.0).map(|n| format!("{n} is 0")));
        wrong.extend(row.stays.iter().filter(|name| metric(metrics, name, &[]) > 0.0).map(|n| format!("{n} moved")));
    }
    let steps = transitions(&out);
    let trips = round_trips(&journal(place.path()));
    let said = place.alerts();
    let hedges = said.iter().filter(|alert| alert["rule"] == "hedge" && alert["resolved"] == false).count();
    let trades = steps.iter().filter(|(_, step)| step.starts_with("S0 ->")).count();
    if trips > trades + 2 * hedges {
        wrong.push(format!("{trips} round trips, {trades} trades, {hedges} hedges"));
    }
    let own = TimeDelta(((HELD as f64 + row.lasts) * 1e9) as i64);
    let late = overdue(&steps, |entered| entered.plus(own));
    if late > LEFT.as_f64(SECOND) {
        wrong.push(format!("S3 is left {late:.0} s late"));
    }
    let orders = seen.len();
    let kept = (!wrong.is_empty()).then(|| place.keep());
    Came { row: row.name, state, venue, alerts, late, trips, orders, hedges, wrong, kept }
}

/// An order, or a cancel, came to the venue after a time of the wall.
fn ordered(seen: &[Value], venue: &str, since: i64) -> bool {
    seen.iter().any(|line| {
        let is_there = venue == "both" || line["venue"] == venue;
        let orders = line["orders"].as_array().is_some_and(|orders| !orders.is_empty());
        is_there && orders && line["wall_ns"].as_i64() > Some(since)
    })
}

/// Rules that were alerted beside the usual ones, and what was said twice that lasts.
fn raised(alerts: &[Value]) -> (BTreeSet<String>, Vec<String>) {
    // what happens may happen again
    let happens = ["liquidation"];
    let (mut rules, mut standing, mut twice) = (BTreeSet::new(), BTreeSet::new(), Vec::new());
    for alert in alerts {
        let rule = alert["rule"].as_str().unwrap_or_default().to_owned();
        if USUAL.contains(&rule.as_str()) {
            continue;
        }
        let key = (rule.clone(), alert["subject"].to_string(), alert["level"].to_string());
        if alert["resolved"] == true {
            standing.retain(|(other, subject, _): &(String, String, String)| (other, subject) != (&key.0, &key.1));
        } else if !standing.insert(key.clone()) && !happens.contains(&rule.as_str()) {
            twice.push(format!("alerted twice: {key:?}"));
        }
        rules.insert(rule);
    }
    (rules, twice)
}

fn all_run(cases: Vec<(usize, &'static str, &'static str)>) {
    let dir = tempfile::tempdir().expect("a folder");
    let base = BASE
        .replace("band_sigma: 0.8", "band_sigma: 8")
        .replace("t_max_sec: 600", &format!("t_max_sec: {HELD}"))
        .replace("exit: {max_sec: 300}", &format!("exit: {{max_sec: {HELD}}}"))
        .replace("stop_loss_first_leg: 0.002", "stop_loss_first_leg: 0.02");
    let best = dir.path().join(best(dir.path(), &base));
    let rows = rows();
    let (next, (send, came)) = (AtomicUsize::new(0), mpsc::channel());
    let mut wrong = 0;
    let count = cases.len();
    std::thread::scope(|scope| {
        for _ in 0..TOGETHER {
            let (send, next, cases, best, rows) = (send.clone(), &next, &cases, &best, &rows);
            scope.spawn(move || {
                while let Some((row, state, venue)) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
                    send.send(case(best, (&rows[*row], *state, *venue))).expect("it is listened to");
                }
            });
        }
        drop(send);
        for Came { row, state, venue, alerts, late, trips, orders, hedges, wrong: what, kept } in came {
            wrong += usize::from(!what.is_empty());
            let alerts = alerts.into_iter().collect::<Vec<_>>().join(", ");
            println!(
                "matrix | {row} | {state} | {venue} | {orders} orders, {trips} trips, {hedges} hedges, S3 {late:+.0} s | {alerts} | {} {}",
                what.join("; "),
                kept.map_or(String::new(), |kept| kept.display().to_string())
            );
        }
    });
    println!("matrix: {count} cases, {wrong} wrong");
    assert_eq!(wrong, 0);
}

/// One state a row, another with other sources.
#[test]
fn each_fault_in_a_state_comes_to_what_is_said() {
    let code = u64::from_str_radix(&perpx::sweep::code_id()[..8], 16).expect("a hash") as usize;
    let draw = |(n, row): (usize, &Row)| {
        let state = row.states[(code + 7 * n) % row.states.len()];
        (n, state, row.venues[(code / 8 + n) % row.venues.len()])
    };
    all_run(rows().iter().enumerate().map(draw).collect());
}

/// The page has a row for each, and no other.
#[test]
fn each_fault_stands_in_the_manual() {
    let page = crate::tree::read("docs/failures.md");
    let names = page.lines().filter_map(|line| line.strip_prefix("| ")?.split(" | ").next());
    let told: Vec<&str> = names.filter(|name| !["what fails", "---"].contains(name)).collect();
    assert_eq!(told, rows().iter().map(|row| row.name).collect::<Vec<_>>());
}

/// All of them: `.ci/nightly matrix`.
#[test]
#[ignore = "half an hour"]
fn each_fault_in_each_state_comes_to_what_is_said() {
    let said = std::env::var("PERPX_MATRIX").unwrap_or_default();
    let named = |row: &Row| said.split(',').any(|part| row.name.contains(part));
    let rows = rows();
    let cases = rows.iter().enumerate().filter(|(_, row)| named(row)).flat_map(|(n, row)| {
        row.states.iter().flat_map(move |state| row.venues.iter().map(move |venue| (n, *state, *venue)))
    });
    all_run(cases.collect());
}
