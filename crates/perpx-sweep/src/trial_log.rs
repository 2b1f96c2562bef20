//! What was tried on a market before: a line a run, in the user's state folder or in a file that several share. It holds no
//! path and no key of a strategy, only hashes.
//!
//! Configurations are counted by their ids, over runs of the same two venues and the same symbol whose range in sample
//! overlaps by at least half of the shorter one, whatever the data or the code were: a day of data more forgets nothing. Of a
//! run at most [`KEPT`] ids are kept, the smallest; ids are hashes, so these tell how much two larger sets share.

use crate::error::SweepError;
use crate::options::TrialLog;
use crate::results::manifest::TimeText;
use perpx_core::units::Time;
use perpx_data::atomic::write_atomic;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::fs::{self, File, TryLockError};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// Ids that are kept of a run; up to so many the count is exact.
pub const KEPT: usize = 4_096;
/// Hexadecimal digits of an id.
const DIGITS: usize = 16;

/// A run, as the log has it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LoggedRun {
    /// In the order of the alphabet.
    pub venues: [String; 2],
    /// As the store has it.
    pub symbol: String,
    /// Fingerprint of the data.
    pub data: String,
    /// The range that ranked, the end excluded.
    pub in_sample: [TimeText; 2],
    /// The range that was held out.
    pub held_out: Option<[TimeText; 2]>,
    /// Hash of the grid.
    pub grid: String,
    /// Of the grid.
    pub seed: u64,
    /// The code id.
    pub code: String,
    /// How configurations were chosen.
    pub method: String,
    /// How many were tried.
    pub configurations: u64,
    /// Different ledgers that they left in the base world.
    pub distinct: u64,
    /// The smallest ids, one after the other.
    pub ids: String,
    /// What was ranked by.
    pub metric: String,
    /// The first's.
    pub best: Option<f64>,
    /// When the run was ranked.
    pub time: TimeText,
}

/// What was tried and seen on a market, this run included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tried {
    /// Different configurations.
    pub configurations: u64,
    /// Runs whose held-out range is this one, for the greater part.
    pub looks: u32,
}

impl LoggedRun {
    /// Two runs of which the second tells nothing new.
    fn is_again(&self, other: &LoggedRun) -> bool {
        let same = |run: &LoggedRun| {
            let LoggedRun { venues, symbol, data, in_sample, held_out, grid, seed, .. } = run;
            (venues.clone(), symbol.clone(), data.clone(), *in_sample, *held_out, grid.clone(), *seed)
        };
        same(self) == same(other)
    }

    fn is_market_of(&self, other: &LoggedRun) -> bool {
        self.venues == other.venues && self.symbol == other.symbol
    }

    /// `None`: not what this version writes.
    fn numbers(&self) -> Option<Vec<u64>> {
        let texts = self.ids.as_bytes().chunks(DIGITS);
        texts.map(|id| u64::from_str_radix(std::str::from_utf8(id).ok()?, 16).ok()).collect()
    }

    /// Every id is kept.
    fn is_whole(&self) -> bool {
        self.configurations <= (self.ids.len() / DIGITS) as u64
    }
}

/// The smallest ids as [`LoggedRun::ids`] has them; they come in ascending order.
pub fn ids_text(ids: impl IntoIterator<Item = u64>) -> String {
    ids.into_iter().take(KEPT).map(|id| format!("{id:016x}")).collect()
}

/// At least half of the shorter of two ranges lies in the other.
fn overlaps(a: &[TimeText; 2], b: &[TimeText; 2]) -> bool {
    let shared = a[1].0.min(b[1].0).since(a[0].0.max(b[0].0));
    let length = |range: &[TimeText; 2]| range[1].0.since(range[0].0);
    shared.0 > 0 && 2 * i128::from(shared.0) >= i128::from(length(a).min(length(b)).0)
}

/// What `runs` and `own` tried together; `None` where a line is not what this version writes.
fn tried(runs: &[LoggedRun], own: &LoggedRun) -> Option<Tried> {
    let market = || runs.iter().filter(|run| run.is_market_of(own) && !run.is_again(own)).chain([own]);
    let alike: Vec<&LoggedRun> = market().filter(|run| overlaps(&run.in_sample, &own.in_sample)).collect();
    let ids = alike.iter().map(|run| run.numbers()).collect::<Option<Vec<Vec<u64>>>>()?;
    // below the least of the greatest ids that were kept, every run is known whole
    let cut =
        alike.iter().zip(&ids).filter(|(run, _)| !run.is_whole()).filter_map(|(_, ids)| ids.last().copied()).min();
    let known =
        |ids: &[u64]| ids.iter().copied().filter(|id| cut.is_none_or(|cut| *id <= cut)).collect::<BTreeSet<u64>>();
    let all: BTreeSet<u64> = ids.iter().flat_map(|ids| known(ids)).collect();
    let (largest, of_largest) = alike.iter().zip(&ids).max_by_key(|(run, ids)| (run.configurations, *ids))?;
    let configurations = match cut {
        None => all.len() as u64,
        // as many more than the largest run has as there are more below the cut
        Some(_) => (largest.configurations as f64 * all.len() as f64 / known(of_largest).len() as f64).round() as u64,
    };
    let looked =
        |run: &&LoggedRun| run.held_out.as_ref().zip(own.held_out.as_ref()).is_some_and(|(a, b)| overlaps(a, b));
    Some(Tried { configurations, looks: market().filter(looked).count() as u32 })
}

