//! `perpx-live diverge` over runs at emulators of another process: what the trader did is made again from what was written down, over
//! deaths too, and each error that is planted shows in its own part alone.

use crate::attach::{ACCOUNT, LIVE, SAMPLE, folder, live_file, market};
use crate::paper::{best, ran};
use crate::record::{Running, signal};
use crate::sweep::BASE;
use perpx::config::{Config, Latency};
use perpx::live::diverge::chain::Cause;
use perpx::live::diverge::episode::{Episode, Foreign};
use perpx::live::diverge::summary::Summary;
use perpx::live::diverge::{diverge, diverge_with};
use perpx::market::{Event, EventBody, Role};
use perpx::port::Mandate;
use perpx::units::{Cash, HOUR, MS, Mid, Price, Rate, Time};
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

const DATA: &str = env!("CARGO_BIN_EXE_perpx-data");
/// Of a process that is asked to end, or to die.
const PATIENCE: Duration = Duration::from_secs(90);

/// A run in a folder of its own whose processes die at these records, one after the other; the last one is asked to end after `length`.
fn recorded(dir: &Path, (start_at, speed): (&str, &str), crashes: &[&str], length: Duration) -> PathBuf {
    let best = best(dir, BASE);
    let day = ["--tape", SAMPLE, "--from", "2026-01-05", "--to", "2026-01-06"];
    let (_market, port) = market(dir, &[&day[..], &["--start-at", start_at, "--speed", speed]].concat());
    live_file(dir, port, &format!("on_stop = \"close\"\n{ACCOUNT}"));
    let (host, begun, mut died) = (format!("127.0.0.1:{port}"), Instant::now(), 0);
    loop {
        let file = |name: &str| fs::File::create(dir.join(format!("{name}{died}"))).expect("a file");
        let mut command = Command::new(LIVE);
        command.args(["--config", &best, "--mode", "emulated", "--attach", &host, "--run", "run", "--store", SAMPLE]);
        command.arg("--json").current_dir(dir).stdout(file("out")).stderr(file("err"));
        if let Some(crash) = crashes.get(died) {
            command.env("PERPX_CRASH_AT", crash);
        }
        let mut run = Running(command.spawn().expect("it starts"));
        let until = if died < crashes.len() { begun + PATIENCE } else { begun + length };
        let mut ended = None;
        while ended.is_none() && Instant::now() < until.max(begun + length) {
            std::thread::sleep(Duration::from_millis(50));
            ended = run.0.try_wait().expect("it can be waited for");
        }
        if ended.is_some() && died < crashes.len() {
            died += 1;
            continue;
        }
        signal(&run.0, "-INT");
        let code = run.code();
        let [out, err] =
            ["out", "err"].map(|name| fs::read_to_string(dir.join(format!("{name}{died}"))).expect("text"));
        assert_eq!(code, Some(0), "{out}{err}");
        assert_eq!(died, crashes.len(), "too few deaths: {out}{err}");
        return dir.join("run");
    }
}

fn part(summary: &Summary, cause: Cause) -> Cash {
    summary.parts.iter().find(|(of, _)| *of == cause).unwrap_or_else(|| panic!("no {cause:?}")).1
}

fn changed(run: &Path, change: &mut dyn FnMut(&mut Config, &mut Episode)) -> Summary {
    diverge_with(run, None, change).expect("a chain")
}

/// Every part but this one is as it was, to the last digit; how much this one is more.
fn alone(was: &Summary, is: &Summary, cause: Cause) -> Cash {
    assert_eq!(is.decision, None, "{cause:?}");
    for other in Cause::ALL.into_iter().filter(|other| *other != cause) {
        assert_eq!(part(is, other), part(was, other), "{other:?} by {cause:?}");
    }
    part(is, cause) - part(was, cause)
}

fn fills(episode: &Episode) -> impl Iterator<Item = usize> + '_ {
    let is_fill = |at: &usize| matches!(episode.events[*at].body, EventBody::Fill { .. });
    (0..episode.events.len()).filter(is_fill)
}

