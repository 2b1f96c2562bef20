//! What is served while a run trades: metrics, health, the page, read as Prometheus, a script and a browser read them.

use crate::attach::{ACCOUNT, SAMPLE, begin, folder, live_file, market};
use crate::browser::chromium;
use crate::not_tested::not_tested;
use crate::paper::best;
use crate::record::Running;
use crate::sweep::BASE;
use crate::tree::read;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Labels of the contract (docs/reference/metrics.md).
const LABELS: [&str; 12] =
    ["venue", "stream", "kind", "reason", "side", "source", "key", "rule", "verdict", "what", "version", "code"];

/// The answer to one request: status, headers, body.
pub(crate) fn ask(at: &str, request: &str, headers: &[&str], body: &str) -> (u16, String, String) {
    let mut socket = TcpStream::connect(at).expect("it is served");
    socket.set_read_timeout(Some(Duration::from_secs(20))).expect("a socket");
    let host =
        if headers.iter().any(|line| line.starts_with("Host:")) { String::new() } else { format!("Host: {at}\r\n") };
    let more: String = headers.iter().map(|line| format!("{line}\r\n")).collect();
    let length = body.len();
    let text = format!("{request} HTTP/1.1\r\n{host}{more}Content-Length: {length}\r\nConnection: close\r\n\r\n{body}");
    socket.write_all(text.as_bytes()).expect("it is read");
    let (mut answer, mut part) = (Vec::new(), [0; 65_536]);
    // not everybody closes the connection behind an answer
    while !is_whole(&answer) {
        match socket.read(&mut part).expect("an answer") {
            0 => break,
            n => answer.extend_from_slice(&part[..n]),
        }
    }
    let answer = String::from_utf8(answer).expect("text");
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
    let status = head.split(' ').nth(1).and_then(|code| code.parse().ok()).expect("a status");
    let is_chunked = head.to_lowercase().contains("transfer-encoding: chunked");
    (status, head.to_owned(), if is_chunked { unchunked(body) } else { body.to_owned() })
}

/// Its head is there, and as much behind it as that says.
fn is_whole(answer: &[u8]) -> bool {
    let text = String::from_utf8_lossy(answer);
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let length = head.lines().find_map(|line| line.to_lowercase().strip_prefix("content-length:")?.trim().parse().ok());
    length.is_some_and(|length: usize| body.len() >= length)
}

fn unchunked(mut body: &str) -> String {
    let mut whole = String::new();
    while let Some((size, rest)) = body.split_once("\r\n") {
        let size = usize::from_str_radix(size.trim(), 16).unwrap_or(0);
        if size == 0 {
            break;
        }
        whole.push_str(&rest[..size]);
        body = &rest[size + 2..];
    }
    whole
}

pub(crate) fn get(at: &str, path: &str) -> (u16, String) {
    let (status, _, body) = ask(at, &format!("GET {path}"), &[], "");
    (status, body)
}

/// A run on the sample's market at 20 times its speed, whose first minutes trade; the process, the market, where it is served.
/// `more`: of live.toml and of the market.
pub(crate) fn trading(dir: &Path, panel: &str, more: &[&str]) -> (Running, Running, String) {
    let best = best(dir, BASE);
    let tape = ["--tape", SAMPLE, "--from", "2026-01-05", "--to", "2026-01-06", "--start-at", "9000", "--speed", "20"];
    let (market, port) = market(dir, &[&tape[..], more].concat());
    live_file(dir, port, &format!("{ACCOUNT}{panel}"));
    let run = begin(dir, &best, port);
    (run, market, served_at(dir))
}

