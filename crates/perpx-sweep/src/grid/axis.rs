//! Axes: a key and the values that it takes.

use super::range::Range;
use perpx_core::config::keys::Kind;
use perpx_core::config::text::{Body, Entry, Place, Source};
use perpx_core::config::{ConfigError, ConfigFile, KeyIx, Value};
use std::collections::BTreeSet;

#[derive(Clone, Debug, PartialEq)]
pub struct Axis {
    pub key: KeyIx,
    /// Dotted path.
    pub path: String,
    /// At least one; no repeats; in the order written.
    pub values: Vec<Value>,
    /// It says neither step nor count: its values are [`LEVELS`](super::LEVELS) of a range.
    pub is_continuous: bool,
    /// Its values lie evenly on a log scale.
    pub is_log: bool,
    /// Where the values stand, by value for lists, else one place for all.
    pub(super) places: Vec<Place>,
}

impl Axis {
    /// Reads `"dotted.key" = [..]`, `{from, to, step}`, `{from, to, count, scale}`, and where `may_be_continuous`
    /// `{from, to, scale}`. With `when` beside them, a list stands under `values`.
    pub(super) fn read(
        source: &Source,
        base: &ConfigFile,
        entry: &Entry,
        may_be_continuous: bool,
    ) -> Result<Axis, ConfigError> {
        let at = |error: ConfigError, place: Place| error.at(source, place);
        let key = base.key(&entry.key).map_err(|error| at(error, entry.place))?;
        let path = base.schema().path(key).to_string();
        if !base.schema().is_axis(key) {
            let error = ConfigError::new("", &path, "this key belongs to the account and cannot be an axis")
                .accepted("keys of the strategy, and fills.*, fees, tiers and seed as world axes")
                .remedy("set it in the strategy file");
            return Err(at(error, entry.place));
        }
        let node = entry.node.entry("values").map_or(&entry.node, |values| &values.node);
        let items: Vec<(Value, Place)> = match &node.body {
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
                let levels = may_be_continuous.then_some(super::LEVELS);
                Range { source, path: &path, node: &entry.node, unit, levels }
                    .numbers()?
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
        let says = |name: &str| entry.node.entry(name).is_some();
        let is_range = matches!(node.body, Body::Map(_));
        let is_log = entry.node.entry("scale").is_some_and(|scale| scale.node.value().text() == Some("log"));
        let is_continuous = is_range && !says("step") && !says("count");
        let mut axis = Axis { key, path, values: Vec::new(), is_continuous, is_log, places: Vec::new() };
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
