//! Where things lie in a store.

use super::dataset::{DATASET_FILE, Dataset};
use super::recorded::Recorded;
use super::table::Table;
use crate::TapeError;
use perpx_core::units::{HOUR, Time};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The folder of a store. Object stores (`s3://`, `gs://`, `az://`) have the same syntax and are refused by name for now.
#[derive(Clone, Debug)]
pub struct StorePath {
    root: PathBuf,
    /// Of a recorded store, when it was opened: what it holds.
    listed: Option<Arc<Dataset>>,
}

/// The partition that a file belongs to: a UTC day (days since 1970-01-01) or a calendar year.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Partition {
    /// Days since 1970-01-01 UTC.
    Day(i64),
    /// A calendar year, UTC.
    Year(i64),
}

impl StorePath {
    /// Reads a path as a user writes it.
    pub fn parse(text: &str) -> Result<StorePath, TapeError> {
        match text.split_once("://") {
            Some(("file", rest)) => Ok(StorePath::at(rest.into())),
            Some((scheme, _)) => Err(TapeError::ObjectStore { path: text.to_string(), scheme: scheme.to_string() }),
            None => Ok(StorePath::at(text.into())),
        }
    }

    /// As [`StorePath::parse`], of a path that is none of text too.
    pub fn new(path: &Path) -> Result<StorePath, TapeError> {
        match path.to_str() {
            Some(text) => StorePath::parse(text),
            None => Ok(StorePath::at(path.to_path_buf())),
        }
    }

    fn at(root: PathBuf) -> StorePath {
        StorePath { root, listed: None }
    }

    /// A store to be read: a recorded one as dataset.json has it now, whatever is added later.
    pub fn open(path: &Path) -> Result<StorePath, TapeError> {
        let store = StorePath::new(path)?;
        let dataset = Dataset::read(&store.root)?.filter(|dataset| dataset.recorded.is_some());
        Ok(StorePath { listed: dataset.map(Arc::new), ..store })
    }

    /// What dataset.json says of a recorded store that was opened.
    pub fn recorded(&self) -> Option<&Recorded> {
        self.listed.as_ref()?.recorded.as_ref()
    }

    /// A file of a recorded store of backfilled rows.
    pub fn is_backfilled(&self, path: &Path) -> bool {
        let name = path.strip_prefix(&self.root).ok().and_then(Path::to_str);
        self.recorded().zip(name).is_some_and(|(recorded, name)| recorded.backfilled.iter().any(|path| path == name))
    }

    /// BLAKE3 of a file by the list of a recorded store.
    pub(crate) fn listed_hash(&self, path: &Path) -> Option<&str> {
        let name = path.strip_prefix(&self.root).ok()?.to_str()?;
        let entry = self.listed.as_ref()?.files.iter().find(|entry| entry.path == name)?;
        Some(&entry.blake3)
    }

    /// The folder.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// `<root>/<table>/venue=<venue>/symbol=<symbol>`
    pub fn series(&self, table: Table, venue: &str, symbol: &str) -> PathBuf {
        self.root.join(table.name()).join(format!("venue={venue}")).join(format!("symbol={symbol}"))
    }

    /// Files of a series with their partitions, in time order; empty when there are none. Files within one partition are
    /// in name order.
    pub fn files(&self, table: Table, venue: &str, symbol: &str) -> Result<Vec<(Partition, PathBuf)>, TapeError> {
        let found = self.files_until(table, venue, symbol, None)?;
        Ok(found.into_iter().map(|(partition, path, _)| (partition, path)).collect())
    }

