//! Runs of hours: a day of the market with faults each two minutes, and one that is killed again and again.

use crate::faulted::{Place, metric, placed, wall_ns};
use crate::panel::ask;
use crate::paper::best;
use crate::sweep::BASE;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::time::{Duration, Instant};

/// Between two rounds of faults, and between two samples.
const ROUND: Duration = Duration::from_secs(120);
const SAMPLE_EVERY: Duration = Duration::from_secs(10);

/// What goes wrong in each round: of the wire, the answers, the sessions, the venues, within 100 s of the wall.
const FAULTS: &str = r#"
fault = [
    { at = "2s", kind = "skip-sequence", count = 1 },
    { at = "6s", kind = "delay", by = "1s", for = "2s" },
    { at = "12s", kind = "duplicate", count = 3 },
    { at = "14s", kind = "reorder", count = 2 },
    { at = "18s", kind = "drop-socket", for = "1s" },
    { at = "26s", kind = "answer-429", count = 1 },
    { at = "30s", kind = "answer-5xx", status = 504, executed = true, count = 1, venue = "grvt" },
    { at = "34s", kind = "lost-answer", count = 1 },
    { at = "40s", kind = "expired-login" },
    { at = "46s", kind = "halt", for = "2s", venue = "lighter" },
    { at = "54s", kind = "partition", for = "3s", venue = "grvt" },
    { at = "64s", kind = "late-request", by = "1s", clock = "market", count = 1 },
    { at = "70s", kind = "gateway-page", containing = "", for = "1s" },
    { at = "78s", kind = "stale-feed", for = "1s" },
    { at = "84s", kind = "market-status", status = "reduce-only", for = "1s" },
    { at = "90s", kind = "shutdown", close_in = "1s" },
    { at = "96s", kind = "foreign-nonce" },
]
"#;

/// One that opens more often.
fn busy() -> String {
    BASE.replace("vol_bars: 20", "vol_bars: 20\n  min_conditions: 1")
}

fn number(name: &str, otherwise: f64) -> f64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(otherwise)
}

/// Memory of its own in kB (pages of the program itself come and go with what else the machine does), and open files.
fn sizes(pid: u32) -> Option<(u64, usize)> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let kb = status.lines().find_map(|line| line.strip_prefix("RssAnon:"))?.trim().split(' ').next()?.parse().ok()?;
    Some((kb, fs::read_dir(format!("/proc/{pid}/fd")).ok()?.count()))
}

/// The least bound of a histogram below which such a share lies, in its own unit.
fn quantile(text: &str, name: &str, share: f64) -> f64 {
    let mut buckets = BTreeMap::new();
    for line in text.lines().filter(|line| line.starts_with(&format!("{name}_bucket"))) {
        let bound = line.split("le=\"").nth(1).and_then(|rest| rest.split('"').next()).unwrap_or_default();
        let bound = if bound == "+Inf" { f64::INFINITY } else { bound.parse().unwrap_or(f64::NAN) };
        let count: f64 = line.rsplit_once(' ').and_then(|(_, count)| count.parse().ok()).unwrap_or_default();
        buckets.insert((bound * 1e9) as u64, (bound, count));
    }
    let all = buckets.values().map(|(_, count)| *count).fold(0.0, f64::max);
    buckets.values().find(|(_, count)| *count >= all * share).map_or(f64::NAN, |(bound, _)| *bound)
}

fn median(mut of: Vec<f64>) -> f64 {
    of.sort_by(f64::total_cmp);
    of.get(of.len() / 2).copied().unwrap_or(f64::NAN)
}

/// A day of a market at 20 times its speed, a round of faults each two minutes of the wall: memory and files stay as they are, no number
/// is used twice, nothing is unexplained, and at its end both sides agree. `PERPX_SOAK_HOURS`: of the market; `PERPX_SOAK_SPEED`: in place of 20.
#[test]
#[ignore = "72 minutes"]
fn a_day_with_faults_leaves_everything_as_it_was() {
    let dir = tempfile::tempdir().expect("a folder");
    let best = dir.path().join(best(dir.path(), &busy()));
    let (hours, speed) = (number("PERPX_SOAK_HOURS", 24.0), number("PERPX_SOAK_SPEED", 20.0));
    let mut place = Place::new(&best, &["--synth", "1", "--speed", &speed.to_string()]);
    let mut run = place.begin(false);
    let at = run.served().unwrap_or_else(|| panic!("{}{}", run.out(), run.err()));
    let (began, lasts) = (Instant::now(), Duration::from_secs_f64(hours * 3600.0 / speed));
    let (mut rounds, mut samples) = (0u32, Vec::new());
    let mut text = String::new();
    while began.elapsed() < lasts {
        if began.elapsed() >= ROUND * rounds {
            rounds += 1;
            place.worse(FAULTS);
        }
        std::thread::sleep(SAMPLE_EVERY);
        assert!(run.ended().is_none(), "it ended: {}{}", run.out(), run.err());
        samples.extend(sizes(run.id()));
        let (status, _, body) = ask(&at, "GET /metrics", &[], "");
        assert_eq!(status, 200, "{body}");
        text = body;
        if samples.len() % 30 == 0 {
            let (kb, files) = samples[samples.len() - 1];
            let trades = run.out().lines().filter(|line| line.contains("-> S0")).count();
            println!("soak: after {} s: {kb} kB, {files} files, {trades} trades", began.elapsed().as_secs());
        }
    }
    let code = run.end(Duration::from_secs(120));
    let out = run.out();
    let report = out.lines().last().unwrap_or_default();
    assert!(code == Some(Some(0)) && report.contains("\"agrees\":true"), "{code:?} {report} {}", run.err());
    let seen = placed(&place.seen());
    let numbers: BTreeSet<(&String, &String)> = seen.iter().map(|(venue, number, _)| (venue, number)).collect();
    // a sixth of it is warm
    let (warm, last) = (samples.len() / 6, samples.len() * 5 / 6);
    let kb = |part: &[(u64, usize)]| median(part.iter().map(|(kb, _)| *kb as f64).collect());
    let files = |part: &[(u64, usize)]| median(part.iter().map(|(_, files)| *files as f64).collect());
    let (first, end) = (&samples[warm..2 * warm], &samples[last..]);
    let late = quantile(&text, "perpx_timer_lateness_seconds", 0.99);
    println!(
        "soak: {hours} hours at {speed}, {rounds} rounds of faults, {} orders, {} twice, memory {:.0} then {:.0} kB, files {} then {}, \
         lateness p99 at most {late} s, unexplained {}, {report}",
        seen.len(),
        seen.len() - numbers.len(),
        kb(first),
        kb(end),
        files(first),
        files(end),
        metric(&text, "perpx_unexplained_quote", &[]),
    );
    assert_eq!(seen.len(), numbers.len(), "a number was used twice");
    assert_eq!(metric(&text, "perpx_unexplained_quote", &[]), 0.0);
    assert!((kb(end) / kb(first) - 1.0).abs() <= 0.05, "{} then {} kB", kb(first), kb(end));
    // an idle connection more or less; a leak of one a round would be dozens
    assert!((files(first) - files(end)).abs() <= 3.0, "{} then {}", files(first), files(end));
    assert!(late < 0.02, "{late} s");
}