/// A run that dies once: its store is fit, the journal is made again, the parts add up to the last digit; and an error that is planted
/// in one ingredient shows in its part, exactly, and nowhere else.
#[test]
fn each_planted_error_shows_in_its_part_alone() {
    let dir = folder();
    let run = recorded(dir.path(), ("19320", "20"), &["60:written"], Duration::from_secs(27));
    let was = diverge(&run, None).expect("a chain");
    assert_eq!(was.decision, None, "{}", was.sentence());
    assert!(was.deaths == 1 && was.parts.len() == 7 && !was.trades.is_empty(), "{}", was.sentence());
    let sum: Cash = was.parts.iter().map(|(_, amount)| *amount).sum();
    assert_eq!(was.live - was.replay.expect("a sweep's replay"), sum);
    assert_eq!(part(&was, Cause::Unexplained), Cash::ZERO);
    // the emulators take what the profiles say, and the strategy file says otherwise
    assert!(part(&was, Cause::Fee) != Cash::ZERO);
    money(&run, &was);
    decisions(&run, &was);
    worlds(&run, &was);
    files(dir.path(), &was);
}

/// Errors in what was booked.
fn money(run: &Path, was: &Summary) {
    let lost = Cash::units(-400);
    let is = changed(run, &mut |_, episode| {
        let what = "planted".to_owned();
        episode.foreign.push(Foreign { at: episode.end, role: Role::Long, amount: lost, what });
    });
    assert_eq!(alone(was, &is, Cause::Unexplained), lost);
    assert_eq!(is.exit_code(), 1);
    let mut planted = Cash::ZERO;
    let is = changed(run, &mut |_, episode| {
        for at in fills(episode).collect::<Vec<_>>() {
            if let EventBody::Fill { px, qty, fee, .. } = &mut episode.events[at].body {
                let more = px.of(-*qty).times(Rate::from_bps(1), Cash(1_000_000));
                *fee += more;
                planted += more;
            }
        }
    });
    assert!(planted < Cash::ZERO, "nothing was filled");
    assert_eq!(alone(was, &is, Cause::Fee), planted, "a basis point of every fill");
    let paid = Cash(-250_000_000_000);
    let is = changed(run, &mut |_, episode| {
        // a settlement that the tape knows nothing of, at a rate of nothing
        let body = EventBody::Funding { amount: paid, rate: Rate(0), px: Price(0) };
        let at = episode.events[fills(episode).last().expect("a fill")].at;
        let venue_time = at.floor_to(HOUR);
        episode.events.push(Event { at, venue_time, venue: Role::Short, body, met: Mid::ZERO });
        episode.events.sort_by_key(|event| event.at);
    });
    assert_eq!(alone(was, &is, Cause::Funding), paid);
    let mut worse = Cash::ZERO;
    let is = changed(run, &mut |config, episode| {
        // no decision rests on the price of the last fill; its fee goes with it, on both sides
        let at = fills(episode).last().expect("a fill");
        let venue = &config.world.venues[episode.events[at].venue.ix()];
        let charge = |px: Price, qty, maker| venue.fees.fee(px.of(qty), maker, venue.instrument.money_grid);
        if let EventBody::Fill { px, qty, side, maker, fee, .. } = &mut episode.events[at].body {
            let was = *px;
            *px = Price(px.0 + side.sign() * 1_000_000_000);
            let more = charge(*px, *qty, *maker) - charge(was, *qty, *maker);
            *fee += more;
            worse = Cash(-i128::from(qty.0) * 1_000) + more;
        }
    });
    // a close is rounded to the venue's grid once
    assert!((alone(was, &is, Cause::Fill) - worse).0.abs() <= 1_000_000, "{worse}");
}

/// Errors in what was decided, and by whom.
fn decisions(run: &Path, was: &Summary) {
    // an operator who let nothing open: all of it is his
    let is = changed(run, &mut |_, episode| {
        let shut = Mandate { may_open: false, ..Mandate::FULL };
        episode.mandates = vec![(episode.begin(), shut)];
        (episode.events, episode.made, episode.unsaid) = (Vec::new(), Vec::new(), Vec::new());
    });
    assert_eq!((is.decision.clone(), is.live), (None, Cash::ZERO));
    for cause in [Cause::Unexplained, Cause::Funding, Cause::Fee, Cause::Fill] {
        assert_eq!(part(&is, cause), Cash::ZERO, "{cause:?}");
    }
    assert_eq!(part(&is, Cause::Feed), part(was, Cause::Feed));
    assert!(part(&is, Cause::Hands) != Cash::ZERO);
    // a command that the rows do not give
    let is = changed(run, &mut |_, episode| episode.made[1].0 = Time(episode.made[1].0.0 + 1));
    assert_eq!(is.decision.as_ref().map(|fork| fork.place), Some(1));
    assert!(is.parts.is_empty() && is.exit_code() == 1, "{}", is.sentence());
}

