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
    /// All must hold.
    pub require: Vec<Require>,
    pub over_world: OverWorld,
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

impl Require {
    pub fn holds(&self, metric: f64) -> bool {
        match self.compare {
            Compare::Less => metric < self.value,
            Compare::LessEqual => metric <= self.value,
            Compare::Greater => metric > self.value,
            Compare::GreaterEqual => metric >= self.value,
            Compare::Equal => metric == self.value,
            Compare::Unequal => metric != self.value && !metric.is_nan(),
        }
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

#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    /// The run writes `dir/<name>/`.
    pub dir: PathBuf,
    pub top: usize,
}
