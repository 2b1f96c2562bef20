//! Starts in a folder that an earlier process left open: refused ones, those of another program, those of a damaged journal, and what an
//! operator says in between.

use crate::attach::{LIVE, begin, begin_with, folder, journal, seen};
use crate::ctl::{ctl, ended, is_in, wait};
use crate::paper::{field, ran};
use crate::reconcile::{FAST, differs, intrusion, locked, strike};
use perpx::live::journal::record::{HEAD_LEN, Kind, Record};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

fn segments(path: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(path.join("run/journal")).expect("a journal");
    let files = entries.map(|entry| entry.expect("an entry").path());
    let mut segments: Vec<PathBuf> = files.filter(|file| file.extension().is_some_and(|of| of == "pxj")).collect();
    segments.sort();
    segments
}

/// The journal of `run`, which has one segment, each of its records changed.
fn rewrite(path: &Path, change: &mut dyn FnMut(&mut Record)) {
    for file in segments(path) {
        let bytes = fs::read(&file).expect("a segment");
        let (mut out, mut at) = (bytes[..HEAD_LEN].to_vec(), HEAD_LEN);
        while let Ok((mut record, len)) = Record::read(&bytes[at..]) {
            change(&mut record);
            record.write(&mut out);
            at += len;
        }
        fs::write(&file, out).expect("writes");
    }
}

/// A state as a program of another layout would have written it.
fn foreign(record: &mut Record) {
    if record.kind == Kind::State {
        record.body[0] = 99;
    }
}

fn body(record: &mut Record, change: impl FnOnce(&mut Value)) {
    let mut body: Value = serde_json::from_slice(&record.body).expect("JSON");
    change(&mut body);
    record.body = body.to_string().into_bytes();
}

/// As if another program had traded.
fn older(record: &mut Record) {
    if record.kind == Kind::Start {
        body(record, |start| start["code"] = json!("older"));
    }
}

/// Refused for its live.toml, or for a state that it cannot read, a run that holds something closes it before it ends with the code of
/// the refusal. Nothing that it sends opens.
#[test]
fn a_start_that_is_refused_closes_what_is_held() {
    for (n, code) in [(0, 2), (1, 2)] {
        let dir = folder();
        let path = dir.path();
        let (_market, port, best, run) = locked(path, &FAST, "", 30);
        run.signal("-KILL");
        drop(run);
        let sent = seen(path).len();
        match n {
            0 => fs::write(path.join("run/live.toml"), "network = \"emulated\"\nnonsense = 1\n").expect("writes"),
            _ => rewrite(path, &mut foreign),
        }
        let run = begin(path, &best, port);
        if n == 0 {
            // its own exits are far away
            let now = wait(path, "it does not go on", 60, is_in("S3"));
            assert!(now["may_open"] == false && now["verbs"][0]["who"] == "the start", "{now}");
            assert_eq!(ctl(path, &["resume"]).0, Some(0));
            assert_eq!(ctl(path, &["flatten"]).0, Some(0));
        }
        let (ended_with, _) = ended(path, run, 120);
        let err = fs::read_to_string(path.join("err")).expect("what it said");
        assert_eq!(ended_with, Some(code), "{err}");
        assert!(err.contains("something is held: it is closed before this run ends so"), "{err}");
        assert!(err.contains(if n == 0 { "nonsense" } else { "its layout is 99" }), "{err}");
        let stop = journal(path).pop().expect("a record");
        assert_eq!((&stop["kind"], &stop["body"]["flat"]), (&Value::from("stop"), &Value::Bool(true)), "{err}");
        assert!(seen(path).len() >= sent + 2, "both legs are closed");
        let batches = journal(path).into_iter().filter(|record| record["kind"] == "batch").skip(1);
        let commands = batches.flat_map(|record| record["body"]["commands"].as_array().cloned().unwrap_or_default());
        let placed: Vec<Value> = commands.filter(|command| command["Place"].is_object()).collect();
        let closes = placed.iter().rev().take(seen(path).len() - sent);
        assert!(closes.clone().count() > 0 && closes.into_iter().all(|order| order["Place"]["reduce_only"] == true));
        // nothing is left to be closed: the next one is refused at once, or begins
        if n == 0 {
            assert_eq!(ended(path, begin(path, &best, port), 30).0, Some(2));
        }
    }
}