    /// The same for a range that ends at `to`. Of a recorded store those that hold an hour which begins before it, each with
    /// its first rows: those of these hours.
    pub(crate) fn files_until(
        &self,
        table: Table,
        venue: &str,
        symbol: &str,
        to: Option<Time>,
    ) -> Result<Vec<(Partition, PathBuf, Option<u64>)>, TapeError> {
        let mut found = Vec::new();
        if let Some(recorded) = self.recorded() {
            let limit = to.map(Recorded::limit);
            let mut parts: BTreeMap<(Partition, PathBuf), u64> = BTreeMap::new();
            for day in recorded.series(table, venue, symbol) {
                let Some(partition) = Partition::of_folder(table, Path::new(&day.folder))? else { continue };
                // the days of a year may stand in one file
                for (path, rows) in day.parts(limit) {
                    *parts.entry((partition, self.root.join(path))).or_default() += rows;
                }
            }
            found.extend(parts.into_iter().map(|((partition, path), rows)| (partition, path, Some(rows))));
            for path in recorded.backfilled(table, venue, symbol) {
                let folder = Path::new(path).parent().unwrap_or(Path::new(path));
                let Some(partition) = Partition::of_folder(table, folder)? else { continue };
                if limit.is_none_or(|limit| partition.span().0 < limit) {
                    found.push((partition, self.root.join(path), None));
                }
            }
            found.sort();
            return Ok(found);
        }
        let series = self.series(table, venue, symbol);
        for folder in entries(&series)? {
            let Some(partition) = Partition::of_folder(table, &folder)? else { continue };
            for file in entries(&folder)? {
                if file.extension().is_some_and(|e| e == "parquet") {
                    found.push((partition, file, None));
                }
            }
        }
        found.sort();
        Ok(found)
    }

    /// Every (venue, symbol) that has at least one folder under any table, sorted.
    pub fn series_names(&self) -> Result<Vec<(String, String)>, TapeError> {
        let mut names = std::collections::BTreeSet::new();
        if let Some(recorded) = self.recorded() {
            let value = |place: &str, nth: usize| Some(place.split('/').nth(nth)?.split_once('=')?.1.to_string());
            let places = recorded.days.iter().map(|day| &day.folder).chain(&recorded.backfilled);
            names.extend(places.filter_map(|place| Some((value(place, 1)?, value(place, 2)?))));
            return Ok(names.into_iter().collect());
        }
        for table in Table::ALL.into_iter().chain([Table::Bars]) {
            for venue in entries(&self.root.join(table.name()))? {
                let Some(v) = value_of(&venue, "venue=") else { continue };
                for symbol in entries(&venue)? {
                    if let Some(s) = value_of(&symbol, "symbol=") {
                        names.insert((v.clone(), s));
                    }
                }
            }
        }
        Ok(names.into_iter().collect())
    }
}

impl StorePath {
    /// The store at `root`, with the names of its series: at least one.
    pub fn with_series(root: &Path) -> Result<(StorePath, Vec<(String, String)>), TapeError> {
        let path = store_of(StorePath::new(root)?.root());
        if !path.is_dir() {
            return Err(TapeError::NoStore { path });
        }
        let store = StorePath::open(&path)?;
        let names = store.series_names()?;
        if names.is_empty() { Err(TapeError::EmptyStore { path }) } else { Ok((store, names)) }
    }

    /// What the store has in place of a series that it has not: for the end of an error.
    pub fn in_place_of(&self, venue: &str, symbol: &str) -> Result<String, TapeError> {
        let names = self.series_names()?;
        let alike = |a: &str, b: &str| a.eq_ignore_ascii_case(b);
        if let Some((v, s)) = names.iter().find(|(v, s)| alike(v, venue) && alike(s, symbol)) {
            return Ok(match (v == venue, s == symbol) {
                (true, true) => format!("the store has none of {v}/{s} at all"),
                (true, false) => format!("{s} is there: names are told apart by case"),
                _ => format!("{v}/{s} is there: names are told apart by case"),
            });
        }
        let mut venues: Vec<&str> = names.iter().map(|(v, _)| v.as_str()).collect();
        venues.dedup();
        let symbols: Vec<&str> = names.iter().filter(|(v, _)| v == venue).map(|(_, s)| s.as_str()).collect();
        Ok(match (venues.is_empty(), symbols.is_empty()) {
            (true, _) => "the store holds nothing at all".to_string(),
            (_, true) => format!("the store has the venues {}", venues.join(", ")),
            (_, false) => format!("of {venue} the store has {}", symbols.join(", ")),
        })
    }
}

impl Partition {
    /// The partition of a row received (funding: settled) at `time`.
    pub fn of(table: Table, time: Time) -> Partition {
        if table.by_year() { Partition::Year(time.civil().0) } else { Partition::Day(time.day()) }
    }

