//! Faults of the venues and of the way to them: none ends a run, keeps it from trading, or leaves the books apart.

use crate::live_emulated::{options, transitions};
use crate::sweep::{BASE, Case, GRID, run};
use perpx::live::Speed;
use perpx::live::emulated::{self, Account, TimeRange};
use perpx::units::{SECOND, Time};
use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

/// Channels of the account, and those that are all frames.
const PRIVATE: &[&str] = &["account_all", "v1.fill", "v1.order"];
const ALL: &[&str] = &[""];

/// A fault for each of `containing`.
fn fault(at: &str, kind: &str, rest: &str, containing: &[&str]) -> String {
    let one = |part: &&str| format!("[[fault]]\nat = \"{at}\"\nkind = \"{kind}\"\n{rest}\ncontaining = \"{part}\"\n");
    containing.iter().map(one).collect()
}

/// One that is of no frame or request.
fn event(at: &str, kind: &str, rest: &str) -> String {
    format!("[[fault]]\nat = \"{at}\"\nkind = \"{kind}\"\n{rest}\n")
}

/// By name. Those with `true` are tried in each CI.
fn plans() -> Vec<(&'static str, bool, String)> {
    let long = "for = \"400s\"";
    let late = |at, by: &str| fault(at, "delay", &format!("by = \"{by}\"\n{long}"), PRIVATE);
    let lost = |at| fault(at, "skip-sequence", long, PRIVATE);
    let reads = [
        fault("0s", "lost-answer", "count = 2", &["fund"]),
        fault("5s", "lost-answer", "count = 2", &["fill_history", "trades"]),
        event("12s", "drop-socket", ""),
    ];
    let twice = [fault("0s", "reorder", "for = \"60s\"", ALL), fault("0s", "duplicate", "for = \"60s\"", ALL)];
    vec![
        ("no-fault", true, String::new()),
        ("all-429", false, fault("13s", "answer-429", "for = \"6s\"", ALL)),
        ("all-502", true, fault("13s", "answer-5xx", "status = 502\nfor = \"6s\"", ALL)),
        ("all-pages", false, fault("13s", "gateway-page", "status = 405\nfor = \"6s\"", &["/api/v1", "/full/"])),
        ("twice-and-late", false, twice.concat()),
        ("sockets-cut", false, event("13s", "drop-socket", "for = \"3s\"")),
        ("session-ended", true, event("13s", "expired-login", "")),
        ("token-ended", false, event("13s", "expired-login", "venue = \"lighter\"")),
        ("both-halt", false, event("13s", "halt", "for = \"40s\"")),
        ("one-halts", true, event("13s", "halt", "venue = \"lighter\"\nfor = \"15s\"")),
        ("one-halts-for-long", false, event("13s", "halt", "venue = \"lighter\"\nfor = \"60s\"")),
        ("all-late", false, fault("0s", "delay", "by = \"1s\"\nfor = \"60s\"", ALL)),
        ("account-late-at-once", false, late("0s", "1s")),
        ("account-late-20", false, late("20s", "0.5s")),
        ("account-late-40-3s", false, late("40s", "3s")),
        ("account-late-40-1s", false, late("40s", "1s")),
        ("account-late-60-1s", false, late("60s", "1s")),
        ("account-late-40-50ms", false, late("40s", "0.05s")),
        ("account-late-40-200ms", false, late("40s", "0.2s")),
        ("account-late-40-500ms", false, late("40s", "0.5s")),
        ("reads-lost", true, reads.concat()),
        ("all-frames-lost", true, fault("2s", "skip-sequence", "count = 300", ALL)),
        ("account-lost-at-once", false, fault("0s", "skip-sequence", "for = \"60s\"", PRIVATE)),
        ("account-lost-12", true, lost("12s")),
        ("account-lost-20", false, lost("20s")),
        ("account-lost-40", false, lost("40s")),
        ("account-lost-60", false, lost("60s")),
        ("first-429", false, fault("0s", "answer-429", "count = 1", ALL)),
        ("first-502", true, fault("0s", "answer-5xx", "status = 502\ncount = 1", ALL)),
        ("cut-from-the-start", false, event("0s", "drop-socket", "for = \"5s\"")),
        ("orders-late-2s", true, event("10s", "late-request", "clock = \"market\"\nby = \"2s\"\ncount = 4")),
        ("orders-late-9s", false, event("10s", "late-request", "clock = \"market\"\nby = \"9s\"\ncount = 4")),
        ("orders-answered-by-a-page", false, event("10s", "gateway-page", "count = 4")),
    ]
}

/// What a run came to.
struct Run {
    name: &'static str,
    trades: i64,
    commands: u64,
}

