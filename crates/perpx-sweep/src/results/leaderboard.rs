//! leaderboard.csv: the best strategy points, a row each, for a spreadsheet.

use crate::error::SweepError;
use crate::grid::Grid;
use crate::results::columns::{self, Column};
use crate::results::ranking::Verdict;
use crate::results::spool::Row;
use crate::results::table::fault;
use perpx_core::stats::{MetricInfo, median};
use perpx_data::atomic::AtomicFile;
use std::path::Path;

/// Rows kept.
pub const LEADERBOARD_ROWS: usize = 1000;

/// A ranked strategy point with its row of the world in which it ranks.
#[derive(Clone, Debug)]
pub struct Ranked {
    pub verdict: Verdict,
    pub row: Row,
    /// Objectives of its grid neighbours (one step along one axis) that have one.
    pub neighbours: Vec<f64>,
    /// The lower median of the objective over it and its neighbours; none of a grid without neighbours, or with few of them.
    pub plateau: Option<f64>,
}

impl Ranked {
    /// Median of its neighbours' objectives; `None` without any.
    pub fn neighbours_median(&self) -> Option<f64> {
        median(&self.neighbours)
    }
}

/// One symbol's board, best first.
pub struct Board<'a> {
    pub symbol: &'a str,
    pub world_ids: &'a [String],
    pub ranked: &'a [Ranked],
}

/// Writes the boards one below the other.
pub fn write_leaderboard(
    path: &Path,
    grid: &Grid,
    table: &[MetricInfo],
    boards: &[Board<'_>],
) -> Result<(), SweepError> {
    let failed = SweepError::io(path, "write the file");
    let mut out = csv::Writer::from_writer(AtomicFile::create(path).map_err(&failed)?);
    let columns = columns(grid, table);
    let head: Vec<&str> = columns.iter().map(|column| column.name.as_str()).collect();
    out.write_record(&head).map_err(fault(path))?;
    for board in boards {
        for (place, ranked) in board.ranked.iter().enumerate() {
            out.write_record(record(grid, board, place, ranked)).map_err(fault(path))?;
        }
    }
    let file = out.into_inner().map_err(|error| failed(error.into_error()))?;
    file.commit().map_err(failed)
}

/// What places a configuration, then the columns of the results, those left out that stand there already.
pub fn columns(grid: &Grid, table: &[MetricInfo]) -> Vec<Column> {
    let mut all = columns::standing(&grid.objective.metric, &grid.objective.beside);
    let mut results: Vec<Column> = columns::results(grid, table);
    results.retain(|column| all.iter().all(|known| known.name != column.name));
    // the world after the configuration's own values
    let (world_id, rest) = results.split_at(1);
    let (strategy, rest) = rest.split_at(grid.strategy_axes().len());
    all.extend(strategy.iter().chain(world_id).chain(rest).cloned());
    all
}

fn record(grid: &Grid, board: &Board<'_>, place: usize, ranked: &Ranked) -> Vec<String> {
    let (verdict, row) = (&ranked.verdict, &ranked.row);
    let mut cells = vec![
        board.symbol.to_string(),
        (place + 1).to_string(),
        format!("{:016x}", verdict.id),
        verdict.meets.to_string(),
        number(verdict.objective),
    ];
    cells.extend(verdict.spread.iter().map(|value| number(*value)));
    cells.push(number(ranked.neighbours_median()));
    cells.push(number(ranked.plateau));
    cells.push(number(verdict.held_out));
    cells.extend(verdict.beside.iter().map(|value| number(*value)));
    cells.extend((!verdict.beside.is_empty()).then(|| (verdict.tier > 0).to_string()));
    cells.extend(grid.values(row.point).into_iter().map(|value| value.map(ToString::to_string).unwrap_or_default()));
    cells.push(board.world_ids.get(row.world as usize).cloned().unwrap_or_default());
    cells.extend(grid.world(u64::from(row.world)).iter().map(|(_, value)| value.to_string()));
    let [inside, outside] = &row.runs;
    cells.extend(inside.values().chain(row.shares).chain(outside.values()).map(number));
    cells.push(inside.hash.to_string());
    cells.push(if outside.ran() { outside.hash.to_string() } else { String::new() });
    cells
}

/// Empty for no value; else the shortest text that reads back as the same number.
fn number(value: Option<f64>) -> String {
    value.map(|value| value.to_string()).unwrap_or_default()
}
