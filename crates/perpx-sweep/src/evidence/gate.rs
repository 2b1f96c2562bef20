//! The verdict on a winner, check by check: strong, weak or refused. The worst check decides; that the data is synthetic
//! stands beside it, since it refuses a live run alone.
//!
//! Thresholds are those of configs/gate.toml, which is part of the program.

use super::judge::{Evidence, Finding, Judged};
use perpx_data::text::{capital, count, fixed, significant};
use serde::{Deserialize, Serialize};

/// The thresholds as text.
const GATE: &str = include_str!("../../../../configs/gate.toml");

/// How far a check, or a winner, may be relied on. Later is worse.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// Nothing speaks against it.
    Strong,
    /// Also what cannot be computed.
    Weak,
    /// Not to be deployed.
    Refused,
}

impl Standing {
    /// As it is printed.
    pub fn word(self) -> &'static str {
        match self {
            Standing::Strong => "strong",
            Standing::Weak => "weak",
            Standing::Refused => "refused",
        }
    }
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Length {
    atoms: u32,
    trades: u32,
    days: f64,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Lengths {
    strong: Length,
    weak: Length,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Shares {
    strong: f64,
    weak: f64,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Both {
    probability: f64,
    loss: f64,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct OverfittingLimits {
    strong: f64,
    weak: f64,
    refused: Both,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct HeldOutLimits {
    losing_errors: f64,
    missing_errors: f64,
    looks: u32,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct NeighbourLimits {
    strong: f64,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Limits {
    length: Lengths,
    luck: Shares,
    overfitting: OverfittingLimits,
    held_out: HeldOutLimits,
    neighbours: NeighbourLimits,
}

impl Limits {
    fn shipped() -> Limits {
        toml::from_str(GATE).unwrap_or_else(|error| panic!("configs/gate.toml: {error}"))
    }
}

/// The winner in the time that was held out.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct HeldOut {
    /// A year's.
    pub sharpe: f64,
    /// One standard error of it.
    pub error: f64,
    /// Days held out.
    pub days: f64,
    /// Runs so far whose held-out time is this one, this run included.
    pub looks: u32,
}

/// Of the winner's neighbours in the grid, one step along one axis.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Neighbours {
    /// Of their objectives.
    pub median: f64,
    /// Share of them with an objective above zero.
    pub positive: f64,
    /// Axes whose first or last value the winner has.
    pub edges: u32,
}

/// The winner over the worlds of the grid.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Worlds {
    /// How many.
    pub count: u32,
    /// The objective in the worst of them.
    pub worst: Option<f64>,
    /// The rates of refusals are an axis.
    pub vary_rejects: bool,
    /// Latency is an axis.
    pub vary_latency: bool,
}

/// What is known of a winner beside the trial matrix.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Facts {
    /// The data was made by a generator.
    pub is_synthetic: bool,
    /// Runs before this one are counted.
    pub knows_trials: bool,
    /// Share of the capital at which the strategy halts itself.
    pub max_drawdown: Option<f64>,
    /// None without held-out time, or without a ratio there.
    pub held_out: Option<HeldOut>,
    /// None without neighbours.
    pub neighbours: Option<Neighbours>,
    /// Over the worlds.
    pub worlds: Worlds,
}

/// One row of the gate.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Check {
    /// A word of the gate's table.
    pub name: &'static str,
    /// What came out.
    pub grade: Standing,
    /// What was found, and what would be better.
    pub text: String,
}

/// A winner, judged.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct GateVerdict {
    /// The worst of the checks but that of the data.
    pub grade: Standing,
    /// In the order of the gate's table.
    pub checks: Vec<Check>,
    /// BLAKE3 of configs/gate.toml.
    pub gate: String,
}

/// Which check says where the data comes from.
const DATA: &str = "data";

/// Judges a winner.
pub fn verdict(evidence: &Evidence, facts: &Facts) -> GateVerdict {
    let limits = Limits::shipped();
    let judged = match &evidence.outcome {
        Finding::Judged(judged) => Some(&**judged),
        _ => None,
    };
    let length = length(&limits, evidence, judged);
    let too_short = length.grade == Standing::Refused;
    let mut checks = vec![length];
    let statistics: [(&str, Judging<'_>); 7] = [
        ("luck", Case::luck),
        ("bar", Case::bar),
        ("overfitting", Case::overfitting),
        ("walk_forward", Case::walk_forward),
        ("held_out", Case::held_out),
        ("neighbours", Case::neighbours),
        ("worlds", Case::worlds),
    ];
    for (name, of) in statistics {
        let (grade, text) = match (too_short, judged) {
            (false, Some(judged)) => of(&Case { limits, days: evidence.days, judged, facts }),
            _ => (Standing::Weak, "too short to say".to_string()),
        };
        checks.push(Check { name, grade, text });
    }
    let grade = checks.iter().map(|check| check.grade).max().unwrap_or(Standing::Refused);
    checks.push(data(facts));
    GateVerdict { grade, checks, gate: blake3::hash(GATE.as_bytes()).to_hex()[..16].to_string() }
}

/// Beside every verdict: what can be hoped for at all, by normal theory.
pub const HOPE: &str =
    "A true Sharpe of 3 a year is found strong in about 3, 12 and 50 of 100 histories of 30, 90 and 365 days.";

impl GateVerdict {
    /// The verdict in a sentence or two.
    pub fn sentence(&self, evidence: &Evidence) -> String {
        let tried = match evidence.tried > evidence.configurations {
            true => format!(", {} on this data so far", count(evidence.tried)),
            false => String::new(),
        };
        let best = format!(
            "Best of {} different configurations ({} tried{tried})",
            count(evidence.distinct as u64),
            count(evidence.configurations)
        );
        let worst: Vec<String> =
            self.reasons().map(|check| format!("{}: {}", check.name.replace('_', " "), check.text)).collect();
        let luck = match &evidence.outcome {
            Finding::Judged(judged) => format!(
                ". If none of them had an edge, the best would look this good in {} of 100 such histories",
                judged.luck.total_text()
            ),
            _ => String::new(),
        };
        let because = if worst.is_empty() { String::new() } else { format!(" {}.", capital(&worst.join("; "))) };
        format!("{best}{luck}.{because}")
    }

    /// What keeps it from a better grade, worst first.
    pub fn reasons(&self) -> impl Iterator<Item = &Check> {
        let counted = self.checks.iter().filter(|check| check.name != DATA);
        counted.filter(|check| check.grade == self.grade && check.grade > Standing::Strong)
    }
}

/// A winner that is judged, of which there is enough.
struct Case<'a> {
    limits: Limits,
    days: f64,
    judged: &'a Judged,
    facts: &'a Facts,
}

type Judging<'a> = fn(&Case<'a>) -> (Standing, String);