/// What the run printed of where it is served.
pub(crate) fn served_at(dir: &Path) -> String {
    let began = Instant::now();
    loop {
        let text = fs::read_to_string(dir.join("out")).unwrap_or_default();
        let at = text.lines().find_map(|line| line.strip_prefix("panel     http://"));
        if let Some(at) = at {
            return at.trim_end_matches('/').to_owned();
        }
        let error = fs::read_to_string(dir.join("err")).unwrap_or_default();
        assert!(began.elapsed() < Duration::from_secs(30), "nothing is served: {text}{error}");
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// Asks a run to end, which it does flat, or with a locked position that stays.
fn parks(run: Running, dir: &Path) {
    let began = Instant::now();
    // one that has not begun to trade only ends
    while !fs::read_to_string(dir.join("out")).is_ok_and(|text| text.contains("Ctrl-C ends it")) {
        assert!(began.elapsed() < Duration::from_secs(60), "it does not begin");
        std::thread::sleep(Duration::from_millis(50));
    }
    run.signal("-INT");
    let code = run.code();
    let said = ["out", "err"].map(|name| fs::read_to_string(dir.join(name)).unwrap_or_default());
    assert!(code == Some(0) || code == Some(7), "{code:?} {said:?}");
}

/// Waits until the run says so.
pub(crate) fn wait_for(at: &str, seconds: u64, what: &str, is_so: impl Fn(&Value) -> bool) -> Value {
    let began = Instant::now();
    loop {
        let (status, body) = get(at, "/snapshot");
        assert_eq!(status, 200, "{body}");
        let value: Value = serde_json::from_str(&body).expect("JSON");
        if is_so(&value) {
            return value;
        }
        assert!(began.elapsed() < Duration::from_secs(seconds), "not within {seconds} s: {what}: {value:#}");
        std::thread::sleep(Duration::from_millis(300));
    }
}

/// A family of metrics as its text says it.
#[derive(Debug, Default)]
struct Family {
    kind: String,
    has_help: bool,
    /// Name and labels of each sample.
    samples: Vec<(String, BTreeMap<String, String>, f64)>,
}

fn labels(text: &str) -> BTreeMap<String, String> {
    let mut labels = BTreeMap::new();
    let mut rest = text;
    while !rest.is_empty() {
        let (name, more) = rest.split_once("=\"").unwrap_or_else(|| panic!("no label: {rest}"));
        let end = more.find('"').unwrap_or_else(|| panic!("not closed: {rest}"));
        assert!(labels.insert(name.to_owned(), more[..end].to_owned()).is_none(), "twice: {text}");
        rest = more[end + 1..].strip_prefix(',').unwrap_or(&more[end + 1..]);
    }
    labels
}

/// The exposition text, taken apart as strictly as OpenMetrics is written: each family once, HELP and TYPE before its samples, no
/// sample of another family among them, values that are numbers, the end marked.
fn families(text: &str) -> BTreeMap<String, Family> {
    let mut families: BTreeMap<String, Family> = BTreeMap::new();
    let mut now = String::new();
    let body = text.strip_suffix("# EOF\n").expect("the end is marked");
    for line in body.lines() {
        if let Some(rest) = line.strip_prefix("# ") {
            let (word, rest) = rest.split_once(' ').expect("a word");
            let (name, rest) = rest.split_once(' ').expect("a name");
            if name != now {
                assert!(!families.contains_key(name), "{name} stands twice");
                now = name.to_owned();
            }
            let family = families.entry(now.clone()).or_default();
            assert!(family.samples.is_empty(), "{line} stands after samples");
            match word {
                "HELP" => family.has_help = !rest.trim().is_empty(),
                "TYPE" => family.kind = rest.to_owned(),
                "UNIT" => assert!(name.ends_with(&format!("_{rest}")), "{line}"),
                _ => panic!("{line}"),
            }
            continue;
        }
        let (name, value) = line.rsplit_once(' ').expect("a value");
        let (name, labelled) = match name.split_once('{') {
            Some((name, rest)) => (name, labels(rest.strip_suffix('}').expect("closed"))),
            None => (name, BTreeMap::new()),
        };
        let family = families.get_mut(&now).unwrap_or_else(|| panic!("{line} has no family"));
        let suffixes: &[&str] = match family.kind.as_str() {
            "counter" => &["_total"],
            "histogram" => &["_bucket", "_sum", "_count"],
            "info" => &["_info"],
            "gauge" => &[""],
            other => panic!("{now} is of kind {other}"),
        };
        let suffix = name.strip_prefix(now.as_str()).unwrap_or_else(|| panic!("{line} stands under {now}"));
        assert!(suffixes.contains(&suffix), "{line} is no {}", family.kind);
        assert!(name.starts_with("perpx_") && !value.is_empty(), "{line}");
        let value = value.parse::<f64>().unwrap_or_else(|_| panic!("{line}: no number"));
        family.samples.push((name.to_owned(), labelled, value));
    }
    families
}

/// Names that the manual lists, as samples have them.
fn listed() -> BTreeSet<String> {
    let page = read("docs/reference/prometheus.md");
    let rows = page.lines().filter_map(|line| line.strip_prefix("| `perpx_"));
    rows.map(|row| format!("perpx_{}", row.split('`').next().unwrap_or_default())).collect()
}

/// Every metric has HELP and TYPE and no label beside those of the contract, and the manual lists exactly those that there are. The run
/// is healthy while it lives, and ready while it may open.
#[test]
fn a_run_is_scraped() {
    let dir = folder();
    let (run, market, at) = trading(dir.path(), "[panel]\nbind = \"127.0.0.1:0\"\n", &[]);
    let seen = wait_for(&at, 120, "an order and its fill", |value| value["snapshot"]["trades"].as_u64() > Some(0));
    assert_eq!((seen["identity"]["mode"].as_str(), seen["identity"]["run"].as_str()), (Some("emulated"), Some("run")));
    assert_eq!(get(&at, "/health"), (200, "ok\n".to_owned()));
    let (status, body) = get(&at, "/ready");
    let ready: Value = serde_json::from_str(&body).expect("JSON");
    assert!((status == 200) == (ready["may_open"] == true) && [200, 503].contains(&status), "{status} {body}");
    let (status, head, text) = ask(&at, "GET /metrics", &[], "");
    assert!(status == 200 && head.contains("application/openmetrics-text"), "{head}");
    let families = families(&text);
    let mut names = BTreeSet::new();
    for (name, family) in &families {
        assert!(family.has_help && !family.kind.is_empty(), "{name}: {family:?}");
        let suffix = match family.kind.as_str() {
            "counter" => "_total",
            "info" => "_info",
            _ => "",
        };
        names.insert(format!("{name}{suffix}"));
        for (_, labels, _) in &family.samples {
            let unknown: Vec<&String> =
                labels.keys().filter(|label| !(LABELS.contains(&label.as_str()) || *label == "le")).collect();
            assert!(unknown.is_empty(), "{name}: {unknown:?}");
        }
    }
    let listed = listed();
    assert!(names.is_subset(&listed), "the manual does not list {:?}", names.difference(&listed));
    // what has had no reason to count
    let quiet = [
        "rejects_total",
        "reconnects_total",
        "unknown_outcomes_total",
        "reconcile_difference",
        "liquidation_distance_ratio",
        "gate_refusals_total",
    ];
    let quiet = quiet.map(|name| format!("perpx_{name}"));
    let missing: Vec<&String> = listed.difference(&names).filter(|name| !quiet.contains(name)).collect();
    assert!(missing.is_empty(), "not served: {missing:?}");
    let value = |name: &str, venue: &str| {
        let samples = families[name].samples.iter();
        samples
            .filter(|(_, labels, _)| labels.get("venue").is_none_or(|own| own == venue))
            .map(|(.., value)| *value)
            .sum::<f64>()
    };
    assert!(value("perpx_frames", "grvt") > 10.0 && value("perpx_commands", "lighter") >= 1.0, "{text}");
    assert!(value("perpx_equity_quote", "") > 0.0 && value("perpx_up", "lighter") == 1.0, "{text}");
    scraped_by_prometheus(dir.path(), &at);
    parks(run, dir.path());
    drop(market);
}

/// `prometheus` on the path, or where `PERPX_PROMETHEUS` says.
fn prometheus() -> Option<PathBuf> {
    if let Some(named) = std::env::var_os("PERPX_PROMETHEUS") {
        return Some(PathBuf::from(named));
    }
    let paths = std::env::var_os("PATH")?;
    std::env::split_paths(&paths).map(|dir| dir.join("prometheus")).find(|path| path.is_file())
}

/// A real one scrapes the run, and has its samples.
fn scraped_by_prometheus(dir: &Path, at: &str) {
    let Some(prometheus) = prometheus() else {
        return not_tested(
            "no prometheus on the path, and PERPX_PROMETHEUS is not set: the exposition was parsed by the test alone",
        );
    };
    let config = format!(
        "global:\n  scrape_interval: 1s\nscrape_configs:\n  - job_name: perpx\n    static_configs:\n      - targets: [\"{at}\"]\n"
    );
    fs::write(dir.join("prometheus.yml"), config).expect("writes");
    let port = std::net::TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr()).expect("a port").port();
    let own = format!("127.0.0.1:{port}");
    let child = Command::new(&prometheus)
        .arg(format!("--config.file={}", dir.join("prometheus.yml").display()))
        .arg(format!("--storage.tsdb.path={}", dir.join("tsdb").display()))
        .arg(format!("--web.listen-address={own}"))
        .stdout(Stdio::null())
        .stderr(fs::File::create(dir.join("prometheus.log")).expect("a file"))
        .spawn();
    let _running = Running(child.unwrap_or_else(|error| panic!("{}: {error}", prometheus.display())));
    let began = Instant::now();
    loop {
        std::thread::sleep(Duration::from_millis(500));
        let log = fs::read_to_string(dir.join("prometheus.log")).unwrap_or_default();
        assert!(began.elapsed() < Duration::from_secs(40), "prometheus has no samples: {log}");
        if TcpStream::connect(&own).is_err() {
            continue;
        }
        let number = |query: &str| -> Option<f64> {
            let (_, body) = get(&own, &format!("/api/v1/query?query={query}"));
            let value: Value = serde_json::from_str(&body).ok()?;
            value["data"]["result"][0]["value"][1].as_str()?.parse().ok()
        };
        if number("perpx_equity_quote").is_some_and(|equity| equity > 0.0) {
            assert_eq!(number("up"), Some(1.0), "{log}");
            let frames = number("sum(perpx_frames_total)");
            assert!(frames > Some(10.0), "{frames:?}");
            let buckets = number("count(perpx_feed_delay_seconds_bucket)");
            assert!(buckets > Some(10.0), "{buckets:?}");
            return;
        }
    }
}

/// Another name and another origin are not answered, and nothing but the routes is there.
#[test]
fn only_those_who_ask_by_its_name_are_answered() {
    let dir = folder();
    let (run, market, at) =
        trading(dir.path(), "[panel]\nbind = \"127.0.0.1:0\"\nhosts = [\"perpx.example:443\"]\n", &[]);
    let status = |request: &str, headers: &[&str]| ask(&at, request, headers, "").0;
    for path in ["/metrics", "/health", "/ready", "/snapshot"] {
        let path = format!("GET {path}");
        assert_eq!(status(&path, &["Host: evil.example"]), 421, "{path}");
        assert_eq!(status(&path, &["Origin: http://evil.example"]), 403, "{path}");
        assert_ne!(status(&path, &["Host: perpx.example:443"]), 421, "{path}");
        let (_, head, _) = ask(&at, &path, &["Origin: null"], "");
        assert!(!head.to_lowercase().contains("access-control-"), "{head}");
    }
    assert_eq!(status("GET /nothing", &[]), 404);
    assert_eq!(status("POST /snapshot", &[]), 405);
    assert_eq!(status("POST /verb", &["X-Perpx-Verb: 1"]), 404, "no verbs are taken by default");
    parks(run, dir.path());
    drop(market);
}

/// A page in a browser, driven over its own protocol.
struct Browser {
    socket: tungstenite::WebSocket<TcpStream>,
    next: u64,
    /// What it wrote to its console, and what went wrong in it.
    said: Vec<String>,
    _child: Running,
    _folder: tempfile::TempDir,
}

impl Browser {
    fn open(chromium: &Path) -> Browser {
        let folder = tempfile::tempdir().expect("a folder");
        let child = Command::new(chromium)
            .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"])
            .args(["--disable-background-networking", "--disable-component-update", "--disable-dev-shm-usage"])
            .args(["--remote-debugging-port=0", "about:blank"])
            .arg(format!("--user-data-dir={}", folder.path().display()))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        let child = Running(child.unwrap_or_else(|error| panic!("{}: {error}", chromium.display())));
        let began = Instant::now();
        let target = loop {
            assert!(began.elapsed() < Duration::from_secs(60), "the browser does not begin");
            std::thread::sleep(Duration::from_millis(200));
            let Ok(port) = fs::read_to_string(folder.path().join("DevToolsActivePort")) else { continue };
            let Some(port) = port.lines().next().filter(|port| !port.is_empty()) else { continue };
            let at = format!("127.0.0.1:{port}");
            let (_, pages) = get(&at, "/json/list");
            let pages: Value = serde_json::from_str(&pages).unwrap_or_default();
            let page = pages.as_array().and_then(|pages| pages.iter().find(|page| page["type"] == "page").cloned());
            if let Some(url) = page.and_then(|page| page["webSocketDebuggerUrl"].as_str().map(str::to_owned)) {
                break (at, url);
            }
        };
        let stream = TcpStream::connect(&target.0).expect("the browser listens");
        stream.set_read_timeout(Some(Duration::from_secs(60))).expect("a socket");
        let (socket, _) = tungstenite::client(&target.1, stream).expect("a socket of the page");
        let mut browser = Browser { socket, next: 0, said: Vec::new(), _child: child, _folder: folder };
        for domain in ["Page.enable", "Runtime.enable", "Log.enable"] {
            browser.call(domain, Value::Null);
        }
        browser
    }

    fn call(&mut self, method: &str, parameters: Value) -> Value {
        self.next += 1;
        let parameters = if parameters.is_null() { serde_json::json!({}) } else { parameters };
        let asked = serde_json::json!({ "id": self.next, "method": method, "params": parameters });
        self.socket.send(tungstenite::Message::text(asked.to_string())).expect("it is read");
        loop {
            let message = self.socket.read().expect("an answer");
            let Ok(text) = message.to_text() else { continue };
            let value: Value = serde_json::from_str(text).unwrap_or_default();
            if value["id"].as_u64() == Some(self.next) {
                assert!(value["error"].is_null(), "{method}: {value}");
                return value["result"].clone();
            }
            if ["Runtime.consoleAPICalled", "Runtime.exceptionThrown", "Log.entryAdded"]
                .iter()
                .any(|name| value["method"] == *name)
            {
                self.said.push(value["params"].to_string());
            }
        }
    }

    /// The value of an expression.
    fn value(&mut self, expression: &str) -> Value {
        let asked = serde_json::json!({ "expression": expression, "returnByValue": true, "awaitPromise": true });
        let answer = self.call("Runtime.evaluate", asked);
        assert!(answer["exceptionDetails"].is_null(), "{answer:#}");
        answer["result"]["value"].clone()
    }

    fn show(&mut self, url: &str, width: u32, is_dark: bool) {
        let size = serde_json::json!({ "width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 500 });
        self.call("Emulation.setDeviceMetricsOverride", size);
        let scheme = if is_dark { "dark" } else { "light" };
        let media = serde_json::json!({ "features": [{ "name": "prefers-color-scheme", "value": scheme }] });
        self.call("Emulation.setEmulatedMedia", media);
        self.call("Page.navigate", serde_json::json!({ "url": url }));
        let began = Instant::now();
        while self.value("document.readyState + location.pathname") != "complete/" {
            assert!(began.elapsed() < Duration::from_secs(30), "the page does not load");
            std::thread::sleep(Duration::from_millis(100));
        }
    }
}

/// What is wrong with the page as it stands: wider than the screen, small letters, words that cannot be told from their ground.
const LOOK: &str = r#"(() => {
  const faults = [], parse = (c) => (c.match(/[\d.]+/g) || []).map(Number);
  const lum = ([r, g, b]) => [r, g, b].map((v) => { v /= 255; return v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4; })
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const ground = (e) => { for (; e; e = e.parentElement) { const c = parse(getComputedStyle(e).backgroundColor);
    if (c.length === 3 || c[3] > 0) return c; } return [255, 255, 255]; };
  if (document.documentElement.scrollWidth > innerWidth) faults.push("wider than the screen");
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  let words = 0;
  for (let node; (node = walk.nextNode());) {
    const e = node.parentElement;
    if (!node.data.trim() || ["SCRIPT", "STYLE"].includes(e.tagName) || e.closest("[hidden]")) continue;
    words++;
    const style = getComputedStyle(e), ink = e.closest("svg") ? style.fill : style.color;
    if (parseFloat(style.fontSize) < 11) faults.push("small: " + node.data);
    const [a, b] = [lum(parse(ink)), lum(ground(e))].sort((x, y) => y - x), contrast = (a + 0.05) / (b + 0.05);
    if (contrast < 4.5) faults.push(contrast.toFixed(2) + " contrast: " + node.data);
  }
  for (const s of document.querySelectorAll("section")) if (!s.querySelector("h2")) faults.push("no heading: " + s.id);
  return JSON.stringify({ faults, words, ground: lum(ground(document.body)) });
})()"#;

/// The page at two widths, light and dark: it fits, can be read, is updated each second, and the browser has nothing to say of it.
#[test]
fn the_page_is_read_on_a_screen_and_on_a_telephone() {
    let Some(chromium) = chromium() else {
        return not_tested("no Chromium on the path, and PERPX_CHROMIUM is not set");
    };
    let dir = folder();
    let (run, market, at) = trading(dir.path(), "[panel]\nbind = \"127.0.0.1:0\"\n", &[]);
    wait_for(&at, 120, "a snapshot", |value| value["snapshot"]["state"].is_number());
    let mut browser = Browser::open(&chromium);
    let mut wrong = Vec::new();
    for (width, is_dark) in [(1440, false), (1440, true), (390, false), (390, true)] {
        browser.show(&format!("http://{at}/"), width, is_dark);
        let place = format!("{width} px, {}", if is_dark { "dark" } else { "light" });
        let before = browser.value("document.getElementById('feeds').innerText");
        let began = Instant::now();
        while browser.value("document.getElementById('feeds').innerText") == before {
            assert!(began.elapsed() < Duration::from_secs(10), "{place}: nothing new comes");
            std::thread::sleep(Duration::from_millis(200));
        }
        let look = browser.value(LOOK);
        let look: Value = serde_json::from_str(look.as_str().expect("text")).expect("JSON");
        assert!(look["words"].as_u64() > Some(80), "{place}: {look}");
        assert_eq!(look["ground"].as_f64().expect("a number") < 0.2, is_dark, "{place}");
        wrong.extend(look["faults"].as_array().expect("a list").iter().map(|fault| format!("{place}: {fault}")));
    }
    let words = browser.value("document.body.innerText");
    let words = words.as_str().expect("text").to_owned();
    for part in [
        "EMULATED",
        "BTC",
        "lighter",
        "grvt",
        "May open",
        "Net exposure",
        "Both legs",
        "What opens a position",
        "Last events",
    ] {
        assert!(words.contains(part), "{part}: {words}");
    }
    // it knows when nothing comes any more
    parks(run, dir.path());
    let began = Instant::now();
    while browser.value("document.getElementById('link').hidden") == true {
        assert!(began.elapsed() < Duration::from_secs(15), "an end is not noticed");
        std::thread::sleep(Duration::from_millis(300));
    }
    // that the run has gone is said by the browser too
    browser.said.retain(|said| !said.contains("ERR_") && !said.contains("interrupted"));
    wrong.extend(browser.said);
    assert!(wrong.is_empty(), "{wrong:#?}");
    drop(market);
}

/// Whoever alerts are sent to: takes what is posted, and keeps it by its path.
pub(crate) struct Receiver {
    pub(crate) at: String,
    got: std::sync::Arc<std::sync::Mutex<Vec<(String, String)>>>,
}

impl Receiver {
    pub(crate) fn begin() -> Receiver {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        let at = listener.local_addr().expect("a port").to_string();
        let got = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
        let kept = got.clone();
        std::thread::spawn(move || {
            for socket in listener.incoming().flatten() {
                let kept = kept.clone();
                std::thread::spawn(move || take(socket, &kept));
            }
        });
        Receiver { at, got }
    }

    pub(crate) fn bodies(&self, path: &str) -> Vec<Value> {
        let got = self.got.lock().expect("whole");
        let own = got.iter().filter(|(at, body)| at == path && !body.is_empty());
        own.map(|(_, body)| serde_json::from_str(body).expect("JSON")).collect()
    }

    fn asked(&self, path: &str) -> usize {
        self.got.lock().expect("whole").iter().filter(|(at, _)| at == path).count()
    }
}

/// Requests of one connection.
fn take(mut socket: TcpStream, kept: &std::sync::Mutex<Vec<(String, String)>>) {
    let mut bytes = Vec::new();
    let mut part = [0; 4096];
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length =
                head.lines().find_map(|line| line.to_lowercase().strip_prefix("content-length:")?.trim().parse().ok());
            let length: usize = length.unwrap_or(0);
            if body.len() >= length {
                let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
                kept.lock().expect("whole").push((path, body[..length].to_owned()));
                bytes.drain(..head.len() + 4 + length);
                if socket.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").is_err() {
                    return;
                }
                continue;
            }
        }
        match socket.read(&mut part) {
            Ok(n @ 1..) => bytes.extend_from_slice(&part[..n]),
            _ => return,
        }
    }
}

