//! Kinds of values: units, bounds, choices, and what is said when a value does not fit.

use crate::config::{Choice as _, Num, OutageWhat, Value, Word};
use crate::units::Time;

/// Unit of a number as written, which fixes the integer that it becomes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// A whole count.
    Count,
    /// A float of statistics (volatility, sigmas, probabilities).
    Float,
    /// A fraction: 0.005 = 0.5 %.
    Fraction,
    /// A factor, kept like a fraction.
    Ratio,
    /// Basis points, 1e-4.
    Bp,
    /// Milliseconds, kept as nanoseconds.
    Ms,
    /// Seconds, kept as nanoseconds.
    Sec,
    /// Base coins.
    Base,
    /// Quote money.
    Quote,
    /// Quote money per base coin.
    Price,
}

impl Unit {
    /// 1e-18 units per step of the integer that the number becomes; 1 where it becomes a float.
    pub fn grain(self) -> i128 {
        match self {
            Unit::Count => Num::ONE,
            Unit::Float => 1,
            Unit::Fraction | Unit::Ratio | Unit::Quote => 1_000_000,
            Unit::Bp => 10_000_000_000,
            Unit::Ms => 1_000_000_000_000,
            Unit::Sec | Unit::Base | Unit::Price => 1_000_000_000,
        }
    }

    /// What a number of this unit is called in messages.
    fn word(self) -> &'static str {
        match self {
            Unit::Count => "a whole number",
            Unit::Float | Unit::Ratio => "a number",
            Unit::Fraction => "a fraction",
            Unit::Bp => "basis points",
            Unit::Ms => "milliseconds",
            Unit::Sec => "seconds",
            Unit::Base => "base coins",
            Unit::Quote => "quote money",
            Unit::Price => "a price",
        }
    }
}

/// The values that a key takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A number within bounds.
    Number {
        /// As it is written, and what it becomes.
        unit: Unit,
        /// The least that is accepted.
        min: Num,
        /// The greatest that is accepted.
        max: Num,
        /// The minimum itself is not accepted.
        open: bool,
    },
    /// `true` or `false`.
    Bool,
    /// One of these words.
    Choice(&'static [Word]),
    /// Any text.
    Text,
    /// `[{from, to, what}]` or `[{per_day, mean_sec, what}]`.
    Outages,
    /// `[{floor, maintenance}]`
    Brackets,
    /// Milliseconds, at least two, not falling.
    Quantiles,
}

/// Numbers from `min` to `max`, both accepted.
pub const fn from(unit: Unit, min: i64, max: i64) -> Kind {
    Kind::Number { unit, min: Num::whole(min), max: Num::whole(max), open: false }
}

/// Numbers above `min` up to `max`.
pub const fn over(unit: Unit, min: i64, max: i64) -> Kind {
    Kind::Number { unit, min: Num::whole(min), max: Num::whole(max), open: true }
}

impl Kind {
    /// Its numbers count something.
    pub fn is_whole(self) -> bool {
        matches!(self, Kind::Number { unit: Unit::Count, .. })
    }

    /// Words for what fits.
    pub fn accepted(self, or_null: bool) -> String {
        let text = match self {
            Kind::Number { unit, min, max, open: true } => format!("{} above {min} and at most {max}", unit.word()),
            Kind::Number { unit, min, max, open: false } => format!("{} from {min} to {max}", unit.word()),
            Kind::Bool => "true or false".to_string(),
            Kind::Choice(words) => words.iter().map(|word| word.word).collect::<Vec<_>>().join(", "),
            Kind::Text => "text".to_string(),
            Kind::Outages => {
                let words: Vec<String> = OutageWhat::WORDS.iter().map(|word| format!("`{}`", word.word)).collect();
                let [first, between @ .., last] = &words[..] else { return String::new() };
                let (first, between) = (first.trim_matches('`'), between.join(", "));
                "a list of {from: time, to: time} or {per_day: number, mean_sec: number}, each with ".to_string()
                    + &format!("`what: {first}`, {between} or {last}")
            }
            Kind::Brackets => "a list of {floor: quote money, maintenance: fraction}, floors rising from 0".to_string(),
            Kind::Quantiles => "a list of two milliseconds or more, not falling".to_string(),
        };
        if or_null { format!("{text}, or null") } else { text }
    }

