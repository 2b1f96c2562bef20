//! The manners of every command: help, completions, pipes, JSON, narrow terminals, exit codes.

use crate::sweep::{Case, GRID};
use perpx::sweep::{Options, TrialLog, sweep};
use serde_json::Value as Json;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;

const SWEEP: &str = env!("CARGO_BIN_EXE_perpx-sweep");
const DATA: &str = env!("CARGO_BIN_EXE_perpx-data");
const LIVE: &str = env!("CARGO_BIN_EXE_perpx-live");

/// Every command, without arguments.
pub(crate) const COMMANDS: [(&str, &[&str]); 3] = [
    (SWEEP, &["", "show", "compare", "explain", "audit", "evidence", "placebo", "runs", "keys", "completions"]),
    (
        DATA,
        &[
            "",
            "import",
            "check",
            "synth",
            "record",
            "backfill",
            "compact",
            "venue",
            "venue refresh",
            "emulate",
            "info",
            "columns",
            "cache",
            "completions",
        ],
    ),
    (LIVE, &["", "journal", "keys", "preflight", "probe", "arm"]),
];

fn command(program: &str, line: &str) -> Command {
    let mut command = Command::new(program);
    command.args(line.split_whitespace()).current_dir(env!("CARGO_MANIFEST_DIR")).env_remove("COLUMNS");
    command
}

fn run(program: &str, line: &str) -> Output {
    command(program, line).output().expect("it starts")
}

fn out(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn each() -> impl Iterator<Item = (&'static str, &'static str)> {
    COMMANDS.into_iter().flat_map(|(program, names)| names.iter().map(move |name| (program, *name)))
}

/// Two runs of a small grid, the second over other axis values: (grid folder, first, second).
fn runs() -> &'static (Case, String, String) {
    static RUNS: OnceLock<(Case, String, String)> = OnceLock::new();
    RUNS.get_or_init(|| {
        let case = Case::new(GRID);
        let path = |name: &str| case.out(name).display().to_string();
        let grid = case.out("grid.toml");
        for (name, sets) in [("one", vec![]), ("two", vec!["exit.max_sec=200".to_string()])] {
            let out = Some(case.out(name));
            let options = Options {
                threads: Some(2),
                quiet: true,
                out,
                sets,
                trials: TrialLog::Unknown,
                ..Options::new(grid.clone())
            };
            sweep(&options, &mut Vec::new()).expect("a run");
        }
        let (one, two) = (path("one"), path("two"));
        (case, one, two)
    })
}

/// Whoever records a result names the code by this word; a run's results carry the same one.
#[test]
fn the_version_names_the_code_of_the_results() {
    for (program, name) in [(SWEEP, "perpx-sweep"), (LIVE, "perpx-live")] {
        let text = out(&run(program, "--version"));
        assert_eq!(text.trim(), format!("{name} {} (code {})", env!("CARGO_PKG_VERSION"), perpx::sweep::code_id()));
    }
}

#[test]
fn every_help_fits_a_screen_and_shows_an_example() {
    for (program, name) in each() {
        let output = run(program, &format!("{name} --help"));
        let text = out(&output);
        assert_eq!(output.status.code(), Some(0), "{name}");
        assert!(text.lines().count() <= 24, "{name}: {} lines\n{text}", text.lines().count());
        assert!(text.lines().all(|line| line.chars().count() <= 80), "{name}\n{text}");
        assert!(text.contains("Example: perpx-"), "{name}\n{text}");
    }
}

#[test]
fn the_help_of_perpx_sweep_names_every_command() {
    let text = out(&run(SWEEP, "--help"));
    let command = <perpx::sweep::args::Cli as clap::CommandFactory>::command();
    for name in command.get_subcommands().map(clap::Command::get_name).filter(|name| *name != "help") {
        assert!(text.contains(name), "{name} in {text}");
        assert!(COMMANDS[0].1.contains(&name), "{name} is tested nowhere here");
    }
}

#[test]
fn an_unknown_flag_is_bad_input() {
    for (program, name) in each() {
        let output = run(program, &format!("{name} --nonsense"));
        assert_eq!(output.status.code(), Some(2), "{name}");
        assert!(output.stdout.is_empty() && !output.stderr.is_empty(), "{name}");
    }
}

/// What a slip of the pen is answered with.
#[test]
fn a_near_miss_is_told_what_was_meant() {
    let (case, one, _) = runs();
    let folder = case.out("");
    let set = "sweeps/quickstart.toml --dry-run --set fills.latency.order=200";
    for (program, line, wants) in [
        (SWEEP, format!("shwo {one}"), vec!["'shwo' is no command", "did you mean show?"]),
        (SWEEP, "audti x --json".to_string(), vec!["did you mean audit?"]),
        (
            SWEEP,
            set.to_string(),
            vec!["fills.latency.order: this is a section", "name the key, such as fills.latency.order."],
        ),
        (
            SWEEP,
            format!("show {}", folder.display()),
            vec!["run.json: cannot be read", "runs lie in this folder: ", "/one"],
        ),
        (LIVE, "--config nope.yml".to_string(), vec!["nope.yml: there is no such file", "reports/quickstart/best.yml"]),
    ] {
        let output = run(program, &line);
        let text = [out(&output), String::from_utf8_lossy(&output.stderr).into_owned()].concat();
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        assert_eq!(output.status.code(), Some(2), "{line}: {text}");
        wants.iter().for_each(|want| assert!(text.contains(want), "{want} in {text}"));
    }
}