fn graded(strong: bool, weak: bool) -> Standing {
    match (strong, weak) {
        (true, _) => Standing::Strong,
        (_, true) => Standing::Weak,
        _ => Standing::Refused,
    }
}

/// A generator's market proves that the program runs, not that the strategy earns.
fn data(facts: &Facts) -> Check {
    let (grade, text) = match facts.is_synthetic {
        true => (Standing::Refused, "synthetic: nothing for a live run; record a market, or import one"),
        false => (Standing::Strong, "recorded"),
    };
    Check { name: DATA, grade, text: text.to_string() }
}

fn length(limits: &Limits, evidence: &Evidence, judged: Option<&Judged>) -> Check {
    let name = "length";
    let weak = limits.length.weak;
    let Some(judged) = judged else {
        let text = match &evidence.outcome {
            Finding::TooShort(short) => {
                let needed = short.days_needed.map_or(weak.days, |days| days.max(weak.days)).ceil();
                let trades = if short.days_needed.is_none() { ", and trades, of which there is none" } else { "" };
                format!("{} days; about {} would do{trades}", significant(evidence.days, 3), fixed(needed, 0))
            }
            _ => "no configuration may be chosen".to_string(),
        };
        return Check { name, grade: Standing::Refused, text };
    };
    let trades = judged.winner.trades.unwrap_or(0);
    let reaches =
        |least: Length| evidence.atoms as u32 >= least.atoms && trades >= least.trades && evidence.days >= least.days;
    let grade = graded(reaches(limits.length.strong), reaches(weak));
    let wanted = if grade == Standing::Refused { weak } else { limits.length.strong };
    let more = match grade {
        Standing::Strong => String::new(),
        _ => format!(
            "; {} days and {} trades would be {}",
            wanted.days,
            wanted.trades,
            graded(grade == Standing::Weak, true).word()
        ),
    };
    let found = format!("{} days, {} trades{more}", significant(evidence.days, 3), count(u64::from(trades)));
    Check { name, grade, text: found }
}

