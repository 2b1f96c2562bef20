//! What goes wrong, by what the strategy is doing then and at which venue: a run at emulators of another process, the fault let loose when the
//! run comes there. In each: what it comes to, what is alerted, what is counted; both sides agree, no order comes twice, none is left.
//! The rows stand in `docs/failures.md`. Which are tried: `PERPX_MATRIX=ROW[,ROW]` (a part of their names), all states and venues of them.

use crate::attach::{SAMPLE, journal};
use crate::faulted::{Place, Process, metric, overdue, placed, round_trips, wall_ns};
use crate::machine::Machine;
use crate::panel::ask;
use crate::paper::best;
use crate::sweep::BASE;
use perpx::sweep::code_id;
use perpx::units::{SECOND, Time, TimeDelta};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
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
/// Runs at once, if `PERPX_MATRIX_AT_ONCE` does not say otherwise: they sleep for most of their time.
const TOGETHER: usize = 16;
/// What holds a run is looked at, and what an operator can say of it is said, for so long, of the wall.
const OPERATOR: Duration = Duration::from_secs(110);
/// He says nothing before this.
const READS: Duration = Duration::from_secs(5);

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
    /// Somebody else does something to the account.
    Intrudes(&'static str),
    /// Files of the run can grow no more.
    DiskFull,
    /// Each sync of a file takes so long, ms of the wall, while it lasts.
    DiskSlow(i64),
    /// The machine's clock is set by so much, seconds.
    ClockSet(i64),
    /// The thread that decides stands still, seconds of the wall.
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
    /// Rules that are alerted, once for each subject, whatever the state.
    must: &'static [&'static str],
    /// Those that are in these states alone.
    must_in: &'static [(&'static str, &'static [&'static str])],
    /// Those that may be: `docs/failures.md` says why that is not known beforehand.
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
    must_in: &[],
    may: &[],
    moves: &[],
    stays: &[],
    hits_orders: false,
    code: 0,
};
/// What coins that nobody meant to hold come to.
const FOREIGN: &[&str] = &["unexplained", "leg alone", "liquidation", "rejects"];

