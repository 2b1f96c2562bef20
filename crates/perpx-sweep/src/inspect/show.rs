//! A finished run in the terminal: what its summary.json and run.json say.

use crate::error::SweepError;
use crate::report::{PageSummary, SummaryColumn, SummaryRow, Unit};
use crate::results::manifest::RunManifest;
use perpx_data::text::{duration, red, short_names, table, wrap};
use serde_json::json;
use std::fmt::Write;
use std::path::{Path, PathBuf};

/// Columns of prose that the eye still follows.
const PROSE: usize = 110;

/// A run's folder, read.
pub struct Run {
    /// The run's folder.
    pub dir: PathBuf,
    /// Its run.json.
    pub manifest: RunManifest,
    /// A symbol each.
    pub summaries: Vec<PageSummary>,
}

/// Reads the folder of a finished run, of several symbols the one that is named.
///
/// # Errors
/// There is no finished run, or one of a version without summaries.
pub fn read(dir: &Path, symbol: Option<&str>) -> Result<Run, SweepError> {
    let manifest = RunManifest::read(dir)?;
    let summaries = summaries(dir, &manifest, manifest.known(dir, symbol)?)?;
    Ok(Run { dir: dir.to_path_buf(), manifest, summaries })
}

/// What the run's symbols came to, or the one that is named.
///
/// # Errors
/// A symbol without a summary.
pub fn summaries(dir: &Path, manifest: &RunManifest, symbol: Option<&str>) -> Result<Vec<PageSummary>, SweepError> {
    let symbols = manifest.symbol_names();
    let folder = |symbol: &str| if symbols.len() == 1 { dir.to_path_buf() } else { dir.join(symbol) };
    let wanted = symbols.iter().filter(|known| symbol.is_none_or(|symbol| symbol == **known));
    wanted.map(|symbol| summary(&folder(symbol).join("summary.json"))).collect()
}

fn summary(path: &Path) -> Result<PageSummary, SweepError> {
    let wrong = |what: String| SweepError::NotARun { path: path.to_path_buf(), what };
    let text = std::fs::read_to_string(path).map_err(|error| wrong(error.to_string()))?;
    let summary: PageSummary = serde_json::from_str(&text).map_err(|error| wrong(error.to_string()))?;
    match summary.rows.iter().find(|row| row.values.len() != summary.columns.len()) {
        None => Ok(summary),
        Some(row) => {
            let (values, columns) = (row.values.len(), summary.columns.len());
            Err(wrong(format!("row {} has {values} values, and there are {columns} columns", row.rank)))
        }
    }
}

impl Run {
    /// As a person reads it, with `top` rows of the best.
    pub fn text(&self, top: usize, width: usize) -> String {
        let prose = width.min(PROSE);
        let mut out = String::new();
        for summary in &self.summaries {
            let _ = writeln!(out, "{}\n{}", summary.name, wrap(&summary.lead, prose));
            verdict(&mut out, summary, prose);
            warnings(&mut out, summary, prose);
            let _ = writeln!(out, "\n{}", wrap(&summary.story, prose));
            if let Some(values) = summary.winner.as_ref().and_then(|_| summary.rows.first()) {
                let symbol = self.manifest.symbols.iter().find(|symbol| symbol.symbol == summary.symbol);
                let wins = symbol.is_some_and(|symbol| symbol.no_winner.is_none());
                let who = if wins { "The winner" } else { "The first-ranked configuration" };
                let over = symbol.is_some_and(|symbol| symbol.worlds.len() > 1);
                let world = if over { " in the world that ranks it" } else { "" };
                let _ = write!(out, "\n{who}'s values\n{}", table(&values_of(values), width));
                let _ = write!(out, "\n{who}'s figures{world}\n{}", table(&figures_of(summary), width));
            }
            if !summary.legging.is_empty() {
                let _ = write!(out, "\nThe winner's legging\n{}", table(&legging_of(summary), width));
            }
            let shown = summary.rows.len().min(top);
            if shown > 0 {
                let _ = write!(out, "\nThe best {shown}\n{}", table(&best_of(summary, shown), width));
            }
            out.push('\n');
        }
        let RunManifest { store, grid_file, grid_hash, version, code, seed, seconds, .. } = &self.manifest;
        let _ = write!(out, "data     {store}\ngrid     {grid_file} ({grid_hash})\n");
        let _ = writeln!(out, "code     {version} {code}, seed {seed}, {}", duration(*seconds));
        out + &format!("files    {}", self.dir.display())
    }

    /// As a line for machines.
    pub fn json(&self, top: usize) -> String {
        let mut symbols = self.summaries.clone();
        symbols.iter_mut().for_each(|summary| summary.rows.truncate(top));
        json!({ "exit": 0, "dir": self.dir.display().to_string(), "run": self.manifest, "symbols": symbols })
            .to_string()
    }
}

