//! run.json: what was run, with what, how long. The one file (beside the report) that may differ between two equal runs.

use crate::error::SweepError;
use crate::grid::{EvidencePlan, Objective};
use crate::results::folder::{is_run, listed};
use perpx_core::units::Time;
use perpx_data::atomic::write_atomic;
use perpx_data::loader::TapeQuality;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::Path;

/// The file's name in a run's folder.
pub const RUN_JSON: &str = "run.json";

/// What run.json says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunManifest {
    pub name: String,
    /// As it was given to the sweep.
    pub grid_file: String,
    /// As seen from the run's folder; `None` where no path leads there.
    pub grid_file_from_here: Option<String>,
    /// The strategy file of the grid.
    pub base: String,
    /// `key=value` of `--set`.
    pub set: Vec<String>,
    pub grid_hash: String,
    /// The canonical grid, part by part.
    pub grid: BTreeMap<String, String>,
    /// Dotted keys.
    pub strategy_axes: Vec<String>,
    pub objective: Objective,
    /// How the winner was judged.
    #[serde(default)]
    pub evidence: EvidencePlan,
    pub seed: u64,
    pub store: String,
    /// The code id.
    pub code: String,
    pub version: String,
    pub strategy_version: u32,
    pub threads: usize,
    pub driver: String,
    pub estimate: EstimateTimes,
    /// The whole run.
    pub seconds: f64,
    pub idle: IdleTimes,
    /// Machines times ticks.
    pub config_ticks: u64,
    pub chunks: u64,
    pub memory_bound_bytes: u64,
    /// Configurations (in a world) run again by scan.
    pub checked_by_scan: u64,
    pub warnings: Vec<String>,
    pub symbols: Vec<SymbolManifest>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EstimateTimes {
    /// What the run was said to take.
    pub seconds: f64,
    /// Since the estimate was made.
    pub took: f64,
}

/// The workers' time in the first pass, seconds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct IdleTimes {
    pub of_worker_seconds: f64,
    pub at_ends_of_tiles: f64,
    pub waiting_for_tiles: f64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SymbolManifest {
    pub symbol: String,
    /// Of its data.
    pub fingerprint: String,
    pub from: TimeText,
    pub to: TimeText,
    pub warm_from: TimeText,
    /// By the run's name ("in sample", "held out"): from, to.
    pub runs: BTreeMap<String, [TimeText; 2]>,
    /// Of results.parquet.
    pub rows: u64,
    /// Strategy points.
    pub configurations: u64,
    pub meeting_require: u64,
    /// Why there is no winner, if there is none.
    pub no_winner: Option<String>,
    pub skipped: u64,
    /// Ids.
    pub worlds: Vec<String>,
    pub feeds: Vec<TapeQuality>,
}

/// A time that is written as text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimeText(pub Time);

impl Serialize for TimeText {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for TimeText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<TimeText, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map(TimeText).map_err(|_| de::Error::custom(format!("'{text}' is no time")))
    }
}

impl RunManifest {
    /// Reads the manifest of the finished run in `dir`.
    ///
    /// # Errors
    /// There is no finished run, or one of another version.
    pub fn read(dir: &Path) -> Result<RunManifest, SweepError> {
        let path = dir.join(RUN_JSON);
        let wrong = |what: String| SweepError::NotARun { path: path.clone(), what };
        let text = std::fs::read_to_string(&path).map_err(|error| wrong(format!("{error}{}", runs_inside(dir))))?;
        serde_json::from_str(&text).map_err(|error| match error.is_data() {
            true => wrong(format!("{error} (the run was made by another version of perpx: sweep again)")),
            false => wrong(error.to_string()),
        })
    }

    /// The manifest of the run in `dir`; `None` when no run finished there.
    ///
    /// # Errors
    /// One that cannot be read.
    pub fn find(dir: &Path) -> Result<Option<RunManifest>, SweepError> {
        match dir.join(RUN_JSON).metadata() {
            Err(error) if [ErrorKind::NotFound, ErrorKind::NotADirectory].contains(&error.kind()) => Ok(None),
            _ => RunManifest::read(dir).map(Some),
        }
    }

    /// Keys in the order of the alphabet.
    pub fn text(&self) -> Result<String, serde_json::Error> {
        Ok(format!("{:#}\n", serde_json::to_value(self)?))
    }

    /// # Errors
    /// A file that cannot be written.
    pub fn write(&self, dir: &Path) -> Result<(), SweepError> {
        let path = dir.join(RUN_JSON);
        let text = self.text().map_err(|error| SweepError::Table { path: path.clone(), what: error.to_string() })?;
        write_atomic(&path, text).map_err(SweepError::io(&path, "write the file"))
    }

    /// The values of each strategy axis, as the canonical grid has them.
    pub fn axis_values(&self) -> Vec<Vec<String>> {
        let lines = self.grid.get("strategy axes").map_or("", String::as_str).lines();
        let list =
            |line: &str| Some(line.split_once("=[")?.1.split_once(']')?.0.split(", ").map(str::to_string).collect());
        lines.map(|line| list(line).unwrap_or_default()).collect()
    }

    pub fn symbol(&self, name: &str) -> Option<&SymbolManifest> {
        self.symbols.iter().find(|symbol| symbol.symbol == name)
    }

    pub fn symbol_names(&self) -> Vec<&str> {
        self.symbols.iter().map(|symbol| symbol.symbol.as_str()).collect()
    }

    /// `symbol` if it is one of the run's.
    ///
    /// # Errors
    /// It is none; names the run's.
    pub fn known<'a>(&self, dir: &Path, symbol: Option<&'a str>) -> Result<Option<&'a str>, SweepError> {
        let Some(symbol) = symbol else { return Ok(None) };
        let all = self.symbol_names();
        if all.contains(&symbol) {
            return Ok(Some(symbol));
        }
        let near = all.iter().find(|known| known.eq_ignore_ascii_case(symbol));
        let near = near.map_or(String::new(), |known| format!("{known} is there: names are told apart by case; "));
        let what = format!("found --symbol {symbol}; {near}accepted: {}", all.join(", "));
        Err(SweepError::Missing { path: dir.join(RUN_JSON), what })
    }
}

/// The runs that lie in a folder which is none itself, for the end of an error.
fn runs_inside(dir: &Path) -> String {
    let below = listed(dir).unwrap_or_default().into_iter().filter(|path| path.is_dir() && is_run(path));
    let names: Vec<String> = below.take(10).map(|path| path.display().to_string()).collect();
    if names.is_empty() { String::new() } else { format!("; runs lie in this folder: {}", names.join(", ")) }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A run.json as a run wrote it, cut to one feed.
    const FILE: &str = include_str!("run.json");

    pub(crate) fn example() -> RunManifest {
        serde_json::from_str(FILE).expect("a manifest")
    }

    #[test]
    fn a_file_that_is_read_and_written_again_is_the_same() {
        assert_eq!(example().text().expect("text"), FILE);
    }

    #[test]
    fn a_file_of_another_version_is_refused_by_name() {
        let dir = tempfile::tempdir().expect("a folder");
        assert_eq!(RunManifest::find(dir.path()).expect("none"), None);
        std::fs::write(dir.path().join(RUN_JSON), FILE.replace("\"objective\"", "\"objectives\"")).expect("writes");
        let error = RunManifest::read(dir.path()).expect_err("refused").to_string();
        assert!(error.contains("missing field `objective`") && error.contains("sweep again"), "{error}");
        assert!(RunManifest::find(dir.path()).is_err());
        example().write(dir.path()).expect("writes");
        assert_eq!(RunManifest::read(dir.path()).expect("reads"), example());
    }
}
