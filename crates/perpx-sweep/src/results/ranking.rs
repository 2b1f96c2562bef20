//! Which configuration is better: the objective and every requirement over the worlds, no value behind every value, ties
//! by the next worst world, then by id.

use crate::grid::Compare;
use crate::grid::{Objective, OverWorld, Require};
use crate::results::front::Front;
use crate::results::spool::Row;
use perpx_core::stats::MetricInfo;
use std::cmp::Ordering;
use std::collections::BTreeSet;

/// Where a value stands in a ranking. Later variants are better.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Score {
    /// The metric has no value and there was no trade.
    NoTrades,
    /// The metric has no value.
    Null,
    /// Higher is better (sign turned where lower is).
    Value(f64),
}

impl Score {
    fn is_value(self) -> bool {
        matches!(self, Score::Value(_))
    }

    fn class(self) -> u8 {
        match self {
            Score::NoTrades => 0,
            Score::Null => 1,
            Score::Value(_) => 2,
        }
    }

    /// The value, turned so that more is better.
    pub fn value(self) -> Option<f64> {
        match self {
            Score::Value(value) => Some(value),
            _ => None,
        }
    }

    pub fn order(&self, other: &Score) -> Ordering {
        match (self, other) {
            (Score::Value(a), Score::Value(b)) => a.total_cmp(b),
            _ => self.class().cmp(&other.class()),
        }
    }
}

/// A grid's objective with its metrics as column numbers.
#[derive(Clone, Debug)]
pub struct Ranker {
    metric: usize,
    /// -1 where lower is better.
    sign: f64,
    /// Column and sign of each further metric.
    beside: Vec<(usize, f64)>,
    /// Ids on the front of several metrics, and the one that wins.
    front: Option<(BTreeSet<u64>, u64)>,
    /// Of a ranking by plateaus: by id, in its order, the lower median of what it and its neighbours are worth.
    plateaus: Vec<(u64, f64)>,
    trades: Option<usize>,
    require: Vec<(usize, Require)>,
    over: OverWorld,
}

/// What a strategy point is worth over its worlds.
#[derive(Clone, Debug, PartialEq)]
pub struct Verdict {
    pub id: u64,
    pub point: u64,
    /// Every requirement holds.
    pub meets: bool,
    /// Of several objectives: 2 the one that wins, 1 on the front, 0 not; 0 of one.
    pub tier: u8,
    /// Ranked by plateaus, the lower median of what it and its neighbours are worth, turned so that more is better.
    pub plateau: Option<f64>,
    pub score: Score,
    /// Its score in every world, worst first.
    pub scores: Vec<Score>,
    /// The objective itself, over the worlds; `None` = no value.
    pub objective: Option<f64>,
    /// Further objectives, each over the worlds in the same way.
    pub beside: Vec<Option<f64>>,
    /// The same of the held-out part, over its own worlds in the same way: its worst world may be another. It never ranks.
    pub held_out: Option<f64>,
    /// Worst, lower median and best world's objective.
    pub spread: [Option<f64>; 3],
    /// Number, among the point's rows, of the world in which it ranks.
    pub world: usize,
}

impl Verdict {
    /// Best first: what has a value, then what meets the requirements, then of several objectives the winner and the rest of the
    /// front, then by plateaus those with the better one, then the objective, then the next worst world and the next, then the lower id.
    pub fn order(&self, other: &Verdict) -> Ordering {
        let worlds = || self.scores.iter().zip(&other.scores).map(|(a, b)| a.order(b)).find(|order| order.is_ne());
        let better = self.worth(other).then_with(|| worlds().unwrap_or(Ordering::Equal));
        better.reverse().then(self.id.cmp(&other.id))
    }

    /// The order before ties are decided; greater is better.
    pub fn worth(&self, other: &Verdict) -> Ordering {
        let valued = self.score.is_value().cmp(&other.score.is_value());
        let meets = valued.then(self.meets.cmp(&other.meets));
        let plateaus = || match (self.plateau, other.plateau) {
            (Some(a), Some(b)) => a.total_cmp(&b),
            (a, b) => a.is_some().cmp(&b.is_some()),
        };
        meets.then(self.tier.cmp(&other.tier)).then_with(plateaus).then(self.score.order(&other.score))
    }