impl<'a> Case<'a> {
    fn luck(&self) -> (Standing, String) {
        let total = self.judged.luck.total;
        let shown = self.judged.luck.total_text();
        let known = self.facts.knows_trials;
        let unknown = if known { "" } else { "; trials before this run are not known" };
        let text = format!("the luckiest of as many without an edge look as good in {shown} of 100 histories{unknown}");
        (graded(total <= self.limits.luck.strong && known, total <= self.limits.luck.weak), text)
    }

    /// The ratio against what the luckiest would show: how long it takes until it stands above that, and whether it does at all.
    fn bar(&self) -> (Standing, String) {
        let (winner, luck) = (&self.judged.winner, &self.judged.luck);
        let above = winner.tested_sharpe > luck.luckiest;
        let long_enough = above && winner.days_above_luckiest.is_some_and(|needed| self.days >= needed);
        let more = match winner.days_above_luckiest.filter(|needed| above && self.days < *needed) {
            Some(needed) => format!("; {} days would settle it", significant(needed.ceil(), 3)),
            None => String::new(),
        };
        let text =
            format!("Sharpe {}, the luckiest show {}{more}", fixed(winner.tested_sharpe, 1), fixed(luck.luckiest, 1));
        (graded(long_enough, above), text)
    }

    fn overfitting(&self) -> (Standing, String) {
        let Some(found) = &self.judged.overfitting else {
            return (Standing::Weak, "the time cannot be halved".to_string());
        };
        let limits = self.limits.overfitting;
        let both = found.pbo > limits.refused.probability && found.test_loss > limits.refused.loss;
        let text = format!(
            "the best of one half lost money in the other in {}, and fell to the middle or below in {}",
            of_splits(found.test_loss, found.splits),
            of_splits(found.pbo, found.splits)
        );
        (graded(found.test_loss <= limits.strong && !both, found.test_loss <= limits.weak && !both), text)
    }

    fn walk_forward(&self) -> (Standing, String) {
        let Some(rolling) = self.judged.walk_forward.first() else {
            return (Standing::Weak, "the time cannot be walked through".to_string());
        };
        let bearable = self.facts.max_drawdown.is_none_or(|most| rolling.worst > -most);
        let text = format!(
            "chosen again {} times it makes {} %, {} % in the worst fold",
            rolling.folds.len(),
            fixed(100.0 * rolling.net, 2),
            fixed(100.0 * rolling.worst, 2)
        );
        (graded(rolling.net > 0.0 && bearable, rolling.net > 0.0), text)
    }

    fn held_out(&self) -> (Standing, String) {
        let Some(HeldOut { sharpe, error, days, looks }) = self.facts.held_out else {
            return (Standing::Weak, "nothing is held out".to_string());
        };
        let limits = self.limits.held_out;
        let expected = self.judged.luck.lower_bound;
        let losing = sharpe < -limits.losing_errors * error;
        let strong = sharpe > 0.0 && sharpe >= expected - limits.missing_errors * error && looks < limits.looks;
        let seen = if looks > 1 { format!(", looked at {looks} times") } else { String::new() };
        let (shown, error_shown, span) = (fixed(sharpe, 1), fixed(error, 1), significant(days, 2));
        // as long as one that is as good as could be expected takes to stand clear of zero
        let needed = days * (limits.losing_errors * error / expected).powi(2);
        let yet = match sharpe.abs() < limits.losing_errors * error {
            true if expected > 0.0 && needed > days => {
                format!("; says nothing yet, about {} days would", fixed(needed.ceil(), 0))
            }
            true => "; says nothing yet".to_string(),
            false => String::new(),
        };
        let text = format!("Sharpe {shown} ± {error_shown} in {span} days{yet}{seen}");
        (graded(strong, !losing), text)
    }