/// A winner that opens a pair at each bar's close at which it holds none, for a time and then one leg for a time, so that faults change
/// no more than the moments of its trades: `seconds` of the wall at `speed`, with each of `plans`.
fn all_run(plans: Vec<(&'static str, String)>, speed: f64, seconds: i64, threads: usize) -> Vec<Run> {
    let (held, kept) = if speed > 1.0 { (200, 60) } else { (40, 20) };
    let case = Case::new(&GRID.replace("{ from = 0.001, to = 0.003, step = 0.001 }", "[0.0001, 0.0002]"));
    let base = BASE
        .replace("vol_bars: 20", "vol_bars: 20\n  min_conditions: 1\nentry: {mode: pair}")
        .replace("band_sigma: 0.8", "band_sigma: 8")
        .replace("t_max_sec: 600", &format!("t_max_sec: {held}"))
        .replace("max_sec: 300", &format!("max_sec: {kept}"))
        .replace("stop_loss_first_leg: 0.002", "stop_loss_first_leg: 0.02");
    std::fs::write(case.out("base.yml"), base).expect("writes");
    run(&case.options("run")).unwrap_or_else(|e| panic!("{e}"));
    let best = case.out("run").join("best.yml");
    let left = Mutex::new(VecDeque::from(plans));
    let done = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while let Some((name, text)) = { left.lock().expect("nobody panics with it").pop_front() } {
                    let faults = (!text.is_empty()).then(|| case.out(&format!("{name}.toml")));
                    faults.iter().for_each(|faults| std::fs::write(faults, &text).expect("writes"));
                    let one = one_run(name, &best, faults, (speed, seconds));
                    done.lock().expect("nobody panics with it").push(one);
                }
            });
        }
    });
    done.into_inner().expect("nobody panics with it")
}

fn one_run(name: &'static str, best: &Path, faults: Option<PathBuf>, (speed, seconds): (f64, i64)) -> Run {
    let from: Time = "2026-01-05T02:10:00Z".parse().expect("a time");
    let to = from.plus(SECOND.times((seconds as f64 * speed) as i64));
    let range = TimeRange { from: Some(from), to: Some(to), faults };
    let mut out = Vec::new();
    let account = emulated::run(&options(best, Speed::Times(speed)), &range, &mut out);
    let text = String::from_utf8(out).expect("text");
    let account = account.unwrap_or_else(|e| panic!("{name}: {e}\n{text}"));
    assert!(account.agrees && account.exit_code() == 0, "{name}: {account}\n{text}");
    // S3 ends at its time, or within 60 s of the wall
    let mut entered = None;
    for (at, step) in transitions(&text) {
        if let Some(entered) = entered.take() {
            let most = SECOND.times(200 + (60.0 * speed) as i64);
            assert!(at.since(entered) <= most, "{name}: S3 from {entered} to {at}\n{text}");
        }
        entered = step.contains("-> S3").then_some(at);
    }
    let Account { trades, commands, .. } = &account;
    let mended: u64 = account.troubles.values().sum();
    println!(
        "faults {name} at {speed}: {trades} trades, {commands} commands, {mended} mended, net {:+.4}",
        account.net_pnl
    );
    Run { name, trades: *trades as i64, commands: *commands }
}

/// As many trades as without a fault, but for one; and no trade is bought and sold again and again.
fn compare(runs: &[Run], reference: &Run) {
    assert!(reference.trades >= 3, "{} trades", reference.trades);
    for Run { name, trades, commands } in runs {
        assert!((trades - reference.trades).abs() <= 1, "{name}: {trades} trades, {} without", reference.trades);
        assert!(
            *commands <= 3 * reference.commands + 10,
            "{name}: {commands} commands, {} without",
            reference.commands
        );
    }
}

fn is_short(name: &str) -> bool {
    // a halt, or sockets that stay away, cost what they last
    !["one-halts-for-long", "both-halt", "twice-and-late"].contains(&name)
}

fn held(speed: f64, seconds: i64, threads: usize, ci: bool) {
    let plans = plans().into_iter().filter(|(_, in_ci, _)| *in_ci || !ci).map(|(name, _, text)| (name, text)).collect();
    let mut runs = all_run(plans, speed, seconds, threads);
    let place = runs.iter().position(|run| run.name == "no-fault").expect("it was run");
    let reference = runs.swap_remove(place);
    runs.retain(|run| is_short(run.name));
    compare(&runs, &reference);
}

#[test]
fn faults_end_no_run_and_keep_none_from_trading() {
    held(20.0, 30, 12, true);
}

/// All of them, at 20 times real time and in real time: `.ci/nightly faults`.
#[test]
#[ignore = "a quarter of an hour"]
fn faults_of_every_kind_end_no_run() {
    held(20.0, 100, 8, false);
    held(1.0, 180, 33, false);
}