    /// `[start, end)` of the rows that belong here.
    pub fn span(self) -> (Time, Time) {
        match self {
            Partition::Day(day) => (Time::of_day(day), Time::of_day(day + 1)),
            Partition::Year(year) => {
                let start = |y| Time::from_civil(y, 1, 1).unwrap_or(Time::MAX);
                (start(year), start(year + 1))
            }
        }
    }

    /// "date=2026-01-05" or "year=2026".
    pub fn folder(self) -> String {
        match self {
            Partition::Day(day) => format!("date={}", Time::of_day(day).date()),
            Partition::Year(year) => format!("year={year:04}"),
        }
    }

    /// `None` for names without '=' (other tools leave files of their own beside the data).
    fn of_folder(table: Table, folder: &Path) -> Result<Option<Partition>, TapeError> {
        let (key, wanted) = if table.by_year() { ("year", "year=2026") } else { ("date", "date=2026-01-05") };
        let Some(name) = folder.file_name().and_then(|n| n.to_str()) else { return Ok(None) };
        let Some((found, value)) = name.split_once('=') else { return Ok(None) };
        let partition = match (found == key, table.by_year()) {
            (false, _) => None,
            (true, true) => value.parse().ok().filter(|y| (1678..2262).contains(y)).map(Partition::Year),
            (true, false) if value.len() == 10 => value.parse::<Time>().ok().map(|t| Partition::Day(t.day())),
            (true, false) => None,
        };
        partition.map(Some).ok_or_else(|| TapeError::PartitionName {
            path: folder.parent().unwrap_or(folder).to_path_buf(),
            name: name.to_string(),
            key,
            wanted,
        })
    }
}

impl std::fmt::Display for Partition {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.folder())
    }
}

/// The store of a recording or of a run, where its folder is named; else the path itself.
pub fn store_of(path: &Path) -> PathBuf {
    let below = path.join("store");
    let is_recording = !path.join(DATASET_FILE).exists() && below.join(DATASET_FILE).is_file();
    if is_recording { below } else { path.to_path_buf() }
}

/// Entries of a folder in name order, hidden and temporary ones left out; none when there is no such folder.
pub(crate) fn entries(folder: &Path) -> Result<Vec<PathBuf>, TapeError> {
    let read = match std::fs::read_dir(folder) {
        Ok(read) => read,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(source) => return Err(TapeError::Io { path: folder.to_path_buf(), action: "list the folder", source }),
    };
    let mut found = Vec::new();
    for entry in read {
        let path = entry.map_err(TapeError::io(folder, "list the folder"))?.path();
        let hidden = path.file_name().and_then(|n| n.to_str()).is_none_or(|n| n.starts_with(['.', '_']));
        if !hidden {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

/// "20260105T07": an hour since 1970-01-01 UTC, as files are named by it.
pub fn hour_text(hour: i64) -> String {
    let time = Time::at(hour * HOUR);
    format!("{}T{:02}", time.date().replace('-', ""), hour.rem_euclid(24))
}

fn value_of(folder: &Path, prefix: &str) -> Option<String> {
    folder.file_name()?.to_str()?.strip_prefix(prefix).map(str::to_string)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn object_stores_are_refused_by_name() {
        let text = StorePath::parse("s3://bucket/set").expect_err("not local").to_string();
        assert_eq!(
            text,
            "'s3://bucket/set' lies on an object store (s3://), which this version cannot read or write; copy it to a \
             local folder and give that folder"
        );
        assert_eq!(StorePath::parse("file:///data/x").expect("local").root(), Path::new("/data/x"));
    }

    #[test]
    fn partitions_are_utc_days_and_years() {
        let t: Time = "2026-01-05T23:59:59Z".parse().expect("a time");
        assert_eq!(Partition::of(Table::Quotes, t).folder(), "date=2026-01-05");
        assert_eq!(Partition::of(Table::Funding, t).folder(), "year=2026");
        let (start, end) = Partition::of(Table::Funding, t).span();
        assert_eq!((start.date(), end.date()), ("2026-01-01".to_string(), "2027-01-01".to_string()));
    }
}
