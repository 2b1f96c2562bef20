//! Searches: which points are tried, the same on any number of threads and however often a run was killed; and points that
//! another program asks for.

use crate::sweep::{Case, GRID, run};
use arrow::array::AsArray;
use arrow::datatypes::Float64Type;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use perpx::sweep::{Options, SweepError};
use serde_json::{Value as Json, json};
use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// The small grid as a search: one axis without a step, one that counts only where the lower bound is held.
fn searched(method: &str, points: u32) -> Case {
    let axes = "\"thresholds.trend_strength.min_diff\" = [0.0001, 0.0003]\n\"locking.g_pct\" = { from = 0.001, to = 0.003, step = 0.001 }\n";
    let search = format!(
        "[search]\nmethod = \"{method}\"\npoints = {points}\nseed = 5\n[search.axes]\n\
         \"thresholds.trend_strength.min_diff\" = {{ from = 0.00005, to = 0.0005 }}\n\
         \"locking.g_pct\" = {{ from = 0.001, to = 0.003, step = 0.001, when = \"locking.on_lb == 'hold'\" }}\n"
    );
    let skip = "skip = [\"thresholds.trend_strength.min_diff == 0.0003 and locking.g_pct == 0.002\"]\n";
    Case::new(&(GRID.replace(axes, "").replace(&format!("[where]\n{skip}"), "") + &search))
}

/// (id, min_diff, g_pct) of each configuration.
fn tried(dir: &Path) -> BTreeSet<String> {
    let table = fs::File::open(dir.join("results.parquet")).expect("a file");
    let reader = ParquetRecordBatchReaderBuilder::try_new(table).expect("parquet").build().expect("rows");
    let mut out = BTreeSet::new();
    for batch in reader {
        let batch = batch.expect("rows");
        let ids = arrow::compute::cast(batch.column_by_name("id").expect("ids"), &arrow::datatypes::DataType::Utf8);
        let ids = ids.expect("text");
        let axis = |name: &str| batch.column_by_name(name).expect("an axis").as_primitive::<Float64Type>().clone();
        let (diff, g) = (axis("thresholds.trend_strength.min_diff"), axis("locking.g_pct"));
        for row in 0..batch.num_rows() {
            let id = ids.as_string::<i32>().value(row);
            let g = g.iter().nth(row).flatten();
            out.insert(format!("{id} {} {g:?}", diff.value(row)));
        }
    }
    out
}

#[test]
fn a_search_names_the_same_points_however_it_runs() {
    for (method, points) in [("sobol", 24), ("random", 24), ("probe", 40)] {
        let case = searched(method, points);
        let whole = run(&Options { threads: Some(1), ..case.options("one") }).expect("a run");
        assert_eq!((whole.configurations, whole.search), (u64::from(points), method));
        let wanted = case.files("one");
        run(&Options { threads: Some(3), ..case.options("three") }).expect("a run");
        assert!(case.files("three") == wanted, "{method}: three threads");
        for after in [2, 9, 17] {
            let stopped = Options { stop_after: Some(after), ..case.options("resumed") };
            assert!(matches!(run(&stopped), Err(SweepError::Interrupted)), "{method}: after {after}");
        }
        run(&case.options("resumed")).expect("goes on");
        assert!(case.files("resumed") == wanted, "{method}: resumed");
        let points = tried(&case.out("one"));
        assert_eq!(points.len(), whole.configurations as usize, "none twice");
        let held = points.iter().filter(|line| line.ends_with("None")).count();
        assert!(held > 0 && held < points.len(), "{method}: where the bound is closed g_pct says nothing");
        let other = Options { sets: vec!["search.seed=6".to_string()], ..case.options("other") };
        run(&other).expect("a run");
        assert!(tried(&case.out("other")) != points, "{method}: another seed");
        let best = fs::read_to_string(case.out("one").join("best.yml")).expect("best.yml");
        assert!(best.contains("neighbours_median: ") && !best.contains("neighbours_median: null"), "{method}: {best}");
    }
}

/// A probe goes on from the best of its start: what it finds is no worse than the sequence alone.
#[test]
fn a_probe_finds_no_less_than_the_sequence_it_begins_with() {
    let objective = |method: &str, points: u32| {
        let case = searched(method, points);
        run(&case.options("run")).expect("a run").symbols[0].objective.expect("a number")
    };
    assert!(objective("probe", 300) >= objective("sobol", 256));
}

