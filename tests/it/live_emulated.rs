//! perpx-live over sockets: the same trader at both venues, played on this machine over the sweep's tape.

use crate::sweep::{Case, GRID, run};
use perpx::live::emulated::{self, Account, TimeRange};
use perpx::live::{self, Options, Speed};
use perpx::units::{MINUTE, SECOND, Time};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

const FAULTS: &str = r#"
fault = [
    { at = "0s", kind = "lost-answer" },
    { at = "1s", kind = "skip-sequence", count = 2 },
    { at = "2s", kind = "duplicate", count = 5 },
    { at = "3s", kind = "reorder", count = 1 },
    { at = "4s", kind = "drop-socket" },
    { at = "5s", kind = "lost-answer" },
    { at = "6s", kind = "expired-login" },
    { at = "13s", kind = "expired-login" },
]
"#;

pub(crate) fn options(config: &Path, speed: Speed) -> Options {
    let stop = Arc::new(AtomicBool::new(false));
    Options { config: config.to_path_buf(), store: None, speed, quiet: false, code: perpx::sweep::code_id(), stop }
}

fn text_of(out: Vec<u8>) -> String {
    String::from_utf8(out).expect("text")
}

/// Transitions as printed: time, and "S0 -> S1 gate".
pub(crate) fn transitions(text: &str) -> Vec<(Time, String)> {
    let line = |line: &str| {
        let (at, rest) = (line.get(..23)?, line.get(25..)?);
        let words: Vec<&str> = rest.split_whitespace().take(4).collect();
        (rest.contains(" -> ")).then(|| Some((at.parse().ok()?, words.join(" "))))?
    };
    text.lines().filter_map(line).collect()
}

/// The winner of a small sweep, and a range in which its replay trades: its first trades, up to a return to S0 that is at
/// least so far on.
fn winner() -> (Case, PathBuf, Time, Time) {
    let case = Case::new(GRID);
    run(&case.options("run")).expect("sweeps");
    let best = case.out("run").join("best.yml");
    let mut out = Vec::new();
    live::run(&options(&best, Speed::Max), &mut out).unwrap_or_else(|e| panic!("{e}"));
    let replayed = transitions(&text_of(out));
    let first = replayed.first().expect("a trade").0;
    let ends = |(at, step): &&(Time, String)| step.contains("-> S0") && at.since(first) > 20 * MINUTE;
    let last = replayed.iter().find(ends).expect("a trade ends").0;
    let begin: Time = "2026-01-05T02:00:00Z".parse().expect("a time");
    (case, best, first.plus(-30 * SECOND).max(begin), last.plus(60 * SECOND))
}

/// The range over sockets, in so many seconds; at its end both venues hold what the trader believes.
fn traded(best: &Path, range: &TimeRange, seconds: i64) -> (Account, String) {
    let span = range.to.expect("an end").since(range.from.expect("a begin"));
    let speed = span.as_f64(seconds * SECOND).max(1.0);
    let mut out = Vec::new();
    let account = emulated::run(&options(best, Speed::Times(speed)), range, &mut out);
    let (account, text) = (account.unwrap_or_else(|e| panic!("{e}")), text_of(out));
    println!("{text}");
    assert!(account.agrees && account.exit_code() == 0, "{account}\n{text}");
    assert!(account.to_string().contains("agrees: the venues hold what the trader believes"), "{account}");
    assert!(account.trades > 0 && account.commands >= 2 && account.texts > 100, "{account}\n{text}");
    assert_eq!(transitions(&text)[0].1, "S0 -> S1 gate", "{text}");
    (account, text)
}

#[test]
fn the_trader_at_the_emulators_goes_through_its_states() {
    let (_case, best, from, to) = winner();
    let (account, text) = traded(&best, &TimeRange { from: Some(from), to: Some(to), faults: None }, 40);
    let reached: BTreeSet<&str> = account.states.iter().copied().collect();
    assert!(["S0", "S1", "S2", "S3"].iter().all(|state| reached.contains(state)), "{account}\n{text}");
}

/// Frames lost, twice and out of turn, answers lost, sockets cut, logins ended: the way may be another one, the books must agree.
#[test]
fn faults_of_the_wire_leave_the_books_agreed() {
    let (case, best, from, to) = winner();
    let faults = case.out("faults.toml");
    std::fs::write(&faults, FAULTS).expect("writes");
    traded(&best, &TimeRange { from: Some(from), to: Some(to), faults: Some(faults) }, 25);
}

#[test]
fn what_cannot_be_played_is_refused_before_anything_runs() {
    let case = Case::new(GRID);
    run(&case.options("run")).expect("sweeps");
    let best = case.out("run").join("best.yml");
    let refused = |speed, range: (Option<&str>, Option<&str>)| {
        let time = |text: &str| text.parse::<Time>().expect("a time");
        let range = TimeRange { from: range.0.map(time), to: range.1.map(time), faults: None };
        let refused = emulated::run(&options(&best, speed), &range, &mut Vec::new()).expect_err("refused");
        (refused.exit_code(), refused.to_string())
    };
    let (code, text) = refused(Speed::Max, (None, None));
    assert_eq!(code, 2);
    assert!(text.starts_with("--speed max; accepted: a number above 0"), "{text}");
    for range in [
        (Some("2026-01-04T00:00:00Z"), None),
        (None, Some("2026-01-05T08:00:00Z")),
        (Some("2026-01-05T03:00:00Z"), Some("2026-01-05T03:00:00Z")),
    ] {
        let (code, text) = refused(Speed::Times(1.0), range);
        assert_eq!(code, 2);
        assert!(text.contains("; accepted: from 2026-01-05 "), "{text}");
    }
}
