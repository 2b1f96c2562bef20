//! Reading a grid file.

mod axes;
mod data;
mod evidence;
mod objective;

use super::{Axis, Grid, Method, OverWorld, Report};
use perpx_core::config::text::{Body, Entry, Node, Place, Source, parse_toml};
use perpx_core::config::{ConfigError, ConfigFile, Num, Schema, Value};
use std::path::Path;

/// Keys of a grid file: section ("" = top), its keys; an empty list = any key.
const KEYS: [(&str, &[&str]); 11] = [
    ("", &["name", "base", "seed"]),
    ("data", &["store", "symbol", "symbols", "from", "to", "warmup", "on_bad_rows", "gap_trades"]),
    ("cache", &["max_gib"]),
    ("axes", &[]),
    ("where", &["skip"]),
    ("search", &["method", "points", "seed", "prune", "axes"]),
    ("fills", &[]),
    ("objective", &["metric", "metrics", "require", "over_world", "rank"]),
    ("validate", &["holdout"]),
    ("evidence", &["atoms", "draws", "blocks", "walk_forward", "target_sharpe"]),
    ("report", &["dir", "top"]),
];

impl Grid {
    /// Reads a grid file and its base file from disk. `metrics` are the columns that may rank, `sets` the `key=value` of
    /// `--set`: a key of a grid section (`data.from`, `report.dir`, `seed`), or one of the strategy file, which goes over
    /// `[fills]` and narrows an axis of the same key to the one value.
    ///
    /// # Errors
    /// Files that cannot be read; broken TOML; unknown keys; values that do not fit. All with their place.
    pub fn read(path: &Path, metrics: &[&str], sets: &[String]) -> Result<Grid, ConfigError> {
        let name = path.display().to_string();
        let text = std::fs::read_to_string(path).map_err(|error| {
            ConfigError::new(&name, "", format!("this file cannot be read: {error}"))
                .accepted("a grid file in TOML, such as sweeps/quickstart.toml")
                .remedy("check the path")
        })?;
        Grid::parse(&name, &text, metrics, sets, &perpx_data::read_config)
    }

    /// As [`Grid::read`] from text; `name` is its path, `open` reads the base file.
    ///
    /// # Errors
    /// As [`Grid::read`].
    pub fn parse(
        name: &str,
        text: &str,
        metrics: &[&str],
        sets: &[String],
        open: &dyn Fn(&Path) -> Result<ConfigFile, ConfigError>,
    ) -> Result<Grid, ConfigError> {
        let source = Source::new(name, text);
        let mut root = parse_toml(&source)?;
        let strategy_sets = lay_over(&mut root, sets)?;
        let file = File { source: &source, root: &root, folder: Path::new(name).parent().unwrap_or(Path::new("")) };
        file.refuse_unknown()?;

        let base_path = file.folder.join(file.required_text("base", "the path of the strategy file")?.1);
        let base = open(&base_path).map_err(|error| match error.line {
            0 if !base_path.is_file() && error.key.is_empty() => {
                file.wrong("base", error.found.clone(), &error.accepted, &error.remedy)
            }
            _ => error,
        })?;
        let (mut fixed, mut fixed_places) = file.fixed(&base)?;
        let mut set = Vec::new();
        for text in &strategy_sets {
            let over = base.set(text)?;
            set.push(over.clone());
            fixed.push(over);
            fixed_places.push(None);
        }
        let data = file.data(&base, &fixed)?;
        let search = file.search()?;
        let (strategy, world) = file.axes(&base, &set, search.method != Method::Grid)?;
        let skip = file.skip(&base, &fixed, &strategy)?;
        let when = file.when(&base, &fixed, &strategy)?;
        let grid = Grid {
            name: file.run_name()?,
            data,
            max_gib: file.number("cache.max_gib", 0.0, 1e6)?.map(Num::as_f64),
            objective: file.objective(metrics)?,
            holdout: file.number("validate.holdout", 0.0, 0.9)?.unwrap_or_default(),
            evidence: file.evidence()?,
            report: Report {
                dir: file.folder.join(file.text("report.dir")?.map_or("reports", |(_, text)| text)),
                top: file.number("report.top", 1.0, 10_000.0)?.map_or(20, |top| top.as_f64() as usize),
            },
            base,
            fixed,
            fixed_places,
            strategy,
            world,
            skip,
            search,
            when,
            source: source.clone(),
        };
        file.refuse_too_many(&grid)?;
        if grid.search.prune && grid.objective.over_world != OverWorld::Worst {
            let accepted = "prune with over_world = \"worst\" alone, where one bad world settles a configuration";
            return Err(file.wrong("search.prune", "found true", accepted, "delete it"));
        }
        if grid.search.prune && !grid.objective.beside.is_empty() {
            let accepted = "prune with one metric, of which a bad world settles a configuration";
            return Err(file.wrong("search.prune", "found true beside objective.metrics", accepted, "delete it"));
        }
        file.refuse_rank(&grid)?;
        if grid.search.method == Method::External && grid.data.symbols.len() > 1 {
            let found = format!("found \"external\" for the symbols {}", grid.data.symbols.join(", "));
            let remedy = "sweep the symbols one by one";
            return Err(file.wrong("search.method", found, "one symbol with this method", remedy));
        }
        Ok(grid)
    }
}