const CHANNELS: &str = "heartbeat_url_env = \"BEAT_URL\"\n";
const ALERTS: &str = "[panel]\nbind = \"127.0.0.1:0\"\n[[alert]]\nurl_env = \"JSON_URL\"\nleast = \"info\"\n\
                      [[alert]]\nurl_env = \"SLACK_URL\"\nformat = \"slack\"\n\
                      [[alert]]\nurl_env = \"TELEGRAM_URL\"\nformat = \"telegram\"\nchat_id = -100200\nleast = \"info\"\n";

/// As [`trading`], with a receiver of alerts, whose addresses stand in `.env`.
fn alarmed(dir: &Path, faults: &str) -> (Running, Running, String, Receiver) {
    let receiver = Receiver::begin();
    let env = fs::read_to_string(dir.join(".env")).expect("keys");
    let url = |name: &str| format!("{name}_URL=http://{}/{}-hook-5f2c9e71d8\n", receiver.at, name.to_lowercase());
    let urls: String = ["JSON", "SLACK", "TELEGRAM", "BEAT"].map(url).concat();
    crate::attach::private(&dir.join(".env"), &format!("{env}{urls}"));
    fs::write(dir.join("faults.toml"), faults).expect("writes");
    let faults = dir.join("faults.toml").display().to_string();
    let best = best(dir, BASE);
    let tape = ["--tape", SAMPLE, "--from", "2026-01-05", "--to", "2026-01-06", "--start-at", "9000", "--speed", "20"];
    let (market, port) = market(dir, &[&tape[..], &["--faults", &faults]].concat());
    live_file(dir, port, &format!("{CHANNELS}{ACCOUNT}{ALERTS}"));
    let run = begin(dir, &best, port);
    let at = served_at(dir);
    (run, market, at, receiver)
}