#[test]
fn completions_are_written_for_every_shell() {
    for (program, line, word) in [
        (SWEEP, "completions", "--dry-run"),
        (DATA, "completions", "--updates-per-sec"),
        (LIVE, "--completions", "--speed"),
    ] {
        for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
            let output = run(program, &format!("{line} {shell}"));
            assert_eq!(output.status.code(), Some(0), "{shell}");
            assert!(out(&output).contains(word.trim_start_matches('-')), "{shell}");
        }
    }
}

/// Runs a command whose output nobody reads any more.
fn unheard(program: &str, line: &str) -> Option<i32> {
    let closed = || {
        let (reader, writer) = std::io::pipe().expect("a pipe");
        drop(reader);
        Stdio::from(writer)
    };
    // what went wrong would be printed for the one that listens
    let heard = command(program, line).stdout(closed()).output().expect("it starts");
    // a slow run says that it goes on
    let printed = String::from_utf8_lossy(&heard.stderr).into_owned();
    assert!(printed.lines().all(|text| text.contains(" so far") || text.contains(" left")), "{line}: {printed}");
    let status = command(program, line).stdout(closed()).stderr(closed()).status().expect("it starts");
    assert_eq!(status.code(), heard.status.code(), "{line}");
    status.code()
}

#[test]
fn a_closed_pipe_is_no_error() {
    let (case, one, two) = runs();
    let grid = case.out("grid.toml").display().to_string();
    let unread = case.out("unread").display().to_string();
    for line in [
        format!("show {one}"),
        format!("compare {one} {two} --json"),
        format!("audit {one}"),
        "completions bash".to_string(),
        "--help".to_string(),
        format!("{grid} --dry-run"),
        format!("{grid} --out {unread} --fresh --json"),
    ] {
        assert_eq!(unheard(SWEEP, &line), Some(0), "{line}");
    }
    assert_eq!(unheard(LIVE, &format!("--config {one}/best.yml --json")), Some(0));
    // a run that nobody listens to is a whole run
    assert!(Path::new(&unread).join("best.yml").is_file());
    for line in ["info data/sample", "check data/sample", "completions zsh", "synth --help"] {
        assert_eq!(unheard(DATA, line), Some(0), "{line}");
    }
}

#[test]
fn every_command_speaks_json_and_tells_errors_in_it() {
    let (case, one, two) = runs();
    let folder = |name: &str| case.out(name).display().to_string();
    let (grid, absent, made, again) = (folder("grid.toml"), folder("absent"), folder("made"), folder("again"));
    let json = |program: &str, line: &str, code: i32| -> Json {
        let output = run(program, line);
        assert_eq!(output.status.code(), Some(code), "{line}: {}", String::from_utf8_lossy(&output.stderr));
        let text = out(&output);
        let last = text.lines().last().unwrap_or_default();
        let value: Json = serde_json::from_str(last).unwrap_or_else(|e| panic!("{line}: {e} in {text}"));
        assert_eq!(value["exit"], code, "{line}");
        assert_eq!(value["error"].is_string(), [2, 4].contains(&code), "{line}: {last}");
        value
    };
    let shown = json(SWEEP, &format!("show {one} --json --top 2"), 0);
    assert_eq!(shown["symbols"][0]["rows"].as_array().map(Vec::len), Some(2));
    assert_eq!(json(SWEEP, &format!("compare {one} {two} --json"), 0)["comparison"]["symbols"][0]["shared"], 10);
    assert!(json(SWEEP, &format!("audit {one} --json"), 0)["audit"]["fills"].as_u64() > Some(0));
    assert_eq!(json(SWEEP, &format!("{grid} --dry-run --json --quiet"), 0)["summary"]["dry_run"], true);
    json(SWEEP, &format!("{absent} --json"), 2);
    let best = shown["symbols"][0]["rows"][0]["id"].as_str().expect("an id").to_string();
    assert_eq!(json(SWEEP, &format!("explain {one} {best} --json"), 0)["configuration"], best);
    json(SWEEP, &format!("explain {absent} {best} --json"), 2);
    let live = json(LIVE, &format!("--config {one}/best.yml --quiet --json"), 0);
    assert_eq!(live["report"]["matches"], true);
    json(LIVE, &format!("--config {absent} --json"), 2);
    json(LIVE, &format!("--config {one}/best.yml --mode live --json"), 4);
    json(SWEEP, &format!("show {absent} --json"), 2);
    assert!(json(SWEEP, &format!("runs {} --json", folder("")), 0)["runs"].as_array().map(Vec::len) >= Some(2));
    json(SWEEP, &format!("runs {absent} --json"), 2);
    assert_eq!(json(SWEEP, "keys g_pct --json", 0)["keys"][0]["path"], "locking.g_pct");
    json(SWEEP, "keys nonsense --json", 2);
    assert_eq!(json(DATA, "columns --json", 0)["columns"][0]["table"], "quotes");
    json(SWEEP, &format!("compare {one} {absent} --json"), 2);
    json(SWEEP, &format!("audit {absent} --json"), 2);
    let synth = json(DATA, &format!("synth --out {made} --start 2026-01-05 --days 1 --updates-per-sec 0.02 --json"), 0);
    assert!(synth["rows"].as_u64() > Some(0));
    json(DATA, &format!("synth --out {made} --start 2026-01-05 --days 0 --json"), 2);
    assert_eq!(json(DATA, &format!("info {made} --json"), 0)["info"]["tables"].as_array().map(Vec::len), Some(8));
    assert_eq!(json(DATA, &format!("check {made} --json"), 0)["verdict"], "fit");
    json(DATA, &format!("info {absent} --json"), 2);
    json(DATA, &format!("check {absent} --json"), 2);
    std::fs::write(case.out("q.csv"), "t,b,a\n1767614400,10,11\n").expect("written");
    let map = "[[file]]\npath = \"q.csv\"\ntable = \"quotes\"\nvenue = \"v\"\nsymbol = \"S\"\ntime_unit = \"s\"\n\
               feed_latency_ms = 5\ncolumns = { exch_ts = \"t\", bid_px = \"b\", ask_px = \"a\" }\n";
    std::fs::write(case.out("map.toml"), map).expect("written");
    let import = format!("import {} --from {} --store {again} --json", folder("map.toml"), folder(""));
    assert_eq!(json(DATA, &import, 0)["import"]["files"][0]["rows"], 1);
    // one venue: its row is sound, and there is nothing to sweep
    assert_eq!(json(DATA, &format!("check {again} --json"), 3)["verdict"], "alone");
    std::fs::write(case.out("q.csv"), "t,b,a\n1767614400,12,11\n").expect("written");
    json(DATA, &import, 2);
}