    /// What it is worth to a plateau: nothing unless it can win.
    pub fn worth_beside(&self) -> Option<f64> {
        self.score.value().filter(|_| self.meets)
    }

    /// Ranking first, it is the winner: without a value or a requirement there is none.
    pub fn can_win(&self) -> bool {
        self.meets && self.score.is_value()
    }
}

#[cfg(test)]
impl Verdict {
    /// Of a point in one world, that meets every requirement.
    pub fn example(id: u64, value: f64) -> Verdict {
        let score = Score::Value(value);
        Verdict {
            id,
            point: id,
            meets: true,
            tier: 0,
            plateau: None,
            score,
            scores: vec![score],
            objective: Some(value),
            beside: Vec::new(),
            held_out: None,
            spread: [Some(value); 3],
            world: 0,
        }
    }
}

impl Ranker {
    /// `None` when a metric is not in the table.
    pub fn new(objective: &Objective, table: &[MetricInfo]) -> Option<Ranker> {
        let column = |name: &str| table.iter().position(|info| info.name == name);
        let metric = column(&objective.metric)?;
        let require = objective.require.iter().map(|r| Some((column(&r.metric)?, r.clone()))).collect::<Option<_>>()?;
        let sign = |column: usize| if table[column].higher_is_better { 1.0 } else { -1.0 };
        let beside =
            objective.beside.iter().map(|name| column(name).map(|at| (at, sign(at)))).collect::<Option<_>>()?;
        let (sign, trades, over) = (sign(metric), column("trades"), objective.over_world);
        Some(Ranker { metric, sign, beside, front: None, plateaus: Vec::new(), trades, require, over })
    }

    /// Whether more is better, by objective.
    pub fn directions(&self) -> impl Iterator<Item = bool> {
        std::iter::once(self.sign).chain(self.beside.iter().map(|(_, sign)| *sign)).map(|sign| sign > 0.0)
    }

    /// Columns of all objectives.
    pub fn objectives(&self) -> impl Iterator<Item = usize> {
        std::iter::once(self.metric).chain(self.beside.iter().map(|(column, _)| *column))
    }

    /// All objectives of a verdict, turned so that more is better; none where one has no value.
    fn turned(&self, verdict: &Verdict) -> Option<Vec<f64>> {
        let all = std::iter::once(&verdict.objective).chain(&verdict.beside);
        let signs = std::iter::once(self.sign).chain(self.beside.iter().map(|(_, sign)| *sign));
        all.zip(signs).map(|(value, sign)| value.map(|value| value * sign)).collect()
    }

    /// Puts a strategy point in its worlds on the front of several objectives, if none beats it.
    pub fn place(&self, front: &mut Front, rows: &[Row]) {
        if !self.beside.is_empty() {
            let verdict = self.verdict(rows);
            let values = self.turned(&verdict);
            front.add(verdict, values);
        }
    }

    /// From now on this front, which has all points, ranks before what is not on it.
    pub fn rank_by(&mut self, front: &mut Front) {
        front.sort();
        self.front = front.winner().map(|winner| (front.ids(), winner));
    }

    /// From now on these plateaus, which all points have that stand on one, rank before the objective. By id, in its order.
    pub fn rank_by_plateaus(&mut self, plateaus: Vec<(u64, f64)>) {
        self.plateaus = plateaus;
    }

    /// What is turned so that more is better, as the metric has it; none where it is not finite.
    pub fn as_metric(&self, turned: f64) -> Option<f64> {
        Some(turned * self.sign).filter(|value| value.is_finite())
    }

    /// Column of the objective's metric.
    pub fn metric(&self) -> usize {
        self.metric
    }

    /// Of the objective's metric.
    pub fn higher_is_better(&self) -> bool {
        self.sign > 0.0
    }

    /// Columns of the required metrics.
    pub fn required(&self) -> Vec<usize> {
        self.require.iter().map(|(column, _)| *column).collect()
    }

    /// By requirement: it does not hold over these worlds.
    pub fn failed(&self, rows: &[Row]) -> impl Iterator<Item = bool> {
        self.require.iter().map(|(column, require)| !self.meets(rows, *column, require))
    }

    fn score(&self, row: &Row, run: usize, (column, sign): (usize, f64)) -> Score {
        let run = &row.runs[run];
        match run.get(column) {
            Some(value) => Score::Value(value * sign),
            None if self.trades.is_some_and(|column| run.get(column) == Some(0.0)) => Score::NoTrades,
            None => Score::Null,
        }
    }

