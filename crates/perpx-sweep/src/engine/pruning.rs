//! Worlds that need not be run: under `over_world = "worst"` a configuration is worth what its worst world is, so that one which
//! is already below the best few, or misses a requirement, is settled. Nothing is guessed: the best few are those of the whole.
//!
//! It is judged at barriers, against what came of the barriers before, so that it depends on no thread.

use crate::engine::run::{Sweep, each_point};
use crate::error::SweepError;
use crate::results::leaderboard::LEADERBOARD_ROWS;
use crate::results::ranking::TopK;
use crate::results::spool::{Row, Spool};

/// What the barriers before came to.
pub struct Pruner<'s, 'o> {
    sweep: &'s Sweep<'o>,
    room: usize,
    best: TopK,
    /// By world: how often it was the worst.
    worst: Vec<u64>,
}

impl<'s, 'o> Pruner<'s, 'o> {
    /// None where the grid does not ask for it; `finished`: rows of the barriers before.
    ///
    /// # Errors
    /// Rows that cannot be read.
    pub fn new(sweep: &'s Sweep<'o>, finished: &Spool) -> Result<Option<Pruner<'s, 'o>>, SweepError> {
        if !sweep.grid.search.prune {
            return Ok(None);
        }
        // whatever is listed anywhere is exact
        let room = LEADERBOARD_ROWS.max(sweep.grid.report.top);
        let worst = vec![0; sweep.grid.world_points() as usize];
        let mut pruner = Pruner { sweep, room, best: TopK::new(room), worst };
        each_point(finished, |rows| {
            pruner.learn(rows);
            Ok(())
        })?;
        Ok(Some(pruner))
    }

    /// Takes note of a point of a barrier that is over.
    pub fn learn(&mut self, rows: &[Row]) {
        let verdict = self.sweep.ranker.verdict(rows);
        self.worst[rows[verdict.world].world as usize] += 1;
        self.best.add(verdict);
    }

    /// The worlds in the order in which they are run: the base world, which the trial matrix is made of, then those first that
    /// were most often the worst.
    pub fn order(&self) -> Vec<u32> {
        let mut order: Vec<u32> = (0..self.worst.len() as u32).collect();
        order[1..].sort_by_key(|world| std::cmp::Reverse(self.worst[*world as usize]));
        order
    }

    /// No other world can bring this point among the best.
    pub fn is_settled(&self, row: &Row) -> bool {
        let alone = std::slice::from_ref(row);
        // as long as there is room for all, all are listed, with all of their worlds
        let Some(last) = self.best.best().get(self.room - 1).filter(|last| last.can_win()) else { return false };
        let verdict = self.sweep.ranker.verdict(alone);
        !verdict.can_win() || verdict.score.order(&last.score).is_lt()
    }
}