#[test]
fn sixty_columns_are_enough() {
    let (_, one, two) = runs();
    for (program, line) in [
        (SWEEP, format!("show {one}")),
        (SWEEP, format!("compare {one} {two}")),
        (SWEEP, "sweeps/quickstart.toml --dry-run".to_string()),
        (DATA, "check data/sample".to_string()),
        (DATA, "info data/sample".to_string()),
    ] {
        let output = command(program, &line).env("COLUMNS", "60").output().expect("it starts");
        assert_eq!(output.status.code(), Some(0), "{line}");
        for text in out(&output).lines().filter(|text| text.chars().count() > 60) {
            // a path that has no place to break at
            assert!(text.contains('/') || text.contains('"'), "{line}: {text}");
        }
        assert!(!out(&output).contains('\x1b'), "{line}: colours in a pipe");
    }
}

#[test]
fn a_run_is_shown_in_the_words_of_its_page() {
    let (case, one, _) = runs();
    let text = out(&run(SWEEP, &format!("show {one} --top 3")));
    for want in ["ranks first of", "What was tried", "The winner's values", "The best 3", "seed 7"] {
        assert!(text.contains(want), "{want} in {text}");
    }
    let page = std::fs::read_to_string(case.out("one").join("report.html")).expect("a page");
    let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let story = words(&text);
    let said = story.split("ranks first of ").nth(1).and_then(|rest| rest.split('.').next()).expect("a story");
    assert!(words(&page).contains(&format!("ranks first of {}", said.trim())), "{said}");
    let board = std::fs::read_to_string(case.out("one").join("leaderboard.csv")).expect("a board");
    for line in board.lines().skip(1).take(3) {
        let id = line.split(',').nth(2).expect("an id");
        assert!(text.contains(id), "{id} in {text}");
    }
}

#[test]
fn runs_are_compared_key_by_key_and_rank_by_rank() {
    let (_, one, two) = runs();
    let same = out(&run(SWEEP, &format!("compare {one} {one}")));
    for want in ["Grid, data, code and seed are the same.", "10 in both. Rank correlation 1.000", "rank"] {
        assert!(same.contains(want), "{want} in {same}");
    }
    let text = out(&run(SWEEP, &format!("compare {one} {two} --top 3")));
    for want in ["grid exit.max_sec", "300", "200", "matched by the values on their axes", "of the best 3 of each"] {
        assert!(text.contains(want), "{want} in {text}");
    }
    assert!(text.contains("not known: the range is too short to say"), "{text}");
    let missing = run(SWEEP, &format!("compare {one} data/sample"));
    let error = String::from_utf8_lossy(&missing.stderr).into_owned();
    assert_eq!(missing.status.code(), Some(2));
    assert!(
        error.contains("data/sample/run.json") && error.contains("accepted: the folder of a finished run"),
        "{error}"
    );
}