    /// True when the value is of this kind and within its bounds. Null is judged elsewhere.
    pub fn fits(self, value: &Value) -> bool {
        match (self, value) {
            (Kind::Number { unit, min, max, open }, Value::Num(num)) => {
                let above = if open { *num > min } else { *num >= min };
                above && *num <= max && num.0 % unit.grain() == 0
            }
            (Kind::Bool, Value::Bool(_)) => true,
            (Kind::Choice(words), Value::Text(text)) => words.iter().any(|word| word.word == text),
            (Kind::Text, Value::Text(text)) => !text.is_empty(),
            (Kind::Outages, Value::List(items)) => items.iter().all(is_outage),
            (Kind::Brackets, Value::List(items)) => are_brackets(items),
            (Kind::Quantiles, Value::List(items)) => are_quantiles(items),
            _ => false,
        }
    }

    /// Why a value within the bounds is refused all the same: it is finer than the unit can hold.
    pub fn too_fine(self, value: &Value) -> bool {
        match (self, value) {
            (Kind::Number { unit, min, max, .. }, Value::Num(num)) => {
                unit != Unit::Count && *num >= min && *num <= max && num.0 % unit.grain() != 0
            }
            _ => false,
        }
    }
}

/// A field of a small map.
fn field<'a>(entries: &'a [(String, Value)], name: &str) -> Option<&'a Value> {
    entries.iter().find(|(key, _)| key == name).map(|(_, value)| value)
}

/// A field of a list's map as a number.
pub fn number(entries: &[(String, Value)], name: &str) -> Option<Num> {
    field(entries, name).and_then(Value::num)
}

/// A field of a list's map as a time.
pub fn time(entries: &[(String, Value)], name: &str) -> Option<Time> {
    field(entries, name).and_then(Value::text).and_then(|text| text.parse().ok())
}

/// `what` of an outage; both when it is not written, `None` for another word.
pub fn what(entries: &[(String, Value)]) -> Option<OutageWhat> {
    field(entries, "what").map_or(Some(OutageWhat::Both), |what| what.text().and_then(OutageWhat::of_word))
}

/// `{from, to, what}` with `from` before `to`, or `{per_day, mean_sec, what}`.
fn is_outage(item: &Value) -> bool {
    let Value::Map(entries) = item else { return false };
    let only = |names: &[&str]| entries.iter().all(|(key, _)| names.contains(&key.as_str()));
    if what(entries).is_none() {
        return false;
    }
    let span = |name, low: i64, high: i64| {
        number(entries, name)
            .is_some_and(|n| n > Num::whole(low) && n <= Num::whole(high) && n.0 % Unit::Sec.grain() == 0)
    };
    match (time(entries, "from"), time(entries, "to")) {
        (Some(from), Some(to)) => from < to && only(&["from", "to", "what"]),
        _ => span("per_day", 0, 86_400) && span("mean_sec", 0, 86_400) && only(&["per_day", "mean_sec", "what"]),
    }
}

/// Two or more, none below the one before.
fn are_quantiles(items: &[Value]) -> bool {
    let fits = |ms: &Value| from(Unit::Ms, 0, 86_400_000).fits(ms);
    let not_falling = |pair: &[Value]| pair[0].num() <= pair[1].num();
    items.len() > 1 && items.iter().all(fits) && items.windows(2).all(not_falling)
}

/// Floors rise from zero.
fn are_brackets(items: &[Value]) -> bool {
    let mut last: Option<Num> = None;
    for item in items {
        let Value::Map(entries) = item else { return false };
        let (Some(floor), Some(rate)) = (number(entries, "floor"), number(entries, "maintenance")) else {
            return false;
        };
        let rising = last.map_or(floor.0 == 0, |before| floor > before);
        let legal = rate.0 >= 0 && rate.0 < Num::ONE && rate.0 % Unit::Fraction.grain() == 0;
        if entries.len() != 2 || !rising || !legal || floor > Num::whole(1_000_000_000_000) {
            return false;
        }
        last = Some(floor);
    }
    last.is_some()
}
