//! `perpx-live --mode emulated --attach` as a user runs it: on emulators of another process, with keys, a run folder and a journal.

use crate::paper::{best, field, ran};
use crate::record::{Running, market_of};
use crate::sweep::BASE;
use perpx::venues::lighter::sign::PrivateKey;
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

pub(crate) const LIVE: &str = env!("CARGO_BIN_EXE_perpx-live");
pub(crate) const SAMPLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/data/sample");
pub(crate) const ACCOUNT: &str = "[account]\nlighter = { index = 1, api_key = 5 }\ngrvt = { sub_account = \"1\" }\n";

/// Private keys of this test: of Lighter, and the signer's at GRVT.
pub(crate) fn keys() -> [String; 2] {
    [format!("09{}", "11".repeat(38) + "00"), "2a".repeat(32)]
}

/// With keys in its `.env`.
pub(crate) fn folder() -> tempfile::TempDir {
    let dir = tempfile::tempdir().expect("a folder");
    let [lighter, grvt] = keys();
    let text =
        format!("PERPX_LIGHTER_API_PRIVATE_KEY={lighter}\nPERPX_GRVT_API_KEY=emulated\nPERPX_GRVT_SIGNER_KEY={grvt}\n");
    private(&dir.path().join(".env"), &text);
    dir
}

/// Writes a file that its owner alone may read.
pub(crate) fn private(file: &Path, text: &str) {
    use std::os::unix::fs::PermissionsExt;
    fs::write(file, text).expect("writes");
    fs::set_permissions(file, fs::Permissions::from_mode(0o600)).expect("a mode");
}

/// Both venues with the accounts of [`keys`], as `perpx-live keys` prints their public halves.
pub(crate) fn market(dir: &Path, more: &[&str]) -> (Running, u16) {
    let (code, text) = ran(LIVE, dir, &["keys"]);
    assert_eq!(code, Some(0), "{text}");
    let key = |venue: &str| text.lines().find_map(|line| line.strip_prefix(venue)).expect("a line").trim().to_owned();
    let [lighter, grvt] = ["lighter", "grvt"].map(key);
    assert_eq!(lighter, PrivateKey::from_hex(&keys()[0]).expect("a key").public().to_hex());
    let lighter = format!("5={lighter}");
    market_of(&[&["--api-key", &lighter, "--grvt-signer", &grvt][..], more].concat())
}

pub(crate) fn live_file(dir: &Path, port: u16, account: &str) {
    fs::create_dir_all(dir.join("run")).expect("a folder");
    let file = format!("network = \"emulated\"\nhost = \"127.0.0.1:{port}\"\n{account}");
    fs::write(dir.join("run/live.toml"), file).expect("writes");
}

pub(crate) fn begin(dir: &Path, best: &str, port: u16) -> Running {
    begin_with(dir, best, port, &[])
}

pub(crate) fn begin_with(dir: &Path, best: &str, port: u16, more: &[&str]) -> Running {
    let host = format!("127.0.0.1:{port}");
    let child = Command::new(LIVE)
        .args(["--config", best, "--mode", "emulated", "--attach", &host, "--run", "run", "--store", SAMPLE, "--json"])
        .args(more)
        .current_dir(dir)
        .env("PERPX_STATE", dir.join("state"))
        .stdout(fs::File::create(dir.join("out")).expect("a file"))
        .stderr(fs::File::create(dir.join("err")).expect("a file"))
        .spawn();
    Running(child.expect("it starts"))
}

