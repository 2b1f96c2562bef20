//! A run at emulators of another process that do wrong when a test says so; what the run said, and what the venues saw.

use crate::attach::{ACCOUNT, LIVE, SAMPLE, folder, live_file, market, private};
use crate::machine::Machine;
use crate::panel::{Receiver, ask};
use crate::record::{Running, signal};
use perpx::units::{SECOND, Time};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::{Duration, Instant};

/// Both venues, and the folder of a run there.
pub(crate) struct Place {
    /// `None`: it was kept, to be looked at.
    dir: tempfile::TempDir,
    /// Ended with the place.
    _market: Running,
    port: u16,
    /// The configuration that is traded.
    best: PathBuf,
    /// What is begun: a copy, so that a build beside it changes nothing.
    live: PathBuf,
    receiver: Receiver,
    processes: usize,
    /// What its processes run on, where that goes wrong.
    pub(crate) machine: Option<Machine>,
}

impl Place {
    /// `tape`: what the market is, for `perpx-data emulate`.
    pub(crate) fn new(best: &Path, tape: &[&str]) -> Place {
        let dir = folder();
        let path = dir.path();
        let receiver = Receiver::begin();
        let env = fs::read_to_string(path.join(".env")).expect("keys");
        private(&path.join(".env"), &format!("{env}PERPX_ALERT_URL=http://{}/alerts\n", receiver.at));
        let witness = path.join("witness.jsonl").display().to_string();
        let (market, port) = market(path, &[tape, &["--witness", &witness]].concat());
        let more = "[panel]\nbind = \"127.0.0.1:0\"\n[[alert]]\nurl_env = \"PERPX_ALERT_URL\"\nleast = \"info\"\n";
        live_file(path, port, &format!("on_stop = \"close\"\n{ACCOUNT}{more}"));
        let live = path.join("trader");
        fs::copy(LIVE, &live).expect("copies");
        Place { dir, _market: market, port, best: best.to_path_buf(), live, receiver, processes: 0, machine: None }
    }

    pub(crate) fn path(&self) -> &Path {
        self.dir.path()
    }

    /// A process of the run; the market's tape is its store where it `is_warm`.
    pub(crate) fn begin(&mut self, is_warm: bool) -> Process {
        let path = self.dir.path();
        let file = |name: &str| fs::File::create(path.join(format!("{name}{}", self.processes))).expect("a file");
        let host = format!("127.0.0.1:{}", self.port);
        // a file that may not grow is an error, as on a full disk, and no signal
        let mut command = Command::new("sh");
        command.args(["-c", "trap '' XFSZ; exec \"$0\" \"$@\""]).arg(&self.live);
        command.arg("--config").arg(&self.best).args(["--mode", "emulated", "--attach", &host, "--run", "run"]);
        command.envs(self.machine.iter().flat_map(|machine| machine.environment.clone()));
        if is_warm {
            command.args(["--store", SAMPLE]);
        }
        // as the service has it
        command.env("MALLOC_ARENA_MAX", "1");
        command.arg("--json").current_dir(path).stdout(file("out")).stderr(file("err"));
        let child = command.spawn().expect("it starts");
        let out = path.join(format!("out{}", self.processes));
        self.processes += 1;
        Process { child, out, path: path.to_path_buf() }
    }

    /// How many were begun.
    pub(crate) fn processes(&self) -> usize {
        self.processes
    }

    /// What the nth printed.
    pub(crate) fn out(&self, n: usize) -> String {
        fs::read_to_string(self.path().join(format!("out{n}"))).unwrap_or_default()
    }

    /// From now on this goes wrong.
    pub(crate) fn worse(&self, faults: &str) {
        let (status, _, body) = ask(&format!("127.0.0.1:{}", self.port), "POST /emulator/fault", &[], faults);
        assert_eq!(status, 200, "{body}\n{faults}");
    }