    fn neighbours(&self) -> (Standing, String) {
        let Some(Neighbours { median, positive, edges }) = self.facts.neighbours else {
            return (Standing::Weak, "it has no neighbours".to_string());
        };
        // a better one may lie beyond; that says nothing against this one
        let edge = match edges {
            0 => String::new(),
            1 => "; on the edge of one axis".to_string(),
            more => format!("; on the edge of {more} axes"),
        };
        let share = match positive {
            none if none <= 0.0 => "none".to_string(),
            all if all >= 1.0 => "all".to_string(),
            some => format!("{} %", fixed(100.0 * some, 0)),
        };
        let text = format!("median {}, {share} above zero{edge}", significant(median, 3));
        (graded(median > 0.0 && positive >= self.limits.neighbours.strong, median > 0.0), text)
    }

    fn worlds(&self) -> (Standing, String) {
        let Worlds { count, worst, vary_rejects, vary_latency } = self.facts.worlds;
        let Some(worst) = worst else {
            return (Standing::Refused, "no value in one world".to_string());
        };
        let all = vary_rejects && vary_latency;
        let missing = if all { "" } else { "; it could be strong with axes of refusals and of latency" };
        let of = if count > 1 { format!("in the worst of {count}") } else { "in the only one".to_string() };
        let text = format!("{} {of}{missing}", significant(worst, 3));
        (if worst <= 0.0 { Standing::Refused } else { graded(all, true) }, text)
    }
}