fn rows() -> Vec<Row> {
    use Act::{Early, Faults};
    vec![
        Row {
            name: "socket cut",
            act: Faults(&["kind = \"drop-socket\", for = \"20s\""]),
            lasts: 20.0,
            moves: &["perpx_reconnects_total"],
            ..ANY
        },
        Row {
            name: "half-open line",
            act: Faults(&["kind = \"partition\", for = \"150s\""]),
            lasts: 150.0,
            must: &["feed"],
            may: &["leg alone"],
            moves: &["perpx_reconnects_total"],
            ..ANY
        },
        Row {
            name: "idle streams closed",
            act: Faults(&["kind = \"idle-close\", after = \"300s\", for = \"900s\""]),
            lasts: 400.0,
            stays: &["perpx_reconnects_total"],
            ..ANY
        },
        Row {
            name: "idle lanes closed",
            act: Early(&["kind = \"lost-answer\", containing = \"/time\", for = \"900s\""]),
            venues: &["grvt"],
            stays: &["perpx_reconnects_total", "perpx_unknown_outcomes_total"],
            ..ANY
        },
        Row { name: "frames missing", act: Faults(&["kind = \"skip-sequence\", count = 5, containing = \"\""]), ..ANY },
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
            ..ANY
        },
        Row {
            name: "frames late",
            act: Faults(&["kind = \"delay\", by = \"30s\", for = \"60s\", containing = \"\""]),
            lasts: 90.0,
            ..ANY
        },
        Row {
            name: "stale book",
            act: Faults(&["kind = \"stale-feed\", for = \"300s\""]),
            lasts: 300.0,
            must: &["book"],
            ..ANY
        },
        Row {
            name: "fills dropped",
            act: Faults(&[
                "kind = \"skip-sequence\", for = \"100s\", containing = \"account_all\"",
                "kind = \"skip-sequence\", for = \"100s\", containing = \"v1.fill\"",
                "kind = \"skip-sequence\", for = \"100s\", containing = \"v1.order\"",
            ]),
            lasts: 100.0,
            ..ANY
        },
        Row {
            name: "answer lost, order landed",
            act: Faults(&["kind = \"lost-answer\", count = 1"]),
            moves: &["perpx_unknown_outcomes_total"],
            hits_orders: true,
            ..ANY
        },
        Row {
            name: "answer lost, never arrived",
            act: Faults(&["kind = \"answer-5xx\", count = 1"]),
            may: &["gateway"],
            moves: &["perpx_unknown_outcomes_total"],
            hits_orders: true,
            ..ANY
        },
        Row {
            name: "order lands 1 s late",
            act: Faults(&["kind = \"late-request\", by = \"1s\", count = 1"]),
            moves: &["perpx_unknown_outcomes_total"],
            hits_orders: true,
            ..ANY
        },
        Row {
            name: "order lands 9 s late",
            act: Faults(&["kind = \"late-request\", by = \"9s\", count = 1"]),
            may: &["leg alone"],
            moves: &["perpx_unknown_outcomes_total"],
            hits_orders: true,
            ..ANY
        },
        Row {
            name: "429 on sends",
            act: Faults(&["kind = \"answer-429\", count = 2"]),
            may: &["limited"],
            hits_orders: true,
            ..ANY
        },
        Row {
            name: "gateway page on a send",
            act: Faults(&["kind = \"gateway-page\", count = 1"]),
            may: &["gateway"],
            hits_orders: true,
            ..ANY
        },
        Row {
            name: "address banned",
            act: Faults(&["kind = \"gateway-page\", for = \"150s\", containing = \"\"", "kind = \"drop-socket\""]),
            // a stream is tried again after a minute of the wall
            lasts: 750.0,
            must: &["feed", "gateway"],
            may: &["leg alone"],
            ..ANY
        },
        Row { name: "session ended", act: Faults(&["kind = \"expired-login\""]), ..ANY },
        Row {
            name: "keys revoked",
            act: Faults(&["kind = \"revoked-keys\", for = \"150s\""]),
            lasts: 150.0,
            must: &["login"],
            may: &["closed", "hedge", "leg alone", "login", "rejects"],
            hits_orders: true,
            ..ANY
        },
        Row { name: "nonce out of step", act: Faults(&["kind = \"foreign-nonce\""]), venues: &["lighter"], ..ANY },
        Row {
            name: "venue halts",
            act: Faults(&["kind = \"halt\", for = \"150s\""]),
            lasts: 150.0,
            may: &["feed", "leg alone"],
            ..ANY
        },
        Row {
            name: "market inactive",
            act: Faults(&["kind = \"market-status\", status = \"paused\", for = \"100s\""]),
            lasts: 100.0,
            // in S4 nothing has to be sent, and no reading may fall into it
            must_in: &[("closed", &["S0", "S1", "S2", "S3", "flatten"])],
            may: &["closed", "hedge", "leg alone", "rejects"],
            ..ANY
        },
        Row {
            name: "market reduces only",
            act: Faults(&["kind = \"market-status\", status = \"reduce-only\", for = \"100s\""]),
            lasts: 100.0,
            // in S4 nothing has to be sent, and no reading may fall into it
            must_in: &[("closed", &["S0", "S1", "S2", "S3", "flatten"])],
            may: &["closed"],
            ..ANY
        },
        Row {
            name: "prices out of the band",
            act: Faults(&["kind = \"price-band\", bp = 0, for = \"40s\""]),
            lasts: 40.0,
            may: &["leg alone", "rejects"],
            ..ANY
        },
        Row {
            name: "leg taken whole",
            act: Faults(&["kind = \"deleverage\", percent = 100"]),
            states: &["S1", "S2", "S3", "S4", "flatten"],
            may: &["liquidation"],
            ..ANY
        },
        Row {
            name: "leg taken in part",
            act: Faults(&["kind = \"deleverage\", percent = 50"]),
            states: &["S1", "S2", "S3", "S4", "flatten"],
            may: &["liquidation"],
            ..ANY
        },
        Row {
            name: "both venues down",
            act: Faults(&["kind = \"drop-socket\", for = \"300s\"", "kind = \"halt\", for = \"300s\""]),
            // a stream is tried again after 20 s of the wall
            lasts: 500.0,
            venues: &["both"],
            must: &["feed"],
            ..ANY
        },
        Row { name: "disk full", act: Act::DiskFull, venues: &["both"], must: &["journal", "log"], code: 5, ..ANY },
        Row {
            name: "slow disk",
            act: Act::DiskSlow(3_000),
            lasts: 100.0,
            venues: &["both"],
            must: &["journal"],
            may: &["rejects"],
            ..ANY
        },
        Row {
            name: "clock set an hour on",
            act: Act::ClockSet(3_600),
            venues: &["both"],
            must: &["clock"],
            moves: &["perpx_clock_steps_total"],
            ..ANY
        },
        Row {
            name: "clock set ten minutes back",
            act: Act::ClockSet(-600),
            venues: &["both"],
            must: &["clock"],
            moves: &["perpx_clock_steps_total"],
            ..ANY
        },
        Row {
            name: "engine stalls 4 s",
            // one that stalls while it begins has not begun
            states: &["S1", "S2", "S3", "S4", "flatten"],
            act: Act::Stalls(4),
            lasts: 40.0,
            venues: &["both"],
            must: &["stalled"],
            may: &["feed", "journal"],
            ..ANY
        },
        Row {
            name: "engine stalls 10 s",
            // one that stalls while it begins has not begun
            states: &["S1", "S2", "S3", "S4", "flatten"],
            act: Act::Stalls(10),
            lasts: 100.0,
            venues: &["both"],
            must: &["stalled"],
            may: &["feed", "journal"],
            ..ANY
        },
        Row { name: "process killed", act: Act::Killed, venues: &["both"], ..ANY },
        Row { name: "foreign order", act: Act::Intrudes("order"), must: &["difference"], ..ANY },
        Row { name: "foreign fill", act: Act::Intrudes("fill"), must: &["difference"], may: FOREIGN, ..ANY },
        Row { name: "foreign position", act: Act::Intrudes("position"), must: &["difference"], may: FOREIGN, ..ANY },
        Row { name: "foreign deposit", act: Act::Intrudes("balance"), must: &["difference", "unexplained"], ..ANY },
        Row { name: "foreign leverage", act: Act::Intrudes("leverage"), must: &["difference"], ..ANY },
        // it sends as the next process of the run would, at venues that have seen an order of the run
        Row {
            name: "another instance",
            act: Act::Intrudes("instance"),
            states: &["S3", "S4", "flatten"],
            may: &["difference"],
            code: 4,
            ..ANY
        },
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
    /// The longest that nobody knew what became of an order, market seconds.
    doubt: f64,
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
    if let Act::Faults(_) = row.act {
        place.worse(&faults(row.act, venue, at));
        return run;
    }
    std::thread::sleep(Duration::from_secs_f64(at / SPEED));
    let machine = || place.machine.as_ref().expect("one that goes wrong");
    match row.act {
        Act::Faults(_) | Act::Early(_) => {}
        Act::Intrudes(what) => {
            for venue in if venue == "both" { &VENUES[..2] } else { std::slice::from_ref(&venue) } {
                let fault = format!("{{ at = \"0s\", venue = \"{venue}\", kind = \"intrude\", what = \"{what}\" }}");
                place.worse(&format!("fault = [{fault}]\n"));
            }
        }
        Act::DiskFull => {
            let id = run.id().to_string();
            let limited = Command::new("prlimit").args(["--pid", &id, "--fsize=0:0"]).status();
            assert!(limited.expect("prlimit").success());
        }
        Act::DiskSlow(ms) => {
            machine().slow_disk(ms);
            std::thread::sleep(Duration::from_secs_f64(row.lasts / SPEED));
            machine().slow_disk(0);
        }
        Act::ClockSet(seconds) => machine().set_clock(seconds),
        Act::Stalls(seconds) => machine().stall(seconds as i64 * 1_000),
        Act::Killed => {
            run.signal("-KILL");
            run.wait(Duration::from_secs(10));
            run = place.begin(true);
        }
    }
    run
}