/// A start with a position waits for a venue that is away, or whose gateway refuses it, and says so; what is said meanwhile is done afterwards.
/// The account keeps its leverage.
#[test]
fn a_start_with_a_position_waits_for_its_venue() {
    let dir = folder();
    let path = dir.path();
    let (_market, port, best, run) = locked(path, &FAST, "", 30);
    let leverages = || {
        let seen = fs::read_to_string(path.join("witness.jsonl")).expect("what the venues saw");
        seen.matches("set_position_config").count() + seen.matches("update_leverage").count()
    };
    let set = leverages();
    assert!(set >= 2, "{set}");
    let faults = [
        "kind = \"partition\"\nvenue = \"grvt\"\nfor = \"12s\"",
        "kind = \"gateway-page\"\ncontaining = \"\"\nstatus = 403\nvenue = \"grvt\"\nfor = \"8s\"",
    ];
    let mut run = Some(run);
    for text in faults {
        run.take().expect("it runs").signal("-KILL");
        strike(port, &format!("[[fault]]\nat = \"0s\"\n{text}"));
        let new = begin(path, &best, port);
        std::thread::sleep(std::time::Duration::from_secs(6));
        let (code, answer) = ctl(path, &["status"]);
        assert!(code == Some(0) && answer.contains("is not ready to trade"), "{text}: {code:?} {answer}");
        let (code, answer) = ctl(path, &["pause", "--reason", "wait"]);
        assert!(code == Some(0) && answer.contains("it is done as soon as the run goes on"), "{text}: {answer}");
        let now = wait(path, "it does not go on", 60, is_in("S3"));
        assert_eq!(now["verbs"][0]["verb"], "pause", "{text}: {now}");
        run = Some(new);
    }
    assert_eq!(leverages(), set, "the leverage of a position was set");
    let run = run.expect("it runs");
    assert_eq!(ctl(path, &["flatten"]).0, Some(0));
    wait(path, "it does not close", 60, is_in("S0"));
    run.signal("-TERM");
    let (_, line) = ended(path, run, 60);
    assert_eq!(field(&line, "agrees"), "true", "{line}");
}

/// Another program goes on where it makes each command of the last hour again; where it does not, it is told to, or does nothing but close.
#[test]
fn another_program_goes_on_where_it_decides_alike() {
    let dir = folder();
    let path = dir.path();
    let (_market, port, best, run) = locked(path, &FAST, "", 30);
    run.signal("-TERM");
    assert_eq!(ended(path, run, 60).0, Some(7));
    rewrite(path, &mut older);
    let run = begin(path, &best, port);
    let now = wait(path, "it does not go on", 60, is_in("S3"));
    let err = fs::read_to_string(path.join("err")).expect("what it said");
    assert!(!now.to_string().contains("the start") && !err.contains("something else"), "{now} {err}");
    run.signal("-TERM");
    assert_eq!(ended(path, run, 60).0, Some(7));
    // the older one has opened at another price
    let mut is_first = true;
    rewrite(path, &mut |record| {
        older(record);
        if record.kind == Kind::Batch {
            body(record, |batch| {
                let limit = batch["commands"][0]["Place"]["limit"].as_i64().filter(|_| is_first);
                if let Some(limit) = limit {
                    batch["commands"][0]["Place"]["limit"] = json!(limit + 1);
                    is_first = false;
                }
            });
        }
    });
    assert!(!is_first, "nothing was placed");
    let run = begin_with(path, &best, port, &["--accept-decisions"]);
    wait(path, "it does not go on", 60, is_in("S3"));
    let err = fs::read_to_string(path.join("err")).expect("what it said");
    assert!(err.contains("older traded here") && err.contains("it is accepted"), "{err}");
    run.signal("-KILL");
    drop(run);
    rewrite(path, &mut older);
    // one that only closes is none that traded: whoever follows it is asked again
    for n in 0..2 {
        let run = begin(path, &best, port);
        let now = wait(path, "it does not begin", 60, is_in("S3"));
        let err = fs::read_to_string(path.join("err")).expect("what it said");
        assert!(
            err.contains("would have commanded something else") && err.contains("--accept-decisions"),
            "{n}: {err}"
        );
        assert!(now["may_open"] == false && now["verbs"][0]["who"] == "the start", "{n}: {now}");
        if n == 0 {
            run.signal("-KILL");
            continue;
        }
        assert_eq!(ctl(path, &["flatten"]).0, Some(0));
        assert_eq!(ended(path, run, 90).0, Some(4));
    }
    let stop = journal(path).pop().expect("a record");
    assert_eq!((&stop["kind"], &stop["body"]["flat"]), (&Value::from("stop"), &Value::Bool(true)));
}