/// Puts `--set` of grid keys into the tree; returns those of strategy keys.
fn lay_over(root: &mut Node, sets: &[String]) -> Result<Vec<String>, ConfigError> {
    let mut others = Vec::new();
    for set in sets {
        let path = set.split_once('=').map_or("", |(path, _)| path.trim());
        let (section, key) = path.split_once('.').unwrap_or(("", path));
        let known = KEYS.iter().any(|(name, keys)| *name == section && keys.contains(&key));
        if !known {
            others.push(set.clone());
            continue;
        }
        let word = set.split_once('=').map_or("", |(_, word)| word.trim());
        if Value::from_word(word) == Value::Null {
            return Err(ConfigError::new("--set", path, "found null")
                .accepted("a value: null switches off keys of the strategy file, and this is one of the grid file")
                .remedy("leave the option away to keep what the grid file says, or write a value"));
        }
        let value = match word.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            Some(items) => {
                let scalar = |item: &str| Node { place: Place::default(), body: Body::Scalar(Value::from_word(item)) };
                Body::List(items.split(',').filter(|item| !item.trim().is_empty()).map(scalar).collect())
            }
            None => Body::Scalar(Value::from_word(word)),
        };
        put(root, section, key, Node { place: Place::default(), body: value });
    }
    Ok(others)
}

fn put(root: &mut Node, section: &str, key: &str, node: Node) {
    let Body::Map(entries) = &mut root.body else { return };
    let entry = |key: &str, node: Node| Entry { key: key.to_string(), place: Place::default(), node };
    if section.is_empty() {
        entries.retain(|entry| entry.key != key);
        entries.push(entry(key, node));
        return;
    }
    if !entries.iter().any(|entry| entry.key == section) {
        entries.push(entry(section, Node { place: Place::default(), body: Body::Map(Vec::new()) }));
    }
    if let Some(found) = entries.iter_mut().find(|entry| entry.key == section) {
        put(&mut found.node, "", key, node);
    }
}

struct File<'a> {
    source: &'a Source,
    root: &'a Node,
    /// Paths of the file are relative to it.
    folder: &'a Path,
}

/// Letters of a run's name: a folder's may have 255, and files are written beside it.
const LONGEST_NAME: usize = 100;

