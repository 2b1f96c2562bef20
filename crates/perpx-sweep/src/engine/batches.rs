//! The points of a run, a batch at a time: bands of a grid's ids, all that a sequence names, or what a search asks for once it
//! knows what came of the batches before.

use crate::engine::points::{StrategyPoint, band, bands, named};
use crate::engine::run::{Sweep, each_point};
use crate::engine::search::external::{self, Answer};
use crate::engine::search::{probe, sequence};
use crate::error::SweepError;
use crate::grid::Method;
use crate::results::spool::Spool;
use crate::symbol_run::SymbolRun;
use perpx_data::text::count;
use std::collections::{BTreeMap, BTreeSet};

/// Where the batches of one symbol come from.
pub struct Batches<'s, 'o> {
    sweep: &'s Sweep<'o>,
    symbol_run: &'s SymbolRun,
    /// The batch that was named last, and its number; empty after the last.
    current: Option<Vec<StrategyPoint>>,
    number: u64,
    known: Known,
    dialogue: Option<external::Dialogue>,
}

/// What came of the batches before.
#[derive(Default)]
struct Known {
    tried: BTreeSet<u64>,
    /// By place in the grid.
    answers: BTreeMap<u64, Answer>,
    /// Rows of them.
    rows: u64,
}

impl<'s, 'o> Batches<'s, 'o> {
    pub fn new(sweep: &'s Sweep<'o>, symbol_run: &'s SymbolRun) -> Batches<'s, 'o> {
        Batches { sweep, symbol_run, current: None, number: 0, known: Known::default(), dialogue: None }
    }

    /// Batch `number`, in the order of ids; none after the last. `rows`: what is finished, all of the batches before in their
    /// order. Batches are asked for in order, but for those that a run begins with when it goes on.
    ///
    /// # Errors
    /// A stop; an illegal configuration; rows that cannot be read; what the other program said wrong.
    pub fn batch(&mut self, number: u64, rows: &Spool) -> Result<Option<Vec<StrategyPoint>>, SweepError> {
        let (sweep, symbol) = (self.sweep, self.symbol_run.data.symbol.as_str());
        if sweep.grid.search.method == Method::Grid {
            let bands = bands(&sweep.grid, sweep.options.band);
            let all = sweep.grid.strategy_points();
            let named = |k| {
                band(&sweep.grid, symbol, (k, bands), |seen| {
                    sweep.progress.phase(&format!("naming configurations, {} of {}", count(seen), count(all)));
                    sweep.options.go_on()
                })
            };
            return (number < bands).then(|| named(number)).transpose();
        }
        loop {
            let points = match self.current.take() {
                Some(points) => points,
                None => self.next()?,
            };
            if self.number == number {
                self.current = Some(points.clone());
                return Ok((!points.is_empty()).then_some(points));
            }
            if points.is_empty() {
                return Ok(None);
            }
            self.learn(&points, rows)?;
            self.number += 1;
        }
    }

    /// The batch after all that is known.
    fn next(&mut self) -> Result<Vec<StrategyPoint>, SweepError> {
        let (sweep, grid) = (self.sweep, &self.sweep.grid);
        let room = grid.tried_points().saturating_sub(self.known.tried.len() as u64);
        let places = match (self.number, grid.search.method) {
            (0, _) => sequence::points(grid, grid.search.start()),
            (_, Method::Probe) => {
                let mut best: Vec<_> = self.known.answers.values().map(|answer| &answer.verdict).collect();
                best.sort_unstable_by(|a, b| a.order(b));
                probe::next(grid, &best, &self.known.tried, room)
            }
            (_, Method::External) => self.asked(room)?,
            _ => Vec::new(),
        };
        sweep.progress.phase("naming configurations");
        sweep.options.go_on()?;
        self.legal(&places)?;
        named(grid, &self.symbol_run.data.symbol, &places)
    }

    /// Every point is resolved in every world before the first one runs.
    fn legal(&self, places: &[u64]) -> Result<(), SweepError> {
        use rayon::prelude::*;
        let (grid, symbol_run) = (&self.sweep.grid, self.symbol_run);
        places.par_iter().try_for_each(|at| {
            let strategy = grid.strategy_point(*at).unwrap_or_default();
            for world in &symbol_run.worlds {
                self.sweep.options.go_on()?;
                grid.resolve(&symbol_run.data.symbol, &strategy, world)?;
            }
            Ok(())
        })
    }

    /// Takes note of what came of a batch.
    fn learn(&mut self, points: &[StrategyPoint], rows: &Spool) -> Result<(), SweepError> {
        self.known.tried.extend(points.iter().map(|point| point.at));
        if self.sweep.grid.search.method.is_adaptive() {
            let (ranker, columns) = (&self.sweep.ranker, self.sweep.ranker.required());
            let require = &self.sweep.grid.objective.require;
            for _ in points {
                let mut of_point = vec![rows.row(self.known.rows)?];
                self.known.rows += 1;
                while self.known.rows < rows.rows() {
                    let next = rows.row(self.known.rows)?;
                    if next.id != of_point[0].id {
                        break;
                    }
                    of_point.push(next);
                    self.known.rows += 1;
                }
                self.known.answers.insert(of_point[0].point, Answer::of(ranker, require, &of_point, &columns));
            }
        }
        Ok(())
    }

    /// New points that the other program asks for; those that are known are answered at once.
    fn asked(&mut self, room: u64) -> Result<Vec<u64>, SweepError> {
        let (sweep, symbol_run) = (self.sweep, self.symbol_run);
        let dialogue = match &mut self.dialogue {
            Some(dialogue) => dialogue,
            none => none.insert(external::Dialogue::begin(sweep, &self.known.answers)?),
        };
        loop {
            dialogue.reply(sweep, &self.known.answers)?;
            let Some(asked) = dialogue.ask(sweep, symbol_run, room)? else { return Ok(Vec::new()) };
            let mut new: Vec<u64> = asked.into_iter().filter(|at| !self.known.tried.contains(at)).collect();
            new.sort_unstable();
            new.dedup();
            if !new.is_empty() {
                return Ok(new);
            }
        }
    }
}

/// What a search found, in the order of ids: batches came in their own.
///
/// # Errors
/// Rows that cannot be read or written.
pub fn in_order(sweep: &Sweep<'_>, rows: Spool, path: &std::path::Path) -> Result<Spool, SweepError> {
    if !sweep.grid.search.method.is_adaptive() {
        return Ok(rows);
    }
    let mut order: Vec<(u64, u64, u64)> = Vec::new();
    let mut number = 0;
    each_point(&rows, |point| {
        order.push((point[0].id, number, point.len() as u64));
        number += point.len() as u64;
        Ok(())
    })?;
    order.sort_unstable();
    let mut sorted = Spool::open(path, sweep.table.len(), 0)?;
    for part in order.chunks(1 << 10) {
        sweep.options.go_on()?;
        let numbers = part.iter().flat_map(|(_, first, count)| *first..first + count);
        let batch = numbers.map(|number| rows.row(number)).collect::<Result<Vec<_>, _>>()?;
        sorted.append(&batch)?;
    }
    Ok(sorted)
}
