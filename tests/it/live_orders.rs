//! `perpx-live --mode live` as a user runs it, with `network = "custom"`: the same clients, guards and orders as at a venue, and emulators
//! of another process on the other side.

use crate::arm::typed;
use crate::attach::{LIVE, SAMPLE, folder, journal, market, private, seen};
use crate::ctl::{ended, is_in, locks, wait};
use crate::paper::{best, field};
use crate::record::Running;
use perpx::venues::lighter::sign::PrivateKey;
use serde_json::Value;
use std::fs;
use std::path::Path;
use std::process::Command;

/// A second key at Lighter, for cancels and closes.
fn close_key() -> String {
    format!("07{}", "13".repeat(38) + "00")
}

/// The winner of a sweep over what passes for a recording, so that a reason may set aside what stands against it.
fn promoted(dir: &Path) {
    let said = fs::read_to_string(dir.join(best(dir, &locks()))).expect("reads");
    let hash = |text: &str| perpx::config::evidence_hash(text).expect("evidence");
    let recorded = said.replace("is_synthetic: true", "is_synthetic: false");
    fs::write(dir.join("best.yml"), recorded.replace(&hash(&said), &hash(&recorded))).expect("writes");
}

/// What is said to each check that refuses the winner.
fn answers(dir: &Path) -> Vec<String> {
    let (code, text) = typed(dir, &["--config", "best.yml", "--mode", "live", "--run", "run"], "");
    assert_eq!(code, Some(4), "{text}");
    let parts = text.split("its check ").skip(1);
    let names = parts.filter_map(|part| part.split_once(" is refused")).map(|(name, _)| name.to_owned());
    let weak = if text.contains("--accept-weak would") { vec!["--accept-weak".to_owned()] } else { Vec::new() };
    let answer = |name: String| ["--override".to_owned(), format!("{name}=a rehearsal at emulators of this machine")];
    names.flat_map(answer).chain(weak).collect()
}

fn begin(dir: &Path, answers: &[String]) -> Running {
    let words = ["--config", "best.yml", "--mode", "live", "--run", "run", "--store", SAMPLE, "--json"];
    let mut command = Command::new(LIVE);
    command.args(words).args(answers).arg("--i-accept-real-orders");
    command.current_dir(dir).env("PERPX_STATE", dir.join("state"));
    command.stdout(fs::File::create(dir.join("out")).expect("a file"));
    command.stderr(fs::File::create(dir.join("err")).expect("a file"));
    Running(command.spawn().expect("it starts"))
}

/// Nothing leaves before it was armed and said; then it trades, each order marked with the tag that was armed. What stands against a
/// later start closes what is open, by closes alone, and is said then; with nothing open nothing leaves at all.
#[test]
fn what_was_armed_trades_and_nothing_else_does() {
    let dir = folder();
    let path = dir.path();
    let env = fs::read_to_string(path.join(".env")).expect("keys");
    private(&path.join(".env"), &format!("{env}PERPX_LIGHTER_CLOSE_PRIVATE_KEY={}\n", close_key()));
    promoted(path);
    let answers = answers(path);
    assert!(!path.join("run").exists(), "what may not be promoted makes no folder");
    let witness = path.join("witness.jsonl").display().to_string();
    let second = format!("6={}", PrivateKey::from_hex(&close_key()).expect("a key").public().to_hex());
    let tape = ["--tape", SAMPLE, "--from", "2026-01-05", "--to", "2026-01-06", "--start-at", "9000", "--speed", "60"];
    let (_market, port) = market(path, &[&tape[..], &["--witness", &witness, "--api-key", &second]].concat());
    let live = format!(
        "network = \"custom\"\nhost = \"127.0.0.1:{port}\"\n[account]\n\
         lighter = {{ index = 1, api_key = 5, api_key_close = 6 }}\ngrvt = {{ sub_account = \"1\" }}\n\
         [limits]\nmax_order_qty = 1\nmax_order_notional = 100000\nmax_position_notional = 100000\n\
         max_net_notional = 100000\nmax_loss_day = 5000\nmax_loss_total = 5000\n"
    );
    fs::create_dir_all(path.join("run")).expect("a folder");
    fs::write(path.join("run/live.toml"), &live).expect("writes");
    let (code, line) = ended(path, begin(path, &answers), 60);
    let err = fs::read_to_string(path.join("err")).expect("what it said");
    assert!(code == Some(4) && err.contains("armed.json: it is not there"), "{code:?} {line} {err}");
    let (code, text) = typed(path, &["arm", "run"], "1\n1\n");
    assert!(code == Some(0) && text.contains("armed until"), "{code:?} {text}");
    let words = ["--config", "best.yml", "--mode", "live", "--run", "run", "--store", SAMPLE];
    let words: Vec<&str> = words.into_iter().chain(answers.iter().map(String::as_str)).collect();
    let (code, text) = typed(path, &words, "");
    assert!(code == Some(4) && text.contains("--i-accept-real-orders"), "{code:?} {text}");
    assert!(!Path::new(&witness).exists() || seen(path).is_empty(), "{:?}", seen(path));

    let run = begin(path, &answers);
    wait(path, "it does not lock", 120, is_in("S3"));
    run.signal("-TERM");
    let (code, line) = ended(path, run, 60);
    assert_eq!((code, field(&line, "ending"), field(&line, "agrees")), (Some(7), "parked", "true"), "{line}");
    assert_eq!(field(&line, "mode"), "live");
    let start = journal(path).into_iter().find(|record| record["kind"] == "start").expect("a start");
    assert_eq!(start["body"]["network"], format!("custom at 127.0.0.1:{port}"));
    let armed: Value =
        serde_json::from_str(&fs::read_to_string(path.join("run/armed.json")).expect("it")).expect("JSON");
    let tag = armed["tag"].as_u64().expect("a tag");
    let placed = seen(path);
    assert!(placed.iter().any(|order| order.contains("grvt")) && placed.iter().any(|order| order.contains("lighter")));
    for order in &placed {
        let number = order.rsplit(' ').next().expect("a number").trim_matches('"').parse::<u64>().expect("a number");
        let own = if order.contains("grvt") { number >> 48 & 0x7fff } else { number >> 40 };
        let wanted = if order.contains("grvt") { tag } else { tag & 0xff };
        assert_eq!(own, wanted, "{order} is not of the run that was armed");
    }

    // not armed any more: what it holds is closed, and then that is said
    fs::remove_file(path.join("run/armed.json")).expect("removes");
    let (code, line) = ended(path, begin(path, &answers), 90);
    let err = fs::read_to_string(path.join("err")).expect("what it said");
    assert!(
        code == Some(4) && err.contains("something is held: it is closed before this run ends so"),
        "{code:?} {line} {err}"
    );
    let stop = journal(path).into_iter().rfind(|record| record["kind"] == "stop").expect("an end");
    assert_eq!(stop["body"]["flat"], true, "{stop}");
    // and one that holds nothing is refused before anything is sent
    let sent = fs::read_to_string(&witness).expect("what the venues saw").lines().count();
    let (code, _) = ended(path, begin(path, &answers), 60);
    assert_eq!(code, Some(4));
    assert_eq!(fs::read_to_string(&witness).expect("what the venues saw").lines().count(), sent);
}
