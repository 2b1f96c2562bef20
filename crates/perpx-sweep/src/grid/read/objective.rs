//! `[search]` and `[objective]`: what is tried, and what wins.

use super::File;
use crate::grid::{Compare, Grid, Method, Objective, OverWorld, RankBy, Require, Search};
use perpx_core::config::text::{Body, Node};
use perpx_core::config::{ConfigError, Num, Schema, Value};

/// Points of a search that does not say how many, and the most.
const POINTS: u64 = 4_096;
const MOST_POINTS: f64 = 1e7;

impl File<'_> {
    pub(super) fn search(&self) -> Result<Search, ConfigError> {
        let method = self.choice("search.method", &Method::WORDS, Method::Grid)?;
        if method == Method::Grid {
            let others = ["search.points", "search.seed"];
            if let Some(path) = others.into_iter().find(|path| self.find(path).is_some()) {
                let found = "found beside method = \"grid\", which tries every point".to_string();
                let remedy = "delete it, or choose another method";
                return Err(self.wrong(path, found, "it with the methods sobol, random, probe and external", remedy));
            }
        }
        let whole = |path: &str, least: f64, most: f64| self.number(path, least, most);
        let points = whole("search.points", 1.0, MOST_POINTS)?.map_or(POINTS, |points| points.as_f64() as u64);
        let of_grid = self.find("seed").and_then(|node| node.value().num());
        let seed = whole("search.seed", 0.0, f64::from(u32::MAX))?.or(of_grid);
        let prune = self.flag("search.prune")?;
        Ok(Search { prune, method, points, seed: seed.and_then(|seed| seed.as_i64()).unwrap_or(0) as u64 })
    }

    /// `true` or `false`, which it is where it is not written.
    pub(super) fn flag(&self, path: &str) -> Result<bool, ConfigError> {
        match self.find(path).map(Node::value) {
            None => Ok(false),
            Some(Value::Bool(flag)) => Ok(flag),
            Some(other) => Err(self.wrong(path, format!("found {other}"), "true or false", "choose one of these")),
        }
    }

    pub(super) fn objective(&self, metrics: &[&str]) -> Result<Objective, ConfigError> {
        let metric_of = |path: &str, name: &str, found: String| -> Result<String, ConfigError> {
            if metrics.contains(&name) {
                return Ok(name.to_string());
            }
            if let Some(inside) = name.strip_prefix("oos_").filter(|inside| metrics.contains(inside)) {
                let remedy = format!("write {inside}; the page shows both, and the held-out one is the judge");
                return Err(self.wrong(
                    path,
                    found,
                    "a metric of the selection: held-out metrics may not rank",
                    &remedy,
                ));
            }
            let mut near = metrics.to_vec();
            near.sort_by_key(|known| (!known.contains(name), Schema::distance(known, name)));
            let close = near.first().filter(|known| Schema::alike(known, name) || known.contains(name));
            let remedy =
                close.map_or("choose a column of the results".to_string(), |known| format!("did you mean {known}?"));
            Err(self.wrong(path, found, &format!("a metric, the nearest names first: {}", near.join(", ")), &remedy))
        };
        let (metric, beside) = match self.find("objective.metrics") {
            None => {
                let (_, metric) = self.required_text("objective.metric", "the metric that ranks, such as sharpe")?;
                (metric_of("objective.metric", metric, format!("found {metric}"))?, Vec::new())
            }
            Some(node) => {
                let mut named = Vec::new();
                for name in self.several_metrics(node)? {
                    named.push(metric_of("objective.metrics", &name, format!("found {name}"))?);
                }
                (named.remove(0), named)
            }
        };
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
                    "conditions `metric operator number` in quotes; the operators are < <= > >= == !=, the number is in the \
                     metric's own unit (of a metric in _pct per cent: 10 = 10 %)",
                    "write require = [\"trades >= 30\", \"max_drawdown_pct <= 10\"]",
                ));
            };
            let metric = metric_of("objective.require", &name, format!("found {}", item.value()))?;
            require.push(Require { metric, compare, value });
        }
        let words = [("worst", OverWorld::Worst), ("median", OverWorld::Median), ("mean", OverWorld::Mean)];
        let over_world = self.choice("objective.over_world", &words, OverWorld::Worst)?;
        let rank = self.choice("objective.rank", &RankBy::WORDS, RankBy::Objective)?;
        Ok(Objective { metric, beside, require, over_world, rank })
    }

    /// A ranking by plateaus needs every neighbour of every configuration, and axes along which there are some.
    pub(super) fn refuse_rank(&self, grid: &Grid) -> Result<(), ConfigError> {
        let is_ordered = |axis: usize| grid.shape(axis).is_ordered && grid.strategy_axes()[axis].values.len() > 1;
        let method = grid.search.method;
        let (found, accepted) = match grid.objective.rank {
            RankBy::Objective => return Ok(()),
            _ if method != Method::Grid => (
                format!("found plateau with the search {}", method.name()),
                "plateau with method = \"grid\": a search leaves neighbours out",
            ),
            _ if !grid.objective.beside.is_empty() => {
                ("found plateau beside objective.metrics".to_string(), "plateau with one metric: several have a front")
            }
            _ if grid.search.prune => (
                "found plateau beside search.prune".to_string(),
                "plateau without prune, which leaves worlds of neighbours out",
            ),
            _ if !(0..grid.strategy_axes().len()).any(is_ordered) => (
                "found plateau, and no axis of the strategy has two numbers".to_string(),
                "plateau with an axis of numbers along which there are neighbours",
            ),
            _ => return Ok(()),
        };
        Err(self.wrong("objective.rank", found, accepted, "delete it, which ranks by the objective"))
    }

    /// Names of `[objective] metrics`, two or three different ones, without the sign that says what is better.
    fn several_metrics(&self, node: &Node) -> Result<Vec<String>, ConfigError> {
        let path = "objective.metrics";
        let accepted = "two or three different metrics in quotes, the one that names the winner first; a - before one of which \
                        less is better";
        let remedy = "write metrics = [\"sharpe\", \"-max_drawdown_pct\"], or metric = \"sharpe\" for one";
        if self.find("objective.metric").is_some() {
            return Err(self.wrong(path, "found beside objective.metric", "one of the two", "delete one of the two"));
        }
        let items: &[Node] = if let Body::List(items) = &node.body { items } else { &[] };
        let mut names: Vec<String> = Vec::new();
        for item in items {
            let value = item.value();
            let name = value.text().map(|text| text.strip_prefix('-').unwrap_or(text).to_string());
            names.extend(name.filter(|name| !names.contains(name)));
        }
        match names.len() == items.len() && (2..=3).contains(&names.len()) {
            true => Ok(names),
            false => Err(self.wrong(path, format!("found {}", node.value()), accepted, remedy)),
        }
    }
}

fn read_require(text: &str) -> Option<(String, Compare, f64)> {
    let at = text.find(['<', '>', '=', '!'])?;
    let (name, rest) = (text[..at].trim(), &text[at..]);
    let (symbol, compare) = Compare::SYMBOLS.into_iter().find(|(symbol, _)| rest.starts_with(symbol))?;
    let value = Num::parse(rest[symbol.len()..].trim())?.as_f64();
    (!name.is_empty()).then(|| (name.to_string(), compare, value))
}
