//! `perpx-live arm RUN`, and what `--mode live` asks of what it wrote.

use crate::attach::{ACCOUNT, LIVE};
use crate::live::swept;
use crate::preflight::other_run;
use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};

/// As a user whose state is in `dir` runs it, typing `lines`.
pub(crate) fn typed(dir: &Path, arguments: &[&str], lines: &str) -> (Option<i32>, String) {
    let mut command = Command::new(LIVE);
    command.args(arguments).current_dir(dir).env("PERPX_STATE", dir.join("state"));
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("it starts");
    // one that has ended reads nothing
    let _ = child.stdin.take().expect("piped").write_all(lines.as_bytes());
    let out = child.wait_with_output().expect("it ends");
    (out.status.code(), format!("{}{}", String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr)))
}

/// What is armed is what is there, for thirty days, by whoever types the numbers; anything else does not trade.
#[test]
fn what_trades_was_armed_as_it_is() {
    let (case, best) = swept();
    let dir = &*case.out("");
    let said = fs::read_to_string(&best).expect("reads");
    let hash = |text: &str| perpx::config::evidence_hash(text).expect("evidence");
    let recorded = said.replace("is_synthetic: true", "is_synthetic: false");
    let recorded = recorded.replace(&hash(&said), &hash(&recorded));
    fs::write(dir.join("best.yml"), &recorded).expect("writes");
    let answer = "length=a day of it is all that there is";
    let live = || typed(dir, &["--config", "best.yml", "--mode", "live", "--override", answer, "--run", "live/a"], "");
    let arm = |lines: &str| typed(dir, &["arm", "live/a"], lines);
    let (code, text) = live();
    assert!(
        code == Some(4) && text.contains("armed.json: it is not there") && text.contains("perpx-live arm RUN"),
        "{text}"
    );
    // the folder is there now, with what is to be filled in
    let (code, text) = arm("1\n1\n");
    assert!(code == Some(2) && text.contains("live/a/live.toml: account.lighter"), "{text}");
    let file = |network: &str| {
        let text = format!("network = \"{network}\"\nhost = \"127.0.0.1:9\"\n{ACCOUNT}");
        fs::write(dir.join("live/a/live.toml"), text).expect("writes");
    };
    let armed = dir.join("live/a/armed.json");
    file("custom");
    for lines in ["", "7\n", "1\n7\n"] {
        let (code, text) = arm(lines);
        assert!(code == Some(2) && text.contains("nothing is armed") && !armed.exists(), "{lines:?}: {text}");
    }
    let (code, text) = arm("1\n1\n");
    assert!(code == Some(0) && text.contains("armed until"), "{code:?} {text}");
    for words in
        ["account   1 at lighter", "account   1 at grvt", "0.01 BTC a leg, 10 times", "verdict", "limits    none"]
    {
        assert!(text.contains(words), "{words}: {text}");
    }
    assert_eq!(fs::metadata(&armed).expect("there").permissions().mode() & 0o777, 0o600);
    let whole = fs::read_to_string(&armed).expect("text");
    // what is armed trades when it is said that its orders are real, with limits, and with a key of its own for closes
    let (code, text) = live();
    assert!(code == Some(4) && text.contains("--i-accept-real-orders"), "{code:?} {text}");
    let accepted =
        ["--config", "best.yml", "--mode", "live", "--override", answer, "--run", "live/a", "--i-accept-real-orders"];
    let (code, text) = typed(dir, &accepted, "");
    assert!(code == Some(2) && text.contains("limits.max_order_qty: is not written"), "{code:?} {text}");
    let (code, text) = typed(dir, &[&accepted[..], &["--speed", "2"]].concat(), "");
    assert!(code == Some(2) && text.contains("--mode live"), "{code:?} {text}");
    // armed again it is known by the same tag
    let tag = |text: &str| text.lines().find(|line| line.contains("\"tag\"")).expect("a tag").to_owned();
    assert_eq!(arm("1\n1\n").0, Some(0));
    assert_eq!(tag(&fs::read_to_string(&armed).expect("text")), tag(&whole));
    let tags = fs::read_to_string(dir.join("state/accounts/lighter-1")).expect("tags");
    assert!(tags.lines().count() == 1 && tags.contains("live/a"), "{tags}");
    // what has changed since, what is too old, what is none
    let refused = |why: &str| {
        let (code, text) = live();
        assert!(code == Some(4) && text.contains(why), "{why}: {code:?} {text}");
    };
    let until = whole.lines().find(|line| line.contains("\"until\"")).expect("an end");
    fs::write(&armed, whole.replace(until, "\"until\": \"2026-01-01T00:00:00Z\",")).expect("writes");
    refused("it is older than 30 days");
    fs::write(&armed, whole.replace(until, "\"until\": \"2096-01-01T00:00:00Z\",")).expect("writes");
    refused("it is older than 30 days");
    fs::write(&armed, "{}").expect("writes");
    refused("it is none");
    fs::write(&armed, whole.replace("\"code\": \"", "\"code\": \"x")).expect("writes");
    refused("another program was armed");
    fs::write(&armed, &whole).expect("writes");
    let live_file = fs::read_to_string(dir.join("live/a/live.toml")).expect("text");
    fs::write(dir.join("live/a/live.toml"), format!("{live_file}# looser\n")).expect("writes");
    refused("live.toml has changed since");
    fs::write(dir.join("live/a/live.toml"), &live_file).expect("writes");
    let own = dir.join("live/a/best.yml");
    fs::write(&own, format!("{recorded}\n# touched\n")).expect("writes");
    refused("best.yml has changed since");
    // live orders are for no emulator
    fs::write(&own, &recorded).expect("writes");
    file("emulated");
    let (code, text) = live();
    assert!(code == Some(4) && text.contains("network is emulated"), "{code:?} {text}");
    // another run has a leg on the account
    file("custom");
    let custom = fs::read_to_string(dir.join("live/a/live.toml")).expect("text");
    other_run(&dir.join("live/b"), &custom);
    let (code, text) = arm("1\n1\n");
    assert!(code == Some(4) && text.contains("b left 0.01 and 0 orders at lighter account 1"), "{code:?} {text}");
}
