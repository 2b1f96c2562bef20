//! What differs between two runs, key by key, from their run.json.

use crate::grid::RankBy;
use crate::inspect::show::Run;
use crate::results::best::over_world_name;
use crate::results::manifest::RunManifest;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// A part of the two runs that differs.
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
    let of = |read: fn(&RunManifest) -> String| [0, 1].map(|run| read(&runs[run].manifest));
    differ("data", "store", of(|run| run.store.clone()));
    let fingerprints = [0, 1].map(|run| fingerprints(&runs[run].manifest));
    for symbol in keys(&fingerprints) {
        differ("data", &format!("{symbol} fingerprint"), values(&fingerprints, &symbol));
    }
    let grids = [0, 1].map(|run| lines(&runs[run].manifest));
    for key in keys(&grids) {
        differ("grid", &key, values(&grids, &key));
    }
    differ("code", "version", of(|run| run.version.clone()));
    differ("code", "sources", of(|run| run.code.clone()));
    differ("code", "strategy version", of(|run| run.strategy_version.to_string()));
    differ("seed", "seed", of(|run| run.seed.to_string()));
    out
}

fn fingerprints(run: &RunManifest) -> BTreeMap<String, String> {
    run.symbols.iter().map(|symbol| (symbol.symbol.clone(), symbol.fingerprint.clone())).collect()
}

/// The canonical grid as key and value: a line `key=value` each, or a whole part that has no such lines. What an axis
/// varies has no value of its own, and the seed is compared by itself.
fn lines(run: &RunManifest) -> BTreeMap<String, String> {
    let mut out = BTreeMap::new();
    let text = |name: &str| run.grid.get(name).map_or("", String::as_str);
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
    for (name, value) in &run.grid {
        if !["strategy", "world and account", "strategy axes", "world axes", "objective", "metrics"]
            .contains(&name.as_str())
        {
            out.insert(format!("[{name}]"), value.clone());
        }
    }
    let objective = &run.objective;
    out.insert("[objective] metric".to_string(), objective.metrics().collect::<Vec<_>>().join(", "));
    if objective.rank == RankBy::Plateau {
        out.insert("[objective] rank".to_string(), "plateau".to_string());
    }
    out.insert("[objective] over_world".to_string(), over_world_name(objective.over_world).to_string());
    let require: Vec<String> = objective.require.iter().map(ToString::to_string).collect();
    out.insert("[objective] require".to_string(), require.join(", "));
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
    use crate::results::manifest::tests::example;

    fn run(strategy: &str, axes: &str, seed: u64, fingerprint: &str) -> Run {
        let grid = [
            ("strategy", strategy),
            ("world and account", "seed=7\nfees=1\n"),
            ("strategy axes", axes),
            ("world axes", ""),
            ("where", ""),
            ("holdout", "0.3"),
        ];
        let grid = grid.map(|(name, text)| (name.to_string(), text.to_string())).into();
        let mut manifest = RunManifest { seed, grid, ..example() };
        manifest.symbols[0].fingerprint = fingerprint.to_string();
        Run { dir: "run".into(), manifest, summaries: Vec::new() }
    }

    #[test]
    fn what_differs_is_named_key_by_key() {
        let a = run("a=1\nb=2\ng=0.1\n", "g=[0.1, 0.2]\n", 7, "f1");
        assert_eq!(changes(&[run("a=1\nb=2\ng=0.1\n", "g=[0.1, 0.2]\n", 7, "f1"), a]), []);
        let found = changes(&[
            run("a=1\nb=2\ng=0.1\n", "g=[0.1, 0.2]\n", 7, "f1"),
            run("a=1\nb=3\ng=0.2\n", "g=[0.2, 0.4]\n", 8, "f2"),
        ]);
        let shown: Vec<(&str, &str, &str, &str)> =
            found.iter().map(|c| (c.part, c.key.as_str(), c.was[0].as_str(), c.was[1].as_str())).collect();
        let want = [
            ("data", "BTC fingerprint", "f1", "f2"),
            ("grid", "b", "2", "3"),
            ("grid", "g", "[0.1, 0.2]", "[0.2, 0.4]"),
            ("seed", "seed", "7", "8"),
        ];
        assert_eq!(shown, want);
        // an axis on one side alone stands against the other's one value
        let one = changes(&[run("g=0.1\n", "", 7, "f1"), run("g=0.1\n", "g=[0.1, 0.2]\n", 7, "f1")]);
        assert_eq!(one[0].was, ["0.1".to_string(), "[0.1, 0.2]".to_string()]);
    }
}