/// Worlds that cannot change the leaderboard are left out, and nothing else changes: not with the threads, nor when killed.
#[test]
fn worlds_that_settle_nothing_are_not_run() {
    let grid = GRID
        .replace("[0.0001, 0.0003]", "[0.00005, 0.0001, 0.00015, 0.0002, 0.00025, 0.0003]")
        .replace("{ from = 0.001, to = 0.003, step = 0.001 }", "{ from = 0.001, to = 0.003, step = 0.00001 }")
        .replace("require = [\"trades >= 1\"]\n", "")
        .replace("from = 2026-01-05T02:00:00Z", "from = 2026-01-05T06:00:00Z");
    let case = Case::new(&(grid + "[search]\nprune = false\n"));
    let whole = run(&Options { chunk: 1 << 14, ..case.options("whole") }).expect("a run");
    let pruned = |out: &str| Options {
        sets: vec!["search.prune=true".to_string()],
        chunk: 1 << 14,
        barrier: 1_050,
        ..case.options(out)
    };
    let found = run(&Options { threads: Some(1), ..pruned("one") }).expect("a run");
    assert!(whole.pruned == 0 && found.pruned > 0, "{} rows", found.pruned);
    let table = |out: &str| fs::read_to_string(case.out(out).join("leaderboard.csv")).expect("a leaderboard");
    assert!(table("one") == table("whole"), "what is listed is exact");
    let wanted = case.files("one");
    let stopped = Options { stop_after: Some(9), ..pruned("resumed") };
    assert!(matches!(run(&stopped), Err(SweepError::Interrupted)));
    run(&pruned("resumed")).expect("goes on");
    assert!(case.files("resumed") == wanted, "resumed, on two threads");
}

/// A leaderboard, cut at its commas.
struct Board {
    head: Vec<String>,
    lines: Vec<Vec<String>>,
}

impl Board {
    /// Of a run's folder.
    fn of(run: &Path) -> Board {
        let text = fs::read_to_string(run.join("leaderboard.csv")).expect("a leaderboard");
        let mut lines = text.lines().map(|line| line.split(',').map(str::to_string).collect::<Vec<_>>());
        Board { head: lines.next().expect("a head"), lines: lines.collect() }
    }

    fn column(&self, name: &str) -> usize {
        self.head.iter().position(|known| known == name).unwrap_or_else(|| panic!("{name}"))
    }
}

/// Of several objectives the front is what none beats, and the winner is on it, near its knee; the same bytes however it runs.
#[test]
fn several_objectives_make_a_front_that_names_the_winner() {
    let grid = GRID
        .replace("metric = \"net_pnl\"", "metrics = [\"net_pnl\", \"-max_drawdown_pct\"]")
        .replace("[0.0001, 0.0003]", "[0.00005, 0.0001, 0.00015, 0.0002, 0.00025, 0.0003]");
    let case = Case::new(&grid);
    let whole = run(&Options { threads: Some(1), ..case.options("one") }).expect("a run");
    let board = Board::of(&case.out("one"));
    let column = |name: &str| board.column(name);
    let of = |line: &[String], name: &str| line[column(name)].parse::<f64>().ok();
    // id, money, drawdown, on the front; of those that can win
    let points: Vec<(String, f64, f64, bool)> = board
        .lines
        .iter()
        .filter(|line| line[column("meets_require")] == "true")
        .filter_map(|line| {
            let values = (of(line, "objective_net_pnl")?, of(line, "objective_max_drawdown_pct")?);
            Some((line[column("id")].clone(), values.0, values.1, line[column("on_front")] == "true"))
        })
        .collect();
    for (id, money, drawdown, on_front) in &points {
        let beats =
            |(_, m, d, _): &&(String, f64, f64, bool)| m >= money && d <= drawdown && (m, d) != (money, drawdown);
        assert_eq!(points.iter().find(beats).is_none(), *on_front, "{id}");
    }
    let count = points.iter().filter(|point| point.3).count();
    assert!(count > 1 && count < points.len(), "{count} of {}", points.len());
    assert!(points[..count].iter().all(|point| point.3), "the front ranks first");
    let best = whole.symbols[0].best.clone().expect("a winner");
    assert_eq!(points[0].0, best);
    let yml = fs::read_to_string(case.out("one").join("best.yml")).expect("best.yml");
    assert!(yml.contains(&best) && yml.contains("beside:"), "{yml}");
    let page = fs::read_to_string(case.out("one").join("report.html")).expect("a page");
    assert!(page.contains("Several objectives: the front"));
    let wanted = case.files("one");
    run(&Options { threads: Some(3), ..case.options("three") }).expect("a run");
    assert!(case.files("three") == wanted);
}

