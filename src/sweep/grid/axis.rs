//! Axes: a key and the values that it takes.

use crate::config::keys::{Kind, Unit};
use crate::config::text::{Body, Entry, Node, Place, Source};
use crate::config::{ConfigError, ConfigFile, KeyIx, Num, Value};
use std::collections::BTreeSet;

/// Most values of one axis.
const MOST: i128 = 1_000_000;

#[derive(Clone, Debug, PartialEq)]
pub struct Axis {
    pub key: KeyIx,
    /// Dotted path.
    pub path: String,
    /// At least one; no repeats; in the order written.
    pub values: Vec<Value>,
    /// Where the values stand, by value for lists, else one place for all.
    pub(super) places: Vec<Place>,
}

impl Axis {
    /// Reads `"dotted.key" = [..]`, `{from, to, step}` or `{from, to, count, scale}`.
    pub(super) fn read(source: &Source, base: &ConfigFile, entry: &Entry) -> Result<Axis, ConfigError> {
        let at = |error: ConfigError, place: Place| error.at(source, place);
        let key = base.key(&entry.key).map_err(|error| at(error, entry.place))?;
        let path = base.schema().path(key).to_string();
        if !base.schema().is_axis(key) {
            let error = ConfigError::new("", &path, "this key belongs to the account and cannot be an axis")
                .accepted("keys of the strategy, and fills.*, fees, tiers and seed as world axes")
                .remedy("set it in the strategy file");
            return Err(at(error, entry.place));
        }
        let items: Vec<(Value, Place)> = match &entry.node.body {
            Body::List(items) => items.iter().map(|item| (item.value(), item.place)).collect(),
            Body::Map(_) => {
                let unit = match base.schema().key(key).kind {
                    Kind::Number { unit, .. } => unit,
                    kind => {
                        let error = ConfigError::new("", &path, format!("found the range {}", entry.node.value()))
                            .accepted(format!("a list of values, each {}", kind.accepted(false)))
                            .remedy("write the values out: [\"a\", \"b\"]");
                        return Err(at(error, entry.node.place));
                    }
                };
                range(source, &path, &entry.node, unit)?
                    .into_iter()
                    .map(|num| (Value::Num(num), entry.node.place))
                    .collect()
            }
            Body::Scalar(value) => {
                let error = ConfigError::new("", &path, format!("found {value}"))
                    .accepted("a list, {from, to, step}, or {from, to, count, scale}")
                    .remedy(format!("write [{value}] for one value, or set the key in the strategy file"));
                return Err(at(error, entry.node.place));
            }
        };
        let mut axis = Axis { key, path, values: Vec::new(), places: Vec::new() };
        let mut seen = BTreeSet::new();
        for (value, place) in items {
            let value = if value.text() == Some("null") { Value::Null } else { base.schema().normal(key, value) };
            base.check(key, &value).map_err(|error| at(error, place))?;
            if seen.insert(value.to_string()) {
                axis.values.push(value);
                axis.places.push(place);
            }
        }
        if axis.values.is_empty() {
            let error = ConfigError::new("", &axis.path, "found no value")
                .accepted("at least one value")
                .remedy("write a value, or delete the axis");
            return Err(at(error, entry.node.place));
        }
        Ok(axis)
    }

    /// Where a value stands in the grid file.
    pub(super) fn place(&self, value: usize) -> Place {
        self.places.get(value).or(self.places.first()).copied().unwrap_or_default()
    }
}