/// One venue falls silent for 25 s: that is said once and its end once, on each channel that takes it, in its own words, and nothing
/// else is said but what happened. The log says all of it.
#[test]
fn alerts_are_what_happened_each_once() {
    let dir = folder();
    let silence = "[[fault]]\nat = \"20s\"\nkind = \"partition\"\nvenue = \"grvt\"\nfor = \"25s\"\n";
    let (run, market, at, receiver) = alarmed(dir.path(), silence);
    wait_for(&at, 60, "the silence is noticed", |value| {
        value["alarm"]["standing"].as_array().is_some_and(|all| all.iter().any(|one| one[1]["rule"] == "feed"))
    });
    wait_for(&at, 90, "its end is noticed", |value| {
        value["alarm"]["standing"].as_array().is_some_and(|all| all.iter().all(|one| one[1]["rule"] != "feed"))
    });
    let transitions = || {
        let out = fs::read_to_string(dir.path().join("out")).expect("what it printed");
        out.lines().filter(|line| line.contains(" -> ")).count()
    };
    parks(run, dir.path());
    drop(market);
    let got = receiver.bodies("/json-hook-5f2c9e71d8");
    let count = |rule: &str, resolved: bool| {
        got.iter().filter(|body| body["rule"] == rule && body["resolved"] == resolved).count()
    };
    assert_eq!(
        (count("start", false), count("stop", false), count("feed", false), count("feed", true)),
        (1, 1, 1, 1),
        "{got:#?}"
    );
    assert_eq!(count("state", false), transitions(), "{got:#?}");
    let known = [
        "start",
        "stop",
        "feed",
        "state",
        "trade",
        "first order",
        "reject",
        "closing",
        "doubt",
        "limited",
        "hedge",
        "verb",
    ];
    let others: Vec<&Value> = got.iter().filter(|body| !known.iter().any(|rule| body["rule"] == *rule)).collect();
    assert!(others.is_empty(), "{others:#?}");
    let of = |body: &Value| {
        format!("{} {} {} {} {}", body["rule"], body["subject"], body["resolved"], body["words"], body["at"])
    };
    let each: BTreeSet<String> = got.iter().map(of).collect();
    assert_eq!(each.len(), got.len(), "one was said twice: {got:#?}");
    let slack = receiver.bodies("/slack-hook-5f2c9e71d8");
    let silent: Vec<&str> =
        slack.iter().filter_map(|body| body["text"].as_str()).filter(|text| text.contains(" · feed, ")).collect();
    assert_eq!(silent.len(), 2, "{slack:#?}");
    assert!(silent[0].starts_with("[warning] emulated run BTC · feed, grvt market: silent for"), "{silent:?}");
    assert!(silent[1].starts_with("[resolved] "), "{silent:?}");
    assert!(slack.iter().all(|body| body.as_object().is_some_and(|fields| fields.len() == 1)));
    let telegram = receiver.bodies("/telegram-hook-5f2c9e71d8");
    assert_eq!(telegram.len(), got.len(), "the same least, the same messages");
    assert!(telegram.iter().all(|body| body["chat_id"] == "-100200" && body["text"].is_string()));
    assert!(receiver.asked("/beat-hook-5f2c9e71d8") >= 1);
    let log = fs::read_to_string(dir.path().join("run/log/perpx.jsonl")).expect("a log");
    let log: Vec<Value> = log.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let kinds: BTreeSet<&str> = log.iter().filter_map(|line| line["kind"].as_str()).collect();
    for kind in ["start", "feed", "stop"] {
        assert!(kinds.contains(kind), "{kinds:?}");
    }
}