/// Ranked by plateaus: the lower median of each configuration and those a step of numbers away, worked out here from the
/// leaderboard; the same bytes however it runs, and in the comparison of a run with itself.
#[test]
fn a_ranking_by_plateaus_is_that_of_medians_over_neighbours() {
    let grid = GRID
        .replace("metric = \"net_pnl\"", "metric = \"net_pnl\"\nrank = \"plateau\"")
        .replace("[0.0001, 0.0003]", "[0.00005, 0.0001, 0.00015, 0.0002, 0.00025, 0.0003]");
    let case = Case::new(&grid);
    let whole = run(&Options { threads: Some(1), ..case.options("one") }).expect("a run");
    let board = Board::of(&case.out("one"));
    let column = |name: &str| board.column(name);
    let number = |text: &str| text.parse::<f64>().ok();
    // place by steps, worth, plateau score; in the order of the ranking
    let points: Vec<([i64; 3], f64, Option<f64>)> = board
        .lines
        .iter()
        .map(|line| {
            let step = |name: &str, size: f64| (number(&line[column(name)]).expect("a number") / size).round() as i64;
            let diff = step("thresholds.trend_strength.min_diff", 0.00005);
            let place = [diff, step("locking.g_pct", 0.001), i64::from(line[column("locking.on_lb")] == "hold")];
            let worth = number(&line[column("objective_net_pnl")]).filter(|_| line[column("meets_require")] == "true");
            (place, worth.unwrap_or(f64::NEG_INFINITY), number(&line[column("net_pnl_plateau")]))
        })
        .collect();
    assert_eq!(points.len() as u64, whole.configurations);
    let mut scores = Vec::new();
    for (place, worth, shown) in &points {
        let beside = |(other, _, _): &&([i64; 3], f64, Option<f64>)| {
            let moved = (0..2).map(|axis| (place[axis] - other[axis]).abs()).sum::<i64>();
            moved == 1 && place[2] == other[2]
        };
        let mut around: Vec<f64> = points.iter().filter(beside).map(|point| point.1).collect();
        let score = (around.len() >= 2).then(|| {
            around.push(*worth);
            around.sort_by(f64::total_cmp);
            around[(around.len() - 1) / 2]
        });
        assert_eq!(score.filter(|score| score.is_finite()), *shown, "{place:?}");
        scores.push((score, *worth));
    }
    let meeting: Vec<_> = scores.iter().filter(|(_, worth)| worth.is_finite()).collect();
    assert!(meeting.is_sorted_by(|a, b| a >= b), "{meeting:?}");
    assert!(!meeting.is_sorted_by(|a, b| a.1 >= b.1), "the objective would rank otherwise");
    assert!(scores.iter().any(|(score, _)| score.is_none()), "[where] leaves one with too few neighbours");
    let read = |name: &str| fs::read_to_string(case.out("one").join(name)).expect("a file");
    assert!(read("best.yml").contains("rank: \"plateau\""));
    let text = perpx::sweep::show::read(&case.out("one"), None).expect("a run").text(3, 400);
    assert!(text.contains("ranked by plateau: the lower median of net PnL over each and its neighbours"), "{text}");
    let wanted = case.files("one");
    run(&Options { threads: Some(3), ..case.options("three") }).expect("a run");
    assert!(case.files("three") == wanted);
    let found = perpx::sweep::compare::compare(&case.out("one"), &case.out("three"), 3).expect("a comparison");
    let winner = found.symbols[0].winners[0].as_ref().expect("a winner");
    let ranks = winner.places.each_ref().map(|place| place.as_ref().map(|place| place.rank));
    assert_eq!((Some(winner.id.clone()), ranks), (whole.symbols[0].best.clone(), [Some(1); 2]));
}

struct Asking {
    child: Child,
    lines: std::io::Lines<BufReader<std::process::ChildStdout>>,
}