impl<'a> File<'a> {
    fn find(&self, path: &str) -> Option<&'a Node> {
        let root: &'a Node = self.root;
        match path.split_once('.') {
            None => root.entry(path).map(|entry| &entry.node),
            Some((section, key)) => root.entry(section)?.node.entry(key).map(|entry| &entry.node),
        }
    }

    /// An error about a key, at its value if it is there. Values of `--set` have no place in the file.
    fn wrong(&self, path: &str, found: impl Into<Box<str>>, accepted: &str, remedy: &str) -> ConfigError {
        let error = ConfigError::new(&self.source.name, path, found).accepted(accepted).remedy(remedy);
        match self.find(path) {
            Some(node) if node.place == Place::default() => ConfigError { file: "--set".into(), ..error },
            Some(node) => error.at(self.source, node.place),
            None => {
                let section = path.split_once('.').and_then(|(section, _)| self.root.entry(section));
                error.at(self.source, section.map_or(Place::default(), |entry| entry.place))
            }
        }
    }

    fn refuse_unknown(&self) -> Result<(), ConfigError> {
        let unknown = |path: String, place: Place, known: Vec<&str>, what: &str| {
            let leaf = path.rsplit('.').next().unwrap_or(&path);
            let near = known.iter().find(|name| Schema::alike(name, leaf)).map(|name| format!("did you mean {name}?"));
            let error = ConfigError::new("", &path, format!("this {what} is unknown")).accepted(known.join(", "));
            Err(error
                .remedy(
                    near.unwrap_or("delete it; keys of the strategy belong under [axes] or into the base file".into()),
                )
                .at(self.source, place))
        };
        for entry in self.root.entries() {
            let section = KEYS.iter().find(|(name, _)| *name == entry.key && !name.is_empty());
            let is_key = KEYS[0].1.contains(&entry.key.as_str());
            let Some((name, keys)) = section else {
                if is_key {
                    continue;
                }
                let known = KEYS[0].1.iter().copied().chain(KEYS[1..].iter().map(|(name, _)| *name)).collect();
                return unknown(entry.key.clone(), entry.place, known, "key");
            };
            if !matches!(entry.node.body, Body::Map(_)) {
                return Err(ConfigError::new("", name, format!("found {}", entry.node.value()))
                    .accepted(format!("a section [{name}]"))
                    .remedy(format!("write [{name}] on a line of its own, its keys below"))
                    .at(self.source, entry.node.place));
            }
            for inner in entry.node.entries() {
                if !keys.is_empty() && !keys.contains(&inner.key.as_str()) {
                    return unknown(format!("{name}.{}", inner.key), inner.place, keys.to_vec(), "key");
                }
            }
        }
        Ok(())
    }

    fn text(&self, path: &str) -> Result<Option<(&'a Node, &'a str)>, ConfigError> {
        match self.find(path) {
            None => Ok(None),
            Some(node) => match &node.body {
                Body::Scalar(Value::Text(text)) if !text.is_empty() => Ok(Some((node, text))),
                _ => Err(self.wrong(path, format!("found {}", node.value()), "text in quotes", "put it into quotes")),
            },
        }
    }

    fn required_text(&self, path: &str, what: &str) -> Result<(&'a Node, &'a str), ConfigError> {
        self.text(path)?
            .ok_or_else(|| self.wrong(path, "this key is not written", "text in quotes", &format!("write {what}")))
    }

    fn number(&self, path: &str, min: f64, max: f64) -> Result<Option<Num>, ConfigError> {
        let Some(node) = self.find(path) else { return Ok(None) };
        let whole = ["report.top", "evidence.draws", "evidence.blocks"].contains(&path) || path.starts_with("search.");
        match node.value().num() {
            Some(num) if num.as_f64() >= min && num.as_f64() <= max && (!whole || num.is_whole()) => Ok(Some(num)),
            _ => {
                let kind = if whole { "a whole number" } else { "a number" };
                let remedy = match path {
                    "validate.holdout" => "write the share of the range that never ranks, as a fraction: 0.3",
                    "search.points" => "write how many configurations are tried",
                    "search.seed" => "write a seed",
                    "evidence.draws" => "write how many histories are drawn",
                    "evidence.blocks" => "write into how many blocks the time is cut, which are halved",
                    "evidence.target_sharpe" => "write a Sharpe ratio a year",
                    "report.top" => "write for how many configurations ledgers and charts are kept",
                    _ => "write a number within these bounds",
                };
                Err(self.wrong(path, format!("found {}", node.value()), &format!("{kind} from {min} to {max}"), remedy))
            }
        }
    }

    fn choice<T: Copy>(&self, path: &str, words: &[(&str, T)], default: T) -> Result<T, ConfigError> {
        let Some(node) = self.find(path) else { return Ok(default) };
        let word = node.value();
        words.iter().find(|(name, _)| word.text() == Some(name)).map(|(_, value)| *value).ok_or_else(|| {
            let accepted: Vec<&str> = words.iter().map(|(name, _)| *name).collect();
            self.wrong(path, format!("found {word}"), &accepted.join(", "), "choose one of these")
        })
    }

    /// The name of the run's folder.
    fn run_name(&self) -> Result<String, ConfigError> {
        let (_, name) = self.required_text("name", "the name of the run: its reports go to <report.dir>/<name>")?;
        let legal = name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'));
        if !legal || name.starts_with('.') || name.len() > LONGEST_NAME {
            return Err(self.wrong(
                "name",
                format!("found {name}"),
                "letters, digits, - _ ., at most 100 of them",
                "choose a name that can be a folder's",
            ));
        }
        Ok(name.to_string())
    }

    fn refuse_too_many(&self, grid: &Grid) -> Result<(), ConfigError> {
        let count = |axes: &[Axis]| axes.iter().try_fold(1u64, |n, axis| n.checked_mul(axis.values.len() as u64));
        let at = |found: String, accepted: &str| {
            let place = self.root.entry("axes").map_or(Place::default(), |entry| entry.place);
            Err(ConfigError::new("", "axes", found)
                .accepted(accepted)
                .remedy("use fewer or coarser axes")
                .at(self.source, place))
        };
        match (count(&grid.strategy), count(&grid.world)) {
            (Some(n), _) if grid.search.method == Method::Grid && n > 1_000_000_000_000 => {
                at(format!("the grid has {n} strategy points"), "at most 1000000000000 points")
            }
            (None, _) => at(
                "the grid has more points than can be counted".to_string(),
                "at most 1000000000000 points, and of a search 18446744073709551615",
            ),
            (_, Some(n)) if n <= 10_000 => Ok(()),
            _ => at("the grid has too many worlds".to_string(), "at most 10000 world points"),
        }
    }
}
