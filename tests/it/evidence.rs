//! `perpx-sweep evidence`: a table of trials that this project did not write, judged from the file alone.

use crate::sweep::{Case, GRID, run};
use arrow::array::{ArrayRef, AsArray, Float64Array, Int64Array, ListArray, RecordBatch, StringArray};
use arrow::datatypes::{Float64Type, Int64Type};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use perpx::config::Value;
use perpx::sweep::evidence::file;
use perpx::sweep::{Options, TrialLog};
use serde_json::Value as Json;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Arc;

const SWEEP: &str = env!("CARGO_BIN_EXE_perpx-sweep");

/// The market F1 of the vectors: 12 columns of 240 returns, column 10 a copy of column 3.
fn market() -> Vec<Vec<f64>> {
    let vectors: Json = serde_json::from_str(include_str!("../fixtures/statistics_vectors.json")).expect("JSON");
    let columns = vectors["F1"]["data"].as_array().expect("columns");
    let column =
        |values: &Json| values.as_array().expect("a list").iter().map(|r| 1e6 * r.as_f64().expect("r")).collect();
    columns.iter().map(column).collect()
}

/// Rows of a table as a stranger writes them: lists of any length, in any order.
struct Table {
    ids: Vec<String>,
    s1: Vec<Vec<f64>>,
    s2: Vec<Vec<f64>>,
    more: Vec<(&'static str, ArrayRef)>,
}

impl Table {
    /// The first `columns` of the market in so many atoms, in the order `order`.
    fn new(order: &[usize], atoms: usize) -> Table {
        let market = market();
        let sums = |power: i32| {
            let of_atom = |part: &[f64]| part.iter().map(|r| r.powi(power)).sum();
            let of_row = |row: &usize| market[*row].chunks(240 / atoms).map(of_atom).collect();
            order.iter().map(of_row).collect()
        };
        let n: ArrayRef = Arc::new(Int64Array::from(vec![240; order.len()]));
        let ids = order.iter().map(|row| format!("{row:02}")).collect();
        Table { ids, s1: sums(1), s2: sums(2), more: vec![("n", n)] }
    }

    fn write(&self, path: &Path) {
        let list = |rows: &[Vec<f64>]| {
            let rows = rows.iter().map(|row| Some(row.iter().map(|value| Some(*value).filter(|v| !v.is_nan()))));
            Arc::new(ListArray::from_iter_primitive::<Float64Type, _, _>(rows)) as ArrayRef
        };
        let ids: ArrayRef = Arc::new(StringArray::from(self.ids.clone()));
        let columns = [("id", ids), ("s1", list(&self.s1)), ("s2", list(&self.s2))];
        let columns = columns.into_iter().chain(self.more.iter().cloned());
        let batch = RecordBatch::try_from_iter(columns.filter(|(name, _)| !name.is_empty())).expect("columns");
        let file = std::fs::File::create(path).expect("a file");
        let mut writer = ArrowWriter::try_new(file, batch.schema(), None).expect("a writer");
        writer.write(&batch).expect("rows");
        writer.close().expect("an end");
    }
}

struct Place {
    dir: tempfile::TempDir,
}

impl Place {
    fn new() -> Place {
        Place { dir: tempfile::tempdir().expect("a folder") }
    }

    fn path(&self) -> PathBuf {
        self.dir.path().join("trials.parquet")
    }

    fn run(&self, args: &[&str]) -> Output {
        let mut command = Command::new(SWEEP);
        command.args(["evidence", "--trials"]).arg(self.path()).args(args).env_remove("COLUMNS");
        command.output().expect("it starts")
    }

    fn judged(&self, table: &Table, args: &[&str]) -> Json {
        table.write(&self.path());
        let output = self.run(&[args, &["--json"]].concat());
        assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
        let mut line: Json = serde_json::from_slice(&output.stdout).expect("JSON");
        assert_eq!(line["exit"], 0);
        line["evidence"].take()
    }

