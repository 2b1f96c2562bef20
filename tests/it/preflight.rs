//! `perpx-live preflight RUN` as a user runs it, on emulators of another process.

use crate::attach::{ACCOUNT, LIVE, folder, live_file, market};
use crate::paper::{best, ran};
use crate::sweep::BASE;
use perpx::live::journal::folder::{Journal, Writer};
use perpx::live::journal::record::{Kind, Record, Stamp};
use perpx::units::Time;
use serde_json::{Value, json};
use std::fs;
use std::path::Path;
use std::time::Duration;

/// The rows and the exit code.
fn looked(dir: &Path, more: &[&str]) -> (Option<i32>, Vec<Value>) {
    let (code, text) = ran(LIVE, dir, &[&["preflight", "run", "--json"], more].concat());
    let line = text.lines().find(|line| line.starts_with('{')).unwrap_or_else(|| panic!("{text}"));
    let all: Value = serde_json::from_str(line).expect("JSON");
    (code, all["rows"].as_array().unwrap_or_else(|| panic!("{text}")).clone())
}

/// `venue check` of the rows of a grade.
fn of_grade(rows: &[Value], grade: &str) -> Vec<String> {
    let wanted = rows.iter().filter(|row| row["grade"] == grade);
    wanted
        .map(|row| format!("{} {}", row["venue"].as_str().unwrap_or("-"), row["check"].as_str().unwrap_or("")))
        .collect()
}

fn found<'a>(rows: &'a [Value], venue: &str, check: &str) -> &'a str {
    let row = rows.iter().find(|row| row["venue"] == venue && row["check"] == check);
    row.and_then(|row| row["found"].as_str()).unwrap_or_else(|| panic!("{venue} {check}: {rows:?}"))
}

/// A strategy at the venues' own fees, and its run folder with the accounts of the emulators.
fn prepared(dir: &Path, base: &str, port: u16) {
    let best = best(dir, base);
    live_file(dir, port, ACCOUNT);
    fs::copy(dir.join(best), dir.join("run/best.yml")).expect("copied");
}

/// At the venues' own fees, without an order that rests.
fn taking() -> String {
    let base = BASE
        .replace("fees: {taker_bps: 1.0, maker_rebate_bps: -0.2}\n", "entry: {style: taker}\nunlock: {style: taker}\n");
    base.replace("locking: {", "locking: {style: taker, ").replace("exit: {", "exit: {style: taker, ")
}

/// Nothing stands against a run at emulators as they come, and nothing but questions has come to them.
#[test]
fn a_preflight_asks_and_sends_nothing() {
    let dir = folder();
    let path = dir.path();
    let witness = path.join("witness.jsonl").display().to_string();
    let (_market, port) = market(path, &["--witness", &witness]);
    prepared(path, &taking(), port);
    let (code, rows) = looked(path, &[]);
    assert_eq!((code, of_grade(&rows, "refuse")), (Some(0), Vec::new()), "{rows:#?}");
    for check in ["hosts", "clock", "market", "steps", "funding", "fees", "requests", "depth", "account", "balance"] {
        for venue in ["lighter", "grvt"] {
            found(&rows, venue, check);
        }
    }
    let limits = rows.iter().find(|row| row["check"] == "limits").expect("a row");
    assert!(limits["grade"] == "warn" && limits["found"].as_str().is_some_and(|text| text.contains("max_loss_day")));
    assert!(found(&rows, "lighter", "key").contains("as the venue has it"));
    assert!(found(&rows, "lighter", "requests").contains("tier standard: 60 a minute"));
    let seen = fs::read_to_string(&witness).expect("what the venues saw");
    let lines: Vec<Value> = seen.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert!(lines.len() > 20);
    assert!(lines.iter().all(|line| line["orders"].as_array().is_none_or(Vec::is_empty)), "{seen}");
    for word in ["sendTx", "set_position_config", "set_initial_leverage", "create_order", "cancel"] {
        assert!(!seen.contains(word), "{word}");
    }
    // as a page for people, with an order that is signed
    let (code, text) = ran(LIVE, path, &["preflight", "run", "--testnet-order"]);
    assert!(code == Some(0) && text.contains("ok      lighter  key") && text.contains("nothing refuses;"), "{text}");
    for venue in ["lighter", "grvt"] {
        let order = text.lines().find(|line| line.contains(&format!("{venue:<8} order")));
        assert!(order.is_some_and(|line| line.starts_with("ok")), "{text}");
    }
    // nobody sends an order beside a process that has the run
    let lock = perpx::venues::recorder::folder::lock(&path.join("run")).expect("nobody has it");
    let sent = || fs::read_to_string(&witness).expect("what the venues saw").lines().count();
    let before = sent();
    let (code, text) = ran(LIVE, path, &["preflight", "run", "--testnet-order"]);
    assert!(code == Some(2) && text.contains("another process writes here") && sent() == before, "{code:?} {text}");
    drop(lock);
    // what is no folder of a run
    let (code, text) = ran(LIVE, path, &["preflight", "swept"]);
    assert!(code == Some(2) && text.contains("best.yml and live.toml are not both there"), "{code:?} {text}");
}