    /// The time of the market that is played.
    pub(crate) fn market_now(&self) -> Time {
        let (_, _, body) = ask(&format!("127.0.0.1:{}", self.port), "GET /emulator", &[], "");
        let said: Value = serde_json::from_str(&body).expect("JSON");
        Time(said["market_ns"].as_i64().expect("a time"))
    }

    /// What was alerted.
    pub(crate) fn alerts(&self) -> Vec<Value> {
        self.receiver.bodies("/alerts")
    }

    /// What the venues saw.
    pub(crate) fn seen(&self) -> Vec<Value> {
        let text = fs::read_to_string(self.path().join("witness.jsonl")).expect("what the venues saw");
        // the last line may be half of one
        text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
    }

    /// Whether a new order came to a venue within `patience` from now on; it is looked at what the witness writes meanwhile.
    pub(crate) fn sees_an_order(&self, patience: Duration) -> bool {
        let mut file = fs::File::open(self.path().join("witness.jsonl")).expect("what the venues saw");
        file.seek(SeekFrom::End(0)).expect("its end");
        let (until, mut text) = (Instant::now() + patience, String::new());
        while Instant::now() < until {
            file.read_to_string(&mut text).expect("text");
            if text.contains("create_order") {
                return true;
            }
            text.drain(..text.rfind('\n').map_or(0, |end| end + 1));
            std::thread::sleep(Duration::from_millis(2));
        }
        false
    }

    /// Where everything is, for good.
    pub(crate) fn keep(self) -> PathBuf {
        self.dir.keep()
    }
}

/// Venue, number and time of the wall, in ns, of each new order that a venue took. One that was refused in so many words may come again
/// under its number.
pub(crate) fn placed(seen: &[Value]) -> Vec<(String, String, i64)> {
    let mut placed = Vec::new();
    for line in seen.iter().filter(|line| line["code"] == 200) {
        let venue = line["venue"].as_str().unwrap_or_default();
        for order in line["orders"].as_array().into_iter().flatten() {
            if order["what"] == "create_order" {
                let number = order["client"].as_str().unwrap_or_default().to_owned();
                placed.push((venue.to_owned(), number, line["wall_ns"].as_i64().unwrap_or_default()));
            }
        }
    }
    placed
}

/// Orders of a journal that opened a leg at one venue while the other one's was being closed.
pub(crate) fn hedges(journal: &[Value]) -> usize {
    let (mut closing, mut hedges) = ([false; 2], 0);
    let of = |venue: &Value| usize::from(venue == "Short");
    for record in journal {
        for order in record["body"]["commands"].as_array().into_iter().flatten().map(|command| &command["Place"]) {
            let v = of(&order["venue"]);
            hedges += usize::from(order["covers"] == true && closing[1 - v]);
            closing[v] |= order["reduce_only"] == true;
        }
        let event = &record["body"];
        let fill = &event["body"]["Fill"];
        if fill.is_object() && (fill["side"] == "Sell") == (event["venue"] == "Long") {
            closing[of(&event["venue"])] = false;
        }
    }
    hedges
}

/// How often a venue's position came back to nothing, by a journal: the most of both.
pub(crate) fn round_trips(journal: &[Value]) -> usize {
    let mut positions: BTreeMap<String, (f64, usize)> = BTreeMap::new();
    for record in journal {
        let body = &record["body"];
        let fill = &body["body"]["Fill"];
        let taken = &body["body"]["Liquidated"];
        let number = |value: &Value| value.as_f64().or_else(|| value.as_str()?.parse().ok()).unwrap_or_default();
        let by = match (fill.is_object(), taken.is_object()) {
            (true, _) => number(&fill["qty"]) * if fill["side"] == "Buy" { 1.0 } else { -1.0 },
            (_, true) => f64::NAN,
            _ => continue,
        };
        let (held, trips) = positions.entry(body["venue"].to_string()).or_default();
        let next = if by.is_nan() { *held - held.signum() * number(&taken["qty"]) } else { *held + by };
        if next.abs() < 1e-9 && held.abs() > 1e-9 {
            *trips += 1;
        }
        *held = next;
    }
    positions.values().map(|(_, trips)| *trips).max().unwrap_or(0)
}

