//! `perpx-sweep explain`: a configuration's trades explained, and explained truly.

use crate::sweep::{Case, GRID, run};
use parquet::file::reader::SerializedFileReader;
use parquet::record::Field;
use perpx::sweep::explain::{ExplainArgs, Explained, explain};
use perpx::sweep::{Options, SweepError};
use perpx::units::Time;
use serde_json::Value as Json;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

fn args(dir: &Path, id: &str) -> ExplainArgs {
    let (run, id) = (dir.to_path_buf(), id.to_string());
    ExplainArgs { run, id, symbol: None, trade: None, held_out: false, world: None, grid: None, json: false }
}

/// A configuration of one symbol of a run.
pub(crate) fn told_of(dir: &Path, id: &str, symbol: Option<&str>) -> Result<Explained, SweepError> {
    explain(&ExplainArgs { symbol: symbol.map(str::to_string), ..args(dir, id) })
}

fn explained(args: &ExplainArgs) -> Explained {
    explain(args).unwrap_or_else(|error| panic!("{error}"))
}

fn refused(args: &ExplainArgs) -> SweepError {
    match explain(args) {
        Ok(found) => panic!("it is explained: {}", found.text()),
        Err(error) => error,
    }
}

pub(crate) type Row = BTreeMap<String, String>;

/// Every row of a table; decimals without trailing zeros, times as [`Time`] writes them.
pub(crate) fn rows(path: &Path) -> Vec<Row> {
    let reader = SerializedFileReader::new(fs::File::open(path).expect("opens")).expect("parquet");
    let cell = |name: &str, field: &Field| match field {
        Field::Null => String::new(),
        Field::Str(text) => text.clone(),
        Field::Long(ns) if name.ends_with("time") => Time(*ns).to_string(),
        other => {
            let text = other.to_string();
            if text.contains('.') && !text.contains('E') {
                text.trim_end_matches('0').trim_end_matches('.').to_string()
            } else {
                text
            }
        }
    };
    let row = |row: parquet::record::Row| {
        row.get_column_iter().map(|(name, field)| (name.clone(), cell(name, field))).collect::<Row>()
    };
    reader.into_iter().map(|found| row(found.expect("a row"))).collect()
}

#[test]
fn fills_and_transitions_are_those_of_the_ledger() {
    let case = Case::new(GRID);
    let summary = run(&case.options("run")).expect("sweeps");
    let dir = case.out("run");
    let best = summary.symbols[0].best.clone().expect("a winner");
    let listed = explained(&args(&dir, &best[..8])).json();
    let ledger: Vec<Row> = rows(&dir.join("trades.parquet")).into_iter().filter(|row| row["id"] == best).collect();
    let mut seen = 0;
    for (number, run) in listed["runs"].as_array().expect("runs").iter().enumerate() {
        let name = run["run"].as_str().expect("a name");
        let (mut found, mut wanted) = (Vec::new(), Vec::new());
        for trade in run["trades"].as_array().expect("trades") {
            let asked = trade["trade"].as_u64().map(|n| n as u32);
            let explanation = explained(&ExplainArgs { trade: asked, held_out: number == 1, ..args(&dir, &best) });
            assert!(explanation.text().lines().all(|line| line.chars().count() <= 80), "{}", explanation.text());
            let life = explanation.json()["trade"].clone();
            for item in life["items"].as_array().expect("items") {
                let text = |key: &str| item[key].as_str().unwrap_or_default().to_string();
                let fill = [text("time"), text("venue_time"), text("side"), text("price"), text("qty"), text("fee")];
                if item["event"] == "fill" {
                    found.push(format!("{fill:?} {} {}", item["maker"], item["order"]));
                } else if item["event"] == "funding" {
                    found.push(format!("{} {} {}", text("time"), text("amount"), text("rate")));
                } else if item["kind"] == "transition" {
                    found.push([text("time"), text("state"), text("to_state"), text("reason")].join(" "));
                }
            }
        }
        // a gate that opened and filled nothing is no trade, but stands in the ledger
        let mut open: Vec<String> = Vec::new();
        let mut filled = false;
        for row in ledger.iter().filter(|row| row["run"] == name) {
            match row["kind"].as_str() {
                "transition" => {
                    open.push([&*row["time"], &row["state"], &row["to_state"], &row["reason"]].join(" "));
                    if row["to_state"] == "S0" {
                        wanted.extend(if std::mem::take(&mut filled) { std::mem::take(&mut open) } else { Vec::new() });
                        open.clear();
                    }
                }
                "fill" => {
                    filled = true;
                    let fill = ["time", "venue_time", "side", "price", "qty", "fee"].map(|key| row[key].clone());
                    open.push(format!("{fill:?} {} {}", row["maker"], row["order"]));
                }
                "funding" => open.push(format!("{} {} {}", row["time"], row["amount"], row["rate"])),
                _ => {}
            }
        }
        wanted.extend(if filled { open } else { Vec::new() });
        // entries stand before the transitions of their time in the file
        found.sort();
        wanted.sort();
        assert_eq!(found, wanted, "{name}");
        seen += found.len();
    }
    assert!(seen > 20, "only {seen} entries");
}

