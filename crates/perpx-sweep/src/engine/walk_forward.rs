//! The choices of a walk-forward, each run again from flat over the time that came after it: what would have been earned.

use crate::engine::checkpoint::UnitState;
use crate::engine::rerun::through;
use crate::engine::run::Sweep;
use crate::error::SweepError;
use crate::evidence::{Evidence, Finding, MatrixFrame, Sums, TestRun, TrialMatrix, WalkFold};
use crate::results::spool::Spool;
use crate::symbol_run::SymbolRun;
use perpx_core::replay::Drive;
use perpx_core::signals::SignalSet;
use perpx_core::stats::{AtomPlan, NoRecord};
use perpx_core::units::{SECOND, Time, TimeDelta};
use perpx_data::backtest::{Binder, Bound, Spans};
use std::collections::BTreeMap;

/// A choice, and the atoms over which it is tested, the last excluded.
type Test<'a> = (&'a str, [usize; 2]);

/// A choice on its way through the tape.
struct Flat<'a> {
    test: Test<'a>,
    bound: Bound,
    spans: Spans,
    plan: AtomPlan,
    state: UnitState,
}

/// What the choices of each walk-forward of `evidence` made in their test windows, by kind and fold, in the base world.
///
/// # Errors
/// Finished rows that cannot be read; of the tape; a stop.
pub fn run_again(
    sweep: &Sweep<'_>,
    symbol_run: &SymbolRun,
    spool: &Spool,
    matrix: &TrialMatrix,
    evidence: &Evidence,
) -> Result<Vec<Vec<TestRun>>, SweepError> {
    let Finding::Judged(judged) = &evidence.outcome else { return Ok(Vec::new()) };
    let test = |fold: &'_ WalkFold| (fold.pick.clone(), fold.test);
    let walks: Vec<Vec<(String, [usize; 2])>> =
        judged.walk_forward.iter().map(|walk| walk.folds.iter().map(test).collect()).collect();
    let mut made: BTreeMap<Test<'_>, Option<TestRun>> = BTreeMap::new();
    made.extend(walks.iter().flatten().map(|(pick, test)| ((pick.as_str(), *test), None)));
    for feed in 0..symbol_run.data.feeds.len() {
        let mut signals = SignalSet::default();
        let mut binder = Binder::new(&symbol_run.data);
        let mut units = Vec::new();
        for test in made.keys() {
            units.extend(flat(sweep, symbol_run, (spool, &matrix.frame), *test, (feed, &mut binder, &mut signals))?);
        }
        if units.is_empty() {
            continue;
        }
        let by = (sweep.options.driver, &*sweep.options.stop);
        through(symbol_run, feed, &signals, by, &mut units, |unit, shared| {
            let with = (&unit.bound, &unit.spans, Some(unit.plan));
            let drive = (&mut sweep.options.driver.slot(), &Drive::UNRECORDED);
            unit.state.pass(with, drive, shared, &mut [NoRecord; 2], |_| {});
        })?;
        for unit in units {
            let faults = unit.state.faults;
            if faults > 0 {
                return Err(SweepError::Books { id: unit.test.0.to_string(), world: 0, runs: faults });
            }
            let run = unit.state.trial.map(|atoms| TestRun {
                sums: Sums { n: f64::from(atoms.whole.n), s1: atoms.whole.s1 as f64, s2: atoms.whole.s2 as f64 },
                s1: atoms.s1.iter().map(|s1| *s1 as f64).collect(),
            });
            made.insert(unit.test, run);
        }
    }
    let of = |(pick, test): &(String, [usize; 2])| made.get(&(pick.as_str(), *test)).cloned().flatten();
    Ok(walks.iter().map(|walk| walk.iter().filter_map(of).collect()).collect())
}

/// One choice, bound; none where it runs on another feed.
fn flat<'a>(
    sweep: &Sweep<'_>,
    symbol_run: &SymbolRun,
    (spool, frame): (&Spool, &MatrixFrame),
    test: Test<'a>,
    (feed, binder, signals): (usize, &mut Binder<'_>, &mut SignalSet),
) -> Result<Option<Flat<'a>>, SweepError> {
    let grid = &sweep.grid;
    let rows = spool.of(u64::from_str_radix(test.0, 16).unwrap_or_default())?;
    let Some(point) = rows.first().map(|row| row.point) else { return Ok(None) };
    if symbol_run.feed_of(grid, point, 0) != feed {
        return Ok(None);
    }
    let strategy = grid.strategy_point(point).unwrap_or_default();
    let config = grid.resolve(&symbol_run.data.symbol, &strategy, &symbol_run.worlds[0])?;
    let (inside, intervals) = window(frame, symbol_run.spans.inside.0, test.1);
    Ok(Some(Flat {
        test,
        bound: binder.bind(&config, feed, 0, signals),
        spans: Spans { inside, held_out: None },
        plan: AtomPlan { intervals, atoms: (test.1[1] - test.1[0]) as u32 },
        state: UnitState::default(),
    }))
}

/// From when to when some atoms last, and how many intervals that is; `from`: when the run in sample begins. The first
/// interval begins with the first sample.
pub fn window(frame: &MatrixFrame, from: Time, [first, end]: [usize; 2]) -> ((Time, Time), u32) {
    let step = frame.interval_sec as i64 * SECOND;
    let begin = from.floor_to(step).plus(if from.into_step(step).0 > 0 { step } else { TimeDelta::ZERO });
    let at = |atom: usize| begin.plus(step.times(i64::from(frame.intervals(0..atom))));
    ((at(first), at(end)), frame.intervals(first..end))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_follow_the_samples() {
        let frame = MatrixFrame {
            lengths: vec![3, 2, 2],
            interval_sec: 3_600.0,
            embargo: 0,
            least_trades: 0,
            most_drawdown: None,
        };
        let at = |text: &str| text.parse::<Time>().expect("a time");
        for from in ["2026-01-05T02:00:00Z", "2026-01-05T01:00:01Z"] {
            let (span, intervals) = window(&frame, at(from), [1, 3]);
            assert_eq!((span, intervals), ((at("2026-01-05T05:00:00Z"), at("2026-01-05T09:00:00Z")), 4), "{from}");
        }
    }
}