/// A damaged journal starts nothing. Cut at the damage it is whole again; or what the venues show is closed, and nothing is numbered as
/// what may have stood behind the damage.
#[test]
fn a_damaged_journal_is_cut_or_what_the_venues_show_is_closed() {
    let dir = folder();
    let path = dir.path();
    let (_market, port, best, run) = locked(path, &FAST, "", 30);
    run.signal("-KILL");
    drop(run);
    let (sent, records) = (seen(path).len(), journal(path).len());
    let segment = segments(path).pop().expect("a segment");
    let mut bytes = fs::read(&segment).expect("reads");
    let place = HEAD_LEN + (bytes.len() - HEAD_LEN) / 3;
    bytes[place] ^= 1;
    fs::write(&segment, &bytes).expect("writes");
    let (code, _) = ended(path, begin(path, &best, port), 30);
    let err = fs::read_to_string(path.join("err")).expect("what it said");
    assert!(code == Some(2) && err.contains("--from-truth") && err.contains("--salvage"), "{code:?} {err}");
    let copied = std::process::Command::new("cp").args(["-r", "run", "copy"]).current_dir(path).status();
    assert!(copied.expect("cp is there").success());
    let (code, text) = ran(LIVE, path, &["journal", "copy", "--salvage"]);
    assert!(code == Some(0) && text.contains("are kept") && text.contains(".damaged"), "{code:?} {text}");
    let (code, text) = ran(LIVE, path, &["journal", "copy"]);
    assert!(code == Some(0) && text.lines().count() < records && text.contains("salvage"), "{code:?} {text}");
    let (code, text) = ran(LIVE, path, &["journal", "copy", "--salvage"]);
    assert!(code == Some(0) && text.contains("the journal is whole"), "{code:?} {text}");

    let (code, line) = ended(path, begin_with(path, &best, port, &["--from-truth"]), 120);
    let err = fs::read_to_string(path.join("err")).expect("what it said");
    assert_eq!((code, field(&line, "ending"), field(&line, "agrees")), (Some(0), "flat", "true"), "{line} {err}");
    assert!(seen(path).len() >= sent + 2, "both legs are closed");
    let (numbers, all) = (seen(path).into_iter().collect::<BTreeSet<_>>(), seen(path));
    assert_eq!(numbers.len(), all.len(), "a number was given twice: {all:?}");
    // and from there it begins anew
    let run = begin(path, &best, port);
    wait(path, "it does not begin", 60, |now| now["may_open"] == true);
    run.signal("-KILL");
}

/// What an operator says of a difference while nobody has the run is done by the next start, or forgotten where nothing differs.
#[test]
fn what_is_said_to_a_folder_is_done_by_the_next_start() {
    let dir = folder();
    let path = dir.path();
    let (_market, port, best, run) =
        locked(path, &FAST, &[intrusion("balance", "lighter", 5), intrusion("deposit", "grvt", 5)].concat(), 2);
    wait(path, "no balance differs", 90, |now| differs(now, 0).contains("balance 100 above"));
    // what a history tells was paid in is no difference
    wait(path, "the deposit is not explained", 60, |now| now["unexplained"] == 100.0 && differs(now, 1).is_empty());
    let err = fs::read_to_string(path.join("err")).expect("what it said");
    assert!(err.contains("grvt: 100 was paid in, as its history says"), "{err}");
    run.signal("-KILL");
    drop(run);
    let (code, text) = ctl(path, &["explain-balance", "--venue", "lighter"]);
    assert!(code == Some(2) && text.contains("--reason"), "{code:?} {text}");
    let (code, text) = ctl(path, &["explain-balance", "--venue", "binance", "--reason", "paid in"]);
    assert!(code == Some(2) && text.contains("lighter, grvt"), "{code:?} {text}");
    for words in [["explain-balance", "--venue", "lighter"], ["adopt", "--venue", "grvt"]] {
        let (code, text) = ctl(path, &[&words[..], &["--reason", "paid in"]].concat());
        assert!(code == Some(0) && text.contains("the next start does it"), "{code:?} {text}");
    }
    let run = begin(path, &best, port);
    let done = |verb: &str| {
        let is_said = |record: &Value| record["kind"] == "operator" && record["body"]["verb"] == verb;
        let said = journal(path).into_iter().rfind(is_said);
        said.map(|record| (record["body"]["by"].to_string(), record["body"]["reason"].to_string()))
    };
    wait(path, "it holds on", 60, |now| now["may_open"] == true && now["unexplained"] == 0.0);
    let (by, reason) = done("explain-balance lighter").expect("it is written down");
    assert!(by.contains("as said before") && reason.contains("paid in"), "{by} {reason}");
    let (by, reason) = done("adopt grvt").expect("it is written down");
    assert!(by.contains("as said before") && reason.contains("nothing of it is there"), "{by} {reason}");
    run.signal("-KILL");
}

/// Both venues stand still when everything is to be closed, and the process dies. The next one closes it, and opens nothing.
#[test]
fn what_was_to_be_closed_is_closed_by_the_next_start() {
    let dir = folder();
    let path = dir.path();
    let halt = "[[fault]]\nkind = \"halt\"\nvenue = \"both\"\nat = \"1s\"\nfor = \"10s\"\n";
    let (_market, port, best, run) = locked(path, &["--start-at", "9600", "--speed", "10"], halt, 5);
    std::thread::sleep(std::time::Duration::from_secs(3));
    assert_eq!(ctl(path, &["flatten", "--reason", "news"]).0, Some(0));
    run.signal("-KILL");
    drop(run);
    let run = begin(path, &best, port);
    let is_flat = |now: &Value| now["state"] == "S0" && (0..2).all(|role| now["held"][role]["position"] == "0");
    let now = wait(path, "it goes on", 60, is_flat);
    assert!(now["may_open"] == false && now["verbs"].to_string().contains("PAUSE"), "{now}");
    run.signal("-TERM");
    let (code, line) = ended(path, run, 90);
    assert_eq!((code, field(&line, "agrees")), (Some(0), "true"), "{line}");
    let err = fs::read_to_string(path.join("err")).expect("what it said");
    assert!(err.contains("before this start: news"), "{err}");
}