/// The numbers of a range. Steps are exact; inner points of a count are rounded to 6 significant digits, to whole numbers
/// where the key counts or is in seconds.
fn range(source: &Source, path: &str, node: &Node, unit: Unit) -> Result<Vec<Num>, ConfigError> {
    let wrong = |place: Place, found: String, accepted: &str, remedy: &str| {
        ConfigError::new("", path, found).accepted(accepted).remedy(remedy).at(source, place)
    };
    for entry in node.entries() {
        if !["from", "to", "step", "count", "scale"].contains(&entry.key.as_str()) {
            return Err(wrong(
                entry.place,
                format!("the field {} is unknown", entry.key),
                "from, to, step; or from, to, count, scale",
                "delete it",
            ));
        }
    }
    let number = |name: &str| -> Result<Option<Num>, ConfigError> {
        match node.entry(name) {
            None => Ok(None),
            Some(entry) => match entry.node.value().num() {
                Some(num) => Ok(Some(num)),
                None => Err(wrong(
                    entry.node.place,
                    format!("found {name} = {}", entry.node.value()),
                    "a number",
                    "write a plain decimal",
                )),
            },
        }
    };
    let (Some(from), Some(to)) = (number("from")?, number("to")?) else {
        return Err(wrong(
            node.place,
            format!("found {}", node.value()),
            "{from, to, step} or {from, to, count, scale}",
            "give both ends of the range",
        ));
    };
    if from > to {
        return Err(wrong(
            node.place,
            format!("the range is empty: from {from} to {to}"),
            "from at most to",
            "swap the two ends",
        ));
    }
    match (number("step")?, number("count")?) {
        (Some(step), None) => {
            if let Some(scale) = node.entry("scale") {
                return Err(wrong(
                    scale.place,
                    "found scale beside step".to_string(),
                    "scale with count alone",
                    "use count, or delete scale",
                ));
            }
            if step.0 <= 0 || (to.0 - from.0) / step.0 >= MOST {
                let found = format!("found step = {step}");
                return Err(wrong(
                    node.place,
                    found,
                    "a step above 0 that gives at most 1000000 values",
                    "write a larger step",
                ));
            }
            Ok((0..=(to.0 - from.0) / step.0).map(|i| Num(from.0 + i * step.0)).collect())
        }
        (None, Some(count)) => {
            let Some(count) = count.as_i64().filter(|n| (1..=MOST as i64).contains(n)) else {
                return Err(wrong(
                    node.place,
                    format!("found count = {count}"),
                    "a whole number from 1 to 1000000",
                    "say how many values",
                ));
            };
            let log = match node.entry("scale").map(|entry| (entry, entry.node.value())) {
                None => false,
                Some((_, Value::Text(word))) if word == "linear" => false,
                Some((_, Value::Text(word))) if word == "log" => true,
                Some((entry, other)) => {
                    return Err(wrong(
                        entry.node.place,
                        format!("found scale = {other}"),
                        "linear, log",
                        "choose one of the two",
                    ));
                }
            };
            if log && from.0 <= 0 {
                return Err(wrong(
                    node.place,
                    format!("a log scale cannot begin at {from}"),
                    "from above 0",
                    "write a positive from",
                ));
            }
            Ok(points(from, to, count, log, matches!(unit, Unit::Count | Unit::Sec)))
        }
        _ => Err(wrong(
            node.place,
            format!("found {}", node.value()),
            "one of step and count",
            "write either step or count",
        )),
    }
}

fn points(from: Num, to: Num, count: i64, log: bool, whole: bool) -> Vec<Num> {
    if count == 1 {
        return vec![from];
    }
    let inner = |i: i64| {
        let num = if log {
            let (a, b) = (libm::log(from.as_f64()), libm::log(to.as_f64()));
            let value = libm::exp(a + (b - a) * i as f64 / (count - 1) as f64);
            Num::parse(&format!("{value:.12e}")).unwrap_or(from)
        } else {
            Num(from.0
                + (to.0 - from.0) / i128::from(count - 1) * i128::from(i)
                + (to.0 - from.0) % i128::from(count - 1) * i128::from(i) / i128::from(count - 1))
        };
        if whole { round_to(num, Num::ONE) } else { six_digits(num) }
    };
    let mut list = Vec::with_capacity(count as usize);
    for i in 0..count {
        let num = if i == 0 {
            from
        } else if i == count - 1 {
            to
        } else {
            inner(i)
        };
        // monotone, so that a repeat can only be the one before
        if list.last() != Some(&num) {
            list.push(num);
        }
    }
    list
}

/// Half away from zero to a multiple of `unit`.
fn round_to(num: Num, unit: i128) -> Num {
    let half = if num.0 < 0 { -unit / 2 } else { unit / 2 };
    Num((num.0 + half) / unit * unit)
}

fn six_digits(num: Num) -> Num {
    let mut unit = 1i128;
    while num.0.abs() / unit >= 1_000_000 {
        unit *= 10;
    }
    round_to(num, unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn show(list: Vec<Num>) -> String {
        list.iter().map(Num::to_string).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn inner_points_have_six_digits_and_counts_are_whole() {
        let num = |text: &str| Num::parse(text).expect("a decimal");
        assert_eq!(show(points(num("0.4"), num("2.0"), 9, false, false)), "0.4 0.6 0.8 1 1.2 1.4 1.6 1.8 2");
        assert_eq!(show(points(num("1"), num("2"), 4, false, false)), "1 1.33333 1.66667 2");
        assert_eq!(show(points(num("600"), num("14400"), 5, true, true)), "600 1328 2939 6506 14400");
        assert_eq!(show(points(num("0.001"), num("1"), 4, true, false)), "0.001 0.01 0.1 1");
        assert_eq!(show(points(num("1"), num("3"), 9, false, true)), "1 2 3");
        assert_eq!(show(points(num("-1"), num("1"), 4, false, false)), "-1 -0.333333 0.333333 1");
        assert_eq!(show(points(num("5"), num("9"), 1, false, false)), "5");
    }
}
