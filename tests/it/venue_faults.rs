//! Faults of the venues and of the way to them, let loose on a run at emulators of another process as it begins: none ends it, keeps it
//! from trading, leaves a locked position as it is, trades one to and fro, or leaves the books apart. Which are tried by hand:
//! `PERPX_FAULTS=NAME[,NAME]`, parts of their names.

use crate::attach::{SAMPLE, journal};
use crate::faulted::{Place, hedges, overdue, placed, round_trips};
use crate::live_emulated::transitions;
use crate::not_tested::not_tested;
use crate::paper::best_of;
use crate::sweep::BASE;
use perpx::units::{SECOND, TimeDelta};
use serde_json::Value;
use std::collections::{BTreeSet, VecDeque};
use std::fs;
use std::path::Path;
use std::sync::Mutex;
use std::time::{Duration, Instant};

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

/// Where the market begins, seconds of the day.
const FROM: &str = "7800";
/// After its time, and after a fault in which nothing can be sent, a locked position is left within so long.
const LEFT: TimeDelta = SECOND.times(60);
/// A channel that lost something is asked for again after so long of the wall, and has to answer.
const RENEWS_SEC: f64 = 3.0;

/// Which of them are tried by hand.
const NAMED: &str = "PERPX_FAULTS";

/// How a set of plans is run.
#[derive(Clone, Copy)]
struct Pace {
    /// Market seconds a second.
    speed: f64,
    /// Of the wall, from the fault's beginning to the stop.
    seconds: u64,
    /// Market seconds that a locked position is held, and one leg alone after it.
    held: [i64; 2],
    /// Runs at once.
    together: usize,
}

/// At 20 times real time; `seconds` of the wall.
const fn fast(seconds: u64, together: usize) -> Pace {
    Pace { speed: 20.0, seconds, held: [200, 60], together }
}

/// What a run came to.
#[derive(Default)]
struct Came {
    name: &'static str,
    trades: i64,
    /// How often a venue's position came back to nothing, the most of both.
    trips: usize,
    hedges: usize,
    /// How long a locked position outlasted its time and the fault, market seconds.
    late: f64,
    /// Of the run, the share in which something could be sent.
    open: f64,
    orders: usize,
    cancels: usize,
    /// About orders, as the strategy asked and as they came to the venues.
    questions: [usize; 2],
    mended: u64,
    /// From the stop to the end of the process, of the wall.
    took: f64,
    wrong: Vec<String>,
}

/// A winner that opens a pair at each bar's close at which it holds none, for a time and then one leg for a time, so that faults change
/// no more than the moments of its trades. The venues take as much as is asked for: their limits are no fault here.
fn strategy([held, kept]: [i64; 2]) -> String {
    let wide = "rate_limit: {requests: 100000, window_sec: 60}";
    BASE.replace("min_diff: 0.0002", "min_diff: 0.0001")
        .replace("vol_bars: 20", "vol_bars: 20\n  min_conditions: 1\nentry: {mode: pair}")
        .replace("band_sigma: 0.8", "band_sigma: 8")
        .replace("t_max_sec: 600", &format!("t_max_sec: {held}"))
        .replace("exit: {max_sec: 300}", &format!("exit: {{max_sec: {kept}}}"))
        .replace("stop_loss_first_leg: 0.002", "stop_loss_first_leg: 0.02")
        .replace("{name: lighter}", &format!("{{name: lighter, {wide}}}"))
        .replace("{name: grvt}", &format!("{{name: grvt, {wide}}}"))
}

/// Each plan as a run, some at once; they are said as they end.
fn all_run(plans: Vec<(&'static str, String)>, pace: Pace) -> Vec<Came> {
    let dir = tempfile::tempdir().expect("a folder");
    let axes = "\"locking.g_pct\" = [0.0001, 0.0002]";
    let best = dir.path().join(best_of(dir.path(), &strategy(pace.held), axes));
    let left = Mutex::new(VecDeque::from(plans));
    let done = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..pace.together {
            scope.spawn(|| {
                while let Some((name, text)) = { left.lock().expect("nobody panics with it").pop_front() } {
                    let came = one_run(name, &best, &text, pace);
                    println!("{}", came.line(pace.speed));
                    done.lock().expect("nobody panics with it").push(came);
                }
            });
        }
    });
    done.into_inner().expect("nobody panics with it")
}

