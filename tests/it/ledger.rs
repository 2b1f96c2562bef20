//! The grids of `tests/ledger`, whose ledgers were once wrong, each held to what its README calls right.

use crate::explain::{Row, rows};
use perpx::sweep::{Options, Summary, TrialLog, sweep};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

struct Ran {
    summary: Summary,
    results: Vec<Row>,
    has_best: bool,
}

fn grids() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/ledger")
}

fn ran(grid: &str) -> Ran {
    let folder = tempfile::tempdir().expect("a folder");
    let out = folder.path().join("out");
    let options = Options {
        out: Some(out.clone()),
        quiet: true,
        trials: TrialLog::Unknown,
        ..Options::new(grids().join(format!("{grid}.toml")))
    };
    let summary = sweep(&options, &mut Vec::new()).unwrap_or_else(|error| panic!("{grid}: {error}"));
    Ran { summary, results: rows(&out.join("results.parquet")), has_best: out.join("best.yml").exists() }
}

const COLUMNS: [&str; 11] = [
    "trades",
    "net_pnl",
    "fees",
    "pnl_transfer",
    "hedges",
    "hedges_exhausted",
    "unanswered",
    "orders_revived",
    "strays",
    "rejects_rate_limit",
    "rate_held",
];

/// What each grid is about: these columns are 0 in every row.
const NONE: [(&str, &[&str]); 12] = [
    ("hfull", &["hedges", "rejects_rate_limit"]),
    ("h1004", &["hedges", "rejects_rate_limit"]),
    ("stray", &["orders_revived", "strays", "hedges"]),
    ("stray1000", &["orders_revived", "strays", "hedges"]),
    ("to_t301", &["hedges"]),
    ("to_t306", &["hedges"]),
    ("to_t310", &["hedges"]),
    ("to411", &["hedges"]),
    ("to433", &["hedges"]),
    ("to_t341", &["hedges"]),
    ("to_t345", &["hedges"]),
    ("trans_t1", &["pnl_transfer"]),
];

#[test]
fn the_grids_whose_ledgers_were_wrong() {
    let mut names: Vec<String> = fs::read_dir(grids())
        .expect("the grids")
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.strip_suffix(".toml").map(str::to_owned))
        .collect();
    names.sort();
    assert_eq!(names.len(), 26);
    println!("{:<24} {:<16} {:<16} exit{}", "grid", "id", "ledger", COLUMNS.map(|name| format!(" {name}")).join(""));
    let mut found = BTreeMap::new();
    for name in &names {
        let ran = ran(name);
        for row in ran.results.iter().filter(|row| row["trades"] != "0" || row["fees"] != "0E0") {
            let cells = COLUMNS.map(|column| format!(" {}", row[column])).join("");
            println!("{name:<24} {} {} {:>4}{cells}", row["id"], row["ledger"], ran.summary.exit_code());
        }
        found.insert(name.as_str(), ran);
    }
    for (grid, columns) in NONE {
        for (row, column) in found[grid].results.iter().flat_map(|row| columns.iter().map(move |column| (row, column)))
        {
            assert_eq!(row[*column].parse(), Ok(0.0), "{grid}: {column}");
        }
    }
    // a rate known before the warm-up is known, whatever else is swept
    let slow = |grid: &str| {
        let wanted = |row: &&Row| row["thresholds.trend_strength.ema_slow"] == "12";
        found[grid].results.iter().find(wanted).unwrap_or_else(|| panic!("{grid}: ema_slow 12")).clone()
    };
    let (alone, beside) = (slow("ft_alone"), slow("ft3"));
    assert_eq!((&alone["ledger"], &alone["trades"]), (&beside["ledger"], &beside["trades"]));
    assert_eq!(alone["trades"], "11");
    // a configuration that did not trade in a world has no value there
    let none = &found["nu_worst_profit_factor"];
    assert_eq!((none.summary.exit_code(), none.has_best), (3, false));
}
