//! The runs of a folder, and how each stands.

use crate::error::SweepError;
use crate::inspect::show;
use crate::results::folder::{LOCK, is_checkpoint, is_finished, is_run, listed};
use crate::results::manifest::{RUN_JSON, RunManifest};
use perpx_core::units::Time;
use perpx_data::text::{count, duration, table};
use serde::Serialize;
use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};

/// How a run stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum RunStatus {
    /// Its files are whole.
    Finished,
    /// Interrupted; the same command goes on.
    Unfinished,
    /// A process writes here.
    Running,
}

/// One run of a folder of runs.
#[derive(Clone, Debug, Serialize)]
pub struct Listed {
    /// The run's folder.
    #[serde(serialize_with = "perpx_data::path::serialize")]
    pub dir: PathBuf,
    /// How it stands.
    pub state: RunStatus,
    /// Of the finished run.
    pub grid_file: Option<String>,
    /// Hash of the canonical grid.
    pub grid_hash: Option<String>,
    /// The code that made it, see [`crate::code_id`].
    pub code: Option<String>,
    /// When its run.json was written.
    pub finished: Option<Time>,
    /// How long it took.
    pub seconds: Option<f64>,
    /// In the order of the grid.
    pub symbols: Vec<ListedSymbol>,
}

/// One symbol of a listed run.
#[derive(Clone, Debug, Serialize)]
pub struct ListedSymbol {
    /// As the store has it.
    pub symbol: String,
    /// Strategy points that ran.
    pub configurations: u64,
    /// What the winner is worth, with the metric's name.
    pub best: Option<String>,
    /// Why there is no winner, if there is none.
    pub no_winner: Option<String>,
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
    let state = match is_running {
        true => RunStatus::Running,
        false if is_finished(dir) && !listed(dir)?.iter().any(|path| is_checkpoint(path)) => RunStatus::Finished,
        _ => RunStatus::Unfinished,
    };
    let manifest = RunManifest::read(dir).ok();
    let finished = fs::metadata(dir.join(RUN_JSON)).and_then(|file| file.modified()).ok();
    let finished = finished.and_then(|time| time.duration_since(std::time::UNIX_EPOCH).ok());
    let summaries =
        manifest.as_ref().and_then(|manifest| show::summaries(dir, manifest, None).ok()).unwrap_or_default();
    let best = |name: &str| {
        let summary = summaries.iter().find(|summary| summary.symbol == name)?;
        let value = summary.rows.first()?.values.first()?;
        let column = summary.columns.first()?;
        Some(format!("{} {}", column.title.split(',').next()?, summary.figure(*value, column.unit)))
    };
    let symbols = manifest.iter().flat_map(|manifest| &manifest.symbols).map(|symbol| ListedSymbol {
        symbol: symbol.symbol.clone(),
        configurations: symbol.configurations,
        best: best(&symbol.symbol).filter(|_| symbol.no_winner.is_none()),
        no_winner: symbol.no_winner.clone(),
    });
    let symbols = symbols.collect();
    Ok(Listed {
        dir: dir.to_path_buf(),
        state,
        seconds: manifest.as_ref().map(|manifest| manifest.seconds),
        finished: finished.map(|since| Time(since.as_nanos() as i64)),
        grid_file: manifest.as_ref().map(|manifest| manifest.grid_file.clone()),
        grid_hash: manifest.as_ref().map(|manifest| manifest.grid_hash.clone()),
        code: manifest.map(|manifest| manifest.code),
        symbols,
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
        let none = [ListedSymbol { symbol: String::new(), configurations: 0, best: None, no_winner: None }];
        for symbol in if run.symbols.is_empty() { &none[..] } else { &run.symbols } {
            let configurations = if run.symbols.is_empty() { String::new() } else { count(symbol.configurations) };
            rows.push(vec![
                name.clone(),
                state.clone(),
                symbol.symbol.clone(),
                configurations,
                match symbol.no_winner {
                    Some(_) => "no winner".to_string(),
                    None => symbol.best.clone().unwrap_or_default(),
                },
                finished.clone(),
                took.clone(),
                code.clone(),
            ]);
        }
    }
    table(&rows, width).trim_end().to_string()
}
