//! `[search]` and `[objective]`: what wins.

use super::File;
use crate::grid::{Compare, Objective, OverWorld, Require};
use perpx_core::config::text::{Body, Node};
use perpx_core::config::{ConfigError, Num, Schema};

impl File<'_> {
    pub(super) fn objective(&self, metrics: &[&str]) -> Result<Objective, ConfigError> {
        self.choice("search.method", &[("grid", ())], ())?;
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
        Ok(Objective { metric, require, over_world })
    }
}

fn read_require(text: &str) -> Option<(String, Compare, f64)> {
    let at = text.find(['<', '>', '=', '!'])?;
    let (name, rest) = (text[..at].trim(), &text[at..]);
    let (symbol, compare) = Compare::SYMBOLS.into_iter().find(|(symbol, _)| rest.starts_with(symbol))?;
    let value = Num::parse(rest[symbol.len()..].trim())?.as_f64();
    (!name.is_empty()).then(|| (name.to_string(), compare, value))
}