/// What differs at each venue, in words; `None`: nobody says it.
fn differences(run: &Process) -> Option<[String; 2]> {
    let text = run.asks(&["status", "--json"])?;
    let line = text.lines().find(|line| line.starts_with('{'))?;
    let answer: Value = serde_json::from_str(line).ok()?;
    let words = |role: usize| {
        let all = answer["body"]["held"][role]["differs"].as_array();
        all.map_or(String::new(), |all| all.iter().filter_map(Value::as_str).collect::<Vec<_>>().join("; "))
    };
    let may_open = answer["body"]["may_open"] == true;
    let words = [words(0), words(1)];
    assert!(!may_open || words.concat().is_empty(), "it may open though {words:?}");
    Some(words)
}

/// Whoever runs it looks at what differs, and says what can be said of it: a position is as its venue says, a balance was paid in,
/// he has looked. What he cannot name goes on to hold the run.
fn see_to_it(run: &mut Process, venue: &str, wrong: &mut Vec<String>) {
    let (begun, mut differs_since) = (Instant::now(), None::<Instant>);
    // at both venues: one may be read long after the other
    let mut is_seen = ["lighter", "grvt"].map(|name| venue != "both" && venue != name);
    while begun.elapsed() < OPERATOR && run.ended().is_none() {
        std::thread::sleep(Duration::from_millis(500));
        let Some(words) = differences(run) else { continue };
        let agrees = words.iter().all(String::is_empty);
        is_seen.iter_mut().zip(&words).for_each(|(seen, words)| *seen |= !words.is_empty());
        if agrees && is_seen == [true; 2] {
            return;
        }
        // he is no quicker than an alert
        if agrees || differs_since.get_or_insert_with(Instant::now).elapsed() < READS {
            continue;
        }
        let stays = |words: &&str| words.ends_with("(until `resume`)");
        for (venue, words) in VENUES.iter().zip(&words) {
            let say = |verb: &str| run.ctl(&[verb, "--venue", venue, "--reason", "the test"]);
            let now: Vec<&str> = words.split("; ").filter(|words| !stays(words)).collect();
            if now.iter().any(|words| words.starts_with("position")) {
                say("adopt");
            } else if now.iter().any(|words| words.starts_with("balance")) {
                say("explain-balance");
            }
        }
        let all: Vec<&str> =
            words.iter().flat_map(|words| words.split("; ")).filter(|words| !words.is_empty()).collect();
        if !all.is_empty() && all.iter().all(stays) {
            run.ctl(&["resume", "--reason", "the test"]);
        }
    }
    if differs_since.is_none() && run.ended().is_none() {
        wrong.push("nothing holds it".to_owned());
    }
}

