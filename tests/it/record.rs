//! `perpx-data record` as a user runs it, at an emulator that another process plays.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

const DATA: &str = env!("CARGO_BIN_EXE_perpx-data");

/// A process that does not outlive its test.
pub(crate) struct Running(pub(crate) Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Running {
    /// Starts a command and waits for its first line.
    fn start(arguments: &[&str]) -> Running {
        Running::start_in(Path::new("."), arguments)
    }

    fn start_in(dir: &Path, arguments: &[&str]) -> Running {
        let mut command = Command::new(DATA);
        command.current_dir(dir);
        command.args(arguments);
        Running::of(command).unwrap_or_else(|| panic!("{arguments:?} says nothing"))
    }

    /// `None`: it says nothing.
    fn of(mut command: Command) -> Option<Running> {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("it starts");
        let mut line = String::new();
        BufReader::new(child.stdout.take().expect("a pipe")).read_line(&mut line).expect("a line");
        let running = Running(child);
        (!line.is_empty()).then_some(running)
    }

    pub(crate) fn signal(&self, name: &str) {
        signal(&self.0, name);
    }

    pub(crate) fn code(mut self) -> Option<i32> {
        self.0.wait().expect("it ends").code()
    }
}

/// Sends a signal to a process that runs.
pub(crate) fn signal(child: &Child, name: &str) {
    let sent = Command::new("kill").args([name, &child.id().to_string()]).status().expect("kill");
    assert!(sent.success(), "it ended by itself");
}

/// Both venues, played by another process; Lighter's port.
fn market() -> (Running, u16) {
    market_of(&["--speed", "10"])
}

/// As [`market`], with such options.
pub(crate) fn market_of(options: &[&str]) -> (Running, u16) {
    let free = |port: &u16| (0..4).all(|after| TcpListener::bind(("127.0.0.1", port + after)).is_ok());
    let begin = TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr()).map_or(0, |at| at.port());
    let ports = (0..2_000).map(|i| 10_000 + (begin.wrapping_add(i * 11)) % 9_000).filter(free);
    let venue: &[&str] = if options.contains(&"--venue") { &[] } else { &["--venue", "both"] };
    // somebody else may take one in between
    let played = ports.take(20).find_map(|port| {
        let mut command = Command::new(DATA);
        command.args(["emulate", "--port", &port.to_string()]).args(venue).args(options);
        Running::of(command).map(|running| (running, port))
    });
    played.unwrap_or_else(|| panic!("emulate {options:?} says nothing"))
}

fn config(dir: &Path, port: u16) -> String {
    let host = format!("host = \"127.0.0.1:{port}\"\nsymbols = [\"BTC\"]\n");
    let text = format!("out = \"rec\"\n[[venue]]\nname = \"lighter\"\n{host}[[venue]]\nname = \"grvt\"\n{host}");
    let path = dir.join("record.toml");
    fs::write(&path, text).expect("writes");
    path.display().to_string()
}

/// A recorder of BTC at the market at `port`, into `rec` of `dir`.
pub(crate) fn record_of(dir: &Path, port: u16) -> Running {
    Running::start_in(dir, &["record", &config(dir, port)])
}

fn data(arguments: &[&str]) -> (Option<i32>, String) {
    let Output { status, stdout, stderr } = Command::new(DATA).args(arguments).output().expect("it runs");
    (status.code(), format!("{}{}", String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr)))
}

fn raw_bytes(rec: &Path) -> u64 {
    let sizes =
        ["lighter", "grvt"].iter().flat_map(|venue| fs::read_dir(rec.join("raw").join(venue)).into_iter().flatten());
    sizes.map(|entry| entry.expect("an entry").metadata().expect("a size").len()).sum()
}