impl TrialLog {
    /// The file of a market.
    fn file(&self, run: &LoggedRun) -> Option<PathBuf> {
        match self {
            TrialLog::User => {
                let plain = |c: char| if c.is_ascii_alphanumeric() || "-_.".contains(c) { c } else { '_' };
                let name = format!("{}-{}-{}.jsonl", run.venues[0], run.venues[1], run.symbol);
                Some(perpx_data::path::state_folder()?.join("trials").join(name.chars().map(plain).collect::<String>()))
            }
            TrialLog::File(path) => Some(path.clone()),
            TrialLog::Unknown => None,
        }
    }

    /// A file that was named must be one that can be written.
    ///
    /// # Errors
    /// It cannot be made, locked or read.
    pub fn check(&self) -> Result<(), SweepError> {
        let TrialLog::File(path) = self else { return Ok(()) };
        locked(path, || lines(path).map(drop)).map_err(|what| SweepError::TrialLog { path: path.clone(), what })
    }

    /// Adds a run, in place of the same one, and counts. `None`: what was tried before is not known.
    ///
    /// # Errors
    /// A file that was named and cannot be read or written.
    pub fn add(&self, own: &LoggedRun) -> Result<Option<Tried>, SweepError> {
        self.go(own, |path, mut runs| {
            runs.retain(|run| !run.is_again(own));
            runs.push(own.clone());
            let text = runs.iter().map(|run| serde_json::to_string(run).map(|line| line + "\n"));
            let text = text.collect::<Result<String, _>>().map_err(|error| error.to_string())?;
            write_atomic(path, text).map_err(|error| error.to_string())
        })
    }

    /// Counts without adding anything.
    ///
    /// # Errors
    /// A file that was named and cannot be read.
    pub fn count(&self, own: &LoggedRun) -> Result<Option<Tried>, SweepError> {
        match self.file(own) {
            Some(path) if path.exists() => self.go(own, |_, _| Ok(())),
            _ => Ok(None),
        }
    }

    fn go(
        &self,
        own: &LoggedRun,
        then: impl FnOnce(&Path, Vec<LoggedRun>) -> Result<(), String>,
    ) -> Result<Option<Tried>, SweepError> {
        let Some(path) = self.file(own) else { return Ok(None) };
        let found = locked(&path, || {
            let runs = lines(&path)?;
            let tried = tried(&runs, own).ok_or("a line has other ids than this version writes")?;
            then(&path, runs)?;
            Ok(tried)
        });
        match (found, self) {
            (Ok(tried), _) => Ok(Some(tried)),
            (Err(what), TrialLog::File(_)) => Err(SweepError::TrialLog { path, what }),
            // nobody named it: the run is worth more than its count, and the page says that it is not known
            (Err(_), _) => Ok(None),
        }
    }
}

fn lines(path: &Path) -> Result<Vec<LoggedRun>, String> {
    let text = match fs::read_to_string(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        other => other.map_err(|error| error.to_string())?,
    };
    let line = |(number, line): (usize, &str)| {
        serde_json::from_str(line).map_err(|error| format!("line {}: {error}", number + 1))
    };
    text.lines().enumerate().map(line).collect()
}

/// Calls `then` while no other process reads or writes the file.
fn locked<T>(path: &Path, then: impl FnOnce() -> Result<T, String>) -> Result<T, String> {
    let said = |error: std::io::Error| error.to_string();
    if let Some(dir) = path.parent() {
        fs::create_dir_all(dir).map_err(said)?;
    }
    let mut name = path.file_name().unwrap_or_default().to_os_string();
    name.push(".lock");
    let lock = File::options().create(true).append(true).open(path.with_file_name(name)).map_err(said)?;
    match lock.try_lock() {
        Err(TryLockError::WouldBlock) => lock.lock().map_err(said)?,
        // a file system without locks
        Err(TryLockError::Error(error)) if error.kind() != ErrorKind::Unsupported => return Err(said(error)),
        _ => {}
    }
    let found = then();
    let _ = lock.unlock();
    found
}