impl Asking {
    fn begin(case: &Case, out: &str, more: &[&str]) -> Asking {
        let mut command = Command::new(env!("CARGO_BIN_EXE_perpx-sweep"));
        command
            .arg(case.out("grid.toml"))
            .arg("--out")
            .arg(case.out(out))
            .args(["--quiet", "--threads", "2"])
            .args(more);
        command
            .env("PERPX_STATE", case.out("state"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn().expect("it starts");
        let lines = BufReader::new(child.stdout.take().expect("an output")).lines();
        Asking { child, lines }
    }

    fn hear(&mut self) -> Json {
        serde_json::from_str(&self.lines.next().expect("a line").expect("text")).expect("JSON")
    }

    fn say(&mut self, line: &Json) {
        writeln!(self.child.stdin.as_mut().expect("an input"), "{line}").expect("it listens");
    }

    fn ask(&mut self, trials: &[(u64, Json)]) -> Json {
        let asked: Vec<Json> =
            trials.iter().map(|(number, params)| json!({ "number": number, "params": params })).collect();
        self.say(&json!({ "ask": asked }));
        self.hear()
    }

    /// Hangs up; the exit code.
    fn end(mut self) -> Option<i32> {
        drop(self.child.stdin.take());
        self.child.wait().expect("it ends").code()
    }
}

fn params(min_diff: f64, g_pct: Option<f64>) -> Json {
    let bound = if g_pct.is_some() { "hold" } else { "close_long" };
    let mut params = json!({ "thresholds.trend_strength.min_diff": min_diff, "locking.on_lb": bound });
    if let Some(g_pct) = g_pct {
        params["locking.g_pct"] = json!(g_pct);
    }
    params
}

/// A conversation to its end; and the same one broken off after its first answer and begun again.
#[test]
fn another_program_asks_and_is_answered() {
    let case = searched("external", 600);
    let first = [(1, params(0.0002, Some(0.002))), (2, params(0.0002, None)), (3, params(0.0004, Some(0.0011)))];
    let second = [(4, params(0.00031, None)), (5, params(0.0002, None))];
    let talk = |asking: &mut Asking| {
        let header = asking.hear();
        assert_eq!(
            (&header["perpx"], &header["budget"], &header["told"]),
            (&json!("ask-tell/1"), &json!(600), &json!(256))
        );
        assert_eq!(header["objectives"], json!([{ "metric": "net_pnl", "direction": "maximize" }]));
        let names: Vec<&str> =
            header["space"].as_array().expect("axes").iter().filter_map(|axis| axis["name"].as_str()).collect();
        assert_eq!(names, ["locking.on_lb", "thresholds.trend_strength.min_diff", "locking.g_pct"]);
        assert_eq!(header["space"][2]["when"], "locking.on_lb == 'hold'");
        assert_eq!(header["space"][1]["kind"], "float");
        let answer = asking.ask(&first);
        let tells = answer["tell"].as_array().expect("answers").clone();
        assert_eq!(tells.iter().map(|tell| tell["number"].as_u64()).collect::<Vec<_>>(), [Some(1), Some(2), Some(3)]);
        for tell in &tells {
            assert_eq!(tell["state"], "complete", "{tell}");
            assert!(
                tell["values"][0].is_number() && tell["constraints"][0].is_number() && tell["id"].is_string(),
                "{tell}"
            );
        }
        tells
    };
    let mut asking = Asking::begin(&case, "whole", &[]);
    let tells = talk(&mut asking);
    let again = asking.ask(&second)["tell"].clone();
    assert_eq!((&again[1]["id"], &again[1]["values"]), (&tells[1]["id"], &tells[1]["values"]), "known already");
    asking.say(&json!({ "done": true }));
    let report = asking.hear();
    assert!(report["report"].as_str().is_some_and(|dir| Path::new(dir).join("best.yml").is_file()), "{report}");
    assert_eq!(asking.end(), Some(0));
    // some of the points nearest to what was asked were in the reference sample
    assert!((257..=260).contains(&tried(&case.out("whole")).len()));

    let mut asking = Asking::begin(&case, "broken", &[]);
    assert_eq!(talk(&mut asking), tells);
    assert_eq!(asking.end(), Some(130), "who hangs up without a last word may come back");
    // another sampler is not let in
    let mut asking = Asking::begin(&case, "broken", &[]);
    asking.hear();
    let refused = asking.ask(&second);
    assert!(refused["error"].as_str().is_some_and(|error| error.contains("other trials than before")), "{refused}");
    assert_eq!(asking.end(), Some(2));
    let mut asking = Asking::begin(&case, "broken", &[]);
    assert_eq!(talk(&mut asking), tells);
    asking.ask(&second);
    asking.say(&json!({ "done": true }));
    asking.hear();
    assert_eq!(asking.end(), Some(0));
    assert!(case.files("broken") == case.files("whole"), "the same bytes");
}

#[test]
fn what_cannot_be_asked_ends_the_conversation() {
    let case = searched("external", 300);
    for (line, words) in [
        (
            json!({ "ask": [{ "number": 1, "params": { "locking.nothing": 3 } }] }),
            "is no axis; accepted: locking.on_lb",
        ),
        (json!({ "ask": [{ "number": 1, "params": params(0.9, None) }] }), "accepted: from 0.00005 to 0.0005"),
        (json!({ "ask": [{ "number": 1, "params": { "locking.on_lb": "hold" } }] }), "there is no value of"),
        (
            json!({ "ask": [{ "number": 1, "params": params(0.0002, None) }, { "number": 1, "params": params(0.0003, None) }] }),
            "each number once",
        ),
        (json!({ "tell": [] }), "accepted: {\"ask\""),
        (
            json!({ "ask": (0..50).map(|n| json!({ "number": n, "params": params(0.0002, None) })).collect::<Vec<_>>() }),
            "at most 44 now",
        ),
    ] {
        let mut asking = Asking::begin(&case, "run", &[]);
        assert_eq!(asking.hear()["told"], 256);
        asking.say(&line);
        let answer = asking.hear();
        assert!(answer["error"].as_str().is_some_and(|error| error.contains(words)), "{words} in {answer}");
        assert_eq!((answer["exit"].as_u64(), asking.end()), (Some(2), Some(2)));
    }
}
