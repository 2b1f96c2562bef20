//! A comparison as a person or a machine reads it.

use super::{Comparison, Difference, MatchedBy, Place, SymbolComparison};
use crate::engine::report_input::{title, unit_of};
use crate::report::{Unit, measured};
use perpx_core::stats::metric_table;
use perpx_core::trader::Composite;
use perpx_data::text::{count, counted, fixed, table, wrap};
use std::fmt::Write;

/// A value longer than this (a list, a hash of many parts) is shown by its beginning.
const LONGEST: usize = 40;

impl Comparison {
    /// As a line for machines.
    pub fn json(&self) -> String {
        serde_json::json!({ "exit": 0, "comparison": self }).to_string()
    }

    /// As a person reads it.
    pub fn text(&self, width: usize) -> String {
        let [a, b] = &self.runs;
        let mut out = format!("A  {a}\nB  {b}\n");
        if self.changes.is_empty() {
            out += "\nGrid, data, code and seed are the same.\n";
        } else {
            let mut rows = vec![["what changed", "A", "B"].map(str::to_string).to_vec()];
            rows.extend(self.changes.iter().map(|change| {
                let [was, is] = shortened(&change.was);
                vec![format!("{} {}", change.part, change.key), was, is]
            }));
            out += &format!("\n{}", table(&rows, width));
        }
        for symbol in &self.symbols {
            symbol_text(&mut out, symbol, &self.objectives, width);
        }
        if !self.unshared.is_empty() {
            let _ = writeln!(out, "\nIn one of the two alone: {}", self.unshared.join(", "));
        }
        out.trim_end().to_string()
    }
}

/// Both values on a line each; of long ones the part from where they differ.
fn shortened(was: &[String; 2]) -> [String; 2] {
    let lines = was.each_ref().map(|text| text.replace('\n', " ").chars().collect::<Vec<char>>());
    let same = lines[0].iter().zip(&lines[1]).take_while(|(a, b)| a == b).count();
    let long = lines.iter().any(|line| line.len() > LONGEST);
    let from = if long && same > LONGEST / 2 { same - 8 } else { 0 };
    lines.map(|line| {
        let rest: String = line.iter().skip(from).take(LONGEST).collect();
        let (before, after) = (from > 0 && !rest.is_empty(), line.len() > from + LONGEST);
        format!("{}{rest}{}", if before { ".." } else { "" }, if after { ".." } else { "" })
    })
}

fn symbol_text(out: &mut String, s: &SymbolComparison, objectives: &[String; 2], width: usize) {
    let [a, b] = s.configurations;
    let mut line = format!("{}: {} in A, {} in B, ", s.symbol, counted(a as u64, "configuration"), count(b as u64));
    if s.shared == 0 {
        line += "none in both: nothing to rank against each other.";
    } else {
        let how = match s.matched_by {
            MatchedBy::Id => "",
            MatchedBy::Axes => ", matched by the values on their axes (other keys differ)",
        };
        let _ = write!(line, "{} in both{how}. Rank correlation ", count(s.shared as u64));
        line += &s.rank_correlation.map_or("- (all are worth the same)".to_string(), |r| format!("{r:.3}"));
        let _ = write!(line, "; of the best {} of each {} are the same.", s.top, s.top_overlap);
    }
    let _ = writeln!(out, "\n{}", wrap(&line, width.min(110)));
    let mut rows = vec![["", "A's winner in A", "in B", "B's winner in A", "in B"].map(str::to_string).to_vec()];
    let places: Vec<Option<&Place>> = s
        .winners
        .iter()
        .flat_map(|winner| [0, 1].map(|run| winner.as_ref().and_then(|winner| winner.places[run].as_ref())))
        .collect();
    let mut row = |name: &str, cell: &dyn Fn(usize, &Place) -> String| {
        let cells = places.iter().enumerate().map(|(at, place)| place.map_or("-".to_string(), |place| cell(at, place)));
        rows.push(std::iter::once(name.to_string()).chain(cells).collect());
    };
    row("configuration", &|_, place| place.id.clone());
    row("rank", &|at, place| format!("{} of {}", count(place.rank as u64), count(s.configurations[at % 2] as u64)));
    row("meets require", &|_, place| if place.meets_require { "yes" } else { "no" }.to_string());
    let metrics = metric_table::<Composite>();
    let unit = |name: &str| metrics.iter().find(|info| info.name == name).map_or(Unit::Ratio, unit_of);
    let figure = |value, unit| measured(value, unit, "USD").replace('\u{a0}', " ");
    let objective = match objectives {
        [a, b] if a == b => format!("{}, objective", title(a)),
        _ => "objective".to_string(),
    };
    row(&objective, &|at, place| figure(place.objective, unit(&objectives[at % 2])));
    let mut names: Vec<&String> = Vec::new();
    for (name, _) in places.iter().flatten().flat_map(|place| &place.figures) {
        // the objective has its row
        if !names.contains(&name) && objectives.iter().any(|objective| objective != name) {
            names.push(name);
        }
    }
    for name in names {
        let bare = name.strip_prefix("oos_");
        let unit = unit(bare.unwrap_or(name));
        let line = title(bare.unwrap_or(name)) + if bare.is_some() { ", held out" } else { "" };
        row(&line, &|_, place| {
            let value = place.figures.iter().find(|(figure, _)| figure == name).and_then(|(_, value)| *value);
            figure(value, unit)
        });
    }
    *out += &table(&rows, width);
    for line in differences(s) {
        let _ = writeln!(out, "{}", wrap(&line, width.min(110)));
    }
    for (run, winner) in ["A", "B"].iter().zip(&s.winners) {
        let Some(winner) = winner else { continue };
        let values: Vec<String> = winner.axes.iter().map(|(key, value)| format!("{key} {value}")).collect();
        let _ = writeln!(out, "{}", wrap(&format!("- {run}'s winner: {}", values.join(", ")), width.min(110)));
    }
}

/// Whether the winners earned more than chance explains.
fn differences(s: &SymbolComparison) -> Vec<String> {
    if let Some(why) = s.no_difference {
        return vec![format!("- Whether the difference is larger than its error is not known: {why}.")];
    }
    let percent = |share: f64| fixed(100.0 * share, 2);
    let line = |Difference { of, found }: &Difference| match found {
        None => format!("- {of}: nothing; the ledgers are the same."),
        Some(found) => {
            let verdict = if found.is_clear { "larger than its error" } else { "no larger than its error" };
            let [low, high] = found.net_interval.map(percent);
            let [worse, better] = found.sharpe_interval.map(|sharpe| fixed(sharpe, 1));
            format!(
                "- {of}: {} % of the capital, one standard error {} (95 %: {low} to {high}): {verdict}. Sharpe {} ({worse} to \
                 {better}). In the base world in sample; atoms in pairs, not corrected for choosing.",
                percent(found.net),
                percent(found.net_error),
                fixed(found.sharpe, 1)
            )
        }
    };
    s.differences.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_values_are_shown_where_they_differ() {
        let list = |last: &str| format!("[{}{last}]", "0.001, ".repeat(12));
        let [a, b] = shortened(&[list("7"), list("8")]);
        assert_eq!((a.as_str(), b.as_str()), (".. 0.001, 7]", ".. 0.001, 8]"));
        assert_eq!(shortened(&["1".to_string(), "2\n3".to_string()]), ["1", "2 3"]);
        let [long, _] = shortened(&["x".repeat(50), "-".to_string()]);
        assert_eq!(long, format!("{}..", "x".repeat(40)));
    }
}
