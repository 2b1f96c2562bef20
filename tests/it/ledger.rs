//! The grids of `tests/ledger`: each once had a ledger that was wrong; its README says what is right. By hand, since the table
//! is what is looked at: `cargo test --release --test it ledger -- --ignored --nocapture`.

use crate::explain::{Row, rows};
use perpx::sweep::{Options, Summary, sweep};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

struct Ran {
    summary: Summary,
    results: Vec<Row>,
    /// Ledger entries of the best.
    trades: Vec<Row>,
    out: PathBuf,
    _folder: tempfile::TempDir,
}

fn grids() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/ledger")
}

fn ran(grid: &str) -> Ran {
    let folder = tempfile::tempdir().expect("a folder");
    let out = folder.path().join("out");
    let options = Options { out: Some(out.clone()), quiet: true, ..Options::new(grids().join(format!("{grid}.toml"))) };
    let summary = sweep(&options, &mut Vec::new()).unwrap_or_else(|error| panic!("{grid}: {error}"));
    let trades = rows(&out.join("trades.parquet"));
    Ran { summary, results: rows(&out.join("results.parquet")), trades, out, _folder: folder }
}

fn number(row: &Row, column: &str) -> f64 {
    row.get(column).and_then(|text| text.parse().ok()).unwrap_or(f64::NAN)
}

const COLUMNS: [&str; 9] =
    ["trades", "net_pnl", "fees", "hedges", "unanswered", "strays", "rollbacks", "orders_sent", "liquidations"];

#[test]
#[ignore = "a table to look at"]
fn the_grids_whose_ledgers_were_wrong() {
    let mut names: Vec<String> = fs::read_dir(grids())
        .expect("the grids")
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.strip_suffix(".toml").map(str::to_owned))
        .collect();
    names.sort();
    println!("{:<24} {:<8} exit {}", "grid", "id", COLUMNS.map(|name| format!("{name:>12}")).join(""));
    for name in &names {
        let ran = ran(name);
        for row in &ran.results {
            let cells = COLUMNS.map(|column| format!("{:>12}", row.get(column).map_or("-", String::as_str)));
            let id = row.get("id").map_or("", String::as_str);
            println!("{name:<24} {:<8} {:>4} {}", &id[..8.min(id.len())], ran.summary.exit_code(), cells.join(""));
        }
    }
}