fn case(best: &Path, (row, state, venue): (&Row, &'static str, &'static str)) -> Came {
    let from = FROM.to_string();
    let speed = SPEED.to_string();
    let tape = ["--tape", SAMPLE, "--from", "2026-01-05", "--to", "2026-01-06", "--start-at", &from, "--speed", &speed];
    // what may be asked for in a second of the wall is asked for in one of the market: no tier of sixty requests a minute
    let tape = [&tape[..], &["--grvt-calls", "1000", "--tier", "premium", "--weight", "240000"]].concat();
    let mut place = Place::new(best, &tape);
    // a reading each minute of the market: a client of the standard tier asks no more
    let live = place.path().join("run/live.toml");
    let text = fs::read_to_string(&live).expect("a live.toml");
    fs::write(&live, format!("{text}[truth]\npoll_sec = 6\n")).expect("writes");
    if let Act::DiskSlow(_) | Act::ClockSet(_) | Act::Stalls(_) = row.act {
        place.machine = Some(Machine::new(place.path()));
    }
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
    if let Act::Intrudes(_) = row.act {
        see_to_it(&mut run, venue, &mut wrong);
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
    // unless an operator has said what it is
    let is_foreign = matches!(row.act, Act::Intrudes("order" | "fill" | "position"))
        && report.contains("\"agrees\":false")
        && leaves_what_is_foreign(&report);
    if code != Some(Some(if is_foreign { 1 } else { row.code })) {
        wrong.push(format!("it ended with {code:?}: {}", run.err().lines().last().unwrap_or_default()));
    }
    if row.code == 0 && !is_foreign && !report.contains("\"agrees\":true") {
        wrong.push("the books differ".to_owned());
    }
    let seen = placed(&place.seen());
    let numbers: BTreeSet<(&String, &String)> = seen.iter().map(|(venue, number, _)| (venue, number)).collect();
    if numbers.len() != seen.len() {
        wrong.push("an order came twice".to_owned());
    }
    // what hits orders hits nothing where none is sent
    let is_hit = !row.hits_orders || ordered(&place.seen(), venue, struck);
    let moves = if is_hit { row.moves } else { &[][..] };
    // what an operator has ended may begin again
    let again: &[&str] = if let Act::Intrudes(_) = row.act { &["difference", "unexplained"] } else { &[] };
    let (alerts, twice) = raised(&place.alerts(), again);
    wrong.extend(twice);
    let in_state = row.must_in.iter().filter(|(_, states)| states.contains(&state)).map(|(rule, _)| rule);
    let must: Vec<&str> = row.must.iter().chain(in_state).filter(|_| is_hit).copied().collect();
    let missing: Vec<&str> = must.iter().filter(|rule| !alerts.contains(**rule)).copied().collect();
    let known = |rule: &String| must.iter().chain(row.may).any(|known| known == rule);
    let unknown: Vec<&String> = alerts.iter().filter(|rule| !known(rule)).collect();
    if !missing.is_empty() || !unknown.is_empty() {
        wrong.push(format!("not alerted: {missing:?}; alerted beside: {unknown:?}"));
    }
    if !metrics.is_empty() {
        wrong.extend(moves.iter().filter(|name| metric(metrics, name, &[]) == 0.0).map(|n| format!("{n} is 0")));
        wrong.extend(row.stays.iter().filter(|name| metric(metrics, name, &[]) > 0.0).map(|n| format!("{n} moved")));
    }
    let steps = transitions(&out);
    let written = if place.path().join("run/journal").is_dir() { journal(place.path()) } else { Vec::new() };
    let (trips, doubt) = (round_trips(&written), in_doubt(&written));
    let said = place.alerts();
    let hedges = said.iter().filter(|alert| alert["rule"] == "hedge" && alert["resolved"] == false).count();
    let trades = steps.iter().filter(|(_, step)| step.starts_with("S0 ->")).count();
    // coins that came from elsewhere are closed as well
    let more = usize::from(matches!(row.act, Act::Intrudes(_)));
    if trips > trades + 2 * hedges + more {
        wrong.push(format!("{trips} round trips, {trades} trades, {hedges} hedges"));
    }
    let own = TimeDelta(((HELD as f64 + row.lasts) * 1e9) as i64);
    let late = overdue(&steps, |entered| entered.plus(own));
    // what is gone is closed in vain until enough readings, of the wall, have shown it
    let is_in_vain = matches!(row.act, Act::Intrudes(_)) && state == "flatten";
    if late > LEFT.as_f64(SECOND) && !is_in_vain {
        wrong.push(format!("S3 is left {late:.0} s late"));
    }
    let orders = seen.len();
    let kept = (!wrong.is_empty()).then(|| place.keep());
    Came { row: row.name, state, venue, alerts, late, doubt, trips, orders, hedges, wrong, kept }
}

/// An order, or a cancel, came to the venue after a time of the wall.
fn ordered(seen: &[Value], venue: &str, since: i64) -> bool {
    seen.iter().any(|line| {
        let is_there = venue == "both" || line["venue"] == venue;
        let orders = line["orders"].as_array().is_some_and(|orders| !orders.is_empty());
        is_there && orders && line["wall_ns"].as_i64() > Some(since)
    })
}

/// Rules that were alerted beside the usual ones, and what was said more than once.
fn raised(alerts: &[Value], again: &[&str]) -> (BTreeSet<String>, Vec<String>) {
    // what happens may happen again
    let happens = [&["liquidation", "hedge"], again].concat();
    let (mut rules, mut said) = (BTreeSet::new(), BTreeMap::<_, usize>::new());
    for alert in alerts.iter().filter(|alert| alert["resolved"] == false) {
        let rule = alert["rule"].as_str().unwrap_or_default().to_owned();
        if USUAL.contains(&rule.as_str()) {
            continue;
        }
        if !happens.contains(&rule.as_str()) {
            *said.entry(format!("{rule} {} {}", alert["subject"], alert["level"])).or_default() += 1;
        }
        rules.insert(rule);
    }
    let twice = said.into_iter().filter(|(_, times)| *times > 1);
    (rules, twice.map(|(what, times)| format!("alerted {times} times: {what}")).collect())
}

/// At a venue there is nothing but what somebody else has put there: his order, his coins, or what they earned before they were closed.
fn leaves_what_is_foreign(report: &str) -> bool {
    let report: Value = serde_json::from_str(report).unwrap_or_default();
    let venues = report["report"]["venues"].as_array().cloned().unwrap_or_default();
    let is_flat = |venue: &Value| venue["position"] == "0";
    let is_foreign = |venue: &Value| {
        let (position, orders) = (&venue["venue_position"], &venue["venue_open_orders"]);
        let cash = |name: &str| venue[name].as_str().and_then(|cash| cash.parse::<f64>().ok()).unwrap_or_default();
        let has_earned = (cash("cash") - cash("venue_cash")).abs() > 0.001;
        position == "0.01" && orders == 0 || position == "0" && (orders == 1 || has_earned)
    };
    !venues.is_empty() && venues.iter().all(is_flat) && venues.iter().any(is_foreign)
}

/// The longest for which nobody knew what became of an order: from an answer that says nothing of it to the next news of it, seconds of
/// the market.
fn in_doubt(journal: &[Value]) -> f64 {
    let (mut since, mut longest) = (BTreeMap::<u64, i64>::new(), 0);
    for record in journal {
        let (body, at) = (&record["body"], record["engine_ns"].as_i64().unwrap_or_default());
        if record["kind"] == "answer" {
            let about = body["about"].as_str().unwrap_or_default();
            let order = about.strip_prefix("Place(OrderId(").and_then(|rest| rest.trim_end_matches(')').parse().ok());
            let is_unknown = body["answer"] == "unknown" || body["answer"].as_i64().is_some_and(|status| status >= 403);
            if let Some(order) = order.filter(|_| is_unknown) {
                since.entry(order).or_insert(at);
            }
            continue;
        }
        let Some(event) = body["body"].as_object().filter(|_| record["kind"] == "event") else { continue };
        for news in event.values().filter(|news| news["state"] != "InDoubt") {
            let from = news["id"].as_u64().and_then(|order| since.remove(&order));
            longest = longest.max(from.map_or(0, |from| at - from));
        }
    }
    longest as f64 * 1e-9
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
    let (mut wrong, count) = (Vec::new(), cases.len());
    let together = std::env::var("PERPX_MATRIX_AT_ONCE").ok().and_then(|count| count.parse().ok()).unwrap_or(TOGETHER);
    std::thread::scope(|scope| {
        for _ in 0..together {
            let (send, next, cases, best, rows) = (send.clone(), &next, &cases, &best, &rows);
            scope.spawn(move || {
                while let Some((row, state, venue)) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
                    send.send((*row, case(best, (&rows[*row], *state, *venue)))).expect("it is listened to");
                }
            });
        }
        drop(send);
        for (row, came) in came {
            if !said(&came) {
                wrong.push((row, came.state, came.venue));
            }
        }
    });
    // a machine that is busy with much else makes cases late: alone they are not
    let first = wrong.len();
    wrong.retain(|(row, state, venue)| !said(&case(&best, (&rows[*row], *state, *venue))));
    println!("matrix: {count} cases, {first} wrong at first, {} alone too", wrong.len());
    assert!(wrong.is_empty());
}

