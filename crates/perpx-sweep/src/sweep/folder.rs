//! A run's folder: one writer at a time, and one run. What a finished run left is replaced by another only when asked to.

use super::SweepError;
use super::show;
use perpx_core::units::Time;
use perpx_data::text::{count, duration, table};
use serde::Serialize;
use serde_json::Value as Json;
use std::collections::BTreeMap;
use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};

/// Held as long as somebody writes here; the file stays.
const LOCK: &str = ".lock";
const RECORD: &str = "run.json";
const CHECKPOINT: &str = "checkpoint.";

/// A folder that this process alone writes to.
pub struct Folder {
    dir: PathBuf,
    _lock: File,
}

impl Folder {
    /// Makes the folder if need be, and locks it.
    ///
    /// # Errors
    /// Another process writes here; the folder holds what is not a run's, or lies within a run's.
    pub fn take(dir: &Path) -> Result<Folder, SweepError> {
        refuse_mixing(dir)?;
        fs::create_dir_all(dir).map_err(SweepError::io(dir, "make the folder"))?;
        let path = dir.join(LOCK);
        let lock = File::options().create(true).append(true).open(&path);
        let lock = lock.map_err(SweepError::io(&path, "open the lock"))?;
        match lock.try_lock() {
            Err(TryLockError::WouldBlock) => return Err(SweepError::Busy { path: dir.to_path_buf() }),
            // a file system without locks
            Err(TryLockError::Error(error)) if error.kind() != std::io::ErrorKind::Unsupported => {
                return Err(SweepError::io(&path, "lock the file")(error));
            }
            _ => {}
        }
        Ok(Folder { dir: dir.to_path_buf(), _lock: lock })
    }

    /// # Errors
    /// A finished run of another grid, or of other data, lies here.
    pub fn refuse_other(
        &self,
        parts: &[(&'static str, String)],
        data: &BTreeMap<&str, String>,
    ) -> Result<(), SweepError> {
        let Some(record) = record(&self.dir) else { return Ok(()) };
        let other = |part: &str, was: &str, now: &str| {
            let path = self.dir.clone();
            Err(SweepError::OtherFinished { path, part: part.into(), was: brief(was), now: brief(now) })
        };
        for (part, now) in parts {
            match record["grid"][*part].as_str() {
                Some(was) if was == now => {}
                was => {
                    let (was, now) = first_difference(was.unwrap_or("absent"), now);
                    return other(&format!("grid ({part})"), was, now);
                }
            }
        }
        for symbol in record["symbols"].as_array().into_iter().flatten() {
            let (name, was) = (&symbol["symbol"], symbol["fingerprint"].as_str().unwrap_or_default());
            let now = name.as_str().and_then(|name| data.get(name));
            if let Some(now) = now.filter(|now| *now != was) {
                return other("data", was, now);
            }
        }
        Ok(())
    }

    /// Removes what a run left here, pictures and pages of symbols with it, run.json first: from now on the folder holds no
    /// finished run. Files of other names stay.
    pub fn clear(&self) -> Result<(), SweepError> {
        let symbols: Vec<String> = record(&self.dir)
            .iter()
            .flat_map(|record| record["symbols"].as_array().into_iter().flatten())
            .filter_map(|symbol| symbol["symbol"].as_str().map(str::to_string))
            .collect();
        remove(&self.dir.join(RECORD))?;
        for dir in symbols.iter().map(|symbol| self.dir.join(symbol)).chain([self.dir.clone()]) {
            for path in listed(&dir)?.into_iter().filter(|path| is_output(path)) {
                remove(&path)?;
            }
        }
        for symbol in &symbols {
            // where nothing of somebody else's is left in it
            let _ = fs::remove_dir(self.dir.join(symbol));
        }
        Ok(())
    }
}

/// What a run leaves, by name; run.json apart. Pages and pictures that a kill left half written (`.new-`) are counted in.
fn is_output(path: &Path) -> bool {
    let Some(name) = path.file_name().and_then(|name| name.to_str()) else { return false };
    let name = name.strip_prefix(".new-").unwrap_or(name);
    let tables = ["results", "trades", "legging", "equity"].map(|table| format!("{table}.parquet"));
    let pictures = ["equity", "market", "money", "funding", "axes", "parallel", "distribution"];
    let picture = |name: &str| pictures.contains(&name) || name.starts_with("heatmap-") || name.starts_with("faults-");
    tables.iter().any(|table| table == name)
        || ["leaderboard.csv", "report.html", "summary.json", "best.yml"].contains(&name)
        || (name.starts_with("best.") && name.ends_with(".yml"))
        || name.strip_suffix(".png").is_some_and(picture)
}

fn remove(path: &Path) -> Result<(), SweepError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(SweepError::io(path, "remove the file")(error))
        }
        _ => Ok(()),
    }
}

/// Paths in a folder, in order; none when it is not there.
fn listed(dir: &Path) -> Result<Vec<PathBuf>, SweepError> {
    let entries = match fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(SweepError::io(dir, "list the folder")(error)),
    };
    let paths: Result<Vec<PathBuf>, _> = entries.map(|entry| entry.map(|entry| entry.path())).collect();
    let mut paths = paths.map_err(SweepError::io(dir, "list the folder"))?;
    paths.sort();
    Ok(paths)
}

fn record(dir: &Path) -> Option<Json> {
    serde_json::from_slice(&fs::read(dir.join(RECORD)).ok()?).ok()
}

fn is_checkpoint(path: &Path) -> bool {
    path.file_name().and_then(|name| name.to_str()).is_some_and(|name| name.starts_with(CHECKPOINT))
}

/// A run of any kind: finished, unfinished, or not yet at its first checkpoint.
fn is_run(dir: &Path) -> bool {
    let known =
        |path: &PathBuf| path.file_name().is_some_and(|name| name == LOCK || name == RECORD) || is_checkpoint(path);
    listed(dir).unwrap_or_default().iter().any(known)
}

fn refuse_mixing(dir: &Path) -> Result<(), SweepError> {
    let mixed = |what: String| Err(SweepError::Mixed { path: dir.to_path_buf(), what });
    if dir.is_file() {
        return mixed("it is a file".to_string());
    }
    if let Some(other) = listed(dir)?.first().filter(|_| !is_run(dir)) {
        let name = other.file_name().unwrap_or_default().to_string_lossy();
        return mixed(format!("it holds {name}, which is no run's"));
    }
    let above =
        std::path::absolute(dir).map(|path| perpx_data::path::normalize(&path)).unwrap_or_else(|_| dir.to_path_buf());
    match above.parent().filter(|above| record(above).is_some() || above.join("checkpoint.state").is_file()) {
        Some(above) => mixed(format!("it lies in the folder of the run {}", above.display())),
        None => Ok(()),
    }
}

/// The first line in which two texts differ.
fn first_difference<'t>(was: &'t str, now: &'t str) -> (&'t str, &'t str) {
    let (mut a, mut b) = (was.lines(), now.lines());
    loop {
        match (a.next(), b.next()) {
            (Some(a), Some(b)) if a == b => {}
            (None, None) => return (was, now),
            (a, b) => return (a.unwrap_or("absent").trim(), b.unwrap_or("absent").trim()),
        }
    }
}

fn brief(text: &str) -> String {
    let short: String = text.chars().take(60).collect();
    if short.len() < text.len() { format!("{short}...") } else { short }
}

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
            Some(code) if code == super::code_id() => "this".to_string(),
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
