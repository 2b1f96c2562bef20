//! The grid's canonical form: what must be equal for a run to be resumed.

use super::{Axis, EvidencePlan, Grid, Method, Objective, RankBy, Search};
use perpx_core::config::ConfigError;

impl Grid {
    /// Named parts that decide a run's bytes, in one spelling each. A refusal to resume names the parts that differ.
    ///
    /// # Errors
    /// The base file's venue roles cannot be resolved.
    pub fn parts(&self) -> Result<Vec<(&'static str, String)>, ConfigError> {
        let axes = |axes: &[Axis], when: &dyn Fn(usize) -> Option<String>| -> String {
            let line = |(number, axis): (usize, &Axis)| {
                let values: Vec<String> = axis.values.iter().map(ToString::to_string).collect();
                let when = when(number).map_or(String::new(), |when| format!(" when {when}"));
                format!("{}=[{}]{when}\n", axis.path, values.join(", "))
            };
            axes.iter().enumerate().map(line).collect()
        };
        let mut overlay = self.fixed.clone();
        // what an axis varies has no value of its own
        overlay.retain(|(key, _)| !self.strategy.iter().chain(&self.world).any(|axis| axis.key == *key));
        let first = self.world(0);
        let start: Vec<_> = overlay.iter().chain(&self.point(self.effective(0))).chain(&first).cloned().collect();
        // of each symbol: their instruments differ
        let of = |symbol: &String| {
            let own = (self.data.symbols.len() > 1).then(|| self.base.symbol(symbol));
            self.base.canonical_world(&own.into_iter().chain(start.iter().cloned()).collect::<Vec<_>>())
        };
        let worlds: String = self.data.symbols.iter().map(of).collect::<Result<_, _>>()?;
        let Objective { metric, beside, require, over_world, rank } = &self.objective;
        let objective = format!("Objective {{ metric: {metric:?}, require: {require:?}, over_world: {over_world:?} }}");
        let skip: Vec<&str> = self.skip.iter().map(|(text, _)| text.as_str()).collect();
        let mut parts = vec![
            ("strategy", self.base.canonical(&start)?),
            ("world and account", worlds),
            ("strategy axes", axes(&self.strategy, &|axis| self.when(axis).map(str::to_string))),
            ("world axes", axes(&self.world, &|_| None)),
            ("where", skip.join("\n")),
            ("data range", format!("{} {} {}", self.data.symbols.join(","), self.data.from, self.data.to)),
            ("data policy", {
                let gap_trades = if self.data.gap_trades { " gap trades" } else { "" };
                format!("{:?} {:?}{gap_trades}", self.data.warmup, self.data.on_bad_rows)
            }),
            ("objective", objective),
            ("holdout", self.holdout.to_string()),
            ("top", self.report.top.to_string()),
        ];
        if self.search.method != Method::Grid {
            let Search { method, points, seed, .. } = self.search;
            parts.push(("search", format!("{} {points} {seed}", method.name())));
        }
        if !beside.is_empty() {
            parts.push(("metrics", beside.join(" ")));
        }
        if *rank == RankBy::Plateau {
            parts.push(("rank", "plateau".to_string()));
        }
        if self.evidence != EvidencePlan::default() {
            parts.push(("evidence", format!("{:?}", self.evidence)));
        }
        if self.search.prune {
            parts.push(("prune", self.search.prune.to_string()));
        }
        Ok(parts)
    }

    /// First 16 hex digits of the BLAKE3 of all [`Grid::parts`].
    ///
    /// # Errors
    /// As [`Grid::parts`].
    pub fn hash(&self) -> Result<String, ConfigError> {
        let text: String = self.parts()?.iter().map(|(name, text)| format!("[{name}]\n{text}\n")).collect();
        Ok(perpx_core::config::short_hash(&text))
    }
}
