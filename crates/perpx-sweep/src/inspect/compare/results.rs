//! A run's results.parquet, ranked again by the run's own objective: only the columns that the comparison needs.

use super::{BoardPoint, RankedRun};
use crate::error::SweepError;
use crate::grid::{Objective, RankBy};
use crate::inspect::show::Run;
use crate::neighbours::{AxisShape, Plateau};
use crate::results::columns::HELD_OUT;
use crate::results::front::Front;
use crate::results::ranking::Ranker;
use crate::results::reader::RunTable;
use crate::results::spool::{Row, RunRow};
use perpx_core::replay::LedgerHash;
use perpx_core::stats::{MetricInfo, metric_table};
use perpx_core::trader::Composite;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

/// Figures of a winner, beside the objective.
const FIGURES: [&str; 5] = ["net_pnl", "trades", "win_rate_pct", "max_drawdown_pct", "fees"];

pub(super) struct Results {
    path: PathBuf,
    objective: Objective,
    ranker: Ranker,
    /// By symbol, the rows of each configuration in the order of the file.
    symbols: BTreeMap<String, Vec<PointRows>>,
    /// Columns of `Row::runs[0]`.
    metrics: Vec<String>,
    /// Values of each strategy axis, in the order of the grid.
    axes: Vec<Vec<String>>,
}

struct PointRows {
    rows: Vec<Row>,
    axes: Vec<(String, String)>,
    /// In the base world.
    ledger: String,
}

impl Results {
    pub fn read(run: &Run) -> Result<Results, SweepError> {
        let wrong = |file: &str, what: String| SweepError::NotARun { path: run.dir.join(file), what };
        let objective = run.manifest.objective.clone();
        let required = objective.require.iter().map(|require| require.metric.as_str());
        let wanted: BTreeSet<&str> =
            FIGURES.into_iter().chain(objective.metrics()).chain(["trades"]).chain(required).collect();
        let table: Vec<MetricInfo> =
            metric_table::<Composite>().into_iter().filter(|info| wanted.contains(info.name.as_ref())).collect();
        let ranker = Ranker::new(&objective, &table)
            .ok_or_else(|| wrong("run.json", format!("no such metric as '{}'", objective.metric)))?;
        let metrics: Vec<String> = table.iter().map(|info| info.name.to_string()).collect();
        let axes = run.manifest.axis_values();
        let path = run.dir.join("results.parquet");
        let mut results = Results { path, objective, ranker, symbols: BTreeMap::new(), metrics, axes };
        results.load(&run.manifest.strategy_axes)?;
        Ok(results)
    }

    fn load(&mut self, axes: &[String]) -> Result<(), SweepError> {
        let held_out: Vec<String> = self.metrics.iter().map(|name| format!("{HELD_OUT}{name}")).collect();
        let mut names = vec!["id", "symbol", "ledger"];
        names.extend(self.metrics.iter().chain(&held_out).chain(axes).map(String::as_str));
        let table = RunTable::read(&self.path, &names, None)?;
        let columns = |names: &[String]| names.iter().map(|name| table.numbers(name)).collect::<Result<Vec<_>, _>>();
        let (inside, outside) = (columns(&self.metrics)?, columns(&held_out)?);
        let (ids, symbols, ledgers) = (table.words("id")?, table.words("symbol")?, table.words("ledger")?);
        let axes: Vec<(&String, Vec<Option<String>>)> =
            axes.iter().map(|axis| Ok((axis, table.words(axis)?))).collect::<Result<_, SweepError>>()?;
        for rows in table.groups(&["symbol", "id"])? {
            let [id, symbol] = [&ids, &symbols].map(|words| words[rows[0]].clone().unwrap_or_default());
            let id = u64::from_str_radix(&id, 16)
                .map_err(|_| SweepError::NotARun { path: self.path.clone(), what: format!("'{id}' is no id") })?;
            let value = |words: &Vec<Option<String>>| words[rows[0]].clone().unwrap_or("null".to_string());
            let axes = axes.iter().map(|(axis, words)| (axis.to_string(), value(words))).collect();
            let run = |columns: &[Vec<Option<f64>>], row: usize| {
                RunRow::new(LedgerHash::default(), columns.iter().map(|column| column[row]))
            };
            let ledger = ledgers[rows[0]].clone().unwrap_or_default();
            let rows = rows.iter().zip(0..).map(|(&row, world)| Row {
                id,
                point: 0,
                world,
                shares: [None; 4],
                runs: [run(&inside, row), run(&outside, row)],
            });
            let rows = rows.collect();
            self.symbols.entry(symbol).or_default().push(PointRows { rows, axes, ledger });
        }
        Ok(())
    }

    /// The metric of the objective.
    pub fn metric(&self) -> &str {
        &self.objective.metric
    }

    /// By id, in its order, what each configuration and its neighbours are worth.
    fn plateaus(&self, points: &[PointRows]) -> Vec<(u64, f64)> {
        let number = |text: &str| text.parse::<f64>().ok();
        let is = |known: &str, value: &str| known == value || number(known).is_some() && number(known) == number(value);
        let place = |point: &PointRows| -> Vec<u16> {
            let at =
                |((_, value), axis): (&(String, String), &Vec<String>)| axis.iter().position(|known| is(known, value));
            point.axes.iter().zip(&self.axes).map(|pair| at(pair).map_or(u16::MAX, |at| at as u16)).collect()
        };
        let places: Vec<Vec<u16>> = points.iter().map(place).collect();
        let worths = points.iter().map(|point| self.ranker.verdict(&point.rows).worth_beside()).collect();
        let shapes: Vec<AxisShape> = self.axes.iter().map(|values| AxisShape::of(values)).collect();
        let found = Plateau::new(&shapes, places.iter().map(Vec::as_slice).collect(), worths);
        let scores = points.iter().zip(found.scores);
        let mut plateaus: Vec<(u64, f64)> =
            scores.filter_map(|(point, score)| Some((point.rows[0].id, score?))).collect();
        plateaus.sort_unstable_by_key(|(id, _)| *id);
        plateaus
    }

    /// The configurations of one symbol in the order of their worth; takes them out.
    pub fn board(&mut self, symbol: &str) -> RankedRun {
        let points = self.symbols.remove(symbol).unwrap_or_default();
        let mut front = Front::default();
        points.iter().for_each(|point| self.ranker.place(&mut front, &point.rows));
        self.ranker.rank_by(&mut front);
        if self.objective.rank == RankBy::Plateau {
            let plateaus = self.plateaus(&points);
            self.ranker.rank_by_plateaus(plateaus);
        }
        let points = points.into_iter().map(|point| {
            let verdict = self.ranker.verdict(&point.rows);
            let row = &point.rows[verdict.world];
            let mut figures = Vec::new();
            let metric = self.objective.metric.as_str();
            let outside = BTreeSet::from([metric, FIGURES[0]]);
            let find = |name: &str| self.metrics.iter().position(|metric| metric == name);
            figures
                .extend(FIGURES.into_iter().filter_map(|name| Some((name.to_string(), row.runs[0].get(find(name)?)))));
            figures.extend(
                outside
                    .into_iter()
                    .filter(|name| *name != metric)
                    .filter_map(|name| Some((format!("oos_{name}"), row.runs[1].get(find(name)?)))),
            );
            figures.push((format!("oos_{metric}"), verdict.held_out));
            BoardPoint { verdict, axes: point.axes, ledger: point.ledger, figures }
        });
        let mut points: Vec<BoardPoint> = points.collect();
        points.sort_by(|a, b| a.verdict.order(&b.verdict));
        RankedRun { points }
    }
}