/// The range as the log has it.
pub fn range((from, to): (Time, Time)) -> [TimeText; 2] {
    [TimeText(from), TimeText(to)]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A run over some days of January; a grid of its own.
    fn run(grid: &str, days: [i64; 2], ids: impl Iterator<Item = u64> + Clone) -> LoggedRun {
        let at = |day: i64| Time::of_day(20_458 + day);
        LoggedRun {
            venues: ["grvt", "lighter"].map(str::to_string),
            symbol: "BTC".to_string(),
            data: "d".to_string(),
            in_sample: range((at(days[0]), at(days[1]))),
            held_out: Some(range((at(days[1]), at(days[1] + 4)))),
            grid: grid.to_string(),
            seed: 7,
            code: "c".to_string(),
            method: "grid".to_string(),
            configurations: ids.clone().count() as u64,
            distinct: 1,
            ids: ids_text(ids),
            metric: "sharpe".to_string(),
            best: Some(1.5),
            time: TimeText(at(40)),
        }
    }

    fn log(dir: &tempfile::TempDir) -> TrialLog {
        TrialLog::File(dir.path().join("deep/trials.jsonl"))
    }

    #[test]
    fn configurations_are_counted_by_their_ids() {
        let dir = tempfile::tempdir().expect("a folder");
        let log = log(&dir);
        let added = |run: &LoggedRun| {
            let found = log.add(run).expect("written").expect("known");
            (found.configurations, found.looks)
        };
        assert_eq!(log.count(&run("a", [0, 10], 0..8)).expect("no file yet"), None);
        assert_eq!(added(&run("a", [0, 10], 0..8)), (8, 1));
        assert_eq!(added(&run("a", [0, 10], 0..8)), (8, 1), "the same grid twice");
        assert_eq!(added(&run("b", [0, 10], 4..12)), (12, 2), "another grid over the same range");
        // a day of data more: what overlaps counts
        assert_eq!(added(&run("c", [1, 11], 10..14)), (14, 3));
        assert_eq!(added(&run("d", [20, 30], 50..55)), (5, 1), "another range");
        // 4 of its 10 days are the first runs', and no half
        assert_eq!(added(&run("e", [7, 17], 60..61)), (1, 1));
        let other = LoggedRun { symbol: "ETH".to_string(), ..run("f", [0, 10], 0..3) };
        assert_eq!(added(&other), (3, 1), "another symbol");
        let before = fs::read(dir.path().join("deep/trials.jsonl")).expect("a file");
        assert_eq!(log.count(&run("g", [0, 10], 0..1)).expect("read").map(|tried| tried.configurations), Some(14));
        assert_eq!(fs::read(dir.path().join("deep/trials.jsonl")).expect("a file"), before, "reading writes nothing");
    }

    /// Beyond the ids that are kept the union is estimated, and a part of a larger run adds nothing.
    #[test]
    fn large_runs_are_told_apart_by_their_smallest_ids() {
        let id = |n: u64| u64::from_le_bytes(*blake3::hash(&n.to_le_bytes()).as_bytes().first_chunk().expect("8"));
        let ids = |from: u64, to: u64| {
            (from..to).map(id).collect::<BTreeSet<u64>>().into_iter().collect::<Vec<u64>>().into_iter()
        };
        let of = |runs: &[LoggedRun], own: &LoggedRun| tried(runs, own).expect("known").configurations as f64;
        let large = run("a", [0, 10], ids(0, 100_000));
        assert_eq!(of(&[], &large), 100_000.0);
        assert_eq!(of(&[run("b", [0, 10], ids(500, 900))], &large), 100_000.0);
        let shifted = run("c", [0, 10], ids(50_000, 150_000));
        let found = of(std::slice::from_ref(&large), &shifted);
        assert!((found / 150_000.0 - 1.0).abs() < 0.03, "{found}");
        assert_eq!(of(&[shifted], &large), found, "in any order");
    }

    #[test]
    fn many_at_once_lose_nothing() {
        let dir = tempfile::tempdir().expect("a folder");
        let log = log(&dir);
        std::thread::scope(|scope| {
            for n in 0..8u64 {
                let log = &log;
                scope.spawn(move || log.add(&run(&n.to_string(), [0, 10], n * 10..n * 10 + 10)).expect("written"));
            }
        });
        let found = log.count(&run("0", [0, 10], 0..10)).expect("read").expect("known");
        assert_eq!((found.configurations, found.looks), (80, 8));
    }

    #[test]
    fn a_file_that_is_no_log_is_refused_where_it_was_named() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("trials.jsonl");
        fs::write(&path, "{\"venues\": 3}\n").expect("writes");
        let log = TrialLog::File(path.clone());
        for error in
            [log.check().expect_err("refused"), log.add(&run("a", [0, 1], 0..1)).map(drop).expect_err("refused")]
        {
            assert_eq!(error.exit_code(), 2);
            assert!(error.to_string().contains("trials.jsonl") && error.to_string().contains("line 1"), "{error}");
        }
        assert_eq!(fs::read_to_string(&path).expect("reads"), "{\"venues\": 3}\n", "nothing was written");
        assert_eq!(TrialLog::Unknown.add(&run("a", [0, 1], 0..1)).expect("nothing to do"), None);
    }
}