    /// `rows`: one strategy point in each of its worlds, in sample; at least one.
    pub fn verdict(&self, rows: &[Row]) -> Verdict {
        let first = (self.metric, self.sign);
        let order = self.worst_first(rows, 0, first);
        let (world, score) = self.over_worlds(rows, 0, &order, first);
        let (_, held_out) = self.over_worlds(rows, 1, &self.worst_first(rows, 1, first), first);
        let number = |score: Score| score.value().map(|value| value * self.sign);
        let spread = [0, (order.len() - 1) / 2, order.len() - 1].map(|at| number(order[at].1));
        let beside = self.beside.iter().map(|metric| {
            let (_, score) = self.over_worlds(rows, 0, &self.worst_first(rows, 0, *metric), *metric);
            score.value().map(|value| value * metric.1)
        });
        let tier = match &self.front {
            Some((_, winner)) if *winner == rows[0].id => 2,
            Some((front, _)) => u8::from(front.contains(&rows[0].id)),
            None => 0,
        };
        Verdict {
            id: rows[0].id,
            point: rows[0].point,
            meets: self.require.iter().all(|(column, require)| self.meets(rows, *column, require)),
            tier,
            plateau: self.plateaus.binary_search_by_key(&rows[0].id, |(id, _)| *id).ok().map(|at| self.plateaus[at].1),
            score,
            beside: beside.collect(),
            scores: order.iter().map(|(_, score)| *score).collect(),
            objective: number(score),
            held_out: number(held_out),
            spread,
            world,
        }
    }

    /// The worlds with their scores in one run.
    fn worst_first(&self, rows: &[Row], run: usize, metric: (usize, f64)) -> Vec<(usize, Score)> {
        let mut order: Vec<(usize, Score)> = rows.iter().map(|row| self.score(row, run, metric)).enumerate().collect();
        order.sort_by(|a, b| a.1.order(&b.1).then(a.0.cmp(&b.0)));
        order
    }

    /// What one run is worth over its worlds, and the world in which it is.
    fn over_worlds(&self, rows: &[Row], run: usize, order: &[(usize, Score)], metric: (usize, f64)) -> (usize, Score) {
        let worst = order[0];
        match self.over {
            // without a value in one world it has none
            _ if !worst.1.is_value() => worst,
            OverWorld::Worst => worst,
            OverWorld::Median => order[(order.len() - 1) / 2],
            OverWorld::Mean => (0, mean(rows, run, metric)),
        }
    }

    /// A requirement over the worlds. Worst: it must hold in each. Median: in the lower median, counted from the values
    /// that fail it most, null first. Mean: of the mean. Null fails.
    fn meets(&self, rows: &[Row], column: usize, require: &Require) -> bool {
        let values: Vec<Option<f64>> = rows.iter().map(|row| row.runs[0].get(column)).collect();
        let holds = |value: Option<f64>| value.is_some_and(|value| require.holds(value));
        match self.over {
            OverWorld::Worst => values.iter().all(|value| holds(*value)),
            OverWorld::Median => match require.compare {
                // there is no order of failing: the lower half must hold
                Compare::Equal | Compare::Unequal => {
                    2 * values.iter().filter(|value| holds(**value)).count() > values.len()
                }
                _ => {
                    let up = matches!(require.compare, Compare::Greater | Compare::GreaterEqual);
                    let mut sorted = values;
                    sorted.sort_by(|a, b| match (a, b) {
                        (Some(a), Some(b)) if up => a.total_cmp(b),
                        (Some(a), Some(b)) => b.total_cmp(a),
                        _ => a.is_some().cmp(&b.is_some()),
                    });
                    holds(sorted[(sorted.len() - 1) / 2])
                }
            },
            OverWorld::Mean => {
                let known: Option<Vec<f64>> = values.iter().copied().collect();
                holds(known.map(|known| known.iter().sum::<f64>() / known.len() as f64))
            }
        }
    }
}

/// The mean of the worlds, which all have a value.
fn mean(rows: &[Row], run: usize, (column, sign): (usize, f64)) -> Score {
    // summed in the order of the worlds, so that the last bits depend on nothing else
    let sum: f64 = rows.iter().filter_map(|row| row.runs[run].get(column)).map(|value| value * sign).sum();
    Score::Value(sum / rows.len() as f64)
}

