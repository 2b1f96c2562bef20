//! The winner's episodes of legging, summed by how they ended: for the page, the terminal and machines alike.

use super::Legging;
use perpx_core::stats::Ending;
use serde::{Deserialize, Serialize};

/// The episodes that ended in one way.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Ended {
    /// As in `stats::Ending::NAMES`; [`ALL`] for the sum.
    pub ending: String,
    pub episodes: u64,
    pub seconds: f64,
    /// Base units times seconds.
    pub qty_sec: f64,
    /// How far the mid moved against us at worst.
    pub worst_bp: f64,
    /// The deepest loss of one of them, quote units, not negative.
    pub worst: f64,
    /// Cost over what was exposed; negative: a gain. `None` when nothing was.
    pub cost_bp: Option<f64>,
    /// Quote units; negative: a gain.
    pub cost: f64,
}

/// Name of the sum.
pub(super) const ALL: &str = "all";

/// A row for each ending that occurred, in their order, then the sum; empty without an episode.
pub(super) fn by_ending(rows: &[Legging]) -> Vec<Ended> {
    let sum = |name: &str, rows: &mut dyn Iterator<Item = &Legging>| {
        let mut out = Ended {
            ending: name.to_string(),
            episodes: 0,
            seconds: 0.0,
            qty_sec: 0.0,
            worst_bp: 0.0,
            worst: 0.0,
            cost_bp: None,
            cost: 0.0,
        };
        let mut notional = 0.0;
        for row in rows {
            out.episodes += 1;
            out.seconds += row.seconds;
            out.qty_sec += row.qty_sec;
            out.worst_bp = out.worst_bp.max(row.worst_bp);
            out.worst = out.worst.max(row.worst);
            out.cost -= row.amount;
            notional += row.notional;
        }
        out.cost_bp = (notional > 0.0).then(|| 1e4 * out.cost / notional);
        out
    };
    let of = |ending: &Ending| sum(ending.name(), &mut rows.iter().filter(|row| row.ending == *ending));
    let mut out: Vec<Ended> = Ending::ALL.iter().map(of).filter(|ended| ended.episodes > 0).collect();
    if !out.is_empty() {
        out.push(sum(ALL, &mut rows.iter()));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use perpx_core::units::Time;

    #[test]
    fn costs_are_weighed_by_what_was_exposed() {
        let row = |ending, notional, amount, worst_bp| Legging {
            from: Time(0),
            ending,
            seconds: 2.0,
            qty_sec: 0.5,
            worst_bp,
            worst: 1.0,
            notional,
            amount,
        };
        let rows = [
            row(Ending::RolledBack, 1_000.0, -0.3, 4.0),
            row(Ending::Matched, 3_000.0, 0.1, 1.0),
            row(Ending::RolledBack, 1_000.0, -0.1, 3.0),
        ];
        let endings = by_ending(&rows);
        let names: Vec<&str> = endings.iter().map(|ended| ended.ending.as_str()).collect();
        assert_eq!(names, ["matched", "rolled_back", "all"]);
        assert_eq!(endings[1].episodes, 2);
        assert_eq!((endings[1].seconds, endings[1].qty_sec, endings[1].worst_bp), (4.0, 1.0, 4.0));
        assert!((endings[1].cost_bp.unwrap_or(0.0) - 2.0).abs() < 1e-12);
        assert!((endings[2].cost_bp.unwrap_or(0.0) - 0.6).abs() < 1e-12 && (endings[2].cost - 0.3).abs() < 1e-12);
        assert!(by_ending(&[]).is_empty());
    }
}
