//! The sections of a grid file beside its axes.

use perpx_core::units::Time;
use perpx_data::loader::OnBadRows;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

#[derive(Clone, Debug, PartialEq)]
pub struct Data {
    /// Folder, already relative to the working directory, or the URL of an object store.
    pub store: String,
    /// At least one; each is swept on its own.
    pub symbols: Vec<String>,
    pub from: Time,
    /// Exclusive.
    pub to: Time,
    pub warmup: Warmup,
    pub on_bad_rows: OnBadRows,
    /// Trades that a recorder fetched for its gaps happen at the venue.
    pub gap_trades: bool,
}

/// What is done when the store lacks the history that signals need before `from`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Warmup {
    /// Refuse the sweep, naming the earliest possible start.
    Refuse,
    /// All configurations start together that much later.
    LateStart,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Objective {
    /// A column of the results.
    pub metric: String,
    /// Further columns: with `metric` they make a front, from which the winner is taken.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub beside: Vec<String>,
    /// All must hold.
    pub require: Vec<Require>,
    pub over_world: OverWorld,
    #[serde(default, skip_serializing_if = "RankBy::is_objective")]
    pub rank: RankBy,
}

impl Objective {
    /// All metrics, the one that ranks first.
    pub fn metrics(&self) -> impl Iterator<Item = &str> {
        std::iter::once(self.metric.as_str()).chain(self.beside.iter().map(String::as_str))
    }
}

/// What configurations are ranked by that meet every requirement.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RankBy {
    #[default]
    Objective,
    /// The lower median of the objective over a configuration and its neighbours.
    Plateau,
}

impl RankBy {
    /// As they are written.
    pub const WORDS: [(&str, RankBy); 2] = [("objective", RankBy::Objective), ("plateau", RankBy::Plateau)];

    fn is_objective(&self) -> bool {
        *self == RankBy::Objective
    }
}

/// `metric op value`; a null metric fails.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Require {
    pub metric: String,
    pub compare: Compare,
    pub value: f64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Compare {
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
    Equal,
    Unequal,
}

impl Compare {
    /// As they are written; one of two characters before the one that it begins with.
    pub const SYMBOLS: [(&str, Compare); 6] = [
        ("<=", Compare::LessEqual),
        (">=", Compare::GreaterEqual),
        ("==", Compare::Equal),
        ("!=", Compare::Unequal),
        ("<", Compare::Less),
        (">", Compare::Greater),
    ];

    /// As it is written.
    pub fn symbol(self) -> &'static str {
        Compare::SYMBOLS.iter().find(|(_, compare)| *compare == self).map_or("", |(symbol, _)| symbol)
    }

    /// Both sides have a value for which it holds.
    pub fn holds<T: PartialOrd>(self, left: T, right: T) -> bool {
        left.partial_cmp(&right).is_some_and(|order| match self {
            Compare::Less => order.is_lt(),
            Compare::LessEqual => order.is_le(),
            Compare::Greater => order.is_gt(),
            Compare::GreaterEqual => order.is_ge(),
            Compare::Equal => order.is_eq(),
            Compare::Unequal => order.is_ne(),
        })
    }
}

impl Require {
    /// A metric that is not a number fails.
    pub fn holds(&self, metric: f64) -> bool {
        self.compare.holds(metric, self.value)
    }
}

impl std::fmt::Display for Require {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {} {}", self.metric, self.compare.symbol(), self.value)
    }
}

/// How a metric over several worlds becomes one number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OverWorld {
    Worst,
    /// The lower one when the number of worlds is even.
    Median,
    Mean,
}

/// More histories take too long.
pub const MOST_DRAWS: u32 = 100_000;
/// The most atoms of a trial matrix.
pub const MOST_ATOMS: u32 = 168;
/// Of a walk-forward: choices are made by a window of the time before the test, or by all of it.
pub const WALK_KINDS: [&str; 2] = ["rolling", "anchored"];

/// How the winner is judged.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct EvidencePlan {
    /// No more atoms than these; none: as many as the rule gives.
    pub atoms: Option<u32>,
    /// Histories that are drawn.
    pub draws: u32,
    /// Blocks of time that are halved: 8, 12 or 16.
    pub blocks: u32,
    /// Tests of the walk-forward.
    pub folds: u32,
    /// The walk-forward that is judged is anchored, the other one stands beside it.
    pub is_anchored: bool,
    /// A true Sharpe ratio a year, whose chance to be seen is told.
    pub target_sharpe: f64,
}

impl Default for EvidencePlan {
    fn default() -> EvidencePlan {
        EvidencePlan { atoms: None, draws: 2_000, blocks: 8, folds: 5, is_anchored: false, target_sharpe: 1.0 }
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    /// The run writes `dir/<name>/`.
    pub dir: PathBuf,
    pub top: usize,
}