/// In a run that something else does not disturb.
fn one_run(name: &'static str, best: &Path, faults: &str, pace: Pace) -> Came {
    let (speed, limits) =
        (pace.speed.to_string(), ["--tier", "premium", "--weight", "10000000", "--grvt-calls", "100000"]);
    let tape = ["--tape", SAMPLE, "--from", "2026-01-05", "--to", "2026-01-06", "--start-at", FROM, "--speed", &speed];
    let mut place = Place::new(best, &[&tape[..], &limits].concat());
    // what is refused for two minutes of the market is a reason to pause, and no matter of the fault
    let live = place.path().join("run/live.toml");
    let text = fs::read_to_string(&live).expect("it was made");
    fs::write(&live, format!("{text}[limits]\nmax_reject_rate = 1\n")).expect("writes");
    let struck = place.market_now();
    if !faults.is_empty() {
        place.worse(faults);
    }
    let mut run = place.begin(true);
    run.wait(Duration::from_secs(pace.seconds));
    let stopped = Instant::now();
    let code = run.end(Duration::from_secs(150));
    let mut came = Came { name, took: stopped.elapsed().as_secs_f64(), ..Came::default() };
    let outage = outage(faults);
    came.open = 1.0 - (outage.1 - outage.0) / pace.seconds as f64;
    let over = struck.plus(TimeDelta((outage.1 * pace.speed * 1e9) as i64));
    let (out, steps) = (run.out(), transitions(&run.out()));
    let own = SECOND.times(pace.held[0]);
    came.late = overdue(&steps, |entered| entered.plus(own).max(over));
    let last: Value = out.lines().last().and_then(|line| serde_json::from_str(line).ok()).unwrap_or_default();
    let report = &last["report"];
    if code != Some(Some(0)) || report["agrees"] != true {
        let why = run.err().lines().last().unwrap_or_default().to_owned();
        came.wrong.push(format!("ended with {code:?}, {why}"));
    }
    came.trades = report["trades"].as_i64().unwrap_or_default();
    came.mended = report["troubles"].as_object().into_iter().flatten().filter_map(|(_, times)| times.as_u64()).sum();
    came.count(&place);
    came.judge(faults, pace.speed);
    if !came.wrong.is_empty() || std::env::var_os(NAMED).is_some() {
        println!("faults: {name} is kept at {}", place.keep().display());
    }
    came
}

impl Came {
    /// What the journal and the venues have of it.
    fn count(&mut self, place: &Place) {
        let journal = journal(place.path());
        let commands = journal.iter().filter_map(|record| record["body"]["commands"].as_array()).flatten();
        for command in commands {
            self.orders += usize::from(command["Place"].is_object());
            self.cancels += usize::from(command["Cancel"].is_object());
            self.questions[0] += usize::from(command["Query"].is_object());
        }
        (self.hedges, self.trips) = (hedges(&journal), round_trips(&journal));
        let seen = place.seen();
        let asks = |line: &&Value| {
            let route = line["route"].as_str().unwrap_or_default();
            route.ends_with("/order") || route.contains("accountOrders")
        };
        self.questions[1] = seen.iter().filter(asks).count();
        let placed = placed(&seen);
        let numbers: BTreeSet<(&String, &String)> = placed.iter().map(|(venue, number, _)| (venue, number)).collect();
        if numbers.len() != placed.len() {
            self.wrong.push("an order came twice".to_owned());
        }
    }

    /// What holds of each run by itself.
    fn judge(&mut self, faults: &str, speed: f64) {
        // what was lost is asked for anew each two seconds of the wall
        if self.late > LEFT.as_f64(SECOND) + RENEWS_SEC * speed {
            self.wrong.push(format!("S3 is left {:.0} s late", self.late));
        }
        // nothing but a venue that is gone is a reason to hedge; at speed one that is slow for half a second is
        let hedges = if faults.contains("\"halt\"") || speed > 1.0 { self.hedges } else { 0 };
        if self.trips as i64 > self.trades + 2 * hedges as i64 {
            self.wrong.push(format!("{} round trips, {} trades, {} hedges", self.trips, self.trades, self.hedges));
        }
    }

    /// As many trades as without a fault, but for one and for those that nobody could make; and nothing is bought and sold, or tried, again and
    /// again.
    fn compare(&mut self, reference: &Came) {
        let least = reference.trades as f64 * self.open - 1.0;
        if (self.trades as f64) < least || self.trades > reference.trades + 1 {
            self.wrong.push(format!("{} trades, {} without", self.trades, reference.trades));
        }
        let commands = |came: &Came| came.orders + came.cancels;
        if commands(self) > 3 * commands(reference) + 10 {
            self.wrong.push(format!("{} orders and cancels, {} without", commands(self), commands(reference)));
        }
    }