/// A line of what it came to; whether that is as it should be.
fn said(came: &Came) -> bool {
    let Came { row, state, venue, alerts, late, doubt, trips, orders, hedges, wrong, kept } = came;
    let alerts = alerts.iter().map(String::as_str).collect::<Vec<_>>().join(", ");
    println!(
        "matrix | {row} | {state} | {venue} | {orders} orders, {trips} trips, {hedges} hedges, S3 {late:+.0} s, doubt {doubt:.1} s | {alerts} | {} {}",
        wrong.join("; "),
        kept.as_ref().map_or(String::new(), |kept| kept.display().to_string())
    );
    wrong.is_empty()
}

/// One state a row, drawn by the code that makes results: a change of it tries others.
#[test]
fn each_fault_in_a_state_comes_to_what_is_said() {
    let code = usize::from_str_radix(&code_id()[..8], 16).expect("a hash");
    let draw = |(n, row): (usize, &Row)| {
        let state = row.states[(code + 7 * n) % row.states.len()];
        (n, state, row.venues[(code / 8 + n) % row.venues.len()])
    };
    all_run(rows().iter().enumerate().map(draw).collect());
}

/// The page has a row for each, with its alerts, and no other.
#[test]
fn each_fault_stands_in_the_manual() {
    let page = crate::tree::read("docs/failures.md");
    let cells =
        page.lines().filter_map(|line| line.strip_prefix("| ")).map(|line| line.split(" | ").collect::<Vec<_>>());
    let is_row = |cells: &Vec<&str>| cells.len() > 4 && !["what fails", "---"].contains(&cells[0]);
    let alerts = |cells: &[&str]| cells.last().expect("alerts").trim_end_matches('|').trim().to_owned();
    let told: Vec<(String, String)> = cells.filter(is_row).map(|cells| (cells[0].to_owned(), alerts(&cells))).collect();
    let known = |row: &Row| {
        let must: Vec<&str> = row.must.iter().copied().chain(row.must_in.iter().map(|(rule, _)| *rule)).collect();
        let may: Vec<&str> = row.may.iter().copied().filter(|rule| !must.contains(rule)).collect();
        let may = if may.is_empty() { String::new() } else { format!("({})", may.join(", ")) };
        (
            row.name.to_owned(),
            [must.join(", "), may].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(", "),
        )
    };
    assert_eq!(told, rows().iter().map(known).collect::<Vec<_>>());
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