/// The longest that a locked position was held after it was `due`, by when it was entered: market seconds, negative where each was left
/// before.
pub(crate) fn overdue(steps: &[(Time, String)], due: impl Fn(Time) -> Time) -> f64 {
    let (mut entered, mut latest) = (None, f64::NEG_INFINITY);
    for (at, step) in steps {
        if let Some(entered) = entered.take() {
            latest = latest.max(at.since(due(entered)).as_f64(SECOND));
        }
        entered = step.contains("-> S3").then_some(*at);
    }
    latest
}

/// One process of a run.
pub(crate) struct Process {
    child: Child,
    out: PathBuf,
    path: PathBuf,
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Process {
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// What it printed.
    pub(crate) fn out(&self) -> String {
        fs::read_to_string(&self.out).unwrap_or_default()
    }

    /// What it said of what went wrong.
    pub(crate) fn err(&self) -> String {
        fs::read_to_string(self.out.with_file_name(self.name().replace("out", "err"))).unwrap_or_default()
    }

    fn name(&self) -> String {
        self.out.file_name().unwrap_or_default().to_string_lossy().into_owned()
    }

    pub(crate) fn signal(&self, name: &str) {
        signal(&self.child, name);
    }

    /// Its exit code, `Some(None)` where a signal ended it; `None`: it lives.
    pub(crate) fn ended(&mut self) -> Option<Option<i32>> {
        self.child.try_wait().expect("it can be waited for").map(|status| status.code())
    }

    /// Waits until it has printed such a thing; false where it does not in time, or ends.
    pub(crate) fn says(&mut self, patience: Duration, is_so: impl Fn(&str) -> bool) -> bool {
        let until = Instant::now() + patience;
        while Instant::now() < until {
            if is_so(&self.out()) {
                return true;
            }
            if self.ended().is_some() {
                return is_so(&self.out());
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        false
    }

    /// Asks it to end, and waits for that.
    pub(crate) fn end(&mut self, patience: Duration) -> Option<Option<i32>> {
        if let Some(code) = self.ended() {
            return Some(code);
        }
        self.signal("-INT");
        self.wait(patience)
    }

    pub(crate) fn wait(&mut self, patience: Duration) -> Option<Option<i32>> {
        let until = Instant::now() + patience;
        while Instant::now() < until {
            if let Some(code) = self.ended() {
                return Some(code);
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        None
    }

    /// Says a verb to it.
    pub(crate) fn ctl(&self, words: &[&str]) -> bool {
        self.asks(words).is_some()
    }

    /// Says a verb to it; what it answers, if it does what is said.
    pub(crate) fn asks(&self, words: &[&str]) -> Option<String> {
        let live = self.path.join("trader");
        let output = Command::new(live).args(["ctl", "run"]).args(words).current_dir(&self.path).output();
        let output = output.expect("it runs");
        output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// Where it is served.
    pub(crate) fn served(&mut self) -> Option<String> {
        let find = |text: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix("panel     http://"));
            line.map(|at| at.trim_end_matches('/').to_owned())
        };
        self.says(Duration::from_secs(30), |text| find(text).is_some());
        find(&self.out())
    }
}

/// The sum of a metric's samples whose text has all of `labels`; 0 where it is not served.
pub(crate) fn metric(text: &str, name: &str, labels: &[&str]) -> f64 {
    let lines = text.lines().filter(|line| {
        let rest = line.strip_prefix(name);
        rest.is_some_and(|rest| rest.starts_with(['{', ' '])) && labels.iter().all(|label| line.contains(label))
    });
    lines.filter_map(|line| line.rsplit_once(' ')?.1.parse::<f64>().ok()).sum()
}

/// Now, since 1970.
pub(crate) fn wall_ns() -> i64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("after 1970");
    i64::try_from(now.as_nanos()).expect("this century")
}