/// The best of a stream of verdicts, best first, and how many there were.
#[derive(Clone, Debug)]
pub struct TopK {
    room: usize,
    best: Vec<Verdict>,
    pub points: u64,
    /// Those that meet every requirement.
    pub meeting: u64,
    /// Those that have a value of the objective.
    pub valued: u64,
}

impl TopK {
    pub fn new(room: usize) -> TopK {
        TopK { room, best: Vec::new(), points: 0, meeting: 0, valued: 0 }
    }

    pub fn add(&mut self, verdict: Verdict) {
        self.points += 1;
        self.meeting += u64::from(verdict.meets);
        self.valued += u64::from(verdict.score.is_value());
        let place = self.best.partition_point(|other| other.order(&verdict) == Ordering::Less);
        if place < self.room {
            self.best.insert(place, verdict);
            self.best.truncate(self.room);
        }
    }

    pub fn best(&self) -> &[Verdict] {
        &self.best
    }

    /// Why there is no winner, if there is none; `worlds`: of a configuration.
    pub fn no_winner(&self, metric: &str, worlds: u64) -> Option<String> {
        if self.best.first().is_some_and(Verdict::can_win) {
            return None;
        }
        let everywhere = if worlds > 1 { format!(" in each of its {worlds} worlds") } else { String::new() };
        Some(match (self.valued, self.meeting) {
            (0, _) => format!(
                "no configuration has a value of {metric}{everywhere} (no trade, too few, or nothing to divide by): without \
                 a number there is no winner"
            ),
            (_, 0) => "no configuration meets every requirement".to_string(),
            (valued, meeting) => format!(
                "none of the {meeting} that meet every requirement is among the {valued} that have a value of \
                 {metric}{everywhere}"
            ),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grid::RankBy;
    use crate::results::spool::RunRow;
    use perpx_core::replay::LedgerHash;

    fn table() -> Vec<MetricInfo> {
        let info = |name: &'static str, higher_is_better| MetricInfo {
            name: name.into(),
            unit: "",
            higher_is_better,
            doc: "".into(),
        };
        vec![info("sharpe", true), info("trades", true), info("max_drawdown_pct", false)]
    }

    fn ranker(metric: &str, require: &[(&str, Compare, f64)], over_world: OverWorld) -> Ranker {
        let require = require
            .iter()
            .map(|(metric, compare, value)| Require { metric: metric.to_string(), compare: *compare, value: *value })
            .collect();
        let rank = RankBy::Objective;
        let objective = Objective { metric: metric.to_string(), beside: Vec::new(), require, over_world, rank };
        Ranker::new(&objective, &table()).expect("known metrics")
    }

    /// A point whose worlds have these (sharpe, trades, drawdown).
    fn rows(id: u64, worlds: &[(f64, f64, f64)]) -> Vec<Row> {
        let run = |m: [f64; 3]| RunRow::new(LedgerHash::default(), m.map(|m| (!m.is_nan()).then_some(m)));
        let row = |(world, (a, b, c)): (usize, &(f64, f64, f64))| Row {
            id,
            point: id,
            world: world as u32,
            shares: [Some(0.0); 4],
            runs: [run([*a, *b, *c]), RunRow::none(3)],
        };
        worlds.iter().enumerate().map(row).collect()
    }

    const NULL: f64 = f64::NAN;

    #[test]
    fn worlds_are_taken_as_the_grid_says() {
        // | worlds           | worst     | lower median | mean |
        // | 1.0 3.0 2.0 5.0  | 1.0 (0)   | 2.0 (2)      | 2.75 |
        let point = rows(1, &[(1.0, 9.0, 1.0), (3.0, 9.0, 4.0), (2.0, 9.0, 2.0), (5.0, 9.0, 3.0)]);
        let by = |metric: &str, over| ranker(metric, &[], over).verdict(&point);
        let worst = by("sharpe", OverWorld::Worst);
        assert_eq!((worst.objective, worst.world), (Some(1.0), 0));
        assert_eq!(worst.spread, [Some(1.0), Some(2.0), Some(5.0)]);
        let median = by("sharpe", OverWorld::Median);
        assert_eq!((median.objective, median.world), (Some(2.0), 2));
        let mean = by("sharpe", OverWorld::Mean);
        assert_eq!((mean.objective, mean.world), (Some(2.75), 0));
        // of a drawdown the greatest is the worst
        let drawdown = by("max_drawdown_pct", OverWorld::Worst);
        assert_eq!((drawdown.objective, drawdown.world), (Some(4.0), 1));
        assert_eq!(drawdown.spread, [Some(4.0), Some(3.0), Some(1.0)]);
    }

    #[test]
    fn held_out_is_taken_over_its_own_worlds_the_same_way() {
        // in sample the first world is the worst, held out the second
        let mut point = rows(1, &[(1.0, 9.0, 1.0), (3.0, 9.0, 4.0), (2.0, 9.0, 2.0), (5.0, 9.0, 3.0)]);
        let of = |point: &[Row], over| ranker("sharpe", &[], over).verdict(point).held_out;
        assert_eq!(of(&point, OverWorld::Worst), None, "nothing was held out");
        for (row, sharpe) in point.iter_mut().zip([-2.0, -4.0, 1.0, 3.0]) {
            row.runs[1] = RunRow::new(LedgerHash::default(), [sharpe, 9.0, 1.0].map(Some));
        }
        // | held out -2 -4 1 3 | worst -4 | lower median -2 | mean -0.5 |
        assert_eq!(of(&point, OverWorld::Worst), Some(-4.0));
        assert_eq!(of(&point, OverWorld::Median), Some(-2.0));
        assert_eq!(of(&point, OverWorld::Mean), Some(-0.5));
        assert_eq!(ranker("sharpe", &[], OverWorld::Worst).verdict(&point).world, 0, "it ranks nothing");
        point[2].runs[1] = RunRow::new(LedgerHash::default(), [None, Some(0.0), None]);
        assert_eq!(of(&point, OverWorld::Worst), None, "one world has no value");
    }

    #[test]
    fn requirements_are_taken_over_the_worlds_too_and_null_fails() {
        let limits = [("trades", Compare::GreaterEqual, 30.0), ("max_drawdown_pct", Compare::LessEqual, 10.0)];
        let meets = |over, worlds: &[(f64, f64, f64)]| ranker("sharpe", &limits, over).verdict(&rows(1, worlds)).meets;
        let good = [(1.0, 30.0, 10.0), (1.0, 40.0, 2.0), (1.0, 50.0, 3.0)];
        let one_bad = [(1.0, 29.0, 10.0), (1.0, 40.0, 11.0), (1.0, 50.0, 3.0)];
        let one_null = [(1.0, NULL, 1.0), (1.0, 90.0, 1.0), (1.0, 90.0, 1.0)];
        for over in [OverWorld::Worst, OverWorld::Median, OverWorld::Mean] {
            assert!(meets(over, &good), "{over:?}");
        }
        assert!(!meets(OverWorld::Worst, &one_bad));
        // medians 40 and 10, means 39.67 and 8
        assert!(meets(OverWorld::Median, &one_bad) && meets(OverWorld::Mean, &one_bad));
        assert!(!meets(OverWorld::Worst, &one_null) && meets(OverWorld::Median, &one_null));
        assert!(!meets(OverWorld::Mean, &one_null));
    }

    #[test]
    fn nulls_follow_numbers_no_trades_follows_nulls_and_ties_go_by_id() {
        let ranker = ranker("sharpe", &[("trades", Compare::GreaterEqual, 5.0)], OverWorld::Worst);
        let mut top_k = TopK::new(5);
        let points: [(u64, (f64, f64)); 6] =
            [(7, (NULL, 0.0)), (3, (1.5, 5.0)), (2, (1.5, 5.0)), (9, (NULL, 6.0)), (4, (-3.0, 8.0)), (1, (9.0, 4.0))];
        for (id, (sharpe, trades)) in points {
            top_k.add(ranker.verdict(&rows(id, &[(sharpe, trades, 0.0)])));
        }
        // 1 has the best number but too few trades: after the numbers that meet the requirement, before what has none
        assert_eq!(top_k.best().iter().map(|v| v.id).collect::<Vec<_>>(), [2, 3, 4, 1, 9]);
        assert_eq!((top_k.points, top_k.meeting, top_k.valued), (6, 4, 4));
        assert_eq!(top_k.no_winner("sharpe", 1), None);
    }

    #[test]
    fn without_a_value_in_one_world_there_is_none_and_no_winner() {
        // 1 trades nowhere; 2 and 3 lack one world; behind it and an equal 4.0 the best world of 3 is better
        let points = [
            rows(1, &[(NULL, 0.0, 0.0); 3]),
            rows(2, &[(5.0, 9.0, 0.0), (4.0, 9.0, 0.0), (NULL, 0.0, 0.0)]),
            rows(3, &[(NULL, 0.0, 0.0), (6.0, 9.0, 0.0), (4.0, 9.0, 0.0)]),
        ];
        for over in [OverWorld::Worst, OverWorld::Median, OverWorld::Mean] {
            let ranker = ranker("sharpe", &[], over);
            let mut top_k = TopK::new(5);
            points.iter().for_each(|rows| top_k.add(ranker.verdict(rows)));
            assert_eq!(top_k.best().iter().map(|v| v.id).collect::<Vec<_>>(), [3, 2, 1], "{over:?}");
            assert!(top_k.best().iter().all(|v| v.objective.is_none() && !v.can_win()), "{over:?}");
            assert_eq!(top_k.best()[0].world, 0, "{over:?}: it stands in the world without a value");
            let why = top_k.no_winner("sharpe", 3).expect("no winner");
            assert!(why.contains("no configuration has a value of sharpe in each of its 3 worlds"), "{why}");
            // however bad, a value ranks first
            top_k.add(ranker.verdict(&rows(9, &[(-5.0, 9.0, 0.0); 3])));
            assert_eq!((top_k.best()[0].id, top_k.no_winner("sharpe", 3)), (9, None), "{over:?}");
        }
    }

    #[test]
    fn a_tie_in_the_worst_world_goes_to_the_better_next_worst() {
        let ranker = ranker("sharpe", &[], OverWorld::Worst);
        let mut top_k = TopK::new(5);
        for (id, worlds) in [(1, [1.0, 2.0, 9.0]), (2, [3.0, 1.0, 2.5]), (3, [2.5, 3.0, 1.0])] {
            top_k.add(ranker.verdict(&rows(id, &worlds.map(|value| (value, 9.0, 0.0)))));
        }
        // 2 and 3 are equal world by world, worst first: the lower id
        assert_eq!(top_k.best().iter().map(|v| v.id).collect::<Vec<_>>(), [2, 3, 1]);
    }

    #[test]
    fn plateaus_rank_before_the_objective_and_after_the_requirements() {
        let mut ranker = ranker("max_drawdown_pct", &[("trades", Compare::GreaterEqual, 5.0)], OverWorld::Worst);
        // less is better: 4 has the best plateau and fails, 5 has none; of the equal ones the smaller drawdown
        ranker.rank_by_plateaus(vec![(1, -9.0), (2, -3.0), (3, -3.0), (4, -1.0)]);
        let mut top_k = TopK::new(5);
        for (id, trades, drawdown) in [(1, 9.0, 1.0), (2, 9.0, 4.0), (3, 9.0, 2.0), (4, 1.0, 1.0), (5, 9.0, 0.5)] {
            top_k.add(ranker.verdict(&rows(id, &[(1.0, trades, drawdown)])));
        }
        assert_eq!(top_k.best().iter().map(|v| v.id).collect::<Vec<_>>(), [3, 2, 1, 5, 4]);
        assert_eq!((ranker.as_metric(-3.0), ranker.as_metric(f64::NEG_INFINITY)), (Some(3.0), None));
    }

    #[test]
    fn what_meets_and_what_has_a_value_may_be_different_ones() {
        let ranker = ranker("sharpe", &[("trades", Compare::GreaterEqual, 5.0)], OverWorld::Worst);
        let mut top_k = TopK::new(5);
        top_k.add(ranker.verdict(&rows(1, &[(NULL, 9.0, 0.0)])));
        top_k.add(ranker.verdict(&rows(2, &[(1.0, 3.0, 0.0)])));
        assert_eq!(top_k.best().iter().map(|v| v.id).collect::<Vec<_>>(), [2, 1]);
        assert_eq!(
            top_k.no_winner("sharpe", 1).as_deref(),
            Some("none of the 1 that meet every requirement is among the 1 that have a value of sharpe")
        );
    }
}
