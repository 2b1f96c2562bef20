//! Reading a grid file.

use super::expr::{self, Operand};
use super::{Axis, BadRows, Compare, Data, Grid, Objective, OverWorld, Report, Require, Warmup};
use crate::config::keys::{Class, Default, K, Kind};
use crate::config::text::{Body, Entry, Node, Place, Source, parse_toml};
use crate::config::{ConfigError, ConfigFile, KeyIx, Num, Override, Schema, Value, base_asset};
use crate::units::Time;
use std::path::Path;

/// Keys of a grid file: section ("" = top), its keys; an empty list = any key.
const KEYS: [(&str, &[&str]); 10] = [
    ("", &["name", "base", "seed"]),
    ("data", &["store", "symbol", "symbols", "from", "to", "warmup", "on_bad_rows"]),
    ("cache", &["max_gib"]),
    ("axes", &[]),
    ("where", &["skip"]),
    ("search", &["method"]),
    ("fills", &[]),
    ("objective", &["metric", "require", "over_world"]),
    ("validate", &["holdout"]),
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
        Grid::parse(&name, &text, metrics, sets, &ConfigFile::read)
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
        let (strategy, world) = file.axes(&base, &set)?;
        let skip = file.skip(&base, &fixed, &strategy)?;
        let grid = Grid {
            name: file.run_name()?,
            data,
            max_gib: file.number("cache.max_gib", 0.0, 1e6)?,
            objective: file.objective(metrics)?,
            holdout: file.number("validate.holdout", 0.0, 0.9)?.unwrap_or(0.0),
            report: Report {
                dir: file.folder.join(file.text("report.dir")?.map_or("reports", |(_, text)| text)),
                top: file.number("report.top", 1.0, 10_000.0)?.unwrap_or(20.0) as usize,
            },
            base,
            fixed,
            fixed_places,
            strategy,
            world,
            skip,
            source: source.clone(),
        };
        file.refuse_too_many(&grid)?;
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

    fn number(&self, path: &str, min: f64, max: f64) -> Result<Option<f64>, ConfigError> {
        let Some(node) = self.find(path) else { return Ok(None) };
        let whole = path == "report.top";
        match node.value().num() {
            Some(num) if num.as_f64() >= min && num.as_f64() <= max && (!whole || num.is_whole()) => {
                Ok(Some(num.as_f64()))
            }
            _ => {
                let kind = if whole { "a whole number" } else { "a number" };
                let remedy = match path {
                    "validate.holdout" => "write the share of the range that never ranks, as a fraction: 0.3",
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

    fn run_name(&self) -> Result<String, ConfigError> {
        let (_, name) = self.required_text("name", "the name of the run: its reports go to <report.dir>/<name>")?;
        let legal = name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'));
        if !legal || name.starts_with('.') {
            return Err(self.wrong(
                "name",
                format!("found {name}"),
                "letters, digits, - _ .",
                "choose a name that can be a folder's",
            ));
        }
        Ok(name.to_string())
    }

    /// `seed` and `[fills]`.
    fn fixed(&self, base: &ConfigFile) -> Result<(Vec<Override>, Vec<Option<Place>>), ConfigError> {
        let (mut list, mut places) = (Vec::new(), Vec::new());
        if let Some(node) = self.find("seed") {
            let ix: KeyIx = K::Seed.into();
            base.check(ix, &node.value())
                .map_err(|error| self.wrong("seed", error.found, &error.accepted, &error.remedy))?;
            list.push((ix, node.value()));
            places.push((node.place != Place::default()).then_some(node.place));
        }
        if let Some(entry) = self.root.entry("fills") {
            self.fills(base, &entry.node, "fills", &mut list, &mut places)?;
        }
        Ok((list, places))
    }

    fn fills(
        &self,
        base: &ConfigFile,
        node: &Node,
        path: &str,
        list: &mut Vec<Override>,
        places: &mut Vec<Option<Place>>,
    ) -> Result<(), ConfigError> {
        for entry in node.entries() {
            let path = format!("{path}.{}", entry.key);
            if base.schema().is_section(&path) && matches!(entry.node.body, Body::Map(_)) {
                self.fills(base, &entry.node, &path, list, places)?;
                continue;
            }
            let ix = base.key(&path).map_err(|error| error.at(self.source, entry.place))?;
            let value = base.schema().normal(ix, entry.node.value());
            base.check(ix, &value).map_err(|error| error.at(self.source, entry.node.place))?;
            list.push((ix, value));
            places.push(Some(entry.node.place));
        }
        Ok(())
    }

    fn data(&self, base: &ConfigFile, fixed: &[Override]) -> Result<Data, ConfigError> {
        let (_, store) = self.required_text("data.store", "the data store's folder or URL")?;
        let store = match store.contains("://") {
            true => store.to_string(),
            false => self.folder.join(store).display().to_string(),
        };
        let from = self.time("data.from")?;
        let to = self.time("data.to")?;
        if from >= to {
            let found = format!("the range is empty: from {from}, to {to}");
            return Err(self.wrong(
                "data.to",
                found,
                "a time after data.from; `to` itself is not included",
                "write a later `to`",
            ));
        }
        Ok(Data {
            store,
            symbols: self.symbols(base, fixed)?,
            from,
            to,
            warmup: self.choice(
                "data.warmup",
                &[("refuse", Warmup::Refuse), ("late_start", Warmup::LateStart)],
                Warmup::Refuse,
            )?,
            on_bad_rows: self.choice(
                "data.on_bad_rows",
                &[("fail", BadRows::Fail), ("drop", BadRows::Drop)],
                BadRows::Fail,
            )?,
        })
    }

    fn time(&self, path: &str) -> Result<Time, ConfigError> {
        let accepted = "a UTC date or time such as 2026-01-05 or 2026-01-05T10:30:00Z";
        let Some(node) = self.find(path) else {
            return Err(self.wrong(path, "this key is not written", accepted, "write the range of the sweep"));
        };
        let value = node.value();
        value
            .text()
            .and_then(|text| text.parse().ok())
            .ok_or_else(|| self.wrong(path, format!("found {value}"), accepted, "write a date"))
    }

    fn symbols(&self, base: &ConfigFile, fixed: &[Override]) -> Result<Vec<String>, ConfigError> {
        let key: KeyIx = K::Symbol.into();
        let own = fixed.iter().rev().find(|(ix, _)| *ix == key).map(|(_, value)| value).or(base.written(key));
        let own = own.and_then(Value::text).unwrap_or("");
        match (self.text("data.symbol")?, self.find("data.symbols")) {
            (Some((_, symbol)), None) => {
                if base_asset(symbol) != base_asset(own) {
                    let found = format!("found {symbol}, but the strategy file trades {own}");
                    let accepted = format!("a symbol of the coin {}", base_asset(own));
                    return Err(self.wrong(
                        "data.symbol",
                        found,
                        &accepted,
                        "correct one of the two, or write symbols = [...] to sweep others",
                    ));
                }
                Ok(vec![symbol.to_string()])
            }
            (None, Some(node)) => {
                let Body::List(items) = &node.body else {
                    return Err(self.wrong(
                        "data.symbols",
                        format!("found {}", node.value()),
                        "a list of names",
                        "write symbols = [\"BTC\", \"ETH\"]",
                    ));
                };
                let mut list: Vec<String> = Vec::new();
                for item in items {
                    match item.value() {
                        Value::Text(text) if !text.is_empty() && !list.contains(&text) => list.push(text),
                        other => {
                            let found = format!("found {other}");
                            return Err(self.wrong(
                                "data.symbols",
                                found,
                                "a list of different names in quotes",
                                "correct the list",
                            ));
                        }
                    }
                }
                match list.is_empty() {
                    true => Err(self.wrong("data.symbols", "found no symbol", "at least one name", "write a symbol")),
                    false => Ok(list),
                }
            }
            (None, None) => Err(self.wrong(
                "data.symbol",
                "this key is not written",
                "text in quotes",
                "write the data store's name of the perpetual: symbol = \"BTC\"",
            )),
            (Some(_), Some(_)) => Err(self.wrong(
                "data.symbols",
                "found symbols beside symbol",
                "one of the two",
                "delete one of the two",
            )),
        }
    }

    fn axes(&self, base: &ConfigFile, set: &[Override]) -> Result<(Vec<Axis>, Vec<Axis>), ConfigError> {
        let (mut strategy, mut world): (Vec<Axis>, Vec<Axis>) = (Vec::new(), Vec::new());
        for entry in self.root.entry("axes").map_or(&[][..], |entry| entry.node.entries()) {
            // an unquoted dotted key is a table to TOML
            if base.schema().find(&entry.key).is_none() && base.schema().is_section(&entry.key) {
                return Err(ConfigError::new("", &format!("axes.{}", entry.key), "found a section")
                    .accepted("dotted keys in quotes")
                    .remedy("write \"locking.g_pct\" = [...] with the quotes")
                    .at(self.source, entry.place));
            }
            let mut axis = Axis::read(self.source, base, entry)?;
            if strategy.iter().chain(&world).any(|known| known.key == axis.key) {
                return Err(ConfigError::new("", &axis.path, "this key is an axis already")
                    .accepted("each key once")
                    .remedy("delete one of the two")
                    .at(self.source, entry.place));
            }
            if let Some((_, value)) = set.iter().rev().find(|(ix, _)| *ix == axis.key) {
                axis.values = vec![value.clone()];
                axis.places = vec![entry.node.place];
            }
            if base.class(axis.key) == Class::Strategy { strategy.push(axis) } else { world.push(axis) }
        }
        Ok((strategy, world))
    }

    fn skip(
        &self,
        base: &ConfigFile,
        fixed: &[Override],
        axes: &[Axis],
    ) -> Result<Vec<(String, expr::Expr)>, ConfigError> {
        let Some(node) = self.find("where.skip") else { return Ok(Vec::new()) };
        let one = [node.clone()];
        let items: &[Node] = match &node.body {
            Body::List(items) => items,
            Body::Scalar(Value::Text(_)) => &one,
            _ => {
                let found = format!("found {}", node.value());
                return Err(self.wrong(
                    "where.skip",
                    found,
                    "a list of conditions in quotes",
                    "write skip = [\"a >= b\"]",
                ));
            }
        };
        let key = |path: &str| operand(base, fixed, axes, path);
        let mut list = Vec::new();
        for item in items {
            let value = item.value();
            let Some(text) = value.text() else {
                let found = format!("found {value}");
                return Err(self.wrong(
                    "where.skip",
                    found,
                    "a list of conditions in quotes",
                    "write skip = [\"a >= b\"]",
                ));
            };
            let expr = expr::parse(text, &key).map_err(|error| {
                // one byte for the quote; escapes inside a condition are not expected
                let start = item.place.start + 1 + error.at;
                ConfigError::new("", "where.skip", format!("{} in: {text}", error.what))
                    .accepted("conditions over strategy keys with < <= > >= == !=, and, or, not, ( ), + - * /")
                    .remedy(error.remedy)
                    .at(self.source, Place { start, end: start + error.length })
            })?;
            list.push((text.to_string(), expr));
        }
        Ok(list)
    }

    fn objective(&self, metrics: &[&str]) -> Result<Objective, ConfigError> {
        self.choice("search.method", &[("grid", ())], ())?;
        let metric_of = |path: &str, name: &str, found: String| -> Result<String, ConfigError> {
            if metrics.contains(&name) {
                return Ok(name.to_string());
            }
            let close = metrics.iter().find(|known| Schema::alike(known, name));
            let remedy =
                close.map_or("choose a column of the results".to_string(), |known| format!("did you mean {known}?"));
            Err(self.wrong(path, found, &format!("a metric: {}", metrics.join(", ")), &remedy))
        };
        let (_, metric) = self.required_text("objective.metric", "the metric that ranks, such as sharpe")?;
        let metric = metric_of("objective.metric", metric, format!("found {metric}"))?;
        let mut require = Vec::new();
        let list = self.find("objective.require");
        let one = list.cloned();
        let items: &[Node] = match list.map(|node| &node.body) {
            None => &[],
            Some(Body::List(items)) => items,
            Some(_) => one.as_slice(),
        };
        for item in items {
            let value = item.value();
            let parsed = value.text().and_then(read_require);
            let Some((name, compare, value)) = parsed else {
                let found = format!("found {value}");
                return Err(self.wrong(
                    "objective.require",
                    found,
                    "conditions `metric >= number` in quotes",
                    "write require = [\"trades >= 30\"]",
                ));
            };
            let metric = metric_of("objective.require", &name, format!("found {}", item.value()))?;
            require.push(Require { metric, compare, value });
        }
        let words = [("worst", OverWorld::Worst), ("median", OverWorld::Median), ("mean", OverWorld::Mean)];
        let over_world = self.choice("objective.over_world", &words, OverWorld::Worst)?;
        Ok(Objective { metric, require, over_world })
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
            (Some(n), _) if n > 1_000_000_000_000 => {
                at(format!("the grid has {n} strategy points"), "at most 1000000000000 points")
            }
            (None, _) => at("the grid has more points than can be counted".to_string(), "at most 1000000000000 points"),
            (_, Some(n)) if n <= 10_000 => Ok(()),
            _ => at("the grid has too many worlds".to_string(), "at most 10000 world points"),
        }
    }
}

fn read_require(text: &str) -> Option<(String, Compare, f64)> {
    let at = text.find(['<', '>', '=', '!'])?;
    let rest = &text[at..];
    let (compare, length) = match rest {
        _ if rest.starts_with("<=") => (Compare::LessEqual, 2),
        _ if rest.starts_with(">=") => (Compare::GreaterEqual, 2),
        _ if rest.starts_with("==") => (Compare::Equal, 2),
        _ if rest.starts_with("!=") => (Compare::Unequal, 2),
        _ if rest.starts_with('<') => (Compare::Less, 1),
        _ if rest.starts_with('>') => (Compare::Greater, 1),
        _ => return None,
    };
    let name = text[..at].trim();
    let value = Num::parse(rest[length..].trim())?.as_f64();
    (!name.is_empty()).then(|| (name.to_string(), compare, value))
}

/// What a key of a skip condition stands for: an axis, else the one value that all points share.
fn operand(base: &ConfigFile, fixed: &[Override], axes: &[Axis], path: &str) -> Result<(Operand, Value), String> {
    let schema = base.schema();
    let Some(mut ix) = schema.find(path) else {
        return Err(schema
            .nearest(path)
            .map_or("use a dotted key of the strategy file".to_string(), |known| format!("did you mean {known}?")));
    };
    if base.class(ix) != Class::Strategy {
        return Err("use keys of the strategy: a world is not the trader's to skip".to_string());
    }
    let sample = match schema.key(ix).kind {
        Kind::Bool => Value::Bool(false),
        Kind::Number { .. } => Value::Num(Num(0)),
        _ => Value::Text(String::new()),
    };
    loop {
        if let Some(axis) = axes.iter().position(|axis| axis.key == ix) {
            return Ok((Operand::Axis(axis), sample));
        }
        let over = fixed.iter().rev().find(|(key, _)| *key == ix).map(|(_, value)| value);
        if let Some(value) = over.or(base.written(ix)) {
            return Ok((Operand::Const(value.clone()), sample));
        }
        match schema.key(ix).default {
            Default::Like(other) => ix = other.into(),
            _ => return Ok((Operand::Const(schema.default(ix).cloned().unwrap_or(Value::Null)), sample)),
        }
    }
}
