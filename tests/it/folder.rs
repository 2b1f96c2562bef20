//! A run's folder: who may write to it, and what is left of an earlier run.

use crate::sweep::{Case, GRID, run};
use perpx::sweep::runs::{RunStatus, runs, text};
use perpx::sweep::{Options, SweepError};
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

fn with(options: Options, sets: &[&str]) -> Options {
    Options { sets: sets.iter().map(|set| set.to_string()).collect(), ..options }
}

fn names(dir: &Path) -> BTreeSet<String> {
    let entries = fs::read_dir(dir).expect("lists");
    entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned()).collect()
}

fn refused(options: &Options, words: &str) {
    let error = run(options).expect_err(words);
    assert!(error.to_string().contains(words), "{words}: {error}");
    assert_eq!(error.exit_code(), 2, "{error}");
}

#[test]
fn one_process_at_a_time_writes_to_it() {
    let case = Case::new(GRID);
    let dir = case.out("run");
    fs::create_dir_all(&dir).expect("a folder");
    let lock = fs::File::create(dir.join(".lock")).expect("a file");
    lock.lock().expect("locks");
    refused(&case.options("run"), "another perpx-sweep is writing here");
    assert_eq!(names(&dir), BTreeSet::from([".lock".to_string()]), "nothing was written");
    assert_eq!(
        runs(&case.out("")).expect("lists").iter().map(|run| run.state).collect::<Vec<_>>(),
        [RunStatus::Running]
    );
    lock.unlock().expect("unlocks");
    run(&case.options("run")).expect("runs");
}

/// Its commands answer for it in JSON, which knows no other bytes than UTF-8.
#[cfg(unix)]
#[test]
fn a_name_that_is_no_text_is_shown_with_a_mark_in_its_place() {
    use std::os::unix::ffi::OsStrExt;
    let case = Case::new(GRID);
    let dir = case.out("runs").join(std::ffi::OsStr::from_bytes(b"run\xff"));
    let summary = run(&Options { out: Some(dir.clone()), ..case.options("run") }).expect("runs");
    let listed = runs(&case.out("runs")).expect("lists");
    let shown = perpx::sweep::show::read(&dir, None).expect("a run").json(1);
    for text in [serde_json::to_string(&summary).expect("JSON"), serde_json::to_string(&listed).expect("JSON"), shown] {
        assert!(text.contains("run\u{fffd}"), "{text}");
    }
}

#[test]
fn a_summary_whose_rows_do_not_fit_its_columns_is_refused() {
    let case = Case::new(GRID);
    run(&case.options("run")).expect("runs");
    let path = case.out("run").join("summary.json");
    let text = fs::read_to_string(&path).expect("a summary");
    let mut summary: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    summary["rows"][1]["values"] = serde_json::json!([]);
    fs::write(&path, summary.to_string()).expect("writes");
    let error = perpx::sweep::show::read(&case.out("run"), None).map(|_| ()).expect_err("refused").to_string();
    assert!(error.contains("summary.json: cannot be read: row 2 has 0 values, and there are"), "{error}");
}

#[test]
fn a_finished_run_is_replaced_by_another_grid_only_when_asked_to() {
    let case = Case::new(GRID);
    run(&case.options("run")).expect("runs");
    let dir = case.out("run");
    let (first, board) = (names(&dir), fs::read(dir.join("leaderboard.csv")).expect("a board"));
    // two strategy axes fewer: fewer pictures
    let narrow = ["locking.g_pct=0.001", "locking.on_lb=hold"];
    let other = with(case.options("run"), &narrow);
    refused(&other, "a finished run lies here, but its grid (strategy) differs");
    refused(&with(case.options("run"), &["seed=8"]), "differs: it was seed=7, now it is seed=8");
    assert_eq!(fs::read(dir.join("leaderboard.csv")).expect("a board"), board, "the run is as it was");
    // the same grid once more is the same run
    run(&case.options("run")).expect("runs");
    assert_eq!((names(&dir), fs::read(dir.join("leaderboard.csv")).expect("a board")), (first.clone(), board));

    fs::write(dir.join("mine.png"), "a picture of mine").expect("writes");
    run(&Options { fresh: true, ..other.clone() }).expect("replaces it");
    run(&with(case.options("clean"), &narrow)).expect("runs");
    let mut wanted = names(&case.out("clean"));
    assert!(first.difference(&wanted).any(|name| name.starts_with("heatmap-")), "{wanted:?}");
    wanted.insert("mine.png".to_string());
    assert_eq!(names(&dir), wanted, "pictures of the first run are gone, other files are not");

    // an interrupted replacement goes on without a word
    let stopped = Options { fresh: true, stop_after: Some(2), ..case.options("run") };
    assert!(matches!(run(&stopped), Err(SweepError::Interrupted)));
    run(&case.options("run")).expect("goes on");
}

#[test]
fn other_data_is_another_run() {
    let case = Case::new(GRID);
    run(&case.options("run")).expect("runs");
    let path = case.out("run").join("run.json");
    let record = fs::read_to_string(&path).expect("reads");
    let at = record.find("\"fingerprint\": \"").expect("a fingerprint") + 16;
    fs::write(&path, format!("{}0000{}", &record[..at], &record[at + 4..])).expect("writes");
    refused(&case.options("run"), "a finished run lies here, but its data differs: it was 0000");
}

#[test]
fn a_run_of_another_version_is_not_replaced_unasked() {
    let case = Case::new(GRID);
    run(&case.options("run")).expect("runs");
    let path = case.out("run").join("run.json");
    let text = fs::read_to_string(&path).expect("reads").replace("\"objective\": {", "\"goal\": {");
    fs::write(&path, text).expect("writes");
    refused(&case.options("run"), "a finished run lies here, but its version differs");
    assert_eq!(runs(&case.out("")).expect("lists")[0].state, RunStatus::Finished);
    run(&Options { fresh: true, ..case.options("run") }).expect("replaces it");
}

#[test]
fn runs_are_listed_with_where_they_stand() {
    let case = Case::new(GRID);
    run(&case.options("done")).expect("runs");
    let stopped = Options { stop_after: Some(2), ..case.options("half") };
    assert!(matches!(run(&stopped), Err(SweepError::Interrupted)));
    fs::create_dir_all(case.out("notes")).expect("a folder of something else");
    let found = runs(&case.out("")).expect("lists");
    let states: Vec<_> = found.iter().map(|run| (run.dir.file_name().expect("a name").to_owned(), run.state)).collect();
    assert_eq!(states, [("done".into(), RunStatus::Finished), ("half".into(), RunStatus::Unfinished)]);
    assert_eq!(found[0].symbols[0].configurations, 10);
    let shown = text(&case.out(""), &found, 200);
    for words in ["finished", "unfinished", "BTC", "net PnL", "this"] {
        assert!(shown.contains(words), "{words} in {shown}");
    }
    assert_eq!(runs(&case.out("absent")).expect_err("no folder").exit_code(), 2);
}

#[test]
fn a_folder_in_which_a_run_would_mix_with_other_things_is_refused() {
    let case = Case::new(GRID);
    fs::create_dir_all(case.out("charts")).expect("a folder");
    fs::write(case.out("charts").join("notes.md"), "mine").expect("writes");
    for fresh in [false, true] {
        refused(&Options { fresh, ..case.options("charts") }, "it holds notes.md, which is no run's");
    }
    assert_eq!(names(&case.out("charts")).len(), 1);
    run(&case.options("run")).expect("runs");
    refused(&case.options("run/inner"), "it lies in the folder of the run");
    refused(&case.options("grid.toml"), "it is a file");
}