    fn line(&self, speed: f64) -> String {
        let Came { name, trades, trips, hedges, late, orders, cancels, questions: [asked, came], mended, took, .. } =
            self;
        format!(
            "faults {name} at {speed}: {trades} trades, {trips} round trips, {hedges} hedges, S3 {late:+.0} s, {orders} orders, {cancels} cancels, {asked} questions ({came} at the venues), {mended} mended, ended in {took:.1} s {}",
            self.wrong.join("; ")
        )
    }
}

/// Lines of each fault of a file, in one order, without blanks.
fn tables(faults: &str) -> Vec<BTreeSet<String>> {
    let of = |table: &str| table.lines().map(|line| line.replace(' ', "")).filter(|line| !line.is_empty()).collect();
    faults.split("[[fault]]").skip(1).map(of).collect()
}

/// From when to when nothing can be sent, seconds of the wall: what is late or lost meanwhile hinders nobody.
fn outage(faults: &str) -> (f64, f64) {
    let kinds = ["halt", "drop-socket", "answer-429", "answer-5xx", "gateway-page"];
    let value = |table: &BTreeSet<String>, key: &str| {
        let line = table.iter().find_map(|line| line.strip_prefix(key)?.strip_prefix('='));
        line.map(|value| value.trim_matches('"').to_owned()).unwrap_or_default()
    };
    let seconds = |text: String| -> f64 { text.trim_end_matches('s').parse().unwrap_or(0.0) };
    let ends = tables(faults).into_iter().filter(|table| kinds.contains(&value(table, "kind").as_str()));
    let spans = ends.map(|table| (seconds(value(&table, "at")), seconds(value(&table, "for"))));
    spans
        .map(|(at, lasts)| (at, at + lasts))
        .reduce(|one, other| (one.0.min(other.0), one.1.max(other.1)))
        .unwrap_or_default()
}

fn held(pace: Pace, ci: bool) {
    let said = std::env::var(NAMED).unwrap_or_default();
    let is_named = |name: &str| ci || name == "no-fault" || said.split(',').any(|part| name.contains(part));
    let plans = plans().into_iter().filter(|(name, in_ci, _)| (*in_ci || !ci) && is_named(name));
    let plans: Vec<_> = plans.map(|(name, _, text)| (name, text)).collect();
    let mut runs = all_run(plans.clone(), pace);
    let place = runs.iter().position(|run| run.name == "no-fault").expect("it was run");
    let reference = runs.swap_remove(place);
    runs.iter_mut().for_each(|run| run.compare(&reference));
    // a machine that is busy with much else is late: alone a plan is not
    for run in runs.iter_mut().filter(|run| !run.wrong.is_empty()) {
        println!("{}", run.line(pace.speed));
        let again = all_run(plans.iter().filter(|(name, _)| *name == run.name).cloned().collect(), pace);
        *run = again.into_iter().next().expect("it was run");
        run.compare(&reference);
    }
    runs.push(reference);
    let wrong: Vec<&Came> = runs.iter().filter(|run| !run.wrong.is_empty()).collect();
    for run in &wrong {
        println!("faults: {} at {}: {}", run.name, pace.speed, run.wrong.join("; "));
    }
    let least = runs.last().map_or(0, |run| run.trades);
    assert!(least >= 3, "{least} trades without a fault");
    assert!(wrong.is_empty(), "{} of {} plans", wrong.len(), runs.len());
}

#[test]
fn faults_end_no_run_and_keep_none_from_trading() {
    held(fast(45, 12), true);
}

/// All of them, at 20 times real time: `.ci/nightly faults`.
#[test]
#[ignore = "ten minutes"]
fn faults_of_every_kind_at_twenty_times() {
    held(fast(100, 6), false);
}

/// All of them in real time: `.ci/nightly faults`.
#[test]
#[ignore = "a quarter of an hour"]
fn faults_of_every_kind_in_real_time() {
    held(Pace { speed: 1.0, seconds: 300, held: [25, 15], together: 12 }, false);
}

/// Those that were handed to us are among ours, each as it is.
#[test]
fn the_shared_faults_are_among_them() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/venues/faults");
    let Ok(files) = fs::read_dir(&folder) else { return not_tested(&format!("no faults at {}", folder.display())) };
    let ours: Vec<Vec<BTreeSet<String>>> = plans().iter().map(|(.., text)| tables(text)).collect();
    let mut count = 0;
    for file in files {
        let path = file.expect("a file").path();
        let text = fs::read_to_string(&path).expect("text");
        assert!(ours.contains(&tables(&text)), "{} is none of ours", path.display());
        count += 1;
    }
    assert!(count > 0);
}
