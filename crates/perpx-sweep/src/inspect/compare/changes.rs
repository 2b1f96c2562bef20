//! What differs between two runs, key by key, from their run.json.

use crate::engine::report_input::require_text;
use crate::grid::Require;
use crate::inspect::show::Run;
use serde::Serialize;
use serde_json::Value as Json;
use std::collections::{BTreeMap, BTreeSet};

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Change {
    /// "data", "grid", "code" or "seed".
    pub part: &'static str,
    /// What of it: a dotted key, an axis, a section.
    pub key: String,
    /// "-" where there is none.
    pub was: [String; 2],
}

/// What decides the results and differs.
pub(super) fn changes(runs: &[Run; 2]) -> Vec<Change> {
    let mut out = Vec::new();
    let mut differ = |part, key: &str, was: [String; 2]| {
        if was[0] != was[1] {
            out.push(Change { part, key: key.to_string(), was });
        }
    };
    let of = |read: &dyn Fn(&Json) -> String| [0, 1].map(|run| read(&runs[run].record));
    differ("data", "store", of(&|record| word(&record["store"])));
    let fingerprints = [0, 1].map(|run| fingerprints(&runs[run].record));
    for symbol in keys(&fingerprints) {
        differ("data", &format!("{symbol} fingerprint"), values(&fingerprints, &symbol));
    }
    let grids = [0, 1].map(|run| lines(&runs[run].record));
    for key in keys(&grids) {
        differ("grid", &key, values(&grids, &key));
    }
    differ("code", "version", of(&|record| word(&record["version"])));
    differ("code", "sources", of(&|record| word(&record["code"])));
    differ("code", "strategy version", of(&|record| word(&record["strategy_version"])));
    differ("seed", "seed", of(&|record| word(&record["seed"])));
    out
}

fn word(value: &Json) -> String {
    match value {
        Json::String(text) => text.clone(),
        Json::Null => "-".to_string(),
        other => other.to_string(),
    }
}

fn fingerprints(record: &Json) -> BTreeMap<String, String> {
    let symbols = record["symbols"].as_array().into_iter().flatten();
    symbols.map(|symbol| (word(&symbol["symbol"]), word(&symbol["fingerprint"]))).collect()
}

/// The canonical grid as key and value: a line `key=value` each, or a whole part that has no such lines. What an axis
/// varies has no value of its own, and the seed is told by itself.
fn lines(record: &Json) -> BTreeMap<String, String> {
    let mut out = BTreeMap::new();
    let parts = record["grid"].as_object();
    let text = |name: &str| parts.and_then(|parts| parts[name].as_str()).unwrap_or_default();
    for (name, kind) in [("strategy axes", ""), ("world axes", " (world)")] {
        for (key, list) in text(name).lines().filter_map(|line| line.split_once('=')) {
            out.insert(key.to_string(), format!("{list}{kind}"));
        }
    }
    for name in ["strategy", "world and account"] {
        for (key, value) in text(name).lines().filter_map(|line| line.split_once('=')).filter(|line| line.0 != "seed") {
            out.entry(key.to_string()).or_insert(value.to_string());
        }
    }
    for (name, value) in parts.into_iter().flatten() {
        if !["strategy", "world and account", "strategy axes", "world axes", "objective"].contains(&name.as_str()) {
            out.insert(format!("[{name}]"), word(value));
        }
    }
    let objective = &record["objective"];
    out.insert("[objective] metric".to_string(), word(&objective["metric"]));
    out.insert("[objective] over_world".to_string(), word(&objective["over_world"]));
    let require: Vec<Require> = serde_json::from_value(objective["require"].clone()).unwrap_or_default();
    let told: Vec<String> = require.iter().map(require_text).collect();
    out.insert("[objective] require".to_string(), told.join(", "));
    out
}

fn keys(maps: &[BTreeMap<String, String>; 2]) -> BTreeSet<String> {
    maps.iter().flat_map(|map| map.keys().cloned()).collect()
}

fn values(maps: &[BTreeMap<String, String>; 2], key: &str) -> [String; 2] {
    [0, 1].map(|run| maps[run].get(key).filter(|value| !value.is_empty()).cloned().unwrap_or("-".to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn run(strategy: &str, axes: &str, seed: u64, fingerprint: &str) -> Run {
        let record = json!({
            "store": "data/sample", "version": "0.1.0", "code": "abc", "strategy_version": 1, "seed": seed,
            "grid": { "strategy": strategy, "world and account": "seed=7\nfees=1\n", "strategy axes": axes,
                      "world axes": "", "where": "", "holdout": "0.3" },
            "objective": { "metric": "sharpe", "over_world": "worst", "require": [] },
            "symbols": [{ "symbol": "BTC", "fingerprint": fingerprint }],
        });
        Run { dir: "run".into(), record, told: Vec::new() }
    }

    #[test]
    fn what_differs_is_named_key_by_key() {
        let a = run("a=1\nb=2\ng=0.1\n", "g=[0.1, 0.2]\n", 7, "f1");
        assert_eq!(changes(&[run("a=1\nb=2\ng=0.1\n", "g=[0.1, 0.2]\n", 7, "f1"), a]), []);
        let found = changes(&[
            run("a=1\nb=2\ng=0.1\n", "g=[0.1, 0.2]\n", 7, "f1"),
            run("a=1\nb=3\ng=0.2\n", "g=[0.2, 0.4]\n", 8, "f2"),
        ]);
        let told: Vec<(&str, &str, &str, &str)> =
            found.iter().map(|c| (c.part, c.key.as_str(), c.was[0].as_str(), c.was[1].as_str())).collect();
        let want = [
            ("data", "BTC fingerprint", "f1", "f2"),
            ("grid", "b", "2", "3"),
            ("grid", "g", "[0.1, 0.2]", "[0.2, 0.4]"),
            ("seed", "seed", "7", "8"),
        ];
        assert_eq!(told, want);
        // an axis on one side alone stands against the other's one value
        let one = changes(&[run("g=0.1\n", "", 7, "f1"), run("g=0.1\n", "g=[0.1, 0.2]\n", 7, "f1")]);
        assert_eq!(one[0].was, ["0.1".to_string(), "[0.1, 0.2]".to_string()]);
    }
}
