//! summary.json: what the page says first, as plain data. The sentences are the page's own, without their markup, so that a
//! terminal, a machine and a browser say the same.

use super::page;
use super::view::View;
use super::{Ended, Level, PageVerdict, Unit, legging, text};
use serde::{Deserialize, Serialize};

/// One symbol of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PageSummary {
    pub name: String,
    pub symbol: String,
    /// Market, range, capital.
    pub lead: String,
    pub warnings: Vec<SummaryWarning>,
    /// What won, by how much, in which world, and held out; what was tried.
    pub story: String,
    /// Whether to deploy the winner; none without one.
    #[serde(default)]
    pub verdict: Option<PageVerdict>,
    pub quote: String,
    pub winner: Option<SummaryWinner>,
    /// The winner's episodes of legging by how they ended, then all of them.
    #[serde(default)]
    pub legging: Vec<Ended>,
    /// Of `rows`, in order: the objective first.
    pub columns: Vec<SummaryColumn>,
    /// The best, best first.
    pub rows: Vec<SummaryRow>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SummaryWarning {
    pub severe: bool,
    pub text: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SummaryWinner {
    pub id: String,
    /// Every figure of the page.
    pub figures: Vec<SummaryFigure>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SummaryFigure {
    pub title: String,
    pub unit: Unit,
    pub in_sample: Option<f64>,
    pub held_out: Option<f64>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SummaryColumn {
    pub title: String,
    pub unit: Unit,
    pub held_out: bool,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SummaryRow {
    pub rank: u32,
    pub id: String,
    /// Dotted key and value of every strategy axis.
    pub axes: Vec<(String, String)>,
    pub values: Vec<Option<f64>>,
}

/// Rows of the leaderboard that are summary.
const ROWS: usize = 100;

pub(super) fn summary(view: &View) -> PageSummary {
    let input = view.input;
    let known = |value: Option<f64>| value.filter(|v| v.is_finite());
    let axes = |at: &[u16]| {
        let named = view.axes.iter().enumerate();
        named.map(|(i, axis)| (axis.name.clone(), view.value(at, i).to_string())).collect()
    };
    PageSummary {
        name: input.name.clone(),
        symbol: input.symbol.clone(),
        lead: plain(&page::summary::lead(view).into_string()),
        warnings: view
            .warnings
            .iter()
            .map(|warning| SummaryWarning { severe: warning.level == Level::Severe, text: warning.text.clone() })
            .collect(),
        story: plain(&page::summary::words(view).into_string()),
        verdict: input.verdict.clone(),
        quote: input.quote.clone(),
        winner: input.winner.as_ref().map(|winner| SummaryWinner {
            id: winner.id.clone(),
            figures: winner
                .metrics
                .iter()
                .map(|metric| SummaryFigure {
                    title: metric.title.clone(),
                    unit: metric.unit,
                    in_sample: known(metric.in_sample),
                    held_out: known(metric.held_out),
                })
                .collect(),
        }),
        legging: legging::by_ending(&input.detail.legging),
        columns: input
            .board
            .columns
            .iter()
            .map(|column| SummaryColumn { title: column.title.clone(), unit: column.unit, held_out: column.held_out })
            .collect(),
        rows: input
            .board
            .rows
            .iter()
            .take(ROWS)
            .map(|row| SummaryRow {
                rank: row.rank,
                id: row.id.clone(),
                axes: axes(&row.at),
                values: row.values.iter().copied().map(known).collect(),
            })
            .collect(),
    }
}

impl PageSummary {
    /// A figure of this run with its unit.
    pub fn figure(&self, value: Option<f64>, unit: Unit) -> String {
        text::measured(value, unit, &self.quote).replace('\u{a0}', " ")
    }
}

/// The text of our own markup: a line a block, a dash a list item, a colon behind a term.
fn plain(markup: &str) -> String {
    let mut out = String::new();
    let mut rest = markup;
    while let Some(at) = rest.find('<') {
        out += &rest[..at];
        let Some(end) = rest[at..].find('>').map(|n| at + n) else { break };
        let tag = rest[at + 1..end].split(' ').next().unwrap_or_default();
        match tag {
            "li" => out += "\n- ",
            "/dt" => out += ": ",
            "p" | "/p" | "div" | "/div" | "ul" | "/ul" | "/summary" if !out.ends_with('\n') => out.push('\n'),
            _ => {}
        }
        rest = &rest[end + 1..];
    }
    out += rest;
    for (name, sign) in [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&amp;", "&"), ("\u{a0}", " ")] {
        out = out.replace(name, sign);
    }
    let lines: Vec<&str> = out.lines().map(str::trim_end).filter(|line| !line.is_empty()).collect();
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markup_becomes_lines() {
        let markup = r#"<p class="story">A <code>1 &lt; 2</code> wins.</p><ul><li>one</li><li>two&nbsp;</li></ul><div><dt>Why</dt><dd>so</dd></div>end"#;
        assert_eq!(plain(&markup.replace("&nbsp;", "\u{a0}")), "A 1 < 2 wins.\n- one\n- two\nWhy: so\nend");
    }

    #[test]
    fn the_words_are_those_of_the_page() {
        let input = super::super::fake::input(30);
        let view = View::new(&input).expect("a view");
        let summary = summary(&view);
        assert!(
            summary.story.contains("ranks first of") && summary.story.contains("What was tried"),
            "{}",
            summary.story
        );
        assert!(["</", "<p", "<li", "&lt;"].iter().all(|tag| !summary.story.contains(tag)), "{}", summary.story);
        assert_eq!(summary.warnings.len(), view.warnings.len());
        assert_eq!(summary.rows[0].values.len(), summary.columns.len());
        let json = serde_json::to_string(&summary).expect("json");
        let read: PageSummary = serde_json::from_str(&json).expect("the same");
        assert_eq!((read.story, read.columns, read.rows.len()), (summary.story, summary.columns, summary.rows.len()));
    }
}