/// Every way in which a secret may be written.
fn disguises(secret: &str) -> Vec<String> {
    use std::fmt::Write as _;
    let base64 = |bytes: &[u8], alphabet: &[u8; 64]| {
        let mut out = String::new();
        for group in bytes.chunks(3) {
            let n = group.iter().fold(0u32, |n, byte| n << 8 | u32::from(*byte)) << (8 * (3 - group.len()));
            (0..=group.len()).for_each(|i| out.push(char::from(alphabet[(n >> (18 - 6 * i) & 63) as usize])));
        }
        out
    };
    let standard = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let safe = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let hex = secret.bytes().fold(String::new(), |mut out, byte| {
        let _ = write!(out, "{byte:02x}");
        out
    });
    let url = secret.bytes().fold(String::new(), |mut out, byte| {
        let _ = match byte.is_ascii_alphanumeric() {
            true => write!(out, "{}", char::from(byte)),
            false => write!(out, "%{byte:02X}"),
        };
        out
    });
    let halves = secret.split_at(secret.len() / 2);
    let mut all =
        vec![secret.to_owned(), secret.to_uppercase(), hex.to_uppercase(), hex, url, secret.replace('/', "\\/")];
    all.extend([base64(secret.as_bytes(), standard), base64(secret.as_bytes(), safe)]);
    all.extend([halves.0.to_owned(), halves.1.to_owned()]);
    // a key as the bytes that it is
    let bytes: Option<Vec<u8>> =
        (0..secret.len() / 2).map(|i| u8::from_str_radix(secret.get(2 * i..2 * i + 2)?, 16).ok()).collect();
    if let Some(bytes) = bytes.filter(|bytes| bytes.len() >= 16) {
        all.push(base64(&bytes, standard));
    }
    all.retain(|text| text.len() >= 10);
    all
}