/// The journal's records, as `perpx-live journal` prints them.
pub(crate) fn journal(dir: &Path) -> Vec<Value> {
    let (code, text) = ran(LIVE, dir, &["journal", "run", "--json"]);
    assert_eq!(code, Some(0), "{text}");
    text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

/// Numbers of the orders that the journal wanted placed.
fn placed(journal: &[Value]) -> Vec<u64> {
    let batches = journal.iter().filter(|record| record["kind"] == "batch");
    let commands = batches.flat_map(|record| record["body"]["commands"].as_array().expect("commands"));
    commands.filter_map(|command| command["Place"]["id"].as_u64()).collect()
}

/// Venue and client number of each new order that came to a venue.
pub(crate) fn seen(dir: &Path) -> Vec<String> {
    let text = fs::read_to_string(dir.join("witness.jsonl")).expect("what the venues saw");
    let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
    let orders = lines.flat_map(|line| {
        let orders = line["orders"].as_array().cloned().unwrap_or_default();
        orders.into_iter().map(move |order| (line["venue"].clone(), order))
    });
    let placed = orders.filter(|(_, order)| order["what"] == "create_order");
    placed.map(|(venue, order)| format!("{venue} {}", order["client"])).collect()
}

/// It trades, and each order is in the journal once before the venues see it once; a stop closes everything. Killed in the middle, the
/// journal is whole, and the next start goes on where the last one was. No key is in anything that is written.
#[test]
fn a_run_at_other_processes_venues_is_written_down() {
    let dir = folder();
    let path = dir.path();
    let best = best(path, BASE);
    let witness = path.join("witness.jsonl").display().to_string();
    let tape = ["--tape", SAMPLE, "--from", "2026-01-05", "--to", "2026-01-06", "--start-at", "9000", "--speed", "60"];
    let (market, port) = market(path, &[&tape[..], &["--witness", &witness]].concat());
    live_file(path, port, &format!("on_stop = \"close\"\n{ACCOUNT}"));
    let run = begin(path, &best, port);
    std::thread::sleep(Duration::from_secs(45));
    run.signal("-INT");
    let code = run.code();
    let out = fs::read_to_string(path.join("out")).expect("what it printed");
    let err = fs::read_to_string(path.join("err")).expect("what it said");
    assert_eq!(code, Some(0), "{out}{err}");
    let report = out.lines().last().expect("a line");
    assert_eq!(field(report, "agrees"), "true", "{out}");
    assert!(field(report, "trades").parse::<u32>().expect("a number") > 0, "{out}");
    let written = journal(path);
    let kinds: Vec<&str> = written.iter().map(|record| record["kind"].as_str().expect("a word")).collect();
    assert_eq!((kinds[0], kinds[kinds.len() - 1]), ("start", "stop"), "{kinds:?}");
    let wanted = placed(&written);
    assert!(!wanted.is_empty() && wanted.iter().collect::<BTreeSet<_>>().len() == wanted.len(), "{wanted:?}");
    // what is not sent within a second of its fence is of no account here: all were
    assert_eq!(wanted.len(), seen(path).len(), "{wanted:?}\n{:?}", seen(path));
    // a fill is of an order that was written down before it
    let fill = written.iter().find(|record| record["body"]["body"]["Fill"].is_object()).expect("a fill");
    let before = written.iter().filter(|record| record["seq"].as_u64() < fill["seq"].as_u64()).cloned();
    assert!(placed(&before.collect::<Vec<_>>()).contains(&fill["body"]["body"]["Fill"]["id"].as_u64().expect("an id")));

    // another configuration has another folder, and the same one goes on where it was killed
    let run = begin(path, &best, port);
    std::thread::sleep(Duration::from_secs(20));
    run.signal("-KILL");
    assert_eq!(run.code(), None);
    let killed = journal(path);
    assert!(killed.len() > written.len() && killed[..written.len()] == written[..]);
    let run = begin(path, &best, port);
    std::thread::sleep(Duration::from_secs(8));
    run.signal("-INT");
    let code = run.code();
    let [out, err] = ["out", "err"].map(|file| fs::read_to_string(path.join(file)).expect("what it said"));
    // it goes on with what the killed one held
    assert!(code == Some(0) && out.contains("recovered: S") && field(&out, "agrees") == "true", "{code:?} {out}{err}");
    let after = journal(path);
    assert!(
        after[..killed.len()] == killed[..] && after.iter().filter(|record| record["kind"] == "start").count() == 3
    );
    let client = seen(path);
    assert_eq!(client.iter().collect::<BTreeSet<_>>().len(), client.len(), "a number was used twice");
    drop(market);
    for key in keys() {
        for file in ["out", "err", "witness.jsonl", "run/live.toml", "run/best.yml", "run/journal/000001.pxj"] {
            let bytes = fs::read(path.join(file)).unwrap_or_else(|error| panic!("{file}: {error}"));
            assert!(!bytes.windows(key.len()).any(|window| window == key.as_bytes()), "a key is in {file}");
        }
    }
}

/// Everything that is missing is said before anything is sent.
#[test]
fn what_a_run_at_other_processes_venues_needs() {
    let dir = folder();
    let path = dir.path();
    let best = best(path, BASE);
    let position = "[[fault]]\nat = \"0s\"\nkind = \"intrude\"\nwhat = \"position\"\nvenue = \"grvt\"\n";
    fs::write(path.join("faults.toml"), position).expect("writes");
    let faults = path.join("faults.toml").display().to_string();
    let (_market, port) = market(path, &["--faults", &faults]);
    let host = format!("127.0.0.1:{port}");
    let at = |port: u16, more: &[&str]| {
        let host = format!("127.0.0.1:{port}");
        // one that is not refused would trade on
        let arguments = ["30", LIVE, "--config", &best, "--mode", "emulated", "--attach", &host, "--run", "run"];
        ran("timeout", path, &[&arguments[..], more].concat())
    };
    let attached = |more: &[&str]| at(port, more);
    // a new folder says what is to be filled in
    let (code, text) = attached(&[]);
    assert!(code == Some(2) && text.contains("run/live.toml: account.lighter") && text.contains("api_key"), "{text}");
    assert!(fs::read_to_string(path.join("run/live.toml")).expect("made").contains("# lighter = { index"));
    live_file(path, port, ACCOUNT);
    for more in [&["--speed", "2"][..], &["--from", "2026-01-05"], &["--faults", &faults]] {
        let (code, text) = attached(more);
        assert!(code == Some(2) && text.contains("these are the emulator's"), "{more:?}: {code:?} {text}");
    }
    let (code, text) = ran(LIVE, path, &["--config", &best, "--attach", &host]);
    assert!(code == Some(2) && text.contains("with --mode paper or emulated"), "{code:?} {text}");
    // somebody else's position is nothing that a new run may trade over, and neither is an order
    let (code, text) = attached(&[]);
    assert!(code == Some(4) && text.contains("grvt: the account holds 0.01 and has 0 orders open"), "{code:?} {text}");
    let order = position.replace("position", "order").replace("grvt", "lighter");
    fs::write(path.join("faults.toml"), order).expect("writes");
    let (_other, other) = market(path, &["--faults", &faults]);
    let (code, text) = at(other, &[]);
    assert!(
        code == Some(2) && text.contains(&format!("host is {host}, you named 127.0.0.1:{other}")),
        "{code:?} {text}"
    );
    // an account of somebody else, and one that nobody has: what is wrong is said, and nothing of closing
    for (from, to) in [("sub_account = \"1\"", "sub_account = \"77\""), ("index = 1", "index = 99")] {
        live_file(path, other, &ACCOUNT.replace(from, to));
        let (code, text) = at(other, &[]);
        assert!(code == Some(2) && text.contains("keys that are registered for it"), "{to}: {code:?} {text}");
        std::thread::sleep(Duration::from_secs(1));
    }
    live_file(path, other, ACCOUNT);
    // an order takes its way to the book
    std::thread::sleep(Duration::from_secs(2));
    let (code, text) = at(other, &[]);
    assert!(code == Some(4) && text.contains("lighter: the account holds 0 and has 1 orders open"), "{code:?} {text}");
    let (code, text) = ran(LIVE, path, &["journal", "run", "--kind", "batch"]);
    assert!(code == Some(0) && text.trim().is_empty(), "{code:?} {text}");
    let (code, text) = ran(LIVE, path, &["journal", "run", "--kind", "order"]);
    assert!(code == Some(2) && text.contains("accepted: start, batch"), "{code:?} {text}");
    let (code, text) = ran(LIVE, path, &["journal", "swept"]);
    assert!(code == Some(2) && text.contains("swept/journal"), "{code:?} {text}");
    private(&path.join(".env"), "PERPX_GRVT_API_KEY=emulated\n");
    let (code, text) = at(other, &[]);
    assert!(code == Some(2) && text.contains("PERPX_LIGHTER_API_PRIVATE_KEY is not set"), "{code:?} {text}");
    // each start says why it ended
    let ends = journal(path).into_iter().filter(|record| record["kind"] == "stop").count();
    assert_eq!(ends, 4);
    // a damaged journal is never taken for an empty one; what is whole of it can be looked at
    let file = path.join("run/journal/000001.pxj");
    let whole = fs::read(&file).expect("a journal");
    let mut bytes = whole.clone();
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    fs::write(&file, bytes).expect("writes");
    let (code, text) = ran(LIVE, path, &["journal", "run"]);
    assert!(code == Some(2) && text.contains("the journal is damaged at byte"), "{code:?} {text}");
    assert!(text.contains(" start ") && text.lines().count() > 10, "{text}");
    fs::write(path.join("run/KILL"), "for the test").expect("writes");
    let (code, text) = ran(LIVE, path, &["ctl", "run", "clear-kill", "--reason", "looked at"]);
    assert!(code == Some(2) && text.contains("damaged at byte") && text.contains("--salvage"), "{code:?} {text}");
    assert!(!text.contains("--run DIR") && path.join("run/KILL").exists(), "{text}");
    fs::write(&file, &whole[..30]).expect("writes");
    let (code, text) = ran(LIVE, path, &["journal", "run"]);
    assert!(code == Some(2) && text.contains("no record is there"), "{code:?} {text}");
}