/// Shall it be deployed.
fn verdict(out: &mut String, summary: &PageSummary, width: usize) {
    let Some(found) = &summary.verdict else { return };
    let grade = crate::report::capital(&found.grade);
    let _ = writeln!(out, "\n{}", wrap(&format!("{grade}. {} {}", found.sentence, found.hope), width));
    for check in &found.checks {
        let label = format!("{}: {}", check.name.replace('_', " "), check.grade);
        let _ = writeln!(out, "{}", wrap(&format!("- {label}; {}", check.text), width));
    }
}

fn warnings(out: &mut String, summary: &PageSummary, width: usize) {
    for (severe, title) in [(true, "Not to be used as it stands"), (false, "To be known before use")] {
        let lines: Vec<String> = summary
            .warnings
            .iter()
            .filter(|said| said.severe == severe)
            .map(|said| format!("- {}", said.text))
            .collect();
        if !lines.is_empty() {
            let text = wrap(&format!("{title}\n{}", lines.join("\n")), width);
            let _ = writeln!(out, "\n{}", if severe { red(&text) } else { text });
        }
    }
}

fn values_of(winner: &SummaryRow) -> Vec<Vec<String>> {
    let head = vec!["key".to_string(), "value".to_string()];
    std::iter::once(head).chain(winner.axes.iter().map(|(key, value)| vec![key.clone(), value.clone()])).collect()
}

/// Those figures of the winner that stand on the board; summary.json has them all.
fn figures_of(summary: &PageSummary) -> Vec<Vec<String>> {
    let mut rows = vec![["figure", "in sample", "held out"].map(str::to_string).to_vec()];
    let figures = summary.winner.iter().flat_map(|winner| &winner.figures);
    // the objective's column says its world too
    let name = |column: &SummaryColumn| column.title.split(',').next().unwrap_or_default().replace('_', " ");
    let on_board = |title: &str| summary.columns.iter().any(|column| name(column) == title);
    rows.extend(figures.filter(|figure| on_board(&figure.title)).map(|figure| {
        let text = |value| summary.figure(value, figure.unit);
        vec![figure.title.clone(), text(figure.in_sample), text(figure.held_out)]
    }));
    rows
}

/// By how an episode ended: how many, how much for how long, and what it cost.
fn legging_of(summary: &PageSummary) -> Vec<Vec<String>> {
    let head = ["ended by", "episodes", "in all", "qty x sec", "worst move", "worst", "cost", "money"];
    let mut rows = vec![head.map(str::to_string).to_vec()];
    rows.extend(summary.legging.iter().map(|ended| {
        let text = |value: f64, unit| summary.figure(Some(value), unit);
        vec![
            crate::report::words(&ended.ending),
            text(ended.episodes as f64, Unit::Count),
            text(ended.seconds, Unit::Seconds),
            text(ended.qty_sec, Unit::Ratio),
            text(ended.worst_bp, Unit::Bps),
            text(ended.worst, Unit::Money),
            summary.figure(ended.cost_bp, Unit::Bps),
            text(ended.cost, Unit::Money),
        ]
    }));
    rows
}

/// Rank, the board's columns that say anything, then the axes by the shortest names that tell them apart. Of the objective
/// the first column is enough: the others spread it over the worlds.
fn best_of(summary: &PageSummary, shown: usize) -> Vec<Vec<String>> {
    let rows = &summary.rows[..shown];
    let objective = |title: &str| title.split(',').next().unwrap_or_default().to_string();
    let first = summary.columns.first().map(|column| objective(&column.title)).unwrap_or_default();
    let said = |(at, column): &(usize, &SummaryColumn)| {
        let spread = *at > 0 && !column.held_out && column.title.contains(", ") && objective(&column.title) == first;
        *at == 0 || !spread && rows.iter().any(|row| row.values.get(*at).is_some_and(Option::is_some))
    };
    let columns: Vec<(usize, &SummaryColumn)> = summary.columns.iter().enumerate().filter(said).collect();
    let title = |(_, column): &(usize, &SummaryColumn)| match column.held_out {
        true => format!("{}, held out", column.title),
        false => column.title.clone(),
    };
    let keys: Vec<&str> = rows.iter().take(1).flat_map(|row| &row.axes).map(|(key, _)| key.as_str()).collect();
    let mut head = vec!["rank".to_string(), "id".to_string()];
    head.extend(columns.iter().map(title));
    head.extend(short_names(&keys));
    let mut out = vec![head];
    for row in rows {
        let mut cells = vec![row.rank.to_string(), row.id.clone()];
        cells.extend(columns.iter().map(|(at, column)| summary.figure(row.values[*at], column.unit)));
        cells.extend(row.axes.iter().map(|(_, value)| value.clone()));
        out.push(cells);
    }
    out
}