    fn text(&self, args: &[&str]) -> String {
        let output = self.run(args);
        assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
        let text = String::from_utf8(output.stdout).expect("text");
        // as one line, however it was wrapped
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    }
}

/// Equal to a billionth.
#[track_caller]
fn near(found: &Json, wanted: f64) {
    let found = found.as_f64().expect("a number");
    assert!((found - wanted).abs() <= 1e-9 * wanted.abs(), "found {found}, wanted {wanted}");
}

/// Winner, ranks and walks do not depend on draws: they are those of the vectors.
#[test]
fn a_table_of_four_columns_is_judged() {
    let place = Place::new();
    let found = place.judged(&Table::new(&[7, 0, 9, 3, 1, 8, 2, 6, 5, 4], 24), &["--seed", "79"]);
    assert_eq!((&found["distinct"], &found["configurations"], &found["atoms"]), (&10.into(), &10.into(), &24.into()));
    near(&found["days"], 10.0);
    let judged = &found["outcome"]["judged"];
    let year = 8_760f64.sqrt();
    assert_eq!(judged["winner"]["id"], "08");
    near(&judged["winner"]["sharpe"], 0.09102061492074728 * year);
    assert!(judged["winner"]["shape"].is_null(), "nothing is known of higher powers");
    near(&judged["overfitting"]["pbo"], 0.34285714285714286);
    near(&judged["overfitting"]["test_loss"], 0.37142857142857144);
    near(&judged["overfitting"]["mean_test"], 0.02558973035566138 * year);
    // blocks longer than one atom are drawn, so these are near those of the vector and not the same
    let luck = &judged["luck"];
    let close = |field: &str, wanted: f64, by: f64| {
        let found = luck[field].as_f64().expect("a number");
        assert!((found - wanted).abs() < by, "{field}: {found}, about {wanted}");
    };
    close("luck", 0.4685, 0.06);
    close("robust", 0.6534, 0.06);
    close("luckiest", 0.0915 * year, 0.01 * year);
    close("independent_trials", 5.5, 1.5);
    assert_eq!(luck["total"], luck["robust"], "the larger, nothing else tried");
    assert_eq!(judged["walk_forward"].as_array().map(Vec::len), Some(2));
    assert_eq!(judged["walk_forward"][0]["folds"].as_array().map(Vec::len), Some(5));
    let text = place.text(&["--seed", "79"]);
    for part in
        ["10 different ledgers of 10 configurations", "winner 08: Sharpe 8.5 a year", "in 34 of 100", "money in 37"]
    {
        assert!(text.contains(part), "{part} in {text}");
    }
}

#[test]
fn rows_in_any_order_on_any_threads_give_the_same_bytes() {
    let place = Place::new();
    let mut outputs = Vec::new();
    for (order, threads) in [([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 11], "1"), ([11, 8, 0, 9, 2, 5, 1, 7, 3, 6, 4], "2")] {
        Table::new(&order, 24).write(&place.path());
        let mut command = Command::new(SWEEP);
        command.args(["evidence", "--json", "--trials"]).arg(place.path()).env("RAYON_NUM_THREADS", threads);
        outputs.push(command.output().expect("it starts").stdout);
    }
    assert!(!outputs[0].is_empty() && outputs[0] == outputs[1]);
}

/// Column 10 does what column 3 does.
#[test]
fn equal_ledgers_are_one_trial() {
    let place = Place::new();
    let once = place.judged(&Table::new(&[0, 1, 2, 3, 4, 5, 6, 7, 8, 9], 24), &[]);
    let mut table = Table::new(&[10, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9], 24);
    let ledgers = table.ids.iter().map(|id| if id == "10" { "l03".to_string() } else { format!("l{id}") });
    table.more.push(("ledger", Arc::new(StringArray::from(ledgers.collect::<Vec<_>>()))));
    let twice = place.judged(&table, &[]);
    assert_eq!((&twice["configurations"], &twice["distinct"]), (&11.into(), &10.into()));
    for part in ["luck", "overfitting", "winner", "dsr_2014"] {
        assert_eq!(once["outcome"]["judged"][part], twice["outcome"]["judged"][part], "{part}");
    }
    let text = place.text(&["--tried", "22", "--symbols", "2"]);
    assert!(text.contains("11 configurations, 22 on this data so far"), "{text}");
    let luck = &place.judged(&table, &["--tried", "22", "--symbols", "2"])["outcome"]["judged"]["luck"];
    near(&luck["total"], 1.0 - (1.0 - luck["robust"].as_f64().expect("a number")).powi(4));
}

#[test]
fn too_short_to_say() {
    let place = Place::new();
    let found = place.judged(&Table::new(&[0, 1, 2], 12), &[]);
    let short = &found["outcome"]["too_short"];
    assert_eq!(short["missing"][0], serde_json::json!({ "what": "atoms", "found": 12, "least": 24 }));
    near(&short["days_needed"], 10.0);
    let text = place.text(&[]);
    let wanted = "Too short to say: 12 atoms of at least 24; the span is long enough: cut it into atoms that are shorter, \
                  at least 24 of them.";
    assert!(text.contains(wanted), "{text}");
    let mut table = Table::new(&[0, 1, 2], 24);
    let trades = [[0i64; 24], [1; 24], [1; 24]].map(|row| Some(row.map(Some)));
    table.more.push(("trades", Arc::new(ListArray::from_iter_primitive::<Int64Type, _, _>(trades))));
    table.more.push(("embargo", Arc::new(Int64Array::from(vec![50; 3]))));
    table.write(&place.path());
    let text = place.text(&[]);
    let wanted = "Too short to say: 240 intervals of at least 300, 24 trades of the winner of at least 30; about 13 days would do.";
    assert!(text.contains(wanted), "{text}");
}

/// No history reaches this winner, so the smallest figure that the draws can show is multiplied by the tries.
#[test]
fn the_least_that_draws_can_show_is_said_to_be_a_bound() {
    let place = Place::new();
    let mut table = Table::new(&[0, 1, 2], 24);
    // it makes 10 in every interval, give or take 1
    (table.s1[0], table.s2[0]) = (vec![100e6; 24], vec![1010e12; 24]);
    table.more.push(("seed", Arc::new(Int64Array::from(vec![1; 3]))));
    let luck = |found: &Json| found["outcome"]["judged"]["luck"].clone();
    let alone = luck(&place.judged(&table, &["--draws", "200"]));
    near(&alone["total"], 1.0 / 201.0);
    assert_eq!((&alone["is_bound"], alone["draws_needed"].is_null()), (&true.into(), true));
    let many = ["--draws", "200", "--tried", "30", "--symbols", "4"];
    let of_many = luck(&place.judged(&table, &many));
    near(&of_many["total"], 1.0 - (200.0f64 / 201.0).powi(40));
    // 1 - 0.95^(1/40) is 1 / 780.3
    assert_eq!(of_many["draws_needed"], 780);
    let text = place.text(&many);
    for part in [
        "look this good in at most 18 of 100 such histories",
        "the least that 200 draws can show, as none of them looked this good: from --draws 780 on it could fall to 5.",
    ] {
        assert!(text.contains(part), "{part} in {text}");
    }
    let enough = luck(&place.judged(&table, &["--draws", "780", "--tried", "30", "--symbols", "4"]));
    assert!(enough["total"].as_f64() <= Some(0.05) && enough["draws_needed"].is_null(), "{enough}");
    let text = place.text(&["--draws", "200", "--tried", "30000000"]);
    assert!(text.contains("would be needed to see it fall to 5, and 100000 are the most"), "{text}");
    let text = place.text(&["--tried", "2"]);
    let wanted = "Tried: 2 were said, which is fewer than this table has; all of the table count.";
    assert!(text.contains(wanted), "{text}");
    assert!(!place.text(&["--tried", "3"]).contains("were said"));
}

/// A row that no engine wrote, and a table of ours, read and written again, is the same file.
#[test]
fn a_table_that_is_read_and_written_again_says_the_same() {
    let place = Place::new();
    let before = place.judged(&Table::new(&[3, 1, 0, 8, 7, 6], 24), &[]);
    let matrix = file::read(&place.path()).expect("a matrix");
    file::write(&place.path(), &matrix).expect("written");
    let first = std::fs::read(place.path()).expect("bytes");
    let table = std::fs::File::open(place.path()).expect("a file");
    let reader = ParquetRecordBatchReaderBuilder::try_new(table).expect("parquet");
    for field in reader.schema().fields() {
        assert!(field.metadata().get("doc").is_some_and(|doc| doc.ends_with('.')), "{} has no meaning", field.name());
    }
    file::write(&place.path(), &file::read(&place.path()).expect("a matrix")).expect("written");
    assert!(first == std::fs::read(place.path()).expect("bytes"));
    let output = place.run(&["--json"]);
    let after: Json = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(after["evidence"], before);
}

#[test]
fn a_file_that_is_no_table_of_trials_is_refused() {
    let place = Place::new();
    let refused = |why: &str| {
        let output = place.run(&[]);
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        let error = error.split_whitespace().collect::<Vec<_>>().join(" ");
        assert_eq!(output.status.code(), Some(2), "{error}");
        for part in ["trials.parquet: ", why, "accepted: ", "to do: "] {
            assert!(error.contains(part), "{part} in {error}");
        }
        assert!(output.stdout.is_empty());
    };
    refused("No such file");
    std::fs::write(place.path(), "id,s1\n").expect("written");
    refused("not a whole parquet file");
    let changed = |change: &dyn Fn(&mut Table)| {
        let mut table = Table::new(&[0, 1, 2], 24);
        change(&mut table);
        table.write(&place.path());
    };
    changed(&|table| table.more[0].0 = "rows");
    refused("there is no column 'n'");
    changed(&|table| table.more[0].1 = Arc::new(StringArray::from(vec!["many"; 3])));
    refused("column 'n' is Utf8");
    changed(&|table| table.s1[1].truncate(23));
    refused("row 2: another number of atoms");
    changed(&|table| table.s2[2].truncate(23));
    refused("row 3: s1, s2 and trades have different lengths");
    changed(&|table| table.s1[2][5] = f64::NAN);
    refused("row 3: s1 has an empty place");
    changed(&|table| table.s2[1][4] *= 1e-3);
    refused("row 2: atom 5: s1 = ");
    changed(&|table| table.ids[2] = "01".to_string());
    refused("two rows have the id '01'");
    changed(&|table| table.more[0].1 = Arc::new(Int64Array::from(vec![240, 240, 241])));
    refused("row 3: another number of atoms, n,");
    changed(&|table| table.more.push(("ledger", Arc::new(StringArray::from(vec!["a", "b", "a"])))));
    refused("rows '00' and '02' have the same ledger");
    for (slip, known) in [("elligible", "eligible"), ("interval_secs", "interval_sec")] {
        changed(&|table| table.more.push((slip, Arc::new(Int64Array::from(vec![60; 3])))));
        refused(&format!("column '{slip}' is not known; did you mean '{known}'?"));
    }
    changed(&|table| table.more.push(("weight", Arc::new(Float64Array::from(vec![1.5; 3])))));
    refused("column 'weight' is Float64");
    let table =
        Table { ids: vec![], s1: vec![], s2: vec![], more: vec![("n", Arc::new(Int64Array::from(vec![0i64; 0])))] };
    table.write(&place.path());
    refused("there is no row");
}

/// A sweep leaves its trials: each configuration is in one row, and the table alone gives the sweep's own Sharpe ratios and
/// its verdict, which the page's summary and best.yml carry.
#[test]
fn a_sweep_writes_its_trials_and_judges_its_winner() {
    let case = Case::new(GRID);
    let summary = run(&case.options("run")).expect("a run");
    let dir = case.out("run");
    let matrix = file::read(&dir.join("trials.parquet")).expect("a table of trials");
    assert_eq!(matrix.trials().iter().map(|trial| trial.weight).sum::<u64>(), summary.configurations);
    let found = summary.symbols[0].verdict.as_ref().expect("a verdict");
    assert_eq!(found.grade, "refused", "hours are too short: {found:?}");
    assert!(found.checks[0].name == "length" && found.checks[0].text.contains("would do"), "{found:?}");
    let json = |path: &str| -> Json {
        serde_json::from_str(&std::fs::read_to_string(dir.join(path)).expect("a file")).expect("JSON")
    };
    assert_eq!(json("summary.json")["verdict"]["sentence"], found.sentence.as_str());
    let best = std::fs::read_to_string(dir.join("best.yml")).expect("best.yml");
    assert!(best.contains("verdict: \"refused\""), "{best}");
    let output = |line: &[&str]| -> Output { Command::new(SWEEP).args(line).output().expect("it starts") };
    let run = dir.display().to_string();
    let printed = output(&["evidence", &run, "--json"]);
    assert!(printed.status.success(), "{}", String::from_utf8_lossy(&printed.stderr));
    let read: Json = serde_json::from_slice(&printed.stdout).expect("JSON");
    assert_eq!(read["evidence"]["configurations"], summary.configurations);
    let shown = output(&["show", &run]);
    assert!(String::from_utf8_lossy(&shown.stdout).contains("Refused."), "{}", String::from_utf8_lossy(&shown.stdout));
}

/// A grid whose four hours in sample have intervals of a minute, and a trade every few of them: enough to judge.
fn minutes() -> Case {
    let grid = [
        ("[0.0001, 0.0003]", "[0.0, 0.00005]"),
        ("{ from = 0.001, to = 0.003, step = 0.001 }", "{ from = 0.0002, to = 0.0006, step = 0.0002 }"),
        ("min_diff == 0.0003 and locking.g_pct == 0.002", "min_diff == 0.00005 and locking.g_pct == 0.0004"),
    ];
    let case = Case::new(&grid.iter().fold(GRID.to_string(), |text, (from, to)| text.replace(from, to)));
    let base = case.out("base.yml");
    let text = std::fs::read_to_string(&base).expect("base.yml");
    let strategy = [
        ("t_max_sec: 600", "t_max_sec: 30"),
        ("max_sec: 300", "max_sec: 10"),
        ("funding_spread_bps: 1.0", "funding_spread_bps: -100"),
        ("min_target_return: -0.002", "min_target_return: -0.1"),
    ];
    let text = strategy.iter().fold(text, |text, (from, to)| text.replace(from, to));
    // as much capital in any part of the time
    let account = "stats: {interval_sec: 60}\ncapital: {lighter: 1000, grvt: 1000}\n";
    std::fs::write(&base, text + account).expect("writes");
    case
}

/// What each configuration earned in the base world, by id.
fn earned(dir: &Path) -> BTreeMap<String, f64> {
    let table = std::fs::File::open(dir.join("results.parquet")).expect("a file");
    let reader = ParquetRecordBatchReaderBuilder::try_new(table).expect("parquet").build().expect("rows");
    let mut earned = BTreeMap::new();
    for batch in reader {
        let batch = batch.expect("rows");
        let column = |name: &str| batch.column_by_name(name).expect("a column").clone();
        let ids = arrow::compute::cast(&column("id"), &arrow::datatypes::DataType::Utf8).expect("text");
        let (ids, nets) = (ids.as_string::<i32>().clone(), column("net_pnl"));
        for (id, net) in ids.iter().zip(nets.as_primitive::<Float64Type>()) {
            earned.entry(id.expect("an id").to_string()).or_insert(net.expect("a number"));
        }
    }
    earned
}

/// The evidence in a best.yml.
pub(crate) fn provenance(path: &Path) -> Json {
    fn json(value: &Value) -> Json {
        match value {
            Value::Null => Json::Null,
            Value::Bool(flag) => (*flag).into(),
            Value::Num(num) => num.as_i64().map_or(num.as_f64().into(), Json::from),
            // numbers with an exponent are texts to the reader of strategy files
            Value::Text(text) => text.parse().map_or(text.as_str().into(), |number: f64| number.into()),
            Value::List(items) => items.iter().map(json).collect(),
            Value::Map(entries) => {
                Json::Object(entries.iter().map(|(key, value)| (key.clone(), json(value))).collect())
            }
        }
    }
    json(perpx::read_config(path).expect("best.yml").provenance().expect("where it comes from"))["evidence"].take()
}

/// The choices of the walk-forward are run again from flat: each earns what a run of its own over those hours earns.
#[test]
fn choices_of_the_walk_forward_are_run_again() {
    let case = minutes();
    run(&case.options("run")).expect("a run");
    let dir = case.out("run");
    let walk = provenance(&dir.join("best.yml"))["found"]["walk_forward"].clone();
    assert_eq!(walk["run_again"], true, "{walk}");
    let folds = walk["runs"].as_array().expect("folds");
    assert_eq!(folds.len(), 5);
    let net = |fold: &Json| fold["net"].as_f64().expect("a share");
    near(&walk["net"], folds.iter().map(net).sum());
    let matrix = file::read(&dir.join("trials.parquet")).expect("a table of trials");
    for fold in [&folds[0], &folds[4]] {
        let atom = |at: usize| fold["test"][at].as_u64().expect("an atom") as usize;
        let minute = |atom: usize| 120 + matrix.frame.intervals(0..atom);
        let at = |minute: u32| format!("2026-01-05T{:02}:{:02}:00Z", minute / 60, minute % 60);
        let sets = [
            format!("data.from={}", at(minute(atom(0)))),
            format!("data.to={}", at(minute(atom(1)))),
            "validate.holdout=0".to_string(),
        ];
        let own = Options { sets: sets.to_vec(), ..case.options(&format!("fold-{}", atom(0))) };
        run(&own).map(drop).unwrap_or_else(|error| panic!("{error}"));
        let pick = fold["pick"].as_str().expect("an id");
        // of 2,000 of capital
        let alone = earned(&own.out.expect("a folder"))[pick] / 2_000.0;
        assert!((alone - net(fold)).abs() < 1e-9, "{alone}, {fold}");
    }
}

/// Two runs over the same hours: what one winner earned more than the other has an error, and one against itself has none.
#[test]
fn a_difference_between_two_runs_has_its_error() {
    let case = minutes();
    let other = ["locking.t_max_sec=20".to_string()];
    run(&case.options("one")).expect("a run");
    run(&Options { sets: other.to_vec(), ..case.options("two") }).expect("a run");
    let [one, two] = ["one", "two"].map(|name| case.out(name).display().to_string());
    let output = |line: &[&str]| Command::new(SWEEP).args(line).output().expect("it starts").stdout;
    let of = |a: &str, b: &str| -> Json {
        let found: Json = serde_json::from_slice(&output(&["compare", a, b, "--json"])).expect("JSON");
        found["comparison"]["symbols"][0]["differences"].clone()
    };
    let same = of(&one, &one);
    assert!(same.as_array().is_some_and(|all| all.len() == 3) && same[0]["found"].is_null(), "{same}");
    let found = of(&one, &two);
    let [there, back] = [&found[0]["found"], &of(&two, &one)[0]["found"]];
    assert_eq!(found[0]["of"], "B's winner in B less A's winner in A");
    near(&there["net"], -back["net"].as_f64().expect("a share"));
    assert!(there["net_error"].as_f64() > Some(0.0), "{found}");
    let text = String::from_utf8(output(&["compare", &one, &two])).expect("text");
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    for part in ["B's winner in B less A's winner in A: ", "one standard error", "larger than its error"] {
        assert!(text.contains(part), "{part} in {text}");
    }
}

/// What was tried is counted over runs: the same grid once, another grid over the same hours on top, other hours apart; and
/// how often the held-out hours were looked at.
#[test]
fn trials_are_counted_over_runs() {
    let case = minutes();
    let log = case.out("shared.jsonl");
    let total = |out: &str, sets: &[&str]| {
        let options = Options {
            trials: TrialLog::File(log.clone()),
            sets: sets.iter().map(|set| set.to_string()).collect(),
            ..case.options(out)
        };
        let summary = run(&options).expect("a run");
        let evidence = provenance(&case.out(out).join("best.yml"));
        let sentence = summary.symbols[0].verdict.as_ref().expect("a verdict").sentence.clone();
        (evidence["trials"]["total"].clone(), evidence["facts"]["held_out"]["looks"].clone(), sentence)
    };
    let (tried, looks, sentence) = total("one", &[]);
    assert_eq!((tried, looks), (10.into(), 1.into()));
    assert!(!sentence.contains("on this data so far"), "{sentence}");
    assert_eq!(total("again", &[]).0, 10, "the same grid");
    // two of its points were tried before
    let (tried, looks, sentence) = total("other", &["locking.g_pct=0.0004"]);
    assert_eq!((tried, looks), (10.into(), 2.into()), "{sentence}");
    let (tried, looks, sentence) = total("new", &["locking.g_pct=0.0008"]);
    assert_eq!((tried, looks), (14.into(), 3.into()), "{sentence}");
    assert!(sentence.contains("14 on this data so far"), "{sentence}");
    let later = ["data.from=2026-01-05T09:00:00Z", "data.to=2026-01-05T15:00:00Z"];
    assert_eq!(total("later", &later).0, 10, "other hours");
    let text = std::fs::read_to_string(&log).expect("a log");
    assert_eq!(text.lines().count(), 4);
    let place = case.out("").display().to_string();
    assert!(
        !text.contains(&place) && !text.contains(".yml") && !text.contains("locking"),
        "no path and no key: {text}"
    );
    // a run that is read again is held against all of them, and nothing is written
    let printed = |args: &[&str]| {
        let mut command = Command::new(SWEEP);
        let dir = case.out("one").display().to_string();
        command.args(["evidence", &dir, "--json"]).args(args).env("PERPX_STATE", case.out("state"));
        let read: Json = serde_json::from_slice(&command.output().expect("it starts").stdout).expect("JSON");
        read["evidence"]["tried"].clone()
    };
    assert_eq!(printed(&["--log", &log.display().to_string()]), 14);
    assert_eq!(printed(&[]), 10);
    assert_eq!(std::fs::read_to_string(&log).expect("a log"), text);
    assert!(!case.out("state").exists());
    // nobody counts: that is said, and a winner is weak at best
    run(&case.options("unknown")).expect("a run");
    let evidence = provenance(&case.out("unknown").join("best.yml"));
    assert!(evidence["trials"]["total"].is_null() && evidence["facts"]["knows_trials"] == false, "{evidence}");
}
