//! The runs of a folder, and how each stands.

use crate::error::SweepError;
use crate::inspect::show;
use crate::results::folder::{LOCK, RECORD, is_checkpoint, is_run, listed, record};
use perpx_core::units::Time;
use perpx_data::text::{count, duration, table};
use serde::Serialize;
use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    Finished,
    /// Interrupted; the same command goes on.
    Unfinished,
    /// A process writes here.
    Running,
}

/// One run of a folder of runs.
#[derive(Clone, Debug, Serialize)]
pub struct Listed {
    pub dir: PathBuf,
    pub state: State,
    /// Of the finished run.
    pub grid_file: Option<String>,
    pub grid_hash: Option<String>,
    pub code: Option<String>,
    pub finished: Option<Time>,
    pub seconds: Option<f64>,
    pub symbols: Vec<ListedSymbol>,
}

#[derive(Clone, Debug, Serialize)]
pub struct ListedSymbol {
    pub symbol: String,
    pub configurations: u64,
    /// What the first of them is worth, with the metric's name.
    pub best: Option<String>,
}

/// The runs in `dir`, by name; `dir` itself when it is a run's.
///
/// # Errors
/// The folder cannot be listed.
pub fn runs(dir: &Path) -> Result<Vec<Listed>, SweepError> {
    if !dir.is_dir() {
        let what = "there is no such folder; accepted: a folder of runs, such as reports".to_string();
        return Err(SweepError::Missing { path: dir.to_path_buf(), what });
    }
    if is_run(dir) {
        return Ok(vec![look(dir)?]);
    }
    listed(dir)?.iter().filter(|path| path.is_dir() && is_run(path)).map(|path| look(path)).collect()
}

fn look(dir: &Path) -> Result<Listed, SweepError> {
    let is_running =
        File::open(dir.join(LOCK)).is_ok_and(|lock| matches!(lock.try_lock(), Err(TryLockError::WouldBlock)));
    let record = record(dir);
    let state = match (is_running, &record) {
        (true, _) => State::Running,
        (false, Some(_)) if !listed(dir)?.iter().any(|path| is_checkpoint(path)) => State::Finished,
        _ => State::Unfinished,
    };
    let text = |key: &str| record.as_ref().and_then(|record| record[key].as_str()).map(str::to_string);
    let finished = record.as_ref().and_then(|_| fs::metadata(dir.join(RECORD)).ok()?.modified().ok());
    let finished = finished.and_then(|time| time.duration_since(std::time::UNIX_EPOCH).ok());
    let all = record.iter().flat_map(|record| record["symbols"].as_array().into_iter().flatten());
    let told = record.as_ref().and_then(|_| show::read(dir, None).ok());
    let best = |name: &str| {
        let told = told.as_ref()?.told.iter().find(|told| told.symbol == name)?;
        let value = told.rows.first()?.values.first()?;
        let column = told.columns.first()?;
        Some(format!("{} {}", column.title.split(',').next()?, told.figure(*value, column.unit)))
    };
    let symbols = all.map(|symbol| {
        let name = symbol["symbol"].as_str().unwrap_or_default().to_string();
        let configurations = symbol["configurations"].as_u64().unwrap_or(0);
        ListedSymbol { best: best(&name), symbol: name, configurations }
    });
    Ok(Listed {
        dir: dir.to_path_buf(),
        state,
        grid_file: text("grid_file"),
        grid_hash: text("grid_hash"),
        code: text("code"),
        finished: finished.map(|since| Time(since.as_nanos() as i64)),
        seconds: record.as_ref().and_then(|record| record["seconds"].as_f64()),
        symbols: symbols.collect(),
    })
}

/// As a person reads it.
pub fn text(dir: &Path, runs: &[Listed], width: usize) -> String {
    if runs.is_empty() {
        return format!("{}: no runs", dir.display());
    }
    let head = ["run", "state", "symbol", "configurations", "best", "finished", "took", "code"];
    let mut rows = vec![head.map(str::to_string).to_vec()];
    for run in runs {
        let name = run.dir.display().to_string();
        let state = format!("{:?}", run.state).to_lowercase();
        let finished = run.finished.map(|time| time.to_second().to_string()).unwrap_or_default();
        let took = run.seconds.map(duration).unwrap_or_default();
        let code = match &run.code {
            Some(code) if code == crate::code::code_id() => "this".to_string(),
            code => code.clone().unwrap_or_default(),
        };
        let none = [ListedSymbol { symbol: String::new(), configurations: 0, best: None }];
        for symbol in if run.symbols.is_empty() { &none[..] } else { &run.symbols } {
            let configurations = if run.symbols.is_empty() { String::new() } else { count(symbol.configurations) };
            rows.push(vec![
                name.clone(),
                state.clone(),
                symbol.symbol.clone(),
                configurations,
                symbol.best.clone().unwrap_or_default(),
                finished.clone(),
                took.clone(),
                code.clone(),
            ]);
        }
    }
    table(&rows, width).trim_end().to_string()
}