/// Half a minute, SIGTERM, and the store is fit; a second recorder in the folder is refused meanwhile.
#[test]
fn a_recording_that_is_stopped_leaves_a_fit_store() {
    let dir = tempfile::tempdir().expect("a folder");
    let (_market, port) = market();
    let config = config(dir.path(), port);
    let (rec, store) = (dir.path().join("rec"), dir.path().join("rec/store").display().to_string());
    let recorder = Running::start(&["record", &config]);
    std::thread::sleep(Duration::from_secs(1));
    let (code, text) = data(&["record", &config]);
    assert!(code == Some(2) && text.contains("another process writes here"), "{code:?} {text}");
    std::thread::sleep(Duration::from_secs(29));
    let asked = Instant::now();
    recorder.signal("-TERM");
    assert_eq!(recorder.code(), Some(0));
    assert!(asked.elapsed() < Duration::from_secs(10), "{:?}", asked.elapsed());
    let (code, text) = data(&["check", &store]);
    assert_eq!(code, Some(0), "{text}");
    assert!(raw_bytes(&rec) > 10_000);
    // once more: the same bytes
    let before = fs::read(rec.join("store/dataset.json")).expect("a store");
    let (code, text) = data(&["compact", &rec.display().to_string()]);
    assert_eq!(code, Some(0), "{text}");
    assert_eq!(fs::read(rec.join("store/dataset.json")).expect("a store"), before);
}

/// `kill -9` costs at most a second; the next start goes on, and all of both becomes rows.
#[test]
fn a_recorder_that_is_killed_goes_on() {
    let dir = tempfile::tempdir().expect("a folder");
    let (_market, port) = market();
    let config = config(dir.path(), port);
    let rec = dir.path().join("rec");
    let recorder = Running::start(&["record", &config]);
    std::thread::sleep(Duration::from_secs(8));
    recorder.signal("-KILL");
    assert_eq!(recorder.code(), None);
    let first = raw_bytes(&rec);
    assert!(first > 1_000, "{first}");
    let recorder = Running::start(&["record", &config]);
    std::thread::sleep(Duration::from_secs(8));
    recorder.signal("-INT");
    assert_eq!(recorder.code(), Some(0));
    assert!(raw_bytes(&rec) > first + 1_000);
    let (code, text) = data(&["check", &rec.join("store").display().to_string()]);
    assert_eq!(code, Some(0), "{text}");
}

/// A coin that the venue does not list is named before anything is recorded, with those that are near; so is a port at which another
/// venue is played.
#[test]
fn a_coin_that_a_venue_does_not_list_is_refused() {
    let dir = tempfile::tempdir().expect("a folder");
    let (_market, port) = market();
    let (host, out) = (format!("127.0.0.1:{port}"), dir.path().join("rec").display().to_string());
    for venue in ["lighter", "grvt"] {
        let arguments = ["record", "--venue", venue, "--symbol", "BTCC", "--out", &out, "--host", &host];
        let (code, text) = data(&arguments);
        let says = format!("{venue} lists no perpetual of BTCC; accepted: BTC");
        assert!(code == Some(2) && text.contains(&says), "{code:?} {text}");
    }
    assert!(!dir.path().join("rec").exists(), "nothing is left behind");
    let (_lighter, other) = market_of(&["--venue", "lighter"]);
    let host = format!("127.0.0.1:{other}");
    let (code, text) = data(&["record", "--venue", "grvt", "--symbol", "BTC", "--out", &out, "--host", &host]);
    assert!(code == Some(2) && text.contains("plays lighter, and not grvt"), "{code:?} {text}");
}

#[test]
fn what_cannot_be_recorded_is_named() {
    let dir = tempfile::tempdir().expect("a folder");
    let path = dir.path().join("record.toml");
    fs::write(&path, "out = \"rec\"\n[[venue]]\nname = \"lighter\"\nsymbol = \"BTC\"\n").expect("writes");
    let out = dir.path().join("rec").display().to_string();
    let path = path.display().to_string();
    for (arguments, says) in [
        (vec!["record", &path], "record.toml:4"),
        (vec!["record", "absent.toml"], "absent.toml"),
        (vec!["record", "--venue", "lighter", "--symbol", "btc", "--out", &out], "base coins"),
        (
            vec!["record", "--venue", "lighter", "--symbol", "BTC", "--out", &out, "--host", "venue.test:1"],
            "--i-know-this-host venue.test",
        ),
        (vec!["record", "--venue", "kraken", "--symbol", "BTC", "--out", &out], "lighter, grvt"),
        (vec!["record", "--venue", "lighter", "--out", &out], "--symbol"),
        (vec!["record"], "--venue"),
        (vec!["compact", &out], "no recording is there"),
    ] {
        let (code, text) = data(&arguments);
        assert!(code == Some(2) && text.contains(says), "{arguments:?}: {code:?} {text}");
    }
    assert!(!dir.path().join("rec").exists(), "nothing is left behind");
}
