//! Winners against each other by the trials of both runs.

use super::{Difference, RankedRun, matches};
use crate::error::SweepError;
use crate::evidence::{TrialMatrix, file, paired};
use crate::inspect::show::Run;
use perpx_core::stats::ATOM_STEP;

/// A configuration of run 0 or 1, by its place there.
type PlaceOf = (usize, usize);

/// The winners of two runs over the same time in sample, in pairs of atoms; or why there is none.
///
/// # Errors
/// A table of trials that cannot be read.
pub(super) fn differences(
    runs: &[Run; 2],
    symbol: &str,
    boards: &[RankedRun; 2],
) -> Result<(Vec<Difference>, Option<&'static str>), SweepError> {
    let none = |why| Ok((Vec::new(), Some(why)));
    let in_sample = |run: &Run| run.manifest.symbol(symbol).and_then(|of| of.runs.get("in sample").copied());
    if in_sample(&runs[0]).is_none() || in_sample(&runs[0]) != in_sample(&runs[1]) {
        return none("the ranges in sample are not the same");
    }
    let (Some(a), Some(b)) = (trials(&runs[0], symbol)?, trials(&runs[1], symbol)?) else {
        return none("one of the runs has no trials.parquet");
    };
    if (&a.frame.lengths, a.frame.interval_sec) != (&b.frame.lengths, b.frame.interval_sec) {
        return none("their trials part the time in different ways");
    }
    if a.frame.atoms() < ATOM_STEP as usize {
        return none("the range is too short to say");
    }
    let matrices = [a, b];
    let (_, pairs) = matches(boards);
    let a_in_b = pairs.iter().find(|(a, _)| *a == 0).map(|(_, b)| *b);
    let b_in_a = pairs.iter().find(|(_, b)| *b == 0).map(|(a, _)| *a);
    let mut asked: Vec<(&'static str, PlaceOf, PlaceOf)> =
        vec![("B's winner in B less A's winner in A", (0, 0), (1, 0))];
    asked.extend(a_in_b.map(|place| ("A's winner in B less itself in A", (0, 0), (1, place))));
    asked.extend(b_in_a.map(|place| ("B's winner in B less itself in A", (0, place), (1, 0))));
    let row = |(run, place): PlaceOf| {
        let ledger = &boards[run].points.get(place)?.ledger;
        let row = matrices[run].trials().iter().position(|trial| trial.ledger == *ledger)?;
        Some((&matrices[run], row))
    };
    let difference = |(of, first, second): (&'static str, PlaceOf, PlaceOf)| {
        let (first, second) = (row(first)?, row(second)?);
        Some(Difference { of, found: paired(first, second) })
    };
    Ok((asked.into_iter().filter_map(difference).collect(), None))
}

fn trials(run: &Run, symbol: &str) -> Result<Option<TrialMatrix>, SweepError> {
    let dir = if run.manifest.symbols.len() == 1 { run.dir.clone() } else { run.dir.join(symbol) };
    let path = dir.join("trials.parquet");
    if path.is_file() { file::read(&path).map(Some) } else { Ok(None) }
}