fn files_below(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    entries.flat_map(|path| if path.is_dir() { files_below(&path) } else { vec![path] }).collect()
}

/// No secret, and nothing that is made of one, is in anything that a run writes, serves or sends, under faults that make it speak.
#[test]
fn no_secret_leaves_a_run() {
    let dir = folder();
    let faults = "[[fault]]\nat = \"8s\"\nkind = \"expired-login\"\n[[fault]]\nat = \"14s\"\nkind = \"answer-429\"\ncount = 2\n\
                  [[fault]]\nat = \"22s\"\nkind = \"drop-socket\"\nfor = \"2s\"\n";
    let (run, market, at, receiver) = alarmed(dir.path(), faults);
    let mut streamed = TcpStream::connect(&at).expect("it is served");
    streamed.write_all(format!("GET /events HTTP/1.1\r\nHost: {at}\r\n\r\n").as_bytes()).expect("it is read");
    std::thread::sleep(Duration::from_secs(45));
    let mut served = String::new();
    for path in ["/", "/metrics", "/health", "/ready", "/snapshot"] {
        served.push_str(&ask(&at, &format!("GET {path}"), &[], "").2);
    }
    parks(run, dir.path());
    let mut events = Vec::new();
    streamed.set_read_timeout(Some(Duration::from_secs(2))).expect("a socket");
    let _ = streamed.read_to_end(&mut events);
    assert!(events.len() > 10_000, "{} bytes of events", events.len());
    drop(market);
    let mut places: Vec<(String, Vec<u8>)> =
        vec![("served".to_owned(), served.into_bytes()), ("events".to_owned(), events)];
    for path in files_below(&dir.path().join("run")).into_iter().chain(["out", "err"].map(|name| dir.path().join(name)))
    {
        places.push((path.display().to_string(), fs::read(&path).expect("a file")));
    }
    assert!(places.iter().any(|(name, bytes)| name.ends_with("perpx.jsonl") && bytes.len() > 500), "the log is empty");
    let alerts =
        receiver.got.lock().expect("whole").iter().map(|(_, body)| body.clone()).collect::<Vec<String>>().join("\n");
    assert!(alerts.len() > 300, "{alerts}");
    places.push(("alerts".to_owned(), alerts.into_bytes()));
    let hooks = ["json", "slack", "telegram", "beat"].map(|name| format!("{name}-hook-5f2c9e71d8"));
    let mut wrong = Vec::new();
    for secret in crate::attach::keys().into_iter().chain(hooks) {
        for text in disguises(&secret) {
            let within =
                |bytes: &[u8]| bytes.windows(text.len()).any(|window| window.eq_ignore_ascii_case(text.as_bytes()));
            wrong.extend(
                places.iter().filter(|(_, bytes)| within(bytes)).map(|(name, _)| format!("{text} is in {name}")),
            );
        }
    }
    // what is made of them: a session's cookie, a token's and an order's signature
    for mark in ["gravity=", "\"signature\"", "\"sig\"", "set-cookie", "authorization", "x-grvt-account"] {
        let within = |bytes: &[u8]| String::from_utf8_lossy(bytes).to_lowercase().contains(mark);
        wrong.extend(places.iter().filter(|(_, bytes)| within(bytes)).map(|(name, _)| format!("{mark} is in {name}")));
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// Where others reach it, whoever looks needs the token: without one nothing is served and the run goes on; five wrong ones stop all.
#[test]
fn a_page_that_others_reach_needs_the_token() {
    let dir = folder();
    let best = best(dir.path(), BASE);
    let (_market, port) =
        market(dir.path(), &["--tape", SAMPLE, "--from", "2026-01-05", "--to", "2026-01-06", "--start-at", "9000"]);
    live_file(dir.path(), port, &format!("{ACCOUNT}[panel]\nbind = \"0.0.0.0:0\"\n"));
    let run = begin(dir.path(), &best, port);
    let said = |word: &str| {
        let began = Instant::now();
        while !fs::read_to_string(dir.path().join("err")).unwrap_or_default().contains(word) {
            assert!(began.elapsed() < Duration::from_secs(30), "{word} is not said");
            std::thread::sleep(Duration::from_millis(100));
        }
    };
    said("the page is not served: PERPX_PANEL_TOKEN is not set");
    std::thread::sleep(Duration::from_secs(3));
    parks(run, dir.path());
    let token = "0123456789abcdef0123456789abcdef";
    let env = fs::read_to_string(dir.path().join(".env")).expect("keys");
    crate::attach::private(&dir.path().join(".env"), &format!("{env}PERPX_PANEL_TOKEN={token}\n"));
    let run = begin(dir.path(), &best, port);
    let at = served_at(dir.path()).replace("0.0.0.0", "127.0.0.1");
    for path in ["/metrics", "/health", "/ready", "/snapshot", "/events"] {
        assert_eq!(get(&at, path).0, 401, "{path}");
    }
    let (status, head, _) = ask(&at, "GET /", &[], "");
    assert!(status == 303 && head.to_lowercase().contains("location: /login"), "{head}");
    let bearer = format!("Authorization: Bearer {token}");
    assert_eq!(ask(&at, "GET /metrics", &[&bearer], "").0, 200);
    let form = "Content-Type: application/x-www-form-urlencoded";
    let (status, head, _) =
        ask(&at, "POST /login", &[form, &format!("Origin: http://{at}")], &format!("token={token}"));
    let cookie = head.lines().find_map(|line| line.strip_prefix("set-cookie: ")).expect("a cookie");
    assert!(status == 303 && cookie.contains("HttpOnly") && cookie.contains("SameSite=Strict"), "{head}");
    let cookie = format!("Cookie: {}", cookie.split(';').next().expect("a value"));
    let (status, _, page) = ask(&at, "GET /", &[&cookie], "");
    assert!(status == 200 && page.contains("Both legs"), "{status}");
    assert_eq!(ask(&at, "POST /login", &[form, "Origin: http://evil.example"], &format!("token={token}")).0, 403);
    for _ in 0..5 {
        assert_eq!(ask(&at, "POST /login", &[form], "token=guess").0, 401);
    }
    assert_eq!(ask(&at, "POST /login", &[form], &format!("token={token}")).0, 429);
    assert_eq!(ask(&at, "GET /snapshot", &[&cookie], "").0, 200, "who is logged in stays so");
    // it trades: a stop closes, and ends as it should
    let began = Instant::now();
    while !ask(&at, "GET /snapshot", &[&cookie], "").2.contains("\"phase\":\"running\"") {
        assert!(began.elapsed() < Duration::from_secs(30), "it does not begin to trade");
        std::thread::sleep(Duration::from_millis(200));
    }
    parks(run, dir.path());
    for path in files_below(&dir.path().join("run")) {
        let bytes = fs::read(&path).expect("a file");
        assert!(
            !bytes.windows(token.len()).any(|window| window == token.as_bytes()),
            "the token is in {}",
            path.display()
        );
    }
}

/// The units, rules and the dashboard that are shipped are what their programs take, and speak of metrics that there are.
#[test]
fn what_is_shipped_for_a_service_is_taken() {
    let metrics = listed();
    let known = |name: &str| {
        let base = ["_bucket", "_sum", "_count"].iter().find_map(|end| name.strip_suffix(end)).unwrap_or(name);
        metrics.contains(name) || metrics.contains(base)
    };
    for file in ["deploy/grafana.json", "deploy/prometheus-rules.yml"] {
        let text = read(file);
        let words =
            text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).filter(|word| word.starts_with("perpx_"));
        let unknown: BTreeSet<&str> = words.filter(|name| !known(name)).collect();
        assert!(unknown.is_empty(), "{file}: {unknown:?}");
    }
    serde_json::from_str::<Value>(&read("deploy/grafana.json")).expect("JSON");
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    match prometheus().map(|prometheus| prometheus.with_file_name("promtool")).filter(|path| path.is_file()) {
        None => not_tested("no promtool beside prometheus: the rules were not checked by it"),
        Some(promtool) => {
            let out =
                Command::new(promtool).args(["check", "rules"]).arg(root.join("deploy/prometheus-rules.yml")).output();
            let out = out.expect("it runs");
            assert!(
                out.status.success(),
                "{}{}",
                String::from_utf8_lossy(&out.stdout),
                String::from_utf8_lossy(&out.stderr)
            );
        }
    }
    let dir = tempfile::tempdir().expect("a folder");
    let units = ["perpx@.service", "perpx-alert@.service"];
    for unit in units {
        // the program where it is built, not where it is installed
        let text =
            read(&format!("deploy/{unit}")).replace("/usr/local/bin/perpx-live", env!("CARGO_BIN_EXE_perpx-live"));
        fs::write(dir.path().join(unit), text.replace("/usr/bin/curl", "/bin/true")).expect("writes");
    }
    let verified = Command::new("systemd-analyze").arg("verify").args(units.map(|unit| dir.path().join(unit))).output();
    match verified {
        Err(_) => not_tested("no systemd-analyze on the path: the units were not checked by it"),
        Ok(out) => {
            let said = String::from_utf8_lossy(&out.stderr);
            let ours: Vec<&str> = said.lines().filter(|line| line.contains("perpx")).collect();
            assert!(out.status.success() && ours.is_empty(), "{said}");
        }
    }
}

/// Verbs by the page: with the token, the header and, to close everything, the run's name. What is said is heard, shown, and kept.
#[test]
fn verbs_by_the_page_are_heard() {
    let dir = folder();
    let token = "fedcba9876543210fedcba9876543210";
    let env = fs::read_to_string(dir.path().join(".env")).expect("keys");
    crate::attach::private(&dir.path().join(".env"), &format!("{env}PERPX_PANEL_TOKEN={token}\n"));
    let (run, market, at) = trading(dir.path(), "[panel]\nbind = \"127.0.0.1:0\"\ncontrol = true\n", &[]);
    wait_for(&at, 60, "it trades", |value| value["snapshot"]["phase"] == "running");
    let bearer = format!("Authorization: Bearer {token}");
    let say = |headers: &[&str], body: &str| {
        let (status, _, text) = ask(&at, "POST /verb", headers, body);
        (status, text)
    };
    let by_page = [bearer.as_str(), "X-Perpx-Verb: 1"];
    let pause = r#"{"verb":"pause","reason":"a test"}"#;
    assert_eq!(say(&[&bearer], pause).0, 403, "without the header");
    assert_eq!(say(&["X-Perpx-Verb: 1"], pause).0, 401, "without the token");
    assert_eq!(say(&[&by_page[..], &["Origin: http://evil.example"]].concat(), pause).0, 403);
    for body in ["", "pause", r#"{"verb":"quit"}"#, r#"{"verb":"open"}"#] {
        assert_eq!(say(&by_page, body).0, 400, "{body}");
    }
    let (status, text) = say(&by_page, pause);
    assert_eq!(status, 200, "{text}");
    let paused = wait_for(&at, 10, "a pause", |value| !value["snapshot"]["verbs"].as_array().is_none_or(Vec::is_empty));
    assert_eq!(paused["snapshot"]["verbs"][0], "pause by the page: a test");
    let (status, body) = get(&at, "/ready");
    assert!(status == 503 && body.contains("pause by the page"), "{body}");
    assert_eq!(say(&by_page, r#"{"verb":"resume"}"#).0, 200);
    wait_for(&at, 10, "its end", |value| value["snapshot"]["verbs"].as_array().is_some_and(Vec::is_empty));
    for body in [r#"{"verb":"kill"}"#, r#"{"verb":"flatten","run":"another"}"#] {
        let (status, text) = say(&by_page, body);
        assert!(status == 400 && text.contains("type the name of the run"), "{status} {text}");
    }
    let (status, text) = say(&by_page, r#"{"verb":"kill","run":"run","reason":"a test"}"#);
    assert_eq!(status, 200, "{text}");
    assert_eq!(run.code(), Some(6), "{}", fs::read_to_string(dir.path().join("err")).unwrap_or_default());
    assert!(dir.path().join("run/KILL").exists());
    let log = fs::read_to_string(dir.path().join("run/log/perpx.jsonl")).expect("a log");
    assert!(log.contains("kill by the page"), "{log}");
    drop(market);
}