/// A share of so many splits, never "0" and never "100".
pub fn of_splits(share: f64, splits: usize) -> String {
    let all = count(splits as u64);
    match share {
        none if none <= 0.0 => format!("none of {all} splits"),
        whole if whole >= 1.0 => format!("all {all} splits"),
        some => format!("{} of 100 splits", significant(100.0 * some, 2)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::judge::{Hope, JudgedWinner, Luck, LuckHistogram, Overfitting, TooShort, WalkForward};

    /// Of a winner that stands every check of the gate, over so many days and with so many trades: Sharpe 8 a year, where the
    /// luckiest show 6.
    fn fake(days: f64, trades: u32) -> Evidence {
        let judged = Judged {
            winner: JudgedWinner {
                id: "0000000000000001".to_string(),
                weight: 1,
                trades: Some(trades),
                net: 0.2,
                net_interval: [0.1, 0.3],
                max_drawdown: Some(0.02),
                sharpe: 8.0,
                tested_sharpe: 8.0,
                error: Some(1.0),
                interval: [6.0, 10.0],
                shape: None,
                psr: Some(0.99),
                days_above_zero: Some(5.0),
                days_above_luckiest: Some(12.0),
            },
            luck: Luck {
                draws: 2_000,
                seed: 0,
                block_atoms: 1.0,
                luck: 0.01,
                robust: 0.02,
                total: 0.02,
                is_bound: false,
                draws_needed: None,
                luckiest: 6.0,
                luckiest_sd: 0.5,
                bar: 7.0,
                lower_bound: 1.0,
                independent_trials: 6.0,
                standing: 3,
                histogram: LuckHistogram { from: 4.0, to: 8.0, counts: vec![1; 30] },
            },
            adjusted: Vec::new(),
            dsr_2014: Some(0.9),
            overfitting: Some(Overfitting {
                blocks: 8,
                splits: 70,
                embargo_atoms: 1,
                mean_logit: 1.0,
                pbo: 0.1,
                test_loss: 0.05,
                mean_train: 9.0,
                mean_test: 7.0,
                picks: 3,
                null_band: [0.0, 1.0],
                points: Vec::new(),
            }),
            walk_forward: vec![WalkForward {
                kind: "rolling",
                folds: Vec::new(),
                net: 0.1,
                worst: -0.01,
                sharpe: 6.0,
                error: 2.0,
                efficiency: 0.8,
                changes: 1,
                ..WalkForward::default()
            }],
            curve: Vec::new(),
            hope: Hope { sharpe: 1.0, chance: Some(0.2) },
        };
        Evidence {
            days,
            intervals: (24.0 * days) as u32,
            interval_sec: 3_600.0,
            atoms: 168,
            embargo: 5,
            configurations: 2_048,
            distinct: 1_166,
            tried: 2_048,
            tried_too_few: None,
            outcome: Finding::Judged(Box::new(judged)),
        }
    }

    /// A winner that passes every check: what a test changes of it decides.
    fn facts() -> Facts {
        Facts {
            is_synthetic: false,
            knows_trials: true,
            max_drawdown: Some(0.1),
            held_out: Some(HeldOut { sharpe: 2.0, error: 1.0, days: 20.0, looks: 1 }),
            neighbours: Some(Neighbours { median: 3.0, positive: 0.9, edges: 0 }),
            worlds: Worlds { count: 4, worst: Some(1.0), vary_rejects: true, vary_latency: true },
        }
    }

    fn evidence() -> Evidence {
        fake(60.0, 200)
    }

    fn grade_of(name: &str, evidence: &Evidence, facts: &Facts) -> Standing {
        let found = verdict(evidence, facts);
        let check = found.checks.iter().find(|check| check.name == name).expect("a check of that name");
        let counted = found.checks.iter().filter(|check| check.name != DATA);
        assert_eq!(found.grade, counted.map(|check| check.grade).max().expect("checks"));
        check.grade
    }

    fn changed(change: impl Fn(&mut Judged)) -> Evidence {
        let mut evidence = evidence();
        if let Finding::Judged(judged) = &mut evidence.outcome {
            change(judged);
        }
        evidence
    }

    #[test]
    fn a_winner_that_passes_all_is_strong() {
        let found = verdict(&evidence(), &facts());
        assert_eq!(found.grade, Standing::Strong, "{:#?}", found.checks);
        assert_eq!(found.reasons().count(), 0);
        let names: Vec<&str> = found.checks.iter().map(|check| check.name).collect();
        let wanted =
            ["length", "luck", "bar", "overfitting", "walk_forward", "held_out", "neighbours", "worlds", "data"];
        assert_eq!(names, wanted);
    }

    /// Each threshold of configs/gate.toml from both sides.
    #[test]
    fn every_check_has_its_edges() {
        use Standing::{Refused, Strong, Weak};
        let luck = |total: f64| changed(|judged| judged.luck = Luck { total, ..judged.luck.clone() });
        for (total, grade) in [(0.05, Strong), (0.051, Weak), (0.20, Weak), (0.201, Refused)] {
            assert_eq!(grade_of("luck", &luck(total), &facts()), grade, "{total}");
        }
        let unknown = Facts { knows_trials: false, ..facts() };
        assert_eq!(grade_of("luck", &evidence(), &unknown), Weak);
        for (tested, needed, grade) in [(8.0, 60.0, Strong), (8.0, 61.0, Weak), (6.0, 60.0, Refused)] {
            let evidence = changed(|judged| {
                judged.winner.tested_sharpe = tested;
                judged.winner.days_above_luckiest = Some(needed);
            });
            assert_eq!(grade_of("bar", &evidence, &facts()), grade, "{tested} {needed}");
        }
        for (loss, pbo, grade) in
            [(0.25, 0.8, Strong), (0.26, 0.2, Weak), (0.36, 0.76, Refused), (0.50, 0.7, Weak), (0.51, 0.1, Refused)]
        {
            let evidence = changed(|judged| {
                let found = judged.overfitting.as_mut().expect("judged");
                (found.test_loss, found.pbo) = (loss, pbo);
            });
            assert_eq!(grade_of("overfitting", &evidence, &facts()), grade, "{loss} {pbo}");
        }
        for (net, worst, grade) in [(0.1, -0.09, Strong), (0.1, -0.1, Weak), (0.0, 0.0, Refused)] {
            let evidence = changed(|judged| (judged.walk_forward[0].net, judged.walk_forward[0].worst) = (net, worst));
            assert_eq!(grade_of("walk_forward", &evidence, &facts()), grade, "{net} {worst}");
        }
        for (sharpe, error, looks, grade) in [
            (2.0, 1.0, 3, Strong),
            (2.0, 1.0, 4, Weak),
            (0.5, 0.1, 1, Weak),
            (-1.6, 1.0, 1, Weak),
            (-1.7, 1.0, 1, Refused),
        ] {
            let held_out = Some(HeldOut { sharpe, error, days: 20.0, looks });
            assert_eq!(grade_of("held_out", &evidence(), &Facts { held_out, ..facts() }), grade, "{sharpe} {looks}");
        }
        for (median, positive, edges, grade) in
            [(1.0, 0.6, 0, Strong), (1.0, 0.59, 0, Weak), (1.0, 0.9, 2, Strong), (0.0, 0.9, 0, Refused)]
        {
            let neighbours = Some(Neighbours { median, positive, edges });
            assert_eq!(grade_of("neighbours", &evidence(), &Facts { neighbours, ..facts() }), grade, "{median}");
        }
        let worlds = Worlds { vary_latency: false, ..facts().worlds };
        assert_eq!(grade_of("worlds", &evidence(), &Facts { worlds, ..facts() }), Weak);
        for worst in [Some(0.0), None] {
            let worlds = Worlds { worst, ..facts().worlds };
            assert_eq!(grade_of("worlds", &evidence(), &Facts { worlds, ..facts() }), Refused);
        }
        assert_eq!(grade_of("data", &evidence(), &Facts { is_synthetic: true, ..facts() }), Refused);
        for (days, trades, grade) in
            [(30.0, 100, Strong), (29.9, 100, Weak), (30.0, 99, Weak), (14.0, 30, Weak), (13.9, 100, Refused)]
        {
            let evidence = fake(days, trades);
            assert_eq!(grade_of("length", &evidence, &facts()), grade, "{days} {trades}");
        }
    }

    /// A span without one whole interval is refused as any other that is too short, with the length that would do.
    #[test]
    fn a_span_of_minutes_is_refused_with_the_days_that_would_do() {
        // 5 minutes with 6 trades, hours as intervals, an embargo of one: 24 atoms of an hour, 30 trades in 25 minutes
        let short = Evidence::without_interval(300.0, 3_600.0, 1, 6);
        let found = verdict(&short, &facts());
        assert_eq!(found.grade, Standing::Refused);
        assert_eq!(found.checks[0].text, "0.00347 days; about 14 would do");
        let Finding::TooShort(found) = &short.outcome else { panic!("{short:?}") };
        assert_eq!((found.days_needed, found.missing[0].what), (Some(1.0), "intervals"));
        let Finding::TooShort(idle) = Evidence::without_interval(300.0, 3_600.0, 1, 0).outcome else {
            panic!("judged")
        };
        assert_eq!(idle.days_needed, None, "at no trades no length would do");
    }

    /// Below the length nothing else is said; what cannot be computed is weak.
    #[test]
    fn too_short_is_refused_and_what_is_not_known_is_weak() {
        let mut short = evidence();
        short.outcome = Finding::TooShort(TooShort { missing: Vec::new(), days_needed: Some(40.2) });
        let found = verdict(&short, &facts());
        assert_eq!(found.grade, Standing::Refused);
        assert!(found.checks[0].text.contains("about 41 would do"), "{}", found.checks[0].text);
        assert!(found.checks[1..8].iter().all(|check| check.text == "too short to say"));
        let unknown = Facts { held_out: None, neighbours: None, ..facts() };
        let found = verdict(&changed(|judged| judged.overfitting = None), &unknown);
        assert_eq!(found.grade, Standing::Weak);
        assert_eq!(found.reasons().count(), 3);
    }
}