/// What explain tells of a trade's money and legging is what the files hold, to the last digit.
#[test]
fn money_and_legging_are_those_of_the_files() {
    let case = Case::new(GRID);
    let summary = run(&case.options("run")).expect("sweeps");
    let dir = case.out("run");
    let best = summary.symbols[0].best.clone().expect("a winner");
    let of = |name: &str| rows(&dir.join(name)).into_iter().filter(|row| row["id"] == best).collect::<Vec<Row>>();
    let (ledger, episodes) = (of("trades.parquet"), of("legging.parquet"));
    let money: Vec<&Row> = ledger.iter().filter(|row| row["kind"] == "money").collect();
    let exact = |text: &str| perpx::units::parse_scaled(text, 19).unwrap_or_else(|| panic!("'{text}' is no decimal"));
    let (mut trades, mut ended) = (0, 0);
    for run in explained(&args(&dir, &best)).json()["runs"].as_array().expect("runs") {
        let of_run = |row: &&Row| row["run"] == run["run"].as_str().expect("a name");
        for trade in run["trades"].as_array().expect("trades") {
            let number = trade["trade"].to_string();
            let cell = |line: &Json, key: &str| exact(line[key].as_str().expect("a decimal"));
            let (mut sums, mut total) = ([0; 3], None);
            for line in trade["money"].as_array().expect("lines") {
                let amounts = ["long", "short", "both"].map(|key| cell(line, key));
                let name = line["line"].as_str().expect("a name");
                let column = if name == "total" { "pnl".to_string() } else { format!("pnl_{name}") };
                for (role, amount) in ["long", "short"].iter().zip(amounts) {
                    let mut rows = money.iter().copied().filter(of_run);
                    let row = rows.find(|row| row["trade"] == number && row["role"] == **role).expect("its money");
                    assert_eq!(exact(&row[&column]), amount, "trade {number}, {column}, {role}");
                }
                match name {
                    "total" => total = Some(amounts),
                    _ => sums.iter_mut().zip(amounts).for_each(|(sum, amount)| *sum += amount),
                }
            }
            assert_eq!(total, Some(sums), "trade {number}");
            assert_eq!(sums[0] + sums[1], exact(trade["pnl"].as_str().expect("a pnl")), "trade {number}");
            let shown = trade["legging"].as_array().expect("episodes");
            let keys = ["ending", "qty", "qty_sec", "worst", "cost"];
            let written: Vec<Vec<&str>> =
                shown.iter().map(|one| keys.map(|key| one[key].as_str().expect("text")).to_vec()).collect();
            let held = episodes.iter().filter(of_run).filter(|row| row["trade"] == number);
            let held: Vec<Vec<&str>> = held.map(|row| keys.map(|key| row[key].as_str()).to_vec()).collect();
            assert_eq!(written, held, "trade {number}");
            (trades, ended) = (trades + 1, ended + shown.len());
        }
    }
    assert!(trades > 3 && ended > trades, "{trades} trades, {ended} episodes");
}

