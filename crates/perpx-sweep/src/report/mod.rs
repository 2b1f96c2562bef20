//! What a run leaves to be looked at: one self-contained page and pictures of its charts.
//!
//! Over several symbols `write_symbols` makes one more page. The sweep fills `Input` with plain data; `write` makes
//! `report.html` (no network, light and dark, any width), its words and first tables as `summary.json`, and a PNG of
//! each chart out of it: `equity`, `luck`, `tries`, `when-*`, `margin`, `distance`, `capacity`, `market`, `money`, `funding`,
//! `axes`, `parallel`, `distribution`, `heatmap-NN-y-x`, `faults-NN-y-x`. The same input gives the same bytes. 100,000
//! configurations cost no more page than two: only summaries of them are shown.

mod chart;
mod charts;
mod course;
#[cfg(test)]
mod fake;
mod frame;
mod heat;
mod importance;
mod input;
mod legging;
mod page;
mod palette;
mod picture;
mod scale;
mod summary;
#[cfg(test)]
mod tests;
mod text;
mod view;

pub use course::{Fill, Idle, Interval, MissingCondition};
pub use input::*;
pub use legging::Ended;
pub use summary::{PageSummary, SummaryColumn, SummaryRow};
pub use text::{capital, measured, moment, money, words};

use perpx_data::atomic::write_atomic;
use std::path::{Path, PathBuf};
use view::View;

/// Why a report could not be written.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    #[error("{path}: cannot be written: {source} (is the folder there, and is there room on the disk?)")]
    Write { path: PathBuf, source: std::io::Error },
    #[error("{path}: the chart could not be drawn: {what}")]
    Chart { path: PathBuf, what: String },
    #[error("report: {place}: found {found}, expected {expected}")]
    Input { place: String, found: String, expected: String },
    #[error("report: the configurations could not be summarised: {what}")]
    Summary { what: String },
}

/// Writes `report.html`, `summary.json` and the pictures into `dir`, which exists. The same input gives the same bytes.
/// Returns the row for the page over several symbols.
pub fn write(input: &Input, dir: &Path) -> Result<SymbolRow, ReportError> {
    let view = View::new(input)?;
    let path = dir.join("report.html");
    write_atomic(&path, page::page(&view)).map_err(failed(&path))?;
    let summary = dir.join("summary.json");
    let text =
        serde_json::to_string_pretty(&summary::summary(&view)).map_err(|error| failed(&summary)(error.into()))?;
    write_atomic(&summary, text + "\n").map_err(failed(&summary))?;
    picture::pictures(&view, dir)?;
    Ok(view.symbol_row())
}

/// Writes `report.html` over several symbols into `dir`, each of them with a page of its own in a folder of its name.
pub fn write_symbols(name: &str, metric: &str, rows: &[SymbolRow], dir: &Path) -> Result<(), ReportError> {
    let path = dir.join("report.html");
    write_atomic(&path, page::symbols::page(name, metric, rows)).map_err(failed(&path))
}

fn failed(path: &Path) -> impl Fn(std::io::Error) -> ReportError {
    move |source| ReportError::Write { path: path.to_owned(), source }
}