/// Each thing that is not as it should be has its row, and no other row refuses.
#[test]
fn what_is_wrong_has_its_row() {
    let dir = folder();
    let path = dir.path();
    let fault = |kind: &str, more: &str| format!("[[fault]]\nat = \"0s\"\nkind = \"{kind}\"\n{more}\n");
    let faults = [
        fault("intrude", "what = \"position\"\nvenue = \"grvt\""),
        fault("intrude", "what = \"order\"\nvenue = \"lighter\""),
        fault("market-status", "status = \"reduce-only\"\nvenue = \"grvt\""),
        fault("clock-ahead", "by = \"3s\"\nvenue = \"lighter\""),
    ];
    fs::write(path.join("faults.toml"), faults.concat()).expect("writes");
    let faults = path.join("faults.toml").display().to_string();
    let (_market, port) = market(path, &["--faults", &faults, "--cash", "50"]);
    prepared(path, BASE, port);
    std::thread::sleep(Duration::from_secs(2));
    let (code, rows) = looked(path, &[]);
    let wanted = ["account", "balance", "clock", "fees", "requests"].map(|check| format!("lighter {check}"));
    let of_grvt = ["account", "balance", "fees", "market"].map(|check| format!("grvt {check}"));
    let mut refused = of_grade(&rows, "refuse");
    refused.sort();
    let all = [&of_grvt[..], &wanted].concat();
    assert_eq!((code, refused), (Some(4), all), "{rows:#?}");
    assert!(found(&rows, "grvt", "account").contains("holds 0.01 and has 0 orders"), "{rows:#?}");
    assert!(found(&rows, "lighter", "account").contains("holds 0 and has 1 orders"));
    assert!(found(&rows, "grvt", "fees").contains("taker 4.5 bp"));
    // another key than the one that is registered
    live_file(path, port, &ACCOUNT.replace("api_key = 5", "api_key = 6"));
    let (_, rows) = looked(path, &[]);
    assert!(of_grade(&rows, "refuse").contains(&"lighter key".to_owned()), "{rows:#?}");
    // resting orders on the standard tier
    live_file(path, port, ACCOUNT);
    let (_, rows) = looked(path, &["--i-know-the-tier"]);
    assert!(!of_grade(&rows, "refuse").contains(&"lighter requests".to_owned()), "{rows:#?}");
    // another run beside this one has left a leg on the same account
    let live = fs::read_to_string(path.join("run/live.toml")).expect("text");
    other_run(&path.join("other"), &live);
    let (_, rows) = looked(path, &[]);
    let other = rows.iter().find(|row| row["check"] == "other runs").expect("a row");
    assert!(
        other["grade"] == "refuse" && other["found"].as_str().is_some_and(|found| found.contains("other left 0.01")),
        "{other}"
    );
    // nobody is there
    live_file(path, 9, ACCOUNT);
    let (code, rows) = looked(path, &[]);
    assert!(code == Some(4) && found(&rows, "lighter", "hosts").contains("nothing answers there"), "{rows:#?}");
}

pub(crate) fn other_run(folder: &Path, live: &str) {
    let journal = folder.join("journal");
    let (mut writer, _) = Writer::open(&journal, &Journal::default(), [7; 16]).expect("a journal");
    let stamp = Stamp { wall_ns: 1, mono_ns: 1, engine: Time(1) };
    let held = json!({ "venues": [{ "position": "0.01", "open_orders": 0 }, { "position": "0", "open_orders": 0 }] });
    let record =
        |(seq, (kind, body)): (u64, (Kind, Value))| Record { seq, stamp, kind, body: body.to_string().into_bytes() };
    let records = [(Kind::Start, json!({ "live": live })), (Kind::Recon, held)];
    writer.append(&(0..).zip(records).map(record).collect::<Vec<_>>()).expect("written");
}