#[test]
fn any_configuration_in_any_world() {
    let case = Case::new(GRID);
    run(&case.options("run")).expect("sweeps");
    let dir = case.out("run");
    let results = rows(&dir.join("results.parquet"));
    for row in results.iter().step_by(3) {
        let value = &row["fills.latency.order.median_ms"];
        for world in [format!("median_ms={value}"), if value == "20" { "1".to_string() } else { "2".to_string() }] {
            let explanation = explained(&ExplainArgs { world: Some(world), ..args(&dir, &row["id"]) });
            assert!(explanation.text().contains(&format!("median_ms = {value}")), "{}", explanation.text());
            let ledgers = explanation.json()["runs"].as_array().map(|runs| {
                runs.iter().map(|run| run["ledger"].as_str().unwrap_or_default().to_string()).collect::<Vec<_>>()
            });
            assert_eq!(ledgers, Some(vec![row["ledger"].clone(), row["oos_ledger"].clone()]));
        }
    }
    // by default the world that ranks
    let best = fs::read_to_string(dir.join("leaderboard.csv")).expect("reads");
    let line: Vec<&str> = best.lines().nth(1).expect("a winner").split(',').collect();
    let id = line.iter().find(|cell| cell.len() == 16).expect("an id");
    let text = explained(&args(&dir, id)).text();
    assert!(text.contains("(the one that ranks)") && text.contains("one of them: perpx-sweep explain"), "{text}");
}

#[test]
fn what_cannot_be_explained_is_one_clear_error() {
    let case = Case::new(GRID);
    let summary = run(&case.options("run")).expect("sweeps");
    let dir = case.out("run");
    let best = summary.symbols[0].best.clone().expect("a winner");
    let here = args(&dir, &best);
    for (args, words) in [
        (args(&dir, ""), "10 ids begin with"),
        (args(&dir, "xyz"), "no configuration's id begins with xyz"),
        (ExplainArgs { trade: Some(9_999), ..here.clone() }, "found 9999, and in sample has "),
        (ExplainArgs { world: Some("3".into()), ..here.clone() }, "accepted: a number or values of"),
        (ExplainArgs { world: Some("median_ms=30".into()), ..here.clone() }, "which no world has"),
        (args(&case.out("nowhere"), &best), "accepted: the folder of a finished run"),
    ] {
        let error = refused(&args);
        assert!(error.to_string().contains(words), "{words}: {error}");
        assert_eq!(error.exit_code(), 2, "{error}");
    }
    let calm = vec!["thresholds.vol_band.vmin=50".to_string()];
    let summary = run(&Options { sets: calm, ..case.options("calm") }).expect("sweeps");
    let idle = args(&case.out("calm"), &summary.symbols[0].best.clone().expect("the first"));
    assert!(!explained(&idle).text().contains("one of them"), "there is none");
    let error = refused(&ExplainArgs { trade: Some(1), ..idle }).to_string();
    assert!(error.contains("found 1, and in sample has no trade; to do: leave --trade away"), "{error}");
    let grid = case.out("grid.toml");
    let text = fs::read_to_string(&grid).expect("reads");
    fs::write(&grid, text.replace("step = 0.001", "step = 0.002")).expect("writes");
    assert!(refused(&here).to_string().contains("the grid is not the run's any more"));
    fs::rename(&grid, case.out("moved.toml")).expect("renames");
    assert!(refused(&here).to_string().contains("name it with --grid GRID.toml"));
    fs::write(case.out("moved.toml"), text).expect("writes");
    let named = ExplainArgs { grid: Some(case.out("moved.toml")), ..here };
    let life: Json = explained(&ExplainArgs { trade: Some(1), ..named }).json();
    assert_eq!(life["trade"]["items"][0]["kind"], "gate");
}