/// Errors in the world that was ranked, and in what a sweep reads.
fn worlds(run: &Path, was: &Summary) {
    let is = changed(run, &mut |config, _| {
        for venue in &mut config.world.venues {
            venue.fills.order_latency = Latency::Constant(1_500 * MS);
        }
    });
    assert!(alone(was, &is, Cause::Latency) != Cash::ZERO, "a second and a half, and it is the same");
    let is = changed(run, &mut |config, _| {
        config.world.venues.iter_mut().for_each(|venue| venue.fills.feed_latency = 1_500 * MS);
    });
    assert!(alone(was, &is, Cause::Feed) != Cash::ZERO, "a second and a half, and it is the same");
}

/// What the command writes, and the store that it reads.
fn files(dir: &Path, was: &Summary) {
    let (code, text) = ran(LIVE, dir, &["diverge", "run", "--day", "2026-01-05"]);
    assert!(code == Some(0) && text.contains("live ") && text.contains("unexplained"), "{code:?} {text}");
    let told: Value =
        serde_json::from_slice(&fs::read(dir.join("run/divergence.json")).expect("a file")).expect("JSON");
    assert_eq!((&told["decision"], told["live"].as_str()), (&Value::Null, Some(was.live.to_string().as_str())));
    assert!(told["quantiles_ms"]["lighter"]["order"].is_array(), "{told:#}");
    let page = fs::read_to_string(dir.join("run/divergence.html")).expect("a page");
    assert!(page.contains("<svg") && page.contains("every command") && !page.contains("http://"), "{page}");
    let days = fs::read_to_string(dir.join("run/days.csv")).expect("days");
    assert!(
        days.starts_with("day,live,replay,unexplained,funding,fee,fill,hands,latency,feed,exit\n2026-01-05,"),
        "{days}"
    );
    let (code, text) = ran(LIVE, dir, &["diverge", "run", "--day", "2026-01-06"]);
    assert!(code == Some(2) && text.contains("no trading is written there on 2026-01-06"), "{code:?} {text}");
    let (code, text) = ran(LIVE, dir, &["diverge", "run", "--day", "2026-01-05T01:00"]);
    assert!(code == Some(2) && text.contains("a day, such as"), "{code:?} {text}");
    let (code, text) = ran(DATA, dir, &["check", "run/store"]);
    assert!(code == Some(0), "{code:?} {text}");
}

/// A run that dies thrice is made again from its rows and answers, command by command; `PERPX_DIVERGE_RUNS` of them.
#[test]
#[ignore = "minutes"]
fn a_run_that_died_thrice_is_made_again() {
    let runs: u64 = std::env::var("PERPX_DIVERGE_RUNS").ok().and_then(|runs| runs.parse().ok()).unwrap_or(3);
    let points = ["before", "half", "written", "durable"];
    let mut commands = 0;
    for number in 0..runs {
        let dir = folder();
        let first = 40 + number * 7 % 20;
        let at = |n: u64| format!("{}:{}", first + n * (45 + number % 9), points[((number + n) % 4) as usize]);
        let crashes: Vec<String> = (0..3).map(at).collect();
        let crashes: Vec<&str> = crashes.iter().map(String::as_str).collect();
        let run = recorded(dir.path(), ("19320", "20"), &crashes, Duration::from_secs(70));
        let is = diverge(&run, None).expect("a chain");
        if is.decision.is_some() || is.exit_code() != 0 || is.deaths != 3 {
            panic!("{crashes:?}, {} deaths, in {}: {}", is.deaths, dir.keep().display(), is.sentence());
        }
        assert_eq!(is.live - is.replay.expect("a replay"), is.parts.iter().map(|(_, amount)| *amount).sum::<Cash>());
        commands += is.filled[0].0;
        println!("{crashes:?}: {} deaths, {} orders, {}", is.deaths, is.filled[0].0, is.sentence());
    }
    assert!(commands > 0, "nothing was traded");
}
