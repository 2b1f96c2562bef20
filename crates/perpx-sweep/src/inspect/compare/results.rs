//! A run's results.parquet, ranked again by the run's own objective: only the columns that the comparison needs.

use super::{Board, BoardPoint};
use crate::error::SweepError;
use crate::grid::Objective;
use crate::inspect::show::Run;
use crate::results::columns::HELD_OUT;
use crate::results::ranking::Judge;
use crate::results::spool::{Row, RunRow};
use crate::results::table;
use arrow::array::{Array, AsArray, RecordBatch};
use parquet::arrow::ProjectionMask;
use perpx_core::replay::LedgerHash;
use perpx_core::stats::{MetricInfo, metric_table};
use perpx_core::trader::Composite;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// Figures that are told of a winner, beside the objective.
const FIGURES: [&str; 5] = ["net_pnl", "trades", "win_rate_pct", "max_drawdown_pct", "fees"];

pub(super) struct Results {
    path: PathBuf,
    objective: Objective,
    judge: Judge,
    /// By symbol, the rows of each configuration in the order of the file.
    symbols: BTreeMap<String, Vec<Point>>,
    /// Columns of `Row::runs[0]`.
    metrics: Vec<String>,
}

struct Point {
    rows: Vec<Row>,
    axes: Vec<(String, String)>,
}

impl Results {
    pub fn read(run: &Run) -> Result<Results, SweepError> {
        let wrong = |file: &str, what: String| SweepError::NotARun { path: run.dir.join(file), what };
        let objective = run.manifest.objective.clone();
        let required = objective.require.iter().map(|require| require.metric.as_str());
        let wanted: BTreeSet<&str> =
            FIGURES.into_iter().chain([objective.metric.as_str(), "trades"]).chain(required).collect();
        let table: Vec<MetricInfo> =
            metric_table::<Composite>().into_iter().filter(|info| wanted.contains(info.name.as_ref())).collect();
        let judge = Judge::new(&objective, &table)
            .ok_or_else(|| wrong("run.json", format!("no such metric as '{}'", objective.metric)))?;
        let metrics: Vec<String> = table.iter().map(|info| info.name.to_string()).collect();
        let mut results =
            Results { path: run.dir.join("results.parquet"), objective, judge, symbols: BTreeMap::new(), metrics };
        results.load(&run.manifest.strategy_axes)?;
        Ok(results)
    }

    fn load(&mut self, axes: &[String]) -> Result<(), SweepError> {
        let path = self.path.clone();
        let wrong = |what: String| SweepError::NotARun { path: path.clone(), what };
        let builder = table::open(&path).map_err(wrong)?;
        let held_out: Vec<String> = self.metrics.iter().map(|name| format!("{HELD_OUT}{name}")).collect();
        let needed: BTreeSet<&str> = ["id", "symbol"]
            .into_iter()
            .chain(self.metrics.iter().chain(&held_out).chain(axes).map(String::as_str))
            .collect();
        let schema = builder.schema().clone();
        let at = schema.fields().iter().enumerate().filter(|(_, field)| needed.contains(field.name().as_str()));
        let mask = ProjectionMask::roots(builder.parquet_schema(), at.map(|(at, _)| at));
        let reader = builder.with_projection(mask).build().map_err(|e| wrong(e.to_string()))?;
        for batch in reader {
            let batch = batch.map_err(|e| wrong(e.to_string()))?;
            let inside = numbers(&path, &batch, &self.metrics)?;
            let outside = numbers(&path, &batch, &held_out)?;
            let (ids, symbols) = (words(&path, &batch, "id")?, words(&path, &batch, "symbol")?);
            let axes: Vec<(&String, Vec<String>)> =
                axes.iter().map(|axis| Ok((axis, words(&path, &batch, axis)?))).collect::<Result<_, SweepError>>()?;
            for (row, (id, symbol)) in ids.iter().zip(symbols).enumerate() {
                let id = u64::from_str_radix(id, 16).map_err(|_| wrong(format!("'{id}' is no id")))?;
                let of = |columns: &[Vec<f64>]| RunRow {
                    hash: LedgerHash::default(),
                    metrics: columns.iter().map(|column| column[row]).collect(),
                };
                let points = self.symbols.entry(symbol).or_default();
                if points.last().is_none_or(|point| point.rows[0].id != id) {
                    let axes = axes.iter().map(|(axis, values)| (axis.to_string(), values[row].clone())).collect();
                    points.push(Point { rows: Vec::new(), axes });
                }
                if let Some(point) = points.last_mut() {
                    let world = point.rows.len() as u32;
                    point.rows.push(Row {
                        id,
                        point: 0,
                        world,
                        shares: [f64::NAN; 4],
                        runs: [of(&inside), of(&outside)],
                    });
                }
            }
        }
        Ok(())
    }

    /// The metric of the objective.
    pub fn metric(&self) -> &str {
        &self.objective.metric
    }

    /// The configurations of one symbol in the order of their worth; takes them out.
    pub fn board(&mut self, symbol: &str) -> Board {
        let points = self.symbols.remove(symbol).unwrap_or_default().into_iter().map(|point| {
            let verdict = self.judge.judge(&point.rows);
            let row = &point.rows[verdict.world];
            let mut figures = Vec::new();
            let metric = self.objective.metric.as_str();
            let outside = BTreeSet::from([metric, FIGURES[0]]);
            let find = |name: &str| self.metrics.iter().position(|metric| metric == name);
            figures
                .extend(FIGURES.into_iter().filter_map(|name| Some((name.to_string(), row.runs[0].get(find(name)?)))));
            figures.extend(
                outside.into_iter().filter_map(|name| Some((format!("oos_{name}"), row.runs[1].get(find(name)?)))),
            );
            BoardPoint { verdict, axes: point.axes, figures }
        });
        let mut points: Vec<BoardPoint> = points.collect();
        points.sort_by(|a, b| a.verdict.order(&b.verdict));
        Board { points }
    }
}

fn column<'b>(path: &Path, batch: &'b RecordBatch, name: &str) -> Result<&'b dyn Array, SweepError> {
    let missing = || SweepError::NotARun { path: path.to_path_buf(), what: format!("there is no column '{name}'") };
    Ok(batch.column_by_name(name).ok_or_else(missing)?.as_ref())
}

/// Columns of numbers; NaN = no value.
fn numbers(path: &Path, batch: &RecordBatch, names: &[String]) -> Result<Vec<Vec<f64>>, SweepError> {
    let read = |name: &String| {
        let column = column(path, batch, name)?;
        Ok((0..batch.num_rows()).map(|row| table::number(column, row).unwrap_or(f64::NAN)).collect())
    };
    names.iter().map(read).collect()
}

/// A column of words, or of numbers or flags as words.
fn words(path: &Path, batch: &RecordBatch, name: &str) -> Result<Vec<String>, SweepError> {
    let column = column(path, batch, name)?;
    let (word, flag) = (column.as_string_opt::<i32>(), column.as_boolean_opt());
    let cell = |row: usize| match (word, flag) {
        _ if column.is_null(row) => "null".to_string(),
        (Some(values), _) => values.value(row).to_string(),
        (_, Some(values)) => values.value(row).to_string(),
        _ => table::number(column, row).map(|number| number.to_string()).unwrap_or_default(),
    };
    Ok((0..batch.num_rows()).map(cell).collect())
}