/// Numbers of a seed, between 0 and 1.
struct Drawn(u64);

impl Drawn {
    fn unit(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 11) as f64 + 0.5) / (1u64 << 53) as f64
    }
}

/// A run is killed again and again, at gaps drawn by chance (exponential, a mean of 60 s from where it goes on), each other time in the moment in
/// which the next order after the gap has come to its venue. No number is used twice, and at the end both sides agree.
/// `PERPX_KILLS=COUNT:SEED`.
#[test]
#[ignore = "minutes a kill"]
fn a_run_is_killed_again_and_again() {
    let said = std::env::var("PERPX_KILLS").unwrap_or_else(|_| "60:1".to_owned());
    let (count, seed) = said.split_once(':').expect("COUNT:SEED");
    let (count, seed): (u32, u64) = (count.parse().expect("COUNT"), seed.parse().expect("SEED"));
    let dir = tempfile::tempdir().expect("a folder");
    let best = dir.path().join(best(dir.path(), &busy()));
    let mut place = Place::new(&best, &["--synth", &seed.to_string(), "--speed", "20"]);
    let (mut drawn, mut under_way, mut states, mut longest) = (Drawn(seed), 0, BTreeMap::new(), Duration::ZERO);
    for n in 0..count {
        let began = Instant::now();
        let mut run = place.begin(false);
        let is_ready = run.says(Duration::from_secs(60), |text| text.contains("panel ") && text.contains("emulated "));
        assert!(is_ready, "{n}: {}{}; {}", run.out(), run.err(), place.keep().display());
        longest = longest.max(began.elapsed());
        let gap = Duration::from_secs_f64(-60.0 * drawn.unit().ln());
        let ended = run.wait(gap.min(Duration::from_secs(300)));
        assert!(ended.is_none(), "{n}: {ended:?} {}{}; {}", run.out(), run.err(), place.keep().display());
        if n % 2 == 0 {
            place.sees_an_order(Duration::from_secs(60));
        }
        let killed = wall_ns();
        run.signal("-KILL");
        assert_eq!(run.wait(Duration::from_secs(10)), Some(None));
        // an order takes up to a second of the market on its way to the book
        let newest = placed(&place.seen()).last().map_or(0, |(.., at)| *at);
        under_way += u32::from(killed - newest < 50_000_000);
        let state = run
            .out()
            .lines()
            .rfind(|line| line.contains(" -> S"))
            .and_then(|line| line.split(" -> ").nth(1)?.get(..2).map(str::to_owned));
        *states.entry(state.unwrap_or_else(|| "as before".to_owned())).or_insert(0) += 1;
        println!(
            "kills: {} killed, {under_way} with an order under way, ready after {longest:.1?} at most, {states:?}",
            n + 1
        );
    }
    let mut run = place.begin(false);
    run.says(Duration::from_secs(60), |text| text.contains("emulated "));
    std::thread::sleep(Duration::from_secs(5));
    let code = run.end(Duration::from_secs(120));
    let (out, seen) = (run.out(), placed(&place.seen()));
    let numbers: BTreeSet<(&String, &String)> = seen.iter().map(|(venue, number, _)| (venue, number)).collect();
    let report = out.lines().last().unwrap_or_default();
    println!(
        "kills: {count} killed, {under_way} with an order under way, {} orders, {} twice, ready after {longest:.1?} at most, {states:?}; {report}",
        seen.len(),
        seen.len() - numbers.len()
    );
    assert!(code == Some(Some(0)) && report.contains("\"agrees\":true"), "{code:?} {report} {}", run.err());
    assert_eq!(seen.len(), numbers.len(), "a number was used twice");
}
