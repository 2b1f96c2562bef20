//! What is served while a run trades: metrics, health, the page, read as Prometheus, a script and a browser read them.

use crate::attach::{ACCOUNT, SAMPLE, begin, folder, live_file, market};
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

/// Labels of the contract (live.md 6.2).
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
    let mut answer = Vec::new();
    socket.read_to_end(&mut answer).expect("an answer");
    let answer = String::from_utf8(answer).expect("text");
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
    let status = head.split(' ').nth(1).and_then(|code| code.parse().ok()).expect("a status");
    let is_chunked = head.to_lowercase().contains("transfer-encoding: chunked");
    (status, head.to_owned(), if is_chunked { unchunked(body) } else { body.to_owned() })
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

fn get(at: &str, path: &str) -> (u16, String) {
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
    let quiet = ["rejects_total", "reconnects_total", "unknown_outcomes_total", "alerts_total", "reconcile_difference"];
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
    run.signal("-INT");
    let out = || fs::read_to_string(dir.path().join("out")).unwrap_or_default();
    assert_eq!(run.code(), Some(0), "{}", out());
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
    run.signal("-INT");
    assert_eq!(run.code(), Some(0));
    drop(market);
}
